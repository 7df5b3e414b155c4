"""Do samples look like true rows? Scores of images and sequences, in features learnt from the training rows.

    all training rows but n -> features;   unseen = held-out rows and these n                                            (1)
    value = metric(samples_i, held-out_i),   floor = metric(unseen_i, other unseen_i),   n rows a set                    (2)

The feature network knows the rows that it was trained on better than any others, so none of them is used in (2): both sides of the
floor are as new to the network as the samples are. The Frechet distance of k features needs more rows than features, so n rows are
compared in at most n / 2 features.

If the model has classes, the classifier also says what share of the samples has the class that was asked for. The ceiling of this
score is the share of held-out rows that the classifier gets right, because the classifier errs, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unstir.data import Data, axes_of, in_space
from unstir.errors import UsageError
from unstir.evaluation.features import FEATURES, Features, learn
from unstir.evaluation.scores import REPEATS, Score, Truth, deal, neighbourhoods, true_pairs
from unstir.metrics.distances import floor, half_split_pairs
from unstir.metrics.frechet import frechet
from unstir.metrics.kernel import kernel_distance
from unstir.model.model import Model
from unstir.steady import steady

LEAST = 40  # rows a set
SPARED = 4  # at most one in four training rows is kept from the feature network
METRICS = {"Frechet distance, features": frechet, "kernel distance, features": kernel_distance}


@dataclass(frozen=True)
class Likeness:
    """The scores in the first `dimensions` features; a network called `learnt_by` learnt them from `trained_on` rows."""

    scores: list[Score]
    learnt_by: str
    trained_on: int
    dimensions: int

    @property
    def note(self) -> str:
        """What a reader of the scores has to know: which features these are, and that they are not Inception's."""
        of = "" if self.dimensions == FEATURES else f" of {FEATURES}"
        return (
            f"note: {self.dimensions}{of} features of {self.learnt_by} trained on these rows ({self.trained_on:,} of them): not "
            "Inception-FID, not comparable with published FIDs."
        )


@steady
def resemblance(model: Model, sets: Sequence[np.ndarray], training: Data | None, held_out: Data, seed: int) -> Likeness | None:
    """The likeness of `sets`, which `scores.draw` has drawn from a model with this seed; None if rows are neither images nor sequences.

    Without training rows, one half of the held-out rows trains the features, and the samples are compared with the other half.
    """
    if not in_space(model.card.layout):
        return None
    values = model.given(sum(map(len, sets)), None, seed)
    asked = model.condition.texts(values) if model.condition is not None and values is not None else None
    if training is None:
        training, held_out = held_out.split(0.5, seed)
    as_trained = axes_of(model.card.shape, said=model.card.axes, why="the model was trained so")
    return likeness(sets, asked, replace(training, axes=as_trained), held_out, seed)


@steady
def likeness(sets: Sequence[np.ndarray], asked: Sequence[str] | None, training: Data, held_out: Data, seed: int) -> Likeness:
    """Eq. (2) for R sets of samples (n, d) that are images or sequences; `asked` are the classes (R n,) that were asked for.

    Raises UsageError if fewer than 40 rows are held out, or fewer than 160 trained on.
    """
    n = min(len(sets[0]), len(held_out), len(training) // SPARED)
    if n < LEAST:
        raise UsageError(
            f"comparing in features takes sets of at least {LEAST} rows; {len(sets[0])} samples, {len(held_out)} rows held out and "
            f"{len(training)} trained on give sets of {n}. Bring more data, or train with a larger --data.held-out."
        )
    rng = np.random.default_rng([seed, 5])
    # Split by rows, whatever their groups and classes: the spared rows only have to be as new to the features as the held-out rows are.
    known, spared = map(
        training.take, replace(training, groups=None, labels=None, classes=()).split_numbers(n / len(training), seed)
    )
    features = learn(known, seed)
    k = min(FEATURES, n // 2)
    some = rng.permutation(len(held_out))[: n * REPEATS]
    new, others = features.of(held_out.rows[some], k), features.of(spared.values, k)
    pairs = list(half_split_pairs(np.concatenate([new, others]), n, len(sets), rng))
    truth = Truth(deal(new, n, len(sets), rng), [], pairs)
    rows = [x.reshape(-1, *training.shape) for x in sets]
    scores = compare_features([features.of(x[:n], k) for x in rows], truth)
    if features.classes and asked is not None and set(asked) <= set(features.classes):
        assert held_out.labels is not None
        true = [held_out.classes[i] for i in held_out.labels[some]]
        scores.append(class_right(features, rows, asked, held_out.rows[some], true))
    return Likeness(scores, "a classifier" if features.classes else "an autoencoder", features.rows, k)


def compare_features(sets: Sequence[np.ndarray], truth: Truth) -> list[Score]:
    """Eq. (2) for R sets of features (n, k): both distances, precision, recall, density and coverage."""
    found = []
    for name, metric in METRICS.items():
        value, between = floor(metric, zip(sets, truth.true, strict=True)), floor(metric, true_pairs(truth))
        found.append(Score(name, *value, *between, rows=len(sets[0])))
    near = neighbourhoods(sets, truth, np.ones(sets[0].shape[1]))
    return found + [replace(score, metric=f"{score.metric}, features") for score in near]


def class_right(
    features: Features, sets: Sequence[np.ndarray], asked: Sequence[str], held_out: np.ndarray, true: Sequence[str]
) -> Score:
    """The share of samples in R sets (n, ...) that the classifier gives the class `asked` for (R n,).

    The ceiling is the share of the rows `held_out` (m, ...) that it gives their `true` class (m,), with the deviation of such a share
    among n rows.
    """
    names, n = np.array(features.classes), len(sets[0])
    each = [(names[features.classify(x)] == np.array(asked[i * n : (i + 1) * n])).mean() for i, x in enumerate(sets)]
    share = float((names[features.classify(held_out)] == np.array(true)).mean())
    return Score(
        "class right", float(np.mean(each)), float(np.std(each, ddof=1)), share, (share * (1 - share) / n) ** 0.5, n, True
    )
