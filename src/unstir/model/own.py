"""Parts of the caller's own: objects in place of names, in training and when a model is loaded again.

    model = unstir.fit(x, network=MyNetwork(), schedule=MySchedule())
    model.save("m"); unstir.load("m", network=MyNetwork(), schedule=MySchedule())

A folder records that a part was the caller's own, and keeps its tensors. The code comes from the caller, because nothing in a folder is
ever executed.
"""

from dataclasses import dataclass, fields
from typing import Any

from torch import nn

from unstir.conditions.base import Condition
from unstir.diffusion.denoiser import Target
from unstir.diffusion.schedules import Schedule
from unstir.encoders.base import Encoder


@dataclass(frozen=True)
class Own:
    """The parts that the caller brings: a network `(x, t, cond) -> like x`, a schedule, a target, an `Encoder` class, a condition."""

    network: nn.Module | None = None
    schedule: Schedule | None = None
    target: Target | None = None
    encoder: type[Encoder] | None = None
    condition: Condition | None = None

    @property
    def parts(self) -> dict[str, Any]:
        """The parts that were given, by name."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}


NOTHING_OWN = Own()


def called(part: Any) -> str:
    """The name of a caller's part on a card: its own `name`, `kind` or `__name__` if it has one, else the name of its class.

    >>> called(NOTHING_OWN)
    'Own'
    """
    names = (getattr(part, name, None) for name in ("name", "kind", "__name__"))
    return next((name for name in names if isinstance(name, str) and name.isidentifier()), type(part).__name__)[:39]
