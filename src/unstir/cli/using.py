"""`unstir sample`, `evaluate` and `selfcheck`: what one does with a trained model, and with the mathematics."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from safetensors.numpy import save as safetensors_bytes

from unstir import evaluate as evaluation
from unstir.checkpoint import refuse_existing, storage_errors, write_file
from unstir.config import Config, read_config, resolve
from unstir.datasets import load
from unstir.errors import StorageError, UsageError
from unstir.fitting import load_data
from unstir.metrics.distances import half_split_pairs
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
        stem = f"{n}-{method or default(steps)}-{steps}-seed{seed}" + (f"-class-{label}" if label else "")
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
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*(model.card.names or [f"x{i}" for i in range(flat.shape[1])]), *([] if classes is None else ["class"])])
        writer.writerows(flat.tolist() if classes is None else [[*row, c] for row, c in zip(flat.tolist(), classes, strict=True)])
        return text.getvalue().encode()
    return buffer.getvalue()


def evaluate(
    run: Path, source: str | None, labels: str | None, steps: int, method: str | None, seed: int, as_object: bool
) -> None:
    """Score against the run's own data, or against other true rows of the same shape."""
    model = load_model(run)
    config = resolve(read_config(run / "config.toml"))
    truth = _own_truth(run, config) if source is None else _other_truth(source, labels, model)
    scores = evaluation.evaluate(model, truth, steps, method, seed)
    levels = [(level, model.error.at(torch.tensor(level)).mean().item()) for level in (-6.0, -3.0, 0.0, 3.0, 6.0, 9.0)]
    if as_object:
        curve = [{"log_snr": level, "mse": mse, "unit_gaussian": 1 / (1 + np.exp(level))} for level, mse in levels]
        print(json.dumps({"run": str(run), "scores": evaluation.as_json(scores), "held_out_error": curve}))
        return
    table = Table("metric", "model", "floor", "rows", "verdict", title=f"{run}: {method or default(steps)}, {steps} evaluations")
    for s in scores:
        table.add_row(
            s.metric, f"{s.value:.4f} ± {s.deviation:.4f}", f"{s.floor:.4f} ± {s.floor_deviation:.4f}", f"{s.rows:,}", s.verdict
        )
    errors = Table(
        "log-SNR", "model", "knows only the variance", title="Error of x0_hat on held-out rows (1 is the data's variance)"
    )
    for level, mse in levels:
        errors.add_row(f"{level:+.0f}", f"{mse:.4f}", f"{1 / (1 + np.exp(level)):.4f}")
    _show(table, errors)


def _own_truth(run: Path, config: Config) -> evaluation.Truth:
    """From the data a run was trained on, read again and checked to be the same."""
    data = load_data(config)
    with storage_errors(run):
        recorded = json.loads((run / "run.json").read_text()).get("data_sha256")
    if data.sha256() != recorded:
        raise StorageError(
            f"{config.data.source} is not the data that {run} was trained on: its sha256 differs. "
            f"Name the true rows: unstir evaluate {run} DATA."
        )
    return evaluation.truth_of(data, config.data.held_out, config.seed)


def _other_truth(source: str, labels: str | None, model: Model) -> evaluation.Truth:
    """True rows from elsewhere: one half of them against the other is the floor."""
    data = load(source, labels=labels)
    if data.shape != model.card.shape:
        raise UsageError(
            f"{source} has rows of shape {data.shape}, but the model was trained on {model.card.shape}. "
            "If one column is the class, name it: --labels NAME."
        )
    rows = data.values.reshape(len(data), -1).astype(np.float64)
    n = min(evaluation.MOST, len(rows) // 2)
    if n < evaluation.FEWEST:
        raise UsageError(f"{source} has {len(rows)} rows; comparing takes at least {2 * evaluation.FEWEST}.")
    pairs = list(half_split_pairs(rows, n, evaluation.REPEATS, np.random.default_rng(0)))
    return evaluation.Truth([a for a, _ in pairs], [b for _, b in pairs])


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
        _show(table)
        print(f"{len(rows) - len(failed)} of {len(rows)} truths hold.")
    if failed:
        sys.exit(4)


def _show(*tables: Table) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    with console.capture() as captured:  # rich would end the process itself where the reader has gone
        for table in tables:
            console.print(table)
    print(captured.get(), end="")
