"""A time is kept, whatever the machine does meanwhile: the end of a training is moved, and a run with the same decisions is the same run."""

import itertools
import math
from types import SimpleNamespace

import pytest
import torch

from unstir.data import toy
from unstir.errors import UsageError
from unstir.training import allowance as module
from unstir.training import pace, stepping, threads
from unstir.training.allowance import Allowance
from unstir.training.config import flat
from unstir.training.cost import Cost
from unstir.training.fitting import LOOKS, Fitting
from unstir.training.keeping import BEST, Keeping
from unstir.training.loop import Step
from unstir.training.presets import settle
from unstir.training.recipe import Decision, Recipe


class Clock:
    """A clock that other things move: `work` seconds of a machine that is `slower(now)` times as slow as it was at first."""

    def __init__(self, monkeypatch, slower):
        self.now, self.slower = 0.0, slower
        for place in (module, pace, stepping):
            monkeypatch.setattr(place, "time", SimpleNamespace(monotonic=lambda: self.now))

    def work(self, seconds):
        for _ in range(10):
            self.now += seconds / 10 * self.slower(self.now)


class Machine:
    """What `steps_of` needs of a fitting, with steps and looks that only take time."""

    again, _looks_in = Fitting.again, lambda self, steps: min(LOOKS, 1 + steps * self.cost.step // (10 * self.cost.look))

    def __init__(self, clock, seconds, cost, after):
        self.clock, self.cost, self.problem, self.device, self.coming, self.decisions = clock, cost, None, None, {}, []
        self.allowance = Allowance(seconds, began=0.0, after=after, step=cost.step, look=cost.look)
        self.recipe = Recipe(steps=cost.steps(module.STEADY * seconds - self.allowance.used - after), warmup=0)
        self.keeping = Keeping(BEST, self.recipe.steps, int(self._looks_in(self.recipe.steps)))
        self.state = SimpleNamespace(step=0, meet=lambda code: code, averaged=dict)
        self.looked, self.rates = [], []

    def held_out(self):
        self.clock.work(self.cost.look)
        self.looked.append(self.state.step)
        return SimpleNamespace(loss=1.0)

    def train(self, state, problem, recipe, *_):  # noqa: ARG002
        for k in range(state.step, recipe.steps):
            self.clock.work(self.cost.step * (3 if k == 0 else 1))  # the first one sets things up
            state.step = k + 1
            self.rates.append(recipe.rate(k))
            yield Step(k + 1, 1.0, recipe.rate(k), None, None)


SLOWER = {
    "as it was": lambda _: 1.0,
    "four times as slow": lambda now: 4.0 if now > 20 else 1.0,
    "faster again": lambda now: 4.0 if now < 20 else 1.0,
    "slow for a while": lambda now: 4.0 if 15 < now < 28 else 1.0,
    "up and down": lambda now: 2.5 + 1.5 * math.sin(2 * now),
}


@pytest.mark.parametrize("name", SLOWER)
@pytest.mark.parametrize("cost", [Cost(0.004, 0.05, 0), Cost(0.15, 1.2, 0), Cost(0.9, 2.0, 0)], ids=["points", "images", "large"])
def test_a_minute_is_a_minute_whatever_the_machine_does(name, cost, monkeypatch):
    """5 s of reading and planning before, 5 s of scores after, all at the machine's speed of the moment.

    Catches a plan that is never changed (four times as slow: 150 s), one that forgets the scores or the looks, an average since the
    start, and a first step that is taken for all.
    """
    clock = Clock(monkeypatch, SLOWER[name])
    clock.work(5)
    slow = clock.slower(clock.now)
    machine = Machine(clock, 60.0, Cost(cost.step * slow, cost.look * slow, 0), after=5 * slow)
    machine.cost = cost
    monkeypatch.setattr(stepping, "train", machine.train)
    steps = [step.number for step in stepping.steps_of(machine)]
    assert steps == list(range(1, machine.recipe.steps + 1))
    clock.work(5)
    assert clock.now <= 66
    # What is slow when only the scores are left may be fast again while they are made: nobody can know that.
    assert clock.now >= 54 or (name, cost.step) == ("slow for a while", 0.9)
    assert machine.looked[-1] == steps[-1]
    assert len(machine.looked) <= LOOKS + 5
    assert len(machine.decisions) <= 50
    falls = [before - after for before, after in itertools.pairwise(machine.rates)]
    assert min(falls) >= 0  # the rate never rises, and ends at its end, unless the machine has slowed down in the very last steps
    assert machine.rates[-1] < 0.1 * machine.rates[0] or len(steps) < 40


def test_the_rate_goes_on_where_it_is_and_ends_at_the_new_end():
    """Eq. (2) of `recipe` by hand. Catches a cosine of k / N, which jumps where N changes, and one that starts again."""
    first = Recipe(steps=100, lr=1.0, warmup=0)
    moved = first.again(50, 60).again(55, 200)
    assert [moved.rate(k) for k in range(50)] == [first.rate(k) for k in range(50)]
    assert moved.share(50) == pytest.approx(1 / 2)
    assert moved.share(55) == pytest.approx(3 / 4)
    assert moved.share(200) == pytest.approx(1)
    assert moved.rate(127) == pytest.approx((1 + math.cos(math.pi * (3 / 4 + 1 / 4 * 72 / 145))) / 2)


def test_looks_go_on_in_step_with_the_new_end():
    """Catches looks that start again at each decision, and so never come, and a look a step before the last."""
    keeping = Keeping(BEST, 100, 10)
    at = []
    for k in range(1, 64):
        if k in (13, 14, 15, 16):
            keeping.again(k, 63, 9)
        if keeping.due(k):
            at.append(k)
    assert at == [10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 63]


def fitted(decisions=()):
    data = toy("moons", 200, seed=0)
    found = Fitting(data, settle(data, flat(steps=40, width=8, batch_size=16, warmup=5)))
    found.allowance = Allowance(1e6)
    found.allowance.decide = lambda k, _: {d.after: d for d in decisions}.get(k)
    return found


def test_a_run_with_the_same_decisions_is_the_same_run_to_the_bit():
    """Cut at each kind of place, in memory: before, at and after a decision. Catches an end, a rate or looks that are not put back."""
    decisions = [Decision(12, 30, 1.0, 0.1), Decision(20, 44, 2.0, 0.1)]
    whole = fitted(decisions)
    losses = [(step.loss, step.lr) for step in whole.steps()]
    assert len(losses) == 44
    for cut in (5, 12, 25):
        first = fitted(decisions)
        before = [(step.loss, step.lr) for step in itertools.islice(first.steps(), cut)]
        tensors = {name: value.clone() for name, value in first.tensors().items()}
        again = fitted()  # which would decide nothing by itself
        again.restore(tensors, first.document())
        again.coming = {d.after: d for d in decisions if d.after > cut}
        assert before + [(step.loss, step.lr) for step in again.steps()] == losses
        assert again.keeping.document() == whole.keeping.document()
        assert all(torch.equal(value, again.tensors()[name]) for name, value in whole.tensors().items())


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError()],
)
def test_a_step_without_memory_says_what_to_lower_and_by_how_much(error, monkeypatch):
    """On any device. Catches torch's own text, which names no setting, and a bug that is taken for it."""
    run = fitted()

    def train(*_):
        yield from ()
        raise error

    monkeypatch.setattr(stepping, "train", train)
    with pytest.raises(UsageError, match=r"step 1: .* memory on cpu for a step of 16 rows.* --batch-size 8"):
        list(run.steps())
    error = RuntimeError("shapes differ")
    with pytest.raises(RuntimeError, match="shapes differ"):
        list(run.steps())


def test_threads_are_as_before_and_as_the_user_has_set_them(monkeypatch):
    """A machine where one thread is the quicker, made up. Catches a setting that stays, and a choice made for those who have chosen."""
    monkeypatch.setattr(threads, "compared", lambda *_: {2: 0.02, 1: 0.01})
    monkeypatch.setattr(threads, "WORTH", 0)
    monkeypatch.setattr(threads, "_found", {})
    set_to = []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    run = fitted()
    assert threads.for_training(run) == 2
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert threads.for_training(run) == 1
    assert run.state.step == 0
    with threads.using(1):
        assert set_to == [1]
    assert set_to == [1, 2]
