"""Rows from the user to float64, and back: the same shape, type and kind of array as the data that was fitted."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstir.data.given import as_numbers
from unstir.errors import DataError, NumericsError
from unstir.model.card import Card


def rows_of(x: Any, shape: tuple[int, ...]) -> Tensor:
    """Rows x (N, *shape), in anything that `unstir.data.given` takes, as a float64 tensor: a copy, with NaN for what is missing.

    Raises DataError for rows of another shape, and for what is no array of numbers.

    >>> rows_of(np.arange(4)[::-1], (1,)).tolist(), rows_of([], (2, 3)).shape
    ([[3.0], [2.0], [1.0], [0.0]], torch.Size([0, 2, 3]))
    """
    array, _ = as_numbers(x, "the array")
    rows = torch.from_numpy(np.array(array, dtype=np.float64, order="C"))
    if not rows.numel() and rows.ndim == 1:
        return rows.reshape(0, *shape)
    rows = rows[:, None] if rows.ndim == 1 and shape == (1,) else rows
    if tuple(rows.shape[1:]) != shape or not rows.ndim:
        alone = " It is a single row: pass it as x[None]." if tuple(rows.shape) == shape else ""
        raise DataError(f"rows of shape {tuple(rows.shape[1:])}, but the model was trained on rows of {shape}.{alone}")
    return rows


def one_row(x: Any, shape: tuple[int, ...]) -> Tensor:
    """A single row, as it is or among (1, *shape), as `rows_of` gives it: (1, *shape)."""
    array, _ = as_numbers(x, "a row")
    return rows_of(array if array.shape == (1, *shape) else array[None], shape)


def typed(x: Tensor, card: Card) -> Any:
    """Rows x (N, ...) in the data's units, float64, as the kind of array that was fitted. Raises NumericsError if they are not finite.

    What lies beyond the range of the type becomes its smallest or largest finite value, for floats as for whole numbers: 65,504 in float16.
    """
    refuse_infinite(x)
    dtype = getattr(torch, card.dtype, torch.float64)
    if dtype == torch.bfloat16 and card.kind == "numpy":
        dtype = torch.float32  # numpy has no bfloat16
    if not dtype.is_floating_point:
        x = x.round()
    x = x.detach().clamp(*_range(dtype, card)).to(dtype)
    return x if card.kind == "torch" else x.numpy()


def refuse_infinite(x: Tensor) -> None:
    """Raise NumericsError if any of the rows x (N, ...) is not finite."""
    if not x.isfinite().all():
        raise NumericsError(
            f"{int((~x.isfinite()).flatten(1).any(1).sum())} of {len(x)} rows are not finite. "
            "Use another method, more steps, or less guidance. If the model was trained only briefly, train longer."
        )


def _range(dtype: torch.dtype, card: Card) -> tuple[float, float]:
    """The smallest and the largest float64 that the type, and the bounds of the data if it has any, can hold.

    float64 has no 2^63 - 1: the nearest is 2^63, which an int64 would wrap to the other end.
    """
    if dtype == torch.bool:
        return card.bounds or (0.0, 1.0)
    if dtype.is_floating_point:
        largest = torch.finfo(dtype).max
        return -largest, largest
    low, high = card.bounds or (torch.iinfo(dtype).min, torch.iinfo(dtype).max)
    nearest = float(high)
    return float(low), math.nextafter(nearest, 0.0) if nearest > high else nearest
