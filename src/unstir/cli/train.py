"""`unstir train`: from a name or a file to a run folder."""

from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import DataSource, Place, RunOut, TrainingOutput
from unstir.cli.parts.settings import SettingsFlags
from unstir.errors import UsageError


def train(
    data: DataSource | None = None,
    /,
    *,
    out: RunOut = None,
    start: Annotated[
        Place | None,
        Parameter(
            name="--from",
            help="Run or model folder whose weights to start from. Its settings are the defaults, and its data if DATA is left out.",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        Parameter(
            help="Take that many minutes in all, with scores and pictures: the steps are planned, and planned again as the run goes."
        ),
    ] = None,
    dry_run: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Say what training would cost, and stop there.")
    ] = False,
    print_config: Annotated[
        bool,
        Parameter(negative=(), show_default=False, help="Print every setting and where it comes from, as TOML, and stop there."),
    ] = False,
    settings: SettingsFlags = SettingsFlags(),
    output: TrainingOutput = TrainingOutput(),
) -> None:
    """Train a model of DATA: makes a run folder with the model, its score beside the floor, samples and figures."""
    from unstir.cli.parts.finishing import finish
    from unstir.cli.parts.planning import plan_run, show_plan, show_settings
    from unstir.cli.parts.running import begun, finished, go, watched
    from unstir.runs.data import source_of
    from unstir.runs.folder import refuse_taken
    from unstir.training.config import merge

    file, flags = settings.file(), settings.flags()
    if start is not None:
        flags = merge(flags, {"start": {"run": str(start)}})
    source = data or file.get("data", {}).get("source") or (source_of(start) if start is not None else "")
    if not source:
        raise UsageError("nothing to train on: DATA is a built-in name or a file, as in `unstir train points.npy`.")
    if print_config or dry_run:
        plan = plan_run(source, file, flags, minutes, output.quiet, rehearsed=True)
        show_settings(plan, output) if print_config else show_plan(plan, out, output)
        return
    if out is not None:
        refuse_taken(out)  # now, rather than after the data is read
    plan = plan_run(source, file, flags, minutes, output.quiet)
    with begun(plan, out, output) as recording, watched(recording, output) as show:
        finish(recording, go(recording, output, show), output)
        finished(recording)
