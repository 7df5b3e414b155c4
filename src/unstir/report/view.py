"""How rows are shown on a page: as points of a plane, as small images, or as curves.

    two columns      as they are
    one column       the value of one row against the value of another row                               (1)
    more columns     x P, P (d, 2) the two directions in which the data spreads most                     (2)
    images           at most 48 pixels a side, else every k-th pixel;  sequences: at most 256 values, else every k-th

Each of these maps is linear and turns independent standard normal noise into the same. So x_t = alpha x_0 + sigma eps holds for the
shown points exactly as in the model's space, and the page can compute it itself.

    shown x_t = x_t / max(1, sqrt(alpha^2 + sigma^2))                                                    (3)

keeps the noise of variance exploding schedules inside the frame; it changes nothing for other schedules.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstir.data import Layout
from unstir.diffusion.schedules import Schedule
from unstir.encoders.base import Encoder
from unstir.plots.mosaics import drawable
from unstir.plots.plane import frame, looked_at, principal
from unstir.report.packing import numbers, pack
from unstir.words import percent

SIDE, LONG, CHANNELS = 48, 256, 8  # pixels a side of an image; values and channels of a sequence
REACH = 0.75  # how far the frame may extend beyond the data to show the noise, as a share of the data's size


@dataclass(frozen=True)
class View:
    """How rows are shown: `project` takes rows (n, ...) of the model's space to (m, 2), (n, H, W[, C]) or (n, L, C)."""

    kind: str
    show: str
    axes: list[str]
    project: Callable[[Tensor], np.ndarray]
    most: int  # points, images or curves on a page at most, so that they can be told apart
    rows_each: int = 1  # how many rows make one point
    decode: dict[str, Any] | None = None

    def frame(self, shown: np.ndarray) -> list[float]:
        """[x_low, x_high, y_low, y_high] around points (n, 2) and around as much of the noise as leaves the points legible."""
        noise = np.random.default_rng(0).standard_normal((2000, 2))
        box = frame(shown.reshape(-1, shown.shape[-1])[:, :2], [noise], REACH).squared()
        return [float(f"{edge:.5g}") for edge in (box.low[0], box.high[0], box.low[1], box.high[1])]


def view_of(
    shape: tuple[int, ...], lies: Layout | None, names: Sequence[str], rows: Tensor, encoder: Encoder, span: tuple[float, float]
) -> View:
    """The view of rows (n, *shape) in the model's space, which lie like `lies` there; `span` is the smallest and the largest value of the data.

    If the encoder is not linear, as for latents, the encoded vectors are shown as points, because that is where the noise is added.
    """
    linear = encoder.linear
    if lies and linear:
        kind, reduced = lies.kind, lay_out(lies)
        decode = {name: pack(reduced(part[None])[0]) for name, part in zip(("shift", "scale"), linear, strict=True)}
        axes = ["x", "y"] if kind == "images" else ["step", "value"]
        decode |= {"low": numbers(span[0]), "high": numbers(span[1])}
        return View(kind, kind, axes, reduced, 36 if kind == "images" else 24, decode=decode)
    how, named = encoder.describes, list(names) or [f"x{i}" for i in range(math.prod(shape))]
    if math.prod(shape) == 1:
        axes = [f"{named[0]} ({how})", f"{named[0]} of another row ({how})"]
        return View("points", "points", axes, _pairs, 2000, rows_each=2)
    if shape == (2,):
        return View("points", "points", [f"{name} ({how})" for name in named], lambda z: z.double().numpy(), 2000)
    directions, shares = principal(rows[: looked_at(rows[0].numel())].flatten(1).double().numpy())
    axes = [f"component {i} ({percent(share)} of the variance)" for i, share in enumerate(shares, 1)]
    return View("vectors", "points", axes, lambda z: z.flatten(1).double().numpy() @ directions, 2000)


def shrink(schedule: Schedule, t: Tensor) -> Tensor:
    """The divisor of (3) at times t, in the shape of t."""
    return torch.hypot(*schedule(t)).clamp(min=1.0)


def _pairs(z: Tensor) -> np.ndarray:
    """The points (n // 2, 2) of eq. (1)."""
    return z[: len(z) // 2 * 2].double().reshape(-1, 2).numpy()


def lay_out(row_layout: Layout) -> Callable[[Tensor], np.ndarray]:
    """The function that reduces images or sequences (n, ...) for the page: to (n, H, W[, 3]) or (n, L, C), with few pixels or values."""
    images = row_layout.kind == "images"
    every = -(-max(row_layout.spatial) // (SIDE if images else LONG))
    second = slice(None, None, every) if images else slice(CHANNELS)
    return lambda z: drawable(z.double().numpy(), row_layout)[:, ::every, second]
