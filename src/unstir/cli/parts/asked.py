"""What samples are asked for on the command line: `--given price=3.2,island=Biscoe`, `--given rows.csv`, or a class.

name=value, with commas between them; a value with a comma stands in quotes, as in --given '"price=3.2","island=a, b"'      (1)
a table or an archive: a sample for each of its rows, or `--each` of them                                                   (2)
a class, by name or number, for a model of data with classes                                                                (3)
"""

import csv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unstir.cli.parts.flags import GivenFlags, home
from unstir.cli.parts.progress import note
from unstir.conditions.base import Several
from unstir.data import Data
from unstir.data.told_file import columns_of, is_told_file
from unstir.errors import UsageError
from unstir.model.model import Model
from unstir.words import listed, short

USUAL = 1000  # samples


class Asked(NamedTuple):
    """What the rows are given, as `Model.sample` takes it, and how many rows there are; `chosen`: whether all are given the same class."""

    given: Any
    n: int
    chosen: bool


def asked(flags: GivenFlags, model: Model, n: int | None = None, each: int | None = None) -> Asked:
    """What was typed, for `n` rows or for `each` of the rows of a file.

    Raises UsageError for a model that is given nothing, an unknown name, a value without a name, -n with a file and --each without one;
    what reading raises for a file.
    """
    text, several = flags.given, isinstance(model.condition, Several)
    if text is None or flags.label is not None:
        if text is not None:
            raise UsageError(f"--given {short(text)} and --class {short(flags.label or '')}: give one of them.")
        _refuse_each(each)
        return Asked(flags.of(model.classes), USUAL if n is None else n, flags.label is not None)
    if model.condition is None:
        raise UsageError(
            f"--given {short(text)}: this model was trained without labels and without --given, so nothing can be given."
        )
    names = model.condition.names if isinstance(model.condition, Several) else (model.condition.column,)
    pairs = _pairs(text, names)
    if pairs is None and is_told_file(text):
        return _from_file(text, model, names, n, each)
    _refuse_each(each)
    count = USUAL if n is None else n
    if pairs is None and several and len(names) > 1:
        raise UsageError(
            f"--given {short(text)}: name what you give, as in {short(names[0])}=...; this model is given "
            f"{listed([short(name) for name in names[:12]])}. Or name a table, as in rows.csv."
        )
    if several:
        return Asked({names[0]: text} if pairs is None else pairs, count, False)
    value = text if pairs is None else pairs[names[0]]
    return Asked(GivenFlags(value).of(model.classes) if model.classes else value, count, bool(model.classes))


def asked_beside(flags: GivenFlags, model: Model, data: Data) -> Any:
    """What rows of DATA are given: what was typed, and else what their columns say; None for nothing. Raises what `asked` raises."""
    if flags.given is not None and is_told_file(flags.given) and "=" not in flags.given:
        raise UsageError(
            f"--given {short(flags.given)}: rows of DATA bring what they are given with them: put it into columns of DATA."
        )
    typed = asked(flags, model, len(data)).given
    if not isinstance(model.condition, Several) or not data.is_given:
        return typed
    held = data.told
    note(f"note: each row is filled in given its {listed([short(name) for name in list(held)[:12]])}.")
    return held | (typed or {})


def _pairs(text: str, names: tuple[str, ...]) -> dict[str, str] | None:
    """Values by name, as typed by (1); None for a text that names nothing. The longest of the `names` that fits is meant."""
    parts = [part.strip() for part in next(csv.reader([text], skipinitialspace=True), [])]
    if not any("=" in part for part in parts):
        return None
    found: dict[str, str] = {}
    for part in parts:
        fits = [name for name in names if part.startswith(f"{name}=")]
        name = max(fits, key=len) if fits else part.partition("=")[0]
        if "=" not in part:
            raise UsageError(
                f"--given {short(text, 80)}: '{short(part)}' has no name. Write name=value, with commas between; a value with a comma "
                "stands in quotes, as in '\"name=a, b\"'."
            )
        if name in found:
            raise UsageError(f"--given {short(text, 80)}: '{short(name)}' is there twice.")
        found[name] = part[len(name) + 1 :].strip()
    return found


def _from_file(text: str, model: Model, names: tuple[str, ...], n: int | None, each: int | None) -> Asked:
    """The rows of a file, `each` of them so many times in a row."""
    if n is not None:
        raise UsageError(
            f"-n {n} and --given {short(text)}: a file says how many: one sample for each of its rows. Or use --each."
        )
    if each is not None and each < 1:
        raise UsageError(f"--each {each}: it is 1 or above.")
    found = columns_of(Path(home(text)), names)
    for sentence in found.notes:
        note(f"note: {sentence}")
    times = each or 1
    columns = {name: np.repeat(np.asarray(cells), times, axis=0) for name, cells in found.columns.items()}
    given = columns if isinstance(model.condition, Several) else columns[names[0]].tolist()
    return Asked(given, found.rows * times, False)


def _refuse_each(each: int | None) -> None:
    if each is not None:
        raise UsageError(f"--each {each} is for the rows of a file, as in --given rows.csv --each {each}.")


def in_a_name(text: str) -> str:
    """What was given as a part of a file's name.

    >>> in_a_name("price=3.2,island=Biscoe")
    'price-3.2-island-Biscoe'
    """
    from unstir.data.formats.images import in_a_file_name

    stem = Path(text).stem if is_told_file(text) else text
    return in_a_file_name(stem.replace("=", "-").replace(",", "-").replace(" ", ""))
