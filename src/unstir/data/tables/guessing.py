"""What a column of a table is, and why: from the cells alone, or as somebody says.

    every cell missing, or always the same         constant                                                          (1)
    all numbers                                    number; with an id's name and no value twice: left out, an id      (2)
    true and false, yes and no, ...                boolean                                                            (3)
    all dates or times of one form                 time                                                               (4)
    texts of which no two are equal                left out: names or ids                                             (5)
    so many texts that most occur once             left out: free text                                                (6)
    other texts                                    category                                                           (7)

Numbers among which some cells are texts are refused where the numbers are measurements, for then the texts are slips. What a caller asks
for, "category", "number", "time" or "drop", wins over all of it.

    >>> cells = Texts()
    >>> cells.add(["yes", "no", "yes"], [0, 1, 2])
    >>> found = guess_texts("paid", cells, "row")
    >>> found.column.kind, found.column.values, found.codes.tolist(), found.why
    ('boolean', ('no', 'yes'), [1.0, 0.0, 1.0], "'no' or 'yes'")
"""

from typing import Any

import numpy as np

from unstir.data.checks import BEYOND, EXACT
from unstir.data.formats.numerals import PLAIN, Marks, is_number, kind_of_text, number
from unstir.data.tables.column import MOST_DECIMALS, NUMERIC, Column
from unstir.data.tables.gathered import Numbers, Texts
from unstir.data.tables.kinds import (
    ASKED_FOR,
    CATEGORY,
    DROP,
    NUMBER,
    SOME,
    TIME,
    Guess,
    Say,
    flag,
    is_category,
    is_id,
    is_id_name,
    left_out,
)
from unstir.data.tables.times import form_of, seconds, step_of
from unstir.errors import DataError
from unstir.words import counted, short

MANY, MOST = 50, 1000  # different texts: so many may be free text, so many are
REPEATED = 20  # different numbers among texts, from which they are measurements
PAIRS = (("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"), ("off", "on"))


def guess_numbers(name: str, cells: Numbers, asked: str | None = None) -> Guess:
    """What a column of numbers in a text file is."""
    dtype = "int64" if not cells.pointed and not cells.powers else "float64"
    values = cells.values
    return numeric(name, values, *_written(cells, values), dtype, cells.gap, asked)


def _written(cells: Numbers, values: np.ndarray) -> tuple[int | None, str]:
    """The decimals of the numbers, and how they are written: 181.0 is a whole number that is always written with a decimal."""
    fixed = (
        f"fixed {cells.decimals}"
        if cells.fixed and cells.pointed and not cells.powers
        else "short"
        if cells.bare and cells.pointed
        else ""
    )
    form = f"{fixed} comma".strip() if cells.marks.decimal == "," else fixed
    if cells.powers or cells.decimals > MOST_DECIMALS:
        return None, form
    whole = (np.round(values) == values) | np.isnan(values)
    return 0 if whole.all() else cells.decimals, form


def numeric(name: str, values: np.ndarray, decimals: int | None, form: str, dtype: str, gap: str, asked: str | None) -> Guess:
    """What a column of numbers (N,) float64 is, NaN where one is missing; `decimals` were found, or are None."""
    held = values[np.isfinite(values)]
    missing = bool(np.isnan(values).any())
    if asked is None and is_id(name, held, missing):
        return left_out(f"a whole number that is different in each of {len(held):,} rows, and its name is an id's", NUMBER)
    if not len(held):
        return Guess(Column(name, "constant", True, form=form, dtype=dtype, gap=gap), values, "every cell is missing")
    low, high = float(held.min()), float(held.max())
    shared: dict[str, Any] = {"missing": missing, "low": low + 0.0, "high": high + 0.0, "form": form, "dtype": dtype, "gap": gap}
    column = Column(name, "number", decimals=decimals, **shared)
    if low == high and not missing and asked is None:
        from unstir.data.tables.cells import texts_of

        column = Column(name, "constant", decimals=decimals, values=tuple(texts_of(held[:1], column)), **shared)
        return Guess(column, values, f"always {column.values[0]}")
    digits = {None: "numbers", 0: "whole numbers"}.get(decimals, f"numbers of {counted(decimals or 0, 'decimal')}")
    return Guess(column, values, digits)


def guess_texts(
    name: str,
    cells: Texts,
    where: str = "line",
    asked: str | None = None,
    dtype: str = "str",
    marks: Marks = PLAIN,
    numbered: bool = False,
    said: Say = flag,
) -> Guess:
    """What a column of texts is; `where` says what its places count, lines or rows; `numbered`, whether they were numbers.

    `said(name, kind)` is how a person says what a column is, for the error.

    Raises DataError for texts among measurements, and for cells that are not what was asked for.
    """
    if asked == DROP:
        return left_out(ASKED_FOR)
    ids, texts = cells.ids, cells.distinct
    gaps = ids < 0
    rows, missing, kinds = int((~gaps).sum()), bool(gaps.any()), len(texts)
    shared: dict[str, Any] = {"missing": missing, "dtype": dtype, "gap": cells.gap}
    if not texts:
        return Guess(
            Column(name, "constant", True, dtype=dtype, gap=cells.gap), np.full(len(ids), np.nan), "every cell is missing"
        )
    if asked == NUMBER:
        return _as_number(name, cells, where, dtype, marks)
    counts = np.bincount(ids[~gaps], minlength=kinds)
    are_numbers = np.array([is_number(text) for text in texts])
    if asked is None and are_numbers.all() and not any(map(is_padded, texts)) and not is_category(dtype):
        return _as_number(name, cells, where, dtype, marks)
    if asked is None and not are_numbers.all():
        _refuse_slips(name, cells, are_numbers, counts, where, said)
    if kinds == 1 and not missing and asked is None:
        return Guess(
            Column(name, "constant", values=tuple(texts), low=0.0, high=0.0, **shared),
            np.zeros(len(ids)),
            f"always '{short(texts[0])}'",
        )
    if asked is None and not is_category(dtype) and (pair := _pair(texts)):
        column = Column(name, "boolean", values=pair, low=0.0, high=1.0, **(shared | {"dtype": _bool_type(pair, dtype)}))
        return Guess(column, _coded(ids, texts, pair), f"'{pair[0]}' or '{pair[1]}'")
    if asked in (None, TIME) and not is_category(dtype) and not (are_numbers.all() and asked is None):
        found = form_of(texts)
        if found is not None:
            return _as_time(name, cells, found, shared)
        if asked == TIME:
            at = int(np.argmin(cells.places))
            raise DataError(
                f"column '{short(name)}' holds '{short(texts[at])}' ({where} {cells.places[at]}), and its cells are no dates or times of one "
                "form. Write them as 2024-02-29 or 2024-02-29 12:30:00."
            )
    if asked is None and not is_category(dtype) and (why := _no_category(texts, kinds, rows, is_id_name(name))):
        return left_out(why)
    values = tuple(sorted(texts, key=_natural)) if all(are_numbers) else tuple(sorted(texts))
    shared |= {"form": "number"} if (is_category(dtype) and numbered) or dtype.lower().startswith(NUMERIC) else {}
    column = Column(name, "category", values=values, low=0.0, high=float(kinds - 1), **shared)
    codes = _coded(ids, texts, values)
    return Guess(column, codes, ASKED_FOR if asked else f"texts of {counted(kinds, 'value')}")


def _coded(ids: np.ndarray, texts: list[str], values: tuple[str, ...]) -> np.ndarray:
    """The place of each text among the values, (N,) float64; NaN where the id is -1."""
    place = {value: float(k) for k, value in enumerate(values)}
    return np.array([*(place[text] for text in texts), np.nan])[ids]


def _natural(text: str) -> float:
    """Texts that are numbers in their order."""
    try:
        return number(text)
    except ValueError:
        return float("inf")


def is_padded(text: str) -> bool:
    """Whether a text of digits begins with a 0 that a number does not need, as 007 does."""
    return len(text) > 1 and text.isdigit() and text[0] == "0"


def _pair(texts: list[str]) -> tuple[str, str] | None:
    """The spellings of false and true, if that is what two texts are."""
    if len(texts) != 2:
        return None
    low = {text.lower(): text for text in texts}
    return next(((low[no], low[yes]) for no, yes in PAIRS if no in low and yes in low), None)


def _bool_type(pair: tuple[str, str], dtype: str) -> str:
    """The type of a column of a file: one that other readers take for booleans is that."""
    return "bool" if dtype == "str" and pair[1].lower() == "true" else dtype


def _no_category(texts: list[str], kinds: int, rows: int, named: bool) -> str:
    """Why texts are no categories; "" if they may be."""
    kind = kind_of_text(texts[0])
    said = f"; '{short(texts[0])}' is {kind[2:]}" if kind[:1] == "," else ""
    if kinds == rows and (rows >= SOME or (named and rows > 2)):
        return f"a text that is different in each of {rows:,} rows: names or ids{said}"
    if (kinds > MANY and 2 * kinds > rows) or kinds > MOST:
        return f"{kinds:,} different texts in {rows:,} rows: names, ids or free text{said}"
    return ""


def _refuse_slips(name: str, cells: Texts, are_numbers: np.ndarray, counts: np.ndarray, where: str, said: Say) -> None:
    """Raise DataError for texts among numbers that are measurements: at least half are numbers, and these are many, or mostly different."""
    rows, kinds = int(counts[are_numbers].sum()), int(are_numbers.sum())
    if 2 * rows < counts.sum() or (kinds <= REPEATED and 2 * kinds <= rows):
        return
    wrong = np.flatnonzero(~are_numbers)
    at = int(wrong[np.argmin(np.array(cells.places)[wrong])])
    kind = kind_of_text(cells.distinct[at])
    other = "" if len(wrong) == 1 else f", and {counts[wrong].sum() - 1:,} more"
    way = f"Correct it, or pass {said(name, CATEGORY)}, or {DROP} to leave the column out."
    raise DataError(
        f"column '{short(name)}' holds text ('{short(cells.distinct[at])}', {where} {cells.places[at]}{other}) among numbers"
        f"{f'{kind}.' if kind else '.'} {way}"
    )


def _as_number(name: str, cells: Texts, where: str, dtype: str, marks: Marks) -> Guess:
    """Texts as numbers. Raises DataError for one that is none, and for a whole number that float64 would round."""
    found = Numbers(marks)
    for text, place in zip(cells.distinct, cells.places, strict=True):
        try:
            found.add([text])
        except ValueError:
            kind = kind_of_text(text)
            raise DataError(
                f"column '{short(name)}' holds text ('{short(text)}', {where} {place}), and is to be a number{kind or '.'}"
            ) from None
    values = np.append(found.values, np.nan)[cells.ids]
    each_once = len(cells.distinct) == len(values) >= SOME
    far = np.flatnonzero(np.isfinite(found.values) & (np.abs(found.values) >= EXACT))
    for at in far:
        text = cells.distinct[at].lstrip("+-")
        if text.isdecimal() and int(text) != int(found.values[at]):
            if each_once:
                return left_out(f"a long whole number that is different in each of {len(values):,} rows: an id")
            raise DataError(f"column '{short(name)}' holds {short(cells.distinct[at])} ({where} {cells.places[at]}), {BEYOND}")
    return numeric(name, values, *_written(found, found.values), dtype, cells.gap, NUMBER)


def _as_time(name: str, cells: Texts, found: tuple[str, str], shared: dict[str, Any]) -> Guess:
    form, said = found
    each = seconds(cells.distinct, form)
    codes = np.append(each, np.nan)[cells.ids]
    step = step_of(each)
    column = Column(name, "time", low=float(each.min()), high=float(each.max()), form=form, step=step, **shared)
    return Guess(column, codes, f"dates or times written as {form}{said}")
