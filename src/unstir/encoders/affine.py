"""Encoders that shift and scale each element of a row.

    z = (x - shift) / scale,    log |det dx/dz| = sum of log scale over the elements that vary              (1)

    standardise    mean and standard deviation of each element
    channels       one mean and one deviation for each channel of images and sequences, all positions together, so that neighbours
                   stay comparable; other rows are one channel
    min_max        the middle of each element's range and half of its width: z is in [-1, 1]

A scale of 0 marks an element that never varies.

    >>> from unstir.encoders.base import fit_encoder
    >>> encoder = fit_encoder("standardise", torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    >>> encoder.encode(torch.tensor([[3.0, 5.0]])).tolist(), encoder.decode(torch.zeros(1, 2)).tolist()
    ([[1.0, 0.0]], [[2.0, 5.0]])
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from unstir.data import layout
from unstir.data.rows import Rows
from unstir.data.statistics import Statistics, statistics
from unstir.encoders.base import Elementwise, Fit, FitOptions, Fitted, Outline, refuse_far
from unstir.errors import DataError, UsageError


@dataclass(frozen=True)
class Affine(Elementwise):
    """Eq. (1). Shift and scale are float64, the shape of a row."""

    shift: Tensor
    scale: Tensor
    typical: ClassVar[float] = 2.0
    """How far from 0 values in the model's space go, about."""

    @classmethod
    def begin(cls, views: Sequence[Rows], options: FitOptions) -> Fit:  # noqa: ARG003
        """One pass over the rows."""
        lies = layout(views[0].shape[1:])
        parts = (torch.as_tensor(part) for view in views for part in view.scan())
        return Fitted(cls.fit(parts, lies.channel_axis if lies else None))

    @classmethod
    def fit(cls, parts: Iterable[Tensor], channel_axis: int | None = None) -> Self:
        """The encoder of rows that come in parts (n, ...), whose channels are axis 0 or -1 of a row, or one channel.

        Raises DataError where the spread of an element is too large or too small for a float64.
        """
        parts = iter(parts)
        first = next(parts)
        found = statistics(chain([first], parts), cls.axes(first.ndim, channel_axis))
        shift, scale = (part[0].expand(first.shape[1:]).clone() for part in cls.numbers(found))
        if not (shift.isfinite() & scale.isfinite() & ((scale > 0) | (found.low == found.high)[0])).all():
            raise DataError(
                f"the data goes from {found.low.min():g} to {found.high.max():g}, and its variance is more, or less, than a float64 can "
                "hold. Use other units: multiply or divide it so that its values are between 1e-100 and 1e100 in size."
            )
        return cls(shift, scale)

    @classmethod
    @abstractmethod
    def axes(cls, ndim: int, channel_axis: int | None) -> list[int]:
        """Over which axes of rows (n, ...), of that many dimensions, its numbers are found."""

    @classmethod
    @abstractmethod
    def numbers(cls, found: Statistics) -> tuple[Tensor, Tensor]:
        """Shift and scale, from the statistics over these axes."""

    @classmethod
    def outline(cls, settings: Mapping[str, Any], shape: tuple[int, ...]) -> Outline:
        """Shift and scale."""
        if settings:
            raise UsageError(f"encoder {cls.name} has no settings")
        return Outline(shape, dict.fromkeys(("shift", "scale"), (shape, torch.float64)))

    @classmethod
    def build(cls, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:  # noqa: ARG003
        """Of shift and scale."""
        if (tensors["scale"] < 0).any():
            raise UsageError("encoder.scale cannot be negative")
        return cls(tensors["shift"], tensors["scale"])

    @property
    def settings(self) -> dict[str, Any]:
        """None."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Shift and scale."""
        return {"shift": self.shift, "scale": self.scale}

    @property
    def shape(self) -> tuple[int, ...]:
        """That of shift and scale."""
        return tuple(self.shift.shape)

    @property
    def constant(self) -> Tensor:
        """Those with a scale of 0."""
        return self.scale == 0

    @property
    def linear(self) -> tuple[Tensor, Tensor] | None:
        """Shift and scale."""
        return self.shift, self.scale

    def encode(self, x: Tensor) -> Tensor:
        """Eq. (1)."""
        divisor = torch.where(self.scale == 0, 1.0, self.scale)
        z = torch.where(self.scale == 0, 0.0, (x.double() - self.shift) / divisor)
        refuse_far(x, z)
        return z.float()

    def decode(self, z: Tensor) -> Tensor:
        """Eq. (1) the other way."""
        return z.double() * self.scale.to(z.device) + self.shift.to(z.device)

    def log_volume(self, x: Tensor) -> Tensor | None:
        """The same for every row."""
        return self.scale[self.scale > 0].log().sum().expand(len(x))

    def reach(self) -> tuple[float, float]:
        """Two deviations to either side of the mean, or the range where that is known."""
        span = self.typical * self.scale
        return (self.shift - span).min().item(), (self.shift + span).max().item()


class Standardise(Affine):
    """Mean 0 and variance 1 of each element."""

    name, describes = "standardise", "standardised"

    @classmethod
    def axes(cls, ndim: int, channel_axis: int | None) -> list[int]:  # noqa: ARG003
        """The rows: each element has its own numbers."""
        return [0]

    @classmethod
    def numbers(cls, found: Statistics) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation."""
        return _mean_and_deviation(found)


class Channels(Affine):
    """Mean 0 and variance 1 of each channel, all positions together."""

    name, describes = "channels", "standardised as a whole"

    @classmethod
    def axes(cls, ndim: int, channel_axis: int | None) -> list[int]:
        """All but the channels'."""
        own = None if channel_axis is None else channel_axis % (ndim - 1) + 1
        return [axis for axis in range(ndim) if axis != own]

    @classmethod
    def numbers(cls, found: Statistics) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation."""
        return _mean_and_deviation(found)


class MinMax(Affine):
    """From -1 to 1 over the range of each element."""

    name, describes, typical = "min_max", "scaled", 1.0

    @classmethod
    def axes(cls, ndim: int, channel_axis: int | None) -> list[int]:  # noqa: ARG003
        """The rows: each element has its own numbers."""
        return [0]

    @classmethod
    def numbers(cls, found: Statistics) -> tuple[Tensor, Tensor]:
        """The middle of the range, and half of its width."""
        return (found.low + found.high) / 2, (found.high - found.low) / 2


def _mean_and_deviation(found: Statistics) -> tuple[Tensor, Tensor]:
    """Where all numbers are the same, that number and 0: a mean of many copies is not quite it."""
    return torch.where(found.low == found.high, found.low, found.mean), found.spread
