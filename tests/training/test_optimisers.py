"""Optimisers against their papers' equations, written out."""

import pytest
import torch
from torch import nn

from unstir.errors import UsageError
from unstir.training.optimisers import OPTIMISERS, Muon, orthogonal
from unstir.training.recipe import Recipe


def plain(G, steps=5):
    """The iteration of Newton and Schulz as Jordan et al. print it."""
    a, b, c = 3.4445, -4.7750, 2.0315
    X = G / G.norm()
    X = X if X.shape[0] <= X.shape[1] else X.T
    for _ in range(steps):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X if G.shape[0] <= G.shape[1] else X.T


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (24, 24)])
def test_the_iteration_on_small_matrices_is_the_published_one(shape):
    """Catches a factor that is left out, factors of an older X X', and matrices that are higher than wide."""
    G = torch.randn(5, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * torch.logspace(0, -2, shape[1])
    ours = orthogonal(G)
    for one, other in zip(ours, G, strict=True):
        assert (one - plain(other)).abs().max() < 1e-10


def test_singular_vectors_stay_and_singular_values_are_about_one():
    """Catches a step along the gradient itself, whose small directions hardly move, and a matrix that is turned."""
    U, _, V = torch.linalg.svd(torch.randn(16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    made = U.T @ orthogonal(U @ torch.diag(torch.logspace(0, -2, 16, dtype=torch.float64)) @ V) @ V.T
    assert (made - torch.diag(made.diag())).abs().max() < 1e-9
    assert 0.65 < made.diag().min() <= made.diag().max() < 1.25
    assert torch.equal(orthogonal(torch.zeros(4, 9)), torch.zeros(4, 9))


def test_two_steps_of_muon_are_its_equations_and_all_other_weights_are_adamws():
    """Catches momentum without Nesterov's look ahead, a decay that is coupled, a factor for a square, and a bias that Muon takes."""

    def weights():
        torch.manual_seed(0)
        return [nn.Parameter(torch.randn(*shape, dtype=torch.float64)) for shape in ((12, 3, 3, 3), (20, 10), (7, 40), (30,))]

    recipe = Recipe(lr=0.01, weight_decay=0.1)
    ours, theirs = weights(), weights()
    muon, adamw = OPTIMISERS["muon"](ours, recipe), OPTIMISERS["adamw"](theirs, recipe)
    assert isinstance(muon, Muon)
    W, M = [w.detach().flatten(1).clone() for w in ours[:2]], [0, 0]
    for seed in (1, 2):
        torch.manual_seed(seed)
        G = [torch.randn_like(w) for w in ours]
        for w, v, g in zip(ours, theirs, G, strict=True):
            w.grad, v.grad = g.clone(), g.clone()
        muon.step()
        adamw.step()
        for i in range(2):
            g = G[i].flatten(1)
            M[i] = 0.95 * M[i] + 0.05 * g
            W[i] = (1 - 0.01 * 0.1) * W[i] - 0.2 * 0.01 * max(g.shape) ** 0.5 * plain(0.05 * g + 0.95 * M[i])
            assert (ours[i].flatten(1) - W[i]).abs().max() < 1e-10, i
        assert torch.equal(ours[2], theirs[2])
        assert torch.equal(ours[3], theirs[3])
        muon.zero_grad()
        assert all(w.grad is None for w in ours)


def test_weights_without_a_gradient_stay():
    """Catches a step of a layer that this batch did not use."""
    used, unused = (nn.Parameter(torch.ones(9, 9)) for _ in range(2))
    muon = OPTIMISERS["muon"]([used, unused], Recipe(weight_decay=0.1))
    used.grad = torch.eye(9)
    muon.step()
    assert torch.equal(unused, torch.ones(9, 9))
    assert not torch.equal(used, torch.ones(9, 9))


def test_muon_refuses_weights_that_are_split_up():
    """Catches an update that is made orthogonal in parts."""
    with pytest.raises(UsageError, match=r"needs whole matrices.*--optim.optimiser adamw"):
        Recipe(optimiser="muon", sharding="full")
