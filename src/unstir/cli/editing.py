"""`unstir inpaint` and `interpolate`: what a trained model makes of rows that there are."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from unstir.cli.pictures import refuse_grid, write_grid
from unstir.cli.writing import refuse_out, write_rows
from unstir.data import load
from unstir.data.layouts import kind_of, picture_layout
from unstir.errors import DataError, UsageError
from unstir.files import storage_errors
from unstir.model.model import Model
from unstir.model.model import load as load_model


def inpaint(
    run: Path,
    source: str,
    mask: Path,
    rows: str | None,
    labels: str | None,
    label: str | None,
    guidance: float,
    steps: int,
    method: str | None,
    out: str,
    grid: Path | None,
    seed: int,
    as_object: bool,
) -> None:
    """Draw what the mask leaves open, given the rest, and write whole rows; the path is the result."""
    model = load_model(run)
    _refuse(out, grid, model)
    known, x = read_mask(mask, model.card.shape), _rows_of(source, labels, rows, model)
    made = np.asarray(model.inpaint(x, known, label, steps=steps, method=method, guidance=guidance, seed=seed))
    ids = None if label is None else model.given(len(made), label, seed)
    _write(out, grid, run, model, made, ids)
    _say({"rows": out, "n": len(made), "evaluations": steps}, grid, as_object)


def interpolate(
    run: Path,
    source: str,
    rows: str,
    n: int,
    labels: str | None,
    steps: int,
    out: str,
    grid: Path | None,
    as_object: bool,
) -> None:
    """Encode two rows, and write n from one to the other; the path is the result."""
    model = load_model(run)
    _refuse(out, grid, model)
    x = _rows_of(source, labels, rows, model)
    if len(x) != 2:
        raise UsageError(f"--rows {rows}: a way leads from one row to another, as in 3,17.")
    made = np.asarray(model.interpolate(x[0], x[1], n, steps))
    _write(out, grid, run, model, made, None)
    _say({"rows": out, "n": n, "evaluations": 2 * steps}, grid, as_object)


def read_mask(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """What is known of rows of that shape: a .npy file of True and False or 1 and 0, or a picture that is white there.

    The mask of an image has its height and width, and holds for all channels. StorageError where the file cannot be read,
    UsageError for another kind of file, DataError for a size that does not fit.
    """
    if path.suffix not in (".npy", ".png"):
        raise UsageError(
            f"--mask {path}: a mask is a .npy file, of 1 where the data is kept and 0 elsewhere, or a .png file, white where it is."
        )
    with storage_errors(path):
        try:
            if path.suffix == ".npy":
                mask = np.load(path, allow_pickle=False)
            else:
                with Image.open(path) as image:
                    mask = np.asarray(image.convert("L")) >= 128
        except (ValueError, EOFError, Image.DecompressionBombError, Image.UnidentifiedImageError) as error:
            raise DataError(f"--mask {path} cannot be read: {error}.") from None
    if kind_of(shape) != "images":
        return mask
    height, width = picture_layout(shape).spatial
    if mask.shape == (height, width) and len(shape) == 3:
        return mask[..., None] if shape[:2] == (height, width) else mask
    if path.suffix == ".png" and mask.shape != (height, width):
        raise DataError(
            f"--mask {path} is {mask.shape[1]} x {mask.shape[0]} pixels, and the model's images are {width} x {height}."
        )
    return mask


def _rows_of(source: str, labels: str | None, rows: str | None, model: Model) -> np.ndarray:
    """The rows of the data that are asked for, or all; what is missing in them is left to the mask."""
    data = load(source, labels=labels, missing="keep")
    if data.shape != model.card.shape:
        raise DataError(
            f"{source} has rows of shape {data.shape}, but the model was trained on {model.card.shape}. "
            "If one column is the class, name it: --labels NAME."
        )
    return data.values if rows is None else data.rows[np.array(_numbers(rows, len(data)))]


def _numbers(rows: str, n: int) -> list[int]:
    """Row numbers from 0 on, as in 3,17."""
    parts = [part.strip() for part in rows.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) < n for part in parts):
        raise UsageError(f"--rows {rows}: rows are numbers from 0 to {n - 1}, with commas between them, as in 3,17.")
    return [int(part) for part in parts]


def _refuse(out: str, grid: Path | None, model: Model) -> None:
    refuse_out(out, model)
    if grid is not None:
        refuse_grid(grid, model)


def _write(out: str, grid: Path | None, run: Path, model: Model, made: np.ndarray, ids: Tensor | None) -> None:
    write_rows(out, model, made, ids)
    if grid is not None:
        write_grid(grid, run, model, made, None)


def _say(made: dict[str, object], grid: Path | None, as_object: bool) -> None:
    if as_object:
        print(json.dumps(made | ({} if grid is None else {"grid": str(grid)})))
    else:
        print(*[Path(str(made["rows"]))] + ([] if grid is None else [grid]), sep="\n")
