"""The blend of a network and the best Gaussian: the share that is best, in each direction and at each level, and what it leaves alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import unstir
from unstir.diffusion.blending import Blend, blended, measured
from unstir.diffusion.chains import linear
from unstir.diffusion.continuous import Flow
from unstir.diffusion.oracles import Gaussian, Independent, Mixture
from unstir.errors import StorageError
from unstir.training import fitting

LEVELS = [-4.0, 0.0, 4.0, 8.0]


def nothing(x, t):  # noqa: ARG001
    """A network that has learnt nothing."""
    return 0 * x


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def turned():
    """A Gaussian in three dimensions along directions of its own, with variances from 4 to 1e-6."""
    Q = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=generator(5)))[0]
    return Gaussian(torch.tensor([1.0, -2.0, 0.5]), Q @ torch.diag(torch.tensor([4.0, 0.3, 1e-6], dtype=torch.float64)) @ Q.T)


def test_for_gaussian_data_the_blend_is_exact_before_any_training():
    """Catches directions as rows instead of columns, a mean that is left out, and shares the wrong way round."""
    truth, schedule = turned(), linear()
    rows = truth.sample(2000, generator())
    blend = measured(nothing, *truth.independent(), schedule, rows, LEVELS, generator(1))
    x, t = torch.randn(50, 3, dtype=torch.float64, generator=generator(2)), schedule.inverse(2.0)
    own = blended(nothing, replace(blend, share=torch.zeros(4, 3).double()), schedule)(x, t)
    torch.testing.assert_close(own, truth.denoise(schedule)(x, t), atol=1e-5, rtol=1e-5)
    # a share's standard error is about 1 / sqrt(2000) where the answers differ by as much as the Gaussian errs; five of them
    assert blend.share.max() < 5 / 2000**0.5
    several = torch.full((50,), t.item(), dtype=torch.float64)
    torch.testing.assert_close(own, blended(nothing, replace(blend, share=torch.zeros(4, 3).double()), schedule)(x, several))


def test_the_share_of_independent_errors_is_that_of_their_variances():
    """f of variance a and g of variance b, independent: w = b / (a + b). Catches f and g exchanged, and a share of standard deviations."""
    schedule, variances = Flow(), torch.tensor([2.0, 0.1], dtype=torch.float64)
    gaussian = Independent(torch.zeros(2), variances)
    n = 40_000
    rows = gaussian.sample(n, generator())
    wrong = 0.3 * torch.randn(n, 2, dtype=torch.float64, generator=generator(1))
    blend = measured(lambda x, t: rows + wrong + 0 * t * x, gaussian, torch.empty(0, 2), schedule, rows, LEVELS, generator(2))
    alpha, sigma = (c[:, None] for c in schedule(schedule.inverse(torch.tensor(LEVELS))))
    b = variances * sigma**2 / (alpha**2 * variances + sigma**2)
    assert (blend.share - b / (0.09 + b)).abs().max() < 5 / n**0.5


def test_a_perfect_network_is_left_alone_where_the_data_is_no_gaussian():
    """E f (g - f) = 0 if f is the error of the true mean, so the share is 1. Catches shares that mistrust every network."""
    truth = Mixture(torch.tensor([0.5, 0.5]), torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), 0.01 * torch.eye(2)[None].repeat(2, 1, 1))
    covariance = truth.covariance()
    gaussian, directions = Gaussian(torch.zeros(2), covariance).independent()
    rows = truth.sample(4000, generator())
    blend = measured(truth.denoise(Flow()), gaussian, directions, Flow(), rows, [0.0, 1.0, 2.0], generator(1))
    widest = int(gaussian.variances.argmax())
    assert blend.share[:, widest].min() > 0.95


def test_a_share_of_one_is_the_network_to_the_last_bit():
    blend = Blend(*turned().independent(), torch.tensor([-1.0, 1.0]).double(), torch.ones(2, 3).double())
    x = torch.randn(9, 3, generator=generator())
    assert torch.equal(
        blended(lambda x, t: (x + 0 * t).sin(), replace(blend, directions=blend.directions.float()), Flow())(x, 0.3), x.sin()
    )


def test_where_products_are_taken_in_bfloat16_those_of_the_blend_are_not():
    """Eight digits would put a thousandth of the widest direction as noise into the narrowest, where samples are to be still."""
    gaussian, directions = turned().independent()
    blend = Blend(gaussian, directions.float(), torch.tensor([-1.0, 1.0]).double(), torch.zeros(2, 3).double())
    x, denoise = torch.randn(9, 3, generator=generator()), blended(nothing, blend, Flow())
    plain = denoise(x, 0.3)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(denoise(x, 0.3), plain)


def test_between_two_levels_the_share_is_a_line_and_beyond_them_it_stays():
    blend = Blend(
        Independent(torch.zeros(1), torch.ones(1)), torch.empty(0, 1), torch.tensor([0.0, 2.0]), torch.tensor([[1.0], [0.0]])
    )
    assert blend.at(torch.tensor([-9.0, 0.0, 0.5, 2.0, torch.inf])).flatten().tolist() == [1.0, 1.0, 0.75, 0.0, 0.0]


# ---- in a model


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    """An error curve of few draws, which is not what is tested here, and would take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "CURVE_DRAWS", (64, 128))
        yield


@pytest.fixture(scope="module")
def smooth():
    """Curves of three slow waves in 24 points, and a model of them that has hardly been trained."""
    rng = np.random.default_rng(0)
    place = np.linspace(0, 1, 24)[:, None]
    size = rng.normal(size=(400, 3, 2))
    curves = sum(size[:, k, None] * np.sin((k + 1) * np.pi * place) for k in range(3))
    return curves, unstir.fit(curves, steps=60, width=8, depth=1, axes="NLC")


def roughness(curves):
    """Second differences divided by first ones, root mean squares: the median over rows."""
    first, second = (np.sqrt((np.diff(curves, n=n, axis=1) ** 2).mean((1, 2))) for n in (1, 2))
    return np.median(second / first)


def test_samples_of_smooth_curves_are_as_smooth_as_the_curves(smooth):
    """The network alone trembles. Catches a blend that sampling forgets, in either precision."""
    curves, model = smooth
    real = roughness(curves)
    assert roughness(replace(model, blend=None).sample(50, steps=10)) > 3 * real
    assert roughness(model.sample(50, steps=10)) < 1.5 * real
    assert roughness(replace(model, precision="bfloat16").sample(50, steps=10)) < 1.5 * real


def test_a_saved_blend_is_the_same_and_a_wrong_one_is_refused(smooth, tmp_path):
    _, model = smooth
    model.save(tmp_path / "model")
    assert np.array_equal(unstir.load(tmp_path / "model").sample(3), model.sample(3))
    replace(model, blend=None).save(tmp_path / "alone")
    assert unstir.load(tmp_path / "alone").blend is None
    replace(model, blend=replace(model.blend, share=model.blend.share + 1)).save(tmp_path / "wrong")
    with pytest.raises(StorageError, match=r"blend\.share is between 0 and 1"):
        unstir.load(tmp_path / "wrong")
    replace(model, blend=replace(model.blend, share=model.blend.share[:, :5])).save(tmp_path / "short")
    with pytest.raises(StorageError, match=r"blend\.share"):
        unstir.load(tmp_path / "short")


def test_mirrored_rows_are_blended_with_the_gaussian_of_both_views():
    """Left halves are bright in all rows, and right halves in their mirror images: the mean is the same on both sides."""
    rows = np.zeros((60, 8, 8))
    rows[:, :, :4] = 1 + 0.1 * np.random.default_rng(0).normal(size=(60, 8, 1))
    model = unstir.fit(rows, steps=2, width=8, depth=1, flip="horizontal", axes="NHW")
    mean = (model.blend.directions.double() @ model.blend.gaussian.means).view(8, 8)
    torch.testing.assert_close(mean, mean.flip(1), atol=1e-4, rtol=0)
