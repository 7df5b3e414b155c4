"""From data and settings to a model: all of training in one class, whose loop the caller drives.

    data -> split -> encoder -> problem -> train -> average -> error by noise level -> model

`unstir.fit` does all of it in one call (`training.fit`); the command line drives a `Fitting` itself.

    >>> import numpy as np
    >>> from unstir.data import from_arrays
    >>> from unstir.training.config import flat
    >>> from unstir.training.presets import settle
    >>> data = from_arrays(np.random.default_rng(0).normal(size=(300, 2)))
    >>> fitting = Fitting(data, settle(data, flat(steps=20)))
    >>> for step in fitting.steps(): pass
    >>> fitting.held_out().loss < 1.5
    True
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from unstir.data import Data
from unstir.data.levels import levels_of
from unstir.devices import pick
from unstir.diffusion.blending import blended, measured
from unstir.diffusion.denoiser import Denoiser
from unstir.diffusion.schedules import schedule
from unstir.diffusion.times import distribution
from unstir.encoders.base import Encoder, Fit, Reconstruction
from unstir.encoders.rows import EncodedRows, standard_deviation, views
from unstir.encoders.turned import encoded, statistics_of
from unstir.information.mmse import error_curve
from unstir.model.atoms import with_atoms
from unstir.model.model import Model
from unstir.model.own import NOTHING_OWN, Own
from unstir.model.units import values_of
from unstir.networks.building import affordable, operations
from unstir.seeds import seeded
from unstir.steady import steady
from unstir.training.baseline import MEASURED, along_directions, gaussian_of
from unstir.training.cards import card_of
from unstir.training.config import Config
from unstir.training.held_out import HeldOut, HeldOutSets
from unstir.training.keeping import LAST, Keeping
from unstir.training.loop import Step
from unstir.training.parts import condition_for, encoder_fit, network_for, target_for, with_its_classes
from unstir.training.presets import without_auto
from unstir.training.problem import Problem
from unstir.training.processes import here
from unstir.training.recipe import SHARDED, Decision, Recipe
from unstir.training.starting import Start, said
from unstir.training.state import State
from unstir.training.stepping import steps_of
from unstir.words import spelled

if TYPE_CHECKING:
    from unstir.training.allowance import Allowance

HELD_OUT_DRAWS = 256, 4096  # pairs (row, noise) in a fixed held-out set, at least and at most
CURVE_DRAWS = 64, 4096  # pairs (row, noise) at each level of the error curve, at least and at most
LOOK, CURVE = 1e11, 1e12  # multiply-adds at most of a look (an evaluation on a held-out set), and of the error curve
BRIEF = 1e10  # multiply-adds of the error curve that are worth it after the briefest run; after others it takes no longer than training
LOOKS = 20  # evaluations on the held-out sets in a run at most
LOOKING = 0.1  # the share of the training steps' work that these may add beyond LOOK
SHARE_DRAWS = 512  # pairs (row, noise) at each level of the blend at most
BACKWARD = 3  # training on a row takes this many times the work of evaluating the network on it
ERROR_LEVELS = torch.linspace(-10, 14, 49, dtype=torch.float64, device="cpu")  # log-SNR of the error curve
SHARE_LEVELS = ERROR_LEVELS[::2]  # log-SNR at which the blend of the network and the best Gaussian is measured


class Fitting:
    """A training run that the caller drives: `steps()` trains; `held_out()` and `model()` can be called between any two steps.

    If no `encoder` is given, one is fitted first, by training if it is a network. `own` are the caller's own parts, in place of names.
    `start`: another model, whose weights training starts from; `started` says what is taken over.
    """

    @steady
    def __init__(
        self,
        data: Data,
        config: Config,
        encoder: Encoder | None = None,
        own: Own = NOTHING_OWN,
        start: Start | None = None,
    ):
        self.config, self.data = (config := without_auto(config)), (data := with_its_classes(data, config))
        self.own, self.start = own, start
        self.allowance: Allowance | None = None
        self.effort = 1.0  # the share of the usual work that the model's curves are worth
        self.coming: dict[int, Decision] = {}
        self.training, self.unseen = data.split(config.data.held_out, config.seed)
        self.encoder = encoder or _to_the_end(encoder_fit(self.training, config, own, start))
        self.levels = None if data.mixed or self.encoder.by_cell else levels_of(self.training)
        self.condition = own.condition or condition_for(self.training, config, start)
        drawn = views(self.training.rows, config.data.flip, data.layout)
        self.drawn, *mirrored = (encoded(view, self.encoder) for view in drawn)
        self.target = target_for(config, own, self.encoder, self.levels, (self.drawn, *mirrored))
        self.problem = self._problem(mirrored[0] if mirrored else None)
        self.recipe = Recipe(**config.optim.model_dump(), seed=config.seed)
        here().share(self.recipe.batch_size)  # raises now, before anything is written, if the processes do not divide the batch
        self.sharded = self.recipe.sharding == SHARDED and here().count > 1
        self.network_settings, self._make_network = network_for(
            config, self.encoder, self.encoder.layout(data.layout), self.condition, own, self.target.reading
        )
        self.restart(config.seed)
        draws, gaussian = self._draws, gaussian_of(self.drawn, *mirrored)
        unseen, cond = encoded(self.unseen.rows, self.encoder), values_of(self.unseen, self.condition)
        self._directions = along_directions(gaussian)
        self._sets = HeldOutSets(self.problem, unseen, cond, gaussian, draws, config.seed, self.device)

    @steady
    def restart(self, seed: int) -> None:
        """Go back to step 0, with this seed for weights, order and noise; the held-out rows stay the same."""
        self.recipe = replace(self.recipe, seed=seed)
        network = self._make_network(seed)
        self.taken_over = None if self.start is None else self.start.take_over(network, self.condition, self.data.shape)
        work = operations(network) * self.recipe.batch_size // here().count
        chosen = pick(self.config.device, work)
        self.device, self.chosen_device = chosen.device, chosen.said
        here().check(self.device)
        self.state = State(
            network if self.sharded else network.to(self.device), self.recipe
        )  # sharding moves the parts to the device
        self._draws = affordable(network, 1, LOOK, *HELD_OUT_DRAWS)
        paired = self.problem.pairings(self.recipe.batch_size) > 0  # then training lowers another loss than that of held-out rows
        self.keeping = Keeping(LAST if paired else self.recipe.keep, self.recipe.steps, self.looks)
        self.decisions: list[Decision] = []

    def again(self, decision: Decision) -> None:
        """Move the end of training as it was decided: `training.allowance`."""
        after, steps, *_ = decision
        self.decisions.append(decision)
        self.recipe = self.recipe.again(after, steps)
        most = max(1, round(LOOKS * (1 - self.recipe.share(after))))
        self.keeping.again(after, steps, min(most, self._looks_in(steps - after)))

    @property
    def started(self) -> str:
        """What is taken over from another model, in a sentence; "" where training starts from random weights."""
        if self.start is None or self.taken_over is None:
            return ""
        return said(self.start, self.taken_over, self.start.why_fitted(self.training, self.config, self.own))

    @property
    def far_from_start(self) -> list[str]:
        """What a person should know of the rows beside those of the model that training starts from, a sentence each."""
        return [] if self.start is None else self.start.warnings(self.training, self.encoder)

    @property
    def started_from(self) -> dict[str, Any]:
        """The record of the model that training starts from: its folder, its sha256, its steps, and what is taken over; {} without one."""
        if self.start is None or self.taken_over is None:
            return {}
        of = {"run": spelled(self.start.folder), "sha256": self.start.sha256, "steps": self.start.model.card.steps_trained}
        return of | {"tensors": self.taken_over.tensors, "taken_over": self.taken_over.taken, "said": self.started}

    @cached_property
    @steady
    def looks(self) -> int:
        """How often the run is evaluated on both held-out sets: less often if the network is large and the run is short."""
        return self._looks_in(self.recipe.steps)

    def _looks_in(self, steps: int) -> int:
        rows = self.rows_of_a_look
        share = int(LOOKING * steps * self.recipe.batch_size * BACKWARD / rows)
        return min(LOOKS, share + affordable(self.state.network, rows, LOOK, 1, LOOKS))

    def _rows_of_a_curve(self, network: nn.Module) -> int:
        trained = BACKWARD * operations(network) * self.recipe.steps * self.recipe.batch_size
        work = min(self.effort * CURVE, max(BRIEF, trained))
        return affordable(network, len(ERROR_LEVELS) + len(SHARE_LEVELS), work, *CURVE_DRAWS)

    @property
    def rows_of_the_curves(self) -> int:
        """How many rows go through the network for the curves of the model, at all levels together."""
        rows = self._rows_of_a_curve(self.state.network)
        return rows * len(ERROR_LEVELS) + min(rows, SHARE_DRAWS) * len(SHARE_LEVELS)

    @property
    def rows_of_a_look(self) -> int:
        """How many rows go through the network at an evaluation on both held-out sets."""
        return 2 * self._draws

    @cached_property
    @steady
    def reconstruction(self) -> Reconstruction | None:
        """What held-out rows lose by being encoded and decoded; None if the encoder is exact."""
        return self.encoder.reconstruction(torch.as_tensor(self.unseen.rows[:MEASURED]))

    @property
    def over(self) -> bool:
        """Whether training has ended: at the last step, or earlier because the held-out loss has risen."""
        return self.keeping.over or self.state.step >= self.recipe.steps

    @steady
    def steps(self) -> Iterator[Step]:
        """Train from the current step to the last, one step at a time, together with the processes that this one has joined.

        Now and then the averaged weights are looked at, and by (3) of `keeping` that may end training early. Process 0 looks for all.
        With an `allowance`, the end is moved as the run goes; `coming` are decisions that the same run took when it was at these steps.
        """
        yield from steps_of(self)

    @steady
    def held_out(self) -> HeldOut:
        """The loss of the averaged weights on the fixed held-out sets, and the best Gaussian's."""
        if self.sharded:
            return self._sets.look(self._network(self.state.averaged()))
        self.state.swap()
        self.state.network.eval()
        found = self._sets.look(self.state.network)
        self.state.swap()
        return found

    @steady
    def eps_errors(self, step: Step) -> Tensor:
        """The errors of a training step, converted to squared errors of the noise as in L_simple, whatever the loss: (B,) float64."""
        problem, t = self.problem, step.t
        weight = problem.weigh(problem.schedule, problem.target, t)
        return step.errors.double().cpu() / weight * problem.schedule.log_snr(t).exp()

    @steady
    def model(self) -> Model:
        """The model so far: the averaged weights that are kept, with their error by noise level measured on held-out rows.

        These are the weights of the best look. Before the first, and with the setting keep="last", they are those of the current step.
        """
        kept = self.keeping
        network, problem = self._network(kept.weights or self.state.averaged()), self.problem
        at = kept.best.step if kept.best and kept.weights else self.state.step
        rows, cond = self._sets.take(self._rows_of_a_curve(network))
        rows, schedule, seed = rows.to(self.device), problem.schedule, self.config.seed
        denoiser = Denoiser(network, schedule, problem.target)

        def alone(x: Tensor, t: Tensor) -> Tensor:
            return denoiser(x, t, None if cond is None else cond[: len(x)])

        blend, answer = None, alone
        if problem.target.reading.is_affine:  # any other tells the variance too, which would not be that of a blend
            blend = measured(alone, *self._directions, schedule, rows[:SHARE_DRAWS], SHARE_LEVELS, seeded(seed, "blend"))
            answer = blended(alone, blend.to(self.device), schedule)
        curve = error_curve(answer, schedule, rows, ERROR_LEVELS, seeded(seed, "error curve"))
        deviation = standard_deviation(statistics_of(self.drawn, self.encoder), self.data.layout)
        parts = self.encoder, curve, deviation, schedule, problem.target, self.condition, blend
        return with_atoms(Model(card_of(self, at), network, *parts), rows[: len(self.unseen)], cond, seed)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that training changes, by name, and the kept weights: what a checkpoint holds."""
        return self.state.tensors() | self.keeping.tensors()

    def document(self) -> dict[str, Any]:
        """The numbers beside these tensors, as JSON: the step, and what the looks have found."""
        return {
            "step": self.state.step,
            "looks": self.keeping.document(),
            "decisions": [list(one) for one in self.decisions],
            "effort": self.effort,
        }

    @steady
    def restore(self, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
        """Go back to where `tensors()` and `document()` were these. Raises KeyError or RuntimeError if they do not fit."""
        self.state.restore(tensors, document["step"])
        self.effort = document.get("effort", 1.0)  # old checkpoints have neither
        for decision in document.get("decisions", []):
            self.again(Decision(*decision))
        self.keeping.restore(tensors, document["looks"])

    def _problem(self, mirrored: EncodedRows | None) -> Problem:
        diffusion, own = self.config.diffusion, self.own
        self.schedule_settings = {} if own.schedule else diffusion.schedule_settings
        return Problem(
            own.schedule or schedule(diffusion.schedule, **self.schedule_settings),
            self.target,
            self.drawn,
            values_of(self.training, self.condition),
            self.condition,
            diffusion.loss,
            distribution(diffusion.times).down_to(diffusion.finest),
            diffusion.coupling,
            mirrored,
            diffusion.answer,
        )

    def _network(self, weights: Mapping[str, Tensor]) -> nn.Module:
        """A separate network with these weights."""
        network = self._make_network(0)
        network.load_state_dict(weights)
        return network.eval().requires_grad_(False).to(self.device)


def _to_the_end(fit: Fit) -> Encoder:
    for _ in fit.updates():
        pass
    return fit.encoder()
