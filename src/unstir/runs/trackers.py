"""Trackers: who is told how training goes. `metrics.jsonl` is always one of them, and stays the truth; others may be added.

A tracker is a class that is made of the run and has three methods. TensorBoard, say, would be one file with such a class, and one row
in `TRACKERS`, "module:attribute", which is imported when it is first used: listing the names costs no torch.

    >>> class Printed:
    ...     def __init__(self, run): ...
    ...     def log(self, row): print(row["step"], row["loss"])
    ...     def rewind(self, step): ...
    ...     def close(self): ...
    >>> tracker: Tracker = TRACKERS.add("printed", Printed)(None)
    >>> tracker.log({"step": 1, "loss": 0.5})
    1 0.5
    >>> TRACKERS.remove("printed")
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from unstir.registry import Registry

if TYPE_CHECKING:
    from unstir.runs.folder import Run


class Tracker(Protocol):
    """What training on the record calls, in this order: `rewind` where a run goes on, `log` for each logged row, `close` at the end."""

    def log(self, row: dict[str, Any]) -> None:
        """Take one row: "step", "loss", "lr", "seconds", and where held-out rows were looked at also "held_out" and others."""

    def rewind(self, step: int) -> None:
        """Forget the rows after that step: training goes on from there, and they will be logged again."""

    def close(self) -> None:
        """Training has ended, or was stopped: write what is not written yet."""


TRACKERS: Registry[Callable[["Run"], Tracker]] = Registry(
    "tracker", {"metrics": "unstir.runs.metrics:Metrics"}, default="metrics"
)
"""Known trackers by name; the default one is always on."""
