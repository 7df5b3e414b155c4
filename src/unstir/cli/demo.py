"""`unstir demo`: the lecture in a minute. The original recipe on the swiss roll, sampled the old way and the new."""

import time
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from unstir.cli.parts.flags import ProgressOutput, RunOut, Seed, Whole

if TYPE_CHECKING:
    from unstir.model.model import Model
    from unstir.runs.record import Recording

DATA = "swiss_roll"
CHAIN, FEW = 1000, 20  # evaluations of the paper's chain, and of the sampler it is compared with


def demo(
    *,
    out: RunOut = None,
    steps: Annotated[Whole, Parameter(help="Training steps.")] = 5000,
    seed: Seed = 0,
    output: ProgressOutput = ProgressOutput(),
) -> None:
    """Train the original DDPM recipe on the swiss roll, sample it in two ways, and say how good it is: about a minute."""
    from unstir.cli.parts.output import answer
    from unstir.cli.parts.planning import plan_run
    from unstir.cli.parts.running import begun, finished, go
    from unstir.diffusion.registry import PAPER
    from unstir.report.keeping import write_run_report
    from unstir.training.config import flat

    plan = plan_run(DATA, {}, flat(**PAPER, steps=steps, seed=seed), quiet=output.quiet)
    with begun(plan, out, output) as recording:
        samplers = sample_twice(recording, go(recording, output), seed, output)
        finished(recording)
        run = recording.run.path
        page = write_run_report(run)
    answer(
        output,
        {"run": str(run), "seconds": recording.seconds, "samplers": samplers, "report": str(page)},
        f"run: {run}    pictures: {run / 'figures'}",
        f"page: {page}    open it: noise and data at a slider, and how good this model is",
        "next: unstir train moons            another built-in set, or a file of yours: points.npy, table.csv",
        f"      unstir sample {run} -n 1000 -o points.csv",
        f"      unstir evaluate {run}",
        f"      unstir animate {run}         a film for a slide",
        "      unstir selfcheck              the mathematics, checked on this machine",
    )


def sample_twice(recording: "Recording", model: "Model", seed: int, output: ProgressOutput) -> list[dict[str, Any]]:
    """Sample with 1,000 evaluations and with 20, compare both with the same true rows, and draw them side by side."""
    from unstir.cli.parts.finishing import caption, score_line
    from unstir.cli.parts.progress import note
    from unstir.diffusion.samplers import default
    from unstir.evaluation.scores import REPEATS, as_json, compare, measure, scale_of, truth_of
    from unstir.plots import Drawn
    from unstir.report import figures

    shown = figures.SHOWN
    if not output.quiet:
        note(f"trained in {recording.seconds:.1f} s. Sampling {shown:,} points, twice.")
    truth = truth_of(recording.fitting.data, 0.1, seed)
    scale = scale_of(model)
    floors = measure(truth.others, truth, scale)
    results, panels = [], {}
    for name, method, evaluations in (("the paper's chain", "ddpm_beta", CHAIN), ("few steps", default(FEW), FEW)):
        started = time.monotonic()
        rows = model.sample(shown, steps=evaluations, method=method, seed=seed)
        seconds = time.monotonic() - started
        scores = compare([rows] * REPEATS, truth, scale, floors)
        results.append(
            {"sampler": name, "method": method, "evaluations": evaluations, "seconds": seconds, "scores": as_json(scores)}
        )
        panels[name] = Drawn(rows, caption(evaluations, seconds, scores), method)
        if not output.json:
            print(f"{name}: {method}, {evaluations:,} evaluations, {seconds:.2f} s for {shown:,} points")
            for score in scores[:1] + scores[2:]:
                print(f"    {score_line(score)}")
    figures.draw(recording, model, panels)
    return results
