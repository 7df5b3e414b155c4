"""Distributions of symbols as intervals of whole numbers, which sum to 2^28 exactly: bins of a normal distribution, and tables of weights.

    a bin j = 0 .. n - 1 of a normal distribution has its edges at (origin + j -+ 1/2) step;  the first and the last one have no outer edge

    below(j) = floor((2^28 - n) Phi((edge_j - mean) / deviation)) + j          below(0) = 0, below(n) = 2^28              (1)
    below(k) = floor((2^28 - K) (w_0 + ... + w_{k-1}) / sum w) + k             for weights w                              (2)

Every symbol has a width of at least 1, so everything can be coded. Phi comes from a stored table of whole numbers, and the rest is one
operation of IEEE 754 after the other, which Python and numpy do in the same way. So an interval is the same wherever it is computed.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import partial

import numpy as np

from unstir.compression.arithmetic import DENSE, NORMAL, REACH
from unstir.compression.stack import LOWEST, PRECISION, TOTAL, WORD, Stack

OFFSET = REACH * DENSE + 0.5  # from z in units of the table to the nearest entry
LAST = 2 * REACH * DENSE
COARSE = 12  # bits of q by which a first guess is looked up


class Phi:
    """The table of the normal distribution, from -8 to 8, made of the stored half of it."""

    def __init__(self, half: np.ndarray):
        upper = half.astype(np.int64)
        self.table = np.concatenate([2**NORMAL - upper[:0:-1], upper])
        self.entries = self.table.tolist()
        guesses = np.searchsorted(self.table, (np.arange(2**COARSE) + 0.5) * 2.0 ** (NORMAL - COARSE))
        self.guesses = (guesses.clip(1, LAST - 1) - OFFSET).tolist()


@dataclass(frozen=True, eq=False)
class Normals:
    """Eq. (1) for N symbols: `mean` and `deviation` (N,), `origin` (N,) whole numbers, the same number of bins and step for all."""

    phi: Phi
    mean: np.ndarray
    deviation: np.ndarray
    origin: np.ndarray
    count: int
    step: float

    def intervals(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Start and width of symbols (N,) from 0 to n - 1: int64."""
        start, end = self._below(symbols), self._below(symbols + 1)
        return start, end - start

    def _below(self, j: np.ndarray) -> np.ndarray:
        place = ((self.origin + j) - 0.5) * self.step
        place -= self.mean
        place *= self._slope
        place += OFFSET
        phi = self.phi.table.take(np.clip(place, 0.0, float(LAST)).astype(np.int64))
        found = (phi * (TOTAL - self.count) >> NORMAL) + j
        found[j <= 0] = 0
        found[j >= self.count] = TOTAL
        return found

    @property
    def _slope(self) -> np.ndarray:
        return DENSE / self.deviation

    def pop(self, stack: Stack) -> np.ndarray:
        """Pop the N symbols: int64. One loop without calls, because this is what takes the time of the coder."""
        table, guesses, step, free = self.phi.entries, self.phi.guesses, self.step, TOTAL - self.count
        shift, mask, offset, last, normal = PRECISION - COARSE, TOTAL - 1, OFFSET, LAST, NORMAL
        x, words, symbols, most = stack.state, stack.words, [], self.count - 1
        for mean, slope, origin in zip(self.mean.tolist(), self._slope.tolist(), self.origin.tolist(), strict=True):
            q = x & mask
            j = int((guesses[q >> shift] / slope + mean) / step - origin + 0.5)
            j = 0 if j < 0 else most if j > most else j
            start = end = -1
            while True:  # `below` of j and of j + 1, each once
                if start < 0:
                    place = (((origin + j) - 0.5) * step - mean) * slope + offset
                    start = (table[0 if place < 0 else last if place > last else int(place)] * free >> normal) + j if j else 0
                if start > q:
                    j, end, start = j - 1, start, -1
                    continue
                if end < 0:
                    place = (((origin + (j + 1)) - 0.5) * step - mean) * slope + offset
                    end = (table[0 if place < 0 else last if place > last else int(place)] * free >> normal) + j + 1
                    end = end if j < most else TOTAL
                if end > q:
                    break
                j, start, end = j + 1, end, -1
            symbols.append(j)
            x = (end - start) * (x >> PRECISION) + q - start
            if x < LOWEST:
                x = (x << WORD) | (words.pop() if words else stack.word())
        stack.state = x
        return np.array(symbols, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Weighted:
    """Eq. (2) for N symbols: `weights` (N, K) whole numbers, float64, whose sums are below 2^53."""

    weights: np.ndarray

    @property
    def edges(self) -> np.ndarray:
        """`below` at 0 .. K: (N, K + 1) int64."""
        sums = np.zeros((len(self.weights), self.weights.shape[1] + 1), dtype=np.int64)
        np.cumsum(self.weights.astype(np.int64), 1, out=sums[:, 1:])
        count = self.weights.shape[1]
        return sums * (TOTAL - count) // sums[:, -1:] + np.arange(count + 1)

    def intervals(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Start and width of symbols (N,) from 0 to K - 1: int64."""
        edges, rows = self.edges, np.arange(len(symbols))
        return edges[rows, symbols], edges[rows, symbols + 1] - edges[rows, symbols]

    def pop(self, stack: Stack) -> np.ndarray:
        """Pop the N symbols: int64."""

        def find(edges: list[int], q: int) -> tuple[int, int, int]:
            k = bisect_right(edges, q) - 1
            return k, edges[k], edges[k + 1] - edges[k]

        return np.array(stack.pop([partial(find, edges) for edges in self.edges.tolist()]), dtype=np.int64)


Distribution = Normals | Weighted
