"""Latents: an autoencoder as one more encoder, the bits that it says it holds, and a model of them from end to end."""

import json
import math
import re

import numpy as np
import pytest
import torch

import unstir
from commands import contents, refused, run
from unstir.data import from_arrays, layout
from unstir.data.rows import Rows
from unstir.encoders.autoencoder import Training
from unstir.encoders.base import FitOptions
from unstir.encoders.latent import Latent, kl
from unstir.errors import StorageError, UsageError
from unstir.networks.autoencoder import Autoencoder
from unstir.runs.data import read_encoder
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.presets import settle

pytestmark = pytest.mark.usefixtures("brief")

TINY = (
    "--network.width",
    "8",
    "--network.depth",
    "1",
    "--batch-size",
    "8",
    "--autoencoder.filters",
    "8",
    "--autoencoder.updates",
    "4",
)


def spots(n=300, side=12):
    """Soft spots on a dark ground: four numbers say where, how wide and how bright."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side]
    a, b, wide, bright = (rng.uniform(*span, (n, 1, 1)) for span in ((2, side - 3), (2, side - 3), (1, 3), (0.5, 1)))
    return 255 * bright * np.exp(-((y - a) ** 2 + (x - b) ** 2) / wide**2 / 2)


def fit_latent(values, seed=0, **settings):
    training = Training(Rows(values), FitOptions(seed, settings=settings, layout=layout(values.shape[1:])))
    for _ in training.updates():
        pass
    return training.encoder()


@pytest.fixture(scope="module")
def learnt():
    return fit_latent(spots().astype(np.uint8), halvings=2, filters=8, updates=250)


@pytest.mark.parametrize(("shape", "axis"), [((9, 7), None), ((3, 8, 5), 0), ((6, 11, 2), -1), ((37, 3), -1), ((16,), None)])
@pytest.mark.parametrize("halvings", [1, 3])
def test_any_size_goes_in_and_comes_back_and_every_place_counts(shape, axis, halvings):
    # Catches sizes that halving has to divide, and channels that are turned on the way in but not on the way out.
    network = Autoencoder(shape, axis, halvings, channels=2, filters=8)
    space = shape if axis is None else shape[1:] if axis == 0 else shape[:-1]
    assert network.latent == (2, *(-(-size // 2**halvings) for size in space))
    x = torch.randn(3, *shape, requires_grad=True)
    mean, log_deviation = network.encode(x)
    made = network.decode(mean + log_deviation)
    assert (mean.shape, made.shape) == ((3, *network.latent), x.shape)
    made.square().sum().backward()
    assert (x.grad.abs() > 0).all()


def test_the_divergence_is_torchs():
    mean, log_deviation = torch.randn(2, 50, 3, 4, generator=torch.Generator().manual_seed(0))
    q, p = torch.distributions.Normal(mean, log_deviation.exp()), torch.distributions.Normal(0.0, 1.0)
    torch.testing.assert_close(kl(mean, log_deviation), torch.distributions.kl_divergence(q, p).flatten(1).sum(1))


def test_the_rate_is_never_below_what_its_error_takes_and_not_far_above():
    """White noise is the one source of which every bit is known: an error of D a number takes log2(1 / D) / 2 bits a number (Shannon 1959).

    Catches nats called bits, a rate by element called one by row, a sum over the batch, and noise that is left out of the error: each
    breaks the bound, or is off by more than the latents of a network this small lose.
    """
    x = torch.randn(2000, 4, 1, generator=torch.Generator().manual_seed(0)).numpy()
    encoder = fit_latent(x[:1000], halvings=1, channels=4, filters=16, updates=400, noise=0.25)
    found = encoder.reconstruction(torch.as_tensor(x[1000:]))
    bound = 4 * math.log2(1 / found.lost) / 2
    assert found.error == pytest.approx(math.sqrt(found.lost), rel=0.05)
    assert bound < found.rate < 1.3 * bound


def test_it_learns_what_the_rows_have_in_common(learnt):
    # 144 numbers to 36, of which four would do: catches a decoder that answers the mean, or rows encoded with another row's.
    found = learnt.reconstruction(torch.as_tensor(spots().astype(np.uint8)))
    assert (found.before, found.after) == (144, 36)
    assert found.lost < 0.1
    assert found.rate > 20


def test_latents_are_standardised_and_decode_to_units(learnt):
    x = torch.as_tensor(spots().astype(np.uint8))
    z = learnt.encode(x)
    assert z.shape == (300, *learnt.space)
    np.testing.assert_allclose(z.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(z.std((0, 2, 3), correction=0), 1, atol=1e-5)
    back = learnt.decode(z)
    assert back.dtype == torch.float64
    assert ((back - x) ** 2).mean() < 0.1 * x.double().var()
    torch.testing.assert_close(learnt.encode(x[5:7]), z[5:7], rtol=1e-4, atol=1e-4)


def test_it_is_its_settings_and_tensors(learnt):
    again = Latent.build(json.loads(json.dumps(learnt.settings)), learnt.tensors())
    x = torch.as_tensor(spots(5).astype(np.uint8))
    assert torch.equal(again.encode(x), learnt.encode(x))


def test_the_same_seed_is_the_same_autoencoder_and_nothing_outside_moves():
    x = spots(40).astype(np.float32)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, other, third = (fit_latent(x, seed, filters=8, updates=3).tensors() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not all(torch.equal(one[name], third[name]) for name in one)


def test_rows_that_are_too_small_or_lie_nowhere_are_refused():
    with pytest.raises(UsageError, match="cannot be halved 4 times"):
        Training(Rows(np.zeros((9, 8, 4))), FitOptions(settings={"halvings": 4}, layout=layout((8, 4))))
    points = from_arrays(np.random.default_rng(0).normal(size=(30, 5)))
    with pytest.raises(UsageError, match=r"images and sequences; a row here is \(5,\)"):
        Fitting(points, settle(points, flat(encoder="latent")))


ROWS = np.random.default_rng(0).normal(size=(40, 8, 8))
ALIKE = {
    "grey bytes": np.full((40, 8, 8), 7, np.uint8),
    "channels first": np.full((40, 3, 8, 8), 0.5),
    "sequences": np.ones((40, 32, 3)),
    "one row again and again": ROWS[:1].repeat(40, 0),
    "one channel of two": np.stack([ROWS, np.ones_like(ROWS)], -1),
    "at zero": np.zeros((40, 8, 8), np.float32),
}


@pytest.mark.parametrize("kind", ALIKE)
def test_what_never_varies_is_encoded_without_loss(kind):
    """Catches a share of a variance of 0, which is infinite or no number, and an error in what is decoded exactly."""
    values = ALIKE[kind]
    model = unstir.fit(
        values, encoder="latent", updates=2, filters=8, steps=2, width=8, depth=1, batch_size=8, precision="float32"
    )
    lost = model.encoder.reconstruction(torch.as_tensor(values[:9]))
    assert math.isfinite(lost.lost)
    assert math.isfinite(lost.error)
    constant = model.encoder.constant.numpy()
    samples = model.sample(3, steps=3)
    np.testing.assert_array_equal(samples[:, constant], values[:3][:, constant])
    assert constant.all() == (lost.lost == 0)


def test_a_single_row_that_is_held_out_has_an_error_too():
    # It has no variance over rows. Catches a division by it; the error is measured in the variance over positions.
    fitted = fit_latent(spots(40).astype(np.float32), filters=8, updates=2)
    one = fitted.reconstruction(torch.as_tensor(spots(1)))
    assert 0 < one.lost < 100


def test_what_never_varies_goes_through_the_commands(tmp_path):
    # Catches a number in data.json that JSON does not have, and a comparison with a Gaussian that is exact.
    np.save(tmp_path / "x.npy", ALIKE["grey bytes"])
    code, _, said = run("train", tmp_path / "x.npy", "--latent", "-o", tmp_path / "run", "--steps", "2", *TINY)
    assert code == 0, said
    assert re.search("64 of 64 .* never vary", said)
    assert "as wrong as a Gaussian" not in said
    assert run("sample", tmp_path / "run", "-n", "3", "-o", tmp_path / "y.npy")[0] == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), ALIKE["grey bytes"][:3])


def test_from_the_command_line_to_samples_and_on(tmp_path):
    """Train, sample, evaluate, report and resume a model of latents; what it cannot do is refused in words."""
    np.savez(tmp_path / "x.npz", images=spots(60).astype(np.uint8), labels=np.arange(60) % 2)
    path = tmp_path / "run"
    code, _, said = run("train", tmp_path / "x.npz", "--latent", "-o", path, "--steps", "3", *TINY)
    assert code == 0, said
    assert "autoencoder: 144 numbers a row to 36" in said
    model = unstir.load(path)
    assert model.card.encoder == "latent"
    assert model.space == (1, 6, 6)
    x = model.sample(5, 1, steps=3)
    assert (x.shape, x.dtype) == ((5, 12, 12), np.uint8)
    z = model.encode(x, steps=4)
    assert z.shape == (5, 1, 6, 6)
    assert model.decode(z, steps=4).shape == (5, 12, 12)
    assert run("report", path)[0] == 0
    assert run("animate", path, "-o", tmp_path / "film.gif", "--seconds", "1", "--rate", "5")[0] == 0
    assert run("interpolate", path, tmp_path / "x.npz", "--rows", "1,2", "-o", tmp_path / "way.npy", "--steps", "3")[0] == 0
    np.save(tmp_path / "mask.npy", np.ones((12, 12), bool))
    arguments = ("inpaint", path, tmp_path / "x.npz", "--mask", tmp_path / "mask.npy", "-o", tmp_path / "in.npy", "--rows", "1,2")
    refused(2, "a model of latents cannot inpaint", *arguments)
    with pytest.raises(UsageError, match="no density"):
        model.log_prob(x)
    again = read_encoder(path)
    assert again is not None
    assert torch.equal(again.encode(torch.as_tensor(x)), model.encoder.encode(torch.as_tensor(x)))
    # A checkpoint without a model: it goes on with the autoencoder that is there, and ends as the same model.
    before = contents(path / "model")
    for part in sorted((path / "model").iterdir()):
        part.unlink()
    (path / "model").rmdir()
    about = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps(about | {"status": "stopped"}))
    assert run("resume", path, "--quiet")[0] == 0
    assert contents(path / "model") == before
    (path / "encoder" / "encoder.safetensors").write_bytes(b"no")
    with pytest.raises(StorageError, match="damaged"):
        read_encoder(path)


def test_a_dry_run_and_inspect_say_what_the_autoencoder_costs_and_train_none(tmp_path):
    np.save(tmp_path / "x.npy", spots(60).astype(np.uint8))
    long = (*TINY[:-1], "100000")  # so many updates would take an hour
    code, out, said = run("train", tmp_path / "x.npy", "--latent", "--dry-run", "--steps", "3", *long)
    assert code == 0, said
    assert "first the autoencoder" in out
    assert (
        run(
            "inspect",
            tmp_path / "x.npy",
            "--data.encoder",
            "latent",
            "--autoencoder.updates",
            "100000",
            "--autoencoder.filters",
            "8",
        )[0]
        == 0
    )
