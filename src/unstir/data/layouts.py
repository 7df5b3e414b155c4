"""How a row lies in space: which axes are height, width or time, and which one is the channels.

The kind of the rows is guessed from the shape of one of them, and from nothing else:

    (d,), d <= 3                                                                     points
    (d,)                                                                             table
    (height, width) both from 8 up, neither 4 times the other                        images
    three numbers, the first or the last of them 1, 3 or 4                           images, of so many channels     (1)
    three numbers, the first two or the last two as (height, width) above            images, the other one is the channels
    (length, channels) otherwise                                                     sequences
    anything else                                                                    arrays

Where either end of three numbers could be the channels, they are the end that leaves (height, width) nearest to a square when
both ends are 1, 3 or 4. Of other numbers they are the end that leaves a square, or else the smaller one, or else the first.

    >>> layout((3, 32, 48)), kind_of((30,))
    (Layout(kind='images', channels=3, spatial=(32, 48), channel_axis=0), 'table')
"""

from dataclasses import dataclass

import numpy as np

from unstir.errors import UsageError

NEIGHBOURS = 4  # along the longest side, from where a convolution has something to slide over
USUAL = (1, 3, 4)  # channels of pictures: grey, colour, colour with opacity
COLOURS = {1: "grey", 3: "RGB", 4: "RGBA"}  # what pictures of so many channels are called


@dataclass(frozen=True)
class Layout:
    """How rows lie in space: the kind, "images" or "sequences", the number of channels, the sizes of the one or two spatial axes.

    `channel_axis` is the axis of a row that holds the channels, 0 or -1; None where there is none and `channels` is 1.
    """

    kind: str
    channels: int
    spatial: tuple[int, ...]
    channel_axis: int | None


def layout(shape: tuple[int, ...]) -> Layout | None:
    """How rows of that shape lie in space, by rule (1); None for points, tables and arrays, which have no neighbours.

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
    """The layout of images and sequences of at least 4 positions, whose neighbours are worth looking at; None for other shapes.

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


def picture_layout(shape: tuple[int, ...]) -> Layout:
    """How rows that are pictures lie. Raises UsageError for rows that are no pictures.

    >>> [(one.spatial, one.channels) for one in map(picture_layout, ((28, 28), (3, 32, 30), (32, 30, 4)))]
    [((28, 28), 1), ((32, 30), 3), ((32, 30), 4)]
    """
    found = layout(shape)
    if found is None or found.kind != "images" or found.channels not in COLOURS:
        raise UsageError(
            f"rows of shape {shape} are no pictures: those are (H, W), (H, W, C) or (C, H, W) with 1 channel for grey, 3 for RGB or "
            "4 for RGBA. Rows of any shape can be written as .npy, .npz, .csv or .safetensors."
        )
    return found


def channels_last(x: np.ndarray) -> np.ndarray:
    """Pictures (n, ...) of any layout as (n, H, W, C). Raises UsageError for rows that are no pictures.

    >>> channels_last(np.zeros((5, 3, 8, 9))).shape, channels_last(np.zeros((5, 8, 9))).shape
    ((5, 8, 9, 3), (5, 8, 9, 1))
    """
    axis = picture_layout(x.shape[1:]).channel_axis
    return x[..., None] if axis is None else np.moveaxis(x, 1, -1) if axis == 0 else x


def _is_plane(shape: tuple[int, ...]) -> bool:
    return min(shape) >= 8 and max(shape) < 4 * min(shape)
