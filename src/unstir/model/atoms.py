"""Values that the data holds again and again, such as the black of a background: samples have them exactly, and not almost.

A network's x0_hat of a black pixel is a little above 0, by a part of the noise that it saw last. Rounding makes 0 of it below half a level, and
1 or 2 of it above. An atom a is a level with more than its share of all numbers; it has a radius r, and where a sample ends,

    |x0_hat - a| < r  becomes a                                                        (1)

r is measured on held-out rows at several noise levels, with new noise: it is the one with the fewest errors, numbers that are a and are not
taken for it, or the other way round. It is half a level, as rounding has it, where no other is better by more than chance.

    >>> atom = Atom(0.0, (1.5, 1.5, 1.0, 1.0, 1.0, 0.5))
    >>> atom.radius(0.0), atom.radius(8.5), atom.radius(100.0)
    (1.5, 1.0, 0.5)
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unstir.encoders.base import Encoder
from unstir.networks.building import affordable
from unstir.seeds import seeded

if TYPE_CHECKING:
    from unstir.model.model import Model

LOG_SNR = (5.0, 6.5, 8.0, 9.0, 10.0, 12.0)  # noise levels at which radii are measured
RADII = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)  # that are tried, in levels
SHARE = 2.0  # an atom has at least so many times the mean share of a level
MOST = 4  # atoms
ROWS = 16, 512  # held-out rows that are looked at, at least and at most
WORK = 2e11  # multiply-adds spent on them, about
CHANCE = 3.0  # a radius is better if it saves more errors than so many times their square root


class Atom(NamedTuple):
    """A value in the data's units, and its radius there at each of `LOG_SNR`."""

    value: float
    radii: tuple[float, ...]

    def radius(self, log_snr: float) -> float:
        """The radius where the last noise had this log-SNR: between two levels interpolated, and beyond them that of the last."""
        return float(np.interp(log_snr, LOG_SNR, self.radii))


def exact(x: Tensor, atoms: Sequence[Atom], encoder: Encoder, log_snr: float) -> Tensor:
    """Rows x (B, ...) of the model's space with (1), where the last noise that the denoiser saw had this log-SNR."""
    if not atoms or encoder.linear is None:
        return x
    shift, scale = (part.to(x) for part in encoder.linear)
    in_units, varies, ends = shift + scale * x, scale != 0, x
    for atom in atoms:
        at = (atom.value - shift) / torch.where(varies, scale, 1)
        ends = torch.where(varies & ((in_units - atom.value).abs() < atom.radius(log_snr)), at, ends)
    return ends


@torch.no_grad()
def with_atoms(model: "Model", rows: Tensor, cond: Tensor | None, seed: int) -> "Model":
    """The model with the atoms of its data, measured on held-out rows (n, ...) of the model's space and values of their condition.

    With fewer than 16 rows nothing is measured. Data that may be any number has no atoms; nor has a model whose encoder does not shift and
    scale, or whose target knows the levels itself.
    """
    levels, linear = model.card.levels, model.encoder.linear
    n = min(len(rows), affordable(model.network, len(LOG_SNR), WORK, *ROWS))
    if levels is None or linear is None or not model.target.reading.is_affine or len(rows) < ROWS[0]:
        return model
    rows, cond = rows[:n].to(model.device), None if cond is None else cond[:n].to(model.device)
    shift, scale = (part.to(rows).double() for part in linear)
    true = (shift + scale * rows).round()[:, scale != 0]
    shares = {level: float((true == level).double().mean()) for level in levels}
    often = sorted((level for level in levels if shares[level] * len(levels) >= SHARE), key=lambda level: -shares[level])[:MOST]
    denoise, generator = model.denoise(cond), seeded(seed, "atoms")
    found: dict[float, list[float]] = {level: [] for level in often}
    for log_snr in LOG_SNR if often else ():
        t = model.schedule.inverse(torch.tensor(log_snr, dtype=torch.float64))
        noise = torch.randn(rows.shape, generator=generator).to(rows)
        guess = (shift + scale * denoise(model.schedule.diffuse(rows, t, noise), t))[:, scale != 0]
        for level, radii in found.items():
            radii.append(best_radius((guess - level).abs(), true == level))
    atoms = tuple(Atom(level, tuple(radii)) for level, radii in found.items() if max(radii) > RADII[0])
    return replace(model, card=replace(model.card, atoms=atoms))


def best_radius(away: Tensor, is_atom: Tensor) -> float:
    """The radius of `RADII` with the fewest errors, given how far guesses are from an atom and which of them should be it.

    >>> best_radius(torch.tensor([0.2, 0.9, 1.4, 3.0]).repeat(50), torch.tensor([True, True, True, False]).repeat(50))
    1.5
    """
    errors = [int(((away < radius) != is_atom).sum()) for radius in RADII]
    best = int(np.argmin(errors))
    return RADII[best] if errors[0] - errors[best] > CHANCE * errors[0] ** 0.5 else RADII[0]
