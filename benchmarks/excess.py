"""Is what a learned model spends too much what theory says? Excess of its estimates of -log p(x) over the truth, beside the path term.

    data          a mixture of four Gaussians in the plane, whose density and whose best denoiser D* are known
    truth         -log p(x) of the same fresh points, in nats
    path term     1/2 integral of gamma E |D* - D|^2 d log-SNR, D the learned denoiser                    (1)
    integral      its excess over the truth has the mean (1)
    bound         of a chain with fixed variance: its excess is 1/2 sum of (gamma_t - gamma_t+1) E |D* - D|^2, and what the same chain
                  costs with D*, less the truth                                                          (2)
    ode           the density of the probability flow, which is another model: shown, and not predicted

    python benchmarks/excess.py --steps 4000

A prediction is right if it is off by about one standard error, which is that of the difference row by row. Trained for a minute, a model
has little excess, so `--steps 100 1000` also shows models that know less.
"""

import math
import time
from itertools import pairwise

import torch
from torch import Tensor

import unstir
from report import Row, Table, note, parser, show
from unstir.diffusion.denoiser import Denoise, Posterior
from unstir.diffusion.oracles import Mixture
from unstir.information import cost, gaussian, steps
from unstir.information.likelihood import ode_log_prob
from unstir.seeds import seeded

MEANS = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], dtype=torch.float64)
DATA = Mixture(torch.ones(4).double() / 4, 3 * MEANS, 0.18 * torch.eye(2).double().expand(4, 2, 2))
EDGES = torch.linspace(-12, 12, 97, dtype=torch.float64)
CHAIN = 256
COLUMNS = {"steps": ",", "seconds": ".0f", "estimate": "", "truth": ".4f", "excess": ".4f", "excess ±": ".4f"}
COLUMNS |= {"predicted": ".4f", "off": ".4f", "off ±": ".4f", "standard errors": ".1f"}


def encoded(model: unstir.Model) -> Mixture:
    """The data's mixture in the model's space."""
    assert model.encoder.linear is not None
    shift, scale = (part.double() for part in model.encoder.linear)
    return Mixture(DATA.weights, (DATA.means - shift) / scale, DATA.covariances / (scale[:, None] * scale))


def path_term(one: Denoise, other: Denoise, model: unstir.Model, x: Tensor, edges: Tensor, seed: int) -> Tensor:
    """Eq. (1) of each row, (B,), with a level of its own in each bin, and the rest beyond the last bin as in `information.cost`."""
    found = []
    for i, (low, high) in enumerate(pairwise(edges.tolist())):
        random = seeded(seed, "path", i)
        level = low + (high - low) * torch.rand(len(x), dtype=torch.float64, generator=random)
        t = model.schedule.inverse(level)
        y = model.schedule.diffuse(x, t, torch.randn(x.shape, generator=random))
        found.append(0.5 * (high - low) * level.exp() * (one(y, t) - other(y, t)).double().square().sum(1))
    each = torch.stack(found, 1)
    return each.sum(1) + each[:, -1] / torch.expm1(edges[-1] - edges[-2])


@torch.no_grad()
def measured(model: unstir.Model, points: int, seed: int) -> list[Row]:
    """The rows of the table for one model."""
    mixture = encoded(model)
    x = mixture.sample(points, seeded(seed, "fresh")).float()
    truth = -mixture.log_prob(x.double())
    learned, best = model.denoise(), mixture.denoise(model.schedule)
    beside = gaussian.independent(mixture.weights @ mixture.means, mixture.covariance().diagonal())

    found = cost.costs(learned, model.schedule, beside, x, EDGES, cost.antithetic(seeded(1)), seeded(2))
    excess = gaussian.density(beside, x) - found.saved - truth
    rows = [row("integral", truth, excess, path_term(best, learned, model, x, EDGES, seed))]

    levels = torch.linspace(EDGES[0], EDGES[-1], CHAIN, dtype=torch.float64)
    spent = []
    for denoise in (learned, best):  # with the same noise

        def known(y: Tensor, t: Tensor, denoise: Denoise = denoise) -> Posterior:
            mean = denoise(y, t)
            variance = (-model.schedule.log_snr(t)).exp().to(mean).expand_as(mean)  # of a density at its clean end
            return Posterior(mean, variance)

        last = steps.density_of(known, model.schedule)
        spent.append(steps.chain_bound(known, model.schedule, beside, x, levels, last, seeded(3)).fixed.total)
    path = torch.zeros(len(x), dtype=torch.float64)
    for i, (noisy, clean) in enumerate(pairwise(levels)):
        y, t = steps.noised(model.schedule, x, noisy, seeded(seed, "chain", i))
        path += 0.5 * (clean.exp() - noisy.exp()) * (best(y, t) - learned(y, t)).double().square().sum(1)
    y, t = steps.noised(model.schedule, x, levels[-1], seeded(seed, "chain"))
    path += 0.5 * levels[-1].exp() * (best(y, t) - learned(y, t)).double().square().sum(1)  # two Gaussians with one variance
    rows.append(row(f"bound, {CHAIN} steps", truth, spent[0] - truth, path + spent[1] - truth))

    few = x[:1000]
    flow = -ode_log_prob(learned, model.schedule, few, 64, probes=None) - truth[:1000]
    return [*rows, row("ode", truth[:1000], flow, None)]


def row(name: str, truth: Tensor, excess: Tensor, predicted: Tensor | None) -> Row:
    """The means of rows (n,) with standard errors; those of a difference are paired."""

    def error(nats: Tensor) -> float:
        return float(nats.std()) / math.sqrt(len(nats))

    found: Row = {"estimate": name, "truth": float(truth.mean()), "excess": float(excess.mean()), "excess ±": error(excess)}
    if predicted is not None:
        off = excess - predicted
        found |= {"predicted": float(predicted.mean()), "off": float(off.mean()), "off ±": error(off)}
        found |= {"standard errors": abs(float(off.mean())) / error(off)}
    return found


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--steps", type=int, nargs="+", default=[300, 4000], help="steps of training")
    options.add_argument("--rows", type=int, default=5000, help="rows to train on")
    options.add_argument("--points", type=int, default=20_000, help="fresh points to measure on")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    rows = DATA.sample(chosen.rows, seeded(chosen.seed, "rows")).numpy()
    found = []
    for count in chosen.steps:
        began = time.process_time()
        model = unstir.fit(rows, steps=count, seed=chosen.seed, progress=False)
        seconds = time.process_time() - began
        found += [{"steps": count, "seconds": seconds} | one for one in measured(model, chosen.points, chosen.seed)]
        note(f"{count:,} steps of training took {seconds:.0f} s of processor time")
    title = f"Nats a row beyond the truth, of {chosen.points:,} fresh points"
    show([Table(title, COLUMNS, found)], f"1 training for each number of steps, seed {chosen.seed}", chosen.json)


if __name__ == "__main__":
    main()
