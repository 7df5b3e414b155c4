"""What every network is told besides x: the time, as sinusoids, and perhaps a class.

    waves(t) = (sin 2 pi f t, cos 2 pi f t),   f in 32 steps from half a turn to 64 turns over [0, 1]           (1)

(1) is the positional embedding of Vaswani et al. 2017 for a time that ends at 1.
"""

import math

import torch
from torch import Tensor, nn

TIME_FEATURES = 64


def frequencies() -> Tensor:
    """2 pi f of eq. (1): (32,). Numbers even on torch's meta device, on which a network is outlined before it is built."""
    return 2 * math.pi * torch.logspace(-1, 6, TIME_FEATURES // 2, base=2.0, device="cpu")


def waves(t: Tensor, frequency: Tensor) -> Tensor:
    """Eq. (1) for t (B,) and frequency (K,): (B, 2 K)."""
    turns = t[:, None] * frequency
    return torch.cat([turns.sin(), turns.cos()], 1)


class Classes(nn.Embedding):
    """A learnt vector for each of `classes` ids, and one more, the last, for none: which is what `None` stands for."""

    def __init__(self, classes: int, width: int):
        super().__init__(classes + 1, width, _weight=torch.randn(classes + 1, width))

    def forward(self, cond: Tensor | None) -> Tensor:  # pyrefly: ignore
        """Ids (B,) or None -> (B or 1, width)."""
        if cond is None:
            cond = torch.full((1,), self.num_embeddings - 1, device=self.weight.device)
        return super().forward(cond)
