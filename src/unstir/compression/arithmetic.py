"""Arithmetic that gives the same bits on every machine, with any number of threads, in batches of any size.

A number is a float64 array of whole numbers, the *counts*: an activation a is round(1024 a). A weight is stored as round(4096 w), and a
product is taken with that over 4096, which is exact. Then

    sum of counts x weights     every product and every partial sum is a multiple of 1 / 4096 below 2^41, so no order of the sum changes it (1)
    + - * / sqrt of two arrays  IEEE 754 rounds each of them correctly, so every machine does it in the same way                     (2)
    silu, exp, sin              tables of whole numbers, stored with the model: a machine's own functions differ in the last digit   (3)

(1) holds for a product of matrices whoever computes it. (2) holds as long as each operation is a call of its own: a fused multiply-add
rounds once where two operations round twice. numpy fuses none. Activations are kept below `limit` counts, which keeps (1) true; how far
(1) is from its limit is checked when a network is compiled.

    >>> x = np.array([[1024.0, -512.0]])                              # 1.0 and -0.5
    >>> Arithmetic(tables()).linear(x, np.array([[0.5], [1.0]]), np.array([0.0]))            # 0.5 * 1.0 + 1.0 * -0.5
    array([[0.]])
"""

import math
from collections.abc import Mapping

import numpy as np
import torch

ACTIVATION, WEIGHT = 1024.0, 4096.0  # counts of 1.0
LARGEST = 2.0**53  # of the whole numbers that a float64 holds without gaps
STEEP = 16  # silu(x) is x above 16 and 0 below -16, to the nearest count
UNIT = 2.0**20  # what exp(0) counts as in its table
DEEP = 14  # exp(-14) is less than one such count
TURN = 2**14  # angles of a full turn in the table of sines
PHASE = 2**32  # a full turn, as a whole number
NORMAL, REACH, DENSE = 30, 8, 4096  # the table of the normal distribution: counts of 2^-30, from -8 to 8, 4096 a unit
EPSILON = 1e-5  # of layer and group normalisation

Tables = Mapping[str, np.ndarray]


def tables() -> dict[str, np.ndarray]:
    """The tables of (3), int32, as this machine computes them. They are made once for a model, and stored.

    `silu` at -16 .. 16 counts of 1/1024, `exp` at 0, -1, ... -14 x 1024, `sine` of a full turn, and `normal`: Phi(z) for z from 0 to 8.
    """
    x = np.arange(-STEEP * 1024, STEEP * 1024) / 1024
    z = np.arange(REACH * DENSE + 1) / DENSE
    phi = [0.5 * math.erfc(-value / math.sqrt(2)) for value in z.tolist()]
    return {
        "silu": np.rint(1024 * x / (1 + np.exp(-x))).astype(np.int32),
        "exp": np.rint(UNIT * np.exp(-np.arange(DEEP * 1024 + 1) / 1024)).astype(np.int32),
        "sine": np.rint(1024 * np.sin(2 * np.pi * np.arange(TURN) / TURN)).astype(np.int32),
        "normal": np.rint(2.0**NORMAL * np.array(phi)).astype(np.int32),
    }


class Arithmetic:
    """The operations of a network on counts. Arrays are float64 with whole numbers; `limit` is the largest activation in counts."""

    def __init__(self, stored: Tables, limit: float = 2.0**19):
        self.limit = limit
        below, inside = np.zeros(int(limit) - STEEP * 1024), stored["silu"].astype(np.float64)
        self._silu = np.concatenate([below, inside, np.arange(STEEP * 1024, limit + 1)])
        self._exp = stored["exp"].astype(np.float64)
        self._sine = stored["sine"].astype(np.float64)

    def settled(self, x: np.ndarray) -> np.ndarray:
        """Rounded to whole counts within the limit; x is changed."""
        return self.limited(np.rint(x, out=x))

    def limited(self, x: np.ndarray) -> np.ndarray:
        """Kept within the limit; x is changed."""
        return np.clip(x, -self.limit, self.limit, out=x)

    def linear(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """x (..., in) times weight (in, out) plus bias (out,), both in steps of 1 / 4096: (..., out)."""
        made = torch.addmm(*map(torch.from_numpy, (bias, x.reshape(-1, x.shape[-1]), weight))).numpy()  # twice as fast as numpy's
        return self.settled(made).reshape(*x.shape[:-1], weight.shape[1])

    def convolution(
        self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray, size: tuple[int, int], stride: int = 1
    ) -> np.ndarray:
        """x (B, H, W, in), weight (size[0] * size[1] * in, out): (B, H', W', out), with zeros around x, every `stride`-th position.

        `size` has odd numbers. A size of 1 along an axis is an axis of one position, which is not thinned out. It is a sum of products, one
        for each row of the window, of what lies beside each other: less is copied than for a single product.
        """
        if size == (1, 1):
            return self.linear(x, weight, bias)
        (rows, columns), (b, h, w, c) = size, x.shape
        down, across = (stride if along > 1 else 1 for along in size)
        high, wide = (h - 1) // down + 1, (w - 1) // across + 1
        seen = np.zeros((h + rows - 1, b, wide, columns, c))
        inside, turned = seen[rows // 2 : rows // 2 + h], x.swapaxes(0, 1)
        for k in range(columns):
            away = k - columns // 2
            first, last = max(0, -(away // across)), min(wide - 1, (w - 1 - away) // across)
            inside[:, :, first : last + 1, k] = turned[:, :, first * across + away : last * across + away + 1 : across]
        parts = torch.from_numpy(weight.reshape(rows, columns * c, -1))
        made = torch.from_numpy(bias)
        for k, part in enumerate(parts):
            of_row = torch.from_numpy(seen[k : k + (high - 1) * down + 1 : down].reshape(-1, columns * c))
            made = torch.addmm(made, of_row, part) if k == 0 else made.addmm_(of_row, part)
        found = np.empty((b, high, wide, made.shape[1]))
        np.rint(made.numpy().reshape(high, b, wide, -1).swapaxes(0, 1), out=found)
        return self.limited(found)

    def normalised(self, x: np.ndarray, groups: int, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """scale * (x - mean) / deviation + shift, not rounded, of x (B, ..., C): the statistics of C / groups channels at all positions.

        scale and shift (C,) count activations.
        """
        flat, width = x.reshape(len(x), -1, x.shape[-1]), x.shape[-1] // groups
        n = float(flat.shape[1] * width)
        mean = flat.sum(1).reshape(len(x), groups, width).sum(2) / n  # whole numbers: in any order the same
        square = np.square(flat).sum(1).reshape(len(x), groups, width).sum(2) / n
        variance = np.maximum(square - mean * mean, 0.0)
        inverse = 1.0 / np.sqrt(variance + EPSILON * ACTIVATION * ACTIVATION)
        factor = np.repeat(inverse, width, 1) * scale
        offset = shift - np.repeat(mean, width, 1) * factor
        around = (len(x), *[1] * (x.ndim - 2), x.shape[-1])
        made = x * factor.reshape(around)
        made += offset.reshape(around)
        return made

    def silu(self, x: np.ndarray) -> np.ndarray:
        """silu(x) of x that need not be whole; x is changed."""
        x += self.limit + 0.5
        np.clip(x, 0.0, 2 * self.limit, out=x)
        return self._silu.take(x.astype(np.intp), mode="clip")  # nothing is beyond: this mode alone copies nothing first

    def exponentials(self, x: np.ndarray) -> np.ndarray:
        """exp(x / 1024) in counts of 2^-20, of x <= 0; 0 below -14."""
        place = np.clip(0.5 - x, 0.0, DEEP * 1024.0).astype(np.intp)
        return np.where(x < -DEEP * 1024.0, 0.0, self._exp.take(place, mode="clip"))

    def attention(self, q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
        """softmax(q k^T / sqrt(d)) v of (B, heads, positions, d)."""
        logits = (q @ k.swapaxes(2, 3)) * (1.0 / (ACTIVATION * math.sqrt(q.shape[3])))
        np.rint(logits, out=logits)
        logits -= logits.max(3, keepdims=True)
        parts = self.exponentials(logits)
        return self.settled((parts @ v) / parts.sum(3, keepdims=True))

    def waves(self, x: np.ndarray, octaves: int) -> np.ndarray:
        """sin and cos of 1, 2, 4, ... times x (B, D): (B, 2 * D * octaves), an element's sines side by side, then all cosines."""
        angle = x.astype(np.int64)[..., None] * (2 ** np.arange(octaves, dtype=np.int64))
        turns = angle * round(PHASE / (2 * math.pi * 1024))  # a whole number on every machine: no digit of it is near a half
        sines = [self._sine.take(((turns + quarter) % PHASE) // (PHASE // TURN)) for quarter in (0, PHASE // 4)]
        return np.concatenate([part.reshape(len(x), -1) for part in sines], 1)
