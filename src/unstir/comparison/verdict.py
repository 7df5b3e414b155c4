"""From scores to words: a table of means with intervals, and a sentence for each score and way of sampling.

Two alternatives are told apart if `metrics.paired.compare_pairs` tells them apart, which counts all pairs of the whole table. Of one that
is not told apart from the lowest, two things can be true, and they are said in different words:

    their intervals overlap      they cannot be told apart: the difference may be chance
    their intervals do not       it looks worse, and the seeds are too few to be sure: among so many pairs, some look so by chance

With two or three seeds most pairs are of the second sort, however far apart they are.
"""

from collections.abc import Callable, Mapping, Sequence
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
    lowest: Interval  # the interval of the lowest

    @property
    def worse(self) -> bool:
        """Whether it is higher than the lowest, beyond the noise."""
        return self.against is not None and self.against.told_apart

    @property
    def unsure(self) -> bool:
        """Whether it looks worse than the lowest, but the seeds are too few to be sure: not told apart, and the intervals are disjoint."""
        return self.against is not None and not self.against.told_apart and self.interval.low > self.lowest.high

    @property
    def words(self) -> str:
        """How it compares with the lowest, in words."""
        if self.against is None:
            return "lowest"
        if self.unsure:
            return f"looks worse than the lowest, but {len(self.scores)} seeds are too few to be sure"
        if not self.against.told_apart:
            return "not told apart from the lowest"
        times, low, high = map(number, self.against.ratio)
        return f"worse: {times} times as {'many' if self.score == OFF else 'far'} ({low} to {high})"

    @property
    def short(self) -> str:
        """`words` for a narrow column of a table."""
        if self.against is None:
            return "lowest"
        if self.unsure:
            return "looks worse, too few seeds"
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
        return self._names(lambda cell: not cell.worse and not cell.unsure)

    @property
    def unsure(self) -> list[str]:
        """Those that look worse than the lowest, though the seeds are too few to be sure."""
        return self._names(lambda cell: cell.unsure)

    @property
    def decided(self) -> bool:
        """Whether the lowest is told apart from all others."""
        return len(self.worse) == len(self.cells) - 1

    @property
    def worse(self) -> list[Cell]:
        """Those that are higher than the lowest, beyond the noise; the best of them first."""
        return sorted((cell for cell in self.cells if cell.worse), key=lambda cell: cell.interval.mean)

    @property
    def summary(self) -> str:
        """The verdict without its numbers."""
        names = [cell.reading.alternative for cell in self.worse]
        return "; ".join([*self._lead(), *([f"{listed(names)} {'is' if len(names) == 1 else 'are'} worse"] if names else [])])

    @property
    def verdict(self) -> str:
        """Who is best and who is worse by how much, as a sentence."""
        seeds = f" at {len(self.cells[0].scores)} seeds"
        return "; ".join([*self._lead(seeds), *(f"{cell.reading.alternative} is {cell.words}" for cell in self.worse)]) + "."

    def _names(self, which: Callable[[Cell], bool]) -> list[str]:
        """The alternatives of the cells for which `which` is true, the lowest first."""
        return [cell.reading.alternative for cell in sorted(self.cells, key=lambda cell: cell.interval.mean) if which(cell)]

    def _lead(self, seeds: str = "") -> list[str]:
        """Who is lowest, and who looks worse without being told apart. `seeds` says at how many seeds, where a person has to know it."""
        first, unsure = self.lowest, self.unsure
        alone = f"{first[0]} is the {'lowest' if unsure else 'best'}"
        lead = f"{listed(first)} cannot be told apart{seeds}" if len(first) > 1 else alone
        if not unsure:
            return [lead]
        looks = "looks" if len(unsure) == 1 else "look"
        return [lead, f"{listed(unsure)} {looks} worse, but {len(self.cells[0].scores)} seeds are too few to be sure"]

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
            intervals = {one: _interval(values[one], score, counting.get((score, name), {}).get(one, 0.0)) for one in values}
            lowest = min(intervals, key=lambda alternative: intervals[alternative].mean)
            against = {pair.worse: pair for pair in pairs if (pair.group, pair.better) == ((score, name), lowest)}
            cells = []
            for r in own:
                seeds = found[r.alternative, name]
                others = {key: float(np.mean([seed[key] for seed in seeds])) for key in seeds[0] if key != score}
                interval, pair = intervals[r.alternative], against.get(r.alternative)
                cells.append(Cell(r, score, values[r.alternative], interval, others, pair, intervals[lowest]))
            columns.append(Column(name, score, tuple(cells), floors[own[0].rows][score]))
    return columns, pairs


def _interval(scores: np.ndarray, score: str, least: np.ndarray | float) -> Interval:
    """The mean and the interval of the scores of one alternative (S,); a share ends at 1."""
    mean, low, high = mean_interval(scores, own=least)
    return Interval(mean, low, min(high, 1.0) if score == OFF else high)


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
