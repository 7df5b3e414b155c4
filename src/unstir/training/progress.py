"""The progress of `unstir.fit`: a bar on a terminal, a line that updates itself in a notebook, nothing elsewhere."""

import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO, cast

from torch import Tensor

from unstir.training.fitting import Fitting
from unstir.training.loop import Step, read
from unstir.training.pace import RECENT, Pace
from unstir.training.streams import Stream

INTERVAL = 0.25  # seconds between two updates of the line in a notebook, and between two looks at a GPU
SMOOTH = 0.98  # decay of the moving average of the loss that is shown


def shown(fitting: Fitting, show: bool | None) -> Iterator[Step]:
    """The steps of a fitting, with their progress shown if `show`; None shows it in a notebook or on a terminal."""
    notebook = in_notebook()
    if show is False or (show is None and not notebook and not Stream(sys.stderr).isatty()):
        return fitting.steps()
    return _in_notebook(fitting) if notebook else _on_terminal(fitting)


def in_notebook() -> bool:
    """Whether this runs in a notebook, where IPython has a kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and shell.has_trait("kernel")


def line(step: Step, total: int, loss: float, seconds: float) -> str:
    """The progress of training in one line, where a step takes so many seconds.

    >>> line(Step(50, 0.5, 1e-3, None, None), 200, 0.25, 0.2)
    'step 50 of 200, loss 0.2500, 5 steps/s, 30 s left'
    """
    speed, left = 1 / max(seconds, 1e-9), (total - step.number) * seconds
    return f"step {step.number:,} of {total:,}, loss {loss:.4f}, {speed:.0f} steps/s, {left:.0f} s left"


def _smoothed(fitting: Fitting) -> Iterator[tuple[Step, float]]:
    smooth, waiting, last = float("nan"), [], 0.0
    for step in fitting.steps():
        waiting.append(step.loss)
        now = time.monotonic()
        if (
            not isinstance(step.loss, Tensor) or now - last >= INTERVAL or fitting.over
        ):  # to look at a device's numbers is to wait
            for loss in read(waiting):
                smooth = loss if smooth != smooth else SMOOTH * smooth + (1 - SMOOTH) * loss
            waiting, last = [], now
        yield step, smooth


def _on_terminal(fitting: Fitting) -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: list[Any] = [TextColumn("training"), BarColumn(bar_width=None), MofNCompleteColumn()]
    columns += [TextColumn("loss {task.fields[loss]:.4f}"), TimeRemainingColumn(compact=True)]
    console = Console(file=cast("TextIO", Stream(sys.stderr, courtesy=True)))  # which cannot end the training
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=fitting.recipe.steps, loss=float("nan"))
        for step, loss in _smoothed(fitting):
            progress.update(task, completed=step.number, total=fitting.recipe.steps, loss=loss)
            yield step


def _in_notebook(fitting: Fitting) -> Iterator[Step]:
    from IPython.display import display

    pace = Pace(RECENT)
    cell, last = display({"text/plain": "training"}, raw=True, display_id=True), time.monotonic()
    for step, loss in _smoothed(fitting):
        now = time.monotonic()
        pace.step(now)
        if now - last >= INTERVAL or fitting.over:
            last = now
            cell.update({"text/plain": line(step, fitting.recipe.steps, loss, pace.seconds)}, raw=True)
        yield step
