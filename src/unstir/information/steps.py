"""The bound of a chain of T steps, with two kernels: what a coder with that many steps would spend.

Levels lambda_0 > ... > lambda_T-1 of log-SNR, y_t = x + s_t eps, s_t^2 = e^-lambda_t, r = s_t^2 / s_t+1^2, D and v the model's mean and
variance of x given y_t+1:

    q(y_t | y_t+1, x) = N(r y_t+1 + (1 - r) x, s_t^2 (1 - r))                                                     (1)
    fixed       p(y_t | y_t+1) = N(r y_t+1 + (1 - r) D, s_t^2 (1 - r)),  KL = 1/2 (gamma_t - gamma_t+1) |x - D|^2  (2)
    matched     p(y_t | y_t+1) = N(r y_t+1 + (1 - r) D, s_t^2 (1 - r) + (1 - r)^2 v)                              (3)

(3) has the mean and the variance of the best Gaussian kernel, so its KL grows like a logarithm of the step where (2) grows in proportion to
it: far fewer steps give the same bound (Bao et al. 2022 found this variance). In the limit of many steps both are the same integral.
A bound is prior + diffusion + reconstruction; the prior is that of the Gaussian (`gaussian.prior`) at lambda_T-1.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from unstir.diffusion.blending import Blend
from unstir.diffusion.denoiser import Posterior
from unstir.diffusion.schedules import Schedule
from unstir.information import gaussian
from unstir.information.levels import Lattice
from unstir.information.likelihood import LOG_2PI, Bound
from unstir.steady import steady

Known = Callable[[Tensor, Tensor], Posterior]
"""`(x_t, t) -> Posterior`: what a model knows of x_0."""
Last = Callable[[Tensor, Tensor, Tensor], Tensor]
"""`(x_t, t (), rows x) -> -log p(x | x_t)` in nats, (B, ...): the reconstruction, from the cleanest noisy state."""


class Kernels(NamedTuple):
    """The bound with each kernel, from the same noise."""

    fixed: Bound
    matched: Bound


@steady
@torch.no_grad()
def chain_bound(
    known: Known, schedule: Schedule, blend: Blend, x: Tensor, log_snr: Tensor, last: Last, generator: torch.Generator
) -> Kernels:
    """The bound of rows x (B, ...) in the model's space with the levels log_snr (T,), rising, and one draw of noise each."""
    rising = log_snr.double()
    fixed, matched = torch.zeros(2, len(x), dtype=torch.float64)
    for noisy, clean in pairwise(rising):
        found = known(*noised(schedule, x, noisy, generator))
        miss = (x.double() - found.mean.double()).square().flatten(1).cpu()
        v = found.variance.double().flatten(1).cpu()
        gain = clean.exp() - noisy.exp()  # (1 - r)^2 over the variance of (1)
        fixed += 0.5 * gain * miss.sum(1)
        matched += 0.5 * ((gain * v).log1p() + gain * (miss - v) / (1 + gain * v)).sum(1)
    read = last(*noised(schedule, x, rising[-1], generator), x).double().flatten(1).sum(1).cpu()
    before = gaussian.prior(blend, x, rising[0].item())
    return Kernels(Bound(before, fixed, read), Bound(before, matched, read))


def noised(schedule: Schedule, x: Tensor, log_snr: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A noisy state of each row x (B, ...) at one log-SNR (), and its time ()."""
    t = schedule.inverse(log_snr)
    eps = torch.randn(x.shape, dtype=x.dtype, generator=generator).to(x.device)
    return schedule.diffuse(x, t, eps), t


def density_of(known: Known, schedule: Schedule) -> Last:
    """-log N(x; D, v) of a density, where v is taken to be at least a thousandth of the variance of the noise."""

    def last(x_t: Tensor, t: Tensor, x: Tensor) -> Tensor:
        found = known(x_t, t)
        v = found.variance.double().clamp(min=1e-3 * (-schedule.log_snr(t)).exp().item())
        return 0.5 * ((x.double() - found.mean.double()).square() / v + v.log() + LOG_2PI)

    return last


def levels_of(known: Known, lattice: Lattice) -> Last:
    """-log P(x) of levels, read from a Gaussian with the model's mean and variance: (1) of `levels.py`."""
    return lambda x_t, t, x: -lattice.log_probability(*known(x_t, t), x)
