"""Is each column right? Shares of rows: below a value, exactly at a value, outside the range of the true rows, whole, repeated.

People look at a column of samples and see negative incomes, or that nobody earns exactly 0. Each of these is the share p of the
samples that have a property, beside the share q of the true rows that have it. Two shares are as far apart as Cohen's

    h(p, q)  =  2 asin sqrt p - 2 asin sqrt q,        by chance about sqrt(1/n + 1/m) times a standard normal           (1)

of n samples and m true rows. h is 0.2 between 0 and 1 %, 5 and 10 %, 50 and 60 %. A difference of that size matters; a smaller one
shows only in tables. So n and m are enough to tell if chance alone stays below it:

    z sqrt(1/n + 1/m)  <=  0.2,        z the quantile of the normal law at the level of one test                         (2)

If samples are like true rows, these laws hold exactly, whatever the distribution, for any n and m:

    #{x < y_(j)}  ~  beta-binomial (n, j, m + 1 - j),       y_(j) the j-th smallest of the true rows                    (3)
    #{x with a property that c of all n + m rows have}  ~  hypergeometric (n + m, c, n)                                 (4)

(3) is for quantiles, and with j = 1 for the share below the lowest true row: at least k of n with probability C(n, k) / C(n + m, k).
Where values repeat, #{x < y_(j)} can only be smaller and #{x <= y_(j)} only larger, so that a test by the first or the second of them
errs on the safe side. (4) is for the rest. There are many columns and many properties, so each test has the level of all divided by
their number (Bonferroni).

Columns of *flags* hold 1 for rows that have one property, as to be of a category, and 0 for the others: of them, (4) is all that there is to
test. A missing cell (NaN) is left out, so that n and m are the cells that there are; whether as many are missing is a column of flags.

Values are compared as they look: rounded to 24 binary digits, about 7 decimal ones, in which 0.1 as float32 is 0.1 as float64.

    >>> rng = np.random.default_rng(0)
    >>> income = np.exp(rng.normal(7, 1, size=(2, 1000, 1)))
    >>> found = compare_shares(income[0], income[1])
    >>> [share.verdict for share in found.off], found.can_tell
    ([], True)
    >>> worst = compare_shares(rng.normal(income[0].mean(), income[0].std(), (1000, 1)), income[1]).off[0]
    >>> print(f"{worst.kind} {worst.at:.3g}: {worst.sampled:.3f}, true {worst.true:.3f}, {worst.verdict}")
    below 44.8: 0.220, true 0.000, far above the floor
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.stats import betabinom, hypergeom, norm

from unstir.metrics.distances import as_points

SIZE = 0.2  # the h of (1) that matters
LEVEL = 0.05  # of all tests together
QUANTILES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5)  # and as many from the other end
ATOM, ATOMS = 0.025, 4  # a value is an atom from this mean of both shares on; the most frequent ones of a column
TESTS = 2 + 2 * (2 * len(QUANTILES) - 1) + ATOMS + 2  # of a column: both ends, quantiles both ways, atoms, whole, repeated
MENDED = ("whole", "repeated")  # rounding the samples would give as many as the data has
DIGITS = 24  # binary ones


@dataclass(frozen=True)
class Share:
    """The share of the samples of one column that have a property, beside the `true` one, and the interval that chance gives it.

    The `kind` of the property is "below" or "above" all true rows, "lower" or "upper" (below or above `at`, a quantile of the true
    rows), "atom" (exactly `at`), "whole" (a whole number), "repeated" (a value that another row has, too), or "flag", the property that a
    column of flags is about. `size` is h by (1), and `p` the probability of such a result by chance, times the number of tests.
    """

    column: int
    kind: str
    at: float
    sampled: float
    true: float
    low: float
    high: float
    size: float
    p: float
    level: float

    @property
    def mended(self) -> bool:
        """Whether rounding the samples would mend it: they have more digits than the true rows."""
        return self.kind in MENDED and self.sampled < self.true

    @property
    def verdict(self) -> str:
        """ "At the floor": chance explains it. "Far above": it does not, and the difference is large enough to matter.

        Values with more digits than the data has are only "near", because rounding mends them.
        """
        if self.p > self.level:
            return "at the floor"
        return "far above the floor" if abs(self.size) >= SIZE and not self.mended else "near the floor"


@dataclass(frozen=True)
class Shares:
    """The shares of D columns of `rows` samples and `true_rows` true rows: for each column the worst of each kind.

    A column of flags has one test, so as many of them as a column has tests count as one of the `columns`.
    """

    each: Sequence[Share]
    rows: int
    true_rows: int
    columns: int
    level: float

    @cached_property
    def off(self) -> list[Share]:
        """For each column with a share that chance does not explain the worst one; the worst columns come first."""
        found: dict[int, Share] = {}
        for share in sorted(self.each, key=_badness):
            if share.p <= self.level:
                found.setdefault(share.column, share)
        return list(found.values())

    @property
    def p(self) -> float:
        """The probability of so unlikely a share anywhere, if samples are like true rows; an upper bound."""
        return min((share.p for share in self.each), default=1.0)

    @property
    def finest(self) -> float:
        """The smallest h that these rows can show: the left side of (2)."""
        return self.z * math.sqrt(1 / self.rows + 1 / self.true_rows)

    @property
    def z(self) -> float:
        """The z of (2)."""
        return float(norm.isf(self.level / (TESTS * max(self.columns, 1))))

    @property
    def can_tell(self) -> bool:
        """Whether a difference that matters would show: (2)."""
        return self.finest <= SIZE

    @property
    def enough(self) -> int:
        """So many samples, and as many true rows, would be enough by (2)."""
        return math.ceil(2 * (self.z / SIZE) ** 2)


def _badness(share: Share) -> tuple[bool, bool, float]:
    """Of two that are far off, an exact value says more to people than a share of repeated values."""
    return not share.verdict.startswith("far"), share.kind in MENDED, -abs(share.size)


def between(p: np.ndarray | float, q: np.ndarray | float) -> np.ndarray:
    """Cohen's h (1). Source: Cohen (1988), "Statistical power analysis", chapter 6.

    >>> between(np.array([0.01, 0.6, 0.5]), np.array([0.0, 0.5, 0.5])).round(3).tolist()
    [0.2, 0.201, 0.0]
    """
    return 2 * (np.arcsin(np.sqrt(p)) - np.arcsin(np.sqrt(q)))


def compare_shares(x: np.ndarray, y: np.ndarray, level: float = LEVEL, flags: np.ndarray | None = None) -> Shares:
    """The shares of samples x (n, d) and of true rows y (m, d); by chance one of them is off in at most a `level` of cases.

    `flags` (d,) bool says which columns are flags; none if it is left out. Raises UsageError for shapes that do not fit. Sources of the
    tests: Fisher (1935) for (4); Wilks (1962), "Mathematical statistics", 8.7, for (3).
    """
    x, y = as_points(x, y)
    (n, d), m = x.shape, len(y)
    flags = np.zeros(d, bool) if flags is None else flags
    counted = -(-(TESTS * int((~flags).sum()) + int(flags.sum())) // TESTS)  # columns
    sorted_x, sorted_y = np.sort(_as_they_look(x), axis=0), np.sort(_as_they_look(y), axis=0)  # NaN last
    tests, each = TESTS * counted, []
    laws: dict[tuple[int, int], list[_Law]] = {}
    pooled: list[_Counted] = []
    for i in range(d):
        of_x, of_y = (side[: len(side) - int(np.isnan(side[:, i]).sum()), i] for side in (sorted_x, sorted_y))
        cells = len(of_x), len(of_y)
        if flags[i]:
            pooled.append(_Counted(i, "flag", 1.0, int(of_x.sum()), int(of_y.sum()), *cells))
        elif min(cells):
            if cells not in laws:
                laws[cells] = _laws(*cells, level / tests)
            each += _quantiles(i, of_x, of_y, laws[cells], level, tests)
            pooled += _counted(i, of_x, of_y)
    return Shares([*each, *_tested(pooled, level, tests)], n, m, counted, level)


def _as_they_look(x: np.ndarray) -> np.ndarray:
    """x with 24 binary digits."""
    digits, power = np.frexp(x)
    return np.ldexp(np.round(np.ldexp(digits, DIGITS)), power - DIGITS)


class _Law(NamedTuple):
    """Law (3) for one j: P(at most k) and P(at least k) for each k = 0 .. n, and the counts that chance gives at a level."""

    j: int
    at_most: np.ndarray
    at_least: np.ndarray
    low: int
    high: int


def _laws(n: int, m: int, level: float) -> list[_Law]:
    """The lowest and the highest true row, and then the quantiles in between."""
    places = [round(q * (m + 1)) for q in QUANTILES]
    inner = sorted({j for place in places for j in (place, m + 1 - place) if 1 < place <= m / 2 or 1 < place == m + 1 - place})
    return [_law(n, m, j, level) for j in (1, m, *inner)]


def _law(n: int, m: int, j: int, level: float) -> _Law:
    mass = betabinom.pmf(np.arange(n + 1), n, j, m + 1 - j)
    at_most, at_least = (np.minimum(part, 1.0) for part in (mass.cumsum(), mass[::-1].cumsum()[::-1]))
    low, high = int(np.searchsorted(at_most, level)), n - int(np.searchsorted(at_least[::-1], level))
    return _Law(j, at_most, at_least, low, high)


def _quantiles(i: int, x: np.ndarray, y: np.ndarray, laws: list[_Law], level: float, tests: int) -> Iterator[Share]:
    """Both ends and the worst quantile of sorted columns x (n,) and y (m,), by law (3)."""
    n, m = len(x), len(y)
    at = y[[law.j - 1 for law in laws]]
    (x_less, x_most), (y_less, y_most) = ([np.searchsorted(z, at, side) for side in ("left", "right")] for z in (x, y))
    more = np.array([law.at_least[k] for law, k in zip(laws, x_less, strict=True)])
    fewer = np.array([law.at_most[k] for law, k in zip(laws, x_most, strict=True)])
    ends = (
        ("below", at[0], x_less[0] / n, laws[0].high / n, more[0]),
        ("above", at[1], 1 - x_most[1] / n, 1 - laws[1].low / n, fewer[1]),
    )
    for kind, edge, share, high, p in ends:
        size = float(between(share, 0.0))
        yield Share(i, kind, float(edge), float(share), 0.0, 0.0, high, size, min(1.0, float(p) * tests), level)
    up, down = between(x_less / n, y_most / m), between(x_most / n, y_less / m)
    both = np.stack([np.where(up > 0, more, 1.0), np.where(down < 0, fewer, 1.0)])[:, len(ends) :]
    if both.size == 0:
        return
    falls, k = np.unravel_index(both.argmin(), both.shape)
    p, k = min(1.0, float(both[falls, k]) * tests), int(k) + len(ends)
    sampled, true, size = (x_most, y_less, down) if falls else (x_less, y_most, up)
    below, true_below, low, high = (float(share) for share in (sampled[k] / n, true[k] / m, laws[k].low / n, laws[k].high / n))
    edge, far = float(at[k]), float(size[k])
    if true_below <= 0.5:
        yield Share(i, "lower", edge, below, true_below, low, high, far, p, level)
    else:
        yield Share(i, "upper", edge, 1 - below, 1 - true_below, 1 - high, 1 - low, -far, p, level)


class _Counted(NamedTuple):
    """How many of n samples and of m true rows in a column have a property."""

    column: int
    kind: str
    at: float
    of_x: int
    of_y: int
    n: int
    m: int


def _counted(i: int, x: np.ndarray, y: np.ndarray) -> Iterator[_Counted]:
    """The properties that are counted in both, of sorted columns x (n,) and y (m,)."""
    n, m = len(x), len(y)
    values, of_x = np.unique(x, return_counts=True)
    others, of_y = np.unique(y, return_counts=True)
    all_values = np.union1d(values, others)
    counts = np.zeros((2, len(all_values)), int)
    for row, some, numbers in ((0, values, of_x), (1, others, of_y)):
        counts[row, np.searchsorted(all_values, some)] = numbers
    whole = all_values == np.round(all_values)
    again = counts.sum(0) > 1
    for kind, which in (("whole", whole), ("repeated", again)):
        yield _Counted(i, kind, math.nan, int(counts[0, which].sum()), int(counts[1, which].sum()), n, m)
    weight = (counts[0] / n + counts[1] / m) / 2
    for k in np.argsort(-weight, kind="stable")[:ATOMS]:
        if weight[k] >= ATOM:
            yield _Counted(i, "atom", float(all_values[k]), int(counts[0, k]), int(counts[1, k]), n, m)


def _tested(found: list[_Counted], level: float, tests: int) -> Iterator[Share]:
    """The worst of each kind in each column, by law (4)."""
    of_x, of_y, n, m = (np.array([getattr(one, name) for one in found], dtype=int) for name in ("of_x", "of_y", "n", "m"))
    law = hypergeom(n + m, of_x + of_y, n)
    p = np.minimum(1.0, 2 * np.minimum(law.cdf(of_x), law.sf(of_x - 1)) * tests)
    size = between(of_x / n, of_y / m)
    reach = float(norm.isf(level / tests)) * np.sqrt(1 / n + 1 / m) / 2
    middle = np.arcsin(np.sqrt(of_y / m))
    low, high = (np.sin(np.clip(middle + side * reach, 0, math.pi / 2)) ** 2 for side in (-1, 1))
    worst: dict[tuple[int, str], int] = {}
    for k, one in enumerate(found):
        held = worst.setdefault((one.column, one.kind), k)
        if (p[k], -abs(size[k])) < (p[held], -abs(size[held])):
            worst[one.column, one.kind] = k
    for k in worst.values():
        one = found[k]
        yield Share(
            *(one.column, one.kind, one.at, one.of_x / one.n, one.of_y / one.m, float(low[k]), float(high[k])),
            *(float(size[k]), float(p[k]), level),
        )
