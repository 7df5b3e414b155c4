"""The classes of the files of a folder in a table, as Hugging Face's image folders have it: a row for each file.

    file_name,label                          {"file_name": "0001.png", "label": "cat"}
    0001.png,cat                             {"file_name": "0002.png", "label": "dog"}
    0002.png,dog
    metadata.csv                             metadata.jsonl

The column of files is the first that is called as `FILES` say, and the column of classes the one that is asked for, or else the first
that is called as `LABELS` say. A file is named by its path in the folder, or by the end of it: with or without folders, with or without
its suffix, as long as only one file is called so.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from unstir.data.checks import unknown_name
from unstir.data.formats.dialect import opened, table_rows
from unstir.errors import DataError
from unstir.words import counted, short, spelled

TABLES = ("metadata.csv", "metadata.tsv", "metadata.jsonl")
FILES = ("file_name", "filename", "file", "image", "path", "filepath", "file_path", "image_path", "image_id", "name", "id")
LABELS = ("label", "labels", "class", "classes", "class_name", "category", "species", "target", "y")


@dataclass(frozen=True)
class Table:
    """The class of each file in a table, by what the table calls the file. `column` is that of the classes, "" where there is none."""

    path: Path
    column: str
    classes: dict[str, str]

    def labels(self, files: Iterable[PurePath]) -> dict[PurePath, str]:
        """The class of each file, by its path in the folder; "" where the table has no row for it.

        Raises DataError where a row may mean two files, or means none.
        """
        rows = {PurePath(name.replace("\\", "/")).as_posix(): name for name in self.classes}
        found: dict[PurePath, str] = {}
        of: dict[str, PurePath] = {}
        where = short(spelled(self.path.name))
        for file in files:
            row = next((rows[name] for name in _names(file) if name in rows), None)
            found[file] = "" if row is None else self.classes[row]
            if row is not None and of.setdefault(row, file) != file:
                both = f"'{short(str(of[row]), 80)}' and '{short(str(file), 80)}'"
                raise DataError(f"'{short(row, 80)}' in {where} may be {both}. Write the whole path, as in '{file.as_posix()}'.")
        missing = [name for name in self.classes if name not in of]
        if missing:
            raise DataError(
                f"{where} lists {counted(len(missing), 'file')} that the folder does not hold (first: '{short(missing[0], 80)}'). Bring "
                "back the files, or take out their rows."
            )
        return found


def table_in(folder: Path) -> Path | None:
    """The table of the files of a folder; None where there is none."""
    return next((folder / name for name in TABLES if (folder / name).is_file()), None)


def read_table(path: Path, labels: str | None, asked: bool = True) -> Table:
    """The table in a file, with the classes in the column `labels`, or else in one that is called like a class.

    Where it is not `asked` for, a table without such columns has none of the classes. Raises UsageError for `labels` that are no
    column, DataError for a table without a column of files or of classes, or with two classes for a file.
    """
    where = spelled(str(path))
    columns, rows = _lines(path, where) if path.name.endswith(".jsonl") else _cells(path, where)
    plain = {name.strip().lower(): name for name in reversed(columns)}
    files = next((plain[name] for name in FILES if name in plain and plain[name] != labels), None)
    if labels is not None and labels not in columns:
        raise unknown_name(f"column in '{where}'", labels, columns)
    column = labels or next((plain[name] for name in LABELS if name in plain), None)
    if files is None or column is None:
        if not asked:
            return Table(path, "", {})
        what = "names of files, as file_name is" if files is None else "classes: pass --data.labels with the name of one"
        raise DataError(f"'{where}' has the columns {', '.join(map(short, columns[:10]))}, and none is of {what}.")
    classes: dict[str, str] = {}
    for row in rows:
        name, label = str(row[files]).strip(), _text(row[column])
        if classes.setdefault(name, label) != label:
            raise DataError(f"'{where}' has two classes for '{short(name, 80)}': '{short(classes[name])}' and '{short(label)}'.")
    return Table(path, column, classes)


def _cells(path: Path, where: str) -> tuple[list[str], list[dict[str, str]]]:
    with opened(path, where) as file:
        found = table_rows(file, where)
        top = next(found.rows, None)
        names = [] if top is None else [cell.strip() for cell in top[1]]
        return names, [dict(zip(names, cells, strict=True)) for _, cells in found.rows]


def _lines(path: Path, where: str) -> tuple[list[str], list[dict[str, object]]]:
    rows = []
    with opened(path, where) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    rows.append(dict(json.loads(line)))
                except (ValueError, TypeError, RecursionError):
                    raise DataError(f"'{where}', line {number} is no object of JSON.") from None
    names = list(rows[0]) if rows else []
    return names, [{name: row.get(name) for name in names} for row in rows]


def _text(value: object) -> str:
    """A class as text; a missing one is empty."""
    return "" if value is None or value != value else str(value).strip()


def _names(file: PurePath) -> list[str]:
    """How a table may call a file: by its whole path, or by parts of its end, the longest first."""
    ends = ["/".join(file.parts[i:]) for i in range(len(file.parts))]
    return [name for end in ends for name in (end, end.removesuffix(file.suffix))]
