"""How the network is trained: the settings of the optimiser, its learning rate, and the average of the weights.

average_k = average_{k-1} + (1 - d_k) (weights - average_{k-1}),  d_k = min(ema, (1 + k) / (10 + k))   (1)

>>> Recipe(steps=100, warmup=10, lr=1.0).rate(4), ema_decay(0, 0.998)
(0.498..., 0.1)
"""

from dataclasses import dataclass

from unstir.errors import UsageError
from unstir.networks.rates import warm_up_then_cosine

ADAMW, MUON = "adamw", "muon"  # values of `optimiser`: `training.optimisers`
AUTO, ON, OFF = "auto", "on", "off"  # values of `capture` and `compile`
WHOLE, SHARDED = "none", "full"  # values of `sharding`: each of several processes keeps all weights, or a part of them


@dataclass(frozen=True)
class Recipe:
    """The settings of the optimiser, as in `training.config.Optim`. Raises UsageError for Muon with weights that are split up."""

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

    def __post_init__(self):
        if self.optimiser == MUON and self.sharding == SHARDED:
            raise UsageError(
                f"--optim.optimiser {MUON} needs whole matrices, and with --optim.sharding {SHARDED} each process holds a part of every "
                f"matrix. Use --optim.optimiser {ADAMW}, or --optim.sharding {WHOLE}."
            )

    def rate(self, k: int) -> float:
        """The learning rate of step k = 0, 1, ...: `networks.rates`."""
        return warm_up_then_cosine(k, self.lr, self.warmup, self.steps)


def ema_decay(k: int, ema: float) -> float:
    """d_k of (1): at first smaller than `ema`, so that the average soon forgets the initial weights."""
    return min(ema, (1 + k) / (10 + k))
