"""Is it good, is it honest: a perfect sampler is at the floor, a wrong one is not, one that copies is found out."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import unstir
from unstir.conditions.classes import Classes
from unstir.data import from_arrays, toy
from unstir.diffusion.oracles import Gaussian
from unstir.diffusion.schedules import schedule
from unstir.errors import UsageError
from unstir.evaluation import scores as scoring
from unstir.evaluation.memorisation import LEVELS, Levels, errors_by_level, memorisation_of
from unstir.evaluation.scores import (
    Score,
    Truth,
    as_json,
    between_true,
    compare,
    deal,
    evaluate,
    measure,
    neighbourhoods,
    scale_of,
    told_apart,
    true_pairs,
    truth_of,
)
from unstir.model.sampling import Sampling
from unstir.networks.mlp import MLP

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
        self.deviation = torch.as_tensor(SCALE)

    def rows(self, n, how):
        self.asked.append((n, how))
        return draw(n, 999 + how.seed, self.shift)


# ---- the verdict


def test_a_perfect_sampler_is_at_the_floor():
    """Its distances are those between true sets, within three deviations of them. Catches a floor between other sizes."""
    for seed in range(3):
        for score in evaluate(Sampler(), truth(), Sampling(seed=seed)):
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
    ("value", "deviation", "verdict"),
    [
        (0.5, 0.1, "at the floor"),
        (1.23, 0.1, "at the floor"),
        (1.24, 0.1, "near the floor"),
        (1.99, 0.1, "near the floor"),
        (2.01, 0.1, "far above the floor"),
        (2.01, 0.3, "near the floor"),  # twice the floor, and yet no more than chance makes it now and then
    ],
)
def test_the_verdict_in_words(value, deviation, verdict):
    # Within 2.34 deviations, beyond, and beyond twice that with a value of twice the floor.
    assert Score("m", value, 0.3, floor=1.0, floor_deviation=deviation, rows=10).verdict == verdict


@pytest.mark.parametrize(
    ("value", "deviation", "rows", "verdict"),
    [
        (1.0, 0.02, 500, "at the ceiling"),
        (0.86, 0.02, 500, "at the ceiling"),
        (0.84, 0.02, 500, "near the ceiling"),
        (0.79, 0.02, 500, "far below the ceiling"),
        (0.83, 0.0, 30, "at the ceiling"),  # two rows of thirty, and the five ceilings were equal by luck
    ],
)
def test_the_verdict_where_larger_is_better(value, deviation, rows, verdict):
    # Catches a sign, and a share of few rows called off because it moves in steps.
    assert Score("m", value, 0.1, 0.9, deviation, rows, larger_is_better=True).verdict == verdict


@pytest.mark.parametrize(("rows", "held_out"), [(600, 0.1), (120, 0.5)])
def test_true_rows_are_rarely_off(rows, held_out):
    """A perfect sampler on 60 held-out rows, 60 times: each measure misses about 1 in 20, and none is far off more than now and then.

    Catches the floor between halves that never change, whose spread is 0, and the spread of rows that the sets share.
    """
    words = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = truth_of(from_arrays(rng.normal(size=(rows, 2))), held_out, seed)
        sets = list(rng.normal(size=(5, 60, 2)))
        scores = [*compare(sets, truth, np.ones(2)), *neighbourhoods(sets, truth, np.ones(2))]
        words.append([score.verdict.split()[0] for score in scores])
    assert (np.array(words) != "at").mean() < 0.1
    assert (np.array(words) == "far").mean() < 0.02


def test_a_floor_without_spread_is_no_division_by_zero():
    assert Score("m", 0.0, 0.0, 0.0, 0.0, 10).verdict == "at the floor"
    assert Score("m", 1e-3, 0.0, 0.0, 0.0, 10).verdict == "far above the floor"


def test_scores_are_plain_json():
    scores = compare([draw(50, 0)] * 2, Truth([draw(50, 1)] * 2, [draw(50, 2)] * 2), SCALE)
    rows = json.loads(json.dumps(as_json(scores)))
    assert [row["verdict"] for row in rows] == [score.verdict for score in scores]
    assert set(rows[0]) == {"metric", "value", "deviation", "floor", "floor_deviation", "rows", "larger_is_better", "verdict"}


# ---- how many, and which


def test_as_many_samples_as_true_rows_are_drawn_in_the_way_asked_for():
    # Equal n, always: a distance falls with n. Catches one set of samples compared five times.
    model = Sampler()
    scores = evaluate(model, truth(n=70, repeats=4), Sampling(9, "heun", seed=3))
    assert model.asked == [(280, Sampling(9, "heun", seed=3))]
    assert {score.rows for score in scores} == {70}


def test_images_are_compared_as_rows():
    model = Sampler()
    model.deviation = torch.ones(2, 3)
    model.rows = lambda n, **_: np.random.default_rng(0).normal(size=(n, 2, 3)).astype(np.float32)
    sets = [np.random.default_rng(i).normal(size=(200, 6)) for i in range(1, 5)]
    assert all(score.verdict != "far above the floor" for score in evaluate(model, Truth(sets[:2], sets[2:])))


@pytest.mark.parametrize(
    ("shape", "encoders"),
    [
        ((3,), ("standardise", "min_max", "channels")),
        ((8, 8), ("channels", "min_max", "standardise", "latent")),
        ((2, 16, 16), ("channels", "min_max", "latent")),
        ((32, 2), ("channels", "standardise", "min_max")),
    ],
)
def test_standardised_means_the_data_s_own_deviation_whatever_the_encoder(shape, encoders, monkeypatch):
    """Catches a score divided by half the range, or by an autoencoder's scale: the same rows scored 0.467 and 0.128.

    The deviation is typed here: of each column, and of all positions of a channel together.
    """
    for place in ("LOOK", "CURVE"):
        monkeypatch.setattr(f"unstir.training.fitting.{place}", 0)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, *shape)) ** 3
    axis = {(3,): 0, (8, 8): (0, 1, 2), (2, 16, 16): (0, 2, 3), (32, 2): (0, 1)}[shape]
    scales = {}
    for name in encoders:
        model = unstir.fit(x, steps=1, encoder=name, updates=1, filters=8, architecture="mlp", width=8)
        scales[name] = scale_of(model)
        trained_on = from_arrays(x).split(0.1, 0)[0].values
        exact = np.broadcast_to(trained_on.std(axis=axis, keepdims=True)[0], shape)
        assert scales[name] == pytest.approx(exact.ravel(), rel=1e-12)
    sets = [rng.normal(size=(50, int(np.prod(shape)))) for _ in range(4)]
    scores = [compare(sets[:2], Truth(sets[2:], sets[:2]), scale) for scale in scales.values()]
    assert all(score == scores[0] for score in scores)


def test_the_truth_of_a_built_in_set_is_fresh(monkeypatch):
    """Ten sets, no point in two of them or in the training data. Catches truth that is the data itself, and sets that overlap."""
    monkeypatch.setattr(scoring, "POOL", 3000)
    monkeypatch.setattr(scoring, "MOST", 200)
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


def test_the_truth_of_rows_is_those_held_out_and_the_floor_between_all():
    # Catches a model that is compared with its own training rows, and a floor of held-out rows against themselves.
    data = from_arrays(np.arange(600.0).reshape(300, 2))
    training, unseen = (set(part.values[:, 0]) for part in data.split(0.2, 7))
    found = truth_of(data, 0.2, seed=7)
    for true, other in zip(found.true, found.others, strict=True):
        assert set(true[:, 0]) <= unseen
        assert set(other[:, 0]) <= training
        assert len(set(true[:, 0])) == len(set(other[:, 0])) == 60
    assert (found.others[0] != found.others[1]).any()
    assert len(found.pairs) == 5
    for one, other in found.pairs:
        assert len({*one[:, 0], *other[:, 0]}) == 120
    assert {row for pair in found.pairs for side in pair for row in side[:, 0]} - training  # not of training rows alone


def test_floors_are_between_the_pairs_where_there_are_any():
    sets = [draw(50, i) for i in range(8)]
    plain, paired = Truth(sets[:2], sets[2:4]), Truth(sets[:2], sets[2:4], [(sets[4], sets[5]), (sets[6], sets[7])])
    assert between_true(plain, SCALE) == measure(sets[2:4], plain, SCALE)
    assert between_true(paired, SCALE) == measure([sets[4], sets[6]], Truth([sets[5], sets[7]], []), SCALE)
    assert true_pairs(paired) == paired.pairs


@pytest.mark.parametrize(("rows", "n", "repeats"), [(10, 10, 3), (10, 4, 5), (30, 5, 5), (7, 5, 4)])
def test_dealt_sets_share_rows_only_when_all_are_dealt(rows, n, repeats):
    # Catches a row twice in one set, where the pack is gone through in the middle of it.
    hands = deal(np.arange(float(rows))[:, None], n, repeats, np.random.default_rng(0))
    assert [len(set(hand[:, 0])) for hand in hands] == [n] * repeats
    counts = np.unique(np.concatenate(hands), return_counts=True)[1]
    assert counts.max() == -(-n * repeats // rows)


@pytest.mark.parametrize(("rows", "held_out"), [(40, 0.1), (12, 0.5), (40, 0.9)])
def test_too_few_rows_are_no_truth(rows, held_out):
    # Catches a distance between three rows with a verdict on it.
    unseen = {(40, 0.1): 4, (12, 0.5): 6, (40, 0.9): 36}[rows, held_out]
    way_on = "Train with --data.held-out 0.5" if rows == 40 else "Bring more data"
    with pytest.raises(UsageError, match=rf"of {rows} rows, {unseen} are held out and {rows - unseen} trained on\. {way_on}"):
        truth_of(from_arrays(np.arange(float(rows))), held_out, seed=0)


def test_a_set_is_never_larger_than_what_is_affordable(monkeypatch):
    monkeypatch.setattr(scoring, "MOST", 30)
    found = truth_of(from_arrays(np.arange(1000.0)), 0.5, seed=0)
    assert [len(rows) for rows in (*found.true, *found.others)] == [30] * 10
    assert len({tuple(rows[:, 0]) for rows in found.true}) == 5


# ---- neighbours and the test


def test_neighbourhoods_are_counted_in_standardised_columns_beside_their_ceiling(monkeypatch):
    # A wide column of noise would hide the other. Catches raw columns, and sets that are not cut.
    monkeypatch.setattr(scoring, "NEAR", 150)
    sets = [draw(400, 10 + i) for i in range(5)]
    narrow = [rows * [0.1, 1] for rows in sets]
    found = {score.metric: score for score in neighbourhoods(sets, truth(), SCALE)}
    assert list(found) == ["precision", "recall", "density", "coverage"]
    assert {score.rows for score in found.values()} == {150}
    assert {score.verdict for score in found.values()} == {"at the ceiling"}
    assert found["coverage"].floor == pytest.approx(1 - 2**-5, abs=0.02)
    assert {score.metric: score.verdict for score in neighbourhoods(narrow, truth(), SCALE)}["recall"] == "far below the ceiling"


def test_the_test_looks_at_standardised_columns_and_as_many_rows_as_it_says(monkeypatch):
    monkeypatch.setattr(scoring, "TESTED", 80)
    moved = draw(400, 1) + np.array([1.0, 0.0])  # which the wide column hides
    assert told_apart(draw(400, 0), moved, SCALE, seed=0).p_value <= 0.002
    assert told_apart(draw(400, 0), draw(400, 1), SCALE, seed=0).rows == 80


# ---- memory


def test_a_sampler_that_copies_is_found_out_and_a_true_one_is_not():
    training, unseen = draw(300, 0), draw(100, 1)
    assert memorisation_of(draw(500, 2), unseen, training, SCALE).verdict == "keeps its distance"
    copies = training[np.arange(500) % 300] + 0.003 * draw(500, 3)
    assert memorisation_of(copies, unseen, training, SCALE).verdict == "memorises"
    # Of two rows held out nothing can be said: training rows, each beside the others, stand for them.
    assert memorisation_of(copies, unseen[:2], training, SCALE).verdict == "memorises"
    few = memorisation_of(draw(500, 2), unseen[:2], training, SCALE)
    assert few == memorisation_of(draw(500, 2), unseen[:2] + 50 * SCALE, training, SCALE)
    assert few.verdict == "keeps its distance"
    assert few.ratio == pytest.approx(memorisation_of(draw(500, 2), unseen, training, SCALE).ratio, abs=0.3)
    with pytest.raises(UsageError, match="at least 10 rows, trained on or held out; there are 9 trained on and 3 held out"):
        memorisation_of(copies, unseen[:3], training[:9], SCALE)


class Known:
    """Stands for a model of standard normal rows: its denoiser is exact, or knows some rows by heart."""

    def __init__(self, by_heart=None, classes=()):
        self.schedule, self.device, self.by_heart = schedule("cosine"), torch.device("cpu"), by_heart
        self.encoder = SimpleNamespace(encode=lambda x: x.float())
        self.network, self.condition = MLP(2), Classes(classes, (1,) * len(classes)) if classes else None
        self.asked = []

    def denoise(self, cond=None):
        self.asked.append(cond)
        exact = Gaussian(torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)).denoise(self.schedule)

        def denoise(x, t):
            if self.by_heart is None:
                return exact(x.double(), t)
            return self.by_heart[torch.cdist(x.double() / self.schedule(t)[0], self.by_heart).argmin(1)]

        return denoise


def rows_of(n, seed, labels=None):
    return from_arrays(np.random.default_rng(seed).normal(size=(n, 2)), labels)


def test_the_error_by_level_is_the_mmse_of_a_gaussian():
    # E|x_0 - x0_hat|^2 / d = 1 / (1 + SNR): the baseline itself. Catches a sum over elements, and alpha for SNR.
    found = errors_by_level(Known(), rows_of(3000, 0), None, seed=0)
    assert found.log_snr.tolist() == list(LEVELS)
    assert (found.training, found.gap, found.rows) == (None, None, 3000)
    assert (np.abs(found.unseen[0] - found.baseline) < 4 * found.unseen[1]).all()
    np.testing.assert_allclose(found.baseline, 1 / (1 + np.exp(found.log_snr)))


def test_the_standard_error_is_over_rows_however_often_each_is_noised():
    # The error of a row at the noisy end is its own length. Catches 4,096 draws of 20 rows counted as 4,096 rows.
    found = np.array([errors_by_level(Known(), rows_of(20, seed), None, seed).unseen[:, 0] for seed in range(60)])
    assert found[:, 0].std() == pytest.approx(found[:, 1].mean(), rel=0.3)


def test_the_gap_of_a_model_that_never_saw_either_is_chance(monkeypatch):
    """Over 200 pairs of sets: mean 0, deviation 1 in its own standard errors.

    Catches a gap between unequal n, and errors that are added and not squared.
    """
    monkeypatch.setattr("unstir.evaluation.memorisation.DRAWS", 200)
    gaps = [errors_by_level(Known(), rows_of(40, seed), rows_of(90, 1000 + seed), seed) for seed in range(200)]
    z = np.array([found.gap[0] / found.gap[1] for found in gaps])
    assert abs(z.mean()) < 4 / np.sqrt(200)
    assert z.std() == pytest.approx(1, abs=0.17)
    assert np.mean([found.verdict == "no gap beyond chance" for found in gaps]) > 0.93
    assert gaps[0].gap_by_chance == pytest.approx(2.0227 * gaps[0].gap[1], rel=1e-3)  # t of 39 degrees
    assert {found.rows for found in gaps} == {40}


def test_rows_learnt_by_heart_leave_a_gap():
    training = rows_of(30, 0)
    found = errors_by_level(Known(torch.from_numpy(training.values)), rows_of(30, 1), training, seed=0)
    assert found.verdict == "memorises"
    new, old = ((part[0] * (1 + np.exp(found.log_snr))).mean() for part in (found.unseen, found.training))
    assert found.gap[0] == pytest.approx(new / old - 1)  # each level beside what the variance alone tells
    assert (found.training[0][4:] < 0.1 * found.unseen[0][4:]).all()  # where there is little noise
    assert errors_by_level(Known(), rows_of(9, 1), training, seed=0).gap is None
    with pytest.raises(UsageError, match="at least 2 rows; there is 1"):
        errors_by_level(Known(), from_arrays(np.zeros((20, 2))).split(0.05, 0)[1], training, seed=0)


@pytest.mark.parametrize(
    ("gap", "verdict"), [(0.04, "no gap beyond chance"), (0.06, "a small gap"), (0.3, "a gap"), (0.6, "memorises")]
)
def test_the_verdict_on_a_gap(gap, verdict):
    assert Levels(np.zeros(1), np.zeros((2, 1)), None, (gap, 0.025), rows=1000).verdict == verdict


def test_a_model_with_classes_is_told_the_class_of_each_row():
    # Catches the classes of other rows than those that are denoised, and an order of DATA's own.
    data = rows_of(50, 0, labels=["dog", "cat"] * 25)
    model = Known(classes=("cat", "dog"))
    errors_by_level(model, data, None, seed=3)
    chosen = np.random.default_rng(3).permutation(50)
    (cond,) = model.asked
    assert (cond[:50].numpy() == 1 - chosen % 2).all()
    assert (cond[50:100] == cond[:50]).all()
    errors_by_level(Known(classes=("cat", "dog")), rows_of(50, 0), None, seed=3)  # rows without classes: unconditional


def test_a_trained_model_has_errors_at_the_levels_that_its_schedule_reaches():
    # A chain of 10 steps leaves signal, so that the noisy levels do not exist. Catches an error made up there.
    data = rows_of(200, 0)
    model = unstir.fit(data.values, steps=20, width=8, depth=1, schedule="linear", T=10)
    found = errors_by_level(model, data, None, seed=0)
    assert found.log_snr.tolist() == [3, 6, 9]
    assert np.isfinite(found.unseen).all()
