"""The error of a denoiser at each noise level, and the information that follows from it.

    mse(snr) = E |x_0 - x0_hat(x_t)|^2 >= mmse(snr) = E |x_0 - E[x_0 | x_t]|^2                        (1)
    d I(x_0; x_t) / d snr = mmse(snr) / 2      in nats (Guo, Shamai & Verdu 2005)                     (2)
    mmse(snr) <= mmse of the Gaussian with the same covariance                                        (3)
    I(x_0; x_t) = 1/2 integral_0^snr mse ds = 1/2 integral of mse e^l dl up to l = log-SNR            (4)

The curve of (1) has three uses. It shows which steps are hard. The optimal variance of ancestral sampling is made of it. And by (2) its
integral (4) is the information that x_t still holds about the data; with a model's own error, (4) is an upper bound of it.

    >>> levels = torch.linspace(-10, 14, 241, dtype=torch.float64)
    >>> unit_gaussian = ErrorCurve(levels, 1 / (1 + levels.exp())[:, None])
    >>> print(f"{information(unit_gaussian, [0.0])[0]:.3f} nats")           # exactly 1/2 log 2
    0.347 nats
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unstir.diffusion.denoiser import Denoise
from unstir.diffusion.inputs import float64
from unstir.diffusion.schedules import Schedule, along
from unstir.steady import steady


@dataclass(frozen=True)
class ErrorCurve:
    """Mean squared error of each element of a row at rising levels of log-SNR: log_snr (K,), mse (K, ...). Float64."""

    log_snr: Tensor
    mse: Tensor

    def at(self, log_snr: Tensor | float) -> Tensor:
        """The error at levels log_snr () or (B,): the shape of a row, or (B, ...). Its logarithm is a straight line between two levels.

        At more noise than the first level it stays as it is there; at less than the last it falls like 1 / snr, as it does for
        every bounded density.
        """
        level = float64(log_snr).clamp(min=self.log_snr[0].item())
        inside = level.clamp(max=self.log_snr[-1].item())
        right = torch.searchsorted(self.log_snr, inside).clamp(1, len(self.log_snr) - 1)
        left = right - 1
        share = along((inside - self.log_snr[left]) / (self.log_snr[right] - self.log_snr[left]), self.mse[left])
        floor = torch.finfo(torch.float64).tiny
        logs = torch.lerp(self.mse[left].clamp(min=floor).log(), self.mse[right].clamp(min=floor).log(), share)
        return torch.where(self.mse[left] + self.mse[right] > 0, (logs + along(inside - level, logs)).exp(), 0.0)


@steady
def information(curve: ErrorCurve, log_snr: Tensor | Sequence[float] | np.ndarray) -> Tensor:
    """Eq. (4) in nats a row, at finite levels log_snr (N,): (N,) float64, rising with the level.

    It is the exact integral of `ErrorCurve.at`. Between two levels the integrand f is a power of snr, whose mean over log-SNR is the
    logarithmic mean (f_1 - f_0) / log(f_1 / f_0).
    """
    levels = curve.log_snr
    f = curve.mse.flatten(1) * levels.exp()[:, None]
    steps = _logarithmic_mean(f[:-1], f[1:]) * levels.diff()[:, None]
    known = torch.cat([f[:1], f[:1] + steps.cumsum(0)])  # below the first level the error is constant, so the integral is f
    found = []
    for level in float64(log_snr):
        here = curve.at(level).flatten() * level.exp()
        left = int(torch.searchsorted(levels, level)) - 1
        nats = here if left < 0 else known[left] + _logarithmic_mean(f[left], here) * (level - levels[left])
        found.append(0.5 * nats.sum())
    return torch.stack(found)


def _logarithmic_mean(a: Tensor, b: Tensor) -> Tensor:
    """(b - a) / log(b / a); a if both are the same, and 0 if one of them is 0."""
    ratio = torch.where((a > 0) & (b > 0), b / a, 1.0).log()
    near = ratio.abs() < 1e-6
    mean = torch.where(near, (a + b) / 2, (b - a) / torch.where(near, 1.0, ratio))
    return torch.where((a > 0) & (b > 0), mean, 0.0)


@steady
@torch.no_grad()
def error_curve(denoise: Denoise, schedule: Schedule, x0: Tensor, log_snr: Tensor, generator: torch.Generator) -> ErrorCurve:
    """Eq. (1), measured on rows x0 (B, ...) with new noise at each of the rising levels log_snr (K,) that the schedule reaches."""
    times = schedule.inverse(schedule.reached(log_snr))
    mse = []
    for t in times:
        eps = torch.randn(x0.shape, dtype=x0.dtype, generator=generator).to(x0.device)
        mse.append(squared_errors(denoise, schedule, x0, t, eps).mean(0).cpu())
    return ErrorCurve(schedule.log_snr(times), torch.stack(mse))


def squared_errors(denoise: Denoise, schedule: Schedule, x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The square of x_0 - x0_hat(x_t) for each element of rows x0 and noise eps (B, ...) at one time t (): (B, ...) float64."""
    return (x0 - denoise(schedule.diffuse(x0, t, eps), t)).double().square()
