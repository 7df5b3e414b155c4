"""A folder of .npy files: the array of each is a row. Which files these are, and their classes, is in `unstir.data.formats.folders`.

    walks/a.npy  walks/b.npy          two rows
    walks/slow/a.npy  walks/fast/b.npy          two rows, of the classes slow and fast

All arrays have one shape and one type. They are read one after another: into memory, or into a temporary file where all together take more
than 1 GiB. What is damaged is an error, or is left out and counted.
"""

import math
from pathlib import Path

import numpy as np

from unstir.data.formats import npy
from unstir.data.formats.csv import classes_of
from unstir.data.formats.folders import Tree, refuse_lost, tree
from unstir.data.formats.format import Contents, Format, Request
from unstir.data.formats.raw import allocate, refuse_full_disk
from unstir.data.rows import release_pages
from unstir.errors import DataError, UsageError
from unstir.words import counted, short, spelled

MEMBERS = (".npy",)


def read(request: Request) -> Contents:
    """The arrays of a folder, each a row, (N, ...).

    Raises DataError where shapes or types differ, a file is damaged, or the classes are not clear; UsageError for a size, or for `labels`
    or `groups` that are not there.
    """
    source = spelled(request.source)
    if request.size is not None:
        raise UsageError(f"'{short(source)}' is no folder of images, so it cannot be resized; leave --data.size out.")
    found = tree(request, MEMBERS, ".npy file")
    headers, unread = {}, dict(found.unlabelled)
    for file in found.files:
        if file not in unread:
            try:
                headers[file] = _header(file)
            except DataError as error:
                unread[file] = str(error)
    (dtype, shape) = _same(headers, source, request.path)
    wanted = len(headers) * math.prod(shape) * dtype.itemsize
    refuse_full_disk(f"the {counted(len(headers), 'array')} of '{source}'", wanted, "save them as one .npy file")
    rows = allocate((len(headers), *shape), dtype.newbyteorder("="))
    for i, file in enumerate(headers):
        with file.open("rb") as stream:
            _, size, order = npy.header(stream, file.stat().st_size, str(file))
            rows[i] = npy.array(stream, dtype, size, order, str(file))
        release_pages(rows)
    return _contents(request, found, list(headers), rows, unread)


def _contents(request: Request, found: Tree, kept: list[Path], rows: np.ndarray, unread: dict[Path, str]) -> Contents:
    notes = list(found.notes)
    if unread:
        first = min(unread)
        said = f"{len(unread):,} of {counted(len(found.files), 'file')} cannot be used (first: {unread[first]})"
        if request.missing == "refuse":
            raise DataError(f"{said}. Repair or remove what is damaged, or pass --data.missing drop.")
        refuse_lost(found.files, kept, request, "file")
        notes.append(f"{said}, and left out.")
    classes = [found.files[file] for file in kept]
    labels = np.array(classes_of(classes) if found.numbered else classes) if any(classes) else None
    return Contents(rows, labels, dropped=len(unread), notes=tuple(notes), labels_from=found.labels_from)


def _header(file: Path) -> tuple[np.dtype, tuple[int, ...]]:
    where = short(spelled(file.name), 80)
    if not file.is_file():
        raise DataError(f"'{where}' is no file")
    with file.open("rb") as stream:
        dtype, shape, _ = npy.header(stream, file.stat().st_size, where)
        return dtype, shape


def _same(headers: dict[Path, tuple[np.dtype, tuple[int, ...]]], source: str, folder: Path) -> tuple[np.dtype, tuple[int, ...]]:
    """The type and the shape of all arrays. Raises DataError where they differ, or there is none."""
    kinds = {what: file for file, what in reversed(headers.items())}
    if not kinds:
        raise DataError(f"no .npy file of '{source}' can be read.")
    if len(kinds) > 1:
        each = [
            f"'{short(spelled(str(file.relative_to(folder))), 80)}' holds {dtype.name} of shape {shape}"
            for (dtype, shape), file in list(reversed(kinds.items()))[:2]
        ]
        raise DataError(
            f"the arrays of '{source}' differ: {each[0]}, and {each[1]}. In a folder each array is one row, so all need the same shape "
            "and type. Where one file holds all rows, name the file."
        )
    return next(iter(kinds))


FORMAT = Format("arrays of one shape, each in a .npy file; sub-folders are the classes", (), read, resizes=True, members=MEMBERS)
