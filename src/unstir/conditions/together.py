"""Several conditions in one model: columns beside a row, and pictures or sequences. A value is those of all parts, one after another.

low (4, 4), speed ()        value (17,): speed, then the 16 numbers of low; NaN where nothing is given

Any of the names can be left out; rows to draw from are whole rows, because parts depend on each other.

>>> from unstir.data.beside import array_beside
>>> from unstir.data.tables import Column, Schema
>>> speed = Columns.fitted(Schema((Column("speed", "number"),)), np.array([[1.0], [3.0]]))
>>> low = Grid.fitted(array_beside("low", np.arange(32.0).reshape(2, 4, 4), 2, None))
>>> both = Together.of((speed, low))
>>> both.values({"speed": 3.0}, 2).shape, both.names, both.texts(both.values({"speed": 3.0}, 1))
(torch.Size([2, 17]), ('speed', 'low'), ['speed=3.0'])
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from unstir.conditions.base import Condition, OnGrid, Several, random_rows
from unstir.conditions.columns import Columns
from unstir.conditions.grid import MOST_SEEN, Grid
from unstir.conditions.registry import CONDITIONS
from unstir.data.tables import Schema
from unstir.errors import UsageError, unknown
from unstir.words import short


@dataclass(frozen=True, eq=False)
class Together(OnGrid):
    """The `parts`, whose names differ, and the values `seen` (rows, M) of whole rows."""

    parts: tuple[Several, ...]
    rows: int = 0
    seen: Tensor = field(default_factory=lambda: torch.zeros(0))  # pyrefly: ignore

    kind = "together"

    @classmethod
    def of(cls, parts: Sequence[Several], seen: Tensor | None = None) -> Self:
        """The condition of these parts, with values (rows, M) that were seen."""
        made = cls(tuple(parts))
        names = made.names
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"'{short(name)}' is given twice.")
        return made if seen is None else replace(made, seen=seen, rows=len(seen))

    @classmethod
    def build(cls, settings: Mapping[str, Any]) -> Self:
        """The condition of the `parts` of the settings, each with its `kind` and `settings`; what was seen comes later."""
        parts, rows = settings.get("parts"), settings.get("rows")
        if settings.keys() != {"parts", "rows"} or not isinstance(parts, list) or len(parts) < 2:
            raise UsageError("a condition of several kinds has parts and rows")
        if type(rows) is not int or not 0 <= rows <= MOST_SEEN:
            raise UsageError(f"rows = {rows!r:.40} has to be a whole number")
        made: list[Several] = []
        for part in parts:
            if not isinstance(part, dict) or part.keys() != {"kind", "settings"} or not isinstance(part["settings"], dict):
                raise UsageError(f"part = {part!r:.60} has to have a kind and settings")
            if part["kind"] not in (Columns.kind, Grid.kind):
                raise UsageError(f"kind = {part['kind']!r:.40} has to be {Columns.kind} or {Grid.kind}")
            built = CONDITIONS[part["kind"]].build(part["settings"])
            assert isinstance(built, Several)
            made.append(built)
        return replace(cls.of(made), rows=rows)

    @property
    def settings(self) -> dict[str, Any]:
        """The kind and the settings of each part, and how many rows are kept to draw from."""
        return {"parts": [{"kind": part.kind, "settings": part.settings} for part in self.parts], "rows": self.rows}

    @property
    def kept(self) -> tuple[int, ...]:
        """(rows, M)."""
        return self.rows, *self.nothing.shape

    def with_seen(self, seen: Tensor) -> "Together":
        """The same with rows to draw from."""
        return replace(self, seen=seen, rows=len(seen))

    @property
    def table(self) -> Schema:  # pyrefly: ignore
        """The columns of all parts."""
        return Schema(tuple(column for part in self.parts for column in part.table.columns))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parts."""
        return tuple(name for part in self.parts for name in part.names)

    @property
    def nothing(self) -> Tensor:
        """NaN, M times."""
        return torch.cat([part.nothing.flatten() for part in self.parts])

    @property
    def classes(self) -> tuple[str, ...]:
        """None: values are no numbers of classes."""
        return ()

    @property
    def column(self) -> str:
        """What all of it is called."""
        return "given"

    @property
    def scale(self) -> tuple[Tensor, Tensor]:
        """Mean and spread, (M,) float64."""
        both = [[each.expand(part.nothing.shape).flatten() for each in part.scale] for part in self.parts]
        mean, spread = (torch.cat(each) for each in zip(*both, strict=True))
        return mean, spread

    def scaled_like(self, before: Any) -> "Together":
        """The same with the scale of another one of the same parts."""
        made = replace(self, parts=tuple(part.scaled_like(old) for part, old in zip(self.parts, before.parts, strict=True)))
        (mean, spread), (mean_there, spread_there) = self.scale, made.scale
        return replace(made, seen=((self.seen.double() * spread + mean - mean_there) / spread_there).float())

    @property
    def meant(self) -> list[Any]:
        """What values mean but for their scale."""
        return [meaning for part in self.parts for meaning in part.meant]

    def split(self, values: Tensor) -> list[Tensor]:
        """The values (n, ...) of each part, of those (n, M) of all."""
        shapes = [part.nothing.shape for part in self.parts]
        pieces = values.split([shape.numel() for shape in shapes], 1)
        return [piece.unflatten(1, shape) for piece, shape in zip(pieces, shapes, strict=True)]

    def values(self, given: Any, n: int) -> Tensor:
        """Values (n, M) from a dict by name, as each part takes it; what is left out is nothing given. Raises UsageError."""
        if not isinstance(given, Mapping):
            raise UsageError(
                f"this model is given {', '.join(map(short, self.names))}: name what you give, as in given={{'{short(self.names[0])}': ...}}"
            )
        own = {name: part for part in self.parts for name in part.names}
        own |= {stem: part for name, part in list(own.items()) if (stem := name.rpartition(".")[0]) and stem not in own}
        for name in given:
            if str(name) not in own:
                raise unknown("name of what is given", short(str(name)), map(short, self.names))
        each = [{name: held for name, held in given.items() if own[str(name)] is part} for part in self.parts]
        return torch.cat([part.values(held, n).flatten(1) for part, held in zip(self.parts, each, strict=True)], 1)

    def codes(self, values: Tensor) -> np.ndarray:
        """The codes of the columns of all parts."""
        return np.concatenate([part.codes(held) for part, held in zip(self.parts, self.split(values), strict=True)], 1)

    def arrays(self, values: Tensor) -> dict[str, np.ndarray]:
        """The arrays of all parts."""
        found: dict[str, np.ndarray] = {}
        for part, held in zip(self.parts, self.split(values), strict=True):
            found |= part.arrays(held)
        return found

    def drawn(self, n: int, generator: torch.Generator) -> Tensor:
        """Random rows of those that were seen."""
        return random_rows(self.seen, n, generator)

    def texts(self, values: Tensor) -> list[str]:
        """The texts of the parts, with commas between them."""
        each = [part.texts(held) for part, held in zip(self.parts, self.split(values), strict=True)]
        return [", ".join(text for text in texts if text) for texts in zip(*each, strict=True)]

    def far(self, values: Tensor) -> list[str]:
        """The sentences of all parts."""
        return [said for part, held in zip(self.parts, self.split(values), strict=True) for said in part.far(held)]

    def left_out(self, values: Tensor, which: Tensor) -> Tensor:
        """Each part without what is left out of it."""
        each = which.split([len(part.names) for part in self.parts], 1)
        parts = zip(self.parts, self.split(values), each, strict=True)
        return torch.cat([part.left_out(held, out).flatten(1) for part, held, out in parts], 1)

    def mirrored(self, values: Tensor) -> Tensor:
        """The pictures among the parts turned round."""
        parts = zip(self.parts, self.split(values), strict=True)
        return torch.cat([(part.mirrored(held) if isinstance(part, OnGrid) else held).flatten(1) for part, held in parts], 1)

    def planes(self, space: Sequence[int]) -> nn.Module | None:
        """The channels of all parts that have any on this grid."""
        return self._of_parts(lambda part: part.planes(space) if isinstance(part, OnGrid) else None, _Joined)

    def aside(self, width: int, space: Sequence[int]) -> nn.Module | None:
        """The sum of the embeddings of what has none."""
        return self._of_parts(
            lambda part: part.aside(width, space) if isinstance(part, OnGrid) else part.embedding(width), _Summed
        )

    def embedding(self, width: int) -> nn.Module:
        """The sum of the embeddings of all parts."""
        made = self._of_parts(lambda part: part.embedding(width), _Summed)
        assert made is not None
        return made

    def _of_parts(self, make: Callable[[Condition], nn.Module | None], kind: "type[_OfParts]") -> nn.Module | None:
        made = [make(part) for part in self.parts]
        return kind(made, [part.nothing.shape for part in self.parts]) if any(module is not None for module in made) else None


class _OfParts(nn.Module):
    """Modules of the parts of values (B, M), which lie one after another in so many shapes; None for a part without one."""

    def __init__(self, made: Sequence[nn.Module | None], shapes: Sequence[torch.Size]):
        super().__init__()
        self.shapes, self.has = shapes, [module is not None for module in made]
        self.made = nn.ModuleList(module for module in made if module is not None)

    def each(self, values: Tensor | None) -> list[Tensor]:
        """What each module makes of its part; of None, which means nothing given, a single row."""
        if values is None:
            return [module(None) for module in self.made]
        pieces = values.split([shape.numel() for shape in self.shapes], 1)
        own = [piece.unflatten(1, shape) for piece, shape, has in zip(pieces, self.shapes, self.has, strict=True) if has]
        return [module(piece) for module, piece in zip(self.made, own, strict=True)]


class _Joined(_OfParts):
    """The channels of all parts, one after another."""

    @property
    def channels(self) -> int:
        """How many there are."""
        return sum(module.channels for module in self.made)  # pyrefly: ignore

    def forward(self, values: Tensor | None) -> Tensor:
        """Values (B, M) or None -> (B or 1, channels, ...)."""
        return torch.cat(self.each(values), 1)


class _Summed(_OfParts):
    """The sum of the embeddings of all parts."""

    def forward(self, values: Tensor | None) -> Tensor:
        """Values (B, M) or None -> (B or 1, width)."""
        return torch.stack(self.each(values)).sum(0)
