"""Columns: each row is given m values of mixed type, such as a price and an island. A value is a number; NaN means nothing given.

    category, boolean         the code: the place of its spelling among those of the column                       (1)
    number, time              (code - mean) / spread, with the mean and the deviation of the training rows        (2)

What a code is, `unstir.data.tables.column` says. What is left out is "nothing given", and so is a missing cell. In training each column
is left out for some rows (`conditions.base.thinned`), so that any part of them can be given later. `seen` are rows that were trained on,
from which random ones are drawn: whole rows, because columns depend on each other.

>>> price, island = Column("price", "number", low=1.0, high=9.0), Column("island", "category", values=("Biscoe", "Dream"))
>>> given = Columns(Schema((price, island)), (5.0, 0.0), (2.0, 1.0), ((3.2, 0.0), (7.5, 1.0)))
>>> given.values({"price": 3, "island": "Dream"}, 2).tolist()
[[-1.0, 1.0], [-1.0, 1.0]]
>>> given.texts(given.values({"price": 3.2}, 1)), given.texts(given.values({"island": ["Dream", None]}, 2))
(['price=3.2'], ['island=Dream', ''])
>>> given.embedding(8)(None).shape
torch.Size([1, 8])
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from unstir.conditions.base import Several, is_text
from unstir.conditions.embedding import ColumnsEmbedding
from unstir.data.tables import KINDS, Column, Schema, schema_from
from unstir.data.tables.cells import codes_of
from unstir.data.tables.times import snapped
from unstir.errors import DataError, UsageError, unknown
from unstir.words import listed, number, short

MOST_SEEN = 2048  # rows that are kept to draw from
CHOSEN = ("category", "boolean")  # kinds whose codes are places among the spellings
LISTED = 12  # categories in a message
FARTHEST = 1e300  # of a code
SLACK = 1e-5  # spreads by which a value may lie outside the range that was seen: a float32 is not finer


@dataclass(frozen=True)
class Columns(Several):
    """m columns with the mean and the spread of each, and rows (n, m) of codes that were seen in training, None where one was missing."""

    table: Schema  # pyrefly: ignore
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    seen: tuple[tuple[float | None, ...], ...]

    kind = "columns"

    @classmethod
    def fitted(cls, table: Schema, codes: np.ndarray, seed: int = 0) -> Self:
        """The condition on these columns, fitted to the codes (N, m) of the training rows. Raises UsageError for a column without any."""
        columns, means, spreads = [], [], []
        for column, each in zip(table.columns, codes.T, strict=True):
            held = each[np.isfinite(each)]
            if not len(held):
                raise UsageError(f"'{short(column.name)}' has no value in any training row, so nothing can be learnt of it.")
            is_chosen, spread = column.kind in CHOSEN, float(held.std())
            means.append(0.0 if is_chosen else float(held.mean()))
            spreads.append(spread if spread > 0 and not is_chosen else 1.0)
            columns.append(replace(column, low=float(held.min()), high=float(held.max())))
        some = np.sort(np.random.default_rng(seed).permutation(len(codes))[:MOST_SEEN])
        seen = tuple(tuple(None if math.isnan(code) else code for code in row) for row in codes[some].tolist())
        return cls(Schema(tuple(columns)), tuple(means), tuple(spreads), seen)

    @classmethod
    def build(cls, settings: Mapping[str, Any]) -> Self:
        """The condition with the `columns` and the rows `seen` of the settings."""
        if settings.keys() != {"columns", "seen"}:
            raise UsageError("a condition of columns has columns and seen")
        columns, seen = settings["columns"], settings["seen"]
        if not isinstance(columns, list) or not columns or not all(map(_is_column, columns)):
            raise UsageError(f"columns = {columns!r:.60} have to be columns with a name, a kind, spellings, a mean and a spread")
        table = schema_from({"columns": columns})
        if len(set(table.names)) != len(columns):
            raise UsageError(f"columns = {table.names!r:.60} have to have different names")
        means, spreads = (tuple(float(column[entry]) for column in columns) for entry in ("mean", "spread"))
        if not isinstance(seen, list) or not seen or not all(_fits(row, table.columns) for row in seen):
            raise UsageError(f"seen = {seen!r:.60} have to be rows of {len(columns)} codes")
        return cls(table, means, spreads, tuple(tuple(None if code is None else float(code) for code in row) for row in seen))

    @property
    def settings(self) -> dict[str, Any]:
        """The columns, each with its mean and its spread, and the rows that were seen."""
        scales = [{"mean": mean, "spread": spread} for mean, spread in zip(self.means, self.spreads, strict=True)]
        columns = [column.as_json() | scale for column, scale in zip(self.table.columns, scales, strict=True)]
        return {"columns": columns, "seen": [list(row) for row in self.seen]}

    @property
    def nothing(self) -> Tensor:
        """NaN, m times."""
        return torch.full((len(self.names),), math.nan)

    @property
    def classes(self) -> tuple[str, ...]:
        """None: values are no numbers of classes."""
        return ()

    @property
    def column(self) -> str:
        """The name of the column, or `given` where there are several."""
        return self.names[0] if len(self.names) == 1 else "given"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.table.names

    @property
    def scale(self) -> tuple[Tensor, Tensor]:
        """The means and the spreads."""
        return torch.tensor(self.means, dtype=torch.float64), torch.tensor(self.spreads, dtype=torch.float64)

    def scaled_like(self, before: Any) -> "Columns":
        """The same with the means and the spreads of another one."""
        return replace(self, means=before.means, spreads=before.spreads)

    @property
    def meant(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """What a value means but for its scale: the name, the kind and the spellings of each column."""
        return [(column.name, column.kind, column.values) for column in self.table.columns]

    def of_codes(self, codes: np.ndarray) -> Tensor:
        """Values (n, m) float32 of codes (n, m) float64, by (1) and (2)."""
        return torch.from_numpy(((codes - self.means) / self.spreads).astype(np.float32))

    def arrays(self, values: Tensor) -> dict[str, np.ndarray]:  # noqa: ARG002
        """None: all are columns."""
        return {}

    def left_out(self, values: Tensor, which: Tensor) -> Tensor:
        """NaN in those columns of each row."""
        return torch.where(which, self.nothing.to(values), values)

    def codes(self, values: Tensor) -> np.ndarray:
        """Codes (n, m) float64 of values, rounded to what a float32 holds of them and to the decimals of the column."""
        found = values.double().cpu().numpy() * self.spreads + self.means
        for i, (column, spread) in enumerate(zip(self.table.columns, self.spreads, strict=True)):
            held = 6 - math.floor(math.log10(spread))
            found[:, i] = np.round(found[:, i], held if column.decimals is None else min(held, column.decimals))
            if column.kind == "time":
                found[:, i] = snapped(found[:, i], column.step, column.low)
        return found

    def values(self, given: Any, n: int) -> Tensor:
        """Values (n, m) float32 from a dict: for each name one cell for all n rows, or n of them; what is left out is nothing given.

        The name of an array whose columns are `goal.0`, `goal.1`, ... stands for them: one row of its numbers for all rows, or (n, ...).
        Without names, what is given is that of the one column, or numbers (m,) or (n, m) by place.
        Raises UsageError for an unknown name or category, for what is no number, and for another number of rows.
        """
        made = np.full((n, len(self.names)), math.nan)
        for name, cells in self._by_name(given, n).items():
            place = self.names.index(name)
            made[:, place] = _codes(self.table.columns[place], cells, n)
        return self.of_codes(made)

    def _by_name(self, given: Any, n: int) -> dict[str, Any]:
        """What is given for each column, by its name."""
        given = given.detach().cpu().numpy() if isinstance(given, Tensor) else given
        if not isinstance(given, Mapping):
            return self._by_place(given, n)
        found: dict[str, Any] = {}
        for key, cells in given.items():
            parts = [] if key in self.names else [name for name in self.names if name.rpartition(".")[0] == str(key)]
            if key not in self.names and not parts:
                raise unknown("name of what is given", short(str(key)), map(short, self.names))
            found |= self._parted(str(key), parts, cells, n) if parts else {str(key): cells}
        return found

    def _parted(self, key: str, parts: Sequence[str], cells: Any, n: int) -> dict[str, Any]:
        """The columns of an array with several numbers a row, given as one."""
        array = np.asarray(cells)
        is_one = array.size == len(parts) and n != len(array)
        flat = array.reshape(1 if is_one else -1, len(parts)) if array.size % len(parts) == 0 else None
        if flat is None or len(flat) not in (1, n):
            raise UsageError(
                f"{short(key)} is {len(parts)} numbers a row, and what is given has the shape {array.shape}: give ({len(parts)},) for all "
                f"rows, or ({n}, {len(parts)})."
            )
        return dict(zip(parts, np.broadcast_to(flat, (n, len(parts))).T, strict=True))

    def _by_place(self, given: Any, n: int) -> dict[str, Any]:
        """The same for what comes without names."""
        m = len(self.names)
        if m == 1:
            is_wide = isinstance(given, np.ndarray) and given.ndim == 2 and given.shape[1] == 1
            return {self.names[0]: given[:, 0] if is_wide else given}
        array = np.asarray(given)
        if array.dtype.kind not in "biuf" or array.shape not in ((m,), (n, m)):
            names, first = listed([short(name) for name in self.names[:LISTED]]), short(self.names[0])
            raise UsageError(
                f"this model is given {names}: name what you give, as in given={{'{first}': ...}} or --given {first}=..."
            )
        return dict(zip(self.names, np.broadcast_to(array, (n, m)).T, strict=True))

    def drawn(self, n: int, generator: torch.Generator) -> Tensor:
        """Random rows of those that were seen."""
        which = torch.randint(len(self.seen), (n,), generator=generator).numpy()
        return self.of_codes(np.array(self.seen, dtype=np.float64)[which])

    def texts(self, values: Tensor) -> list[str]:
        """What is given of each row, as in `price=3.2, island=Biscoe`."""
        codes = self.codes(values)
        cells = self.table.texts(codes)
        known = ~np.isnan(codes)
        return [
            ", ".join(f"{name}={cells[name][i]}" for j, name in enumerate(self.names) if known[i, j]) for i in range(len(codes))
        ]

    def far(self, values: Tensor) -> list[str]:
        """A sentence for each column of which a value lies outside the range of the training rows."""
        said, codes = [], self.codes(values)
        for i, (column, spread) in enumerate(zip(self.table.columns, self.spreads, strict=True)):
            with np.errstate(invalid="ignore"):
                far = codes[:, i][(codes[:, i] < column.low - spread * SLACK) | (codes[:, i] > column.high + spread * SLACK)]
            if len(far):
                there, low, high = (_shown(column, float(code)) for code in (far[0], column.low, column.high))
                said.append(
                    f"{short(column.name)}={there} is beyond what the model was trained on, {low} to {high}, so it can only guess."
                )
        return said

    def embedding(self, width: int) -> nn.Module:
        """A small network of the values: numbers with a mark that they are given, categories as 0-1 numbers, one of them for nothing."""
        return ColumnsEmbedding([len(column.values) if column.kind in CHOSEN else 0 for column in self.table.columns], width)


def _codes(column: Column, cells: Any, n: int) -> np.ndarray:
    """The codes (n,) of one cell for all rows, or of one for each."""
    one = isinstance(cells, str | bytes) or np.ndim(cells) == 0
    if not one and len(cells) != n:
        raise UsageError(f"{len(cells)} values of {short(column.name)} for {n} rows: give one for all rows, or one for each.")
    if not one:
        codes = codes_of(cells, column, n)
    else:
        cell = cells.item() if isinstance(cells, np.ndarray | np.generic) and not isinstance(cells, np.datetime64) else cells
        try:
            codes = np.repeat(codes_of([cell], column, 1), n)
        except DataError:
            raise _refusal(column, str(cell)) from None
    if np.isinf(codes).any():
        raise UsageError(f"{short(column.name)} is infinite: give a number, or nothing.")
    return codes


def _refusal(column: Column, cell: str) -> UsageError:
    """The error for a cell that a column cannot hold."""
    if column.kind in CHOSEN:
        many = len(column.values) > LISTED
        error = unknown(short(column.name), short(cell), map(short, column.values))
        return UsageError(f"{str(error).split(' Known:')[0]} It has {len(column.values):,} values.") if many else error
    example = _shown(column, column.low)
    return UsageError(f"{short(column.name)} is a {column.kind}, as in {short(column.name)}={example}; not '{short(cell)}'.")


def _shown(column: Column, code: float) -> str:
    """A code as it is written, of a number of any digits the first four."""
    if column.kind == "number" and column.decimals is None:
        return number(code, 4)
    return Schema((column,)).texts(np.array([[code]]))[column.name][0]


def _is_column(raw: Any) -> bool:
    """Whether an entry of the settings is a column with a mean and a spread."""
    if not isinstance(raw, dict) or not {"name", "kind", "values", "mean", "spread"} <= raw.keys():
        return False
    values, numbers = raw["values"], [raw["mean"], raw["spread"], raw.get("step", 0.0)]
    numbers += [raw[end] for end in ("low", "high") if raw.get(end) is not None]
    texts = [raw["name"], *(raw.get(entry, "") for entry in ("form", "dtype", "gap"))]
    if not isinstance(values, list) or not all(map(is_text, [*texts, *values])) or len(set(values)) != len(values):
        return False
    if raw["kind"] not in KINDS or not all(type(entry) in (int, float) and abs(entry) <= FARTHEST for entry in numbers):
        return False
    decimals = raw.get("decimals")
    whole = decimals is None or (type(decimals) is int and 0 <= decimals <= 20)
    return (
        whole
        and raw["spread"] > 0
        and (raw["kind"] not in CHOSEN or len(values) > 0)
        and (raw["kind"] != "boolean" or len(values) == 2)
    )


def _fits(row: Any, columns: Sequence[Column]) -> bool:
    """Whether a row of `seen` has a code for each column, one that it can have."""
    return isinstance(row, list) and len(row) == len(columns) and all(map(_holds, columns, row))


def _holds(column: Column, code: Any) -> bool:
    if code is None:
        return True
    if type(code) not in (int, float) or not abs(code) <= FARTHEST:
        return False
    return column.kind not in CHOSEN or (code == int(code) and 0 <= code < len(column.values))
