"""A schedule, target or sampler has one colour: in each figure, and on each page."""

import re

import pytest
from matplotlib.colors import to_hex

from report_contents import comparison
from unstir.diffusion.registry import SCHEDULES, TARGETS
from unstir.diffusion.samplers import SAMPLERS
from unstir.diffusion.schedules import needs_no_settings, schedule
from unstir.plots import schedule_curves
from unstir.plots.looks import PALETTE
from unstir.report.colours import DARK, drawn_as
from unstir.report.errors import schedules
from unstir.report.page import render

LINES = {"-": None, "--": [8, 4], ":": [2, 3]}


def of_style(page, style):
    """The colour on a white screen, as a browser finds it."""
    return re.search(rf"--{style}: (#\w+);", page)[1]


@pytest.mark.parametrize("chosen", ["flow", "cosine"])
def test_the_page_and_the_figure_draw_a_schedule_alike_whatever_stands_beside_it(chosen):
    # Catches colours by the order in the list of the page: with another schedule chosen, all others changed theirs.
    page = render(comparison())
    curves = schedules(schedule(chosen), chosen)["curves"]
    assert curves.keys() == {name for name in SCHEDULES if needs_no_settings(name)}
    few = [name for name in reversed(curves) if name != "linear"]
    for figure in (schedule_curves({name: schedule(name) for name in few}), schedule_curves({chosen: schedule(chosen)}, chosen)):
        for line in figure.axes[0].lines:
            if line.get_label() in curves:
                curve = curves[line.get_label()]
                assert of_style(page, curve["colour"]) == to_hex(line.get_color()), line.get_label()
                assert curve["dash"] == LINES[line.get_linestyle()], line.get_label()


def test_no_two_parts_of_a_kind_look_the_same():
    for table in (SCHEDULES, TARGETS, SAMPLERS):
        assert len({str(drawn_as(name)) for name in table}) == len(table)


def test_the_scores_of_a_comparison_are_drawn_in_the_colour_of_the_alternative():
    # Catches dots that are blue for all: the page of `contents` says c3, and its CSS makes that the colour of the dots.
    page = render(comparison())
    assert 'class="gauge wide c3"' in page
    assert ".c3 { --own: var(--c3); }" in page
    assert ".gauge .seed { fill: var(--own" in page


def luminance(colour):
    """Relative luminance (W3C, WCAG 2.2)."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_colour_can_be_seen_on_a_dark_screen():
    # WCAG 2.2, 1.4.11: 3 to 1 for graphics. Catches the black and the dark violet of the figures on the dark page.
    assert len(DARK) == len(PALETTE) == len(set(DARK))
    paper = luminance("#14171a")
    assert min((luminance(colour) + 0.05) / (paper + 0.05) for colour in DARK) > 3
