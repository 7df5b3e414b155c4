"""The three estimates of `unstir.model.bits`, measured on a model batch by batch: nats of each row, in the model's space.

integral    the integral of the error over the noise levels: (1) or (2) of `information.cost`
chain       the bound of a chain of T steps, with both kernels: `information.steps`
flow        the density of the probability flow; with levels, a bound through one noisy state y:
            -log P(x) <= E[-log p(y) + log q(y | x) - log P(x | y)]                                (1)
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unstir.diffusion.blending import Blend
from unstir.diffusion.schedules import along
from unstir.information import cost, steps
from unstir.information.levels import Lattice
from unstir.information.likelihood import LOG_2PI, ode_log_prob
from unstir.model.densities import EXACT_TRACE, log_volume
from unstir.model.placing import rows_at_once
from unstir.seeds import seeded

if TYPE_CHECKING:
    from unstir.model.model import Model

FLOW = 48  # steps of the flow


class Chain(NamedTuple):
    """The bound of a chain of so many steps with both kernels: nats of each row, prior, diffusion and reconstruction (n, 3)."""

    steps: int
    fixed: np.ndarray
    matched: np.ndarray


def batches(model: "Model", x: Tensor) -> list[tuple[slice, Tensor]]:
    """Rows x (B, ...) in parts on the model's device, each with its place."""
    at_once = rows_at_once(model, 16, 1024)
    return [
        (slice(first, min(first + at_once, len(x))), x[first : first + at_once].to(model.device))
        for first in range(0, len(x), at_once)
    ]


def at_rows(cond: Tensor | None, at: slice) -> Tensor | None:
    """Some of the values of a condition; None without one."""
    return None if cond is None else cond[at]


def reading_of(model: "Model", cond: Tensor | None, lattice: Lattice | None) -> steps.Last:
    """The reconstruction: exact probabilities of levels where the target tells them, else those of a Gaussian; or a density."""
    known = model.posterior(cond)
    if lattice is None:
        return steps.density_of(known, model.schedule)
    probabilities = getattr(model.target.reading, "probabilities", None)
    if probabilities is None:
        return steps.levels_of(known, lattice)

    def last(x_t: Tensor, t: Tensor, x: Tensor) -> Tensor:
        c_in = along(model.target(model.schedule, t).c_in, x_t)
        p = probabilities(model.network(c_in * x_t, t.to(x_t).reshape(-1), cond), x_t, *model.schedule(t))
        return -p.gather(-1, lattice.index(x).to(p.device)[..., None])[..., 0].double().clamp(min=1e-38).log()

    return last


def measure_integral(
    model: "Model",
    x: Tensor,
    cond: Tensor | None,
    blend: Blend,
    edges: Tensor,
    lattice: Lattice | None,
    generator: torch.Generator,
) -> tuple[cost.Costs, Tensor]:
    """What rows x cost in each bin of log-SNR between the edges, and the reconstruction of each: (B,) nats."""
    cond = None if cond is None else cond.to(model.device)
    known = model.posterior(cond)
    noise = cost.antithetic(generator)
    found = cost.costs(lambda y, t: known(y, t).mean, model.schedule, blend, x, edges, noise, generator)
    with torch.no_grad():
        last = reading_of(model, cond, lattice)(*steps.noised(model.schedule, x, edges[-1], generator), x)
    return found, last.double().flatten(1).sum(1).cpu()


def measure_chain(
    model: "Model",
    x: Tensor,
    cond: Tensor | None,
    blend: Blend,
    low: float,
    high: float,
    T: int,
    lattice: Lattice | None,
    seed: int,
) -> Chain:
    """The bound of rows x with T levels, evenly from `low` to `high` in log-SNR."""
    levels, fixed, matched = torch.linspace(low, high, T, dtype=torch.float64), [], []
    for at, part in batches(model, x):
        here = None if cond is None else cond[at].to(model.device)
        known, generator = model.posterior(here), seeded(seed, "steps of bits", T, at.start)
        both = steps.chain_bound(known, model.schedule, blend, part, levels, reading_of(model, here, lattice), generator)
        for kernel, into in ((both.fixed, fixed), (both.matched, matched)):
            into.append(torch.stack(list(kernel), 1))
    return Chain(T, torch.cat(fixed).numpy(), torch.cat(matched).numpy())


def measure_flow(
    model: "Model", rows: Tensor, x: Tensor, cond: Tensor | None, lattice: Lattice | None, high: float, seed: int
) -> np.ndarray:
    """Nats of each row by the flow; with levels by (1)."""
    d, found = x[0].numel(), []
    for at, part in batches(model, x):
        here, generator = None if cond is None else cond[at].to(model.device), seeded(seed, "flow of bits", at.start)
        known, probes = model.posterior(here), None if d <= EXACT_TRACE else 1
        level = torch.tensor(high if lattice else 14.0, dtype=torch.float64)
        t = model.schedule.inverse(level)
        y, spent = part, log_volume(model, rows[at]) if lattice is None else torch.zeros(len(part), dtype=torch.float64)
        if lattice is not None:
            alpha, sigma = model.schedule(t)
            eps = torch.randn(part.shape, generator=generator).to(part)
            y = part + (sigma / alpha).item() * eps
            with torch.no_grad():
                read = reading_of(model, here, lattice)((alpha * y.double()).to(y), t, part).double().flatten(1).sum(1).cpu()
            entropy = 0.5 * eps.double().square().flatten(1).sum(1).cpu() + 0.5 * d * (LOG_2PI - high)
            spent = read - entropy
        density = ode_log_prob(
            lambda a, s, known=known: known(a, s).mean, model.schedule, y, FLOW, level.item(), probes=probes, generator=generator
        )
        found.append(spent - density.cpu())
    return torch.cat(found).numpy()
