"""Rows from the user to float64, and back: the same shape, type and kind of array as the data that was fitted."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstir.errors import DataError, NumericsError
from unstir.model.card import Card


def rows_of(x: Any, shape: tuple[int, ...]) -> Tensor:
    """Rows x (N, *shape), in numpy, torch or lists, as a float64 tensor. Raises DataError for rows of another shape."""
    rows = x.detach().cpu().double() if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x, dtype=np.float64))
    rows = rows[:, None] if rows.ndim == 1 and shape == (1,) else rows
    if tuple(rows.shape[1:]) != shape:
        raise DataError(f"rows of shape {tuple(rows.shape[1:])}, but the model was trained on rows of {shape}.")
    return rows


def typed(x: Tensor, card: Card) -> Any:
    """Rows x (N, ...) in the data's units, float64, as the kind of array that was fitted. Raises NumericsError if they are not finite."""
    if not x.isfinite().all():
        raise NumericsError(
            f"{int((~x.isfinite()).flatten(1).any(1).sum())} of {len(x)} rows are not finite. "
            "Use another method, more steps, or less guidance. If the model was trained only briefly, train longer."
        )
    dtype = getattr(torch, card.dtype, torch.float64)
    if dtype == torch.bfloat16 and card.kind == "numpy":
        dtype = torch.float32  # numpy has no bfloat16
    if not dtype.is_floating_point:
        widest = (0, 1) if dtype == torch.bool else (torch.iinfo(dtype).min, torch.iinfo(dtype).max)
        x = x.round().clamp(*(card.bounds or widest))
    return x.to(dtype) if card.kind == "torch" else x.to(dtype).numpy()
