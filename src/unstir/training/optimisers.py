"""Optimisers: AdamW, and Muon, which turns the mean gradient of every matrix into one whose singular values are all about 1.

    M_k = M_{k-1} + (1 - mu) (G - M_{k-1}),   U = G + mu (M_k - G)                         mu = 0.95    (1)
    W <- (1 - lr decay) W - 0.2 lr sqrt(max(m, n)) orthogonal(U)                           U is (m, n)   (2)

Gradients of a layer have few large directions; (2) takes a step of the same length in all of them (Jordan et al. 2024). The factor of (2)
gives each update the usual size of one of AdamW's, so the same learning rate suits both (Liu et al. 2025, eq. 4). A convolution's kernel
(out, in, ...) is the matrix (out, in ...). Biases, and matrices with a side below `SMALLEST`, have no such directions: AdamW trains them.

`orthogonal` is the iteration of Newton and Schulz with Jordan's coefficients, X <- (a + b X X' + c (X X')^2) X. All its factors are polynomials
in the first X X', so they are multiplied as small (m, m) matrices, and X is multiplied once, at the end: kernels are often nine times as wide
as they are high.

    >>> U = torch.linalg.svd(orthogonal(torch.randn(3, 8, 72)))[1]
    >>> bool((0.6 < U).all() and (U < 1.3).all())
    True
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from unstir.training.recipe import ADAMW, MUON, Recipe

MOMENTS = ("exp_avg", "exp_avg_sq")
MOMENTUM, SIZE = 0.95, 0.2
ITERATIONS, COEFFICIENTS = 5, (3.4445, -4.7750, 2.0315)
SMALLEST = 8  # the shorter side of a matrix that Muon trains


class Optimiser(Protocol):
    """What the training loop needs of an optimiser: torch's own names."""

    param_groups: list[dict[str, Any]]
    state: Any

    def step(self) -> None:
        """Update the weights by their gradients."""

    def zero_grad(self) -> None:
        """Forget the gradients."""


def adamw(weights: Sequence[Tensor], recipe: Recipe) -> Optimiser:
    """AdamW with decays of 0.9 and 0.99 (Loshchilov & Hutter 2019)."""
    return torch.optim.AdamW(weights, lr=recipe.lr, betas=(0.9, 0.99), weight_decay=recipe.weight_decay, fused=True)


def deferred(optimiser: Optimiser, lr: Tensor, bad: Tensor) -> None:
    """Let the optimiser take its learning rate from the tensor `lr` (), and leave everything as it is where `bad` () is 1.

    Both stay in their places on the device of the weights, so its step can be captured.
    """
    for group in optimiser.param_groups:
        group |= {"lr": lr, "capturable": True}
    optimiser.found_inf = bad  # pyrefly: ignore  # torch looks for it there


def is_matrix(w: Tensor) -> bool:
    """Whether Muon trains this weight by (2)."""
    return w.ndim > 1 and min(len(w), w[0].numel()) >= SMALLEST


def moments_of(w: Tensor, recipe: Recipe) -> tuple[str, ...]:
    """What the recipe's optimiser remembers of this weight, under torch's names: of a matrix that Muon trains, only its mean gradient."""
    return MOMENTS[:1] if recipe.optimiser == MUON and is_matrix(w) else MOMENTS


class Muon:
    """Eq. (1) and (2) for the matrices among the weights, and AdamW for the others. `state` has `exp_avg`, M of (1), for a matrix."""

    def __init__(self, weights: Sequence[Tensor], recipe: Recipe):
        self.adamw, self.decay = adamw(weights, recipe), recipe.weight_decay
        self.param_groups, self.state = self.adamw.param_groups, self.adamw.state
        self.found_inf: Tensor | None = None
        self.alike: dict[torch.Size, list[Tensor]] = {}
        for w in weights:
            if is_matrix(w):
                self.alike.setdefault(w.flatten(1).shape, []).append(w)

    @torch.no_grad()
    def step(self) -> None:
        """Update all weights. Matrices of one shape are made orthogonal together."""
        lr, bad = self.param_groups[0]["lr"], self.found_inf
        lr = lr if bad is None else lr * (1 - bad)
        for (m, n), weights in self.alike.items():
            mine = [w for w in weights if w.grad is not None]
            if not mine:
                continue
            wanted = orthogonal(torch.stack([self._mean(w).flatten(1) for w in mine]))
            for w, U in zip(mine, wanted, strict=True):
                length = -SIZE * lr * max(m, n) ** 0.5
                w.mul_(1 - lr * self.decay)
                w.add_(U.view_as(w), alpha=length) if bad is None else w.addcmul_(U.view_as(w), length)
                w.grad = None
        self.adamw.found_inf = bad  # pyrefly: ignore
        self.adamw.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.adamw.zero_grad()

    def _mean(self, w: Tensor) -> Tensor:
        """U of (1), and one more gradient in the mean."""
        gradient, bad = w.grad, self.found_inf
        assert gradient is not None
        state = self.state[w]
        if "exp_avg" not in state:
            state |= {"step": torch.tensor(0.0, device=w.device), "exp_avg": torch.zeros_like(w)}
        if bad is None:
            state["step"] += 1
            share: float | Tensor = 1 - MOMENTUM
        else:
            state["step"] += 1 - bad
            gradient, share = torch.where(bad > 0, 0.0, gradient), (1 - MOMENTUM) * (1 - bad)
        return torch.lerp(gradient, state["exp_avg"].lerp_(gradient, share), MOMENTUM)


def orthogonal(X: Tensor) -> Tensor:
    """Matrices (..., m, n) with the singular vectors of X, and singular values between 0.65 and 1.2; those of X below 1e-3 stay smaller."""
    if X.shape[-2] > X.shape[-1]:
        return orthogonal(X.mT).mT
    X = X / X.norm(dim=(-2, -1), keepdim=True).clamp(min=torch.finfo(X.dtype).tiny)
    a, b, c = COEFFICIENTS
    G = X @ X.mT
    one = torch.eye(X.shape[-2], dtype=X.dtype, device=X.device)
    Q = one
    for _ in range(ITERATIONS):
        P = a * one + b * G + c * (G @ G)
        G, Q = P @ G @ P, P @ Q
    return Q @ X


OPTIMISERS: Mapping[str, Callable[[Sequence[Tensor], Recipe], Optimiser]] = {ADAMW: adamw, MUON: Muon}
"""The values of `Recipe.optimiser`."""
