"""Helpers for editing existing rows: the arc between two rows of noise, and masks that say which elements of a row are known.

    slerp(a, b; u) = (sin((1 - u) w) a + sin(u w) b) / sin w,      cos w = a . b / |a| |b|                (1)

Between two rows of standard normal noise, (1) keeps the length of such noise. The straight line is shorter in the middle, so it would
be noise that the model has never seen (Shoemake 1985; for noise Song, Meng & Ermon 2021, section 5.3).

    >>> slerp(torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0]), 3).tolist()
    [[3.0, 0.0], [2.1213..., 2.1213...], [0.0, 3.0]]
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstir.data.given import as_numbers
from unstir.errors import DataError, UsageError


def slerp(a: Tensor, b: Tensor, n: int) -> Tensor:
    """n rows (n, ...) from a (...) to b (...) by eq. (1), both ends included. Raises UsageError for fewer than two."""
    if n < 2:
        raise UsageError(f"asked for {n} rows from one to another; at least 2 are needed, for both ends.")
    share = torch.linspace(0, 1, n, dtype=torch.float64).reshape(-1, *[1] * a.ndim)
    x, y = a.double(), b.double()
    w = torch.arccos(((x * y).sum() / (x.norm() * y.norm())).clamp(-1, 1))
    if w.sin() < 1e-6:  # the same direction, or opposite directions, which have no shortest arc
        return torch.lerp(x, y, share).to(a.dtype)
    return ((((1 - share) * w).sin() * x + (share * w).sin() * y) / w.sin()).to(a.dtype)


def known_part(mask: Any, shape: tuple[int, ...]) -> Tensor:
    """The mask broadcast to `shape`, the (N, ...) of the rows: bool, True for elements that are known.

    A mask holds True and False, or 1 and 0. Raises DataError for other values, and for a shape that does not broadcast.

    >>> known_part([[True, False]], (3, 2)).sum().item()
    3
    """
    mask, _ = as_numbers(mask, "a mask")
    if not np.isin(mask, (0, 1)).all():
        raise DataError(
            "a mask holds True or 1 for elements that are known, False or 0 for elements to be made, and nothing else."
        )
    try:
        return torch.from_numpy(np.broadcast_to(mask.astype(bool), shape).copy())
    except ValueError:
        raise DataError(
            f"a mask of shape {mask.shape} does not fit rows of shape {shape}: give {shape[1:]} or {shape}."
        ) from None
