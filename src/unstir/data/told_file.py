"""The rows of a file that samples are drawn for: the columns that a model knows, by their names, each cell as it is written.

    .csv, .tsv, .txt, ... a table with a line of names          .npz  arrays by name                              (1)
    .parquet, .feather    tables of pyarrow

Nothing is guessed: the model knows what its columns are, and what a cell means.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "rows.csv")
    ...     _ = path.write_text("price,island,name\\n3.2,Biscoe,a\\n,Dream,b\\n")
    ...     columns_of(path, ("price", "island"))
    ToldRows(columns={'price': ['3.2', ''], 'island': ['Biscoe', 'Dream']}, rows=2, notes=("...'name' is left out.",))
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unstir.data.formats.arrow import frame_in
from unstir.data.formats.dialect import opened, table_rows
from unstir.data.formats.npy import KIND
from unstir.data.formats.raw import broken, refuse_large
from unstir.data.matching import LISTED
from unstir.errors import DataError, StorageError
from unstir.words import counted, listed, short, spelled

ARCHIVE, TABLES, ARROW = ".npz", (".csv", ".tsv", ".txt", ".dat", ".tab"), (".parquet", ".pq", ".feather", ".arrow")


class ToldRows(NamedTuple):
    """Columns by name, `rows` cells each, and sentences for a person."""

    columns: dict[str, Any]
    rows: int
    notes: tuple[str, ...]


def is_told_file(text: str) -> bool:
    """Whether a text is the path of such a file, by its end.

    >>> is_told_file("rows.csv"), is_told_file("price=3.2")
    (True, False)
    """
    return text.lower().removesuffix(".gz").endswith((ARCHIVE, *TABLES, *ARROW))


def columns_of(path: Path, names: Sequence[str]) -> ToldRows:
    """Those columns of a file that have one of the `names`, or, of an archive, are called as what `goal.0` and `goal.1` are parts of.

    Raises StorageError for a file that cannot be read, DataError for one without a row or without any of the names.
    """
    source = spelled(str(path))
    try:
        read = _arrays if path.suffix.lower() == ARCHIVE else _columns if path.suffix.lower() in ARROW else _cells
        held = read(path, source)
    except FileNotFoundError:
        raise StorageError(f"no such file: '{short(source, 80)}'.") from None
    except OSError as error:
        raise StorageError(f"cannot read '{short(source, 80)}': {error.strerror or error}.") from None
    whole = {*names, *(name.rpartition(".")[0] for name in names)}
    known, other = [name for name in held if name in whole], [name for name in held if name not in whole]
    if not known:
        came = listed([f"'{short(name)}'" for name in list(held)[:LISTED]])
        wanted = listed([short(name) for name in names[:LISTED]])
        raise DataError(f"'{short(source, 80)}' has the columns {came}, and the model is given {wanted}: none of them is there.")
    rows = len(held[known[0]])
    if not rows or any(len(held[name]) != rows for name in known):
        raise DataError(f"'{short(source, 80)}' has no row, or its columns are of unequal length.")
    missing = [name for name in names if not {name, name.rpartition(".")[0]} & set(known)]
    notes = []
    if other:
        notes.append(f"{short(source, 80)}: {_quoted(other)} {'is' if len(other) == 1 else 'are'} left out.")
    if missing:
        notes.append(
            f"{short(source, 80)} has no {_quoted(missing)}: nothing is given of {'it' if len(missing) == 1 else 'them'}."
        )
    return ToldRows({name: held[name] for name in known}, rows, tuple(notes))


def _cells(path: Path, source: str) -> dict[str, list[str]]:
    refuse_large(source, path.stat().st_size)
    with opened(path, source) as file:
        lines = [cells for _, cells in table_rows(file, source).rows]
    names = [cell.strip() for cell in lines[0]] if lines else []
    return {name: [cells[i].strip() for cells in lines[1:]] for i, name in enumerate(names)}


def _arrays(path: Path, source: str) -> dict[str, np.ndarray]:
    with broken(source, KIND), path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        try:
            return {name: archive[name] for name in archive.files if archive[name].ndim}
        except (ValueError, zipfile.BadZipFile) as error:
            raise DataError(f"'{source}' cannot be read: {error}.") from None


def _columns(path: Path, source: str) -> dict[str, list[Any]]:
    frame = frame_in(path, source)
    return {name: column.to_pylist() for name, column in frame.columns.items()}


def _quoted(names: Sequence[str]) -> str:
    shown = [f"'{short(name)}'" for name in names[:LISTED]]
    return listed([*shown, counted(len(names) - LISTED, "other")] if len(names) > LISTED else shown)
