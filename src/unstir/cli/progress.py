"""Progress on stderr: live on a terminal, one plain line at intervals elsewhere."""

import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from unstir.fitting import Fitting, HeldOut
from unstir.train import Step

INTERVAL = 5.0  # seconds between plain lines


def note(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


class Display:
    """Shows the steps that pass through `watch`: steps done, loss, held-out loss, speed, time left."""

    def __init__(self, total: int, quiet: bool):
        self.total, self.quiet, self.held_out = total, quiet, float("nan")

    def watch(self, fitting: Fitting) -> Iterator[Step]:
        """The steps of a fitting, unchanged, shown as they go."""
        if self.quiet:
            yield from fitting.steps()
        elif sys.stderr.isatty():
            yield from self._live(fitting)
        else:
            yield from self._plain(fitting)

    def saw(self, held_out: HeldOut) -> None:
        """The held-out loss to show from now on."""
        self.held_out = held_out.loss

    def _live(self, fitting: Fitting) -> Iterator[Step]:
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
        started, done, smooth = time.monotonic(), fitting.state.step, float("nan")
        with Progress(*columns, console=Console(stderr=True), refresh_per_second=8) as progress:
            nan = float("nan")
            task = progress.add_task("", total=self.total, completed=done, loss=nan, held_out=nan, speed=0.0)
            for step in fitting.steps():
                smooth = step.loss if smooth != smooth else 0.98 * smooth + 0.02 * step.loss
                if step.number % 10 == 0 or step.number == self.total:
                    speed = (step.number - done) / (time.monotonic() - started)
                    progress.update(task, completed=step.number, loss=smooth, held_out=self.held_out, speed=speed)
                yield step

    def _plain(self, fitting: Fitting) -> Iterator[Step]:
        started = last = time.monotonic()
        done = fitting.state.step
        for step in fitting.steps():
            now = time.monotonic()
            if now - last >= INTERVAL or step.number == self.total:
                last, speed = now, (step.number - done) / (now - started)
                left = (self.total - step.number) / speed
                note(
                    f"step {step.number}/{self.total}  loss {step.loss:.4f}  held-out {self.held_out:.4f}  "
                    f"{speed:.0f} steps/s  {left:.0f} s left"
                )
            yield step
