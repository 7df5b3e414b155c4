"""`unstir animate`: a film of a run."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from unstir.cli.parts.flags import Device, Output, Place, RunFolder, Whole
from unstir.devices import AUTO


def animate(
    run: RunFolder,
    /,
    *,
    out: Annotated[
        Place | None,
        Parameter(name=["--out", "-o"], help="The .gif or .mp4 file to make; if left out, RUN/figures/film.gif, made anew."),
    ] = None,
    seconds: Annotated[float, Parameter(help="Length of the film.")] = 8.0,
    pixels: Annotated[Whole, Parameter(help="Width of the film.")] = 480,
    rate: Annotated[Whole, Parameter(help="Pictures a second.")] = 20,
    device: Device = AUTO,
    output: Output = Output(),
) -> None:
    """Make a film for a slide: the data turns into noise, and the model turns that noise into data again."""
    from unstir.cli.parts.output import answer
    from unstir.files import refuse_existing, storage_errors, write_file
    from unstir.plots import film
    from unstir.report.film import animate as make
    from unstir.runs.about import read_about

    read_about(run)
    started, path = time.monotonic(), out or run / "figures" / "film.gif"
    if out is not None:
        refuse_existing(path)
    film.writer(path, rate)  # refuses what it cannot write before anything is computed
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / path.name
        pictures = make(run, whole, seconds, pixels, rate, device)
        content = whole.read_bytes()
    write_file(path, content)  # so that the film appears whole or not at all
    made = {"film": str(path), "pictures": pictures, "bytes": len(content), "seconds": time.monotonic() - started}
    answer(output, made, path)
