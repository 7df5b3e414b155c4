"""Boosted trees as judges of tables: can they tell samples from true rows, and do samples teach them what true rows teach?

    told apart        fit trees on one half of the samples x and of the true rows y, and score the other half; then change the halves;
                      the mean AUC. 0.5: nothing tells a sample from a true row; 1: each sample is told                         (1)
    each column       fit trees on all other columns of x, to predict this one, and score the true rows y:
                      a category    the AUC of each of its states against the others, by their shares; 0.5 is a guess
                      a number      R2 of the rank among the true cells, so that a few huge values do not decide; 0 is a guess    (2)

(2) with x true rows is what there is to be learnt from the data ("train on synthetic, test on real"). Missing cells are left out where
they are to be predicted, and told to the trees elsewhere. Of a category with many states the three most frequent true ones are told
apart, and the others are one. Trees are scikit-learn's HistGradientBoosting, which reads categories and missing cells as they are
(Ke et al., 2017, "LightGBM"): 100 rounds of them for (1), and 30 rounds of smaller trees for (2), because there are many columns.

    >>> rng = np.random.default_rng(0)
    >>> true, other = rng.normal(size=(2, 400, 2)); ordered = np.array([True, True])
    >>> round(told_apart(other, true, ordered), 1), told_apart(other + 9, true, ordered)
    (0.5, 1.0)
"""

from typing import Any

import numpy as np
from scipy.stats import rankdata

from unstir.steady import steady

MOST_STATES = 250  # that the trees tell apart
STATES = 4  # of a category that is predicted, the last one for all others
QUICK = {"max_iter": 30, "max_leaf_nodes": 15, "learning_rate": 0.15, "early_stopping": False}
FULL = {"early_stopping": False}
WORK = 5000 * 15 * 15  # rows x columns x columns that are predicted, at most
FEWEST = 200  # rows trees learn from, however many columns there are
COLUMNS = 40  # predicted at most: the first ones
NEEDED = 100  # rows a side: a leaf has at least 20 rows, so with fewer rows the trees hardly grow, and every answer is a guess


@steady
def told_apart(x: np.ndarray, y: np.ndarray, ordered: np.ndarray) -> float:
    """Eq. (1) for samples x (n, D) and true rows y (m, D), both of codes, NaN where missing; `ordered` (D,) are numbers and times.

    NaN for fewer than `NEEDED` rows a side.
    """
    if min(len(x), len(y)) < NEEDED:
        return float("nan")
    rows, which = np.concatenate([x, y]), np.repeat([1, 0], [len(x), len(y)])
    halves = np.concatenate([np.arange(len(side)) % 2 for side in (x, y)])
    rows, kinds = _readable(rows, ordered), ~ordered
    scores = []
    for half in (0, 1):
        trees = _trees(True, kinds, FULL).fit(rows[halves == half], which[halves == half])
        scores.append(auc(trees.predict_proba(rows[halves != half])[:, 1], which[halves != half] == 1))
    return float(np.mean(scores))


@steady
def each_column(x: np.ndarray, y: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Eq. (2) of each column, (D,): trees learn from x (n, D) and are scored on the true rows y (m, D).

    NaN for a column that never varies, or beyond the fortieth, and for fewer than `NEEDED` rows a side.
    Of wide tables fewer rows are used, so that it takes seconds.
    """
    d = x.shape[1]
    predicted = range(min(d, COLUMNS) if min(len(x), len(y)) >= NEEDED else 0)
    most = max(FEWEST, WORK // (d * max(1, len(predicted))))
    x, y = x[:most], y[:most]
    return np.array([taught(x, y, ordered, i, QUICK) if i in predicted and d > 1 else np.nan for i in range(d)])


@steady
def taught(x: np.ndarray, y: np.ndarray, ordered: np.ndarray, column: int, settings: dict[str, Any] | None = None) -> float:
    """Eq. (2) of one column, with the trees' defaults unless `settings` are given."""
    rows = _readable(np.concatenate([x, y]), ordered)
    others = np.arange(x.shape[1]) != column
    rows, kinds = rows[:, others], ~ordered[others]
    learnt, wanted = x[:, column], y[:, column]
    known, asked = ~np.isnan(learnt), ~np.isnan(wanted)
    if len(np.unique(wanted[asked])) < 2 or not known.any():
        return float("nan")
    train, test, learnt, wanted = rows[: len(x)][known], rows[len(x) :][asked], learnt[known], wanted[asked]
    settings = FULL if settings is None else settings
    if ordered[column]:
        learnt, wanted = _ranked(learnt, wanted), _ranked(wanted, wanted)
        guess = _trees(False, kinds, settings).fit(train, learnt).predict(test)
        return float(max(0.0, 1 - ((wanted - guess) ** 2).mean() / wanted.var()))
    return _of_states(train, learnt, test, wanted, kinds, settings)


def _of_states(
    train: np.ndarray, learnt: np.ndarray, test: np.ndarray, wanted: np.ndarray, kinds: np.ndarray, settings: dict[str, Any]
) -> float:
    """The mean AUC of each state against the others; 0.5 for a state that was not there to be learnt."""
    values, counts = np.unique(wanted, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    kept = values[order[: STATES - 1 if len(values) > STATES else STATES]]
    learnt, wanted = (np.where(np.isin(cells, kept), cells, -1.0) for cells in (learnt, wanted))
    found = np.full((len(test), 0), 0.0)
    classes = np.unique(learnt)
    if len(classes) > 1:
        found = _trees(True, kinds, settings).fit(train, learnt).predict_proba(test)
    scores, weights = [], []
    for value in np.unique(wanted):
        at = np.flatnonzero(classes == value)
        scores.append(auc(found[:, at[0]], wanted == value) if len(at) and found.size else 0.5)
        weights.append((wanted == value).mean())
    return float(np.average(scores, weights=weights))


def _trees(classify: bool, kinds: np.ndarray, settings: dict[str, Any]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor  # takes a second

    made = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
    return made(categorical_features=kinds if kinds.any() else None, random_state=0, **settings)


def _readable(rows: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """The rows (n, D) with the states of a column numbered by how frequent they are; the rarest ones of very many states are one."""
    rows = rows.copy()
    for i in np.flatnonzero(~ordered):
        there = ~np.isnan(rows[:, i])
        _, places, counts = np.unique(rows[there, i], return_inverse=True, return_counts=True)
        number = np.empty(len(counts))
        number[np.argsort(-counts, kind="stable")] = np.minimum(np.arange(len(counts)), MOST_STATES - 1)
        rows[there, i] = number[places]
    return rows


def _ranked(cells: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The shares of the true cells below each cell, half of the equal ones included."""
    ordered = np.sort(true)
    return (np.searchsorted(ordered, cells, "left") + np.searchsorted(ordered, cells, "right")) / (2 * len(true))


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The probability that a positive one has the higher score than another one, half of the equal ones included; 0.5 without either.

    Shapes: scores (n,), positive (n,) bool. Source: Mann and Whitney (1947).

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True]))
    0.875
    """
    n, others = int(positive.sum()), int((~positive).sum())
    if not (n and others):
        return 0.5
    return float((rankdata(scores)[positive].sum() - n * (n + 1) / 2) / (n * others))
