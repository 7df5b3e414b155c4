"""A picture or a sequence beside each row, alone and together with columns: scale, what can be given, and what a folder may claim."""

import json
import math

import numpy as np
import pytest
import torch

from unstir.conditions.base import thinned
from unstir.conditions.columns import Columns
from unstir.conditions.grid import MOST_NUMBERS, Grid, kept_rows
from unstir.conditions.registry import CONDITIONS
from unstir.conditions.together import Together
from unstir.data.beside import array_beside
from unstir.data.layouts import layout
from unstir.data.tables import Column, Schema
from unstir.errors import UsageError
from unstir.seeds import seeded

RNG = np.random.default_rng(0)
COLOURS = RNG.normal([1.0, 5.0, -3.0], [1.0, 2.0, 0.5], (60, 4, 6, 3)).astype(np.float32)  # NHWC: each channel has its own scale
LOW = Grid.fitted(array_beside("low", COLOURS, 60, layout((8, 8, 3))))
SPEED = Columns.fitted(
    Schema((Column("speed", "number"), Column("kind", "category", values=("a", "b")))), 1.0 * (RNG.normal(size=(60, 2)) > 0)
)
BOTH = Together.of((SPEED, LOW))


def with_rows(condition, told):
    return condition.with_seen(condition.values(told, 60))


def test_each_channel_has_its_own_scale():
    """Mean 0 and deviation 1 over rows and positions, by numpy. Catches one scale for all, and a scale for each pixel; and statistics that are
    not joined over blocks, with gaps in some of them.
    """
    z = LOW.values({"low": COLOURS}, 60).double()
    assert z.mean((0, 1, 2)).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert z.std((0, 1, 2), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-5)
    assert z[:, 0, 0].std(0, correction=0).sub(1).abs().max() > 0.02
    assert LOW.arrays(z.float())["low"] == pytest.approx(COLOURS, abs=1e-5)
    gaps = COLOURS.astype(np.float64)
    gaps[3], gaps[5, 0, 0, 1] = np.nan, np.nan
    held = array_beside("low", gaps, 60, layout((8, 8, 3)))
    object.__setattr__(held.rows, "held", gaps)
    type_of = type(held.rows)
    blocks = type_of.blocks
    type_of.blocks = lambda rows: ((i, rows[i : i + 7]) for i in range(0, len(rows), 7))
    try:
        found = Grid.fitted(held)
    finally:
        type_of.blocks = blocks
    assert found.means == pytest.approx(np.nanmean(gaps, (0, 1, 2)).tolist())
    assert found.spreads == pytest.approx(np.nanstd(gaps, (0, 1, 2)).tolist())
    assert (found.low, found.high, found.gaps, LOW.gaps) == (np.nanmin(gaps), np.nanmax(gaps), True, False)


def test_one_array_is_for_all_rows_and_what_is_left_out_is_nothing():
    one = LOW.values({"low": COLOURS[0]}, 2)
    assert (one == LOW.values(COLOURS[:1].repeat(2, 0), 2)).all()
    assert all(LOW.values(told, 2).isnan().all() for told in (None, {}, {"low": None}))
    assert LOW.texts(torch.stack([one[0], LOW.nothing])) == ["low", ""]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lov": COLOURS[0]}, "unknown name of what is given 'lov': did you mean 'low'"),
        ({"low": "picture.png"}, "low is an array of 4x6 pixels, 3 channels, so it comes in a file: --given pairs.npz"),
        ({"low": COLOURS[:3]}, r"the shape \(3, 4, 6, 3\): give \(4, 6, 3\) for all rows, or \(2, 4, 6, 3\)"),
        ({"low": np.full((4, 6, 3), np.inf)}, "low is infinite"),
        ({"low": np.where(np.arange(72).reshape(4, 6, 3) < 5, np.nan, 1.0)}, "missing at some positions"),
    ],
)
def test_what_cannot_be_given_is_refused(given, said):
    with pytest.raises(UsageError, match=said):
        LOW.values(given, 2)


def test_values_beyond_the_training_rows_are_said_with_the_range():
    # Catches a warning at the very ends of the range, and silence beyond.
    assert LOW.far(LOW.values(COLOURS, 60)) == []
    [said] = LOW.far(LOW.values(np.full((4, 6, 3), 99.0), 1))
    assert said.startswith("low has the value 99, beyond what the model was trained on, -")


def test_whole_numbers_come_back_as_such():
    held = RNG.integers(0, 256, (5, 4, 4), dtype=np.uint8)
    grey = Grid.fitted(array_beside("grey", held, 5, layout((8, 8))))
    back = grey.arrays(grey.values(held, 5))["grey"]
    assert back.dtype == np.uint8
    assert (back == held).all()


def test_in_training_a_name_is_left_out_as_a_whole_and_any_of_several():
    """Nothing for a share of the rows; of a quarter of the others each of 3 names is left out with a uniform probability, so half of them.

    Four standard errors of 20,000 rows. Catches pixels that are left out one by one, and a picture that always goes with the columns.
    """
    n = 20_000
    small = Grid.fitted(array_beside("low", RNG.normal(size=(9, 2, 2)), 9, layout((8, 8))))
    left = thinned(Together.of((SPEED, small)), torch.zeros(n, 6), 0.1, seeded(0)).isnan()
    pixels, names = left[:, 2:], left[:, [0, 1, 2]].double()
    assert (pixels.all(1) == pixels.any(1)).all()
    p = 0.1 + 0.9 * 0.25 / 2
    assert ((names.mean(0) - p).abs() <= 4 * math.sqrt(p * (1 - p) / n)).all()
    alone = thinned(small, torch.zeros(n, 2, 2), 0.1, seeded(0)).isnan().flatten(1)
    assert (alone.all(1) == alone.any(1)).all()
    assert abs(alone[:, 0].double().mean() - 0.1) <= 4 * math.sqrt(0.09 / n)


@pytest.mark.parametrize(
    "condition", [LOW, with_rows(BOTH, {"low": COLOURS, "speed": np.arange(60.0)})], ids=["grid", "together"]
)
def test_a_folder_has_all_of_it(condition):
    # Catches an entry that is forgotten: the same values, scale and rows to draw from. Rows are drawn whole: the number says the picture.
    again = CONDITIONS[condition.kind].build(json.loads(json.dumps(condition.settings))).with_seen(condition.seen)
    assert again.settings == condition.settings
    assert again.kept == tuple(condition.seen.shape)
    told = {"low": COLOURS[:2]}
    assert torch.equal(again.values(told, 2).nan_to_num(), condition.values(told, 2).nan_to_num())
    drawn = again.drawn(40, seeded(1))
    assert torch.equal(drawn.nan_to_num(), condition.drawn(40, seeded(1)).nan_to_num())
    pictures = again.arrays(drawn)["low"]
    which = [int(np.abs(COLOURS - picture).sum((1, 2, 3)).argmin()) for picture in pictures]
    assert len(set(which)) > 20
    assert np.abs(COLOURS[which] - pictures).max() < 1e-4
    if condition.table.columns:
        assert again.codes(drawn)[:, 0] == pytest.approx(np.array(which), abs=1e-3)


WRONG = {
    "shape": [4, -6, 3],
    "means": [0.0],
    "spreads": [1.0, 0.0, 1.0],
    "rows": 10**9,
    "low": "x",
    "dtype": "object",
    "axes": "NHW",
    "gaps": 1,
    "more": 1,
}


@pytest.mark.parametrize("wrong", [*({name: value} for name, value in WRONG.items()), {"shape": [2**40, 6, 3]}])
def test_settings_from_elsewhere_are_checked(wrong):
    with pytest.raises(UsageError):
        Grid.build(LOW.settings | wrong)


def test_a_name_is_given_once():
    with pytest.raises(UsageError, match="'low' is given twice"):
        Together.of((LOW, LOW))


def test_another_scale_keeps_what_was_seen():
    # Catches rows to draw from that keep the old scale, which would be other pictures.
    other = Grid.fitted(array_beside("low", 3 * COLOURS + 1, 60, layout((8, 8, 3))))
    moved = LOW.scaled_like(other)
    assert moved.arrays(moved.seen)["low"] == pytest.approx(LOW.arrays(LOW.seen)["low"], abs=1e-4)
    both = with_rows(BOTH, {"low": COLOURS, "speed": np.arange(60.0)})
    again = both.scaled_like(Together.of((SPEED, other)))
    assert again.arrays(again.seen)["low"] == pytest.approx(both.arrays(both.seen)["low"], abs=1e-4)


def test_few_large_pictures_are_kept():
    assert len(kept_rows(5000, 16, 0)) == 2048
    assert len(kept_rows(5000, 12_288, 0)) == MOST_NUMBERS // 12_288
    assert len(kept_rows(7, 2**22, 0)) == 1
