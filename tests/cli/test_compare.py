"""`unstir compare`: what it prints and leaves, that it goes on where it was stopped, and what it refuses."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from commands import run
from report_contents import unpacked
from unstir.cli.parts import comparing
from unstir.comparison import figure as picturing
from unstir.data import load
from unstir.errors import Stopped
from unstir.training.config_file import read_config

TINY = ("--network.width", "8", "--network.depth", "1", "--batch-size", "16", "--steps", "3", "--diffusion.T", "20", "-n", "50")
BASE = ("compare", "schedules", "points", "--only", "linear,cosine", "--seeds", "2", "--target", "v", *TINY)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "points.npy"
    np.save(path, np.random.default_rng(0).normal(size=(200, 2)))
    return path


@pytest.fixture
def base(points):
    return tuple(points if part == "points" else part for part in BASE)


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(picturing, "picture", lambda *_: None)


@pytest.fixture(scope="module")
def done(points, tmp_path_factory):
    """A finished comparison: its folder, stdout, stderr."""
    folder = tmp_path_factory.mktemp("runs") / "c"
    code, out, err = run(*(points if part == "points" else part for part in BASE), "-o", folder)
    assert code == 0, err
    return folder, out, err


def test_what_it_prints_and_leaves(done):
    folder, out, err = done
    assert out.splitlines()[-1] == str(folder)
    results = json.loads((folder / "results.json").read_text())
    assert len(results["verdicts"]) == 3
    for one in results["verdicts"]:
        assert f"{one['column']}: {one['verdict']}" in out
    assert "floor" in out
    assert "predicted: " in err
    assert [line.split()[0] for line in err.splitlines() if line[0].isdigit()] == ["1/4", "2/4", "3/4", "4/4"]
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "comparison.pdf").read_bytes().startswith(b"%PDF")
    assert {path.name for path in (folder / "results").iterdir()} == {
        f"{n}-seed{s}.json" for n in ("linear", "cosine") for s in (0, 1)
    }
    assert json.loads((folder / "run.json").read_text())["status"] == "finished"


def test_the_table_is_in_the_csv_and_the_seeds_in_the_json(done):
    folder, _, _ = done
    results = json.loads((folder / "results.json").read_text())
    with open(folder / "table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(results["table"]) == 6
    for row, cell in zip(rows, results["table"], strict=True):
        assert (row["score"], float(row["mean"])) == ("sliced W2, standardised", cell["mean"])
        assert (float(row["low"]), float(row["high"])) == tuple(cell["interval"])
        one = [json.loads((folder / "results" / f"{cell['alternative']}-seed{s}.json").read_text()) for s in (0, 1)]
        place = [verdict["column"] for verdict in results["verdicts"]].index(cell["column"])
        assert [o["scores"][place]["sliced W2, standardised"] for o in one] == cell["scores"]


def test_each_training_can_be_repeated_from_its_settings(done):
    folder, _, _ = done
    for name in ("linear", "cosine"):
        settings = read_config(folder / f"{name}.toml")
        assert settings["diffusion"]["schedule"] == name
        assert settings["optim"]["steps"] == 3


@pytest.mark.usefixtures("undrawn")
def test_a_second_process_finds_the_same_numbers(done, base, tmp_path):
    # Catches noise that depends on what was trained before, or on the clock.
    assert run(*base, "-o", tmp_path / "again", "--quiet")[0] == 0
    first, again = (json.loads((folder / "results.json").read_text())["table"] for folder in (done[0], tmp_path / "again"))
    assert [cell["scores"] for cell in first] == [cell["scores"] for cell in again]


@pytest.mark.usefixtures("undrawn")
def test_stopped_in_the_middle_it_goes_on_to_the_same_end(done, base, tmp_path, monkeypatch):
    # A signal in the third of four trainings. Catches what is done being trained again, half a result, and another result.
    read_out, begun = comparing.read_out, []

    def stop_at_the_third(fitting, training, seed, yardstick):
        begun.append(seed)
        if len(begun) == 3:
            raise Stopped("stopped by SIGTERM.", 143)
        return read_out(fitting, training, seed, yardstick)

    folder = tmp_path / "c"
    monkeypatch.setattr(comparing, "read_out", stop_at_the_third)
    code, out, err = run(*base, "-o", folder)
    assert (code, out) == (143, "")
    assert f"--out {folder} goes on" in err
    assert json.loads((folder / "run.json").read_text())["status"] == "stopped"
    kept = contents(folder / "results")
    assert set(kept) == {"linear-seed0.json", "cosine-seed0.json"}
    begun.extend([None] * 3)
    code, _, err = run(*base, "-o", folder)
    assert code == 0, err
    assert "2 of them done already" in err
    assert begun[6:] == [1, 1]
    after = contents(folder / "results")
    assert {name: after[name] for name in kept} == kept
    table = [json.loads((f / "results.json").read_text())["table"] for f in (done[0], folder)]
    assert [cell["scores"] for cell in table[0]] == [cell["scores"] for cell in table[1]]


@pytest.mark.usefixtures("undrawn")
def test_more_seeds_are_added_to_those_there_are(done, base, tmp_path):
    folder = tmp_path / "c"
    for path, content in contents(done[0]).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    code, out, err = run(
        *["3" if before == "--seeds" else part for before, part in zip((None, *base), base, strict=False)], "-o", folder, "--json"
    )
    assert code == 0, err
    assert "4 of them done already" in err
    assert json.loads(out)["seeds"] == [0, 1, 2]
    assert len(json.loads(out)["table"][0]["scores"]) == 3


def test_another_comparison_in_that_folder_is_refused(done, base):
    before = contents(done[0])
    code, out, err = run(*base, "-o", done[0], "--optim.lr", "0.001")
    assert (code, out) == (5, "")
    assert "holds another comparison: trainings.config.optim.lr is 0.003 there and 0.001 here" in err
    code, _, err = run(*base[:2], "moons", *base[3:], "-o", done[0])
    assert code == 5
    assert contents(done[0]) == before


def test_a_folder_of_something_else_is_refused(base, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "precious").write_text("mine")
    code, _, err = run(*base, "-o", tmp_path / "x")
    assert code == 5
    assert "exists" in err
    assert contents(tmp_path / "x") == {"precious": b"mine"}


@pytest.mark.usefixtures("undrawn")
def test_a_damaged_result_is_named(done, base, tmp_path):
    folder = tmp_path / "c"
    for path, content in contents(done[0]).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content[:20] if path.endswith("cosine-seed1.json") else content)
    code, out, err = run(*base, "-o", folder)
    assert (code, out) == (5, "")
    assert "cosine-seed1.json cannot be read" in err
    assert "Traceback" not in err


def test_json_and_quiet(done, base):
    # Of a finished one: nothing is trained again. One object on stdout, nothing on stderr but the remarks and warnings.
    code, out, err = run(*base, "-o", done[0], "--json", "--quiet")
    warned = "warning: with 2 seeds next to nothing can be told apart, however different the means. Use 4 or more.\n"
    assert (code, err) == (0, warned)
    found = json.loads(out)
    assert found == json.loads((done[0] / "results.json").read_text())
    assert found["out"] == str(done[0])


@pytest.mark.parametrize(
    ("code", "said", "changes"),
    [
        (2, "did you mean 'schedules'", {1: "schedule"}),
        (5, "nowhere.npy", {2: "nowhere.npy"}),
        (2, "did you mean 'cosine'", {4: "linear,cosin"}),
        (2, "there are not two schedules", {4: "linear"}),
        (2, "--seeds 1", {6: "1"}),
        (2, "--schedule is what is compared", {7: "--schedule", 8: "cosine"}),
        (2, "at least 10 samples", {20: "5"}),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_made(base, tmp_path, code, said, changes):
    typed = [changes.get(i, part) for i, part in enumerate(base)]
    found, out, err = run(*typed, "-o", tmp_path / "c")
    assert (found, out) == (code, ""), err
    assert err.splitlines()[-1].startswith("error: ")
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "c").exists()


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("what", ["targets", "samplers"])
def test_targets_and_samplers(points, tmp_path, what):
    only = {"targets": "edm,velocity", "samplers": "ddim,heun,ddpm"}[what]
    code, out, err = run("compare", what, points, "--only", only, "--seeds", "2", *TINY, "-o", tmp_path / "c", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert {cell["alternative"] for cell in found["table"]} == set(only.split(","))
    trained = {path.name for path in (tmp_path / "c" / "results").iterdir()}
    assert len(trained) == (2 if what == "samplers" else 4)


def test_a_table_for_people_on_a_built_in_set(tmp_path, monkeypatch):
    # On a set that can be drawn afresh the share that is off it is shown, and the sigmoid of the lecture says what was changed.
    monkeypatch.setattr("unstir.comparison.reading.POOL", 20_000)
    drawn = []
    monkeypatch.setattr(picturing, "picture", lambda *arguments: drawn.append(arguments))
    names = (
        "--only",
        "linear,sigmoid_bare",
        "--seeds",
        "2",
        "--data.points",
        "200",
        *TINY[:-4],
        "-n",
        "20",
        "-o",
        tmp_path / "c",
    )
    code, out, err = run("compare", "schedules", "swiss_roll", *names, "--diffusion.T", "100")
    assert code == 0, err
    assert "sigmoid_bare (v)" in out
    assert " %" in out
    assert "note: sigmoid_bare ends at alpha_bar" in out
    assert len(drawn) == 1


# ---- every kind of data that the help promises


def _folder(path):
    (path / "a").mkdir(parents=True)
    for i in range(24):
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (8, 9, 3), dtype=np.uint8)).save(path / "a" / f"{i}.png")
    return path


def _labelled(path):
    rng = np.random.default_rng(0)
    np.savez(path.with_suffix(".npz"), values=rng.normal(size=(40, 16, 2)), labels=np.arange(40) % 2)
    return path.with_suffix(".npz")


def _table(path):
    np.savetxt(
        path.with_suffix(".csv"), np.random.default_rng(0).normal(size=(40, 5)), delimiter=",", header="a,b,c,d,e", comments=""
    )
    return path.with_suffix(".csv")


@pytest.fixture
def figures(monkeypatch):
    """The figures that would be written, by name: writing them takes longer than all the rest."""
    kept = {}
    monkeypatch.setattr(picturing.plots, "save", lambda figure, path: kept.update({path.name: figure}))
    return kept


def tiles(mosaic, height, width):
    """The images of a mosaic, which has a pixel of white between them."""
    return [
        mosaic[y : y + height, x : x + width]
        for y in range(0, mosaic.shape[0], height + 1)
        for x in range(0, mosaic.shape[1], width + 1)
    ]


def shown_as_images(axes, rows):
    """That a panel has the first of these rows (n, 8, 9, 3) as pictures, from 0 to 255."""
    (image,) = axes.images
    for tile, row in zip(tiles(image.get_array(), 8, 9), rows, strict=False):
        np.testing.assert_allclose(tile, row / 255, atol=1e-6)


def shown_as_curves(axes, rows):
    """That a panel has the first of these rows (n, 16, 2) as curves, six of them, each channel moved and scaled as a whole."""
    curves = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 16]
    assert len(curves) == 12
    scales = [np.diff(curve) / np.diff(rows[i // 2, :, i % 2]) for i, curve in enumerate(curves)]
    for channel in (0, 1):
        own = np.array(scales[channel::2])
        assert own.min() > 0
        np.testing.assert_allclose(own, own[0, 0], rtol=1e-3)


def shown_as_points(axes, rows):
    """That a panel has a dot for each row (n, 5), in a plane to which all columns are projected."""
    places, known = np.asarray(axes.collections[0].get_offsets()), np.column_stack([rows, np.ones(len(rows))])
    weights, *_ = np.linalg.lstsq(known, places, rcond=None)
    np.testing.assert_allclose(known @ weights, places, atol=1e-4)
    assert (np.abs(weights[:-1]).max(axis=1) > 1e-3).all()


KINDS = {
    "images": (_folder, (8, 9, 3), shown_as_images),
    "sequences": (_labelled, (16, 2), shown_as_curves),
    "points": (_table, (5,), shown_as_points),
}


@pytest.mark.parametrize("what", ["samplers", "targets"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_is_compared_and_shown_as_what_it_is(kind, what, tmp_path, brief, figures):  # noqa: ARG001
    """Catches a network, a shape or a class that one comparison knows and another does not; and images drawn as a cloud of two pixels."""
    make, shape, shown = KINDS[kind]
    only = {"samplers": "ddim,heun", "targets": "v,edm"}[what].split(",")
    small = ("--network.width", "8", "--network.depth", "1", "--batch-size", "8", "--steps", "1", "--diffusion.T", "6")
    arguments = ("--only", ",".join(only), "--seeds", "2", "-n", "12", *small, "--data.held-out", "0.5", "-o", tmp_path / "c")
    source = make(tmp_path / "data")
    code, out, err = run("compare", what, source, *arguments)
    assert code == 0, err
    assert out.splitlines()[-1] == str(tmp_path / "c")
    scores = json.loads((tmp_path / "c" / "results.json").read_text())["table"]
    assert {row["alternative"] for row in scores} == set(only)
    assert np.isfinite([row["mean"] for row in scores]).all()

    axes = figures["comparison.png"].axes
    first = [one.get_title() for one in axes].index("data")
    assert [one.get_title() for one in axes[first : first + 3]] == ["data", *only]
    with np.load(tmp_path / "c" / "samples" / f"{'model' if what == 'samplers' else only[0]}.npz") as file:
        drawn = file["0"].reshape(-1, *shape)
    shown(axes[first + 1], drawn)

    page = json.loads((tmp_path / "c" / "report.json").read_text())["comparison"]["samples"][0]
    assert page["show"] == kind
    assert [panel["name"] for panel in page["panels"]] == ["data", *only]
    if kind != "points":
        samples = unpacked(page["panels"][1]["rows"])
        step = (page["span"][1] - page["span"][0]) / 255
        np.testing.assert_allclose(samples, drawn[: len(samples)].clip(*page["span"]), atol=0.51 * step)
        rows, true = load(source).values, unpacked(page["panels"][0]["rows"])
        assert all((np.abs(rows - row).reshape(len(rows), -1).max(1) <= 0.51 * step).any() for row in true)
