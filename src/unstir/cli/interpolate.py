"""`unstir interpolate`: from one row to another."""

from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import SAMPLING, DataSource, Device, NamedRowsOut, Output, ReadingFlags, RunOrModel, Whole
from unstir.devices import AUTO
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
    steps: Annotated[Whole, Parameter(group=SAMPLING, help="Network evaluations to the noise, and as many back.")] = 50,
    device: Device = AUTO,
    output: Output = Output(),
) -> None:
    """Go from one row of DATA to another through the noise that the model makes them of."""
    from unstir.cli.parts.output import answer
    from unstir.cli.parts.rows_in import rows_of
    from unstir.cli.parts.rows_out import check_places, write_rows
    from unstir.data.given import as_numbers
    from unstir.runs.loading import load

    model = load(run, device=device)
    check_places(to.out, to.grid, model)
    ends = rows_of(data, reading, rows, model).values
    if len(ends) != 2:
        raise UsageError(f"--rows {rows}: name two rows, to go from one row to another, as in 3,17.")
    made, _ = as_numbers(model.interpolate(ends[0], ends[1], n, steps), "the rows")
    written = write_rows(to.out, to.grid, run, model, made, None)
    answer(output, written | {"n": len(made), "evaluations": 2 * steps}, *written.values())
