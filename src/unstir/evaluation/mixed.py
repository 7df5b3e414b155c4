"""Are samples of a mixed table like true rows? Column by column, pair by pair, and by trees that try to tell them or learn from them.

    shape of a column, trend of a pair                  `unstir.metrics.mixed`, eqs. 1 to 4, from 0 to 1            (1)
    told by trees, a column predicted by the others     `unstir.evaluation.trees`, eqs. 1 and 2                     (2)
    missing cells                                       their shares, and whether they depend on the other columns  (3)
    exact values                                        the share of the most frequent value of each number, as 0   (4)

Each is measured between R sets of samples and R sets of true rows, and between R pairs of sets of true rows, as large as those: the floor,
or the ceiling where larger is better. Distances between rows and their neighbours are those of `unstir.evaluation.cells.Points`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unstir.data.tables import Schema
from unstir.evaluation.cells import Points, ordered_of
from unstir.evaluation.scores import NEAR, Score, Truth, neighbourhoods, true_pairs
from unstir.evaluation.trees import NEEDED, each_column, told_apart
from unstir.metrics.distances import energy_distance, floor
from unstir.metrics.mixed import (
    associations,
    exact_apart,
    exact_values,
    missing_apart,
    missing_together,
    shapes,
    trends,
)
from unstir.steady import steady
from unstir.words import number, percent

SHAPES, TRENDS, TOLD, TAUGHT = "column shapes", "pair trends", "AUC of trees, samples or true", "columns from the others"
MISSING, GAPS, EXACT = "missing cells, shares apart", "missing by other columns, chi-squared", "exact values, shares apart"
DISTANCE = "energy distance, shares and states"
ALL = (SHAPES, TRENDS, TOLD, TAUGHT, MISSING, GAPS, EXACT)
COUNTED = (SHAPES, TRENDS)  # what takes no trees
QUICK = (SHAPES, TRENDS, TOLD, MISSING, EXACT)  # what takes seconds
MATTERS = {SHAPES: 0.03, TRENDS: 0.05, TOLD: 0.15, TAUGHT: 0.05, MISSING: 0.02, EXACT: 0.02}
LARGER = (SHAPES, TRENDS, TAUGHT)  # is better


@dataclass(frozen=True)
class Mixed:
    """The scores of a mixed table, and what they are means of.

    `shapes` and `taught` have a score for each of the D columns, None where it cannot be had. `missing` (2, D) are the shares of
    missing cells of samples and of true rows, `trends` (2, D, D) the trend of each pair and its ceiling, and `together` (2, D, D) how
    strongly columns of samples, and of true rows, go together.
    """

    table: Schema
    scores: list[Score]
    shapes: list[Score | None]
    taught: list[Score | None]
    missing: np.ndarray
    trends: np.ndarray
    together: np.ndarray

    @property
    def sentences(self) -> list[str]:
        """What people ask first, a sentence each: whether trees tell samples, and whether samples teach what true rows teach."""
        by_name = {score.metric: score for score in self.scores}
        told, found = by_name.get(TOLD), []
        if told is None:
            found.append(f"Sets of fewer than {NEEDED} rows are too small for trees that tell samples from true rows.")
        else:
            found.append(
                f"Boosted trees tell samples from true rows with an AUC of {number(told.value)}, where 0.5 is a guess; true rows from other "
                f"true rows with {number(told.floor)}."
            )
        held = [
            (score.value - score.floor, name, score) for name, score in zip(self.table.names, self.taught, strict=True) if score
        ]
        if held:
            mean, (_, name, worst) = by_name[TAUGHT], min(held, key=lambda one: one[0])
            found.append(
                f"Trees that learn from samples predict a column of true rows from the others with {number(mean.value)} on the average, and "
                f"with {number(mean.floor)} if they learn from true rows; the largest loss is in column '{name}': {number(worst.value)} "
                f"instead of {number(worst.floor)}."
            )
        if np.any(self.missing):
            apart = np.abs(self.missing[0] - self.missing[1])
            k = int(apart.argmax())
            found.append(
                f"The shares of missing cells differ most in column '{self.table.names[k]}': {percent(self.missing[0, k])} of samples and "
                f"{percent(self.missing[1, k])} of true rows."
            )
        return found

    def as_json(self) -> dict[str, Any]:
        """Every column and every pair as plain numbers; null for what cannot be measured."""
        each = []
        for i, column in enumerate(self.table.columns):
            one: dict[str, Any] = {"column": column.name, "kind": column.kind}
            for name, score in (("shape", self.shapes[i]), ("from_the_others", self.taught[i])):
                one[name] = None if score is None else {"value": score.value, "floor": score.floor, "verdict": score.verdict}
            each.append(one | {"missing": self.missing[0, i], "true_missing": self.missing[1, i]})
        names = ("trends", "trends_floor", "associations", "true_associations")
        pairs = dict(zip(names, [*self.trends.tolist(), *self.together.tolist()], strict=True))
        return {"columns": each, "names": list(self.table.names), **pairs}


@steady
def compare_tables(sets: Sequence[np.ndarray], truth: Truth, table: Schema) -> Mixed:
    """Eqs. (1) to (4) of R sets of samples (n, D), all of codes. It takes about half a minute for five sets of 5,000 rows of 15 columns."""
    ordered, rows = ordered_of(table), len(sets[0])
    sides = _both_sides(sets, truth, table, ALL)
    by_column = [
        [_score(name, sides[0][name][:, i], sides[1][name][:, i], rows) for i in range(len(ordered))] for name in (SHAPES, TAUGHT)
    ]
    taught = [score if np.isfinite([score.value, score.floor]).all() else None for score in by_column[1]]
    sampled, true = np.concatenate(list(sets)), truth.rows
    return Mixed(
        table,
        _scores(sides, rows),
        list(by_column[0]),
        taught,
        np.stack([np.isnan(side).mean(0) for side in (sampled, true)]),
        np.stack([side[TRENDS].mean(0) for side in sides]),
        np.stack([associations(side, true, ordered) for side in (sampled[: len(true)], true)]),
    )


@steady
def quick_scores(sets: Sequence[np.ndarray], truth: Truth, table: Schema, names: Sequence[str] = QUICK) -> list[Score]:
    """Some scores of R sets of samples (n, D); by default those that take seconds: not what trees learn of columns, and gaps beside them."""
    return _scores(_both_sides(sets, truth, table, names), len(sets[0]))


Measurements = dict[str, np.ndarray]
"""By name: (R,), (R, D) for each column, or (R, D, D) for each pair of columns."""


def _both_sides(sets: Sequence[np.ndarray], truth: Truth, table: Schema, names: Sequence[str]) -> list[Measurements]:
    """Samples beside true rows, and true rows beside others."""
    ordered = ordered_of(table)
    known = exact_values(truth.rows, ordered)
    metrics: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
        SHAPES: lambda x, y: shapes(x, y, ordered),
        TRENDS: lambda x, y: trends(x, y, ordered),
        TOLD: lambda x, y: told_apart(x, y, ordered),
        TAUGHT: lambda x, y: each_column(x, y, ordered),
        MISSING: missing_apart,
        GAPS: lambda x, y: missing_together(x, y, ordered) or np.nan,
        EXACT: lambda x, y: exact_apart(x, y, known),
    }
    return [
        {name: np.array([metrics[name](x, y) for x, y in pairs]) for name in names}
        for pairs in (list(zip(sets, truth.true, strict=True)), true_pairs(truth))
    ]


def _scores(sides: Sequence[Measurements], rows: int) -> list[Score]:
    """Each measurement as a score; what the table does not have, as missing cells, is left out."""
    found = []
    for name in sides[0]:
        values, floors = (_over_columns(side[name]) for side in sides)
        if np.isfinite(values).all() and np.isfinite(floors).all():
            found.append(_score(name, values, floors, rows))
    return found


def _over_columns(values: np.ndarray) -> np.ndarray:
    """The mean over columns, or over pairs of different ones, of each of R measurements: (R,); NaN where there is none."""
    if values.ndim == 3:
        values = values[:, ~np.eye(values.shape[1], dtype=bool)]
    if values.ndim == 1:
        return values
    held = ~np.isnan(values)
    return np.where(held.any(1), np.where(held, values, 0.0).sum(1) / np.maximum(held.sum(1), 1), np.nan)


def _score(name: str, values: np.ndarray, floors: np.ndarray, rows: int) -> Score:
    (value, deviation), (low, spread) = ((float(np.mean(part)), float(np.std(part, ddof=1))) for part in (values, floors))
    return Score(name, value, deviation, low, spread, rows, name in LARGER, MATTERS.get(name, 0.0))


@steady
def between_rows(sets: Sequence[np.ndarray], truth: Truth, points: Points) -> tuple[Score, list[Score]]:
    """The energy distance of rows as points, and precision, recall, density and coverage; of the first 2,000 rows of each set."""
    near = replace(
        truth,
        true=[points(side[:NEAR]) for side in truth.true],
        others=[],
        pairs=[(points(a[:NEAR]), points(b[:NEAR])) for a, b in true_pairs(truth)],
        known=None,
    )
    placed = [points(side[:NEAR]) for side in sets]
    sides = [floor(energy_distance, pairs) for pairs in (zip(placed, near.true, strict=True), near.pairs)]
    distance = Score(DISTANCE, *sides[0], *sides[1], rows=len(placed[0]))
    return distance, neighbourhoods(placed, near, np.ones(placed[0].shape[1]))
