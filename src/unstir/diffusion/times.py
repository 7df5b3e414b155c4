"""Which noise levels: a distribution of them to train on, a grid of them to sample on.

A distribution to train on is a quantile function `(u in (0, 1), schedule) -> t`, so that the same stratified u serve all of them:

    u_i = (pi(i) + U_i) / n,  U_i uniform, pi a permutation        stratified: one draw in each n-th       (1)
    uniform  t = u        chain  t = ceil(u T) / T
    log_normal  log(sigma/alpha) = mean + std Phi^-1(u)             (Karras et al. 2022, table 1)           (2)
                and a small share of the draws even in log-SNR below that, where sampling begins           (8)
    logit_normal  t = sigmoid(mean + std Phi^-1(u))                 (Esser et al. 2024)                     (3)
    log_snr  log-SNR = high - (high - low) u                                                                (7)

A grid to sample on is a function `(schedule, n) -> n + 1 times`, which fall from exactly 1 (noise) to exactly 0 (data) in n intervals:

    uniform  t_i = 1 - i/n        chain  t_i = round(T (1 - i/n)) / T
    log_snr  log-SNR in equal steps from that of t = 1 to `end`, then a last step to the data              (4)
    karras   (sigma/alpha)^(1/rho) in equal steps, then the data                   (Karras et al. eq. 5)    (5)
    sinh     asinh(bend (log-SNR - centre)) in equal steps: (4) with shorter steps around the centre        (6)

    >>> from unstir.diffusion.chains import linear
    >>> (grid("chain")(linear(T=1000), 4) * 1000).tolist()
    [1000.0, 750.0, 500.0, 250.0, 0.0]
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from unstir.diffusion.registry import DISTRIBUTIONS, row
from unstir.diffusion.schedules import Schedule
from unstir.errors import UsageError
from unstir.registry import Registry

COARSEST = -3.8  # of the log-SNR of log-normal levels, 2.3 % are below it
LOWEST = -6.0  # of the log-SNR of even levels: above it, all but 0.002 bits of a number are destroyed at once
EVEN = 0.05  # of the draws of log-normal levels are even in log-SNR from COARSEST to NOISE_LOG_SNR
NOISE_LOG_SNR = -10.0  # if t = 1 is noisier, one long step leads from there to this level, and nothing is lost by that

Quantile = Callable[[Tensor, Schedule], Tensor]
"""`(u (B,) in (0, 1), schedule) -> t (B,)` in (0, 1], float64."""
Grid = Callable[[Schedule, int], Tensor]
"""`(schedule, n) -> times (n + 1,)`, float64, strictly falling from 1 to 0."""


def stratified(n: int, generator: torch.Generator) -> Tensor:
    """n numbers in (0, 1), one in each of n equal strata, in random order, eq. (1): (n,) float64.

    This takes away half the variance of the loss or more (Kingma et al. 2021, appendix I) and costs nothing.
    """
    return (torch.randperm(n, generator=generator) + torch.rand(n, dtype=torch.float64, generator=generator)) / n


def uniform(u: Tensor, schedule: Schedule) -> Tensor:  # noqa: ARG001
    """Every time is equally likely: t = u."""
    return u


def chain(u: Tensor, schedule: Schedule) -> Tensor:
    """n / T with n uniform on 1 .. T (Ho et al. 2020, algorithm 1). Raises UsageError for a schedule that is no chain."""
    T = _chain_length(schedule)
    return (u * T).ceil().clamp(1, T) / T


def log_normal(u: Tensor, schedule: Schedule, mean: float = -0.5, std: float = 1.2, even: float = EVEN) -> Tensor:
    """Eq. (2). The paper's mean of -1.2 is for data of standard deviation 0.5; encoded data has 1, for which it is -0.5.

    So 95 % of the log-SNR are between -3.8 and 5.8. For data with finer detail, see `Distribution.down_to`. Hardly any are as low as -10,
    where sampling begins, and a network that never saw pure noise answers it with the wrong mean. So by (8) a share `even` of the draws,
    those with the largest u, are even in log-SNR from -3.8 to -10; 0 is the paper's distribution.
    """
    u = u.double()
    levels = -2 * (mean + std * torch.special.ndtri((u / (1 - even)).clamp(max=1)))
    if even:
        noisiest = COARSEST + (NOISE_LOG_SNR - COARSEST) * (u - (1 - even)) / even
        levels = torch.where(u < 1 - even, levels, noisiest)
    return schedule.inverse(levels)


def logit_normal(u: Tensor, schedule: Schedule, mean: float = 0.0, std: float = 1.0) -> Tensor:  # noqa: ARG001
    """Eq. (3)."""
    return torch.sigmoid(mean + std * torch.special.ndtri(u.double()))


def log_snr(u: Tensor, schedule: Schedule, low: float = LOWEST, high: float = 5.8) -> Tensor:
    """Eq. (7): every log-SNR between two ends is equally likely. With a weight like the SNR, the loss is what a row takes in nats."""
    return schedule.inverse(high - (high - low) * u.double())


def _around(finest: float) -> dict[str, float]:
    """`log_normal` with 95 % of the log-SNR between -3.8 and `finest`."""
    return {"mean": -(COARSEST + finest) / 4, "std": (finest - COARSEST) / 8}


@dataclass(frozen=True)
class Distribution:
    """A distribution of training times by its quantile function: `distribution(u, schedule)` are the times at u in (0, 1)."""

    name: str
    quantile: Quantile
    is_search: bool = False
    """Whether a quantile is found by a search, which is too slow for every row of a batch: training then looks it up in a table."""
    reaching: Callable[[float], dict[str, float]] | None = None
    """The settings with which it reaches down to detail as fine as a log-SNR, if it can: `down_to`."""
    keeps_bound: bool = False
    """Whether the loss under the weight `elbo` is the variational bound: each time, or each step of the chain, is equally likely."""

    def __call__(self, u: Tensor, schedule: Schedule) -> Tensor:
        """Times t (B,) in (0, 1], float64, for u (B,) in (0, 1)."""
        return self.quantile(u, schedule)

    def down_to(self, finest: float) -> "Distribution":
        """The same down to the log-SNR `finest`, for data with detail down to there; itself if it has no such end."""
        return self if self.reaching is None else distribution(self, **self.reaching(finest))


UNIFORM = Distribution("uniform", uniform, keeps_bound=True)
CHAIN = Distribution("chain", chain, keeps_bound=True)
LOG_NORMAL = Distribution("log_normal", log_normal, is_search=True, reaching=_around)
LOGIT_NORMAL = Distribution("logit_normal", logit_normal)
LOG_SNR = Distribution("log_snr", log_snr, is_search=True, reaching=lambda finest: {"high": finest})


def distribution(which: str | Distribution, **settings: float) -> Distribution:
    """The training distribution of that name, with its settings; a `Distribution` of your own is returned as it is.

    Raises UsageError for anything else.

    >>> distribution("log_normal", mean=-1.2).is_search
    True
    """
    found = row(DISTRIBUTIONS, Distribution, which)
    return replace(found, quantile=partial(found.quantile, **settings)) if settings else found


def uniform_grid(schedule: Schedule, n: int) -> Tensor:  # noqa: ARG001
    """n equal steps in t."""
    return torch.linspace(1, 0, _intervals(n) + 1, dtype=torch.float64)


def chain_grid(schedule: Schedule, n: int) -> Tensor:
    """n + 1 of the chain's own times, evenly spread from T to 0; all of them for n = T. Raises UsageError for n > T."""
    T = _chain_length(schedule)
    if n > T:
        raise UsageError(f"{n} steps on a chain of T = {T}: it has no more than {T}. Ask for fewer, or use another grid.")
    return (uniform_grid(schedule, n) * T).round() / T


def log_snr_grid(schedule: Schedule, n: int, end: float = 9.0) -> Tensor:
    """Eq. (4): n - 1 equal steps of log-SNR up to `end`, and a last step to the data."""
    return _to_data(schedule, torch.linspace(_start(schedule), end, _intervals(n), dtype=torch.float64))


def karras_grid(schedule: Schedule, n: int, end: float = 12.4, rho: float = 7.0) -> Tensor:
    """Eq. (5). The default end is the paper's sigma_min of 0.002."""
    first, last = math.exp(-_start(schedule) / (2 * rho)), math.exp(-end / (2 * rho))
    return _to_data(schedule, -2 * rho * torch.linspace(first, last, _intervals(n), dtype=torch.float64).log())


def sinh_grid(schedule: Schedule, n: int, end: float = 10.0, centre: float = 2.0, bend: float = 0.15) -> Tensor:
    """Eq. (6). The defaults are the best that were measured over Gaussians of every width (docs/log.md)."""
    first, last = math.asinh(bend * (_start(schedule) - centre)), math.asinh(bend * (end - centre))
    steps = torch.linspace(first, last, _intervals(n), dtype=torch.float64)
    return _to_data(schedule, centre + steps.sinh() / bend)


def even_grid(schedule: Schedule) -> str:
    """The name of the grid of even steps in t: the chain's own times for a discrete chain, equal steps for any other schedule."""
    return "uniform" if schedule.T is None else "chain"


GRIDS: Registry[Callable[..., Tensor]] = Registry(
    "grid of times",
    {"uniform": uniform_grid, "chain": chain_grid, "log_snr": log_snr_grid, "karras": karras_grid, "sinh": sinh_grid},
)


def grid(name: str, **settings: float) -> Grid:
    """The sampling grid of that name. Raises UsageError for an unknown one."""
    return partial(GRIDS[name], **settings)


def _start(schedule: Schedule) -> float:
    return max(schedule.log_snr(1.0).item(), NOISE_LOG_SNR)


def _to_data(schedule: Schedule, log_snr: Tensor) -> Tensor:
    times = schedule.inverse(log_snr)
    times[0] = 1.0
    return torch.cat([times, torch.zeros(1, dtype=torch.float64)])


def _intervals(n: int) -> int:
    if n < 1:
        raise UsageError(f"sampling needs at least one step, got {n}.")
    return n


def _chain_length(schedule: Schedule) -> int:
    if schedule.T is None:
        raise UsageError(f"{schedule} is not a discrete chain, so it has no steps: use 'uniform' instead of 'chain'.")
    return schedule.T
