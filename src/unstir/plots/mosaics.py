"""Panels of rows that are images: what `clouds` is for points, and `sequences` for sequences.

A panel is a mosaic: up to 16 images in about a square, with a pixel of white in between; with classes, a line of six for each class, and
the name of the class beside it. All panels of a figure have the same range of values. An image with an opacity is seen on white:

    shown = opacity colour + (1 - opacity) white                                                             (1)
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstir.data import Layout
from unstir.plots.looks import by_class
from unstir.plots.style import PALE, WIDTH, blank, fitted, styled, width_of, wrapped

IMAGES = 16  # of a panel
OF_EACH = 6  # of a class
BLANK = 1.0  # white
NAME = 1.3  # inches of the name of a class


@styled
def panels(
    message: str,
    titles: Sequence[str],
    captions: Sequence[str],
    sets: Sequence[np.ndarray],
    span: tuple[float, float],
    labels: Sequence[np.ndarray] = (),
    classes: Sequence[str] = (),
) -> Figure:
    """One panel for each set (n, H, W[, C]) of images, with its title above and its caption below.

    If there are `labels`, the class numbers (n,) of each set, a panel has a line for each of the `classes`, at most ten.

    >>> figure = panels("Noise", ["one", "two"], ["", ""], [np.zeros((9, 4, 5)), np.ones((9, 4, 5))], (0, 1))
    >>> [axes.get_title() for axes in figure.axes]
    ['one', 'two']
    """
    shown = by_class(np.concatenate(labels), classes).shown if labels else []
    left_out = len(classes) - len(shown) if labels else 0
    message += f"; {len(shown)} of {len(classes):,} classes" if left_out else ""
    pieces = (
        [_of_classes(x, own, shown, span) for x, own in zip(sets, labels, strict=True)]
        if labels
        else [mosaic(x[:IMAGES], span) for x in sets]
    )
    names = [fitted(classes[k], NAME) for k in shown]
    beside = max(map(width_of, names), default=0.0) + 0.1
    side = min((WIDTH - 0.2 - beside) / len(sets) - 0.1, 3.0)
    squat = max(piece.shape[0] / piece.shape[1] for piece in pieces)
    message, captions, lines = wrapped(message, captions, side)
    figure = blank(min(side * squat, 7.5) + 0.65 + lines, message)
    figure.set_layout_engine("compressed")
    row = figure.subplots(1, len(sets), squeeze=False)[0]
    for axes, title, caption, piece in zip(row, titles, captions, pieces, strict=True):
        _show(axes, piece)
        axes.set(title=fitted(title, side, size=9.5), xlabel=caption)
    if names:
        high = sets[0].shape[1] + 1
        row[0].set_yticks([(i + 0.5) * high - 1 for i in range(len(names))], names, fontsize=9)
        row[0].tick_params(left=False)
    return figure


def draw(axes: Axes, x: np.ndarray, span: tuple[float, float]) -> None:
    """Draw images (n, H, W[, C]) as a mosaic, into axes without numbers or frame; the low end of `span` is black, the high end white."""
    _show(axes, mosaic(x[:IMAGES], span))


def height_of_width(x: np.ndarray) -> float:
    """How high a mosaic of these images is, in widths: it is only about square.

    >>> height_of_width(np.zeros((16, 20, 32)))
    0.633...
    """
    high, wide = mosaic(x[:IMAGES], (0, 1)).shape[:2]
    return high / wide


def mosaic(x: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Images (n, H, W[, C]) as one array with values from 0 to 1, in about a square.

    >>> mosaic(np.full((3, 2, 2), 5.0), (0, 10)).tolist()
    [[0.5, 0.5, 1.0, 0.5, 0.5], [0.5, 0.5, 1.0, 0.5, 0.5], [1.0, 1.0, 1.0, 1.0, 1.0], [0.5, 0.5, 1.0, 1.0, 1.0], [0.5, 0.5, 1.0, 1.0, 1.0]]
    """
    n, height, width = x.shape[:3]
    across = math.ceil((n * height / width) ** 0.5)
    rows = [range(i, min(i + across, n)) for i in range(0, n, across)]
    return tiled(shares(x, span), rows, across, BLANK)


def shares(x: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Values of images (n, H, W[, C]) as shares of the way from black to white, in float64; with an opacity, on white by (1).

    >>> shares(np.array([[[[10.0, 0.0, 0.0, 5.0]]]]), (0, 10)).tolist()
    [[[[1.0, 0.5, 0.5]]]]
    """
    low, high = span
    found = ((x - np.float64(low)) / ((high - low) or 1.0)).clip(0, 1)
    if found.ndim == 4 and found.shape[-1] == 4:
        return found[..., 3:] * found[..., :3] + (1 - found[..., 3:])
    return found


def tiled(cells: np.ndarray, rows: Sequence[Sequence[int]], across: int, blank: float) -> np.ndarray:
    """Cells (n, H, W, ...) side by side in one array: their numbers row by row, `across` places in each, a pixel of blank between."""
    _, height, width, *channels = cells.shape
    whole = np.full((len(rows) * (height + 1) - 1, across * (width + 1) - 1, *channels), blank, dtype=cells.dtype)
    for row, numbers in enumerate(rows):
        for column, i in enumerate(numbers):
            y, left = row * (height + 1), column * (width + 1)
            whole[y : y + height, left : left + width] = cells[i]
    return whole


def drawable(x: np.ndarray, lies: Layout) -> np.ndarray:
    """Rows (n, ...) of a dataset as they are drawn, float64: sequences (n, L, C), images (n, H, W) or (n, H, W, 3 or 4).

    Of images with 2 channels, or with more than 4, only the first channel is drawn.
    """
    x = np.moveaxis(x, 1, -1) if lies.channel_axis == 0 else x
    if lies.kind == "sequences" and lies.channel_axis is None:
        x = x[..., None]
    if lies.kind == "images" and x.ndim == 4:
        x = x if lies.channels in (3, 4) else x[..., 0]
    return x.astype(np.float64)


def _of_classes(x: np.ndarray, labels: np.ndarray, shown: Sequence[int], span: tuple[float, float]) -> np.ndarray:
    """Images (n, H, W[, C]) with a line of at most `OF_EACH` for each of the classes shown, as values from 0 to 1."""
    rows = [np.flatnonzero(labels == k)[:OF_EACH].tolist() for k in shown]
    numbers = [i for row in rows for i in row]
    first = np.cumsum([0, *map(len, rows)])
    places = [range(first[k], first[k + 1]) for k in range(len(rows))]
    return tiled(shares(x[numbers], span), places, OF_EACH, BLANK)


def _show(axes: Axes, piece: np.ndarray) -> None:
    axes.imshow(piece, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=PALE)  # so that images on white end somewhere
