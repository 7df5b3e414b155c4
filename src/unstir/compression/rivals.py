"""How many bytes the same rows take elsewhere: PNG and WebP of one picture of all images, xz and bz2 of the levels, a byte each.

>>> sorted(rivals(np.zeros((4, 8, 8), np.uint8), None))
['bz2', 'xz']
"""

import bz2
import io
import lzma
import math

import numpy as np
from PIL import Image, features

from unstir.data.layouts import Layout

WIDEST = 16383  # pixels along a side that WebP holds
COLOURS = {1: "L", 3: "RGB", 4: "RGBA"}


def rivals(levels: np.ndarray, lies: Layout | None) -> dict[str, int]:
    """Bytes by the name of the method, of rows (N, *shape) of levels, uint8, which lie in space like `lies`."""
    raw = levels.tobytes()
    found = {"bz2": len(bz2.compress(raw, 9)), "xz": len(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))}
    picture = mosaic(levels, lies)
    if picture is None:
        return found
    found["PNG"] = _saved(picture, format="PNG", optimize=True)
    if features.check("webp") and max(picture.size) <= WIDEST:
        found["WebP"] = _saved(picture, format="WebP", lossless=True, quality=100, method=6)
    return found


def mosaic(levels: np.ndarray, lies: Layout | None) -> Image.Image | None:
    """All images side by side in about a square; None for rows that are no pictures of 1, 3 or 4 channels."""
    if lies is None or lies.kind != "images" or not len(levels):
        return None
    images = (
        levels[..., None] if lies.channel_axis is None else np.moveaxis(levels, lies.channel_axis % (levels.ndim - 1) + 1, -1)
    )
    n, height, width, channels = images.shape
    if channels not in COLOURS:
        return None
    across = math.ceil(math.sqrt(n))
    whole = np.zeros((-(-n // across) * across, height, width, channels), dtype=np.uint8)
    whole[:n] = images
    tiled = whole.reshape(-1, across, height, width, channels).swapaxes(1, 2).reshape(-1, across * width, channels)
    return Image.fromarray(tiled[:, :, 0] if channels == 1 else tiled, COLOURS[channels])


def _saved(picture: Image.Image, **how: object) -> int:
    held = io.BytesIO()
    picture.save(held, **how)  # pyrefly: ignore
    return len(held.getvalue())
