"""The coder: what is pushed is popped, every probability is kept to the last bit, and a file is as long as they say."""

import numpy as np
import pytest

from unstir.compression.arithmetic import tables
from unstir.compression.codec import Code, Spent, decode, encode, sizes
from unstir.compression.exact import Known
from unstir.compression.grid import layers
from unstir.compression.intervals import Normals, Phi, Weighted
from unstir.compression.stack import LOWEST, TOTAL, Stack
from unstir.errors import DataError

PHI = Phi(tables()["normal"])
RNG = np.random.default_rng(0)


def words(seed=0):
    random = np.random.default_rng(seed)
    return iter(lambda: int(random.integers(LOWEST)), None)


def normals(n, count):
    origin = RNG.integers(-50, 50, n).astype(float)
    mean = 0.25 * (origin + RNG.uniform(-3, count + 3, n))  # some beyond the outermost bins
    return Normals(PHI, mean, np.exp(RNG.uniform(-8, 4, n)), origin, count, 0.25)


def weighted(n, count):
    weights = np.rint(2.0**20 * RNG.dirichlet(np.full(count, 0.05), n))
    weights[:, 0] += weights.sum(1) == 0
    return Weighted(weights)


@pytest.mark.parametrize("make", [normals, weighted])
@pytest.mark.parametrize("count", [2, 17, 256])
def test_intervals_cover_everything_once(make, count):
    # Catches a symbol of probability 0, which cannot be coded, and two symbols that share numbers, which decode to one of them.
    by = make(40, count)
    parts = [by.intervals(np.full(40, j)) for j in range(count)]
    edge = np.zeros(40, dtype=np.int64)
    for start, width in parts:
        assert (start == edge).all()
        assert (width > 0).all()
        edge = start + width
    assert (edge == TOTAL).all()


@pytest.mark.parametrize("make", [normals, weighted])
@pytest.mark.parametrize("count", [1, 2, 17, 300])
def test_what_is_pushed_is_popped(make, count):
    # Catches a search that stops a bin too early, and a coder that loses its state where a symbol is very unlikely.
    by = make(500, count)
    symbols = RNG.integers(0, count, 500)
    stack = Stack(supply=words())
    drawn = by.pop(stack)  # what is drawn comes back, too
    starts, widths = by.intervals(symbols)
    stack.push(starts.tolist(), widths.tolist())
    again = Stack.from_bytes(stack.to_bytes())
    assert np.array_equal(by.pop(again), symbols)
    starts, widths = by.intervals(drawn)
    again.push(starts.tolist(), widths.tolist())
    assert again.state == LOWEST
    assert again.words == [word for word, _ in zip(words(), range(stack.supplied), strict=False)][::-1]


def test_a_stack_is_as_long_as_the_probabilities_say():
    # Catches a coder that wastes a part of a bit on each symbol. The rest are the 33 bits of the empty state and a byte of rounding.
    by = weighted(4000, 17)
    p = by.weights / by.weights.sum(1, keepdims=True)
    symbols = np.array([RNG.choice(17, p=row) for row in p])
    stack = Stack()
    starts, widths = by.intervals(symbols)
    stack.push(starts.tolist(), widths.tolist())
    entropy = -np.log2(p[np.arange(4000), symbols]).sum() / 8
    assert entropy < len(stack.to_bytes()) < 1.0001 * entropy + 6


def test_draws_are_of_the_distribution():
    # Catches bins that are shifted by half a step. 40,000 draws: the mean is within 4 standard errors, and so is the variance.
    by = Normals(PHI, np.full(40000, 0.3), np.full(40000, 2.0), np.full(40000, -40.0), 81, 0.5)
    values = (by.pop(Stack(supply=words())) - 40) * 0.5
    assert abs(values.mean() - 0.3) < 4 * 2 / 200
    assert abs(values.var() - (4 + 0.25 / 12)) < 4 * 4 * (2 / 40000) ** 0.5


def test_an_empty_stack_never_invents_bits():
    # Catches a coder that reads zeros beyond its end: what it gives looks like data.
    with pytest.raises(DataError, match="the stack is empty"):
        weighted(50, 17).pop(Stack())
    supplied = Stack(supply=words())
    weighted(50, 17).pop(supplied)
    assert supplied.supplied > 0


SHARES = np.array([[0.5, 0.2, 0.2, 0.05, 0.05], [0.1, 0.2, 0.4, 0.2, 0.1], [0.7, 0.1, 0.1, 0.1, 0.0], [0.2, 0.2, 0.2, 0.2, 0.2]])
VALUES = np.arange(5.0) - 2


def independent(y, s2):
    """What is known of four independent elements with these shares: Bayes' rule."""
    with np.errstate(divide="ignore"):
        logits = np.log(SHARES) - (y[:, :, None] - VALUES) ** 2 / (2 * s2)
    weights = np.rint(2.0**30 * np.exp(logits - logits.max(2, keepdims=True)))
    p = weights / weights.sum(2, keepdims=True)
    mean = p @ VALUES
    return Known(mean, p @ VALUES**2 - mean**2, weights)


def code_of_independent(steps):
    s2 = np.exp(np.linspace(-2, 5, steps + 1)).tolist()
    mean = SHARES @ VALUES
    prior = (mean, SHARES @ VALUES**2 - mean**2)
    grid = layers(s2, list(range(steps + 1)), -2.0, 2.0)
    return Code(lambda y, i: independent(y, s2[i]), grid, PHI, np.full(4, -2.0), np.ones(4), np.zeros(4), 5, *prior)


def drawn(n):
    return np.stack([RNG.choice(5, size=n, p=p) for p in SHARES], 1)


def test_a_file_of_a_known_distribution_is_as_long_as_its_entropy():
    # Catches bits that are lost on the way through the levels: too narrow a window, grids that do not fit, a variance that is not matched.
    x = drawn(1500)
    entropy = -np.log2(SHARES[np.arange(4), x]).sum()
    code, stack = code_of_independent(64), Stack(supply=words())
    spent = encode(code, x, stack, 2, 30)
    assert np.array_equal(decode(code, Stack.from_bytes(stack.to_bytes()), len(x), 2, 30), x)
    # What differs from the entropy is the noise of the draws, twice the bound's nats in variance for a step, and 0.4 % of 64 steps.
    off = 4 * (2 * spent.parts["diffusion"] / np.log(2)) ** 0.5
    assert abs(spent.net - entropy) < 0.004 * entropy + off
    assert abs(spent.bound / entropy - 1) < 0.02
    assert stack.bits == pytest.approx(spent.net + 32 * stack.supplied + 32, rel=0.002)


@pytest.mark.parametrize(("n", "started", "growth"), [(0, 0, 0), (1, 0, 0), (1, 1, 9), (7, 2, 255), (40, 0, 20)])
def test_every_row_comes_back(n, started, growth):
    # Catches an order of groups or of rows that decoding does not undo; the rows are as unlikely as can be.
    x = RNG.integers(0, 5, (n, 4))
    x[: n // 2] = 4  # of which the third element has the share 0
    code, stack = code_of_independent(16), Stack(supply=words())
    encode(code, x, stack, started, growth)
    again = Stack.from_bytes(stack.to_bytes())
    assert np.array_equal(decode(code, again, n, started, growth), x)
    assert again.state == LOWEST
    assert len(again.words) == stack.supplied


def test_a_row_borrows_about_one_level():
    # Catches drawing all levels of a row before any is pushed: 17 levels of 4 numbers would take 17 times as much.
    code, stack = code_of_independent(16), Stack(supply=words())
    encode(code, drawn(1), stack, 0, 0)
    assert 32 * stack.supplied <= 4 * 5 + 64


def test_groups_hold_every_row_once():
    assert sum(sizes(1000, 3, 17, 64)) == 997
    assert max(sizes(100000, 3, 255, 2**12)) == 8
    assert list(sizes(3, 3, 9, 4)) == []


def test_parts_of_the_bound_add_up():
    spent = Spent()
    spent.add("prior", 1.0)
    spent.add("diffusion", 2.0)
    assert spent.bound == sum(spent.parts.values()) == 3.0
