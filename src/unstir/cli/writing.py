"""Where rows that a model makes go: one file, or a folder of PNGs.

    x.npy  x.npz  x.csv  x.safetensors        out/, or a name without a suffix: a folder of PNGs

Each is whole or absent, and nothing is overwritten.
"""

import csv
import io
from pathlib import Path

import numpy as np
from safetensors.numpy import save as safetensors_bytes
from torch import Tensor

from unstir.cli.pictures import refuse_folder, write_folder
from unstir.errors import UsageError
from unstir.files import refuse_existing, storage_errors, write_file
from unstir.model.model import Model

SUFFIXES = (".npy", ".npz", ".csv", ".safetensors")


def refuse_out(out: str, model: Model) -> Path:
    """The path that `out` names. Raises what is wrong with this model's rows there, before anything is computed."""
    path = Path(out)
    if _is_folder(out):
        refuse_folder(path, model)
    elif path.suffix not in SUFFIXES:
        raise UsageError(f"--out {out}: rows are written as {', '.join(SUFFIXES)}, and pictures as PNGs into a folder, out/.")
    refuse_existing(path)
    return path


def write_rows(out: str, model: Model, rows: np.ndarray, ids: Tensor | None) -> None:
    """Write rows (n, ...) with the names of their classes, of ids (n,), to where `refuse_out` had nothing against."""
    path, classes = Path(out), None if ids is None else np.array(model.card.classes)[ids.numpy()]
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if _is_folder(out):
        write_folder(path, rows, None if classes is None else classes.tolist())
    else:
        write_file(path, _encoded(path.suffix, rows, classes, model))


def _is_folder(out: str) -> bool:
    return out.endswith("/") or not Path(out).suffix


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
