"""From data to noise: the rows, one noise sample for each, and the information that is left about them at each noise level.

    x_n = alpha_n x_0 + sigma_n eps,  n = 0 .. T, t = n / T       the page computes it, exactly             (1)
    bits left = I(x_0; x_n) / log 2 <= 1/2 integral_0^snr mse ds / log 2,  mse the model's                  (2)
    Gaussian  = 1/2 sum log2(1 + snr lambda_i),  lambda_i the variances of the data's principal directions    (3)

(2) is an upper bound, because no model can do better than the best possible denoiser. The mse is estimated from at most a few thousand
held-out pairs at each level, so it varies slightly. (3) is the same bound for a guess that uses only the covariance of the data. (3) minus (2)
is what the model has learnt beyond the covariance: the shape of the data.
"""

import math
from typing import Any

import numpy as np
import torch

from unstir.diffusion.blending import WIDE
from unstir.diffusion.schedules import Schedule
from unstir.information.mmse import information
from unstir.report.packing import numbers, pack, pack_classes
from unstir.report.subject import Subject
from unstir.report.view import shrink
from unstir.seeds import seeded
from unstir.training.baseline import JITTER

BYTES = 400_000  # of packed rows at most, and as many of noise
POINTS_OF_BITS = 100  # points of a curve of bits at most


def forward(subject: Subject) -> dict[str, Any] | None:
    """The rows, noise and coefficients of eq. (1), and the bits if there is a model; None if the data is missing."""
    rows, view, schedule = subject.rows, subject.view, subject.schedule
    if rows is None:
        return None
    x0 = view.project(rows)
    n = max(1, min(view.most, BYTES // (2 * x0[0].size), len(x0)))
    eps = view.project(torch.randn(rows.shape, generator=seeded(subject.config.seed, "report")))
    points = view.show == "points"
    return {
        "show": view.show,
        "axes": view.axes,
        "frame": view.frame(x0) if points else None,
        "decode": view.decode,
        "x0": pack(x0[:n]),
        "eps": pack(eps[:n]),
        "labels": None if subject.labels is None or view.rows_each > 1 else pack_classes(subject.labels[:n]),
        **coefficients(schedule, subject.T),
        "bits": bits(subject),
    }


def coefficients(schedule: Schedule, T: int) -> dict[str, Any]:
    """alpha and sigma (both divided by `view.shrink`), log-SNR and alpha-bar at n = 0 .. T."""
    t = torch.arange(T + 1, dtype=torch.float64) / T
    (alpha, sigma), log_snr, divisor = schedule(t), schedule.log_snr(t), shrink(schedule, t)
    return {
        "n": list(range(T + 1)),
        "alpha": numbers(alpha / divisor, 8),
        "sigma": numbers(sigma / divisor, 8),
        "log_snr": numbers(log_snr),
        "alpha_bar": numbers(log_snr.sigmoid()),
    }


def bits(subject: Subject) -> dict[str, Any] | None:
    """Eq. (2) and (3), and the exact value where it is known, in bits a row; None without a model."""
    if subject.model is None:
        return None
    T = subject.T
    steps = np.unique(np.linspace(0, T, min(T, POINTS_OF_BITS) + 1).round().astype(int).clip(min=1))
    levels = subject.schedule.log_snr(torch.from_numpy(steps / T)).clamp(-60, 60)
    best = subject.best
    variances = None if subject.rows is None else spectrum(subject.rows)
    return {
        "n": steps.tolist(),
        "left": numbers(information(subject.model.error, levels) / math.log(2)),
        "exact": None if best is None else numbers(information(best, levels) / math.log(2)),
        "gaussian": None
        if variances is None
        else numbers(0.5 * torch.log1p(levels.exp()[:, None] * variances).sum(1) / math.log(2)),
    }


def spectrum(rows: torch.Tensor) -> torch.Tensor:
    """The lambdas (d,) of eq. (3) of rows (n, ...); for very wide rows, the variances of the columns, which give more bits."""
    z = rows.flatten(1).double()
    if z.shape[1] > WIDE:
        return z.var(0, correction=0)
    covariance = torch.cov(z.T, correction=0).reshape(z.shape[1], z.shape[1])
    return torch.linalg.eigvalsh(covariance).clamp(min=JITTER)
