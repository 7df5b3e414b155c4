"""Bits in words and as plain numbers: what the page and `unstir information` say of a measurement (`unstir.model.bits`).

The paragraph is the lecture in this run's numbers: diffusion destroys information, denoising recovers it, compression is prediction.
"""

import math
from typing import Any

import numpy as np

from unstir.data import Data
from unstir.diffusion.blending import Blend
from unstir.encoders.turned import encoded
from unstir.information.gaussian import alone
from unstir.model.bits import INSIDE, Bits, mean_of
from unstir.model.model import Model
from unstir.training.baseline import along_directions, gaussian_of
from unstir.words import capital, counted, number, percent, with_spread

NAMED = {
    "integral": "integral of the error over noise levels (I-MMSE)",
    "bound": "variational bound of a chain of 32 steps",
    "ode": "probability flow",
}
COARSE_TO_FINE = (-4.0, 6.0)  # log-SNR
PARTS = ("prior", "diffusion", "reconstruction")


def gaussian_beside(model: Model, training: Data) -> Blend | None:
    """The Gaussian of the rows that the model was trained on, for a model that does not hold it; None for one that does."""
    return None if model.blend else alone(*along_directions(gaussian_of(encoded(training.rows, model.encoder))))


def gaussian_named(found: Bits) -> str:
    """The Gaussian beside the model, by what it has in common with the data."""
    return f"the Gaussian of equal {found.equal}"


def said(found: Bits, given: str = "") -> list[str]:
    """What the numbers mean, in sentences. `given` is ", given its class" where rows are."""
    low, high = found.inside
    best, d = found.per_dimension(found.estimates["integral"]), found.dimension
    if found.discrete:
        return [
            f"A row of {d:,} numbers takes {best.value * d:,.0f} bits{given}: {with_spread(*best)} bits per "
            "dimension. That is a bound: a better model takes fewer, and a coder with this model no fewer than it.",
            f"{percent(INSIDE)} of them lie between log-SNR {low:+.1f} and {high:+.1f}: more noise hides nothing that is left, less hides "
            "nothing at all.",
        ]
    return [
        "These numbers have no levels, so a row has a density, not a number of bits: it changes with the data's units and may be negative.",
        saved(found),
    ]


def saved(found: Bits) -> str:
    """What the model knows of a density beyond the Gaussian, and where."""
    (low, high), gain = found.inside, found.gain
    how_much = f"{with_spread(*gain)} bits per dimension beside {gaussian_named(found)}"
    if not gain.value > 2 * gain.error:
        return f"The model saves {how_much}: no more than chance explains."
    return f"The model saves {how_much}, {percent(INSIDE)} of it between log-SNR {low:+.1f} and {high:+.1f}."


def told_levels(found: Bits) -> tuple[float, float]:
    """The log-SNRs between which the page shows what is left: those of 90 % of the bits; of a density, from next to nothing to fine detail."""
    low, high = found.inside if found.discrete else COARSE_TO_FINE
    return max(low, float(found.edges[0])), min(high, float(found.edges[-1]))


def lesson(found: Bits, rows: str, count: int | None, given: str = "") -> list[str]:
    """The lecture's three sentences with this run's numbers, a paragraph each.

    `rows` says whose rows they are; `count` is the number of levels of the data, where it has them.
    """
    (low, high), d = told_levels(found), found.dimension
    best, gain, middle = found.per_dimension(found.estimates["integral"]), found.gain, (low + high) / 2
    a_row = f"a row of {rows} ({counted(d, 'number')}{given})"
    off = [number(distortion_at(found, level), 2) for level in (low, middle, high)]
    guess = (
        f"Denoising recovers it: the best guess of the row is off by {off[0]} a number at log-SNR {low:+.1f}, by {off[1]} at {middle:+.1f} and "
        f"by {off[2]} at {high:+.1f}, in {'the data' if found.unit else 'the model'}'s units."
    )
    law = "Compression is prediction: half the squared error of the guess, added up over the signal-to-noise ratio, is the length of"
    less = f"what this model has learnt beyond that saves {bits_in_words(gain.value * d)} of every row" + (
        "" if gain.value > 2 * gain.error else ", no more than chance explains"
    )
    if found.discrete:
        raw = "" if count is None else f", where writing number by number takes {bits_in_words(math.log2(count) * d)}"
        return [
            f"Diffusion destroys information: {a_row} takes {bits_in_words(best.value * d)} under this model, and while noise is added, "
            f"{percent(INSIDE)} of them are lost between log-SNR {high:+.1f} and {low:+.1f}. Less noise hides next to nothing, and more finds "
            "nothing left.",
            guess,
            f"{law} a file that holds the row, so a better guess makes a shorter file. This model's guesses make {with_spread(*best)} bits "
            f"per number, {bits_in_words(best.value * d)} in all{raw}. {capital(gaussian_named(found))} makes about "
            f"{number(found.gaussian_bits.value)} bits per number; {less}.",
        ]
    left = [bits_in_words(known_at(found, level) * d) for level in (high, middle, low)]
    return [
        f"Diffusion destroys information: at log-SNR {high:+.1f}, the noisy x_t still holds {left[0]} about {a_row}; at {middle:+.1f} these "
        f"are {left[1]}, and at {low:+.1f} only {left[2]}.",
        guess,
        f"{law} a description of the row. These numbers have no levels, so the description never ends, and a density stands in its place: "
        f"-log p is {with_spread(*mean_of(found.estimates['integral']))} nats a row, and {number(float(found.beside.mean()))} for "
        f"{gaussian_named(found)}; {less}.",
    ]


def bits_in_words(value: float) -> str:
    """A number of bits, whole from 10 on.

    >>> bits_in_words(110.3), bits_in_words(1.04), bits_in_words(0.031)
    ('110 bits', '1.0 bits', '0.03 bits')
    """
    return f"{value:,.0f} bits" if abs(value) >= 9.95 else f"{value:.1f} bits" if abs(value) >= 0.95 else f"{value:.1g} bits"


def known_at(found: Bits, level: float) -> float:
    """Bits per dimension that x_t holds at a log-SNR."""
    return float(np.interp(level, found.edges, found.rate))


def distortion_at(found: Bits, level: float) -> float:
    """The root mean square error of the guess at a log-SNR, in the data's units if `found.unit` is known."""
    middles = (found.edges[1:] + found.edges[:-1]) / 2
    return float(np.interp(level, middles, found.distortion)) * (found.unit or 1.0)


def document_of(found: Bits) -> dict[str, Any]:
    """Everything that was measured, as plain numbers."""
    estimates = {
        name: dict(zip(("nats", "nats_error"), mean_of(nats), strict=True))
        | dict(zip(("bits_per_dimension", "standard_error"), found.per_dimension(nats), strict=True))
        | {"rows": len(nats)}
        for name, nats in found.estimates.items()
    }
    chains = [
        {"steps": chain.steps}
        | {
            kernel: {part: found.per_dimension(nats[:, i])._asdict() for i, part in enumerate(PARTS)}
            | {"bound": found.per_dimension(nats.sum(1))._asdict()}
            for kernel, nats in (("fixed", chain.fixed), ("matched", chain.matched))
        }
        for chain in found.chains
    ]
    return {
        "kind": "bits" if found.discrete else "density in the data's units",
        "dimension": found.dimension,
        "rows": len(found.rows),
        "estimates": estimates,
        "gaussian_bits_per_dimension": found.gaussian_bits.value,
        "gaussian_of_equal": found.equal,
        "saved_bits_per_dimension": found.gain._asdict(),
        "parts": {part: found.per_dimension(found.parts[:, i])._asdict() for i, part in enumerate(PARTS)},
        "chains": chains,
        "log_snr": found.edges.tolist(),
        "bits_per_unit": found.curve.tolist(),
        "bits_per_unit_error": found.curve_error.tolist(),
        "gaussian_bits_per_unit": found.gaussian.tolist(),
        "rate": found.rate.tolist(),
        "distortion": (found.distortion * (found.unit or 1.0)).tolist(),
        "distortion_unit": "data" if found.unit else "model",
        "inside_90_percent": list(found.inside),
    }
