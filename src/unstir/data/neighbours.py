"""Whether neighbouring values of a row are alike: what the values say about the axes, for a person who has to decide.

    roughness along an axis = mean (x_(i+1) - x_i)^2 / 2 variance of all values                                      (1)

It is 0 where neighbours are equal, and 1 where they have no more in common than any two values. Steps of a sequence and pixels of an
image are alike; channels that measure different things are not. The axes are never chosen by (1): `unstir.data.layouts` chooses by
shape, which one can foresee. This file only adds what the values say to what a person is told.

    >>> waves = np.sin(np.linspace(0, 6, 50))[:, None] * [1.0, -9.0, 0.1] + [0.0, 5.0, 20.0]
    >>> [f"{roughness(waves[None], axis):.2f}" for axis in (1, 2)]
    ['0.00', '1.00']
"""

import math

import numpy as np
from scipy.fft import dctn

from unstir.data.dataset import Data
from unstir.data.layouts import ASKED, described, layout

ALIKE, UNLIKE = 0.25, 0.5  # roughness of neighbours that are alike, at most, and of others, at least
SMOOTH, COLUMNS = 0.1, 16  # roughness of a curve, at most, and its number of values, at least
LOOKED_AT = 2**20  # numbers, at most
MOST_OF_IT = 0.99  # of the variation: what waves shorter than the detail hold is noise, or too little to see


def roughness(rows: np.ndarray, axis: int) -> float:
    """Eq. (1) of rows (n, ...) along one of their axes, 1 or above; infinite where nothing varies or nothing has a neighbour."""
    if rows.size == 0 or rows.shape[axis] < 2 or rows.min() == rows.max():
        return math.inf
    return float(np.square(np.diff(rows, axis=axis)).mean() / (2 * rows.var()))


def finest_wave(data: Data, rows: np.ndarray) -> float | None:
    """The length in positions of the shortest waves that rows (n, ...) of images or sequences need for 99 % of their variation.

    It is the scale of their detail: 2 where neighbouring positions differ as much as any. None for other data, and where nothing varies.
    The variation is that around the mean row; its waves are the cosines of (2) along each axis in space, the shorter of both for an image.

        cos(pi k (i + 1/2) / n),  i = 0 .. n - 1,   has waves of 2 n / k positions                                  (2)

    >>> from unstir.data import from_arrays
    >>> waves = np.cos(np.pi * 6 * (np.arange(60) + 0.5) / 60) * np.linspace(-1, 1, 9)[:, None]
    >>> finest_wave(from_arrays(waves, axes="NL"), waves)
    20.0
    """
    if data.layout is None:
        return None
    rows = rows[: max(1, LOOKED_AT // math.prod(rows.shape[1:]))].astype(np.float64)
    rows = rows[np.isfinite(rows).reshape(len(rows), -1).all(1)]
    rows = rows / max(1.0, np.abs(rows).max(initial=0.0))  # whose squares would be infinite
    channel = data.layout.channel_axis
    axes = [i for i in range(1, rows.ndim) if channel is None or i != channel % (rows.ndim - 1) + 1]
    power = np.square(dctn(rows - rows.mean(0), axes=axes, norm="ortho")).sum(0) if len(rows) else np.zeros(rows.shape[1:])
    if not power.sum() > 0:
        return None
    frequency = np.zeros(power.shape)
    for i in axes:
        n = rows.shape[i]
        frequency = np.maximum(frequency, (np.arange(n) / (2 * n)).reshape([-1 if j == i else 1 for j in range(1, rows.ndim)]))
    order = np.argsort(frequency, axis=None)
    held = np.cumsum(power.ravel()[order])
    highest = frequency.ravel()[order][np.searchsorted(held, MOST_OF_IT * held[-1])]
    return 1 / float(highest) if highest > 0 else 2.0 * max(rows.shape[i] for i in axes)


def doubt(data: Data) -> str:
    """What a person is told if the axes were guessed and the shape may mean something else; nothing if there is no doubt.

    >>> from unstir.data import from_arrays
    >>> print(doubt(from_arrays(np.zeros((2, 24, 20)))))
    rows of shape (24, 20) are taken for NHW (24x20 pixels, 1 channel), because both sides are 8 or more, and neither is 4 times the
    other. If they are something else, pass axes='NLC' (24 steps, 20 channels) or axes='NCL' (20 steps, 24 channels).
    """
    if not data.axes.others:
        return ""
    others = " or ".join(f"{_option(other, data)} ({_words(other, data)})" for other in data.axes.others)
    taken = f"{data.axes.letters} ({_words(data.axes.letters, data)})"
    return (
        f"rows of shape {data.shape} are taken for {taken}, because {data.axes.why}. {_what_values_say(data)}"
        f"If they are something else, pass {others}."
    )


def curve(data: Data) -> str:
    """What a person is told if the columns of a table look like the steps of a curve; nothing if they do not, or if ND was asked for.

    >>> from unstir.data import from_arrays
    >>> print(curve(from_arrays(np.sin(np.linspace(0, 6, 50) + np.arange(9)[:, None]))))
    neighbouring columns are alike, as in a curve, but are learnt as 50 numbers without an order. If each row is a curve, such as a signal
    or a spectrum, pass axes='NL'.
    """
    if data.kind != "table" or data.shape[0] < COLUMNS or data.axes.why == ASKED or roughness(_some(data), 1) > SMOOTH:
        return ""
    return (
        f"neighbouring columns are alike, as in a curve, but are learnt as {data.shape[0]} numbers without an order. If each row is a "
        f"curve, such as a signal or a spectrum, pass {_option('NL', data)}."
    )


def _what_values_say(data: Data) -> str:
    """Which of the two axes of a row the steps run along, if neighbours are alike along one axis only."""
    if len(data.shape) != 2:
        return ""
    along = [roughness(_some(data), axis) for axis in (1, 2)]
    for axis, (where, letters) in enumerate((("first", "NLC"), ("last", "NCL"))):
        if along[axis] < ALIKE and along[1 - axis] > UNLIKE:
            return f"Neighbours are alike along the {where} axis only, which speaks for {letters}. "
    return ""


def _some(data: Data) -> np.ndarray:
    """The first rows, those of them without gaps, in float64 and in units of their largest value, so that no square overflows."""
    rows = data.rows[: max(1, LOOKED_AT // math.prod(data.shape))].astype(np.float64)
    rows = rows[np.isfinite(rows).reshape(len(rows), -1).all(axis=1)]
    return rows / (np.abs(rows).max(initial=0) or 1.0)


def _words(letters: str, data: Data) -> str:
    lies = layout(data.shape, letters)
    return described(lies) if lies else "numbers without neighbours"


def _option(letters: str, data: Data) -> str:
    """How to say the axes: from Python for an array, by a flag for a file."""
    return f"axes='{letters}'" if data.source == "array" else f"--data.axes {letters}"
