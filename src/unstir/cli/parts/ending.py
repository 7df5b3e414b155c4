"""What comes after training, predicted before it: the model's own curves, samples, scores and pictures.

    seconds = rows through the network  x  those of a row at a look                                        (1)
            + distances of a few true rows, measured, grown as the square of the number of rows; of mixed tables as their number
            + the features of images and sequences, by their multiply-adds
            + figures  x  those of one figure, drawn to see

If that is more than a share of the time, a part of the usual work is done: 1/2, 1/4, 1/8, ... of the rows. Below 1/4 images and sequences
have no scores in features: `unstir evaluate` makes up for it.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torch import nn

from unstir import plots
from unstir.diffusion.schedules import Schedule
from unstir.encoders.rows import standard_deviation
from unstir.encoders.turned import statistics_of
from unstir.errors import UsageError
from unstir.evaluation import columns
from unstir.evaluation.features import training_work
from unstir.evaluation.mixed import quick_scores
from unstir.evaluation.scores import FEWEST_WORTH, MOST, REPEATS, Truth, affordable_rows, between_true, true_pairs, truth_of
from unstir.model.model import DEFAULT
from unstir.networks.building import affordable, operations
from unstir.report.figures import FEW, SHOWN, STATES
from unstir.training.cost import Cost
from unstir.training.fitting import Fitting
from unstir.training.minutes import Ending, with_effort

SHARE = 1 / 3  # of the work of `unstir evaluate` is done after training
FEATURES_FROM = 1 / 4  # of the effort: below, no scores in features
FIGURES = 6  # figures as dear as the one that is measured, of an ending
FEWEST, PART = 200, 4  # true rows whose distances are measured: a quarter of a set, and so many at least
PASS = 3  # training on a row takes this many times the work of evaluating it


def rows_of_a_set(network: nn.Module, effort: float) -> int:
    """How many samples a set has with this effort, if there are as many true rows."""
    return min(affordable_rows(network, SHARE * effort), max(FEWEST_WORTH, int(MOST * effort)))


def ending(fitting: Fitting, cost: Cost, seconds: float) -> Ending:
    """What comes after the training of this run, which may take so many seconds in all, by (1)."""
    data, config, network = fitting.data, fitting.config, fitting.state.network
    row = cost.look / fitting.rows_of_a_look
    try:
        truth = truth_of(data, config.data.held_out, config.seed, most=rows_of_a_set(network, 1.0))
    except UsageError:  # too few rows: nothing is scored
        truth = None
    distances = _seconds_of_distances(truth, fitting) if truth else None
    drawing = FIGURES * seconds_of_a_figure(fitting.problem.schedule)
    features = PASS * training_work(fitting.training) * row / operations(network) if data.layout else 0.0

    def takes(effort: float) -> float:
        n = 0 if truth is None else min(rows_of_a_set(network, effort), len(truth.true[0]))
        through = fitting.rows_of_the_curves + DEFAULT.steps * _samples(fitting, n, truth)
        return row * through + (distances(n) if distances else 0.0) + drawing + (features if effort >= FEATURES_FROM else 0.0)

    return with_effort(fitting, seconds, takes)


def _samples(fitting: Fitting, n: int, truth: Truth | None) -> int:
    """How many samples are drawn for five sets of n rows, the columns and the pictures."""
    network = fitting.state.network
    shown, scored = min(SHOWN, 2 * rows_of_a_set(network, fitting.effort)), REPEATS * n
    wanted = 0 if truth is None else min(len(truth.rows), columns.MOST) - scored
    more = affordable(network, DEFAULT.steps, columns.CHEAP, 0, wanted) if wanted > 0 else 0
    return scored + more + (shown if scored < shown else 0) + (FEW if fitting.data.layout else STATES)


def _seconds_of_distances(truth: Truth, fitting: Fitting) -> Callable[[int], float]:
    """The seconds of all distances between samples and true rows, and of their floors, by the number of rows of a set."""
    (a, b), *_ = true_pairs(truth)
    some = min(len(a), max(FEWEST, len(a) // PART))
    table = fitting.data.table
    if table is not None and fitting.encoder.by_cell:
        began = time.monotonic()
        quick_scores([a[:some]] * 2, Truth([b[:some]] * 2, [], [(a[:some], b[:some])] * 2), table)
        each = (time.monotonic() - began) * REPEATS / 2 / some
        return lambda n: each * n
    scale = standard_deviation(statistics_of(fitting.drawn, fitting.encoder), fitting.data.layout).flatten().numpy()
    pair = Truth([a[:some]], [b[:some]], [(a[:some], b[:some])] * 2)  # two, because a deviation takes two
    began = time.monotonic()
    between_true(pair, np.asarray(scale))
    square = (time.monotonic() - began) * REPEATS / some**2  # two pairs took so long; samples and floors are two for each repeat
    return lambda n: n * n * square


def seconds_of_a_figure(schedule: Schedule) -> float:
    """How long it takes to draw a figure with a few curves, and to write it."""
    with TemporaryDirectory() as folder:
        began = time.monotonic()
        plots.save(plots.schedule_curves({"here": schedule}, "here"), Path(folder) / "figure.png")
        return time.monotonic() - began
