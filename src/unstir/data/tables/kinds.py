"""What can be said of a column: its kinds, the guess at one, and which names are those of ids.

    category    number    time    drop          what somebody can ask for, as in --columns.island category                (1)

>>> left_out("as asked for").column is None
True
"""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from unstir.data.checks import unknown_name
from unstir.data.tables.column import Column
from unstir.errors import unknown
from unstir.words import short

ASKED_FOR = "as asked for"  # why
CATEGORY, NUMBER, TIME, DROP = ASKED = ("category", "number", "time", "drop")
IDS = (
    "id",
    "index",
    "idx",
    "key",
    "uuid",
    "guid",
    "rownum",
    "row_number",
    "row",
    "rowid",
    "rowname",
    "rownames",
    "level_0",
    "no",
    "nr",
)
NAMELESS = "unnamed"  # how a column begins whose name was an index without one, as pandas' "Unnamed: 0"
SOME = 10  # rows, from which a column can be said to number them
ENDS = re.compile(r"[a-z]I[dD]$")


class Guess(NamedTuple):
    """What a column is taken for: its `Column` and codes (N,) float64, or None and no codes where it is left out; `why` is for a person.

    `kept_as` is the kind as which a column that is left out can be kept; `note` is a sentence that a person should read.
    """

    column: Column | None
    codes: np.ndarray
    why: str
    kept_as: str = CATEGORY
    note: str = ""


Say = Callable[[str, str], str]
"""How a person says that a column of this name is to be taken for this kind: `flag` is for a command."""


def refuse_unknown(kinds: Mapping[str, str], names: Sequence[str], what: str = "column to take for a kind") -> None:
    """Raise UsageError for a kind that there is not, and for one of a column that there is not."""
    for name, kind in kinds.items():
        if kind not in ASKED:
            raise unknown(f"kind of the column '{short(name)}'", str(kind), ASKED)
        if name not in names:
            raise unknown_name(what, name, names)


def is_id_name(name: str) -> bool:
    """Whether a name is one that ids have, or stands for no name.

    >>> is_id_name("PassengerId"), is_id_name("user_id"), is_id_name("Unnamed: 0"), is_id_name("humidity")
    (True, True, True, False)
    """
    low = name.lower()
    return low in IDS or low.startswith(NAMELESS) or low.endswith(("_id", " id", ".id")) or ENDS.search(name) is not None


def flag(name: str, kind: str) -> str:
    """What to type so that a column is taken for a kind.

    >>> print(flag("a b", "drop"))
    '--columns.a b' drop
    """
    return f"{shlex.quote(f'--columns.{short(name)}')} {kind}"


def is_category(dtype: str) -> bool:
    """Whether the type of a data frame's column says that it holds categories."""
    return dtype.lower().startswith(("category", "categorical", "enum", "dictionary"))


def left_out(why: str, kept_as: str = CATEGORY) -> Guess:
    """A column that is left out."""
    return Guess(None, np.zeros(0), why, kept_as)


def is_id(name: str, held: np.ndarray, missing: bool) -> bool:
    """Whether whole numbers that are all different have the name of an id, or no name."""
    if missing or not is_id_name(name) or not np.isfinite(held).all() or (held != np.round(held)).any():
        return False
    different = len(np.unique(held)) == len(held)
    counts = name.lower().startswith(NAMELESS) and len(held) > 1 and bool((np.diff(held) == 1).all())
    return different and (len(held) >= SOME or counts)
