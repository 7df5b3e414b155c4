"""A residual multilayer perceptron for points and vectors: `(x, t, cond) -> like x`.

Time enters as sinusoids through one layer, and scales and shifts every block (FiLM, Perez et al. 2018). The embedding of the condition is
added to the embedding of time. Coordinates also enter as sinusoids (Tancik et al. 2020): in few dimensions, samples of the same network
without them are still a blob after 2,000 steps, see docs/log.md. Each coordinate times a gain, which depends only on time and condition,
is added to the output. So far from the data, where there are no training points, the output is about linear in x, and a sampler that
strays there comes back. Both terms of the output start at zero.

With `direct`, each answer is a sum over all coordinates besides. An answer of the target `table` is the logarithm of odds, to which each
column adds its own, and the blocks have only the rest to learn.

    >>> network = MLP(dimension=2)
    >>> network(torch.zeros(5, 2), torch.rand(5)).abs().max().item()
    0.0
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unstir.conditions.base import Condition, beside, channels_of, embedding_of, planes_of
from unstir.networks.embedding import TIME_FEATURES, frequencies, waves
from unstir.networks.space import ANSWERS, check, per_element

RANGES = {"dimension": (1, 2**26), "width": (1, 2**20), "depth": (1, 1000), "octaves": (0, 16)}


class Block(nn.Module):
    """h + W2 silu(scale * W1 norm(h) + shift), with scale and shift from the embedding of time and condition."""

    is_block = True

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)

    def forward(self, h: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """h (B, width), scale and shift (B or 1, width) -> (B, width)."""
        return h + self.outer(F.silu(torch.addcmul(shift, self.inner(self.norm(h)), scale)))


class MLP(nn.Module):
    """Maps x (B, ...) with `dimension` elements a row, t (B,) or (1,) in [0, 1], and cond, the values of its condition (B, ...) -> like x.

    There are `depth` blocks of `width` features. Each coordinate enters with `octaves` sinusoids of doubling frequency, 0 for none. With a
    condition, cond = None means nothing given. With `answers` above 1, it returns so many numbers for each element: (B, ..., answers).
    If it is `direct`, all coordinates are added to each answer, each times a weight.
    Raises UsageError for settings outside `RANGES`.
    """

    def __init__(
        self,
        dimension: int,
        width: int = 96,
        depth: int = 2,
        octaves: int = 4,
        condition: Condition | None = None,
        answers: int = 1,
        direct: bool = False,
    ):
        super().__init__()
        sizes = {"dimension": dimension, "width": width, "depth": depth, "octaves": octaves}
        check(sizes | {"answers": answers}, RANGES | ANSWERS)
        self.dimension, self.width, self.depth, self.answers = dimension, width, depth, answers
        # A network from a folder is first built on torch's meta device. Constants are made on the CPU even then, by operations that do
        # not make torch load its compiler there, which takes seconds.
        self.register_buffer("time_frequency", frequencies(), persistent=False)
        self.register_buffer("frequency", 2.0 ** torch.arange(octaves, device="cpu"), persistent=False)
        self.planes = planes_of(condition)
        self.enter = nn.Linear(dimension * (1 + 2 * octaves) + channels_of(self.planes), width)
        self.embed_time = nn.Linear(TIME_FEATURES, width)
        self.embed_condition = embedding_of(condition, width)
        self.modulate = nn.Linear(width, 2 * width * depth)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, dimension * answers)
        self.gain = nn.Linear(width, dimension * answers)
        self.through = nn.Linear(dimension, dimension * answers, bias=False) if direct else None
        for last in (self.leave, self.gain):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        if self.through is not None:
            nn.init.zeros_(self.through.weight)

    @property
    def operations(self) -> int:
        """Multiply-adds for one row: one for each weight."""
        return sum(w.numel() for w in self.parameters())

    def forward(self, x: Tensor, t: Tensor, cond: Tensor | None = None) -> Tensor:
        """Computes the output; the class describes arguments and result."""
        flat = x.flatten(1)
        turns = (flat[..., None] * self.frequency).flatten(1)
        h = self.enter(beside(torch.cat([flat, turns.sin(), turns.cos()], 1), self.planes, cond))
        e = self.embed_time(waves(t, self.time_frequency))
        if self.embed_condition is not None:
            e = e + self.embed_condition(cond)
        e = F.silu(e)
        modulation = self.modulate(e).chunk(2 * self.depth, 1)
        for i, block in enumerate(self.blocks):
            h = block(h, 1 + modulation[2 * i], modulation[2 * i + 1])
        each = flat.repeat_interleave(self.answers, 1) if self.answers > 1 else flat
        answer = torch.addcmul(self.leave(F.silu(self.norm(h))), self.gain(e), each)
        return per_element(answer if self.through is None else answer + self.through(flat), x, self.answers)
