"""What is looked at of a row, as columns: a table's own columns, or a few numbers of each channel of an image or a sequence.

A pixel says little alone, and there are many. So of each channel of an image or a sequence these are compared:

    the lowest value, the highest, the mean, the standard deviation: its range, brightness and contrast
    the roughness: the mean of |x_(i-1) - 2 x_i + x_(i+1)| along each axis, which trembling lines and noise make large       (1)
    the share of the background: of the value that is the most frequent one of the true rows, such as black           (2)

The values of one row depend on each other, and rows do not: so these columns can be tested as those of a table are.

    >>> look = Look((2, 3), ("x", "y", "z", "u", "v", "w"), np.zeros((1, 6)))
    >>> look.labels[0], look.of(np.ones((5, 6))).shape
    ("column 'x'", (5, 6))
    >>> pictures = np.zeros((10, 64)); pictures[:, 5] = 9
    >>> look = Look((8, 8), (), pictures)
    >>> dict(zip(look.labels, look.of(pictures)[0].round(2).tolist()))
    {'the lowest value': 0.0, 'the highest value': 9.0, 'the mean': 0.14, 'the deviation': 1.12, 'the roughness': 0.47,
     'the share of values that are exactly 0': 0.98}
"""

from collections.abc import Sequence

import numpy as np

from unstir.data import in_space, layout
from unstir.metrics.shares import ATOM
from unstir.words import number, short

LINE = 3  # values along an axis, from where (1) has something to measure
MOST = 2_000_000  # numbers from which the background is taken


class Look:
    """The columns that are compared, of rows of a shape with `axes`; `names` are those of a table's columns, `true` (m, d) rows for (2)."""

    def __init__(self, shape: tuple[int, ...], names: Sequence[str], true: np.ndarray, axes: str | None = None):
        self.shape, self.layout = shape, in_space(layout(shape, axes))
        self.backgrounds: list[float | None] = []
        if self.layout is None:
            self.labels = tuple(f"column '{short(name)}'" for name in names)
            return
        self.backgrounds = [_background(channel) for channel in self._channels(true)]
        several = len(self.backgrounds) > 1
        self.labels = tuple(
            f"{what} of channel {i}" if several else what for i, b in enumerate(self.backgrounds) for what in self._whats(b)
        )

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The columns (n, k) of rows (n, d)."""
        if self.layout is None:
            return rows
        channels = self._channels(rows)
        return np.stack([n for x, b in zip(channels, self.backgrounds, strict=True) for n in self._numbers(x, b)], axis=1)

    def _channels(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, d) channel by channel, (channels, n, ...)."""
        x = rows.reshape(len(rows), *self.shape)
        assert self.layout is not None
        axis = self.layout.channel_axis
        return x[None] if axis is None else np.moveaxis(x, 1 if axis == 0 else -1, 0)

    def _bent(self) -> list[int]:
        assert self.layout is not None
        return [1 + axis for axis, size in enumerate(self.layout.spatial) if size >= LINE]

    def _whats(self, background: float | None) -> list[str]:
        rough = ["the roughness"] if self._bent() else []
        share = [] if background is None else [f"the share of values that are exactly {number(background, 4)}"]
        return ["the lowest value", "the highest value", "the mean", "the deviation", *rough, *share]

    def _numbers(self, x: np.ndarray, background: float | None) -> list[np.ndarray]:
        """The numbers (n,) of one channel (n, ...)."""
        flat = x.reshape(len(x), -1)
        found = [flat.min(1), flat.max(1), flat.mean(1), flat.std(1)]
        bends = [np.abs(np.diff(x, 2, axis=axis)).reshape(len(x), -1).mean(1) for axis in self._bent()]
        return [
            *found,
            *([np.mean(bends, axis=0)] if bends else []),
            *([] if background is None else [(flat == background).mean(1)]),
        ]


def _background(channel: np.ndarray) -> float | None:
    """The most frequent value of a channel (n, ...), if it is frequent enough to be an atom."""
    values, counts = np.unique(channel.ravel()[:MOST], return_counts=True)
    k = int(counts.argmax())
    return float(values[k]) if counts[k] >= ATOM * counts.sum() and counts[k] > 1 else None
