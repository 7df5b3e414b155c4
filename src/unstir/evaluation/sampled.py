"""What `model.sample` gave as rows of numbers (n, d), whatever the kind of the data: arrays, a data frame, columns by name."""

from typing import Any

import numpy as np

from unstir.data.frames import frame_of
from unstir.data.given import as_numbers
from unstir.data.tables import Schema
from unstir.model.model import Model


def as_flat(model: Model, samples: Any) -> np.ndarray:
    """Samples as rows (n, d), float64; of a mixed table, the codes of its cells, NaN for one that is missing."""
    table = mixed_table(model)
    if table is None:
        return as_numbers(samples, "the samples")[0].reshape(len(samples), -1).astype(np.float64)
    frame = frame_of(samples)
    assert frame is not None, type(samples)
    return table.coded(frame)


def mixed_table(model: Model) -> Schema | None:
    """The columns of a model of a table that holds more than numbers; None for any other model."""
    return model.table if model.table is not None and not model.table.plain else None
