"""Pictures are read back: the points, curves and words in a figure against the numbers they are of."""

import io
import runpy
import sys

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from PIL import Image

from legible import assert_legible
from unstir.diffusion.chains import cosine, linear
from unstir.diffusion.continuous import VE, Flow
from unstir.diffusion.registry import SCHEDULES
from unstir.errors import StorageError, UsageError
from unstir.plots import (
    LossByTime,
    clouds,
    curves,
    forward,
    loss_by_time,
    samples_beside_data,
    save,
    schedule_curves,
    style,
    training,
    trajectories,
)
from unstir.plots.curves import smoothed
from unstir.plots.looks import hues
from unstir.plots.plane import frame
from unstir.words import percent

STEPS = (0, 100, 300, 500, 800, 1000)
BLUE, ORANGE, GREY = style.BLUE, style.ORANGE, style.GREY


def roll(n=400, seed=0):
    u = np.linspace(0.5, 4 * np.pi, n)
    points = np.stack([u * np.cos(u), u * np.sin(u)], axis=1)
    return points / points.std(axis=0) + 0.02 * np.random.default_rng(seed).standard_normal((n, 2))


def alpha_bars(T=1000):
    """The paper's table for the linear schedule: alpha_bar_0 = 1, then the running product of 1 - beta_n."""
    return np.concatenate([[1.0], np.cumprod(1 - np.linspace(1e-4, 0.02, T))])


def points(axes):
    return np.asarray(axes.collections[0].get_offsets())


def limits(figure):
    return {(*axes.get_xlim(), *axes.get_ylim()) for axes in figure.axes}


def below(axes):
    return axes.get_xlabel().split("\n")


def buckets(K=20, T=1000):
    """What the exact denoiser of a standard normal would lose: both errors in closed form at the middle of a bucket."""
    edges = np.linspace(0, 1, K + 1)
    alpha_bar = alpha_bars()[((edges[1:] + edges[:-1]) / 2 * 1000).astype(int)]
    return LossByTime(edges, 0.9 * alpha_bar, alpha_bar, 1.1 * alpha_bar, 1 - alpha_bar, 1.1 * (1 - alpha_bar), T)


def walk(steps=10, n=100, seed=0):
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.standard_normal((steps + 1, n, 2)), axis=0)[::-1].copy(), np.linspace(1, 0, steps + 1)


def log(n=200, every=20):
    rows = [{"step": 10 * i, "loss": 1 / i, "lr": 1e-3 * (1 - i / n)} for i in range(1, n + 1)]
    return [row | ({"held_out": 2 / i} if i % every == 0 else {}) for i, row in enumerate(rows, 1)]


# ---- the forward process


def test_the_first_panel_holds_exactly_the_data():
    # Catches the chain read one step late, where x_0 already has noise.
    x0 = roll()
    np.testing.assert_array_equal(points(forward(x0, linear()).axes[0]), x0)


def test_panel_n_is_the_papers_x_n_with_one_standard_normal_eps():
    # x_n = sqrt(alpha_bar_n) x_0 + sqrt(1 - alpha_bar_n) eps, in the paper's own table. Catches n off by one,
    # alpha_bar in place of its root, and an eps drawn anew for each panel.
    x0 = roll(4000)
    figure = forward(x0, linear(), STEPS)
    found = [
        (points(axes) - np.sqrt(alpha_bars()[n]) * x0) / np.sqrt(1 - alpha_bars()[n])
        for n, axes in zip(STEPS[1:], figure.axes[1:], strict=True)
    ]
    for eps in found[1:]:
        np.testing.assert_allclose(eps, found[0], atol=1e-9)
    np.testing.assert_allclose(found[0].mean(axis=0), 0, atol=5 / np.sqrt(4000))
    np.testing.assert_allclose(np.cov(found[0].T), np.eye(2), atol=5 * np.sqrt(2 / 4000))
    np.testing.assert_allclose(found[0].T @ x0 / 4000, 0, atol=5 / np.sqrt(4000))  # eps does not know x_0


@pytest.mark.parametrize(
    ("schedule", "titles"),
    [
        (linear(), ["n = 0", "n = 300", "n = 1000"]),
        (linear(T=50), ["n = 0", "n = 15", "n = 50"]),
        (linear(T=4), ["n = 0", "t = 0.3", "n = 4"]),  # there is no x_1.2 in the chain
        (Flow(), ["t = 0", "t = 0.3", "t = 1"]),
    ],
)
def test_a_panel_is_titled_by_the_schedules_own_step(schedule, titles):
    # Catches "n = 300" over a chain of 50 steps.
    assert [axes.get_title() for axes in forward(roll(), schedule, (0, 300, 1000)).axes] == titles


def test_the_numbers_under_a_panel_are_those_of_the_schedule():
    # alpha_bar_500 = 0.0785872 for the linear schedule; the log-SNR is log(alpha_bar / (1 - alpha_bar)).
    figure = forward(roll(), linear(), STEPS)
    nats = np.log(0.0785872 / (1 - 0.0785872))
    assert below(figure.axes[3]) == ["ᾱ = 0.079", f"log-SNR −{-nats:.1f} nats"]
    assert below(figure.axes[0]) == ["ᾱ = 1.00", "log-SNR ∞"]
    assert below(figure.axes[5])[0] == "ᾱ = 4.0×10⁻⁵"


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_the_title_says_how_much_signal_is_left_in_data_of_that_variance(scale):
    # The share is alpha_bar var / (alpha_bar var + 1 - alpha_bar): alpha_bar itself only at var = 1. In a chain of 100
    # with the usual betas it is far from nothing, and the title must not claim that the data is gone.
    x0 = scale * roll()
    a, var = alpha_bars(100)[-1], x0.var(axis=0).mean()
    title = forward(x0, linear(T=100)).get_suptitle()
    assert title.endswith(f"at n = 100 the signal is {percent(a * var / (a * var + 1 - a))} of the variance")
    assert ("dissolves" in title) == (scale == 0.1)
    assert "dissolves" in forward(x0, linear()).get_suptitle()


@pytest.mark.parametrize("schedule", [linear(), VE(), Flow()])
def test_all_panels_show_the_same_square_with_the_data_legible_in_it(schedule):
    # Catches limits fitted to each panel, where noise looks no larger than data, and data lost in ve's noise.
    x0 = roll()
    figure = forward(x0, schedule)
    ((left, right, bottom, top),) = limits(figure)
    assert right - left == pytest.approx(top - bottom)
    assert {axes.get_aspect() for axes in figure.axes} == {1.0}
    inside = (x0 > [left, bottom]) & (x0 < [right, top])
    assert inside.all()
    assert right - left < 3.2 * np.ptp(x0, axis=0).max()


def test_points_outside_the_frame_are_counted_below():
    figure = forward(roll(), VE())
    ((left, right, bottom, top),) = limits(figure)
    x, y = points(figure.axes[4]).T
    share = 1 - np.mean((x >= left) & (x <= right) & (y >= bottom) & (y <= top))
    assert share > 0.5
    assert below(figure.axes[4])[-1] == f"{100 * share:.0f} % outside"
    assert "outside" not in figure.axes[0].get_xlabel()


def test_a_point_keeps_its_colour_and_neighbours_at_the_start_have_like_ones():
    # Catches colours drawn again for each panel, and hues that jump where the angle goes from pi to -pi.
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    x0 = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    first, *others = [axes.collections[0].get_facecolors() for axes in forward(x0, linear()).axes]
    for colours in others:
        np.testing.assert_array_equal(colours, first)
    jumps = np.abs(np.diff(first, axis=0, append=first[:1])).max(axis=1)
    assert jumps.max() < 0.04
    assert np.abs(first[0] - first[200]).max() > 0.3


@pytest.mark.parametrize("classes", [3, 10])
def test_each_class_has_its_own_colour(classes):
    # Catches a cycle of colours shorter than the number of classes.
    labels = np.arange(400) % classes
    colours = forward(roll(), linear(), labels=labels).axes[2].collections[0].get_facecolors()
    for k in range(classes):
        assert len(np.unique(colours[labels == k], axis=0)) == 1
    assert len(np.unique(colours, axis=0)) == classes


def test_of_many_points_the_same_few_are_drawn_in_every_panel():
    # Catches a subsample drawn anew for each panel, or with replacement, or labels that lose their rows.
    x0 = np.random.default_rng(0).standard_normal((100_000, 2))
    figure = forward(x0, linear(), (0, 1000), labels=(x0[:, 0] > 0).astype(int))
    drawn = points(figure.axes[0])
    assert len(drawn) == 5000
    assert len(np.unique(drawn, axis=0)) == 5000
    assert set(map(tuple, drawn)) <= set(map(tuple, x0))
    right = figure.axes[1].collections[0].get_facecolors()[drawn[:, 0] > 0]
    assert len(np.unique(right, axis=0)) == 1
    again, other = forward(x0, linear(), (0,)), forward(x0, linear(), (0,), seed=1)
    np.testing.assert_array_equal(points(again.axes[0]), drawn)
    assert not np.array_equal(points(other.axes[0]), drawn)


def test_wide_rows_are_seen_along_their_principal_directions():
    # Two of five columns are one and the same, so that direction has the most variance. Catches the first two columns, which say nothing
    # of the others, directions of rows that were not centred, and noise that is not the paper's in that plane.
    rng = np.random.default_rng(0)
    x0 = rng.standard_normal((4000, 5)) + 3
    x0[:, 4] = x0[:, 2]
    figure = forward(x0, linear(), (0, 500))
    shown, noisy = (points(axes) for axes in figure.axes)
    covariance = np.cov(x0.T)
    strongest = np.linalg.eigh(covariance)[1][:, -1]
    assert abs(np.corrcoef(shown[:, 0], x0 @ strongest)[0, 1]) > 0.99
    said = figure.get_supxlabel().removeprefix("component 1 (").removesuffix(" % of the variance)")
    assert float(said) == pytest.approx(40, abs=4)  # a deviation of a share of 0.4 of 1,000 rows is about 1 %
    a = alpha_bars()[500]
    eps = (noisy - np.sqrt(a) * shown) / np.sqrt(1 - a)
    np.testing.assert_allclose(np.cov(eps.T), np.eye(2), atol=5 * np.sqrt(2 / 4000))


def test_the_directions_of_a_table_do_not_depend_on_the_units_of_its_columns():
    # Catches directions of raw values, where an income in cents is all that is seen, and a division by the deviation of a constant column.
    rng = np.random.default_rng(0)
    rows = np.stack([*rng.standard_normal((3, 500)), np.full(500, 7.0)], axis=1)
    rows[:, 1] = rows[:, 0] + 0.1 * rows[:, 1]
    shown = [points(samples_beside_data(rows * unit, {}).axes[0]) for unit in (np.ones(4), np.array([1e6, 1, 1e-3, 1]))]
    np.testing.assert_allclose(*shown, atol=1e-6)


def test_a_single_column_is_a_histogram_of_density():
    # The area is the share inside the frame. Catches counts, and bins that differ between the panels.
    x0 = np.random.default_rng(0).standard_normal((20_000, 1))
    figure = forward(x0, VE(), (0, 500, 1000))
    assert len(limits(figure)) == 1
    for axes in figure.axes:
        heights, edges, _ = axes.patches[0].get_data()
        outside = float(below(axes)[-1].split(" %")[0]) / 100 if "outside" in axes.get_xlabel() else 0.0
        assert (heights * np.diff(edges)).sum() == pytest.approx(1 - outside, abs=0.011)
        np.testing.assert_array_equal(edges, figure.axes[0].patches[0].get_data()[1])
    flat = 1 / np.sqrt(2 * np.pi) / 80  # the density of sigma = 80 near 0
    assert heights.mean() == pytest.approx(flat, rel=0.1)


# ---- samples beside the data, and the frame


def test_data_and_samples_are_drawn_as_they_are_with_their_captions():
    x0, good, bad = roll(), roll(seed=1), roll() + np.array([0.2, 0.0])
    figure = samples_beside_data(x0, {"heun": (good, "39 evaluations\nSW2 0.01"), "ddim": (bad, "SW2 0.20")})
    for axes, name, cloud in zip(figure.axes, ["data", "heun", "ddim"], [x0, good, bad], strict=True):
        assert axes.get_title() == name
        np.testing.assert_array_equal(points(axes), cloud)
    assert len(limits(figure)) == 1
    assert [below(axes) for axes in figure.axes] == [["400 points"], ["39 evaluations", "SW2 0.01"], ["SW2 0.20"]]


def test_all_panels_show_equally_many_points():
    # Catches 5,000 dots beside 500: the denser panel would look better for its number alone.
    figure = samples_beside_data(roll(7000), {"a": (roll(6000), ""), "b": (roll(300), "")})
    assert [len(points(axes)) for axes in figure.axes] == [300, 300, 300]
    assert below(figure.axes[0]) == ["7,000 points,", "300 shown in each"]


def test_samples_that_blow_up_neither_hide_the_data_nor_go_unsaid():
    x0 = roll()
    figure = samples_beside_data(x0, {"euler": (np.where(np.arange(400)[:, None] < 100, 1e6, x0), "bad")})
    ((left, right, _, _),) = limits(figure)
    assert right - left < 1.7 * np.ptp(x0, axis=0).max()
    assert below(figure.axes[1]) == ["bad", "25 % outside"]


def test_samples_of_one_column_are_histograms_over_the_outline_of_the_data():
    x0 = np.random.default_rng(0).standard_normal((9000, 1))
    figure = samples_beside_data(x0, {"shifted": (x0[:2000] + 1, "")})
    data, (samples, outline) = figure.axes[0].patches[0].get_data().values, figure.axes[1].patches
    np.testing.assert_array_equal(outline.get_data().values, data)
    centres = outline.get_data().edges[:-1]
    means = [np.average(centres, weights=values) for values in (data, samples.get_data().values)]
    assert means[1] - means[0] == pytest.approx(1, abs=0.1)


def test_the_frame_is_the_datas_quantiles_not_its_outliers():
    # One row of 10,000 at 1e6 may not decide what is seen; a column that never varies is no division by zero.
    data = np.concatenate([np.random.default_rng(0).uniform(-1, 1, (9999, 2)), [[1e6, 1e6]]])
    assert (frame(data, [], reach=1.0).high < 1.1).all()
    flat = frame(np.zeros((5, 2)), [], reach=1.0)
    assert (flat.high > flat.low).all()
    assert flat.outside(np.array([[0.0, 0.0], [3.0, 0.0], [0.0, -3.0], [3.0, 3.0]])) == 0.75


def test_hues_go_round_once_in_equal_shares():
    # Catches colours by angle and not by its order: a crowded direction would be all one colour.
    crowded = np.stack([np.cos(t := np.linspace(0, 6, 999) ** 2 / 6), np.sin(t)], axis=1)
    colours = hues(crowded)
    assert len(np.unique(colours.round(2), axis=0)) > 150
    np.testing.assert_allclose(hues(3 * crowded + [5, -2]), colours)


# ---- trajectories


def test_every_path_goes_through_its_particles_states_from_cross_to_dot():
    # Catches paths across particles (a reshape of the wrong axis), and particles whose colour is another's.
    states, times = walk(steps=7, n=20)
    plane, line = trajectories(states, times, "A walk").axes
    for axes, truth in (
        (plane, states),
        (line, np.stack([np.broadcast_to(times[:, None], (8, 20)), states[:, :, 0]], axis=2)),
    ):
        paths, cross, dot = axes.collections[-3:]
        pieces = np.array(paths.get_segments()).reshape(7, 20, 2, 2)
        np.testing.assert_allclose(pieces[:, :, 0], truth[:-1])
        np.testing.assert_allclose(pieces[:, :, 1], truth[1:])
        np.testing.assert_allclose(cross.get_offsets(), truth[0])
        np.testing.assert_allclose(dot.get_offsets(), truth[-1])
        inks = paths.get_colors().reshape(7, 20, 4)
        np.testing.assert_allclose(inks[:, :, :3], np.broadcast_to(dot.get_facecolors()[:, :3], (7, 20, 3)))
        assert (np.diff(inks[:, 0, 3]) > 0).all()  # noise is faint, the sample is not
    assert line.get_xlim()[0] > line.get_xlim()[1]  # from noise on the left to data


def test_sixty_paths_over_the_cloud_of_all_samples():
    states, times = walk(steps=4, n=8000)
    plane, _ = trajectories(states, times, "A walk").axes
    cloud, paths, _, dots = plane.collections
    assert len(cloud.get_offsets()) == 5000
    assert len(paths.get_segments()) == 60 * 4
    samples = [tuple(row) for row in cloud.get_offsets()]
    ends = [samples.index(tuple(row)) for row in dots.get_offsets()]  # each is in the cloud
    np.testing.assert_array_equal(dots.get_facecolors(), hues(np.array(samples))[ends])  # and has its own colour
    assert set(samples) <= {tuple(row) for row in states[-1]}


# ---- schedules


@pytest.mark.parametrize(
    ("name", "snr"),
    [
        ("flow", lambda t: ((1 - t) / t) ** 2),
        ("ve", lambda t: 1 / (0.002 * ((1 + 80 / 0.002) ** t - 1)) ** 2),
        ("vp", lambda t: 1 / np.expm1(0.1 * t + (20 - 0.1) * t**2 / 2)),
    ],
)
def test_the_curves_are_the_schedules(name, snr):
    # Catches alpha in place of alpha^2, alpha_bar of ve as alpha^2 = 1, and log-SNR in decibels or without its 2.
    figure = schedule_curves({key: SCHEDULES[key]() for key in ("linear", name)}, chosen=name)
    share, ratio = figure.axes
    curve, logs = (next(line for line in axes.lines if line.get_label() == name) for axes in (share, ratio))
    t, alpha_bar = (np.asarray(values) for values in curve.get_data())
    assert (t[0], t[-1]) == (0, 1)
    inside = slice(1, -1)
    np.testing.assert_allclose(alpha_bar[inside], snr(t[inside]) / (1 + snr(t[inside])), rtol=1e-9)
    np.testing.assert_allclose(np.asarray(logs.get_ydata())[inside], np.log(snr(t[inside])), atol=1e-7)
    assert alpha_bar[0] == 1


def test_the_chosen_schedule_is_the_broad_one_and_the_title_speaks_of_it():
    # alpha_bar_500 and alpha_bar_1000 of the cosine schedule are 0.493843 and 2.4e-9.
    schedules = {name: make() for name, make in SCHEDULES.items() if name != "chain"}
    figure = schedule_curves(schedules, chosen="cosine")
    widths = {line.get_label(): line.get_linewidth() for line in figure.axes[0].lines}
    assert widths.pop("cosine") > 2 * max(widths[name] for name in schedules if name != "cosine")
    assert figure.get_suptitle() == "cosine keeps 49 % of the signal at t = 0.5, under 0.001 % at t = 1"
    bold = [text.get_text() for text in figure.legends[0].get_texts() if text.get_fontweight() == "bold"]
    assert bold == ["cosine"]
    with pytest.raises(UsageError, match=r"unknown schedule 'cosin': did you mean 'cosine'\?"):
        schedule_curves(schedules, chosen="cosin")


def test_no_two_schedules_look_the_same_and_the_legend_follows_the_picture():
    schedules = {name: make() for name, make in SCHEDULES.items() if name != "chain"}
    figure = schedule_curves(schedules)
    share = {line.get_label(): line for line in figure.axes[0].lines if line.get_label() in schedules}
    assert len({(line.get_color(), line.get_linestyle()) for line in share.values()}) == len(schedules)
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    heights = [np.interp(0.5, *share[name].get_data()) for name in named]
    assert sorted(named) == sorted(schedules)
    assert heights == sorted(heights, reverse=True)
    kept = percent(heights[0])
    assert figure.get_suptitle() == f"sigmoid_bare keeps under 0.001 % of the signal at t = 0.5, ve {kept}"


# ---- the loss by time


def test_the_steps_are_the_losses_over_their_buckets():
    # Catches curves against the number of the bucket, shifted by one, or under another's name.
    given = buckets()
    noise, data = loss_by_time(given).axes
    for axes, wanted in (
        (noise, {BLUE: given.held_out, ORANGE: given.training, GREY: given.gaussian}),
        (data, {BLUE: given.held_out_x0, GREY: given.gaussian_x0}),
    ):
        steps = {to_rgba(step.get_edgecolor()): step.get_data() for step in axes.patches if hasattr(step, "get_data")}
        assert steps.keys() == {to_rgba(colour) for colour in wanted}
        for colour, values in wanted.items():
            np.testing.assert_array_equal(steps[to_rgba(colour)].values, values)
            np.testing.assert_allclose(steps[to_rgba(colour)].edges, given.edges * 1000)
    assert data.get_yscale() == "log"
    named = [text.get_text() for text in noise.figure.legends[0].get_texts()]
    handles, labels = noise.get_legend_handles_labels()
    inks = [to_rgba(handle.get_edgecolor()) for handle in handles]
    assert named == labels == ["held out", "training", "Gaussian with the data's covariance"]
    assert inks == [to_rgba(colour) for colour in (BLUE, ORANGE, GREY)]


def test_the_hardest_buckets_are_found_in_the_numbers():
    # For a standard normal, eps is hardest in the first bucket, and x_0 wherever alpha_bar is below 0.05 or so.
    figure = loss_by_time(buckets())
    first = 50 * int(np.flatnonzero(buckets().held_out_x0 >= 0.95 * buckets().held_out_x0.max())[0])
    assert figure.get_suptitle() == f"The noise is hardest to see at n = 0 to 50, the data at n = {first} to 1000"
    assert figure.axes[0].get_title(loc="left").endswith("where the noise is the fainter part")
    assert figure.axes[1].get_title(loc="left").endswith("where the data is the fainter part")
    assert [shaded(axes) for axes in figure.axes] == [(0, 50), (first, 1000)]


def test_a_network_that_fails_elsewhere_is_said_to_fail_there():
    # Catches a sentence that is written in advance: here eps is worst in bucket 13 and x_0 in buckets 3 and 4.
    given = buckets(T=None)
    given.held_out[13] = 3.0
    given.held_out_x0[[3, 4]] = 2.0, 1.95
    figure = loss_by_time(given)
    assert figure.get_suptitle() == "The noise is hardest to see at t = 0.65 to 0.70, the data at t = 0.15 to 0.25"
    assert figure.axes[0].get_title(loc="left").startswith("300 % of the variance of the noise is missed")
    assert [shaded(axes) for axes in figure.axes] == [pytest.approx((0.65, 0.7)), pytest.approx((0.15, 0.25))]
    assert figure.axes[0].get_xlabel() == "t"


def shaded(axes):
    span = next(patch for patch in axes.patches if not hasattr(patch, "get_data"))
    return span.get_x(), span.get_x() + span.get_width()


# ---- training


def test_the_curves_of_training_are_those_of_the_log():
    # Catches held-out points at the wrong steps, and the learning rate in the place of the loss.
    metrics = log()
    above, below = training(metrics).axes
    raw, smooth, held_out = above.lines
    np.testing.assert_array_equal(raw.get_xydata(), [(row["step"], row["loss"]) for row in metrics])
    np.testing.assert_array_equal(held_out.get_xydata(), [(r["step"], r["held_out"]) for r in metrics if "held_out" in r])
    np.testing.assert_array_equal(below.lines[0].get_xydata(), [(row["step"], row["lr"]) for row in metrics])
    # of 200 rows a fortieth is five: the centred mean of five
    losses = np.array([row["loss"] for row in metrics])
    assert smooth.get_ydata()[100] == pytest.approx(losses[98:103].mean())
    assert smooth.get_ydata()[0] == pytest.approx(losses[:3].mean())


def test_smoothing_is_centred_and_keeps_a_line_a_line():
    # Catches an exponential mean, which lags, and zeros padded in at the ends.
    line = np.arange(50.0)
    np.testing.assert_allclose(smoothed(line, 9)[4:-4], line[4:-4])
    np.testing.assert_allclose(smoothed(np.ones(50), 9), 1)
    np.testing.assert_allclose(smoothed(np.ones(2), 9), 1)


def test_the_title_of_training_tells_the_last_from_the_lowest():
    metrics = log(100, every=50)
    assert training(metrics).get_suptitle() == "Held-out loss is 0.020 at step 1,000, its lowest"
    metrics[-1]["held_out"] = 0.5
    assert training(metrics).get_suptitle() == "Held-out loss is 0.500 at step 1,000, its lowest was 0.04 at step 500"
    bare = [{"step": 10, "loss": 0.25, "lr": 1e-3}]
    assert training(bare).get_suptitle() == "Training loss is 0.250 at step 10"


# ---- of every picture


def scores(k):
    return {f"sampler {i}": (roll(seed=i), "1000 evaluations, 12.1 s\nSW2 0.013 (floor 0.003)") for i in range(k)}


EVERY = {name: make() for name, make in SCHEDULES.items() if name != "chain"}
PICTURES = {
    "forward": lambda: forward(roll(), linear()),
    "forward, ve": lambda: forward(roll(), VE()),
    "forward, flow": lambda: forward(roll(), Flow()),
    "forward, one panel": lambda: forward(roll(), linear(), (300,)),
    "forward, one column": lambda: forward(roll()[:, :1], cosine()),
    "forward, five columns": lambda: forward(np.tile(roll(), 3)[:, :5], cosine(), (0, 500, 1000)),
    "one sampler": lambda: samples_beside_data(roll(), scores(1)),
    "three samplers": lambda: samples_beside_data(roll(), scores(3)),
    "five samplers": lambda: samples_beside_data(roll(), scores(5)),
    "samplers, one column": lambda: samples_beside_data(roll()[:, :1], {"a": (roll()[:, :1], "b")}),
    "trajectories": lambda: trajectories(*walk(), "A walk"),
    "schedules": lambda: schedule_curves(EVERY, "sigmoid_alpha_bar"),
    "one schedule": lambda: schedule_curves({"flow": Flow()}),
    "loss by time": lambda: loss_by_time(buckets()),
    "training": lambda: training(log()),
    "training, one row": lambda: training(log(1)),
    "training, flat": lambda: training([row | {"loss": 0.3 + row["loss"] / 100} for row in log()]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_written_with_all_its_words_on_it_and_none_over_another(name, tmp_path):
    # Catches captions cut off at the edge or running into the next panel's, long titles, and any warning.
    figure = PICTURES[name]()
    save(figure, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (tmp_path / "picture.pdf").read_bytes()[:5] == b"%PDF-"
    assert_legible(figure)


@pytest.mark.parametrize("name", ["forward", "samplers, one column", "trajectories", "schedules", "loss by time", "training"])
def test_a_figure_shows_itself_in_a_notebook(name, tmp_path):
    # Jupyter asks the last value of a cell for `_repr_png_`. Catches `<Figure size 1350x555 with 6 Axes>` in place of a picture, and
    # one that is drawn in the user's style: 100 dots an inch, fonts of another size.
    save(PICTURES[name](), tmp_path / "saved.png")
    with Image.open(io.BytesIO(PICTURES[name]()._repr_png_())) as picture, Image.open(tmp_path / "saved.png") as file:
        assert picture.width == 150 * 9
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(file))
    assert "IPython" not in sys.modules


def test_drawing_leaves_no_trace_and_needs_no_pyplot(monkeypatch):
    # Catches the style set for good in a user's notebook, and pyplot, which keeps every figure and looks for a screen.
    before = dict(matplotlib.rcParams)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it now fails
    for module in (style, clouds, curves):
        runpy.run_path(module.__file__, run_name="again")
    forward(roll(), linear())
    assert dict(matplotlib.rcParams) == before


def test_saving_where_nothing_can_be_written_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match=r"cannot be written: No such file"):
        save(training(log(3)), tmp_path / "missing" / "picture.png")


def test_the_inputs_are_left_as_they_were():
    # Catches noise added in place to the caller's data, and states that are sorted or reversed.
    x0, (states, times) = roll(), walk()
    copies = x0.copy(), states.copy()
    forward(x0, linear())
    trajectories(states, times, "A walk")
    samples_beside_data(x0, {"a": (x0, "")})
    np.testing.assert_array_equal(x0, copies[0])
    np.testing.assert_array_equal(states, copies[1])
    assert torch.is_grad_enabled()
