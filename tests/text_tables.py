"""A table as a text file, read again."""

from unstir.data import read


def table(tmp_path, content, labels=None):
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, labels)
