"""Columns that can be computed from others: each fact is learnt twice, and samples can contradict themselves.

one hot       0 or 1 in several columns side by side, one 1 in each row: a class, spelt out
alike         two columns correlated beyond 0.999: one is the other in another unit, or not, as dummies of two classes are
determined    a column of few values that another column of few values decides, as a region is decided by its city
dependent     columns that span fewer dimensions than there are columns: some are sums of others

>>> pets = np.eye(3)[np.arange(60) % 3]
>>> list(one_hot(pets, ["cat", "dog", "owl"]))
[(0, 1, 2)]
"""

from collections.abc import Iterator, Sequence

import numpy as np

from unstir.data.columns import Column
from unstir.data.problems import Problem, first_of
from unstir.words import counted

ALIKE = 0.999  # a correlation beyond it
FLAT = 1e-6  # a variance of the standardised columns below it: they lie in fewer dimensions, to one part in a thousand
WIDE, TALL = 512, 20_000  # correlations are computed for so many columns and rows, at most
LEVELS, DISCRETE = (
    64,
    64,
)  # a column of so many values at most is compared with others of that kind, if there are no more of these
OFTEN = 5  # rows a value, on average, from which it is no chance that one column decides another


def relations(rows: np.ndarray, columns: list[Column]) -> Iterator[Problem]:
    """Columns that can be computed from others, from (n, D) rows without gaps; nothing where there are too many columns."""
    varying = [j for j, column in enumerate(columns) if not column.constant]
    if not 2 <= len(varying) <= WIDE or len(rows) <= len(varying):
        return
    spelt = list(one_hot(rows, [column.place for column in columns]))
    for group in spelt:
        each = first_of(columns[j].place for j in group)
        yield Problem(
            "one hot", group, f"{each} are one class spelt as 0 and 1. Put it into one column, and pass it with --data.labels."
        )
    # Of a class spelt out, all columns but the last are kept: what they repeat has been said.
    kept = [j for j in varying if not any(j == group[-1] for group in spelt)]
    correlation = _correlation(rows[:, kept])
    if len(kept) < 2 or correlation is None:
        return
    pairs = [(kept[a], kept[b], correlation[a, b]) for a, b in np.argwhere(np.triu(np.abs(correlation), 1) > ALIKE).tolist()]
    if pairs:
        each = (f"{columns[a].place} and {columns[b].place} ({r:+.4f})" for a, b, r in pairs)
        found = tuple(sorted({j for a, b, _ in pairs for j in (a, b)}))
        yield Problem("alike", found, f"correlated as one: {first_of(each)}. Leave out one of each pair.")
    twins = {(a, b) for a, b, _ in pairs}
    decided = [(a, b) for a, b in determined(rows, columns) if (min(a, b), max(a, b)) not in twins]
    if decided:
        each = (f"{columns[b].place} by {columns[a].place}" for a, b in decided)
        found = tuple(sorted({j for pair in decided for j in pair}))
        yield Problem(
            "determined", found, f"one column decides another: {first_of(each)}. Samples can contradict that: leave one out."
        )
    rank = int((np.linalg.eigvalsh(correlation) > FLAT).sum())
    if rank < len(kept) - len({b for _, b, _ in pairs}):
        span = f"the {len(varying)} columns that vary span {counted(rank, 'dimension')}"
        text = f"{span}: some are sums of others. Leave those out."
        yield Problem("dependent", tuple(kept), text)


def one_hot(rows: np.ndarray, names: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """Runs of at least three columns side by side that hold 0 or 1, with one 1 in each row; two such columns are `alike`."""
    binary = ((rows == 0) | (rows == 1)).all(axis=0) & (rows == 1).any(axis=0)
    start = 0
    while start < len(names):
        total, end = np.zeros(len(rows)), start
        while end < len(names) and binary[end] and (total + rows[:, end]).max() <= 1 and total.min() == 0:
            total, end = total + rows[:, end], end + 1
        if end - start > 2 and total.min() == 1:
            yield tuple(range(start, end))
        start = max(end, start + 1)


def determined(rows: np.ndarray, columns: list[Column]) -> Iterator[tuple[int, int]]:
    """Pairs (a, b) where each value of column a has one value of b, and b fewer values than a, or as many in another order."""
    few = [j for j, column in enumerate(columns) if 3 <= column.distinct <= LEVELS and column.distinct * OFTEN <= len(rows)]
    if len(few) > DISCRETE:
        return
    ids = {j: np.unique(rows[:, j], return_inverse=True)[1].reshape(-1) for j in few}
    for a in few:
        for b in few:
            fewer = columns[b].distinct < columns[a].distinct or (columns[b].distinct == columns[a].distinct and a < b)
            if fewer and len(np.unique(ids[a] * LEVELS + ids[b])) == len(np.unique(ids[a])):
                yield a, b


def _correlation(wide: np.ndarray) -> np.ndarray | None:
    """The correlations (D, D) of the columns of (n, D); None where one of them is constant, apart from the rows with gaps."""
    wide = wide.astype(np.float64)
    wide = wide / np.abs(wide).max(axis=0, initial=1e-300)
    wide -= wide.mean(axis=0)
    scale = wide.std(axis=0)
    if (scale == 0).any():
        return None
    wide /= scale
    return wide.T @ wide / len(wide)
