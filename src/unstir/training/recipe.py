"""How the network is trained: the settings of the optimiser, its learning rate, and the average of the weights.

average_k = average_{k-1} + (1 - d_k) (weights - average_{k-1}),  d_k = min(ema, (1 + k) / (10 + k))   (1)

A run that has a time (`training.allowance`) may plan its end anew as it goes. If the end was moved to N_i after step k_i, with k_0 = 0, the
angle of the learning rate's half cosine goes on from where it is, and in even steps to pi at the new end:

angle_k = angle_{k_i} + (pi - angle_{k_i}) (k - k_i) / (N_i - k_i),   k_i <= k <= k_{i+1}                (2)

So the rate never jumps, and it ends at its end, wherever that is.

>>> Recipe(steps=100, warmup=10, lr=1.0).rate(4), ema_decay(0, 0.998)
(0.498..., 0.1)
>>> Recipe(steps=100).again(50, 60).share(50), Recipe(steps=100).again(50, 60).share(55)     # half, and half of the rest
(0.5, 0.75)
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from unstir.errors import UsageError
from unstir.networks.rates import warm_up_then_fall

ADAMW, MUON = "adamw", "muon"  # values of `optimiser`: `training.optimisers`
AUTO, ON, OFF = "auto", "on", "off"  # values of `capture` and `compile`
WHOLE, SHARDED = "none", "full"  # values of `sharding`: each of several processes keeps all weights, or a part of them


class Decision(NamedTuple):
    """After step `after` the end was moved to `steps`. By then so many seconds were `spent`, and a `step` took so many of them."""

    after: int
    steps: int
    spent: float
    step: float


@dataclass(frozen=True)
class Recipe:
    """The settings of the optimiser, as in `training.config.Optim`. Raises UsageError for Muon with weights that are split up.

    `steps` is where training ends as it is planned now, and `plans` all (k_i, N_i) of (2); none if the end was never moved.
    """

    steps: int = 2000
    batch_size: int = 256
    optimiser: str = ADAMW
    lr: float = 3e-3
    warmup: int = 100
    weight_decay: float = 0.0
    clip: float = 1.0
    ema: float = 0.998
    drop_condition: float = 0.1
    seed: int = 0
    precision: str = "float32"
    sharding: str = WHOLE
    keep: str = "best"
    capture: str = AUTO
    compile: str = AUTO
    plans: tuple[tuple[int, int], ...] = ()

    def __post_init__(self):
        if self.optimiser == MUON and self.sharding == SHARDED:
            raise UsageError(
                f"--optim.optimiser {MUON} needs whole matrices, and with --optim.sharding {SHARDED} each process holds a part of every "
                f"matrix. Use --optim.optimiser {ADAMW}, or --optim.sharding {WHOLE}."
            )

    def again(self, after: int, steps: int) -> "Recipe":
        """The same recipe with its end moved to `steps`, which is decided after that step."""
        return replace(self, steps=steps, plans=(*(self.plans or ((0, self.steps),)), (after, steps)))

    def rate(self, k: int) -> float:
        """The learning rate of step k = 0, 1, ...: `networks.rates`, with the angle of (2)."""
        return warm_up_then_fall(k, self.lr, self.warmup, self._angle(k))

    def share(self, k: int) -> float:
        """How far the plan has come before step k = 0, 1, ...: angle_k / pi of (2), in steps where the end was never moved."""
        return self._angle(k) / math.pi

    def _angle(self, k: int) -> float:
        angle, since, end = next(turn for turn in reversed(self._turns) if turn[1] <= k)
        return angle + (math.pi - angle) * (k - since) / max(1, end - since)

    @cached_property
    def _turns(self) -> list[tuple[float, int, int]]:
        """The angle at each k_i, with k_i and N_i."""
        plans = self.plans or ((0, self.steps),)
        angle, found = 0.0, [(0.0, plans[0][0], plans[0][1])]
        for (since, end), (then, new_end) in pairwise(plans):
            angle += (math.pi - angle) * (then - since) / max(1, end - since)
            found.append((angle, then, new_end))
        return found


def ema_decay(k: int, ema: float) -> float:
    """d_k of (1): at first smaller than `ema`, so that the average soon forgets the initial weights."""
    return min(ema, (1 + k) / (10 + k))
