"""The encoder of tables of mixed columns: codes (D,) with NaN for missing cells -> elements (E,), numbers and groups of which one is true.

    column                                    elements
    number, time                              its normal score                                          (1)
      with atoms, or missing cells            beside it a group: any number, atom 1, ..., missing       (2)
      of few values, each there often         a group: one state for each value
    category, boolean                         a group: one state for each value, and one for missing
    constant                                  none

(1) is `unstir.encoders.scores`. An *atom* is a value that many rows have, such as 0: as a state it comes back exactly. Where a state other
than "any number" is true, the number is fixed at the score of the atom, so that what is near it in the data is near it here; at 0 if it
is missing. Numbers are shifted and scaled to mean 0 and variance 1. The states of a group are written

    z_k = s (true_k - h_k),    s = 1 / sqrt(1 - sum h^2), at most 4,    h the shares of the states           (3)

so that a group has mean 0, and altogether the variance of one number. The h in (2) of `scores` is a hash of the row: it is the same for the
same row, and spread evenly over rows that have the same value.

    >>> from unstir.data.tables.column import Column
    >>> from unstir.data.tables.schema import Schema
    >>> table = Schema((Column("pet", "category", values=("cat", "dog"), missing=True), Column("age", "number")))
    >>> x = np.array([[0, 1.5], [1, 2.25], [np.nan, 4.5], [0, 3.75]])
    >>> encoder = Table.begin([Rows(x)], FitOptions(table=table)).encoder()
    >>> encoder.space, np.array_equal(encoder.decode(encoder.encode(torch.as_tensor(x))), x, equal_nan=True)
    ((4,), True)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstir.data.layouts import Layout
from unstir.data.rows import Rows
from unstir.diffusion.groups import NONE, States
from unstir.encoders.base import Encoder, Fit, FitOptions, Fitted, Outline
from unstir.encoders.column_parts import Part, part_of
from unstir.encoders.scores import Scores
from unstir.errors import DataError, UsageError
from unstir.words import counted

LOOKED_AT = 2**26  # numbers at most from which columns are fitted
WIDEST = 16384  # elements of a row
SCALE = 4.0  # s of (3) at most


@dataclass(frozen=True)
class Table(Encoder):
    """The parts of the D columns, in their order: `column_parts.Part`. If it is `complete`, it decodes no cell as missing."""

    parts: tuple[Part, ...]
    complete: bool = False

    name, describes, by_cell = "table", "normal score", True

    @classmethod
    def begin(cls, views: Sequence[Rows], options: FitOptions) -> Fit:
        """Fit the columns on all rows, or on a random part of very many. Raises UsageError for rows that are not those of a table."""
        rows, table = views[0], options.table
        if table is None or len(views) > 1 or rows.shape[1:] != (len(table.columns),):
            raise UsageError(
                "the encoder table is for tables with named columns, such as a CSV file with a header or a data frame. Use another "
                "--data.encoder."
            )
        which = np.random.default_rng([options.seed, 6]).permutation(len(rows))[: max(2, LOOKED_AT // len(table.columns))]
        rows = rows.take(np.sort(which)) if len(which) < len(rows) else rows
        parts = tuple(part_of(column, rows.column(j).astype(np.float64)) for j, column in enumerate(table.columns))
        wide = sum(part.width for part in parts)
        if wide > WIDEST:
            widest = max(zip(table.names, parts, strict=True), key=lambda pair: pair[1].width)
            raise DataError(
                f"the columns take {counted(wide, 'element')}, and {WIDEST:,} is the most: column '{widest[0]}' has "
                f"{counted(widest[1].width, 'category', 'categories')}. Leave it out: --columns.{widest[0]} drop."
            )
        if not wide:
            raise DataError("every column has the same value in all rows, so there is nothing to learn.")
        return Fitted(cls(parts))

    @classmethod
    def outline(cls, settings: Mapping[str, Any], shape: tuple[int, ...]) -> Outline:
        """The knots, the numbers, the states and the constants of all columns, one after another."""
        columns = settings.get("columns")
        if settings.keys() != {"columns"} or not isinstance(columns, list) or shape != (len(columns),):
            raise UsageError(f"encoder {cls.name} has one entry for each of the columns {shape}")
        for entry in columns:
            whole = isinstance(entry, list) and len(entry) == 3 and all(type(n) is int and 0 <= n <= 2**20 for n in entry)
            if not whole or entry[2] > 1 or entry[1] == 1:
                raise UsageError(
                    f"encoder {cls.name}: a column is knots, states and whether cells are missing, not {entry!r:.60}"
                )
        knots, states, _ = (sum(part) for part in zip(*columns, strict=True))
        numbers = sum(1 for entry in columns if entry[0])
        if not 0 < numbers + states <= WIDEST:
            raise UsageError(f"encoder {cls.name} has from 1 to {WIDEST:,} elements")
        shapes = {"knots": (knots, 4), "numbers": (numbers, 4), "states": (states, 2), "constants": (len(columns),)}
        return Outline((numbers + states,), {name: (shape, torch.float64) for name, shape in shapes.items() if 0 not in shape})

    @classmethod
    def build(cls, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "Table":
        """The encoder with these entries and tensors."""
        knots, numbers, states = (
            iter(tensors[name].numpy()) if name in tensors else iter(()) for name in ("knots", "numbers", "states")
        )
        parts = []
        for (count, held, missing), constant in zip(settings["columns"], tensors["constants"].tolist(), strict=True):
            own = np.array([next(states) for _ in range(held)]).reshape(held, 2)
            lines = np.array([next(knots) for _ in range(count)]).reshape(count, 4)
            if (
                (own[:, 1] <= 0).any()
                or (np.diff(lines[:, 0]) <= 0).any()
                or not np.isin(lines[:, 3], (0, 1)).all()
                or (np.diff(lines.clip(0, 1)[:, 1:3].ravel()) < 0).any()
            ):
                raise UsageError(f"encoder {cls.name}: shares are above 0, and knots rise")
            shift, scale, least, step = next(numbers) if count else (0.0, 1.0, 0.1, 0.0)
            if not scale > 0 or not 0 < least < 0.5 or step < 0:
                raise UsageError(f"encoder {cls.name}: a number has a scale above 0, and a least level between 0 and 0.5")
            scores = Scores(lines[:, 0], lines[:, 1], lines[:, 2], lines[:, 3], float(least), float(step)) if count else None
            parts.append(Part(scores, own[:, 0], own[:, 1], bool(missing), constant, float(shift), float(scale)))
        return cls(tuple(parts))

    @property
    def settings(self) -> dict[str, Any]:
        """For each column: how many knots, how many states, and whether cells are missing."""
        return {"columns": [[part.knots, len(part.codes), int(part.missing)] for part in self.parts]}

    def tensors(self) -> dict[str, Tensor]:
        """Knots (x, low, high, opens), numbers (shift, scale, least level, step), states (code, share) and constants."""
        scored = [(part, part.scores) for part in self.parts if part.scores is not None]
        held = {
            "knots": [np.stack([scores.x, scores.low, scores.high, scores.opens], 1) for _, scores in scored],
            "numbers": [np.array([[p.shift, p.scale, scores.least, scores.step]]) for p, scores in scored],
            "states": [np.stack([p.codes, p.shares], 1) for p in self.parts if len(p.codes)],
            "constants": [np.array([p.constant]) for p in self.parts],
        }
        return {name: torch.as_tensor(np.concatenate(part)) for name, part in held.items() if part}

    @cached_property
    def states(self) -> States:
        """Which elements form groups, for the target `table`."""
        found: dict[str, list[float]] = {name: [] for name in States.__dataclass_fields__}
        for number, part in enumerate(self.parts):
            first = len(found["group"])
            state = first + int(part.scores is not None)  # the first state
            if part.scores is not None:
                any_of = state if len(part.codes) else NONE
                for name, value in zip(found, (NONE, 1, 1, 0, any_of, NONE, 0), strict=True):
                    found[name].append(value)
            scale = part.scale_of_states(SCALE)
            for k, share in enumerate(part.shares):
                fixes = first if part.scores is not None and k else NONE
                fixed = part.fixed[k] if fixes != NONE else 0.0
                for name, value in zip(found, (number, share, scale, scale * share, NONE, fixes, fixed), strict=True):
                    found[name].append(value)
        whole = ("group", "any_of", "fixes")
        tensors = {
            name: torch.tensor(held, dtype=torch.int64 if name in whole else torch.float64) for name, held in found.items()
        }
        _, group = torch.unique(tensors["group"], return_inverse=True)  # numbered without gaps, numbers first
        tensors["group"] = group + (NONE if (tensors["group"] == NONE).any() else 0)
        return States(**tensors)

    @property
    def gaps(self) -> Tensor:
        """Which elements say that a cell is missing: (E,) bool."""
        ends = torch.tensor([part.width for part in self.parts]).cumsum(0) - 1
        found = torch.zeros(self.space, dtype=torch.bool)
        found[ends[[bool(part.missing and part.width) for part in self.parts]]] = True
        return found

    @property
    def shape(self) -> tuple[int, ...]:
        """(D,)."""
        return (len(self.parts),)

    @property
    def space(self) -> tuple[int, ...]:
        """(E,)."""
        return (sum(part.width for part in self.parts),)

    def layout(self, of_data: Layout | None) -> Layout | None:  # noqa: ARG002
        """None: columns have no neighbours."""
        return None

    @property
    def constant(self) -> Tensor:
        """Columns without elements."""
        return torch.tensor([part.width == 0 for part in self.parts])

    @property
    def linear(self) -> tuple[Tensor, Tensor] | None:
        """None: it is not linear."""
        return None

    def encode(self, x: Tensor) -> Tensor:
        """Codes (B, D) -> (B, E) by (1) to (3). Raises DataError for a missing cell where none was, and for a cell that is not finite."""
        codes = x.numpy(force=True).astype(np.float64)
        z, first, base = np.empty((len(codes), *self.space), np.float32), 0, _hash(codes)
        for j, part in enumerate(self.parts):
            if np.isinf(codes[:, j]).any() or (not part.missing and np.isnan(codes[:, j]).any()):
                raise DataError(
                    f"column {j} has a cell that is missing or infinite, and in training it had none. Remove its row, or fill it in."
                )
            own = z[:, first : first + part.width]
            part.encode(codes[:, j], _part(base + 78.233 * (j + 1)), SCALE, own)
            first += part.width
        return torch.from_numpy(z)

    def decode(self, z: Tensor) -> Tensor:
        """(B, E) -> codes (B, D); of a group, the state that is nearest."""
        held = z.numpy(force=True).astype(np.float64)
        codes, first = np.empty((len(held), *self.shape)), 0
        for j, part in enumerate(self.parts):
            codes[:, j] = part.decode(held[:, first : first + part.width], SCALE, self.complete)
            first += part.width
        return torch.from_numpy(codes).to(z.device)

    def log_volume(self, x: Tensor) -> Tensor | None:  # noqa: ARG002
        """None: categories have no density."""
        return None

    def known(self, mask: Tensor) -> Tensor | None:
        """All elements of the columns that are known."""
        return mask.repeat_interleave(torch.tensor([part.width for part in self.parts], device=mask.device), 1)

    def bounds(self, low: float, high: float) -> tuple[Tensor, Tensor] | None:  # noqa: ARG002
        """None."""
        return None

    def reach(self) -> tuple[float, float]:
        """The smallest and the largest code."""
        ends = [codes for part in self.parts for codes in part.ends]
        return float(min(ends)), float(max(ends))

    def reconstruction(self, x: Tensor, seed: int = 0) -> None:  # noqa: ARG002
        """Nothing that counts is lost: numbers between two quantiles are interpolated, and rounded as they came."""
        return


def _hash(codes: np.ndarray) -> np.ndarray:
    """A number in [0, 1000) for each row of codes (n, D), which changes with each of its cells: (n,)."""
    weights = 12.9898 + 7.2345 * np.sqrt(np.arange(1, codes.shape[1] + 1))
    return 1000 * _part(np.nan_to_num(codes, nan=-1.0) @ weights)


def _part(x: np.ndarray) -> np.ndarray:
    """A number in [0, 1) that looks random, made of x (n,)."""
    return np.modf(np.abs(np.sin(x)) * 43758.5453)[0]
