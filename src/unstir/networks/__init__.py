"""Networks: `(x, t, cond) -> like x`. They know nothing of diffusion and import only torch.

>>> make_network("mlp", {"dimension": 2, "width": 8})(torch.zeros(3, 2), torch.ones(1)).shape
torch.Size([3, 2])
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from unstir.errors import unknown
from unstir.networks import dit, mlp, unet
from unstir.networks.dit import DiT
from unstir.networks.mlp import MLP
from unstir.networks.unet import UNet

NETWORKS: dict[str, Callable[..., nn.Module]] = {"mlp": MLP, "unet": UNet, "dit": DiT}
BLOCKS = (mlp.Block, unet.Block, dit.Block)


def make_network(name: str, settings: Mapping[str, Any], seed: int = 0) -> nn.Module:
    """A fresh network of that name, initialised from the seed; the caller's random state stays as it was.

    Raises UsageError for an unknown name or setting, and for a setting that is out of its range.
    """
    if name not in NETWORKS:
        raise unknown("network", name, NETWORKS)
    known = inspect.signature(NETWORKS[name]).parameters
    for key in settings:
        if key not in known:
            raise unknown(f"setting of the {name} network", key, known)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NETWORKS[name](**settings)


def blocks(network: nn.Module) -> list[nn.Module]:
    """The parts of a network that run one after another, and hold most of its weights."""
    return [part for part in network.modules() if isinstance(part, BLOCKS)]


def affordable(network: nn.Module, evaluations: int, work: float, fewest: int, most: int) -> int:
    """How many rows can go through a network that often for `work` multiply-adds: at least `fewest`, at most `most`.

    A network that does not say how many `operations` a row takes counts one a weight.

    >>> affordable(MLP(2), 20, 1e9, 100, 5000), affordable(UNet((28, 28)), 20, 1e9, 100, 5000)
    (598, 100)
    """
    operations = getattr(network, "operations", sum(w.numel() for w in network.parameters()))
    return int(min(most, max(fewest, work // (evaluations * max(operations, 1)))))
