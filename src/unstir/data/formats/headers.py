"""Whether a first line of numbers holds the names of the columns: 0, 1, 2 as pandas writes them, years, wavelengths.

Nothing in the file says so. The line is compared with the rows below it:

    whole above decimals     the line has whole numbers only, and no number below it is written as one           (1)
    even                     three or more numbers at equal steps, which no row below is
    counting                 0, 1, 2, ... or 1, 2, 3, ...
    outside                  a number lies outside the range of its column by more than that range
    far outside              each does, by more than five times that range
    chance                   the product of the shares of the rows that have the same number in the same column

    names:     (1), with even, counting or outside;  even and outside;  five or more, even, with a chance below 1e-4;
               three or more, counting, with such a chance;  three or more, rising or falling, far outside             (2)
    doubtful:  (1) alone;  far outside;  counting, with a chance below 1e-2                                            (3)

By (2) a first line is taken for names, by (3) for a row, and both are said. Four things make it a row without doubt: a number that it
repeats, a row below with the same numbers in another order (rankings), a smooth series that it begins, and too few rows to compare it with.

    >>> rows = [["0.5", "0.25", "-1.5"], ["0.125", "1.5", "0.75"], ["-0.5", "2.5", "0.1"]]
    >>> judge(["0", "1", "2"], rows, float)
    Verdict(names=True, why='they are whole numbers above decimals')
    >>> judge(["0.3", "1.7", "-0.2"], rows, float)
    Verdict(names=False, why='')
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

LOOKED_AT = 1000  # rows that a first line is compared with
FEWEST, ENOUGH = 3, 10  # rows to compare how numbers are written, and how large they are
FAR = 5.0  # times the range of a column
UNLIKELY, DOUBTFUL = 1e-4, 1e-2  # chances
SMOOTH, NEXT = (
    0.5,
    3.0,
)  # of a series: its steps in deviations, or their changes in steps; a step that goes on with it, in its largest steps
WHOLE = re.compile(r"[+-]?\d+")


class Verdict(NamedTuple):
    """Whether a line of numbers is taken for names, and why; a reason beside names=False is a doubt."""

    names: bool
    why: str


ROW = Verdict(False, "")


def judge(first: Sequence[str], below: Sequence[Sequence[str]], number: Callable[[str], float]) -> Verdict:
    """Whether the numbers in the `first` line are names of columns, by (2) and (3); `below` are the cells of some rows under it.

    `number` reads a cell, and raises ValueError for text. Columns that have no number above or below are not looked at.
    """
    below = below[:LOOKED_AT]
    x, table = _numbers([first], number)[0], _numbers(below, number)
    if len(table) < FEWEST:
        return ROW
    held = np.isfinite(x) & np.isfinite(table).any(axis=0)
    texts, (x, table) = [cell.strip() for cell, use in zip(first, held, strict=True) if use], (x[held], table[:, held])
    d, enough = len(texts), len(table) >= ENOUGH
    ranked = d > 2 and (np.sort(table) == np.sort(x)).all(axis=1).any()
    if len(set(x)) < max(d, 1) or ranked or _continued(x, table):
        return ROW
    low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
    beyond, spread = np.maximum(low - x, x - high), high - low
    outside = bool(((beyond > spread) & (spread > 0)).any())
    far = enough and bool(((beyond > FAR * spread) & (spread > 0)).all())
    whole = all(map(WHOLE.fullmatch, texts)) and not any(
        WHOLE.fullmatch(cell.strip()) for row in below for cell, use in zip(row, held, strict=True) if use
    )
    even = d > 2 and bool(_even(x[None])[0]) and not _even(table).any()
    counted = texts in ([str(i) for i in range(d)], [str(i) for i in range(1, d + 1)])
    counting = counted and (even if d > 2 else d < 2 or (np.diff(table) == np.diff(x)).mean() < 0.5)
    chance = math.prod(((table == x).sum(axis=0) + 1) / (len(table) + 2)) if enough else 1.0
    rising = d > 2 and bool((np.diff(x) > 0).all() or (np.diff(x) < 0).all())
    written, counts = "they are whole numbers above decimals", "they count the columns"
    steps, away = "they go up in equal steps, as no row below does", "they lie far outside what is below them"
    reasons = (
        (written, d > 1 and whole and (even or counting or outside)),
        (counts, d > 2 and counting and chance < UNLIKELY),
        (steps, enough and even and (outside or (d > 4 and chance < UNLIKELY))),
        (away, rising and far),
    )
    doubts = ((written, enough and whole), (away, d > 1 and far), (counts, d > 1 and counting and chance < DOUBTFUL))
    return next((Verdict(names, why) for names, found in ((True, reasons), (False, doubts)) for why, so in found if so), ROW)


def _even(rows: np.ndarray) -> np.ndarray:
    """Which rows (n, d) are numbers at equal steps, other than zero: (n,) bool."""
    steps, size = np.diff(rows), np.abs(rows).max(axis=1, keepdims=True)
    return (np.abs(steps - steps[:, :1]) <= 1e-9 * size).all(axis=1) & (steps[:, 0] != 0)


def _continued(x: np.ndarray, table: np.ndarray) -> bool:
    """Whether x (d,) is where a smooth series (n, d) begins, such as times and what was measured then."""
    table = table[np.isfinite(table).all(axis=1)]
    if len(table) < FEWEST or not len(x):
        return False
    steps = np.diff(table, axis=0)
    typical, turns = (np.median(np.abs(each), axis=0) for each in (steps, np.diff(steps, axis=0)))
    smooth = (typical < SMOOTH * table.std(axis=0)) | (turns < SMOOTH * typical)
    return bool((smooth & (np.abs(table[0] - x) <= NEXT * np.abs(steps).max(axis=0))).all())


def _numbers(rows: Sequence[Sequence[str]], number: Callable[[str], float]) -> np.ndarray:
    """The cells as numbers (n, columns); NaN for text, and for what is beyond 1e300."""

    def value(cell: str) -> float:
        try:
            found = number(cell)
        except ValueError:
            return math.nan
        return found if abs(found) < 1e300 else math.nan

    return np.array([[value(cell) for cell in row] for row in rows])
