"""Which weights become the model, and when training ends: by the looks on held-out rows."""

import json
import logging
import math
from functools import partial

import numpy as np
import pytest
import torch

import unstir
from unstir.data import from_arrays
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.held_out import HeldOut, of_json
from unstir.training.keeping import BEST, LAST, Keeping
from unstir.training.presets import settle

FEW = np.random.default_rng(0).normal(size=(24, 6))  # rows of nothing but noise: all that can be learnt of them is by heart
GREEDY = {"steps": 200, "width": 64, "depth": 2, "octaves": 2, "batch_size": 64, "lr": 3e-3, "ema": 0.9, "held_out": 0.3}


def fitting(**settings) -> Fitting:
    data = from_arrays(FEW)
    return Fitting(data, settle(data, flat(**GREEDY | settings)))


def after(losses, keep=BEST, steps=100) -> tuple[Keeping, int]:
    """What is kept after looks with these losses, ten in a run, and the step at which training ended."""
    keeping = Keeping(keep, steps, 10)
    for at, loss in zip(range(10, steps + 1, 10), map(float, losses), strict=False):
        keeping.see(at, HeldOut(torch.zeros(1), loss, 1.0, *torch.zeros(4, 1)), partial(dict, w=torch.tensor(loss)))
        if keeping.over:
            break
    return keeping, keeping.newest.step


@pytest.mark.parametrize(
    ("losses", "best", "ended"),
    [
        ([9, 8, 7, 6, 5, 4, 3, 2, 1.5, 1], 100, 100),  # falls to the end
        ([9, 2, 3, 3, 3, 3, 3, 3, 3, 3], 20, 50),  # risen: 20 + 25 is 45, and the next look is at 50
        ([9, 2, 3, 3, 1, 3, 3, 3, 3, 3], 50, 80),  # patience begins anew with each best look
        ([9, 2, 2.01, 2.01, 2.01, 2.01, 2.01, 2.01, 2.01, 1], 100, 100),  # level: the lower rates of the end may still help
        ([2, 2, 2, 2, 2, 2, 2, 2, 2, 2], 100, 100),  # the last of equals, whose learning rate has fallen furthest
        ([9, 2, 2.003, 2.006, 2.009, 2.012, 2.015, 2.018, 2.03, 2.03], 30, 90),  # 0.2 % above the lowest, not above the last kept
        ([float("nan"), 3, 4, 5, 6, 7, 8, 9, 9, 9], 20, 50),
    ],
)
def test_training_ends_where_the_loss_has_risen_for_a_quarter_of_the_steps(losses, best, ended):
    # Catches patience counted from the start, a plateau that ends training, a drift upwards, and a first NaN that nothing is below.
    keeping, at = after(losses)
    assert (keeping.best.step, at) == (best, ended)
    assert keeping.weights["w"].item() == pytest.approx(losses[best // 10 - 1])


def test_much_time_for_few_rows_is_looked_at_early_and_ends_soon():
    """Of 100,000 planned steps the best is 312. Catches a first look at step 5,000, and 25,000 steps that are waited for."""
    keeping = Keeping(BEST, 100_000, 20)
    due = [step for step in range(1, 20_001) if keeping.due(step)]
    assert due == [156, 312, 625, 1250, 2500, 5000, 10_000, 15_000, 20_000]
    for step in due:
        keeping.see(step, HeldOut(None, 1 + abs(step - 312) / 1e4, 1.0, None, None, None, None), dict)
        if keeping.over:
            break
    assert (keeping.best.step, keeping.newest.step) == (312, 2500)  # 1,560 is four times 312 later, and the next look is at 2,500
    assert [step for step in range(1, 1000) if Keeping(BEST, 1000, 20).due(step)] == list(range(50, 1000, 50))
    assert not Keeping(BEST, 100_000, 3).early  # of a large network, whose looks are dear


def test_the_last_weights_are_kept_if_asked_and_training_goes_to_the_end():
    keeping, at = after([9, 2, 3, 4, 5, 6, 7, 8, 9, 9], LAST)
    assert (keeping.best.step, keeping.chosen.step, at, keeping.weights) == (20, 100, 100, {})
    assert keeping.said.startswith("held-out loss was best at step 20 (2) and is 9 at step 100, of which the model is")


def test_the_model_is_that_of_the_best_look_and_says_so(caplog):
    """Its loss is the lowest of all looks, by which it was chosen. Catches the last weights, and a step on the card that is another's."""
    run, losses = fitting(), {}
    for step in run.steps():
        if run.keeping.due(step.number):
            losses[step.number] = run.keeping.newest.seen.loss
            assert run.held_out().loss == losses[step.number]
    lowest, model = min(losses.values()), run.model()
    best = max(n for n in losses if losses[n] <= 1.002 * lowest)
    assert best < run.state.step < 200
    assert run.state.step == min(n for n in losses if n >= best + 50)
    assert model.card.steps_trained == best
    assert run._sets.look(model.network).loss == pytest.approx(losses[best], rel=1e-6)
    assert f"held-out loss was best at step {best} (" in run.keeping.said
    assert f"has risen since, to {losses[run.state.step]:.3g}" in run.keeping.said
    with caplog.at_level(logging.WARNING, "unstir"):
        again = unstir.fit(FEW, **GREEDY)
        assert run.keeping.said in caplog.text
    assert (again.card.steps_trained, len(again.losses)) == (best, run.state.step)
    assert all(torch.equal(a, b) for a, b in zip(model.network.parameters(), again.network.parameters(), strict=True))
    last = unstir.fit(FEW, **GREEDY, keep="last")
    assert (last.card.steps_trained, len(last.losses)) == (200, 200)


@pytest.mark.parametrize("cut", [10, 60, 95, 1000])
def test_a_fitting_that_goes_on_elsewhere_keeps_the_same_and_stops_at_the_same_step(cut):
    """Cut before the best look, after it, and after the end. Catches kept weights, their loss, or the patience that a checkpoint lacks."""
    whole = fitting()
    for _ in whole.steps():
        pass
    half, rest = fitting(), fitting()
    for step in half.steps():
        if step.number == cut:
            break
    rest.restore({name: value.clone() for name, value in half.tensors().items()}, half.document())
    for _ in rest.steps():
        pass
    assert rest.document() == whole.document()
    theirs, ours = rest.tensors(), whole.tensors()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)
    assert rest.model().card == whole.model().card


def test_with_paired_noise_the_last_weights_are_kept():
    """Held-out rows are not paired, and a model of pairs loses on them. Catches a model of a few steps, which is worse at sampling."""
    run = fitting(coupling="optimal_transport", steps=100)
    for _ in run.steps():
        pass
    assert run.keeping.best.step < run.state.step == run.model().card.steps_trained == 100


def test_an_evaluation_comes_back_from_json_to_the_bit():
    # Catches NaN, which is not JSON: the error of a bucket of time in which no noise was drawn.
    odd = torch.tensor([0.1, float("nan"), 1 / 3], dtype=torch.float64)
    seen = HeldOut(odd, 0.1 + 0.2, float("nan"), *[odd] * 4)
    again = of_json(json.loads(json.dumps(seen.as_json(), allow_nan=False)))
    assert (again.loss, math.isnan(again.gaussian_loss)) == (seen.loss, True)
    torch.testing.assert_close(again.x0, odd, rtol=0, atol=0, equal_nan=True)


def test_restarting_forgets_what_was_kept():
    # Catches a comparison whose second seed is given the model of the first.
    run = fitting()
    for _ in run.steps():
        pass
    run.restart(5)
    assert (run.keeping.best, run.keeping.weights, run.over) == (None, {}, False)
