"""What is given as channels of the network's input: where each value lands, and that every network heeds it."""

import numpy as np
import pytest
import torch
from torch import nn

from unstir.compression.exact_mlp import ExactMLP
from unstir.compression.exact_unet import ExactUNet
from unstir.conditions.columns import Columns
from unstir.conditions.grid import Grid
from unstir.conditions.planes import Planes, resizing
from unstir.conditions.together import Together
from unstir.data.beside import array_beside
from unstir.data.layouts import layout
from unstir.data.tables import Column, Schema
from unstir.networks import MLP, DiT, UNet


@pytest.mark.parametrize(
    ("shape", "axis", "space"), [((8, 8), None, (4, 4)), ((2, 16, 6), 0, (8, 3)), ((12, 3), -1, (4,)), ((4, 4), None, (4, 4))]
)
def test_more_pixels_become_channels_at_their_place(shape, axis, space):
    """Every value is there once, in a cell of the rows that covers it: pixel unshuffle. Catches averages, and axes that are mixed up."""
    x = torch.arange(float(torch.Size(shape).numel())).reshape(1, *shape)
    out = Planes(shape, axis, space)(x)[0, :-1]
    assert sorted(out.flatten().tolist()) == x.flatten().tolist()
    whole = x[0] if axis is None else x[0].movedim(axis, 0)
    sizes = whole.shape if axis is None else whole.shape[1:]
    for place in np.ndindex(*space):
        own = whole[(..., *(slice(p * g // s, (p + 1) * g // s) for p, g, s in zip(place, sizes, space, strict=True)))]
        assert sorted(out[(slice(None), *place)].tolist()) == sorted(own.flatten().tolist())


def test_fewer_pixels_are_enlarged_about_their_middle():
    """A slope stays that slope within, and a picture turned round is enlarged to the same turned round. Catches a shift by half a pixel."""
    x = torch.arange(4.0).expand(1, 4, 4)
    out = Planes((4, 4), None, (8, 8))(x)[0, 0]
    assert out[3, 1:-1].tolist() == pytest.approx([0.25, 0.75, 1.25, 1.75, 2.25, 2.75])
    z = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(0))
    enlarge = Planes((5, 3), None, (7, 7))
    assert torch.allclose(enlarge(z.flip(2)), enlarge(z).flip(3), atol=1e-6)


@pytest.mark.parametrize(("given", "to"), [(3, 8), (8, 3), (100, 24), (5, 5), (1, 4)])
def test_resizing_keeps_what_is_the_same_everywhere(given, to):
    matrix = resizing(given, to)
    assert matrix.sum(1) == pytest.approx(torch.ones(to), abs=1e-5)
    assert (matrix >= 0).all()
    assert (matrix.sum(0) > 0).all()  # no value is passed over


def test_the_mark_says_where_something_is_given():
    planes = Planes((4, 4), None, (8, 8))
    x = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(0))
    x[1] = torch.nan
    out = planes(x)
    assert (out[0, -1] == 1).all()
    assert (out[1] == 0).all()
    assert torch.equal(planes(None)[0], out[1])


ROWS = np.random.default_rng(0)
SPEED = Columns.fitted(Schema((Column("speed", "number"),)), np.arange(5.0)[:, None])


@pytest.mark.parametrize(
    ("shape", "axis", "low"),
    [((8, 8), None, (4, 4)), ((3, 8, 8), 0, (3, 11, 13)), ((12, 2), -1, (30, 1)), ((12, 2), -1, (3, 4, 4))],
)
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("kind", [UNet, DiT, MLP])
def test_every_network_is_told(kind, together, shape, axis, low):
    """The answer depends on what is given, on the speed too, and None is the same as nothing given of each row.

    Catches a network that drops it, planes that join nothing, and rows that get each other's. A picture beside sequences has no grid in common:
    it is told as a vector.
    """
    held = ROWS.normal(size=(5, *low))
    grid = Grid.fitted(array_beside("low", held, 5, layout(shape)))
    condition = Together.of((SPEED, grid)) if together else grid
    sizes = {"dimension": int(np.prod(shape))} if kind is MLP else {"shape": shape, "channel_axis": axis, "depth": 1}
    torch.manual_seed(0)
    network = kind(width=32, condition=condition, **sizes)
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.1)
    x, t = torch.randn(2, *shape), torch.rand(2)
    told = condition.values({"low": held[:2]}, 2)
    with torch.no_grad():
        answer, nothing = network(x, t, told), network(x, t, None)
        assert answer.shape == x.shape
        assert not torch.allclose(answer[0], nothing[0], atol=1e-4)
        assert torch.allclose(nothing, network(x, t, condition.nothing.expand(2, *condition.nothing.shape)), atol=1e-4)
        assert torch.allclose(network(x, t, told.flip(0))[0], network(x[:1], t[:1], told[1:])[0], atol=1e-4)
        if together:
            assert not torch.allclose(network(x, t, condition.values({"low": held[:2], "speed": 3}, 2)), answer, atol=1e-4)


@pytest.mark.parametrize(("kind", "exact"), [(MLP, ExactMLP), (UNet, ExactUNet)])
def test_the_exact_copy_of_a_network_leaves_out_what_is_not_given(kind, exact):
    """Without a condition all planes are 0: it has the numbers of the network without planes. Catches weights of the wrong inputs."""
    grid = Grid.fitted(array_beside("low", ROWS.normal(size=(5, 4, 4)), 5, layout((8, 8))))
    sizes = {"dimension": 64} if kind is MLP else {"shape": (8, 8), "depth": 1}
    told, plain = kind(width=16, condition=grid, **sizes), kind(width=16, **sizes)
    state = {
        name: weight[:, : plain.enter.weight.shape[1]] if name == "enter.weight" else weight
        for name, weight in told.state_dict().items()
    }
    plain.load_state_dict(state)
    arrays, wanted = (exact.compiled(network, torch.tensor([0.3, 0.7]))[1] for network in (told, plain))
    assert arrays.keys() == wanted.keys()
    assert all(np.array_equal(arrays[name], wanted[name]) for name in wanted)
