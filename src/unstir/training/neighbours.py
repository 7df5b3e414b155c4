"""What a row could have been: the mean of the rows that a noisy one may come from, in place of the one that it was made of.

Training draws a row x_i and noise, and asks the network for x_i given x_t. But many rows could have become this x_t, and the best answer
is their mean, weighted by how likely each of them is. Asking for the mean of some of them has the same minimum and far less noise:

    mean_S = sum_j w_j x_j / sum_j w_j  over j in S,    w_j = exp(-|x_t - alpha x_j|^2 / (2 sigma^2))              (1)
    E |x_i - x0_hat|^2 = |mean_S - x0_hat|^2 + variance_S                                                          (2)

S holds x_i and at most `COMPANIONS` other rows. If S is one part of a partition of all rows that depends on x_t alone, then given x_t and
S, the row is x_j with probability w_j / sum w. So (2) is exact, E mean_S = E[x_0 | x_t], and only the variance of the gradient changes
(Rao-Blackwell; Xu, Tong & Jaakkola 2023 choose S at random). Here the parts are:

    the window     all rows in the cells around x_t / alpha, `REACH` cells each way; a cell is 2 to 4 sigma / alpha wide
    a part of it   each k-th row of the window, k as small as `COMPANIONS` allows                                  (3)
    alone          each row outside the window

With 30,000 points in a plane, the variance of what the network is asked for falls to a tenth (docs/log.md). The share of a window in which
weights are not tiny falls with each dimension, so this is for rows of at most `MOST_NUMBERS` numbers.

    >>> rows = torch.tensor([[0.0], [1.0], [10.0]])
    >>> mean, variance = Neighbours(rows).expected(torch.tensor([[0.5]]), torch.ones(1), torch.ones(1), torch.tensor([0]))
    >>> mean.item(), variance.item()            # 0 and 1 are equally likely, 10 is not
    (0.5, 0.25)
"""

import math
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstir.diffusion.schedules import Schedule, along

COMPANIONS = 32  # other rows in the mean at most
REACH = 1  # cells of the window on either side
CELL = 2.0  # width of a cell, in sigma / alpha, at least
MOST_NUMBERS, MOST_ROWS = 3, 2**18  # of a row; of the data
AT_ONCE = 1024  # rows: so many fit into the fast memory of a processor
TABLE = 2**18  # cells at most, of which it is kept how many rows come before them; it is searched for where there are more
FINEST = 16  # octaves below the extent of the data; with less noise, each row is alone

Whole = NDArray[np.integer]


class Cells(NamedTuple):
    """The rows in the order of their cells.

    `counts` (d,) cells in each direction; `ids` (N,) the cell of each row, rising; `columns` the numbers of the rows, d arrays (N,);
    `places` (N,) where in this order the rows are; `table` how many rows come before each cell, if there are not too many cells.
    """

    counts: Whole
    ids: Whole
    columns: list[NDArray[np.float32]]
    places: NDArray[np.int32]
    table: NDArray[np.int32] | None

    def before(self, cell: Whole) -> Whole:
        """The number of rows in cells before these."""
        return np.searchsorted(self.ids, cell) if self.table is None else self.table[cell]


class Neighbours:
    """Rows (N, ...) of d <= 3 numbers by place. `expected` answers (1).

    `classes` (N,): only rows of the same class are averaged, so the answer also holds for a network that is told the class.
    """

    def __init__(self, rows: Tensor, classes: Tensor | None = None):
        self.rows = rows.flatten(1).numpy().astype(np.float32)
        self.classes = np.zeros(len(rows), np.int64) if classes is None else classes.numpy().astype(np.int64)
        self._low = self.rows.min(0).astype(np.float64)
        self._extent = max(float((self.rows.max(0) - self._low).max()), 1e-12)
        self._octaves: dict[int, Cells] = {}

    @staticmethod
    def suit(shape: tuple[int, ...]) -> bool:
        """Whether rows (N, ...) of this shape are few and small enough."""
        return math.prod(shape[1:]) <= MOST_NUMBERS and shape[0] <= MOST_ROWS

    def answers(self, schedule: Schedule, x0: Tensor, eps: Tensor, t: Tensor, own: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """mean_S, the noise that leads from it to the same x_t, and variance_S (n,), for rows x0 = rows[own] with noise eps at times t (n,).

        x0, eps and the first two answers are (n, ...); the variance is averaged over the numbers of a row.
        """
        (alpha, sigma), x = schedule(t), schedule.diffuse(x0, t, eps)
        mean, variance = self.expected(x.flatten(1), alpha, sigma, own)
        mean = mean.view_as(x0)
        noise = (x.double() - along(alpha, x0) * mean) / along(sigma, x0)
        return mean, noise.to(eps.dtype), variance.mean(1)

    def expected(self, x: Tensor, alpha: Tensor, sigma: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance (n, d) float32 of (1) for x_t (n, d) that were made of the rows `own` (n,); alpha and sigma (n,)."""
        noise = (sigma / alpha).double().numpy()
        mean, variance = self.rows[own.numpy()], np.zeros(x.shape, np.float32)
        octave = np.floor(np.log2(self._extent / (CELL * noise))).clip(0, FINEST + 1).astype(np.int64)
        order = np.argsort(octave, kind="stable")
        for at in np.split(order, np.flatnonzero(np.diff(octave[order])) + 1):
            if octave[at[0]] > FINEST:
                continue
            for some in np.array_split(at, -(-len(at) // AT_ONCE)):
                part = (tensor.numpy()[some] for tensor in (x, alpha, sigma, own))
                mean[some], variance[some] = self._average(int(octave[at[0]]), *part)
        return torch.from_numpy(mean), torch.from_numpy(variance)

    def _average(self, octave: int, x, alpha, sigma, own) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(1) for x_t whose noise has the same octave. Each number of a row in turn: sums over two or three numbers are slow in numpy."""
        cells = self._cells(octave)
        first, size = self._window(cells, octave, x / alpha[:, None], self.classes[own])
        start = size.cumsum(1, dtype=np.int32) - size  # where each run of rows begins, counted inside the window
        total, here = size.sum(1, dtype=np.int32), cells.places[own]
        place = here[:, None] - first  # of the own row in each run
        inside = (place >= 0) & (place < size)
        together = inside.any(1)  # with others; a row outside the window is alone
        rank = ((place + start) * inside).sum(1, dtype=np.int32)
        stride = np.maximum(-(-total // (COMPANIONS + 1)), 1)
        member = (rank % stride)[:, None] + stride[:, None] * np.arange(COMPANIONS + 1, dtype=np.int32)
        there = (member < total[:, None]) & together[:, None]
        there[:, 0] |= ~together
        jump = (first - start)[:, :1] + np.zeros_like(member)
        for run in range(1, first.shape[1]):
            reached = member >= start[:, run, None]
            jump += reached * (first[:, run] - start[:, run] - first[:, run - 1] + start[:, run - 1])[:, None]
        taken = np.where(there & together[:, None], member + jump, here[:, None])
        rows = [column[taken] for column in cells.columns]
        alpha, scale = alpha.astype(np.float32)[:, None], (0.5 / sigma**2).astype(np.float32)[:, None]
        away = sum(np.square(x[:, k, None] - alpha * rows[k]) for k in range(len(rows))) * scale
        away[~there] = np.inf
        weight = np.exp(away.min(1, keepdims=True) - away)
        weight /= weight.sum(1, keepdims=True)
        means = [(weight * row).sum(1) for row in rows]
        spread = [(weight * np.square(row - mean[:, None])).sum(1) for row, mean in zip(rows, means, strict=True)]
        return np.stack(means, 1), np.stack(spread, 1)

    def _window(self, cells: Cells, octave: int, centre, classes: Whole) -> tuple[Whole, Whole]:
        """The runs of rows, in the order of their cells, that make the window of each centre (n, d): first and size (n, runs)."""
        counts = cells.counts
        inside = np.nan_to_num(centre - self._low).clip(0, self._extent)  # far away, all rows are in the direction of the data
        here = np.minimum(np.floor(inside * (2**octave / self._extent)).astype(np.int64), counts - 1)
        low, high = ((here[:, -1] + reach).clip(0, counts[-1] - 1) for reach in (-REACH, REACH))
        first, size = [], []
        for shift in product(range(-REACH, REACH + 1), repeat=len(counts) - 1):
            line, exists = classes, np.ones(len(here), bool)
            for place, count in zip((here[:, :-1] + np.array(shift, np.int64)).T, counts[:-1], strict=True):
                line, exists = line * count + place, exists & (place >= 0) & (place < count)
            line = np.where(exists, line * counts[-1], 0)
            begin, end = cells.before(line + low), cells.before(line + high + 1)
            first.append(begin)
            size.append((end - begin) * exists)
        return np.stack(first, 1).astype(np.int32), np.stack(size, 1).astype(np.int32)

    def _cells(self, octave: int) -> Cells:
        """The rows in the order of cells that are 2^-octave of the extent wide; it is kept."""
        if octave not in self._octaves:
            cell = np.floor((self.rows - self._low) * (2**octave / self._extent)).astype(np.int64).clip(0, 2**octave - 1)
            counts = cell.max(0) + 1
            ids = self.classes
            for place, count in zip(cell.T, counts, strict=True):
                ids = ids * count + place
            order = np.argsort(ids, kind="stable")
            table, cells = None, math.prod(counts.tolist()) * int(self.classes.max() + 1)
            if cells <= max(TABLE, len(order)):
                table = np.searchsorted(ids[order], np.arange(cells + 1)).astype(np.int32)
            places = np.empty(len(order), np.int32)
            places[order] = np.arange(len(order), dtype=np.int32)
            self._octaves[octave] = Cells(counts, ids[order], [column[order] for column in self.rows.T], places, table)
        return self._octaves[octave]
