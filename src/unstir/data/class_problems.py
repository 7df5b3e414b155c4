"""Problems of classes and groups: rows without one, classes that are none, classes that are one, classes too small to be learnt.

>>> from unstir.data import from_arrays
>>> data = from_arrays(np.random.default_rng(0).normal(size=(90, 2)), ["cat", "Cat ", "dog"] * 30)
>>> print(next(class_problems(data)).text)
classes that differ only in how they are written: 'Cat ' (30 rows) and 'cat' (30 rows). Write them the same if they are one.
"""

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

from unstir.data.dataset import Data
from unstir.data.formats.numerals import MISSING
from unstir.data.labels import NO_CLASS
from unstir.data.problems import Problem, first_of
from unstir.words import counted, listed, short

FEW_OF_A_CLASS, MANY_CLASSES = 10, 0.5
TWO_SIDES = {-1, 1}  # classes of which the negative one is as good as the other


def class_problems(data: Data) -> Iterator[Problem]:
    """All problems of the classes and groups of `data`."""
    for name, noun, ids in (("labels missing", "class", data.labels), ("groups missing", "group", data.groups)):
        if ids is not None and (ids == NO_CLASS).any():
            count, first = int((ids == NO_CLASS).sum()), int((ids == NO_CLASS).argmax())
            text = (
                f"{counted(count, 'row')} without a {noun} (first: row {first}). Remove those rows, or pass --data.missing drop."
            )
            yield Problem(name, (), text)
    if data.labels is None or not data.classes:
        return
    counts = np.bincount(data.labels[data.labels != NO_CLASS], minlength=len(data.classes)).tolist()
    each = [f"'{short(name)}' ({counted(count, 'row')})" for name, count in zip(data.classes, counts, strict=True)]
    yield from _no_class(data.classes, each)
    yield from _one_class_twice(data.classes, each)
    if len(counts) == 1:
        yield Problem("one class", (), f"all rows have the class '{short(data.classes[0])}'. There is nothing to choose between.")
    elif len(counts) > MANY_CLASSES * len(data):
        yield Problem("many classes", (), f"{len(counts):,} classes for {len(data):,} rows: ids? Pass --data.labels none.")
    elif min(counts) < FEW_OF_A_CLASS:
        small = (
            f"'{short(name)}' has {counted(n, 'row')}" for name, n in zip(data.classes, counts, strict=True) if n < FEW_OF_A_CLASS
        )
        yield Problem("small classes", (), f"{first_of(small)}: too few to learn the class from. Merge or remove it.")


def _no_class(names: tuple[str, ...], each: list[str]) -> Iterator[Problem]:
    """Classes that may stand for rows without one: a negative number among others, as scikit-learn has it, and words for nothing."""
    numbers = [int(name) if name.removeprefix("-").isdecimal() else None for name in names]
    negative = [text for number, text in zip(numbers, each, strict=True) if number is not None and number < 0]
    if negative and None not in numbers and set(numbers) != TWO_SIDES:
        yield Problem(
            "negative class",
            (),
            f"{first_of(negative)}: a negative number is learnt as a class like any other. If it marks rows without a class, remove them.",
        )
    nothing = [text for name, text in zip(names, each, strict=True) if name.strip().lower() in MISSING]
    if nothing:
        yield Problem(
            "missing class", (), f"{first_of(nothing)} is learnt as a class. If it marks rows without a class, remove them."
        )


def written_twice(names: Sequence[str], each: Sequence[str]) -> list[str]:
    """Which names are the same but for capitals, blanks, or how Unicode composes their characters, as what `each` says of them.

    >>> written_twice(["cat", "Cat ", "dog"], ["cat 3", "Cat 1", "dog 2"])
    ['cat 3 and Cat 1']
    """
    same: dict[str, list[str]] = {}
    for name, text in zip(names, each, strict=True):
        same.setdefault(" ".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(text)
    return [listed(texts) for texts in same.values() if len(texts) > 1]


def _one_class_twice(names: tuple[str, ...], each: list[str]) -> Iterator[Problem]:
    twice = written_twice(names, each)
    if twice:
        text = f"classes that differ only in how they are written: {first_of(twice)}. Write them the same if they are one."
        yield Problem("classes alike", (), text)
