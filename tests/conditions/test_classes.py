"""Classes, the first kind of condition: the laws that every kind keeps, and what a folder from elsewhere may claim."""

import json

import numpy as np
import pytest
import torch
from scipy import stats

from unstir.conditions.base import conditions_for
from unstir.conditions.classes import Classes
from unstir.conditions.registry import CONDITIONS
from unstir.errors import UsageError
from unstir.seeds import seeded

PETS = Classes(("cat", "dog", "owl"), (5, 3, 2), "pet")
YEARS = Classes(("1999", "2001", "-1"), (1, 1, 1))
SETTINGS = {"names": ["cat", "dog"], "counts": [3, 1], "column": "pet"}


@pytest.mark.parametrize(
    ("condition", "given", "numbers"),
    [
        (PETS, "dog", [1, 1, 1]),
        (PETS, 2, [2, 2, 2]),
        (PETS, ["owl", 0, 1], [2, 0, 1]),
        (PETS, np.array(["owl", "cat", "cat"]), [2, 0, 0]),
        (PETS, np.array([2, 0, 1]), [2, 0, 1]),
        (PETS, torch.tensor([2, 0, 1]), [2, 0, 1]),
        (PETS, np.int64(1), [1, 1, 1]),
        (PETS, np.str_("dog"), [1, 1, 1]),
        (PETS, torch.tensor(1), [1, 1, 1]),
        (PETS, ("dog",) * 3, [1, 1, 1]),
        (YEARS, 2001, [1, 1, 1]),  # a number is a name where any name is a number
        (YEARS, [1999, "2001", -1], [0, 1, 2]),
    ],
)
def test_values_are_numbers_by_name_or_number(condition, given, numbers):
    # Catches a text that is taken for a list of letters, numbers in another order, and year 1 for the class of that number.
    values = condition.values(given, 3)
    assert (values.tolist(), values.dtype) == (numbers, torch.int64)


@pytest.mark.parametrize(
    ("condition", "given", "said"),
    [
        (PETS, "dgo", r"unknown class 'dgo': did you mean 'dog'\? Known: cat, dog, owl\."),
        (PETS, 3, "unknown class '3'"),  # which would be nothing given
        (PETS, -1, "unknown class '-1'"),
        (PETS, "1", "unknown class '1'"),  # a text is a name
        (PETS, 1.5, "unknown class '1.5'"),
        (PETS, ["cat", "dog"], "2 labels for 3 rows: give one for all rows, or one for each"),
        (PETS, [], "0 labels for 3 rows"),
        (PETS, ["cat", "dog", ""], "unknown class ''"),
        (PETS, [None] * 3, "unknown class 'None'"),
        (YEARS, 0, "unknown class '0'"),
    ],
)
def test_what_is_no_class_is_refused(condition, given, said):
    with pytest.raises(UsageError, match=said):
        condition.values(given, 3)


def test_what_is_given_goes_before_what_is_drawn():
    assert conditions_for(None, 3, None, seeded(0)) is None
    assert conditions_for(PETS, 3, "dog", seeded(0)).tolist() == [1, 1, 1]
    assert (conditions_for(PETS, 50, None, seeded(0)) == PETS.drawn(50, seeded(0))).all()
    with pytest.raises(UsageError, match="trained without labels"):
        conditions_for(None, 3, "dog", seeded(0))


def test_classes_are_drawn_as_often_as_they_were_trained_on():
    """Of 20,000 draws each share is within four standard errors of its own. Catches equal shares, and a class too many: nothing.

    A class that was never trained on is never drawn.
    """
    n, condition = 20_000, Classes(("cat", "dog", "gnu", "owl"), (5, 3, 0, 2))
    drawn = condition.drawn(n, seeded(0, "labels"))
    p = torch.tensor([0.5, 0.3, 0.0, 0.2])
    shares = torch.bincount(drawn, minlength=4) / n
    assert len(shares) == 4
    assert ((shares - p).abs() <= 4 * (p * (1 - p) / n).sqrt()).all()
    assert (drawn == condition.drawn(n, seeded(0, "labels"))).all()
    assert (drawn != condition.drawn(n, seeded(1, "labels"))).any()


def test_one_draw_does_not_depend_on_another():
    # Pairs of neighbours are as often as the product of their shares, by a chi-squared test at one in a thousand. Catches a sorted draw.
    drawn = PETS.drawn(20_000, seeded(3)).view(-1, 2)
    pairs = torch.bincount(3 * drawn[:, 0] + drawn[:, 1], minlength=9).numpy()
    p = np.array([0.5, 0.3, 0.2])
    assert stats.chisquare(pairs, len(drawn) * np.outer(p, p).ravel()).pvalue > 0.001


def test_without_drops_exactly_what_is_dropped():
    # Catches the mask turned round, nothing taken for class 0, and values that are changed in place.
    values, dropped = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([True, False, True, False, False])
    left = PETS.without(values, dropped)
    assert left.tolist() == [3, 1, 3, 0, 1]
    assert (values.tolist(), left.dtype) == ([0, 1, 2, 0, 1], values.dtype)
    assert (PETS.without(values, torch.zeros(5, dtype=bool)) == values).all()
    assert (PETS.without(values, torch.ones(5, dtype=bool)) == PETS.nothing).all()


def test_nothing_is_no_class():
    assert PETS.nothing.item() not in PETS.values(["cat", "dog", "owl"], 3)
    assert PETS.nothing.shape == PETS.values("cat", 1)[0].shape
    assert PETS.nothing.dtype == PETS.values("cat", 1).dtype


def test_none_is_embedded_as_nothing():
    # For all rows at once. Catches a vector of zeros, the last class, and a class that shares the vector of nothing.
    embedding = PETS.embedding(8)
    assert (embedding(None) == embedding(PETS.nothing[None])).all()
    each = embedding(torch.arange(4))
    assert (embedding(None).shape, each.shape) == ((1, 8), (4, 8))
    assert len(each.unique(dim=0)) == 4
    embedding(None).sum().backward()
    assert embedding.weight.grad.abs().sum(1).tolist() == [0, 0, 0, 8]  # nothing learns, and no class does


def test_embeddings_are_fresh():
    # Catches one module for all networks. Standard normal: in 3,000 numbers mean and variance to five standard errors.
    first, second = PETS.embedding(750), PETS.embedding(750)
    assert (first.weight != second.weight).any()
    assert abs(first.weight.mean().item()) < 5 / 3000**0.5
    assert abs(first.weight.var().item() - 1) < 5 * (2 / 3000) ** 0.5


def test_texts_are_the_names():
    # Which values() takes back: what a file of samples says can be asked for.
    drawn = PETS.drawn(20, seeded(0))
    assert (PETS.values(PETS.texts(drawn), 20) == drawn).all()


@pytest.mark.parametrize("condition", [PETS, YEARS, Classes(("ü\n", ""), (0, 1), "naïve 'name'")])
def test_it_is_built_again_from_its_settings_as_json(condition):
    # Equal, so the same names in the same order. Catches a setting that is not saved.
    again = CONDITIONS[condition.kind].build(json.loads(json.dumps(condition.settings)))
    assert again == condition
    assert type(again) is type(condition)
    assert (again.classes, again.column) == (condition.names, condition.column)
    assert hash(again) == hash(condition)


@pytest.mark.parametrize(
    "hostile",
    [
        {},
        {"names": ["cat"], "counts": [1]},
        SETTINGS | {"more": 1},
        SETTINGS | {"names": []},
        SETTINGS | {"names": [], "counts": []},
        SETTINGS | {"names": ["cat", "cat"]},
        SETTINGS | {"names": ["cat", 1]},
        SETTINGS | {"names": "ab"},
        SETTINGS | {"names": {"cat": 1, "dog": 2}},
        SETTINGS | {"names": ["cat", "\ud800"]},
        SETTINGS | {"names": ["cat", ["dog"]]},
        SETTINGS | {"counts": [1]},
        SETTINGS | {"counts": [1, 2, 3]},
        SETTINGS | {"counts": [0, 0]},
        SETTINGS | {"counts": [3, -1]},
        SETTINGS | {"counts": [3, True]},
        SETTINGS | {"counts": [3, 1.0]},
        SETTINGS | {"counts": [3, float("nan")]},
        SETTINGS | {"counts": [3, 2**60]},
        SETTINGS | {"counts": None},
        SETTINGS | {"column": 3},
        SETTINGS | {"column": None},
        SETTINGS | {"column": "\udfff"},
    ],
    ids=lambda settings: repr(settings)[:60],
)
def test_hostile_settings_are_one_error(hostile):
    # A card from elsewhere. Catches a count that torch.multinomial dies of, and text that cannot be written.
    with pytest.raises(UsageError):
        Classes.build(hostile)
