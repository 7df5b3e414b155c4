"""From data to noise: the rows, one noise for each, and what is left of them at each noise level.

    x_n = alpha_n x_0 + sigma_n eps,  n = 0 .. T, t = n / T       computed in the page, exactly             (1)
    bits left = I(x_0; x_n) / log 2 <= 1/2 integral_0^snr mse ds / log 2,  mse the model's                  (2)
    Gaussian  = 1/2 sum log2(1 + snr lambda_i),  lambda_i the variances of the data's principal directions    (3)

(2) is an upper bound, because no model's error is below the smallest possible one; its own noise, a few thousand held-out pairs a
level, is on top. (3) is what one who knows only the covariance would need; what (2) is below (3) is what knowing the shape is worth.
"""

import math
from typing import Any

import numpy as np
import torch

from unstir.diffusion.schedules import Schedule
from unstir.information.mmse import information
from unstir.report.packing import numbers, pack, pack_classes
from unstir.report.subject import Subject
from unstir.report.view import shrink
from unstir.seeds import seeded
from unstir.training.baseline import JITTER, WIDE

BYTES = 400_000  # of packed rows, and as many of noise
POINTS_OF_BITS = 100


def forward(subject: Subject) -> dict[str, Any] | None:
    """Everything of eq. (1), and the bits if there is a model; None where the data has gone."""
    rows, view, process = subject.rows, subject.view, subject.process
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
        **coefficients(process, subject.T),
        "bits": bits(subject),
    }


def coefficients(process: Schedule, T: int) -> dict[str, Any]:
    """alpha, sigma (shrunk), log-SNR and alpha-bar at n = 0 .. T."""
    t = torch.arange(T + 1, dtype=torch.float64) / T
    (alpha, sigma), log_snr, divisor = process(t), process.log_snr(t), shrink(process, t)
    return {
        "n": list(range(T + 1)),
        "alpha": numbers(alpha / divisor, 8),
        "sigma": numbers(sigma / divisor, 8),
        "log_snr": numbers(log_snr),
        "alpha_bar": numbers(log_snr.sigmoid()),
    }


def bits(subject: Subject) -> dict[str, Any] | None:
    """Eq. (2), beside (3) and the exact value where it is known, in bits a row; None without a model."""
    if subject.model is None:
        return None
    T = subject.T
    steps = np.unique(np.linspace(0, T, min(T, POINTS_OF_BITS) + 1).round().astype(int).clip(min=1))
    levels = subject.process.log_snr(torch.from_numpy(steps / T)).clamp(-60, 60)
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
    """The lambda of eq. (3) of rows (n, ...): (d,); of very wide rows their columns' variances, which give more bits."""
    z = rows.flatten(1).double()
    if z.shape[1] > WIDE:
        return z.var(0, correction=0)
    covariance = torch.cov(z.T, correction=0).reshape(z.shape[1], z.shape[1])
    return torch.linalg.eigvalsh(covariance).clamp(min=JITTER)
