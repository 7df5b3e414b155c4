"""The loss: one weight on the error of x_0 is one loss, whatever the network predicts, and the papers' losses are among them."""

import itertools

import pytest
import torch

from unstir.diffusion.chains import cosine, linear, scaled_linear, sigmoid
from unstir.diffusion.continuous import VE, VP, Flow
from unstir.diffusion.denoiser import target, wanted
from unstir.diffusion.loss import Weight, errors, examples, weight
from unstir.diffusion.registry import TARGETS, WEIGHTS
from unstir.errors import UsageError

SCHEDULES = {
    "linear": linear(),
    "cosine": cosine(),
    "sigmoid": sigmoid(),
    "scaled_linear": scaled_linear(),
    "vp": VP(),
    "ve": VE(),
    "flow": Flow(),
}
AFFINE = [name for name, of in TARGETS.items() if of.reading.is_affine]
every = pytest.mark.parametrize("s", SCHEDULES.values(), ids=SCHEDULES.keys())


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def batch(n=16):
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, n, 3, dtype=torch.float64, generator=generator)
    return x0, eps, 0.02 + 0.96 * torch.rand(n, dtype=torch.float64, generator=generator)


@every
@pytest.mark.parametrize("name", [name for name in WEIGHTS if name != "simple"])  # which depends on the target by definition
def test_one_weight_has_one_gradient_whatever_the_network_predicts(s, name):
    """Truth 5: the same x0_hat = f_theta(x_t), expressed in each target, has the same loss and the same gradient.

    Catches min-SNR's weight for eps used under v, c_out for c_out^2, and a weight applied twice.
    """
    x0, eps, t = batch()
    theta = f64([[0.3, -0.2, 0.5], [0.1, 0.7, 0.0], [0.0, 0.4, -0.6]]).requires_grad_()
    x = s.diffuse(x0, t, eps)
    losses = {"by hand": (weight(name)(s, target("x0"), t) * (x0 - x @ theta).square().mean(1)).mean()}
    for kind in AFFINE:
        c = target(kind)(s, t)
        F = (x @ theta - c.c_skip[:, None] * x) / c.c_out[:, None]
        losses[kind] = errors(F, examples(s, target(kind), weight(name), x0, eps, t)).mean()
    gradients = {kind: torch.autograd.grad(value, theta, retain_graph=True)[0] for kind, value in losses.items()}
    for a, b in itertools.pairwise(losses):
        torch.testing.assert_close(losses[a], losses[b], rtol=1e-7, atol=1e-9)
        torch.testing.assert_close(gradients[a], gradients[b], rtol=1e-6, atol=1e-9)


@every
@pytest.mark.parametrize("kind", AFFINE)
def test_simple_is_plain_mean_squared_error(s, kind):
    # Ho et al. 2020, eq. 14 for eps; Lipman et al. 2023, eq. 14 for velocity. Catches any weight at all, and a sum for a mean.
    x0, eps, t = batch()
    F = torch.zeros_like(x0)
    example = examples(s, target(kind), weight("simple"), x0, eps, t)
    torch.testing.assert_close(errors(F, example), wanted(s, target(kind), x0, eps, t).square().mean(1))
    if kind == "eps":
        torch.testing.assert_close(errors(F, example), eps.square().mean(1))
    if kind == "velocity" and isinstance(s, Flow):
        torch.testing.assert_close(errors(F, example), (eps - x0).square().mean(1))


@every
def test_min_snr_is_the_papers_weight_in_each_parameterisation(s):
    # Hang et al. 2023, section 3.4: min(SNR, g) on x_0, min(SNR, g) / SNR on eps, min(SNR, g) / (SNR + 1) on v, where
    # alpha^2 + sigma^2 = 1. Catches one formula used for all of them, which is the mistake of truth 5.
    x0, eps, t = batch()
    alpha, sigma = s(t)
    snr, power = (alpha / sigma) ** 2, alpha**2 + sigma**2
    paper = {"x0": 1, "eps": 1 / snr, "v": 1 / (snr + 1) / power}
    for kind, factor in paper.items():
        example = examples(s, target(kind), weight("min_snr"), x0, eps, t)
        torch.testing.assert_close(example.weight, snr.clamp(max=5) * factor, rtol=1e-9, atol=0)


def test_edm_is_the_papers_weight():
    # Karras et al. 2022, table 1: lambda = (sigma^2 + sigma_data^2) / (sigma sigma_data)^2 on x_0, which is 1 on F.
    # Catches lambda's inverse, and a weight that forgets alpha under another schedule.
    s, t = VE(), f64([0.2, 0.5, 0.9])
    sigma = s(t)[1]
    torch.testing.assert_close(weight("edm")(s, target("edm"), t), (sigma**2 + 1) / sigma**2)
    for other in SCHEDULES.values():
        x0, eps, t = batch()
        assert examples(other, target("edm"), weight("edm"), x0, eps, t).weight.tolist() == pytest.approx([1] * 16)


@every
def test_elbo_is_the_slope_of_the_signal_to_noise_ratio(s):
    # Kingma et al. 2021, eq. 18: -1/2 dSNR/dt. Catches a lost 1/2 or sign, and d log_snr / dt in its place.
    t, h = (torch.arange(1, 20, dtype=torch.float64) + 0.37) / 21, 1e-7
    snr = [s.log_snr(time).exp() for time in (t - h, t + h)]
    torch.testing.assert_close(weight("elbo")(s, target("v"), t), -0.5 * (snr[1] - snr[0]) / (2 * h), rtol=1e-4, atol=0)


@every
@pytest.mark.parametrize("kind", ["x0", "v", "velocity", "edm"])
@pytest.mark.parametrize("name", WEIGHTS)
def test_the_loss_and_its_gradient_are_finite_from_the_first_step_to_pure_noise(s, kind, name):
    """Truth 21: t = 1/1000 .. 1, the noisiest included. Catches 0 inf where alpha = 0 and the rate is written alpha' / alpha."""
    x0, eps, _ = batch(3)
    F = torch.zeros_like(x0).requires_grad_()
    loss = errors(F, examples(s, target(kind), weight(name), x0, eps, f64([1e-3, 0.5, 1.0]))).mean()
    (gradient,) = torch.autograd.grad(loss, F)
    assert loss.isfinite()
    assert gradient.isfinite().all()


def test_an_example_is_what_the_network_sees():
    # Catches x_t that was not scaled for the edm target, and float64 handed to a float32 network.
    x0, eps, t = batch()
    s = VE()
    example = examples(s, target("edm"), weight("simple"), x0.float(), eps.float(), t)
    alpha, sigma = (c[:, None] for c in s(t))
    torch.testing.assert_close(example.seen.double(), (alpha * x0 + sigma * eps) / (1 + sigma**2).sqrt(), rtol=1e-5, atol=1e-5)
    assert {field.dtype for field in example} == {torch.float32}
    torch.testing.assert_close(example.t.double(), t, rtol=1e-6, atol=0)


def test_an_image_is_a_row():
    # Catches a mean that leaves the axes of an image, or that runs over the batch.
    example = examples(Flow(), target("v"), weight("simple"), torch.zeros(4, 1, 5, 3), torch.ones(4, 1, 5, 3), f64([0.5] * 4))
    assert errors(torch.zeros(4, 1, 5, 3), example).tolist() == pytest.approx([0.25] * 4)  # v = alpha eps = 1/2


def test_the_properties_of_a_weight_are_true():
    # Catches a weight that is marked as the bound and is not the rate of it, and one that knows the target unmarked.
    t = f64([0.2, 0.5, 0.9])
    for name, row in WEIGHTS.items():
        weights = torch.stack([row(linear(), of, t) for of in TARGETS.values()])
        assert row.name == name
        assert row.by_target == bool((weights != weights[0]).any())
        assert row.is_bound == torch.equal(weights[0], linear().information_rate(t))


def test_a_weight_of_ones_own_is_used_as_it_is():
    mine = Weight("mine", lambda s, of, t: t)  # noqa: ARG005
    assert weight(mine) is mine
    assert examples(Flow(), target("x0"), mine, *batch()[:2], f64([0.5] * 16)).weight.tolist() == [0.5] * 16


def test_an_unknown_weight_is_refused():
    with pytest.raises(UsageError, match=r"did you mean 'min_snr'"):
        weight("min-snr")
