"""What held-out rows were given beside what the model makes of it: arrays for a figure of `unstir.plots.given`."""

import base64
import io
import warnings

import numpy as np
from matplotlib.figure import Figure

from unstir.conditions.base import Several
from unstir.data import Data
from unstir.data.given import as_numbers
from unstir.data.levels import span_of
from unstir.errors import UnstirWarning
from unstir.model.model import Model
from unstir.plots import given as plots
from unstir.plots.mosaics import drawable

ROWS, TIMES = 16, 3  # held-out rows, and samples for each


def given_and_made(unseen: Data, model: Model) -> Figure | None:
    """The figure of some held-out rows; None where they are given no picture or sequence that is of the kind of the rows."""
    lies, condition = unseen.layout, model.condition
    drawn = [one for one in unseen.beside if lies and one.layout and one.layout.kind == lies.kind]
    if lies is None or not drawn or not isinstance(condition, Several):
        return None
    first, few = drawn[0], unseen.take(np.arange(min(ROWS, len(unseen))))
    assert first.layout is not None
    told, n = few.told, len(few)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstirWarning)  # that of a held-out row a value lies beyond the training rows
        made = [as_numbers(model.rows(n, told, seed=i), "the samples")[0] for i in range(TIMES)]
    given, true = drawable(told[first.name], first.layout), drawable(few.rows[:], lies)
    sets = [drawable(rows, lies) for rows in made]
    if lies.kind == "images":
        return plots.images(first.name, given, sets, true, span_of(unseen))
    return plots.sequences(first.name, given, sets, true)


def picture_of_given(unseen: Data, model: Model) -> str | None:
    """The same figure as a PNG in base64, for a page that needs no other file."""
    figure = given_and_made(unseen, model)
    if figure is None:
        return None
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return base64.b64encode(held.getvalue()).decode()
