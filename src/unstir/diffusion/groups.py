"""The reading for rows of mixed kinds: some elements are numbers, and others form groups of which one is true, such as the categories of a
table. The network answers one number F_i for each element i.

A group is in one of K states. State k is written with a scale s and a shift c: its element k is s - c_k, each other element j is -c_j. With
the share h_k of state k in the training rows,

    p_k = P(state k | x_t)  is proportional to  h_k exp(F_k) exp(-|x_group - alpha l_k|^2 / (2 sigma^2)),   l_k = s e_k - c       (1)
    x0_hat of element k = s p_k - c_k                                                                 (2)

The last factor of (1) is what x_t says of its own group; up to a factor that all k share, it is exp(alpha s (x_k + alpha c_k) / sigma^2).
The network has only to say what the rest of the row says. Where it answers 0, (1) is Bayes' rule for independent groups. In place of the
noisy elements of a group it is shown what they say,

    log(p_k / h_k) / 3    with F = 0 in (1), between -2 and 2                                         (5)

which is all that they say, whatever the noise, and adds up: where an education takes 13 years, F_k of the education is three times (5) of
13 years. With the noisy elements themselves it would have to answer numbers that grow as 1 / sigma^2 (docs/log.md).

    x0_hat of a number = (alpha x + sigma N F) / N^2,    N^2 = alpha^2 + sigma^2          (the target edm)  (3)

A number that takes some values again and again, its *atoms*, or that may be missing, has a group beside it: one state says that it is any
number, each other state k fixes it at z_k. Then the answer F tells what it is if it is any number:

    x0_hat of such a number = p_any (alpha x + sigma N F) / N^2 + sum_k p_k z_k                                 (4)

Sources: (1) and (2) are Bayes' rule for the channel x_t, as in `unstir.diffusion.categorical`; (3) is Karras et al. 2022, table 1.

    >>> states = States.of([2], [0.25, 0.75], scale=[1.0, 1.0], shift=[0.0, 0.0])            # one group of two states
    >>> reading = TABLE.fitted(states, ())
    >>> one = torch.ones(())
    >>> reading.read(torch.zeros(1, 2), torch.zeros(1, 2), None, 1e-9 * one, one).mean.tolist()  # x_t says nothing: the shares
    [[0.25, 0.75]]
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from unstir.diffusion.readings import OfRows, Read, Reading, Unfitted
from unstir.diffusion.schedules import along
from unstir.errors import UsageError

CLOSEST = 1e-5  # noise below this, in parts of the signal, counts as this
CLEAREST, SHOWN = 6.0, 3.0  # of the logarithm in (5): its bound, and by how much it is divided
NONE = -1  # of no group
TOGETHER = 64  # groups that are added up by one product of matrices


@dataclass(frozen=True, eq=False)
class States:
    """Which of the E elements of a row form groups, and how their states are written: `scale` and `shift`, (E,), and shares `share` (E,).

    `group` (E,) is the number of the group of each element, -1 for a number; groups are numbered from 0 in the order of their elements, which
    lie one after another but for numbers between them. `any_of` (E,) is, for a number with a group beside it, the element that says "any
    number", else -1. `fixes` (E,) is, for any other state of such a group, the number that it fixes, else -1; `fixed` (E,) is the value to
    which it does, else 0. Scale, shift and share of a number are 1, 0 and 1.
    """

    group: Tensor
    share: Tensor
    scale: Tensor
    shift: Tensor
    any_of: Tensor
    fixes: Tensor
    fixed: Tensor

    @classmethod
    def of(cls, sizes: Sequence[int], share: Sequence[float], scale: Sequence[float], shift: Sequence[float]) -> "States":
        """Groups of these sizes that lie one after another, without numbers."""
        group = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
        none = torch.full_like(group, NONE)
        h, s, c = (torch.tensor(part, dtype=torch.float64) for part in (share, scale, shift))
        return cls(group, h, s, c, none, none, torch.zeros(len(group), dtype=torch.float64))

    def __len__(self) -> int:
        """E."""
        return len(self.group)

    @cached_property
    def in_group(self) -> Tensor:
        """The elements of groups."""
        return (self.group != NONE).nonzero().flatten()

    @cached_property
    def written(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of the elements of groups, in the order of `in_group`: log h, s, c of (1), and z_k of (4)."""
        return self.share[self.in_group].log(), self.scale[self.in_group], self.shift[self.in_group], self.fixed[self.in_group]

    @cached_property
    def blocks(self) -> list[tuple[slice, Tensor]]:
        """Some groups after another, at most `TOGETHER`: where their elements are among those of groups, and to which each belongs.

        The tensor is (elements, groups of the block), 1 where an element belongs to the group, else 0.
        """
        of, found = self.group[self.in_group], []
        count = int(of.max()) + 1 if len(of) else 0
        for first in range(0, max(count, 1), TOGETHER):
            own = torch.arange(first, min(first + TOGETHER, count), device=of.device)
            start, stop = torch.searchsorted(of, torch.tensor([first, first + TOGETHER], device=of.device)).tolist()
            found.append((slice(start, stop), (of[start:stop, None] == own).float()))
        return found

    @cached_property
    def groups(self) -> int:
        """The number of groups."""
        return sum(belongs.shape[1] for _, belongs in self.blocks)

    def sums(self, x: Tensor) -> Tensor:
        """The sum over each group: of x (B, elements of groups), (B, groups)."""
        return torch.cat([x[:, part] @ belongs.to(x) for part, belongs in self.blocks], 1)

    def totals(self, x: Tensor) -> Tensor:
        """For each element of groups, the sum over its group: x and answer (B, elements of groups)."""
        return self.sums(x).gather(1, self.group[self.in_group].expand_as(x))

    def highest(self, x: Tensor) -> Tensor:
        """For each element of groups, the largest of its group: x and answer (B, elements of groups)."""
        of = self.group[self.in_group].expand_as(x)
        return x.new_full((len(x), self.groups), -torch.inf).scatter_reduce(1, of, x, "amax").gather(1, of)

    def any_number(self, p: Tensor) -> Tensor:
        """The probability that each number is any number, from those of the states (B, elements of groups): (B, numbers)."""
        return pad(p, (0, 1), value=1.0)[:, self.beside[0]]

    def of_atoms(self, p: Tensor) -> Tensor:
        """What atoms add to the mean of each number, by (4): (B, numbers)."""
        return pad(self.sums(p * self.written[3]), (0, 1))[:, self.beside[1]]

    @cached_property
    def numbers(self) -> Tensor:
        """The elements that are numbers."""
        return (self.group == NONE).nonzero().flatten()

    @cached_property
    def beside(self) -> tuple[Tensor, Tensor]:
        """For each number, which of the elements of groups says "any number", and the group beside it: (numbers,) each.

        For a number without a group beside it, both are one more than the last.
        """
        any_of = self.any_of[self.numbers]
        says = torch.where(any_of == NONE, len(self.in_group), torch.searchsorted(self.in_group, any_of))
        return says, torch.where(any_of == NONE, self.group.max() + 1, self.group[any_of])

    @cached_property
    def places(self) -> Tensor:
        """Where each element is among the elements of groups, followed by the numbers: (E,)."""
        return torch.cat([self.in_group, self.numbers]).argsort()


class Columns(Unfitted):
    """The reading of tables before it is fitted: it knows no groups yet, so it can read nothing."""

    answers, is_affine, needs_levels, needs_states = 1, False, False, True
    not_fitted = (
        "the target table knows its groups only when it has been fitted to data: train with it, or fit it yourself, "
        "dataclasses.replace(target, reading=target.reading.fitted(encoder.states, rows))."
    )

    def fitted(self, levels: Any, rows: Iterable[Tensor]) -> "Grouped":  # noqa: ARG002
        """With the `States` of the encoder; its shares are counted there."""
        return Grouped(levels)

    def outline(self, levels: int, space: tuple[int, ...]) -> tuple[int, dict[str, Any]]:  # noqa: ARG002
        """One answer, no tensors: all that it knows are the encoder's states."""
        return self.answers, {}

    def built(self, levels: Any, tensors: Mapping[str, Tensor]) -> "Grouped":  # noqa: ARG002
        """With the `States` of the encoder."""
        return Grouped(levels)

    def tensors(self) -> dict[str, Tensor]:
        """None."""
        return {}

    def shown(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        """Not before it is fitted."""
        raise UsageError(self.not_fitted)


TABLE = Columns()


@dataclass(frozen=True, eq=False)
class Grouped(OfRows):
    """Eq. (1) to (4) for the groups of `states`; `never` (E,) bool are states that are known not to be true, None for none."""

    states: States
    never: Tensor | None = None

    answers, is_affine, needs_levels, needs_states = 1, False, False, True

    def fitted(self, levels: Any, rows: Iterable[Tensor]) -> "Grouped":
        """As before it was fitted."""
        return TABLE.fitted(levels, rows)

    def outline(self, levels: int, space: tuple[int, ...]) -> tuple[int, dict[str, Any]]:
        """As before it was fitted."""
        return TABLE.outline(levels, space)

    def built(self, levels: Any, tensors: Mapping[str, Tensor]) -> "Grouped":
        """As before it was fitted."""
        return TABLE.built(levels, tensors)

    def tensors(self) -> dict[str, Tensor]:
        """None: the states are the encoder's."""
        return {}

    def shown(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Eq. (5): numbers as they are, and of each group what it says itself."""
        states = self._on(x)
        p = self._softmax(self._known(x, alpha, sigma)).clamp(min=math.exp(-2 * CLEAREST))
        says = (p.log() - states.written[0]).clamp(-CLEAREST, CLEAREST) / SHOWN
        return torch.cat([says, x[:, states.numbers]], 1)[:, states.places]

    def probabilities(self, F: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Eq. (1) for answers F to x, (B, E) both: (B, elements of groups). x, alpha and sigma may all be multiplied by the same number.

        Raises UsageError if rows have another number of elements.
        """
        if F.shape != x.shape:
            raise UsageError(
                f"the target table is for a network that answers one number for each element; rows are {tuple(x.shape)}, and the answer is "
                f"{tuple(F.shape)}."
            )
        return self._softmax(self._known(x, alpha, sigma) + F.to(x.dtype)[:, self._on(x).in_group])

    def _known(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """The logarithm of (1) without F, up to a number that the states of a group share: (B, elements of groups)."""
        states = self._on(x)
        if x.shape[1:] != (len(states),):
            raise UsageError(f"the target table is for rows of {len(states)} elements here; the rows are {tuple(x.shape)}.")
        log_share, scale, shift, _ = states.written
        noise = along(torch.maximum(sigma, CLOSEST * alpha), x)
        signal = along(alpha, x) / noise
        logits = log_share + signal * scale * (x[:, states.in_group] / noise + signal * shift)
        return logits if self.never is None else logits.masked_fill(self.never.to(x.device)[states.in_group], -torch.inf)

    def _softmax(self, logits: Tensor) -> Tensor:
        """Probabilities (B, elements of groups) whose sum is 1 in each group."""
        states = self._on(logits)
        part = (logits - states.highest(logits.detach())).exp()
        return part / states.totals(part)

    def read(self, F: Tensor, x: Tensor, c: Any, alpha: Tensor, sigma: Tensor) -> Read:  # noqa: ARG002
        """Eq. (2) to (4); the variance of a number is not known."""
        return Read(self.compared(F, x, alpha, sigma), None)

    def compared(self, F: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """x0_hat."""
        p, states = self.probabilities(F, x, alpha, sigma), self._on(x)
        _, scale, shift, _ = states.written
        a, s = along(alpha, x), along(sigma, x)
        power = a * a + s * s
        any_number = (a * x[:, states.numbers] + s * power.sqrt() * F.to(x.dtype)[:, states.numbers]) / power  # (3)
        number = states.any_number(p) * any_number + states.of_atoms(p)  # (4)
        return torch.cat([scale * p - shift, number], 1)[:, states.places]  # (2)

    def _on(self, x: Tensor) -> States:
        """The states on the device and in the type of x; they are copied once for each."""
        key = x.device, x.dtype
        if key not in self._held:
            self._held[key] = _to(self.states, *key)
        return self._held[key]

    @cached_property
    def _held(self) -> dict[tuple[torch.device, torch.dtype], States]:
        return {}


def without(reading: Reading, never: Tensor) -> Reading:
    """The reading given that these states, (E,) bool, are not true; any reading that knows no states is itself."""
    return Grouped(reading.states, never) if isinstance(reading, Grouped) and never.any() else reading


def _to(states: States, device: torch.device, dtype: torch.dtype) -> States:
    held = {one.name: getattr(states, one.name).to(device) for one in fields(states)}
    return replace(states, **{name: part.to(dtype) if part.is_floating_point() else part for name, part in held.items()})
