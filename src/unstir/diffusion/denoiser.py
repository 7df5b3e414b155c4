"""Targets and denoisers: what the network predicts, and how an estimate of the clean data is made from it.

Whatever number the network predicts for each element, x_0 is affine in its output F and in x_t. So such a target (parameterisation) is
three numbers at each time,

    x0_hat = c_skip x_t + c_out F(c_in x_t, t)                                                        (1)

    target     c_in   c_skip                      c_out
    x0         1      0                           1
    eps        1      1/alpha                     -sigma/alpha
    v          1      alpha/(alpha^2+sigma^2)     -sigma/(alpha^2+sigma^2)       v = alpha eps - sigma x0
    velocity   1      sigma'/D                    -sigma/D                       D = alpha sigma' - sigma alpha'
    edm        1/N    alpha/N^2                   sigma/N                        N^2 = alpha^2 + sigma^2, data of unit variance

The target `categorical` is for data with few levels: the network predicts a number for each level of each element, from which the
probabilities of the levels follow. The target `table` is for tables of numbers and categories: numbers as with edm, and one of K for each
category. Both see x_t / N, as with edm. How x0_hat is made from an answer is the target's `reading`.

Sources: eps, Ho et al. 2020; v, Salimans & Ho 2022; velocity, Lipman et al. 2023; edm, Karras et al. 2022 table 1.

    >>> from unstir.diffusion.continuous import Flow
    >>> target("velocity")(Flow(), 0.25)       # x0 = x_t - t (eps - x0)
    Coefficients(c_in=tensor(1., dtype=torch.float64), c_skip=tensor(1., dtype=torch.float64), c_out=tensor(-0.2500, dtype=torch.float64))
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from unstir.diffusion.categorical import LEVELS
from unstir.diffusion.groups import TABLE
from unstir.diffusion.inputs import Time
from unstir.diffusion.readings import AFFINE, Coefficients, Read, Reading
from unstir.diffusion.registry import SAFE_TARGETS, TARGETS, row
from unstir.diffusion.schedules import FIRST, Schedule, along
from unstir.errors import UsageError

Denoise = Callable[[Tensor, Tensor], Tensor]
"""`(x_t (B, ...), t () or (B,)) -> x0_hat (B, ...)`: what every sampler and every bound takes."""


class Posterior(NamedTuple):
    """What is known of x_0 given x_t: mean and variance of each element, (B, ...) both, in the model's space."""

    mean: Tensor
    variance: Tensor


@dataclass(frozen=True)
class Target:
    """What the network predicts: the coefficients of eq. (1), how its answer is read, and what suits this target in training and sampling.

    `coefficients(schedule, t)` answers for times t () or (B,), float64. A target of your own is a row like those below:

    >>> from unstir.diffusion.continuous import Flow
    >>> def half(schedule, t):                                   # the network predicts x_0 / 2
    ...     one = torch.ones_like(t)
    ...     return Coefficients(one, 0 * one, 2 * one)
    >>> Target("half", half)(Flow(), 0.5).c_out.item()
    2.0
    """

    name: str
    coefficients: Callable[[Schedule, Tensor], Coefficients]
    times: str = "log_normal"
    """The distribution of training times that suits it, by its name in `registry.DISTRIBUTIONS`.

    Log-normal noise levels spend the steps where most is learnt, but they hardly ever visit the noisiest ones. There a network that
    predicts eps or velocity has to be right to many digits before x_0 is right at all, so these two train on all times alike.
    """
    noisiest: float | None = None
    """The log-SNR at which sampling starts, if the schedule itself ends with more noise; None: sampling starts where it ends.

    x_0 = (x - sigma eps) / alpha multiplies an error of eps by 20,000 at the end of the cosine schedule. A thousand short steps
    average such errors out, one long first step would be lost; and at such noise nothing is known of x_0 anyway.
    """
    reading: Reading = AFFINE
    """How x0_hat is made from the network's answer: by (1), or from probabilities of levels. Training fits it to the rows."""

    def __call__(self, schedule: Schedule, t: Time) -> Coefficients:
        """The coefficients at times t () or (B,): three float64 tensors of the same shape."""
        return self.coefficients(schedule, schedule.as_time(t))


def _x0(schedule: Schedule, t: Tensor) -> Coefficients:  # noqa: ARG001
    one = torch.ones_like(t, dtype=torch.float64)
    return Coefficients(one, 0 * one, one)


def _eps(schedule: Schedule, t: Tensor) -> Coefficients:
    alpha, sigma = schedule(t)
    return Coefficients(torch.ones_like(alpha), 1 / alpha, -sigma / alpha)


def _v(schedule: Schedule, t: Tensor) -> Coefficients:
    alpha, sigma = schedule(t)
    power = alpha**2 + sigma**2
    return Coefficients(torch.ones_like(alpha), alpha / power, -sigma / power)


def _velocity(schedule: Schedule, t: Tensor) -> Coefficients:
    (alpha, sigma), (alpha_slope, sigma_slope) = schedule(t), schedule.slope(t)
    D = alpha * sigma_slope - sigma * alpha_slope
    return Coefficients(torch.ones_like(alpha), sigma_slope / D, -sigma / D)


def _edm(schedule: Schedule, t: Tensor) -> Coefficients:
    alpha, sigma = schedule(t)
    N = (alpha**2 + sigma**2).sqrt()
    return Coefficients(1 / N, alpha / N**2, sigma / N)


X0 = Target("x0", _x0)
EPS = Target("eps", _eps, times="uniform", noisiest=-10.2)  # a little beyond the end of the linear chain
V = Target("v", _v)
VELOCITY = Target("velocity", _velocity, times="uniform")
EDM = Target("edm", _edm)
CATEGORICAL = Target("categorical", _edm, times="log_snr", reading=LEVELS)
TABLE_TARGET = Target("table", _edm, reading=TABLE)


def target(which: str | Target) -> Target:
    """The target of that name; a `Target` of your own is returned as it is. Raises UsageError for anything else."""
    return row(TARGETS, Target, which)


def check_pair(schedule: Schedule, which: str | Target) -> None:
    """Raise UsageError if this target cannot be used with this schedule, because hardly any signal is left at its end.

    There x0_hat = c_skip x_t + c_out F is a small difference of large numbers, as in x_0 = (x_t - sigma eps) / alpha. If |c_out| is
    above 1e6 (for eps, if alpha_bar is below 1e-12), a float32 rounding error in F is as large as the data.
    """
    chosen = target(which)
    c_out = chosen(schedule, 1.0).c_out.item()
    if not abs(c_out) <= 1e6:
        instead = " or ".join(f"--target {name}" for name in SAFE_TARGETS)
        raise UsageError(
            f"target '{chosen.name}' with a schedule whose signal ends at alpha_bar = {schedule.alpha_bar_end:.1e}: x_0 is then "
            f"{abs(c_out):.0e} times the network's answer, which divides by zero. Use {instead}."
        )


def wanted(schedule: Schedule, target: Target, x0: Tensor, eps: Tensor, t: Time) -> Tensor:
    """What should be read from the network's answer in training: the F that makes x0_hat = x_0 in eq. (1), in its limit at t = 0.

    x0 and eps (B, ...), t () or (B,). For a target that is not affine, see its `reading`.
    """
    t = schedule.as_time(t).clamp(min=FIRST)
    return target.reading.wanted(x0, eps, target(schedule, t), *schedule(t))


class Denoiser:
    """A network, a schedule and a target together: an estimate of E[x_0 | x_t], by eq. (1) or as the target's reading makes it.

    `denoiser(x, t, cond)`: x (B, ...), t () or (B,), cond (B, ...) or None -> (B, ...). To hand it to a sampler with a
    condition, bind it: `lambda x, t: denoiser(x, t, cond)`.
    """

    def __init__(self, network: Callable[..., Tensor], schedule: Schedule, target: Target):
        self.network, self.schedule, self.target = network, schedule, target

    def __call__(self, x: Tensor, t: Time, cond: Tensor | None = None) -> Tensor:
        """x0_hat, the shape and type of x."""
        return self.read(x, t, cond).mean

    def read(self, x: Tensor, t: Time, cond: Tensor | None = None) -> Read:
        """x0_hat and the variance of x_0, the shape and type of x both; the variance is None where the target does not tell it."""
        t = self.schedule.as_time(t)
        c = self.target(self.schedule, t)
        # One time for all rows stays one, (1,). It is written there, not copied, which would wait for the device.
        seen = t.to(device=x.device, dtype=x.dtype) if t.ndim else torch.full((1,), t.item(), dtype=x.dtype, device=x.device)
        alpha, sigma = self.schedule(t)
        reading, scaled = self.target.reading, along(c.c_in, x) * x
        return reading.read(self.network(reading.shown(scaled, c.c_in * alpha, c.c_in * sigma), seen, cond), x, c, alpha, sigma)


def under(denoise: Denoise, trained: Schedule, other: Schedule) -> Denoise:
    """A denoiser that was trained under one schedule, used under another: times are matched by signal-to-noise ratio, x is rescaled.

    E[x_0 | x_t] depends on x_t / alpha_t and on sigma_t / alpha_t alone (Karras et al. 2022, section 2), so a network trained
    on the chain can be sampled under, say, `Flow`.
    """

    def denoise_other(x: Tensor, t: Tensor) -> Tensor:
        same = trained.inverse(other.log_snr(t))
        (alpha_a, sigma_a), (alpha_b, sigma_b) = trained(same), other(t)
        scale = ((alpha_a**2 + sigma_a**2) / (alpha_b**2 + sigma_b**2)).sqrt()
        return denoise(along(scale, x) * x, same)

    return denoise_other
