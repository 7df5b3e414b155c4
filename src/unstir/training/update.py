"""One step of training: gradient, clipping, optimiser, average. Immediate, or deferred on a device that computes on its own.

A GPU is told what to do, and does it later. To ask it for a number, such as the loss, is to wait until everything before that is done. So a
deferred step asks for nothing. What decides whether a step may be taken stays on the device, as a number f that is 0 as long as all is well:

    f <- max(f, 1 if the loss or the norm of the gradient is not finite)                                          (1)
    f = 1:  the optimiser, its moments and the average stay as they are, in this step and in every later one      (2)

`State.settle` reads f: before anything reads the state, and every `PATIENT` steps. It raises the same error as the immediate step, which
reads the loss and the norm at once, and the state is then as it was before the bad step.

A deferred step is a fixed sequence of operations on tensors that stay in their places: what changes from step to step, as the rows, the
learning rate and the decay of the average, is copied into them. So it can be captured once and replayed (`training.capture`).
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unstir.diffusion.loss import Example, errors, shown
from unstir.errors import NumericsError
from unstir.steady import allowing
from unstir.training.capture import Way
from unstir.training.optimisers import deferred
from unstir.training.problem import Problem
from unstir.training.processes import Processes, entire
from unstir.training.recipe import OFF, ON, Recipe
from unstir.training.state import State

LOOKED_AT = 2**22  # numbers of the data whose range an error message states
PATIENT = 64  # steps after which a deferred step is checked at the latest
WARMED = 3  # steps before a capture, in which libraries choose their kernels and optimisers make their moments
HELD = (
    "batch_size",
    "clip",
    "precision",
    "capture",
    "compile",
)  # of a recipe: what a captured step holds; the rest is copied into it


class Drawn(NamedTuple):
    """What a step is taken on: the example, the values of the condition (B, ...) or None, and the times (B,) as they were drawn."""

    example: Example
    cond: Tensor | None
    t: Tensor


class Immediate:
    """A step whose loss and gradient are checked before the update; with several processes, each on its share of the rows."""

    def __init__(self, state: State, problem: Problem, recipe: Recipe, together: Processes, network: Callable[..., Tensor]):
        self.state, self.problem, self.recipe, self.together, self.network = state, problem, recipe, together, network
        self.autocast = torch.autocast(state.weights[0].device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")

    def take(self, drawn: Drawn, lr: float, decay: float) -> tuple[float, Tensor]:
        """Take a step on these rows: the loss, and the errors of the rows of all processes. Raises NumericsError before the update."""
        state, recipe, (example, cond, t) = self.state, self.recipe, drawn
        with self.autocast, allowing(recipe.precision):
            F = self.network(shown(example, self.problem.target.reading), example.t, cond)
        own_errors = errors(F.to(example.wanted.dtype), example, self.problem.target.reading)
        row_errors = self.together.gather(own_errors.detach())
        loss = row_errors.mean().item()
        self._check(loss, row_errors, t)
        with allowing(recipe.precision):
            own_errors.mean().backward()
        norm = entire(nn.utils.clip_grad_norm_(state.weights, recipe.clip))
        self._check(norm.item(), row_errors, t)
        state.optimiser.param_groups[0]["lr"] = lr
        state.optimiser.step()
        state.optimiser.zero_grad()
        state.update_average(decay)
        return loss, row_errors

    def _check(self, value: float, row_errors: Tensor, t: Tensor) -> None:
        if not math.isfinite(value):
            raise not_finite(self.state.step, row_errors, self.problem, t)


class Deferred:
    """A step that waits for nothing, eq. (1) and (2); captured if `way` can and the recipe lets it."""

    def __init__(self, state: State, problem: Problem, recipe: Recipe, network: Callable[..., Tensor], way: Way, drawn: Drawn):
        self.state, self.problem, self.recipe, self.network = state, problem, recipe, network
        device = state.weights[0].device
        self.autocast = torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")
        self.lr, self.decay, self.bad = (torch.zeros((), device=device) for _ in range(3))
        self.taken = torch.zeros((), dtype=torch.int64, device=device)
        self.inputs = [torch.empty_like(part) for part in _tensors(drawn)]
        self.loss, self.errors = torch.zeros((), device=device), torch.zeros_like(drawn.example.t)
        self.worst, self.times = (torch.zeros_like(self.errors) for _ in range(2))  # of the first bad step, or else the last
        self.has_cond, self.losses, self.since = drawn.cond is not None, torch.empty(0), 0
        self.key, self.places = _key(recipe), []
        deferred(state.optimiser, self.lr, self.bad)
        self.run, self.said = self._prepared(way, drawn)
        self.places, self.began = self._places(), state.step

    def suits(self, problem: Problem, recipe: Recipe) -> bool:
        """Whether it can go on with this problem and recipe, and every tensor of the state is where it was."""
        return self.problem is problem and self.key == _key(recipe) and self.places == self._places()

    def begin(self) -> None:
        """Count the steps from the state's step."""
        self.bad.zero_()
        self.taken.zero_()
        self.began, self.since, self.state.pending = self.state.step, 0, self.settle

    def take(self, drawn: Drawn, lr: float, decay: float) -> tuple[Tensor, Tensor]:
        """Take a step on these rows: the loss () and the errors of the rows (B,), on the device. They are not known yet."""
        if self.since % PATIENT == 0:
            self.losses = torch.empty(PATIENT, device=self.loss.device)
        with torch.no_grad():
            for place, part in zip(self.inputs, _tensors(drawn), strict=True):
                place.copy_(part, non_blocking=True)
            self.lr.fill_(lr)
            self.decay.fill_(decay)
        self.run()
        loss = self.losses[self.since % PATIENT]
        loss.copy_(self.loss)
        self.since += 1
        return loss, self.errors.clone()

    def settle(self) -> None:
        """Wait for the steps so far. Raises NumericsError if one was bad; the state, its number of steps too, is then as before that one."""
        if not self.bad.item():
            return
        self.state.step, self.state.pending = self.began + int(self.taken.item()), None
        raise not_finite(self.state.step, self.worst, self.problem, self.times.cpu().double())

    def _body(self) -> None:
        """The step itself, on the tensors that stay in their places. Nothing here may depend on the value of a tensor."""
        state, example = self.state, Example(*self.inputs[: len(Example._fields)])
        for w in state.weights:
            w.grad = None
        with _the_same_again(), allowing(self.recipe.precision):
            with self.autocast:
                F = self.network(
                    shown(example, self.problem.target.reading), example.t, self.inputs[-1] if self.has_cond else None
                )
            row_errors = errors(F.to(example.wanted.dtype), example, self.problem.target.reading)
            loss = row_errors.mean()
            loss.backward()
        norm = nn.utils.clip_grad_norm_(state.weights, self.recipe.clip)
        with torch.no_grad():
            was = self.bad > 0
            self.worst.copy_(torch.where(was, self.worst, row_errors.detach()))
            self.times.copy_(torch.where(was, self.times, example.t))
            self.bad.copy_((was | ~(loss.isfinite() & norm.isfinite())).float())
            self.taken.add_(self.bad < 1)
            state.optimiser.step()
            for w in state.weights:
                w.grad = None
            state.drift((1 - self.decay) * (1 - self.bad))
            self.loss.copy_(loss)
            self.errors.copy_(row_errors)

    def _prepared(self, way: Way, drawn: Drawn) -> tuple[Callable[[], None], str]:
        """The step as it will run, and why it is not captured; "" if it is, or was not to be.

        Before a capture the step runs with f = 1, so that nothing of the state changes. What a network's own layers count, as a batch norm
        does, is put back.
        """
        if self.recipe.capture == OFF:
            return self._body, ""
        if way.capture is None:
            why = f"no steps are captured on {self.bad.device.type}"
            if self.recipe.capture == ON:
                logging.getLogger("unstir").warning(f"training: {why}; each is started operation by operation.")
            return self._body, why
        for place, part in zip(self.inputs, _tensors(drawn), strict=True):
            place.copy_(part)
        buffers = [(buffer, buffer.clone()) for buffer in self.state.network.buffers()]
        self.bad.fill_(1.0)
        why = ""
        try:
            run = way.capture(self._body, WARMED, self.bad.device)
        except RuntimeError as error:
            run, why = self._body, str(error).splitlines()[0]
            logging.getLogger("unstir").warning(f"training: the step is not captured but started operation by operation: {why}")
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        return run, why

    def _places(self) -> list[int]:
        moments = [m for held in self.state.optimiser.state.values() for m in held.values()]
        return [part.data_ptr() for part in (*self.state.weights, *self.state.average, *moments)]


@contextmanager
def _the_same_again() -> Iterator[None]:
    """Convolutions of GPUs that give the same bits each time, as a resumed run needs."""
    cudnn = torch.backends.cudnn
    before, cudnn.deterministic = cudnn.deterministic, True
    try:
        yield
    finally:
        cudnn.deterministic = before


def not_finite(step: int, row_errors: Tensor, problem: Problem, t: Tensor) -> NumericsError:
    """The error for a step, counted from 0, that was not taken: what is not finite, and the row and the noise level where it is worst."""
    bad = (~row_errors.isfinite()).nonzero().flatten()
    worst = int(bad[0]) if len(bad) else int(row_errors.argmax())
    rows = problem.rows[torch.arange(min(len(problem.rows), max(1, LOOKED_AT // math.prod(problem.rows.shape[1:]))))]
    return NumericsError(
        f"step {step + 1}: the {'loss' if len(bad) else 'gradient'} is not finite; nothing was updated. Worst row at t = "
        f"{t[worst].item():.4f} (log-SNR {problem.schedule.log_snr(t[worst]).item():.1f}), data between {rows.min().item():.3g} and "
        f"{rows.max().item():.3g} in the model's units. Try a lower --optim.lr, or look for outliers in the data."
    )


def _tensors(drawn: Drawn) -> list[Tensor]:
    return [*drawn.example, *([] if drawn.cond is None else [drawn.cond])]


def _key(recipe: Recipe) -> tuple[Any, ...]:
    return tuple(getattr(recipe, name) for name in HELD)
