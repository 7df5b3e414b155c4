"""What a given time buys: the number of steps, and what else the preset chooses for a run of so many.

    1. a few steps of the run as it would be are measured, and as many are planned as fit into the time
    2. where the preset chooses something else for so many steps, such as another size, the run is changed, and measured again

The plan is the first one: as the run goes, its end is moved, so that the time is kept (`training.allowance`).

>>> from unstir.training.config import flat
>>> from unstir.training.presets import settle
>>> from unstir.data import toy
>>> data, layer = toy("moons", 300, seed=0), flat(width=8)
>>> chosen, cost = bought(lambda config: Fitting(data, config), data, [layer], seconds=9.0, measured=0.1)
>>> chosen["optim"]["steps"] > 10, cost.seconds(chosen["optim"]["steps"]) < 9.1
(True, True)
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from unstir.data import Data
from unstir.errors import UsageError
from unstir.steady import steady
from unstir.training.allowance import Allowance
from unstir.training.config import MOST_STEPS, Config, merge
from unstir.training.cost import STEADY, Cost, rehearse
from unstir.training.fitting import Fitting
from unstir.training.presets import preset, settle
from unstir.words import number

MEASURED = 2.0  # seconds spent on measuring steps

KEPT = 0.25  # of the time is kept for what comes after training at most, if less work can do that
EFFORTS = (1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16)

Settings = Mapping[str, Any]
"""Settings by section and name, as in {"optim": {"lr": 0.001}}."""


class Ending(NamedTuple):
    """What comes after training: the share of the usual work that is done, and the seconds that it takes."""

    effort: float
    seconds: float


Ends = Callable[[Fitting, Cost, float], Ending]
"""What comes after the training of a run, by its cost and the seconds that all of it may take."""


def with_effort(fitting: Fitting, seconds: float, takes: Callable[[float], float]) -> Ending:
    """The largest effort for which an ending takes a quarter of so many seconds; `takes` says how long it takes. The fitting has it then."""
    found = Ending(1.0, 0.0)
    for effort in EFFORTS:
        fitting.effort = effort
        found = Ending(effort, takes(effort))
        if found.seconds <= KEPT * seconds:
            break
    return found


def curves(fitting: Fitting, cost: Cost, seconds: float) -> Ending:
    """What comes after the training of `unstir.fit`: the curves of the model."""
    row = cost.look / fitting.rows_of_a_look
    return with_effort(fitting, seconds, lambda _: row * fitting.rows_of_the_curves)


@steady
def promised(
    make: Callable[[Config], Fitting], data: Data, layers: Sequence[Settings], allowance: Allowance, ends: Ends
) -> tuple[dict[str, Any], Cost]:
    """As `bought`, with all that is left of an allowance, which then knows what a step takes, and what has to be kept for the end."""

    def after(fitting: Fitting, cost: Cost) -> float:
        allowance.step, allowance.look = cost.step, cost.look
        allowance.effort, allowance.after = ends(fitting, cost, allowance.seconds)
        return allowance.after

    return bought(make, data, layers, STEADY * allowance.seconds - allowance.used, after=after)


@steady
def bought(
    make: Callable[[Config], Fitting],
    data: Data,
    layers: Sequence[Settings],
    seconds: float,
    measured: float = MEASURED,
    after: Callable[[Fitting, Cost], float] = lambda *_: 0.0,
) -> tuple[dict[str, Any], Cost]:
    """The settings that a time decides, and the cost of the run with them.

    `make` makes the run with given settings, without training. `layers` are the settings that override the preset of the data; nothing
    in them is changed. `seconds`: the time that there is, from now on; `measured`: seconds that a measurement takes, and a fiftieth of the
    time at most. `after`: the seconds of it that come after training, for a run and its cost. Raises UsageError if more than `MOST_STEPS`
    steps fit.
    """
    began = time.monotonic()

    def fitted(*layers: Settings) -> tuple[Cost, dict[str, Any]]:
        fitting = make(settle(data, *layers))
        cost = rehearse(fitting, min(measured, max(seconds, 0.0) / 50))
        kept = after(fitting, cost)
        return cost, _steps(cost, seconds - (time.monotonic() - began) - kept)

    cost, steps = fitted(*layers)
    before, then, asked = preset(data, *layers), preset(data, *layers, steps), merge(*layers)
    changed: dict[str, Any] = {}
    for section, held in then.items():
        for name, value in held.items():
            if value != before.get(section, {}).get(name) and name not in asked.get(section, {}):
                changed.setdefault(section, {})[name] = value
    if changed:
        cost, steps = fitted(*layers, changed)
    return merge(changed, steps), cost


def _steps(cost: Cost, seconds: float) -> dict[str, Any]:
    found = cost.steps(seconds)
    if found > MOST_STEPS:
        raise UsageError(f"more than {MOST_STEPS:,} steps fit into {number(seconds / 60, 3)} minutes. Give less time.")
    return {"optim": {"steps": found}}
