"""A survey: what data is taken for, column by column, and what in it will trouble whoever trains on it.

>>> from unstir.data import from_arrays
>>> found = survey(from_arrays([[1.0, 5.0], [2.0, 5.0], [np.nan, 5.0], [3.0, 5.0]], names=["a", "b"], missing="keep"))
>>> found.kind, found.levels, [problem.name for problem in found.problems]
('points', 4, ['missing', 'constant', 'few'])
"""

from dataclasses import dataclass

import numpy as np

from unstir.data.columns import Column, Whole, columns_of, looked_at, whole_of
from unstir.data.dataset import Data
from unstir.data.labels import NO_CLASS
from unstir.data.problems import LEVELS, Problem, problems_of
from unstir.steady import steady

LOOKED_AT = 2**24  # numbers; of larger data only every k-th row is looked at, though gaps are counted in all rows


@dataclass(frozen=True)
class Survey:
    """What `survey` found.

    `kind` is what the rows are taken for, by `unstir.data.layouts`. `whole` is about all values together, for images and sequences
    only. `levels` is how many different values there are in all, None for more than 256. `classes` are the names of the classes with
    the number of rows of each. `looked_at` is the number of rows that the statistics are from.
    """

    kind: str
    columns: list[Column]
    whole: Whole | None
    levels: int | None
    classes: dict[str, int]
    looked_at: int
    problems: list[Problem]


@steady
def survey(data: Data) -> Survey:
    """What `data` is taken for, its columns and its problems. Data with gaps is taken too: `from_arrays(..., missing="keep")`."""
    step = -(-data.rows.size // LOOKED_AT)
    columns, rows = columns_of(data, step), looked_at(data, step)
    whole = whole_of(data, columns, step) if data.layout else None
    problems = problems_of(data, columns, step, whole)
    counts = [] if data.labels is None else np.bincount(data.labels[data.labels != NO_CLASS], minlength=len(data.classes))
    classes = dict(zip(data.classes, map(int, counts), strict=True))
    return Survey(data.kind, columns, whole, _levels(rows, columns), classes, len(rows), problems)


def _levels(rows: np.ndarray, columns: list[Column]) -> int | None:
    """How many different values there are in all; None for more than LEVELS."""
    if max(column.distinct for column in columns) > LEVELS:
        return None
    found: set[float] = set()
    for j in range(rows.shape[1]):
        found.update(np.unique(rows[np.isfinite(rows[:, j]), j]).tolist())
        if len(found) > LEVELS:
            return None
    return len(found)
