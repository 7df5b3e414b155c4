"""Files: what is in them, as `Data`, or one sentence on why not.

    .npy            one array of rows
    .npz            named arrays                one of them is the data, and one may be the classes: (1)
    .safetensors    named arrays                the same rule
    .csv            a table of numbers          `unstir.datasets.tables`

Which of several named arrays is which:

    classes:  the one that `labels` names, or else the first of  labels, label, y, classes
    data:     the only one of  values, data, x, X, images, points,  or else the only array left                      (1)

Nothing is unpickled: an array of Python objects is refused. What a header promises is held against the size of the file
before any memory is asked for. A built-in set has a name instead of a path; see `load`.
"""

import math
import stat
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np
from safetensors import SafetensorError, safe_open

from unstir.datasets.arrays import class_ids, from_arrays
from unstir.datasets.data import Data, short, unknown_name
from unstir.datasets.tables import read_csv
from unstir.datasets.toys import TOYS, toy
from unstir.errors import DataError, StorageError, UnstirError, UsageError, unknown

VALUES = ("values", "data", "x", "X", "images", "points")
LABELS = ("labels", "label", "y", "classes")

# What zipfile and numpy raise for bytes that are not what they should be: a header can hold any literal of Python.
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
    *(TokenError, zipfile.BadZipFile, zlib.error),
)
MAGIC = 8  # bytes before the length of a header
CHUNK = 2**26  # bytes read at once
LARGE, DENSE = 2**30, 100  # an array of more bytes that was packed more tightly is a trap, or had better be a .npy


def load(source: str | Path, n: int = 5000, seed: int = 0, labels: str | None = None, missing: str = "refuse") -> Data:
    """The built-in set called `source`, or else the file at that path.

    `n` points and `seed` are for a built-in set; a file is read whole. `labels` and `missing` are for a file, as in `read`.
    Raises what `toy` and `read` raise.

    >>> load("moons", n=100).values.shape
    (100, 2)
    """
    if str(source) not in TOYS:
        return read(source, labels, missing)
    if labels is not None:
        raise UsageError(f"'{source}' is a built-in set and brings its own classes; labels='{labels}' is for a file.")
    return toy(str(source), n, seed)


def read(source: str | Path, labels: str | None = None, missing: str = "refuse") -> Data:
    """The rows of a .csv, .npy, .npz or .safetensors file.

    `labels` names what holds the classes: a column of a table, an array of an archive. `missing` is as in `from_arrays`.
    Raises StorageError for a file that is missing or cannot be read, UsageError for a folder, a suffix that is not
    known, or a `labels` that is not there, DataError for contents that cannot be used.

    >>> read("rows.csv")
    Traceback (most recent call last):
    ...
    unstir.errors.StorageError: no such file: 'rows.csv'.
    >>> read("swiss-roll")
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: unknown data set 'swiss-roll': did you mean 'swiss_roll'? Known: checkerboard, ...
    """
    files = ", ".join(sorted(READERS))
    try:
        path = Path(source).expanduser()
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"'{source}' is a folder, and a folder is not supported yet; files: {files}.")
        if path.suffix.lower() not in READERS:
            raise UsageError(f"'{source}': files that end in '{path.suffix}' are not known; known: {files}.")
        if not stat.S_ISREG(mode):  # reading a pipe could wait for ever
            raise StorageError(f"cannot read '{source}': it is a pipe or a device. Write what it gives to a file first.")
        return READERS[path.suffix.lower()](path, str(source), labels, missing)
    except (FileNotFoundError, NotADirectoryError):
        # A bare word is a name mistyped, not a file forgotten.
        bare = Path(source).name == str(source) and not Path(source).suffix
        raise unknown("data set", str(source), TOYS) if bare else StorageError(f"no such file: '{source}'.") from None
    except UnstirError:
        raise
    except OSError as error:
        raise StorageError(f"cannot read '{short(str(source))}': {error.strerror or error}.") from None
    except (RuntimeError, ValueError):  # a home folder of nobody, a NUL
        raise UsageError(f"'{short(str(source))}' is not the name of a file.") from None


def _read_npy(path: Path, source: str, labels: str | None, missing: str) -> Data:
    if labels is not None:
        raise UsageError(f"'{source}' is one array and cannot hold labels='{labels}'; put both into a .npz file.")
    with path.open("rb") as file:
        return from_arrays(_array(file, path.stat().st_size, source), source=source, missing=missing)


def _read_npz(path: Path, source: str, labels: str | None, missing: str) -> Data:
    with _broken(source):
        archive = zipfile.ZipFile(path)

    def get(name: str) -> np.ndarray:
        where = f"{source}: {short(name)}"
        packed = archive.getinfo(f"{name}.npy")
        if packed.file_size > max(LARGE, DENSE * packed.compress_size):
            times = f"{packed.file_size / 2**30:,.0f} GiB out of {packed.compress_size / 2**20:,.1f} MiB"
            raise DataError(f"'{where}' would unpack to {times}. If that is right, save it as .npy.")
        with _broken(where), archive.open(packed) as file:
            return _array(file, packed.file_size, where)

    with archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        return _from_named(names, get, source, labels, missing)


def _read_safetensors(path: Path, source: str, labels: str | None, missing: str) -> Data:
    try:
        archive = safe_open(path, framework="numpy")
    except SafetensorError as error:
        raise DataError(f"'{source}' is not a .safetensors file, or is cut short ({error}). Write it again.") from None

    def get(name: str) -> np.ndarray:
        try:
            return archive.get_tensor(name)
        except (TypeError, AttributeError) as error:  # bfloat16 and float8 have no numpy type
            raise DataError(f"'{source}: {short(name)}': {error}. Write it as float32.") from None

    with archive:
        return _from_named(sorted(archive.keys()), get, source, labels, missing)


def _array(file: IO[bytes], size: int, where: str) -> np.ndarray:
    """The one array in a .npy stream of `size` bytes. DataError for a header that promises more or less than there is."""
    with _broken(where), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy, about the spelling of old or odd headers
        # A version, the bytes that its header's length takes, and numpy's reader of that length and the header.
        ways = {(1, 0): (2, np.lib.format.read_array_header_1_0), (2, 0): (4, np.lib.format.read_array_header_2_0)}
        width, read_header = ways[np.lib.format.read_magic(file)]
        length = file.read(width)
        header = file.read(min(int.from_bytes(length, "little"), size))
        shape, in_columns, dtype = read_header(BytesIO(length + header))
    if dtype.hasobject:
        raise DataError(f"'{where}' holds Python objects, which could only be unpickled. Save an array of numbers.")
    wanted, there = math.prod(shape) * dtype.itemsize, size - MAGIC - width - len(header)
    if min(shape, default=0) < 0 or wanted != there or not dtype.itemsize:
        raise DataError(f"'{where}' is damaged: its header promises {wanted:,} bytes of numbers, and {there:,} are there.")
    raw = np.empty(wanted, np.uint8)
    with _broken(where):
        read = 0
        while part := file.read(min(CHUNK, wanted - read)):
            raw[read : read + len(part)] = np.frombuffer(part, np.uint8)
            read += len(part)
        if read != wanted:
            raise DataError(f"'{where}' is cut short: {read:,} of {wanted:,} bytes could be read.")
        return raw.view(dtype).reshape(shape, order="F" if in_columns else "C")


@contextmanager
def _broken(where: str) -> Iterator[None]:
    """Turn what a damaged or foreign file makes numpy raise into DataError; an array of objects is one of these."""
    try:
        yield
    except UnstirError:
        raise
    except BROKEN as error:
        raise DataError(f"'{where}' is damaged, or no file of numpy's: {short(str(error), 80)}") from None


def _from_named(names: Sequence[str], get: Callable[[str], np.ndarray], source: str, labels: str | None, missing: str) -> Data:
    """The data among arrays called `names`, by rule (1); `get` reads one of them."""
    if labels is not None and labels not in names:
        raise unknown_name(f"array in '{source}'", labels, names)
    label = labels or next((name for name in LABELS if name in names), None)
    rest = [name for name in names if name != label]
    found = [name for name in rest if name in VALUES] or [name for name in rest if name not in LABELS]
    if len(found) != 1:
        held = f"the arrays {', '.join(map(short, names[:10]))}" if names else "no array"
        raise DataError(f"'{source}' holds {held}, so it is not clear which is the data. Call one 'values'.")
    values = get(found[0])
    if label is None:
        return from_arrays(values, source=source, missing=missing)
    classes = get(label)
    if labels is None and values.ndim:
        _refuse_no_class(classes, len(values), label, source, missing)
    return from_arrays(values, classes, source=source, missing=missing)


def _refuse_no_class(classes: np.ndarray, rows: int, label: str, source: str, missing: str) -> None:
    """An array that was taken for the classes by its name alone may be something else: say so, and how to undo it."""
    try:
        class_ids(classes, rows, f"the labels '{label}'", missing, source)
    except DataError as error:
        raise DataError(f"'{source}': {error} If '{label}' is not the class, rename it or take it out.") from None


READERS: dict[str, Callable[[Path, str, str | None, str], Data]] = {
    ".csv": read_csv,
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
}
