"""What the rest of the house calls data: N rows of one shape, checked once, where they come in.

Rows are real numbers and all of them are there. Whole numbers become floats without loss: up to 16 bits fit float32,
the others go to float64 (exact up to 2^53). A type that is bounded says so, and that is the only source of bounds:

    uint8 -> (0, 255)      bool -> (0, 1)      everything else -> None                                               (1)

Floats are never given bounds, whatever their smallest and largest value, so nothing clips them later.
A label is one of K classes, numbered 0 .. K-1 in the sorted order of their values.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unstir.errors import DataError, UsageError

BOUNDS = {"uint8": (0.0, 255.0), "bool": (0.0, 1.0)}


@dataclass(frozen=True, eq=False)
class Data:
    """N rows of one shape, with a class each where there are labels; `from_arrays` makes and checks it.

    Shapes: `values` (N, ...) float32 or float64, `labels` (N,) int64 or None, `classes` the K names of the classes.
    `names` are those of the columns, `source` is the built-in name or the path as typed, `dtype` the type it came in.

    >>> data = from_arrays([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], labels=["cat", "dog", "cat"])
    >>> len(data), data.shape, data.classes, data.labels.tolist()
    (3, (2,), ('cat', 'dog'), [0, 1, 0])
    """

    values: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    source: str = "array"
    bounds: tuple[float, float] | None = None
    dtype: str = "float64"

    def __len__(self) -> int:
        """The number of rows, N."""
        return len(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row."""
        return self.values.shape[1:]

    def split(self, held_out: float, seed: int) -> tuple["Data", "Data"]:
        """The rows to train on and the rows held out: a random permutation, cut.

        Held out are round(N held_out) rows, at least one and at most N - 1; the same seed makes the same cut.
        Raises UsageError unless 0 < held_out < 1.

        >>> train, held_out = from_arrays(np.arange(10.0)).split(0.2, seed=0)
        >>> len(train), len(held_out)
        (8, 2)
        """
        if not 0 < held_out < 1:
            raise UsageError(f"the held-out fraction is {held_out}; it lies between 0 and 1, for example 0.1.")
        count = min(max(round(len(self) * held_out), 1), len(self) - 1)
        order = np.random.default_rng(seed).permutation(len(self))
        return self._take(order[count:]), self._take(order[:count])

    def _take(self, rows: np.ndarray) -> "Data":
        return replace(self, values=self.values[rows], labels=None if self.labels is None else self.labels[rows])

    def sha256(self) -> str:
        """The SHA-256 of the values and labels, their types and shapes included, in hexadecimal.

        >>> a, b = from_arrays(np.zeros((2, 3))), from_arrays(np.zeros((3, 2)))
        >>> a.sha256() == a.sha256(), a.sha256() == b.sha256()
        (True, False)
        """
        digest = hashlib.sha256()
        for array in (self.values, self.labels):
            if array is not None:
                digest.update(f"{array.dtype.str} {array.shape} ".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def from_arrays(values: Any, labels: Any = None, names: Sequence[str] = (), source: str = "array") -> Data:
    """Check arrays (numpy, torch or lists) and make them `Data`.

    Shapes: `values` (N, ...) with N >= 2, and (N,) is taken as (N, 1); `labels` (N,) whole numbers or text; `names`
    one a column of a two-dimensional `values`. An array that needs no conversion is shared, not copied.
    Raises DataError for a type that is not real numbers, fewer than two rows, missing or infinite values, or labels
    that do not fit; UsageError for names that do not fit.

    >>> data = from_arrays(np.array([[0, 128], [255, 3]], dtype=np.uint8))
    >>> data.values.dtype, data.dtype, data.bounds
    (dtype('float32'), 'uint8', (0.0, 255.0))
    >>> from_arrays([[1.0, 2.0], [3.0, float("nan")]], names=["place", "speed"])
    Traceback (most recent call last):
    ...
    unstir.errors.DataError: column 'speed' has 1 missing value (first: row 1). Remove it.
    """
    values, dtype = _as_array(values, "the data")
    if values.dtype.kind not in "biuf":
        raise DataError(f"the data has type {dtype}; only real numbers (bool, integers, floats) can be used.")
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim == 0 or len(values) < 2:
        rows = len(values) if values.ndim else 0
        raise DataError(f"the data has {_count(rows, 'row')} (its shape is {values.shape}); at least 2 are needed.")
    if values[0].size == 0:
        raise DataError(f"the data has shape {values.shape}: its rows are empty. Each needs at least one number.")
    names = tuple(names)
    if names and values.shape[1:] != (len(names),):
        raise UsageError(f"{len(names)} column names do not fit rows of shape {values.shape[1:]}; give one a column.")
    exact_bits = 32 if values.dtype.kind == "f" else 16
    values = np.ascontiguousarray(values, dtype=np.float32 if 8 * values.itemsize <= exact_bits else np.float64)
    _refuse_gaps(values, names)
    ids, classes = (None, ()) if labels is None else class_ids(labels, len(values))
    return Data(values, ids, classes, names, source, BOUNDS.get(dtype), dtype)


def class_ids(labels: Any, rows: int, what: str = "the labels") -> tuple[np.ndarray, tuple[str, ...]]:
    """The class numbers 0 .. K-1 of `rows` labels, in the sorted order of the labels, and the names of the classes.

    Raises DataError, with `what` as its subject, for another number of labels, a missing one, or one not whole.

    >>> class_ids([10.0, 2.0, 10.0], rows=3)
    (array([1, 0, 1]), ('2', '10'))
    """
    # A list goes through objects, or numpy would spell a missing value among texts as the text "nan".
    listed = isinstance(labels, list | tuple)
    labels, dtype = _as_array(np.array(labels, dtype=object) if listed else labels, what)
    if labels.shape not in ((rows,), (rows, 1)):
        raise DataError(f"{what} have shape {labels.shape}; one class a row means ({rows},).")
    labels = labels.reshape(rows)
    if labels.dtype.kind == "O":
        _refuse_missing_class(np.array([label is None or label != label for label in labels]), what)
        labels = np.array(labels.tolist())
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "backslashreplace")
    if labels.dtype.kind == "f":
        numbers = labels.astype(np.float64)
        _refuse_missing_class(np.isnan(numbers), what)
        broken = np.flatnonzero((numbers != np.round(numbers)) | (np.abs(numbers) > 2**53))
        if broken.size:
            first = f"row {broken[0]}: {numbers[broken[0]]:g}"
            raise DataError(f"{what} are not whole numbers ({first}), so they are no classes.")
        labels = numbers.astype(np.int64)
    elif labels.dtype.kind == "U":
        _refuse_missing_class(np.char.strip(labels) == "", what)
    elif labels.dtype.kind not in "biu":
        raise DataError(f"{what} have type {dtype}; a class is a whole number or a text.")
    values, ids = np.unique(labels, return_inverse=True)
    return ids.astype(np.int64), tuple(str(value) for value in values)


def _as_array(array: Any, what: str) -> tuple[np.ndarray, str]:
    """The numpy array of an array, a tensor or a list, and the name of its type."""
    if hasattr(array, "detach"):  # a torch tensor; importing torch only to ask would cost seconds
        dtype = str(array.dtype).removeprefix("torch.")
        return (array.float() if dtype == "bfloat16" else array).numpy(force=True), dtype
    if np.ma.is_masked(array):
        raise DataError(f"{what}: a masked array, with {_count(array.mask.sum(), 'value')} masked. Remove those rows.")
    try:
        array = np.asarray(array)
    except ValueError:  # numpy's word for lists of unequal lengths
        raise DataError(f"{what}: a list whose rows have unequal shapes. Every row needs the same.") from None
    return array, array.dtype.name


def _refuse_gaps(values: np.ndarray, names: tuple[str, ...]) -> None:
    """Raise DataError if a value is missing or infinite: which column, how many, which row first."""
    for test, word in ((np.isnan, "missing"), (np.isinf, "infinite")):
        gaps = test(values).reshape(len(values), -1)
        counts = gaps.sum(axis=0)
        columns = np.flatnonzero(counts)
        if columns.size == 0:
            continue
        first, count = columns[0], counts[columns[0]]
        kind = "column" if values.ndim == 2 else "position"
        place = repr(names[first]) if names else first if values.ndim == 2 else _position(first, values.shape[1:])
        others = f", and so have {_count(columns.size - 1, f'other {kind}')}" if columns.size > 1 else ""
        raise DataError(
            f"{kind} {place} has {_count(count, f'{word} value')} (first: row {gaps[:, first].argmax()}){others}. "
            f"Remove {'it' if count == 1 and not others else 'them'}."
        )


def _refuse_missing_class(missing: np.ndarray, what: str) -> None:
    if missing.any():
        count = _count(missing.sum(), "missing value")
        raise DataError(f"{what} have {count} (first: row {missing.argmax()}). Remove those rows, or name their class.")


def _position(index: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(index, shape))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
