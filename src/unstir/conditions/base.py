"""What a condition is: what each row is drawn given, as a value that is a tensor, a value that stands for "nothing given", and an embedding.

    x_t, t, c  ->  network  ->  E[x_0 | x_t, c];        with c = nothing it is E[x_0 | x_t]                (1)

While training, the condition of some rows is replaced by nothing, so that one network learns both sides of (1), which is what classifier-free
guidance needs (Ho & Salimans 2022). Values of n rows are one tensor (n, ...). A network knows a condition only by its embedding.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from unstir.errors import UsageError


class Condition(ABC):
    """One kind of condition, as a model has it. Frozen."""

    kind: ClassVar[str]
    """Its name in the registry."""

    @classmethod
    @abstractmethod
    def build(cls, settings: Mapping[str, Any]) -> "Condition":
        """The condition with these `settings`, as they were saved. Raises UsageError for what cannot be."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What it is built from: JSON."""

    @property
    @abstractmethod
    def nothing(self) -> Tensor:
        """The value of a row of which nothing is given, in the shape and type of one row's value."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, where values are numbers of classes; none for other kinds."""

    @property
    @abstractmethod
    def column(self) -> str:
        """What a column of its values is called, in a table of samples."""

    @abstractmethod
    def values(self, given: Any, n: int) -> Tensor:
        """What a person gives for n rows, one value for all or one a row, as values (n, ...). Raises UsageError for what cannot be."""

    @abstractmethod
    def drawn(self, n: int, generator: torch.Generator) -> Tensor:
        """Values (n, ...) as often as in the training data."""

    @abstractmethod
    def texts(self, values: Tensor) -> list[str]:
        """What a person calls each of the values (n, ...), in a file or under a picture."""

    @abstractmethod
    def embedding(self, width: int) -> nn.Module:
        """A fresh module: values (B, ...) -> (B, width), and None, for nothing, -> (1, width)."""

    def without(self, values: Tensor, dropped: Tensor) -> Tensor:
        """Values (n, ...) with nothing in place of those that are dropped, (n,) bool."""
        return torch.where(dropped.reshape(-1, *[1] * (values.ndim - 1)), self.nothing.to(values), values)


def conditions_for(condition: Condition | None, n: int, given: Any, generator: torch.Generator) -> Tensor | None:
    """Values (n, ...) of what is given, or else as often as in the training data; None for a model without a condition.

    Raises UsageError where something is given and the model was trained with nothing.
    """
    if condition is None:
        if given is not None:
            raise UsageError("this model was trained without labels, so none can be asked for.")
        return None
    return condition.drawn(n, generator) if given is None else condition.values(given, n)
