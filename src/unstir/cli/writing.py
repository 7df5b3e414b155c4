"""Rows that a model makes, into a file or a folder: `unstir.data.write`, with what the model's card says of the data."""

from pathlib import Path

import numpy as np
from torch import Tensor

from unstir.data import check_path, write
from unstir.model.model import Model


def refuse_out(out: str, model: Model) -> Path:
    """The path that `out` names. Raises what is wrong with this model's rows there, before anything is computed."""
    return check_path(out, model.card.shape, model.card.dtype)


def write_rows(out: str, model: Model, rows: np.ndarray, ids: Tensor | None) -> None:
    """Write rows (n, ...), with the names of their classes where there are ids (n,)."""
    labels = None if ids is None or model.condition is None else np.array(model.condition.texts(ids))
    write(out, rows, labels, model.card.names, model.condition.column if model.condition else "")
