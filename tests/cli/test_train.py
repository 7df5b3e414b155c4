"""`unstir train`, end to end: what it prints and where, what it leaves on disk, whose setting wins, and what it refuses."""

import json
import math
import tomllib
from importlib import import_module

import numpy as np
import pytest

import unstir
from commands import FIGURES, TINY, contents, is_png, refused, run
from unstir import data as datasets
from unstir.runs.data import read_encoder
from unstir.training.config import resolve
from unstir.training.config_file import read_config
from unstir.training.cost import Cost
from unstir.training.fitting import Fitting


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
        *("config.toml", "data.json", "encoder", "run.json", "metrics.jsonl", "model", "samples", "figures", "checkpoints"),
        ".lock",
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
    np.testing.assert_allclose(read_encoder(folder).scale, points.split(0.2, 3)[0].values.std(0), rtol=1e-5)

    assert {path.name for path in (folder / "model").iterdir()} == {
        *("model.safetensors", "config.json", "README.md", "MANIFEST.json"),
    }
    assert unstir.load(folder).classes == ("left", "right")


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
    """Four rows asked of 30 steps: every 7th, and those of the looks, at 15 and at the last.

    Catches a last step that is lost, a loss that is one batch's, and looks that depend on how often a run is logged.
    """
    record = import_module("unstir.runs.record")
    logged = []
    for rows in (400, 4):
        monkeypatch.setattr(record, "LOGGED", rows)
        monkeypatch.setattr("unstir.training.fitting.LOOKS", 2)
        arguments = ("-o", tmp_path / f"{rows}", "--steps", "30", "--quiet", *TINY)
        assert run("train", files / "points.npy", *arguments)[0] == 0
        logged.append([json.loads(line) for line in (tmp_path / f"{rows}" / "metrics.jsonl").read_text().splitlines()])
    each, some = logged
    assert [row["step"] for row in some] == [7, 14, 15, 21, 28, 30]
    losses = [row["loss"] for row in each]
    means = [np.mean(losses[a:b]) for a, b in ((0, 7), (7, 14), (14, 15), (15, 21), (21, 28), (28, 30))]
    assert [row["loss"] for row in some] == pytest.approx(means)
    for rows in (each, some):
        assert [row["step"] for row in rows if "held_out" in row] == [15, 30]


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
    assert unstir.load(tmp_path / "a").classes == ("0", "1", "2", "3", "4")


@pytest.mark.usefixtures("undrawn")
def test_flags_win_over_the_file_and_the_file_over_the_preset(files, tmp_path):
    """Catches a default flag that beats the file, and a short flag that loses to its long form's preset."""
    (tmp_path / "my.toml").write_text('[network]\nwidth = 12\n[optim]\nsteps = 9\nlr = 0.5\n[diffusion]\nschedule = "vp"\n')
    code, _, err = run(
        *("train", files / "points.npy", "-c", tmp_path / "my.toml", "-o", tmp_path / "r", "--quiet"),
        *("--steps", "4", "--optim.ema", "0.5", "--network.depth", "1", "--target", "v"),
    )
    assert code == 0, err
    settled = resolve(read_config(tmp_path / "r" / "config.toml"))
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
    written = read_config(tmp_path / "r" / "config.toml")["diffusion"]
    assert {name: written[name] for name in expected} == expected


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["points.npy", "points.npz", "points.safetensors"])
def test_every_format_trains(files, tmp_path, name):
    code, out, err = run("train", files / name, "-o", tmp_path / "r", "--steps", "2", "--quiet", *TINY)
    assert (code, out) == (0, f"{tmp_path / 'r'}\n"), err
    classes = {"points.npy": (), "points.npz": ("left", "right"), "points.safetensors": ("0", "1")}[name]
    assert unstir.load(tmp_path / "r").classes == classes


@pytest.mark.usefixtures("undrawn")
def test_labels_can_be_left_aside(files, tmp_path):
    arguments = ("--data.labels", "none", "-o", tmp_path / "r", "--steps", "2", "--quiet", *TINY)
    assert run("train", files / "points.npz", *arguments)[0] == 0
    assert unstir.load(tmp_path / "r").classes == ()


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
    assert "of 20 rows, 2 are held out and 18 trained on" in err


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
    assert "column 0 is always 4" in warnings[1]


@pytest.mark.usefixtures("undrawn")
def test_a_model_that_is_worse_than_a_gaussian_is_called_so(files, tmp_path):
    # Catches a training that came apart and ends like any other; and the name of a run that cannot be pasted.
    wild = ("--optim.lr", "1", "--optim.warmup", "0", "--steps", "30")
    code, _, err = run("train", files / "points.npy", "-o", tmp_path / "my run", *wild, *TINY)
    assert code == 0
    assert "times as wrong as a Gaussian" in err
    assert f"unstir sample '{tmp_path / 'my run'}' -n 1000" in err


@pytest.mark.usefixtures("undrawn")
def test_train_can_answer_with_one_object(files, tmp_path):
    code, out, _ = run("train", files / "points.npy", "-o", tmp_path / "r", "--steps", "2", "--json", *TINY)
    found = json.loads(out)
    assert code == 0
    assert found["run"] == str(tmp_path / "r")
    assert found["held_out"] > 0
    assert len(found["scores"]) == 3


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
    (tmp_path / "text.csv").write_text("a,b\n" + "".join(f"{i},{i * i}.5\n" for i in range(30)) + "3,dog\n")
    (tmp_path / "one.csv").write_text("a\n1\n")
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY but no more")
    np.save(tmp_path / "complex.npy", np.ones((3, 2)) * 1j)
    np.save(tmp_path / "huge.npy", np.array([[1e308], [-1e308], [1.0]] * 20))  # whose variance is infinite
    for name, said in [
        ("gaps.npy", "missing"),
        ("text.csv", "column 'b' holds text ('dog', line 32)"),
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
