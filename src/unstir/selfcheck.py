"""The exact truths, measured on this machine for every schedule, target and sampler: `for row in selfcheck(): print(row)`.

Nothing is trained. A Gaussian N(mu, S) is known at every noise level, so each formula here has an answer to compare with:

    x_t ~ N(alpha mu, alpha^2 S + sigma^2 I),   its denoiser, its flow to the data, its density and its bound      (oracles)
    error ~ n^-order                            the slope of log error against log n is the order of a sampler     (1)
    x_s = A x_t + b + c noise                   every step is affine here, so an output variance is a sum of
                                                squares of responses to one unit of noise at a time: no chance     (2)

A check is a function that yields (subject, measured, low, high); a row is good where low <= measured <= high, and NaN is not.

    >>> first = next(selfcheck())
    >>> first.truth, first.subject, first.bar, first.ok
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

from unstir.denoiser import TARGETS, Denoiser, check_pair, target, wanted
from unstir.errors import UsageError
from unstir.guidance import guided
from unstir.likelihood import continuous_bound, ode_log_prob, variational_bound
from unstir.loss import errors, examples, weight
from unstir.oracles import Gaussian, Mixture, Oracle, Points
from unstir.samplers import SAMPLERS, ddim, ddpm
from unstir.schedules import SCHEDULES, Chain, Schedule, schedule
from unstir.seeds import seeded
from unstir.times import grid

LENGTHS = (2, 4, 10, 100, 1000, 4000)
Case = tuple[str, float, float, float]
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
    for truth, check in CHECKS.items():
        for subject, measured, low, high in check():
            bar = f"<= {high:g}" if low == 0 else f"{low:.4g} .. {high:.4g}"
            yield Row(truth, subject, float(measured), bar, bool(low <= measured <= high))


def forward_moments() -> Iterator[Case]:
    """A chain stepped one beta at a time has mean alpha and variance sigma^2; other families keep their own sum."""
    for name, s in _schedules().items():
        if isinstance(s, Chain):
            betas = np.array(s.betas)
            mean2, variance = np.cumprod(1 - betas), np.zeros(len(betas) + 1)
            for n, beta in enumerate(betas, 1):
                variance[n] = (1 - beta) * variance[n - 1] + beta
            alpha, sigma = s(torch.arange(1, len(betas) + 1, dtype=torch.float64) / len(betas))
            worst = max(np.abs(alpha**2 / mean2 - 1).max(), np.abs(sigma**2 / variance[1:] - 1).max())
        else:
            alpha, sigma = s(torch.linspace(0, 1, 101, dtype=torch.float64))
            kept = {"vp": alpha**2 + sigma**2, "flow": alpha + sigma, "ve": alpha}[name]
            worst = (kept - 1).abs().max()
        yield name, worst, 0, 1e-12


def composition() -> Iterator[Case]:
    """q(x_t | x_s) after q(x_s | x_0) is q(x_t | x_0), for neighbours and for strides, and no variance is negative."""
    for name, s in _schedules().items():
        before, after = _pairs()
        (alpha_s, sigma_s), (alpha_t, sigma_t) = s(before), s(after)
        a, variance = s.transition(before, after)
        error = torch.cat([(a * alpha_s - alpha_t).abs(), (a**2 * sigma_s**2 + variance - sigma_t**2).abs() / sigma_t**2])
        yield name, error.max() if (variance >= 0).all() else math.inf, 0, 1e-10


def posterior() -> Iterator[Case]:
    """q(x_s | x_t, x_0) is what conditioning the joint Gaussian of (x_s, x_t) given x_0 leaves."""
    for name, s in _schedules().items():
        before, after = _pairs()
        (alpha_s, sigma_s), (alpha_t, sigma_t) = s(before), s(after)
        gain = alpha_t / alpha_s * sigma_s**2 / sigma_t**2
        by_hand = gain, alpha_s - gain * alpha_t, sigma_s**2 * (1 - gain * alpha_t / alpha_s)
        yield name, max((a - b).abs().max() for a, b in zip(s.posterior(before, after), by_hand, strict=True)), 0, 1e-9


def conversion() -> Iterator[Case]:
    """A perfect answer in one target gives x_0 and eps, these the answer in any other, and that one the first again."""
    x0, eps = _normal(2, 5, 3)
    for (name, s), (a, of_a) in itertools.product(_schedules().items(), TARGETS.items()):
        t = s.inverse(torch.linspace(-20, 20, 21, dtype=torch.float64))[:, None]
        alpha, sigma = (c[..., None] for c in s(t))
        x, worst = alpha * x0 + sigma * eps, 0.0
        F = _wanted(s, of_a, x0, eps, t)
        for of_b in TARGETS.values():
            c = [k[..., None] for k in of_a(s, t)]
            x0_hat = c[1] * x + c[2] * F
            there = _wanted(s, of_b, x0_hat, eps if a == "eps" else (x - alpha * x0_hat) / sigma, t)
            c = [k[..., None] for k in of_b(s, t)]
            worst = max(worst, float((c[1] * x + c[2] * there - x0).abs().max()))
        yield f"{name} / {a}", worst, 0, 1e-6


def one_gradient() -> Iterator[Case]:
    """A weight on the error of x_0 has one gradient, whichever target the network predicts."""
    x0, eps = _normal(2, 16, 3)
    t = torch.linspace(0.02, 0.98, 16, dtype=torch.float64)
    for name in ("min_snr", "edm", "elbo"):
        worst = 0.0
        for s in _schedules().values():
            gradients, x = [], s.diffuse(x0, t, eps)
            for of in TARGETS.values():
                theta = torch.full((3, 3), 0.1, dtype=torch.float64, requires_grad=True)
                c = of(s, t)
                F = (x @ theta - c.c_skip[:, None] * x) / c.c_out[:, None]
                loss = errors(F, examples(s, of, weight(name), x0, eps, t)).mean()
                gradients.append(torch.autograd.grad(loss, theta)[0])
            worst = max(worst, max(float((g / gradients[0] - 1).abs().max()) for g in gradients))
        yield f"{name} / all targets", worst, 0, 1e-5


def gaussian_mean() -> Iterator[Case]:
    """E[x_0 | x_t] = mu + alpha S (alpha^2 S + sigma^2 I)^-1 (x_t - alpha mu), by a linear solver."""
    x = _normal(8, 2)
    for name, s in _schedules().items():
        worst = 0.0
        for t in torch.linspace(0.01, 1, 7, dtype=torch.float64):
            alpha, sigma = s(t)
            C = alpha**2 * S + sigma**2 * torch.eye(2, dtype=torch.float64)
            by_hand = MU + (x - alpha * MU) @ torch.linalg.solve(C, alpha * S)
            worst = max(worst, float((GAUSSIAN.denoise(s)(x, t) - by_hand).abs().max()))
        yield name, worst, 0, 1e-10


def mixture_score() -> Iterator[Case]:
    """The mixture's denoiser gives the gradient of its log-density."""
    x = _normal(8, 2).requires_grad_()
    for name, s in _schedules().items():
        t = torch.linspace(0.1, 1, 8, dtype=torch.float64)
        (gradient,) = torch.autograd.grad(MIXTURE.log_prob(x, t, s).sum(), x)
        yield name, (MIXTURE.score(x.detach(), t, s) - gradient).abs().max(), 0, 1e-8


def memorised() -> Iterator[Case]:
    """The denoiser of a finite data set makes nothing but its rows, whichever sampler asks it."""
    rows, s = torch.tensor([[1.0, 1.0], [-1.0, 0.5], [0.3, -1.2]], dtype=torch.float64), schedule("linear")
    for name in SAMPLERS:
        x = _last(name, Points(rows), s, grid("sinh")(s, 40), _normal(16, 2), error=lambda t: 0 * t)
        yield name, torch.cdist(x, rows).min(1).values.max(), 0, 1e-6


def exact_flow() -> Iterator[Case]:
    """The path from noise to data ends at mu + s (x_T - alpha mu) / sqrt(alpha^2 s^2 + sigma^2), here in 40 steps."""
    for name, s in _schedules().items():
        times = grid("sinh", end=14.0)(s, 40)
        x = torch.hypot(*s(times[0])) * _normal(8, 2)
        yield name, (_last("adams_bashforth3", GAUSSIAN, s, times, x) - GAUSSIAN.flow(x, times[0], s)).abs().max(), 0, 0.02


def order() -> Iterator[Case]:
    """Eq. (1) between two finite noise levels, the first as noisy as it gets: there a multistep method's start costs nothing."""
    for (name, sampler), kind in itertools.product(SAMPLERS.items(), ("linear", "cosine", "flow")):
        if sampler.order is not None:
            s, gaps = schedule(kind), []
            for n in (40, 80):
                times = s.inverse(torch.linspace(-10, 2, n + 1, dtype=torch.float64))
                x = torch.hypot(*s(times[0])) * _normal(16, 2)
                gap = _last(name, GAUSSIAN, s, times, x) - GAUSSIAN.flow(x, times[0], s, times[-1])
                gaps.append(float(gap.square().mean()) ** 0.5)
            yield f"{kind} / {name}", math.log2(gaps[0] / gaps[1]), sampler.order - 0.3, sampler.order + 0.6


def ancestral() -> Iterator[Case]:
    """DDIM with eta = 1 is DDPM with beta-tilde, state by state on the same noise; with many steps its variance is the data's."""
    for name, s in _schedules().items():
        times, noise = grid("uniform")(s, 8), _normal(8, 2, seed=1)
        runs = [list(f(GAUSSIAN.denoise(s), s, times, _normal(8, 2), lambda x: noise)) for f in (partial(ddim, eta=1.0), ddpm)]
        yield name, max((a - b).abs().max() for a, b in zip(*runs, strict=True)), 0, 1e-8
    for name in ("ddpm", "ddpm_beta", "dpm_solver_sde"):
        yield f"linear / {name}, 200 steps", _spread(name, schedule("linear"), 200)[1], 0.95, 1.05


def optimal_variance() -> Iterator[Case]:
    """The optimal reverse variance makes the output's spread right at any number of steps; beta-tilde makes it too small."""
    for name, s in _schedules().items():
        yield f"{name} / ddpm_optimal, 5 steps", (_spread("ddpm_optimal", s, 5) - 1).abs().max(), 0, 0.01
    yield "linear / ddpm, 20 steps", _spread("ddpm", schedule("linear"), 20)[0], 0.58, 0.64


def bound() -> Iterator[Case]:
    """The variational bound is above -log p by sum of 1/2 (SNR_s - SNR_t) mmse and its two ends: 4.5 standard errors."""
    x0, n = GAUSSIAN.sample(2000, seeded(0)), 2000
    for name in ("linear", "cosine", "sigmoid", "flow"):
        for T in (10, 40):
            s = schedule(name)
            times = grid("log_snr")(s, T)
            (alpha, sigma), snr = s(times), s.log_snr(times).exp()
            mmse = GAUSSIAN.gaussian_mmse(s.log_snr(times[:-2]))
            share = sigma[0] ** 2 / (alpha[0] ** 2 + sigma[0] ** 2)
            prior = 0.5 * ((1 - share) * (S.trace() + MU @ MU) + 2 * (share - 1 - share.log()))
            end = 1 + math.log(2 * math.pi) - s.log_snr(times[-2])
            exact = float(prior + (0.5 * snr[:-1].diff() * mmse).sum() + end) - GAUSSIAN.entropy()
            above = variational_bound(GAUSSIAN.denoise(s), s, times, x0, seeded(T)).total + GAUSSIAN.log_prob(x0)
            slack = 4.5 * float(above.std()) / n**0.5
            yield f"{name}, {T} steps", above.mean(), max(exact - slack, 1e-9), exact + slack


def continuous_time() -> Iterator[Case]:
    """An error of 1 / (1 + SNR) is worth 1/2 log of the ratio of 1 + SNR at the ends, under every schedule between them."""
    exact = 0.5 * math.log((1 + math.exp(7)) / (1 + math.exp(-9)))
    for name in ("linear", "cosine", "sigmoid"):
        s = _Cut(schedule(name))
        x0, clean = torch.zeros(40, 1, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
        parts = continuous_bound(lambda x, t, s=s: (1 + s.log_snr(t).exp())[:, None] ** -0.5, s, x0, clean, 300, seeded(0))
        yield name, parts.diffusion.mean(), 0.99 * exact, 1.01 * exact


def information() -> Iterator[Case]:
    """The mmse is below the Gaussian's, falls, and is twice the slope of the information in nats, by quadrature in one dimension."""
    w, m, v = np.array([0.3, 0.7]), np.array([-1.5, 1.0]), np.array([0.2, 0.05])
    mixture = Mixture(*(torch.from_numpy(part) for part in (w, m[:, None], v[:, None, None])))

    def nats_and_mmse(snr: float) -> tuple[float, float]:
        y = np.linspace(-12, 12, 40_001) * math.sqrt(1 + snr)
        C = snr * v[:, None] + 1
        p = (w[:, None] * np.exp(-((y - math.sqrt(snr) * m[:, None]) ** 2) / 2 / C) / np.sqrt(2 * math.pi * C)).sum(0)
        root, one = torch.tensor([math.sqrt(snr), 1.0], dtype=torch.float64)
        x0_hat = mixture.posterior_mean(torch.from_numpy(y)[:, None], root, one)[:, 0].numpy()
        width = y[1] - y[0]
        return -(p * np.log(p + 1e-300)).sum() * width, w @ (v + m**2) - (p * x0_hat**2).sum() * width

    for snr in (0.1, 1.0, 10.0):
        slope = (nats_and_mmse(1.001 * snr)[0] - nats_and_mmse(0.999 * snr)[0]) / (0.002 * snr)
        yield f"snr {snr:g}: 2 dI/dsnr over mmse", 2 * slope / nats_and_mmse(snr)[1], 0.9999, 1.0001
    levels = np.linspace(-8, 8, 17)
    curve = np.array([nats_and_mmse(math.exp(level))[1] for level in levels])
    gaussian = Gaussian(torch.zeros(1), mixture.covariance()).gaussian_mmse(torch.from_numpy(levels)).numpy()
    yield "mmse over that of the Gaussian", (curve / gaussian).max(), 0, 1
    yield "largest rise of the mmse", max(np.diff(curve).max(), 0), 0, 0


def flow_likelihood() -> Iterator[Case]:
    """The probability flow's density of centred Gaussian data is scipy's to 1e-6 nats, and random probes do not bias it."""
    oracle, probes = Gaussian(0 * MU, S), 1000
    x = oracle.sample(8, seeded(0))
    for name in ("cosine", "flow"):
        s = schedule(name)
        ours = ode_log_prob(oracle.denoise(s), s, x, steps=96, clean_log_snr=15.0)
        yield name, (ours - oracle.log_prob(x)).abs().max(), 0, 1e-6
    s, same = schedule("flow"), x[:1].expand(probes, 2)
    exact = ode_log_prob(oracle.denoise(s), s, x[:1], steps=16)
    estimate = ode_log_prob(oracle.denoise(s), s, same, steps=16, probes=1, generator=seeded(1))
    yield "Hutchinson's bias in standard errors", (estimate.mean() - exact).abs() / estimate.std() * probes**0.5, 0, 4.5


def guidance() -> Iterator[Case]:
    """Scale 0 is unconditional, 1 conditional, any other the Gaussian of precision w P_1 + (1 - w) P_0."""
    one, zero, s = GAUSSIAN, Gaussian(0 * MU, 2 * S), schedule("linear")
    x, t = _normal(8, 2), torch.tensor(0.4, dtype=torch.float64)
    alpha, sigma = s(t)
    P1, P0 = (torch.linalg.inv(alpha**2 * c * S + sigma**2 * torch.eye(2, dtype=torch.float64)) for c in (1, 2))
    for w in (0.0, 1.0, 3.0):
        score = -(x - alpha * MU) @ P1 * w - x @ P0 * (1 - w)
        x0_hat = guided(one.denoise(s), zero.denoise(s), w)(x, t)
        yield f"scale {w:g}", ((alpha * x0_hat - x) / sigma**2 - score).abs().max(), 0, 1e-9


def finite() -> Iterator[Case]:
    """Coefficients, slopes, estimates of every target and states of every sampler at both ends, for T of 2 to 4000: how many are not."""
    for name in SCHEDULES:
        bad = 0
        for T in LENGTHS if name in _CHAINS else (2,):
            s = _make(name, T)
            t = torch.tensor([0.0, 1 / T, 1 - 1 / T, 1.0], dtype=torch.float64)
            bad += sum(int((~c.isfinite()).sum()) for c in (*s(t), *s.slope(t)))
            for kind in TARGETS:
                try:
                    check_pair(s, kind)
                except UsageError:
                    continue
                x0_hat = Denoiser(lambda x, t, cond: x, s, target(kind))(torch.ones(4, 2), t)  # noqa: ARG005
                bad += int((~x0_hat.isfinite()).sum())
            times = torch.tensor(sorted({1.0, (T - 1) / T, 1 / T, 0.0}, reverse=True), dtype=torch.float64)
            for method in SAMPLERS:
                bad += int((~_last(method, DIAGONAL, s, times, _normal(2, 2), error=_error(s)).isfinite()).sum())
        yield name, bad, 0, 0


def one_row_at_a_time() -> Iterator[Case]:
    """A row's sample depends on that row's start and noise: not on the order of the batch, nor on its size."""
    s, x, order = schedule("cosine"), _normal(6, 2), torch.tensor([3, 1, 5, 0, 4, 2])
    for name in SAMPLERS:
        times, noise = grid("uniform")(s, 6), _normal(6, 2, seed=1)
        whole, permuted, alone = (
            _last(name, DIAGONAL, s, times, x[rows], noise=lambda _, rows=rows: noise[rows], error=_error(s))
            for rows in (torch.arange(6), order, order[:1])
        )
        yield name, torch.cat([permuted - whole[order], alone - whole[order[:1]]]).abs().max(), 0, 1e-10


CHECKS: dict[str, Callable[[], Iterator[Case]]] = {
    "1 forward moments": forward_moments,
    "2 composition": composition,
    "3 posterior": posterior,
    "4 targets there and back": conversion,
    "5 one gradient": one_gradient,
    "6 Gaussian posterior mean": gaussian_mean,
    "7 mixture's score": mixture_score,
    "8 finite data set": memorised,
    "9 exact flow": exact_flow,
    "10 order": order,
    "11 eta = 1 is ancestral": ancestral,
    "12 optimal variance": optimal_variance,
    "13 variational bound": bound,
    "14 continuous time": continuous_time,
    "16 mmse and information": information,
    "17 likelihood of the flow": flow_likelihood,
    "20 guidance": guidance,
    "21 finite values": finite,
    "22 rows are independent": one_row_at_a_time,
}

MU, S = torch.tensor([0.5, -1.0], dtype=torch.float64), torch.tensor([[1.1, 0.4], [0.4, 0.8]], dtype=torch.float64)
GAUSSIAN = Gaussian(MU, S)
VARIANCE = torch.tensor([0.25, 1.5], dtype=torch.float64)
DIAGONAL = Gaussian(torch.zeros(2), torch.diag(VARIANCE))
MIXTURE = Mixture(torch.tensor([0.4, 0.6]), torch.stack([MU, -MU]), torch.stack([S, 0.3 * S]))
_CHAINS = ("linear", "cosine", "sigmoid", "sigmoid_bare", "sigmoid_alpha_bar", "scaled_linear", "chain")


class _Cut(Schedule):
    """A schedule cut to log-SNR from 7 to -9, so that all of them share their ends."""

    def __init__(self, whole: Schedule):
        self.whole, self.ends = whole, whole.inverse(torch.tensor([7.0, -9.0]))

    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return self.whole(torch.lerp(*self.ends, t.double()))


def _make(name: str, T: int) -> Schedule:
    if name == "chain":
        return schedule(name, betas=np.linspace(1e-4, 0.02, T).tolist())
    return schedule(name, T=T) if name in _CHAINS else schedule(name)


def _schedules() -> dict[str, Schedule]:
    """Every schedule at T = 1000; the bare sigmoid, which is pure noise before n = 100 of 1000, at T = 10."""
    return {name: _make(name, 10 if name == "sigmoid_bare" else 1000) for name in SCHEDULES}


def _pairs() -> tuple[Tensor, Tensor]:
    """Times s < t: neighbours, strides and both ends."""
    times = torch.tensor([0.0, 0.001, 0.1, 0.4, 0.401, 0.8, 1.0], dtype=torch.float64)
    pairs = torch.combinations(times)
    return pairs[:, 0], pairs[:, 1]


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=seeded(seed))


def _wanted(s: Schedule, of: Callable, x0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
    """`wanted` for levels t (K, 1) and rows (K or 1, B, d)."""
    x0, eps = torch.broadcast_tensors(x0, eps)
    rows = [wanted(s, of, x0 if x0.ndim == 2 else x0[i], eps if eps.ndim == 2 else eps[i], t[i, 0]) for i in range(len(t))]
    return torch.stack(rows)


def _last(name: str, oracle: Oracle, s: Schedule, times: Tensor, x: Tensor, **extras: Callable) -> Tensor:
    """Where a sampler arrives, given of noise and error what it needs; noise is standard normal if none is given."""
    extras = {"noise": lambda x: _normal(*x.shape, seed=2), **extras}
    needs = {key: extras[key] for key in SAMPLERS[name].needs}
    for x in SAMPLERS[name].run(oracle.denoise(s), s, times, x, **needs):
        pass
    return x


def _error(s: Schedule) -> Callable[[Tensor], Tensor]:
    return lambda t: VARIANCE / (1 + s.log_snr(t).exp() * VARIANCE)


def _spread(name: str, s: Schedule, n: int) -> Tensor:
    """Eq. (2): output variance over the data's, in each of DIAGONAL's dimensions, with the true variance at the start."""
    times, step = grid("uniform")(s, n), itertools.count(2)
    x = torch.zeros(n + 2, 2, dtype=torch.float64)
    x[1] = 1

    def noise(x: Tensor) -> Tensor:
        unit = torch.zeros_like(x)
        unit[next(step)] = 1
        return unit

    out = _last(name, DIAGONAL, s, times, x, noise=noise, error=_error(s))
    alpha, sigma = s(times[0])
    response = (out - out[0])[1:].square()
    return (response[0] * (alpha**2 * VARIANCE + sigma**2) + response[1:].sum(0)) / VARIANCE
