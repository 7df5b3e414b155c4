"""Where data is read from: what is not there or no file is refused at once."""

import os
import subprocess
import sys

import pytest

from unstir.data import load, read
from unstir.errors import DataError, StorageError, UsageError


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("swiss-roll", UsageError, "did you mean 'swiss_roll'"),
        ("mons", UsageError, "did you mean 'moons'"),
        ("zzz", UsageError, "unknown data set 'zzz': Known: checkerboard"),
        ("moons.csv", StorageError, "no such file: 'moons.csv'"),
        ("data/moons", StorageError, "no such file: 'data/moons'"),
        ("folder", DataError, r"the folder 'folder' holds no images \(.bmp, .*, and nothing else"),
        ("notes.log", UsageError, r"end in '.log' are not known; known: .*.csv, .*.npy, .*or a folder of images"),
    ],
)
def test_a_source_that_is_not_there_or_not_known(tmp_path, monkeypatch, source, error, said):
    # Catches exit code 5 for a mistyped name, and exit code 1 for a missing file.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.log").write_text("1 2")
    with pytest.raises(error, match=said):
        load(source)


def test_a_path_that_is_no_file_is_refused_at_once(tmp_path):
    """A pipe, a device, a loop, nobody's home, a name too long. Catches a read that waits for ever, and errors of Python's own."""
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "null.csv").symlink_to("/dev/null")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "there").write_text("")
    for name, error, said in [
        ("pipe.npy", StorageError, "pipe or a device"),
        ("null.csv", StorageError, "pipe or a device"),
        ("loop.csv", StorageError, "symbolic links"),
        ("there/a.csv", StorageError, "no such file"),
        ("a" * 300 + ".csv", StorageError, "too long"),
        ("a\0.csv", UsageError, "not the name of a file"),
    ]:
        with pytest.raises(error, match=said):
            read(tmp_path / name)
    with pytest.raises(UsageError, match="not the name of a file"):
        read("~nobody-of-that-name/a.csv")


def test_the_package_does_not_load_torch():
    # Catches an import that makes `--help` and `inspect` take seconds.
    code = "import sys, unstir.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
