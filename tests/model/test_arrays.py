"""What a model's methods take and give: any array, none of whose memory is touched or shared; finite numbers in the type of the data."""

# ruff: noqa: ARG005

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import unstir
from unstir.data import from_arrays, survey, write
from unstir.diffusion.loss import SIMPLE, examples
from unstir.diffusion.oracles import Gaussian, Independent, Mixture, Points
from unstir.diffusion.samplers import SAMPLERS, plan
from unstir.diffusion.schedules import schedule
from unstir.encoders.base import fit_encoder
from unstir.encoders.registry import ENCODERS, FOR_TABLES
from unstir.errors import DataError, NumericsError, UsageError
from unstir.evaluation import evaluate, examine, truth_of
from unstir.information import continuous_bound, error_curve, ode_log_prob, variational_bound
from unstir.metrics import energy_distance, energy_test, kernel_distance, precision_recall, sliced_wasserstein
from unstir.model.units import typed
from unstir.training.fit import _values

TINY = {"width": 8, "depth": 1, "batch_size": 16, "steps": 3}
RNG = np.random.default_rng(0)
X = RNG.integers(-16, 16, (200, 2)) / 8  # every float holds them exactly
pytestmark = pytest.mark.usefixtures("brief")


@pytest.fixture(scope="module")
def model(brief):  # noqa: ARG001
    return unstir.fit(X, np.arange(200) % 2, **TINY)


def frozen(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


# ---- what is given

VIEWS = {
    "backwards": lambda x: x[::-1].copy()[::-1],
    "columns backwards": lambda x: x[:, ::-1].copy()[:, ::-1],
    "in columns": np.asfortranarray,
    "high byte first": lambda x: x.astype(">f4"),
    "half": lambda x: x.astype(np.float16),
    "long double": lambda x: x.astype(np.longdouble),
    "read only": frozen,
    "masked nowhere": np.ma.array,
    "objects": lambda x: x.astype(object),
    "lists": lambda x: x.tolist(),
    "tensor with gradients": lambda x: torch.tensor(x, requires_grad=True),
    "bfloat16": lambda x: torch.tensor(x).bfloat16(),
    "negated view": lambda x: torch.complex(torch.tensor(x), -torch.tensor(x)).conj().imag,
    "parameter": lambda x: nn.Parameter(torch.tensor(x)),
}


@pytest.mark.parametrize("kind", VIEWS)
def test_every_method_takes_every_array(model, kind):
    """Catches torch's refusal of negative strides and of foreign byte orders, its warning about what is read-only, and numpy's of gradients."""
    given, x = VIEWS[kind](X[:4]), X[:4]
    np.testing.assert_array_equal(model.log_prob(given, steps=3), model.log_prob(x, steps=3))
    np.testing.assert_array_equal(model.encode(given, steps=4), model.encode(x, steps=4))
    np.testing.assert_array_equal(model.decode(given, steps=4), model.decode(x, steps=4))
    known = VIEWS[kind](np.array([[1.0, 0.0]] * 4))
    np.testing.assert_array_equal(model.inpaint(given, known, steps=3), model.inpaint(x, [1, 0], steps=3))
    np.testing.assert_array_equal(model.interpolate(given[0], given[1], 3, steps=4), model.interpolate(x[0], x[1], 3, steps=4))


@pytest.mark.parametrize(
    "labels", [np.arange(4)[::-1] % 2, frozen([1, 0, 1, 0]), np.array([1, 0, 1, 0], ">i2"), torch.tensor([1, 0, 1, 0])]
)
def test_labels_are_taken_from_every_array(model, labels):
    np.testing.assert_array_equal(model.sample(4, labels, steps=3), model.sample(4, [1, 0, 1, 0], steps=3))
    np.testing.assert_array_equal(model.log_prob(X[:4], labels, steps=3), model.log_prob(X[:4], [1, 0, 1, 0], steps=3))


@pytest.mark.parametrize("none", [X[:0], [], np.zeros((0, 2), np.float32), torch.zeros(0, 2)])
def test_of_no_rows_there_are_none(model, none):
    # Catches an index into the first row, and a network that is asked about nothing.
    assert model.log_prob(none).shape == (0,)
    for found in (model.encode(none, 4), model.decode(none, 4), model.inpaint(none, [1, 0])):
        assert found.shape == (0, 2)


def test_a_single_row_is_not_many(model):
    # Catches two rows of one number each, and an error that does not say how to give one row.
    for call in (model.log_prob, model.encode, model.decode):
        with pytest.raises(DataError, match=r"single row: pass it as x\[None\]"):
            call(X[0])
    with pytest.raises(DataError, match="trained on rows of"):
        model.interpolate(X[0], [1.0, 2.0, 3.0])


def test_a_row_is_filled_in_the_same_whatever_the_batch_and_otherwise_in_each_draw(model):
    # Five particles a row, three rows at once. Catches noise that is numbered in each batch anew, and draws that share it.
    first, second = model.impute(X[:20], 2, [1, 0], particles=5, steps=3)
    apart = model.inpaint(X[:20], [1, 0], particles=5, steps=3, batch_size=15)
    np.testing.assert_allclose(apart, first, atol=1e-4)
    assert (first[:, 0] == X[:20, 0]).all()
    assert (np.abs(first - second)[:, 1] > 1e-3).all()
    both = {"method": "ddim", "particles": 4}
    for wrong, said in (({"particles": 0}, "from 1 to 4,096"), (both, "one particle"), ({"times": 0}, "1 or more")):
        with pytest.raises(UsageError, match=said):
            model.impute(X[:3], mask=[1, 0], **wrong)
    with pytest.raises(UsageError, match="a plain sample has none"):
        model.sample(3, particles=2)


def test_a_masked_number_is_missing_and_may_be_filled_in(model):
    # Catches the number under the mask taken for a known one.
    rows = np.ma.array(X[:3], mask=[[0, 1]] * 3)
    np.testing.assert_array_equal(model.inpaint(rows, [1, 0], steps=3), model.inpaint(X[:3], [1, 0], steps=3))
    with pytest.raises(DataError, match="nan is missing"):
        model.log_prob(rows)


# ---- whose memory it is


def callers():
    """Every public function that takes rows, with the arrays and tensors that it is given."""
    x, other, mask, ids = X.copy(), X[::-1].copy(), np.array([True, False]), np.arange(200) % 2
    rows, z = torch.tensor(X), torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    mean, spread = torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    flow, levels = schedule("flow"), torch.linspace(-3, 3, 4, dtype=torch.float64)
    oracle, how = Gaussian(mean, spread), unstir.Sampling(steps=3)
    g = torch.Generator().manual_seed(0)
    data = from_arrays(x, ids)
    truth, (training, unseen) = truth_of(data, 0.2, 0), data.split(0.2, 0)
    sets = [*truth.true, *truth.others]
    yield "fit", [x, ids], lambda m: unstir.fit(x, ids, **TINY)
    yield "fit a tensor", [rows], lambda m: unstir.fit(rows, **TINY)
    yield "log_prob", [x, ids], lambda m: m.log_prob(x[:3], ids[:3], steps=3)
    yield "log_prob of a tensor", [rows], lambda m: m.log_prob(rows[:3], steps=3)
    yield "encode", [x], lambda m: m.encode(x[:3], steps=4)
    yield "decode", [z], lambda m: m.decode(z, steps=4)
    yield "inpaint", [x, mask], lambda m: m.inpaint(x[:3], mask, steps=3)
    yield "interpolate", [x], lambda m: m.interpolate(x[0], x[1], 3, steps=4)
    yield "sample", [ids], lambda m: m.sample(200, ids, steps=3)
    yield "in_units", [z], lambda m: m.in_units(z)
    yield "survey", [x], lambda m: survey(data)
    yield "evaluate", [x, *sets], lambda m: evaluate(m, truth, how)
    yield "examine", [x, *sets], lambda m: examine(m, truth, unseen, training, how, [])
    for metric in (sliced_wasserstein, energy_distance, kernel_distance, precision_recall, energy_test):
        yield metric.__name__, [x, other], lambda m, metric=metric: metric(x, other)
    for name in ("standardise", "quantile", "min_max"):
        yield (
            name,
            [rows, z],
            lambda m, name=name: (e := fit_encoder(name, rows), e.encode(rows), e.decode(z), e.log_volume(rows)),
        )
    for name, s in SAMPLERS.items():
        extra = {key: {"noise": torch.randn_like, "error": lambda t: torch.ones(())}[key] for key in s.needs}
        run = lambda m, s=s, extra=extra: [*s.run(oracle.denoise(flow), flow, plan(s, flow, 5), z, **extra)]  # noqa: E731
        yield name, [z], run
    yield (
        "oracles",
        [mean, spread, z, rows],
        lambda m: [
            o.denoise(flow)(z.double(), torch.tensor(0.5))
            for o in (oracle, Mixture(torch.ones(1), mean[None], spread[None]), Independent(mean, spread[0]), Points(rows))
        ],
    )
    yield (
        "bounds",
        [z, levels],
        lambda m: (
            ode_log_prob(oracle.denoise(flow), flow, z, 3),
            variational_bound(oracle.denoise(flow), flow, torch.linspace(1, 0, 5, dtype=torch.float64), z, g),
            continuous_bound(oracle.denoise(flow), flow, z, torch.tensor(0.1), 4, g),
            error_curve(oracle.denoise(flow), flow, z, levels, g),
            examples(flow, unstir.diffusion.target("v"), SIMPLE, z, z, torch.full((5,), 0.5)),
        ),
    )


CALLERS = {name: (given, call) for name, given, call in callers()}


@pytest.mark.parametrize("name", CALLERS)
def test_nothing_changes_what_it_is_given_or_gives_back_its_memory(model, name):
    """Catches an operation in place, a view of the caller's array that is handed back, and one that needs to be written to."""
    given, call = CALLERS[name]
    before = copy.deepcopy(given)
    for part in given:
        if isinstance(part, np.ndarray):
            part.flags.writeable = False
    found = call(model)
    for part in given:
        if isinstance(part, np.ndarray):
            part.flags.writeable = True
    for part, kept in zip(given, before, strict=True):
        np.testing.assert_array_equal(np.asarray(part), np.asarray(kept))
        if isinstance(found, np.ndarray):
            assert not np.may_share_memory(found, np.asarray(part))


def test_what_is_written_is_not_changed(tmp_path):
    rows = frozen(X[:5])
    for name in ("x.npy", "x.npz", "x.csv", "x.safetensors"):
        write(tmp_path / name, rows, names=("a", "b"))


def test_a_model_does_not_hold_the_array_that_it_was_trained_on():
    """Catches numbers of the encoder that are the caller's, and a network of the caller's own that is trained in place."""
    for name in ENCODERS:
        if ENCODERS[name].trained or name == FOR_TABLES:
            continue
        held = torch.tensor(X)
        model = unstir.fit(held, encoder=name, **TINY)
        before = model.sample(5, steps=3)
        held[:] = 7
        assert torch.equal(model.sample(5, steps=3), before)
        before[:] = 7  # and what it gives is the caller's own
        assert not torch.equal(model.sample(5, steps=3), before)


def test_given_values_are_not_held():
    # Catches a condition's values that are the caller's array, where no conversion is needed.
    for given in (X.astype(np.float32), X.astype(np.float32)[::-1], torch.tensor(X, dtype=torch.float32)):
        assert not np.may_share_memory(_values(given, 200), np.asarray(given))
    with pytest.raises(UsageError, match="one value for each row"):
        _values(X[:5], 200)


# ---- finite in the type of the data

LIMITED = {
    "float16": (X * 30_000, -65504, 65504),
    "float32": (X * 1.6e38, -np.finfo(np.float32).max, np.finfo(np.float32).max),
    "int8": (X * 60, -128, 127),
    "int16": (X * 16_000, -(2**15), 2**15 - 1),
    "uint16": (np.abs(X) * 30_000, 0, 2**16 - 1),
    "uint32": (np.abs(X) * 2e9, 0, 2**32 - 1),
    "int64": (X * 2.0**61, -(2**63), 2**63 - 1024),
    "uint64": (np.abs(X) * 2.0**62, 0, 2**64 - 2048),
    "bool": (X > 0, False, True),
}


@pytest.mark.parametrize("dtype", LIMITED)
def test_numbers_beyond_a_type_become_its_last_ones(dtype):
    """The largest number of a type, as for whole numbers. Catches infinite samples of float16 and float32, and 2^63, which wraps around."""
    values, low, high = LIMITED[dtype]
    model = unstir.fit(values.astype(dtype), **TINY)
    assert model.decode(np.full((1, 2), 30.0)).tolist() == [[high, high]]
    assert model.decode(np.full((1, 2), -30.0)).tolist() == [[low, low]]
    for found in (*model.states(100, steps=4, every=1), model.interpolate(values[0], values[1], 5, steps=4)):
        assert found.dtype == dtype
        assert np.isfinite(found.astype(np.float64)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.uint64, torch.int64])
def test_tensors_stay_finite_too(dtype):
    card = replace(unstir.fit(torch.tensor(X), **TINY).card, dtype=str(dtype).removeprefix("torch."))
    found = typed(torch.tensor([[1e300, -1e300]], dtype=torch.float64), card)
    limits = torch.finfo(dtype) if dtype.is_floating_point else torch.iinfo(dtype)
    assert found.dtype == dtype
    assert found[0].double().tolist() == pytest.approx([limits.max, limits.min], rel=1e-15)


def test_what_is_no_number_is_never_returned(model):
    # Catches NaN in noise and in likelihoods, which samples never let through.
    broken = copy.deepcopy(model.network)
    with torch.no_grad():
        broken.leave.bias.fill_(float("nan"))
    for call in (lambda m: m.log_prob(X[:3], steps=3), lambda m: m.encode(X[:3], steps=4), lambda m: m.sample(3, steps=3)):
        with pytest.raises(NumericsError, match="3 of 3 rows are not finite"):
            call(replace(model, network=broken))


# ---- what is saved


def wrapped():
    """A network in everything that torch wraps around one."""
    yield "compiled", lambda n: torch.compile(n, backend="eager")
    yield "parallel", nn.DataParallel
    yield "compiled, parallel", lambda n: torch.compile(nn.DataParallel(n), backend="eager")
    yield "averaged", torch.optim.swa_utils.AveragedModel
    yield "copied", lambda n: copy.deepcopy(torch.compile(n, backend="eager"))
    yield "double", lambda n: n.double()
    yield "in training", lambda n: n.train().requires_grad_(True)


def block_compiled(network):
    network.blocks[0] = torch.compile(network.blocks[0], backend="eager")
    return network


WRAPPED = dict(wrapped()) | {"a compiled block": block_compiled}


@pytest.mark.parametrize("kind", WRAPPED)
def test_a_model_is_saved_under_the_plain_names(model, kind, tmp_path):
    """Catches `_orig_mod.` and `module.` in the names, and other types than float32: a folder that cannot be loaded."""
    network = WRAPPED[kind](copy.deepcopy(model.network))
    replace(model, network=network).save(tmp_path / "model")
    again = unstir.load(tmp_path / "model")
    assert again.network.state_dict().keys() == model.network.state_dict().keys()
    np.testing.assert_array_equal(again.sample(5, steps=3), model.sample(5, steps=3))


class Tied(nn.Module):
    """A network two of whose layers share their weights."""

    def __init__(self):
        super().__init__()
        self.one, self.other, self.module = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
        self.other.weight = self.one.weight

    def forward(self, x, t, cond=None):  # noqa: ARG002
        return self.module(self.one(x) + self.other(x).tanh())


@pytest.mark.parametrize("wrap", [lambda n: n, lambda n: torch.compile(n, backend="eager"), nn.DataParallel])
def test_networks_of_the_callers_own_are_saved_as_plainly(wrap, tmp_path):
    # Catches weights that share memory, which safetensors refuses, and a part that is itself called `module`.
    model = unstir.fit(X, network=wrap(Tied()), steps=3, batch_size=16)
    model.save(tmp_path / "model")
    for own in (Tied(), torch.compile(Tied(), backend="eager")):
        again = unstir.load(tmp_path / "model", network=own)
        np.testing.assert_array_equal(again.sample(5, steps=3), model.sample(5, steps=3))


def test_training_starts_from_a_network_in_a_wrapper(model):
    # Catches a start that has no tensor in common with the network, because all names are others.
    inside = replace(model, network=torch.compile(copy.deepcopy(model.network), backend="eager"))
    begun = [unstir.fit(X, np.arange(200) % 2, start=start, steps=2, batch_size=16) for start in (model, inside)]
    np.testing.assert_array_equal(*(one.losses for one in begun))


def test_a_network_that_is_another_one_by_now_is_not_saved(model, tmp_path):
    # Catches a folder that is written and can never be read.
    other = copy.deepcopy(model.network)
    nn.utils.parametrizations.weight_norm(other.leave)
    with pytest.raises(UsageError, match="is not a mlp with"):
        replace(model, network=other).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
