"""The split into training and held-out rows, and the hash that knows data again."""

import numpy as np
import pytest

from unstir.data import from_arrays
from unstir.errors import UsageError

ROWS = np.random.default_rng(0).standard_normal((12, 3))


@pytest.mark.parametrize(("n", "fraction", "held"), [(10, 0.2, 2), (10, 0.01, 1), (10, 0.99, 9), (2, 0.5, 1), (1000, 0.1, 100)])
def test_a_split_is_a_partition_that_keeps_rows_and_labels_together(n, fraction, held):
    # Catches labels left in the old order, a row in both parts, an empty part.
    data = from_arrays(np.arange(n), labels=np.arange(n) % 2)
    train, held_out = data.split(fraction, seed=3)
    assert (len(train), len(held_out)) == (n - held, held)
    rows = np.concatenate([train.values, held_out.values]).ravel()
    assert sorted(rows) == list(range(n))
    assert (np.concatenate([train.labels, held_out.labels]) == rows % 2).all()
    assert train.classes == held_out.classes == data.classes


def test_a_split_depends_on_its_seed_alone():
    # Catches numpy's global state, and a split that takes the last rows of ordered data.
    data = from_arrays(np.arange(100))
    first = data.split(0.3, seed=0)[1].values
    np.random.seed(5)  # noqa: NPY002
    assert (data.split(0.3, seed=0)[1].values == first).all()
    assert (data.split(0.3, seed=1)[1].values != first).any()
    assert first.min() < 50


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 5, float("nan")])
def test_a_split_is_of_a_fraction(fraction):
    with pytest.raises(UsageError, match="held-out"):
        from_arrays(ROWS).split(fraction, seed=0)


def test_the_hash_sees_values_labels_types_and_shapes():
    zeros = np.zeros((4, 3))
    variants = [
        from_arrays(zeros),
        from_arrays(zeros + 1e-300),
        from_arrays(zeros.reshape(3, 4)),
        from_arrays(zeros.astype(np.float32).repeat(2, 0)),  # the same bytes
        from_arrays(zeros, [0, 1, 0, 1]),
        from_arrays(zeros, [0, 1, 1, 0]),
    ]
    assert len({data.sha256() for data in variants}) == len(variants)
    assert from_arrays(zeros.copy()).sha256() == variants[0].sha256()
