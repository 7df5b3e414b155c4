"""Whatever a caller gives as an array, as a numpy array: one door for training, for a model's methods and for labels.

    numpy      any view, order, byte order or subclass; a value that is masked is missing, so it becomes NaN
    torch      on any device, with or without gradients; bfloat16 and 8-bit floats become float32, which holds them exactly
    lists      of numbers, of arrays or of tensors
    others     what turns itself into a numpy array (`__array__`, as data frames do) or shares its memory (`__dlpack__`)
    objects    Python's numbers, Decimals and fractions become float64, and None becomes NaN; a text is no number

What is given is never changed. The array that comes back may share its memory, so only a copy of it may be written to.

    >>> as_numbers(np.ma.array([1, 2], mask=[False, True]), "the data")
    (array([ 1., nan]), 'int64')
    >>> as_numbers([Decimal("0.5"), None], "the data")
    (array([0.5, nan]), 'float64')
"""

import numbers
from decimal import Decimal
from typing import Any

import numpy as np

from unstir.data.checks import BEYOND, EXACT
from unstir.errors import DataError
from unstir.words import short

HELD = ("float16", "float32", "float64")  # the floats of torch that numpy has, too


def as_array(given: Any, what: str) -> tuple[np.ndarray, str]:
    """What was given as a numpy array, and the name of its type. Raises DataError, with `what` as its subject, for what is no array.

    >>> as_array([1.0, 2.0], "the data")
    (array([1., 2.]), 'float64')
    """
    if hasattr(given, "detach"):  # a torch tensor; importing torch only to ask would cost seconds
        return _of_tensor(given, what)
    if isinstance(given, list | tuple) and any(hasattr(part, "detach") or isinstance(part, np.ma.MaskedArray) for part in given):
        parts = [_listed(part, what) for part in given]
        given = np.ma.array(parts) if len({np.shape(part) for part in parts}) == 1 else given
    if isinstance(given, np.ma.MaskedArray):
        return _of_masked(given, what)
    if not hasattr(given, "__array__") and hasattr(given, "__dlpack__"):
        try:
            given = np.from_dlpack(given)
        except (TypeError, ValueError, RuntimeError, BufferError) as error:
            raise DataError(
                f"{what}: numpy cannot read this {_kind(given)} ({short(str(error), 80)}). Give a numpy array."
            ) from None
    try:
        array = np.asarray(given)
    except ValueError:  # numpy's word for lists of unequal lengths
        raise DataError(f"{what}: a list whose rows have unequal shapes. Every row needs the same.") from None
    except (TypeError, RuntimeError) as error:
        raise DataError(f"{what}: numpy cannot read this {_kind(given)} ({short(str(error), 80)}). Give a numpy array.") from None
    return array, array.dtype.name


def as_numbers(given: Any, what: str) -> tuple[np.ndarray, str]:
    """As `as_array`, for what has to be real numbers: bool, integers or floats. Raises DataError for anything else."""
    array, dtype = as_array(given, what)
    if array.dtype.kind == "O":
        array, dtype = _of_objects(array, what), "float64"
    if array.dtype.kind not in "biuf":
        fields = array.dtype.names
        kind = f"named fields ({', '.join(map(short, fields[:3]))}, ...)" if fields else f"type {dtype}"
        raise DataError(f"{what} has {kind}; only an array of real numbers (bool, integers, floats) can be used.")
    return array, dtype


def _of_tensor(tensor: Any, what: str) -> tuple[np.ndarray, str]:
    dtype, layout = (str(part).removeprefix("torch.") for part in (tensor.dtype, tensor.layout))
    if layout != "strided":
        raise DataError(f"{what}: a sparse tensor ({layout}). Give all its numbers: x.to_dense().")
    try:
        if tensor.is_floating_point() and dtype not in HELD:
            tensor, dtype = tensor.float(), dtype if dtype == "bfloat16" else "float32"
        return tensor.numpy(force=True), dtype
    except (TypeError, RuntimeError, NotImplementedError) as error:
        where = f"a tensor of type {dtype} on {tensor.device}"
        raise DataError(f"{what}: numpy cannot read {where} ({short(str(error), 80)}). Give a numpy array.") from None


def _listed(part: Any, what: str) -> Any:
    return part if isinstance(part, np.ma.MaskedArray) else as_array(part, what)[0]


def _of_masked(masked: np.ma.MaskedArray, what: str) -> tuple[np.ndarray, str]:
    """A masked array with NaN in place of what is masked, or None among texts. The type that is named is the array's own."""
    dtype, gaps = masked.dtype, np.ma.getmaskarray(masked)
    if dtype.names is not None or not gaps.any():
        return np.asarray(masked.data), dtype.name
    if dtype.kind not in "biuf":
        texts = masked.data.astype(object)
        texts[gaps] = None
        return texts, dtype.name
    if dtype.kind != "f" and (np.abs(masked.astype(np.float64)) >= EXACT).any():
        raise DataError(f"{what} holds {BEYOND}")
    floats = dtype if dtype.kind == "f" else np.float32 if dtype.itemsize <= 2 else np.float64
    return np.ma.filled(masked.astype(floats), np.nan), dtype.name


def _of_objects(array: np.ndarray, what: str) -> np.ndarray:
    """Python's numbers as float64. Raises DataError naming the first that is none, or is a whole number that float64 would round."""
    if array.ndim == 0:
        raise DataError(
            f"{what}: a {_kind(array.item())} is no array. Give its numbers as an array of shape (N, ...), a row each."
        )
    found = np.empty(array.size)
    for i, value in enumerate(array.flat):
        if value is None or type(value).__name__ in ("NAType", "NaTType"):  # what pandas writes where something is missing
            found[i] = np.nan
        elif isinstance(value, numbers.Real | Decimal):
            found[i] = float(value)
            if isinstance(value, numbers.Integral) and abs(int(value)) >= EXACT and int(found[i]) != value:
                raise DataError(f"{what} holds {value}, {BEYOND}")
        else:
            place = ", ".join(map(str, np.unravel_index(i, array.shape)))
            raise DataError(f"{what} holds {short(repr(value))} at [{place}], which is no number. Leave that column out.")
    return found.reshape(array.shape)


def _kind(given: Any) -> str:
    return type(given).__name__
