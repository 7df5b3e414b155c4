"""What `model.sample` gave as rows of numbers (n, ...), whatever the kind of the data: arrays, a data frame, columns by name."""

from typing import Any

import numpy as np

from unstir.data.frames import frame_of
from unstir.data.given import as_numbers
from unstir.data.tables import Schema
from unstir.model.model import Model


def as_rows(model: Model, samples: Any) -> Any:
    """Samples as an array (n, ...) of the data's numbers; of a table, the codes of its cells, NaN for one that is missing."""
    frame = None if model.table is None else frame_of(samples)
    return samples if model.table is None or frame is None else model.table.coded(frame)


def as_flat(model: Model, samples: Any) -> np.ndarray:
    """`as_rows` as points (n, d), float64."""
    rows = as_numbers(as_rows(model, samples), "the samples")[0]
    return rows.reshape(len(rows), -1).astype(np.float64)


def mixed_table(model: Model) -> Schema | None:
    """The columns of a model of a table that holds more than numbers; None for any other model."""
    return model.table if model.card.mixed else None
