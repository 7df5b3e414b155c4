"""The cells of a column as they are gathered: numbers as float64, everything else as the different texts and which of them a row has.

    numbers    values (N,), and how they were written: the digits after the point, decimal commas                    (1)
    texts      the different texts in the order in which they came, the place of the first of each, ids (N,) or -1      (2)

A text that stands for a missing cell has the id -1. `None` and `nil` are words of a language, so among texts they are values.

    >>> cells = Texts()
    >>> cells.add(["b", "NA", "a", "b"], [2, 3, 4, 5])
    >>> cells.distinct, cells.ids.tolist(), cells.places, cells.gap
    (['b', 'a'], [0, -1, 1, 0], [2, 4], 'NA')
    >>> numbers = Numbers()
    >>> numbers.add(["1.50", "2.25", ""]).tolist()
    [1.5, 2.25, nan]
    >>> numbers.values.tolist(), numbers.decimals, numbers.fixed
    ([1.5, 2.25, nan], 2, True)
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np

from unstir.data.formats.numerals import PLAIN, Marks, is_missing, number, plain

WORDS = ("none", "nil")  # missing among numbers, and values among texts
POWER = re.compile("[eE]|[iI][nN][fF]")  # in a number: a power of ten, or infinity
PADDED = re.compile(r"^\s*[+-]?0\d+\s*$", re.MULTILINE)  # 007 is no number, or not only


LARGE = 2**18  # cells of a block that the system gets back whole; many small ones leave holes in memory


def hold(blocks: list[np.ndarray], block: np.ndarray) -> None:
    """Append a block of cells; the last ones become one as soon as they are many cells together."""
    blocks.append(block)
    first = next((i + 1 for i in range(len(blocks) - 1, -1, -1) if len(blocks[i]) >= LARGE), 0)
    if sum(map(len, blocks[first:])) >= LARGE:
        blocks[first:] = [np.concatenate(blocks[first:])]


def is_gap_text(text: str) -> bool:
    """Whether a text stands for a missing cell in a column of texts."""
    return is_missing(text) and text.lower() not in WORDS


class Texts:
    """A column of texts, by (2). Where they are `exact`, only None is missing, and spaces at their ends belong to them."""

    def __init__(self, exact: bool = False):
        self.exact = exact
        self.distinct: list[str] = []
        self.places: list[int] = []
        self.gaps = Counter[str]()
        self._ids: dict[str, int] = {}
        self._blocks: list[np.ndarray] = []

    def add(self, cells: Sequence[str | None], places: Sequence[int]) -> None:
        """More cells, and where each of them stands: its line, or its row."""
        known, found = self._ids, []
        for cell, place in zip(cells, places, strict=True):
            code = known.get(cell) if cell is not None else -1
            if code is None:
                assert cell is not None
                text = cell if self.exact else cell.strip()
                code = -1 if not self.exact and is_gap_text(text) else known.get(text)
                if code is None:
                    code = len(self.distinct)
                    self.distinct.append(text)
                    self.places.append(place)
                    known[text] = code
                known[cell] = code
            if code < 0:
                self.gaps[(cell or "").strip()] += 1
            found.append(code)
        hold(self._blocks, np.array(found, np.int32))

    def add_coded(self, values: Sequence[str | None], ids: np.ndarray, start: int) -> None:
        """More cells, of the rows from `start` on, as `values` and which of them each row has, (n,) with -1 for a missing one.

        >>> cells = Texts(exact=True)
        >>> cells.add_coded(["a", "unused", "b"], np.array([2, -1, 0, 2]), 0)
        >>> cells.distinct, cells.ids.tolist(), cells.places
        (['b', 'a'], [0, -1, 1, 0], [0, 2])
        """
        used, first = np.unique(ids, return_index=True)
        place = np.full(len(values) + 1, -1, np.int32)  # the last is that of -1
        for at in np.argsort(first):
            text = values[used[at]] if used[at] >= 0 else None
            if text is None:
                continue
            if text not in self._ids:
                self._ids[text] = len(self.distinct)
                self.distinct.append(text)
                self.places.append(start + int(first[at]))
            place[used[at]] = self._ids[text]
        hold(self._blocks, place[ids])
        if gaps := int((place[ids] < 0).sum()):
            self.gaps[""] += gaps

    @property
    def rows(self) -> int:
        """N."""
        return sum(map(len, self._blocks))

    @property
    def ids(self) -> np.ndarray:
        """Which of the different texts each row has, (N,) int32; -1 where it is missing."""
        return np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int32)

    @property
    def gap(self) -> str:
        """How most missing cells are spelled."""
        return self.gaps.most_common(1)[0][0] if self.gaps else ""


def coded_texts(column: Any) -> Texts | None:
    """A column of texts of pyarrow, whose different texts it finds itself, so that no cell becomes an object of Python; else None."""
    held = str(getattr(column, "type", "")).removeprefix("dictionary<values=").partition(",")[0]
    if held not in ("string", "large_string") or not hasattr(column, "dictionary_encode"):
        return None
    found, start = Texts(exact=True), 0
    for chunk in getattr(column, "chunks", [column]):
        coded = chunk.dictionary_encode()
        found.add_coded(coded.dictionary.to_pylist(), coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), start)
        start += len(chunk)
    return found


class Numbers:
    """A column of numbers, by (1)."""

    def __init__(self, marks: Marks = PLAIN):
        self.marks = marks
        self.decimals = 0
        self.powers = self.padded = self.pointed = self.bare = False
        self.gaps = Counter[str]()
        self.fixed, self._seen = True, False  # whether an earlier block held a number
        self._blocks: list[np.ndarray] = []

    def add(self, cells: Sequence[str]) -> np.ndarray:
        """More cells (n,); their numbers (n,). Raises ValueError for one that is no number and not missing; then none of them is added."""
        try:
            values = self._numbers(cells)
            held = cells
        except ValueError:
            held = [cell for cell in cells if not is_missing(cell)]
            values = self._numbers(["nan" if is_missing(cell) else cell for cell in cells])
        if len(held) == len(cells) and np.isnan(values).any():  # nan is a number to Python
            held = [cell for cell in cells if not is_missing(cell)]
        if len(held) < len(cells):
            self.gaps.update(cell.strip() for cell in cells if is_missing(cell))
        self._written(held if self.marks is PLAIN else [plain(cell, self.marks) for cell in held])
        hold(self._blocks, values)
        self._seen = self._seen or bool(np.isfinite(values).any())
        return values

    def _numbers(self, cells: Sequence[str]) -> np.ndarray:
        if self.marks is PLAIN:
            found = np.fromiter(map(float, cells), np.float64)
            if "_" in "".join(cells):  # 1_000 is Python, and in a table a name
                raise ValueError("_")
            return found
        return np.fromiter(map(number, cells, repeat(self.marks)), np.float64)

    def _written(self, cells: Sequence[str]) -> None:
        """Look at how these cells, none of them missing, are written."""
        joined = "\n".join(cells)
        self.padded = self.padded or PADDED.search(joined) is not None
        if any(mark in joined for mark in "eEnN") and POWER.search(joined):  # 1e-05 has no point and is no whole number
            self.powers, self.pointed = True, self.pointed or "." in joined
            cells = [cell for cell in cells if not POWER.search(cell)]
            joined = "\n".join(cells)
        if "." not in joined:
            self.fixed = self.fixed and not (self.pointed and cells)
            self.bare = self.bare or bool(cells)
            return
        digits = {len(cell) - 1 - at if (at := cell.find(".")) >= 0 else 0 for cell in map(str.strip, cells)}
        most = max(digits)
        self.bare = self.bare or 0 in digits
        self.fixed = self.fixed and len(digits) == 1 and (most == self.decimals or not self._seen)
        self.pointed, self.decimals = True, max(self.decimals, most)

    @property
    def rows(self) -> int:
        """N."""
        return sum(map(len, self._blocks))

    @property
    def values(self) -> np.ndarray:
        """The numbers (N,) float64; NaN where one is missing."""
        return np.concatenate(self._blocks) if self._blocks else np.zeros(0)

    @property
    def gap(self) -> str:
        """How most missing cells are spelled."""
        return self.gaps.most_common(1)[0][0] if self.gaps else ""
