"""How many bits rows take under a model, and at which noise levels: three estimates of one number, each with its standard error.

For data with levels (`Card.levels`) these are bits of the rows themselves, and a file of that size is possible; for any other numbers they
are minus the logarithm of a density in the data's units, which changes with the units and may be negative.

    integral    the integral of the error over the noise levels: (1) or (2) of `information.cost`
    bound       the bound of a chain of T steps with the matched kernel: `information.steps`
    ode         the density of the probability flow, or with levels a bound of it: (1) of `estimates`

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
from unstir.encoders.rows import encoded_levels
from unstir.errors import DataError
from unstir.information import cost, gaussian
from unstir.information.levels import Lattice, ends
from unstir.model.densities import EXACT_TRACE, log_prob, log_volume
from unstir.model.estimates import FLOW, Chain, at_rows, batches, measure_chain, measure_flow, measure_integral
from unstir.networks.building import affordable
from unstir.seeds import seeded

if TYPE_CHECKING:
    from unstir.model.model import Model

BINS = 48  # of log-SNR
CHAIN = 32  # steps of the chain among the three estimates
STEPS = (8, 16, 32, 64)  # chains whose two kernels are compared
FEWEST = 24  # rows at least, if there are so many
INSIDE = 0.9  # the share of the information between two noise levels that is named


class Mean(NamedTuple):
    """A mean over rows and its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Bits:
    """What was measured. Nats are in the data's units, one number for each row that was used; `per_dimension` makes bits of them.

    `rows` are the numbers of the rows used; `estimates` nats by name, of the first rows of these where an estimate is costly; `parts` (n, 3)
    the prior, diffusion and reconstruction of the integral, in the model's space. The curve has a value for each bin of log-SNR between
    `edges`: bits a dimension and unit of log-SNR, its standard error, and the Gaussian's; `rate` is at the edges, `distortion` in the bins.
    `beside` (n,) are nats under that Gaussian, which has the covariance of the data or only the variances: `equal` says which.
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
    beside: np.ndarray
    equal: str
    rate: np.ndarray
    distortion: np.ndarray
    unit: float | None
    inside: tuple[float, float]

    @property
    def gaussian_bits(self) -> Mean:
        """Bits per dimension under the Gaussian; of levels, its density times the distance of two of them."""
        return self.per_dimension(self.beside)

    @property
    def gain(self) -> Mean:
        """Bits per dimension that the model saves beside the Gaussian, with the standard error of the difference row by row."""
        return self.per_dimension(self.beside - self.estimates["integral"])

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


def variances_of(model: "Model") -> Blend:
    """The Gaussian with the variances of the training rows, which every model knows; with 1 where the encoder does not shift and scale."""
    spread = torch.ones(math.prod(model.space), dtype=torch.float64)
    if model.encoder.linear is not None:
        away, none = model.encoder.encode(torch.stack([model.deviation, torch.zeros_like(model.deviation)]))
        spread = (away - none).flatten().double()
    return gaussian.independent(torch.zeros_like(spread), spread.square())


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
    """Measure rows (N, *shape) float64 in the data's units, given values of the condition (N, ...) or none.

    `blend` is the Gaussian beside the model; without one it is the model's own, and a model that has none knows only the variances.
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
    beside = blend or model.blend or variances_of(model)
    low, high = ends(model.error, beside, lattice)
    inner = gaussian.at_least(beside, math.exp(-high)).to(model.device)
    low, high = (float(model.schedule.reached(torch.linspace(low, high, 257, dtype=torch.float64))[i]) for i in (0, -1))
    edges = torch.linspace(low, high, BINS + 1, dtype=torch.float64)
    parts = [
        measure_integral(model, part, at_rows(cond, at), inner, edges, lattice, seeded(seed, "bits", at.start))
        for at, part in batches(model, x)
    ]
    spent, last = cost.joined([one for one, _ in parts]), torch.cat([one for _, one in parts])
    prior = gaussian.prior(inner, x, low)
    split = torch.stack([prior, spent.nats.sum(1), last], 1)
    integral = split.sum(1) if lattice else gaussian.density(inner, x) - spent.saved + volume
    estimates: dict[str, np.ndarray] = {"integral": integral.numpy()}
    few = n if all_rows else affordable(model.network, sum((*chains, CHAIN)), work, FEWEST, n)
    found = [measure_chain(model, x[:few], at_rows(cond, slice(few)), inner, low, high, T, lattice, seed) for T in chains]
    for one in found:
        if one.steps == CHAIN:
            estimates["bound"] = one.matched.sum(1) + volume[:few].numpy()
    if flow:
        few = affordable(model.network, 12 * FLOW * (d if d <= EXACT_TRACE else 1), work, min(FEWEST, n), n)
        at = slice(few)
        estimates["ode"] = measure_flow(model, rows[order[at]], x[at], at_rows(cond, at), lattice, high, seed)
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
        spent.exact.mean(0).numpy() / width / unit, beside_nats.numpy(),
        "covariance" if len(beside.directions) or d == 1 else "variances",
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
