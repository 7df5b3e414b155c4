"""Beliefs for rows of mixed kinds, where some elements are numbers and others form groups of which one is true (`unstir.diffusion.groups`).

The denoiser says the probability of each state, and the mean of each number. The belief takes cells to be independent given x_t: what they
have to do with each other, they learn through the next x_s, which the network sees whole. For group g with probabilities p, and a number
that is N(m, v) if it is any number:

    q(y) = product over known groups of p_k  x  product over known numbers that are no atoms of N(y; m, v)       (1)

Seeing c x_0 + sqrt(b) noise is Bayes' rule for both, as in eq. (1) of `groups`:

    log p_k  +=  c s_k (seen_k + c c_k) / b - c^2 s_k^2 / 2 b,  and for a number beside the group log N(seen; c z_k, b), or
                 log N(seen; c m, b + c^2 v) for the state "any number"                               (2)

The mean of a number that may be an atom is x0_hat = p_any m + sum_k p_k z_k, so m = (x0_hat - sum_k p_k z_k) / p_any.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unstir.diffusion.beliefs import SMALLEST, Believe
from unstir.diffusion.denoiser import Denoise
from unstir.diffusion.groups import States
from unstir.diffusion.oracles import LOG_2PI
from unstir.diffusion.schedules import Schedule

RAREST = 1e-6  # no state is less probable: float32 says no more


@dataclass(frozen=True)
class Cells:
    """Independent cells: log p (B, elements of groups), means m (B, numbers) and variances v (1, numbers) of numbers that are any number.

    `states` are float64 and on the CPU.
    """

    states: States
    log_p: Tensor
    means: Tensor
    variances: Tensor

    def log_density(self, y: Tensor, known: Tensor) -> Tensor:
        """Eq. (1)."""
        states = self.states
        true, number = self._true(y), y[:, states.numbers]
        of_groups = torch.where(known[:, states.in_group] & true, self.log_p, 0.0).sum(1)
        free = states.any_number(true.double()) > 0.5
        return of_groups + torch.where(known[:, states.numbers] & free, _log_normal(number, self.means, self.variances), 0.0).sum(
            1
        )

    def draw(self, y: Tensor, known: Tensor, noise: Callable[[Tensor], Tensor]) -> Tensor:
        """A state of each group, then each number; a number that is known to be an atom, or not to be one, follows its group."""
        states = self.states
        u = torch.special.ndtr(noise(torch.empty_like(y[:, states.in_group]))).clamp(1e-15, 1 - 1e-15)
        score = torch.where(known[:, states.in_group], torch.where(self._true(y), 0.0, -torch.inf), self.log_p - (-u.log()).log())
        true = (score == states.highest(score)).double()
        number = states.any_number(true) * (self.means + self.variances.sqrt() * noise(self.means)) + states.of_atoms(true)
        which = states.in_group
        return torch.cat([states.scale[which] * true - states.shift[which], number], 1)[:, states.places]

    def seeing(self, seen: Tensor, c: float, b: float) -> "Cells":
        """Eq. (2), and Gauss's rule for numbers."""
        states = self.states
        which, number = states.in_group, seen[:, states.numbers]
        scale, shift = states.scale[which], states.shift[which]
        log_p = self.log_p + c * scale * (seen[:, which] + c * shift - 0.5 * c * scale) / b
        whole = b + c * c * self.variances
        as_any = _log_normal(number, c * self.means, whole)
        fixes = states.fixes[which]
        column = torch.zeros(len(states), dtype=torch.long)
        column[states.numbers] = torch.arange(len(states.numbers))
        at_atom = (
            _log_normal(number[:, column[fixes.clamp(min=0)]], c * states.fixed[which], seen.new_full((), b))
            if len(number[0])
            else 0.0
        )
        says, _ = states.beside
        with_group = says < len(which)
        log_p = log_p.index_add(1, says[with_group], as_any[:, with_group]) + torch.where(fixes >= 0, at_atom, 0.0)
        highest = states.highest(log_p)
        total = states.totals((log_p - highest).exp()).log() + highest
        means = self.means + c * self.variances / whole * (number - c * self.means)
        return replace(self, log_p=log_p - total, means=means, variances=self.variances * b / whole)

    def of(self, chosen: Tensor) -> "Cells":
        """See `Belief`."""
        return replace(self, log_p=self.log_p[chosen], means=self.means[chosen])

    def _true(self, y: Tensor) -> Tensor:
        """Which state of each group is true in rows y (B, d): (B, elements of groups) bool."""
        which = self.states.in_group
        return y[:, which] + self.states.shift[which] > 0.5 * self.states.scale[which]


def by_cells(denoise: Denoise, schedule: Schedule, states: States, error: Callable[[Tensor], Tensor]) -> Believe:
    """Beliefs from a denoiser of such rows; `error(log_snr)` (d,) is its mean squared error, which is v for numbers."""

    def believe(x: Tensor, t: Tensor) -> Cells:
        x0, (alpha, sigma) = denoise(x, t).double(), schedule(t)
        which = states.in_group
        p = ((x0[:, which] + states.shift[which]) / states.scale[which]).clamp(RAREST, 1.0)
        p = p / states.totals(p)
        means = (x0[:, states.numbers] - states.of_atoms(p)) / states.any_number(p)
        v = error(schedule.log_snr(t)).double().cpu()[states.numbers].clamp(min=SMALLEST * float(sigma / alpha) ** 2)
        return Cells(states, p.log(), means, v[None])

    return believe


def _log_normal(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * ((x - mean).square() / variance + variance.log() + LOG_2PI)
