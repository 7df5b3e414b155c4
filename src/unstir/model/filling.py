"""What is missing of rows, drawn given the rest of each: what `Model.inpaint` does.

With particles (`unstir.diffusion.particles`), a row is drawn from the model's own law of what is missing. With one particle, the denoiser is
told the known elements by a Gaussian guess (`unstir.diffusion.guidance.inpainted`), and any sampler goes its usual way; that is exact for
Gaussian data alone, and takes up to six evaluations of the network a step.

A cell of a table that is to be filled in is drawn given that it is not missing.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from unstir.devices import onto
from unstir.diffusion.beliefs import Believe, by_covariance, by_slopes
from unstir.diffusion.cells import by_cells
from unstir.diffusion.denoiser import Denoise
from unstir.diffusion.groups import Grouped
from unstir.diffusion.particles import conditioned
from unstir.errors import UnstirWarning, UsageError
from unstir.model.atoms import exact
from unstir.model.densities import EXACT_TRACE
from unstir.model.drawing import conditions_asked, in_batches, paths, times_of
from unstir.model.editing import known_part
from unstir.model.noise import RowNoise
from unstir.model.placing import computing, rows_at_once
from unstir.model.sampling import Sampling
from unstir.model.units import mask_of, named, rows_of, tidied, typed
from unstir.steady import steady
from unstir.words import counted

if TYPE_CHECKING:
    from unstir.model.model import Model

PARTICLES = 16  # of each row of a table, or of at most 16 numbers
FEW, OFTEN = 2.0, 0.1  # that many particles in effect are few, and are said where more than this share of the rows has so few


class Filled(NamedTuple):
    """Rows (N, ...) as numbers, the number of particles that each was drawn from, and the smallest effective number of them, (N,).

    There is no effective number for one particle.
    """

    rows: Any
    particles: int
    effective: Tensor | None

    def __str__(self) -> str:
        """The particles in a sentence."""
        if self.effective is None or not len(self.effective):
            return counted(self.particles, "particle")
        middle, worst = self.effective.median(), self.effective.min()
        return (
            f"each row is drawn from {self.particles} particles. At the worst step, {middle:.1f} of them counted in the middle row and "
            f"{worst:.1f} in the worst row"
        )


@steady
def filled(model: "Model", x: Any, mask: Any, given: Any, how: Sampling, times: int = 1) -> list[Filled]:
    """See `Model.impute`, as numbers: the first with the seed of `how`, each other with the next seed."""
    if times < 1:
        raise UsageError(f"asked to fill in {times} times; 1 or more are possible.")
    card = model.card
    particles = usual(model, how) if how.particles is None else how.particles
    if particles > 1 and how.method is not None:
        raise UsageError(f"a sampling method is for one particle, and each row is to have {particles}. Leave one of the two out.")
    came = named(x, card, model.condition)
    rows, given = rows_of(came.values, card.shape), came.given if given is None else given
    mask = known_part(~rows.isnan() if mask is None else mask_of(mask, came.reordered, card), tuple(rows.shape))
    if not len(rows):
        return [Filled(typed(rows, card), particles, None)] * times
    known = model.encoder.known(mask)
    if known is None:
        raise UsageError(
            "a model of latents cannot inpaint: known elements of a row do not determine its latents. Train without --latent."
        )
    model = model.without_gaps
    typical = model.encoder.decode(torch.zeros(1, *model.space))[0]  # in place of unknown elements, which may be missing
    z = model.encoder.encode(torch.where(mask, rows, typical))
    found = []
    for seed in range(how.seed, how.seed + times):
        made, effective = _drawn(model, z, known, given, replace(how, seed=seed, particles=None), particles)
        made = torch.as_tensor(tidied(model.in_units(made), card)).double()
        found.append(Filled(typed(torch.where(mask, rows, made), card), particles, effective))
    return found


def usual(model: "Model", how: Sampling) -> int:
    """The number of particles if nobody says: more than one for tables and short rows, unless a sampling method is asked for.

    For wide rows the guess is better (docs/log.md).
    """
    short = model.target.reading.needs_states or math.prod(model.space) <= EXACT_TRACE
    return PARTICLES if short and how.method is None else 1


def _drawn(model: "Model", z: Tensor, known: Tensor, given: Any, how: Sampling, particles: int) -> tuple[Tensor, Tensor | None]:
    """Rows (N, ...) of the model's space, and the effective number of particles of each, (N,)."""
    if particles == 1:
        return paths(model, len(z), how, given, known=(z, known))[-1], None
    made, effective = _by_particles(model, z, known, given, how, particles)
    few = (effective < FEW).double().mean().item()
    if few > OFTEN:
        warnings.warn(
            UnstirWarning(
                f"in {100 * few:.0f} % of the rows, fewer than {FEW:g} of {particles} particles counted at some step: what is filled in there "
                f"may vary too little. More particles help, for example {4 * particles}."
            ),
            stacklevel=5,  # the call of the model's method
        )
    return made, effective


@torch.no_grad()
def _by_particles(model: "Model", z: Tensor, known: Tensor, given: Any, how: Sampling, particles: int) -> tuple[Tensor, Tensor]:
    """Rows (N, ...) of the model's space, float32, and the effective number of particles of each, (N,)."""
    cond, times = conditions_asked(model, len(z), how, given, drawn=False), times_of(model, how)

    def begun(rows: range) -> Callable[[], list[Tensor]]:
        """These rows, computed at once."""
        part, own = slice(rows.start, rows.stop), range(rows.start * particles, rows.stop * particles)
        noise = RowNoise(how.seed, own)
        here = None if cond is None else cond[part].repeat_interleave(particles, 0).to(model.device)
        believe = _believing(model, model.denoise(here, how.guidance, how.interval))
        with computing(model.device, "float32"):
            made = conditioned(believe, model.schedule, times, z[part].flatten(1), known[part].flatten(1), particles, noise)
        both = [made.rows.float().reshape(-1, *model.space), made.effective]
        return lambda: both

    size = rows_at_once(model) if how.batch_size is None else how.batch_size
    parts = in_batches(begun, len(z), max(1, size // particles))
    made, effective = (torch.cat(part) for part in zip(*parts, strict=True))
    return exact(made, model.card.atoms, model.encoder, float(model.schedule.log_snr(times[-2]))), effective


def _believing(model: "Model", denoise: Denoise) -> Believe:
    """What the model believes of x_0 given x_t: of cells, by slopes for short rows, else with the data's covariance, or that of 1."""
    reading, schedule = model.target.reading, model.schedule

    def there(x: Tensor, t: Tensor) -> Tensor:
        """The denoiser of flat rows on the CPU."""
        return denoise(onto(model.device, x.float()).reshape(-1, *model.space), t).flatten(1).cpu()

    if isinstance(reading, Grouped):
        return by_cells(there, schedule, reading.states, model.error.at)
    if (d := math.prod(model.space)) <= EXACT_TRACE:
        return by_slopes(there, schedule)
    if model.blend is None:
        return by_covariance(there, schedule, torch.ones(d, dtype=torch.float64), None)
    directions = model.blend.directions.double().cpu() if len(model.blend.directions) else None
    return by_covariance(there, schedule, model.blend.gaussian.variances, directions)
