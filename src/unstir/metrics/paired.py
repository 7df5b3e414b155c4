"""Is one alternative better than another? Distances over the same seeds, smaller being better.

a and b are (S,): the distances of two alternatives, trained and sampled with the same S seeds, in the same order. A distance is
positive and chance multiplies it, so everything is computed with logarithms, in which a ratio is a difference:

    exp(mean(log a) +- t s_(log a) / sqrt(S))           the geometric mean and its 95 % interval                    (1)
    exp(mean(log b/a) +- t s_(log b/a) / sqrt(S))       seed by seed: what a seed does to both cancels              (2)
    p_(1) <= ... <= p_(m):  told apart while  p_(j) <= 0.05 / (m - j + 1)                                            (3)

with t from Student's distribution with S - 1 degrees of freedom. A number that is a count varies by chance even if all seeds agree, and
a few seeds can agree by chance. So s^2 is never taken to be less than `own`, the variance that counting gives each logarithm.

(3) is Holm's rule over all m pairs: if no two alternatives differ, the chance that any pair is told apart is at most 5 %. All pairs
count, even if only those with the best alternative are of interest, because the same numbers decided which one is the best. An exact
test by signs would need no Gaussian, but its smallest p-value is 2^(1 - S): 0.06 with five seeds.

    >>> rng = np.random.default_rng(0)
    >>> luck = rng.normal(size=5)                                       # the effect of a seed, the same for all
    >>> scores = {name: size * np.exp(luck + 0.01 * rng.normal(size=5)) for name, size in (("a", 1), ("b", 1), ("c", 2))}
    >>> [(pair.better, pair.worse, pair.told_apart) for pair in compare_pairs({"all": scores})]
    [('b', 'a', False), ('b', 'c', True), ('a', 'c', True)]
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from unstir.errors import UsageError
from unstir.steady import steady

LEVEL = 0.05
ROUNDING = 2e-6  # logarithms nearer than this count as equal: float32 samples can differ in their last digits
NOTHING = 1e-12  # taken for a distance of 0, which has no logarithm; rows of whole numbers can have it
LONGEST = 100.0  # an interval from two seeds can reach e^1000, which no float holds; e^100 says as much


class Interval(NamedTuple):
    """A mean, and the interval that contains the true one."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Pair:
    """Two alternatives of one group. `ratio` is worse / better by (2); if they are told apart, 1 is outside its interval, else inside.

    `p` is the smallest level at which Holm's rule (3) tells them apart.
    """

    group: Any
    better: str
    worse: str
    ratio: Interval
    p: float
    told_apart: bool


def mean_interval(values: np.ndarray, level: float = LEVEL, own: np.ndarray | float = 0.0) -> Interval:
    """The geometric mean of values (S,) and its interval (1), which misses the true mean with probability `level`.

    `own` is () or (S,). Raises UsageError for fewer than two values. Source: Student (1908).

    >>> print("{:.3f} ({:.3f} to {:.3f})".format(*mean_interval(np.exp([1.0, 2.0, 3.0]))))
    7.389 (0.616 to 88.601)
    """
    return _exponential(_interval(_logarithms(values), level, own))


@steady
def compare_pairs(
    groups: Mapping[Any, Mapping[str, np.ndarray]], own: Mapping[Any, Mapping[str, np.ndarray]] | None = None
) -> list[Pair]:
    """Every pair of every group by (2) and (3), the best alternatives first. `groups` is group -> alternative -> distances (S,).

    `own` has the same form, and gives the variance of counting for the groups whose numbers are counts.
    The interval of a ratio has the level at which Holm's rule decided, so the more pairs there are, the wider it is.
    Raises UsageError for fewer than two seeds. Source: Holm (1979), "A simple sequentially rejective multiple test procedure".
    """
    found: list[tuple[Any, str, str, np.ndarray, np.ndarray | float, float]] = []
    for group, distances in groups.items():
        logarithms = {name: _logarithms(values) for name, values in distances.items()}
        ranked = sorted(logarithms.items(), key=lambda item: float(item[1].mean()))
        for (better, a), (worse, b) in itertools.combinations(ranked, 2):
            difference = np.where(np.abs(b - a) <= ROUNDING, 0, b - a)
            least = own[group][better] + own[group][worse] if own and group in own else 0.0
            found.append((group, better, worse, difference, least, p_value(difference, least)))
    pairs: dict[int, Pair] = {}
    p, left = 0.0, len(found)
    for j, i in enumerate(sorted(range(len(found)), key=lambda i: found[i][-1])):
        group, better, worse, difference, least, alone = found[i]
        p = max(p, min(1.0, alone * (len(found) - j)))
        pairs[i] = Pair(group, better, worse, _exponential(_interval(difference, LEVEL / left, least)), p, p <= LEVEL)
        left -= p <= LEVEL  # after the first pair that is not told apart this stays as it is, and no further pair is told apart
    return [pairs[i] for i in range(len(found))]


def p_value(difference: np.ndarray, own: np.ndarray | float = 0.0) -> float:
    """The probability of a mean as far from 0 as that of these differences (S,) if they were Gaussian around 0: the two-sided t test.

    >>> p_value(np.zeros(5)), p_value(np.ones(5)), round(p_value(np.array([1.0, 2.0, 3.0])), 4)
    (1.0, 0.0, 0.0742)
    """
    mean, error = _mean_and_error(difference, own)
    if error == 0:
        return float(mean == 0)
    return float(2 * stdtr(len(difference) - 1, -abs(mean) / error))


def _interval(values: np.ndarray, level: float, own: np.ndarray | float) -> Interval:
    mean, error = _mean_and_error(values, own)
    reach = float(stdtrit(len(values) - 1, 1 - level / 2)) * error
    return Interval(mean, mean - reach, mean + reach)


def _mean_and_error(values: np.ndarray, own: np.ndarray | float) -> tuple[float, float]:
    if len(values) < 2:
        raise UsageError(f"an interval takes at least 2 seeds; there is {len(values)}.")
    variance = max(float(np.var(values, ddof=1)), float(np.mean(own)))
    return float(np.mean(values)), (variance / len(values)) ** 0.5


def _exponential(interval: Interval) -> Interval:
    return Interval(*(float(np.exp(np.clip(end, -LONGEST, LONGEST))) for end in interval))


def _logarithms(distances: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.asarray(distances, dtype=np.float64), NOTHING))
