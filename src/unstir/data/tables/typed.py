"""The columns of a data frame, whose cells have types, as a schema and codes.

    numbers, booleans, dates and times     what their type says
    texts, and categories of the library   as in a file (`unstir.data.tables.guessing`), but every text is a value, "NA" and "" too
    None, NaN, NaT, the NA of a library    a missing cell

The libraries are not imported: what something can do decides how it is read.

    >>> from unstir.data.frames import Frame
    >>> table = coded_frame(Frame({"age": [31, 45, None], "paid": [True, False, True], "town": ["Ulm", "Bonn", "Ulm"]}, 3))
    >>> [(column.kind, column.dtype, column.missing) for column in table.schema.columns]
    [('number', 'float64', True), ('boolean', 'bool', False), ('category', 'str', False)]
    >>> table.codes.tolist()
    [[31.0, 1.0, 1.0], [45.0, 0.0, 0.0], [nan, 1.0, 1.0]]
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from numbers import Number
from typing import Any

import numpy as np

from unstir.data.checks import BEYOND, EXACT
from unstir.data.frames import Frame
from unstir.data.given import as_array
from unstir.data.tables.cells import is_gap, listed_cells, spelled_cell
from unstir.data.tables.column import Column
from unstir.data.tables.gathered import Texts, coded_texts
from unstir.data.tables.guessing import guess_texts, numeric
from unstir.data.tables.kinds import ASKED_FOR, CATEGORY, DROP, SOME, TIME, Guess, Say, is_category, left_out, refuse_unknown
from unstir.data.tables.reading import Table, table_of
from unstir.data.tables.schema import Schema
from unstir.data.tables.times import moment_seconds, seconds, step_of
from unstir.errors import DataError
from unstir.words import short

TRIED = 1000  # numbers, which decide whether decimals are looked for in all
DIGITS = {2: 1, 4: 3, 8: 6}  # by bytes a number: more decimals than this may be those of any number


def coded_frame(
    frame: Frame,
    kinds: Mapping[str, str] | None = None,
    known: Schema | None = None,
    said: Say | None = None,
) -> Table:
    """The schema and the codes of a frame: as `kinds` say, by column, and else as the cells look; or by a schema that is `known`.

    `said(name, kind)` is how a person says what a column is, for the notes on those that are left out.

    Raises UsageError for a kind or a column that there is not, DataError for cells that cannot be used.
    """
    if known is not None:
        return Table(known, known.coded(frame), ())
    kinds = kinds or {}
    refuse_unknown(kinds, frame.names)
    said = said or _as_argument
    guesses = (_guess(name, column, frame.rows, kinds.get(name), said) for name, column in frame.columns.items())
    return table_of(frame.names, frame.rows, guesses, said)


def _as_argument(name: str, kind: str) -> str:
    return f"columns={{'{short(name)}': '{kind}'}}"


def _guess(name: str, column: Any, rows: int, asked: str | None, said: Say) -> Guess:
    if asked == DROP:
        return left_out(ASKED_FOR)
    if (texts := coded_texts(column)) is not None and len(texts.ids) == rows:
        return guess_texts(name, texts, "row", asked, _type_name(column), said=said)
    listed = isinstance(column, list | tuple)
    array = _objects(column) if listed else as_array(column, f"column '{short(name)}'")[0]
    if array.shape != (rows,):
        raise DataError(f"column '{short(name)}' has shape {array.shape}; a column of {rows} rows is ({rows},).")
    dtype = "" if listed else _type_name(column)
    if is_category(dtype):
        cells = listed_cells(column)
        odd = next((cell for cell in cells if not (cell is None or isinstance(cell, str | bytes) or _is_number(cell))), None)
        note = (
            ""
            if odd is None
            else f"column '{short(name)}' has categories of type {type(odd).__name__}, which come back as texts."
        )
        return _of_objects(name, cells, dtype, asked, said, _order_of(column))._replace(note=note)
    if array.dtype.kind == "m":
        raise DataError(
            f"column '{short(name)}' holds lengths of time. Turn them into numbers, as .dt.total_seconds() of pandas does."
        )
    if array.dtype.kind == "M":
        codes = moment_seconds(array)
        return _time(name, codes, dtype)
    if array.dtype.kind == "b":
        return _numbers(name, array, dtype, asked) if asked == "number" else _booleans(name, array.tolist(), dtype or "bool")
    if array.dtype.kind in "iuf" and asked not in (CATEGORY, TIME):
        return _numbers(name, array, dtype or array.dtype.name, asked)
    return _of_objects(name, listed_cells(column), dtype, asked, said)


def _order_of(column: Any) -> list[str] | None:
    """The values of a category of pandas, where they have an order."""
    dtype: Any = getattr(column, "dtype", None)
    return [spelled_cell(value) for value in dtype.categories] if getattr(dtype, "ordered", False) else None


def _ordered(found: Guess, order: list[str]) -> Guess:
    """A category whose values have an order, in that order."""
    if found.column is None or found.column.kind != "category":
        return found
    old, values = found.column.values, tuple(value for value in order if value in found.column.values)
    place = np.array([*(values.index(value) for value in old), np.nan])
    codes = place[np.where(np.isnan(found.codes), len(old), found.codes).astype(int)]
    return found._replace(column=replace(found.column, values=values, form=f"ordered {found.column.form}".strip()), codes=codes)


def _objects(column: Any) -> np.ndarray:
    """A list as an array of its objects, whatever they are."""
    found = np.empty(len(column), object)
    found[:] = column
    return found


def _type_name(column: Any) -> str:
    """What a library calls the type of a column."""
    dtype = getattr(column, "dtype", None)
    return str(getattr(column, "type", "") if dtype is None else dtype)


def _of_objects(name: str, cells: list[Any], dtype: str, asked: str | None, said: Say, order: list[str] | None = None) -> Guess:
    """A column of Python objects, None where one is missing; `order` is that of the values of a category."""
    held = [cell for cell in cells if cell is not None]
    if asked == CATEGORY or is_category(dtype) or all(isinstance(cell, str | bytes) for cell in held):
        types = {"int64" if isinstance(cell, int) else "float64" for cell in held if isinstance(cell, Number)}
        numbered = bool(held) and all(isinstance(cell, Number) for cell in held)
        texts = Texts(exact=True)
        texts.add([None if cell is None else spelled_cell(cell) for cell in cells], range(len(cells)))
        found = guess_texts(name, texts, "row", asked, dtype or min(types, default="str"), numbered=numbered, said=said)
        return found if order is None else _ordered(found, order)
    if all(isinstance(cell, bool | np.bool_) for cell in held):
        return _booleans(name, cells, dtype or "bool")
    if all(isinstance(cell, date | time | np.datetime64) for cell in held):
        of_list = "datetime64[us]" if isinstance(held[0], datetime | np.datetime64) else type(held[0]).__name__
        return _time(name, seconds(cells, "iso"), of_list if dtype in ("", "object") else dtype)
    if all(_is_number(cell) for cell in held):
        whole = len(held) == len(cells) and all(isinstance(cell, int | np.integer) for cell in held)
        try:
            array = np.array([float("nan") if cell is None else cell if whole else float(cell) for cell in cells])
        except OverflowError:
            raise DataError(f"column '{short(name)}' holds {BEYOND}") from None
        lost = next((cell for cell in held if isinstance(cell, int) and abs(cell) >= EXACT and int(float(cell)) != cell), None)
        if array.dtype.kind == "O" or (lost is not None and not whole):
            raise DataError(f"column '{short(name)}' holds {lost}, {BEYOND}")
        return _numbers(name, array, dtype if dtype not in ("", "object") else array.dtype.name, asked)
    row, wrong = next(
        (row, cell) for row, cell in enumerate(cells) if (cell is not None and type(cell) is not type(held[0])) or _is_odd(cell)
    )
    kinds = "" if _is_odd(wrong) else f" beside {type(held[0]).__name__} ('{short(str(held[0]))}')"
    raise DataError(
        f"column '{short(name)}' holds {_noun(wrong)} ('{short(str(wrong))}', row {row}){kinds}. "
        f"Turn the column into one type, or pass {said(name, DROP if _is_odd(wrong) else CATEGORY)}."
    )


def _noun(cell: Any) -> str:
    return "text" if isinstance(cell, str | bytes) else type(cell).__name__


def _is_number(cell: Any) -> bool:
    return isinstance(cell, Number | np.generic) and not isinstance(cell, complex | bool | np.bool_ | np.datetime64 | np.str_)


def _is_odd(cell: Any) -> bool:
    """Whether a cell is of a type that no column holds."""
    return not (cell is None or isinstance(cell, str | bytes | bool | np.bool_ | date | time | np.datetime64) or _is_number(cell))


def _numbers(name: str, array: np.ndarray, dtype: str, asked: str | None) -> Guess:
    values = array.astype(np.float64)
    if array.dtype.kind in "iu" and (np.abs(values) >= EXACT).any():
        lost = [row for row in np.flatnonzero(np.abs(values) >= EXACT) if int(values[row]) != int(array[row])]
        if lost and asked is None and len(array) >= SOME and len(np.unique(array)) == len(array):
            return left_out(f"a long whole number that is different in each of {len(array):,} rows: an id")
        if lost:
            raise DataError(f"column '{short(name)}' holds {array[lost[0]]} (row {lost[0]}), {BEYOND}")
    decimals = 0 if array.dtype.kind in "iub" else decimals_of(array)
    return numeric(name, values, decimals, "", dtype, "", asked)


def decimals_of(array: np.ndarray) -> int | None:
    """The fewest digits after the point with which all finite floats (N,) can be written; None for more than fit into few.

    >>> decimals_of(np.array([39.1, 40.25])), decimals_of(np.array([1.0, np.nan])), decimals_of(np.array([np.pi]))
    (2, 0, None)
    """
    held = array[np.isfinite(array)]
    for digits in range(DIGITS.get(array.dtype.itemsize, 0) + 1):
        if all((np.round(part, digits) == part).all() for part in (held[:TRIED], held)):
            return digits
    return None


def _booleans(name: str, cells: list[Any], dtype: str) -> Guess:
    codes = np.array([np.nan if is_gap(cell) else float(cell) for cell in cells])
    gaps = np.isnan(codes)
    held = np.unique(codes[~gaps])
    column = Column(name, "boolean", bool(gaps.any()), ("False", "True"), low=0.0, high=1.0, dtype=dtype)
    if len(held) == 1 and not gaps.any():
        value = ("False", "True")[int(held[0])]
        return Guess(Column(name, "constant", values=(value,), low=held[0], high=held[0], dtype=dtype), codes, f"always {value}")
    return Guess(column, codes, "true or false")


def _time(name: str, codes: np.ndarray, dtype: str) -> Guess:
    held = codes[~np.isnan(codes)]
    if not len(held):
        return Guess(Column(name, "constant", True, dtype=dtype, form="iso"), codes, "every cell is missing")
    shared = {"missing": len(held) < len(codes), "low": float(held.min()), "high": float(held.max()), "dtype": dtype}
    return Guess(Column(name, "time", form="iso", step=step_of(held), **shared), codes, "dates or times")
