"""`Column`: what the cells of one column of a table can be, and the number that stands for each of them, its code.

    kind        code of a cell                            comes back
    number      the number                                rounded to `decimals`, mirrored where no cell can be            (1)
    category    k for the spelling values[k]              the nearest k
    boolean     0 for values[0], 1 for values[1]          the nearer one
    time        seconds since 1970-01-01, UTC             a whole number of `step`s after the first, within what was seen
    constant    `low`, always                             `low`

A cell that is missing has the code NaN. A model of numbers gives some a little beyond the ends, where no cell can be. By (1) these are
mirrored there: all of them at the end itself would be a heap.

    >>> year = Column("year", "number", decimals=0, low=2007.0, high=2009.0, dtype="int64")
    >>> year.tidied(np.array([2006.2, 2008.4, np.nan, 2011.0])).tolist()
    [2007.0, 2008.0, nan, 2008.0]
    >>> island = Column("island", "category", missing=True, values=("Biscoe", "Dream"), low=0.0, high=1.0, dtype="str")
    >>> island.tidied(np.array([0.2, 0.7, 3.0])).tolist()
    [0.0, 1.0, 1.0]
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from unstir.data.tables.times import snapped

KINDS = ("number", "category", "boolean", "time", "constant")
NUMERIC = ("int", "uint", "float", "double", "halffloat", "decimal")  # how the names of types of numbers begin, in any library
MOST_DECIMALS = 9  # a column of numbers with more digits after the point than this has any float


@dataclass(frozen=True)
class Column:
    """One column: its name, its kind, and how codes become cells.

    `missing` says whether any cell was missing. `values` are spellings: of a category code k is values[k], of a boolean (false, true), of
    a constant its one value. `decimals` of a number are the digits after the point; 0 means whole numbers, None any float. `low` and
    `high` are the smallest and the largest code that was read, NaN where every cell is missing.
    `form` says how a cell is written: of a time a strftime format, or "iso"; of a number "fixed 2" where each is written with 2 decimals,
    "short" where a whole one has no point beside others that have, and "comma" as well where the mark is a decimal comma; of a category
    "number" where its values came as numbers. `dtype` is the type that a data frame gave: "int64", "float64", "bool", "str", "category",
    "datetime64[ns]", ... `step` are the seconds between times, or stand for months or years (`unstir.data.tables.times`).
    `gap` is how a missing cell is spelled in text. `why` says in words why the column was taken for its kind.
    """

    name: str
    kind: str
    missing: bool = False
    values: tuple[str, ...] = ()
    decimals: int | None = None
    low: float = float("nan")
    high: float = float("nan")
    form: str = ""
    dtype: str = "float64"
    step: float = 0.0
    gap: str = ""
    why: str = field(default="", compare=False)

    @property
    def plain(self) -> bool:
        """Whether the codes are the numbers of the column themselves, and none is missing."""
        is_number = self.kind == "number" or (self.kind == "constant" and self.is_numeric)
        return is_number and not self.missing

    @property
    def is_numeric(self) -> bool:
        """Whether a data frame has numbers in this column."""
        return self.dtype.lower().startswith(NUMERIC)

    def tidied(self, codes: np.ndarray) -> np.ndarray:
        """Codes (n,) as the nearest ones that a cell of this column can have; NaN stays NaN.

        A time stays between the lowest and the highest that was seen, and so does a whole number: it is mirrored half a unit beyond them, where
        their own cells end. Any other number is mirrored at 0 where all cells are on one side of it.
        """
        codes = np.asarray(codes, np.float64)
        held = ~np.isnan(codes)
        if self.kind == "constant":
            return np.where(held, self.low, np.nan)
        if self.kind in ("category", "boolean"):
            return np.where(held, np.clip(np.round(codes), 0, len(self.values) - 1), np.nan)
        if self.kind == "time":
            return np.clip(snapped(codes, self.step, self.low), self.low, self.high)
        if self.decimals == 0:
            codes = np.round(codes)
            codes = np.where(
                codes < self.low, 2 * self.low - 1 - codes, np.where(codes > self.high, 2 * self.high + 1 - codes, codes)
            )
            return np.clip(codes, self.low, self.high) + 0.0  # -0 becomes 0
        codes = codes if self.decimals is None else np.round(codes, self.decimals)
        codes = np.abs(codes) if self.low >= 0 else -np.abs(codes) if self.high <= 0 else codes
        return codes + 0.0

    def as_json(self) -> dict[str, Any]:
        """The column as plain objects; `column_from` reads them back."""
        return {name: _finite(value) for name, value in asdict(self).items()}


def column_from(raw: dict[str, Any]) -> Column:
    """The column that `as_json` wrote. An entry that is not known is left out, and one that is missing has its default.

    >>> column_from(Column("a", "category", values=("x", "y"), low=0.0, high=1.0).as_json()).values
    ('x', 'y')
    """
    known = {entry.name for entry in fields(Column)}
    held = {name: value for name, value in raw.items() if name in known}
    ends = {name: float("nan") if held.get(name) is None else float(held[name]) for name in ("low", "high")}
    entries: dict[str, Any] = held | ends | {"values": tuple(held.get("values", ()))}
    return Column(**entries)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else list(value) if isinstance(value, tuple) else value
