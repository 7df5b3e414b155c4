"""`unstir information`: how many bits a row takes, by three estimates, and at which noise levels they are."""

from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import CompleteReadingFlags, Device, Output, Place, RunFolder, Seed, Whole
from unstir.devices import AUTO


def information(
    run: RunFolder,
    data: Annotated[
        str | None, Parameter(name="DATA", help="Rows to measure; if left out, those that the run held out in training.")
    ] = None,
    /,
    *,
    out: Annotated[
        Place | None,
        Parameter(name=["--out", "-o"], help="Figure to write: a .png file, with a .pdf beside it. It must not exist yet."),
    ] = None,
    n: Annotated[Whole | None, Parameter(name="-n", help="Rows to use at most; if left out, what takes about a minute.")] = None,
    against: Annotated[
        Place | None,
        Parameter(help="Another run, measured on the same rows: the difference, row by row, with its standard error."),
    ] = None,
    seed: Seed = 0,
    reading: CompleteReadingFlags = CompleteReadingFlags(),
    device: Device = AUTO,
    output: Output = Output(),
) -> None:
    """Measure how many bits a row takes under the model, where in the noise they are, and how few steps a coder needs."""
    from unstir.cli.parts.informed import difference, document_of, drawing, measured, rows_for, tables
    from unstir.cli.parts.output import answer, show
    from unstir.errors import UsageError
    from unstir.files import refuse_existing
    from unstir.plots.information import bit_curves
    from unstir.plots.style import save
    from unstir.report.informed import said
    from unstir.runs.loading import load

    if out is not None:
        if out.suffix.lower() != ".png":
            raise UsageError(f"--out {out}: the figure is a .png file, with a .pdf file beside it.")
        refuse_existing(out)
        refuse_existing(out.with_suffix(".pdf"))
    if n is not None and n < 2:
        raise UsageError(f"-n {n}: a standard error takes at least 2 rows.")
    model = load(run, device=device)
    rows = rows_for(run, data, reading, model, n, seed)
    found = measured(model, rows, seed)
    document = {"run": str(run), "seed": seed} | document_of(found, rows)
    lines = said(found, rows.given)
    if against is not None:
        compared = difference(found, model, load(against, device=device), rows, against, seed)
        document["against"], lines = compared.document, [*lines, compared.sentence]
    if out is not None:
        save(bit_curves(drawing(found)), out)
        document, lines = document | {"figure": str(out)}, [*lines, str(out)]
    if not output.json:
        show(*tables(found, rows))
    answer(output, document, *lines)
