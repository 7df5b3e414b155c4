"""Grids that start in noise and end in data, and distributions with the quantiles they claim."""

import numpy as np
import pytest
import torch
from scipy import stats

from unstir.diffusion.chains import cosine, linear
from unstir.diffusion.continuous import VE, Flow
from unstir.diffusion.registry import DISTRIBUTIONS, SCHEDULES
from unstir.diffusion.schedules import schedule
from unstir.diffusion.times import GRIDS, NOISE_LOG_SNR, Distribution, distribution, grid, stratified
from unstir.errors import UsageError

EVERY = {
    name: schedule(name, betas=[0.01] * 500) if name == "chain" else schedule(name, T=100) if name == "sigmoid_bare"
    else schedule(name)
    for name in SCHEDULES
}  # fmt: skip
every = pytest.mark.parametrize("s", EVERY.values(), ids=EVERY.keys())


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# ---- grids


@every
@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_a_grid_falls_from_exactly_noise_to_exactly_data_in_n_intervals(s, name, n):
    # Catches `leading` spacing, which never reaches t = 1, a grid of n times for n steps, and one that stops short of 0.
    if name == "chain" and s.T is None:
        with pytest.raises(UsageError, match="not a discrete chain"):
            grid(name)(s, n)
        return
    times = grid(name)(s, n)
    assert times.dtype == torch.float64
    assert times.shape == (n + 1,)
    assert (times[0], times[-1]) == (1, 0)
    assert (times.diff() < 0).all()


def test_the_chains_own_grid_is_made_of_the_chains_own_times():
    # Catches n / (T - 1), and rounding that visits a time twice: all of them for n = T.
    s = linear(T=37)
    assert torch.equal(grid("chain")(s, 37), torch.arange(37, -1, -1, dtype=torch.float64) / 37)
    for n in range(1, 38):
        steps = grid("chain")(s, n) * 37
        torch.testing.assert_close(steps, steps.round())
        assert (steps.round().diff() <= -1).all()
    assert (grid("chain")(linear(), 4) * 1000).tolist() == [1000, 750, 500, 250, 0]


def test_uniform_is_equal_steps_of_time():
    torch.testing.assert_close(grid("uniform")(Flow(), 8), 1 - torch.arange(9, dtype=torch.float64) / 8)


def start(s):
    """The log-SNR where a grid starts: that of t = 1, or where nothing is left to lose if t = 1 is noisier still."""
    return max(s.log_snr(torch.ones((), dtype=torch.float64)).item(), NOISE_LOG_SNR)


@every
def test_log_snr_is_equal_steps_of_log_snr(s):
    # Catches steps that are equal in sigma or in time instead.
    levels = s.log_snr(grid("log_snr", end=8.0)(s, 12)[:-1])
    np.testing.assert_allclose(levels[1:], np.linspace(start(s), 8.0, 12)[1:], rtol=0, atol=1e-6)


@every
def test_sinh_is_equal_steps_of_asinh(s):
    # Catches sinh for asinh, which would make the steps around the centre the longest, and log_snr in the limit of no bend.
    levels = s.log_snr(grid("sinh", end=9.0, centre=1.0, bend=0.3)(s, 15)[1:-1]).numpy()
    bent = np.arcsinh(0.3 * (levels - 1))
    np.testing.assert_allclose(np.diff(bent), (np.arcsinh(0.3 * 8) - np.arcsinh(0.3 * (start(s) - 1))) / 14, rtol=1e-6)
    straight = [grid(name, end=9.0, **kw)(s, 15) for name, kw in (("sinh", {"bend": 1e-4}), ("log_snr", {}))]
    torch.testing.assert_close(*straight, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("low", "high", "rho"), [(0.002, 80.0, 7.0), (0.01, 20.0, 3.0)])
def test_karras_grid_is_equation_5(low, high, rho):
    # Karras et al. 2022, eq. 5, typed: sigma_i = (smax^(1/rho) + i/(N-1) (smin^(1/rho) - smax^(1/rho)))^rho, sigma_N = 0.
    # Catches rho for 1/rho, N for N - 1, and SNR^(1/rho) for (sigma/alpha)^(1/rho).
    N, s = 18, VE(sigma_max=high)
    i = np.arange(N)
    sigma = (high ** (1 / rho) + i / (N - 1) * (low ** (1 / rho) - high ** (1 / rho))) ** rho
    _, ours = s(grid("karras", end=-2 * np.log(low), rho=rho)(s, N))
    np.testing.assert_allclose(ours, [*sigma, 0], rtol=1e-6)


def test_karras_levels_do_not_depend_on_the_schedule():
    # Catches sigma taken for sigma / alpha where alpha is not 1.
    a, b = cosine(), Flow()
    assert start(a) == start(b)
    torch.testing.assert_close(*(s.log_snr(grid("karras")(s, 10)[1:-1]) for s in (a, b)), rtol=0, atol=1e-6)


def test_a_grid_that_cannot_be_is_refused():
    # Catches a chain of 10 asked for 11 steps, which would repeat one, and a chain grid on a flow.
    with pytest.raises(UsageError, match="T = 10"):
        grid("chain")(linear(T=10), 11)
    with pytest.raises(UsageError, match="not a discrete chain"):
        grid("chain")(Flow(), 5)
    for name in GRIDS:
        with pytest.raises(UsageError, match="at least one step"):
            grid(name)(linear(), 0)
    with pytest.raises(UsageError, match=r"did you mean 'karras'"):
        grid("karas")


# ---- distributions


def test_stratified_has_one_draw_in_each_stratum():
    # Catches independent draws, strata in order (rows and levels would be tied together), and an unseeded generator.
    u = stratified(1000, generator())
    assert u.dtype == torch.float64
    assert torch.equal((u * 1000).floor().sort().values, torch.arange(1000, dtype=torch.float64))
    assert abs(np.corrcoef(u, np.arange(1000))[0, 1]) < 0.15
    assert torch.equal(u, stratified(1000, generator()))
    inside = (u * 1000) % 1
    assert stats.kstest(inside.numpy(), "uniform").pvalue > 0.01


def test_the_chains_distribution_has_every_step_equally_often_and_none_at_zero():
    # n ~ Uniform{1 .. T} (Ho et al. 2020, algorithm 1). Catches 0 .. T - 1, which trains on clean data and never on n = T.
    s, u = linear(T=10), stratified(1000, generator())
    n = (distribution("chain")(u, s) * 10).round().long()
    assert torch.bincount(n).tolist() == [0] + [100] * 10
    edges = torch.tensor([1e-300, 0.1, 0.1 + 1e-12, 1 - 1e-16], dtype=torch.float64)
    assert (distribution("chain")(edges, s) * 10).tolist() == pytest.approx([1, 1, 2, 10])
    with pytest.raises(UsageError, match="not a discrete chain"):
        distribution("chain")(u, Flow())


@pytest.mark.parametrize("s", [VE(), Flow(), cosine()], ids=["ve", "flow", "cosine"])
def test_log_normal_is_normal_in_the_logarithm_of_noise_over_signal(s):
    # Karras et al. 2022, table 1: ln(sigma) ~ N(mean, std^2). Catches log-SNR (twice, with the other sign) in its place.
    u = stratified(2001, generator())
    t = distribution("log_normal", mean=-1.2, std=1.0, even=0.0)(u, s)
    alpha, sigma = s(t)
    np.testing.assert_allclose((sigma / alpha).log(), stats.norm.ppf(u, loc=-1.2, scale=1.0), atol=1e-5)


def test_a_twentieth_of_the_log_normal_levels_is_even_up_to_where_sampling_begins():
    """Of 2,000 levels, 95 % have the quantiles of (2), and the others log-SNR -3.8 to -10 in equal steps.

    Catches a normal distribution that lost its own tails to the share, and a share that is added to every level.
    """
    u = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    levels = Flow().log_snr(distribution("log_normal")(u, Flow())).numpy()
    np.testing.assert_allclose(levels[:1900], -2 * stats.norm.ppf(u[:1900] / 0.95, loc=-0.5, scale=1.2), atol=1e-5)
    np.testing.assert_allclose(levels[1900:], -3.8 - 6.2 * (np.arange(100) + 0.5) / 100, atol=1e-9)


def test_logit_normal_is_normal_in_the_logit_of_time():
    # Esser et al. 2024, eq. 19. Catches a variance taken for a standard deviation.
    u = stratified(2001, generator())
    t = distribution("logit_normal", mean=0.5, std=2.0)(u, Flow())
    np.testing.assert_allclose(t.logit(), stats.norm.ppf(u, loc=0.5, scale=2.0), atol=1e-9)


@every
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_time_drawn_is_between_data_and_noise(s, name):
    # Catches a quantile that leaves (0, 1], where the schedule is not defined or the loss divides by zero.
    if name == "chain" and s.T is None:
        with pytest.raises(UsageError, match="not a discrete chain"):
            distribution(name)(stratified(512, generator()), s)
        return
    t = distribution(name)(stratified(512, generator()), s)
    assert t.dtype == torch.float64
    assert (t > 0).all()
    assert (t <= 1).all()


def test_the_quantiles_rise_or_fall_with_the_uniform_draw():
    # Stratification needs a map that is monotone but for a jump. Catches a quantile function that reorders, such as a folded one.
    u = torch.linspace(0.001, 0.999, 301, dtype=torch.float64)
    for name in DISTRIBUTIONS:
        falls = (distribution(name)(u, linear()).diff() < 0).nonzero().flatten()
        assert falls.tolist() == ([285] if name == "log_normal" else [])  # u[285] is the last below 0.95


def test_a_distribution_of_ones_own_is_used_as_it_is():
    # Catches settings that change the row in the table.
    mine = Distribution("mine", lambda u, schedule: u**2)  # noqa: ARG005
    assert distribution(mine) is mine
    shifted = distribution("log_normal", mean=-1.2)
    assert (shifted.name, shifted.is_search, shifted.keeps_bound) == ("log_normal", True, False)
    u = torch.tensor([0.5], dtype=torch.float64)
    assert shifted(u, linear()) != distribution("log_normal")(u, linear())
    with pytest.raises(UsageError, match="or a Distribution of your own"):
        distribution(lambda u, schedule: u)  # noqa: ARG005


def test_a_bound_is_kept_where_every_time_is_as_likely_as_any_other():
    # Kingma et al. 2021, eq. 17 is a mean over uniform t. Catches a distribution that is marked and is not uniform.
    u, s = stratified(2000, generator()), linear()
    for name, row in DISTRIBUTIONS.items():
        t = distribution(name)(u, s).sort().values
        even = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
        assert row.name == name
        assert row.keeps_bound == bool((t - even).abs().max() <= 2 / 1000)


def test_an_unknown_distribution_is_refused():
    with pytest.raises(UsageError, match=r"did you mean 'uniform'"):
        distribution("unifrom")


@pytest.mark.parametrize("finest", [5.8, 9.0, 12.0])
def test_log_normal_times_reach_down_to_the_finest_detail(finest):
    # 95 % of a normal distribution, which 95 % of the levels have, are within two deviations of its mean.
    # 5.8 is the distribution without a finer end.
    at = 0.95 * torch.special.ndtr(torch.tensor([-2.0, 2.0], dtype=torch.float64))
    found = Flow().log_snr(distribution("log_normal").down_to(finest)(at, Flow()))
    assert torch.allclose(found, torch.tensor([finest, -3.8], dtype=torch.float64), atol=1e-6)
    assert distribution("uniform").down_to(finest) is distribution("uniform")
    usual = distribution("log_normal")(at, Flow())
    assert (finest != 5.8) or torch.allclose(Flow().log_snr(usual), found, atol=1e-9)


@pytest.mark.parametrize("finest", [5.8, 9.0])
def test_log_snr_times_are_even_in_log_snr_down_to_the_finest_detail(finest):
    # Catches levels even in t, or in sigma/alpha, and ends that change places.
    found = Flow().log_snr(
        distribution("log_snr").down_to(finest)(torch.tensor([0.0, 0.25, 0.5, 1.0], dtype=torch.float64), Flow())
    )
    assert found.tolist() == pytest.approx([finest, finest - (finest + 6) / 4, (finest - 6) / 2, -6.0], abs=1e-6)
