"""A film of data that turns into noise and back, as GIF or MP4: points, images or sequences, and below them a curve with a mark.

    alpha_bar = alpha^2 / (alpha^2 + sigma^2)         the curve: the share of the signal; the mark is at time t      (1)

A film is made of moments, each an array, a time and a line of text. They may come from a generator, so that the whole film is never in
memory.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from matplotlib.animation import AbstractMovieWriter, FFMpegWriter, PillowWriter
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec, SubplotSpec

from unstir.errors import UsageError
from unstir.plots.looks import by_class, hues, legend, legend_lines
from unstir.plots.mosaics import mosaic
from unstir.plots.plane import Frame, alike
from unstir.plots.style import BLUE, COLOURS, GREY, PALE, blank, few_numbers, fitted, plain, styled

SIZE = (5.0, 6.0)  # inches: a width of 10 k pixels is a height of 12 k, and MP4 wants even numbers
PIXELS = (200, 1600)  # the least and the greatest width
FIELDS = 9  # sequences shown
DOT = 5.0  # the area of a point

Draw = Callable[[np.ndarray], None]
"""Shows other rows in a figure that is already there."""


@dataclass(frozen=True)
class Moment:
    """What is seen at time t: rows (n, 2), (n, H, W[, C]) or (n, L, C)."""

    x: np.ndarray
    t: float
    text: str


@dataclass(frozen=True)
class Stage:
    """What stays the same throughout a film.

    `show`: the kind of rows, "points", "images" or "sequences". `axes`: their names, for points. `frame`: the part of the plane in sight,
    for points. `span`: the lowest and highest value shown, for images and sequences. `labels`: a class number for each row, of `classes`.
    `t` and `alpha_bar`: the curve of (1).
    """

    show: str
    axes: Sequence[str]
    frame: Frame | None
    span: tuple[float, float] | None
    labels: np.ndarray | None
    t: np.ndarray
    alpha_bar: np.ndarray
    classes: Sequence[str] = ()


def writer(path: Path, rate: int) -> AbstractMovieWriter:
    """The writer for a file of that suffix. Raises UsageError for another than .gif and .mp4, and for .mp4 if ffmpeg is missing."""
    if path.suffix == ".gif":
        return PillowWriter(fps=rate)
    if path.suffix != ".mp4":
        raise UsageError(f"--out {path}: a film is a .gif or an .mp4 file.")
    if not FFMpegWriter.isAvailable():
        raise UsageError(f"--out {path}: MP4 needs the program ffmpeg, which is not on the path. Install it, or write a .gif.")
    return FFMpegWriter(fps=rate, codec="libx264", extra_args=["-pix_fmt", "yuv420p", "-crf", "20"])


@styled
def film(stage: Stage, moments: Iterable[Moment], path: Path, pixels: int, rate: int) -> int:
    """Write a film that is `pixels` wide, with `rate` pictures a second, and return how many pictures it has.

    Raises UsageError for a width out of range, and for a file that cannot be written.
    """
    if not PIXELS[0] <= pixels <= PIXELS[1]:
        raise UsageError(f"--pixels {pixels}: a film is {PIXELS[0]} to {PIXELS[1]:,} pixels wide.")
    ready, count = writer(path, rate), 0
    figure = blank(SIZE[1], "")
    figure.set_size_inches(*SIZE)
    figure.set_layout_engine("none")
    grid = figure.add_gridspec(2, 1, height_ratios=(1, 0.11), hspace=0.23, left=0.115, right=0.97, top=0.925, bottom=0.07)
    title = figure.text(0.03, 0.957, "", fontsize=10.5, fontweight="bold")
    moments = iter(moments)
    first = next(moments)
    draw, mark = DRAWERS[stage.show](figure, grid[0], stage, first.x), _strip(figure, grid[1], stage)
    with ready.saving(figure, str(path), pixels // 10 * 10 / SIZE[0]):
        for moment in chain([first], moments):
            draw(moment.x)
            title.set_text(plain(moment.text))
            mark(moment.t)
            ready.grab_frame()
            count += 1
    return count


def _strip(figure: Figure, place: SubplotSpec, stage: Stage) -> Callable[[float], None]:
    axes = figure.add_subplot(place)
    axes.fill_between(stage.t, stage.alpha_bar, color=PALE, linewidth=0)
    axes.plot(stage.t, stage.alpha_bar, color=GREY, linewidth=1.2)
    (line,), (dot,) = axes.plot([0, 0], [0, 1.1], color=BLUE, linewidth=1.2), axes.plot([0], [1], "o", color=BLUE, markersize=5)
    axes.set(xlim=(-0.005, 1.005), ylim=(0, 1.1), xticks=[0, 1], xticklabels=["data", "noise"], yticks=[0, 1])
    axes.set_ylabel("signal ᾱ")

    def at(t: float) -> None:
        line.set_xdata([t, t])
        dot.set_data([t], [float(np.interp(t, stage.t, stage.alpha_bar))])

    return at


def _points(figure: Figure, place: SubplotSpec, stage: Stage, x: np.ndarray) -> Draw:
    assert stage.frame is not None
    entries, colours = [], hues(x)
    if stage.labels is not None:
        groups = by_class(stage.labels, stage.classes)
        entries, colours = groups.entries(), groups.colours(stage.labels)
        grid = place.get_gridspec()
        assert isinstance(grid, GridSpec)
        grid.update(bottom=0.075 + 0.034 * legend_lines(entries, SIZE[0]), hspace=0.27)
        legend(figure, entries, width=SIZE[0], inside=True)
    axes = figure.add_subplot(place)
    dots = axes.scatter(*x.T, s=DOT, c=colours, linewidths=0)
    axes.set(xlim=(stage.frame.low[0], stage.frame.high[0]), ylim=(stage.frame.low[1], stage.frame.high[1]))
    axes.set_aspect("equal" if alike(np.array([stage.frame.low, stage.frame.high])) else "auto")
    few_numbers(axes.xaxis, axes.yaxis)
    axes.set(xlabel=fitted(stage.axes[0], 3.5), ylabel=fitted(stage.axes[1], 3.5))
    return dots.set_offsets


def _pictures(figure: Figure, place: SubplotSpec, stage: Stage, x: np.ndarray) -> Draw:
    axes = figure.add_subplot(place)
    axes.axis("off")
    span = stage.span or (float(x.min()), float(x.max()))
    picture = axes.imshow(mosaic(x, span), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    return lambda x: picture.set_data(mosaic(x, span))


def _curves(figure: Figure, place: SubplotSpec, stage: Stage, x: np.ndarray) -> Draw:
    """Sequences in fields of their own. Several channels may differ in scale, so each is drawn as a share of its range in the first rows."""
    one = x.shape[2] == 1
    low, high = (stage.span or (float(x.min()), float(x.max()))) if one else (0.0, 1.0)
    start, size = (0.0, 1.0) if one else (x.min(axis=(0, 1)), np.maximum(np.ptp(x, axis=(0, 1)), 1e-300))
    air = 0.08 * (high - low) or 1.0
    shown = min(FIELDS, len(x))
    side = math.ceil(shown**0.5)
    cells = place.subgridspec(side, side, hspace=0.12, wspace=0.08)
    lines = []
    for i in range(shown):
        axes = figure.add_subplot(cells[i // side, i % side])
        axes.set(ylim=(low - air, high + air), xlim=(0, max(1, x.shape[1] - 1)))
        few_numbers(axes.xaxis, whole=True)
        few_numbers(axes.yaxis)
        lowest = i + side >= shown
        axes.tick_params(labelleft=i % side == 0, labelbottom=lowest)
        axes.set(xlabel="time step" if lowest else "", ylabel=("value" if one else "share of range") if i % side == 0 else "")
        lines.append([axes.plot(x[i, :, 0], color=COLOURS[c % len(COLOURS)], linewidth=1.3)[0] for c in range(x.shape[2])])

    def draw(x: np.ndarray) -> None:
        for field, sequence in zip(lines, (x[:shown] - start) / size, strict=True):
            for line, channel in zip(field, sequence.T, strict=True):
                line.set_ydata(channel)

    return draw


DRAWERS = {"points": _points, "images": _pictures, "sequences": _curves}
