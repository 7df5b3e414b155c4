"""The columns of a table, one by one: how the values of the samples are distributed, beside those of the data.

    gap = max over x of | share of samples <= x  -  share of data <= x |                                            (1)

is the distance of Kolmogorov and Smirnov, in per cent. Of n samples and m rows with the same distribution, 19 of 20 gaps are below

    1.36 sqrt(1/n + 1/m)                                                                                            (2)

The columns with the largest gap come first, and at most twelve are drawn. A bar is the share of rows in it. Whole numbers have a bar
each, or bars of equally many numbers; where samples are not whole, the caption says so, and they are rounded. Where one bar is far
higher than all others (a column that is 0 in most rows), it is cut off, and its share stands below. A column with a heavy tail has an
axis that is logarithmic away from its middle.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from unstir.plots.looks import colour_of
from unstir.plots.style import PALE, WIDTH, blank, few_numbers, fitted, plain_names, styled, thin, tick
from unstir.words import percent

MOST, ACROSS = 12, 4  # columns drawn, and side by side
FEWEST, WORK = 500, 2_000_000  # rows of which the gaps are computed, at least, and numbers, at most
BARS = 40
INNER = (0.002, 0.998)  # quantiles of the data between which bars are drawn
HEAVY = 12.0  # times the middle half of the values: an axis that is longer is logarithmic away from the middle
TALL = 3.0  # times the second highest bar: one that is higher is cut off


@styled
def columns(true: np.ndarray, samples: np.ndarray, names: Sequence[str] = (), method: str = "") -> Figure:
    """Each column of samples (M, d) beside the same column of the data (N, d), those that differ most first, at most twelve of them.

    `names` are those of the columns, `method` is the sampler, whose colour the samples have.

    >>> rng = np.random.default_rng(0)
    >>> true = rng.standard_normal((500, 20))
    >>> figure = columns(true, true + np.arange(20) / 20, [f"c{i}" for i in range(20)])
    >>> len(figure.axes), figure.axes[0].get_title(), figure.get_suptitle().split(": ")[0]
    (12, 'c19', '12 of 20 columns, the least like the data first')
    """
    d = true.shape[1]
    true, samples = true.astype(np.float64), samples.astype(np.float64)
    whole = np.array([_whole(true[:, j]) for j in range(d)])
    broken = whole & np.array([not _whole(samples[:, j]) for j in range(d)])
    samples = np.where(whole, np.round(samples), samples)
    drawn = plain_names(names or [f"x{i}" for i in range(d)])
    few = [rows[thin(len(rows), max(FEWEST, WORK // d), np.random.default_rng(0))] for rows in (true, samples)]
    gaps = np.array([gap(few[0][:, j], few[1][:, j]) for j in range(d)])
    chosen = np.argsort(-gaps, kind="stable")[:MOST]
    which = "Columns" if d <= MOST else f"{MOST} of {d:,} columns"
    chance = 1.36 * sum(1 / len(rows) for rows in few) ** 0.5
    down = -(-len(chosen) // ACROSS)
    figure = blank(0.8 + 1.78 * down, f"{which}, the least like the data first: chance gives gaps up to {percent(chance)}")
    colour, each = colour_of(method), (WIDTH - 0.4) / ACROSS - 0.45
    for axes, j in zip(figure.subplots(down, ACROSS, squeeze=False).flatten(), range(down * ACROSS), strict=True):
        if j >= len(chosen):
            axes.remove()
            continue
        k = chosen[j]
        axes.set_title(fitted(drawn[k], each, size=9.5))
        cut = bars(axes, true[:, k], samples[:, k], colour, bool(whole[k]))
        axes.set_xlabel(f"gap {percent(gaps[k])}{', not whole' if broken[k] else ''}\n{cut}".rstrip())
    handles = [
        Patch(color=PALE, label=f"data, {len(true):,} rows"),
        Patch(fill=False, edgecolor=colour, linewidth=1.4, label=f"{len(samples):,} samples"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def gap(x: np.ndarray, y: np.ndarray) -> float:
    """Eq. (1) of values x (n,) and y (m,).

    >>> gap(np.array([1.0, 2.0]), np.array([1.0, 2.0])), gap(np.array([0.0, 0.0, 1.0, 2.0]), np.array([1.0, 2.0]))
    (0.0, 0.5)
    """
    every = np.unique(np.concatenate([x, y]))
    shares = [np.searchsorted(np.sort(values), every, side="right") / len(values) for values in (x, y)]
    return float(np.abs(shares[0] - shares[1]).max())


def _whole(values: np.ndarray) -> bool:
    return bool((values == np.round(values)).all())


def bars(axes: Axes, true: np.ndarray, samples: np.ndarray, colour: str, whole: bool) -> str:
    """Draw one column; what its caption says of a bar that is cut off."""
    edges, heavy = bars_of(true, samples)
    shares = [np.histogram(values, edges)[0] / max(1, len(values)) for values in (true, samples)]
    if heavy is not None:
        m, unit = heavy
        functions = (lambda x: np.arcsinh((x - m) / unit), lambda place: m + unit * np.sinh(np.clip(place, -99, 99)))
        axes.set_xscale("function", functions=functions)
        axes.xaxis.set_major_locator(FixedLocator(_marks(edges[0], edges[-1], m, unit)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        few_numbers(axes.xaxis, whole=whole)
    axes.stairs(shares[0], edges, fill=True, color=PALE)
    axes.stairs(shares[1], edges, color=colour, linewidth=1.4)
    highest = np.maximum(*shares)
    first, second = np.sort(highest)[[-1, -2]] if len(highest) > 1 else (highest.max(), 0.0)
    axes.set(xlim=(edges[0], edges[-1]))
    axes.yaxis.set_major_locator(MaxNLocator(2, min_n_ticks=1))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{tick(100 * value)} %"))
    if first <= TALL * second or second == 0 or len(highest) < 5:
        axes.set_ylim(0, 1.06 * first or 1.0)
        return ""
    axes.set_ylim(0, 1.6 * second)
    at = int(highest.argmax())
    often = _most_frequent(true)
    where = tick(often) if edges[at] <= often <= edges[at + 1] else tick(float(f"{(edges[at] + edges[at + 1]) / 2:.2g}"))
    return f"at {where}: {percent(shares[0][at])}, samples {percent(shares[1][at])}"


def _marks(low: float, high: float, middle: float, unit: float) -> list[float]:
    """Round numbers for an axis that is logarithmic away from its middle: some that are not too near each other on it."""

    def place(value: float) -> float:
        return float(np.arcsinh((value - middle) / unit))

    largest = int(np.floor(np.log10(max(abs(low), abs(high)))))
    powers = [sign * digit * 10.0**power for digit in (1, 2, 5) for power in range(largest, largest - 7, -1) for sign in (1, -1)]
    apart, found = 0.26 * (place(high) - place(low)), []
    for value in (0.0, *powers):
        if low <= value <= high and all(abs(place(value) - place(other)) >= apart for other in found):
            found.append(value)
    return sorted(found) or [middle]


def _most_frequent(values: np.ndarray) -> float:
    """The most frequent value."""
    found, counts = np.unique(values, return_counts=True)
    return float(found[counts.argmax()])


def bars_of(true: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, tuple[float, float] | None]:
    """The edges of the bars, and for a heavy tail its middle and unit: the axis is linear within a unit of the middle, logarithmic beyond.

    >>> bars_of(np.array([0.0, 1.0, 3.0]), np.array([0.2]))[0].tolist()
    [-0.5, 0.5, 1.5, 2.5, 3.5]
    """
    low, high = np.quantile(true, INNER) if len(true) > 400 else (true.min(), true.max())
    whole = _whole(true)
    few = len(np.unique(true)) <= BARS
    if few:
        low, high = true.min(), true.max()
    near = samples[(samples > low - 0.5 * (high - low)) & (samples < high + 0.5 * (high - low))]
    if len(near):  # samples beyond the data are drawn too, if they are not far
        low, high = min(low, np.quantile(near, INNER[0])), max(high, np.quantile(near, INNER[1]))
    if high <= low:
        return np.linspace(low - 0.5, high + 0.5, 12), None
    quarter, middle, three_quarters = np.quantile(true, [0.25, 0.5, 0.75])
    unit = (
        (three_quarters - quarter) / 2 or np.quantile(np.abs(true[true != middle] - middle), 0.25)
        if (true != middle).any()
        else 0.0
    )
    if unit > 0 and high - low > 2 * HEAVY * unit and not (whole and high - low <= BARS):
        first, last = np.arcsinh((np.array([low, high]) - middle) / unit)
        edges = middle + unit * np.sinh(np.linspace(first, last, BARS + 1))
        if whole:
            edges = np.unique(np.floor(edges) + 0.5)
        return edges, (float(middle), float(unit))
    if whole:
        width = max(1, int(np.ceil((high - low + 1) / BARS)))
        return np.arange(np.floor(low) - 0.5, np.ceil(high) + width + 0.5, width), None
    return np.linspace(low, high, BARS + 1), None
