"""Could these samples be true rows? A test without assumptions: relabel the rows at random, and measure again.

Pool the n samples and m true rows, and give a row of the pool the weight w = 1/n on one side, -1/m on the other. With the matrix
D of the distances |z_i - z_j|, the energy distance of that labelling is

    D^2(w) = -w' D w  =  2 E|X - Y| - E|X - X'| - E|Y - Y'|                                           (1)
    p = (1 + number of relabellings with D^2 at least as large) / (1 + number of relabellings)        (2)

D is computed once. If both sides come from one distribution, all labellings are equally likely, so p is uniform, whatever the
distribution and however few the rows. The mean of the relabelled D^2 is the floor.
"""

from dataclasses import dataclass

import numpy as np

from unstir.errors import UsageError
from unstir.metrics.distances import as_points, pairwise
from unstir.steady import steady

POOLED_ROWS = 5_000  # memory and time grow like the square of their number


@dataclass(frozen=True)
class EnergyTest:
    """The energy distance of the actual labelling, the mean and deviation over relabellings, and p by eq. (2). `rows` is n."""

    distance: float
    floor: float
    floor_deviation: float
    p_value: float
    rows: int


@steady
def energy_test(x: np.ndarray, y: np.ndarray, permutations: int = 999, seed: int = 0) -> EnergyTest:
    """Eq. (2) for the energy distance between samples x (n, d) and true rows y (m, d).

    Raises UsageError for shapes that do not fit, and for more than 5,000 rows together. Sources: Szekely and Rizzo (2013), "Energy
    statistics", section 6; Phipson and Smyth (2010) for the 1 + in (2), without which p could be 0 and would not be uniform.

    >>> rng = np.random.default_rng(0)
    >>> energy_test(rng.normal(size=(50, 2)), rng.normal(1, 1, size=(50, 2))).p_value
    0.001
    """
    x, y = as_points(x, y)
    n, m = len(x), len(y)
    if n + m > POOLED_ROWS:
        raise UsageError(f"the permutation test holds all pairs of {n + m} rows in memory; draw at most {POOLED_ROWS} together.")
    pool = np.concatenate([x, y])
    distances = pairwise(pool, pool)
    at_hand = np.repeat([1 / n, -1 / m], [n, m])
    relabelled = np.random.default_rng(seed).permuted(np.tile(at_hand, (permutations, 1)), axis=1)
    weights = np.concatenate([at_hand[None], relabelled])
    found, *others = -np.einsum("pi,pi->p", weights @ distances, weights)
    same = found - 1e-12 * distances.mean()  # equal values can differ in rounding, as sums in another order
    reached = int((np.array(others) >= same).sum())
    return EnergyTest(float(found), float(np.mean(others)), float(np.std(others)), (1 + reached) / (1 + permutations), n)
