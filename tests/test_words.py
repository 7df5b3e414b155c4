"""How numbers, lists and durations are said."""

import io
import re
import tokenize
from pathlib import Path

import pytest

from unstir.report.page import give_or_take
from unstir.report.page import number as on_a_page
from unstir.words import duration, listed, number, percent, typeset, with_spread

ROOT = Path(__file__).parents[1]
BARE = re.compile(r"(?<![,\w.)\]}/:'\"`])\.\d")  # .61, but not 0.61, x.5, [:.3f] or a file's name
LOG = "log.md"  # a diary, whose old entries stay as they are


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((2010.0, "2010"), (1999.6, "2000"), (9999.4, "9999"), (9999.6, "10,000"), (-12345.6, "-12,346"), (0.99999, "1")),
        *((0.1 + 0.2, "0.3"), (100.0, "100"), (1e-4, "0.0001"), (9.99e-5, "9.99e-5"), (-1.0, "-1"), (5e10, "5e10"), (0.0, "0")),
        *((float("nan"), "nan"), (float("-inf"), "-inf"), (0.61, "0.61")),
    ],
)
def test_a_value_has_three_digits_but_its_whole_part_in_full(value, text):
    # Catches a year as 2,010 or rounded to 2010 from 2014, zeros at the end, 1e+10, and a value that rounds up into five digits.
    assert number(value) == text
    assert on_a_page(value) == typeset(text)


def test_a_page_says_numbers_as_messages_do():
    # Catches a second rule for the same number.
    for pair in ((0.041237, 0.00251), (812.3, 41.0), (16491.0, 530.0), (-0.5, 0.1)):
        assert give_or_take(*pair) == typeset(with_spread(*pair))
    assert on_a_page(1797) == "1,797"  # a count


def prose():
    """Every line that people read: documents, and comments and texts of the code, by its place."""
    for path in [*ROOT.glob("*.md"), *(path for path in (ROOT / "docs").glob("*.md") if path.name != LOG)]:
        yield from ((f"{path.name}:{i}", line) for i, line in enumerate(path.read_text().splitlines(), 1))
    for path in [path for folder in ("src", "examples", "benchmarks") for path in (ROOT / folder).rglob("*.py")]:
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                text = re.sub(r"\{[^{}]*\}", "", token.string)  # an f-string's formats, such as :.3f, are code
                yield from ((f"{path.name}:{token.start[0]}", line) for line in text.splitlines())


def test_numbers_below_one_begin_with_0_and_spreads_are_written_in_one_way():
    # Catches .61 here and 0.61 there, and 2.02 +- .22 beside 0.0145 ± 0.0040.
    wrong = [f"{place}: {line.strip()[:90]}" for place, line in prose() if BARE.search(line) or re.search(r"\d \+- \d", line)]
    assert not wrong, "\n".join(wrong)


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
