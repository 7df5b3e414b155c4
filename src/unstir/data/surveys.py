"""A survey: what data is taken for, column by column, and what in it will trouble whoever trains on it.

>>> from unstir.data import from_arrays
>>> found = survey(from_arrays([[1.0, 5.0], [2.0, 5.0], [np.nan, 5.0], [3.0, 5.0]], names=["a", "b"], missing="keep"))
>>> found.kind, found.levels, [problem.name for problem in found.problems]
('points', 4, ['missing', 'few', 'constant'])
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unstir.data.class_problems import class_problems
from unstir.data.columns import Column, Whole, columns_of, looked_at, whole_of
from unstir.data.dataset import Data
from unstir.data.labels import NO_CLASS
from unstir.data.neighbours import finest_wave
from unstir.data.problems import LEVELS, Problem, constant, counters, few, gaps, repeated, value_problems, worst_first
from unstir.data.relations import TALL, relations
from unstir.data.tables.problems import kind_problems, numbers_of
from unstir.steady import steady

LOOKED_AT = 2**24  # numbers; of larger data only every k-th row is looked at, though gaps are counted in all rows
QUICK = 2**20  # the same for a quick look
MAPPED, MAPPED_ROWS = 2**30, 2**14  # of data of so many bytes, which lies in a file, a quick look reads so many rows at most
TOGETHER = 64  # columns whose values are counted together
POSITIONS = 2**13  # in an image or a sequence, at which a quick look looks at most


@dataclass(frozen=True)
class Survey:
    """What `survey` found.

    `kind` is what the rows are taken for, by `unstir.data.layouts`. `whole` is about all values together, for images and sequences
    only. `levels` is how many different values there are in all, None for more than 256. `detail` is `neighbours.finest_wave`.
    `classes` are the names of the classes with the number of rows of each. `looked_at` is the number of rows that the statistics are
    from. `problems` have the worst first.
    """

    kind: str
    columns: list[Column]
    whole: Whole | None
    levels: int | None
    detail: float | None
    classes: dict[str, int]
    looked_at: int
    problems: list[Problem]


@steady
def survey(data: Data) -> Survey:
    """What `data` is taken for, its columns and its problems. Data with gaps is taken too: `from_arrays(..., missing="keep")`."""
    step = -(-data.rows.size // LOOKED_AT)
    columns, rows = columns_of(data, step), looked_at(data, step)
    whole = whole_of(data, columns, step) if data.layout else None
    problems = _problems(data, columns, step, whole, data.intact())
    counts = [] if data.labels is None else np.bincount(data.labels[data.labels != NO_CLASS], minlength=len(data.classes))
    classes = dict(zip(data.classes, map(int, counts), strict=True))
    return Survey(
        data.kind,
        columns,
        whole,
        _levels(rows, columns),
        finest_wave(data, rows.reshape(-1, *data.shape)),
        classes,
        len(rows),
        problems,
    )


def problems_before_training(data: Data) -> list[Problem]:
    """The problems that `survey` finds, the worst first, of rows that are known to have no gaps; of large data at a quick look.

    That is a few tenths of a second and some tens of MB, whatever the size: `QUICK` numbers, and of images or sequences so many
    positions as `POSITIONS`. What is rare in large data may be missed here.

    >>> from unstir.data import from_arrays
    >>> [problem.name for problem in problems_before_training(from_arrays([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]))]
    ['few', 'constant']
    """
    stride = -(-math.prod(data.shape) // POSITIONS) if len(data.shape) > 1 else 1
    step = -(-data.rows.size // QUICK)
    if data.rows.held.nbytes > MAPPED:
        step = max(step, -(-len(data) // MAPPED_ROWS))
    columns = columns_of(data, step, stride, intact=not data.states.any())
    whole = whole_of(data, columns, step) if data.layout else None
    return _problems(data, columns, step, whole, np.ones(len(data), bool))


def _problems(data: Data, columns: list[Column], step: int, whole: Whole | None, intact: np.ndarray) -> list[Problem]:
    """All problems, from the columns and every step-th row, and from which rows have no gap, (N,) bool."""
    if data.table is not None and not data.table.plain:
        return worst_first(_of_table(data, columns, step, intact))
    complete = np.flatnonzero(intact)
    varying = round(sum(not column.constant for column in columns) / len(columns) * math.prod(data.shape))
    found = [*value_problems(data, columns, step, whole), *few(len(complete), varying), *class_problems(data)]
    if data.layout is None and len(data.shape) == 1:
        found += relations(data.rows[complete[:: -(-len(complete) // TALL) or 1]], columns)
    return worst_first(found)


def _of_table(data: Data, columns: list[Column], step: int, intact: np.ndarray) -> Iterator[Problem]:
    """The problems of a table whose columns are of several kinds: numbers are looked at among themselves.

    A value far out is none: such columns are learnt by their quantiles.
    """
    yield from gaps(columns)
    yield from kind_problems(data)
    yield from repeated(looked_at(data, step), columns)
    yield from few(int(intact.sum()), sum(not column.constant for column in columns))
    yield from class_problems(data)
    numbers, places = numbers_of(data, step)
    if len(numbers) < 2 or not places:
        return
    own = columns_of(numbers, -(-numbers.rows.size // QUICK), intact=True)
    rows = numbers.rows[:: -(-len(numbers) // TALL) or 1]
    rows = rows[np.isfinite(rows).all(axis=1)]
    for problem in (*constant(own), *counters(numbers, looked_at(numbers, 1), own), *relations(rows, own)):
        yield problem._replace(columns=tuple(places[j] for j in problem.columns))


def _levels(rows: np.ndarray, columns: list[Column]) -> int | None:
    """How many different values there are in all; None for more than LEVELS."""
    if max(column.distinct for column in columns) > LEVELS:
        return None
    found: set[float] = set()
    for start in range(0, rows.shape[1], TOGETHER):
        block = rows[:, start : start + TOGETHER]
        found.update(np.unique(block[np.isfinite(block)]).tolist())
        if len(found) > LEVELS:
            return None
    return len(found)
