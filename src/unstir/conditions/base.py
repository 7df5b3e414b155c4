"""What a condition is: something that the network is told about a row, such as its class c.

    x_t, t, c  ->  network  ->  E[x_0 | x_t, c];        with c = nothing it is E[x_0 | x_t]                (1)

In training, the condition of some rows is replaced by "nothing" (`thinned`), so that one network learns both sides of (1).
Classifier-free guidance needs both (Ho & Salimans 2022). The values of n rows are one tensor (n, ...). A network knows a
condition only through its embedding.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
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
    """A condition whose values are m columns of a `table`, any part of which can be given: (n, m) float, NaN for nothing. Frozen."""

    table: Schema
    """What the columns are, and how their cells are written."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""

    @abstractmethod
    def codes(self, values: Tensor) -> np.ndarray:
        """The codes (n, m) float64 of values in `table`, NaN where nothing is given."""

    @abstractmethod
    def of_codes(self, codes: np.ndarray) -> Tensor:
        """Values (n, m) from codes (n, m): the inverse."""

    @abstractmethod
    def far(self, values: Tensor) -> list[str]:
        """A sentence for each column of which a value lies outside the range of the training rows."""


def thinned(condition: Condition, values: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Values (n, ...) as a network is trained on them: a `share` of the rows is given nothing.

    Of m > 1 columns, `PARTLY` of the rows are given only some: each column is left out with one probability, uniform for each row, so that
    every number of columns is as frequent.
    """
    n = len(values)
    values = condition.without(values, torch.rand(n, generator=generator) < share)
    if not isinstance(condition, Several) or len(condition.names) == 1 or not share:
        return values
    left_out = torch.rand(n, len(condition.names), generator=generator) < torch.rand(n, 1, generator=generator)
    partly = torch.rand(n, 1, generator=generator) < PARTLY
    return torch.where(left_out & partly, condition.nothing.to(values), values)


def conditions_for(condition: Condition | None, n: int, given: Any, generator: torch.Generator) -> Tensor | None:
    """Values (n, ...) from what is `given`, or drawn as often as in the training data; None for a model without a condition.

    Raises UsageError if something is given and the model was trained without a condition.
    """
    if condition is None:
        if given is not None:
            raise UsageError("this model was trained without labels and without --given, so samples cannot be given anything.")
        return None
    return condition.drawn(n, generator) if given is None else condition.values(given, n)
