"""Columns, a condition of several values of mixed type: the laws that every kind keeps, cells, and what a folder from elsewhere may claim."""

import json
import math

import numpy as np
import pytest
import torch

from unstir.conditions.base import thinned
from unstir.conditions.classes import Classes
from unstir.conditions.columns import MOST_SEEN, Columns
from unstir.conditions.registry import CONDITIONS
from unstir.data.tables import Column, Schema
from unstir.errors import UsageError
from unstir.seeds import seeded

NAN = float("nan")
TABLE = Schema(
    (
        Column("price", "number", decimals=1),
        Column("year", "number", decimals=0, dtype="int64"),
        Column("island", "category", values=("Biscoe", "Dream", "Torgersen")),
        Column("day", "time", form="%Y-%m-%d", step=86400.0),
        Column("goal.0", "number"),
        Column("goal.1", "number"),
    )
)
CODES = np.array(
    [
        [3.0, 2007, 0, 1714521600, 0.5, 10.0],
        [5.0, 2009, 1, 1714608000, 1.5, 30.0],
        [7.0, 2008, NAN, 1714694400, NAN, 20.0],
        [5.0, 2008, 2, 1714608000, 1.0, 20.0],
    ]
)
GIVEN = Columns.fitted(TABLE, CODES)


def test_values_are_scaled_codes():
    """The mean is 0 and a standard deviation 1, over the cells that are there; a category is its place. Catches the deviation taken with
    the missing cells, and a category that is scaled.
    """
    values = GIVEN.of_codes(CODES).double().numpy()
    numbers = [0, 1, 3, 4, 5]
    assert np.nanmean(values[:, numbers], 0) == pytest.approx(0, abs=1e-6)
    assert np.nanstd(values[:, numbers], 0) == pytest.approx(1, abs=1e-6)
    assert values[[0, 1, 3], 2].tolist() == [0, 1, 2]
    assert (np.isnan(values) == np.isnan(CODES)).all()
    assert GIVEN.codes(GIVEN.of_codes(CODES)) == pytest.approx(CODES, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({"price": 3.2}, [[3.2, NAN, NAN, NAN, NAN, NAN]] * 2),
        ({"price": "3.2", "island": "Dream"}, [[3.2, NAN, 1, NAN, NAN, NAN]] * 2),
        ({"island": ["Biscoe", None]}, [[NAN, NAN, 0, NAN, NAN, NAN], [NAN] * 6]),
        ({"island": np.array(["Torgersen", "Biscoe"])}, [[NAN, NAN, 2, NAN, NAN, NAN], [NAN, NAN, 0, NAN, NAN, NAN]]),
        ({"year": torch.tensor([2007, 2009]), "price": ""}, [[NAN, 2007, NAN, NAN, NAN, NAN], [NAN, 2009, NAN, NAN, NAN, NAN]]),
        ({"day": "2024-05-02"}, [[NAN, NAN, NAN, 1714608000, NAN, NAN]] * 2),
        ({"goal": [1.0, 20.0]}, [[NAN, NAN, NAN, NAN, 1, 20]] * 2),
        ({"goal": [[1.0, 20.0], [0.5, 10.0]]}, [[NAN, NAN, NAN, NAN, 1, 20], [NAN, NAN, NAN, NAN, 0.5, 10]]),
        ({"goal.1": 20}, [[NAN, NAN, NAN, NAN, NAN, 20]] * 2),
        ({}, [[NAN] * 6] * 2),
    ],
)
def test_values_are_what_is_given_by_name(given, codes):
    # Catches a text taken for a list of letters, the rows of a part mixed up with its columns, and 0 in place of nothing.
    assert GIVEN.codes(GIVEN.values(given, 2)) == pytest.approx(np.array(codes), abs=1e-5, nan_ok=True)


def test_without_names_values_go_by_place():
    numbers = Columns.fitted(TABLE.take([0, 4]), CODES[:, [0, 4]])
    one = Columns.fitted(TABLE.take([2]), CODES[:, [2]])
    assert numbers.codes(numbers.values([3.0, 1.0], 2)).tolist() == [[3.0, 1.0]] * 2
    assert numbers.codes(numbers.values(np.array([[3.0, 1.0], [5.0, 0.5]]), 2)).tolist() == [[3.0, 1.0], [5.0, 0.5]]
    assert one.values("Dream", 2).tolist() == [[1], [1]]
    assert one.values(["Dream", "Biscoe"], 2).tolist() == [[1], [0]]
    with pytest.raises(
        UsageError, match=r"price, year, .* name what you give, as in given=\{.price.: \.\.\.\} or --given price="
    ):
        GIVEN.values("Dream", 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"prize": 3}, r"unknown name of what is given 'prize': did you mean 'price'\? Known: day, goal.0, "),
        ({"island": "Bisco"}, r"unknown island 'Bisco': did you mean 'Biscoe'\? Known: Biscoe, Dream, Torgersen\."),
        ({"price": "dear"}, r"price is a number, as in price=3.0; not 'dear'\."),
        ({"day": "tomorrow"}, r"day is a time, as in day=2024-05-01; not 'tomorrow'\."),
        ({"price": float("inf")}, "price is infinite"),
        ({"price": [1.0, 2.0, 3.0]}, "3 values of price for 2 rows: give one for all rows, or one for each"),
        ({"goal": [1.0, 2.0, 3.0]}, r"goal is 2 numbers a row, and what is given has the shape \(3,\)"),
    ],
)
def test_what_cannot_be_given_is_refused(given, said):
    with pytest.raises(UsageError, match=said):
        GIVEN.values(given, 2)


def test_what_was_never_seen_is_said_with_the_range():
    # Catches a warning at the very ends of the range, which a float32 may pass, and silence beyond it.
    assert GIVEN.far(GIVEN.of_codes(CODES)) == []
    said = GIVEN.far(GIVEN.values({"price": [9.0, 4.0], "year": 1999, "island": "Dream"}, 2))
    assert said == [
        "price=9.0 is beyond what the model was trained on, 3.0 to 7.0, so it can only guess.",
        "year=1999 is beyond what the model was trained on, 2007 to 2009, so it can only guess.",
    ]


def test_rows_are_drawn_whole():
    """A row of the training data at a time, each as often as the others: chi-squared with 3 degrees, 1 in 1,000 above 16.3.

    Catches columns drawn apart, which would make pairs that do not occur.
    """
    drawn = GIVEN.codes(GIVEN.drawn(4000, seeded(0)))
    known = [tuple(row) for row in np.nan_to_num(CODES, nan=-1.0)]
    counts = np.array([sum(tuple(row) == one for row in np.nan_to_num(np.round(drawn, 1), nan=-1.0)) for one in known])
    assert counts.sum() == 4000
    assert ((counts - 1000) ** 2 / 1000).sum() < 16.3


def test_of_many_rows_some_are_kept_to_draw_from():
    codes = np.random.default_rng(0).normal(size=(MOST_SEEN + 500, 1))
    fitted = Columns.fitted(TABLE.take([4]), codes, seed=1)
    assert len(fitted.seen) == MOST_SEEN
    assert set(np.ravel(fitted.seen)) < set(codes.ravel())
    assert fitted.means[0] == pytest.approx(codes.mean())  # of all rows


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_training_leaves_out_whole_rows_and_single_columns(share):
    """A share of the rows has nothing; of a quarter of the others, each column is left out with a probability that is uniform, so half of it.

    Four standard errors of 20,000 rows. Catches columns that are never given alone, and partial rows where guidance is not asked for.
    """
    n, m = 20_000, 3
    condition = Columns.fitted(TABLE.take([0, 1, 5]), CODES[:, [0, 1, 5]])
    left = thinned(condition, torch.zeros(n, m), share, seeded(0)).isnan().double()
    partly = 0.25 if share else 0.0
    p = share + (1 - share) * partly / (m + 1)  # all of m, where every number of columns is as frequent
    one = share + (1 - share) * partly / 2
    assert abs(left.all(1).double().mean() - p) <= 4 * math.sqrt(p * (1 - p) / n) + 1e-12
    assert ((left.mean(0) - one).abs() <= 4 * math.sqrt(one * (1 - one) / n) + 1e-12).all()


def test_classes_are_thinned_as_before():
    # The same random numbers as ever, so that a run of an older version goes on. Catches a draw more or less.
    pets, generator = Classes(("cat", "dog"), (1, 1)), seeded(3)
    dropped = torch.rand(50, generator=seeded(3)) < 0.3
    assert thinned(pets, torch.zeros(50, dtype=torch.long), 0.3, generator).tolist() == (2 * dropped).tolist()
    after = seeded(3)
    torch.rand(50, generator=after)
    assert torch.rand(1, generator=generator) == torch.rand(1, generator=after)


def test_none_is_embedded_as_nothing_and_every_column_counts():
    # Catches nothing taken for the mean or for the first category, and a column that the embedding does not see.
    torch.manual_seed(0)
    embedding = GIVEN.embedding(8)
    whole = GIVEN.of_codes(CODES[:2])
    assert (embedding(None) == embedding(GIVEN.nothing[None])).all()
    assert embedding(None).shape == (1, 8)
    for j in range(6):
        without = whole.clone()
        without[:, j] = NAN
        changed = whole.clone()
        changed[:, j] = whole[:, j].flip(0)
        for other in (without, changed):
            assert (embedding(other) - embedding(whole)).abs().amax(1).min() > 1e-3, GIVEN.names[j]
    zeros, first = torch.zeros(1, 6), torch.zeros(1, 6)
    zeros[0, 0] = first[0, 2] = NAN
    assert (embedding(zeros) - embedding(torch.zeros(1, 6))).abs().max() > 1e-3
    assert (embedding(first) - embedding(torch.zeros(1, 6))).abs().max() > 1e-3


def test_texts_are_what_was_given():
    # Which values() takes back. Catches 3.2000000477 for 3.2, and a column that was not given.
    values = GIVEN.values({"price": [3.2, 7.0], "island": ["Dream", None], "year": 2008, "day": "2024-05-02"}, 2)
    assert GIVEN.texts(values) == [
        "price=3.2, year=2008, island=Dream, day=2024-05-02",
        "price=7.0, year=2008, day=2024-05-02",
    ]


def test_it_is_built_again_from_its_settings_as_json():
    again = CONDITIONS[GIVEN.kind].build(json.loads(json.dumps(GIVEN.settings, allow_nan=False)))
    assert (again.settings, again.names) == (GIVEN.settings, GIVEN.names)
    assert torch.equal(again.of_codes(CODES).nan_to_num(9), GIVEN.of_codes(CODES).nan_to_num(9))
    assert torch.equal(again.drawn(5, seeded(0)).nan_to_num(9), GIVEN.drawn(5, seeded(0)).nan_to_num(9))
    assert hash(again) == hash(again)


def test_a_column_without_a_value_is_refused():
    with pytest.raises(UsageError, match="'price' has no value in any training row"):
        Columns.fitted(TABLE.take([0]), np.full((3, 1), NAN))


COLUMN = Columns.fitted(TABLE.take([2]), CODES[:, [2]]).settings["columns"][0]
SETTINGS = {"columns": [COLUMN], "seen": [[0.0], [None]]}


@pytest.mark.parametrize(
    "hostile",
    [
        {},
        SETTINGS | {"more": 1},
        SETTINGS | {"columns": []},
        SETTINGS | {"columns": [COLUMN, COLUMN], "seen": [[0, 0]]},
        SETTINGS | {"columns": [3]},
        SETTINGS | {"columns": [COLUMN | {"name": 3}]},
        SETTINGS | {"columns": [COLUMN | {"name": "\ud800"}]},
        SETTINGS | {"columns": [COLUMN | {"kind": "shape"}]},
        SETTINGS | {"columns": [COLUMN | {"values": []}]},
        SETTINGS | {"columns": [COLUMN | {"values": ["a", "a", "b"]}]},
        SETTINGS | {"columns": [COLUMN | {"values": ["a", 1, "b"]}]},
        SETTINGS | {"columns": [COLUMN | {"kind": "boolean"}]},
        SETTINGS | {"columns": [COLUMN | {"spread": 0}]},
        SETTINGS | {"columns": [COLUMN | {"mean": NAN}]},
        SETTINGS | {"columns": [COLUMN | {"mean": True}]},
        SETTINGS | {"columns": [COLUMN | {"decimals": -1}]},
        SETTINGS | {"columns": [{name: COLUMN[name] for name in COLUMN if name != "mean"}]},
        SETTINGS | {"seen": []},
        SETTINGS | {"seen": [[0, 1]]},
        SETTINGS | {"seen": [[3]]},
        SETTINGS | {"seen": [[0.5]]},
        SETTINGS | {"seen": [["Dream"]]},
        SETTINGS | {"seen": [[NAN]]},
    ],
    ids=lambda settings: repr(settings)[-60:],
)
def test_hostile_settings_are_one_error(hostile):
    with pytest.raises(UsageError):
        Columns.build(hostile)
