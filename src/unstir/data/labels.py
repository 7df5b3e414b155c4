"""Labels as class numbers, and the same for groups.

Labels are whole numbers, texts or booleans, one a row. The K different ones are the classes, numbered 0 .. K-1 in sorted order.
Groups are written in the same way, for example the patient that a row is about; rows of one group are never separated by a split.
"""

from typing import Any

import numpy as np

from unstir.data.checks import EXACT, refuse_broken_text, way_on
from unstir.data.given import as_array
from unstir.errors import DataError
from unstir.words import counted

NO_CLASS = -1  # the number of a label or a group that is missing, where gaps are kept


def class_ids(
    labels: Any, rows: int, what: str = "the labels", missing: str = "refuse", source: str = "array", noun: str = "class"
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class numbers 0 .. K-1 of `rows` labels, in the sorted order of the labels, and the names of the classes.

    Unless gaps are refused, a label that is missing or infinite has the number -1. Raises DataError, with `what` as its
    subject and `noun` for what a row has, "class" or "group", where the number of labels differs, one is not whole, or one is
    missing and gaps are refused.

    >>> class_ids([10.0, 2.0, 10.0], rows=3)
    (array([1, 0, 1]), ('2', '10'))
    >>> class_ids(["b", None, "a"], rows=3, missing="keep")
    (array([ 1, -1,  0]), ('a', 'b'))
    """
    # A list goes through objects, or numpy would spell a missing value among texts as the text "nan".
    listed = isinstance(labels, list | tuple)
    plural = "classes" if noun == "class" else f"{noun}s"
    labels, dtype = as_array(np.array(labels, dtype=object) if listed else labels, what)
    if labels.shape not in ((rows,), (rows, 1)):
        raise DataError(f"{what} have shape {labels.shape}; one {noun} a row means ({rows},).")
    labels = labels.reshape(rows)
    if labels.dtype.kind == "O":
        labels = _same_kind(labels.tolist(), what, noun)
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "backslashreplace")
    gap = np.zeros(rows, bool)
    if labels.dtype.kind == "f":
        gap = np.isnan(labels) if missing == "refuse" else ~np.isfinite(labels)
        labels = np.where(gap, 0, labels).astype(np.float64)
        broken = np.flatnonzero((labels != np.round(labels)) | (np.abs(labels) >= EXACT))
        if broken.size:
            raise DataError(f"{what} are not whole numbers (row {broken[0]}: {labels[broken[0]]:g}), so they are no {plural}.")
        labels = labels.astype(np.int64)
    elif labels.dtype.kind == "U":
        gap = np.char.strip(labels) == ""
    elif labels.dtype.kind not in "biu":
        raise DataError(f"{what} have type {dtype}; a {noun} is a whole number or a text.")
    if gap.any() and missing == "refuse":
        raise DataError(
            f"{what} have {counted(gap.sum(), 'missing value')} (first: row {gap.argmax()}). "
            f"Remove those rows, name their {noun}, {way_on(source)}."
        )
    ids = np.full(rows, NO_CLASS, np.int64)
    values, ids[~gap] = np.unique(labels[~gap], return_inverse=True)
    classes = tuple(str(value) for value in values)
    refuse_broken_text(classes, what)
    return ids, classes


def _same_kind(labels: list[Any], what: str, noun: str) -> np.ndarray:
    """Python objects as an array of numbers or of texts; a missing one becomes NaN among numbers and "" among texts."""
    gap = next((type(label)() for label in labels if isinstance(label, str | bytes)), np.nan)
    try:
        return np.array([gap if label is None or label != label else label for label in labels])
    except ValueError:  # lists of unequal lengths, or arrays
        raise DataError(f"{what} are no single values; a {noun} is a whole number or a text.") from None
