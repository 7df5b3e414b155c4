"""The learning rate over a training: a linear warm-up, then a decay along half a cosine (Loshchilov & Hutter 2017).

rate_k = peak min(1, (k + 1) / warmup) (1 + cos(angle_k)) / 2,    angle_k = pi k / steps,    k = 0, 1, ... steps - 1            (1)

>>> [round(warm_up_then_cosine(k, 1.0, 2, 4), 3) for k in range(4)]
[0.5, 0.854, 0.5, 0.146]
"""

import math


def warm_up_then_cosine(k: int, peak: float, warmup: int, steps: int) -> float:
    """The rate of eq. (1) at step k; without warm-up if `warmup` is 0."""
    return warm_up_then_fall(k, peak, warmup, math.pi * k / steps)


def warm_up_then_fall(k: int, peak: float, warmup: int, angle: float) -> float:
    """The rate of eq. (1) at step k, at this angle of the half cosine, from 0 to pi."""
    return peak * min(1.0, (k + 1) / warmup if warmup else 1.0) * (1 + math.cos(angle)) / 2
