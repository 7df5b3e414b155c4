"""The figure of a comparison: every seed's score beside the floor, and one seed's samples beside true rows.

A dot is a seed; the bar is the mean over the seeds with its 95 % interval; the grey band is the floor, the score of other true rows, two
standard errors of its mean to either side. An alternative has its colour everywhere (`looks.py`). One that is worse than the lowest,
beyond the noise, has hollow dots, and one stands beside its name. Samples are drawn as their kind is everywhere: points as clouds,
where those outside the frame of the data are only counted; images as mosaics; sequences as curves.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from unstir.plots.looks import colour_of
from unstir.plots.mosaics import draw, height_of_width
from unstir.plots.plane import plane
from unstir.plots.sequences import strips
from unstir.plots.style import DARK, DRAWN, GREY, PALE, WIDTH, blank, fitted, plain, scatter, styled, thin, tick
from unstir.words import number, percent, typeset

ABREAST = 6  # panels of samples side by side
FAR = 30.0  # times the lowest score: a higher one is not drawn to scale but written at the edge
WIDE = 3.0  # the axis of the scores is logarithmic where the highest is more than so many times the lowest
LETTERS = 98  # of a title in a line


@dataclass(frozen=True)
class Panel:
    """One way of sampling: for each alternative its scores (S,), mean, low and high, and whether it is worse beyond the noise.

    The floor is a mean and its standard error.
    """

    title: str
    score: str
    names: Sequence[str]
    scores: Sequence[np.ndarray]
    intervals: Sequence[tuple[float, float, float]]
    worse: Sequence[bool]
    floor: tuple[float, float]


@dataclass(frozen=True)
class Samples:
    """Samples drawn in one way: for each alternative its name, its rows, what stands under it, and whether it is worse."""

    title: str
    panels: Sequence[tuple[str, np.ndarray, str, bool]]


@styled
def comparison(
    title: str,
    scores: Sequence[Sequence[Panel]],
    true: np.ndarray,
    samples: Sequence[Samples],
    kind: str = "points",
    span: tuple[float, float] = (0.0, 1.0),
) -> Figure:
    """Scores on top: a line of panels for each score, a panel for each way of sampling. Below: samples of each way beside true rows.

    `kind` says what rows are: "points" (n, d), seen as `plane` shows them, and nothing of rows with one column; "images"
    (n, H, W[, C]), whose values are drawn from the low to the high end of `span`; or "sequences" (n, L, C).

    >>> rng = np.random.default_rng(0)
    >>> panel = Panel("20 evaluations", "sliced W2", ["a", "b"], [np.ones(3), np.ones(3)], [(1, 0.9, 1.1)] * 2, [False, True], (0.8, 0.1))
    >>> samples = Samples("20 evaluations", [("a", rng.random((9, 8, 8)), "SW2 1", False)])
    >>> figure = comparison("No difference", [[panel]], rng.random((9, 8, 8)), [samples], "images")
    >>> [axes.get_title() for axes in figure.axes]
    ['20 evaluations', 'data', 'a']
    """
    samples = () if kind == "points" and true.shape[1] == 1 else samples
    lines = [1 + len(way.panels) // ABREAST for way in samples]
    across = [min(ABREAST, 1 + len(way.panels)) for way in samples]
    sides = [min((WIDTH - 0.3) / wide - 0.12, 1.9) for wide in across]
    top = 0.8 + 0.24 * len(scores[0][0].names)
    more = 0.25 if kind == "sequences" else 0.0
    titles = ["\n".join(textwrap.fill(plain(line), LETTERS + 12) for line in way.title.splitlines()) for way in samples]
    tall = [0.12 + 0.17 * (1 + text.count("\n")) for text in titles]
    squat = height_of_width(true) if kind == "images" else 1.0
    heights = [high + line * (side * squat + 0.85 + more) for line, side, high in zip(lines, sides, tall, strict=True)]
    heights = [top * len(scores), *heights]
    title = textwrap.fill(plain(title), LETTERS)
    figure = blank(0.18 * (1 + title.count("\n")) + 0.17 + sum(heights), title)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_scores(parts[0], scores)
    for part, way, text, line, wide in zip(parts[1:], samples, titles, lines, across, strict=True):
        part.suptitle(text, x=0.012, ha="left", fontsize=9.5)
        places = part.subplots(line, wide, squeeze=False).flatten()
        for axes in places[1 + len(way.panels) :]:
            axes.set_axis_off()
        if kind == "points":
            _draw_clouds(places, way, true, wide)
        else:
            _draw_rows(places, way, true, kind, span, wide)
    return figure


def _draw_scores(part: SubFigure, rows: Sequence[Sequence[Panel]]) -> None:
    names = list(dict.fromkeys(name for panels in rows for panel in panels for name in panel.names))
    places = part.subplots(len(rows), len(rows[0]), sharey=True, squeeze=False)
    for axes, panel in zip(places.flatten(), [panel for panels in rows for panel in panels], strict=True):
        low, high = _limits(axes, panel)
        mean, error = panel.floor
        axes.axvspan(max(mean - 2 * error, low), mean + 2 * error, color=PALE, alpha=0.6, linewidth=0)
        axes.axvline(mean, color=GREY, linewidth=0.8)
        each = zip(panel.names, panel.scores, panel.intervals, panel.worse, strict=True)
        for name, scores, (middle, first, last), worse in each:
            place, colour = names.index(name), colour_of(name)
            if middle > high:
                axes.text(
                    high,
                    place,
                    typeset(f"{number(middle)} \N{RIGHTWARDS ARROW} "),
                    color=DARK,
                    ha="right",
                    va="center",
                    fontsize=8.5,
                )
                continue
            spread = place + np.linspace(-0.18, 0.18, len(scores))
            axes.plot([max(first, low), min(last, high)], [place, place], color=colour, linewidth=1.6, zorder=3)
            axes.plot(middle, place, "|", color=colour, markersize=13, markeredgewidth=2.2, zorder=4)
            face = "white" if worse else colour
            axes.scatter(scores, spread, s=11, facecolors=face, edgecolors=colour, linewidths=0.9, zorder=5)
        axes.set(title=plain(panel.title))
    for line, panels in zip(places, rows, strict=True):  # one label for a row: they measure the same
        line[len(panels) // 2].set_xlabel(plain(panels[0].score))
    for axes in places[:, 0]:
        axes.set_yticks(range(len(names)), [fitted(name, 1.6) for name in names])
    places[0, 0].set_ylim(len(names) - 0.5, -0.5)


def _limits(axes: Axes, panel: Panel) -> tuple[float, float]:
    """Around the floor and every seed that is not too far; a logarithmic axis where they go over a wide range."""
    every = np.concatenate(panel.scores)
    low, high = min(every.min(), panel.floor[0]), every[every <= FAR * every.min()].max()
    if high > WIDE * low:
        axes.set_xscale("log")
        low, high = low / 1.3, high * 1.3
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,), numticks=8))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        low, high = low - 0.15 * (high - low), high + 0.15 * (high - low)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlim(low, high)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    return low, high


def _draw_clouds(places: Sequence[Axes], way: Samples, true: np.ndarray, across: int) -> None:
    """The data and then each alternative's samples, equally many points in each, in the frame of the data."""
    rng = np.random.default_rng(0)
    shown = min(DRAWN, len(true), *(len(rows) for _, rows, _, _ in way.panels))
    seen = plane(true)
    data = seen.points(true)
    view = seen.frame(data, [], reach=0.0).grown(0.06)
    panels = [("data", true, "", False), *way.panels]
    for i, (axes, (name, rows, text, worse)) in enumerate(zip(places, panels, strict=False)):
        points = seen.points(rows)
        scatter(axes, points[thin(len(rows), shown, rng)], colour_of(name) if i else GREY)
        axes.collections[0].set_rasterized(True)  # thousands of dots as an image, also where the rest is lines
        seen.show(axes, view)
        outside = view.outside(points)
        text = "\n".join(filter(None, [plain(text), f"{percent(outside)} outside" if outside >= 0.01 else ""]))
        axes.set(title=_title(name, worse, across), xlabel=text)
        axes.tick_params(labelleft=False, labelbottom=False)


def _draw_rows(places: Sequence[Axes], way: Samples, true: np.ndarray, kind: str, span: tuple[float, float], across: int) -> None:
    """True rows and then each alternative's first samples, all in one range of values."""
    panels = [("data", true, "", False), *way.panels]
    for axes, (name, rows, text, worse) in zip(places, panels, strict=False):
        if kind == "images":
            draw(axes, rows, span)
        else:
            strips(axes, rows, true)
        axes.set_title(_title(name, worse, across))
        axes.set_xlabel(plain(text) if kind == "images" else f"time step\n{plain(text)}".rstrip())


def _title(name: str, worse: bool, across: int) -> str:
    """The name of an alternative, fitted to its panel, with a hollow dot where it is worse."""
    return fitted(f"○ {name}" if worse else name, min((WIDTH - 0.3) / across - 0.12, 1.9) + 0.1, size=9.5)
