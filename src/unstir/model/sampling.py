"""The settings of sampling: one frozen value that the library, the command line and the report pass on.

    model.sample(1000, steps=10)
    model.sample(1000, how=Sampling(steps=10))      the same
    model.sample(1000, how=other, steps=10)         the settings of `other`, but 10 steps

This module does not import torch, so that `unstir sample --help` is quick.

    >>> Sampling(steps=10).changed(guidance=2.0).guidance
    2.0
    >>> Sampling().changed(step=10)
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: unknown sampling setting 'step': did you mean 'steps'? Known: batch_size, complete, grid, guidance, interval, ...
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from unstir.errors import UsageError, unknown

PARTICLES = 4096  # of a row at most
LONGEST = 100_000  # network evaluations of a sample at most

Method = str | Callable[..., Any]
"""A sampler by name, or a function `(denoise, schedule, times, x) -> states` of your own."""


@dataclass(frozen=True)
class Sampling:
    """How samples are drawn. Raises UsageError for a setting that is out of its range.

    `steps`: network evaluations. `method`: a sampler by name, or your own; None is the best measured one for that many steps.
    `guidance`: scale of classifier-free guidance; 1 is the conditional model, more follows the condition more closely.
    `interval`: (low, high) log-SNR inside which guidance acts; None is everywhere. `seed` decides everything random.
    `batch_size`: rows that go through the network at once; it changes no sample. `grid`: the times of the steps, by name; None is the
    best grid for the method. `complete`: rows of a table are drawn given that no cell is missing. `particles`: where a part of each row is
    known, from how many tries each is drawn; None is as many as suit the model, and one with a `method`.
    """

    steps: int = 20
    method: Method | None = None
    guidance: float = 1.0
    interval: tuple[float, float] | None = None
    seed: int = 0
    batch_size: int | None = None
    grid: str | None = None
    complete: bool = False
    particles: int | None = None

    def __post_init__(self):
        if self.batch_size is not None and self.batch_size < 1:
            raise UsageError(f"batch_size = {self.batch_size}: at least 1 row goes through the network at once.")
        if self.particles is not None and not 1 <= self.particles <= PARTICLES:
            raise UsageError(f"particles = {self.particles}: each row takes from 1 to {PARTICLES:,}.")
        if self.steps > LONGEST:
            raise UsageError(
                f"asked for {self.steps:,} evaluations; {LONGEST:,} is the most. 20 are usually enough; the paper's chain takes 1,000."
            )
        if self.interval is not None and self.guidance == 1:
            raise UsageError(
                "an interval says where guidance acts, but guidance 1 has no effect. Set guidance above 1, or leave out the interval."
            )

    def changed(self, **settings: Any) -> "Sampling":
        """A copy with some settings changed. Raises UsageError for an unknown setting."""
        known = [field.name for field in fields(self)]
        for name in settings:
            if name not in known:
                raise unknown("sampling setting", name, known)
        return replace(self, **settings)
