"""The long parts of `unstir compare`: the trainings that are not done yet, with progress on stderr; the results; the tables."""

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from unstir.cli.parts.output import live, show
from unstir.cli.parts.progress import note
from unstir.cli.parts.signals import last_words
from unstir.comparison.layout import OFF, Comparison, Training
from unstir.comparison.reading import RADIUS, Yardstick, predicted_seconds, read_out
from unstir.comparison.tables import at_the_floor, label, numbers
from unstir.comparison.verdict import Column, as_json, conclude
from unstir.errors import StorageError, UnstirError
from unstir.runs.comparison import read_result, write_result, write_samples
from unstir.runs.folder import Run
from unstir.training.fitting import Fitting
from unstir.training.problems import asked_for, lines, problems_of_data, problems_of_settings
from unstir.words import duration, spelled

SHARE = 0.6  # of the time of a job is training, about: for the progress bar
ENOUGH = 4  # seeds: with fewer, the intervals of Student's t are so wide that next to nothing can be told apart

Jobs = Sequence[tuple[Training, int]]
"""Trainings with their seeds."""


def before(laid_out: Comparison, file: dict[str, Any], flags: dict[str, Any]) -> list[str]:
    """What to say of the data and of the settings before anything is trained; the settings are those of the first training."""
    data, config = laid_out.data, laid_out.trainings[0].config
    settings = [
        problem for problem in problems_of_settings(data, config, asked_for(file, flags)) if problem.name != "signal left"
    ]
    return lines(data.notes, settings, problems_of_data(data, config), f"unstir inspect {shlex.quote(data.source)}")


def headline(laid_out: Comparison, seeds: int, left: int, jobs: int) -> str:
    """What is compared, in a line."""
    names = list(dict.fromkeys(reading.alternative for reading in laid_out.readings))
    config = laid_out.trainings[0].config
    done = f", {jobs - left} of them done already" if left < jobs else ""
    return (
        f"{spelled(laid_out.data.source)}: {len(laid_out.data):,} rows. {laid_out.what}: {', '.join(names)}. {jobs} trainings "
        f"of {config.optim.steps:,} steps of {config.optim.batch_size}, {seeds} seeds each{done}. "
        f"Target {config.diffusion.target}, {config.diffusion.loss} loss, {config.diffusion.times} times, unless said otherwise."
    )


@contextmanager
def accounted(run: Run) -> Iterator[None]:
    """If anything but a good end ends the block, `run.json` says so, and a person is told how to go on."""

    def account(why: str, status: str = "stopped") -> str:
        run.note(status=status, why=why)
        return f"{why} {kept}"

    kept = f"What is done is kept in {run.path}: the same command with --out {run.path} goes on."
    run.note(status="running", why=None)
    try:
        with last_words(account):
            yield
    except BaseException as error:
        foreseen = isinstance(error, UnstirError | KeyboardInterrupt)
        with suppress(StorageError):  # a full or missing folder may be the very error
            account(str(error) or type(error).__name__, "stopped" if foreseen else "failed")
        note(kept)
        raise


def train_all(run: Run, laid_out: Comparison, yardstick: Yardstick, jobs: Jobs, quiet: bool) -> None:
    """Train each job and measure it; its result is on disk before the next begins. Samples are kept of the first seed."""
    fittings: dict[str, Fitting] = {}
    if jobs and not quiet:
        training = jobs[0][0]
        fittings[training.name] = Fitting(laid_out.data, training.config)
        note(f"predicted: {duration(predicted_seconds(training, fittings[training.name], yardstick) * len(jobs))}.")
    began = time.monotonic()
    with _bar(len(jobs), quiet) as show_at:
        for number, (training, seed) in enumerate(jobs, 1):
            about = f"{training.name}, seed {seed}"
            if training.name not in fittings:
                fittings[training.name] = Fitting(laid_out.data, training.config)
            fitting = fittings[training.name]
            fitting.restart(seed)
            started = time.monotonic()
            for step in fitting.steps():
                show_at(number - 1 + SHARE * step.number / fitting.recipe.steps, about)
            seconds = time.monotonic() - started
            scores, drawn = read_out(fitting, training, seed, yardstick)
            if seed == training.config.seed:
                write_samples(run, training, drawn)
            write_result(run, training, seed, seconds, scores)
            if not quiet:
                per = (time.monotonic() - began) / number
                shown = ", ".join(f"{one[laid_out.scores[0]]:.4f}" for one in scores[:4]) + (", ..." if len(scores) > 4 else "")
                rest = f", {duration(per * (len(jobs) - number))} left" if number < len(jobs) else ""
                note(f"{number}/{len(jobs)}  {about}: trained in {seconds:.1f} s; sliced W2 {shown}{rest}")


@contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """A progress bar, if stderr is a terminal. What is yielded moves it: a number of jobs done, and a text."""
    if quiet or not live():
        yield lambda done, text: None  # noqa: ARG005
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("left"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)
        yield lambda done, text: progress.update(task, completed=done, description=text)


def results_of(run: Run, laid_out: Comparison, yardstick: Yardstick, jobs: Jobs) -> tuple[list[Column], dict[str, Any]]:
    """What the results on disk say: the table by columns, and everything as one object, which is `results.json`."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for training, seed in jobs:
        for reading, scores in zip(training.readings, read_result(run, training, seed), strict=True):
            found.setdefault((reading.alternative, reading.column), []).append(scores)
    columns, pairs = conclude(laid_out.readings, found, yardstick.floors, laid_out.scores)
    results = {
        "out": str(run.path),
        "what": laid_out.what,
        "data": laid_out.data.source,
        "seeds": sorted({seed for _, seed in jobs}),
        "steps": laid_out.trainings[0].config.optim.steps,
        "scores": list(laid_out.scores),
        "remarks": list(laid_out.remarks),
        "floors": {str(rows): floors for rows, floors in yardstick.floors.items()},
        **as_json(columns, pairs),
    }
    return columns, results


def show_tables(laid_out: Comparison, columns: Sequence[Column]) -> None:
    """A table for each score on stdout, with its verdicts under it."""
    seeds, one = len(columns[0].cells[0].scores), laid_out.what.removesuffix("s")
    for score in laid_out.scores:
        own = [column for column in columns if column.score == score]
        title = f"{spelled(laid_out.data.source)}, {seeds} seeds: {label(score)}"
        table = Table("sampling", one, "mean", "95 % interval", "", "s", title=title, box=None)
        for column in own:
            for i, cell in enumerate(column.cells):
                name, texts = "" if i else column.name, numbers(score, cell.interval)
                table.add_row(name, cell.reading.alternative, *texts, cell.short, f"{cell.others['seconds']:.1f}")
            table.add_row("", "floor", *numbers(score, column.floor), "true rows", "", style="dim")
            table.add_section()
        show(table)
        print()
        for column in own:
            print(f"{column.name}: {column.verdict} {at_the_floor(column)}")
        print()
    if OFF in laid_out.scores:
        print(f"note: a sample is off the data if it is farther than {RADIUS:g} from each of 200,000 fresh points.")
    for remark in laid_out.remarks:
        print(f"note: {remark}")
