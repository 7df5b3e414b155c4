"""Tables of pyarrow: Parquet and Feather files, whose columns have types. Both need pyarrow, which `unstir[tables]` brings.

Columns are taken as those of a data frame (`unstir.data.tables.typed`), and written with the types that they came with.
"""

import io
from functools import partial
from typing import Any

import numpy as np

from unstir.data.checks import unknown_name
from unstir.data.formats.format import Contents, Format, Request
from unstir.data.frames import frame_of
from unstir.data.matching import matched
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


def read(request: Request, module: str) -> Contents:
    """The table of a file; `labels` and `groups` name columns. Raises DataError for a file that is damaged or holds what no cell can be."""
    source = spelled(request.source)
    reader = _module(module, source)
    try:
        found = reader.read_table(request.path)
    except ValueError as error:  # pyarrow's own errors are of this class
        raise DataError(f"'{source}' is damaged, or no {module} file: {short(str(error), 80)}") from None
    frame = frame_of(found)
    if frame is None or not frame.rows:
        raise DataError(f"'{source}' has no rows.")
    known = request.known
    label = request.labels or (known.label if known.label in frame.names else None)
    for name in (request.labels, request.groups):
        if name is not None and name not in frame.names:
            raise unknown_name(f"column in '{source}'", name, frame.names)
    labels, groups = (None if name is None else _listed(frame.columns[name]) for name in (label, request.groups))
    frame, notes = frame.without(label, request.groups), ()
    if not frame.columns:
        raise UsageError(f"'{source}' has no column besides the class and the group.")
    if known.names:
        _, notes = matched(known.names, frame.names, source)
        frame = frame.without(*(name for name in frame.names if name not in known.names))
    table = coded_frame(frame, request.kinds, known.table, flag)
    said = "" if label is None else f"column '{short(label)}'"
    shown = (*notes, *table.notes)
    return Contents(table.codes, labels, table.schema.names, groups=groups, labels_from=said, notes=shown, table=table.schema)


def _listed(column: Any) -> list[Any]:
    return column.to_pylist()


def write(contents: Contents, module: str) -> bytes:
    """The rows as a table, each flat, with a last column of labels where there are labels. Columns without names are x0, x1, ..."""
    writer, pa = _module(module, f"a .{module} file"), _module("lib", f"a .{module} file")
    if contents.table is not None:
        held = framed(contents.table, contents.values, "pyarrow")
    else:
        flat = contents.values.reshape(len(contents.values), -1)
        names = list(contents.names) or [f"x{i}" for i in range(flat.shape[1])]
        held = pa.table({name: np.ascontiguousarray(flat[:, i]) for i, name in enumerate(names)})
    if contents.labels is not None:
        held = held.append_column(contents.label_name, pa.array([str(label) for label in contents.labels]))
    file = io.BytesIO()
    (writer.write_table if module == "parquet" else writer.write_feather)(held, file)
    return file.getvalue()


ABOUT = "a table whose columns have types"
PARQUET = Format(ABOUT, (".parquet", ".pq"), partial(read, module="parquet"), partial(write, module="parquet"), celled=True)
FEATHER = Format(ABOUT, (".feather", ".arrow"), partial(read, module="feather"), partial(write, module="feather"), celled=True)
