"""The noise that samples start from, and that some samplers add: it depends only on (seed, row, number of draws before).

Noise is drawn for fixed groups of rows, and each group has its own generator. So row i of a sample does not depend on how many rows
are drawn, or on how many go through the network at once.

    >>> few, many = (RowNoise(0, range(n))(torch.empty(n, 2)) for n in (3, 300))
    >>> torch.equal(few, many[:3])
    True
"""

import math

import torch
from torch import Tensor

from unstir.seeds import seeded

GROUP = 256  # rows that share a generator


class RowNoise:
    """Standard normal noise for some rows of a sample; `rows` start at a multiple of `GROUP`.

    Called with x (len(rows), ...), it returns noise like x. It is drawn on the CPU, so that all devices get the same noise.
    """

    def __init__(self, seed: int, rows: range):
        self.rows = rows
        first, last = rows.start // GROUP, math.ceil(rows.stop / GROUP)
        self.generators = [seeded(seed, "sample", group) for group in range(first, last)]

    def __call__(self, x: Tensor) -> Tensor:
        """Fresh noise, in the shape and type of x and on its device."""
        groups = [torch.randn((GROUP, *x.shape[1:]), generator=g) for g in self.generators]
        return torch.cat(groups)[: len(x)].to(device=x.device, dtype=x.dtype)
