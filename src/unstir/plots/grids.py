"""Many samples side by side in one picture: arrays in, a Pillow image out.

    pixel = 255 (x - low) / (high - low), rounded, and cut off below 0 and above 255                       (1)

The caller gives low and high, the same for all rows, so that rows can be compared; 8-bit data with 0 and 255 is shown as it is. Rows are
(H, W), (H, W, C) or (C, H, W) with C = 1, 3 or 4 channels for grey, RGB and RGBA; their layout tells which. RGBA is seen on
white. Cells have a pixel of white between them. The whole is enlarged by a whole number, so that pixels stay squares: the short side of
a cell then has at least 64 pixels, and the cells together at most 2,000.

Rows of several classes have a line for each class, with as many cells as the rarest class has rows. A class with less than half as many
rows as usual does not count there: its line is shorter. `beside` writes the names of the classes to the left of their lines.

    >>> x = np.zeros((6, 8, 8), dtype=np.uint8)
    >>> from unstir.data import layout
    >>> found = arrange(6, 8, 8)
    >>> found, pictures(x, layout((8, 8)), found, (0, 255)).size
    (Arrangement(rows=[[0, 1, 2], [3, 4, 5]], factor=8, by_class=False), (208, 136))
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from unstir.data.formats.pixels import picture
from unstir.data.layouts import Layout, channels_last
from unstir.plots.mosaics import shares, tiled
from unstir.plots.style import COLOURS, DARK, PALE, font_with, plain, styled

SIDE, MOST = 64, 2000  # pixels: the least of the short side of a cell, the most of a side of the picture
CURVE = (96, 144)  # height and width in pixels of a cell with a sequence in it
CHANNELS = len(COLOURS)  # of a sequence that are drawn, at most
LETTER, NAME = 15, 220  # pixels: the size of letters, and the most that the name of a class is wide


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

    There is a line for each class that has a row, if all lines fit. If not all cells fit, the first are shown.
    """
    factor = min(math.ceil(SIDE / min(height, width)), max(1, MOST // max(height, width)))
    widest, highest = (max(1, (MOST // factor + 1) // (size + 1)) for size in (width, height))
    if ids is not None:
        groups = [np.flatnonzero(ids == k).tolist() for k in np.unique(ids)]
        if len(groups) <= highest:
            counts = sorted(map(len, groups))
            usual = counts[len(counts) // 2]
            each = min(widest, next(count for count in counts if 2 * count >= usual))
            return Arrangement([group[:each] for group in groups], factor, by_class=True)
    across = min(widest, math.ceil((n * height / width) ** 0.5))
    numbers = list(range(min(n, across * highest)))
    return Arrangement([numbers[i : i + across] for i in range(0, len(numbers), across)], factor)


def as_bytes(x: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Images (n, H, W, C) as bytes by eq. (1): uint8 of the same shape, but RGBA as RGB on white.

    >>> as_bytes(np.array([-2.0, 0.0, 1.0]), (-1.0, 1.0)).tolist()
    [0, 128, 255]
    """
    return np.rint(255 * shares(x, span)).astype(np.uint8)


def pictures(x: np.ndarray, lies: Layout, places: Arrangement, span: tuple[float, float]) -> Image.Image:
    """Images (n, ...) that lie like `lies` side by side in one. Raises UsageError for rows that are not images."""
    x = channels_last(x, lies)
    whole = tiled(as_bytes(x, span), places.rows, max(map(len, places.rows)), 255)
    return picture(whole.repeat(places.factor, 0).repeat(places.factor, 1))


def beside(image: Image.Image, names: Sequence[str]) -> Image.Image:
    """The picture with names to the left of its lines, which are equally high.

    >>> beside(Image.new("L", (100, 129), 0), ["cat", "dog"]).height
    129
    """
    texts = [_cut(name) for name in names]
    margin = math.ceil(max(width for *_, width in texts)) + 16
    whole = _on_white(image, margin, 0)
    pen = ImageDraw.Draw(whole)
    for i, (text, font, _) in enumerate(texts):
        pen.text((margin - 8, (i + 0.5) * (image.height + 1) / len(names)), text, _ink(whole), font, anchor="rm")
    return whole


def below(image: Image.Image, pieces: Sequence[tuple[str, str]]) -> Image.Image:
    """The picture with pieces of text below it, each in its colour, in as many lines as they need."""
    whole, lines, left = _on_white(image, 0, 0), [[]], 8.0
    for text, colour in pieces:
        drawn, font = plain(text), _font(plain(text))
        width = font.getlength(drawn) + 12
        if left + width > image.width and lines[-1]:
            lines, left = [*lines, []], 8.0
        lines[-1].append((left, drawn, colour, font))
        left += width
    high = LETTER + 7
    whole = _on_white(image, 0, high * len(lines) + 5)
    pen = ImageDraw.Draw(whole)
    for i, line in enumerate(lines):
        for at, text, colour, font in line:
            pen.text((at, image.height + 5 + i * high), text, colour, font)
    return whole


def _cut(name: str) -> tuple[str, ImageFont.FreeTypeFont, float]:
    """A name that is narrow enough, its font, and its width in pixels; of a longer one the middle is left out."""
    text = plain(name)
    font, shown, kept = _font(text), text, len(text)
    while font.getlength(shown) > NAME:
        kept -= 1
        shown = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return shown, font, font.getlength(shown)


def _font(text: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont(font_with(text)), LETTER)


def _on_white(image: Image.Image, left: int, under: int) -> Image.Image:
    whole = Image.new(image.mode, (image.width + left, image.height + under), "white")
    whole.paste(image, (left, 0))
    return whole


def _ink(image: Image.Image) -> str | int:
    return DARK if image.mode == "RGB" else int(DARK[1:3], 16)


@styled
def curves(x: np.ndarray, places: Arrangement, low: np.ndarray, high: np.ndarray) -> Image.Image:
    """Sequences (n, L, C) as small curves side by side, each channel from low to high (C,); each of the first 6 channels has a colour."""
    height, width = CURVE
    across, down = max(map(len, places.rows)), len(places.rows)
    size = across * (width + 1) - 1, down * (height + 1) - 1
    figure = Figure(figsize=(size[0] / 100, size[1] / 100), dpi=100)
    figure.set_layout_engine("none")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, size[0]), ylim=(size[1], 0))
    axes.axis("off")
    cells = [(row, column, i) for row, numbers in enumerate(places.rows) for column, i in enumerate(numbers)]
    shown = x[[i for *_, i in cells], :, :CHANNELS].astype(np.float64)
    low, high = (ends[:CHANNELS] for ends in (low, high))
    share = (shown - low) / np.where(high > low, high - low, 1.0)
    y = 0.92 - 0.84 * share.clip(-0.08, 1.08)  # (cells, L, C), a share of the height from the top
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
