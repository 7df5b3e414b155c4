"""A folder as data: which of its files are rows, and what class each is of.

    images/1.png  images/2.png               no classes
    images/cat/1.png  images/dog/2.png       the sub-folders cat and dog are the classes                              (1)

Files one sub-folder deep make (1). In any other tree the class has to be said, with `labels_from`; then all depths are read:

    labels_from      the class of a/b/cat_7.png        where people have it
    top              a                                 the first folder is the class, however deep its images lie
    parent           b                                 train/cat/1.png and test/cat/2.png are of one class
    path             a/b                               each folder is a class of its own
    name             cat                               cat_001.png, cat.001.png, cat (1).png, 001_cat.png              (2)
    none             none
    a table          the one in its row                metadata.csv: `unstir.data.formats.metadata`                     (3)

A `metadata.csv` with a column of classes is taken without being asked for. No class gets lost without a word: a sub-folder that holds
images, but none that would be read, is an error. Hidden files and what systems leave behind, such as Thumbs.db, are not looked at.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from unstir.data.formats.format import Request
from unstir.data.formats.metadata import Table, read_table, table_in
from unstir.data.formats.walk import JUNK, is_member, walk
from unstir.errors import DataError, UsageError, unknown
from unstir.words import counted, listed, short, spelled

# A sub-folder that holds nothing else is no class that lost its images.
TEXTS = (
    *(".csv", ".htm", ".html", ".ini", ".json", ".jsonl", ".log", ".md"),
    *(".pdf", ".py", ".rst", ".tsv", ".txt", ".xml", ".yaml", ".yml"),
)
FOLDER, NAME, NONE = "folder", "name", "none"
# A class before a number. One that ends in a digit, as n01440764 does, needs something between the two: 0001 is no class 0.
LAST = re.compile(r"(.*?(?:[^\W\d_]|[^\s_.()-](?=[\s_.(-])))[\s_.-]*\(?\d+\)?")
FIRST = re.compile(r"\d+[\s_.-]+(.+)")  # a class behind a number


def _of_name(file: PurePath) -> str:
    """The class in a file's name, by (2), or "": the part before the last number, or else behind the first.

    >>> [_of_name(PurePath(name)) for name in ("cat_001.png", "n01440764_18.JPEG", "7-02.png", "a_b 12 (3).png", "01_cat.png", "x.png")]
    ['cat', 'n01440764', '7', 'a_b 12', 'cat', '']
    """
    found = LAST.fullmatch(file.stem) or FIRST.fullmatch(file.stem)
    return found[1] if found else ""


WAYS: Mapping[str, Callable[[PurePath], str]] = {
    FOLDER: lambda file: file.parent.name,
    "top": lambda file: file.parts[0] if len(file.parts) > 1 else "",
    "parent": lambda file: file.parent.name,
    "path": lambda file: file.parent.as_posix() if len(file.parts) > 1 else "",
    NAME: _of_name,
    NONE: lambda file: "",  # noqa: ARG005
}


@dataclass(frozen=True)
class Tree:
    """The files of a folder that are rows, in order, with the class of each or "".

    `labels_from` says in words where the classes are from. `notes` are sentences about what is not read, and `unlabelled` are files
    that have no class where the others have one, with the reason. `numbered`: the classes are to be sorted as numbers if they all are.
    """

    files: dict[Path, str]
    labels_from: str = ""
    notes: tuple[str, ...] = ()
    unlabelled: Mapping[Path, str] = field(default_factory=dict)
    numbered: bool = False


def tree(request: Request, members: tuple[str, ...], noun: str) -> Tree:
    """The files of a folder whose names end as `members` say, which messages call a `noun`, with their classes.

    Raises DataError where there is none, a class would get lost, or it is not clear what the classes are; UsageError for `labels` or
    `labels_from` that do not suit the folder.
    """
    folder, source, way = request.path, request.source, request.labels_from
    request.refuse_groups(f"it is a folder of {noun}s")
    found = list(walk(folder, members))
    files = [file for file in found if is_member(file, members)]
    others = [file for file in found if not is_member(file, members)]
    if not files:
        held = f"but for example {_name(others[0], folder)}" if others else "and nothing else"
        raise DataError(f"the folder '{spelled(source)}' holds no {noun}s ({', '.join(members)}), {held}.")
    table = _table(request, way)
    if table is None and request.labels is not None:
        raise UsageError(
            f"the classes of '{spelled(source)}' are its sub-folders; labels='{request.labels}' is for a file, or for a folder with a "
            "metadata.csv."
        )
    if table is not None:
        return _by_table(table, files, [file for file in others if file != table.path], folder)
    notes = _left_out(others, folder)
    if way is None or way == FOLDER:
        return _by_folder(request, files, others, notes, noun)
    return _by(WAYS[way], way, files, notes, request)


def refuse_lost(before: Mapping[Path, str], kept: list[Path], request: Request, noun: str) -> None:
    """Raise DataError where a class has lost all its files, because none of them could be read."""
    lost = sorted(set(before.values()) - {before[file] for file in kept} - {""})
    if lost:
        count = sum(label == lost[0] for label in before.values())
        more = f", and so of {counted(len(lost) - 1, 'other class').replace('classs', 'classes')}" if len(lost) > 1 else ""
        raise DataError(
            f"none of the {counted(count, noun)} of class '{short(lost[0])}' of '{spelled(request.source)}' can be read{more}, so the class "
            "would be lost. Repair them, or take the class away."
        )


def _table(request: Request, way: str | None) -> Table | None:
    """The table that the classes are in; None where they are somewhere else. Raises UsageError for another `labels_from`."""
    if way in WAYS:
        return None
    if way is not None:
        place = next((path for path in (request.path / way, Path(way).expanduser()) if path.is_file()), None)
        if place is None:
            raise unknown("way to find the classes of a folder", way, [*WAYS, "a table such as metadata.csv"])
        return read_table(place, request.labels)
    place = table_in(request.path)
    table = None if place is None else read_table(place, request.labels, asked=request.labels is not None)
    return table if table and table.column else None


def _by_table(table: Table, files: list[Path], others: list[Path], folder: Path) -> Tree:
    """Classes by (3)."""
    labels = table.labels([file.relative_to(folder) for file in files])
    classes = {file: labels[file.relative_to(folder)] for file in files}
    unlabelled = {file: f"{table.path.name} has no class for it" for file, label in classes.items() if not label}
    said = f"column '{short(table.column)}' of {short(table.path.name)}"
    return Tree(classes, said, tuple(_left_out(others, folder)), unlabelled, numbered=True)


def _by(rule: Callable[[PurePath], str], way: str, files: list[Path], notes: list[str], request: Request) -> Tree:
    """Classes by a rule of `WAYS`, of files at any depth."""
    classes = {file: spelled(rule(file.relative_to(request.path))) for file in files}
    without = [file for file, label in classes.items() if not label]
    if way != NONE and without:
        example = "cat_001.png or 001_cat.png" if way == NAME else "cat/001.png"
        raise DataError(
            f"'{spelled(request.source)}': the class of {_name(without[0], request.path)} is not clear, as it is in a name such as "
            f"{example}. Rename it, or list all files and their classes in a metadata.csv."
        )
    if way == NONE:
        return Tree(classes, notes=tuple(notes))
    what = {NAME: "the names of the files", "top": "the first folders", "path": "the paths of the folders"}.get(
        way, "the folders"
    )
    first = next(iter(classes))
    return Tree(classes, f"{what} ({_name(first, request.path)}: '{short(classes[first])}')", tuple(notes), numbered=way == NAME)


def _by_folder(request: Request, files: list[Path], others: list[Path], notes: list[str], noun: str) -> Tree:
    """Classes by (1)."""
    folder, source = request.path, spelled(request.source)
    by_depth: dict[int, list[Path]] = {0: [], 1: [], 2: []}
    for file in files:
        by_depth[min(len(file.relative_to(folder).parts) - 1, 2)].append(file)
    tops, inner, deeper = by_depth.values()
    if (inner or deeper) and any(file.is_file() for file in tops):
        raise DataError(
            f"'{source}' has {noun}s beside sub-folders that hold {noun}s ({_name(tops[0], folder)} and "
            f"{_name((inner or deeper)[0], folder)}), so the classes are not clear. Move the former into a sub-folder of their own, or all "
            "of them to one place, or pass --data.labels none to train without classes."
        )
    if deeper and not inner:
        path = deeper[0].relative_to(folder)
        top, parent, whole = (WAYS[way](path) for way in ("top", "parent", "path"))
        raise DataError(
            f"the {noun}s of '{source}' lie deeper than one sub-folder, as in '{short(spelled(str(path)), 80)}', so the classes are not "
            f"clear. Name the folder above the classes, or say what the class of this one is: --data.labels-from top ('{short(top)}'), "
            f"parent ('{short(parent)}') or path ('{short(whole, 60)}'), or --data.labels none."
        )
    if inner:
        notes += _sub_folders(folder, source, inner, deeper, others, noun)
        classes = {file: spelled(file.parent.name) for file in (*tops, *inner)}
        return Tree(classes | dict.fromkeys(tops, ""), "the sub-folders", tuple(notes))
    names = {_of_name(file) for file in tops}
    if 2 <= len(names) <= len(tops) // 4 and "" not in names and not all(name.isdigit() for name in names):
        some = listed([f"'{short(spelled(name))}'" for name in sorted(names)[:3]])
        notes.append(f"no classes; names of files such as {some} may be: pass --data.labels-from name to train with them.")
    return Tree(dict.fromkeys(tops, ""), notes=tuple(notes))


def _sub_folders(folder: Path, source: str, inner: list[Path], deeper: list[Path], others: list[Path], noun: str) -> list[str]:
    """Sentences about sub-folders that are no classes. Raises DataError where one holds images, though none that would be read."""
    classes, notes = {file.parent for file in inner}, []
    empty = [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and entry not in classes]
    for entry in empty:
        if entry.name.startswith(".") or entry.name.lower() in JUNK:
            continue
        lost = [file for file in deeper if entry in file.parents]
        if lost:
            raise DataError(
                f"'{source}': the {counted(len(lost), noun)} of '{short(spelled(entry.name))}' lie deeper than those of the other classes "
                f"(first: {_name(lost[0], folder)}), so the class would be lost. Move them up, or pass --data.labels-from top, which takes "
                "the first folder as the class however deep they lie."
            )
        held = [file for file in others if entry in file.parents]
        foreign = [file for file in held if not file.name.lower().endswith(TEXTS)]
        if foreign:
            raise DataError(
                f"'{source}': '{short(spelled(entry.name))}' would be a class, but none of its {counted(len(held), 'file')} is of a kind "
                f"that is read here (first: {_name(foreign[0], folder)}), so the class would be lost. Convert them to the format of the "
                "other classes, or take the sub-folder away."
            )
        notes.append(
            f"the sub-folder '{short(spelled(entry.name))}' {'holds no ' + noun + 's' if held else 'is empty'}: it is no class."
        )
    if deeper:
        notes.append(
            f"{counted(len(deeper), noun)} deeper than one sub-folder, for example {_name(deeper[0], folder)}, left out. "
            "--data.labels-from top takes them in."
        )
    return notes


def _left_out(others: list[Path], folder: Path) -> list[str]:
    return (
        [f"{counted(len(others), 'other thing')} in the folder, for example {_name(others[0], folder)}, left out."]
        if others
        else []
    )


def _name(file: Path, folder: Path) -> str:
    return f"'{short(spelled(str(file.relative_to(folder))), 80)}'"
