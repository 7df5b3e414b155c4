"""Training on the record, which `train`, `resume` and `demo` share, from the run folder to the trained model.

    with begun(planned, out, output) as recording, watched(recording, output) as show, accounted(recording):
        model = go(recording, output, show)

`begun` makes the run folder; `resume` opens one instead. `watched` keeps the page of the run up to date, where --report asks for it.
`accounted` writes how the run ended into `run.json`, whatever happens. `go` trains.
"""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from unstir.cli.parts.flags import ProgressOutput, TrainingOutput
from unstir.cli.parts.output import typed_command
from unstir.cli.parts.progress import Display, note
from unstir.cli.parts.signals import patient
from unstir.cli.parts.together import AGAIN, call, stop_code
from unstir.errors import Stopped, StorageError
from unstir.files import sha256
from unstir.model.model import Model
from unstir.runs.about import about_this_run
from unstir.runs.data import describe, write_encoder
from unstir.runs.folder import Run
from unstir.runs.record import Recording
from unstir.training.config_file import write_config
from unstir.training.loop import Step
from unstir.training.plan import Planned
from unstir.training.processes import here, in_step


@contextmanager
def begun(planned: Planned, out: Path | None, output: ProgressOutput) -> Iterator[Recording]:
    """The folder of a new run, with all that `resume` needs, held by this process; on stderr, what is about to happen."""
    data, config, fitting = planned.data, planned.config, planned.fitting
    text = write_config(config)
    about = about_this_run(typed_command(), config, data, str(fitting.device)) | {"config_sha256": sha256(text.encode())}
    said = [{"problem": problem.name, "text": problem.text} for kind in planned.problems for problem in kind]
    described = describe(data, fitting) | {"notes": data.notes, "problems": said}
    files = {"config.toml": text, "data.json": described, "run.json": about}
    run = Run.create(out, config.data.source, files)
    write_encoder(run.path, fitting.encoder)
    for warning in planned.warnings:
        note(f"warning: {warning}")
    if not output.quiet:
        if fitting.reconstruction:
            note(f"autoencoder: {fitting.reconstruction}.")
        note(planned.headline)
        note(planned.prediction)
    with run:
        yield Recording(run, fitting)


@contextmanager
def watched(recording: Recording, output: TrainingOutput) -> Iterator[Callable[[Step], None] | None]:
    """What to show every step to, if a page of the run is to be kept: it is written now and then, and in full at a good end."""
    if not output.report:
        yield None
        return
    from unstir.report.keeping import PAGE, Watcher, write_run_report  # a second of imports, for those who want a page

    page = recording.run.path / PAGE
    if not output.quiet:
        note(f"page: {page}, updated during training.")
    watcher = Watcher(recording)
    try:
        yield watcher
    except BaseException:
        with suppress(StorageError):  # a full or missing folder may be the very error
            watcher.write()
        raise
    write_run_report(recording.run.path)


@contextmanager
def accounted(recording: Recording) -> Iterator[None]:
    """Whatever ends the block is written into `run.json`, and a person is told how to go on."""
    run, fitting = recording.run, recording.fitting
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        with suppress(StorageError):  # a full or missing folder may be the very error
            run.note(status="stopped" if stopped else "failed", why=str(error), steps=fitting.state.step)
        if stopped or isinstance(error, StorageError):
            more = f"{str(error).rstrip() or 'stopped.'} Go on with: unstir resume {shlex.quote(str(run.path))}"
            raise (Stopped(more, getattr(error, "exit_code", 130)) if stopped else StorageError(more)) from None
        raise
    run.note(status="finished", seconds=recording.seconds, steps=fitting.state.step)


def go(recording: Recording, output: ProgressOutput, show: Callable[[Step], None] | None = None) -> Model:
    """Train to the end, on the record, showing each step; the trained model, saved into the run.

    A signal ends training after the step, with a checkpoint: raises Stopped.
    """
    run, fitting = recording.run, recording.fitting
    call(fitting)
    with in_step(), patient(AGAIN if here().count > 1 else 0.0) as asked:
        for step in Display(recording, output.quiet).watch():
            if show:
                show(step)
            if code := stop_code(asked, fitting.state):
                recording.save()
                stop_code(asked, fitting.state)
                who = asked.name or "a signal to another process"
                raise Stopped(f"stopped by {who} at step {step.number:,} of {fitting.recipe.steps:,}.", code)
        model = fitting.model()
        stop_code(asked, fitting.state)
    if not (run.path / "model").exists():  # a resumed run has it, if it was stopped between training and its pictures
        model.save(run.path / "model")
    return model
