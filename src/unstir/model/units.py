"""Rows from the user to float64, and back: the same shape, type and kind of array as the data that was fitted.

Rows with named columns are put into the model's order first: `named`.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unstir.conditions.base import Condition, Several
from unstir.data.dataset import Data
from unstir.data.frames import Frame, frame_of
from unstir.data.given import as_numbers
from unstir.data.matching import matched, places
from unstir.data.tables.libraries import LIBRARIES, framed, with_index
from unstir.data.tables.schema import Schema
from unstir.encoders.registry import ENCODERS
from unstir.errors import DataError, NumericsError, UnstirWarning, UsageError
from unstir.model.card import Card
from unstir.model.tables import coded
from unstir.words import listed, short


class Named(NamedTuple):
    """Rows in the model's order: `values` (N, ...), the condition's value of each row if a column holds it, and whether columns moved."""

    values: Any
    given: Any = None
    reordered: bool = False


def named(x: Any, card: Card, condition: Condition | None = None) -> Named:
    """Rows x with named columns, matched to those of the model by name; rows without names as they are, by place.

    A column of the condition is set apart. A column that the model does not know is left out (`data.matching`). What a person should know
    is an `UnstirWarning`.
    Raises DataError where a column of the model is missing.
    """
    frame = frame_of(x, card.names)
    told = () if frame is None else condition_columns(condition, frame.names)
    if card.schema is not None and card.mixed:
        return Named(coded(x, card.schema), told_by(frame, told, condition))
    if frame is None:
        return Named(x)
    rest = frame.without(*told)
    order, notes = matched(card.names, rest.names, "the rows")
    for note in notes:
        warnings.warn(UnstirWarning(note), stacklevel=4)  # the call of the model's method
    values = rest.numbers(rest.names if order is None else card.names)
    moved = order is not None and list(order) != sorted(order)
    return Named(values, told_by(frame, told, condition), moved)


def told_by(frame: Frame | None, names: Sequence[str], condition: Condition | None) -> Any:
    """What the columns of these names say that rows are given; None where there is none."""
    held = {} if frame is None else {name: frame.column(name, "the condition") for name in names}
    return value_named(held, condition) if held else None


def condition_columns(condition: Condition | None, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the `names` of a table's columns that hold what its rows are given."""
    if condition is None:
        return ()
    own = condition.names if isinstance(condition, Several) else (condition.column,)
    return tuple(name for name in own if name in names)


def values_of(data: Data, condition: Condition | None) -> Tensor | None:
    """The values (N, ...) of a condition that rows bring with them, by the names of classes and columns; None where they bring none."""
    if condition is None:
        return None
    if isinstance(condition, Several):
        return condition.values(data.told, len(data)) if data.is_given else None
    if data.given is not None:
        return torch.as_tensor(data.given)
    if data.labels is None:
        return None
    return condition.values([data.classes[i] for i in data.labels] if data.classes else data.labels, len(data))


def mask_of(mask: Any, reordered: bool, card: Card) -> Any:
    """A mask in the model's order, its columns matched by name. Raises DataError for one without names beside columns in another order."""
    if card.mixed:
        frame = frame_of(mask, card.names)
        return mask if frame is None else frame.numbers(card.names)
    found = named(mask, card)
    if reordered and found.values is mask and np.ndim(mask):
        raise DataError(
            "the columns of the rows come in another order than the model's, and the mask has no names, so it is not clear which "
            "columns it means. Give it names, as in mask={'a': True, 'b': False}."
        )
    return found.values


def value_named(given: Any, condition: Condition | None) -> Any:
    """What is given, by the name of the condition where it has names: the value in a dict, the column of a table.

    For a condition of several columns it is a dict of those that came, or what has no names. Raises DataError where the condition is not
    among the names.

    >>> from unstir.conditions.classes import Classes
    >>> value_named({"pet": "dog"}, Classes(("cat", "dog"), (1, 1), "pet"))
    'dog'
    """
    if condition is None or hasattr(given, "name"):  # a series is values, whatever it is called
        return given
    frame = None if isinstance(given, dict) else frame_of(given)
    if frame is None and not isinstance(given, dict):
        return given
    if isinstance(condition, Several):
        return given if frame is None else dict(frame.columns)
    names = list(given) if frame is None else frame.names
    if condition.column not in names:
        came = listed([f"'{short(str(name))}'" for name in names[:8]])
        raise DataError(f"this model is given '{condition.column}', and what came is called {came}.")
    return given[condition.column] if frame is None else frame.column(condition.column, "the condition")


def rows_of(x: Any, shape: tuple[int, ...]) -> Tensor:
    """Rows x (N, *shape), in anything that `unstir.data.given` takes, as a float64 tensor: a copy, with NaN for what is missing.

    Raises DataError for rows of another shape, and for what is no array of numbers.

    >>> rows_of(np.arange(4)[::-1], (1,)).tolist(), rows_of([], (2, 3)).shape
    ([[3.0], [2.0], [1.0], [0.0]], torch.Size([0, 2, 3]))
    """
    array, _ = as_numbers(x, "the array")
    rows = torch.from_numpy(np.array(array, dtype=np.float64, order="C"))
    if not rows.numel() and rows.ndim == 1:
        return rows.reshape(0, *shape)
    rows = rows[:, None] if rows.ndim == 1 and shape == (1,) else rows
    if tuple(rows.shape[1:]) != shape or not rows.ndim:
        alone = " It is a single row: pass it as x[None]." if tuple(rows.shape) == shape else ""
        raise DataError(f"rows of shape {tuple(rows.shape[1:])}, but the model was trained on rows of {shape}.{alone}")
    return rows


def one_row(x: Any, shape: tuple[int, ...]) -> Tensor:
    """A single row, as it is or among (1, *shape), as `rows_of` gives it: (1, *shape)."""
    array, _ = as_numbers(x, "a row")
    return rows_of(array if array.shape == (1, *shape) else array[None], shape)


def typed(x: Tensor, card: Card) -> Any:
    """Rows x (N, ...) in the data's units, float64, as the kind of array that was fitted. Raises NumericsError if they are not finite.

    What lies beyond the range of the type becomes its smallest or largest finite value, for floats as for whole numbers: 65,504 in float16.
    """
    if card.schema is not None and card.mixed:
        return x.numpy(force=True)
    refuse_infinite(x)
    dtype = getattr(torch, card.dtype, torch.float64)
    if dtype == torch.bfloat16 and card.kind == "numpy":
        dtype = torch.float32  # numpy has no bfloat16
    if not dtype.is_floating_point:
        x = x.round()
    x = x.detach().clamp(*_range(dtype, card)).to(dtype)
    return x if card.kind == "torch" else x.numpy()


def refuse_cells(card: Card, what: str) -> None:
    """Raise UsageError if rows are those of a table that is learnt cell by cell, for which there is no such thing as `what`.

    >>> refuse_cells(Card((2,), "ND", "linear", {}, "edm", "mlp", {}, "standardise"), "a density")
    """
    if card.mixed:
        raise UsageError(
            f"this model is of a table with categories or missing cells, for which there is no {what}. Train on its columns of numbers only, "
            "or without its gaps."
        )
    if card.by_cell:
        raise UsageError(
            f"this model keeps values that many rows have exactly (--data.encoder {card.encoder}), and then there is no {what}. Train with "
            f"--data.encoder {ENCODERS.default}, which takes every column for a continuous number."
        )


def tidied(rows: Any, card: Card) -> Any:
    """Rows (n, ...), as `typed` gives them; numbers of a table as their columns can hold them, with the decimals that they came with."""
    table = card.schema
    if table is None or card.kind == "torch":
        return rows
    return table.tidied(rows).astype(rows.dtype)


def as_came(rows: Any, card: Card, told: tuple[np.ndarray, Schema] | None = None, like: Any = None) -> Any:
    """Rows (n, ...), as `typed` gives them, in the form of the data that was fitted: a data frame, columns by name, or the array itself.

    `told` are codes (n, m) of what the rows are given, and what their columns are: if they were columns of the same table, they are columns
    here, too, in their old place. A data frame has the index of the one that it is `like`, if that has one.
    """
    table, codes = card.schema, rows
    if table is None or not (card.kind in LIBRARIES or card.mixed):
        return rows
    if told is not None and card.order:
        codes, beside = np.concatenate([np.asarray(rows, np.float64), told[0]], axis=1), told[1]
        order = places([*table.names, *beside.names], card.order)
        table, codes = Schema((*table.columns, *beside.columns)).take(order), codes[:, order]
    return with_index(framed(table, np.asarray(codes, np.float64), card.kind), like)


def refuse_infinite(x: Tensor) -> None:
    """Raise NumericsError if any of the rows x (N, ...) is not finite."""
    if not x.isfinite().all():
        raise NumericsError(
            f"{int((~x.isfinite()).flatten(1).any(1).sum())} of {len(x)} rows are not finite. "
            "Use another method, more steps, or less guidance. If the model was trained only briefly, train longer."
        )


def _range(dtype: torch.dtype, card: Card) -> tuple[float, float]:
    """The smallest and the largest float64 that the type, and the bounds of the data if it has any, can hold.

    float64 has no 2^63 - 1: the nearest is 2^63, which an int64 would wrap to the other end.
    """
    if dtype == torch.bool:
        return card.bounds or (0.0, 1.0)
    if dtype.is_floating_point:
        largest = torch.finfo(dtype).max
        return -largest, largest
    low, high = card.bounds or (torch.iinfo(dtype).min, torch.iinfo(dtype).max)
    nearest = float(high)
    return float(low), math.nextafter(nearest, 0.0) if nearest > high else nearest
