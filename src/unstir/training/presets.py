"""From data to settings: what is chosen for a person who has said nothing.

    d <= 3     sinusoids of the coordinates, a narrow network          d > 8     wide layers, a lower learning rate       (1)
    images and sequences     a U-Net, one scale a channel, batches of 32, bfloat16 where the processor multiplies it      (3)
    their latents            the same, twice as wide
    steps = 4 N, at least 250, at most 4,000, or 8,000 of images                                                          (2)

(2) is for small data: past a few steps a row a model of 50 or 200 rows gets no nearer to the truth, only nearer to its rows
(docs/log.md).

    >>> from unstir.data import toy
    >>> settle(toy("moons", 100, seed=0)).optim.steps, settle(toy("moons", 5000, seed=0)).optim.steps
    (400, 4000)
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from unstir.data import Data, in_space, layout, load
from unstir.diffusion.denoiser import target
from unstir.encoders.registry import ENCODERS, FOR_SPACE
from unstir.networks import registry as networks
from unstir.training.config import AUTO, Config, merge, resolve

STEPS_A_ROW, FEWEST_STEPS, MOST_STEPS = 4, 250, 4000
MOST_STEPS_OF_IMAGES, BRIEF = 8000, 2000
RATE = "the peak learning rate that suits a network of this kind and width"


def load_data(config: Config) -> Data:
    """The rows that the settings name, read as they say. Raises what `datasets.load` raises."""
    data = config.data
    labels = None if data.labels == "none" else data.labels
    return load(data.source, data.points, config.seed, labels, data.missing, data.height_width, data.groups)


def settle(data: Data, *layers: Mapping[str, Any]) -> Config:
    """The preset for the data under the given layers of settings, with nothing left on auto but the device."""
    return without_auto(resolve(preset(data, *layers), *layers))


def without_auto(config: Config) -> Config:
    """The same settings, with the distribution of times that suits the target where it was left open."""
    if config.diffusion.times != AUTO:
        return config
    return resolve(config.model_dump(exclude_none=True), {"diffusion": {"times": times_for(config.diffusion.target)}})


class Choice(NamedTuple):
    """A setting that is chosen from the data, and why, in words made of the numbers that decided."""

    value: Any
    why: str


def preset(data: Data, *layers: Mapping[str, Any]) -> dict[str, Any]:
    """The settings chosen from the data's size: the values of `choices`."""
    found: dict[str, Any] = {}
    for (section, name), choice in choices(data, *layers).items():
        found.setdefault(section, {})[name] = choice.value
    return found


def choices(data: Data, *layers: Mapping[str, Any]) -> dict[tuple[str, str], Choice]:
    """What is chosen from the data's size, d numbers a row and N rows, by section and setting: (1), (2) and (3).

    Of the layers of settings over it, those that name the steps and the encoder count.
    """
    d = math.prod(data.shape)
    if in_space(data.shape):
        return _spatial(data, merge(*layers))
    steps = {("optim", "steps"): _steps(len(data), MOST_STEPS)}
    if d <= 8:
        octaves = 4 if d <= 3 else 2
        fine = f"{octaves} sinusoids of each number: few of them, {d}, have to be known to fine detail"
        wide = {} if d <= 3 else {("network", "width"): Choice(128, f"features a layer, for {d} numbers a row")}
        return steps | wide | {("network", "octaves"): Choice(octaves, fine), ("optim", "lr"): Choice(3e-3, RATE)}
    return steps | {
        ("network", "width"): Choice(256 if d <= 64 else 512, f"features a layer, for {d} numbers a row"),
        ("network", "depth"): Choice(3, f"residual blocks, for {d} numbers a row"),
        ("network", "octaves"): Choice(0, f"no sinusoids of the numbers: {d} of them say enough"),
        ("optim", "lr"): Choice(1e-3, RATE),
    }


def _steps(rows: int, most: int) -> Choice:
    """(2), and where it comes from."""
    wanted = STEPS_A_ROW * rows
    planned = min(max(wanted, FEWEST_STEPS), most)
    limit = "" if planned == wanted else f", and {'at least' if planned > wanted else 'at most'} {planned:,}"
    return Choice(planned, f"{STEPS_A_ROW} for each of {rows:,} rows{limit}: with more, few rows are learnt by heart")


def _spatial(data: Data, chosen: Mapping[str, Any]) -> dict[tuple[str, str], Choice]:
    """(3): for N images or sequences, and for the number of steps if that is chosen already.

    In a short run one block a level learns more in the same time than two: they meet at some 2,000 steps (docs/log.md).
    """
    lies, latent = layout(data.shape), ENCODERS[chosen.get("data", {}).get("encoder") or FOR_SPACE].trained
    assert lies is not None
    steps = _steps(len(data), MOST_STEPS_OF_IMAGES)
    said = chosen.get("optim", {}).get("steps") or steps.value
    brief = said < BRIEF
    return {
        ("data", "encoder"): Choice(FOR_SPACE, "one scale a channel, so that neighbours stay comparable"),
        ("network", "architecture"): Choice(networks.FOR_SPACE, f"rows are {lies.kind}: it looks at neighbours"),
        ("network", "width"): Choice(64 if latent else 32, "channels of the first level" + (", of latents" if latent else "")),
        ("network", "depth"): Choice(
            1 if brief else 2, f"blocks a level each way: {said:,} steps are {'fewer' if brief else 'no fewer'} than {BRIEF:,}"
        ),
        ("optim", "steps"): steps,
        ("optim", "batch_size"): Choice(32, "many short steps learn more in the same time"),
        ("optim", "lr"): Choice(2e-3, RATE),
        ("optim", "ema"): Choice(0.999, "decay of the average of the weights, for batches of this size"),
        ("optim", "precision"): Choice(precision(), "what this processor multiplies fastest"),
    }


def precision() -> str:
    """What the processor multiplies fastest: bfloat16 where it has instructions for it."""
    return "bfloat16" if torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported() else "float32"


def times_for(target_name: str) -> str:
    """The training distribution of times that suits a target: `Target.times`."""
    return target(target_name).times
