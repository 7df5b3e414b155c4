"""All that can be found out about a model from its rows, and the two answers: is it good, and is it honest?

    samples beside true rows -> measures, columns, a test       -> is it good?                        (1)
    samples and errors beside training rows -> two signs of memory  -> is it honest?                  (2)

Every sentence carries the number that it rests on, beside what chance alone would give.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from unstir.data import Data
from unstir.errors import UsageError
from unstir.evaluation import scores as room
from unstir.evaluation.likeness import Likeness, resemblance
from unstir.evaluation.memorisation import Levels, errors_by_level, remembers
from unstir.evaluation.scores import NEAR, Score, Truth
from unstir.metrics.moments import Columns, chance, columns
from unstir.metrics.neighbours import Memorisation
from unstir.metrics.permutation import EnergyTest
from unstir.model.model import Model
from unstir.model.sampling import Sampling
from unstir.words import percent

SURE = 0.05  # p-value below which the test tells samples from true rows
WITHOUT_TRUTH = 1000  # samples, where there is no truth to say how many
T = TypeVar("T")


@dataclass(frozen=True)
class Good:
    """How samples compare with true rows; `columns_floor` is the largest |z| between two true sets.

    Of images and sequences there is the likeness, and no neighbourhoods: those in features are part of it.
    """

    distances: list[Score]
    likeness: Likeness | None
    neighbourhoods: list[Score]
    test: EnergyTest
    columns: Columns
    columns_floor: float

    @property
    def scores(self) -> list[Score]:
        """All that are measured several times."""
        return [*self.distances, *(self.likeness.scores if self.likeness else []), *self.neighbourhoods]

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


def examine(model: Model, truth: Truth | None, unseen: Data, training: Data | None, how: Sampling, reasons: list[str]) -> Found:
    """All that can be found out from the rows at hand; for what cannot, a reason is added."""
    scale = room.scale_of(model)
    if truth is None:
        good, true = None, room.flat(unseen.take(np.arange(min(len(unseen), NEAR))))
        samples = np.asarray(model.sample(WITHOUT_TRUTH, how=how), dtype=np.float64).reshape(WITHOUT_TRUTH, -1)
    else:
        sets, true = room.draw(model, truth, how), truth.true[0]
        like = or_why(
            reasons,
            "nothing was compared in features",
            lambda: resemblance(model, sets, training, unseen, how.seed),
        )
        good, samples = compared(sets, truth, scale, how.seed, like), np.concatenate(sets)
        reasons += [like.note] if like else []
    memory = None
    if training is not None:
        memory = or_why(reasons, "memorising was not looked for", lambda: remembers(samples, true, training.rows, scale))
    levels = or_why(reasons, "no errors by noise level", lambda: errors_by_level(model, unseen, training, how.seed))
    return Found(good, memory, levels, reasons)


def compared(sets: list[np.ndarray], truth: Truth, scale: np.ndarray, seed: int, like: Likeness | None = None) -> Good:
    """What samples are worth beside true rows, in every measure."""
    one, other = room.true_pairs(truth)[0]
    return Good(
        room.compare(sets, truth, scale),
        like,
        [] if like else room.neighbourhoods(sets, truth, scale),
        room.told_apart(sets[0], truth.true[0], scale, seed),
        columns(sets[0], truth.true[0]),
        float(np.abs(columns(one, other).z).max()),
    )


def or_why(reasons: list[str], what: str, find: Callable[[], T]) -> T | None:
    """What was found, or None and one reason more."""
    try:
        return find()
    except UsageError as error:
        reasons.append(f"note: {what}: {error}")
        return None


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
