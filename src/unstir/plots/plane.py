"""Rows as points of a plane: which plane, how much of it is shown, and whether its two axes have one scale.

    two columns          the columns themselves
    more                 the two directions in which the rows spread most, once every column has deviation 1         (1)

(1) are the principal directions. Their names say how much of the variance lies along each. A table's columns have units of their own
(a year, an income), so each axis has its own scale, and the points fill the panel. Only where two columns spread alike, as the
coordinates of a point do, is a step as long across as up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from unstir.plots.style import few_numbers, plain_names
from unstir.words import percent

ALIKE = 2.5  # two columns whose ranges differ by no more than this factor share a unit, as far as anybody can see
LOOKED_AT = 1000  # rows for (1), or fewer if rows are very wide
MOST_NUMBERS = 2**24  # in these rows together
INNER = (0.01, 0.99)  # quantiles between which values count for (1)
TAIL = 2.5  # the frame ends at so many times the distance of the outer twentieth from the median
AIR = 0.05  # of the frame's size, so that no point sits on its edge


@dataclass(frozen=True)
class Frame:
    """The part of the plane that all panels of a figure show: its lower and its upper corner (d,)."""

    low: np.ndarray
    high: np.ndarray

    def outside(self, points: np.ndarray) -> float:
        """The share of points (N, d) that are outside."""
        return float(((points < self.low) | (points > self.high)).any(axis=1).mean())

    def squared(self) -> "Frame":
        """The same frame with its shorter sides made as long as the longest, about the same centre."""
        middle, half = (self.low + self.high) / 2, (self.high - self.low).max() / 2
        return Frame(middle - half, middle + half)

    def grown(self, share: float) -> "Frame":
        """The same frame, larger by that share of its size on every side."""
        more = share * (self.high - self.low)
        return Frame(self.low - more, self.high + more)


@dataclass(frozen=True)
class Plane:
    """How rows (n, d) become points: `points` are (rows - shift) @ matrix. `equal`: a step is as long across as up."""

    names: tuple[str, str]
    shift: np.ndarray
    matrix: np.ndarray
    equal: bool

    def points(self, rows: np.ndarray) -> np.ndarray:
        """The points (n, 2) of rows (n, d)."""
        return (rows.astype(np.float64) - self.shift) @ self.matrix

    def frame(self, data: np.ndarray, clouds: Iterable[np.ndarray], reach: float) -> Frame:
        """The frame around points, by `frame`; with equal axes it is a square."""
        found = frame(data, clouds, reach)
        return found.squared() if self.equal else found

    def show(self, axes: Axes, view: Frame) -> None:
        """Show that frame, in a square panel, with few numbers."""
        axes.set(xlim=(view.low[0], view.high[0]), ylim=(view.low[1], view.high[1]))
        axes.set_aspect("equal" if self.equal else "auto")
        if not self.equal:
            axes.set_box_aspect(1)
        few_numbers(axes.xaxis, axes.yaxis)


def plane(rows: np.ndarray, names: Sequence[str] = (), scale: np.ndarray | None = None) -> Plane:
    """The plane in which rows (n, d) are seen, d >= 2; `names` are those of the columns.

    `scale` (d,) is what more than two columns are divided by, their deviations if it is left out.

    >>> z = np.random.default_rng(0).standard_normal((1000, 2))
    >>> plane(np.stack([z[:, 0], 100 * z[:, 0], z[:, 1]], axis=1), ["a", "b", "c"]).names
    ('component 1 (67 % of the variance)', 'component 2 (33 % of the variance)')
    >>> plane(np.array([[2010.0, 0.1], [2014.0, 0.3]]), ["year", "share"]).equal
    False
    """
    columns = rows.shape[1]
    if columns == 2:
        first, second = plain_names(names or ["x", "y"])
        return Plane((first, second), np.zeros(2), np.eye(2), alike(rows))
    seen = rows[:: -(-len(rows) // looked_at(columns))].astype(np.float64)  # from all over rows that may be sorted
    low, high = np.quantile(seen, INNER, axis=0)
    seen = np.where(high > low, seen.clip(low, high), seen)  # so that a few values far away decide neither scale nor direction
    if scale is None:
        deviation = seen.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
    directions, shares = principal(seen / scale)
    first, second = (f"component {i} ({percent(share)} of the variance)" for i, share in enumerate(shares, 1))
    return Plane((first, second), seen.mean(axis=0), directions / scale[:, None], equal=False)


def looked_at(columns: int) -> int:
    """How many rows are looked at to find principal directions."""
    return max(2, min(LOOKED_AT, MOST_NUMBERS // columns))


def principal(rows: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """The first two principal directions (d, 2) of rows (n, d), orthonormal, and the share of the variance along each of them.

    >>> directions, shares = principal(np.array([[3.0, 0.0, 1.0], [-3.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, -1.0, 1.0]]))
    >>> directions.T.round(6).tolist(), shares
    ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0.9, 0.1])
    """
    z = rows - rows.mean(0)
    _, vectors = np.linalg.eigh(z @ z.T)  # (rows, rows), because there are few rows but may be very many columns
    directions, _ = np.linalg.qr(z.T @ vectors[:, :-3:-1])  # orthonormal even if the data varies in one direction only
    directions = directions * np.sign(directions[np.abs(directions).argmax(0), [0, 1]])
    total = z.var(0).sum() or 1.0
    return directions, [float(share) for share in (z @ directions).var(0) / total]


def alike(rows: np.ndarray) -> bool:
    """Whether the two columns of rows (n, 2) spread alike, so that one scale suits both."""
    low, high = np.quantile(rows, INNER, axis=0)
    shorter, longer = sorted(high - low)
    return bool(longer <= ALIKE * shorter)


def frame(data: np.ndarray, clouds: Iterable[np.ndarray], reach: float) -> Frame:
    """A frame around the data (N, d) and the clouds (M, d), but not so large that the data can hardly be seen.

    It ends at the 0.1 % quantiles of the data, because one point far away would make all others small. Where a column has a heavy tail,
    it ends nearer: see `TAIL`. Beyond that it goes as far as the clouds do, but at most `reach` times the size of the data: the noise
    of a variance exploding schedule is a hundred times larger than the data.

    >>> data = np.linspace(-1, 1, 1001)[:, None]
    >>> print(frame(data, [100 * data], reach=0.5).high)
    [2.1]
    """
    far_low, low, median, high, far_high = np.quantile(data, [0.001, 0.05, 0.5, 0.95, 0.999], axis=0)
    low = np.where(low < median, np.maximum(far_low, median - TAIL * (median - low)), far_low)
    high = np.where(high > median, np.minimum(far_high, median + TAIL * (high - median)), far_high)
    size = np.where(high > low, high - low, 1.0)
    far_low, far_high = np.quantile(np.concatenate([data, *clouds]), [0.001, 0.999], axis=0)
    low, high = np.clip(far_low, low - reach * size, low), np.clip(far_high, high, high + reach * size)
    half = (0.5 + AIR / 2) * np.where(high > low, high - low, 2.0)
    return Frame((low + high) / 2 - half, (low + high) / 2 + half)
