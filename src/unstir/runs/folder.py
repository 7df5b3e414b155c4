"""A run folder that this process may write to. `unstir.runs` says what is in it.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as place, Run.create(Path(place) / "r", "r", {"run.json": {"status": "running"}}) as run:
...     run.note(status="finished")
...     read_about(run.path)
{'status': 'finished'}
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unstir.errors import StorageError
from unstir.files import json_bytes, refuse_existing, storage_errors, write_file, write_whole
from unstir.runs.about import ABOUT, read_about
from unstir.runs.lock import release_lock, take_lock
from unstir.words import quoted

PAGE = "report.html"  # the page of the run, which may be there or not

Content = str | dict[str, Any] | list[Any]
"""Of a file: text, or what is written as JSON."""


class Run:
    """A run folder whose lock this process has. Use it in a `with`: leaving it releases the lock."""

    def __init__(self, path: Path, lock: int):
        self.path, self._lock = path, lock

    @classmethod
    def create(cls, path: Path | None, name: str, files: Mapping[str, Content]) -> "Run":
        """Make a new folder with these files at `path`, or at `runs/<name>-<four random digits>`. StorageError where it exists."""
        path = path or Path("runs") / f"{Path(name).absolute().stem}-{secrets.token_hex(2)}"
        refuse_taken(path)
        with write_whole(path) as temporary:
            for file, content in files.items():
                write_file(temporary / file, _bytes(content))
            lock = take_lock(temporary)
        return cls(path, lock)

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Open an existing folder to go on with it. StorageError where it is no run, or another process has its lock."""
        read_about(path)
        return cls(path, take_lock(path))

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        release_lock(self._lock)

    def write(self, name: str, content: Content) -> None:
        """Write a file of the run, whole or not at all."""
        with self.still_there():
            write_file(self.path / name, _bytes(content))

    def note(self, **changes: Any) -> None:
        """Change these entries of `run.json`; None takes one out."""
        entries = read_about(self.path) | changes
        self.write(ABOUT, {name: value for name, value in entries.items() if value is not None})

    def folder(self, name: str) -> Path:
        """The path of a sub-folder, which is made if it does not exist."""
        with self.still_there(), storage_errors(self.path):
            (self.path / name).mkdir(exist_ok=True)
        return self.path / name

    @contextmanager
    def still_there(self) -> Iterator[None]:
        """Around everything that writes: StorageError where the folder was moved or deleted meanwhile, so that no second one is made."""
        if not self.path.is_dir():
            raise StorageError(
                f"{self.path} has gone: it was moved or deleted while it was in use. Nothing was written elsewhere."
            )
        yield


def refuse_taken(path: Path) -> None:
    """Raise StorageError where there is something at the path of a new run; where that is a run, the message names `resume`."""
    with storage_errors(path):
        if (path / ABOUT).exists():
            raise StorageError(f"{path} exists already. Go on with `unstir resume {quoted(path)}`, or choose another --out.")
    refuse_existing(path)


def _bytes(content: Content) -> bytes:
    return content.encode() if isinstance(content, str) else json_bytes(content)
