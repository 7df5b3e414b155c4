"""The error of the best denoiser: its bounds, its derivative, and the measured curve, against quadrature in one dimension."""

import math

import numpy as np
import pytest
import torch

from unstir.diffusion.chains import cosine, linear, scaled_linear
from unstir.diffusion.continuous import Flow
from unstir.diffusion.oracles import Gaussian, Mixture
from unstir.diffusion.samplers import ddpm
from unstir.diffusion.times import grid
from unstir.information import mmse as room
from unstir.information.mmse import ErrorCurve, error_curve

WEIGHTS, MEANS, VARIANCES = np.array([0.3, 0.7]), np.array([-1.5, 1.0]), np.array([0.2, 0.05])
MIXTURE = Mixture(torch.from_numpy(WEIGHTS), torch.from_numpy(MEANS)[:, None], torch.from_numpy(VARIANCES)[:, None, None])
VARIANCE = (WEIGHTS * (VARIANCES + MEANS**2)).sum() - (WEIGHTS @ MEANS) ** 2


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def channel(snr):
    """A fine grid of y = sqrt(snr) x_0 + n, its density there, by hand, and the width of a cell."""
    spread = math.sqrt(1 + snr * VARIANCE)
    y = np.linspace(-1, 1, 40_001) * 12 * spread + math.sqrt(snr) * (WEIGHTS @ MEANS)
    C = snr * VARIANCES[:, None] + 1
    density = WEIGHTS[:, None] * np.exp(-((y - math.sqrt(snr) * MEANS[:, None]) ** 2) / (2 * C)) / np.sqrt(2 * math.pi * C)
    return y, density.sum(0), y[1] - y[0]


def information(snr):
    """I(x_0; x_t) = h(y) - h(n) in nats, by quadrature."""
    _, p, width = channel(snr)
    return -(p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum() * width - 0.5 * math.log(2 * math.pi * math.e)


def mmse(snr):
    """E x_0^2 - E x0_hat^2 by quadrature, with the oracle's own denoiser: alpha = sqrt(snr), sigma = 1."""
    y, p, width = channel(snr)
    x0_hat = MIXTURE.posterior_mean(torch.from_numpy(y)[:, None], f64(math.sqrt(snr)), f64(1.0))[:, 0].numpy()
    return (WEIGHTS * (VARIANCES + MEANS**2)).sum() - (p * x0_hat**2).sum() * width


@pytest.mark.parametrize("snr", [0.01, 0.3, 1.0, 3.0, 10.0, 100.0])
def test_the_slope_of_the_information_is_half_the_mmse(snr):
    """Truth 16: dI/dsnr = mmse / 2 in nats (Guo, Shamai & Verdu 2005). Catches a lost 1/2, and bits."""
    h = 1e-3 * snr
    slope = (information(snr + h) - information(snr - h)) / (2 * h)
    assert slope == pytest.approx(mmse(snr) / 2, rel=1e-5)


def test_the_mmse_lies_between_zero_and_the_gaussians_and_falls():
    """Truth 16. Catches a posterior mean of the wrong component, whose error exceeds the best linear one's."""
    levels = np.linspace(-10, 10, 41)
    curve = np.array([mmse(math.exp(level)) for level in levels])
    gaussian = Gaussian(f64([0.0]), f64([[VARIANCE]])).gaussian_mmse(torch.from_numpy(levels)).numpy()
    assert MIXTURE.covariance().item() == pytest.approx(VARIANCE)
    assert (curve > 0).all()
    assert (curve <= gaussian * (1 + 1e-9)).all()
    assert (np.diff(curve) < 0).all()
    measured, error = MIXTURE.mmse(torch.from_numpy(levels))
    assert (np.abs(measured.numpy() - curve) < 4.5 * error.numpy()).all()  # 41 levels, 20,000 draws


@pytest.mark.parametrize("s", [linear(), cosine(), Flow()], ids=["linear", "cosine", "flow"])
def test_a_measured_curve_is_the_exact_one_of_each_element(s):
    # v / (1 + snr v). Catches a sum over elements, a mean over levels, and alpha^2 for the signal-to-noise ratio.
    n, v = 20_000, f64([0.25, 1.5])
    oracle, generator = Gaussian(torch.zeros(2), torch.diag(v)), torch.Generator().manual_seed(0)
    levels = torch.linspace(-8, 8, 9, dtype=torch.float64)
    curve = error_curve(oracle.denoise(s), s, oracle.sample(n, generator), levels, generator)
    torch.testing.assert_close(curve.log_snr, levels, rtol=0, atol=1e-6)
    exact = v / (1 + levels.exp()[:, None] * v)
    assert ((curve.mse / exact - 1).abs() < 5 * (2 / n) ** 0.5).all()  # a squared Gaussian varies by 2


def test_any_other_denoiser_is_worse():
    # Eq. (1) of the room. Catches an error measured against x_t, or against the denoiser's own samples.
    oracle, s = Gaussian(torch.zeros(1), torch.eye(1)), Flow()
    x0 = oracle.sample(5000, torch.Generator().manual_seed(0))
    levels = f64([-4.0, 0.0, 4.0])
    best, other = (
        error_curve(denoise, s, x0, levels, torch.Generator().manual_seed(1))
        for denoise in (oracle.denoise(s), lambda x, t: 1.2 * oracle.denoise(s)(x, t))
    )
    assert (best.mse < other.mse).all()


def test_the_curve_between_and_beyond_its_levels():
    # Exact for a power of snr; beyond the clean end 1 / snr; beyond the noisy end constant. Catches linear interpolation of the
    # error itself, which overshoots tenfold between levels far apart, and an index past the ends.
    levels = f64([-4.0, -1.0, 2.0, 6.0])
    curve = ErrorCurve(levels, torch.stack([(-0.7 * levels).exp(), 3 * (-levels).exp()], 1))
    for level in (-4.0, -2.2, -1.0, 0.5, 5.9, 6.0):
        assert curve.at(f64(level)).tolist() == pytest.approx([math.exp(-0.7 * level), 3 * math.exp(-level)], rel=1e-9)
    assert curve.at(f64(-30.0)).tolist() == pytest.approx(curve.mse[0].tolist())
    assert curve.at(f64(-math.inf)).tolist() == pytest.approx(curve.mse[0].tolist())
    assert curve.at(f64(9.0)).tolist() == pytest.approx((curve.mse[-1] * math.exp(-3)).tolist())
    assert curve.at(f64(math.inf)).tolist() == [0, 0]


def test_an_element_that_is_known_exactly_has_no_error_anywhere():
    # Catches the logarithm of zero.
    curve = ErrorCurve(f64([-1.0, 1.0]), f64([[0.0, 1.0], [0.0, 0.5]]))
    for level in (-3.0, 0.0, 4.0):
        assert curve.at(f64(level))[0] == 0
        assert curve.at(f64(level))[1] > 0


def test_levels_out_of_a_schedules_reach_do_not_break_the_curve():
    # scaled_linear never gets below a log-SNR of -5.4: every level asked for below is the same one. Catches 0 / 0 there.
    s, oracle = scaled_linear(), Gaussian(torch.zeros(1), torch.eye(1))
    generator = torch.Generator().manual_seed(0)
    levels = torch.linspace(-12, 8, 11, dtype=torch.float64)
    curve = error_curve(oracle.denoise(s), s, oracle.sample(2000, generator), levels, generator)
    for t in (0.0, 0.3, 0.999, 1.0):
        value = curve.at(s.log_snr(f64(t)))
        assert value.isfinite().all()
        assert value == pytest.approx(oracle.gaussian_mmse(s.log_snr(f64(t))).item(), rel=0.1)


def test_the_measured_curve_makes_the_spread_of_few_steps_right():
    """Truth 12 with a measured error in place of the exact one: 5 steps, output variance within 5 %, in each dimension.

    Catches a curve read at the wrong end of a step, and an error summed over dimensions.
    """
    v, s, n = f64([0.25, 1.5]), linear(), 20_000
    oracle, generator = Gaussian(torch.zeros(2), torch.diag(v)), torch.Generator().manual_seed(0)
    levels = torch.linspace(-10, 9, 39, dtype=torch.float64)
    curve = error_curve(oracle.denoise(s), s, oracle.sample(4000, generator), levels, generator)

    def noise(x):
        return torch.randn(x.shape, dtype=x.dtype, generator=generator)

    def error(t):
        return curve.at(s.log_snr(t))

    x = noise(torch.zeros(n, 2, dtype=torch.float64))
    *_, x = ddpm(oracle.denoise(s), s, grid("uniform")(s, 5), x, noise, error, variance="optimal")
    assert (x.var(0) / v).tolist() == pytest.approx([1, 1], abs=0.05)


@pytest.mark.parametrize("variances", [[1.0], [0.25, 1.5], [0.0, 1e-4, 1.0]])
def test_the_integral_of_the_error_is_the_information_of_a_gaussian(variances):
    """I = 1/2 sum log(1 + snr s_i^2). Catches nats for bits, a lost 1/2, a start at the first level instead of at no signal, a mean
    over elements for their sum, and an integral over log-SNR without its snr."""
    v, levels = f64(variances), torch.linspace(-10, 14, 481, dtype=torch.float64)
    curve = ErrorCurve(levels, v / (1 + levels.exp()[:, None] * v))
    wanted = torch.cat([f64([-13.0, -10.0, 14.0]), torch.linspace(-9.77, 13.8, 29, dtype=torch.float64)])
    exact = 0.5 * (wanted.exp()[:, None] * v).log1p().sum(1)
    torch.testing.assert_close(room.information(curve, wanted), exact, rtol=1e-4, atol=1e-9)
    coarse = ErrorCurve(levels[::10].clone(), curve.mse[::10])  # as a model's curve is measured: half a nat apart
    assert (room.information(coarse, wanted) - exact).abs().max() < 0.006 * len(variances)
    past = f64([16.0])  # beyond the clean end, where the error falls like 1 / snr, a nat of level is half a nat an element
    more = room.information(curve, past) - room.information(curve, f64([14.0]))
    assert more.item() == pytest.approx((curve.mse[-1] * math.exp(14)).sum().item())


def test_the_integral_of_the_error_is_the_information_of_a_mixture():
    # By quadrature over y in one dimension. Catches the Gaussian's information, which is larger: its errors are.
    levels = torch.linspace(-10, 8, 91, dtype=torch.float64)
    curve = ErrorCurve(levels, torch.tensor([mmse(math.exp(level)) for level in levels.tolist()], dtype=torch.float64)[:, None])
    found = room.information(curve, levels)
    assert (found.diff() > 0).all()
    for k in (20, 50, 70, 90):
        assert found[k].item() == pytest.approx(information(math.exp(levels[k])), rel=2e-3)
        assert found[k].item() < 0.5 * math.log1p(math.exp(levels[k]) * VARIANCE)


def test_the_integral_of_the_error_is_the_information_by_monte_carlo():
    # I = E log p(x_t | x_0) - E log p(x_t), in the plane. Catches a sum over elements of a mean over them.
    oracle = Mixture(torch.ones(3) / 3, f64([[-2.0, 0.0], [2.0, 0.0], [0.0, 2.0]]), 0.05 * torch.eye(2).expand(3, 2, 2))
    levels, s, n = torch.linspace(-10, 6, 33, dtype=torch.float64), linear(), 20_000
    curve = ErrorCurve(levels, oracle.mmse(levels)[0][:, None])
    generator = torch.Generator().manual_seed(1)
    for level in (-3.0, 0.0, 4.0):
        t = s.inverse(f64(level))
        x0 = oracle.sample(n, generator)
        eps = torch.randn(n, 2, dtype=torch.float64, generator=generator)
        x = s.diffuse(x0, t, eps)
        gain = -0.5 * eps.square().sum(1) - math.log(2 * math.pi) - 2 * s(t)[1].log() - oracle.log_prob(x, t, s)
        exact, error = gain.mean().item(), gain.std().item() / n**0.5
        assert room.information(curve, f64([level])).item() == pytest.approx(exact, abs=5 * error + 0.01 * exact)
