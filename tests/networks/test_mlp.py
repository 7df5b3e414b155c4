"""The multilayer perceptron: what it must and must not depend on."""

import pytest
import torch

from unstir.conditions.classes import Classes
from unstir.networks.mlp import MLP


def classes(k):
    return Classes(tuple(map(str, range(k))), (1,) * k)


def awake(seed=0, **kw):
    """A network whose last layer is not zero, so that there is an answer to compare."""
    torch.manual_seed(seed)
    network = MLP(**kw)
    torch.nn.init.normal_(network.leave.weight)
    return network


def rows(n=8, *shape):
    return torch.randn(n, *(shape or (3,)), generator=torch.Generator().manual_seed(0))


def test_an_untrained_network_answers_zero_and_can_still_learn():
    # Catches a last layer that starts at random, and one whose input is zero too, which would never get a gradient.
    torch.manual_seed(0)
    network = MLP(3)
    F = network(rows(), torch.linspace(0, 1, 8))
    assert (F == 0).all()
    (F - 1).square().sum().backward()
    assert network.leave.weight.grad.abs().max() > 0
    assert all(p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("shape", [(3,), (1,), (2, 2), (1, 4, 3)])
def test_the_answer_has_the_shape_of_the_row(shape):
    x = rows(5, *shape)
    assert awake(dimension=x[0].numel())(x, torch.rand(5)).shape == x.shape


def test_one_time_for_all_rows_is_that_time_in_each():
    # The sampler passes t (1,), training t (B,). Catches a time broadcast along the features.
    network, x = awake(dimension=3), rows()
    torch.testing.assert_close(network(x, torch.tensor([0.3])), network(x, torch.full((8,), 0.3)), rtol=1e-5, atol=1e-5)


def test_permuting_the_batch_permutes_the_answer():
    """Truth 22: a row's answer depends on that row alone, not on its neighbours or on how many there are.

    Catches normalisation over the batch.
    """
    network, x, t = awake(dimension=3, condition=classes(4)), rows(), torch.linspace(0, 1, 8)
    cond, order = torch.arange(8) % 5, torch.randperm(8, generator=torch.Generator().manual_seed(1))
    whole = network(x, t, cond)
    torch.testing.assert_close(network(x[order], t[order], cond[order]), whole[order], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(network(x[2:3], t[2:3], cond[2:3]), whole[2:3], rtol=1e-5, atol=1e-5)


def test_every_time_looks_different():
    # Catches whole turns only, under which t = 0 (data) and t = 1 (noise) are the same to the network, and slow waves only,
    # under which neighbours of a chain of 1000 steps are.
    network, x = awake(dimension=3), rows(1).expand(1001, 3)
    F = network(x, torch.linspace(0, 1, 1001))
    gaps = torch.cdist(F, F) + 1e9 * torch.eye(1001)
    assert gaps.min() > 1e-4
    assert gaps[0, -1] > 0.1


def test_no_condition_is_the_class_after_the_last():
    # Guidance trains and asks for it by either name. Catches class 0 used for "none", and a condition that is ignored.
    network, x, t = awake(dimension=3, condition=classes(4)), rows(), torch.tensor([0.5])
    none = network(x, t)
    torch.testing.assert_close(network(x, t, torch.full((8,), 4)), none)
    answers = [network(x, t, torch.full((8,), k)) for k in range(5)]
    assert all((a - b).abs().max() > 1e-3 for i, a in enumerate(answers) for b in answers[:i])


def test_octaves_let_it_see_small_distances():
    # docs/log.md: without sinusoids of the coordinates the swiss roll stays a blob. Catches frequencies that do not double.
    x = torch.tensor([[0.0], [0.02]])
    answers = {k: awake(dimension=1, octaves=k)(x, torch.tensor([0.5])).detach() for k in (0, 8)}
    assert (answers[8][1] - answers[8][0]).norm() > 2 * (answers[0][1] - answers[0][0]).norm()
    torch.testing.assert_close(MLP(1, octaves=5).frequency, torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0]))


def test_only_what_was_learnt_is_saved():
    # Frequencies are a formula, not a parameter. Catches files that would pin them.
    assert not any("frequency" in name for name in MLP(2, condition=classes(3)).state_dict())
