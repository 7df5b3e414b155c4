"""Is it honest? Whether a model has memorised its training rows: copies of them would score well, too.

Memorisation shows in two ways. Samples lie nearer to training rows than true rows do (`unstir.metrics.neighbours`, eqs. 5 and 6).
And the model denoises training rows better than rows that it has never seen:

    gap = E_unseen[e] / E_training[e] - 1,   e = mean over levels of (1 + SNR) |x_0 - x0_hat|^2 / d         (1)

on equally many rows, with the same noise. The weight 1 + SNR makes the levels count alike: 1 / (1 + SNR) is the error of a guess
that uses only the variance. Held-out rows are a random part of all rows, so without memory the gap is 0, up to chance.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from scipy.special import stdtrit

from unstir.data import Data
from unstir.data.rows import Rows
from unstir.errors import UsageError
from unstir.evaluation.scores import FEWEST, NEAR, inverse
from unstir.information.mmse import squared_errors
from unstir.metrics.distances import nearest
from unstir.metrics.neighbours import Memorisation, memorisation, radii
from unstir.model.model import Model
from unstir.model.units import values_of
from unstir.networks.building import affordable
from unstir.seeds import seeded
from unstir.steady import steady

LEVELS = (-6.0, -3.0, 0.0, 3.0, 6.0, 9.0)  # log-SNR
DRAWS, WORK = 4096, 1e12  # pairs (row, noise) a level, and multiply-adds in all, at most
LEAST = 64  # pairs a level, however large the network is
GAP, LARGE_GAP = 0.1, 0.5  # above the first, a gap is no longer called small; above the second, it is called memorising


Place = Callable[[np.ndarray], np.ndarray]
"""Rows (n, ...) as the points (n, k) between which distances are measured."""


@steady
def memorisation_of(samples: np.ndarray, unseen: np.ndarray, training: np.ndarray | Rows, scale: np.ndarray) -> Memorisation:
    """Whether samples (n, d) lie nearer to training rows than unseen rows do, after standardising: `memorisation_in` of such points."""
    return memorisation_in(samples, unseen, training, standardised(scale))


@steady
def memorisation_in(samples: np.ndarray, unseen: np.ndarray, training: np.ndarray | Rows, place: Place) -> Memorisation:
    """Whether samples (n, d) lie nearer to training rows than unseen rows do, each at its `place`.

    Training rows are read in blocks, because memory may not hold all of them. With fewer than 10 unseen rows, each training row
    stands in for an unseen one, and its distance is the one to the nearest other training row.
    Raises UsageError if there are fewer than 10 training rows, too.
    """
    training = training if isinstance(training, Rows) else Rows(training)
    if max(len(unseen), len(training)) < FEWEST:
        raise UsageError(
            f"it takes at least {FEWEST} rows, trained on or held out; there are {len(training)} trained on and {len(unseen)} held out."
        )
    true = to_nearest(unseen[:NEAR], training, place) if len(unseen) >= FEWEST else radii(place(training[:]), 1)
    return memorisation(to_nearest(samples[:NEAR], training, place), true)


def nearest_distances(x: np.ndarray, rows: Rows, scale: np.ndarray) -> np.ndarray:
    """The distance (n,) from each x (n, d) to the nearest of `rows`, after standardising."""
    return to_nearest(x, rows, standardised(scale))


def to_nearest(x: np.ndarray, rows: Rows, place: Place) -> np.ndarray:
    """The distance (n,) from each x (n, d) to the nearest of `rows`, each at its `place`."""
    at = place(x)
    return reduce(np.minimum, (nearest(at, place(block)) for block in rows.scan()))


def standardised(scale: np.ndarray) -> Place:
    """Rows at their values divided by the standard deviation (d,) of each column."""
    weights = inverse(scale)
    return lambda block: block.reshape(len(block), -1) * weights


@dataclass(frozen=True)
class Levels:
    """The error of x0_hat, per element in units of the data's variance, at K levels of log-SNR: means over rows, and standard errors.

    `unseen` and `training` are (2, K), mean and standard error, on equally many rows with the same noise; `gap` is eq. (1) with its
    standard error. `training` and `gap` are None if the training rows cannot be read, `gap` also if there are fewer than 10 rows.
    """

    log_snr: np.ndarray
    unseen: np.ndarray
    training: np.ndarray | None
    gap: tuple[float, float] | None
    rows: int

    @property
    def gap_by_chance(self) -> float:
        """Without memory the gap exceeds this in 1 of 40 cases: Student's t times its standard error."""
        return float(stdtrit(self.rows - 1, 0.975)) * self.gap[1] if self.gap else math.inf

    @property
    def can_tell(self) -> bool:
        """Whether the gap of a model that memorises would be larger than what chance gives."""
        return self.gap_by_chance <= LARGE_GAP

    @property
    def verdict(self) -> str:
        """Whether the model denoises unseen rows worse than training rows, in words."""
        if self.gap is None or self.gap[0] <= self.gap_by_chance:
            return "no gap beyond chance"
        return "memorises" if self.gap[0] > LARGE_GAP else "a gap" if self.gap[0] > GAP else "a small gap"

    @property
    def baseline(self) -> np.ndarray:
        """The error (K,) of a guess that uses only the variance: 1 / (1 + SNR)."""
        return 1 / (1 + np.exp(self.log_snr))


@steady
def errors_by_level(model: Model, unseen: Data, training: Data | None, seed: int) -> Levels:
    """The model's error on unseen rows and on training rows, at six noise levels, or at those of them that its schedule reaches.

    Raises UsageError for fewer than two rows, or a class that the model does not know.
    """
    draws = affordable(model.network, 2 * len(LEVELS), WORK, LEAST, DRAWS)
    n = min(draws, *(len(data) for data in (unseen, training) if data))
    if n < 2:
        raise UsageError(f"a standard error takes at least 2 rows; there is {n}.")
    ends = model.schedule.log_snr(torch.tensor([1.0, 0.0], dtype=torch.float64)).tolist()
    log_snr = np.array([level for level in LEVELS if ends[0] < level < ends[1]])
    errors = [_row_errors(model, data, n, draws, log_snr, seed) for data in (unseen, training) if data]
    new, *old = (np.stack([e.mean(1), e.std(1, ddof=1) / math.sqrt(n)]) for e in errors)
    if not old:
        return Levels(log_snr, new, None, None, n)
    return Levels(log_snr, new, old[0], _gap(errors[0], errors[1], log_snr) if n >= FEWEST else None, n)


def _gap(unseen: np.ndarray, training: np.ndarray, log_snr: np.ndarray) -> tuple[float, float]:
    """Eq. (1) and its standard error, from the errors (K, n) of the unseen and of the training rows."""
    new, old = (((1 + np.exp(log_snr))[:, None] * e).mean(0) for e in (unseen, training))  # the e of eq. (1), (n,)
    ratio, n = new.mean() / old.mean(), len(new)
    relative = math.hypot(*(e.std(ddof=1) / e.mean() / math.sqrt(n) for e in (new, old)))
    return float(ratio - 1), float(ratio * relative)


@torch.no_grad()
def _row_errors(model: Model, data: Data, n: int, draws: int, log_snr: np.ndarray, seed: int) -> np.ndarray:
    """The error (K, n) of n random rows at each level, per element; each row is noised ceil(draws / n) times, and the mean is taken."""
    chosen = np.random.default_rng(seed).permutation(len(data))[:n]
    again = torch.arange(n).repeat(math.ceil(draws / n))
    x0 = model.encoder.encode(torch.as_tensor(data.rows[chosen]))[again].to(model.device)
    cond = None
    values = values_of(data.take(chosen), model.condition)
    if values is not None:
        cond = values[again].to(model.device)
    denoise = model.denoise(cond)
    generator = seeded(seed, "errors by level")
    rows = []
    for t in model.schedule.inverse(torch.from_numpy(log_snr)):
        eps = torch.randn(x0.shape, generator=generator).to(model.device)
        e = squared_errors(denoise, model.schedule, x0, t, eps).flatten(1).mean(1).cpu()
        rows.append(e.reshape(-1, n).mean(0))
    return torch.stack(rows).numpy()
