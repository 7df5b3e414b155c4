"""Runs that start from the weights of another: what is taken over, by which names, and that the record repeats it bit for bit."""

import json
import shutil

import numpy as np
import pytest
import torch

import unstir
from commands import refused, run
from unstir.data import from_arrays
from unstir.errors import DataError, StorageError, UsageError
from unstir.files import sha256
from unstir.model.model import load
from unstir.runs.about import read_about
from unstir.training.config import flat
from unstir.training.cost import Cost
from unstir.training.fitting import Fitting
from unstir.training.presets import settle
from unstir.training.starting import Start, start_from

SMALL = ("--network.width", "8", "--network.depth", "1", "--batch-size", "32", "--quiet")
STILL = ("--steps", "1", "--optim.lr", "1e-12", "--quiet")


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Figures, scores and looks at held-out rows take seconds, and no test here looks at them."""
    shorten(monkeypatch)


def shorten(monkeypatch):
    from unstir.cli.parts import finishing

    monkeypatch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
    monkeypatch.setattr(finishing, "_scores", lambda *_: [])
    monkeypatch.setattr("unstir.training.plan.rehearse", lambda *_: Cost(0.001, 0.001, 1))
    monkeypatch.setattr("unstir.training.fitting.HELD_OUT_DRAWS", (16, 16))
    monkeypatch.setattr("unstir.training.fitting.CURVE_DRAWS", (2, 2))


def table(path, **columns):
    rows = zip(*(list(column) for column in columns.values()), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run on a table with three classes, trained so hard that they differ, and tables of other orders and classes."""
    place = tmp_path_factory.mktemp("starting")
    rng = np.random.default_rng(0)
    kind = rng.choice(["u", "v", "w"], 300)
    a, b = rng.normal(100, 10, 300), rng.normal(0, 1, 300) + 4 * (kind == "u")
    table(place / "one.csv", a=a, b=b, kind=kind)
    table(place / "turned.csv", kind=kind, b=b, a=a)
    table(place / "others.csv", b=b, a=a, kind=np.where(kind == "u", "z", np.where(kind == "v", "t", kind)))
    table(place / "more.csv", a=a, b=b, c=b, kind=kind)
    table(place / "far.csv", a=a + 900, b=b, kind=kind)
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        code, _, err = run(
            "train", place / "one.csv", "-o", place / "r", "--steps", "80", "--optim.lr", "0.02", "--data.labels", "kind", *SMALL
        )
    assert code == 0, err
    return place


def ran(*arguments):
    code, _, err = run(*arguments)
    assert code == 0, err
    return err


def weights(path):
    """The bits of a run's model."""
    return sha256((path / "model" / "model.safetensors").read_bytes())


@pytest.mark.parametrize("data", [(), ("one.csv",), ("turned.csv",)])
def test_before_the_first_step_the_model_is_the_other(folder, tmp_path, data):
    """Catches weights that are not taken over, an encoder fitted anew, and columns or classes that go by place."""
    ran("train", *(folder / name for name in data), "--from", folder / "r", "-o", tmp_path / "s", *STILL)
    there, here = load(folder / "r"), load(tmp_path / "s")
    assert here.card.names == there.card.names == ("a", "b")
    for given in (*there.classes, None):
        np.testing.assert_allclose(here.sample(20, given, steps=4), there.sample(20, given, steps=4), rtol=1e-4, atol=1e-4)
    record = read_about(tmp_path / "s")["started_from"]
    assert (record["tensors"], record["taken_over"], record["steps"]) == (19, 19, 80)
    assert record["sha256"] == start_from(folder / "r").sha256
    assert "19 of 19 tensors taken over; its encoder is kept" in record["said"]


def test_classes_are_taken_over_by_name(folder, tmp_path):
    """Catches the embedding of classes copied by place: t, w, z would sample as u, v, w did."""
    ran("train", folder / "others.csv", "--from", folder / "r", "-o", tmp_path / "s", *STILL)
    there, here = load(folder / "r"), load(tmp_path / "s")
    assert (there.classes, here.classes) == (("u", "v", "w"), ("t", "w", "z"))
    np.testing.assert_allclose(here.sample(20, "w", steps=4), there.sample(20, "w", steps=4), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(here.encode([[100.0, 1.0]]), there.encode([[100.0, 1.0]]), atol=1e-4)  # of no class
    said = read_about(tmp_path / "s")["started_from"]["said"]
    assert "new classes: t and z; classes left behind: u and v" in said
    fresh = there.network.embed_condition.weight
    assert not any(torch.equal(row, old) for row in here.network.embed_condition.weight[[0, 2]] for old in fresh)


def test_a_run_that_starts_from_another_repeats_bit_for_bit_while_that_is_unchanged(folder, tmp_path):
    """Catches a record without the start, with a path alone, or with a sha256 that nobody looks at."""
    shutil.copytree(folder / "r", tmp_path / "r")
    ran("train", folder / "turned.csv", "--from", tmp_path / "r", "-o", tmp_path / "s", "--steps", "20", "--quiet")
    config = tmp_path / "s" / "config.toml"
    ran("train", "--config", config, "-o", tmp_path / "again", "--quiet")
    assert weights(tmp_path / "again") == weights(tmp_path / "s")
    assert (tmp_path / "again" / "config.toml").read_text() == config.read_text()
    shutil.rmtree(tmp_path / "r")
    refused(5, "no folder", "train", "--config", config, "-o", tmp_path / "gone")
    ran("train", folder / "one.csv", "--from", folder / "r", "-o", tmp_path / "r", "--steps", "3", "--quiet")
    refused(5, "is not the model that training started from", "train", "--config", config, "-o", tmp_path / "changed")
    ran(
        "train", "--config", config, "--from", tmp_path / "r", "-o", tmp_path / "other", "--quiet"
    )  # asked for, so no sha256 is in the way


def test_a_run_stopped_in_the_middle_is_resumed_to_the_same_bits_without_the_other(folder, tmp_path, monkeypatch):
    """Catches a resume that starts from random weights, or needs the other run although that has gone."""
    from unstir.cli.parts import running

    shutil.copytree(folder / "r", tmp_path / "r")
    command = ("train", folder / "one.csv", "--from", tmp_path / "r", "--steps", "40", "--optim.keep", "last", "--quiet")
    ran(*command, "-o", tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(running, "stop_code", lambda _, state: 143 if state.step >= 25 else 0)
        assert run(*command, "-o", tmp_path / "cut")[0] == 143
        # As a process that is killed soon leaves it: with the checkpoint of the beginning alone.
        patch.setattr("unstir.runs.record.Recording.save", only_at_the_beginning(running.Recording.save))
        assert run(*command, "-o", tmp_path / "killed")[0] == 143
    shutil.copytree(tmp_path / "killed", tmp_path / "bare")
    shutil.rmtree(tmp_path / "bare" / "checkpoints")
    ran("resume", tmp_path / "bare", "--quiet")  # without any checkpoint, the other run is needed
    shutil.rmtree(tmp_path / "r")
    for name in ("cut", "killed"):
        ran("resume", tmp_path / name, "--quiet")
    assert {weights(tmp_path / name) for name in ("whole", "cut", "killed", "bare")} == {weights(tmp_path / "whole")}


def only_at_the_beginning(save):
    return lambda recording: save(recording) if recording.fitting.state.step == 0 else None


def test_more_steps_of_a_finished_run_are_a_run_of_their_own(folder, tmp_path):
    """Catches a second word that leads elsewhere, a finished folder that is written to, and a learning rate that goes on at zero."""
    before = weights(folder / "r")
    err = ran("resume", folder / "r")
    assert "--steps 2000" in err and "train DATA --from" in err  # noqa: PT018
    ran("resume", folder / "r", "--steps", "20", "-o", tmp_path / "a", "--quiet")
    ran("train", "--from", folder / "r", "--steps", "20", "-o", tmp_path / "b", "--quiet")
    assert weights(folder / "r") == before
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert read_about(tmp_path / "a")["steps"] == 20
    rows = [json.loads(line) for line in (tmp_path / "a" / "metrics.jsonl").read_text().splitlines()]
    np.testing.assert_allclose([row["lr"] for row in rows[:2]], [0.02 / 100, 0.02 * 2 / 100 * (1 + np.cos(np.pi / 20)) / 2])
    (folder / "half").exists() or shutil.copytree(folder / "r", folder / "half")
    about = json.loads((folder / "half" / "run.json").read_text()) | {"status": "stopped"}
    (folder / "half" / "run.json").write_text(json.dumps(about))
    refused(2, "is not finished", "resume", folder / "half", "--steps", "20")
    refused(2, "--out is for more steps", "resume", folder / "r", "-o", tmp_path / "c")


def test_more_steps_on_the_same_data_reach_the_longer_run(monkeypatch):
    """80 and 320 steps get as far on the held-out rows as 400, within a twenty-fifth, and much farther than 80.

    Catches weights that are lost on the way, and a rate that begins where the other run's ended, at zero."""
    monkeypatch.undo()
    data = unstir.data.toy("moons", 800, seed=0)

    def trained(steps, start=None):
        layers = [flat(steps=steps, batch_size=128, width=32, depth=1)]
        fitting = Fitting(data, settle(data, *layers), start=start)
        for _ in fitting.steps():
            pass
        return fitting.held_out().loss, fitting

    short, first = trained(80)
    more, long = trained(320, Start(first.model()))[0], trained(400)[0]
    assert more < 0.9 * short
    assert more < 1.04 * long


def test_what_cannot_be_the_start_is_refused_with_both(folder, tmp_path):
    """Catches a start of another width, other rows or other columns that is quietly left out, and a comparison that ignores it."""
    r, start = folder / "r", ("--from", folder / "r", "-o", tmp_path / "x")
    refused(
        2,
        "'enter.weight' has the shape (8, 18) there and (16, 18) here",
        "train",
        folder / "one.csv",
        *start,
        "--network.width",
        "16",
    )
    refused(3, "'c' is not known to", "train", folder / "more.csv", *start)
    np.save(tmp_path / "wide.npy", np.random.default_rng(0).normal(size=(50, 3)))
    refused(3, "was trained on rows of (2,), and these are (3,)", "train", tmp_path / "wide.npy", *start, "--data.labels", "none")
    refused(2, "--data.labels kind is how", "train", table_without_kind(tmp_path), *start)
    refused(2, "a comparison trains everything from random weights", "compare", "schedules", "moons", "--start.run", r)
    refused(5, "no folder", "train", folder / "one.csv", "--from", tmp_path / "nowhere")
    refused(2, "nothing to train on", "train", "--from", r / "model")  # which does not know its data


def table_without_kind(place):
    table(place / "plain.csv", a=[100.0, 90.0, 110.0] * 20, b=[0.0, 1.0, 2.0] * 20)
    return place / "plain.csv"


def test_columns_can_be_chosen_and_what_is_chosen_is_read_again(folder, tmp_path):
    """Catches `--data.columns` that trains on all, and an evaluation that reads the file's own order."""
    ran(
        *(
            "train",
            folder / "more.csv",
            "--data.columns",
            "b,a",
            "--data.labels",
            "kind",
            "-o",
            tmp_path / "s",
            "--steps",
            "5",
            *SMALL,
        )
    )
    assert load(tmp_path / "s").card.names == ("b", "a")
    assert 'columns = "b,a"' in (tmp_path / "s" / "config.toml").read_text()
    code, _, err = run("evaluate", tmp_path / "s", "--steps", "2", "--json")
    assert code == 0, err
    refused(3, "'d' is missing", "train", folder / "one.csv", "--data.columns", "a,d", "--data.labels", "kind")


def test_what_differs_from_the_other_rows_is_said(folder, tmp_path):
    """Catches silence about rows far outside the other's scale, and about held-out rows that were trained on before."""
    err = ran("train", folder / "far.csv", "--from", folder / "r", "-o", tmp_path / "far", *STILL)
    assert "column 'a' has mean" in err
    assert "--start.scale fitted" in err
    err = ran("train", folder / "far.csv", "--from", folder / "r", "-o", tmp_path / "fitted", "--start.scale", "fitted", *STILL)
    assert "column 'a' has mean" not in err
    assert abs(load(tmp_path / "fitted").sample(50, steps=4)[:, 0].mean() - 1000) < 100
    err = ran("train", "--from", folder / "r", "-o", tmp_path / "seed", "--seed", "5", *STILL)
    assert "was trained on some of the rows that are held out here" in err
    assert "trained on some" not in ran("train", "--from", folder / "r", "-o", tmp_path / "same", *STILL)


def test_from_python_a_model_is_started_from_too(folder):
    """Catches an object that is changed by what starts from it, own networks that are lost, and names that go by place."""
    rng = np.random.default_rng(0)
    rows = {"a": rng.normal(size=60), "b": rng.normal(size=60)}
    few = {"steps": 3, "batch_size": 16}
    first = unstir.fit(rows, width=8, depth=1, **few)
    held = {name: value.clone() for name, value in first.network.state_dict().items()}
    turned = unstir.fit({"b": rows["b"], "a": rows["a"]}, start=first, steps=1, lr=1e-12)
    assert turned.card.names == ("a", "b")
    np.testing.assert_allclose(turned.sample(5), first.sample(5), atol=1e-4)
    assert all(torch.equal(held[name], value) for name, value in first.network.state_dict().items())
    with pytest.raises(DataError, match="'b' is missing, and 'c' is not known"):
        unstir.fit({"a": rows["a"], "c": rows["b"]}, start=first, **few)
    with pytest.raises(UsageError, match="cannot be the start"):
        unstir.fit(rows, start=first, width=16, **few)
    labelled = unstir.fit(rows, ["x", "y"] * 30, start=first, **few)
    assert labelled.classes == ("x", "y")
    plain = unstir.fit(rows, start=start_from(folder / "r").folder, **few)  # classes are left behind
    assert (plain.card.network_settings["width"], plain.classes) == (8, ())
    with pytest.raises(StorageError, match="sha256"):
        start_from(folder / "r", "0" * 64)


def test_a_table_that_starts_from_another_has_the_codes_of_that():
    """Catches categories numbered anew where a value is missing, so that the weights take Ulm for Bonn; and a model of cells it never saw."""
    x = np.random.default_rng(0).normal(size=120).tolist()
    first = unstir.fit({"town": ["Bonn", "Celle", "Ulm"] * 40, "x": x}, steps=2, width=8, depth=1, progress=False)
    start = Start(first)
    data, _ = start.columns(from_arrays({"x": [9.0, 0.0] * 30, "town": ["Ulm", "Celle"] * 30}))
    assert data.values[:2].tolist() == [[2, 9], [1, 0]]
    assert data.table.columns[1].high == 9
    more = unstir.fit({"town": ["Ulm", "Celle"] * 60, "x": x}, start=first, steps=1, lr=1e-12, progress=False)
    assert set(more.sample(50)["town"]) > {"Bonn"}
    with pytest.raises(DataError, match=r"'Essen'.*which is none of its values"):
        start.columns(from_arrays({"town": ["Ulm", "Essen"], "x": [1.0, 2.0]}))
    with pytest.raises(DataError, match="column 'town' has 1 missing cell, and the model was trained without any"):
        start.columns(from_arrays({"town": ["Ulm", None, "Ulm"], "x": [1.0, 2.0, 3.0]}))
