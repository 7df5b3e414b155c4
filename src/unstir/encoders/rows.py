"""Rows as the network sees them: encoded when they are drawn, or once if they are a table, and mirrored if the settings say so.

Only rows that are drawn are read and encoded, so there may be more rows than memory holds. An image is mirrored before it is encoded,
because if each pixel has its own scale, the mirror image of z is not the z of the mirror image.

    >>> from unstir.encoders.base import fit_encoder
    >>> held = torch.tensor([[0.0, 8.0], [4.0, 8.0]])
    >>> rows = EncodedRows(Rows(held.numpy()), fit_encoder("standardise", held))
    >>> rows[torch.tensor([1, 0])].tolist()
    [[1.0, 0.0], [-1.0, 0.0]]
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from unstir.data.layouts import Layout
from unstir.data.rows import BLOCK, Rows
from unstir.data.statistics import Statistics, statistics
from unstir.diffusion.groups import States
from unstir.encoders.base import Encoder
from unstir.encoders.registry import FOR_TABLES
from unstir.errors import UsageError

HELD = 2**25  # numbers of encoded rows that are held in memory at most, of a table: 128 MB


@dataclass(frozen=True)
class EncodedRows:
    """Rows in the model's space, (N, *space) float32; each row is encoded when it is indexed."""

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
        """The rows with those numbers (n,): (n, *space)."""
        if self.encoder.by_cell and math.prod(self.shape) <= HELD:
            return self._all[index]
        return self.encoder.encode(torch.as_tensor(self.rows[index.numpy()]))

    @cached_property
    def _all(self) -> Tensor:
        """All rows, encoded once: to look up every cell of a row takes longer than a training step on a small network should."""
        step = max(1, BLOCK // math.prod(self.encoder.space))
        return torch.cat([self.encoder.encode(torch.as_tensor(self.rows[i : i + step])) for i in range(0, len(self), step)])

    @cached_property
    def statistics(self) -> Statistics:
        """The statistics of each element, (1, *encoder.shape), in the data's units; of a table, of the cells that are not missing."""
        return _of_cells(self.rows) if hasattr(self.encoder, "states") else statistics(parts(self.rows))


def _of_cells(rows: Rows) -> Statistics:
    """The statistics (1, D) of the codes of a table; 0 for a column in which every cell is missing."""
    held = ((column := rows.column(j).astype(np.float64))[~np.isnan(column)] for j in range(rows.shape[1]))
    found = [[c.mean(), c.std(), c.min(), c.max()] if len(c) else [0.0] * 4 for c in held]
    return Statistics(len(rows), *torch.tensor(found, dtype=torch.float64).T[:, None])


def views(rows: Rows, flip: str, lies: Layout | None) -> list[Rows]:
    """The rows, which lie like `lies`, and their mirror images if `flip` is not "none". Raises what `mirror_axis` raises."""
    mirror = mirror_axis(flip, lies, rows.shape[1:])
    return [rows] if mirror is None else [rows, replace(rows, mirror=mirror)]


def parts(rows: Rows) -> Iterator[Tensor]:
    """All rows in their order, in parts (n, ...)."""
    return map(torch.as_tensor, rows.scan())


def encoded_levels(levels: Sequence[float], encoder: Encoder) -> Tensor:
    """The values (K,) that an element of the data can take as each element of the model's space has them: (K, *space) float32.

    All are 0 for an element that never varies. Raises UsageError for an encoder that does not shift and scale each element.

    >>> from unstir.encoders.base import fit_encoder
    >>> encoded_levels([1, 2, 3], fit_encoder("standardise", torch.tensor([[1.0, 3.0], [3.0, 3.0]]))).tolist()
    [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    """
    if encoder.linear is None:
        raise UsageError(
            f"with --data.encoder {encoder.name}, an element of the model's space has no levels. A target for data with few levels needs an "
            "encoder that shifts and scales each number: standardise, channels or min_max, without --latent."
        )
    shift, scale = encoder.linear
    values = torch.as_tensor(levels, dtype=torch.float64).view(-1, *[1] * shift.ndim)
    return torch.where(scale == 0, 0.0, (values - shift) / torch.where(scale == 0, 1.0, scale)).float()


def states_of(encoder: Encoder) -> States:
    """Which elements of the model's space form groups, as the encoder's `states` say.

    Raises UsageError for an encoder that has none.
    """
    found = getattr(encoder, "states", None)
    if not isinstance(found, States):
        raise UsageError(
            f"with --data.encoder {encoder.name}, no element of the model's space is one of several categories. A target for tables of mixed "
            f"columns needs the encoder {FOR_TABLES}; use another --diffusion.target."
        )
    return found


def gaps_of(encoder: Encoder) -> Tensor:
    """Which elements of the model's space (E,) say that a cell is missing: bool."""
    return getattr(encoder, "gaps", torch.zeros(encoder.space, dtype=torch.bool))


def complete(encoder: Encoder) -> Encoder:
    """The encoder, but rows that it decodes have no missing cell where another state is possible."""
    return replace(encoder, complete=True) if hasattr(encoder, "complete") else encoder  # pyrefly: ignore


def mirror_axis(flip: str, lies: Layout | None, shape: tuple[int, ...]) -> int | None:
    """If `flip` is "horizontal", the axis of a row that runs from left to right, counted from the end; else None.

    Raises UsageError for rows that are not images.

    >>> from unstir.data import layout
    >>> [mirror_axis("horizontal", layout(shape), shape) for shape in ((32, 48, 3), (3, 32, 48))], mirror_axis("none", None, (5,))
    ([-2, -1], None)
    """
    if flip == "none":
        return None
    if lies is None or lies.kind != "images":
        raise UsageError(
            f"--data.flip {flip} mirrors images from left to right, but a row of shape {shape} is not an image. Leave it out."
        )
    return -2 if lies.channel_axis == -1 else -1


def standard_deviation(found: Statistics, lies: Layout | None) -> Tensor:
    """The standard deviation of the data in its units, in the shape of a row, from the statistics (1, ...) of rows that lie like `lies`.

    It is taken for each column, and for images and sequences for each channel over all positions, because most corners of images hardly
    vary. It is 0 for elements that never vary. Scores called "standardised" divide by it, whichever encoder the model was trained with.

    >>> standard_deviation(statistics([torch.tensor([[1.0, 5.0], [3.0, 5.0]])]), None).tolist()
    [1.0, 0.0]
    """
    own = None if lies is None or lies.channel_axis is None else lies.channel_axis % (found.mean.ndim - 1) + 1
    axes = [] if lies is None else [axis for axis in range(1, found.mean.ndim) if axis != own]
    return found.pooled(axes).spread.expand(found.mean.shape)[0].clone()
