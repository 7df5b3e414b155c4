"""The built-in point sets: each is the set that its name says."""

import numpy as np
import pytest

from unstir.data import TOYS, load, toy
from unstir.errors import UsageError


def rng():
    return np.random.default_rng(7)


def test_the_swiss_roll_is_the_evenly_spaced_one_with_noise_002():
    # Catches a random u, another scale, and noise added before the scaling.
    n = 4000
    u = np.linspace(0, 4 * np.pi, n)
    roll = np.stack([u * np.cos(u), u * np.sin(u)], axis=1) / (4 * np.pi)
    noise = (TOYS["swiss_roll"](n, rng())[0] - roll) / 0.02
    assert abs(noise.mean()) < 4 / np.sqrt(2 * n)
    assert abs(noise.var() - 1) < 4 * np.sqrt(2 / (2 * n))
    assert abs(np.corrcoef(noise.T)[0, 1]) < 4 / np.sqrt(n)


def test_moons_lie_on_two_half_circles_that_are_each_others_mirror():
    points, labels = TOYS["moons"](4000, rng())
    upper = np.concatenate([points[labels == 0], -points[labels == 1]]) + np.array([1 / 2, 1 / 4])
    radius = np.hypot(*upper.T)
    assert abs(radius.mean() - 1) < 0.005
    assert abs(radius.std() - 0.05) < 0.003
    assert upper[:, 1].min() > -0.25
    assert abs(upper[:, 0].mean()) < 4 * np.sqrt(0.5 / 4000)


def test_circles_have_radii_one_and_a_half():
    points, labels = TOYS["circles"](4000, rng())
    radius = np.hypot(*points.T)
    for label, expected in [(0, 1.0), (1, 0.5)]:
        assert abs(radius[labels == label].mean() - expected) < 0.01
        assert abs(radius[labels == label].std() - 0.05) < 0.005


def test_each_of_the_eight_gaussians_sits_at_its_angle():
    points, labels = TOYS["eight_gaussians"](8000, rng())
    for k in range(8):
        mine = points[labels == k]
        angle = 2 * np.pi * k / 8
        assert np.abs(mine.mean(axis=0) - 2 * np.array([np.cos(angle), np.sin(angle)])).max() < 4 * 0.1 / np.sqrt(1000)
        assert np.abs(np.cov(mine.T) - 0.01 * np.eye(2)).max() < 0.002


def test_the_checkerboard_fills_its_eight_squares_evenly():
    # Catches a board with empty squares: a column drawn independently of its row's parity leaves or doubles some.
    points, labels = TOYS["checkerboard"](8000, rng())
    column, row = np.floor(points).astype(int).T + 2
    counts = np.bincount(4 * row + column, minlength=16).reshape(4, 4)
    dark = np.add.outer(np.arange(4), np.arange(4)) % 2 == 0
    assert labels is None
    assert counts[~dark].sum() == 0
    assert np.abs(counts[dark] - 1000).max() < 4 * np.sqrt(1000)


def test_the_arms_of_the_pinwheel_are_turns_of_one_another():
    points, labels = TOYS["pinwheel"](20000, rng())
    turned_back = (points[:, 0] + 1j * points[:, 1]) * np.exp(-2j * np.pi * labels / 5)
    means = np.array([turned_back[labels == k].mean() for k in range(5)])
    assert np.abs(means - means.mean()).max() < 4 * 0.5 / np.sqrt(4000)
    assert abs(np.mean(np.abs(turned_back) ** 2) - (1 + 0.3**2 + 0.1**2)) < 0.03
    # The median of the angle is that of a = 1, b = 0, because the angle grows with both.
    assert abs(np.median(np.angle(turned_back)) - np.e / 4) < 0.02


def test_the_arms_of_the_spirals_are_filled_evenly():
    points, labels = TOYS["spirals"](4000, rng())
    u = np.linspace(0, 3 * np.pi, 2000)
    arm = 2 * u * np.exp(1j * u) / (3 * np.pi)
    complex_points = (points[:, 0] + 1j * points[:, 1]) * (1 - 2 * labels)
    assert np.abs(complex_points[:, None] - arm).min(axis=1).max() < 0.05 * 5
    radius_squared = np.abs(complex_points) ** 2 / 4  # uniform on [0, 1], but for the noise
    assert abs(radius_squared.mean() - 1 / 2) < 4 * np.sqrt(1 / 12 / 4000)
    assert abs(radius_squared.var() - 1 / 12) < 0.01


@pytest.mark.parametrize("name", TOYS)
def test_a_toy_is_seeded_sized_balanced_and_to_scale(name):
    # Catches the global random state, n rounded to a multiple of K, and coordinates that no network likes.
    for n in (2, 13, 500):
        data = toy(name, n, seed=4)
        assert data.values.shape == (n, 2)
        assert (data.values == toy(name, n, seed=4).values).all()
        assert (data.values != toy(name, n, seed=5).values).any()
        if data.labels is not None:
            counts = np.bincount(data.labels)
            assert counts.max() - counts.min() <= 1
    assert 0.3 < np.abs(data.values).max() < 2.7
    assert data.source == name
    assert data.bounds is None
    classes = {"moons": 2, "circles": 2, "eight_gaussians": 8, "pinwheel": 5, "spirals": 2}
    assert len(data.classes) == classes.get(name, 0)


def test_toys_are_asked_for_by_name():
    assert len(load("pinwheel")) == 5000
    assert (load("moons", n=50, seed=3).values == toy("moons", 50, 3).values).all()
    with pytest.raises(UsageError, match="did you mean 'swiss_roll'"):
        toy("swissroll", 10, 0)
    with pytest.raises(UsageError, match="at least 2"):
        toy("moons", 1, 0)
    with pytest.raises(UsageError, match="built-in"):
        load("moons", labels="side")
