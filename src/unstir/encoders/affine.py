"""Encoders: between the user's units and the model's, fitted on the training data and saved with the model.

    z = (x - shift) / scale,    log p(x) = log p(z) - sum log scale                                   (1)

`standardise` takes mean and standard deviation of each element (the network then sees unit variance, which the edm target and
the start of every sampler count on); `channels` takes one mean and one deviation for each channel of images and sequences, all positions
together, so that neighbours stay comparable; `min_max` maps each element's range to [-1, 1]. An element that never varies has nothing to
learn: it is encoded as 0 and decoded as exactly itself. The latents of an autoencoder are one more encoder, in `unstir.encoders.latent`.

    >>> encoder = fit_encoder("standardise", torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    >>> encoder.encode(torch.tensor([[3.0, 5.0]])).tolist(), encoder.decode(torch.zeros(1, 2)).tolist()
    ([[1.0, 0.0]], [[2.0, 5.0]])
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from unstir.data.statistics import Statistics, statistics
from unstir.errors import DataError, unknown

FARTHEST = 1e12  # in the model's units: past it the noise is lost in float32's rounding, and squares leave its range


@dataclass(frozen=True)
class Encoder(ABC):
    """Rows of the user's to rows of the model's, and back. Shift and scale are those of the data, float64, the shape of its rows.

    A scale of 0 marks an element that never varies.
    """

    name: str
    shift: Tensor
    scale: Tensor
    settings: dict[str, Any] = field(default_factory=dict)
    """What it is built from, besides its numbers: JSON."""

    @property
    @abstractmethod
    def space(self) -> tuple[int, ...]:
        """The shape of a row in the model's space."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Its numbers by name."""

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Data (B, ...) in its own units -> float32 (B, *space). Raises DataError for what is too far from the data to be."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """The model's (B, *space) -> float64 in the data's units."""


@dataclass(frozen=True)
class Affine(Encoder):
    """Eq. (1), element by element."""

    @property
    def space(self) -> tuple[int, ...]:
        """The data's own shape."""
        return tuple(self.shift.shape)

    def tensors(self) -> dict[str, Tensor]:
        """Shift and scale."""
        return {"shift": self.shift, "scale": self.scale}

    def encode(self, x: Tensor) -> Tensor:
        """Eq. (1)."""
        divisor = torch.where(self.scale == 0, 1.0, self.scale)
        z = torch.where(self.scale == 0, 0.0, (x.double() - self.shift) / divisor)
        if not (z.abs() < FARTHEST).all():
            wrong = x[~(z.abs() < FARTHEST)][0]
            raise DataError(
                f"a value of {wrong:g} is missing, infinite, or {FARTHEST:.0e} times farther from the data's mean than the data "
                "spreads. Remove its row, or correct it."
            )
        return z.float()

    def decode(self, z: Tensor) -> Tensor:
        """Eq. (1) the other way."""
        return z.double() * self.scale.to(z.device) + self.shift.to(z.device)

    def log_volume(self) -> float:
        """Sum of log scale over the elements that vary: what log p loses on the way back to the data's units."""
        return self.scale[self.scale > 0].log().sum().item()


def _standard(x: Statistics) -> tuple[Tensor, Tensor]:
    constant = x.high == x.low
    return torch.where(constant, x.low, x.mean), torch.where(constant, 0.0, x.deviation)


def _min_max(x: Statistics) -> tuple[Tensor, Tensor]:
    return (x.low + x.high) / 2, (x.high - x.low) / 2


ENCODERS = {"standardise": _standard, "channels": _standard, "min_max": _min_max}


def fit_encoder(name: str, x: Tensor | Iterable[Tensor], channel_axis: int | None = None) -> Affine:
    """The encoder of that name, fitted on x (N, ...), whose channels are axis 0 or -1 of a row; without them it is one channel.

    x may come in parts (n, ...), one after the other: rows that are more than memory holds.
    Raises UsageError for an unknown one, DataError where the spread of an element is too large or too small for a float64.
    """
    if name not in ENCODERS:
        raise unknown("encoder", name, ENCODERS)
    parts = iter([x] if isinstance(x, Tensor) else x)
    first = next(parts)
    own = None if channel_axis is None else channel_axis % (first.ndim - 1) + 1
    axes = [axis for axis in range(first.ndim) if axis != own] if name == "channels" else [0]
    found = statistics(chain([first], parts), axes)
    shift, scale = (part[0].expand(first.shape[1:]).clone() for part in ENCODERS[name](found))
    if not (shift.isfinite() & scale.isfinite() & ((scale > 0) | (found.low == found.high)[0])).all():
        raise DataError(
            f"the data goes from {found.low.min():g} to {found.high.max():g}, and its variance is more, or less, than a float64 can hold. "
            "Use other units: multiply or divide it so that its values are between 1e-100 and 1e100 in size."
        )
    return Affine(name, shift, scale)
