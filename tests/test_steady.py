"""One state of torch, numpy and Python inside every call, and the caller's own outside: the same bits, whatever has been set."""

import contextlib
import copy
import decimal
import locale
import random
import threading
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import unstir
from unstir import steady as module
from unstir.data import from_arrays
from unstir.evaluation import evaluate, examine, truth_of
from unstir.steady import allowing, one_state, steady
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.presets import settle

TINY = {"width": 8, "depth": 1, "batch_size": 16, "steps": 3}
pytestmark = pytest.mark.usefixtures("brief")


@contextlib.contextmanager
def put(get, set_, value):
    before = get()
    set_(value)
    try:
        yield
    finally:
        set_(before)


def dtype(kind):
    return lambda: put(torch.get_default_dtype, torch.set_default_dtype, kind)


@contextlib.contextmanager
def drawn_from():
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(7), np.random.seed(7), torch.manual_seed(7)  # noqa: NPY002
    yield
    random.setstate(states[0]), np.random.set_state(states[1]), torch.set_rng_state(states[2])  # noqa: NPY002


@contextlib.contextmanager
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "nobody says this")
        yield


@contextlib.contextmanager
def few_digits():
    with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact])):
        yield


@contextlib.contextmanager
def autocast_twice():
    with torch.autocast("cpu", torch.bfloat16), torch.autocast("cpu", torch.float16, cache_enabled=False):
        yield


@contextlib.contextmanager
def of_each_library():
    before = torch.backends.mkldnn.matmul.fp32_precision
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    yield
    torch.backends.mkldnn.matmul.fp32_precision = before


STATES = {
    "float64 by default": dtype(torch.float64),
    "bfloat16 by default": dtype(torch.bfloat16),
    "on meta by default": lambda: put(torch.get_default_device, torch.set_default_device, "meta"),
    "in a block on meta": lambda: torch.device("meta"),
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "autocast in autocast": autocast_twice,
    "quick products": lambda: put(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "medium"),
    "numpy raises": lambda: np.errstate(all="raise"),
    "warnings are errors": warnings_are_errors,
    "no subnormals": lambda: put(lambda: False, torch.set_flush_denormal, True),
    "deterministic": lambda: put(torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms, True),
    "random numbers drawn": drawn_from,
    "few digits": few_digits,
    "another locale": lambda: put(
        lambda: locale.setlocale(locale.LC_ALL), lambda x: locale.setlocale(locale.LC_ALL, x), "C.UTF-8"
    ),
}
if hasattr(torch.backends.mkldnn, "matmul"):
    STATES["quick products of one library"] = of_each_library


def state():
    """Everything that a caller may have set."""
    depth = torch.autocast_increment_nesting() - 1
    torch.autocast_decrement_nesting()
    with contextlib.suppress(RuntimeError):  # torch does not say it where a new switch is set
        torch.get_float32_matmul_precision()
    return {
        "type": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"), depth, torch.is_autocast_cache_enabled()),
        "products": getattr(getattr(torch.backends.mkldnn, "matmul", None), "fp32_precision", "none").replace("none", "ieee"),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "subnormals": module.SMALLEST > 0,
        "numpy": np.geterr(),
        "warnings": list(warnings.filters),
        "random": (random.getstate(), tuple(np.random.get_state()[1]), torch.get_rng_state().tolist()),  # noqa: NPY002
        "decimal": decimal.getcontext().prec,
        "locale": locale.setlocale(locale.LC_ALL),
    }


def bytes_of(*arrays):
    return [np.asarray(array).tobytes() for array in arrays]


def everything(folder):
    """All that a caller does with a data set, in bytes."""
    x = np.random.default_rng(0).normal(size=(120, 2)) * [1, 100] + [0, 7]
    model = unstir.fit(x, np.arange(120) % 3, **TINY, held_out=0.2)
    model.save(folder / "model")
    again = unstir.load(folder / "model")
    data = from_arrays(x)
    truth, (training, unseen) = truth_of(data, 0.2, 0), data.split(0.2, 0)
    found = examine(again, truth, unseen, training, unstir.Sampling(steps=3), [])
    return [
        *bytes_of(*(w.detach() for w in model.network.parameters())),
        *bytes_of(model.losses, model.sample(5, steps=4), again.sample(5, "1", guidance=2.0, method="ddpm", steps=4)),
        *bytes_of(again.log_prob(x[:3], steps=3), again.encode(x[:3], steps=4), again.decode(np.ones((2, 2)), steps=4)),
        *bytes_of(again.inpaint(x[:3], [1, 0], steps=3), again.interpolate(x[0], x[1], 3, steps=4)),
        [score.value for score in evaluate(again, truth, unstir.Sampling(steps=3))],
        (found.good.test.p_value, found.memory.ratio, found.levels.gap),
    ]


@pytest.fixture(scope="module")
def usual(brief, tmp_path_factory):  # noqa: ARG001
    return everything(tmp_path_factory.mktemp("usual"))


@pytest.fixture
def lenient(monkeypatch):
    """As for users: what the tests of this project are strict about is not an error."""
    monkeypatch.setattr(module, "STRICT", False)


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("name", STATES)
def test_every_call_gives_the_same_bits_and_leaves_the_state_as_it_was(name, usual, tmp_path):
    """Catches a call that only works, or computes something else, under another default type or device, without gradients, in inference
    mode, under autocast or quick products, where numpy raises or warnings are errors; and one that leaves its own state behind."""
    with STATES[name]():
        before = state()
        found = everything(tmp_path)
        after = state()
    assert after == before
    assert found == usual


def fitting_of(seed=0, **own):
    data = from_arrays(np.random.default_rng(0).normal(size=(60, 2)))
    return Fitting(data, settle(data, flat(**TINY, seed=seed)), **own)


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("name", STATES)
def test_between_two_steps_the_state_is_the_callers(name):
    """A loop that is suspended. Catches a state that is kept while the caller has the loop in hand, or one that is gone after it is left."""
    plain = [step.loss for step in fitting_of().steps()]
    with STATES[name]():
        before = state()
        fitting = fitting_of()
        losses = []
        for step in fitting.steps():
            losses.append(step.loss)
            assert state() == before
            torch.rand(3), random.random()  # the caller's draws change no step
            before |= {"random": state()["random"]}
        for _ in fitting_of(seed=1).steps():
            break
        assert state() == before
    assert losses == plain


@pytest.mark.usefixtures("lenient")
def test_after_an_error_the_state_is_the_callers_too():
    # Catches a state that is put back only where all goes well.
    with torch.inference_mode(), np.errstate(all="raise"):
        before = state()
        with pytest.raises(unstir.errors.DataError):
            unstir.fit(np.zeros((0, 2)))
        with pytest.raises(unstir.errors.UsageError):
            unstir.fit(np.zeros((9, 2)), stepz=3)
        assert state() == before


class Dropping(nn.Module):
    """A network that draws random numbers by itself, from torch's global generator."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.5), nn.Linear(16, 2))

    def forward(self, x, t, cond=None):  # noqa: ARG002
        return self.layers(torch.cat([x, t.expand(len(x))[:, None]], 1))


def test_dropout_depends_on_the_seed_and_the_step_alone():
    """Catches masks from the caller's generator: another model after torch.manual_seed(2), and other numbers for the caller afterwards."""
    x, network = np.random.default_rng(0).normal(size=(60, 2)), Dropping()
    losses = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        next_number = torch.rand(())
        torch.manual_seed(seed)
        losses.append(unstir.fit(x, network=network, steps=4, batch_size=16).losses.tolist())
        assert torch.rand(()) == next_number
    assert losses[0] == losses[1]
    plain = copy.deepcopy(network)
    plain.layers[1] = nn.Identity()
    assert unstir.fit(x, network=plain, steps=4, batch_size=16).losses.tolist() != losses[0]  # there are masks


class Listening(Dropping):
    """Writes down a number that it draws at each step of training."""

    def forward(self, x, t, cond=None):
        if self.training:
            HEARD.append(torch.rand(()).item())
        return super().forward(x, t, cond)


HEARD = []


def test_each_step_and_each_seed_has_its_own_random_numbers():
    # A caller's generator is put back after each step. Catches the same masks in all steps, and in all runs.
    x = np.random.default_rng(0).normal(size=(60, 2))
    for seed in (0, 0, 1):
        unstir.fit(x, network=Listening(), steps=4, batch_size=16, seed=seed)
    once, again, other = HEARD[:4], HEARD[4:8], HEARD[8:]
    assert once == again
    assert len({*once, *other}) == 8


@pytest.mark.usefixtures("lenient")
def test_numpy_neither_raises_nor_warns_inside():
    # What has to be finite is checked by name. Catches an overflow in a column's fourth moment that ends an evaluation.
    @steady
    def overflowing():
        return np.float64(1e300) * np.float64(1e300), np.zeros(1) / 0

    for errors in ("raise", "warn"):
        with np.errstate(all=errors):
            assert overflowing()[0] == np.inf


def test_subnormal_numbers_are_kept_inside():
    # Some libraries switch them off when they are loaded. Catches numbers below 1e-38 that are 0 inside.
    torch.set_flush_denormal(True)
    try:
        with one_state():
            kept = torch.tensor([1e-310], dtype=torch.float64) * 1 > 0
        assert torch.tensor([1e-310], dtype=torch.float64) * 1 == 0
    finally:
        torch.set_flush_denormal(False)
    assert kept


def test_weights_of_the_first_step_are_not_used_in_all_steps():
    """torch keeps the bfloat16 weights until the outermost autocast ends. Catches a caller's autocast around the loop: nothing is learnt."""
    settings = TINY | {"precision": "bfloat16", "lr": 0.05, "steps": 8}
    x = np.random.default_rng(0).normal(size=(60, 2))
    alone = unstir.fit(x, **settings).losses
    with torch.autocast("cpu", torch.bfloat16):
        around = unstir.fit(x, **settings).losses
    assert alone.tolist() == around.tolist()


def test_threads_do_not_put_back_each_others_state():
    """A call that ends while another one runs. Catches a default type that changes under the one that is still inside."""
    inside, go_on, seen = threading.Event(), threading.Event(), []

    @steady
    def slow():
        inside.set()
        go_on.wait(10)
        seen.append(torch.get_default_dtype())

    with dtype(torch.float64)():
        thread = threading.Thread(target=slow)
        thread.start()
        inside.wait(10)
        with one_state():
            pass
        go_on.set()
        thread.join()
        assert seen == [torch.float32]
        assert torch.get_default_dtype() == torch.float64


@pytest.mark.usefixtures("lenient")
def test_a_warning_inside_ends_no_call_and_filters_keep_their_order():
    # Catches what a caller has silenced being shown, and a filter that is lost on the way.
    @steady
    def warned():
        warnings.warn("shown", stacklevel=1)
        warnings.warn("silenced", stacklevel=1)
        return len(warnings.filters)

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "silenced")
        assert warned() == len(warnings.filters)
    assert [str(one.message) for one in heard] == ["shown"]


def test_networks_are_made_without_touching_gpus_that_nobody_uses_yet(monkeypatch):
    # torch.manual_seed seeds them for when they are first used. Catches it in the initialisation of a network.
    asked = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", asked.append)
    monkeypatch.setattr(torch.cuda, "manual_seed", asked.append)
    fitting_of()
    assert not asked


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_networks_of_the_callers_own_are_trained_in_float32(kind, tmp_path):
    """One made where another type is the default. Catches an error of torch about types, and a folder that only loads there."""
    with dtype(kind)():
        own = Dropping()
        trained = unstir.fit(np.random.default_rng(0).normal(size=(60, 2)), network=own, steps=2, batch_size=16)
        trained.save(tmp_path / "own")
        there = unstir.load(tmp_path / "own", network=Dropping()).sample(3)
    assert next(own.parameters()).dtype == kind  # the caller's object stays as it is
    np.testing.assert_array_equal(unstir.load(tmp_path / "own", network=Dropping()).sample(3), there)


def test_a_network_without_numbers_is_refused():
    with torch.device("meta"):
        own = Dropping()
    with pytest.raises(unstir.errors.UsageError, match="meta device"):
        unstir.fit(np.zeros((9, 2)), network=own)


@pytest.mark.parametrize("theirs", ["usual", "matmul", "convolutions"])
def test_products_on_gpus_are_exact_unless_they_are_allowed_to_be_short(monkeypatch, theirs):
    # torch's switches can be set without a GPU. Catches convolutions in tf32, which are torch's usual ones, a caller's setting that leaks in,
    # and one that is not the caller's again.
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul

    def seen():
        return cudnn.allow_tf32, matmul.allow_tf32

    was = seen()
    cudnn.allow_tf32, matmul.allow_tf32 = {"usual": (True, False), "matmul": (True, True), "convolutions": (False, False)}[theirs]
    try:
        before = seen()
        with one_state():
            assert seen() == (False, False)
            with allowing("bfloat16"):
                assert seen() == (False, False)
            with contextlib.suppress(KeyError), allowing("tf32"):
                assert seen() == (True, True)
                raise KeyError
            assert seen() == (False, False)
        assert seen() == before
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = was
