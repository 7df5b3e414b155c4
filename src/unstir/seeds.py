"""Where random numbers come from: generators that are a function of a few whole numbers, and of nothing else.

>>> torch.equal(torch.rand(2, generator=seeded(0, 7)), torch.rand(2, generator=seeded(0, 7)))
True
"""

from operator import index

import numpy as np
import torch

from unstir.errors import UsageError


def seeded(*key: int | str) -> torch.Generator:
    """A CPU generator for this key, unrelated to that of any other key: numpy's SeedSequence mixes it.

    A word says what the numbers are for. The length is part of the key, because SeedSequence takes (1,) and (1, 0) for the same.
    Raises UsageError for what is neither, and for a negative number.
    """
    numbers = [int.from_bytes(part.encode()) if isinstance(part, str) else _whole(part) for part in key]
    state = np.random.SeedSequence([len(key), *numbers]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def _whole(number: int) -> int:
    try:
        whole = index(number)
    except TypeError:
        whole = -1
    if whole < 0:
        raise UsageError(f"a seed is a whole number from 0 on, not {number}.")
    return whole
