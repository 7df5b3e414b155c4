"""How long a run will take and how much memory it needs, measured before it starts.

    seconds = steps s + min(20 h, h + steps s / 10)        s: a step;  h: an evaluation on the held-out sets     (1)

A few real steps on a copy of the network show how long a step takes on this machine, now, and how much memory it uses.
"""

import copy
import sys
import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from unstir.errors import UsageError
from unstir.steady import steady
from unstir.training.fitting import LOOKING, LOOKS, Fitting
from unstir.training.loop import train
from unstir.training.problem import steps_in_block
from unstir.training.processes import here
from unstir.training.state import State
from unstir.training.supply import supply

STEADY = 0.97  # the share of the given minutes that is planned, because machines slow down more often than they speed up
MOST_MINUTES = 366 * 24 * 60  # that can be asked for
LEAST = 3  # steps measured at least: the first one is slower, because it includes set-up


class Cost(NamedTuple):
    """What a run costs: the seconds of a step, those of an evaluation on the held-out sets, and the peak memory in bytes."""

    step: float
    look: float
    memory: int

    def seconds(self, steps: int) -> float:
        """The seconds that this many steps take, by (1)."""
        return steps * self.step + min(LOOKS * self.look, self.look + LOOKING * steps * self.step)

    def steps(self, seconds: float) -> int:
        """The number of steps that fit into this many seconds by (1): at least one."""
        return max(1, int(max(seconds - LOOKS * self.look, (seconds - self.look) / (1 + LOOKING)) / self.step))


@steady
def rehearse(fitting: Fitting, seconds: float = 0.5) -> Cost:
    """Measure the cost of training by real steps on a copy of the network, for about `seconds`. The fitting itself does not change.

    With several processes, this one measures its own share of a step. Raises UsageError if it holds only a part of the network.
    """
    if fitting.sharded:
        raise UsageError("--optim.sharding full: one process alone cannot measure how long a step takes. Use --steps.")
    problem, share = fitting.problem, fitting.recipe.batch_size // here().count
    recipe = replace(fitting.recipe, steps=max(fitting.recipe.steps, LEAST), batch_size=share)
    began, ends = time.perf_counter(), []
    for step in train(State(copy.deepcopy(fitting.state.network), recipe), problem, recipe):
        float(step.loss)  # waits for a device that computes on its own
        ends.append(time.perf_counter())
        if step.number >= LEAST and ends[-1] - began > seconds:
            break
    with supply(problem, recipe, fitting.device, 0) as blocks:
        drawing = time.perf_counter()
        blocks(0)  # once for every block of steps
        drawn = (time.perf_counter() - drawing) / steps_in_block(problem, recipe)
    looking = time.perf_counter()
    fitting.held_out()
    return Cost(drawn + float(np.median(np.diff(ends))), time.perf_counter() - looking, peak_memory(fitting.device))


def peak_memory(device: torch.device) -> int:
    """The peak memory so far, in bytes: of the device if it has its own memory, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    import resource  # imported here, because Windows does not have it and `fit` does not need it

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
