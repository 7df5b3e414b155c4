"""What `Model.rows` gave as points (n, d), and whether they are codes of a mixed table."""

from typing import Any

import numpy as np

from unstir.data.given import as_numbers
from unstir.data.tables import Schema
from unstir.model.model import Model


def as_flat(rows: Any) -> np.ndarray:
    """Rows (n, ...) as points (n, d), float64; of a mixed table, the codes of its cells, NaN for one that is missing."""
    return as_numbers(rows, "the samples")[0].reshape(len(rows), -1).astype(np.float64)


def mixed_table(model: Model) -> Schema | None:
    """The columns of a model of a table whose rows are judged cell by cell; None for any other model."""
    return model.card.schema if model.card.by_cell else None
