"""How many bits rows take under a model, and at which noise levels: three estimates of one number, each with its standard error.

For data with levels (`Card.levels`) these are bits of the rows themselves, and a file of that size is possible; for any other numbers they
are minus the logarithm of a density in the data's units, which changes with the units and may be negative.

    integral    the integral of the error over the noise levels: (1) or (2) of `information.cost`
    bound       the bound of a chain of T steps with the matched kernel: `information.steps`
    ode         the density of the probability flow; with levels, a bound through one noisy state y:
                -log P(x) <= E[-log p(y) + log q(y | x) - log P(x | y)]                                (1)

The flow is another model than the chain, made of the same denoiser, so the three numbers need not agree. z = encode(x) is what is measured;
the volume log |det dx/dz| of each row converts a density to the data's units exactly.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unstir.diffusion.blending import Blend
from unstir.diffusion.schedules import along
from unstir.encoders.rows import encoded_levels
from unstir.errors import DataError
from unstir.information import cost, gaussian, steps
from unstir.information.levels import Lattice, ends
from unstir.information.likelihood import LOG_2PI, ode_log_prob
from unstir.model.densities import EXACT_TRACE, log_prob, log_volume
from unstir.model.drawing import AT_ONCE
from unstir.networks.building import affordable
from unstir.seeds import seeded

if TYPE_CHECKING:
    from unstir.model.model import Model

BINS = 48  # of log-SNR
CHAIN = 32  # steps of the chain among the three estimates
STEPS = (8, 16, 32, 64)  # chains whose two kernels are compared
FLOW = 48  # steps of the flow
FEWEST = 24  # rows at least, if there are so many
INSIDE = 0.9  # the share of the information between two noise levels that is named


class Mean(NamedTuple):
    """A mean over rows and its standard error."""

    value: float
    error: float


class Chain(NamedTuple):
    """The bound of a chain of so many steps with both kernels: nats of each row, prior, diffusion and reconstruction (n, 3)."""

    steps: int
    fixed: np.ndarray
    matched: np.ndarray


@dataclass(frozen=True)
class Bits:
    """What was measured. Nats are in the data's units, one number for each row that was used; `per_dimension` makes bits of them.

    `rows` are the numbers of the rows used; `estimates` nats by name, of the first rows of these where an estimate is costly; `parts` (n, 3)
    the prior, diffusion and reconstruction of the integral, in the model's space. The curve has a value for each bin of log-SNR between
    `edges`: bits a dimension and unit of log-SNR, its standard error, and the Gaussian's; `rate` and `distortion` are at the edges.
    """

    discrete: bool
    dimension: int
    rows: np.ndarray
    estimates: dict[str, np.ndarray]
    parts: np.ndarray
    chains: list[Chain]
    edges: np.ndarray
    curve: np.ndarray
    curve_error: np.ndarray
    gaussian: np.ndarray
    gaussian_bits: Mean
    rate: np.ndarray
    distortion: np.ndarray
    unit: float | None
    inside: tuple[float, float]

    def per_dimension(self, nats: np.ndarray) -> Mean:
        """The mean of nats a row (n,) as bits a dimension, and its standard error over the rows."""
        return mean_of(nats / (self.dimension * math.log(2)))


def mean_of(values: np.ndarray) -> Mean:
    """The mean of independent numbers (n,) and its standard error."""
    return Mean(float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else math.nan)


def lattice_of(model: "Model") -> Lattice | None:
    """The levels of each element in the model's space; None for data without levels, and for an encoder that does not shift and scale."""
    if model.card.levels is None or model.encoder.linear is None:
        return None
    return Lattice(encoded_levels(model.card.levels, model.encoder).double())


def bits(
    model: "Model",
    rows: Tensor,
    cond: Tensor | None = None,
    blend: Blend | None = None,
    work: float = 5e11,
    chains: tuple[int, ...] = STEPS,
    flow: bool = True,
    seed: int = 0,
    all_rows: bool = False,
) -> Bits:
    """Measure rows (N, *shape) float64 in the data's units, given values of the condition (N, ...) or none. `blend` is the Gaussian beside it.

    About `work` multiply-adds are spent on each estimate: fewer rows are used where the network is large, drawn with the seed, unless
    `all_rows`. Raises UsageError where neither bits nor a density can be said, DataError for a row whose probability is 0.
    """
    lattice = lattice_of(model)
    _check(model, rows, lattice)
    volume = torch.zeros(len(rows), dtype=torch.float64) if lattice else log_volume(model, rows)
    order = torch.arange(len(rows)) if all_rows else torch.randperm(len(rows), generator=seeded(seed, "rows of bits"))
    n = len(rows) if all_rows else affordable(model.network, 2 * BINS + 2, work, FEWEST, len(rows))
    order = order[:n]
    x, cond, volume = model.encoder.encode(rows[order]), None if cond is None else cond[order], volume[order]
    d = x[0].numel()
    d_data = rows[0].numel()
    beside = blend or model.blend or gaussian.independent(torch.zeros(d), torch.ones(d))
    low, high = ends(model.error, beside, lattice)
    inner = gaussian.at_least(beside, math.exp(-high)).to(model.device)
    low, high = (float(model.schedule.reached(torch.linspace(low, high, 257, dtype=torch.float64))[i]) for i in (0, -1))
    edges = torch.linspace(low, high, BINS + 1, dtype=torch.float64)
    parts = [
        _integral(model, part, _of(cond, at), inner, edges, lattice, seeded(seed, "bits", at.start))
        for at, part in _batches(model, x)
    ]
    spent, last = cost.joined([one for one, _ in parts]), torch.cat([one for _, one in parts])
    prior = gaussian.prior(inner, x, low)
    split = torch.stack([prior, spent.nats.sum(1), last], 1)
    integral = split.sum(1) if lattice else gaussian.density(inner, x) - spent.saved + volume
    estimates: dict[str, np.ndarray] = {"integral": integral.numpy()}
    few = n if all_rows else affordable(model.network, sum((*chains, CHAIN)), work, FEWEST, n)
    found = [_chain(model, x[:few], _of(cond, slice(few)), inner, low, high, T, lattice, seed) for T in chains]
    for one in found:
        if one.steps == CHAIN:
            estimates["bound"] = one.matched.sum(1) + volume[:few].numpy()
    if flow:
        few = affordable(model.network, 12 * FLOW * (d if d <= EXACT_TRACE else 1), work, min(FEWEST, n), n)
        at = slice(few)
        estimates["ode"] = _flow(model, rows[order[at]], x[at], _of(cond, at), lattice, high, seed)
    width = float(edges[1] - edges[0])
    nats, unit = spent.nats.numpy(), d * math.log(2)
    error = spent.nats.std(0).numpy() / len(nats) ** 0.5 / width / unit
    cell = 0.0 if lattice is None else float(lattice.spacing.clamp(min=1e-30).log()[lattice.spacing > 0].sum())
    beside_nats = gaussian.density(inner, x) + volume - cell  # of levels: the density times the distance of two of them
    levels = (edges[1:] + edges[:-1]).numpy() / 2
    mse = nats.mean(0) / (0.5 * np.exp(levels) * width)
    linear = model.encoder.linear
    one_unit = None if linear is None or linear[1].min() != linear[1].max() else float(linear[1].max())
    return Bits(
        lattice is not None, d_data, order.numpy(), estimates, split.numpy(), found, edges.numpy(), nats.mean(0) / width / unit, error,
        spent.exact.mean(0).numpy() / width / unit, mean_of(beside_nats.numpy() / unit),
        (float(prior.mean()) + np.concatenate([[0.0], nats.mean(0).cumsum()])) / unit,
        np.sqrt(np.maximum(mse, 0) / d), one_unit, _inside(spent, prior, last, lattice is not None),
    )  # fmt: skip


def bits_per_dim(model: "Model", rows: Tensor, cond: Tensor | None, given: Any) -> np.ndarray:
    """See `Model.bits_per_dim`."""
    if not len(rows):
        return np.empty(0)
    unit = math.prod(model.card.shape) * math.log(2)
    if lattice_of(model) is None:
        return -log_prob(model, rows, given, FLOW, None) / unit
    return bits(model, rows, cond, chains=(), flow=False, all_rows=True).estimates["integral"] / unit


def _check(model: "Model", rows: Tensor, lattice: Lattice | None) -> None:
    if lattice is None:
        return
    levels = torch.tensor(model.card.levels, dtype=torch.float64)
    off = ~torch.isin(rows, levels)
    off |= model.encoder.constant & (rows != model.encoder.decode(torch.zeros(1, *model.space))[0])
    if off.any():
        wrong = off.flatten(1).any(1)
        row = int(wrong.double().argmax())
        value = rows[row][off[row]][0].item()
        raise DataError(
            f"{int(wrong.sum())} of {len(rows)} rows hold a value that no training row had in its place (the first: {value:g} in row {row}), "
            f"so the model gives them no probability. It knows the levels {levels[0]:g} to {levels[-1]:g}. Leave those rows out, or train "
            "on rows that have such values."
        )


def _batches(model: "Model", x: Tensor) -> list[tuple[slice, Tensor]]:
    at_once = affordable(model.network, 1, AT_ONCE, 16, 1024)
    return [
        (slice(first, min(first + at_once, len(x))), x[first : first + at_once].to(model.device))
        for first in range(0, len(x), at_once)
    ]


def _of(cond: Tensor | None, at: slice) -> Tensor | None:
    return None if cond is None else cond[at]


def _last(model: "Model", cond: Tensor | None, lattice: Lattice | None) -> steps.Last:
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


def _integral(
    model: "Model",
    x: Tensor,
    cond: Tensor | None,
    blend: Blend,
    edges: Tensor,
    lattice: Lattice | None,
    generator: torch.Generator,
) -> tuple[cost.Costs, Tensor]:
    cond = None if cond is None else cond.to(model.device)
    known = model.posterior(cond)
    noise = cost.antithetic(generator)
    found = cost.costs(lambda y, t: known(y, t).mean, model.schedule, blend, x, edges, noise, generator)
    with torch.no_grad():
        last = _last(model, cond, lattice)(*steps.noised(model.schedule, x, edges[-1], generator), x)
    return found, last.double().flatten(1).sum(1).cpu()


def _chain(
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
    levels, fixed, matched = torch.linspace(low, high, T, dtype=torch.float64), [], []
    for at, part in _batches(model, x):
        here = None if cond is None else cond[at].to(model.device)
        known, generator = model.posterior(here), seeded(seed, "steps of bits", T, at.start)
        both = steps.chain_bound(known, model.schedule, blend, part, levels, _last(model, here, lattice), generator)
        for kernel, into in ((both.fixed, fixed), (both.matched, matched)):
            into.append(torch.stack(list(kernel), 1))
    return Chain(T, torch.cat(fixed).numpy(), torch.cat(matched).numpy())


def _flow(
    model: "Model", rows: Tensor, x: Tensor, cond: Tensor | None, lattice: Lattice | None, high: float, seed: int
) -> np.ndarray:
    """Nats of each row by the flow; with levels by (1)."""
    d, found = x[0].numel(), []
    for at, part in _batches(model, x):
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
                read = _last(model, here, lattice)((alpha * y.double()).to(y), t, part).double().flatten(1).sum(1).cpu()
            entropy = 0.5 * eps.double().square().flatten(1).sum(1).cpu() + 0.5 * d * (LOG_2PI - high)
            spent = read - entropy
        density = ode_log_prob(
            lambda a, s, known=known: known(a, s).mean, model.schedule, y, FLOW, level.item(), probes=probes, generator=generator
        )
        found.append(spent - density.cpu())
    return torch.cat(found).numpy()


def _inside(spent: cost.Costs, prior: Tensor, last: Tensor, discrete: bool) -> tuple[float, float]:
    """The log-SNRs between which lies `INSIDE` of the information; of a density, of what is known beyond the covariance."""
    each = spent.nats.mean(0) if discrete else (spent.exact - spent.nats).mean(0)
    first, beyond = (prior.mean(), last.mean()) if discrete else (torch.zeros(()), torch.zeros(()))
    known = (first + torch.cat([torch.zeros(1, dtype=torch.float64), each.clamp(min=0).cumsum(0)])).numpy()
    whole = known[-1] + float(beyond)
    if whole <= 0:
        return float(spent.edges[0]), float(spent.edges[-1])
    low, high = np.interp([(1 - INSIDE) / 2 * whole, (1 + INSIDE) / 2 * whole], known, spent.edges.numpy())
    return float(low), float(high)
