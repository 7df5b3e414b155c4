"""What an encoder is: rows in the data's units to rows of the model's space, and back, fitted on the training rows and saved with the model.

    z = encode(x),    x = decode(z),    log p(x) = log p(z) - log_volume(x)                           (1)

The network sees z, about standard normal: the edm target and the start of every sampler count on unit variance. An element that never
varies has nothing to learn: it is encoded as 0 and decoded as exactly itself.

Whatever else somebody needs to know of an encoder is a method here, so that nobody asks which encoder it is. A new one is a class in a
file of its own and a row in `unstir.encoders.registry`:

    begin      how it is fitted: at once (`Fitted`), or in steps that the caller drives
    outline    which tensors a saved one holds, before anything of their size is made
    build      from settings and tensors, as they were saved
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

from unstir.data.rows import Rows
from unstir.encoders.registry import ENCODERS
from unstir.errors import DataError

FARTHEST = 1e12  # in the model's units: past it the noise is lost in float32's rounding, and squares leave its range


class Outline(NamedTuple):
    """What a saved encoder is to hold: the shape of a row in the model's space, and the shape and type of each tensor by name."""

    space: tuple[int, ...]
    tensors: dict[str, tuple[tuple[int, ...], torch.dtype]]


class Update(NamedTuple):
    """A step of an encoder's training: its number from 1, mean squared error an element, rate in bits a row."""

    number: int
    error: float
    rate: float


class Fit(Protocol):
    """The fitting of an encoder: `count` steps that the caller drives, none for most, then the encoder."""

    @property
    def count(self) -> int:
        """How many steps."""
        ...

    def updates(self) -> Iterator[Update]:
        """Take the steps, one at a time."""
        ...

    def encoder(self) -> "Encoder":
        """The encoder as it is now."""
        ...


@dataclass(frozen=True)
class Fitted:
    """A fitting that takes no steps."""

    made: "Encoder"
    count: int = 0

    def updates(self) -> Iterator[Update]:
        """None."""
        return iter(())

    def encoder(self) -> "Encoder":
        """The encoder."""
        return self.made


@dataclass(frozen=True)
class FitOptions:
    """What a fitting may depend on besides the rows: the seed, where and in which precision to compute, settings of its own by name."""

    seed: int = 0
    precision: str = "float32"
    device: str = "cpu"
    settings: Mapping[str, Any] = field(default_factory=dict)


class Encoder(ABC):
    """Rows (B, *shape) of the data to rows (B, *space) of the model's space, and back."""

    name: ClassVar[str]
    """Of its row in the registry."""
    describes: ClassVar[str]
    """What it makes of a value, as an axis says it: "standardised"."""
    trained: ClassVar[bool] = False
    """Whether it is a network, which takes time to fit, and to ask."""

    @classmethod
    @abstractmethod
    def begin(cls, views: Sequence[Rows], options: FitOptions) -> Fit:
        """Fit it on rows, and on each other view of them that training will see, such as their mirror images.

        Raises UsageError where rows of that shape cannot be encoded so, DataError where their values cannot.
        """

    @classmethod
    @abstractmethod
    def outline(cls, settings: Mapping[str, Any], shape: tuple[int, ...]) -> Outline:
        """What a saved one of these settings, for rows of that shape, holds. Raises UsageError for settings that are not of such an encoder."""

    @classmethod
    @abstractmethod
    def build(cls, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "Encoder":
        """The encoder with these `settings` and `tensors()`. Raises UsageError for numbers that no such encoder has."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What it is built from, besides its numbers: JSON."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Its numbers by name."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of a row of the data."""

    @property
    @abstractmethod
    def space(self) -> tuple[int, ...]:
        """The shape of a row in the model's space."""

    @property
    @abstractmethod
    def channel_axis(self) -> int | None:
        """Which axis of a row in the model's space the channels are; None where its shape decides, as for any row."""

    @property
    @abstractmethod
    def constant(self) -> Tensor:
        """Which elements of the data never vary: bool, the shape of a row."""

    @property
    @abstractmethod
    def linear(self) -> tuple[Tensor, Tensor] | None:
        """Shift and scale, each the shape of a row, where x = shift + scale z; None where it is anything else."""

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Data (B, *shape) in its own units -> float32 (B, *space). Raises DataError for what is too far from the data to be."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """The model's (B, *space) -> float64 (B, *shape) in the data's units."""

    @abstractmethod
    def log_volume(self, x: Tensor) -> Tensor | None:
        """log |det dx/dz| at rows x (B, *shape), (B,) float64, over the elements that vary; None where there is no density in units."""

    @abstractmethod
    def known(self, mask: Tensor) -> Tensor | None:
        """Which elements in the model's space (B, *space) are known where those of the mask (B, *shape) are; None where none is for certain."""

    @abstractmethod
    def bounds(self, low: float, high: float) -> tuple[Tensor, Tensor] | None:
        """The lowest and highest values in the model's space, (*space) each, of data between two bounds; None where these bound nothing."""

    @abstractmethod
    def reach(self) -> tuple[float, float]:
        """From where to where the data's values go, about: what a picture of samples shows."""

    @abstractmethod
    def reconstruction(self, x: Tensor, seed: int = 0) -> "Reconstruction | None":
        """What rows x (B, *shape), on which it was not fitted, lose on the way there and back; None where they lose nothing."""


class Reconstruction(NamedTuple):
    """How good an encoder is that loses something, on rows that it was not trained on.

    Root mean squared error in the data's units; the share of the data's variance that is lost; rate in bits a row; numbers a row
    before and after.
    """

    error: float
    lost: float
    rate: float
    before: int
    after: int

    def __str__(self) -> str:
        """In words."""
        return (
            f"{self.before:,} numbers a row to {self.after:,}; on held-out rows it is off by {self.error:.3g} (root mean square; "
            f"{100 * self.lost:.1f} % of the variance is lost) at a rate of {self.rate:,.0f} bits a row"
        )


class Elementwise(Encoder):
    """Each element of a row is encoded by itself, by a rising function. A subclass gives that function, its inverse and its slope."""

    @property
    def space(self) -> tuple[int, ...]:
        """The data's own shape."""
        return self.shape

    @property
    def channel_axis(self) -> int | None:
        """As for any row of that shape."""
        return None

    def known(self, mask: Tensor) -> Tensor | None:
        """The same elements."""
        return mask

    def bounds(self, low: float, high: float) -> tuple[Tensor, Tensor] | None:
        """Where the two ends go."""
        ends = (torch.full((1, *self.shape), end, dtype=torch.float64) for end in (low, high))
        lowest, highest = (self.encode(end)[0] for end in ends)
        return lowest, highest

    def reconstruction(self, x: Tensor, seed: int = 0) -> None:  # noqa: ARG002
        """Nothing is lost."""
        return


def refuse_far(x: Tensor, z: Tensor) -> None:
    """Raise DataError naming a value of x whose place z in the model's space is not finite, or too far out to be learnt from."""
    if not (z.abs() < FARTHEST).all():
        wrong = x[~(z.abs() < FARTHEST)][0]
        raise DataError(
            f"a value of {wrong:g} is missing, infinite, or {FARTHEST:.0e} times farther from the data's mean than the data "
            "spreads. Remove its row, or correct it."
        )


def fit_encoder(name: str, x: Tensor, options: FitOptions | None = None) -> Encoder:
    """The encoder of that name, fitted to the end on rows x (N, ...). Raises UsageError for an unknown name, and what its fitting raises."""
    fit = ENCODERS[name].begin([Rows(x.numpy(force=True))], options or FitOptions())
    for _ in fit.updates():
        pass
    return fit.encoder()
