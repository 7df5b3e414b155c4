"""Train diffusion models from scratch on your own data, sample them in few steps, and know how good they are.

    import numpy as np, unstir
    model = unstir.fit(np.load("points.npy"), steps=4000)       # arrays (N, ...), numpy or torch
    y = model.sample(1000, steps=10)                            # the same kind of array, in the data's units
    model.log_prob(x)                                           # nats, one number a row
    model.save("my-model"); unstir.load("my-model")

The parts compose without it: schedules, denoisers, losses, samplers, guidance are plain functions and small classes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unstir.model.model import Model, load
    from unstir.training.fit import fit

__version__ = "0.1.0"
__all__ = ["Model", "fit", "load"]

_HOMES = {"fit": "unstir.training.fit", "Model": "unstir.model.model", "load": "unstir.model.model"}


def __getattr__(name: str) -> Any:
    """Import on first use: `unstir --help` must not wait for torch."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'unstir' has no attribute '{name}'")
