"""What is compared: schedules, targets or samplers, on the same data with the same budget, over several seeds.

Only one thing differs. The rows, the split into training and held-out rows, the network, the number of steps and the batch are the same
for all. A seed means the same initial weights, order of rows and noise for all, in training and in sampling; so the scores of two
alternatives can be compared pair by pair, seed by seed.

A *training* is one model for each seed. A *reading* is one way of sampling it, which is one cell of the table. Each schedule or target
has a training of its own, with three readings. All samplers are readings of one training.

    schedules   by the recipe of the paper (Ho et al. 2020), where the schedule decides which noise levels are trained on
    targets     each with the training times that suit it (`presets.times_for`), unless others are asked for
    samplers    each with 5, 10, 20 and 50 evaluations; those of the chain also with as many as the chain has steps
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unstir.data import TOYS, Data
from unstir.data.levels import levels_of
from unstir.diffusion.denoiser import check_pair
from unstir.diffusion.registry import CLASSIC_SCHEDULES, PAPER, SAFE_TARGETS, SCHEDULES, TARGETS
from unstir.diffusion.samplers import SAMPLERS, default
from unstir.diffusion.schedules import Schedule, needs_no_settings, schedule
from unstir.diffusion.times import even_grid
from unstir.errors import UsageError, unknown
from unstir.evaluation.scores import FEWEST, MOST, Truth, truth_of
from unstir.model.sampling import Sampling
from unstir.training.config import Config, flat
from unstir.training.presets import settle, times_for
from unstir.words import listed

STEPS = 2000  # of training
CHAIN: int = PAPER["T"]  # evaluations of a whole chain, for a schedule without a T of its own
FEW = 20  # evaluations, for schedules and targets
BUDGETS = (5, 10, 20, 50)  # evaluations, for samplers
OFF = "off"  # the score that is the share of samples off a built-in set
CHAIN_ROWS = 2000  # samples drawn with a whole chain, which costs fifty times as much as 20 evaluations
TABLES: Mapping[str, Iterable[str]] = {"schedules": SCHEDULES, "targets": TARGETS, "samplers": SAMPLERS}
"""What can be compared: the table of each kind."""
TWICE = "adams_bashforth1"  # is ddim, written in another way

Layer = Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """One cell of the table: the alternative (its line), the column, how samples are drawn for it, and how many rows of them.

    `how.grid` is the times to step on, if not the sampler's own best ones. `how.seed` is not used: samples are drawn with each seed of
    the comparison.
    """

    alternative: str
    column: str
    how: Sampling
    rows: int

    def as_json(self) -> dict[str, Any]:
        """What decides its samples, beside the model and the seed."""
        drawn = {"method": self.how.method, "evaluations": self.how.steps, "rows": self.rows, "grid": self.how.grid}
        return {"alternative": self.alternative, "column": self.column, **drawn}


@dataclass(frozen=True)
class Training:
    """A model that is trained once for each seed: its name, its settings, and the ways in which it is sampled."""

    name: str
    config: Config
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class Comparison:
    """What is compared, on which data, against which true rows. `remarks` say in sentences what could not be the same for all."""

    what: str
    data: Data
    truth: Truth
    trainings: tuple[Training, ...]
    remarks: tuple[str, ...]

    @property
    def scores(self) -> tuple[str, ...]:
        """The scores that decide. Sliced W2 sees whether samples are where the data is; it is standardised where columns have no common unit.

        Built-in sets can be drawn afresh, so there the share of samples that are off the set is known too, which sees fine structure.
        """
        return ("sliced W2, data's units", OFF) if self.data.source in TOYS else ("sliced W2, standardised",)

    @property
    def readings(self) -> list[Reading]:
        """All cells of the table, column by column."""
        found = [reading for training in self.trainings for reading in training.readings]
        columns = list(dict.fromkeys(reading.column for reading in found))
        return sorted(found, key=lambda reading: columns.index(reading.column))

    def as_json(self) -> dict[str, Any]:
        """Everything that decides the numbers: two comparisons with equal documents give equal results."""
        trainings = [
            {"name": t.name, "config": t.config.model_dump(mode="json"), "readings": [r.as_json() for r in t.readings]}
            for t in self.trainings
        ]
        return {"what": self.what, "data_sha256": self.data.sha256(), "trainings": trainings}


def known(what: str) -> tuple[str, ...]:
    """The names that can be compared: those in the table, without schedules that have to be given their settings."""
    return tuple(name for name in TABLES[what] if what != "schedules" or needs_no_settings(name))


def usual(what: str) -> tuple[str, ...]:
    """The names that are compared if none are asked for."""
    return CLASSIC_SCHEDULES if what == "schedules" else tuple(name for name in known(what) if name != TWICE)


def set_up(what: str, data: Data, layers: Sequence[Layer], only: Sequence[str] = (), rows: int = MOST) -> Comparison:
    """Plan the comparison of `what` ("schedules", "targets" or "samplers"): of those named in `only`, or else of the usual ones.

    `layers` are settings, of which later ones count more; `rows` is how many samples are drawn for a cell, at most.
    Raises UsageError for an unknown name, where fewer than two can be compared, and for settings that do not fit.
    """
    if what not in TABLES:
        raise unknown("comparison", what, TABLES)
    names = tuple(dict.fromkeys(only or usual(what)))
    for name in names:
        if name not in known(what):
            raise unknown(what.removesuffix("s"), name, known(what))
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
        raise UsageError(" ".join([f"there are not two {what} to compare.", *remarks, f"Known: {', '.join(known(what))}."]))
    return Comparison(what, data, truth, tuple(trainings), tuple(remarks))


def _schedules(data: Data, layers: Sequence[Layer], names: Sequence[str], rows: int) -> tuple[list[Training], list[str]]:
    trainings, remarks = [], []
    for name in names:
        recipe = {**PAPER, "schedule": name}
        if schedule(name).T is None:  # it has no steps to train on
            recipe = {key: value for key, value in recipe.items() if key != "T"} | {"times": times_for(PAPER["target"])}
        layered = [flat(steps=STEPS, **recipe), *layers, flat(schedule=name)]
        config, alternative = settle(data, *layered), name
        try:
            check_pair(_schedule_of(config), config.diffusion.target)
        except UsageError:
            alternative = f"{name} ({SAFE_TARGETS[0]})"
            remarks.append(
                f"{name} ends at alpha_bar = {_schedule_of(config).alpha_bar_end:.0e}, and the {config.diffusion.target} target divides "
                f"by that: it is trained with the {SAFE_TARGETS[0]} target instead. To use it for all: --target {SAFE_TARGETS[0]}."
            )
            config = settle(data, *layered, flat(target=SAFE_TARGETS[0]))
        trainings.append(Training(name, config, _three_ways(alternative, _schedule_of(config), rows)))
    return trainings, remarks


def _targets(data: Data, layers: Sequence[Layer], names: Sequence[str], rows: int) -> tuple[list[Training], list[str]]:
    trainings, remarks = [], []
    for name in names:
        config = settle(data, flat(steps=STEPS), *layers, flat(target=name))
        try:
            check_pair(_schedule_of(config), name)
        except UsageError:
            remarks.append(
                f"{name} is left out: it divides by the signal that is left at the end of the schedule, and {config.diffusion.schedule} "
                "leaves none."
            )
            continue
        if TARGETS[name].reading.needs_states and not data.mixed:
            remarks.append(
                f"{name} is left out: it is for tables with categories, missing cells or repeated values, and goes with their encoder."
            )
            continue
        if TARGETS[name].reading.needs_levels and (why := _why_not_of_levels(data, name)):
            remarks.append(f"{name} is left out: {why}")
            continue
        trainings.append(Training(name, config, _three_ways(name, _schedule_of(config), rows)))
    times: dict[str, list[str]] = {}
    for training in trainings:
        times.setdefault(training.config.diffusion.times, []).append(training.name)
    if len(times) > 1:
        each = "; ".join(f"{listed(targets)} with {name} times" for name, targets in times.items())
        remarks.append(
            f"each target is trained with the times that suit it: {each}. To use the same for all: --diffusion.times uniform."
        )
    return trainings, remarks


def _why_not_of_levels(data: Data, name: str) -> str:
    """Why a target for data with few levels does not suit the data; "" if it does."""
    try:
        TARGETS[name].reading.outline(len(levels_of(data) or ()), data.shape)
    except UsageError as error:
        return str(error)
    return ""


def _samplers(data: Data, layers: Sequence[Layer], names: Sequence[str], rows: int) -> tuple[list[Training], list[str]]:
    config = settle(data, flat(steps=STEPS), *layers)
    T = _schedule_of(config).T
    readings, remarks = [], []
    for name in names:
        budgets = set(BUDGETS)
        if SAMPLERS[name].is_ancestral:
            budgets = {n for n in BUDGETS if T is None or n < T} | {T or CHAIN}
        for budget in sorted(budgets):
            spent = budget - (budget - 1) % SAMPLERS[name].evaluations  # what it can use of the budget
            drawn = rows if budget < CHAIN else min(rows, CHAIN_ROWS)
            readings.append(Reading(name, f"{budget:,} evaluations", Sampling(spent, name), drawn))
    odd = [name for name in names if SAMPLERS[name].evaluations > 1]
    if odd:
        remarks.append(
            f"{listed(odd)} takes two evaluations a step and one in the last: 9, 19 and 49 evaluations in place of 10, 20 and 50."
        )
    return [Training("model", config, tuple(readings))], remarks


def _three_ways(alternative: str, trained: Schedule, rows: int) -> tuple[Reading, ...]:
    """The best measured sampler with few evaluations, DDIM with as many even steps in t, and the whole chain."""
    steps = trained.T or CHAIN
    few = min(FEW, steps)
    return (
        Reading(alternative, f"{default(few)}, {few} evaluations", Sampling(few, default(few)), rows),
        Reading(alternative, f"DDIM, {few} even steps in t", Sampling(few, "ddim", grid=even_grid(trained)), rows),
        Reading(alternative, f"the chain, {steps:,} steps", Sampling(steps, "ddpm_beta"), min(rows, CHAIN_ROWS)),
    )


def _schedule_of(config: Config) -> Schedule:
    return schedule(config.diffusion.schedule, **config.diffusion.schedule_settings)
