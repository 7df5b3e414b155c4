"""A trained model: noise to data in the user's units, data to noise, and how likely data is.

model.sample(1000, steps=10)      model.log_prob(x)      model.to_noise(x)      model.save(folder)

>>> import unstir
>>> model = unstir.fit(np.random.default_rng(0).normal(5, 2, (200, 2)), steps=20)
>>> model.sample(3).shape, model.log_prob(np.full((4, 2), 5.0)).shape
((3, 2), (4,))
>>> model
Model: rows of (2,), float64
  linear schedule, edm target, mlp network of ... weights, 20 steps of training
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unstir.conditions.base import Condition, conditions_for
from unstir.diffusion.denoiser import Denoise, Denoiser, Target
from unstir.diffusion.guidance import clipped, guided, inpainted
from unstir.diffusion.samplers import ddim, sampler
from unstir.diffusion.schedules import Schedule, along
from unstir.encoders.base import Encoder
from unstir.errors import UsageError, unknown
from unstir.information.likelihood import ode_log_prob
from unstir.information.mmse import ErrorCurve
from unstir.model import folder
from unstir.model.card import Card
from unstir.model.drawing import Known, paths, times_of
from unstir.model.editing import known_part, slerp
from unstir.model.own import Own
from unstir.model.sampling import Sampling
from unstir.model.units import rows_of, typed
from unstir.networks.building import affordable
from unstir.seeds import seeded
from unstir.words import short

AT_ONCE = 2e10  # multiply-adds of a call, to which the memory in use is proportional
PRECISIONS = ("float32", "bfloat16")
EXACT_TRACE = 16  # up to this many elements a row, the divergence is computed exactly
DEFAULT = Sampling()
BACK_AND_FORTH = "adams_bashforth3"  # leads from data to noise and back

Interval = tuple[float, float] | None
Given = Any
"""What rows are drawn given: one class, by name or number, or one a row; None for nothing in particular."""


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """Everything that sampling needs. `network` answers F(x, t, cond); `error` is its error by noise level.

    `deviation` is the standard deviation of the training data in its own units, the shape of a row: `encoders.rows.standard_deviation`.
    In `precision` bfloat16 the network's products are taken while sampling: faster where it is wide and the processor multiplies
    bfloat16. Likelihoods, the ways to noise and back, and what is filled in are float32 in any case.
    """

    card: Card
    network: nn.Module
    encoder: Encoder
    error: ErrorCurve
    deviation: Tensor
    schedule: Schedule
    target: Target
    condition: Condition | None = None
    precision: str = "float32"
    losses: np.ndarray | None = None
    """The training loss of every step (steps,), of a model that was just fitted by `unstir.fit`."""

    def __post_init__(self):
        if self.precision not in PRECISIONS:
            raise unknown("precision", self.precision, PRECISIONS)

    def __repr__(self) -> str:
        """What it is, in three lines at most."""
        card, weights = self.card, sum(w.numel() for w in self.network.parameters())
        of = f" of {short(card.source, 100)}" if card.source not in ("", "array") else ""
        lines = [
            f"Model{of}: rows of {card.shape}, {card.dtype}",
            f"{card.schedule} schedule, {card.target} target, {card.network} network of {weights:,} weights, "
            f"{card.steps_trained:,} steps of training",
        ]
        if self.classes:
            names = ", ".join(map(short, self.classes[:5])) + (", ..." if len(self.classes) > 5 else "")
            lines.append(f"{len(self.classes)} classes: {names}")
        return "\n  ".join(lines)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def space(self) -> tuple[int, ...]:
        """The shape of a row in the model's space."""
        return self.encoder.space

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that rows can be drawn of; none without classes."""
        return self.condition.classes if self.condition else ()

    def denoise(
        self, cond: Tensor | None = None, guidance: float = 1.0, interval: Interval = None, known: Known = None
    ) -> Denoise:
        """The denoiser in the model's space, bound to values of the condition (B, ...) or to none, and to what is known of the rows.

        Clipped only if the data's type is bounded.
        """
        denoiser = Denoiser(self.network, self.schedule, self.target)
        bound: Denoise = denoiser
        if cond is not None:
            bound = guided(partial(_bound, denoiser, cond), denoiser, guidance, interval, self.schedule)
        if known is not None:
            bound = inpainted(bound, *known)
        bounds = None if self.card.bounds is None else self.encoder.bounds(*self.card.bounds)
        return bound if bounds is None else clipped(bound, *bounds)

    def given(self, n: int, given: Given = None, seed: int = 0) -> Tensor | None:
        """Values (n, ...) of the condition for n rows: what is given, or drawn as often as in the training data; None without a condition."""
        return conditions_for(self.condition, n, given, seeded(seed, "labels"))

    def sample(self, n: int, given: Given = None, how: Sampling = DEFAULT, **settings: Any) -> Any:
        """n new rows (n, ...) in the data's units and type.

        `how` is a `Sampling`; settings change it: steps, method, guidance, interval, seed, batch_size, grid. A model of labelled data
        is given one class or n of them, by name or number; without, they are drawn as often as in the training data.
        Raises UsageError for a wrong name, size or combination.
        """
        return self.states(n, given, how, **settings)[-1]

    def states(
        self, n: int, given: Given = None, how: Sampling = DEFAULT, every: int | None = None, **settings: Any
    ) -> list[Any]:
        """x along the way, each (n, ...) in the data's units: at every `every`-th time, and always the last."""
        return [self.in_units(x) for x in self.paths(n, given, how, every, **settings)]

    def paths(
        self, n: int, given: Given = None, how: Sampling = DEFAULT, every: int | None = None, **settings: Any
    ) -> list[Tensor]:
        """`states` in the model's own space, where x_t = alpha x_0 + sigma eps: float32, nothing rounded, and finite or not."""
        return paths(self, n, how.changed(**settings), given, every)

    def times(self, how: Sampling = DEFAULT, **settings: Any) -> Tensor:
        """The times at which a sample stops on its way, (steps + 1,) from 1 to 0."""
        return times_of(self, how.changed(**settings))

    def inpaint(self, x: Any, mask: Any, given: Given = None, how: Sampling = DEFAULT, **settings: Any) -> Any:
        """Rows x (N, ...) in the data's units, with the elements where mask is False or 0 drawn anew, given the others.

        The mask broadcasts to x. Known elements come back as they are; what x holds elsewhere, missing values too, does not matter.
        Costs up to six times what sampling does. See `guidance.inpainted`. Raises DataError for a mask or rows that do not fit.
        """
        rows = rows_of(x, self.card.shape)
        mask = known_part(mask, tuple(rows.shape))
        known = self.encoder.known(mask)
        if known is None:
            raise UsageError(
                "what is known of a row says nothing certain of its latents. Inpaint with a model trained without --latent."
            )
        typical = self.encoder.decode(torch.zeros(1, *self.space))[0]  # in place of what is not known, and may be missing
        z = self.encoder.encode(torch.where(mask, rows, typical))
        *_, made = paths(self, len(z), how.changed(**settings), given, known=(z, known))
        whole = torch.where(mask, rows, torch.as_tensor(self.in_units(made)).double())
        return typed(whole, self.card)

    def interpolate(self, a: Any, b: Any, n: int = 9, steps: int = 50) -> Any:
        """n rows (n, ...) from row a (...) to row b (...), in the data's units: along the arc between the noises that they are made of.

        `editing.slerp` is the arc. The ends are a and b as far as `from_noise` undoes `to_noise`.
        """
        shape = self.card.shape
        z_a, z_b = torch.as_tensor(self.to_noise(np.stack([np.asarray(row).reshape(shape) for row in (a, b)]), steps))
        return self.from_noise(slerp(z_a, z_b, n), steps)

    def log_prob(self, x: Any, given: Given = None, steps: int = 64, batch_size: int | None = None) -> np.ndarray:
        """log p(x) in nats, (N,), of rows (N, ...) in the data's units: exact for the model's probability flow.

        Rows of up to 16 elements get the exact divergence, wider ones Hutchinson's estimate from one random direction a row (its
        error averages out over rows). Integers are taken as points, not as bins. UsageError where an element never varies.
        """
        constant = int(self.encoder.constant.sum())
        rows = rows_of(x, self.card.shape)
        volume = self.encoder.log_volume(rows)
        if volume is None:
            raise UsageError("a model of latents has no density in the data's units. Train without --latent.")
        if constant:
            raise UsageError(f"{constant} elements never vary in the training data, so there is no density. Train without them.")
        z = self.encoder.encode(rows).to(self.device)
        cond = self.given(len(z), given) if given is not None else None
        probes = None if z[0].numel() <= EXACT_TRACE else 1
        at_once = affordable(self.network, 1, AT_ONCE, 16, 1024) if batch_size is None else batch_size
        parts = []
        for first in range(0, len(z), at_once):
            part = slice(first, first + at_once)
            denoise = self.denoise(None if cond is None else cond[part].to(self.device))
            generator = seeded("probes", first)
            parts.append(ode_log_prob(denoise, self.schedule, z[part], steps, probes=probes, generator=generator).cpu())
        return (torch.cat(parts) - volume).numpy()

    @torch.no_grad()
    def to_noise(self, x: Any, steps: int = 50, method: str = BACK_AND_FORTH) -> Any:
        """The noise z (N, *space) that the probability flow takes rows x (N, ...) to: deterministic, the inverse of `from_noise`."""
        refuse_noise(method)
        x = self.encoder.encode(rows_of(x, self.card.shape)).to(self.device)
        times = self.times(steps=steps + sampler(method).evaluations, method=method).flip(0)
        times = times[1:]  # at t = 0 itself there is no noise to grow from
        x = along(self.schedule(times[0])[0], x) * x
        for part, run in ((times[:-1], sampler(method).run), (times[-2:], ddim)):  # only ddim can step to no data at all
            *_, x = run(self.denoise(), self.schedule, part, x)
        z = (x / torch.hypot(*self.schedule(times[-1])).to(x.dtype)).cpu()
        return z if self.card.kind == "torch" else z.numpy()

    @torch.no_grad()
    def from_noise(self, z: Any, steps: int = 50, method: str = BACK_AND_FORTH) -> Any:
        """The rows (N, ...) in the data's units that the probability flow makes of standard normal noise z (N, *space)."""
        refuse_noise(method)
        x = rows_of(z, self.space).float().to(self.device)
        times = self.times(steps=steps, method=method)
        x = along(torch.hypot(*self.schedule(times[0])), x) * x
        *_, x = sampler(method).run(self.denoise(), self.schedule, times, x)
        return self.in_units(x.cpu())

    def in_units(self, z: Tensor) -> Any:
        """Rows (n, *space) of the model's space in the data's units and type. Raises NumericsError where they are not finite."""
        return typed(self.encoder.decode(z), self.card)

    def save(self, path: str | Path) -> Path:
        """Write the model's folder: weights, card and a README, the only part of a run to share. It must not exist yet."""
        parts = (self.card, self.network, self.encoder, self.error, self.deviation, self.schedule, self.target, self.condition)
        folder.write(Path(path), folder.Parts(*parts))
        return Path(path)


def load(path: str | Path, precision: str = "float32", **own: Any) -> Model:
    """Read a model's folder, or that of the run around it. Nothing in it is executed. `precision` is that of sampling.

    Parts of the caller's own with which it was trained are brought along: `network`, `schedule`, `target`, `encoder`, `condition`.
    Raises StorageError for a folder that is missing, damaged, foreign or of a newer format, and for a run without a model yet;
    UsageError for an own part that is missing or too much.
    """
    for name in own:
        if name not in Own.__dataclass_fields__:
            raise unknown("part", name, Own.__dataclass_fields__)
    return Model(*folder.read(Path(path), Own(**own)), precision=precision)


def refuse_noise(method: str) -> None:
    """Raise UsageError for a sampler that draws noise: it leads nowhere back."""
    if sampler(method).needs:
        raise UsageError(
            f"'{method}' draws noise, and only a deterministic sampler leads from data to noise and back. Use 'ddim'."
        )


def _bound(denoiser: Denoiser, cond: Tensor, x: Tensor, t: Tensor) -> Tensor:
    return denoiser(x, t, cond)
