"""The two answers in words: true rows pass, each defect is named in its column, and too few rows are called too few."""

import numpy as np
import pytest

from unstir.data import from_arrays
from unstir.evaluation.answers import compared
from unstir.evaluation.columns import see
from unstir.evaluation.scores import Truth, known_rows, truth_of
from unstir.evaluation.summaries import Look
from unstir.evaluation.verdict import how_good, how_honest, simes
from unstir.metrics.neighbours import memorisation

NAMES = ("income", "age", "amount")


def people(rng, n):
    """Incomes over five orders of magnitude, ages, and amounts of which four in five are exactly 0."""
    amount = np.where(rng.random(n) < 0.8, 0.0, np.exp(rng.normal(5, 1, n)))
    return np.stack([np.exp(rng.normal(7, 2.5, n)), rng.normal(45, 12, n), amount], axis=1)


def judged(rows, samples, names, held_out=0.1, seed=0, most=0):
    """The answer about samples (n, d) that stand for a model of these rows."""
    truth = truth_of(from_arrays(rows), held_out, seed, most=most)
    n = len(truth.true[0])
    sets = np.split(samples[: 5 * n], 5)
    return how_good(compared(sets, truth, rows.std(0), see(samples, truth, rows.shape[1:], names), seed))


def test_true_rows_are_good_in_nineteen_of_twenty_cases():
    """A perfect model, 25 times: at most 1.25 false alarms, and four standard errors of 1.1.

    Catches an answer that is "nearly" whenever one of ten measures is beyond its own 5 %, and distances that decide where
    the largest of a few incomes decides the distance: with sliced W2 among the measures a third of these fail.
    """
    words = []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        words.append(judged(people(rng, 400), people(rng, 1000), NAMES, held_out=0.5, seed=seed).word)
    assert sum(word in ("no", "nearly") for word in words) <= 5


def spoilt(rows, column, change):
    rows = rows.copy()
    rows[:, column] = change(rows[:, column])
    return rows


RNG = np.random.default_rng(5)
DEFECTS = [
    (0, lambda x: RNG.normal(x.mean(), x.std(), len(x)), "column 'income' is negative in 4"),
    (0, lambda x: np.where(RNG.random(len(x)) < 0.14, -x, x), "column 'income' is negative in 1"),
    (2, lambda x: x + 0.01 * RNG.normal(size=len(x)), "column 'amount' is exactly 0 in none of 1,000 samples and in 7"),
    (1, lambda x: np.clip(x, 30, 60), "column 'age' is exactly "),
    (1, lambda x: np.round(x, -1), "column 'age' is exactly "),
    (1, lambda x: x + 6, "column 'age' is "),
    (1, lambda x: np.where(RNG.random(len(x)) < 0.05, x + 90, x), "column 'age' is above "),
]


@pytest.mark.parametrize(("column", "change", "said"), DEFECTS)
def test_a_defect_is_no_and_names_its_column(column, change, said):
    """Catches "at the floor" of a model that makes 14 % negative incomes, or no zeros: standardised distances do not see them."""
    rng = np.random.default_rng(0)
    answer = judged(people(rng, 1000), spoilt(people(rng, 1000), column, change), NAMES)
    assert answer.word == "no"
    assert answer.why.startswith(said)
    assert str(answer).startswith("Is it good? No: column '")
    worst = [row for row in answer.rows if row["column"] and row["verdict"].startswith("far")]
    assert {row["column"] for row in worst} == {f"column '{NAMES[column]}'"}
    assert {"column", "measure", "value", "floor", "chance", "verdict"} <= set(worst[0])


def test_three_faults_are_named_and_the_others_are_counted():
    rng = np.random.default_rng(0)
    rows, samples = rng.normal(size=(2, 1000, 6))
    samples[:, :5] += [5, 4, 3, 2, 1]
    answer = judged(rows, samples, tuple("abcdef"))
    assert [line.split("'")[1] for line in (answer.why, *answer.evidence[:2])] == ["a", "b", "c"]
    assert answer.evidence[2].startswith("And ")
    assert answer.evidence[2].endswith(" differences more.")


def test_columns_that_do_not_belong_together_are_named():
    # Each column alone is perfect. Catches columns judged one by one.
    rng = np.random.default_rng(0)
    rows, samples = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=(2, 1000))
    samples[:, 1] = rng.permutation(samples[:, 1])
    answer = judged(rows, samples, ("a", "b"))
    assert answer.word == "no"
    assert answer.why.startswith("the rank correlation of column 'a' and column 'b' is ")


def test_a_shape_without_a_correlation_is_told_by_its_neighbourhoods():
    # A circle and a cloud with its margins: no share and no correlation differs, and two samples of three are off the circle.
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, size=(2, 2000))
    rows, samples = np.stack([np.cos(angle), np.sin(angle)], axis=2)
    samples[:, 1] = rng.permutation(samples[:, 1])
    answer = judged(rows, samples, ("a", "b"))
    assert answer.word == "no"
    assert answer.why.startswith("precision is far below the ceiling: 0.")


@pytest.mark.parametrize("rows", [100, 300])
def test_few_rows_are_called_too_few_and_how_many_would_do(rows):
    """Catches "yes" where a fifth of the rows could be anywhere."""
    rng = np.random.default_rng(1)
    answer = judged(people(rng, rows), people(rng, rows), NAMES, held_out=0.2)
    assert answer.word == "too few rows to tell"
    assert f"there are {rows} true rows, and about 6" in answer.why
    plenty = judged(people(rng, 2000), people(rng, 500), NAMES, most=50)
    assert plenty.word == "too few rows to tell"
    assert plenty.why.startswith("250 samples beside 250 true rows") or plenty.why.startswith("500 samples beside 250 true rows")
    assert "evaluate with -n 1" in plenty.why


def test_what_is_off_is_off_however_few_the_rows():
    rng = np.random.default_rng(1)
    rows = people(rng, 200)
    assert judged(rows, people(rng, 200) * [-1, 1, 1], NAMES).word == "no"


def test_rows_of_one_group_count_once():
    """Ten recordings of 100 nearly equal rows are ten rows. Catches 1,000 of them that refuse a perfect model."""
    rng = np.random.default_rng(0)
    middle = rng.normal(size=10)
    rows = np.repeat(middle, 100)[:, None] + 0.01 * rng.normal(size=(1000, 1))
    data = from_arrays(rows, groups=np.repeat(np.arange(10), 100))
    known = known_rows(data, 500, seed=0)
    assert sorted(known[:, 0].round(1)) == sorted(middle.round(1)) or np.abs(np.sort(known[:, 0]) - np.sort(middle)).max() < 0.06
    truth = truth_of(data, 0.3, 0)
    assert (len(truth.rows), truth.available) == (10, 10)
    assert see(rng.normal(size=(1000, 1)), truth, (1,), ("x",)).faults == []


def test_the_sets_are_those_of_before_and_known_rows_are_all_rows():
    # Catches columns compared with held-out rows alone, of which there are few, and rows twice.
    rows = np.arange(600.0).reshape(300, 2)
    truth = truth_of(from_arrays(rows), 0.2, seed=7)
    assert sorted(truth.rows[:, 0].tolist()) == rows[:, 0].tolist()
    assert len(truth_of(from_arrays(rows), 0.2, seed=7, most=20).rows) == 100
    assert Truth([rows[:5]] * 2, []).rows.tolist() == np.tile(rows[:5], (2, 1)).tolist()


# ---- images and sequences


def pictures(rng, n):
    """Black pictures with a bright bar each, of whole grey levels."""
    rows = np.zeros((n, 8, 8))
    rows[np.arange(n), rng.integers(0, 8, n)] = rng.integers(100, 256, (n, 1))
    return rows


def lines(rng, n):
    """Two smooth channels of 32 steps."""
    t = np.linspace(0, 1, 32)
    return np.stack([np.sin(6 * t + rng.uniform(0, 6, (n, 1))), 5 + rng.normal(size=(n, 1)) * t], axis=2)


@pytest.mark.parametrize(
    ("make", "spoil", "said"),
    [
        (pictures, lambda x: x + RNG.normal(size=x.shape), "the share of values that are exactly 0"),
        (pictures, lambda x: 255 - x, "the "),
        (pictures, lambda x: np.minimum(x, 150), "the "),
        (lines, lambda x: x + 0.05 * RNG.normal(size=x.shape), "the roughness of channel "),
        (lines, lambda x: x * [1, 1.4], "of channel 1 "),
        (
            lambda rng, n: pictures(rng, n)[:, None].repeat(3, 1),
            lambda x: x * np.array([1, 1, 0.5])[:, None, None],
            "of channel 2 ",
        ),
    ],
)
def test_images_and_sequences_are_judged_by_a_few_numbers_of_each_channel(make, spoil, said):
    """Grey for black, clipped, trembling, too bright. Catches pixels taken for independent rows: true pictures pass."""
    rng = np.random.default_rng(0)
    true, samples = make(rng, 1000), make(rng, 1000)
    truth = Truth([], [], known=true.reshape(1000, -1), available=1000)
    assert see(samples.reshape(1000, -1), truth, true.shape[1:], ()).faults == []
    faults = see(spoil(samples).reshape(1000, -1), truth, true.shape[1:], ()).faults
    assert faults[0].far
    assert said in " ".join(fault.text for fault in faults[:3])


@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 3), (3, 8, 9), (32, 2), (4, 1)])
def test_a_few_numbers_of_each_channel(shape):
    # Typed for one channel; catches axes that are mixed up.
    x = np.random.default_rng(0).normal(size=(20, *shape))
    look = Look(shape, (), x.reshape(20, -1))
    channels = {(8, 9): [x], (8, 9, 3): list(np.moveaxis(x, -1, 0)), (3, 8, 9): list(np.moveaxis(x, 1, 0))}
    channels |= {(32, 2): list(np.moveaxis(x, -1, 0)), (4, 1): [x[..., 0]]}
    found = look.of(x.reshape(20, -1))
    assert found.shape == (20, len(look.labels)) == (20, 5 * len(channels[shape]))
    for i, channel in enumerate(channels[shape]):
        axes = tuple(range(1, channel.ndim))
        np.testing.assert_allclose(found[:, 5 * i + 1], channel.max(axes))
        np.testing.assert_allclose(found[:, 5 * i + 3], channel.std(axes))
        second = [np.abs(np.diff(channel, 2, axis=axis)).mean(axes) for axis in axes]
        np.testing.assert_allclose(found[:, 5 * i + 4], np.mean(second, axis=0))


# ---- memory


def test_honest_is_not_said_where_chance_alone_gives_half_or_twice():
    """Distances over four orders of magnitude, 20 of them. Catches "yes" beside a chance interval of 0.5 to 1.5."""
    rng = np.random.default_rng(0)
    few = memorisation(np.exp(2 * rng.normal(size=500)), np.exp(2 * rng.normal(size=60)))
    assert few.by_chance[0] < 0.5
    answer = how_honest(few, None)
    assert answer.word == "too few rows to tell"
    assert "beside 60 true rows chance alone moves the distances by " in answer.why
    many = memorisation(np.exp(2 * rng.normal(size=9000)), np.exp(2 * rng.normal(size=few.enough)))
    assert many.can_tell
    assert how_honest(many, None).word == "yes"
    copies = memorisation(0.001 * np.exp(2 * rng.normal(size=500)), np.exp(2 * rng.normal(size=60)))
    assert how_honest(copies, None).word == "no, it memorises"


def test_simes_is_uniform_for_independent_tests():
    # Catches the smallest p-value alone, times 1.
    p = np.random.default_rng(0).random((4000, 8))
    found = np.array([simes(row) for row in p])
    for level in (0.05, 0.3):
        assert (found <= level).mean() == pytest.approx(level, abs=4 * np.sqrt(level / 4000))
