"""Arithmetic that is the same on every machine: its sums are exact, and its functions are those of torch to the last count or two."""

from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from unstir.compression.arithmetic import ACTIVATION, Arithmetic, tables
from unstir.compression.registry import EXACT
from unstir.compression.snapped import as_floats, check_sums, put_linear
from unstir.conditions.classes import Classes
from unstir.errors import NumericsError, UsageError
from unstir.networks.mlp import MLP
from unstir.networks.space import attend
from unstir.networks.unet import UNet

EXACTLY = Arithmetic(tables())
RNG = np.random.default_rng(0)


def counts(*shape, scale=1.0):
    return np.rint(ACTIVATION * scale * RNG.normal(size=shape))


def test_a_product_of_matrices_is_the_exact_one_in_every_order():
    # Catches float32 products, and activations so large that a partial sum is rounded: both depend on the order of the sum.
    x, weight, bias = counts(5, 700, scale=100), np.rint(4096 * RNG.normal(size=(700, 3))), np.rint(2.0**22 * RNG.normal(size=3))
    order = RNG.permutation(700)
    found = EXACTLY.linear(x, weight / 4096, bias / 4096)
    for i in range(5):
        for j in range(3):
            exact = sum(int(a) * int(b) for a, b in zip(x[i], weight[:, j], strict=True)) + int(bias[j])
            assert found[i, j] == min(max(round(Fraction(exact, 4096)), -EXACTLY.limit), EXACTLY.limit)
    assert np.array_equal(EXACTLY.linear(x[:, order], weight[order] / 4096, bias / 4096), found)
    assert np.array_equal(np.concatenate([EXACTLY.linear(row[None], weight / 4096, bias / 4096) for row in x]), found)


@pytest.mark.parametrize(("size", "stride", "shape"), [((3, 3), 1, (7, 6)), ((3, 3), 2, (7, 6)), ((1, 3), 2, (1, 9))])
def test_a_convolution_is_that_of_torch(size, stride, shape):
    # Catches an axis that is shifted by one, and a stride that starts at the wrong place. All numbers are whole, so both are exact.
    x, weight = counts(2, *shape, 4), np.rint(4096 * RNG.normal(size=(*size, 4, 5)))
    found = EXACTLY.convolution(x, weight.reshape(-1, 5) / 4096, np.zeros(5), size, stride)
    steps = [stride if along > 1 else 1 for along in size]
    whole = F.conv2d(
        torch.from_numpy(x).movedim(3, 1), torch.from_numpy(weight).permute(3, 2, 0, 1), None, steps, [s // 2 for s in size]
    )
    assert np.array_equal(found, np.rint(whole.movedim(1, 3).numpy() / 4096))


def test_functions_are_those_of_torch():
    # Catches a table that is shifted or in other units, and group statistics over the wrong axes.
    x = counts(3, 20, 8, scale=3)
    real = torch.from_numpy(x / ACTIVATION)
    assert np.abs(EXACTLY.silu(x.copy()) / ACTIVATION - F.silu(real).numpy()).max() < 0.6 / ACTIVATION
    far = np.array([-500.0, -17.0, 17.0, 500.0])
    assert EXACTLY.silu(far * ACTIVATION).tolist() == [0.0, 0.0, 17.0 * ACTIVATION, 500.0 * ACTIVATION]
    scale, shift = RNG.normal(size=8), RNG.normal(size=8)
    wanted = F.group_norm(real.mT, 2, torch.from_numpy(scale), torch.from_numpy(shift)).mT.numpy()
    assert np.abs(EXACTLY.normalised(x, 2, scale * ACTIVATION, shift * ACTIVATION) / ACTIVATION - wanted).max() < 1e-9
    q, k, v = (counts(2, 3, 10, 4) for _ in range(3))
    wanted = attend(*(torch.from_numpy(part / ACTIVATION) for part in (q, k, v))).numpy()
    assert np.abs(EXACTLY.attention(q, k, v) / ACTIVATION - wanted).max() < 2 / ACTIVATION
    flat = counts(4, 3, scale=4)
    turns = (flat[..., None] * 2.0 ** np.arange(4)).reshape(4, -1) / ACTIVATION
    assert np.abs(EXACTLY.waves(flat, 4) / ACTIVATION - np.concatenate([np.sin(turns), np.cos(turns)], 1)).max() < 2 / ACTIVATION
    assert np.abs(EXACTLY.exponentials(-np.arange(20.0) * ACTIVATION) / 2**20 - np.exp(-np.arange(20.0))).max() < 2e-6


def random_weights(network):
    """Weights away from 0 everywhere: a fresh network answers 0, and so would one that leaves a layer out."""
    generator = torch.Generator().manual_seed(0)
    for name, weight in network.named_parameters():
        size = 0.1 if weight.ndim < 2 else 0.5 / max(1, weight[0].numel()) ** 0.5
        weight.data = torch.randn(weight.shape, generator=generator) * size + ("norm" in name and name.endswith("weight"))
    return network


PETS = Classes(("cat", "dog"), (1, 1))
NETWORKS = {
    "points": (MLP(5, 32, 2), (5,)),
    "points, three answers, classes": (MLP(5, 32, 2, condition=PETS, answers=3), (5,)),
    "images": (UNet((8, 8), None, 16, 1, 2), (8, 8)),
    "one resolution, no attention": (UNet((5, 4), None, 16, 1, 1, attention=0), (5, 4)),
    "odd sizes, channels last": (UNet((7, 9, 3), -1, 16, 2, 3, attention=2, answers=4), (7, 9, 3)),
    "channels first, classes": (UNet((3, 9, 5), 0, 32, 1, 2, condition=PETS, answers=2), (3, 9, 5)),
    "sequences": (UNet((21, 2), -1, 16, 1, 3), (21, 2)),
}


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_exact_copy_answers_what_the_network_does(name):
    # Catches a layer that is left out, a modulation of another level, and answers in another order.
    network, shape = NETWORKS[name]
    random_weights(network)
    t = torch.tensor([0.1, 0.9])
    settings, arrays = EXACT[type(network).__name__.lower()].compiled(network, t)
    exact = EXACT[type(network).__name__.lower()](settings, as_floats(arrays), EXACTLY)
    x = counts(6, *shape)
    for level in range(2):
        with torch.no_grad():
            wanted = network(torch.from_numpy(x / ACTIVATION).float(), t[level : level + 1]).double().numpy()
        found = exact(x, level)
        assert wanted.std() > 0.1
        assert np.abs(found.reshape(wanted.shape) / ACTIVATION - wanted).max() < 0.01
        assert np.array_equal(np.concatenate([exact(x[:1], level), exact(x[1:], level)]), found)


def test_what_cannot_be_exact_is_refused():
    # Catches a weight that wraps around in its type, and sums that are beyond 2^53.
    layer = torch.nn.Linear(2, 2)
    layer.weight.data[0, 0] = 1e6
    with pytest.raises(NumericsError, match="a weight of 1e\\+06 is too large"):
        put_linear({}, "enter", layer)
    with pytest.raises(UsageError, match="sums of layer enter"):
        check_sums({"enter.weight": np.full((2**20, 1), 2**15)}, 2.0**19)
