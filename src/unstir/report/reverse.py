"""From noise to data: the paths of several samplers from the same noise and, for data in the plane, the score field and the density.

    arrows     sigma score(x) = (alpha x0_hat - x) / sigma, cut to a length of 3                            (1)
    density    p_t(x) = mean over samples x_0 of N(x; alpha x_0, (sigma^2 + h^2) I),  h half a cell         (2)

(2) is the density of the noisy samples, smoothed by half a cell, which the picture cannot resolve. It is given as a share of its
maximum, because the maximum falls by a factor of thousands from t = 0 to t = 1. The number of sampled rows depends on the size of the
network, so that no sampler takes longer than a second or two. The scores state this number, and compare with as many true rows.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstir.diffusion.samplers import default
from unstir.errors import UnstirError
from unstir.evaluation.mixed import COUNTED, quick_scores
from unstir.evaluation.sampled import as_flat, mixed_table
from unstir.evaluation.scores import FEWEST, Measured, Truth, between_true, compare, deal, scale_of, true_pairs
from unstir.model.model import Model
from unstir.model.sampling import Sampling
from unstir.model.units import tidied
from unstir.networks.building import affordable
from unstir.report.colours import drawn_as
from unstir.report.packing import numbers, pack, pack_classes
from unstir.report.subject import MOST_STEPS, ROWS, Subject
from unstir.report.view import shrink

FEW, FEWER = 20, 10  # evaluations of the two quick ways
FRAMES, PICTURED = 50, 24  # states kept of a long path, of points and of images or sequences
BYTES = 400_000  # of packed states for each sampler at most
WORK = 4e10  # multiply-adds of each sampler: about a second
MOST_ROWS, LEAST_ROWS = 1000, 16
ARROWS, CELLS, LEVELS = 21, 64, 9  # arrows a side, cells of the density a side, and noise levels of both
LONGEST_ARROW = 3.0
CLEANEST = 6.0  # the highest log-SNR of these noise levels


@dataclass(frozen=True)
class Way:
    """A way of sampling: its `name` on the page, the sampler `method`, and the number of `evaluations` of the network."""

    name: str
    method: str
    evaluations: int


def ways(T: int | None) -> list[Way]:
    """The three ways that a page shows: the DDPM paper's chain, and two quick ones."""
    chain = min(T or MOST_STEPS, MOST_STEPS)
    return [
        Way("the paper's chain", "ddpm_beta", chain),
        Way(f"DDIM in {FEW}", "ddim", FEW),
        Way(f"the default in {FEWER}", default(FEWER), FEWER),
    ]


def reverse(subject: Subject, truth: Truth | None, chosen: Sequence[Way], scored: bool = True) -> dict[str, Any] | None:
    """The paths of the chosen ways from the same noise, with scores and floors if there are true rows; None without a model."""
    model, view = subject.model, subject.view
    if model is None:
        return None
    floors: dict[int, Measured] = {}
    samplers = []
    for way in chosen:
        try:
            samplers.append(_path(subject, model, way, truth if scored else None, floors))
        except UnstirError as error:
            subject.reasons.append(f"{way.name} is not shown: {error}")
    if not samplers:
        return None
    shown = subject.rows if subject.rows is not None else model.paths(ROWS, steps=FEWER)[-1]
    box = view.frame(view.project(shown)) if view.show == "points" else None
    plane = box is not None and subject.shape == (2,)
    return {
        "show": view.show,
        "axes": view.axes,
        "frame": box,
        "decode": view.decode,
        "samplers": samplers,
        "field": field(model, box) if plane and box else None,
    }


def rows_for(model: Model, evaluations: int) -> int:
    """How many rows can be sampled in that many evaluations in about a second."""
    return affordable(model.network, evaluations, WORK, LEAST_ROWS, MOST_ROWS)


def _path(subject: Subject, model: Model, way: Way, truth: Truth | None, floors: dict[int, Measured]) -> dict[str, Any]:
    view, n, seed = subject.view, rows_for(model, way.evaluations), subject.config.seed
    how = Sampling(way.evaluations, way.method, seed=seed)
    every = -(-way.evaluations // (FRAMES if view.show == "points" else PICTURED))
    started = time.monotonic()
    states = model.paths(n, how=how, every=every)
    seconds = time.monotonic() - started
    samples = as_flat(tidied(model.in_units(states[-1]), model.card))
    plan = model.times(how)
    times = torch.stack([t for i, t in enumerate(plan) if i % every == 0 or i == len(plan) - 1])
    first = view.project(states[-1][:2])
    size = first[0].size * (1 if view.show == "images" else 2)
    shown = max(2, min(view.most * view.rows_each, BYTES // (len(times) * size) * view.rows_each, n))
    divisor = shrink(subject.schedule, times)
    frames = np.stack([view.project(x[:shown] / by) for x, by in zip(states, divisor.float(), strict=True)])
    labels = model.given(n, None, seed) if model.classes else None
    return {
        "name": way.name,
        "method": way.method,
        "colour": drawn_as(way.method)["colour"],
        "evaluations": way.evaluations,
        "seconds": numbers(seconds, 3),
        "n": n,
        "times": numbers(times),
        "log_snr": numbers(model.schedule.log_snr(times)),
        "states": pack(frames, "uint8" if view.show == "images" else "int16"),
        "labels": None if labels is None or view.rows_each > 1 else pack_classes(labels[:shown].numpy()),
        "scores": [] if truth is None else _scores(model, samples, truth, floors),
    }


def _scores(model: Model, samples: np.ndarray, truth: Truth, floors: dict[int, Measured]) -> list[dict[str, Any]]:
    """The scores of samples, dealt into as many sets as there are true sets; the true sets and the floors use as many rows."""
    table, scale = mixed_table(model), scale_of(model)
    n = min(len(samples), len(truth.true[0]))
    if n < FEWEST:
        return []
    few = fewer(truth, n)
    sets = deal(samples, n, len(few.true), np.random.default_rng(0))
    if table is not None:
        scores = quick_scores(sets, few, table, COUNTED)
    else:
        floors[n] = floors.get(n) or between_true(few, scale)
        scores = compare(sets, few, scale, floors[n])
    return [asdict(score) | {"verdict": score.verdict} for score in scores]


def fewer(truth: Truth, n: int) -> Truth:
    """The truth with only the first n rows of every set; columns are compared with as many rows as before."""
    pairs = [(a[:n], b[:n]) for a, b in true_pairs(truth)]
    return replace(truth, true=[rows[:n] for rows in truth.true], others=[rows[:n] for rows in truth.others], pairs=pairs)


@torch.no_grad()
def field(model: Model, box: Sequence[float]) -> dict[str, Any]:
    """Eq. (1) and (2) on grids over the frame, at noise levels in equal steps of log-SNR."""
    schedule = model.schedule
    start = max(schedule.log_snr(torch.ones((), dtype=torch.float64)).item(), -CLEANEST)
    times = schedule.inverse(torch.linspace(start, CLEANEST, LEVELS, dtype=torch.float64))
    samples, denoise = model.paths(ROWS, steps=FEW)[-1].double(), model.denoise()
    at, cells = _grid(box, ARROWS).to(model.device), _grid(box, CELLS)
    h = (box[1] - box[0]) / (CELLS - 1) / 2
    arrows, density = [], []
    for t in times:
        (alpha, sigma), divisor = schedule(t), shrink(schedule, t)
        x = (at * divisor).float()
        arrow = ((alpha * denoise(x, t).double() - x) / sigma).cpu()
        arrows.append(arrow * (LONGEST_ARROW / arrow.norm(dim=1, keepdim=True)).clamp(max=1))
        density.append(_density(cells, alpha / divisor * samples, (sigma / divisor) ** 2 + h**2))
    return {
        "frame": list(box),
        "times": numbers(times),
        "log_snr": numbers(schedule.log_snr(times)),
        "arrows": pack(torch.stack(arrows).reshape(LEVELS, ARROWS, ARROWS, 2).numpy(), low=-LONGEST_ARROW, high=LONGEST_ARROW),
        "density": pack(np.stack(density), "uint8", low=0.0, high=1.0) | {"low": 0.0, "high": 1.0},
    }


def _grid(box: Sequence[float], n: int) -> Tensor:
    """The (n * n, 2) points of a grid over the frame, ends included, row by row from below."""
    x, y = (torch.linspace(box[i], box[i + 1], n, dtype=torch.float64) for i in (0, 2))
    return torch.stack([part.flatten() for part in torch.meshgrid(x, y, indexing="xy")], 1)


def _density(cells: Tensor, centres: Tensor, variance: Tensor) -> np.ndarray:
    """Eq. (2) on a grid, as a share of its maximum, (CELLS, CELLS): the Gaussians factorise over x and y, so it is a matrix product."""
    x, y = cells[:CELLS, 0], cells[::CELLS, 1]
    columns, rows = (torch.exp(-((axis[:, None] - centres[:, i]) ** 2) / (2 * variance)) for i, axis in enumerate((x, y)))
    found = rows @ columns.T
    return (found / found.max().clamp(min=1e-300)).numpy()
