"""The rival: DDPM on the swiss roll as a first lecture on diffusion writes it down, in one page and nothing but torch.

    x_n = sqrt(alpha_bar_n) x_0 + sqrt(1 - alpha_bar_n) eps,    beta_n = linspace(1e-4, 0.02, 1000)       (1)
    loss = mean of (eps - eps_hat(x_n, n))^2,    n uniform, 256 rows a step, Adam at 1e-3                (2)
    x_{n-1} = (x_n - beta_n / sqrt(1 - alpha_bar_n) eps_hat) / sqrt(1 - beta_n) + sqrt(beta_n) noise     (3)

Ho et al. 2020, algorithms 1 and 2 with sigma^2 = beta. The network is a plain MLP that sees the two coordinates as they are and
time as 32 learnt features of the number n / 1000. No averaging, no learning-rate schedule, no encoder. It uses nothing of
unstir but the data and the distances, and none of its choices is made worse than a reader of the lecture would make them.
"""

import time
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from quality import POINTS, formats, measures, roll
from report import Table, note, parser, show, with_summary

T = 1000
BATCH = 256
BETAS = torch.linspace(1e-4, 0.02, T)
ALPHA_BARS = torch.cumprod(1 - BETAS, 0)


class Network(nn.Module):
    """eps_hat of x (B, 2) and of the chain's place (B,), counted 0 .. T - 1."""

    def __init__(self):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(1, 32), nn.SiLU(), nn.Linear(32, 32))
        layers = [layer for widths in pairwise([2 + 32, 128, 128, 128]) for layer in (nn.Linear(*widths), nn.SiLU())]
        self.body = nn.Sequential(*layers, nn.Linear(128, 2))

    def forward(self, x: Tensor, place: Tensor) -> Tensor:
        return self.body(torch.cat([x, self.time(place[:, None] / T)], 1))


def train(points: np.ndarray, steps: int, seed: int) -> tuple[Network, float]:
    """Eq. (2) on points (N, 2): the network and the seconds that its training loop took."""
    torch.manual_seed(seed)
    rows, network = torch.as_tensor(points, dtype=torch.float32), Network()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    started = time.perf_counter()
    for _ in range(steps):
        x0 = rows[torch.randint(len(rows), (BATCH,))]
        place, eps = torch.randint(T, (BATCH,)), torch.randn(BATCH, 2)
        alpha_bar = ALPHA_BARS[place][:, None]
        noisy = alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps
        loss = nn.functional.mse_loss(network(noisy, place), eps)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network, time.perf_counter() - started


@torch.no_grad()
def sample(network: Network, n: int, seed: int = 0) -> np.ndarray:
    """Eq. (3) all the way from noise, T evaluations: (n, 2)."""
    torch.manual_seed(seed)
    x = torch.randn(n, 2)
    for place in reversed(range(T)):
        beta, alpha_bar = BETAS[place], ALPHA_BARS[place]
        x = (x - beta / (1 - alpha_bar).sqrt() * network(x, torch.full((n,), place))) / (1 - beta).sqrt()
        if place > 0:
            x = x + beta.sqrt() * torch.randn(n, 2)
    return x.numpy()


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=1, help="how many, from 0")
    options.add_argument("--steps", type=int, default=2000)
    chosen = options.parse_args()
    train(roll(0), 100, 0)  # the first steps of a process are slow
    rows = []
    for seed in range(chosen.seeds):
        note(f"seed {seed}")
        network, seconds = train(roll(seed), chosen.steps, seed)
        started = time.perf_counter()
        points = sample(network, POINTS, seed)
        rows.append({"seed": seed, "training s": seconds, "sampling s": time.perf_counter() - started})
        rows[-1] |= measures(points, seed, "plain")
    title = f"The plain script: {chosen.steps:,} steps of {BATCH}, {POINTS:,} samples with {T:,} evaluations"
    show([Table(title, formats(rows[0]), with_summary(rows, "seed"))], f"{chosen.seeds} seeds", chosen.json)


if __name__ == "__main__":
    main()
