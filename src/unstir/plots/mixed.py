"""The columns of a table with categories and missing cells: how each is distributed, what is missing, and how columns go together.

Rows are codes (N, D), NaN where a cell is missing. `spell` has an entry for each column: None for one of numbers, else a function that
gives the name of a state. A number is drawn as in `distributions.py`, from the cells that are there; states as bars, the most frequent
ones first. The gap of a column is one minus its shape (`unstir.metrics.mixed`, eqs. 1 and 2), in which missing cells count, too.

    cells            each column of samples beside the data, those with the largest gap first, at most twelve
    missing          the share of missing cells of each column, in the data and in samples
    associations     how strongly each two columns go together, in the data and in samples: eqs. 5 and 6 there
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from unstir.metrics.mixed import associations as strengths
from unstir.metrics.mixed import shapes
from unstir.plots.distributions import ACROSS, MOST, bars
from unstir.plots.looks import colour_of
from unstir.plots.style import BLUE, ORANGE, PALE, WIDTH, blank, fitted, plain_names, styled, tick
from unstir.words import percent

STATES = 5  # of a column that are named
DAY = 86400.0  # seconds
DATES = ((1100, "%Y"), (60, "%Y-%m"), (2, "%m-%d"), (0, "%H:%M"))  # how times are said on an axis of so many days
SHOWN = 24  # columns of the matrix, and of the missing cells
TURNED = LinearSegmentedColormap.from_list("turned", (ORANGE, "white", BLUE))

Spell = Sequence[Callable[[float], str] | None]


@styled
def cells(
    true: np.ndarray, samples: np.ndarray, names: Sequence[str], spell: Spell, method: str = "", times: Sequence[int] = ()
) -> Figure:
    """Each column of samples (M, D) beside the data (N, D), at most twelve; `method` is the sampler, whose colour the samples have.

    `times` are the places of columns of numbers that are seconds since 1970-01-01: their axes say dates.

    >>> rng = np.random.default_rng(0)
    >>> true = np.stack([rng.integers(3, size=300), rng.normal(size=300)], axis=1); true[:30, 1] = np.nan
    >>> figure = cells(true, true[:, [0, 1]] * [0, 1], ["pet", "age"], [lambda code: f"pet {code:.0f}", None])
    >>> [axes.get_title() for axes in figure.axes]
    ['pet', 'age']
    """
    ordered = np.array([one is None for one in spell])
    gaps = 1 - shapes(samples, true, ordered)
    chosen = np.argsort(-gaps, kind="stable")[:MOST]
    which = "Columns" if len(gaps) <= MOST else f"{MOST} of {len(gaps):,} columns"
    down = -(-len(chosen) // ACROSS)
    figure = blank(0.8 + 1.9 * down, f"{which}, the least like the data first")
    colour, each, drawn = colour_of(method), (WIDTH - 0.4) / ACROSS - 0.45, plain_names(names)
    for axes, j in zip(figure.subplots(down, ACROSS, squeeze=False).flatten(), range(down * ACROSS), strict=True):
        if j >= len(chosen):
            axes.remove()
            continue
        k = int(chosen[j])
        axes.set_title(fitted(drawn[k], each, size=9.5))
        unit = DAY if k in times else 1.0
        axes.set_xlabel(
            f"gap {percent(gaps[k])}\n{_column(axes, true[:, k] / unit, samples[:, k] / unit, spell[k], colour)}".rstrip()
        )
        if k in times:
            _say_dates(axes)
    handles = [
        Patch(color=PALE, label=f"data, {len(true):,} rows"),
        Patch(fill=False, edgecolor=colour, linewidth=1.4, label=f"{len(samples):,} samples"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _say_dates(axes: Axes) -> None:
    """Say dates at two places of an axis of days since 1970-01-01."""
    low, high = axes.get_xlim()
    form = next(form for days, form in DATES if high - low > days)
    places = [low + share * (high - low) for share in (0.2, 0.8)]
    axes.set_xticks(places, [(datetime(1970, 1, 1) + timedelta(days=place)).strftime(form) for place in places])


def _column(axes: Axes, true: np.ndarray, samples: np.ndarray, spell: Callable[[float], str] | None, colour: str) -> str:
    """Draw one column; what its caption says of missing cells, or of a bar that is cut off."""
    gaps = [float(np.isnan(side).mean()) for side in (true, samples)]
    said = f"missing {percent(gaps[0])} in data,\n{percent(gaps[1])} in samples" if any(gaps) else ""
    if spell is None:
        held = [side[~np.isnan(side)] for side in (true, samples)]
        if not all(map(len, held)):
            axes.set(xticks=[], yticks=[])
            return said
        whole = bool((held[0] == np.round(held[0])).all())
        cut = bars(axes, held[0], np.round(held[1]) if whole else held[1], colour, whole)
        return "\n".join(part for part in (said, cut) if part)
    labels, shares = _states(true, samples, spell)
    places = np.arange(len(labels))[::-1]
    axes.barh(places, [share[0] for share in shares], height=0.8, color=PALE)
    axes.barh(places, [share[1] for share in shares], height=0.8, fill=False, edgecolor=colour, linewidth=1.4)
    axes.set_yticks(places, [fitted(label, 0.7, size=8) for label in labels])
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(2))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{tick(100 * value)} %"))
    return ""


def _states(true: np.ndarray, samples: np.ndarray, spell: Callable[[float], str]) -> tuple[list[str], list[list[float]]]:
    """The names of the most frequent states, of all others and of missing cells, and their shares in the data and in samples."""
    values, counts = np.unique(np.concatenate([side[~np.isnan(side)] for side in (true, samples)]), return_counts=True)
    order = values[np.argsort(-counts, kind="stable")]
    kept = order if len(order) <= STATES + 1 else order[:STATES]
    found = [(spell(float(value)), [(side == value).mean() for side in (true, samples)]) for value in kept]
    if len(order) > len(kept):
        found.append(
            (f"{len(order) - len(kept):,} others", [np.isin(side, order[len(kept) :]).mean() for side in (true, samples)])
        )
    if np.isnan(true).any() or np.isnan(samples).any():
        found.append(("missing", [np.isnan(side).mean() for side in (true, samples)]))
    return [name for name, _ in found], [[float(share) for share in shares] for _, shares in found]


@styled
def missing(true: np.ndarray, samples: np.ndarray, names: Sequence[str], method: str = "") -> Figure | None:
    """The share of missing cells of each column that has any, in the data (N, D) and in samples (M, D); None where none is missing.

    >>> missing(np.zeros((9, 2)), np.zeros((9, 2)), ["a", "b"]) is None
    True
    """
    rates = np.stack([np.isnan(side).mean(0) for side in (true, samples)])
    which = np.argsort(-rates.max(0), kind="stable")[: int((rates.max(0) > 0).sum())][:SHOWN]
    if not len(which):
        return None
    figure = blank(1.0 + 0.3 * len(which), "How often cells are missing")
    axes, places, drawn = figure.subplots(), np.arange(len(which))[::-1], plain_names(names)
    colour = colour_of(method)
    axes.barh(places, rates[0, which], height=0.7, color=PALE, label=f"data, {len(true):,} rows")
    axes.barh(places, rates[1, which], height=0.7, fill=False, edgecolor=colour, linewidth=1.4, label=f"{len(samples):,} samples")
    axes.set_yticks(places, [fitted(drawn[k], 2.0) for k in which])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{tick(100 * value)} %"))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def associations(true: np.ndarray, samples: np.ndarray, names: Sequence[str], spell: Spell) -> Figure | None:
    """How strongly each two columns go together, in the data (N, D) and in samples (M, D); None for one column or more than 24.

    >>> associations(np.zeros((9, 1)), np.zeros((9, 1)), ["a"], [None]) is None
    True
    """
    d = len(names)
    if not 2 <= d <= SHOWN:
        return None
    ordered = np.array([one is None for one in spell])
    sides = [strengths(side, true, ordered) for side in (true, samples)]
    figure = blank(1.6 + 0.16 * d + 0.9, "How columns go together: blue, strongly; orange, one number falls as another grows")
    drawn = [fitted(name, 1.2, size=8) for name in plain_names(names)]
    panels = figure.subplots(1, 2, squeeze=False)[0]
    for axes, matrix, title in zip(panels, sides, (f"data, {len(true):,} rows", f"{len(samples):,} samples"), strict=True):
        axes.imshow(matrix, cmap=TURNED, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        axes.set_title(title)
        axes.set_xticks(range(d), drawn, rotation=90)
        axes.set_yticks(range(d), drawn)
        axes.tick_params(length=0, labelsize=8)
    apart = np.abs(sides[0] - sides[1])
    j, k = divmod(int(apart.argmax()), d)
    for axes, side in zip(panels, sides, strict=True):
        axes.set_xlabel(f"most apart: {drawn[j]} and {drawn[k]}, {side[j, k] + 0.0:.2f}")
    return figure
