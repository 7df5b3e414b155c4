"""IDX files, the format of MNIST and its relatives: one array behind a few bytes (LeCun, Cortes and Burges, 1998).

    00 00, a byte for the type, a byte for the number of axes, each size in 4 bytes, the numbers; the high byte first    (1)

The classes are in a file of their own, which is found by its name: beside `train-images-idx3-ubyte` lies
`train-labels-idx1-ubyte`. Either may be packed with gzip. Nothing is written in this format.
"""

import gzip
import math
from pathlib import Path

import numpy as np

from unstir.data.formats.format import Contents, Format, Request
from unstir.data.formats.raw import broken, filled, refuse_large, refuse_trap
from unstir.errors import DataError, UsageError
from unstir.words import short

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IMAGES, LABELS = ("images", "idx3"), ("labels", "idx1")  # what differs between the names of two files that belong together


def read(request: Request) -> Contents:
    """The rows of an IDX file, with the classes of the file beside it where there is one.

    Raises UsageError for `labels` or `groups`, DataError for a file that is damaged or holds something else.
    """
    path, source = request.path, request.source
    if request.labels is not None:
        raise UsageError(
            f"'{source}' is one array; its classes come from the file of labels beside it, not from '{request.labels}'."
        )
    request.refuse_groups("it is one array")
    beside = path.name
    for image, label in zip(IMAGES, LABELS, strict=True):
        beside = beside.replace(image, label)
    other = path.with_name(beside)
    classes = _array(other, str(other)) if other != path and other.is_file() else None
    return Contents(_array(path, source), classes, labels_from="" if classes is None else f"the file '{short(beside)}'")


def _array(path: Path, where: str) -> np.ndarray:
    """The array of one file, by (1)."""
    packed, size = path.suffix.lower() == ".gz", path.stat().st_size
    with broken(where, "IDX file"), gzip.open(path) if packed else path.open("rb") as file:
        start = file.read(4)
        if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in TYPES or not start[3]:
            raise DataError(f"'{where}' is no IDX file: it starts with {start.hex(' ') or 'nothing'}.")
        dtype = np.dtype(TYPES[start[2]])
        sizes = filled(file.read, 4 * start[3], where).view(">u4").tolist()
        wanted, there = math.prod(sizes) * dtype.itemsize, size - 4 - 4 * len(sizes)
        if packed:
            refuse_trap(where, wanted, size, "unpack it with gunzip")
        elif wanted != there:
            raise DataError(f"'{where}' is damaged: its header promises {wanted:,} bytes of numbers, and {there:,} are there.")
        refuse_large(where, wanted)
        raw = filled(file.read, wanted, where)
        if file.read(1):
            raise DataError(f"'{where}' is damaged: there is more in it than the {wanted:,} bytes that its header promises.")
        return raw.view(dtype).reshape(sizes)


FORMAT = Format("one array, as MNIST comes; its classes in a file beside it", (".idx", ".idx.gz", "-ubyte", "-ubyte.gz"), read)
