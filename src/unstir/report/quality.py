"""Is it good, is it honest: the findings of `unstir.evaluation.answers`, and the nearest training rows of some samples."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist

from unstir.data import Data
from unstir.data.rows import Rows
from unstir.evaluation import scores as scoring
from unstir.evaluation.answers import Found, answers
from unstir.evaluation.cells import Points
from unstir.evaluation.memorisation import Place, standardised, to_nearest
from unstir.evaluation.sampled import as_flat, mixed_table
from unstir.evaluation.scores import NEAR
from unstir.model.model import DEFAULT, Model
from unstir.report.cells import associations_of, cells_of
from unstir.report.columns import associations, distribution, shares
from unstir.report.given import picture_of_given
from unstir.report.packing import numbers
from unstir.report.reverse import rows_for
from unstir.report.subject import Subject

WORST = 60  # columns listed at most
SHOWN = 5000  # rows of the data whose columns are drawn
DRAWN = 12  # columns whose distribution is drawn
SAMPLES = 8  # samples shown beside their nearest training rows
USUAL = 500  # held-out rows whose distances say what is usual


def good(subject: Subject, model: Model, found: Found) -> dict[str, Any]:
    """The scores, columns, answers and neighbours of a model that was examined; of a table also how its columns are distributed."""
    names = tuple(subject.description["names"]) or tuple(f"x{i}" for i in range(math.prod(subject.shape)))
    columns, together, cells = _columns(found, names), None, None
    if found.good and found.good.mixed and subject.fitting is not None:
        mixed = found.good.mixed
        sampled, true = _beside(subject.fitting.data, model, subject.config.seed)
        cells, together = cells_of(mixed, sampled, true), associations_of(mixed)
    elif subject.fitting is not None and len(subject.shape) == 1:
        sampled, true = _beside(subject.fitting.data, model, subject.config.seed)
        together = associations(sampled, true, names)
        for column in columns[:DRAWN]:
            column["shares"] = distribution(sampled[:, column["place"]], true[:, column["place"]])
    return {
        "scores": [asdict(score) | {"verdict": score.verdict} for score in found.good.scores] if found.good else [],
        "columns": columns,
        "cells": cells,
        "associations": together,
        "answers": [
            {"question": answer.question, "answer": answer.said, "evidence": answer.evidence, "rows": answer.rows}
            for answer in answers(found).values()
        ],
        "shares": shares(found.good.seen) if found.good else None,
        "neighbours": neighbours(subject, model),
        "given": None if subject.fitting is None else picture_of_given(subject.fitting.unseen, model),
    }


def flat_samples(model: Model, n: int, seed: int) -> np.ndarray:
    """n samples (n, d) in the data's units; of a table, codes of cells."""
    return as_flat(model.rows(n, seed=seed))


def _beside(data: Data, model: Model, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples (n, d) and rows of the data (m, d), as many as can be had in about a second and at most 5,000."""
    few = np.random.default_rng(seed).permutation(len(data))[:SHOWN]
    return flat_samples(model, rows_for(model, DEFAULT.steps), seed), scoring.flat(data.take(np.sort(few)))


def _columns(found: Found, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The columns that differ most from the data, the worst first."""
    if not found.good or found.good.columns is None:
        return []
    c = found.good.columns
    worst = np.argsort(-np.abs(c.z).max(axis=0), kind="stable")[:WORST]
    return [
        {
            "place": int(i),
            "name": names[i],
            "mean": numbers(c.sampled[0, i]),
            "true_mean": numbers(c.true[0, i]),
            "deviation": numbers(c.sampled[1, i]),
            "true_deviation": numbers(c.true[1, i]),
            "z": numbers(c.z[np.abs(c.z[:, i]).argmax(), i], 3),
        }
        for i in worst
    ]


def neighbours(subject: Subject, model: Model) -> dict[str, Any] | None:
    """Some samples, the training row nearest to each, and their distance after standardising, beside the median for held-out rows."""
    fitting, view = subject.fitting, subject.view
    if fitting is None:
        return None
    table, training = mixed_table(model), fitting.training.rows
    known = scoring.known_rows(fitting.training, NEAR, subject.config.seed) if table else np.zeros(0)
    place = Points(table, known) if table else standardised(scoring.scale_of(model))
    samples = flat_samples(model, SAMPLES, subject.config.seed)
    apart, places = _closest(samples, training, place)
    own, nearest = torch.as_tensor(samples.reshape(SAMPLES, *subject.shape)), torch.as_tensor(training[places])
    sides = [_shown(subject, rows) for rows in (own, nearest)]
    pairs = [
        {"sample": sample, "nearest": row, "distance": numbers(distance, 4)}
        for sample, row, distance in zip(*sides, apart, strict=True)
    ]
    unseen = scoring.flat(fitting.unseen.take(np.arange(min(USUAL, len(fitting.unseen)))))
    usual = numbers(np.median(to_nearest(unseen, training, place)), 4)
    decode = view.decode or {}
    return {
        "show": view.show,
        "low": decode.get("low"),
        "high": decode.get("high"),
        "pairs": [pair | {"usual": usual} for pair in sorted(pairs, key=lambda pair: pair["distance"])],
    }


def _closest(x: np.ndarray, rows: Rows, place: Place) -> tuple[np.ndarray, np.ndarray]:
    """The distance from each x (n, d) to the nearest row, each at its `place`, and that row's number: (n,) each."""
    found, places = np.full(len(x), np.inf), np.zeros(len(x), int)
    for start, block in rows.blocks():
        apart = cdist(place(x), place(block))
        nearer = apart.min(1) < found
        found[nearer], places[nearer] = apart.min(1)[nearer], start + apart.argmin(1)[nearer]
    return found, places


def _shown(subject: Subject, rows: torch.Tensor) -> list[Any]:
    """Rows (n, ...) in the data's units as the page shows them: points on the page's axes, images and sequences as they are."""
    view = subject.view
    if view.show != "points":
        return [numbers(picture, 4) for picture in view.project(rows)]
    if view.rows_each > 1:  # one column: plotted against itself, a row is a point on the diagonal
        rows = rows.repeat_interleave(view.rows_each, 0)
    return numbers(view.project(subject.encoder.encode(rows)), 4)
