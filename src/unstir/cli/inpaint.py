"""`unstir inpaint`: what is missing of rows, drawn given the rest."""

from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import (
    DataSource,
    GivenFlags,
    InpaintingFlags,
    NamedRowsOut,
    Output,
    Picked,
    Place,
    ReadingFlags,
    RunOrModel,
)


def inpaint(
    run: RunOrModel,
    data: DataSource,
    /,
    *,
    mask: Annotated[
        Place,
        Parameter(
            help="What to keep: .npy of 1 and 0, of the shape of one row or of all rows, or a .png picture, white to keep."
        ),
    ],
    to: NamedRowsOut,
    rows: Picked = None,
    reading: ReadingFlags = ReadingFlags(),
    given: GivenFlags = GivenFlags(),
    how: InpaintingFlags = InpaintingFlags(),
    output: Output = Output(),
) -> None:
    """Draw the parts of rows of DATA that a mask leaves open, given the parts that it keeps."""
    from unstir.cli.parts.output import answer
    from unstir.cli.parts.rows_in import read_mask, rows_of
    from unstir.cli.parts.rows_out import check_places, write_rows
    from unstir.data.given import as_numbers
    from unstir.runs.loading import load

    model = load(run)
    check_places(to.out, to.grid, model)
    known, x = read_mask(mask, model.card.layout), rows_of(data, reading, rows, model)
    made, _ = as_numbers(model.inpaint(x, known, given.label, how.sampling()), "the rows")
    ids = None if given.label is None else model.given(len(made), given.label, how.seed)
    written = write_rows(to.out, to.grid, run, model, made, ids)
    answer(output, written | {"n": len(made), "evaluations": how.steps}, *written.values())
