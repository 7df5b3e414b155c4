"""What a given time buys: the number of steps, and what else the preset chooses for a run of so many.

    1. a few steps of the run as it would be are measured, and as many are planned as fit into the time
    2. where the preset chooses something else for so many steps, such as another size, the run is changed, and measured again

>>> from unstir.training.config import flat
>>> from unstir.training.presets import settle
>>> from unstir.data import toy
>>> data, layer = toy("moons", 300, seed=0), flat(width=8)
>>> chosen, cost = bought(lambda config: Fitting(data, config), data, [layer], seconds=1.0, measured=0.1)
>>> chosen["optim"]["steps"] > 10, cost.seconds(chosen["optim"]["steps"]) < 1.1
(True, True)
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unstir.data import Data
from unstir.errors import UsageError
from unstir.steady import steady
from unstir.training.config import MOST_STEPS, Config, merge
from unstir.training.cost import Cost, rehearse
from unstir.training.fitting import Fitting
from unstir.training.presets import preset, settle
from unstir.words import number

MEASURED = 2.0  # seconds spent on measuring steps

Settings = Mapping[str, Any]
"""Settings by section and name, as in {"optim": {"lr": 0.001}}."""


@steady
def bought(
    make: Callable[[Config], Fitting], data: Data, layers: Sequence[Settings], seconds: float, measured: float = MEASURED
) -> tuple[dict[str, Any], Cost]:
    """The settings that a time decides, and the cost of the run with them.

    `make` makes the run with given settings, without training. `layers` are the settings that override the preset of the data; nothing
    in them is changed. `seconds`: the time for training; `measured`: seconds that a measurement takes. Raises UsageError if more than
    `MOST_STEPS` steps fit.
    """
    cost = rehearse(make(settle(data, *layers)), measured)
    steps = _steps(cost, seconds)
    before, after, asked = preset(data, *layers), preset(data, *layers, steps), merge(*layers)
    changed: dict[str, Any] = {}
    for section, held in after.items():
        for name, value in held.items():
            if value != before.get(section, {}).get(name) and name not in asked.get(section, {}):
                changed.setdefault(section, {})[name] = value
    if changed:
        cost = rehearse(make(settle(data, *layers, changed)), measured)
        steps = _steps(cost, seconds)
    return merge(changed, steps), cost


def _steps(cost: Cost, seconds: float) -> dict[str, Any]:
    found = cost.steps(seconds)
    if found > MOST_STEPS:
        raise UsageError(f"more than {MOST_STEPS:,} steps fit into {number(seconds / 60, 3)} minutes. Give less time.")
    return {"optim": {"steps": found}}
