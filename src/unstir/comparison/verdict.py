"""From scores to words: a table of means with intervals, and a sentence for each score and way of sampling.

Two alternatives are told apart if `metrics.paired.compare_pairs` tells them apart, which counts all pairs of the whole table. One that
cannot be told apart from the lowest is called just that: no difference is claimed that may be chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unstir.comparison.layout import OFF, Reading
from unstir.evaluation.scores import REPEATS
from unstir.metrics.paired import Interval, Pair, compare_pairs, mean_interval
from unstir.words import listed, number

Scores = Mapping[str, float]
"""The scores of one seed, by the name of the distance."""


@dataclass(frozen=True)
class Cell:
    """One alternative in one column: its score for each seed (S,), their mean and interval, and how it compares with the lowest."""

    reading: Reading
    score: str
    scores: np.ndarray
    interval: Interval
    others: dict[str, float]  # the means of the other scores, and of the seconds
    against: Pair | None  # the pair with the lowest; None for the lowest itself

    @property
    def worse(self) -> bool:
        """Whether it is higher than the lowest, beyond the noise."""
        return self.against is not None and self.against.told_apart

    @property
    def words(self) -> str:
        """How it compares with the lowest, in words."""
        if self.against is None:
            return "lowest"
        if not self.against.told_apart:
            return "not told apart from the lowest"
        times, low, high = map(number, self.against.ratio)
        return f"worse: {times} times as {'many' if self.score == OFF else 'far'} ({low} to {high})"

    @property
    def short(self) -> str:
        """`words` for a narrow column of a table."""
        if self.against is None:
            return "lowest"
        if not self.against.told_apart:
            return "not told apart"
        times, low, high = map(number, self.against.ratio)
        return f"{times} times ({low} to {high})"


@dataclass(frozen=True)
class Column:
    """One score and one way of sampling: a cell for each alternative, and the floor, mean and deviation over R pairs of true sets."""

    name: str
    score: str
    cells: tuple[Cell, ...]
    floor: tuple[float, float]

    @property
    def lowest(self) -> list[str]:
        """The lowest alternative, and those that cannot be told apart from it."""
        cells = sorted(self.cells, key=lambda cell: cell.interval.mean)
        return [cell.reading.alternative for cell in cells if not cell.worse]

    @property
    def worse(self) -> list[Cell]:
        """Those that are higher than the lowest, beyond the noise; the best of them first."""
        return sorted((cell for cell in self.cells if cell.worse), key=lambda cell: cell.interval.mean)

    @property
    def summary(self) -> str:
        """The verdict without its numbers."""
        names = [cell.reading.alternative for cell in self.worse]
        return self._lead + (f"; {listed(names)} {'is' if len(names) == 1 else 'are'} worse" if names else "")

    @property
    def verdict(self) -> str:
        """Who is best and who is worse by how much, as a sentence."""
        seeds = f" at {len(self.cells[0].scores)} seeds" if len(self.lowest) > 1 else ""
        return "; ".join([self._lead + seeds, *(f"{cell.reading.alternative} is {cell.words}" for cell in self.worse)]) + "."

    @property
    def _lead(self) -> str:
        return f"{listed(self.lowest)} cannot be told apart" if len(self.lowest) > 1 else f"{self.lowest[0]} is the best"

    @property
    def at_floor(self) -> list[str]:
        """Those that are as near to the true rows as other true rows: their mean is at most two standard errors above the floor's."""
        edge = self.floor[0] + 2 * self.floor[1] / REPEATS**0.5
        return [c.reading.alternative for c in self.cells if c.interval.mean <= edge]


def conclude(
    readings: Sequence[Reading],
    found: Mapping[tuple[str, str], Sequence[Scores]],
    floors: Mapping[int, Mapping[str, tuple[float, float]]],
    scores: Sequence[str],
) -> tuple[list[Column], list[Pair]]:
    """The columns of the table, and every pair of alternatives in it.

    `found` has, by (alternative, column), the scores of each seed; `floors` has, by the number of rows and the score, mean and deviation.

    >>> from unstir.model.sampling import Sampling
    >>> readings = [Reading(name, "20 evaluations", Sampling(20, "ddim"), 100) for name in ("linear", "cosine")]
    >>> found = {("linear", "20 evaluations"): [{"SW2": x} for x in (0.1, 0.2)]}
    >>> found["cosine", "20 evaluations"] = [{"SW2": x} for x in (0.3, 0.1)]
    >>> columns, pairs = conclude(readings, found, {100: {"SW2": (0.1, 0.01)}}, ["SW2"])
    >>> print(columns[0].verdict, columns[0].at_floor)
    linear and cosine cannot be told apart at 2 seeds. []
    """
    groups: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    for score in scores:
        for r in readings:
            values = np.array([seed[score] for seed in found[r.alternative, r.column]])
            groups.setdefault((score, r.column), {})[r.alternative] = values
    rows = {(r.alternative, r.column): r.rows for r in readings}
    counting = {
        (score, column): {name: luck_of_counting(shares, rows[name, column]) for name, shares in groups[score, column].items()}
        for score, column in groups
        if score == OFF
    }
    pairs = compare_pairs(groups, counting)
    columns = []
    for score in scores:
        for name in dict.fromkeys(r.column for r in readings):
            values, own = groups[score, name], [r for r in readings if r.column == name]
            means = {alternative: mean_interval(seeds).mean for alternative, seeds in values.items()}
            lowest = min(means, key=lambda alternative: means[alternative])
            against = {pair.worse: pair for pair in pairs if (pair.group, pair.better) == ((score, name), lowest)}
            cells = []
            for r in own:
                seeds = found[r.alternative, name]
                others = {key: float(np.mean([seed[key] for seed in seeds])) for key in seeds[0] if key != score}
                least = counting[score, name][r.alternative] if score == OFF else 0.0
                mean, low, high = mean_interval(values[r.alternative], own=least)
                interval = Interval(mean, low, min(high, 1.0) if score == OFF else high)
                cells.append(Cell(r, score, values[r.alternative], interval, others, against.get(r.alternative)))
            columns.append(Column(name, score, tuple(cells), floors[own[0].rows][score]))
    return columns, pairs


def luck_of_counting(shares: np.ndarray, n: int) -> np.ndarray:
    """The variance of the logarithm of each share (S,) of n samples, (k + 1/2) / (n + 1), by the binomial distribution of k.

    >>> luck_of_counting(np.array([100.5 / 5001]), 5000).round(4).tolist()            # about 1 / k where k is small
    [0.0098]
    """
    return (1 - shares) / (shares * (n + 1))


def as_json(columns: Sequence[Column], pairs: Sequence[Pair]) -> dict[str, Any]:
    """The table, all pairs and the verdicts, as JSON holds them."""
    cells = [
        {
            "score": column.score,
            "column": column.name,
            "alternative": cell.reading.alternative,
            "method": cell.reading.how.method,
            "evaluations": cell.reading.how.steps,
            "rows": cell.reading.rows,
            "scores": cell.scores.tolist(),
            "mean": cell.interval.mean,
            "interval": [cell.interval.low, cell.interval.high],
            "floor": column.floor[0],
            "floor_deviation": column.floor[1],
            "means": cell.others,
            "verdict": cell.words,
        }
        for column in columns
        for cell in column.cells
    ]
    every = [
        {
            "group": pair.group,
            "better": pair.better,
            "worse": pair.worse,
            "ratio": pair.ratio.mean,
            "interval": [pair.ratio.low, pair.ratio.high],
            "p": pair.p,
            "told_apart": pair.told_apart,
        }
        for pair in pairs
    ]
    verdicts = [{"score": column.score, "column": column.name, "verdict": column.verdict} for column in columns]
    return {"table": cells, "pairs": every, "verdicts": verdicts}
