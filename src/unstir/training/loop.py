"""The training loop: a generator of steps. The caller owns printing, evaluation and checkpoints.

    repeat:  draw x_t (`problem`),  descend on errors(F(x_t), wanted) (`diffusion.loss`),  average the weights (`recipe`)   (1)

(1) is algorithm 1 of Ho et al. 2020. With several processes, each one draws all random numbers and descends on its share of every batch, so
the number of processes changes only the order in which numbers are added. What a network of the caller's own draws by itself, as dropout
does, depends on the step and the process.

    >>> from unstir.diffusion.chains import linear
    >>> from unstir.networks.mlp import MLP
    >>> problem = Problem(linear(), "eps", torch.randn(100, 2))
    >>> state = State(MLP(2), recipe := Recipe(steps=3, batch_size=8))
    >>> [step.number for step in train(state, problem, recipe)]
    [1, 2, 3]
"""

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unstir.diffusion.loss import Example
from unstir.seeds import seed_everywhere
from unstir.steady import steady
from unstir.training.capture import Compiled, way_on
from unstir.training.problem import Problem, steps_in_block
from unstir.training.processes import ALONE, Processes
from unstir.training.recipe import ON, SHARDED, Recipe, ema_decay
from unstir.training.state import State
from unstir.training.supply import supply
from unstir.training.update import PATIENT, Deferred, Drawn, Immediate


class Step(NamedTuple):
    """The result of a step: its number from 1, the loss, the learning rate, and each row's time and error (B,).

    On a device that computes on its own, the loss is a tensor () that is not known yet: to look at it is to wait. See `read`.
    """

    number: int
    loss: float | Tensor
    lr: float
    t: Tensor
    errors: Tensor


@steady
def train(
    state: State,
    problem: Problem,
    recipe: Recipe,
    together: Processes = ALONE,
    device: torch.device | None = None,
    until: int | None = None,
) -> Generator[Step, None, None]:
    """Train by (1) from state.step to recipe.steps, changing the state; yields after each step, with the losses of all processes.

    If `until` is given, training pauses after that step. Called again, it goes on from state.step exactly, as one call would have; the
    recipe may then have other steps or another learning rate, which hold from there on.
    If the recipe says that the processes share the state and they do not yet, each process keeps its part on `device`, or else where the
    weights are. Raises NumericsError if the loss or the gradient is not finite, and the state stays as it was before that step; the message
    has the step, the noise level and the range of the data. On a device that computes on its own it is raised when the state is read
    next, at the latest after `PATIENT` steps.
    """
    if recipe.sharding == SHARDED and together.count > 1 and state.together is ALONE:
        state.shard(together, str(device or state.weights[0].device))
    device, mine = state.weights[0].device, together.share(recipe.batch_size)
    last = recipe.steps if until is None else min(until, recipe.steps)
    take: Callable[[Drawn, float, float], tuple[float | Tensor, Tensor]] | None = None
    each = steps_in_block(problem, recipe)
    with supply(problem, recipe, device, last, state.rows) as blocks:
        while state.step < last:
            block, first = divmod(state.step, each)
            prepared = blocks(block)
            for i in range(first, min(each, last - block * each)):
                example = Example(*(part[i][mine].to(device) for part in prepared.example))
                cond = None if prepared.cond is None else prepared.cond[i][mine].to(device)
                drawn = Drawn(example, cond, prepared.t[i])
                take = take or _taker(state, problem, recipe, together, drawn)
                state.network.train()
                seed_everywhere(recipe.seed, "step", state.step, together.rank)
                lr = recipe.rate(state.step)
                loss, row_errors = take(drawn, lr, ema_decay(state.step, recipe.ema))
                state.step += 1
                if state.step % PATIENT == 0 or state.step == last:
                    state.settle()
                yield Step(state.step, loss, lr, drawn.t, row_errors)


def read(losses: Sequence[float | Tensor]) -> list[float]:
    """The losses of steps as numbers. Those that are still on a device are read at once.

    >>> read([0.5, torch.tensor(0.25)])
    [0.5, 0.25]
    """
    waiting = [loss for loss in losses if isinstance(loss, Tensor)]
    found = iter(torch.stack(waiting).tolist() if waiting else [])
    return [next(found) if isinstance(loss, Tensor) else loss for loss in losses]


def _taker(
    state: State, problem: Problem, recipe: Recipe, together: Processes, drawn: Drawn
) -> Callable[[Drawn, float, float], tuple[float | Tensor, Tensor]]:
    """What takes a step: deferred where the device can, and checked at once elsewhere, and with several processes."""
    network = together.replicate(state.network) if state.together is ALONE else state.network
    way = way_on(state.weights[0].device)
    compiled = recipe.compile == ON and together.count == 1
    if not way.defers or together.count > 1:
        return Immediate(state, problem, recipe, together, Compiled(state.network) if compiled else network).take
    found = state.deferred
    if not isinstance(found, Deferred) or not found.suits(problem, recipe):
        seed_everywhere(recipe.seed, "step", state.step, together.rank)
        state.network.train()
        found = state.deferred = Deferred(state, problem, recipe, Compiled(state.network) if compiled else network, way, drawn)
    found.begin()
    return found.take
