"""What `y` is: the class of each row, or numbers and columns that each row is given.

    y (N,) of texts, booleans or whole numbers       classes, as scikit-learn has it                 (1)
    y (N,) of other numbers                          a number each row is given                      (2)
    y (N, k), or a table of columns                  k of them                                       (3)

Whole numbers are numbers, and no classes, in (3): pass `y[:, None]`, or a data frame with one column. `Targets.back` goes the other way,
from what samples were given to a y like the one of training.

>>> targets_of(np.array(["b", "a"])).labels.tolist(), targets_of(np.array([0.5, 1.5])).given
(['b', 'a'], {'y': array([0.5, 1.5])})
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_array
from torch import Tensor

from unstir.conditions.base import Condition, Several
from unstir.data.tables.libraries import DICT, LIBRARIES, framed, library_of

NAME = "y"  # of an array that came without one
CLASSES = ("binary", "multiclass")  # what scikit-learn calls them


@dataclass(frozen=True)
class Targets:
    """What y says of the rows: `labels` (N,) by (1), or `given`, columns by name, by (2) and (3); None where there is no y.

    `library` is that of a table, and `ndim` the number of axes of y.
    """

    labels: Any = None
    given: Any = None
    library: str = DICT
    ndim: int = 0

    @property
    def alone(self) -> "Targets":
        """The same without the values."""
        return replace(self, labels=None, given=None)

    def back(self, values: Tensor, condition: Condition | None) -> Any:
        """A y (n, ...) like the one of training, from values (n, ...) of the condition, which is not of classes."""
        assert isinstance(condition, Several)
        codes = condition.codes(values)
        if self.library != DICT:
            return framed(condition.table, codes, self.library)
        columns = [np.asarray(cells) for cells in condition.table.cells(codes).values()]
        return columns[0] if self.ndim == 1 else np.stack(columns, axis=1)


def targets_of(y: Any) -> Targets:
    """What y says of the rows. Raises ValueError for missing values among classes, and for what is neither classes nor numbers."""
    if y is None:
        return Targets()
    if is_table(y):
        return Targets(given=y, library=library_of(y), ndim=2)
    name = getattr(y, "name", None)
    values = check_array(y, dtype=None, ensure_2d=False, ensure_all_finite=False, input_name=NAME)  # pyrefly: ignore
    if values.ndim == 1 and type_of_target(values, input_name=NAME) in CLASSES:
        return Targets(labels=values, ndim=1)
    return Targets(given={name if isinstance(name, str) and name else NAME: values}, ndim=values.ndim)


def is_table(x: Any) -> bool:
    """Whether x is a data frame or a table, whose columns may be of any kind; no series."""
    return library_of(x) in LIBRARIES and len(getattr(x, "shape", ())) == 2
