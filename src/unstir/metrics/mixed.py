"""Are the columns of a table right, and do they go together as in the data? For columns of numbers and of states, with missing cells.

A table is codes (n, D), NaN where a cell is missing. A column is *ordered* (numbers, times) or holds *states* (categories, booleans).
Of samples x and true rows y, with F the distribution of the cells that are there, m the share of missing cells, and p the shares of
the states, a missing cell being one more state:

    shape, ordered     1 - max(sup |F_x - F_y|, |m_x - m_y|)              Kolmogorov-Smirnov                        (1)
    shape, states      1 - sum_k |p_x(k) - p_y(k)| / 2                    total variation                           (2)
    trend, ordered     1 - |r_x - r_y| / 2           r: Pearson, over rows that have both cells                     (3)
    trend, else        1 - sum_kl |p_x(k, l) - p_y(k, l)| / 2             total variation of the joint table         (4)

In (4) an ordered column becomes ten bins of equal width, from the lowest to the highest true cell, with open ends; missing is one more.
1 is perfect, and two sets of true rows have less. Without missing cells, (1) to (4) are the KSComplement, TVComplement,
CorrelationSimilarity and ContingencySimilarity of SDMetrics 0.32 (docs.sdv.dev/sdmetrics), except that a column that never varies has
r = 0 here, and no score there.

How strongly two columns go together, for a picture of them, is

    ordered and ordered    Spearman's rank correlation, -1 to 1, over rows that have both cells                     (5)
    else                   Cramer's V of the joint table of (4), with bins of equally many true cells, 0 to 1       (6)

    >>> rng = np.random.default_rng(0)
    >>> sex = rng.integers(2, size=1000); height = rng.normal(165 + 13 * sex, 6)
    >>> true, ordered = np.stack([sex, height], axis=1), np.array([False, True])
    >>> wrong = np.stack([sex, rng.permutation(height)], axis=1)
    >>> shapes(wrong, true, ordered).round(2).tolist(), trends(wrong, true, ordered).round(2).tolist()
    ([1.0, 1.0], [[1.0, 0.62], [0.62, 1.0]])
"""

import numpy as np
from scipy.stats import rankdata

from unstir.errors import UsageError
from unstir.steady import steady

BINS = 10  # of an ordered column beside one with states
MOST_STATES = 1000  # of a column in a joint table: beyond, the rarest states of the true rows are one
EXACT = 0.025  # a value of an ordered column is an exact one from this share of the true cells on


@steady
def shapes(x: np.ndarray, y: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Eq. (1) and (2) of each column, (D,), for samples x (n, D) and true rows y (m, D). Raises UsageError for shapes that do not fit.

    >>> x, y = np.array([[0.0], [1.0], [np.nan], [np.nan]]), np.array([[0.0], [1.0], [0.0], [1.0]])
    >>> shapes(x, y, np.array([True])).tolist(), shapes(x, y, np.array([False])).tolist()
    ([0.5], [0.5])
    """
    x, y = as_codes(x, y)
    pairs = zip(x.T, y.T, ordered, strict=True)
    return np.array([1 - (_largest_gap(a, b) if is_ordered else _variation(a, b)) for a, b, is_ordered in pairs])


def _largest_gap(x: np.ndarray, y: np.ndarray) -> float:
    """The maximum in (1) for cells x (n,) and y (m,); 1 where only one side has any cells."""
    a, b = (np.sort(cells[~np.isnan(cells)]) for cells in (x, y))
    missing = abs(len(a) / len(x) - len(b) / len(y))
    if not (len(a) and len(b)):
        return float(len(a) != len(b))
    every = np.concatenate([a, b])
    below = [np.searchsorted(cells, every, side="right") / len(cells) for cells in (a, b)]
    return float(max(np.abs(below[0] - below[1]).max(), missing))


def _variation(x: np.ndarray, y: np.ndarray) -> float:
    """The sum in (2)."""
    _, places = np.unique(np.concatenate([x, y]), return_inverse=True)  # all NaN are one value
    return _apart(places[: len(x)], places[len(x) :], int(places.max()) + 1)


def _apart(x: np.ndarray, y: np.ndarray, size: int) -> float:
    """The total variation between two sets of states, numbered below `size`."""
    shares = [np.bincount(states, minlength=size) / len(states) for states in (x, y)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


@steady
def trends(x: np.ndarray, y: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Eq. (3) and (4) of each pair of columns, (D, D), 1 on the diagonal, for samples x (n, D) and true rows y (m, D)."""
    x, y = as_codes(x, y)
    found = 1 - np.abs(correlations(x) - correlations(y)) / 2
    (of_x, of_y), sizes = states(x, y, ordered)
    for i, j in zip(*np.triu_indices(x.shape[1], 1), strict=True):
        if not (ordered[i] and ordered[j]):
            a, b = (side[:, i] * sizes[j] + side[:, j] for side in (of_x, of_y))
            found[i, j] = found[j, i] = 1 - _apart(a, b, sizes[i] * sizes[j])
    np.fill_diagonal(found, 1.0)
    return found


def correlations(x: np.ndarray) -> np.ndarray:
    """Pearson's r of each pair of columns of x (n, D), over the rows that have both cells: (D, D); 0 where a column does not vary there.

    >>> correlations(np.array([[1.0, 2.0], [2.0, np.nan], [3.0, 6.0], [4.0, 4.0]])).round(3).tolist()
    [[1.0, 0.655], [0.655, 1.0]]
    """
    there = ~np.isnan(x)
    counts = there.T.astype(float) @ there
    centre = np.where(there, x, 0.0).sum(0) / np.maximum(there.sum(0), 1)
    z = np.where(there, x - centre, 0.0)
    z /= np.maximum(np.abs(z).max(0, initial=0.0), 1e-300)  # so that no square overflows
    n = np.maximum(counts, 1)
    first, square = z.T @ there / n, (z**2).T @ there / n  # [i, j]: of column i over the rows that have column j, too
    variance = square - first**2
    together = z.T @ z / n - first * first.T
    varies = (variance > 1e-12 * square) & (variance > 0)
    both = varies & varies.T
    return np.where(both, np.clip(together / np.sqrt(np.where(both, variance * variance.T, 1.0)), -1, 1), 0.0)


def states(
    x: np.ndarray, y: np.ndarray, ordered: np.ndarray, alike: bool = False
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Both tables as numbers of states, (n, D) and (m, D) int, and how many states each column has, (D,), as in (4).

    The bins of ordered columns hold equally many true cells if `alike`, else they are equally wide.

    >>> x, y = np.array([[0.0, 5.0], [3.0, np.nan]]), np.array([[3.0, 0.0], [7.0, 10.0]])
    >>> (of_x, of_y), sizes = states(x, y, np.array([False, True]))
    >>> of_x.tolist(), of_y.tolist(), sizes.tolist()
    ([[1, 6], [2, 0]], [[2, 1], [3, 10]], [4, 11])
    """
    columns = [
        _binned(a, b, alike) if is_ordered else _numbered(a, b) for a, b, is_ordered in zip(x.T, y.T, ordered, strict=True)
    ]
    of_x, of_y = (np.stack([column[side] for column in columns], axis=1) for side in (0, 1))
    return (of_x, of_y), np.maximum(of_x.max(0), of_y.max(0)) + 1


def _binned(x: np.ndarray, y: np.ndarray, alike: bool) -> tuple[np.ndarray, np.ndarray]:
    there = y[~np.isnan(y)]
    inner = np.zeros(0)
    if len(there):
        quantiles = np.quantile(there, np.linspace(0, 1, BINS + 1)[1:-1])
        inner = np.unique(quantiles) if alike else np.histogram_bin_edges(there, BINS)[1:-1]
    sides = [np.where(np.isnan(cells), 0, 1 + np.digitize(cells, inner)) for cells in (x, y)]
    return sides[0], sides[1]


def _numbered(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """0 for missing, then the values in rising order; beyond 1,000 values, those rarest among the true cells are one."""
    values, counts = np.unique(y[~np.isnan(y)], return_counts=True)
    kept = np.union1d(x[~np.isnan(x)], values)
    if len(kept) > MOST_STATES:
        kept = np.sort(values[np.argsort(-counts, kind="stable")[: MOST_STATES - 1]])
    sides = []
    for cells in (x, y):
        places = np.minimum(np.searchsorted(kept, cells), max(len(kept) - 1, 0))
        known = kept[places] == cells if len(kept) else np.zeros(len(cells), bool)
        sides.append(np.where(np.isnan(cells), 0, np.where(known, 1 + places, len(kept) + 1)))
    return sides[0], sides[1]


@steady
def associations(x: np.ndarray, y: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Eq. (5) and (6) of each pair of columns of x (n, D), (D, D), 1 on the diagonal; the bins are those of the true rows y (m, D).

    Sources: Spearman (1904); Cramer (1946), "Mathematical methods of statistics", chapter 21, with Bergsma's (2013) correction, by
    which independent columns have about 0.
    """
    x, y = as_codes(x, y)
    ranks = np.stack([rankdata(column, nan_policy="omit") for column in x.T], axis=1)
    found = correlations(ranks)
    (of_x, _), sizes = states(x, y, ordered, alike=True)
    for i, j in zip(*np.triu_indices(x.shape[1], 1), strict=True):
        if not (ordered[i] and ordered[j]):
            found[i, j] = found[j, i] = _cramer(of_x[:, i], of_x[:, j], sizes[i], sizes[j])
    np.fill_diagonal(found, 1.0)
    return found


def _cramer(a: np.ndarray, b: np.ndarray, rows: int, columns: int) -> float:
    table = np.bincount(a * columns + b, minlength=rows * columns).reshape(rows, columns).astype(float)
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    n, (r, k) = table.sum(), table.shape
    if n < 2 or min(r, k) < 2:
        return 0.0
    expected = np.outer(table.sum(1), table.sum(0)) / n
    phi = ((table - expected) ** 2 / expected).sum() / n - (r - 1) * (k - 1) / (n - 1)
    r, k = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    return float(np.sqrt(max(phi, 0.0) / max(min(r, k) - 1, 1e-12)).clip(0, 1))


@steady
def missing_apart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far the shares of missing cells of each column are apart, |m_x - m_y|, (D,); NaN for a column that misses none on both sides.

    >>> missing_apart(np.array([[np.nan, 1.0], [1.0, 1.0]]), np.ones((2, 2))).tolist()
    [0.5, nan]
    """
    x, y = as_codes(x, y)
    of_x, of_y = (np.isnan(side).mean(0) for side in (x, y))
    return np.where((of_x > 0) | (of_y > 0), np.abs(of_x - of_y), np.nan)


@steady
def missing_together(x: np.ndarray, y: np.ndarray, ordered: np.ndarray) -> float:
    """Whether cells are missing where the other columns say so: chi-squared by its degrees of freedom, 1 between true rows, 0 without gaps.

    For each column with missing cells beside each other column, the joint table of "missing or not" and the states of the other one is
    compared between samples and true rows by the chi-squared test of homogeneity; the result is the mean over these pairs. Bins of
    ordered columns hold equally many true cells. The test is Pearson's (1900) of two samples.
    """
    x, y = as_codes(x, y)
    (of_x, of_y), sizes = states(x, y, ordered, alike=True)
    found = []
    for i in np.flatnonzero(np.isnan(x).any(0) | np.isnan(y).any(0)):
        for j in range(x.shape[1]):
            if j != i:
                a, b = (np.isnan(side[:, i]) * sizes[j] + own[:, j] for side, own in ((x, of_x), (y, of_y)))
                found.append(_homogeneity(a, b, 2 * sizes[j]))
    return float(np.mean(found)) if found else 0.0


def _homogeneity(x: np.ndarray, y: np.ndarray, size: int) -> float:
    """Chi-squared of two samples of states, over its degrees of freedom."""
    a, b = (np.bincount(states, minlength=size) for states in (x, y))
    a, b = a[a + b > 0], b[a + b > 0]
    if len(a) < 2:
        return 0.0
    ratio = np.sqrt(len(y) / len(x))
    return float(((a * ratio - b / ratio) ** 2 / (a + b)).sum() / (len(a) - 1))


@steady
def exact_apart(x: np.ndarray, y: np.ndarray, known: np.ndarray) -> float:
    """How far the shares of exact values of ordered columns are apart, on the average; NaN where no value repeats so often.

    `known` (D,) has the exact value of each column, as `exact_values` finds it, NaN for none: 0 where many cells are exactly 0.
    """
    x, y = as_codes(x, y)
    held = ~np.isnan(known)
    apart = np.abs((x[:, held] == known[held]).mean(0) - (y[:, held] == known[held]).mean(0))
    return float(apart.mean()) if held.any() else float("nan")


def exact_values(y: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """The most frequent value of each ordered column of y (m, D) if it is at least 1 in 40 cells and not every cell, (D,); else NaN.

    >>> exact_values(np.array([[0.0, 1.0], [0.0, 2.0], [5.0, 0.0], [7.0, 4.0]]), np.array([True, False])).tolist()
    [0.0, nan]
    """
    found = np.full(y.shape[1], np.nan)
    for i in np.flatnonzero(ordered):
        values, counts = np.unique(y[~np.isnan(y[:, i]), i], return_counts=True)
        if len(values) > 1 and 1 < counts.max() >= EXACT * counts.sum():
            found[i] = values[counts.argmax()]
    return found


def as_codes(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both tables as float64. Raises UsageError unless they are (n, D) and (m, D) with rows and columns."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or 0 in (x.size, y.size):
        raise UsageError(f"the tables have shapes {x.shape} and {y.shape}; give (n, D) and (m, D).")
    return x, y
