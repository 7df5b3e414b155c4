"""What rows are given beside them, as columns of codes: named arrays of an archive, a dict, or one array.

speed (N,)              a column `speed`
goal  (N, k)            k columns `goal.0`, `goal.1`, ...                                     (1)
numbers                 a number; whole where the array's type is                              (2)
True and False          a boolean
text, other objects     a category, its spellings in sorted order
(N, a, b), ...          an array beside the rows: `unstir.data.beside`

>>> found = told({"speed": np.array([1.5, 2.0]), "goal": np.eye(2), "pet": np.array(["dog", "cat"]), "low": np.ones((2, 4, 4))}, 2)
>>> found.table.names, found.codes.tolist(), [one.name for one in found.beside]
(('speed', 'goal.0', 'goal.1', 'pet'), [[1.5, 1.0, 0.0, 1.0], [2.0, 0.0, 1.0, 0.0]], ['low'])
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from unstir.data.beside import Beside, array_beside, is_beside
from unstir.data.checks import refuse_broken_text
from unstir.data.frames import Frame, frame_of
from unstir.data.given import as_array
from unstir.data.layouts import Layout
from unstir.data.tables.cells import is_gap, listed_cells, spelled_cell
from unstir.data.tables.column import Column
from unstir.data.tables.schema import Schema
from unstir.data.tables.typed import coded_frame
from unstir.errors import DataError
from unstir.words import short

ALONE = "given"  # the name of an array that came without one
MOST_PARTS = 1024  # numbers a row of one array


class Told(NamedTuple):
    """Codes (N, m) float64 of the columns that rows are given, and what those are, or None and None; the arrays beside the rows."""

    codes: np.ndarray | None
    table: Schema | None
    beside: tuple[Beside, ...]


def told(given: Any, rows: int, lies: Layout | None = None) -> Told:
    """What `rows` rows, which lie like `lies`, are given.

    Raises DataError for another number of rows, infinite numbers, and more numbers a row than there may be.
    """
    held = given if isinstance(given, Mapping) else None
    if held is None:
        frame = frame_of(given)
        held = {ALONE: given} if frame is None else frame.columns
    if not held:
        raise DataError("given is empty: give what is known of each row by its name, as in given={'speed': speed}.")
    parts: dict[str, Any] = {}
    beside: list[Beside] = []
    for name, column in held.items():
        array = _array(str(name), column, rows)
        if is_beside(array, lies):
            beside.append(array_beside(str(name), array, rows, lies))
        else:
            parts |= _parts(str(name), array)
    refuse_broken_text((*parts, *(one.name for one in beside)), "the names of what is given")
    if not parts:
        return Told(None, None, tuple(beside))
    table = Schema(tuple(_column(name, cells) for name, cells in parts.items()))
    codes = table.coded(Frame(parts, rows))
    for j, name in enumerate(table.names):
        if np.isinf(codes[:, j]).any():
            raise DataError(f"given '{short(name)}' has infinite values. Remove those rows, or make them missing.")
    return Told(codes, table, tuple(beside))


def _array(name: str, column: Any, rows: int) -> np.ndarray:
    """What is given by one name, an entry for each row."""
    array = np.array(listed_cells(column), dtype=object) if isinstance(column, list) and _is_flat(column) else None
    array = as_array(column, f"given '{short(name)}'")[0] if array is None else array
    if array.ndim == 0 or len(array) != rows:
        raise DataError(f"given '{short(name)}' has shape {array.shape}, and there are {rows:,} rows: give a value for each.")
    return array


def _parts(name: str, array: np.ndarray) -> dict[str, Any]:
    """The columns of one array by name, by (1)."""
    if array.ndim == 1:
        return {name: array}
    if not 0 < array.shape[1] <= MOST_PARTS:
        raise DataError(
            f"given '{short(name)}' has shape {array.shape}; what a row is given is a value, or up to {MOST_PARTS:,} numbers."
        )
    return {name: array[:, 0]} if array.shape[1] == 1 else {f"{name}.{i}": array[:, i] for i in range(array.shape[1])}


def _is_flat(cells: list[Any]) -> bool:
    return all(cell is None or isinstance(cell, str | bool | int | float) for cell in cells)


def _column(name: str, cells: np.ndarray) -> Column:
    """What a column is, by (2)."""
    held = [cell for cell in listed_cells(cells) if not is_gap(cell)]
    if not held:
        raise DataError(f"given '{short(name)}' has no value at all.")
    gaps = len(held) < len(cells)
    if all(isinstance(cell, bool) for cell in held):
        return Column(name, "boolean", gaps, ("False", "True"), low=0.0, high=1.0, dtype="bool")
    if all(isinstance(cell, int | float) for cell in held):
        whole = cells.dtype.kind in "iu" or all(isinstance(cell, int) for cell in held)
        low, high = float(min(held)), float(max(held))
        return Column(name, "number", gaps, (), 0 if whole else None, low, high, dtype="int64" if whole else "float64")
    if any(isinstance(cell, np.datetime64 | date) for cell in held):
        [column] = coded_frame(Frame({name: cells}, len(cells)), {name: "time"}).schema.columns
        return column
    values = tuple(sorted({spelled_cell(cell) for cell in held}))
    refuse_broken_text(values, f"given '{short(name)}'")
    return Column(name, "category", gaps, values, low=0.0, high=float(len(values) - 1), dtype="str")
