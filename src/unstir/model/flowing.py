"""From data to noise along the model's probability flow, and back: what `Model.encode`, `decode` and `interpolate` do."""

from typing import TYPE_CHECKING, Any

import torch

from unstir.diffusion.samplers import ddim, sampler
from unstir.diffusion.schedules import along
from unstir.encoders.turned import as_data, shape_as_data
from unstir.model.drawing import refuse_noise
from unstir.model.editing import slerp
from unstir.model.units import named, one_row, refuse_cells, refuse_infinite, rows_of

if TYPE_CHECKING:
    from unstir.model.model import Model

NOISE = "way to noise and back"


@torch.no_grad()
def to_noise(model: "Model", x: Any, steps: int, method: str) -> Any:
    """See `Model.encode`."""
    refuse_cells(model.card, NOISE)
    refuse_noise(method)
    rows = rows_of(named(x, model.card, model.condition).values, model.card.shape)
    x = (model.encoder.encode(rows) if len(rows) else torch.empty(0, *model.space)).to(model.device)
    times = model.times(steps=steps + sampler(method).evaluations, method=method).flip(0)
    times = times[1:]  # at t = 0 there is no noise for the flow to scale up
    x = along(model.schedule(times[0])[0], x) * x
    for part, run in ((times[:-1], sampler(method).run), (times[-2:], ddim)):  # only ddim can step to pure noise
        *_, x = run(model.denoise(), model.schedule, part, x)
    z = as_data((x / torch.hypot(*model.schedule(times[-1])).to(x.dtype)).cpu(), model.encoder)
    refuse_infinite(z)
    return z if model.card.kind == "torch" else z.numpy()


@torch.no_grad()
def to_data(model: "Model", z: Any, steps: int, method: str) -> Any:
    """See `Model.decode`."""
    refuse_cells(model.card, NOISE)
    refuse_noise(method)
    x = as_data(rows_of(z, shape_as_data(model.encoder)), model.encoder).float().to(model.device)
    times = model.times(steps=steps, method=method)
    x = along(torch.hypot(*model.schedule(times[0])), x) * x
    *_, x = sampler(method).run(model.denoise(), model.schedule, times, x)
    return model.in_units(x.cpu())


def between(model: "Model", a: Any, b: Any, n: int, steps: int) -> Any:
    """See `Model.interpolate`."""
    refuse_cells(model.card, "way from one row to another through noise")
    ends = torch.cat([one_row(named(row, model.card, model.condition).values, model.card.shape) for row in (a, b)])
    z_a, z_b = torch.as_tensor(model.encode(ends, steps))
    return model.decode(slerp(z_a, z_b, n), steps)
