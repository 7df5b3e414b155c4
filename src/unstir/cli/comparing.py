"""`unstir compare`: which is better on this data, and is it more than noise?

runs/compare-schedules-swiss_roll-7f3a/
  comparison.json   what is compared: it decides whether a stopped one can be gone on with
  linear.toml ...   the settings of each training, for `unstir train --config`
  run.json          results/linear-seed0.json ...    each written when it is done    samples/linear.npz ...   of the first seed
  results.json      table.csv    comparison.png    comparison.pdf    report.html    report.json
"""

import io
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from unstir.cli.compared import picture, show, table_csv
from unstir.cli.parts.flags import ProgressOutput
from unstir.cli.parts.output import typed_command
from unstir.cli.parts.progress import note
from unstir.comparison.layout import Comparison, Training, set_up
from unstir.comparison.reading import Yardstick, begin, draw
from unstir.comparison.verdict import as_json, conclude
from unstir.errors import StorageError, UnstirError, UsageError
from unstir.files import json_bytes, write_file
from unstir.report.keeping import PAGE, write_run_report
from unstir.runs.about import about_this_run
from unstir.runs.folder import Run
from unstir.training.config import read_config, resolve, write_config
from unstir.training.cost import rehearse
from unstir.training.fitting import Fitting
from unstir.training.presets import load_data
from unstir.words import duration

IDENTITY = "comparison.json"
ENOUGH = 4  # seeds: Student's t with one or two degrees of freedom is sure of nothing
FIXED = {"schedules": "schedule", "targets": "target"}  # the setting that is what differs
SHARE = 0.6  # of a job that is training, for the bar
REHEARSED = 21  # evaluations of each sampler, to predict what all of them cost
Found = dict[tuple[str, str], list[dict[str, float]]]


def compare(
    what: str,
    source: str,
    out: Path | None,
    config: Path | None,
    flags: dict[str, Any],
    only: str | None,
    seeds: int,
    rows: int,
    manner: ProgressOutput,
) -> None:
    """Lay out, train what is not trained yet, read, conclude, draw."""
    differs = FIXED.get(what)
    if differs and differs in flags.get("diffusion", {}):
        raise UsageError(f"--{differs} is what is compared here. Name those you want: --only a,b,c.")
    if seeds < 2:
        raise UsageError(f"--seeds {seeds}: one seed has no spread to compare with. Use at least 2; 5 is usual.")
    layers = [{} if config is None else read_config(config), flags, {"data": {"source": source}}]
    names = [name.strip() for name in only.split(",")] if only else []
    laid_out = set_up(what, load_data(resolve(*layers)), layers, names, rows)
    with _folder(laid_out, source, out) as run:
        try:
            _go(run, laid_out, seeds, manner)
        except (UnstirError, KeyboardInterrupt) as error:
            with suppress(StorageError):  # the folder may be what failed
                run.note(status="stopped", why=str(error) or type(error).__name__)
            note(f"{run.path} keeps what is done: the same command with --out {run.path} goes on.")
            raise


def _folder(laid_out: Comparison, source: str, out: Path | None) -> Run:
    """A new folder, or the one of the same comparison that was stopped: the only one that is not refused."""
    document, configs = laid_out.as_json(), {f"{t.name}.toml": write_config(t.config) for t in laid_out.trainings}
    if out is not None and (out / IDENTITY).exists():
        try:
            there = json.loads((out / IDENTITY).read_text())
        except (OSError, ValueError) as error:
            raise StorageError(f"{out / IDENTITY} cannot be read: {error}. Choose another --out.") from None
        if there != json.loads(json_bytes(document)):
            raise StorageError(f"{out} holds another comparison: {_first_difference(there, document)}. Choose another --out.")
        return Run.open(out)
    base = laid_out.trainings[0].config
    about = about_this_run(typed_command(), base, laid_out.data, base.device)
    name = f"compare-{laid_out.what}-{Path(source).stem}"
    return Run.create(out, name, {"run.json": about, IDENTITY: document, **configs})


def _first_difference(there: Any, here: Any, where: str = "") -> str:
    """Where two documents part, in words."""
    here = json.loads(json.dumps(here))
    if isinstance(there, dict) and isinstance(here, dict) and there.keys() == here.keys():
        return next(
            _first_difference(there[key], here[key], f"{where}.{key}".strip(".")) for key in here if there[key] != here[key]
        )
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        return next(_first_difference(a, b, where) for a, b in zip(there, here, strict=True) if a != b)
    short = (json.dumps(value)[:60] for value in (there, here))
    return "{} is {} there and {} here".format(where or "it", *short)


def _go(run: Run, laid_out: Comparison, seeds: int, manner: ProgressOutput) -> None:
    jobs = [(training, seed) for seed in _seeds(laid_out, seeds) for training in laid_out.trainings]
    left = [(training, seed) for training, seed in jobs if not (run.path / "results" / _result(training, seed)).exists()]
    yardstick = Yardstick(laid_out)
    for remark in laid_out.remarks:
        note(f"note: {remark}")
    if seeds < ENOUGH and not manner.quiet:
        note(f"note: {seeds} seeds tell next to nothing apart, however far the means; {ENOUGH} or more do.")
    if not manner.quiet:
        note(_headline(laid_out, seeds, len(left), len(jobs)))
    _train(run, laid_out, yardstick, left, seeds, manner)
    found: Found = {}
    for training, seed in jobs:
        for reading, scores in zip(training.readings, _read(run.path / "results" / _result(training, seed)), strict=True):
            found.setdefault((reading.alternative, reading.column), []).append(scores)
    columns, pairs = conclude(laid_out.readings, found, yardstick.floors, laid_out.scores)
    results = {
        "out": str(run.path),
        "what": laid_out.what,
        "data": laid_out.data.source,
        "seeds": _seeds(laid_out, seeds),
        "steps": laid_out.trainings[0].config.optim.steps,
        "scores": list(laid_out.scores),
        "remarks": list(laid_out.remarks),
        "floors": {str(n): floors for n, floors in yardstick.floors.items()},
        **as_json(columns, pairs),
    }
    run.write("results.json", results)
    run.write("table.csv", table_csv(columns))
    picture(run, laid_out, columns)
    run.note(status="finished")
    write_run_report(run.path)
    if manner.json:
        print(json.dumps(results))
        return
    show(laid_out, columns)
    print(run.path)
    note(f"page: {run.path / PAGE}    picture: {run.path / 'comparison.png'}    every number: {run.path / 'results.json'}")
    if any(len(column.lowest) > 1 for column in columns):
        note(f"next: more seeds tell more apart; --seeds {2 * seeds} --out {run.path} adds to these, --only compares fewer.")


def _seeds(laid_out: Comparison, seeds: int) -> list[int]:
    first = laid_out.trainings[0].config.seed
    return list(range(first, first + seeds))


def _headline(laid_out: Comparison, seeds: int, left: int, jobs: int) -> str:
    names = list(dict.fromkeys(reading.alternative for reading in laid_out.readings))
    config = laid_out.trainings[0].config
    done = f", {jobs - left} of them done already" if left < jobs else ""
    return (
        f"{laid_out.data.source}: {len(laid_out.data):,} rows. {laid_out.what}: {', '.join(names)}. {jobs} trainings "
        f"of {config.optim.steps:,} steps of {config.optim.batch_size}, {seeds} seeds each{done}. "
        f"Target {config.diffusion.target}, {config.diffusion.loss} loss, {config.diffusion.times} times, unless said otherwise."
    )


def _train(
    run: Run, laid_out: Comparison, yardstick: Yardstick, left: Sequence[tuple[Training, int]], seeds: int, manner: ProgressOutput
) -> None:
    """Every training that is left, its readings written at once."""
    fittings: dict[str, Fitting] = {}
    results, samples = run.folder("results"), run.folder("samples")
    if left and not manner.quiet:
        training = left[0][0]
        fittings[training.name] = Fitting(laid_out.data, training.config)
        note(f"predicted: {duration(_predict(training, fittings[training.name], yardstick) * len(left))}.")
    began = time.monotonic()
    with _live(len(left), manner.quiet) as show_at:
        for number, (training, seed) in enumerate(left, 1):
            about = f"{training.name}, seed {seed}"
            if training.name not in fittings:
                fittings[training.name] = Fitting(laid_out.data, training.config)
            fitting = begin(fittings[training.name], seed)
            started = time.monotonic()
            for step in fitting.steps():
                show_at(number - 1 + SHARE * step.number / fitting.recipe.steps, about)
            seconds = time.monotonic() - started
            scores, clouds = _read_out(fitting, training, seed, yardstick)
            if seed == _seeds(laid_out, seeds)[0]:
                write_file(samples / f"{training.name}.npz", clouds)
            write_file(results / _result(training, seed), json_bytes({"seconds": seconds, "scores": scores}))
            if not manner.quiet:
                per = (time.monotonic() - began) / number
                shown = ", ".join(f"{one[laid_out.scores[0]]:.4f}" for one in scores[:4]) + (", ..." if len(scores) > 4 else "")
                rest = f", {duration(per * (len(left) - number))} left" if number < len(left) else ""
                note(f"{number}/{len(left)}  {about}: trained in {seconds:.1f} s; sliced W2 {shown}{rest}")


@contextmanager
def _live(total: int, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """A bar on a terminal, moved by what is yielded; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, text: None  # noqa: ARG005
        return
    columns = TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("left"), TimeRemainingColumn(compact=True)
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)
        yield lambda done, text: progress.update(task, completed=done, description=text)


def _read_out(fitting: Fitting, training: Training, seed: int, yardstick: Yardstick) -> tuple[list[dict[str, float]], bytes]:
    """The scores of every reading of a trained fitting, and its samples as the bytes of an .npz file."""
    model, scores, clouds = fitting.model(), [], {}
    for i, reading in enumerate(training.readings):
        started = time.monotonic()
        rows = draw(model, reading, seed)
        seconds = time.monotonic() - started
        scores.append(yardstick.scores(rows) | {"seconds": seconds})
        clouds[str(i)] = rows.astype(np.float32)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **clouds)
    return scores, buffer.getvalue()


def _predict(training: Training, fitting: Fitting, yardstick: Yardstick) -> float:
    """Seconds that one training with its readings will take, from a few steps and a few evaluations of each sampler."""
    total = training.config.optim.steps * rehearse(fitting).step
    started = time.monotonic()
    model = fitting.model()
    total += time.monotonic() - started
    draw(model, training.readings[0], 0)  # the first pays for what is done once
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


def _result(training: Training, seed: int) -> str:
    return f"{training.name}-seed{seed}.json"


def _read(path: Path) -> list[dict[str, float]]:
    try:
        return json.loads(path.read_text())["scores"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StorageError(f"{path} cannot be read ({type(error).__name__}). Delete it to have it made again.") from None
