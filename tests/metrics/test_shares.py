"""Is each column right: exact laws of shares, what chance alone does, and defects that are known in closed form."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from unstir.metrics.dependence import _correlations, compare_correlations
from unstir.metrics.shares import SIZE, TESTS, between, compare_shares

N = 1000


def income(rng, n):
    return np.exp(rng.normal(7, 2.5, n))


def amount(rng, n):
    return np.where(rng.random(n) < 0.8, 0.0, np.exp(rng.normal(5, 1, n)))


def age(rng, n):
    return np.round(rng.normal(45, 12, n))


def price(rng, n):
    return np.round(rng.gamma(4, 8, n), 1)


def plain(rng, n):
    return rng.normal(size=n)


def table(rng, n):
    """Columns of every kind that people bring, all independent rows of one law."""
    flags = [rng.random(n) < share for share in (0.02, 0.5)]
    more = [rng.standard_t(2, n), np.clip(rng.normal(size=n), -1, 1), rng.poisson(3, n), np.full(n, 7.0)]
    return np.stack([make(rng, n) for make in (income, amount, age, price, plain)] + flags + more, axis=1)


# ---- the laws


@pytest.mark.parametrize(("n", "m"), [(1000, 1000), (300, 900)])
def test_the_share_below_all_true_rows_has_the_law_of_the_smallest_of_both(n, m):
    """P(the k smallest of n + m rows are all samples) = C(n, k) / C(n + m, k). Catches m for m + 1, and a law of n + m draws."""
    y, rng = np.arange(1.0, m + 1), np.random.default_rng(0)
    for k in (1, 3, 8):
        x = np.concatenate([np.full(k, -1.0) - np.arange(k) / 9, rng.uniform(1.5, m - 0.5, n - k)])[:, None]
        (below,) = (share for share in compare_shares(x, y[:, None]).each if share.kind == "below")
        assert below.p == pytest.approx(min(1.0, math.comb(n, k) / math.comb(n + m, k) * TESTS), rel=1e-6)
        assert (below.sampled, below.true, below.at) == (k / n, 0, 1)


def test_the_size_of_a_difference_is_cohens_h():
    # 2 asin sqrt: variance 1/n at every p. Catches a size by which 1 % beside 0 weighs as little as 51 % beside 50 %.
    assert between(0.01, 0.0) == pytest.approx(2 * math.asin(0.1))
    assert between(0.6, 0.5) == pytest.approx(0.2014, abs=1e-4)
    rng = np.random.default_rng(0)
    for p in (0.05, 0.5, 0.9):
        shares = rng.binomial(2000, p, size=(2, 4000)) / 2000
        assert between(*shares).std() == pytest.approx(math.sqrt(2 / 2000), rel=0.05)


@pytest.mark.parametrize(("n", "m"), [(120, 120), (N, N), (500, 2000)])
def test_true_rows_pass(n, m):
    """Of 60 pairs of sets of one law at most 5 % are off anywhere: 3 and four standard errors of 1.7.

    Catches a level for each test in place of all, quantiles tested as if values never repeated, and thresholds looked up in the data
    that are tested as if they had been given.
    """
    found = [
        compare_shares(*(table(np.random.default_rng([seed, side]), k) for side, k in enumerate((n, m)))) for seed in range(60)
    ]
    assert sum(shares.p <= 0.05 for shares in found) <= 9
    assert all((shares.p <= 0.05) == bool(shares.off) for shares in found)


@pytest.mark.parametrize(("columns", "size"), [(1, 0.2), (1, 0.1), (12, 0.2)])
def test_what_can_be_told_is_what_would_show(columns, size, monkeypatch):
    """With `enough` rows a difference of that size at the median is found about half of the time, and one half as large again, always.

    Catches a power that forgets the number of columns.
    """
    monkeypatch.setattr("unstir.metrics.shares.SIZE", size)
    rng = np.random.default_rng(0)
    few = compare_shares(rng.normal(size=(200, columns)), rng.normal(size=(200, columns)))
    assert not few.can_tell
    n, shift = few.enough, norm.ppf(0.5 + size / 2)  # the median of the shifted column lies where h is the size
    for factor, least, most in ((1.0, 0.15, 0.95), (1.5, 0.9, 1.0)):
        seen = []
        for seed in range(16):
            rng = np.random.default_rng(seed)
            x, y = rng.normal(size=(2, n, columns))
            x[:, 0] += factor * shift
            found = compare_shares(x, y)
            assert found.can_tell
            seen.append(any(share.column == 0 for share in found.off))
        assert least <= np.mean(seen) <= most


# ---- defects in closed form


def gaussian_fit(rng, x):
    return rng.normal(x.mean(), x.std(), len(x))


DEFECTS = {
    "a Gaussian for a log-normal": (income, gaussian_fit, {"below"}),
    "7 % negative incomes": (income, lambda rng, x: np.where(rng.random(len(x)) < 0.07, -x, x), {"below"}),
    "no exact zeros": (amount, lambda rng, x: x + 0.01 * rng.normal(size=len(x)), {"atom", "below"}),
    "half of the zeros": (
        amount,
        lambda rng, x: np.where((x == 0) & (rng.random(len(x)) < 0.5), 90 * rng.random(len(x)), x),
        {"atom"},
    ),
    "an atom that the data does not have": (plain, lambda rng, x: np.where(rng.random(len(x)) < 0.1, 0.0, x), {"atom"}),
    "clipped": (plain, lambda _, x: np.clip(x, -1, 1), {"atom"}),
    "whole numbers where the data has fractions": (plain, lambda _, x: np.round(x), {"atom"}),
    "one decimal where the data has many": (plain, lambda _, x: np.round(x, 1), {"repeated"}),
    "tails missing": (plain, lambda rng, x: np.where(np.abs(x) < 2, x, rng.uniform(-1, 1, len(x))), {"lower", "upper"}),
    "tails too heavy": (plain, lambda rng, x: rng.standard_t(2, len(x)), {"above", "below", "lower", "upper"}),
    "outside the range": (plain, lambda rng, x: np.where(rng.random(len(x)) < 0.03, 9 + x, x), {"above"}),
    "moved by a third of the spread": (plain, lambda _, x: x + 0.33, {"lower", "upper"}),
    "in other units": (income, lambda _, x: 4 * x, {"lower", "upper"}),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_each_defect_is_found_in_its_column_and_nowhere_else(name):
    """Three columns, of which the middle one is wrong. Catches each measure left out: distances with a scale see few of these."""
    make, spoil, kinds = DEFECTS[name]
    hits = 0
    for seed in range(5):
        rng = np.random.default_rng([seed, 7])
        x, y = (np.stack([age(rng, N), make(rng, N), amount(rng, N)], axis=1) for _ in range(2))
        x[:, 1] = spoil(rng, x[:, 1])
        off = compare_shares(x, y, level=0.01).off
        hits += bool(off) and off[0].column == 1 and off[0].kind in kinds and off[0].verdict == "far above the floor"
        assert {share.column for share in off} <= {1}
    assert hits >= 4, hits


def salary(rng, n):
    return np.round(rng.normal(5e6, 1e6, n))


@pytest.mark.parametrize("make", [age, price, salary])
def test_digits_that_rounding_takes_away_are_near_and_no_more(make):
    # Catches a model of whole ages called useless for 44.83, and one called perfect.
    rng = np.random.default_rng(0)
    x, y = make(rng, N) + (0.05 if make is price else 0.5) * rng.uniform(-1, 1, N), make(rng, N)
    (share,) = compare_shares(x[:, None], y[:, None]).off
    assert (share.verdict, share.mended) == ("near the floor", True)
    assert share.kind in ("whole", "repeated")


def test_float32_samples_of_float64_rows_are_the_same_values():
    # 0.1 is another number in float32. Catches prices of which none is "exactly" a price.
    rng = np.random.default_rng(0)
    x, y = price(rng, N)[:, None], price(rng, N)[:, None]
    assert compare_shares(x.astype(np.float32), y).off == []
    tenths = rng.choice([0.1, 0.2, 0.3], size=(2, N, 1))
    assert compare_shares(tenths[0].astype(np.float32), tenths[1]).off == []
    assert compare_shares(1e300 * x, 1e300 * y).off == []  # beyond float32


def test_an_order_of_rows_or_a_scale_changes_nothing():
    rng = np.random.default_rng(0)
    x, y = table(rng, 300), table(rng, 400)
    one, other = compare_shares(x, y), compare_shares(x[::-1] * 4.0, y[rng.permutation(400)] * 4.0)
    assert [share.p for share in one.each if share.kind != "whole"] == [share.p for share in other.each if share.kind != "whole"]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 5), (10, 10)])
def test_a_handful_of_rows_is_no_error_and_no_verdict(n, m):
    rng = np.random.default_rng(0)
    found = compare_shares(rng.normal(size=(n, 2)) + 90, rng.normal(size=(m, 2)))
    assert not found.can_tell
    assert all(0 <= share.p <= 1 for share in found.each)


# ---- columns together


def circle(rng, n):
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.02 * rng.normal(size=(n, 2))


def cross(rng, n):
    x = rng.normal(size=n)
    return np.stack([x, x * rng.choice([-1, 1], n), np.exp(3 * x + 0.1 * rng.normal(size=n))], axis=1)


def flags(rng, n):
    return np.concatenate([rng.random((n, 4)) < 0.15, rng.poisson(2, (n, 2))], axis=1).astype(float)


@pytest.mark.parametrize("draw", [circle, cross, flags])
@pytest.mark.parametrize(("n", "m"), [(200, 200), (500, 1500)])
def test_true_rows_have_the_correlations_of_true_rows(draw, n, m):
    """At most 9 of 60, as above. Catches the error 1 / sqrt n of independent columns: of points on a cross it is 1.3 times that."""
    p = [
        compare_correlations(draw(np.random.default_rng([s, 1]), n), draw(np.random.default_rng([s, 2]), m)).p for s in range(60)
    ]
    assert np.sum(np.array(p) <= 0.05) <= 9


def test_the_variance_of_a_correlation_is_that_of_its_pair():
    """On a cross, y = +-x, uniform ranks have w = E u^4 = 9/5, and it is what draws have. Catches the 1 of independent columns."""
    draws = [_correlations(cross(np.random.default_rng(seed), 400)[:, :2]) for seed in range(300)]
    assert np.mean([w[0, 1] for _, w in draws]) == pytest.approx(1.8, abs=0.02)
    assert 400 * np.var([r[0, 1] for r, _ in draws]) == pytest.approx(1.8, rel=4 * np.sqrt(2 / 300))


def test_a_correlation_that_is_missing_is_named_in_any_units():
    """Columns shuffled one by one have the same shares and no correlation. Catches columns that are compared one by one alone."""
    rng = np.random.default_rng(0)
    cov = [[1, 0.6, 0], [0.6, 1, 0], [0, 0, 1]]
    x, y = np.exp(3 * rng.multivariate_normal([0, 0, 0], cov, size=(2, N)))
    apart = np.stack([rng.permutation(column) for column in x.T], axis=1)
    assert compare_shares(apart, y).off == []
    (pair,) = compare_correlations(apart, y).off
    assert (pair.first, pair.second, pair.verdict) == (0, 1, "far above the floor")
    assert pair.true == pytest.approx(6 / np.pi * np.arcsin(0.3), abs=0.06)  # Spearman's of a Gaussian copula
    assert compare_correlations(x, y).off == []


def test_columns_that_never_vary_and_copies_have_no_correlation_to_compare():
    rng = np.random.default_rng(0)
    x, y = (np.stack([rng.normal(size=300), np.full(300, 7.0)], axis=1) for _ in range(2))
    assert compare_correlations(x, y).pairs == 0
    assert compare_correlations(x[:, [0, 0]], y[:, [0, 0]]).off == []
    assert compare_correlations(x[:50, [0, 0]], y[:, [0, 0]]).pairs == 0
    assert SIZE == 0.2
