"""How likely a model finds rows in the data's units: what `Model.log_prob` does.

log p(x) = log p(z) - log |det dx/dz|,    z = encode(x)                                           (1)
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from unstir.errors import UsageError
from unstir.information.likelihood import ode_log_prob
from unstir.model.placing import rows_at_once
from unstir.model.units import named, refuse_cells, refuse_infinite, rows_of
from unstir.seeds import seeded

if TYPE_CHECKING:
    from unstir.model.model import Model

BACKWARD = 6  # times the memory of a call that is not differentiated
EXACT_TRACE = 16  # for rows of up to this many elements, the divergence is computed exactly


def log_prob(model: "Model", x: Any, given: Any, steps: int, batch_size: int | None) -> np.ndarray:
    """See `Model.log_prob`."""
    refuse_cells(model.card, "density")
    came = named(x, model.card, model.condition)
    rows, given = rows_of(came.values, model.card.shape), came.given if given is None else given
    volume = log_volume(model, rows)
    if not len(rows):
        return np.empty(0)
    z = model.encoder.encode(rows).to(model.device)
    cond = model.given(len(z), given) if given is not None else None
    probes = None if z[0].numel() <= EXACT_TRACE else 1
    at_once = rows_at_once(model, 16, 1024, BACKWARD) if batch_size is None else batch_size
    parts = []
    for first in range(0, len(z), at_once):
        part = slice(first, first + at_once)
        denoise = model.denoise(None if cond is None else cond[part].to(model.device))
        generator = seeded("probes", first)
        parts.append(ode_log_prob(denoise, model.schedule, z[part], steps, probes=probes, generator=generator).cpu())
    found = torch.cat(parts) - volume
    refuse_infinite(found[:, None])
    return found.numpy()


def log_volume(model: "Model", rows: Tensor) -> Tensor:
    """log |det dx/dz| of (1) at rows (B, ...) in the data's units, (B,) float64. Raises UsageError where there is no density."""
    refuse_cells(model.card, "density")
    volume = model.encoder.log_volume(rows)
    if volume is None:
        raise UsageError(
            f"encoder {model.card.encoder} does not keep everything of a row, so there is no density in the data's units. "
            "Train with another --data.encoder, and without --latent."
        )
    if constant := int(model.encoder.constant.sum()):
        raise UsageError(f"{constant} elements never vary in the training data, so there is no density. Train without them.")
    return volume
