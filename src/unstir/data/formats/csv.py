"""Tables in text files: one row a line, perhaps with a column of classes and one of groups.

How cells are parted and what is a comment is in `unstir.data.formats.dialect`, how numbers are spelled in `unstir.data.formats.numerals`.
The first line is a header if none of its cells is a number, or one of them is text above a number; a line of numbers is judged beside
the rows below it (`unstir.data.formats.headers`), unless the caller says what it is. What each column is, `unstir.data.tables` finds out:
a table with text, or with names of its columns, becomes codes with a schema. Empty cells and the words in `numerals.MISSING` are missing
values; `unstir.data.arrays` decides what becomes of them. No value is invented, and none is rounded.
Rows are read in blocks, so a large table is never held as text. Lines are counted from 1, rows and columns from 0.

A table is written with commas, or with tabs where its name ends in .tsv, a header, and every digit that a number needs to be read back
the same. One with a schema is written as its cells were: the same decimals, words and gaps; and semicolons beside decimal commas.
"""

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from typing import TextIO

import numpy as np

from unstir.data.checks import unknown_name
from unstir.data.formats.dialect import opened, table_rows
from unstir.data.formats.format import AUTO, YES, Contents, Format, Request
from unstir.data.formats.headers import LOOKED_AT, judge
from unstir.data.formats.numerals import PLAIN, Marks, is_missing, is_number, marks_of, number
from unstir.data.formats.raw import refuse_large
from unstir.data.matching import matched, places
from unstir.data.tables.kinds import NAMELESS, refuse_unknown
from unstir.data.tables.reading import Columns, MarkedError, TextError
from unstir.errors import DataError, UsageError
from unstir.words import short, spelled

BLOCK = 8192
NAMED = 5  # cells of a line in a message


def read(request: Request) -> Contents:
    """The table of a file; `labels` and `groups` name columns, or give their numbers where there is no header.

    Shapes: values (rows, columns) float64, without the columns of classes and groups. Raises DataError for a file that is empty or
    not text, a ragged row, or a column of text; UsageError for `labels` or `groups` that are not a column.
    """
    source = spelled(request.source)
    refuse_large(source, request.path.stat().st_size)  # a number takes about as much as text
    marks, texts = PLAIN, frozenset[int]()
    while True:  # at most once for each of the two, and once more
        try:
            with opened(request.path, source) as file:
                return _table(file, request, marks, texts)
        except MarkedError as error:
            with opened(request.path, source) as file:
                marks = marks_of(_cells_of_numbers(file, request, error.texts), source)
        except TextError as error:
            texts |= error.columns


def write(contents: Contents, delimiter: str = ",") -> bytes:
    """The rows as lines, each flat, with a last column of labels where there are labels. Columns without names are x0, x1, ...

    >>> write(Contents(np.array([[0.1, 2.0]]), ["a"], label_name="kind"))
    b'x0,x1,kind\\n0.1,2.0,a\\n'
    """
    if contents.table is not None:
        texts = contents.table.texts(contents.values)
        names, lines = list(texts), list(zip(*texts.values(), strict=True))
        commas = any("comma" in column.form for column in contents.table.columns if column.kind == "number")
        delimiter = ";" if commas and delimiter == "," else delimiter
    else:
        flat = contents.values.reshape(len(contents.values), -1)
        flat = flat.astype(np.uint8) if flat.dtype == bool else flat  # True is no number to whoever reads the table
        names, lines = list(contents.names or [f"x{i}" for i in range(flat.shape[1])]), flat.tolist()
    if contents.beside is not None:
        codes, table = contents.beside
        beside = table.texts(codes)
        names, lines = [*names, *beside], [[*line, *cells] for line, *cells in zip(lines, *beside.values(), strict=True)]
        place = places(names, contents.order)
        names, lines = [names[i] for i in place], [[line[i] for i in place] for line in lines]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    if contents.labels is None:
        writer.writerow(names)
        writer.writerows(lines)
    else:
        writer.writerow([*names, contents.label_name])
        writer.writerows([*row, label] for row, label in zip(lines, contents.labels, strict=True))
    return text.getvalue().encode()


def _table(file: TextIO, request: Request, marks: Marks, texts: frozenset[int]) -> Contents:
    source, known = spelled(request.source), request.known
    asked = [name for name in (request.labels, request.groups) if name is not None]
    found = table_rows(file, source)
    rows = found.rows
    top = list(islice(rows, 1 + LOOKED_AT))
    if not top:
        raise DataError(f"'{source}' is empty.")
    first = [cell.strip() for cell in top[0][1]]
    header, note = _header(first, [cells for _, cells in top[1:]], request, marks)
    columns = [name or f"{NAMELESS} {i}" if header else str(i) for i, name in enumerate(first)]
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise DataError(f"'{source}' has two columns called '{short(twice[0])}'. Rename one.")
    for name in asked:
        if name not in columns:
            raise unknown_name(f"column in '{source}'", name, columns)

    label = request.labels or (known.label if header and known.label in columns else None)
    taken = [name for name in (label, request.groups) if name is not None]
    apart = {columns.index(name): list[str]() for name in taken}  # columns that are no numbers of the rows, and their cells
    names, left_out = [name for i, name in enumerate(columns) if i not in apart], ()
    if header and known.names:
        order, left_out = matched(known.among(names), names, source)
        names = [name for i, name in enumerate(names) if order is None or i in order]
    passed_over = [i for i, name in enumerate(columns) if i not in apart and name not in names]
    if not names:
        what = " and ".join(f"the {noun} '{name}'" for noun, name in (("class", label), ("group", request.groups)) if name)
        raise UsageError(f"'{source}' has no column besides {what}.")
    own = [i for i in range(len(columns)) if i not in apart and i not in passed_over]
    called = [columns[i] if header else f"x{i}" for i in own]
    refuse_unknown(request.kinds, [*called, *(columns[i] for i in passed_over)], f"column in '{source}'")
    held = Columns(
        called,
        request.kinds,
        known.table if header else None,
        marks,
        texts,
        header,
        own,
        bool(known.names) and known.table is None,
    )
    held.start([[cells[i] for i in own] for _, cells in top[header:]])
    rows, count = chain(top[header:], rows), 0
    while block := list(islice(rows, BLOCK)):
        for at, cells_at in apart.items():
            cells_at += [cells[at].strip() for _, cells in block]
        held.add([(line, [cells[i] for i in own]) for line, cells in block] if len(own) < len(columns) else block)
        count += len(block)
    if not count:
        raise DataError(f"'{source}' has a header and no rows.")
    table = held.finished()
    schema = table.schema
    is_table = header or any(column.kind != "number" for column in schema.columns)
    unnamed = (
        ()
        if header or not is_table
        else (f"'{source}' has no line with names, so its columns are called {called[0]} to {called[-1]}.",)
    )
    labels, groups = (None if name is None else classes_of(apart[columns.index(name)]) for name in (label, request.groups))
    said = "" if label is None else f"column '{short(label)}'"
    notes = (*found.notes, *note, *([marks.said] if marks.said else []), *left_out, *unnamed, *table.notes)
    shown = schema if is_table else None
    return Contents(
        table.codes, labels, schema.names if is_table else (), groups=groups, labels_from=said, notes=notes, table=shown
    )


def _header(first: list[str], below: list[list[str]], request: Request, marks: Marks) -> tuple[bool, tuple[str, ...]]:
    """Whether the `first` line holds names, as asked or as it looks beside the rows `below`, and a note where that is a guess."""
    if request.header != AUTO:
        return request.header == YES, ()
    if _has_known(first, request):
        return True, ()
    texts = [not is_number(cell) and not is_missing(cell) for cell in first]
    named = any(text and cell in (request.labels, request.groups) for text, cell in zip(texts, first, strict=True))
    above_number = any(text and is_number(cell) for text, cell in zip(texts, below[0] if below else [], strict=False))
    # pandas numbers nameless columns, and leaves the place above the row numbers empty.
    numbered = len(first) > 1 and first == ["", *map(str, range(len(first) - 1))]
    if named or above_number or numbered or (any(texts) and not any(map(is_number, first))):
        return True, ()
    found = judge(first, below, partial(number, marks=marks))
    line = ", ".join(map(short, first[:NAMED])) + (", ..." if len(first) > NAMED else "")
    if found.names:
        taken = (
            f"the first line ({line}) is taken for the names of the columns: {found.why}. If it is a row, pass --data.header no."
        )
    else:
        taken = f"the first line ({line}) is taken for a row. {found.why[0].upper()}{found.why[1:]}" if found.why else ""
        taken += ": if they are the names of the columns, pass --data.header yes." if found.why else ""
    return found.names, (taken,) if taken else ()


def _has_known(first: list[str], request: Request) -> bool:
    """Whether the first line holds all the names that are known beforehand, so that it is a header even where they are numbers."""
    return bool(request.known.names) and set(request.known.names) <= set(first)


def _cells_of_numbers(file: TextIO, request: Request, texts: frozenset[int]) -> Iterator[str]:
    """Every cell of a table that is a number of a row: no class, no group, and in no column that holds texts or is passed over."""
    rows = table_rows(file, request.source).rows
    number, first = next(rows)
    names, known = [cell.strip() for cell in first], request.known
    others = set(names) - set(known.among(names)) if _has_known(names, request) else {known.label}
    apart = [i for i, name in enumerate(names) if name in (request.labels, request.groups) or name in others or i in texts]
    for _, cells in chain([(number, first)], rows):
        yield from (cell for i, cell in enumerate(cells) if i not in apart)


def classes_of(cells: list[str]) -> np.ndarray | list[str]:
    """Classes or groups as numbers if all are numbers or missing, so that 10 comes after 2; else as texts."""
    try:
        return np.array([float("nan") if is_missing(cell) else number(cell) for cell in cells])
    except ValueError:
        return cells


def write_packed(contents: Contents) -> bytes:
    """As `write`, packed with gzip; the same rows are the same bytes, whatever the time."""
    return gzip.compress(write(contents), mtime=0)


ABOUT = "a table: one row a line, a name a column"
FORMAT = Format(ABOUT, (".csv",), read, write, headed=True, celled=True)
TABS = Format(f"{ABOUT}; cut at tabs", (".tsv",), read, partial(write, delimiter="\t"), headed=True, celled=True)
PACKED = Format(f"{ABOUT}; packed with gzip", (".csv.gz",), read, write_packed, headed=True, celled=True)
TEXT = Format(
    f"{ABOUT}; cut at spaces, or packed with gzip",
    (".txt", ".dat", ".tab", ".tsv.gz", ".tab.gz", ".txt.gz", ".dat.gz"),
    read,
    headed=True,
    celled=True,
)
