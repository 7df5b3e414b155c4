"""Rows as the network sees them: encoded when they are drawn, mirrored if that is asked for, and the Gaussian that is nearest to them.

    z = (x - shift) / scale,    mean_z = (mean_x - shift) / scale,    deviation_z = deviation_x / scale                (1)

Only what is asked for is read and encoded, so there may be more rows than memory holds. A picture is mirrored before it is encoded:
where each pixel has a scale of its own, the mirror image of z is not the z of the mirror image.

    >>> rows = Rows(np.array([[0.0, 8.0], [4.0, 8.0]]))
    >>> drawn, mirrored = encoded(rows, "standardise")
    >>> drawn[torch.tensor([1, 0])].tolist(), mirrored
    ([[1.0, 0.0], [-1.0, 0.0]], None)
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from unstir.data import layout
from unstir.data.rows import Rows
from unstir.data.statistics import Statistics, covariance, statistics
from unstir.diffusion.oracles import Gaussian, Independent, Oracle
from unstir.encoders.affine import Encoder, fit_encoder
from unstir.encoders.latent import MEASURED, Latent
from unstir.errors import UsageError

WIDE = 1024  # elements a row, up to which the Gaussian's covariance is worth its d^3
JITTER = 1e-6  # added to its variances: an element that never varies leaves none


@dataclass(frozen=True)
class Encoded:
    """Rows in the model's space, (N, ...) float32, each encoded when it is asked for: `train.Indexed`."""

    rows: Rows
    encoder: Encoder

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, *space)."""
        return len(self.rows), *self.encoder.space

    def __len__(self) -> int:
        """N."""
        return len(self.rows)

    def __getitem__(self, index: Tensor) -> Tensor:
        """The rows with those numbers (n,): (n, ...)."""
        return self.encoder.encode(torch.as_tensor(self.rows[index.numpy()]))

    @cached_property
    def statistics(self) -> Statistics:
        """Of each element, in the data's own units: (1, ...)."""
        return statistics(parts(self.rows))


def encoded(rows: Rows, name: str, flip: str = "none", encoder: Encoder | None = None) -> tuple[Encoded, Encoded | None]:
    """The rows under an encoder, or the one of that name, fitted on them; and the same mirrored, or None if they are not to be.

    With mirror images to come the encoder is fitted on both. Raises what `fit_encoder` and `mirror_axis` raise.
    """
    lies, mirror = layout(rows.shape[1:]), mirror_axis(flip, rows.shape[1:])
    views = [rows] if mirror is None else [rows, replace(rows, mirror=mirror)]
    encoder = encoder or fit_encoder(name, (part for view in views for part in parts(view)), lies.channel_axis if lies else None)
    return Encoded(rows, encoder), None if mirror is None else Encoded(views[1], encoder)


def standard_deviation(found: Statistics) -> Tensor:
    """The data's own deviation in its units, the shape of a row, of the statistics (1, ...) of rows: each column's; of images and
    sequences each channel's, all positions together, as most corners of pictures hardly vary. 0 for what never varies.

    It is what "standardised" means in every score, whichever encoder the model was trained with.

    >>> standard_deviation(statistics([torch.tensor([[1.0, 5.0], [3.0, 5.0]])])).tolist()
    [1.0, 0.0]
    """
    lies = layout(tuple(found.mean.shape[1:]))
    own = None if lies is None or lies.channel_axis is None else lies.channel_axis % (found.mean.ndim - 1) + 1
    axes = [] if lies is None else [axis for axis in range(1, found.mean.ndim) if axis != own]
    return found.pooled(axes).spread.expand(found.mean.shape)[0].clone()


def parts(rows: Rows) -> Iterator[Tensor]:
    """All rows, (n, ...) at a time, in the order in which they lie."""
    return map(torch.as_tensor, rows.scan())


def mirror_axis(flip: str, shape: tuple[int, ...]) -> int | None:
    """The axis of rows of that shape, from their end, that runs from left to right, where flip is "horizontal"; else None.

    Raises UsageError for rows that have no left and right.

    >>> mirror_axis("horizontal", (32, 48, 3)), mirror_axis("horizontal", (3, 32, 48)), mirror_axis("none", (5,))
    (-2, -1, None)
    """
    if flip == "none":
        return None
    lies = layout(shape)
    if lies is None or lies.kind != "images":
        raise UsageError(
            f"--data.flip {flip} mirrors images from left to right, and a row of shape {shape} is none. Leave it out."
        )
    return -2 if lies.channel_axis == -1 else -1


def gaussian_of(rows: Encoded) -> Oracle:
    """The Gaussian with the mean and covariance of rows; of more than 1,024 elements with their variances alone, by (1).

    Of latents, each of which costs an evaluation of the autoencoder, that of the first few thousand.
    """
    d, encoder = int(np.prod(rows.shape[1:])), rows.encoder
    if isinstance(encoder, Latent):
        z = rows[torch.arange(min(len(rows), MEASURED))].flatten(1).double()
        if d > WIDE:
            return Independent(z.mean(0), z.var(0, correction=0) + JITTER)
        return Gaussian(z.mean(0), torch.cov(z.T, correction=0).reshape(d, d) + JITTER * torch.eye(d, dtype=torch.float64))
    if d > WIDE:
        found = rows.statistics
        spread = torch.where(encoder.scale == 0, 0.0, found.deviation[0] / encoder.scale)
        return Independent(encoder.encode(found.mean).flatten(), spread.flatten().square() + JITTER)
    mean, spread = covariance(encoder.encode(part).flatten(1) for part in parts(rows.rows))
    return Gaussian(mean, spread + JITTER * torch.eye(d, dtype=torch.float64))
