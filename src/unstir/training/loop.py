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

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from unstir.diffusion.loss import Example, errors
from unstir.errors import NumericsError
from unstir.seeds import seed_everywhere
from unstir.steady import steady
from unstir.training.problem import Problem, prepare, steps_in_block
from unstir.training.processes import ALONE, Processes, entire
from unstir.training.recipe import SHARDED, Recipe, ema_decay
from unstir.training.state import State

LOOKED_AT = 2**22  # numbers of the data whose range an error message states


class Step(NamedTuple):
    """The result of a step: its number from 1, the loss, the learning rate, and each row's time and error (B,)."""

    number: int
    loss: float
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
) -> Iterator[Step]:
    """Train by (1) from state.step to recipe.steps, changing the state; yields after each step, with the losses of all processes.

    If `until` is given, training pauses after that step. Called again, it goes on from state.step exactly, as one call would have; the
    recipe may then have other steps or another learning rate, which hold from there on.
    If the recipe says that the processes share the state and they do not yet, each process keeps its part on `device`, or else where the
    weights are. Raises NumericsError before the update if the loss or the gradient is not finite; the message has the step, the noise
    level and the range of the data.
    """
    if recipe.sharding == SHARDED and together.count > 1 and state.together is ALONE:
        state.shard(together, str(device or state.weights[0].device))
    network = together.replicate(state.network) if state.together is ALONE else state.network
    device, mine = state.weights[0].device, together.share(recipe.batch_size)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")
    last = recipe.steps if until is None else min(until, recipe.steps)
    while state.step < last:
        block, first = divmod(state.step, steps_in_block(problem, recipe))
        prepared = prepare(problem, recipe, block)
        for i in range(first, min(len(prepared.t), last - block * len(prepared.t))):
            example = Example(*(part[i][mine].to(device) for part in prepared.example))
            cond = None if prepared.cond is None else prepared.cond[i][mine].to(device)
            network.train()
            seed_everywhere(recipe.seed, "step", state.step, together.rank)
            with autocast:
                F = network(example.seen, example.t, cond)
            own_errors = errors(F.to(example.wanted.dtype), example, problem.target.reading)
            row_errors = together.gather(own_errors.detach())
            loss = row_errors.mean()
            _check(loss.item(), row_errors, state.step, problem, prepared.t[i])
            own_errors.mean().backward()
            norm = entire(nn.utils.clip_grad_norm_(state.weights, recipe.clip))
            _check(norm.item(), row_errors, state.step, problem, prepared.t[i])
            lr = recipe.rate(state.step)
            state.optimiser.param_groups[0]["lr"] = lr
            state.optimiser.step()
            state.optimiser.zero_grad()
            state.update_average(ema_decay(state.step, recipe.ema))
            state.step += 1
            yield Step(state.step, loss.item(), lr, prepared.t[i], row_errors)


def _check(value: float, row_errors: Tensor, step: int, problem: Problem, t: Tensor) -> None:
    if math.isfinite(value):
        return
    bad = (~row_errors.isfinite()).nonzero().flatten()
    worst = int(bad[0]) if len(bad) else int(row_errors.argmax())
    rows = problem.rows[torch.arange(min(len(problem.rows), max(1, LOOKED_AT // math.prod(problem.rows.shape[1:]))))]
    raise NumericsError(
        f"step {step + 1}: the {'loss' if len(bad) else 'gradient'} is not finite; nothing was updated. Worst row at t = "
        f"{t[worst].item():.4f} (log-SNR {problem.schedule.log_snr(t[worst]).item():.1f}), data between {rows.min().item():.3g} and "
        f"{rows.max().item():.3g} in the model's units. Try a lower --optim.lr, or look for outliers in the data."
    )
