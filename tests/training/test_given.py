"""What rows are given beside them, from data to samples: the law of the rows for what was never seen, guidance, and what is kept."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import integrate
from torch import nn

import unstir
from unstir.data import from_arrays
from unstir.diffusion.denoiser import X0
from unstir.errors import DataError, UnstirWarning, UsageError

A, B, S = np.array([[1.0, -0.5], [0.3, 0.8]]), np.array([2.0, -1.0]), np.array([[0.5, 0.2], [0.2, 0.3]])
UNSEEN = ((0.0, 0.0), (1.2, -0.7), (-1.0, 0.8))
SHORT = {"steps": 20, "width": 8, "depth": 1, "batch_size": 32, "progress": False}


def pairs(n, seed=0):
    """c (n, 2) standard normal, and x | c ~ N(A c + B, S) (n, 2)."""
    rng = np.random.default_rng(seed)
    c = rng.normal(size=(n, 2))
    return c, c @ A.T + B + rng.multivariate_normal([0, 0], S, n)


def furthest(samples, mean, covariance):
    """The largest distance of the moments of samples (n, 2) from their law's, in standard errors."""
    n, variances = len(samples), np.diag(covariance)
    of_mean = (samples.mean(0) - mean) / np.sqrt(variances / n)
    of_covariance = (np.cov(samples.T) - covariance) / np.sqrt((np.outer(variances, variances) + covariance**2) / n)
    return max(abs(of_mean).max(), abs(of_covariance).max())


@pytest.mark.parametrize(
    ("rows", "steps", "samples"),
    [(2000, 300, 60), pytest.param(20_000, 4000, 500, marks=pytest.mark.slow)],
    ids=["short", "long"],
)
def test_the_law_of_the_rows_is_learnt_where_nothing_was_seen(rows, steps, samples):
    """x | c ~ N(A c + B, S): mean and covariance of samples at c that no row has, within three standard errors.

    Also with one of the two left out: x | c_1 ~ N(A_1 c_1 + B, S + A_2 A_2^T), because the other is standard normal. Catches a model that
    is not told c, or one of its columns, or takes what is left out for 0: then the mean is off by a deviation, eight standard errors,
    or the variance is half.
    """
    c, x = pairs(rows)
    model = unstir.fit(x, given={"speed": c[:, 0], "slope": c[:, 1]}, steps=steps, progress=False)
    for at in UNSEEN:
        made = model.sample(samples, given={"speed": at[0], "slope": at[1]})
        assert furthest(made, A @ at + B, S) <= 3, at
    half = model.sample(samples, given={"slope": 1.0}, seed=1)
    assert furthest(half, A[:, 1] + B, S + np.outer(A[:, 0], A[:, 0])) <= 3


class Exact(nn.Module):
    """E[x_0 | x_t, c] of x | c ~ N(a c, v) with c standard normal, in one dimension; NaN and None are nothing given."""

    def __init__(self, schedule, a, v):
        super().__init__()
        self.schedule, self.a, self.v = schedule, a, v
        self.none = nn.Parameter(torch.zeros(1))

    def forward(self, x, t, cond=None):
        alpha, sigma = (part.to(x)[..., None] for part in self.schedule(t))
        c = torch.full_like(x, float("nan")) if cond is None else cond
        mean, v = (self.a * c).nan_to_num(nan=0.0), torch.where(c.isnan(), self.v + self.a**2, self.v)
        return mean + alpha * v / (alpha**2 * v + sigma**2) * (x - alpha * mean)


@pytest.mark.parametrize("scale", [1.0, 2.0, 3.5])
def test_guidance_is_the_closed_form(scale):
    """With the exact denoiser of N(a c, v1) given c and N(0, v0) without, v0 = v1 + a^2, the guided flow is linear, so samples are normal.

    With u = (sigma / alpha)^2 it is dx/du = 1/2 (w (x - a c) / (v1 + u) + (1 - w) x / (v0 + u)), whose solution multiplies distances by
    h(u) = (v1 + u)^(w/2) (v0 + u)^((1 - w)/2). So the variance is h(0)^2 = v1^w v0^(1 - w), and the mean w a c h(0) / 2 times the integral
    of 1 / ((v1 + u) h(u)) over all u. At scale 1 they are v1 and a c. Three standard errors of 4,000 samples. Catches a scale off by one,
    an unconditional side that is given something, and a given value that does not reach the network.
    """
    a, v1, c, n = 0.8, 0.3, 1.5, 4000
    v0 = v1 + a**2
    told = np.random.default_rng(0).normal(size=200)
    model = unstir.fit(told[:, None], given={"c": told}, **SHORT)
    model = replace(model, network=Exact(model.schedule, a, v1), target=X0, blend=None)
    scaled = c * model.condition.spreads[0] + model.condition.means[0]  # the network sees c itself
    made = model.encoder.encode(torch.as_tensor(model.sample(n, given={"c": scaled}, guidance=scale, steps=100))).double()

    def h(u):
        return (v1 + u) ** (scale / 2) * (v0 + u) ** ((1 - scale) / 2)

    mean = scale * a * c * h(0) / 2 * integrate.quad(lambda u: 1 / ((v1 + u) * h(u)), 0, np.inf)[0]
    variance = v1**scale * v0 ** (1 - scale)
    assert abs(made.mean().item() - mean) <= 3 * (variance / n) ** 0.5
    assert abs(made.var().item() / variance - 1) <= 3 * (2 / n) ** 0.5


def test_what_is_given_is_kept_with_the_model(tmp_path):
    """Names, kinds, spellings and scales are in the folder. Catches a condition that is lost, and one that is scaled in another way."""
    c, x = pairs(300)
    told = {"speed": c[:, 0], "goal": c, "island": np.where(c[:, 1] > 0, "Dream", "Biscoe"), "on": c[:, 0] > 0}
    model = unstir.fit(x, given=told, **SHORT)
    assert model.condition.names == ("speed", "goal.0", "goal.1", "island", "on")
    again = unstir.load(model.save(tmp_path / "m"))
    asked = {"speed": 0.3, "goal": [0.1, -0.2], "island": "Dream", "on": True}
    assert (again.sample(5, given=asked) == model.sample(5, given=asked)).all()
    assert (again.sample(5) == model.sample(5)).all()
    assert (model.sample(5, given=asked) != model.sample(5, given=asked | {"island": "Biscoe"})).any()
    with pytest.warns(UnstirWarning, match="speed=90 is beyond what the model was trained on, -.* to .*, so it can only guess"):
        model.sample(2, given={"speed": 90})


def test_columns_of_a_table_can_be_given_by_name():
    """They leave the rows. Catches a given column that is also learnt, and rows that are given those of others after a split."""
    c, x = pairs(300)
    frame = {"speed": c[:, 0], "a": x[:, 0], "island": np.where(c[:, 1] > 0, "Dream", "Biscoe"), "b": x[:, 1]}
    model = unstir.fit(frame, given=["speed", "island"], **SHORT)
    assert (model.card.names, model.condition.names) == (("a", "b"), ("speed", "island"))
    data = from_arrays(frame).with_given(["speed", "island"])
    some = data.take(np.array([7, 3]))
    assert some.given.tolist() == [[c[i, 0], float(c[i, 1] > 0)] for i in (7, 3)]
    assert data.sha256() != replace(data, given=data.given[::-1]).sha256()
    assert len(model.sample(2, given={"island": "Dream"})) == 2
    with pytest.raises(UsageError, match="unknown column in 'array' 'sped': did you mean 'speed'"):
        unstir.fit(frame, given="sped", **SHORT)
    with pytest.raises(UsageError, match="every column of array is given"):
        data.with_given(["a", "b"])


def test_what_goes_wrong_is_said():
    c, x = pairs(50)
    with pytest.raises(DataError, match=r"given 'speed' has shape \(49,\), and there are 50 rows"):
        unstir.fit(x, given={"speed": c[1:, 0]}, **SHORT)
    with pytest.raises(DataError, match="given 'speed' has infinite values"):
        unstir.fit(x, given={"speed": np.full(50, np.inf)}, **SHORT)
    with pytest.raises(UsageError, match="labels are a condition, and so is given"):
        unstir.fit(x, labels=c[:, 0] > 0, given={"speed": c[:, 0]}, **SHORT)
    with pytest.raises(UsageError, match="array has no columns with names, so its rows cannot be given 'speed'"):
        unstir.fit(x, given="speed", **SHORT)


def test_a_missing_value_is_not_given():
    """Rows whose gaps are dropped lose what they are given, too. Catches NaN that reaches the loss, and rows that slip by one."""
    c, x = pairs(200)
    told = np.where(np.arange(200) % 3 == 0, np.nan, c[:, 0])
    x[5] = np.nan
    data = from_arrays(x, given={"speed": told}, missing="drop")
    assert np.array_equal(data.given[:, 0], np.delete(told, 5), equal_nan=True)
    model = unstir.fit(x, given={"speed": told}, missing="drop", **SHORT)
    assert np.isfinite(model.losses).all()
    assert np.isfinite(model.sample(3)).all()
