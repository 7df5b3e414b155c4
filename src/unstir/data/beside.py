"""An array beside the rows: each row is given a picture or a sequence, such as a picture of lower resolution, or what came before.

rows images (N, 8, 8)         low (N, 4, 4)          NHW      a picture beside a picture
rows images (N, 3, 32, 32)    grey (N, 32, 32)       NHW      its channels may be others
rows sequences (N, 24, 2)     past (N, 48, 2)        NLC      a sequence beside a sequence, with its channels where the rows have theirs
rows sequences (N, 24, 2)     price (N, 24)          NL       as many numbers as the rows have steps are a sequence               (1)
other shapes, or rows without neighbours                      numbers without neighbours, as `unstir.data.layouts` guesses them

>>> one = array_beside("low", np.zeros((5, 4, 4)), 5, layout((8, 8)))
>>> one.axes, one.shape, one.described
('NHW', (4, 4), '4x4 pixels, 1 channel')
>>> is_beside(np.zeros((5, 4, 4)), None), is_beside(np.zeros((5, 24)), layout((24, 2))), is_beside(np.zeros((5, 3)), None)
(True, True, False)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unstir.data.checks import unknown_name
from unstir.data.given import as_numbers
from unstir.data.layouts import Layout, axes_of, described, layout
from unstir.data.rows import Rows, is_mapped
from unstir.data.tables.schema import Schema
from unstir.errors import DataError, UsageError
from unstir.words import listed, short

MOST = 2**22  # numbers a row of one array
MOST_FOLD = 8  # neighbours along an axis that become channels at most; beyond, they are averaged first


@dataclass(frozen=True, eq=False)
class Beside:
    """The array `name` (N, *shape) beside N rows; NaN stands for nothing given. `axes` says which axis is what, as in "NHW"."""

    name: str
    rows: Rows
    axes: str

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what one row is given."""
        return self.rows.shape[1:]

    @property
    def layout(self) -> Layout | None:
        """How it lies in space; None for numbers without neighbours."""
        return layout(self.shape, self.axes)

    @property
    def described(self) -> str:
        """Its sizes in words."""
        lies = self.layout
        return described(lies) if lies else f"{'x'.join(map(str, self.shape))} numbers"

    def copied(self) -> "Beside":
        """The same with an array of its own, which nobody else changes; one that is mapped from a file is shared."""
        return self if is_mapped(self.rows.held) else replace(self, rows=replace(self.rows, held=self.rows.held.copy()))

    def take(self, which: np.ndarray) -> "Beside":
        """What those rows are given, by their numbers; nothing is copied."""
        return replace(self, rows=self.rows.take(which))


def is_beside(array: np.ndarray, lies: Layout | None) -> bool:
    """Whether what rows that lie like `lies` are given is one of (1), and no column or vector."""
    return array.ndim > 2 or (array.ndim == 2 and lies is not None and lies.spatial == array.shape[1:])


def array_beside(name: str, given: object, rows: int, lies: Layout | None) -> Beside:
    """The array that so many rows are given, which lie like `lies`, with its axes by (1).

    Raises DataError for another number of rows, for what is no array of numbers, infinite values, or more than 2^22 numbers a row.
    """
    array, dtype = as_numbers(given, f"given '{short(name)}'")
    if len(array) != rows:
        raise DataError(f"given '{short(name)}' has shape {array.shape}, and there are {rows:,} rows: give an array for each.")
    shape = array.shape[1:]
    if not 0 < math.prod(shape) <= MOST:
        raise DataError(f"given '{short(name)}' has shape {array.shape}; what a row is given is up to {MOST:,} numbers.")
    found = Beside(name, Rows(array), axes_beside(shape, dtype, lies))
    if array.dtype.kind == "f":
        any_value = False
        for _, block in found.rows.blocks():
            if np.isinf(block).any():
                raise DataError(f"given '{short(name)}' has infinite values. Remove those rows, or make them missing.")
            any_value = any_value or not np.isnan(block).all()
        if not any_value:
            raise DataError(f"given '{short(name)}' has no value at all.")
    return found


def axes_beside(shape: tuple[int, ...], dtype: str, lies: Layout | None) -> str:
    """The axes by (1) of what a row is given, beside rows that lie like `lies`.

    >>> axes_beside((3, 8, 8), "uint8", layout((16, 16))), axes_beside((48, 2), "float32", layout((24, 1)))
    ('NCHW', 'NLC')
    """
    guess = axes_of(shape, dtype).letters
    if lies is None:
        return guess
    space = "L" if len(lies.spatial) == 1 else "HW"
    if len(shape) == len(space):
        return f"N{space}"
    if len(shape) != len(space) + 1:
        return guess
    ways = {0: f"NC{space}", -1: f"N{space}C"}
    if lies.channel_axis is not None:
        return ways[lies.channel_axis]
    return guess if guess in ways.values() else ways[-1]


def fold(given: int, positions: int) -> int:
    """k of `unstir.conditions.planes` (1), for so many positions along an axis: at most `MOST_FOLD`.

    >>> fold(4, 8), fold(8, 8), fold(15, 8), fold(1000, 8)
    (1, 1, 2, 8)
    """
    return min(-(-given // positions), MOST_FOLD)


def told_of(given_table: Schema | None, beside: Sequence[Beside], lies: Layout | None) -> str:
    """What rows that lie like `lies` are given, in words: the columns of `given_table`, and arrays.

    >>> from unstir.data.tables.column import Column
    >>> told_of(Schema((Column("speed", "number"),)), [array_beside("low", np.zeros((5, 4, 4)), 5, layout((8, 8)))], layout((8, 8)))
    'speed and low (4x4 pixels, 1 channel, resized to 8x8)'
    >>> told_of(None, [array_beside("big", np.zeros((5, 15, 8)), 5, layout((8, 8)))], layout((8, 8)))
    'big (15x8 pixels, 1 channel, resized to 16x8, of which 2x1 neighbours become channels)'
    """
    names = given_table.names if given_table else ()
    return listed([*map(short, names), *(f"{short(one.name)} ({one.described}{_resized(one.layout, lies)})" for one in beside)])


def _resized(given: Layout | None, lies: Layout | None) -> str:
    """How what is given gets onto the grid of the rows."""
    if given is None or lies is None or len(given.spatial) != len(lies.spatial):
        return ", one number after another"
    folds = [fold(g, s) for g, s in zip(given.spatial, lies.spatial, strict=True)]
    to = [k * s for k, s in zip(folds, lies.spatial, strict=True)]
    said = f", resized to {_sizes(to)}" if list(given.spatial) != to else ""
    return said + (f", of which {_sizes(folds)} neighbours become channels" if max(folds) > 1 else "")


def _sizes(each: Sequence[int]) -> str:
    return "x".join(map(str, each))


def columns_apart(names: Sequence[str], of: Sequence[str], source: str) -> tuple[list[int], list[int]]:
    """The places of the columns with these `names` among those `of` a table, and of the others.

    Raises UsageError for an unknown name, and where no column would be left.

    >>> columns_apart(["price"], ["size", "price"], "cars.csv")
    ([1], [0])
    """
    for name in names:
        if name not in of:
            raise unknown_name(f"column in '{short(source)}'", name, of)
    apart = [of.index(name) for name in names]
    rest = [i for i in range(len(of)) if i not in apart]
    if not rest:
        raise UsageError(f"every column of {source} is given, so none is left to learn. Leave one out of --given.")
    return apart, rest
