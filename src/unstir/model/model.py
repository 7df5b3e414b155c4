"""A trained model: from noise to data in the user's units, from data to noise, and log-likelihoods of data.

model.sample(1000, steps=10)      model.log_prob(x)      model.encode(x)      model.save(folder)

>>> import unstir
>>> model = unstir.fit(np.random.default_rng(0).normal(5, 2, (200, 2)), steps=20)
>>> model.sample(3).shape, model.log_prob(np.full((4, 2), 5.0)).shape
((3, 2), (4,))
>>> model
Model: rows of (2,), float64
  linear schedule, edm target, mlp network of ... weights, ... steps of training
  no column names: columns go by place
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unstir.conditions.base import Condition, conditions_for
from unstir.data.tables.schema import Schema
from unstir.devices import AUTO
from unstir.diffusion.blending import Blend, blended
from unstir.diffusion.denoiser import Denoise, Denoiser, Posterior, Target
from unstir.diffusion.groups import without
from unstir.diffusion.guidance import clipped, guided, inpainted
from unstir.diffusion.schedules import Schedule
from unstir.encoders.base import Encoder
from unstir.encoders.rows import complete, gaps_of
from unstir.errors import unknown
from unstir.information.mmse import ErrorCurve
from unstir.model import folder, forks  # noqa: F401 - what happens when a process is forked
from unstir.model.bits import bits_per_dim
from unstir.model.card import Card, described
from unstir.model.densities import log_prob
from unstir.model.drawing import Known, paths, times_of
from unstir.model.filling import filled
from unstir.model.flowing import between, to_data, to_noise
from unstir.model.own import Own
from unstir.model.placing import placed, suited_precision
from unstir.model.sampling import Sampling
from unstir.model.told import brought, columns_given
from unstir.model.units import as_came, named, refuse_cells, refuse_infinite, rows_of, tidied, typed, value_named
from unstir.seeds import seeded
from unstir.steady import steady

PRECISIONS = ("float32", "tf32", "bfloat16")
DEFAULT = Sampling()
BACK_AND_FORTH = "adams_bashforth3"  # the default method from data to noise and back

Interval = tuple[float, float] | None
Given = Any
"""What samples are conditioned on: a class, or what else rows are given by name, for all rows or for each; None for any."""


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A trained model. `network` computes F(x, t, cond), and `error` is the model's error by noise level.

    `deviation` is the standard deviation of the training data in its own units, in the shape of a row:
    `encoders.rows.standard_deviation`. `blend` mixes the network's answer with the best Gaussian's; None leaves it alone.

    With `precision` "bfloat16", sampling takes the network's products in bfloat16, which is faster for wide networks on processors that
    support it; "tf32" shortens those of float32 on a GPU; "auto" is what suits the device. Likelihoods, the maps to noise and back, and
    inpainting always use float32.
    """

    card: Card
    network: nn.Module
    encoder: Encoder
    error: ErrorCurve
    deviation: Tensor
    schedule: Schedule
    target: Target
    condition: Condition | None = None
    blend: Blend | None = None
    precision: str = "float32"
    losses: np.ndarray | None = None
    """The training loss of every step (steps,), if `unstir.fit` has just fitted the model."""

    def __post_init__(self):
        if self.precision == AUTO:
            object.__setattr__(self, "precision", suited_precision(self.device, self.card))
        if self.precision not in PRECISIONS:
            raise unknown("precision", self.precision, [AUTO, *PRECISIONS])

    def __repr__(self) -> str:
        """A description in a few lines."""
        return described(self.card, sum(w.numel() for w in self.network.parameters()), self.condition, str(self.device))

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return next(self.network.parameters()).device

    @steady
    def to(self, device: str | torch.device) -> "Model":
        """The model on a device: "cpu", "cuda", "cuda:1" or "mps"; "auto" is a GPU if there is one and the network is large enough for it.

        It is this model if it is there already, else a copy. Rows come and go on the CPU as before. Raises UsageError for a device that is
        misspelt or not there.
        """
        return placed(self, device)

    @property
    def space(self) -> tuple[int, ...]:
        """The shape of a row in the model's space."""
        return self.encoder.space

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that samples can be conditioned on; empty without classes."""
        return self.condition.classes if self.condition else ()

    def denoise(
        self, cond: Tensor | None = None, guidance: float = 1.0, interval: Interval = None, known: Known = None
    ) -> Denoise:
        """The denoiser in the model's space, bound to values of the condition (B, ...) or to none, and to the known elements of the rows.

        Its output is clipped if the data's type has bounds, as for images of bytes.
        """
        bound = self._unclipped(cond, guidance, interval)
        if known is not None:
            bound = inpainted(bound, *known)
        bounds = None if self.card.bounds is None else self.encoder.bounds(*self.card.bounds)
        return bound if bounds is None else clipped(bound, *bounds)

    def _unclipped(self, cond: Tensor | None, guidance: float = 1.0, interval: Interval = None) -> Denoise:
        denoiser = Denoiser(self.network, self.schedule, self.target)
        bound: Denoise = denoiser
        if cond is not None:
            bound = guided(lambda x, t: denoiser(x, t, cond), denoiser, guidance, interval, self.schedule)
        return bound if self.blend is None else blended(bound, self.blend.to(self.device), self.schedule)

    def posterior(self, cond: Tensor | None = None) -> Callable[[Tensor, Tensor], Posterior]:
        """What is known of x_0 given x_t, (x_t (B, ...), t () or (B,)) -> `Posterior`, bound to values of the condition (B, ...) or to none.

        The mean is x0_hat, not clipped. The variance is the model's measured error at that log-SNR, the same for all rows; if the target
        tells probabilities, it is theirs.
        """
        denoise, denoiser = self._unclipped(cond), Denoiser(self.network, self.schedule, self.target)
        refuse_cells(self.card, "variance of each number")

        def known(x: Tensor, t: Tensor) -> Posterior:
            if not self.target.reading.is_affine:
                mean, variance = denoiser.read(x, t, cond)
                assert variance is not None
                return Posterior(mean, variance)
            mean = denoise(x, t)
            return Posterior(mean, self.error.at(self.schedule.log_snr(t)).to(mean).expand_as(mean))

        return known

    @steady
    def given(self, n: int, given: Given = None, seed: int = 0) -> Tensor | None:
        """Values (n, ...) of the condition for n rows: those given, else drawn as often as in the training data; None without a condition."""
        return conditions_for(self.condition, n, value_named(given, self.condition), seeded(seed, "labels"))

    @steady
    def sample(self, n: int, given: Given = None, how: Sampling = DEFAULT, **settings: Any) -> Any:
        """n new rows (n, ...) in the data's units and type. What would lie beyond the range of the type becomes its last finite value.

        Rows of a data frame are a data frame, and of any other table with columns that are no numbers, or with missing cells, columns by
        name, those that the rows are given among them; complete=True leaves no cell missing.
        `how` is a `Sampling`; settings change it: steps, method, guidance, interval, seed, batch_size, grid. If the model was trained with
        classes, `given` is one class or n of them, by name or number; without it, classes are drawn as often as in the training data.
        Raises UsageError for a wrong name, size or combination.
        """
        how = how.changed(**settings)
        return as_came(self.rows(n, given, how), self.card, columns_given(self, n, given, how.seed))

    @steady
    def rows(self, n: int, given: Given = None, how: Sampling = DEFAULT, **settings: Any) -> Any:
        """The same n rows as numbers (n, ...): of a table of mixed columns, the codes of its cells, NaN for one that is missing."""
        return tidied(self.states(n, given, how, **settings)[-1], self.card)

    @steady
    def states(
        self, n: int, given: Given = None, how: Sampling = DEFAULT, every: int | None = None, **settings: Any
    ) -> list[Any]:
        """The states x on the way from noise to data, each (n, ...) in the data's units: at every `every`-th time, and always at the last."""
        return [self.in_units(x) for x in self.paths(n, given, how, every, **settings)]

    @steady
    def paths(
        self, n: int, given: Given = None, how: Sampling = DEFAULT, every: int | None = None, **settings: Any
    ) -> list[Tensor]:
        """`states` in the model's space, where x_t = alpha x_0 + sigma eps: float32, not rounded, and not checked to be finite."""
        how = how.changed(**settings)
        return paths(self.without_gaps if how.complete else self, n, how, given, every)

    @steady
    def times(self, how: Sampling = DEFAULT, **settings: Any) -> Tensor:
        """The times of the states on the way from noise to data, (steps + 1,) from 1 to 0."""
        return times_of(self, how.changed(**settings))

    @steady
    def inpaint(self, x: Any, mask: Any = None, given: Given = None, how: Sampling = DEFAULT, **settings: Any) -> Any:
        """Rows x (N, ...) in the data's units, with the elements where `mask` is False or 0 sampled, given the other elements.

        The mask broadcasts to x; without one, what is missing in x (NaN) is sampled. Known elements come back unchanged, other values of x do
        not matter, and names are matched. A column of the condition is used as `given`. `filling` says what `particles` do. Raises
        DataError for a mask or rows that do not fit.
        """
        return self.impute(x, 1, mask, given, how, **settings)[0]

    @steady
    def impute(self, x: Any, times: int = 5, mask: Any = None, given: Given = None, how: Sampling = DEFAULT, **more: Any) -> list:
        """The rows of `inpaint` so many `times`, each drawn independently: how far they differ is what the known elements leave open."""
        found, own = filled(self, x, mask, given, how.changed(**more), times), brought(x, self) if given is None else given
        return [as_came(one.rows, self.card, columns_given(self, len(one.rows), own, how.seed), like=x) for one in found]

    @steady
    def interpolate(self, a: Any, b: Any, n: int = 9, steps: int = 50) -> Any:
        """n rows (n, ...) from row a (...) to row b (...), in the data's units: a and b as noise, the arc between them, and back to data.

        `editing.slerp` is the arc. Names are matched. Both ends are as close to a and b as `decode` inverts `encode`.
        """
        return between(self, a, b, n, steps)

    @steady
    def log_prob(self, x: Any, given: Given = None, steps: int = 64, batch_size: int | None = None) -> np.ndarray:
        """log p(x) in nats, (N,), of rows (N, ...) in the data's units, by the model's probability flow.

        Rows of up to 16 elements use the exact divergence, wider rows Hutchinson's estimate from one random direction a row, whose error
        averages out over rows. Integers count as points, not as bins. Columns are matched by name, and one of the condition is used as
        `given`. Raises UsageError if an element never varies in the training data.
        """
        return log_prob(self, x, given, steps, batch_size)

    @steady
    def bits_per_dim(self, x: Any, given: Any = None) -> np.ndarray:
        """Bits per dimension, (N,), of rows (N, ...) in the data's units: of data with few levels a bound of -log2 P(x), measured with noise.

        Other numbers have only a density: then it is -log2 p(x) / d by `log_prob`, which depends on the data's units and may be negative.
        Raises UsageError where there is neither, DataError for a row with a value that no training row had in its place.
        """
        refuse_cells(self.card, "density")
        came = named(x, self.card, self.condition)
        rows, given = rows_of(came.values, self.card.shape), came.given if given is None else given
        return bits_per_dim(self, rows, None if given is None else self.given(len(rows), given), given)

    @steady
    def encode(self, x: Any, steps: int = 50, method: str = BACK_AND_FORTH) -> Any:
        """The noise z to which the probability flow takes rows x (N, ...): deterministic, the inverse of `decode`.

        z has the shape of x; that of a model of latents has the shape of the latents.
        """
        return to_noise(self, x, steps, method)

    @steady
    def decode(self, z: Any, steps: int = 50, method: str = BACK_AND_FORTH) -> Any:
        """The rows (N, ...) in the data's units to which the probability flow takes standard normal noise z, shaped as in `encode`."""
        return to_data(self, z, steps, method)

    @steady
    def in_units(self, z: Tensor) -> Any:
        """Rows (n, *space) of the model's space in the data's units and type, or codes of cells. Raises NumericsError if one is not finite."""
        refuse_infinite(z)
        return typed(self.encoder.decode(z), self.card)

    @property
    def table(self) -> Schema | None:
        """The columns of the table that was fitted: their names, kinds, categories, decimals; None for arrays."""
        return self.card.schema

    @cached_property
    def without_gaps(self) -> "Model":
        """The model of a table given that no cell is missing; any other model is itself."""
        if not self.card.mixed:
            return self
        target = replace(self.target, reading=without(self.target.reading, gaps_of(self.encoder)))
        return replace(self, encoder=complete(self.encoder), target=target)

    @steady
    def save(self, path: str | Path) -> Path:
        """Write the model's folder: weights, card and a README, everything that sampling needs. Raises StorageError if it exists."""
        place = Path(path).expanduser()
        folder.write(place, folder.Parts(*(getattr(self, part) for part in folder.Parts._fields)))
        return place


@steady
def load(path: str | Path, precision: str = "float32", device: str = "cpu", **own: Any) -> Model:
    """Read a model's folder, or the model of a run's folder. Nothing in it is executed. `precision` is that of sampling.

    It computes on the `device`, as in `Model.to`.
    If the model was trained with parts of your own, pass them again: `network`, `schedule`, `target`, `encoder`, `condition`.
    Raises StorageError for a folder that is missing, damaged, foreign or of a newer format, and for a run without a model yet;
    UsageError for a part of your own that is missing, or that the model was trained without.
    """
    for name in own:
        if name not in Own.__dataclass_fields__:
            raise unknown("part", name, Own.__dataclass_fields__)
    return replace(Model(*folder.read(Path(path).expanduser(), Own(**own))).to(device), precision=precision)
