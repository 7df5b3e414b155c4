"""A given picture or sequence as channels on the grid of the rows, at a network's input.

given g positions along an axis, rows s:    k = ceil(g / s), resized to k s, and k neighbours become k channels      (1)
k = 1 (g <= s)      resized to s by linear interpolation                                                             (2)
k > 1 (g > s)       as in pixel unshuffle (Shi et al. 2016), so that nothing is averaged away up to k = 8            (3)

In two dimensions k is that of each axis. One more channel is 1 where something is given, and 0 where nothing is; there the others are 0,
the mean. A network without a grid gets the values one after another, and the same mark.

>>> low = torch.arange(4.0).reshape(1, 4)
>>> on_grid = Planes((4,), None, (2,))
>>> on_grid(low).tolist(), on_grid(None).tolist()
([[[0.0, 2.0], [1.0, 3.0], [1.0, 1.0]]], [[[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])
>>> Planes((2,), None, (4,))(torch.tensor([[0.0, 4.0]])).tolist()
[[[0.0, 1.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]]]
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unstir.data.beside import fold


class Planes(nn.Module):
    """Values (B, *shape) or None, NaN where nothing is given -> (B or 1, channels, *space), by (1). `axis`: where `shape` has channels."""

    def __init__(self, shape: Sequence[int], axis: int | None, space: Sequence[int]):
        super().__init__()
        own, self.axis, self.space = list(shape), axis, tuple(space)
        held = 1 if axis is None else own.pop(axis)
        self.folds = tuple(fold(g, s) for g, s in zip(own, space, strict=True))
        for i, (g, s, k) in enumerate(zip(own, space, self.folds, strict=True)):
            self.register_buffer(f"to_grid_{i}", resizing(g, k * s), persistent=False)
        self.channels = held * math.prod(self.folds) + 1

    def forward(self, values: Tensor | None) -> Tensor:
        """See the class."""
        if values is None:
            return torch.zeros(1, self.channels, *self.space, device=self.to_grid_0.device)  # pyrefly: ignore
        x = values.unsqueeze(1) if self.axis is None else values.movedim(self.axis % (values.ndim - 1) + 1, 1)
        there = ~x.isnan().any(1, keepdim=True)
        x = torch.where(there, x, 0.0)
        told, mark = self._folded(x), self._folded(there.to(x.dtype))
        return torch.cat([told, mark.mean(1, keepdim=True)], 1)

    def _folded(self, x: Tensor) -> Tensor:
        """(B, c, *g) on the grid, neighbours as channels: (B, c prod(k), *space)."""
        for i in range(len(self.space)):
            x = torch.tensordot(x, getattr(self, f"to_grid_{i}").to(x.dtype), ([2], [1]))  # the axis that was first is now last
        for i, k in enumerate(self.folds):
            x = x.unflatten(2 + 2 * i, (self.space[i], k))
        axes = range(len(self.space))
        return x.permute(0, 1, *(3 + 2 * i for i in axes), *(2 + 2 * i for i in axes)).flatten(1, 1 + len(self.space))


class Flat(nn.Module):
    """Values (B, *shape) or None -> (B or 1, channels): all numbers, 0 where nothing is given, and the share that is given."""

    def __init__(self, shape: Sequence[int]):
        super().__init__()
        self.channels = math.prod(shape) + 1
        self.register_buffer("zero", torch.zeros(1, self.channels, device="cpu"), persistent=False)

    def forward(self, values: Tensor | None) -> Tensor:
        """See the class."""
        if values is None:
            return self.zero  # pyrefly: ignore
        flat = values.flatten(1)
        return torch.cat([flat.nan_to_num(nan=0.0), (~flat.isnan()).to(flat.dtype).mean(1, keepdim=True)], 1)


class FlatEmbedding(nn.Module):
    """The same as a vector (B or 1, width), by two layers."""

    def __init__(self, shape: Sequence[int], width: int):
        super().__init__()
        self.flat = Flat(shape)
        self.enter, self.leave = nn.Linear(self.flat.channels, width), nn.Linear(width, width)

    def forward(self, values: Tensor | None) -> Tensor:
        """See the class."""
        return self.leave(nn.functional.silu(self.enter(self.flat(values).to(self.enter.weight.dtype))))


def resizing(given: int, positions: int) -> Tensor:
    """The matrix (positions, given) that resizes along an axis: linear between the middles of cells, or the mean of cells where it shrinks.

    >>> resizing(2, 4).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    >>> resizing(4, 2).tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    """
    cells, to = (torch.arange(n, dtype=torch.float64, device="cpu") for n in (given, positions))
    if positions >= given:
        at = ((to + 0.5) * given / positions - 0.5).clamp(0, given - 1)
        return (1 - (at[:, None] - cells).abs()).clamp(min=0).float()
    step = given / positions
    share = torch.minimum((to[:, None] + 1) * step, cells + 1) - torch.maximum(to[:, None] * step, cells)
    return (share.clamp(min=0) / step).float()
