"""Samplers: from noise to data along a grid of times. Each is a generator function of about a dozen lines.

They are written in the pair (x0, eps), where x0 = denoise(x, t) and eps = (x - alpha x0) / sigma, and in

    r = alpha_t sigma_s / (alpha_s sigma_t),   r^2 = SNR_t / SNR_s,   s < t the next time                          (1)
    h = log(1/r) = lambda_s - lambda_t,        lambda = log(alpha / sigma) = log_snr / 2                           (2)

    DDPM-DDIM   x_s = alpha_s x0 + sigma_s sqrt(1 - eta^2 (1 - r^2)) eps + eta sigma_s sqrt(1 - r^2) noise         (3)
    exact ODE   x_s = (sigma_s/sigma_t) x_t + sigma_s integral over lambda of e^lambda x0(lambda)                  (4)

DDIM (eta = 0) is (4) with x0 held constant; DPM-Solver++(2M) and the Adams-Bashforth family put a polynomial through the last
estimates of x0 and integrate (4) exactly. Every sampler declares its order: with N evaluations of the network its error falls like
N^-order (the order is `None` for samplers that draw noise).

To add a sampler, write its function here, and a row in `SAMPLERS`, near the end of this file.

    >>> from unstir.diffusion.oracles import Gaussian
    >>> from unstir.diffusion.continuous import Flow
    >>> from unstir.diffusion.times import grid
    >>> oracle, schedule = Gaussian(torch.ones(1), torch.eye(1)), Flow()
    >>> x = torch.tensor([[1.0]], dtype=torch.float64)
    >>> for x in heun(oracle.denoise(schedule), schedule, grid("uniform")(schedule, 100), x): pass
    >>> print(f"{x.item():.3f}")                     # exact: mu + s x_1 = 1 + 1
    2.000
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from unstir.diffusion.denoiser import Denoise
from unstir.diffusion.registry import row
from unstir.diffusion.schedules import Schedule
from unstir.diffusion.times import even_grid, grid, sinh_grid
from unstir.errors import UsageError, unknown
from unstir.registry import Registry

States = Iterator[Tensor]
"""x at each time of the grid, the starting one included: the last is the sample."""
Noise = Callable[[Tensor], Tensor]
"""`x -> standard normal noise like x`. The caller draws it, and so decides what it depends on."""


def ddim(
    denoise: Denoise, schedule: Schedule, times: Tensor, x: Tensor, noise: Noise = torch.randn_like, eta: float = 0.0
) -> States:
    """Eq. (3): DDIM for eta = 0, the ancestral sampler with variance beta-tilde for eta = 1 (Song et al. 2021, eq. 12)."""
    yield x
    for t, s in pairwise(times):
        x0, eps = _pair(denoise, schedule, t, x)
        alpha_s, sigma_s = schedule(s)
        if eta and s > 0:
            fresh = schedule.fresh(s, t)
            eps = (1 - eta**2 * fresh).sqrt() * eps + eta * fresh.sqrt() * noise(x)
        x = alpha_s * x0 + sigma_s * eps
        yield x


def ddpm(
    denoise: Denoise,
    schedule: Schedule,
    times: Tensor,
    x: Tensor,
    noise: Noise = torch.randn_like,
    error: Callable[[Tensor], Tensor] | None = None,
    variance: str = "beta_tilde",
) -> States:
    """Ancestral sampling, x_s ~ N(mean of q(x_s | x_t, x0_hat), variance) (Ho et al. 2020, algorithm 2).

    There are three variances. `beta_tilde` is that of q(x_s | x_t, x_0), which is right if all data is one point; `beta` is that of
    q(x_t | x_s), which is right for standard normal data; `optimal` is that of q(x_s | x_t) itself, by the law of total variance

        beta_tilde + (d mean / d x0)^2 E (x_0 - x0_hat)^2                                             (5)

    where `error(t)` is the denoiser's mean squared error at that noise level, () or one number for each element of a row (Bao et
    al. 2022, theorem 1, measured instead of bounded). Only `optimal` gives the right spread in few steps. It alone adds noise in
    the last step, so that what is not known about x_0 is drawn and not averaged.
    """
    if variance not in VARIANCES:
        raise unknown("variance", variance, VARIANCES)
    if (variance == "optimal") != (error is not None):
        raise UsageError("variance 'optimal' needs the denoiser's error by noise level, and only it takes one.")
    yield x
    later, earlier = times[:-1], times[1:]
    # All steps at once: a thousand small calls would cost as much as the network.
    from_x, from_x0, added = schedule.posterior(earlier, later)
    if variance == "beta":
        added = schedule.transition(earlier, later)[1]
    for i, t in enumerate(later):
        x0 = denoise(x, t)
        x = from_x[i] * x + from_x0[i] * x0
        if error is not None:
            x = x + (added[i] + from_x0[i] ** 2 * error(t).to(x.device)).sqrt().to(x.dtype) * noise(x)
        elif earlier[i] > 0:
            x = x + added[i].sqrt() * noise(x)
        yield x


VARIANCES = ("beta_tilde", "beta", "optimal")


def euler(denoise: Denoise, schedule: Schedule, times: Tensor, x: Tensor) -> States:
    """Euler's method on dx/dt = alpha' x0 + sigma' eps, the sampler of flow matching; under `Flow` it is DDIM."""
    yield x
    for t, s in pairwise(times):
        x = x + (s - t) * _velocity(denoise, schedule, t, x)
        yield x


def heun(denoise: Denoise, schedule: Schedule, times: Tensor, x: Tensor) -> States:
    """Heun's method in the angle phi = atan(sigma / alpha): y = x / N turns with dy / dphi = v, N^2 = alpha^2 + sigma^2.

    v = cos(phi) eps - sin(phi) x0 is finite at both ends. The same rule in sigma / alpha (Karras et al. 2022, algorithm 1) would start
    at infinity under any schedule that reaches pure noise. An interval takes two evaluations, the last one takes one: 2 n - 1 in all.
    """
    yield x
    for t, s in pairwise(times):
        (phi_t, N_t), (phi_s, N_s) = _polar(schedule, t), _polar(schedule, s)
        turn = phi_s - phi_t
        v = _v(denoise, schedule, t, x)
        y = turn.cos() * x / N_t + turn.sin() * v  # with x0 and eps held constant: a rotation, which is DDIM
        if s > 0:
            y = x / N_t + turn * (v + _v(denoise, schedule, s, N_s * y)) / 2
        x = N_s * y
        yield x


def adams_bashforth(denoise: Denoise, schedule: Schedule, times: Tensor, x: Tensor, order: int = 3) -> States:
    """Eq. (4) with the polynomial in lambda through the last `order` estimates of x0, integrated exactly.

    Order 1 is DDIM. An interval takes one evaluation. The first intervals have fewer past estimates, and so a lower order; on paths that
    start in noise this costs nothing, because x0 hardly changes there (paths from log-SNR -4 measure an order of 2 to 2.6 for 3 and 4).
    Source: the exponential Adams-Bashforth method, Hochbruck & Ostermann 2010, section 2.7, and Zhang & Chen 2023; in x0 as in Lu et
    al. 2022.
    """
    if not 1 <= order <= 4:
        raise UsageError(f"Adams-Bashforth takes an order from 1 to 4, not {order}.")
    yield x
    past: list[tuple[float, Tensor]] = []  # (lambda, x0), newest first
    for t, s in pairwise(times):
        (_, sigma_t), (alpha_s, sigma_s) = schedule(t), schedule(s)
        lambda_t, lambda_s = (schedule.log_snr(time).item() / 2 for time in (t, s))
        past = [(lambda_t, denoise(x, t)), *past[: order - 1]]
        weights = exponential_weights([place for place, _ in past], lambda_t, lambda_s)
        x = sigma_s / sigma_t * x + alpha_s * sum(w * x0 for w, (_, x0) in zip(weights, past, strict=True))
        yield x


def dpm_solver(
    denoise: Denoise, schedule: Schedule, times: Tensor, x: Tensor, noise: Noise = torch.randn_like, eta: float = 0.0
) -> States:
    """DPM-Solver++(2M) for eta = 0 and its SDE form for eta = 1 (Lu et al. 2022, algorithm 2 and eq. 19).

    A line through the last two estimates of x0 gives its value half a step ahead, and (3) takes the step with that: order 2.
    """
    yield x
    before: tuple[float, Tensor] | None = None
    for t, s in pairwise(times):
        (alpha_s, sigma_s), sigma_t = schedule(s), schedule(t)[1]
        lambda_t, lambda_s = (schedule.log_snr(time).item() / 2 for time in (t, s))
        x0 = ahead = denoise(x, t)
        if before is not None and np.isfinite(lambda_s) and np.isfinite(before[0]):
            ahead = x0 + (lambda_s - lambda_t) / (lambda_t - before[0]) / 2 * (x0 - before[1])
        before = lambda_t, x0
        r = torch.exp((schedule.log_snr(t) - schedule.log_snr(s)) / 2)
        x = sigma_s / sigma_t * r**eta * x + alpha_s * (1 - r ** (1 + eta)) * ahead
        if eta and s > 0:
            x = x + sigma_s * (1 - r ** (2 * eta)).sqrt() * noise(x)
        yield x


def exponential_weights(places: list[float], start: float, stop: float) -> list[float]:
    """Weights w_i with sum w_i p(places_i) = integral from start to stop of e^(l - stop) p(l) dl for every polynomial p.

    The degree of p is at most len(places) - 1. If stop or start is infinite, which is the data or pure noise, all weight is on the
    newest value, at places[0].

    >>> print(*exponential_weights([0.0], 0.0, 1.0))            # 1 - 1/e
    0.632120558828557...
    """
    near = [place for place in places if np.isfinite(place)]
    if np.isinf(stop) or np.isinf(start):
        return [float(i == 0) * -np.expm1(start - stop) for i in range(len(places))]
    # Gauss-Legendre on [start, stop] is exact to rounding for these smooth integrands
    nodes, weights = np.polynomial.legendre.leggauss(24)
    at = (start + stop) / 2 + (stop - start) / 2 * nodes
    decay = weights * (stop - start) / 2 * np.exp(at - stop)
    basis = [np.prod([(at - q) / (p - q) for q in near if q != p], axis=0) for p in near]
    return [float((decay * b).sum()) for b in basis] + [0.0] * (len(places) - len(near))


def _pair(denoise: Denoise, schedule: Schedule, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    alpha, sigma = schedule(t)
    x0 = denoise(x, t)
    return x0, (x - alpha * x0) / sigma


def _velocity(denoise: Denoise, schedule: Schedule, t: Tensor, x: Tensor) -> Tensor:
    x0, eps = _pair(denoise, schedule, t, x)
    alpha_slope, sigma_slope = schedule.slope(t)
    return alpha_slope * x0 + sigma_slope * eps


def _polar(schedule: Schedule, t: Tensor) -> tuple[Tensor, Tensor]:
    alpha, sigma = schedule(t)
    return torch.atan2(sigma, alpha), torch.hypot(alpha, sigma)


def _v(denoise: Denoise, schedule: Schedule, t: Tensor, x: Tensor) -> Tensor:
    (x0, eps), (phi, _) = _pair(denoise, schedule, t, x), _polar(schedule, t)
    return phi.cos() * eps - phi.sin() * x0


@dataclass(frozen=True)
class Sampler:
    """A row of `SAMPLERS`: how to run a sampler, its declared order (None if it draws noise), and the grid on which it is best.

    `run(denoise, schedule, times, x)` also takes noise=... and error=... if it `needs` them. An interval takes that many `evaluations` of
    the network and the last interval takes one, so n intervals take evaluations * (n - 1) + 1.
    """

    run: Callable[..., States]
    order: int | None
    grid: str
    evaluations: int = 1
    needs: tuple[str, ...] = ()  # which of "noise" and "error" `run` has to be given

    @property
    def is_ancestral(self) -> bool:
        """Whether it takes the chain's own steps, of which there are no more than T."""
        return self.grid == "chain"

    def intervals(self, evaluations: int) -> int:
        """The number of intervals that takes exactly that many network evaluations. Raises UsageError if there is none."""
        intervals, rest = divmod(evaluations - 1, self.evaluations)
        if evaluations < 1 or rest:
            near = "1 or more" if evaluations < 1 else f"{evaluations - rest} or {evaluations - rest + self.evaluations}"
            raise UsageError(
                f"{evaluations} evaluations are not possible: a step takes {self.evaluations} and the last step takes 1. Use {near}."
            )
        return intervals + 1


SAMPLERS: Registry[Sampler] = Registry(
    "sampling method",
    {
        "ddpm": Sampler(ddpm, None, "chain", needs=("noise",)),
        "ddpm_beta": Sampler(partial(ddpm, variance="beta"), None, "chain", needs=("noise",)),
        "ddpm_optimal": Sampler(partial(ddpm, variance="optimal"), None, "chain", needs=("noise", "error")),
        "ddim": Sampler(ddim, 1, "sinh"),
        "euler": Sampler(euler, 1, "uniform"),
        "heun": Sampler(heun, 2, "sinh", evaluations=2),
        "dpm_solver": Sampler(dpm_solver, 2, "sinh"),
        "dpm_solver_sde": Sampler(partial(dpm_solver, eta=1.0), None, "sinh", needs=("noise",)),
        **{f"adams_bashforth{k}": Sampler(partial(adams_bashforth, order=k), k, "sinh") for k in (1, 2, 3, 4)},
    },
)


def sampler(which: str | Sampler | Callable[..., States]) -> Sampler:
    """The sampler of that name. A `Sampler` of your own is returned as it is; a sampler function gets noise and error if it takes them.

    Raises UsageError for anything else.

    >>> def two_steps(denoise, schedule, times, x, noise): ...
    >>> sampler(two_steps).needs, sampler(two_steps).grid
    (('noise',), 'sinh')
    """
    if callable(which):
        taken = inspect.signature(which).parameters
        return Sampler(which, None, "sinh", needs=tuple(name for name in ("noise", "error") if name in taken))
    return row(SAMPLERS, Sampler, which)


def default(evaluations: int) -> str:
    """The name of the best measured sampler for that many evaluations (benchmarks/oracle_error.py)."""
    return f"adams_bashforth{2 if evaluations < 6 else 3 if evaluations < 36 else 4}"


def plan(which: str | Sampler | Callable[..., States], schedule: Schedule, evaluations: int) -> Tensor:
    """The best grid for exactly that many evaluations of a sampler: (n + 1,) times from 1 to 0.

    The last step jumps to the data, from log-SNR 6 + N / 5 but at most 12: the fewer the steps, the noisier the level before the jump.
    A sampler that is best on the chain's own times takes equal steps in t if the schedule is no chain.
    """
    chosen = sampler(which)
    n = chosen.intervals(evaluations)
    if chosen.grid == "sinh":
        return sinh_grid(schedule, n, end=min(12.0, 6.0 + n / 5))
    return grid(even_grid(schedule) if chosen.is_ancestral else chosen.grid)(schedule, n)
