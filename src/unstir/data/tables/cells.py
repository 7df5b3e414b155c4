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

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from unstir.data.checks import BEYOND, EXACT, unknown_name
from unstir.data.formats.numerals import Marks, is_missing, number
from unstir.data.tables.column import Column
from unstir.data.tables.gathered import coded_texts
from unstir.data.tables.times import moments, one, spelled_times
from unstir.errors import DataError
from unstir.words import short

COMMA = Marks(".", ",")


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
    elif (texts := coded_texts(cells)) is not None:
        each = [code_of(text, column, f"row {row}") for text, row in zip(texts.distinct, texts.places, strict=True)]
        found = np.array([*each, np.nan])[texts.ids]
    else:
        found = _codes(listed_cells(cells), column)
    if found.shape != (rows,):
        raise DataError(f"column '{short(column.name)}' has shape {found.shape}; a column of {rows} rows is ({rows},).")
    return found


def _codes(cells: list[Any], column: Column) -> np.ndarray:
    known: dict[tuple[type, Any], float] = {}
    found = []
    for row, cell in enumerate(cells):
        key = type(cell), cell
        if key not in known:
            known[key] = code_of(cell, column, f"row {row}")
        found.append(known[key])
    return np.array(found, np.float64)


def code_of(cell: Any, column: Column, place: str) -> float:
    """The code of one cell, None where it is missing. Raises DataError, which names the place, for one that the column cannot hold."""
    if cell is None:
        return float("nan")
    if column.kind == "number" or (column.kind == "constant" and column.is_numeric):
        return _number(cell, column, place)
    if column.kind == "time":
        return _time(cell, column, place)
    return _known(cell, column, place)


def _known(cell: Any, column: Column, place: str) -> float:
    """The code of a category, of a boolean or of a constant. A text that is no value may be the spelling of a missing cell."""
    text = cell if isinstance(cell, str) else spelled_cell(cell)
    for spelled in (text, text.strip()):
        if spelled in column.values:
            return column.low if column.kind == "constant" else float(column.values.index(spelled))
    if column.kind == "boolean" and (text in ("False", "True") or cell in (0, 1)):
        return float(text in ("True", "1", "1.0"))
    if is_missing(text):
        return float("nan")
    raise DataError(_not_known(text, column, place))


def _not_known(text: str, column: Column, place: str) -> str:
    """The sentence about a cell that is none of the values; of very many values the first are named."""
    near = unknown_name("value", text, column.values)
    rest = str(near).split(f"'{short(text)}'", 1)[1]
    joined = rest if rest.startswith(":") else f". {rest.lstrip('. ')}"
    return f"column '{short(column.name)}' holds '{short(text)}' ({place}), which is none of its values{joined}"


def _number(cell: Any, column: Column, place: str) -> float:
    if isinstance(cell, str) and is_missing(cell):
        return float("nan")
    try:
        if isinstance(cell, str):
            return number(cell, COMMA) if "comma" in column.form else number(cell)
        found = float(cell)
    except (TypeError, ValueError):
        kind = "text" if isinstance(cell, str) else type(cell).__name__
        raise DataError(
            f"column '{short(column.name)}' holds {kind} ('{short(str(cell))}', {place}), and it is a column of numbers."
        ) from None
    if isinstance(cell, int) and abs(cell) >= EXACT and int(found) != cell:
        raise DataError(f"column '{short(column.name)}' holds {cell} ({place}), {BEYOND}")
    return found


def _time(cell: Any, column: Column, place: str) -> float:
    if isinstance(cell, str) and is_missing(cell):
        return float("nan")
    try:
        return one(cell, column.form)
    except (ValueError, OverflowError):
        written = column.form.replace("iso", "2024-02-29T12:30:00")
        raise DataError(
            f"column '{short(column.name)}' holds '{short(str(cell))}' ({place}), and its times are written as {written}."
        ) from None


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
        return codes if column.is_numeric else texts_of(codes, column)
    if column.kind == "time" and lowered.startswith(("datetime", "timestamp")):
        return moments(codes)
    if column.kind == "time" and lowered.startswith(("date", "time")):
        return [moment.date() if lowered.startswith("date") else moment.time() for moment in moments(codes).tolist()]
    if column.kind == "time":
        return spelled_times(codes, column.form)
    if column.kind == "boolean" and lowered.startswith("bool"):
        return codes.astype(bool)
    ids = np.zeros(len(codes), int) if column.kind == "constant" else codes.astype(int)
    values: Sequence[Any] = column.values or ("",)
    if "number" in column.form:
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
    if digits := re.search(r"fixed (\d+)", column.form):
        text = f"{code:.{digits[1]}f}"
    elif code.is_integer() and ("short" in column.form or not column.dtype.lower().startswith(("float", "double"))):
        text = str(int(code))
    else:
        text = repr(code)
    return text.replace(".", ",") if "comma" in column.form else text
