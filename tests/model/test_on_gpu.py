"""A model on a GPU: everything that it does meets tensors of the GPU alone, and gives what it gives on the CPU.

The GPU is pretended (tests/pretended.py), so these run everywhere. It draws the CPU's random numbers, so even samples are the same. Tests
marked `gpu` run where there is a real one.
"""

import numpy as np
import pytest
import torch

from pretended import pretended_gpu
from unstir import devices
from unstir.data import from_arrays
from unstir.diffusion.samplers import SAMPLERS
from unstir.errors import UsageError
from unstir.model import drawing
from unstir.model.noise import GROUP, RowNoise
from unstir.model.placing import computing
from unstir.steady import one_state
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.presets import settle

SMALL = {"steps": 2, "width": 8, "depth": 1, "batch_size": 16, "precision": "float32", "device": "cpu"}


def fitting(values, labels=None, **settings):
    data = from_arrays(values, labels)
    return Fitting(data, settle(data, flat(**SMALL | settings)))


def stirred(model):
    """The model with weights that are not 0 anywhere: nothing has been trained, and what is 0 would hide the rest."""
    for i, w in enumerate(model.network.parameters()):
        w.data.add_(0.1 * torch.randn(w.shape, generator=torch.Generator().manual_seed(i)))
    return model


@pytest.fixture(scope="module")
def points():
    return stirred(fitting(np.random.default_rng(0).normal(size=(60, 2))).model())


@pytest.fixture(scope="module")
def images(brief):  # noqa: ARG001
    rng = np.random.default_rng(0)
    return stirred(fitting(rng.integers(0, 256, (40, 8, 8)).astype(np.uint8), np.arange(40) % 2).model())


def alike(of_gpu, of_cpu):
    np.testing.assert_array_equal(np.asarray(of_gpu), np.asarray(of_cpu))


def test_the_pretended_gpu_refuses_what_a_real_one_refuses():
    # Without this, the tests below would pass for any program.
    with pretended_gpu():
        one, two = torch.ones(2, device="cuda"), torch.ones(2)
        assert str((one * torch.tensor(3.0)).device) == "cuda:0"
        assert one.sum().cpu().device == torch.device("cpu")
        for wrong in (
            lambda: one + two,
            lambda: torch.cat([one, two]),
            lambda: two.add_(one),
            lambda: two[torch.tensor([0]).to("cuda")] + one,
        ):
            with pytest.raises(RuntimeError, match="tensors on cuda:0 and cpu"):
                wrong()
        with pytest.raises(TypeError, match="to numpy"):
            one.numpy()
        with pytest.raises(RuntimeError, match="generator of the other device"):
            torch.randn(2, device="cuda", generator=torch.Generator())


def test_a_model_does_on_a_gpu_all_that_it_does_on_the_cpu(points):
    # Catches a table, a mask, a probe or a random number that stays on the CPU, and a result that stays on the GPU.
    x = np.random.default_rng(1).normal(size=(5, 2))
    with pretended_gpu() as mode:
        moved = points.to("cuda")
        assert (str(moved.device), str(points.device), str(moved.blend.directions.device)) == ("cuda:0", "cpu", "cuda:0")
        assert "on cuda:0" in repr(moved)
        assert moved.to("cuda") is moved
        for method in SAMPLERS:
            alike(moved.sample(9, steps=5, method=method), points.sample(9, steps=5, method=method))
        alike(moved.states(9, steps=4, every=2)[1], points.states(9, steps=4, every=2)[1])
        alike(moved.log_prob(x, steps=4), points.log_prob(x, steps=4))
        alike(moved.encode(x, steps=4), points.encode(x, steps=4))
        alike(moved.interpolate(x[0], x[1], 3, steps=4), points.interpolate(x[0], x[1], 3, steps=4))
        mask = np.array([True, False])
        alike(moved.inpaint(x, mask, steps=4), points.inpaint(x, mask, steps=4))
        alike(moved.bits_per_dim(x), points.bits_per_dim(x))
        assert {"matmul", "linear", "randn", "full"} & mode.names


def test_images_with_classes_are_guided_and_clipped_on_a_gpu(images, tmp_path):
    # Catches a condition, and bounds of the pixels, that stay on the CPU.
    with pretended_gpu():
        moved = images.to("cuda")
        alike(moved.sample(3, 1, steps=4, guidance=2.0), images.sample(3, 1, steps=4, guidance=2.0))
        alike(moved.sample(3, steps=4, method="ddpm_optimal"), images.sample(3, steps=4, method="ddpm_optimal"))
        moved.save(tmp_path / "m")
        images.save(tmp_path / "n")
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == (tmp_path / "n" / "model.safetensors").read_bytes()


def test_looks_and_curves_on_a_gpu_are_those_of_the_cpu():
    # Catches times, conditions or the fixed held-out sets that stay on the CPU, and a blend or an error curve measured across devices.
    rows, found = np.random.default_rng(0).integers(0, 17, (60, 2)), {}
    for target in ("edm", "categorical"):
        with pretended_gpu():
            for device in ("cpu", "cuda"):
                made = fitting(rows, np.arange(60) % 2, device=device, target=target)
                model = made.model()
                assert model.device.type == made.device.type == device
                found[device] = [made.held_out().loss, *model.error.mse.flatten().tolist(), *model.sample(4, steps=4).flatten()]
        assert found["cuda"] == pytest.approx(found["cpu"], rel=1e-6)


def test_too_many_rows_for_the_memory_are_halved_until_they_fit(points, monkeypatch):
    # Catches a sample that depends on where memory ran out, and a loop that never ends where there is none.
    whole, tried, memory = points.sample(700, steps=3), [], 100

    def begun(rows, *, of):
        tried.append(len(rows))
        if len(rows) > memory:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. More words.")
        return of(rows)

    real = drawing.in_batches
    monkeypatch.setattr(drawing, "in_batches", lambda of, n, size: real(lambda rows: begun(rows, of=of), n, size))
    np.testing.assert_allclose(points.sample(700, steps=3), whole, atol=1e-6)
    assert tried[:4] == [700, 350, 175, 87]
    assert max(tried[4:]) <= memory
    memory = 0
    with pytest.raises(UsageError, match=r"not enough memory for one row: CUDA out of memory\. Use --device cpu"):
        points.sample(3, steps=3)


def test_noise_of_a_part_of_a_group_is_that_of_its_rows():
    # Catches rows in the middle of a group that get the noise of its first ones.
    whole, part = RowNoise(3, range(2 * GROUP))(torch.empty(2 * GROUP, 2)), RowNoise(3, range(GROUP - 5, GROUP + 9))
    assert torch.equal(part(torch.empty(14, 2)), whole[GROUP - 5 : GROUP + 9])


gpu = pytest.mark.gpu


@gpu
def test_rows_on_a_gpu_do_not_depend_on_how_many_there_are(points):
    moved = points.to("cuda")
    for method in ("ddpm", "adams_bashforth3"):
        few, many = (moved.sample(n, steps=5, method=method, batch_size=256) for n in (10, 1000))
        np.testing.assert_allclose(few, many[:10], atol=1e-5)
    assert not np.allclose(moved.sample(10, steps=5), points.sample(10, steps=5))  # other noise
    assert RowNoise(0, range(3), "cuda")(torch.empty(3, 2, device="cuda")).device.type == "cuda"


@gpu
@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_a_real_gpu_computes_what_the_cpu_computes(points, images, precision):
    # In float32 to rounding. Catches convolutions in tf32 that nobody asked for, which are off by 1e-3.
    x = np.random.default_rng(1).normal(size=(5, 2))
    np.testing.assert_allclose(points.to("cuda").log_prob(x, steps=8), points.log_prob(x, steps=8), atol=1e-4)
    weights, moved = images.network, images.to("cuda").network
    x, t = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(0)), torch.full((1,), 0.5)
    with one_state(), torch.no_grad(), computing(torch.device("cuda"), precision):
        off = (moved(x.cuda(), t.cuda()).float().cpu() - weights(x, t)).abs().max().item()
    assert off < {"float32": 2e-5, "tf32": 2e-2, "bfloat16": 2e-1}[precision]


@gpu
def test_a_real_gpu_brings_back_many_batches_in_their_order(points):
    # Catches rows that are read before they have come, and a batch that overwrites the one before.
    moved = points.to("cuda")
    small, large = (moved.sample(5000, steps=3, batch_size=size) for size in (256, 5120))
    np.testing.assert_allclose(small, large, atol=1e-5)


@gpu
def test_devices_of_a_real_gpu_are_found():
    assert devices.pick("auto", 1e12).device.type == "cuda"
    assert "cuda:0" in devices.there()
