"""Panels of sequences: curves over the time step, a row of panels for each channel, a column for each set.

    channel 0    data   samples   samples           All panels of a row have the same scale, that of the channel, so true rows and
    channel 1    data   samples   samples           samples can be compared. Channels differ in scale, so rows do, too.

A panel has a few sequences, one over the other. With classes, these are as many of each, in the colour of the class; else the first is
dark and the others pale, so that the eye can follow one and see how all of them spread. Of many
channels the first six are drawn, and the title says so.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unstir.plots.looks import by_class, legend, legend_lines
from unstir.plots.plane import frame
from unstir.plots.style import BLUE, COLOURS, GREY, PALE, WIDTH, blank, few_numbers, fitted, plain_names, styled, wrapped

CHANNELS, CURVES, STRIPS = 6, 8, 6  # drawn at most: rows of panels, sequences in a panel, sequences one below the other


@styled
def panels(
    message: str,
    titles: Sequence[str],
    captions: Sequence[str],
    sets: Sequence[np.ndarray],
    reach: float = 0.25,
    names: Sequence[str] = (),
    labels: Sequence[np.ndarray | None] = (),
    classes: Sequence[str] = (),
    colours: Sequence[str] = (),
    like: np.ndarray | None = None,
) -> Figure:
    """A column of panels for each set (n, L, C), with its title above and its caption below.

    The scale of a channel is that of `like` (n, L, C), which is the first set if left out, and up to `reach` of its range more where
    others are larger. `names` are those of the channels. `labels` are the class numbers (n,) of each set. `colours` are those of the sets
    without classes.

    >>> figure = panels("Noise", ["data", "samples"], ["", "20 evaluations"], [np.zeros((3, 9, 2)), np.ones((3, 9, 2))])
    >>> [axes.get_title() for axes in figure.axes], [axes.get_ylabel() for axes in figure.axes[::2]]
    (['data', 'samples', '', ''], ['channel 0', 'channel 1'])
    """
    length, channels = sets[0].shape[1:]
    down, side = min(channels, CHANNELS), (WIDTH - 0.9) / len(sets) - 0.12
    known = [own for own in labels if own is not None]
    groups = by_class(np.concatenate(known), classes) if known and len(known) == len(sets) else None
    if groups:
        each = [_of_each(own, groups.shown) for own in known]
        sets, known = ([part[which] for part, which in zip(parts, each, strict=True)] for parts in (sets, known))
    else:
        sets = [x[:CURVES] for x in sets]
        message += f"; {len(sets[0])} rows in each panel, one of them dark" if len(sets[0]) > 1 else ""
    if channels > down:
        message += f"; {down} of {channels:,} channels"
    message, captions, lines = wrapped(message, captions, side)
    named = plain_names(names) if names else ["value"] if channels == 1 else [f"channel {c}" for c in range(channels)]
    entries = groups.entries() if groups else []
    tall = 1.75 if down == 1 else 1.25 if down < 4 else 0.95
    figure = blank(0.75 + down * tall + lines + 0.2 * legend_lines(entries), message)
    places = figure.subplots(down, len(sets), squeeze=False, sharex=True)
    for c, row in enumerate(places):
        values = [x[..., c].reshape(-1, 1).astype(np.float64) for x in sets]
        view = frame(values[0] if like is None else like[..., c].reshape(-1, 1), values, reach)
        for k, (axes, x) in enumerate(zip(row, sets, strict=True)):
            own = colours[k] if colours else GREY if k == 0 else BLUE
            inks = groups.colours(known[k]) if groups else [own] * len(x)
            for i, curve in reversed(list(enumerate(x[..., c]))):  # the first on top
                faint = groups is None and i > 0
                look = {"linewidth": 0.8, "alpha": 0.35} if faint else {"linewidth": 1.3, "alpha": 0.95}
                axes.plot(curve, color=inks[i], marker="." if length == 1 else "", **look)
            axes.set(ylim=(view.low[0], view.high[0]), xlim=(0, max(1, length - 1)))
            few_numbers(axes.yaxis, most=3 if tall > 1 else 2)
            few_numbers(axes.xaxis, whole=True)
            axes.tick_params(labelleft=k == 0, labelbottom=c == down - 1)
        row[0].set_ylabel(fitted(named[c], tall - 0.1, lines=2))
    for axes, title in zip(places[0], titles, strict=True):
        axes.set_title(fitted(title, side, size=9.5))
    for axes, caption in zip(places[-1], captions, strict=True):
        axes.set_xlabel(f"time step\n{caption}".rstrip())
    figure.align_ylabels(places[:, 0])
    if entries:
        legend(figure, entries, marker="")
    return figure


def strips(axes: Axes, x: np.ndarray, like: np.ndarray) -> None:
    """Draw the first sequences of x (n, L, C) one below the other, a colour for each channel, with the time step below.

    Each channel has the scale of the same channel of `like` (m, L, C), the data: its lowest value is the bottom of a strip.
    """
    low, high = np.quantile(like.astype(np.float64), [0.002, 0.998], axis=(0, 1))
    shares = (x[:STRIPS].astype(np.float64) - low) / np.where(high > low, high - low, 1.0)
    for i, sequence in enumerate(shares):
        axes.axhline(-1.1 * (i + 0.5), color=PALE, linewidth=0.5)
        for c in range(min(sequence.shape[1], CHANNELS)):
            axes.plot(sequence[:, c].clip(-0.2, 1.2) - 1.1 * (i + 1) + 0.05, color=COLOURS[c], linewidth=1)
    axes.set(ylim=(-1.1 * max(1, len(shares)), 0), xlim=(0, max(1, x.shape[1] - 1)), yticks=[])
    axes.spines.left.set_visible(False)
    axes.set_box_aspect(1)
    few_numbers(axes.xaxis, whole=True)


def _of_each(labels: np.ndarray, shown: Sequence[int]) -> np.ndarray:
    """The places of the first rows of each of the classes shown, about `CURVES` together."""
    count = max(1, CURVES // len(shown))
    return np.concatenate([np.flatnonzero(labels == k)[:count] for k in shown])
