"""How to sample: one frozen value that the library, the command line and the report pass on.

    model.sample(1000, steps=10)                    the same as
    model.sample(1000, how=Sampling(steps=10))      and, given another,
    model.sample(1000, how=other, steps=10)         `other` with 10 steps

It needs no torch, so that the command line can describe itself without it.

    >>> Sampling(steps=10).changed(guidance=2.0).guidance
    2.0
    >>> Sampling().changed(step=10)
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: unknown sampling setting 'step': did you mean 'steps'? Known: batch_size, grid, guidance, interval, ...
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from unstir.errors import UsageError, unknown

LONGEST = 100_000  # network evaluations of a sample

Method = str | Callable[..., Any]
"""A sampler by name, or a function `(denoise, schedule, times, x) -> states` of your own."""


@dataclass(frozen=True)
class Sampling:
    """How samples are drawn. Raises UsageError for a setting that is out of its range.

    `steps`: network evaluations. `method`: a sampler by name, or your own; without, the best measured one for that many steps.
    `guidance`: 1 is the conditional model, more is more of what is given; inside `interval`, log-SNR from low to high, if there is one.
    `seed` decides everything random. `batch_size`: rows that go through the network at once; it changes no sample.
    `grid`: the times to step on, by name, if not the method's own best ones.
    """

    steps: int = 20
    method: Method | None = None
    guidance: float = 1.0
    interval: tuple[float, float] | None = None
    seed: int = 0
    batch_size: int | None = None
    grid: str | None = None

    def __post_init__(self):
        if self.batch_size is not None and self.batch_size < 1:
            raise UsageError(f"batch_size = {self.batch_size}: at least 1 row goes through the network at once.")
        if self.steps > LONGEST:
            raise UsageError(
                f"asked for {self.steps:,} evaluations; {LONGEST:,} is the most. 20 do for most, 1,000 for the paper's chain."
            )
        if self.interval is not None and self.guidance == 1:
            raise UsageError(
                "an interval says where to guide, and guidance 1 guides nowhere. Give guidance too, or leave it out."
            )

    def changed(self, **settings: Any) -> "Sampling":
        """The same with some settings changed. Raises UsageError for an unknown one."""
        known = [field.name for field in fields(self)]
        for name in settings:
            if name not in known:
                raise unknown("sampling setting", name, known)
        return replace(self, **settings)
