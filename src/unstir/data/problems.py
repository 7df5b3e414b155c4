"""Problems: what in the data will make training hard or useless, where it is, and what to do about it.

Each problem has a name for programs:

    missing, infinite                              values that are gaps
    labels missing, groups missing                 rows without a class, or without a group
    constant                                       columns that never vary: there is nothing to learn
    huge, far from zero                            numbers that lose digits as floats
    outliers                                       one value that decides the scale of all
    counter                                        a column that only numbers the rows
    repeated                                       copies of rows
    alike, dependent                               columns that can be computed from others
    few                                            few rows for so many numbers a row
    one class, many classes, small classes         classes that cannot be learnt
    a class?                                       a column of numbers that may be classes
    axes?, curves?                                 rows whose shape may mean something else, columns that may be a curve

    >>> from unstir.data import from_arrays
    >>> from unstir.data.columns import columns_of
    >>> data = from_arrays([[1.0, 5.0], [2.0, 5.0], [np.nan, 5.0]], names=("a", "b"), missing="keep")
    >>> print(problems_of(data, columns_of(data), 1)[0].text)
    1 missing value: column 'a' has 1 (first: row 2). Remove those rows, or pass --data.missing drop.
"""

import math
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from unstir.data.columns import Column, Whole, looked_at
from unstir.data.dataset import Data
from unstir.data.labels import NO_CLASS
from unstir.data.neighbours import curve, doubt
from unstir.words import counted, short

LEVELS = 256  # a column with more different values than this has no levels
OUTLIER = 30.0  # z of a column
OUT = 10.0  # times the range of nearly all values
HUGE = 1e12  # a value of this size is in the wrong unit
FAR = {4: 1e4, 8: 1e9}  # by bytes a number: a mean of so many deviations leaves 3 digits, or 7, for what varies
ALIKE = 0.999  # a correlation beyond it
FLAT = 1e-6  # a variance of the standardised columns below it: they lie in fewer dimensions, to one part in a thousand
WIDE, TALL = 512, 20_000  # correlations are computed for so many columns and rows, at most
FEW_ROWS, FEW_OF_A_CLASS, MANY_CLASSES = 50, 10, 0.5
NAMED = 10  # columns or classes that a sentence names, at most
IDS = ("id", "index", "idx", "key", "uuid", "guid", "rownum", "row_number")


class Problem(NamedTuple):
    """Something in the data that a person should know: a name for scripts, the columns it is about, and a sentence or two."""

    name: str
    columns: tuple[int, ...]
    text: str


def problems_of(data: Data, columns: list[Column], step: int, whole: Whole | None = None) -> list[Problem]:
    """All problems of `data`, from its `columns` and every step-th row; for images and sequences also from all values, `whole`."""
    rows, intact = looked_at(data, step), np.flatnonzero(data.intact())
    tabular = data.layout is None and len(data.shape) == 1
    return [
        *_axes(data),
        *_gaps(columns),
        *_label_gaps(data),
        *(_constant_places if whole else _constant)(columns),
        *_sizes([whole] if whole else columns, data.rows.dtype.itemsize),
        *(_far_out(data, whole) if whole else _outliers(columns)),
        *(_counters(data, rows, columns) if tabular else ()),
        *_repeated(rows, columns),
        *(_dependent(data.rows[intact[:: -(-len(intact) // TALL) or 1]], columns) if tabular else ()),
        *_few(len(intact), columns),
        *_classes(data),
        *(_class_candidates(data, columns) if data.names and not data.classes else ()),
    ]


def _axes(data: Data) -> Iterator[Problem]:
    for name, text in (("axes?", doubt(data)), ("curves?", curve(data))):
        if text:
            yield Problem(name, (), text)


def _gaps(columns: list[Column]) -> Iterator[Problem]:
    for word in ("missing", "infinite"):
        held = {j: gap for j, column in enumerate(columns) if (gap := getattr(column, word)).count}
        if held:
            each = (f"{columns[j].place} has {gap.count:,} (first: row {gap.first})" for j, gap in held.items())
            total = counted(sum(gap.count for gap in held.values()), f"{word} value")
            yield Problem(word, tuple(held), f"{total}: {_first_of(each)}. Remove those rows, or pass --data.missing drop.")


def _label_gaps(data: Data) -> Iterator[Problem]:
    for name, noun, ids in (("labels missing", "class", data.labels), ("groups missing", "group", data.groups)):
        if ids is not None and (ids == NO_CLASS).any():
            count, first = int((ids == NO_CLASS).sum()), int((ids == NO_CLASS).argmax())
            text = (
                f"{counted(count, 'row')} without a {noun} (first: row {first}). Remove those rows, or pass --data.missing drop."
            )
            yield Problem(name, (), text)


def _constant(columns: list[Column]) -> Iterator[Problem]:
    found = tuple(j for j, column in enumerate(columns) if column.distinct == 1)
    if found:
        each = (f"{columns[j].place} is always {columns[j].low:g}" for j in found)
        yield Problem("constant", found, f"{_first_of(each)}. There is nothing to learn: samples repeat the value exactly.")


def _constant_places(columns: list[Column]) -> Iterator[Problem]:
    found = tuple(j for j, column in enumerate(columns) if column.distinct == 1)
    if found:
        first = columns[found[0]]
        text = f"{len(found):,} of {len(columns):,} places never vary, the first is {first.place}, always {first.low:g}."
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


def _counters(data: Data, rows: np.ndarray, columns: list[Column]) -> Iterator[Problem]:
    """Columns that only number the rows."""
    for j, column in enumerate(columns):
        if column.distinct < len(rows) or len(rows) < NAMED:
            continue
        steps = np.diff(rows[:, j])
        permutation = column.whole and column.high - column.low == len(data) - 1
        named = bool(data.names) and (data.names[j].lower() in IDS or data.names[j].lower().endswith("_id"))
        if (steps > 0).all() or (steps < 0).all():
            word = "changes by the same step" if np.ptp(steps) == 0 else "grows" if steps[0] > 0 else "falls"
            yield Problem("counter", (j,), f"{column.place} {word} from row to row: a counter or a time? Leave it out if it is.")
        elif permutation or named:
            yield Problem("counter", (j,), f"{column.place} is different in every row: an id? Leave it out if it is.")


def _repeated(rows: np.ndarray, columns: list[Column]) -> Iterator[Problem]:
    possible = sum(math.log(max(column.distinct, 1)) for column in columns)
    if max(column.distinct for column in columns) <= LEVELS and possible < 2 * math.log(len(rows)):
        return  # so few different rows are possible that some must be equal
    plain = np.ascontiguousarray(rows + 0)  # -0 becomes 0
    bits = plain.view(np.dtype((np.void, plain.shape[1] * plain.itemsize))).ravel()
    count = len(bits) - len(np.unique(bits))
    if count:
        text = f"{count:,} of {counted(len(bits), 'row')} {'repeats' if count == 1 else 'repeat'} an earlier one. "
        yield Problem("repeated", (), f"{text}If these are copies, remove them: what is held out would not be unseen.")


def _dependent(rows: np.ndarray, columns: list[Column]) -> Iterator[Problem]:
    """Columns that can be computed from others, by the correlations of (n, D) rows without gaps."""
    varying = [j for j, column in enumerate(columns) if not column.constant]
    if not 2 <= len(varying) <= WIDE or len(rows) <= len(varying):
        return
    wide = rows[:, varying].astype(np.float64)
    wide = wide / np.abs(wide).max(axis=0, initial=1e-300)
    wide -= wide.mean(axis=0)
    scale = wide.std(axis=0)
    if (scale == 0).any():
        return  # constant apart from the rows with gaps
    wide /= scale
    correlation = wide.T @ wide / len(wide)
    pairs = np.argwhere(np.triu(np.abs(correlation), 1) > ALIKE)
    if len(pairs):
        each = (
            f"{columns[varying[a]].place} and {columns[varying[b]].place} ({correlation[a, b]:+.4f})" for a, b in pairs.tolist()
        )
        found = tuple(sorted({varying[j] for j in pairs.ravel().tolist()}))
        yield Problem("alike", found, f"correlated as one: {_first_of(each)}. Leave out one of each pair.")
    rank = int((np.linalg.eigvalsh(correlation) > FLAT).sum())
    if rank < len(varying) - len({b for _, b in pairs.tolist()}):
        text = (
            f"the {len(varying)} columns that vary span {counted(rank, 'dimension')}: some are sums of others. Leave those out."
        )
        yield Problem("dependent", tuple(varying), text)


def _few(whole: int, columns: list[Column]) -> Iterator[Problem]:
    varying = sum(not column.constant for column in columns)
    if whole < max(FEW_ROWS, 10 * varying):
        text = f"{counted(whole, 'whole row')} for {counted(varying, 'number')} that vary: the model may repeat rows that it has seen."
        yield Problem("few", (), f"{text} Compare samples with the training rows.")


def _classes(data: Data) -> Iterator[Problem]:
    if data.labels is None or not data.classes:
        return
    counts = np.bincount(data.labels[data.labels != NO_CLASS], minlength=len(data.classes))
    if len(counts) == 1:
        yield Problem("one class", (), f"all rows have the class '{short(data.classes[0])}'. There is nothing to choose between.")
    elif len(counts) > MANY_CLASSES * len(data):
        yield Problem("many classes", (), f"{len(counts):,} classes for {len(data):,} rows: ids? Pass --data.labels none.")
    elif counts.min() < FEW_OF_A_CLASS:
        each = (
            f"'{short(data.classes[k])}' has {counted(int(counts[k]), 'row')}" for k in np.flatnonzero(counts < FEW_OF_A_CLASS)
        )
        yield Problem("small classes", (), f"{_first_of(each)}: too few to learn the class from. Merge or remove it.")


def _class_candidates(data: Data, columns: list[Column]) -> Iterator[Problem]:
    found = [j for j, c in enumerate(columns) if c.whole and 2 <= c.distinct <= 20 and 20 * c.distinct <= len(data)]
    if len(found) == 1:
        text = f"{columns[found[0]].place} has {columns[found[0]].distinct} values, all whole, and is learnt as a number. "
        flag = f"--data.labels {shlex.quote(data.names[found[0]])}"
        yield Problem("a class?", tuple(found), f"{text}If it is a class, pass {flag}.")


def _first_of(parts: Iterable[str]) -> str:
    """The first 10 of the parts, and the number of the others."""
    parts = list(parts)
    more = f", and {len(parts) - NAMED:,} more" if len(parts) > NAMED else ""
    return ", ".join(parts[:NAMED]) + more
