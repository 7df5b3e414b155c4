"""What `unstir evaluate` shows: tables with a verdict in every row, and below them the two answers in plain sentences."""

import math
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from unstir.evaluate import REPEATS, Score
from unstir.honesty import Levels
from unstir.metrics.moments import Columns, chance
from unstir.metrics.neighbours import Memorisation
from unstir.metrics.permutation import EnergyTest

WORST = 6  # columns shown
SURE = 0.05  # p-value below which the test tells samples from true rows
CALLED = {
    "precision": "precision: samples where the data is",
    "recall": "recall: data where samples are",
    "density": "density: as crowded as the data",
    "coverage": "coverage: true rows with samples near",
}


@dataclass(frozen=True)
class Good:
    """How samples compare with true rows; `columns_floor` is the largest |z| between two true sets."""

    distances: list[Score]
    neighbourhoods: list[Score]
    test: EnergyTest
    columns: Columns
    columns_floor: float

    @property
    def scores(self) -> list[Score]:
        """All that are measured several times."""
        return [*self.distances, *self.neighbourhoods]

    @property
    def largest_z(self) -> float:
        """The |z| of the column that is off most."""
        return float(np.abs(self.columns.z).max())


@dataclass(frozen=True)
class Found:
    """All there is to say; what could not be found out is None, and `reasons` say why."""

    good: Good | None
    memory: Memorisation | None
    levels: Levels | None
    reasons: list[str]


@dataclass(frozen=True)
class Answer:
    """A question, the answer in a word or two, and the evidence, a sentence each."""

    question: str
    word: str
    evidence: list[str]

    def __str__(self) -> str:
        """As it is printed."""
        return "\n    ".join([f"{self.question} {self.word.capitalize()}.", *self.evidence])


def scores_table(found: Found, title: str) -> Table:
    """Every measure beside what true rows give."""
    table = Table("measure", "samples", "true rows (floor)", "rows", "verdict", title=title)
    if found.good:
        for s in found.good.scores:
            value, floor = with_spread(s.value, s.deviation), with_spread(s.floor, s.floor_deviation)
            table.add_row(CALLED.get(s.metric, s.metric), value, floor, f"{s.rows:,}", s.verdict)
        test = found.good.test
        told = "told apart" if test.p_value < SURE else "not told apart"
        floor = with_spread(test.floor, test.floor_deviation)
        table.add_row(
            "energy distance, rows relabelled", f"{test.distance:.2g}", floor, f"{test.rows:,}", f"{told}, p = {test.p_value:.3f}"
        )
        table.add_section()
        table.caption = f"± is over {REPEATS} comparisons; true rows themselves come out beyond 'at' about 1 time in 20"
    if found.memory:
        m = found.memory
        share = f"{percent(m.close_expected)}, at most {percent(m.close_at_most)}"
        table.add_row(
            "nearest training row, by true rows'", f"{m.ratio:.3f}", f"1 ± {m.ratio_deviation:.3f}", f"{m.rows:,}", m.verdict
        )
        table.add_row("nearer to one than 99 % of true rows", percent(m.close), share, f"{m.rows:,}", m.verdict)
    if found.levels and found.levels.gap:
        gap, error = (percent(part) for part in found.levels.gap)
        table.add_row("held-out error above training error", gap, f"0 ± {error}", f"{found.levels.rows:,}", found.levels.verdict)
    return table


def with_spread(value: float, spread: float) -> str:
    """A number to the digits that its spread leaves.

    >>> with_spread(0.00056638, 0.00011144), with_spread(12.3456, 0.5)
    ('0.00057 ± 0.00011', '12.35 ± 0.50')
    """
    if spread <= 1e-12 * abs(value):
        return f"{value:.4g} ± 0"
    digits = max(1 - math.floor(math.log10(spread)), 0)
    return f"{value:.{digits}f} ± {spread:.{digits}f}"


def percent(share: float) -> str:
    """A share, to a tenth of a per cent where that is much.

    >>> percent(0.0123), percent(-0.5)
    ('1.2 %', '-50 %')
    """
    return f"{100 * share:.{1 if abs(share) < 0.1 else 0}f} %"


def columns_table(good: Good, names: tuple[str, ...]) -> Table:
    """The columns that are off most, worst first."""
    worst = np.argsort(-np.abs(good.columns.z).max(axis=0), kind="stable")[:WORST]
    which = "Columns" if len(names) <= WORST else f"{WORST} of {len(names)} columns"
    title = f"{which}, worst first, ± standard error; z: how many of them apart"
    table = Table("column", "mean: samples", "true rows", "deviation: samples", "true rows", "z", title=title)
    c, limit = good.columns, chance(len(names))
    for i in worst:
        pairs = [(part[row, i], error[row, i]) for row in (0, 1) for part, error in c.sides]
        z = c.z[:, i][np.abs(c.z[:, i]).argmax()]
        table.add_row(names[i], *(with_spread(*pair) for pair in pairs), f"{z:+.1f}" + (" off" if abs(z) > limit else ""))
    return table


def levels_table(levels: Levels) -> Table:
    """The error of x0_hat by noise level, on unseen and on training rows."""
    title = "Error of x0_hat by noise level, 1 is the data's variance, ± standard error"
    rows = "true rows" if levels.training is None else "held-out rows"
    table = Table("log-SNR", rows, "training rows", "knows only the variance", title=title)
    for k, level in enumerate(levels.log_snr):
        sides = ["-" if part is None else with_spread(*part[:, k]) for part in (levels.unseen, levels.training)]
        table.add_row(f"{level:+.0f}", *sides, f"{levels.baseline[k]:.4g}")
    return table


def answers(found: Found, names: tuple[str, ...]) -> dict[str, Answer]:
    """Is it good? Is it honest? Those of the two that there is evidence on."""
    said = {"good": how_good(found.good, names)} if found.good else {}
    return said | (
        {"honest": how_honest(found.memory, found.levels)} if found.memory or (found.levels and found.levels.gap) else {}
    )


def how_good(good: Good, names: tuple[str, ...]) -> Answer:
    """The first answer."""
    words = [score.verdict.split()[0] for score in good.scores]
    told, z, limit = good.test.p_value < SURE, good.largest_z, chance(len(names))
    column = names[int(np.abs(good.columns.z).max(axis=0).argmax())]
    at, near, far = (words.count(word) for word in ("at", "near", "far"))
    rows = good.distances[0].rows
    word = "not yet" if far else "nearly" if near or told or z > limit else f"yes, as far as {rows:,} rows can tell"
    return Answer(
        "Is it good?",
        word,
        [
            f"{at} of {len(words)} measures are where true rows are" + (f", {near} near, {far} far off." if near + far else "."),
            f"A test {'tells' if told else 'cannot tell'} {good.test.rows:,} samples from true rows: p = {good.test.p_value:.3f}.",
            f"Column '{column}' is off most, by {z:.1f} standard errors; by chance up to {limit:.1f}, "
            f"between true rows {good.columns_floor:.1f}.",
        ],
    )


def how_honest(memory: Memorisation | None, levels: Levels | None) -> Answer:
    """The second answer."""
    evidence, verdicts = [], []
    if memory:
        verdicts.append(memory.verdict)
        low, high = memory.by_chance
        close, most = percent(memory.close), percent(memory.close_at_most)
        evidence += [
            f"Samples are {memory.ratio:.2f} times as far from the training rows as true rows are; by chance {low:.2f} to {high:.2f}.",
            f"{close} of them are nearer than 99 % of true rows are; by chance up to {most}.",
        ]
    if levels and levels.gap:
        verdicts.append(levels.verdict)
        side, gap = "worse" if levels.gap[0] > 0 else "better", percent(abs(levels.gap[0]))
        chance = percent(levels.gap_by_chance)
        evidence.append(f"Held-out rows are denoised {gap} {side} than training rows; by chance up to {chance}.")
    if "memorises" in verdicts:
        return Answer("Is it honest?", "no, it memorises", [*evidence, "More data, fewer steps or a smaller network help."])
    leans = {"nearer than true rows", "a gap"} & set(verdicts)
    return Answer("Is it honest?", "mostly, but it leans on its training rows" if leans else "yes", evidence)
