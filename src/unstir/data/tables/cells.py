"""Cells of one column as codes, and codes as cells: (1) of `unstir.data.tables.schema`, a column at a time.

A cell may be a text, as files have them, or a number, a boolean or a time, as data frames have them: a model of the one takes the other.

    >>> island = Column("island", "category", values=("Biscoe", "Dream"), dtype="str")
    >>> codes_of(["Dream", "Biscoe"], island, 2).tolist()
    [1.0, 0.0]
    >>> codes_of(["Drem"], island, 1)
    Traceback (most recent call last):
    ...
    unstir.errors.DataError: column 'island' holds 'Drem' (row 0), which is none of its values: did you mean 'Dream'? Known: Biscoe, Dream.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from unstir.data.checks import BEYOND, EXACT
from unstir.data.formats.numerals import Marks, is_missing, number
from unstir.data.tables.column import Column
from unstir.data.tables.times import moments, seconds, spelled_times
from unstir.errors import DataError, unknown
from unstir.words import short

COMMA = Marks(".", ",")
LISTED = 8  # known values in a message


def listed_cells(column: Any) -> list[Any]:
    """The cells of any column, (N,), as Python objects or numpy times, with None for one that is missing."""
    if isinstance(column, list | tuple):
        cells = list(column)
    elif isinstance(column, np.ndarray):
        cells = list(column) if column.dtype.kind == "M" else column.tolist()
    elif hasattr(column, "to_pylist"):  # pyarrow
        cells = column.to_pylist()
    elif hasattr(column, "to_list"):  # pandas and polars
        cells = column.to_list()
    else:
        cells = np.asarray(column).tolist()
    return [None if is_gap(cell) else cell for cell in cells]


def is_gap(cell: Any) -> bool:
    """Whether a cell stands for a missing one: None, NaN, NaT, or the NA of a library, which is not even equal to itself."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, float | np.datetime64) and cell != cell


def spelled_cell(cell: Any) -> str:
    """A cell that is not missing as text; a float that is whole is spelled as a whole number.

    >>> spelled_cell(2007.0), spelled_cell(True), spelled_cell(b"a"), spelled_cell("x ")
    ('2007', 'True', 'a', 'x ')
    """
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "backslashreplace")
    if isinstance(cell, float | np.floating):
        return str(int(cell)) if float(cell).is_integer() else repr(float(cell))
    return str(cell)


def codes_of(cells: Any, column: Column, rows: int) -> np.ndarray:
    """The cells (rows,) of a column as codes (rows,) float64. Raises DataError for a cell that the column cannot hold."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "biuf" and column.plain:
        found = cells.astype(np.float64)
    else:
        found = _codes(listed_cells(cells), column)
    if found.shape != (rows,):
        raise DataError(f"column '{short(column.name)}' has shape {found.shape}; a column of {rows} rows is ({rows},).")
    return found


def _codes(cells: list[Any], column: Column) -> np.ndarray:
    if column.kind == "number":
        return np.array([_number(cell, row, column) for row, cell in enumerate(cells)], np.float64)
    if column.kind == "time":
        return _times(cells, column)
    if column.kind == "constant" and column.is_numeric:
        return np.array([_number(cell, row, column) for row, cell in enumerate(cells)], np.float64)
    known: dict[Any, float] = {value: float(k) for k, value in enumerate(column.values)}
    if column.kind == "constant":
        known = dict.fromkeys(column.values, column.low)
    if column.kind == "boolean":
        known |= {"False": 0.0, "True": 1.0}
    return np.array([_known(cell, row, column, known) for row, cell in enumerate(cells)], np.float64)


def _known(cell: Any, row: int, column: Column, known: dict[Any, float]) -> float:
    """The code of a category, of a boolean or of a constant. A text that is no value may be the spelling of a missing cell."""
    if cell is None:
        return float("nan")
    text = cell if isinstance(cell, str) else spelled_cell(cell)
    code = known.get(text)
    if code is None:
        code = known.get(text.strip())
    if code is None and column.kind == "boolean" and cell in (0, 1):
        code = float(cell)
    if code is not None:
        return code
    if is_missing(text):
        return float("nan")
    raise DataError(_not_known(text, row, column))


def _not_known(text: str, row: int, column: Column) -> str:
    """The sentence about a cell that is none of the values; of very many values the first are named."""
    said = str(unknown("value", text, column.values))
    if len(column.values) > LISTED:
        said = f"{said.split(' Known: ')[0]} Known: {', '.join(map(short, column.values[:LISTED]))}, ..."
    rest = said.removeprefix(f"unknown value '{text}'").lstrip(".").lstrip()
    joined = rest if rest.startswith(":") else f". {rest}"
    return f"column '{short(column.name)}' holds '{short(text)}' (row {row}), which is none of its values{joined}"


def _number(cell: Any, row: int, column: Column) -> float:
    if cell is None or (isinstance(cell, str) and is_missing(cell)):
        return float("nan")
    try:
        if isinstance(cell, str):
            return number(cell, COMMA) if "comma" in column.form else number(cell)
        found = float(cell)
    except (TypeError, ValueError):
        kind = "text" if isinstance(cell, str) else type(cell).__name__
        raise DataError(
            f"column '{short(column.name)}' holds {kind} ('{short(str(cell))}', row {row}), and it is a column of numbers."
        ) from None
    if isinstance(cell, int) and abs(cell) >= EXACT and int(found) != cell:
        raise DataError(f"column '{short(column.name)}' holds {cell} (row {row}), {BEYOND}")
    return found


def _times(cells: list[Any], column: Column) -> np.ndarray:
    cells = [None if isinstance(cell, str) and is_missing(cell) else cell for cell in cells]
    try:
        return seconds(cells, column.form)
    except (ValueError, OverflowError):
        row, cell = next((row, cell) for row, cell in enumerate(cells) if _is_no_time(cell, column.form))
        raise DataError(
            f"column '{short(column.name)}' holds '{short(str(cell))}' (row {row}), and its times are written as "
            f"{column.form.replace('iso', '2024-02-29T12:30:00')}."
        ) from None


def _is_no_time(cell: Any, form: str) -> bool:
    try:
        seconds([cell], form)
    except (ValueError, OverflowError):
        return True
    return False


def cells_of(codes: np.ndarray, column: Column) -> Any:
    """Codes (n,) as an array of numbers, booleans or times, or as a list of texts; as a list with None where one is missing."""
    codes = np.asarray(codes, np.float64)
    gaps = np.isnan(codes)
    values = _values(np.where(gaps, 0.0 if np.isnan(column.low) else column.low, codes), column)
    if not gaps.any():
        return values
    held = list(values) if isinstance(values, np.ndarray) and values.dtype.kind == "M" else _plain(values)
    return [None if gap else value for gap, value in zip(gaps.tolist(), held, strict=True)]


def _values(codes: np.ndarray, column: Column) -> Any:
    """Codes (n,), none of them missing, as cells."""
    lowered = column.dtype.lower()
    if column.kind == "number" or (column.kind == "constant" and column.is_numeric):
        if lowered.startswith(("int", "uint")):
            return np.round(codes).astype(np.int64)
        return codes
    if column.kind == "time":
        return moments(codes) if "date" in lowered or "timestamp" in lowered else spelled_times(codes, column.form)
    if column.kind == "boolean" and lowered.startswith("bool"):
        return codes.astype(bool)
    ids = np.zeros(len(codes), int) if column.kind == "constant" else codes.astype(int)
    values: Sequence[Any] = column.values or ("",)
    if column.form == "number":
        values = [int(value) if value.lstrip("+-").isdigit() else float(value) for value in values]
    return [values[k] for k in ids.tolist()]


def _plain(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def texts_of(codes: np.ndarray, column: Column) -> list[str]:
    """Codes (n,) as texts, spelled as in the file that they came from; a missing one is spelled as there."""
    codes = np.asarray(codes, np.float64)
    gaps = np.isnan(codes).tolist()
    if column.kind == "time":
        return spelled_times(codes, column.form, column.gap)
    if column.kind == "number" or (column.kind == "constant" and not column.values):
        texts = [_spelled_number(code, column) for code in codes.tolist()]
    else:
        ids = np.nan_to_num(codes).astype(int) if column.kind != "constant" else np.zeros(len(codes), int)
        texts = [column.values[k] for k in ids.tolist()]
    return [column.gap if gap else text for gap, text in zip(gaps, texts, strict=True)]


def _spelled_number(code: float, column: Column) -> str:
    if code != code:
        return column.gap
    if column.decimals is not None and "fixed" in column.form:
        text = f"{code:.{column.decimals}f}"
    elif column.decimals == 0 or (code.is_integer() and column.dtype.lower().startswith(("int", "uint"))):
        text = str(int(code))
    else:
        text = repr(code)
    return text.replace(".", ",") if "comma" in column.form else text
