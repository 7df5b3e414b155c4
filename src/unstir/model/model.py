"""A trained model: noise to data in the user's units, data to noise, and how likely data is.

model.sample(1000, steps=10)      model.log_prob(x)      model.to_noise(x)      model.save(folder)

>>> import unstir
>>> model = unstir.fit(np.random.default_rng(0).normal(5, 2, (200, 2)), steps=20)
>>> model.sample(3).shape, model.log_prob(np.full((4, 2), 5.0)).shape
((3, 2), (4,))
"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unstir.diffusion.denoiser import Denoise, Denoiser, target
from unstir.diffusion.guidance import clipped, guided, inpainted
from unstir.diffusion.samplers import ddim, sampler
from unstir.diffusion.schedules import Schedule, along, schedule
from unstir.encoders.affine import Affine, Encoder
from unstir.errors import DataError, NumericsError, UsageError, unknown
from unstir.information.likelihood import ode_log_prob
from unstir.information.mmse import ErrorCurve
from unstir.model import folder
from unstir.model.drawing import Known, paths, times_of
from unstir.model.editing import known_part, slerp
from unstir.model.folder import Card
from unstir.model.sampling import Sampling
from unstir.networks import affordable
from unstir.seeds import seeded

AT_ONCE = 2e10  # multiply-adds of a call, to which the memory in use is proportional
PRECISIONS = ("float32", "bfloat16")
EXACT_TRACE = 16  # up to this many elements a row, the divergence is computed exactly
DEFAULT = Sampling()

Interval = tuple[float, float] | None
Given = Any
"""One class, by name or id, or a sequence of them; None for nothing in particular."""


@dataclass(frozen=True, eq=False)
class Model:
    """Everything that sampling needs. `network` answers F(x, t, cond); `error` is its error by noise level.

    `deviation` is the standard deviation of the training data in its own units, the shape of a row: `encoded.standard_deviation`.

    In `precision` bfloat16 the network's products are taken while sampling: faster where it is wide and the processor multiplies
    bfloat16. Likelihoods, encodings and what is filled in are float32 in any case.
    """

    card: Card
    network: nn.Module
    encoder: Encoder
    error: ErrorCurve
    deviation: Tensor
    precision: str = "float32"
    schedule: Schedule = field(init=False)

    def __post_init__(self):
        if self.precision not in PRECISIONS:
            raise unknown("precision", self.precision, PRECISIONS)
        object.__setattr__(self, "schedule", schedule(self.card.schedule, **self.card.schedule_settings))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def denoise(
        self, cond: Tensor | None = None, guidance: float = 1.0, interval: Interval = None, known: Known = None
    ) -> Denoise:
        """The denoiser in the model's space, bound to class ids (B,) or to none, and to what is known of the rows.

        Clipped only if the data's type is bounded.
        """
        denoiser = Denoiser(self.network, self.schedule, target(self.card.target))
        bound: Denoise = denoiser
        if cond is not None:
            bound = guided(partial(_bound, denoiser, cond), denoiser, guidance, interval, self.schedule)
        if known is not None:
            bound = inpainted(bound, *known)
        if self.card.bounds is None or not isinstance(self.encoder, Affine):
            return bound
        low, high = (self.encoder.encode(torch.full(self.card.shape, b, dtype=torch.float64)[None])[0] for b in self.card.bounds)
        return clipped(bound, low, high)

    def sample(self, n: int, given: Given = None, how: Sampling = DEFAULT, **settings: Any) -> Any:
        """n new rows (n, ...) in the data's units and type.

        `how` is a `Sampling`; settings change it: steps, method, guidance, interval, seed, batch_size, grid. A model of labelled data
        is given one class or n of them, by name or id; without, they are drawn as often as in the training data.
        Raises UsageError for a wrong name, size or combination.
        """
        return self.states(n, given, how, **settings)[-1]

    @property
    def space(self) -> tuple[int, ...]:
        """The shape of a row in the model's space."""
        return self.encoder.space

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
        if not isinstance(self.encoder, Affine):
            raise UsageError(
                "what is known of a row says nothing certain of its latents. Inpaint with a model trained without --latent."
            )
        rows = self._rows(x)
        known = known_part(mask, tuple(rows.shape))
        z = self.encoder.encode(torch.where(known, rows, self.encoder.shift))
        *_, made = paths(self, len(z), how.changed(**settings), given, known=(z, known))
        whole = torch.where(known, rows, torch.as_tensor(self.in_units(made)).double())
        return self._typed(whole)

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
        if not isinstance(self.encoder, Affine):
            raise UsageError("a model of latents has no density in the data's units. Train without --latent.")
        constant = int((self.encoder.scale == 0).sum())
        if constant:
            raise UsageError(f"{constant} elements never vary in the training data, so there is no density. Train without them.")
        z = self._in(x)
        cond = self.labels_for(len(z), given, 0) if given is not None else None
        probes = None if z[0].numel() <= EXACT_TRACE else 1
        at_once = affordable(self.network, 1, AT_ONCE, 16, 1024) if batch_size is None else batch_size
        parts = []
        for first in range(0, len(z), at_once):
            rows = slice(first, first + at_once)
            denoise = self.denoise(None if cond is None else cond[rows].to(self.device))
            parts.append(
                ode_log_prob(denoise, self.schedule, z[rows], steps, probes=probes, generator=seeded("probes", first)).cpu()
            )
        return torch.cat(parts).numpy() - self.encoder.log_volume()

    @torch.no_grad()
    def to_noise(self, x: Any, steps: int = 50, method: str = "adams_bashforth3") -> Any:
        """The noise z (N, *space) that the probability flow takes rows x (N, ...) to: deterministic, the inverse of `from_noise`."""
        refuse_noise(method)
        x = self._in(x)
        how = Sampling(steps=steps + sampler(method).evaluations, method=method)
        times = self.times(how).flip(0)[1:]  # at t = 0 itself there is no noise to grow from
        x = along(self.schedule(times[0])[0], x) * x
        for part, run in ((times[:-1], sampler(method).run), (times[-2:], ddim)):  # only ddim can step to no data at all
            *_, x = run(self.denoise(), self.schedule, part, x)
        z = (x / torch.hypot(*self.schedule(times[-1])).to(x.dtype)).cpu()
        return z if self.card.kind == "torch" else z.numpy()

    @torch.no_grad()
    def from_noise(self, z: Any, steps: int = 50, method: str = "adams_bashforth3") -> Any:
        """The rows (N, ...) in the data's units that the probability flow makes of standard normal noise z (N, *space)."""
        refuse_noise(method)
        x = _rows(z, self.space).float().to(self.device)
        times = self.times(steps=steps, method=method)
        x = along(torch.hypot(*self.schedule(times[0])), x) * x
        *_, x = sampler(method).run(self.denoise(), self.schedule, times, x)
        return self.in_units(x.cpu())

    def labels_for(self, n: int, labels: Given, seed: int) -> Tensor | None:
        """Class ids (n,) for labels given by name or id, or drawn in the training data's proportions; None without classes."""
        classes, counts = self.card.classes, self.card.class_counts
        if not classes:
            if labels is not None:
                raise UsageError("this model was trained without labels, so none can be asked for.")
            return None
        if labels is None:
            shares = torch.tensor(counts, dtype=torch.float64)
            return torch.multinomial(shares, n, replacement=True, generator=seeded(seed, "labels"))
        labels = labels.tolist() if isinstance(labels, np.ndarray | np.generic | Tensor) else labels
        each = [labels] * n if isinstance(labels, str | int | float) else list(labels)
        if len(each) != n:
            raise UsageError(f"{len(each)} labels for {n} rows: give one, or one a row.")
        known: dict[Any, int] = {name: i for i, name in enumerate(classes)}
        if not any(name.lstrip("-").isdigit() for name in classes):
            known |= {i: i for i in range(len(classes))}  # an id, where it cannot be meant as a name
        keys = [label if label in known else str(label) for label in each]
        for key in keys:
            if key not in known:
                raise unknown("class", str(key), classes)
        return torch.tensor([known[key] for key in keys])

    def save(self, path: str | Path) -> Path:
        """Write the model's folder: weights, card and a README, the only part of a run to share. It must not exist yet."""
        folder.write(Path(path), folder.Parts(self.card, self.network, self.encoder, self.error, self.deviation))
        return Path(path)

    def _in(self, x: Any) -> Tensor:
        return self.encoder.encode(self._rows(x)).to(self.device)

    def _rows(self, x: Any) -> Tensor:
        return _rows(x, self.card.shape)

    def in_units(self, z: Tensor) -> Any:
        """Rows (n, ...) of the model's space in the data's units and type. Raises NumericsError where they are not finite."""
        x = self.encoder.decode(z)
        if not x.isfinite().all():
            raise NumericsError(
                f"{int((~x.isfinite()).flatten(1).any(1).sum())} of {len(x)} rows are not finite. "
                "Use another method, more steps, or less guidance; if it was not trained for long, train longer."
            )
        return self._typed(x)

    def _typed(self, x: Tensor) -> Any:
        """Rows in the data's units, float64, as the type of array that was fitted."""
        dtype = getattr(torch, self.card.dtype, torch.float64)
        if dtype == torch.bfloat16 and self.card.kind == "numpy":
            dtype = torch.float32  # numpy has none
        if not dtype.is_floating_point:
            widest = (0, 1) if dtype == torch.bool else (torch.iinfo(dtype).min, torch.iinfo(dtype).max)
            x = x.round().clamp(*(self.card.bounds or widest))
        return x.to(dtype) if self.card.kind == "torch" else x.to(dtype).numpy()


def _rows(x: Any, shape: tuple[int, ...]) -> Tensor:
    rows = x.detach().cpu().double() if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x, dtype=np.float64))
    rows = rows[:, None] if rows.ndim == 1 and shape == (1,) else rows
    if tuple(rows.shape[1:]) != shape:
        raise DataError(f"rows of shape {tuple(rows.shape[1:])}, but the model was trained on rows of {shape}.")
    return rows


def load(path: str | Path, precision: str = "float32") -> Model:
    """Read a model's folder, or that of the run around it. Nothing in it is executed. `precision` is that of sampling.

    Raises StorageError for a folder that is missing, damaged, foreign or of a newer format, and for a run without a model yet.
    """
    return Model(*folder.read(Path(path)), precision)


def refuse_noise(method: str) -> None:
    """Raise UsageError for a sampler that draws noise: it leads nowhere back."""
    if sampler(method).needs:
        raise UsageError(
            f"'{method}' draws noise, and only a deterministic sampler leads from data to noise and back. Use 'ddim'."
        )


def _bound(denoiser: Denoiser, cond: Tensor, x: Tensor, t: Tensor) -> Tensor:
    return denoiser(x, t, cond)
