"""Readings: how an estimate of the clean data is made from what a network answers. A target has one.

affine         the answer F has one number for each element, and x_0 is affine in it and in x_t:

    x0_hat = c_skip x_t + c_out F                                                                     (1)
    F = ((1 - alpha c_skip) x_0 - sigma c_skip eps) / c_out           is the answer that makes x0_hat = x_0 (2)

categorical    the answer has a number for each level of each element, and tells their probabilities: `unstir.diffusion.categorical`
table          numbers as in (1), and groups of elements of which one is true: `unstir.diffusion.groups`

All are trained by the squared error of x0_hat, because its integral over the noise levels is what a row takes in nats
(`unstir.information`).

A reading of your own is a subclass of `Reading`, and a target with it: `Target("mine", EDM.coefficients, reading=Mine())`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from unstir.diffusion.schedules import along
from unstir.errors import UsageError


class Coefficients(NamedTuple):
    """The three numbers of a target at each time, float64, the shape of t: c_in x_t is what the network sees; c_skip and c_out as in (1)."""

    c_in: Tensor
    c_skip: Tensor
    c_out: Tensor


class Read(NamedTuple):
    """What is read from an answer: the mean of each element, and its variance (B, ...), or None where the answer does not tell it."""

    mean: Tensor
    variance: Tensor | None


class Reading(ABC):
    """How x0_hat is made from a network's answer, and what the answer should be. x, x0 and eps are (B, ...), the coefficients () or (B,)."""

    @property
    @abstractmethod
    def answers(self) -> int:
        """How many numbers the network answers for each element; more than 1 are the answer's last axis."""

    @property
    @abstractmethod
    def is_affine(self) -> bool:
        """Whether x0_hat is (1)."""

    @property
    @abstractmethod
    def needs_levels(self) -> bool:
        """Whether it is only for data whose elements take few values."""

    needs_states: ClassVar[bool] = False
    """Whether it is only for rows whose encoder says which elements form groups; its "levels" are then the encoder's `groups.States`."""

    @abstractmethod
    def fitted(self, levels: Any, rows: Iterable[Tensor]) -> "Reading":
        """The reading for training rows, which come in parts (n, ...), all in the model's space; levels (K, ...) rise, None for none.

        Raises UsageError if it is not for such data.
        """

    @abstractmethod
    def outline(self, levels: int, space: tuple[int, ...]) -> tuple[int, dict[str, tuple[tuple[int, ...], torch.dtype]]]:
        """`answers` and the tensors of a fitted reading for so many levels (0 for none) and rows of shape `space`: shapes and types.

        Raises UsageError if it is not for such data.
        """

    @abstractmethod
    def built(self, levels: Any, tensors: Mapping[str, Tensor]) -> "Reading":
        """The fitted reading that had these `tensors()`. Raises UsageError for values that none can have."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What was fitted, by name."""

    @abstractmethod
    def shown(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """What the network is shown of x, which is c_in x_t; alpha and sigma are multiplied by c_in, too."""

    @abstractmethod
    def read(self, F: Tensor, x: Tensor, c: Coefficients, alpha: Tensor, sigma: Tensor) -> Read:
        """What the answer F to x_t = x says of x_0."""

    @abstractmethod
    def wanted(self, x0: Tensor, eps: Tensor, c: Coefficients, alpha: Tensor, sigma: Tensor) -> Tensor:
        """What `compared` should be: (B, ...)."""

    @abstractmethod
    def compared(self, F: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """What of the answer F to x is compared with `wanted` in training; x, alpha and sigma may all be multiplied by the same number."""

    @abstractmethod
    def scale(self, c: Coefficients) -> Tensor:
        """By how much an error of `compared` is multiplied in x0_hat."""


class Affine(Reading):
    """One number for each element, eq. (1)."""

    answers, is_affine, needs_levels = 1, True, False

    def fitted(self, levels: Tensor | None, rows: Iterable[Tensor]) -> Reading:  # noqa: ARG002
        """Itself: there is nothing to fit."""
        return self

    def outline(self, levels: int, space: tuple[int, ...]) -> tuple[int, dict[str, Any]]:  # noqa: ARG002
        """One answer, no tensors."""
        return self.answers, {}

    def built(self, levels: Tensor | None, tensors: Mapping[str, Tensor]) -> Reading:  # noqa: ARG002
        """Itself."""
        return self

    def tensors(self) -> dict[str, Tensor]:
        """None."""
        return {}

    def shown(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        """x itself."""
        return x

    def read(self, F: Tensor, x: Tensor, c: Coefficients, alpha: Tensor, sigma: Tensor) -> Read:  # noqa: ARG002
        """Eq. (1); the variance is not known."""
        return Read(along(c.c_skip, x) * x + along(c.c_out, x) * F, None)

    def wanted(self, x0: Tensor, eps: Tensor, c: Coefficients, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Eq. (2)."""
        return along((1 - alpha * c.c_skip) / c.c_out, x0) * x0 - along(sigma * c.c_skip / c.c_out, x0) * eps

    def compared(self, F: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        """The answer itself."""
        return F

    def scale(self, c: Coefficients) -> Tensor:
        """c_out."""
        return c.c_out


AFFINE = Affine()


class OfRows(Reading):
    """A reading that is no affine one: in training, x0_hat itself is compared with the clean rows."""

    is_affine = False

    def wanted(self, x0: Tensor, eps: Tensor, c: Coefficients, alpha: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        """The clean rows."""
        return x0

    def scale(self, c: Coefficients) -> Tensor:
        """1."""
        return torch.ones_like(c.c_out)


class Unfitted(OfRows):
    """A reading that has to be fitted to rows before it can read anything; `not_fitted` is the sentence that says so."""

    not_fitted: ClassVar[str]

    def read(self, F: Tensor, x: Tensor, c: Coefficients, alpha: Tensor, sigma: Tensor) -> Read:  # noqa: ARG002
        """Not before it is fitted."""
        raise UsageError(self.not_fitted)

    def compared(self, F: Tensor, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:  # noqa: ARG002
        """Not before it is fitted."""
        raise UsageError(self.not_fitted)
