"""What training steps are taken on, block by block, where a GPU takes them: rows and noise on the device, read ahead.

    rows that fit into a share of the device's memory     live there: whole numbers of up to 16 bits as they came, others encoded
    other rows                                            are read and encoded by a thread, a block ahead, through pinned memory   (1)
    times, order, mirror images, dropped conditions       are drawn on the CPU, by the thread: a few numbers a row
    noise                                                 is drawn on the device: as many numbers as there are in a row

All of it depends only on (seed, block) and on the kind of the device, as in `training.problem`. The noise is the device's own, so a run
that goes on elsewhere goes on with other noise. A problem whose rows and noise depend on each other, as in an optimal-transport coupling
or in `training.neighbours`, is drawn on the CPU whole, to the same bits as there, and copied.

    >>> from unstir.diffusion.chains import linear
    >>> problem, recipe = Problem(linear(), "eps", torch.randn(100, 2)), Recipe(batch_size=8)
    >>> with supply(problem, recipe, torch.device("cpu"), last=100) as blocks:
    ...     torch.equal(blocks(1).example.seen, prepare(problem, recipe, 1).example.seen)
    True
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unstir.conditions.base import thinned
from unstir.diffusion.loss import Example, examples
from unstir.encoders.rows import EncodedRows
from unstir.seeds import seeded
from unstir.steady import steady
from unstir.training.capture import way_on
from unstir.training.problem import Indexed, Prepared, Problem, order, prepare, steps_in_block, times
from unstir.training.recipe import Recipe

SHARE = 0.25  # of the device's free memory that rows may take
PART = 2**24  # numbers that are encoded and copied at once
EXACT = 2  # bytes of a whole number that float32 holds exactly


class Chosen(NamedTuple):
    """What the CPU draws of a block of K steps of B rows: times and rows (K B,), which of them are mirrored, and which conditions dropped.

    `x0` (K B, ...) are the rows, in pinned memory, where they do not live on the device; `cond` the values of the condition.
    """

    t: Tensor
    index: Tensor
    turned: Tensor | None
    cond: Tensor | None
    x0: Tensor | None


class Held:
    """Rows (N, ...) that live on a device, in the type in which they came or encoded; indexed, they are encoded, float32."""

    def __init__(self, rows: Indexed, device: torch.device):
        self.linear = None
        numbers = as_they_came(rows)
        if numbers:
            assert isinstance(rows, EncodedRows) and rows.encoder.linear is not None  # noqa: PT018
            shift, scale = rows.encoder.linear
            divisor = torch.where(scale == 0, torch.inf, scale)
            self.linear = (shift.to(device), divisor.to(device))
        each = max(1, PART // max(1, rows[torch.arange(1)].numel()))
        kept = []
        for places in torch.arange(len(rows)).split(each):
            encoded = rows[places]  # raises for a value that is far outside the data
            if numbers:
                assert isinstance(rows, EncodedRows)
                encoded = torch.as_tensor(rows.rows.raw(places.numpy()).copy())
            kept.append(encoded.to(device))
        self.rows = torch.cat(kept)

    def __getitem__(self, index: Tensor) -> Tensor:
        """The rows with those numbers (n,), which are on the device: (n, ...) float32."""
        found = self.rows[index]
        if self.linear is None:
            return found
        shift, divisor = self.linear
        return ((found.double() - shift) / divisor).float()


def as_they_came(rows: Indexed) -> int:
    """The bytes of a number if rows are whole numbers that live on a device as they came, because shift and scale encode them; else 0."""
    if not isinstance(rows, EncodedRows) or rows.encoder.linear is None:
        return 0
    held = rows.rows.held
    same = rows.encoder.shape == tuple(held.shape[1:]) == rows.encoder.space
    return held.itemsize if same and held.dtype.name in ("uint8", "int8", "int16") else 0


def bytes_of(rows: Indexed) -> int:
    """The bytes that rows take on a device."""
    return torch.Size(rows.shape).numel() * (as_they_came(rows) or 4)


@contextmanager
def supply(
    problem: Problem, recipe: Recipe, device: torch.device, last: int, held: dict[str, Any] | None = None
) -> Iterator[Callable[[int], Prepared]]:
    """A function from the number of a block to what it is, for the steps before `last`. On a device that draws, the next block is read ahead.

    `held` remembers the rows on the device for the next call.
    """
    if not way_on(device).draws or problem.neighbours is not None or problem.pairings(recipe.batch_size):
        yield lambda block: prepare(problem, recipe, block)
        return
    held = {} if held is None else held
    if held.get("of") is not problem:
        held.clear()
    views = [problem.rows, *([] if problem.mirrored is None else [problem.mirrored])]
    if "rows" not in held:
        fits = sum(map(bytes_of, views)) <= SHARE * free_memory(device)
        held |= {"of": problem, "rows": [Held(rows, device) for rows in views] if fits else []}
    ahead: dict[int, Future[Chosen]] = {}
    with ThreadPoolExecutor(1, "unstir-rows") as thread:

        def block(number: int) -> Prepared:
            found = ahead.pop(number, None)
            chosen = _chosen(problem, recipe, number, not held["rows"]) if found is None else found.result()
            if (number + 1) * steps_in_block(problem, recipe) < last:
                ahead[number + 1] = thread.submit(_chosen, problem, recipe, number + 1, not held["rows"])
            return made(problem, recipe, number, chosen, held["rows"], device)

        try:
            yield block
        finally:
            thread.shutdown(cancel_futures=True)


@steady
def _chosen(problem: Problem, recipe: Recipe, block: int, read: bool) -> Chosen:
    """What the CPU draws of a block; with the rows themselves if they are to be read."""
    index, generator = order(problem, recipe, block), seeded(recipe.seed, "block", block, 0)
    t = times(problem, recipe, generator)
    turned = None if problem.mirrored is None else torch.rand(len(index), generator=generator) < 1 / 2
    cond, x0 = None, None
    if problem.cond is not None and problem.condition is not None:
        cond = thinned(problem.condition, problem.cond[index], recipe.drop_condition, generator)
    if read:
        x0 = problem.rows[index]
        if problem.mirrored is not None and turned is not None:
            x0[turned] = problem.mirrored[index[turned]]
        x0 = x0.pin_memory() if torch.cuda.is_available() else x0
    return Chosen(t, index, turned, cond, x0)


def made(problem: Problem, recipe: Recipe, block: int, chosen: Chosen, held: list[Held], device: torch.device) -> Prepared:
    """A block on the device, from what the CPU has drawn and the device's own noise."""
    K, B = steps_in_block(problem, recipe), recipe.batch_size
    t, index, turned, cond, x0 = chosen
    if x0 is None:
        index = index.to(device, non_blocking=True)
        x0 = held[0][index]
        if turned is not None:
            turned = turned.to(device, non_blocking=True).view(-1, *[1] * (x0.ndim - 1))
            x0 = torch.where(turned, held[1][index], x0)
    else:
        x0 = x0.to(device, non_blocking=True)
    noise = torch.Generator(device).manual_seed(seeded(recipe.seed, "noise", block).initial_seed())
    eps = torch.randn(x0.shape, generator=noise, device=device)
    parts = (part.to(device) for part in examples(problem.schedule, problem.target, problem.weigh, x0, eps, t))
    cond = None if cond is None else cond.to(device).view(K, B, *cond.shape[1:])
    return Prepared(t.view(K, B), Example(*(part.view(K, B, *part.shape[1:]) for part in parts)), cond)


def free_memory(device: torch.device) -> int:
    """The free bytes of a device's memory; of one that does not say, none that is worth counting."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 2**40
