"""The discrete chain: how beta becomes alpha-bar, and the chains that have a name.

The chain of Ho et al. (2020) has T steps. Step n replaces a share beta_n of the variance by fresh noise, so what is left of the
data's variance after n steps is

    alpha_bar_n = (1 - beta_1) (1 - beta_2) ... (1 - beta_n)                                           (1)

We keep its negative logarithm, a sum, and join its values by straight lines in t:

    B(n / T) = -log alpha_bar_n = - sum_{i <= n} log(1 - beta_i)                                       (2)
    alpha = sqrt(alpha_bar) = exp(-B / 2),   sigma = sqrt(1 - alpha_bar)                               (3)

By (2) the paper's x_n is x_t at t = n / T *exactly*, and the chain is a continuous schedule like any other: whatever works on one
works on the other.

    >>> schedule = linear(T=1000)
    >>> schedule
    Chain of 1,000 steps: beta from 0.0001 to 0.02, alpha_bar ends at 4e-05
    >>> alpha, sigma = schedule.at(500)                                       # step n = 500, which is t = 0.5
    >>> print(f"{alpha.item() ** 2:.7f}")                                     # alpha_bar_500
    0.0785872
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unstir.diffusion.schedules import Schedule, variance_preserving
from unstir.diffusion.settings import in_range, is_between, shown, whole_steps
from unstir.errors import UsageError
from unstir.steady import steady
from unstir.words import counted


@dataclass(frozen=True, repr=False)
class Chain(Schedule):
    """The discrete chain with the given betas, each in (0, 1), as a continuous schedule: eq. (2) and (3).

    Instead of alpha_bar it keeps B = -log alpha_bar, so that alpha_bar_n = exp(-B_n).

    Raises UsageError for a beta outside (0, 1).

    >>> print(Chain((0.1, 0.2, 0.3)).alpha_bar_end)                           # 0.9 * 0.8 * 0.7
    0.504
    """

    betas: tuple[float, ...]

    def __post_init__(self):
        for n, beta in enumerate(self.betas, 1):
            if not is_between(beta, 0, 1):
                raise UsageError(
                    f"beta_{n} = {shown(beta)} of a chain of {len(self.betas)} steps has to be a number above 0 and below 1."
                )
        if not self.betas:
            raise UsageError("a chain needs at least one beta.")

    @cached_property
    @steady
    def _B(self) -> Tensor:
        """B = -log alpha_bar at n = 0 .. T, eq. (2): (T + 1,)."""
        steps = -torch.log1p(-torch.tensor(self.betas, dtype=torch.float64))
        return torch.cat([torch.zeros(1, dtype=torch.float64), steps.cumsum(0)])

    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        place = t * len(self.betas)
        n = place.detach().floor().clamp(0, len(self.betas) - 1).long()
        B = self._B.to(t.device)
        return variance_preserving(torch.lerp(B[n], B[n + 1], place - n))

    @property
    def T(self) -> int:
        """Number of steps."""
        return len(self.betas)

    def __repr__(self) -> str:
        first, last = self.betas[0], self.betas[-1]
        return (
            f"Chain of {counted(self.T, 'step')}: beta from {first:.3g} to {last:.3g}, alpha_bar ends at {self.alpha_bar_end:.2g}"
        )


def linear(T: int = 1000, beta_min: float = 1e-4, beta_max: float = 0.02) -> Chain:
    """Betas on a straight line (Ho et al. 2020). The defaults are made for T = 1000: with fewer steps, signal is left at the end.

    Raises UsageError, as every schedule here, for a setting out of its range: each beta is in (0, 1), and T is at least 2.
    """
    in_range(0, 1, beta_min=beta_min, beta_max=beta_max)
    return Chain(_tuple(torch.linspace(beta_min, beta_max, whole_steps(T), dtype=torch.float64)))


def cosine(T: int = 1000, s: float = 0.008, beta_cap: float = 0.999) -> Chain:
    """alpha_bar = cos^2((n/T + s) / (1 + s) pi / 2), with no beta above `beta_cap` (Nichol & Dhariwal 2021, eq. 17)."""
    in_range(0, 1, ends=True, s=s)
    in_range(0, 1, beta_cap=beta_cap)
    angle = (torch.arange(whole_steps(T) + 1, dtype=torch.float64) / T + s) / (1 + s) * math.pi / 2
    return _from_alpha_bar(angle.cos() ** 2, beta_cap)


def sigmoid(T: int = 1000, beta_min: float = 1e-4, beta_max: float = 0.02) -> Chain:
    """Betas on a logistic curve over [-6, 6], scaled to [beta_min, beta_max]."""
    in_range(0, 1, beta_min=beta_min, beta_max=beta_max)
    curve = torch.linspace(-6, 6, whole_steps(T), dtype=torch.float64).sigmoid()
    return Chain(_tuple(beta_min + (beta_max - beta_min) * curve))


def sigmoid_bare(T: int = 1000) -> Chain:
    """beta_n = sigmoid(linspace(-6, 6, T)) as lectures print it: x is pure noise before half of the steps are done."""
    return Chain(_tuple(torch.linspace(-6, 6, whole_steps(T), dtype=torch.float64).sigmoid()))


def sigmoid_alpha_bar(T: int = 1000, start: float = -3.0, end: float = 3.0, tau: float = 1.0, beta_cap: float = 0.999) -> Chain:
    """alpha_bar on a logistic curve from 1 to 0, with no beta above `beta_cap` (Jabri et al. 2022).

    `start` and `end` lie within -12 tau .. 12 tau: farther out the curve is flat to rounding.
    """
    in_range(0, 1e6, tau=tau)
    in_range(-12 * tau, 12 * tau, start=start)
    in_range(start + tau / 100, 12 * tau, end=end)
    in_range(0, 1, beta_cap=beta_cap)
    t = torch.arange(whole_steps(T) + 1, dtype=torch.float64) / T
    curve = torch.sigmoid((start + t * (end - start)) / tau)
    return _from_alpha_bar((curve[-1] - curve) / (curve[-1] - curve[0]), beta_cap)


def scaled_linear(T: int = 1000, beta_min: float = 0.00085, beta_max: float = 0.012) -> Chain:
    """Square roots of beta on a straight line: the schedule of latent diffusion (Rombach et al. 2022). It leaves signal at the end."""
    in_range(0, 1, beta_min=beta_min, beta_max=beta_max)
    return Chain(_tuple(torch.linspace(beta_min**0.5, beta_max**0.5, whole_steps(T), dtype=torch.float64) ** 2))


def chain(betas: Iterable[float]) -> Chain:
    """The chain with these betas, each in (0, 1)."""
    if isinstance(betas, str) or not isinstance(betas, Iterable):
        raise UsageError(
            f"schedule setting betas = {shown(betas)} has to be a list of numbers, as in --diffusion.settings.betas 0.1,0.2"
        )
    return Chain(tuple(betas))


def _from_alpha_bar(curve: Tensor, beta_cap: float) -> Chain:
    """The chain whose alpha_bar_n is curve[n], by beta_n = 1 - alpha_bar_n / alpha_bar_{n-1}."""
    return Chain(_tuple((1 - curve[1:] / curve[:-1]).clamp(max=beta_cap)))


def _tuple(betas: Tensor) -> tuple[float, ...]:
    return tuple(betas.tolist())
