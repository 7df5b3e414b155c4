"""The values that an element can take: which data has few, and which."""

import numpy as np
import pytest

from unstir.data import from_arrays, load
from unstir.data.levels import levels_of


@pytest.mark.parametrize(
    ("values", "first", "last", "count"),
    [
        (np.full((3, 8, 8), 7, np.uint8), 0, 255, 256),  # images of bytes: all bytes, whatever is in these
        (np.array([[0, 200], [3, 4]], np.uint8), 0, 200, 201),  # a table of bytes: what is between its ends
        (np.array([[-3.0, 5.0], [0.0, 1.0]]), -3, 5, 9),  # whole numbers as floats
        (np.array([[True, False], [True, True]]), 0, 1, 2),
        (np.array([[0, 255], [3, 4]]), 0, 255, 256),
    ],
)
def test_whole_numbers_close_together_are_levels(values, first, last, count):
    # Catches the values that happen to occur in place of the range, and a range that is one short.
    found = levels_of(from_arrays(values))
    assert (found[0], found[-1], len(found)) == (first, last, count)
    assert (np.diff(found) == 1).all()


@pytest.mark.parametrize("values", [[[0.0, 0.5], [1.0, 2.0]], [[0, 256], [1, 2]], [[3, 3], [3, 3]]])
def test_other_numbers_have_none(values):
    # Catches fractions that are rounded, 257 levels, and a single level.
    assert levels_of(from_arrays(np.array(values))) is None


def test_the_built_in_digits_have_seventeen():
    assert levels_of(load("digits")) == tuple(map(float, range(17)))
