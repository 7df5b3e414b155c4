"""Problems: what in the data will make training hard or useless, where it is, and what to do about it.

Each problem has a name for programs. From the worst to those that may not matter:

    axes?                                          rows whose shape may mean something else
    missing, infinite                              values that are gaps
    labels missing, groups missing                 rows without a class, or without a group
    huge, far from zero                            numbers that lose digits as floats
    outliers                                       one value that decides the scale of all
    counter                                        a column that only numbers the rows
    many classes, one class, negative class        classes that are none
    missing class, classes alike                   a class that stands for no class, two that are one
    small classes                                  classes that cannot be learnt
    empty, values alike, mostly missing, many values, rare values      columns of tables (`tables/problems.py`)
    repeated                                       copies of rows
    one hot, alike, determined, dependent          columns that can be computed from others (`relations.py`)
    few                                            few rows for so many numbers a row
    constant                                       columns that never vary: there is nothing to learn
    a class?, curves?                              a column of numbers that may be classes, columns that may be a curve

Those of classes are found in `class_problems.py`, and `surveys.py` puts all together.

    >>> from unstir.data import from_arrays
    >>> from unstir.data.columns import columns_of
    >>> data = from_arrays([[1.0, 5.0], [2.0, 5.0], [np.nan, 5.0]], names=("a", "b"), missing="keep")
    >>> print(next(value_problems(data, columns_of(data), 1)).text)
    1 missing value: column 'a' has 1 (first: row 2). Remove those rows, or pass --data.missing drop.
"""

import math
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from unstir.data.columns import Column, Whole, looked_at
from unstir.data.dataset import Data
from unstir.data.neighbours import curve, doubt
from unstir.data.tables.kinds import IDS, NAMELESS
from unstir.words import counted

LEVELS = 256  # a column with more different values than this has no levels
OUTLIER = 30.0  # z of a column
OUT = 10.0  # times the range of nearly all values
HUGE = 1e12  # a value of this size is in the wrong unit
FAR = {4: 1e4, 8: 1e9}  # by bytes a number: a mean of so many deviations leaves 3 digits, or 7, for what varies
FEW_ROWS = 50
SOME = 10  # rows, from which a column can be said to number them
COLLISIONS = (
    10.0  # pairs of equal values that chance would make among whole numbers of this range: a column without one numbers rows
)
NAMED = 10  # columns or classes that a sentence names, at most
WORST_FIRST = (
    *("untrained", "axes?", "missing", "infinite", "labels missing", "groups missing", "huge", "far from zero", "outliers"),
    *("counter", "many classes", "one class", "negative class", "missing class", "classes alike", "small classes"),
    *(
        "empty",
        "values alike",
        "mostly missing",
        "many values",
        "rare values",
        "not held out",
        "repeated",
        "one hot",
        "alike",
        "determined",
        "dependent",
        "few",
        "constant",
        "a class?",
        "curves?",
    ),
)


class Problem(NamedTuple):
    """Something in the data that a person should know: a name for scripts, the columns it is about, and a sentence or two."""

    name: str
    columns: tuple[int, ...]
    text: str


def worst_first(problems: Iterable[Problem]) -> list[Problem]:
    """Problems by how much they matter, the worst first: in the order of `WORST_FIRST`, after those that are not in it.

    >>> [problem.name for problem in worst_first(Problem(name, (), "") for name in ("few", "counter", "another"))]
    ['another', 'counter', 'few']
    """
    rank = {name: place for place, name in enumerate(WORST_FIRST)}
    return sorted(problems, key=lambda problem: rank.get(problem.name, -1))


def value_problems(data: Data, columns: list[Column], step: int, whole: Whole | None = None) -> Iterator[Problem]:
    """Problems of the values, from the `columns` and every step-th row; for images and sequences also from all values, `whole`."""
    rows = looked_at(data, step)
    yield from _axes(data)
    yield from gaps(columns)
    yield from _constant_places(data, columns) if whole else constant(columns)
    yield from _sizes([whole] if whole else columns, data.rows.dtype.itemsize)
    yield from _far_out(data, whole) if whole else _outliers(columns)
    if data.layout is None and len(data.shape) == 1:
        yield from counters(data, rows, columns)
    yield from repeated(rows, columns)
    if data.names and not data.classes:
        yield from _class_candidates(data, columns)


def _axes(data: Data) -> Iterator[Problem]:
    for name, text in (("axes?", doubt(data)), ("curves?", curve(data))):
        if text:
            yield Problem(name, (), text)


def gaps(columns: list[Column]) -> Iterator[Problem]:
    """Columns with values that are missing or infinite."""
    for word in ("missing", "infinite"):
        held = {j: gap for j, column in enumerate(columns) if (gap := getattr(column, word)).count}
        if held:
            each = (f"{columns[j].place} has {gap.count:,} (first: row {gap.first})" for j, gap in held.items())
            total = counted(sum(gap.count for gap in held.values()), f"{word} value")
            yield Problem(word, tuple(held), f"{total}: {first_of(each)}. Remove those rows, or pass --data.missing drop.")


def constant(columns: list[Column]) -> Iterator[Problem]:
    """Columns that never vary."""
    found = tuple(j for j, column in enumerate(columns) if column.distinct == 1)
    if found:
        each = (f"{columns[j].place} is always {columns[j].low:g}" for j in found)
        yield Problem("constant", found, f"{first_of(each)}. There is nothing to learn: samples repeat the value exactly.")


def _constant_places(data: Data, columns: list[Column]) -> Iterator[Problem]:
    found = tuple(j for j, column in enumerate(columns) if column.distinct == 1)
    if found:
        first = columns[found[0]]
        looked = "places" if len(columns) == math.prod(data.shape) else "places looked at"
        text = f"{len(found):,} of {len(columns):,} {looked} never vary, the first is {first.place}, always {first.low:g}."
        yield Problem("constant", found, f"{text} There is nothing to learn: samples repeat the values exactly.")


def _sizes(columns: Sequence[Column | Whole], itemsize: int) -> Iterator[Problem]:
    for j, column in enumerate(columns):
        about = (j,) if isinstance(column, Column) else ()
        size = max(abs(column.low), abs(column.high))
        if size > HUGE:
            yield Problem("huge", about, f"{column.place} holds values up to {size:.3g}. Use a larger unit, or the logarithm.")
        if column.deviation > 0 and abs(column.mean) > FAR[itemsize] * column.deviation:
            text = f"{column.place} varies by {column.deviation:.2g} around {column.mean:.6g}, near the last digit of a "
            yield Problem("far from zero", about, f"{text}float{8 * itemsize}. Subtract the offset.")


def _outliers(columns: list[Column]) -> Iterator[Problem]:
    for j, column in enumerate(columns):
        if column.farthest > OUTLIER and column.distinct > NAMED:
            far = f"{column.farthest:,.0f}" if column.farthest < HUGE else f"{column.farthest:.1e}"
            text = f"{column.place} has a value {far} deviations of its middle half from the median (row {column.at})."
            yield Problem("outliers", (j,), f"{text} Correct it, or train on the logarithm if all of it is real.")


def _far_out(data: Data, whole: Whole) -> Iterator[Problem]:
    """A value far outside the range of nearly all others; a bounded type cannot hold one."""
    low, high = whole.inner
    if data.bounds is None and max(whole.high - high, low - whole.low) > OUT * (high - low) > 0:
        text = f"all but one value in a thousand lie between {low:.3g} and {high:.3g}, but row {whole.at} holds one of "
        far = max(whole.low, whole.high, key=abs)
        yield Problem("outliers", (), f"{text}{far:.3g}. Correct it, or leave its row out.")


def counters(data: Data, rows: np.ndarray, columns: list[Column]) -> Iterator[Problem]:
    """Columns that only number the rows.

    Of n whole numbers at random between low and high, n (n - 1) / 2 / (high - low + 1) pairs are equal, about: where that is many and
    there is none, the numbers were given so that no two rows have the same.
    """
    for j, column in enumerate(columns):
        name = data.names[j].lower() if data.names else ""
        nameless = name.startswith(NAMELESS)
        if len(rows) < SOME or (column.distinct < len(rows) and not nameless):
            continue
        steps = np.diff(rows[:, j])
        named = nameless or name in IDS or name.endswith(("_id", " id"))
        numbered = column.whole and len(rows) * (len(rows) - 1) / 2 > COLLISIONS * (column.high - column.low + 1)
        if (steps > 0).all() or (steps < 0).all():
            word = "changes by the same step" if np.ptp(steps) == 0 else "grows" if steps[0] > 0 else "falls"
            yield Problem("counter", (j,), f"{column.place} {word} from row to row: a counter or a time? Leave it out if it is.")
        elif column.distinct < len(rows):
            yield Problem("counter", (j,), f"{column.place} had no name: an index, or the names of rows? Leave it out if it is.")
        elif numbered or named:
            yield Problem("counter", (j,), f"{column.place} is different in every row: an id? Leave it out if it is.")


def repeated(rows: np.ndarray, columns: list[Column]) -> Iterator[Problem]:
    """Rows (n, D) that repeat earlier ones, where chance would not make them."""
    possible = sum(math.log(max(column.distinct, 1)) for column in columns)
    if max(column.distinct for column in columns) <= LEVELS and possible < 2 * math.log(len(rows)):
        return  # so few different rows are possible that some must be equal
    plain = np.ascontiguousarray(rows + 0)  # -0 becomes 0
    bits = plain.view(np.dtype((np.void, plain.shape[1] * plain.itemsize))).ravel()
    count = len(bits) - len(np.unique(bits))
    if count:
        text = f"{count:,} of {counted(len(bits), 'row')} {'repeats' if count == 1 else 'repeat'} an earlier one. "
        yield Problem("repeated", (), f"{text}If these are copies, remove them: what is held out would not be unseen.")


def few(whole: int, varying: int) -> Iterator[Problem]:
    """Few `whole` rows, which have no gap, for so many numbers a row that vary."""
    if whole < max(FEW_ROWS, 10 * varying):
        text = f"{counted(whole, 'whole row')} for {counted(varying, 'number')} that vary: the model may repeat rows that it has seen."
        yield Problem("few", (), f"{text} Compare samples with the training rows.")


def _class_candidates(data: Data, columns: list[Column]) -> Iterator[Problem]:
    found = [j for j, c in enumerate(columns) if c.whole and 2 <= c.distinct <= 20 and 20 * c.distinct <= len(data)]
    if len(found) == 1:
        text = f"{columns[found[0]].place} has {columns[found[0]].distinct} values, all whole. "
        flag = f"--data.labels {shlex.quote(data.names[found[0]])}"
        yield Problem("a class?", tuple(found), f"{text}If it is a class, pass {flag}.")


def first_of(parts: Iterable[str]) -> str:
    """The first 10 of the parts, and the number of the others."""
    parts = list(parts)
    more = f", and {len(parts) - NAMED:,} more" if len(parts) > NAMED else ""
    return ", ".join(parts[:NAMED]) + more
