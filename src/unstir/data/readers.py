"""Files: what is in them, as `Data`, or one sentence on why not.

    .npy            one array of rows
    .npz            named arrays                one of them is the data, and one may be the classes: (1)
    .safetensors    named arrays                the same rule
    .csv            a table of numbers          `unstir.data.formats.csv`
    .idx, -ubyte    one array of rows           `unstir.data.formats.idx`; also with .gz behind it
    a folder        images                      `unstir.data.formats.images`

Which of several named arrays is which:

    classes:  the one that `labels` names, or else the first of  labels, label, y, classes
    data:     the only one of  values, data, x, X, images, points,  or else the only array left                      (1)

An array of more than 1 GiB in a .npy file stays there: it is mapped, and read where it is needed. All else is read whole, up to 8 GiB.
Nothing is unpickled: an array of Python objects is refused. What a header promises is held against the size of the file
before any memory is asked for. A built-in set has a name instead of a path; see `load`.
"""

import math
import stat
import warnings
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, Literal

import numpy as np
from safetensors import SafetensorError, safe_open

from unstir.data.arrays import class_ids, from_arrays
from unstir.data.builtin import PICTURES
from unstir.data.dataset import Data, short, unknown_name
from unstir.data.formats.csv import read_csv
from unstir.data.formats.idx import read_idx
from unstir.data.formats.images import read_folder
from unstir.data.formats.raw import IN_MEMORY, broken, filled, refuse_large, refuse_trap
from unstir.data.toys import TOYS, toy
from unstir.errors import DataError, StorageError, UnstirError, UsageError, unknown

VALUES = ("values", "data", "x", "X", "images", "points")
KNOWN = (*TOYS, *PICTURES)
LABELS = ("labels", "label", "y", "classes")

KIND = "file of numpy's"
MAGIC = 8  # bytes before the length of a header


def load(
    source: str | Path,
    n: int = 5000,
    seed: int = 0,
    labels: str | None = None,
    missing: str = "refuse",
    size: tuple[int, int] | None = None,
) -> Data:
    """The built-in set called `source`, or else the file or the folder at that path.

    `n` points and `seed` are for a built-in point set; all else is read whole. `labels`, `missing` and `size` are as in `read`.
    Raises what `toy` and `read` raise, and UsageError for built-in pictures that are not installed.

    >>> load("moons", n=100).values.shape
    (100, 2)
    """
    name = str(source)
    if name not in KNOWN:
        return read(source, labels, missing, size)
    if labels is not None:
        raise UsageError(f"'{name}' is a built-in set and brings its own classes; labels='{labels}' is for a file.")
    if size is not None:
        raise _no_size(name)
    return PICTURES[name]() if name in PICTURES else toy(name, n, seed)


def read(source: str | Path, labels: str | None = None, missing: str = "refuse", size: tuple[int, int] | None = None) -> Data:
    """The rows of a .csv, .npy, .npz, .safetensors or IDX file, or the images of a folder.

    `labels` names what holds the classes: a column of a table, an array of an archive. `missing` is as in `from_arrays`.
    `size`, for a folder, is the (height, width) to resize and crop its images to.
    Raises StorageError for a path that is missing or cannot be read, UsageError for a suffix that is not known, a `labels`
    that is not there or a size for a file, DataError for contents that cannot be used.

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
            return read_folder(path, str(source), labels, missing, size)
        reader = next((reader for end, reader in READERS.items() if path.name.lower().endswith(end)), None)
        if reader is None:
            raise UsageError(
                f"'{source}': files that end in '{path.suffix}' are not known; known: {files}, or a folder of images."
            )
        if size is not None:
            raise _no_size(str(source))
        if not stat.S_ISREG(mode):  # reading a pipe could wait for ever
            raise StorageError(f"cannot read '{source}': it is a pipe or a device. Write what it gives to a file first.")
        return reader(path, str(source), labels, missing)
    except (FileNotFoundError, NotADirectoryError):
        # A bare word is a name mistyped, not a file forgotten.
        bare = Path(source).name == str(source) and not Path(source).suffix
        raise unknown("data set", str(source), KNOWN) if bare else StorageError(f"no such file: '{source}'.") from None
    except UnstirError:
        raise
    except OSError as error:
        raise StorageError(f"cannot read '{short(str(source))}': {error.strerror or error}.") from None
    except (RuntimeError, ValueError):  # a home folder of nobody, a NUL
        raise UsageError(f"'{short(str(source))}' is not the name of a file.") from None


def _no_size(source: str) -> UsageError:
    return UsageError(f"'{short(source)}' is no folder of images, so it cannot be resized; leave --data.size out.")


def _read_npy(path: Path, source: str, labels: str | None, missing: str) -> Data:
    if labels is not None:
        raise UsageError(f"'{source}' is one array and cannot hold labels='{labels}'; put both into a .npz file.")
    with path.open("rb") as file:
        size = path.stat().st_size
        dtype, shape, order = _header(file, size, source)
        if math.prod(shape) * dtype.itemsize > IN_MEMORY:
            values = np.memmap(path, dtype, "r", file.tell(), shape, order)
        else:
            values = _contents(file, dtype, shape, order, source)
        return from_arrays(values, source=source, missing=missing)


def _read_npz(path: Path, source: str, labels: str | None, missing: str) -> Data:
    with broken(source, KIND):
        archive = zipfile.ZipFile(path)

    def get(name: str) -> np.ndarray:
        where = f"{source}: {short(name)}"
        packed = archive.getinfo(f"{name}.npy")
        refuse_trap(where, packed.file_size, packed.compress_size, "save it as .npy")
        refuse_large(where, packed.file_size)
        with broken(where, KIND), archive.open(packed) as file:
            return _contents(file, *_header(file, packed.file_size, where), where)

    with archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        return _from_named(names, get, source, labels, missing)


def _read_safetensors(path: Path, source: str, labels: str | None, missing: str) -> Data:
    try:
        archive = safe_open(path, framework="numpy")
    except SafetensorError as error:
        raise DataError(f"'{source}' is not a .safetensors file, or is cut short ({error}). Write it again.") from None

    def get(name: str) -> np.ndarray:
        refuse_large(f"{source}: {short(name)}", path.stat().st_size)
        try:
            return archive.get_tensor(name)
        except (TypeError, AttributeError) as error:  # bfloat16 and float8 have no numpy type
            raise DataError(f"'{source}: {short(name)}': {error}. Write it as float32.") from None

    with archive:
        return _from_named(sorted(archive.keys()), get, source, labels, missing)


Header = tuple[np.dtype, tuple[int, ...], Literal["C", "F"]]
"""Of a .npy stream: the type, the shape, and the order in which the numbers lie."""


def _header(file: IO[bytes], size: int, where: str) -> Header:
    """What a .npy stream of `size` bytes says it holds. DataError for a header that promises more or less than there is."""
    with broken(where, KIND), warnings.catch_warnings():
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
    return dtype, shape, "F" if in_columns else "C"


def _contents(file: IO[bytes], dtype: np.dtype, shape: tuple[int, ...], order: Literal["C", "F"], where: str) -> np.ndarray:
    """The array that follows its header in the stream."""
    with broken(where, KIND):
        raw = filled(file.read, math.prod(shape) * dtype.itemsize, where)
        return raw.view(dtype).reshape(shape, order=order)


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
    **dict.fromkeys((".idx", ".idx.gz", "-ubyte", "-ubyte.gz"), read_idx),
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
}
