"""Panels of rows that are images or sequences: what `clouds` is for points.

A panel of images is a mosaic: up to 16 of them in about a square, with a pixel of white in between. A panel of sequences has up to 6
of them as curves one below the other, a colour for each channel. All panels of a figure have the same range of values.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstir.data import Layout
from unstir.plots.style import COLOURS, PALE, WIDTH, blank, plain, styled

IMAGES, CURVES = 16, 6  # of a panel
BLANK = 1.0  # white


@styled
def panels(
    message: str, titles: Sequence[str], captions: Sequence[str], sets: Sequence[np.ndarray], kind: str, span: tuple[float, float]
) -> Figure:
    """One panel a set (n, H, W[, 3]) of "images" or (n, L, C) of "sequences", with its title above and its caption below.

    >>> figure = panels("Noise", ["one", "two"], ["", ""], [np.zeros((9, 4, 5)), np.ones((9, 4, 5))], "images", (0, 1))
    >>> [axes.get_title() for axes in figure.axes]
    ['one', 'two']
    """
    side = WIDTH / max(len(sets), 3)
    lines = max(1 + text.count("\n") for text in captions)
    figure = blank(side + 0.6 + 0.165 * lines, message)
    figure.set_layout_engine("compressed")
    for axes, title, caption, x in zip(figure.subplots(1, len(sets), squeeze=False)[0], titles, captions, sets, strict=True):
        draw_rows(axes, x, kind, span)
        axes.set(title=plain(title), xlabel=plain(caption))
    return figure


def draw_rows(axes: Axes, x: np.ndarray, kind: str, span: tuple[float, float]) -> None:
    """Draw images (n, H, W[, 3]) as a mosaic, or sequences (n, L, C) as curves, into axes without numbers or frame.

    `span` is the lowest and the highest value that is shown: black and white of an image, the bottom and the top of a curve's strip.
    """
    DRAW[kind](axes, x, span)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def height_of_width(x: np.ndarray, kind: str) -> float:
    """How high a panel of these rows is, in widths: a mosaic is only about square, curves are.

    >>> height_of_width(np.zeros((16, 20, 32)), "images")
    0.633...
    """
    high, wide = mosaic(x[:IMAGES], (0, 1)).shape[:2] if kind == "images" else (1, 1)
    return high / wide


def mosaic(x: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Images (n, H, W[, 3]) as one array with values from 0 to 1, in about a square.

    >>> mosaic(np.full((3, 2, 2), 5.0), (0, 10)).tolist()
    [[0.5, 0.5, 1.0, 0.5, 0.5], [0.5, 0.5, 1.0, 0.5, 0.5], [1.0, 1.0, 1.0, 1.0, 1.0], [0.5, 0.5, 1.0, 1.0, 1.0], [0.5, 0.5, 1.0, 1.0, 1.0]]
    """
    (low, high), (n, height, width) = span, x.shape[:3]
    across = math.ceil((n * height / width) ** 0.5)
    rows = [range(i, min(i + across, n)) for i in range(0, n, across)]
    return tiled(((x - low) / ((high - low) or 1.0)).clip(0, 1), rows, across, BLANK)


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
    """Rows (n, ...) of a dataset as they are drawn, float64: sequences (n, L, C), images (n, H, W) or (n, H, W, 3).

    Of images with 4 channels the opacity is left out; with 2, or more than 4, only the first channel is drawn.
    """
    x = np.moveaxis(x, 1, -1) if lies.channel_axis == 0 else x
    if lies.kind == "sequences" and lies.channel_axis is None:
        x = x[..., None]
    if lies.kind == "images" and x.ndim == 4:
        x = x[..., :3] if lies.channels in (3, 4) else x[..., 0]
    return x.astype(np.float64)


def _images(axes: Axes, x: np.ndarray, span: tuple[float, float]) -> None:
    axes.imshow(mosaic(x[:IMAGES], span), cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def _curves(axes: Axes, x: np.ndarray, span: tuple[float, float]) -> None:
    low, high = span
    step = 1.1 * ((high - low) or 1.0)
    for i, curve in enumerate(x[:CURVES]):
        axes.axhline(-(i + 0.5) * step, color=PALE, linewidth=0.5)
        for c in range(curve.shape[1]):
            axes.plot(
                curve[:, c].clip(low - step, high + step) - low - (i + 1) * step, color=COLOURS[c % len(COLOURS)], linewidth=1
            )
    axes.set_ylim(-len(x[:CURVES]) * step, 0)
    axes.set_box_aspect(1)


DRAW = {"images": _images, "sequences": _curves}
