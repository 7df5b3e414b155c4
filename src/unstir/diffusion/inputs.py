"""What a caller may give as a time or as a step of a chain: checked, and made a float64 tensor.

A time is a number from 0.0 (data) to 1.0 (noise), a list, an array or a tensor of them. A step is a whole number from 0 to T. The two
look alike, 1 and 1.0, so a time is never a whole number: step 500 taken for a time would be noise without any data.

    >>> times([0.0, 0.5], T=1000), times_of_steps(500, T=1000).item()
    (tensor([0.0000, 0.5000], dtype=torch.float64), 0.5)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstir.errors import UsageError
from unstir.words import counted

Time = Tensor | float | Sequence[float] | np.ndarray
"""One time, 0.5, or times of any shape: a list, an array or a tensor."""
Step = Tensor | int | Sequence[int] | np.ndarray
"""One step of a chain, 500, or steps of any shape."""

ROUNDING = 1e-6  # a time may miss 0 or 1 by this much: float32 rounds by less


def times(t: Time, T: int | None) -> Tensor:
    """Times as a float64 tensor of the same shape, for a chain of T steps or a schedule without steps (None).

    The range is checked on the CPU only: to look at a time on a GPU is to wait for everything that was started there before.
    Raises UsageError for whole numbers, and for times outside [0, 1].

    >>> times(500, T=1000)
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: a time is a number from 0.0 (data) to 1.0 (noise) with a decimal point, not 500. Step 500 of this chain
    of 1,000 steps is schedule.at(500), and its time is schedule.time(500).
    """
    found = t if isinstance(t, Tensor) else _tensor(t)
    if not found.is_floating_point():
        raise _no_time(found, T)
    if found.device.type == "cpu" and found.numel():
        low, high = (found.item(),) * 2 if found.ndim == 0 else found.detach().aminmax()
        if not (low >= -ROUNDING and high <= 1 + ROUNDING):
            raise _no_time(found, T)
    return found.double()


def times_of_steps(n: Step, T: int) -> Tensor:
    """The times n / T of steps n of a chain, the shape of n. Raises UsageError for a step that is not one of 0, 1, ..., T."""
    steps = float64(n)
    wrong = ~((steps >= 0) & (steps <= T) & (steps == steps.round()))
    if wrong.any():
        raise UsageError(f"a step of this chain is a whole number from 0 to {T:,}, not {steps[wrong][0].item():g}.")
    return steps / T


def float64(numbers: Any) -> Tensor:
    """Numbers, a list, an array or a tensor of them, as a float64 tensor of the same shape."""
    return (numbers if isinstance(numbers, Tensor) else _tensor(numbers)).double()


def _tensor(numbers: Any) -> Tensor:
    """A tensor of numpy's type for these numbers: float64 for 0.5, int64 for 5. It is a copy, because torch cannot share every view."""
    try:
        array = np.asarray(numbers)
        return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
    except (TypeError, ValueError, RuntimeError):
        raise UsageError(f"a number, or a list or array of numbers, is needed here, not {numbers!r:.60}.") from None


def _no_time(t: Tensor, T: int | None) -> UsageError:
    wrong = t.detach().flatten()
    inside = (wrong >= -ROUNDING) & (wrong <= 1 + ROUNDING)
    first = (wrong if inside.all() else wrong[~inside])[0].item()
    if T is None:
        where = "This schedule is no chain, so it has no steps."
    elif first in range(T + 1):
        n = int(first)
        where = f"Step {n} of this chain of {counted(T, 'step')} is schedule.at({n}), and its time is schedule.time({n})."
    else:
        where = f"Step n of this chain of {counted(T, 'step')} is schedule.at(n), for n from 0 to {T:,}."
    return UsageError(f"a time is a number from 0.0 (data) to 1.0 (noise) with a decimal point, not {first}. {where}")
