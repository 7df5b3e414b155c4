"""What rows are given, as columns of the table that they are rows of: their cells stand beside the rows again, in their old place.

fitted     price, size, island        unstir.fit(frame, given=["price", "island"])
a row      size
samples    price, size, island
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from unstir.conditions.base import Several
from unstir.data.frames import frame_of
from unstir.data.tables.schema import Schema
from unstir.model.units import condition_columns, told_by

if TYPE_CHECKING:
    from unstir.model.model import Model


def columns_given(model: "Model", n: int, given: Any, seed: int) -> tuple[np.ndarray, Schema] | None:
    """The codes (n, m) of what n rows are `given`, and their columns; None where these were no columns of the table of the rows."""
    condition = model.condition
    if not model.card.order or not isinstance(condition, Several):
        return None
    values = model.given(n, given, seed)
    assert values is not None
    return condition.codes(values), condition.table


def brought(x: Any, model: "Model") -> Any:
    """What the columns of rows x say that they are given, by name: {} where they say nothing."""
    frame = frame_of(x, model.card.names)
    names = () if frame is None else condition_columns(model.condition, frame.names)
    found = told_by(frame, names, model.condition)
    return {} if found is None else found
