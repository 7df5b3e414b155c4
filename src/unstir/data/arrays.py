"""Arrays as `Data`: every array is checked here, once, wherever it came from.

Whole numbers become floats without loss: those of up to 16 bits become float32, the others float64, and a whole number beyond 2^53
that float64 would round is an error. Only a bounded type gives bounds:

    uint8 -> (0, 255)      bool -> (0, 1)      everything else -> None                                               (1)

Floats never get bounds, whatever their smallest and largest value, so nothing clips them later but the range of their type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from unstir.data.checks import BEYOND, EXACT, refuse_broken_text, way_on
from unstir.data.dataset import GAPS, STATE, Data, gaps_of
from unstir.data.frames import frame_of, index_notes
from unstir.data.given import as_numbers
from unstir.data.labels import class_ids
from unstir.data.layouts import axes_of
from unstir.data.rows import Rows, is_mapped
from unstir.data.tables.reading import Table
from unstir.data.tables.schema import Schema
from unstir.data.tables.typed import coded_frame
from unstir.data.told import told
from unstir.errors import DataError, UsageError, unknown
from unstir.steady import steady
from unstir.words import counted, short

BOUNDS = {"uint8": (0.0, 255.0), "bool": (0.0, 1.0)}


@steady
def from_arrays(
    values: Any,
    labels: Any = None,
    names: Sequence[str] = (),
    source: str = "array",
    missing: str = STATE,
    groups: Any = None,
    axes: str | None = None,
    fewest: int = 2,
    copy: bool = True,
    columns: Mapping[str, str] | None = None,
    table: Schema | None = None,
    given: Any = None,
) -> Data:
    """Check arrays (numpy, torch or lists) or a table with named columns, and make them `Data`.

    Shapes: `values` (N, ...) with N >= `fewest`, and (N,) is taken as (N, 1); `labels` and `groups` (N,) whole numbers or text;
    `names` one a column of a two-dimensional `values`. `Data.split` keeps the rows of one group on one side.
    The array is copied, so that it can be changed afterwards without changing the data. A mapped one (`np.memmap`) is shared, because it
    may be larger than memory: leave it as it is while the data is in use. So is every array if `copy` is false, for a caller that has just
    made it.
    `axes` says which axis is what, as in "NCL" for sequences whose channels come first; if it is left out, the shape decides
    (`unstir.data.layouts`).
    `given` is what each row is given (`unstir.data.told`): a dict of arrays (N,), (N, k) or (N, ...), a data frame, or one array.
    A table (`unstir.data.frames`) brings its own names, and `labels` and `groups` may be the names of columns of it. Its columns may hold
    text, booleans and times, and cells may be missing (`unstir.data.tables`): the rows are then the codes of `Data.table`. `columns` says
    what a column is taken for where that is not what it looks like: "category", "number", "time", or "drop" to leave it out.
    `table` is the schema of `values` that are codes already.
    `missing` says what to do about gaps: "refuse" them, "drop" their rows, or "keep" them, which only `survey` can use; "auto" refuses them,
    but for the missing cells of a table.
    Raises DataError for a type that is not real numbers, fewer than two rows, gaps, whole numbers that float64 would
    round, or labels or groups that do not fit; UsageError for names or axes that do not fit, or another `missing`.

    >>> data = from_arrays(np.array([[0, 128], [255, 3]], dtype=np.uint8))
    >>> data.values.dtype, data.dtype, data.bounds
    (dtype('float32'), 'uint8', (0.0, 255.0))
    >>> gap = [[1.0, 2.0], [3.0, float("nan")], [5.0, 6.0]]
    >>> from_arrays(gap, names=["place", "speed"])
    Traceback (most recent call last):
    ...
    unstir.errors.DataError: column 'speed' has 1 missing value (first: row 1). Remove it, or pass missing='drop'.
    >>> from_arrays(gap, missing="drop").values.tolist()
    [[1.0, 2.0], [5.0, 6.0]]
    """
    if missing not in GAPS:
        raise unknown("way with missing values", missing, GAPS)
    of_index = index_notes(values)
    values, labels, names, groups, is_new, found_table = _parted(values, labels, names, groups, columns or {})
    table, notes = (table, ()) if found_table is None else (found_table.schema, (*found_table.notes, *of_index))
    table = table.without_missing() if table is not None and missing in ("refuse", "drop") else table
    found, dtype = as_numbers(values, "the data")
    held = _with_rows(found if is_new or not copy or is_mapped(found) else _copy(found), fewest)
    names = tuple(names)
    if names and held.shape[1:] != (len(names),):
        raise UsageError(f"{len(names)} column names do not fit rows of shape {held.shape[1:]}; give one a column.")
    refuse_broken_text(names, "the column names")
    taken = axes_of(held.shape[1:], dtype, axes)
    data = Data(Rows(held), None, (), names, source, BOUNDS.get(dtype), dtype, notes=notes, axes=taken, table=table)
    _refuse_rounding(data)
    missing = "refuse" if missing == STATE else missing
    if missing == "refuse":
        _refuse_gaps(data)
    if labels is not None:
        ids, classes = class_ids(labels, len(held), missing=missing, source=source)
        data = replace(data, labels=ids, classes=classes)
    if groups is not None:
        data = replace(data, groups=class_ids(groups, len(held), "the groups", missing, source, "group")[0])
    if given is not None:
        codes, given_table, beside = told(given, len(held), data.layout)
        of_given = (*(given_table.names if given_table else ()), *(one.name for one in beside))
        if twice := [name for name in of_given if name in names]:
            raise UsageError(f"given '{short(twice[0])}' is the name of a column of the rows, too. Rename one of them.")
        beside = tuple(one.copied() if copy else one for one in beside)
        data = replace(data, given=codes, given_table=given_table, beside=beside)
    return data.without_gaps() if missing == "drop" else data


def _parted(
    values: Any, labels: Any, names: Sequence[str], groups: Any, kinds: Mapping[str, str]
) -> tuple[Any, Any, Sequence[str], Any, bool, Table | None]:
    """Rows, labels, names of columns and groups, the columns of a table taken apart; whether the rows are new; what the table holds."""
    columns = [(what, name) for what, name in (("labels", labels), ("groups", groups)) if isinstance(name, str)]
    if (frame := frame_of(values)) is None:
        for what, name in columns:
            raise UsageError(
                f"{what}='{short(name)}' is the name of a column, and the data has none. Pass {what} as an array of one a row."
            )
        if kinds:
            raise UsageError(
                f"columns={dict(kinds)!r:.60} says what columns are, and the data has no names of columns. Give a data frame."
            )
        return values, labels, names, groups, False, None
    if names:
        raise UsageError(f"names={tuple(names)!r:.60}: the table has names of its own. Rename its columns.")
    held = {what: frame.column(name, what) for what, name in columns}
    table = coded_frame(frame.without(*(name for _, name in columns)), kinds)
    schema = table.schema
    rows = frame.numbers(schema.names) if schema.plain and all(column.is_numeric for column in schema.columns) else table.codes
    return rows, held.get("labels", labels), schema.names, held.get("groups", groups), True, table


def _copy(array: np.ndarray) -> np.ndarray:
    """A copy of the array; an axis along which it only repeats itself, as `np.broadcast_to` makes one, takes no more memory in the copy."""
    once = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in array.strides)
    return np.broadcast_to(array[once].copy(), array.shape)


def _with_rows(values: np.ndarray, fewest: int) -> np.ndarray:
    """The array as rows (N, ...). Raises DataError for fewer than `fewest`, and for rows without numbers."""
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim == 0 or len(values) < fewest:
        rows = len(values) if values.ndim else 0
        least = f"at least {fewest} {'is' if fewest == 1 else 'are'} needed"
        raise DataError(f"the data has {counted(rows, 'row')} (its shape is {values.shape}); {least}.")
    if values[0].size == 0:
        raise DataError(f"the data has shape {values.shape}: its rows are empty. Each needs at least one number.")
    return values


def _refuse_rounding(data: Data) -> None:
    """Raise DataError if a whole number becomes another one as a float."""
    held = data.rows.held
    if held.dtype.kind not in "iu" or held.itemsize < 8:
        return
    for start, block in data.rows.blocks():
        far = np.abs(block) >= EXACT
        whole, floats = held[start : start + len(block)][far], block[far]
        with np.errstate(invalid="ignore"):  # the largest float is one above the largest whole number, and has no way back
            lost = (floats > np.iinfo(held.dtype).max) | (floats.astype(held.dtype) != whole)
        if lost.any():
            row, *index = np.argwhere(far)[lost.argmax()]
            place = data.place(int(np.ravel_multi_index(index, data.shape)))
            raise DataError(f"{place} holds {whole[lost.argmax()]} (row {start + row}), {BEYOND}")


def _refuse_gaps(data: Data) -> None:
    """Raise DataError if a value is missing or infinite: which column, how many, which row first."""
    if data.intact().all():
        return
    for word, (counts, firsts) in gaps_of(data).items():
        columns = np.flatnonzero(counts)
        if columns.size == 0:
            continue
        first, count = columns[0], counts[columns[0]]
        kind = "column" if len(data.shape) == 1 else "position"
        more = columns.size - 1
        others = f", and so {'has' if more == 1 else 'have'} {counted(more, f'other {kind}')}" if more else ""
        raise DataError(
            f"{data.place(int(first))} has {counted(count, f'{word} value')} (first: row {firsts[first]}){others}. "
            f"Remove {'it' if count == 1 and not others else 'them'}, {way_on(data.source)}."
        )
