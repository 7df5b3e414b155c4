"""What a file format is: how its files end, how one is read, and how rows are written as one.

    read:   a file or a folder   ->   Contents
    write:  Contents             ->   bytes, or for a folder the names of its files with the bytes of each

Neither makes `Data` and neither touches the disk to write: `unstir.data.readers` and `unstir.data.writers` do that for all formats.
The formats themselves are listed in `unstir.data.formats.registry`.

    >>> lines = Format("one number a line", (".txt",), lambda request: Contents(np.loadtxt(request.path)))
    >>> lines.matches("A.TXT"), lines.matches("a.csv"), lines.write
    (True, False, None)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unstir.data.matching import NOTHING_KNOWN, Known
from unstir.data.tables.schema import Schema
from unstir.errors import UsageError

AUTO, YES, NO = "auto", "yes", "no"  # whether the first line of a table holds names


@dataclass(frozen=True)
class Request:
    """Which file is read, and what the caller asked for.

    `source` is the path as it was typed, for messages. `labels` and `groups` name the column or array of classes and of groups.
    `missing` is "refuse", "drop" or "keep", as in `from_arrays`. `size` is the (height, width) that images are resized to.
    `header` says whether the first line of a table holds names: "yes", "no", or "auto" where the format finds out.
    For a folder, `labels_from` says what the classes of its files are, by `unstir.data.formats.folders`, and `formats` what becomes of
    a class whose images are in another file format than all others: "alike" refuses it, "any" reads it. `given` are the names of the
    arrays of an archive that its rows are given.
    `known` is what is known of a table beforehand: other columns are not read, and the column of classes is found by its name.
    `kinds` are what columns of a table are to be taken for, by name: "category", "number", "time" or "drop".
    """

    path: Path
    source: str
    labels: str | None = None
    missing: str = "refuse"
    size: tuple[int, int] | None = None
    groups: str | None = None
    header: str = AUTO
    labels_from: str | None = None
    formats: str = "alike"
    known: Known = NOTHING_KNOWN
    kinds: Mapping[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()

    def refuse_groups(self, why: str) -> None:
        """Raise UsageError where groups are asked of a format that has none, for a reason such as "it is one array"."""
        if self.groups is not None:
            raise UsageError(
                f"'{self.source}' has no groups='{self.groups}': {why}. Put rows and groups into a .npz or a .csv file."
            )


@dataclass(frozen=True, eq=False)
class Contents:
    """What a file holds: N rows, with a class each where there are labels, and a group each where there are groups.

    Shapes: `values` (N, ...), `labels` and `groups` (N,) or None, `names` one a column of two-dimensional `values`, or none.
    `label_name` is what a column of labels is called when it is written. A reader that leaves rows out counts them in `dropped`;
    `bounds` are the lowest and the highest value possible, where the type does not say it; `notes` are sentences for a person.
    Groups are read, not written. `labels_from` says in words where the labels are from, as in "column 'kind'". `axes` says which axis
    is what, as in "NHW", where a format knows it without a guess, and, for rows that are written, always (`unstir.data.layouts`).
    `given` are arrays by name of what each row is given, where they were asked for. `beside` is what rows that are written were drawn
    for: codes (n, m) and their table; `arrays` are pictures and sequences among it, (n, ...) by name.
    `table` says what the named columns of a table are; then `values` are the codes of its cells. `order` are names of columns, as they
    follow each other where a table is written; others come last.
    """

    values: np.ndarray
    labels: Any = None
    names: Sequence[str] = ()
    label_name: str = "class"
    bounds: tuple[float, float] | None = None
    dropped: int = 0
    notes: tuple[str, ...] = ()
    groups: Any = None
    labels_from: str = ""
    axes: str | None = None
    table: Schema | None = None
    given: dict[str, Any] | None = None
    beside: tuple[np.ndarray, Schema] | None = None
    order: tuple[str, ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


Files = Iterator[tuple[str, bytes]]
"""The files of a folder: the path of each within the folder, and what it holds."""


@dataclass(frozen=True)
class Format:
    """A file format, in one line for people: what it holds, how it is read and how it is written.

    `suffixes` are the ways in which its files' names end; a format without any is a folder, and `members` are the ways in which the
    files in it end. `write` is None where rows cannot be written. `check(path, shape, dtype, axes)` raises UsageError where the format
    cannot hold rows of that shape, type and axes. `resizes` says whether `read` heeds a size, `headed` whether it heeds a header, and
    `celled` whether a cell can be a text, or missing.
    """

    about: str
    suffixes: tuple[str, ...]
    read: Callable[[Request], Contents]
    write: Callable[[Contents], bytes | Files] | None = None
    check: Callable[[Path, tuple[int, ...], str, str | None], None] | None = None
    resizes: bool = False
    headed: bool = False
    celled: bool = False
    members: tuple[str, ...] = ()

    def matches(self, name: str) -> bool:
        """Whether a file of that name is of this format: its end decides, in capitals or not."""
        return name.lower().endswith(self.suffixes)
