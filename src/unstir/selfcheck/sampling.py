"""Truths 8 to 12, 21 and 22: every sampler, from noise to data.

A Gaussian's flow to the data is known, so every sampler has an answer to compare with:

    error ~ n^-order                  with twice the steps the error falls by 2^order                          (1)
    x_s = A x_t + b + c noise         every step is affine, so the variance of the output is a sum of squares: the responses
                                      to one unit of noise in one step at a time. Nothing is left to chance     (2)
"""

import itertools
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from unstir.diffusion.denoiser import Denoiser, check_pair, target
from unstir.diffusion.oracles import Oracle, Points
from unstir.diffusion.registry import SCHEDULES, TARGETS
from unstir.diffusion.samplers import SAMPLERS, ddim, ddpm
from unstir.diffusion.schedules import Schedule, schedule
from unstir.diffusion.times import grid
from unstir.errors import UsageError
from unstir.selfcheck.known import DIAGONAL, GAUSSIAN, VARIANCE, Case, f64, make, normal, schedules


def finite_data_set() -> Iterator[Case]:
    """With the denoiser of a finite data set, every sampler ends at rows of that set."""
    rows, s = f64([[1.0, 1.0], [-1.0, 0.5], [0.3, -1.2]]), schedule("flow")
    for name in SAMPLERS:
        x = _last(name, Points(rows), s, grid("sinh")(s, 40), normal(16, 2), error=torch.zeros_like)
        yield name, torch.cdist(x, rows).min(1).values.max(), 0, 1e-6


def exact_flow() -> Iterator[Case]:
    """The path from noise to data ends at mu + s (x_T - alpha mu) / sqrt(alpha^2 s^2 + sigma^2), here in 40 steps."""
    for name, s in schedules().items():
        times = grid("sinh", end=14.0)(s, 40)
        x = torch.hypot(*s(times[0])) * normal(8, 2)
        yield name, (_last("adams_bashforth3", GAUSSIAN, s, times, x) - GAUSSIAN.flow(x, times[0], s)).abs().max(), 0, 0.02


def order() -> Iterator[Case]:
    """Eq. (1), from log-SNR -10 to 2. At such noise the first steps of a multistep method, which are of lower order, cost nothing."""
    for (name, sampler), kind in itertools.product(SAMPLERS.items(), ("linear", "flow")):
        if sampler.order is not None:
            s, gaps = schedule(kind), []
            for n in (40, 80):
                times = s.inverse(torch.linspace(-10, 2, n + 1, dtype=torch.float64))
                x = torch.hypot(*s(times[0])) * normal(16, 2)
                gap = _last(name, GAUSSIAN, s, times, x) - GAUSSIAN.flow(x, times[0], s, times[-1])
                gaps.append(gap.norm().item())
            yield f"{kind} / {name}", math.log2(gaps[0] / gaps[1]), sampler.order - 0.3, sampler.order + 0.6


def eta_1_is_ancestral() -> Iterator[Case]:
    """DDIM with eta = 1 is DDPM with beta-tilde, state by state with the same noise; in 200 steps the variance is that of the data."""
    x, noise = normal(2, 8, 2)
    for name, s in schedules().items():
        setting = GAUSSIAN.denoise(s), s, grid("uniform")(s, 8), x, lambda _: noise
        a, b = (torch.stack(list(run)) for run in (ddim(*setting, eta=1.0), ddpm(*setting)))
        yield name, (a - b).abs().max(), 0, 1e-8
    for name in ("ddpm", "ddpm_beta", "dpm_solver_sde"):
        yield f"linear / {name}, 200 steps", _spread(name, schedule("linear"), 200)[1], 0.95, 1.05


def optimal_variance() -> Iterator[Case]:
    """With the optimal variance the spread of the output is right at any number of steps; with beta-tilde it is too small."""
    for name, s in schedules().items():
        yield f"{name} / ddpm_optimal, 5 steps", (_spread("ddpm_optimal", s, 5) - 1).abs().max(), 0, 0.01
    yield "linear / ddpm, 20 steps", _spread("ddpm", schedule("linear"), 20)[0], 0.58, 0.64


def finite_values() -> Iterator[Case]:
    """How many numbers are not finite among coefficients, slopes, every target's estimate and every sampler's end, T from 2 to 4000."""
    for name in SCHEDULES:
        bad = 0
        for T in (2, 4, 10, 100, 1000, 4000):
            s, n = make(name, T), sorted({T, T - 1, 1, 0}, reverse=True)
            t = f64(n) / T
            numbers = [*s(t), *s.slope(t)]
            numbers += [_last(method, DIAGONAL, s, t, normal(2, 2), error=_error(s)) for method in SAMPLERS]
            for kind in (name for name, of in TARGETS.items() if of.reading.is_affine):
                try:
                    check_pair(s, kind)
                except UsageError:
                    continue  # refused with a message, as eps is if no signal is left at the end
                numbers.append(Denoiser(lambda x, t, cond: x, s, target(kind))(torch.ones(len(t), 2), t))  # noqa: ARG005
            bad += sum(int((~c.isfinite()).sum()) for c in numbers)
        yield name, bad, 0, 0


def rows_are_independent() -> Iterator[Case]:
    """A row's sample depends on its own start and noise only, not on the order or the size of the batch."""
    s, x, noise, order = schedule("cosine"), normal(6, 2), normal(6, 2, seed=1), torch.tensor([3, 1, 5, 0, 4, 2])

    def run(name: str, rows: Tensor) -> Tensor:
        return _last(name, DIAGONAL, s, grid("uniform")(s, 6), x[rows], noise=lambda _: noise[rows], error=_error(s))

    for name in SAMPLERS:
        whole = run(name, torch.arange(6))
        gaps = torch.cat([run(name, order) - whole[order], run(name, order[:1]) - whole[order[:1]]])
        yield name, gaps.abs().max(), 0, 1e-10


def _error(s: Schedule) -> Callable[[Tensor], Tensor]:
    return lambda t: VARIANCE / (1 + s.log_snr(t).exp() * VARIANCE)


def _last(name: str, oracle: Oracle, s: Schedule, times: Tensor, x: Tensor, **extras: Callable) -> Tensor:
    """Where a sampler ends. It gets the noise and the error if it needs them; the noise is standard normal by default."""
    extras = {"noise": lambda x: normal(*x.shape, seed=2), **extras}
    needed = {key: extras[key] for key in SAMPLERS[name].needs}
    return list(SAMPLERS[name].run(oracle.denoise(s), s, times, x, **needed))[-1]


def _spread(name: str, s: Schedule, n: int) -> Tensor:
    """Eq. (2): the variance of the output over that of the data, in each dimension of DIAGONAL. The start has its true variance."""
    times, step, units = grid("uniform")(s, n), itertools.count(2), torch.eye(n + 2, dtype=torch.float64)
    start = units[:, 1:2].expand(-1, 2)  # row 0 starts at 0, row 1 at 1, and row 2 + i gets a unit of noise in step i
    out = _last(name, DIAGONAL, s, times, start, noise=lambda x: units[next(step)][:, None].expand_as(x), error=_error(s))
    (alpha, sigma), response = s(times[0]), (out - out[0])[1:].square()
    return (response[0] * (alpha**2 * VARIANCE + sigma**2) + response[1:].sum(0)) / VARIANCE
