"""How far apart two sets of points are, and how far apart two sets of *true* points are: the floor.

x is (n, d), y is (m, d); every row has the same weight. Distances are in the units of the data.

    W2(x, y)^2  =  min over couplings of E|X - Y|^2                                                                  (1)
    in one dimension  =  integral over q in [0, 1] of (Q_x(q) - Q_y(q))^2,   Q the quantile function                 (2)
    SW2(x, y)^2  =  E over unit directions u of W2(x u, y u)^2                                                       (3)
    D^2(x, y)  =  2 E|X - Y| - E|X - X'| - E|Y - Y'|                                                                 (4)
    |x - y|^2  =  |x - c|^2 + |y - c|^2 - 2 (x - c).(y - c),   c the mean of y                                       (5)

A shift by c is a W2 of |c| and an SW2 of |c| / sqrt(d). Between two finite samples none of the distances is zero, even if both are
true samples: W2 falls like n^(-1/d) for d > 2, SW2 like n^(-1/2) if the data has no gaps, D^2 like 1/n. So a distance is printed
beside its `floor`, the same distance between pairs of true samples *of the same n*:

    fresh data can be drawn:   floor(metric, ((draw(n), draw(n)) for _ in range(repeats)))
    there are only these rows: floor(metric, half_split_pairs(rows, n, repeats, rng))
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from unstir.errors import UsageError
from unstir.steady import steady

ASSIGNMENT_ROWS = 2_000
ENERGY_ROWS = 10_000
NUMBERS_AT_ONCE = 4_000_000
DIRECT_DIMENSIONS = 24  # in more dimensions (5) is faster than differences, five times in 300
TREE_DIMENSIONS = 8  # in more dimensions a tree visits most of its rows, and all pairs are faster


@steady
def sliced_wasserstein(x: np.ndarray, y: np.ndarray, projections: int = 256, seed: int = 0) -> float:
    """The sliced 2-Wasserstein distance (3) over `projections` random directions, the same ones for the same seed.

    Shapes: x (n, d), y (m, d). It is exact for unequal n and m too: (2) is a sum over the steps of both quantile functions.
    Raises UsageError for shapes that do not fit. Source: Bonneel, Rabin, Peyre, Pfister (2015), "Sliced and Radon
    Wasserstein barycenters of measures"; (2) is in Peyre and Cuturi (2019), "Computational optimal transport", 2.6.

    >>> x = np.random.default_rng(0).standard_normal((500, 1))
    >>> round(sliced_wasserstein(x, x + 3.0), 12)
    3.0
    """
    x, y = as_points(x, y)
    directions = np.random.default_rng(seed).standard_normal((projections, x.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    of_x, of_y, width = quantile_steps(len(x), len(y))
    total = 0.0
    for some in np.array_split(directions, 1 + projections * len(width) // NUMBERS_AT_ONCE):
        gaps = np.sort(some @ x.T, axis=1)[:, of_x] - np.sort(some @ y.T, axis=1)[:, of_y]
        total += float((gaps**2 @ width).sum())
    return float(np.sqrt(total / projections))


def quantile_steps(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The steps on which both quantile functions in (2) are constant: for each its row of x, its row of y, and its width.

    >>> quantile_steps(2, 3)
    (array([0, 0, 1, 1]), array([0, 1, 1, 2]), array([0.33333333, 0.16666667, 0.16666667, 0.33333333]))
    """
    ends = np.union1d(m * np.arange(1, n + 1), n * np.arange(1, m + 1))  # in whole units of 1 / (n m)
    return (ends - 1) // m, (ends - 1) // n, np.diff(ends, prepend=0) / (n * m)


@steady
def energy_distance(x: np.ndarray, y: np.ndarray) -> float:
    """The energy distance in its squared form D^2 (4), as a V-statistic: it is never negative.

    E|X - X'| is a mean over all n^2 pairs, those of a row with itself included. Averaged over samples, the result is larger than the
    true D^2 by E|X - X'| / n + E|Y - Y'| / m. In one dimension it is the square of scipy.stats.energy_distance.
    Shapes: x (n, d), y (m, d). It takes n^2 + n m + m^2 distances. Raises UsageError for more than 10,000 rows: draw 10,000 of them
    at random, and say so. Source: Szekely and Rizzo (2013), "Energy statistics".

    >>> energy_distance(np.array([[0.0]]), np.array([[3.0]]))
    6.0
    """
    x, y = as_points(x, y)
    rows = max(len(x), len(y))
    if rows > ENERGY_ROWS:
        raise UsageError(
            f"the energy distance compares every pair of rows, and {rows} rows are too many; "
            f"draw {ENERGY_ROWS} of them at random."
        )
    squared = 2 * _total(x, y) / (len(x) * len(y)) - _total_within(x) / len(x) ** 2 - _total_within(y) / len(y) ** 2
    return max(squared, 0.0)  # the exact value is never negative, but rounding can make it so


def _total(x: np.ndarray, y: np.ndarray) -> float:
    return sum(float(pairwise(block, y).sum()) for block in blocks(x, len(y)))


def _total_within(x: np.ndarray) -> float:
    """The sum over all pairs of rows of x. Pairs of a row in a block and one before the block are measured once and count twice."""
    total, before = 0.0, 0
    for block in blocks(x, len(x)):
        total += 2 * float(pairwise(block, x[:before]).sum()) if before else 0.0
        total += float(pairwise(block, block).sum())
        before += len(block)
    return total


def blocks(x: np.ndarray, columns: int) -> list[np.ndarray]:
    """The rows of x (n, d) in blocks, so small that there is memory for a number for each pair of a row and one of `columns` others."""
    return np.array_split(x, 1 + len(x) * columns // NUMBERS_AT_ONCE)


def pairwise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The distances |x_i - y_j|, (n, m), of float64 points x (n, d) and y (m, d): by differences, or by (5) in many dimensions.

    By (5) the distance of two equal rows is not 0 but about 1e-8 of the width of the data.

    >>> pairwise(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[5.0, 0.0]]
    """
    if x.shape[1] <= DIRECT_DIMENSIONS:
        return cdist(x, y)
    centre = y.mean(axis=0)  # without this, only rounding would be left of data that is far from the origin
    x, y = x - centre, y - centre
    squares = np.einsum("nd,nd->n", x, x)[:, None] + np.einsum("md,md->m", y, y) - 2 * x @ y.T
    return np.sqrt(np.maximum(squares, 0.0))


@steady
def nearest(x: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The distance of each row of x (n, d) to the nearest row of `reference` (m, d): (n,).

    Raises UsageError for shapes that do not fit.

    >>> nearest(np.array([[0.0], [4.0]]), np.array([[1.0], [9.0]])).tolist()
    [1.0, 3.0]
    """
    x, reference = as_points(x, reference)
    if x.shape[1] <= TREE_DIMENSIONS:
        return KDTree(reference).query(x)[0]
    return np.concatenate([pairwise(block, reference).min(axis=1) for block in blocks(x, len(reference))])


@steady
def exact_wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """The 2-Wasserstein distance (1) itself, by the cheapest of all n! ways to pair the rows.

    Shapes: x (n, d), y (n, d). Raises UsageError for unequal n, and for n above 2,000, because the time grows like n^3.
    Source: Peyre and Cuturi (2019), "Computational optimal transport", section 2.2 (the optimal assignment problem).

    >>> exact_wasserstein(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 2.0], [0.0, 2.0]]))
    2.0
    """
    x, y = as_points(x, y)
    if len(x) != len(y):
        raise UsageError(f"the exact distance pairs rows one to one; there are {len(x)} and {len(y)}. Draw equal n.")
    if len(x) > ASSIGNMENT_ROWS:
        raise UsageError(
            f"the exact distance takes time like n^3, and n = {len(x)} is above {ASSIGNMENT_ROWS}; "
            f"draw fewer rows or use sliced_wasserstein."
        )
    cost = cdist(x, y, "sqeuclidean")
    return float(np.sqrt(cost[linear_sum_assignment(cost)].mean()))


def far_fraction(x: np.ndarray, reference: np.ndarray, radius: float) -> float:
    """The share of the rows of x that are farther than `radius` from every row of `reference`.

    Shapes: x (n, d), reference (m, d). The gaps between rows of the reference have to be small compared with the radius.
    Raises UsageError for shapes that do not fit.

    >>> far_fraction(np.array([[0.0, 0.1], [0.0, 3.0]]), np.zeros((1, 2)), radius=1.0)
    0.5
    """
    return float((nearest(x, reference) > radius).mean())


@steady
def floor(
    metric: Callable[[np.ndarray, np.ndarray], float], pairs: Iterable[tuple[np.ndarray, np.ndarray]]
) -> tuple[float, float]:
    """The mean and the standard deviation of `metric` over pairs of true samples: the score of a perfect model.

    Both sides of a pair have as many rows as the samples that are compared with the floor. Raises UsageError for fewer than two pairs.

    >>> pairs = [(np.zeros((1, 1)), np.ones((1, 1))), (np.zeros((1, 1)), np.full((1, 1), 3.0))]
    >>> mean, deviation = floor(exact_wasserstein, pairs)
    >>> print(f"{mean:.3f} ± {deviation:.3f}")
    2.000 ± 1.414
    """
    distances = [metric(a, b) for a, b in pairs]
    if len(distances) < 2:
        raise UsageError(f"a floor with its spread takes at least 2 pairs of true samples; there are {len(distances)}.")
    return float(np.mean(distances)), float(np.std(distances, ddof=1))


def half_split_pairs(rows: np.ndarray, n: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`repeats` random pairs of disjoint sets of n rows: pairs of true samples, for data of which no new rows can be drawn.

    Different pairs share rows, so their spread is that of the splitting alone.
    Shapes: rows (N, d) with N >= 2n, each side of a pair (n, d). Raises UsageError if there are too few rows.

    >>> [(a, b)] = half_split_pairs(np.arange(4.0)[:, None], n=2, repeats=1, rng=np.random.default_rng(0))
    >>> sorted(np.concatenate([a, b]).ravel().tolist())
    [0.0, 1.0, 2.0, 3.0]
    """
    if len(rows) < 2 * n:
        most = len(rows) // 2
        raise UsageError(f"two disjoint sets of {n} rows do not fit in {len(rows)}; n is at most {most}.")
    for _ in range(repeats):
        order = rng.permutation(len(rows))
        yield rows[order[:n]], rows[order[n : 2 * n]]


def as_points(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sets as float64 points of the same dimension; in float32 the small distances between similar samples would be lost."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or 0 in (x.size, y.size):
        raise UsageError(f"the points have shapes {x.shape} and {y.shape}; give (n, d) and (m, d), with flat rows.")
    return x, y
