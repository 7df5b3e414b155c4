"""What rows cost between noise levels: the integral behind every number of bits, measured with noise and with a control variate.

    -log p(x) = -log N(x; m, S) - 1/2 integral of (error_G - error) d gamma          any density          (1)
    -log P(x) = prior + 1/2 integral of error d gamma + reconstruction               levels               (2)
    error = E |x - D(y)|^2,   y = x + eps / sqrt(gamma),   gamma = e^(log-SNR)

With the best denoiser both are exact for each row. With a trained D they are upper bounds on average over the rows, and

    excess = 1/2 integral of gamma E |D* - D|^2 d log-SNR                                                 (3)

The integral is a sum over bins of log-SNR. Each row has its own level in a bin, its own noise, and the same noise with the opposite sign.
The Gaussian's denoiser is given the same y; its error is known exactly (`gaussian.py`), so what the luck of the noise adds to it is
subtracted from the other, b times, b being what regression over the rows finds in each bin.

Sources: (1), (2) Kong, Brekelmans & Ver Steeg 2023, after Guo, Shamai & Verdu 2005; (3) is the divergence of the two paths (Girsanov).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unstir.diffusion.blending import Blend
from unstir.diffusion.denoiser import Denoise
from unstir.diffusion.schedules import Schedule, along
from unstir.information import gaussian
from unstir.steady import steady

Noise = Callable[[Tensor], Iterable[tuple[float, Tensor]]]
"""`rows (B, ...) -> (weight, eps (B, ...))`: weighted noise whose weights sum to 1."""
FEW = 8  # rows below which no regression is made, and b = 1


def antithetic(generator: torch.Generator) -> Noise:
    """Random noise and its negative."""

    def pair(x: Tensor) -> Iterable[tuple[float, Tensor]]:
        eps = torch.randn(x.shape, dtype=x.dtype, generator=generator).to(x.device)
        return (0.5, eps), (0.5, -eps)

    return pair


def nodes(dimension: int, n: int = 129, reach: float = 7.0) -> Noise:
    """A grid of noise with its Gaussian weights, for rows of one or two elements: it takes n^dimension evaluations a level."""
    line = torch.linspace(-reach, reach, n, dtype=torch.float64)
    grid = torch.cartesian_prod(*[line] * dimension).reshape(-1, dimension)
    weights = (-0.5 * grid.square().sum(1)).softmax(0)
    return lambda x: ((w, eps.to(x).expand_as(x)) for w, eps in zip(weights.tolist(), grid, strict=True) if w > 1e-16)


@dataclass(frozen=True)
class Costs:
    """Nats that rows cost in bins of log-SNR between rising `edges` (L + 1,): (B, L) float64 each.

    `model` and `beside` are measured with the same noise, of the denoiser and of the Gaussian's; `exact` is the latter's mean over the noise.
    `share` (L,) is b for each bin.
    """

    edges: Tensor
    model: Tensor
    beside: Tensor
    exact: Tensor
    share: Tensor

    @property
    def nats(self) -> Tensor:
        """What each row costs in each bin, (B, L), without most of the luck of its noise."""
        return self.model - self.share * (self.beside - self.exact)

    @property
    def saved(self) -> Tensor:
        """The integral of (1) for each row, (B,): what the denoiser saves beside the Gaussian's, with what it would save beyond the last bin.

        There the rest of a smooth density's gain falls like 1 / gamma.
        """
        gain = self.exact - self.nats
        return gain.sum(1) + gain[:, -1] / torch.expm1(self.edges[-1] - self.edges[-2])


@steady
@torch.no_grad()
def costs(
    denoise: Denoise, schedule: Schedule, blend: Blend, x: Tensor, edges: Tensor, noise: Noise, where: torch.Generator | None
) -> Costs:
    """`Costs` of rows x (B, ...) in the model's space. Each row has a level of its own in every bin, drawn with `where`; None: the middle."""
    found = []
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        u = torch.full((len(x),), 0.5).double() if where is None else torch.rand(len(x), dtype=torch.float64, generator=where)
        level = low + (high - low) * u
        t = schedule.inverse(level)
        alpha, sigma = schedule(t)
        worth = 0.5 * (high - low) * level.exp()
        model, beside = torch.zeros(2, len(x), dtype=torch.float64)
        flat = blend.along(x)
        for weight, eps in noise(x):
            x_t = along(alpha, x) * x + along(sigma, x) * eps
            model += weight * (x - denoise(x_t, t)).double().square().flatten(1).sum(1).cpu()
            beside += weight * (flat - blend.gaussians(x_t, alpha, sigma)).double().square().sum(1).cpu()
        found.append((worth * model, worth * beside, gaussian.cost(blend, x, low, high)))
    model, beside, exact = (torch.stack(part, 1) for part in zip(*found, strict=True))
    return Costs(
        edges, model, beside, exact, _share(model, beside - exact) if where and len(x) >= FEW else torch.ones_like(exact[0])
    )


def joined(parts: Sequence[Costs]) -> Costs:
    """The costs of all rows whose parts were measured between the same edges, with b of all of them together."""
    model, beside, exact = (torch.cat([getattr(part, name) for part in parts]) for name in ("model", "beside", "exact"))
    return Costs(parts[0].edges, model, beside, exact, _share(model, beside - exact) if len(model) >= FEW else parts[0].share)


def _share(model: Tensor, luck: Tensor) -> Tensor:
    """The factor of the luck (B, L) that leaves the least variance in each bin, between 0 and 1; 1 where there is no luck."""
    luck, spread = luck - luck.mean(0), luck.var(0, correction=0)
    together = (model * luck).mean(0)
    return torch.where(spread > 0, together / spread.clamp(min=1e-300), 1.0).clamp(0, 1)
