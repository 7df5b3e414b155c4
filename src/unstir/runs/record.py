"""Training on the record: what each step leaves in the run folder.

    every step          its loss is kept until the next row
    400 times a run     a row for the trackers: mean loss since the last row, learning rate; and a row after each look, with its losses
    as often            squared errors by time, which show the steps of the chain where the network is most wrong
    now and then        a checkpoint, where the time since the last is 50 times as long as writing one took          (1)

    when it is taken    a decision that moves the end, in `plan.jsonl`: the step, the new end, the seconds spent, those of a step

A checkpoint also holds the losses since the last row and the sums of the errors, in twentieths of the run: those of the quarter before the
step that the model is of are shown. The record of a run that was stopped and resumed is
therefore that of an undisturbed run, to the last digit of every loss.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstir.errors import StorageError
from unstir.runs.checkpoints import newest_checkpoint, write_checkpoint
from unstir.runs.folder import Run
from unstir.runs.plans import append, read_plan
from unstir.runs.trackers import TRACKERS
from unstir.training.fitting import Fitting
from unstir.training.held_out import BUCKETS, HeldOut, bucket_sums
from unstir.training.keeping import Look
from unstir.training.loop import Step, read
from unstir.training.recipe import Recipe

FORMAT = 2  # of a checkpoint's document
LOGGED = 400  # rows of a run, about
PARTS = 20  # of a run, for the errors by time
SEEN = 5  # of these parts are shown
SHARE = 0.02  # of the time may go into checkpoints: (1)
SOONEST = 2.0  # seconds between two checkpoints, at least


class Recording:
    """Training that is recorded in a run folder. `held_out` has the newest errors on held-out rows, `by_time` those in training.

    `trackers` are names from `TRACKERS` of those that are told beside `metrics.jsonl`.
    """

    def __init__(self, run: Run, fitting: Fitting, trackers: Sequence[str] = ()):
        self.run, self.fitting = run, fitting
        self.trackers = [TRACKERS[name](run) for name in dict.fromkeys([TRACKERS.default, *trackers])]
        self.seconds: float = 0.0
        self.losses: list[float | Tensor] = []
        self.totals, self.counts = (
            torch.zeros(PARTS, BUCKETS, dtype=torch.float64),
            torch.zeros(PARTS, BUCKETS, dtype=torch.int64),
        )
        self._before: HeldOut = fitting.held_out()

    @property
    def by_time(self) -> Tensor:
        """Mean squared error of eps in the quarter of training before the model's step, by bucket of time (BUCKETS,)."""
        chosen = self.fitting.keeping.chosen
        return errors_by_time(self.totals, self.counts, chosen.step if chosen else 0, self.fitting.recipe)

    @property
    def held_out(self) -> HeldOut:
        """The newest look; before the first, the losses of the weights that training starts from."""
        newest = self.fitting.keeping.newest
        return newest.seen if newest else self._before

    @property
    def chosen(self) -> Look:
        """The look at the weights that are the model so far."""
        return self.fitting.keeping.chosen or Look(self.fitting.state.step, self._before)

    def steps(self) -> Iterator[Step]:
        """Train the steps that are left, recording each before it is yielded.

        StorageError where the folder cannot be written to; the last checkpoint stays whole then.
        """
        began, saved, cost = time.monotonic() - self.seconds, time.monotonic(), 0.0
        planned = {one.after for one in read_plan(self.run.path)}
        try:
            for step in self.fitting.steps():
                self.losses.append(step.loss)
                recipe = self.fitting.recipe
                every = max(1, recipe.steps // LOGGED)
                for decision in self.fitting.decisions[-1:]:
                    if decision.after == step.number and step.number not in planned:
                        append(self.run, decision)
                if step.number % every == 0:
                    self.fitting.state.settle()  # so that no row and no error is of a bad step
                    sums, counts = bucket_sums(step.t, self.fitting.eps_errors(step))
                    part = part_of(step.number, recipe)
                    self.totals[part] += sums
                    self.counts[part] += counts
                self.seconds = time.monotonic() - began
                newest = self.fitting.keeping.newest
                looked = newest is not None and newest.step == step.number
                if step.number % every == 0 or looked:
                    self._log(step, looked)
                if self.fitting.over or time.monotonic() - saved > max(SOONEST, cost / SHARE):
                    writing = time.monotonic()
                    self.save()
                    saved = time.monotonic()
                    cost = saved - writing
                yield step
        finally:
            for tracker in self.trackers:
                tracker.close()

    def save(self) -> None:
        """Write a checkpoint now."""
        document = {
            "format": FORMAT,
            **self.fitting.document(),
            "seconds": self.seconds,
            "losses": read(self.losses),
            "totals": self.totals.tolist(),
            "counts": self.counts.tolist(),
        }
        if allowance := self.fitting.allowance:
            document["spent"] = allowance.used
        write_checkpoint(self.run, self.fitting.state.step, self.fitting.tensors(), document)

    def restore(self) -> list[str]:
        """Go on from the newest whole checkpoint, or from the start where there is none; answer a sentence for each damaged newer one.

        StorageError where all are damaged, or the checkpoint is of another format or another network.
        """
        found = newest_checkpoint(self.run)
        at = 0 if found is None else found.document.get("step", 0)
        decisions, allowance = read_plan(self.run.path), self.fitting.allowance
        self.fitting.coming = {one.after: one for one in decisions if one.after > at}
        if allowance:
            allowance.spent = max(
                0.0 if found is None else found.document.get("spent", 0.0), *(one.spent for one in decisions), 0.0
            )
        if found is None:
            self._rewind(0)
            return []
        held = found.document
        if held.get("format") != FORMAT:
            raise StorageError(
                f"{found.path} has format {held.get('format')}, and this version of unstir reads {FORMAT}. Update it."
            )
        try:
            self.fitting.restore(found.tensors, held)
            self.seconds, self.losses = held["seconds"], held["losses"]
            self.totals, self.counts = torch.tensor(held["totals"], dtype=torch.float64), torch.tensor(held["counts"])
        except (KeyError, RuntimeError) as error:
            raise StorageError(f"{found.path} is not a checkpoint of this run: {error}. Use another copy.") from None
        self._rewind(held["step"])
        self._before = self.fitting.held_out()
        return found.damaged

    def _rewind(self, step: int) -> None:
        for tracker in self.trackers:
            tracker.rewind(step)

    def _log(self, step: Step, looked: bool) -> None:
        row = {"step": step.number, "loss": float(np.mean(read(self.losses))), "lr": step.lr, "seconds": self.seconds}
        self.losses = []
        if looked:
            held_out = self.held_out
            row |= {"held_out": held_out.loss, "gaussian": held_out.gaussian_loss}
            row |= {"held_out_eps": held_out.eps.tolist(), "held_out_x0": held_out.x0.tolist()}
        for tracker in self.trackers:
            tracker.log(row)


def part_of(step: int, recipe: Recipe) -> int:
    """In which of the PARTS equal parts of the recipe's plan a step lies, counted from 0."""
    return int(PARTS * recipe.share(max(step, 1) - 1) + 1e-9)  # no share of up to 10^9 steps is nearer to a part's end


def errors_by_time(totals: Tensor, counts: Tensor, step: int, recipe: Recipe) -> Tensor:
    """Mean errors by bucket of time (BUCKETS,) in the quarter of a run that ends with `step`; NaN for a bucket without errors.

    `totals` and `counts` are (PARTS, BUCKETS).
    """
    last = part_of(step, recipe)
    parts = slice(max(0, last + 1 - SEEN), last + 1)
    return totals[parts].sum(0) / counts[parts].sum(0)


def recipe_of(document: Mapping[str, Any], steps: int) -> Recipe:
    """How a run of so many planned steps went on, by the document of its checkpoint: only its plan, without the settings."""
    recipe = Recipe(steps=steps)
    for decision in document.get("decisions", []):
        recipe = recipe.again(*decision[:2])
    return recipe
