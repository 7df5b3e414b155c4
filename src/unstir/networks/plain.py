"""The weights of a network under their plain names and in float32, whatever has been wrapped around it since it was made.

torch.compile(network)       _orig_mod.enter.weight     ->  enter.weight
DataParallel(network)        module.enter.weight        ->  enter.weight
a compiled block             blocks.0._orig_mod.norm    ->  blocks.0.norm
network.double()             float64                    ->  float32, in which every network is made and trained

>>> two = nn.Sequential(nn.DataParallel(nn.Linear(1, 1)), nn.Linear(1, 1, dtype=torch.float64))
>>> list(plain_state(two)), plain_state(two)["1.weight"].dtype
(['0.weight', '0.bias', '1.weight', '1.bias'], torch.float32)
"""

import torch
from torch import Tensor, nn

WRAPPERS = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "AveragedModel": "module",
}
"""torch's modules that stand around another one, by the name of their class, and what they call the module inside."""


def plain_names(network: nn.Module) -> dict[str, str]:
    """The plain name of each entry of the network's `state_dict`, and the name that it has there. A wrapper's own entries are left out."""
    found = {}
    for name in network.state_dict():
        module, kept = network, []
        for part in name.split("."):
            inside = _inside(module)
            if inside is not None and part != inside:
                break
            kept += [part] if inside is None else []
            module = module._modules.get(part) if module is not None else None
        else:
            found[".".join(kept)] = name
    return found


def plain_state(network: nn.Module) -> dict[str, Tensor]:
    """The weights and buffers of a network by their plain names; all floats are float32 if the weights are of another type."""
    held, other = network.state_dict(), _of_another_type(network)
    state = {plain: held[name] for plain, name in plain_names(network).items()}
    return {name: w.float() if other and w.is_floating_point() else w for name, w in state.items()}


def in_float32(network: nn.Module) -> nn.Module:
    """The network itself; its weights are changed to float32 if they are of another type."""
    return network.float() if _of_another_type(network) else network


def _of_another_type(network: nn.Module) -> bool:
    return any(w.is_floating_point() and w.dtype != torch.float32 for w in network.parameters())


def _inside(module: nn.Module | None) -> str | None:
    kinds = (kind.__name__ for kind in type(module).__mro__ if kind.__module__.startswith("torch."))
    return next((WRAPPERS[kind] for kind in kinds if kind in WRAPPERS), None)
