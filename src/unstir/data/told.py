"""What rows are given beside them, as columns of codes: named arrays of an archive, a dict, or one array.

speed (N,)              a column `speed`
goal  (N, k)            k columns `goal.0`, `goal.1`, ...                                     (1)
numbers                 a number; whole where the array's type is                              (2)
True and False          a boolean
text, other objects     a category, its spellings in sorted order

>>> codes, table = told({"speed": np.array([1.5, 2.0]), "goal": np.eye(2), "pet": np.array(["dog", "cat"])}, 2)
>>> table.names, codes.tolist()
(('speed', 'goal.0', 'goal.1', 'pet'), [[1.5, 1.0, 0.0, 1.0], [2.0, 0.0, 1.0, 0.0]])
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from unstir.data.checks import refuse_broken_text
from unstir.data.frames import Frame, frame_of
from unstir.data.given import as_array
from unstir.data.tables.cells import is_gap, listed_cells, spelled_cell
from unstir.data.tables.column import Column
from unstir.data.tables.schema import Schema
from unstir.data.tables.typed import coded_frame
from unstir.errors import DataError
from unstir.words import short

ALONE = "given"  # the name of an array that came without one
MOST_PARTS = 1024  # numbers a row of one array


def told(given: Any, rows: int) -> tuple[np.ndarray, Schema]:
    """Codes (N, m) float64 of what `rows` rows are given, and what the columns are.

    Raises DataError for another number of rows, infinite numbers, and arrays of higher rank.
    """
    held = given if isinstance(given, Mapping) else None
    if held is None:
        frame = frame_of(given)
        held = {ALONE: given} if frame is None else frame.columns
    parts: dict[str, Any] = {}
    for name, column in held.items():
        parts |= _parts(str(name), column, rows)
    refuse_broken_text(tuple(parts), "the names of what is given")
    table = Schema(tuple(_column(name, cells) for name, cells in parts.items()))
    codes = table.coded(Frame(parts, rows))
    for j, name in enumerate(table.names):
        if np.isinf(codes[:, j]).any():
            raise DataError(f"given '{short(name)}' has infinite values. Remove those rows, or make them missing.")
    return codes, table


def _parts(name: str, column: Any, rows: int) -> dict[str, Any]:
    """The columns of one array by name, by (1)."""
    array = np.array(listed_cells(column), dtype=object) if isinstance(column, list) and _is_flat(column) else None
    array = as_array(column, f"given '{short(name)}'")[0] if array is None else array
    if array.ndim == 0 or len(array) != rows:
        raise DataError(f"given '{short(name)}' has shape {array.shape}, and there are {rows:,} rows: give a value for each.")
    if array.ndim == 1:
        return {name: array}
    if array.ndim > 2 or not 0 < array.shape[1] <= MOST_PARTS:
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
