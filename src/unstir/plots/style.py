"""What all figures share: fonts and colours, the number of points drawn, the frame around them, and how a figure is saved.

A figure is nine inches wide, the width of a page. Its title says what is to be seen in it; numbers that belong to one panel stand below
that panel. The colours are those of Okabe and Ito (2008), which people with any kind of colour vision can tell apart. Nothing here keeps
a state: pyplot is not used, and `STYLE` is in force only while one of our functions draws.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from unstir.errors import StorageError

BLACK, ORANGE, SKY, GREEN, BLUE, RED, PINK = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
COLOURS = (BLUE, ORANGE, GREEN, RED, PINK, SKY)  # Okabe and Ito's, without the yellow that white swallows
GREY, PALE = "#595959", "#C8C8C8"
WHEEL = LinearSegmentedColormap.from_list("wheel", (BLUE, SKY, GREEN, ORANGE, RED, PINK, BLUE))  # ends where it starts

STYLE = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "mathtext.fontset": "dejavusans",
    "axes.facecolor": "white",
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.labelcolor": GREY,
    "axes.labelsize": 9,
    "axes.labelpad": 3,
    "axes.titlesize": 9.5,
    "axes.titlepad": 5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}

WIDTH = 9.0  # inches
PRINT = 250  # dots per inch of what is an image inside a PDF; letters and lines stay lines
CROWD = 500  # a cloud of more points is such an image, not as many shapes
DRAWN = 5_000  # points of a cloud; more of them make a blot, not a better picture

styled = rc_context(STYLE)
"""Decorator: the function draws in `STYLE`."""


class Picture(Figure):
    """A matplotlib figure that shows itself as the last value of a notebook's cell, which one made without pyplot does not."""

    @styled
    def _repr_png_(self) -> bytes:
        """What Jupyter asks for: the figure as the bytes of a PNG file."""
        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


@styled
def save(figure: Figure, path: str | Path) -> None:
    """Write the figure as PNG, and beside it as PDF for print. Raises StorageError where they cannot be written.

    >>> save(blank(2.0, "Nothing yet"), "/no/such/folder/picture.png")
    Traceback (most recent call last):
    ...
    unstir.errors.StorageError: the picture /no/such/folder/picture.png cannot be written: No such file or directory.
    """
    try:
        figure.savefig(path, format="png")
        figure.set_layout_engine("none")  # everything stays where it is in the PNG
        figure.savefig(Path(path).with_suffix(".pdf"), format="pdf", dpi=PRINT, metadata={"CreationDate": None})
    except OSError as error:
        raise StorageError(f"the picture {path} cannot be written: {error.strerror}.") from error


@styled
def blank(height: float, title: str) -> Picture:
    """An empty figure of the common width, `height` in inches, with its title at the top left.

    >>> blank(2.0, "Nothing yet")._repr_png_()[1:4]
    b'PNG'
    """
    figure = Picture(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.012, ha="left", fontsize=10.5, fontweight="bold")
    return figure


@dataclass(frozen=True)
class Frame:
    """The part of the plane that all panels of a figure show: its lower and its upper corner (d,)."""

    low: np.ndarray
    high: np.ndarray

    def outside(self, points: np.ndarray) -> float:
        """The share of points (N, d) that are outside."""
        return float(((points < self.low) | (points > self.high)).any(axis=1).mean())


def frame(data: np.ndarray, clouds: Iterable[np.ndarray], reach: float) -> Frame:
    """A square frame around the data (N, d) and the clouds (M, d), but not so large that the data can hardly be seen.

    It ends at the 0.1 % quantiles, because one point far away would make all others small, and at most `reach` times the size of the
    data away from the data: the noise of a variance exploding schedule is a hundred times larger than the data.

    >>> data = np.linspace(-1, 1, 1001)[:, None]
    >>> print(frame(data, [100 * data], reach=0.5).high)
    [2.1]
    """
    low, high = np.quantile(data, [0.001, 0.999], axis=0)
    size = (high - low).max() or 1.0
    far_low, far_high = np.quantile(np.concatenate([data, *clouds]), [0.001, 0.999], axis=0)
    low, high = np.clip(far_low, low - reach * size, low), np.clip(far_high, high, high + reach * size)
    half = 0.525 * (high - low).max() or 1.0  # a twentieth larger, so that no point sits on the edge
    return Frame((low + high) / 2 - half, (low + high) / 2 + half)


def thin(n: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """The numbers of `most` random rows of n, or of all n if there are fewer, in rising order.

    >>> thin(3, 5, np.random.default_rng(0)).tolist(), len(thin(100, 5, np.random.default_rng(0)))
    ([0, 1, 2], 5)
    """
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


def hues(points: np.ndarray) -> np.ndarray:
    """A colour (N, 4) for each of the points (N, 2), by the order of their angles about the centre.

    Neighbours have similar colours, and each colour goes to equally many points.
    """
    x, y = (points - points.mean(axis=0)).T
    order = np.argsort(np.argsort(np.arctan2(y, x), kind="stable"), kind="stable")
    return WHEEL(order / len(points))


def class_colours(labels: np.ndarray) -> np.ndarray:
    """A colour (N, 4) for each of the class numbers (N,). Up to six classes can be told apart by everybody."""
    classes = labels.max() + 1
    return to_rgba_array(COLOURS)[labels] if classes <= len(COLOURS) else WHEEL(labels / classes)


def scatter(axes: Axes, points: np.ndarray, colours: np.ndarray | str) -> None:
    """Draw points (N, 2) as dots, smaller and fainter if there are more of them."""
    crowd = min(1.0, len(points) / DRAWN)
    axes.scatter(
        *points.T, s=9 - 6.5 * crowd**0.5, c=colours, alpha=0.95 - 0.35 * crowd, linewidths=0, rasterized=len(points) > CROWD
    )


def square(axes: Axes, view: Frame) -> None:
    """Show the frame, with equal units on both axes and few ticks."""
    axes.set(xlim=(view.low[0], view.high[0]), ylim=(view.low[1], view.high[1]), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(3, min_n_ticks=2))


def logarithmic(axes: Axes) -> None:
    """Make the y axis logarithmic, with plain numbers on it, also if its range is narrow."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    decades = np.log10(high / low)
    wide = LogLocator(subs=(1, 2, 5) if decades < 2 else (1,), numticks=12)
    axes.yaxis.set_major_locator(wide if decades > 0.7 else MaxNLocator(4))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def plain(text: str) -> str:
    """A text from the user, whose $ does not start a formula.

    >>> print(plain("price_$"))
    price_\\$
    """
    return text.replace("$", r"\$")
