"""The columns of a text file, gathered block by block, then turned into a schema and codes.

    the first rows of a column are all numbers    ->  gathered as numbers, until a cell is none      (1)
    otherwise, and in that case                   ->  gathered as texts; the file is read again      (2)

Columns that are known beforehand, and those whose kind somebody asked for, are gathered as that.

    >>> columns = Columns(["a", "b"], {}, None, PLAIN, frozenset())
    >>> columns.start([["1", "x"], ["2", "y"]])
    >>> columns.add([(2, ["1", "x"]), (3, ["2", "y"]), (4, ["3", "x"])])
    >>> table = columns.finished()
    >>> [column.kind for column in table.schema.columns], table.codes.tolist()
    (['number', 'category'], [[1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from unstir.data.checks import EXACT
from unstir.data.formats.numerals import PLAIN, Marks, is_marked, is_missing, is_number, number, plain
from unstir.data.tables.cells import code_of
from unstir.data.tables.column import Column
from unstir.data.tables.gathered import Numbers, Texts, is_gap_text
from unstir.data.tables.guessing import guess_numbers, guess_texts
from unstir.data.tables.kinds import ASKED_FOR, CATEGORY, DROP, NUMBER, Guess, Say, flag, left_out
from unstir.data.tables.schema import Schema
from unstir.errors import DataError
from unstir.words import short

LONGEST = 308  # digits; a number with more is infinite as a float, and is refused as infinite

Row = tuple[int, list[str]]  # the number of its line, its cells


class MarkedError(Exception):
    """A number that is not spelled as Python spells it: how, all numbers of the table decide together. `texts` are columns without any."""

    def __init__(self, texts: Iterable[int]):
        self.texts = frozenset(texts)


class TextError(Exception):
    """Columns that have to be gathered as texts, by their places."""

    def __init__(self, columns: Iterable[int]):
        self.columns = frozenset(columns)


class Table(NamedTuple):
    """What a table holds: its schema, its codes (N, D) float64, and sentences about columns that were left out."""

    schema: Schema
    codes: np.ndarray
    notes: tuple[str, ...]


class Columns:
    """The columns of a table with these `names` in the order of their cells; `kinds` were asked for by name, `known` is a model's schema.

    `places` are those of the columns in the file, and `texts` those of the columns that are known to hold texts. Where the table has no
    header, numbers are nothing but numbers. Where somebody has `chosen` these columns, none is left out.
    """

    def __init__(
        self,
        names: Sequence[str],
        kinds: Mapping[str, str],
        known: Schema | None,
        marks: Marks,
        texts: frozenset[int],
        header: bool = True,
        places: Sequence[int] = (),
        chosen: bool = False,
    ):
        self.names, self.kinds, self.known, self.marks, self.header = list(names), kinds, known, marks, header
        self._at = list(places) or list(range(len(self.names)))
        self._chosen = chosen
        self._texts = {j for j, place in enumerate(self._at) if place in texts}
        self._failed = set[int]()
        self._cells: list[Numbers | Texts] = []
        self._known_at = {name: j for j, name in enumerate(known.names)} if known else {}

    def start(self, top: Sequence[Sequence[str]]) -> None:
        """Decide from the first rows how each column is gathered."""
        for j in range(len(self.names)):
            is_text = self._is_text(j, [row[j] for row in top])
            self._cells.append(Texts() if is_text else Numbers(self.marks))

    def _is_text(self, j: int, top: list[str]) -> bool:
        kind, known = self.kinds.get(self.names[j]), self._column(j)
        if known is not None:
            return not (known.kind == "number" or (known.kind == "constant" and known.is_numeric))
        if kind is not None or j in self._texts:
            return kind != NUMBER
        held = [cell for cell in top if not is_gap_text(cell.strip())]
        return any(not is_number(cell) and not is_missing(cell) for cell in held)

    def _column(self, j: int) -> Column | None:
        """What the column is, where that is known beforehand."""
        return None if self.known is None else self.known.columns[self._known_at[self.names[j]]]

    def add(self, block: Sequence[Row]) -> None:
        """More rows. Raises MarkedError and, where a column has to be numbers, DataError."""
        lines = [line for line, _ in block]
        for j, cells in enumerate(zip(*(cells for _, cells in block), strict=True)):
            held = self._cells[j]
            if isinstance(held, Texts):
                held.add(cells, lines)
            elif j not in self._failed:
                self._add_numbers(j, held, cells, lines)

    def _add_numbers(self, j: int, held: Numbers, cells: Sequence[str], lines: list[int]) -> None:
        try:
            values = held.add(cells)
        except ValueError:
            self._refuse(j, cells, lines)
            self._failed.add(j)
            return
        if (np.isfinite(values) & (np.abs(values) >= EXACT)).any() and any(map(self._is_rounded, cells)):
            self._failed.add(j)

    def _is_rounded(self, cell: str) -> bool:
        digits = plain(cell, self.marks).strip().lstrip("+-")
        return digits.isdecimal() and len(digits) <= LONGEST and int(digits) != float(digits)

    def _refuse(self, j: int, cells: Sequence[str], lines: list[int]) -> None:
        """Raise for a cell that is no number, where the column has to be numbers or where the numbers are spelled in another way."""
        for cell, line in zip(cells, lines, strict=True):
            if is_missing(cell):
                continue
            try:
                number(cell, self.marks)
            except ValueError:
                if self.marks is PLAIN and is_marked(cell):
                    texts = {i for i, other in enumerate(self._cells) if isinstance(other, Texts)} | self._failed
                    raise MarkedError(self._at[i] for i in texts) from None
                if self._column(j) is not None or self.kinds.get(self.names[j]) == NUMBER:
                    raise DataError(
                        f"column '{short(self.names[j])}' holds text ('{short(cell.strip())}', line {line}), and is to be a number."
                    ) from None
                return

    def finished(self) -> Table:
        """The table. Raises TextError for columns that turned out to be texts, DataError for cells that cannot be used."""
        padded = {
            j
            for j, cells in enumerate(self._cells)
            if isinstance(cells, Numbers)
            and cells.padded
            and self.header
            and self._column(j) is None
            and not self.kinds.get(self.names[j])
        }
        if self._failed or padded:
            raise TextError(self._at[j] for j in self._failed | padded)
        if self.known is not None:
            known = self.known.take([self._known_at[name] for name in self.names])
            codes = [self._codes(cells, column) for cells, column in zip(self._cells, known.columns, strict=True)]
            return Table(known, np.stack(codes, axis=1), ())
        return table_of(self.names, self._cells[0].rows, (self._guess(name, cells) for name, cells in self._taken()))

    def _taken(self) -> Iterator[tuple[str, Numbers | Texts]]:
        """The columns by name, one after another; none is held any longer."""
        self._cells.reverse()
        for name in self.names:
            yield name, self._cells.pop()

    def _guess(self, name: str, cells: Numbers | Texts) -> Guess:
        kind = self.kinds.get(name)
        if kind == DROP:
            return left_out(ASKED_FOR)
        if isinstance(cells, Numbers):
            return guess_numbers(name, cells, kind if self.header and not self._chosen else NUMBER)
        found = guess_texts(name, cells, "line", kind, marks=self.marks)
        if found.column is None and self._chosen:
            raise DataError(
                f"column '{short(name)}' cannot be learnt as it is: {found.why}. Leave it out, or pass {flag(name, CATEGORY)}."
            )
        return found

    def _codes(self, cells: Numbers | Texts, column: Column) -> np.ndarray:
        if isinstance(cells, Numbers):
            return cells.values
        each = [code_of(text, column, f"line {line}") for text, line in zip(cells.distinct, cells.places, strict=True)]
        return np.array([*each, np.nan])[cells.ids]


def table_of(names: Sequence[str], rows: int, guesses: Iterable[Guess], said: Say = flag) -> Table:
    """The table of the columns that are not left out, of so many `rows`. Raises DataError where none is.

    The guesses are taken one after another and their codes not kept, so that a large table is in memory once, not twice.
    """
    kept: list[Column] = []
    left: list[tuple[str, str]] = []
    notes: list[str] = []
    first = ""
    codes = np.empty((len(names), rows))  # what is not written takes no memory
    for name, guess in zip(names, guesses, strict=True):
        first = first or said(name, guess.kept_as)
        notes += [guess.note] if guess.note else []
        if guess.column is not None:
            codes[len(kept)] = guess.codes
            kept.append(replace(guess.column, why=guess.why))
            continue
        left.append((name, guess.why))
        way = "" if guess.why == ASKED_FOR else f" To keep it, pass {said(name, guess.kept_as)}."
        notes.append(f"column '{short(name)}' is left out: {guess.why}.{way}")
    if not kept:
        each = "; ".join(f"'{short(name)}' is {why}" for name, why in left[:4])
        raise DataError(f"no column is left to learn: {each}. Keep one, as in {first}.")
    return Table(Schema(tuple(kept), tuple(left)), codes[: len(kept)].T, tuple(notes))
