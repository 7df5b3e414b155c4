"""Truths 1 to 3: the forward process, from the data to noise, for every schedule."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from unstir.diffusion.chains import Chain
from unstir.diffusion.continuous import VE, VP, Flow
from unstir.diffusion.schedules import Schedule
from unstir.selfcheck.known import EARLY, LATE, Case, f64, schedules

SUMS: dict[type[Schedule], Callable[[Tensor, Tensor], Tensor]] = {
    VP: lambda alpha, sigma: alpha**2 + sigma**2,
    Flow: lambda alpha, sigma: alpha + sigma,
    VE: lambda alpha, sigma: alpha,  # noqa: ARG005
}
"""What is 1 at every time under a schedule that is no chain. Under any other schedule it is alpha + sigma at t = 0, the data."""


def forward_moments() -> Iterator[Case]:
    """A chain, stepped one beta at a time, has mean alpha and variance sigma^2; the other schedules keep the sum of `SUMS`."""
    for name, s in schedules().items():
        if isinstance(s, Chain):
            mean, variance, worst = 1.0, 0.0, 0.0
            for beta, alpha, sigma in zip(s.betas, *(c[1:] for c in s(f64(range(s.T + 1)) / s.T)), strict=True):
                mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
                worst = max(worst, abs(alpha.item() / mean - 1), abs(sigma.item() ** 2 / variance - 1))
        else:
            alpha, sigma = s(torch.linspace(0, 1, 101, dtype=torch.float64))
            kept = next((law(alpha, sigma) for kind, law in SUMS.items() if isinstance(s, kind)), alpha[:1] + sigma[:1])
            worst = (kept - 1).abs().max()
        yield name, worst, 0, 1e-12


def composition() -> Iterator[Case]:
    """q(x_t | x_s) after q(x_s | x_0) is q(x_t | x_0), for short and long steps, and no variance is negative."""
    for name, s in schedules().items():
        (alpha_s, sigma_s), (alpha_t, sigma_t), (a, variance) = s(EARLY), s(LATE), s.transition(EARLY, LATE)
        gaps = torch.cat([a * alpha_s - alpha_t, (a**2 * sigma_s**2 + variance) / sigma_t**2 - 1, variance.clamp(max=0)])
        yield name, gaps.abs().max(), 0, 1e-10


def posterior() -> Iterator[Case]:
    """q(x_s | x_t, x_0) is the joint Gaussian of (x_s, x_t) given x_0, conditioned on x_t by linear algebra."""
    for name, s in schedules().items():
        (alpha_s, sigma_s), (alpha_t, sigma_t) = s(EARLY), s(LATE)
        gain = alpha_t / alpha_s * sigma_s**2 / sigma_t**2
        by_hand = torch.stack([gain, alpha_s - gain * alpha_t, sigma_s**2 * (1 - gain * alpha_t / alpha_s)])
        yield name, (torch.stack(s.posterior(EARLY, LATE)) - by_hand).abs().max(), 0, 1e-9
