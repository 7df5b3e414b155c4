"""Is it good, is it honest: what `unstir.evaluation.answers` finds, and the training rows that are nearest to some samples."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist

from unstir.data.rows import Rows
from unstir.evaluation import scores as room
from unstir.evaluation.answers import Found, answers
from unstir.evaluation.memorisation import away
from unstir.model.model import Model
from unstir.report.packing import numbers
from unstir.report.subject import Subject

WORST = 60  # columns
SAMPLES = 8  # whose neighbours are shown
USUAL = 500  # held-out rows that say what is usual


def good(subject: Subject, model: Model, found: Found) -> dict[str, Any]:
    """Scores, columns, answers and neighbours of a model that was looked at."""
    names = tuple(subject.description["names"]) or tuple(f"x{i}" for i in range(len(room.scale_of(model))))
    return {
        "scores": [asdict(score) | {"verdict": score.verdict} for score in found.good.scores] if found.good else [],
        "columns": _columns(found, names),
        "answers": [
            {"question": answer.question, "answer": answer.word, "evidence": answer.evidence}
            for answer in answers(found, names).values()
        ],
        "neighbours": neighbours(subject, model),
    }


def _columns(found: Found, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Those that are off most, the worst first."""
    if not found.good:
        return []
    c = found.good.columns
    worst = np.argsort(-np.abs(c.z).max(axis=0), kind="stable")[:WORST]
    return [
        {
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
    """Some samples and the training row nearest to each, by distance in deviations; and what is usual for rows held out."""
    fitting, view = subject.fitting, subject.view
    if fitting is None:
        return None
    scale, training = room.scale_of(model), fitting.training.rows
    samples = np.asarray(model.sample(SAMPLES, seed=subject.config.seed), dtype=np.float64)
    apart, places = _closest(samples.reshape(SAMPLES, -1), training, room.inverse(scale))
    own, known = torch.as_tensor(samples), torch.as_tensor(training[places])
    sides = [_shown(subject, rows) for rows in (own, known)]
    pairs = [
        {"sample": sample, "nearest": row, "distance": numbers(distance, 4)}
        for sample, row, distance in zip(*sides, apart, strict=True)
    ]
    unseen = room.flat(fitting.unseen.take(np.arange(min(USUAL, len(fitting.unseen)))))
    usual = numbers(np.median(away(unseen, training, scale)), 4)
    decode = view.decode or {}
    return {
        "show": view.show,
        "low": decode.get("low"),
        "high": decode.get("high"),
        "pairs": [pair | {"usual": usual} for pair in sorted(pairs, key=lambda pair: pair["distance"])],
    }


def _closest(x: np.ndarray, rows: Rows, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each x (n, d) the distance to the nearest row, after weighting, and the row's number: (n,) each."""
    found, places = np.full(len(x), np.inf), np.zeros(len(x), int)
    for start, block in rows.blocks():
        apart = cdist(x * weights, block.reshape(len(block), -1) * weights)
        nearer = apart.min(1) < found
        found[nearer], places[nearer] = apart.min(1)[nearer], start + apart.argmin(1)[nearer]
    return found, places


def _shown(subject: Subject, rows: torch.Tensor) -> list[Any]:
    """Rows (n, ...) in the data's units as the page has them: on the axes of the points, or pictures and curves as they are."""
    view = subject.view
    if view.show != "points":
        return [numbers(picture, 4) for picture in view.project(rows)]
    if view.rows_each > 1:  # one column: a point on the diagonal, of the row against itself
        rows = rows.repeat_interleave(view.rows_each, 0)
    return numbers(view.project(subject.encoder.encode(rows)), 4)
