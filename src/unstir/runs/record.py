"""Training on the record: every step passes through, is counted, logged and kept safe.

    step -> losses since the last row -> metrics.jsonl
         -> errors by time, last quarter -> which steps are hard
         -> a checkpoint whenever the time to write one is less than a fiftieth of the time since the last        (1)

What the record itself remembers between two rows is in the checkpoint too, so that the record of a run that was stopped and
resumed is that of one that never was, to the last digit of every loss.
"""

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from unstir.errors import StorageError
from unstir.runs.folder import Run
from unstir.training.fitting import BUCKETS, Fitting, HeldOut, bucket_sums
from unstir.training.train import Step

FORMAT = 1
LOGGED = 400  # rows of metrics.jsonl, about
SHARE = 0.02  # of the time, for writing checkpoints: (1)
SOONEST = 2.0  # seconds between two, at least


class Recording:
    """A fitting, step by step, into a run folder. `held_out` is the last look, `by_time` the errors of the last quarter."""

    def __init__(self, run: Run, fitting: Fitting):
        self.run, self.fitting = run, fitting
        self.seconds, self.losses = 0.0, []
        self.totals, self.counts = torch.zeros(BUCKETS, dtype=torch.float64), torch.zeros(BUCKETS, dtype=torch.int64)
        self.held_out: HeldOut = fitting.held_out()

    @property
    def by_time(self) -> Tensor:
        """Mean squared error of eps in training, by bucket of time (BUCKETS,), NaN where nothing was seen."""
        return self.totals / self.counts

    def steps(self) -> Iterator[Step]:
        """The steps that are left. StorageError where the folder cannot take them; the last checkpoint is whole then."""
        total = self.fitting.recipe.steps
        every, look = max(1, total // LOGGED), max(1, total // self.fitting.looks)
        began, saved, cost = time.monotonic() - self.seconds, time.monotonic(), 0.0
        for step in self.fitting.steps():
            self.losses.append(step.loss)
            if step.number > total - total // 4:
                sums, counts = bucket_sums(step.t, self.fitting.eps_errors(step))
                self.totals, self.counts = self.totals + sums, self.counts + counts
            self.seconds = time.monotonic() - began
            if step.number % every == 0 or step.number == total:
                self._log(step, looking=step.number // look > (step.number - every) // look or step.number == total)
            if step.number == total or time.monotonic() - saved > max(SOONEST, cost / SHARE):
                writing = time.monotonic()
                self.save()
                saved = time.monotonic()
                cost = saved - writing
            yield step

    def save(self) -> None:
        """Write a checkpoint of where training is."""
        document = {
            "format": FORMAT,
            "step": self.fitting.state.step,
            "seconds": self.seconds,
            "losses": self.losses,
            "totals": self.totals.tolist(),
            "counts": self.counts.tolist(),
        }
        self.run.save(self.fitting.state.step, self.fitting.state.tensors(), document)

    def restore(self) -> list[str]:
        """Go back to the newest checkpoint that is whole, or stay at the start; what was wrong with newer ones, a sentence each.

        StorageError where all are damaged, or the checkpoint is of another format or another network.
        """
        found = self.run.newest()
        if found is None:
            self.run.trim(0)
            return []
        held = found.document
        if held.get("format") != FORMAT:
            raise StorageError(
                f"{found.path} has format {held.get('format')}, and this version of unstir reads {FORMAT}. Update it."
            )
        try:
            self.fitting.state.restore(found.tensors, held["step"])
            self.seconds, self.losses = held["seconds"], held["losses"]
            self.totals, self.counts = torch.tensor(held["totals"], dtype=torch.float64), torch.tensor(held["counts"])
        except (KeyError, RuntimeError) as error:
            raise StorageError(f"{found.path} is not a checkpoint of this run: {error}. Use another copy.") from None
        self.run.trim(held["step"])
        self.held_out = self.fitting.held_out()
        return found.passed_over

    def _log(self, step: Step, looking: bool) -> None:
        row = {"step": step.number, "loss": float(np.mean(self.losses)), "lr": step.lr, "seconds": self.seconds}
        self.losses = []
        if looking:
            held_out = self.held_out = self.fitting.held_out()
            row |= {"held_out": held_out.loss, "gaussian": held_out.gaussian_loss}
            row |= {"held_out_eps": held_out.eps.tolist(), "held_out_x0": held_out.x0.tolist()}
        self.run.log(row)
