"""The noise that samples start from, and that some samplers add: it depends only on (seed, row, number of draws before).

Noise is drawn for fixed groups of rows, and each group has its own generator. So row i of a sample does not depend on how many rows
are drawn, or on how many go through the network at once. On the CPU it is the same noise on every machine. A GPU draws its own, because
it would wait for the CPU otherwise: there it is the same noise on every GPU of that kind.

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
    """Standard normal noise for some rows of a sample, drawn on a device. Called with x (len(rows), ...), it returns noise like x."""

    def __init__(self, seed: int, rows: range, on: torch.device | str = "cpu"):
        self.rows, self.on = rows, on
        first, last = rows.start // GROUP, math.ceil(rows.stop / GROUP)
        self.generators = [seeded(seed, "sample", group, on=on) for group in range(first, last)]

    def __call__(self, x: Tensor) -> Tensor:
        """Fresh noise, in the shape and type of x and on its device."""
        groups = [torch.randn((GROUP, *x.shape[1:]), generator=g, device=self.on) for g in self.generators]
        first = self.rows.start % GROUP
        return torch.cat(groups)[first : first + len(x)].to(device=x.device, dtype=x.dtype)
