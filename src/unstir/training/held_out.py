"""The loss on held-out rows, with fixed times and noise, beside the loss of the best Gaussian.

    as trained    times from the training distribution                    the training objective               (1)
    by time       uniform times, in equal buckets                         which steps are hard                 (2)

Rows, times and noise are drawn only once, so two evaluations differ only by what the network has learnt in between.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unstir.diffusion.loss import Example, errors, examples, shown
from unstir.diffusion.oracles import Oracle
from unstir.diffusion.times import UNIFORM, Quantile, stratified
from unstir.encoders.rows import EncodedRows
from unstir.seeds import seeded
from unstir.training.problem import Problem

BUCKETS = 20  # equal intervals of time, for the losses by noise level
AT_ONCE = 2048  # rows that go through the network at once


@dataclass(frozen=True)
class HeldOut:
    """One evaluation: the losses of the model, and of the best Gaussian denoiser (`training.baseline`).

    `loss` is (1). By bucket of time, (BUCKETS,) each and per element: `eps`, the mean squared error of the noise, which is L_simple, and
    `x0`, the mean squared error of the data in units of its variance.
    """

    edges: Tensor
    loss: float
    gaussian_loss: float
    eps: Tensor
    gaussian_eps: Tensor
    x0: Tensor
    gaussian_x0: Tensor

    def as_json(self) -> dict[str, Any]:
        """All numbers as JSON, null for NaN; float64 comes back to the bit, by `of_json`."""
        held = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: _jsonable(value.tolist() if isinstance(value, Tensor) else value) for name, value in held.items()}


def of_json(held: Mapping[str, Any]) -> HeldOut:
    """The evaluation that had this `as_json()`. Raises KeyError if a number is missing."""
    found: dict[str, Any] = {}
    for one in fields(HeldOut):
        numbers = np.array(held[one.name], dtype=np.float64)  # null becomes NaN
        found[one.name] = torch.from_numpy(numbers) if numbers.ndim else float(numbers)
    return HeldOut(**found)


def _jsonable(value: Any) -> Any:
    """A number, or a list of them, with None for those that JSON lacks."""
    if isinstance(value, list):
        return [_jsonable(one) for one in value]
    return value if math.isfinite(value) else None


class Fixed(NamedTuple):
    """A fixed held-out set: times (B,), examples, values of the condition (B, ...) or None, and the Gaussian's error (B,)."""

    t: Tensor
    example: Example
    cond: Tensor | None
    gaussian_error: Tensor


class HeldOutSets:
    """Both fixed sets, (1) and (2), of `draws` pairs of a held-out row and noise; `look` evaluates a network on them."""

    def __init__(
        self,
        problem: Problem,
        rows: EncodedRows,
        cond: Tensor | None,
        gaussian: Oracle,
        draws: int,
        seed: int,
        device: torch.device,
    ):
        self.problem, self.rows, self.cond, self.gaussian, self.device = problem, rows, cond, gaussian, device
        self._as_trained = self._fixed(problem.quantile, draws, seed, "held out as trained")
        self._by_time = self._fixed(UNIFORM, draws, seed, "held out by time")

    def take(self, n: int) -> tuple[Tensor, Tensor | None]:
        """The first n held-out rows, which are in random order, and their condition; rows repeat if there are fewer than n."""
        index = torch.arange(n) % len(self.rows)
        return self.rows[index], None if self.cond is None else self.cond[index].to(self.device)

    @torch.no_grad()
    def look(self, network: nn.Module) -> HeldOut:
        """The losses of a network in evaluation mode, beside the Gaussian's."""
        as_trained, by_time = (self._x0_errors(network, fixed) for fixed in (self._as_trained, self._by_time))
        problem = self.problem
        weight = problem.weigh(problem.schedule, problem.target, self._as_trained.t)
        snr = problem.schedule.log_snr(self._by_time.t).exp()
        gaussian = self._by_time.gaussian_error
        return HeldOut(
            torch.linspace(0, 1, BUCKETS + 1, dtype=torch.float64),
            (weight * as_trained).mean().item(),
            (weight * self._as_trained.gaussian_error).mean().item(),
            *(bucket_means(self._by_time.t, e) for e in (by_time * snr, gaussian * snr, by_time, gaussian)),
        )

    def _fixed(self, quantile: Quantile, draws: int, seed: int, name: str) -> Fixed:
        """Held-out rows with stratified times from a distribution, noise, and the error of the Gaussian denoiser on them."""
        problem, generator = self.problem, seeded(seed, name)
        rows, cond = self.take(draws)
        t = quantile(stratified(len(rows), generator), problem.schedule)
        eps = torch.randn(rows.shape, generator=generator)
        example = examples(problem.schedule, problem.target, problem.weigh, rows, eps, t)
        wide = rows.flatten(1).double()
        error = wide - self.gaussian.denoise(problem.schedule)(problem.schedule.diffuse(wide, t, eps.flatten(1).double()), t)
        return Fixed(t, example, cond, error.square().mean(1))

    def _x0_errors(self, network: nn.Module, fixed: Fixed) -> Tensor:
        """A network's mean squared error of x0_hat on each row of a fixed set: (B,) float64."""
        found = []
        for rows in torch.arange(len(fixed.t)).split(AT_ONCE):
            example = Example(*(part[rows].to(self.device) for part in fixed.example))
            cond = None if fixed.cond is None else fixed.cond[rows]
            F = network(shown(example, self.problem.target.reading), example.t, cond)
            found.append(errors(F, example, self.problem.target.reading).double().cpu())
        return torch.cat(found) / self.problem.weigh(self.problem.schedule, self.problem.target, fixed.t)


def bucket_sums(t: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of values (B,) over equal buckets of their times, and how many values each bucket has: (BUCKETS,) float64 and int64."""
    bucket = (t * BUCKETS).ceil().long().clamp(1, BUCKETS) - 1
    total = torch.zeros(BUCKETS, dtype=torch.float64).index_add(0, bucket, values.double())
    return total, torch.bincount(bucket, minlength=BUCKETS)


def bucket_means(t: Tensor, values: Tensor) -> Tensor:
    """Means of values (B,) over equal buckets of their times: (BUCKETS,), NaN where a bucket is empty."""
    total, count = bucket_sums(t, values)
    return total / count
