"""Makes networks by name from settings, and says how many rows they can process in a given amount of work.

>>> import torch
>>> make_network("mlp", {"dimension": 2, "width": 8})(torch.zeros(3, 2), torch.ones(1)).shape
torch.Size([3, 2])
"""

import inspect
import math
from collections.abc import Mapping
from typing import Any

from torch import nn

from unstir.conditions.base import Condition
from unstir.errors import UsageError, unknown
from unstir.networks.registry import NETWORKS
from unstir.seeds import globally

DECIDED = ("dimension", "shape", "channel_axis", "answers", "direct")  # settings that the rows and the target decide

WIDEST_DIRECT = 2048  # elements of rows that a network adds to each answer


def make_network(name: str, settings: Mapping[str, Any], condition: Condition | None = None, seed: int = 0) -> nn.Module:
    """A fresh network by name, initialised from the seed; the caller's random state does not change.

    Raises UsageError for an unknown name or setting, and for a setting that is out of range.
    """
    make, known = NETWORKS[name], parameters(name)
    for key in settings:
        if key not in known:
            raise unknown(f"setting of the {name} network", key, known)
    with globally(seed):
        return make(**settings, **({} if condition is None else {"condition": condition}))


def parameters(name: str) -> list[str]:
    """The parameter names of a network's constructor. Raises UsageError for an unknown network."""
    return list(inspect.signature(NETWORKS[name]).parameters)


def settings_for(
    name: str,
    chosen: Mapping[str, Any],
    space: tuple[int, ...],
    channel_axis: int | None,
    in_space: bool,
    answers: int = 1,
    direct: bool = False,
) -> dict[str, Any]:
    """The settings of a network: those of the `chosen` ones that its constructor names, and `DECIDED` for rows of shape `space`.

    `in_space` says whether rows lie in space, as images and sequences do. Raises UsageError if they do not and the network needs it, and
    if it should return several `answers` for each element and cannot. `direct` says whether a network that can is to add all elements to
    each answer; in wide rows that would be too many weights.
    """
    known = parameters(name)
    if answers > 1 and "answers" not in known:
        raise UsageError(
            f"--network.architecture {name} returns one number for each element, and this target needs {answers}. Use "
            f"{NETWORKS.default} or another network that has the setting answers, or another --diffusion.target."
        )
    if "channel_axis" in known and not in_space:
        raise UsageError(
            f"--network.architecture {name} is for images and sequences; a row here is {space}, numbers without neighbours. "
            f"Use {NETWORKS.default}, or say with --data.axes which axis is what."
        )
    decided = {"dimension": math.prod(space), "shape": list(space), "channel_axis": channel_axis}
    decided |= {"answers": answers} if answers > 1 else {}
    decided |= {"direct": True} if direct and math.prod(space) <= WIDEST_DIRECT else {}
    return {key: value for key, value in {**chosen, **decided}.items() if key in known}


def blocks(network: nn.Module) -> list[nn.Module]:
    """The parts of a network that run one after another and hold most of its weights: modules with a true `is_block`."""
    return [part for part in network.modules() if getattr(part, "is_block", False)]


def affordable(network: nn.Module, evaluations: int, work: float, fewest: int, most: int) -> int:
    """How many rows can go through a network `evaluations` times for `work` multiply-adds; at least `fewest`, at most `most`.

    >>> from unstir.networks.mlp import MLP
    >>> from unstir.networks.unet import UNet
    >>> affordable(MLP(2), 20, 1e9, 100, 5000), affordable(UNet((28, 28)), 20, 1e9, 100, 5000)
    (598, 100)
    """
    return int(min(most, max(fewest, work // (evaluations * operations(network)))))


def operations(network: nn.Module) -> int:
    """The multiply-adds that a network takes for a row, at least one: its attribute `operations`, or else the number of its weights."""
    return max(1, getattr(network, "operations", sum(w.numel() for w in network.parameters())))
