"""Rows of which some elements are known, drawn from the true conditional law by particles with weights.

Each row is drawn K times at once, on the way from noise to data. At every noise level a *belief* says what is known of x_0 given x_t, as a
law q_t that has a density and can be sampled given some of its elements (`unstir.diffusion.beliefs`). With y the known elements, a step is

    weight  *=  q_t(y | x_t) / q_u(y | x_u, x_t)                 u > t the time before          (1)
    particles are drawn anew by their weights, wherever these are uneven                        (2)
    x_0 ~ q_t(x_0 | x_t, y),     x_s ~ q(x_s | x_t, x_0)                                        (3)

and at the end one of the K particles is drawn by its weight. The denominator of (1) is what the belief at u, once it has seen x_t too, said
of y. So a weight moves only by what the belief got wrong, and not at all for Gaussian data with the Gaussian belief.

Why it is right: the chain without y is p(x_s | x_t) = integral of q_t(x_0 | x_t) q(x_s | x_t, x_0). What (3) draws is p(x_s | x_t, y) of the
belief, and by Bayes' rule p(x_s | x_t) / p(x_s | x_t, y) = q_t(y | x_t) / q_t(y | x_s, x_t). Particle filters with the target p(x_s | x_t)
q_s(y | x_s), whose proposal is (3), have the weights (1). As K grows, what is drawn is the chain given y, whatever the belief is; a good
belief needs few particles. Sources: twisted particle filters for diffusion models, Wu et al. 2023, algorithm 1, there with a twist whose
covariance is a multiple of 1; systematic resampling, Douc & Cappe 2005; (1) is derived above.

The effective number of particles is (sum w)^2 / sum w^2: K where all weights are equal, 1 where one particle has it all. The smallest on the
way says how far to trust a row: near 1, that step had no choice.

    >>> from unstir.diffusion.beliefs import by_slopes
    >>> from unstir.diffusion.continuous import Flow
    >>> from unstir.diffusion.oracles import Mixture
    >>> from unstir.diffusion.samplers import plan
    >>> two = Mixture(torch.tensor([0.5, 0.5]), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), 0.04 * torch.eye(2).expand(2, 2, 2))
    >>> y, known = torch.ones(50, 2), torch.tensor([True, False]).expand(50, 2)
    >>> generator = torch.Generator().manual_seed(0)
    >>> noise = lambda x: torch.randn(x.shape, generator=generator, dtype=x.dtype)
    >>> made = conditioned(by_slopes(two.denoise(Flow()), Flow()), Flow(), plan("ddim", Flow(), 20), y, known, 8, noise)
    >>> bool((made.rows[:, 1] > 0).all())                                      # where the first number is 1, the second is near 1
    True
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from unstir.diffusion.beliefs import Believe
from unstir.diffusion.schedules import Schedule

NOISIEST = -8.0  # the log-SNR of the first step, if the schedule has more noise; there the data is less than its 50th part
UNEVEN = 0.5  # particles are drawn anew where their effective number is below this part of them


class Conditioned(NamedTuple):
    """Rows (N, d) in the model's space, and for each the smallest effective number of particles on the way, (N,)."""

    rows: Tensor
    effective: Tensor


def conditioned(
    believe: Believe,
    schedule: Schedule,
    times: Tensor,
    y: Tensor,
    known: Tensor,
    particles: int,
    noise: Callable[[Tensor], Tensor],
) -> Conditioned:
    """Rows whose elements where `known` (N, d) are those of y (N, d), and whose others are drawn given these, by (1) to (3).

    `believe(x, t)` is asked for x (N particles, d) at each of the times, which fall from 1 to 0. `noise` returns standard normal noise.
    """
    y, known = (part.repeat_interleave(particles, 0) for part in (y.double(), known))
    times = from_noisiest(schedule, times)
    x = torch.hypot(*schedule(times[0])) * noise(torch.empty_like(y))
    log_weights = torch.zeros(len(y) // particles, particles, dtype=torch.float64)
    lowest, foretold = torch.full((len(log_weights),), float(particles), dtype=torch.float64), torch.zeros(())
    for t, s in pairwise(times):
        belief = believe(x, t)
        log_weights = log_weights + (belief.log_density(y, known) - foretold).reshape(log_weights.shape)
        chosen, log_weights, effective = redrawn(log_weights, _uniform(noise, y, particles))
        lowest = torch.minimum(lowest, effective)
        x, belief = x[chosen], belief.of(chosen)
        from_x, from_x0, added = (float(part) for part in schedule.posterior(s, t))
        x0 = torch.where(known, y, belief.draw(y, known, noise))
        fresh = from_x0 * x0 + added**0.5 * noise(x0)
        if added:
            foretold = belief.seeing(fresh, from_x0, added).log_density(y, known)
        x = from_x * x + fresh
    first = torch.arange(len(log_weights)) * particles
    beyond = log_weights.softmax(1).cumsum(1) < _uniform(noise, y, particles)
    return Conditioned(x[first + beyond.sum(1).clamp(max=particles - 1)], lowest)


def from_noisiest(schedule: Schedule, times: Tensor) -> Tensor:
    """The times, but beginning where log-SNR is `NOISIEST`: the slope of a denoiser is lost in rounding where there is only noise."""
    first = schedule.inverse(torch.tensor(NOISIEST, dtype=torch.float64))
    return torch.cat([first[None], times[times < first]]) if times[0] > first else times


def redrawn(log_weights: Tensor, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Eq. (2) by systematic resampling with u (N, 1) in [0, 1): which of the N K particles go on, (N K,), log-weights (N, K), and the
    effective number of particles before, (N,)."""
    n, k = log_weights.shape
    weights = log_weights.softmax(1)
    effective = 1 / weights.square().sum(1)
    places = (u + torch.arange(k)) / k
    drawn = torch.searchsorted(weights.cumsum(1).contiguous(), places).clamp(max=k - 1)
    uneven = (effective < UNEVEN * k)[:, None]
    chosen = torch.where(uneven, drawn, torch.arange(k)) + k * torch.arange(n)[:, None]
    return chosen.flatten(), torch.where(uneven, 0.0, log_weights - log_weights.amax(1, keepdim=True)), effective


def _uniform(noise: Callable[[Tensor], Tensor], y: Tensor, particles: int) -> Tensor:
    """One number in [0, 1) for each row, (N, 1), made of the noise of its first particle."""
    return torch.special.ndtr(noise(torch.empty_like(y[:, :1]))[::particles])
