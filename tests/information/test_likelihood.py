"""Likelihoods and bounds on Gaussians, whose log-density, bound and mmse are known to every digit."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from unstir.diffusion.chains import Chain, cosine, linear, sigmoid
from unstir.diffusion.continuous import VE, VP, Flow
from unstir.diffusion.oracles import Gaussian, Mixture
from unstir.diffusion.schedules import Schedule
from unstir.diffusion.times import grid
from unstir.information.likelihood import Bound, continuous_bound, ode_log_prob, variational_bound

S = np.array([[1.1, 0.4], [0.4, 0.8]])
GAUSSIAN = Gaussian(torch.zeros(2), torch.from_numpy(S))  # near unit variance, as an encoder leaves it
DIAGONAL = Gaussian(torch.zeros(3), torch.diag(torch.tensor([0.3, 1.0, 1.7])))


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Between(Schedule):
    """Another schedule cut to log-SNR from 7 at t = 0 to -9 at t = 1, so that all of them share their ends."""

    def __init__(self, whole):
        self.whole, self.ends = whole, whole.inverse(f64([7.0, -9.0]))

    def alpha_sigma(self, t):
        return self.whole(torch.lerp(*self.ends, t))


WHOLE = {"linear": linear(), "cosine": cosine(), "sigmoid": sigmoid(), "vp": VP(), "flow": Flow()}
CUT = {name: Between(s) for name, s in WHOLE.items()}


# ---- the probability flow


@pytest.mark.parametrize("s", [cosine(), Flow()], ids=["cosine", "flow"])
def test_the_flows_likelihood_is_the_gaussians(s):
    """Truth 17: log p(x) to 1e-6 nats, by scipy. Both schedules end in noise, so what is measured is the integration.

    Catches a divergence of the wrong sign, stages at the wrong noise level, and bits.
    """
    x = GAUSSIAN.sample(16, generator())
    exact = multivariate_normal(np.zeros(2), S).logpdf(x.numpy())
    ours = ode_log_prob(GAUSSIAN.denoise(s), s, x, steps=96, clean_log_snr=15.0)
    np.testing.assert_allclose(ours, exact, rtol=0, atol=1e-6)


@pytest.mark.parametrize("s", [cosine(), Flow()], ids=["cosine", "flow"])
def test_what_is_measured_is_x_over_alpha_at_the_clean_end(s):
    # log-SNR of 4 in place of 14: the density is that of N(0, S + e^-4 I). Catches the volume of the first rescaling, alpha^d, left out,
    # which at the usual end is too small to be seen, and p(x_t) for p(x_t / alpha_t).
    x = GAUSSIAN.sample(16, generator())
    exact = multivariate_normal(np.zeros(2), S + math.exp(-4) * np.eye(2)).logpdf(x.numpy())
    ours = ode_log_prob(GAUSSIAN.denoise(s), s, x, steps=96, clean_log_snr=4.0)
    np.testing.assert_allclose(ours, exact, rtol=0, atol=1e-6)


@pytest.mark.parametrize("s", [linear(), VP(), VE()], ids=["linear", "vp", "ve"])
def test_a_schedule_that_keeps_signal_measures_its_own_prior(s):
    # These end at alpha_bar of 4e-5 to 2e-4: log p is off by what N(0, I) is off from p_1 there, and by nothing else.
    # Catches a prior of variance sigma^2 in place of alpha^2 + sigma^2, which is wrong by 6400 times under VE.
    x = GAUSSIAN.sample(16, generator())
    ours = ode_log_prob(GAUSSIAN.denoise(s), s, x, steps=96, clean_log_snr=15.0)
    one = f64(1.0)
    alpha, sigma = s(one)
    N = torch.hypot(alpha, sigma)
    end = GAUSSIAN.flow(x, f64(0.0), s, one)
    mismatch = -0.5 * (end / N).square().sum(1) - math.log(2 * math.pi) - (GAUSSIAN.log_prob(end, one, s) + 2 * N.log())
    torch.testing.assert_close(ours, GAUSSIAN.log_prob(x) + mismatch, rtol=0, atol=2e-5)


def test_the_flows_likelihood_of_a_mixture():
    # Catches a divergence that is right only where the flow is linear.
    mixture = Mixture(f64([0.4, 0.6]), f64([[-1.0, 0.3], [0.8, -0.2]]), f64([[[0.3, 0.1], [0.1, 0.5]], [[0.4, 0.0], [0.0, 0.2]]]))
    x = mixture.sample(16, generator())
    ours = ode_log_prob(mixture.denoise(Flow()), Flow(), x, steps=96, clean_log_snr=15.0)
    torch.testing.assert_close(ours, mixture.log_prob(x), rtol=0, atol=5e-5)


def test_the_order_of_the_integration_is_four():
    # Runge-Kutta 4, between ends that are common to both. Catches stages that read the wrong half step, which is order 1.
    s, x = cosine(), GAUSSIAN.sample(8, generator())
    values = [ode_log_prob(GAUSSIAN.denoise(s), s, x, steps=n, clean_log_snr=8.0) for n in (24, 48, 120)]
    errors = [(value - values[2]).square().mean().sqrt().item() for value in values[:2]]
    assert 3.5 < math.log2(errors[0] / errors[1]) < 5


def test_hutchinson_is_exact_where_the_jacobian_is_diagonal():
    """Truth 17: z_i^2 = 1 for random signs, so one probe is the whole trace there. Catches Gaussian probes and a lost 1/probes."""
    x = DIAGONAL.sample(8, generator())
    exact = ode_log_prob(DIAGONAL.denoise(Flow()), Flow(), x, steps=16)
    for probes in (1, 3):
        estimate = ode_log_prob(DIAGONAL.denoise(Flow()), Flow(), x, steps=16, probes=probes, generator=generator())
        torch.testing.assert_close(estimate, exact, rtol=0, atol=1e-9)


def test_hutchinson_is_unbiased():
    """Truth 17: the mean over 1,000 rows with one probe each, of one and the same x, is the exact trace's value.

    Catches a sign drawn once for all rows, elements or stages, and an estimate of the trace of J^T J.
    """
    x = f64([[0.7, -0.4]]).expand(1000, 2)
    exact = ode_log_prob(GAUSSIAN.denoise(Flow()), Flow(), x[:1], steps=16)
    estimate = ode_log_prob(GAUSSIAN.denoise(Flow()), Flow(), x, steps=16, probes=1, generator=generator())
    error = estimate.std() / 1000**0.5
    assert estimate.std() > 0.01
    assert (estimate.mean() - exact).abs() < 4 * error
    several = ode_log_prob(GAUSSIAN.denoise(Flow()), Flow(), x, steps=16, probes=8, generator=generator())
    assert several.std() / estimate.std() == pytest.approx(8**-0.5, rel=0.2)  # and more probes say it more precisely


def test_rows_of_any_shape_have_the_likelihood_of_the_flat_row():
    # Catches a divergence summed over the wrong axes. Truth 22: and a row's value does not depend on its neighbours.
    x = DIAGONAL.sample(6, generator()).reshape(6, 1, 3, 1)

    def denoise(x, t):
        return DIAGONAL.denoise(Flow())(x.flatten(1), t).view_as(x)

    whole = ode_log_prob(denoise, Flow(), x, steps=16)
    torch.testing.assert_close(whole, ode_log_prob(DIAGONAL.denoise(Flow()), Flow(), x.flatten(1), steps=16))
    torch.testing.assert_close(ode_log_prob(denoise, Flow(), x[2:3], steps=16), whole[2:3])


# ---- the bound of the chain


def expected_bound(s, times):
    """The bound's three parts for a Gaussian with its exact denoiser, averaged over data and noise, in Kingma et al.'s symbols."""
    alpha, sigma = s(times)
    snr = (alpha / sigma) ** 2
    mmse = [np.trace(np.linalg.solve(np.eye(2) + value.item() * S, S)) for value in snr[:-1]]
    diffusion = sum(0.5 * (after - now).item() * error for now, after, error in zip(snr, snr[1:-1], mmse, strict=False))
    power = alpha[0] ** 2 + sigma[0] ** 2
    share = (sigma[0] ** 2 / power).item()
    prior = 0.5 * ((alpha[0] ** 2 / power).item() * np.trace(S) + 2 * (share - 1 - math.log(share)))
    reconstruction = 1 + math.log(2 * math.pi) + 2 * math.log((sigma[-2] / alpha[-2]).item())
    return prior, diffusion, reconstruction


def test_one_step_of_the_bound_is_the_divergence_of_two_posteriors():
    # Ho et al. 2020, eq. 5 and 8: KL(q(x_{n-1} | x_n, x_0) || p) = |mu - mu_theta|^2 / (2 beta-tilde_n), both means by eq. 7.
    # Catches SNR_t for SNR_s, and a weight of eps' error on the error of x_0.
    betas = np.array([0.1, 0.2, 0.3, 0.4])
    s, abar = Chain(tuple(betas.tolist())), np.concatenate([[1.0], np.cumprod(1 - betas)])
    x0 = GAUSSIAN.sample(200, generator())
    wrong_by = f64([0.3, -0.1])
    bound = variational_bound(lambda x, t: x0 + wrong_by, s, grid("chain")(s, 4), x0, generator())  # noqa: ARG005
    divergence = 0.0
    for n in (2, 3, 4):
        tilde = (1 - abar[n - 1]) / (1 - abar[n]) * betas[n - 1]
        gap = np.sqrt(abar[n - 1]) * betas[n - 1] / (1 - abar[n]) * wrong_by.numpy()
        divergence += (gap**2).sum() / (2 * tilde)
    assert bound.diffusion.tolist() == pytest.approx([divergence] * 200, rel=1e-9)
    prior = 0.5 * (abar[4] * x0.square().sum(1) + 2 * ((1 - abar[4]) - 1 - np.log(1 - abar[4])))
    torch.testing.assert_close(bound.prior, prior)


@pytest.mark.parametrize("name", ["linear", "cosine", "flow"])
def test_the_bound_has_the_expected_parts(name):
    """Truth 13: prior, diffusion and reconstruction of a Gaussian, each within 4.5 standard errors of its closed form.

    Catches a part that is a mean over dimensions, and a reconstruction at t = 0.
    """
    s, n = WHOLE[name], 4000
    times = grid("log_snr", end=6.0)(s, 12)
    bound = variational_bound(GAUSSIAN.denoise(s), s, times, GAUSSIAN.sample(n, generator()), generator(1))
    for part, exact in zip(bound, expected_bound(s, times), strict=True):
        assert abs(part.mean() - exact) < 4.5 * part.std() / n**0.5 + 1e-9
    torch.testing.assert_close(bound.total, bound.prior + bound.diffusion + bound.reconstruction)


@pytest.mark.parametrize("name", ["linear", "cosine", "flow"])
def test_the_bound_is_above_the_likelihood_and_falls_to_it_like_1_over_t(name):
    """Truth 13: E bound - entropy > 0, as measured at T = 10 and 40, and in closed form halved where the steps are doubled.

    Catches a bound that is below, one in bits, and a sum over the wrong ends of its steps, which is below for good.
    """
    s, n = WHOLE[name], 2000
    x0 = GAUSSIAN.sample(n, generator())
    for T in (10, 40):
        times = grid("log_snr")(s, T)
        above = variational_bound(GAUSSIAN.denoise(s), s, times, x0, generator(T)).total + GAUSSIAN.log_prob(x0)
        error = above.std() / n**0.5
        assert abs(above.mean() - (sum(expected_bound(s, times)) - GAUSSIAN.entropy())) < 4.5 * error
        assert above.mean() > 4.5 * error
    gaps = [sum(expected_bound(s, grid("log_snr")(s, T))) - GAUSSIAN.entropy() for T in (50, 100, 200)]
    assert gaps[2] > 0
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.1)
    assert gaps[1] / gaps[2] == pytest.approx(2, rel=0.1)


# ---- the bound in continuous time


@pytest.mark.parametrize("name", CUT)
def test_the_continuous_bound_is_an_integral_over_the_signal_to_noise_ratio(name):
    """Truth 14, without noise: a denoiser that is wrong by a stated |error|^2 = 1 / (1 + snr) gives 1/2 log((1 + e^7) / (1 + e^-9)).

    One number for every schedule. Catches a missing d log_snr / dt, and the slope of the whole schedule used for a part of it.
    """
    s, x0 = CUT[name], torch.zeros(40, 2, dtype=torch.float64)

    def wrong(x, t):  # noqa: ARG001
        return torch.stack([(1 + s.log_snr(t).exp()) ** -0.5, torch.zeros_like(t)], 1)

    bound = continuous_bound(wrong, s, x0, f64(0.0), points=120, generator=generator())
    exact = 0.5 * (math.log1p(math.exp(7)) - math.log1p(math.exp(-9)))
    assert bound.diffusion.mean().item() == pytest.approx(exact, rel=5e-3)


def test_the_continuous_bound_is_the_same_for_every_schedule():
    """Truth 14 with the exact denoiser: 1/2 integral of mmse d snr = 1/2 log det ratio, plus the ends, in nats.

    Each schedule within 4.5 standard errors of the closed form, which are below 0.1 of its 7 nats, as is what they differ by.
    """
    n, totals = 1000, {}
    low, high = math.exp(-9), math.exp(7)
    exact = 0.5 * (np.linalg.slogdet(np.eye(2) + high * S)[1] - np.linalg.slogdet(np.eye(2) + low * S)[1])
    for name, s in CUT.items():
        x0 = GAUSSIAN.sample(n, generator())
        bound = continuous_bound(GAUSSIAN.denoise(s), s, x0, f64(0.0), points=64, generator=generator(1))
        error = bound.diffusion.std().item() / n**0.5
        assert error < 0.1
        assert abs(bound.diffusion.mean().item() - exact) < 4.5 * error
        totals[name] = (bound.total + GAUSSIAN.log_prob(x0)).mean().item()
    assert max(totals.values()) - min(totals.values()) < 0.4
    assert all(abs(gap) < 0.3 for gap in totals.values())  # and the bound is all but tight between these ends


def test_a_bound_is_the_sum_of_its_parts():
    bound = Bound(f64([1.0]), f64([2.0]), f64([4.0]))
    assert bound.total.tolist() == [7.0]
