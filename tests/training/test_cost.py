"""What a run will take: measured on a few steps, without a trace, and about right."""

import time

import numpy as np
import pytest
import torch

from unstir import data as datasets
from unstir.data import from_arrays
from unstir.training.config import flat
from unstir.training.cost import Cost, rehearse
from unstir.training.fitting import LOOKS, Fitting
from unstir.training.presets import settle


def fitting(**settings):
    data = datasets.toy("moons", 300, seed=1)
    return Fitting(data, settle(data, flat(width=8, depth=1, **settings)))


def test_a_rehearsal_changes_nothing():
    # Catches a warm-up that trains the network it is for, and one that draws from the run's own random numbers.
    a, b = fitting(steps=6), fitting(steps=6)
    cost = rehearse(a, 0.05)
    assert a.state.step == 0
    assert [step.loss for step in a.steps()] == [step.loss for step in b.steps()]
    assert all(torch.equal(x, y) for x, y in zip(a.state.tensors().values(), b.state.tensors().values(), strict=True))
    assert cost.step > 0
    assert cost.look > 0
    assert cost.memory > 50 * 2**20  # torch alone is more


def test_a_rehearsal_of_a_run_of_one_step_still_measures():
    assert rehearse(fitting(steps=1), 0.01).step > 0


def test_the_prediction_is_about_right():
    # Within a factor of 3 on a machine that others use too. Catches milliseconds for seconds, and a step that is counted twice.
    run_of = fitting(steps=400)
    predicted = rehearse(run_of).step * 400
    began = time.monotonic()
    for _ in run_of.steps():
        pass
    assert 1 / 3 < (time.monotonic() - began) / predicted < 3


def test_steps_and_seconds_are_each_others_inverse():
    # Catches looks at the held-out set that the plan forgets, and a plan of no steps at all.
    cost = Cost(step=0.01, look=0.1, memory=1)
    assert cost.seconds(10_000) == pytest.approx(100 + 0.1 * LOOKS)
    assert cost.seconds(1000) == pytest.approx(10 + 0.1 + 1)  # and looks that eat a short run up: one, and a tenth of it
    for steps in (100, 1000, 10_000):
        assert cost.steps(cost.seconds(steps)) == pytest.approx(steps, abs=1)
    assert cost.steps(1e-3) == 1


def test_looks_do_not_eat_a_short_run_up():
    """A tenth of its work, or what a look may cost, and one. Catches twenty looks of a large network at a run of a few steps."""
    rows = np.random.default_rng(0).normal(size=(40, 24, 24))
    network = {"architecture": "unet", "width": 64, "depth": 1}
    looks = [
        Fitting(data := from_arrays(rows), settle(data, flat(steps=steps), {"network": network})).looks
        for steps in (1, 100, 10_000)
    ]
    assert looks[0] == 1
    assert 2 <= looks[1] < LOOKS
    assert looks[2] == LOOKS
    assert fitting(steps=10).looks == LOOKS  # of a small network they cost nothing
