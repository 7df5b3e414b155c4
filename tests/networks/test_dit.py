"""The transformer: a second network for what lies in space, and the laws that every network here keeps."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import unstir
from commands import run
from unstir.conditions.classes import Classes
from unstir.errors import UsageError
from unstir.networks.building import make_network
from unstir.networks.dit import DiT, positions

pytestmark = pytest.mark.usefixtures("brief")

SHAPES = [((8, 8), None), ((17, 23), None), ((1, 11, 13), 0), ((6, 5, 3), -1), ((37, 3), -1), ((2, 1), 0)]
SMALL = {"width": 32, "depth": 2}


def classes(k):
    return Classes(tuple(map(str, range(k))), (1,) * k)


def awake(shape=(6, 7), channel_axis=None, seed=0, **kw):
    """A network none of whose layers is zero."""
    torch.manual_seed(seed)
    network = DiT(shape, channel_axis, **(SMALL | kw))
    for weight in network.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.1)
    return network


def rows(n, *shape):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(0))


def test_an_untrained_network_answers_zero_and_can_still_learn():
    # Catches gates that start open, and a last layer that no gradient reaches.
    network, x = make_network("dit", {"shape": [6, 7], **SMALL}), rows(4, 6, 7)
    F = network(x, torch.linspace(0, 1, 4))
    assert (F == 0).all()
    (F - 1).square().sum().backward()
    assert network.leave.weight.grad.abs().max() > 0
    assert network.gain.weight.grad.abs().max() > 0


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
@pytest.mark.parametrize("patch", [0, 3])
def test_any_size_goes_in_and_comes_out_and_every_place_counts(shape, axis, patch):
    # Catches sizes that the patches have to divide, and an end that is cut off on the way in.
    network, x = awake(shape, axis, patch=patch), rows(3, *shape).requires_grad_()
    F = network(x, torch.rand(3))
    assert F.shape == x.shape
    F.square().sum().backward()
    assert (x.grad.abs() > 0).all()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())


def test_where_the_channels_are_makes_no_difference():
    # Catches a layout that is reshaped instead of turned, and patches put back in another order than they were taken.
    first, last = awake((3, 9, 6), 0), awake((9, 6, 3), -1)
    x, t = rows(4, 3, 9, 6), torch.rand(4)
    torch.testing.assert_close(last(x.movedim(1, -1), t), first(x, t).movedim(1, -1), rtol=1e-4, atol=1e-4)


def test_a_row_s_answer_depends_on_that_row_alone_and_on_its_time_and_class():
    # Catches attention over the batch, one time for all rows, and a class that is not heard.
    network, x, t = awake(condition=classes(3)), rows(6, 6, 7), torch.linspace(0.05, 0.95, 6)
    cond, order = torch.arange(6) % 4, torch.tensor([3, 1, 5, 0, 2, 4])
    whole = network(x, t, cond)
    torch.testing.assert_close(network(x[order], t[order], cond[order]), whole[order], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network(x[2:3], t[2:3], cond[2:3]), whole[2:3], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network(x, t[:1], cond), network(x, t[:1].expand(6), cond), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network(x, t), network(x, t, torch.full((6,), 3)), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(network(x, t, (cond + 1) % 4), whole, atol=1e-3)
    assert not torch.allclose(network(x, t.flip(0), cond), whole, atol=1e-3)


def test_a_patch_is_put_back_where_it_was_taken():
    """Blocks that do nothing leave each patch to itself: what changes in one patch changes the answer there and nowhere else."""
    network = make_network("dit", {"shape": [9, 7], "patch": 3, **SMALL})
    torch.nn.init.normal_(network.leave.weight)
    x = rows(1, 9, 7)
    changed = x.clone()
    changed[0, 4, 5] += 1
    torch.nn.init.normal_(network.modulate.weight, std=0.1)
    moved = (network(changed, torch.ones(1)) - network(x, torch.ones(1)))[0].abs() > 1e-6
    assert moved[3:6, 3:6].all()
    assert moved.sum() == 9


def test_every_patch_sees_every_other_and_knows_where_it_is():
    # Catches attention within the channels, and positions that two patches share (which makes a set of an image).
    network, x, t = awake((8, 8), patch=2), rows(1, 8, 8), torch.tensor([0.4])
    far = x.clone()
    far[0, 7, 7] += 1
    assert (network(far, t) - network(x, t))[0, :2, :2].abs().min() > 1e-6
    assert not torch.allclose(network(x.roll(2, 2), t), network(x, t).roll(2, 2), atol=1e-3)
    places = positions((5, 7), 64)
    assert torch.pdist(places).min() > 0.5
    torch.testing.assert_close(places.square().sum(1), torch.full((35,), 32.0))


@pytest.mark.parametrize(("shape", "axis", "tokens"), [((28, 28), None, (7, 7)), ((8, 8), None, (8, 8)), ((128, 2), -1, (64,))])
def test_what_a_row_costs_and_how_large_a_patch_is(shape, axis, tokens):
    # By torch's own count of the multiplications; what a batch shares, the embedding, is not counted.
    network = DiT(shape, axis, width=64)
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        network(rows(8, *shape), torch.rand(1))
    assert network.tokens == tokens
    assert network.operations == pytest.approx(counted.get_total_flops() / 2 / 8, rel=0.02)


@pytest.mark.parametrize(
    "wrong", [{"width": 40}, {"width": 0}, {"depth": 0}, {"patch": True}, {"patch": -1}, {"shape": [2, 3, 4, 5]}]
)
def test_a_setting_that_cannot_be_is_refused_by_name(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        make_network("dit", {"shape": [8, 8]} | wrong)


def test_trained_saved_and_sampled_from_the_command_line(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 9, (40, 7, 6)).astype(np.uint8))
    settings = ("--network.architecture", "dit", "--network.width", "32", "--network.depth", "1", "--batch-size", "8")
    code, _, said = run("train", tmp_path / "x.npy", "-o", tmp_path / "run", "--steps", "3", *settings)
    assert code == 0, said
    model = unstir.load(tmp_path / "run")
    assert model.card.network == "dit"
    x = model.sample(5, steps=3)
    assert (x.shape, x.dtype) == ((5, 7, 6), np.uint8)
    np.save(tmp_path / "points.npy", np.zeros((40, 5)) + np.arange(40)[:, None])
    code, _, said = run("train", tmp_path / "points.npy", "-o", tmp_path / "no", "--network.architecture", "dit")
    assert code == 2
    assert "a row here is (5,)" in said
