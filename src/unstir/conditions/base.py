"""What a condition is: something that the network is told about a row, such as its class c.

    x_t, t, c  ->  network  ->  E[x_0 | x_t, c];        with c = nothing it is E[x_0 | x_t]                (1)

In training, the condition of some rows is replaced by "nothing" (`thinned`), so that one network learns both sides of (1).
Classifier-free guidance needs both (Ho & Salimans 2022). The values of n rows are one tensor (n, ...). A network knows a
condition only through its embedding.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from unstir.data.tables import Schema
from unstir.errors import UsageError

PARTLY = 0.25  # share of the training rows that are given only some of several columns


class Condition(ABC):
    """A condition of a model; each kind is a subclass. Frozen."""

    kind: ClassVar[str]
    """Its name in the registry."""

    @classmethod
    @abstractmethod
    def build(cls, settings: Mapping[str, Any]) -> "Condition":
        """The condition with these `settings`, as they were saved. Raises UsageError if they are invalid."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that the condition is built from, as JSON."""

    @property
    @abstractmethod
    def nothing(self) -> Tensor:
        """The value of a row about which nothing is given, in the shape and type of a row's value."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The names of the classes if values are numbers of classes; empty for other kinds."""

    @property
    @abstractmethod
    def column(self) -> str:
        """The name of the column of its values in a table of samples."""

    @abstractmethod
    def values(self, given: Any, n: int) -> Tensor:
        """Values (n, ...) from what the user gives: one value for all n rows, or one for each. Raises UsageError for invalid values."""

    @abstractmethod
    def drawn(self, n: int, generator: torch.Generator) -> Tensor:
        """Random values (n, ...), each as often as in the training data."""

    @abstractmethod
    def texts(self, values: Tensor) -> list[str]:
        """The text for each of the values (n, ...), as it is written to a file or under a picture."""

    @abstractmethod
    def embedding(self, width: int) -> nn.Module:
        """A fresh module that maps values (B, ...) -> (B, width), and None, which means nothing given, -> (1, width)."""

    def without(self, values: Tensor, dropped: Tensor) -> Tensor:
        """Values (n, ...) with "nothing" in place of those that are `dropped`, (n,) bool."""
        return torch.where(dropped.reshape(-1, *[1] * (values.ndim - 1)), self.nothing.to(values), values)


class Several(Condition):
    """A condition of several things by name, any of which can be given: columns, and arrays. Values are floats, NaN for nothing. Frozen."""

    table: Schema
    """What the columns among them are, and how their cells are written."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The names of all of them."""

    @abstractmethod
    def codes(self, values: Tensor) -> np.ndarray:
        """The codes (n, m) float64 of the columns in `table`, NaN where nothing is given."""

    @abstractmethod
    def arrays(self, values: Tensor) -> dict[str, np.ndarray]:
        """The arrays (n, ...) among what values say, by name, in the data's units, NaN where nothing is given."""

    @abstractmethod
    def left_out(self, values: Tensor, which: Tensor) -> Tensor:
        """Values with "nothing" for those of the `names` that are left out of each row: which (n, number of names) bool."""

    @property
    @abstractmethod
    def scale(self) -> tuple[Tensor, Tensor]:
        """Mean and spread, float64, which broadcast to a value: a value is (what it says in codes or in the data's units - mean) / spread."""

    @abstractmethod
    def scaled_like(self, before: Any) -> "Several":
        """The same condition with the scale of another one that means the same."""

    @property
    @abstractmethod
    def meant(self) -> list[Any]:
        """What a value means but for its scale; two conditions that mean the same can have the same values."""

    @abstractmethod
    def far(self, values: Tensor) -> list[str]:
        """A sentence for each name of which a value lies outside the range of the training rows."""


class OnGrid(Several):
    """A condition of which a part lies on a grid, as a picture does: a network gets that part as channels beside its rows. Frozen."""

    seen: Tensor
    """Values (k, ...) that were seen in training, from which random ones are drawn: whole rows."""

    @abstractmethod
    def with_seen(self, seen: Tensor) -> "OnGrid":
        """The same condition with these rows, as a folder holds them beside the settings."""

    @property
    @abstractmethod
    def kept(self) -> tuple[int, ...]:
        """The shape of `seen`, (k, ...), as the settings say it."""

    @abstractmethod
    def mirrored(self, values: Tensor) -> Tensor:
        """Values of the mirror images of the rows: the last axis of a grid turned round."""

    @abstractmethod
    def planes(self, space: Sequence[int]) -> nn.Module | None:
        """A module that maps values (B, ...) or None -> (B or 1, channels, *space), and has the number of its `channels`; None without any.

        A space of no dimension, (), is that of rows without neighbours.
        """

    @abstractmethod
    def aside(self, width: int, space: Sequence[int]) -> nn.Module | None:
        """As `embedding`, of what has no channels on that grid; None where nothing is left."""


def planes_of(condition: Condition | None, space: Sequence[int] = ()) -> nn.Module | None:
    """What of a condition joins the input of a network on a grid of sizes `space`, or on none; None if there is nothing."""
    return condition.planes(space) if isinstance(condition, OnGrid) else None


def embedding_of(condition: Condition | None, width: int, space: Sequence[int] = ()) -> nn.Module | None:
    """The embedding of the rest of the condition; None if there is nothing."""
    if isinstance(condition, OnGrid):
        return condition.aside(width, space)
    return None if condition is None else condition.embedding(width)


def channels_of(planes: nn.Module | None) -> int:
    """How many channels the planes of a condition have; 0 without any."""
    return 0 if planes is None else int(planes.channels)  # pyrefly: ignore


def beside(x: Tensor, planes: nn.Module | None, values: Tensor | None) -> Tensor:
    """x (B, C, ...) with the planes of a condition's values as further channels; x itself where there are no planes."""
    if planes is None:
        return x
    told = planes(values).to(x.dtype)
    return torch.cat([x, told.expand(len(x), *told.shape[1:])], 1)


def random_rows(seen: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """n of the values (k, ...) that were seen in training, each as likely as the others."""
    return seen[torch.randint(len(seen), (n,), generator=generator)]


def is_text(value: Any) -> bool:
    """Whether an entry of a card is a text that can be written: without a lone surrogate."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def thinned(condition: Condition, values: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Values (n, ...) as a network is trained on them: a `share` of the rows is given nothing.

    Of m > 1 names, `PARTLY` of the rows are given only some: each name is left out with one probability, uniform for each row, so that
    every number of names is as frequent.
    """
    n = len(values)
    values = condition.without(values, torch.rand(n, generator=generator) < share)
    if not isinstance(condition, Several) or len(condition.names) == 1 or not share:
        return values
    left_out = torch.rand(n, len(condition.names), generator=generator) < torch.rand(n, 1, generator=generator)
    partly = torch.rand(n, 1, generator=generator) < PARTLY
    return condition.left_out(values, left_out & partly)


def conditions_for(condition: Condition | None, n: int, given: Any, generator: torch.Generator) -> Tensor | None:
    """Values (n, ...) from what is `given`, or drawn as often as in the training data; None for a model without a condition.

    Raises UsageError if something is given and the model was trained without a condition.
    """
    if condition is None:
        if given is not None:
            raise UsageError("this model was trained without labels and without --given, so samples cannot be given anything.")
        return None
    return condition.drawn(n, generator) if given is None else condition.values(given, n)
