"""Statistics of many rows, computed part by part: only one part is in memory at a time.

Two parts have counts n and m, means a and b, and variances (or covariances) A and B. With d = b - a, both together have

    mean = a + d m / (n + m),    variance = (n A + m B) / (n + m) + d d^T n m / (n + m)^2                 (1)

(Chan, Golub and LeVeque 1983). No two nearly equal numbers are subtracted, so a million parts give as exact a result as one.

    >>> x = torch.arange(6.0).reshape(3, 2)
    >>> found = statistics([x[:2], x[2:]])
    >>> found.count, found.mean.tolist(), found.deviation.tolist(), found.low.tolist()
    (3, [[2.0, 3.0]], [[1.63..., 1.63...]], [[0.0, 1.0]])
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor


@dataclass(frozen=True)
class Statistics:
    """The count, mean, standard deviation (over n, not n - 1) and range of numbers: float64, the reduced axes kept with size one."""

    count: int
    mean: Tensor
    deviation: Tensor
    low: Tensor
    high: Tensor

    def merged(self, other: "Statistics") -> "Statistics":
        """The statistics of both together, by (1), element by element."""
        spreads = self.deviation.square(), other.deviation.square()
        mean, variance = _merged(self.count, self.mean, spreads[0], other.count, other.mean, spreads[1])
        low, high = torch.minimum(self.low, other.low), torch.maximum(self.high, other.high)
        return Statistics(self.count + other.count, mean, variance.sqrt(), low, high)

    @property
    def spread(self) -> Tensor:
        """The standard deviation, exactly 0 where all numbers are equal, though rounding gave a tiny one."""
        return torch.where(self.low == self.high, 0.0, self.deviation)

    def pooled(self, axes: Sequence[int]) -> "Statistics":
        """The statistics of all numbers along these axes together, (1) for parts of equal counts. The axes stay, with size one.

        >>> found = statistics([torch.tensor([[0.0, 1.0], [2.0, 5.0]])]).pooled([1])      # of 0, 2, 1 and 5
        >>> found.count, found.mean.tolist(), (found.deviation**2).tolist(), found.high.tolist()
        (4, [[2.0]], [[3.5]], [[5.0]])
        """
        if not axes:
            return self
        axes = list(axes)
        mean = self.mean.mean(axes, keepdim=True)
        variance = (self.deviation.square() + (self.mean - mean).square()).mean(axes, keepdim=True)
        low, high = self.low.amin(axes, keepdim=True), self.high.amax(axes, keepdim=True)
        return Statistics(self.count * self.mean.numel() // mean.numel(), mean, variance.sqrt(), low, high)


def statistics(parts: Iterable[Tensor], axes: Sequence[int] = (0,)) -> Statistics:
    """The statistics over those axes of rows that come in parts (n, ...)."""
    axes = list(axes)
    return reduce(Statistics.merged, (_statistics(part.double(), axes) for part in parts))


def covariance(parts: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean (d,) and covariance (d, d), over n, of rows that come in parts (n, d).

    >>> mean, spread = covariance([torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 4.0]])])
    >>> mean.tolist(), spread.tolist()
    ([1.0, 2.0], [[1.0, 2.0], [2.0, 4.0]])
    """
    count, mean, spread = 0, torch.zeros(()), torch.zeros(())
    for part in parts:
        x, d = part.double(), part.shape[1]
        own = x.mean(0), torch.cov(x.T, correction=0).reshape(d, d)
        mean, spread = _merged(count, mean, spread, len(x), *own, outer=True) if count else own
        count += len(x)
    return mean, spread


def _statistics(x: Tensor, axes: list[int]) -> Statistics:
    low, high = x.amin(axes, keepdim=True), x.amax(axes, keepdim=True)
    return Statistics(x.numel() // low.numel(), x.mean(axes, keepdim=True), x.std(axes, correction=0, keepdim=True), low, high)


def _merged(n: int, a: Tensor, A: Tensor, m: int, b: Tensor, B: Tensor, outer: bool = False) -> tuple[Tensor, Tensor]:
    """Eq. (1)."""
    d, share = b - a, m / (n + m)
    return a + d * share, torch.lerp(A, B, share) + (torch.outer(d, d) if outer else d * d) * share * (1 - share)
