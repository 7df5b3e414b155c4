"""`unstir train` and `unstir resume`: from a name or a file to a run folder, and on from one."""

import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unstir.cli.encoding import first, timed_encoder, trained_encoder
from unstir.cli.finishing import Manner, Trained, finish
from unstir.cli.progress import Display, note
from unstir.cli.signals import patient
from unstir.cli.together import AGAIN, agreed, call
from unstir.data import Data
from unstir.data.statistics import statistics
from unstir.encoders.rows import parts
from unstir.errors import Stopped, StorageError, UsageError
from unstir.files import sha256
from unstir.runs.about import about_this_run, read_about
from unstir.runs.data import read_data, read_encoder, write_encoder
from unstir.runs.environment import differences, environment, now
from unstir.runs.folder import Run, refuse_taken
from unstir.runs.metrics import read_metrics
from unstir.runs.record import Recording
from unstir.training.config import Config, annotated_config, merge, origins, read_config, resolve, write_config
from unstir.training.cost import STEADY, Cost, rehearse
from unstir.training.fitting import Fitting
from unstir.training.loop import Step
from unstir.training.presets import load_data, preset, settle
from unstir.training.processes import here, in_step
from unstir.words import duration


@dataclass
class Planned:
    """A run that has not begun: its data, settings, where each came from, and what it will cost."""

    data: Data
    config: Config
    layers: dict[str, Mapping[str, Any]]
    fitting: Fitting
    cost: Cost | None  # not measured where this process is to have a part of the network
    later: float = 0.0  # seconds of the autoencoder, where it is still to be trained

    @property
    def prediction(self) -> str:
        """The cost in words."""
        if self.cost is None:
            return f"predicted: {first(self.later)}not measured, of a network in {here().count} parts."
        seconds = duration(self.cost.seconds(self.config.optim.steps))
        return (
            f"predicted: {first(self.later)}{seconds} of training ({1000 * self.cost.step:.2g} ms a step, measured), "
            f"{self.cost.memory / 2**20:,.0f} MiB of memory; then scores and pictures."
        )


def train(
    source: str | None,
    out: Path | None,
    config: Path | None,
    flags: dict[str, Any],
    minutes: float | None,
    only: str,
    manner: Manner,
) -> None:
    """The command: plan, train, score, draw, and say what to do next. `only` "config" or "plan" stops before anything is written."""
    file = {} if config is None else read_config(config)
    source = source or file.get("data", {}).get("source")
    if not source:
        raise UsageError("nothing to train on: DATA is a built-in name or a file, as in `unstir train points.npy`.")
    if out is not None and not only:
        refuse_taken(out)  # now, rather than after the data is read
    planned = plan_run(source, file, flags, minutes, manner.quiet, rehearsed=bool(only))
    if only == "config":
        if manner.as_object:
            whence = {".".join(place): origin for place, origin in origins(planned.layers).items()}
            print(json.dumps({"config": planned.config.model_dump(), "origins": whence}))
        else:
            print(annotated_config(planned.config, planned.layers), end="")
        return
    if only == "plan":
        show_plan(planned, out, manner)
        return
    with begin(planned, source, out, manner) as recording, page(recording, manner) as show, accounted(recording):
        finish(go(recording, manner, show), manner)


def resume(path: Path, manner: Manner) -> None:
    """The command: go on from the newest whole checkpoint, to the same end as if nothing had happened."""
    about = read_about(path)
    if (path / "comparison.json").exists():
        raise UsageError(f"{path} is a comparison, which goes on with its own command, typed again with --out {path}.")
    if about.get("status") == "finished":
        note(
            f"{path} is finished: {about.get('steps'):,} steps. To train longer, begin anew: unstir train --config {path}/config.toml"
        )
        print(json.dumps({"run": str(path), "finished": True}) if manner.as_object else path)
        return
    with Run.open(path) as run:
        text = (path / "config.toml").read_text()
        if sha256(text.encode()) != about.get("config_sha256"):
            raise UsageError(
                f"{path / 'config.toml'} is not as it was when the run began, and a resumed run is the same run. Undo the change, "
                f"or train anew with it: unstir train --config {path / 'config.toml'} --out NEW."
            )
        config = resolve(read_config(path / "config.toml"))
        fitting = Fitting(read_data(path, config), config, read_encoder(path))
        recording = Recording(run, fitting)
        reached = max((row["step"] for row in read_metrics(path)), default=0)
        for sentence in recording.restore():
            note(f"warning: {sentence} It was put aside, and the one before it is used.")
        here = environment(str(fitting.device))
        changed = differences(about.get("environment", {}), here)
        if changed:
            note(f"warning: {'; '.join(changed)}: the result will be as good, and not the same to the last bit.")
        at = fitting.state.step
        session = {"at_step": at, "started": now(), "command": command(), "environment": here}
        run.note(status="running", resumed=[*about.get("resumed", []), session])
        if at == 0 and reached:
            note(f"warning: no checkpoint of {path} is there, though training had come to step {reached:,}: it starts again.")
        if not manner.quiet:
            note(f"{path}: going on at step {at:,} of {fitting.recipe.steps:,}.")
        with page(recording, manner) as show, accounted(recording):
            finish(go(recording, manner, show), manner)


def plan_run(
    source: str,
    file: Mapping[str, Any],
    flags: Mapping[str, Any],
    minutes: float | None = None,
    quiet: bool = False,
    rehearsed: bool = False,
) -> Planned:
    """Read the data, settle the settings, train the autoencoder if there is one, and measure what the run will cost.

    `rehearsed` only says what the autoencoder would cost.
    """
    named = {"data": {"source": source}}
    if minutes is not None and ("steps" in flags.get("optim", {}) or not minutes > 0):
        raise UsageError(f"--minutes {minutes:g}: a time above 0, and without --steps, which it plans.")
    data = load_data(resolve(file, flags, named))
    layers: dict[str, Mapping[str, Any]] = {"preset for this data": preset(data, file, flags), "file": file, "flag": flags}
    if file.get("data", {}).get("source") != source:
        layers["DATA"] = named
    config = settle(data, file, flags, named)
    began, later = time.monotonic(), 0.0
    if rehearsed:
        encoder, later = timed_encoder(data, config)
    else:
        encoder = trained_encoder(data, config, quiet)
    fitting = Fitting(data, config, encoder)
    if minutes is None:
        cost = None if fitting.sharded else rehearse(fitting)
    else:
        spent = later or time.monotonic() - began  # by the autoencoder
        seconds = 60 * minutes * STEADY - spent
        cost = rehearse(fitting, 2.0)
        layers["--minutes"] = {"optim": {"steps": cost.steps(seconds)}}
        other = _for_fewer(data, layers, merge(file, flags))
        if other:
            cost = rehearse(Fitting(data, settle(data, *list(layers.values())[1:], {"network": other}), encoder), 2.0)
            layers["--minutes"] = {"network": other, "optim": {"steps": cost.steps(seconds)}}
        config = settle(data, *list(layers.values())[1:])
        fitting = Fitting(data, config, encoder)
    if merge(*layers.values()).get("diffusion", {}).get("times", "auto") == "auto":
        layers["suits the target"] = {"diffusion": {"times": config.diffusion.times}}
    return Planned(data, config, layers, fitting, cost, later)


def _for_fewer(data: Data, layers: Mapping[str, Mapping[str, Any]], said: Mapping[str, Any]) -> dict[str, Any]:
    """What the preset for the planned number of steps changes of the network, where nothing was said of it."""
    first, *others = layers.values()
    old, new = first.get("network", {}), preset(data, *others).get("network", {})
    return {name: value for name, value in new.items() if value != old.get(name) and name not in said.get("network", {})}


def show_plan(planned: Planned, out: Path | None, manner: Manner) -> None:
    """What a run would be, and would cost; nothing is written."""
    cost, steps = planned.cost, planned.config.optim.steps
    if manner.as_object:
        found = {
            "seconds": cost and planned.later + cost.seconds(steps),
            "seconds_per_step": cost and cost.step,
            "memory_bytes": cost and cost.memory,
            "steps": steps,
        }
        print(json.dumps({"out": None if out is None else str(out), "config": planned.config.model_dump(), "predicted": found}))
        return
    for warning in planned.fitting.warnings:
        note(f"warning: {warning}")
    print(headline(planned.data, planned.config, planned.fitting))
    print(planned.prediction)
    print(f"nothing was trained or written; without --dry-run the run is {out or 'a new folder under runs/'}.")


@contextmanager
def begin(planned: Planned, source: str, out: Path | None, manner: Manner) -> Iterator[Recording]:
    """The run folder with all that `resume` needs, held by this process, and what is about to happen in words."""
    data, config, fitting = planned.data, planned.config, planned.fitting
    text = write_config(config)
    about = about_this_run(command(), config, data, str(fitting.device)) | {"config_sha256": sha256(text.encode())}
    files = {"config.toml": text, "data.json": describe(data, fitting), "run.json": about}
    run = Run.create(out, source, files)
    write_encoder(run.path, fitting.encoder)
    for warning in fitting.warnings:
        note(f"warning: {warning}")
    if not manner.quiet:
        if fitting.reconstruction:
            note(f"autoencoder: {fitting.reconstruction}.")
        note(headline(data, config, fitting))
        note(planned.prediction)
    with run:
        yield Recording(run, fitting)


@contextmanager
def accounted(recording: Recording) -> Iterator[None]:
    """Whatever ends the block is in `run.json`, and the person is told how to go on."""
    run, fitting = recording.run, recording.fitting
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        with suppress(StorageError):  # the folder has gone or is full, which is what the error says
            run.note(status="stopped" if stopped else "failed", why=str(error), steps=fitting.state.step)
        if stopped or isinstance(error, StorageError):
            more = f"{str(error).rstrip() or 'stopped.'} Go on with: unstir resume {shlex.quote(str(run.path))}"
            raise (Stopped(more, getattr(error, "exit_code", 130)) if stopped else StorageError(more)) from None
        raise
    run.note(status="finished", seconds=recording.seconds, steps=fitting.state.step)


def page(recording: Recording, manner: Manner) -> AbstractContextManager[Callable[[Step], None] | None]:
    """What to show every step to, if a page is wanted."""
    if not manner.page:
        return nullcontext()
    from unstir.cli.reporting import reported  # a second of imports, for those who want a page

    return reported(recording, manner.quiet)


def go(recording: Recording, manner: Manner, show: Callable[[Step], None] | None = None) -> Trained:
    """Train to the end, on the record, showing each step; a signal ends it after the step, with a checkpoint."""
    run, fitting = recording.run, recording.fitting
    call(fitting)
    with in_step(), patient(AGAIN if here().count > 1 else 0.0) as asked:
        for step in Display(recording, manner.quiet).watch():
            if show:
                show(step)
            if code := agreed(asked, fitting.state):
                recording.save()
                agreed(asked, fitting.state)
                who = asked.name or "a signal to another process"
                raise Stopped(f"stopped by {who} at step {step.number:,} of {fitting.recipe.steps:,}.", code)
        model = fitting.model()
        agreed(asked, fitting.state)
    if not (run.path / "model").exists():  # it does where only the pictures were missing
        model.save(run.path / "model")
    return Trained(run, recording, model)


def command() -> list[str]:
    """What was typed."""
    return ["unstir", *sys.argv[1:]]


def describe(data: Data, fitting: Fitting) -> dict[str, Any]:
    """What `data.json` holds: shape, names, classes, statistics and encoder."""
    found = fitting.drawn.statistics.merged(statistics(parts(fitting.unseen.rows)))
    each = {"mean": found.mean, "std": found.deviation, "min": found.low, "max": found.high}
    return {
        "source": data.source,
        "rows": len(data),
        "trained_on": len(fitting.training),
        "held_out": len(fitting.unseen),
        "shape": data.shape,
        "dtype": data.dtype,
        "bounds": data.bounds,
        "names": data.names,
        "classes": data.classes,
        "statistics": {name: values.flatten().tolist() for name, values in each.items()},
        "encoder": {"name": fitting.encoder.name, "settings": fitting.encoder.settings},
        "reconstruction": fitting.reconstruction and fitting.reconstruction._asdict(),
    }


def headline(data: Data, config: Config, fitting: Fitting) -> str:
    """What is about to happen, in a line."""
    weights = sum(w.numel() for w in fitting.state.weights)
    classes = f", {len(data.classes)} classes" if data.classes else ""
    diffusion = config.diffusion
    return (
        f"{data.source}: {len(data):,} rows of {'x'.join(map(str, data.shape))}{classes}. {diffusion.schedule} schedule "
        f"(alpha_bar ends at {fitting.problem.schedule.alpha_bar_end:.1e}), "
        f"{diffusion.target} target, {weights:,} weights, {fitting.recipe.steps:,} steps of {fitting.recipe.batch_size} on {fitting.device}."
    )
