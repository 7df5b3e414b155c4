"""Arrays come in whole or not at all: values and labels exactly, or one error that says what, where and what to do."""

import numpy as np
import pytest
import torch

from unstir.data import from_arrays
from unstir.errors import DataError, UsageError

ROWS = np.random.default_rng(0).standard_normal((12, 3))


@pytest.mark.parametrize(
    ("dtype", "kept", "bounds"),
    [
        ("bool", "float32", (0, 1)),
        ("uint8", "float32", (0, 255)),
        ("int8", "float32", None),
        ("uint16", "float32", None),
        ("int32", "float64", None),
        ("int64", "float64", None),
        ("float16", "float32", None),
        ("float32", "float32", None),
        ("float64", "float64", None),
        (">f8", "float64", None),
        (">i2", "float32", None),
    ],
)
def test_every_real_type_keeps_its_values_exactly(dtype, kept, bounds):
    # Catches int32 put through float32 (2^31 - 1 becomes 2^31), swapped bytes, and bounds guessed from float values.
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        values = np.array([[False], [True]])
    elif dtype.kind == "f":
        values = np.array([[np.finfo(dtype).tiny], [np.finfo(dtype).max]], dtype)
    else:
        values = np.array([[np.iinfo(dtype).min], [min(np.iinfo(dtype).max, 2**53 - 1)]], dtype)
        values[0] = max(int(values[0, 0]), -(2**53))
    data = from_arrays(values)
    assert data.values.dtype == kept
    assert (data.values == values).all()
    assert data.bounds == bounds
    assert data.dtype == dtype.name


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int64, torch.float16, torch.bfloat16, torch.float32])
def test_tensors_are_arrays(dtype):
    # Catches bfloat16, which numpy does not have, and tensors that still ask for a gradient.
    tensor = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).to(dtype)
    tensor.requires_grad_(dtype.is_floating_point)
    data = from_arrays(tensor, labels=torch.tensor([3, 5]))
    assert data.values.tolist() == [[0, 1], [1, 0]]
    assert data.dtype == str(dtype).removeprefix("torch.")
    assert data.bounds == {torch.uint8: (0, 255), torch.bool: (0, 1)}.get(dtype)
    assert data.classes == ("3", "5")


def test_any_trailing_shape_and_memory_order():
    # Catches a flattened image, and a Fortran-ordered array whose bytes are hashed or read in the wrong order.
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    data = from_arrays(np.asfortranarray(images))
    assert data.shape == (3, 4)
    assert data.values.flags.c_contiguous
    assert data.sha256() == from_arrays(images).sha256()
    assert from_arrays([1, 2, 3]).shape == (1,)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((3, 1), complex), "complex128"),
        (np.array([["a"], ["b"]]), "str"),
        (np.array([[1], [None]]), r"column 0 has 1 missing value \(first: row 1\)"),
        (np.array([[1, 2], [3, "4"]], object), r"holds '4' at \[1, 1\], which is no number"),
        ((x for x in range(3)), "a generator is no array"),
        (np.zeros((3, 1), "datetime64[s]"), "datetime64"),
        (np.zeros((1, 4)), "1 row"),
        (np.zeros((0, 4)), "0 rows"),
        (np.float64(3.0), "0 rows"),
        (np.zeros((5, 0)), "empty"),
        ([[1, 2], [3]], "unequal"),
        (np.ma.array([[1.0], [2.0]], mask=[[False], [True]]), r"column 0 has 1 missing value \(first: row 1\)"),
    ],
)
def test_what_is_no_data_is_refused_by_name(values, said):
    with pytest.raises(DataError, match=said):
        from_arrays(values)


@pytest.mark.parametrize(
    ("where", "value", "names", "message"),
    [
        ([(118, 1), (119, 1)], np.nan, ("place", "speed"), "column 'speed' has 2 missing values (first: row 118). "),
        ([(4, 0)], np.inf, (), "column 0 has 1 infinite value (first: row 4). Remove it, or pass missing='drop'."),
        ([(4, 0), (3, 1)], -np.inf, (), "column 0 has 1 infinite value (first: row 4), and so has 1 other column. "),
    ],
)
def test_a_gap_is_named_by_column_count_and_first_row(where, value, names, message):
    # Catches a row counted from 1, or a count over the whole table.
    values = np.zeros((200, 2))
    for index in where:
        values[index] = value
    with pytest.raises(DataError) as error:
        from_arrays(values, names=names)
    assert str(error.value).startswith(message)


def test_a_gap_in_an_image_is_named_by_position():
    images = np.zeros((3, 4, 5), np.float32)
    images[2, 1, 3] = np.nan
    with pytest.raises(DataError, match=r"position \(1, 3\) has 1 missing value \(first: row 2\)"):
        from_arrays(images)


def test_names_must_fit_the_columns():
    with pytest.raises(UsageError, match="2 column names"):
        from_arrays(ROWS, names=("x", "y"))


@pytest.mark.parametrize(
    ("labels", "ids", "classes"),
    [
        ([10, 2, 10], [1, 0, 1], ("2", "10")),  # catches text order, where 10 comes before 2
        (np.array([3.0, -1.0, 3.0]), [1, 0, 1], ("-1", "3")),
        (["dog", "cat", "dog"], [1, 0, 1], ("cat", "dog")),
        (np.array([b"b", b"a", b"b"]), [1, 0, 1], ("a", "b")),
        (np.array(["b", "a", "b"], object), [1, 0, 1], ("a", "b")),
        (np.array([True, False, True]), [1, 0, 1], ("False", "True")),
        (np.array([[7], [6], [7]], np.uint8), [1, 0, 1], ("6", "7")),
        (["nan", "NA", "nan"], [1, 0, 1], ("NA", "nan")),  # words, and fine as names of classes
    ],
)
def test_labels_become_class_numbers_in_sorted_order(labels, ids, classes):
    data = from_arrays(ROWS[:3], labels)
    assert data.labels.dtype == np.int64
    assert data.labels.tolist() == ids
    assert data.classes == classes


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([1, 2], r"shape \(2,\)"),
        (np.eye(3), r"shape \(3, 3\)"),
        ([0.0, 0.5, 1.0], r"not whole numbers \(row 1: 0.5\)"),
        ([0.0, np.inf, 1.0], r"not whole numbers \(row 1: inf\)"),
        ([0.0, 1.0, np.nan], r"1 missing value \(first: row 2\)"),
        (["a", None, "b"], r"1 missing value \(first: row 1\)"),
        (["a", np.nan, "b"], r"1 missing value \(first: row 1\)"),  # catches the class "nan" that numpy makes of it
        (["a", " ", ""], r"2 missing values \(first: row 1\)"),
        (np.zeros(3, complex), "complex128"),
        ([[0], [1, 2], [3]], "no single values"),
        ([{}, {}, {}], "object"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, said):
    with pytest.raises(DataError, match=said):
        from_arrays(ROWS[:3], labels)


def test_half_a_character_is_refused_while_nothing_is_lost():
    # A lone surrogate cannot be written to a file. Catches UnicodeEncodeError after an hour of training.
    with pytest.raises(DataError, match=r"column names hold 'a\\ud800'"):
        from_arrays(np.zeros((3, 2)), names=["a\ud800", "b"])
    with pytest.raises(DataError, match=r"the labels hold 'x\\udfff'"):
        from_arrays(np.zeros((3, 2)), labels=["x\udfff", "b", "b"])
    assert from_arrays(np.zeros((3, 2)), names=["\u00e9", "\u65e5"]).names == ("\u00e9", "\u65e5")
