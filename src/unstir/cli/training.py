"""`unstir train`: from a name or a file to a run folder."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unstir import plots
from unstir.cli.progress import Display, note
from unstir.config import Config, read_config, resolve, write_config
from unstir.datasets import Data
from unstir.errors import UnstirError, UsageError
from unstir.evaluate import Score, as_json, evaluate, truth_of
from unstir.fitting import BUCKETS, Fitting, HeldOut, bucket_means, load_data, settle
from unstir.model import Model
from unstir.runs import Run, about_this_run
from unstir.samplers import default, plan
from unstir.schedules import SCHEDULES, schedule

LOGGED = 400  # rows of metrics.jsonl, about
EVALUATIONS = 20  # looks at the held-out set
SHOWN = 5000  # samples in the figures


@dataclass
class Trained:
    """A finished run: its folder, its model, how the losses went by time, and how long it took."""

    run: Run
    data: Data
    fitting: Fitting
    model: Model
    held_out: HeldOut
    training_by_time: torch.Tensor
    seconds: float


def train(source: str | None, out: Path | None, config: Path | None, flags: dict[str, Any], as_object: bool, quiet: bool) -> None:
    """The command: train, score, draw, and say what to do next."""
    file = {} if config is None else read_config(config)
    source = source or file.get("data", {}).get("source")
    if not source:
        raise UsageError("nothing to train on: DATA is a built-in name or a file, as in `unstir train points.npy`.")
    trained = prepare_and_train(source, out, file, flags, quiet)
    run, model, settings = trained.run, trained.model, trained.fitting.config
    scores = []
    try:
        scores = evaluate(model, truth_of(trained.data, settings.data.held_out, settings.seed))
    except UnstirError as error:
        note(f"note: not scored: {error}")
    captions = {f"{default(20)}": (model.sample(SHOWN), caption(20, None, scores))}
    draw(trained, captions)
    run.write_json("samples/scores.json", {"steps": 20, "scores": as_json(scores)})
    if as_object:
        print(
            json.dumps(
                {"run": str(run.path), "seconds": trained.seconds, "held_out": trained.held_out.loss, "scores": as_json(scores)}
            )
        )
        return
    note(
        f"trained in {trained.seconds:.1f} s; held-out loss {trained.held_out.loss:.4f} (best Gaussian {trained.held_out.gaussian_loss:.4f})"
    )
    for score in scores:
        note(score_line(score))
    print(run.path)
    note(f"next: unstir sample {run.path} -n 1000    unstir evaluate {run.path}    pictures: {run.path}/figures")


def prepare_and_train(source: str, out: Path | None, file: dict[str, Any], flags: dict[str, Any], quiet: bool) -> Trained:
    """Read the data, settle the settings, make the run folder, train. Whatever stops it is in `run.json`."""
    named = {"data": {"source": source}}
    data = load_data(resolve(file, flags, named))
    config = settle(data, file, flags, named)
    fitting = Fitting(data, config)
    run = Run.create(out, source)
    about = about_this_run(["unstir", *sys.argv[1:]], config.seed, data.sha256(), str(fitting.device))
    run.write_text("config.toml", write_config(config))
    run.write_json("data.json", describe(data, fitting))
    run.write_json("run.json", about)
    for warning in fitting.warnings:
        note(f"warning: {warning}")
    if not quiet:
        note(headline(data, config, fitting))
    try:
        trained = _train(run, data, fitting, quiet)
    except (UnstirError, KeyboardInterrupt) as error:
        run.write_json("run.json", about | {"status": "failed", "why": str(error) or type(error).__name__})
        raise
    run.write_json("run.json", about | {"status": "finished", "seconds": trained.seconds, "steps": fitting.state.step})
    return trained


def _train(run: Run, data: Data, fitting: Fitting, quiet: bool) -> Trained:
    total = fitting.recipe.steps
    display = Display(total, quiet)
    every, look = max(1, total // LOGGED), max(1, total // EVALUATIONS)
    errors, times = [], []
    losses: list[float] = []
    started = time.monotonic()
    held_out = fitting.held_out()
    display.saw(held_out)
    for step in display.watch(fitting):
        losses.append(step.loss)
        if step.number > total - total // 4:
            errors.append(fitting.eps_errors(step))
            times.append(step.t)
        if step.number % every == 0 or step.number == total:
            row = {"step": step.number, "loss": float(np.mean(losses)), "lr": step.lr, "seconds": time.monotonic() - started}
            losses.clear()
            if step.number // look > (step.number - every) // look or step.number == total:
                held_out = fitting.held_out()
                display.saw(held_out)
                row |= {"held_out": held_out.loss, "gaussian": held_out.gaussian_loss}
                row |= {"held_out_eps": held_out.eps.tolist(), "held_out_x0": held_out.x0.tolist()}
            run.log(row)
    seconds = time.monotonic() - started
    by_time = bucket_means(torch.cat(times), torch.cat(errors)) if errors else torch.full((BUCKETS,), torch.nan)
    model = fitting.model()
    model.save(run.path / "model")
    return Trained(run, data, fitting, model, held_out, by_time, seconds)


def draw(trained: Trained, panels: dict[str, tuple[np.ndarray, str]]) -> None:
    """The lecture's pictures of this run, into `figures/`, and the first panel's samples into `samples/`."""
    run, data, model, held_out = trained.run, trained.data, trained.model, trained.held_out
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
        trained.training_by_time.numpy(),
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
        plots.save(plots.trajectories(states, plan(default(20), process, 20).numpy(), title, names), figures / "trajectories.png")
    plots.save(plots.samples_beside_data(rows, flat, names), figures / "samples.png")
    metrics = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    plots.save(plots.training(metrics), figures / "training.png")
    np.save(samples / "samples.npy", next(iter(panels.values()))[0], allow_pickle=False)


def describe(data: Data, fitting: Fitting) -> dict[str, Any]:
    """What `data.json` holds: shape, names, classes, statistics and encoder."""
    rows = data.values.reshape(len(data), -1).astype(np.float64)
    return {
        "source": data.source,
        "rows": len(data),
        "trained_on": len(fitting.training),
        "held_out": len(fitting.unseen),
        "shape": data.shape,
        "dtype": data.dtype,
        "bounds": data.bounds,
        "names": data.names,
        "classes": data.classes,
        "statistics": {name: getattr(rows, name)(0).tolist() for name in ("mean", "std", "min", "max")},
        "encoder": {
            "name": fitting.encoder.name,
            "shift": fitting.encoder.shift.flatten().tolist(),
            "scale": fitting.encoder.scale.flatten().tolist(),
        },
    }


def headline(data: Data, config: Config, fitting: Fitting) -> str:
    """What is about to happen, in a line."""
    weights = sum(w.numel() for w in fitting.state.weights)
    classes = f", {len(data.classes)} classes" if data.classes else ""
    diffusion = config.diffusion
    return (
        f"{data.source}: {len(data):,} rows of {'x'.join(map(str, data.shape))}{classes}. {diffusion.schedule} schedule "
        f"(alpha_bar ends at {fitting.problem.schedule.alpha_bar_end:.1e}), "
        f"{diffusion.target} target, {weights:,} weights, {fitting.recipe.steps:,} steps of {fitting.recipe.batch_size} on {fitting.device}."
    )


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
