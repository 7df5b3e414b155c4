"""The features of a small network: learnt from the rows alone, of any size, and the same again for the same seed."""

import numpy as np
import pytest
import torch

from unstir import data as datasets
from unstir.data import from_arrays
from unstir.evaluation import features
from unstir.evaluation.features import FEATURES, encoded, learn

SHAPES = [(6, 5), (4, 1), (9, 17), (1, 5, 7), (5, 7, 3), (2, 4, 4), (40, 2), (8, 8, 1)]


def short(monkeypatch, steps=3):
    for name in ("PASSES", "FEWEST_STEPS"):
        monkeypatch.setattr(features, name, 0 if name == "PASSES" else steps)


@pytest.mark.parametrize("shape", SHAPES)
def test_any_size_has_features_and_comes_back_at_its_very_size(shape, monkeypatch):
    """Images and sequences by one number, odd sides, channels first, last or none. Catches a decoder that only doubles, and channels
    taken for a side."""
    short(monkeypatch)
    rows = np.random.default_rng(0).normal(size=(30, *shape))
    seen = learn(from_arrays(rows), seed=0)
    assert seen.classes == ()
    x = seen.standard(rows)
    assert seen.head(encoded(seen.encoder, seen.standard, rows).float()).shape == x.shape
    assert (seen.of(rows).shape, seen.of(rows, 5).shape) == ((30, FEATURES), (30, 5))
    labelled = learn(from_arrays(rows, labels=["a", "b"] * 15), seed=0)
    assert labelled.classes == ("a", "b")
    assert set(labelled.classify(rows)) <= {0, 1}


def test_the_features_are_a_function_of_rows_and_seed(monkeypatch):
    """Catches torch's global state used or moved, and an order of rows that is not seeded."""
    short(monkeypatch)
    rows = np.random.default_rng(0).normal(size=(50, 6, 6))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = learn(from_arrays(rows), seed=3).of(rows)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert np.array_equal(learn(from_arrays(rows), seed=3).of(rows), first)
    assert not np.allclose(learn(from_arrays(rows), seed=4).of(rows), first)


def test_units_do_not_matter_and_the_first_features_have_mean_square_one(monkeypatch):
    """Catches rows that go in as they are, a far origin lost in float32, directions the narrowest first, and a scale for all 64."""
    short(monkeypatch)
    rows = np.random.default_rng(0).normal(size=(200, 3, 6, 6))
    seen = learn(from_arrays(rows), seed=0)
    moved = learn(from_arrays(rows * [[[1e-3]], [[1e3]], [[1]]] + 1e6), seed=0)
    assert moved.of(rows * [[[1e-3]], [[1e3]], [[1]]] + 1e6, 8) == pytest.approx(seen.of(rows, 8), abs=0.02)
    for k in (1, 8, FEATURES):
        assert (seen.of(rows, k) ** 2).mean() == pytest.approx(1, rel=1e-6)
    variances = seen.of(rows).var(0)
    assert (np.diff(variances) < 1e-9).all()  # v / (v + v_1 / 100) falls with v
    assert np.corrcoef(seen.of(rows, 4).T) == pytest.approx(np.eye(4), abs=1e-6)


def test_a_class_of_few_rows_is_not_learnt(monkeypatch):
    # Nine rows a class: (3) instead of (2). Catches a judge that nobody could have taught.
    short(monkeypatch)
    rows = np.random.default_rng(0).normal(size=(36, 6, 6))
    assert learn(from_arrays(rows, labels=list("abcd") * 9), seed=0).classes == ()
    assert learn(from_arrays(rows[:4].repeat(9, 0) * 0, labels=["a"] * 36), seed=0).classes == ()  # one class, all rows alike


def test_digits_are_told_from_each_other():
    """The bar: 97 % of rows that it never saw, in seconds. Catches a network that learns nothing, or too little."""
    training, unseen = datasets.load("digits").split(0.1, 0)
    judge = learn(training, seed=0)
    assert (judge.classify(unseen.values) == unseen.labels).mean() >= 0.97
    assert judge.rows == len(training)


def test_an_autoencoders_code_holds_the_picture():
    # A bar at one of 12 places: the code gives it back. Catches a decoder that answers the mean picture.
    rng = np.random.default_rng(0)
    place, rows = rng.integers(0, 12, 600), rng.normal(0, 0.1, (600, 6, 6))
    for i, k in enumerate(place):
        (rows[i] if k < 6 else rows[i].T)[k % 6] += 3
    seen = learn(from_arrays(rows[:500]), seed=0)
    x = seen.standard(rows[500:])
    again = seen.head(encoded(seen.encoder, seen.standard, rows[500:]).float())
    assert float(((again - x) ** 2).mean().detach()) < 0.2
