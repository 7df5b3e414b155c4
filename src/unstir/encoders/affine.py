"""Encoders that shift and scale each element of a row.

    z = (x - shift) / scale,    log |det dx/dz| = sum of log scale over the elements that vary              (1)

    standardise    shift and scale are the mean and the standard deviation of each element
    channels       the same for each channel of images and sequences, over all positions, so that neighbouring values stay
                   comparable; other rows count as one channel
    min_max        shift is the middle of each element's range, scale half of its width: z is in [-1, 1]

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

from unstir.data.rows import Rows
from unstir.data.statistics import Statistics, statistics
from unstir.encoders.base import Elementwise, Fit, FitOptions, Fitted, Outline, refuse_far
from unstir.errors import DataError, UsageError


@dataclass(frozen=True)
class Affine(Elementwise):
    """An encoder by eq. (1). `shift` and `scale` are float64, in the shape of a row."""

    shift: Tensor
    scale: Tensor
    typical: ClassVar[float] = 2.0
    """About how large values of z get."""

    @classmethod
    def begin(cls, views: Sequence[Rows], options: FitOptions) -> Fit:
        """Fit in one pass over the rows."""
        parts = (torch.as_tensor(part) for view in views for part in view.scan())
        return Fitted(cls.fit(parts, options.layout.channel_axis if options.layout else None))

    @classmethod
    def fit(cls, parts: Iterable[Tensor], channel_axis: int | None = None) -> Self:
        """The encoder of rows that come in parts (n, ...). `channel_axis` of a row is 0 or -1; None means one channel.

        Raises DataError if the variance of an element is too large or too small for a float64.
        """
        parts = iter(parts)
        first = next(parts)
        found = statistics(chain([first], parts), cls.axes(first.ndim, channel_axis))
        shift, scale = (part[0].expand(first.shape[1:]).clone() for part in cls.numbers(found))
        if not (shift.isfinite() & scale.isfinite() & ((scale > 0) | (found.low == found.high)[0])).all():
            raise DataError(
                f"the data goes from {found.low.min():g} to {found.high.max():g}: its variance is too large or too small for a float64. "
                "Use other units: multiply or divide the data so that its values are between 1e-100 and 1e100 in size."
            )
        return cls(shift, scale)

    @classmethod
    @abstractmethod
    def axes(cls, ndim: int, channel_axis: int | None) -> list[int]:
        """The axes of rows (n, ...), with `ndim` dimensions, over which the statistics are taken."""

    @classmethod
    @abstractmethod
    def numbers(cls, found: Statistics) -> tuple[Tensor, Tensor]:
        """Shift and scale from the statistics over `axes`."""

    @classmethod
    def outline(cls, settings: Mapping[str, Any], shape: tuple[int, ...]) -> Outline:
        """Shift and scale."""
        if settings:
            raise UsageError(f"encoder {cls.name} has no settings")
        return Outline(shape, dict.fromkeys(("shift", "scale"), (shape, torch.float64)))

    @classmethod
    def build(cls, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:  # noqa: ARG003
        """The encoder with the shift and scale in `tensors`."""
        if (tensors["scale"] < 0).any():
            raise UsageError("encoder.scale cannot be negative")
        return cls(tensors["shift"], tensors["scale"])

    @property
    def settings(self) -> dict[str, Any]:
        """There are none."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Shift and scale."""
        return {"shift": self.shift, "scale": self.scale}

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of shift and scale."""
        return tuple(self.shift.shape)

    @property
    def constant(self) -> Tensor:
        """Elements with a scale of 0."""
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
        """Eq. (1) solved for x."""
        return z.double() * self.scale.to(z.device) + self.shift.to(z.device)

    def log_volume(self, x: Tensor) -> Tensor | None:
        """Eq. (1), the same for every row."""
        return self.scale[self.scale > 0].log().sum().expand(len(x))

    def reach(self) -> tuple[float, float]:
        """Two deviations on either side of the mean, or for min_max the range of the data."""
        span = self.typical * self.scale
        return (self.shift - span).min().item(), (self.shift + span).max().item()


class Standardise(Affine):
    """Each element gets mean 0 and variance 1."""

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
    """Each channel gets mean 0 and variance 1 over all positions."""

    name, describes = "channels", "standardised as a whole"

    @classmethod
    def axes(cls, ndim: int, channel_axis: int | None) -> list[int]:
        """All axes but that of the channels."""
        own = None if channel_axis is None else channel_axis % (ndim - 1) + 1
        return [axis for axis in range(ndim) if axis != own]

    @classmethod
    def numbers(cls, found: Statistics) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation."""
        return _mean_and_deviation(found)


class MinMax(Affine):
    """Each element goes from -1 to 1."""

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
    """Mean and standard deviation; where all numbers are the same, exactly that number and 0, without the rounding error of a mean."""
    return torch.where(found.low == found.high, found.low, found.mean), found.spread
