"""From data to settings: what is chosen for a person who has said nothing.

    d <= 3     sinusoids of the coordinates, a narrow network          d > 8     wide layers, a lower learning rate       (1)
    images and sequences     a U-Net, one scale a channel, batches of 32, bfloat16 where the processor multiplies it      (3)
    their latents            the same, twice as wide
    steps = 4 N, at least 250, at most 4,000, or 8,000 of images                                                          (2)

(2) is for small data: past a few steps a row a model of 50 or 200 rows gets no nearer to the truth, only nearer to its rows
(docs/log.md).

    >>> from unstir.datasets import toy
    >>> settle(toy("moons", 100, seed=0)).optim.steps, settle(toy("moons", 5000, seed=0)).optim.steps
    (400, 4000)
"""

import math
from collections.abc import Mapping
from typing import Any

import torch

from unstir.config import Config, merge, resolve
from unstir.datasets import Data, Layout, layout, load
from unstir.latents import NAME as LATENT

STEPS_A_ROW, FEWEST_STEPS, MOST_STEPS = 4, 250, 4000
MOST_STEPS_OF_IMAGES, BRIEF = 8000, 2000
NEIGHBOURS = 4  # along the longest side, from where a convolution has something to slide over


def load_data(config: Config) -> Data:
    """The rows that the settings name, read as they say. Raises what `datasets.load` raises."""
    data = config.data
    labels = None if data.labels == "none" else data.labels
    return load(data.source, n=data.points, seed=config.seed, labels=labels, missing=data.missing, size=data.height_width)


def settle(data: Data, *layers: Mapping[str, Any]) -> Config:
    """The preset for the data under the given layers of settings, with nothing left on auto but the device."""
    return without_auto(resolve(preset(data, *layers), *layers))


def without_auto(config: Config) -> Config:
    """The same settings, with the distribution of times that suits the target where it was left open."""
    if config.diffusion.times != "auto":
        return config
    return resolve(config.model_dump(exclude_none=True), {"diffusion": {"times": times_for(config.diffusion.target)}})


def preset(data: Data, *layers: Mapping[str, Any]) -> dict[str, Any]:
    """The settings chosen from the data's size, d numbers a row and N rows: (1), (2) and (3). Of the layers, what they encode with counts."""
    d = math.prod(data.shape)
    if in_space(data.shape):
        chosen = merge(*layers)
        latent = chosen.get("data", {}).get("encoder") == LATENT
        return merge(spatial(data, chosen.get("optim", {}).get("steps")), {"network": {"width": 64}} if latent else {})
    steps = {"optim": {"steps": min(max(STEPS_A_ROW * len(data), FEWEST_STEPS), MOST_STEPS)}}
    few = merge(steps, {"network": {"octaves": 4}, "optim": {"lr": 3e-3}})
    if d <= 3:
        return few
    if d <= 8:
        return merge(few, {"network": {"width": 128, "octaves": 2}})
    width = 256 if d <= 64 else 512
    return merge(steps, {"network": {"width": width, "depth": 3, "octaves": 0}, "optim": {"lr": 1e-3}})


def in_space(shape: tuple[int, ...]) -> Layout | None:
    """How rows of that shape lie in space, where it is worth looking at neighbours: images and sequences of at least 4 positions.

    >>> in_space((8, 8)).kind, in_space((3, 3)), in_space((12,))
    ('images', None, None)
    """
    lies = layout(shape)
    return lies if lies and max(lies.spatial) >= NEIGHBOURS else None


def spatial(data: Data, steps: int | None = None) -> dict[str, Any]:
    """(3): the settings for N images or sequences, and for so many steps if that is said already.

    In a short run one block a level learns more in the same time than two: they meet at some 2,000 steps (docs/log.md).
    """
    planned = min(max(STEPS_A_ROW * len(data), FEWEST_STEPS), MOST_STEPS_OF_IMAGES)
    depth = 1 if (planned if steps is None else steps) < BRIEF else 2
    return {
        "data": {"encoder": "channels"},
        "network": {"architecture": "unet", "width": 32, "depth": depth},
        "optim": {"steps": planned, "batch_size": 32, "lr": 2e-3, "ema": 0.999, "precision": precision()},
    }


def precision() -> str:
    """What the processor multiplies fastest: bfloat16 where it has instructions for it."""
    return "bfloat16" if torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported() else "float32"


def times_for(target_name: str) -> str:
    """The training distribution of times that suits a target.

    Log-normal noise levels spend the steps where most is learnt, but visit the noisiest ones next to never. There eps and velocity
    have to be known to many digits to give x_0, so these two see every time alike.
    """
    return "uniform" if target_name in ("eps", "velocity") else "log_normal"
