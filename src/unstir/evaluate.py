"""Is it good? Distances between a model's samples and true rows, each beside its floor.

    value = metric(samples_i, true_i),   floor = metric(other true rows_i, true_i),   i = 1 .. R            (1)

with the same number of rows on all sides. A distance without its floor says nothing: two true samples differ too. Where fresh
truth can be drawn (a built-in set) every set is fresh; where there are only rows, the true ones are those held out of training
and the floor sets are training rows.

    >>> rng = np.random.default_rng(0)
    >>> truth = Truth([rng.normal(size=(500, 2))] * 2, [rng.normal(size=(500, 2)), rng.normal(size=(500, 2))])
    >>> print(compare([rng.normal(3, 1, (500, 2))] * 2, truth, np.ones(2))[0].verdict)
    far above the floor
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from unstir.datasets import TOYS, Data, toy
from unstir.errors import UsageError
from unstir.metrics.distances import energy_distance, floor, sliced_wasserstein
from unstir.model import Model

POOL = 200_000  # points of one long roll, of which any 5,000 are a fair draw: its own points are evenly spaced
MOST = 5000  # rows a set: energy distance is quadratic in them
FEWEST = 10
REPEATS = 5


@dataclass(frozen=True)
class Truth:
    """R sets of true rows (n, d), and R others of the same size that the floor compares with them."""

    true: Sequence[np.ndarray]
    others: Sequence[np.ndarray]


@dataclass(frozen=True)
class Score:
    """One distance: mean and standard deviation over R comparisons of n rows, and those of its floor."""

    metric: str
    value: float
    deviation: float
    floor: float
    floor_deviation: float
    rows: int

    @property
    def verdict(self) -> str:
        """The comparison in words."""
        spread = max(self.floor_deviation, 1e-12)
        if self.value <= self.floor + 2 * spread:
            return "at the floor"
        return "near the floor" if self.value < 2 * self.floor else "far above the floor"


def truth_of(data: Data, held_out: float, seed: int, repeats: int = REPEATS) -> Truth:
    """True rows to compare with: fresh draws of a built-in set, or else rows held out of training against training rows.

    Raises UsageError where fewer than 10 rows are held out.
    """
    rng = np.random.default_rng([seed, 4])
    if data.source in TOYS:
        pool = toy(data.source, POOL, seed=seed + 1_000_003).values.reshape(POOL, -1)
        order = rng.permutation(POOL)[: 2 * repeats * MOST].reshape(2 * repeats, MOST)
        sets = [pool[rows] for rows in order]
        return Truth(sets[:repeats], sets[repeats:])
    training, unseen = (part.values.reshape(len(part), -1).astype(np.float64) for part in data.split(held_out, seed))
    n = min(MOST, len(unseen), len(training))
    if n < FEWEST:
        raise UsageError(f"{len(unseen)} rows are held out of training: too few to compare with. Bring more data.")
    return Truth(
        [unseen[rng.permutation(len(unseen))[:n]] for _ in range(repeats)],
        [training[rng.permutation(len(training))[:n]] for _ in range(repeats)],
    )


Measured = dict[str, tuple[float, float]]
"""By the name of a distance, its mean and standard deviation over R comparisons."""


def compare(samples: Sequence[np.ndarray], truth: Truth, scale: np.ndarray, floors: Measured | None = None) -> list[Score]:
    """Eq. (1) for each distance: R sets of samples (n, d); `scale` (d,) is the data's standard deviation in each column.

    Floors that `measure(truth.others, truth, scale)` has found already can be handed in.
    """
    floors = floors or measure(truth.others, truth, scale)
    rows = len(truth.true[0])
    return [Score(name, *value, *floors[name], rows=rows) for name, value in measure(samples, truth, scale).items()]


def measure(sets: Sequence[np.ndarray], truth: Truth, scale: np.ndarray) -> Measured:
    """Each distance between R sets (n, d) and the true ones."""
    weights = 1 / np.where(scale == 0, 1, scale)
    metrics: dict[str, tuple[Callable[[np.ndarray, np.ndarray], float], np.ndarray]] = {
        "sliced W2, data's units": (sliced_wasserstein, np.ones_like(weights)),
        "sliced W2, standardised": (sliced_wasserstein, weights),
        "energy distance, standardised": (energy_distance, weights),
    }
    return {
        name: floor(metric, [(x * factor, y * factor) for x, y in zip(sets, truth.true, strict=True)])
        for name, (metric, factor) in metrics.items()
    }


def evaluate(model: Model, truth: Truth, steps: int = 20, method: str | None = None, seed: int = 0) -> list[Score]:
    """`compare` for fresh samples of a model, as many as there are true rows."""
    n, repeats = len(truth.true[0]), len(truth.true)
    rows = np.asarray(model.sample(n * repeats, steps=steps, method=method, seed=seed), dtype=np.float64)
    return compare(np.split(rows.reshape(n * repeats, -1), repeats), truth, model.encoder.scale.flatten().numpy())


def as_json(scores: Sequence[Score]) -> list[dict[str, float | str]]:
    """The scores as plain dictionaries, with their verdicts."""
    return [asdict(score) | {"verdict": score.verdict} for score in scores]
