r"""How numbers are spelled in tables, and what a cell is that is no number.

    1.5   -2e-3   1234                     as Python spells them
    1,5   1.234,5   1 234,5                with a decimal comma, and perhaps dots, spaces or ' between thousands          (1)
    1,234.5   1,234,567   1'234            with a decimal point, and commas, spaces or ' between thousands                (2)

One spelling holds for a whole table. `1,234` is a number in both, and a different one, so all other numbers decide which it is; where
they do not, the table is refused. No value is guessed.

>>> marks = marks_of(["0,5", "1.234,56", "1,234", "", "x"], "a.csv")
>>> [number(cell, marks) for cell in ("0,5", "1.234,56", "1,234")], marks.said
([0.5, 1234.56, 1.234], "numbers are written with a decimal comma, as in '0,5'.")
>>> marks_of(["1,234", "2,000"], "a.csv")
Traceback (most recent call last):
...
unstir.errors.DataError: 'a.csv': '1,234' may be 1.234 or 1234, and no other number shows which. Write it with a point, or ...
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from unstir.errors import DataError
from unstir.words import short

MISSING = {
    *("", "na", "n/a", "nan", "-nan", "null", "none", "nil", "<na>", "#n/a", "#na", "n.a.", "?", "-", "--", "."),
    *("#n/a n/a", "1.#qnan", "-1.#ind"),
}
APART = "[\\s'’]"  # between thousands, in either spelling; \s has the narrow spaces, too
COMMA = re.compile(  # (1)
    rf"[+-]?(?:\d+|\d{{1,3}}(?:(?:\.|{APART})\d{{3}})+),\d+(?:[eE][+-]?\d+)?|[+-]?\d{{1,3}}(?:(?:\.\d{{3}}){{2,}}|(?:{APART}\d{{3}})+)"
)
POINT = re.compile(rf"[+-]?\d{{1,3}}(?:(?:,|{APART})\d{{3}})+(?:\.\d+)?")  # (2)
DOTTED = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+")  # thousands in (1), or a number in (2)
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?|\d{1,2}:\d\d(?::\d\d.*)?")


class Marks(NamedTuple):
    """How the numbers of a table are spelled: what stands between thousands, and the decimal mark; `said` says so to a person."""

    between: str = ""
    decimal: str = "."
    said: str = ""


PLAIN = Marks()


def number(cell: str, marks: Marks = PLAIN) -> float:
    """The number that a cell holds. Raises ValueError for one that is none; 1_000 is Python, and in a table a name."""
    if "_" in cell:
        raise ValueError(cell)
    return float(cell if marks is PLAIN else plain(cell, marks))


def plain(cell: str, marks: Marks) -> str:
    """A cell as Python spells its number.

    >>> plain("1'234,5", marks_of(["1,5"], "a.csv"))
    '1234.5'
    """
    text = cell.strip()
    spelling = COMMA if marks.decimal == "," else POINT
    if marks is PLAIN or not (spelling.fullmatch(text) or (marks.decimal == "," and DOTTED.fullmatch(text))):
        return text
    return re.sub(f"[{re.escape(marks.between)}]|{APART}", "", text).replace(marks.decimal, ".")


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value."""
    return cell.strip().lower() in MISSING


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, in any spelling."""
    if is_missing(cell):
        return False
    try:
        number(cell)
    except ValueError:
        return is_marked(cell)
    return True


def is_marked(cell: str) -> bool:
    """Whether a cell holds a number that Python would spell otherwise."""
    text = cell.strip()
    return bool(COMMA.fullmatch(text) or POINT.fullmatch(text))


def marks_of(cells: Iterable[str], source: str) -> Marks:
    """How the numbers among all cells of a table are spelled. Raises DataError where they do not agree, or do not say."""
    first: dict[str, str] = {}
    for cell in cells:
        text = cell.strip()
        comma, point = COMMA.fullmatch(text) is not None, POINT.fullmatch(text) is not None
        if comma and not point:
            first.setdefault("comma", text)
            if "." in text:
                first.setdefault("dots", text)
        elif point and not comma:
            first.setdefault("point", text)
        elif point:
            first.setdefault("either" if "," in text else "apart", text)
        elif "." in text and _is_plain(text):
            first.setdefault("dotted" if DOTTED.fullmatch(text) else "plain", text)
    comma = first.get("comma")
    point = first.get("plain") or first.get("point")
    if comma and point:
        raise DataError(f"'{source}' has numbers with a decimal comma ('{short(comma)}') and with a point ('{short(point)}').")
    if comma:
        if "dotted" in first and "dots" not in first:
            raise DataError(_unclear(source, first["dotted"], comma))
        return Marks(".", ",", f"numbers are written with a decimal comma, as in '{short(comma)}'.")
    if "either" in first and not point:
        raise DataError(_unclear(source, first["either"]))
    shown = first.get("either") or first.get("point") or first["apart"]
    return Marks(",", ".", f"numbers are written with marks between thousands, as in '{short(shown)}'.")


def kind_of_text(cell: str) -> str:
    """What a cell is that is no number, and what to do about it, as the end of a sentence; "" for any other text.

    >>> kind_of_text("12 %"), kind_of_text("cat")
    (', a percentage. Take out the sign', '')
    """
    text = cell.strip()
    if DATE.fullmatch(text):
        return ", a date or a time. Turn it into a number, such as days since the first one, or leave the column out"
    if text.endswith("%") and is_number(text[:-1]):
        return ", a percentage. Take out the sign"
    if text[:1] in ("$", "€", "£", "¥") and is_number(text[1:]):
        return ", an amount of money. Take out the sign"
    if text.lower() in ("true", "false", "yes", "no"):
        return ". Write 1 for yes and 0 for no"
    return ""


def _is_plain(text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return True


def _unclear(source: str, text: str, comma: str = "") -> str:
    between = re.sub(r"[.,]", "", text)
    point = text.replace(",", ".")
    why = f"beside '{short(comma)}'" if comma else "and no other number shows which"
    return f"'{source}': '{short(text)}' may be {point} or {between}, {why}. Write it with a point, or without a mark between thousands."
