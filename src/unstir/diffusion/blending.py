"""Two denoisers in one: the network's answer and that of the best Gaussian, each where it is the better of the two.

A network learns what the data looks like. It hardly learns the directions in which the data hardly varies, such as the highest frequencies
of smooth curves or the corners of pictures that are always black: there it leaves noise, and samples tremble. The Gaussian with the data's
mean and covariance knows exactly these directions, and nothing else. In the directions q_k of its covariance, with variances v_k, both
answers are averaged by a share w_k for each noise level,

    q_k . x0_hat = w_k  q_k . network + (1 - w_k)  q_k . gaussian                                     (1)
    q_k . gaussian = m_k + alpha v_k / (alpha^2 v_k + sigma^2) (q_k . x_t - alpha m_k)                (2)
    w_k = E g (g - f) / E (g - f)^2,  kept in [0, 1]          f, g the errors of both along q_k       (3)

    by how many standard errors w_k differs from 1:  2 or fewer count as none, and 4 fully          (4)

(3) is the share whose squared error is the smallest. It is measured on rows that were not trained on, so (1) errs less than either of the
two in every direction, but for the luck of these rows: a share of 1 leaves the network alone, and before any training it is 0. By (4)
the network is left alone where the two are equally good: shares that are chance jump from level to level, and no sampler can follow.

Source: (3) is linear stacking, Breiman 1996, of two denoisers; (2) is Wiener's filter.

    >>> from unstir.diffusion.continuous import Flow
    >>> gaussian = Independent(torch.zeros(2), torch.tensor([1e-6, 1.0]))
    >>> rows = gaussian.sample(500, torch.Generator().manual_seed(0)).float()
    >>> lazy = lambda x, t: x                                        # a network that has learnt nothing
    >>> blend = measured(lazy, gaussian, torch.empty(0, 2), Flow(), rows, [0.0, 6.0], torch.Generator().manual_seed(1))
    >>> better = blended(lazy, blend, Flow())(torch.tensor([[0.3, 0.3]]), torch.tensor(0.25))
    >>> print(better.abs() < torch.tensor([0.001, 0.5]))             # no noise is left where the data hardly varies
    tensor([[True, True]])
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unstir.devices import onto
from unstir.diffusion.denoiser import Denoise
from unstir.diffusion.inputs import Time, float64
from unstir.diffusion.oracles import Independent
from unstir.diffusion.schedules import Schedule
from unstir.steady import steady

WIDE = 1024  # rows of more numbers are compared along their elements, because a covariance costs d^3
CHANCE = 2.0, 4.0  # the standard errors of (4)


@dataclass(frozen=True)
class Blend:
    """What (1) needs, for rows of d numbers: the Gaussian along its directions, and the network's share in each at rising log-SNR.

    `directions` (d, d) has the q_k as its columns, float32; (0, d) means the elements themselves, as for d > `WIDE`.
    `log_snr` (K,) and `share` (K, d) are float64. Between two levels the share is a straight line in log-SNR; beyond the first and the
    last it stays as it is there.
    """

    gaussian: Independent
    directions: Tensor
    log_snr: Tensor
    share: Tensor

    def to(self, device: torch.device) -> "Blend":
        """The same, with the directions on that device; everything else is small and stays on the CPU."""
        return replace(self, directions=self.directions.to(device))

    def at(self, log_snr: Tensor) -> Tensor:
        """The share at levels log_snr (B,): (B, d) float64."""
        level = log_snr.clamp(self.log_snr[0].item(), self.log_snr[-1].item())
        right = torch.searchsorted(self.log_snr, level).clamp(1, len(self.log_snr) - 1)
        before, after = self.log_snr[right - 1], self.log_snr[right]
        return torch.lerp(self.share[right - 1], self.share[right], ((level - before) / (after - before))[:, None])

    def along(self, x: Tensor) -> Tensor:
        """Rows x (B, ...) along the directions: (B, d)."""
        return x.flatten(1) @ self.directions.to(x.dtype) if len(self.directions) else x.flatten(1)

    def back(self, c: Tensor) -> Tensor:
        """Numbers c (B, d) along the directions, as flat rows: (B, d)."""
        return c @ self.directions.to(c.dtype).mT if len(self.directions) else c

    def gaussians(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Eq. (2) of rows x (B, ...) with alpha and sigma () or (B,): (B, d), along the directions."""
        return self.gaussian.posterior_mean(self.along(x), alpha, sigma)


def blended(denoise: Denoise, blend: Blend, schedule: Schedule) -> Denoise:
    """The denoiser of eq. (1). Where the share is 1 it is `denoise`, to the last bit.

    With guidance, blending before or after makes no difference, because the Gaussian is the same for all conditions and (1) is affine.
    """

    def answer(x: Tensor, t: Time) -> Tensor:
        x0, t = denoise(x, schedule.as_time(t)), schedule.as_time(t)
        with torch.autocast(x.device.type, enabled=False):  # small directions would be lost in a product of 8 digits
            gone = 1 - blend.at(schedule.log_snr(t).reshape(-1))
            change = blend.gaussians(x, *schedule(t)) - blend.along(x0.to(x.dtype))
            return x0 + blend.back(onto(x.device, gone.to(x.dtype)) * change).view_as(x0)

    return answer


@steady
@torch.no_grad()
def measured(
    denoise: Denoise,
    gaussian: Independent,
    directions: Tensor,
    schedule: Schedule,
    x0: Tensor,
    log_snr: Sequence[float] | Tensor,
    generator: torch.Generator,
) -> Blend:
    """The blend of a denoiser and a Gaussian: eq. (3), measured on rows x0 (B, ...) with new noise at each of the rising levels (K,).

    The Gaussian is independent along `directions`, which are those of `Blend`. Levels that the schedule does not reach are left out.
    """
    levels = schedule.reached(float64(log_snr))
    share = torch.ones(len(levels), gaussian.dimension, dtype=torch.float64)
    blend = Blend(gaussian, directions.float().contiguous(), levels, share)
    here = blend.to(x0.device)
    wanted = here.along(x0)
    for share_here, t in zip(share, schedule.inverse(levels), strict=True):
        eps = torch.randn(x0.shape, dtype=x0.dtype, generator=generator).to(x0.device)
        x = schedule.diffuse(x0, t, eps)
        f, g = (c.double().cpu() - wanted.double().cpu() for c in (here.along(denoise(x, t)), here.gaussians(x, *schedule(t))))
        share_here.copy_(_best(f, g))
    return blend


def _best(f: Tensor, g: Tensor) -> Tensor:
    """Eq. (3) of errors (n, d), with (4): (d,)."""
    between = (g - f).square().sum(0)
    given = 1 - torch.where(between > 0, (g * (g - f)).sum(0) / between, 1.0).clamp(0, 1)
    z = (len(f) * given.square() * between / f.square().sum(0).clamp(min=torch.finfo(f.dtype).tiny)).sqrt()
    return 1 - given * ((z - CHANCE[0]) / (CHANCE[1] - CHANCE[0])).clamp(0, 1)
