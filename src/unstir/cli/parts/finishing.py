"""What comes after training: the score beside its floor, the pictures, and what to type next."""

import numpy as np

from unstir.cli.parts.ending import FEATURES_FROM, rows_of_a_set
from unstir.cli.parts.flags import ProgressOutput
from unstir.cli.parts.output import answer
from unstir.cli.parts.progress import note, warn
from unstir.diffusion.samplers import default
from unstir.errors import UsageError
from unstir.evaluation.columns import Seen, see_model
from unstir.evaluation.likeness import resemblance
from unstir.evaluation.mixed import quick_scores
from unstir.evaluation.sampled import as_flat, mixed_table
from unstir.evaluation.scores import Score, Truth, as_json, compare, scale_of, truth_of
from unstir.evaluation.verdict import NAMED
from unstir.model.model import Model
from unstir.plots import Drawn
from unstir.report.figures import SHOWN, draw
from unstir.runs.record import Recording
from unstir.words import counted, number, quoted, with_spread

ALIKE = (
    1e-5  # the best Gaussian's held-out loss where all rows are alike: then it is exact, and its loss only the noise added to it
)
WORSE = 1.5  # times the best Gaussian's held-out loss, above which a person is warned


def finish(recording: Recording, model: Model, output: ProgressOutput) -> None:
    """Score, draw, and say what to type next."""
    run, settings, held_out = recording.run, recording.fitting.config, recording.chosen.seen
    n = rows_of_a_set(model.network, recording.fitting.effort)
    drawn, ids, scores, seen = None, None, [], None
    try:
        truth = truth_of(recording.fitting.data, settings.data.held_out, settings.seed, most=n)
        drawn = model.rows(len(truth.true) * len(truth.true[0]))
        ids, sets = model.given(len(drawn)), np.split(as_flat(drawn), len(truth.true))
        scores, seen = _scores(recording, model, truth, sets), see_model(model, np.concatenate(sets), truth)
    except UsageError as error:
        note(f"note: not scored: {error}")
    shown = min(SHOWN, 2 * n)
    if drawn is None or len(drawn) < shown:
        drawn, ids = model.rows(shown), model.given(shown)
    labels = None if ids is None else ids[:shown].numpy()
    if held_out.loss > WORSE * held_out.gaussian_loss > WORSE * ALIKE:
        warn(
            f"on held-out rows the model is {number(held_out.loss / held_out.gaussian_loss, 2)} times as wrong as a Gaussian with the "
            f"data's mean and covariance. The model is undertrained, or it has memorised a small training set: try a lower --optim.lr (it was "
            f"{settings.optim.lr:g}), other --steps, or more data."
        )
    draw(recording, model, {default(20): Drawn(drawn[:shown], caption(20, None, scores), default(20), labels)})
    columns = seen.as_json() if seen else None
    run.write("samples/scores.json", {"steps": 20, "scores": as_json(scores), "shares": columns})
    if not output.json:
        loss, gaussian = held_out.loss, held_out.gaussian_loss
        note(f"trained in {recording.seconds:.1f} s; held-out loss {loss:.4f} (best Gaussian {gaussian:.4f})")
        if recording.fitting.keeping.said:
            note(recording.fitting.keeping.said)
        if WORSE * gaussian >= loss > gaussian:
            note("note: on held-out rows a Gaussian with the data's mean and covariance is no worse than the model.")
        for score in scores:
            note(score_line(score))
        for line in seen_lines(seen) if seen else ():
            note(line)
    found = {
        "run": str(run.path),
        "seconds": recording.seconds,
        "held_out": held_out.loss,
        "model_step": recording.chosen.step,
        "scores": as_json(scores),
        "shares": columns,
    }
    answer(output, found, run.path)
    if not output.json:
        name = quoted(run.path)
        note(
            f"next: unstir report {name}    unstir sample {name} -n 1000    unstir evaluate {name}    pictures: {run.path}/figures"
        )


def _scores(recording: Recording, model: Model, truth: Truth, sets: list[np.ndarray]) -> list[Score]:
    """All distances of the samples from true rows, in features too where rows are images or sequences; of a mixed table, its own scores."""
    table = mixed_table(model)
    if table is not None:
        return quick_scores(sets, truth, table)
    scores = compare(sets, truth, scale_of(model))
    if recording.fitting.data.layout and recording.fitting.effort < FEATURES_FROM:
        note(f"note: scores in features were left out to keep to the time: unstir evaluate {quoted(recording.run.path)}")
        return scores
    try:
        like = resemblance(model, sets, recording.fitting.training, recording.fitting.unseen, seed=0)
    except UsageError as error:
        note(f"note: feature scores were skipped: {error}")
        return scores
    if like is None:
        return scores
    note(like.note)
    return [*scores, *like.scores]


def seen_lines(seen: Seen) -> list[str]:
    """What is off in the columns, a line each, the worst first; where nothing is off, what would have shown."""
    faults = seen.faults
    if not faults:
        return [f"columns: nothing is off{'; ' + seen.power if seen.shares.can_tell else ', but ' + seen.too_few}."]
    lines = [f"{'warning' if fault.far else 'note'}: {fault.text}." for fault in faults[:NAMED]]
    more = len(faults) - NAMED
    return (
        [*lines, f"note: {counted(more, 'difference')} more between samples and true rows: unstir evaluate."]
        if more > 0
        else lines
    )


def score_line(score: Score) -> str:
    """A score in words, beside its floor."""
    return (
        f"{score.metric}: {with_spread(score.value, score.deviation)}, floor {with_spread(score.floor, score.floor_deviation)} "
        f"(n = {score.rows:,}): {score.verdict}"
    )


def caption(evaluations: int, seconds: float | None, scores: list[Score]) -> str:
    """What stands under a panel of samples."""
    cost = f"{evaluations:,} evaluations" + (f", {seconds:.2f} s" if seconds is not None else "")
    if not scores:
        return cost
    name = scores[0].metric.replace("sliced W2, data's units", "SW2")
    return f"{cost}\n{name} {number(scores[0].value)} ({'ceiling' if scores[0].larger_is_better else 'floor'} {number(scores[0].floor)})"
