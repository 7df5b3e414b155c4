"""Forecasts: the future of a series is missing, and is filled in given the past. Do the intervals hold what they promise?

    x_i = a sin(2 pi (i + phase) / 12) + e_i,     e_i = 0.7 e_(i - 1) + 0.5 noise,     i = 0 ... 35          (1)

The phase is one of 12, and a is 1 or 2, so a row is drawn from a mixture of 24 Gaussians whose law given the first 24 numbers is known. Of
19 forecasts of a number, it is below the lowest or above the highest in 2 of 20 cases, and outside the middle ten in 10 of 20:

    90 %   from the lowest to the highest of 19          50 %   from the 5th to the 15th                     (2)

`mean off` and `spread` compare the mean and the standard deviation of the forecasts of each number with those of (1): the root mean square of
the difference in true standard deviations, and the mean ratio.

    true law    forecasts by (1): the floor              unstir      trained on rows of (1), for each number of particles

    python benchmarks/forecast.py --steps 3000
"""

import logging
import time

import numpy as np
import torch

from report import Row, Table, note, parser, show
from unstir import fit

LENGTH, PAST, PERIOD, DRAWS = 36, 24, 12, 19
COLUMNS = {"tool": "", "seconds": ".0f", "50 %": ".1f", "90 %": ".1f", "numbers": ",", "mean off": ".3f", "spread": ".3f"}


def mixture() -> tuple[np.ndarray, np.ndarray]:
    """The means (24, L) of (1), and the covariance (L, L) that all share."""
    i = np.arange(LENGTH)
    means = np.stack([a * np.sin(2 * np.pi * (i + phase) / PERIOD) for a in (1.0, 2.0) for phase in range(PERIOD)])
    return means, 0.25 / (1 - 0.49) * 0.7 ** np.abs(i[:, None] - i)


def drawn(n: int, rng: np.random.Generator) -> np.ndarray:
    means, S = mixture()
    return means[rng.integers(len(means), size=n)] + rng.multivariate_normal(np.zeros(LENGTH), S, n)


def law(past: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each row's future given its past (n, 24): the shares of the Gaussians (n, 24), their means (n, 24, 12), the covariance (12, 12)."""
    means, S = mixture()
    gain = S[PAST:, :PAST] @ np.linalg.inv(S[:PAST, :PAST])
    away = past[:, None] - means[:, :PAST]
    logs = -0.5 * np.einsum("nkd,de,nke->nk", away, np.linalg.inv(S[:PAST, :PAST]), away)
    share = np.exp(logs - logs.max(1, keepdims=True))
    return share / share.sum(1, keepdims=True), means[:, PAST:] + away @ gain.T, S[PAST:, PAST:] - gain @ S[:PAST, PAST:]


def by_law(past: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    share, means, S = law(past)
    which = (rng.random((DRAWS, len(past), 1)) > share.cumsum(1)).sum(2)
    return means[np.arange(len(past)), which] + rng.multivariate_normal(np.zeros(len(S)), S, which.shape)


def scored(tool: str, made: np.ndarray, rows: np.ndarray, seconds: float) -> Row:
    """Forecasts made (19, n, 12) of the future of rows (n, 36)."""
    future, low_to_high = rows[:, PAST:], np.sort(made, 0)
    share, means, S = law(rows[:, :PAST])
    mean = np.einsum("nk,nkd->nd", share, means)
    sd = np.sqrt(np.einsum("nk,nkd->nd", share, (means - mean[:, None]) ** 2) + np.diag(S))
    inside = [100 * float(((low_to_high[a] < future) & (future < low_to_high[b])).mean()) for a, b in ((4, 14), (0, 18))]
    off = np.square((made.mean(0) - mean) / sd).mean() - 1 / DRAWS  # less what 19 draws of the true law are off
    ratio = np.sqrt((made.var(0, ddof=1) / sd**2).mean())
    figures = tool, seconds, *inside, future.size, float(max(off, 0.0)) ** 0.5, float(ratio)
    return dict(zip(COLUMNS, figures, strict=True))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--steps", type=int, default=3000, help="of training")
    options.add_argument("--rows", type=int, default=300, help="whose future is forecast")
    options.add_argument("--particles", type=int, nargs="*", default=[1], help="of each row")
    options.add_argument("--vectors", action="store_true", help="train on plain vectors, not on sequences")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    logging.getLogger("unstir").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    rng = np.random.default_rng(chosen.seed)
    shape = (LENGTH,) if chosen.vectors else (LENGTH, 1)
    training, rows = drawn(10_000, rng), drawn(chosen.rows, rng)
    table = [scored("true law", by_law(rows[:, :PAST], rng), rows, 0.0)]
    began = time.process_time()
    model = fit(training.reshape(-1, *shape).astype(np.float32), steps=chosen.steps, seed=chosen.seed, progress=False)
    note(f"trained in {time.process_time() - began:.0f} s: {model}")
    known = (np.arange(LENGTH) < PAST).reshape(shape)
    for particles in chosen.particles:
        began = time.process_time()
        made = np.stack(model.impute(rows.reshape(-1, *shape), DRAWS, known, particles=particles)).reshape(DRAWS, -1, LENGTH)
        table.append(scored(f"{particles} particles", made[:, :, PAST:], rows, time.process_time() - began))
        note(str(table[-1]))
    show([Table("The last 12 of 36 numbers given the first 24", COLUMNS, table)], f"1 seed ({chosen.seed})", chosen.json)


if __name__ == "__main__":
    main()
