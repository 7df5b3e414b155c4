"""Which numbers a setting of a schedule may be, and the message where it is another one.

>>> in_range(0, 1, beta_min=1.5)
Traceback (most recent call last):
...
unstir.errors.UsageError: schedule setting beta_min = 1.5 has to be a number above 0 and below 1.
"""

from numbers import Real
from typing import Any

from unstir.errors import UsageError

LONGEST = 100_000  # steps of a chain made by name: it keeps its betas one by one


def in_range(low: float, high: float, ends: bool = False, **settings: Any) -> None:
    """Raise UsageError unless every setting is a number between low and high; with `ends`, low and high are allowed too."""
    for name, value in settings.items():
        if not is_between(value, low, high, ends):
            allowed = f"from {low:g} to {high:g}" if ends else f"above {low:g} and below {high:g}"
            raise UsageError(f"schedule setting {name} = {shown(value)} has to be a number {allowed}.")


def whole_steps(T: Any) -> int:
    """T as a whole number of steps; 50.0 becomes 50. Raises UsageError outside 2 .. 100,000.

    >>> whole_steps(50.0)
    50
    """
    if not is_between(T, 2, LONGEST, ends=True) or int(T) != T:
        raise UsageError(f"schedule setting T = {shown(T)} has to be a whole number from 2 to {LONGEST:,}.")
    return int(T)


def is_between(value: Any, low: float, high: float, ends: bool = False) -> bool:
    """Whether a value is a number (True and False are none) between low and high."""
    return _is_number(value) and (low <= value <= high if ends else low < value < high)


def shown(value: Any) -> str:
    """A value as Python writes it, cut after 40 characters."""
    return f"{value!r:.40}"


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
