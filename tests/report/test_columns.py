"""How columns are distributed and go together, as a page shows it."""

import numpy as np
import pytest

from report_contents import points
from unstir.evaluation.columns import see
from unstir.evaluation.scores import Truth
from unstir.metrics.dependence import rank_correlations
from unstir.report.columns import associations, distribution, shares
from unstir.report.page import render


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("values", [rng().integers(0, 3, 500), rng().integers(1900, 2024, 500), rng().normal(size=500)])
def test_every_row_is_counted_once(values):
    """Catches bars whose last value falls out, and whole numbers that fall on the edge between two bars."""
    found = distribution(values, values)
    assert found["sampled"] == found["true"]
    assert sum(found["true"]) + sum(found["true_beyond"]) == pytest.approx(1, abs=2e-3)
    assert len(found["true"]) <= 24


def test_bars_of_whole_numbers_hold_equally_many_of_them():
    """Catches 24 bars for 34 years: some would hold two of them and some one, and the picture of a flat column would be a comb."""
    years = np.repeat(np.arange(1990, 2024), 10)
    assert len(set(distribution(years, years)["true"])) == 1
    assert len(distribution(years, years)["true"]) == 17  # two years each


def test_one_outlier_does_not_hide_all_others():
    """Catches bars from the smallest to the largest value: 999 rows of 1,000 would stand in the first one."""
    true = np.append(rng().normal(size=999), 1e6)
    found = distribution(true, true)
    assert max(found["true"]) < 0.2
    assert found["true_beyond"][1] == pytest.approx(0.005, abs=0.002)


def test_what_lies_outside_the_data_is_counted():
    """Catches samples below everything in the data that are on no bar and in no number, such as negative incomes."""
    true = np.exp(rng().normal(size=1000))
    found = distribution(np.concatenate([np.full(140, -1.0), true[:860]]), true)
    assert found["beyond"][0] == pytest.approx(0.14 + 0.005, abs=0.003)


@pytest.mark.parametrize("value", [0.0, 5.0, -1e12])
def test_a_column_that_never_varies_is_one_bar(value):
    found = distribution(np.full(10, value), np.full(20, value))
    assert (found["sampled"], found["true"]) == ([1.0], [1.0])


def test_rank_correlation_is_blind_to_units_and_outliers():
    """For two standard normal columns with correlation r, it is 6 / pi asin(r / 2) (Pearson 1907). Catches the correlation of values."""
    z = rng().normal(size=(20_000, 2))
    x = np.stack([z[:, 0], 0.8 * z[:, 0] + 0.6 * z[:, 1]], axis=1)
    wanted = 6 / np.pi * np.arcsin(0.8 / 2)
    assert rank_correlations(x)[0, 1] == pytest.approx(wanted, abs=0.01)
    assert rank_correlations(np.exp(5 * x))[0, 1] == pytest.approx(wanted, abs=0.01)
    assert rank_correlations(-np.exp(x) * [1, -1])[0, 1] == pytest.approx(-wanted, abs=0.01)


def test_the_pair_that_differs_most_is_named():
    x = rng().normal(size=(1000, 3))
    y = x.copy()
    y[:, 2] = rng().permutation(y[:, 1])
    x[:, 2] = x[:, 1]
    found = associations(y, x, ["a", "b", "c"])
    assert set(found["most"]["pair"]) == {"b", "c"}
    assert found["most"]["true"] == 1
    assert associations(x[:, :1], x[:, :1], ["a"]) is None
    assert associations(np.zeros((9, 25)), np.zeros((9, 25)), ["a"] * 25) is None


def test_shares_that_are_off_come_first_each_beside_what_chance_gives():
    """Column b has no exact zero where 60 % are. Catches the order of the columns, a table without the failing one, and shares of 300
    columns that fill the page."""
    true, other = rng().normal(size=(2, 1000, 3))
    true[:600, 1] = other[:600, 1] = 0
    sampled = other.copy()
    sampled[:, 1] = rng().normal(size=1000)
    found = shares(see(sampled, Truth([true], [other], known=true, available=1000), (3,), ("a", "b", "c")))
    first, off = found["rows"][0], found["rows"][: found["off"]]
    assert (first["what"], first["value"], first["true"]) == ("column 'b' is exactly 0", 0.0, 0.6)
    assert first["chance"][0] < 0.6 < first["chance"][1]
    assert {row["what"][:10] for row in off} == {"column 'b'"}
    assert {row["verdict"] for row in found["rows"][len(off) :]} == {"at the floor"}
    assert len(found["rows"]) == found["of"] > 3 * 4
    many = rng().normal(size=(100, 40))
    wide = shares(see(many, Truth([many], [many]), (40,), [str(i) for i in range(40)]))
    assert len(wide["rows"]) == 100 < wide["of"]


def test_the_page_has_the_table_of_shares_folded_below_the_answer():
    page = render(points())
    answer = page[page.index('<section id="answer"') : page.index('<section id="good"')]
    assert "<details><summary>Column by column: 1 of 2 shares of rows is off by more than chance" in answer
    assert answer.index("column &#39;y&#39; is below -1.5") < answer.index("column &#39;x&#39; is exactly 0")
    assert "8.0 % to 12 %" in answer
