"""Rows of a table as their user has them: codes (n, D) become a data frame of the kind that was fitted, or columns by name.

    pandas, polars, pyarrow      a data frame, with the types that its columns had
    anything else                a dict of columns: arrays, and lists where cells are texts or missing

A library of data frames is imported only where the model was fitted on a frame of it.

    >>> from unstir.data.tables import Column, Schema
    >>> table = Schema((Column("pet", "category", values=("cat", "dog"), missing=True), Column("age", "number", decimals=0, low=1, high=9)))
    >>> framed(np.array([[1.0, 3.0], [np.nan, 4.0]]), table, "numpy")
    {'pet': ['dog', None], 'age': ...}
"""

import importlib
from contextlib import suppress
from typing import Any

import numpy as np

from unstir.data.frames import Frame, frame_of
from unstir.data.tables.column import Column
from unstir.data.tables.schema import Schema
from unstir.errors import DataError, UsageError
from unstir.words import short

FRAMES = ("pandas", "polars", "pyarrow")


def kind_of(x: Any) -> str | None:
    """The library of a data frame x, one of `FRAMES`; None for anything else."""
    library = type(x).__module__.split(".")[0]
    return library if library in FRAMES else None


def framed(codes: np.ndarray, table: Schema, kind: str) -> Any:
    """Codes (n, D) as a frame of that kind, or a dict of columns. Raises UsageError where the library of the frame is not installed."""
    cells = table.cells(codes)
    if kind not in FRAMES:
        return cells
    try:
        library = importlib.import_module(kind)
    except ImportError:
        raise UsageError(
            f"the model was fitted on a data frame of {kind}, which is not installed here. Install it: python -m pip install {kind}."
        ) from None
    return {"pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow}[kind](library, cells, table)


def coded(x: Any, table: Schema) -> np.ndarray:
    """Rows x as codes (N, D): named columns, matched by name, or an array (N, D) of codes.

    Raises DataError for what has neither, and for a cell that a column cannot hold.
    """
    frame = frame_of(x, table.names)
    if frame is not None:
        left = {name for name, _ in table.left}
        unknown = [name for name in frame.names if name not in table.names and name not in left]
        held = Frame({name: column for name, column in frame.columns.items() if name in table.names}, frame.rows)
        if unknown and len(held.columns) < len(table.columns):
            raise DataError(
                f"column '{short(unknown[0])}' is unknown to the model; its columns are {', '.join(map(short, table.names[:8]))}"
                f"{', ...' if len(table.names) > 8 else ''}."
            )
        return table.coded(held)
    codes = np.asarray(x)
    if codes.dtype.kind not in "biuf" or codes.ndim != 2 or codes.shape[1] != len(table.columns):
        raise DataError(
            f"rows of a table of {len(table.columns)} columns are a data frame, a dict of columns, or codes (N, {len(table.columns)}), "
            f"not {type(x).__name__} of shape {codes.shape}."
        )
    return codes.astype(np.float64)


def _pandas(library: Any, cells: dict[str, Any], table: Schema) -> Any:
    return library.DataFrame({c.name: _series(library, cells[c.name], c) for c in table.columns})


def _series(pandas: Any, cells: Any, column: Column) -> Any:
    series = pandas.Series(cells, dtype=None if isinstance(cells, np.ndarray) else object)
    return series.astype(column.dtype) if column.dtype else series


def _polars(library: Any, cells: dict[str, Any], table: Schema) -> Any:
    columns = []
    for column in table.columns:
        made = library.Series(column.name, cells[column.name], strict=False)
        kind = getattr(library, column.dtype, None)
        columns.append(made if kind is None or made.dtype == kind else made.cast(kind))
    return library.DataFrame(columns)


def _pyarrow(library: Any, cells: dict[str, Any], table: Schema) -> Any:
    columns = {}
    for column in table.columns:
        made = library.array(cells[column.name])
        with suppress(ValueError):  # a type with parameters has no name: the cells say it themselves
            made = made.cast(library.type_for_alias(column.dtype))
        columns[column.name] = made
    return library.table(columns)
