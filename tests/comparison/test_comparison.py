"""Comparisons: what the statistics claim and how often wrongly, what is the same for all, what a picture shows."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from scipy import stats

from unstir.comparison import reading
from unstir.comparison.layout import Reading, known, set_up, usual
from unstir.comparison.reading import Yardstick, draw
from unstir.comparison.verdict import as_json, conclude, luck_of_counting
from unstir.data import TOYS, from_arrays, load
from unstir.diffusion.registry import SCHEDULES, TARGETS
from unstir.diffusion.samplers import SAMPLERS
from unstir.errors import NumericsError, UsageError
from unstir.metrics.distances import sliced_wasserstein
from unstir.metrics.paired import compare_pairs, mean_interval, p_value
from unstir.model.sampling import Sampling
from unstir.plots.comparison import FAR, Panel, Samples, comparison
from unstir.plots.style import BLUE
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.presets import settle

TINY = {"width": 8, "depth": 1, "steps": 4, "batch_size": 16}


def begin(fitting, seed):
    fitting.restart(seed)
    return fitting


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def told_apart(groups):
    return {(pair.group, pair.better, pair.worse) for pair in compare_pairs(groups) if pair.told_apart}


def luck(rng, shape, spread=0.05):
    return np.exp(spread * rng.normal(size=shape))


# ---- the statistics


def test_an_interval_is_student_s_of_the_logarithms():
    # Catches a Gaussian's 1.96 in place of t, n in place of n - 1, and an interval on the plain scale.
    x = np.array([0.011, 0.013, 0.012, 0.019, 0.014])
    low, high = stats.t.interval(0.95, 4, np.log(x).mean(), stats.sem(np.log(x)))
    assert mean_interval(x) == pytest.approx((stats.gmean(x), math.exp(low), math.exp(high)), rel=1e-12)


def test_p_values_are_those_of_the_paired_t_test(rng):
    # Catches an unpaired test, and a one-sided one.
    a, b = rng.normal(size=(2, 7))
    assert p_value(a - b) == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-12)


def test_intervals_hold_as_often_as_they_say(rng):
    # 95 % of 2,000 intervals of a known mean, five standard errors of the count either way.
    inside = [low <= 1 <= high for _, low, high in map(mean_interval, luck(rng, (2000, 5), 0.3))]
    assert abs(np.mean(inside) - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 2000)


@pytest.mark.parametrize(("noise", "columns"), [("Gaussian", 1), ("Gaussian", 3), ("skew", 3), ("heavy", 3)])
def test_no_difference_is_claimed_where_there_is_none(rng, noise, columns):
    # Four alternatives, five seeds, shared luck: any claim at all in at most 5 % of 600 tables, plus 4 standard errors. Catches
    # pairs that are not corrected (51 % with three columns).
    draws = {
        "Gaussian": rng.normal,
        "skew": lambda size: rng.gamma(1.0, size=size),
        "heavy": lambda size: rng.standard_t(3, size),
    }
    claims = 0
    for _ in range(600):
        table = 0.1 * draws[noise](size=(columns, 4, 5)) + 0.3 * rng.normal(size=(columns, 1, 5))
        claims += bool(told_apart({str(c): dict(zip("abcd", np.exp(rows), strict=True)) for c, rows in enumerate(table)}))
    assert claims / 600 <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 600)


def test_a_difference_that_is_there_is_found(rng):
    # One of four 1.5 times as far, 5 % of own luck, whatever the seeds share. Catches a test that forgets the pairs: with 100 % of
    # shared luck an unpaired one finds nothing.
    found = 0
    for _ in range(200):
        shared = luck(rng, 5, 1.0)
        scores = {name: shared * luck(rng, 5) * (1.5 if name == "d" else 1) for name in "abcd"}
        found += {pair[2] for pair in told_apart({"x": scores})} == {"d"} and len(told_apart({"x": scores})) == 3
    assert found >= 180


def test_holm_s_rule():
    # Three pairs in three groups with known p: 0.001, 0.02, 0.04 at levels 0.05 / 3, 0.05 / 2, 0.05: all rejected. With 0.03 for 0.02 the
    # second fails, and so does the third, though 0.04 < 0.05. Catches Bonferroni (one claim), and a rule that does not stop.
    def pair_with(p):
        z = np.array([-1.0, 0.0, 1.0])
        t = stats.t.isf(p / 2, 2)
        return {"a": np.ones(3), "b": np.exp(0.1 * (z + t / math.sqrt(3)))}

    def table(*ps):
        return compare_pairs({str(i): pair_with(p) for i, p in enumerate(ps)})

    assert [pair.told_apart for pair in table(0.04, 0.001, 0.02)] == [True, True, True]
    assert [pair.p for pair in table(0.04, 0.001, 0.02)] == pytest.approx([0.04, 0.003, 0.04], rel=1e-6)
    assert [pair.told_apart for pair in table(0.04, 0.001, 0.03)] == [False, True, False]


def test_an_interval_is_without_one_exactly_where_it_is_told_apart(rng):
    # Otherwise the table says "not told apart" beside an interval that says it is.
    for _ in range(200):
        table = {c: {name: luck(rng, 4) * size for name, size in zip("abc", (1, 1.1, 1.2), strict=True)} for c in "xy"}
        for pair in compare_pairs(table):
            assert pair.ratio.mean >= 1
            assert (pair.ratio.low > 1) == pair.told_apart == (pair.p <= 0.05)


@pytest.mark.parametrize(("seeds", "chance", "n"), [(2, 0.0002, 2000), (5, 0.001, 2000), (5, 0.05, 500)])
def test_seeds_that_agree_by_chance_are_no_certainty(rng, seeds, chance, n):
    # Counts of few are often the same for every seed, and then their spread is 0. Catches a claim at p = 0: without the luck of
    # counting, 38 % of these tables with two seeds have one.
    claims = 0
    for _ in range(400):
        shares = (rng.binomial(n, chance, size=(2, 4, seeds)) + 0.5) / (n + 1)
        groups = {str(c): dict(zip("abcd", rows, strict=True)) for c, rows in enumerate(shares)}
        own = {c: {name: luck_of_counting(x, n) for name, x in rows.items()} for c, rows in groups.items()}
        claims += any(pair.told_apart for pair in compare_pairs(groups, own))
    assert claims / 400 <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 400)


def test_the_luck_of_counting_is_the_binomial_s(rng):
    shares = (rng.binomial(2000, 0.02, size=20_000) + 0.5) / 2001
    assert luck_of_counting(np.array([0.02]), 2000)[0] == pytest.approx(np.log(shares).var(), rel=0.1)


def test_what_float32_rounds_off_is_no_difference(rng):
    # ddim and adams_bashforth1 are one sampler written twice: their last digits differ, always the same way.
    a = luck(rng, 5)
    assert not told_apart({"x": {"a": a, "b": a * (1 + 1e-7)}})
    assert told_apart({"x": {"a": a, "b": a * (1 + 1e-4)}})


def test_a_distance_of_nothing_and_a_wild_interval_stay_numbers():
    # Whole-number data can be met exactly; two seeds have intervals that overflow.
    pairs = compare_pairs({str(i): {"a": np.zeros(2), "b": np.array([1e-9, 1e9])} for i in range(20)})
    assert all(np.isfinite(pair.ratio).all() for pair in pairs)


def test_one_seed_is_refused():
    with pytest.raises(UsageError, match="2 seeds"):
        mean_interval(np.ones(1))


# ---- what is said of them


def concluded(**scores):
    readings = [Reading(name, "20 evaluations", Sampling(20, "ddim"), 100) for name in scores]
    found = {(name, "20 evaluations"): [{"SW2": x, "seconds": 1.0} for x in values] for name, values in scores.items()}
    return conclude(readings, found, {100: {"SW2": (0.10, 0.01)}}, ["SW2"])


def test_a_verdict_says_who_is_best_who_is_worse_and_by_how_much(rng):
    shared = luck(rng, 5, 0.2)
    columns, pairs = concluded(
        a=2 * shared * luck(rng, 5, 0.01), b=shared * luck(rng, 5, 0.01), c=3 * shared * luck(rng, 5, 0.01)
    )
    verdict = columns[0].verdict
    assert verdict.startswith("b is the best; a is worse: ")
    assert "; c is worse: " in verdict
    (twice,) = (pair for pair in pairs if (pair.better, pair.worse) == ("b", "a"))
    assert twice.ratio.low < 2 < twice.ratio.high < 2.1
    (against,) = (pair for pair in pairs if (pair.better, pair.worse) == ("b", "c"))
    assert f"({against.ratio.low:.3g}" in verdict
    assert columns[0].summary == "b is the best; a and c are worse"
    assert not columns[0].at_floor


def test_a_verdict_says_when_differences_are_inside_the_noise():
    # Catches a verdict that names the lowest mean the winner.
    columns, _ = concluded(a=[0.1, 0.2, 0.1, 0.2, 0.1], b=[0.2, 0.1, 0.2, 0.1, 0.1], c=[9, 9.1, 9.2, 9.1, 9])
    assert columns[0].summary == "a and b cannot be told apart; c is worse"
    assert not any(cell.worse for cell in columns[0].cells[:2])
    columns, _ = concluded(a=[0.1, 0.11], b=[0.11, 0.11])
    assert columns[0].verdict.endswith("cannot be told apart at 2 seeds.")
    assert columns[0].at_floor == ["a"]  # 0.1049 and 0.11, with an edge of 0.10 + 2 * 0.01 / sqrt(5) = 0.1089


@pytest.mark.parametrize(
    ("scores", "summary"),
    [
        (
            {"a": [0.1, 0.101], "b": [9, 12], "c": [0.101, 0.1]},
            "a and c cannot be told apart; b looks worse, but 2 seeds are too few to be sure",
        ),
        ({"a": [0.1, 0.101], "b": [80, 81]}, "a is the best; b is worse"),
        (
            {"a": [0.1, 0.11], "b": [80, 130], "c": [26, 20], "d": [1e5, 2e5]},
            "a is the lowest; c, b and d look worse, but 2 seeds are too few to be sure",
        ),
        ({"a": [0.1, 0.5], "b": [0.2, 3]}, "a and b cannot be told apart"),
    ],
)
def test_two_seeds_are_too_few_for_what_a_picture_shows_plainly(scores, summary):
    """Catches "cannot be told apart" of intervals that do not even touch: among many pairs, two seeds can prove nothing."""
    columns, _ = concluded(**scores)
    assert columns[0].summary == summary
    assert columns[0].decided == ("best" in summary)
    looks = [cell for cell in columns[0].cells if cell.unsure]
    assert all("2 seeds are too few to be sure" in cell.words for cell in looks)
    assert all(cell.interval.low > columns[0].cells[0].interval.high for cell in looks)


def test_two_scores_are_told_apart_each_on_its_own_and_counted_together(rng):
    # The lowest by one score need not be so by the other. Catches one score's pairs used for both.
    a, b = luck(rng, 5, 0.01), luck(rng, 5, 0.01)
    readings = [Reading(name, "few", Sampling(20, "ddim"), 10**7) for name in "ab"]
    found = {("a", "few"): [{"SW2": x, "off": 0.1 * y} for x, y in zip(a, b, strict=True)]}
    found["b", "few"] = [{"SW2": 2 * x, "off": 0.05 * y} for x, y in zip(b, a, strict=True)]
    (far, off), pairs = conclude(readings, found, {10**7: {"SW2": (0.5, 0.1), "off": (0.04, 0.02)}}, ["SW2", "off"])
    assert (far.score, far.lowest, off.score, off.lowest) == ("SW2", ["a"], "off", ["b"])
    assert "times as far" in far.verdict
    assert "times as many" in off.verdict
    assert (far.at_floor, off.at_floor) == ([], ["b"])
    assert pairs[0].p == pairs[1].p == pytest.approx(2 * p_value(np.log(2 * b / a)), rel=1e-6)


def test_every_number_is_in_the_json():
    columns, pairs = concluded(a=[0.1, 0.2], b=[0.3, 0.1])
    document = as_json(columns, pairs)
    assert document["table"][0]["scores"] == [0.1, 0.2]
    assert document["table"][0]["means"] == {"seconds": 1.0}
    assert (document["table"][1]["floor"], document["table"][1]["floor_deviation"]) == (0.10, 0.01)
    assert document["pairs"][0]["told_apart"] is False
    assert document["verdicts"] == [{"score": "SW2", "column": "20 evaluations", "verdict": columns[0].verdict}]


# ---- what is the same for all


@pytest.fixture(scope="module")
def roll():
    return load("swiss_roll", n=300)


def test_schedules_differ_in_the_schedule_alone(roll):
    # The lecture's recipe for all. Catches a preset or a default that depends on the schedule.
    compared = set_up("schedules", roll, [flat(**TINY)], ["linear", "cosine", "sigmoid"])
    trees = [training.config.model_dump() for training in compared.trainings]
    assert [tree["diffusion"].pop("schedule") for tree in trees] == ["linear", "cosine", "sigmoid"]
    assert trees[0] == trees[1] == trees[2]
    diffusion = trees[0]["diffusion"]
    assert (diffusion["target"], diffusion["loss"], diffusion["times"], diffusion["T"]) == ("eps", "simple", "chain", 1000)
    assert not compared.remarks
    ways = [(r.how.method, r.how.steps, r.how.grid) for r in compared.trainings[0].readings]
    assert ways == [("adams_bashforth3", 20, None), ("ddim", 20, "chain"), ("ddpm_beta", 1000, None)]


def test_flags_change_the_recipe_for_all(roll):
    compared = set_up("schedules", roll, [flat(**TINY, target="edm", T=50)], ["linear", "cosine"])
    assert {(t.config.diffusion.target, t.config.diffusion.T, t.readings[2].how.steps) for t in compared.trainings} == {
        ("edm", 50, 50)
    }


def test_the_lecture_s_sigmoid_is_trained_with_v_and_says_so(roll):
    # With eps it divides by alpha = 1e-132. Catches a crash, and a silent change of target.
    compared = set_up("schedules", roll, [flat(**TINY)])
    assert {t.name: t.config.diffusion.target for t in compared.trainings} == dict.fromkeys(usual("schedules"), "eps") | {
        "sigmoid_bare": "v"
    }
    assert compared.readings[3].alternative == "sigmoid_bare (v)"
    (remark,) = compared.remarks
    assert "sigmoid_bare" in remark
    assert "--target v" in remark
    assert not set_up("schedules", roll, [flat(**TINY, target="v")]).remarks


def test_every_known_schedule_can_be_compared(roll):
    # vp, ve and flow are no chains: they have no n / T to train on, and no T.
    compared = set_up("schedules", roll, [flat(**TINY)], known("schedules"))
    assert {t.name for t in compared.trainings} == set(SCHEDULES) - {"chain"}
    for training in compared.trainings:
        Fitting(roll, training.config)


def test_a_schedule_and_a_target_of_one_s_own_can_be_compared_once_they_are_in_their_tables(roll):
    # Catches tables that are copied when the module is imported, and a list of names that somebody has to keep.
    SCHEDULES.add("mine", lambda T=50: SCHEDULES["cosine"](T=T))
    TARGETS.add("mine", replace(TARGETS["edm"], name="mine"))
    try:
        assert known("schedules")[-1] == known("targets")[-1] == usual("targets")[-1] == "mine"
        compared = set_up("schedules", roll, [flat(**TINY)], ["linear", "mine"])
        assert [training.config.diffusion.schedule for training in compared.trainings] == ["linear", "mine"]
        compared = set_up("targets", roll, [flat(**TINY)], ["eps", "mine"])
        assert [training.config.diffusion.target for training in compared.trainings] == ["eps", "mine"]
    finally:
        SCHEDULES.remove("mine")
        TARGETS.remove("mine")


def test_targets_are_trained_under_the_times_that_suit_them(roll):
    compared = set_up("targets", roll, [flat(**TINY)])
    times = {t.name: t.config.diffusion.times for t in compared.trainings}
    assert times == {"x0": "log_normal", "eps": "uniform", "v": "log_normal", "velocity": "uniform", "edm": "log_normal"}
    assert any("x0, v and edm with log_normal times; eps and velocity with uniform times" in said for said in compared.remarks)
    assert any(
        said.startswith("categorical is left out: the categorical target is for data with few levels")
        for said in compared.remarks
    )
    same = set_up("targets", roll, [flat(**TINY, times="uniform")])
    assert {t.config.diffusion.times for t in same.trainings} == {"uniform"}
    assert len(same.remarks) == 2  # on the targets that are left out


def test_a_target_that_cannot_be_is_left_out_and_named(roll):
    compared = set_up("targets", roll, [flat(**TINY, schedule="flow")])
    assert [t.name for t in compared.trainings] == ["x0", "v", "velocity", "edm"]
    assert compared.remarks[0].startswith("eps is left out")
    with pytest.raises(UsageError, match="eps is left out"):
        set_up("targets", roll, [flat(**TINY, schedule="flow")], ["eps", "v"])


def test_samplers_share_one_model_and_spend_no_more_than_their_budget(roll):
    compared = set_up("samplers", roll, [flat(**TINY)])
    (training,) = compared.trainings
    assert {r.alternative for r in training.readings} == set(SAMPLERS) - {"adams_bashforth1"}
    for r in training.readings:
        budget = int(r.column.split()[0].replace(",", ""))
        assert r.how.steps == budget - (r.how.method == "heun" and budget % 2 == 0)
        SAMPLERS[r.how.method].intervals(r.how.steps)
    assert {r.alternative for r in training.readings if r.how.steps == 1000} == {"ddpm", "ddpm_beta", "ddpm_optimal"}
    assert "heun" in compared.remarks[0]


def test_no_sampler_is_asked_for_more_steps_than_its_chain_has(roll):
    # T = 20 is also one of the budgets: no cell twice.
    compared = set_up("samplers", roll, [flat(**TINY, T=20)], ["ddpm", "ddim"])
    cells = [(r.alternative, r.how.steps) for r in compared.readings]
    assert sorted(cells) == [*(("ddim", n) for n in (5, 10, 20, 50)), *(("ddpm", n) for n in (5, 10, 20))]


@pytest.mark.parametrize(
    ("what", "only", "said"),
    [
        ("schedule", [], "did you mean 'schedules'"),
        ("schedules", ["linear", "cosin"], "did you mean 'cosine'"),
        ("schedules", ["linear", "chain"], "unknown schedule 'chain'"),
        ("targets", ["epsilon"], "unknown target 'epsilon'"),
        ("samplers", ["ddim"], "not two samplers"),
        ("samplers", ["ddim", "ddim"], "not two samplers"),
    ],
)
def test_names_that_cannot_be_compared(roll, what, only, said):
    with pytest.raises(UsageError, match=said):
        set_up(what, roll, [flat(**TINY)], only)


def test_samples_are_no_more_than_the_true_rows(roll):
    # Catches distances between sets of unlike size, whose floor is another one.
    rows = from_arrays(roll.values[:120])
    compared = set_up("targets", rows, [flat(**TINY, held_out=0.25)])
    assert {r.rows for r in compared.readings} == {30}
    assert compared.scores == ("sliced W2, standardised",)
    yardstick = Yardstick(compared)
    assert yardstick.pool is None
    assert len(yardstick.truth.true[0]) == 30
    assert set(yardstick.floors) == {30}
    with pytest.raises(UsageError, match="at least 10"):
        set_up("targets", rows, [flat(**TINY)], rows=5)


# ---- training and reading


def test_seeds_are_pairs_and_begin_is_a_fresh_run(roll):
    # The same seed gives the weights and batches that `unstir train --seed` gives on these rows; another seed others; and a
    # fitting that was used before leaves nothing behind. Catches an optimiser that is kept, and a split that moves with the seed.
    config = settle(roll, flat(**TINY))
    used = Fitting(roll, config)
    losses = {}
    for seed in (0, 3, 0):
        began = [step.loss for step in begin(used, seed).steps()]
        assert losses.setdefault(seed, began) == began
    assert losses[0] == [step.loss for step in Fitting(roll, config).steps()]
    assert losses[0] != losses[3]
    unseen = begin(used, 3).unseen.values
    assert np.array_equal(unseen, Fitting(roll, config).unseen.values)
    a, b = (begin(Fitting(roll, settle(roll, flat(**TINY, schedule=name))), 3) for name in ("linear", "cosine"))
    assert all(torch.equal(x, y) for x, y in zip(a.state.weights, b.state.weights, strict=True))


@pytest.mark.parametrize(
    "settings", [{"architecture": "unet"}, {"architecture": "dit"}, {"encoder": "latent"}, {"labels": "none"}]
)
def test_images_begin_with_the_weights_of_their_own_network(settings):
    # `compare samplers digits` failed: the MLP was built for every kind of data. Catches that, and a seed that is not used.
    rng = np.random.default_rng(0)
    pictures = from_arrays(rng.normal(size=(40, 8, 8)), [0, 1] * 20)
    small = {"width": 32, "depth": 1, "batch_size": 4, "steps": 2, "updates": 1, "filters": 8}
    config = settle(pictures, flat(**small, **settings))
    used = Fitting(pictures, config)
    first = [step.loss for step in begin(used, 0).steps()]
    assert first == [step.loss for step in Fitting(pictures, config).steps()]
    assert first != [step.loss for step in begin(used, 1).steps()]


@pytest.fixture(scope="module")
def model(roll):
    fitting = Fitting(roll, settle(roll, flat(**TINY)))
    list(fitting.steps())
    return fitting.model()


def test_even_steps_of_the_chain_are_ddim_s(model):
    # DDIM at all 1,000 steps of the chain and at 1,000 steps of its own grid follow one path; at 20 they part.
    many = Reading("linear", "", Sampling(1000, "ddim", grid="chain"), 300)
    own = Reading("linear", "", Sampling(1000, "ddim"), 300)
    assert np.abs(draw(model, many, 0) - draw(model, own, 0)).max() < 0.05
    few, own_few = (Reading("linear", "", Sampling(20, "ddim", grid=g), 300) for g in ("chain", None))
    assert np.abs(draw(model, few, 0) - draw(model, own_few, 0)).max() > 1e-3
    assert not np.array_equal(draw(model, few, 0), draw(model, few, 1))


def test_samples_on_any_grid_are_rows_as_the_data_has_them():
    # Catches a second way of sampling, which on even steps left whole numbers unrounded, and beyond their bounds.
    rng = np.random.default_rng(0)
    counts = from_arrays(rng.integers(0, 256, (60, 2), dtype=np.uint8))
    fitting = Fitting(counts, settle(counts, flat(**TINY)))
    list(fitting.steps())
    for grid in ("uniform", None):
        rows = draw(fitting.model(), Reading("a", "", Sampling(5, "ddim", grid=grid), 300), 0)
        assert np.array_equal(rows, rows.round().clip(0, 255))


def test_what_is_compared_is_written_as_it_was_when_comparisons_were_begun(roll):
    # comparison.json decides whether a stopped comparison goes on. Catches another name or order of what decides its numbers.
    readings = set_up("schedules", roll, [flat(**TINY, T=40)], ["linear", "cosine"]).as_json()["trainings"][1]["readings"]
    even = {"alternative": "cosine", "column": "DDIM, 20 even steps in t", "method": "ddim", "evaluations": 20}
    assert readings[1] == even | {"rows": readings[0]["rows"], "grid": "chain"}
    assert [list(reading) for reading in readings] == [["alternative", "column", "method", "evaluations", "rows", "grid"]] * 3
    assert [reading["grid"] for reading in readings] == [None, "chain", None]


def test_samples_that_are_not_finite_end_it_by_name(model, monkeypatch):
    monkeypatch.setattr(type(model), "sample", lambda self, n, **_: np.full((n, 2), np.nan))  # noqa: ARG005
    with pytest.raises(NumericsError, match=r"linear, 20 evaluations: .*seed 4"):
        draw(model, Reading("linear", "20 evaluations", Sampling(20, "ddim"), 10), 4)


def test_scores_are_the_mean_over_the_true_sets_and_off_is_off(roll, monkeypatch):
    monkeypatch.setattr(reading, "POOL", 20_000)
    compared = set_up("samplers", roll, [flat(**TINY)], ["ddim", "heun"], rows=200)
    yardstick = Yardstick(compared)
    true = yardstick.truth.true[0][:200]
    scores = yardstick.scores(true)
    assert scores["off"] == 0.5 / 201
    by_hand = np.mean([sliced_wasserstein(true, other[:200]) for other in yardstick.truth.true])
    assert scores[compared.scores[0]] == pytest.approx(by_hand, rel=1e-12)
    far = true + np.where(np.arange(200)[:, None] < 50, 5.0, 0.0)
    assert yardstick.scores(far)["off"] == 50.5 / 201
    assert yardstick.floors[200]["off"] == pytest.approx((0.5 / 201, 0))
    assert compared.scores == ("sliced W2, data's units", "off")
    assert compared.data.source in TOYS


# ---- the picture


def test_the_picture_shows_every_seed_and_who_is_worse():
    # Catches panels in the wrong order, colours the wrong way round, and a seed that is dropped.
    rng = np.random.default_rng(1)
    panels = [
        Panel(
            "few",
            "sliced W2",
            ["a", "b"],
            [np.array([1, 1.1]), np.array([2, 2.2])],
            [(1.05, 1, 1.1), (2.1, 2, 2.2)],
            [False, True],
            (0.8, 0.1),
        ),
        Panel("many", "sliced W2", ["b"], [np.array([0.9, 1.0])], [(0.95, 0.9, 1.0)], [False], (0.8, 0.1)),
    ]
    data = rng.normal(size=(300, 2))
    clouds = Samples("few", [("a", data[:200], "1.0", False), ("b", data[:200] + 50, "2.0", True)])
    figure = comparison("b is worse", [panels], data, [clouds])
    few, many, true, a, b = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["few", "many", "data", "a", "○ b"]
    assert [label.get_text() for label in few.get_yticklabels()] == ["a", "b"]
    dots = [piece for piece in few.collections if len(piece.get_offsets()) == 2 and piece.get_sizes()[0] == 11]
    assert [sorted(d.get_offsets()[:, 0]) for d in dots] == [[1, 1.1], [2, 2.2]]
    assert few.get_xlim()[0] < 0.8 < 2.2 < few.get_xlim()[1]
    assert [round(y) for y in many.collections[-1].get_offsets()[:, 1]] == [1, 1]  # one order of names for all panels
    assert true.get_xlim() == a.get_xlim() == b.get_xlim()
    assert "100 % outside" in b.get_xlabel()
    assert "outside" not in a.get_xlabel()
    assert [to_hex(axes.collections[0].get_facecolor()[0]).upper() for axes in (a, b)] == [
        BLUE,
        BLUE,
    ]  # of names that are no part's


def test_what_is_very_far_does_not_squeeze_the_rest():
    panel = Panel(
        "x",
        "s",
        ["a", "b"],
        [np.array([1.0, 1.2]), np.array([900.0, 1100.0])],
        [(1.1, 1, 1.2), (1000, 900, 1100)],
        [False, True],
        (0.9, 0.1),
    )
    figure = comparison("t", [[panel]], np.zeros((5, 1)), [])
    (axes,) = figure.axes
    assert axes.get_xlim()[1] < FAR
    assert "1000 →" in axes.texts[0].get_text()


def test_many_alternatives_take_more_rows_of_clouds():
    rng = np.random.default_rng(0)
    names = [f"s{i}" for i in range(11)]
    panel = Panel("x", "s", names, [np.ones(3)] * 11, [(1, 0.9, 1.1)] * 11, [False] * 11, (0.9, 0.1))
    clouds = Samples("x", [(name, rng.normal(size=(20, 3)), "", False) for name in names])
    figure = comparison("t", [[panel]], rng.normal(size=(30, 3)), [clouds])
    assert [axes.get_title() for axes in figure.axes][1:] == ["data", *names]


IMAGES = np.random.default_rng(0).uniform(0, 16, (3, 20, 8, 9, 3))
SEQUENCES = np.random.default_rng(0).uniform(0, 16, (3, 20, 12, 2))


def figure_of(kind, rows):
    """True rows, samples of "a", and samples of "b", which is worse."""
    panel = Panel("x", "s", ["a", "b"], [np.ones(3)] * 2, [(1, 0.9, 1.1)] * 2, [False, True], (0.9, 0.1))
    samples = Samples("x", [("a", rows[1], "1.0", False), ("b", rows[2], "2.0", True)])
    return comparison("t", [[panel]], rows[0], [samples], kind, (0, 16)).axes[1:]


def test_images_are_shown_as_mosaics_beside_true_ones():
    # `compare samplers digits` drew clouds of two pixels. Catches that, panels in another order, and one range for each panel.
    axes = figure_of("images", IMAGES)
    assert [one.get_title() for one in axes] == ["data", "a", "○ b"]
    for one, rows in zip(axes, IMAGES, strict=True):
        (mosaic,) = (image.get_array() for image in one.images)
        np.testing.assert_allclose(mosaic[:8, :9], rows[0] / 16)
        np.testing.assert_allclose(mosaic[:8, 10:19], rows[1] / 16)
        assert not one.collections
    assert [one.get_xlabel() for one in axes] == ["", "1.0", "2.0"]


def test_sequences_are_shown_as_curves_beside_true_ones():
    # Catches clouds of the first two values, channels that are taken for rows, and one scale for a channel a thousand times as large.
    scaled = SEQUENCES * [1, 1000]
    low, high = np.quantile(scaled[0], [0.002, 0.998], axis=(0, 1))
    for one, rows in zip(figure_of("sequences", scaled), scaled, strict=True):
        curves = [line.get_ydata() for line in one.lines if len(line.get_xdata()) == 12]
        assert len(curves) == 6 * 2
        np.testing.assert_allclose(np.diff(curves[3]), np.diff((rows[1, :, 1] - low[1]) / (high - low)[1]))
        assert not one.collections
