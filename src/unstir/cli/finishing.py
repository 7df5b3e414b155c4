"""What comes after training: the score beside its floor, the pictures, and what to type next."""

import json
import shlex
from dataclasses import dataclass

import numpy as np
import torch

from unstir import plots
from unstir.cli.progress import note
from unstir.errors import UsageError
from unstir.evaluate import Score, as_json, evaluate, truth_of, worth
from unstir.fitting import Fitting
from unstir.model import Model
from unstir.record import Recording
from unstir.runs import Run, read_metrics
from unstir.samplers import default
from unstir.schedules import SCHEDULES, schedule

SHOWN = 5000  # samples in the figures
WORSE = 1.5  # times the best Gaussian's held-out loss, from where a person has to be told


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
    scores = []
    try:
        scores = evaluate(model, truth_of(trained.fitting.data, settings.data.held_out, settings.seed, most=worth(model)))
    except UsageError as error:
        note(f"note: not scored: {error}")
    if held_out.loss > WORSE * held_out.gaussian_loss:
        note(
            f"warning: on held-out rows the model is {held_out.loss / held_out.gaussian_loss:.1f} times as wrong as a Gaussian. It has not "
            f"learnt, or too few rows by heart: try a lower --optim.lr (it was {settings.optim.lr:g}), or other --steps, or bring more data."
        )
    captions = {f"{default(20)}": (model.sample(min(SHOWN, 2 * worth(model))), caption(20, None, scores))}
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


def draw(trained: Trained, panels: dict[str, tuple[np.ndarray, str]]) -> None:
    """The lecture's pictures of this run, into `figures/`, and the first panel's samples into `samples/`."""
    run, data, model, held_out = trained.run, trained.fitting.data, trained.model, trained.recording.held_out
    figures, samples = run.folder("figures"), run.folder("samples")
    rows = data.values.reshape(len(data), -1).astype(np.float64)
    flat = {name: (np.asarray(x, dtype=np.float64).reshape(len(x), -1), text) for name, (x, text) in panels.items()}
    names = data.names or tuple(f"x{i}" for i in range(rows.shape[1]))
    process = model.schedule
    standard = model.encoder.encode(torch.as_tensor(data.values)).flatten(1).double().numpy()
    plots.save(plots.forward(standard, process, labels=data.labels, names=names), figures / "forward.png")
    named = {name: schedule(name) for name in SCHEDULES if name not in ("chain", model.card.schedule)}
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
    if rows.shape[1] > 1:
        states = np.stack([np.asarray(x, dtype=np.float64).reshape(len(x), -1) for x in model.states(2000, 20, every=1)])
        title = f"From noise to data in 20 evaluations ({default(20)})"
        plots.save(plots.trajectories(states, model.plan(default(20), 20).numpy(), title, names), figures / "trajectories.png")
    plots.save(plots.samples_beside_data(rows, flat, names), figures / "samples.png")
    plots.save(plots.training(read_metrics(run.path)), figures / "training.png")
    np.save(samples / "samples.npy", next(iter(panels.values()))[0], allow_pickle=False)


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
