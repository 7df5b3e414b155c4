"""What rows were given beside what was made of it: held-out rows, of which the model was told a picture or a sequence.

images       a panel each: what was given, samples drawn for it, and the true rows; a place is the same row in every panel
sequences    a column for each row: what was given above, and below samples drawn for it, with the true row dark on top
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from unstir.plots import mosaics
from unstir.plots.style import BLUE, DARK, GREY, WIDTH, blank, few_numbers, fitted, styled

COLUMNS = 4  # rows of sequences that are shown


def images(name: str, given: np.ndarray, made: Sequence[np.ndarray], true: np.ndarray, span: tuple[float, float]) -> Figure:
    """Pictures given (n, h, w[, C]) and samples (n, H, W[, C]) for them, several times; what is given is drawn on the `span` of the rows.

    >>> low, rows = np.arange(32.0).reshape(2, 4, 4), np.zeros((2, 8, 8))
    >>> [axes.get_title() for axes in images("low", low, [rows, rows], rows, (0, 1)).axes]
    ['given: low', 'made', 'made again', 'true rows']
    """
    titles = [f"given: {name}", "made", *["made again"] * (len(made) - 1), "true rows"]
    sets = [enlarged(spanned(given, span), true.shape[1:3]), *made, true]
    return mosaics.panels("What was given beside what was made of it, held-out rows", titles, [""] * len(sets), sets, span)


def spanned(given: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Values on the scale of the rows: their lowest becomes its low end, their highest its high end; NaN the middle.

    >>> spanned(np.array([1.0, 3.0, np.nan]), (0, 10)).tolist()
    [0.0, 10.0, 5.0]
    """
    low, high = np.nanmin(given), np.nanmax(given)
    share = (given - low) / (high - low if high > low else 1.0)
    return span[0] + np.nan_to_num(share, nan=0.5) * (span[1] - span[0])


def enlarged(x: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Pictures (n, h, w, ...) with so many pixels, each the nearest one of theirs.

    >>> enlarged(np.array([[[1, 2]]]), (1, 4)).tolist()
    [[[1, 1, 2, 2]]]
    """
    for axis, (have, want) in enumerate(zip(x.shape[1:3], size, strict=True), 1):
        x = x.take(np.arange(want) * have // want, axis)
    return x


@styled
def sequences(name: str, given: np.ndarray, made: Sequence[np.ndarray], true: np.ndarray) -> Figure:
    """Sequences given (n, l, c) and samples (n, L, C) for them, several times: the first channel of each.

    >>> past, rows = np.zeros((2, 6, 1)), np.zeros((2, 9, 2))
    >>> [axes.get_title() for axes in sequences("past", past, [rows], rows).axes]
    ['given: past', 'given: past', 'made, and the true row dark', 'made, and the true row dark']
    """
    shown = min(COLUMNS, len(true))
    figure = blank(4.2, "What was given beside what was made of it, held-out rows")
    side = (WIDTH - 0.9) / shown - 0.12
    places = figure.subplots(2, shown, squeeze=False, sharey="row")
    for i in range(shown):
        above, below = places[0, i], places[1, i]
        above.plot(given[i, :, 0], color=GREY, linewidth=1.3)
        for rows in made:
            below.plot(rows[i, :, 0], color=BLUE, linewidth=0.8, alpha=0.5)
        below.plot(true[i, :, 0], color=DARK, linewidth=1.3)
        above.set_title(fitted(f"given: {name}", side, size=9.5))
        below.set_title(fitted("made, and the true row dark", side, size=9.5))
        for axes in (above, below):
            few_numbers(axes.xaxis, whole=True)
            few_numbers(axes.yaxis, most=3)
        below.set_xlabel("time step")
    return figure
