"""A setting that is chosen from the data, with its reason; and the choices for tables of mixed columns. `training.presets` has the others.

>>> steps_for(100, MOST_STEPS)
Choice(value=400, why='4 for each of 100 rows: with more steps, a small data set is memorised')
"""

from typing import Any, NamedTuple

from unstir.data import Data
from unstir.diffusion.registry import FOR_COLUMNS
from unstir.encoders.registry import FOR_TABLES

FEW_ROWS = 1000  # of tables of more than three columns: with fewer, a wide network soon memorises
STEPS_A_ROW, FEWEST_STEPS, MOST_STEPS = 4, 250, 4000
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


def of_columns(data: Data) -> dict[tuple[str, str], Choice]:
    """The choices for a table of mixed columns."""
    few = len(data) < FEW_ROWS
    why = f"with {len(data):,} rows, fewer than {FEW_ROWS:,}, a larger network memorises them sooner"
    return {
        ("data", "encoder"): Choice(FOR_TABLES, "columns are of several kinds, or cells are missing"),
        ("diffusion", "target"): Choice(FOR_COLUMNS, "numbers, and of each category one of its values"),
        ("network", "width"): Choice(96, f"features a layer: {why}")
        if few
        else Choice(256, "features a layer, for mixed columns"),
        ("network", "depth"): Choice(2, f"residual blocks: {why}") if few else Choice(3, "residual blocks, for mixed columns"),
        ("network", "octaves"): Choice(0, "no sinusoids: categories have no fine detail"),
        ("optim", "steps"): steps_for(len(data), MOST_STEPS),
        ("optim", "lr"): Choice(2e-3, RATE),
    }
