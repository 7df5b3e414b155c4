"""The last part of a bound for data with few levels: a probability for each of them, which sum to 1.

From the cleanest noisy state y the model knows each element up to a Gaussian with mean m and variance v. The probability of a level is
that Gaussian's mass between the points halfway to its neighbours; the first and the last level have all that is beyond:

    P(k) = (1 - e) [F((b_k+1 - m) / sqrt v) - F((b_k - m) / sqrt v)] + e / K,    b_0 = -inf, b_K = inf, e = 1e-5        (1)

so that no level has probability 0. Adding uniform noise to whole numbers and giving a density to the sum is another bound, and a looser
one. `ends` chooses between which log-SNR the integral runs, from the model's errors on rows that were held out in training.

    >>> three = Lattice(torch.tensor([[-1.0], [0.0], [1.0]]))
    >>> each = torch.cat([three.log_probability(torch.tensor([[0.2]]), torch.tensor([[0.1]]), x[None]) for x in three.values])
    >>> each.exp().sum().item(), bool(each[1] > each[2])
    (1.0, True)
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unstir.diffusion.blending import Blend
from unstir.information import gaussian
from unstir.information.mmse import ErrorCurve, information

SPREAD = 1e-5  # e of (1)
NOISY = 2e-3  # bits a dimension that are known at most at the noisy end
GAIN = 0.02  # nats a dimension and unit of log-SNR: a density's integral ends two units after the last gain over the Gaussian above this
SLACK = 1e-3  # nats a dimension: of clean ends that are as good as each other by this, the noisiest is taken


@dataclass(frozen=True)
class Lattice:
    """The K values of each element in the model's space, (K, ...) float64, rising. An element whose values are all the same never varies."""

    values: Tensor

    def index(self, x: Tensor) -> Tensor:
        """The number of the level of each element of rows x (B, ...): (B, ...) int64, from 0."""
        return (x.double().cpu()[None] > self.halfway[:, None]).sum(0)

    def log_probability(self, mean: Tensor, variance: Tensor, x: Tensor) -> Tensor:
        """The logarithm of (1), (B, ...), for rows x (B, ...) that lie on the lattice; mean and variance (B, ...)."""
        inf = torch.full_like(self.values[:1], math.inf)
        edges = torch.cat([-inf, self.halfway, inf])
        at = self.index(x)
        low, high = (edges.gather(0, index) for index in (at, at + 1))
        mean, scale = mean.double().cpu(), variance.double().cpu().clamp(min=1e-30).sqrt()
        a, b = (low - mean) / scale, (high - mean) / scale
        flip = a > 0  # differences of small tails keep their digits
        a, b = torch.where(flip, -b, a), torch.where(flip, -a, b)
        top, bottom = torch.special.log_ndtr(b), torch.special.log_ndtr(a)
        mass = top + torch.log1p(-torch.exp((bottom - top).clamp(max=-1e-300)))
        k = len(self.values)
        spread = torch.full_like(mass, math.log(SPREAD / k))
        return torch.where(self.values[0] == self.values[-1], 0.0, torch.logaddexp(mass + math.log1p(-SPREAD), spread))

    @property
    def halfway(self) -> Tensor:
        """The points between neighbours, (K - 1, ...)."""
        return (self.values[1:] + self.values[:-1]) / 2

    @property
    def spacing(self) -> Tensor:
        """The mean distance of two neighbours, in the shape of a row."""
        return (self.values[-1] - self.values[0]) / (len(self.values) - 1)


def ends(curve: ErrorCurve, blend: Blend, lattice: Lattice | None) -> tuple[float, float]:
    """The noisy and the clean end of the integral, log-SNR, from a model's errors by noise level.

    At the noisy end a Gaussian knows less than 0.002 bits a dimension. The clean end of data with levels is where the bound is smallest:
    from there on, reading the level off is cheaper than what a denoiser that knows no levels spends. That of a density is where the model
    has no gain over the Gaussian any more.
    """
    d = curve.mse[0].numel()
    levels, known = curve.log_snr, blend.gaussian.variances
    spent = torch.stack([(level.exp() * known).log1p().sum() / (2 * d * math.log(2)) for level in levels])
    first = max(0, int((spent < NOISY).sum()) - 1)
    if lattice is None:
        mse = curve.mse.flatten(1).sum(1)
        gain = gaussian.rate(blend, levels) - 0.5 * levels.exp() * mse
        useful = (gain > GAIN * d).nonzero()
        last = min(len(levels) - 1, int(useful[-1]) + 4) if len(useful) else len(levels) - 1
    else:
        total = (information(curve, levels) + torch.stack([_reading(curve.mse[k], lattice) for k in range(len(levels))])) / d
        last = int((total <= total.min() + SLACK).nonzero()[0])
    return levels[first].item(), levels[max(last, first + 1)].item()


def _reading(mse: Tensor, lattice: Lattice) -> Tensor:
    """The mean of -log P in nats of a row if the errors are Gaussian with variances `mse`, for levels far from the first and the last."""
    z, weights = torch.linspace(-5, 5, 81, dtype=torch.float64), None
    weights = (-0.5 * z.square()).softmax(0)
    spacing = lattice.spacing
    varies = spacing > 0
    width = (spacing[varies] / (2 * mse[varies].clamp(min=1e-30).sqrt()))[:, None]
    mass = torch.special.ndtr(width - z) - torch.special.ndtr(-width - z)
    return -(mass.clamp(min=SPREAD / len(lattice.values)).log() @ weights).sum()
