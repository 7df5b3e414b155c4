"""Training: a generator of steps. The caller owns printing, evaluation and checkpoints.

    repeat:  x_0 ~ data,  t ~ times,  eps ~ N(0, I),  x_t = alpha x_0 + sigma eps,  descend on errors(F(x_t), wanted)   (1)
    lr_k = lr min(1, (k+1)/warmup) (1 + cos(pi k / steps)) / 2                                        (2)
    average_k = average_{k-1} + (1 - d_k) (weights - average_{k-1}),  d_k = min(ema, (1 + k) / (10 + k))   (3)

(1) is algorithm 1 of Ho et al. 2020. Everything random in step k is a function of (seed, k) alone: the rows, the times, the
noise, the dropped conditions. They are drawn in blocks of steps, which costs a third of drawing them one at a time; block b is
steps b K to (b + 1) K - 1 of any run, so a resumed run is the same run by construction. Of several processes each draws all of it,
and descends on its share of every batch: how many there are decides nothing but the order in which numbers are added.

    >>> from unstir.diffusion.chains import linear
    >>> from unstir.networks.mlp import MLP
    >>> problem = Problem(linear(), "eps", torch.randn(100, 2))
    >>> state = State(MLP(2), recipe := Recipe(steps=3, batch_size=8))
    >>> [step.number for step in train(state, problem, recipe)]
    [1, 2, 3]
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from unstir.diffusion.denoiser import Target, check_pair, target
from unstir.diffusion.loss import Example, Weight, errors, examples, weight
from unstir.diffusion.schedules import Schedule
from unstir.diffusion.times import Quantile, distribution, stratified
from unstir.errors import NumericsError, UsageError, unknown
from unstir.networks import blocks
from unstir.seeds import seeded
from unstir.training.processes import ALONE, Processes, entire, own

BLOCK_ELEMENTS = 2**20  # random numbers drawn at once: a few MB
BLOCK_STEPS = 64
MOMENTS = ("exp_avg", "exp_avg_sq")  # of AdamW, under torch's names
PARTS = ("network", "average", *MOMENTS)
COUPLINGS = ("independent", "optimal_transport")
AVERAGE, ALL = 1001, 1002  # what process 0 asks of the others, beside what else is a number: exit codes
LOOKED_AT = 2**22  # numbers that an error says the range of


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
    """What is learnt: rows (N, ...) in the model's space, float32, and perhaps class ids cond (N,), under a schedule.

    `mirrored` are the same rows mirrored; where they are given, each row drawn is one of these with probability 1/2.
    Raises UsageError for combinations that cannot be: eps at zero terminal SNR, optimal-transport coupling with a condition.
    """

    schedule: Schedule
    target_name: str
    rows: Indexed
    cond: Tensor | None = None
    classes: int = 0
    loss: str = "simple"
    times: str = "log_normal"
    coupling: str = "independent"
    mirrored: Indexed | None = None
    target: Target = field(init=False)
    weigh: Weight = field(init=False)
    quantile: Quantile = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "target", target(self.target_name))
        object.__setattr__(self, "weigh", weight(self.loss))
        object.__setattr__(self, "quantile", tabulated(distribution(self.times), self.schedule, self.times))
        check_pair(self.schedule, self.target_name)
        if self.coupling not in COUPLINGS:
            raise unknown("coupling", self.coupling, COUPLINGS)
        if self.coupling == "optimal_transport" and self.cond is not None:
            raise UsageError(
                "optimal-transport coupling with a condition: the pairing inside a batch depends on the other rows' conditions, "
                "which biases a conditional model. Use the independent coupling, or train without labels (--data.labels none)."
            )
        if self.loss == "elbo" and self.times not in ("uniform", "chain"):
            raise UsageError(
                f"the elbo weight is a bound under uniform times only, not '{self.times}'. Use --diffusion.times uniform."
            )


@dataclass(frozen=True)
class Recipe:
    """How it is learnt: the optimiser's numbers."""

    steps: int = 2000
    batch_size: int = 256
    lr: float = 3e-3
    warmup: int = 100
    weight_decay: float = 0.0
    clip: float = 1.0
    ema: float = 0.998
    drop_condition: float = 0.1
    seed: int = 0
    precision: str = "float32"
    sharding: str = "none"

    def rate(self, k: int) -> float:
        """The learning rate of step k = 0, 1, ...: eq. (2)."""
        return self.lr * min(1.0, (k + 1) / self.warmup if self.warmup else 1.0) * (1 + math.cos(math.pi * k / self.steps)) / 2


class State:
    """What training changes: the network, its average (3), the optimiser, and how many steps are done.

    `cut` over several processes, each keeps parts of the tensors. Process 0 asks for whole ones, and the others answer with `give`.
    """

    def __init__(self, network: nn.Module, recipe: Recipe):
        self.network, self._recipe = network, recipe
        self.weights: list[Tensor] = list(network.parameters())
        self.average = [w.detach().clone() for w in self.weights]
        self.step = 0
        self.together = ALONE  # those that this state is cut over
        self._averaged: tuple[int, dict[str, Tensor]] | None = None  # the last that was made whole, and after which step

    @cached_property
    def optimiser(self) -> torch.optim.AdamW:
        """Made when first asked for: to import it takes a second and a half, which who only looks at a run need not wait."""
        betas, decay = (0.9, 0.99), self._recipe.weight_decay
        return torch.optim.AdamW(self.weights, lr=self._recipe.lr, betas=betas, weight_decay=decay, fused=True)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, by name, besides the number of steps: what a checkpoint holds."""
        return self._whole(ALL, self.kept())

    def averaged(self) -> dict[str, Tensor]:
        """What `network.load_state_dict` takes to become the average."""
        if self._averaged is None or self._averaged[0] != self.step:
            made = self._whole(AVERAGE, self.network.state_dict() | dict(zip(self._names, self.average, strict=True)))
            if self.together is ALONE:
                return made
            self._averaged = self.step, made
        return self._averaged[1]

    @torch.no_grad()
    def cut(self, together: Processes, device: str) -> None:
        """Keep a part of every tensor, on that device; what they are together is what process 0 held. All processes do this at once."""
        leads = together.rank == 0
        moments = [[self.optimiser.state[w][m] for w in self.weights] for m in MOMENTS] if leads and self.step else []
        whole = {"average": self.average, **dict(zip(MOMENTS, moments, strict=False))}
        together.cut(self.network, blocks(self.network), device)
        self.weights = list[Tensor](self.network.parameters())
        self.together = together
        self.__dict__.pop("optimiser", None)
        part = {
            name: [together.part(whole[name][i] if leads else None, w) for i, w in enumerate(self.weights)]
            for name in ("average", *(MOMENTS if self.step else ()))
        }
        self.average = part["average"]
        for i, w in enumerate(self.weights if self.step else ()):
            self._remember(w, self.step, {moment: part[moment][i] for moment in MOMENTS})

    def give(self, asked: int) -> None:
        """In a process that does not lead: its parts of what process 0 has asked for."""
        self.tensors() if asked == ALL else self.averaged()

    @property
    def _names(self) -> list[str]:
        return [name for name, _ in self.network.named_parameters()]

    def kept(self) -> dict[str, Tensor]:
        """What `tensors` makes whole: where the state is cut, this process's parts."""
        held = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        held |= {f"average.{name}": a for name, a in zip(self._names, self.average, strict=True)}
        for name, w in zip(self._names, self.weights, strict=True):
            held |= {f"{moment}.{name}": self.optimiser.state[w][moment] for moment in MOMENTS if self.step}
        return held

    def _whole(self, asked: int, held: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.together is ALONE:
            return held
        if self.together.rank == 0:
            self.together.largest(asked)
        return {name: self.together.whole(value) for name, value in held.items()}

    def _remember(self, w: Tensor, step: int, moments: dict[str, Tensor]) -> None:
        # The fused optimiser counts its steps in a float32 on the weights' own device.
        self.optimiser.state[w] = {"step": torch.tensor(float(step), device=w.device), **moments}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], step: int) -> None:
        """Become the state whose `tensors()` these are, after `step` steps. KeyError or RuntimeError where they do not fit."""
        part = {name: {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")} for name in PARTS}
        self.network.load_state_dict(part["network"])
        for (name, w), a in zip(self.network.named_parameters(), self.average, strict=True):
            a.copy_(part["average"][name])
            if step:
                self._remember(w, step, {moment: torch.empty_like(w).copy_(part[moment][name]) for moment in MOMENTS})
        self.step = step

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Eq. (3)."""
        torch._foreach_lerp_([own(a) for a in self.average], [own(w) for w in self.weights], 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange weights and average: before and after an evaluation, which always uses the average. Not where they are cut."""
        for w, a in zip(self.weights, self.average, strict=True):
            w.data, a.data = a.data, w.data


class Step(NamedTuple):
    """What a step did: its number from 1, the loss, the learning rate, and each row's time and error (B,)."""

    number: int
    loss: float
    lr: float
    t: Tensor
    errors: Tensor


def ema_decay(k: int, ema: float) -> float:
    """d_k of eq. (3): an average over a tenth of a short past, so that early noise is forgotten."""
    return min(ema, (1 + k) / (10 + k))


def train(
    state: State, problem: Problem, recipe: Recipe, together: Processes = ALONE, device: torch.device | None = None
) -> Iterator[Step]:
    """Eq. (1) from state.step to recipe.steps, changing the state; yields after each step, with the losses of all processes.

    Where the state is still to be cut over the processes, which the recipe says, its parts go to `device`, or stay where they are.
    Raises NumericsError before the update where the loss or the gradient is not finite, with the step, the noise level and the
    range of the data.
    """
    if recipe.sharding == "full" and together.count > 1 and state.together is ALONE:
        state.cut(together, str(device or state.weights[0].device))
    network = together.replicate(state.network) if state.together is ALONE else state.network
    device, mine = state.weights[0].device, together.share(recipe.batch_size)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")
    while state.step < recipe.steps:
        block, first = divmod(state.step, steps_in_block(problem, recipe))
        prepared = prepare(problem, recipe, block)
        for i in range(first, min(len(prepared.t), recipe.steps - block * len(prepared.t))):
            example = Example(*(part[i][mine].to(device) for part in prepared.example))
            cond = None if prepared.cond is None else prepared.cond[i][mine].to(device)
            network.train()
            with autocast:
                F = network(example.seen, example.t, cond)
            own_errors = errors(F.to(example.wanted.dtype), example)
            row_errors = together.gather(own_errors.detach())
            loss = row_errors.mean()
            _check(loss.item(), row_errors, state.step, problem, prepared.t[i])
            own_errors.mean().backward()
            norm = entire(nn.utils.clip_grad_norm_(state.weights, recipe.clip))
            _check(norm.item(), row_errors, state.step, problem, prepared.t[i])
            lr = recipe.rate(state.step)
            state.optimiser.param_groups[0]["lr"] = lr
            state.optimiser.step()
            state.optimiser.zero_grad()
            state.update_average(ema_decay(state.step, recipe.ema))
            state.step += 1
            yield Step(state.step, loss.item(), lr, prepared.t[i], row_errors)


class Prepared(NamedTuple):
    """A block of K steps: t (K, B) float64, the examples (K, B, ...) and conditions (K, B), or None."""

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
    if problem.coupling == "optimal_transport":
        eps = torch.cat([eps[i : i + B][optimal_pairing(x0[i : i + B], eps[i : i + B])] for i in range(0, K * B, B)])
    cond = None
    if problem.cond is not None:
        dropped = torch.rand(K * B, generator=generator) < recipe.drop_condition
        cond = torch.where(dropped, problem.classes, problem.cond[index]).view(K, B)
    made = examples(problem.schedule, problem.target, problem.weigh, x0, eps, t)
    return Prepared(t.view(K, B), Example(*(part.view(K, B, *part.shape[1:]) for part in made)), cond)


def optimal_pairing(x0: Tensor, eps: Tensor) -> Tensor:
    """The permutation of eps (B, ...) that minimises sum |x0_i - eps_pi(i)|^2 (Tong et al. 2024): (B,) indices."""
    cost = torch.cdist(x0.flatten(1), eps.flatten(1)) ** 2
    return torch.as_tensor(linear_sum_assignment(cost.numpy())[1])


@lru_cache(maxsize=4)
def _shuffled(n: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(n, generator=seeded(seed, "epoch", epoch, 0))


def tabulated(quantile: Quantile, schedule: Schedule, name: str, knots: int = 4096) -> Quantile:
    """The log-normal's quantiles from a table: its inverse of the schedule is a search, too slow for every row."""
    if name != "log_normal":
        return quantile
    u = (torch.arange(knots, dtype=torch.float64) + 0.5) / knots
    table = quantile(u, schedule)

    def look_up(u: Tensor, schedule: Schedule) -> Tensor:  # noqa: ARG001
        place = (u * knots - 0.5).clamp(0, knots - 1.001)
        left = place.long()
        return torch.lerp(table[left], table[left + 1], place - left)

    return look_up


def _check(value: float, row_errors: Tensor, step: int, problem: Problem, t: Tensor) -> None:
    if math.isfinite(value):
        return
    bad = (~row_errors.isfinite()).nonzero().flatten()
    worst = int(bad[0]) if len(bad) else int(row_errors.argmax())
    rows = problem.rows[torch.arange(min(len(problem.rows), max(1, LOOKED_AT // math.prod(problem.rows.shape[1:]))))]
    raise NumericsError(
        f"step {step + 1}: the {'loss' if len(bad) else 'gradient'} is not finite; nothing was updated. Worst row at t = "
        f"{t[worst].item():.4f} (log-SNR {problem.schedule.log_snr(t[worst]).item():.1f}), data between {rows.min().item():.3g} and "
        f"{rows.max().item():.3g} in the model's units. Try a lower --optim.lr, or look for outliers in the data."
    )
