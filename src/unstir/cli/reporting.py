"""`unstir report` and `animate`, and the page that `train --report` and `compare` keep beside what they make.

runs/swiss_roll-7f3a/
  report.html   the page, with everything in it      report.json   what it shows, as numbers
"""

import json
import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from unstir.cli.progress import note
from unstir.errors import StorageError, UsageError
from unstir.files import json_bytes, refuse_existing, storage_errors, write_file
from unstir.plots import film
from unstir.report import film as room
from unstir.report.comparison import comparison_contents
from unstir.report.contents import Live, contents
from unstir.report.page import render
from unstir.runs.about import read_about
from unstir.runs.record import Recording
from unstir.training.loop import Step

PAGE = "report.html"
SOONEST = 1.0  # seconds between two pages of a run that is training: nobody looks more often


def report(run: Path, out: Path | None, as_object: bool) -> None:
    """The command: a run's or a comparison's page; its path is the result."""
    started = time.monotonic()
    read_about(run)
    if out is not None:
        if out.suffix != ".html":
            raise UsageError(f"--out {out}: a report is an .html file.")
        for path in (out, out.with_suffix(".json")):
            refuse_existing(path)
        with storage_errors(out):
            out.parent.mkdir(parents=True, exist_ok=True)
    found = comparison_contents(run) if (run / "comparison.json").exists() else contents(run)
    page = write_report(out or run / PAGE, found)
    if as_object:
        sections = [name for name in ("forward", "reverse", "schedules", "comparison", "hard", "good", "run") if found.get(name)]
        seconds, size = time.monotonic() - started, page.stat().st_size
        numbers = str(page.with_suffix(".json"))
        print(json.dumps({"report": str(page), "json": numbers, "sections": sections, "bytes": size, "seconds": seconds}))
    else:
        print(page)


def animate(run: Path, out: Path | None, seconds: float, pixels: int, rate: int, as_object: bool) -> None:
    """The command: the film's path is the result. It appears whole or not at all."""
    read_about(run)
    started, path = time.monotonic(), out or run / "figures" / "film.gif"
    if out is not None:
        refuse_existing(path)
    film.writer(path, rate)  # refuses what it cannot write before anything is computed
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / path.name
        count = room.animate(run, whole, seconds, pixels, rate)
        content = whole.read_bytes()
    write_file(path, content)
    if as_object:
        print(json.dumps({"film": str(path), "pictures": count, "bytes": len(content), "seconds": time.monotonic() - started}))
    else:
        print(path)


def write_report(page: Path, found: dict[str, Any]) -> Path:
    """The page and, beside it, its contents, each whole or as it was; the page's path."""
    write_file(page.with_suffix(".json"), json_bytes(found))
    write_file(page, render(found).encode())
    return page


class Watcher:
    """Keeps a run's page up to date: shown every step, it writes the page anew where there was a look at the held-out loss since."""

    def __init__(self, recording: Recording):
        self.recording, self.live = recording, Live(recording)
        self.seen, self.written = recording.held_out, -math.inf

    def __call__(self, step: Step) -> None:  # noqa: ARG002
        """Write, if there is something new, and not too soon after the last time."""
        if self.recording.held_out is not self.seen and time.monotonic() - self.written >= SOONEST:
            self.write()

    def write(self) -> None:
        """The page as things are now."""
        self.seen = self.recording.held_out
        write_report(self.recording.run.path / PAGE, self.live.contents())
        self.written = time.monotonic()


@contextmanager
def reported(recording: Recording, quiet: bool) -> Iterator[Watcher]:
    """What to show every step to; when the block ends the page says how, and in full where it ended well."""
    page = recording.run.path / PAGE
    if not quiet:
        note(f"page: {page}, written anew as it trains.")
    watcher = Watcher(recording)
    try:
        yield watcher
    except BaseException:
        with suppress(StorageError):  # the folder may be what failed
            watcher.write()
        raise
    write_report(page, contents(recording.run.path))
