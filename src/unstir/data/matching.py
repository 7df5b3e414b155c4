"""Columns that come back to a model: matched by name, put into the model's order, or refused with what is missing and what is unknown.

    the model knows    came        what happens
    a, b               b, a        both are exchanged                                                         (1)
    a, b               a, b, c     c is left out, and a sentence says so                                      (2)
    a, b               A, c        refused: a and b are missing, A and c are not known; A may be a            (3)
    a, b               no names    they go by place: the first is a, the second is b; a sentence says so      (4)
    no names           a, b        they go by place; a sentence says so                                       (5)

Names are equal only if every character is. A difference in capitals or spaces is only suggested, as in (3).

    >>> matched(("a", "b"), ("b", "c", "a"), "rows.csv")
    Matched(order=(2, 0), notes=("rows.csv: column 'c' is left out; the columns are 'a' and 'b'.",))
"""

import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from unstir.data.tables.schema import Schema
from unstir.errors import DataError
from unstir.words import counted, listed, short

LISTED = 8  # names in a list of a message


class Known(NamedTuple):
    """What a model knows of a table: the names of the columns of a row, in its order, and of the column of classes. Either may be none.

    `table` is the model's schema, by which cells become codes, or None. `given` are the columns of what its rows are given.
    """

    names: tuple[str, ...] = ()
    label: str | None = None
    table: Schema | None = None
    given: tuple[str, ...] = ()

    def among(self, came: Sequence[str]) -> tuple[str, ...]:
        """The columns of a row, and those of what it is given that `came`."""
        return (*self.names, *(name for name in self.given if name in came and name not in self.names))


NOTHING_KNOWN = Known()


class Matched(NamedTuple):
    """Which of the columns that came are the model's, in its order; None if they go by place. `notes` are sentences for a person."""

    order: tuple[int, ...] | None
    notes: tuple[str, ...] = ()


def matched(names: Sequence[str], came: Sequence[str], what: str) -> Matched:
    """Match the columns that `came` to the `names` that a model knows, by the table above; `what` came, for the messages.

    Raises DataError as in (3), and for a name that came twice.

    >>> matched(("age", "income"), ("Age ", "income"), "rows.csv")
    Traceback (most recent call last):
    ...
    unstir.errors.DataError: rows.csv: 'age' is missing, and 'Age ' is not known. Names have to be equal: is 'Age ' meant to be 'age'?
    """
    if not names or not came:
        return Matched(None, _by_place(names, came, what))
    for i, name in enumerate(came):
        if name in came[:i]:
            raise DataError(f"{what}: two columns are called '{short(name)}', so it is not clear which is meant. Rename one.")
    place = {name: i for i, name in enumerate(came)}
    missing, unknown = [name for name in names if name not in place], [name for name in came if name not in set(names)]
    if missing:
        raise DataError(_refusal(missing, unknown, what))
    notes = ()
    if unknown:
        are = "column {} is" if len(unknown) == 1 else "columns {} are"
        notes = (
            f"{what}: {are.format(_quoted(unknown))} left out; the {'column is' if len(names) == 1 else 'columns are'} {_quoted(names)}.",
        )
    return Matched(tuple(place[name] for name in names), notes)


def places(names: Sequence[str], order: Sequence[str]) -> list[int]:
    """The places of the names as they follow each other in `order`; names that are not in it come last, as they are.

    >>> places(("size", "kind", "price"), ("price", "size"))
    [2, 0, 1]
    """
    place = {name: i for i, name in enumerate(order)}
    return sorted(range(len(names)), key=lambda i: place.get(names[i], len(place)))


def _by_place(names: Sequence[str], came: Sequence[str], what: str) -> tuple[str, ...]:
    """The sentence about columns that go by place, if either side has names."""
    if names:
        return (f"{what}: no column names, so columns go by place, as {_quoted(names)}.",)
    if came:
        return (
            f"{what}: the model has no column names, so columns go by place, in the order in which they came: {_quoted(came)}.",
        )
    return ()


def _refusal(missing: Sequence[str], unknown: Sequence[str], what: str) -> str:
    """What is missing, what is not known, and which of those may be meant by each other."""
    said = f"{what}: {_quoted(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    said += f", and {_quoted(unknown)} {'is' if len(unknown) == 1 else 'are'} not known." if unknown else "."
    pairs = [(near, name) for name in missing if (near := _near(name, unknown))]
    if pairs:
        meant = " and ".join(f"'{short(near)}' meant to be '{short(name)}'" for near, name in pairs[:LISTED])
        return f"{said} Names have to be equal: is {meant}?"
    return f"{said} A model takes the columns that it was trained on, in any order."


def _near(name: str, unknown: Sequence[str]) -> str | None:
    """The unknown name that differs from a name least: at best in capitals, spaces and the like alone."""
    alike = next((other for other in unknown if _bare(other) == _bare(name)), None)
    return alike or next(iter(get_close_matches(name, unknown, 1, 0.7)), None)


def _bare(name: str) -> str:
    """A name without what people do not see or do not mind: capitals, spaces, underscores, hyphens, ways to write an accent."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def _quoted(names: Sequence[str]) -> str:
    """Names in a sentence, of many only the first."""
    shown = [f"'{short(name)}'" for name in names[:LISTED]]
    return listed([*shown, counted(len(names) - LISTED, "other")] if len(names) > LISTED else shown)
