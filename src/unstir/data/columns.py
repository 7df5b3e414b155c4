"""Columns: the statistics of one element of a row over all rows.

Whether a value is an outlier is decided by its distance from the median, in units of the spread of the middle half of the values:
a standard deviation would grow with the outlier itself (after Tukey 1977):

    z = (x - median) / ((q_75 - q_25) / 1.349),    1.349 being q_75 - q_25 of the standard normal                    (1)

    >>> from unstir.data import from_arrays
    >>> speed = columns_of(from_arrays([[1.0], [2.0], [np.nan], [2.0]], names=("speed",), missing="keep"))[0]
    >>> speed.place, speed.missing, speed.low, speed.high, speed.distinct, speed.whole
    ("column 'speed'", Gap(count=1, first=2), 1.0, 2.0, 2, True)
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from unstir.data.dataset import Data, gaps_of

AT_ONCE = 64  # columns in memory together
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


def columns_of(data: Data, step: int = 1) -> list[Column]:
    """The columns of `data`, which may have gaps. Statistics are from every step-th row, gaps are counted in all rows."""
    looked, gaps = looked_at(data, step), [zip(*found, strict=True) for found in gaps_of(data).values()]
    each = zip(_one_by_one(looked), *gaps, strict=True)
    return [
        _column(data.place(j), Gap(*map(int, missing)), Gap(*map(int, infinite)), values, step)
        for j, (values, missing, infinite) in enumerate(each)
    ]


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


def _one_by_one(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, rows.shape[1], AT_ONCE):
        yield from np.ascontiguousarray(rows[:, start : start + AT_ONCE].T)


def _column(place: str, missing: Gap, infinite: Gap, values: np.ndarray, step: int) -> Column:
    """The statistics of a column, (1) among them, from the (n,) values of every step-th row, gaps included."""
    finite = np.isfinite(values)
    looked = values[finite]
    if not looked.size:
        nan = float("nan")
        return Column(place, missing, infinite, nan, nan, nan, nan, nan, 0, False, 0.0, -1)
    ordered = np.sort(looked).astype(np.float64)
    unit = max(abs(ordered[0]), abs(ordered[-1])) or 1.0  # so that no sum overflows
    scaled = ordered / unit
    quarter, median, three_quarters = np.quantile(scaled, (0.25, 0.5, 0.75))
    spread = (three_quarters - quarter) / 1.349
    farthest, at = 0.0, -1
    if spread > 1e-300:  # else the quotient overflows
        z = np.abs(values / unit - median) / spread
        z[~finite] = 0
        farthest, at = float(z.max()), int(z.argmax()) * step
    return Column(
        place,
        missing,
        infinite,
        low=float(ordered[0]),
        high=float(ordered[-1]),
        mean=float(scaled.mean() * unit),
        deviation=float(scaled.std() * unit) if ordered[0] != ordered[-1] else 0.0,
        median=float(median * unit),
        distinct=1 + int((ordered[1:] != ordered[:-1]).sum()),
        whole=bool((ordered == np.round(ordered)).all()),
        farthest=farthest,
        at=at,
    )
