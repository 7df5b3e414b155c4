"""Tables of pyarrow: Parquet and Feather files, whose columns have types. Both need pyarrow, which `unstir[tables]` brings.

Columns are taken as those of a data frame (`unstir.data.tables.typed`), and written with the types that they came with.
"""

import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unstir.data.checks import unknown_name
from unstir.data.formats.format import Contents, Format, Request
from unstir.data.frames import Frame, frame_of
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
    try:
        found = reader.read_table(path)
    except ValueError as error:  # pyarrow's own errors are of this class
        raise DataError(f"'{source}' is damaged, or no {module} file: {short(str(error), 80)}") from None
    frame = frame_of(found)
    if frame is None or not frame.rows:
        raise DataError(f"'{source}' has no rows.")
    return frame


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
