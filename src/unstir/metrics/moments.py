"""Is each column right? The mean and standard deviation of samples beside those of true rows.

For a column of n rows with mean a, standard deviation s and fourth central moment q, the standard errors are

    error of the mean = s / sqrt n                                                                    (1)
    error of s        = sqrt((q - s^4) / n) / (2 s)         (the delta method on s^2)                 (2)
    z = (of the samples - of the true rows) / sqrt(error^2 + error^2)                                 (3)

If both sets are true samples, z is about standard normal. Of the 2 d numbers of d columns, some are large by chance:

    chance = the |z| that the largest of 2 d numbers exceeds in 5 % of cases, by Sidak's inequality    (4)

    >>> x = np.random.default_rng(0).normal(size=(2, 1000, 3))
    >>> found = columns(x[0] + [0, 0.5, 0], x[1])
    >>> int(np.abs(found.z).max(axis=0).argmax()), bool(np.abs(found.z).max() > chance(3))
    (1, True)
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from unstir.metrics.distances import as_points
from unstir.steady import steady


@dataclass(frozen=True)
class Columns:
    """Numbers of d columns, each (2, d): the first row for the means, the second for the standard deviations."""

    sampled: np.ndarray
    sampled_error: np.ndarray
    true: np.ndarray
    true_error: np.ndarray

    @property
    def sides(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Values and standard errors: first those of the samples, then those of the true rows."""
        return (self.sampled, self.sampled_error), (self.true, self.true_error)

    @property
    def z(self) -> np.ndarray:
        """Eq. (3), (2, d)."""
        rounding = 1e-12 * np.abs([*self.sampled, *self.true]).max(axis=0) + np.finfo(float).tiny  # for columns that never vary
        return (self.sampled - self.true) / (np.hypot(self.sampled_error, self.true_error) + rounding)


@steady
def columns(x: np.ndarray, y: np.ndarray) -> Columns:
    """Eq. (1) to (3) for samples x (n, d) and true rows y (m, d). Raises UsageError for shapes that do not fit."""
    x, y = as_points(x, y)
    return Columns(*_moments(x), *_moments(y))


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centred = x - x.mean(axis=0)
    s, fourth = np.sqrt((centred**2).mean(axis=0)), (centred**4).mean(axis=0)
    spread = np.sqrt(np.maximum(fourth - s**4, 0) / len(x)) / (2 * np.where(s == 0, 1, s))
    return np.stack([x.mean(axis=0), s]), np.stack([s / np.sqrt(len(x)), spread])


def chance(d: int) -> float:
    """Eq. (4) for d columns.

    >>> round(chance(1), 2), round(chance(300), 2)
    (2.24, 3.93)
    """
    return float(norm.isf((1 - 0.95 ** (1 / (2 * d))) / 2))
