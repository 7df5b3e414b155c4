"""Gaps, and whole numbers that no float can hold: refused by name, dropped and counted, or kept for the survey."""

import numpy as np
import pytest

import unstir
from text_tables import table
from unstir.data import from_arrays, read
from unstir.errors import DataError, UsageError

ROWS = np.random.default_rng(0).standard_normal((12, 3))


def test_rows_with_a_gap_are_dropped_and_counted_and_the_others_kept_as_they_were():
    """Catches labels that stay behind, a class that no row has any more, an infinite value that stays, and a count of values."""
    values = np.array([[0.0, 1], [np.nan, np.inf], [2, 3], [-np.inf, 5], [6, 7], [8, 9]])
    data = from_arrays(values, ["a", "b", "c", "b", "a", None], names=("x", "y"), missing="drop")
    assert data.values.tolist() == [[0, 1], [2, 3], [6, 7]]
    assert data.labels.tolist() == [0, 1, 0]
    assert data.labels.dtype == np.int64
    assert (data.classes, data.names, data.dropped) == (("a", "c"), ("x", "y"), 3)
    assert data.split(0.4, seed=0)[0].dropped == 3
    clean = from_arrays(ROWS, missing="drop")
    assert clean.dropped == 0
    assert (clean.values == ROWS).all()


@pytest.mark.parametrize(
    ("labels", "ids", "classes"),
    [
        ([1.0, np.nan, 0.0], [1, -1, 0], ("0", "1")),
        ([1.0, np.inf, 0.0], [1, -1, 0], ("0", "1")),
        ([3, None, 2], [1, -1, 0], ("2", "3")),
        (["b", None, "a"], [1, -1, 0], ("a", "b")),
        (["b", "  ", "a"], [1, -1, 0], ("a", "b")),
        ([b"b", None, b"a"], [1, -1, 0], ("a", "b")),
        ([None, None, None], [-1, -1, -1], ()),
    ],
)
def test_a_label_that_is_missing_has_no_class_while_gaps_are_kept(labels, ids, classes):
    # Catches a class called 'nan', 'None' or ''.
    data = from_arrays(ROWS[:3], labels, missing="keep")
    assert data.labels.tolist() == ids
    assert data.classes == classes


def test_gaps_are_refused_unless_somebody_says_otherwise():
    values = np.array([[1.0], [np.nan], [2.0]])
    for refuse in ({}, {"missing": "refuse"}):
        with pytest.raises(DataError, match="missing='drop'"):
            from_arrays(values, **refuse)
    with pytest.raises(UsageError, match="did you mean 'drop'"):
        from_arrays(values, missing="dorp")
    with pytest.raises(DataError, match="only 1 row of 3 without missing or infinite values; 2 are needed"):
        from_arrays([1.0, np.nan, np.inf], missing="drop")
    assert np.isnan(from_arrays(values, missing="keep").values).sum() == 1


def test_the_way_on_is_spelled_for_the_one_who_asked(tmp_path):
    # Catches a Python keyword told to a shell, and the other way round.
    rows = ["place,speed", *(f"{i},{'' if i in (118, *range(130, 141)) else i}" for i in range(300))]
    (tmp_path / "rows.csv").write_text("\n".join(rows))
    with pytest.raises(DataError) as error:
        read(tmp_path / "rows.csv", missing="refuse")
    assert str(error.value) == (
        "column 'speed' has 12 missing values (first: row 118). Remove them, or pass --data.missing drop."
    )
    dropped = read(tmp_path / "rows.csv", missing="drop")
    assert (len(dropped), dropped.dropped) == (288, 12)
    assert unstir.fit(np.array([[0.0], [1.0], [np.nan]] * 4), missing="drop", steps=1, width=4).card.shape == (1,)
    with pytest.raises(DataError, match="pass missing='drop'"):
        unstir.fit(np.array([[0.0], [1.0], [np.nan]]))


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**64 - 1])
def test_a_whole_number_that_would_be_rounded_is_refused(tmp_path, number):
    """An id of twenty digits. Catches 9007199254740993 that is trained on as ...992, and the edge where float64 rounds up to 2^63."""
    values = np.array([[1, 2], [3, number]], np.uint64 if number > 2**63 else np.int64)
    with pytest.raises(DataError, match=rf"column 1 holds {number} \(row 1\), a whole number beyond 2\^53"):
        from_arrays(values)
    with pytest.raises(DataError, match=rf"column 'b' holds {number} \(line 3\), a whole number beyond 2\^53"):
        table(tmp_path, f"a,b\n1,2\n3,{number}\n")


def test_a_large_whole_number_that_a_float_can_hold_is_taken(tmp_path):
    # Catches a bar at 2^53 that also refuses what is exact.
    values = np.array([[2**53], [2**60], [-(2**63)]])
    assert from_arrays(values).values.tolist() == [[2.0**53], [2.0**60], [-(2.0**63)]]
    assert table(tmp_path, f"a\n{2**53}\n{2**60}\n1e300\n").values.tolist() == [[2.0**53], [2.0**60], [1e300]]
