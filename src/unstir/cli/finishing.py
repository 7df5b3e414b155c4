"""What comes after training: the score beside its floor, the pictures, and what to type next."""

import json
import math
import shlex
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

from unstir import plots
from unstir.cli.progress import note
from unstir.data import Data, layout
from unstir.diffusion.registry import SCHEDULES
from unstir.diffusion.samplers import default
from unstir.diffusion.schedules import needs_no_settings, schedule
from unstir.errors import UsageError
from unstir.evaluation.likeness import resemblance
from unstir.evaluation.scores import Score, Truth, as_json, compare, in_sets, scale_of, truth_of, worth
from unstir.model.model import Model
from unstir.plots.mosaics import drawable
from unstir.plots.mosaics import panels as panels_of
from unstir.runs.folder import Run
from unstir.runs.metrics import read_metrics
from unstir.runs.record import Recording
from unstir.seeds import seeded
from unstir.training.fitting import Fitting
from unstir.words import percent

SHOWN = 5000  # samples in the figures
PICTURED = 2**24  # numbers of the data
SHARE = 1 / 3  # of the work of `unstir evaluate`
FEW = 16  # of images and sequences
MOMENTS = (0, 100, 300, 500, 800, 1000)  # the lecture's, of 1,000
WORSE = 1.5  # times the best Gaussian's held-out loss, from where a person has to be told


Panels = dict[str, tuple[np.ndarray, str]]
"""Samples (n, ...) by the name of what drew them, with what is to be said about them."""


@dataclass
class Trained:
    """A run whose training is done: its folder, its record and its model."""

    run: Run
    recording: Recording
    model: Model

    @property
    def fitting(self) -> Fitting:
        """What was fitted."""
        return self.recording.fitting

    @property
    def seconds(self) -> float:
        """Of training, all sessions together."""
        return self.recording.seconds


@dataclass(frozen=True)
class Manner:
    """How a command speaks: one JSON object on stdout, or lines; progress on stderr, or none; a page as it goes, or none."""

    as_object: bool = False
    quiet: bool = False
    page: bool = False


def finish(trained: Trained, manner: Manner) -> None:
    """Score, draw, and say what to type next."""
    run, model, settings, held_out = trained.run, trained.model, trained.fitting.config, trained.recording.held_out
    n = worth(model, SHARE)
    drawn, scores = None, []
    try:
        truth = truth_of(trained.fitting.data, settings.data.held_out, settings.seed, most=n)
        drawn = model.sample(len(truth.true) * len(truth.true[0]))
        scores = _scores(trained, truth, in_sets(drawn, len(truth.true)))
    except UsageError as error:
        note(f"note: not scored: {error}")
    shown = min(SHOWN, 2 * n)
    samples = model.sample(shown) if drawn is None or len(drawn) < shown else drawn[:shown]
    if held_out.loss > WORSE * held_out.gaussian_loss:
        note(
            f"warning: on held-out rows the model is {held_out.loss / held_out.gaussian_loss:.1f} times as wrong as a Gaussian. It has not "
            f"learnt, or too few rows by heart: try a lower --optim.lr (it was {settings.optim.lr:g}), or other --steps, or bring more data."
        )
    captions = {f"{default(20)}": (samples, caption(20, None, scores))}
    draw(trained, captions)
    run.write("samples/scores.json", {"steps": 20, "scores": as_json(scores)})
    if manner.as_object:
        found = {"run": str(run.path), "seconds": trained.seconds, "held_out": held_out.loss, "scores": as_json(scores)}
        print(json.dumps(found))
        return
    note(f"trained in {trained.seconds:.1f} s; held-out loss {held_out.loss:.4f} (best Gaussian {held_out.gaussian_loss:.4f})")
    for score in scores:
        note(score_line(score))
    print(run.path)
    name = shlex.quote(str(run.path))
    note(f"next: unstir report {name}    unstir sample {name} -n 1000    unstir evaluate {name}    pictures: {run.path}/figures")


def _scores(trained: Trained, truth: Truth, sets: list[np.ndarray]) -> list[Score]:
    """All distances of the samples from true rows, those in features too where the rows are images or sequences."""
    scores = compare(sets, truth, scale_of(trained.model))
    try:
        like = resemblance(trained.model, sets, trained.fitting.training, trained.fitting.unseen, seed=0)
    except UsageError as error:
        note(f"note: nothing was compared in features: {error}")
        return scores
    if like is None:
        return scores
    note(like.note)
    return [*scores, *like.scores]


def draw(trained: Trained, panels: Panels) -> None:
    """The lecture's pictures of this run, into `figures/`, and the first panel's samples into `samples/`."""
    run, data, model, held_out = trained.run, trained.fitting.data, trained.model, trained.recording.held_out
    figures, samples = run.folder("figures"), run.folder("samples")
    process = model.schedule
    rows_of = _spatial if layout(data.shape) else _points
    for name, figure in rows_of(data, model, panels).items():
        plots.save(figure, figures / f"{name}.png")
    named = {name: schedule(name) for name in SCHEDULES if needs_no_settings(name) and name != model.card.schedule}
    plots.save(plots.schedule_curves(named | {model.card.schedule: process}, model.card.schedule), figures / "schedules.png")
    curves = plots.LossByTime(
        held_out.edges.numpy(),
        trained.recording.by_time.numpy(),
        held_out.eps.numpy(),
        held_out.gaussian_eps.numpy(),
        held_out.x0.numpy(),
        held_out.gaussian_x0.numpy(),
        process.T,
    )
    plots.save(plots.loss_by_time(curves), figures / "loss_by_time.png")
    plots.save(plots.training(read_metrics(run.path)), figures / "training.png")
    np.save(samples / "samples.npy", next(iter(panels.values()))[0], allow_pickle=False)


def _points(data: Data, model: Model, panels: Panels) -> dict[str, Figure]:
    """The data dissolving, reverse trajectories and samples, of rows seen as points; of very many a random part."""
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
    """The same of rows that are images or sequences: the lecture's moments, the states of a few samples, samples beside data."""
    lies = layout(data.shape)
    assert lies is not None
    few = np.random.default_rng(0).permutation(len(data))[:FEW]
    rows, span = data.rows[few], data.bounds or data.rows.ends()
    z, process = model.encoder.encode(torch.as_tensor(rows)), model.schedule
    eps = torch.randn(z.shape, generator=seeded(0, "picture"))
    noisy = [process.diffuse(z, torch.tensor(n / 1000, dtype=torch.float64), eps) for n in MOMENTS]
    seen = [drawable(model.encoder.decode(x).numpy(), lies) for x in noisy]
    shares = process.log_snr(torch.tensor(MOMENTS, dtype=torch.float64) / 1000).sigmoid().tolist()
    titles, texts = [f"n = {n}" for n in MOMENTS], [f"signal {percent(share)}" for share in shares]
    found = {"forward": panels_of("The data dissolves into noise", titles, texts, seen, lies.kind, span)}
    states = model.paths(FEW, every=4)
    seen = [drawable(model.encoder.decode(x).numpy(), lies) for x in states]
    titles = [f"{4 * i} evaluations" for i in range(len(states))]
    found["trajectories"] = panels_of(f"From noise to data ({default(20)})", titles, [""] * len(states), seen, lies.kind, span)
    sets = [drawable(x[:FEW], lies) for x in (rows, *(x for x, _ in panels.values()))]
    texts = [f"{len(data):,} rows", *(text for _, text in panels.values())]
    return found | {"samples": panels_of("Samples beside the data", ["data", *panels], texts, sets, lies.kind, span)}


def score_line(score: Score) -> str:
    """A score in words, beside its floor."""
    return (
        f"{score.metric}: {score.value:.4f} +- {score.deviation:.4f}, floor {score.floor:.4f} +- {score.floor_deviation:.4f} "
        f"(n = {score.rows:,}): {score.verdict}"
    )


def caption(evaluations: int, seconds: float | None, scores: list[Score]) -> str:
    """What stands under a panel of samples."""
    cost = f"{evaluations:,} evaluations" + (f", {seconds:.2f} s" if seconds is not None else "")
    return cost + (f"\nSW2 {scores[0].value:.4f} (floor {scores[0].floor:.4f})" if scores else "")
