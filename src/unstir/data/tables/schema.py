"""`Schema`: the columns of a table, and the way from cells to codes and back.

    frame  -- coded -->  codes (N, D) float64, NaN where a cell is missing  -- cells -->  columns as they came            (1)

What a code means is in `unstir.data.tables.column`.

    >>> from unstir.data.frames import Frame
    >>> schema = Schema((
    ...     Column("island", "category", missing=True, values=("Biscoe", "Dream"), low=0.0, high=1.0, dtype="str"),
    ...     Column("year", "number", decimals=0, low=2007.0, high=2009.0, dtype="int64"),
    ... ))
    >>> codes = schema.coded(Frame({"year": [2007, 2009], "island": ["Dream", None]}, 2))
    >>> codes.tolist()
    [[1.0, 2007.0], [nan, 2009.0]]
    >>> schema.cells(codes)
    {'island': ['Dream', None], 'year': array([2007, 2009])}
    >>> schema_from(schema.as_json()) == schema, schema.plain, schema.take([1]).plain
    (True, False, True)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from unstir.data.tables.cells import cells_of, codes_of, texts_of
from unstir.data.tables.column import Column, column_from
from unstir.errors import DataError
from unstir.words import short

if TYPE_CHECKING:
    from unstir.data.frames import Frame


@dataclass(frozen=True)
class Schema:
    """The D columns of a table in their order, and those that were left out, (name, reason) each; a reason is a sentence."""

    columns: tuple[Column, ...]
    left: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def plain(self) -> bool:
        """Whether every column is a number without a missing cell, so that codes are what an array of numbers would hold."""
        return all(column.plain for column in self.columns)

    @property
    def meant(self) -> list[tuple[str, str, tuple[str, ...], bool]]:
        """What a code means: the name, the kind and the spellings of each column, and whether its cells may be missing."""
        return [(column.name, column.kind, column.values, column.missing) for column in self.columns]

    def coded(self, frame: "Frame") -> np.ndarray:
        """The cells of a frame as codes (N, D) float64; the frame may have its columns in another order, and more of them.

        Raises DataError for a column that the frame does not have, and for a cell that the column cannot hold: text among numbers, a
        category that is not among its values.
        """
        codes = np.empty((frame.rows, len(self.columns)))
        for j, column in enumerate(self.columns):
            if column.name not in frame.columns:
                raise DataError(f"column '{short(column.name)}' is missing.")
            codes[:, j] = codes_of(frame.columns[column.name], column, frame.rows)
        return codes

    def cells(self, rows: np.ndarray) -> dict[str, Any]:
        """Codes (n, D) as columns by name: an array of numbers, booleans or times, or a list of texts; with None where one is missing, a list.

        The codes are taken as they are: `tidied` gives the nearest ones that a cell can have.
        """
        return {column.name: cells_of(rows[:, j], column) for j, column in enumerate(self.columns)}

    def texts(self, rows: np.ndarray) -> dict[str, list[str]]:
        """Codes (n, D) as columns of texts, spelled as they were in the file; a missing cell is spelled as there, too."""
        return {column.name: texts_of(rows[:, j], column) for j, column in enumerate(self.columns)}

    def tidied(self, rows: np.ndarray) -> np.ndarray:
        """Codes (n, D) float64, each the nearest one that a cell of its column can have: `Column.tidied`."""
        return np.stack([column.tidied(rows[:, j]) for j, column in enumerate(self.columns)], axis=1)

    def without_missing(self) -> "Schema":
        """The schema of the rows in which no cell is missing."""
        return Schema(tuple(replace(column, missing=False) for column in self.columns), self.left)

    def take(self, indices: Sequence[int]) -> "Schema":
        """The schema of those columns, in that order."""
        return Schema(tuple(self.columns[int(i)] for i in indices), self.left)

    def as_json(self) -> dict[str, Any]:
        """The schema as plain objects, for a file; `schema_from` reads them back."""
        return {"columns": [column.as_json() for column in self.columns], "left": [list(pair) for pair in self.left]}


def schema_from(raw: dict[str, Any]) -> Schema:
    """The schema that `as_json` wrote."""
    return Schema(
        tuple(column_from(column) for column in raw["columns"]), tuple((name, why) for name, why in raw.get("left", ()))
    )
