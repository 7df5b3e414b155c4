"""`unstir sample` and `selfcheck`: what one does with a trained model, and with the mathematics."""

import json
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from unstir.cli.pictures import refuse_grid, write_grid
from unstir.cli.writing import refuse_out, write_rows
from unstir.data.formats.images import in_a_file_name
from unstir.diffusion.samplers import default
from unstir.model.model import Model
from unstir.model.model import load as load_model


def sample(
    run: Path,
    n: int,
    steps: int,
    method: str | None,
    label: str | None,
    guidance: float,
    interval: tuple[float, float] | None,
    out: str | None,
    grid: Path | None,
    seed: int,
    precision: str,
    as_object: bool,
) -> None:
    """Draw and write; the path is the result, and that of the grid."""
    model = load_model(run, precision)
    out = out or _unnamed(run, model, n, steps, method, label, guidance, interval, seed)
    path = refuse_out(out, model)
    if grid is not None:
        refuse_grid(grid, model)
    rows = np.asarray(model.sample(n, label, steps=steps, method=method, guidance=guidance, interval=interval, seed=seed))
    ids = model.given(n, label, seed)
    write_rows(out, model, rows, ids)
    if grid is not None:
        write_grid(grid, run, model, rows, ids if label is None else None)
    if as_object:
        made = {"samples": str(path), "n": n, "evaluations": steps, "method": method or default(steps)}
        print(json.dumps(made | ({} if grid is None else {"grid": str(grid)})))
    else:
        print(*[path] + ([] if grid is None else [grid]), sep="\n")


def _unnamed(
    run: Path,
    model: Model,
    n: int,
    steps: int,
    method: str | None,
    label: str | None,
    guidance: float,
    interval: tuple[float, float] | None,
    seed: int,
) -> str:
    """Where samples go that were given no place: the run's own folder, under a name that says how they were made."""
    folder = run / "samples" if (run / "model").is_dir() else Path()
    stem = f"{n}-{method or default(steps)}-{steps}-seed{seed}"
    stem += f"-class-{in_a_file_name(label)}" if label is not None else ""
    stem += f"-guidance-{guidance:g}" if guidance != 1 else ""
    stem += f"-in-{interval[0]:g}-{interval[1]:g}" if interval else ""
    stem += f"-{model.precision}" if model.precision != "float32" else ""
    return str(folder / f"{stem}{'.npz' if model.condition else '.npy'}")


def selfcheck(as_object: bool) -> None:
    """Run every check; exit code 4 if one fails."""
    from unstir.selfcheck import checks

    table = Table("truth", "of", "measured", "bar", "")
    rows = []
    for row in checks.selfcheck():
        rows.append(row)
        table.add_row(row.truth, row.subject, f"{row.measured:.2g}", str(row.bar), "ok" if row.ok else "[bold red]FAILED[/]")
    failed = [row for row in rows if not row.ok]
    if as_object:
        print(json.dumps({"checks": [row.__dict__ for row in rows], "failed": len(failed)}))
    else:
        show(table)
        print(f"{len(rows) - len(failed)} of {len(rows)} truths hold.")
    if failed:
        sys.exit(4)


def show(*tables: Table) -> None:
    """Print to stdout, as wide as the terminal, 120 columns elsewhere."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    with console.capture() as captured:  # rich would end the process itself where the reader has gone
        for table in tables:
            console.print(table)
    print(captured.get(), end="")
