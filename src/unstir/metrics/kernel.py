"""The kernel distance between two sets (KID): it compares all their moments up to the third, and assumes no Gaussian.

    k(x, y)  =  (x . y / d + 1)^3                                                                                    (1)
    MMD^2    =  E k(X, X') + E k(Y, Y') - 2 E k(X, Y),     X and X' independent, Y and Y' too                        (2)

(2) is estimated over pairs of *different* rows, so it has no bias at any n. Between equal distributions its mean is 0, and it is about
as often below zero as above; the Frechet distance is positive there.

    >>> x, y = np.random.default_rng(0).normal(size=(2, 1000, 4))
    >>> print(f"{kernel_distance(x, y):.3f} {kernel_distance(x, y + 1.0):.2f}")
    -0.000 10.40
"""

import numpy as np

from unstir.errors import UsageError
from unstir.metrics.distances import as_points, blocks
from unstir.steady import steady


@steady
def kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Eq. (2) of rows x (n, d) and y (m, d), estimated without bias by means over all pairs of different rows.

    Raises UsageError for shapes that do not fit, and for fewer than 2 rows on a side. Sources: Binkowski, Sutherland, Arbel & Gretton
    (2018), "Demystifying MMD GANs", section 4; Gretton et al. (2012), "A kernel two-sample test", eq. 3.

    >>> kernel_distance(np.array([[1.0], [1.0]]), np.array([[0.0], [0.0]]))  # 8 + 1 - 2
    7.0
    """
    x, y = as_points(x, y)
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise UsageError(f"the kernel distance takes at least 2 rows on each side; there are {n} and {m}.")
    return _within(x) + _within(y) - 2 * _total(x, y) / (n * m)


def _within(x: np.ndarray) -> float:
    """The mean of (1) over all pairs of different rows."""
    n, d = x.shape
    return (_total(x, x) - float(_kernel((x**2).sum(1), d).sum())) / (n * (n - 1))


def _total(x: np.ndarray, y: np.ndarray) -> float:
    return sum(float(_kernel(block @ y.T, x.shape[1]).sum()) for block in blocks(x, len(y)))


def _kernel(products: np.ndarray, d: int) -> np.ndarray:
    return (products / d + 1) ** 3
