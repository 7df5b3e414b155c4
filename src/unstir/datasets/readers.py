"""Files: what is in them, as `Data`, or one sentence on why not.

    .npy            one array of rows
    .npz            named arrays                one of them is the data, and one may be the classes: (1)
    .safetensors    named arrays                the same rule
    .csv            a table of numbers          `unstir.datasets.tables`

Which of several named arrays is which:

    classes:  the one that `labels` names, or else the first of  labels, label, y, classes
    data:     the only one of  values, data, x, X, images, points,  or else the only array left                      (1)

Nothing is unpickled: an array of Python objects is refused. A built-in set has a name instead of a path; see `load`.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError

import numpy as np
from safetensors import SafetensorError, safe_open

from unstir.datasets.data import Data, class_ids, from_arrays
from unstir.datasets.tables import read_csv
from unstir.datasets.toys import TOYS, toy
from unstir.errors import DataError, StorageError, UsageError, unknown

VALUES = ("values", "data", "x", "X", "images", "points")
LABELS = ("labels", "label", "y", "classes")

# What zipfile and numpy raise for bytes that are not what they should be: a header can ask for any shape or method.
BROKEN = (ValueError, EOFError, OverflowError, MemoryError, RuntimeError, TokenError, zipfile.BadZipFile, zlib.error)


def load(source: str | Path, n: int = 5000, seed: int = 0, labels: str | None = None) -> Data:
    """The built-in set called `source`, or else the file at that path.

    `n` points and `seed` are for a built-in set; a file is read whole. `labels` is for a file, as in `read`.
    Raises what `toy` and `read` raise.

    >>> load("moons", n=100).values.shape
    (100, 2)
    """
    if str(source) not in TOYS:
        return read(source, labels)
    if labels is not None:
        raise UsageError(f"'{source}' is a built-in set and brings its own classes; labels='{labels}' is for a file.")
    return toy(str(source), n, seed)


def read(source: str | Path, labels: str | None = None) -> Data:
    """The rows of a .csv, .npy, .npz or .safetensors file.

    `labels` names what holds the classes: a column of a table, an array of an archive.
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
    path = Path(source).expanduser()
    files = ", ".join(sorted(READERS))
    if path.is_dir():
        raise UsageError(f"'{source}' is a folder, and a folder is not supported yet; files: {files}.")
    if not path.exists():
        # A bare word is a name mistyped, not a file forgotten.
        bare = path.name == str(source) and not path.suffix
        raise unknown("data set", str(source), TOYS) if bare else StorageError(f"no such file: '{source}'.")
    if path.suffix.lower() not in READERS:
        raise UsageError(f"'{source}': files that end in '{path.suffix}' are not known; known: {files}.")
    try:
        return READERS[path.suffix.lower()](path, str(source), labels)
    except OSError as error:
        raise StorageError(f"cannot read '{source}': {error.strerror or error}.") from None


def _read_npy(path: Path, source: str, labels: str | None) -> Data:
    if labels is not None:
        raise UsageError(f"'{source}' is one array and cannot hold labels='{labels}'; put both into a .npz file.")
    with path.open("rb") as file, _broken(source):
        values = np.lib.format.read_array(file, allow_pickle=False)
    return from_arrays(values, source=source)


def _read_npz(path: Path, source: str, labels: str | None) -> Data:
    with _broken(source):
        archive = zipfile.ZipFile(path)

    def get(name: str) -> np.ndarray:
        with _broken(f"{source}: {name}"), archive.open(f"{name}.npy") as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    with archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        return _from_named(names, get, source, labels)


def _read_safetensors(path: Path, source: str, labels: str | None) -> Data:
    try:
        archive = safe_open(path, framework="numpy")
    except SafetensorError as error:
        raise DataError(f"'{source}' is not a .safetensors file, or is cut short ({error}). Write it again.") from None

    def get(name: str) -> np.ndarray:
        try:
            return archive.get_tensor(name)
        except TypeError as error:  # bfloat16 and float8 have no numpy type
            raise DataError(f"'{source}: {name}': {error}. Write it as float32.") from None

    with archive:
        return _from_named(sorted(archive.keys()), get, source, labels)


@contextmanager
def _broken(where: str) -> Iterator[None]:
    """Turn what a damaged or foreign file makes numpy raise into DataError; an array of objects is one of these."""
    try:
        yield
    except BROKEN as error:
        raise DataError(f"'{where}' is damaged, or nothing that numpy reads without pickle: {error}") from None


def _from_named(names: Sequence[str], get: Callable[[str], np.ndarray], source: str, labels: str | None) -> Data:
    """The data among arrays called `names`, by rule (1); `get` reads one of them."""
    if labels is not None and labels not in names:
        raise unknown(f"array in '{source}'", labels, names)
    label = labels or next((name for name in LABELS if name in names), None)
    rest = [name for name in names if name != label]
    found = [name for name in rest if name in VALUES] or [name for name in rest if name not in LABELS]
    if len(found) != 1:
        held = f"the arrays {', '.join(names)}" if names else "no array"
        raise DataError(f"'{source}' holds {held}, so it is not clear which is the data. Call one 'values'.")
    values = get(found[0])
    if label is None:
        return from_arrays(values, source=source)
    classes = get(label)
    if labels is None and values.ndim:
        _refuse_no_class(classes, len(values), label, source)
    return from_arrays(values, classes, source=source)


def _refuse_no_class(classes: np.ndarray, rows: int, label: str, source: str) -> None:
    """An array that was taken for the classes by its name alone may be something else: say so, and how to undo it."""
    try:
        class_ids(classes, rows, f"the labels '{label}'")
    except DataError as error:
        raise DataError(f"'{source}': {error} If '{label}' is not the class, rename it or take it out.") from None


READERS: dict[str, Callable[[Path, str, str | None], Data]] = {
    ".csv": read_csv,
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
}
