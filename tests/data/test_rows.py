"""Rows that need not fit into memory: as exact from a file and part by part as whole, and mirrored images."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from commands import TINY, refused, run
from unstir.conditions.classes import Classes
from unstir.data import from_arrays, layout, load, survey
from unstir.data import rows as rows_module
from unstir.data.formats import npy
from unstir.data.rows import Rows
from unstir.data.statistics import covariance, statistics
from unstir.diffusion.chains import linear
from unstir.encoders.base import FitOptions
from unstir.encoders.registry import ENCODERS
from unstir.encoders.rows import EncodedRows, views
from unstir.errors import DataError
from unstir.evaluation.memorisation import nearest_distances
from unstir.evaluation.scores import truth_of
from unstir.metrics.distances import nearest
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.presets import settle
from unstir.training.problem import Problem, prepare
from unstir.training.recipe import Recipe

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (70, 6, 4, 3), np.uint8)


def drawn_of(rows, encoder):
    """Rows and their mirror images under an encoder that is fitted on both."""
    lies = layout(rows.shape[1:])
    both = views(rows, "horizontal", lies)
    made = ENCODERS[encoder].begin(both, FitOptions(layout=lies)).encoder()
    return (EncodedRows(view, made) for view in both)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks so small that any data is many of them, and files that are never read whole."""
    monkeypatch.setattr(rows_module, "BLOCK", 150)
    monkeypatch.setattr(npy, "IN_MEMORY", 0)


# ---- rows


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int16, ">i4", np.int64, np.float16, np.float32, ">f8", np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.usefixtures("small_blocks")
def test_a_mapped_file_is_the_array(tmp_path, dtype, order):
    # Catches numbers that stand in the wrong order or byte order, a header that is taken for numbers, and rows that are copied at once.
    values = np.asarray(RNG.integers(0, 2, (11, 5, 7)), dtype=dtype, order=order)
    np.save(tmp_path / "x.npy", values)
    data, whole = load(tmp_path / "x.npy"), from_arrays(values.copy())
    assert isinstance(data.rows.held.base, np.memmap)
    np.testing.assert_array_equal(data.values, values.astype(whole.rows.dtype))
    assert (data.values.dtype, data.dtype, data.bounds) == (whole.values.dtype, whole.dtype, whole.bounds)
    assert data.sha256() == whole.sha256()


@pytest.mark.usefixtures("small_blocks")
def test_selections_of_selections_and_scans():
    # Catches a selection that counts from the file's start, and a scan that leaves a row out or gives one twice.
    rows = Rows(np.arange(40 * 9).reshape(40, 9))
    a, b = RNG.permutation(40)[:30], RNG.permutation(30)[:23]
    chosen = rows.take(a).take(b)
    np.testing.assert_array_equal(chosen[:], rows.held[a][b])
    np.testing.assert_array_equal(chosen[np.arange(23) % 3 == 0], rows.held[a][b][::3])
    scanned = np.concatenate(list(chosen.scan()))
    np.testing.assert_array_equal(np.sort(scanned, 0), np.sort(rows.held[a][b], 0))
    assert (np.diff(scanned[:, 0] // (9 * chosen.in_block)) >= 0).all()  # the file is walked through once
    blocks = list(chosen.blocks())
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), rows.held[a][b])
    assert chosen.ends() == (rows.held[a][b].min(), rows.held[a][b].max())


def test_small_data_is_scanned_in_its_own_order():
    # So that nothing changes for it, to the last bit. Catches rows that are sorted first: sums round otherwise.
    rows = Rows(RNG.normal(size=(50, 3)))
    order = RNG.permutation(50)
    (block,) = rows.take(order).scan()
    np.testing.assert_array_equal(block, rows.held[order])


# ---- statistics


@pytest.mark.parametrize(("offset", "close"), [(0.0, 1e-12), (1e6, 1e-8)])
def test_statistics_by_parts_are_those_of_the_whole(offset, close):
    # Parts of unequal size and of unlike means, also a million deviations from zero. Catches E[x^2] - E[x]^2, and means of means.
    x = torch.from_numpy(offset + RNG.normal(size=(1000, 4, 3)) + np.linspace(1, 5, 1000)[:, None, None])
    for axes in ((0,), (0, 1), (0, 1, 2)):
        found, whole = statistics(x.split([1, 7, 492, 499, 1]), axes), x.numpy()
        assert found.count * found.mean.numel() == x.numel()
        np.testing.assert_allclose(found.mean, whole.mean(axes, keepdims=True), rtol=1e-12)
        np.testing.assert_allclose(found.deviation, whole.std(axes, keepdims=True), rtol=close)
        np.testing.assert_array_equal(found.low, whole.min(axes, keepdims=True))
        np.testing.assert_array_equal(found.high, whole.max(axes, keepdims=True))
    mean, spread = covariance(x[:, :, 0].split(300))
    np.testing.assert_allclose(mean, x[:, :, 0].mean(0), rtol=1e-12)
    np.testing.assert_allclose(spread, torch.cov(x[:, :, 0].T, correction=0), rtol=100 * close)


@pytest.mark.parametrize("name", ["standardise", "channels", "min_max"])
def test_an_encoder_fitted_by_parts_is_that_of_the_whole(name):
    # Catches a channel axis that is counted in a part, and an element that never varies within a part taken for one that never does.
    x = torch.from_numpy(IMAGES.astype(np.float64))
    x[:, 0, 0, :] = 7.0
    x[:10, 1, 1, :], x[10:, 1, 1, :] = 1.0, 2.0
    parts, whole = (ENCODERS[name].fit(rows, -1) for rows in (x.split(10), [x]))
    np.testing.assert_allclose(parts.shift, whole.shift, rtol=1e-12)
    np.testing.assert_allclose(parts.scale, whole.scale, rtol=1e-12)


@pytest.mark.usefixtures("small_blocks")
def test_gaps_in_a_mapped_file_are_found_and_dropped(tmp_path):
    # Catches gaps that are counted in one block only, a row counted from its block's start, and dropped rows that are read after all.
    values = RNG.normal(size=(90, 5)).astype(np.float32)
    values[71, 2] = values[85, 2] = np.nan
    values[80, 4] = np.inf
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(DataError, match=r"column 2 has 2 missing values \(first: row 71\)"):
        load(tmp_path / "x.npy")
    kept = load(tmp_path / "x.npy", missing="drop")
    assert kept.dropped == 3
    np.testing.assert_array_equal(kept.values, np.delete(values, [71, 80, 85], 0))
    columns = survey(load(tmp_path / "x.npy", missing="keep")).columns
    assert [tuple(column.missing) for column in columns] == [(0, -1), (0, -1), (2, 71), (0, -1), (0, -1)]
    assert tuple(columns[4].infinite) == (1, 80)


@pytest.mark.usefixtures("small_blocks")
def test_a_whole_number_that_would_be_rounded_is_found_in_any_block():
    # Catches a row counted from its block's start.
    values = np.zeros((90, 5), np.int64)
    values[77, 3] = 2**53 + 1
    with pytest.raises(DataError, match=r"column 3 holds 9007199254740993 \(row 77\)"):
        from_arrays(values)


def test_a_survey_by_blocks_is_that_of_the_whole(monkeypatch):
    # Catches problems and levels that are found within a block.
    values = RNG.integers(0, 5, (80, 4)).astype(np.float64)
    values[60:] = values[:20]
    whole = survey(from_arrays(values))
    monkeypatch.setattr(rows_module, "BLOCK", 30)
    assert survey(from_arrays(values)) == whole


@pytest.mark.usefixtures("small_blocks")
def test_nearest_rows_are_looked_for_in_every_block():
    # Catches the nearest of the last block.
    x, rows = RNG.normal(size=(5, 3)), RNG.normal(size=(400, 3))
    order = RNG.permutation(400)
    np.testing.assert_allclose(nearest_distances(x, Rows(rows).take(order), np.ones(3)), nearest(x, rows), rtol=1e-12)


# ---- training on what is mapped


@pytest.mark.usefixtures("small_blocks")
def test_a_model_of_a_mapped_file_is_that_of_the_array(tmp_path):
    # Bit for bit, with all that is said about the data. Catches rows, classes and held-out rows that come apart.
    np.save(tmp_path / "x.npy", IMAGES)
    settings = flat(steps=3, width=8, depth=1, batch_size=8, held_out=0.2)
    mapped, whole = (Fitting(data, settle(data, settings)) for data in (load(tmp_path / "x.npy"), from_arrays(IMAGES)))
    losses = [[step.loss for step in fitting.steps()] for fitting in (mapped, whole)]
    assert losses[0] == losses[1]
    assert all(torch.equal(a, b) for a, b in zip(mapped.state.average, whole.state.average, strict=True))
    assert mapped.held_out().gaussian_loss == whole.held_out().gaussian_loss
    sets = [truth_of(fitting.data, 0.2, 0) for fitting in (mapped, whole)]
    np.testing.assert_array_equal(sets[0].true, sets[1].true)


LIMITED = """
import resource, sys
from unstir.runs.data import describe
from unstir.training.config import flat
from unstir.data import load
from unstir.training import fitting
from unstir.evaluation.scores import truth_of
from unstir.training.presets import settle
fitting.HELD_OUT_DRAWS = 16, 16
data = load(sys.argv[1])
small = {"architecture": "mlp", "octaves": 0, "width": 8, "depth": 1, "steps": 2, "batch_size": 8}
fitted = fitting.Fitting(data, settle(data, flat(flip="horizontal", **small)))
losses = [step.loss for step in fitted.steps()]
described, truth, digest = describe(data, fitted), truth_of(data, 0.1, 0, most=50), data.sha256()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_memory_does_not_grow_with_the_data(tmp_path):
    # 40 MB are 320 MB as float64, and 160 MB as float32. Catches one whole copy in floats, anywhere between the file and the last step.
    values = RNG.integers(0, 256, (13_000, 32, 32, 3), np.uint8)
    peaks = []
    for rows in (2000, 13_000):
        np.save(tmp_path / "x.npy", values[:rows])
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, tmp_path / "x.npy"], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        peaks.append(float(done.stdout))
    assert peaks[1] - peaks[0] < 100, peaks


# ---- mirrored images


@pytest.mark.parametrize(("shape", "axis"), [((8, 9), 2), ((3, 9, 8), 3), ((9, 8, 3), 2)])
@pytest.mark.parametrize("encoder", ["channels", "standardise", "min_max"])
def test_half_of_the_rows_are_mirrored(shape, axis, encoder):
    # Catches another axis (upside down, or colours exchanged), what is mirrored in the model's space where each pixel has a scale of
    # its own, classes that go astray, coins that are the same in every block, and more or less than half.
    images = RNG.normal(size=(40, *shape)) * np.linspace(1, 3, shape[-1]) + np.arange(shape[-1])
    data = from_arrays(images, np.arange(40) % 5)
    drawn, mirrored = drawn_of(data.rows, encoder)
    problem = Problem(linear(), "x0", drawn, torch.as_tensor(data.labels), Classes(tuple("abcde"), (8,) * 5), mirrored=mirrored)
    recipe = Recipe(batch_size=40, drop_condition=0.0)
    turned = []
    for number in range(2):
        block, plain = (prepare(asked, recipe, number) for asked in (problem, replace(problem, mirrored=None)))
        x, own = (drawn.encoder.decode(given.example.wanted.flatten(0, 1)).numpy() for given in (block, plain))
        straight, flipped = (np.isclose(x, y, atol=1e-5).reshape(len(x), -1).all(1) for y in (own, np.flip(own, axis)))
        assert (straight ^ flipped).all()
        assert torch.equal(block.cond, plain.cond)
        assert torch.equal(block.t, plain.t)
        turned.append(flipped)
    assert (turned[0] != turned[1]).any()
    assert abs(np.mean(turned) - 0.5) < 4 * 0.5 / np.size(turned) ** 0.5


def test_the_encoder_knows_mirror_images():
    # A column that is black on the left only. Catches an encoder of the rows alone: the mirrored ones would be flattened there.
    images = RNG.normal(size=(30, 8, 8))
    images[:, :, 0] = 2.0
    drawn, mirrored = drawn_of(from_arrays(images).rows, "standardise")
    every = torch.arange(30)
    np.testing.assert_allclose(drawn.encoder.decode(mirrored[every]), np.flip(images, -1), atol=1e-5)
    np.testing.assert_allclose(drawn.encoder.decode(drawn[every]), images, atol=1e-5)


def test_mirrored_training_from_the_command_line(tmp_path, monkeypatch):
    # Catches a setting that is not written down for resume, held-out rows that are mirrored, and rows that have no left and right.
    monkeypatch.chdir(tmp_path)
    found, out, _ = run("train", "digits", "--data.flip", "horizontal", "--print-config", *TINY)
    assert found == 0
    assert 'flip = "horizontal"  # flag' in out
    np.save("strokes.npy", RNG.normal(size=(50, 32, 2)))
    for source in ("moons", "strokes.npy"):
        refused(2, "mirrors images from left to right", "train", source, "--data.flip", "horizontal")
    data, small = from_arrays(IMAGES), {"architecture": "mlp", "steps": 3, "width": 8, "depth": 1, "batch_size": 8}
    usual, mirrored = (Fitting(data, settle(data, flat(flip=flip, **small))) for flip in ("none", "horizontal"))
    assert torch.equal(usual._sets.take(20)[0], mirrored._sets.take(20)[0])
    losses = [[step.loss for step in fitting.steps()] for fitting in (usual, mirrored)]
    assert losses[0] != losses[1]
