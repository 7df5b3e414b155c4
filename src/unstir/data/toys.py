"""The built-in point sets in the plane: data whose distribution is known, with as many fresh points as are wanted.

Each is a function `(n, rng) -> (points, labels)`: n points as (n, 2) float64, and (n,) class numbers or None.
A set with K classes puts n/K points in each, up to rounding; `noise` below is the standard deviation of a Gaussian.

    set               shape                                            coordinates in         noise      classes
    swiss_roll        (1)                                              [-1, 1]                0.02       none
    moons             (2)                                              [-1.5, 1.5]            0.05       2
    circles           radii 1 and 1/2                                  [-1, 1]                0.05       2
    eight_gaussians   eight centres on a ring of radius 2              [-2, 2]                0.1        8
    checkerboard      the eight dark squares of a 4 x 4 board          [-2, 2]                none       none
    pinwheel          (3), five bent arms                              [-2, 2], mostly        in (3)     5
    spirals           (4), two arms                                    [-2, 2]                0.05       2

Only the noise of the swiss roll is random: its n places along the roll are evenly spaced, as the equation says. Two
rolls of n points are therefore nearer to each other than n independent draws would be. For a fair distance between true
samples draw one long roll and take random rows of it (`unstir.metrics.distances.half_split_pairs`).
"""

from collections.abc import Callable

import numpy as np

from unstir.data.arrays import from_arrays
from unstir.data.dataset import Data
from unstir.errors import UsageError, unknown

Points = tuple[np.ndarray, np.ndarray | None]


def swiss_roll(n: int, rng: np.random.Generator) -> Points:
    """A rolled-up line, evenly spaced in its angle:

        u = linspace(0, 4 pi, n),    x = (u cos u, u sin u) / (4 pi) + 0.02 noise                                     (1)

    >>> points, labels = swiss_roll(3, np.random.default_rng(0))
    >>> points.shape, labels is None
    ((3, 2), True)
    """
    u = np.linspace(0, 4 * np.pi, n)
    return polar(u, u) / (4 * np.pi) + 0.02 * rng.standard_normal((n, 2)), None


def moons(n: int, rng: np.random.Generator) -> Points:
    """Two interleaved half circles, the second the first turned by half a turn about the origin:

        x = +-(cos u - 1/2, sin u - 1/4) + 0.05 noise,    u uniform in [0, pi]                                        (2)

    >>> points, labels = moons(6, np.random.default_rng(0))
    >>> np.bincount(labels).tolist()
    [3, 3]
    """
    labels = balanced(n, 2)
    arc = polar(1.0, rng.uniform(0, np.pi, n)) - [1 / 2, 1 / 4]
    return sign(labels) * arc + 0.05 * rng.standard_normal((n, 2)), labels


def circles(n: int, rng: np.random.Generator) -> Points:
    """Two circles about the origin, of radius 1 (class 0) and 1/2 (class 1), with noise 0.05.

    >>> points, labels = circles(1000, np.random.default_rng(0))
    >>> round(float(np.hypot(*points[labels == 1].T).mean()), 1)
    0.5
    """
    labels = balanced(n, 2)
    ring = polar(np.where(labels == 0, 1.0, 0.5), rng.uniform(0, 2 * np.pi, n))
    return ring + 0.05 * rng.standard_normal((n, 2)), labels


def eight_gaussians(n: int, rng: np.random.Generator) -> Points:
    """Eight Gaussians of standard deviation 0.1; class k is centred at radius 2 and angle 2 pi k / 8.

    >>> points, labels = eight_gaussians(8, np.random.default_rng(0))
    >>> labels.tolist()
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    labels = balanced(n, 8)
    return EIGHT_CENTRES[labels] + EIGHT_NOISE * rng.standard_normal((n, 2)), labels


def checkerboard(n: int, rng: np.random.Generator) -> Points:
    """Uniform on the eight unit squares of [-2, 2]^2 whose column and row (0 .. 3) add up to an even number.

    >>> points, labels = checkerboard(1000, np.random.default_rng(0))
    >>> set((np.floor(points).sum(axis=1) % 2).tolist())
    {0.0}
    """
    column = rng.integers(0, 4, n)
    row = 2 * rng.integers(0, 2, n) + column % 2
    return np.stack([column, row], axis=1) - 2 + rng.uniform(0, 1, (n, 2)), None


def pinwheel(n: int, rng: np.random.Generator) -> Points:
    """Five stretched Gaussians, each bent the more the farther it lies from the centre (after Johnson et al., 2016):

        (a, b) = (1 + 0.3 noise, 0.1 noise),    x = (a, b) turned by 2 pi k / 5 + exp(a) / 4 for class k               (3)

    >>> points, labels = pinwheel(10, np.random.default_rng(0))
    >>> np.bincount(labels).tolist()
    [2, 2, 2, 2, 2]
    """
    labels = balanced(n, 5)
    a, b = 1 + 0.3 * rng.standard_normal(n), 0.1 * rng.standard_normal(n)
    turn = 2 * np.pi * labels / 5 + np.exp(a) / 4
    return polar(a, turn) + polar(b, turn + np.pi / 2), labels


def spirals(n: int, rng: np.random.Generator) -> Points:
    """Two arms of one and a half turns, the second the first turned by half a turn (after Grathwohl et al., 2019):

        x = +-(u cos u, u sin u) 2 / (3 pi) + 0.05 noise,    u = 3 pi sqrt(uniform in [0, 1])                         (4)

    >>> points, labels = spirals(7, np.random.default_rng(0))
    >>> np.bincount(labels).tolist()
    [4, 3]
    """
    labels = balanced(n, 2)
    u = 3 * np.pi * np.sqrt(rng.uniform(0, 1, n))  # the root spreads points evenly along the arm, not along the angle
    return sign(labels) * polar(2 * u / (3 * np.pi), u) + 0.05 * rng.standard_normal((n, 2)), labels


TOYS: dict[str, Callable[[int, np.random.Generator], Points]] = {
    function.__name__: function for function in (swiss_roll, moons, circles, eight_gaussians, checkerboard, pinwheel, spirals)
}


def toy(name: str, n: int, seed: int) -> Data:
    """`n` points of the built-in set `name`, as `Data`; another seed draws fresh points of the same distribution.

    Shapes: values (n, 2) float64. Raises UsageError for an unknown name or n < 2.

    >>> toy("eight_gaussians", 16, seed=0).classes
    ('0', '1', '2', '3', '4', '5', '6', '7')
    >>> toy("moon", 16, seed=0)
    Traceback (most recent call last):
    ...
    unstir.errors.UsageError: unknown data set 'moon': did you mean 'moons'? Known: checkerboard, circles, ...
    """
    if name not in TOYS:
        raise unknown("data set", name, TOYS)
    if n < 2:
        raise UsageError(f"{n} points of '{name}' are too few; ask for at least 2.")
    points, labels = TOYS[name](n, np.random.default_rng(seed))
    return from_arrays(points, labels, names=("x", "y"), source=name, copy=False)


def polar(radius: float | np.ndarray, angle: np.ndarray) -> np.ndarray:
    """The points of the plane at `radius` (a number or (n,)) and `angle` (n,), as (n, 2).

    >>> polar(2.0, np.array([0.0])).tolist()
    [[2.0, 0.0]]
    """
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


EIGHT_CENTRES, EIGHT_NOISE = polar(2.0, 2 * np.pi * np.arange(8) / 8), 0.1  # of `eight_gaussians`


def balanced(n: int, classes: int) -> np.ndarray:
    """The (n,) class numbers 0, 1, .., K-1, 0, 1, ..: as equal in number as n allows.

    >>> balanced(5, 2).tolist()
    [0, 1, 0, 1, 0]
    """
    return np.arange(n) % classes


def sign(labels: np.ndarray) -> np.ndarray:
    """The (n, 1) factors +1 for class 0 and -1 for class 1.

    >>> sign(np.array([0, 1])).tolist()
    [[1], [-1]]
    """
    return 1 - 2 * labels[:, None]
