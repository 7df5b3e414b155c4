"""The picture of a comparison: the scores of every seed, and the first seed's samples beside true rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unstir import plots
from unstir.comparison.layout import OFF, Comparison
from unstir.comparison.tables import label, numbers
from unstir.comparison.verdict import Column
from unstir.data import Data
from unstir.data.levels import span_of
from unstir.evaluation.scores import REPEATS, flat
from unstir.plots.comparison import Panel, Samples, comparison
from unstir.plots.mosaics import IMAGES, drawable
from unstir.words import spelled

FEW = 5  # alternatives: of more, the figure shows samples of one way of sampling only
SHOWN_OF_MANY = 1  # which is the second


def picture(folder: Path, laid_out: Comparison, columns: Sequence[Column]) -> None:
    """Write `comparison.png` and `.pdf` into a comparison's folder, whose `samples/` are those of the first seed."""
    data = laid_out.data
    seeds = len(columns[0].cells[0].scores)
    title = (
        f"{laid_out.what.capitalize()} on {spelled(data.source)}, {seeds} seeds: "
        "hollow dots (○) are worse than the best, beyond the noise"
    )
    scores = [[_panel(column) for column in columns if column.score == score] for score in laid_out.scores]
    names = list(dict.fromkeys(column.name for column in columns))
    shown = names if len(columns[0].cells) <= FEW else names[SHOWN_OF_MANY : SHOWN_OF_MANY + 1]
    drawn = _first_seed(folder, laid_out)
    ways = [_samples([column for column in columns if column.name == name], drawn, data) for name in shown]
    lies = data.layout
    if lies is None:
        figure = comparison(title, scores, flat(data), ways)
    else:
        few = np.random.default_rng(0).permutation(len(data))[:IMAGES]
        figure = comparison(title, scores, drawable(data.rows[few], lies), ways, lies.kind, span_of(data))
    plots.save(figure, folder / "comparison.png")


def _panel(column: Column) -> Panel:
    return Panel(
        column.name,
        label(column.score),
        [cell.reading.alternative for cell in column.cells],
        [cell.scores for cell in column.cells],
        [cell.interval for cell in column.cells],
        [cell.worse for cell in column.cells],
        (column.floor[0], column.floor[1] / REPEATS**0.5),
    )


def _first_seed(folder: Path, laid_out: Comparison) -> dict[tuple[str, str], np.ndarray]:
    """The samples (n, d) of the first seed by alternative and way of sampling."""
    drawn = {}
    for training in laid_out.trainings:
        with np.load(folder / "samples" / f"{training.name}.npz", allow_pickle=False) as file:
            drawn |= {(r.alternative, r.column): file[str(i)] for i, r in enumerate(training.readings)}
    return drawn


def _samples(own: Sequence[Column], drawn: Mapping[tuple[str, str], np.ndarray], data: Data) -> Samples:
    """What the figure shows of one way of sampling. `own` are its columns, one for each score."""
    lies, panels = data.layout, []
    for cells in zip(*(column.cells for column in own), strict=True):
        alternative = cells[0].reading.alternative
        rows = drawn[alternative, own[0].name].astype(np.float64)
        if lies is not None:
            rows = drawable(rows[:IMAGES].reshape(-1, *data.shape), lies)
        text = ", ".join(numbers(cell.score, (cell.scores[0], 0))[0] + (" off" if cell.score == OFF else "") for cell in cells)
        panels.append((alternative, rows, text, any(cell.worse for cell in cells)))
    lines = [f"{label(column.score)}: {column.summary}" for column in own]
    return Samples("\n".join([own[0].name, *lines]), panels)
