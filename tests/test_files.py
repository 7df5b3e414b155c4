"""Folders that are whole or absent, whatever happens while they are written, and noticed when they were damaged."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from unstir import files as checkpoint
from unstir.errors import StorageError
from unstir.files import json_bytes, read_folder, storage_errors, write_file, write_folder
from unstir.runs.folder import Run
from unstir.runs.metrics import Metrics

TENSORS = {"state": {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(7)}, "more": {"c": torch.zeros(0, 4)}}
DOCUMENTS = {"config": {"width": 2, "names": ["é", "b"], "none": None}}
FILES = {"state.safetensors", "more.safetensors", "config.json", "README.md", "MANIFEST.json"}


def write(path):
    write_folder(path, TENSORS, DOCUMENTS, {"README.md": "# é\n"})


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "int64", "uint8", "bool"])
def test_what_is_read_is_what_was_written(tmp_path, dtype):
    """Bit for bit, in its own type, shape and order. Catches float32 on the way, and views written in the order of memory."""
    values = torch.tensor([[0.1, 200.3, 3.0], [1e-3, 0.0, 1.0]], dtype=torch.float64).to(getattr(torch, dtype))
    tensors = {
        "t": {"plain": values, "turned": values.T, "cut": values[:, ::2], "one": values[0, 0].clone(), "none": values[:0].clone()}
    }
    write_folder(tmp_path / "x", tensors, DOCUMENTS)
    read, documents = read_folder(tmp_path / "x", ["t"], ["config"])
    for name, tensor in tensors["t"].items():
        assert read["t"][name].dtype == tensor.dtype
        assert torch.equal(read["t"][name], tensor)
    assert documents == DOCUMENTS


def test_only_what_was_asked_for_is_read(tmp_path):
    write(tmp_path / "x")
    (tmp_path / "x" / "more.safetensors").write_bytes(b"damaged")
    tensors, documents = read_folder(tmp_path / "x", ["state"], [])
    assert list(tensors) == ["state"]
    assert documents == {}
    with pytest.raises(StorageError, match=r"more\.safetensors is damaged"):
        read_folder(tmp_path / "x", ["state", "more"], [])


def test_the_manifest_holds_the_sha256_of_every_file(tmp_path):
    # Checked with hashlib itself. Catches a sum over the name, over the text before encoding, and a file left out.
    write(tmp_path / "x")
    sums = json.loads((tmp_path / "x" / "MANIFEST.json").read_text())["sha256"]
    assert {p.name for p in (tmp_path / "x").iterdir()} == FILES
    assert sums == {n: hashlib.sha256((tmp_path / "x" / n).read_bytes()).hexdigest() for n in FILES - {"MANIFEST.json"}}


@pytest.mark.parametrize("stop", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "stopped"])
@pytest.mark.parametrize("after", range(len(FILES)))
def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch, after, stop):
    """The disk fills up, or Ctrl-C comes, at each of the files in turn. Catches half a folder, and a temporary one left behind."""
    done = []

    def fsync(_):
        done.append(1)
        if len(done) > after:
            raise stop

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises((StorageError, KeyboardInterrupt)) as caught:
        write(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    if isinstance(stop, OSError):
        assert "x: No space left on device" in str(caught.value)
    monkeypatch.undo()
    write(tmp_path / "x")  # the same process may try again
    assert read_folder(tmp_path / "x", ["state"], ["config"])[1] == DOCUMENTS


def test_a_reader_sees_nothing_until_everything_is_on_the_disk(tmp_path, monkeypatch):
    """Every file is synced before the name appears, and the parent after. Catches a rename before the sync, and no sync at all."""
    seen, real = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (seen.append((tmp_path / "x").exists()), real(file)))
    write(tmp_path / "x")
    assert seen == [False] * len(FILES) + [True]


def test_nothing_that_exists_is_overwritten(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("mine")
    (tmp_path / "empty").mkdir()
    for name in ("file", "folder", "empty"):
        with pytest.raises(StorageError, match=f"{name} exists already, and nothing is overwritten"):
            write(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    assert [p.name for p in (tmp_path / "folder").iterdir()] == ["mine"]
    assert {p.name for p in tmp_path.iterdir()} == {"file", "folder", "empty"}


@pytest.mark.parametrize("make", [write, lambda path: Run.create(path, "x", {}), lambda path: write_file(path, b"")])
def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path, make):
    # Catches NotADirectoryError and "File name too long" that come out as a bug of ours.
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file" / "x", tmp_path / ("a" * 300)):
        with pytest.raises(StorageError):
            make(place)
    assert (tmp_path / "file").read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    """run.json is written over and over. Catches a file cut to nothing when the disk is full, and a temporary one left behind."""
    path = tmp_path / "run.json"
    write_file(path, b"one")
    write_file(path, b"two")
    assert path.read_bytes() == b"two"

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        write_file(path, b"three")
    assert path.read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"3", b"null", b"\xff", b'{"sha256": []}', b'{"sha256": null}', b"{}"])
def test_a_manifest_that_is_none_is_a_storage_error(tmp_path, content):
    # Catches an AttributeError where JSON holds something else than an object.
    write(tmp_path / "x")
    (tmp_path / "x" / "MANIFEST.json").write_bytes(content)
    with pytest.raises(StorageError):
        read_folder(tmp_path / "x", ["state"], ["config"])


def test_what_is_whole_but_not_what_its_name_says_is_refused(tmp_path):
    # Sums that fit, and no tensors or no object inside. Catches safetensors' own error.
    for name, content in (("state.safetensors", b"not tensors"), ("config.json", b"not json"), ("config.json", b"[]")):
        place = tmp_path / hashlib.sha256(content).hexdigest()[:8]
        write(place)
        (place / name).write_bytes(content)
        manifest = json.loads((place / "MANIFEST.json").read_text())
        manifest["sha256"][name] = hashlib.sha256(content).hexdigest()
        (place / "MANIFEST.json").write_bytes(json_bytes(manifest))
        with pytest.raises(StorageError, match=place.name):
            read_folder(place, ["state"], ["config"])


def test_the_systems_errors_say_which_file_and_why(tmp_path):
    for wrong, said in [
        (lambda: (tmp_path / "a").read_bytes(), r"no file .*/a\."),
        (lambda: tmp_path.read_bytes(), "Is a directory"),
        (lambda: (_ for _ in ()).throw(PermissionError(13, "Permission denied")), "what: Permission denied"),
    ]:
        with pytest.raises(StorageError, match=said), storage_errors(Path("what")):
            next(wrong()) if said.startswith("what") else wrong()
    with pytest.raises(ZeroDivisionError), storage_errors(Path("what")):
        raise ZeroDivisionError  # catches a bug that is called a full disk


def test_numbers_that_are_none_are_not_written(tmp_path):
    # NaN is not JSON: other programs refuse the file. Catches json's own default.
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            json_bytes({"loss": bad})
    run = Run.create(tmp_path / "run", "x", {})
    metrics = Metrics(run)
    metrics.log({"step": 1, "loss": float("nan"), "by_time": [1.0, float("inf")]})
    metrics.log({"step": 2, "loss": 0.5})
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 1, "loss": None, "by_time": [1.0, None]}, {"step": 2, "loss": 0.5}]


def test_a_run_has_a_folder_of_its_own(tmp_path, monkeypatch):
    # Catches two runs of one name in one folder.
    monkeypatch.chdir(tmp_path)
    first, second = Run.create(None, "data/points.csv", {}), Run.create(None, "data/points.csv", {})
    assert first.path != second.path
    assert all(run.path.parent == Path("runs") and run.path.name.startswith("points-") for run in (first, second))
    (first.path / "mine").write_text("mine")
    with pytest.raises(StorageError, match=r"exists already.*--out"):
        Run.create(first.path, "x", {})
    assert {p.name for p in first.path.iterdir()} == {"mine", ".lock"}
    assert first.folder("figures") == first.folder("figures") == first.path / "figures"


def test_nothing_read_is_executed(tmp_path):
    # A pickle in the place of the tensors. Catches torch.load.
    import pickle

    touched = tmp_path / "touched"

    class Trap:
        def __reduce__(self):
            return (open, (str(touched), "w"))

    content = pickle.dumps(Trap())
    write(tmp_path / "x")
    (tmp_path / "x" / "state.safetensors").write_bytes(content)
    manifest = {"sha256": {"state.safetensors": checkpoint.sha256(content)}}
    (tmp_path / "x" / "MANIFEST.json").write_bytes(json_bytes(manifest))
    with pytest.raises(StorageError, match="not safetensors"):
        read_folder(tmp_path / "x", ["state"], [])
    assert not touched.exists()
