"""What is learnt, and everything random that a block of training steps needs: rows, times, noise, dropped conditions.

    x_0 ~ data,  t ~ times,  eps ~ N(0, I),  x_t = alpha x_0 + sigma eps                                        (1)

(1) is the first half of algorithm 1 of Ho et al. 2020. It is a function of (seed, step) alone. Numbers are drawn in blocks of steps, which
costs a third of drawing them one step at a time; block b is steps b K to (b + 1) K - 1 of any run, so that a run that was stopped and goes on
draws the same ones.

    >>> from unstir.diffusion.chains import linear
    >>> problem = Problem(linear(), "eps", torch.randn(100, 2))
    >>> prepare(problem, Recipe(batch_size=8), 0).example.seen.shape
    torch.Size([64, 8, 2])
"""

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, Protocol

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from unstir.conditions.base import Condition
from unstir.diffusion.denoiser import Target, check_pair, target
from unstir.diffusion.loss import Example, Weight, examples, weight
from unstir.diffusion.registry import DISTRIBUTIONS, WEIGHTS
from unstir.diffusion.schedules import Schedule
from unstir.diffusion.times import Distribution, Quantile, distribution, stratified
from unstir.errors import UsageError, unknown
from unstir.seeds import seeded
from unstir.training.recipe import Recipe

BLOCK_ELEMENTS = 2**20  # random numbers drawn at once: a few MB
BLOCK_STEPS = 64
OPTIMAL = "optimal_transport"
COUPLINGS = ("independent", OPTIMAL)


class Indexed(Protocol):
    """Where rows (N, ...) are drawn from: a tensor, or whatever makes the tensor (n, ...) of n of them when asked for it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ...)."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, index: Tensor) -> Tensor:
        """The rows with those numbers (n,): (n, ...) float32."""


@dataclass(frozen=True)
class Problem:
    """What is learnt: rows (N, ...) in the model's space, float32, under a schedule; each perhaps given `cond` (N, ...), values of `condition`.

    Target, loss and times are names, or parts of the caller's own. `mirrored` are the same rows mirrored; where they are given, each row
    drawn is one of these with probability 1/2.
    Raises UsageError for combinations that cannot be: eps at zero terminal SNR, optimal-transport coupling with a condition.
    """

    schedule: Schedule
    aim: str | Target
    rows: Indexed
    cond: Tensor | None = None
    condition: Condition | None = None
    loss: str | Weight = WEIGHTS.default
    times: str | Distribution = DISTRIBUTIONS.default
    coupling: str = COUPLINGS[0]
    mirrored: Indexed | None = None
    target: Target = field(init=False)
    weigh: Weight = field(init=False)
    quantile: Quantile = field(init=False)

    def __post_init__(self):
        chosen = distribution(self.times)
        object.__setattr__(self, "target", target(self.aim))
        object.__setattr__(self, "weigh", weight(self.loss))
        object.__setattr__(self, "quantile", tabulated(chosen, self.schedule) if chosen.is_search else chosen)
        check_pair(self.schedule, self.target)
        if self.coupling not in COUPLINGS:
            raise unknown("coupling", self.coupling, COUPLINGS)
        if self.coupling == OPTIMAL and self.cond is not None:
            raise UsageError(
                "optimal-transport coupling with a condition: the pairing inside a batch depends on the other rows' conditions, "
                "which biases a conditional model. Use the independent coupling, or train without labels (--data.labels none)."
            )
        if self.weigh.is_bound and not chosen.keeps_bound:
            raise UsageError(
                f"the {self.weigh.name} weight is a bound under uniform times only, not '{chosen.name}'. Use --diffusion.times uniform."
            )


class Prepared(NamedTuple):
    """A block of K steps: t (K, B) float64, the examples (K, B, ...), and values of the condition (K, B, ...) or None."""

    t: Tensor
    example: Example
    cond: Tensor | None


def steps_in_block(problem: Problem, recipe: Recipe) -> int:
    """How many steps are drawn at once: a function of sizes alone, so the same for every run of this problem."""
    return max(1, min(BLOCK_STEPS, BLOCK_ELEMENTS // (recipe.batch_size * math.prod(problem.rows.shape[1:]))))


def prepare(problem: Problem, recipe: Recipe, block: int) -> Prepared:
    """Everything random in one block of steps: a function of (seed, block) and nothing else."""
    K, B, rows = steps_in_block(problem, recipe), recipe.batch_size, problem.rows
    generator = seeded(recipe.seed, "block", block, 0)
    places = torch.arange(block * K * B, (block + 1) * K * B)
    epochs = places // len(rows)
    index = torch.cat([_shuffled(len(rows), recipe.seed, e)[places[epochs == e] % len(rows)] for e in epochs.unique().tolist()])
    t = problem.quantile(torch.cat([stratified(B, generator) for _ in range(K)]), problem.schedule)
    eps = torch.randn((K * B, *rows.shape[1:]), generator=generator)
    x0 = rows[index]
    if problem.mirrored is not None:
        turned = torch.rand(K * B, generator=generator) < 1 / 2
        x0[turned] = problem.mirrored[index[turned]]
    if problem.coupling == OPTIMAL:
        eps = torch.cat([eps[i : i + B][optimal_pairing(x0[i : i + B], eps[i : i + B])] for i in range(0, K * B, B)])
    cond = None
    if problem.cond is not None and problem.condition is not None:
        dropped = torch.rand(K * B, generator=generator) < recipe.drop_condition
        cond = problem.condition.without(problem.cond[index], dropped)
        cond = cond.view(K, B, *cond.shape[1:])
    made = examples(problem.schedule, problem.target, problem.weigh, x0, eps, t)
    return Prepared(t.view(K, B), Example(*(part.view(K, B, *part.shape[1:]) for part in made)), cond)


def optimal_pairing(x0: Tensor, eps: Tensor) -> Tensor:
    """The permutation of eps (B, ...) that minimises sum |x0_i - eps_pi(i)|^2 (Tong et al. 2024): (B,) indices."""
    cost = torch.cdist(x0.flatten(1), eps.flatten(1)) ** 2
    return torch.as_tensor(linear_sum_assignment(cost.numpy())[1])


@lru_cache(maxsize=4)
def _shuffled(n: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(n, generator=seeded(seed, "epoch", epoch, 0))


def tabulated(chosen: Distribution, schedule: Schedule, knots: int = 4096) -> Quantile:
    """The quantiles of a distribution from a table, where each is found by a search, which is too slow for every row."""
    u = (torch.arange(knots, dtype=torch.float64) + 0.5) / knots
    table = chosen(u, schedule)

    def look_up(u: Tensor, schedule: Schedule) -> Tensor:  # noqa: ARG001
        place = (u * knots - 0.5).clamp(0, knots - 1.001)
        left = place.long()
        return torch.lerp(table[left], table[left + 1], place - left)

    return look_up
