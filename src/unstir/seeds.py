"""Random numbers: generators that depend only on a key of a few whole numbers and words.

>>> torch.equal(torch.rand(2, generator=seeded(0, 7)), torch.rand(2, generator=seeded(0, 7)))
True
"""

from collections.abc import Iterator
from contextlib import contextmanager
from operator import index

import numpy as np
import torch

from unstir.errors import UsageError


def seeded(*key: int | str, on: torch.device | str = "cpu") -> torch.Generator:
    """A generator for this key, independent of the generators of all other keys: numpy's SeedSequence mixes the key.

    It draws `on` the CPU, or on another device, whose numbers for the same key are others.
    Words in a key say what the random numbers are for. Its length is mixed in, too, because SeedSequence treats (1,) and (1, 0) alike.
    Raises UsageError for a negative number, and for a part that is neither a whole number nor a word.
    """
    return torch.Generator(on).manual_seed(_mixed(key))


def seed_everywhere(*key: int | str) -> None:
    """Seed torch's global generators, from which the layers of a network draw: of the CPU, and of the GPUs that are in use.

    Only for code inside a call of the library (`unstir.steady`), after which they are the caller's again.
    """
    seed = _mixed(key)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


@contextmanager
def globally(seed: int) -> Iterator[None]:
    """Inside the block, torch's global generator of the CPU is seeded, for code that draws from it, as the layers of a new network do.

    Afterwards it is as it was. `torch.manual_seed` would also change the generators of GPUs, even of those that are not in use yet.
    """
    state = torch.get_rng_state()
    try:
        torch.default_generator.manual_seed(seed)
        yield
    finally:
        torch.set_rng_state(state)


def _mixed(key: tuple[int | str, ...]) -> int:
    numbers = [int.from_bytes(part.encode()) if isinstance(part, str) else _whole(part) for part in key]
    state = np.random.SeedSequence([len(key), *numbers]).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))


def _whole(number: int) -> int:
    try:
        whole = index(number)
    except TypeError:
        whole = -1
    if whole < 0:
        raise UsageError(f"a seed is a whole number, 0 or above, not {number}.")
    return whole
