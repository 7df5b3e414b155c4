"""Encoders: there and back, what they promise of the training data, and the change of variables."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unstir.data import layout
from unstir.encoders.base import FitOptions, fit_encoder
from unstir.encoders.registry import ENCODERS, FOR_TABLES, LATENT
from unstir.errors import UsageError

ARRAYS = [name for name in ENCODERS if name != FOR_TABLES]  # tests/encoders/test_table.py has the other
EXACT = [name for name in ARRAYS if not ENCODERS[name].trained]  # which lose nothing on the way
LINEAR = [name for name in EXACT if fit_encoder(name, torch.eye(2)).linear is not None]
names = pytest.mark.parametrize("name", EXACT)


def data(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 7 + 3 * torch.randn(*shape, dtype=torch.float64, generator=generator).exp()


@names
@pytest.mark.parametrize("shape", [(50, 2), (50, 1, 4, 3), (50,)])
def test_decode_undoes_encode(name, shape):
    # To float32's precision, in units of the spread. Catches a shift added before the scale on one of the two ways.
    x = data(*shape)
    encoder = fit_encoder(name, x)
    assert encoder.encode(x).dtype == torch.float32
    assert encoder.decode(encoder.encode(x)).dtype == torch.float64
    torch.testing.assert_close(encoder.decode(encoder.encode(x)), x, rtol=1e-6, atol=1e-6)


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(scale=st.floats(1e-6, 1e9), shift=st.floats(-100, 100))
def test_units_do_not_matter(scale, shift):
    # z is the same in metres and in millimetres. Catches an epsilon added to the scale, which swallows small units.
    x = data(40, 3)
    for name in EXACT:
        torch.testing.assert_close(
            fit_encoder(name, scale * (x + shift)).encode(scale * (x + shift)),
            fit_encoder(name, x).encode(x),
            rtol=1e-4,
            atol=1e-5,
        )


def test_standardise_has_mean_0_and_variance_1():
    # Of each element of a row. Catches one mean for all elements, and a variance for a standard deviation.
    z = fit_encoder("standardise", data(400, 2, 3)).encode(data(400, 2, 3)).double()
    torch.testing.assert_close(z.mean(0), torch.zeros(2, 3, dtype=torch.float64), rtol=0, atol=1e-6)
    torch.testing.assert_close(z.var(0, correction=0), torch.ones(2, 3, dtype=torch.float64), rtol=1e-6, atol=0)


def test_min_max_fills_minus_one_to_one():
    # Catches [0, 1], and one range for all elements.
    z = fit_encoder("min_max", data(400, 3)).encode(data(400, 3))
    assert z.amin(0).tolist() == pytest.approx([-1] * 3)
    assert z.amax(0).tolist() == pytest.approx([1] * 3)


# The two that are left out have no scale for each element: tests/networks/test_unet.py.
@pytest.mark.parametrize("name", sorted({*EXACT} - {"channels", "premultiplied"}))
@pytest.mark.parametrize("value", [0.0, 0.1, -1e9, 1e-30])
def test_an_element_that_never_varies_is_0_and_comes_back_exactly(name, value):
    # Catches 0 / 0, and a constant such as 0.1 whose mean of many copies is not itself.
    x = data(1001, 2)
    x[:, 1] = value
    encoder = fit_encoder(name, x)
    z = encoder.encode(x + 0.5)  # new data may differ there: it is still encoded as 0
    assert (z[:, 1] == 0).all()
    assert (encoder.decode(torch.randn(10, 2, generator=torch.Generator().manual_seed(0)))[:, 1] == value).all()
    assert encoder.constant.tolist() == [False, True]
    alone = fit_encoder(name, x[:, :1])
    torch.testing.assert_close(encoder.log_volume(x), alone.log_volume(x[:, :1]))  # the element that never varies has no volume


@pytest.mark.parametrize("name", LINEAR)
def test_log_volume_is_the_change_of_variables(name):
    # log p(x) = log p(z) - log_volume, on a Gaussian whose density is known in both units. Catches the sign and a lost element.
    x = np.random.default_rng(0).normal([1.0, -2.0], [3.0, 0.2], (5000, 2))
    encoder = fit_encoder(name, torch.from_numpy(x))
    shift, scale = (part.numpy() for part in encoder.linear)
    in_x = stats.norm([1.0, -2.0], [3.0, 0.2]).logpdf(x).sum(1)
    in_z = stats.norm((np.array([1.0, -2.0]) - shift) / scale, np.array([3.0, 0.2]) / scale).logpdf((x - shift) / scale).sum(1)
    np.testing.assert_allclose(in_x, in_z - encoder.log_volume(torch.from_numpy(x)).numpy(), rtol=1e-9)


@names
def test_log_volume_is_the_slope_of_decode(name):
    # By finite differences, at every row. Catches the slope of encode, and the slope of a line beside the one that x lies on.
    x = data(300, 2, seed=3)
    encoder = fit_encoder(name, x)
    z = encoder.encode(x).double()
    h = 1e-6
    slopes = (encoder.decode(z + h) - encoder.decode(z - h)) / (2 * h)
    off = (slopes.log().sum(1) - encoder.log_volume(encoder.decode(z))).abs()
    assert (off < 1e-3).double().mean() > 0.97  # some rows lie on a knot, where there are two slopes


def test_normal_scores_are_normal_whatever_the_tails():
    """Columns of a Cauchy and of a log-normal distribution, with shares in closed form. Catches tails that are left as they are, columns
    that are exchanged, and a scale found after the largest value."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(np.stack([rng.standard_cauchy(20_000), rng.lognormal(3, 2, 20_000)], 1))
    z = fit_encoder("quantile", x).encode(x).double().numpy()
    assert stats.kstest(z[:, 0], "norm").statistic < 0.02
    assert stats.kstest(z[:, 1], "norm").statistic < 0.02
    assert np.abs(z).max() < 6
    assert np.abs(fit_encoder("standardise", x).encode(x).numpy()).max() > 50


def test_values_that_are_repeated_keep_the_variance_at_one_and_their_order():
    # Four fifths zeros. Catches knots that fall together, which divide by 0, and scores that leave a variance of a fifth.
    rng = np.random.default_rng(0)
    x = torch.from_numpy(np.where(rng.random(5000) < 0.8, 0.0, rng.exponential(100, 5000)))[:, None]
    encoder = fit_encoder("quantile", x)
    z = encoder.encode(x).double()
    assert z.var(correction=0).item() == pytest.approx(1, abs=1e-3)
    order = x.flatten().argsort(stable=True)
    assert (z.flatten()[order].diff() >= 0).all()
    torch.testing.assert_close(encoder.decode(z.float()), x, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_saved_encoder_is_the_same_encoder(name):
    # By its outline and back from its tensors. Catches an outline that is not what is written, and a number that is not saved.
    x = data(40, 8, 8)
    options = FitOptions(settings={"updates": 2, "filters": 8} if name == LATENT else {}, layout=layout((8, 8)))
    encoder = fit_encoder(name, x, options)
    space, tensors = ENCODERS[name].outline(encoder.settings, (8, 8))
    assert space == encoder.space
    assert {key: (tuple(value.shape), value.dtype) for key, value in encoder.tensors().items()} == tensors
    again = ENCODERS[name].build(json.loads(json.dumps(encoder.settings)), encoder.tensors())
    z = encoder.encode(x)
    assert torch.equal(again.encode(x), z)
    assert torch.equal(again.decode(z), encoder.decode(z))
    low, high = encoder.reach()
    assert low < x.median() < high


def test_float32_data_is_fitted_in_float64():
    # A large offset: float32 statistics of 1e6 +- 1 lose the spread. Catches a mean accumulated in the data's own type.
    x = (1e6 + data(2000, 1, seed=1)).float()
    exact = x.double()
    encoder = fit_encoder("standardise", x)
    assert encoder.linear[1].item() == pytest.approx(exact.std(correction=0).item(), rel=1e-9)
    assert encoder.linear[0].item() == pytest.approx(exact.mean().item(), rel=1e-12)


def test_an_unknown_encoder_is_refused():
    with pytest.raises(UsageError, match=r"did you mean 'standardise'"):
        fit_encoder("standardize", data(3, 1))
