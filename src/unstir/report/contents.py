"""The contents of a report: everything that the page shows, as plain JSON, and nothing else.

    run folder -> subject -> sections -> sentences about them -> contents          `unstir.report.page` renders them         (1)

A section without contents is null, and its sentences say why. While a run is training, `Live` makes the contents again and again. It
draws from the model so seldom that this takes at most a twentieth of the time.
"""

import shlex
import time
from pathlib import Path
from typing import Any

import numpy as np

from unstir import __version__
from unstir.devices import AUTO
from unstir.errors import UnstirError
from unstir.evaluation.answers import examine, try_or_note
from unstir.evaluation.scores import Truth, affordable_rows, truth_of
from unstir.model.model import Model
from unstir.model.sampling import Sampling
from unstir.report.errors import hard, schedules
from unstir.report.forward import forward
from unstir.report.information import information
from unstir.report.packing import numbers
from unstir.report.quality import good
from unstir.report.reverse import MOST_ROWS, fewer, reverse, ways
from unstir.report.subject import Subject, of_folder, of_recording
from unstir.report.words import words
from unstir.runs.environment import now
from unstir.runs.record import Recording
from unstir.training.applicable import applicable
from unstir.training.config import Config
from unstir.training.fitting import Fitting

FORMAT = 1
LIVE_SHARE = 0.05  # the share of the training time in which the model may be drawn from
FIRST_GUESS = 0.1  # seconds that drawing is thought to take before it has been measured


def contents(path: Path, device: str = AUTO) -> dict[str, Any]:
    """The contents of a run's report, computed on a device by name. If anything is missing, a section is null.

    Raises StorageError if the folder is not a run, UsageError for a device that is not there.
    """
    subject = of_folder(path, device)
    document = _document(subject) | {"forward": forward(subject)}
    truth, model = None, subject.model
    if subject.fitting is not None and model is not None:
        truth = try_or_note(
            subject.reasons, "samples are not compared with true rows", lambda: _truth(subject.fitting, model, subject.config)
        )
    document["reverse"] = _unless_refused(subject, lambda: reverse(subject, truth, ways(subject.schedule.T)))
    levels = None
    if subject.fitting is not None and model is not None:
        document["good"], levels = _judged(subject, subject.fitting, model, truth)
        document["answer"] = _answer(document["good"])
    document["hard"] = hard(subject, levels)
    document["information"] = information(subject)
    return _with_words(document, subject)


class Live:
    """The contents of a run in training: `contents()` makes them, and draws new samples from the model whenever that is `due`."""

    def __init__(self, recording: Recording):
        self.recording, self.cost, self.drawn = recording, FIRST_GUESS, time.monotonic()
        self.kept: dict[str, Any] = {}

    @property
    def due(self) -> bool:
        """Whether enough time has passed for drawing from the model to stay below a twentieth of the time."""
        return time.monotonic() - self.drawn > self.cost / LIVE_SHARE

    def contents(self, drawing: bool = True) -> dict[str, Any]:
        """The contents now; the samples are those of the last time that the model was drawn from, if not `drawing` or not `due`."""
        drawing, started = drawing and self.due, time.monotonic()
        subject = of_recording(self.recording, with_model=drawing)
        if drawing or not self.kept:
            self.kept["forward"] = forward(subject)
        if drawing:
            quick = ways(subject.schedule.T)[1:]
            self.kept["reverse"] = _unless_refused(subject, lambda: reverse(subject, None, quick, scored=False))
            self.drawn, self.cost = time.monotonic(), time.monotonic() - started
        document = _document(subject) | self.kept | {"hard": hard(subject, None)}
        return _with_words(document, subject)


def _truth(fitting: Fitting | None, model: Model, config: Config) -> Truth:
    assert fitting is not None
    return fewer(truth_of(fitting.data, config.data.held_out, config.seed), min(MOST_ROWS, affordable_rows(model.network)))


def _judged(subject: Subject, fitting: Fitting, model: Model, truth: Truth | None) -> tuple[dict[str, Any] | None, Any]:
    how = Sampling(seed=subject.config.seed)
    try:
        found = examine(model, truth, fitting.unseen, fitting.training, how, subject.reasons)
        return good(subject, model, found), found.levels
    except UnstirError as error:
        subject.reasons.append(f"The samples are not judged: {error}")
        return None, None


def _answer(judged: dict[str, Any] | None) -> dict[str, Any] | None:
    """The answers with the shares behind them, with which a page begins; None where nothing was judged."""
    return {name: judged.pop(name) for name in ("answers", "shares")} if judged else None


def _unless_refused(subject: Subject, make: Any) -> Any:
    try:
        return make()
    except UnstirError as error:
        subject.reasons.append(f"There are no samples: {error}")
        return None


def _document(subject: Subject) -> dict[str, Any]:
    """The sections that need no samples; those that do are null here."""
    about, description = subject.about, subject.description
    return {
        "format": FORMAT,
        "title": subject.path.resolve().name,
        "status": about.get("status", "running"),
        "why": about.get("why") or None,
        "step": subject.step,
        "steps": subject.steps,
        "written": now(),
        "version": __version__,
        "data": {name: description[name] for name in ("source", "rows", "trained_on", "held_out", "shape", "dtype", "names")}
        | {"classes": list(subject.classes), "kind": subject.view.kind},
        "answer": None,
        "good": None,
        "forward": None,
        "reverse": None,
        "information": None,
        "schedules": schedules(subject.schedule, subject.config.diffusion.schedule),
        "hard": None,
        "run": _run(subject),
    }


def _run(subject: Subject) -> dict[str, Any]:
    metrics, about = subject.metrics, subject.about
    steps, seconds = ([0, *(row[name] for row in metrics)] for name in ("step", "seconds"))
    passed = np.maximum(np.diff(np.array(seconds, dtype=np.float64)), 1e-9)
    looks = [row for row in metrics if "held_out" in row]
    return {
        "metrics": {
            "step": [row["step"] for row in metrics],
            "loss": [row["loss"] for row in metrics],
            "lr": [row["lr"] for row in metrics],
            "speed": numbers(np.diff(steps) / passed, 4),
            "held_out": {
                "step": [row["step"] for row in looks],
                "loss": [row["held_out"] for row in looks],
                "gaussian": looks[-1]["gaussian"] if looks else None,
            },
        },
        "settings": _settings(subject),
        "environment": [[name, str(value)] for name, value in about.get("environment", {}).items()],
        "seed": subject.config.seed,
        "command": shlex.join(map(str, about.get("command", []))),
        "repeat": shlex.join(["unstir", "train", "--config", str(subject.path / "config.toml")]),
    }


def _settings(subject: Subject) -> list[list[str]]:
    """Every setting that the run has, [name on the command line, value]."""
    found = []
    for name, value in applicable(subject.config, subject.layout, bool(subject.classes or subject.config.data.given)).items():
        inner = value if isinstance(value, dict) else {"": value}
        found += [[f"{name}.{leaf}".rstrip("."), str(held)] for leaf, held in inner.items()]
    return found


def _with_words(document: dict[str, Any], subject: Subject) -> dict[str, Any]:
    return document | {"words": words(document, subject)}
