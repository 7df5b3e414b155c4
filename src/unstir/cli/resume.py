"""`unstir resume`: a run that was stopped goes on."""

from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import RunFolder, RunOut, TrainingOutput, Whole
from unstir.cli.parts.settings import AllSettings, SettingsFlags
from unstir.devices import HELP
from unstir.errors import UsageError
from unstir.words import quoted

KILLED = "killed, or its machine crashed."  # what ended a run that could not say so


def resume(
    run: RunFolder,
    /,
    *,
    data: Annotated[
        str | None,
        Parameter(help="Where the data is now, if it was moved; it has to be the same, which is checked by its sha256."),
    ] = None,
    steps: Annotated[
        Whole | None,
        Parameter(
            help="More steps for a run that is finished: a run of its own, which starts from its weights, as train --from does."
        ),
    ] = None,
    out: RunOut = None,
    device: Annotated[str | None, Parameter(help=f"{HELP} If left out, as the run's settings say.")] = None,
    output: TrainingOutput = TrainingOutput(),
) -> None:
    """Go on with a run that was stopped, to the same model, bit by bit, as if it had never stopped.

    A run that is finished is not changed: --steps starts a new one from its weights.
    """
    import torch

    from unstir.cli.parts.clock import began
    from unstir.cli.parts.finishing import finish
    from unstir.cli.parts.output import answer, typed_command
    from unstir.cli.parts.progress import note, warn
    from unstir.cli.parts.running import accounted, finished, go, watched
    from unstir.cli.train import train
    from unstir.files import sha256
    from unstir.runs.about import MOVED_TO, absolute, read_about
    from unstir.runs.checkpoints import read_checkpoint
    from unstir.runs.comparison import is_comparison
    from unstir.runs.data import read_data, read_encoder
    from unstir.runs.environment import differences, environment, now
    from unstir.runs.folder import Run
    from unstir.runs.metrics import read_metrics
    from unstir.runs.record import Recording
    from unstir.training.allowance import of_json
    from unstir.training.config import resolve
    from unstir.training.config_file import read_config
    from unstir.training.fitting import Fitting
    from unstir.training.starting import start_from
    from unstir.training.threads import decided

    path, about = run, read_about(run)
    if is_comparison(path):
        raise UsageError(f"{path} is a comparison. To go on with it, type its own command again, with --out {path}.")
    moved = {} if data is None else {MOVED_TO: absolute(data)}
    is_finished = about.get("status") == "finished"
    if steps is not None and is_finished:
        other = None if device is None else AllSettings(device=device)  # pyrefly: ignore
        train(data, out=out, start=path, settings=SettingsFlags(steps=steps, every=other), output=output)
        return
    if steps is not None or out is not None:
        more = f"unstir resume {quoted(path)} --steps 2000"
        if is_finished:
            raise UsageError(f"{path} is finished, and --out is for more steps of it, in a run of their own: {more} --out {out}.")
        raise UsageError(
            f"{path} is not finished, and its own settings say how many steps it takes. Go on with it first: unstir resume "
            f"{quoted(path)}. More steps are then a run of their own: {more}."
        )
    if is_finished:
        if data is not None:  # for `evaluate` and `report`
            with Run.open(path) as folder:
                read_data(path, resolve(read_config(path / "config.toml")), data)
                folder.note(**moved)
            note(f"the data of {path} is at {moved[MOVED_TO]}, which is noted.")
        note(
            f"{path} is finished: {about.get('steps'):,} steps. More steps, in a run of its own that starts from its weights: "
            f"unstir resume {quoted(path)} --steps 2000. With other data: unstir train DATA --from {quoted(path)}."
        )
        answer(output, {"run": str(path), "finished": True}, path)
        return
    with Run.open(path) as folder:
        text = (path / "config.toml").read_text(encoding="utf-8")
        if sha256(text.encode()) != about.get("config_sha256"):
            raise UsageError(
                f"{path / 'config.toml'} is not as it was when the run began, and a resumed run is the same run. Undo the change, "
                f"or train anew with it: unstir train --config {quoted(path / 'config.toml')} --out NEW."
            )
        config = resolve(read_config(path / "config.toml"), {} if device is None else {"device": device})
        # A run that starts from another one has a checkpoint of its first moment. Where all are gone, the other run is needed again.
        start = start_from(config.start.run, config.start.sha256) if config.start.run and read_checkpoint(path) is None else None
        fitting = Fitting(read_data(path, config, data), config, read_encoder(path), start=start)
        if "time" in about:
            fitting.allowance = of_json(about["time"], began())
            fitting.effort = fitting.allowance.effort
        recording = Recording(folder, fitting)
        reached = max((row["step"] for row in read_metrics(path)), default=0)
        for sentence in recording.restore():
            warn(f"{sentence} It was put aside, and the one before it is used.")
        if not decided():  # as it began; who sets the number in the environment is told what differs
            torch.set_num_threads(about.get("environment", {}).get("threads", torch.get_num_threads()))
        here = environment(str(fitting.device))
        changed = differences(about.get("environment", {}), here)
        if changed:
            warn(f"{'; '.join(changed)}: the result will be as good, but not the same to the last bit.")
        at = fitting.state.step
        session = {"at_step": at, "after": about.get("why", KILLED), "started": now(), "command": typed_command()}
        with accounted(folder, fitting):
            sessions = [*about.get("resumed", []), session | {"environment": here}]
            folder.note(**moved, status="running", why=None, steps=None, resumed=sessions)
            if at == 0 and reached:
                warn(f"{path} has no checkpoint, though training had come to step {reached:,}: it starts again.")
            if not output.quiet:
                note(f"{path}: going on at step {at:,} of {fitting.recipe.steps:,}.")
            with watched(recording, output) as show:
                finish(recording, go(recording, output, show), output)
                finished(recording)
