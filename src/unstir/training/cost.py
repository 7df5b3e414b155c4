"""What a run will cost, measured before it starts.

    seconds = steps * (a step) + 20 looks at the held-out sets, or one and a tenth of the steps' time if that is less     (1)

A few real steps on a copy of the network say how long one takes on this machine, now, and how much memory is in use while at it.
"""

import copy
import sys
import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from unstir.errors import UsageError
from unstir.training.fitting import LOOKING, LOOKS, Fitting
from unstir.training.loop import train
from unstir.training.problem import prepare, steps_in_block
from unstir.training.processes import here
from unstir.training.state import State

STEADY = 0.95  # of the minutes that a person gives is planned: machines slow down more often than they speed up
LEAST = 3  # steps: the first pays for what is done once


class Cost(NamedTuple):
    """What a run costs: seconds a step, seconds a look at the held-out sets, and the most bytes of memory while at it."""

    step: float
    look: float
    memory: int

    def seconds(self, steps: int) -> float:
        """Of so many steps: (1)."""
        return steps * self.step + min(LOOKS * self.look, self.look + LOOKING * steps * self.step)

    def steps(self, seconds: float) -> int:
        """That fit into so many seconds by (1): at least one."""
        return max(1, int(max(seconds - LOOKS * self.look, (seconds - self.look) / (1 + LOOKING)) / self.step))


def rehearse(fitting: Fitting, seconds: float = 0.5) -> Cost:
    """What training would cost: real steps on a copy of the network, for about that long. The fitting is as it was afterwards.

    Of several processes, the one that asks does its own share of a step. Raises UsageError where it has only a part of the network.
    """
    if fitting.sharded:
        raise UsageError("--optim.sharding full: one process alone cannot measure what a step takes. Use --steps.")
    problem, share = fitting.problem, fitting.recipe.batch_size // here().count
    recipe = replace(fitting.recipe, steps=max(fitting.recipe.steps, LEAST), batch_size=share)
    began, ends = time.perf_counter(), []
    for step in train(State(copy.deepcopy(fitting.state.network), recipe), problem, recipe):
        ends.append(time.perf_counter())
        if step.number >= LEAST and ends[-1] - began > seconds:
            break
    drawing = time.perf_counter()
    prepare(problem, recipe, 0)  # once for every block of steps
    drawn = (time.perf_counter() - drawing) / steps_in_block(problem, recipe)
    looking = time.perf_counter()
    fitting.held_out()
    return Cost(drawn + float(np.median(np.diff(ends))), time.perf_counter() - looking, peak_memory(fitting.device))


def peak_memory(device: torch.device) -> int:
    """The most memory that has been in use so far, in bytes: of the device if it has its own, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    import resource  # which Windows does not have, and `fit` does not need

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
