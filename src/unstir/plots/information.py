"""The figure of bits: at which noise levels noise destroys them, and how good a guess of a row so many bits make.

left     bits destroyed for a unit of log-SNR, gamma error / (2 log 2 d), the model's and that of the Gaussian of equal covariance   (1)
right    the rate-distortion curve: the error of the best guess against the bits that the noisy row still holds                       (2)
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from unstir.plots.style import BLUE, GREY, PALE, blank, plain, styled


@dataclass(frozen=True)
class BitCurves:
    """(1) and (2): edges of log-SNR (L + 1,) and values of each bin (L,); `rate` (L,) in bits a dimension, `distortion` (L,) in `unit`."""

    edges: np.ndarray
    model: np.ndarray
    error: np.ndarray
    gaussian: np.ndarray
    inside: tuple[float, float]
    rate: np.ndarray
    distortion: np.ndarray
    unit: str
    title: str
    beside: str = "the Gaussian of equal covariance"


@styled
def bit_curves(curves: BitCurves) -> Figure:
    """(1) with a band of two standard errors, the levels between which lies 90 % of the information shaded, and (2).

    >>> one = np.ones(2)
    >>> curves = BitCurves(np.arange(3.0), one, 0.1 * one, one, (0.5, 1.5), np.arange(2.0), one, "units", "Bits")
    >>> print(bit_curves(curves).get_suptitle())
    Bits
    """
    figure = blank(3.5, plain(curves.title))
    where, trade = figure.subplots(1, 2)
    middle = (curves.edges[1:] + curves.edges[:-1]) / 2
    where.axvspan(*curves.inside, color=BLUE, alpha=0.1, linewidth=0)
    where.fill_between(
        middle, curves.model - 2 * curves.error, curves.model + 2 * curves.error, color=BLUE, alpha=0.3, linewidth=0
    )
    where.plot(middle, curves.model, color=BLUE, linewidth=2.2, label="the model")
    where.plot(middle, curves.gaussian, color=GREY, linewidth=1.3, linestyle=(0, (2, 1.2)), label=curves.beside)
    where.axhline(0, color=PALE, linewidth=0.8)
    where.set(xlabel="log-SNR  (noise on the left, data on the right)", ylabel="bits per dimension and unit")
    where.set_xlim(curves.edges[0], curves.edges[-1])
    where.set_title("shaded: where 90 % of it lies", loc="left")
    trade.plot(curves.rate, curves.distortion, color=BLUE, linewidth=2.2)
    trade.set(xlabel="bits per dimension that are known", ylabel=f"error, {curves.unit}", ylim=(0, None))
    trade.set_title("error of the best guess with so many bits", loc="left")
    figure.legend(*where.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
