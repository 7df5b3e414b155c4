"""Beliefs: what is known of x_0 given x_t, as a law that has a density and can be sampled given some of its elements.

The denoiser gives the mean x0_hat of x_0. `unstir.diffusion.particles` needs a law around it, here the normal one with a covariance V:

    x_0 | x_t  ~  N(x0_hat, V)                                                                        (1)

    by_slopes          V = (sigma^2 / alpha) d x0_hat / d x_t, the true covariance of x_0 given x_t (Boys et al. 2023): one backward pass
                       for each element of a row, for short rows
    by_covariance      V = (C^-1 + snr)^-1, which it is for Gaussian data with the covariance C: no backward pass, for wide rows

If x_s is seen too, x_s - (factor) x_t = c x_0 + sqrt(b) noise, which is Gauss's rule along the directions of V, with variances v:

    mean  +=  c v / (b + c^2 v) (seen - c mean),      v  becomes  v b / (b + c^2 v)                   (2)

Given elements y, a draw of (1) is moved by what it lacks there (Matheron's rule, Doucet 2010):

    x_0 + V A^T (A V A^T)^-1 (y - A x_0)                                                              (3)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from unstir.diffusion.denoiser import Denoise
from unstir.diffusion.oracles import LOG_2PI
from unstir.diffusion.schedules import Schedule

SMALLEST = (
    1e-4  # a variance is at least so many times that of the noise in x_t, as an error of x_0: a network has no sharper slopes
)


class Belief(Protocol):
    """A law of x_0 (B, d) for each of B particles."""

    def log_density(self, y: Tensor, known: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, of the elements of y (B, d) where `known` (B, d): (B,) nats."""
        ...

    def draw(self, y: Tensor, known: Tensor, noise: Callable[[Tensor], Tensor]) -> Tensor:
        """x_0 (B, d) given those elements of y; what it has there does not matter."""
        ...

    def seeing(self, seen: Tensor, c: float, b: float) -> "Belief":
        """The law given also seen (B, d) = c x_0 + sqrt(b) noise."""
        ...

    def of(self, chosen: Tensor) -> "Belief":
        """The laws of the chosen particles, (B,) numbers."""
        ...


Believe = Callable[[Tensor, Tensor], Belief]
"""`(x_t (B, d), t ()) -> Belief`."""


@dataclass(frozen=True)
class Normal:
    """N(mean, V): mean (B, d), variances v along the directions, which are the columns of Q: V = Q diag(v) Q^T.

    Each particle has its own, v (B, d) and Q (B, d, d), or all have the same, v (1, d) and Q (1, d, d). Q is None for the elements themselves.
    """

    mean: Tensor
    variances: Tensor
    directions: Tensor | None

    def log_density(self, y: Tensor, known: Tensor) -> Tensor:
        """See `Belief`."""
        lacking = torch.where(known, y - self.mean, 0.0)
        if self.directions is None:
            squares = lacking.square() / self.variances + torch.where(known, self.variances.log() + LOG_2PI, 0.0)
            return -0.5 * squares.sum(1)
        found = lacking.new_empty(len(lacking))
        for rows, factor in self._factors(known):
            white = torch.linalg.solve_triangular(factor, _columns(lacking[rows], factor), upper=False)
            log_det = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(1)
            found[rows] = -0.5 * (_rows(white, factor).square().sum(1) + log_det + LOG_2PI * known[rows].sum(1))
        return found

    def draw(self, y: Tensor, known: Tensor, noise: Callable[[Tensor], Tensor]) -> Tensor:
        """Eq. (3)."""
        x0 = self.mean + self._back(self.variances.sqrt() * noise(self.mean))
        if self.directions is None:
            return x0
        lacking, solved = torch.where(known, y - x0, 0.0), torch.empty_like(x0)
        for rows, factor in self._factors(known):
            solved[rows] = _rows(torch.cholesky_solve(_columns(lacking[rows], factor), factor), factor)
        return x0 + self._back(self.variances * self._along(torch.where(known, solved, 0.0)))

    def seeing(self, seen: Tensor, c: float, b: float) -> "Normal":
        """Eq. (2)."""
        whole = b + c * c * self.variances
        change = self._back(c * self.variances / whole * self._along(seen - c * self.mean))
        return replace(self, mean=self.mean + change, variances=self.variances * b / whole)

    def of(self, chosen: Tensor) -> "Normal":
        """See `Belief`."""
        own = len(self.variances) == len(self.mean)
        v, q = self.variances, self.directions
        return Normal(self.mean[chosen], v[chosen] if own else v, q[chosen] if own and q is not None else q)

    def _along(self, x: Tensor) -> Tensor:
        """Rows x (B, d) along the directions."""
        if self.directions is None:
            return x
        return x @ self.directions[0] if len(self.directions) == 1 else (x[:, None] @ self.directions)[:, 0]

    def _back(self, c: Tensor) -> Tensor:
        """The inverse of `_along`."""
        if self.directions is None:
            return c
        return c @ self.directions[0].mT if len(self.directions) == 1 else (self.directions @ c[:, :, None])[:, :, 0]

    def _factors(self, known: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Cholesky factors (g, d, d) of A V A^T, with 1 for elements that are not known, and the particles that each group is for.

        g is 1 for particles that share V and know the same elements, else the number of particles.
        """
        assert self.directions is not None
        V = (self.directions * self.variances[:, None]) @ self.directions.mT
        if len(V) > 1 or len(known) == 1:
            groups = [(torch.arange(len(known)), known)]
        else:
            masks, which = known.unique(dim=0, return_inverse=True)
            groups = [((which == i).nonzero().flatten(), mask[None]) for i, mask in enumerate(masks)]
        for rows, mask in groups:
            one = torch.diag_embed((~mask).to(V))
            yield rows, torch.linalg.cholesky(torch.where(mask[:, :, None] & mask[:, None], V, one))


def _columns(x: Tensor, factor: Tensor) -> Tensor:
    """Rows x (n, d) as right-hand sides of systems (g, d, d): (1, d, n) or (n, d, 1)."""
    return x.mT[None] if len(factor) == 1 else x[:, :, None]


def _rows(x: Tensor, factor: Tensor) -> Tensor:
    """The inverse of `_columns`."""
    return x[0].mT if len(factor) == 1 else x[:, :, 0]


def by_slopes(denoise: Denoise, schedule: Schedule) -> Believe:
    """Beliefs whose V is the slope of the denoiser, of x (B, d) in float64: d backward passes each time.

    The slope of a network is not quite symmetric and not quite positive: V is its symmetric part, with variances of at least `SMALLEST` of the
    noise, and at most d, which is all that d standardised elements can have.
    """

    def believe(x: Tensor, t: Tensor) -> Normal:
        d, (alpha, sigma) = x.shape[1], (float(c) for c in schedule(t))
        with torch.inference_mode(False), torch.enable_grad():
            x = x.detach().clone().requires_grad_()
            x0 = denoise(x, t)
            slopes = [torch.autograd.grad(x0[:, i].sum(), x, retain_graph=i < d - 1)[0] for i in range(d)]
        slope, unit = torch.stack(slopes, 1).double(), (sigma / alpha) ** 2
        v, Q = torch.linalg.eigh(alpha * unit * (slope + slope.mT) / 2)
        return Normal(x0.detach().double(), v.clamp(min=SMALLEST * unit, max=max(d, SMALLEST * unit)), Q)

    return believe


def by_covariance(denoise: Denoise, schedule: Schedule, variances: Tensor, directions: Tensor | None) -> Believe:
    """Beliefs whose V is that of the Gaussian data with these variances (d,) along these directions (d, d), its columns; None: the elements."""

    def believe(x: Tensor, t: Tensor) -> Normal:
        alpha, sigma = (float(c) for c in schedule(t))
        unit = (sigma / alpha) ** 2
        v = (variances * unit / (variances + unit)).clamp(min=SMALLEST * unit)
        return Normal(denoise(x, t).double(), v[None], None if directions is None else directions[None])

    return believe
