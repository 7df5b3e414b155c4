"""`unstir interpolate`: from one row to another."""

from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import DataSource, NamedRowsOut, Output, ReadingFlags, RunOrModel, Whole
from unstir.errors import UsageError


def interpolate(
    run: RunOrModel,
    data: DataSource,
    /,
    *,
    rows: Annotated[str, Parameter(help="The two rows, counted from 0, as in 3,17.")],
    to: NamedRowsOut,
    n: Annotated[Whole, Parameter(name=["-n", "--number"], help="Rows on the way, both ends included.")] = 9,
    reading: ReadingFlags = ReadingFlags(),
    steps: Annotated[Whole, Parameter(group="Sampling", help="Network evaluations to the noise, and as many back.")] = 50,
    output: Output = Output(),
) -> None:
    """Go from one row of DATA to another through the noise that the model makes them of."""
    import numpy as np

    from unstir.cli.parts.rows import refuse_rows, rows_of, write_made
    from unstir.model.model import load

    model = load(run)
    refuse_rows(to, model)
    ends = rows_of(data, reading, rows, model)
    if len(ends) != 2:
        raise UsageError(f"--rows {rows}: name two rows, to go from one row to another, as in 3,17.")
    made = np.asarray(model.interpolate(ends[0], ends[1], n, steps))
    write_made(to, run, model, made, None, 2 * steps, output)
