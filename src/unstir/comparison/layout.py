"""Which is better? Schedules, targets or samplers on the same data with the same budget, over several seeds.

What differs is one thing. The rows, the split, the true sets, the network, the number of steps and the batch are the same for
all, and seed s means the same initial weights, order of rows and noise for all, in training and in sampling: seeds are pairs.

    data -> trainings x seeds -> model -> readings -> scores -> differences seed by seed -> verdict               (1)

A *training* is what has to be trained once a seed, a *reading* is one way of sampling it: one cell of the table. Schedules and
targets are trained one by one and read in three ways; samplers read one and the same model.

    schedules   eps target, simple loss, times n / T: there the schedule decides what is trained on (Ho et al. 2020)
    targets     each under the training times that suit it, `presets.times_for`, unless others are asked for
    samplers    each at 5, 10, 20 and 50 evaluations, those of the chain at all of its steps too
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unstir.data import TOYS, Data
from unstir.diffusion.chains import Chain
from unstir.diffusion.denoiser import check_pair
from unstir.diffusion.registry import SCHEDULES, TARGETS
from unstir.diffusion.samplers import SAMPLERS, default
from unstir.diffusion.schedules import Schedule, schedule
from unstir.errors import UsageError, unknown
from unstir.evaluation.scores import FEWEST, MOST, Truth, truth_of
from unstir.model.sampling import Sampling
from unstir.training.config import Config, flat
from unstir.training.presets import settle
from unstir.words import listed

STEPS = 2000
CHAIN = 1000  # steps of the paper's chain, and of what has none
FEW = 20
BUDGETS = (5, 10, 20, 50)
OFF = "off"  # the share of samples that are off a built-in set
CHAIN_ROWS = 2000  # samples of a whole chain, which costs fifty times as much
KNOWN: dict[str, tuple[str, ...]] = {
    "schedules": tuple(name for name in SCHEDULES if name != "chain"),  # which has no betas of its own
    "targets": tuple(TARGETS),
    "samplers": tuple(SAMPLERS),
}
USUAL = {
    "schedules": ("linear", "cosine", "sigmoid", "sigmoid_bare"),
    "targets": KNOWN["targets"],
    "samplers": tuple(name for name in SAMPLERS if name != "adams_bashforth1"),  # which is ddim
}

Layer = Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """One cell of the table: whose score it is, in which column, and how the samples for it are drawn, and how many.

    `how.grid` is the times to step on, if not the sampler's own best ones. The seed of `how` is of no account: each seed of the
    comparison is used in its turn.
    """

    alternative: str
    column: str
    how: Sampling
    rows: int

    def as_json(self) -> dict[str, Any]:
        """All that decides its samples but the model and the seed."""
        drawn = {"method": self.how.method, "evaluations": self.how.steps, "rows": self.rows, "grid": self.how.grid}
        return {"alternative": self.alternative, "column": self.column, **drawn}


@dataclass(frozen=True)
class Training:
    """What is trained once a seed, and how it is read."""

    name: str
    config: Config
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class Comparison:
    """What is compared, on which data, against which truth; `remarks` are sentences on what could not be the same for all."""

    what: str
    data: Data
    truth: Truth
    trainings: tuple[Training, ...]
    remarks: tuple[str, ...]

    @property
    def scores(self) -> tuple[str, ...]:
        """What decides: sliced W2, which sees where the mass is, and the share off a built-in set, which sees the fine structure.

        W2 is in the data's units where all columns have one, else with every column's spread as its unit.
        """
        return ("sliced W2, data's units", OFF) if self.data.source in TOYS else ("sliced W2, standardised",)

    @property
    def readings(self) -> list[Reading]:
        """All of them, in the order of the table: by column."""
        found = [reading for training in self.trainings for reading in training.readings]
        columns = list(dict.fromkeys(reading.column for reading in found))
        return sorted(found, key=lambda reading: columns.index(reading.column))

    def as_json(self) -> dict[str, Any]:
        """All that decides the numbers: two comparisons with the same answer here make the same ones."""
        trainings = [
            {"name": t.name, "config": t.config.model_dump(mode="json"), "readings": [r.as_json() for r in t.readings]}
            for t in self.trainings
        ]
        return {"what": self.what, "data_sha256": self.data.sha256(), "trainings": trainings}


def set_up(what: str, data: Data, layers: Sequence[Layer], only: Sequence[str] = (), rows: int = MOST) -> Comparison:
    """Lay out a comparison of `only`, or of the usual ones, with layers of settings over the preset and over its own recipe.

    Raises UsageError for an unknown name, for fewer than two that can be compared, and for settings that do not fit.
    """
    if what not in KNOWN:
        raise unknown("comparison", what, KNOWN)
    names = tuple(dict.fromkeys(only or USUAL[what]))
    for name in names:
        if name not in KNOWN[what]:
            raise unknown(what.removesuffix("s"), name, KNOWN[what])
    lay_out: Callable[..., tuple[list[Training], list[str]]] = {
        "schedules": _schedules,
        "targets": _targets,
        "samplers": _samplers,
    }[what]
    settings = settle(data, *layers)
    truth = truth_of(data, settings.data.held_out, settings.seed)
    if rows < FEWEST:
        raise UsageError(f"comparing takes at least {FEWEST} samples, not {rows}.")
    trainings, remarks = lay_out(data, layers, names, min(rows, len(truth.true[0])))
    if len({reading.alternative for training in trainings for reading in training.readings}) < 2:
        raise UsageError(" ".join([f"there are not two {what} to compare.", *remarks, f"Known: {', '.join(KNOWN[what])}."]))
    return Comparison(what, data, truth, tuple(trainings), tuple(remarks))


def _schedules(data: Data, layers: Sequence[Layer], names: Sequence[str], rows: int) -> tuple[list[Training], list[str]]:
    trainings, remarks = [], []
    for name in names:
        chained = isinstance(schedule(name), Chain)
        recipe = flat(steps=STEPS, target="eps", loss="simple", times="chain" if chained else "uniform")
        recipe["diffusion"] |= {"T": CHAIN} if chained else {}
        layered = [recipe, *layers, flat(schedule=name)]
        config, alternative = settle(data, *layered), name
        try:
            check_pair(_process(config), config.diffusion.target)
        except UsageError:
            alternative = f"{name} (v)"
            remarks.append(
                f"{name} ends at alpha_bar = {_process(config).alpha_bar_end:.0e}, and the {config.diffusion.target} target divides "
                f"by what is left: it is trained with the v target instead. To give all of them that one: --target v."
            )
            config = settle(data, *layered, flat(target="v"))
        trainings.append(Training(name, config, _three_ways(alternative, _process(config), rows)))
    return trainings, remarks


def _targets(data: Data, layers: Sequence[Layer], names: Sequence[str], rows: int) -> tuple[list[Training], list[str]]:
    trainings, remarks = [], []
    for name in names:
        config = settle(data, flat(steps=STEPS), *layers, flat(target=name))
        try:
            check_pair(_process(config), name)
        except UsageError:
            remarks.append(
                f"{name} is left out: the {config.diffusion.schedule} schedule ends without signal, by which it divides."
            )
            continue
        trainings.append(Training(name, config, _three_ways(name, _process(config), rows)))
    times: dict[str, list[str]] = {}
    for training in trainings:
        times.setdefault(training.config.diffusion.times, []).append(training.name)
    if len(times) > 1:
        each = "; ".join(f"{listed(targets)} under {name} times" for name, targets in times.items())
        remarks.append(
            f"each target is trained under the times that suit it: {each}. For one for all: --diffusion.times uniform."
        )
    return trainings, remarks


def _samplers(data: Data, layers: Sequence[Layer], names: Sequence[str], rows: int) -> tuple[list[Training], list[str]]:
    config = settle(data, flat(steps=STEPS), *layers)
    process = _process(config)
    readings, remarks = [], []
    for name in names:
        budgets = set(BUDGETS)
        if SAMPLERS[name].grid == "chain":  # which has its T steps, and no more
            budgets = {n for n in BUDGETS if process.T is None or n < process.T} | {process.T or CHAIN}
        for budget in sorted(budgets):
            spent = budget - (budget - 1) % SAMPLERS[name].evaluations  # the most that it can make of them
            drawn = rows if budget < CHAIN else min(rows, CHAIN_ROWS)
            readings.append(Reading(name, f"{budget:,} evaluations", Sampling(spent, name), drawn))
    odd = [name for name in names if SAMPLERS[name].evaluations > 1]
    if odd:
        remarks.append(
            f"{listed(odd)} takes two evaluations a step and one in the last, so 9, 19 and 49 in place of 10, 20 and 50."
        )
    return [Training("model", config, tuple(readings))], remarks


def _three_ways(alternative: str, process: Schedule, rows: int) -> tuple[Reading, ...]:
    steps, even = process.T or CHAIN, "uniform" if process.T is None else "chain"
    few = min(FEW, steps)
    return (
        Reading(alternative, f"{default(few)}, {few} evaluations", Sampling(few, default(few)), rows),
        Reading(alternative, f"DDIM, {few} even steps in t", Sampling(few, "ddim", grid=even), rows),
        Reading(alternative, f"the chain, {steps:,} steps", Sampling(steps, "ddpm_beta"), min(rows, CHAIN_ROWS)),
    )


def _process(config: Config) -> Schedule:
    diffusion = config.diffusion
    return schedule(diffusion.schedule, **diffusion.schedule_settings)
