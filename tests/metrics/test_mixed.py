"""Shapes, trends and gaps of mixed tables: each against its definition, typed here again from the distributions themselves."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import ks_2samp, spearmanr

from unstir.errors import UsageError
from unstir.metrics.mixed import (
    associations,
    correlations,
    exact_apart,
    exact_values,
    missing_apart,
    missing_together,
    shapes,
    trends,
)

ORDERED = np.array([True, False, True, False])


def table(seed: int, n: int = 400) -> np.ndarray:
    """Income, sex, age with gaps, region with gaps; age and its gaps depend on sex."""
    rng = np.random.default_rng(seed)
    sex, region = rng.integers(2, size=n).astype(float), rng.integers(5, size=n).astype(float)
    age = 30 + 15 * sex + rng.normal(0, 5, n)
    age[rng.random(n) < 0.1 + 0.3 * sex] = np.nan
    region[rng.random(n) < 0.1] = np.nan
    return np.stack([np.exp(rng.normal(7, 1, n)), sex, age, region], axis=1)


def shares_of(cells) -> Counter:
    """The share of each state, a missing cell being one."""
    counts = Counter(None if cell != cell else cell for cell in cells)
    return Counter({state: count / len(cells) for state, count in counts.items()})


def variation(p: Counter, q: Counter) -> float:
    return sum(abs(p[state] - q[state]) for state in p.keys() | q.keys()) / 2


def test_shapes_are_kolmogorov_smirnov_and_total_variation():
    # Catches a KS over bins, a variation without the half, one that drops missing cells, and one that weighs them with 1.
    x, y = table(0, 300), table(1, 500)
    found = shapes(x, y, ORDERED)
    assert found[0] == pytest.approx(1 - ks_2samp(x[:, 0], y[:, 0]).statistic)
    for k in (1, 3):
        assert found[k] == pytest.approx(1 - variation(shares_of(x[:, k]), shares_of(y[:, k])))
    there = [side[~np.isnan(side[:, 2]), 2] for side in (x, y)]
    rates = [np.isnan(side[:, 2]).mean() for side in (x, y)]
    assert found[2] == pytest.approx(1 - max(ks_2samp(*there).statistic, abs(rates[0] - rates[1])))


def test_gaps_alone_lower_a_shape():
    # The cells that are there are alike; a score of these alone would be 1.
    y = table(1)
    x = y.copy()
    x[:200, 0] = np.nan
    assert shapes(x, y, ORDERED)[0] <= 0.5
    x[:, 0] = np.nan
    assert shapes(x, y, ORDERED)[0] == 0
    assert shapes(x, x, ORDERED)[0] == 1


def test_trends_are_correlations_and_joint_tables():
    # Catches a correlation without the half, bins of the samples instead of the true rows, and rows with gaps that are dropped.
    x, y = table(0, 300), table(1, 500)
    found = trends(x, y, ORDERED)
    rows = [side[~np.isnan(side[:, 2])] for side in (x, y)]
    r = [np.corrcoef(side[:, 0], side[:, 2])[0, 1] for side in rows]
    assert found[0, 2] == pytest.approx(1 - abs(r[0] - r[1]) / 2)
    joint = [Counter(zip(*(map(str, side[:, k]) for k in (1, 3)), strict=True)) for side in (x, y)]
    p, q = (Counter({state: n / sum(part.values()) for state, n in part.items()}) for part in joint)
    assert found[1, 3] == found[3, 1] == pytest.approx(1 - variation(p, q))
    edges = np.histogram_bin_edges(rows[1][:, 2], 10)[1:-1]  # ten bins of equal width of the true rows
    binned = [[None if cell != cell else int(np.digitize(cell, edges)) for cell in side[:, 2]] for side in (x, y)]
    joint = [Counter(zip(side[:, 1], bins, strict=True)) for side, bins in zip((x, y), binned, strict=True)]
    p, q = (Counter({state: n / sum(part.values()) for state, n in part.items()}) for part in joint)
    assert found[1, 2] == pytest.approx(1 - variation(p, q))
    assert (np.diag(found) == 1).all()


def test_trends_see_a_permuted_column_that_shapes_do_not():
    y = table(1, 2000)
    x = y.copy()
    x[:, 1] = np.random.default_rng(0).permutation(x[:, 1])
    assert shapes(x, y, ORDERED).tolist() == [1, 1, 1, 1]
    found = trends(x, y, ORDERED)
    assert found[1, 2] < 0.7 < 0.9 < found[1, 3]


def test_sdmetrics_says_the_same():
    # The library that published the definitions, where it is installed: without missing cells all four are equal.
    pytest.importorskip("sdmetrics")
    import pandas as pd
    from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
    from sdmetrics.single_column import KSComplement, TVComplement

    x, y = (np.nan_to_num(table(seed), nan=1.0) for seed in (0, 1))
    a, b = (pd.DataFrame(side, columns=list("abcd")) for side in (x, y))
    shape, trend = shapes(x, y, ORDERED), trends(x, y, ORDERED)
    assert shape[0] == pytest.approx(KSComplement.compute(b["a"], a["a"]))
    assert shape[1] == pytest.approx(TVComplement.compute(b["b"], a["b"]))
    assert trend[0, 2] == pytest.approx(CorrelationSimilarity.compute(b[["a", "c"]], a[["a", "c"]]))
    assert trend[1, 3] == pytest.approx(ContingencySimilarity.compute(b[["b", "d"]], a[["b", "d"]]))
    mixed = ContingencySimilarity.compute(b[["b", "c"]].copy(), a[["b", "c"]].copy(), continuous_column_names=["c"])
    assert trend[1, 2] == pytest.approx(mixed)


def test_correlations_leave_gaps_out_pair_by_pair():
    x = table(0)
    x[:, 1] *= 1e200  # no overflow
    there = ~np.isnan(x[:, 2]) & ~np.isnan(x[:, 3])
    assert correlations(x)[2, 3] == pytest.approx(np.corrcoef(x[there, 2], x[there, 3])[0, 1])
    assert correlations(np.ones((5, 2))).tolist() == [[0, 0], [0, 0]]
    assert correlations(np.full((5, 2), np.nan)).tolist() == [[0, 0], [0, 0]]


def test_associations_are_spearman_and_cramer():
    x = table(0, 3000)
    found = associations(x, x, ORDERED)
    there = ~np.isnan(x[:, 2])
    assert found[0, 2] == pytest.approx(
        spearmanr(x[there, 0], x[there, 2]).statistic, abs=0.03
    )  # ranks among all cells of a column
    assert found[0, 1] < 0.1 < 0.5 < found[1, 2]
    twice = np.stack([x[:, 3], 4 - x[:, 3]], axis=1)
    assert associations(twice, twice, np.array([False, False]))[0, 1] == pytest.approx(1, abs=0.01)


def test_gaps_that_no_longer_depend_on_a_column_show():
    # Chi-squared over its degrees of freedom has mean 1 between true sets: within 4 standard errors of 40 draws.
    true = [missing_together(table(2 * s + 10), table(2 * s + 11), ORDERED) for s in range(40)]
    assert abs(np.mean(true) - 1) < 4 * np.std(true) / 40**0.5
    y = table(1, 2000)
    x = table(2, 2000)
    x[:, 2] = np.random.default_rng(0).permutation(x[:, 2])  # the same rate
    assert missing_together(x, y, ORDERED) > 4
    assert missing_together(y[:, :2], y[:, :2], ORDERED[:2]) == 0


def test_rates_of_gaps_and_exact_values():
    y = np.array([[0.0, 1.0], [0.0, np.nan], [5.0, 2.0], [7.0, 2.0]])
    x = np.array([[0.0003, 1.0], [0.0, 2.0], [5.0, 2.0], [7.0, 2.0]])  # a zero that came back smeared
    assert missing_apart(x, y)[1] == 0.25
    assert np.isnan(missing_apart(x, y)[0])
    known = exact_values(y, np.array([True, False]))
    assert known[0] == 0
    assert np.isnan(known[1])
    assert exact_apart(x, y, known) == 0.25


def test_unequal_columns_are_refused():
    with pytest.raises(UsageError, match=r"shapes \(3, 2\) and \(3, 1\)"):
        shapes(np.zeros((3, 2)), np.zeros((3, 1)), np.array([True]))


def test_very_many_states_become_few():
    # A joint table of 3,000 x 3,000 cells would take 72 MB: only the states that are frequent among true rows are told apart.
    rng = np.random.default_rng(0)
    x, y = (rng.integers(3000, size=(4000, 2)).astype(float) for _ in range(2))
    assert 0 < trends(x, y, np.array([False, False]))[0, 1] < 1
