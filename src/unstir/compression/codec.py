"""Bits-back coding over the noise levels: rows of whole numbers to a stack, and back.

    for each row    pop y_0 by q(y_0 | x), push x by p(x | y_0), then for t = 0, 1, ..., T - 1:
                    pop y_{t+1} by q(y_{t+1} | y_t), push y_t by p(y_t | y_{t+1});   at the end push y_T by its prior             (1)
    length          -log p(x | y_0) - sum log p(y_t | y_{t+1}) - log p(y_T) + log q(y_0 | x) + sum log q(y_{t+1} | y_t)          (2)

The mean of (2) over the noise is the variational bound with T steps. What is popped is noise: it spends bits of the stack that come back,
because decoding is (1) backwards and pushes them again. At the very beginning there is nothing to spend yet. So a few rows are coded
without noise, by the prior alone; what is still missing comes from the stack's supply.

Because y_1 is drawn after x was pushed, a row borrows no more than the bits of about one level (Bit-Swap). Rows are coded in groups, because
a network answers many rows faster than one. A group borrows more, so it may only be a share of the rows before it: `sizes`.

Source: Townsend et al. 2019, Kingma et al. 2019 (Bit-Swap). The order of (1) for diffusion is Kingma et al. 2021, section 7.3.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from unstir.compression.exact import Known
from unstir.compression.grid import Layer, coded, ratio
from unstir.compression.intervals import Distribution, Normals, Phi, Weighted
from unstir.compression.stack import PRECISION, Stack

MOST = 2**15  # elements of a group
AT_ONCE = 2**10  # elements that the network answers at a time; it makes no difference to what is coded
WINDOW = 8.0  # deviations of (2) of `grid` on either side
SHARE = 64  # growth counts in parts of this
SURE = 0.05  # deviation, in levels, of an element that never varies

Posterior = Callable[[np.ndarray, int], Known]
"""`(y (B, d), number of the level) -> Known`, the same on every machine and for every batch."""


@dataclass(frozen=True, eq=False)
class Code:
    """What both sides know: the posterior, the levels, and where the data can be.

    Element i of a row is `first[i] + k step[i]` for its level k = 0 .. K - 1; one that never varies has a step of 0 and is expected at the
    level `usual[i]`. The prior of x_0 is normal with `mean` and `variance`. All are (d,).
    """

    posterior: Posterior
    layers: list[Layer]
    phi: Phi
    first: np.ndarray
    step: np.ndarray
    usual: np.ndarray
    count: int
    mean: np.ndarray
    variance: np.ndarray

    def known(self, y: np.ndarray, layer: Layer) -> Known:
        """The posterior of rows y (B, d), some rows at a time."""
        at_once = max(1, AT_ONCE // max(1, y.shape[1]))
        parts = [self.posterior(y[i : i + at_once], layer.number) for i in range(0, len(y), at_once)]
        weights = None if parts[0].weights is None else np.concatenate([part.weights for part in parts])  # pyrefly: ignore
        return Known(np.concatenate([p.mean for p in parts]), np.concatenate([p.variance for p in parts]), weights)

    def data(self, known: Known) -> Distribution:
        """p(x | y_0): the probabilities of the levels, or if there are none a normal distribution in bins around them."""
        if known.weights is not None:
            return Weighted(known.weights.reshape(-1, self.count))
        varies = self.step > 0
        width = np.where(varies, self.step, 1.0)
        mean = np.where(varies, (known.mean - self.first) / width, self.usual)
        deviation = np.where(varies, np.sqrt(known.variance) / width, SURE)
        deviation = np.maximum(deviation, SURE)
        return Normals(self.phi, mean.ravel(), deviation.ravel(), np.zeros(mean.size), self.count, 1.0)

    def prior(self, rows: int) -> Known:
        """What is known of x_0 at infinite noise: (rows, d)."""
        return Known(*(np.broadcast_to(part, (rows, len(self.mean))) for part in (self.mean, self.variance)))

    def clean(self, x: np.ndarray) -> np.ndarray:
        """Levels x (B, d) in the model's space."""
        return self.first + x * self.step

    def noise(self, y: np.ndarray, before: float, layer: Layer) -> Normals:
        """q of the next level given y (B, d), whose noise has the variance `before`."""
        deviation = math.sqrt(layer.variance - before)
        half = math.ceil(WINDOW * deviation / layer.step)
        count = min(2 * half + 1, layer.count)
        origin = np.clip(np.rint(y / layer.step) - half, layer.origin, layer.origin + layer.count - count)
        return Normals(self.phi, y.ravel(), np.full(y.size, deviation), origin.ravel(), count, layer.step)

    def denoised(self, y: np.ndarray, known: Known, clean: Layer, noisy: Layer | None) -> Normals:
        """p of the clean level given y (B, d) at the noisy level, or of the noisiest level given nothing."""
        if noisy is None:
            mean, deviation = known.mean, np.sqrt(known.variance + clean.variance)
        else:
            mean, deviation = coded(clean, noisy, y, known.mean, known.variance)
        origin = np.full(y.size, float(clean.origin))
        return Normals(self.phi, mean.ravel(), deviation.ravel(), origin, clean.count, clean.step)


@dataclass
class Spent:
    """What coding took, in bits: the bound of these very draws, what was pushed less what was popped, and how much was borrowed."""

    rows: int = 0
    bound: float = 0.0
    net: float = 0.0
    parts: dict[str, float] = field(default_factory=lambda: {"prior": 0.0, "diffusion": 0.0, "reconstruction": 0.0})

    def add(self, part: str, bits: float) -> None:
        """Add a part of the bound."""
        self.parts[part] += bits
        self.bound += bits


def sizes(rows: int, started: int, growth: int, d: int) -> Iterator[int]:
    """How many rows are in each group: growth / 64 of those before it, at least one, at most 2^15 elements; `started` rows come before.

    >>> list(sizes(40, 2, 16, 64))
    [1, 1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7]
    """
    done, most = started, max(1, MOST // d)
    while done < rows:
        size = min(max(1, done * growth // SHARE), most, rows - done)
        yield size
        done += size


def encode(code: Code, x: np.ndarray, stack: Stack, started: int, growth: int) -> Spent:
    """Push rows x (N, d) of levels, int64, onto the stack by (1); the first `started` rows by the prior alone."""
    spent, done = Spent(rows=len(x)), started
    if started:
        _push(stack, code.data(code.prior(started)), x[:started].ravel(), spent)
    for size in sizes(len(x), started, growth, x.shape[1]):
        encode_group(code, x[done : done + size], stack, spent)
        done += size
    return spent


def encode_group(code: Code, x: np.ndarray, stack: Stack, spent: Spent) -> None:
    """Push one group of rows x (B, d) by (1)."""
    clean, before, shape = code.clean(x), 0.0, x.shape
    y, under, symbols = clean, None, np.zeros(0, dtype=np.int64)
    for layer in code.layers:
        q = code.noise(y, before, layer)
        drawn = q.pop(stack)
        _, widths = q.intervals(drawn)
        spent.net -= _bits(widths)
        above = ((q.origin + drawn) * layer.step).reshape(shape)
        known = code.known(above, layer)
        if under is None:
            spent.add("reconstruction", _push(stack, code.data(known), x.ravel(), spent))
        else:
            _push(stack, code.denoised(above, known, under, layer), symbols, spent)
            spent.add("diffusion", _divergence(clean - known.mean, known.variance, under, layer))
        y, under, before = above, layer, layer.variance
        symbols = (q.origin + drawn - layer.origin).astype(np.int64)
    last = code.layers[-1]
    prior = code.prior(len(x))
    _push(stack, code.denoised(y, prior, last, None), symbols, spent)
    wide = last.variance + prior.variance
    nats = 0.5 * (np.log(wide / last.variance) + (last.variance + np.square(clean - prior.mean)) / wide - 1)
    spent.add("prior", float(nats.sum()) / math.log(2))


def decode(code: Code, stack: Stack, rows: int, started: int, growth: int) -> np.ndarray:
    """Pop rows (N, d) of levels, int64, and push again what was popped when they were encoded. Raises DataError if the stack runs empty."""
    d = len(code.first)
    groups = [_decode_group(code, stack, size) for size in reversed(list(sizes(rows, started, growth, d)))]
    if started:
        groups.append(code.data(code.prior(started)).pop(stack).reshape(started, d))
    return np.concatenate([np.zeros((0, d), dtype=np.int64), *reversed(groups)])


def _decode_group(code: Code, stack: Stack, size: int) -> np.ndarray:
    shape = (size, len(code.first))
    layer = code.layers[-1]
    symbols = code.denoised(np.zeros(shape), code.prior(size), layer, None).pop(stack)
    for t in reversed(range(len(code.layers))):
        layer = code.layers[t]
        y = ((layer.origin + symbols) * layer.step).reshape(shape)
        known = code.known(y, layer)
        if t:
            under = code.layers[t - 1]
            below = code.denoised(y, known, under, layer).pop(stack)
            q = code.noise(((under.origin + below) * under.step).reshape(shape), under.variance, layer)
        else:
            below = code.data(known).pop(stack)
            q = code.noise(code.clean(below.reshape(shape)), 0.0, layer)
        drawn = np.clip(symbols + layer.origin - q.origin.astype(np.int64), 0, q.count - 1)
        starts, widths = q.intervals(drawn)
        stack.push(starts.tolist(), widths.tolist())
        symbols = below
    return symbols.reshape(shape)


def _push(stack: Stack, by: Distribution, symbols: np.ndarray, spent: Spent) -> float:
    starts, widths = by.intervals(symbols)
    stack.push(starts.tolist(), widths.tolist())
    bits = _bits(widths)
    spent.net += bits
    return bits


def _bits(widths: np.ndarray) -> float:
    return PRECISION * widths.size - float(np.log2(widths).sum())


def _divergence(away: np.ndarray, variance: np.ndarray, clean: Layer, noisy: Layer) -> float:
    """KL(q || p) of one step in bits, summed, if the estimate is off by `away` (B, d) and is said to have this variance."""
    r = ratio(clean, noisy)
    narrow = clean.variance * (1 - r)
    wide = narrow + (1 - r) ** 2 * variance
    nats = 0.5 * (np.log(wide / narrow) + (narrow + ((1 - r) * away) ** 2) / wide - 1)
    return float(nats.sum()) / math.log(2)
