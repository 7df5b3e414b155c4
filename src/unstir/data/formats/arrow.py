"""Tables of pyarrow: Parquet and Feather files, whose columns have types. Both need pyarrow, which `unstir[tables]` brings.

Columns are taken as those of a data frame (`unstir.data.tables.typed`), and written with the types that they came with.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unstir.data.checks import unknown_name
from unstir.data.formats.format import Contents, Format, Request
from unstir.data.frames import Frame, Some, frame_of
from unstir.data.matching import matched, places
from unstir.data.tables.kinds import flag
from unstir.data.tables.libraries import framed
from unstir.data.tables.typed import coded_frame
from unstir.errors import DataError, UsageError
from unstir.words import short, spelled


def _module(name: str, what: str) -> Any:
    """A module of pyarrow. Raises UsageError where it is not installed."""
    from importlib import import_module

    try:
        return import_module(f"pyarrow.{name}")
    except ImportError:
        raise UsageError(
            f"'{short(what)}' takes pyarrow, which is not installed: python -m pip install 'unstir[tables]'."
        ) from None


def frame_in(path: Path, source: str) -> Frame:
    """The columns of a file. Raises DataError for one that is damaged or has no rows."""
    module = "parquet" if path.suffix.lower() in (".parquet", ".pq") else "feather"
    reader = _module(module, source)
    with _readable(module, source):
        file = reader.ParquetFile(path) if module == "parquet" else None
        found = reader.read_table(path) if file is None else file.schema_arrow.empty_table()
    frame = frame_of(found)
    if frame is not None and file is not None:
        frame = Frame(Some(_Stored(file, source), frame.names), file.metadata.num_rows)
    if frame is None or not frame.rows:
        raise DataError(f"'{source}' has no rows.")
    return frame


class _Stored(dict[str, Any]):
    """The columns of a parquet file: each is read when it is asked for and not kept, so that the table is in memory once, as codes."""

    def __init__(self, file: Any, source: str):
        self.file, self.source = file, source

    def __missing__(self, name: str) -> Any:
        """The column of that name. Raises DataError where the file is damaged."""
        with _readable("parquet", self.source):
            return self.file.read(columns=[name])[name]


@contextmanager
def _readable(module: str, source: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # pyarrow's own errors are of this class
        raise DataError(f"'{source}' is damaged, or no {module} file: {short(str(error), 80)}") from None


def read(request: Request) -> Contents:
    """The table of a file; `labels` and `groups` name columns. Raises DataError for a file that is damaged or holds what no cell can be."""
    source, known = spelled(request.source), request.known
    frame = frame_in(request.path, source)
    label = request.labels or (known.label if known.label in frame.names else None)
    for name in (request.labels, request.groups):
        if name is not None and name not in frame.names:
            raise unknown_name(f"column in '{source}'", name, frame.names)
    labels, groups = (None if name is None else _listed(frame.columns[name]) for name in (label, request.groups))
    frame, notes = frame.without(label, request.groups), ()
    if not frame.columns:
        raise UsageError(f"'{source}' has no column besides the class and the group.")
    if known.names:
        wanted = known.among(frame.names)
        _, notes = matched(wanted, frame.names, source)
        frame = frame.without(*(name for name in frame.names if name not in wanted))
    there = known.table and known.table.take([i for i, name in enumerate(known.table.names) if name in frame.names])
    table = coded_frame(frame, request.kinds, there, flag)
    said = "" if label is None else f"column '{short(label)}'"
    shown = (*notes, *table.notes)
    return Contents(table.codes, labels, table.schema.names, groups=groups, labels_from=said, notes=shown, table=table.schema)


def _listed(column: Any) -> list[Any]:
    return column.to_pylist()


def write(contents: Contents, module: str) -> bytes:
    """The rows as a table, each flat, with a last column of labels where there are labels. Columns without names are x0, x1, ..."""
    writer, pa = _module(module, f"a .{module} file"), _module("lib", f"a .{module} file")
    beside, table = contents.beside, contents.table
    if table is not None:
        held = framed(table, contents.values, "pyarrow")
    else:
        flat = contents.values.reshape(len(contents.values), -1)
        names = list(contents.names) or [f"x{i}" for i in range(flat.shape[1])]
        held = pa.table({name: np.ascontiguousarray(flat[:, i]) for i, name in enumerate(names)})
    if beside is not None:
        told = framed(beside[1], beside[0], "pyarrow")
        for name in told.column_names:
            held = held.append_column(name, told[name])
        held = held.select(places(held.column_names, contents.order))
    if contents.labels is not None:
        held = held.append_column(contents.label_name, pa.array([str(label) for label in contents.labels]))
    file = io.BytesIO()
    (writer.write_table if module == "parquet" else writer.write_feather)(held, file)
    return file.getvalue()


ABOUT = "a table whose columns have types"
PARQUET = Format(ABOUT, (".parquet", ".pq"), read, partial(write, module="parquet"), celled=True)
FEATHER = Format(ABOUT, (".feather", ".arrow"), read, partial(write, module="feather"), celled=True)
