"""A setting that is chosen from the data, with its reason; and the choices for tables learnt by columns. `presets` has the others.

>>> steps_for(100, MOST_STEPS)
Choice(value=400, why='4 for each of 100 rows: with more steps, a small data set is memorised')
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from unstir.data import Data
from unstir.diffusion.registry import FOR_COLUMNS
from unstir.encoders.column_parts import has_states
from unstir.encoders.registry import FOR_TABLES
from unstir.words import counted, listed, short

FEW_ROWS = 1000  # of tables of more than three columns: with fewer, a wide network soon memorises
STEPS_A_ROW, FEWEST_STEPS, MOST_STEPS = 4, 250, 4000
SOME_ROWS, SOME_NUMBERS, NAMED = 2**14, 2**22, 3  # rows and numbers that are looked at, and columns that are named, at most
FEW_COLUMNS = 3  # tables of so few get sinusoids: with clusters in the plane, samples off them fell to a third
OCTAVES = 4
RATE = "the peak learning rate that suits a network of this kind and width"


class Choice(NamedTuple):
    """A setting that is chosen from the data, and the reason in words, with the numbers that it depends on."""

    value: Any
    why: str


def steps_for(rows: int, most: int) -> Choice:
    """The number of steps for so many rows, and the reason."""
    wanted = STEPS_A_ROW * rows
    planned = min(max(wanted, FEWEST_STEPS), most)
    limit = "" if planned == wanted else f", and {'at least' if planned > wanted else 'at most'} {planned:,}"
    return Choice(planned, f"{STEPS_A_ROW} for each of {rows:,} rows{limit}: with more steps, a small data set is memorised")


def kept_exactly(data: Data, chosen: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The columns of a table of numbers that have values again and again, such as exact zeros, if it is to be learnt by columns; else None.

    A table of mixed columns is learnt so in any case. One of numbers is, if a column has states in the encoder of tables, seen from some
    rows, unless the settings `chosen` have another encoder, or a target that is not for it.
    """
    encoder, aim = (chosen.get(section, {}).get(name) for section, name in (("data", "encoder"), ("diffusion", "target")))
    if data.mixed:
        return ()
    if data.table is None or encoder not in (None, FOR_TABLES) or (encoder is None and aim not in (None, FOR_COLUMNS)):
        return None
    most = max(2, min(SOME_ROWS, SOME_NUMBERS // len(data.table.columns)))
    rows = data.rows[np.sort(np.random.default_rng(0).permutation(len(data))[:most])]
    found = tuple(
        name for name, numbers in zip(data.table.names, rows.T, strict=True) if has_states(numbers[np.isfinite(numbers)])
    )
    return found if found or encoder == FOR_TABLES else None


def of_columns(data: Data, kept: tuple[str, ...]) -> dict[tuple[str, str], Choice]:
    """The choices for a table that is learnt by columns: one of mixed columns, or one of numbers whose columns `kept` have repeated values."""
    few = len(data) < FEW_ROWS
    why = f"with {len(data):,} rows, fewer than {FEW_ROWS:,}, a larger network memorises them sooner"
    return {
        ("data", "encoder"): Choice(FOR_TABLES, _why(data, kept)),
        ("diffusion", "target"): Choice(
            FOR_COLUMNS, "numbers, and which one of its states a column is in, such as a category or an exact value"
        ),
        ("network", "width"): Choice(96, f"features a layer: {why}") if few else Choice(256, "features a layer, for tables"),
        ("network", "depth"): Choice(2, f"residual blocks: {why}") if few else Choice(3, "residual blocks, for tables"),
        ("network", "octaves"): Choice(OCTAVES, "sinusoids of the numbers: in few columns, detail is fine")
        if data.shape[0] <= FEW_COLUMNS
        else Choice(0, "no sinusoids: states have no fine detail"),
        ("optim", "steps"): steps_for(len(data), MOST_STEPS),
        ("optim", "lr"): Choice(2e-3, RATE),
    }


def _why(data: Data, kept: tuple[str, ...]) -> str:
    if data.mixed or not kept:
        return "columns are of several kinds, or cells are missing"
    which = (
        listed([f"'{short(name)}'" for name in kept])
        if len(kept) <= NAMED
        else f"{counted(len(kept), 'column')}, such as '{short(kept[0])}',"
    )
    return f"{which} {'has' if len(kept) == 1 else 'have'} the same values again and again, which samples have exactly"
