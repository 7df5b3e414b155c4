"""`unstir compare`: which is better on this data, and is it more than noise?"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import DataSource, ProgressOutput, Whole
from unstir.cli.parts.settings import SettingsFlags


def compare(
    what: Annotated[str, Parameter(name="WHAT", help="schedules, targets or samplers.")],
    data: DataSource,
    /,
    *,
    only: Annotated[str | None, Parameter(help="Those to compare, as in linear,cosine; if left out, the usual ones.")] = None,
    seeds: Annotated[Whole, Parameter(help="How often each is trained, with another seed each time.")] = 5,
    n: Annotated[Whole, Parameter(name=["-n", "--number"], help="Samples of each, at most.")] = 5000,
    out: Annotated[
        Path | None,
        Parameter(
            name=["--out", "-o"], help="Folder of the results; one that holds the same comparison, unfinished, is completed."
        ),
    ] = None,
    settings: SettingsFlags = SettingsFlags(),
    output: ProgressOutput = ProgressOutput(),
) -> None:
    """Find out which schedule, target or sampler is better on DATA: same rows, same budget, several seeds, and a verdict.

    Each is trained for 2,000 steps, unless --steps says otherwise.
    """
    from unstir.cli import comparing

    comparing.compare(what, data, out, settings.config, settings.flags(), only, seeds, n, output)
