"""Tables that bring names: whatever can be asked for its columns is read by them, and what is no number is refused by its name."""

from decimal import Decimal

import numpy as np
import pytest
import torch

import unstir
from unstir.data import from_arrays
from unstir.data.frames import frame_of
from unstir.data.matching import matched
from unstir.errors import DataError, UsageError


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Looks at held-out rows take longer than these trainings, and no test here looks at them."""
    monkeypatch.setattr("unstir.training.fitting.HELD_OUT_DRAWS", (16, 16))
    monkeypatch.setattr("unstir.training.fitting.CURVE_DRAWS", (2, 2))


A, B = [1.5, 2.5, 3.5], [1, 0, 1]


class Frame:
    """What pandas and polars have in common, as far as it is asked for."""

    def __init__(self, columns):
        self.held, self.columns = columns, list(columns)

    def __getitem__(self, name):
        return self.held[name]


class Arrow:
    """A table of pyarrow: its `columns` are the columns themselves, and `column_names` their names."""

    def __init__(self, columns):
        self.held, self.columns, self.column_names = columns, list(columns.values()), list(columns)

    def __getitem__(self, name):
        return self.held[name]


class Series:
    """A column, or a row, of a data frame of pandas."""

    def __init__(self, values, name=None, index=None):
        self.held, self.name, self.ndim = list(values), name, 1
        self.index = list(range(len(self.held))) if index is None else index

    def keys(self):
        return self.index

    def __getitem__(self, key):
        return self.held[self.index.index(key)]

    def __len__(self):
        return len(self.held)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.held, dtype)

    def to_numpy(self):
        return np.array(self.held)


class NAType:
    """The missing value of pandas, of which nothing can be asked."""

    def __eq__(self, other):
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = object.__hash__


KINDS = {
    "frame": lambda columns: Frame({name: np.array(column) for name, column in columns.items()}),
    "arrow": lambda columns: Arrow({name: np.array(column) for name, column in columns.items()}),
    "dict": dict,
    "tensors": lambda columns: {name: torch.tensor(np.array(column)) for name, column in columns.items()},
    "records": lambda columns: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    "series": lambda columns: Frame({name: Series(column, name) for name, column in columns.items()}),
    "structured": lambda columns: np.array(
        list(zip(*columns.values(), strict=True)), [(name, np.array(column).dtype) for name, column in columns.items()]
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_table_keeps_its_names(kind):
    """Catches names that are dropped, booleans that are refused, and the columns of pyarrow taken for their names."""
    data = from_arrays(KINDS[kind]({"a": A, "b": B}))
    assert data.names == ("a", "b")
    assert data.values.tolist() == [[1.5, 1.0], [2.5, 0.0], [3.5, 1.0]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_answers_the_same_to_columns_in_any_order(kind):
    """Catches a frame that becomes an array before its names are looked at: log p was off by a factor of a thousand."""
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(1000, 1, 60).tolist(), "b": rng.integers(0, 2, 60).tolist()}
    model = fitted(tuple(columns["a"]), tuple(columns["b"]))
    few = {name: column[:4] for name, column in columns.items()}
    array = np.c_[few["a"], few["b"]]
    rows, turned = KINDS[kind](few), KINDS[kind]({"b": few["b"], "a": few["a"]})
    np.testing.assert_array_equal(model.log_prob(rows, steps=2), model.log_prob(array, steps=2))
    for call in (
        lambda x: model.log_prob(x, steps=2),
        lambda x: model.encode(x, steps=4),
        lambda x: model.inpaint(x, {"b": 0, "a": 1}, steps=2),
    ):
        want = call(rows)
        np.testing.assert_array_equal(call(rows), want)
        np.testing.assert_array_equal(call(turned), want)


def fitted(a, b, made={}):  # noqa: B006
    """A model of these columns, fitted once."""
    if (a, b) not in made:
        made[a, b] = unstir.fit({"a": a, "b": b}, encoder="standardise", steps=5, width=8, depth=1, batch_size=16)
    return made[a, b]


def test_the_class_and_the_group_are_named_columns_too():
    """Catches labels='kind' taken for a list of four letters, and a class column that `log_prob` does not use."""
    rng = np.random.default_rng(0)
    rows = {"kind": ["x", "y"] * 30, "who": list(range(20)) * 3, "a": rng.normal(size=60), "b": rng.normal(size=60)}
    model = unstir.fit(rows, labels="kind", groups="who", steps=30, width=8, depth=1, batch_size=16, lr=0.05)
    assert (model.card.names, model.classes, model.condition.column) == (("a", "b"), ("x", "y"), "kind")
    few = {name: column[:4] for name, column in rows.items() if name != "who"}
    array = np.c_[few["a"], few["b"]]
    np.testing.assert_array_equal(model.log_prob(few, steps=4), model.log_prob(array, given=few["kind"], steps=4))
    np.testing.assert_array_equal(model.log_prob(few, given="x", steps=4), model.log_prob(array, given="x", steps=4))
    assert (model.log_prob(few, steps=4) != model.log_prob(array, steps=4)).any()
    np.testing.assert_array_equal(
        model.log_prob(array, given=Frame({"kind": few["kind"]}), steps=4), model.log_prob(few, steps=4)
    )
    np.testing.assert_array_equal(model.sample(3, {"kind": "y"}, steps=2), model.sample(3, "y", steps=2))
    with pytest.raises(DataError, match="this model is given 'kind', and what came is called 'sort'"):
        model.sample(3, {"sort": "y"}, steps=2)
    with pytest.warns(UserWarning, match="column 'who' is left out; the columns are 'a' and 'b'"):
        model.log_prob({name: column[:4] for name, column in rows.items()})
    with pytest.raises(UsageError, match="unknown column, for labels, 'kin': did you mean 'kind'"):
        unstir.fit(rows, labels="kin")
    with pytest.raises(UsageError, match="labels='kind' is the name of a column, and the data has none"):
        unstir.fit(array, labels="kind")


def test_rows_and_columns_alone():
    """Catches a row of a frame, as `frame.iloc[0]` gives it, matched by place, and a column whose name is dropped."""
    model = fitted(tuple(A * 20), tuple(B * 20))
    want = model.interpolate([1.5, 1.0], [2.5, 0.0], 3, steps=4)
    for one, other in (
        ({"b": 1, "a": 1.5}, {"a": 2.5, "b": False}),
        (Series([1.0, 1.5], "row 7", ["b", "a"]), Series([2.5, 0.0], 8, ["a", "b"])),
        (KINDS["structured"]({"b": [1], "a": [1.5]})[0], Frame({"b": [0], "a": [2.5]})),
    ):
        np.testing.assert_array_equal(model.interpolate(one, other, 3, steps=4), want)
    alone = unstir.fit(Series(np.arange(30.0), "income"), steps=3, width=8, depth=1, batch_size=8)
    assert alone.card.names == ("income",)
    with pytest.raises(DataError, match="'income' is missing, and 'age' is not known"):
        alone.log_prob(Series([1.0, 2.0], "age"))


def test_names_are_equal_or_refused_with_both_lists():
    """Catches 'Age' for 'age', a second column of a name that wins or loses by its place, and silence about what goes by place."""
    model = fitted(tuple(A * 20), tuple(B * 20))
    for rows, said in (
        ({"A": A, "b": B}, "'a' is missing, and 'A' is not known. Names have to be equal: is 'A' meant to be 'a'"),
        ({" a": A, "b": B}, "is ' a' meant to be 'a'"),
        ({"c": A}, "'a' and 'b' are missing, and 'c' is not known"),
    ):
        for call in (model.log_prob, model.encode, model.inpaint, lambda x: model.interpolate(x, x)):
            with pytest.raises(DataError, match=said.replace("?", r"\?")):
                call(rows)
    with pytest.raises(DataError, match="two columns are called '1'"):
        model.log_prob({1: A, "1": B})
    with pytest.raises(DataError, match="come in another order than the model's, and the mask has no names"):
        model.inpaint({"b": B, "a": A}, [True, False])
    with pytest.raises(DataError, match="'b' is missing"):
        model.inpaint({"b": B, "a": A}, {"a": True})
    nameless = unstir.fit(np.random.default_rng(0).normal(size=(30, 2)), steps=3, width=8, depth=1, batch_size=8)
    with pytest.warns(UserWarning, match="no column names, so columns go by place, in the order in which they came: 'a' and 'b'"):
        nameless.log_prob({"a": A, "b": B})
    assert matched((), (), "x").notes == ()


def test_a_gap_is_filled_in_without_a_mask():
    """Catches rows with gaps that need a mask beside them."""
    model = fitted(tuple(A * 20), tuple(B * 20))
    made = model.inpaint({"b": [None, True], "a": [1.5, float("nan")]}, steps=2)
    assert np.isfinite(made).all()
    assert made[0, 0] == 1.5


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"a": [1.0, None, "x"]}, r"column 'a' holds text \('x', row 2\)"),
        ({"a": [1j, 2j, 3j]}, r"column 'a' holds complex \('1j', row 0\)"),
        ({"a": np.array([1, 2, 3], "timedelta64[s]")}, "column 'a' holds lengths of time"),
        ({"a": [[1], [2], [3]]}, r"column 'a' holds list \('\[1\]', row 0\)"),
        ({"a": np.zeros((3, 2))}, r"column 'a' has shape \(3, 2\); a column of 3 rows is \(3,\)"),
        ({"a": A, "b": [1, 2]}, "column 'b' has 2 values, and column 'a' has 3"),
        ({"a": A, "b": [1, 2, 2**60 + 1]}, r"column 'b' holds 1152921504606846977 \(row 2\), a whole number beyond"),
        ({}, "a table without columns"),
        ([{"a": 1, "b": 2}, {"a": 1, "c": 2}], "row 1 and row 0 do not have the same names"),
    ],
)
def test_what_is_no_number_is_refused_by_its_name(columns, said):
    """Catches columns that become objects, or text that is complained of without its column."""
    with pytest.raises(DataError, match=said):
        from_arrays(columns)


def test_types_are_as_narrow_as_they_can_be():
    """Catches bytes without their bounds, and whole numbers that became floats because of a missing value elsewhere."""
    whole = from_arrays({"a": np.array([1, 2], np.uint8), "b": np.array([3, 4], np.uint8)})
    assert (whole.dtype, whole.bounds) == ("uint8", (0.0, 255.0))
    assert from_arrays({"a": np.array([1, 2], np.float32), "b": np.array([1, 0], np.uint8)}).dtype == "float32"
    assert from_arrays({"a": [Decimal("1.5"), Decimal(2)]}).values.tolist() == [[1.5], [2.0]]
    assert frame_of({("price", "mean"): A, ("price", ""): B}).names == ("price.mean", "price")
