"""A trained model: noise to data in the user's units, data to noise, and how likely data is.

    model.sample(1000, steps=10)      model.log_prob(x)      model.encode(x)      model.save(folder)

Row i of a sample is a function of (seed, i, steps, method): it does not depend on how many rows are asked for or how many go
through the network at once, because noise is drawn in fixed groups of rows, each with a generator of its own.

    >>> import unstir
    >>> model = unstir.fit(np.random.default_rng(0).normal(5, 2, (200, 2)), steps=20)
    >>> model.sample(3).shape, model.log_prob(np.full((4, 2), 5.0)).shape
    ((3, 2), (4,))
"""

import math
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unstir.diffusion.denoiser import Denoise, Denoiser, target
from unstir.diffusion.guidance import clipped, guided, inpainted
from unstir.diffusion.samplers import ddim, default, plan, sampler
from unstir.diffusion.schedules import Schedule, along, schedule
from unstir.encoders.affine import Affine, Encoder
from unstir.errors import DataError, NumericsError, UsageError, unknown
from unstir.information.likelihood import ode_log_prob
from unstir.information.mmse import ErrorCurve
from unstir.model import folder
from unstir.model.editing import known_part, slerp
from unstir.model.folder import Card
from unstir.networks import affordable
from unstir.seeds import seeded

EPS_LOG_SNR = -10.2  # a little beyond the end of the linear chain
AT_ONCE = 2e10  # multiply-adds of a call, to which the memory in use is proportional
PRECISIONS = ("float32", "bfloat16")
NOISE_GROUP = 256  # rows that share a noise generator
LONGEST = 100_000  # evaluations in a sample
EXACT_TRACE = 16  # up to this many elements a row, the divergence is computed exactly
BYTES = 28  # of memory for each number of a sample, at the least: float32 twice, float64 twice, and as it is answered

Interval = tuple[float, float] | None
Known = tuple[Tensor, Tensor] | None
"""Rows (B, ...) in the model's space and which of their elements are known, as bool (B, ...)."""
Labels = Any
"""One class, by name or id, or a sequence of them; None where there are none, or to draw them."""


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

    def sample(
        self,
        n: int,
        steps: int = 20,
        method: str | None = None,
        labels: Labels = None,
        guidance: float = 1.0,
        interval: Interval = None,
        seed: int = 0,
        batch_size: int | None = None,
    ) -> Any:
        """n new rows (n, ...) in the data's units and type; `steps` is the number of network evaluations.

        The method is the best measured one for that many steps, or any of `samplers.SAMPLERS`. A model of labelled data takes one
        label or n of them, by name or id; without, labels are drawn as often as in the training data. `guidance` 1 is the
        conditional model, more is more of the class, inside an interval of log-SNR if one is given.
        Raises UsageError for a wrong name, size or combination.
        """
        return self.states(n, steps, method, labels, guidance, interval, seed, batch_size)[-1]

    @property
    def space(self) -> tuple[int, ...]:
        """The shape of a row in the model's space."""
        return self.encoder.space

    def plan(self, method: str, steps: int) -> Tensor:
        """The times of `samplers.plan` for this model: (n + 1,). An eps model starts no noisier than the paper's chain ends.

        x_0 = (x - sigma eps) / alpha multiplies an error of eps by 20,000 where cosine ends. One long step from there would be lost;
        a thousand short ones average it out. Nothing is known of x_0 at such noise anyway.
        """
        times = plan(method, self.schedule, steps)
        first = self.schedule.inverse(torch.tensor(EPS_LOG_SNR, dtype=torch.float64))
        if self.card.target == "eps" and times[1] < first < times[0]:
            times = torch.cat([first[None], times[1:]])
        return times

    def states(
        self,
        n: int,
        steps: int = 20,
        method: str | None = None,
        labels: Labels = None,
        guidance: float = 1.0,
        interval: Interval = None,
        seed: int = 0,
        batch_size: int | None = None,
        every: int | None = None,
    ) -> list[Any]:
        """x along the way, each (n, ...) in the data's units: at every `every`-th time of the plan, and always the last."""
        return [self.in_units(x) for x in self.paths(n, steps, method, labels, guidance, interval, seed, batch_size, every)]

    @torch.no_grad()
    def paths(
        self,
        n: int,
        steps: int = 20,
        method: str | None = None,
        labels: Labels = None,
        guidance: float = 1.0,
        interval: Interval = None,
        seed: int = 0,
        batch_size: int | None = None,
        every: int | None = None,
        known: Known = None,
    ) -> list[Tensor]:
        """`states` in the model's own space, where x_t = alpha x_0 + sigma eps: float32, nothing rounded, and finite or not.

        Of rows that are partly known, no class is drawn: without labels, it is the model without a class that goes on with them.
        """
        batch_size = affordable(self.network, 1, AT_ONCE, NOISE_GROUP, 8192) if batch_size is None else batch_size
        if n < 1 or batch_size < 1:
            raise UsageError(f"asked for {n} samples, {batch_size} at a time; both have to be at least 1.")
        if steps > LONGEST:
            raise UsageError(
                f"asked for {steps:,} evaluations; {LONGEST:,} is the most. 20 do for most, 1,000 for the paper's chain."
            )
        if interval is not None and guidance == 1:
            raise UsageError(
                "an interval says where to guide, and guidance 1 guides nowhere. Give guidance too, or leave it out."
            )
        name = method or default(steps)
        chosen, times = sampler(name), self.plan(name, steps)
        keep = [i for i in range(len(times)) if i == len(times) - 1 or (every and i % every == 0)]
        _refuse_too_many(n, math.prod(self.space) * len(keep))
        cond = self.labels_for(n, labels, seed) if known is None or labels is not None else None
        if guidance != 1 and cond is None:
            raise UsageError("guidance needs a model trained with labels; this one has none.")
        start = torch.hypot(*self.schedule(times[0]))
        parts: list[list[Tensor]] = [[] for _ in keep]
        step = max(NOISE_GROUP, batch_size // NOISE_GROUP * NOISE_GROUP)
        for first in range(0, n, step):
            rows = range(first, min(first + step, n))
            noise = RowNoise(seed, rows)
            x = torch.empty(len(rows), *self.space, device=self.device)
            x = along(start, x) * noise(x)
            extra: dict[str, Any] = {"noise": noise} if "noise" in chosen.needs else {}
            if "error" in chosen.needs:
                extra["error"] = lambda t: self.error.at(self.schedule.log_snr(t))
            part = slice(rows.start, rows.stop)
            here = None if known is None else (known[0][part].to(self.device), known[1][part].to(self.device))
            denoise = self.denoise(None if cond is None else cond[part].to(self.device), guidance, interval, here)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16" and known is None):
                for i, state in enumerate(chosen.run(denoise, self.schedule, times, x, **extra)):
                    if i in keep:
                        parts[keep.index(i)].append(state.cpu())
        return [torch.cat(part) for part in parts]

    def inpaint(
        self,
        x: Any,
        mask: Any,
        steps: int = 20,
        method: str | None = None,
        labels: Labels = None,
        guidance: float = 1.0,
        seed: int = 0,
    ) -> Any:
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
        *_, made = self.paths(len(z), steps, method, labels, guidance, None, seed, known=(z, known))
        whole = torch.where(known, rows, torch.as_tensor(self.in_units(made)).double())
        return self._typed(whole)

    def interpolate(self, a: Any, b: Any, n: int = 9, steps: int = 50) -> Any:
        """n rows (n, ...) from row a (...) to row b (...), in the data's units: along the arc between the noises that they are made of.

        `editing.slerp` is the arc. The ends are a and b as far as `decode` undoes `encode`.
        """
        shape = self.card.shape
        z_a, z_b = torch.as_tensor(self.encode(np.stack([np.asarray(row).reshape(shape) for row in (a, b)]), steps))
        return self.decode(slerp(z_a, z_b, n), steps)

    def log_prob(self, x: Any, labels: Labels = None, steps: int = 64, batch_size: int | None = None) -> np.ndarray:
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
        cond = self.labels_for(len(z), labels, 0) if labels is not None else None
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
    def encode(self, x: Any, steps: int = 50, method: str = "adams_bashforth3") -> Any:
        """The noise z (N, *space) that the probability flow takes to rows x: deterministic, the inverse of `decode`."""
        _refuse_noise(method)
        x = self._in(x)
        times = self.plan(method, steps + sampler(method).evaluations).flip(0)[
            1:
        ]  # at t = 0 itself there is no noise to grow from
        x = along(self.schedule(times[0])[0], x) * x
        for part, run in ((times[:-1], sampler(method).run), (times[-2:], ddim)):  # only ddim can step to no data at all
            *_, x = run(self.denoise(), self.schedule, part, x)
        z = (x / torch.hypot(*self.schedule(times[-1])).to(x.dtype)).cpu()
        return z if self.card.kind == "torch" else z.numpy()

    @torch.no_grad()
    def decode(self, z: Any, steps: int = 50, method: str = "adams_bashforth3") -> Any:
        """The rows (N, ...) in the data's units that the probability flow makes of standard normal noise z (N, *space)."""
        _refuse_noise(method)
        x = _rows(z, self.space).float().to(self.device)
        times = self.plan(method, steps)
        x = along(torch.hypot(*self.schedule(times[0])), x) * x
        *_, x = sampler(method).run(self.denoise(), self.schedule, times, x)
        return self.in_units(x.cpu())

    def labels_for(self, n: int, labels: Labels, seed: int) -> Tensor | None:
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


def _refuse_too_many(n: int, numbers: int) -> None:
    """Raise UsageError where n rows of so many numbers are more than the machine's memory."""
    needed, there = n * numbers * BYTES, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise UsageError(
            f"{n:,} samples take {needed / 1e9:,.0f} GB of memory, and this machine has {there / 1e9:,.0f}. "
            f"At most {there // (numbers * BYTES):,} fit at once: draw them in parts, each with a seed of its own."
        )


class RowNoise:
    """Standard normal noise for some rows of a sample, a function of (seed, row, how many draws came before).

    `rows` start at a multiple of `NOISE_GROUP`; called with x (len(rows), ...), answers like x. Drawn on the CPU for every device.
    """

    def __init__(self, seed: int, rows: range):
        self.rows = rows
        first, last = rows.start // NOISE_GROUP, math.ceil(rows.stop / NOISE_GROUP)
        self.generators = [seeded(seed, "sample", group) for group in range(first, last)]

    def __call__(self, x: Tensor) -> Tensor:
        """Fresh noise like x."""
        groups = [torch.randn((NOISE_GROUP, *x.shape[1:]), generator=g) for g in self.generators]
        return torch.cat(groups)[: len(x)].to(device=x.device, dtype=x.dtype)


def _refuse_noise(method: str) -> None:
    if sampler(method).needs:
        raise UsageError(
            f"'{method}' draws noise, and only a deterministic sampler leads from data to noise and back. Use 'ddim'."
        )


def _bound(denoiser: Denoiser, cond: Tensor, x: Tensor, t: Tensor) -> Tensor:
    return denoiser(x, t, cond)
