"""`unstir demo`: the lecture in a minute. The original recipe on the swiss roll, sampled the old way and the new."""

import json
import time
from pathlib import Path
from typing import Any

from unstir.cli.finishing import SHOWN, Manner, Trained, caption, draw, score_line
from unstir.cli.progress import note
from unstir.cli.reporting import PAGE, write_report
from unstir.cli.training import accounted, begin, go, plan_run
from unstir.diffusion.registry import PAPER
from unstir.diffusion.samplers import default
from unstir.evaluation.scores import REPEATS, as_json, compare, measure, scale_of, truth_of
from unstir.report.contents import contents
from unstir.training.config import flat

CHAIN, FEW = 1000, 20


def demo(out: Path | None, steps: int, seed: int, as_object: bool, quiet: bool) -> None:
    """Train, sample with 1,000 evaluations and with 20, compare both with fresh truth, draw, and say what to type next."""
    recipe = flat(**PAPER, steps=steps, seed=seed)
    manner, planned = Manner(as_object, quiet), plan_run("swiss_roll", {}, recipe)
    with begin(planned, "swiss_roll", out, manner) as recording:
        with accounted(recording):
            trained = go(recording, manner)
            samplers = _show(trained, seed, manner)
        path = recording.run.path
        page = write_report(path / PAGE, contents(path))
    if as_object:
        print(json.dumps({"run": str(path), "seconds": trained.seconds, "samplers": samplers, "report": str(page)}))
        return
    print(f"run: {path}    pictures: {path / 'figures'}")
    print(f"page: {page}    open it: noise and data at a slider, and how good this model is")
    print("next: unstir train moons            another built-in set, or a file of yours: points.npy, table.csv")
    print(f"      unstir sample {path} -n 1000 -o points.csv")
    print(f"      unstir evaluate {path}")
    print(f"      unstir animate {path}         a film for a slide")
    print("      unstir selfcheck              the mathematics, checked on this machine")


def _show(trained: Trained, seed: int, manner: Manner) -> list[dict[str, Any]]:
    """Both samplers, their scores and pictures."""
    model = trained.model
    if not manner.quiet:
        note(f"trained in {trained.seconds:.1f} s. Sampling {SHOWN:,} points, twice.")
    truth = truth_of(trained.fitting.data, 0.1, seed)
    scale = scale_of(model)
    floors = measure(truth.others, truth, scale)
    results, panels = [], {}
    for name, method, evaluations in (("the paper's chain", "ddpm_beta", CHAIN), ("few steps", default(FEW), FEW)):
        started = time.monotonic()
        rows = model.sample(SHOWN, steps=evaluations, method=method, seed=seed)
        seconds = time.monotonic() - started
        scores = compare([rows] * REPEATS, truth, scale, floors)
        results.append(
            {"sampler": name, "method": method, "evaluations": evaluations, "seconds": seconds, "scores": as_json(scores)}
        )
        panels[name] = (rows, caption(evaluations, seconds, scores))
        if not manner.as_object:
            print(f"{name}: {method}, {evaluations:,} evaluations, {seconds:.2f} s for {SHOWN:,} points")
            for score in scores[:1] + scores[2:]:
                print(f"    {score_line(score)}")
    draw(trained, panels)
    return results
