"""A run before it begins: its settings, where each came from, and what the run will take.

    defaults < preset chosen from the data < --config FILE < flags < what --minutes decides                    (1)

    drafted(source, file, flags)                 reads the data and settles (1) but for --minutes
    planned(draft, encoder, minutes=5)           measures a few steps, and chooses how many fit into the time

Between the two the encoder is fitted; where that takes training, its time is part of --minutes.

    >>> draft = drafted("moons", {}, {"optim": {"steps": 50}, "data": {"points": 300}})
    >>> draft.config.optim.steps, planned(draft, None).cost.seconds(50) < 60
    (50, True)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from unstir.data import Data
from unstir.encoders.base import Encoder
from unstir.errors import UsageError
from unstir.training.config import Config, merge, resolve
from unstir.training.cost import STEADY, Cost, rehearse
from unstir.training.fitting import Fitting
from unstir.training.presets import load_data, preset, settle
from unstir.training.processes import here
from unstir.words import duration

MEASURED = 2.0  # seconds in which steps are measured for --minutes

Settings = Mapping[str, Any]
"""By section and name, as in {"optim": {"lr": 0.001}}."""


@dataclass(frozen=True)
class Draft:
    """Data and settings, before anything is measured. `layers`: settings by where they come from, each over those before it."""

    data: Data
    config: Config
    layers: dict[str, Settings]


@dataclass(frozen=True)
class Planned:
    """A run that has not begun. `cost` is None where each of several processes will have only a part of the network.

    `encoder_seconds`: what training the autoencoder will take, if that is still to be done.
    """

    data: Data
    config: Config
    layers: dict[str, Settings]
    fitting: Fitting
    cost: Cost | None
    encoder_seconds: float = 0.0

    @property
    def prediction(self) -> str:
        """The cost in words."""
        first = f"first the autoencoder, {duration(self.encoder_seconds)}; then " if self.encoder_seconds else ""
        if self.cost is None:
            return f"predicted: {first}not measured, of a network in {here().count} parts."
        seconds = duration(self.cost.seconds(self.config.optim.steps))
        return (
            f"predicted: {first}{seconds} of training ({1000 * self.cost.step:.2g} ms a step, measured), "
            f"{self.cost.memory / 2**20:,.0f} MiB of memory; then scores and pictures."
        )

    @property
    def headline(self) -> str:
        """What will be trained on what, in a line."""
        data, diffusion, fitting = self.data, self.config.diffusion, self.fitting
        weights = sum(w.numel() for w in fitting.state.weights)
        classes = f", {len(data.classes)} classes" if data.classes else ""
        return (
            f"{data.source}: {len(data):,} rows of {'x'.join(map(str, data.shape))}{classes}. {diffusion.schedule} schedule "
            f"(alpha_bar ends at {fitting.problem.schedule.alpha_bar_end:.1e}), {diffusion.target} target, {weights:,} weights, "
            f"{fitting.recipe.steps:,} steps of {fitting.recipe.batch_size} on {fitting.device}."
        )


def drafted(source: str, file: Settings, flags: Settings) -> Draft:
    """Read the data and settle the settings. Raises what reading raises, and UsageError for a wrong setting."""
    named = {"data": {"source": source}}
    data = load_data(resolve(file, flags, named))
    layers: dict[str, Settings] = {"preset for this data": preset(data, file, flags), "file": file, "flag": flags}
    if file.get("data", {}).get("source") != source:
        layers["DATA"] = named
    return Draft(data, settle(data, file, flags, named), layers)


def check_minutes(minutes: float | None, flags: Settings) -> None:
    """Raise UsageError for a time that is none, or that the number of steps leaves no choice to."""
    if minutes is not None and ("steps" in flags.get("optim", {}) or not minutes > 0):
        raise UsageError(f"--minutes {minutes:g}: give a time above 0, and no --steps: --minutes chooses the number of steps.")


def planned(
    draft: Draft, encoder: Encoder | None, encoder_seconds: float = 0.0, minutes: float | None = None, spent: float = 0.0
) -> Planned:
    """Measure what the run will cost, and with `minutes` choose the steps, and a network for them, that fit into the time.

    `encoder`: the fitted one, if it is not to be fitted here. `spent`: seconds of the time that are gone, or spoken for.
    """
    data, config, layers = draft.data, draft.config, dict(draft.layers)
    fitting = Fitting(data, config, encoder)
    if minutes is None:
        cost = None if fitting.sharded else rehearse(fitting)
    else:
        seconds = 60 * minutes * STEADY - spent
        cost = rehearse(fitting, MEASURED)
        layers["--minutes"] = {"optim": {"steps": cost.steps(seconds)}}
        other = _other_network(data, layers)
        if other:
            cost = rehearse(Fitting(data, _settled(data, layers, {"network": other}), encoder), MEASURED)
            layers["--minutes"] = {"network": other, "optim": {"steps": cost.steps(seconds)}}
        config = _settled(data, layers)
        fitting = Fitting(data, config, encoder)
    if merge(*layers.values()).get("diffusion", {}).get("times", "auto") == "auto":
        layers["suits the target"] = {"diffusion": {"times": config.diffusion.times}}
    return Planned(data, config, layers, fitting, cost, encoder_seconds)


def _settled(data: Data, layers: Mapping[str, Settings], *more: Settings) -> Config:
    """The settings of these layers, with the preset chosen anew for them."""
    _, *others = layers.values()
    return settle(data, *others, *more)


def _other_network(data: Data, layers: Mapping[str, Settings]) -> dict[str, Any]:
    """What the preset for the planned number of steps changes of the network, where nothing was asked for."""
    first, *others = layers.values()
    asked = merge(layers["file"], layers["flag"]).get("network", {})
    old, new = first.get("network", {}), preset(data, *others).get("network", {})
    return {name: value for name, value in new.items() if value != old.get(name) and name not in asked}
