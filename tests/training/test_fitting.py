"""From data to a model: what is learnt, how close it comes to what can be known, and what is never looked at."""

import copy
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import unstir
from unstir.data import from_arrays, toy
from unstir.data.rows import Rows
from unstir.diffusion.denoiser import Denoiser, target
from unstir.diffusion.oracles import Gaussian, Independent, Mixture
from unstir.diffusion.registry import TARGETS
from unstir.diffusion.schedules import along
from unstir.encoders.base import fit_encoder
from unstir.encoders.rows import EncodedRows
from unstir.errors import DataError, UsageError
from unstir.training.baseline import gaussian_of
from unstir.training.config import flat, resolve
from unstir.training.fitting import Fitting
from unstir.training.held_out import BUCKETS, bucket_means
from unstir.training.presets import preset, settle, times_for
from unstir.training.problems import problems_of_settings

SMALL = {"width": 48, "depth": 2, "batch_size": 128}
TINY = {"width": 8, "depth": 1, "batch_size": 16, "steps": 2}


def three_blobs():
    return Mixture(
        torch.tensor([0.5, 0.3, 0.2]),
        torch.tensor([[-2.0, 0.0], [1.5, 1.0], [1.0, -2.0]]),
        torch.tensor([[[0.3, 0.1], [0.1, 0.2]], [[0.2, 0.0], [0.0, 0.2]], [[0.4, -0.2], [-0.2, 0.3]]]),
    )


def prepared(values, labels=None, **settings):
    data = from_arrays(values, labels)
    return Fitting(data, settle(data, flat(**settings)))


def trained(values, labels=None, **settings):
    fitting = prepared(values, labels, **settings)
    for _ in fitting.steps():
        pass
    return fitting


class Perfect(nn.Module):
    """The network whose x0_hat is an oracle's E[x_0 | x_t]: F = (x0_hat - c_skip x_t) / c_out, seen = c_in x_t."""

    def __init__(self, oracle, problem):
        super().__init__()
        self.oracle, self.problem = oracle, problem

    def forward(self, seen, t, cond=None):  # noqa: ARG002
        schedule, seen, t = self.problem.schedule, seen.double(), t.double()
        c = self.problem.target(schedule, t)
        x = seen / along(c.c_in, seen)
        x0 = self.oracle.posterior_mean(x, *schedule(t))
        return ((x0 - along(c.c_skip, x) * x) / along(c.c_out, x)).float()


def perfect_loss(fitting, oracle):
    """The held-out loss of the exact denoiser of `oracle`, given in the data's units, on the same rows, times and noise."""
    scale = fitting.encoder.scale
    encoded = Mixture(
        oracle.weights, (oracle.means - fitting.encoder.shift) / scale, oracle.covariances / (scale[:, None] * scale)
    )
    learnt, fitting.state.network = fitting.state.network, Perfect(encoded, fitting.problem)
    try:
        return fitting.held_out().loss
    finally:
        fitting.state.network = learnt


@pytest.fixture(scope="module")
def blobs():
    """A mixture, a fitting of 4,800 draws of it after 800 steps, and its model."""
    oracle = three_blobs()
    values = oracle.sample(6000, torch.Generator().manual_seed(0)).numpy()
    fitting = trained(values, **SMALL, steps=800, held_out=0.2)
    return oracle, fitting, fitting.model()


@pytest.fixture(scope="module")
def ring():
    """Eight Gaussians on a circle of radius 2, a class each, and a model of them."""
    data = toy("eight_gaussians", 2000, seed=0)
    return unstir.fit(data.values, data.labels, **SMALL, steps=700)


# ---- how close it comes


def test_the_held_out_loss_comes_close_to_the_smallest_possible(blobs):
    """Within 3 % of E Var(x_0 | x_t), the loss of the exact denoiser, on the same held-out rows; a Gaussian is 20 % above.

    Catches a loss that is low because it is weighted differently, a held-out set with another encoder, and a network stuck at the
    best Gaussian.
    """
    oracle, fitting, _ = blobs
    loss, best = fitting.held_out(), perfect_loss(fitting, oracle)
    assert best < loss.gaussian_loss / 1.15
    assert best * 0.995 < loss.loss < best * 1.03


@pytest.mark.parametrize(
    ("kind", "schedule"),
    [
        ("velocity", "flow"),
        ("eps", "linear"),
        pytest.param("v", "cosine", marks=pytest.mark.slow),
        pytest.param("x0", "vp", marks=pytest.mark.slow),
    ],
)
def test_other_targets_come_close_too(kind, schedule):
    # Three quarters of the way from the best Gaussian to the best of all, in 400 steps. Catches times that starve a target.
    oracle = three_blobs()
    values = oracle.sample(3000, torch.Generator().manual_seed(1)).numpy()
    fitting = trained(values, **SMALL, steps=400, held_out=0.3, target=kind, schedule=schedule)
    loss, best = fitting.held_out(), perfect_loss(fitting, oracle)
    assert best * 0.99 < loss.loss < best + 0.25 * (loss.gaussian_loss - best)


def test_samples_have_the_mean_and_the_covariance_of_the_data(blobs):
    # Four standard errors of 4,000 draws and 3 % of the spread for what 800 steps leave unlearnt. Catches samples in the model's units.
    oracle, _, model = blobs
    x = model.sample(4000, seed=1)
    covariance = oracle.covariance().numpy()
    spread = np.sqrt(np.diag(covariance))
    assert (np.abs(x.mean(0) - (oracle.weights @ oracle.means).numpy()) < (4 / 4000**0.5 + 0.03) * spread).all()
    assert (np.abs(np.cov(x.T) - covariance) < (4 * 2**0.5 / 4000**0.5 + 0.03) * np.outer(spread, spread)).all()


def test_samples_are_shared_among_the_blobs_as_the_data_is(blobs):
    # Catches a mean and a covariance that are right for a single blob, and a blob that is never visited.
    oracle, _, model = blobs
    x = torch.as_tensor(model.sample(4000, seed=2))
    nearest = torch.cdist(x.double(), oracle.means).argmin(1)
    shares = nearest.bincount(minlength=3) / 4000
    assert (shares - oracle.weights).abs().max() < 4 * (0.25 / 4000) ** 0.5 + 0.02


def test_log_prob_is_close_to_the_exact_one(blobs):
    """KL(truth || model) on fresh rows: below 0.1 nats, where the Gaussian of the same covariance has 0.35.

    Catches a density that forgets the encoder's volume, which is off by log |S| / 2, and one in bits.
    """
    oracle, _, model = blobs
    fresh = oracle.sample(400, torch.Generator().manual_seed(7))
    excess = oracle.log_prob(fresh) - torch.as_tensor(model.log_prob(fresh.numpy()))
    gaussian = oracle.log_prob(fresh) - Gaussian(oracle.weights @ oracle.means, oracle.covariance()).log_prob(fresh)
    error = 4 * excess.std().item() / 400**0.5
    assert -error < excess.mean().item() < 0.1
    assert gaussian.mean().item() > 0.3


def test_the_error_by_noise_level_is_the_smallest_possible_or_a_little_more(blobs):
    # mse(snr) against the oracle's, at six levels. Catches levels of t for log-SNR, and an error summed over dimensions.
    oracle, fitting, model = blobs
    scale = fitting.encoder.scale
    encoded = Mixture(
        oracle.weights, (oracle.means - fitting.encoder.shift) / scale, oracle.covariances / (scale[:, None] * scale)
    )
    levels = torch.tensor([-4.0, -2.0, 0.0, 2.0, 4.0, 6.0])
    smallest, _ = encoded.mmse(levels)
    for level, least in zip(levels, smallest, strict=True):
        assert model.error.at(level).sum().item() == pytest.approx(least.item(), rel=0.08)


def test_samples_of_a_class_come_from_that_class(ring):
    # 90 % of each class nearest to its own centre, where chance is an eighth. Catches ids in another order, and cond dropped.
    for k in range(8):
        x = ring.sample(200, given=k)
        centres = 2 * np.exp(2j * np.pi * np.arange(8) / 8)
        nearest = np.abs((x[:, 0] + 1j * x[:, 1])[:, None] - centres).argmin(1)
        assert (nearest == k).mean() > 0.9, k


def test_without_a_label_classes_come_as_often_as_in_the_data(ring):
    x = ring.sample(1600)
    ids = ring.given(1600, None, seed=0)
    assert (ids.bincount(minlength=8) - 200).abs().max() < 4 * (1600 * 7 / 64) ** 0.5
    centres = 2 * np.exp(2j * np.pi * np.arange(8) / 8)
    nearest = np.abs((x[:, 0] + 1j * x[:, 1])[:, None] - centres).argmin(1)
    assert (nearest == ids.numpy()).mean() > 0.9  # catches labels that are not those the rows were made with


def test_guidance_of_one_is_the_conditional_model_and_of_zero_the_unconditional(ring):
    """One convention of scale. Catches w = scale - 1, under which 0 is the conditional model."""
    generator = torch.Generator().manual_seed(0)
    x, t, cond = torch.randn(9, 2, generator=generator), torch.tensor(0.4), torch.arange(9) % 8
    alone = replace(ring, blend=None)
    network = Denoiser(ring.network, ring.schedule, target(ring.card.target))
    conditional, unconditional = network(x, t, cond), network(x, t)
    assert torch.equal(alone.denoise(cond)(x, t), conditional)
    assert torch.equal(alone.denoise(cond, 1.0)(x, t), conditional)
    assert torch.equal(alone.denoise(cond, 0.0)(x, t), unconditional)
    assert torch.equal(alone.denoise()(x, t), unconditional)
    torch.testing.assert_close(alone.denoise(cond, 3.0)(x, t), 3 * conditional - 2 * unconditional, rtol=1e-4, atol=1e-4)
    assert (conditional - unconditional).abs().max() > 0.1  # catches a class that the network never sees


@pytest.mark.parametrize(("columns", "steps", "bar"), [(10, 200, 1.15), (100, 250, 1.3)])
def test_wide_tables_train_and_sample(columns, steps, bar):
    """Rows of rank 3 and a little noise: the held-out loss near that of the exact Gaussian denoiser, and the spread of each column.

    Catches sinusoids of the coordinates in many dimensions, and a loss summed over columns.
    """
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(3, columns))
    values = generator.normal(size=(4000, 3)) @ mixing + 0.3 * generator.normal(size=(4000, columns)) + 5
    fitting = trained(values, width=64, batch_size=128, lr=3e-3, steps=steps)
    held_out = fitting.held_out()
    assert held_out.loss < bar * held_out.gaussian_loss
    x = fitting.model().sample(1000)
    assert x.shape == (1000, columns)
    np.testing.assert_allclose(x.mean(0), values.mean(0), atol=0.25 * values.std())
    np.testing.assert_allclose(x.std(0), values.std(0), rtol=0.25)


# ---- before the first step


@pytest.mark.parametrize(
    ("kind", "schedule", "expected"),
    [("edm", "linear", 1), ("v", "cosine", 1), ("eps", "linear", 1), ("x0", "vp", 1), ("velocity", "flow", 2), ("edm", "ve", 1)],
)
def test_before_the_first_step_the_loss_is_the_mean_square_of_what_is_wanted(kind, schedule, expected):
    """The new network answers 0. With unit variance E eps^2 = E v^2 = E F_edm^2 = 1, and E (eps - x0)^2 = 2.

    Catches a held-out set in the data's units, and one that is not weighted like the training loss. 4,096 draws of two numbers:
    4 % is four standard errors with the spread of the held-out rows' own variance.
    """
    values = np.random.default_rng(0).normal(3, 7, (30_000, 2))
    fitting = prepared(values, **TINY, target=kind, schedule=schedule, held_out=0.4)
    assert fitting.held_out().loss == pytest.approx(expected, rel=0.04)


def test_the_gaussian_baseline_is_the_mmse_of_gaussian_data():
    """Each bucket of time against tr S (I + snr S)^-1 / d, from the oracle's closed form.

    Catches a baseline of the variances alone, of the rows in the data's units, and one that saw the held-out rows' noise.
    """
    covariance = torch.tensor([[2.0, 1.2], [1.2, 1.0]], dtype=torch.float64)
    values = Gaussian(torch.tensor([4.0, -1.0]), covariance).sample(20_000, torch.Generator().manual_seed(3)).numpy()
    fitting = prepared(values, **TINY, held_out=0.3)
    held_out = fitting.held_out()
    scale = fitting.encoder.scale
    oracle = Gaussian(torch.zeros(2), covariance / (scale[:, None] * scale))
    t = (torch.arange(BUCKETS * 50) + 0.5) / (BUCKETS * 50)
    levels = fitting.problem.schedule.log_snr(t.double())
    exact_x0 = (oracle.gaussian_mmse(levels) / 2).view(BUCKETS, 50).mean(1)
    exact_eps = (oracle.gaussian_mmse(levels) / 2 * levels.exp()).view(BUCKETS, 50).mean(1)
    for found, exact in ((held_out.gaussian_x0, exact_x0), (held_out.gaussian_eps, exact_eps)):
        ratio = found / exact
        assert (ratio - 1).abs().max() < 0.35  # 300 draws a bucket, two numbers each
        assert ratio.mean().item() == pytest.approx(1, abs=0.05)
    assert held_out.gaussian_loss == pytest.approx(
        perfect_loss(fitting, Gaussian(torch.tensor([4.0, -1.0]), covariance)), rel=0.01
    )


def test_errors_of_x0_and_of_eps_differ_by_the_signal_to_noise_ratio():
    # |eps - eps_hat|^2 = snr |x_0 - x0_hat|^2. A new network of target x0 answers 0, so its error is snr |x_0|^2 = snr.
    rows = np.random.default_rng(0).integers(0, 2, (200, 1)) * 2.0
    fitting = prepared(rows, **TINY, target="x0", loss="min_snr", times="uniform", encoder="min_max")
    step = next(fitting.steps())
    snr = fitting.problem.schedule.log_snr(step.t).exp()
    torch.testing.assert_close(fitting.eps_errors(step), snr, rtol=1e-4, atol=0)


def test_buckets_are_right_closed_and_empty_ones_are_not_numbers():
    # t = n / T of a chain belongs to the bucket it ends. Catches t = 1 in a bucket of its own, and 0 for "not measured".
    means = bucket_means(torch.tensor([0.05, 1.0, 0.96, 0.001], dtype=torch.float64), torch.tensor([1.0, 2.0, 4.0, 3.0]))
    assert means[0].item() == 2.0
    assert means[19].item() == 3.0
    assert means[1:19].isnan().all()
    assert len(means) == BUCKETS == 20


# ---- what is not looked at


def test_held_out_rows_are_never_trained_on():
    """Two data sets that differ in the held-out rows alone train to the same weights, encoder and losses, bit for bit.

    Catches an encoder fitted on everything, and batches drawn from everything.
    """
    values = np.random.default_rng(0).normal(size=(60, 2))
    labels = np.arange(60) % 3
    index = from_arrays(np.arange(60.0)).split(0.2, seed=4)[1].values.astype(int).flatten()
    assert len(index) == 12
    changed = values.copy()
    changed[index] = 1e3
    a, b = (trained(v, labels, **TINY | {"steps": 30}, held_out=0.2, seed=4) for v in (values, changed))
    assert torch.equal(a.encoder.shift, b.encoder.shift)
    assert torch.equal(a.encoder.scale, b.encoder.scale)
    assert all(torch.equal(x, y) for x, y in zip(a.state.weights, b.state.weights, strict=True))
    assert a.held_out().loss != b.held_out().loss
    assert len(a.training) == 48
    assert not {tuple(row) for row in a.training.values} & {tuple(row) for row in a.unseen.values}


def test_looking_does_not_change_the_run():
    # Held-out losses and models between any two steps. Catches a swap that is not undone, and random numbers shared with training.
    values = np.random.default_rng(0).normal(size=(100, 2))
    quiet, watched = (prepared(values, **TINY | {"steps": 12}) for _ in range(2))
    for _ in quiet.steps():
        pass
    seen = []
    for step in watched.steps():
        seen.append(watched.held_out().loss)
        assert watched.held_out().loss == seen[-1]  # a fixed set: the same numbers twice
        if step.number % 5 == 0:
            watched.model()
    assert all(torch.equal(x, y) for x, y in zip(quiet.state.weights, watched.state.weights, strict=True))
    assert all(torch.equal(x, y) for x, y in zip(quiet.state.average, watched.state.average, strict=True))


def test_the_model_is_the_average_and_a_copy():
    # Catches raw weights in the model, and a model that goes on learning after it was taken.
    fitting = prepared(np.random.default_rng(0).normal(size=(100, 2)), **TINY | {"steps": 12, "lr": 0.1, "keep": "last"})
    running = fitting.steps()
    for _ in range(6):
        next(running)
    model = fitting.model()
    kept = copy.deepcopy(list(model.network.parameters()))
    assert all(torch.equal(x, y) for x, y in zip(kept, fitting.state.average, strict=True))
    assert any(not torch.equal(x, y) for x, y in zip(kept, fitting.state.weights, strict=True))
    assert model.card.steps_trained == 6
    for _ in running:
        pass
    assert all(torch.equal(x, y) for x, y in zip(kept, model.network.parameters(), strict=True))


def test_a_fit_is_a_function_of_its_seed_and_leaves_the_callers_alone():
    values = np.random.default_rng(0).normal(size=(60, 2))
    torch.manual_seed(0)
    a = unstir.fit(values, **TINY)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    b, c = unstir.fit(values, **TINY), unstir.fit(values, **TINY, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert (a.sample(5) == b.sample(5)).all()
    assert (a.sample(5) != c.sample(5)).all()


# ---- every kind of array


def test_a_column_that_never_varies_comes_back_exactly():
    # Catches a column divided by its rounding error, and one that is nearly right.
    values = np.random.default_rng(0).normal(size=(300, 3))
    values[:, 1] = 0.7
    for dtype in (np.float64, np.float32):
        model = unstir.fit(values.astype(dtype), **TINY)
        x = model.sample(50)
        assert x.dtype == dtype
        assert (x[:, 1] == dtype(0.7)).all()
        assert x[:, [0, 2]].std(0).min() > 0.1
        with pytest.raises(UsageError, match="1 elements never vary"):
            model.log_prob(values.astype(dtype))
    alone = unstir.fit(np.full((300, 1), 0.1), **TINY)  # whose mean is not 0.1 and whose deviation is not 0, as sums are rounded
    assert (alone.encoder.scale == 0).all()
    assert (alone.sample(4) == 0.1).all()


@pytest.mark.parametrize("encoder", ["standardise", "min_max"])
def test_data_whose_spread_no_float_holds_is_refused(encoder):
    """Squares of 1e308 are infinite, those of 1e-200 are 0. Catches a covariance that is blamed, and a column taken for a constant."""
    for size, said in ((1e308, "1e+308"), (1e-200, "1e-200")):
        values = np.array([[size], [-size], [0.0]] * 20)
        if encoder == "min_max" and size < 1:
            assert (unstir.fit(values, **TINY, encoder=encoder).encoder.scale > 0).all()  # takes no squares
            continue
        with pytest.raises(DataError, match=rf"from -{re.escape(said)} to {re.escape(said)}.*units"):
            unstir.fit(values, **TINY, encoder=encoder)
    for size in (1e100, 1e-100):
        assert np.isfinite(unstir.fit(size * np.random.default_rng(0).normal(size=(60, 2)), **TINY).sample(5)).all()


def test_a_row_far_from_all_others_is_refused():
    # Held out, one such row is infinite in float32; trained on, it is where all the others are not. Catches nan from either.
    values = np.random.default_rng(0).normal(size=(40, 2))
    model = unstir.fit(values, **TINY)
    for wrong in (1e300, -1e30, np.nan, np.inf):
        with pytest.raises(DataError, match=re.escape(f"{wrong:g} is missing, infinite, or")):
            model.log_prob(np.array([[0.0, 1.0], [0.0, wrong]]))
    data = from_arrays(np.where(np.arange(40)[:, None] == 7, 1e200, values))
    for seed in range(40):
        if data.split(0.1, seed)[1].values.max() == 1e200:
            with pytest.raises(DataError, match=re.escape("1e+200")):
                unstir.fit(data.values, **TINY, seed=seed)
            return
    raise AssertionError("the row was never held out")


def test_bytes_come_back_as_bytes_within_their_bounds():
    """Pixels of 0 and 255. Catches 256 that wraps to 0, and a denoiser that is not kept within the type's bounds."""
    values = (np.random.default_rng(0).random((200, 3, 3)) < 0.5).astype(np.uint8) * 255
    model = unstir.fit(values, **TINY | {"steps": 30, "width": 16})
    x = model.sample(100)
    assert x.dtype == np.uint8
    assert x.shape == (100, 3, 3)
    assert model.card.bounds == (0, 255)
    far = np.full((1, 3, 3), 20.0, dtype=np.float32)
    assert (model.decode(far) == 255).all()
    assert (model.decode(-far) == 0).all()
    generator = torch.Generator().manual_seed(0)
    clean = model.encoder.decode(model.denoise()(20 * torch.randn(50, 3, 3, generator=generator), torch.tensor(0.3)))
    assert -1e-3 <= clean.min() < 1  # the bounds are reached and not passed
    assert 254 < clean.max() <= 255 + 1e-3


def test_floats_are_never_clipped():
    # Between the smallest and largest value seen there is no law. Catches [-1, 1], and the data's own range taken for bounds.
    model = unstir.fit(np.random.default_rng(0).uniform(0, 1, (200, 2)), **TINY)
    assert model.card.bounds is None
    assert model.decode(np.full((1, 2), 20.0)).min() > 1.5


def test_whole_numbers_are_rounded_not_cut_off():
    # The same values as floats train the same network. Catches astype(int), which takes 2.9 to 2, and int8 that wraps at 127.
    values = np.random.default_rng(0).integers(-9, 10, (300, 2))
    whole, real = (unstir.fit(values.astype(kind), **TINY | {"steps": 20}) for kind in (np.int16, np.float32))
    x, y = whole.sample(200), real.sample(200)
    assert x.dtype == np.int16
    assert (x == np.round(y)).all()
    assert (x != y.astype(int)).any()
    small = unstir.fit(values.astype(np.int8), **TINY)
    assert (small.decode(np.full((1, 2), 1e3)) == 127).all()
    assert (small.decode(np.full((1, 2), -1e3)) == -128).all()


@pytest.mark.parametrize("dtype", ["bool", "uint16", "int32", "int64", "float16", "float32", "float64"])
def test_what_comes_out_is_the_type_that_went_in(dtype):
    values = (np.random.default_rng(0).random((40, 2)) < 0.5).astype(dtype)
    assert unstir.fit(values, **TINY).sample(3).dtype == dtype
    out = unstir.fit(torch.as_tensor(values), **TINY).sample(3)
    assert out.dtype == torch.as_tensor(values).dtype


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 4), (2, 3, 5)])
def test_rows_of_any_shape_keep_it(shape):
    # Catches images taken for (C, H, W) and rows that come back flat.
    values = np.random.default_rng(0).normal(size=(50, *shape)).astype(np.float32)
    model = unstir.fit(values, **TINY)
    assert model.card.shape == shape
    assert model.sample(5).shape == (5, *shape)
    assert model.encode(values[:4], steps=5).shape == (4, *shape)
    assert model.decode(values[:4], steps=5).shape == (4, *shape)
    assert model.log_prob(values[:4], steps=4).shape == (4,)


def test_numbers_on_a_line_are_rows_of_one():
    """(N,) is taken as (N, 1), and what was fitted can be asked about. Catches log_prob that refuses the array that it was fitted on."""
    values = np.random.default_rng(0).normal(size=50)
    model = unstir.fit(values, **TINY)
    assert len(model.sample(5)) == 5
    assert (model.log_prob(values, steps=4) == model.log_prob(values[:, None], steps=4)).all()


def test_torch_in_torch_out():
    values = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    model = unstir.fit(values, **TINY)
    x = model.sample(4)
    assert isinstance(x, torch.Tensor)
    assert x.dtype == torch.float32
    assert not x.requires_grad
    z = model.encode(x)
    assert isinstance(z, torch.Tensor)
    assert isinstance(model.decode(z), torch.Tensor)
    assert all(isinstance(state, torch.Tensor) for state in model.states(4, every=5))
    same = unstir.fit(values.numpy(), **TINY)
    assert isinstance(same.sample(4), np.ndarray)
    assert (x.numpy() == same.sample(4)).all()
    assert (model.log_prob(x) == same.log_prob(x.numpy())).all()
    assert np.isfinite(model.log_prob(x.clone().requires_grad_())).all()  # catches numpy() of a tensor with a gradient


def test_two_rows_are_enough_to_run():
    # One to train on and one held out: an answer, not a crash.
    x = unstir.fit(np.array([[1.0, 2.0], [3.0, 4.0]]), **TINY).sample(3)
    assert np.isfinite(x).all()


# ---- settings


@pytest.mark.parametrize("columns", [1, 3, 4, 8, 9, 64, 65, 300])
def test_the_preset_goes_by_dimension(columns):
    # Sinusoids of the coordinates in a few dimensions, where a plain network is a blob; none in many, where they are noise.
    network = resolve(preset(from_arrays(np.zeros((1000, columns))))).network
    octaves = 4 if columns <= 3 else 2 if columns <= 8 else 0
    width = 96 if columns <= 3 else 128 if columns <= 8 else 256 if columns <= 64 else 512
    assert (network.octaves, network.width) == (octaves, width)
    image = preset(from_arrays(np.zeros((1000, 1, columns)), axes="NDD"))
    assert resolve(image).network == network  # catches the first axis taken for the dimension


def test_what_is_asked_for_beats_the_preset():
    fitting = prepared(np.zeros((5, 20)) + np.arange(5)[:, None], width=24, octaves=1)
    assert fitting.network_settings["width"] == 24
    assert fitting.network_settings["octaves"] == 1
    assert fitting.network_settings["depth"] == 2


@pytest.mark.parametrize("kind", [name for name, of in TARGETS.items() if not of.reading.needs_states])
def test_times_suit_the_target_unless_asked_for(kind):
    # eps and velocity need the noisiest levels to many digits. Catches "auto" handed on as a name.
    assert times_for(kind) == {"eps": "uniform", "velocity": "uniform", "categorical": "log_snr"}.get(kind, "log_normal")
    values = np.random.default_rng(0).integers(0, 5, size=(40, 1))
    assert prepared(values, **TINY, target=kind).problem.times.name == times_for(kind)
    assert prepared(values, **TINY, target=kind, times="logit_normal").problem.times.name == "logit_normal"


def test_a_target_of_levels_is_trained_down_to_where_neighbours_are_told_apart():
    """Levels 0 to 4, each equally often, have the deviation sqrt 2; a noise of an eighth of a level has log-SNR 2 log(8 sqrt 2) = 4.85.

    With values of 0 to 16, each equally often, sqrt 24: 2 log(8 sqrt 24) = 7.34, to .1 because the deviation is that of the rows that train.
    Catches a level's distance in the data's units.
    """
    for most, finest in ((4, 5.8), (16, 7.34)):
        values = np.tile(np.arange(most + 1.0), 20)[:, None] * np.ones(4)
        suited = settle(from_arrays(values), flat(target="categorical")).diffusion.finest
        assert suited == pytest.approx(finest, abs=0.1)  # and 5.8 at least
        assert settle(from_arrays(values + 0.5), flat(target="categorical")).diffusion.finest == 5.8


def test_a_schedule_that_leaves_signal_is_warned_about():
    """alpha_bar_T = prod (1 - beta_i) of 100 linear betas is 0.364, not 0 (pain 2). Catches silence, and a warning for everything."""
    values = np.random.default_rng(0).normal(size=(40, 2))
    data = from_arrays(values)
    ((_, _, warning),) = problems_of_settings(data, settle(data, flat(**TINY, schedule="linear", T=100)), {})
    left = math.prod(1 - beta for beta in np.linspace(1e-4, 0.02, 100))
    assert f"alpha_bar_T = {left:.3g}" in warning
    assert "--diffusion.T 1000" in warning
    assert "cosine" in warning
    for quiet in ({"schedule": "linear"}, {"schedule": "cosine", "T": 100}, {"schedule": "flow"}):
        assert problems_of_settings(data, settle(data, flat(**TINY, **quiet)), {}) == []


def test_labels_can_be_left_aside():
    data = from_arrays(np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2)
    fitting = Fitting(data, settle(data, flat(**TINY, labels="none")))
    for _ in fitting.steps():
        pass
    assert fitting.model().classes == ()
    assert fitting.problem.cond is None


def test_what_cannot_be_fitted_is_refused():
    values = np.random.default_rng(0).normal(size=(40, 2))
    for settings, said in [
        ({"stpes": 3}, "unknown setting 'stpes': did you mean 'steps'"),
        ({"steps": 0}, "setting 'optim.steps'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"target": "velocty"}, "did you mean 'velocity'"),
        ({"schedule": "flow", "T": 10}, "'flow' takes no settings"),
        ({"schedule": "flow", "times": "chain"}, "not a discrete chain"),
        ({"schedule": "flow", "target": "eps"}, "'eps'"),
        ({"encoder": "standardize"}, "did you mean 'standardise'"),
        ({"held_out": 1.5}, "setting 'data.held_out'"),
    ]:
        with pytest.raises(UsageError, match=said):
            unstir.fit(values, **TINY | settings)
    with pytest.raises(UsageError, match=r"not the name 'moons'.*load\('moons'\)"):
        unstir.fit("moons")
    with pytest.raises(DataError, match="missing"):
        unstir.fit(np.array([[1.0], [np.nan]]))
    with pytest.raises(DataError):
        unstir.fit(values, labels=[0, 1])
    with pytest.raises(UsageError, match="optimal-transport"):
        unstir.fit(values, np.arange(40) % 2, **TINY, coupling="optimal_transport")


def test_wide_rows_are_compared_with_independent_elements():
    # The covariance of 5,000 columns takes minutes. Catches a start that nobody waits for, and another baseline below the limit.
    # Also catches the variances of rows in the data's units, and a constant element that is divided by its scale.
    rows = 3 * torch.randn(40, 2000, generator=torch.Generator().manual_seed(0)) + 1
    rows[:, 7] = 5.0
    for name in ("channels", "standardise"):
        drawn = EncodedRows(Rows(rows.numpy()), fit_encoder(name, rows))
        wide, seen = gaussian_of(drawn), drawn[torch.arange(40)].double()
        assert isinstance(wide, Independent)
        torch.testing.assert_close(wide.means, seen.mean(0), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(wide.variances, seen.var(0, correction=0) + 1e-6, rtol=1e-5, atol=1e-9)
        assert (wide.variances > 0).all()
    assert isinstance(
        gaussian_of(EncodedRows(Rows(rows[:, :1024].numpy()), fit_encoder("standardise", rows[:, :1024]))), Gaussian
    )
