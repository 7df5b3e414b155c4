"""How good points on the swiss roll are: how many lie off it, and how far their distribution is from fresh truth.

    off-roll     share of the points farther than 0.06, three deviations of the roll's noise, from a fresh roll of 5,000      (1)
    sliced W2    to that fresh roll, over 256 directions                                                                     (2)

The built-in roll is a grid: its points are evenly spaced along the line, and only their noise is random. So (2) has two floors.
Another such roll is nearer to the fresh one than independent points of the same distribution are; a sampler draws independent
points, and no sampler can be expected to get below the second.
"""

import numpy as np

from unstir.data import toy
from unstir.metrics.distances import far_fraction, sliced_wasserstein

POINTS = 5000
RADIUS = 0.06
PROJECTIONS = 256
FRESH = 1_000_003  # added to a seed: points that no training has seen
FLOORS = "True points, the floors: 'true grid' is another roll, 'true draw' independent points of the same distribution."
POOL = 200_000  # points of one long roll, of which any few are an independent draw


def roll(seed: int, n: int = POINTS) -> np.ndarray:
    """n points of the swiss roll, evenly spaced along it: (n, 2)."""
    return np.asarray(toy("swiss_roll", n, seed).values)


def measures(points: np.ndarray, seed: int, name: str) -> dict[str, float]:
    """Eq. (1) in per cent and eq. (2) of some points, against the roll that is fresh for that seed, as columns of that name."""
    fresh = roll(seed + FRESH)
    return {
        f"{name} off %": 100 * far_fraction(points, fresh, RADIUS),
        f"{name} SW2": sliced_wasserstein(points, fresh, PROJECTIONS),
    }


def floors(seed: int) -> dict[str, float]:
    """The measures of true points: of another roll, and of independent draws."""
    other = roll(seed + 2 * FRESH, POOL)
    some = np.random.default_rng(seed).choice(POOL, POINTS, replace=False)
    return measures(roll(seed + 2 * FRESH), seed, "true grid") | measures(other[some], seed, "true draw")


def formats(row: dict[str, object]) -> dict[str, str]:
    """The columns of a table whose first row this is."""
    known = {"%": ".2f", "SW2": ".4f", "s": ".2f", "ratio": ".2f", "steps": ".0f"}
    return {name: known.get(name.split()[-1], "") for name in row}
