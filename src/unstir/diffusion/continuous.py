"""Schedules that are no chain: variance preserving, variance exploding, and the straight line of flow matching.

    VP      alpha = exp(-B / 2),  sigma^2 = 1 - alpha^2,  B(t) the integral of beta(t)                  (1)
    VE      alpha = 1,            sigma grows geometrically                                            (2)
    Flow    alpha = 1 - t,        sigma = t                                                            (3)

Each is a few lines, and so is a schedule of your own:

    >>> Flow()(0.25)
    (tensor(0.7500, dtype=torch.float64), tensor(0.2500, dtype=torch.float64))
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unstir.diffusion.schedules import Schedule, variance_preserving
from unstir.diffusion.settings import in_range


@dataclass(frozen=True)
class VP(Schedule):
    """Variance preserving with beta(t) = beta_min + t (beta_max - beta_min), eq. (1) (Song et al. 2021).

    Raises UsageError for a rate that is not above 0 and below 1e6.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self):
        in_range(0, 1e6, beta_min=self.beta_min, beta_max=self.beta_max)

    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        return variance_preserving(self.beta_min * t + (self.beta_max - self.beta_min) * t**2 / 2)


@dataclass(frozen=True)
class VE(Schedule):
    """Variance exploding: alpha = 1, sigma = sigma_min ((1 + sigma_max / sigma_min)^t - 1), eq. (2).

    Geometric in t above sigma_min, as in Song et al. 2021, and exactly 0 at t = 0, so that t = 0 is the data. The default
    range is that of Karras et al. 2022 (table 1), for data of standard deviation about 0.5 to 1.
    Raises UsageError unless 1e-12 <= sigma_min < sigma_max < 1e6.
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0

    def __post_init__(self):
        in_range(1e-12, 1e6, ends=True, sigma_min=self.sigma_min)
        in_range(self.sigma_min, 1e6, sigma_max=self.sigma_max)

    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        growth = math.log1p(self.sigma_max / self.sigma_min)
        return torch.ones_like(t), self.sigma_min * torch.expm1(growth * t)


@dataclass(frozen=True)
class Flow(Schedule):
    """The straight line of flow matching, eq. (3) (Lipman et al. 2023, Liu et al. 2023)."""

    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        return 1 - t, t
