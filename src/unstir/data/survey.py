"""A survey: what data is taken for, column by column, and what in it will trouble whoever trains on it.

The kind is guessed from the shape of a row, and from nothing else:

    (d,), d <= 3                                                                     points
    (d,)                                                                             table
    (height, width) both from 8 up, neither 4 times the other                        images
    three numbers, the first or the last of them 1, 3 or 4                           images, of so many channels     (1)
    three numbers, the first two or the last two as (height, width) above            images, the other one is the channels
    (length, channels) otherwise                                                     sequences
    anything else                                                                    arrays

Where either end of three numbers could be the channels, they are the end that leaves (height, width) nearest to a square when
both ends are 1, 3 or 4. Of other numbers they are the end that leaves a square, or else the smaller one, or else the first.

    >>> from unstir.data import from_arrays
    >>> found = survey(from_arrays([[1.0, 5.0], [2.0, 5.0], [np.nan, 5.0], [3.0, 5.0]], names=["a", "b"], missing="keep"))
    >>> found.kind, found.levels, [problem.name for problem in found.problems]
    ('points', 4, ['missing', 'constant', 'few'])
"""

from dataclasses import dataclass

import numpy as np

from unstir.data.columns import Column, Whole, columns_of, looked_at, whole_of
from unstir.data.dataset import NO_CLASS, Data
from unstir.data.problems import LEVELS, Problem, problems_of

NEIGHBOURS = 4  # along the longest side, from where a convolution has something to slide over
USUAL = (1, 3, 4)  # channels of pictures: grey, colour, colour with opacity
LOOKED_AT = 2**24  # numbers; of larger data every k-th row is looked at, though gaps are counted in all


@dataclass(frozen=True)
class Survey:
    """What `survey` found. `levels` is how many values the whole has, up to LEVELS, `looked_at` how many rows it is from.

    `classes` are the names of the classes and how many rows each has. `whole` is of images and sequences, None for others.
    """

    kind: str
    columns: list[Column]
    whole: Whole | None
    levels: int | None
    classes: dict[str, int]
    looked_at: int
    problems: list[Problem]


@dataclass(frozen=True)
class Layout:
    """How rows lie in space: the kind, "images" or "sequences", the channels, the sizes of the spatial axes, one or two.

    `channel_axis` is which axis of a row the channels are, 0 or -1; None where there is none and `channels` is 1.
    """

    kind: str
    channels: int
    spatial: tuple[int, ...]
    channel_axis: int | None


def layout(shape: tuple[int, ...]) -> Layout | None:
    """How rows of that shape lie in space, by rule (1); None for points, tables and arrays, which do not.

    >>> layout((28, 28))
    Layout(kind='images', channels=1, spatial=(28, 28), channel_axis=None)
    >>> layout((3, 32, 48)), layout((32, 48, 3))
    (Layout(kind='images', channels=3, spatial=(32, 48), channel_axis=0),
     Layout(kind='images', channels=3, spatial=(32, 48), channel_axis=-1))
    >>> layout((128, 3)), layout((5,))
    (Layout(kind='sequences', channels=3, spatial=(128,), channel_axis=-1), None)
    """
    if len(shape) == 2:
        if _is_plane(shape):
            return Layout("images", 1, shape, None)
        return Layout("sequences", shape[1], shape[:1], -1)
    if len(shape) != 3:
        return None
    first, last = Layout("images", shape[0], shape[1:], 0), Layout("images", shape[2], shape[:2], -1)
    usual = [end for end in (first, last) if end.channels in USUAL]
    if usual:
        return min(usual, key=lambda end: max(end.spatial) / min(end.spatial))
    planes = [end for end in (first, last) if _is_plane(end.spatial)]
    return min(planes, key=lambda end: (end.spatial[0] != end.spatial[1], end.channels), default=None)


def in_space(shape: tuple[int, ...]) -> Layout | None:
    """How rows of that shape lie in space, where it is worth looking at neighbours: images and sequences of at least 4 positions.

    >>> in_space((8, 8)).kind, in_space((3, 3)), in_space((12,))
    ('images', None, None)
    """
    lies = layout(shape)
    return lies if lies and max(lies.spatial) >= NEIGHBOURS else None


def kind_of(shape: tuple[int, ...]) -> str:
    """What rows of that shape are taken for, by rule (1).

    >>> [kind_of(shape) for shape in ((2,), (30,), (8, 8), (32, 2), (13, 16, 16), (5, 6, 7))]
    ['points', 'table', 'images', 'sequences', 'images', 'arrays']
    """
    if len(shape) == 1:
        return "points" if shape[0] <= 3 else "table"
    found = layout(shape)
    return found.kind if found else "arrays"


def _is_plane(shape: tuple[int, ...]) -> bool:
    return min(shape) >= 8 and max(shape) < 4 * min(shape)


def survey(data: Data) -> Survey:
    """Look at `data`, gaps and all. See the docstring of this room."""
    step = -(-data.rows.size // LOOKED_AT)
    columns, rows = columns_of(data, step), looked_at(data, step)
    whole = whole_of(data, columns, step) if layout(data.shape) else None
    problems = problems_of(data, columns, step, whole)
    counts = [] if data.labels is None else np.bincount(data.labels[data.labels != NO_CLASS], minlength=len(data.classes))
    classes = dict(zip(data.classes, map(int, counts), strict=True))
    return Survey(kind_of(data.shape), columns, whole, _levels(rows, columns), classes, len(rows), problems)


def _levels(rows: np.ndarray, columns: list[Column]) -> int | None:
    """How many different values there are in all; None for more than LEVELS."""
    if max(column.distinct for column in columns) > LEVELS:
        return None
    found: set[float] = set()
    for j in range(rows.shape[1]):
        found.update(np.unique(rows[np.isfinite(rows[:, j]), j]).tolist())
        if len(found) > LEVELS:
            return None
    return len(found)
