"""Arrays as `Data`: checked once, where they come in.

Whole numbers become floats without loss: up to 16 bits fit float32, the others go to float64, and one beyond 2^53 that
float64 would round is refused. A type that is bounded says so, and that is the only source of bounds:

    uint8 -> (0, 255)      bool -> (0, 1)      everything else -> None                                               (1)

Floats are never given bounds, whatever their smallest and largest value, so nothing clips them later.
Labels are whole numbers, texts or booleans. A label is one of K classes, numbered 0 .. K-1 in the sorted order of their values.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from unstir.data.dataset import GAPS, NO_CLASS, Data, counted, gaps_of, short
from unstir.data.rows import Rows
from unstir.errors import DataError, UsageError, unknown

BOUNDS = {"uint8": (0.0, 255.0), "bool": (0.0, 1.0)}
EXACT = 2.0**53  # the whole numbers up to here are floats of 64 bits
BEYOND = "a whole number beyond 2^53 that float64 would round. Subtract an offset, or leave the column out if it is an id."


def from_arrays(
    values: Any, labels: Any = None, names: Sequence[str] = (), source: str = "array", missing: str = "refuse"
) -> Data:
    """Check arrays (numpy, torch or lists) and make them `Data`.

    Shapes: `values` (N, ...) with N >= 2, and (N,) is taken as (N, 1); `labels` (N,) whole numbers or text; `names`
    one a column of a two-dimensional `values`. An array is shared, not copied, and may be memory-mapped.
    `missing` is what is done about gaps: "refuse", "drop" the rows, or "keep" them, for `survey` alone.
    Raises DataError for a type that is not real numbers, fewer than two rows, gaps, whole numbers that float64 would
    round, or labels that do not fit; UsageError for names that do not fit or another `missing`.

    >>> data = from_arrays(np.array([[0, 128], [255, 3]], dtype=np.uint8))
    >>> data.values.dtype, data.dtype, data.bounds
    (dtype('float32'), 'uint8', (0.0, 255.0))
    >>> gap = [[1.0, 2.0], [3.0, float("nan")], [5.0, 6.0]]
    >>> from_arrays(gap, names=["place", "speed"])
    Traceback (most recent call last):
    ...
    unstir.errors.DataError: column 'speed' has 1 missing value (first: row 1). Remove it, or pass missing='drop'.
    >>> from_arrays(gap, missing="drop").values.tolist()
    [[1.0, 2.0], [5.0, 6.0]]
    """
    if missing not in GAPS:
        raise unknown("way with missing values", missing, GAPS)
    values, dtype = _as_array(values, "the data")
    if values.dtype.kind not in "biuf":
        fields = values.dtype.names
        kind = f"named fields ({', '.join(map(short, fields[:3]))}, ...)" if fields else f"type {dtype}"
        raise DataError(f"the data has {kind}; only an array of real numbers (bool, integers, floats) can be used.")
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim == 0 or len(values) < 2:
        rows = len(values) if values.ndim else 0
        raise DataError(f"the data has {counted(rows, 'row')} (its shape is {values.shape}); at least 2 are needed.")
    if values[0].size == 0:
        raise DataError(f"the data has shape {values.shape}: its rows are empty. Each needs at least one number.")
    names = tuple(names)
    if names and values.shape[1:] != (len(names),):
        raise UsageError(f"{len(names)} column names do not fit rows of shape {values.shape[1:]}; give one a column.")
    _refuse_broken_text(names, "the column names")
    data = Data(Rows(values), None, (), names, source, BOUNDS.get(dtype), dtype)
    _refuse_rounding(data)
    if missing == "refuse":
        _refuse_gaps(data)
    if labels is not None:
        ids, classes = class_ids(labels, len(values), missing=missing, source=source)
        data = replace(data, labels=ids, classes=classes)
    return data.without_gaps() if missing == "drop" else data


def class_ids(
    labels: Any, rows: int, what: str = "the labels", missing: str = "refuse", source: str = "array"
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class numbers 0 .. K-1 of `rows` labels, in the sorted order of the labels, and the names of the classes.

    Unless gaps are refused, a label that is missing or infinite has the number -1. Raises DataError, with `what` as its
    subject, for another number of labels, one that is not whole, and a gap that is refused.

    >>> class_ids([10.0, 2.0, 10.0], rows=3)
    (array([1, 0, 1]), ('2', '10'))
    >>> class_ids(["b", None, "a"], rows=3, missing="keep")
    (array([ 1, -1,  0]), ('a', 'b'))
    """
    # A list goes through objects, or numpy would spell a missing value among texts as the text "nan".
    listed = isinstance(labels, list | tuple)
    labels, dtype = _as_array(np.array(labels, dtype=object) if listed else labels, what)
    if labels.shape not in ((rows,), (rows, 1)):
        raise DataError(f"{what} have shape {labels.shape}; one class a row means ({rows},).")
    labels = labels.reshape(rows)
    if labels.dtype.kind == "O":
        labels = _same_kind(labels.tolist(), what)
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "backslashreplace")
    gap = np.zeros(rows, bool)
    if labels.dtype.kind == "f":
        gap = np.isnan(labels) if missing == "refuse" else ~np.isfinite(labels)
        labels = np.where(gap, 0, labels).astype(np.float64)
        broken = np.flatnonzero((labels != np.round(labels)) | (np.abs(labels) >= EXACT))
        if broken.size:
            raise DataError(f"{what} are not whole numbers (row {broken[0]}: {labels[broken[0]]:g}), so they are no classes.")
        labels = labels.astype(np.int64)
    elif labels.dtype.kind == "U":
        gap = np.char.strip(labels) == ""
    elif labels.dtype.kind not in "biu":
        raise DataError(f"{what} have type {dtype}; a class is a whole number or a text.")
    if gap.any() and missing == "refuse":
        raise DataError(
            f"{what} have {counted(gap.sum(), 'missing value')} (first: row {gap.argmax()}). "
            f"Remove those rows, name their class, {_way_on(source)}."
        )
    ids = np.full(rows, NO_CLASS, np.int64)
    values, ids[~gap] = np.unique(labels[~gap], return_inverse=True)
    classes = tuple(str(value) for value in values)
    _refuse_broken_text(classes, what)
    return ids, classes


def _refuse_broken_text(texts: Sequence[str], what: str) -> None:
    """Half a character (a lone surrogate) can be read, and never be written to any file: now, rather than after training."""
    for text in texts:
        if not text.isascii() and any(0xD800 <= ord(character) < 0xE000 for character in text):
            raise DataError(f"{what} hold {text!a}, which is no text in any encoding. Rename it.")


def _same_kind(labels: list[Any], what: str) -> np.ndarray:
    """Python objects as an array of numbers or of texts, where a missing one becomes what is missing among its kind."""
    gap = next((type(label)() for label in labels if isinstance(label, str | bytes)), np.nan)
    try:
        return np.array([gap if label is None or label != label else label for label in labels])
    except ValueError:  # lists of unequal lengths, or arrays
        raise DataError(f"{what} are no single values; a class is a whole number or a text.") from None


def _as_array(array: Any, what: str) -> tuple[np.ndarray, str]:
    """The numpy array of an array, a tensor or a list, and the name of its type."""
    if hasattr(array, "detach"):  # a torch tensor; importing torch only to ask would cost seconds
        dtype = str(array.dtype).removeprefix("torch.")
        return (array.float() if dtype == "bfloat16" else array).numpy(force=True), dtype
    if np.ma.is_masked(array):
        raise DataError(f"{what}: a masked array, with {counted(array.mask.sum(), 'value')} masked. Remove those rows.")
    try:
        array = np.asarray(array)
    except ValueError:  # numpy's word for lists of unequal lengths
        raise DataError(f"{what}: a list whose rows have unequal shapes. Every row needs the same.") from None
    return array, array.dtype.name


def _refuse_rounding(data: Data) -> None:
    """Raise DataError if a whole number becomes another one as a float."""
    held = data.rows.held
    if held.dtype.kind not in "iu" or held.itemsize < 8:
        return
    for start, block in data.rows.blocks():
        far = np.abs(block) >= EXACT
        whole, floats = held[start : start + len(block)][far], block[far]
        with np.errstate(invalid="ignore"):  # the largest float is one above the largest whole number, and has no way back
            lost = (floats > np.iinfo(held.dtype).max) | (floats.astype(held.dtype) != whole)
        if lost.any():
            row, *index = np.argwhere(far)[lost.argmax()]
            place = data.place(int(np.ravel_multi_index(index, data.shape)))
            raise DataError(f"{place} holds {whole[lost.argmax()]} (row {start + row}), {BEYOND}")


def _refuse_gaps(data: Data) -> None:
    """Raise DataError if a value is missing or infinite: which column, how many, which row first."""
    if data.intact().all():
        return
    for word, (counts, firsts) in gaps_of(data).items():
        columns = np.flatnonzero(counts)
        if columns.size == 0:
            continue
        first, count = columns[0], counts[columns[0]]
        kind = "column" if len(data.shape) == 1 else "position"
        more = columns.size - 1
        others = f", and so {'has' if more == 1 else 'have'} {counted(more, f'other {kind}')}" if more else ""
        raise DataError(
            f"{data.place(int(first))} has {counted(count, f'{word} value')} (first: row {firsts[first]}){others}. "
            f"Remove {'it' if count == 1 and not others else 'them'}, {_way_on(data.source)}."
        )


def _way_on(source: str) -> str:
    """How to have rows with gaps dropped, for the one who called from Python and for the one who named a file."""
    return "or pass missing='drop'" if source == "array" else "or pass --data.missing drop"
