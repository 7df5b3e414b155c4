"""Images and sequences of every shape, from the command line: train, sample, evaluate, and a folder of PNGs or why there is none."""

import json

import numpy as np
import pytest
from PIL import Image

from commands import refused, run
from unstir.training.cost import Cost

SMALLEST = ("--network.width", "8", "--network.widest", "1", "--network.depth", "1", "--batch-size", "4", "--quiet")
ROWS = 30  # of which 10 are held out: the fewest that evaluate compares with


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Figures (test_plots.py has them), many looks at held-out rows and long rehearsals take minutes, and no test here looks at them."""
    from unstir.cli.parts import finishing

    monkeypatch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
    monkeypatch.setattr(finishing, "SHOWN", 4)
    monkeypatch.setattr(finishing, "_scores", lambda *_: [])
    monkeypatch.setattr("unstir.training.plan.rehearse", lambda *_: Cost(0.001, 0.001, 1))
    monkeypatch.setattr("unstir.training.fitting.HELD_OUT_DRAWS", (16, 16))
    monkeypatch.setattr("unstir.training.fitting.CURVE_DRAWS", (2, 2))
    monkeypatch.setattr("unstir.evaluation.memorisation.DRAWS", 16)
    monkeypatch.setattr("unstir.evaluation.memorisation.LEAST", 16)


def rows(shape, dtype):
    """Something to see: a wave whose phase is the row's, with noise, over the whole of the type's range or around 100."""
    rng = np.random.default_rng(0)
    along = sum(np.linspace(0, 1 + k, n).reshape(-1, *(1,) * (len(shape) - 1 - k)) for k, n in enumerate(shape))
    wave = np.sin(3 * along + rng.uniform(0, 6, (ROWS, *(1,) * len(shape)))) + 0.1 * rng.normal(size=(ROWS, *shape))
    return (127.5 + 127.5 * np.clip(wave, -1, 1)).round().astype(dtype) if dtype == "uint8" else (100 + 5 * wave).astype(dtype)


@pytest.mark.parametrize(
    ("shape", "dtype", "picture"),
    [
        ((28, 28), "uint8", ("L", (28, 28))),
        ((17, 23), "uint8", ("L", (23, 17))),
        ((1, 64, 48), "uint8", ("L", (48, 64))),
        ((3, 32, 32), "uint8", ("RGB", (32, 32))),
        ((13, 16, 16), "float32", None),
        ((128, 3), "float32", None),
    ],
    ids=["28x28", "17x23", "1x64x48", "3x32x32", "13x16x16", "128x3"],
)
def test_a_shape_goes_all_the_way(shape, dtype, picture, tmp_path):
    """Catches padding that is not cropped, height for width, a channel that is lost or taken for a row, rows of another type, units
    that are the network's, values beyond a byte that wrap round, and a PNG of what no PNG can hold."""
    x = rows(shape, dtype)
    np.save(tmp_path / "x.npy", x)
    trained = tmp_path / "run"
    code, _, err = run("train", tmp_path / "x.npy", "-o", trained, "--steps", "2", "--data.held-out", "0.34", *SMALLEST)
    assert code == 0, err

    out = ("-n", "3", "--steps", "2")
    code, _, err = run("sample", trained, *out, "-o", tmp_path / "y.npy")
    assert code == 0, err
    y = np.load(tmp_path / "y.npy")
    assert (y.shape, y.dtype) == ((3, *shape), x.dtype)
    if dtype == "float32":
        assert np.isfinite(y).all()
        assert np.abs(y - 100).max() < 60  # twelve standard deviations of the data, whose mean is 100
    assert 0 < y.std() < 2 * x.std()  # neither one grey, nor noise; two steps of training leave little between
    assert abs(float(y.mean()) - x.mean()) < 2 * x.std()

    code, said, err = run("evaluate", trained, "--steps", "2", "--json")
    assert code == 0, err
    found = json.loads(said)
    assert found["scores"][0]["rows"] == 10
    assert all(np.isfinite(score["value"]) for score in found["scores"])

    if picture is None:
        refused(2, ".npy", "sample", trained, *out, "-o", tmp_path / "pictures")
        assert not (tmp_path / "pictures").exists()
        return
    code, _, err = run("sample", trained, *out, "-o", tmp_path / "pictures")
    assert code == 0, err
    files = sorted((tmp_path / "pictures").iterdir())
    assert [file.name for file in files] == ["00000.png", "00001.png", "00002.png"]
    for file, row in zip(files, y, strict=True):  # the same seed: the same samples
        with Image.open(file) as image:
            assert (image.mode, image.size) == picture
            pixels = np.asarray(image)
        assert (pixels == (row.transpose(1, 2, 0) if picture[0] == "RGB" else row.reshape(pixels.shape))).all()
