"""What `unstir information` measures and answers: the rows, tables and sentences for people, one object for programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.table import Table
from torch import Tensor

from unstir.cli.parts.flags import CompleteReadingFlags
from unstir.cli.parts.rows_in import classes_of, read
from unstir.data import Data
from unstir.diffusion.blending import Blend
from unstir.errors import StorageError, UsageError
from unstir.model.bits import Bits, Mean, bits
from unstir.model.model import Model
from unstir.model.units import values_of
from unstir.plots.information import BitCurves
from unstir.report import informed
from unstir.runs.data import read_data
from unstir.training.config import resolve
from unstir.training.config_file import read_config
from unstir.words import quoted, with_spread

SHOWN = 8  # levels in the table of the curve


@dataclass(frozen=True)
class RowsFor:
    """The rows that are measured, what they are, the values of the condition that they are given, and the Gaussian of the training rows."""

    rows: Data
    which: str
    cond: Tensor | None
    beside: Blend | None

    @property
    def given(self) -> str:
        """Whether the bits are those of a row given its class, or what else the model is given."""
        if self.cond is None:
            return ""
        return ", given its class" if self.rows.given is None else ", given what the model is given"


def rows_for(run: Path, source: str | None, reading: CompleteReadingFlags, model: Model, n: int | None, seed: int) -> RowsFor:
    """The rows of DATA, or those that the run held out; n of them at most, drawn with the seed."""
    beside = None
    try:
        config = resolve(read_config(run / "config.toml"))
        training, unseen = read_data(run, config).split(config.data.held_out, config.seed)
        beside = informed.gaussian_beside(model, training)
    except StorageError as error:
        if source is None:
            raise StorageError(f"{error} Or name the rows to measure: unstir information {quoted(run)} DATA.") from None
        unseen = None
    if source is None:
        assert unseen is not None
        rows, which = unseen, "rows that the run held out in training"
    else:
        rows, which = read(source, reading, reading.missing, model, fewest=2), f"rows of {source}"
    if len(rows) < 2:
        raise UsageError(f"a standard error takes at least 2 rows, and there is {len(rows)}. Name more: DATA.")
    if n is not None and n < len(rows):
        rows = rows.take(np.sort(np.random.default_rng(seed).permutation(len(rows))[:n]))
    return RowsFor(rows, which, _given(rows, model), beside)


def _given(rows: Data, model: Model) -> Tensor | None:
    """The values of the condition that the rows bring; None where they bring none."""
    names = classes_of(rows, model)
    return values_of(rows, model.condition) if names is None else model.given(len(rows), names)


def measured(model: Model, rows: RowsFor, seed: int) -> Bits:
    """What is measured of these rows."""
    return bits(model, torch.from_numpy(rows.rows.values).double(), rows.cond, rows.beside, seed=seed)


class Difference(NamedTuple):
    """A model beside another one on the same rows."""

    document: dict[str, Any]
    sentence: str


def difference(found: Bits, model: Model, other: Model, rows: RowsFor, against: Path, seed: int) -> Difference:
    """The other model's bits a dimension minus this one's, row by row. Raises UsageError for models that measure different things."""
    if (other.card.levels is None) != (model.card.levels is None) or other.card.shape != model.card.shape:
        raise UsageError(
            f"--against {against}: it was trained on rows of another kind, so the bits of the two cannot be compared."
        )
    cond = _given(rows.rows, other)
    values = torch.from_numpy(rows.rows.values).double()[found.rows]
    theirs = bits(other, values, None if cond is None else cond[found.rows], chains=(), flow=False, seed=seed, all_rows=True)
    more = found.per_dimension(theirs.estimates["integral"] - found.estimates["integral"])
    apart = abs(more.value) / more.error if more.error else 0.0
    sentence = (
        f"{against} takes {with_spread(abs(more.value), more.error)} bits a dimension {'more' if more.value > 0 else 'less'} on the same "
        f"{len(values):,} rows (paired), which is {apart:.1f} standard errors."
    )
    return Difference({"run": str(against), "more_bits_per_dimension": more.value, "standard_error": more.error}, sentence)


def tables(found: Bits, rows: RowsFor) -> list[Table]:
    """The estimates, the bound in parts by steps, and the curve."""
    unit = "bits per dimension" if found.discrete else "-log2 density per dimension, in the data's units"
    title = f"{rows.which[0].upper()}{rows.which[1:]}{rows.given}: {len(found.rows):,} of {len(rows.rows):,}"
    estimates = Table("estimate", "nats a row", unit, "rows", title=title, caption="± is one standard error, over rows and noise")
    for name, nats in found.estimates.items():
        mean, each = found.per_dimension(nats), Mean(float(nats.mean()), float(nats.std(ddof=1) / len(nats) ** 0.5))
        estimates.add_row(informed.NAMED[name], with_spread(*each), with_spread(*mean), f"{len(nats):,}")
    estimates.add_row(informed.gaussian_named(found), "", with_spread(*found.gaussian_bits), f"{len(found.rows):,}")
    parts = Table(
        "steps", "prior", "diffusion, fixed variance", "diffusion, matched", "reconstruction", "bound, fixed", "bound, matched",
        title="The variational bound in parts, bits per dimension" + ("" if found.discrete else ", in the model's space"),
    )  # fmt: skip
    for chain in found.chains:
        fixed, matched = chain.fixed, chain.matched
        cells = [fixed[:, 0], fixed[:, 1], matched[:, 1], fixed[:, 2], fixed.sum(1), matched.sum(1)]
        parts.add_row(str(chain.steps), *(with_spread(*found.per_dimension(cell)) for cell in cells))
    if found.discrete:
        split, empty = found.parts, ""
        cells = [with_spread(*found.per_dimension(part)) for part in (split[:, 0], split[:, 1], split[:, 2], split.sum(1))]
        parts.add_row("all", cells[0], empty, cells[1], cells[2], empty, cells[3])
    curve = Table(
        "log-SNR", "bits destroyed per unit", "the Gaussian's", "bits known so far", "error of the best guess",
        title="Where the bits are, per dimension",
    )  # fmt: skip
    for k in np.linspace(0, len(found.curve) - 1, SHOWN).round().astype(int):
        level = (found.edges[k] + found.edges[k + 1]) / 2
        error = found.distortion[k] * (found.unit or 1.0)
        cells = [with_spread(found.curve[k], found.curve_error[k]), f"{found.gaussian[k]:.3g}", f"{found.rate[k + 1]:.3g}"]
        curve.add_row(f"{level:+.1f}", *cells, f"{error:.3g}" + ("" if found.unit else " of the model's units"))
    return [estimates, parts, curve]


def drawing(found: Bits) -> BitCurves:
    """The figure's curves."""
    low, high = found.inside
    of = "the bits" if found.discrete else "what is known beyond the covariance"
    title = f"90 % of {of} lies between log-SNR {low:+.1f} and {high:+.1f}"
    unit = "in the data's units" if found.unit else "in the model's units"
    return BitCurves(
        found.edges, found.curve, found.curve_error, found.gaussian, found.inside, (found.rate[1:] + found.rate[:-1]) / 2,
        found.distortion * (found.unit or 1.0), unit, title, informed.gaussian_named(found),
    )  # fmt: skip


def document_of(found: Bits, rows: RowsFor) -> dict[str, Any]:
    """Everything that was measured, as plain numbers."""
    return {"measured": rows.which, "given_class": rows.cond is not None, "of": len(rows.rows)} | informed.document_of(found)
