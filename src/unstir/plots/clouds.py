"""Figures of clouds of points: the data dissolving into noise, samples taking shape, samples beside the data.

    x_t = alpha_t x_0 + sigma_t eps         with one eps for each point, so that it moves on a smooth path          (1)
    alpha^2 var / (alpha^2 var + sigma^2)   the share of the signal in the variance of x_t                          (2)

A row is a point. Rows with more than two columns are seen in the plane of their principal directions: see `plane.py`. If they have one
column, a histogram is drawn. All panels of a figure have the same limits.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from unstir.diffusion.schedules import Schedule
from unstir.plots.looks import ByClass, by_class, colour_of, hues, legend, legend_lines
from unstir.plots.plane import Frame, Plane, frame, plane
from unstir.plots.style import (
    BLUE,
    DARK,
    DRAWN,
    GREY,
    LETTERS,
    PALE,
    WIDTH,
    blank,
    few_numbers,
    fitted,
    plain,
    plain_names,
    scatter,
    styled,
    thin,
)
from unstir.words import number, percent, typeset

LECTURE_STEPS = (0, 100, 300, 500, 800, 1000)
PATHS = 60  # trajectories drawn as lines
BINS = 60
POWERS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Drawn(NamedTuple):
    """Samples (M, ...) of one sampler: the rows, what stands under them, the name of the sampler, and their class numbers (M,)."""

    rows: np.ndarray
    text: str
    method: str = ""
    labels: np.ndarray | None = None


Panels = Mapping[str, Drawn | tuple[np.ndarray, str]]
"""Samples by the name of their panel; a pair is rows and text."""


@styled
def forward(
    x0: np.ndarray,
    schedule: Schedule,
    steps: Sequence[int] = LECTURE_STEPS,
    seed: int = 0,
    labels: np.ndarray | None = None,
    names: Sequence[str] = (),
    classes: Sequence[str] = (),
) -> Figure:
    """The data dissolving into noise: x_t of eq. (1), one panel for each n of `steps`, which count on a chain of 1,000 steps.

    The panel of n is drawn at t = n / 1000. Its title is the schedule's own step, t T, if that is a whole number, and else t. A point
    keeps its colour: that of its class, or else of its angle about the centre of the data. The figure's title gives eq. (2) at the last
    step. Shapes: x0 (N, d) in the model's space, labels (N,) class numbers; `names` of the columns, `classes` those of the classes.
    Source: Ho et al. 2020, eq. 4.

    >>> from unstir.diffusion.chains import linear
    >>> figure = forward(np.random.default_rng(0).standard_normal((100, 2)), linear(), steps=(0, 300))
    >>> [axes.get_title() for axes in figure.axes]
    ['n = 0', 'n = 300']
    """
    rng = np.random.default_rng(seed)
    rows = thin(len(x0), DRAWN if x0.shape[1] > 1 else len(x0), rng)
    seen = plane(x0, names, np.ones(x0.shape[1])) if x0.shape[1] > 1 else None  # so that noise has deviation 1 in it
    data = x0[rows].astype(np.float64) @ (np.eye(1) if seen is None else seen.matrix)
    eps = rng.standard_normal(data.shape)
    t = torch.tensor(steps, dtype=torch.float64) / 1000
    alpha, sigma = (coefficient.numpy() for coefficient in schedule(t))
    clouds = [a * data + s * eps for a, s in zip(alpha, sigma, strict=True)]

    groups = None if labels is None or seen is None else by_class(labels, classes)
    colours = BLUE if seen is None else hues(data) if groups is None or labels is None else groups.colours(labels[rows])
    titles = [_moment(n, schedule.T) for n in steps]
    levels = zip(alpha**2 / (alpha**2 + sigma**2), schedule.log_snr(t).tolist(), strict=True)
    captions = [f"ᾱ = {_short(alpha_bar)}\nlog-SNR {_signed(nats)}" for alpha_bar, nats in levels]
    signal = alpha[-1] ** 2 * x0.var(axis=0).mean()
    share = signal / (signal + sigma[-1] ** 2)
    news = "The data dissolves into noise" if share < 0.01 else "The noise does not cover the data"
    message = f"{news}: at {titles[-1]} the signal is {percent(share)} of the variance"
    look = _Look(_axis_names(seen, names), [colours] * len(steps), groups, reach=1.0)
    return _beside(message, titles, captions, clouds, seen, look)


@styled
def samples_beside_data(
    true: np.ndarray,
    panels: Panels,
    names: Sequence[str] = (),
    title: str = "Samples beside the data",
    labels: np.ndarray | None = None,
    classes: Sequence[str] = (),
    scale: np.ndarray | None = None,
) -> Figure:
    """The data on the left, then the samples of each sampler, all in the same frame, each with a caption.

    `panels` has by name the samples and their caption, for example what they cost. Points have the colour of their class if all have
    classes, else that of their sampler. If 1 % of them or more lie outside the frame, a line below the caption says so. All panels show
    equally many points, at most 5,000, so that the eye can compare densities. Histograms are of all rows, with the outline of the
    data's histogram. Shapes: true (N, d), samples (M, d), labels (N,), and `scale` (d,) as `plane` takes it.

    >>> true = np.random.default_rng(0).standard_normal((100, 2))
    >>> figure = samples_beside_data(true, {"ddim": (true[:50], "20 evaluations")})
    >>> [len(axes.collections[0].get_offsets()) for axes in figure.axes]
    [50, 50]
    """
    rng = np.random.default_rng(0)
    drawn = [Drawn(true, "", labels=labels), *(_drawn(panel) for panel in panels.values())]
    shown = min(DRAWN, *(len(one.rows) for one in drawn))
    text = f"{len(true):,} points"
    seen = plane(true, names, scale) if true.shape[1] > 1 else None
    colours: list[np.ndarray | str] = [
        GREY,
        *(colour_of(one.method or name) for name, one in zip(panels, drawn[1:], strict=True)),
    ]
    groups, clouds = None, [one.rows for one in drawn]
    if seen is not None:
        numbers = [thin(len(one.rows), shown, rng) for one in drawn]
        clouds = [seen.points(one.rows[which]) for one, which in zip(drawn, numbers, strict=True)]
        text += f",\n{shown:,} shown in each" if shown < len(true) else ""
        known = [one.labels[which] for one, which in zip(drawn, numbers, strict=True) if one.labels is not None]
        if labels is not None and len(known) == len(drawn):
            groups = by_class(labels, classes)
            colours = [groups.colours(own) for own in known]
    fits = int(_side(len(clouds)) / 0.069)  # letters of the caption's size, on average, next to each other
    texts = [text, *(one.text for one in drawn[1:])]
    captions = ["\n".join(textwrap.fill(plain(line), fits) for line in text.splitlines()) for text in texts]
    titles = ["data", *(fitted(name, _side(len(clouds)), size=9.5) for name in panels)]
    look = _Look(_axis_names(seen, names), colours, groups, reach=0.25, behind=True)
    return _beside(title, titles, captions, clouds, seen, look)


@styled
def trajectories(
    states: np.ndarray, times: np.ndarray, title: str, names: Sequence[str] = (), scale: np.ndarray | None = None
) -> Figure:
    """Samples taking shape: the paths of 60 random particles from noise (grey crosses) to samples (coloured dots).

    On the left in the plane, over the cloud of all samples (at most 5,000). On the right the first coordinate against t, from noise to
    data. A path has the colour of the place where it ends.
    Shapes: states (S, N, d), d >= 2, of a sampler at the times (S,), which fall from 1 to 0; `scale` (d,) as `plane` takes it.

    >>> states = np.array([2.0, 1.0, 0.0])[:, None, None] * np.ones((3, 5, 2))
    >>> figure = trajectories(states, np.array([1, 0.5, 0]), "Two steps")
    >>> [piece[:, 1].tolist() for piece in figure.axes[1].collections[0].get_segments()[::5]]
    [[2.0, 1.0], [1.0, 0.0]]
    """
    rng = np.random.default_rng(0)
    seen = plane(states[-1], names, scale)
    states = np.stack([seen.points(x) for x in states[:, thin(states.shape[1], DRAWN, rng)]])
    colours = hues(states[-1])
    paths = thin(states.shape[1], PATHS, rng)
    x, y = states[:, paths, 0], states[:, paths, 1]
    across, up = (fitted(name, 2.3, lines=2) for name in seen.names)

    figure = blank(3.6, plain(title))
    left, line = figure.subplots(1, 2, width_ratios=(1, 1.9))
    scatter(left, states[-1], PALE)
    _draw_paths(left, x, y, colours[paths])
    seen.show(left, seen.frame(states[-1], states[:, paths], reach=1.0))
    left.set(title="in the plane", xlabel=across, ylabel=up)
    _draw_paths(line, np.broadcast_to(times[:, None], x.shape), x, colours[paths])
    view = frame(states[-1, :, :1], x[..., None], reach=1.0)
    line.set(xlim=(1.01, -0.01), ylim=(view.low[0], view.high[0]), xlabel="t  (1 is noise, 0 is data)", ylabel=across)
    few_numbers(line.xaxis, line.yaxis, most=5)
    line.set_title(f"{fitted(seen.names[0], 2.6, size=9.5)} against time, {len(times) - 1} steps")
    return figure


def _drawn(panel: Drawn | tuple[np.ndarray, str]) -> Drawn:
    return panel if isinstance(panel, Drawn) else Drawn(panel[0], panel[1])


class _Look(NamedTuple):
    """How panels look: names of the axes, colours, classes, how far the frame reaches beyond the data; `behind`, an outline of the first."""

    names: tuple[str, str]
    colours: Sequence[np.ndarray | str]
    groups: ByClass | None
    reach: float
    behind: bool = False


def _beside(
    message: str, titles: Sequence[str], captions: Sequence[str], clouds: Sequence[np.ndarray], seen: Plane | None, look: _Look
) -> Figure:
    """One panel for each cloud (N, 1 or 2), all in the same frame."""
    view = frame(clouds[0], clouds[1:], look.reach) if seen is None else seen.frame(clouds[0], clouds[1:], look.reach)
    outside = [view.outside(cloud) for cloud in clouds]
    captions = [f"{text}\n{percent(o)} outside" if o >= 0.01 else text for text, o in zip(captions, outside, strict=True)]
    entries = look.groups.entries() if look.groups else []
    message = textwrap.fill(plain(message), LETTERS)
    side, lines = _side(len(clouds)), max(1 + text.count("\n") for text in captions)
    tall = side + 1.0 + 0.165 * lines + 0.21 * legend_lines(entries) + 0.18 * message.count("\n")
    figure = blank(tall, message)
    figure.set_layout_engine("compressed")  # square panels close to each other
    row = figure.subplots(1, len(clouds), squeeze=False)[0]
    if seen is None:
        _draw_histograms(row, clouds, look.colours, view, clouds[0] if look.behind else None)
    else:
        for axes, cloud, colour in zip(row, clouds, look.colours, strict=True):
            scatter(axes, cloud, colour)
            seen.show(axes, view)
    for axes, title, text in zip(row, titles, captions, strict=True):
        axes.set(title=title, xlabel=text)
        axes.tick_params(labelleft=axes is row[0])
    row[0].set_ylabel(fitted(look.names[1], side, lines=2))
    across = fitted(look.names[0], WIDTH - 1)
    if entries:
        legend(figure, entries, title=across)
    else:
        figure.supxlabel(across, fontsize=9, color=DARK)
    return figure


def _draw_histograms(
    row: Sequence[Axes],
    clouds: Sequence[np.ndarray],
    colours: Sequence[np.ndarray | str],
    view: Frame,
    behind: np.ndarray | None,
) -> None:
    low, high = view.low[0], view.high[0]
    edges = np.linspace(low, high, BINS + 1)
    if (clouds[0] == np.round(clouds[0])).all():  # whole numbers: as many of them in each bar
        edges = np.arange(np.floor(low) + 0.5, high, max(1, np.ceil((high - low) / BINS)))

    def density(cloud: np.ndarray) -> np.ndarray:  # divided by all points, so that those outside the frame are missing
        return np.histogram(cloud, edges)[0] / len(cloud) / np.diff(edges)

    top = 1.05 * max(density(cloud).max() for cloud in clouds)
    for axes, cloud, colour in zip(row, clouds, colours, strict=True):
        axes.stairs(density(cloud), edges, fill=True, color=colour, alpha=0.75)
        if behind is not None:
            axes.stairs(density(behind), edges, color=GREY, linewidth=1.0)
        axes.set(xlim=(edges[0], edges[-1]), ylim=(0, top), box_aspect=1)
        few_numbers(axes.xaxis, axes.yaxis)


def _draw_paths(axes: Axes, across: np.ndarray, up: np.ndarray, colours: np.ndarray) -> None:
    """Paths (S, P) from a cross to a dot, darker towards the dot."""
    corners = np.stack([across, up], axis=-1)  # (S, P, 2)
    pieces = np.stack([corners[:-1], corners[1:]], axis=2)  # (S - 1, P, 2, 2)
    inks = np.tile(colours, (len(pieces), 1, 1))
    inks[..., 3] = 0.08 + 0.82 * np.linspace(0, 1, len(pieces))[:, None] ** 1.5
    axes.add_collection(LineCollection(list(pieces.reshape(-1, 2, 2)), colors=inks.reshape(-1, 4), linewidths=0.9, zorder=2))
    axes.scatter(across[0], up[0], s=16, c=GREY, marker="x", linewidths=0.7, zorder=3)
    axes.scatter(across[-1], up[-1], s=14, c=colours, linewidths=0, zorder=4)


def _side(panels: int) -> float:
    """The side in inches of one of so many square panels side by side, beside the numbers on its axes."""
    return min((WIDTH - 0.75) / panels - 0.14, 2.6)


def _axis_names(seen: Plane | None, names: Sequence[str]) -> tuple[str, str]:
    return (plain_names(names or ["x"])[0], "density") if seen is None else seen.names


def _moment(n: int, T: int | None) -> str:
    return f"n = {n * T // 1000}" if T is not None and n * T % 1000 == 0 else f"t = {n / 1000:g}"


def _short(share: float) -> str:
    """A share with two digits, with a power of ten where it is small.

    >>> _short(0.9), _short(0.0786), _short(1.5e-5)
    ('0.90', '0.079', '1.5×10⁻⁵')
    """
    if share == 0 or share >= 0.0995:
        return f"{share:.2f}"
    if share >= 0.001:
        return number(share, 2)
    digits, power = f"{share:.1e}".split("e")
    return f"{digits}×10{str(int(power)).translate(POWERS)}"


def _signed(nats: float) -> str:
    """A log-SNR with one decimal and its unit, as in −0.4 nats or ∞."""
    return typeset(f"{round(nats, 1) + 0.0:.1f} nats" if np.isfinite(nats) else f"{nats}".replace("inf", "∞"))
