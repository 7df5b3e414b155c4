"""Guidance: one convention of scale, affine, and its closed form for Gaussians."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unstir.diffusion.chains import cosine, linear
from unstir.diffusion.continuous import Flow
from unstir.diffusion.guidance import clipped, guided
from unstir.diffusion.oracles import Gaussian
from unstir.diffusion.samplers import ddim
from unstir.diffusion.times import grid
from unstir.errors import UsageError

HALF = torch.tensor(0.5, dtype=torch.float64)


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def counted(answer):
    calls = []

    def denoise(x, t):  # noqa: ARG001
        calls.append(1)
        return torch.full_like(x, answer)

    return denoise, calls


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(scale=st.floats(-3, 20), one=st.floats(-5, 5), zero=st.floats(-5, 5))
def test_scale_0_is_unconditional_1_is_conditional_and_between_them_is_affine(scale, one, zero):
    """Truth 20. Catches w = scale - 1, under which 0 would be the conditional model, and the two exchanged."""
    x = torch.zeros(2, 3, dtype=torch.float64)
    conditional, unconditional = counted(one)[0], counted(zero)[0]
    at = {w: guided(conditional, unconditional, w)(x, HALF) for w in (0, 1, scale)}
    assert torch.equal(at[1], conditional(x, HALF))
    assert torch.equal(at[0], unconditional(x, HALF))
    torch.testing.assert_close(at[scale], at[0] + scale * (at[1] - at[0]), rtol=1e-12, atol=1e-12)


def test_a_model_that_is_not_needed_is_not_asked():
    # Catches two evaluations a step where one is enough.
    for scale, expected in ((1.0, (1, 0)), (0.0, (0, 1)), (2.0, (1, 1))):
        (conditional, asked), (unconditional, asked_too) = counted(1.0), counted(0.0)
        guided(conditional, unconditional, scale)(torch.zeros(1, 1), HALF)
        assert (len(asked), len(asked_too)) == expected


@pytest.mark.parametrize("s", [linear(), cosine(), Flow()], ids=["linear", "cosine", "flow"])
@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_guidance_of_gaussians_in_closed_form(s, scale):
    """Truth 20: p_w = p_1^w p_0^(1-w) of two Gaussians is the Gaussian of precision w P_1 + (1 - w) P_0, at every noise level.

    Its score is what guidance has to give. Catches an off-by-one scale and guidance of the wrong quantity.
    """
    mean1, cov1, mean0, cov0 = f64([1.0, 0.5]), f64([[0.3, 0.1], [0.1, 0.5]]), f64([-0.5, 0.0]), f64([[1.5, 0.2], [0.2, 2.0]])
    one, zero = Gaussian(mean1, cov1), Gaussian(mean0, cov0)
    x = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for t in f64([0.2, 0.5, 0.8]):
        alpha, sigma = s(t)
        P1, P0 = (torch.linalg.inv(alpha**2 * cov + sigma**2 * torch.eye(2, dtype=torch.float64)) for cov in (cov1, cov0))
        P = scale * P1 + (1 - scale) * P0
        mean = torch.linalg.solve(P, scale * P1 @ (alpha * mean1) + (1 - scale) * P0 @ (alpha * mean0))
        score = -(x - mean) @ P
        x0_hat = guided(one.denoise(s), zero.denoise(s), scale)(x, t)
        torch.testing.assert_close((alpha * x0_hat - x) / sigma**2, score, rtol=1e-8, atol=1e-8)


def test_guidance_is_the_same_in_every_target():
    # eps, v and the score are affine in x0_hat. Catches a formula whose weights do not sum to one.
    s, scale = linear(), 4.0
    one, zero = Gaussian(f64([1.0]), f64([[0.3]])), Gaussian(f64([0.0]), f64([[1.0]]))
    x = f64([[0.3], [-2.0]])
    alpha, sigma = s(HALF)
    a, b = one.denoise(s)(x, HALF), zero.denoise(s)(x, HALF)
    eps_a, eps_b = (x - alpha * a) / sigma, (x - alpha * b) / sigma
    ours = (x - alpha * guided(one.denoise(s), zero.denoise(s), scale)(x, HALF)) / sigma
    torch.testing.assert_close(ours, eps_b + scale * (eps_a - eps_b))


def test_more_guidance_goes_further_towards_the_condition():
    # Catches a scale with the wrong sign: samples at scale 3 lie past those at scale 1, away from the unconditional mean.
    s = linear()
    one, zero = Gaussian(f64([1.0]), f64([[0.1]])), Gaussian(f64([0.0]), f64([[1.0]]))
    ends = []
    for scale in (0.0, 1.0, 3.0):
        denoise = guided(one.denoise(s), zero.denoise(s), scale)
        *_, x = ddim(denoise, s, grid("uniform")(s, 100), f64([[0.0]]))
        ends.append(x.item())
    assert ends[0] == pytest.approx(0, abs=1e-3)
    assert ends[1] == pytest.approx(1, abs=0.05)
    assert ends[2] > ends[1] + 0.05


def test_an_interval_holds_inside_and_is_conditional_outside():
    # Kynkäänniemi et al. 2024. Catches an interval in t or sigma, one that is unconditional outside, and exchanged ends.
    s = Flow()
    one, zero = counted(1.0)[0], counted(0.0)[0]
    denoise = guided(one, zero, 3.0, interval=(-2.0, 4.0), schedule=s)
    levels = f64([-8.0, -2.1, -1.9, 0.0, 3.9, 4.1, 9.0])
    answers = [denoise(torch.zeros(1, 1), s.inverse(level)).item() for level in levels]
    assert answers == [1, 1, 3, 3, 3, 1, 1]
    with pytest.raises(UsageError, match="needs the schedule"):
        guided(one, zero, 3.0, interval=(-2.0, 4.0))


def test_a_scale_or_an_interval_that_means_nothing_is_refused():
    # Catches nan, which makes every sample nan, and a reversed interval, which is empty: guidance that is asked for and not given.
    one, zero = counted(1.0)[0], counted(0.0)[0]
    for scale in (math.nan, math.inf, -math.inf):
        with pytest.raises(UsageError, match=f"not {scale}"):
            guided(one, zero, scale)
    for interval in ((3.0, -1.0), (2.0, 2.0), (math.nan, 1.0), (0.0, math.nan)):
        with pytest.raises(UsageError, match="low, then high"):
            guided(one, zero, 3.0, interval, Flow())
    assert guided(one, zero, 3.0, (-math.inf, math.inf), Flow())(torch.zeros(1, 1), HALF) == 3  # open ends are an interval


def test_clipping_keeps_the_estimate_within_the_datas_own_bounds():
    # Catches clipping of x_t for x0_hat, and bounds that do not broadcast to a row.
    denoise = clipped(lambda x, t: 10 * x, -1.0, torch.tensor([1.0, 5.0]))  # noqa: ARG005
    x = torch.tensor([[0.01, 0.4], [-3.0, 9.0]])
    np.testing.assert_allclose(denoise(x, HALF), [[0.1, 4.0], [-1.0, 5.0]], rtol=1e-6)
    assert denoise(x, HALF).dtype == torch.float32
