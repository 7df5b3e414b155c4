"""From noise to rows of the model's space: the loop behind every sample.

    noise -> times -> denoise closure -> states of the sampler, one batch of rows at a time                     (1)

Row i depends only on (seed, i, steps, method) and the kind of device, not on the number of rows or the batch size: see
`unstir.model.noise`. While a GPU computes a batch, the rows of the one before are brought to the CPU.
"""

import math
import os
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unstir.conditions.base import Several
from unstir.diffusion.samplers import Sampler, default, plan, sampler
from unstir.diffusion.schedules import along
from unstir.diffusion.times import grid
from unstir.errors import UnstirWarning, UsageError
from unstir.model.atoms import exact
from unstir.model.noise import GROUP, RowNoise
from unstir.model.placing import brought_back, computing, rows_at_once
from unstir.model.sampling import Sampling

if TYPE_CHECKING:
    from unstir.model.model import Model

BYTES = 28  # of memory for each number of a sample at least: twice in float32, twice in float64, and once as it is returned

Known = tuple[Tensor, Tensor] | None
"""Rows (B, ...) in the model's space and which of their elements are known, as bool (B, ...)."""


@torch.no_grad()
def paths(
    model: "Model", n: int, how: Sampling, given: Any = None, every: int | None = None, known: Known = None
) -> list[Tensor]:
    """States x (n, *space) on the way from noise to data, float32, in the model's space: at every `every`-th time, and at the last.

    Without `given`, values of the condition are drawn as in the training data, except for rows that are partly known: the
    unconditional model completes those. Raises UsageError for a wrong name, size or combination.
    """
    if n < 1:
        raise UsageError(f"asked for {n} samples; the number has to be at least 1.")
    if how.particles is not None:
        raise UsageError("particles are for rows of which a part is known: a plain sample has none.")
    chosen, times = sampler_of(how), times_of(model, how)
    _refuse_too_many(n, math.prod(model.space) * (1 + (len(times) - 1) // every if every else 1))
    cond = conditions_asked(model, n, how, given, drawn=known is None)
    start = torch.hypot(*model.schedule(times[0]))

    def begun(rows: range) -> Callable[[], list[Tensor]]:
        """Begin to compute these rows; the function waits for their states."""
        noise = RowNoise(how.seed, rows, model.device)
        x = torch.empty(len(rows), *model.space, device=model.device)
        x = along(start, x) * noise(x)
        extra: dict[str, Any] = {"noise": noise} if "noise" in chosen.needs else {}
        if "error" in chosen.needs:
            extra["error"] = lambda t: model.error.at(model.schedule.log_snr(t))
        part = slice(rows.start, rows.stop)
        here = None if known is None else (known[0][part].to(model.device), known[1][part].to(model.device))
        denoise = model.denoise(None if cond is None else cond[part].to(model.device), how.guidance, how.interval, here)
        with computing(model.device, model.precision if known is None else "float32"):
            return _kept(chosen.run(denoise, model.schedule, times, x, **extra), every)

    batch_size = rows_at_once(model) if how.batch_size is None else how.batch_size
    parts = in_batches(begun, n, max(GROUP, batch_size // GROUP * GROUP))
    *states, last = (torch.cat(part) for part in zip(*parts, strict=True))
    return [*states, exact(last, model.card.atoms, model.encoder, float(model.schedule.log_snr(times[-2])))]


def conditions_asked(model: "Model", n: int, how: Sampling, given: Any, drawn: bool) -> Tensor | None:
    """Values (n, ...) of the condition: those given, else drawn as in the training data if they are to be `drawn`, else None.

    Raises UsageError for guidance without any. A value far from those of the training data is an `UnstirWarning`.
    """
    cond = model.given(n, given, how.seed) if drawn or given is not None else None
    if how.guidance != 1 and cond is None:
        raise UsageError("guidance needs a model trained with labels or with --given; this one has neither.")
    if given is not None and isinstance(model.condition, Several) and cond is not None:
        for sentence in model.condition.far(cond):
            warnings.warn(UnstirWarning(sentence), stacklevel=5)  # the call of the model's method
    return cond


def in_batches(begun: Callable[[range], Callable[[], list[Tensor]]], n: int, size: int) -> list[list[Tensor]]:
    """The states of all n rows, a batch at a time, each begun before those of the one before are waited for.

    The batches begin as whole groups of rows that share a generator of noise. Where a GPU has not enough memory, they are halved; raises
    UsageError if it is not enough for one row.
    """
    parts: list[list[Tensor]] = []
    waiting, first = None, 0
    while first < n:
        beside, why = None, ""
        try:
            beside = begun(range(first, min(first + size, n)))
        except torch.OutOfMemoryError as error:
            why = str(error).split(". ")[0]
        if beside is None:  # here, where the error no longer holds what has been computed
            if (size := min(size, n - first)) == 1:
                raise UsageError(
                    f"the GPU has not enough memory for one row: {why}. Use --device cpu, or end what else uses the GPU."
                )
            size //= 2
            torch.cuda.empty_cache()
            continue
        parts += [waiting()] if waiting else []
        waiting, first = beside, first + size
    return [*parts, *([waiting()] if waiting else [])]


def _kept(states: Iterator[Tensor], every: int | None) -> Callable[[], list[Tensor]]:
    """Waits for every `every`-th state from the first on, and always the last, on the CPU. Raises UsageError if the sampler yields none."""
    kept, last, number = [], None, -1
    for number, state in enumerate(states):
        last = state
        if every and number % every == 0:
            kept.append(brought_back(state))
    if last is None:
        raise UsageError(
            "the sampling method yields no state: it has to be a generator that yields x at each time, the sample last."
        )
    kept += [] if every and number % every == 0 else [brought_back(last)]
    return lambda: [wait() for wait in kept]


def sampler_of(how: Sampling) -> Sampler:
    """The sampler that was asked for, by name or as a function of the caller's own; if none was, the best measured one."""
    return sampler(default(how.steps) if how.method is None else how.method)


def times_of(model: "Model", how: Sampling) -> Tensor:
    """The times of a sample, (n + 1,) falling from 1 to 0: on the grid that was asked for, or else those of `samplers.plan`.

    If the target divides by alpha, sampling in few steps starts a little below t = 1: see `denoiser.Target.noisiest`.
    """
    chosen = sampler_of(how)
    if how.grid is not None:
        return grid(how.grid)(model.schedule, chosen.intervals(how.steps))
    times = plan(chosen, model.schedule, how.steps)
    if model.target.noisiest is not None:
        first = model.schedule.inverse(torch.tensor(model.target.noisiest, dtype=torch.float64))
        if times[1] < first < times[0]:
            times = torch.cat([first[None], times[1:]])
    return times


def _refuse_too_many(n: int, numbers: int) -> None:
    """Raise UsageError if n rows, each of `numbers` numbers, do not fit into the machine's memory."""
    needed, there = n * numbers * BYTES, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise UsageError(
            f"{n:,} samples take {needed / 1e9:,.0f} GB of memory, and this machine has {there / 1e9:,.0f}. "
            f"At most {there // (numbers * BYTES):,} fit at once: draw them in parts, each with its own seed."
        )


def refuse_noise(method: str) -> None:
    """Raise UsageError for a sampler that draws noise, because its path cannot be reversed."""
    if sampler(method).needs:
        raise UsageError(
            f"'{method}' draws noise, but only a deterministic sampler can go from data to noise and back. Use 'ddim'."
        )
