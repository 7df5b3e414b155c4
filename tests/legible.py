"""Whether a figure can be read: all its words are on it, and none is over another."""

import matplotlib.text
import numpy as np


def words_of(figure):
    """Each piece of text that is drawn, with its box in pixels; numbers on axes beyond the limits exist without being drawn."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    ticks, seen = set(), set()
    for axes in figure.findobj(lambda artist: hasattr(artist, "xaxis")):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = np.sort(axis.get_view_interval())
            air = 1e-9 * (high - low)
            for tick in axis.get_major_ticks():
                ticks |= {id(tick.label1), id(tick.label2)}
                if low - air <= tick.get_loc() <= high + air and axes.axison:
                    seen.add(id(tick.label1))
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text().strip()]
    return {text: text.get_window_extent(renderer) for text in texts if id(text) not in ticks or id(text) in seen}


def assert_legible(figure):
    """Catches words that are cut off at the edge, or that run into the next panel's."""
    boxes = words_of(figure)
    for text, box in boxes.items():
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= figure.bbox.width, text
        assert box.y1 <= figure.bbox.height, text
    together = [(text, box.padded(-1)) for text, box in boxes.items()]
    for i, (one, box) in enumerate(together):
        for other, beside in together[i + 1 :]:
            assert not box.overlaps(beside), (one, other)


def said(figure):
    """All texts of a figure, as they are drawn."""
    figure.canvas.draw()
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]
