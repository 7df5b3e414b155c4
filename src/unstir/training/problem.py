"""The problem that a network learns, and everything random in its training steps: rows, times, noise, dropped conditions.

    x_0 ~ data,  t ~ times,  eps ~ N(0, I),  x_t = alpha x_0 + sigma eps                                        (1)

(1) is the first half of algorithm 1 of Ho et al. 2020. It depends only on (seed, step). Numbers are drawn for a block of K steps at once,
which takes a third of the time of drawing them step by step. Block b always has the steps b K to (b + 1) K - 1, so a resumed run draws the
same numbers as one that was never stopped.

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

from unstir.conditions.base import Condition, OnGrid, thinned
from unstir.diffusion.denoiser import Target, check_pair, target
from unstir.diffusion.loss import Example, Weight, examples, weight
from unstir.diffusion.registry import DISTRIBUTIONS, WEIGHTS
from unstir.diffusion.schedules import FIRST, Schedule
from unstir.diffusion.times import Distribution, Quantile, distribution, stratified
from unstir.errors import UsageError, unknown
from unstir.seeds import seeded
from unstir.training.neighbours import MOST_NUMBERS, MOST_ROWS, Neighbours
from unstir.training.recipe import Recipe

BLOCK_ELEMENTS = 2**20  # random numbers drawn at once at most: a few MB
BLOCK_STEPS = 64  # steps in a block at most
OPTIMAL = "optimal_transport"
PAIRED = 512  # rows that are paired at once at most
COUPLINGS = ("independent", OPTIMAL)
EXPECTED = "expected"
ANSWERS = ("drawn", EXPECTED)


class Indexed(Protocol):
    """The source of rows (N, ...): a tensor, or anything that returns n of its rows as a tensor (n, ...) when it is indexed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ...)."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, index: Tensor) -> Tensor:
        """The rows with those numbers (n,): (n, ...) float32."""


@dataclass(frozen=True)
class Problem:
    """What a network learns: rows (N, ...) in the model's space, float32, under a schedule; `cond` (N, ...) are their condition's values.

    Target, loss and times are names, or parts of the caller's own. `mirrored` are the mirror images of the rows; if they are given, they
    replace a drawn row with probability 1/2. `answer`: what the network is asked for, the drawn row or `training.neighbours` (1).
    Raises UsageError for impossible combinations: eps at zero terminal SNR, optimal-transport coupling with a condition.
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
    answer: str = ANSWERS[0]
    target: Target = field(init=False)
    weigh: Weight = field(init=False)
    quantile: Quantile = field(init=False)
    neighbours: Neighbours | None = field(init=False)

    def __post_init__(self):
        chosen = distribution(self.times)
        object.__setattr__(self, "target", target(self.aim))
        object.__setattr__(self, "weigh", weight(self.loss))
        object.__setattr__(self, "quantile", tabulated(chosen, self.schedule) if chosen.is_search else chosen)
        check_pair(self.schedule, self.target)
        object.__setattr__(self, "neighbours", self._neighbours())
        if self.coupling not in COUPLINGS:
            raise unknown("coupling", self.coupling, COUPLINGS)
        if self.coupling == OPTIMAL and self.cond is not None:
            raise UsageError(
                "optimal-transport coupling with a condition: the pairing inside a batch depends on the other rows' conditions, "
                "which biases a conditional model. Use the independent coupling, or train without labels (--data.labels none)."
            )
        if self.weigh.is_bound and not chosen.keeps_bound:
            raise UsageError(
                f"the {self.weigh.name} weight is a bound only under uniform times, not '{chosen.name}'. Use --diffusion.times uniform."
            )

    def _neighbours(self) -> Neighbours | None:
        if self.answer not in ANSWERS:
            raise unknown("answer", self.answer, ANSWERS)
        if self.answer != EXPECTED:
            return None
        if self.coupling == OPTIMAL or self.mirrored is not None or not Neighbours.suit(self.rows.shape):
            raise UsageError(
                f"--diffusion.answer {EXPECTED} is for rows of up to {MOST_NUMBERS} numbers, {MOST_ROWS:,} rows at most, the "
                f"independent coupling and no mirror images; here a row is {tuple(self.rows.shape[1:])}, of {len(self.rows):,} rows. "
                f"Use {ANSWERS[0]}."
            )
        return Neighbours(self.rows[torch.arange(len(self.rows))], _whole_numbers(self.cond))

    def pairings(self, rows: int) -> int:
        """The number of parts in which a batch of so many rows is paired with its noise; 0 where it is not."""
        return pairings(self.coupling, rows)


class Prepared(NamedTuple):
    """A block of K steps: t (K, B) float64, the examples (K, B, ...), and values of the condition (K, B, ...) or None."""

    t: Tensor
    example: Example
    cond: Tensor | None


def pairings(coupling: str, rows: int) -> int:
    """The number of parts in which a batch of so many rows is paired with its noise; 0 where the coupling pairs nothing.

    >>> pairings("optimal_transport", 5000), pairings("independent", 5000)
    (10, 0)
    """
    return -(-rows // PAIRED) if coupling == OPTIMAL else 0


def steps_in_block(problem: Problem, recipe: Recipe) -> int:
    """K, the number of steps that are drawn at once: it depends only on sizes, so it is the same for every run of this problem."""
    steps = min(BLOCK_STEPS, BLOCK_ELEMENTS // (recipe.batch_size * math.prod(problem.rows.shape[1:])))
    return max(1, steps // max(1, problem.pairings(recipe.batch_size)))


def order(problem: Problem, recipe: Recipe, block: int) -> Tensor:
    """The numbers of the rows of a block (K B,): all rows once, in random order, before any is drawn again."""
    drawn, n = steps_in_block(problem, recipe) * recipe.batch_size, len(problem.rows)
    places = torch.arange(block * drawn, (block + 1) * drawn)
    epochs = places // n
    return torch.cat([_shuffled(n, recipe.seed, e)[places[epochs == e] % n] for e in epochs.unique().tolist()])


def times(problem: Problem, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """The times of a block's rows (K B,), float64, those of each batch stratified."""
    u = torch.cat([stratified(recipe.batch_size, generator) for _ in range(steps_in_block(problem, recipe))])
    return problem.quantile(u, problem.schedule)


def prepare(problem: Problem, recipe: Recipe, block: int) -> Prepared:
    """Draw everything random in one block of steps; it depends only on (seed, block)."""
    K, B, rows = steps_in_block(problem, recipe), recipe.batch_size, problem.rows
    index, generator = order(problem, recipe, block), seeded(recipe.seed, "block", block, 0)
    t = times(problem, recipe, generator)
    eps = torch.randn((K * B, *rows.shape[1:]), generator=generator)
    x0 = rows[index]
    turned = None
    if problem.mirrored is not None:
        turned = torch.rand(K * B, generator=generator) < 1 / 2
        x0[turned] = problem.mirrored[index[turned]]
    if problem.coupling == OPTIMAL:
        eps = torch.cat([eps[i : i + B][optimal_pairing(x0[i : i + B], eps[i : i + B])] for i in range(0, K * B, B)])
    variance = torch.zeros(K * B)
    if problem.neighbours is not None:
        t = problem.schedule.as_time(t).clamp(min=FIRST)
        x0, eps, variance = problem.neighbours.answers(problem.schedule, x0, eps, t, index)
    cond = None
    if problem.cond is not None and problem.condition is not None:
        cond = problem.cond[index]
        if turned is not None and isinstance(problem.condition, OnGrid):
            cond[turned] = problem.condition.mirrored(cond[turned])
        cond = thinned(problem.condition, cond, recipe.drop_condition, generator)
        cond = cond.view(K, B, *cond.shape[1:])
    made = examples(problem.schedule, problem.target, problem.weigh, x0, eps, t, variance)
    return Prepared(t.view(K, B), Example(*(part.view(K, B, *part.shape[1:]) for part in made)), cond)


def optimal_pairing(x0: Tensor, eps: Tensor) -> Tensor:
    """The permutation of eps (B, ...) that minimises sum |x0_i - eps_pi(i)|^2 in each part of the batch (Tong et al. 2024): (B,) indices.

    Finding it takes a time that grows as B^3: 60 ms for 512 rows of two numbers, 20 s for 4,096. So a batch is paired in equal parts of at
    most `PAIRED` rows. A batch is itself a part of the data: smaller parts are as right, with pairs a little farther apart.
    """
    found = []
    for part in torch.arange(len(x0)).tensor_split(-(-len(x0) // PAIRED)):
        cost = torch.cdist(x0[part].flatten(1), eps[part].flatten(1)) ** 2
        found.append(part[torch.as_tensor(linear_sum_assignment(cost.numpy())[1])])
    return torch.cat(found)


def _whole_numbers(cond: Tensor | None) -> Tensor | None:
    """The classes of the rows (N,), if their condition is that; raises UsageError for any other condition."""
    if cond is not None and (cond.ndim != 1 or cond.is_floating_point()):
        raise UsageError(f"--diffusion.answer {EXPECTED} knows no condition but classes. Use {ANSWERS[0]}.")
    return cond


@lru_cache(maxsize=4)
def _shuffled(n: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(n, generator=seeded(seed, "epoch", epoch, 0))


def tabulated(chosen: Distribution, schedule: Schedule, knots: int = 4096) -> Quantile:
    """The quantiles of a distribution, interpolated in a table, for a distribution whose quantiles take a search each."""
    u = (torch.arange(knots, dtype=torch.float64) + 0.5) / knots
    table = chosen(u, schedule)

    def look_up(u: Tensor, schedule: Schedule) -> Tensor:  # noqa: ARG001
        place = (u * knots - 0.5).clamp(0, knots - 1.001)
        left = place.long()
        return torch.lerp(table[left], table[left + 1], place - left)

    return look_up
