"""Rows that are given a picture beside them: the law that is learnt, what a folder keeps, and rows that are mirrored or start from a model."""

import numpy as np
import pytest
import torch

import unstir
from unstir.conditions.grid import Grid
from unstir.conditions.together import Together
from unstir.data import from_arrays
from unstir.data.beside import array_beside
from unstir.data.layouts import layout
from unstir.diffusion.chains import linear
from unstir.errors import DataError, UnstirWarning, UsageError
from unstir.training.parts import told_by
from unstir.training.problem import Problem, prepare
from unstir.training.recipe import Recipe

RNG = np.random.default_rng(0)
A, B = np.array([[0.8, -0.5, 0.2, 0.0], [0.1, 0.6, 0.0, -0.7]]), np.array([3.0, -1.0])
S = np.array([[0.5, 0.2], [0.2, 0.4]])
UNSEEN = np.array([[[0.5, -1.0], [0.2, 0.3]], [[-1.2, 0.4], [0.9, -0.6]]])


@pytest.fixture(scope="module")
def model():
    """x | c ~ N(A c + B, S), with c a picture of 2x2."""
    c = RNG.normal(size=(2000, 2, 2))
    x = c.reshape(-1, 4) @ A.T + B + RNG.multivariate_normal([0, 0], S, 2000)
    return unstir.fit(x, given={"low": c}, steps=400, progress=False)


def furthest(made, mean, covariance):
    """The largest distance of the moments of samples (n, 2) from their law's, in standard errors."""
    n, variances = len(made), np.diag(covariance)
    of_mean = (made.mean(0) - mean) / np.sqrt(variances / n)
    return max(
        abs(of_mean).max(),
        abs((np.cov(made.T) - covariance) / np.sqrt((np.outer(variances, variances) + covariance**2) / n)).max(),
    )


def test_the_law_of_the_rows_is_learnt_where_nothing_was_seen(model):
    """Mean and covariance within three standard errors of 60 samples, at pictures that no row has, and where nothing is given.

    Catches a picture that is not told, pixels in another order, and nothing that is taken for a picture of zeros: each is off by more than
    eight.
    """
    for c in UNSEEN:
        assert furthest(model.sample(60, given={"low": c}), A @ c.ravel() + B, S) <= 3
    assert furthest(model.sample(60, given={}), B, S + A @ A.T) <= 3
    assert furthest(model.sample(60), B, S + A @ A.T) <= 3  # drawn as in training


def test_a_folder_keeps_what_is_given(model, tmp_path):
    again = unstir.load(model.save(tmp_path / "m"))
    assert (again.sample(3, given={"low": UNSEEN[0]}) == model.sample(3, given={"low": UNSEEN[0]})).all()
    assert (again.sample(5) == model.sample(5)).all()
    assert "low" in (tmp_path / "m" / "README.md").read_text()
    with pytest.warns(UnstirWarning, match="low has the value 90, beyond what the model was trained on"):
        model.sample(2, given={"low": np.full((2, 2), 90.0)})


def test_missing_pictures_are_nothing_given_and_kept_as_such(tmp_path):
    # Catches NaN that reaches the loss or the folder's check of its tensors, and a start that forgets the scale.
    c, x = RNG.normal(size=(90, 2, 2)), RNG.normal(size=(90, 3))
    c[::2] = np.nan
    short = {"steps": 3, "batch_size": 16, "width": 8, "progress": False}
    model = unstir.fit(x, given={"low": c, "speed": x[:, 0]}, **short)
    assert isinstance(model.condition, Together)
    assert np.isfinite(model.losses).all()
    again = unstir.load(model.save(tmp_path / "m"))
    assert torch.equal(again.condition.seen.isnan(), model.condition.seen.isnan())
    assert again.condition.seen.isnan().any()
    started = unstir.fit(x, given={"low": 2 * c, "speed": x[:, 0]}, start=again, **short)
    assert started.condition.scale[0].tolist() == model.condition.scale[0].tolist()
    with pytest.raises(UsageError, match="is given speed and low, and these rows are given low"):
        unstir.fit(x, given={"low": c}, start=again, **short)


def test_rows_take_their_pictures_with_them():
    """Catches rows that slip by one when some are dropped or taken, an array that is shared with the caller, and a sum that leaves it out."""
    c, x = RNG.normal(size=(20, 4, 4)), RNG.normal(size=(20, 8, 8))
    gap = x.copy()
    gap[5] = np.nan
    data = from_arrays(gap, given={"low": c, "speed": x[:, 0, 0]}, missing="drop")
    assert (data.told["low"] == np.delete(c, 5, 0)).all()
    some = data.take(np.array([7, 3]))
    assert (some.told["low"] == c[[8, 3]]).all()
    assert some.told["speed"].tolist() == x[[8, 3], 0, 0].tolist()
    same, other = (from_arrays(x, given={"low": each}).sha256() for each in (c, c[::-1]))
    assert same != other
    held = from_arrays(x, given={"low": c})
    c[:] = 0
    assert (held.told["low"] != 0).all()


def test_parts_are_seen_together():
    # Catches columns and pictures of different rows in what random ones are drawn from.
    c = np.arange(20.0)[:, None, None] * np.ones((20, 4, 4))
    made = told_by(from_arrays(RNG.normal(size=(20, 8, 8)), given={"speed": np.arange(20.0), "low": c}), 0)
    drawn = made.drawn(30, torch.Generator().manual_seed(0))
    assert made.arrays(drawn)["low"][:, 0, 0] == pytest.approx(made.codes(drawn)[:, 0], abs=1e-4)


def test_a_mirrored_row_has_its_picture_mirrored():
    """Rows are dark on the left, and so is what they are given. Catches a picture that stays as it was beside a row that is turned round."""
    slope = np.linspace(-1, 1, 4)[None, None] * np.ones((50, 4, 1)) * RNG.uniform(1, 2, (50, 1, 1))
    grid = Grid.fitted(array_beside("low", slope, 50, layout((8, 8))))
    rows = 1e6 * torch.from_numpy(slope).float()
    problem = Problem(linear(), "eps", rows, grid.values(slope, 50), grid, mirrored=rows.flip(2))
    _, example, cond = prepare(problem, Recipe(batch_size=16, drop_condition=0.0), 0)
    way, told = (part[..., 3].sum(2) - part[..., 0].sum(2) for part in (example.seen, cond))
    assert (way.sign() == told.sign()).all()
    assert 0.4 < (told > 0).double().mean() < 0.6


def test_what_cannot_be_given_is_said():
    x = RNG.normal(size=(50, 8, 8))
    for said, given in (
        (r"given 'low' has shape \(49, 4, 4\)", np.ones((49, 4, 4))),
        ("given 'low' has infinite values", np.full((50, 4, 4), np.inf)),
        ("given 'low' has no value at all", np.full((50, 4, 4), np.nan)),
    ):
        with pytest.raises(DataError, match=said):
            from_arrays(x, given={"low": given})
