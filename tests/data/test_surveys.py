"""What data is taken for: every kind of trouble is found where it is, and none where it is not."""

from importlib import import_module

import numpy as np
import pytest
from scipy.special import ndtri

from unstir.data import TOYS, from_arrays, survey, toy
from unstir.data.columns import columns_of
from unstir.data.layouts import kind_of
from unstir.data.surveys import problems_before_training

N = 400
RNG = np.random.default_rng(0)
PLAIN = RNG.normal(size=(N, 3))


def problems(values, labels=None, names=()):
    """The text of each problem by its name."""
    return {p.name: p.text for p in survey(from_arrays(values, labels, names, missing="keep")).problems}


def changed(column, value, rows=slice(None)):
    values = PLAIN.copy()
    values[rows, column] = value
    return values


# ---- what it is


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        *(((1,), "points"), ((3,), "points"), ((4,), "table"), ((784,), "table")),
        *(((28, 28), "images"), ((8, 8), "images"), ((8, 31), "images"), ((8, 32), "sequences"), ((32, 2), "sequences")),
        *(
            ((3, 32, 32), "images"),
            ((32, 32, 1), "images"),
            ((64, 48, 4), "images"),
            ((5, 6, 7), "arrays"),
            ((2, 3, 4, 5), "arrays"),
        ),
    ],
)
def test_the_kind_is_by_shape(shape, kind):
    assert kind_of(shape) == kind


def test_statistics_are_those_of_the_finite_values():
    """Against numpy's own. Catches a mean over gaps, a deviation with N - 1, levels counted with the gaps."""
    values = np.array([[1.0, 10], [2, np.nan], [2, 30], [np.inf, 40], [7, 40], [np.nan, 60], [np.nan, 0.5]])
    first, second = columns_of(from_arrays(values, names=("a", "b"), missing="keep"))
    held = np.array([1.0, 2, 2, 7])
    assert (first.missing, first.infinite) == ((2, 5), (1, 3))
    assert (first.low, first.high, first.median, first.distinct, first.whole) == (1, 7, 2, 3, True)
    assert first.mean == pytest.approx(held.mean())
    assert first.deviation == pytest.approx(held.std())
    assert (second.missing, second.infinite, second.whole) == ((1, 1), (0, -1), False)


def test_z_is_the_distance_from_the_median_by_the_middle_half():
    """Equation (1): a standard normal has z = x, whatever one wild value does. Catches the standard deviation in its place."""
    u = (np.arange(4001) + 0.5) / 4001
    values = ndtri(u)
    values[17] = 1e9
    (column,) = columns_of(from_arrays(3 * values + 5))
    assert column.at == 17
    assert column.farthest == pytest.approx(1e9, rel=0.01)


def test_levels_are_the_values_of_the_whole():
    digits = RNG.integers(0, 17, (N, 8, 8)).astype(float)
    digits[0].flat[:17] = np.arange(17)
    assert survey(from_arrays(digits)).levels == 17
    assert survey(from_arrays(PLAIN)).levels is None
    assert survey(from_arrays(RNG.integers(0, 256, (N, 9, 9)).astype(np.uint8))).levels == 256
    assert survey(from_arrays(np.stack([np.arange(200), np.arange(200) + 200], 1))).levels is None  # 200 and 200, 400 in all


def test_classes_are_counted_without_the_rows_that_have_none():
    data = from_arrays(PLAIN, ["b"] * 300 + ["a"] * 90 + [""] * 10, missing="keep")
    found = survey(data)
    assert found.classes == {"a": 90, "b": 300}
    assert "10 rows without a class (first: row 390)" in {p.name: p.text for p in found.problems}["labels missing"]


# ---- what is wrong with it


@pytest.mark.parametrize("name", TOYS)
def test_nothing_is_wrong_with_the_built_in_sets(name):
    # Catches a check that cries wolf.
    assert survey(toy(name, 2000, seed=1)).problems == []


@pytest.mark.parametrize(
    ("names", "values", "said"),
    [
        (
            "missing",
            changed(1, np.nan, [118, 300]),
            "2 missing values: column 1 has 2 (first: row 118). Remove those rows, or pass --data",
        ),
        ("infinite", changed(0, -np.inf, [7]), "1 infinite value: column 0 has 1 (first: row 7)"),
        ("constant", changed(2, 7.0), "column 2 is always 7"),
        ("constant, missing", changed(2, [7.0, np.nan] * (N // 2)), "column 2 is always 7"),
        ("huge", changed(1, 1e13 * PLAIN[:, 1]), "column 1 holds values up to"),
        ("huge", np.array([[1e308], [-1e308], [1.0]] * 40), "up to 1e+308"),
        ("far from zero", (1e5 + PLAIN).astype(np.float32), "near the last digit of a float32"),
        ("far from zero", 1e10 + PLAIN, "near the last digit of a float64"),
        ("outliers", changed(0, 500.0, [42]), "from the median (row 42)"),
        ("counter", changed(1, np.arange(N)), "column 1 changes by the same step from row to row"),
        ("counter", changed(1, np.arange(N) ** 1.5), "column 1 grows from row to row"),
        ("counter", changed(1, -np.sort(RNG.random(N))), "column 1 falls from row to row"),
        ("counter", changed(1, RNG.permutation(N)), "column 1 is different in every row: an id?"),
        ("repeated", np.concatenate([PLAIN, PLAIN[:37]]), "37 of 437 rows repeat an earlier one"),
        ("repeated, constant", np.concatenate([PLAIN * [0, 1, 1], -PLAIN[:1] * [0, -1, -1]]), "1 of 401 rows repeats"),  # 0 is -0
        ("alike", changed(2, 1 - 3 * PLAIN[:, 0]), "column 0 and column 2 (-1.0000)"),
        ("dependent", changed(2, PLAIN[:, 0] + PLAIN[:, 1]), "the 3 columns that vary span 2 dimensions"),
        ("few", PLAIN[:49], "49 whole rows for 3 numbers"),
        ("few", RNG.normal(size=(N, 41)), "400 whole rows for 41 numbers"),
    ],
)
def test_each_trouble_is_found_and_placed_and_nothing_else_is(names, values, said):
    """One thing is wrong with each. Catches a check that is silent, one that is set off by another's trouble, and a wrong row."""
    found, first, *more = problems(values), *names.split(", ")
    assert said in found[first]
    assert set(found) == {first, *more}


def test_every_column_with_gaps_is_named_not_only_the_first():
    values = PLAIN.copy()
    values[[3, 9], 0] = np.nan
    values[5, 2] = np.nan
    values[8, 1] = np.inf
    found = problems(values, names=("place", "speed", "height"))
    assert "3 missing values: column 'place' has 2 (first: row 3), column 'height' has 1 (first: row 5)" in found["missing"]
    assert "column 'speed' has 1 (first: row 8)" in found["infinite"]
    wide = np.full((60, 30), 1.0) * np.arange(60)[:, None]
    wide[2] = np.nan
    assert "column 9 has 1 (first: row 2), and 20 more" in problems(wide)["missing"]


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        ("one class", ["cat"] * N, "all rows have the class 'cat'"),
        ("small classes", ["cat"] * (N - 1) + ["dog"], "'dog' has 1 row: too few"),
        ("many classes", list(range(N)), "400 classes for 400 rows: ids?"),
        (None, ["cat", "dog"] * (N // 2), ""),
    ],
)
def test_classes_that_cannot_be_learnt_are_named(name, labels, said):
    found = problems(PLAIN, labels)
    assert set(found) == ({name} if name else set())
    assert said in found.get(name, "")


def test_a_named_id_and_a_column_that_may_be_a_class():
    ids = changed(0, RNG.choice(10**6, N, replace=False))
    assert problems(ids, names=("user_id", "a", "b"))["counter"].startswith("column 'user_id' is different in every row")
    assert problems(ids) == {}
    pets = changed(2, np.arange(N) % 3)
    text = problems(pets, names=("a", "b", "the pet"))["a class?"]
    assert "column 'the pet' has 3 values, all whole" in text
    assert "--data.labels 'the pet'" in text
    assert problems(pets, ["x", "y"] * (N // 2), ("a", "b", "pet")) == {}


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        ("negative class", RNG.integers(-1, 3, N), "'-1' ("),  # what scikit-learn gives rows without a class
        ("missing class", np.where(RNG.random(N) < 0.3, "nan", "cat"), "'nan' ("),
        ("missing class", RNG.choice(["None", "cat", "dog"], N), "'None' ("),
        ("classes alike", RNG.choice(["cat", "Cat ", "dog"], N), "'Cat ' ("),
        ("classes alike", RNG.choice(["caf\u00e9", "cafe\u0301", "tea"], N), "written"),
        (None, RNG.choice([-1, 1], N), ""),  # the two classes of a support vector machine
        (None, RNG.random(N) < 0.5, ""),
        (None, RNG.choice([0.0, 1.0, 2.0], N), ""),
    ],
)
def test_classes_that_are_none_or_one_are_told(name, labels, said):
    # Catches a count of classes alone, and alarm at classes that are as they should be.
    found = problems(PLAIN, labels)
    assert set(found) == ({name} if name else set())
    assert said in found.get(name, "")


def test_ids_are_found_by_what_chance_would_have_made_equal():
    """400 numbers below 2,000 at random have 40 equal pairs. Catches ids that are no permutation, and prices taken for ids."""
    ids = changed(1, RNG.permutation(2000)[:N])
    assert "different in every row" in problems(ids)["counter"]
    assert problems(changed(1, RNG.integers(0, 2000, N))) == {}
    assert problems(changed(1, RNG.permutation(10**6)[:N])) == {}
    again = changed(1, np.arange(N) % 200)  # two frames joined, with the index of each
    assert "had no name" in problems(again, names=("a", "Unnamed: 0", "b"))["counter"]
    assert problems(again, names=("a", "week", "b")) == {}


def test_a_class_that_is_spelt_out_is_one_problem_and_two_repeat_each_other():
    # Catches dummies that are only "sums of others", and those of two classes that are not seen to be one.
    three = np.eye(3)[RNG.integers(0, 3, N)]
    found = problems(np.column_stack([PLAIN, three]), names=(*"abc", "red", "green", "blue"))
    assert set(found) == {"one hot"}
    assert "column 'red', column 'green', column 'blue' are one class spelt as 0 and 1" in found["one hot"]
    assert set(problems(np.column_stack([PLAIN, np.eye(2)[RNG.integers(0, 2, N)]]))) == {"alike"}
    free = RNG.integers(0, 2, (N, 3))  # switches that have nothing to do with each other
    assert not {"one hot", "determined", "dependent"} & set(problems(np.column_stack([PLAIN, free])))
    both = np.eye(3)[np.repeat([0, 1, 2], [200, 100, 100])] + np.eye(3)[np.repeat([1, 0, 2], [200, 100, 100])]
    assert "one hot" not in problems(np.column_stack([PLAIN, both]))


def test_a_column_that_another_decides_is_named():
    # Catches a region beside its city, both learnt, whose samples contradict each other; and chance where values are many.
    city = RNG.integers(0, 12, N)
    region = np.array([3.0, 1.0, 7.0, 2.0])[city % 4]
    found = problems(np.column_stack([PLAIN, city, region]), names=(*"abc", "city", "region"))
    assert "column 'region' by column 'city'" in found["determined"]
    assert "determined" not in problems(np.column_stack([PLAIN, city, RNG.integers(0, 4, N)]))
    assert "determined" not in problems(np.column_stack([PLAIN[:60], RNG.permutation(60), RNG.integers(0, 4, 60)]))


def test_the_worst_comes_first():
    values = np.column_stack([PLAIN[:30], np.arange(30.0), np.full(30, 4.0)])
    values[3, 0] = np.nan
    found = survey(from_arrays(values, ["cat"] * 29 + ["dog"], missing="keep")).problems
    assert [problem.name for problem in found] == ["missing", "counter", "small classes", "few", "constant"]


def test_a_quick_look_finds_the_same_in_small_data_and_is_quick_in_large():
    # Catches another wording before training than inspect has, and a look at each of 750,000 pixels.
    values = np.column_stack([changed(0, 500.0, [42]), np.arange(N), np.eye(3)[RNG.integers(0, 3, N)]])
    data = from_arrays(values, ["a"] * (N - 1) + ["b"])
    assert problems_before_training(data) == survey(data).problems
    pictures = from_arrays(np.zeros((40, 500, 500, 3), np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(pictures), "intact", None)  # no pass through all values
        (few, constant) = problems_before_training(pictures)
    assert (few.name, constant.name) == ("few", "constant")
    assert " places looked at never vary" in constant.text


def test_rows_that_have_to_repeat_are_no_copies():
    # Three bits: eight rows are possible. Catches a warning on every small discrete set.
    assert "repeated" not in problems(RNG.integers(0, 2, (N, 3)))


def test_gaps_are_counted_in_all_of_a_large_array(monkeypatch):
    """With 30 numbers to look at. Catches a gap passed over between the rows looked at, and a row number that is off by the step."""
    monkeypatch.setattr(import_module("unstir.data.surveys"), "LOOKED_AT", 30)
    values = changed(1, np.nan, [7, 11])
    values[0, 0] = 800.0
    found = survey(from_arrays(values, missing="keep"))
    assert found.looked_at == 10
    assert (found.columns[1].missing.count, found.columns[1].missing.first) == (2, 7)
    assert found.columns[0].at == 0
    assert found.columns[0].high == 800


@pytest.mark.parametrize(
    ("shape", "axes"), [((40,), "NL"), ((40, 2), "NLC"), ((2, 40), "NCL"), ((40, 20), "NHW"), ((3, 20, 40), "NCHW")]
)
def test_the_scale_of_detail_is_the_length_of_the_shortest_wave(shape, axes):
    """Waves of 80 / 8 = 10 positions along the axis of 40. Catches channels that are taken for positions, and the mean row's own detail."""
    rng = np.random.default_rng(0)
    along = shape.index(40)
    wave = np.cos(np.pi * 8 * (np.arange(40) + 0.5) / 40).reshape([40 if i == along else 1 for i in range(len(shape))])
    rows = rng.normal(size=(30, *[1] * len(shape))) * wave * np.ones(shape) + rng.normal(size=shape)  # a rough mean row
    assert survey(from_arrays(rows, axes=axes)).detail == pytest.approx(10)
    rows += 0.05 * rng.normal(size=rows.shape)  # noise of less than a per cent stays unseen
    assert survey(from_arrays(rows, axes=axes)).detail == pytest.approx(10)
    assert survey(from_arrays(1e200 * rows, axes=axes)).detail == pytest.approx(10)  # squares would be infinite
    assert survey(from_arrays(rng.normal(size=rows.shape), axes=axes)).detail < 2.2
    assert survey(from_arrays(np.ones(rows.shape), axes=axes)).detail is None


def test_a_table_has_no_waves():
    assert survey(from_arrays(np.random.default_rng(0).normal(size=(30, 40)), axes="ND")).detail is None


def test_what_is_odd_in_the_columns_of_a_table_is_named():
    """Catches two spellings of one town that become two towns, a column without a value, and a number with few values that hides all others."""
    n = 60
    few = [None] * (n - 3) + [1, 2, 3]
    x = [i * 37 % 101 for i in range(n)]
    table = {"town": ["Bonn", "bonn ", "Ulm"] * (n // 3), "none": [None] * n, "few": few, "x": x, "twice": [2 * v for v in x]}
    found = {problem.name: problem for problem in survey(from_arrays(table)).problems}
    assert found["values alike"].text.startswith(
        "column 'town' has values that differ only in how they are written: 'Bonn' (20) and"
    )
    assert (found["empty"].columns, found["mostly missing"].columns, found["alike"].columns) == ((1,), (2,), (3, 4))
