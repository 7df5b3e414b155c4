"""An encoder for heavy tails: each element becomes its normal score.

    x_k = the quantile of the N training rows at level Phi(z_k),   z_k in equal steps from -Z to Z,  Phi(Z) = 1 - 1 / 2N      (1)
    K = 2 Z N^(1/3) / 3 of them, from 9 to 257
    z(x) = straight lines between the (x_k, z_k), the outermost going on for ever                            (2)
    log dx/dz = log of the slope of the line that x lies on                                                  (3)

Whatever the distribution of an element, z is about standard normal, each by itself (van der Waerden 1952; what elements have to do with
each other is left for the model to learn). Incomes, amounts and waiting times, whose largest values are many deviations out, are then no
harder than others. The first and the last knot are the smallest and the largest row; between two in the middle lie so many rows that (3)
is not their luck (the steps shrink like N^(-1/3), as in a histogram: Freedman & Diaconis 1981). Of values that are repeated so often that
quantiles fall together, one knot is kept, at the mean of their scores.

    >>> from unstir.encoders.base import fit_encoder
    >>> x = torch.tensor([[1.0], [10.0], [100.0], [1000.0], [1e6]], dtype=torch.float64)
    >>> encoder = fit_encoder("quantile", x)
    >>> [f"{z:.1f}" for z in encoder.encode(x).flatten().tolist()]      # about as far from each other as five normal numbers are
    ['-1.4', '-0.7', '0.1', '0.4', '1.5']
    >>> torch.allclose(encoder.decode(encoder.encode(x)), x, rtol=1e-5)
    True
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from scipy.special import ndtr, ndtri
from torch import Tensor

from unstir.data.rows import Rows
from unstir.encoders.base import Elementwise, Fit, FitOptions, Fitted, Outline, refuse_far
from unstir.errors import UsageError

FEWEST, KNOTS = 9, 257  # K of (1)
LOOKED_AT = 2**24  # numbers that the quantiles are taken from
TINY = 1e-9  # of an element's range: quantiles that are nearer than this are one
TYPICAL = 2.0  # z of values that a picture shows


@dataclass(frozen=True)
class Quantile(Elementwise):
    """Eq. (2): knots x and z, each (K, *shape) float64 and rising along the first axis. Of a constant element all x are that value."""

    x: Tensor
    z: Tensor

    name, describes = "quantile", "normal score"

    @classmethod
    def begin(cls, views: Sequence[Rows], options: FitOptions) -> Fit:
        """Quantiles of the rows, of a random part of very many. Each view counts alike."""
        rows = views[0]
        most = max(2, LOOKED_AT // max(1, rows.size // len(rows) * len(views)))
        which = np.random.default_rng([options.seed, 6]).permutation(len(rows))[:most]
        values = np.concatenate([view[which].reshape(len(which), -1) for view in views]).astype(np.float64)
        highest = ndtri(1 - 0.5 / len(values))
        count = int(min(KNOTS, max(FEWEST, 2 * highest * len(values) ** (1 / 3) / 3)))
        scores = np.linspace(-highest, highest, count)
        quantiles = np.quantile(values, ndtr(scores), axis=0, method="hazen")
        knots = [_distinct(column, scores) for column in quantiles.T]
        x, z = (torch.as_tensor(np.stack(part, 1).reshape(count, *rows.shape[1:])) for part in zip(*knots, strict=True))
        return Fitted(cls(x, _standardised(x, z, values)))

    @classmethod
    def outline(cls, settings: Mapping[str, Any], shape: tuple[int, ...]) -> Outline:
        """The knots."""
        if settings.keys() != {"knots"} or type(settings["knots"]) is not int or not 2 <= settings["knots"] <= KNOTS:
            raise UsageError(f"encoder {cls.name} has from 2 to {KNOTS} knots")
        return Outline(shape, dict.fromkeys(("x", "z"), ((settings["knots"], *shape), torch.float64)))

    @classmethod
    def build(cls, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:  # noqa: ARG003
        """Of the knots."""
        rises = tensors["x"].diff(dim=0) > 0
        if not (rises.all(0) | (tensors["x"].diff(dim=0) == 0).all(0)).all() or not (tensors["z"].diff(dim=0) > 0).all():
            raise UsageError("the knots of encoder.x and encoder.z have to rise")
        return cls(tensors["x"], tensors["z"])

    @property
    def settings(self) -> dict[str, Any]:
        """How many knots."""
        return {"knots": len(self.x)}

    def tensors(self) -> dict[str, Tensor]:
        """The knots."""
        return {"x": self.x, "z": self.z}

    @property
    def shape(self) -> tuple[int, ...]:
        """That of a knot."""
        return tuple(self.x.shape[1:])

    @property
    def constant(self) -> Tensor:
        """Those whose knots are one."""
        return self.x[0] == self.x[-1]

    @property
    def linear(self) -> tuple[Tensor, Tensor] | None:
        """It is not."""
        return None

    def encode(self, x: Tensor) -> Tensor:
        """Eq. (2)."""
        z = torch.where(self.constant, 0.0, _along(self.x, self.z, x.double())[0])
        refuse_far(x, z)
        return z.float()

    def decode(self, z: Tensor) -> Tensor:
        """Eq. (2) the other way."""
        knots = self.x.to(z.device), self.z.to(z.device)
        return torch.where(self.constant.to(z.device), knots[0][0], _along(knots[1], knots[0], z.double())[0])

    def log_volume(self, x: Tensor) -> Tensor | None:
        """Eq. (3), of each row."""
        slope = torch.where(self.constant, 1.0, _along(self.x, self.z, x.double())[1])
        return -slope.log().flatten(1).sum(1)

    def reach(self) -> tuple[float, float]:
        """Of scores from -2 to 2."""
        ends = [self.decode(torch.full((1, *self.shape), end)) for end in (-TYPICAL, TYPICAL)]
        return ends[0].min().item(), ends[1].max().item()


def _distinct(x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The knots (K,) of one element with those of equal x taken for one, as many as before: on the same lines, if there are two at least."""
    tiny = TINY * (x[-1] - x[0])
    if not tiny > 0:
        return np.full_like(x, x[0]), z
    group = np.concatenate([[0], np.cumsum(np.diff(x) > tiny)])
    counts = np.bincount(group)
    if len(counts) == len(x):
        return x, z
    places = np.linspace(0, len(counts) - 1, len(x))
    known = np.arange(len(counts))
    return tuple(np.interp(places, known, np.bincount(group, part) / counts) for part in (x, z))  # pyrefly: ignore


def _standardised(x: Tensor, z: Tensor, values: np.ndarray) -> Tensor:
    """The knots z moved and stretched so that the values (n, d) have mean 0 and variance 1: repeated values leave less."""
    seen = _along(x, z, torch.as_tensor(values).reshape(-1, *x.shape[1:]))[0]
    constant = x[0] == x[-1]
    return torch.where(constant, z, (z - seen.mean(0)) / torch.where(constant, 1.0, seen.std(0, correction=0)))


def _along(knots: Tensor, values: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """The lines through (knots, values), (K, *shape) each, at places (B, *shape): their values and slopes, (B, *shape)."""
    count, shape = len(knots), at.shape
    k, v, p = (part.reshape(len(part), -1).T.contiguous() for part in (knots, values, at))  # (d, K) and (d, B)
    left = torch.searchsorted(k, p).clamp(1, count - 1) - 1
    k_left, v_left = (part.gather(1, left) for part in (k, v))
    slope = (v.gather(1, left + 1) - v_left) / (k.gather(1, left + 1) - k_left)
    return (v_left + slope * (p - k_left)).T.reshape(shape), slope.T.reshape(shape)
