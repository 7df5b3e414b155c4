"""Two answers in words: is a model good, and is it honest? What decides comes first, and then the numbers behind it.

    no                  something is off by more than chance, and by enough to matter
    nearly              something is off by more than chance
    too few rows        nothing is off by more than chance, but so few rows do not show what matters             (1)
    yes                 nothing is off by more than chance, and what matters would have shown

If samples are like true rows, (1) is "no" or "nearly" in at most 5 % of cases. Columns, tests and distances have a third of that each.
The p-values p_(1) <= ... <= p_(k) of several tests, or of several distances, are one p-value by Simes's rule:

    p  =  min over j of k p_(j) / j                                                                            (2)

which holds for numbers that rise together, as these do. Source: Simes (1986), "An improved Bonferroni procedure".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np

from unstir.evaluation import scores as scoring
from unstir.evaluation.columns import Fault, Seen
from unstir.evaluation.likeness import Likeness
from unstir.evaluation.memorisation import Levels
from unstir.evaluation.mixed import Mixed
from unstir.evaluation.scores import Score
from unstir.metrics.moments import Columns
from unstir.metrics.neighbours import Memorisation
from unstir.metrics.permutation import EnergyTest
from unstir.words import capital, counted, percent

SURE = 0.05  # with a p-value below this, a test tells samples from true rows
VIEW = SURE / 3  # the level of each of columns, tests and distances
FAR = 2  # times the floor: as in the verdict on a distance
WIDTH = 120  # of lines, as of tables
NAMED = 3  # faults that an answer names


@dataclass(frozen=True)
class Good:
    """How samples compare with true rows; `columns_floor` is the largest |z| of a column between two true sets.

    `test` is that of standardised rows, `ranks` that of ranks. Images and sequences have a `likeness`. Their `neighbourhoods` are empty,
    because the likeness has those in features. A mixed table has the scores in `mixed`, and neither `ranks` nor `columns`, which take numbers.
    """

    distances: list[Score]
    likeness: Likeness | None
    neighbourhoods: list[Score]
    test: EnergyTest
    ranks: EnergyTest | None
    seen: Seen
    columns: Columns | None
    columns_floor: float
    mixed: Mixed | None = None

    @property
    def scores(self) -> list[Score]:
        """All scores: the distances, then the likeness or those of a mixed table, then the neighbourhoods."""
        more = self.likeness or self.mixed
        return [*self.distances, *(more.scores if more else []), *self.neighbourhoods]

    @property
    def tests(self) -> list[tuple[EnergyTest, str]]:
        """The permutation tests, each with what it is of: rows, or ranks."""
        return [(test, of) for test, of in ((self.test, "rows"), (self.ranks, "ranks")) if test]

    @property
    def largest_z(self) -> float:
        """The |z| of the column that differs most from the data; 0 for a mixed table."""
        return float(np.abs(self.columns.z).max()) if self.columns else 0.0


@dataclass(frozen=True)
class Answer:
    """A question, the answer in a word or two, the sentence that decides it, and the evidence, a sentence each.

    `rows` are the numbers behind it, each with a measure, a value and a floor, and a column where it is about one.
    """

    question: str
    word: str
    why: str
    evidence: list[str]
    rows: list[dict[str, Any]]

    @property
    def said(self) -> str:
        """The answer with what decides it: "no: column 'income' is negative in 14 % of samples"."""
        return f"{self.word}: {self.why}" if self.why else self.word

    def __str__(self) -> str:
        """The question with its answer, and each sentence of evidence on a line of its own, or on more where it is long."""
        said = [f"{self.question} {capital(self.said)}.", *(f"    {sentence}" for sentence in self.evidence)]
        return "\n".join(fill(line, WIDTH, subsequent_indent=" " * 6, break_long_words=False) for line in said)


def how_good(good: Good) -> Answer:
    """The answer (1) to "Is it good?"."""
    scores, tests = good.scores, (*(test.p_value for test, _ in good.tests), good.seen.correlations.p)
    words = [score.verdict.split()[0] for score in scores]
    at, near, far = (words.count(word) for word in ("at", "near", "far"))
    faults = good.seen.faults
    judged = scores[len(good.distances) :]
    if judged and simes([score.p for score in judged]) <= VIEW:
        worst = max(judged, key=lambda score: (score.verdict.startswith("far"), score.off))
        faults.append(
            Fault(f"{worst.metric} is {worst.verdict}: {worst.value:.3g}, between true rows {worst.floor:.3g}", bool(far), ())
        )
    if simes(tests) <= VIEW and not good.seen.correlations.off:
        test = min((test for test, _ in good.tests), key=lambda test: test.p_value)
        ratio = test.distance / test.floor
        said = f"a test tells samples from true rows: they are {ratio:.1f} times as far apart as true rows are"
        faults.append(Fault(said, ratio >= FAR, ()))
    faults.sort(key=lambda fault: not fault.far)
    word = "no" if any(fault.far for fault in faults) else "nearly" if faults else ""
    if not word:
        word = f"yes, as far as {scores[0].rows:,} rows can tell" if good.seen.shares.can_tell else "too few rows to tell"
    why = faults[0].text if faults else good.seen.power if good.seen.shares.can_tell else good.seen.too_few
    evidence = [f"{capital(fault.text)}." for fault in faults[1:NAMED]]
    if len(faults) > NAMED:
        evidence.append(f"And {counted(len(faults) - NAMED, 'difference')} more.")
    evidence += [
        f"{at} of {len(words)} measures are as good as between true rows"
        + (f", {near} near that, {far} far from it." if near + far else "."),
        *(
            f"A test {'tells' if test.p_value < SURE else 'cannot tell'} {test.rows:,} samples from true rows{by}: p = {test.p_value:.3f}."
            for test, by in ((test, " by their ranks" if of == "ranks" else "") for test, of in good.tests)
        ),
        *(good.mixed.sentences if good.mixed else ()),
    ]
    return Answer("Is it good?", word, why, evidence, [*scoring.as_rows(scores), *good.seen.as_rows()])


def simes(p: Sequence[float]) -> float:
    """Eq. (2).

    >>> simes([0.01, 0.5, 0.9]), simes([0.04, 0.04, 0.04])
    (0.03, 0.04)
    """
    return float(min(len(p) * one / (j + 1) for j, one in enumerate(sorted(p))))


def how_honest(memory: Memorisation | None, levels: Levels | None) -> Answer:
    """The answer to "Is it honest?": no if the samples or the errors show that the model has memorised its training rows.

    It is yes only if copies would have shown: if the distances could tell, or where there are none, the errors.
    """
    evidence, verdicts, rows = [], [], []
    if memory:
        verdicts.append(memory.verdict)
        low, high = memory.by_chance
        close, most = percent(memory.close), percent(memory.close_at_most)
        evidence += [
            f"Samples are {memory.ratio:.2f} times as far from the training rows as true rows are; "
            f"chance gives {low:.2f} to {high:.2f}.",
            f"{close} of the samples are nearer to a training row than 99 % of true rows are; chance gives up to {most}.",
        ]
        rows += [
            _row("nearest training row: distance ratio", memory.ratio, 1.0, [low, high], memory.verdict),
            _row(
                "nearer to one than 99 % of true rows",
                *(memory.close, memory.close_expected, [0.0, memory.close_at_most], memory.verdict),
            ),
        ]
    if levels and levels.gap:
        verdicts.append(levels.verdict)
        side, gap = "larger" if levels.gap[0] > 0 else "smaller", percent(abs(levels.gap[0]))
        chance = percent(levels.gap_by_chance)
        evidence.append(f"The error on held-out rows is {gap} {side} than on training rows; chance gives up to {chance}.")
        rows.append(
            _row(
                "held-out error above training error",
                *(levels.gap[0], 0.0, [-levels.gap_by_chance, levels.gap_by_chance], levels.verdict),
            )
        )
    ask = "Is it honest?"
    if "memorises" in verdicts:
        return Answer(ask, "no, it memorises", "", [*evidence, "More data, fewer steps or a smaller network would help."], rows)
    if {"nearer than true rows", "a gap"} & set(verdicts):
        return Answer(ask, "mostly, but it leans on its training rows", "", evidence, rows)
    if memory and not memory.can_tell:
        why = (
            f"beside {memory.true_rows:,} true rows chance alone moves the distances by {percent(2 * memory.ratio_deviation)}; about "
            f"{memory.enough:,} rows held out would be enough"
        )
        return Answer(ask, "too few rows to tell", why, evidence, rows)
    if not memory and levels and not levels.can_tell:
        why = f"chance alone moves the error by {percent(levels.gap_by_chance)}"
        return Answer(ask, "too few rows to tell", why, evidence, rows)
    return Answer(ask, "yes", "", evidence, rows)


def _row(measure: str, value: float, floor: float, chance: list[float], verdict: str) -> dict[str, Any]:
    return {"column": None, "measure": measure, "value": value, "floor": floor, "chance": chance, "verdict": verdict}
