"""What is taken as a time or a step: numbers, lists, arrays and tensors alike, and nothing that could be mistaken for another."""

import numpy as np
import pytest
import torch

from unstir.diffusion.chains import Chain, linear
from unstir.diffusion.continuous import VE, VP, Flow
from unstir.diffusion.denoiser import Denoiser, target, wanted
from unstir.diffusion.inputs import ROUNDING
from unstir.diffusion.loss import examples, weight
from unstir.diffusion.oracles import Gaussian
from unstir.diffusion.samplers import SAMPLERS
from unstir.diffusion.schedules import Schedule
from unstir.errors import UsageError
from unstir.information.mmse import ErrorCurve, information

KINDS = [linear(T=100), VP(), VE(), Flow()]
every = pytest.mark.parametrize("s", KINDS, ids=["linear", "vp", "ve", "flow"])
STEPS = [500, 5, 1, 0, True, [500], [0, 5], np.array([3, 4]), np.int32(5), torch.tensor(500), torch.tensor([0, 1])]
OUTSIDE = [500.0, -0.1, 1.1, float("nan"), [0.5, 2.0], np.array([-1.0]), torch.tensor([0.5, 1.01]), torch.tensor(7.0)]


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


class Circle(Schedule):
    def alpha_sigma(self, t):
        return torch.cos(t * torch.pi / 2), torch.sin(t * torch.pi / 2)


@every
@pytest.mark.parametrize("given", [0.25, np.float64(0.25), np.array(0.25), f64(0.25), torch.tensor(0.25)], ids=type)
def test_one_time_may_be_a_number_an_array_or_a_tensor(s, given):
    # Catches a float32 in the place of a float64, which is wrong in the eighth digit, and a shape (1,) for ().
    for one, other in zip(s(given), s(f64(0.25)), strict=True):
        assert one.dtype == torch.float64
        assert one.shape == ()
        assert torch.equal(one, other)


@every
@pytest.mark.parametrize("given", [[0.1, 0.7], (0.1, 0.7), np.array([0.1, 0.7])], ids=type)
def test_every_method_takes_a_list_or_an_array_of_times(s, given):
    # Catches a method that still wants a tensor, and a list read as float32.
    t, x = f64([0.1, 0.7]), torch.ones(2, 3)
    for method in (s, s.log_snr, s.slope, s.information_rate, s.inverse):
        torch.testing.assert_close(method(given), method(t), rtol=0, atol=0)
    for method in (s.transition, s.posterior, s.fresh):
        torch.testing.assert_close(method([0.01, 0.2], given), method(f64([0.01, 0.2]), t), rtol=0, atol=0)
    assert torch.equal(s.diffuse(x, given, x), s.diffuse(x, t, x))
    of = target("v")
    for ours, theirs in zip(of(s, given), of(s, t), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(wanted(s, of, x, x, given), wanted(s, of, x, x, t))
    assert torch.equal(weight("elbo")(s, of, given), weight("elbo")(s, of, t))
    assert torch.equal(examples(s, of, weight("simple"), x, x, given).seen, examples(s, of, weight("simple"), x, x, t).seen)
    denoiser = Denoiser(lambda x, t, cond: x * t[:, None], s, of)  # noqa: ARG005
    assert torch.equal(denoiser(x, given), denoiser(x, t))
    assert torch.equal(denoiser(x, 0.5), denoiser(x, f64(0.5)))


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_takes_its_times_as_an_array(name):
    oracle, s, x = Gaussian(torch.zeros(2), torch.eye(2)), linear(), torch.ones(4, 2)
    extras = {"noise": torch.zeros_like, "error": lambda t: torch.ones(2)}  # noqa: ARG005
    needed = {key: extras[key] for key in SAMPLERS[name].needs}
    times = np.array([1.0, 0.6, 0.2, 0.0])
    ours, theirs = (list(SAMPLERS[name].run(oracle.denoise(s), s, t, x, **needed)) for t in (times, torch.from_numpy(times)))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_an_error_curve_is_asked_at_numbers():
    curve = ErrorCurve(f64([-1.0, 0.0, 1.0]), f64([[0.7], [0.5], [0.2]]))
    assert torch.equal(curve.at(0.5), curve.at(f64(0.5)))
    assert torch.equal(information(curve, np.array([0.5])), information(curve, f64([0.5])))


@every
@pytest.mark.parametrize("given", STEPS, ids=str)
def test_a_whole_number_is_no_time(s, given):
    """`linear()(500)` died inside, and `linear()(torch.tensor(500))` answered pure noise. Catches both, also in the other methods."""
    for method in (s, s.log_snr, s.slope, s.information_rate, lambda t: s.transition(0.0, t), lambda t: target("v")(s, t)):
        with pytest.raises(UsageError, match=r"from 0\.0 \(data\) to 1\.0 \(noise\) with a decimal point, not (\d+|True)\."):
            method(given)


@every
@pytest.mark.parametrize("given", OUTSIDE, ids=str)
def test_a_time_outside_of_0_to_1_is_refused(s, given):
    # Catches a chain that goes on as its last beta did, a flow with a negative alpha, and a check of one end only.
    with pytest.raises(UsageError, match=r"from 0\.0 \(data\) to 1\.0 \(noise\)"):
        s(given)


@pytest.mark.parametrize("given", ["noise", None, [[0.1], [0.1, 0.2]], object()], ids=["text", "none", "ragged", "object"])
def test_what_is_no_number_is_refused_in_one_message(given):
    with pytest.raises(UsageError, match="a number, or a list or array of numbers, is needed here"):
        linear()(given)


def test_the_message_says_how_to_write_the_step():
    # Catches advice that raises in its turn.
    with pytest.raises(UsageError, match=r"Step 500 of this chain of 1,000 steps is schedule\.at\(500\)") as caught:
        linear()(500)
    assert "its time is schedule.time(500)." in str(caught.value)
    assert linear().at(500) == linear()(linear().time(500))
    with pytest.raises(
        UsageError, match=r"not 1001\. Step n of this chain of 1,000 steps is schedule\.at\(n\), for n from 0 to 1,000"
    ):
        linear()(1001)
    with pytest.raises(UsageError, match=r"This schedule is no chain, so it has no steps\."):
        Flow()(1)
    with pytest.raises(UsageError, match=r"not 2\.0"):  # the one that is wrong
        Flow()([0.5, 2.0])


def test_rounding_is_no_reason_to_refuse():
    # Catches a check to the last bit, which float32 times do not pass.
    for t in (1 + ROUNDING / 2, -ROUNDING / 2, torch.tensor(1.0) * 0.1 * 10, torch.empty(0)):
        assert linear()(t)[0].shape == torch.as_tensor(t).shape


def test_a_time_keeps_its_gradient():
    # Catches a conversion that cuts the graph: slopes and learnt times need it.
    t = f64(0.3).requires_grad_()
    (slope,) = torch.autograd.grad(linear()(t)[0], t)
    torch.testing.assert_close(slope, linear().slope(0.3)[0])


def test_step_n_of_a_chain():
    """alpha^2 at n is the product of the first n factors 1 - beta (Ho et al. 2020, section 2). Catches n - 1, and n / (T - 1)."""
    s = Chain((0.1, 0.2, 0.3))
    alpha, sigma = s.at([0, 1, 2, 3])
    torch.testing.assert_close(alpha**2, f64([1, 0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7]))
    torch.testing.assert_close(sigma**2, 1 - alpha**2)
    for n in (2, 2.0, np.int64(2), torch.tensor(2)):
        assert s.at(n)[0] == alpha[2]
        assert s.time(n) == 2 / 3
    for n in (-1, 4, 0.5, float("nan"), [0, 4], torch.tensor([1, -2])):
        with pytest.raises(UsageError, match="a step of this chain is a whole number from 0 to 3, not"):
            s.at(n)
    for other in (VP(), VE(), Flow(), Circle()):
        with pytest.raises(UsageError, match="is no discrete chain, so it has no steps"):
            other.at(1)


def test_a_schedule_of_ones_own_is_three_lines():
    # Catches a base class that asks more of it: conversion, checks, slope and inverse are its own.
    s = Circle()
    torch.testing.assert_close(s(0.5), (f64(0.5**0.5), f64(0.5**0.5)))
    torch.testing.assert_close(s.slope(0.5)[1], f64(torch.pi / 2 * 0.5**0.5))
    torch.testing.assert_close(s.inverse(0), f64(0.5))
    with pytest.raises(UsageError, match="with a decimal point, not 1"):
        s(1)


def test_a_chain_prints_in_a_line():
    # Catches a thousand betas on the screen of a notebook.
    assert repr(linear()) == "Chain of 1,000 steps: beta from 0.0001 to 0.02, alpha_bar ends at 4e-05"
    assert repr(Chain((0.5,))) == "Chain of 1 step: beta from 0.5 to 0.5, alpha_bar ends at 0.5"
    assert [repr(s) for s in (VP(), Flow())] == ["VP(beta_min=0.1, beta_max=20.0)", "Flow()"]
