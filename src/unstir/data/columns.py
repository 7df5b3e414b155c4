"""Columns: the statistics of one element of a row over all rows.

Whether a value is an outlier is decided by its distance from the median, in units of the spread of the middle half of the values:
a standard deviation would grow with the outlier itself (after Tukey 1977):

    z = (x - median) / ((q_75 - q_25) / 1.349),    1.349 being q_75 - q_25 of the standard normal                    (1)

    >>> from unstir.data import from_arrays
    >>> speed = columns_of(from_arrays([[1.0], [2.0], [np.nan], [2.0]], names=("speed",), missing="keep"))[0]
    >>> speed.place, speed.missing, speed.low, speed.high, speed.distinct, speed.whole
    ("column 'speed'", Gap(count=1, first=2), 1.0, 2.0, 2, True)
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from unstir.data.dataset import Data, gaps_of

AT_ONCE, NUMBERS = 64, 2**21  # columns in memory together, at most, and numbers of them
THIN = 2**21  # numbers from which the quantiles of all values are computed, at most


class Gap(NamedTuple):
    """The number of values that are missing, or infinite, and the first row with one; -1 where there is none."""

    count: int
    first: int


class Column(NamedTuple):
    """One element of a row over all rows: its gaps, and of the finite values the range, mean, standard deviation and median.

    `distinct` is the number of different values and `whole` says that all are whole numbers. `farthest` is the largest |z| of (1)
    and `at` its row; -1 where the middle half has no spread.
    """

    place: str
    missing: Gap
    infinite: Gap
    low: float
    high: float
    mean: float
    deviation: float
    median: float
    distinct: int
    whole: bool
    farthest: float
    at: int

    @property
    def constant(self) -> bool:
        """Whether the column never varies."""
        return self.distinct <= 1


class Whole(NamedTuple):
    """All values of images or sequences together, because one pixel says little: range, mean, standard deviation and outliers.

    All but one value in a thousand lie within `inner`; `at` is the row of the value that is farthest from zero.
    """

    low: float
    high: float
    mean: float
    deviation: float
    inner: tuple[float, float]
    at: int
    place: str = "the data"


def columns_of(data: Data, step: int = 1, stride: int = 1, intact: bool = False) -> list[Column]:
    """The columns of `data`, which may have gaps; with a `stride`, every stride-th of them.

    Statistics are from every step-th row. Gaps are counted in all rows, unless the data is known to be `intact`.
    """
    looked, places, none = looked_at(data, step), range(0, math.prod(data.shape), stride), Gap(0, -1)
    gaps = [(none, none)] * len(places) if intact else list(zip(*map(_gaps, gaps_of(data).values()), strict=True))[::stride]
    found, together = [], max(1, min(AT_ONCE, NUMBERS // max(len(looked), 1)))
    for start in range(0, len(places), together):
        here = places[start : start + together]
        block = np.ascontiguousarray(looked[:, here.start : here.stop : stride].T)
        each = zip(here, gaps[start : start + together], _statistics(block, step), strict=True)
        found += [Column(data.place(j), *gap, *numbers) for j, gap, numbers in each]
    return found


def looked_at(data: Data, step: int) -> np.ndarray:
    """Every step-th row of `data` in memory, each flat: (n, D)."""
    rows = data.rows[::step]
    return rows.reshape(len(rows), -1)


def whole_of(data: Data, columns: list[Column], step: int = 1) -> Whole:
    """All values of `data` together; `columns` are its columns, and step as in `columns_of`.

    >>> from unstir.data import from_arrays
    >>> data = from_arrays([[[0.0, 2.0]], [[4.0, 2.0]]])
    >>> whole_of(data, columns_of(data))
    Whole(low=0.0, high=4.0, mean=2.0, deviation=1.41..., inner=(0.0..., 3.99...), at=1, place='the data')
    """
    held = [column for column in columns if column.distinct] or columns
    low, high = min(column.low for column in held), max(column.high for column in held)
    unit = max(abs(low), abs(high)) or 1.0  # so that no square overflows
    means, deviations = (np.array([getattr(column, name) / unit for column in held]) for name in ("mean", "deviation"))
    thin = data.rows[:: -(-data.rows.size // THIN)]
    thin = thin[np.isfinite(thin)] / unit
    inner = np.quantile(thin, (0.0005, 0.9995)) * unit if thin.size else (low, high)
    far = low if abs(low) > abs(high) else high
    here = next((start + int(here.argmax()) for start, here in _where(looked_at(data, step), far) if here.any()), -1)
    deviation = float(np.hypot(np.sqrt((deviations**2).mean()), means.std()) * unit)
    return Whole(low, high, float(means.mean() * unit), deviation, (float(inner[0]), float(inner[1])), max(-1, here * step))


def _where(rows: np.ndarray, value: float) -> Iterator[tuple[int, np.ndarray]]:
    """Which rows hold the value, some rows at a time."""
    for start in range(0, len(rows), 1024):
        yield start, (rows[start : start + 1024] == value).any(axis=1)


def _gaps(found: tuple[np.ndarray, np.ndarray]) -> list[Gap]:
    return [Gap(*pair) for pair in zip(*(part.tolist() for part in found), strict=True)]


def _statistics(values: np.ndarray, step: int) -> list[tuple]:
    """The fields of a `Column` from `low` on, for the (k, n) values of k columns in every step-th row, gaps included."""
    finite = np.isfinite(values)
    if finite.all():
        return _of_finite(values, step)
    found, nan = [], float("nan")
    for column, held in zip(values, np.where(finite.any(axis=1, keepdims=True), finite, True), strict=True):
        if not np.isfinite(column[held]).all():
            found.append((nan, nan, nan, nan, nan, 0, False, 0.0, -1))
            continue
        ((*numbers, at),) = _of_finite(column[held][None], 1)
        found.append((*numbers, int(np.flatnonzero(held)[at]) * step if at >= 0 else -1))
    return found


def _of_finite(values: np.ndarray, step: int) -> list[tuple]:
    """The same for values (k, n) that are all finite."""
    ordered = np.sort(values, axis=1).astype(np.float64)
    low, high = ordered[:, 0], ordered[:, -1]
    unit = np.maximum(np.abs(low), np.abs(high))
    unit[unit == 0] = 1.0
    scaled = ordered / unit[:, None]  # so that no sum overflows
    quarter, median, three_quarters = np.quantile(scaled, (0.25, 0.5, 0.75), axis=1)
    spread = (three_quarters - quarter) / 1.349
    known = spread > 1e-300  # else the quotient overflows
    z = np.abs(values / unit[:, None] - median[:, None]) / np.where(known, spread, np.inf)[:, None]  # (1)
    numbers = {
        "low": low,
        "high": high,
        "mean": scaled.mean(axis=1) * unit,
        "deviation": np.where(low != high, scaled.std(axis=1) * unit, 0.0),
        "median": median * unit,
        "distinct": 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1),
        "whole": (ordered == np.round(ordered)).all(axis=1),
        "farthest": z.max(axis=1),
        "at": np.where(known, z.argmax(axis=1) * step, -1),
    }
    return list(zip(*(part.tolist() for part in numbers.values()), strict=True))
