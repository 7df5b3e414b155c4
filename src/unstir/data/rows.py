"""Rows: an array that may be larger than memory, and which of its rows are meant.

Rows are held as they came, in memory or mapped from a file, and become floats only where they are asked for. Whole numbers of up
to 16 bits fit float32, as do floats of up to 32; the others become float64. A selection is a list of numbers, not a copy:

    rows.take(a).take(b) = rows.take(a[b])                                                              (1)

Who needs all of them takes them in blocks of a few MB. Where the order does not matter, `scan` walks through the file once, from its
start to its end, whatever the order of the rows; those that fit into one block come in their own order.

A mapped page that was read stays in memory until the system wants it back, and counts as ours until then. So each read lets go of
its pages: what is in use is then a block, not all that was ever read. A file that is mapped must not be changed meanwhile.

    >>> rows = Rows(np.arange(6, dtype=np.uint8).reshape(3, 2))
    >>> rows.take(np.array([2, 0]))[:].tolist(), rows.dtype.name, rows.held.dtype.name
    ([[4.0, 5.0], [0.0, 1.0]], 'float32', 'uint8')
"""

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

BLOCK = 2**22  # numbers in a block: 32 MB as float64


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of `held` (M, ...): all, or those numbered `index` (N,) in that order; mirrored along `mirror`, an axis of a row from its end.

    Indexing gives floats, as of an array (N, ...): `rows[i]` one row, `rows[which]` of a slice, numbers or a mask those rows.

    >>> Rows(np.array([[1, 2, 3], [4, 5, 6]]), mirror=-1)[0].tolist()
    [3.0, 2.0, 1.0]
    """

    held: np.ndarray
    index: np.ndarray | None = None
    mirror: int | None = None

    def __len__(self) -> int:
        """The number of rows, N."""
        return len(self.held) if self.index is None else len(self.index)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ...), as of an array."""
        return len(self), *self.held.shape[1:]

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """What a row becomes: float32 where that is exact, else float64."""
        exact_bits = 32 if self.held.dtype.kind == "f" else 16
        return np.dtype(np.float32 if 8 * self.held.itemsize <= exact_bits else np.float64)

    def __getitem__(self, which: int | slice | np.ndarray) -> np.ndarray:
        """Those rows as floats, in memory: shared with `held` where they are just that, and can be written to."""
        with np.errstate(over="ignore"):  # a long double beyond float64 becomes infinite, and is refused as that
            found = np.ascontiguousarray(self.raw(which), dtype=self.dtype)
        found = found if found.flags.writeable else found.copy()
        let_go(self.held)
        return found

    def raw(self, which: int | slice | np.ndarray) -> np.ndarray:
        """Those rows as they are held, perhaps not copied."""
        found = self.held[which if self.index is None else self.index[which]]
        return found if self.mirror is None else np.flip(found, self.mirror)

    def take(self, which: np.ndarray) -> "Rows":
        """Eq. (1): those rows, none of them copied."""
        return replace(self, index=which if self.index is None else self.index[which])

    @property
    def in_block(self) -> int:
        """How many rows are a block."""
        return max(1, BLOCK // max(1, math.prod(self.held.shape[1:])))

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """All rows in order, as floats, some at a time: the number of the first, and (n, ...).

        >>> [(start, block.shape) for start, block in Rows(np.zeros((3, BLOCK // 2))).blocks()]
        [(0, (2, 2097152)), (2, (1, 2097152))]
        """
        for start in range(0, len(self), self.in_block):
            yield start, self[start : start + self.in_block]

    def scan(self) -> Iterator[np.ndarray]:
        """All rows as floats, some at a time, each once, in the order in which they lie."""
        if self.index is None:
            yield from (block for _, block in self.blocks())
            return
        stretch = self.index // self.in_block
        order = np.argsort(stretch, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(stretch[order])) + 1):
            yield self[part]

    def ends(self) -> tuple[float, float]:
        """The smallest and the largest number."""
        lows, highs = zip(*((block.min(), block.max()) for block in self.scan()), strict=True)
        return float(min(lows)), float(max(highs))


def let_go(array: np.ndarray) -> None:
    """Give the pages of a mapped array back; of one that is in memory there is nothing to give."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)
