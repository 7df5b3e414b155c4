"""The command line, end to end: what it prints and where, what it leaves on disk, how it refuses, and what it never touches."""

import json
import math
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

import unstir
from commands import TINY, contents, process, refused, run
from unstir import data as datasets
from unstir.cli import main
from unstir.model.model import Model
from unstir.model.sampling import Sampling
from unstir.training.cost import Cost
from unstir.training.fitting import Fitting

FIGURES = {"forward", "loss_by_time", "samples", "schedules", "trajectories", "training"}
PNG = b"\x89PNG\r\n\x1a\n"


def is_png(path):
    content = path.read_bytes()
    return content.startswith(PNG) and content.endswith(b"IEND\xaeB`\x82") and len(content) > 5000


@pytest.fixture
def undrawn(monkeypatch):
    """Figures take seconds; one test looks at them."""
    from unstir.cli.parts import finishing

    monkeypatch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same 300 labelled points of two moons in every format."""
    folder = tmp_path_factory.mktemp("data")
    data = datasets.toy("moons", 300, seed=1)
    kinds = np.array(["right", "left"])[data.labels]
    np.save(folder / "points.npy", data.values)
    np.savez(folder / "points.npz", values=data.values, labels=kinds)
    save_file({"values": data.values, "labels": data.labels}, folder / "points.safetensors")
    rows = [f"{x!r},{y!r},{kind}" for (x, y), kind in zip(data.values.tolist(), kinds, strict=True)]
    (folder / "points.csv").write_text("\n".join(["east,north,kind", *rows]) + "\n")
    return folder


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    """A finished run on the table with its classes, all figures drawn: exit code, stdout, stderr and the folder."""
    out = tmp_path_factory.mktemp("runs") / "moons"
    settings = ("--steps", "60", "--seed", "3", "--data.labels", "kind", "--data.held-out", "0.2")
    return *run("train", files / "points.csv", "-o", out, *settings, *TINY), out


# ---- a run and its folder


def test_train_prints_the_folder_and_keeps_its_talk_to_itself(trained):
    # interface.md: stdout is for results, stderr for progress. Catches `$(unstir train ...)` that catches more than a path.
    code, out, err, folder = trained
    assert code == 0
    assert out == f"{folder}\n"
    for said in (
        "300 rows of 2",
        "2 classes",
        "60 steps",
        "step 60/60",
        "held-out loss",
        "floor",
        "next: unstir report",
        "unstir sample",
    ):
        assert said in err


def test_a_run_folder_holds_all_that_the_run_was(trained, files):
    """Every file of interface.md's run folder that there is so far, with what it is for."""
    folder = trained[3]
    assert {path.name for path in folder.iterdir()} == {
        *("config.toml", "data.json", "run.json", "metrics.jsonl", "model", "samples", "figures", "checkpoints", ".lock"),
    }
    about = json.loads((folder / "run.json").read_text())
    assert (about["status"], about["seed"], about["steps"], about["environment"]["device"]) == ("finished", 3, 60, "cpu")
    assert about["data_sha256"] == datasets.load(files / "points.csv", labels="kind").sha256()
    assert about["environment"]["unstir"] == unstir.__version__
    assert about["seconds"] > 0

    data = json.loads((folder / "data.json").read_text())
    points = datasets.load(files / "points.csv", labels="kind")
    assert (data["rows"], data["trained_on"], data["held_out"], data["shape"]) == (300, 240, 60, [2])
    assert (data["names"], data["classes"]) == (["east", "north"], ["left", "right"])
    np.testing.assert_allclose(data["statistics"]["mean"], points.values.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(data["encoder"]["scale"], points.split(0.2, 3)[0].values.std(0), rtol=1e-5)

    assert {path.name for path in (folder / "model").iterdir()} == {
        *("model.safetensors", "config.json", "README.md", "MANIFEST.json"),
    }
    assert unstir.load(folder).card.classes == ("left", "right")


def test_metrics_are_one_object_a_line_that_any_program_can_read(trained):
    # Catches NaN, which is not JSON.
    lines = (trained[3] / "metrics.jsonl").read_text().splitlines()

    def never(name):
        raise AssertionError(f"{name} is not JSON")

    rows = [json.loads(line, parse_constant=never) for line in lines]
    assert [row["step"] for row in rows] == list(range(1, 61))
    assert all(math.isfinite(row["loss"]) and row["lr"] > 0 for row in rows)
    assert rows[-1]["held_out"] > 0
    assert rows[-1]["gaussian"] > 0
    assert len(rows[-1]["held_out_eps"]) == 20
    assert sum("held_out" in row for row in rows) == 20
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)


@pytest.mark.usefixtures("undrawn")
def test_a_long_run_logs_the_mean_since_the_row_before(files, tmp_path, monkeypatch):
    """Four rows asked of 30 steps: every 7th and the last. Catches a last step that is lost, and a loss that is one batch's."""
    record = import_module("unstir.runs.record")
    logged = []
    for rows in (400, 4):
        monkeypatch.setattr(record, "LOGGED", rows)
        monkeypatch.setattr("unstir.training.fitting.LOOKS", 2)
        arguments = ("-o", tmp_path / f"{rows}", "--steps", "30", "--quiet", *TINY)
        assert run("train", files / "points.npy", *arguments)[0] == 0
        logged.append([json.loads(line) for line in (tmp_path / f"{rows}" / "metrics.jsonl").read_text().splitlines()])
    each, some = logged
    assert [row["step"] for row in some] == [7, 14, 21, 28, 30]
    losses = [row["loss"] for row in each]
    means = [np.mean(losses[a:b]) for a, b in ((0, 7), (7, 14), (14, 21), (21, 28), (28, 30))]
    assert [row["loss"] for row in some] == pytest.approx(means)
    assert [row["step"] for row in some if "held_out" in row] == [21, 30]
    assert [row["step"] for row in each if "held_out" in row] == [15, 30]


def test_the_figures_are_pictures(trained):
    # Catches an empty file, and one cut off.
    figures = trained[3] / "figures"
    assert {path.name for path in figures.iterdir()} == {f"{name}.{suffix}" for name in FIGURES for suffix in ("png", "pdf")}
    assert all(is_png(path) for path in figures.glob("*.png"))
    samples = np.load(trained[3] / "samples" / "samples.npy")
    assert samples.shape == (5000, 2)
    scores = json.loads((trained[3] / "samples" / "scores.json").read_text())
    assert scores["steps"] == 20
    assert [score["rows"] for score in scores["scores"]] == [60] * 3


@pytest.mark.usefixtures("undrawn")
def test_a_configuration_repeats_its_run_bit_for_bit(trained, files, tmp_path):
    """Catches a setting that is not written out, or that the preset wins over, and labels that are lost on the way."""
    folder = trained[3]
    code, _, err = run("train", files / "points.csv", "--config", folder / "config.toml", "-o", tmp_path / "again", "--quiet")
    assert code == 0, err
    for name in ("model.safetensors", "config.json", "MANIFEST.json"):
        assert (tmp_path / "again" / "model" / name).read_bytes() == (folder / "model" / name).read_bytes(), name
    assert (tmp_path / "again" / "config.toml").read_text() == (folder / "config.toml").read_text()
    losses = [
        [json.loads(line)["loss"] for line in (place / "metrics.jsonl").read_text().splitlines()]
        for place in (folder, tmp_path / "again")
    ]
    assert losses[0] == losses[1]


@pytest.mark.usefixtures("undrawn")
def test_a_configuration_knows_its_data(trained, tmp_path):
    # interface.md: `train --config RUN/config.toml` repeats the run. Catches a DATA that has to be typed again.
    code, _, err = run("train", "--config", trained[3] / "config.toml", "-o", tmp_path / "again", "--quiet")
    assert code == 0, err
    again = (tmp_path / "again" / "model" / "model.safetensors").read_bytes()
    assert again == (trained[3] / "model" / "model.safetensors").read_bytes()


@pytest.mark.usefixtures("undrawn")
def test_a_built_in_set_repeats_too(tmp_path, monkeypatch):
    # Its points are drawn with the run's own seed. Catches a seed of the configuration that comes after the data was drawn.
    monkeypatch.setattr("unstir.evaluation.scores.MOST", 50)
    settings = ("--data.points", "200", "--steps", "3", "--seed", "11", "--quiet", *TINY)
    assert run("train", "pinwheel", "-o", tmp_path / "a", *settings)[0] == 0
    assert run("train", "pinwheel", "-o", tmp_path / "b", "-c", tmp_path / "a" / "config.toml", "--quiet")[0] == 0
    assert contents(tmp_path / "a" / "model") == contents(tmp_path / "b" / "model")
    assert unstir.load(tmp_path / "a").card.classes == ("0", "1", "2", "3", "4")


@pytest.mark.usefixtures("undrawn")
def test_flags_win_over_the_file_and_the_file_over_the_preset(files, tmp_path):
    """Catches a default flag that beats the file, and a short flag that loses to its long form's preset."""
    (tmp_path / "my.toml").write_text('[network]\nwidth = 12\n[optim]\nsteps = 9\nlr = 0.5\n[diffusion]\nschedule = "vp"\n')
    code, _, err = run(
        *("train", files / "points.npy", "-c", tmp_path / "my.toml", "-o", tmp_path / "r", "--quiet"),
        *("--steps", "4", "--optim.ema", "0.5", "--network.depth", "1", "--target", "v"),
    )
    assert code == 0, err
    settled = unstir.training.config.resolve(unstir.training.config.read_config(tmp_path / "r" / "config.toml"))
    assert (settled.optim.steps, settled.optim.lr, settled.optim.ema) == (4, 0.5, 0.5)
    assert (settled.network.width, settled.network.depth, settled.network.octaves) == (12, 1, 4)
    assert (settled.diffusion.schedule, settled.diffusion.target, settled.diffusion.times) == ("vp", "v", "log_normal")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["--diffusion.T", "100"], {"T": 100}),
        (["--diffusion.settings.beta_max", "0.03"], {"settings": {"beta_max": 0.03}}),
    ],
)
def test_flags_are_spelled_as_the_settings_are(files, tmp_path, settings, expected):
    # The warning about signal left says --diffusion.T. Catches a flag that only exists in lower case.
    code, _, err = run("train", files / "points.npy", "-o", tmp_path / "r", "--steps", "2", "--quiet", *TINY, *settings)
    assert code == 0, err
    written = unstir.training.config.read_config(tmp_path / "r" / "config.toml")["diffusion"]
    assert {name: written[name] for name in expected} == expected


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["points.npy", "points.npz", "points.safetensors"])
def test_every_format_trains(files, tmp_path, name):
    code, out, err = run("train", files / name, "-o", tmp_path / "r", "--steps", "2", "--quiet", *TINY)
    assert (code, out) == (0, f"{tmp_path / 'r'}\n"), err
    classes = {"points.npy": (), "points.npz": ("left", "right"), "points.safetensors": ("0", "1")}[name]
    assert unstir.load(tmp_path / "r").card.classes == classes


@pytest.mark.usefixtures("undrawn")
def test_labels_can_be_left_aside(files, tmp_path):
    arguments = ("--data.labels", "none", "-o", tmp_path / "r", "--steps", "2", "--quiet", *TINY)
    assert run("train", files / "points.npz", *arguments)[0] == 0
    assert unstir.load(tmp_path / "r").card.classes == ()


@pytest.mark.usefixtures("undrawn")
def test_a_run_without_a_name_gets_one(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = [run("train", files / "points.npy", "--steps", "1", "--quiet", *TINY)[1].strip() for _ in range(2)]
    assert places[0] != places[1]
    assert all(place.startswith("runs/points-") and (tmp_path / place / "model").is_dir() for place in places)


@pytest.mark.parametrize(
    "rows",
    [
        np.random.default_rng(0).normal(size=(120, 1)),
        np.random.default_rng(0).normal(size=(120, 3)),
        np.random.default_rng(0).integers(0, 256, (120, 3, 3)).astype(np.uint8),
    ],
    ids=["line", "space", "image"],
)
def test_rows_that_are_no_points_of_a_plane_are_drawn_too(tmp_path, rows):
    """A line, a space and an image train to the last figure (pain 6). Catches pictures that only know two columns."""
    np.save(tmp_path / "x.npy", rows)
    code, _, err = run("train", tmp_path / "x.npy", "-o", tmp_path / "r", "--steps", "4", "--quiet", *TINY)
    assert code == 0, err
    assert all(is_png(path) for path in (tmp_path / "r" / "figures").glob("*.png"))
    assert np.load(tmp_path / "r" / "samples" / "samples.npy").dtype == rows.dtype
    assert json.loads((tmp_path / "r" / "run.json").read_text())["status"] == "finished"


@pytest.mark.usefixtures("undrawn")
def test_data_too_small_to_score_is_trained_and_says_so(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20, 2)))
    code, out, err = run("train", tmp_path / "x.npy", "-o", tmp_path / "r", "--steps", "2", "--json", *TINY)
    assert code == 0
    assert json.loads(out)["scores"] == []
    assert "note: not scored" in err
    assert "of 20 there are 2 and 18" in err


@pytest.mark.usefixtures("undrawn")
def test_what_one_should_know_is_said_before_the_first_step(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 2))
    rows[:, 0] = 4
    np.save(tmp_path / "x.npy", rows)
    (tmp_path / "c.toml").write_text("[diffusion]\nT = 100\n")
    _, _, err = run(
        "train", tmp_path / "x.npy", "-c", tmp_path / "c.toml", "-o", tmp_path / "r", "--steps", "2", "--quiet", *TINY
    )
    warnings = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 3
    assert "as wrong as a Gaussian" in warnings[2]  # after two steps
    assert "alpha_bar_T = 0.364" in warnings[0]
    assert "never vary" in warnings[1]


# ---- samples


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".safetensors"])
def test_samples_are_written_in_every_format_and_read_back_as_they_were(trained, tmp_path, suffix):
    """The numbers of model.sample, bit for bit. Catches digits cut off in a table, classes of other rows, and a header lost."""
    path = tmp_path / f"x{suffix}"
    code, out, err = run("sample", trained[3], "-n", "40", "--steps", "5", "--seed", "2", "-o", path)
    assert (code, out) == (0, f"{path}\n"), err
    model = unstir.load(trained[3])
    rows, ids = model.sample(40, steps=5, seed=2), model.labels_for(40, None, 2).numpy()
    data = datasets.load(path, labels="kind" if suffix == ".csv" else None)
    assert (data.values.astype(rows.dtype) == rows).all()
    if suffix in (".npz", ".csv"):
        assert [data.classes[i] for i in data.labels] == [model.card.classes[i] for i in ids]
    if suffix == ".csv":
        assert path.read_text().splitlines()[0] == "east,north,kind"
    if suffix == ".safetensors":
        assert load_file(path)["values"].dtype == rows.dtype
    before = path.read_bytes()
    assert "exists already" in refused(5, str(path), "sample", trained[3], "-n", "4", "-o", path)
    assert path.read_bytes() == before


def test_samples_without_a_place_go_into_the_run(trained):
    code, out, _ = run("sample", trained[3], "-n", "8", "--steps", "4", "--json")
    found = json.loads(out)
    assert code == 0
    assert Path(found["samples"]).parent == trained[3] / "samples"
    assert (found["n"], found["evaluations"], found["method"]) == (8, 4, "adams_bashforth2")
    assert len(datasets.load(found["samples"])) == 8
    refused(5, "exists already", "sample", trained[3], "-n", "8", "--steps", "4")
    places = [
        run("sample", trained[3], "-n", "8", "--steps", "4", *more)[1]
        for more in (["--seed", "1"], ["--class", "left"], ["--class", "left", "--guidance", "2"], ["--method", "ddim"])
    ]
    assert all(places)  # catches two kinds of samples that claim one name, so that the second is refused
    assert len(set(places)) == 4


def test_a_class_and_a_method_are_obeyed(trained, tmp_path):
    arguments = ("-n", "30", "--steps", "7", "--method", "heun", "--class", "right", "--guidance", "1.5")
    code, _, err = run("sample", trained[3], *arguments, "-o", tmp_path / "x.npz")
    assert code == 0, err
    expected = unstir.load(trained[3]).sample(30, steps=7, method="heun", given="right", guidance=1.5)
    with np.load(tmp_path / "x.npz") as archive:
        assert (archive["values"] == expected).all()
        assert set(archive["labels"].tolist()) == {"right"}


def test_the_model_folder_alone_will_do(trained, tmp_path, monkeypatch):
    # It is the only part to share. Catches a sample that needs the run around it.
    monkeypatch.chdir(tmp_path)
    code, out, err = run("sample", trained[3] / "model", "-n", "3")
    assert code == 0, err
    assert (tmp_path / out.strip()).is_file()


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".safetensors"])
def test_a_model_of_tensors_writes_the_same_files(tmp_path, suffix):
    # unstir.fit on torch, saved, sampled from the shell. Catches a writer that is handed a tensor.
    import torch

    model = unstir.fit(torch.randn(40, 2), width=8, steps=2, batch_size=8)
    model.save(tmp_path / "m")
    code, _, err = run("sample", tmp_path / "m", "-n", "5", "-o", tmp_path / f"x{suffix}")
    assert code == 0, err
    assert (datasets.load(tmp_path / f"x{suffix}").values == model.sample(5).numpy()).all()


@pytest.mark.usefixtures("undrawn")
def test_samples_of_yes_and_no_are_a_table_of_numbers(tmp_path):
    # What `sample` writes, `evaluate` reads. Catches True and False as text.
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((60, 3)) < 0.5)
    assert run("train", tmp_path / "x.npy", "-o", tmp_path / "r", "--steps", "2", "--quiet", *TINY)[0] == 0
    assert run("sample", tmp_path / "r", "-n", "40", "-o", tmp_path / "y.csv")[0] == 0
    code, _, err = run("evaluate", tmp_path / "r", tmp_path / "y.csv", "--json")
    assert code == 0, err
    assert set(datasets.load(tmp_path / "y.csv").values.ravel()) <= {0, 1}


# ---- scores


def test_evaluate_shows_each_distance_beside_its_floor(trained):
    code, out, err = run("evaluate", trained[3], "--steps", "5")
    assert code == 0, err
    for said in ("sliced W2, data's units", "energy distance", "floor", "verdict", "log-SNR", "adams_bashforth2, 5 evaluations"):
        assert said in out


def test_evaluate_is_one_object_with_the_scores_of_the_library(trained, files):
    # Catches a table on stdout beside the object, and scores against the training rows.
    from unstir.evaluation.scores import as_json, evaluate, truth_of

    code, out, _ = run("evaluate", trained[3], "--steps", "5", "--seed", "4", "--json")
    found = json.loads(out)
    assert code == 0
    truth = truth_of(datasets.load(files / "points.csv", labels="kind"), 0.2, 3)
    assert found["scores"] == as_json(evaluate(unstir.load(trained[3]), truth, Sampling(steps=5, seed=4)))
    curve = found["held_out_error"]
    assert [level["log_snr"] for level in curve] == [-6, -3, 0, 3, 6, 9]
    assert curve[2]["unit_gaussian"] == 0.5
    assert all(level["mse"] > 0 for level in curve)


def test_evaluate_against_other_rows(trained, files, tmp_path):
    """Its own samples are closer to it than points that were moved far away. Catches DATA that is read and not used."""
    assert run("sample", trained[3], "-n", "300", "--seed", "9", "-o", tmp_path / "own.npy")[0] == 0
    np.save(tmp_path / "far.npy", np.load(tmp_path / "own.npy") + 30)
    own, far = (
        json.loads(run("evaluate", trained[3], tmp_path / f"{name}.npy", "--json")[1])["scores"] for name in ("own", "far")
    )
    assert {score["verdict"] for score in own} <= {"at the floor", "near the floor"}
    assert {score["verdict"] for score in far} == {"far above the floor"}
    assert [score["rows"] for score in own] == [150] * 3
    code, out, err = run("evaluate", trained[3], files / "points.csv", "--labels", "kind", "--json")
    assert code == 0, err
    assert len(json.loads(out)["scores"]) == 3
    np.save(tmp_path / "wide.npy", np.zeros((40, 3)))
    refused(2, "(3,)", "evaluate", trained[3], tmp_path / "wide.npy")
    np.save(tmp_path / "few.npy", np.random.default_rng(0).normal(size=(6, 2)))
    refused(2, "6 rows", "evaluate", trained[3], tmp_path / "few.npy")


@pytest.mark.usefixtures("undrawn")
def test_data_that_has_changed_since_is_not_taken_for_the_same(tmp_path):
    # Catches a score against rows that the model was trained on, called held out.
    generator = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", generator.normal(size=(200, 2)))
    assert run("train", tmp_path / "x.npy", "-o", tmp_path / "r", "--steps", "2", "--quiet", *TINY)[0] == 0
    assert run("evaluate", tmp_path / "r", "--json")[0] == 0
    np.save(tmp_path / "x.npy", generator.normal(size=(200, 2)))
    assert "sha256 differs" in refused(5, "x.npy is not the data", "evaluate", tmp_path / "r")
    (tmp_path / "x.npy").unlink()
    refused(5, "no such file", "evaluate", tmp_path / "r")


@pytest.mark.usefixtures("undrawn")
def test_train_can_answer_with_one_object(files, tmp_path):
    code, out, _ = run("train", files / "points.npy", "-o", tmp_path / "r", "--steps", "2", "--json", *TINY)
    found = json.loads(out)
    assert code == 0
    assert found["run"] == str(tmp_path / "r")
    assert found["held_out"] > 0
    assert len(found["scores"]) == 3


# ---- demo and selfcheck


def small_demo(monkeypatch):
    """The demo with a chain of 50 and few points."""
    monkeypatch.setattr("unstir.cli.demo.CHAIN", 50)
    monkeypatch.setattr("unstir.report.figures.SHOWN", 300)
    monkeypatch.setattr("unstir.evaluation.scores.MOST", 300)
    monkeypatch.setattr("unstir.evaluation.scores.POOL", 4000)


def test_the_demo_trains_samples_twice_and_says_what_to_type_next(tmp_path, monkeypatch):
    # Catches a demo that ends in nothing one can use.
    small_demo(monkeypatch)
    code, out, err = run("demo", "--steps", "30", "-o", tmp_path / "d")
    assert code == 0, err
    assert "ddpm_beta, 50 evaluations" in out
    assert "20 evaluations" in out
    assert out.count("floor") >= 4
    for command in (
        "unstir train moons",
        f"unstir sample {tmp_path / 'd'}",
        f"unstir evaluate {tmp_path / 'd'}",
        "unstir selfcheck",
    ):
        assert command in out
    assert {path.name for path in (tmp_path / "d" / "figures").iterdir()} == {f"{n}.{s}" for n in FIGURES for s in ("png", "pdf")}
    assert all(is_png(path) for path in (tmp_path / "d" / "figures").glob("*.png"))
    assert all(path.read_bytes().startswith(b"%PDF") for path in (tmp_path / "d" / "figures").glob("*.pdf"))
    assert "Noise to data" in (tmp_path / "d" / "report.html").read_text()
    settled = unstir.training.config.resolve(unstir.training.config.read_config(tmp_path / "d" / "config.toml"))
    assert (settled.diffusion.schedule, settled.diffusion.target, settled.diffusion.times) == ("linear", "eps", "chain")
    assert run("sample", tmp_path / "d", "-n", "3")[0] == 0


def test_the_demo_can_answer_with_one_object(tmp_path, monkeypatch):
    small_demo(monkeypatch)
    monkeypatch.setattr("unstir.report.figures.draw", lambda *_: None)
    real, asked = Model.sample, []
    monkeypatch.setattr(Model, "sample", lambda self, n, **how: asked.append((n, how)) or real(self, n, **how))
    code, out, err = run("demo", "--steps", "5", "-o", tmp_path / "d", "--json", "--quiet")
    found = json.loads(out)
    assert code == 0
    assert "step 5/5" not in err
    assert "weights" not in err
    assert [s["method"] for s in found["samplers"]] == ["ddpm_beta", "adams_bashforth3"]
    assert [s["evaluations"] for s in found["samplers"]] == [50, 20]
    ways = [{"steps": 50, "method": "ddpm_beta", "seed": 0}, {"steps": 20, "method": "adams_bashforth3", "seed": 0}]
    assert asked[:2] == [(300, way) for way in ways]  # catches one sampler shown under two names
    assert refused(5, "exists already", "demo", "-o", tmp_path / "d")


@pytest.mark.slow
def test_the_demo_as_it_is(tmp_path):
    code, out, err = run("demo", "--steps", "30", "-o", tmp_path / "d")
    assert code == 0, err
    assert "ddpm_beta, 1,000 evaluations" in out


def checked(monkeypatch, *measured):
    from unstir.selfcheck import checks as selfcheck

    rows = [selfcheck.Row("truth 1", f"case {i}", value, "<= 1e-3", value <= 1e-3) for i, value in enumerate(measured)]
    monkeypatch.setattr(selfcheck, "selfcheck", lambda: iter(rows))


def test_selfcheck_counts_what_holds(monkeypatch):
    # Catches an exit code that is 0 whatever fails, and a row whose failure is only a colour.
    checked(monkeypatch, 1e-6, 1e-4)
    code, out, _ = run("selfcheck")
    assert code == 0
    assert "2 of 2 truths hold" in out
    checked(monkeypatch, 1e-6, 0.5)
    code, out, _ = run("selfcheck")
    assert code == 4
    assert "FAILED" in out
    assert "1 of 2 truths hold" in out
    code, out, _ = run("selfcheck", "--json")
    assert code == 4
    assert json.loads(out)["failed"] == 1
    assert len(json.loads(out)["checks"]) == 2


@pytest.mark.slow
def test_selfcheck_as_it_is():
    code, out, err = run("selfcheck", "--json")
    found = json.loads(out)
    assert (code, found["failed"]) == (0, 0), err
    assert len(found["checks"]) > 50


# ---- refusals


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ('Did you mean "sample"', ["sampel"]),
        ("Did you mean --schedule", ["train", "moons", "--scedule", "flow"]),
        ("Did you mean --optim.lr", ["train", "moons", "--optim.lrr", "3"]),
        ("DATA", ["train"]),
        ("RUN", ["sample"]),
        ("did you mean 'flow'", ["train", "moons", "--schedule", "flwo"]),
        ("did you mean 'moons'", ["train", "mons"]),
        ("did you mean 'velocity'", ["train", "moons", "--target", "velocty"]),
        ("did you mean 'min_snr'", ["train", "moons", "--diffusion.loss", "minsnr"]),
        ("'optim.lr': input should be greater than 0 (got -3.0)", ["train", "moons", "--optim.lr", "-3"]),
        ("optim.lr", ["train", "moons", "--optim.lr", "fast"]),
        ("'optim.steps'", ["train", "moons", "--steps", "0"]),
        ("'seed'", ["train", "moons", "--seed", "-1"]),
        ("'eps'", ["train", "moons", "--schedule", "flow", "--target", "eps"]),
        ("brings its own classes", ["train", "moons", "--data.labels", "kind"]),
        ("no folder of images", ["train", "moons", "--data.size", "8"]),
        ("sigma_max", ["train", "moons", "--schedule", "ve", "--diffusion.settings.sigma_max", "-3"]),
        ("beta_max", ["train", "moons", "--schedule", "vp", "--diffusion.settings.beta_max", "-3"]),
        ("beta_", ["train", "moons", "--schedule", "linear", "--diffusion.settings.beta_max", "3"]),
        ("'demo'", ["train", "moons", "demo"]),
    ],
)
def test_what_was_mistyped_is_said_in_one_line(said, arguments, tmp_path, monkeypatch):
    """Exit code 2, nothing on disk. Catches a box of help in place of an error, and a run folder left by a typing mistake."""
    monkeypatch.chdir(tmp_path)
    refused(2, said, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("unknown class 'rigth': did you mean 'right'", ["--class", "rigth"]),
        ("did you mean 'heun'", ["--method", "heum"]),
        ("at least 1", ["-n", "0"]),
        ("at least 1", ["-n", "-5"]),
        ("0 evaluations", ["--steps", "0"]),
        ("19 or 21", ["--method", "heun", "--steps", "20"]),
        (".csv", ["-o", "x.txt"]),
        (".csv", ["-o", "x"]),
        ("seed", ["--seed", "-1"]),
        ("memory", ["-n", "9000000000000"]),
        ("100,000 is the most", ["--steps", "9000000000000"]),
        ("guidance is a number", ["--guidance", "nan"]),
        ("guidance is a number", ["--guidance", "inf"]),
        ("not 3 -1", ["--guidance", "2", "--interval", "3", "-1"]),
        ("not nan 4", ["--guidance", "2", "--interval", "nan", "4"]),
        ("guidance 1 guides nowhere", ["--interval", "-2", "4"]),
    ],
)
def test_a_sample_that_cannot_be_is_refused(trained, said, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = contents(trained[3])
    refused(2, said, "sample", trained[3], *arguments)
    assert list(tmp_path.iterdir()) == []
    assert contents(trained[3]) == before


@pytest.mark.usefixtures("undrawn")
def test_the_name_of_a_class_does_not_lead_out_of_the_folder(tmp_path, monkeypatch):
    """Names that are paths, and two that differ in what a file's name cannot hold. Catches a file written elsewhere, or over another."""
    names = ["../../../out", "/tmp/out", "a/b", "a_b", "..", "n" * 300, "plain"]
    np.savez(tmp_path / "x.npz", values=np.random.default_rng(0).normal(size=(70, 2)), labels=np.array(names * 10))
    run_folder = tmp_path / "deep" / "er" / "r"
    assert run("train", tmp_path / "x.npz", "-o", run_folder, "--steps", "2", "--quiet", *TINY)[0] == 0
    monkeypatch.chdir(tmp_path)
    before, written = set(tmp_path.rglob("*")), set()
    for name in names:
        code, out, err = run("sample", run_folder, "-n", "3", "--class", name)
        assert code == 0, err
        written.add(Path(out.strip()).resolve())
    assert len(written) == len(names)
    assert set(tmp_path.rglob("*")) - before == written
    assert {path.parent for path in written} == {run_folder / "samples"}
    assert any(path.stem.endswith("-class-plain") for path in written)
    assert run("sample", run_folder / "model", "-n", "3", "--class", names[0])[0] == 0  # into the folder one is in
    assert {path.parent for path in set(tmp_path.rglob("*")) - before - written} == {tmp_path}


def test_a_run_without_a_model_says_how_to_get_one(tmp_path):
    # Catches "no folder", of a run that is there.
    for about, said in [
        ('{"status": "stopped", "steps": 70}', "stopped at step 70. Go on with `unstir resume"),
        ('{"status": "running"}', "being trained: wait. Or its training was killed: go on with `unstir resume"),
        ('{"status": "failed", "steps": 7, "why": "the loss is nan"}', "failed at step 7 (the loss is nan)"),
        ('{"status": "finished"}', "taken away"),
        ('{"status": {}}', "taken away"),
        ("[]", "run.json is damaged"),
        ("{", "run.json is damaged"),
    ]:
        (tmp_path / "run.json").write_text(about)
        refused(5, said, "sample", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("Storage size calculation overflowed with sizes=[4611686018427387904]"),
    ],
    ids=["numpy", "cpu", "cuda", "overflow"],
)
def test_too_little_memory_is_said_as_such(trained, monkeypatch, error):
    # Catches "a bug of ours". The last three are torch's own words.
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(Model, "sample", fail)
    refused(2, "not enough memory for this. Ask for less", "sample", trained[3])


def test_a_list_of_settings_can_be_typed(tmp_path, monkeypatch):
    # Catches a schedule that only a file can ask for, and an error for each type that a value is not.
    monkeypatch.chdir(tmp_path)
    chain = ("train", "moons", "--print-config", "--schedule", "chain")
    for typed in (["--diffusion.settings.betas", "0.1,0.5"], ["--diffusion.settings", '{"betas": [0.1, 0.5]}']):
        code, out, err = run(*chain, *typed)
        assert code == 0, err
        assert tomllib.loads(out)["diffusion"]["settings"] == {"betas": [0.1, 0.5]}
    refused(2, "a list of numbers, as in --diffusion.settings.betas 0.1,0.2", *chain, "--diffusion.settings.betas", "0.5")
    for wrong in ("fast", "0.1,fast", "nan", "0.1,,0.2"):
        said = "error: setting 'diffusion.settings.betas': should be a number, or several as in 0.1,0.2,0.3 (got"
        assert refused(2, said, *chain, "--diffusion.settings.betas", wrong).count("setting") == 2


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("flag", ["--steps", "--optim.steps", "--batch-size"])
def test_half_a_step_is_refused(files, tmp_path, flag):
    # Catches 2.5 that is cut to 2 without a word.
    settings = {"--optim.warmup": "1", "--network.width": "8"} | ({} if "steps" in flag else {"--steps": "1"}) | {flag: "2.5"}
    arguments = [part for pair in settings.items() for part in pair]
    refused(2, "2.5", "train", files / "points.npy", "-o", tmp_path / "r", "--quiet", *arguments)
    assert not (tmp_path / "r").exists()


def test_settings_in_a_file_are_checked_with_its_name(tmp_path):
    (tmp_path / "a.toml").write_text("[optim]\nlrr = 3\n")
    (tmp_path / "b.toml").write_text("[optim\n")
    (tmp_path / "c.toml").write_text("data = 3\n")
    assert "a.toml" in refused(2, "did you mean 'optim.lr'", "train", "moons", "-c", tmp_path / "a.toml")
    refused(2, "b.toml is not valid TOML", "train", "moons", "-c", tmp_path / "b.toml")
    refused(2, "'data'", "train", "moons", "-c", tmp_path / "c.toml")
    refused(5, "nowhere.toml", "train", "moons", "-c", tmp_path / "nowhere.toml")


def test_data_that_cannot_be_used_is_exit_code_3(tmp_path):
    np.save(tmp_path / "gaps.npy", np.array([[1.0], [np.nan], [2.0]]))
    (tmp_path / "text.csv").write_text("a,kind\n1,dog\n2,cat\n")
    (tmp_path / "one.csv").write_text("a\n1\n")
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY but no more")
    np.save(tmp_path / "complex.npy", np.ones((3, 2)) * 1j)
    np.save(tmp_path / "huge.npy", np.array([[1e308], [-1e308], [1.0]] * 20))  # whose variance is infinite
    for name, said in [
        ("gaps.npy", "missing"),
        ("text.csv", "--data.labels kind"),
        ("one.csv", "1 row"),
        ("broken.npy", "broken.npy"),
        ("complex.npy", "real numbers"),
        ("huge.npy", "1e+308"),
    ]:
        refused(3, said, "train", tmp_path / name, "-o", tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_numbers_that_explode_are_exit_code_4_and_on_the_record(files, tmp_path, monkeypatch):
    """run.json says that the run failed and why, and there is no model. Catches a half-trained model that looks finished.

    Where the steps that are measured before the start explode already, there is no run at all.
    """
    arguments = ("-o", tmp_path / "r", "--optim.lr", "1e20", "--optim.warmup", "0", "--steps", "30", *TINY)
    refused(4, "is not finite; nothing was updated", "train", files / "points.npy", *arguments)
    assert not (tmp_path / "r").exists()
    monkeypatch.setattr(import_module("unstir.training.plan"), "rehearse", lambda *_: Cost(0.001, 0.001, 1))
    line = refused(4, "is not finite; nothing was updated", "train", files / "points.npy", *arguments)
    about = json.loads((tmp_path / "r" / "run.json").read_text())
    assert about["status"] == "failed"
    assert about["why"] == line.removeprefix("error: ")
    assert not (tmp_path / "r" / "model").exists()


def test_what_is_missing_or_damaged_is_exit_code_5(trained, files, tmp_path):
    refused(5, "no such file", "train", "nowhere.csv")
    refused(5, "nowhere", "sample", tmp_path / "nowhere")
    refused(5, "nowhere", "evaluate", tmp_path / "nowhere")
    refused(5, "config.toml", "evaluate", trained[3] / "model")
    (tmp_path / "empty").mkdir()
    refused(5, "MANIFEST.json", "sample", tmp_path / "empty")
    for path, content in contents(trained[3] / "model").items():
        (tmp_path / "m").mkdir(exist_ok=True)
        (tmp_path / "m" / path).write_bytes(content[:-1] if path.suffix == ".safetensors" else content)
    refused(5, "model.safetensors is damaged", "sample", tmp_path / "m")
    refused(5, "points.npy", "train", files / "points.npy", "-o", files / "points.npy" / "r", "--steps", "1", *TINY)


def test_a_name_that_is_too_long_is_exit_code_5(trained, files, tmp_path):
    # Path.exists itself raises for it. Catches "a bug of ours".
    refused(5, "too long", "train", files / "points.npy", "-o", tmp_path / ("a" * 300), "--steps", "1", *TINY)
    refused(5, "too long", "sample", trained[3], "-o", tmp_path / ("a" * 300 + ".npy"))
    refused(5, "too long", "sample", tmp_path / ("a" * 300))


def test_an_existing_run_is_refused_and_untouched(trained, files):
    before = contents(trained[3])
    for place in (trained[3], trained[3] / "run.json", trained[3] / "samples"):
        refused(5, "exists already", "train", files / "points.npy", "-o", place, "--steps", "1", *TINY)
    assert contents(trained[3]) == before


def test_ctrl_c_ends_with_130_and_is_on_the_record(files, tmp_path, monkeypatch):
    # Catches a traceback of forty lines, and a run that says "running" for ever.
    real = Fitting.steps

    def stopped(self):
        for step in real(self):
            if step.number == 3:
                raise KeyboardInterrupt
            yield step

    monkeypatch.setattr(Fitting, "steps", stopped)
    code, out, err = run("train", files / "points.npy", "-o", tmp_path / "r", "--steps", "9", *TINY)
    assert (code, out) == (130, "")
    assert "Traceback" not in err
    assert err.splitlines()[-1] == f"stopped. Go on with: unstir resume {tmp_path / 'r'}"
    about = json.loads((tmp_path / "r" / "run.json").read_text())
    assert about["status"] == "stopped"
    assert len((tmp_path / "r" / "metrics.jsonl").read_text().splitlines()) == 2


def test_a_bug_of_ours_is_called_one(monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("unstir.model.model.load", broken)
    assert "--debug" in refused(1, "a bug of ours, not of yours: ZeroDivisionError", "sample", "x")


def test_a_traceback_is_shown_on_request_alone(tmp_path):
    for flag in ([], ["--debug"]):
        code, out, err = run("sample", tmp_path / "nowhere", *flag)
        assert (code, out) == (5, "")
        assert ("Traceback" in err) == bool(flag)
        assert err.splitlines()[-1].startswith("error: ")


# ---- the program


QUICK = """
import sys
from unstir.cli import main
try:
    main({arguments!r})
except SystemExit as stop:
    code = stop.code or 0
print(sorted({{"torch", "numpy", "scipy", "matplotlib", "rich.progress"}} & set(sys.modules)), code, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["train", "--help"], 0), (["--version"], 0), ([], 0), (["sampel"], 2)]
)
def test_help_does_not_wait_for_torch(arguments, code):
    # Importing torch takes seconds. Catches an import at the top of the command line, of its settings or its errors.
    done = process("-c", QUICK.format(arguments=arguments))
    assert done.stderr.splitlines()[-1] == f"[] {code}", done.stderr
    assert done.stdout or code


def test_help_names_every_command_and_flag_of_train():
    # Catches a command that is not registered, and a setting that cannot be reached by a flag.
    _, out, _ = run("--help")
    assert all(f" {command} " in out for command in ("demo", "train", "sample", "evaluate", "selfcheck"))
    _, out, _ = run("train", "--help")
    for flag in (
        "--out",
        "--config",
        "--steps",
        "--optim.lr",
        "--diffusion.coupling",
        "--network.octaves",
        "--data.labels",
        "--json",
    ):
        assert flag in out


def test_the_version_is_the_packages():
    assert run("--version")[1].strip() == unstir.__version__


def test_the_module_is_the_command(trained, tmp_path):
    """`python -m unstir` in a process of its own and `unstir` as it is installed. Catches code in __main__ that the other lacks."""
    done = process("-m", "unstir", "sample", trained[3], "-n", "5", "--steps", "4", "-o", tmp_path / "a.npy")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'a.npy'}\n", "")
    assert (np.load(tmp_path / "a.npy") == unstir.load(trained[3]).sample(5, steps=4)).all()
    wrong = process("-m", "unstir", "sampel")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
    assert wrong.stderr.startswith("error: ")
    (command,) = entry_points(group="console_scripts", name="unstir")
    assert command.load() is main


@pytest.mark.slow
def test_a_whole_run_in_processes_of_its_own(files, tmp_path):
    """train, sample, evaluate from the shell, twice: the second run in a new process is the first, bit for bit."""
    for name in ("a", "b"):
        done = process("-m", "unstir", "train", files / "points.npz", "-o", name, "--steps", "30", "--quiet", *TINY, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, f"{name}\n"), done.stderr
    assert contents(tmp_path / "a" / "model") == contents(tmp_path / "b" / "model")
    about = json.loads((tmp_path / "a" / "run.json").read_text())
    assert about["command"][:2] == ["unstir", "train"]
    assert about["command"][-6:] == list(TINY)
    for arguments in (
        ["sample", "a", "-o", "x.csv"],
        ["evaluate", "a", "x.csv", "--labels", "class"],
        ["evaluate", "a", "--json"],
    ):
        done = process("-m", "unstir", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""


def test_a_reader_that_goes_away_is_no_error(trained):
    # As with `unstir evaluate RUN | head -1`, but gone for certain. Catches a BrokenPipeError, its traceback and its exit code.
    command = f"'{sys.executable}' -m unstir evaluate '{trained[3]}' --steps 3 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode in (0, 141)


@pytest.mark.usefixtures("undrawn")
def test_samples_keep_the_name_of_the_column_of_classes(files, tmp_path):
    # What `sample` writes can be trained on, and evaluated with the same --labels. Catches a second column called 'class'.
    table = (files / "points.csv").read_text().replace("east", "class", 1)
    (tmp_path / "t.csv").write_text(table)
    assert (
        run("train", tmp_path / "t.csv", "--data.labels", "kind", "-o", tmp_path / "r", "--steps", "2", "--quiet", *TINY)[0] == 0
    )
    assert run("sample", tmp_path / "r", "-n", "40", "-o", tmp_path / "y.csv")[0] == 0
    assert (tmp_path / "y.csv").read_text().splitlines()[0] == "class,north,kind"
    assert run("evaluate", tmp_path / "r", tmp_path / "y.csv", "--labels", "kind", "--json")[0] == 0


@pytest.mark.usefixtures("undrawn")
def test_a_model_that_is_worse_than_a_gaussian_is_called_so(files, tmp_path):
    # Catches a training that came apart and ends like any other; and the name of a run that cannot be pasted.
    wild = ("--optim.lr", "1", "--optim.warmup", "0", "--steps", "30")
    code, _, err = run("train", files / "points.npy", "-o", tmp_path / "my run", *wild, *TINY)
    assert code == 0
    assert "times as wrong as a Gaussian" in err
    assert f"unstir sample '{tmp_path / 'my run'}' -n 1000" in err
