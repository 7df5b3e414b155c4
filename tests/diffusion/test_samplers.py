"""Samplers: each equation in its paper's own symbols, the order each declares, and the spread of those that draw noise.

With the exact denoiser of a Gaussian every step is affine in x and in its noise, so the output's covariance is found exactly, with
no random number: one row starts at 0, one at 1, and one row a step gets a unit of noise in that step alone.
"""

import itertools
import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from unstir.diffusion.chains import Chain, cosine, linear, sigmoid
from unstir.diffusion.continuous import VE, VP, Flow
from unstir.diffusion.oracles import Gaussian, Points
from unstir.diffusion.registry import SCHEDULES
from unstir.diffusion.samplers import (
    SAMPLERS,
    VARIANCES,
    adams_bashforth,
    ddim,
    ddpm,
    default,
    dpm_solver,
    euler,
    exponential_weights,
    heun,
    plan,
    sampler,
)
from unstir.diffusion.schedules import schedule
from unstir.diffusion.times import grid
from unstir.errors import UsageError

CHAINS = ["linear", "cosine", "sigmoid", "sigmoid_bare", "sigmoid_alpha_bar", "scaled_linear"]
# The bare sigmoid at T = 1000 ends at alpha_bar = 1e-711, which no float64 holds: 10 steps still leave 1e-8.
EVERY = {
    name: schedule(name, betas=[0.01] * 1000) if name == "chain" else schedule(name, T=10) if name == "sigmoid_bare"
    else schedule(name)
    for name in SCHEDULES
}  # fmt: skip
every = pytest.mark.parametrize("s", EVERY.values(), ids=EVERY.keys())
each = pytest.mark.parametrize("name", SAMPLERS)
VARIANCE = torch.tensor([0.25, 1.5], dtype=torch.float64)
DIAGONAL = Gaussian(torch.zeros(2), torch.diag(VARIANCE))
GAUSSIAN = Gaussian(torch.tensor([0.5, -1.0]), torch.tensor([[0.6, 0.3], [0.3, 1.2]]))


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def last(states):
    return list(states)[-1]


def rows(n=8, d=2, seed=0):
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def no_noise(x):
    return torch.zeros_like(x)


def exact_error(s):
    """The exact mean squared error of DIAGONAL's denoiser in each dimension: v / (1 + snr v)."""
    return lambda t: VARIANCE / (1 + s.log_snr(t).exp() * VARIANCE)


def run(name, s, times, x, oracle=DIAGONAL, noise=no_noise):
    """Any sampler by its name, with what it needs."""
    extras = {"noise": noise, "error": exact_error(s)}
    return SAMPLERS[name].run(oracle.denoise(s), s, times, x, **{key: extras[key] for key in SAMPLERS[name].needs})


def spread(states_of, s, times):
    """Exact output variance over the data's, in each dimension, from x at times[0] with the true variance there."""
    step = iter(range(len(times)))
    x = torch.zeros(len(times) + 2, 2, dtype=torch.float64)
    x[1] = 1

    def noise(x):
        unit = torch.zeros_like(x)
        unit[2 + next(step)] = 1
        return unit

    out = last(states_of(x, noise))
    alpha, sigma = s(times[0])
    response = (out - out[0])[1:]
    return (response[0] ** 2 * (alpha**2 * VARIANCE + sigma**2) + response[1:].square().sum(0)) / VARIANCE


# ---- the papers' equations


def test_ancestral_sampling_is_algorithm_2_of_the_paper():
    # x_{n-1} = (x_n - beta_n / sqrt(1 - abar_n) eps) / sqrt(alpha_n) + sigma_n z, sigma_n^2 = beta_n or beta-tilde_n, z = 0 at n = 1.
    # Catches the mean taken at the wrong end of a step, beta for beta-tilde, and noise in the last step.
    T, z = 20, rows(seed=1)
    betas = np.linspace(0.01, 0.4, T)
    alphas, s = 1 - betas, Chain(tuple(betas.tolist()))
    abar = np.concatenate([[1.0], np.cumprod(alphas)])
    for variance in ("beta", "beta_tilde"):
        states = list(ddpm(GAUSSIAN.denoise(s), s, grid("chain")(s, T), rows(), lambda x: z, variance=variance))  # noqa: ARG005
        assert len(states) == T + 1
        for n, x, after in zip(range(T, 0, -1), states, states[1:], strict=False):
            eps = (x - np.sqrt(abar[n]) * GAUSSIAN.denoise(s)(x, f64(n / T))) / np.sqrt(1 - abar[n])
            mean = (x - betas[n - 1] / np.sqrt(1 - abar[n]) * eps) / np.sqrt(alphas[n - 1])
            tilde = (1 - abar[n - 1]) / (1 - abar[n]) * betas[n - 1]
            noise = {"beta": betas[n - 1], "beta_tilde": tilde}[variance] ** 0.5 * z if n > 1 else 0
            torch.testing.assert_close(after, mean + noise, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_ddim_is_equation_12_of_the_paper(eta):
    # Song et al. 2021 in their symbols (their alpha is alpha-bar), strided. Catches sigma for sigma^2 under the root.
    s, z = linear(T=100), rows(seed=1)
    abar = np.concatenate([[1.0], np.cumprod(1 - np.linspace(1e-4, 0.02, 100))])
    times = grid("chain")(s, 7)
    states = list(ddim(GAUSSIAN.denoise(s), s, times, rows(), lambda x: z, eta))  # noqa: ARG005
    for t, before, x, after in zip(times[:-1], times[1:], states[:-1], states[1:], strict=True):
        a_t, a_s = (abar[round(time.item() * 100)] for time in (t, before))
        eps = (x - np.sqrt(a_t) * GAUSSIAN.denoise(s)(x, t)) / np.sqrt(1 - a_t)
        sigma = eta * np.sqrt((1 - a_s) / (1 - a_t)) * np.sqrt(1 - a_t / a_s)
        expected = np.sqrt(a_s) * (x - np.sqrt(1 - a_t) * eps) / np.sqrt(a_t) + np.sqrt(1 - a_s - sigma**2) * eps + sigma * z
        torch.testing.assert_close(after, expected, rtol=1e-9, atol=1e-9)


def test_dpm_solver_is_algorithm_2_of_the_paper():
    # Lu et al. 2022: D = (1 + 1/(2 r)) x_i-1 - 1/(2 r) x_i-2, x = sigma_i/sigma_i-1 x - alpha_i (e^-h - 1) D, r = h_i-1 / h_i; the
    # first step is DDIM. Catches r upside down, h of the wrong step, and the newest estimate taken for the one before.
    s, times = cosine(), f64([0.9, 0.72, 0.6, 0.35, 0.3, 0.1])
    states = list(dpm_solver(GAUSSIAN.denoise(s), s, times, rows()))
    alpha, sigma = s(times)
    lam, x = (alpha / sigma).log(), rows()
    x0 = [GAUSSIAN.denoise(s)(state, t) for state, t in zip(states, times, strict=True)]
    for i in range(1, 6):
        h = lam[i] - lam[i - 1]
        D = x0[i - 1]
        if i > 1:
            r = (lam[i - 1] - lam[i - 2]) / h
            D = (1 + 1 / (2 * r)) * x0[i - 1] - 1 / (2 * r) * x0[i - 2]
        x = sigma[i] / sigma[i - 1] * x - alpha[i] * torch.expm1(-h) * D
        torch.testing.assert_close(states[i], x, rtol=1e-9, atol=1e-9)


def test_the_stochastic_dpm_solver_is_its_sde_form():
    # Lu et al. 2022, section 3.4: x = sigma_s/sigma_t e^-h x + alpha_s (1 - e^-2h) D + sigma_s sqrt(1 - e^-2h) z.
    s, times, z = linear(), f64([0.8, 0.5, 0.3]), rows(seed=1)
    states = list(dpm_solver(GAUSSIAN.denoise(s), s, times, rows(), lambda x: z, eta=1.0))  # noqa: ARG005
    alpha, sigma = s(times)
    h = (alpha / sigma).log().diff()
    before, now = (GAUSSIAN.denoise(s)(x, t) for x, t in zip(states[:2], times[:2], strict=True))
    D = now + h[1] / h[0] / 2 * (now - before)
    expected = (
        sigma[2] / sigma[1] * (-h[1]).exp() * states[1]
        + alpha[2] * (1 - (-2 * h[1]).exp()) * D
        + sigma[2] * (1 - (-2 * h[1]).exp()).sqrt() * z
    )
    torch.testing.assert_close(states[2], expected, rtol=1e-9, atol=1e-9)


def test_two_step_adams_bashforth_has_its_phi_functions():
    # x = sigma_s/sigma_t x + alpha_s ((1 - e^-h) x0 + (h - 1 + e^-h) / h' (x0 - x0')), the integral of e^l times a line, by parts.
    # Catches weights that are right for a constant only, and history in the wrong order.
    s, times = VP(), f64([0.9, 0.7, 0.6, 0.3])
    states = list(adams_bashforth(GAUSSIAN.denoise(s), s, times, rows(), order=2))
    alpha, sigma = s(times)
    h = (alpha / sigma).log().diff()
    x0 = [GAUSSIAN.denoise(s)(x, t) for x, t in zip(states, times, strict=True)]
    for i in (1, 2):
        line = (h[i] - 1 + (-h[i]).exp()) / h[i - 1] * (x0[i] - x0[i - 1])
        x = sigma[i + 1] / sigma[i] * states[i] + alpha[i + 1] * (-torch.expm1(-h[i]) * x0[i] + line)
        torch.testing.assert_close(states[i + 1], x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("places", [[0.3], [0.3, -0.5], [0.3, -0.5, -0.9], [0.3, -0.5, -0.9, -2.0]])
def test_the_weights_integrate_every_polynomial_of_their_degree(places):
    for stop in (0.4, 1.5, 9.0):
        weights = exponential_weights(places, 0.3, stop)
        for k in range(len(places)):
            exact = quad(lambda at, k=k, stop=stop: math.exp(at - stop) * at**k, 0.3, stop, epsabs=1e-13, epsrel=1e-13)[0]
            assert sum(w * p**k for w, p in zip(weights, places, strict=True)) == pytest.approx(exact, rel=1e-9)


def test_the_weights_at_the_ends():
    # The jump to the data takes the newest estimate; one made in pure noise is at -inf and counts for nothing afterwards.
    assert exponential_weights([2.0, 1.0, 0.0], 2.0, math.inf) == [1, 0, 0]
    assert exponential_weights([-math.inf], -math.inf, -3.0) == [1]
    assert exponential_weights([0.5, -math.inf], 0.5, 1.0) == pytest.approx([1 - math.exp(-0.5), 0])


def test_euler_on_the_straight_line_is_the_flow_matching_loop():
    # x <- x + (s - t) (eps - x0), typed. Catches a velocity of the other sign. Under `Flow` it is DDIM, and so is AB1 anywhere.
    s, times, x = Flow(), grid("uniform")(Flow(), 9), rows()
    expected = x
    for t, before in itertools.pairwise(times):
        x0 = GAUSSIAN.denoise(s)(expected, t)
        expected = expected + (before - t) * ((expected - (1 - t) * x0) / t - x0)
    torch.testing.assert_close(last(euler(GAUSSIAN.denoise(s), s, times, x)), expected)
    torch.testing.assert_close(last(ddim(GAUSSIAN.denoise(s), s, times, x)), expected)
    for other in (linear(), VE(), Flow()):
        pair = [
            last(f(GAUSSIAN.denoise(other), other, grid("karras")(other, 9), x))
            for f in (ddim, partial(adams_bashforth, order=1))
        ]
        torch.testing.assert_close(*pair, rtol=1e-9, atol=1e-9)


def test_heun_turns_by_the_mean_of_two_slopes():
    # y = x / N, phi = atan(sigma / alpha), dy/dphi = v: predictor by rotation, then the trapezoid. Typed for one step under VE,
    # where N is not 1. Catches a step in x for one in y, and a corrector evaluated at the old time.
    s, t, before, x = VE(), f64(0.7), f64(0.6), rows()

    def v(y, sigma):
        x0 = GAUSSIAN.posterior_mean(y * math.hypot(1, sigma), f64(1.0), f64(sigma))
        eps = (y * math.hypot(1, sigma) - x0) / sigma
        return (eps - sigma * x0) / math.hypot(1, sigma)

    high, low = s(t)[1].item(), s(before)[1].item()
    y, turn = x / math.hypot(1, high), math.atan(low) - math.atan(high)
    ahead = math.cos(turn) * y + math.sin(turn) * v(y, high)
    expected = math.hypot(1, low) * (y + turn * (v(y, high) + v(ahead, low)) / 2)
    torch.testing.assert_close(last(heun(GAUSSIAN.denoise(s), s, torch.stack([t, before]), x)), expected)


# ---- order


def slope(name, s, levels, n=36):
    """log2 of the fall of the error from n to 2 n intervals, against the exact flow between two finite noise levels."""
    errors = []
    for intervals in (n, 2 * n):
        times = s.inverse(levels(intervals))
        alpha, sigma = s(times[0])
        x = alpha * f64([0.5, -1.0]) + (alpha**2 + sigma**2).sqrt() * rows(16)
        end = last(run(name, s, times, x, GAUSSIAN))
        errors.append((end - GAUSSIAN.flow(x, times[0], s, times[-1])).square().mean().sqrt().item())
    return math.log2(errors[0] / errors[1])


# A multistep method of order k starts with steps of order 1, 2, .. k - 1, whose error would hide its own. Where the path begins in
# noise that error is worth e^log_snr of itself, so the start is as noisy as the schedule gets; scaled_linear, at -5.4, is too clean
# for order 4, as is VE at its usual sigma of 80; a chain of 10 steps has kinks, and one of equal betas is like linear.
ORDERED = [name for name, s in SAMPLERS.items() if s.order and name != "adams_bashforth1"]  # which is DDIM, tested above
DEEP = {name: s for name, s in EVERY.items() if name not in ("scaled_linear", "sigmoid_bare", "chain")} | {
    "ve": VE(sigma_max=1e4)
}


@pytest.mark.parametrize("name", ORDERED)
@pytest.mark.parametrize("s", DEEP.values(), ids=DEEP.keys())
def test_every_sampler_has_the_order_it_declares(s, name):
    """Truth 10: the error falls like n^-order on the exact flow of a Gaussian (truth 9), for every sampler x schedule.

    Catches a wrong coefficient of a multistep method, which still converges, at order 1.
    """
    start = max(s.log_snr(f64(1.0)).item(), -12.0)
    measured = slope(name, s, lambda n: torch.linspace(start, 2.0, n + 1, dtype=torch.float64))
    assert SAMPLERS[name].order - 0.3 < measured < SAMPLERS[name].order + 0.6


@pytest.mark.parametrize("name", ["ddim", "euler", "heun", "dpm_solver", "adams_bashforth2"])
@pytest.mark.parametrize("s", [linear(), VE(), Flow()], ids=["linear", "ve", "flow"])
def test_the_order_does_not_depend_on_equal_steps(s, name):
    """Truth 10 with steps of unequal length in log-SNR: catches coefficients that are right for a constant step only."""
    measured = slope(name, s, lambda n: -5 + 8 * torch.linspace(0, 1, n + 1, dtype=torch.float64) ** 1.7)
    assert SAMPLERS[name].order - 0.3 < measured < SAMPLERS[name].order + 0.6


@every
@pytest.mark.parametrize("name", [name for name in ORDERED if name not in ("adams_bashforth2", "adams_bashforth4")])
def test_the_whole_way_from_noise_to_data_converges(s, name):
    """Truth 9: x_0 = mu + s (x_T - alpha mu) / sqrt(alpha^2 s^2 + sigma^2) at the end of the whole path, eightfold steps.

    Catches a last step that stops short of the data, and 0 / 0 at either end.
    """
    errors = []
    for n in (8, 64):
        times = grid("uniform")(s, n) if name == "euler" else grid("sinh", end=14.0)(s, n)
        x = torch.hypot(*s(times[0])) * rows(16)
        errors.append((last(run(name, s, times, x, GAUSSIAN)) - GAUSSIAN.flow(x, times[0], s)).abs().max())
    # Euler's steps in t cannot see the huge last beta of a capped chain, nor follow VE from sigma = 80, but they get there
    assert errors[1] < errors[0] / (3 if name == "euler" else 6)
    assert errors[1] < 0.1 or name == "euler"


def test_ddim_and_dpm_solver_have_the_published_errors():
    # references.md, section 2: exact denoiser, variances 0.25 and 1.5, linear, T = 1000, largest |x - exact x|, trailing times.
    # A test of scale, not of digits: the table's points are another draw. Catches a step lost at either end.
    s, x = linear(), rows(1000, seed=3)
    for n, of_ddim, of_dpm in ((10, 0.595, 0.300), (20, 0.308, 0.069), (50, 0.126, 0.0096)):
        times = grid("chain")(s, n)
        for f, theirs in ((ddim, of_ddim), (dpm_solver, of_dpm)):
            worst = (last(f(DIAGONAL.denoise(s), s, times, x)) - DIAGONAL.flow(x, times[0], s)).abs().max().item()
            assert worst == pytest.approx(theirs, rel=0.3)


# ---- noise


@pytest.mark.parametrize("s", [linear(), cosine(), VP(), VE(), Flow()], ids=["linear", "cosine", "vp", "ve", "flow"])
@pytest.mark.parametrize(("t", "before"), [(0.8, 0.5), (0.5, 0.49), (0.3, 0.01)])
def test_eta_1_has_the_exact_conditional_moments(s, t, before):
    """Truth 11: one step with the true x_0 known is a draw from q(x_s | x_t, x_0), by conditioning the joint Gaussian.

    Catches a noise of the right order but the wrong size, and a mean that does not make room for it.
    """
    (alpha_s, sigma_s), (alpha_t, sigma_t) = s(f64(before)), s(f64(t))
    x, x0 = rows(seed=1), rows(seed=2)
    gain = (alpha_t / alpha_s) * sigma_s**2 / sigma_t**2
    mean = alpha_s * x0 + gain * (x - alpha_t * x0)
    std = (sigma_s**2 - gain * (alpha_t / alpha_s) * sigma_s**2).sqrt()
    for step in (partial(ddim, eta=1.0), ddpm):
        for z in (0.0, 1.0, -2.0):
            after = last(step(lambda x, t: x0, s, f64([t, before]), x, lambda x, z=z: torch.full_like(x, z)))  # noqa: ARG005
            torch.testing.assert_close(after, mean + z * std, rtol=1e-8, atol=1e-10)


@every
def test_ddim_with_eta_1_is_ddpm_at_every_step(s):
    """Truth 11: the same noise gives the same states, on the whole path. Catches beta where beta-tilde belongs."""
    times = grid("uniform")(s, 12)
    states = []
    for f in (partial(ddim, eta=1.0), ddpm):
        generator = torch.Generator().manual_seed(0)
        states.append(
            list(
                f(
                    GAUSSIAN.denoise(s),
                    s,
                    times,
                    rows(),
                    lambda x, g=generator: torch.randn(x.shape, dtype=x.dtype, generator=g),
                )
            )
        )
    for a, b in zip(*states, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("s", [linear(), cosine(), VP(), VE(), Flow()], ids=["linear", "cosine", "vp", "ve", "flow"])
@pytest.mark.parametrize("n", [1, 5, 20, 100])
def test_the_optimal_variance_is_right_at_any_number_of_steps(s, n):
    """Truth 12: output variance / data variance is 1 in each dimension, exactly, by the law of total variance.

    Catches the error of the wrong end of a step, (d mean / d x0) for its square, and a last step without noise.
    """
    times = grid("uniform")(s, n)
    ratio = spread(partial(run_with_noise, "ddpm_optimal", s, times), s, times)
    assert ratio.tolist() == pytest.approx([1, 1], abs=1e-9)


def run_with_noise(name, s, times, x, noise):
    return run(name, s, times, x, noise=noise)


def test_the_other_variances_are_under_and_over_dispersed_as_published():
    """Truths 11 and 12: beta-tilde's ratio for a variance of 0.25 at 20, 100 and 1000 steps of the linear chain.

    0.60, 0.88 and 0.98 were measured on another library's `fixed_small`. Catches `optimal` used everywhere, and beta called beta-tilde.
    """
    s = linear()
    for n, published in ((20, 0.60), (100, 0.88), (1000, 0.98)):
        times = grid("chain")(s, n)
        ratio = spread(partial(run_with_noise, "ddpm", s, times), s, times)
        assert ratio[0].item() == pytest.approx(published, abs=0.02)
        assert (ratio < 1).all()
    times = grid("chain")(s, 20)
    assert spread(partial(run_with_noise, "ddpm_beta", s, times), s, times)[0] > 1


@pytest.mark.parametrize("s", [linear(), cosine(), Flow()], ids=["linear", "cosine", "flow"])
@pytest.mark.parametrize(("name", "steps", "bar"), [("ddpm", 300, 0.05), ("ddpm_beta", 300, 0.02), ("dpm_solver_sde", 300, 0.01)])
def test_the_output_covariance_goes_to_the_datas(s, name, steps, bar):
    """Truth 11: with many steps every way to draw noise has the data's variance. Catches noise off by a constant factor."""
    gaps = []
    for n in (steps // 3, steps):
        times = grid("uniform")(s, n)
        gaps.append((spread(partial(run_with_noise, name, s, times), s, times) - 1).abs().max().item())
    assert gaps[1] < bar
    assert gaps[1] < gaps[0] / 2


def test_data_at_one_point_needs_beta_tilde_and_standard_normal_data_beta():
    # Ho et al. 2020, section 3.2: each is exact for one distribution. Catches the two names exchanged.
    s = linear()
    times = grid("chain")(s, 10)
    point = list(ddpm(lambda x, t: torch.ones_like(x), s, times, rows(), torch.zeros_like))  # noqa: ARG005
    assert torch.equal(point[-1], torch.ones_like(rows()))
    normal = Gaussian(torch.zeros(2), torch.eye(2))
    # for N(0, I) data the chain is stationary: every step's mean factor a and variance keep a^2 + variance = 1, but for the last
    for t, before in itertools.pairwise(times[:-1]):
        one_step = partial(ddpm, normal.denoise(s), s, torch.stack([t, before]), variance="beta")
        a = last(one_step(torch.ones(1, 2, dtype=torch.float64), no_noise))
        std = last(one_step(torch.zeros(1, 2, dtype=torch.float64), torch.ones_like))
        torch.testing.assert_close(a**2 + std**2, torch.ones(1, 2, dtype=torch.float64), rtol=1e-9, atol=0)


# ---- laws of every sampler


@each
def test_n_evaluations_mean_n(name):
    # references.md, section 4, pain 3. Catches a hidden evaluation at the end, and a first state that is not the start.
    calls, s, x = [], linear(), rows()

    def counting(x, t):
        calls.append(t.item())
        return DIAGONAL.denoise(s)(x, t)

    for evaluations in (1, 5, 9):
        calls.clear()
        times = plan(name, s, evaluations)
        extras = {"noise": no_noise, "error": exact_error(s)}
        states = list(SAMPLERS[name].run(counting, s, times, x, **{key: extras[key] for key in SAMPLERS[name].needs}))
        assert len(calls) == evaluations
        assert len(states) == len(times) == SAMPLERS[name].intervals(evaluations) + 1
        assert torch.equal(states[0], x)
        assert calls[0] == 1
        assert min(calls) > 0


@each
@pytest.mark.parametrize("kind", ["chain", "sinh"])
def test_sampling_a_finite_set_returns_its_rows(name, kind):
    """Truth 8: the denoiser that has memorised its data makes nothing else. Catches a last step that leaves noise in.

    The optimal variance draws what is not known of x_0 in its last step, which here is nothing.
    """
    s = linear()
    points = Points(f64([[1.0, 1.0], [-1.0, 0.5], [0.3, -1.2]]))
    generator = torch.Generator().manual_seed(0)

    def noise(x):
        return torch.randn(x.shape, dtype=x.dtype, generator=generator)

    extras = {"noise": noise, "error": lambda t: f64(0.0)}  # noqa: ARG005
    times = grid(kind)(s, 50)
    x = last(SAMPLERS[name].run(points.denoise(s), s, times, rows(32), **{key: extras[key] for key in SAMPLERS[name].needs}))
    gap = torch.cdist(x, points.rows).min(1).values
    assert gap.max() < 1e-6 if name != "euler" else gap.median() < 0.05


@pytest.mark.parametrize("kind", ["uniform", "sinh"])
@every
def test_every_state_is_finite_from_pure_noise_to_the_data(s, kind):
    """Truth 21: every sampler x schedule x grid. Catches 0 / 0 where alpha_t = 0, and sigma_s = 0 in a denominator."""
    for n in (1, 4):
        times = grid(kind)(s, n)
        for name in SAMPLERS:
            for x in run(name, s, times, torch.hypot(*s(times[0])) * rows(), noise=torch.ones_like):
                assert x.isfinite().all(), name


@pytest.mark.parametrize("T", [2, 4, 10, 100, 1000, 4000])
@pytest.mark.parametrize("kind", CHAINS)
def test_the_first_and_the_last_steps_of_any_chain_are_finite(kind, T):
    """Truth 21: T in {2 .. 4000}, the first two steps of the chain and its last two.

    Catches inf - inf where two neighbours have no signal left at all, as in the second half of a bare sigmoid.
    """
    s = schedule(kind, T=T)
    n = sorted({T, T - 1, max(T - 2, 0), min(2, T), 1, 0}, reverse=True)
    for name in SAMPLERS:
        for x in run(name, s, f64(n) / T, rows(), noise=torch.ones_like):
            assert x.isfinite().all(), name


@each
def test_permuting_the_batch_permutes_the_samples_and_its_size_does_not_matter(name):
    """Truth 22: a row's sample depends on its own start and its own noise. Catches a statistic taken over the batch."""
    s, x, order = cosine(), rows(9), torch.randperm(9, generator=torch.Generator().manual_seed(1))
    times = plan(name, s, 9)

    def sample(which):
        step = iter(range(99))
        return last(run(name, s, times, x[which], GAUSSIAN, lambda x: rows(9, seed=100 + next(step))[which]))  # noqa: ARG005

    whole = sample(torch.arange(9))
    torch.testing.assert_close(sample(order), whole[order], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(sample(torch.tensor([4])), whole[4:5], rtol=1e-12, atol=1e-12)


@each
def test_float32_stays_float32_and_images_stay_images(name):
    # Catches float64 coefficients that turn a float32 model's samples into float64, and coefficients laid along the last axis.
    s = cosine()
    extras = {"noise": torch.randn_like, "error": lambda t: f64(0.1)}  # noqa: ARG005
    torch.manual_seed(0)
    start, needed = torch.randn(2, 1, 3, 4), {key: extras[key] for key in SAMPLERS[name].needs}
    for x in SAMPLERS[name].run(lambda x, t: 0.5 * x, s, plan(name, s, 5), start, **needed):  # noqa: ARG005
        assert x.dtype == torch.float32
        assert x.shape == (2, 1, 3, 4)


# ---- names


def test_a_plan_spends_exactly_what_it_was_given():
    # Catches a two-evaluation step counted as one, and an even budget for Heun that is silently changed.
    assert SAMPLERS["heun"].intervals(9) == 5
    with pytest.raises(UsageError, match=r"Use 9 or 11"):
        plan("heun", linear(), 10)
    for name in SAMPLERS:
        with pytest.raises(UsageError, match="1 or more"):
            plan(name, linear(), 0)
        for s in (linear(T=50), Flow()):
            times = plan(name, s, 5)
            assert (times[0], times[-1]) == (1, 0)
            assert (times.diff() < 0).all()


def test_the_default_is_a_sampler():
    assert {default(n) for n in range(1, 200)} <= set(SAMPLERS)


def test_names_orders_and_what_a_variance_needs_are_checked():
    # Catches an `optimal` variance without an error, which would be beta-tilde under another name.
    run_ddpm = partial(ddpm, DIAGONAL.denoise(sigmoid()), sigmoid(), f64([1.0, 0.0]), rows())
    with pytest.raises(UsageError, match=r"did you mean 'beta_tilde'"):
        last(run_ddpm(variance="beta_tild"))
    with pytest.raises(UsageError, match="needs the denoiser's error"):
        last(run_ddpm(variance="optimal"))
    with pytest.raises(UsageError, match="only it takes one"):
        last(run_ddpm(variance="beta", error=lambda t: f64(1.0)))  # noqa: ARG005
    assert set(VARIANCES) == {"beta_tilde", "beta", "optimal"}
    for order in (0, 5):
        with pytest.raises(UsageError, match=f"1 to 4, not {order}"):
            last(adams_bashforth(DIAGONAL.denoise(sigmoid()), sigmoid(), f64([1.0, 0.0]), rows(), order))
    with pytest.raises(UsageError, match=r"did you mean 'dpm_solver'"):
        sampler("dpmsolver")


def test_a_sampler_function_of_ones_own_is_a_sampler():
    """It gets what its arguments name. Catches a function that is asked for its order, and one that never gets its noise."""

    def mine(denoise, schedule, times, x, noise, error):
        yield from ddim(denoise, schedule, times, x + 0 * error(times[0]), noise, eta=0.5)

    found = sampler(mine)
    assert (found.run, found.order, found.needs) == (mine, None, ("noise", "error"))
    assert torch.equal(plan(mine, linear(), 7), plan("ddim", linear(), 7))
    assert sampler(found) is found
    assert sampler(lambda denoise, schedule, times, x: ddim(denoise, schedule, times, x)).needs == ()
    with pytest.raises(UsageError, match=r"a sampling method is ddpm, .*or a Sampler of your own; not 3"):
        sampler(3)
