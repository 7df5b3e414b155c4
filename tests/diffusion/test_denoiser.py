"""Targets: what each name means, that each recovers x_0 under every schedule, and that each turns into every other."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unstir.diffusion.chains import cosine, linear
from unstir.diffusion.continuous import VE, Flow
from unstir.diffusion.denoiser import Denoiser, Target, check_pair, target, under, wanted
from unstir.diffusion.oracles import Gaussian
from unstir.diffusion.registry import DISTRIBUTIONS, SAFE_TARGETS, SCHEDULES, TARGETS
from unstir.diffusion.schedules import schedule
from unstir.errors import UsageError

AFFINE = [name for name, of in TARGETS.items() if of.reading.is_affine]
LENGTHS = [2, 4, 10, 100, 1000, 4000]
CHAINS = ["linear", "cosine", "sigmoid", "sigmoid_bare", "sigmoid_alpha_bar", "scaled_linear"]
few = settings(max_examples=12, deadline=None, derandomize=True, database=None)


def make(name, T=1000):
    if name == "chain":
        return schedule("chain", betas=[0.01] * T)
    return schedule(name, T=T) if name in CHAINS else schedule(name)


# The bare sigmoid at T = 1000 ends at alpha_bar = 1e-711, which no float64 holds: 10 steps still leave 1e-8.
EVERY = {name: make(name, 10 if name == "sigmoid_bare" else 1000) for name in SCHEDULES}
every = pytest.mark.parametrize("s", EVERY.values(), ids=EVERY.keys())


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def rows(n=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, 3, dtype=torch.float64, generator=generator)


def definition(name, s, x0, eps, t):
    """Each target as its paper defines it, in terms of x_0 and eps."""
    alpha, sigma = s(t)
    if name == "velocity":  # d x_t / dt, by a difference of x_t itself
        h = 1e-6
        return (s.diffuse(x0, t + h, eps) - s.diffuse(x0, t - h, eps)) / (2 * h)
    if name == "edm":  # Karras et al. 2022, eq. 7 and 8, for x / alpha = x_0 + (sigma / alpha) eps, unit variance
        noise = sigma / alpha
        return ((x0 - (x0 + noise * eps) / (noise**2 + 1)) / (noise / (noise**2 + 1).sqrt())).double()
    if name == "v":  # Salimans & Ho 2022, at unit power
        return alpha * eps - sigma * x0
    return {"x0": x0, "eps": eps}[name]


# ---- what a target is


@every
@pytest.mark.parametrize("name", AFFINE)
def test_what_a_perfect_network_answers_is_the_papers_definition(s, name):
    # Catches a sign of v, a velocity that points from noise to data, and an EDM network scaled by sigma in place of its N.
    x0, eps = rows()
    for t in (0.1337, 0.5003, 0.8712):
        torch.testing.assert_close(
            wanted(s, target(name), x0, eps, f64(t)), definition(name, s, x0, eps, f64(t)), rtol=1e-6, atol=1e-6
        )


def test_edm_is_table_1_of_karras():
    # sigma_data = 1, alpha = 1. Catches c_skip and c_out exchanged, and their squares for their roots.
    sigma_data = 1.0
    for sigma in (0.002, 0.3, 1.0, 20.0, 80.0):
        s = VE()
        c = target("edm")(s, s.inverse(-2 * f64(sigma).log()))
        assert c.c_skip.item() == pytest.approx(sigma_data**2 / (sigma**2 + sigma_data**2), rel=1e-7)
        assert c.c_out.item() == pytest.approx(sigma * sigma_data / (sigma**2 + sigma_data**2) ** 0.5, rel=1e-7)
        assert c.c_in.item() == pytest.approx(1 / (sigma**2 + sigma_data**2) ** 0.5, rel=1e-7)


def test_velocity_of_the_straight_line_is_noise_minus_data():
    # Catches the other sign convention, x_0 - eps, which would integrate from t = 1 to the noise's mirror image.
    x0, eps = rows()
    torch.testing.assert_close(wanted(Flow(), target("velocity"), x0, eps, f64(0.3)), eps - x0)


@every
@pytest.mark.parametrize("name", AFFINE)
@few
@given(t=st.floats(1e-4, 1))
def test_a_perfect_network_recovers_the_data(s, name, t):
    """Every target x every schedule: x0_hat = x_0. One time for all rows, and a time a row, agree.

    Catches any wrong coefficient, and a time broadcast along the wrong axis.
    """
    if name == "eps" and s.alpha_bar_end == 0 and t > 0.999:
        return  # refused by check_pair: nothing of x_0 is left
    x0, eps = rows()
    for time in (f64(t), f64([t] * 6)):
        F = wanted(s, target(name), x0, eps, time)
        seen = []

        def network(x, t, cond, F=F, seen=seen):
            seen.append((x, t, cond))
            return F

        x0_hat = Denoiser(network, s, target(name))(s.diffuse(x0, time, eps), time)
        torch.testing.assert_close(x0_hat, x0, rtol=0, atol=1e-6)
        ((x, at, cond),) = seen
        assert at.tolist() == [t] * time.numel()
        assert cond is None
        if name == "edm":  # its network sees unit variance: x / N
            alpha, sigma = s(time.reshape(-1)[0])
            torch.testing.assert_close(x, s.diffuse(x0, time, eps) / (alpha**2 + sigma**2).sqrt())


@pytest.mark.parametrize(("a", "b"), list(itertools.permutations(AFFINE, 2)))
@few
@given(level=st.floats(-20, 20))
def test_every_target_turns_into_every_other_and_back(a, b, level):
    """Truth 4: for log_snr in [-20, 20], a's answer -> x0_hat and eps_hat -> b's answer -> x0_hat and eps_hat -> a's answer.

    Catches signs, and a division by a sigma or alpha that has gone to zero.
    """
    s = Flow()
    t = s.inverse(f64(level))
    (x0, eps), (alpha, sigma) = rows(), s(t)
    x = alpha * x0 + sigma * eps

    def convert(F, source, goal):
        c = target(source)(s, t)
        x0_hat = c.c_skip * x + c.c_out * F
        eps_hat = F if source == "eps" else (x - alpha * x0_hat) / sigma
        return wanted(s, target(goal), x0_hat, eps_hat, t)

    first = wanted(s, target(a), x0, eps, t)
    there = convert(first, a, b)
    torch.testing.assert_close(there, wanted(s, target(b), x0, eps, t), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(convert(there, b, a), first, rtol=1e-6, atol=1e-6)


# ---- the ends


@pytest.mark.parametrize("name", AFFINE)
@pytest.mark.parametrize(("kind", "T"), [*itertools.product(CHAINS, LENGTHS), ("vp", 1), ("ve", 1), ("flow", 1)])
def test_estimates_and_gradients_are_finite_at_both_ends(kind, T, name):
    """Truth 21: x0_hat and its gradient in the network's output at t = 0, one step in, one step before the end, and t = 1.

    Catches 0 / 0 where sigma = 0 or alpha = 0. A pair that cannot work has to be refused instead.
    """
    s = make(kind, T)
    try:
        check_pair(s, name)
    except UsageError:
        return  # and refused rightly: see below
    t = f64([0.0, 1 / max(T, 2), 1 - 1 / max(T, 2), 1.0])
    F = torch.ones(4, 2, dtype=torch.float64, requires_grad=True)
    x0_hat = Denoiser(lambda x, t, cond: F, s, target(name))(torch.ones(4, 2, dtype=torch.float64), t)  # noqa: ARG005
    (gradient,) = torch.autograd.grad(x0_hat.sum(), F)
    assert x0_hat.isfinite().all()
    assert gradient.isfinite().all()
    looks = target(name)(s, 0.0).c_skip != 0  # at what is seen, which at t = 0 is the data
    assert not looks or x0_hat[0].tolist() == pytest.approx([1, 1])


@every
@pytest.mark.parametrize("name", AFFINE)
def test_what_is_wanted_is_finite_at_both_ends(s, name):
    """Truth 21: a training example at t = 0 or t = 1 exactly is a number, not 0 / 0."""
    if name == "eps" and s.alpha_bar_end == 0:
        return  # refused by check_pair
    x0, eps = rows(2)
    F = wanted(s, target(name), x0, eps, f64([0.0, 1.0]))
    assert F.isfinite().all()
    if name == "eps":
        torch.testing.assert_close(F, eps, rtol=0, atol=1e-5)


def test_eps_without_signal_at_the_end_is_refused():
    """Truth 21 (references.md, section 2): zero terminal SNR with eps divides by zero. Catches a silent NaN or inf."""
    for s in (Flow(), make("sigmoid_bare", 1000), make("linear", 4000)):
        with pytest.raises(UsageError, match=r"eps.*--target v or --target x0"):
            check_pair(s, "eps")
    for s in (linear(), cosine(), VE(), make("sigmoid_alpha_bar")):
        check_pair(s, "eps")


@pytest.mark.parametrize("name", AFFINE)
@pytest.mark.parametrize(("kind", "T"), [*itertools.product(CHAINS, LENGTHS), ("vp", 1), ("ve", 1), ("flow", 1)])
def test_a_pair_is_refused_where_rounding_outgrows_the_data(kind, T, name):
    """Truth 21: x0_hat moves by c_out times what the network's answer does, and that is rounded at 6e-8 of itself.

    A pair works where |c_out| stays below 1e6 up to t = 1. On a variance preserving schedule velocity is as singular as eps,
    c_out = -2 sigma^2 / (alpha B'): catches a refusal of eps by its name alone.
    """
    s = make(kind, T)
    works = target(name)(s, f64(1.0)).c_out.abs().item() < 1e6
    if works:
        check_pair(s, name)
    else:
        with pytest.raises(UsageError, match=name):
            check_pair(s, name)


# ---- denoisers


def test_a_denoiser_under_another_schedule_is_itself():
    # The exact denoiser knows nothing of a schedule but alpha and sigma, so it has to equal its own translation.
    # Catches times matched by t, x that is not rescaled, and the scale upside down.
    oracle = Gaussian(f64([0.5, -1.0]), f64([[0.6, 0.3], [0.3, 1.2]]))
    x = rows()[0][:, :2]
    for trained, other in itertools.permutations((linear(), cosine(), VE(), Flow()), 2):
        for t in other.inverse(f64([-8.0, -1.0, 0.0, 3.0, 8.0])):
            translated = under(oracle.denoise(trained), trained, other)(x, t)
            torch.testing.assert_close(translated, oracle.denoise(other)(x, t), rtol=1e-6, atol=1e-6)


def test_the_condition_reaches_the_network_and_the_type_of_the_data_stays():
    # Catches a condition that is dropped, and float64 coefficients that change what the network is given.
    seen = []

    def network(x, t, cond):
        seen.append((x.dtype, t.dtype, t.shape, cond))
        return x

    denoiser = Denoiser(network, linear(), target("v"))
    cond = torch.arange(4)
    assert denoiser(torch.zeros(4, 2), f64(0.5), cond).dtype == torch.float32
    assert seen[0][:3] == (torch.float32, torch.float32, (1,))
    assert seen[0][3] is cond


def test_a_target_of_ones_own_is_used_as_it_is():
    # Catches a table that is the only way in, and rows whose names are not those of the table.
    mine = Target("mine", lambda s, t: target("v")(s, t))
    assert target(mine) is mine
    assert torch.equal(mine(linear(), f64(0.3)).c_out, target("v")(linear(), f64(0.3)).c_out)
    assert {name: of.name for name, of in TARGETS.items()} == {name: name for name in TARGETS}
    with pytest.raises(UsageError, match=r"a target is x0, .* or a Target of your own; not <function"):
        target(lambda s, t: None)  # noqa: ARG005


def test_what_suits_a_target_is_in_its_row():
    # Section 2 of docs/log.md. Catches times that are no distribution, and an eps model that starts where its error is multiplied by 1e9.
    assert all(of.times in DISTRIBUTIONS for of in TARGETS.values())
    assert DISTRIBUTIONS.default == TARGETS[TARGETS.default].times
    assert {name for name, of in TARGETS.items() if of.noisiest is not None} == {"eps"}
    assert linear().log_snr(f64(1.0)) > TARGETS["eps"].noisiest > cosine().log_snr(f64(1.0))


@every
@pytest.mark.parametrize("name", SAFE_TARGETS)
def test_the_safe_targets_work_with_every_schedule(s, name):
    # The message of a refused pair offers them. Catches an offer that is refused in its turn.
    check_pair(s, name)


def test_an_unknown_target_is_refused():
    with pytest.raises(UsageError, match=r"did you mean 'velocity'.*edm, eps, table, v, velocity, x0"):
        target("velocty")
