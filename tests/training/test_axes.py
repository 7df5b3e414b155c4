"""Sequences whose channels come first, from training to samples, scores and pictures: the same as those whose channels come last."""

import json

import numpy as np
import pytest
import torch

import unstir
from commands import run
from unstir.data import from_arrays
from unstir.errors import UsageError
from unstir.evaluation import features
from unstir.training.config import flat
from unstir.training.presets import settle
from unstir.training.problems import problems_of_settings

pytestmark = pytest.mark.usefixtures("brief")

SMALL = {"steps": 3, "batch_size": 8, "width": 8, "depth": 1, "levels": 2, "precision": "float32"}
SCALES = (1.0, 9.8, 0.01)


def waves(n=60, steps=24):
    """Rows (n, 3, steps), channels first: waves of three sizes."""
    r, t = np.random.default_rng(0), np.linspace(0, 1, steps)
    each = [s * np.sin(2 * np.pi * ((k + 1) * t + r.uniform(size=(n, 1)))) for k, s in enumerate(SCALES)]
    return np.stack(each, 1)


@pytest.fixture(scope="module")
def pair(brief):  # noqa: ARG001
    """A model of rows whose channels come first, and one of the same rows with their channels last."""
    return [unstir.fit(rows, **SMALL) for rows in (waves(), waves().transpose(0, 2, 1))]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"network": "mlp"},
        {"network": "dit", "width": 32},
        {"encoder": "standardise"},
        {"encoder": "quantile"},
        {"encoder": "latent", "updates": 3, "filters": 8},
    ],
    ids=["unet", "mlp", "dit", "standardise", "quantile", "latent"],
)
def test_a_model_does_not_depend_on_how_its_sequences_are_stored(settings, pair):
    """Bit by bit. Catches channels taken for steps, a scale for each step, and noise, weights or sums in an order of their own."""
    x = waves()
    first, last = (unstir.fit(rows, **(SMALL | settings)) for rows in (x, x.transpose(0, 2, 1))) if settings else pair
    assert (first.card.axes, last.card.axes) == ("NCL", "NLC")
    for one, other in (
        (first.network.state_dict(), last.network.state_dict()),
        (first.encoder.tensors(), last.encoder.tensors()),
    ):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(first.error.mse, last.error.mse)
    assert (first.losses == last.losses).all()
    torch.testing.assert_close(first.deviation.T, last.deviation)
    a, b = first.sample(9, steps=4), last.sample(9, steps=4)
    assert a.shape == (9, 3, 24)
    assert (a.transpose(0, 2, 1) == b).all()


def test_what_a_model_is_asked_lies_as_its_data_does(tmp_path, pair):
    """Likelihood, noise and back, inpainting, saved and loaded. Catches an answer that is turned, or that only the other way round works."""
    x, (first, last) = waves(), pair
    first.save(tmp_path / "model")
    first = unstir.load(tmp_path / "model")
    few, turned = x[:4], x[:4].transpose(0, 2, 1)
    assert (first.log_prob(few, steps=4) == last.log_prob(turned, steps=4)).all()
    z = first.encode(few, steps=4)
    assert z.shape == few.shape
    assert (z.transpose(0, 2, 1) == last.encode(turned, steps=4)).all()
    assert first.decode(z, steps=4).shape == few.shape
    assert first.interpolate(x[0], x[1], 3, steps=4).shape == (3, 3, 24)
    mask = np.zeros((3, 24), bool)
    mask[1] = True  # one channel is known
    made = first.inpaint(few, mask, steps=3)
    assert (made[:, 1] == few[:, 1]).all()
    assert (made[:, 0] != few[:, 0]).all()
    assert (made.transpose(0, 2, 1) == last.inpaint(turned, mask.T, steps=3)).all()


def test_each_channel_keeps_its_scale():
    """Statistics of samples against those of the data, channel by channel. Catches one scale for all channels, by which the smallest
    sensor came back 200 times too large."""
    x = waves(200)
    model = unstir.fit(x, **(SMALL | {"steps": 60, "width": 16, "batch_size": 16}))
    ratio = model.sample(100).std((0, 2)) / x.std((0, 2))
    assert ratio.min() > 0.3, ratio
    assert ratio.max() < 3, ratio


def test_tables_are_sequences_and_squares_are_series_if_that_is_said():
    """Catches axes that are read and not used: a table of signals learnt by an MLP, series learnt as images."""
    r = np.random.default_rng(0)
    signals, squares = r.normal(size=(50, 32)).cumsum(1), r.normal(size=(50, 12, 12)).cumsum(1)
    model = unstir.fit(signals, axes="NL", **SMALL)
    assert (model.card.network, model.card.network_settings["shape"], model.sample(3).shape) == ("unet", [32], (3, 32))
    series = unstir.fit(squares, axes="NLC", **SMALL)
    assert series.network.space == (12,)
    assert unstir.fit(squares, **SMALL).network.space == (12, 12)
    assert unstir.fit(squares, axes="NDD", **SMALL).card.network == "mlp"
    with pytest.raises(UsageError, match="axes NCHW do not fit"):
        unstir.fit(squares, axes="NCHW", **SMALL)


def test_a_network_of_ones_own_gets_rows_as_they_are():
    """It was written for the caller's data. Catches rows (B, L, C) that are given to a network for (B, C, L)."""

    class Own(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.only = torch.nn.Conv1d(3, 3, 3, padding=1)

        def forward(self, x, t, cond=None):  # noqa: ARG002
            return self.only(x)

    model = unstir.fit(waves(), network=Own(), steps=3, batch_size=8)
    assert model.space == (3, 24)
    assert model.sample(4).shape == (4, 3, 24)


def test_axes_that_no_network_uses_are_said_to_be_idle():
    """Catches axes that are taken and silently do nothing."""
    r = np.random.default_rng(0)
    for values, asked in (
        (r.normal(size=(50, 3)), {"axes": "NL"}),
        (r.normal(size=(50, 40, 2)), {"axes": "NLC", "architecture": "mlp"}),
    ):
        data, flags = from_arrays(values, axes=asked["axes"]), flat(**asked)
        told = problems_of_settings(data, settle(data, flags), flags)
        assert [problem.name for problem in told] == ["axes unused"]
    data, flags = from_arrays(values), flat(architecture="mlp")
    assert problems_of_settings(data, settle(data, flags), flags) == []


# ---- from the command line


@pytest.fixture(scope="module")
def trained(tmp_path_factory, brief):  # noqa: ARG001
    folder = tmp_path_factory.mktemp("axes")
    np.save(folder / "square.npy", waves(60, 12)[:, [0, 1, 2] * 4])  # (60, 12, 12): an image by its shape
    small = ("--steps", "4", "--batch-size", "8", "--network.width", "8", "--network.depth", "1", "--diffusion.T", "50")
    code, _, err = run(
        "train", folder / "square.npy", "--data.axes", "ncl", "--data.held-out", "0.3", "-o", folder / "run", *small
    )
    assert code == 0, err
    return folder


def test_axes_are_kept_and_asked_by_every_command(trained, tmp_path):
    """A square that is a sequence. Catches a command that asks the shape, and would see an image."""
    folder = trained / "run"
    assert 'axes = "NCL"' in (folder / "config.toml").read_text()
    assert json.loads((folder / "data.json").read_text())["axes"] == "NCL"
    card = json.loads((folder / "model" / "config.json").read_text())
    assert (card["axes"], card["network_settings"]["shape"], card["network_settings"]["channel_axis"]) == ("NCL", [12, 12], -1)
    code, _, err = run("sample", folder, "-n", "3", "-o", tmp_path / "s.npy", "--grid", tmp_path / "s.png")
    assert code == 0, err
    assert np.load(tmp_path / "s.npy").shape == (3, 12, 12)
    assert run("sample", folder, "-n", "3", "-o", tmp_path / "pngs")[0] == 2  # a sequence is no picture
    np.save(tmp_path / "mask.npy", np.arange(12) < 6)  # half of the steps, for all channels
    code, _, err = run(
        "inpaint", folder, trained / "square.npy", "--rows", "0", "--mask", tmp_path / "mask.npy", "-o", tmp_path / "i.npy"
    )
    assert code == 0, err
    made, true = np.load(tmp_path / "i.npy")[0], np.load(trained / "square.npy")[0]
    assert (made[:, :6] == true[:, :6]).all()
    assert (made[:, 6:] != true[:, 6:]).all()
    code, _, err = run("report", folder)  # which evaluates, too
    assert code == 0, err


def test_inspect_says_what_was_taken_and_why(trained):
    """Catches a guess that is not shown, and one that says nothing of what else it could be."""
    code, out, err = run("inspect", trained / "square.npy")
    assert (code, err) == (0, "")
    assert "square.npy: images, 60 rows of 12x12 pixels, 1 channel" in out
    assert "data.axes = NHW" in out
    assert "both sides are 8 or more" in out
    assert "--data.axes NLC (12 steps, 12 channels) or --data.axes NCL (12 steps, 12 channels)" in out
    code, out, _ = run("inspect", trained / "square.npy", "--data.axes", "NCL", "--json")
    found = json.loads(out)
    assert (found["kind"], found["axes"], found["other_axes"]) == ("sequences", "NCL", [])
    assert found["settings"]["data.axes"] == {"value": "NCL", "why": "as asked for"}
    assert "axes?" not in [problem["problem"] for problem in found["problems"]]
    code, _, err = run("inspect", trained / "square.npy", "--data.axes", "NCHW")
    assert code == 2
    assert "axes NCHW do not fit rows of shape (12, 12)" in err


def test_features_see_channels_as_channels(monkeypatch):
    """Catches a network of features that takes steps for channels, and so a scale for each step."""
    monkeypatch.setattr(features, "FEWEST_STEPS", 2)
    monkeypatch.setattr(features, "PASSES", 0)
    x = waves(40, 12)[:, [0, 1, 2] * 4]
    for axes, scales in (("NCL", (12, 1)), ("NLC", (12, 1)), ("NHW", (1, 1, 1))):
        seen = features.learn(from_arrays(x if axes != "NLC" else x.transpose(0, 2, 1), axes=axes), seed=0)
        assert seen.standard.scale.shape == scales
        if axes != "NHW":
            assert seen.standard.scale.ravel() == pytest.approx(x.std((0, 2)))


def test_what_is_doubtful_is_said_before_training(trained):
    """Catches a doubt that only `inspect` has."""
    small = ("--steps", "2", "--batch-size", "8", "--network.width", "8", "--network.depth", "1", "--dry-run")
    code, _, err = run("train", trained / "square.npy", *small)
    assert code == 0, err
    assert "warning: rows of shape (12, 12) are taken for NHW (12x12 pixels, 1 channel)" in err
    assert "are taken for" not in run("train", trained / "square.npy", "--data.axes", "NCL", *small)[2]
