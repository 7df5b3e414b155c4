"""Data with few levels: the values that an element can take, where these are whole numbers close together; and the span of pictures.

A probability can be given to a level, but only a density to a number that may be anything. So levels decide whether a model can say
how many bits a row takes, and what the best guess of an element is made of.

    >>> from unstir.data import from_arrays
    >>> levels_of(from_arrays([[0, 3], [2, 1]])), levels_of(from_arrays([[0.0, 3.5], [2.0, 1.0]]))
    ((0.0, 1.0, 2.0, 3.0), None)
"""

from collections.abc import Sequence

import numpy as np

from unstir.data.dataset import Data

MOST = 256  # levels
DIM = 0.5  # of the upper bound: pictures of data that never reach it are shown up to their own highest value
SOME = 1024  # rows that are looked at first


def levels_of(data: Data) -> tuple[float, ...] | None:
    """The values that an element of the data can take, in its units, rising; None where there are none.

    Images of bytes have 0 to 255, and other images whose type or format has bounds, all whole numbers between these. Rows of which every
    number is whole have all whole numbers between the smallest and the largest. More than 256 levels, or only one, count as none.

    >>> from unstir.data import from_arrays
    >>> len(levels_of(from_arrays(np.zeros((2, 8, 8), np.uint8)))), levels_of(from_arrays(np.ones((2, 3))))
    (256, None)
    """
    if data.kind == "images" and data.bounds is not None and _few(*data.bounds):
        return _between(*data.bounds)
    low, high = np.inf, -np.inf
    for block in data.rows.scan():
        if not (block == np.rint(block)).all():
            return None
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        if high - low >= MOST:
            return None
    return _between(low, high) if _few(low, high) else None


def span_of(data: Data) -> tuple[float, float]:
    """From where to where pictures show the values of the data: `span`. If the first rows are bright enough, no others are looked at."""
    if data.bounds is not None and not _dim(float(np.max(data.rows[:SOME])), data.bounds):
        return data.bounds
    return span(data.bounds, *data.rows.ends())


def span(bounds: Sequence[float] | None, low: float, high: float) -> tuple[float, float]:
    """From where to where pictures show values from `low` to `high`: the bounds of their type if it has some, else these two.

    Bytes from 0 to 16 would all be black on the way to 255. Where no value comes to half of the upper bound, the highest value is the end.

    >>> span(None, -1.0, 3.0), span((0, 255), 3, 200), span((0, 255), 0, 16)
    ((-1.0, 3.0), (0, 255), (0, 16))
    """
    if bounds is None:
        return low, high
    return bounds[0], high if _dim(high, bounds) else bounds[1]


def _dim(high: float, bounds: Sequence[float]) -> bool:
    return bounds[0] < high < DIM * bounds[1]


def _few(low: float, high: float) -> bool:
    return 1 <= high - low < MOST


def _between(low: float, high: float) -> tuple[float, ...]:
    return tuple(float(level) for level in range(round(low), round(high) + 1))
