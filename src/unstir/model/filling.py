"""What is missing of rows, drawn given the rest of each: what `Model.inpaint` does.

A cell of a table that is to be filled in is drawn given that it is not missing.
"""

from typing import TYPE_CHECKING, Any

import torch

from unstir.errors import UsageError
from unstir.model.drawing import paths
from unstir.model.editing import known_part
from unstir.model.sampling import Sampling
from unstir.model.units import mask_of, named, rows_of, tidied, typed

if TYPE_CHECKING:
    from unstir.model.model import Model


def filled(model: "Model", x: Any, mask: Any, given: Any, how: Sampling) -> Any:
    """See `Model.inpaint`, as numbers."""
    card = model.card
    came = named(x, card, model.condition)
    rows, given = rows_of(came.values, card.shape), came.given if given is None else given
    mask = known_part(~rows.isnan() if mask is None else mask_of(mask, came.reordered, card), tuple(rows.shape))
    if not len(rows):
        return typed(rows, card)
    known = model.encoder.known(mask)
    if known is None:
        raise UsageError(
            "a model of latents cannot inpaint: known elements of a row do not determine its latents. Train without --latent."
        )
    model = model.without_gaps
    typical = model.encoder.decode(torch.zeros(1, *model.space))[0]  # in place of unknown elements, which may be missing
    z = model.encoder.encode(torch.where(mask, rows, typical))
    *_, made = paths(model, len(z), how, given, known=(z, known))
    made = torch.as_tensor(tidied(model.in_units(made), card)).double()
    return typed(torch.where(mask, rows, made), card)
