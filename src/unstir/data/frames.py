"""Tables that bring the names of their columns: data frames, tables of pyarrow, structured arrays, dicts of columns, lists of dicts.

What something can do decides how it is read, not what it is, so none of those libraries is imported:

    keys                   .column_names (pyarrow)    .columns (pandas, polars)    .dtype.names (numpy)    .keys() (dict)
    the column of a key    x[key]

A column is numbers or booleans, which count as 0 and 1. Text, times and objects are refused by the column's name.
`unstir.data.matching` puts the columns into the order of a model.

    >>> found = frame_of({"age": [31, 45], "member": [True, False]})
    >>> found.names, found.values.tolist()
    (('age', 'member'), [[31, 1], [45, 0]])
    >>> frame_of(np.zeros((2, 2))) is None
    True
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from numbers import Number
from typing import Any, NamedTuple

import numpy as np

from unstir.data.checks import BEYOND, EXACT, unknown_name
from unstir.data.given import as_array
from unstir.errors import DataError
from unstir.words import listed, short


class Some(Mapping[str, Any]):
    """Some columns of others, each looked up when it is asked for: they may be in a file.

    >>> dict(Some({"a": [1], "b": [2]}, ["b"]))
    {'b': [2]}
    """

    def __init__(self, columns: Mapping[str, Any], names: Sequence[str]):
        self._columns, self._names = columns, dict.fromkeys(names)

    def __getitem__(self, name: str) -> Any:
        """The column of that name. Raises KeyError for one that is not among them."""
        if name not in self._names:
            raise KeyError(name)
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        """The names, in their order."""
        return iter(self._names)

    def __len__(self) -> int:
        """How many columns there are."""
        return len(self._names)


class Frame(NamedTuple):
    """Named columns as they came: `columns` by name, N values each, and their N."""

    columns: Mapping[str, Any]
    rows: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in their order."""
        return tuple(self.columns)

    @property
    def values(self) -> np.ndarray:
        """All columns as numbers, (N, columns), in the narrowest type that holds them all. Raises what `numbers` raises."""
        return self.numbers(self.names)

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """These columns as numbers, (N, len(names)), in the narrowest type that holds them all.

        Raises DataError for a column of text or of other objects, or of whole numbers that a float beside them would round.
        """
        held = [_numbers(name, self.columns[name], self.rows) for name in names]
        if not held:
            raise DataError("a table without a column of numbers; a row needs at least one.")
        dtype = np.result_type(*(column.dtype for column in held))
        for name, column in zip(names, held, strict=True):
            if dtype.kind == "f" and column.dtype.kind in "iu":
                _refuse_rounding(name, column)
        return np.stack([column.astype(dtype) for column in held], axis=1)

    def column(self, name: str, what: str) -> list[Any] | np.ndarray:
        """The values of one column as they came, for classes or groups. Raises UsageError if no column has that name."""
        if name not in self.columns:
            raise unknown_name(f"column, for {what},", name, self.names)
        column = np.asarray(self.columns[name])
        return column.tolist() if column.dtype.kind == "O" else column

    def without(self, *names: str | None) -> "Frame":
        """The frame without these columns."""
        return Frame(Some(self.columns, [name for name in self.columns if name not in names]), self.rows)


def frame_of(x: Any, known: Sequence[str] = ()) -> Frame | None:
    """The named columns of x, or None if it has none. A dict of single values is a table of one row, and a series is one column.

    A series whose index has all the `known` names is one row, as `frame.iloc[0]` is.
    Raises DataError for columns of unequal lengths, for a name that two columns have, and for a table without columns.
    """
    if _is_series(x):
        keys = list(x.keys()) if known and hasattr(x, "keys") else []
        if keys and set(known) <= set(keys):
            x = {key: x[key] for key in keys}
        elif isinstance(x.name, str) and x.name:
            x = {x.name: x}
        else:
            return None
    if isinstance(x, list | tuple) and x and isinstance(x[0], Mapping):
        x = _joined(x)
    keys = _keys(x)
    if keys is None:
        return None
    names = [_name(key) for key in keys]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"two columns are called '{short(twice[0])}', so it is not clear which is meant. Rename one.")
    if not names:
        raise DataError("a table without columns.")
    columns = {name: x[key] for name, key in zip(names, keys, strict=True)}
    columns = {name: [column] if np.ndim(column) == 0 else column for name, column in columns.items()}
    lengths = {name: len(column) for name, column in columns.items()}
    for name, length in lengths.items():
        if length != lengths[names[0]]:
            raise DataError(
                f"column '{short(name)}' has {length} values, and column '{short(names[0])}' has {lengths[names[0]]}; "
                "a row has one of each."
            )
    return Frame(columns, lengths[names[0]])


def index_notes(x: Any) -> tuple[str, ...]:
    """A sentence for a data frame whose index has names, because an index is no column and is not learnt; none for anything else."""
    names = (
        [] if callable(index := getattr(x, "index", None)) else [name for name in getattr(index, "names", ()) if name is not None]
    )
    if not names:
        return ()
    shown = listed([f"'{short(str(name))}'" for name in names[:4]])
    return (f"the index {shown} of the data frame is no column, and is not learnt; frame.reset_index() makes it one.",)


def _keys(x: Any) -> list[Any] | None:
    """By what the columns of x are asked for; None if it has no named columns."""
    if isinstance(x, np.ndarray | np.void):
        return None if x.dtype.names is None else list(x.dtype.names)
    for attribute in ("column_names", "columns"):
        keys = getattr(x, attribute, None)
        if keys is not None and not callable(keys):
            return list(keys)
    return list(x) if isinstance(x, Mapping) else None


def _is_series(x: Any) -> bool:
    """Whether x is one column, or one row, of a data frame."""
    return hasattr(x, "to_numpy") and hasattr(x, "name") and np.ndim(x) == 1


def _name(key: Any) -> str:
    """The name of a column as text; the levels of a name of several are joined by dots."""
    return ".".join(str(level) for level in key if str(level)) if isinstance(key, tuple) else str(key)


def _joined(rows: Sequence[Mapping[Any, Any]]) -> dict[Any, list[Any]]:
    """Rows that are dicts, as columns. Raises DataError where a row has other keys than the first."""
    for number, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            odd = next(iter(row.keys() ^ rows[0].keys()))
            raise DataError(f"row {number} and row 0 do not have the same names: only one of them has '{short(str(odd))}'.")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _numbers(name: str, column: Any, rows: int) -> np.ndarray:
    """A column (N,) as an array of numbers; a missing value, whatever it is, is NaN."""
    array, dtype = as_array(column, f"column '{short(name)}'")
    if array.shape != (rows,):
        raise DataError(f"column '{short(name)}' has shape {array.shape}; a column of {rows} rows is ({rows},).")
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind == "O":
        array = array.tolist()
        held = [value for value in array if not _is_missing(value)]
        wrong = next((value for value in held if not isinstance(value, Number | np.generic) or isinstance(value, complex)), None)
        if wrong is None:
            if len(held) == len(array):
                return _numbers(name, np.array([_plain(value) for value in held]), rows)
            return np.array([float("nan") if _is_missing(value) else float(value) for value in array])
        row = next(i for i, value in enumerate(array) if value is wrong)
        kind = "text" if isinstance(wrong, str | bytes) else type(wrong).__name__
        found = f"{kind} ('{short(str(wrong))}', row {row})"
    elif array.dtype.kind in "UST":
        found = f"text ('{short(str(array[0]))}', row 0)"
    else:
        found = f"values of type {dtype}"
    raise DataError(
        f"column '{short(name)}' holds {found}, and a row is numbers. Leave it out, turn it into numbers, or, if it is the class, "
        f"pass labels='{short(name)}'."
    )


def _refuse_rounding(name: str, column: np.ndarray) -> None:
    """Raise DataError if a whole number (N,) becomes another one as a float64."""
    for row in np.flatnonzero(np.abs(column.astype(np.float64)) >= EXACT):
        if int(float(column[row])) != int(column[row]):
            raise DataError(f"column '{short(name)}' holds {column[row]} (row {row}), {BEYOND}")


def _is_missing(value: Any) -> bool:
    """Whether a value stands for a missing one: None, NaN, or the NA of a library, which is not even equal to itself."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)


def _plain(value: Any) -> Any:
    """A number as one of Python's own: a Decimal or a fraction is a float."""
    return value if isinstance(value, bool | int | float | np.generic) else float(value)
