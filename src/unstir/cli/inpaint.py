"""`unstir inpaint`: what is missing of rows, drawn given the rest."""

from pathlib import Path
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
    Whole,
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
    times: Annotated[
        Whole,
        Parameter(help="Fill in so many times, each drawn independently: with 5, -o full.csv are full-1.csv to full-5.csv."),
    ] = 1,
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
    from unstir.cli.parts.rows_out import check_places, numbered, write_rows
    from unstir.data.given import as_numbers
    from unstir.model.filling import filled
    from unstir.runs.loading import load

    model = load(run, device=device)
    places = [(to.out, to.grid)]
    if times > 1:
        grids = [None if to.grid is None else Path(numbered(str(to.grid), i + 1)) for i in range(times)]
        places = [(numbered(to.out, i + 1), grid) for i, grid in enumerate(grids)]
    for place in places:
        check_places(*place, model)
    picked = rows_of(data, reading, rows, model)
    known = kept(picked, model, mask, keep, fill)
    asked = asked_beside(given, model, picked)
    if asked is None and (asked := classes_of(picked, model)) is not None:
        note("note: each row is filled in given its class. Without: --labels none.")
    found = filled(model, picked.values, known, asked, how.sampling(), times)
    if found[0].effective is not None:
        note(f"note: {found[0]}.")
    typed = given.label is not None or (asked is not None and not model.classes)
    ids = model.given(len(picked), asked, how.seed) if typed else None
    written: dict[str, list[str]] = {}
    for one, (out, grid) in zip(found, places, strict=True):
        for what, path in write_rows(out, grid, run, model, as_numbers(one.rows, "the rows")[0], ids).items():
            written.setdefault(what, []).append(path)
    paths = {what: there if times > 1 else there[0] for what, there in written.items()}
    effective = found[0].effective
    told = {"particles": found[0].particles, "effective": None if effective is None else float(effective.median())}
    answer(
        output,
        paths | {"n": len(picked), "evaluations": how.steps} | told,
        *(path for there in written.values() for path in there),
    )
