"""Is each column right, and do they belong together? What people see of samples, in words and in the data's units.

rows -> columns (`summaries`) -> shares and rank correlations beside those of true rows -> a sentence for each that is off     (1)

>>> rng = np.random.default_rng(0)
>>> true = np.exp(rng.normal(7, 1, size=(1000, 1)))
>>> seen = see(rng.normal(true.mean(), true.std(), (1000, 1)), Truth([true], [true], known=true, available=1000), (1,), ("income",))
>>> print(seen.faults[0].text)
column 'income' is negative in 22 % of 1,000 samples and in none of 1,000 true rows (22.21 to 23,530)
>>> print(see(true, Truth([true], [true]), (1,), ("income",)).power)
1,000 samples beside 1,000 true rows would show 7.5 in 100 rows out of place in any column
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from unstir.data.tables import Schema
from unstir.evaluation.cells import Cells
from unstir.evaluation.sampled import as_flat, mixed_table
from unstir.evaluation.scores import REPEATS, Truth
from unstir.evaluation.summaries import Look
from unstir.metrics.dependence import Correlations, Pair, compare_correlations
from unstir.metrics.shares import SIZE, Share, Shares, compare_shares
from unstir.model.model import DEFAULT, Model
from unstir.model.sampling import Sampling
from unstir.networks.building import affordable
from unstir.words import counted, number, percent

LEVEL = 0.05 / 3  # a third of the verdict's: the others are for correlations and tests, and for distances
MOST = 5000  # samples and true rows compared at most
CHEAP = 2e10  # multiply-adds for samples beyond those that there are already: about a second


@dataclass(frozen=True)
class Fault:
    """Something that chance does not explain: its sentence, whether it is `far` off, and the columns that it is about."""

    text: str
    far: bool
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """The shares and correlations of columns called `labels`; `ends` (2, k) are the lowest and the highest true value of each.

    Of a mixed table, `terms` are the labels as parts of a sentence, `there` (2, k) is how many samples and true rows have a cell in each
    column, and `write(j, value)` is a value of the j-th column in words.
    """

    labels: tuple[str, ...]
    shares: Shares
    correlations: Correlations
    ends: np.ndarray
    negative: np.ndarray
    available: int
    terms: tuple[str, ...] = ()
    there: np.ndarray | None = None
    write: Callable[[int, float], str] = lambda _, value: number(value, 4)

    @property
    def faults(self) -> list[Fault]:
        """One for each column that is off, and one for each pair; those that matter come first, and then the largest."""
        found = [(s.verdict, abs(s.size), self._share(s), (self.labels[s.column],)) for s in self.shares.off]
        found += [
            (p.verdict, abs(p.sampled - p.true), self._pair(p), (self.labels[p.first], self.labels[p.second]))
            for p in self.correlations.off
        ]
        ordered = sorted(found, key=lambda one: (not one[0].startswith("far"), -one[1]))
        return [Fault(text, verdict.startswith("far"), columns) for verdict, _, text, columns in ordered]

    @property
    def power(self) -> str:
        """How small a difference would have shown, in words."""
        rows, true, least = (
            self.shares.rows,
            self.shares.true_rows,
            50 * self.shares.finest,
        )  # h near p = 1/2 is twice the difference
        return f"{rows:,} samples beside {true:,} true rows would show {least:.2g} in 100 rows out of place in any column"

    @property
    def too_few(self) -> str:
        """What cannot be seen, and how many rows would be enough."""
        enough, least = self.shares.enough, 50 * self.shares.finest
        way_on = (
            f"evaluate with -n {-(-enough // REPEATS)}"
            if self.available >= enough
            else f"there are {counted(self.available, 'true row')}, and about {enough:,} are needed"
        )
        return (
            f"{self.shares.rows:,} samples beside {self.shares.true_rows:,} true rows do not show less than {least:.2g} in 100 rows out "
            f"of place in a column. To see {50 * SIZE:.2g} in 100, {way_on}"
        )

    def as_rows(self) -> list[dict[str, Any]]:
        """Every share as a plain dictionary: what of which column, the samples' value, that of true rows, and what chance gives."""
        return [
            {
                "column": self.labels[s.column],
                "measure": s.kind,
                "at": None if math.isnan(s.at) else s.at,
                "value": s.sampled,
                "floor": s.true,
                "chance": [s.low, s.high],
                "size": s.size,
                "p_value": s.p,
                "verdict": s.verdict,
            }
            for s in self.shares.each
        ]

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain numbers."""
        return {
            "rows": self.shares.rows,
            "true_rows": self.shares.true_rows,
            "smallest_size_seen": self.shares.finest,
            "size_that_matters": SIZE,
            "can_tell": self.shares.can_tell,
            "faults": [asdict(fault) for fault in self.faults],
            "each": self.as_rows(),
            "correlations": {
                "pairs": self.correlations.pairs,
                "p_value": self.correlations.p,
                "off": [
                    {
                        "columns": [self.labels[p.first], self.labels[p.second]],
                        "value": p.sampled,
                        "floor": p.true,
                        "p_value": p.p,
                    }
                    | {"verdict": p.verdict}
                    for p in self.correlations.off
                ],
            },
        }

    def told(self, s: Share) -> tuple[str, float]:
        """What a share is of, and the samples' share: ("column 'income' is negative", 0.14)."""
        label, at, value = self.labels[s.column], "" if math.isnan(s.at) else self.write(s.column, s.at), s.sampled
        if s.kind == "flag":
            return label, value
        negative = float(self.negative[s.column])
        if s.kind == "below" and self.ends[0, s.column] >= 0 and negative > 0.8 * value:
            return f"{label} is negative", negative  # that is what people notice
        words = {"lower": f"is below {at}", "upper": f"is above {at}", "atom": f"is exactly {at}", "whole": "is a whole number"}
        words["repeated"] = "has a value that another row has, too,"
        return f"{label} {words.get(s.kind, f'is {s.kind} {at}')}", value

    def _share(self, s: Share) -> str:
        what, value = self.told(s)
        rows, true, held = self.shares.rows, self.shares.true_rows, ""
        if self.there is not None and tuple(self.there[:, s.column]) != (rows, true):
            (rows, true), held = self.there[:, s.column].tolist(), " with a value"
        said = f"{what} in {_of(value, rows, 'sample', held)} and in {_of(s.true, true, 'true row', held)}"
        if s.kind in ("below", "above"):
            low, high = self.ends[:, s.column]
            return f"{said} ({self.write(s.column, low)} to {self.write(s.column, high)})"
        return f"{said}; rounding the samples mends that" if s.mended else said

    def _pair(self, p: Pair) -> str:
        terms = self.terms or self.labels
        first, second = terms[p.first], terms[p.second]
        return f"the rank correlation of {first} and {second} is {_two(p.sampled)} in samples and {_two(p.true)} in true rows"


def _two(correlation: float) -> str:
    return f"{round(correlation, 2) + 0.0:.2f}"  # -0 is 0


def _of(share: float, n: int, noun: str, held: str = "") -> str:
    """A share of rows in words: "none of 200 samples", "14 % of 200 samples with a value", "all 200 samples"."""
    if share == 1:
        return f"all {counted(n, noun)}{held}"
    return f"{'none' if share == 0 else percent(share)} of {counted(n, noun)}{held}"


def see(
    samples: np.ndarray,
    truth: Truth,
    shape: tuple[int, ...],
    names: Sequence[str],
    axes: str | None = None,
    table: Schema | None = None,
) -> Seen:
    """Compare the columns of samples (n, d) with those of true rows of that shape and those axes; `names` are the columns of a table.

    Of a mixed `table`, the rows are codes.
    """
    true = truth.rows[:MOST]
    available = max(truth.available, len(true))
    if table is not None:
        return _see_cells(samples[:MOST], true, Cells(table, true), available)
    look = Look(shape, names, true, axes)
    x, y = look.of(samples[:MOST]), look.of(true)
    ends = np.stack([y.min(0), y.max(0)])
    return Seen(look.labels, compare_shares(x, y, LEVEL), compare_correlations(x, y, LEVEL / 3), ends, (x < 0).mean(0), available)


def _see_cells(samples: np.ndarray, true: np.ndarray, cells: Cells, available: int) -> Seen:
    """The same of a mixed table, as `Cells` looks at it."""
    x, y = cells.of(samples), cells.of(true)
    there = np.stack([(~np.isnan(side)).sum(0) for side in (x, y)])
    ends = np.stack([np.fmin.reduce(y, axis=0), np.fmax.reduce(y, axis=0)])  # of the cells that are there
    return Seen(
        cells.labels,
        compare_shares(x, y, LEVEL, cells.flags),
        compare_correlations(x, y, LEVEL / 3, cells.source),
        ends,
        (x < 0).sum(0) / np.maximum(there[0], 1),
        available,
        cells.terms,
        there,
        cells.said,
    )


def see_model(model: Model, samples: np.ndarray, truth: Truth, how: Sampling = DEFAULT) -> Seen:
    """Compare the columns of a model's samples (n, d), and of more if true rows are many and the network is small."""
    wanted = min(len(truth.rows), MOST) - len(samples)
    more = affordable(model.network, how.steps, CHEAP, 0, wanted) if wanted > 0 else 0
    if more:
        others = model.rows(more, how=replace(how, seed=how.seed + 1))
        samples = np.concatenate([samples, as_flat(others)])
    names = model.card.names or tuple(f"x{i}" for i in range(samples.shape[1]))
    return see(samples, truth, model.card.shape, names, model.card.axes, mixed_table(model))
