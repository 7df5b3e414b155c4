"""Metrics against their closed forms, their laws under the null, and POT, prdc and scipy, which share no code with ours."""

import numpy as np
import ot
import pytest
from prdc import compute_prdc
from scipy import linalg, stats
from scipy.spatial.distance import cdist

from unstir.errors import UsageError
from unstir.metrics import distances as room
from unstir.metrics.distances import (
    ENERGY_ROWS,
    energy_distance,
    exact_wasserstein,
    far_fraction,
    floor,
    half_split_pairs,
    nearest,
    pairwise,
    quantile_steps,
    sliced_wasserstein,
)
from unstir.metrics.frechet import frechet
from unstir.metrics.kernel import kernel_distance
from unstir.metrics.moments import chance, columns
from unstir.metrics.neighbours import memorisation, precision_recall, radii
from unstir.metrics.permutation import POOLED_ROWS, energy_test

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


# ---- all pairs


@pytest.mark.parametrize("d", [2, 24, 25, 300])
def test_distances_between_all_pairs_are_scipys_by_either_formula(d):
    # At an origin a million widths away. Catches |x|^2 + |y|^2 - 2 x.y without a centre, and a NaN from a negative square.
    x, y = normal(90, d) + 1e6, normal(70, d, seed=1) + 1e6
    y[:5] = x[:5]
    np.testing.assert_allclose(pairwise(x, y), cdist(x, y), atol=3e-6)


@pytest.mark.parametrize("d", [1, 8, 9, 40])
def test_the_nearest_is_found_by_tree_or_by_blocks(d, monkeypatch):
    # Catches a block that is left out, and the nearest of the other set.
    x, y = normal(70, d), normal(50, d, seed=1)
    monkeypatch.setattr(room, "NUMBERS_AT_ONCE", 500)
    np.testing.assert_allclose(nearest(x, y), cdist(x, y).min(axis=1), rtol=1e-6)
    np.testing.assert_allclose(radii(x, 3), np.sort(cdist(x, x), axis=1)[:, 3], rtol=1e-6)


def test_the_energy_distance_in_many_dimensions_is_its_definition(monkeypatch):
    # Every pair of a side counts twice. Catches blocks on the diagonal counted twice, and those before them once.
    monkeypatch.setattr(room, "NUMBERS_AT_ONCE", 300)
    x, y = normal(60, 30), 0.3 + normal(45, 30, seed=1)
    exact = 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()
    assert energy_distance(x, y) == pytest.approx(exact, rel=1e-6)


# ---- the permutation test


def test_the_tests_distance_is_the_energy_distance_and_its_floor_that_between_true_sets():
    # Catches weights of one sign, a sum without its factor 2, and a floor of the labels as they are.
    x, y = normal(40, 3), 0.4 + normal(60, 3, seed=1)
    found = energy_test(x, y)
    assert found.distance == pytest.approx(energy_distance(x, y), rel=1e-9)
    relabelled = np.random.default_rng(3).permuted(np.tile(np.arange(100), (300, 1)), axis=1)
    pool = np.concatenate([x, y])
    by_hand = [energy_distance(pool[order[:40]], pool[order[40:]]) for order in relabelled]
    assert abs(found.floor - np.mean(by_hand)) < 5 * np.std(by_hand) / np.sqrt(300)
    assert found.floor_deviation == pytest.approx(np.std(by_hand), rel=0.2)


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "few levels"])
def test_p_values_are_uniform_where_both_sides_are_true(kind):
    """Kolmogorov and Smirnov over 300 pairs of true samples; with ties p can only be too large.

    Catches permutations without the + 1, relabelling with replacement, and a p of the other tail.
    """
    rng = np.random.default_rng(0)
    draw = {
        "normal": lambda n: rng.standard_normal((n, 2)),
        "heavy tails": lambda n: rng.standard_t(1.5, (n, 2)),
        "few levels": lambda n: rng.integers(0, 3, (n, 1)).astype(float),
    }[kind]
    found = np.array([energy_test(draw(12), draw(15), permutations=199, seed=seed).p_value for seed in range(300)])
    assert set(np.round(found * 200)) <= set(range(1, 201))
    if kind == "few levels":
        assert all((found <= level).mean() < level + 3 * np.sqrt(level / 300) for level in (0.01, 0.05, 0.2, 0.5))
    else:
        assert stats.kstest(found, "uniform").pvalue > 0.01
        assert abs((found <= 0.05).mean() - 0.05) < 3 * np.sqrt(0.05 / 300)


def test_a_true_difference_has_a_small_p_value():
    assert energy_test(normal(100, 2), 0.6 + normal(100, 2, seed=1)).p_value <= 0.002
    assert energy_test(normal(100, 2), 2 * normal(100, 2, seed=1)).p_value <= 0.002  # of equal mean: not only a shift


def test_sets_of_one_composition_have_p_value_one():
    # D^2 is 0 as it stands, and in no relabelling less; the sums differ in their last digits. Catches rounding taken for a difference.
    levels = np.array([0.1, 0.7, 1.9])
    assert energy_test(np.tile(levels, 10)[:, None], np.tile(levels, 23)[:, None]).p_value == 1
    assert energy_test(np.full((30, 2), 0.1), np.full((40, 2), 0.1)).p_value == 1
    with pytest.raises(UsageError, match="5001 rows"):
        energy_test(np.zeros((POOLED_ROWS, 1)), np.zeros((1, 1)))


# ---- precision and recall


@pytest.mark.parametrize(("n", "m", "d", "k"), [(300, 300, 2, 5), (200, 330, 3, 3), (250, 250, 40, 5), (30, 20, 1, 10)])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_precision_and_recall_are_prdcs(n, m, d, k, shift, monkeypatch):
    # Catches samples and truth exchanged, balls of the wrong side, and the row itself counted as a neighbour.
    monkeypatch.setattr(room, "NUMBERS_AT_ONCE", 5000)
    x, y = shift + 0.8 * normal(n, d), normal(m, d, seed=1)
    theirs = compute_prdc(real_features=y, fake_features=x, nearest_k=k)
    assert precision_recall(x, y, k) == pytest.approx({name: float(value) for name, value in theirs.items()}, abs=1e-6)


def test_between_true_samples_coverage_and_density_are_what_theory_says():
    # Naeem et al.: E density = 1, E coverage = 1 - 2^-k. Catches a ball of k - 1 or k + 1 neighbours.
    found = [precision_recall(normal(400, 2, 2 * s), normal(400, 2, 2 * s + 1), k=2) for s in range(12)]
    assert np.mean([one["coverage"] for one in found]) == pytest.approx(3 / 4, abs=0.02)
    assert np.mean([one["density"] for one in found]) == pytest.approx(1, abs=0.03)


def test_a_lost_mode_costs_recall_and_samples_off_the_data_precision():
    y = normal(400, 2) + 20 * (np.arange(400) % 2)[:, None]
    found = precision_recall(normal(400, 2, seed=1), y)
    assert found["precision"] > 0.9
    assert found["recall"] == pytest.approx(0.5, abs=0.05)
    stray = normal(400, 2, seed=2) + 20 * (np.arange(400) % 2)[:, None] + 60 * (np.arange(400) % 4 == 0)[:, None]
    assert precision_recall(stray, y)["precision"] == pytest.approx(0.75, abs=0.05)
    with pytest.raises(UsageError, match="at least 6 rows; there are 5"):
        precision_recall(y[:5], y)


# ---- memory


def test_true_rows_are_rarely_called_memorised_and_their_shares_follow_the_law():
    """120 sets of true rows, also few. Catches an interval of the wrong width, and a share with its expectation for another n."""
    for n, m in ((200, 200), (500, 20)):
        found = [
            memorisation(*(nearest(normal(k, 2, 3 * s + i), normal(300, 2, 3 * s + 2)) for i, k in enumerate((n, m))))
            for s in range(120)
        ]
        close = np.array([one.close for one in found])
        expected = found[0].close_expected
        assert expected == pytest.approx(max(1, round(m / 100)) / (m + 1))
        assert abs(close.mean() - expected) < 4 * close.std() / np.sqrt(120)
        assert (close > found[0].close_at_most).mean() < 0.07  # 2.5 %, and three deviations
        beyond = np.array([not one.by_chance[0] <= one.ratio <= one.by_chance[1] for one in found])
        assert beyond.mean() < 0.12
        assert {one.verdict for one in found} <= {"keeps its distance", "nearer than true rows"}
        assert np.mean([one.verdict == "keeps its distance" for one in found]) > 0.9


@pytest.mark.parametrize(
    ("copies", "verdict"), [(0.0, "keeps its distance"), (0.2, "nearer than true rows"), (0.7, "memorises"), (1.0, "memorises")]
)
def test_copies_of_training_rows_are_found(copies, verdict):
    # Exact but for a thousandth. Catches a verdict by the median alone, which a fifth of copies does not move much.
    training = normal(300, 3)
    x = normal(400, 3, seed=1)
    count = round(copies * 400)
    x[:count] = training[np.arange(count) % 300] + 1e-3 * normal(count, 3, seed=2)
    found = memorisation(nearest(x, training), nearest(normal(300, 3, seed=3), training))
    assert found.verdict == verdict
    assert found.close == pytest.approx(copies, abs=0.05)


def test_samples_far_from_everything_are_not_memorised_and_duplicates_say_nothing():
    true = np.linspace(1, 2, 100)
    assert memorisation(5 * true, true).verdict == "keeps its distance"
    assert memorisation(5 * true, true).ratio == pytest.approx(5)
    few = np.append(np.zeros(4), np.ones(6))  # their median is 1, and that of ten drawn from them is 0 in one case of six
    with pytest.raises(UsageError, match="copies of training rows"):
        memorisation(np.ones(40), few)
    with pytest.raises(UsageError, match="copies of training rows"):
        memorisation(true, np.where(np.arange(100) < 50, 0, true) * (np.arange(100) > 50))


# ---- columns


def test_z_is_standard_normal_between_true_sets():
    """Of mean and deviation, for a skewed column too. Catches the error of the variance in place of that of its root."""
    rng = np.random.default_rng(0)
    z = np.array([columns(rng.gamma(4, 2, (400, 1)), rng.gamma(4, 2, (300, 1))).z[:, 0] for _ in range(600)])
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.1)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=4 / np.sqrt(600))


def test_the_largest_of_many_columns_is_beyond_chance_in_one_of_twenty_cases():
    rng = np.random.default_rng(0)
    beyond = [np.abs(columns(rng.normal(size=(300, 40)), rng.normal(size=(300, 40))).z).max() > chance(40) for _ in range(400)]
    assert 0.02 < np.mean(beyond) < 0.09


def test_columns_are_what_numpy_says_and_one_that_never_varies_is_not_off():
    x, y = 3 + 2 * normal(200, 3), normal(150, 3, seed=1)
    x[:, 1] = y[0, 1] = 0.1
    y[:, 1] = 0.1
    found = columns(x, y)
    np.testing.assert_allclose(found.sampled, [x.mean(0), x.std(0)], atol=1e-12)
    np.testing.assert_allclose(found.true_error[0], y.std(0) / np.sqrt(150), atol=1e-12)
    assert abs(found.z[:, 1]).max() < 1
    assert (found.z[:, [0, 2]] > 5).all()


def test_the_frechet_distance_of_gaussians():
    """Of commuting covariances it is the sum of squared differences of deviations; of any, a turn of space changes nothing.

    Catches the root of C_x C_y taken element by element, and covariances that are added where deviations are.
    """
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4000, 3))
    z = (z - z.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T)).T)  # mean 0 and covariance 1, exactly
    a, b, shift = np.array([1.0, 2.0, 0.5]), np.array([3.0, 0.1, 0.5]), np.array([1.0, 0.0, -2.0])
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    exact = ((a - b) ** 2).sum() + (shift**2).sum()
    assert frechet(z * a, z * b + shift) == pytest.approx(exact, rel=1e-9)
    assert frechet(z * a @ turn, (z * b + shift) @ turn) == pytest.approx(exact, rel=1e-9)
    assert frechet(z * b, z * a) == pytest.approx(frechet(z * a, z * b), rel=1e-9)
    C = np.array([[2.0, 0.7, 0.1], [0.7, 1.0, 0.3], [0.1, 0.3, 0.5]])
    root = np.real(linalg.sqrtm(np.diag(a**2) @ C))
    x, y = z * a, z @ np.linalg.cholesky(C).T
    assert frechet(x, y) == pytest.approx(np.trace(np.diag(a**2) + C - 2 * root), rel=1e-6)


def test_the_frechet_distance_of_one_column():
    assert frechet(np.array([[0.0], [2.0]]), np.array([[3.0], [3.0]])) == pytest.approx(4 + 2)


def test_the_kernel_distance_is_its_definition():
    # Binkowski et al. 2018, eqs. 3 and 4, a term at a time. Catches a row paired with itself, d left out, and another power.
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(0.5, 2, size=(7, 3))

    def k(a, b):
        return (a @ b / 3 + 1) ** 3

    same_x = [k(x[i], x[j]) for i in range(5) for j in range(5) if i != j]
    same_y = [k(y[i], y[j]) for i in range(7) for j in range(7) if i != j]
    other = [k(a, b) for a in x for b in y]
    assert kernel_distance(x, y) == pytest.approx(np.mean(same_x) + np.mean(same_y) - 2 * np.mean(other), rel=1e-12)
    with pytest.raises(UsageError, match="at least 2 rows"):
        kernel_distance(x[:1], y)


def test_the_kernel_distance_has_no_bias():
    """Between equal distributions its mean is 0, of six rows too. Catches the V-statistic, whose mean is 2 (E k(X, X) - E k(X, X')) / n:
    with d = 2 and X normal, |X|^2 / 2 is exponential, E k(X, X) = 6 + 6 + 3 + 1, E k(X, X') = 1 + 3 E (X.X'/2)^2 = 2.5, so 4.5."""
    rng, n = np.random.default_rng(0), 6
    found = np.array([kernel_distance(*rng.normal(size=(2, n, 2))) for _ in range(4000)])
    error = found.std(ddof=1) / len(found) ** 0.5
    assert abs(found.mean()) < 4 * error
    assert 4 * error < (16 - 2.5) * 2 / n / 4
