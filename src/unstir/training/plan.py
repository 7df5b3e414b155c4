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
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from unstir.data import Data
from unstir.data.beside import told_of
from unstir.data.problems import Problem
from unstir.data.readers import KNOWN
from unstir.encoders.base import Encoder
from unstir.errors import UsageError
from unstir.steady import steady
from unstir.training.allowance import Allowance
from unstir.training.config import Config, merge, resolve
from unstir.training.cost import MOST_MINUTES, Cost, rehearse
from unstir.training.fitting import Fitting
from unstir.training.minutes import Ends, Settings, curves, promised
from unstir.training.presets import load_data, preset, settle
from unstir.training.problems import asked_for, lines, problems_of_data, problems_of_settings
from unstir.training.processes import here
from unstir.training.starting import Start, start_from
from unstir.training.threads import for_training
from unstir.words import duration, number, spelled

OF_FILES = ("labels", "groups", "size", "columns")  # settings of data that a file or a folder has


@dataclass(frozen=True)
class Draft:
    """Data and settings, before anything is measured. `layers`: settings by where they came from; each layer overrides those before."""

    data: Data
    config: Config
    layers: dict[str, Settings]
    start: Start | None = None


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
        return self.fitting.far_from_start + lines(
            self.data.notes, *self.problems, f"unstir inspect {shlex.quote(self.data.source)}"
        )

    @property
    def prediction(self) -> str:
        """The cost in words."""
        first = f"first the autoencoder, {duration(self.encoder_seconds)}; then " if self.encoder_seconds else ""
        if self.cost is None:
            return f"predicted: {first}no prediction of training, because the network is split over {here().count} processes."
        seconds, promised = duration(self.cost.seconds(self.config.optim.steps)), self.fitting.allowance
        most = f" {duration(promised.seconds)} in all: the steps are planned again as the run goes." if promised else ""
        return (
            f"predicted: {first}{seconds} of training ({number(1000 * self.cost.step, 2)} ms a step, measured), "
            f"{self.cost.memory / 2**20:,.0f} MiB of memory; then scores and pictures.{most}"
        )

    @property
    def headline(self) -> str:
        """The data, the model and the training in one line."""
        data, diffusion, fitting = self.data, self.config.diffusion, self.fitting
        weights = sum(w.numel() for w in fitting.state.weights)
        taken_from = f" from {data.labels_from}" if data.labels_from else ""
        classes = f", {len(data.classes)} classes{taken_from}" if data.classes else ""
        told = f", given {told_of(data.given_table, data.beside, data.layout)}" if data.is_given else ""
        return (
            f"{spelled(data.source)}: {len(data):,} rows of {'x'.join(map(str, data.shape))}{classes}{told}. {diffusion.schedule} schedule "
            f"(alpha_bar ends at {fitting.problem.schedule.alpha_bar_end:.1e}), {diffusion.target} target, {weights:,} weights, "
            f"{fitting.recipe.steps:,} steps of {fitting.recipe.batch_size} on {fitting.chosen_device}."
        )


@steady
def drafted(source: str, file: Settings, flags: Settings) -> Draft:
    """Read the data and decide the settings. Raises what reading raises, and UsageError for a wrong setting.

    If the settings name a run to start from, its settings take the place of defaults.
    """
    named = {"data": {"source": source}}
    if "run" in flags.get("start", {}):  # what the file says of another start does not hold for this one
        file = {name: section for name, section in file.items() if name != "start"}
    asked = resolve(file, flags).start
    start = None if asked.run is None else start_from(asked.run, asked.sha256)
    there = {} if start is None else start.inherited
    if source in KNOWN:  # a built-in set has classes of its own, and nothing else that the other run's file had
        there = there | {"data": {name: value for name, value in there.get("data", {}).items() if name not in OF_FILES}}
    try:
        data = load_data(resolve(there, file, flags, named))
    except UsageError as error:
        held, asked = there.get("data", {}), merge(file, flags).get("data", {})
        taken = [f"--data.{name} {held[name]}" for name in OF_FILES if name in held and name not in asked]
        if start is None or not taken:
            raise
        raise UsageError(
            f"{error} {' '.join(taken)} is how {start.name} reads its data; for this data say it anew, or none."
        ) from None
    if start is not None:
        data, columns = start.columns(data)
        there = merge(there, columns)
    layers: dict[str, Settings] = {"preset for this data": preset(data, there, file, flags)}
    layers |= ({} if start is None else {"--from": there}) | {"file": file, "flag": flags}
    if file.get("data", {}).get("source") != source:
        layers["DATA"] = named
    return Draft(data, settle(data, there, file, flags, named), layers, start)


def check_minutes(minutes: float | None, flags: Settings) -> None:
    """Raise UsageError if the time is not above 0 or longer than a year, or if the number of steps is given, too."""
    if minutes is not None and ("steps" in flags.get("optim", {}) or not 0 < minutes <= MOST_MINUTES):
        raise UsageError(
            f"--minutes {minutes:g}: give a time above 0 and of a year at most, and no --steps: --minutes chooses the number of steps."
        )


@steady
def planned(
    draft: Draft,
    encoder: Encoder | None,
    encoder_seconds: float = 0.0,
    minutes: float | None = None,
    spent: float = 0.0,
    ending: Ends = curves,
) -> Planned:
    """Choose the number of threads and measure how long the run will take.

    With `minutes`, choose as many steps as fit into the time, and what suits so many.

    `encoder`: the fitted encoder; None fits it here. `spent`: seconds of the time that are already used, or reserved. `ending`: what comes
    after the training of a run, by its cost and the seconds that all of it may take.
    """
    began = time.monotonic() - spent
    data, config, layers, start = draft.data, draft.config, dict(draft.layers), draft.start
    fitting = Fitting(data, config, encoder, start=start)
    if not fitting.sharded:
        torch.set_num_threads(for_training(fitting))
    if minutes is None:
        cost = None if fitting.sharded else rehearse(fitting)
    else:

        def made(settings: Config) -> Fitting:
            return fitting if settings == config else Fitting(data, settings, encoder, start=start)

        allowance, (_, *others) = Allowance(60 * minutes, began), layers.values()
        layers["--minutes"], cost = promised(made, data, others, allowance, ending)
        settings = settle(data, *others, layers["--minutes"])
        fitting, config = Fitting(data, settings, encoder, start=start), settings
        fitting.allowance, fitting.effort = allowance, allowance.effort
    if merge(*layers.values()).get("diffusion", {}).get("times", "auto") == "auto":
        layers["suits the target"] = {"diffusion": {"times": config.diffusion.times}}
    asked = asked_for(layers["file"], layers["flag"])
    problems = problems_of_settings(data, config, asked), problems_of_data(data, config)
    return Planned(data, config, layers, fitting, cost, encoder_seconds, problems)
