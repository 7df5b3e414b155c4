"""The categorical reading, for data with few levels: the network says how probable each level of each element is.

Each element is one of K levels l_k, and the answer F has K numbers for each element. With the share h_k of level k in the training rows,

    p_k = P(x_0 = l_k | x_t)  is proportional to  h_k exp(F_k) exp(-(x_t - alpha l_k)^2 / (2 sigma^2))  (1)
    x0_hat = sum_k p_k l_k,      variance = sum_k p_k (l_k - x0_hat)^2                                (2)

The last factor of (1) is what x_t says of its own element; it is known exactly, so the network has only to say what the other elements
say. Where it answers 0, (1) is Bayes' rule for independent elements. The levels are in the model's space, and each element may have its own.

(2) has its least squared error where the p_k are right or have the right mean; a loss of the levels themselves took as many bits in the
same time (docs/log.md), and would be no error of x0_hat, of which bounds and error curves are made.

If a *group* of elements is one of K, as the 0-1 columns of a category of a table are, (1) has one number for each of the K rows l_k that
the group can be, with the squared distance of the whole group in its last factor; the sum over k in (2) is then one for the group. Such a
reading is one more subclass: the network's `answers` are already one number for each of K columns.

Source: (1) and (2) are Bayes' rule for the channel x_t; a softmax over levels in a diffusion model is in Austin et al. 2021, section 3.

    >>> reading = LEVELS.fitted(torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), [torch.tensor([[1.0, -1.0], [1.0, 1.0]])])
    >>> reading.answers, reading.shares.shape
    (2, torch.Size([2, 2]))
    >>> nothing, one = torch.zeros(1, 2), torch.ones(())            # x_t = 0 says nothing, so what is known are the shares
    >>> p = reading.probabilities(torch.zeros(1, 2, 2), nothing, one, one)
    >>> print(p.allclose(reading.shares.float()))
    True
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unstir.diffusion.readings import Coefficients, OfRows, Read, Unfitted
from unstir.diffusion.schedules import along
from unstir.errors import UsageError

MOST_LEVELS = 64  # the network's answer, and what is kept of it for the gradient, is so many times as large as a row
PSEUDO = 1.0  # rows like the average of all elements, which are counted at each element, in units of the number of levels
CLOSEST = 1e-6  # noise below this, in parts of the signal, counts as this


class Levels(Unfitted):
    """The categorical reading before it is fitted: it knows no levels yet, so it can read nothing."""

    is_affine, needs_levels = False, True
    not_fitted = (
        "the categorical target knows its levels only when it has been fitted to data: train with it, or fit it yourself, "
        "dataclasses.replace(target, reading=target.reading.fitted(levels, rows))."
    )

    @property
    def answers(self) -> int:
        """Not known yet."""
        raise UsageError(self.not_fitted)

    def fitted(self, levels: Tensor | None, rows: Iterable[Tensor]) -> "Categorical":
        """Count how often each element of the rows is at each level, mixed with the shares of all elements together."""
        return _fitted(levels, rows)

    def outline(self, levels: int, space: tuple[int, ...]) -> tuple[int, dict[str, Any]]:
        """An answer for each level, and the shares."""
        return _checked(levels), {"shares": ((*space, levels), torch.float64)}

    def built(self, levels: Tensor | None, tensors: Mapping[str, Tensor]) -> "Categorical":
        """With the shares in `tensors`."""
        shares = tensors["shares"]
        if levels is None or not (shares > 0).all() or not torch.allclose(shares.sum(-1), torch.ones((), dtype=shares.dtype)):
            raise UsageError("target.shares has to be above 0, with a sum of 1 for each element")
        return Categorical(levels, shares)

    def tensors(self) -> dict[str, Tensor]:
        """None yet."""
        raise UsageError(self.not_fitted)

    def shown(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        """x itself."""
        return x


LEVELS = Levels()


@dataclass(frozen=True, eq=False)
class Categorical(OfRows):
    """K numbers for each element, eq. (1) and (2): levels (K, ...) float32 in the model's space, shares (..., K) float64, above 0."""

    levels: Tensor
    shares: Tensor

    is_affine, needs_levels = False, True

    @property
    def answers(self) -> int:
        """K."""
        return len(self.levels)

    def fitted(self, levels: Tensor | None, rows: Iterable[Tensor]) -> "Categorical":
        """The same for other rows."""
        return _fitted(levels, rows)

    def outline(self, levels: int, space: tuple[int, ...]) -> tuple[int, dict[str, Any]]:
        """As before it was fitted."""
        return LEVELS.outline(levels, space)

    def built(self, levels: Tensor | None, tensors: Mapping[str, Tensor]) -> "Categorical":
        """As before it was fitted."""
        return LEVELS.built(levels, tensors)

    def tensors(self) -> dict[str, Tensor]:
        """The shares. The levels are known from the data."""
        return {"shares": self.shares}

    def probabilities(self, F: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Eq. (1) for answers F (B, ..., K) to x (B, ...): (B, ..., K). All of x, alpha and sigma may be multiplied by the same number.

        Raises UsageError if the network has not answered K numbers for each element.
        """
        if F.shape != (*x.shape, self.answers):
            raise UsageError(
                f"the categorical target needs a network that returns {self.answers} numbers for each element, {(*x.shape, self.answers)} "
                f"for rows x of {tuple(x.shape)}; this one returned {tuple(F.shape)}. Give it the argument answers, or use another --target."
            )
        F, noise = (
            F.to(x.dtype),
            torch.maximum(sigma, CLOSEST * alpha),
        )  # a network in bfloat16 answers in it, and distances need more
        away = (x[..., None] - along(alpha, F) * self._levels(x)) / along(noise, F)
        return (self.shares.log().to(x) + F - away.square() / 2).softmax(-1)

    def shown(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        """x itself."""
        return x

    def read(self, F: Tensor, x: Tensor, c: Coefficients, alpha: Tensor, sigma: Tensor) -> Read:  # noqa: ARG002
        """Eq. (2)."""
        p, levels = self.probabilities(F, x, alpha, sigma), self._levels(x)
        mean = (p * levels).sum(-1)
        return Read(mean, (p * (levels - mean[..., None]).square()).sum(-1))

    def compared(self, F: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """x0_hat."""
        return (self.probabilities(F, x, alpha, sigma) * self._levels(x)).sum(-1)

    def _levels(self, x: Tensor) -> Tensor:
        """The levels of each element, (..., K), in the type and on the device of x."""
        return self.levels.movedim(0, -1).to(x)


def _fitted(levels: Tensor | None, rows: Iterable[Tensor]) -> Categorical:
    """Shares by counting, with `PSEUDO` K rows that are distributed like all elements together, of which each level has at least one row."""
    K = _checked(0 if levels is None else len(levels))
    assert levels is not None
    held = levels.float().flatten(1)  # (K, d)
    middles = ((held[1:] + held[:-1]) / 2).mT.contiguous()  # (d, K - 1)
    counts = torch.zeros(held.shape[1], K, dtype=torch.float64)
    for part in rows:
        nearest = torch.searchsorted(middles, part.flatten(1).mT.contiguous())  # (d, n)
        counts.scatter_add_(1, nearest, torch.ones((), dtype=torch.float64).expand(nearest.shape))
    together = counts.sum(0) + 1
    shares = counts + PSEUDO * K * together / together.sum()
    return Categorical(levels.float(), (shares / shares.sum(1, keepdim=True)).view(*levels.shape[1:], K))


def _checked(levels: int) -> int:
    """The number of levels. Raises UsageError for none, and for too many."""
    if not levels:
        raise UsageError(
            "the categorical target is for data with few levels, in which every number is whole, such as digits of 0 to 16; this data has "
            "numbers of any kind. Use another --diffusion.target, or round the data."
        )
    if levels > MOST_LEVELS:
        raise UsageError(
            f"this data has {levels} levels, and the categorical target is for {MOST_LEVELS} at most: its network returns a number for "
            f"each level of each element. Use another --diffusion.target, or coarser levels, such as x // {-(-levels // MOST_LEVELS)}."
        )
    return levels
