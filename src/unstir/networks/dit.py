"""A diffusion transformer for images and sequences: `(x, t, cond) -> like x` (Peebles & Xie 2023, the block with adaLN-Zero).

    x -> patches -> + positions -> blocks, in which every patch attends to every other -> patches -> x                     (1)

    block:  h + gate attention(scale * norm(h) + shift),   then   h + gate' mlp(scale' * norm(h) + shift')                 (2)

The six vectors of (2) come from the embedding of time and condition, through a layer that starts at zero, so that a block starts as the
identity. If patches do not divide a size, it is padded with zeros at the end and cropped again. As in the other networks, x times a gain
of time and condition is added at the end.

The network has no notion of neighbours beyond a patch, so on small data the U-Net learns faster: on images of 28x28, in the same 80
seconds of one core, the U-Net of the preset got to a held-out loss of 0.227, and this one of its usual size to 0.310. It is meant for
many thousands of rows and hours of a GPU.

    >>> network = DiT(shape=(3, 9, 11), channel_axis=0, width=32, depth=2, patch=2)
    >>> network(torch.zeros(5, 3, 9, 11), torch.rand(5)).shape
    torch.Size([5, 3, 9, 11])
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unstir.conditions.base import Condition, beside, channels_of, embedding_of, planes_of
from unstir.errors import UsageError
from unstir.networks.embedding import TIME_FEATURES, frequencies, waves
from unstir.networks.space import ANSWERS, CONVOLUTIONS, answered, attend, channels_first, check, spatial

MOST_PATCHES = 64  # if patch is 0: the cost of attention is quadratic in the number of patches
HEAD = 32  # channels of an attention head
LONGEST_WAVE = 10_000  # sets the longest wavelength of the positional sinusoids, 2 pi times this (Vaswani et al. 2017)
RANGES = {"width": (32, 8192), "depth": (1, 100), "patch": (0, 1024)}
BACK = (nn.ConvTranspose1d, nn.ConvTranspose2d)


class DiT(nn.Module):
    """Maps x (B, *shape), t (B,) or (1,) in [0, 1], and cond, the values of its condition (B, ...) -> like x.

    `shape` is the shape of a row: one or two spatial dimensions, and channels at `channel_axis` 0 or -1, or no channels (None). A token is
    a patch of `patch` positions a side (0: the smallest that gives at most 64 tokens). It has `width` channels and goes through `depth`
    blocks. With a condition, cond = None means nothing given. With `answers` above 1, it returns so many numbers for each element:
    (B, *shape, answers). Raises UsageError for settings outside `RANGES`.
    """

    def __init__(
        self,
        shape: Sequence[int],
        channel_axis: int | None = None,
        width: int = 128,
        depth: int = 6,
        patch: int = 0,
        condition: Condition | None = None,
        answers: int = 1,
    ):
        super().__init__()
        check({"width": width, "depth": depth, "patch": patch, "answers": answers}, RANGES | ANSWERS)
        if width % HEAD:
            raise UsageError(f"network setting width = {width} has to be a multiple of {HEAD}.")
        self.channel_axis, space, self.answers = channel_axis, spatial(shape, channel_axis), answers
        channels = 1 if channel_axis is None else shape[channel_axis]
        patch = patch or next(p for p in range(1, max(space) + 1) if math.prod(_tokens(space, p)) <= MOST_PATCHES)
        self.tokens = _tokens(space, patch)
        # `F.pad` takes (before, after) for each dimension, from the last to the first.
        self.missing = [
            n for size, here in zip(reversed(space), reversed(self.tokens), strict=True) for n in (0, here * patch - size)
        ]
        self.register_buffer("time_frequency", frequencies(), persistent=False)
        self.register_buffer("positions", positions(self.tokens, width), persistent=False)
        self.embed = nn.Sequential(nn.Linear(TIME_FEATURES, width), nn.SiLU(), nn.Linear(width, width))
        self.planes, self.embed_condition = planes_of(condition, space), embedding_of(condition, width, space)
        self.enter = CONVOLUTIONS[len(space) - 1](channels + channels_of(self.planes), width, patch, stride=patch)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = nn.Linear(width, 2 * width)
        self.leave = BACK[len(space) - 1](width, channels * answers, patch, stride=patch)
        self.gain = nn.Linear(width, channels * answers)
        for zero in (*self.modulate.parameters(), *self.leave.parameters(), *self.gain.parameters()):
            nn.init.zeros_(zero)

    @property
    def operations(self) -> int:
        """Multiply-adds for one row: each weight that acts on tokens once for each token, and the products of attention."""
        n, width = math.prod(self.tokens), self.norm.normalized_shape[0]
        weights = self.enter.weight.numel() + self.leave.weight.numel() + 12 * width * width * len(self.blocks)
        return n * weights + 2 * n * n * width * len(self.blocks)

    def forward(self, x: Tensor, t: Tensor, cond: Tensor | None = None) -> Tensor:
        """Computes (1); the class describes arguments and result."""
        x = channels_first(x, self.channel_axis)
        e = self.embed(waves(t, self.time_frequency))
        if self.embed_condition is not None:
            e = e + self.embed_condition(cond)
        e = F.silu(e)
        h = self.enter(F.pad(beside(x, self.planes, cond), self.missing)).flatten(2).mT + self.positions  # (B, tokens, width)
        for block in self.blocks:
            h = block(h, e)
        scale, shift = self.modulate(e)[:, None].chunk(2, 2)
        h = torch.addcmul(shift, self.norm(h), 1 + scale)
        out = self.leave(h.mT.unflatten(2, self.tokens))[(..., *(slice(size) for size in x.shape[2:]))]
        return answered(out, self.gain(e), x, self.answers, self.channel_axis)


class Block(nn.Module):
    """The block of eq. (2)."""

    is_block = True

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.ask = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width))
        self.modulate = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        """h (B, tokens, width) and e (B or 1, width) -> (B, tokens, width)."""
        scale, shift, gate, scale_mlp, shift_mlp, gate_mlp = self.modulate(e)[:, None].chunk(6, 2)
        q, k, v = self.ask(torch.addcmul(shift, self.norm(h), 1 + scale)).unflatten(2, (-1, HEAD)).transpose(1, 2).chunk(3, 1)
        h = torch.addcmul(h, gate, self.project(attend(q, k, v).transpose(1, 2).flatten(2)))
        return torch.addcmul(h, gate_mlp, self.mlp(torch.addcmul(shift_mlp, self.norm(h), 1 + scale_mlp)))


def positions(tokens: Sequence[int], width: int) -> Tensor:
    """Sinusoids of each token's position, (prod(tokens), width); of two dimensions, each gets half of the channels.

    >>> positions((2, 3), 32)[0, :8].tolist()  # sines and cosines of 0
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    own = width // len(tokens)
    frequency = LONGEST_WAVE ** (-torch.arange(own // 2, device="cpu") / (own // 2))
    places = torch.cartesian_prod(*(torch.arange(n, device="cpu", dtype=torch.float32) for n in tokens)).view(-1, len(tokens))
    angles = places[:, :, None] * frequency
    return torch.cat([angles.sin(), angles.cos()], 2).flatten(1)


def _tokens(space: Sequence[int], patch: int) -> tuple[int, ...]:
    return tuple(-(-size // patch) for size in space)
