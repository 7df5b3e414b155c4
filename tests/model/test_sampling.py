"""How to sample, as one value: what it refuses, and that every way to say it is the same."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import unstir
from unstir.diffusion.samplers import ddim, sampler
from unstir.errors import UsageError
from unstir.model.sampling import Sampling


@pytest.fixture(scope="module")
def model():
    rows = np.random.default_rng(0).normal(size=(200, 2))
    return unstir.fit(rows, width=8, depth=1, batch_size=16, steps=2)


def test_a_value_and_its_settings_say_the_same(model):
    # Catches a setting that is passed on by one way and lost by the other.
    how = Sampling(steps=7, method="ddim", seed=3)
    assert np.array_equal(model.sample(5, how=how), model.sample(5, steps=7, method="ddim", seed=3))
    assert np.array_equal(model.sample(5, how=how, seed=4), model.sample(5, steps=7, method="ddim", seed=4))
    assert not np.array_equal(model.sample(5, how=how), model.sample(5, how=how, seed=4))


def test_a_sampler_of_ones_own_is_a_function(model):
    """Catches an own sampler that is not run, one that is given what it does not take, and noise that depends on the batch."""

    def half_way(denoise, schedule, times, x):  # noqa: ARG001
        yield x
        yield denoise(x, times[0]) / 2

    def nothing(denoise, schedule, times, x):  # noqa: ARG001
        yield from ()

    seen = []

    def noisy(denoise, schedule, times, x, noise):
        seen.append(len(times))
        yield from sampler("ddpm").run(denoise, schedule, times, x, noise=noise)

    first = model.states(3, steps=1, method="ddim", every=1)[0]
    assert np.array_equal(model.states(3, steps=2, method=half_way, every=1)[0], first)
    denoised = model.denoise()(torch.as_tensor(model.encoder.encode(torch.as_tensor(first))), model.times(steps=1)[0])
    assert model.sample(3, steps=2, method=half_way) == pytest.approx(model.in_units(denoised / 2), rel=1e-5)
    assert np.array_equal(model.sample(3, steps=9, method=noisy), model.sample(300, steps=9, method=noisy)[:3])
    assert seen == [10, 10]
    with pytest.raises(UsageError, match="yields no state"):
        model.sample(3, method=nothing)
    own_ddim = model.sample(3, steps=9, method=lambda *setting: ddim(*setting), grid="uniform")
    assert np.array_equal(own_ddim, model.sample(3, steps=9, method="ddim", grid="uniform"))


def test_times_can_be_chosen(model):
    # Catches a grid that is ignored: the best one of ddim is not uniform.
    assert model.times(steps=4, method="ddim", grid="uniform").tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert model.times(steps=4, method="ddim").tolist() != [1, 0.75, 0.5, 0.25, 0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"step": 3}, "unknown sampling setting 'step': did you mean 'steps'"),
        ({"batch_size": 0}, "at least 1"),
        ({"steps": 100_001}, "the most"),
        ({"interval": (-2, 4)}, "guidance 1 has no effect"),
        ({"method": "dim"}, "unknown sampling method 'dim': did you mean 'ddim'"),
        ({"grid": "unifrom"}, "unknown grid of times 'unifrom'"),
    ],
)
def test_what_cannot_be_is_refused(model, settings, said):
    with pytest.raises(UsageError, match=said):
        model.sample(3, **settings)


def test_it_needs_no_torch():
    # The command line describes it in its help. Catches an import of torch.
    program = "import sys, unstir.model.sampling; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
