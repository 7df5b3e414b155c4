"""Normal scores of one column of numbers in which values may repeat: each value that repeats has an interval of scores, not one score.

    value x_k holds the levels from low_k to high_k, the shares of rows below x_k, and below or at it                (1)
    u(x_k) = low_k + h (high_k - low_k),  h in (0, 1);   between two values u is a straight line;   z = Phi^-1(u)   (2)

A column of whole numbers, such as an age, then has no gaps: z is standard normal, and back from z each age comes exactly as often as in the
data (the distributional transform, Rueschendorf 2009). A column in which nothing repeats has quantiles as knots, low_k = high_k. If half of
the way from one to the next is a gap without a row, as between two clusters, the values on both sides are knots as well: at the level where
one ends, the other begins, so nothing comes back from the gap.

    x_k < gap < x_(k+1):   high_k = low_(k+1) = the share of rows below the gap                                                (3)

Between clusters, with many rows on both sides of a wide gap, the scores are apart, too: those above the gap are `APART` higher. Otherwise
the end of one cluster would be the beginning of the next for a network, and it would mix them up.

Where all values are multiples of one number, as of 25, what lies between two knots is rounded to such multiples.

    >>> scores = Scores.fit(np.repeat([1.0, 2.0, 5.0], [10, 6, 4]))
    >>> scores.low.tolist(), scores.high.tolist()
    ([0.0, 0.5, 0.8], [0.5, 0.8, 1.0])
    >>> z = scores.encode(np.array([1.0, 5.0]), np.array([0.5, 0.5]))
    >>> z.round(2).tolist(), scores.decode(z).tolist()                  # the middles of their intervals: Phi^-1(0.25) and Phi^-1(0.9)
    ([-0.67, 1.28], [1.0, 5.0])
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

STEPS = 1024  # values that have an interval each at most
REPEATED = 2.5  # times that a value is there on average, from which on all values have an interval
KNOTS = 257  # quantiles of a column in which most values are there once
HEAVY = 1 / 1000  # of the rows: a value that is there so often has an interval in any case
FEWEST = 3  # rows of such a value at least
APART, WIDE = (
    1.0,
    0.5,
)  # how far clusters are apart, in scores, and how wide the gap between them is at least, in standard deviations
USUAL = 10  # and in median steps from one value to the next
SIDE, MANY = 0.05, 20  # the rows on either side of it, as a share and in number, at least
MOST_DIGITS = 6  # after the point, of numbers that may be multiples of one number


@dataclass(frozen=True)
class Scores:
    """Eq. (1) and (2): x, low and high (K,) float64; x and the levels rise. `least` is the smallest level, and `step` is 0 or divides all x.

    `opens` (K,) is 1 for a value after the gap between two clusters, else 0.
    """

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    opens: np.ndarray
    least: float
    step: float

    @classmethod
    def fit(cls, values: np.ndarray) -> "Scores":
        """The scores of values (n,), finite, at least one."""
        n = len(values)
        x, counts = np.unique(values, return_counts=True)
        high = counts.cumsum() / n
        low, least, step = np.r_[0.0, high[:-1]], min(1e-3, 0.5 / n), divisor(x)
        if len(x) <= STEPS and n >= REPEATED * len(x):
            return cls(x, low, high, clusters(x, counts), least, step)
        heavy = counts >= max(FEWEST, HEAVY * n)
        if heavy.sum() > STEPS:
            heavy &= counts >= np.sort(counts)[-STEPS]
        middle = (low + high) / 2
        at = np.unique(
            [*np.flatnonzero(heavy), *np.searchsorted(middle, ndtr(np.linspace(ndtri(least), -ndtri(least), KNOTS))), 0]
        )
        at = at[at < len(x)]
        at = np.unique([*at, len(x) - 1])
        opens = clusters(x, counts)
        before = np.union1d(gaps(x, at), np.flatnonzero(opens[1:]))
        at = np.unique([*at, *before, *(before + 1)])
        begins, ends = np.where(heavy, low, middle), np.where(heavy, high, middle)
        ends[before], begins[before + 1] = high[before], low[before + 1]  # (3)
        return cls(x[at], begins[at], ends[at], opens[at], least, step)

    def encode(self, x: np.ndarray, h: np.ndarray) -> np.ndarray:
        """Eq. (2): values (n,) and h (n,) -> z (n,). Beyond the first and the last value, z is that of the nearest."""
        last = len(self.x) - 1
        k = np.searchsorted(self.x, x).clip(0, last)
        before = (k - 1).clip(0)
        gap = np.where(k > 0, self.x[k] - self.x[before], 1.0)
        part = ((x - self.x[before]) / np.where(gap > 0, gap, 1.0)).clip(0, 1)
        between = self.high[before] + part * (self.low[k] - self.high[before])
        inside = self.low[k] + h * (self.high[k] - self.low[k])
        u = np.where((self.x[k] == x) | ((k == 0) & (x < self.x[0])), inside, between)
        above = np.searchsorted(self.x[self.opens > 0], x, "right")  # gaps below x
        return ndtri(u.clip(self.least, 1 - self.least)) + APART * above

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The values (n,) of scores z (n,)."""
        last, opens = len(self.x) - 1, np.flatnonzero(self.opens)
        ends = ndtri(self.low[opens].clip(self.least, 1 - self.least))
        above = np.searchsorted(ends + APART * (np.arange(len(ends)) + 0.5), z)  # what is in a gap goes to the nearer side
        first, after = np.r_[0.0, self.low[opens]], np.r_[self.high[opens - 1], 1.0]
        u = ndtr(z - APART * above).clip(first[above], after[above])
        k = np.searchsorted(self.high, u).clip(0, last)
        k = np.maximum(k, np.r_[0, opens][above])
        before = (k - 1).clip(0)
        gap = self.low[k] - self.high[before]
        part = ((u - self.high[before]) / np.where(gap > 0, gap, 1.0)).clip(0, 1)
        between = self.x[before] + part * (self.x[k] - self.x[before])
        if self.step:
            between = np.round(between / self.step) * self.step
        return np.where((u >= self.low[k]) | (k == 0), self.x[k], between)

    @property
    def apart(self) -> float:
        """By how much the clusters below and above all gaps are apart."""
        return APART * float(self.opens.sum())

    def middle(self, x: np.ndarray) -> np.ndarray:
        """The scores of values (n,) that lie between others, whether they have an interval or not."""
        return self.encode(x, np.full(len(x), 0.5))


def clusters(x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """1 for each of the rising values x (K,), which so many rows have, after the gap between two clusters, else 0: (K,).

    The gap is wider than `WIDE` standard deviations and `USUAL` usual steps from one value to the next. `SIDE` of the rows, and at least
    `MANY`, lie on either side.

    >>> clusters(np.r_[np.linspace(0, 1, 40), np.linspace(9, 10, 40)], np.ones(80)).nonzero()[0]
    array([40])
    """
    if len(x) < 2:
        return np.zeros(len(x))
    n, below, steps = counts.sum(), counts.cumsum()[:-1], np.diff(x)
    mean = (x * counts).sum() / n
    wide = steps > max(WIDE * np.sqrt(((x - mean) ** 2 * counts).sum() / n), USUAL * np.median(steps))
    least = max(MANY, SIDE * n)
    return np.r_[0.0, wide & (below >= least) & (n - below >= least)]


def gaps(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Those k for which x_k to x_(k+1), of rising values x (K,), is more than half of the way between the two knots around them.

    Knots are numbers of values, the first and the last among them. Two knots with nothing between them have no such gap.

    >>> gaps(np.array([0.0, 1.0, 2.0, 9.0, 10.0, 11.0]), np.array([0, 5])), gaps(np.arange(6.0), np.array([0, 3, 5]))
    (array([2]), array([], dtype=int64))
    """
    within = np.searchsorted(knots, np.arange(len(x) - 1), "right") - 1  # the knot before x_k
    start, stop = knots[within], knots[np.minimum(within + 1, len(knots) - 1)]
    return np.flatnonzero((np.diff(x) > (x[stop] - x[start]) / 2) & (stop > start + 1))


def divisor(x: np.ndarray) -> float:
    """The largest number of which all of x (K,) are multiples, if it has few digits and is not just their last digit; else 0.

    >>> divisor(np.array([3750.0, 3800.0, 3250.0])), divisor(np.array([0.5, 1.25])), divisor(np.array([1 / 3, 0.5]))
    (50.0, 0.25, 0.0)
    """
    for digits in range(MOST_DIGITS + 1):
        whole = np.round(x * 10**digits)
        if np.abs(whole).max() > 2**53:
            return 0.0
        if np.allclose(whole / 10**digits, x, rtol=1e-12, atol=0):
            common = int(np.gcd.reduce(whole.astype(np.int64)))
            return common / 10**digits if common > 1 else 0.0
    return 0.0
