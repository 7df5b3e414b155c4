"""A part of each kind that nobody here has heard of, added to its table, goes by name through every command.

Each test catches the same wrong program: one that asks a part for its name, or for its class, where it should ask for a property.
The parts are in `own_parts.py`, written as a user would.
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import torch
from cyclopts import Parameter

import unstir
from commands import refused, run
from own_parts import HALF, TURNING, WORDS, Asinh, Circle, Plain, Wind
from unstir import data as datasets
from unstir.cli.parts import finishing
from unstir.cli.registry import COMMANDS
from unstir.conditions.registry import CONDITIONS
from unstir.data.formats.registry import FORMATS
from unstir.diffusion.registry import SCHEDULES, TARGETS
from unstir.diffusion.samplers import SAMPLERS
from unstir.encoders.registry import ENCODERS
from unstir.errors import Stopped
from unstir.networks.registry import NETWORKS
from unstir.selfcheck import checks
from unstir.training.fitting import Fitting

STEPS, STOPPED_AT = 40, 13
SMALL = ("--steps", STEPS, "--batch-size", "32", "--network.width", "8")
OWN = ("--schedule", "circle", "--diffusion.settings.turn", "0.97", "--target", "half", "--network.architecture", "plain")
OWN += ("--data.encoder", "asinh", "--data.labels", "kind")


def weigh(path: Annotated[Path, Parameter(name="RUN")], /, *, grams: bool = False) -> None:
    """Say how many weights a model has."""
    weights = sum(w.numel() for w in unstir.load(path).network.parameters())
    print(f"{weights} {'g' if grams else 'weights'}")


PARTS = [
    (SCHEDULES, "circle", Circle),
    (TARGETS, "half", HALF),
    (SAMPLERS, "turning", TURNING),
    (NETWORKS, "plain", Plain),
    (ENCODERS, "asinh", Asinh),
    (FORMATS, "words", WORDS),
    (CONDITIONS, "wind", Wind),
    (COMMANDS, "weigh", weigh),
]


@pytest.fixture(scope="module", autouse=True)
def added():
    """One part of each kind in its table, and out of it again."""
    names = [list(table) for table, *_ in PARTS]
    for table, name, part in PARTS:
        table.add(name, part)
    try:
        yield
    finally:
        for table, name, _ in PARTS:
            table.remove(name)
        assert [list(table) for table, *_ in PARTS] == names


@pytest.fixture(scope="module", autouse=True)
def quick():
    """As few rows in every measure and picture as there can be, and no figures but those of the page and the film."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
        patch.setattr(finishing, "SHOWN", 20)
        patch.setattr("unstir.evaluation.scores.MOST", 100)
        yield


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """300 labelled points of two moons in a file of the own format."""
    path, moons = tmp_path_factory.mktemp("data") / "points.words", datasets.toy("moons", 300, seed=1)
    datasets.write(path, moons.values, np.array(["up", "down"])[moons.labels], ["east", "north"], "kind")
    return path


@pytest.fixture(scope="module")
def trained(points, tmp_path_factory):
    """A run of nothing but own parts: its folder."""
    folder = tmp_path_factory.mktemp("runs") / "own"
    code, out, err = run("train", points, "-o", folder, *OWN, *SMALL)
    assert code == 0, err
    assert "circle schedule" in err
    assert "half target" in err
    assert str(folder) in out
    return folder


def test_the_model_of_a_run_is_made_of_the_own_parts(trained):
    model = unstir.load(trained)
    assert (model.card.schedule, model.card.target, model.card.network, model.card.encoder) == (
        "circle",
        "half",
        "plain",
        "asinh",
    )
    kinds = type(model.schedule), type(model.network), type(model.encoder), model.target, model.schedule.turn
    assert kinds == (Circle, Plain, Asinh, HALF, 0.97)
    assert model.card.own == ()  # all of them have names, so that the folder is enough
    assert sorted(model.classes) == ["down", "up"]
    assert np.isfinite(model.log_prob(model.sample(5))).all()


def test_inspect(points):
    code, out, err = run("inspect", points, *OWN, *SMALL, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["rows"], found["classes"], found["refused"]) == (300, {"down": 150, "up": 150}, None)
    code, out, err = run("inspect", points, *OWN, *SMALL)
    assert code == 0, err
    assert "--diffusion.schedule circle" in out.splitlines()[-1]


def test_a_plan_and_its_settings_name_the_own_parts(points, tmp_path):
    code, out, err = run("train", points, "-o", tmp_path / "never", *OWN, *SMALL, "--print-config")
    assert code == 0, err
    assert all(f'= "{name}"' in out for name in ("circle", "half", "plain", "asinh"))
    code, out, err = run("train", points, "-o", tmp_path / "never", *OWN, *SMALL, "--dry-run")
    assert code == 0, err
    assert "circle schedule" in out
    assert not (tmp_path / "never").exists()


def test_a_stopped_run_goes_on_to_the_same_model(trained, points, tmp_path, monkeypatch):
    # Bit for bit that of the run that was not stopped.
    steps = Fitting.steps

    def stopping(fitting):
        for step in steps(fitting):
            yield step
            if step.number == STOPPED_AT:
                raise Stopped("stopped.", 130)

    monkeypatch.setattr(Fitting, "steps", stopping)
    code, _, err = run("train", points, "-o", tmp_path / "run", *OWN, *SMALL)
    assert (code, "unstir resume" in err) == (130, True)
    monkeypatch.undo()
    code, _, err = run("resume", tmp_path / "run")
    assert code == 0, err
    weights, whole = (unstir.load(folder).network.state_dict() for folder in (tmp_path / "run", trained))
    assert all(torch.equal(weights[name], whole[name]) for name in whole)


def test_sample_writes_the_own_format_with_the_own_sampler(trained, tmp_path):
    path = tmp_path / "x.words"
    code, out, err = run("sample", trained, "-n", "20", "--method", "turning", "--steps", "6", "--class", "up", "-o", path)
    assert (code, out) == (0, f"{path}\n"), err
    assert path.read_text().splitlines()[0] == "east north kind"
    data = datasets.load(path, labels="kind")
    assert data.classes == ("up",)
    expected = unstir.load(trained).sample(20, "up", steps=6, method="turning")
    assert (data.values == expected).all()


def test_inpaint_keeps_what_is_known(trained, points, tmp_path):
    np.save(tmp_path / "mask.npy", np.array([1, 0]))
    more = ("--mask", tmp_path / "mask.npy", "--labels", "kind", "--rows", "1,5", "--method", "turning", "--steps", "4")
    code, _, err = run("inpaint", trained, points, *more, "-o", tmp_path / "x.words")
    assert code == 0, err
    made, known = datasets.load(tmp_path / "x.words").values, datasets.load(points, labels="kind").values[[1, 5]]
    assert (made[:, 0] == known[:, 0]).all()
    assert (made[:, 1] != known[:, 1]).all()


def test_interpolate(trained, points, tmp_path):
    more = ("--rows", "1,5", "--labels", "kind", "-n", "4", "--steps", "8", "-o", tmp_path / "x.words")
    code, _, err = run("interpolate", trained, points, *more)
    assert code == 0, err
    assert len(datasets.load(tmp_path / "x.words")) == 4


@pytest.mark.parametrize("with_data", [False, True])
def test_evaluate(trained, points, with_data):
    data = (points, "--labels", "kind") if with_data else ()
    code, out, err = run("evaluate", trained, *data, "-n", "30", "--method", "turning", "--steps", "5", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["method"], found["good"]["answer"]) == ("turning", "no")
    assert all(np.isfinite(score["value"]) for score in found["scores"])


def test_report_and_film(trained, tmp_path):
    code, _, err = run("report", trained, "-o", tmp_path / "page.html")
    assert code == 0, err
    assert "circle" in (tmp_path / "page.json").read_text()
    code, _, err = run("animate", trained, "--seconds", "1", "--rate", "4", "--pixels", "200", "-o", tmp_path / "film.gif")
    assert code == 0, err
    assert (tmp_path / "film.gif").read_bytes().startswith(b"GIF8")


@pytest.mark.parametrize(
    ("what", "own", "other"), [("schedules", "circle", "linear"), ("targets", "half", "v"), ("samplers", "turning", "ddim")]
)
def test_compare(points, tmp_path, monkeypatch, what, own, other):
    monkeypatch.setattr("unstir.comparison.figure.picture", lambda *_: None)
    compared = {"schedules": ("--schedule", "--diffusion.settings.turn"), "targets": ("--target",)}.get(what, ())
    beside = [part for flag, value in zip(OWN[::2], OWN[1::2], strict=True) if flag not in compared for part in (flag, value)]
    few = ("--steps", "3", "--batch-size", "16", "--network.width", "8", "-n", "50", "--seeds", "2")
    code, out, err = run("compare", what, points, "--only", f"{own},{other}", *beside, *few, "-o", tmp_path / "c")
    assert code == 0, err
    results = json.loads((tmp_path / "c" / "results.json").read_text())
    assert own in out
    assert own in json.dumps(results["verdicts"])


def test_selfcheck_measures_them_unasked(monkeypatch):
    # The checks that go over tables, the quickest of them.
    quick = {number: checks.CHECKS[number] for number in (1, 2, 4, 5, 10, 22)}
    monkeypatch.setattr(checks, "CHECKS", quick)
    code, out, err = run("selfcheck", "--json")
    assert code == 0, err
    assert all(name in out for name in ("circle", "half", "turning"))


def test_a_command_is_listed_and_runs(trained):
    code, out, err = run("weigh", trained, "--grams")
    assert code == 0, err
    assert out.split()[1] == "g"
    assert int(out.split()[0]) > 30
    assert "Say how many weights a model has." in run("--help")[1]
    assert "--grams" in run("weigh", "--help")[1]


def test_an_unknown_name_suggests_the_own_part(points, trained):
    train = "train", points, "--data.labels", "kind"
    refused(2, "did you mean 'circle'?", *train, "--schedule", "circel")
    refused(2, "did you mean 'asinh'?", *train, "--data.encoder", "asin")
    refused(2, "did you mean 'turning'?", "sample", trained, "--method", "turnin", "-o", "x.words")
    refused(2, "did you mean 'plain'?", *train, "--network.architecture", "plian")


def test_an_error_in_a_format_is_not_blamed_on_the_name_of_the_file(points):
    # Catches the sentence for a path that cannot be, said of a file that can: its words are read as numbers unless `kind` is named.
    with pytest.raises(ValueError, match="could not convert string to float"):
        datasets.load(points)


@pytest.fixture(scope="module")
def windy(tmp_path_factory):
    """A model of points that lie where the wind blows, in a folder; a tenth of the rows are given nothing. Also the true rows."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("windy")
    wind = rng.uniform(0, 3, size=(400, 2))
    x = wind + rng.normal(scale=0.1, size=wind.shape)
    wind[::10] = np.nan
    model = unstir.fit(x, given=wind, condition=Wind(3.0), width=24, depth=1, batch_size=64, steps=400, lr=1e-2)
    model.save(folder / "model")
    np.save(folder / "x.npy", x)
    return folder


def test_a_condition_of_an_own_kind_needs_its_name_only(windy, tmp_path):
    """Catches a kind of condition that is taken for classes, and one that has a name and yet has to be brought along."""
    for name, wind in (("calm", "0.5/0.5"), ("storm", "2.5/2.5")):
        code, _, err = run("sample", windy, "-n", "50", "--label", wind, "--steps", "8", "-o", tmp_path / f"{name}.npy")
        assert code == 0, err
        assert np.abs(np.load(tmp_path / f"{name}.npy").mean(0) - float(wind[:3])).max() < 0.4
    code, _, err = run("sample", windy, "-n", "30", "--steps", "5", "-o", tmp_path / "x.csv")
    assert code == 0, err
    head, first, *_ = (tmp_path / "x.csv").read_text().splitlines()
    assert head.split(",")[-1] == "wind"
    assert first.split(",")[-1].count("/") == 1
    np.save(tmp_path / "mask.npy", np.array([1, 0]))
    more = ("--mask", tmp_path / "mask.npy", "--rows", "1,5", "--label", "2.5/2.5", "--steps", "4", "-o", tmp_path / "in.npy")
    code, _, err = run("inpaint", windy, windy / "x.npy", *more)
    assert code == 0, err
    code, out, err = run("evaluate", windy, windy / "x.npy", "-n", "100", "--json")
    assert code == 0, err
    assert json.loads(out)["scores"][0]["value"] < 1
