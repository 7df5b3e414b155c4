"""The exact truths, measured on this machine for every schedule, target and sampler: `for row in selfcheck(): print(row)`.

Nothing is trained. A Gaussian N(mu, S) is known at every noise level, so each formula here has an answer to compare with:

    x_t ~ N(alpha mu, alpha^2 S + sigma^2 I),   its denoiser, its flow to the data, its density and its bound      (oracles)
    error ~ n^-order                            the fall of the error where the steps are doubled is the order     (1)
    x_s = A x_t + b + c noise                   every step is affine here, so an output variance is a sum of
                                                squares of responses to one unit of noise at a time: no chance     (2)

A check yields (subject, measured, low, high); its row is good where low <= measured <= high, which NaN never is.

    >>> row = next(selfcheck())
    >>> row.truth, row.subject, row.bar, row.ok
    ('1 forward moments', 'linear', '<= 1e-12', True)
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from unstir.diffusion.chains import Chain
from unstir.diffusion.denoiser import Denoiser, Target, check_pair, target, wanted
from unstir.diffusion.guidance import guided
from unstir.diffusion.loss import errors, examples, weight
from unstir.diffusion.oracles import Gaussian, Mixture, Oracle, Points
from unstir.diffusion.registry import SCHEDULES, TARGETS, WEIGHTS
from unstir.diffusion.samplers import SAMPLERS, ddim, ddpm
from unstir.diffusion.schedules import Schedule, schedule
from unstir.diffusion.times import grid
from unstir.errors import UsageError
from unstir.information.likelihood import continuous_bound, ode_log_prob, variational_bound
from unstir.seeds import seeded
from unstir.training.recipe import Recipe, ema_decay
from unstir.training.state import State

Case = tuple[str, float | Tensor, float, float]
"""Subject, measured, and the interval [low, high] that it has to be in."""


@dataclass(frozen=True)
class Row:
    """One truth for one subject: what was measured, the bar it has to meet, and whether it does."""

    truth: str
    subject: str
    measured: float
    bar: str
    ok: bool


def selfcheck() -> Iterator[Row]:
    """Every check, one row at a time, in about ten seconds on one core."""
    for number, check in CHECKS.items():
        for subject, measured, low, high in check():
            bar = f"<= {high:g}" if low == 0 else f"{low:.4g} .. {high:.4g}"
            name = f"{number} {check.__name__.replace('_', ' ')}"
            yield Row(name, subject, float(measured), bar, bool(low <= measured <= high))


def forward_moments() -> Iterator[Case]:
    """A chain stepped one beta at a time has mean alpha and variance sigma^2; other families keep their own sum."""
    for name, s in _schedules().items():
        if isinstance(s, Chain):
            mean, variance, worst = 1.0, 0.0, 0.0
            for beta, alpha, sigma in zip(s.betas, *(c[1:] for c in s(_f64(range(s.T + 1)) / s.T)), strict=True):
                mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
                worst = max(worst, abs(alpha.item() / mean - 1), abs(sigma.item() ** 2 / variance - 1))
        else:
            alpha, sigma = s(torch.linspace(0, 1, 101, dtype=torch.float64))
            worst = ({"vp": alpha**2 + sigma**2, "flow": alpha + sigma, "ve": alpha}[name] - 1).abs().max()
        yield name, worst, 0, 1e-12


def composition() -> Iterator[Case]:
    """q(x_t | x_s) after q(x_s | x_0) is q(x_t | x_0), for neighbours and for strides, and no variance is negative."""
    for name, s in _schedules().items():
        (alpha_s, sigma_s), (alpha_t, sigma_t), (a, variance) = s(EARLY), s(LATE), s.transition(EARLY, LATE)
        gaps = torch.cat([a * alpha_s - alpha_t, (a**2 * sigma_s**2 + variance) / sigma_t**2 - 1, variance.clamp(max=0)])
        yield name, gaps.abs().max(), 0, 1e-10


def posterior() -> Iterator[Case]:
    """q(x_s | x_t, x_0) is what conditioning the joint Gaussian of (x_s, x_t) given x_0 leaves."""
    for name, s in _schedules().items():
        (alpha_s, sigma_s), (alpha_t, sigma_t) = s(EARLY), s(LATE)
        gain = alpha_t / alpha_s * sigma_s**2 / sigma_t**2
        by_hand = torch.stack([gain, alpha_s - gain * alpha_t, sigma_s**2 * (1 - gain * alpha_t / alpha_s)])
        yield name, (torch.stack(s.posterior(EARLY, LATE)) - by_hand).abs().max(), 0, 1e-9


def targets_there_and_back() -> Iterator[Case]:
    """A perfect answer in one target gives x_0 and eps, these the answer in any other, and that the same x_0: log-SNR -20 to 20."""
    x0, eps = _normal(2, 41, 3)
    for name, s in _schedules().items():
        t = s.inverse(torch.linspace(-20, 20, 41, dtype=torch.float64))
        (alpha, sigma), x = (c[:, None] for c in s(t)), s.diffuse(x0, t, eps)
        for a, of_a in TARGETS.items():
            x0_hat = _estimate(s, of_a, x, t, F := wanted(s, of_a, x0, eps, t))
            eps_hat, worst = F if a == "eps" else (x - alpha * x0_hat) / sigma, 0.0
            for of_b in TARGETS.values():
                back = _estimate(s, of_b, x, t, wanted(s, of_b, x0_hat, eps_hat, t))
                worst = max(worst, float((back - x0).abs().max()))
            yield f"{name} / {a}", worst, 0, 1e-6


def one_gradient() -> Iterator[Case]:
    """A weight on the error of x_0 has one gradient, whichever target the network predicts."""
    (x0, eps), t = _normal(2, 16, 3), torch.linspace(0.02, 0.98, 16, dtype=torch.float64)
    weights = [name for name, row in WEIGHTS.items() if not row.by_target]
    for (kind, s), name in itertools.product(_schedules().items(), weights):
        gradients, x = [], s.diffuse(x0, t, eps)
        for of in TARGETS.values():
            theta = torch.full((3, 3), 0.1, dtype=torch.float64, requires_grad=True)
            c = of(s, t)
            F = (x @ theta - c.c_skip[:, None] * x) / c.c_out[:, None]
            loss = errors(F, examples(s, of, weight(name), x0, eps, t)).mean()
            gradients += torch.autograd.grad(loss, theta)
        yield f"{kind} / {name}", (torch.stack(gradients) / gradients[0] - 1).abs().max(), 0, 1e-5


def Gaussian_posterior_mean() -> Iterator[Case]:
    """E[x_0 | x_t] = mu + alpha S (alpha^2 S + sigma^2 I)^-1 (x_t - alpha mu), by a linear solver."""
    x, t = _normal(8, 3), torch.linspace(0.01, 1, 8, dtype=torch.float64)
    mu, cov = x[0], x[1:].mT @ x[1:]  # in three dimensions, where eigenvectors are no symmetric matrix
    for name, s in _schedules().items():
        alpha, sigma = (c[:, None] for c in s(t))
        C = alpha[..., None] ** 2 * cov + sigma[..., None] ** 2 * torch.eye(3, dtype=torch.float64)
        by_hand = mu + alpha * torch.linalg.solve(C, x - alpha * mu) @ cov
        yield name, (Gaussian(mu, cov).denoise(s)(x, t) - by_hand).abs().max(), 0, 1e-10


def mixture_score() -> Iterator[Case]:
    """The mixture's denoiser gives the gradient of its log-density."""
    x, t = _normal(8, 2).requires_grad_(), torch.linspace(0.1, 1, 8, dtype=torch.float64)
    for name, s in _schedules().items():
        (gradient,) = torch.autograd.grad(MIXTURE.log_prob(x, t, s).sum(), x)
        yield name, (MIXTURE.score(x.detach(), t, s) - gradient).abs().max(), 0, 1e-8


def finite_data_set() -> Iterator[Case]:
    """The denoiser of a finite data set makes nothing but its rows, whichever sampler asks it."""
    rows, s = _f64([[1.0, 1.0], [-1.0, 0.5], [0.3, -1.2]]), schedule("flow")
    for name in SAMPLERS:
        x = _last(name, Points(rows), s, grid("sinh")(s, 40), _normal(16, 2), error=torch.zeros_like)
        yield name, torch.cdist(x, rows).min(1).values.max(), 0, 1e-6


def exact_flow() -> Iterator[Case]:
    """The path from noise to data ends at mu + s (x_T - alpha mu) / sqrt(alpha^2 s^2 + sigma^2), here in 40 steps."""
    for name, s in _schedules().items():
        times = grid("sinh", end=14.0)(s, 40)
        x = torch.hypot(*s(times[0])) * _normal(8, 2)
        yield name, (_last("adams_bashforth3", GAUSSIAN, s, times, x) - GAUSSIAN.flow(x, times[0], s)).abs().max(), 0, 0.02


def order() -> Iterator[Case]:
    """Eq. (1) between two finite noise levels, the first as noisy as it gets: there a multistep method's start costs nothing."""
    for (name, sampler), kind in itertools.product(SAMPLERS.items(), ("linear", "flow")):
        if sampler.order is not None:
            s, gaps = schedule(kind), []
            for n in (40, 80):
                times = s.inverse(torch.linspace(-10, 2, n + 1, dtype=torch.float64))
                x = torch.hypot(*s(times[0])) * _normal(16, 2)
                gap = _last(name, GAUSSIAN, s, times, x) - GAUSSIAN.flow(x, times[0], s, times[-1])
                gaps.append(gap.norm().item())
            yield f"{kind} / {name}", math.log2(gaps[0] / gaps[1]), sampler.order - 0.3, sampler.order + 0.6


def eta_1_is_ancestral() -> Iterator[Case]:
    """DDIM with eta = 1 is DDPM with beta-tilde, state by state on the same noise; with many steps its variance is the data's."""
    x, noise = _normal(2, 8, 2)
    for name, s in _schedules().items():
        setting = GAUSSIAN.denoise(s), s, grid("uniform")(s, 8), x, lambda _: noise
        a, b = (torch.stack(list(run)) for run in (ddim(*setting, eta=1.0), ddpm(*setting)))
        yield name, (a - b).abs().max(), 0, 1e-8
    for name in ("ddpm", "ddpm_beta", "dpm_solver_sde"):
        yield f"linear / {name}, 200 steps", _spread(name, schedule("linear"), 200)[1], 0.95, 1.05


def optimal_variance() -> Iterator[Case]:
    """The optimal reverse variance makes the output's spread right at any number of steps; beta-tilde makes it too small."""
    for name, s in _schedules().items():
        yield f"{name} / ddpm_optimal, 5 steps", (_spread("ddpm_optimal", s, 5) - 1).abs().max(), 0, 0.01
    yield "linear / ddpm, 20 steps", _spread("ddpm", schedule("linear"), 20)[0], 0.58, 0.64


def variational_bound_above() -> Iterator[Case]:
    """The bound is above -log p by sum of 1/2 (SNR_s - SNR_t) mmse and what its two ends cost, to 4.5 standard errors."""
    x0 = GAUSSIAN.sample(2000, seeded(0))
    for name, T in itertools.product(("linear", "cosine", "sigmoid", "flow"), (10, 40)):
        s = schedule(name)
        times = grid("log_snr")(s, T)
        level, share = s.log_snr(times), s.log_snr(times[0]).neg().sigmoid()  # share of noise at t = 1
        prior = 0.5 * ((1 - share) * (S.trace() + MU @ MU) + 2 * (share - 1 - share.log()))
        diffusion = (0.5 * level[:-1].exp().diff() * GAUSSIAN.gaussian_mmse(level[:-2])).sum()
        exact = float(prior + diffusion + 1 + math.log(2 * math.pi) - level[-2]) - GAUSSIAN.entropy()
        above = variational_bound(GAUSSIAN.denoise(s), s, times, x0, seeded(T)).total + GAUSSIAN.log_prob(x0)
        slack = 4.5 * float(above.std()) / len(x0) ** 0.5
        yield f"{name}, {T} steps", above.mean(), max(exact - slack, 1e-9), exact + slack


def continuous_time() -> Iterator[Case]:
    """An error of 1 / (1 + SNR) is worth 1/2 log of the ratio of 1 + SNR at the ends, under every schedule between them."""
    for name in ("linear", "cosine", "sigmoid"):
        s, end = schedule(name), schedule(name).log_snr(_f64(1.0))
        clean = s.inverse(_f64(7.0))
        exact = 0.5 * math.log((1 + math.exp(7)) / (1 + end.exp()))

        def denoise(x: Tensor, t: Tensor, s: Schedule = s) -> Tensor:
            return x * 0 + (1 + s.log_snr(t).exp())[:, None] ** -0.5

        parts = continuous_bound(denoise, s, torch.zeros(100, 1, dtype=torch.float64), clean, 100, seeded(0))
        yield name, parts.diffusion.mean() / exact, 0.99, 1.01


def mmse_and_information() -> Iterator[Case]:
    """The mmse is below the Gaussian's, falls, and is twice the slope of the information in nats, by quadrature in one dimension."""
    w, m, v = np.array([0.3, 0.7]), np.array([-1.5, 1.0]), np.array([0.2, 0.05])
    mixture = Mixture(*(torch.from_numpy(part) for part in (w, m[:, None], v[:, None, None])))

    def nats_and_mmse(snr: float) -> tuple[float, float]:
        y, width = np.linspace(-12, 12, 40_001, retstep=True)
        y, width, C = y * math.sqrt(1 + snr), width * math.sqrt(1 + snr), snr * v[:, None] + 1
        p = (w[:, None] * np.exp(-((y - math.sqrt(snr) * m[:, None]) ** 2) / 2 / C) / np.sqrt(2 * math.pi * C)).sum(0)
        x0_hat = mixture.posterior_mean(torch.from_numpy(y)[:, None], _f64(math.sqrt(snr)), _f64(1.0))[:, 0].numpy()
        return -(p * np.log(p + 1e-300)).sum() * width, w @ (v + m**2) - (p * x0_hat**2).sum() * width

    for snr in (0.1, 1.0, 10.0):
        slope = (nats_and_mmse(1.001 * snr)[0] - nats_and_mmse(0.999 * snr)[0]) / (0.002 * snr)
        yield f"2 dI/dsnr over mmse, snr {snr:g}", 2 * slope / nats_and_mmse(snr)[1], 0.9999, 1.0001
    levels = torch.linspace(-8, 8, 17, dtype=torch.float64)
    curve = _f64([nats_and_mmse(math.exp(level))[1] for level in levels])
    yield "over that of the Gaussian", (curve / Gaussian(torch.zeros(1), mixture.covariance()).gaussian_mmse(levels)).max(), 0, 1
    yield "largest rise", curve.diff().max().clamp(min=0), 0, 0


def likelihood_of_the_flow() -> Iterator[Case]:
    """The probability flow has the density of centred Gaussian data to 1e-6 nats, and random probes do not bias it."""
    oracle = Gaussian(0 * MU, S)
    x = oracle.sample(8, seeded(0))
    for name, clean in itertools.product(("cosine", "flow"), (15.0, 4.0)):  # at the clean end: x_0 with e^-clean of noise
        ours = ode_log_prob(oracle.denoise(schedule(name)), schedule(name), x, steps=96, clean_log_snr=clean)
        exact = Gaussian(0 * MU, S + math.exp(-clean) * torch.eye(2)).log_prob(x)
        yield f"{name} from log-SNR {clean:g}", (ours - exact).abs().max(), 0, 1e-6
    likelihood = partial(ode_log_prob, oracle.denoise(schedule("flow")), schedule("flow"), steps=16)
    estimate = likelihood(x[:1].expand(1000, 2), probes=1, generator=seeded(1))
    yield "Hutchinson's bias in standard errors", (estimate.mean() - likelihood(x[:1])).abs() / estimate.std() * 1000**0.5, 0, 4.5


def guidance() -> Iterator[Case]:
    """Scale 0 is unconditional, 1 conditional, any other the Gaussian of precision w P_1 + (1 - w) P_0."""
    s, x, t = schedule("linear"), _normal(8, 2), _f64(0.4)
    alpha, sigma = s(t)
    P1, P0 = (torch.linalg.inv(alpha**2 * c * S + sigma**2 * torch.eye(2, dtype=torch.float64)) for c in (1, 2))
    for w in (0.0, 1.0, 3.0):
        score = -(x - alpha * MU) @ P1 * w - x @ P0 * (1 - w)
        x0_hat = guided(GAUSSIAN.denoise(s), Gaussian(0 * MU, 2 * S).denoise(s), w)(x, t)
        yield f"scale {w:g}", ((alpha * x0_hat - x) / sigma**2 - score).abs().max(), 0, 1e-9


def finite_values() -> Iterator[Case]:
    """Coefficients, slopes, every target's estimate and every sampler's end, T from 2 to 4000: how many numbers are not finite."""
    for name in SCHEDULES:
        bad = 0
        for T in (2, 4, 10, 100, 1000, 4000):
            s, n = _make(name, T), sorted({T, T - 1, 1, 0}, reverse=True)
            t = _f64(n) / T
            numbers = [*s(t), *s.slope(t)]
            numbers += [_last(method, DIAGONAL, s, t, _normal(2, 2), error=_error(s)) for method in SAMPLERS]
            for kind in TARGETS:
                try:
                    check_pair(s, kind)
                except UsageError:
                    continue  # refused by name: eps where no signal is left
                numbers.append(Denoiser(lambda x, t, cond: x, s, target(kind))(torch.ones(len(t), 2), t))  # noqa: ARG005
            bad += sum(int((~c.isfinite()).sum()) for c in numbers)
        yield name, bad, 0, 0


def rows_are_independent() -> Iterator[Case]:
    """A row's sample depends on that row's start and noise: not on the order of the batch, nor on its size."""
    s, x, noise, order = schedule("cosine"), _normal(6, 2), _normal(6, 2, seed=1), torch.tensor([3, 1, 5, 0, 4, 2])

    def run(name: str, rows: Tensor) -> Tensor:
        return _last(name, DIAGONAL, s, grid("uniform")(s, 6), x[rows], noise=lambda _: noise[rows], error=_error(s))

    for name in SAMPLERS:
        whole = run(name, torch.arange(6))
        gaps = torch.cat([run(name, order) - whole[order], run(name, order[:1]) - whole[order[:1]]])
        yield name, gaps.abs().max(), 0, 1e-10


def average_of_weights() -> Iterator[Case]:
    """The average after updates of known weights w_k is sum_k (1 - d_k) prod_{j > k} d_j w_k, the first weights' share included."""
    state, n, ema = State(torch.nn.Linear(1, 1, bias=False), Recipe()), 40, 0.8
    weights, decays = _normal(n + 1).tolist(), [1.0, *(min(ema, (1 + k) / (10 + k)) for k in range(n))]
    state.average[0].fill_(weights[0])
    for k in range(n):
        state.weights[0].data.fill_(weights[k + 1])
        state.update_average(ema_decay(k, ema))
    expected = weights[0] * math.prod(decays)
    expected += sum((1 - decays[k]) * math.prod(decays[k + 1 :]) * weights[k] for k in range(1, n + 1))
    yield f"warm-up, then {ema}", abs(state.average[0].item() - expected), 0, 1e-6


CHECKS: dict[int, Callable[[], Iterator[Case]]] = {
    1: forward_moments, 2: composition, 3: posterior, 4: targets_there_and_back, 5: one_gradient, 6: Gaussian_posterior_mean,
    7: mixture_score, 8: finite_data_set, 9: exact_flow, 10: order, 11: eta_1_is_ancestral, 12: optimal_variance,
    13: variational_bound_above, 14: continuous_time, 16: mmse_and_information, 17: likelihood_of_the_flow, 20: guidance,
    21: finite_values, 22: rows_are_independent, 23: average_of_weights,
}  # fmt: skip


def _f64(x: object) -> Tensor:
    return torch.tensor(x, dtype=torch.float64)


MU, S, VARIANCE = _f64([0.5, -1.0]), _f64([[1.1, 0.4], [0.4, 0.8]]), _f64([0.25, 1.5])
GAUSSIAN, DIAGONAL = Gaussian(MU, S), Gaussian(torch.zeros(2), torch.diag(VARIANCE))
MIXTURE = Mixture(_f64([0.4, 0.6]), torch.stack([MU, -MU]), torch.stack([S, 0.3 * S]))
EARLY, LATE = torch.combinations(_f64([0.0, 0.001, 0.1, 0.4, 0.401, 0.8, 1.0])).unbind(1)  # s < t: neighbours, strides, ends


def _make(name: str, T: int) -> Schedule:
    if name == "chain":
        return schedule(name, betas=np.linspace(1e-4, 0.02, T).tolist())
    return schedule(name) if name in ("vp", "ve", "flow") else schedule(name, T=T)


def _schedules() -> dict[str, Schedule]:
    """Every schedule at T = 1000; the bare sigmoid, which is pure noise long before its end there, at T = 10."""
    return {name: _make(name, 10 if name == "sigmoid_bare" else 1000) for name in SCHEDULES}


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=seeded(seed))


def _estimate(s: Schedule, of: Target, x: Tensor, t: Tensor, F: Tensor) -> Tensor:
    return Denoiser(lambda x, t, cond: F, s, of)(x, t)  # noqa: ARG005


def _error(s: Schedule) -> Callable[[Tensor], Tensor]:
    return lambda t: VARIANCE / (1 + s.log_snr(t).exp() * VARIANCE)


def _last(name: str, oracle: Oracle, s: Schedule, times: Tensor, x: Tensor, **extras: Callable) -> Tensor:
    """Where a sampler arrives, given of noise and error what it needs; standard normal noise if none is given."""
    extras = {"noise": lambda x: _normal(*x.shape, seed=2), **extras}
    needed = {key: extras[key] for key in SAMPLERS[name].needs}
    return list(SAMPLERS[name].run(oracle.denoise(s), s, times, x, **needed))[-1]


def _spread(name: str, s: Schedule, n: int) -> Tensor:
    """Eq. (2): output variance over the data's, in each of DIAGONAL's dimensions, with the true variance at the start."""
    times, step, units = grid("uniform")(s, n), itertools.count(2), torch.eye(n + 2, dtype=torch.float64)
    start = units[:, 1:2].expand(-1, 2)  # row 0 starts at 0, row 1 at 1, and row 2 + i has a unit of noise in step i
    out = _last(name, DIAGONAL, s, times, start, noise=lambda x: units[next(step)][:, None].expand_as(x), error=_error(s))
    (alpha, sigma), response = s(times[0]), (out - out[0])[1:].square()
    return (response[0] * (alpha**2 * VARIANCE + sigma**2) + response[1:].sum(0)) / VARIANCE
