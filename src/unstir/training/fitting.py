"""From data and settings to a model: the one straight way through the house.

    data -> split -> encoder -> problem -> train -> average -> error by noise level -> model

`fit` is that in a line; `Fitting` is the same with the loop handed to the caller, as the command line uses it.

    >>> import numpy as np
    >>> data = from_arrays(np.random.default_rng(0).normal(size=(300, 2)))
    >>> fitting = Fitting(data, settle(data, flat(steps=20)))
    >>> for step in fitting.steps(): pass
    >>> fitting.held_out().loss < 1.5
    True
"""

import inspect
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unstir.data import Data, from_arrays, layout
from unstir.diffusion.denoiser import Denoiser
from unstir.diffusion.loss import Example, errors, examples
from unstir.diffusion.schedules import schedule
from unstir.diffusion.times import Quantile, stratified, uniform
from unstir.encoders.affine import Encoder
from unstir.encoders.encoded import Encoded, encoded, gaussian_of, standard_deviation
from unstir.encoders.latent import MEASURED, Fit, Latent, Reconstruction, reconstruction
from unstir.encoders.latent import NAME as LATENT
from unstir.encoders.latent import Recipe as LatentRecipe
from unstir.errors import UsageError
from unstir.information.mmse import error_curve
from unstir.model.folder import Card
from unstir.model.model import Model
from unstir.networks import NETWORKS, affordable, make_network
from unstir.seeds import seeded
from unstir.training.config import Config, flat, resolve
from unstir.training.presets import settle, without_auto
from unstir.training.processes import here
from unstir.training.train import Problem, Recipe, State, Step, train

BUCKETS = 20  # of time, for the losses by noise level
HELD_OUT_DRAWS = 256, 4096  # pairs (row, noise) in a fixed held-out set, at least and at most
CURVE_DRAWS = 64, 4096  # and at each level of the error curve
LOOK, CURVE = 1e11, 1e12  # multiply-adds that a look, and the curve, are worth
LOOKS = 20  # at the held-out sets in a run, at most
LOOKING = 0.1  # the share of training's own work that looks may take beside LOOK
BACKWARD = 3  # times the work of an evaluation is that of a row in a step of training
ERROR_LEVELS = torch.linspace(-10, 14, 49, dtype=torch.float64)
SIGNAL_LEFT = 1e-3  # alpha_bar_T above which sampling from pure noise starts somewhere training never was


@dataclass(frozen=True)
class HeldOut:
    """Loss on fixed held-out rows, times and noise: the model's, and that of the best Gaussian denoiser (`gaussian_of`).

    `loss` is the training objective under the training distribution of times. By bucket of uniform time, (K,) each: `eps`, the mean
    squared error of the noise, which is L_simple, and `x0`, that of the data in units of its variance; both per element.
    """

    edges: Tensor
    loss: float
    gaussian_loss: float
    eps: Tensor
    gaussian_eps: Tensor
    x0: Tensor
    gaussian_x0: Tensor


class Fitting:
    """A training run that the caller drives: `steps()` trains, `held_out()` and `model()` look, between any two steps.

    An autoencoder is trained first where the settings ask for latents, unless the encoder is given.
    """

    def __init__(self, data: Data, config: Config, encoder: Encoder | None = None):
        if data.classes and config.data.labels == "none":
            data = replace(data, labels=None, classes=())
        self.config, self.data = (config := without_auto(config)), data
        self.training, self.unseen = data.split(config.data.held_out, config.seed)
        diffusion, optim = config.diffusion, config.optim
        self.schedule_settings = dict(diffusion.settings) | ({} if diffusion.T is None else {"T": diffusion.T})
        process = schedule(diffusion.schedule, **self.schedule_settings)
        self.drawn, mirrored = encoded(
            self.training.rows, config.data.encoder, config.data.flip, encoder or _trained(self.training, config)
        )
        self.encoder = self.drawn.encoder
        labels = self.training.labels
        self.problem = Problem(
            process,
            diffusion.target,
            self.drawn,
            None if labels is None else torch.as_tensor(labels),
            len(data.classes),
            diffusion.loss,
            diffusion.times,
            diffusion.coupling,
            mirrored,
        )
        named = {"steps", "batch_size", "lr", "warmup", "weight_decay", "clip", "ema", "drop_condition", "precision", "sharding"}
        self.recipe = Recipe(**optim.model_dump(include=named), seed=config.seed)
        here().share(self.recipe.batch_size)  # refused now, before anything is written
        self.cut = self.recipe.sharding == "full" and here().count > 1
        self.device = pick_device(config.device)
        self.architecture = config.network.architecture
        self.network_settings = network_settings(config.network.model_dump(), self.encoder, len(data.classes))
        network = make_network(self.architecture, self.network_settings, config.seed)
        self.state = State(network if self.cut else network.to(self.device), self.recipe)  # its parts will be on the device
        self._draws = affordable(network, 1, LOOK, *HELD_OUT_DRAWS)
        self._gaussian = gaussian_of(self.drawn)
        self._as_trained = self._fixed(self.problem.quantile, "held out as trained")
        self._by_time = self._fixed(uniform, "held out by time")

    @property
    def warnings(self) -> list[str]:
        """What a person should know before the first step, a sentence each."""
        found = [*self.data.notes]
        left = self.problem.schedule.alpha_bar_end
        if left > SIGNAL_LEFT:
            name = self.config.diffusion.schedule
            more = "More or larger betas" if name == "chain" else "Use more steps (--diffusion.T 1000)"
            found.append(
                f"the {name} schedule leaves signal: alpha_bar_T = {left:.3g}, so samples start from noise that training never saw. "
                f"{more} or --schedule cosine."
            )
        constant = int((self.encoder.scale == 0).sum())
        if constant:
            found.append(f"{constant} of {self.encoder.scale.numel()} elements never vary; samples repeat them exactly.")
        return found

    @cached_property
    def looks(self) -> int:
        """At both held-out sets, in the whole run: fewer where they are dear and the run is short."""
        rows = 2 * self._draws
        share = int(LOOKING * self.recipe.steps * self.recipe.batch_size * BACKWARD / rows)
        return min(LOOKS, share + affordable(self.state.network, rows, LOOK, 1, LOOKS))

    @cached_property
    def reconstruction(self) -> Reconstruction | None:
        """How good the autoencoder is on held-out rows, if there is one."""
        if not isinstance(self.encoder, Latent):
            return None
        return reconstruction(self.encoder, torch.as_tensor(self.unseen.rows[:MEASURED]))

    def steps(self) -> Iterator[Step]:
        """Train from where the state is to the end, a step at a time, together with the processes that this one has joined."""
        return train(self.state, self.problem, self.recipe, here(), self.device)

    @torch.no_grad()
    def held_out(self) -> HeldOut:
        """The average's loss on the fixed held-out sets, beside the Gaussian's."""
        if self.cut:
            network = self._averaged()
            as_trained, by_time = (self._x0_errors(network, fixed) for fixed in (self._as_trained, self._by_time))
        else:
            self.state.swap()
            self.state.network.eval()
            as_trained, by_time = (self._x0_errors(self.state.network, fixed) for fixed in (self._as_trained, self._by_time))
            self.state.swap()
        weight = self.problem.weigh(self.problem.schedule, self.problem.target, self._as_trained.t)
        snr = self.problem.schedule.log_snr(self._by_time.t).exp()
        gaussian = self._by_time.gaussian_error
        return HeldOut(
            torch.linspace(0, 1, BUCKETS + 1, dtype=torch.float64),
            (weight * as_trained).mean().item(),
            (weight * self._as_trained.gaussian_error).mean().item(),
            *(bucket_means(self._by_time.t, e) for e in (by_time * snr, gaussian * snr, by_time, gaussian)),
        )

    def eps_errors(self, step: Step) -> Tensor:
        """A training step's errors as those of the noise, L_simple's, whatever the objective: (B,) float64."""
        process, t = self.problem.schedule, step.t
        return step.errors.double().cpu() / self.problem.weigh(process, self.problem.target, t) * process.log_snr(t).exp()

    def model(self) -> Model:
        """The model as it is now: the average of the weights, with its error by noise level measured on held-out rows."""
        network = self._averaged()
        data, problem = self.data, self.problem
        card = Card(
            shape=data.shape,
            schedule=self.config.diffusion.schedule,
            schedule_settings=self.schedule_settings,
            target=problem.target_name,
            network=self.architecture,
            network_settings=self.network_settings,
            encoder=self.encoder.name,
            encoder_settings=self.encoder.settings,
            dtype=data.dtype,
            names=data.names,
            classes=data.classes,
            label_name=label_name(self.config.data.labels, data.names),
            class_counts=tuple(torch.as_tensor(self.training.labels).bincount(minlength=len(data.classes)).tolist())
            if data.classes
            else (),
            bounds=data.bounds,
            source=data.source,
            steps_trained=self.state.step,
        )
        rows, cond = self._held_out_rows(affordable(network, len(ERROR_LEVELS), CURVE, *CURVE_DRAWS))
        denoiser = Denoiser(network, problem.schedule, problem.target)
        curve = error_curve(
            lambda x, t: denoiser(x, t, cond),
            problem.schedule,
            rows.to(self.device),
            ERROR_LEVELS,
            seeded(self.config.seed, "error curve"),
        )
        return Model(card, network, self.encoder, curve, standard_deviation(self.drawn.statistics))

    def _averaged(self) -> torch.nn.Module:
        """A network of its own with the average for weights."""
        network = make_network(self.architecture, self.network_settings)
        network.load_state_dict(self.state.averaged())
        return network.eval().requires_grad_(False).to(self.device)

    def _held_out_rows(self, n: int) -> tuple[Tensor, Tensor | None]:
        """n held-out rows, which are in random order, and their classes, repeated as often as needed."""
        index, labels = torch.arange(n) % len(self.unseen), self.unseen.labels
        cond = None if labels is None else torch.as_tensor(labels)[index].to(self.device)
        return Encoded(self.unseen.rows, self.encoder)[index], cond

    def _fixed(self, quantile: Quantile, name: str) -> "Fixed":
        """Held-out rows with stratified times of a distribution, noise, and the error of the Gaussian denoiser on them."""
        problem, generator = self.problem, seeded(self.config.seed, name)
        rows, cond = self._held_out_rows(self._draws)
        t = quantile(stratified(len(rows), generator), problem.schedule)
        eps = torch.randn(rows.shape, generator=generator)
        example = examples(problem.schedule, problem.target, problem.weigh, rows, eps, t)
        wide = rows.flatten(1).double()
        error = wide - self._gaussian.denoise(problem.schedule)(problem.schedule.diffuse(wide, t, eps.flatten(1).double()), t)
        return Fixed(t, example, cond, error.square().mean(1))

    def _x0_errors(self, network: torch.nn.Module, fixed: "Fixed") -> Tensor:
        """Mean squared error of x0_hat on each row of a fixed set, by a network: (B,) float64."""
        found = []
        for rows in torch.arange(len(fixed.t)).split(2048):
            example = Example(*(part[rows].to(self.device) for part in fixed.example))
            cond = None if fixed.cond is None else fixed.cond[rows]
            found.append(errors(network(example.seen, example.t, cond), example).double().cpu())
        return torch.cat(found) / self.problem.weigh(self.problem.schedule, self.problem.target, fixed.t)


class Fixed(NamedTuple):
    """A held-out set that never changes: times (B,), examples, classes (B,) or None, the Gaussian's error (B,)."""

    t: Tensor
    example: Example
    cond: Tensor | None
    gaussian_error: Tensor


def fitting_of_latents(training: Data, config: Config) -> Fit:
    """The training of the autoencoder of these rows, still to be driven. Raises UsageError for rows that do not lie in space."""
    lies = layout(training.shape)
    if lies is None:
        raise UsageError(f"--latent is for images and sequences; a row here is {training.shape}. Train without it.")
    recipe = LatentRecipe(**config.latent.model_dump(), seed=config.seed, precision=config.optim.precision)
    return Fit(training.rows, recipe, lies.channel_axis, str(pick_device(config.device)))


def _trained(training: Data, config: Config) -> Encoder | None:
    """The encoder that has to be trained, if the settings name one."""
    if config.data.encoder != LATENT:
        return None
    fit = fitting_of_latents(training, config)
    for _ in fit.updates():
        pass
    return fit.encoder()


def fit(x: Any, labels: Any = None, **settings: Any) -> Model:
    """Train a model of rows x (N, ...), numpy or torch, with a class each if labels are given.

    Settings are the leaf names of the configuration: steps, schedule, target, lr, width, seed, held_out, ... What is not given is
    chosen from the data's size. Raises DataError for data that cannot be used, UsageError for an unknown setting.
    """
    if isinstance(x, str):
        raise UsageError(f"fit takes an array, not the name '{x}'. Use unstir.data.load('{x}').values.")
    data = from_arrays(x, labels, missing=resolve(flat(**settings)).data.missing)
    fitting = Fitting(data, settle(data, flat(**settings)))
    for _ in fitting.steps():
        pass
    model = fitting.model()
    kind = "torch" if isinstance(x, Tensor) else "numpy"
    return replace(model, card=replace(model.card, kind=kind))


def network_settings(chosen: dict[str, Any], encoder: Encoder, classes: int) -> dict[str, Any]:
    """What the chosen network is built from: of the settings those that it has, and what the encoded rows decide.

    Raises UsageError for a network of images and rows that do not lie in space.
    """
    shape = encoder.space
    sizes: dict[str, Any] = {"dimension": math.prod(shape), "classes": classes, "shape": list(shape)}
    name, lies = chosen["architecture"], layout(shape)
    known = inspect.signature(NETWORKS[name]).parameters
    if "channel_axis" in known:
        if isinstance(encoder, Latent):
            sizes["channel_axis"] = 0
        elif lies is None:
            raise UsageError(f"--network.architecture {name} is for images and sequences; a row here is {shape}. Use mlp.")
        else:
            sizes["channel_axis"] = lies.channel_axis
    return {name: value for name, value in (chosen | sizes).items() if name in known}


def label_name(labels: str | None, names: tuple[str, ...]) -> str:
    """What a column of classes beside columns of these names is called: as in the table it came from, or `class`.

    >>> label_name("pet", ("size",)), label_name(None, ("size", "class")), label_name("2", ())
    ('pet', 'class_', 'class')
    """
    name = labels if labels and labels != "none" and names else "class"
    while name in names:
        name += "_"
    return name


def pick_device(name: str) -> torch.device:
    """The device of that name, the fastest there is for 'auto'. Raises UsageError where it is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device("cuda" if there["cuda"] else "cpu")
    if not there.get(name, False):
        raise UsageError(f"device '{name}' is not there. Present: {', '.join(k for k, v in there.items() if v)}.")
    return torch.device(name)


def bucket_sums(t: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of values (B,) over equal buckets of their times, and how many there are: (BUCKETS,) float64 and int64."""
    bucket = (t * BUCKETS).ceil().long().clamp(1, BUCKETS) - 1
    total = torch.zeros(BUCKETS, dtype=torch.float64).index_add(0, bucket, values.double())
    return total, torch.bincount(bucket, minlength=BUCKETS)


def bucket_means(t: Tensor, values: Tensor) -> Tensor:
    """Means of values (B,) over equal buckets of their times: (BUCKETS,), NaN where a bucket is empty."""
    total, count = bucket_sums(t, values)
    return total / count
