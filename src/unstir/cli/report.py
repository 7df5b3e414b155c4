"""`unstir report`: the page of a run or of a comparison."""

import time
from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import Device, Output, Place
from unstir.devices import AUTO
from unstir.errors import UsageError


def report(
    run: Annotated[Place, Parameter(name="RUN", help="Folder of a run or of a comparison.")],
    /,
    *,
    out: Annotated[
        Place | None, Parameter(name=["--out", "-o"], help="The .html file to make; if left out, RUN/report.html, made anew.")
    ] = None,
    device: Device = AUTO,
    output: Output = Output(),
) -> None:
    """Make one page that shows what diffusion does to the data and what the model learnt: a file that works offline."""
    from unstir.cli.parts.output import answer
    from unstir.files import refuse_existing, storage_errors
    from unstir.report.keeping import report_of, write_report
    from unstir.report.page import SECTIONS
    from unstir.runs.about import read_about

    started = time.monotonic()
    read_about(run)
    if out is not None:
        if out.suffix != ".html":
            raise UsageError(f"--out {out}: a report is an .html file.")
        for path in (out, out.with_suffix(".json")):
            refuse_existing(path)
        with storage_errors(out):
            out.parent.mkdir(parents=True, exist_ok=True)
    page, found = report_of(run, device)
    page = write_report(out or page, found)
    sections = [name for name in SECTIONS if found.get(name)]
    made = {"report": str(page), "json": str(page.with_suffix(".json")), "sections": sections}
    answer(output, made | {"bytes": page.stat().st_size, "seconds": time.monotonic() - started}, page)
