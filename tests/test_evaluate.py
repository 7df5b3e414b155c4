"""Scores beside their floors: a perfect sampler is at the floor, a wrong one is not, and both sides are of one size."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from unstir import evaluate as room
from unstir.datasets import from_arrays, toy
from unstir.errors import UsageError
from unstir.evaluate import Score, Truth, as_json, compare, evaluate, truth_of

SCALE = np.array([1.0, 10.0])


def draw(n, seed, shift=0.0):
    """Rows of a Gaussian whose second column is ten times as wide, moved by `shift` standard deviations."""
    return (np.random.default_rng(seed).normal(size=(n, 2)) + shift) * SCALE


def truth(n=400, repeats=5):
    return Truth([draw(n, i) for i in range(repeats)], [draw(n, 100 + i) for i in range(repeats)])


class Sampler:
    """Stands for a model: gives rows of its own and remembers what it was asked for."""

    def __init__(self, shift=0.0):
        self.shift, self.asked = shift, []
        self.encoder = SimpleNamespace(scale=torch.as_tensor(SCALE))

    def sample(self, n, **settings):
        self.asked.append((n, settings))
        return draw(n, 999 + settings["seed"], self.shift)


# ---- the verdict


def test_a_perfect_sampler_is_at_the_floor():
    """Its distances are those between true sets, within three deviations of them. Catches a floor between other sizes."""
    for seed in range(3):
        for score in evaluate(Sampler(), truth(), seed=seed):
            assert score.verdict != "far above the floor"
            assert abs(score.value - score.floor) < 3 * (score.floor_deviation + score.deviation), score
            assert score.floor > 0


def test_a_sampler_that_is_off_by_a_third_of_the_spread_is_far_above_it():
    # Catches a floor that is taken from the samples, and a verdict turned round.
    assert {score.verdict for score in evaluate(Sampler(shift=0.33), truth())} == {"far above the floor"}


def test_a_shift_costs_what_it_is():
    """SW2 = |c| / sqrt(d): in the data's units that of the wide column, standardised that of both alike.

    Catches weights multiplied in place of divided, and the data's units under the name of the standardised.
    """
    true = [draw(2000, i) for i in range(3)]
    moved = [rows + 5 * SCALE for rows in true]
    plain, standard, energy = compare(moved, Truth(true, true), SCALE)
    assert plain.metric.endswith("data's units")
    assert plain.value == pytest.approx(5 * 101**0.5 / 2**0.5, rel=0.1)  # 256 directions
    assert standard.value == pytest.approx(5, rel=0.1)
    assert "standardised" in standard.metric
    assert "standardised" in energy.metric
    assert (plain.floor, plain.floor_deviation) == (0, 0)  # the others are the true ones themselves
    assert [score.rows for score in (plain, standard, energy)] == [2000] * 3


def test_mean_and_deviation_are_over_the_repeats():
    # Repeats of two different distances a and b: mean (a + b) / 2 and deviation |a - b| / sqrt 2. Catches a pair compared twice.
    true = [draw(300, 0), draw(300, 1)]
    moved = [true[0] + SCALE, true[1] + 3 * SCALE]
    _, standard, _ = compare(moved, Truth(true, true), SCALE)
    assert standard.value == pytest.approx(2, rel=0.1)
    assert standard.deviation == pytest.approx(standard.value / 2**0.5, rel=1e-6)


def test_a_column_that_never_varies_does_no_harm():
    sets = [np.c_[draw(50, i), np.full(50, 7.0)] for i in range(4)]
    for score in compare(sets[:2], Truth(sets[2:], sets[:2]), np.array([1.0, 10.0, 0.0])):
        assert score.value == pytest.approx(score.floor)
        assert np.isfinite(score.value)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.5, "at the floor"),
        (1.19, "at the floor"),
        (1.21, "near the floor"),
        (1.99, "near the floor"),
        (2.01, "far above the floor"),
    ],
)
def test_the_verdict_in_words(value, verdict):
    # Within two deviations, within twice, and beyond.
    assert Score("m", value, 0.3, floor=1.0, floor_deviation=0.1, rows=10).verdict == verdict


def test_a_floor_without_spread_is_no_division_by_zero():
    assert Score("m", 0.0, 0.0, 0.0, 0.0, 10).verdict == "at the floor"
    assert Score("m", 1e-3, 0.0, 0.0, 0.0, 10).verdict == "far above the floor"


def test_scores_are_plain_json():
    scores = compare([draw(50, 0)] * 2, Truth([draw(50, 1)] * 2, [draw(50, 2)] * 2), SCALE)
    rows = json.loads(json.dumps(as_json(scores)))
    assert [row["verdict"] for row in rows] == [score.verdict for score in scores]
    assert set(rows[0]) == {"metric", "value", "deviation", "floor", "floor_deviation", "rows", "verdict"}


# ---- how many, and which


def test_as_many_samples_as_true_rows_are_drawn_in_the_way_asked_for():
    # Equal n, always: a distance falls with n. Catches one set of samples compared five times.
    model = Sampler()
    scores = evaluate(model, truth(n=70, repeats=4), steps=9, method="heun", seed=3)
    assert model.asked == [(280, {"steps": 9, "method": "heun", "seed": 3})]
    assert {score.rows for score in scores} == {70}


def test_images_are_compared_as_rows():
    model = Sampler()
    model.encoder.scale = torch.ones(2, 3)
    model.sample = lambda n, **_: np.random.default_rng(0).normal(size=(n, 2, 3)).astype(np.float32)
    sets = [np.random.default_rng(i).normal(size=(200, 6)) for i in range(1, 5)]
    assert all(score.verdict != "far above the floor" for score in evaluate(model, Truth(sets[:2], sets[2:])))


def test_the_truth_of_a_built_in_set_is_fresh(monkeypatch):
    """Ten sets, no point in two of them or in the training data. Catches truth that is the data itself, and sets that overlap."""
    monkeypatch.setattr(room, "POOL", 3000)
    monkeypatch.setattr(room, "MOST", 200)
    data = toy("swiss_roll", 500, seed=0)
    found = truth_of(data, 0.1, seed=0)
    sets = [*found.true, *found.others]
    assert [rows.shape for rows in sets] == [(200, 2)] * 10
    points = {tuple(row) for rows in sets for row in rows.tolist()}
    assert len(points) == 2000
    assert not points & {tuple(row) for row in data.values.tolist()}
    again, other = truth_of(data, 0.1, seed=0), truth_of(data, 0.1, seed=1)
    assert (again.true[0] == found.true[0]).all()
    assert (other.true[0] != found.true[0]).any()


def test_the_truth_of_rows_is_those_held_out_and_the_floor_those_trained_on():
    # Catches a model that is compared with its own training rows, and a floor of held-out rows against themselves.
    data = from_arrays(np.arange(600.0).reshape(300, 2))
    training, unseen = (set(part.values[:, 0]) for part in data.split(0.2, 7))
    found = truth_of(data, 0.2, seed=7)
    for true, other in zip(found.true, found.others, strict=True):
        assert set(true[:, 0]) <= unseen
        assert set(other[:, 0]) <= training
        assert len(set(true[:, 0])) == len(set(other[:, 0])) == 60
    assert (found.others[0] != found.others[1]).any()


@pytest.mark.parametrize(("rows", "held_out"), [(40, 0.1), (12, 0.5), (40, 0.9)])
def test_too_few_rows_are_no_truth(rows, held_out):
    # Catches a distance between three rows with a verdict on it.
    with pytest.raises(UsageError, match="too few to compare"):
        truth_of(from_arrays(np.arange(float(rows))), held_out, seed=0)


def test_a_set_is_never_larger_than_what_is_affordable(monkeypatch):
    monkeypatch.setattr(room, "MOST", 30)
    found = truth_of(from_arrays(np.arange(1000.0)), 0.5, seed=0)
    assert [len(rows) for rows in (*found.true, *found.others)] == [30] * 10
    assert len({tuple(rows[:, 0]) for rows in found.true}) == 5
