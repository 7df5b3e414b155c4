"""Settings that are chosen from the data, for everything that the user has not set. Rows have d numbers, and there are N of them.

    d <= 3     sinusoids of the coordinates, a narrow network          d > 8     wide layers, a lower learning rate       (1)
    d <= 3 and more than 8,000 steps     batches of 1,024, and Muon
    N < 1,000 and d > 3      no sinusoids and narrow layers, which are slower to learn rows by heart
    steps = 4 N, at least 250, at most 4,000, or 8,000 for images and sequences                                           (2)
    images and sequences     a U-Net, one scale a channel, batches of 32, bfloat16 if the processor supports it           (3)
    their latents            the same, twice as wide
    another network          the width and depth of its own constructor

The limit 4 N of (2) is for small data: a model of 50 or 200 rows that is trained for longer memorises its rows (docs/log.md).

    >>> from unstir.data import toy
    >>> settle(toy("moons", 100, seed=0)).optim.steps, settle(toy("moons", 5000, seed=0)).optim.steps
    (400, 4000)
"""

import inspect
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from unstir.data import Data, in_space, load
from unstir.data.levels import levels_of
from unstir.data.matching import Known
from unstir.data.statistics import statistics
from unstir.devices import CPU, GPU, multiplies_bfloat16
from unstir.diffusion.denoiser import target
from unstir.diffusion.registry import TARGETS
from unstir.encoders.registry import ENCODERS, FOR_SPACE
from unstir.encoders.rows import parts, standard_deviation
from unstir.errors import UsageError
from unstir.metrics.neighbours import radii
from unstir.networks import registry as networks
from unstir.training.choices import (
    FEW_ROWS,
    FEWEST_STEPS,
    MOST_STEPS,
    RATE,
    STEPS_A_ROW,
    Choice,
    kept_exactly,
    of_columns,
    steps_for,
)
from unstir.training.config import AUTO, Config, merge, resolve
from unstir.training.neighbours import MOST_NUMBERS, Neighbours
from unstir.training.problem import ANSWERS, EXPECTED, OPTIMAL
from unstir.training.recipe import ADAMW, MUON, SHARDED
from unstir.words import counted, number

MOST_STEPS_OF_IMAGES, BRIEF = 8000, 700  # a run of fewer steps than BRIEF gets a shallower U-Net
FEW_STEPS = 400  # a U-Net's run of fewer is not long enough for Muon
LONG = 8000  # steps: a run of more on points is a run of larger batches
AXES, FINEST, ANSWER = ("data", "axes"), ("diffusion", "finest"), ("diffusion", "answer")
USUAL = 5.8  # log-SNR of the finest detail that training looks at in any data
CLOSEST, FAREST = (
    math.exp(-6),
    math.exp(-USUAL / 2),
)  # distances of neighbours beyond which nothing changes, in standard deviations
APART, TINY = 4.0, 1e-6  # deviations of the noise to the middle between two levels, of which it then misleads one in 30,000
OCTAVE = 2 * math.log(2)  # of detail, in log-SNR
MOST_NEAR = 2**16  # rows whose distances to their neighbours are looked at


def load_data(config: Config) -> Data:
    """Read the data as the settings say. Raises what `unstir.data.load` raises, UsageError for columns that do not fit."""
    data = config.data
    labels, labels_from = (None, "none") if data.labels == "none" else (data.labels, data.labels_from)
    groups, names = None if data.groups == "none" else data.groups, data.column_names
    how = (data.missing, data.height_width, groups, data.axes, data.header, labels_from, data.formats, data.alpha)
    known = Known(names) if names else None
    found = load(data.source, data.points, config.seed, labels, *how, known, columns=config.columns, given=data.given_names)
    if names and found.names != names:
        raise UsageError(
            f"--data.columns names {counted(len(names), 'column')}, but a row of {data.source} has the shape {found.shape}."
        )
    return found


def settle(data: Data, *layers: Mapping[str, Any]) -> Config:
    """The settings for the data: its preset, overridden by the given layers, with nothing left on auto but the device."""
    return without_auto(resolve(preset(data, *layers), *layers))


def without_auto(config: Config) -> Config:
    """The same settings; if the distribution of times is "auto", the one that suits the target takes its place."""
    if config.diffusion.times != AUTO:
        return config
    return resolve(config.model_dump(exclude_none=True), {"diffusion": {"times": times_for(config.diffusion.target)}})


def preset(data: Data, *layers: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are chosen from the data: the values of `choices`."""
    found: dict[str, Any] = {}
    for (section, name), choice in choices(data, *layers).items():
        found.setdefault(section, {})[name] = choice.value
    return found


def choices(data: Data, *layers: Mapping[str, Any]) -> dict[tuple[str, str], Choice]:
    """The choices (1), (2) and (3) with their reasons, by section and setting.

    They also depend on the number of steps, the encoder and the target, if one of the `layers` of settings sets them.
    """
    return _of_data(data, *layers) | _of_levels(data, merge(*layers))


def _of_levels(data: Data, chosen: Mapping[str, Any]) -> dict[tuple[str, str], Choice]:
    """What suits a target for data with few levels: noise down to where neighbouring levels are told apart."""
    name = chosen.get("diffusion", {}).get("target", TARGETS.default)
    if name not in TARGETS or not TARGETS[name].reading.needs_levels:
        return {}
    config = resolve(chosen)
    training, _ = data.split(config.data.held_out, config.seed)
    if (levels := levels_of(training)) is None:
        return {}
    spread = float(standard_deviation(statistics(parts(training.rows)), data.layout).max())
    gap = min(b - a for a, b in pairwise(levels)) / max(spread, TINY)
    finest = min(max(2 * math.log(2 * APART / gap), USUAL), 20.0)
    return {
        FINEST: Choice(
            round(finest, 1),
            f"the log-SNR at which neighbouring levels are {2 * APART:g} deviations of the noise apart: none is left to guess",
        )
    }


def _of_data(data: Data, *layers: Mapping[str, Any]) -> dict[tuple[str, str], Choice]:
    d = math.prod(data.shape)
    if in_space(data.layout):
        return {AXES: _axes(data)} | _spatial(data, merge(*layers))
    if (kept := kept_exactly(data, merge(*layers))) is not None:
        return of_columns(data, kept)
    steps = ({AXES: _axes(data)} if data.kind == "arrays" else {}) | {("optim", "steps"): steps_for(len(data), MOST_STEPS)}
    few = f"with {len(data):,} rows, fewer than {FEW_ROWS:,}, a larger network memorises them sooner"
    if d > 3 and len(data) < FEW_ROWS:
        return steps | {
            ("network", "width"): Choice(64 if d <= 8 else 96, f"features a layer: {few}"),
            ("network", "depth"): Choice(2, f"residual blocks: {few}"),
            ("network", "octaves"): Choice(0, f"no sinusoids of the numbers: {few}"),
            ("optim", "lr"): Choice(3e-3 if d <= 8 else 1e-3, RATE),
        }
    if d <= 8:
        detail = _detail(data, merge(*layers)) if d <= MOST_NUMBERS else {}
        finest = detail[FINEST].value if detail else USUAL
        octaves = 4 + int((finest - USUAL) / OCTAVE) if d <= 3 else 2
        fine = f"{octaves} sinusoids of each number: with only {d} numbers a row, the network has to see each in fine detail"
        wide = {} if d <= 3 else {("network", "width"): Choice(128, f"features a layer, for {d} numbers a row")}
        rates = _for_long(merge(*layers), detail) or {("optim", "lr"): Choice(3e-3, RATE)}
        return steps | wide | detail | {("network", "octaves"): Choice(octaves, fine)} | rates
    return steps | {
        ("network", "width"): Choice(256 if d <= 64 else 512, f"features a layer, for {d} numbers a row"),
        ("network", "depth"): Choice(3, f"residual blocks, for {d} numbers a row"),
        ("network", "octaves"): Choice(0, f"no sinusoids of the numbers: {d} numbers a row are enough without"),
        ("optim", "lr"): Choice(1e-3, RATE),
    }


def _for_long(chosen: Mapping[str, Any], detail: Mapping[tuple[str, str], Choice]) -> dict[tuple[str, str], Choice]:
    """Optimiser, batch and learning rate of a long run on points whose answers have little noise; nothing for another run (docs/log.md)."""
    optim = chosen.get("optim", {})
    answer = chosen.get("diffusion", {}).get("answer") or (detail[ANSWER].value if detail else None)
    if optim.get("steps", 0) <= LONG or optim.get("sharding") == SHARDED or answer != EXPECTED:
        return {}
    why = f"with time for more than {LONG:,} steps,"
    return {
        ("optim", "optimiser"): Choice(MUON, f"{why} it learns finer detail in the same time"),
        ("optim", "batch_size"): Choice(1024, f"{why} larger batches make better use of it"),
        ("optim", "lr"): Choice(5e-3, "the peak learning rate that suits these batches"),
    }


def _detail(data: Data, chosen: Mapping[str, Any]) -> dict[tuple[str, str], Choice]:
    """The noise of the finest detail of points, and what a network is asked for; `chosen` are settings that override them.

    Rows show no detail finer than the distance between neighbours; its median over the training rows is taken.
    """
    config = resolve(chosen)
    training, _ = data.split_numbers(config.data.held_out, config.seed)
    away = min(max(_nearest(data.rows[training[:MOST_NEAR]]), CLOSEST), FAREST)
    answer = EXPECTED
    if data.is_given or config.diffusion.coupling == OPTIMAL or not Neighbours.suit((len(training), *data.shape)):
        answer = ANSWERS[0]
    return {
        FINEST: Choice(
            round(-2 * math.log(away), 1),
            f"the log-SNR at which noise is {number(away, 2)} deviations, about what neighbours are apart",
        ),
        ANSWER: Choice(answer, "the mean of the rows that a noisy row may come from" if answer == EXPECTED else "the drawn row"),
    }


def _nearest(rows: np.ndarray) -> float:
    """The median distance of different rows (n, ...) to their nearest neighbour, in standard deviations of each number.

    It is 1, which is far, for few rows, and for single numbers: on a line, neighbours are near however smooth the density is.
    """
    x = rows.reshape(len(rows), -1).astype(np.float64)
    x = x[np.isfinite(x).all(1)]
    if len(x) < 3 or x.shape[1] == 1:
        return 1.0
    x = x / np.maximum(np.abs(x).max(0), np.finfo(np.float64).tiny)
    spread = x.std(0)
    x = np.unique(x / np.where(spread > 0, spread, 1), axis=0)
    return float(np.median(radii(x, 1))) if len(x) > 2 else 1.0


def _axes(data: Data) -> Choice:
    """Which axis is what, as it was taken when the data was read."""
    return Choice(data.axes.letters, data.axes.why)


def enough_steps(rows: int) -> int:
    """How many steps so many rows are worth, by (2) without its upper limit."""
    return max(STEPS_A_ROW * rows, FEWEST_STEPS)


def _spatial(data: Data, chosen: Mapping[str, Any]) -> dict[tuple[str, str], Choice]:
    """The choices (3) for images or sequences; `chosen` are settings that override them.

    In a short run, one block a level learns more in the same time than two; at about 700 steps both are equal (docs/log.md).
    """
    row_layout, latent = data.layout, ENCODERS[chosen.get("data", {}).get("encoder") or FOR_SPACE].trained
    assert row_layout is not None
    steps = steps_for(len(data), MOST_STEPS_OF_IMAGES)
    other = chosen.get("network", {}).get("architecture") or networks.FOR_SPACE
    sizes = {} if other == networks.FOR_SPACE else _usual_sizes(other)
    said = chosen.get("optim", {}).get("steps") or steps.value
    brief = said < BRIEF
    return {
        ("data", "encoder"): Choice(FOR_SPACE, "one scale for each channel, so that neighbouring values stay comparable"),
        ("network", "architecture"): Choice(
            networks.FOR_SPACE, f"rows are {row_layout.kind}, and a U-Net uses which values are neighbours"
        ),
        ("network", "width"): Choice(64 if latent else 32, "channels of the first level" + (", of latents" if latent else "")),
        ("network", "depth"): Choice(
            1 if brief else 2, f"blocks a level each way: {said:,} steps are {'fewer' if brief else 'no fewer'} than {BRIEF:,}"
        ),
        **sizes,
        ("optim", "steps"): steps,
        ("optim", "batch_size"): Choice(32, "many quick steps learn more in the same time than few slow ones"),
        ("optim", "optimiser"): _optimiser(other, said, chosen),
        ("optim", "lr"): Choice(2e-3, RATE),
        ("optim", "ema"): Choice(0.999, "decay of the averaged weights, for batches of this size"),
        ("optim", "precision"): Choice(precision(chosen.get("device", AUTO)), "the fastest that this machine supports"),
    }


def _optimiser(network: str, steps: int, chosen: Mapping[str, Any]) -> Choice:
    """Muon for a run of a U-Net that is long enough. `network` is its name; `chosen` are settings that override the preset's."""
    if chosen.get("optim", {}).get("sharding") == SHARDED:
        return Choice(ADAMW, "each process holds a part of every matrix")
    if network != networks.FOR_SPACE:
        return Choice(ADAMW, f"the usual one; for {network}, nothing better is known")
    if steps < FEW_STEPS:
        return Choice(ADAMW, f"in fewer than {FEW_STEPS} steps it learns more than {MUON} in the same time")
    return Choice(MUON, "most weights are kernels of convolutions, and it learns more of them in the same time")


def _usual_sizes(name: str) -> dict[tuple[str, str], Choice]:
    """The width and depth that the constructor of a network has as defaults, for one that is not the preset's."""
    found = inspect.signature(networks.NETWORKS[name]).parameters
    sizes = {size: found[size].default for size in ("width", "depth") if size in found}
    return {("network", size): Choice(n, f"the usual {size} of {name}") for size, n in sizes.items() if isinstance(n, int)}


def precision(device: str = AUTO) -> str:
    """The fastest precision of a network for images on a device by name: bfloat16 where there are instructions for it, else float32."""
    on_gpu = torch.cuda.is_available() and str(device).startswith((AUTO, GPU))  # a name that is misspelt is refused elsewhere
    return "bfloat16" if multiplies_bfloat16(torch.device(GPU if on_gpu else CPU)) else "float32"


def times_for(target_name: str) -> str:
    """The training distribution of times that suits a target: `Target.times`."""
    return target(target_name).times
