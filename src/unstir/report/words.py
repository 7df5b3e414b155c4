"""What to look for, in plain sentences with this run's own numbers, a list for each section."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from unstir.plots.curves import hardest
from unstir.report.subject import Subject
from unstir.words import percent, with_spread

Sentences = list[str]
GROWS = 1.5  # times the data's deviation, from where noise at the end is more than a schedule's rounding
PLACES = (0.1, 0.5, 0.8)  # of the slider, at which bits are named
FINE = 0.01  # of the slider, where little of the data is lost
MUCH = 1.2  # of the variance, from where an error is worse than no guess at all
LOSES = 1.05  # times the smallest possible error, from where a level is worth naming


def words(document: dict[str, Any], subject: Subject) -> dict[str, Sentences]:
    """Sentences by section; a section that is null has the reasons why."""
    makers = {"forward": _forward, "reverse": _reverse, "hard": _hard, "good": _good}
    found = {name: make(document, subject) if document[name] else subject.reasons for name, make in makers.items()}
    return found | {
        "schedules": schedule_words(document["schedules"], subject.T),
        "run": [*_run(document), *subject.reasons],
        "lecture": _lecture(document, subject),
    }


def said(number: float) -> str:
    """A number to three digits, as one reads it.

    >>> said(1234.5), said(0.0123456), said(12.0)
    ('1,234', '0.0123', '12')
    """
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def in_bits(number: float) -> str:
    """Bits to a tenth, and to one digit where they are less.

    >>> in_bits(1.32), in_bits(0.031), in_bits(0.0)
    ('1.3', '0.03', '0')
    """
    return f"{number:.1f}" if number >= 0.95 else f"{number:.1g}"


def _forward(document: dict[str, Any], subject: Subject) -> Sentences:
    part, data, T = document["forward"], document["data"], subject.T
    what = {"points": "Points", "images": "Pictures", "sequences": "Curves"}[part["show"]]
    found = [
        f"{what} are rows of {data['source']}, each with one noise of its own: x_n = alpha_n x_0 + sigma_n eps. At n = 0 they are the "
        f"data; at n = {T} the signal is {percent(part['alpha_bar'][-1])} of the variance.",
        "Watch what goes first: fine structure is lost at little noise, the outline of the whole only near the end.",
    ]
    if data["kind"] == "vectors":
        found.append(
            f"The {math.prod(data['shape'])} columns are seen along the two directions in which they spread most: what touches here may "
            "be far apart in the others."
        )
    if subject.process.T is None:
        found.append(f"This process was never a chain: n counts {T:,} equal steps of t.")
    elif subject.process.T > T:
        found.append(f"The chain has {subject.process.T:,} steps; n counts {T:,} equal steps of t.")
    if subject.process(torch.ones(1))[1] > GROWS:
        found.append("The noise of this schedule grows far beyond the data, so what is shown is x_n / sqrt(alpha^2 + sigma^2).")
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
        "These are upper bounds: they add up the model's own error, and no model's error is below the smallest possible one. A model that "
        "is trained longer or is larger brings them down; the chance of a few thousand held-out pairs a level goes both ways.",
    ]
    if bits["exact"]:
        found.append("Exactly they are " + ", ".join(in_bits(bits["exact"][i]) for i in places) + ".")
    if bits["gaussian"]:
        who, knows = "the covariance", "of the shape"
        if data["classes"]:
            who, knows = "the covariance, and not the class,", "of the shape, or is told with the class"
        found.append(
            f"Who knows only {who} counts {in_bits(bits['gaussian'][places[0]])} bits at n = {first[0]}, "
            f"{in_bits(bits['gaussian'][places[1]])} at n = {rest[0][0]}: what the model's curve is below that, it knows {knows}."
        )
    return found


def _reverse(document: dict[str, Any], subject: Subject) -> Sentences:  # noqa: ARG001
    part = document["reverse"]
    samplers, name = part["samplers"], {"points": "point", "images": "picture", "sequences": "curve"}[part["show"]]
    found = [
        f"Each {name} starts as the same noise in every panel. DDIM and the default draw no more noise, so it ends in nearly the same "
        "place with both; the chain draws fresh noise at every step, and ends elsewhere."
    ]
    for one in samplers:
        sentence = (
            f"{one['name'].capitalize() if one['name'][0].islower() else one['name']}: {one['evaluations']:,} evaluations, "
        )
        sentence += f"{said(one['seconds'])} s for {one['n']:,} rows"
        if one["scores"]:
            score = one["scores"][0]
            sentence += (
                f"; {score['metric']}: {with_spread(score['value'], score['deviation'])}, between true rows "
                f"{with_spread(score['floor'], score['floor_deviation'])} (n = {score['rows']:,}), so {score['verdict']}"
            )
        found.append(sentence + ".")
    slow, quick = samplers[0], samplers[-1]
    each = [one["seconds"] / one["n"] for one in (slow, quick)]
    if len(samplers) > 1 and each[0] > 2 * each[1]:
        found.append(f"A row costs {each[0] / each[1]:,.0f} times as long with {slow['name']} as with {quick['name']}.")
    if part["field"]:
        found.append(
            "Arrows are sigma times the score, the way the denoiser pulls: towards the middle of everything while there is much noise, "
            "towards the nearest piece of data when there is little. The shade is where noisy samples are."
        )
    return found


def schedule_words(part: dict[str, Any], T: int) -> Sentences:
    """Of the chosen schedule: what is left half way and at the end, and where signal and noise are equal."""
    found = ["A schedule decides where on the way the data is lost: what it passes quickly, the model sees seldom."]
    if part["chosen"] is None:
        return found
    curve, t = part["curves"][part["chosen"]], part["t"]
    share = curve["alpha_bar"]
    equal = next((t[i] for i, value in enumerate(share) if value <= 0.5), None)
    half = f"; signal and noise are equal at n = {round(equal * T)} of {T}" if equal is not None else ""
    return [
        f"{part['chosen']} keeps {percent(share[len(share) // 2])} of the signal half way and {percent(share[-1])} at the end{half}.",
        *found,
    ]


def _hard(document: dict[str, Any], subject: Subject) -> Sentences:
    part = document["hard"]
    eps, x0 = (np.array(part[name], dtype=np.float64) for name in ("held_out_eps", "held_out_x0"))
    if not (np.isfinite(eps).all() and np.isfinite(x0).all()):
        return ["Some errors are not finite: training had gone wrong by then."]
    edges, unit = part["n"], part["unit"]
    noise, data = hardest(eps), hardest(x0)
    place = [f"{unit} = {said(edges[run[0]])} to {said(edges[run[-1] + 1])}" for run in (noise, data)]
    fainter = ["noise" if eps[run].sum() > x0[run].sum() else "data" for run in (noise, data)]
    found = [
        f"The noise is hardest to see at {place[0]}, where the {fainter[0]} is the fainter part: {percent(eps[noise].mean())} of its variance "
        f"is missed. The data is hardest to see at {place[1]}, where the {fainter[1]} is the fainter part: {percent(x0[data].mean())} is "
        "missed. To be hard there is no fault of the model: nobody could see much.",
    ]
    if x0[data].mean() > MUCH:
        found.append(
            f"There the model guesses the data worse than its mean would be: its target, {subject.config.diffusion.target}, is turned into x_0 "
            "by dividing by next to nothing. Many small steps average that out; a few large ones do not."
        )
    gaussian = np.array(part["gaussian_x0"], dtype=np.float64)
    if np.isfinite(gaussian).all():
        ratio = x0 / np.maximum(gaussian, 1e-300)
        most = int(ratio.argmin())
        found.append(
            f"Most is learnt at {unit} = {said(edges[most])} to {said(edges[most + 1])}: there the error is {said(ratio[most])} times that "
            "of the best Gaussian guess, and the difference is what the model knows of the data's shape."
        )
    return found + _levels(part["levels"])


def _levels(levels: dict[str, Any] | None) -> Sentences:
    if levels is None or levels["best"] is None:
        return []
    ratio = np.array(levels["held_out"]) / np.array(levels["best"])
    worst = int(ratio.argmax())
    if ratio[worst] < LOSES:
        return ["At no level is the error more than a twentieth above the smallest possible one: nothing is left to learn."]
    return [
        f"Most is left to learn at log-SNR {levels['log_snr'][worst]:+g}: the error is {said(ratio[worst])} times the smallest possible."
    ]


def _good(document: dict[str, Any], subject: Subject) -> Sentences:  # noqa: ARG001
    part = document["good"]
    found = [f"{one['question']} {one['answer'].capitalize()}." for one in part["answers"]]
    if part["scores"]:
        rows = part["scores"][0]["rows"]
        found.append(
            f"{rows:,} samples, drawn in 20 evaluations, are compared with as many true rows. A distance says nothing alone: two sets of "
            "true rows differ too, and by how much is the floor."
        )
    if part["neighbours"]:
        pairs = part["neighbours"]["pairs"]
        nearer = sum(pair["distance"] < pair["usual"] for pair in pairs)
        found.append(
            f"{nearer} of {len(pairs)} samples are nearer to a training row than half of the held-out rows are; about half of them should be. "
            "A copy would be at distance 0."
        )
    return found


def _run(document: dict[str, Any]) -> Sentences:
    metrics = document["run"]["metrics"]
    speeds, held_out = metrics["speed"], metrics["held_out"]
    found = [f"{document['status'].capitalize()} at step {document['step']:,} of {document['steps']:,}."]
    if document["why"]:
        found.append(str(document["why"]))
    if speeds:
        found.append(f"Speed: {said(float(np.median(speeds)))} steps a second in the median.")
    known = [(loss, step) for loss, step in zip(held_out["loss"], held_out["step"], strict=True) if loss is not None]
    if known:
        lowest = min(known)
        last = f"Held-out loss is {said(known[-1][0])} at step {known[-1][1]:,}"
        last += ", its lowest" if lowest[0] == known[-1][0] else f"; its lowest was {said(lowest[0])} at step {lowest[1]:,}"
        found.append(
            last + (f". The best Gaussian has {said(held_out['gaussian'])}." if held_out["gaussian"] is not None else ".")
        )
    return found


def _lecture(document: dict[str, Any], subject: Subject) -> Sentences:
    """Diffusion destroys information, denoising recovers it, compression is prediction: with this run's numbers."""
    bits = (document["forward"] or {}).get("bits")
    if bits is None:
        return []
    source, T = document["data"]["source"], subject.T
    early, late = _at(bits["n"], 0.1 * T), len(bits["n"]) - 1
    beyond = " beyond its class" if document["data"]["classes"] else ""
    found = [
        f"Diffusion destroys information. Of what a row of {source} says{beyond}, {in_bits(bits['left'][early])} bits are left at n = "
        f"{bits['n'][early]}, {in_bits(bits['left'][_at(bits['n'], 0.5 * T)])} at n = {bits['n'][_at(bits['n'], 0.5 * T)]} and "
        f"{in_bits(bits['left'][late])} at n = {T}: adding noise takes them away one by one, and needs no learning."
    ]
    samplers = (document["reverse"] or {}).get("samplers", [])
    scores = [(one, one["scores"][0]) for one in samplers if one["scores"]]
    recovered = "Denoising recovers it: each step back guesses a little of what was lost, and it starts from noise that holds nothing of it."
    if scores:
        one, score = scores[-1]
        recovered += (
            f" In {one['evaluations']:,} guesses pure noise becomes rows that are {said(score['value'])} from true ones, where true ones are "
            f"{said(score['floor'])} from each other ({score['metric']})."
        )
    found.append(recovered)
    compressed = (
        "Compression is prediction: the bits are half the squared error of the guess, added up over the signal-to-noise ratio, so whoever "
        "guesses better has fewer bits to write."
    )
    if bits["gaussian"]:
        fine = _at(bits["n"], FINE * T)
        plain, learnt = bits["gaussian"][fine], bits["left"][fine]
        saved = (
            f"having learnt the data saves {in_bits(plain - learnt)} bits of every row"
            if plain > learnt
            else "it has not learnt more yet"
        )
        compressed += (
            f" Down to n = {bits['n'][fine]}, guesses from the covariance alone add up to {in_bits(plain)} bits a row, this model's to "
            f"{in_bits(learnt)}: {saved}."
        )
    return [*found, compressed]


def _at(steps: Sequence[int], place: float) -> int:
    """The index of the step that is nearest to a place."""
    return int(np.abs(np.array(steps) - place).argmin())
