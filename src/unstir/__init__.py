"""Train diffusion models from scratch on your own data, sample them in few steps, and know how good they are.

    import numpy as np, unstir
    model = unstir.fit(np.load("points.npy"), steps=4000)       # arrays (N, ...), numpy or torch
    y = model.sample(1000, steps=10)                            # the same kind of array, in the data's units
    model.log_prob(x)                                           # nats, one number a row
    model.save("my-model"); unstir.load("my-model")

The parts also work on their own: schedules, denoisers, losses, samplers and guidance are plain functions and small classes.
"""

from typing import TYPE_CHECKING

from unstir.registry import lazily

if TYPE_CHECKING:
    from unstir.model.model import Model
    from unstir.model.sampling import Sampling
    from unstir.runs.loading import load
    from unstir.training.fit import fit

__version__ = "0.1.0"
_NAMES = {
    "fit": "training.fit",  # train a model on an array in one line
    "load": "runs.loading",  # read a model from its folder, or from a run
    "Model": "model.model",  # a trained model
    "Sampling": "model.sampling",  # the settings of sampling
}
__all__ = ["Model", "Sampling", "fit", "load"]
__getattr__, __dir__ = lazily(__name__, _NAMES)
