"""The figures of a run, as .png and .pdf files in its folder `figures/`.

forward        the data dissolves into noise              schedules      the schedule beside others
trajectories   noise turns into data, step by step        loss_by_time   the network's error by noise level
samples        samples beside the data                    training       the loss during training
"""

import math

import numpy as np
import torch
from matplotlib.figure import Figure

from unstir import plots
from unstir.data import Data
from unstir.diffusion.registry import SCHEDULES
from unstir.diffusion.samplers import default
from unstir.diffusion.schedules import needs_no_settings, schedule
from unstir.model.model import Model
from unstir.plots.mosaics import drawable
from unstir.plots.mosaics import panels as panels_of
from unstir.runs.metrics import read_metrics
from unstir.runs.record import Recording
from unstir.seeds import seeded
from unstir.words import percent

SHOWN = 5000  # samples in a figure
PICTURED = 2**24  # numbers of the data that are drawn at most
FEW = 16  # images or sequences in a panel
MOMENTS = (0, 100, 300, 500, 800, 1000)  # of 1,000 steps: when the dissolving data is shown

Panels = dict[str, tuple[np.ndarray, str]]
"""Samples (n, ...) and a caption, by the name of the sampler."""


def draw(recording: Recording, model: Model, panels: Panels) -> None:
    """Write the figures of this run into `figures/`, and the samples of the first panel into `samples/`."""
    run, data, held_out = recording.run, recording.fitting.data, recording.held_out
    figures, samples = run.folder("figures"), run.folder("samples")
    figures_of = _spatial if data.layout else _points
    for name, figure in figures_of(data, model, panels).items():
        plots.save(figure, figures / f"{name}.png")
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
    np.save(samples / "samples.npy", next(iter(panels.values()))[0], allow_pickle=False)


def _points(data: Data, model: Model, panels: Panels) -> dict[str, Figure]:
    """The figures of rows seen as points: the data dissolving, trajectories, and samples; only a random part of very many rows."""
    if data.rows.size > PICTURED:
        data = data.take(np.random.default_rng(0).permutation(len(data))[: max(SHOWN, PICTURED // math.prod(data.shape))])
    rows = data.values.reshape(len(data), -1).astype(np.float64)
    flat = {name: (np.asarray(x, dtype=np.float64).reshape(len(x), -1), text) for name, (x, text) in panels.items()}
    names = data.names or tuple(f"x{i}" for i in range(rows.shape[1]))
    standard = model.encoder.encode(torch.as_tensor(data.values)).flatten(1).double().numpy()
    found = {"forward": plots.forward(standard, model.schedule, labels=data.labels, names=names)}
    if rows.shape[1] > 1:
        states = np.stack([np.asarray(x, dtype=np.float64).reshape(len(x), -1) for x in model.states(2000, every=1)])
        title = f"From noise to data in 20 evaluations ({default(20)})"
        found["trajectories"] = plots.trajectories(states, model.times().numpy(), title, names)
    return found | {"samples": plots.samples_beside_data(rows, flat, names)}


def _spatial(data: Data, model: Model, panels: Panels) -> dict[str, Figure]:
    """The same figures of images or sequences: the data dissolving, the states of a few samples, and samples beside the data."""
    row_layout = data.layout
    assert row_layout is not None
    few = np.random.default_rng(0).permutation(len(data))[:FEW]
    rows, span = data.rows[few], data.bounds or data.rows.ends()
    z = model.encoder.encode(torch.as_tensor(rows))
    eps = torch.randn(z.shape, generator=seeded(0, "picture"))
    noisy = [model.schedule.diffuse(z, torch.tensor(n / 1000, dtype=torch.float64), eps) for n in MOMENTS]
    seen = [drawable(model.encoder.decode(x).numpy(), row_layout) for x in noisy]
    shares = model.schedule.log_snr(torch.tensor(MOMENTS, dtype=torch.float64) / 1000).sigmoid().tolist()
    titles, texts = [f"n = {n}" for n in MOMENTS], [f"signal {percent(share)}" for share in shares]
    found = {"forward": panels_of("The data dissolves into noise", titles, texts, seen, row_layout.kind, span)}
    states = model.paths(FEW, every=4)
    seen = [drawable(model.encoder.decode(x).numpy(), row_layout) for x in states]
    titles = [f"{4 * i} evaluations" for i in range(len(states))]
    found["trajectories"] = panels_of(
        f"From noise to data ({default(20)})", titles, [""] * len(states), seen, row_layout.kind, span
    )
    sets = [drawable(x[:FEW], row_layout) for x in (rows, *(x for x, _ in panels.values()))]
    texts = [f"{len(data):,} rows", *(text for _, text in panels.values())]
    return found | {"samples": panels_of("Samples beside the data", ["data", *panels], texts, sets, row_layout.kind, span)}
