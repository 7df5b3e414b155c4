"""Files, folders and built-in sets as `Data`.

    a built-in name      the set of that name                  `unstir.data.toys`, `unstir.data.builtin`
    a path               the format that its end says, then its rows: `unstir.data.formats.registry`

    find the format  ->  the format reads Contents  ->  `from_arrays` checks them and makes Data

Pipes, missing files and odd paths are refused here, so that no format has to.
"""

import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from unstir.data.arrays import from_arrays
from unstir.data.builtin import PICTURES
from unstir.data.dataset import STATE, Data
from unstir.data.formats.folders import NONE
from unstir.data.formats.foreign import refusal
from unstir.data.formats.format import AUTO, Format, Request
from unstir.data.formats.registry import folder_format, format_of, suffixes
from unstir.data.frames import Frame
from unstir.data.layouts import axes_of
from unstir.data.matching import NOTHING_KNOWN, Known, matched
from unstir.data.opacity import KEEP, WHITE, on_white
from unstir.data.rows import Rows
from unstir.data.tables.schema import Schema
from unstir.data.toys import TOYS, toy
from unstir.errors import DataError, StorageError, UnstirError, UsageError, unknown
from unstir.steady import steady
from unstir.words import counted, short, spelled

KNOWN = (*TOYS, *PICTURES)


@steady
def load(
    source: str | Path,
    n: int = 5000,
    seed: int = 0,
    labels: str | None = None,
    missing: str = STATE,
    size: tuple[int, int] | None = None,
    groups: str | None = None,
    axes: str | None = None,
    header: str = AUTO,
    labels_from: str | None = None,
    formats: str = "alike",
    alpha: str = KEEP,
    known: Known | None = None,
    fewest: int = 2,
    columns: Mapping[str, str] | None = None,
    given: Sequence[str] = (),
) -> Data:
    """The built-in set called `source`, or else the file or the folder at that path.

    `n` points and `seed` are for a built-in point set; all else is read whole. The other arguments are as in `read`.
    Raises what `toy` and `read` raise, and UsageError for built-in pictures that are not installed.

    >>> load("moons", n=100).values.shape
    (100, 2)
    """
    name = str(source)
    if name not in KNOWN:
        how = labels, missing, size, groups, axes, header, labels_from, formats, alpha, known, fewest
        return read(source, *how, columns, given)
    if given:
        raise UsageError(f"'{name}' is a built-in set, whose rows have no columns or arrays beside them; leave --given out.")
    if columns:
        raise UsageError(f"'{name}' is a built-in set, which has no names of columns; columns={dict(columns)} is for a table.")
    if labels is not None:
        raise UsageError(f"'{name}' is a built-in set and brings its own classes; labels='{labels}' is for a file.")
    if groups is not None:
        raise UsageError(f"'{name}' is a built-in set, whose rows have no groups; groups='{groups}' is for a file.")
    if size is not None:
        raise _no_size(name)
    if header != AUTO:
        raise _no_header(name)
    _refuse_way(name, labels_from)
    data = PICTURES[name]() if name in PICTURES else toy(name, n, seed)
    data = replace(data, axes=axes_of(data.shape, said=axes)) if axes else data
    data = on_white(data) if alpha == WHITE else data
    return data if known is None else in_order(data, known)


@steady
def read(
    source: str | Path,
    labels: str | None = None,
    missing: str = STATE,
    size: tuple[int, int] | None = None,
    groups: str | None = None,
    axes: str | None = None,
    header: str = AUTO,
    labels_from: str | None = None,
    formats: str = "alike",
    alpha: str = KEEP,
    known: Known | None = None,
    fewest: int = 2,
    columns: Mapping[str, str] | None = None,
    given: Sequence[str] = (),
) -> Data:
    """The rows of a file of a known format, or of a folder of images or arrays.

    `labels` names what holds the classes, and `groups` what holds the groups that a split keeps together: a column of a table,
    an array of an archive. `missing` is as in `from_arrays`. `size` is the (height, width) to which the images of a folder are
    resized and cropped. `axes` says which axis is what, as in "NCL"; if it is left out, the format or the shape decides. `header`
    says whether the first line of a table holds the names of its columns: "yes", "no", or "auto". For a folder, `labels_from` says what
    the classes are, by `unstir.data.formats.folders`, and `formats`, "alike" or "any", whether all images of a class may be in another
    file format than all others. `alpha` is "keep", or "white" for images with an opacity that are to be composed on white (`on_white`).
    The columns of a table are put into the order of the `known` ones: see `in_order`. There are `fewest` rows at least. `columns` says what
    columns of a table are taken for, as in `from_arrays`.
    `given` names what each row is given, columns of a table or arrays of an archive: `Data.given` holds them.
    Raises StorageError for a path that is missing or cannot be read, UsageError for a suffix that is not known, `labels` or
    `groups` that are not there, a size for a file, axes that do not fit or a header for what is no table, DataError for contents that
    cannot be used.

    >>> read("rows.csv")
    Traceback (most recent call last):
    ...
    unstir.errors.StorageError: no such file: 'rows.csv'.
    >>> read("swiss-roll")
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: unknown data set 'swiss-roll': did you mean 'swiss_roll'? Known: checkerboard, ...
    """
    name = spelled(str(source))
    if given and labels is not None:
        raise UsageError(
            f"--data.labels {labels} and --given: name the class among what is given, --given {','.join(given)},{labels}."
        )
    known = known._replace(given=tuple(given)) if known is not None and given else known
    gaps = "refuse" if missing == STATE else missing  # of what is no table
    how = labels, gaps, size, groups, header, labels_from, formats, known or NOTHING_KNOWN, columns or {}, tuple(given)
    request = Request(_path(source), str(source), *how)
    try:
        found = _format(request).read(request)
    except (FileNotFoundError, NotADirectoryError):
        # A bare word is a name mistyped, not a file forgotten.
        bare = Path(source).name == str(source) and not Path(source).suffix
        raise unknown("data set", name, KNOWN) if bare else StorageError(f"no such file: '{name}'.") from None
    except UnstirError:
        raise
    except OSError as error:
        raise StorageError(f"cannot read '{short(name)}': {error.strerror or error}.") from None
    for what, asked, held in (("labels", labels, found.labels), ("groups", groups, found.groups)):
        if asked is not None and held is None:  # a format that does not look for them
            raise UsageError(f"'{short(name)}' has no {what}='{asked}': a file of its format holds none.")
    if columns and found.table is None:
        raise UsageError(f"'{short(name)}' has no names of columns, so columns={dict(columns)} does not apply.")
    checked = missing, found.groups, axes, fewest, False, None, found.table, found.given
    data = from_arrays(found.values, found.labels, found.names, str(source), *checked)
    if found.axes and not axes:
        data = replace(data, axes=axes_of(data.shape, said=found.axes, why="as its format says"))
    data = replace(
        data,
        bounds=found.bounds or data.bounds,
        dropped=found.dropped + data.dropped,
        notes=(*found.notes, *data.notes),
        labels_from=found.labels_from if data.classes else "",
    )
    data = on_white(data) if alpha == WHITE else data
    data = data if known is None else in_order(data, known)
    told = given or (() if known is None else [column for column in known.given if column in data.names])
    return data.with_given(told) if told and not data.is_given else data


def in_order(data: Data, known: Known) -> Data:
    """The same rows with the columns of the `known` names alone, and what they are given, in their order; notes say what was done.

    Columns without names go by place, and get the known names. Raises DataError where a known column is missing.

    >>> from unstir.data.rows import Rows
    >>> data = Data(Rows(np.array([[1.0, 2.0]])), names=("b", "a"))
    >>> found = in_order(data, Known(("a", "b")))
    >>> found.values.tolist(), found.names, found.reordered
    ([[2.0, 1.0]], ('a', 'b'), True)
    """
    names = known.among(data.names)
    order, notes = matched(names, data.names, data.source)
    data = replace(data, notes=(*data.notes, *notes))
    if order is None:
        fits = names and data.shape == (len(names),)
        return replace(data, names=names) if fits else data
    if order == tuple(range(len(data.names))):
        return data
    rows = replace(data.rows, held=np.ascontiguousarray(data.rows.held[:, order]))
    table = data.table and data.table.take(order)
    return replace(data, rows=rows, names=names, reordered=list(order) != sorted(order), table=table)


def in_schema(data: Data, table: Schema, whose: str) -> Data:
    """The same rows in the codes of another table, that of `whose`, with the same columns in the same order; its ranges grow to hold them.

    Raises DataError for a cell that a column of that table cannot hold, and for a missing one where it has none.

    >>> from unstir.data.tables.column import Column
    >>> model = Schema((Column("town", "category", values=("Bonn", "Ulm"), low=0.0, high=1.0),))
    >>> in_schema(from_arrays({"town": ["Ulm"] * 4}), model, "my-run").values.tolist()
    [[1.0], [1.0], [1.0], [1.0]]
    """
    if data.table is None:
        return data
    cells = data.table.cells(data.rows[:])
    try:
        codes = table.coded(Frame(cells, len(data)))
    except DataError as error:
        raise DataError(f"{spelled(data.source)}, as {whose} knows its columns: {error}") from None
    columns = []
    for column, each in zip(table.columns, codes.T, strict=True):
        held = each[~np.isnan(each)]
        if len(held) < len(each) and not column.missing:
            raise DataError(
                f"{spelled(data.source)}: column '{short(column.name)}' has {counted(len(each) - len(held), 'missing cell')}, and "
                f"{whose} was trained without any. Pass --data.missing drop, or train without --from."
            )
        if len(held):
            low, high = float(np.fmin(column.low, held.min())), float(np.fmax(column.high, held.max()))
            column = replace(column, low=low, high=high)
        columns.append(column)
    return replace(data, rows=Rows(codes), table=Schema(tuple(columns), data.table.left))


def _path(source: str | Path) -> Path:
    """The path that was typed, with ~ written out. Raises UsageError for what cannot be one: a home folder of nobody, a NUL."""
    try:
        path = Path(source).expanduser()
        with suppress(OSError):  # which is said when the file is read
            path.stat()
    except (RuntimeError, ValueError):
        raise UsageError(f"'{short(spelled(str(source)))}' is not the name of a file.") from None
    return path


def _format(request: Request) -> Format:
    """The format that the path says. Raises UsageError for one that is not known, StorageError for what is no file and no folder."""
    path, source = request.path, spelled(request.source)
    mode = path.stat().st_mode
    form = folder_format(path) if stat.S_ISDIR(mode) else format_of(path.name)
    if form is not None and request.header != AUTO and not form.headed:
        raise _no_header(source)
    if form is not None and stat.S_ISDIR(mode):
        return form
    if form is None:
        raise refusal(path, source, suffixes())
    if request.size is not None and not form.resizes:
        raise _no_size(source)
    _refuse_way(source, request.labels_from)
    if not stat.S_ISREG(mode):  # reading a pipe could wait for ever
        raise StorageError(f"cannot read '{source}': it is a pipe or a device. Write what it gives to a file first.")
    return form


def _refuse_way(source: str, labels_from: str | None) -> None:
    """Raise UsageError where classes are asked of the names of files, and there is only one file."""
    if labels_from not in (None, NONE):
        raise UsageError(
            f"'{short(source)}' is no folder, so labels_from='{labels_from}' does not apply; leave --data.labels-from out."
        )


def _no_size(source: str) -> UsageError:
    return UsageError(f"'{short(source)}' is no folder of images, so it cannot be resized; leave --data.size out.")


def _no_header(source: str) -> UsageError:
    return UsageError(f"'{short(source)}' is no table in a text file, so it has no header; leave --data.header out.")


def heeds_points(source: str) -> bool:
    """Whether `load` draws as many points as it is told: of a built-in point set it does, and all else is read whole.

    >>> heeds_points("moons"), heeds_points("points.npy")
    (True, False)
    """
    return source in TOYS
