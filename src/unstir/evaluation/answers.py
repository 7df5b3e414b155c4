"""Everything that can be measured of a model, and two answers in words: is it good, and is it honest?

    samples compared with true rows -> columns, tests, distances               -> is it good?         (1)
    samples and errors compared with training rows -> two signs of memory      -> is it honest?       (2)

`verdict` says how the answers follow from what was measured. Each of their sentences gives a number and what chance alone would give.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from unstir.data import Data
from unstir.data.tables import Schema
from unstir.errors import UsageError
from unstir.evaluation import scores as scoring
from unstir.evaluation.cells import Points
from unstir.evaluation.columns import Seen, see_model
from unstir.evaluation.likeness import Likeness, resemblance
from unstir.evaluation.memorisation import Levels, errors_by_level, memorisation_in, standardised
from unstir.evaluation.mixed import between_rows, compare_tables
from unstir.evaluation.sampled import as_flat, mixed_table
from unstir.evaluation.scores import NEAR, Truth
from unstir.evaluation.verdict import Answer, Good, how_good, how_honest
from unstir.metrics.moments import columns
from unstir.metrics.neighbours import Memorisation
from unstir.metrics.permutation import energy_test
from unstir.model.model import Model
from unstir.model.sampling import Sampling
from unstir.steady import steady

WITHOUT_TRUTH = 1000  # how many samples are drawn where there are no true rows to match in number
T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """Everything that was measured; a part that could not be measured is None, and `reasons` say why."""

    good: Good | None
    memory: Memorisation | None
    levels: Levels | None
    reasons: list[str]


@steady
def examine(model: Model, truth: Truth | None, unseen: Data, training: Data | None, how: Sampling, reasons: list[str]) -> Found:
    """Measure everything that the given rows allow; for each part that they do not allow, a sentence is added to `reasons`.

    `unseen` are rows that the model was not trained on. Without `truth` or `training` the parts that need them are None.
    """
    scale, table = scoring.scale_of(model), mixed_table(model)
    true = scoring.flat(unseen.take(np.arange(min(len(unseen), NEAR))))
    if truth is None:
        good = None
        samples = as_flat(model.rows(WITHOUT_TRUTH, how=how))
    else:
        sets = scoring.draw(model, truth, how)
        true = max(true, truth.true[0], key=len)  # fresh rows of a built-in set, of which the held-out ones may be few
        like = try_or_note(
            reasons,
            "samples were not compared in features",
            lambda: resemblance(model, sets, training, unseen, how.seed),
        )
        samples = np.concatenate(sets)
        seen = see_model(model, samples, truth, how)
        good = (
            compared(sets, truth, scale, seen, how.seed, like)
            if table is None
            else compared_tables(sets, truth, table, seen, how.seed)
        )
        reasons += [like.note] if like else []
    memory = None
    if training is not None:
        place = standardised(scale) if table is None else Points(table, scoring.known_rows(training, NEAR, how.seed))
        memory = try_or_note(
            reasons, "memorisation was not measured", lambda: memorisation_in(samples, true, training.rows, place)
        )
    levels = try_or_note(
        reasons, "errors by noise level were not measured", lambda: errors_by_level(model, unseen, training, how.seed)
    )
    return Found(good, memory, levels, reasons)


@steady
def compared(
    sets: list[np.ndarray], truth: Truth, scale: np.ndarray, seen: Seen, seed: int, like: Likeness | None = None
) -> Good:
    """Compare sets of samples with true rows in every measure; `seen` and `like` are those of the same samples."""
    one, other = scoring.true_pairs(truth)[0]
    return Good(
        scoring.compare(sets, truth, scale),
        like,
        [] if like else scoring.neighbourhoods(sets, truth, scale),
        scoring.told_apart(sets[0], truth.true[0], scale, seed),
        scoring.told_apart_by_ranks(sets[0], truth.true[0], seed),
        seen,
        columns(sets[0], truth.true[0]),
        float(np.abs(columns(one, other).z).max()),
    )


@steady
def compared_tables(sets: list[np.ndarray], truth: Truth, table: Schema, seen: Seen, seed: int) -> Good:
    """Compare sets of samples of a mixed table with true rows in every measure; all rows are codes."""
    points = Points(table, truth.rows)
    distance, near = between_rows(sets, truth, points)
    test = energy_test(points(sets[0][: scoring.TESTED]), points(truth.true[0][: scoring.TESTED]), seed=seed)
    return Good([distance], None, near, test, None, seen, None, 0.0, compare_tables(sets, truth, table))


def try_or_note(reasons: list[str], what: str, find: Callable[[], T]) -> T | None:
    """What `find` returns; where it raises UsageError, None, and a note is added to `reasons`: `what` failed, and why."""
    try:
        return find()
    except UsageError as error:
        reasons.append(f"note: {what}: {error}")
        return None


def answers(found: Found) -> dict[str, Answer]:
    """The answers to "Is it good?" and "Is it honest?"; a question without evidence is left out."""
    said = {"good": how_good(found.good)} if found.good else {}
    return said | (
        {"honest": how_honest(found.memory, found.levels)} if found.memory or (found.levels and found.levels.gap) else {}
    )
