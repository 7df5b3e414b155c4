"""Random numbers: generators that depend only on a key of a few whole numbers and words.

>>> torch.equal(torch.rand(2, generator=seeded(0, 7)), torch.rand(2, generator=seeded(0, 7)))
True
"""

from operator import index

import numpy as np
import torch

from unstir.errors import UsageError


def seeded(*key: int | str) -> torch.Generator:
    """A CPU generator for this key, independent of the generators of all other keys: numpy's SeedSequence mixes the key.

    Words in a key say what the random numbers are for. Its length is mixed in, too, because SeedSequence treats (1,) and (1, 0) alike.
    Raises UsageError for a negative number, and for a part that is neither a whole number nor a word.
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
        raise UsageError(f"a seed is a whole number, 0 or above, not {number}.")
    return whole
