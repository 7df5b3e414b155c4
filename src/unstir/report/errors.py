"""Which steps are hard: errors by time and by log-SNR, beside the best Gaussian's and, where it is known, the smallest possible error.

    |eps - eps_hat|^2 = SNR |x_0 - x0_hat|^2            the same error, in the noise and in the data         (1)

Errors are per element, in units of the variance of what is predicted.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from unstir.diffusion.registry import SCHEDULES
from unstir.diffusion.schedules import Schedule, needs_no_settings, schedule
from unstir.evaluation.memorisation import Levels
from unstir.information.mmse import ErrorCurve
from unstir.report.colours import drawn_as
from unstir.report.packing import numbers
from unstir.report.subject import Subject
from unstir.training.held_out import BUCKETS

CURVE = 200  # steps of t in the curves of the schedules
INSIDE = 16  # times in a bucket of time, over which the smallest possible error is averaged


def schedules(own: Schedule, chosen: str | None) -> dict[str, Any]:
    """What each schedule leaves of the signal over t, and how it is drawn; the `chosen` one is `own`, which has the run's settings."""
    t = torch.linspace(0, 1, CURVE + 1, dtype=torch.float64)
    named = {name: schedule(name) for name in SCHEDULES if needs_no_settings(name) and name != chosen} | (
        {chosen: own} if chosen else {}
    )
    curves = {}
    for name, one in named.items():
        log_snr = one.log_snr(t)
        curves[name] = {"alpha_bar": numbers(log_snr.sigmoid()), "log_snr": numbers(log_snr), **drawn_as(name)}
    return {"t": numbers(t), "chosen": chosen, "curves": curves}


def hard(subject: Subject, levels: Levels | None) -> dict[str, Any] | None:
    """The errors of the latest evaluation on held-out rows; None before the first."""
    look, gaussian = subject.last_look, subject.held_out
    if look is None:
        return None
    T, edges = subject.schedule.T, np.linspace(0, 1, BUCKETS + 1)
    nothing = [None] * BUCKETS
    best = None if subject.best is None else [_least(subject, subject.best, a, b) for a, b in pairwise(edges)]
    return {
        "n": numbers(edges * (T or 1)),
        "unit": "t" if T is None else "n",
        "training_eps": numbers(subject.by_time),
        "held_out_eps": look["held_out_eps"],
        "gaussian_eps": numbers(gaussian.gaussian_eps) if gaussian else nothing,
        "held_out_x0": look["held_out_x0"],
        "gaussian_x0": numbers(gaussian.gaussian_x0) if gaussian else nothing,
        "best_x0": best,
        "levels": None if levels is None else _by_level(subject, levels),
    }


def _least(subject: Subject, best: ErrorCurve, first: float, last: float) -> float:
    """The smallest possible error of x0_hat per element, averaged over a bucket of time."""
    t = first + (last - first) * (torch.arange(INSIDE, dtype=torch.float64) + 0.5) / INSIDE
    each = [best.at(level).item() for level in subject.schedule.log_snr(t)]
    return float(numbers(np.mean(each) / math.prod(subject.shape)))


def _by_level(subject: Subject, levels: Levels) -> dict[str, Any]:
    d, at = math.prod(subject.shape), torch.from_numpy(levels.log_snr)
    return {
        "log_snr": numbers(levels.log_snr),
        "held_out": numbers(levels.unseen[0]),
        "training": None if levels.training is None else numbers(levels.training[0]),
        "variance_only": numbers(levels.baseline),
        "best": None if subject.best is None else [numbers(subject.best.at(level).item() / d) for level in at],
    }
