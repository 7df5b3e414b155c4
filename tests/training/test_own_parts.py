"""`unstir.fit` with parts of one's own in place of names: what it makes, what is saved of it, and what has to be brought to load it.

The parts are in `own_parts.py`, written as a user would.
"""

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr
from itertools import pairwise
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

import unstir
from own_parts import HALF, Asinh, Circle, Plain, Wind, turning
from unstir.conditions.classes import Classes
from unstir.data import from_arrays
from unstir.diffusion.chains import chain, linear
from unstir.diffusion.continuous import VP
from unstir.diffusion.denoiser import Target
from unstir.encoders.registry import ENCODERS
from unstir.errors import StorageError, UsageError
from unstir.evaluation.scores import evaluate, truth_of
from unstir.registry import Registry
from unstir.training.cost import Cost
from unstir.training.fitting import Fitting

SHORT = {"steps": 30, "batch_size": 32, "width": 8, "depth": 1}


def points(n=200, d=1, seed=0):
    """Around 5, with a heavy tail."""
    return 5 + np.random.default_rng(seed).standard_t(4, size=(n, d))


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def made():
    """The caller's own network, and the model of nothing but own parts that was made of it."""
    torch.manual_seed(0)
    network = Plain(1)
    before = weights(network)
    model = unstir.fit(points(), network=network, schedule=Circle(0.97), target=HALF, encoder=Asinh, steps=300, lr=1e-2)
    return network, before, model


@pytest.fixture(scope="module")
def saved(made, tmp_path_factory):
    return made[2].save(tmp_path_factory.mktemp("models") / "m")


BROUGHT = {"schedule": Circle(0.97), "target": HALF, "encoder": Asinh}


def test_objects_are_taken_in_place_of_names(made):
    # Catches a part that is silently the default one, and a copy of the schedule with other settings.
    _, _, model = made
    assert isinstance(model.network, Plain)
    assert (model.schedule.turn, model.target, type(model.encoder)) == (0.97, HALF, Asinh)
    assert set(model.card.own) == {"network", "schedule", "target", "encoder"}
    assert (model.card.network, model.card.schedule, model.card.target, model.card.encoder) == (
        "Plain",
        "Circle",
        "half",
        "asinh",
    )


def test_it_learns_samples_and_scores(made):
    # The model is nearer to the data than its own start, which is noise: x0_hat = 0 is the middle, with no spread at all.
    _, _, model = made
    assert np.mean(model.losses[-50:]) < 0.9 * np.mean(model.losses[:5])
    rows = model.sample(500, steps=10)
    assert (rows.shape, rows.dtype) == ((500, 1), np.float64)
    assert abs(np.median(rows) - 5) < 0.5
    scores = evaluate(model, truth_of(from_arrays(points()), 0.2, 0, most=20))
    assert all(np.isfinite(score.value) for score in scores)


def test_the_density_is_one_in_the_datas_own_units(made):
    """The integral of exp(log_prob) is 1, on a grid to 60 mean deviations. Catches a volume left out, or taken twice, or at z in place of x."""
    model = made[2]
    z = np.linspace(-4.8, 4.8, 1201)
    x = model.encoder.decode(torch.tensor(z)[:, None]).numpy()
    density = np.exp(model.log_prob(x))
    assert np.trapezoid(density, x[:, 0]) == pytest.approx(1, abs=0.02)


def test_the_callers_network_is_left_alone(made, saved):
    # Catches training, freezing or loading in place. The weights that were brought are where training starts.
    network, before, model = made
    assert same(weights(network), before)
    assert not same(weights(model.network), before)
    loaded = unstir.load(saved, network=network, **BROUGHT)
    assert same(weights(network), before)
    assert same(weights(loaded.network), weights(model.network))
    assert network.training
    assert all(weight.requires_grad for weight in network.parameters())
    start = unstir.fit(points(), network=network, **SHORT | {"lr": 1e-12, "steps": 1})
    torch.testing.assert_close(weights(start.network), before, rtol=0, atol=1e-9)


def test_what_was_saved_is_loaded_with_the_parts_brought_along(made, saved):
    model = unstir.load(saved, network=Plain(1), **BROUGHT)
    assert (model.sample(20, seed=3) == made[2].sample(20, seed=3)).all()
    assert (model.log_prob(points(5)) == made[2].log_prob(points(5))).all()
    assert 'unstir.load("this-folder", network=..., schedule=..., target=..., encoder=...)' in (saved / "README.md").read_text()


@pytest.mark.parametrize("left_out", [("network",), ("schedule", "encoder"), ("network", "schedule", "target", "encoder")])
def test_a_missing_part_is_one_error_that_names_it(saved, left_out):
    # Catches a guess at the part, such as the default one, and an error that says one missing part at a time.
    brought = {name: part for name, part in {"network": Plain(1), **BROUGHT}.items() if name not in left_out}
    called = {"network": "Plain", "schedule": "Circle", "target": "half", "encoder": "asinh"}
    with pytest.raises(UsageError) as caught:
        unstir.load(saved, **brought)
    listed = ", ".join(f"{name} ({called[name]})" for name in left_out)
    assert f"custom parts: {listed}. No code is loaded from a folder, so pass them" in str(caught.value)


def test_a_part_too_much_or_of_the_wrong_size_is_refused(tmp_path):
    named = unstir.fit(points(), network=Plain(1), **SHORT).save(tmp_path / "m")
    with pytest.raises(UsageError, match=r"was trained with the schedule 'linear', not with one of your own. Leave schedule out"):
        unstir.load(named, network=Plain(1), schedule=Circle())
    with pytest.raises(UsageError, match="unknown part 'netwrok': did you mean 'network'"):
        unstir.load(named, netwrok=Plain(1))
    with pytest.raises(StorageError, match=r"does not hold a model that fits together: tensor 'network\.enter\.bias'"):
        unstir.load(named, network=Plain(1, width=9))


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"network": Plain}, "a network of your own is a torch.nn.Module, made"),
        ({"schedule": Circle}, "a schedule of your own is a diffusion.Schedule, made"),
        ({"target": HALF.coefficients}, "a target of your own is a diffusion.Target"),
        ({"encoder": ENCODERS["standardise"].begin}, "an? encoder of your own is a class"),
        ({"condition": Wind, "given": np.zeros((200, 2))}, "a condition of your own is a conditions.Condition, made"),
        ({"condition": "wind", "given": np.zeros((200, 2))}, "a condition of your own is a conditions.Condition, made"),
        ({"condition": Wind()}, "go together"),
        ({"condition": Wind(), "given": np.zeros((3, 2))}, r"given has shape \(3, 2\), but there are 200 rows"),
        ({"condition": Wind(), "given": np.zeros((200, 2)), "labels": np.zeros(200, int)}, "labels are a condition"),
        ({"network": "mpl"}, "unknown network 'mpl': did you mean 'mlp'"),
        ({"minutes": 0}, "a time above 0"),
        ({"minutes": 1, "steps": 3}, "and no steps"),
    ],
)
def test_what_is_no_part_is_refused_before_training(part, said):
    # Catches a class in place of an object, which fails later with Python's own words, and a condition that is silently left out.
    with pytest.raises(UsageError, match=said):
        unstir.fit(points(), **part)


def test_nothing_of_a_folder_is_run(saved, tmp_path):
    """A program by the name of each part lies where Python looks first. Catches a class found by the name in the card, and a pickle."""
    for name in ("Plain", "Circle", "half", "asinh", "own_parts", "network", "encoder"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('run from a folder')")
    program = """
import sys
import unstir
sys.addaudithook(lambda event, arguments: sys.exit(f"{event} {arguments}") if event == "pickle.find_class" else None)
try:
    unstir.load(sys.argv[1])
except unstir.errors.UsageError as error:
    assert "pass them" in str(error), error
else:
    raise AssertionError
"""
    done = subprocess.run([sys.executable, "-c", program, saved], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_target_or_an_encoder_that_has_a_name_need_not_be_brought(tmp_path):
    # Given as the object that is in the table. Catches a card that calls it somebody's own, so that its name is of no use.
    model = unstir.fit(points(), target=unstir.diffusion.TARGETS["v"], encoder=ENCODERS["quantile"], **SHORT)
    assert model.card.own == ()
    loaded = unstir.load(model.save(tmp_path / "m"))
    assert (loaded.sample(3) == model.sample(3)).all()
    # The same name is not enough: it has to be the same part.
    other = unstir.fit(points(), target=Target("v", HALF.coefficients), **SHORT)
    assert other.card.own == ("target",)


def test_a_table_takes_a_part_by_the_name_that_it_gives_itself():
    # What is saved is the part's own name. Catches a model that is saved by one name and looked for by another.
    table = Registry("encoder", {}, says="name")
    with pytest.raises(UsageError, match=r"says that its name is 'asinh'. Add it as that, not as 'mine'"):
        table.add("mine", Asinh)
    assert table.add("asinh", Asinh) is Asinh


def test_names_and_objects_go_together(tmp_path):
    """An own network under a named schedule and target, with classes; and a named network with an own schedule."""
    x, labels = points(d=2), np.array(["a", "b"] * 100)
    told = Plain(2, condition=Classes(("a", "b"), (1, 1)))
    model = unstir.fit(x, labels, network=told, schedule="flow", target="velocity", **SHORT)
    assert (model.card.own, model.card.schedule, model.card.target) == (("network",), "flow", "velocity")
    assert model.sample(4, "a").shape == (4, 2)
    assert unstir.load(model.save(tmp_path / "m"), network=told).classes == ("a", "b")
    model = unstir.fit(x, network="mlp", schedule=Circle(), **SHORT)
    assert (model.card.own, model.card.network) == (("schedule",), "mlp")


def test_a_condition_of_ones_own_is_what_rows_are_drawn_given():
    """Vectors, and NaN where nothing is given. Catches values that are paired with other rows, and vectors that are taken for classes."""
    rng = np.random.default_rng(0)
    wind = rng.uniform(0, 3, size=(400, 2))
    x = np.sin(wind) + rng.normal(scale=0.1, size=(400, 2))
    wind[::10] = np.nan
    model = unstir.fit(x, given=wind, condition=Wind(3.0), width=32, depth=1, steps=500, batch_size=64, lr=1e-2)
    assert (model.classes, model.card.condition, model.card.condition_settings) == ((), "wind", {"strongest": 3.0})
    for given in ([0.0, 0.0], [1.5, 0.3], [3.0, 1.5]):
        assert np.abs(model.sample(200, given, steps=10).mean(0) - np.sin(given)).max() < 0.35
    each = np.repeat([[0.0, 0.0], [1.5, 1.5]], 50, axis=0)  # one value a row
    found = model.sample(100, each, steps=10)
    assert (found[:50].mean(), found[50:].mean()) == pytest.approx((0, 1), abs=0.25)
    assert np.isfinite(model.log_prob(x[:4], given=[1.0, 1.0])).all()


def test_a_sampler_function_of_ones_own():
    # It is DDIM, written otherwise: the same rows to float32's rounding. Catches another grid, and noise that is not handed on.
    model = unstir.fit(points(), **SHORT)
    np.testing.assert_allclose(model.sample(50, steps=8, method=turning), model.sample(50, steps=8, method="ddim"), rtol=1e-4)

    def noisy(denoise, schedule, times, x, noise):
        yield x
        for t, s in pairwise(times):
            alpha, sigma = schedule(s)
            x = alpha * denoise(x, t) + sigma * noise(x)
            yield x

    few, more = model.sample(5, steps=8, method=noisy), model.sample(50, steps=8, method=noisy)
    assert (few == more[:5]).all()  # the noise of a row is its own, and decided by the seed
    assert (few != model.sample(5, steps=8, method=noisy, seed=1)).all()
    with pytest.raises(UsageError, match="yields no state"):
        model.sample(5, method=lambda denoise, schedule, times, x: iter(()))  # noqa: ARG005


# ---- what fit shows, plans and keeps


class Terminal(io.StringIO):
    """Somebody is looking."""

    def isatty(self):
        return True


class Cell:
    """What a notebook shows, renewed."""

    def __init__(self):
        self.texts = []

    def update(self, content, raw):
        assert raw
        self.texts.append(content["text/plain"])


@pytest.fixture(autouse=True)
def no_dumb_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def notebook(monkeypatch):
    """A fake IPython with a kernel; answers what its cell has shown."""
    cell, ipython, display = Cell(), ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(has_trait=lambda name: name == "kernel")

    def show(content, raw, display_id):
        assert display_id
        cell.update(content, raw)
        return cell

    display.display = show
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return cell


@pytest.mark.parametrize("progress", [None, True])
def test_a_terminal_shows_a_bar(progress):
    with redirect_stderr(Terminal()) as screen:
        unstir.fit(points(), progress=progress, **SHORT)
    assert all(words in screen.getvalue() for words in ("training", "30/30", "loss "))


@pytest.mark.parametrize("progress", [None, True])
def test_a_notebook_shows_a_line_that_renews_itself(notebook, progress):
    model = unstir.fit(points(), progress=progress, **SHORT)
    assert notebook.texts[0] == "training"
    assert notebook.texts[-1].startswith("step 30 of 30, loss ")
    assert len(model.losses) == 30


def test_nothing_is_shown_where_nobody_looks_or_it_is_not_wanted(notebook, monkeypatch, capfd):
    with redirect_stderr(Terminal()) as screen:
        unstir.fit(points(), progress=False, **SHORT)
    assert (screen.getvalue(), notebook.texts) == ("", [])
    monkeypatch.delitem(sys.modules, "IPython")
    unstir.fit(points(), **SHORT)
    assert tuple(capfd.readouterr()) == ("", "")


def test_ipython_in_a_terminal_is_no_notebook(notebook):
    sys.modules["IPython"].get_ipython = lambda: SimpleNamespace(has_trait=lambda name: False)  # noqa: ARG005
    with redirect_stderr(Terminal()) as screen:
        unstir.fit(points(), **SHORT)
    assert notebook.texts == []
    assert "30/30" in screen.getvalue()


def test_what_is_shown_changes_nothing_and_every_loss_is_kept():
    # Catches a bar that takes a step of its own, and losses that are smoothed or thinned.
    with redirect_stderr(Terminal()) as screen:
        shown = unstir.fit(points(), progress=True, **SHORT)
    silent = unstir.fit(points(), progress=False, **SHORT)
    assert screen.getvalue()
    assert shown.losses.shape == (30,)
    assert (shown.losses == silent.losses).all()
    assert len(set(shown.losses)) == 30
    assert (shown.sample(5) == silent.sample(5)).all()


def test_minutes_plan_the_steps_that_fit(monkeypatch):
    """A step of 2 s, looks of none, and 17 s gone before it begins: 97 % of a minute less that, 41 s, at most a tenth of it for looks.

    Catches minutes taken for seconds, and time that was spent and is planned again.
    """
    now = [0.0]

    def measured(fitting, seconds):  # noqa: ARG001
        now[0] = 17.0
        return Cost(2.0, 0.0, 0)

    for place in ("fit", "allowance", "minutes", "pace", "stepping"):
        monkeypatch.setattr(f"unstir.training.{place}.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("unstir.training.minutes.rehearse", measured)
    model = unstir.fit(points(), minutes=1, network=Plain(1), encoder=Asinh, width=8)
    assert model.card.steps_trained == len(model.losses) == 20
    assert set(model.card.own) == {"network", "encoder"}


def test_groups_stay_together(monkeypatch):
    # Catches groups that are dropped on the way to the split.
    seen = []

    class Watched(Fitting):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            seen.append(self)

    monkeypatch.setattr("unstir.training.fit.Fitting", Watched)
    unstir.fit(points(), groups=np.arange(200) // 10, held_out=0.25, **SHORT)
    (fitting,) = seen
    training, unseen = set(fitting.training.groups), set(fitting.unseen.groups)
    assert (len(training), len(unseen)) == (15, 5)
    assert not training & unseen
    assert len(fitting.unseen) == 50


@pytest.mark.parametrize(
    "thing",
    [
        lambda: linear(),
        lambda: chain(betas=np.linspace(1e-4, 0.02, 1000).tolist()),
        lambda: VP(),
        lambda: Circle(),
        lambda: unstir.fit(points(), [f"class {'of many words ' * 20} {i % 20}" for i in range(200)], **SHORT),
        lambda: unstir.fit(points(d=300), network=Plain(300), schedule=Circle(), **SHORT),
    ],
    ids=["linear", "chain", "VP", "own schedule", "long names", "own network"],
)
def test_what_is_printed_is_short(thing):
    # Catches the repr of a dataclass with its tensors, and names that are written out in full.
    text = repr(thing())
    assert 0 < len(text) <= 600
    assert len(text.splitlines()) <= 5


def test_a_long_path_is_cut(tmp_path):
    folder = tmp_path / ("long" * 50) / ("longer" * 40)
    folder.mkdir(parents=True)
    np.save(folder / "x.npy", points())
    data = unstir.data.load(folder / "x.npy")
    fitting = Fitting(data, unstir.training.settle(data, unstir.training.flat(**SHORT)))
    assert len(repr(fitting.model())) <= 600


def test_a_card_of_own_parts_is_json(made):
    assert json.loads(json.dumps(made[2].card.as_json()))["own"] == list(made[2].card.own)
