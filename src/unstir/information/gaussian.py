"""What rows cost under a Gaussian, in closed form: the yardstick beside every curve, and the control variate of every estimate.

y = x + s eps, s^2 = 1 / gamma, log-SNR = log gamma. Along a direction in which the Gaussian has mean m and variance v, with c = x - m, its
denoiser has the error c^2 / (1 + gamma v)^2 + gamma v^2 / (1 + gamma v)^2 on average over the noise, so that

    cost     1/2 integral of the error d gamma from g to h
             = 1/2 [c^2 (h - g) / ((1 + g v) (1 + h v)) + log((1 + h v) / (1 + g v)) - (h - g) v / ((1 + g v) (1 + h v))]     (1)
    prior    KL(N(x, s^2) || N(m, v + s^2)) = 1/2 [(g c^2 + 1) / (g v + 1) - 1 + log(1 + g v)]                                (2)
    density  -log N(x; m, v) = the limit of (2) at g, plus (1) from g to h, plus the reconstruction at h, for every g and h   (3)

All numbers are nats. (1) is I-MMSE (Guo, Shamai & Verdu 2005) for one row at a time (Kong, Brekelmans & Ver Steeg 2023).

    >>> blend, x = independent(torch.zeros(1), torch.ones(1)), torch.tensor([[1.5]])
    >>> print(f"{cost(blend, x, -30.0, 0.0).item():.4f} {prior(blend, x, 0.0).item():.4f}")       # nothing is known at -30
    0.6591 0.6591
"""

import math
from dataclasses import replace

import torch
from torch import Tensor

from unstir.diffusion.blending import Blend
from unstir.diffusion.oracles import Independent
from unstir.information.likelihood import LOG_2PI


def alone(gaussian: Independent, directions: Tensor) -> Blend:
    """A Gaussian that is independent along these directions (d, d), or the elements (0, d), as a `Blend` that is asked for nothing else."""
    nothing = torch.empty(0, dtype=torch.float64)
    return Blend(gaussian, directions.float(), nothing, nothing)


def independent(means: Tensor, variances: Tensor) -> Blend:
    """`alone` of the Gaussian with independent elements, means and variances (d,)."""
    return alone(Independent(means, variances), torch.empty(0, len(means)))


def at_least(blend: Blend, variance: float) -> Blend:
    """The same Gaussian with no variance below that one, so that every row has a density."""
    gaussian = blend.gaussian
    return replace(blend, gaussian=Independent(gaussian.means, gaussian.variances.clamp(min=variance)))


def cost(blend: Blend, x: Tensor, low: float, high: float) -> Tensor:
    """Eq. (1) between two levels of log-SNR, of rows x (B, ...): nats, (B,) float64."""
    c, v = _parts(blend, x)
    g, h = math.exp(low), math.exp(high)
    shrink = (h - g) / ((1 + g * v) * (1 + h * v))
    return 0.5 * (c.square() @ shrink + ((h * v).log1p() - (g * v).log1p() - v * shrink).sum())


def prior(blend: Blend, x: Tensor, low: float) -> Tensor:
    """Eq. (2) at a log-SNR, of rows x (B, ...): nats, (B,) float64."""
    c, v = _parts(blend, x)
    g = math.exp(low)
    return 0.5 * (c.square() @ (g / (g * v + 1)) + (1 / (g * v + 1) - 1 + (g * v).log1p()).sum())


def density(blend: Blend, x: Tensor) -> Tensor:
    """Eq. (3): -log N(x) in nats, (B,) float64. The Gaussian's variances are positive: see `at_least`."""
    c, v = _parts(blend, x)
    return 0.5 * (c.square() @ (1 / v) + (v.log() + LOG_2PI).sum())


def rate(blend: Blend, log_snr: Tensor) -> Tensor:
    """Nats that the Gaussian itself spends on average for a unit of log-SNR, (K,): 1/2 sum of gamma v / (1 + gamma v)."""
    known = log_snr.exp()[:, None] * blend.gaussian.variances
    return 0.5 * (known / (1 + known)).sum(1)


def _parts(blend: Blend, x: Tensor) -> tuple[Tensor, Tensor]:
    return blend.along(x.double()).cpu() - blend.gaussian.means, blend.gaussian.variances
