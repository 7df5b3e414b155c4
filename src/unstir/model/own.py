"""Parts of the caller's own: objects in place of names, in training and when a model is loaded again.

    model = unstir.fit(x, network=MyNetwork(), schedule=MySchedule())
    model.save("m"); unstir.load("m", network=MyNetwork(), schedule=MySchedule())

A folder says that a part was somebody's own, and its numbers; the part itself comes from the caller. Nothing in a folder is ever run.
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
    """What the caller brings: a network `(x, t, cond) -> like x`, a schedule, a target, a class of encoder, a condition."""

    network: nn.Module | None = None
    schedule: Schedule | None = None
    target: Target | None = None
    encoder: type[Encoder] | None = None
    condition: Condition | None = None

    @property
    def parts(self) -> dict[str, Any]:
        """Those that are given, by name."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}


NOTHING_OWN = Own()


def called(part: Any) -> str:
    """What a card calls a part of the caller's own: the name that it gives itself, or else that of its class.

    >>> called(NOTHING_OWN)
    'Own'
    """
    names = (getattr(part, name, None) for name in ("name", "kind", "__name__"))
    return next((name for name in names if isinstance(name, str) and name.isidentifier()), type(part).__name__)[:39]
