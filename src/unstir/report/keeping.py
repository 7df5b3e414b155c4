"""Writes the page to disk: once, or again and again during training.

runs/swiss_roll-7f3a/
  report.html   the page, a single file      report.json   its contents, for programs
"""

import math
import time
from pathlib import Path
from typing import Any

from unstir.devices import AUTO
from unstir.files import json_bytes, write_file
from unstir.report.comparison import comparison_contents
from unstir.report.contents import Live, contents
from unstir.report.page import render
from unstir.runs.comparison import is_comparison
from unstir.runs.folder import PAGE
from unstir.runs.record import Recording
from unstir.training.loop import Step

SOONEST = 1.0  # seconds at least between two writings of the page during training


def report_of(run: Path, device: str = AUTO) -> tuple[Path, dict[str, Any]]:
    """The path of the page of a run or of a comparison, and its contents, computed on a device by name."""
    return run / PAGE, comparison_contents(run) if is_comparison(run) else contents(run, device)


def write_report(page: Path, found: dict[str, Any]) -> Path:
    """Write the page and, beside it, its contents; each file is either replaced as a whole or left as it was. Returns the page's path."""
    write_file(page.with_suffix(".json"), json_bytes(found))
    write_file(page, render(found).encode())
    return page


def write_run_report(run: Path, device: str = AUTO) -> Path:
    """Write the page of a run or of a comparison into its folder, computed on a device by name. Returns the page's path."""
    return write_report(*report_of(run, device))


class Watcher:
    """Keeps a run's page up to date: called after each step, it writes the page again whenever there is a new held-out loss."""

    def __init__(self, recording: Recording):
        self.recording, self.live = recording, Live(recording)
        self.seen, self.written = recording.held_out, -math.inf

    def __call__(self, step: Step) -> None:  # noqa: ARG002
        """Write the page if there is a new held-out loss and the last writing is at least a second ago."""
        if self.recording.held_out is not self.seen and time.monotonic() - self.written >= SOONEST:
            self.write()

    def write(self, drawing: bool = True) -> None:
        """Write the page now; without `drawing` it shows the samples of the last time, whatever their age."""
        self.seen = self.recording.held_out
        write_report(self.recording.run.path / PAGE, self.live.contents(drawing))
        self.written = time.monotonic()
