"""Training on the record: what each step leaves in the run folder.

    every step          its loss is kept until the next row
    400 times a run     a row for the trackers: mean loss since the last row, learning rate, and now and then the held-out loss
    last quarter        squared errors by time, which show the steps of the chain where the network is most wrong
    now and then        a checkpoint, where the time since the last is 50 times as long as writing one took          (1)

A checkpoint also holds the losses since the last row and the sums of the errors. The record of a run that was stopped and resumed is
therefore that of an undisturbed run, to the last digit of every loss.
"""

import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from unstir.errors import StorageError
from unstir.runs.checkpoints import newest_checkpoint, write_checkpoint
from unstir.runs.folder import Run
from unstir.runs.trackers import TRACKERS
from unstir.training.fitting import Fitting
from unstir.training.held_out import BUCKETS, HeldOut, bucket_sums
from unstir.training.loop import Step

FORMAT = 1  # of a checkpoint's document
LOGGED = 400  # rows of a run, about
SHARE = 0.02  # of the time may go into checkpoints: (1)
SOONEST = 2.0  # seconds between two checkpoints, at least


class Recording:
    """Training that is recorded in a run folder. `held_out` has the newest errors on held-out rows, `by_time` those in training.

    `trackers` are names from `TRACKERS` of those that are told beside `metrics.jsonl`.
    """

    def __init__(self, run: Run, fitting: Fitting, trackers: Sequence[str] = ()):
        self.run, self.fitting = run, fitting
        self.trackers = [TRACKERS[name](run) for name in dict.fromkeys([TRACKERS.default, *trackers])]
        self.seconds, self.losses = 0.0, []
        self.totals, self.counts = torch.zeros(BUCKETS, dtype=torch.float64), torch.zeros(BUCKETS, dtype=torch.int64)
        self.held_out: HeldOut = fitting.held_out()

    @property
    def by_time(self) -> Tensor:
        """Mean squared error of eps in the last quarter of training, by bucket of time (BUCKETS,); NaN for a bucket without steps."""
        return self.totals / self.counts

    def steps(self) -> Iterator[Step]:
        """Train the steps that are left, recording each before it is yielded.

        StorageError where the folder cannot be written to; the last checkpoint stays whole then.
        """
        total = self.fitting.recipe.steps
        every, look = max(1, total // LOGGED), max(1, total // self.fitting.looks)
        began, saved, cost = time.monotonic() - self.seconds, time.monotonic(), 0.0
        try:
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
        finally:
            for tracker in self.trackers:
                tracker.close()

    def save(self) -> None:
        """Write a checkpoint now."""
        document = {
            "format": FORMAT,
            "step": self.fitting.state.step,
            "seconds": self.seconds,
            "losses": self.losses,
            "totals": self.totals.tolist(),
            "counts": self.counts.tolist(),
        }
        write_checkpoint(self.run, self.fitting.state.step, self.fitting.state.tensors(), document)

    def restore(self) -> list[str]:
        """Go on from the newest whole checkpoint, or from the start where there is none; answer a sentence for each damaged newer one.

        StorageError where all are damaged, or the checkpoint is of another format or another network.
        """
        found = newest_checkpoint(self.run)
        if found is None:
            self._rewind(0)
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
        self._rewind(held["step"])
        self.held_out = self.fitting.held_out()
        return found.damaged

    def _rewind(self, step: int) -> None:
        for tracker in self.trackers:
            tracker.rewind(step)

    def _log(self, step: Step, looking: bool) -> None:
        row = {"step": step.number, "loss": float(np.mean(self.losses)), "lr": step.lr, "seconds": self.seconds}
        self.losses = []
        if looking:
            held_out = self.held_out = self.fitting.held_out()
            row |= {"held_out": held_out.loss, "gaussian": held_out.gaussian_loss}
            row |= {"held_out_eps": held_out.eps.tolist(), "held_out_x0": held_out.x0.tolist()}
        for tracker in self.trackers:
            tracker.log(row)
