"""Training on the record, which `train`, `resume` and `demo` share, from the run folder to the trained model.

    with begun(planned, out, output) as recording, watched(recording, output) as show:
        finish(recording, go(recording, output, show), output)
        finished(recording)

`begun` makes the run folder; `resume` opens one instead. From then on `accounted` writes into `run.json` how the run ended, whatever
happens. `watched` keeps the page of the run up to date, where there is one or --report asks for it. `go` trains.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from unstir.cli.parts.flags import ProgressOutput, TrainingOutput
from unstir.cli.parts.output import typed_command
from unstir.cli.parts.progress import Display, note, warn
from unstir.cli.parts.signals import last_words, patient
from unstir.cli.parts.together import AGAIN, call, stop_code
from unstir.errors import Stopped, StorageError
from unstir.files import sha256
from unstir.model.model import Model
from unstir.runs.about import ABOUT, about_this_run, read_about
from unstir.runs.data import describe, write_encoder
from unstir.runs.folder import PAGE, Run
from unstir.runs.record import Recording
from unstir.training.config import resolve
from unstir.training.config_file import read_config, write_config
from unstir.training.fitting import Fitting
from unstir.training.loop import Step
from unstir.training.plan import Planned
from unstir.training.processes import here, in_step
from unstir.words import quoted, spelled


@contextmanager
def begun(planned: Planned, out: Path | None, output: ProgressOutput) -> Iterator[Recording]:
    """The folder of a new run, with all that `resume` needs, held by this process; on stderr, what is about to happen."""
    data, config, fitting = planned.data, planned.config, planned.fitting
    text = write_config(config)
    about = about_this_run(typed_command(), config, data, str(fitting.device)) | {"config_sha256": sha256(text.encode())}
    said = [{"problem": problem.name, "text": problem.text} for kind in planned.problems for problem in kind]
    described = describe(data, fitting) | {"notes": data.notes, "problems": said}
    if fitting.start is not None:
        about |= {"started_from": fitting.started_from}
    if fitting.allowance:
        about |= {"time": fitting.allowance.as_json()}
    files = {"config.toml": text, "data.json": described, "run.json": about}
    run = Run.create(out, config.data.source, files)
    with run, accounted(run, fitting):
        write_encoder(run.path, fitting.encoder)
        for warning in (*planned.warnings, *other_rows(fitting, about["data_sha256"])):
            warn(warning)
        if not output.quiet:
            if fitting.reconstruction:
                note(f"autoencoder: {fitting.reconstruction}.")
            note(planned.headline)
            if fitting.started:
                note(fitting.started)
            note(planned.prediction)
        recording = Recording(run, fitting)
        if fitting.start is not None:
            recording.save()  # so that it can be resumed where the other run has gone
        yield recording


def other_rows(fitting: Fitting, data_sha256: str) -> list[str]:
    """What a person should know of the rows of this run beside those of the run that it starts from, a sentence each."""
    start, config = fitting.start, fitting.config
    if start is None or not (Path(start.folder) / ABOUT).is_file():
        return []
    there = Path(start.folder)
    before, same = resolve(read_config(there / "config.toml")), read_about(there).get("data_sha256") == data_sha256
    if same and (before.seed, before.data.held_out) != (config.seed, config.data.held_out):
        return [
            f"{there} was trained on some of the rows that are held out here, so scores cannot show whether they are memorised. "
            f"With --seed {before.seed} --data.held-out {before.data.held_out:g} the same rows are held out."
        ]
    if not same and before.data.source == config.data.source:
        return [f"{spelled(config.data.source)} has changed since {there} was trained on it."]
    return []


@contextmanager
def watched(recording: Recording, output: TrainingOutput) -> Iterator[Callable[[Step], None] | None]:
    """What to show every step to, if a page of the run is kept: it is written now and then, and in full at a good end.

    A page is kept if --report asks for one, or if there is one already: of a run that was stopped, it would say so for ever.
    """
    page = recording.run.path / PAGE
    if not output.report and not page.exists():
        yield None
        if page.exists():  # `unstir report` has made one meanwhile
            _write_page(recording)
        return
    from unstir.report.keeping import Watcher  # a second of imports, for those who want a page

    if not output.quiet:
        note(f"page: {page}, updated during training.")
    watcher = Watcher(recording)
    try:
        yield watcher
    except BaseException as error:
        with suppress(StorageError):  # a full or missing folder may be the very error
            account(recording.run, recording.fitting, *_how(error))  # now, because the page says how it ended
            watcher.write(drawing=False)
        raise
    _write_page(recording)


def _write_page(recording: Recording) -> None:
    from unstir.report.keeping import write_run_report

    write_run_report(recording.run.path, recording.fitting.config.device)


@contextmanager
def accounted(run: Run, fitting: Fitting) -> Iterator[None]:
    """If anything but a good end ends the block, `run.json` says so, and a person is told how to go on."""
    try:
        with last_words(partial(account, run, fitting, "stopped")):
            yield
    except BaseException as error:
        status, why = _how(error)
        said = f"{why} {_next(run)}"
        with suppress(StorageError):  # a full or missing folder may be the very error
            said = account(run, fitting, status, why)
        if isinstance(error, KeyboardInterrupt):
            raise Stopped(said, getattr(error, "exit_code", 130)) from None
        if isinstance(error, StorageError):
            raise StorageError(said) from None
        raise


def account(run: Run, fitting: Fitting, status: str, why: str) -> str:
    """Write how a run ended into `run.json`; the reason together with how to go on."""
    if read_about(run.path).get("status") == "finished":  # what is missing is the page
        return f"{why} The run itself is finished. Its page: unstir report {quoted(run.path)}"
    run.note(status=status, why=why, steps=fitting.state.step)
    return f"{why} {_next(run)}"


def _how(error: BaseException) -> tuple[str, str]:
    """The status of a run that an error has ended, and why."""
    stopped = isinstance(error, KeyboardInterrupt)
    return "stopped" if stopped else "failed", str(error).rstrip() or ("stopped." if stopped else type(error).__name__)


def _next(run: Run) -> str:
    return f"Go on with: unstir resume {quoted(run.path)}"


def finished(recording: Recording) -> None:
    """Say in `run.json` that the run is finished, after how many steps, and of which of them the model is."""
    at = {"steps": recording.fitting.state.step, "model_step": recording.chosen.step, "kept": recording.fitting.keeping.said}
    recording.run.note(status="finished", why=None, seconds=recording.seconds, **at)


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
        if code := stop_code(asked, fitting.state):
            raise Stopped(f"stopped by {asked.name or 'a signal to another process'} after the last step.", code)
    if not (run.path / "model").exists():  # a resumed run has it, if it was stopped between training and its pictures
        model.save(run.path / "model")
    return model
