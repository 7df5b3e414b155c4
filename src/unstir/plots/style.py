"""What all figures share: fonts, colours, text that fits its place, numbers on axes, and how a figure is saved.

A figure is nine inches wide, the width of a page. Its title says what is to be seen in it; numbers that belong to one panel stand below
that panel. The colours are those of Okabe and Ito (2008), which people with any kind of colour vision can tell apart; which thing has
which colour is in `looks.py`. Nothing here keeps a state: pyplot is not used, and `STYLE` is in force only while one of our functions
draws.

Names of columns and classes come from people, so no text is read as a formula (`text.parse_math`), whatever `$` and `_` are in it, and
every name goes through `plain` or `fitted`.
"""

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from unstir.errors import StorageError
from unstir.words import number, typeset

BLACK, ORANGE, SKY, GREEN, BLUE, RED, PINK = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
COLOURS = (BLUE, ORANGE, GREEN, RED, PINK, SKY)  # Okabe and Ito's, without the yellow that white swallows
DARK, GREY, PALE = "#333333", "#595959", "#C8C8C8"  # of text, of the data and of frames, of what is only for comparison
WHEEL = LinearSegmentedColormap.from_list("wheel", (BLUE, SKY, GREEN, ORANGE, RED, PINK, BLUE))  # ends where it starts

FONT = "DejaVu Sans"  # comes with matplotlib
OTHER_SCRIPTS = (  # for letters that it does not have: those of these fonts that the machine has
    *(
        "Noto Sans CJK SC",
        "Noto Sans CJK JP",
        "Source Han Sans SC",
        "WenQuanYi Zen Hei",
        "WenQuanYi Micro Hei",
        "Droid Sans Fallback",
    ),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Arial Unicode MS"),
    *("Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Bengali", "Noto Sans Tamil", "Nirmala UI", "Leelawadee UI"),
)
FONTS = [FONT, *(name for name in OTHER_SCRIPTS if name in {font.name for font in fontManager.ttflist})]
NO_LETTER = "\N{WHITE SQUARE}"  # in place of a letter that no font has

STYLE = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "font.family": FONTS,
    "font.size": 9,
    "text.parse_math": False,
    "text.usetex": False,
    "axes.facecolor": "white",
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.labelcolor": DARK,
    "axes.labelsize": 9,
    "axes.labelpad": 3,
    "axes.titlesize": 9.5,
    "axes.titlepad": 5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": DARK,
    "ytick.labelcolor": DARK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.title_fontsize": 9,
    "legend.borderaxespad": 0.3,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
}

WIDTH = 9.0  # inches
PRINT = 250  # dots per inch of what is an image inside a PDF; letters and lines stay lines
CROWD = 500  # a cloud of more points is such an image, not as many shapes
LETTERS = 96  # of a title in a line
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


def thin(n: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """The numbers of `most` random rows of n, or of all n if there are fewer, in rising order.

    >>> thin(3, 5, np.random.default_rng(0)).tolist(), len(thin(100, 5, np.random.default_rng(0)))
    ([0, 1, 2], 5)
    """
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


def scatter(axes: Axes, points: np.ndarray, colours: np.ndarray | str) -> None:
    """Draw points (N, 2) as dots, smaller and fainter if there are more of them."""
    crowd = min(1.0, len(points) / DRAWN)
    axes.scatter(
        *points.T, s=9 - 6.5 * crowd**0.5, c=colours, alpha=0.95 - 0.35 * crowd, linewidths=0, rasterized=len(points) > CROWD
    )


def few_numbers(*axes: Axis, most: int = 3, whole: bool = False) -> None:
    """At most so many steps between the numbers on each axis, written as `tick` writes them."""
    for axis in axes:
        axis.set_major_locator(MaxNLocator(most, min_n_ticks=1 if whole else 2, integer=whole))
        axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def tick(value: float) -> str:
    """A number on an axis: a year without a comma, a million and more as a power of ten, and no digit that is only rounding.

    >>> tick(2010.0), tick(12000.0), tick(-0.30000000000000004), tick(1.5e6)
    ('2010', '12,000', '−0.3', '1.5e6')
    """
    return typeset(number(value, 10, largest=1e6))


def logarithmic(axes: Axes) -> None:
    """Make the y axis logarithmic, with plain numbers on it, also if its range is narrow."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    decades = np.log10(high / low)
    wide = LogLocator(subs=(1, 2, 5) if decades < 2 else (1,), numticks=12)
    axes.yaxis.set_major_locator(wide if decades > 0.7 else MaxNLocator(4))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def plain(text: str) -> str:
    """A name from a person as it can be drawn: on one line, with a square for each letter that no font of this machine has.

    >>> plain("price_$"), plain("one\\ntwo"), plain("a\\ue000")
    ('price_$', 'one two', 'a□')
    """
    return "".join(c if _has(c) else NO_LETTER for c in " ".join(text.split()))


def plain_names(names: Sequence[str]) -> list[str]:
    """Names of columns as they can be drawn; where a letter is missing, the number of the column says which it is.

    >>> plain_names(["age", "\\ue000\\ue001"])
    ['age', '□□ (column 1)']
    """
    drawn = [plain(name) for name in names]
    return [
        text if text == " ".join(name.split()) else f"{text} (column {i})"
        for i, (name, text) in enumerate(zip(names, drawn, strict=True))
    ]


def wrapped(message: str, captions: Sequence[str], inches: float) -> tuple[str, list[str], float]:
    """The title of a figure, and the captions of panels of a width in inches, on as many lines as they take; and the inches of those lines.

    >>> wrapped("Noise", ["one line", "two of them, since they are long"], 1.6)
    ('Noise', ['one line', 'two of them, since they\\nare long'], 0.33)
    """
    message, most = fill(plain(message), LETTERS), max(10, int(inches / 0.069))
    captions = ["\n".join(fill(plain(line), most) for line in text.splitlines()) for text in captions]
    return message, captions, 0.165 * max(1 + text.count("\n") for text in captions) + 0.18 * message.count("\n")


def fitted(text: str, inches: float, lines: int = 1, size: float = 9.0) -> str:
    """A name in so many lines of a width in inches. Of a longer one the middle is left out, because long names often differ at the end.

    >>> fitted("age", 1.0), fitted("temperature_of_the_sensor_max", 1.3), fitted("price per night", 0.8, lines=2)
    ('age', 'temperat…sor_max', 'price per\\nnight')
    """
    text = plain(text)
    for left_out in range(len(text)):
        kept = len(text) - left_out
        head = (kept + 1) // 2
        found = _wrapped(text if not left_out else f"{text[:head]}…{text[head + left_out :]}", inches, size)
        if len(found) <= lines:
            return "\n".join(found)
    return text[:1]


def width_of(text: str, size: float = 9.0) -> float:
    """The width in inches of a line of text in letters of that size, to a few per cent: pairs of letters are not set closer here.

    >>> width_of("rows") < width_of("ROWS") < 0.5
    True
    """
    return size * sum(map(_advance, text))


@cache
def _advance(letter: str) -> float:
    """The width in inches of a letter of size 1, with the space around it."""
    measure, font = TextToPath().get_text_width_height_descent, FontProperties(family=FONTS, size=72)
    return (measure(f"x{letter * 4}x", font, False)[0] - measure("xx", font, False)[0]) / 4 / 72**2


def _wrapped(text: str, inches: float, size: float) -> list[str]:
    """The text in lines of that width at most, broken after a space, - or _ if there is one in the second half of the line."""
    lines = []
    while width_of(text, size) > inches and len(text) > 1:
        count = next(n for n in range(len(text) - 1, 0, -1) if n == 1 or width_of(text[:n], size) <= inches)
        place = max(text.rfind(mark, count // 2, count + (mark == " ")) + 1 for mark in " -_/")
        lines.append(text[: place or count].rstrip())
        text = text[place or count :]
    return [*lines, text]


def font_with(text: str) -> str:
    """The first of the fonts that has all letters of a text, else the usual one.

    >>> font_with("age")
    'DejaVu Sans'
    """
    return next((name for name in FONTS if all(_in_font(name, letter) for letter in text)), FONT)


@cache
def _in_font(name: str, letter: str) -> bool:
    return bool(get_font(findfont(name)).get_char_index(ord(letter)))


@cache
def _has(letter: str) -> bool:
    """Whether a font of this machine has the letter."""
    return letter.isprintable() and any(_in_font(name, letter) for name in FONTS)
