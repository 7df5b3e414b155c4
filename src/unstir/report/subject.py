"""What a report is about: a run, with those of its parts that exist.

    a finished run: the model in model/          a stopped, failed or running one: its newest whole checkpoint        (1)

A run can be read while another process trains it: nothing here takes its lock or changes its folder. A part that is missing, such as
the data or a first checkpoint, is None, and `reasons` has a sentence that says why.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstir.data import Data
from unstir.data.layouts import Layout, layout
from unstir.devices import AUTO, pick
from unstir.diffusion.schedules import Schedule, schedule
from unstir.encoders.affine import Standardise
from unstir.encoders.base import Encoder
from unstir.errors import StorageError, UnstirError
from unstir.information.mmse import ErrorCurve
from unstir.model.model import Model, load
from unstir.report.best import best_curve
from unstir.report.view import View, view_of
from unstir.runs.about import read_about, read_status
from unstir.runs.checkpoints import read_checkpoint
from unstir.runs.data import read_data, read_description, read_encoder, span
from unstir.runs.loading import of_checkpoint
from unstir.runs.metrics import read_metrics
from unstir.runs.plans import read_plan
from unstir.runs.record import Recording, errors_by_time, recipe_of
from unstir.training.config import Config, resolve
from unstir.training.config_file import read_config
from unstir.training.fitting import Fitting
from unstir.training.held_out import BUCKETS, HeldOut

MOST_STEPS = 1000  # steps of a page's slider; a longer chain, or a continuous schedule, is shown at this many equal steps of t
ROWS = 2000  # shown at most


@dataclass(frozen=True)
class Subject:
    """A run and its parts. `held_out` has the best Gaussian's error in each bucket of time. `by_time` (BUCKETS,) is the training error
    of eps in each bucket, NaN where training has drawn no time yet."""

    path: Path
    about: dict[str, Any]
    config: Config
    description: dict[str, Any]
    metrics: list[dict[str, Any]]
    fitting: Fitting | None
    model: Model | None
    held_out: HeldOut | None
    by_time: np.ndarray
    reasons: list[str] = field(default_factory=list)

    @property
    def data(self) -> Data | None:
        """The rows, with the classes that the model was trained on."""
        return self.fitting.data if self.fitting else None

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule of the run."""
        return schedule(self.config.diffusion.schedule, **self.config.diffusion.schedule_settings)

    @property
    def T(self) -> int:
        """Steps of the slider: those of the discrete chain if there is one, at most 1,000."""
        return min(self.schedule.T or MOST_STEPS, MOST_STEPS)

    @property
    def source(self) -> str:
        """The name of the data."""
        return str(self.description["source"])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a row."""
        return tuple(self.description["shape"])

    @property
    def layout(self) -> Layout | None:
        """How a row lies in space."""
        return layout(self.shape, self.description["axes"])

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder of the run."""
        saved = read_encoder(self.path)
        if saved is not None:
            return saved
        part = self.fitting or self.model
        if part is None:
            raise StorageError(f"{self.path} has no encoder yet: it was stopped before training began.")
        return part.encoder

    @cached_property
    def shown(self) -> np.ndarray:
        """The numbers (n,) of the rows that are shown, in random order, so that the first few are a fair sample, too."""
        assert self.data is not None
        return np.random.default_rng(self.config.seed).permutation(len(self.data))[:ROWS]

    @cached_property
    def rows(self) -> Tensor | None:
        """The shown rows in the model's space, float32; None if the data is missing."""
        return None if self.data is None else self.encoder.encode(torch.as_tensor(self.data.rows[self.shown]))

    @cached_property
    def view(self) -> View:
        """How rows of the model's space are shown; if the data is missing, samples say in which directions the rows spread most."""
        rows = self.rows
        if rows is None:
            rows = torch.randn(2, *self.encoder.space) if self.model is None else self.model.paths(256, steps=10)[-1]
        space, lies = self.encoder.space, self.encoder.layout(self.layout)
        return view_of(space, lies, self.description["names"], rows, self.encoder, span(self.description))

    @cached_property
    def decoded(self) -> View:
        """How decoded rows are shown: as images or sequences in the data's units, even if the model's space holds only latent vectors."""
        if self.layout is None:
            return self.view
        zeros = torch.zeros(self.shape, dtype=torch.float64)
        unit = Standardise(zeros, zeros + 1)
        return view_of(self.shape, self.layout, [], torch.zeros(2, *self.shape), unit, span(self.description))

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the model is told; empty without labels."""
        return () if self.config.data.labels == "none" else tuple(self.description["classes"])

    @cached_property
    def best(self) -> ErrorCurve | None:
        """The smallest possible error, summed over a row, where it is known."""
        return best_curve(self.source, self.encoder, bool(self.classes))

    @property
    def labels(self) -> np.ndarray | None:
        """The class ids (n,) of the rows that are shown."""
        return None if self.data is None or self.data.labels is None else self.data.labels[self.shown]

    @property
    def last_look(self) -> dict[str, Any] | None:
        """The row of the metrics with the held-out errors by time of the model; before there is one, the latest such row."""
        looks = [row for row in self.metrics if "held_out_eps" in row]
        at = self.model.card.steps_trained if self.model else None
        return next((row for row in looks if row["step"] == at), looks[-1] if looks else None)

    @property
    def step(self) -> int:
        """The number of training steps taken."""
        return int(self.about.get("steps") or (self.metrics[-1]["step"] if self.metrics else 0))

    @property
    def steps(self) -> int:
        """The number of training steps as it was last planned."""
        plan = read_plan(self.path)
        return plan[-1].steps if plan else self.config.optim.steps


def of_folder(path: Path, device: str = AUTO) -> Subject:
    """The run in a folder, computed on a device by name, whichever it was trained on.

    Raises StorageError if the folder is not a run, UsageError for a device that is not there.
    """
    pick(device, 0)
    about, config = read_status(path), resolve(read_config(path / "config.toml"))
    reasons: list[str] = []
    fitting = None
    try:
        fitting = Fitting(read_data(path, config), config.model_copy(update={"device": device}), read_encoder(path))
    except UnstirError as error:
        reasons.append(f"The data cannot be read, so nothing is compared with it: {error}")
    state, model = read_checkpoint(path), None
    if (path / "model").is_dir():
        model = load(path, device=device)
    elif state is not None and fitting is not None:
        model = of_checkpoint(path, fitting, state)
        reasons.append(
            f"There is no finished model yet: this page shows the averaged weights of step {model.card.steps_trained:,}."
        )
    else:
        reasons.append("There is no model yet.")
    by_time = np.full(BUCKETS, np.nan)
    if state is not None:
        totals, counts = (torch.tensor(state[1][name], dtype=torch.float64) for name in ("totals", "counts"))
        at = model.card.steps_trained if model else state[1]["step"]
        by_time = errors_by_time(totals, counts, at, recipe_of(state[1], config.optim.steps)).numpy()
    held_out = fitting.held_out() if fitting else None
    return Subject(path, about, config, read_description(path), read_metrics(path), fitting, model, held_out, by_time, reasons)


def of_recording(recording: Recording, with_model: bool) -> Subject:
    """A run in training. `with_model` takes as long as an evaluation on held-out rows."""
    path, fitting = recording.run.path, recording.fitting
    about = read_about(path) | {"steps": fitting.state.step}
    model = fitting.model() if with_model else None
    seen = recording.held_out, recording.by_time.numpy()
    return Subject(path, about, fitting.config, read_description(path), read_metrics(path), fitting, model, *seen)
