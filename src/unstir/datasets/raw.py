"""Bytes of files that others wrote: what a header promises is held against what is there before any memory is asked for."""

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tokenize import TokenError

import numpy as np

from unstir.datasets.data import short
from unstir.errors import DataError, UnstirError

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
LARGE, DENSE = 2**30, 100  # an array of more bytes that was packed more tightly is a trap, or had better not be packed


@contextmanager
def broken(where: str, kind: str) -> Iterator[None]:
    """Turn what a damaged or foreign file makes a reader raise into DataError: it is damaged, or no `kind`."""
    try:
        yield
    except UnstirError:
        raise
    except BROKEN as error:
        raise DataError(f"'{where}' is damaged, or no {kind}: {short(str(error), 80)}") from None


def refuse_trap(where: str, unpacked: int, packed: int, way_on: str) -> None:
    """Raise DataError for `packed` bytes that would unpack to memory that nobody meant to ask for."""
    if unpacked > max(LARGE, DENSE * packed):
        times = f"{unpacked / 2**30:,.0f} GiB out of {packed / 2**20:,.1f} MiB"
        raise DataError(f"'{where}' would unpack to {times}. If that is right, {way_on}.")


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
