"""The columns of a mixed table for the page: how each is distributed, what is missing, and how each two go together.

a number or time       the bars of `unstir.report.columns`, eq. 1, of the cells that are there                       (1)
a column of states     the share of rows in each of the most frequent states, in all others, and of missing cells      (2)
the matrix             how strongly two columns go together: `unstir.metrics.mixed`, eqs. 5 and 6                        (3)
"""

from typing import Any

import numpy as np

from unstir.data.tables import Column
from unstir.evaluation.cells import ordered_of, state_of
from unstir.evaluation.mixed import Mixed
from unstir.report.columns import distribution, most_apart
from unstir.report.packing import numbers
from unstir.words import short

STATES = 10  # of a column that are shown
DRAWN = 24  # columns


def cells_of(mixed: Mixed, sampled: np.ndarray, true: np.ndarray) -> list[dict[str, Any]]:
    """The columns of samples (n, D) and of true rows (m, D), those first whose shape is farthest below its ceiling; at most 24."""
    ordered = ordered_of(mixed.table)
    loss = [0.0 if score is None else score.value - score.floor for score in mixed.shapes]
    found = []
    for i in np.argsort(loss, kind="stable")[:DRAWN]:
        column, of_x, of_y = mixed.table.columns[i], sampled[:, i], true[:, i]
        gaps = [float(share) for share in mixed.missing[:, i]]
        one: dict[str, Any] = {"name": short(column.name), "kind": column.kind, "missing": gaps if any(gaps) else None}
        for name, score in (("shape", mixed.shapes[i]), ("taught", mixed.taught[i])):
            one[name] = None if score is None else [numbers(score.value, 3), numbers(score.floor, 3)]
        held = [side[~np.isnan(side)] for side in (of_x, of_y)]
        bars = distribution(*held) if ordered[i] and all(map(len, held)) else None
        if bars and column.kind == "time":
            bars |= {name: state_of(column, bars[name]) for name in ("low", "high")}
        one |= {"bars": bars, "states": None if ordered[i] else states_of(column, of_x, of_y)}
        found.append(one)
    return found


def states_of(column: Column, sampled: np.ndarray, true: np.ndarray) -> list[dict[str, Any]]:
    """Eq. (2) for samples (n,) and true rows (m,), the most frequent state of the true rows first.

    >>> pet = Column("pet", "category", values=("cat", "dog"), missing=True)
    >>> states_of(pet, np.array([1.0, 0.0]), np.array([1.0, np.nan]))
    [{'name': 'dog', 'sampled': 0.5, 'true': 0.5}, {'name': 'cat', 'sampled': 0.5, 'true': 0.0},
     {'name': 'missing', 'sampled': 0.0, 'true': 0.5}]
    """
    values, counts = np.unique(np.concatenate([sampled[~np.isnan(sampled)], true[~np.isnan(true)]]), return_counts=True)
    of_true = [(true == value).sum() for value in values]
    order = np.lexsort((-counts, -np.array(of_true, dtype=int))) if len(values) else []
    sides = (sampled, true)
    found = [(state_of(column, float(values[k])), [float((side == values[k]).mean()) for side in sides]) for k in order[:STATES]]
    rest = values[order[STATES:]] if len(values) > STATES else []
    if len(rest):
        found.append(
            (f"{len(rest):,} other{'s' if len(rest) > 1 else ''}", [float(np.isin(side, rest).mean()) for side in sides])
        )
    if any(np.isnan(side).any() for side in sides):
        found.append(("missing", [float(np.isnan(side).mean()) for side in sides]))
    return [{"name": name, "sampled": x, "true": y} for name, (x, y) in found]


def associations_of(mixed: Mixed) -> dict[str, Any] | None:
    """Eq. (3) for the page, and the pair that differs most; None for one column or very many."""
    return most_apart(mixed.together[0], mixed.together[1], mixed.table.names, "an association")
