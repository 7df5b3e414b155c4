"""Particles: rows of which a part is known have the true conditional law, whatever the belief; Gaussian beliefs are exact for Gaussians."""

import math

import pytest
import torch

from unstir.diffusion.beliefs import Normal, by_covariance, by_slopes
from unstir.diffusion.cells import by_cells
from unstir.diffusion.chains import cosine
from unstir.diffusion.continuous import Flow
from unstir.diffusion.groups import States
from unstir.diffusion.oracles import Gaussian, Mixture
from unstir.diffusion.particles import conditioned, from_noisiest, redrawn
from unstir.diffusion.samplers import plan


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def noise(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return lambda x: torch.randn(x.shape, dtype=torch.float64, generator=generator)


def made(believe, schedule, y, known, n, particles, steps=40):
    y, known = f64(y).expand(n, -1), torch.tensor(known).expand(n, -1)
    return conditioned(believe, schedule, plan("ddim", schedule, steps), y, known, particles, noise())


def gaussian(d=4):
    factor = torch.randn(d, d, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    S = factor @ factor.T / d + 0.05 * torch.eye(d, dtype=torch.float64)
    return Gaussian(0.3 * torch.ones(d, dtype=torch.float64), S)


def beliefs(oracle, schedule):
    values, Q = torch.linalg.eigh(oracle.covariance())
    return by_slopes(oracle.denoise(schedule), schedule), by_covariance(oracle.denoise(schedule), schedule, values, Q)


@pytest.mark.parametrize("schedule", [cosine(), Flow()], ids=["cosine", "flow"])
def test_a_gaussian_needs_no_weights_and_has_its_conditional_law(schedule):
    """Gauss's rule for the other elements, and weights that stay equal. Catches a weight without its denominator, which moves for any data,
    a draw without the spread of x_0 given x_t, and known elements that are only overwritten."""
    oracle, y, known, n = gaussian(), [0.9, 0.0, -1.2, 0.0], [True, False, True, False], 1000
    S, mask = oracle.covariances[0], torch.tensor(known)
    gain = S[~mask][:, mask] @ torch.linalg.inv(S[mask][:, mask])
    mean, cov = 0.3 + gain @ (f64(y)[mask] - 0.3), S[~mask][:, ~mask] - gain @ S[mask][:, ~mask]
    for believe in beliefs(oracle, schedule):
        found = made(believe, schedule, y, known, n, 2)
        assert (found.rows[:, mask] == f64(y)[mask]).all()
        assert found.effective.min() > 1.95
        white = torch.linalg.solve_triangular(torch.linalg.cholesky(cov), (found.rows[:, ~mask] - mean).T, upper=False)
        assert white.mean(1).abs().max() < 3.5 / n**0.5
        assert (torch.cov(white) - torch.eye(2)).abs().max() < 5 / n**0.5


CENTRES, WEIGHTS, SPREAD = f64([[-1.2, -0.8], [0.0, 1.3], [1.2, -0.8]]), f64([0.5, 0.3, 0.2]), 0.4


@pytest.mark.parametrize(("which", "y"), [(0, 0.3), (1, -0.6)], ids=["slopes", "covariance"])
def test_a_mixture_has_its_conditional_law(which, y):
    """Three clusters, the first number given: weights of clusters, mean and variance of the second to 3 standard errors.

    Without weights the share of the upper cluster is 0.56 for 0.93, and 0.32 for 0.38.
    """
    oracle, schedule, n = Mixture(WEIGHTS, CENTRES, SPREAD**2 * torch.eye(2).expand(3, 2, 2)), cosine(), 300
    found = made(beliefs(oracle, schedule)[which], schedule, [y, 0.0], [True, False], n, 32)
    share = (WEIGHTS.log() - 0.5 * ((y - CENTRES[:, 0]) / SPREAD) ** 2).softmax(0)
    mean = (share @ CENTRES[:, 1]).item()
    var = (share @ CENTRES[:, 1] ** 2).item() + SPREAD**2 - mean**2
    fourth = (share @ ((CENTRES[:, 1] - mean) ** 4 + 6 * (CENTRES[:, 1] - mean) ** 2 * SPREAD**2 + 3 * SPREAD**4)).item()
    above = (share @ torch.special.ndtr((CENTRES[:, 1] - 0.25) / SPREAD)).item()
    u = found.rows[:, 1]
    assert abs((u > 0.25).double().mean() - above) < 3 * math.sqrt(above * (1 - above) / n)
    assert abs(u.mean() - mean) < 3 * math.sqrt(var / n)
    assert abs(u.var() - var) < 3 * math.sqrt((fourth - var**2) / n)


def test_cells_have_their_conditional_law():
    """A group of two states, and a number that is exactly 0 in 0.6 of the rows of one state and in 0.1 of the other's, else normal.

    Catches no weights (0.56 of the first state in place of 0.72; on 2,000 rows), the probability of an atom left out of them, a number
    whose value says nothing of the group, and zeros that are not exact.
    """
    shares, tau = f64([0.3 * 0.6, 0.3 * 0.4, 0.7 * 0.1, 0.7 * 0.9]), 0.5
    scale, shift, none = f64([1.5, 1.5, 2.0, 2.0, 1.0]), f64([0.4, 0.6, 0.5, 0.5, 0.0]), -1
    states = States(
        torch.tensor([0, 0, 1, 1, none]),
        f64([0.3, 0.7, 0.25, 0.75, 1.0]),
        scale,
        shift,
        torch.tensor([none, none, none, none, 3]),
        torch.tensor([none, none, 4, none, none]),
        f64([0.0, 0.0, 0.2, 0.0, 0.0]),
    )
    which, number = [(0, 2), (0, 3), (1, 2), (1, 3)], f64([0.2, -0.8, 0.2, 0.8])
    centres = torch.stack(
        [
            torch.cat([torch.eye(4).double()[list(pair)].sum(0) * scale[:4] - shift[:4], z[None]])
            for pair, z in zip(which, number, strict=True)
        ]
    )
    tiny = 1e-6
    spread = torch.stack([torch.diag(f64([tiny] * 4 + [tiny if pair[1] == 2 else tau**2])) for pair in which])
    oracle, schedule, n = Mixture(shares, centres, spread), cosine(), 300
    believe = by_cells(
        oracle.denoise(schedule), schedule, states, lambda level: tau**2 / (1 + level.exp() * tau**2) * torch.ones(5)
    )
    for row, known, truth in (
        (centres[0], [True, True, False, False, False], {"zero": 0.6, "mean": 0.6 * 0.2 - 0.4 * 0.8}),
        (centres[2], [False, False, True, True, True], {"first": 0.18 / 0.25}),
        (
            torch.cat([centres[1][:4], f64([0.1])]),
            [False, False, True, True, True],
            {"first": 0.12 * math.exp(-1.62) / (0.12 * math.exp(-1.62) + 0.63 * math.exp(-0.98))},
        ),
    ):
        found = made(believe, schedule, row.tolist(), known, n, 32).rows
        is_first, is_zero = found[:, 0] + shift[0] > scale[0] / 2, found[:, 2] + shift[2] > scale[2] / 2
        assert (((found[:, 4] - 0.2).abs() < 1e-6) == is_zero).all()
        for name, value in truth.items():
            seen = {"first": is_first.double(), "zero": is_zero.double(), "mean": found[:, 4]}[name]
            assert abs(seen.mean() - value) < 3.5 * seen.std() / n**0.5, (name, value, seen.mean())


def test_rows_may_know_different_elements_and_share_a_covariance():
    # Catches a mask of the first row for all, and densities of the wrong elements.
    oracle, generator = gaussian(), torch.Generator().manual_seed(1)
    S, mean, y = oracle.covariances[0], oracle.means[0], torch.randn(3, 4, dtype=torch.float64, generator=generator)
    values, Q = torch.linalg.eigh(S)
    masks = torch.tensor([[1, 0, 1, 0], [0, 1, 1, 1], [1, 0, 1, 0]]).bool()
    exact = [
        torch.distributions.MultivariateNormal(mean[m], S[m][:, m]).log_prob(row[m]) for row, m in zip(y, masks, strict=True)
    ]
    for v, q in ((values[None], Q[None]), (values.expand(3, 4), Q.expand(3, 4, 4))):
        torch.testing.assert_close(Normal(mean.expand(3, 4), v, q).log_density(y, masks), torch.stack(exact))


def test_drawing_anew_keeps_each_particle_as_often_as_it_weighs():
    # Systematic resampling: weight w of K goes on floor or ceil of w K times, 0.3 x 4 = 1.2. Catches rows that mix, and even weights drawn.
    weights = f64([[0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]])
    counts = torch.zeros(4, dtype=torch.float64)
    for u in torch.linspace(0, 0.99, 100, dtype=torch.float64):
        chosen, logs, effective = redrawn(weights.log(), u.expand(2, 1))
        assert (chosen[4:] == torch.arange(4, 8)).all()
        assert (logs[0] == 0).all()
        counts += torch.bincount(chosen[:4], minlength=4) / 100
    torch.testing.assert_close(counts, 4 * weights[0], atol=0.05, rtol=0)
    torch.testing.assert_close(effective, f64([1 / 0.52, 4.0]))


def test_the_first_step_is_where_a_slope_can_be_told_from_noise():
    times = from_noisiest(Flow(), plan("ddim", Flow(), 20))
    assert Flow().log_snr(times[0]).item() == pytest.approx(-8)
    assert (times.diff() < 0).all()
    assert times[-1] == 0
