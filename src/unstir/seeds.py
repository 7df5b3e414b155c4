"""Where random numbers come from: generators that are a function of a few whole numbers, and of nothing else.

>>> torch.equal(torch.rand(2, generator=seeded(0, 7)), torch.rand(2, generator=seeded(0, 7)))
True
"""

import numpy as np
import torch

from unstir.errors import UsageError


def seeded(*key: int | str) -> torch.Generator:
    """A CPU generator for this key, unrelated to that of any other key: numpy's SeedSequence mixes it.

    A word says what the numbers are for. The length is part of the key, because SeedSequence takes (1,) and (1, 0) for the same.
    Raises UsageError for a negative number.
    """
    if any(isinstance(part, int) and part < 0 for part in key):
        raise UsageError(f"a seed is a whole number from 0 on, not {min(p for p in key if isinstance(p, int))}.")
    numbers = [int.from_bytes(part.encode()) if isinstance(part, str) else part for part in key]
    state = np.random.SeedSequence([len(key), *numbers]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))
