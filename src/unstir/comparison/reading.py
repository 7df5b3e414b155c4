"""From a training to its scores: start it from a seed, draw samples from its model, and score them against true rows.

    score = mean over R sets of true rows of distance(samples, set)            the same sets for every alternative          (1)
    floor = mean over R pairs of sets of true rows of their distance           what a perfect model would score             (2)
    off   = (k + 1/2) / (n + 1)        k of n samples are farther than 0.06 from each of 200,000 fresh points               (3)

(3) is for built-in sets, which can be drawn afresh. It is Jeffreys' estimate of the share, which is never 0 and so has a logarithm.
"""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from unstir.comparison.layout import OFF, Comparison, Reading, Training
from unstir.data import TOYS, toy
from unstir.data.statistics import statistics
from unstir.encoders.rows import parts, standard_deviation
from unstir.errors import NumericsError
from unstir.evaluation.scores import POOL, Truth, between_true, measure, true_pairs
from unstir.metrics.distances import far_fraction
from unstir.model.model import Model
from unstir.training.cost import rehearse
from unstir.training.fitting import Fitting

REHEARSED = 21  # evaluations of each sampler, to predict what all of them will take
RADIUS = 0.06  # of (3): three times the deviation of the swiss roll's noise


def draw(model: Model, reading: Reading, seed: int) -> np.ndarray:
    """The samples of a reading (rows, d), float64, in the data's units. Raises NumericsError where they are not finite."""
    rows = model.sample(reading.rows, how=reading.how, seed=seed)
    rows = np.asarray(rows, dtype=np.float64).reshape(reading.rows, -1)
    if not np.isfinite(rows).all():
        raise NumericsError(
            f"{reading.alternative}, {reading.column}: samples are not finite with seed {seed}. Compare others: --only a,b,c."
        )
    return rows


def off(rows: np.ndarray, pool: np.ndarray) -> float:
    """The share of samples (n, d) that are off the set, by eq. (3), judged by fresh points (m, d) of the set.

    >>> off(np.zeros((9, 2)), np.zeros((1, 2))), off(np.ones((9, 2)), np.zeros((1, 2)))
    (0.05, 0.95)
    """
    return (far_fraction(rows, pool, RADIUS) * len(rows) + 0.5) / (len(rows) + 1)


class Yardstick:
    """What all samples are scored with: sets of true rows, the floor for each number of rows, and fresh points of a built-in set."""

    def __init__(self, comparison: Comparison):
        data, seed = comparison.data, comparison.trainings[0].config.seed
        self.truth = comparison.truth
        self.scale = standard_deviation(statistics(parts(data.rows)), data.layout).flatten().numpy()
        self.pool = toy(data.source, POOL, seed=seed + 2_000_003).values if data.source in TOYS else None
        self.floors = {n: self._floor(n) for n in sorted({reading.rows for reading in comparison.readings})}

    def scores(self, rows: np.ndarray) -> dict[str, float]:
        """The scores of samples (n, d) by name: eq. (1) for each distance, and eq. (3) of a built-in set."""
        truth = self._truth(len(rows))
        found = {name: mean for name, (mean, _) in measure([rows] * len(truth.true), truth, self.scale).items()}
        return found | ({} if self.pool is None else {OFF: off(rows, self.pool)})

    def _floor(self, n: int) -> dict[str, tuple[float, float]]:
        truth = self._truth(n)
        found = between_true(truth, self.scale)
        if self.pool is not None:
            shares = [off(rows, self.pool) for rows in truth.true]
            found[OFF] = float(np.mean(shares)), float(np.std(shares, ddof=1))
        return found

    def _truth(self, n: int) -> Truth:
        pairs = [(a[:n], b[:n]) for a, b in true_pairs(self.truth)]
        return Truth([rows[:n] for rows in self.truth.true], [rows[:n] for rows in self.truth.others], pairs)


def read_out(
    fitting: Fitting, training: Training, seed: int, yardstick: Yardstick
) -> tuple[list[dict[str, float]], list[np.ndarray]]:
    """The scores of every reading of a trained fitting, with the seconds that drawing took, and the samples (n, d) of each."""
    model, scores, drawn = fitting.model(), [], []
    for reading in training.readings:
        started = time.monotonic()
        rows = draw(model, reading, seed)
        seconds = time.monotonic() - started
        scores.append(yardstick.scores(rows) | {"seconds": seconds})
        drawn.append(rows)
    return scores, drawn


def predicted_seconds(training: Training, fitting: Fitting, yardstick: Yardstick) -> float:
    """What one training with its readings will take, measured on a few steps and a few evaluations of each sampler."""
    total = rehearse(fitting).seconds(training.config.optim.steps)
    started = time.monotonic()
    model = fitting.model()
    total += time.monotonic() - started
    draw(model, training.readings[0], 0)  # the first call also pays for what is done only once
    measured: dict[tuple[Any, int], tuple[float, float]] = {}
    for reading in training.readings:
        kind = reading.how.method, reading.rows
        if kind not in measured:
            few = min(REHEARSED, reading.how.steps)
            started = time.monotonic()
            rows = draw(model, replace(reading, how=reading.how.changed(steps=few)), 0)
            drawn = time.monotonic()
            yardstick.scores(rows)
            measured[kind] = (drawn - started) / few, time.monotonic() - drawn
        evaluation, scoring = measured[kind]
        total += evaluation * reading.how.steps + scoring
    return total
