"""Which weights become the model, and when more steps are no use. Both are decided by looks: evaluations on the held-out rows.

    looks          after the steps n, 2 n, 3 n, ... and the last,  n = steps / looks,  and after n / 2, n / 4, ...        (1)
                   where the end is moved, the steps left over the looks left are the new n
    the model      the averaged weights of the last look within 0.2 % of the lowest held-out loss, or those of the last step      (2)
    training ends  when a look that is late enough after that one is 1 % above the lowest loss: a quarter of the planned steps later,
                   or, if that is sooner, four times as many steps later as the best one took, and at least 1,000                 (3)

A small table shows why: with 178 rows of 13 columns the held-out loss falls for 150 steps and then rises by a third, because the network
begins to memorise its rows. The loss that is looked at has fixed rows, times and noise, so equal weights have equal losses. By (3) a loss that
stays level does not end training: with the learning rate it may still fall. The early looks of (1) are for a small table that was given
much time, whose best steps may all come before n. They go down to 100 steps, and are a quarter of all looks at most. The rule knows only
steps and losses, which a checkpoint holds. Where a coupling pairs rows with noise, the last weights are kept: held-out rows are not paired,
and their loss rises with good pairs.

    >>> keeping = Keeping(BEST, steps=100, looks=10)
    >>> for step, loss in (10, 0.9), (20, 0.8), (30, 0.85), (40, 0.9), (50, 0.9):
    ...     keeping.see(step, HeldOut(None, loss, 1.0, None, None, None, None), dict)
    >>> keeping.best.step, keeping.over
    (20, True)
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from unstir.training.held_out import HeldOut, of_json
from unstir.words import number

BEST, LAST = "best", "last"  # values of the setting `keep`
PATIENCE = 0.25  # of the planned steps
AGAIN, PATIENT = 4, 1000  # times the steps of the best look, and at least so many steps
SOONEST, EARLY = 100, 0.25  # the step before which there is no early look, and their share of the looks at most
RISEN = 1.01  # times the lowest loss: from there on a loss has risen
LEVEL = 1.002  # times the lowest loss: down from there, later weights are preferred, because the learning rate has fallen further
PREFIX = "kept."  # of a kept tensor in a checkpoint


class Look(NamedTuple):
    """An evaluation on the held-out rows, and the step after which it was made."""

    step: int
    seen: HeldOut


class Keeping:
    """What the looks of a training have found: the best one with its weights, and the newest.

    `weights` is a state_dict on the CPU; it is empty before the first look, and where `keep` is "last".
    """

    def __init__(self, keep: str, steps: int, looks: int):
        self.keep, self.steps, self.every = keep, steps, max(1, steps // looks)
        self.since, self.moved = 0, False
        halved = (self.every >> k for k in range(1, 1 + int(EARLY * looks)))
        self.early = {step for step in halved if step >= SOONEST}
        self.best: Look | None = None
        self.newest: Look | None = None
        self.lowest = math.inf
        self.weights: dict[str, Tensor] = {}

    def due(self, step: int) -> bool:
        """Whether there is a look after this step, by (1)."""
        soon = self.moved and self.steps - step < self.every // 2  # then the last look is near enough
        return ((step - self.since) % self.every == 0 and not soon) or step == self.steps or step in self.early

    def again(self, after: int, steps: int, looks: int) -> None:
        """The end is moved to `steps` after that step, and so many looks are left; the next is n steps after the last, or now."""
        last = after - (after - self.since) % self.every
        self.steps, self.every = steps, max(1, (steps - after) // looks)
        self.since, self.moved = max(last, after - self.every), True

    def see(self, step: int, seen: HeldOut, averaged: Callable[[], Mapping[str, Tensor]]) -> None:
        """Take in a look. If it is the best by (2), the `averaged` weights are copied."""
        self.newest = Look(step, seen)
        if seen.loss < self.lowest:
            self.lowest = seen.loss
        if self.best is None or seen.loss <= LEVEL * self.lowest or math.isnan(self.best.seen.loss):
            self.best = self.newest
            if self.keep == BEST:
                self.weights = {name: value.detach().to("cpu", copy=True) for name, value in averaged().items()}

    @property
    def risen(self) -> bool:
        """Whether the newest loss is above the lowest by a per cent or more."""
        return self.best is not None and self.newest is not None and self.newest.seen.loss >= RISEN * self.lowest

    @property
    def over(self) -> bool:
        """Whether training ends here, by (3)."""
        if self.keep == LAST or self.best is None or self.newest is None:
            return False
        patience = min(PATIENCE * self.steps, max(PATIENT, AGAIN * self.best.step))
        return self.risen and self.newest.step - self.best.step >= patience

    @property
    def chosen(self) -> Look | None:
        """The look at the weights that are the model; None before the first."""
        return self.newest if self.keep == LAST else self.best

    @property
    def said(self) -> str:
        """Of which step the model is and why, in a sentence or three; "" if it is the last one, and the best."""
        best, newest = self.best, self.newest
        if best is None or newest is None or best.step == newest.step:
            return ""
        found = f"held-out loss was best at step {best.step:,} ({number(best.seen.loss)})"
        if self.keep == LAST:
            return f"{found} and is {number(newest.seen.loss)} at step {newest.step:,}, of which the model is."
        if not self.risen:
            return f"{found}; the model is of that step."
        ended = f" Training ended at step {newest.step:,} of {self.steps:,}." if newest.step < self.steps else ""
        found += f" and has risen since, to {number(newest.seen.loss)}; the model is of that step."
        return f"{found}{ended} More rows, not more steps, would help."

    def tensors(self) -> dict[str, Tensor]:
        """The kept weights, as a checkpoint holds them."""
        return {PREFIX + name: value for name, value in self.weights.items()}

    def document(self) -> dict[str, Any]:
        """Both looks and the lowest loss as JSON, as a checkpoint holds them."""
        looks = (("best", self.best), ("newest", self.newest))
        held: dict[str, Any] = {name: look and {"step": look.step, "seen": look.seen.as_json()} for name, look in looks}
        return held | {"lowest": self.lowest if math.isfinite(self.lowest) else None}

    def restore(self, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
        """Go back to where `tensors()` and `document()` were these. Raises KeyError if something is missing."""
        self.best, self.newest = (
            document[name] and Look(document[name]["step"], of_json(document[name]["seen"])) for name in ("best", "newest")
        )
        self.lowest = math.inf if document["lowest"] is None else document["lowest"]
        self.weights = {name.removeprefix(PREFIX): value.clone() for name, value in tensors.items() if name.startswith(PREFIX)}
        if self.keep == BEST and self.best is not None and not self.weights:
            raise KeyError("kept weights")
