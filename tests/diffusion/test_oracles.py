"""Oracles against scipy, plain linear algebra, autograd and an adaptive ODE solver, which share no code with them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import sqrtm
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from unstir.diffusion.chains import cosine, linear
from unstir.diffusion.continuous import VE, VP, Flow
from unstir.diffusion.oracles import Gaussian, Independent, Mixture, Points
from unstir.errors import UsageError

MU, S = np.array([0.5, -1.0]), np.array([[0.6, 0.3], [0.3, 1.2]])
WEIGHTS, MEANS = np.array([0.2, 0.5, 0.3]), np.array([[-2.0, 0.0], [1.0, 1.5], [0.5, -1.0]])
COVARIANCES = np.array([[[0.1, 0.05], [0.05, 0.3]], [[0.5, -0.2], [-0.2, 0.2]], [[0.02, 0.0], [0.0, 0.4]]])
GAUSSIAN = Gaussian(torch.from_numpy(MU), torch.from_numpy(S))
MIXTURE = Mixture(*(torch.from_numpy(part) for part in (WEIGHTS, MEANS, COVARIANCES)))
POINTS = Points(torch.from_numpy(MEANS))
SCHEDULES = {"linear": linear(), "cosine": cosine(), "vp": VP(), "ve": VE(), "flow": Flow()}
every = pytest.mark.parametrize("s", SCHEDULES.values(), ids=SCHEDULES.keys())


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def somewhere(n=7, spread=2.0, seed=0):
    return spread * torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@every
@pytest.mark.parametrize("t", [0.01, 0.3, 0.7, 0.99])
def test_the_posterior_mean_of_a_gaussian(s, t):
    """Truth 6: E[x_0 | x_t] = mu + alpha S (alpha^2 S + sigma^2 I)^-1 (x_t - alpha mu), by plain linear algebra.

    Catches alpha^2 for alpha, a mean that is not scaled, and a covariance used in its eigenvectors' basis untransposed.
    """
    alpha, sigma = (c.item() for c in s(f64(t)))
    x = somewhere()
    by_hand = MU + (x.numpy() - alpha * MU) @ np.linalg.solve(alpha**2 * S + sigma**2 * np.eye(2), alpha * S)
    np.testing.assert_allclose(GAUSSIAN.denoise(s)(x, f64(t)), by_hand, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(GAUSSIAN.denoise(s)(x, f64([t] * 7)), by_hand, rtol=1e-10, atol=1e-12)


def test_three_dimensions():
    """Truths 6, 7 and 9 where the matrix of eigenvectors is not symmetric, as it always is for a 2 x 2 covariance.

    Catches a basis used for its transpose.
    """
    s, t = VE(sigma_max=3.0), f64(0.8)
    sigma = s(t)[1].item()
    root = np.array([[1.0, 0.0, 0.0], [0.5, 0.8, 0.0], [-0.3, 0.9, 0.4]])
    cov, mu, x = root @ root.T, np.array([1.0, 0.0, -2.0]), somewhere(6).reshape(4, 3)
    oracle = Gaussian(torch.from_numpy(mu), torch.from_numpy(cov))
    C = cov + sigma**2 * np.eye(3)
    offset = np.linalg.solve(C, (x.numpy() - mu).T).T
    np.testing.assert_allclose(oracle.denoise(s)(x, t), mu + offset @ cov, rtol=1e-9)
    np.testing.assert_allclose(oracle.log_prob(x, t, s), multivariate_normal(mu, C).logpdf(x.numpy()), rtol=1e-9)
    flat = oracle.flow(x, t, s).numpy() - mu
    np.testing.assert_allclose(flat, (x.numpy() - mu) @ np.real(sqrtm(np.linalg.solve(C, cov))), rtol=1e-8, atol=1e-9)
    rows = oracle.sample(40_000, torch.Generator().manual_seed(0)).numpy() - mu
    products = np.einsum("bd,be->bde", rows, rows)
    assert (np.abs(products.mean(0) - cov) < 4.5 * products.std(0) / 200).all()


@every
@pytest.mark.parametrize("t", [0.05, 0.4, 0.9])
def test_the_posterior_mean_and_density_of_a_mixture(s, t):
    """Truth 7: component densities of scipy, weighted in log space: log p_t, and the mean of the components' means.

    Catches prior weights in place of responsibilities, and a lost log det.
    """
    alpha, sigma = (c.item() for c in s(f64(t)))
    x = somewhere()
    joint, means = [], []
    for w, m, c in zip(WEIGHTS, MEANS, COVARIANCES, strict=True):
        C = alpha**2 * c + sigma**2 * np.eye(2)
        joint.append(np.log(w) + multivariate_normal(alpha * m, C).logpdf(x.numpy()))
        means.append(m + (x.numpy() - alpha * m) @ np.linalg.solve(C, alpha * c))
    log_p = logsumexp(joint, axis=0)
    np.testing.assert_allclose(MIXTURE.log_prob(x, f64(t), s), log_p, rtol=1e-9)
    by_hand = np.einsum("kb,kbd->bd", np.exp(np.array(joint) - log_p), means)
    np.testing.assert_allclose(MIXTURE.denoise(s)(x, f64(t)), by_hand, rtol=1e-8, atol=1e-10)


@every
@pytest.mark.parametrize("oracle", [GAUSSIAN, MIXTURE], ids=["gaussian", "mixture"])
def test_the_score_is_the_gradient_of_the_log_density(s, oracle):
    """Truths 4 and 7 (Tweedie): grad log p_t = (alpha x0_hat - x) / sigma^2 = -eps_hat / sigma. Catches sigma for sigma^2."""
    x = somewhere().requires_grad_()
    for t in (f64(0.1), f64(0.6), f64([0.2] * 7)):
        (gradient,) = torch.autograd.grad(oracle.log_prob(x, t, s).sum(), x)
        score = oracle.score(x.detach(), t, s)
        torch.testing.assert_close(score, gradient, rtol=1e-8, atol=1e-8)
        alpha, sigma = (c.reshape(-1, 1) for c in s(t))
        eps_hat = (x.detach() - alpha * oracle.denoise(s)(x.detach(), t)) / sigma
        torch.testing.assert_close(-eps_hat / sigma, score)


@every
@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(t=st.floats(0.001, 1), seed=st.integers(0, 1000))
def test_the_posterior_mean_of_a_finite_set(s, t, seed):
    """Truth 8: the softmax(-|x_t - alpha x_i|^2 / 2 sigma^2)-weighted mean, term by term.

    Catches 1/sigma^2 without its half, and a distance to x_i instead of alpha x_i.
    """
    alpha, sigma = (c.item() for c in s(f64(t)))
    x = somewhere(3, seed=seed)
    log_w = np.array([[-np.sum((row - alpha * point) ** 2) / (2 * sigma**2) for point in MEANS] for row in x.numpy()])
    weights = np.exp(log_w - logsumexp(log_w, axis=1, keepdims=True))
    np.testing.assert_allclose(POINTS.denoise(s)(x, f64(t)), weights @ MEANS, rtol=1e-6, atol=1e-9)


@every
@pytest.mark.parametrize("oracle", [GAUSSIAN, MIXTURE, POINTS], ids=["gaussian", "mixture", "points"])
def test_at_the_ends_the_estimate_is_the_data_or_its_mean(s, oracle):
    """Truth 21: with no noise x_0 is what is seen, with nothing but noise it is the mean, however far x is.

    Catches 0 / 0 at sigma = 0 and responsibilities that underflow.
    """
    x = somewhere() if oracle is not POINTS else POINTS.rows
    torch.testing.assert_close(oracle.denoise(s)(x, f64(0.0)), x, rtol=1e-12, atol=1e-12)
    far = 1e4 * somewhere()
    for t in (0.0, 1e-6, 0.5, 1.0):
        assert oracle.denoise(s)(far, f64(t)).isfinite().all()
    if isinstance(s, Flow):
        mean = {GAUSSIAN: MU, MIXTURE: WEIGHTS @ MEANS, POINTS: MEANS.mean(0)}[oracle]
        np.testing.assert_allclose(oracle.denoise(s)(x, f64(1.0)), np.tile(mean, (len(x), 1)), atol=1e-12)


def test_float32_rows_stay_float32():
    # Catches an oracle that turns a float32 sampler into a float64 one.
    for oracle in (GAUSSIAN, MIXTURE, POINTS):
        assert oracle.denoise(Flow())(somewhere().float(), f64(0.5)).dtype == torch.float32


@pytest.mark.parametrize("s", [VP(), VE(sigma_max=30.0), Flow()], ids=["vp", "ve", "flow"])
def test_the_flow_of_a_gaussian_solves_the_probability_flow_ode(s):
    """Truth 9: x_0 = mu + s (x_t - alpha mu) / sqrt(alpha^2 s^2 + sigma^2), against scipy's adaptive solver.

    dx/dt = f x - g^2 / 2 grad log p_t, f = d log alpha / dt, g^2 = d sigma^2/dt - 2 f sigma^2 (Song et al. 2021, eq. 13), with the
    score from numpy. Catches the root of S in the wrong place, and a map that is right for diagonal covariances only.
    """
    h = 1e-6

    def ode(t, x):
        (a, b), (a_plus, b_plus), (a_minus, b_minus) = (tuple(c.item() for c in s(f64(time))) for time in (t, t + h, t - h))
        f = (math.log(a_plus) - math.log(a_minus)) / (2 * h)
        g2 = (b_plus**2 - b_minus**2) / (2 * h) - 2 * f * b**2
        return f * x + g2 / 2 * np.linalg.solve(a**2 * S + b**2 * np.eye(2), x - a * MU)

    start, stop = 0.9, 0.1
    alpha, sigma = s(f64(start))
    x = alpha * f64([1.0, 0.3]) + sigma * f64([-0.7, 1.1])
    solved = solve_ivp(ode, (start, stop), x.numpy(), rtol=1e-9, atol=1e-11).y[:, -1]
    ours = GAUSSIAN.flow(x[None], f64(start), s, f64(stop))[0]
    np.testing.assert_allclose(ours, solved, rtol=1e-5, atol=1e-6)


@every
def test_flowing_in_two_parts_is_flowing_at_once_and_carries_the_density(s):
    # Catches a map to time s that ignores the sigma left there. Whitened rows stay the same rows at every time.
    x = somewhere()
    middle = GAUSSIAN.flow(x, f64(0.8), s, f64(0.4))
    torch.testing.assert_close(GAUSSIAN.flow(middle, f64(0.4), s), GAUSSIAN.flow(x, f64(0.8), s), rtol=1e-9, atol=1e-9)
    for t, row in ((0.8, x), (0.4, middle), (0.0, GAUSSIAN.flow(x, f64(0.8), s))):
        alpha, sigma = (c.item() for c in s(f64(t)))
        offset = row.numpy() - alpha * MU
        length = np.einsum("bd,bd->b", offset, np.linalg.solve(alpha**2 * S + sigma**2 * np.eye(2), offset.T).T)
        if t == 0.8:
            first = length
        np.testing.assert_allclose(length, first, rtol=1e-8)


def test_log_density_and_entropy_without_noise():
    # Units are nats. Catches bits, a lost 2 pi, and log det for log det / 2.
    x = somewhere()
    np.testing.assert_allclose(GAUSSIAN.log_prob(x), multivariate_normal(MU, S).logpdf(x.numpy()), rtol=1e-10)
    assert GAUSSIAN.entropy() == pytest.approx(0.5 * math.log(np.linalg.det(2 * math.pi * math.e * S)), rel=1e-12)
    rows = GAUSSIAN.sample(20_000, torch.Generator().manual_seed(0))
    surprise = -GAUSSIAN.log_prob(rows)
    assert abs(surprise.mean() - GAUSSIAN.entropy()) < 4 * surprise.std() / 20_000**0.5


def test_the_mmse_of_a_gaussian():
    # tr S (I + snr S)^-1 by linear algebra. Catches snr for its root or its logarithm.
    levels = f64([-20.0, -3.0, 0.0, 2.5, 20.0])
    by_hand = [np.trace(np.linalg.solve(np.eye(2) + math.exp(level) * S, S)) for level in levels]
    np.testing.assert_allclose(GAUSSIAN.gaussian_mmse(levels), by_hand, rtol=1e-9)
    measured, error = GAUSSIAN.mmse(levels)
    assert ((measured - GAUSSIAN.gaussian_mmse(levels)).abs() < 4 * error).all()


@pytest.mark.parametrize("oracle", [GAUSSIAN, MIXTURE], ids=["gaussian", "mixture"])
def test_samples_have_the_stated_moments(oracle):
    # In standard errors of 40,000 draws. Catches S for its root, and a component's weight used for another.
    n = 40_000
    x = oracle.sample(n, torch.Generator().manual_seed(0)).numpy()
    mean = MU if oracle is GAUSSIAN else WEIGHTS @ MEANS
    covariance = oracle.covariance().numpy()
    if oracle is GAUSSIAN:
        np.testing.assert_allclose(covariance, S, rtol=1e-12)
    assert (np.abs(x.mean(0) - mean) < 4 * np.sqrt(np.diag(covariance) / n)).all()
    products = np.einsum("bd,be->bde", x - mean, x - mean)
    assert (np.abs(products.mean(0) - covariance) < 4 * products.std(0) / n**0.5).all()
    assert torch.equal(oracle.sample(3, torch.Generator().manual_seed(1)), oracle.sample(3, torch.Generator().manual_seed(1)))


def test_a_finite_set_is_sampled_evenly_with_replacement():
    # Catches an index that never reaches the last row.
    rows = POINTS.sample(3000, torch.Generator().manual_seed(0))
    counts = [(rows == row).all(1).sum().item() for row in POINTS.rows]
    assert sum(counts) == 3000
    assert min(counts) > 1000 - 4 * (3000 * 2 / 9) ** 0.5


def test_what_is_not_a_distribution_is_refused():
    # Catches the NaN of an indefinite covariance, and log-densities that are off by the sum of the weights.
    eye = torch.eye(2)
    for covariance in (torch.tensor([[1.0, 0.5], [0.2, 1.0]]), torch.tensor([[1.0, 2.0], [2.0, 1.0]]), 0 * eye):
        with pytest.raises(UsageError, match="positive definite"):
            Gaussian(torch.zeros(2), covariance)
    for weights in ([0.5, 0.6], [1.5, -0.5], [1.0, 0.0]):
        with pytest.raises(UsageError, match="sum to 1"):
            Mixture(torch.tensor(weights), torch.zeros(2, 2), torch.stack([eye, eye]))


def test_independent_elements_are_the_gaussian_with_a_diagonal_covariance():
    """Catches alpha for alpha^2, and elements mixed up. The wide denoiser must be the narrow one where both can be had."""
    means, variances = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.25, 4.0, 1.0])
    exact, quick = Gaussian(means, torch.diag(variances)), Independent(means, variances)
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    t = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)
    for schedule in (linear(), Flow()):
        torch.testing.assert_close(quick.denoise(schedule)(x, t), exact.denoise(schedule)(x, t))
    draws = quick.sample(100_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(draws.mean(0), means.double(), atol=0.03, rtol=0)
    torch.testing.assert_close(draws.var(0), variances.double(), atol=0, rtol=0.03)
