"""What comes after training: the score beside its floor, the pictures, and what to type next."""

import shlex

import numpy as np

from unstir.cli.parts.flags import ProgressOutput
from unstir.cli.parts.output import answer
from unstir.cli.parts.progress import note
from unstir.diffusion.samplers import default
from unstir.errors import UsageError
from unstir.evaluation.likeness import resemblance
from unstir.evaluation.scores import Score, Truth, affordable_rows, as_json, compare, in_sets, scale_of, truth_of
from unstir.model.model import Model
from unstir.report.figures import SHOWN, draw
from unstir.runs.record import Recording

SHARE = 1 / 3  # of the work of `unstir evaluate`
ALIKE = (
    1e-5  # the best Gaussian's held-out loss where all rows are alike: then it is exact, and its loss only the noise added to it
)
WORSE = 1.5  # times the best Gaussian's held-out loss, above which a person is warned


def finish(recording: Recording, model: Model, output: ProgressOutput) -> None:
    """Score, draw, and say what to type next."""
    run, settings, held_out = recording.run, recording.fitting.config, recording.held_out
    n = affordable_rows(model, SHARE)
    drawn, scores = None, []
    try:
        truth = truth_of(recording.fitting.data, settings.data.held_out, settings.seed, most=n)
        drawn = model.sample(len(truth.true) * len(truth.true[0]))
        scores = _scores(recording, model, truth, in_sets(drawn, len(truth.true)))
    except UsageError as error:
        note(f"note: not scored: {error}")
    shown = min(SHOWN, 2 * n)
    samples = model.sample(shown) if drawn is None or len(drawn) < shown else drawn[:shown]
    if held_out.loss > WORSE * held_out.gaussian_loss > WORSE * ALIKE:
        note(
            f"warning: on held-out rows the model is {held_out.loss / held_out.gaussian_loss:.1f} times as wrong as a Gaussian with the "
            f"data's mean and covariance. The model is undertrained, or it has memorised a small training set: try a lower --optim.lr (it was "
            f"{settings.optim.lr:g}), other --steps, or more data."
        )
    draw(recording, model, {f"{default(20)}": (samples, caption(20, None, scores))})
    run.write("samples/scores.json", {"steps": 20, "scores": as_json(scores)})
    if not output.json:
        loss, gaussian = held_out.loss, held_out.gaussian_loss
        note(f"trained in {recording.seconds:.1f} s; held-out loss {loss:.4f} (best Gaussian {gaussian:.4f})")
        for score in scores:
            note(score_line(score))
    found = {"run": str(run.path), "seconds": recording.seconds, "held_out": held_out.loss, "scores": as_json(scores)}
    answer(output, found, run.path)
    if not output.json:
        name = shlex.quote(str(run.path))
        note(
            f"next: unstir report {name}    unstir sample {name} -n 1000    unstir evaluate {name}    pictures: {run.path}/figures"
        )


def _scores(recording: Recording, model: Model, truth: Truth, sets: list[np.ndarray]) -> list[Score]:
    """All distances of the samples from true rows, those in features too where the rows are images or sequences."""
    scores = compare(sets, truth, scale_of(model))
    try:
        like = resemblance(model, sets, recording.fitting.training, recording.fitting.unseen, seed=0)
    except UsageError as error:
        note(f"note: feature scores were skipped: {error}")
        return scores
    if like is None:
        return scores
    note(like.note)
    return [*scores, *like.scores]


def score_line(score: Score) -> str:
    """A score in words, beside its floor."""
    return (
        f"{score.metric}: {score.value:.4f} +- {score.deviation:.4f}, floor {score.floor:.4f} +- {score.floor_deviation:.4f} "
        f"(n = {score.rows:,}): {score.verdict}"
    )


def caption(evaluations: int, seconds: float | None, scores: list[Score]) -> str:
    """What stands under a panel of samples."""
    cost = f"{evaluations:,} evaluations" + (f", {seconds:.2f} s" if seconds is not None else "")
    return cost + (f"\nSW2 {scores[0].value:.4f} (floor {scores[0].floor:.4f})" if scores else "")
