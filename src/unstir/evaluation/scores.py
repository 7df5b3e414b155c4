"""Is it good? Distances between a model's samples and true rows, each beside its floor: the distance between true rows.

    value = metric(samples_i, true_i),   floor = metric(true_i, other true rows_i),   i = 1 .. R            (1)

All sets have the same number of rows. A distance without its floor says nothing, because two sets of true rows differ, too.
A built-in data set can be drawn afresh, so every set is new. A file has only so many rows: samples are compared with the rows held
out of training, and the floor compares two disjoint random sets of all rows, which differ as much as fresh sets would.

    >>> rng = np.random.default_rng(0)
    >>> truth = Truth([rng.normal(size=(500, 2))] * 2, [rng.normal(size=(500, 2)), rng.normal(size=(500, 2))])
    >>> print(compare([rng.normal(3, 1, (500, 2))] * 2, truth, np.ones(2))[0].verdict)
    far above the floor
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr
from scipy.stats import rankdata
from torch import nn

from unstir.data import TOYS, Data, toy
from unstir.errors import UsageError
from unstir.evaluation.sampled import as_flat
from unstir.metrics.distances import energy_distance, floor, half_split_pairs, sliced_wasserstein
from unstir.metrics.neighbours import precision_recall
from unstir.metrics.permutation import EnergyTest, energy_test
from unstir.model.model import DEFAULT, Model
from unstir.model.sampling import Sampling
from unstir.networks.building import affordable
from unstir.steady import steady

POOL = 200_000  # points of a built-in set, from which the true sets are drawn: a small set would have evenly spaced points
MOST = 5000  # rows a set: the cost of the energy distance is quadratic in them
WORK, FEWEST_WORTH = 5e12, 40  # multiply-adds for all sets together at most, and rows a set however large the network is
FEWEST = 10  # rows held out, or trained on
REPEATS = 5  # the R of (1)
CHANCE = 2.34  # a sixth value is this many deviations above the mean of five in 1 of 20 cases: t_4 sqrt(1 + 1/5)
TESTED = 1000  # rows of each set in the permutation test
NEAR = 2000  # rows of each set where neighbours are counted


Pairs = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Truth:
    """R sets `true` of rows (n, d), and R sets `others` of the same size that the floor compares with them.

    Sets dealt from a file share rows, so the floor between them would spread too little. Then `pairs` give the floor instead: R pairs
    of disjoint sets, and each pair is drawn again from all rows. `known` (m, d) are as many of all rows, trained on or not, as all sets
    together may have: columns are compared with these, since a tail needs many rows. Without `known`, the true sets are. `available` is
    the number of rows that there are.
    """

    true: Sequence[np.ndarray]
    others: Sequence[np.ndarray]
    pairs: Pairs = ()
    known: np.ndarray | None = None
    available: int = 0

    @property
    def rows(self) -> np.ndarray:
        """The rows (m, d) that columns are compared with."""
        return np.concatenate(self.true) if self.known is None else self.known


@dataclass(frozen=True)
class Score:
    """One score: its mean and standard deviation over R comparisons of `rows` rows, and its floor, the same between true rows.

    Where larger is better, as for coverage, the value between true rows is called the ceiling. `matters` is the difference from the floor
    that matters; 0 stands for a value of twice the floor, or of nine tenths of the ceiling.
    """

    metric: str
    value: float
    deviation: float
    floor: float
    floor_deviation: float
    rows: int
    larger_is_better: bool = False
    matters: float = 0.0

    @property
    def off(self) -> float:
        """How far the value is from the floor on its bad side, in units of the distance that true rows exceed in 1 of 20 cases."""
        finest = 1 / self.rows if self.larger_is_better else 1e-12  # a difference of one row does not count
        beyond = self.floor - self.value if self.larger_is_better else self.value - self.floor
        return beyond / (CHANCE * max(self.floor_deviation, finest))

    @property
    def p(self) -> float:
        """The probability of a value as far from the floor for true rows, which are a sixth set beside five: Student's t, one-sided."""
        return float(stdtr(REPEATS - 1, -self.off * CHANCE / math.sqrt(1 + 1 / REPEATS)))

    @property
    def verdict(self) -> str:
        """The comparison in words: "at the floor" means no farther from it than true rows are in 19 of 20 cases.

        "Far" means more than twice as far as that, and a difference that matters.
        """
        edge, far = ("ceiling", "far below") if self.larger_is_better else ("floor", "far above")
        if self.off <= 1:
            return f"at the {edge}"
        large = self.value <= 0.9 * self.floor if self.larger_is_better else self.value >= 2 * self.floor
        large = abs(self.value - self.floor) >= self.matters if self.matters else large
        return f"{far if large and self.off > 2 else 'near'} the {edge}"


@steady
def truth_of(data: Data, held_out: float, seed: int, repeats: int = REPEATS, most: int = 0) -> Truth:
    """True rows to compare with, at most `most` a set (0: 5,000): fresh draws of a built-in set, else the rows held out of training.

    If rows have groups, whole groups are held out, and the two sets of a pair have no group in common.
    Raises UsageError if fewer than 10 rows are held out or trained on, DataError if there is only one group.
    """
    rng, most = np.random.default_rng([seed, 4]), most or MOST
    if data.source in TOYS:
        pool = toy(data.source, POOL, seed=seed + 1_000_003).values.reshape(POOL, -1)
        order = rng.permutation(POOL)
        sets = [pool[rows] for rows in order[: 2 * repeats * most].reshape(2 * repeats, most)]
        rest = order[2 * repeats * most :][: _known(repeats, most)]
        return Truth(sets[:repeats], sets[repeats:], known=pool[rest], available=POOL)
    training, unseen = data.split_numbers(held_out, seed)
    # Two random halves of grouped rows would share groups, and so be nearer to each other than rows of new groups are.
    halves = [] if data.groups is None else [data.split_numbers(0.5, seed + i) for i in range(repeats)]
    n = min(most, *map(len, (unseen, training, *(half for pair in halves for half in pair))))
    if n < FEWEST:
        way_on = "Bring more data" if len(data) < 2 * FEWEST else "Train with --data.held-out 0.5, or bring more data"
        raise UsageError(
            f"comparing takes at least {FEWEST} rows held out of training and {FEWEST} trained on; of {len(data)} rows, "
            f"{len(unseen)} are held out and {len(training)} trained on. {way_on}."
        )
    true, others = (_dealt(data, deal(part, n, repeats, rng)) for part in (unseen, training))
    pairs = [(a[:n], b[:n]) for a, b in halves] or half_split_pairs(np.concatenate([unseen, training]), n, repeats, rng)
    pairs = [(a, b) for a, b in (_dealt(data, pair) for pair in pairs)]
    return Truth(true, others, pairs, known_rows(data, most, seed, repeats), len(independent(data, seed)))


def known_rows(data: Data, most: int, seed: int, repeats: int = REPEATS) -> np.ndarray:
    """Rows (m, d) that columns are compared with: as many as `repeats` sets of `most` rows have, at most 5,000; one of each group."""
    numbers = independent(data, seed)
    return flat(data.take(np.sort(numbers[: _known(repeats, most)])))


def independent(data: Data, seed: int) -> np.ndarray:
    """Row numbers (m,) in random order: all of them, or one of each group, because rows of one group resemble each other."""
    order = np.random.default_rng([seed, 6]).permutation(len(data))
    return order if data.groups is None else order[np.sort(np.unique(data.groups[order], return_index=True)[1])]


def _known(repeats: int, most: int) -> int:
    return min(repeats * most, MOST)


def _dealt(data: Data, hands: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The sets of rows (n, d) with the row numbers in `hands`, (n,) each; only these rows are read."""
    return [flat(data.take(numbers)) for numbers in hands]


def affordable_rows(network: nn.Module, share: float = 1.0) -> int:
    """How many rows a set of samples has: 5,000, or fewer if the network is large or only a `share` of the usual time is available."""
    return affordable(network, REPEATS * DEFAULT.steps, share * WORK, FEWEST_WORTH, MOST)


def flat(data: Data) -> np.ndarray:
    """The rows as points (N, d), float64."""
    return data.values.reshape(len(data), -1).astype(np.float64)


def deal(rows: np.ndarray, n: int, repeats: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Deal `repeats` sets of n rows from N >= n rows, like cards: no row is in two sets before every row is in one.

    >>> [sorted(hand[:, 0].tolist()) for hand in deal(np.arange(4.0)[:, None], 2, 3, np.random.default_rng(0))]
    [[0.0, 2.0], [1.0, 3.0], [0.0, 2.0]]
    """
    order = rng.permutation(len(rows))
    return [rows[order[np.arange(i * n, (i + 1) * n) % len(rows)]] for i in range(repeats)]


Measured = dict[str, tuple[float, float]]
"""Distances by name, each its mean and standard deviation over R comparisons."""


@steady
def compare(samples: Sequence[np.ndarray], truth: Truth, scale: np.ndarray, floors: Measured | None = None) -> list[Score]:
    """Eq. (1) of R sets of samples (n, d) for each distance; `scale` (d,) is the data's standard deviation in each column.

    `floors` are those of `between_true(truth, scale)`, if they have been computed before.
    """
    floors = floors or between_true(truth, scale)
    rows = len(truth.true[0])
    return [Score(name, *value, *floors[name], rows=rows) for name, value in measure(samples, truth, scale).items()]


def measure(sets: Sequence[np.ndarray], truth: Truth, scale: np.ndarray) -> Measured:
    """Each distance between R sets (n, d) and the R true sets."""
    return _distances(list(zip(sets, truth.true, strict=True)), scale)


def between_true(truth: Truth, scale: np.ndarray) -> Measured:
    """The floors: each distance over R pairs of true sets."""
    return _distances(true_pairs(truth), scale)


def true_pairs(truth: Truth) -> Pairs:
    """R pairs of true sets (n, d), as large as the sets of samples."""
    return truth.pairs or list(zip(truth.others, truth.true, strict=True))


def _distances(pairs: Pairs, scale: np.ndarray) -> Measured:
    weights = inverse(scale)
    metrics: dict[str, tuple[Callable[[np.ndarray, np.ndarray], float], np.ndarray]] = {
        "sliced W2, data's units": (sliced_wasserstein, np.ones_like(weights)),
        "sliced W2, standardised": (sliced_wasserstein, weights),
        "energy distance, standardised": (energy_distance, weights),
    }
    return {name: floor(metric, ((x * by, y * by) for x, y in pairs)) for name, (metric, by) in metrics.items()}


def inverse(scale: np.ndarray) -> np.ndarray:
    """The factors (d,) that standardise columns, 1 / scale; 1 for a column that never varies."""
    return 1 / np.where(scale == 0, 1, scale)


@steady
def evaluate(model: Model, truth: Truth, how: Sampling = DEFAULT) -> list[Score]:
    """The scores of fresh samples of a model, as many as there are true rows."""
    return compare(draw(model, truth, how), truth, scale_of(model))


@steady
def draw(model: Model, truth: Truth, how: Sampling = DEFAULT) -> list[np.ndarray]:
    """R sets of samples (n, d), as many and as large as the true sets."""
    n, repeats = len(truth.true[0]), len(truth.true)
    return np.split(as_flat(model.rows(n * repeats, how=how)), repeats)


def scale_of(model: Model) -> np.ndarray:
    """The standard deviation (d,) of the training data in the data's units, whatever the encoder."""
    return model.deviation.flatten().numpy()


def as_json(scores: Sequence[Score]) -> list[dict[str, float | str]]:
    """The scores as plain dictionaries, with their verdicts."""
    each = [asdict(score) | {"verdict": score.verdict} for score in scores]
    return [{name: value for name, value in one.items() if name != "matters"} for one in each]


def as_rows(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """The scores as the rows of an answer; none of them is about one column."""
    return [
        {
            "column": None,
            "measure": s.metric,
            "value": s.value,
            "floor": s.floor,
            "chance": [s.floor - CHANCE * s.floor_deviation, s.floor + CHANCE * s.floor_deviation],
            "p_value": s.p,
            "verdict": s.verdict,
        }
        for s in scores
    ]


@steady
def neighbourhoods(sets: Sequence[np.ndarray], truth: Truth, scale: np.ndarray) -> list[Score]:
    """Eq. (1) for precision, recall, density and coverage, on the first 2,000 standardised rows of each set."""
    values = _neighbourhoods(list(zip(sets, truth.true, strict=True)), scale)
    ceilings, rows = _neighbourhoods(true_pairs(truth), scale), min(NEAR, len(truth.true[0]))
    return [Score(name, *values[name], *ceilings[name], rows, larger_is_better=True) for name in values]


def _neighbourhoods(pairs: Pairs, scale: np.ndarray) -> Measured:
    weights = inverse(scale)
    each = [precision_recall(x[:NEAR] * weights, y[:NEAR] * weights) for x, y in pairs]
    numbers = {name: [one[name] for one in each] for name in each[0]}
    return {name: (float(np.mean(found)), float(np.std(found, ddof=1))) for name, found in numbers.items()}


@steady
def told_apart(x: np.ndarray, y: np.ndarray, scale: np.ndarray, seed: int) -> EnergyTest:
    """The permutation test between the first 1,000 standardised rows of samples x (n, d) and of true rows y (m, d)."""
    return energy_test(x[:TESTED] * inverse(scale), y[:TESTED] * inverse(scale), seed=seed)


def told_apart_by_ranks(x: np.ndarray, y: np.ndarray, seed: int) -> EnergyTest:
    """The same test with each value replaced by its rank in its column among the rows of both, from 0 to 1.

    Where a few values are a thousand times as large as most, they decide the scale of a column, and all distances. Ranks do not see it.
    """
    x, y = x[:TESTED], y[:TESTED]
    ranks = rankdata(np.concatenate([x, y]), axis=0) / (len(x) + len(y))
    return energy_test(ranks[: len(x)], ranks[len(x) :], seed=seed)
