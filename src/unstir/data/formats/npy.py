"""One array of rows in a .npy file, numpy's own format, which .npz archives are made of too (`unstir.data.formats.npz`).

An array of more than 1 GiB stays in the file: it is mapped, and read where it is needed. A smaller one is read whole. Nothing is
unpickled: an array of Python objects is refused. The header is read by hand, so that what it promises can be compared with the size
of the file before any memory is asked for. The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import io
import math
import warnings
from typing import IO, Literal

import numpy as np

from unstir.data.formats.format import Contents, Format, Request
from unstir.data.formats.raw import IN_MEMORY, broken, filled
from unstir.data.rows import mapped
from unstir.errors import DataError, UsageError

KIND = "file of numpy's"
MAGIC = 8  # bytes before the length of a header

Header = tuple[np.dtype, tuple[int, ...], Literal["C", "F"]]
"""What a header says: the type, the shape, and the order in which the numbers lie."""


def read(request: Request) -> Contents:
    """The array of a file. UsageError for `labels` or `groups`, DataError for a file that is damaged or holds Python objects."""
    if request.labels is not None:
        raise UsageError(f"'{request.source}' is one array and cannot hold labels='{request.labels}'; put both into a .npz file.")
    request.refuse_groups("it is one array")
    with request.path.open("rb") as file:
        dtype, shape, order = header(file, request.path.stat().st_size, request.source)
        if math.prod(shape) * dtype.itemsize > IN_MEMORY:
            return Contents(mapped(request.path, dtype, "r", file.tell(), shape, order))
        return Contents(array(file, dtype, shape, order, request.source))


def write(contents: Contents) -> bytes:
    """The rows; their labels and names cannot be held."""
    buffer = io.BytesIO()
    np.save(buffer, contents.values, allow_pickle=False)
    return buffer.getvalue()


def header(file: IO[bytes], size: int, where: str) -> Header:
    """What a .npy stream of `size` bytes says it holds. DataError for a header that promises more or less than there is."""
    with broken(where, KIND), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy, about the spelling of old or odd headers
        # A version, the bytes that its header's length takes, and numpy's reader of that length and the header.
        ways = {(1, 0): (2, np.lib.format.read_array_header_1_0), (2, 0): (4, np.lib.format.read_array_header_2_0)}
        width, read_header = ways[np.lib.format.read_magic(file)]
        length = file.read(width)
        text = file.read(min(int.from_bytes(length, "little"), size))
        shape, in_columns, dtype = read_header(io.BytesIO(length + text))
    if dtype.hasobject:
        raise DataError(f"'{where}' holds Python objects, which could only be unpickled. Save an array of numbers.")
    wanted, there = math.prod(shape) * dtype.itemsize, size - MAGIC - width - len(text)
    if min(shape, default=0) < 0 or wanted != there or not dtype.itemsize:
        raise DataError(f"'{where}' is damaged: its header promises {wanted:,} bytes of numbers, and {there:,} are there.")
    return dtype, shape, "F" if in_columns else "C"


def array(file: IO[bytes], dtype: np.dtype, shape: tuple[int, ...], order: Literal["C", "F"], where: str) -> np.ndarray:
    """The array that follows its header in the stream."""
    with broken(where, KIND):
        raw = filled(file.read, math.prod(shape) * dtype.itemsize, where)
        return raw.view(dtype).reshape(shape, order=order)


FORMAT = Format("one array of rows; of more than 1 GiB it is read where it is needed", (".npy",), read, write)
