"""Tables of numbers in CSV files: one row a line, perhaps with a column of classes and one of groups.

The delimiter is a tab, a semicolon or a comma: the one that cuts most of the first lines into the same number of cells. The first
line is a header if none of its cells is a number, or one of them is text above a number; a line of numbers is judged beside the rows
below it (`unstir.data.formats.headers`), unless the caller says what it is. A first column without a name that numbers the rows is
refused: it would be learnt. Empty cells and the words in `MISSING` are missing values; `unstir.data.arrays` decides what becomes of
them. No value is invented, and none is rounded.
Rows are read in blocks, so a large table is never held as text. Lines are counted from 1, rows and columns from 0.

A table is written with commas, a header, and every digit that a number needs to be read back the same.
"""

import csv
import io
import shlex
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from typing import TextIO

import numpy as np

from unstir.data.checks import BEYOND, EXACT
from unstir.data.formats.format import AUTO, YES, Contents, Format, Request, unknown_name
from unstir.data.formats.headers import ENOUGH, LOOKED_AT, judge
from unstir.data.formats.raw import refuse_large
from unstir.errors import DataError, UsageError
from unstir.words import short

MISSING = {"", "na", "n/a", "nan", "null", "none"}
DELIMITERS = "\t;,"
BLOCK = 8192
NAMED = 5  # cells of a line in a message
LONGEST = 308  # digits; a number with more is infinite as a float, and is refused as infinite

NAMELESS = "unnamed"
REMOVE = "Remove it (index=False in pandas, row.names=FALSE in R), or give it a name."

Row = tuple[int, list[str]]  # the number of its (last) line, its cells


def read(request: Request) -> Contents:
    """The table of a file; `labels` and `groups` name columns, or give their numbers where there is no header.

    Shapes: values (rows, columns) float64, without the columns of classes and groups. Raises DataError for a file that is empty or
    not text, a ragged row, or a column of text; UsageError for `labels` or `groups` that are not a column.
    """
    source = request.source
    refuse_large(source, request.path.stat().st_size)  # a number takes about as much as text
    try:
        with request.path.open(encoding="utf-8-sig", newline="") as file:
            return _table(file, request)
    except UnicodeDecodeError as error:
        raise DataError(f"'{source}' is not UTF-8 text ({error.reason}). Save it as CSV in UTF-8.") from None
    except csv.Error as error:
        raise DataError(
            f"'{source}' is not a readable table: {short(str(error), 80)}. Look for a quote that is not closed."
        ) from None


def write(contents: Contents) -> bytes:
    """The rows as lines, each flat, with a last column of labels where there are labels. Columns without names are x0, x1, ...

    >>> write(Contents(np.array([[0.1, 2.0]]), ["a"], label_name="kind"))
    b'x0,x1,kind\\n0.1,2.0,a\\n'
    """
    flat = contents.values.reshape(len(contents.values), -1)
    flat = flat.astype(np.uint8) if flat.dtype == bool else flat  # True is no number to whoever reads the table
    names = contents.names or [f"x{i}" for i in range(flat.shape[1])]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    if contents.labels is None:
        writer.writerow(names)
        writer.writerows(flat.tolist())
    else:
        writer.writerow([*names, contents.label_name])
        writer.writerows([*row, label] for row, label in zip(flat.tolist(), contents.labels, strict=True))
    return text.getvalue().encode()


def _table(file: TextIO, request: Request) -> Contents:
    source, asked = request.source, [name for name in (request.labels, request.groups) if name is not None]
    rows = _rows(file, source)
    top = list(islice(rows, 1 + LOOKED_AT))
    if not top:
        raise DataError(f"'{source}' is empty.")
    first = [cell.strip() for cell in top[0][1]]
    header, note = _header(first, [cells for _, cells in top[1:]], request)
    columns = [name or f"{NAMELESS} {i}" if header else str(i) for i, name in enumerate(first)]
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise DataError(f"'{source}' has two columns called '{short(twice[0])}'. Rename one.")
    for name in asked:
        if name not in columns:
            raise unknown_name(f"column in '{source}'", name, columns)

    apart = {columns.index(name): list[str]() for name in asked}  # columns that are no numbers of the rows, and their cells
    names = [name for i, name in enumerate(columns) if i not in apart]
    if not names:
        what = " and ".join(
            f"the {noun} '{name}'" for noun, name in (("class", request.labels), ("group", request.groups)) if name
        )
        raise UsageError(f"'{source}' has no column besides {what}.")
    blocks = []
    rows = chain(top[header:], rows)
    while block := list(islice(rows, BLOCK)):
        for at in sorted(apart, reverse=True):
            apart[at] += [cells.pop(at).strip() for _, cells in block]
        blocks.append(_numbers(block, names))
    if not blocks:
        raise DataError(f"'{source}' has a header and no rows.")
    values = np.concatenate(blocks)
    if header and not first[0] and 0 not in apart and _numbers_the_rows(values[:, 0]):
        raise DataError(f"'{source}': its first column has no name and only counts the rows. {REMOVE}")
    labels, groups = (None if name is None else _classes(apart[columns.index(name)]) for name in (request.labels, request.groups))
    return Contents(values, labels, names if header else (), notes=note, groups=groups)


def _rows(file: TextIO, source: str) -> Iterator[Row]:
    """The rows of the table, all of one width. In a table of a single column a blank line is a missing value."""
    delimiter = _delimiter(file)
    reader = csv.reader(_text(file, source), delimiter=delimiter, skipinitialspace=True, strict=True)
    width, blank = 0, []
    for cells in reader:
        if not cells:
            blank.append(reader.line_num)
            continue
        if width == 1:
            yield from ((line, [""]) for line in blank)
        blank = []
        width = width or len(cells)
        if len(cells) != width:
            counts = f"the number of cells (cut at {delimiter!r}) is {len(cells)}, in the first row it is {width}"
            raise DataError(f"'{source}', line {reader.line_num}: {counts}. Every row needs the same.")
        yield reader.line_num, cells


def _text(file: TextIO, source: str) -> Iterator[str]:
    """The lines of the file. A NUL is no character of a table, but half of every one in UTF-16."""
    for line in file:
        if "\0" in line:
            raise DataError(f"'{source}' holds NUL bytes, so it is not UTF-8 text. Save it as CSV in UTF-8.")
        yield line


def _delimiter(file: TextIO) -> str:
    """The delimiter that cuts the most of the first 20 lines to one common width above 1."""
    lines = list(islice(file, 20))
    file.seek(0)

    def agreeing(delimiter: str) -> int:
        widths = Counter(len(cells) for cells in csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
        return max((count for width, count in widths.items() if width > 1), default=0)

    # Where two agree equally often, the tab or the semicolon wins: a comma beside it is a decimal comma or part of a text.
    best = max(DELIMITERS, key=agreeing)
    return best if agreeing(best) else ","


def _header(first: list[str], below: list[list[str]], request: Request) -> tuple[bool, tuple[str, ...]]:
    """Whether the `first` line holds names, as asked or as it looks beside the rows `below`, and a note where that is a guess."""
    if request.header != AUTO:
        return request.header == YES, ()
    texts = [not _is_number(cell) and not _is_missing(cell) for cell in first]
    named = any(text and cell in (request.labels, request.groups) for text, cell in zip(texts, first, strict=True))
    above_number = any(text and _is_number(cell) for text, cell in zip(texts, below[0] if below else [], strict=False))
    # pandas numbers nameless columns, and leaves the place above the row numbers empty.
    numbered = len(first) > 1 and first == ["", *map(str, range(len(first) - 1))]
    if named or above_number or numbered or (any(texts) and not any(map(_is_number, first))):
        return True, ()
    found = judge(first, below, _float)
    line = ", ".join(map(short, first[:NAMED])) + (", ..." if len(first) > NAMED else "")
    if found.names:
        taken = (
            f"the first line ({line}) is taken for the names of the columns: {found.why}. If it is a row, pass --data.header no."
        )
    else:
        taken = f"the first line ({line}) is taken for a row. {found.why[0].upper()}{found.why[1:]}" if found.why else ""
        taken += ": if they are the names of the columns, pass --data.header yes." if found.why else ""
    return found.names, (taken,) if taken else ()


def _numbers_the_rows(column: np.ndarray) -> bool:
    """Whether a column counts the rows from 0 or 1, or holds what is left of that after rows were dropped or shuffled."""
    each_once = bool((column == np.round(column)).all()) and len(np.unique(column)) == len(column)
    return each_once and (len(column) >= ENOUGH or np.array_equal(column, column[0] + np.arange(len(column))))


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _is_number(cell: str) -> bool:
    try:
        _float(cell)
    except ValueError:
        return False
    return not _is_missing(cell)


def _float(cell: str) -> float:
    """The number a cell holds; 1_000 is Python, and in a table a name. Raises ValueError."""
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def _numbers(block: list[Row], names: list[str]) -> np.ndarray:
    """The cells of a block as (rows, columns) float64; missing values are NaN."""
    try:
        numbers = np.fromiter(map(_float, chain.from_iterable(cells for _, cells in block)), np.float64)
    except ValueError:  # the slow way, to find the cell
        numbers = np.array([_number(cell, name, line) for line, name, cell in _cells(block, names)])
    if (np.isfinite(numbers) & (np.abs(numbers) >= EXACT)).any():
        _refuse_rounding(block, names)
    return numbers.reshape(len(block), len(names))


def _cells(block: list[Row], names: list[str]) -> Iterator[tuple[int, str, str]]:
    """Every cell of a block: its line, its column, its text."""
    return ((line, *pair) for line, cells in block for pair in zip(names, cells, strict=True))


def _number(cell: str, name: str, line: int) -> float:
    if _is_missing(cell):
        return float("nan")
    try:
        return _float(cell)
    except ValueError:
        with_point = cell.strip().replace(",", ".")
        decimal_comma = cell.count(",") == 1 and _is_number(with_point)
        as_class = f"Remove it, or pass it as the class with --data.labels {shlex.quote(short(name))}."
        as_class = f"It has no name: are these the names of the rows? {REMOVE}" if name == f"{NAMELESS} 0" else as_class
        way_on = f"Write it with a point: {with_point}." if decimal_comma else as_class
        raise DataError(f"column '{short(name)}' holds text ('{short(cell.strip())}', line {line}). {way_on}") from None


def _refuse_rounding(block: list[Row], names: list[str]) -> None:
    """Raise DataError for a whole number that float64 would round."""
    for line, name, cell in _cells(block, names):
        digits = cell.strip().lstrip("+-")
        if digits.isdecimal() and len(digits) <= LONGEST and int(digits) != float(digits):
            raise DataError(f"column '{short(name)}' holds {short(cell.strip())} (line {line}), {BEYOND}")


def _classes(cells: list[str]) -> np.ndarray | list[str]:
    """Classes or groups as numbers if all are numbers or missing, so that 10 comes after 2; else as texts."""
    try:
        return np.array([float("nan") if _is_missing(cell) else _float(cell) for cell in cells])
    except ValueError:
        return cells


FORMAT = Format("a table of numbers: one row a line, a name a column", (".csv",), read, write, headed=True)
