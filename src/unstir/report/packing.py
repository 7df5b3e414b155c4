"""Arrays inside JSON: rounded to 16 or 8 bits between the smallest and the largest value, little endian, base64.

    value = low + (high - low) (stored + 32768) / 65535   int16         low + (high - low) stored / 255   uint8       (1)

`low` and `high` have one number for each entry of the last axis, because columns differ in range. Rounding changes a value by at most
half a step of (1): with int16 that is a hundred-thousandth of the range, far less than a pixel.

    >>> packed = pack(np.array([[0.0, -1.0], [1.0, 3.0]]))
    >>> packed["shape"], packed["low"], packed["high"], packed["b64"]
    ([2, 2], [0.0, -1.0], [1.0, 3.0], 'AIAAgP9//38=')
"""

import base64
from typing import Any

import numpy as np

LEVELS = {"int16": (65535, -32768), "uint8": (255, 0)}  # steps from low to high, and what is stored at low


def pack(values: np.ndarray, kind: str = "int16", low: Any = None, high: Any = None) -> dict[str, Any]:
    """An array (..., c) packed by (1). `low` and `high` default to each column's smallest and largest value; others are clipped to them."""
    values = np.asarray(values, dtype=np.float64)
    flat = values.reshape(-1, values.shape[-1])
    least = flat.min(0) if low is None else np.full(flat.shape[1], low, dtype=np.float64)
    most = flat.max(0) if high is None else np.full(flat.shape[1], high, dtype=np.float64)
    steps, first = LEVELS[kind]
    place = (values - least) / np.where(most > least, most - least, 1.0)
    stored = (np.rint(place.clip(0, 1) * steps) + first).astype("<i2" if kind == "int16" else "u1")
    return _packed(stored, kind, least.tolist(), most.tolist())


def pack_classes(labels: np.ndarray | None) -> dict[str, Any] | None:
    """Class ids (n,), one byte each; None if there are no labels, or an id above 255."""
    if labels is None or labels.max(initial=0) > 255:
        return None
    return _packed(labels.astype("u1"), "uint8", 0, 255)


def _packed(stored: np.ndarray, kind: str, low: Any, high: Any) -> dict[str, Any]:
    text = base64.b64encode(stored.tobytes()).decode()
    return {"shape": list(stored.shape), "type": kind, "low": low, "high": high, "b64": text}


def numbers(values: Any, digits: int = 6) -> Any:
    """An array as nested lists of numbers, rounded to `digits` digits; None for NaN and infinities.

    >>> numbers(np.array([1 / 3, np.nan, np.inf]))
    [0.333333, None, None]
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim:
        return [numbers(value, digits) for value in values]
    return float(f"{values:.{digits}g}") if np.isfinite(values) else None
