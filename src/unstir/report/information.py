"""Information: how many bits a held-out row takes, at which noise levels they are lost, and what is left of a few rows there.

    curve      bits per number and unit of log-SNR, gamma E |x_0 - x0_hat|^2 / (2 log 2 d), and the Gaussian's beside it        (1)
    pictures   x_t and x0_hat of the same rows with the same noise, at five levels, between which most bits are lost           (2)

(1) and the bits of a row are those of `unstir information`, measured in a few seconds: on fewer rows, and without the flow.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstir.data import Data
from unstir.diffusion.schedules import Schedule
from unstir.errors import UnstirError
from unstir.model.bits import BINS, CHAIN, FEWEST, Bits, bits
from unstir.model.model import Model
from unstir.model.units import values_of
from unstir.networks.building import affordable
from unstir.report.informed import COARSE_TO_FINE, PARTS, document_of, gaussian_beside, gaussian_named, lesson, saved, told_levels
from unstir.report.packing import numbers, pack
from unstir.report.subject import Subject
from unstir.report.view import View, shrink
from unstir.seeds import seeded
from unstir.words import duration, quoted, spelled

ROWS = 2000  # held-out rows that are measured at most
WORK = 1e11  # multiply-adds of each estimate: about three seconds
MOST = 1e12  # of all that the fewest rows take, above which nothing is measured
A_SECOND = 4e10  # multiply-adds, for what is said of the time
PANELS = 5
POINTS, PICTURES, CURVES = 500, 9, 6  # rows that are shown
BYTES = 300_000  # of packed pictures at most
KEPT = (
    "kind",
    "dimension",
    "rows",
    "log_snr",
    "bits_per_unit",
    "bits_per_unit_error",
    "gaussian_bits_per_unit",
    "inside_90_percent",
)


def information(subject: Subject) -> dict[str, Any] | None:
    """The bits, the curve (1) and the pictures (2) of rows that were held out; None without a model or such rows, and for mixed tables.

    Where bits cannot be had, the curve is None, and the first of its sentences says why.
    """
    model, fitting = subject.model, subject.fitting
    if model is None or fitting is None:
        return None
    if model.card.by_cell:
        subject.reasons.append(
            "Bits are not counted: a table of which values are kept exactly, or cells are missing, has no density."
        )
        return None
    if len(fitting.unseen) < 2:
        subject.reasons.append("No row was held out, so no bits are counted.")
        return None
    chosen = np.random.default_rng(subject.config.seed).permutation(len(fitting.unseen))[:ROWS]
    rows = fitting.unseen.take(np.sort(chosen))
    cond = values_of(rows, model.condition)
    found, why = None, refusal(model, len(rows), subject)
    if why is None:
        try:
            found = measured(model, rows, cond, fitting.training, subject.config.seed)
        except UnstirError as error:
            why = f"Bits are not counted: {error}"
    given = "" if cond is None else ", given its class" if model.classes else ", given what it is trained with"
    return {
        "said": [why] if found is None else told(found, spelled(subject.source), model, given),
        "equal": None if found is None else found.equal,
        "curve": None
        if found is None
        else {name: numbers(value) if isinstance(value, list) else value for name, value in curve_of(found).items()},
        "table": None if found is None else table(found),
        "pictures": pictures(subject, model, rows, cond, found),
    }


def refusal(model: Model, rows: int, subject: Subject) -> str | None:
    """Why nothing is measured: the network is so large that even the fewest rows would take too long; None if it is not."""
    fewest = min(FEWEST, rows)
    if affordable(model.network, 2 * BINS + 2 + CHAIN, MOST, 0, fewest) >= fewest:
        return None
    return (
        f"Bits are not counted on this page, because the network is large: it would take more than {duration(MOST / A_SECOND)}. "
        f"They can be had with: unstir information {quoted(subject.path)}"
    )


def measured(model: Model, rows: Data, cond: Tensor | None, training: Data, seed: int) -> Bits:
    """The bits of held-out rows, in a few seconds."""
    beside = gaussian_beside(model, training)
    return bits(model, torch.from_numpy(rows.values).double(), cond, beside, WORK, (CHAIN,), flow=False, seed=seed)


def told(found: Bits, source: str, model: Model, given: str) -> list[str]:
    """The paragraph, and how the curve is read."""
    count = None if model.card.levels is None else len(model.card.levels)
    chance = float(found.curve_error.max())
    found_in = f"{len(found.rows):,} held-out rows"
    more = "" if found.discrete else f" {saved(found)}"
    return [
        *lesson(found, source, count, given),
        f"The curve shows where the bits are: its height is how many bits per number are lost when the log-SNR falls by 1, on average over "
        f"{found_in}, with a standard error of at most {chance:.2g}. Below the dotted curve the model predicts better than "
        f"{gaussian_named(found)}.{more}",
    ]


def curve_of(found: Bits) -> dict[str, Any]:
    """The curve (1) at the middle of each bin, with the bits per number that are known at its edges."""
    document = document_of(found)
    edges = found.edges
    return {name: document[name] for name in KEPT} | {"log_snr": ((edges[1:] + edges[:-1]) / 2).tolist()}


def table(found: Bits) -> list[dict[str, Any]]:
    """What a row takes: [name, bits per number, nats a row], each with its standard error; of levels also the parts of the bound."""
    split = [(f"{part}", found.parts[:, i]) for i, part in enumerate(PARTS)] if found.discrete else []
    whole = [
        (
            "prior + diffusion + reconstruction" if found.discrete else "the model, by its error at every noise level",
            found.estimates["integral"],
        ),
        (f"the model, as a chain of {CHAIN} steps", found.estimates["bound"]),
        (gaussian_named(found), found.beside),
    ]
    return [
        {
            "name": name,
            "bits": list(found.per_dimension(nats)),
            "nats": [float(nats.mean()), float(nats.std(ddof=1) / len(nats) ** 0.5)],
        }
        for name, nats in (*split, *whole)
    ]


@torch.no_grad()
def pictures(subject: Subject, model: Model, rows: Data, cond: Tensor | None, found: Bits | None) -> dict[str, Any]:
    """Eq. (2): a few rows, and at each level x_t, x0_hat and the bits that x_t holds about a row."""
    view, shown = _view(subject)
    n = min(shown, len(rows))
    z = model.encoder.encode(torch.from_numpy(rows.take(np.arange(n)).values).double())
    x0 = _project(subject, view, model, z)
    while n > view.rows_each and (2 * PANELS + 1) * x0[:n].size > BYTES:
        n -= view.rows_each
    z, x0 = z[:n].to(model.device), x0[: max(1, n // view.rows_each)]
    known = model.posterior(None if cond is None else cond[:n].to(model.device))
    eps = torch.randn(z.shape, generator=seeded(subject.config.seed, "what is left")).to(model.device)
    kind = "uint8" if view.show == "images" else "int16"
    panels = []
    for level in _levels(model.schedule, found):
        t = model.schedule.inverse(level)
        x_t = model.schedule.diffuse(z, t, eps)
        noisy, guess = x_t / shrink(model.schedule, t).to(x_t), known(x_t, t).mean
        held = None if found is None else numbers(np.interp(float(level), found.edges, found.rate) * found.dimension, 3)
        panels.append(
            {"log_snr": numbers(level, 3), "bits": held}
            | {
                name: pack(_project(subject, view, model, part.cpu()), kind)
                for name, part in (("noisy", noisy), ("guess", guess))
            }
        )
    return {
        "show": view.show,
        "axes": view.axes,
        "frame": view.frame(x0) if view.show == "points" else None,
        "decode": view.decode,
        "rows": pack(x0, kind),
        "panels": panels,
    }


def _view(subject: Subject) -> tuple[View, int]:
    """How rows are shown, and how many: as what they are, in the data's units, if they lie in space; else as points of the model's space."""
    if subject.layout is None:
        return subject.view, POINTS * subject.view.rows_each
    return subject.decoded, PICTURES if subject.decoded.show == "images" else CURVES


def _project(subject: Subject, view: View, model: Model, z: Tensor) -> np.ndarray:
    return view.project(z if subject.layout is None else model.encoder.decode(z))


def _levels(schedule: Schedule, found: Bits | None) -> Tensor:
    """Rising levels of log-SNR that the schedule reaches."""
    low, high = COARSE_TO_FINE if found is None else told_levels(found)
    return schedule.reached(torch.linspace(low, high, PANELS, dtype=torch.float64))
