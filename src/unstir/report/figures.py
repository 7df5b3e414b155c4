"""The figures of a run, as .png and .pdf files in its folder `figures/`.

forward        the data dissolves into noise              schedules      the schedule beside others
trajectories   noise turns into data, step by step        loss_by_time   the network's error by noise level
samples        samples beside the data                    training       the loss during training
columns        each column of a table beside the data
given          what held-out rows were given beside what was made of it
missing        how often cells of a table are missing     associations   how columns of a mixed table go together
"""

import math
from functools import partial

import numpy as np
import torch
from matplotlib.figure import Figure

from unstir import plots
from unstir.data import Data
from unstir.data.levels import span_of
from unstir.data.tables import Schema
from unstir.diffusion.registry import SCHEDULES
from unstir.diffusion.samplers import default
from unstir.diffusion.schedules import needs_no_settings, schedule
from unstir.encoders.base import Encoder
from unstir.evaluation.cells import ordered_of, state_of
from unstir.model.model import Model
from unstir.plots import Drawn, mosaics, sequences
from unstir.plots.looks import colour_of
from unstir.plots.mosaics import drawable
from unstir.plots.plane import alike
from unstir.plots.style import GREY
from unstir.report.given import given_and_made
from unstir.runs.metrics import read_metrics
from unstir.runs.record import Recording
from unstir.seeds import seeded
from unstir.words import percent

SHOWN = 5000  # samples in a figure
PICTURED = 2**24  # numbers of the data that are drawn at most
FEW = 16  # images or sequences in a panel
STATES = 2000  # points on their way from noise to data
MOMENTS = (0, 100, 300, 500, 800, 1000)  # of 1,000 steps: when the dissolving data is shown

Panels = dict[str, Drawn]
"""Samples (n, ...), by the name of their panel."""


def draw(recording: Recording, model: Model, panels: Panels) -> None:
    """Write the figures of this run into `figures/`, and the samples of the first panel into `samples/`."""
    run, data, held_out = recording.run, recording.fitting.data, recording.chosen.seen
    figures, samples = run.folder("figures"), run.folder("samples")
    figures_of = _spatial if data.layout else _points
    for name, figure in figures_of(data, model, panels).items():
        plots.save(figure, figures / f"{name}.png")
    if (figure := given_and_made(recording.fitting.unseen, model)) is not None:
        plots.save(figure, figures / "given.png")
    named = {name: schedule(name) for name in SCHEDULES if needs_no_settings(name) and name != model.card.schedule}
    plots.save(
        plots.schedule_curves(named | {model.card.schedule: model.schedule}, model.card.schedule), figures / "schedules.png"
    )
    curves = plots.LossByTime(
        held_out.edges.numpy(),
        recording.by_time.numpy(),
        held_out.eps.numpy(),
        held_out.gaussian_eps.numpy(),
        held_out.x0.numpy(),
        held_out.gaussian_x0.numpy(),
        model.schedule.T,
    )
    plots.save(plots.loss_by_time(curves), figures / "loss_by_time.png")
    plots.save(plots.training(read_metrics(run.path)), figures / "training.png")
    np.save(samples / "samples.npy", next(iter(panels.values())).rows, allow_pickle=False)


def _points(data: Data, model: Model, panels: Panels) -> dict[str, Figure]:
    """The figures of rows seen as points: the data dissolving, trajectories, and samples; only a random part of very many rows."""
    each = max(math.prod(data.shape), math.prod(model.encoder.space))
    if len(data) * each > PICTURED:
        data = data.take(np.random.default_rng(0).permutation(len(data))[: max(SHOWN, PICTURED // each)])
    rows = data.values.reshape(len(data), -1).astype(np.float64)
    if data.table is not None and model.card.by_cell:
        return _cells(data, data.table, model, panels)
    flat = {name: one._replace(rows=np.asarray(one.rows, np.float64).reshape(len(one.rows), -1)) for name, one in panels.items()}
    names = data.names or tuple(f"x{i}" for i in range(rows.shape[1]))
    labels = data.labels if model.classes else None
    standard = model.encoder.encode(torch.as_tensor(data.values)).flatten(1).double().numpy()
    inside = names if standard.shape == rows.shape else tuple(f"z{i}" for i in range(standard.shape[1]))
    named = [f"{name} ({model.encoder.describes})" for name in inside]
    found = {"forward": plots.forward(standard, model.schedule, labels=labels, names=named, classes=model.classes)}
    if rows.shape[1] > 1:
        states = np.stack([np.asarray(x, dtype=np.float64).reshape(len(x), -1) for x in model.states(STATES, every=1)])
        title = f"From noise to data in 20 evaluations ({default(20)})"
        found["trajectories"] = plots.trajectories(states, model.times().numpy(), title, names)
    if rows.shape[1] > 2 or (rows.shape[1] == 2 and not alike(rows)):
        *_, last = flat.values()
        found["columns"] = plots.columns(rows, last.rows, names, last.method)
    return found | {"samples": plots.samples_beside_data(rows, flat, names, labels=labels, classes=model.classes)}


def _cells(data: Data, table: Schema, model: Model, panels: Panels) -> dict[str, Figure]:
    """The figures of a mixed table: points of the model's space, where noise is added, and columns, gaps and associations as cells.

    Rows are codes, of which categories have no place in a plane. The model's space has a scale of its own: with every element at deviation
    1, a state that hardly any row has would decide what is seen.
    """
    encoder, rows = model.encoder, np.asarray(data.values, np.float64)
    placed = _placed(encoder, rows)
    names, labels = [f"z{i}" for i in range(placed.shape[1])], data.labels if model.classes else None
    found = {"forward": plots.forward(placed, model.schedule, labels=labels, names=names, classes=model.classes)}
    if placed.shape[1] > 1:
        states = np.stack([x.flatten(1).double().numpy() for x in model.paths(STATES, every=1)])
        title = f"From noise to data in 20 evaluations ({default(20)})"
        found["trajectories"] = plots.trajectories(states, model.times().numpy(), title, names, np.ones(placed.shape[1]))
    *_, last = panels.values()
    sampled = np.asarray(last.rows, np.float64)
    ordered = ordered_of(table)
    spell = [None if ordered[i] else partial(state_of, column) for i, column in enumerate(table.columns)]
    times = [i for i, column in enumerate(table.columns) if column.kind == "time"]
    more = {
        "columns": plots.cells(rows, sampled, table.names, spell, last.method, times),
        "missing": plots.missing(rows, sampled, table.names, last.method),
        "associations": plots.associations(rows, sampled, table.names, spell),
    }
    clouds = {name: one._replace(rows=_placed(encoder, np.asarray(one.rows, np.float64))) for name, one in panels.items()}
    found |= {name: figure for name, figure in more.items() if figure is not None}
    scale = np.ones(placed.shape[1])
    return found | {
        "samples": plots.samples_beside_data(placed, clouds, names, labels=labels, classes=model.classes, scale=scale)
    }


def _placed(encoder: Encoder, rows: np.ndarray) -> np.ndarray:
    """Codes (n, D) in the model's space, (n, k)."""
    return encoder.encode(torch.as_tensor(rows)).flatten(1).double().numpy()


def _spatial(data: Data, model: Model, panels: Panels) -> dict[str, Figure]:
    """The same figures of images or sequences: the data dissolving, the states of a few samples, and samples beside the data."""
    row_layout = data.layout
    assert row_layout is not None
    shuffled = np.random.default_rng(0).permutation(len(data))
    few = shuffled[:FEW]
    rows, span = data.rows[few], span_of(data)
    z = model.encoder.encode(torch.as_tensor(rows))
    eps = torch.randn(z.shape, generator=seeded(0, "picture"))
    noisy = [model.schedule.diffuse(z, torch.tensor(n / 1000, dtype=torch.float64), eps) for n in MOMENTS]
    going = [drawable(model.encoder.decode(x).numpy(), row_layout) for x in noisy]
    signal = model.schedule.log_snr(torch.tensor(MOMENTS, dtype=torch.float64) / 1000).sigmoid().tolist()
    states = model.paths(FEW, every=4)
    coming = [drawable(model.encoder.decode(x).numpy(), row_layout) for x in states][::-1]  # the first panel decides the scale
    out = ("The data dissolves into noise", [f"n = {n}" for n in MOMENTS], [f"signal {percent(share)}" for share in signal])
    back = (f"From noise to data ({default(20)})", [f"{4 * i} evaluations" for i in range(len(states))], [""] * len(states))
    names, texts = ["data", *panels], [f"{len(data):,} rows", *(one.text for one in panels.values())]
    drawn = list(panels.values())
    known = [one.labels for one in drawn if one.labels is not None]
    labelled = bool(model.classes) and data.labels is not None and len(known) == len(drawn)
    numbers = _of_each(data.labels[shuffled]) if labelled and data.labels is not None else np.arange(min(FEW, len(data)))
    numbers = shuffled[numbers]
    sets = [drawable(x, row_layout) for x in (data.rows[numbers], *(one.rows for one in drawn))]
    labels = [data.labels[numbers], *known] if labelled and data.labels is not None else []
    title = "Samples beside the data"
    if row_layout.kind == "images":
        return {
            "forward": mosaics.panels(*out, going, span),
            "trajectories": mosaics.panels(*back, coming[::-1], span),
            "samples": mosaics.panels(title, names, texts, sets, span, labels, model.classes),
        }
    colours = [GREY, *(colour_of(one.method) for one in drawn)]
    return {
        "forward": sequences.panels(*out, going, reach=1.0, colours=[GREY] * len(going)),
        "trajectories": sequences.panels(
            *back, coming[::-1], reach=1.0, like=coming[0], colours=[colour_of(default(20))] * len(coming)
        ),
        "samples": sequences.panels(title, names, texts, sets, labels=labels, classes=model.classes, colours=colours),
    }


def _of_each(labels: np.ndarray) -> np.ndarray:
    """The places of the first few rows of each class among rows with these class numbers (n,), so that no class is missing by chance."""
    order = np.argsort(labels, kind="stable")
    places = np.arange(len(labels)) - np.searchsorted(labels[order], labels[order])  # of each row within its class
    return np.sort(order[places < mosaics.OF_EACH])
