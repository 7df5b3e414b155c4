"""A time is a promise: the end of a training is moved as it goes, so that all of its work ends when it was asked to.

    left  = the time that is left - what comes after training                         (scores, pictures, the model's own curves)
    N     = k + steps that fit into `left`, each as long as the recent ones           (`cost`, which keeps time for looks, too)       (1)
    after = after_0 step / step_0                                                     what slows a step down slows scores down, too   (2)

After step k the end is moved to N if that differs by more than 1 % of the time, at most once in 2 % of the time. `recipe` has what becomes of
the learning rate then, and `keeping` what becomes of the looks. A decision depends on clocks, and nothing else in training does: it is a
pair (k, N), which the record of the run keeps. With the same decisions, a run is the same to the bit.

>>> allowance = Allowance(60.0)
>>> 58 < allowance.left < 59          # of 60 s, where nothing comes after training
True
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unstir.training.config import MOST_STEPS
from unstir.training.cost import STEADY, Cost
from unstir.training.pace import Pace
from unstir.training.recipe import Decision

WINDOW, SHORTEST = (
    0.1,
    2.0,
)  # of the time, and in seconds: the recent steps that a decision looks at. A short stall is no reason to end
OFTEN, MATTERS = 0.02, 0.01  # of the time: between two decisions, and by how much the end has to be off for one


@dataclass
class Allowance:
    """The seconds that all of a run may take, since `began` on the clock `time.monotonic`.

    `spent` seconds were spent before that, by the same run. `after`: seconds that are kept for what comes after training, as it was
    predicted when a step took `step` seconds. `effort`: the share of the usual work that the model's curves and scores are worth.
    """

    seconds: float
    began: float = field(default_factory=time.monotonic)
    spent: float = 0.0
    after: float = 0.0
    step: float = 0.0
    effort: float = 1.0
    look: float = 0.0
    decided: float = 0.0

    def __post_init__(self):
        self.pace, self.fresh = Pace(max(SHORTEST, WINDOW * self.seconds)), True

    @property
    def used(self) -> float:
        """Seconds used so far."""
        return self.spent + time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds left for training, by (1) and (2)."""
        slower = self.pace.seconds / self.step if self.step and self.pace.known else 1.0
        return STEADY * self.seconds - self.used - slower * self.after

    def looked(self, seconds: float) -> None:
        """An evaluation on the held-out sets took so long."""
        self.look = seconds
        self.pace.without(seconds)

    def begin(self) -> None:
        """Training begins now, or goes on after a pause."""
        self.pace, self.decided, self.fresh = Pace(self.pace.window), self.used, True

    def decide(self, k: int, steps: int) -> Decision | None:
        """After step k of `steps`: whether the end is moved, by (1)."""
        if self.fresh:  # the first step takes longer, because it sets things up
            self.pace, self.fresh = Pace(self.pace.window), False
            return None
        self.pace.step()
        used, step, left = self.used, self.pace.seconds, self.left
        if used - self.decided < OFTEN * self.seconds:
            return None
        fit = Cost(step, self.look, 0).steps(left) if left > self.look + step else 0
        found = min(k + fit, MOST_STEPS)
        if found == steps or abs(found - steps) * step < MATTERS * self.seconds:
            return None
        self.decided = used
        return Decision(k, found, used, step)

    def as_json(self) -> dict[str, Any]:
        """What a resumed run has to know."""
        return {name: getattr(self, name) for name in ("seconds", "after", "step", "look", "effort")}


def of_json(held: Mapping[str, Any], began: float) -> Allowance:
    """The allowance that had this `as_json()`, in a process that began then."""
    return Allowance(**held, began=began)
