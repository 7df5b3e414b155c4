"""Which thing has which colour: schedules, targets, samplers and classes, the same in every figure.

A part has the colour of its place in its registry, counted from the default: the default is blue. A part of your own that is added while
the process runs comes last, so no other part changes its colour. The second half of the palette is drawn as dashed lines, since two of
its colours may look alike to somebody.

Of the classes of the data at most ten have a colour of their own: the most frequent ones. The others are grey, and the legend counts them.

    >>> look(SCHEDULES, "linear"), look(SCHEDULES, "cosine").colour
    (Look(colour='#0072B2', dashes='-'), '#E69F00')
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unstir.diffusion.registry import SCHEDULES, TARGETS
from unstir.diffusion.samplers import SAMPLERS, default
from unstir.plots.style import BLACK, BLUE, COLOURS, DARK, PALE, WHEEL, WIDTH, fitted, width_of
from unstir.registry import Registry

PALETTE = (*COLOURS, BLACK, "#882255", "#999933", "#332288", "#44AA99", "#8C510A")  # Okabe and Ito's, then some of Tol's (2021)
SOLID = 6  # colours of lines that are drawn solid
NAMED = 10  # classes that have a colour of their own, at most
LONGEST = 1.6  # inches of a name in a legend
USUAL = 20  # evaluations, whose best sampler is the default


class Look(NamedTuple):
    """How a part is drawn: its colour, and the dashes of its line."""

    colour: str
    dashes: str


def look(table: Registry[Any], name: str) -> Look:
    """How the part of that name is drawn. Raises UsageError for a name that is not in the table."""
    names, usual = list(table), table.default or default(USUAL)
    table[name]
    index = names.index(name)
    place = (index - (names.index(usual) if usual in names else 0)) % len(PALETTE)
    again = index // len(PALETTE)  # how many before it have the same colour
    return Look(PALETTE[place], (":", "-.")[again % 2] if again else "-" if place < SOLID else "--")


def look_of(name: str) -> Look | None:
    """How the schedule, target or sampler of that name is drawn; None for any other name."""
    return next((look(table, name) for table in (SAMPLERS, SCHEDULES, TARGETS) if name in table), None)


def colour_of(name: str) -> str:
    """The colour of the schedule, target or sampler of that name; blue for any other name.

    >>> colour_of("ddim") == colour_of("ddim"), colour_of("few steps") == BLUE
    (True, True)
    """
    found = look_of(name)
    return found.colour if found else BLUE


@dataclass(frozen=True)
class ByClass:
    """The colours of the classes `names`: the classes `shown` have one of their own, in their order."""

    names: Sequence[str]
    shown: Sequence[int]

    def colours(self, labels: np.ndarray) -> np.ndarray:
        """A colour (N, 4) for each of the class numbers (N,)."""
        each = np.tile(to_rgba_array(PALE), (len(self.names) + 1, 1))
        for colour, number in zip(to_rgba_array(PALETTE), self.shown, strict=False):
            each[number] = colour
        return each[labels]

    def entries(self) -> list[tuple[str, np.ndarray]]:
        """What a legend says: a name and a colour for each class that has one, and how many others there are."""
        found = [(fitted(self.names[i], LONGEST), self.colours(np.array([i]))[0]) for i in self.shown]
        others = len(self.names) - len(self.shown)
        return found + (
            [(f"{others:,} other classes" if others > 1 else "1 other class", to_rgba_array(PALE)[0])] if others else []
        )


def by_class(labels: np.ndarray, names: Sequence[str]) -> ByClass:
    """The colours of the classes `names` of rows with these class numbers (N,).

    >>> by_class(np.array([0, 1, 1]), ["cat", "dog"]).shown, len(by_class(np.arange(37), [""] * 37).entries())
    ([0, 1], 11)
    """
    names = names or [str(i) for i in range(int(labels.max()) + 1)]
    counts = np.bincount(labels, minlength=len(names))
    return ByClass(names, sorted(np.argsort(-counts, kind="stable")[:NAMED].tolist()))


def legend(
    figure: Figure,
    entries: Sequence[tuple[str, Any]],
    title: str = "",
    marker: str = "o",
    width: float = WIDTH,
    inside: bool = False,
) -> None:
    """A legend of names and colours below the panels of a figure, in as many columns as fit; `marker` is "" for lines.

    `inside` is for a figure that does not make space for it by itself.
    """
    line = "none" if marker else "-"
    handles = [
        Line2D([], [], color=colour, marker=marker or None, linestyle=line, markersize=5, label=name) for name, colour in entries
    ]
    each = max(width_of(name) for name, _ in entries) + 0.5
    across = max(1, min(len(entries), int((width - 0.3) / each)))
    across = math.ceil(len(entries) / math.ceil(len(entries) / across))  # lines of equal length
    place = "lower center" if inside else "outside lower center"
    drawn = figure.legend(handles=handles, ncols=across, loc=place, title=title or None)
    drawn.get_title().set_color(DARK)


def legend_lines(entries: Sequence[tuple[str, Any]], width: float = WIDTH) -> int:
    """How many lines such a legend takes."""
    if not entries:
        return 0
    each = max(width_of(name) for name, _ in entries) + 0.5
    return math.ceil(len(entries) / max(1, int((width - 0.3) / each)))


def hues(points: np.ndarray) -> np.ndarray:
    """A colour (N, 4) for each of the points (N, 2), by the order of their angles about the centre.

    Neighbours have similar colours, and each colour goes to equally many points.
    """
    x, y = (points - points.mean(axis=0)).T
    order = np.argsort(np.argsort(np.arctan2(y, x), kind="stable"), kind="stable")
    return WHEEL(order / len(points))
