"""What every network is told besides x: the time, as sinusoids. What a condition becomes is in `unstir.conditions`.

    waves(t) = (sin 2 pi f t, cos 2 pi f t),   f in 32 steps from half a turn to 64 turns over [0, 1]           (1)

(1) is the positional embedding of Vaswani et al. 2017 for a time that ends at 1.
"""

import math

import torch
from torch import Tensor

TIME_FEATURES = 64


def frequencies() -> Tensor:
    """2 pi f of eq. (1): (32,). Numbers even on torch's meta device, on which a network is outlined before it is built."""
    return 2 * math.pi * torch.logspace(-1, 6, TIME_FEATURES // 2, base=2.0, device="cpu")


def waves(t: Tensor, frequency: Tensor) -> Tensor:
    """Eq. (1) for t (B,) and frequency (K,): (B, 2 K)."""
    turns = t[:, None] * frequency
    return torch.cat([turns.sin(), turns.cos()], 1)
