"""Distances against their closed forms and against POT and scipy, which share no code with ours."""

import numpy as np
import ot
import pytest
from scipy import stats

from unstir.errors import UsageError
from unstir.metrics.distances import (
    ENERGY_ROWS,
    energy_distance,
    exact_wasserstein,
    far_fraction,
    floor,
    half_split_pairs,
    quantile_steps,
    sliced_wasserstein,
)

DISTANCES = [sliced_wasserstein, energy_distance, exact_wasserstein]


def normal(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def unit(projections, d, seed):
    """The directions of `sliced_wasserstein`, as its docstring states them: seeded, Gaussian, of length one."""
    directions = np.random.default_rng(seed).standard_normal((projections, d))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


# ---- sliced Wasserstein


def test_a_shift_moves_every_projection_by_its_part_of_the_shift():
    # SW2^2 = mean of (c u)^2 on the same directions, and |c|^2 / d on average.
    # Catches |.| in place of the square, the mean of roots, and a missing normalisation of u.
    c = np.array([3.0, -1.0, 2.0])
    x = normal(300, 3)
    exact = np.sqrt(np.mean((unit(256, 3, 0) @ c) ** 2))
    assert sliced_wasserstein(x, x + c) == pytest.approx(exact, rel=1e-12)
    assert sliced_wasserstein(x, x + c, projections=20_000) == pytest.approx(np.linalg.norm(c) / np.sqrt(3), rel=0.02)


def test_a_scaling_of_a_gaussian_in_one_dimension_has_a_closed_form():
    # W2 of N(m, s^2) and N(m', s'^2) is sqrt((m - m')^2 + (s - s')^2); here on the same quantiles, so exactly.
    x = stats.norm.ppf((np.arange(5000) + 0.5) / 5000)[:, None]
    x = x / x.std()
    assert sliced_wasserstein(2 + 3 * x, 1 + x) == pytest.approx(np.sqrt(1 + 4), rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(200, 200), (200, 130), (7, 300), (1, 5)])
@pytest.mark.parametrize("d", [1, 2, 20])
def test_sliced_wasserstein_is_pots_on_the_same_directions(n, m, d):
    # Catches interpolated quantiles or subsampling where n and m differ.
    x, y = normal(n, d), 0.5 + 2 * normal(m, d, seed=1)
    theirs = ot.sliced_wasserstein_distance(x, y, projections=unit(64, d, seed=5).T)
    assert sliced_wasserstein(x, y, projections=64, seed=5) == pytest.approx(float(theirs), rel=1e-9)


def test_sliced_wasserstein_does_not_depend_on_the_size_of_its_blocks(monkeypatch):
    # Catches directions dropped at the edges of blocks.
    x, y = normal(500, 2), normal(400, 2, seed=1)
    whole = sliced_wasserstein(x, y, projections=50)
    monkeypatch.setattr("unstir.metrics.distances.NUMBERS_AT_ONCE", 3000)
    assert sliced_wasserstein(x, y, projections=50) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 3), (4, 6), (5, 5), (1, 9), (100, 99)])
def test_quantile_steps_give_every_row_its_weight(n, m):
    # Every row of n weighs 1/n and every row of m 1/m: the marginals of the coupling.
    of_x, of_y, width = quantile_steps(n, m)
    np.testing.assert_allclose(np.bincount(of_x, width), np.full(n, 1 / n), rtol=1e-12)
    np.testing.assert_allclose(np.bincount(of_y, width), np.full(m, 1 / m), rtol=1e-12)
    assert (np.diff(of_x) >= 0).all()
    assert (np.diff(of_y) >= 0).all()


# ---- energy distance


@pytest.mark.parametrize(("n", "m"), [(50, 50), (40, 90), (1, 3)])
def test_the_energy_distance_is_the_square_of_scipys_in_one_dimension(n, m):
    # Catches the root, a missing factor 2, and the U-statistic (which leaves out the n zero distances).
    x, y = normal(n, 1), 1 + normal(m, 1, seed=1)
    theirs = stats.energy_distance(x.ravel(), y.ravel()) ** 2
    assert energy_distance(x, y) == pytest.approx(theirs, rel=1e-9)


def test_the_energy_distance_has_the_bias_that_it_states(monkeypatch):
    # Between true samples the mean of D^2 is E|X - X'| (1/n + 1/m); for N(0, I) in the plane E|X - X'| = sqrt(pi).
    monkeypatch.setattr("unstir.metrics.distances.NUMBERS_AT_ONCE", 100)  # many blocks, one answer
    n, m = 40, 20
    mean, deviation = floor(energy_distance, ((normal(n, 2, 2 * k), normal(m, 2, 2 * k + 1)) for k in range(400)))
    assert abs(mean - np.sqrt(np.pi) * (1 / n + 1 / m)) < 4 * deviation / np.sqrt(400)


def test_the_energy_distance_says_what_to_do_about_too_many_rows():
    with pytest.raises(UsageError, match=r"10001 rows are too many; draw 10000"):
        energy_distance(np.zeros((ENERGY_ROWS + 1, 1)), np.zeros((2, 1)))


# ---- exact Wasserstein


@pytest.mark.parametrize("d", [1, 2, 10])
def test_exact_wasserstein_is_pots(d):
    # Catches the mean distance (W1) in place of the root of the mean square.
    x, y = normal(150, d), 0.3 + normal(150, d, seed=1)
    theirs = np.sqrt(ot.emd2([], [], ot.dist(x, y)))
    assert exact_wasserstein(x, y) == pytest.approx(theirs, rel=1e-9)


def test_exact_wasserstein_of_a_shift_is_its_length_and_of_one_dimension_is_sorting():
    x = normal(200, 3)
    assert exact_wasserstein(x, x[::-1] + np.array([3.0, 4.0, 0.0])) == pytest.approx(5.0, rel=1e-12)
    y = normal(200, 1, seed=1)
    assert exact_wasserstein(x[:, :1], y) == pytest.approx(sliced_wasserstein(x[:, :1], y), rel=1e-12)


def test_a_sliced_distance_is_at_most_the_exact_one():
    # A projection shortens: SW2 <= W2 for any directions.
    for seed in range(5):
        x, y = normal(100, 2, seed), 2 * normal(100, 2, seed + 50)
        assert sliced_wasserstein(x, y) <= exact_wasserstein(x, y)


@pytest.mark.parametrize(("n", "m", "said"), [(3, 4, "Draw equal n"), (2001, 2001, r"n\^3.*sliced_wasserstein")])
def test_exact_wasserstein_refuses_what_it_cannot_do(n, m, said):
    with pytest.raises(UsageError, match=said):
        exact_wasserstein(np.zeros((n, 2)), np.zeros((m, 2)))


# ---- laws of all


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_distance_is_zero_on_equals_symmetric_and_blind_to_order(distance):
    x, y = normal(80, 2), 1 + normal(80, 2, seed=1)
    shuffled = np.random.default_rng(2).permutation(y)
    assert distance(x, np.random.default_rng(2).permutation(x)) == pytest.approx(0, abs=1e-12)
    assert distance(x, y) == pytest.approx(distance(y, x), rel=1e-12)
    assert distance(x, shuffled) == pytest.approx(distance(x, y), rel=1e-12)


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_distance_is_in_the_units_of_the_data_wherever_the_origin_is(distance):
    # In millimetres it is 1000 times that in metres. A far origin catches |x|^2 - 2 x y + |y|^2 and float32.
    x, y = normal(80, 2), 1 + normal(80, 2, seed=1)
    assert distance(1000 * x, 1000 * y) == pytest.approx(1000 * distance(x, y), rel=1e-12)
    assert distance(x + 1e6, y + 1e6) == pytest.approx(distance(x, y), rel=1e-8)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("shapes", [((4, 2), (4, 3)), ((4,), (4,)), ((4, 2, 2), (4, 2, 2)), ((0, 2), (4, 2))])
def test_points_that_do_not_fit_are_refused(distance, shapes):
    # Catches broadcasting, and images that are compared without being flattened.
    with pytest.raises(UsageError, match="shapes"):
        distance(np.zeros(shapes[0]), np.zeros(shapes[1]))


# ---- off the manifold, and the floor


def test_the_far_fraction_counts_rows_beyond_the_radius_of_their_nearest():
    reference = np.stack([np.linspace(0, 1, 101), np.zeros(101)], axis=1)
    x = np.array([[0.5, 0.0], [0.5, 0.06], [0.5, -0.07], [1.05, 0.0], [2.0, 0.0]])
    assert far_fraction(x, reference, radius=0.065) == 2 / 5
    assert far_fraction(reference, reference, radius=0.0) == 0  # farther, not as far


def test_the_floor_is_the_mean_and_the_spread_over_pairs():
    pairs = [(np.zeros((1, 1)), np.full((1, 1), value)) for value in (1.0, 2.0, 6.0)]
    assert floor(exact_wasserstein, iter(pairs)) == pytest.approx((3.0, np.sqrt(7.0)))  # n - 1 under the variance
    with pytest.raises(UsageError, match="at least 2"):
        floor(exact_wasserstein, pairs[:1])


def test_half_splits_are_disjoint_of_equal_n_and_new_each_time():
    # Catches halves that share rows (a floor that is too low) and a permutation drawn once.
    rows = np.arange(20.0)[:, None]
    pairs = list(half_split_pairs(rows, n=8, repeats=3, rng=np.random.default_rng(0)))
    for a, b in pairs:
        assert len(a) == len(b) == 8
        assert len({*a.ravel(), *b.ravel()}) == 16
    assert len({tuple(a.ravel()) for a, _ in pairs}) == 3
    with pytest.raises(UsageError, match="n is at most 10"):
        list(half_split_pairs(rows, n=11, repeats=1, rng=np.random.default_rng(0)))


def test_the_floor_of_half_splits_is_that_of_fresh_draws():
    # Catches halves of another n than the comparison: the floor would be off by sqrt(2).
    splits, _ = floor(sliced_wasserstein, half_split_pairs(normal(4000, 2), 200, 30, np.random.default_rng(0)))
    draws = ((normal(200, 2, 2 * k), normal(200, 2, 2 * k + 1)) for k in range(30))
    fresh, deviation = floor(sliced_wasserstein, draws)
    assert abs(splits - fresh) < 4 * deviation * np.sqrt(2 / 30)
