"""Nearest neighbours: do samples lie where true rows lie, do they cover all of the data, and are they copies of training rows?

x (n, d) are samples and y (m, d) true rows; r_k is a row's distance to its k-th nearest other row on its own side.

    precision  =  share of x_i with   |x_i - y_j| < r_k(y_j)  for some j        a sample is where the data is         (1)
    recall     =  share of y_j with   |x_i - y_j| < r_k(x_i)  for some i        the data is where samples are         (2)
    density    =  number of pairs with  |x_i - y_j| < r_k(y_j),  over k n       1 between true samples                (3)
    coverage   =  share of y_j with   |x_i - y_j| < r_k(y_j)  for some i                                              (4)

Precision and recall look at the union of the balls, in which one outlier with a large ball decides much. Density counts the balls that
a sample is in, and coverage the balls that have a sample. With m = n the coverage between true samples is 1 - 2^-k, up to 1/n.

A copied sample lies nearer to the training rows T than a true row that was not in T. With a(x) the distance of x to its nearest row of
T, for samples x and true rows y outside T,

    ratio  =  median a(x) / median a(y)             about 1: as far away as true rows;  near 0: memorised             (5)
    close  =  share of x_i with a(x_i) < a_(j)      a_(j) the j-th smallest of a(y),  j = m / 100 at least 1          (6)

If samples are like true rows, n close follows the beta-binomial law (n, j, m + 1 - j) exactly, whatever the distribution and n.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree
from scipy.stats import betabinom

from unstir.errors import UsageError
from unstir.metrics.distances import TREE_DIMENSIONS, as_points, blocks, pairwise
from unstir.steady import steady

RESAMPLED = 400
TELLING = 0.25  # chance may move the ratio by so much, and the ratio still tells copies from true rows


@steady
def precision_recall(x: np.ndarray, y: np.ndarray, k: int = 5) -> dict[str, float]:
    """Eq. (1) to (4) by name, for samples x (n, d) and true rows y (m, d); draw n = m.

    Raises UsageError for shapes that do not fit, and for fewer than k + 1 rows on a side. Sources: Kynkaanniemi et al. (2019),
    "Improved precision and recall metric for assessing generative models", eq. 2; Naeem et al. (2020), "Reliable fidelity and
    diversity metrics for generative models", eqs. 3 and 4.

    >>> y = np.random.default_rng(0).normal(size=(200, 2))
    >>> precision_recall(y[:100] + 9, y)
    {'precision': 0.0, 'recall': 0.0, 'density': 0.0, 'coverage': 0.0}
    """
    x, y = as_points(x, y)
    of_x, of_y = radii(x, k), radii(y, k)
    balls = np.zeros(len(x), dtype=np.int64)
    recalled, covered = [], []
    for block in blocks(np.column_stack([of_y, y]), len(x)):
        radius, apart = block[:, :1], pairwise(block[:, 1:], x)
        inside = apart < radius
        balls += inside.sum(axis=0)
        recalled.append((apart < of_x).any(axis=1))
        covered.append(inside.any(axis=1))
    return {
        "precision": float((balls > 0).mean()),
        "recall": float(np.concatenate(recalled).mean()),
        "density": float(balls.mean() / k),
        "coverage": float(np.concatenate(covered).mean()),
    }


def radii(x: np.ndarray, k: int) -> np.ndarray:
    """The distance of each row of x (n, d) to its k-th nearest other row: (n,). Raises UsageError for fewer than k + 1 rows.

    >>> radii(np.array([[0.0], [1.0], [3.0]]), k=2).tolist()
    [3.0, 2.0, 3.0]
    """
    if len(x) <= k:
        raise UsageError(f"the {k} nearest neighbours of a row take at least {k + 1} rows; there are {len(x)}.")
    if x.shape[1] <= TREE_DIMENSIONS:
        return KDTree(x).query(x, k=[k + 1])[0][:, 0]  # the first is the row itself
    return np.concatenate([np.partition(pairwise(block, x), k, axis=1)[:, k] for block in blocks(x, len(x))])


@dataclass(frozen=True)
class Memorisation:
    """Eq. (5) and (6), each beside what true rows would give: the deviation of the ratio from 1, and the mean share with its 97.5 %
    quantile. `rows` is n, `true_rows` is m."""

    ratio: float
    ratio_deviation: float
    close: float
    close_expected: float
    close_at_most: float
    rows: int
    true_rows: int

    @property
    def can_tell(self) -> bool:
        """Whether chance stays below a quarter, so that samples half as far away as true rows would show."""
        return 2 * self.ratio_deviation <= TELLING

    @property
    def enough(self) -> int:
        """About so many true rows would be enough to tell: the deviation falls with their root."""
        return math.ceil(self.true_rows * (2 * self.ratio_deviation / TELLING) ** 2)

    @property
    def by_chance(self) -> tuple[float, float]:
        """The interval in which the ratio of true rows lies in 19 of 20 cases."""
        return 1 - 2 * self.ratio_deviation, 1 + 2 * self.ratio_deviation

    @property
    def verdict(self) -> str:
        """A few words: are the samples nearer to the training rows than chance allows, and by how much?"""
        ratio, close = min(self.by_chance[0], 0.9), max(self.close_at_most, 2 * self.close_expected)
        if self.ratio < min(ratio, 0.5) or self.close > max(close, 0.5):
            return "memorises"
        return "nearer than true rows" if self.ratio < ratio or self.close > close else "keeps its distance"


@steady
def memorisation(sampled: np.ndarray, true: np.ndarray, seed: int = 0) -> Memorisation:
    """Eq. (5) and (6) from the distances to the nearest training row: a(x) (n,) of samples, and a(y) (m,) of true rows.

    n and m may differ, because the training rows are the same for both. The deviation of the ratio is that between sets of n and m
    distances drawn from a(y) with replacement. Raises UsageError if so many true rows are copies of training rows themselves
    that chance makes them half.

    >>> away = np.random.default_rng(0).uniform(1, 2, size=(2, 500))
    >>> memorisation(away[0], away[1]).verdict, memorisation(away[0] / 20, away[1]).verdict
    ('keeps its distance', 'memorises')
    """
    n, m = len(sampled), len(true)
    rng = np.random.default_rng(seed)
    above, below = (np.median(rng.choice(true, (RESAMPLED, size)), axis=1) for size in (n, m))
    if not min(np.median(true), below.min()) > 0:
        raise UsageError("about half of the true rows are copies of training rows, so copies among the samples mean nothing.")
    j = max(1, round(m / 100))
    law = betabinom(n, j, m + 1 - j)
    return Memorisation(
        ratio=float(np.median(sampled) / np.median(true)),
        ratio_deviation=float(np.std(above / below)),
        close=float((sampled < np.partition(true, j - 1)[j - 1]).mean()),
        close_expected=float(law.mean() / n),
        close_at_most=float(law.ppf(0.975) / n),
        rows=n,
        true_rows=m,
    )
