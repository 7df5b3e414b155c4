"""Figures of what people bring: tables of any columns, sequences, images with classes. Laws of what is seen, not pixels."""

import re

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgba

from legible import assert_legible, said
from unstir.diffusion.chains import linear
from unstir.diffusion.registry import SCHEDULES
from unstir.diffusion.samplers import SAMPLERS
from unstir.plots import Drawn, columns, forward, mosaics, samples_beside_data, schedule_curves, sequences, trajectories
from unstir.plots.comparison import Panel, Samples, comparison
from unstir.plots.distributions import gap
from unstir.plots.looks import PALETTE, by_class, colour_of, look
from unstir.plots.mixed import cells
from unstir.plots.style import GREY, NO_LETTER, PALE, fitted, plain, width_of

NASTY = [
    *(
        "price_$",
        "$x$ and $y$",
        "a_b^c",
        "50 %",
        r"\\frac{1}{2",
        "capital-gain",
        "income of the household per year, in dollars of 2010",
    ),
    *("rate [/s]", "température (°C)", "line\nbreak", "\ue000\ue001", "x" * 90, "%s {}", r"$\\undefined{$"),
]


def table(n=600, seed=0):
    """Columns as people have them: years, incomes, mostly zeros, whole numbers, a constant, a share, a coordinate, a flag."""
    rng = np.random.default_rng(seed)
    income, gain = np.exp(10 + rng.standard_normal(n)), np.exp(7 + 1.5 * rng.standard_normal(n))
    return np.stack(
        [
            *(rng.integers(1998, 2020, n), income, np.where(rng.random(n) < 0.79, 0, gain), np.round(rng.gamma(8, 5, n))),
            *(np.full(n, 3.0), rng.beta(2, 5, n), 48 + 0.01 * rng.standard_normal(n), rng.random(n) < 0.3),
        ],
        axis=1,
    ).astype(np.float64)


def waves(n=16, length=40, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(length)[None, :, None]
    return np.sin(t / 5 + 6 * rng.random((n, 1, channels))) * 10.0 ** np.arange(-1, channels - 1)


def panels_of(figure):
    return [axes for axes in figure.axes if axes.collections]


# ---- names are text


NAMES = {
    "samples": lambda names: samples_beside_data(
        table()[:, :2], {names[2]: (table(seed=1)[:, :2], names[3])}, names[:2], names[4]
    ),
    "trajectories": lambda names: trajectories(np.stack([table()[:, :2]] * 3), np.array([1, 0.5, 0]), names[0], names[:2]),
    "columns": lambda names: columns(np.random.default_rng(0).random((50, 14)), np.random.default_rng(1).random((60, 14)), names),
    "classes": lambda names: forward(table(), linear(), labels=np.arange(600) % 14, classes=names, names=names[:8]),
    "one column": lambda names: samples_beside_data(table()[:, :1], {"ddim": (table()[:, :1], "")}, names[:1]),
    "sequences": lambda names: sequences.panels(
        names[0], names[1:3], names[3:5], [waves()] * 2, names=names[5:7], labels=[np.arange(16) % 14] * 2, classes=names
    ),
    "images": lambda names: mosaics.panels(
        names[0], names[1:3], names[3:5], [np.zeros((28, 8, 8))] * 2, (0, 1), [np.arange(28) % 14] * 2, names
    ),
    "comparison": lambda names: comparison(
        names[0],
        [[Panel(names[1], names[2], names[:3], [np.ones(3)] * 3, [(1, 0.9, 1.1)] * 3, [False] * 3, (0.8, 0.1))]],
        table(),
        [Samples(names[3], [(name, table(), "0.0134, 2.1 % off", True) for name in names[:3]])],
    ),
}


@pytest.mark.parametrize("order", [NASTY, [*NASTY[6:], *NASTY[:6]]], ids=["", "turned"])
@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_read_where_it_stands(name, order, recwarn):
    """Catches `$` that starts a formula (which ends with an error for \\undefined, and eats the `_` of others), a line break that shifts a
    label, long names over their neighbours, letters that no font has (a warning each), and names as templates."""
    figure = NAMES[name](order)
    assert_legible(figure)
    assert not any(text.get_parse_math() and "$" in text.get_text() for text in figure.findobj(matplotlib.text.Text))
    assert not [str(warning.message) for warning in recwarn]


def test_a_name_is_drawn_as_it_is_or_as_much_of_it_as_fits():
    # Catches an escaped \\$ in view, names that are cut at the end, where sensor_1_max and sensor_1_min differ, and an endless loop.
    assert plain("price_$ {x}") == "price_$ {x}"
    assert set(plain("\ue000\ue001")) == {NO_LETTER}
    low, high = (fitted(f"temperature_of_the_third_sensor_{end}", 1.2) for end in ("min", "max"))
    assert low != high
    for text in NASTY:
        for inches in (0.01, 0.5, 1.5):
            lines = fitted(text, inches, lines=2).split("\n")
            assert len(lines) <= 2
            assert all(width_of(line) <= max(inches, width_of(line[:1])) for line in lines)
    unnamed = columns(np.random.default_rng(0).random((9, 2)), np.ones((9, 2)), ["\ue000", "\ue001"])
    assert len({axes.get_title() for axes in unnamed.axes}) == 2  # told apart by their numbers


# ---- points fill the frame


@pytest.mark.parametrize("columns_shown", [[0, 1], [0, 3], [1, 2], [5, 6], [0, 7], list(range(8))])
def test_the_points_of_a_table_fill_the_panel(columns_shown):
    # Catches one scale for both axes, where an income makes a line of the years, and a frame that goes as far as the farthest income.
    x = table()[:, columns_shown]
    figure = samples_beside_data(x, {"ddim": (x, "")})
    figure.canvas.draw()
    for axes in panels_of(figure):
        points = np.asarray(axes.collections[0].get_offsets())
        for k, (low, high) in enumerate((axes.get_xlim(), axes.get_ylim())):
            middle = np.quantile(points[:, k], [0.025, 0.975])
            assert np.ptp(middle) > 0.35 * (high - low), (columns_shown, k)
        box = axes.get_window_extent()
        assert 0.95 < box.width / box.height < 1.05
    outside = 1 - np.mean(
        (points > [axes.get_xlim()[0], axes.get_ylim()[0]]).all(1) & (points < [axes.get_xlim()[1], axes.get_ylim()[1]]).all(1)
    )
    assert outside < 0.05


def test_only_columns_that_spread_alike_have_one_scale():
    # Catches a swiss roll that is stretched, and years beside shares on one scale.
    rng = np.random.default_rng(0)
    alike, apart = rng.random((500, 2)) * [2, 1], rng.random((500, 2)) * [20, 1] + [2000, 0]
    for x, equal in ((alike, True), (apart, False)):
        for axes in panels_of(samples_beside_data(x, {"ddim": (x, "")})):
            assert (axes.get_aspect() == 1.0) == equal
            assert (axes.get_aspect() == "auto") == (not equal)
    assert "2008" in said(samples_beside_data(apart, {}))  # and not 2,008


# ---- columns, one by one


def test_the_columns_that_are_off_come_first_and_the_rest_are_counted():
    # Catches the first twelve of thirty columns, a sort that is upside down, and a figure with thirty panels.
    rng = np.random.default_rng(0)
    true, samples = rng.standard_normal((500, 30)), rng.standard_normal((400, 30))
    samples[:, 17] += 3
    samples[:, 4] += 1
    figure = columns(true, samples, [f"gene {i}" for i in range(30)], "ddim")
    assert [axes.get_title() for axes in figure.axes][:2] == ["gene 17", "gene 4"]
    assert len(figure.axes) == 12
    assert figure.get_suptitle().startswith("12 of 30 columns")
    assert_legible(figure)
    assert gap(true[:, 17], samples[:, 17]) > 0.8  # two normals 3 apart: 2 Phi(1.5) - 1 = 0.87


def test_a_bar_is_the_share_of_rows_in_it_and_whole_numbers_have_their_own():
    # Catches counts, bars that take two years here and one there (a comb), and bars of the samples at other places than the data's.
    x, y = table(2000), table(900, seed=1)
    figure = columns(x, y, [f"c{i}" for i in range(8)])
    by_name = {axes.get_title(): axes for axes in figure.axes}
    for name, axes in by_name.items():
        true, samples = axes.patches
        np.testing.assert_array_equal(true.get_data().edges, samples.get_data().edges)
        j = int(name[1:])
        inside = np.mean((x[:, j] >= true.get_data().edges[0]) & (x[:, j] <= true.get_data().edges[-1]))
        assert true.get_data().values.sum() == pytest.approx(inside)
        assert inside > 0.97
    years = by_name["c0"].patches[0].get_data()
    np.testing.assert_array_equal(np.diff(years.edges), 1)
    assert years.values[years.values > 0].min() > 0.5 * years.values.max()
    assert_legible(figure)


def test_a_value_that_most_rows_have_does_not_hide_the_others_and_is_said():
    # Catches one bar of 79 % beside others that cannot be seen, and samples that smear it without a word.
    x = table(2000)[:, [2, 2]]
    smeared = x + 500 * np.random.default_rng(0).standard_normal(x.shape)
    axes = columns(x, smeared, ["gain", "again"]).axes[0]
    heights = np.sort(axes.patches[0].get_data().values)
    assert heights[-2] > 0.3 * axes.get_ylim()[1] or axes.patches[1].get_data().values.max() > 0.3 * axes.get_ylim()[1]
    assert axes.get_xlabel().split("\n")[1].startswith(("at 0: 79 %, samples ", "at 0: 80 %, samples ", "at 0: 78 %, samples "))
    whole = np.round(table(500)[:, [3, 3]])
    assert "not whole" in columns(whole, whole + 0.2).axes[0].get_xlabel()


# ---- classes, and colours


@pytest.mark.parametrize("count", [2, 10, 37])
def test_the_legend_has_the_names_of_the_classes_in_the_colours_of_their_points(count):
    # Catches a legend without names, colours of others, thirty-seven hues that nobody can tell apart, and classes that are left out unsaid.
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(count), rng.integers(0, count, 800) ** 2 // count])
    names = [f"kind {i}" for i in range(count)]
    x = rng.standard_normal((len(labels), 2))
    figure = samples_beside_data(x, {"ddim": Drawn(x, "", "ddim", labels)}, labels=labels, classes=names)
    handles, texts = figure.legends[0].legend_handles, [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(texts) == min(count, 11)
    assert (texts[-1] == f"{count - 10} other classes") == (count > 10)
    shown = np.argsort(-np.bincount(labels), kind="stable")[:10]
    assert set(texts) - {f"{count - 10} other classes"} == {names[i] for i in shown}
    for axes in panels_of(figure):
        drawn = axes.collections[0].get_facecolors()[:, :3]
        for handle, text in zip(handles, texts, strict=True):
            who = labels == names.index(text) if text in names else ~np.isin(labels, shown)
            np.testing.assert_allclose(drawn[who], np.tile(to_rgba(handle.get_color())[:3], (who.sum(), 1)))
    assert len({to_rgba(handle.get_color()) for handle in handles}) == len(texts)
    assert_legible(figure)


def test_a_part_has_one_colour_in_every_figure_and_no_other_part_has_its_look():
    # Catches colours by the order in a figure: the same sampler is orange here and blue there.
    x = table()[:, :2]
    score = {"scores": [np.ones(3)] * 2, "intervals": [(1, 0.9, 1.1)] * 2, "worse": [False, True], "floor": (0.8, 0.1)}
    compared = comparison(
        "c", [[Panel("20", "W2", ["heun", "ddim"], **score)]], x, [Samples("", [("heun", x, "", False), ("ddim", x, "", True)])]
    )
    alone = samples_beside_data(x, {"ddim": (x, ""), "few steps": Drawn(x, "", "heun")})
    colours = {name: to_rgba(colour_of(name))[:3] for name in ("ddim", "heun")}
    for axes, name in zip(compared.axes[1:], ["data", "heun", "ddim"], strict=True):
        assert tuple(axes.collections[0].get_facecolors()[0, :3]) == (colours[name] if name in colours else to_rgba(GREY)[:3])
    assert [tuple(axes.collections[0].get_facecolors()[0, :3]) for axes in alone.axes[1:]] == [colours["ddim"], colours["heun"]]
    for part in (SCHEDULES, SAMPLERS):
        assert len({look(part, name) for name in part}) == len(part) <= len(PALETTE)
    for chosen in (["flow", "linear"], ["cosine", "flow", "ve"]):
        figure = schedule_curves({name: SCHEDULES[name]() for name in chosen})
        line = next(line for line in figure.axes[0].lines if line.get_label() == "flow")
        assert (line.get_color(), line.get_linestyle()) == look(SCHEDULES, "flow")


def test_a_sampler_of_your_own_has_a_look_of_its_own_and_changes_no_other():
    before = {name: look(SAMPLERS, name) for name in SAMPLERS}
    for name in ("mine", "mine_too"):
        SAMPLERS.add(name, SAMPLERS["ddim"])
    try:
        assert {name: look(SAMPLERS, name) for name in before} == before
        assert len({look(SAMPLERS, name) for name in SAMPLERS}) == len(SAMPLERS)
    finally:
        for name in ("mine", "mine_too"):
            SAMPLERS.remove(name)


def test_what_is_worse_is_hollow_and_not_another_colour():
    figure = comparison(
        "c",
        [
            [
                Panel(
                    "20",
                    "W2",
                    ["heun", "ddim"],
                    [np.arange(1.0, 4), np.arange(2.0, 5)],
                    [(2, 1, 3), (3, 2, 4)],
                    [False, True],
                    (0.8, 0.1),
                )
            ]
        ],
        table()[:, :1],
        [],
    )
    filled, hollow = figure.axes[0].collections
    assert to_rgba(colour_of("heun")) == tuple(filled.get_facecolors()[0])
    assert tuple(hollow.get_facecolors()[0]) == to_rgba("white")
    assert tuple(hollow.get_edgecolors()[0]) == to_rgba(colour_of("ddim"))


def test_classes_that_are_not_named_are_grey():
    found = by_class(np.array([3, 3, 1, 0]), ["a", "b", "c", "d"])
    assert found.shown == [0, 1, 2, 3]
    many = by_class(np.repeat(np.arange(12), np.arange(1, 13)), [str(i) for i in range(12)])
    assert many.shown == list(range(2, 12))  # the ten most frequent
    assert tuple(many.colours(np.array([0]))[0]) == to_rgba(PALE)


# ---- sequences and images


@pytest.mark.parametrize("channels", [1, 2, 6, 16])
def test_a_channel_has_a_row_with_one_scale_for_data_and_samples(channels):
    # Catches one scale for all channels, where a channel of a thousandth is a flat line, a scale for each panel, and axes without names.
    true, samples = waves(channels=channels), waves(channels=channels, seed=1)
    figure = sequences.panels("Samples", ["data", "ddim"], ["", ""], [true, samples])
    shown = min(channels, 6)
    rows = np.array(figure.axes).reshape(shown, 2)
    for c, (left, right) in enumerate(rows):
        assert left.get_ylim() == right.get_ylim()
        low, high = left.get_ylim()
        assert np.ptp(true[:8, :, c]) > 0.7 * (high - low)
        assert left.get_ylabel() == (f"channel {c}" if channels > 1 else "value")
        np.testing.assert_array_equal(left.lines[-1].get_ydata(), true[0, :, c])
        np.testing.assert_array_equal(right.lines[-1].get_ydata(), samples[0, :, c])
    assert [axes.get_xlabel() for axes in rows[-1]] == ["time step"] * 2
    assert rows[0, 0].get_xlim() == (0, 39)
    assert ("6 of 16 channels" in figure.get_suptitle()) == (channels == 16)
    assert_legible(figure)


def test_sequences_of_classes_are_as_many_of_each_in_their_colours():
    # Catches the first eight rows, which may be of one class, and labels that lose their rows.
    labels = np.array([0] * 10 + [1] * 3 + [2] * 3)
    x = waves() + labels[:, None, None]
    figure = sequences.panels("Samples", ["data", "ddim"], ["", ""], [x, x], labels=[labels] * 2, classes=["run", "walk", "sit"])
    handles = {
        text.get_text(): to_rgba(handle.get_color())
        for handle, text in zip(figure.legends[0].legend_handles, figure.legends[0].get_texts(), strict=True)
    }
    assert list(handles) == ["run", "walk", "sit"]
    for line in figure.axes[0].lines:
        row = next(i for i in range(16) if np.array_equal(x[i, :, 0], line.get_ydata()))
        assert to_rgba(line.get_color())[:3] == list(handles.values())[labels[row]][:3]
    assert len(figure.axes[0].lines) == 6  # two of each
    assert_legible(figure)


def test_images_of_classes_are_as_many_of_each_with_the_name_beside_the_line():
    # Catches lines in the order of appearance, names beside other lines, and a class whose missing images are filled with another's.
    labels = np.array([2, 0, 1] * 7 + [1])[:20]
    x = np.zeros((20, 8, 8)) + labels[:, None, None]
    figure = mosaics.panels("Samples", ["data", "ddim"], ["", ""], [x, x], (0, 4), [labels, labels], ["cat", "dog", "bird"])
    left, right = figure.axes
    picture = np.asarray(left.images[0].get_array())
    for name, place in zip(left.get_yticklabels(), left.get_yticks(), strict=True):
        k = ["cat", "dog", "bird"].index(name.get_text())
        assert (picture[int(place), 4:53:9] == k / 4).all()
    assert picture.shape == (3 * 9 - 1, 6 * 9 - 1)
    assert not right.get_yticklabels()
    assert_legible(figure)


def test_an_image_with_an_opacity_is_seen_on_white():
    # Catches the colours of transparent pixels in view.
    x = np.zeros((4, 8, 8, 4))
    x[..., 0], x[..., 3] = 255, np.array([0, 51, 255, 255])[:, None, None]
    found = mosaics.mosaic(x, (0, 255))
    np.testing.assert_allclose(found[2, 2], [1, 1, 1])
    np.testing.assert_allclose(found[2, 11], [1, 0.8, 0.8])
    np.testing.assert_allclose(found[11, 2], [1, 0, 0])


@pytest.mark.parametrize("drawn", ["samples", "trajectories"])
def test_a_rare_state_does_not_decide_what_is_seen_of_a_mixed_table(drawn):
    """Catches elements divided by their deviations: four marks of the same missing cells, 2 % of the rows, would be the first direction."""
    rng = np.random.default_rng(0)
    number, gap = rng.standard_normal((500, 2)) * [1.0, 0.6], np.arange(500) % 50 == 0
    rows = np.hstack([number, 0.3 * np.repeat(gap[:, None], 4, axis=1)])
    if drawn == "samples":
        figure = samples_beside_data(rows, {"ddim": (rows, "")}, scale=np.ones(6))
    else:
        figure = trajectories(np.stack([rows, rows]), np.array([1.0, 0.0]), "", scale=np.ones(6))
    seen = np.asarray(panels_of(figure)[0].collections[0].get_offsets())[:, 0]
    assert abs(np.corrcoef(seen, number[:, 0])[0, 1]) > 0.95


def test_the_axis_of_times_says_dates():
    """Catches seconds since 1970, and one lone mark such as 00:00."""
    day = 86400 * np.linspace(0, 1, 50)[:, None]
    rows = np.hstack([1.6e9 + 8000 * day, 1.6e9 + 400 * day, day])
    labels = [
        [label.get_text() for label in axes.get_xticklabels()]
        for axes in cells(rows, rows, "abc", [None] * 3, "", [0, 1, 2]).axes
    ]
    found = {len(one): re.sub(r"\d", "0", two) for one, two in labels}
    assert found == {4: "0000", 7: "0000-00", 5: "00:00"}
