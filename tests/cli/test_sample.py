"""`unstir sample`, end to end: files of every format, names, classes, and what it refuses without a trace."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import unstir
from commands import TINY, contents, refused, run
from unstir import data as datasets
from unstir.model.model import Model


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".safetensors"])
def test_samples_are_written_in_every_format_and_read_back_as_they_were(trained, tmp_path, suffix):
    """The numbers of model.sample, bit for bit. Catches digits cut off in a table, classes of other rows, and a header lost."""
    path = tmp_path / f"x{suffix}"
    code, out, err = run("sample", trained[3], "-n", "40", "--steps", "5", "--seed", "2", "-o", path)
    assert (code, out) == (0, f"{path}\n"), err
    model = unstir.load(trained[3])
    rows, ids = model.sample(40, steps=5, seed=2), model.given(40, None, 2).numpy()
    data = datasets.load(path, labels="kind" if suffix == ".csv" else None)
    assert (data.values.astype(rows.dtype) == rows).all()
    if suffix in (".npz", ".csv"):
        assert [data.classes[i] for i in data.labels] == [model.classes[i] for i in ids]
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
        ("guidance 1 has no effect", ["--interval", "-2", "4"]),
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
        ('{"status": "running"}', "still training, so wait. If its training was killed, go on with `unstir resume"),
        ('{"status": "failed", "steps": 7, "why": "the loss is nan"}', "failed at step 7 (the loss is nan)"),
        ('{"status": "finished"}', "the model was removed"),
        ('{"status": {}}', "the model was removed"),
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

    monkeypatch.setattr(Model, "rows", fail)
    refused(2, "not enough memory for this. Ask for less", "sample", trained[3])
