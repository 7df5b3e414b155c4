"""Where rows that a model makes go: into a file or a folder (`--out`), and into one picture of them all (`--grid`)."""

from pathlib import Path

import numpy as np
from torch import Tensor

from unstir.cli.parts.grid import refuse_grid, write_grid
from unstir.conditions.base import Several
from unstir.data import check_path, write
from unstir.data.formats.registry import suffixes
from unstir.model.model import Model


def numbered(path: str, number: int) -> str:
    """A path with a number before its end.

    >>> numbered("full.csv.gz", 2), numbered("out/", 2), numbered("a.b/c.npy", 1)
    ('full-2.csv.gz', 'out-2/', 'a.b/c-1.npy')
    """
    end = max((end for end in (*suffixes(written=True), ".png", "/") if path.lower().endswith(end)), key=len, default="")
    at = len(path) - len(end)
    return f"{path[:at]}-{number}{path[at:]}"


def check_places(out: str, grid: Path | None, model: Model) -> None:
    """Raise what is wrong with writing this model's rows there, before anything is computed."""
    check_path(out, model.card.shape, model.card.dtype, model.card.axes, model.table)
    if grid is not None:
        refuse_grid(grid, model)


def write_rows(
    out: str, grid: Path | None, run: Path, model: Model, rows: np.ndarray, ids: Tensor | None, sort: bool = False
) -> dict[str, str]:
    """Write rows (n, ...) with the names of their classes, of ids (n,); the paths written, by what is there.

    The picture has a row of cells for each class where it is to `sort` the rows.
    """
    beside, labels, arrays = None, None, {}
    if isinstance(model.condition, Several):
        if ids is not None:
            told = model.condition.table
            beside = (model.condition.codes(ids), told) if told.columns else None
            arrays = model.condition.arrays(ids)
    elif ids is not None and model.condition is not None:
        labels = np.array(model.condition.texts(ids))
    column = model.condition.column if model.condition else ""
    card, table = model.card, model.table
    written = {"rows": str(write(out, rows, labels, card.names, column, card.axes, table, beside, card.order, arrays))}
    if grid is None:
        return written
    write_grid(grid, run, model, rows, ids if sort else None)
    return written | {"grid": str(grid)}
