"""Images with an opacity that are composed on white: every value in closed form."""

import json

import numpy as np
import pytest
from PIL import Image

import unstir
from commands import refused, run
from unstir.data import from_arrays, load, on_white
from unstir.errors import DataError

RED = [255, 0, 0, 128]  # w = 128 / 255, so white shines through with 127
HIDDEN = [9, 8, 7, 0]  # what an editor left under an erased pixel
SMALL = {"steps": 2, "width": 8, "depth": 1, "architecture": "mlp"}


def pictures(n=6, dtype=np.uint8):
    """Half-transparent red, erased, and opaque green, (n, 8, 8, 4)."""
    x = np.zeros((n, 8, 8, 4), dtype)
    x[:], x[:, :2], x[:, 2:4] = RED, HIDDEN, [0, 255, 0, 255]
    return x


SEEN = np.full((8, 8, 3), 127)
SEEN[..., 0] = 255
SEEN[:2], SEEN[2:4] = 255, [0, 255, 0]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "images"
    made.mkdir()
    for i, pixels in enumerate(pictures()):
        Image.fromarray(pixels).save(made / f"{i}.png")
    return made


def test_a_folder_is_read_as_a_viewer_shows_it(folder):
    # Catches opacity that is only dropped (erased pixels would be 9, 8, 7), black for white, and a type that becomes float.
    data = load(folder, alpha="white")
    assert (data.shape, data.dtype, data.bounds, data.rows.held.dtype) == ((8, 8, 3), "uint8", (0, 255), np.uint8)
    assert (data.values == SEEN).all()
    assert any("on white" in note for note in data.notes)
    assert load(folder).shape == (8, 8, 4)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (np.float64, 1)])
def test_arrays_of_every_type_and_order(dtype, white, first):
    # Catches 255 as white for all types, a channel axis that is always the last, and 127.5 rounded down in one type and up in another.
    x = (pictures() / 255 * white).round(0 if white > 1 else 9).astype(dtype)
    before = x.copy()
    found = on_white(from_arrays(np.moveaxis(x, -1, 1) if first else x)).rows.held
    assert found.dtype == dtype
    np.testing.assert_allclose(
        np.moveaxis(found, 1, -1) if first else found, np.tile(SEEN / 255 * white, (6, 1, 1, 1)), atol=white / 1e6
    )
    assert (x == before).all()


def test_gaps_stay_gaps():
    x = (pictures() / 255).astype(np.float32)
    x[0, 0, 0, 1] = np.nan
    seen = on_white(from_arrays(x, missing="keep")).values
    assert np.isnan(seen).sum() == 1
    assert len(on_white(from_arrays(x, missing="drop")).values) == 5


@pytest.mark.parametrize("x", [pictures() / 255 * 2 - 1, pictures().astype(np.int64), pictures() / 1.0])
def test_where_it_is_not_clear_what_is_white_it_is_refused(x):
    # Catches -1 that becomes 3 or so, and floats from 0 to 255 that are taken for 1.
    with pytest.raises(DataError, match="not clear which is white"):
        on_white(from_arrays(x))


def test_what_has_no_opacity_stays_as_it_is_and_that_is_said():
    # Catches the last of four columns, or of four channels of a sequence, taken for an opacity.
    for shape in ((9, 4), (9, 64, 4), (9, 8, 8, 3)):
        x = np.random.default_rng(0).random(shape)
        data = on_white(from_arrays(x))
        assert (data.values == x).all()
        assert ["no image has an opacity" in note for note in data.notes] == [True] * (shape[-1] == 3)


def test_samples_are_rgb_and_rows_that_come_back_are_composed_where_that_is_said(folder, tmp_path):
    # Catches a keyword that `fit` does not heed, and a known part of a row that is taken from another picture than the model knows.
    model = unstir.fit(pictures(), alpha="white", **SMALL)
    assert model.sample(3).shape == (3, 8, 8, 3)
    np.save(tmp_path / "keep.npy", np.tile(np.arange(8) < 6, (8, 1)))
    whole = ["inpaint", model.save(tmp_path / "model"), folder, "--rows", "0", "--mask", tmp_path / "keep.npy", "--steps", "2"]
    assert "shape" in refused(3, "(8, 8, 4)", *whole, "-o", tmp_path / "whole.npy")
    assert run(*whole, "-o", tmp_path / "whole.npy", "--data.alpha", "white")[0] == 0
    assert (np.load(tmp_path / "whole.npy")[0, :, :6] == SEEN[:, :6]).all()


def test_inspect_says_what_becomes_of_an_opacity(folder):
    small = ("--network.architecture", "mlp", "--network.width", "8", "--optim.batch-size", "4")
    code, said, _ = run("inspect", folder, *small)
    assert code == 0
    assert "--data.alpha white" in said
    code, said, _ = run("inspect", folder, "--data.alpha", "white", "--json", *small)
    assert json.loads(said)["shape"] == [8, 8, 3]
    assert any("on white" in note for note in json.loads(said)["notes"])
