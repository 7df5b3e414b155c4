"""What to look for on the page of a run: plain sentences with this run's numbers, a list for each section."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from unstir.plots.curves import hardest
from unstir.report.subject import Subject
from unstir.words import number, percent, with_spread

Sentences = list[str]
GROWS = 1.5  # if sigma at t = 1 is larger than this, the schedule is variance exploding
PLACES = (0.1, 0.5, 0.8)  # shares of the slider at which the bits left are stated
FINE = 0.01  # a share of the slider at which little of the data is lost
MUCH = 1.2  # an error above this share of the variance is clearly worse than guessing the mean
LOSES = 1.05  # an error below this multiple of the smallest possible one counts as reaching it


def words(document: dict[str, Any], subject: Subject) -> dict[str, Sentences]:
    """Sentences by section; for a section that is null, the reasons why."""
    makers = {"answer": _answer, "good": _good, "forward": _forward, "reverse": _reverse, "hard": _hard}
    makers["information"] = lambda document, subject: document["information"]["said"]  # noqa: ARG005
    found = {name: make(document, subject) if document[name] else subject.reasons for name, make in makers.items()}
    return found | {
        "schedules": schedule_words(document["schedules"], subject.T),
        "run": [*_run(document, subject.about), *subject.reasons],
        "lecture": _lecture(document, subject),
    }


def in_bits(number: float) -> str:
    """A number of bits to a tenth, or to one digit if it is small.

    >>> in_bits(1.32), in_bits(0.031), in_bits(0.0)
    ('1.3', '0.03', '0')
    """
    return f"{number:.1f}" if number >= 0.95 else f"{number:.1g}"


def _forward(document: dict[str, Any], subject: Subject) -> Sentences:
    part, data, T = document["forward"], document["data"], subject.T
    what = {"points": "point", "images": "picture", "sequences": "curve"}[part["show"]]
    found = [
        f"Each {what} is one row of {data['source']} with its own noise: x_n = alpha_n x_0 + sigma_n eps. At n = 0 it is the data; at "
        f"n = {T} the signal is {percent(part['alpha_bar'][-1])} of the variance.",
        "Watch what disappears first: a little noise hides the fine structure, but the overall outline is lost only near the end.",
    ]
    if data["kind"] == "vectors":
        found.append(
            f"The {math.prod(data['shape'])} columns are projected onto the two directions in which they spread most: points that touch here "
            "may be far apart in the other directions."
        )
    if subject.schedule.T is None:
        found.append(f"This schedule is continuous, without a discrete chain: n counts {T:,} equal steps of t.")
    elif subject.schedule.T > T:
        found.append(f"The chain has {subject.schedule.T:,} steps; n counts {T:,} equal steps of t.")
    if subject.schedule(torch.ones(1))[1] > GROWS:
        found.append("The noise of this schedule grows far beyond the data, so the picture shows x_n / sqrt(alpha^2 + sigma^2).")
    return found + _bits(part["bits"], data, subject)


def _bits(bits: dict[str, Any] | None, data: dict[str, Any], subject: Subject) -> Sentences:
    if bits is None:
        return []
    places = [_at(bits["n"], share * subject.T) for share in PLACES]
    first, *rest = [(bits["n"][i], in_bits(bits["left"][i])) for i in places]
    beyond = " beyond its class" if data["classes"] else ""
    found = [
        f"At n = {first[0]}, x_n still holds {first[1]} bits about a row{beyond}, "
        + " and ".join(f"{left} at n = {n}" for n, left in rest)
        + ".",
        "These are upper bounds, because they add up the model's error, and no model can do better than the best possible denoiser. A "
        "better model, trained longer or larger, brings them down. They are estimated from at most a few thousand held-out pairs at each "
        "level, so they vary slightly.",
    ]
    if bits["exact"]:
        found.append("The exact values at these n are " + ", ".join(in_bits(bits["exact"][i]) for i in places) + ".")
    if bits["gaussian"]:
        knows = "the shape of the data" + (", or what its class says about a row" if data["classes"] else "")
        found.append(
            f"A guess that uses only the covariance{', and not the class,' if data['classes'] else ''} gives "
            f"{in_bits(bits['gaussian'][places[0]])} bits at n = {first[0]} and {in_bits(bits['gaussian'][places[1]])} at n = {rest[0][0]}. "
            f"Where the model's curve is lower, the model has learnt more than the covariance: {knows}."
        )
    return found


def _reverse(document: dict[str, Any], subject: Subject) -> Sentences:  # noqa: ARG001
    part = document["reverse"]
    samplers, name = part["samplers"], {"points": "point", "images": "picture", "sequences": "curve"}[part["show"]]
    found = [
        f"Each {name} starts from the same noise in every panel. DDIM and the default add no further noise, so it ends in nearly the same "
        "place with both. The chain draws fresh noise at every step, so its result is different."
    ]
    for one in samplers:
        sentence = (
            f"{one['name'].capitalize() if one['name'][0].islower() else one['name']}: {one['evaluations']:,} evaluations, "
        )
        sentence += f"{number(one['seconds'])} s for {one['n']:,} rows"
        if one["scores"]:
            score = one["scores"][0]
            sentence += (
                f"; {score['metric']}: {with_spread(score['value'], score['deviation'])}, which is {score['verdict']} of "
                f"{with_spread(score['floor'], score['floor_deviation'])} between true rows ({score['rows']:,} rows a set)"
            )
        found.append(sentence + ".")
    slow, quick = samplers[0], samplers[-1]
    each = [one["seconds"] / one["n"] for one in (slow, quick)]
    if len(samplers) > 1 and each[0] > 2 * each[1]:
        found.append(f"A row takes {each[0] / each[1]:,.0f} times as long with {slow['name']} as with {quick['name']}.")
    if part["field"]:
        found.append(
            "Arrows are sigma times the score: they show where the denoiser pulls a point. With much noise it pulls towards the mean of all "
            "data, with little noise towards the nearest data. Shading shows the density of noisy samples."
        )
    return found


def schedule_words(part: dict[str, Any], T: int) -> Sentences:
    """What the chosen schedule leaves of the signal halfway and at the end, and where signal and noise are equal."""
    found = ["A schedule decides when the data is lost: the model seldom sees noise levels that the schedule passes quickly."]
    if part["chosen"] is None:
        return found
    curve, t = part["curves"][part["chosen"]], part["t"]
    share = curve["alpha_bar"]
    equal = next((t[i] for i, value in enumerate(share) if value <= 0.5), None)
    half = f"; signal and noise are equal at n = {round(equal * T)} of {T}" if equal is not None else ""
    return [
        f"{part['chosen']} keeps {percent(share[len(share) // 2])} of the signal halfway and {percent(share[-1])} at the end{half}.",
        *found,
    ]


def _hard(document: dict[str, Any], subject: Subject) -> Sentences:
    part = document["hard"]
    eps, x0 = (np.array(part[name], dtype=np.float64) for name in ("held_out_eps", "held_out_x0"))
    if not (np.isfinite(eps).all() and np.isfinite(x0).all()):
        return ["Some errors are not finite: training had diverged by then."]
    edges, unit = part["n"], part["unit"]
    noise, data = hardest(eps), hardest(x0)
    place = [f"{unit} = {number(edges[run[0]])} to {number(edges[run[-1] + 1])}" for run in (noise, data)]
    fainter = ["noise" if eps[run].sum() > x0[run].sum() else "data" for run in (noise, data)]
    found = [
        f"The noise is hardest to predict at {place[0]}, where the {fainter[0]} is the weaker part: the error is "
        f"{percent(eps[noise].mean())} of the noise's variance. The data is hardest to predict at {place[1]}, where the {fainter[1]} is the "
        f"weaker part: the error is {percent(x0[data].mean())} of the data's variance. These levels are hard for "
        "every denoiser, because the weaker part is hidden there.",
    ]
    if x0[data].mean() > MUCH:
        found.append(
            f"At that step the model predicts the data worse than its mean would: turning its output ({subject.config.diffusion.target}) into "
            "x_0 divides by a number near zero. Many small steps average these errors out; a few large steps do not."
        )
    gaussian = np.array(part["gaussian_x0"], dtype=np.float64)
    if np.isfinite(gaussian).all():
        ratio = x0 / np.maximum(gaussian, 1e-300)
        most = int(ratio.argmin())
        found.append(
            f"The model has learnt most at {unit} = {number(edges[most])} to {number(edges[most + 1])}: there its error is "
            f"{number(ratio[most])} times that of the best Gaussian. The difference is what it knows about the data's shape."
        )
    return found + _levels(part["levels"])


def _levels(levels: dict[str, Any] | None) -> Sentences:
    if levels is None or levels["best"] is None:
        return []
    ratio = np.array(levels["held_out"]) / np.array(levels["best"])
    worst = int(ratio.argmax())
    if ratio[worst] < LOSES:
        return ["At every noise level the error is within a twentieth of the smallest possible one: nothing is left to learn."]
    return [
        f"Most is left to learn at log-SNR {levels['log_snr'][worst]:+g}: the error there is {number(ratio[worst])} times the smallest "
        "possible one."
    ]


def _answer(document: dict[str, Any], subject: Subject) -> Sentences:  # noqa: ARG001
    rows = {"images": "pictures", "sequences": "curves"}.get((document["reverse"] or {}).get("show", ""), "rows")
    return [
        f"Is it good: do samples look like new {rows} of the data? Is it honest: are they new, or copies of what was trained on?",
        "Each sentence gives the number that was measured, and the number that chance alone gives.",
    ]


def _good(document: dict[str, Any], subject: Subject) -> Sentences:  # noqa: ARG001
    part, found = document["good"], []
    if part["scores"]:
        rows = part["scores"][0]["rows"]
        found.append(
            f"{rows:,} samples, drawn in 20 evaluations, are compared with as many true rows. A distance alone says nothing, because two sets "
            "of true rows differ, too: the distance between them is the floor."
        )
    if part["neighbours"]:
        pairs = part["neighbours"]["pairs"]
        nearer = sum(pair["distance"] < pair["usual"] for pair in pairs)
        found.append(
            f"{nearer} of {len(pairs)} samples are nearer to a training row than the median held-out row is; without memorisation, about half "
            "of them are. A copy would be at distance 0."
        )
    return found


def _run(document: dict[str, Any], about: dict[str, Any]) -> Sentences:
    metrics = document["run"]["metrics"]
    speeds, held_out = metrics["speed"], metrics["held_out"]
    found = [f"{document['status'].capitalize()} at step {document['step']:,} of {document['steps']:,}."]
    if document["status"] == "finished" and document["step"] < document["steps"]:
        found.append("Training ended there because the held-out loss had risen: more rows, not more steps, would help.")
    if document["why"]:
        found.append(str(document["why"]))
    found += [f"Resumed at step {one['at_step']:,}, after it was {one['after']}" for one in about.get("resumed", [])]
    if speeds:
        found.append(f"Speed: a median of {number(float(np.median(speeds)))} steps a second.")
    known = [(loss, step) for loss, step in zip(held_out["loss"], held_out["step"], strict=True) if loss is not None]
    if known:
        lowest = min(known)
        last = f"The held-out loss is {number(known[-1][0])} at step {known[-1][1]:,}"
        last += ", its lowest" if lowest[0] == known[-1][0] else f"; its lowest was {number(lowest[0])} at step {lowest[1]:,}"
        if about.get("model_step", document["step"]) != document["step"]:
            last += f", and the model is of step {about['model_step']:,}"
        found.append(
            last + (f". The best Gaussian has {number(held_out['gaussian'])}." if held_out["gaussian"] is not None else ".")
        )
    return found


def _lecture(document: dict[str, Any], subject: Subject) -> Sentences:
    """Diffusion destroys information, denoising recovers it, compression is prediction: with this run's numbers."""
    bits = (document["forward"] or {}).get("bits")
    if bits is None or (document["information"] or {}).get("curve"):  # then the section "Information" says it
        return []
    source, T = document["data"]["source"], subject.T
    early, late = _at(bits["n"], 0.1 * T), len(bits["n"]) - 1
    beyond = " beyond its class" if document["data"]["classes"] else ""
    found = [
        f"Diffusion destroys information. At n = {bits['n'][early]}, {in_bits(bits['left'][early])} bits about a row of {source}{beyond} are "
        f"left, {in_bits(bits['left'][_at(bits['n'], 0.5 * T)])} at n = {bits['n'][_at(bits['n'], 0.5 * T)]}, and "
        f"{in_bits(bits['left'][late])} at n = {T}. Adding noise removes them step by step, and needs no learning."
    ]
    samplers = (document["reverse"] or {}).get("samplers", [])
    scores = [(one, one["scores"][0]) for one in samplers if one["scores"]]
    recovered = "Denoising recovers it. It starts from pure noise, which holds no information, and each step guesses a little of what was lost."
    if scores:
        one, score = scores[-1]
        recovered += (
            f" In {one['evaluations']:,} guesses, noise becomes rows at a distance of {number(score['value'])} from true rows; true rows are "
            f"{number(score['floor'])} from each other ({score['metric']})."
        )
    found.append(recovered)
    compressed = (
        "Compression is prediction. Half the squared error of the guess, integrated over the signal-to-noise ratio and divided by log 2, is "
        "how many bits a row takes, so a better guess takes fewer bits."
    )
    if bits["gaussian"]:
        fine = _at(bits["n"], FINE * T)
        plain, learnt = bits["gaussian"][fine], bits["left"][fine]
        saved = (
            f"what it has learnt saves {in_bits(plain - learnt)} bits of every row"
            if plain > learnt
            else "it has not learnt more than the covariance yet"
        )
        compressed += (
            f" From n = {T} down to n = {bits['n'][fine]}, guesses from the covariance alone add up to {in_bits(plain)} bits a row, and this "
            f"model's guesses to {in_bits(learnt)}: {saved}."
        )
    return [*found, compressed]


def _at(steps: Sequence[int], place: float) -> int:
    """The index of the step that is nearest to `place`."""
    return int(np.abs(np.array(steps) - place).argmin())
