"""Rows into a file or a folder: whole or absent, and never over something that is there.

    x.npy  x.npz  x.csv  x.tsv  x.parquet  x.feather  x.safetensors        out/, or a name without a suffix: a folder of PNGs

Which formats there are, and what each can hold, is in `unstir.data.formats.registry`. `check_path` asks before anything is computed.

    >>> from tempfile import TemporaryDirectory
    >>> from unstir.data.readers import read
    >>> with TemporaryDirectory() as folder:
    ...     path = write(f"{folder}/rows.csv", np.array([[1.0, 2.0], [3.0, 4.0]]), ["a", "b"], names=["x", "y"])
    ...     found = read(path, labels="class")
    >>> found.values.tolist(), found.names, found.classes
    ([[1.0, 2.0], [3.0, 4.0]], ('x', 'y'), ('a', 'b'))
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unstir.data.formats.format import Contents, Files, Format
from unstir.data.formats.registry import FORMATS, folder_format, format_of, suffixes
from unstir.data.tables.schema import Schema
from unstir.errors import UsageError
from unstir.steady import steady


def check_path(
    path: str | Path, shape: tuple[int, ...], dtype: str, axes: str | None = None, table: Schema | None = None
) -> Path:
    """The path, if rows of that shape and type, or of that table, can be written there: asked before anything is computed.

    Raises UsageError where the path says no format that rows are written in, or one that cannot hold such rows; StorageError where
    there is something already.

    >>> check_path("rows.gif", (2,), "float32")
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: rows.gif: rows are written as .npy, .npz, .csv, .tsv, .csv.gz, .parquet, ... as PNGs into a folder, out/.
    """
    from unstir.files import refuse_existing  # it brings torch, which reading does not need

    form, path = _format_for(path), Path(path).expanduser()
    if table is not None and not table.plain and not form.celled:
        ends = ", ".join(end for form in FORMATS.values() if form.celled and form.write for end in form.suffixes)
        raise UsageError(f"{path}: these rows have text, times or missing cells, and are written as {ends}.")
    if form.check is not None:
        form.check(path, shape, dtype, axes)
    refuse_existing(path)
    return path


@steady
def write(
    path: str | Path,
    rows: np.ndarray,
    labels: Sequence[str] | np.ndarray | None = None,
    names: Sequence[str] = (),
    label_name: str = "class",
    axes: str | None = None,
    table: Schema | None = None,
    beside: tuple[np.ndarray, Schema] | None = None,
    order: tuple[str, ...] = (),
    arrays: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Write rows (n, ...) with the names of their classes (n,), in the format that the path says; the path is answered.

    `names` are those of the columns and `label_name` that of the column of classes, for a table. A .npy file or a .safetensors file
    holds the rows only. `axes` says which axis is what, for pictures; if it is left out, the shape decides. With a `table`, rows are its
    codes (n, D), and a table is written with its cells as they came. `beside` are codes (n, m) of what the rows were drawn for, and what
    their columns are; `order` are the names of both kinds of columns as a table has them, else what was given comes last. `arrays` are
    pictures and sequences among it, by name, which only a .npz file holds.
    Raises what `check_path` raises, and StorageError where the disk is full.
    """
    from unstir.files import storage_errors, write_file, write_whole

    form, path = _format_for(path), check_path(path, rows.shape[1:], rows.dtype.name, axes, table)
    assert form.write is not None
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    held = table if form.celled else None
    told = {"beside": beside, "order": order, "arrays": arrays or {}}
    content = form.write(Contents(rows, labels, tuple(names), label_name, axes=axes, table=held, **told))
    if isinstance(content, bytes):
        write_file(path, content)
        return path
    with write_whole(path) as temporary:
        _write_files(temporary, content)
    return path


def _write_files(folder: Path, files: Files) -> None:
    from unstir.files import write_file

    for name, content in files:
        file = folder / os.fsdecode(name.encode())  # UTF-8 on the disk, whatever the locale says
        file.parent.mkdir(exist_ok=True)
        write_file(file, content)


def _format_for(path: str | Path) -> Format:
    """The format that a path to write to says: that of its end, or a folder's for a path without one."""
    is_folder = str(path).endswith("/") or not Path(path).suffix
    form = folder_format() if is_folder else format_of(Path(path).name)
    if form is None or form.write is None:
        known = ", ".join(suffixes(written=True))
        raise UsageError(f"{path}: rows are written as {known}, and pictures as PNGs into a folder, out/.")
    return form
