"""Everything that can be measured of a model, and two answers in words: is it good, and is it honest?

    samples compared with true rows -> distances, columns, a test              -> is it good?         (1)
    samples and errors compared with training rows -> two signs of memory      -> is it honest?       (2)

Each sentence of an answer gives the measured number and the number that chance alone would give.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from unstir.data import Data
from unstir.errors import UsageError
from unstir.evaluation import scores as scoring
from unstir.evaluation.likeness import Likeness, resemblance
from unstir.evaluation.memorisation import Levels, errors_by_level, memorisation_of
from unstir.evaluation.scores import NEAR, Score, Truth
from unstir.metrics.moments import Columns, chance, columns
from unstir.metrics.neighbours import Memorisation
from unstir.metrics.permutation import EnergyTest
from unstir.model.model import Model
from unstir.model.sampling import Sampling
from unstir.steady import steady
from unstir.words import percent

SURE = 0.05  # with a p-value below this, the test tells samples from true rows
WITHOUT_TRUTH = 1000  # how many samples are drawn where there are no true rows to match in number
T = TypeVar("T")


@dataclass(frozen=True)
class Good:
    """How samples compare with true rows; `columns_floor` is the largest |z| of a column between two true sets.

    Images and sequences have a `likeness`. Their `neighbourhoods` are empty, because the likeness has those in features.
    """

    distances: list[Score]
    likeness: Likeness | None
    neighbourhoods: list[Score]
    test: EnergyTest
    columns: Columns
    columns_floor: float

    @property
    def scores(self) -> list[Score]:
        """All scores: the distances, then the likeness, then the neighbourhoods."""
        return [*self.distances, *(self.likeness.scores if self.likeness else []), *self.neighbourhoods]

    @property
    def largest_z(self) -> float:
        """The |z| of the column that differs most from the data."""
        return float(np.abs(self.columns.z).max())


@dataclass(frozen=True)
class Found:
    """Everything that was measured; a part that could not be measured is None, and `reasons` say why."""

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
        """The question and its answer on one line, and each sentence of evidence on a line of its own."""
        return "\n    ".join([f"{self.question} {self.word.capitalize()}.", *self.evidence])


@steady
def examine(model: Model, truth: Truth | None, unseen: Data, training: Data | None, how: Sampling, reasons: list[str]) -> Found:
    """Measure everything that the given rows allow; for each part that they do not allow, a sentence is added to `reasons`.

    `unseen` are rows that the model was not trained on. Without `truth` or `training` the parts that need them are None.
    """
    scale = scoring.scale_of(model)
    if truth is None:
        good, true = None, scoring.flat(unseen.take(np.arange(min(len(unseen), NEAR))))
        (samples,) = scoring.in_sets(model.sample(WITHOUT_TRUTH, how=how), 1)
    else:
        sets, true = scoring.draw(model, truth, how), truth.true[0]
        like = try_or_note(
            reasons,
            "samples were not compared in features",
            lambda: resemblance(model, sets, training, unseen, how.seed),
        )
        good, samples = compared(sets, truth, scale, how.seed, like), np.concatenate(sets)
        reasons += [like.note] if like else []
    memory = None
    if training is not None:
        memory = try_or_note(
            reasons, "memorisation was not measured", lambda: memorisation_of(samples, true, training.rows, scale)
        )
    levels = try_or_note(
        reasons, "errors by noise level were not measured", lambda: errors_by_level(model, unseen, training, how.seed)
    )
    return Found(good, memory, levels, reasons)


@steady
def compared(sets: list[np.ndarray], truth: Truth, scale: np.ndarray, seed: int, like: Likeness | None = None) -> Good:
    """Compare sets of samples with true rows in every measure."""
    one, other = scoring.true_pairs(truth)[0]
    return Good(
        scoring.compare(sets, truth, scale),
        like,
        [] if like else scoring.neighbourhoods(sets, truth, scale),
        scoring.told_apart(sets[0], truth.true[0], scale, seed),
        columns(sets[0], truth.true[0]),
        float(np.abs(columns(one, other).z).max()),
    )


def try_or_note(reasons: list[str], what: str, find: Callable[[], T]) -> T | None:
    """What `find` returns; where it raises UsageError, None, and a note is added to `reasons`: `what` failed, and why."""
    try:
        return find()
    except UsageError as error:
        reasons.append(f"note: {what}: {error}")
        return None


def answers(found: Found, names: tuple[str, ...]) -> dict[str, Answer]:
    """The answers to "Is it good?" and "Is it honest?"; a question without evidence is left out."""
    said = {"good": how_good(found.good, names)} if found.good else {}
    return said | (
        {"honest": how_honest(found.memory, found.levels)} if found.memory or (found.levels and found.levels.gap) else {}
    )


def how_good(good: Good, names: tuple[str, ...]) -> Answer:
    """The answer to "Is it good?": yes if every score is at its floor and neither the test nor a column shows a difference."""
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
            f"{at} of {len(words)} measures are as good as between true rows"
            + (f", {near} near that, {far} far from it." if near + far else "."),
            f"A test {'tells' if told else 'cannot tell'} {good.test.rows:,} samples from true rows: p = {good.test.p_value:.3f}.",
            f"Column '{column}' differs most: by {z:.1f} standard errors. Chance gives up to {limit:.1f}; "
            f"two sets of true rows give {good.columns_floor:.1f}.",
        ],
    )


def how_honest(memory: Memorisation | None, levels: Levels | None) -> Answer:
    """The answer to "Is it honest?": no if the samples or the errors show that the model has memorised its training rows."""
    evidence, verdicts = [], []
    if memory:
        verdicts.append(memory.verdict)
        low, high = memory.by_chance
        close, most = percent(memory.close), percent(memory.close_at_most)
        evidence += [
            f"Samples are {memory.ratio:.2f} times as far from the training rows as true rows are; "
            f"chance gives {low:.2f} to {high:.2f}.",
            f"{close} of the samples are nearer to a training row than 99 % of true rows are; chance gives up to {most}.",
        ]
    if levels and levels.gap:
        verdicts.append(levels.verdict)
        side, gap = "larger" if levels.gap[0] > 0 else "smaller", percent(abs(levels.gap[0]))
        chance = percent(levels.gap_by_chance)
        evidence.append(f"The error on held-out rows is {gap} {side} than on training rows; chance gives up to {chance}.")
    if "memorises" in verdicts:
        return Answer("Is it honest?", "no, it memorises", [*evidence, "More data, fewer steps or a smaller network would help."])
    leans = {"nearer than true rows", "a gap"} & set(verdicts)
    return Answer("Is it honest?", "mostly, but it leans on its training rows" if leans else "yes", evidence)
