"""Many samples side by side in one picture: arrays in, a Pillow image out.

    pixel = 255 (x - low) / (high - low), rounded, and cut off below 0 and above 255                       (1)

The caller gives low and high, the same for all rows, so that rows can be compared; 8-bit data with 0 and 255 is shown as it is. Rows are
(H, W), (H, W, C) or (C, H, W) with C = 1, 3 or 4 channels for grey, RGB and RGBA; their layout tells which. Cells have a pixel of
white between them. The whole is enlarged by a whole number, so that pixels stay squares: the short side of a cell then has at least 64
pixels, and the picture at most 2,000.

    >>> x = np.zeros((6, 8, 8), dtype=np.uint8)
    >>> from unstir.data import layout
    >>> found = arrange(6, 8, 8)
    >>> found, pictures(x, layout((8, 8)), found, (0, 255)).size
    (Arrangement(rows=[[0, 1, 2], [3, 4, 5]], factor=8, by_class=False), (208, 136))
"""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image

from unstir.data.formats.pixels import picture
from unstir.data.layouts import Layout, channels_last
from unstir.plots.mosaics import drawable, tiled
from unstir.plots.style import COLOURS, PALE, styled

SIDE, MOST = 64, 2000  # pixels: the least of the short side of a cell, the most of a side of the picture
CURVE = (96, 144)  # height and width in pixels of a cell with a sequence in it
DRAWN = 8  # channels of a sequence that are drawn, at most


@dataclass(frozen=True)
class Arrangement:
    """Where each row is in the picture: the numbers of the rows, line by line from the top, and the factor by which all is enlarged."""

    rows: list[list[int]]
    factor: int
    by_class: bool = False

    @property
    def shown(self) -> int:
        """How many rows are in the picture."""
        return sum(map(len, self.rows))


def arrange(n: int, height: int, width: int, ids: np.ndarray | None = None) -> Arrangement:
    """Where n cells of height x width pixels go: in order, in about a square; with class ids (n,), one line for each class.

    There is a line for each class only if every class up to the highest has a row and all lines fit. If not all cells fit, the first are
    shown.
    """
    factor = min(math.ceil(SIDE / min(height, width)), max(1, MOST // max(height, width)))
    widest, highest = (max(1, (MOST // factor + 1) // (size + 1)) for size in (width, height))
    if ids is not None:
        groups = [np.flatnonzero(ids == k).tolist() for k in range(int(ids.max()) + 1)]
        if all(groups) and len(groups) <= highest:
            return Arrangement([group[:widest] for group in groups], factor, by_class=True)
    across = min(widest, math.ceil((n * height / width) ** 0.5))
    numbers = list(range(min(n, across * highest)))
    return Arrangement([numbers[i : i + across] for i in range(0, len(numbers), across)], factor)


def as_bytes(x: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Values as bytes by eq. (1): uint8 of the same shape.

    >>> as_bytes(np.array([-2.0, 0.0, 1.0]), (-1.0, 1.0)).tolist()
    [0, 128, 255]
    """
    low, high = span
    return np.rint(255 * ((x - np.float64(low)) / ((high - low) or 1.0)).clip(0, 1)).astype(np.uint8)


def pictures(x: np.ndarray, lies: Layout | None, places: Arrangement, span: tuple[float, float]) -> Image.Image:
    """Images (n, ...) that lie like `lies` side by side in one. Raises UsageError for rows that are not images."""
    x = channels_last(x, lies)
    whole = tiled(as_bytes(x, span), places.rows, max(map(len, places.rows)), 255)
    return picture(whole.repeat(places.factor, 0).repeat(places.factor, 1))


@styled
def curves(x: np.ndarray, lies: Layout, places: Arrangement, span: tuple[float, float]) -> Image.Image:
    """Sequences (n, ...) that lie like `lies` as small curves side by side, from low to high; each of up to 8 channels has a colour."""
    x = drawable(x, lies)
    height, width = CURVE
    across, down = max(map(len, places.rows)), len(places.rows)
    size = across * (width + 1) - 1, down * (height + 1) - 1
    figure = Figure(figsize=(size[0] / 100, size[1] / 100), dpi=100)
    figure.set_layout_engine("none")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, size[0]), ylim=(size[1], 0))
    axes.axis("off")
    cells = [(row, column, i) for row, numbers in enumerate(places.rows) for column, i in enumerate(numbers)]
    shown = x[[i for *_, i in cells], :, :DRAWN]
    low, high = span
    y = 0.92 - 0.84 * ((shown - low) / ((high - low) or 1.0)).clip(
        -0.08, 1.08
    )  # (cells, L, C), a share of the height from the top
    along = np.linspace(0.04, 0.96, x.shape[1])
    for c in range(shown.shape[2]):
        lines = [
            np.column_stack([column * (width + 1) + width * along, row * (height + 1) + height * y[k, :, c]])
            for k, (row, column, _) in enumerate(cells)
        ]
        axes.add_collection(LineCollection(lines, colors=COLOURS[c % len(COLOURS)], linewidths=1.1), autolim=False)
    axes.vlines([i * (width + 1) - 0.5 for i in range(1, across)], 0, size[1], color=PALE, linewidth=0.72)
    axes.hlines([i * (height + 1) - 0.5 for i in range(1, down)], 0, size[0], color=PALE, linewidth=0.72)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
