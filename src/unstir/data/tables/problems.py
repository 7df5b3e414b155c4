"""Problems of a table whose columns are of several kinds, and what a person is told about each of its columns.

Numbers are looked at as in any table. What follows is about the other kinds:

    rare values        categories that so few rows have that little is learnt of them
    many values        a category of so many values that it may be an id or free text
    values alike       values of a category that differ only in capitals or blanks
    mostly missing     a column of which more than half of the cells are missing
    empty              a column in which every cell is missing

    >>> from unstir.data import from_arrays
    >>> data = from_arrays({"town": ["Ulm", None, None, "Bonn", None], "age": [3, 4, 5, 6, 7]})
    >>> [problem.text for problem in kind_problems(data)][0]
    "column 'town' is missing in 3 of 5 rows, and so it is in samples."
    >>> told(data, 0).values, told(data, 0).missing
    ('Bonn 1, Ulm 1', 3)
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from unstir.data.class_problems import written_twice
from unstir.data.dataset import Data
from unstir.data.problems import Problem, first_of
from unstir.data.rows import Rows
from unstir.data.tables.cells import texts_of
from unstir.data.tables.kinds import DROP, flag
from unstir.words import counted, short

RARE, MANY = 5, 50  # rows of a value, values of a category
SHOWN = 4  # values of a category


class Told(NamedTuple):
    """What a person is told about a column: what it is taken for and why, its values in words, how many cells are missing, counts by value."""

    kind: str
    why: str
    values: str
    missing: int
    counts: dict[str, int]


def told(data: Data, j: int) -> Told:
    """About the j-th column of a table."""
    assert data.table is not None
    column = data.table.columns[j]
    codes = data.rows.column(j).astype(np.float64)
    missing = int(np.isnan(codes).sum())
    held = codes[~np.isnan(codes)]
    counts: dict[str, int] = {}
    if column.kind in ("category", "boolean"):
        each = np.bincount(held.astype(int), minlength=len(column.values)).tolist()
        counts = dict(sorted(zip(column.values, each, strict=True), key=lambda pair: -pair[1]))
        more = f", and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else ""
        values = ", ".join(f"{short(value, 20)} {count:,}" for value, count in list(counts.items())[:SHOWN]) + more
    elif column.kind == "constant" or not len(held):
        values = short(column.values[0]) if column.values else ""
    else:
        values = " to ".join(texts_of(np.array([held.min(), held.max()]), column))
    return Told(column.kind, column.why, values, missing, counts)


def kind_problems(data: Data) -> Iterator[Problem]:
    """Problems of the kinds of columns, and of what is missing in them."""
    assert data.table is not None
    for j, column in enumerate(data.table.columns):
        about = told(data, j)
        name = f"column '{short(column.name)}'"
        if about.missing == len(data):
            text = f"{name} is missing in all rows. Leave it out: {flag(column.name, DROP)}."
            yield Problem("empty", (j,), text)
        elif 2 * about.missing > len(data):
            text = f"{name} is missing in {about.missing:,} of {len(data):,} rows, and so it is in samples."
            yield Problem("mostly missing", (j,), text)
        if column.kind != "category":
            continue
        if twice := written_twice(list(about.counts), [f"'{short(value, 20)}' ({n:,})" for value, n in about.counts.items()]):
            text = f"{name} has values that differ only in how they are written: {first_of(twice)}. Write them the same if they are one."
            yield Problem("values alike", (j,), text)
        rare = [value for value, count in about.counts.items() if 0 < count < RARE]
        if len(column.values) > MANY:
            text = (
                f"{name} has {len(column.values):,} values: an id or free text? Leave it out if it is: {flag(column.name, DROP)}."
            )
            yield Problem("many values", (j,), text)
        elif rare and len(data) >= 10 * RARE:
            each = first_of(f"'{short(value, 20)}' ({about.counts[value]})" for value in rare)
            text = f"{name} has {counted(len(rare), 'value')} of fewer than {RARE} rows: {each}. Little is learnt of them."
            yield Problem("rare values", (j,), text)


def numbers_of(data: Data, step: int = 1) -> tuple[Data, list[int]]:
    """The columns of a table that are numbers, as data of their own, and their places; the rows are those without a missing number.

    A column that is missing in more than half of the rows is left out: with it few rows would be left. Only every step-th row is taken.
    """
    assert data.table is not None
    numbers = [j for j, column in enumerate(data.table.columns) if column.kind == "number"]
    each = {j: data.rows.column(j, step) for j in numbers}
    places = [j for j, codes in each.items() if 2 * np.isnan(codes).sum() <= len(codes)]
    held = np.stack([each[j] for j in places], axis=1) if places else np.empty((0, 0))
    whole = ~np.isnan(held).any(axis=1)
    names = tuple(data.names[j] for j in places)
    table = data.table.take(places).without_missing()
    return replace(data, rows=Rows(held[whole]), names=names, table=table, labels=None, classes=(), groups=None), places
