"""Readings: the categorical target's probabilities are Bayes' rule, its moments are theirs, and truth costs no gradient."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import unstir
from unstir.diffusion.categorical import LEVELS, Categorical
from unstir.diffusion.chains import cosine, linear
from unstir.diffusion.continuous import VE, Flow
from unstir.diffusion.denoiser import Denoiser, target, wanted
from unstir.diffusion.loss import errors, examples, weight
from unstir.diffusion.oracles import Mixture
from unstir.diffusion.readings import AFFINE
from unstir.diffusion.registry import TARGETS
from unstir.encoders.base import fit_encoder
from unstir.encoders.rows import encoded_levels
from unstir.errors import UsageError
from unstir.networks.building import make_network
from unstir.training.held_out import HeldOutSets
from unstir.training.problem import Problem

SCHEDULES = {"linear": linear(), "cosine": cosine(), "ve": VE(), "flow": Flow()}
every = pytest.mark.parametrize("s", SCHEDULES.values(), ids=SCHEDULES)
SHARES = [[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]]  # of three levels, for each of two elements
VALUES = [[-1.3, -0.9], [0.1, 0.4], [1.2, 2.0]]  # the levels, unevenly apart


def f64(x):
    return torch.tensor(x, dtype=torch.float64)


def categorical(levels=VALUES, shares=SHARES):
    return replace(target("categorical"), reading=Categorical(f64(levels), f64(shares)))


def network(answer):
    return lambda x, t, cond: answer.expand(*x.shape, -1)  # noqa: ARG005


def by_hand(x, alpha, sigma, shares=SHARES, answer=((0.0, 0.0, 0.0),) * 2):
    """Mean and variance of each element by enumerating its levels, in plain Python floats."""
    means, variances = [], []
    for element, (share, seen) in enumerate(zip(shares, x, strict=True)):
        levels = [row[element] for row in VALUES]
        odds = [
            h * math.exp(a) * math.exp(-((seen - alpha * level) ** 2) / (2 * sigma**2))
            for h, a, level in zip(share, answer[element], levels, strict=True)
        ]
        p = [o / sum(odds) for o in odds]
        means.append(sum(a * b for a, b in zip(p, levels, strict=True)))
        variances.append(sum(a * (b - means[-1]) ** 2 for a, b in zip(p, levels, strict=True)))
    return means, variances


# ---- Bayes' rule


@every
@pytest.mark.parametrize("answer", [((0.0, 0.0, 0.0),) * 2, ((0.5, -1.0, 2.0), (-0.3, 0.0, 0.7))])
def test_mean_and_variance_are_those_of_the_enumerated_levels(s, answer):
    # Catches gamma (y - level)^2 without its half, a histogram that is left out, alpha lost under VE, and a variance about 0.
    t, generator = s.inverse(f64([-4.0, 0.0, 2.0, 4.0])), torch.Generator().manual_seed(0)
    alpha, sigma = s(t)
    x = s.diffuse(torch.randn(4, 2, dtype=torch.float64, generator=generator), t, torch.zeros(4, 2))
    found = Denoiser(network(f64(answer)), s, categorical()).read(x, t)
    for row in range(4):
        mean, variance = by_hand(x[row].tolist(), alpha[row].item(), sigma[row].item(), answer=answer)
        assert found.mean[row].tolist() == pytest.approx(mean, abs=1e-9)
        assert found.variance[row].tolist() == pytest.approx(variance, abs=1e-9)


@every
def test_without_an_answer_it_is_the_denoiser_of_a_mixture_of_points(s):
    # The oracle of another file, with points as wide as 1e-6. Catches an evidence of the wrong sign or in the wrong units.
    t = s.inverse(f64([-3.0, 1.0, 3.0]))
    x = s.diffuse(f64([[0.3, -0.5], [1.0, 1.0], [-1.0, 1.5]]), t, torch.zeros(3, 2))
    found = Denoiser(network(torch.zeros(2, 3, dtype=torch.float64)), s, categorical())(x, t)
    for element in range(2):
        points = f64([row[element] for row in VALUES])[:, None]
        oracle = Mixture(f64(SHARES[element]), points, torch.full((3, 1, 1), 1e-12, dtype=torch.float64)).denoise(s)
        assert found[:, element].tolist() == pytest.approx(oracle(x[:, element : element + 1], t)[:, 0].tolist(), abs=1e-6)


@every
def test_both_ends_are_finite(s):
    # Catches x_t / alpha at the end of the cosine schedule, and 0 / 0 at t = 0. There x_0 is known; at the other end its share is.
    denoiser = Denoiser(network(torch.zeros(2, 3)), s, categorical())
    read = denoiser.read(torch.tensor([VALUES[1], [0.1, -0.2]]), f64([0.0, 1.0]))
    assert read.mean[0].tolist() == pytest.approx(VALUES[1])
    assert read.variance[0].tolist() == [0, 0]
    assert read.mean.isfinite().all()
    if s.log_snr(1.0) < -9:
        means = [sum(h * row[e] for h, row in zip(SHARES[e], VALUES, strict=True)) for e in range(2)]
        assert read.mean[1].tolist() == pytest.approx(means, abs=0.03)


def test_levels_are_told_apart_in_float32_as_in_float64():
    # At log-SNR 12, x / sigma is 400: catches (y - level)^2 multiplied out, whose terms cancel.
    s = Flow()
    t = s.inverse(f64([4.0, 8.0, 12.0]))
    x = s.diffuse(f64([VALUES[0], VALUES[1], VALUES[2]]), t, torch.full((3, 2), 0.7))
    wide, narrow = (Denoiser(network(torch.zeros(2, 3).to(x)), s, categorical()).read(x, t) for x in (x, x.float()))
    torch.testing.assert_close(narrow.mean.double(), wide.mean, atol=2e-6, rtol=0)


def test_an_answer_in_bfloat16_is_read_in_the_type_of_x():
    # Catches alpha and sigma in the 8 bits of the answer: at log-SNR 8 a level then is off by several deviations of the noise.
    s, t = Flow(), Flow().inverse(f64([8.0]))
    x = s.diffuse(torch.tensor([VALUES[0]]), t, torch.tensor([[1.0, -1.0]]))
    coarse, fine = (
        Denoiser(network(torch.zeros(2, 3, dtype=of)), s, categorical()).read(x, t) for of in (torch.bfloat16, torch.float32)
    )
    assert coarse.mean.dtype == torch.float32
    assert coarse.mean.equal(fine.mean)


# ---- the loss


@every
def test_the_loss_is_the_weighted_squared_error_of_x0_hat(s):
    # Catches a weight that is multiplied by c_out^2 as for an affine target, and an example whose alpha and sigma are not those of `seen`.
    t = s.inverse(f64([-3.0, 0.0, 2.0, 4.0]))
    x0, eps = f64([VALUES[0], VALUES[1], VALUES[2], VALUES[0]]), f64([[0.2, -1.0], [1.0, 0.4], [-0.3, 0.1], [2.0, 0.0]])
    aim, F = categorical(), torch.randn(4, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = errors(F, examples(s, aim, weight("edm"), x0, eps, t), aim.reading)
    x0_hat = Denoiser(lambda x, t, cond: F, s, aim)(s.diffuse(x0, t, eps), t)  # noqa: ARG005
    expected = (1 + s.log_snr(t).exp()) * (x0 - x0_hat).square().mean(1)
    torch.testing.assert_close(found, expected)
    assert wanted(s, aim, x0, eps, t) is x0


def test_at_the_truth_the_mean_gradient_is_zero():
    """Two elements that are always equal: the truth is known by enumeration, and no change of the answers lowers the loss in the mean.

    The mean is over 1,600 points of Gauss-Hermite quadrature of the noise. Catches probabilities that are no posterior, such as those with
    the share counted twice.
    """
    s, level = Flow(), -1.0
    t = s.inverse(f64([level]))
    alpha, sigma = (c.item() for c in s(t))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    eps = f64(list(itertools.product(nodes, nodes)))
    w = f64([a * b for a, b in itertools.product(weights, weights)])
    aim = categorical([[-1.0, -1.0], [1.0, 1.0]], [[0.3, 0.7], [0.3, 0.7]])
    gradient = 0
    for share, value in ((0.3, -1.0), (0.7, 1.0)):
        x0 = torch.full((1600, 2), value, dtype=torch.float64)
        x = s.diffuse(x0, t.expand(1600), eps)
        truth = torch.stack([torch.zeros_like(x), 2 * alpha * x.flip(1) / sigma**2], -1)  # what the other element says
        theta = torch.zeros(2, 2, dtype=torch.float64, requires_grad=True)
        found = errors(truth + theta, examples(s, aim, weight("edm"), x0, eps, t.expand(1600)), aim.reading)
        gradient += share * torch.autograd.grad((w * found).sum() / w.sum(), theta)[0]
    assert gradient.abs().max() < 1e-6


def test_a_wrong_number_of_answers_is_refused():
    with pytest.raises(
        UsageError, match=r"returns 3 numbers for each element, \(5, 2, 3\) for rows x of \(5, 2\).* returned \(5, 2\)"
    ):
        Denoiser(lambda x, t, cond: x, Flow(), categorical())(torch.zeros(5, 2), f64(0.5))  # noqa: ARG005


# ---- fitting it


def test_shares_are_counts_for_each_element_mixed_with_those_of_all():
    """By hand: 4 rows, 2 levels; together 6 + 1 and 2 + 1 of 10, and K = 2 rows of these: (4 + 1.4) / 6 and (2 + 1.4) / 6.

    Catches shares of 0, whose logarithm no answer can undo, and counts that are pooled.
    """
    rows = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    reading = LEVELS.fitted(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), [rows[:1], rows[1:]])
    torch.testing.assert_close(reading.shares, f64([[5.4, 0.6], [3.4, 2.6]]) / 6)
    assert reading.fitted(reading.levels, [rows]).shares.equal(reading.shares)  # a fitted one can be fitted again


def test_levels_are_those_of_the_data_in_the_models_space():
    # Catches levels in the data's units, one scale for all elements, and a NaN for an element that never varies.
    x = torch.tensor([[0.0, 10.0, 7.0], [2.0, 30.0, 7.0]])
    encoder = fit_encoder("standardise", x)
    levels = encoded_levels(range(31), encoder)
    for value in (0, 2, 5):
        torch.testing.assert_close(levels[value][:2], encoder.encode(torch.full((1, 3), float(value)))[0][:2])
    assert levels[:, 2].tolist() == [0] * 31
    read = Denoiser(
        network(torch.zeros(3, 31)), Flow(), replace(target("categorical"), reading=LEVELS.fitted(levels, [encoder.encode(x)]))
    )
    assert read.read(torch.zeros(2, 3), f64(0.5)).variance[:, 2].tolist() == [0, 0]


def test_data_that_it_is_not_for_is_refused():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    for x, why in ((rows, "numbers of any kind"), ((50 * rows).round(), "levels, and the categorical target is for 64 at most")):
        with pytest.raises(UsageError, match=why):
            unstir.fit(x, target="categorical", steps=1)
    with pytest.raises(
        UsageError, match=r"quantile, an element of the model's space has no levels.*standardise, channels or min_max"
    ):
        unstir.fit(rows.round(), target="categorical", encoder="quantile", steps=1)
    with pytest.raises(UsageError, match="knows its levels only when it has been fitted"):
        Denoiser(lambda x, t, cond: x, Flow(), target("categorical"))(torch.zeros(5, 2), f64(0.5))  # noqa: ARG005
    assert all((of.reading is AFFINE) == of.reading.is_affine for of in TARGETS.values())


# ---- networks


@pytest.mark.parametrize(
    ("name", "shape", "settings"),
    [
        ("mlp", (6,), {"dimension": 6, "width": 8}),
        ("unet", (4, 6), {"shape": [4, 6], "width": 8}),
        ("unet", (2, 5, 4), {"shape": [2, 5, 4], "channel_axis": 0, "width": 8}),
        ("unet", (7, 2), {"shape": [7, 2], "channel_axis": -1, "width": 8}),
        ("dit", (5, 4, 3), {"shape": [5, 4, 3], "channel_axis": -1, "width": 32, "depth": 1}),
    ],
)
def test_networks_answer_for_each_element(name, shape, settings):
    """The gains alone, 1 for answer 0 and 3 for answer 2: each answer is that times its own element.

    Catches answers of one element that are laid along another axis, and elements that change places.
    """
    net = make_network(name, settings | {"answers": 3})
    x = torch.randn(5, *shape, generator=torch.Generator().manual_seed(0))
    assert net(x, torch.rand(5)).shape == (5, *shape, 3)
    assert net(x, torch.rand(1)).abs().max() == 0
    with torch.no_grad():
        net.gain.bias.view(-1, 3).copy_(torch.tensor([1.0, 0.0, 3.0]))
    torch.testing.assert_close(net(x, torch.rand(5)), x[..., None] * torch.tensor([1.0, 0.0, 3.0]))
    plain, one = make_network(name, settings), make_network(name, settings | {"answers": 1})
    assert all(a.equal(b) for a, b in zip(plain.parameters(), one.parameters(), strict=True))
    assert plain(x, torch.rand(5)).shape == x.shape
    with pytest.raises(UsageError, match="answers = 0 has to be a whole number from 1"):
        make_network(name, settings | {"answers": 0})


# ---- from end to end


def nats(model, x, levels):
    """1/2 of the integral of e^l E |x_0 - x0_hat|^2 over log-SNR l, by a trapezium rule over `levels` on every row of x, with 20 noises."""
    z, generator, found = model.encoder.encode(torch.as_tensor(x)), torch.Generator().manual_seed(0), []
    know = model.posterior()
    for level in levels:
        t = model.schedule.inverse(level)
        each = z.repeat(20, 1)
        eps = torch.randn(each.shape, generator=generator)
        with torch.no_grad():
            mean = know(model.schedule.diffuse(each, t, eps), t).mean
        found.append(level.exp() * (each - mean).square().sum(1).mean().double() / 2)
    tail = levels[0].exp() * (z - z.mean(0)).square().sum(1).mean() / 2
    return torch.trapezoid(torch.stack(found), levels) + tail


def test_a_trained_model_reaches_the_bits_of_a_known_law(tmp_path):
    """Pictures of 2x2 with three levels: the first column is uniform, the second is equal to it with probability 0.9, else uniform.

    A row has 2 (log 3 + H) = 2 (1.0986 + 0.4882) = 3.174 nats, H the entropy of (14, 1, 1) / 15 ... written out below. The integral of a
    model's error is never below that but by chance: within 3 % of it. Catches answers for the wrong element and levels in other units; a
    network that is not heard gives 4 log 3 = 4.39. Samples are levels, a saved model is the same one, and both parts of a posterior are.
    """
    rng = np.random.default_rng(0)
    first, other = rng.integers(0, 3, (2, 4000, 2))
    x = np.stack([first, np.where(rng.random((4000, 2)) < 0.9, first, other)], 2)
    model = unstir.fit(x.reshape(4000, 4), target="categorical", steps=400, lr=3e-3)
    p = np.array([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3])
    truth = 2 * (math.log(3) - (p * np.log(p)).sum())
    found = nats(model, x.reshape(4000, 4)[:200], torch.linspace(-7, 8, 31, dtype=torch.float64)).item()
    assert truth - 0.1 < found < 1.05 * truth
    samples = unstir.fit(x.reshape(4000, 4).astype(float), target="categorical", steps=1).sample(20)
    assert np.abs(samples - samples.round()).max() < 1e-5
    drawn = model.sample(2000)
    assert (drawn[:, 0] == drawn[:, 1]).mean() == pytest.approx(p[0], abs=0.03)
    loaded = unstir.load(model.save(tmp_path / "m"))
    assert (loaded.sample(50) == model.sample(50)).all()
    assert loaded.target.reading.shares.equal(model.target.reading.shares)
    assert model.blend is None
    seen, t = torch.randn(5, 4), f64(0.3)
    assert all(a.equal(b) for a, b in zip(model.posterior()(seen, t), loaded.posterior()(seen, t), strict=True))
    torch.testing.assert_close(model.posterior()(seen, t).mean, model.denoise()(seen, t))


def test_the_best_answer_to_independent_elements_is_none():
    # Held-out loss of a network that answers 0 is that of Bayes' rule: catches shares of the held-out rows, and a loss of the answer.
    rows = torch.tensor(np.random.default_rng(0).integers(0, 2, (400, 3)) * 2.0 - 1)
    aim = replace(target("categorical"), reading=LEVELS.fitted(torch.tensor([[-1.0] * 3, [1.0] * 3]), [rows.float()]))
    problem = Problem(Flow(), aim, rows.float(), times="log_snr", loss="edm")

    class Half:
        dimension = 3

        def denoise(self, schedule):
            return lambda x, t: torch.tanh(x * (schedule(t)[0] / schedule(t)[1] ** 2)[:, None])  # of fair signs

    sets = HeldOutSets(problem, rows.float(), None, Half(), 4000, 0, torch.device("cpu"))
    zero = lambda x, t, cond: torch.zeros(*x.shape, 2)  # noqa: ARG005, E731
    looked = sets.look(zero)
    assert looked.loss == pytest.approx(looked.gaussian_loss, rel=0.01)
