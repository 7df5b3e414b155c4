"""Points with sharp edges: how many samples fall outside a Koch snowflake, and how many far outside, after a time or a number of steps.

    python benchmarks/fine_detail.py --minutes 1 --seeds 5;    python benchmarks/fine_detail.py --steps 4000 --answer drawn --finest 5.8

The data are points spread evenly inside the snowflake, so a perfect model leaves none outside, however long its coast is. "Far" are samples
more than 0.02 standard deviations outside. "Cells" is the share of an 80 x 80 grid's cells, those that lie inside as a whole, in which
at least one of 20,000 samples falls; W2 is sliced, in standard deviations, with its floor between true points.
"""

import time

import numpy as np
from matplotlib.path import Path
from numpy.typing import NDArray
from scipy.spatial import cKDTree

import unstir
from report import Table, note, parser, show, with_summary

SAMPLES, GRID, FAR, SPACING = 20_000, 80, 0.02, 0.001

Points = NDArray[np.float64]


def koch(levels: int = 6, turned: float = 0.0) -> Points:
    """The corners of a Koch snowflake in the unit circle, turned by so many degrees: (3 x 4^levels, 2)."""
    corners = np.exp(1j * (np.pi / 2 + np.deg2rad(turned) - 2 * np.pi * np.arange(3) / 3))
    for _ in range(levels):
        third = (np.roll(corners, -1) - corners) / 3
        peak = third * (1 + np.exp(1j * np.pi / 3))
        corners = np.stack([corners, corners + third, corners + peak, corners + 2 * third], 1).ravel()
    return np.stack([corners.real, corners.imag], 1)


class Land:
    """What lies inside a polygon."""

    def __init__(self, corners: Points):
        self.inside = Path(corners, closed=True).contains_points
        self.low, self.high = corners.min(0), corners.max(0)
        longest = np.linalg.norm(np.roll(corners, -1, 0) - corners, axis=1).max()
        part = np.linspace(0, 1, max(1, int(np.ceil(longest / SPACING))), endpoint=False)[:, None, None]
        self.coast = cKDTree((corners * (1 - part) + np.roll(corners, -1, 0) * part).reshape(-1, 2))
        self.side = (self.high - self.low).max() / GRID
        cells = np.stack(np.meshgrid(np.arange(GRID), np.arange(GRID), indexing="ij"), -1).reshape(-1, 2)
        centres = self.low + (cells + 0.5) * self.side
        whole = self.inside(centres) & (self.coast.query(centres)[0] > self.side * 2**-0.5)
        self.cells = {tuple(cell) for cell in cells[whole].tolist()}

    def draw(self, n: int, seed: int) -> Points:
        """n points, spread evenly inside."""
        generator, found = np.random.default_rng(seed), np.empty((0, 2))
        while len(found) < n:
            points = generator.uniform(self.low, self.high, (n, 2))
            found = np.concatenate([found, points[self.inside(points)]])
        return found[:n]

    def score(self, x: Points, deviation: float) -> dict[str, float]:
        """The figures of samples (n, 2)."""
        outside = x[~self.inside(x)]
        far = self.coast.query(outside)[0] > FAR * deviation if len(outside) else np.zeros(0)
        reached = set(map(tuple, np.floor((x - self.low) / self.side).astype(int).tolist()))
        return {
            "outside": 100 * len(outside) / len(x),
            "far": 100 * float(np.sum(far)) / len(x),
            "cells": len(reached & self.cells) / len(self.cells),
            "W2": sliced(x, self.draw(len(x), 99)) / deviation,
        }


def sliced(x: Points, y: Points, directions: int = 100) -> float:
    """The sliced Wasserstein distance of two sets of as many points."""
    angle = np.random.default_rng(0).uniform(0, np.pi, directions)
    along = np.stack([np.cos(angle), np.sin(angle)])
    return float(np.sqrt(np.square(np.sort(x @ along, 0) - np.sort(y @ along, 0)).mean()))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=30_000)
    options.add_argument("--turned", type=float, default=0.0, help="degrees")
    options.add_argument("--minutes", type=float)
    options.add_argument("--steps", type=int)
    options.add_argument("--evaluations", type=int, default=20)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--answer", choices=["drawn", "expected"])
    options.add_argument("--finest", type=float)
    chosen = options.parse_args()
    land = Land(koch(turned=chosen.turned))
    named = {name: getattr(chosen, name) for name in ("minutes", "steps", "answer", "finest")}
    settings = {name: value for name, value in named.items() if value is not None}
    rows = []
    for seed in range(chosen.seeds):
        data = land.draw(chosen.rows, seed)
        began = time.perf_counter()
        model = unstir.fit(data, seed=seed, progress=False, **settings)
        seconds = time.perf_counter() - began
        x = np.asarray(model.sample(SAMPLES, steps=chosen.evaluations, seed=seed), dtype=np.float64)
        rows.append({"seed": seed, "seconds": seconds, "steps": len(model.losses), **land.score(x, float(data.std()))})
        note(f"seed {seed}: {rows[-1]}")
    true = {"seed": "true", **land.score(land.draw(SAMPLES, 12345), float(land.draw(SAMPLES, 1).std()))}
    formats = {"seed": "", "seconds": ".0f", "steps": ",", "outside": ".2f", "far": ".2f", "cells": ".3f", "W2": ".4f"}
    title = f"{chosen.rows:,} points in a Koch snowflake, {chosen.evaluations} evaluations; outside and far in per cent"
    show([Table(title, formats, [*with_summary(rows, "seed"), true])], f"{chosen.seeds} seeds", chosen.json)


if __name__ == "__main__":
    main()
