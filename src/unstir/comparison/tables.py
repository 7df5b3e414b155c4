"""The numbers of a comparison as they are written: in tables, under pictures, and as CSV."""

import csv
import io
from collections.abc import Sequence

from unstir.comparison.layout import OFF
from unstir.comparison.verdict import Column
from unstir.words import listed, percent

WIDE = 1e3  # from end to end an interval of so many times says nothing
LABELS = {OFF: "share off the data"}  # of scores whose names are not for people


def label(score: str) -> str:
    """What a score is called in tables and pictures.

    >>> label("off"), label("sliced W2, standardised")
    ('share off the data', 'sliced W2, standardised')
    """
    return LABELS.get(score, score)


def numbers(score: str, values: Sequence[float]) -> tuple[str, str]:
    """A mean and its interval (mean, low, high), or a mean and its deviation, as text. The share off the data is in per cent.

    >>> numbers("sliced W2, standardised", (0.1, 0.05, 0.15)), numbers("off", (0.1, 0.02))
    (('0.1000', '0.0500 to 0.1500'), ('10.0 %', '± 2.00 %'))
    >>> numbers("off", (0.1, 2e-8, 1.0))
    ('10.0 %', 'too few seeds to say')
    """
    mean, *rest = (percent(value, 3) if score == OFF else f"{value:.4f}" for value in values)
    if len(values) == 3 and values[2] > WIDE * values[1]:
        return mean, "too few seeds to say"
    return mean, " to ".join(rest) if len(rest) > 1 else f"± {rest[0]}"


def at_the_floor(column: Column) -> str:
    """Which alternatives are as near to the true rows as other true rows are, as a sentence."""
    names = column.at_floor
    if not names:
        return "None is at the floor."
    return f"At the floor: {listed(names)}." if len(names) < len(column.cells) else "All are at the floor."


HEAD = ("score", "sampling", "alternative", "method", "evaluations", "rows", "mean", "low", "high", "floor", "floor deviation")


def table_csv(columns: Sequence[Column]) -> str:
    """The table as CSV, a line for each cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*HEAD, "seconds", "verdict"])
    for column in columns:
        for cell in column.cells:
            r = cell.reading
            row = [column.score, column.name, r.alternative, r.how.method, r.how.steps, r.rows, *cell.interval, *column.floor]
            writer.writerow([*row, cell.others["seconds"], cell.words])
    return text.getvalue()
