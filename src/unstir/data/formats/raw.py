"""Bytes of files that others wrote, and memory for them.

What a header promises is compared with the size of the file before any memory is asked for. An error of a reader becomes a DataError.
"""

import gzip
import math
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tokenize import TokenError

import numpy as np

from unstir.data.rows import mapped
from unstir.errors import DataError, StorageError, UnstirError
from unstir.words import short

# What zipfile, gzip and numpy raise for bytes that are not what they should be: a header can hold any literal of Python.
BROKEN = (
    *(
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        SyntaxError,
        EOFError,
        OverflowError,
        MemoryError,
        RuntimeError,
    ),
    *(TokenError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error),
)
CHUNK = 2**26  # bytes read at once
IN_MEMORY = 2**30  # bytes; an array of more stays on disk where it can
MOST = 2**33  # bytes of an array that cannot stay on disk, at most
LARGE, DENSE = 2**30, 100  # an array of more bytes than LARGE, packed to less than a DENSE-th, is taken for a trap


@contextmanager
def broken(where: str, kind: str) -> Iterator[None]:
    """Turn the error that a reader raises at a damaged or foreign file into a DataError: the file is damaged, or no `kind`."""
    try:
        yield
    except UnstirError:
        raise
    except BROKEN as error:
        raise DataError(f"'{where}' is damaged, or no {kind}: {short(str(error), 80)}") from None


def refuse_trap(where: str, unpacked: int, packed: int, way_on: str) -> None:
    """Raise DataError where `packed` bytes unpack to so many that the file was made to fill the memory."""
    if unpacked > max(LARGE, DENSE * packed):
        times = f"{unpacked / 2**30:,.0f} GiB out of {packed / 2**20:,.1f} MiB"
        raise DataError(f"'{where}' would unpack to {times}. If that is right, {way_on}.")


def refuse_large(where: str, wanted: int) -> None:
    """Raise DataError for an array of so many bytes that has to be in memory whole."""
    if wanted > MOST:
        raise DataError(
            f"'{where}' would take {wanted / 2**30:,.1f} GiB of memory, and {MOST / 2**30:.0f} is the most. "
            "Save the array as .npy, which stays on disk and may be of any size."
        )


def refuse_full_disk(what: str, wanted: int, way_on: str) -> None:
    """Raise StorageError where so many bytes fit neither into memory nor into the folder of temporary files."""
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if wanted > max(IN_MEMORY, free):
        raise StorageError(
            f"{what} would take {wanted / 2**30:,.1f} GiB, and {place}, the folder for temporary files, has {free / 2**30:,.1f} GiB "
            f"free. Free some space, set TMPDIR to a folder with more, or {way_on}."
        )


def allocate(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An empty array to fill: in memory, or of more than 1 GiB in a temporary file.

    The file disappears with the process, however that ends.
    """
    wanted = math.prod(shape) * dtype.itemsize
    if wanted <= IN_MEMORY:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:  # it has no name, and what is mapped stays when it is closed
        if hasattr(os, "posix_fallocate"):  # not on macOS; a disk that fills up later would end the process
            os.posix_fallocate(file.fileno(), 0, wanted)
        return mapped(file, dtype, "w+", 0, shape)


def filled(read: Callable[[int], bytes], wanted: int, where: str) -> np.ndarray:
    """The next `wanted` bytes (wanted,) uint8 that `read` gives. Raises DataError where there are fewer."""
    raw = np.empty(wanted, np.uint8)
    there = 0
    while part := read(min(CHUNK, wanted - there)):
        raw[there : there + len(part)] = np.frombuffer(part, np.uint8)
        there += len(part)
    if there != wanted:
        raise DataError(f"'{where}' is cut short: {there:,} of {wanted:,} bytes could be read.")
    return raw
