"""How numbers, lists and durations are said."""

import pytest

from unstir.words import duration, listed, percent, with_spread


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [(0.00056638, 0.00011144, "0.00057 ± 0.00011"), (1431.2, 530.0, "1431 ± 530"), (7.0, 0.0, "7 ± 0"), (0.1, 1e-18, "0.1 ± 0")],
)
def test_a_number_is_shown_to_the_digits_that_its_spread_leaves(value, spread, text):
    assert with_spread(value, spread) == text


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        *((0.0123, 2, "1.2 %"), (-0.021, 2, "-2.1 %"), (0.5, 2, "50 %"), (28.6, 2, "2860 %"), (0.0, 2, "0 %")),
        *((0.00016, 2, "0.016 %"), (2e-6, 2, "under 0.001 %"), (0.9971, 3, "99.7 %"), (float("nan"), 2, "nan %")),
    ],
)
def test_shares_are_shown_in_per_cent(share, digits, text):
    # One rule for tables, figures and sentences. Catches a small share shown as 0 %, and digits that nobody reads.
    assert percent(share, digits) == text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (80, "80.0 s"), (95, "1.6 min"), (7200, "2.0 h"), (1e6, "11.6 days")]
)
def test_durations_are_in_a_persons_units(seconds, words):
    assert duration(seconds) == words


def test_names_are_joined_as_in_a_sentence():
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
