"""What `unstir compare` shows of its results: a table with intervals and the floor, verdicts in words, a CSV, and a figure."""

import csv
import io
import sys
from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from unstir import plots
from unstir.comparison.layout import OFF, Comparison
from unstir.comparison.reading import RADIUS
from unstir.comparison.verdict import Column
from unstir.data import Data, layout
from unstir.evaluation.scores import REPEATS, flat
from unstir.plots.comparison import Panel, Samples, comparison
from unstir.plots.mosaics import IMAGES, drawable
from unstir.runs.folder import Run
from unstir.words import listed, percent

FEW = 5  # alternatives: of more, the figure shows samples of one way of sampling only
SHOWN_OF_MANY = 1  # which is the second
LABELS = {OFF: "share off the data"}


def show(laid_out: Comparison, columns: Sequence[Column]) -> None:
    """Print a table for each score, and below it a verdict for each way of sampling."""
    seeds, one = len(columns[0].cells[0].scores), laid_out.what.removesuffix("s")
    console = Console(width=None if sys.stdout.isatty() else 120)
    for score in laid_out.scores:
        own = [column for column in columns if column.score == score]
        label = LABELS.get(score, score)
        table = Table(
            "sampling", one, "mean", "95 % interval", "", "s", title=f"{laid_out.data.source}, {seeds} seeds: {label}", box=None
        )
        for column in own:
            for i, cell in enumerate(column.cells):
                texts = numbers(score, cell.interval)
                table.add_row(
                    "" if i else column.name, cell.reading.alternative, *texts, cell.short, f"{cell.others['seconds']:.1f}"
                )
            table.add_row("", "floor", *numbers(score, column.floor), "true rows", "", style="dim")
            table.add_section()
        with console.capture() as captured:
            console.print(table)
        print(captured.get())
        for column in own:
            print(f"{column.name}: {column.verdict} {at_the_floor(column)}")
        print()
    if OFF in laid_out.scores:
        print(f"note: a sample is off the data if it is farther than {RADIUS:g} from each of 200,000 fresh points.")
    for remark in laid_out.remarks:
        print(f"note: {remark}")


def numbers(score: str, values: Sequence[float]) -> tuple[str, str]:
    """A mean and its interval (mean, low, high), or a mean and its deviation, as text. The share off the data is in per cent.

    >>> numbers(OFF, (0.01834, 0.0146, 0.9971)), numbers("sliced W2", (0.12, 0.01))
    (('1.83 %', '1.46 % to 99.7 %'), ('0.1200', '± 0.0100'))
    """
    mean, *rest = (percent(value, 3) if score == OFF else f"{value:.4f}" for value in values)
    return mean, " to ".join(rest) if len(rest) > 1 else f"± {rest[0]}"


def at_the_floor(column: Column) -> str:
    """Which alternatives are as near to the true rows as other true rows are, as a sentence."""
    names = column.at_floor
    if not names:
        return "None is at the floor."
    return f"At the floor: {listed(names)}." if len(names) < len(column.cells) else "All are at the floor."


def table_csv(columns: Sequence[Column]) -> str:
    """The table as CSV, a line for each cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    head = [
        "score",
        "sampling",
        "alternative",
        "method",
        "evaluations",
        "rows",
        "mean",
        "low",
        "high",
        "floor",
        "floor deviation",
    ]
    writer.writerow([*head, "seconds", "verdict"])
    for column in columns:
        for cell in column.cells:
            r = cell.reading
            row = [column.score, column.name, r.alternative, r.how.method, r.how.steps, r.rows, *cell.interval, *column.floor]
            writer.writerow([*row, cell.others["seconds"], cell.words])
    return text.getvalue()


def picture(run: Run, laid_out: Comparison, columns: Sequence[Column]) -> None:
    """`comparison.png` and `.pdf`: the scores, and the first seed's samples beside true rows."""
    data = laid_out.data
    seeds = len(columns[0].cells[0].scores)
    title = f"{laid_out.what.capitalize()} on {data.source}, {seeds} seeds: orange is worse than the best, beyond the noise"
    scores = [[_panel(column) for column in columns if column.score == score] for score in laid_out.scores]
    names = list(dict.fromkeys(column.name for column in columns))
    shown = names if len(columns[0].cells) <= FEW else names[SHOWN_OF_MANY : SHOWN_OF_MANY + 1]
    drawn = _first_seed(run, laid_out)
    ways = [_samples([column for column in columns if column.name == name], drawn, data) for name in shown]
    lies = layout(data.shape)
    if lies is None:
        figure = comparison(title, scores, flat(data), ways)
    else:
        few = np.random.default_rng(0).permutation(len(data))[:IMAGES]
        figure = comparison(title, scores, drawable(data.rows[few], lies), ways, lies.kind, data.bounds or data.rows.ends())
    plots.save(figure, run.path / "comparison.png")


def _panel(column: Column) -> Panel:
    return Panel(
        column.name,
        LABELS.get(column.score, column.score),
        [cell.reading.alternative for cell in column.cells],
        [cell.scores for cell in column.cells],
        [cell.interval for cell in column.cells],
        [cell.worse for cell in column.cells],
        (column.floor[0], column.floor[1] / REPEATS**0.5),
    )


def _first_seed(run: Run, laid_out: Comparison) -> dict[tuple[str, str], np.ndarray]:
    """The samples (n, d) of the first seed by alternative and way of sampling."""
    drawn = {}
    for training in laid_out.trainings:
        with np.load(run.path / "samples" / f"{training.name}.npz", allow_pickle=False) as file:
            drawn |= {(r.alternative, r.column): file[str(i)] for i, r in enumerate(training.readings)}
    return drawn


def _samples(own: Sequence[Column], drawn: Mapping[tuple[str, str], np.ndarray], data: Data) -> Samples:
    """What the figure shows of one way of sampling. `own` are its columns, one for each score."""
    lies, panels = layout(data.shape), []
    for cells in zip(*(column.cells for column in own), strict=True):
        alternative = cells[0].reading.alternative
        rows = drawn[alternative, own[0].name].astype(np.float64)
        if lies is not None:
            rows = drawable(rows[:IMAGES].reshape(-1, *data.shape), lies)
        text = ", ".join(numbers(cell.score, (cell.scores[0], 0))[0] + (" off" if cell.score == OFF else "") for cell in cells)
        panels.append((alternative, rows, text, any(cell.worse for cell in cells)))
    lines = [f"{LABELS.get(column.score, column.score)}: {column.summary}" for column in own]
    return Samples("\n".join([own[0].name, *lines]), panels)
