"""Parts of the caller's own: objects in place of names, in training and when a model is loaded again.

    model = unstir.fit(x, network=MyNetwork(), schedule=MySchedule())
    model.save("m"); unstir.load("m", network=MyNetwork(), schedule=MySchedule())

A folder records that a part was the caller's own, and keeps its tensors. The code comes from the caller, because nothing in a folder is
ever executed. A target, a kind of encoder or a kind of condition that was added to its table has a name, so its model loads by that name.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from torch import nn

from unstir.conditions.base import Condition
from unstir.conditions.registry import CONDITIONS
from unstir.diffusion.denoiser import Target
from unstir.diffusion.registry import TARGETS
from unstir.diffusion.schedules import Schedule
from unstir.encoders.base import Encoder
from unstir.encoders.registry import ENCODERS
from unstir.errors import UsageError
from unstir.registry import Registry

TABLES: dict[str, Registry[Any]] = {"target": TARGETS, "encoder": ENCODERS, "condition": CONDITIONS}
"""Of the parts that a name, with the settings in a model's card, says whole. A network or a schedule is an object with numbers of its own."""

WANTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "network": (lambda value: isinstance(value, nn.Module), "a torch.nn.Module, made and not its class"),
    "schedule": (lambda value: isinstance(value, Schedule), "a diffusion.Schedule, made and not its class"),
    "target": (lambda value: isinstance(value, Target), "a diffusion.Target"),
    "encoder": (
        lambda value: isinstance(value, type) and issubclass(value, Encoder),
        "a class, of encoders.Encoder, which is fitted to the rows",
    ),
    "condition": (lambda value: isinstance(value, Condition), "a conditions.Condition, made and not its class"),
}
"""Whether a value is a part of that kind, and what one is, in words."""


@dataclass(frozen=True)
class Own:
    """The parts that the caller brings: a network `(x, t, cond) -> like x`, a schedule, a target, an `Encoder` class, a condition.

    Raises UsageError for a part of the wrong kind, such as a class instead of an object.
    """

    network: nn.Module | None = None
    schedule: Schedule | None = None
    target: Target | None = None
    encoder: type[Encoder] | None = None
    condition: Condition | None = None

    def __post_init__(self):
        for name, value in self.parts.items():
            fits, what = WANTED[name]
            if not fits(value):
                raise UsageError(f"{name}={value!r:.60}: a {name} of your own is {what}.")
        if self.network is not None and any(w.is_meta for w in self.network.parameters()):
            raise UsageError("the network's weights are on torch's meta device, which holds no numbers. Make it on the CPU.")

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


def has_name(part: str, value: Any) -> bool:
    """Whether a value is the row of its table that it calls itself, or of the class in that row: it need not be brought to load a model.

    >>> from unstir.diffusion.denoiser import EPS
    >>> has_name("target", EPS), has_name("target", Target("eps", EPS.coefficients, times="log_normal"))
    (True, False)
    """
    table, name = TABLES.get(part, {}), called(value)
    return name in table and any(row is table[name] for row in (value, type(value)))
