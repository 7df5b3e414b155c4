"""Rows of a mixed table as numbers that can be compared: flags for what a cell is, and points for how far rows are from each other.

A column of numbers or times is looked at as it is, with NaN where a cell is missing. Beside it are *flags*, 1 or 0 (`Cells`):

    column 'island' is 'Biscoe'         for each of the 20 most frequent states of a column; of two states, for the rarer one
    column 'age' is missing             for each column that can be missing                                                    (1)

Shares and rank correlations of these say what is off in which column, and which columns no longer go together.

How far two rows are from each other (`Points`) is the distance of points with these elements:

    a number or time      sqrt(12) (share of the true cells below it), and 0-1 for missing, where the share is 1/2
    a state               0-1 for each state, and for missing                                                                    (2)

so that two different states, and two numbers at random, are about sqrt(2) apart. Equal rows are at distance 0. A share is used because
columns such as incomes have no useful standard deviation. The idea is Gower's (1971), "A general coefficient of similarity".
"""

from collections.abc import Iterator

import numpy as np

from unstir.data.tables import Column, Schema
from unstir.data.tables.cells import texts_of
from unstir.metrics.dependence import RARE
from unstir.words import number, short

FLAGS = 20  # states of a column that have a flag, at most
STATES = 100  # of a column that are elements of a point, at most: rarer ones are one more
WIDE = 12**0.5  # the spread of a share is 1 / sqrt(12)


def ordered_of(table: Schema) -> np.ndarray:
    """Which columns are numbers or times, (D,) bool; the others hold states."""
    return np.array([column.kind in ("number", "time") for column in table.columns])


def spelled(column: Column, code: float) -> str:
    """A code as it is said to people: a category by its name, a time as in the file, a number by the style of `unstir.words`.

    >>> spelled(Column("sex", "category", values=("f", "m")), 1.0), spelled(Column("age", "number"), 31.5)
    ("'m'", '31.5')
    """
    return state_of(column, code) if column.kind in ("number", "time") else f"'{state_of(column, code)}'"


def state_of(column: Column, code: float) -> str:
    """The same for a picture, in which names need no quotes."""
    return number(code, 4) if column.kind == "number" else short(texts_of(np.array([code]), column)[0])


class Cells:
    """Eq. (1) of a table, with the states of some true rows (m, D): k columns, of which `flags` (k,) says which are flags.

    `labels` say what a column is about, `terms` the same as part of a sentence, and `of` (k,) which column of the table it is.

    >>> table = Schema((Column("sex", "category", values=("f", "m")), Column("age", "number", missing=True)))
    >>> cells = Cells(table, np.array([[0.0, 31.5], [1.0, np.nan], [0.0, 20.0]]))
    >>> cells.labels
    ("column 'sex' is 'm'", "column 'age'", "column 'age' is missing")
    >>> cells.of(np.array([[1.0, np.nan]])).tolist(), cells.flags.tolist()
    ([[1.0, nan, 1.0]], [True, False, True])
    """

    def __init__(self, table: Schema, true: np.ndarray):
        self.table, self.ordered = table, ordered_of(table)
        self.looked = list(self._looked(true))
        self.flags = np.array([code is not None for _, code in self.looked])
        self.source = np.array([i for i, _ in self.looked])
        self.labels = tuple(self._label(i, code, "is") for i, code in self.looked)
        self.terms = tuple(self._label(i, code, "being") for i, code in self.looked)

    def _looked(self, true: np.ndarray) -> Iterator[tuple[int, float | None]]:
        """The column of the table, and the state of a flag, NaN for missing; None for the cells as they are."""
        for i, column in enumerate(self.table.columns):
            cells = true[:, i]
            there = cells[~np.isnan(cells)]
            values, counts = np.unique(there, return_counts=True)
            if self.ordered[i]:
                yield i, None
            else:
                first = np.argsort(-counts, kind="stable")
                shown = first[1:2] if len(values) == 2 else first[:FLAGS] if len(values) > 1 else []
                yield from ((i, float(values[k])) for k in shown if counts[k] >= min(RARE, len(there) / 100))
            if column.missing or len(there) < len(cells):
                yield i, float("nan")

    def _label(self, i: int, code: float | None, verb: str) -> str:
        column = self.table.columns[i]
        name = f"column '{short(column.name)}'"
        if code is None:
            return name
        return f"{name} {verb} {'missing' if np.isnan(code) else spelled(column, code)}"

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The looked-at columns (n, k) of rows (n, D)."""
        found = np.empty((len(rows), len(self.looked)))
        for j, (i, code) in enumerate(self.looked):
            cells = rows[:, i]
            found[:, j] = cells if code is None else np.isnan(cells) if np.isnan(code) else cells == code
        return found

    def said(self, j: int, value: float) -> str:
        """A value of the j-th looked-at column in words."""
        column = self.table.columns[self.source[j]]
        return spelled(column, value) if self.ordered[self.source[j]] else number(value, 4)


class Points:
    """Eq. (2) of a table, with the shares and states of some true rows (m, D): `Points(table, true)(rows)` are points (n, k).

    >>> table = Schema((Column("sex", "category", values=("f", "m")), Column("age", "number", missing=True)))
    >>> points = Points(table, np.array([[0.0, 20.0], [1.0, np.nan], [0.0, 40.0]]))
    >>> points(np.array([[0.0, 30.0], [1.0, np.nan]])).round(2).tolist()
    [[0.0, 1.0, 0.0, 0.0, 1.73, 0.0], [0.0, 0.0, 1.0, 0.0, 1.73, 1.0]]
    """

    def __init__(self, table: Schema, true: np.ndarray):
        self.ordered, self.known = ordered_of(table), []
        for cells, is_ordered in zip(true.T, self.ordered, strict=True):
            values, counts = np.unique(cells[~np.isnan(cells)], return_counts=True)
            if is_ordered:
                shares = (counts.cumsum() - counts / 2) / max(counts.sum(), 1)
            else:
                values, shares = np.sort(values[np.argsort(-counts, kind="stable")[:STATES]]), counts
            self.known.append((values, shares))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Points (n, k) of rows (n, D), or of (n, ...) that are as many numbers."""
        rows = np.asarray(rows, dtype=np.float64).reshape(len(rows), -1)
        columns = []
        for cells, is_ordered, (values, shares) in zip(rows.T, self.ordered, self.known, strict=True):
            gaps = np.isnan(cells)
            if is_ordered:
                share = np.interp(cells, values, shares) if len(values) else np.full(len(cells), 0.5)
                columns += [WIDE * np.where(gaps, 0.5, share), gaps]
            else:
                columns += [~gaps & ~np.isin(cells, values), *(cells == value for value in values), gaps]
        return np.stack(columns, axis=1).astype(np.float64)
