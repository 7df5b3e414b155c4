"""The training loss: weight(t) times the squared error of x0_hat, written in the network's own output.

    L = E_t,eps  w(t) |x_0 - x0_hat|^2  =  E_t,eps  w(t) c_out^2 |F_wanted - F|^2                     (1)

if x0_hat is affine in F. With w = 1 / c_out^2 it is plain mean squared error in F, and that one line *is* L_simple for eps
(Ho et al. 2020, eq. 14), EDM's loss for edm (Karras et al. 2022, eq. 8) and conditional flow matching for velocity (Lipman et
al. 2023, eq. 14). A weight w multiplies the error of x_0 and not that of F, so it means the same, and has the same gradient, for every
target. A target that is read otherwise (`readings`) is compared in x0_hat itself.

    simple    w = 1 / c_out^2                                                                         (2)
    min_snr   w = min(SNR, 5)                             (Hang et al. 2023, eq. 5)                   (3)
    edm       w = (alpha^2 + sigma^2) / sigma^2           (Karras et al. 2022, table 1)               (4)
    elbo      w = -1/2 d SNR / dt                         (Kingma et al. 2021, eq. 18; times uniform)     (5)

    >>> import torch
    >>> from unstir.diffusion.continuous import Flow
    >>> from unstir.diffusion.denoiser import target
    >>> weight("min_snr")(Flow(), target("v"), torch.tensor([0.1, 0.5])).tolist()      # SNR is 81 and 1
    [5.0, 1.0]
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from unstir.diffusion.denoiser import Target, wanted
from unstir.diffusion.inputs import Time
from unstir.diffusion.readings import AFFINE, Reading
from unstir.diffusion.registry import WEIGHTS, row
from unstir.diffusion.schedules import FIRST, Schedule, along


@dataclass(frozen=True)
class Weight:
    """A weight of the squared error of x0_hat: `weight(schedule, target, t)`, float64, the shape of t."""

    name: str
    function: Callable[[Schedule, Target, Tensor], Tensor]
    is_bound: bool = False
    """Whether the loss is then the variational bound, provided that the distribution of times has `keeps_bound`."""
    by_target: bool = False
    """Whether it is another weight for another target."""

    def __call__(self, schedule: Schedule, target: Target, t: Time) -> Tensor:
        """The weight at times t () or (B,)."""
        return self.function(schedule, target, schedule.as_time(t))


def simple(schedule: Schedule, target: Target, t: Tensor) -> Tensor:
    """Eq. (2)."""
    return target(schedule, t).c_out ** -2


def min_snr(schedule: Schedule, target: Target, t: Tensor, gamma: float = 5.0) -> Tensor:  # noqa: ARG001
    """Eq. (3): no weight is above gamma, however little noise there is."""
    return schedule.log_snr(t).exp().clamp(max=gamma)


def edm(schedule: Schedule, target: Target, t: Tensor) -> Tensor:  # noqa: ARG001
    """Eq. (4), for data of unit variance: the weight that `simple` is for the edm target."""
    return 1 + schedule.log_snr(t).exp()


def elbo(schedule: Schedule, target: Target, t: Tensor) -> Tensor:  # noqa: ARG001
    """Eq. (5): with uniform times, the loss is the diffusion part of the variational bound in nats per element."""
    return schedule.information_rate(t)


SIMPLE = Weight("simple", simple, by_target=True)
MIN_SNR = Weight("min_snr", min_snr)
EDM = Weight("edm", edm)
ELBO = Weight("elbo", elbo, is_bound=True)


def weight(which: str | Weight) -> Weight:
    """The weight of that name; a `Weight` of your own is returned as it is. Raises UsageError for anything else."""
    return row(WEIGHTS, Weight, which)


class Example(NamedTuple):
    """What a network sees, and what it should answer: seen and wanted (B, ...), t and weight (B,), in the type of seen.

    `rest` (B,) is the part of the error that is known beforehand and that no answer changes: 0 where `wanted` is that of a single row.
    seen = alpha x_0 + sigma eps, with alpha and sigma (B,).
    """

    seen: Tensor
    t: Tensor
    wanted: Tensor
    weight: Tensor
    rest: Tensor
    alpha: Tensor
    sigma: Tensor


def examples(
    schedule: Schedule, target: Target, weigh: Weight, x0: Tensor, eps: Tensor, t: Time, variance: Tensor | None = None
) -> Example:
    """The training examples of rows x0 and noise eps (B, ...) at times t (B,): eq. (1) in parts, with coefficients in float64.

    If x0 are means of several rows, `variance` (B,) is the variance of those rows, averaged over the elements.
    """
    t = schedule.as_time(t).clamp(min=FIRST)
    c = target(schedule, t)
    w = weigh(schedule, target, t)
    alpha, sigma = schedule(t)
    return Example(
        seen=along(c.c_in, x0) * schedule.diffuse(x0, t, eps),
        t=t.to(x0.dtype),
        wanted=wanted(schedule, target, x0, eps, t),
        weight=(w * target.reading.scale(c) ** 2).to(x0.dtype),
        rest=torch.zeros_like(t, dtype=x0.dtype) if variance is None else (w * variance).to(x0.dtype),
        alpha=(c.c_in * alpha).to(x0.dtype),
        sigma=(c.c_in * sigma).to(x0.dtype),
    )


def shown(example: Example, reading: Reading) -> Tensor:
    """What the network is shown of the rows of an example, (B, ...): `seen`, as the reading of the target has it."""
    return reading.shown(example.seen, example.alpha, example.sigma)


def errors(F: Tensor, example: Example, reading: Reading = AFFINE) -> Tensor:
    """Weighted squared error of each row, averaged over its elements: (B,). The loss is its mean. `reading` is that of the target."""
    found = reading.compared(F, example.seen, example.alpha, example.sigma)
    return torch.addcmul(example.rest, example.weight, (found - example.wanted).square().flatten(1).mean(1))
