"""The columns of a table: how each is distributed, and how each two go together, in samples beside true rows.

    bars       the share of rows in each of at most 24 bars of equal width; bars of whole numbers hold equally many of them        (1)
    matrix     the rank correlations of `unstir.metrics.dependence`, of the true rows and of the samples                                (2)

The bars of (1) reach from the 0.5th to the 99.5th percentile of the true rows, so that one outlier does not squeeze all others into one
bar. What lies below and above is counted beside them.

Of every kind of rows there is a table of shares (`unstir.metrics.shares`): below a quantile, outside the range, exactly at a value, whole.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from unstir.evaluation.columns import Seen
from unstir.metrics.dependence import rank_correlations
from unstir.report.packing import numbers

BARS = 24
TAIL = 0.005  # of the true rows to either side of the bars
MOST = 24  # columns whose correlations are shown: more could not be read
LISTED = 100  # shares in a table


def distribution(sampled: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """The shares (1) of one column, of samples (n,) and true rows (m,): `low` and `high` are the ends of the axis.

    >>> distribution(np.array([0.0, 0.0, 1.0, 3.0]), np.array([0.0, 1.0, 2.0, 2.0]))["sampled"]
    [0.5, 0.25, 0.0]
    """
    edges, (low, high) = _edges(true)
    shares = [np.histogram(values, edges)[0] / len(values) for values in (sampled, true)]
    beyond = [[float((values < edges[0]).mean()), float((values > edges[-1]).mean())] for values in (sampled, true)]
    return {
        "low": numbers(low),
        "high": numbers(high),
        "sampled": numbers(shares[0], 4),
        "true": numbers(shares[1], 4),
        "beyond": numbers(beyond[0], 3),
        "true_beyond": numbers(beyond[1], 3),
    }


def _edges(true: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """The ends of the bars (1), and the ends of the axis in words: the outermost whole numbers, where the bars hold such."""
    values = np.unique(true)
    if len(values) == 1:
        return values[0] + np.array([-0.5, 0.5]) * max(1.0, abs(values[0])), (values[0], values[0])
    low, high = np.quantile(true, [TAIL, 1 - TAIL], method="nearest")
    low, high = (low, high) if high > low else (values[0], values[-1])
    if (values == np.rint(values)).all():
        each = -(-(high - low + 1) // BARS)
        count = -(-(high - low + 1) // each)
        return low - 0.5 + each * np.arange(count + 1), (low, high)
    return np.linspace(low, high, BARS + 1), (low, high)


def associations(sampled: np.ndarray, true: np.ndarray, names: Sequence[str]) -> dict[str, Any] | None:
    """The matrices (2) of samples (n, d) and true rows (m, d), and the pair that differs most; None for one column or very many."""
    return most_apart(rank_correlations(sampled), rank_correlations(true), names) if 2 <= len(names) <= MOST else None


def most_apart(
    found: np.ndarray, wanted: np.ndarray, names: Sequence[str], called: str = "a rank correlation"
) -> dict[str, Any] | None:
    """Matrices (d, d) of samples and of true rows, what their numbers are `called`, and the pair that differs most; None for too many."""
    if not 2 <= len(names) <= MOST:
        return None
    j, k = divmod(int(np.abs(found - wanted).argmax()), len(names))
    return {
        "called": called,
        "names": list(names),
        "sampled": numbers(found, 3),
        "true": numbers(wanted, 3),
        "most": {"pair": [names[j], names[k]], "sampled": numbers(found[j, k], 3), "true": numbers(wanted[j, k], 3)},
    }


def shares(seen: Seen) -> dict[str, Any]:
    """The shares of samples and of true rows, with what chance gives: those that chance does not explain first, the worst of all on top.

    `off` says how many these are, and `of` how many there are, of which the table may have only the first.
    """
    each = sorted(seen.shares.each, key=lambda s: (s.p > s.level, not s.verdict.startswith("far"), -abs(s.size)))
    told = [(*seen.told(s), s) for s in each[:LISTED]]
    return {
        "samples": seen.shares.rows,
        "true_rows": seen.shares.true_rows,
        "off": sum(s.p <= s.level for s in each),
        "of": len(each),
        "rows": [
            {"what": what.rstrip(","), "value": value, "true": s.true, "chance": [s.low, s.high], "verdict": s.verdict}
            for what, value, s in told
        ],
    }
