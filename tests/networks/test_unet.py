"""The U-Net: any size, one or two dimensions, and what it must and must not depend on; and a model of it from end to end."""

import os

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import unstir
from commands import process, refused, run
from unstir.conditions.classes import Classes
from unstir.data import from_arrays
from unstir.encoders.affine import Channels
from unstir.errors import UsageError
from unstir.networks import space
from unstir.networks.building import affordable, make_network
from unstir.networks.unet import UNet
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.loop import train
from unstir.training.presets import preset, settle
from unstir.training.state import State

pytestmark = pytest.mark.usefixtures("brief")

SHAPES = [
    ((8, 8), None),
    ((28, 28), None),
    ((17, 23), None),
    ((1, 64, 48), 0),
    ((32, 32, 3), -1),
    ((5, 9, 6), 0),
    ((37, 3), -1),
    ((2, 1), 0),
]
SMALL = {"width": 8, "depth": 1}


def classes(k):
    return Classes(tuple(map(str, range(k))), (1,) * k)


def awake(shape=(6, 7), channel_axis=None, seed=0, **kw):
    """A network none of whose convolutions is zero."""
    torch.manual_seed(seed)
    network = UNet(shape, channel_axis, **(SMALL | kw))
    for weight in network.parameters():
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.1)
    return network


GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536"}  # of glibc
LEFT = """
import torch
from unstir.networks.unet import UNet
def used():
    return int(open("/proc/self/statm").read().split()[1]) * 4
for recompute in (0, 1, 1, 0):  # the first two load libraries
    network = UNet((32, 32), width=16, depth=3, levels=1, attention=0, recompute=recompute)
    before = used()
    loss = network(torch.randn(32, 32, 32), torch.rand(32)).square().mean()
    print(used() - before)
    loss.backward()
    del loss
"""


def rows(n, *shape):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(0))


def test_an_untrained_network_answers_zero_and_can_still_learn():
    # Catches blocks that start at random, and a last layer whose input is zero too, which would never get a gradient.
    network, x = make_network("unet", {"shape": [6, 7], **SMALL}), rows(4, 6, 7)
    F = network(x, torch.linspace(0, 1, 4))
    assert (F == 0).all()
    (F - 1).square().sum().backward()
    assert network.leave.weight.grad.abs().max() > 0
    assert network.gain.weight.grad.abs().max() > 0


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_any_size_goes_in_and_comes_out_and_every_place_counts(shape, axis):
    # Catches sizes that have to be even, pictures that are padded, cropped or turned, and weights that nothing reaches.
    network, x = awake(shape, axis), rows(3, *shape).requires_grad_()
    F = network(x, torch.rand(3))
    assert F.shape == x.shape
    F.square().sum().backward()
    assert (x.grad.abs() > 0).all()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())


def test_where_the_channels_are_makes_no_difference():
    # Catches a layout that is reshaped instead of turned.
    first, last = awake((3, 9, 6), 0), awake((9, 6, 3), -1)
    x, t = rows(4, 3, 9, 6), torch.rand(4)
    torch.testing.assert_close(last(x.movedim(1, -1), t), first(x, t).movedim(1, -1), rtol=1e-4, atol=1e-4)


def test_a_row_s_answer_depends_on_that_row_alone_and_on_its_time_and_class():
    # Catches normalisation over the batch, one time for all rows, and a class that is not heard.
    network, x, t = awake(condition=classes(3)), rows(6, 6, 7), torch.linspace(0.05, 0.95, 6)
    cond, order = torch.arange(6) % 4, torch.tensor([3, 1, 5, 0, 2, 4])
    whole = network(x, t, cond)
    torch.testing.assert_close(network(x[order], t[order], cond[order]), whole[order], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network(x[2:3], t[2:3], cond[2:3]), whole[2:3], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network(x, t[:1], cond), network(x, t[:1].expand(6), cond), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network(x, t), network(x, t, torch.full((6,), 3)), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(network(x, t, (cond + 1) % 4), whole, atol=1e-3)
    assert not torch.allclose(network(x, t.flip(0), cond), whole, atol=1e-3)


def test_what_is_moved_stays_the_same_within():
    """A network of convolutions alone answers a moved picture with the moved answer, away from the edges (by steps of its coarsest level)."""
    network = awake((48, 48), levels=2, attention=0)
    for norm in network.modules():
        if isinstance(norm, torch.nn.GroupNorm):
            norm.forward = lambda h: h  # a mean over the picture sees its edges
    x = torch.zeros(1, 48, 48)
    x[0, 20:28, 18:26] = rows(8, 8)
    t = torch.tensor([0.4])
    moved = network(x.roll((4, 6), (1, 2)), t)
    torch.testing.assert_close(moved[:, 18:36, 18:38], network(x, t).roll((4, 6), (1, 2))[:, 18:36, 18:38], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("shape", "axis"), [((28, 28), None), ((3, 17, 23), 0), ((64, 2), -1)])
def test_what_a_row_costs(shape, axis):
    # By torch's own count of the multiplications. Catches a level counted at the resolution of another.
    network = UNet(shape, axis, width=64, attention=0)
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        network(rows(1, *shape), torch.rand(1))
    assert counted.get_total_flops() / 2 < network.operations < 1.6 * counted.get_total_flops() / 2
    assert affordable(network, 10, 10 * network.operations * 7, 1, 100) == 7


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 12},
        {"width": 0},
        {"levels": 9},
        {"depth": True},
        {"shape": [2, 3, 4, 5]},
        {"shape": "ab"},
        {"shape": [0, 4]},
        {"channel_axis": 1},
        {"channel_axis": 0, "shape": [4]},
        {"nonsense": 1},
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))}|shape"):
        make_network("unet", {"shape": [8, 8]} | wrong)


def test_one_scale_for_each_channel():
    # Catches pixels that are standardised one by one, so that the faint ones at the edge drown the rest in noise.
    x = torch.rand(50, 2, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x[:, 0] *= torch.linspace(0, 9, 4)
    for axis, data in ((0, x), (-1, x.movedim(1, -1))):
        encoder = Channels.fit([data], axis)
        z = encoder.encode(data).movedim(axis % 3 + 1, 1).double()
        np.testing.assert_allclose(z.mean((0, 2, 3)), 0, atol=1e-6)
        np.testing.assert_allclose(z.std((0, 2, 3), correction=0), 1, atol=1e-6)
        torch.testing.assert_close(encoder.decode(encoder.encode(data)), data, rtol=1e-6, atol=1e-6)
        assert encoder.scale.movedim(axis, 0).flatten(1).unique(dim=1).shape == (2, 1)
    whole = Channels.fit([x])
    assert whole.scale.unique().numel() == 1
    x[:, 1] = 3
    assert (Channels.fit([x], 0).scale[1] == 0).all()


def test_what_lies_in_space_gets_a_u_net_and_what_does_not_is_refused_one():
    pictures = from_arrays(np.random.default_rng(0).integers(0, 9, (30, 8, 8)).astype(np.uint8))
    assert preset(pictures)["network"]["architecture"] == "unet"
    assert settle(pictures, flat(architecture="mlp")).network.architecture == "mlp"
    points = from_arrays(np.random.default_rng(0).normal(size=(30, 5)))
    assert settle(points).network.architecture == "mlp"
    with pytest.raises(UsageError, match=r"images and sequences; a row here is \(5,\)"):
        Fitting(points, settle(points, flat(architecture="unet")))


def fitting(precision, **more):
    x = np.random.default_rng(0).integers(0, 255, (40, 3, 7, 6)).astype(np.uint8)
    data = from_arrays(x, np.arange(40) % 2)
    return Fitting(data, settle(data, flat(steps=6, batch_size=8, width=8, depth=1, precision=precision, **more)))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_six_steps_are_three_and_three_more(precision):
    """Truth 24, of a network with convolutions: the same bits."""
    whole = fitting(precision)
    for _ in whole.steps():
        pass
    half, again = fitting(precision), fitting(precision)
    for step in half.steps():
        if step.number == 3:
            break
    again.state.restore({name: value.clone() for name, value in half.state.tensors().items()}, 3)
    for _ in again.steps():
        pass
    one, other = whole.state.tensors(), again.state.tensors()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_model_of_images_is_saved_loaded_and_asked(tmp_path):
    x = np.random.default_rng(0).integers(0, 17, (40, 9, 7, 3)).astype(np.uint8)
    model = unstir.fit(x, np.arange(40) % 2, steps=4, width=8, depth=1, batch_size=8)
    assert model.card.network == "unet"
    again = unstir.load(model.save(tmp_path / "m"))
    one, other = (each.sample(5, 1, steps=3, guidance=2.0) for each in (model, again))
    np.testing.assert_array_equal(one, other)
    assert (one.shape, one.dtype) == ((5, 9, 7, 3), np.uint8)
    assert again.log_prob(x[:2], steps=4).shape == (2,)


def test_sampling_in_bfloat16_is_float32_to_its_rounding(tmp_path):
    """And densities are not touched by it. Catches a precision that is not used, states that are rounded, and one that nobody knows."""
    x = np.random.default_rng(0).normal(size=(60, 6, 5)).astype(np.float32)
    unstir.fit(x, steps=30, width=16, depth=1, batch_size=16).save(tmp_path / "model")
    exact, fast = (unstir.load(tmp_path / "model", precision) for precision in ("float32", "bfloat16"))
    one, other = exact.sample(40), fast.sample(40)
    assert other.dtype == np.float32
    assert 0 < np.abs(one - other).max() < 0.05 * one.std()
    np.testing.assert_array_equal(exact.log_prob(x[:2], steps=4), fast.log_prob(x[:2], steps=4))
    np.testing.assert_array_equal(exact.encode(x[:2], steps=4), fast.encode(x[:2], steps=4))
    code, out, _ = run("sample", tmp_path / "model", "-n", "40", "--precision", "bfloat16", "-o", tmp_path / "x.npy")
    assert code == 0
    np.testing.assert_array_equal(np.load(out.strip()), other)
    refused(2, "precision 'float16'", "sample", tmp_path / "model", "--precision", "float16", "-o", tmp_path / "y.npy")


def test_it_learns_where_a_spot_is():
    """Spots on a dark ground: after a few seconds the error is below what the best Gaussian denoiser reaches."""
    y, x = np.mgrid[:8, :8]
    centres = np.random.default_rng(0).uniform(1, 6, (400, 2))
    spots = np.stack([np.exp(-((y - a) ** 2 + (x - b) ** 2) / 3) for a, b in centres])
    data = from_arrays(spots)
    fit = Fitting(data, settle(data, flat(steps=300, batch_size=32, width=16, depth=1, precision="float32")))
    for _ in train(State(fit.state.network, fit.recipe), fit.problem, fit.recipe):
        pass
    for a, w in zip(fit.state.average, fit.state.weights, strict=True):
        a.copy_(w.detach())
    found = fit.held_out()
    assert found.loss < 0.9 * found.gaussian_loss


def test_what_is_computed_twice_is_the_same_and_takes_less_memory():
    """Gradients to the last bit, in float32 and under bfloat16; the peak of a process that does one step.

    Catches a block computed again in another precision, and a setting that does nothing. What 32 images leave behind is measured, with an
    allocator that gives back what is freed: seven blocks keep some seven tensors each of 32 x 16 x 32 x 32 floats, 100 MB, or one.
    """
    x, t = rows(3, 6, 7), torch.tensor([0.1, 0.5, 0.9])
    for precision in (torch.float32, torch.bfloat16):
        gradients = []
        for recompute in (0, 1, 8):
            network = awake(recompute=recompute, levels=2, attention=1, depth=2)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
                out = network(x, t)
            out.float().square().mean().backward()
            gradients.append([out.detach(), *(weight.grad for weight in network.parameters())])
        for other in gradients[1:]:
            assert all(torch.equal(a, b) for a, b in zip(gradients[0], other, strict=True))
    _, _, again, kept = map(int, process("-c", LEFT, env=os.environ | GIVES_BACK).stdout.split())
    assert again < kept / 2, (kept, again)


def test_what_is_left_out_is_left_out_in_training_alone_and_the_same_when_computed_twice():
    """Catches dropout while sampling, a block computed again with other numbers left out, and a share that is kept in place of left out."""
    x, t = rows(3, 6, 7), torch.tensor([0.1, 0.5, 0.9])
    plain, network = awake(levels=2, depth=2), awake(levels=2, depth=2, dropout=0.4)
    assert torch.equal(plain(x, t), network.eval()(x, t))
    assert not torch.equal(plain(x, t), network.train()(x, t))
    gradients = []
    for recompute in (0, 8):
        network = awake(recompute=recompute, levels=2, depth=2, dropout=0.4)
        torch.manual_seed(1)
        network(x, t).square().mean().backward()
        gradients.append([weight.grad for weight in network.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    block, seen = network.down[0][0], []
    block.outer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network(x, t)
    assert (seen[0] == 0).float().mean() == pytest.approx(0.4, abs=0.06)  # of 2,016 numbers or more: four standard errors
    with pytest.raises(UsageError, match=r"dropout = 1\.0 has to be a number from 0 to below 1"):
        awake(dropout=1.0)


def test_attention_of_gpus_is_the_same_function(monkeypatch):
    # Catches another scale, and heads in the place of positions.
    q, k, v = (torch.randn(2, 3, 7, 8, generator=torch.Generator().manual_seed(i)) for i in range(3))
    wanted = space.attend(q, k, v)
    monkeypatch.setattr(space, "FUSED", ("cpu",))
    with torch.no_grad():
        torch.testing.assert_close(space.attend(q, k, v), wanted, rtol=1e-5, atol=1e-5)
