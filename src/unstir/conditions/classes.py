"""Classes: each row belongs to one of K classes, known by name. A value is the number of a class, 0 .. K - 1; K means nothing given.

>>> pets = Classes(("cat", "dog"), (3, 1), "pet")
>>> pets.values("dog", 2).tolist(), pets.values(["cat", 1], 2).tolist(), pets.nothing.item()
([1, 1], [0, 1], 2)
>>> pets.embedding(8)(torch.tensor([0, 2])).shape
torch.Size([2, 8])
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from unstir.conditions.base import Condition, is_text
from unstir.errors import UsageError, unknown


@dataclass(frozen=True)
class Classes(Condition):
    """K classes: their names, how often each was trained on, and the name of the column that held them."""

    names: tuple[str, ...]
    counts: tuple[int, ...]
    column: str = "class"

    kind = "classes"

    @classmethod
    def build(cls, settings: Mapping[str, Any]) -> Self:
        """The condition with the `names`, `counts` and `column` of the settings."""
        if settings.keys() != {"names", "counts", "column"}:
            raise UsageError("a condition of classes has names, counts and column")
        names, counts, column = (settings[name] for name in ("names", "counts", "column"))
        if not isinstance(names, list) or not names or not all(map(is_text, names)) or len(set(names)) != len(names):
            raise UsageError(f"names = {names!r:.60} have to be different texts")
        whole = isinstance(counts, list) and all(type(count) is int and 0 <= count <= 2**53 for count in counts)
        if not whole or len(counts) != len(names) or not sum(counts):
            raise UsageError(f"counts = {counts!r:.60} have to be a whole number for each of {len(names)} classes, not all 0")
        if not is_text(column):
            raise UsageError(f"column = {column!r:.60} has to be a text")
        return cls(tuple(names), tuple(counts), column)

    @property
    def settings(self) -> dict[str, Any]:
        """Names, counts and column."""
        return {"names": list(self.names), "counts": list(self.counts), "column": self.column}

    @property
    def nothing(self) -> Tensor:
        """K, the number of classes."""
        return torch.tensor(len(self.names))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.names

    def values(self, given: Any, n: int) -> Tensor:
        """The numbers (n,) of one class for all rows, or of one for each, by name or number. If any name is a number, all are names."""
        given = given.tolist() if isinstance(given, np.ndarray | np.generic | Tensor) else given
        each = [given] * n if isinstance(given, str | int | float) else list(given)
        if len(each) != n:
            raise UsageError(f"{len(each)} labels for {n} rows: give one for all rows, or one for each.")
        known: dict[Any, int] = {name: i for i, name in enumerate(self.names)}
        if not any(name.lstrip("-").isdigit() for name in self.names):
            known |= {i: i for i in range(len(self.names))}
        keys = [label if label in known else _text(label) for label in each]
        for key in keys:
            if key not in known:
                raise unknown("class", str(key), self.names)
        return torch.tensor([known[key] for key in keys])

    def drawn(self, n: int, generator: torch.Generator) -> Tensor:
        """Random classes in proportion to the counts."""
        return torch.multinomial(torch.tensor(self.counts, dtype=torch.float64), n, replacement=True, generator=generator)

    def texts(self, values: Tensor) -> list[str]:
        """The names of the classes."""
        return [self.names[number] for number in values.tolist()]

    def embedding(self, width: int) -> nn.Module:
        """A learnt vector for each class, and one more for "nothing"."""
        return ClassEmbedding(len(self.names), width)


class ClassEmbedding(nn.Embedding):
    """A learnt vector for each of `classes` classes, and a last one for "nothing", which None stands for, too."""

    has_row_for_each_class = True

    def __init__(self, classes: int, width: int):
        super().__init__(classes + 1, width, _weight=torch.randn(classes + 1, width))

    def forward(self, values: Tensor | None) -> Tensor:  # pyrefly: ignore
        """Numbers (B,) or None -> (B or 1, width)."""
        return self.weight[-1:] if values is None else super().forward(values)


def _text(label: Any) -> str:
    """A label as the name of a class: 3.0, as tables and arrays of floats have it, is the class 3."""
    return str(int(label) if isinstance(label, float) and label.is_integer() else label)
