"""How many threads compute: one, or as many as torch has chosen, whichever is the quicker now. It is measured, in about a tenth of a second.

On a busy machine, threads wait for each other at the end of every product: 300 steps of a small MLP took 51 s with two threads and 14 s with
one. Who sets `OMP_NUM_THREADS` or `MKL_NUM_THREADS` has decided, and nothing is measured. With another number of threads, sums of many numbers
are added in another order, so the number is part of a run's record, and a resumed run uses it again. In one process, what was found for a kind
of network is kept, so that two equal trainings are equal to the bit.

>>> took = compared(lambda: time.sleep(0.001), 2)
>>> sorted(took), quickest({1: 0.01, 2: 0.02}), quickest({1: 0.02, 2: 0.01})
([1, 2], 1, 2)
"""

import copy
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from unstir.training.loop import train
from unstir.training.processes import here
from unstir.training.state import State

if TYPE_CHECKING:
    from unstir.training.fitting import Fitting

ASKED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
MEASURED, ROUNDS = 0.025, 2  # seconds of each measurement, and how often both numbers are measured in turn
WORTH = 20  # a measurement is made where the work takes this many times as long

_found: dict[tuple[Any, ...], int] = {}


def decided() -> bool:
    """Whether there is nothing to choose: the user has, or there is one thread."""
    return any(name in os.environ for name in ASKED) or torch.get_num_threads() == 1


@contextmanager
def using(threads: int) -> Iterator[None]:
    """So many threads inside the block, and afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def compared(step: Callable[[], Any], threads: int) -> dict[int, float]:
    """The seconds of a step with one thread and with so many."""
    ends: dict[int, list[float]] = {threads: [], 1: []}
    for _ in range(ROUNDS):
        for number, took in ends.items():
            with using(number):
                step()  # new threads have to start
                until = time.perf_counter() + MEASURED
                while not took or time.perf_counter() < until:
                    began = time.perf_counter()
                    step()
                    took.append(time.perf_counter() - began)
    return {number: median(took) for number, took in ends.items()}


def quickest(took: Mapping[int, float]) -> int:
    """The number of threads with the shortest step."""
    return min(took, key=lambda number: took[number])


def for_training(fitting: "Fitting") -> int:
    """The number of threads for this run: those that there are where the user has decided, the run is short, or a GPU or others take part."""
    there, recipe = torch.get_num_threads(), fitting.recipe
    if decided() or fitting.device.type != "cpu" or here().count > 1:
        return there
    kind = ("train", there, recipe.batch_size, fitting.problem.rows.shape[1:], sum(w.numel() for w in fitting.state.weights))
    if kind not in _found:
        state = State(copy.deepcopy(fitting.state.network), recipe)
        steps = train(state, fitting.problem, recipe)
        next(steps)  # the first one sets things up
        began = time.perf_counter()
        if next(steps, None) is None or recipe.steps * (time.perf_counter() - began) < WORTH * 2 * ROUNDS * MEASURED:
            return there
        _found[kind] = quickest(compared(lambda: next(steps, None), there))
    return _found[kind]


def for_sampling(draw: Callable[[], Any], share: float) -> int:
    """The number of threads for a sample of which `draw` draws this share, to try."""
    there = torch.get_num_threads()
    if decided() or share > 1 / WORTH:
        return there
    began = time.perf_counter()
    draw()
    if (time.perf_counter() - began) / share < WORTH * 2 * ROUNDS * MEASURED:
        return there
    return quickest(compared(draw, there))
