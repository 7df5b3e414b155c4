"""Progress on stderr: live on a terminal, one plain line at intervals elsewhere."""

import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from unstir.cli.parts.output import live
from unstir.runs.record import Recording
from unstir.training.loop import Step, read
from unstir.training.pace import RECENT, Pace
from unstir.words import duration, printable

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
        self.pace = Pace(RECENT)

    @property
    def total(self) -> int:
        """The number of steps as it is planned now."""
        return self.recording.fitting.recipe.steps

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
            TextColumn("left {task.fields[left]}"),
        )
        done, smooth, waiting = self.recording.fitting.state.step, float("nan"), []
        with Progress(*columns, console=Console(stderr=True), refresh_per_second=8) as progress:
            nan = float("nan")
            task = progress.add_task("", total=self.total, completed=done, loss=nan, held_out=nan, speed=0.0, left="")
            for step in self.recording.steps():
                self.pace.step()
                waiting.append(step.loss)
                if step.number % 10 == 0 or self.recording.fitting.over:
                    for loss in read(waiting):
                        smooth = loss if smooth != smooth else 0.98 * smooth + 0.02 * loss
                    waiting = []
                    each, held_out = self.pace.seconds, self.recording.held_out.loss
                    said = {"loss": smooth, "held_out": held_out, "speed": 1 / max(each, 1e-9)}
                    left = duration((self.total - step.number) * each)
                    progress.update(task, completed=step.number, total=self.total, left=left, **said)
                yield step

    def _plain(self) -> Iterator[Step]:
        last = time.monotonic()
        for step in self.recording.steps():
            now = time.monotonic()
            self.pace.step(now)
            if now - last >= INTERVAL or self.recording.fitting.over:
                last, each = now, self.pace.seconds
                note(
                    f"step {step.number}/{self.total}  loss {step.loss:.4f}  held-out {self.recording.held_out.loss:.4f}  "
                    f"{1 / max(each, 1e-9):.0f} steps/s  {(self.total - step.number) * each:.0f} s left"
                )
            yield step
