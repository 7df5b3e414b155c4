"""Do columns belong together as in the data? Rank correlations of samples beside those of true rows.

With u and v the standardised ranks of two columns in a set of n rows (equal values get their mean rank), Spearman's correlation is

    r  =  E[u v],      with variance  w / n,      w  =  Var[u v - r (u^2 + v^2) / 2]                        (1)

Ranks do not see the scale, so a few large values do not decide. Between independent columns w is 1. (1) is the variance of a
correlation of given numbers, and holds for pairs that depend on each other without being correlated, too, as points on a circle do.
Of n samples with r and m true rows with q, both kinds of variance put together,

    z  =  (atanh r - atanh q) (1 - mean r^2) / sqrt(w (1/n + 1/m))                                          (2)

is about standard normal if samples are like true rows; atanh makes it so near r = 1. One of the D (D - 1) / 2 pairs has a large z by
chance, so the level of each is that of all, divided by their number. A difference of 0.2 between r and q matters, which is as many
standard errors as an h of 0.2 between two shares (`unstir.metrics.shares`).

    >>> rng = np.random.default_rng(0)
    >>> true = rng.multivariate_normal([0, 0, 0], [[1, 0.8, 0], [0.8, 1, 0], [0, 0, 1]], size=1000)
    >>> found = compare_correlations(rng.normal(size=(1000, 3)), true)
    >>> [(pair.first, pair.second, round(abs(pair.sampled), 1), round(pair.true, 1), pair.verdict) for pair in found.off]
    [(0, 1, 0.0, 0.8, 'far above the floor')]
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

from unstir.metrics.distances import as_points
from unstir.metrics.shares import LEVEL, SIZE

ROWS, WIDE = 2000, 256  # rows of a set and columns compared at most: the first ones
LEAST = 100  # rows of a set: with fewer, (2) is not normal enough
RARE = 50  # rows that differ from the most frequent value of their column, for the same reason
SMALL = (
    0.05  # differences that nobody sees; (1) is a tenth too small for ranks near r = 1, where chance makes only such differences
)
ALMOST_ONE = 1 - 1e-9  # the largest correlation: atanh 1 is infinite


@dataclass(frozen=True)
class Pair:
    """The rank correlation of two columns in samples and in true rows; `p` is that of (2), times the number of pairs."""

    first: int
    second: int
    sampled: float
    true: float
    p: float
    level: float

    @property
    def verdict(self) -> str:
        """ "At the floor": chance explains the difference. "Far above": it does not, and the difference is at least 0.2."""
        if self.p > self.level:
            return "at the floor"
        return "far above the floor" if abs(self.sampled - self.true) >= SIZE else "near the floor"


@dataclass(frozen=True)
class Correlations:
    """The pairs that chance does not explain, the largest difference first; `p` is the smallest of all `pairs` compared."""

    off: list[Pair]
    p: float
    pairs: int


def compare_correlations(x: np.ndarray, y: np.ndarray, level: float = LEVEL, of: np.ndarray | None = None) -> Correlations:
    """Eq. (2) for pairs of columns of samples x (n, d) and true rows y (m, d): the first 2,000 rows, and the first 256 columns.

    A missing value (NaN) has the mean rank. Columns with the same number in `of` (d,), as two categories of one column of a table, are not
    compared with each other. Nothing is compared of fewer than 100 rows, or of columns that hardly vary. Raises UsageError for shapes that
    do not fit. Sources: Spearman (1904); Fisher (1921) for atanh.
    """
    x, y = as_points(x[:ROWS, :WIDE], y[:ROWS, :WIDE])
    n, m = len(x), len(y)
    varied = np.flatnonzero([min(_varied(x[:, i]), _varied(y[:, i])) >= RARE for i in range(x.shape[1])])
    i, j = np.triu_indices(len(varied), 1)
    if of is not None:
        apart = of[varied[i]] != of[varied[j]]
        i, j = i[apart], j[apart]
    if len(i) == 0 or min(n, m) < LEAST:
        return Correlations([], 1.0, 0)
    (r, w), (q, own) = (tuple(part[i, j] for part in _correlations(rows[:, varied])) for rows in (x, y))
    mean = np.minimum(np.abs(n * r + m * q) / (n + m), ALMOST_ONE)
    error = np.sqrt((n * w + m * own) / (n + m) * (1 / n + 1 / m)) + 1e-12  # 0 if all points lie on a line
    z = (_atanh(r) - _atanh(q)) * (1 - mean**2) / error
    p = np.where(np.abs(r - q) < SMALL, 1.0, np.minimum(1.0, 2 * norm.sf(np.abs(z)) * len(i)))
    found = [
        Pair(int(varied[i[k]]), int(varied[j[k]]), float(r[k]), float(q[k]), float(p[k]), level)
        for k in np.flatnonzero(p <= level)
    ]
    return Correlations(sorted(found, key=lambda pair: -abs(pair.sampled - pair.true)), float(p.min()), len(i))


def _varied(column: np.ndarray) -> int:
    """How many rows do not have the most frequent value."""
    return len(column) - int(np.unique(column, return_counts=True)[1].max())


def rank_correlations(x: np.ndarray) -> np.ndarray:
    """Spearman's r of eq. (1) of all columns of rows (n, d), (d, d); 0 where a column never varies, except with itself.

    >>> x = np.array([[1.0, 10.0, 5.0], [2.0, 100.0, 5.0], [3.0, 10_000.0, 5.0]])
    >>> rank_correlations(x).round(6).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    u = _standard_ranks(x)
    found = u.T @ u / len(x)
    np.fill_diagonal(found, 1.0)
    return found


def _standard_ranks(x: np.ndarray) -> np.ndarray:
    """The standardised ranks of each column (n, d); 0 for a column that never varies."""
    u = rankdata(x, axis=0, nan_policy="omit") if np.isnan(x).any() else rankdata(x, axis=0)
    u = np.where(np.isnan(u), np.nanmean(np.where(np.isnan(x).all(0), 0.0, u), axis=0), u)
    deviation = u.std(0)
    return (u - u.mean(0)) / np.where(deviation > 0, deviation, 1.0)


def _correlations(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """r and w of eq. (1) for all pairs, (d, d) each."""
    n, u = len(x), _standard_ranks(x)
    r, squares, cubes, fourth = u.T @ u / n, (u**2).T @ u**2 / n, (u**3).T @ u / n, (u**4).mean(0)
    w = squares - r * (cubes + cubes.T) + r**2 / 4 * (fourth[:, None] + fourth + 2 * squares)
    return r, np.maximum(w, 0.0)


def _atanh(r: np.ndarray) -> np.ndarray:
    return np.arctanh(np.clip(r, -ALMOST_ONE, ALMOST_ONE))
