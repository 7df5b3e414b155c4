"""How `train` and `demo` come from what was typed to a run that can begin, and how a plan is shown."""

import json
import time
from pathlib import Path

from unstir.cli.parts import clock
from unstir.cli.parts.encoder import fitted_encoder, timed_encoder
from unstir.cli.parts.flags import Output
from unstir.cli.parts.output import answer
from unstir.cli.parts.progress import note, warn
from unstir.training.config_file import annotated_config, origins
from unstir.training.plan import Planned, Settings, check_minutes, drafted, planned


def plan_run(
    source: str, file: Settings, flags: Settings, minutes: float | None = None, quiet: bool = False, rehearsed: bool = False
) -> Planned:
    """Read the data, settle the settings, fit the encoder, and measure what the run will cost.

    A run that is only `rehearsed` will not begin: an encoder that takes training is only timed. `minutes` are for all of the command.
    """
    check_minutes(minutes, flags)
    began = clock.began()
    draft = drafted(source, file, flags)
    if rehearsed:
        encoder, seconds = timed_encoder(draft.data, draft.config, draft.start)
    else:
        encoder, seconds = fitted_encoder(draft.data, draft.config, quiet, draft.start), 0.0
    if minutes is None:
        return planned(draft, encoder, seconds)
    from unstir.cli.parts.ending import ending  # with matplotlib, which a plan without a time does not need

    return planned(draft, encoder, seconds, minutes, time.monotonic() - began + seconds, ending)


def show_settings(planned: Planned, output: Output) -> None:
    """Every setting and where it comes from; nothing is written."""
    if output.json:
        whence = {".".join(place): origin for place, origin in origins(planned.layers).items()}
        print(json.dumps({"config": planned.config.model_dump(), "origins": whence}))
    else:
        print(annotated_config(planned.config, planned.layers), end="")


def show_plan(planned: Planned, out: Path | None, output: Output) -> None:
    """What a run would be, and would cost; nothing is written."""
    cost, steps = planned.cost, planned.config.optim.steps
    for warning in planned.warnings:
        warn(warning)
    if planned.fitting.started and not output.json:
        note(planned.fitting.started)
    predicted = {
        "seconds": cost and planned.encoder_seconds + cost.seconds(steps),
        "seconds_per_step": cost and cost.step,
        "memory_bytes": cost and cost.memory,
        "steps": steps,
    }
    answer(
        output,
        {"out": None if out is None else str(out), "config": planned.config.model_dump(), "predicted": predicted},
        planned.headline,
        planned.prediction,
        f"nothing was trained or written; without --dry-run the run is {out or 'a new folder under runs/'}.",
    )
