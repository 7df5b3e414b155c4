"""What an encoder does: it maps rows in the data's units to the model's space and back. It is fitted on the training rows, and saved with
the model.

    z = encode(x),    x = decode(z),    log p(x) = log p(z) - log_volume(x)                           (1)

The network sees z, which has about mean 0 and variance 1: the edm target and the start of every sampler assume unit variance. There is
nothing to learn about an element that never varies: it is encoded as 0, and decoded as exactly itself.

Everything that other code needs to know about an encoder is a method here, so that no code asks which encoder it is. A new encoder is a
class in its own file and a row in `unstir.encoders.registry`. Three methods make one:

    begin      fit it: at once (`Fitted`), or in updates that the caller drives
    outline    say which tensors a saved encoder has to hold, before anything of their size is made
    build      make it from saved settings and tensors
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

from unstir.data.layouts import Layout, layout
from unstir.data.rows import Rows
from unstir.data.tables.schema import Schema
from unstir.encoders.registry import ENCODERS
from unstir.errors import DataError
from unstir.steady import steady

FARTHEST = 1e12  # in the model's space: beyond it, float32 rounds the noise away, and squares overflow


class Outline(NamedTuple):
    """What a saved encoder has to hold: the shape of a row in the model's space, and the shape and type of each tensor by name."""

    space: tuple[int, ...]
    tensors: dict[str, tuple[tuple[int, ...], torch.dtype]]


class Update(NamedTuple):
    """A step of an encoder's training: its number from 1, the mean squared error per element, and the rate in bits a row."""

    number: int
    error: float
    rate: float


class Fit(Protocol):
    """The fitting of an encoder: the caller drives `count` updates, then takes the encoder. Most encoders need no updates."""

    @property
    def count(self) -> int:
        """The number of updates."""
        ...

    def updates(self) -> Iterator[Update]:
        """Take the updates, one at a time."""
        ...

    def encoder(self) -> "Encoder":
        """The current encoder."""
        ...


@dataclass(frozen=True)
class Fitted:
    """A fitting that needs no updates, because `made` is already fitted."""

    made: "Encoder"
    count: int = 0

    def updates(self) -> Iterator[Update]:
        """There are none."""
        return iter(())

    def encoder(self) -> "Encoder":
        """The encoder."""
        return self.made


@dataclass(frozen=True)
class FitOptions:
    """Options of the fitting: the seed, the precision and the device of the computation, settings of the encoder by name, how the
    rows lie in space, and the columns of a table."""

    seed: int = 0
    precision: str = "float32"
    device: str = "cpu"
    settings: Mapping[str, Any] = field(default_factory=dict)
    layout: Layout | None = None
    table: Schema | None = None


class Encoder(ABC):
    """From rows (B, *shape) in the data's units to rows (B, *space) of the model's space, and back."""

    name: ClassVar[str]
    """Its name in the registry."""
    describes: ClassVar[str]
    """What encoded values are called on the axis of a picture: "standardised"."""
    trained: ClassVar[bool] = False
    """Whether it is a network, which takes time to fit and to evaluate."""
    by_cell: ClassVar[bool] = False
    """Whether it keeps values of the columns of a table as states, so that rows have no density, and are judged and shown cell by cell."""

    @classmethod
    @abstractmethod
    def begin(cls, views: Sequence[Rows], options: FitOptions) -> Fit:
        """Begin to fit an encoder on the rows, `views[0]`, and on other views of them that training will see, such as mirror images.

        Raises UsageError if rows of this shape cannot be encoded in this way, DataError if their values cannot.
        """

    @classmethod
    @abstractmethod
    def outline(cls, settings: Mapping[str, Any], shape: tuple[int, ...]) -> Outline:
        """What a saved encoder with these settings, for rows of this shape, has to hold. Raises UsageError for settings that are wrong."""

    @classmethod
    @abstractmethod
    def build(cls, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "Encoder":
        """The encoder with these `settings` and `tensors()`. Raises UsageError for values that no such encoder can have."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that the encoder is built from but its tensors, as JSON."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The fitted tensors by name."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of a row of the data."""

    @property
    @abstractmethod
    def space(self) -> tuple[int, ...]:
        """The shape of a row in the model's space."""

    @abstractmethod
    def layout(self, of_data: Layout | None) -> Layout | None:
        """How rows of the model's space lie in space, if rows of the data lie like `of_data`; None for rows without neighbours."""

    @property
    @abstractmethod
    def constant(self) -> Tensor:
        """Which elements of the data never vary: bool, in the shape of a row."""

    @property
    @abstractmethod
    def linear(self) -> tuple[Tensor, Tensor] | None:
        """Shift and scale, each in the shape of a row of the model's space, if x = shift + scale z; None for any other encoder."""

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Rows (B, *shape) in the data's units -> float32 (B, *space). Raises DataError for values that are far outside the data."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """Rows (B, *space) of the model's space -> float64 (B, *shape) in the data's units."""

    @abstractmethod
    def log_volume(self, x: Tensor) -> Tensor | None:
        """log |det dx/dz| at rows x (B, *shape), (B,) float64, over the elements that vary; None if there is no density in the data's units."""

    @abstractmethod
    def known(self, mask: Tensor) -> Tensor | None:
        """Which elements in the model's space (B, *space) are known, if those in `mask` (B, *shape) are; None if none is certain."""

    @abstractmethod
    def bounds(self, low: float, high: float) -> tuple[Tensor, Tensor] | None:
        """The lowest and highest values in the model's space, (*space) each, of data between `low` and `high`; None if it has no bounds."""

    @abstractmethod
    def reach(self) -> tuple[float, float]:
        """About the smallest and the largest value of the data: the range that a picture of samples shows."""

    @abstractmethod
    def reconstruction(self, x: Tensor, seed: int = 0) -> "Reconstruction | None":
        """What held-out rows x (B, *shape) lose by being encoded and decoded; None if they lose nothing."""


class Reconstruction(NamedTuple):
    """How good a lossy encoder is, on rows that it was not trained on.

    `error`: root mean squared error in the data's units. `lost`: the share of the data's variance that is lost. `rate`: bits a row.
    `before` and `after`: numbers a row of the data, and of the model's space.
    """

    error: float
    lost: float
    rate: float
    before: int
    after: int

    def __str__(self) -> str:
        """The numbers in one sentence."""
        return (
            f"{self.before:,} numbers a row to {self.after:,}; on held-out rows it is off by {self.error:.3g} (root mean square; "
            f"{100 * self.lost:.1f} % of the variance is lost) at a rate of {self.rate:,.0f} bits a row"
        )


class Elementwise(Encoder):
    """An encoder that maps each element by an increasing function. A subclass gives the function, its inverse and its slope."""

    @property
    def space(self) -> tuple[int, ...]:
        """The shape of the data."""
        return self.shape

    def layout(self, of_data: Layout | None) -> Layout | None:
        """That of the data."""
        return of_data

    def known(self, mask: Tensor) -> Tensor | None:
        """The same elements."""
        return mask

    def bounds(self, low: float, high: float) -> tuple[Tensor, Tensor] | None:
        """The two bounds, encoded."""
        ends = (torch.full((1, *self.shape), end, dtype=torch.float64) for end in (low, high))
        lowest, highest = (self.encode(end)[0] for end in ends)
        return lowest, highest

    def reconstruction(self, x: Tensor, seed: int = 0) -> None:  # noqa: ARG002
        """Nothing is lost."""
        return


def refuse_far(x: Tensor, z: Tensor) -> None:
    """Raise DataError naming a value of x whose encoding z is not finite, or too large to be learnt from."""
    if not (z.abs() < FARTHEST).all():
        wrong = x[~(z.abs() < FARTHEST)][0]
        raise DataError(
            f"a value of {wrong:g} is missing, infinite, or {FARTHEST:.0e} times farther from the data's mean than the data "
            "spreads. Remove its row, or correct it."
        )


@steady
def fit_encoder(name: str, x: Tensor, options: FitOptions | None = None) -> Encoder:
    """The encoder of that name, fitted on rows x (N, ...), which lie in space as their shape says, if there are no `options`.

    Raises UsageError for an unknown name, and whatever its fitting raises.
    """
    fit = ENCODERS[name].begin([Rows(x.numpy(force=True))], options or FitOptions(layout=layout(tuple(x.shape[1:]))))
    for _ in fit.updates():
        pass
    return fit.encoder()
