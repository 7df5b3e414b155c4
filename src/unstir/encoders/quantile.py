"""An encoder for heavy tails: each element becomes its normal score.

    knot (x_k, z_k):  x_k = the quantile of the N training rows at level Phi(z_k),  z_k in equal steps from -Z to Z           (1)
    Phi(Z) = 1 - 1 / 2N,  and there are 2 Z N^(1/3) / 3 knots, at least 9 and at most 257
    z(x) = straight lines between the knots, the outermost lines going on for ever                           (2)
    log dx/dz = minus the log of the slope of the line that x lies on                                        (3)

Whatever the distribution of an element, its z is about standard normal (van der Waerden 1952); the dependence between elements is left for
the model to learn. So incomes, amounts and waiting times, whose largest values are many standard deviations from the mean, are no harder
to learn than other data. The first and the last knot are the smallest and the largest row. Between two knots in the middle there are
enough rows to estimate the slope (3) reliably: the steps shrink like N^(-1/3), as in a histogram (Freedman & Diaconis 1981). If a value is
repeated so often that several quantiles coincide, one knot is kept, at the mean of their scores.

    >>> from unstir.encoders.base import fit_encoder
    >>> x = torch.tensor([[1.0], [10.0], [100.0], [1000.0], [1e6]], dtype=torch.float64)
    >>> encoder = fit_encoder("quantile", x)
    >>> [f"{z:.1f}" for z in encoder.encode(x).flatten().tolist()]      # spread about as five normal numbers are
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
LOOKED_AT = 2**24  # numbers at most from which the quantiles are taken
TINY = 1e-9  # quantiles that are nearer than this share of an element's range count as one
TYPICAL = 2.0  # the z of the largest value that a picture shows


@dataclass(frozen=True)
class Quantile(Elementwise):
    """Eq. (2): knots `x` and `z`, each (K, *shape) float64 and rising along the first axis. All x of a constant element are its value."""

    x: Tensor
    z: Tensor

    name, describes = "quantile", "normal score"

    @classmethod
    def begin(cls, views: Sequence[Rows], options: FitOptions) -> Fit:
        """Fit the quantiles of the rows, or of a random part of very many rows. All views count alike."""
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
        """The encoder with the knots in `tensors`."""
        rises = tensors["x"].diff(dim=0) > 0
        if not (rises.all(0) | (tensors["x"].diff(dim=0) == 0).all(0)).all() or not (tensors["z"].diff(dim=0) > 0).all():
            raise UsageError("the knots of encoder.x and encoder.z have to rise")
        return cls(tensors["x"], tensors["z"])

    @property
    def settings(self) -> dict[str, Any]:
        """The number of knots."""
        return {"knots": len(self.x)}

    def tensors(self) -> dict[str, Tensor]:
        """The knots."""
        return {"x": self.x, "z": self.z}

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a row."""
        return tuple(self.x.shape[1:])

    @property
    def constant(self) -> Tensor:
        """Elements whose knots are all the same."""
        return self.x[0] == self.x[-1]

    @property
    def linear(self) -> tuple[Tensor, Tensor] | None:
        """None: it is not linear."""
        return None

    def encode(self, x: Tensor) -> Tensor:
        """Eq. (2)."""
        z = torch.where(self.constant, 0.0, _along(self.x, self.z, x.double())[0])
        refuse_far(x, z)
        return z.float()

    def decode(self, z: Tensor) -> Tensor:
        """Eq. (2) solved for x."""
        knots = self.x.to(z.device), self.z.to(z.device)
        return torch.where(self.constant.to(z.device), knots[0][0], _along(knots[1], knots[0], z.double())[0])

    def log_volume(self, x: Tensor) -> Tensor | None:
        """Eq. (3), summed over each row."""
        slope = torch.where(self.constant, 1.0, _along(self.x, self.z, x.double())[1])
        return -slope.log().flatten(1).sum(1)

    def reach(self) -> tuple[float, float]:
        """The values whose scores are -2 and 2."""
        ends = [self.decode(torch.full((1, *self.shape), end)) for end in (-TYPICAL, TYPICAL)]
        return ends[0].min().item(), ends[1].max().item()


def _distinct(x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The knots (K,) of one element with knots of equal x merged, then interpolated to K knots again, which lie on the same lines."""
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
    """The knots z, shifted and scaled so that the encoded values (n, d) have mean 0 and variance 1, also where values repeat."""
    seen = _along(x, z, torch.as_tensor(values).reshape(-1, *x.shape[1:]))[0]
    constant = x[0] == x[-1]
    return torch.where(constant, z, (z - seen.mean(0)) / torch.where(constant, 1.0, seen.std(0, correction=0)))


def _along(knots: Tensor, values: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """The values and slopes (B, *shape), at places `at` (B, *shape), of the lines through (knots, values), (K, *shape) each."""
    count, shape = len(knots), at.shape
    k, v, p = (part.reshape(len(part), -1).T.contiguous() for part in (knots, values, at))  # (d, K) and (d, B)
    left = torch.searchsorted(k, p).clamp(1, count - 1) - 1
    k_left, v_left = (part.gather(1, left) for part in (k, v))
    slope = (v.gather(1, left + 1) - v_left) / (k.gather(1, left + 1) - k_left)
    return (v_left + slope * (p - k_left)).T.reshape(shape), slope.T.reshape(shape)
