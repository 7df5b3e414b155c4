"""`unstir resume`: a run that was stopped goes on."""

from unstir.cli.parts.flags import RunFolder, TrainingOutput
from unstir.errors import UsageError


def resume(run: RunFolder, /, *, output: TrainingOutput = TrainingOutput()) -> None:
    """Go on with a run that was stopped, to the same model, bit by bit, as if it had never stopped."""
    from unstir.cli.parts.finishing import finish
    from unstir.cli.parts.output import answer, typed_command
    from unstir.cli.parts.progress import note
    from unstir.cli.parts.running import accounted, go, watched
    from unstir.files import sha256
    from unstir.runs.about import read_about
    from unstir.runs.comparison import is_comparison
    from unstir.runs.data import read_data, read_encoder
    from unstir.runs.environment import differences, environment, now
    from unstir.runs.folder import Run
    from unstir.runs.metrics import read_metrics
    from unstir.runs.record import Recording
    from unstir.training.config import resolve
    from unstir.training.config_file import read_config
    from unstir.training.fitting import Fitting

    path, about = run, read_about(run)
    if is_comparison(path):
        raise UsageError(f"{path} is a comparison. To go on with it, type its own command again, with --out {path}.")
    if about.get("status") == "finished":
        note(
            f"{path} is finished: {about.get('steps'):,} steps. To train longer, begin anew: unstir train --config {path}/config.toml"
        )
        answer(output, {"run": str(path), "finished": True}, path)
        return
    with Run.open(path) as folder:
        text = (path / "config.toml").read_text(encoding="utf-8")
        if sha256(text.encode()) != about.get("config_sha256"):
            raise UsageError(
                f"{path / 'config.toml'} is not as it was when the run began, and a resumed run is the same run. Undo the change, "
                f"or train anew with it: unstir train --config {path / 'config.toml'} --out NEW."
            )
        config = resolve(read_config(path / "config.toml"))
        fitting = Fitting(read_data(path, config), config, read_encoder(path))
        recording = Recording(folder, fitting)
        reached = max((row["step"] for row in read_metrics(path)), default=0)
        for sentence in recording.restore():
            note(f"warning: {sentence} It was put aside, and the one before it is used.")
        here = environment(str(fitting.device))
        changed = differences(about.get("environment", {}), here)
        if changed:
            note(f"warning: {'; '.join(changed)}: the result will be as good, but not the same to the last bit.")
        at = fitting.state.step
        session = {"at_step": at, "started": now(), "command": typed_command(), "environment": here}
        folder.note(status="running", resumed=[*about.get("resumed", []), session])
        if at == 0 and reached:
            note(f"warning: {path} has no checkpoint, though training had come to step {reached:,}: it starts again.")
        if not output.quiet:
            note(f"{path}: going on at step {at:,} of {fitting.recipe.steps:,}.")
        with watched(recording, output) as show, accounted(recording):
            finish(recording, go(recording, output, show), output)
