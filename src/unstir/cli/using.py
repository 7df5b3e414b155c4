"""`unstir sample` and `selfcheck`: what one does with a trained model, and with the mathematics."""

import csv
import io
import json
import re
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from safetensors.numpy import save as safetensors_bytes

from unstir.checkpoint import refuse_existing, sha256, storage_errors, write_file
from unstir.errors import UsageError
from unstir.model import Model
from unstir.model import load as load_model
from unstir.samplers import default

SUFFIXES = (".npy", ".npz", ".csv", ".safetensors")


def sample(
    run: Path,
    n: int,
    steps: int,
    method: str | None,
    label: str | None,
    guidance: float,
    interval: tuple[float, float] | None,
    out: Path | None,
    seed: int,
    as_object: bool,
) -> None:
    """Draw and write; the path is the result."""
    model = load_model(run)
    if out is None:
        folder = run / "samples" if (run / "model").is_dir() else Path()
        stem = f"{n}-{method or default(steps)}-{steps}-seed{seed}" + (
            f"-class-{_in_a_file_name(label)}" if label is not None else ""
        )
        stem += f"-guidance-{guidance:g}" if guidance != 1 else ""
        stem += f"-in-{interval[0]:g}-{interval[1]:g}" if interval else ""
        out = folder / f"{stem}{'.npz' if model.card.classes else '.npy'}"
    if out.suffix not in SUFFIXES:
        raise UsageError(f"--out {out}: samples are written as {', '.join(SUFFIXES)}.")
    refuse_existing(out)
    rows = np.asarray(model.sample(n, steps=steps, method=method, labels=label, guidance=guidance, interval=interval, seed=seed))
    ids = model.labels_for(n, label, seed)
    classes = None if ids is None else np.array(model.card.classes)[ids.numpy()]
    with storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    write_file(out, _encoded(out.suffix, rows, classes, model))
    if as_object:
        print(json.dumps({"samples": str(out), "n": n, "evaluations": steps, "method": method or default(steps)}))
    else:
        print(out)


def _in_a_file_name(label: str) -> str:
    """A class as part of a file's name: as it is if it can be, else with what cannot be replaced and a few digits of its sha256."""
    safe = re.sub(r"[^\w.+ -]", "_", label)[:40]
    return safe if safe == label else f"{safe}-{sha256(label.encode())[:8]}"


def _encoded(suffix: str, rows: np.ndarray, classes: np.ndarray | None, model: Model) -> bytes:
    """A file's bytes: rows, and the name of each one's class where there are classes and the format can hold them."""
    buffer = io.BytesIO()
    if suffix == ".npy":
        np.save(buffer, rows, allow_pickle=False)
    elif suffix == ".npz":
        arrays = {"values": rows} if classes is None else {"values": rows, "labels": classes}
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
    elif suffix == ".safetensors":
        return safetensors_bytes({"values": rows})
    else:
        text = io.StringIO(newline="")
        flat = rows.reshape(len(rows), -1)
        flat = flat.astype(np.uint8) if flat.dtype == bool else flat  # True is no number to whoever reads the table
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            [
                *(model.card.names or [f"x{i}" for i in range(flat.shape[1])]),
                *([] if classes is None else [model.card.label_name]),
            ]
        )
        writer.writerows(flat.tolist() if classes is None else [[*row, c] for row, c in zip(flat.tolist(), classes, strict=True)])
        return text.getvalue().encode()
    return buffer.getvalue()


def selfcheck(as_object: bool) -> None:
    """Run every check; exit code 4 if one fails."""
    from unstir import selfcheck as checks

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
