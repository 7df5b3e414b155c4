"""Progress on stderr: live on a terminal, one plain line at intervals elsewhere."""

import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from unstir.cli.parts.output import live
from unstir.runs.record import Recording
from unstir.training.loop import Step, read
from unstir.words import printable

INTERVAL = 5.0  # seconds between plain lines


def note(text: str) -> None:
    """A line on stderr. Progress and other lines that --quiet leaves out are the caller's to leave out."""
    print(printable(text), file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """A warning on stderr: what a person has to know. It is shown with --quiet and with --json, too."""
    note(f"warning: {text}")


class Display:
    """Shows training as it goes: steps done, loss, held-out loss, speed, time left."""

    def __init__(self, recording: Recording, quiet: bool):
        self.recording, self.quiet = recording, quiet
        self.total = recording.fitting.recipe.steps

    def watch(self) -> Iterator[Step]:
        """Yield the steps of the recording, unchanged, and show each."""
        if self.quiet:
            yield from self.recording.steps()
        elif live():
            yield from self._live()
        else:
            yield from self._plain()

    def _live(self) -> Iterator[Step]:
        columns = (
            TextColumn("training"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("loss [bold]{task.fields[loss]:.4f}[/]  held-out [bold]{task.fields[held_out]:.4f}[/]"),
            TextColumn("{task.fields[speed]:.0f} steps/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
        )
        started, done, smooth, waiting = time.monotonic(), self.recording.fitting.state.step, float("nan"), []
        with Progress(*columns, console=Console(stderr=True), refresh_per_second=8) as progress:
            nan = float("nan")
            task = progress.add_task("", total=self.total, completed=done, loss=nan, held_out=nan, speed=0.0)
            for step in self.recording.steps():
                waiting.append(step.loss)
                if step.number % 10 == 0 or self.recording.fitting.over:
                    for loss in read(waiting):
                        smooth = loss if smooth != smooth else 0.98 * smooth + 0.02 * loss
                    waiting = []
                    speed = (step.number - done) / (time.monotonic() - started)
                    progress.update(task, completed=step.number, loss=smooth, held_out=self.recording.held_out.loss, speed=speed)
                yield step

    def _plain(self) -> Iterator[Step]:
        started = last = time.monotonic()
        done = self.recording.fitting.state.step
        for step in self.recording.steps():
            now = time.monotonic()
            if now - last >= INTERVAL or self.recording.fitting.over:
                last, speed = now, (step.number - done) / (now - started)
                left = (self.total - step.number) / speed
                note(
                    f"step {step.number}/{self.total}  loss {step.loss:.4f}  held-out {self.recording.held_out.loss:.4f}  "
                    f"{speed:.0f} steps/s  {left:.0f} s left"
                )
            yield step
