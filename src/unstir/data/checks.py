"""What all checks of arrays and files share: an array of anything, the largest exact whole number, and the way on in a message."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from unstir.errors import DataError
from unstir.words import counted

EXACT = 2.0**53  # float64 holds every whole number up to here
BEYOND = "a whole number beyond 2^53 that float64 would round. Subtract an offset, or leave the column out if it is an id."


def as_array(array: Any, what: str) -> tuple[np.ndarray, str]:
    """An array, a tensor or a list as a numpy array, and the name of its type.

    >>> as_array([1.0, 2.0], "the data")
    (array([1., 2.]), 'float64')
    """
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


def refuse_broken_text(texts: Sequence[str], what: str) -> None:
    """Raise DataError for half a character (a lone surrogate), which can be read but not be written to any file after training."""
    for text in texts:
        if not text.isascii() and any(0xD800 <= ord(character) < 0xE000 for character in text):
            raise DataError(f"{what} hold {text!a}, which is no text in any encoding. Rename it.")


def way_on(source: str) -> str:
    """How to have rows with gaps dropped: from Python for an array, by a flag for a file."""
    return "or pass missing='drop'" if source == "array" else "or pass --data.missing drop"
