"""The steps of a `Fitting`: training, with looks between the steps, and an end that may be moved.

    repeat:  a step;  is the end moved?  (`allowance`)  is there a look?  (`keeping`)  yield the step                        (1)

The end is moved before anybody sees the step, so a checkpoint of this step holds the decision.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from unstir.errors import UsageError, out_of_memory
from unstir.training.loop import Step, train
from unstir.training.processes import here
from unstir.training.recipe import Decision
from unstir.words import counted

if TYPE_CHECKING:
    from unstir.training.fitting import Fitting


def steps_of(fitting: "Fitting") -> Iterator[Step]:
    """Eq. (1), from the current step to the last, in step with all processes; process 0 looks for all.

    With several processes the end is not moved: their clocks would have to agree. Raises UsageError if memory runs out.
    """
    if fitting.state.meet(fitting.keeping.over):
        return
    if here().count > 1:
        fitting.allowance = None
    if fitting.allowance:
        fitting.allowance.begin()
    try:
        yield from _with_moves(fitting)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        rows, step = fitting.recipe.batch_size, fitting.state.step
        less = f"--batch-size {max(1, rows // 2)}" if rows > 1 else f"--network.width {max(1, fitting.config.network.width // 2)}"
        raise UsageError(
            f"step {step + 1:,}: there is not enough memory on {fitting.device} for a step of {counted(rows, 'row')}. Nothing was "
            f"updated, and what was saved stays. Train anew with {less}, or go on with this run where more memory is free."
        ) from error


def _with_moves(fitting: "Fitting") -> Iterator[Step]:
    """The loop of (1)."""
    ended = False
    while not ended and fitting.state.step < fitting.recipe.steps:
        recipe = fitting.recipe
        with closing(train(fitting.state, fitting.problem, recipe, here(), fitting.device)) as steps:
            for step in steps:
                if decision := _decided(fitting, step.number):
                    fitting.again(decision)
                if fitting.keeping.due(step.number):
                    ended = _looked(fitting, step.number)
                yield step
                if ended or fitting.recipe is not recipe:
                    break


def _decided(fitting: "Fitting", k: int) -> Decision | None:
    """The decision after step k: the one that this run took when it was here before, or a new one; None if the end stays."""
    allowance = fitting.allowance
    if allowance is None or k >= fitting.recipe.steps:
        return None
    new = allowance.decide(k, fitting.recipe.steps)
    return fitting.coming.pop(k, None) if fitting.coming else new


def _looked(fitting: "Fitting", k: int) -> bool:
    """A look after step k; whether training ends by it."""
    if here().rank == 0:
        began = time.monotonic()
        fitting.keeping.see(k, fitting.held_out(), fitting.state.averaged)
        if fitting.allowance:
            fitting.allowance.looked(time.monotonic() - began)
    return bool(fitting.state.meet(fitting.keeping.over))
