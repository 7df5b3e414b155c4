"""Tables: CSV files as numbers, one row a line, with at most one column of classes.

The delimiter is the one of tab, semicolon and comma that cuts most of the first lines to one width. The first line is a
header if none of its cells is a number, or one of them is text above a number. Empty cells and the words in `MISSING`
are missing values, and missing values are refused: no row is dropped, no cell is made up.
Rows are read in blocks, so a large table is never held as text. Lines are counted from 1, rows and columns from 0.
"""

import csv
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

import numpy as np

from unstir.datasets.data import Data, from_arrays
from unstir.errors import DataError, UsageError, unknown

MISSING = {"", "na", "n/a", "nan", "null", "none"}
DELIMITERS = "\t;,"
BLOCK = 8192

Row = tuple[int, list[str]]  # the number of its (last) line, its cells


def read_csv(path: Path, source: str, labels: str | None) -> Data:
    """The table at `path`; `labels` names the column of classes, or numbers it where there is no header.

    Shapes: values (rows, columns) float64, without the column of classes. Raises DataError for a file that is empty or
    not text, a ragged row, a column of text or a missing value; UsageError for a `labels` that is not a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _table(file, source, labels)
    except UnicodeDecodeError as error:
        raise DataError(f"'{source}' is not UTF-8 text ({error.reason}). Save it as CSV in UTF-8.") from None
    except csv.Error as error:
        raise DataError(f"'{source}' is not a readable table: {error}. Look for a quote that is not closed.") from None


def _table(file: TextIO, source: str, labels: str | None) -> Data:
    rows = _rows(file, source)
    top = list(islice(rows, 2))
    if not top:
        raise DataError(f"'{source}' is empty.")
    first = [cell.strip() for cell in top[0][1]]
    header = _is_header(first, top[1][1] if len(top) > 1 else [], labels)
    columns = [name or f"unnamed {i}" if header else str(i) for i, name in enumerate(first)]
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise DataError(f"'{source}' has two columns called '{twice[0]}'. Rename one.")
    if labels is not None and labels not in columns:
        raise unknown(f"column in '{source}'", labels, columns)

    label_at = None if labels is None else columns.index(labels)
    names = [name for i, name in enumerate(columns) if i != label_at]
    if not names:
        raise UsageError(f"'{source}' has no column besides the class '{labels}'.")
    classes: list[str] = []
    blocks = []
    rows = chain(top[header:], rows)
    while block := list(islice(rows, BLOCK)):
        if label_at is not None:
            classes += [cells.pop(label_at).strip() for _, cells in block]
        blocks.append(_numbers(block, names))
    if not blocks:
        raise DataError(f"'{source}' has a header and no rows.")
    values = np.concatenate(blocks)
    if header and not first[0] and label_at != 0 and np.array_equal(values[:, 0], np.arange(len(values))):
        raise DataError(f"'{source}': its first column has no name and only counts the rows. Remove it (index=False).")
    return from_arrays(values, _classes(classes) if classes else None, names if header else (), source)


def _rows(file: TextIO, source: str) -> Iterator[Row]:
    """The rows of the table, all of one width. Inside a single column a blank line is a missing value."""
    delimiter = _delimiter(file)
    reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
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


def _delimiter(file: TextIO) -> str:
    """The delimiter that cuts the most of the first 20 lines to one common width above 1."""
    lines = list(islice(file, 20))
    file.seek(0)

    def agreeing(delimiter: str) -> int:
        widths = Counter(len(cells) for cells in csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
        return max((count for width, count in widths.items() if width > 1), default=0)

    # On a tie the tab and the semicolon win: a comma beside them is a decimal comma or part of a text.
    best = max(DELIMITERS, key=agreeing)
    return best if agreeing(best) else ","


def _is_header(first: list[str], second: list[str], labels: str | None) -> bool:
    texts = [not _is_number(cell) and not _is_missing(cell) for cell in first]
    if not any(texts):
        # pandas numbers nameless columns, and leaves the place above the row numbers empty.
        return len(first) > 1 and first == ["", *map(str, range(len(first) - 1))]
    named = any(text and cell == labels for text, cell in zip(texts, first, strict=True))
    above_number = any(text and _is_number(cell) for text, cell in zip(texts, second, strict=False))
    return named or above_number or not any(map(_is_number, first))


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return not _is_missing(cell)


def _numbers(block: list[Row], names: list[str]) -> np.ndarray:
    """The cells of a block as (rows, columns) float64; missing values are NaN, which `from_arrays` refuses."""
    try:
        numbers = np.fromiter(map(float, chain.from_iterable(cells for _, cells in block)), np.float64)
    except ValueError:  # the slow way, to find the cell
        pairs = ((line, *pair) for line, cells in block for pair in zip(names, cells, strict=True))
        numbers = np.array([_number(cell, name, line) for line, name, cell in pairs])
    return numbers.reshape(len(block), len(names))


def _number(cell: str, name: str, line: int) -> float:
    if _is_missing(cell):
        return float("nan")
    try:
        return float(cell)
    except ValueError:
        with_point = cell.strip().replace(",", ".")
        decimal_comma = cell.count(",") == 1 and _is_number(with_point)
        as_class = f"Remove it, or pass it as the class with --data.labels {shlex.quote(name)}."
        way_on = f"Write it with a point: {with_point}." if decimal_comma else as_class
        raise DataError(f"column '{name}' holds text ('{cell.strip()}', line {line}). {way_on}") from None


def _classes(cells: Iterable[str]) -> np.ndarray | list[str]:
    """Classes as numbers if all of them are, so that 10 comes after 2; as texts if not."""
    cells = list(cells)
    try:
        return np.array([float(cell or "nan") for cell in cells])
    except ValueError:
        return cells
