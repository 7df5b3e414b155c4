"""The noise levels at which a file is coded, and the grid of each: the values that y can take there.

    y_t = x_0 + s_t eps,   s_0 < s_1 < ... < s_T,        r_t = s_t^2 / s_{t+1}^2                       (1)
    q(y_{t+1} | y_t) = N(y_t, s_{t+1}^2 - s_t^2)         one step of the noise                        (2)
    p(y_t | y_{t+1}) = N(r y_{t+1} + (1 - r) D, s_t^2 (1 - r) + (1 - r)^2 v)                          (3)

D and v are mean and variance of x_0 given y_{t+1}. With v in it, (3) has the variance that y_t really has given y_{t+1}, and a file needs a
quarter to an eighth of the steps that it needs without. y_t is a whole multiple of step_t, a power of two between 0.375 and 0.75 deviations
of (3) for v = 0. Both q and p give probabilities to the same bins, so a coarse grid costs next to nothing, and less has to be borrowed.

Source: (2), (3) with v = 0 are Ho et al. 2020 in the scale of the data; the matched variance is Bao et al. 2022, eq. 8, for each element.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FINE = 0.75  # steps of the grid are at most so much of the deviation of (3)
BEYOND = 8.0  # deviations of noise that a grid holds on either side of the data


@dataclass(frozen=True)
class Layer:
    """One level: its `number` in the compiled model, s squared, the step of its grid, and the first and the number of its multiples."""

    number: int
    variance: float
    step: float
    origin: int
    count: int


def layers(variances: Sequence[float], numbers: Sequence[int], low: float, high: float) -> list[Layer]:
    """The levels with these s squared, rising, for data between `low` and `high`. Only operations that are the same on every machine.

    >>> [layer.step for layer in layers([0.01, 0.04, 0.16], [0, 1, 2], -1.0, 1.0)]
    [0.0625, 0.125, 0.25]
    """
    made = []
    for t, (variance, number) in enumerate(zip(variances, numbers, strict=True)):
        near = min(t, len(variances) - 2)
        ratio = variances[near] / variances[near + 1]
        _, exponent = math.frexp(math.sqrt(variance * (1.0 - ratio)) * FINE)
        step, reach = math.ldexp(1.0, exponent - 1), BEYOND * math.sqrt(variance)
        origin = math.floor((low - reach) / step)
        made.append(Layer(number, variance, step, origin, math.ceil((high + reach) / step) - origin + 1))
    return made


def ratio(clean: Layer, noisy: Layer) -> float:
    """r of (1)."""
    return clean.variance / noisy.variance


def coded(clean: Layer, noisy: Layer, y: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of (3) for y (B, d) at the noisy level, and what is known of x_0 there."""
    r = ratio(clean, noisy)
    spread = clean.variance * (1.0 - r) + variance * ((1.0 - r) * (1.0 - r))
    return y * r + mean * (1.0 - r), np.sqrt(spread)
