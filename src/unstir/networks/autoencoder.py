"""A convolutional autoencoder for images and sequences: from rows to a few channels at a lower resolution, and back.

    x -> enter -> block, halve -> ... -> block -> mean, log deviation                                       (1)
    z -> enter -> block -> grow, block -> ... -> leave -> x

    block:  h + conv(silu(norm(conv(silu(norm(h))))))                                                       (2)

A level has half the resolution of the level above, rounded up. The decoder goes back to exactly the same sizes, so nothing is padded or
cropped. `unstir.encoders.latent` explains both lines of (1) as probability distributions.

    >>> network = Autoencoder(shape=(9, 11), halvings=2, channels=3, filters=8)
    >>> from torch import zeros
    >>> mean, log_deviation = network.encode(zeros(5, 9, 11))
    >>> mean.shape, network.decode(mean).shape
    (torch.Size([5, 3, 3, 3]), torch.Size([5, 9, 11]))
"""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from unstir.errors import UsageError
from unstir.networks.space import CONVOLUTIONS, channels_back, channels_first, check, normal, spatial

WIDEST = 4  # a level has at most this many times `filters` channels
LOG_DEVIATION = -8.0, 4.0  # the range to which log deviations are clamped
RANGES = {"halvings": (1, 6), "channels": (1, 256), "filters": (8, 4096)}


class Autoencoder(nn.Module):
    """From rows (B, *shape), with their channels at `channel_axis` 0, -1 or None, to latents (B, *latent), and back.

    Sizes are halved, rounding up, `halvings` times, so that latent = (channels, *lowest sizes); the first level has `filters` channels.
    Raises UsageError for settings outside `RANGES`.
    """

    def __init__(
        self, shape: Sequence[int], channel_axis: int | None = None, halvings: int = 2, channels: int = 4, filters: int = 32
    ):
        super().__init__()
        check({"halvings": halvings, "channels": channels, "filters": filters}, RANGES)
        if filters % 8:
            raise UsageError(f"network setting filters = {filters} has to be a multiple of 8.")
        space, self.channel_axis = spatial(shape, channel_axis), channel_axis
        own = 1 if channel_axis is None else shape[channel_axis]
        self.sizes = [tuple(-(-size // 2**level) for size in space) for level in range(halvings + 1)]
        self.latent = (channels, *self.sizes[-1])
        convolution = CONVOLUTIONS[len(space) - 1]
        wide = [filters * min(2**level, WIDEST) for level in range(halvings + 1)]
        down: list[nn.Module] = [convolution(own, filters, 3, padding=1)]
        for c, below in pairwise(wide):
            down += [Block(c, convolution), convolution(c, below, 3, stride=2, padding=1)]
        down += [Block(wide[-1], convolution), normal(wide[-1]), nn.SiLU(), convolution(wide[-1], 2 * channels, 3, padding=1)]
        self.down = nn.Sequential(*down)
        self.enter = nn.Sequential(convolution(channels, wide[-1], 3, padding=1), Block(wide[-1], convolution))
        self.up = nn.ModuleList(
            nn.Sequential(convolution(below, c, 3, padding=1), Block(c, convolution))
            for c, below in reversed(list(pairwise(wide)))
        )
        self.leave = nn.Sequential(normal(filters), nn.SiLU(), convolution(filters, own, 3, padding=1))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (B, *shape) -> mean and log deviation of their latents, (B, *latent) each."""
        mean, log_deviation = self.down(channels_first(x, self.channel_axis)).chunk(2, 1)
        return mean, log_deviation.clamp(*LOG_DEVIATION)

    def decode(self, z: Tensor) -> Tensor:
        """Latents (B, *latent) -> rows (B, *shape)."""
        h = self.enter(z)
        for size, grow in zip(reversed(self.sizes[:-1]), self.up, strict=True):
            h = grow(F.interpolate(h, size=size, mode="nearest"))
        return channels_back(self.leave(h), self.channel_axis)


class Block(nn.Module):
    """The block of eq. (2); it starts as the identity."""

    def __init__(self, channels: int, convolution: type[nn.Conv1d | nn.Conv2d]):
        super().__init__()
        last = convolution(channels, channels, 3, padding=1)
        nn.init.zeros_(last.weight)
        inner = convolution(channels, channels, 3, padding=1)
        self.inside = nn.Sequential(normal(channels), nn.SiLU(), inner, normal(channels), nn.SiLU(), last)

    def forward(self, h: Tensor) -> Tensor:
        """h (B, channels, ...) -> the same."""
        return h + self.inside(h)
