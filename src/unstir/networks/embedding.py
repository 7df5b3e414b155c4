"""The embedding of time as sinusoids, which every network gets. Embeddings of conditions are in `unstir.conditions`.

    waves(t) = (sin 2 pi f t, cos 2 pi f t),   32 frequencies f from 1/2 to 64, equally spaced in log f         (1)

(1) is the positional embedding of Vaswani et al. 2017 for times in [0, 1].
"""

import math

import torch
from torch import Tensor

TIME_FEATURES = 64


def frequencies() -> Tensor:
    """2 pi f of eq. (1): (32,). They are on the CPU even inside torch's meta device, where a network is built to check its sizes."""
    return 2 * math.pi * torch.logspace(-1, 6, TIME_FEATURES // 2, base=2.0, device="cpu")


def waves(t: Tensor, frequency: Tensor) -> Tensor:
    """Eq. (1) for t (B,) and frequency (K,): (B, 2 K)."""
    turns = t[:, None] * frequency
    return torch.cat([turns.sin(), turns.cos()], 1)
