"""The page on disk: made once, or kept up to date during training.

runs/swiss_roll-7f3a/
  report.html   the page, with everything in it      report.json   what it shows, as numbers
"""

import math
import time
from pathlib import Path
from typing import Any

from unstir.files import json_bytes, write_file
from unstir.report.comparison import comparison_contents
from unstir.report.contents import Live, contents
from unstir.report.page import render
from unstir.runs.comparison import is_comparison
from unstir.runs.record import Recording
from unstir.training.loop import Step

PAGE = "report.html"
SOONEST = 1.0  # seconds between two pages of a run that is training: nobody looks more often


def report_of(run: Path) -> tuple[Path, dict[str, Any]]:
    """Where the page of a run or of a comparison belongs, and its contents."""
    return run / PAGE, comparison_contents(run) if is_comparison(run) else contents(run)


def write_report(page: Path, found: dict[str, Any]) -> Path:
    """Write the page and, beside it, its contents; each appears whole or stays as it was. The page's path."""
    write_file(page.with_suffix(".json"), json_bytes(found))
    write_file(page, render(found).encode())
    return page


def write_run_report(run: Path) -> Path:
    """The page of a run or of a comparison, written into its folder; its path."""
    return write_report(*report_of(run))


class Watcher:
    """Keeps a run's page up to date: shown every step, it writes the page again after each new look at the held-out loss."""

    def __init__(self, recording: Recording):
        self.recording, self.live = recording, Live(recording)
        self.seen, self.written = recording.held_out, -math.inf

    def __call__(self, step: Step) -> None:  # noqa: ARG002
        """Write the page, if there is something new, and not too soon after the last time."""
        if self.recording.held_out is not self.seen and time.monotonic() - self.written >= SOONEST:
            self.write()

    def write(self) -> None:
        """Write the page as things are now."""
        self.seen = self.recording.held_out
        write_report(self.recording.run.path / PAGE, self.live.contents())
        self.written = time.monotonic()
