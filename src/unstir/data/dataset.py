"""`Data`: N rows of one shape, with a class each where there are labels, and how they are split into training and held-out rows.

Rows are finite real numbers; `unstir.data.arrays` makes sure of that. A *gap* is a value that is missing (NaN) or infinite, or a
label or group that is missing. What becomes of gaps is chosen where data comes in:

    missing:    refuse (an error)    drop (their rows are left out and counted)    keep (for `survey` only)           (1)
    auto:       a missing cell of a table with named columns is a state of its own, which samples have too; else as refuse

No value is invented in place of a gap.

    >>> from unstir.data import from_arrays
    >>> data = from_arrays([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], labels=["cat", "dog", "cat"])
    >>> len(data), data.shape, data.classes, data.labels.tolist()
    (3, (2,), ('cat', 'dog'), [0, 1, 0])
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from unstir.data.beside import Beside, columns_apart
from unstir.data.labels import NO_CLASS
from unstir.data.layouts import KINDS, Axes, Layout, axes_of, kind_of, layout
from unstir.data.rows import Rows, release_pages
from unstir.data.tables.schema import Schema
from unstir.errors import DataError, UsageError
from unstir.words import counted, listed, short

STATE = "auto"  # a missing cell of a table is a state of its own; elsewhere a gap is refused
GUESSED = Axes("", "")  # stands for axes that are guessed from the shape
GAPS = (STATE, "refuse", "drop", "keep")


@dataclass(frozen=True, eq=False)
class Data:
    """N rows of one shape, with a class each where there are labels; `from_arrays` makes and checks it.

    Shapes: `rows` (N, ...), `labels` (N,) int64 or None, `classes` the K names of the classes, `groups` (N,) int64 or None.
    Rows with the same group number belong together, as the windows of one recording do: `split` keeps them on one side.
    `names` are the names of the columns, `source` is the built-in name or the path as typed, `bounds` the lowest and the highest
    value possible or None, `dtype` the type of the array that came in, `dropped` the number of rows left out because of gaps,
    `notes` are sentences that a person should know about how the data was read, and `labels_from` says where the labels are from. `axes`
    says which axis is what; if it is left out, the shape decides. `reordered`: the columns came in another order than a model's, and were
    put into that. `table` says what the columns of a table with names are; then `rows` hold the codes of its cells
    (`unstir.data.tables`), NaN for one that is missing. `given` (N, m) are codes of what each row is given, in the columns of `given_table`
    (`with_given`), else values of a condition of the caller's own; `beside` are arrays beside rows; `order` are the columns before that.
    """

    rows: Rows
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    source: str = "array"
    bounds: tuple[float, float] | None = None
    dtype: str = "float64"
    dropped: int = 0
    notes: tuple[str, ...] = ()
    groups: np.ndarray | None = None
    labels_from: str = ""
    axes: Axes = GUESSED
    reordered: bool = False
    table: Schema | None = None
    given: np.ndarray | None = None
    given_table: Schema | None = None
    order: tuple[str, ...] = ()
    beside: tuple[Beside, ...] = ()

    def __post_init__(self):
        if self.axes is GUESSED:
            object.__setattr__(self, "axes", axes_of(self.shape, self.dtype))

    def __len__(self) -> int:
        """The number of rows, N."""
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row."""
        return self.rows.shape[1:]

    @cached_property
    def layout(self) -> Layout | None:
        """How the rows lie in space, by `axes`; None for rows whose numbers have no neighbours."""
        return layout(self.shape, self.axes.letters)

    @property
    def kind(self) -> str:
        """What the rows are: points, table, sequences, images or arrays."""
        return KINDS["D"] if self.table is not None and not self.table.plain else kind_of(self.shape, self.axes.letters)

    @property
    def states(self) -> np.ndarray:
        """The columns of which a missing cell is a state of its own, no gap: (D,) bool; of no column for rows of another shape."""
        if self.table is None:
            return np.zeros(math.prod(self.shape), bool)
        return np.array([column.missing for column in self.table.columns])

    @property
    def mixed(self) -> bool:
        """Whether it is a table of which a column is no number or has missing cells, so that rows hold codes."""
        return self.table is not None and not self.table.plain

    @cached_property
    def values(self) -> np.ndarray:
        """All rows in memory, (N, ...) float32 or float64. Large data may not fit: take the rows that are needed from `rows`."""
        return self.rows[:]

    def place(self, index: int) -> str:
        """The name of the element at a flat index of a row, for a message: a column by its name or number, or a position.

        >>> Data(Rows(np.zeros((2, 2))), names=("x", "y")).place(1), Data(Rows(np.zeros((2, 3, 4)))).place(7)
        ("column 'y'", 'position (1, 3)')
        """
        if self.names:
            return f"column '{short(self.names[index])}'"
        if len(self.shape) == 1:
            return f"column {index}"
        return f"position {tuple(int(i) for i in np.unravel_index(index, self.shape))}"

    def split(self, held_out: float, seed: int) -> tuple["Data", "Data"]:
        """The rows to train on and the rows held out, by `split_numbers`; none is copied.

        >>> train, held_out = Data(Rows(np.arange(10.0)[:, None])).split(0.2, seed=0)
        >>> len(train), len(held_out)
        (8, 2)
        """
        training, unseen = self.split_numbers(held_out, seed)
        return self.take(training), self.take(unseen)

    def split_numbers(self, held_out: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the rows to train on and of those held out, each in random order; the same seed makes the same split.

        Without groups, round(N held_out) rows are held out, at least one and at most N - 1. With groups, no group is on both sides:
        groups are held out in random order until the number of rows is nearest to N held_out, at least one group and not all.
        A class of which every row would be held out would be sampled untrained: one of its rows, or its group, is trained on instead,
        as long as another row can be held out in its place, or another group is.
        Raises UsageError unless 0 < held_out < 1, DataError where there is only one group.

        >>> data = Data(Rows(np.zeros((6, 1))), groups=np.array([0, 0, 1, 1, 2, 2]))
        >>> training, unseen = data.split_numbers(0.3, seed=0)
        >>> sorted(data.groups[training].tolist()), sorted(data.groups[unseen].tolist())
        ([1, 1, 2, 2], [0, 0])
        """
        if not 0 < held_out < 1:
            raise UsageError(f"the held-out fraction is {held_out}; it lies between 0 and 1, for example 0.1.")
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(self))
        if self.groups is None:
            count = min(max(round(len(self) * held_out), 1), len(self) - 1)
            return self._with_all_classes(order[count:], order[:count])
        _, group, sizes = np.unique(self.groups, return_inverse=True, return_counts=True)
        if len(sizes) < 2:
            raise DataError(f"all {len(self):,} rows are of one group, so none can be held out: at least 2 groups are needed.")
        shuffled = rng.permutation(len(sizes))
        rows_of_first = sizes[shuffled].cumsum()[:-1]  # of the first group, of the first two, ...
        count = 1 + int(np.abs(rows_of_first - len(self) * held_out).argmin())
        unseen = np.isin(group, shuffled[:count])[order]
        return self._with_all_classes(order[~unseen], order[unseen])

    def _with_all_classes(self, training: np.ndarray, unseen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same numbers of rows, but with a row, or its whole group, of each class that had none in `training`, where one can be had.

        A row changes places with one of a class that has more of them, so that both sides keep their sizes; a group joins the others.
        """
        if self.labels is None or not self.classes:
            return training, unseen
        training, unseen = training.copy(), unseen.copy()
        for label in np.setdiff1d(self.labels[unseen], [*self.labels[training], NO_CLASS]):
            at = int((self.labels[unseen] == label).argmax())
            if self.groups is not None:
                moved = self.groups[unseen] == self.groups[unseen[at]]
                if not moved.all():
                    training, unseen = np.concatenate([training, unseen[moved]]), unseen[~moved]
                continue
            _, ids, counts = np.unique(self.labels[training], return_inverse=True, return_counts=True)
            spare = np.flatnonzero(counts[ids] > 1)
            if len(spare):
                training[spare[-1]], unseen[at] = unseen[at], training[spare[-1]]
        return training, unseen

    def without_gaps(self) -> "Data":
        """The rows without a gap, and the classes that still have rows; `dropped` counts the rows that were left out.

        Raises DataError where fewer than two rows are left.

        >>> data = Data(Rows(np.array([[1.0], [np.nan], [2.0], [np.inf]])), np.array([0, 1, 0, 2]), ("a", "b", "c"))
        >>> whole = data.without_gaps()
        >>> whole.values.tolist(), whole.classes, whole.dropped
        ([[1.0], [2.0]], ('a',), 2)
        """
        whole = self.intact()
        for ids in (self.labels, self.groups):
            if ids is not None:
                whole &= ids != NO_CLASS
        left = int(whole.sum())
        if left == len(self):
            return self
        if left < 2:
            raise DataError(f"only {counted(left, 'row')} of {len(self)} without missing or infinite values; 2 are needed.")
        gone = len(self) - left
        note = f"{gone:,} rows with missing or infinite values were dropped; {left:,} are left."
        kept = replace(self.take(np.flatnonzero(whole)), dropped=gone, notes=(*self.notes, note))
        if kept.labels is None:
            return kept
        present, ids = np.unique(kept.labels, return_inverse=True)
        lost = [f"'{short(name)}'" for i, name in enumerate(self.classes) if i not in present]
        said = (f"with them went all rows of {listed(lost[:3])}{', and more' if len(lost) > 3 else ''}.",) if lost else ()
        classes = tuple(self.classes[i] for i in present)
        return replace(kept, labels=ids.astype(np.int64), classes=classes, notes=(*kept.notes, *said))

    def intact(self) -> np.ndarray:
        """Which rows have no value that is missing or infinite: (N,) bool. All rows of whole numbers are intact.

        A missing cell of a table is no gap where it is a state of its own: `states`.
        """
        if self.rows.held.dtype.kind != "f":
            return np.ones(len(self), bool)
        states = self.states
        found = []
        for _, block in self.rows.blocks():
            flat = block.reshape(len(block), -1)
            fine = np.isfinite(flat)
            found.append((fine | (np.isnan(flat) & states)).all(axis=1) if states.any() else fine.all(axis=1))
        return np.concatenate(found)

    def take(self, which: np.ndarray) -> "Data":
        """Those rows, by their numbers; none is copied."""
        labels, groups, given = (None if ids is None else ids[which] for ids in (self.labels, self.groups, self.given))
        beside = tuple(one.take(which) for one in self.beside)
        return replace(self, rows=self.rows.take(which), labels=labels, groups=groups, given=given, beside=beside)

    @property
    def is_given(self) -> bool:
        """Whether rows are given anything but their class."""
        return self.given is not None or bool(self.beside)

    @property
    def told(self) -> dict[str, np.ndarray]:
        """What rows are given, by name: the cells (N,) of each column, and the arrays (N, ...) beside them."""
        cells = {} if self.given is None or self.given_table is None else self.given_table.cells(self.given)
        return cells | {one.name: one.rows[:] for one in self.beside}

    def with_given(self, names: Sequence[str]) -> "Data":
        """The same rows without the columns of these names, which become what each row is `given`. Raises UsageError where there are none.

        >>> from unstir.data.tables.column import Column
        >>> table = Schema((Column("price", "number"), Column("size", "number")))
        >>> data = Data(Rows(np.array([[3.2, 1.0], [7.5, 2.0]])), names=("price", "size"), table=table).with_given(["price"])
        >>> data.names, data.values.tolist(), data.given.tolist(), data.given_table.names
        (('size',), [[1.0], [2.0]], [[3.2], [7.5]], ('price',))
        """
        if self.table is None or len(self.shape) != 1:
            raise UsageError(f"{self.source} has no columns with names, so its rows cannot be given '{short(names[0])}'.")
        apart, rest = columns_apart(names, self.names, self.source)
        rows = replace(self.rows, held=np.ascontiguousarray(self.rows.held[:, rest]))
        table, told = (self.table.take(part) for part in (rest, apart))
        given = self.rows[:][:, apart].astype(np.float64)
        return replace(self, rows=rows, names=table.names, table=table, given=given, given_table=told, order=self.names)

    def sha256(self) -> str:
        """The SHA-256 of the rows as they are held, of labels and of groups, their types and shapes included, in hexadecimal.

        >>> a, b = Data(Rows(np.zeros((2, 3)))), Data(Rows(np.zeros((3, 2))))
        >>> a.sha256() == a.sha256(), a.sha256() == b.sha256()
        (True, False)
        """
        digest = hashlib.sha256()
        beside = ((one.rows, f"given {one.name} ") for one in self.beside)
        for part, mark in ((self.rows, ""), (self.labels, ""), (self.groups, "groups "), (self.given, "given "), *beside):
            if part is not None:
                rows = part if isinstance(part, Rows) else Rows(part)
                digest.update(f"{mark}{rows.held.dtype.str} {rows.shape} ".encode())
                for start in range(0, len(rows), rows.in_block):
                    digest.update(np.ascontiguousarray(rows.raw(slice(start, start + rows.in_block))).data)
                    release_pages(rows.held)
        return digest.hexdigest()


def gaps_of(data: Data) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Gaps by kind, "missing" and "infinite": for each of the D elements of a row the number of gaps and the first row with one, or -1.

    >>> {word: counts.tolist() for word, (counts, _) in gaps_of(Data(Rows(np.array([[1.0, np.nan], [np.inf, np.nan]])))).items()}
    {'missing': [0, 2], 'infinite': [1, 0]}
    """
    states = data.states
    found = {word: (np.zeros(math.prod(data.shape), int), np.full(math.prod(data.shape), -1)) for word in ("missing", "infinite")}
    for start, block in data.rows.blocks() if data.rows.held.dtype.kind == "f" else ():
        if np.isfinite(block).all():
            continue
        for (counts, firsts), test in zip(found.values(), (np.isnan, np.isinf), strict=True):
            gaps = test(block).reshape(len(block), -1)
            gaps = gaps & ~states if test is np.isnan else gaps
            new = (firsts < 0) & gaps.any(axis=0)
            firsts[new] = start + gaps[:, new].argmax(axis=0)
            counts += gaps.sum(axis=0)
    return found
