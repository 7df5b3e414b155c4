"""Images in features: what the pixels do not tell, whose rows are compared, and what a person is told."""

import functools
import json

import numpy as np
import pytest

from commands import TINY, run
from unstir.data import from_arrays, load
from unstir.evaluation import features
from unstir.evaluation import likeness as likenesses
from unstir.evaluation import scores as evaluate
from unstir.evaluation.likeness import likeness

KINDS = ("bar", "corner", "dots", "slope")
ROWS, SETS, N = 2400, 5, 240


def draw(rng, n, among=KINDS):
    """n pictures of 6x6 and their classes: a bar somewhere, a bright corner, alternate dots, a slope; each with noise."""
    names, x = rng.choice(among, n), rng.normal(0, 0.3, (n, 6, 6))
    across, along = np.mgrid[:6, :6]
    for i, name in enumerate(names):
        k = rng.integers(0, 6)
        x[i] += {"bar": across == k, "corner": (across + along) < 4, "dots": (across + along + k) % 2, "slope": across / 5}[name]
    return x, names.tolist()


@functools.cache
def rows_at_hand():
    x, names = draw(np.random.default_rng(0), ROWS)
    return from_arrays(x, labels=names).split(0.25, 0)


@pytest.fixture(autouse=True, scope="module")
def learnt_once():
    """Every test here learns from the same rows; once is enough."""
    kept = {}

    def learn(data, seed):
        key = (data.sha256(), seed)
        return kept.setdefault(key, None) or kept.update({key: features.learn(data, seed)}) or kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likenesses, "learn", learn)
        yield


def scores_of(x, asked=None):
    """By name, of SETS * N pictures."""
    training, held_out = rows_at_hand()
    found = likeness(np.split(x.reshape(len(x), -1), SETS), asked, training, held_out, seed=0)
    return {score.metric.removesuffix(", features"): score for score in found.scores}, found


def test_true_rows_are_at_the_floor_in_all_that_is_measured():
    """Catches a floor between rows that the network was trained on, sets of unequal size, and a judge with another order of classes."""
    x, asked = draw(np.random.default_rng(7), SETS * N)
    found, whole = scores_of(x, asked)
    assert list(found) == ["Frechet distance", "kernel distance", "precision", "recall", "density", "coverage", "class right"]
    assert {name: score.verdict.split()[0] for name, score in found.items()} == dict.fromkeys(found, "at")
    assert {score.rows for score in found.values()} == {N}
    assert (whole.dimensions, whole.learnt_by, whole.trained_on) == (64, "a classifier", 1800 - N)
    assert "not Inception-FID, not comparable with published FIDs" in whole.note


def test_a_class_that_is_missing_shows():
    x, asked = draw(np.random.default_rng(7), SETS * N, KINDS[:3])
    found, _ = scores_of(x, asked)
    assert [found[name].verdict for name in ("Frechet distance", "kernel distance")] == ["far above the floor"] * 2
    assert found["coverage"].verdict == "far below the ceiling"  # nobody visits that class
    assert found["class right"].verdict == "at the ceiling"  # those that are there, are right


@pytest.mark.parametrize("labelled", [True, False])
def test_blurred_digits_show_in_features_where_pixels_hardly_tell(labelled):
    """Mixed with the mean of their neighbours. Catches features that lie in as many directions as there are classes: no blur shows there."""
    data = load("digits")
    data = data if labelled else from_arrays(data.values)
    rest, third = data.split(0.4, 0)
    training, held_out = rest.split(0.4, 0)
    x, rng = third.values, np.random.default_rng(0)
    edged = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="edge")
    blurred = 0.6 * x + 0.4 * sum(edged[:, i : i + 8, j : j + 8] for i in range(3) for j in range(3)) / 9
    sets = evaluate.deal(blurred.reshape(len(x), -1), 160, SETS, rng)
    truth = evaluate.Truth(
        evaluate.deal(evaluate.flat(held_out), 160, SETS, rng), evaluate.deal(evaluate.flat(training), 160, SETS, rng)
    )
    assert evaluate.compare(sets, truth, np.ones(64))[0].verdict == "near the floor"
    found = likeness(sets, None, training, held_out, seed=0)
    assert found.learnt_by == ("a classifier" if labelled else "an autoencoder")
    assert found.scores[1].metric == "kernel distance, features"
    assert found.scores[1].verdict == "far above the floor"


def test_the_judge_says_what_was_asked_for():
    """Of the held-out rows themselves the share is the ceiling, exactly; of any class asked for, a quarter."""
    training, held_out = rows_at_hand()
    names = [held_out.classes[i] for i in held_out.labels]
    judge = likenesses.learn(training, 0)
    sets = np.split(held_out.values, 2)
    own = likenesses.class_right(judge, sets, names, held_out.values, names)
    assert own.value == pytest.approx(own.floor, abs=1e-12)
    assert own.floor > 0.9
    assert own.floor_deviation == pytest.approx((own.floor * (1 - own.floor) / 300) ** 0.5)
    shuffled = np.random.default_rng(0).permutation(names).tolist()
    wrong = likenesses.class_right(judge, sets, shuffled, held_out.values, names)
    assert abs(wrong.value - 0.25) < 4 * (0.25 * 0.75 / len(names)) ** 0.5  # four standard errors
    assert wrong.verdict == "far below the ceiling"


def test_the_network_sees_training_rows_alone_and_not_those_of_the_floor(monkeypatch):
    """Catches a network trained on what it is to judge: held-out rows, samples, or the spared rows that the floor takes."""
    shown, told = {}, []

    class Seen:
        classes, rows = (), 0

        def of(self, rows, k):
            told.append(rows.reshape(len(rows), -1))
            return np.resize(rows.reshape(len(rows), -1), (len(rows), k))

    def learn(data, seed):
        shown[seed] = {row.tobytes() for row in data.values}
        return Seen()

    monkeypatch.setattr(likenesses, "learn", learn)
    scores_of(draw(np.random.default_rng(7), SETS * N)[0])
    training, held_out = rows_at_hand()
    known = {row.tobytes() for row in training.values}
    assert shown[0] < known
    compared = {row.tobytes() for part in told[:2] for row in part}
    assert len(compared) == len(held_out) + N
    assert not compared & shown[0]


def test_of_few_rows_fewer_features_are_compared_and_of_too_few_none():
    rng = np.random.default_rng(0)
    data, (x, _) = from_arrays(rng.normal(size=(400, 4, 4))), draw(rng, 10)
    training, held_out = data.split(0.125, 0)
    sets = [rng.normal(size=(100, 16)) for _ in range(3)]
    found = likeness(sets, None, training, held_out, 0)
    assert (found.dimensions, found.scores[0].rows) == (25, 50)
    assert found.note.startswith("note: 25 of 64 features of an autoencoder")
    with pytest.raises(evaluate.UsageError, match="at least 40 rows; 10 samples, 50 rows held out and 350 trained on"):
        likeness([x.reshape(10, -1)], None, training, held_out, 0)


def test_from_the_command_line(tmp_path, monkeypatch):
    """Train and evaluate, with classes: the end of the one and the table of the other. Catches scores that nobody is shown."""
    monkeypatch.setattr(features, "FEWEST_STEPS", 5)
    monkeypatch.setattr(features, "PASSES", 0)
    from unstir.cli.parts import finishing

    monkeypatch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
    x, names = draw(np.random.default_rng(0), 500)
    np.savez(tmp_path / "x.npz", images=x, labels=names)
    few = ("--optim.steps", "3", "--network.levels", "1")
    code, out, err = run("train", tmp_path / "x.npz", "-o", tmp_path / "r", *TINY, *few, "--json")
    assert code == 0, err
    assert "not Inception-FID" in err
    scores = {score["metric"]: score for score in json.loads(out)["scores"]}
    assert {"sliced W2, standardised", "Frechet distance, features", "class right"} <= set(scores)
    assert scores["Frechet distance, features"]["rows"] == 50
    code, out, err = run("evaluate", tmp_path / "r", "--steps", "2", "-n", "45")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 160
    for said in ("kernel distance, features", "coverage, features", "class right", "22 of 64 features of a classifier"):
        assert said in out, said
    code, out, _ = run("evaluate", tmp_path / "r", tmp_path / "x.npz", "--steps", "2", "-n", "40", "--json")
    found = json.loads(out)
    assert (found["features"]["dimensions"], found["features"]["trained_on"], found["neighbourhoods"]) == (20, 210, [])
    assert found["features"]["scores"][-1]["metric"] == "class right"
    assert any("not Inception-FID" in said for said in found["notes"])
