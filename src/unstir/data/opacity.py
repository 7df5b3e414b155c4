"""Images with an opacity: kept as a fourth channel, or composed on white, as a viewer shows them.

    seen = w colour + (1 - w) white,     w = opacity / white                                                         (1)

`white` is 255 for bytes, 65,535 for whole numbers of 16 bits, and 1 for floats. Whole numbers are rounded. What is composed has three
channels, and so have samples. A half-transparent red, (255, 0, 0, 128), becomes (255, 127, 127). Porter and Duff 1984, "over".

    >>> from unstir.data.arrays import from_arrays
    >>> red = np.tile(np.array([1.0, 0.0, 0.0, 0.5], np.float32), (2, 8, 8, 1))
    >>> seen = on_white(from_arrays(red))
    >>> seen.shape, seen.values[0, 0, 0].tolist()
    ((8, 8, 3), [1.0, 0.5, 0.5])
"""

from dataclasses import replace

import numpy as np

from unstir.data.dataset import Data
from unstir.data.formats.raw import allocate
from unstir.data.rows import Rows, release_pages
from unstir.errors import DataError
from unstir.words import short, spelled

KEEP, WHITE = "keep", "white"  # what becomes of an opacity
COMPOSED = "the images are composed on white by their opacity, so samples have no opacity."
UNUSED = "no image has an opacity, so alpha 'white' changes nothing."


def has_opacity(data: Data) -> bool:
    """Whether the rows are images of four channels, of which the last is taken for the opacity."""
    return data.layout is not None and data.layout.kind == "images" and data.layout.channels == 4


def on_white(data: Data) -> Data:
    """The images by (1), (N, H, W, 3) or (N, 3, H, W) of the same type; other rows as they are. Of images a note says which.

    A new array: in memory or, where it takes more than 1 GiB, in a temporary file. Raises DataError for images of which it is not clear
    what is white: floats beyond 0 and 1, and whole numbers of other types.
    """
    if not has_opacity(data):
        return replace(data, notes=(*data.notes, UNUSED)) if data.kind == "images" else data
    assert data.layout is not None
    held, white = data.rows.held, _white(data)
    axis = 1 if data.layout.channel_axis == 0 else -1
    shape = list(data.rows.shape)
    shape[axis] = 3
    seen = allocate(tuple(shape), held.dtype.newbyteorder("="))
    for start, block in data.rows.blocks():
        colours, opacity = np.split(block.astype(np.float64), [3], axis)
        composed = white - opacity / white * (white - colours)
        seen[start : start + len(block)] = composed if held.dtype.kind == "f" else np.rint(composed)
        release_pages(seen)
    return replace(data, rows=Rows(seen), notes=(*data.notes, COMPOSED))


def _white(data: Data) -> float:
    """The value that is white, and fully opaque."""
    held = data.rows.held
    if held.dtype.kind == "u" and held.itemsize <= 2:
        return float(np.iinfo(held.dtype).max)
    lows, highs = zip(*((np.fmin.reduce(b, None), np.fmax.reduce(b, None)) for _, b in data.rows.blocks()), strict=True)
    low, high = min(lows), max(highs)
    if held.dtype.kind != "f" or low < 0 or high > 1:
        raise DataError(
            f"'{short(spelled(data.source))}' cannot be composed on white: its values are {data.dtype} from {low:g} to {high:g}, so it is "
            "not clear which is white. Bring uint8, uint16, or floats from 0 to 1."
        )
    return 1.0
