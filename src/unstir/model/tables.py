"""Rows of a table from its user: named columns become the codes of their cells, by the columns that the model was fitted on.

>>> from unstir.data.tables import Column, Schema
>>> table = Schema((Column("pet", "category", values=("cat", "dog"), missing=True), Column("age", "number", decimals=0, low=1, high=9)))
>>> coded({"age": [3, None], "pet": ["dog", None]}, table).tolist()
[[1.0, 3.0], [nan, nan]]
"""

from typing import Any

import numpy as np

from unstir.data.frames import Frame, frame_of
from unstir.data.tables.schema import Schema
from unstir.errors import DataError
from unstir.words import short


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
