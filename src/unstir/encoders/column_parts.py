"""What one column of a table becomes in the model's space, `Part`: a score, a group of states, both, or nothing. See `unstir.encoders.table`.

>>> from unstir.data.tables.column import Column
>>> hours = np.repeat([40.0, 20.0, 25.5, 38.25, 60.0], [60, 10, 10, 10, 10]) + np.arange(100) * np.r_[[0] * 60, [0.01] * 40]
>>> part = part_of(Column("hours", "number"), hours)
>>> part.codes.tolist(), part.width                                 # any number, or exactly 40
([0.0, 40.0], 3)
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from unstir.encoders.scores import Scores

if TYPE_CHECKING:
    from unstir.data.tables.column import Column

ATOM, ATOMS = 0.05, 8  # an atom has that share of the numbers at least; so many atoms at most
OFTEN = 20  # rows of an atom at least, and of a value in a column of few values on average
FEW = 20  # values of a column of numbers that become states, all of them
FARTHEST = 2.0  # the score of an atom at most, before scores are standardised, without gaps between clusters
PSEUDO = 0.5  # rows that are counted for each state besides those that have it
NARROWEST = 0.2  # the scale of a number at least: of one that nearly all rows have at an atom


@dataclass(frozen=True)
class Part:
    """One column: `scores` of its numbers or None, the `codes` and `shares` of its states (K,), and `constant`, the code without elements.

    With scores, state 0 is "any number". If cells are `missing`, the last state is that; codes of these two mean nothing. A score is
    shifted and scaled.
    """

    scores: Scores | None
    codes: np.ndarray
    shares: np.ndarray
    missing: bool
    constant: float
    shift: float = 0.0
    scale: float = 1.0

    @property
    def width(self) -> int:
        """The number of elements."""
        return int(self.scores is not None) + len(self.codes)

    @property
    def knots(self) -> int:
        """The number of knots of the scores."""
        return 0 if self.scores is None else len(self.scores.x)

    @property
    def ends(self) -> list[float]:
        """The smallest and the largest code."""
        found = [*self.codes[self._values]]
        found += [] if self.scores is None else [self.scores.x[0], self.scores.x[-1]]
        return [float(min(found)), float(max(found))] if found else [self.constant]

    @property
    def _values(self) -> slice:
        """Which states have a code."""
        return slice(int(self.scores is not None), len(self.codes) - int(self.missing))

    @cached_property
    def fixed(self) -> np.ndarray:
        """At what each state fixes the number, (K,): an atom at its score, "missing" at 0."""
        held = np.zeros(len(self.codes))
        if self.scores is not None:
            score = self.scores.middle(self.codes[self._values]).clip(-FARTHEST, FARTHEST + self.scores.apart)
            held[self._values] = (score - self.shift) / self.scale
        return held

    def scale_of_states(self, most: float) -> float:
        """s of eq. (3) of `table`."""
        return float(min(most, 1 / np.sqrt(max(1 - np.square(self.shares).sum(), 1e-12)))) if len(self.shares) else 1.0

    def state_of(self, codes: np.ndarray) -> np.ndarray:
        """The number of the state of each code (n,)."""
        values, first = self.codes[self._values], self._values.start
        order = np.argsort(values)
        if self.scores is None:
            middles = (values[order][1:] + values[order][:-1]) / 2
            state = order[np.searchsorted(middles, codes)] if len(values) else np.zeros(len(codes), int)
        else:
            at = np.searchsorted(values[order], codes).clip(0, max(len(values) - 1, 0))
            state = np.where(values[order][at] == codes, first + order[at], 0) if len(values) else np.zeros(len(codes), int)
        return np.where(np.isnan(codes), len(self.codes) - 1, state) if self.missing else state

    def encode(self, codes: np.ndarray, h: np.ndarray, most: float, z: np.ndarray) -> None:
        """Write the elements of codes (n,) into z (n, width); h (n,) in [0, 1) places values in their intervals."""
        if not self.width:
            return
        state = self.state_of(codes) if len(self.codes) else np.zeros(len(codes), int)
        if self.scores is not None:
            number = (self.scores.encode(np.nan_to_num(codes), h) - self.shift) / self.scale
            z[:, 0] = np.where(state > 0, self.fixed[state], number) if len(self.codes) else number
        if len(self.codes):
            scale = self.scale_of_states(most)
            own = z[:, self.width - len(self.codes) :]
            own[:] = -scale * self.shares
            own[np.arange(len(codes)), state] += scale

    def decode(self, z: np.ndarray, most: float, complete: bool) -> np.ndarray:
        """The codes (n,) of elements z (n, width), of the state that is nearest; "missing" is none of them if they are `complete`."""
        if not self.width:
            return np.full(len(z), np.nan if self.missing else self.constant)
        state, codes = np.zeros(len(z), int), np.empty(len(z))
        if len(self.codes):
            own = z[:, self.width - len(self.codes) :]
            possible = len(self.codes) - int(self.missing and complete)
            state = (own + self.scale_of_states(most) * self.shares)[:, :possible].argmax(1)
            codes = self.codes[state]
        if self.scores is not None:
            codes = np.where(state == 0, self.scores.decode(z[:, 0] * self.scale + self.shift), codes)
        return np.where(state == len(self.codes) - 1, np.nan, codes) if self.missing else codes


def has_states(numbers: np.ndarray) -> bool:
    """Whether values of a column of numbers (n,), none missing, become states: it has few values, or atoms.

    >>> has_states(np.repeat([0.0, 1.0], 20)), has_states(np.arange(400) / 7), has_states(np.r_[[0.0] * 20, np.arange(1, 401) / 7])
    (True, False, False)
    """
    values, counts = np.unique(numbers, return_counts=True)
    return len(values) > 1 and (_are_few(counts) or len(_atoms(counts)) > 0)


def part_of(column: "Column", codes: np.ndarray) -> Part:
    """The part of a column whose cells have these codes (N,), NaN where they are missing."""
    held = codes[~np.isnan(codes)]
    missing = len(held) < len(codes) or column.missing
    gaps = len(codes) - len(held)
    if column.values and column.kind != "constant":
        states = np.arange(len(column.values), dtype=float)
        return _group(states, np.bincount(held.astype(int), minlength=len(states)), gaps, missing)
    values, counts = np.unique(held, return_counts=True)
    if len(values) <= 1 and not gaps:
        return _alone(float(values[0]) if len(values) else 0.0, not len(values))
    if _are_few(counts) or len(values) <= 1:
        return _group(values, counts, gaps, missing) if len(values) else _alone(0.0, True)
    often = _atoms(counts)
    atoms, rest = values[often], held[~np.isin(held, values[often])]
    scores = Scores.fit(rest)
    codes_of, numbers = np.r_[0.0, atoms, [0.0] * missing], np.r_[len(rest), counts[often], [gaps] * missing]
    states = len(atoms) > 0 or missing
    part = Part(scores, codes_of if states else codes_of[:0], _shares(numbers) if states else _shares(numbers)[:0], missing, 0.0)
    return _standardised(part, codes)


def _are_few(counts: np.ndarray) -> bool:
    """Whether values that are there so often (K,) are few enough for all to be states."""
    return len(counts) <= FEW and int(counts.sum()) >= OFTEN * len(counts)


def _atoms(counts: np.ndarray) -> np.ndarray:
    """Which of the values that are there so often (K,) are atoms: at most `ATOMS`, the most frequent, in the order of their values."""
    often = np.flatnonzero((counts >= ATOM * counts.sum()) & (counts >= OFTEN))
    return np.sort(often[np.argsort(-counts[often], kind="stable")[:ATOMS]])


def _group(values: np.ndarray, counts: np.ndarray, gaps: int, missing: bool) -> Part:
    if missing:
        values, counts = np.r_[values, 0.0], np.r_[counts, gaps]
    return _alone(float(values[0]), False) if len(values) < 2 else Part(None, values, _shares(counts), missing, 0.0)


def _alone(code: float, missing: bool) -> Part:
    return Part(None, np.empty(0), np.empty(0), missing, code)


def _shares(counts: np.ndarray) -> np.ndarray:
    return (counts + PSEUDO) / (counts + PSEUDO).sum()


def _standardised(part: Part, codes: np.ndarray) -> Part:
    """The same part, with its number shifted and scaled to mean 0 and variance 1 over all cells that are not missing."""
    held = codes[~np.isnan(codes)]
    z = np.empty((len(held), part.width), np.float32)
    part.encode(held, np.linspace(0, 1, len(held) + 2)[1:-1], 1.0, z)
    spread = max(float(z[:, 0].std(dtype=np.float64)), NARROWEST)
    return replace(part, shift=float(z[:, 0].mean(dtype=np.float64)), scale=spread)
