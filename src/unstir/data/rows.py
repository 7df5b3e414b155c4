"""Rows: an array that may be larger than memory, and a selection of its rows.

The array is held as it came, in memory or mapped from a file, and rows become floats only when they are asked for. Whole numbers of
up to 16 bits and floats of up to 32 bits become float32, the others float64. A selection is a list of row numbers, not a copy:

    rows.take(a).take(b) = rows.take(a[b])                                                              (1)

To go through all rows, take them in blocks of a few MB. Where the order does not matter, `scan` reads the file once from start to
end, whatever the order of the selection; rows that fit into one block keep their own order.

The system keeps a page of a mapped file in memory after it was read, and counts it as ours. So each read gives its pages back: the
memory in use is then one block, not everything that was ever read. A file must not be changed while it is mapped. Only files that the
library has mapped itself (`mapped`) are treated so: to give back a page of a private mapping is to lose what was written there.

    >>> rows = Rows(np.arange(6, dtype=np.uint8).reshape(3, 2))
    >>> rows.take(np.array([2, 0]))[:].tolist(), rows.dtype.name, rows.held.dtype.name
    ([[4.0, 5.0], [0.0, 1.0]], 'float32', 'uint8')
"""

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal
from weakref import WeakSet

import numpy as np

BLOCK = 2**22  # numbers in a block: 32 MB as float64
_OURS = WeakSet[mmap.mmap]()  # what `mapped` has mapped


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of the array `held` (M, ...): all of them, or those with the numbers `index` (N,), in that order.

    With `mirror`, an axis of a row counted from its end, rows are mirrored along that axis. Indexing works as on an array (N, ...) and
    gives floats: `rows[i]` is one row, `rows[which]`, with a slice, row numbers or a mask, is those rows.

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
        """(N, ...), the shape of the array that the rows would make."""
        return len(self), *self.held.shape[1:]

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """The type of the floats: float32 where that is exact, else float64."""
        exact_bits = 32 if self.held.dtype.kind == "f" else 16
        return np.dtype(np.float32 if 8 * self.held.itemsize <= exact_bits else np.float64)

    def __getitem__(self, which: int | slice | np.ndarray) -> np.ndarray:
        """Those rows as floats in memory: always a copy, which may be written to."""
        with np.errstate(over="ignore"):  # a long double beyond float64 becomes infinite, and is refused as that
            found = np.ascontiguousarray(self.raw(which), dtype=self.dtype)
        found = found.copy() if np.may_share_memory(found, self.held) else found
        release_pages(self.held)
        return found

    def raw(self, which: int | slice | np.ndarray) -> np.ndarray:
        """Those rows in the type in which they are held; a view where numpy can give one."""
        found = self.held[which if self.index is None else self.index[which]]
        return found if self.mirror is None else np.flip(found, self.mirror)

    def column(self, j: int, step: int = 1) -> np.ndarray:
        """The j-th number of every step-th row, of rows (N, D): (n,) in the type in which they are held. No other number is copied.

        >>> Rows(np.arange(6).reshape(3, 2), index=np.array([2, 0])).column(1).tolist()
        [5, 1]
        """
        column = self.held[:, j]
        return column[::step] if self.index is None else column[self.index[::step]]

    def take(self, which: np.ndarray) -> "Rows":
        """Those rows, by (1); none is copied."""
        return replace(self, index=which if self.index is None else self.index[which])

    @property
    def in_block(self) -> int:
        """The number of rows in a block."""
        return max(1, BLOCK // max(1, math.prod(self.held.shape[1:])))

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """All rows in order as floats, a block at a time: the number of its first row, and the block (n, ...).

        >>> [(start, block.shape) for start, block in Rows(np.zeros((3, BLOCK // 2))).blocks()]
        [(0, (2, 2097152)), (2, (1, 2097152))]
        """
        for start in range(0, len(self), self.in_block):
            yield start, self[start : start + self.in_block]

    def scan(self) -> Iterator[np.ndarray]:
        """All rows as floats, each once, a block at a time, in the order in which they lie in the file."""
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


def mapped(
    file: Path | IO[bytes],
    dtype: np.dtype,
    mode: Literal["r", "w+"],
    offset: int,
    shape: tuple[int, ...],
    order: Literal["C", "F"] = "C",
) -> np.ndarray:
    """An array that stays in its file, mapped by the library itself, as `np.memmap` maps one. `release_pages` gives its pages back."""
    array = np.memmap(file, dtype, mode, offset, shape, order)
    mapping = _mapping(array)
    assert mapping is not None
    _OURS.add(mapping)
    return array


def is_mapped(array: np.ndarray) -> bool:
    """Whether the array lies in a mapped file, whoever mapped it.

    >>> is_mapped(np.zeros(3)), is_mapped(np.frombuffer(mmap.mmap(-1, 8))[::-1])
    (False, True)
    """
    return _mapping(array) is not None


def release_pages(array: np.ndarray) -> None:
    """Give the memory pages of an array of `mapped` back to the system; for any other array nothing happens."""
    mapping = _mapping(array)
    if mapping is not None and mapping in _OURS:
        mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(array: np.ndarray) -> mmap.mmap | None:
    """The mapping under an array, whatever views lie between."""
    base: Any = array
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    return base if isinstance(base, mmap.mmap) else None
