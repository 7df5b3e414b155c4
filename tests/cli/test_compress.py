"""`unstir compress` and `unstir decompress`, from data to a file and back."""

import json

import numpy as np
import pytest

import unstir
from commands import refused, run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run of small images of bytes, and images that it has not seen."""
    folder = tmp_path_factory.mktemp("compress")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, 8, 8)).astype(np.uint8) // 16 * 16
    np.save(folder / "train.npy", x[:50])
    np.save(folder / "test.npy", x[50:])
    for name, steps in (("run", 10), ("other", 11)):
        unstir.fit(x[:50], steps=steps, width=8, depth=1).save(folder / name / "model")
    return folder


def test_a_file_and_back(place):
    code, out, err = run("compress", place / "run", place / "test.npy", "-o", place / "a.unstir", "--levels", 16)
    assert code == 0, err
    assert "compiled/" in err
    for said in ("PNG", "WebP", "xz", "bz2", "the model's bound", "The model's own size is", "ms a row"):
        assert said in out
    assert run("decompress", place / "run", place / "a.unstir", "-o", place / "back.npy")[0] == 0
    back = np.load(place / "back.npy")
    assert back.dtype == np.uint8
    assert np.array_equal(back, np.load(place / "test.npy"))

    # A second time nothing is compiled, the model folder will do, and the file is the same; programs are told everything.
    code, out, err = run(
        "compress", place / "run" / "model", place / "test.npy", "-o", place / "b.unstir", "--levels", 16, "--json"
    )
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert (place / "b.unstir").read_bytes() == (place / "a.unstir").read_bytes()
    assert said["bytes"] == (place / "a.unstir").stat().st_size
    assert said["bits_per_dim"] == pytest.approx(8 * said["bytes"] / 640)
    assert said["overhead_bytes"] == pytest.approx(said["bytes"] - said["bound_bytes"])
    assert said["bound_bits_per_dim"] == pytest.approx(sum(said["bound_parts"].values()))
    assert said["model_bytes"] > said["bytes"]
    assert {"PNG", "xz", "bz2"} <= said["others"].keys()

    refused(5, "exists already", "compress", place / "run", place / "test.npy", "-o", place / "a.unstir")
    refused(5, "exists already", "decompress", place / "run", place / "a.unstir", "-o", place / "back.npy")
    content = (place / "a.unstir").read_bytes()
    (place / "cut.unstir").write_bytes(content[:-9])
    (place / "changed.unstir").write_bytes(content[:-9] + bytes(9))
    refused(3, "cut", "decompress", place / "run", place / "cut.unstir", "-o", place / "x.npy")
    refused(3, "is damaged", "decompress", place / "run", place / "changed.unstir", "-o", place / "x.npy")
    refused(3, "not a file of", "decompress", place / "run", place / "test.npy", "-o", place / "x.npy")
    refused(5, "no file", "decompress", place / "run", place / "none.unstir", "-o", place / "x.npy")
    assert not (place / "x.npy").exists()


def test_another_run_is_refused_as_that(place):
    if not (place / "a.unstir").exists():
        run("compress", place / "run", place / "test.npy", "-o", place / "a.unstir", "--levels", 16)
    refused(5, "has no compiled copy", "decompress", place / "other", place / "a.unstir", "-o", place / "y.npy")
    run("compress", place / "other", place / "test.npy", "-o", place / "c.unstir", "--levels", 16)
    refused(3, "was made by another model", "decompress", place / "other", place / "a.unstir", "-o", place / "y.npy")


def test_data_of_any_number_is_refused(place):
    x = np.random.default_rng(1).normal(size=(40, 3))
    np.save(place / "points.npy", x)
    unstir.fit(x, steps=2, width=8, depth=1).save(place / "points")
    refused(2, "values may be any number", "compress", place / "points", place / "points.npy", "-o", place / "p.unstir")
    wrong = np.load(place / "test.npy").astype(float)
    wrong[3, 1, 2] = 7.5
    np.save(place / "wrong.npy", wrong)
    refused(3, "row 3 has 7.5 in position (1, 2)", "compress", place / "run", place / "wrong.npy", "-o", place / "p.unstir")
    assert not (place / "p.unstir").exists()
