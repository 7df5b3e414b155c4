"""The forward process against the papers' own symbols, in plain loops, and against plain linear algebra."""

import inspect
import itertools
import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unstir.diffusion.chains import Chain
from unstir.diffusion.continuous import VE, VP, Flow
from unstir.diffusion.registry import SCHEDULES
from unstir.diffusion.schedules import along, schedule
from unstir.errors import UsageError

LENGTHS = [2, 4, 10, 100, 1000, 4000]
CHAINS = ["linear", "cosine", "sigmoid", "sigmoid_bare", "sigmoid_alpha_bar", "scaled_linear", "chain"]
few = settings(max_examples=20, deadline=None, derandomize=True, database=None)


def make(name, T=1000):
    if name == "chain":
        return schedule("chain", betas=np.linspace(1e-4, 0.02, T).tolist())
    return schedule(name, T=T) if name in CHAINS else schedule(name)


# The bare sigmoid at T = 1000 ends at alpha_bar = 1e-711, which no float64 holds: 100 steps keep its shape.
EVERY = {name: make(name, 100 if name == "sigmoid_bare" else 1000) for name in SCHEDULES}
PRESERVING = {name: s for name, s in EVERY.items() if name not in ("ve", "flow")}
every = pytest.mark.parametrize("s", EVERY.values(), ids=EVERY.keys())
preserving = pytest.mark.parametrize("s", PRESERVING.values(), ids=PRESERVING.keys())


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def lecture_betas(name, T):
    """The papers' betas, one at a time, in Python's own floats."""

    def line(low, high):
        return [low + (high - low) * i / (T - 1) for i in range(T)]

    def logistic(x):
        return 1 / (1 + math.exp(-x))

    def from_alpha_bar(f):
        return [min(1 - f(n / T) / f((n - 1) / T), 0.999) for n in range(1, T + 1)]

    def jabri(t):
        return (logistic(3) - logistic(-3 + 6 * t)) / (logistic(3) - logistic(-3))

    return {
        "linear": lambda: line(1e-4, 0.02),
        "chain": lambda: line(1e-4, 0.02),
        "scaled_linear": lambda: [b**2 for b in line(0.00085**0.5, 0.012**0.5)],
        "sigmoid": lambda: [1e-4 + (0.02 - 1e-4) * logistic(x) for x in line(-6, 6)],
        "sigmoid_bare": lambda: [logistic(x) for x in line(-6, 6)],
        "cosine": lambda: from_alpha_bar(lambda t: math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2),
        "sigmoid_alpha_bar": lambda: from_alpha_bar(jabri),
    }[name]()


# ---- the chain


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("T", [2, 10, 500])
def test_x_n_of_the_paper_is_x_at_n_over_t(name, T):
    """Truth 1: x_n = sqrt(1 - beta_n) x_{n-1} + sqrt(beta_n) eps, step by step, has mean alpha x_0 and variance sigma^2.

    Catches a table shifted by one, alpha-bar where its root belongs, T - 1 for T, and float32 tables, which are
    wrong by 1.7e-4 in sigma^2 at n = 1.
    """
    s = make(name, T)
    mean, variance = 1.0, 0.0
    assert s.T == T
    for n, beta in enumerate(lecture_betas(name, T), 1):
        mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        alpha, sigma = s(f64(n / T))
        assert alpha.item() == pytest.approx(mean, rel=1e-10, abs=1e-100)  # the bare sigmoid gets there, and farther
        assert sigma.item() ** 2 == pytest.approx(variance, rel=1e-10)


@pytest.mark.parametrize(
    ("name", "n", "digits", "alpha_bar"),
    [
        ("linear", 1, 4, 0.9999),
        ("linear", 500, 6, 0.0785872),
        ("linear", 1000, 5, 4.0358e-5),
        ("cosine", 1, 6, 0.999959),
        ("cosine", 500, 6, 0.493844),  # diffusers' 0.493843 is its float32 table; in float64 it is 0.49384359
        ("cosine", 1000, 5, 2.4288e-9),
        ("sigmoid", 500, 6, 0.301931),
        ("sigmoid", 1000, 4, 3.968e-5),
        ("sigmoid_alpha_bar", 500, 1, 0.5),
        ("sigmoid_alpha_bar", 1000, 2, 3.0e-7),
        ("scaled_linear", 1, 5, 0.99915),
        ("scaled_linear", 500, 6, 0.277670),
        ("scaled_linear", 1000, 5, 4.6601e-3),
        ("sigmoid_bare", 100, 2, 0.62),
        ("sigmoid_bare", 300, 1, 8e-4),
        ("sigmoid_bare", 500, 1, 2e-30),
    ],
)
def test_alpha_bar_to_every_published_digit(name, n, digits, alpha_bar):
    # Other projects' tables (references.md, section 2). Catches betas that are nearly right: s = 0, an uncapped or a twice
    # capped cosine, roots of beta that are not squared, a sigmoid that is not scaled.
    alpha, _ = make(name)(f64(n / 1000))
    assert f"{alpha.item() ** 2:.{digits - 1}e}" == f"{alpha_bar:.{digits - 1}e}"


@pytest.mark.parametrize(("T", "left"), [(100, 0.364), (10, 0.904)])
def test_short_linear_chains_say_how_much_signal_they_leave(T, left):
    # Catches betas rescaled behind the caller's back, and alpha_bar_end reported at another time than t = 1.
    assert make("linear", T).alpha_bar_end == pytest.approx(left, abs=5e-4)


@pytest.mark.parametrize("name", CHAINS)
def test_between_two_steps_the_integral_of_beta_is_a_straight_line(name):
    # Catches interpolation of alpha, beta or alpha-bar in place of B = -log alpha_bar, eq. (2) of chains.py.
    s, n = EVERY[name], torch.arange(EVERY[name].T, dtype=torch.float64)
    B = [-2 * s((n + part) / s.T)[0].log() for part in (0, 0.25, 1)]
    torch.testing.assert_close(B[1], 0.75 * B[0] + 0.25 * B[2], rtol=1e-9, atol=1e-13)


def test_a_long_chain_is_the_continuous_process():
    # beta_n = beta(n / T) / T goes to VP at rate 1/T. Catches a lost factor 1/2 in B(t), or beta for its integral.
    t = torch.linspace(0.05, 1, 20, dtype=torch.float64)
    gaps = [(make_vp_chain(T)(t)[0].log() - VP()(t)[0].log()).abs().max().item() for T in (1000, 2000, 4000)]
    assert gaps[2] < 0.02
    assert [gaps[0] / gaps[1], gaps[1] / gaps[2]] == pytest.approx([2, 2], abs=0.05)


def make_vp_chain(T):
    return Chain(tuple((0.1 + (20 - 0.1) * n / T) / T for n in range(1, T + 1)))


# ---- the continuous families


def test_flow_is_the_straight_line_and_ve_is_geometric():
    # Catches t and 1 - t exchanged; sigma(0) = sigma_min, which would make the data at t = 0 noisy.
    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    alpha, sigma = Flow()(t)
    assert torch.equal(alpha, 1 - t)
    assert torch.equal(sigma, t)
    alpha, sigma = VE(0.01, 50.0)(t)
    assert torch.equal(alpha, torch.ones_like(t))
    assert sigma[0] == 0
    assert sigma[-1].item() == pytest.approx(50)
    growth = (sigma[1:] + 0.01) / (sigma[:-1] + 0.01)
    torch.testing.assert_close(growth, growth[:1].expand(10))


def test_vp_is_the_integral_of_beta():
    # Song et al. 2021, eq. 29 and 33: alpha = exp(-t^2 (beta_max - beta_min) / 4 - t beta_min / 2).
    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    torch.testing.assert_close(VP(0.2, 15.0)(t)[0], torch.exp(-(t**2) * 14.8 / 4 - t * 0.1))


# ---- laws of every schedule


@every
def test_time_runs_from_data_to_noise(s):
    # Catches a schedule that runs backwards, or starts or ends anywhere else.
    t = torch.linspace(0, 1, 301, dtype=torch.float64)
    alpha, sigma = s(t)
    assert alpha.dtype == sigma.dtype == torch.float64
    assert (alpha[0], sigma[0]) == (1, 0)
    assert (s.log_snr(t).diff() < 0).all()
    assert s(t.float())[0].dtype == torch.float64


@preserving
def test_variance_preserving_to_the_last_digit(s):
    """Truth 1: alpha^2 + sigma^2 = 1 to 1e-15. Catches float32 tables and sigma computed as 1 - alpha."""
    alpha, sigma = s(torch.linspace(0, 1, 1001, dtype=torch.float64))
    assert (alpha**2 + sigma**2 - 1).abs().max() < 1e-15


@every
def test_diffuse_has_the_stated_moments(s):
    """Truth 1: q(x_t | x_0) has mean alpha x_0 and standard deviation sigma, for scalar times and a time a row.

    Catches sigma^2 for sigma, and a time broadcast along the wrong axis.
    """
    t = f64([0.1, 0.6, 0.9])
    ones, zeros = torch.ones(3, 3, 2, dtype=torch.float64), torch.zeros(3, 3, 2, dtype=torch.float64)
    alpha, sigma = s(t)
    assert torch.equal(s.diffuse(ones, t, zeros), alpha[:, None, None] * ones)
    assert torch.equal(s.diffuse(zeros, t, ones), sigma[:, None, None] * ones)
    assert torch.equal(s.diffuse(ones, t[1], 2 * ones), (alpha[1] + 2 * sigma[1]) * ones)


@every
@few
@given(pair=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_composition(s, pair):
    """Truth 2: q(x_t | x_s) after q(x_s | x_0) is q(x_t | x_0) for any s < t, and its variance is not negative.

    Catches a respaced sampler that uses beta of one step for a stride of many.
    """
    (alpha_s, sigma_s), (alpha_t, sigma_t) = s(f64(min(pair))), s(f64(max(pair)))
    if alpha_s == 0 or min(pair) == max(pair):
        return  # from pure noise nothing follows, and no time is no step
    a, variance = s.transition(f64(min(pair)), f64(max(pair)))
    assert variance >= 0
    torch.testing.assert_close(a * alpha_s, alpha_t, rtol=1e-12, atol=0)
    torch.testing.assert_close(a**2 * sigma_s**2 + variance, sigma_t**2, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("T", [2, 10, 1000])
@pytest.mark.parametrize("name", CHAINS)
def test_one_step_of_the_chain_is_the_papers(name, T):
    """Truths 2 and 3: q(x_n | x_{n-1}) has beta_n; q(x_{n-1} | x_n, x_0) is eq. 7 of Ho et al. 2020 in its own symbols.

    Catches beta for beta-tilde, and n for n - 1 in any of its six places.
    """
    betas = np.array(lecture_betas(name, T))
    alphas, s = 1 - betas, make(name, T)
    abar = np.concatenate([[1.0], np.cumprod(alphas)])  # abar[n], abar[0] = 1
    for n in {1, 2, (T + 1) // 2, T}:
        if abar[n] < 1e-290:
            continue  # the bare sigmoid's alpha-bar is no longer a float64
        t, before = f64(n / T), f64((n - 1) / T)
        beta, alpha_n = betas[n - 1], alphas[n - 1]
        a, variance = s.transition(before, t)
        assert a.item() == pytest.approx(np.sqrt(alpha_n), rel=1e-9)
        assert variance.item() == pytest.approx(beta, rel=1e-9)
        from_x, from_x0, variance = s.posterior(before, t)
        assert from_x.item() == pytest.approx(np.sqrt(alpha_n) * (1 - abar[n - 1]) / (1 - abar[n]), rel=1e-8, abs=1e-12)
        assert from_x0.item() == pytest.approx(np.sqrt(abar[n - 1]) * beta / (1 - abar[n]), rel=1e-8)
        assert variance.item() == pytest.approx((1 - abar[n - 1]) / (1 - abar[n]) * beta, rel=1e-8, abs=1e-12)


@every
@pytest.mark.parametrize(("before", "t"), [(0.0, 0.3), (0.2, 0.25), (0.1, 0.9), (0.5, 1.0), (0.0, 1.0)])
def test_the_posterior_is_conditioning_of_the_joint_gaussian(s, before, t):
    """Truth 3: the joint of (x_s, x_t) given x_0, conditioned by plain linear algebra. t = 1 is noise without data for `Flow`.

    Catches beta for beta-tilde, an index shift, and 0 / 0 where alpha_t = 0.
    """
    (alpha_s, sigma_s), (alpha_t, sigma_t) = ([c.item() for c in s(f64(time))] for time in (before, t))
    step = alpha_t / alpha_s
    # x_s = alpha_s x_0 + sigma_s e,  x_t = step x_s + what is missing of sigma_t^2
    joint = np.array([[sigma_s**2, step * sigma_s**2], [step * sigma_s**2, sigma_t**2]])
    gain = joint[0, 1] / joint[1, 1]
    from_x, from_x0, variance = (c.item() for c in s.posterior(f64(before), f64(t)))
    assert from_x == pytest.approx(gain, rel=1e-9, abs=1e-14)
    assert from_x0 == pytest.approx(alpha_s - gain * alpha_t, rel=1e-9)
    assert variance == pytest.approx(joint[0, 0] - gain * joint[1, 0], rel=1e-9, abs=1e-14)


@every
@few
@given(level=st.floats(-20, 20))
def test_the_inverse_inverts(s, level):
    # Catches log(alpha / sigma) for its double, sigma / alpha for its inverse, and a bisection that stops early.
    t = s.inverse(f64(level))
    top = s.log_snr(f64(1.0)).item()
    if level <= top:
        assert t == 1  # nothing is noisier than the end
    else:
        assert s.log_snr(t).item() == pytest.approx(level, abs=1e-6)
        assert s.inverse(s.log_snr(t)).item() == pytest.approx(t.item(), rel=1e-9)


@every
def test_the_inverse_of_a_level_out_of_reach_is_the_end(s):
    # Catches a search that leaves [0, 1].
    assert s.inverse(f64([1e4, math.inf])).tolist() == pytest.approx([0, 0], abs=1e-15)
    assert s.inverse(f64([-1e4, -math.inf])).tolist() == pytest.approx([1, 1], abs=1e-15)


@every
def test_the_slope_is_a_finite_difference_and_the_gradient(s):
    # Catches a slope per step for one per unit of time, and a schedule that torch cannot differentiate.
    t = (torch.arange(1, 40, dtype=torch.float64) + 0.37) / 40.5  # no knot of any chain within the difference
    h = 1e-7
    for forward, back, slope in zip(s(t + h), s(t - h), s.slope(t), strict=True):
        torch.testing.assert_close(slope, (forward - back) / (2 * h), rtol=1e-4, atol=1e-6)
    for i, slope in enumerate(s.slope(t)):
        value = s(t.requires_grad_())[i]
        if value.requires_grad:  # alpha of VE is 1
            torch.testing.assert_close(torch.autograd.grad(value.sum(), t)[0], slope)


@pytest.mark.parametrize(("name", "T"), [*itertools.product(CHAINS, LENGTHS), *((n, 1) for n in ("vp", "ve", "flow"))])
def test_values_and_slopes_are_finite_for_any_number_of_steps(name, T):
    """Truth 21: every coefficient at t = 0, at t = 1 and at each step is finite, and so is every slope and gradient.

    Catches 0 / 0 at either end, beta >= 1 in a short chain, and the infinite slope of sigma where the noise begins.
    """
    s = make(name, T)
    t = torch.linspace(0, 1, T + 1, dtype=torch.float64, requires_grad=True)
    values, slopes = s(t), s.slope(t.detach())
    assert all(c.isfinite().all() for c in (*values, *slopes))
    assert 0 <= s.alpha_bar_end < 1
    assert s.log_snr(t[1:]).max() < math.inf
    inside = t.detach()[1:].requires_grad_()
    (gradient,) = torch.autograd.grad(sum(c.sum() for c in s(inside)), inside)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", ["flow", "vp", "ve", *CHAINS])
def test_every_step_from_the_noisiest_to_the_data_is_finite(name):
    """Truth 21: transition and posterior of neighbours, of the longest stride, and of both ends. Catches inf - inf."""
    s = EVERY[name]
    times = torch.linspace(0, 1, 51, dtype=torch.float64)
    before, after = torch.cat([times[:-1], times[:1]]), torch.cat([times[1:], times[-1:]])
    for c in (*s.transition(before, after), *s.posterior(before, after)):
        assert c.isfinite().all()


def test_alpha_bar_end_counts_the_power_of_both():
    # Catches alpha^2 alone, which is 1 for VE, and a bare sigma^2.
    assert VE(sigma_max=80.0).alpha_bar_end == pytest.approx(1 / 6401)
    assert Flow().alpha_bar_end == 0
    assert Chain((0.1, 0.2, 0.3)).alpha_bar_end == pytest.approx(0.9 * 0.8 * 0.7)


def test_a_schedule_that_cannot_exist_is_refused():
    # Catches the NaN of log(1 - beta) for beta >= 1, which 1000/T rescaling makes at T <= 20.
    for betas in ([], [0.0], [1.0], [0.5, -0.1], [0.1, math.nan]):
        with pytest.raises(UsageError, match="beta"):
            schedule("chain", betas=betas)
    with pytest.raises(UsageError, match=r"beta_2 = -0.1 of a chain of 2 steps"):
        schedule("chain", betas=[0.5, -0.1])
    for name in CHAINS[:-1]:
        with pytest.raises(UsageError, match="T = 0"):
            schedule(name, T=0)


def test_names_and_settings_are_checked():
    # Catches a misspelt setting that is silently ignored.
    for name, chosen, said in [
        ("cosin", {}, r"did you mean 'cosine'.*linear"),
        ("cosine", {"steps": 100}, "'steps': .*Known: T, beta_cap, s"),
        ("linear", {"beta_mx": 0.1}, "'beta_mx': did you mean 'beta_max'"),
        ("flow", {"T": 100}, "'flow' takes no settings, but T = 100 was given"),
        ("chain", {}, "needs its betas, a list"),
    ]:
        with pytest.raises(UsageError, match=said):
            schedule(name, **chosen)
    assert set(CHAINS) | {"vp", "ve", "flow"} == set(SCHEDULES)


RANGES = {  # the settings of every schedule: two numbers just inside of what is allowed, and two just outside
    "linear": {"beta_min": (1e-9, 0.999, 0, 1), "beta_max": (0.5, 0.999, -1e-9, 1.0)},
    "sigmoid": {"beta_min": (1e-9, 0.999, 0, 1), "beta_max": (0.5, 0.999, -1e-9, 1.0)},
    "scaled_linear": {"beta_min": (1e-9, 0.999, 0, 1), "beta_max": (0.5, 0.999, -1e-9, 1.0)},
    "cosine": {"s": (0, 1, -1e-9, 1.001), "beta_cap": (0.1, 0.9999, 0, 1)},
    "sigmoid_bare": {},
    "sigmoid_alpha_bar": {
        "start": (-11.9, 2.9, -12, 12.0),
        "end": (-2.9, 11.9, -3, 12),
        "tau": (0.26, 99, 0, -1),
        "beta_cap": (0.1, 0.9999, 0, 1),
    },
    "chain": {},
    "vp": {"beta_min": (1e-9, 1e5, 0, 1e6), "beta_max": (0.5, 1e5, -3, 1e6)},
    "ve": {"sigma_min": (1e-12, 79, 1e-13, 2e6), "sigma_max": (0.2, 1e5, 0.002, -3)},
    "flow": {},
}


@pytest.mark.parametrize("name", RANGES)
def test_a_setting_out_of_its_range_is_named_with_its_value(name):
    """Each setting of each schedule, on both sides of both ends; nan, infinity and what is no number.

    Catches the math domain error of sigma_max = -3, the nan of beta_max = -3 that was blamed on the target, and s = -3 that trained.
    """
    length = {} if name in ("vp", "ve", "flow", "chain") else {"T": 50}
    ranges = RANGES[name] | ({"T": (2, 100_000, 1, 100_001)} if length else {})
    assert set(inspect.signature(SCHEDULES[name]).parameters) - {"betas"} == set(ranges)
    t = torch.linspace(0, 1, 200, dtype=torch.float64)
    for setting, (low, high, below, above) in ranges.items():
        for good in (low, high):
            s = schedule(name, **length | {setting: good})
            assert all(c.isfinite().all() for c in (*s(t), *s.slope(t))), (setting, good)
            assert (s.log_snr(t).diff() < 0).all(), (setting, good)
        for bad in (below, above, math.nan, math.inf, -math.inf, "0.5", [0.5], None, True, {}):
            for build in (partial(schedule, name), SCHEDULES[name]):
                with pytest.raises(
                    UsageError, match=rf"setting {setting} = .* has to be a (whole )?number (from|above)"
                ) as caught:
                    build(**{setting: bad})
                assert repr(bad) in str(caught.value)


def test_a_whole_number_may_come_as_a_float():
    # Every number typed after --diffusion.settings is a float. Catches a chain of 50.0 steps.
    assert schedule("linear", T=50.0) == schedule("linear", T=50)
    assert schedule("cosine", T=50.0) == schedule("cosine", T=50)
    for T in (50.5, "50", 10**12):
        with pytest.raises(UsageError, match="whole number from 2 to 100,000"):
            schedule("linear", T=T)


def test_betas_are_a_list_of_numbers():
    for betas, said in [
        (0.1, "list of numbers"),
        ("0.1,0.2", "list"),
        (["a"], "beta_1 = 'a'"),
        ([[0.1]], "beta_1"),
        ([], "at least one"),
    ]:
        with pytest.raises(UsageError, match=said):
            schedule("chain", betas=betas)
    assert schedule("chain", betas=np.array([0.1, 0.2])).T == 2


def test_a_schedule_that_adds_no_noise_is_refused():
    """A grid of equal steps in log-SNR falls to 6 and farther: a start above that has nowhere to go. Catches an empty error curve."""
    for name, chosen in [("chain", {"betas": [1e-9]}), ("ve", {"sigma_max": 0.01}), ("vp", {"beta_min": 1e-9, "beta_max": 1e-3})]:
        with pytest.raises(UsageError, match=r"next to no noise: alpha_bar is still (1|0\.99)"):
            schedule(name, **chosen)
    assert schedule("chain", betas=[0.02]).alpha_bar_end == pytest.approx(0.98)


def test_a_coefficient_meets_data_in_the_datas_own_type():
    # Catches float64 leaking into a float32 network, and a coefficient laid along the last axis.
    x = torch.zeros(2, 3, 4)
    assert along(f64([1.0, 2.0]), x).shape == (2, 1, 1)
    assert along(f64([1.0, 2.0]), x).dtype == torch.float32
    assert along(f64(3.0), x).shape == ()
    assert Flow().diffuse(x, f64([0.5, 1.0]), x).dtype == torch.float32
