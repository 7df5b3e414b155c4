"""Images with an opacity: what nobody sees is not learnt, and what a viewer shows comes back."""

import numpy as np
import pytest
import torch

import unstir
from unstir.data.layouts import layout
from unstir.encoders.base import FitOptions, fit_encoder
from unstir.errors import DataError, UsageError
from unstir.plots.mosaics import shares

SMALL = {"steps": 3, "width": 8, "depth": 1, "architecture": "mlp"}


def discs(n=12, hidden=0, seed=0):
    """Red discs with soft edges, (n, 8, 8, 4) uint8; `hidden` is the colour of transparent pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:8, :8]
    far = np.hypot(y - 3.5, x - 3.5)[None] - rng.uniform(1, 3.5, (n, 1, 1))
    opacity = np.rint(255 * (0.5 - far).clip(0, 1))
    colours = np.where(opacity[..., None] > 0, [200, 30, 40], hidden)
    return np.concatenate([colours, opacity[..., None]], -1).astype(np.uint8)


def fitted(x, encoder="premultiplied"):
    return fit_encoder(encoder, torch.as_tensor(x).float(), FitOptions(layout=layout(x.shape[1:])))


@pytest.mark.parametrize("first", [False, True])
def test_the_colour_of_a_transparent_pixel_is_nothing_to_the_model(first):
    # Catches a network that learns what an editor left under erased pixels, and an axis of the channels that is always the last.
    black, noisy = discs(), discs(hidden=np.random.default_rng(1).integers(0, 256, 3))
    if first:
        black, noisy = (np.moveaxis(x, -1, 1) for x in (black, noisy))
    encoder = fitted(black)
    assert torch.equal(encoder.encode(torch.as_tensor(black)), encoder.encode(torch.as_tensor(noisy)))
    again = fitted(noisy)
    assert all(torch.equal(encoder.tensors()[name], again.tensors()[name]) for name in encoder.tensors())
    channels = fitted(black, "channels")
    assert not torch.equal(channels.encode(torch.as_tensor(black)), channels.encode(torch.as_tensor(noisy)))


def test_what_a_viewer_shows_comes_back():
    # Catches colours that stay multiplied, which a viewer then multiplies again: dark rims.
    x = discs(hidden=77)
    encoder = fitted(x)
    back = encoder.decode(encoder.encode(torch.as_tensor(x))).numpy()
    np.testing.assert_allclose(shares(back, (0, 255)), shares(x, (0, 255)), atol=1e-5)
    seen = x[..., 3] > 0
    np.testing.assert_allclose(back[seen], x[seen], atol=1e-3)


def test_a_model_of_images_with_an_opacity_from_fit_to_samples(tmp_path):
    # Catches settings that cannot be saved, samples beyond 255, and a density of what is not kept.
    model = unstir.fit(discs(), encoder="premultiplied", **SMALL)
    again = unstir.load(model.save(tmp_path / "model"))
    rows = again.sample(5)
    assert rows.shape == (5, 8, 8, 4)
    assert rows.dtype == np.uint8
    assert np.array_equal(rows, model.sample(5))
    with pytest.raises(UsageError, match="no density in the data's units"):
        model.log_prob(discs())
    filled = model.inpaint(discs(2), np.arange(8)[:, None, None] < 4)
    np.testing.assert_array_equal(filled[:, :4], discs(2)[:, :4])


def test_other_rows_are_encoded_by_channels_and_a_negative_opacity_is_refused():
    # Catches the last of four columns of a table, or of a sequence, taken for an opacity.
    table = np.random.default_rng(0).standard_normal((30, 4))
    for x in (table, table[:, None].repeat(9, 1)):
        ours, channels = fitted(x), fitted(x, "channels")
        assert torch.equal(ours.encode(torch.as_tensor(x)), channels.encode(torch.as_tensor(x)))
    with pytest.raises(DataError, match="opacity goes from -1 to 1"):
        fitted(2 * (discs() / 255) - 1)
