"""A U-Net for images and sequences: `(x, t, cond) -> like x`, whatever their height and width (Ronneberger et al. 2015; Ho et al. 2020).

    level 0     x -> enter -> blocks ------------------------ skip ------------------------> blocks -> norm -> leave
    level 1            down -> blocks ----------------- skip ---------------> blocks -> up
    level 2                    down -> blocks -> blocks with attention -> up                                       (1)

A level has half the resolution of the level above it, rounded up, and twice its channels, up to `widest` times those of the first level.
Going up, h is enlarged to exactly the size of the skip, so nothing is padded or cropped. The same code makes networks of one and of two
spatial dimensions.

    block:  h + conv(silu(scale * norm(conv(silu(norm(h)))) + shift)),    scale and shift from the embedding of time and condition      (2)

In training, most memory goes to the activations that the blocks of the highest levels keep for the backward pass. These blocks can instead
compute them again when they are needed (Chen et al. 2016): the numbers are the same, for one more forward pass through these blocks.

Every block ends in a convolution that starts at zero, so it starts as the identity. The network also ends in one, so it starts by returning
0. As in the MLP, and for the same reason, x times a gain of time and condition is added at the end. Attention is only in the lowest
levels, which have few positions.

    >>> network = UNet(shape=(3, 9, 11), channel_axis=0, width=16)
    >>> network(torch.zeros(5, 3, 9, 11), torch.rand(5)).shape
    torch.Size([5, 3, 9, 11])
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unstir.conditions.base import Condition, beside, channels_of, embedding_of, planes_of
from unstir.errors import UsageError
from unstir.networks.embedding import TIME_FEATURES, frequencies, waves
from unstir.networks.space import ANSWERS, CONVOLUTIONS, answered, attend, channels_first, check, normal, normalised, spatial

SMALLEST = 4  # positions along the longest side of the lowest level, about, if levels is 0
HEAD = 32  # channels of an attention head
POINTWISE = 150  # norms and activations take as much time for each output of a convolution as this many multiply-adds
RANGES = {
    "width": (8, 4096),
    "depth": (1, 16),
    "levels": (0, 8),
    "widest": (1, 16),
    "attention": (0, 8),
    "recompute": (0, 8),
}


class UNet(nn.Module):
    """Maps x (B, *shape), t (B,) or (1,) in [0, 1], and cond, the values of its condition (B, ...) -> like x.

    `shape` is the shape of a row: one or two spatial dimensions, and channels at `channel_axis` 0 or -1, or no channels (None). There are
    `levels` levels (0: enough to halve the longest side to about four positions), with `depth` blocks each on the way down and on the way
    up. The first level has `width` channels. The lowest `attention` levels have attention; the highest `recompute` levels compute their
    activations again in the backward pass. In training, a share `dropout` of the numbers before the last convolution of a block is set to
    0 at random (Srivastava et al. 2014), which keeps a network from learning few rows by heart. With a condition, cond = None means nothing
    given. With `answers` above 1, it returns so many numbers for each element: (B, *shape, answers). Raises UsageError for settings outside
    `RANGES`.
    """

    def __init__(
        self,
        shape: Sequence[int],
        channel_axis: int | None = None,
        width: int = 64,
        depth: int = 2,
        levels: int = 0,
        widest: int = 4,
        attention: int = 1,
        condition: Condition | None = None,
        recompute: int = 0,
        answers: int = 1,
        dropout: float = 0.0,
    ):
        super().__init__()
        sizes = {"width": width, "depth": depth, "levels": levels, "widest": widest, "attention": attention}
        check(sizes | {"recompute": recompute, "answers": answers}, RANGES | ANSWERS)
        if type(dropout) not in (int, float) or not 0 <= dropout < 1:
            raise UsageError(f"network setting dropout = {dropout!r} has to be a number from 0 to below 1.")
        if width % 8:
            raise UsageError(f"network setting width = {width} has to be a multiple of 8.")
        self.channel_axis, self.space, self.answers = channel_axis, spatial(shape, channel_axis), answers
        channels = 1 if channel_axis is None else shape[channel_axis]
        convolution = CONVOLUTIONS[len(self.space) - 1]
        levels = levels or max(1, 1 + round(math.log2(max(self.space) / SMALLEST)))
        wide = [width * min(2**level, widest) for level in range(levels)]
        embedding = 4 * width
        self.register_buffer("time_frequency", frequencies(), persistent=False)
        self.embed = nn.Sequential(nn.Linear(TIME_FEATURES, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.planes, self.embed_condition = planes_of(condition, self.space), embedding_of(condition, embedding, self.space)
        self.enter = convolution(channels + channels_of(self.planes), width, 3, padding=1)
        self.down, self.shrink, self.up, self.grow = (nn.ModuleList() for _ in range(4))
        skips, here = [], width
        for level, c in enumerate(wide):
            attends = level >= levels - attention
            self.down.append(
                nn.ModuleList(Block(here if i == 0 else c, c, embedding, convolution, attends, dropout) for i in range(depth))
            )
            skips.append(c)
            here = c
            if level < levels - 1:
                self.shrink.append(convolution(c, c, 3, stride=2, padding=1))
        self.middle = Block(here, here, embedding, convolution, attention > 0, dropout)
        for level in reversed(range(levels)):
            c, attends = wide[level], level >= levels - attention
            if level < levels - 1:
                self.grow.append(convolution(here, c, 3, padding=1))
                here = c
            sizes_in = [here + c] + [c] * (depth - 1)
            self.up.append(nn.ModuleList(Block(i, c, embedding, convolution, attends, dropout) for i in sizes_in))
            here = c
        for level in range(min(recompute, levels)):
            for block in (*self.down[level], *self.up[levels - 1 - level]):  # pyrefly: ignore
                block.recomputes = True
        self.norm = normal(width)
        self.leave = convolution(width, channels * answers, 3, padding=1)
        self.gain = nn.Linear(embedding, channels * answers)
        for zero in (*self.leave.parameters(), *self.gain.parameters()):
            nn.init.zeros_(zero)
        if len(self.space) == 2:
            self.to(memory_format=torch.channels_last)  # pyrefly: ignore  # a tenth faster in bfloat16

    @property
    def operations(self) -> int:
        """Multiply-adds for one row: each weight of a convolution once for each position of its level, and the point-wise work."""
        levels = len(self.down)
        parts = [(self.enter, 0), (self.middle, levels - 1), (self.leave, 0)]
        parts += [(part, level) for level, part in enumerate(self.down)] + [(part, i + 1) for i, part in enumerate(self.shrink)]
        parts += [(part, levels - 1 - i) for i, part in enumerate(self.up)] + [
            (part, levels - 2 - i) for i, part in enumerate(self.grow)
        ]
        positions = [math.prod(-(-size // 2**level) for size in self.space) for level in range(levels)]
        weights = [(w, positions[level]) for part, level in parts for w in part.parameters() if w.ndim > 2]
        return sum((w.numel() + POINTWISE * w.shape[0]) * here for w, here in weights)

    def forward(self, x: Tensor, t: Tensor, cond: Tensor | None = None) -> Tensor:
        """Computes (1); the class describes arguments and result."""
        x = channels_first(x, self.channel_axis)
        e = self.embed(waves(t, self.time_frequency))
        if self.embed_condition is not None:
            e = e + self.embed_condition(cond)
        e = F.silu(e)
        h = self.enter(beside(x, self.planes, cond))
        skips = []
        for level, blocks in enumerate(self.down):
            for block in blocks:  # pyrefly: ignore
                h = block(h, e)
            skips.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](h)
        h = self.middle(h, e)
        for i, blocks in enumerate(self.up):
            skip = skips.pop()
            if i > 0:
                h = self.grow[i - 1](F.interpolate(h, size=skip.shape[2:], mode="nearest"))
            h = torch.cat([h, skip], 1)
            for block in blocks:  # pyrefly: ignore
                h = block(h, e)
        out = self.leave(F.silu(normalised(self.norm, h)))
        return answered(out, self.gain(e), x, self.answers, self.channel_axis)


class Block(nn.Module):
    """The block of eq. (2), followed by attention if `attends`."""

    is_block = True

    def __init__(
        self,
        before: int,
        after: int,
        embedding: int,
        convolution: type[nn.Conv1d | nn.Conv2d],
        attends: bool,
        dropout: float,
    ):
        super().__init__()
        self.dropout = dropout
        self.norm = normal(before)
        self.inner = convolution(before, after, 3, padding=1)
        self.modulate = nn.Linear(embedding, 2 * after)
        self.norm_again = normal(after)
        self.outer = convolution(after, after, 3, padding=1)
        self.past = convolution(before, after, 1) if before != after else nn.Identity()
        self.attention = Attention(after, convolution) if attends else nn.Identity()
        self.recomputes = False  # whether it computes its activations again in the backward pass
        nn.init.zeros_(self.outer.weight)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        """h (B, before, ...) and e (B or 1, embedding) -> (B, after, ...)."""
        if self.recomputes and torch.is_grad_enabled():
            return checkpoint(
                self._out, h, e, use_reentrant=False, preserve_rng_state=self.dropout > 0
            )  # what it drops is random
        return self._out(h, e)

    def _out(self, h: Tensor, e: Tensor) -> Tensor:
        r = self.inner(F.silu(normalised(self.norm, h)))
        scale, shift = self.modulate(e).to(r.dtype).view(-1, 2 * r.shape[1], *[1] * (r.ndim - 2)).chunk(2, 1)
        r = F.silu(torch.addcmul(shift, normalised(self.norm_again, r), 1 + scale))
        r = self.outer(F.dropout(r, self.dropout, self.training) if self.dropout else r)
        return self.attention(self.past(h) + r)


class Attention(nn.Module):
    """Self-attention over all positions (Vaswani et al. 2017): h + project(softmax(q k / sqrt(d)) v); the projection starts at zero."""

    def __init__(self, channels: int, convolution: type[nn.Conv1d | nn.Conv2d]):
        super().__init__()
        self.heads = max(heads for heads in range(1, max(1, channels // HEAD) + 1) if channels % heads == 0)
        self.norm = normal(channels)
        self.ask = convolution(channels, 3 * channels, 1)
        self.project = convolution(channels, channels, 1)
        nn.init.zeros_(self.project.weight)

    def forward(self, h: Tensor) -> Tensor:
        """h (B, C, ...) -> the same."""
        q, k, v = self.ask(normalised(self.norm, h)).flatten(2).unflatten(1, (3 * self.heads, -1)).mT.chunk(3, 1)
        return h + self.project(attend(q, k, v).mT.reshape(h.shape))
