"""Plans a run before it begins: its settings, where each of them came from, and how long the run will take.

    defaults < preset chosen from the data < --config FILE < flags < what --minutes decides                    (1)

    drafted(source, file, flags)                 reads the data, and decides the settings by (1) except for --minutes
    planned(draft, encoder, minutes=5)           measures a few steps, and chooses how many fit into the time

The encoder is fitted between the two calls. If it has to be trained, its time is part of --minutes.

    >>> draft = drafted("moons", {}, {"optim": {"steps": 50}, "data": {"points": 300}})
    >>> draft.config.optim.steps, planned(draft, None).cost.seconds(50) < 60
    (50, True)
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unstir.data import Data
from unstir.data.problems import Problem
from unstir.encoders.base import Encoder
from unstir.errors import UsageError
from unstir.steady import steady
from unstir.training.config import MOST_STEPS, Config, merge, resolve
from unstir.training.cost import MOST_MINUTES, STEADY, Cost, rehearse
from unstir.training.fitting import Fitting
from unstir.training.presets import load_data, preset, settle
from unstir.training.problems import asked_for, lines, problems_of_data, problems_of_settings
from unstir.training.processes import here
from unstir.words import duration, spelled

MEASURED = 2.0  # seconds spent on measuring steps for --minutes

Settings = Mapping[str, Any]
"""Settings by section and name, as in {"optim": {"lr": 0.001}}."""


@dataclass(frozen=True)
class Draft:
    """Data and settings, before anything is measured. `layers`: settings by where they came from; each layer overrides those before."""

    data: Data
    config: Config
    layers: dict[str, Settings]


@dataclass(frozen=True)
class Planned:
    """A run that has not begun. `cost` is None if each of several processes will hold only a part of the network.

    `encoder_seconds`: how long training the autoencoder will take, 0 if there is none to train. `problems`: of the settings, and of
    the data (`training.problems`).
    """

    data: Data
    config: Config
    layers: dict[str, Settings]
    fitting: Fitting
    cost: Cost | None
    encoder_seconds: float = 0.0
    problems: tuple[Sequence[Problem], Sequence[Problem]] = ((), ())

    @property
    def warnings(self) -> list[str]:
        """What to say before training, a sentence or two each."""
        return lines(self.data.notes, *self.problems, f"unstir inspect {shlex.quote(self.data.source)}")

    @property
    def prediction(self) -> str:
        """The cost in words."""
        first = f"first the autoencoder, {duration(self.encoder_seconds)}; then " if self.encoder_seconds else ""
        if self.cost is None:
            return f"predicted: {first}no prediction of training, because the network is split over {here().count} processes."
        seconds = duration(self.cost.seconds(self.config.optim.steps))
        return (
            f"predicted: {first}{seconds} of training ({1000 * self.cost.step:.2g} ms a step, measured), "
            f"{self.cost.memory / 2**20:,.0f} MiB of memory; then scores and pictures."
        )

    @property
    def headline(self) -> str:
        """The data, the model and the training in one line."""
        data, diffusion, fitting = self.data, self.config.diffusion, self.fitting
        weights = sum(w.numel() for w in fitting.state.weights)
        taken_from = f" from {data.labels_from}" if data.labels_from else ""
        classes = f", {len(data.classes)} classes{taken_from}" if data.classes else ""
        return (
            f"{spelled(data.source)}: {len(data):,} rows of {'x'.join(map(str, data.shape))}{classes}. {diffusion.schedule} schedule "
            f"(alpha_bar ends at {fitting.problem.schedule.alpha_bar_end:.1e}), {diffusion.target} target, {weights:,} weights, "
            f"{fitting.recipe.steps:,} steps of {fitting.recipe.batch_size} on {fitting.device}."
        )


@steady
def drafted(source: str, file: Settings, flags: Settings) -> Draft:
    """Read the data and decide the settings. Raises what reading raises, and UsageError for a wrong setting."""
    named = {"data": {"source": source}}
    data = load_data(resolve(file, flags, named))
    layers: dict[str, Settings] = {"preset for this data": preset(data, file, flags), "file": file, "flag": flags}
    if file.get("data", {}).get("source") != source:
        layers["DATA"] = named
    return Draft(data, settle(data, file, flags, named), layers)


def check_minutes(minutes: float | None, flags: Settings) -> None:
    """Raise UsageError if the time is not above 0 or longer than a year, or if the number of steps is given, too."""
    if minutes is not None and ("steps" in flags.get("optim", {}) or not 0 < minutes <= MOST_MINUTES):
        raise UsageError(
            f"--minutes {minutes:g}: give a time above 0 and of a year at most, and no --steps: --minutes chooses the number of steps."
        )


@steady
def planned(
    draft: Draft, encoder: Encoder | None, encoder_seconds: float = 0.0, minutes: float | None = None, spent: float = 0.0
) -> Planned:
    """Measure how long the run will take; with `minutes`, choose as many steps as fit into the time, and a network that suits them.

    `encoder`: the fitted encoder; None fits it here. `spent`: seconds of the time that are already used, or reserved.
    """
    data, config, layers = draft.data, draft.config, dict(draft.layers)
    fitting = Fitting(data, config, encoder)
    if minutes is None:
        cost = None if fitting.sharded else rehearse(fitting)
    else:
        seconds = 60 * minutes * STEADY - spent
        cost = rehearse(fitting, MEASURED)
        if cost.steps(seconds) > MOST_STEPS:
            raise UsageError(f"--minutes {minutes:g}: more than {MOST_STEPS:,} steps fit into it. Give less time.")
        layers["--minutes"] = {"optim": {"steps": cost.steps(seconds)}}
        other = _other_network(data, layers)
        if other:
            cost = rehearse(Fitting(data, _settled(data, layers, {"network": other}), encoder), MEASURED)
            layers["--minutes"] = {"network": other, "optim": {"steps": cost.steps(seconds)}}
        config = _settled(data, layers)
        fitting = Fitting(data, config, encoder)
    if merge(*layers.values()).get("diffusion", {}).get("times", "auto") == "auto":
        layers["suits the target"] = {"diffusion": {"times": config.diffusion.times}}
    asked = asked_for(layers["file"], layers["flag"])
    problems = problems_of_settings(data, config, asked), problems_of_data(data, config)
    return Planned(data, config, layers, fitting, cost, encoder_seconds, problems)


def _settled(data: Data, layers: Mapping[str, Settings], *more: Settings) -> Config:
    """The settings of these layers, with a preset that is chosen again for them."""
    _, *others = layers.values()
    return settle(data, *others, *more)


def _other_network(data: Data, layers: Mapping[str, Settings]) -> dict[str, Any]:
    """The network settings that the preset changes for the planned number of steps, except those that the user has set."""
    first, *others = layers.values()
    asked = merge(layers["file"], layers["flag"]).get("network", {})
    old, new = first.get("network", {}), preset(data, *others).get("network", {})
    return {name: value for name, value in new.items() if value != old.get(name) and name not in asked}
