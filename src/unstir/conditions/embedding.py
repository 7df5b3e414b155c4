"""The embedding of columns: m values a row, of which any may be missing, as one vector for a network.

quantity  z         z, 1        or 0, 0 where nothing is given                                                (1)
category  k of K    1 at place k + 1 of K + 1, or at place 0 where nothing is given                           (2)

>>> ColumnsEmbedding([0, 3], 8)(torch.tensor([[0.5, 2.0], [math.nan, math.nan]])).shape
torch.Size([2, 8])
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ColumnsEmbedding(nn.Module):
    """Values (B, m) to (B, width), by two layers. `sizes` are the numbers of categories of the columns, 0 for a quantity."""

    def __init__(self, sizes: Sequence[int], width: int):
        super().__init__()
        measured = [i for i, size in enumerate(sizes) if not size]
        chosen = [(i, k) for i, size in enumerate(sizes) if size for k in range(-1, size)]  # -1: nothing given
        on = "cpu"  # constants are made there also where the weights are on torch's meta device
        self.register_buffer("measured", torch.tensor(measured, dtype=torch.long, device=on), persistent=False)
        self.register_buffer("chosen", torch.tensor([i for i, _ in chosen], dtype=torch.long, device=on), persistent=False)
        self.register_buffer("choices", torch.tensor([float(k) for _, k in chosen], device=on), persistent=False)
        self.columns = len(sizes)
        self.enter = nn.Linear(2 * len(measured) + len(chosen), width)
        self.leave = nn.Linear(width, width)

    def forward(self, values: Tensor | None) -> Tensor:
        """Values (B, m) or None -> (B or 1, width)."""
        if values is None:
            values = torch.full((1, self.columns), math.nan, device=self.enter.weight.device)
        quantities = values.index_select(1, self.measured)
        is_choice = values.nan_to_num(nan=-1.0).index_select(1, self.chosen) == self.choices
        parts = [quantities.nan_to_num(nan=0.0), ~quantities.isnan(), is_choice]
        told = torch.cat([part.to(self.enter.weight.dtype) for part in parts], 1)
        return self.leave(nn.functional.silu(self.enter(told)))
