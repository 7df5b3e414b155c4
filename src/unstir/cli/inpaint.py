"""`unstir inpaint`: what is missing of rows, drawn given the rest."""

from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import (
    DataSource,
    Device,
    GivenFlags,
    InpaintingFlags,
    Name,
    NamedRowsOut,
    Output,
    Picked,
    Place,
    ReadingFlags,
    RunOrModel,
)
from unstir.devices import AUTO


def inpaint(
    run: RunOrModel,
    data: DataSource,
    /,
    *,
    mask: Annotated[
        Place | None,
        Parameter(
            help="What to keep: .npy of 1 and 0, of the shape of one row or of all rows, .csv with the names of columns, or a .png "
            "picture, white to keep. Without a mask, the values that are missing are filled in."
        ),
    ] = None,
    keep: Annotated[Name | None, Parameter(help="Columns to keep, as in age,income; all others are filled in.")] = None,
    fill: Annotated[Name | None, Parameter(help="Columns to fill in, as in age,income; all others are kept.")] = None,
    to: NamedRowsOut,
    rows: Picked = None,
    reading: ReadingFlags = ReadingFlags(),
    given: GivenFlags = GivenFlags(),
    how: InpaintingFlags = InpaintingFlags(),
    device: Device = AUTO,
    output: Output = Output(),
) -> None:
    """Draw what is missing of rows of DATA, or what a mask or names of columns leave open, given the rest of each row.

    Columns are matched by name. The class of a row, or what else it is given, is used, if DATA has it in columns that are called as in
    training.
    """
    from unstir.cli.parts.asked import asked_beside
    from unstir.cli.parts.output import answer
    from unstir.cli.parts.progress import note
    from unstir.cli.parts.rows_in import classes_of, kept, rows_of
    from unstir.cli.parts.rows_out import check_places, write_rows
    from unstir.data.given import as_numbers
    from unstir.runs.loading import load

    model = load(run, device=device)
    check_places(to.out, to.grid, model)
    picked = rows_of(data, reading, rows, model)
    known = kept(picked, model, mask, keep, fill)
    asked = asked_beside(given, model, picked)
    if asked is None and (asked := classes_of(picked, model)) is not None:
        note("note: each row is filled in given its class. Without: --labels none.")
    made, _ = as_numbers(model.fill(picked.values, known, asked, how.sampling()), "the rows")
    typed = given.label is not None or (asked is not None and not model.classes)
    ids = model.given(len(made), asked, how.seed) if typed else None
    written = write_rows(to.out, to.grid, run, model, made, ids)
    answer(output, written | {"n": len(made), "evaluations": how.steps}, *written.values())
