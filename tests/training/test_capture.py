"""Deferred and captured steps on a CPU: a capture is replayed operation by operation, so what it does not hold goes wrong here, too."""

import logging
from dataclasses import replace

import pytest
import torch
from torch import nn

import unstir
from unstir.diffusion.chains import linear
from unstir.errors import NumericsError
from unstir.networks.mlp import MLP
from unstir.networks.unet import UNet
from unstir.seeds import globally
from unstir.training import capture
from unstir.training.capture import Way, replayed
from unstir.training.loop import read, train
from unstir.training.problem import Problem
from unstir.training.recipe import Recipe
from unstir.training.state import State


@pytest.fixture
def deferring(monkeypatch):
    """The CPU treated as a device that computes on its own."""
    monkeypatch.setattr(capture, "WAYS", {"cpu": Way(True, replayed), **capture.WAYS})


def mlp(dimension: int = 2) -> nn.Module:
    with globally(1):
        return MLP(dimension, width=16)


def dropping() -> nn.Module:
    with globally(1):
        network = UNet((4, 4), width=8, levels=1, depth=1, dropout=0.3)
        for w in network.parameters():
            nn.init.normal_(w, std=0.1)
        return network


def points(n: int = 200) -> torch.Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(2))


def trained(make, rows, recipe, device="cpu", until=None, state=None) -> tuple[State, list[float]]:
    problem = Problem(linear(), "v", rows)
    state = state or State(make().to(device), recipe)
    return state, read([step.loss for step in train(state, problem, recipe, until=until)])


def numbers(state: State) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().clone() for name, value in state.tensors().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
@pytest.mark.parametrize("make", [mlp, dropping])
@pytest.mark.usefixtures("deferring")
def test_a_captured_step_is_the_eager_one(make, optimiser):
    """A learning rate, a decay, rows or a mask of dropout that stayed those of the capture would differ; so would a warm-up that counts."""
    rows = points() if make is mlp else torch.randn(40, 4, 4, generator=torch.Generator().manual_seed(2))
    recipe = Recipe(steps=5, batch_size=8, warmup=2, optimiser=optimiser, weight_decay=0.1, capture="off")
    eager, eager_losses = trained(make, rows, recipe)
    captured, losses = trained(make, rows, replace(recipe, capture="on"))
    assert losses == eager_losses
    assert same(numbers(captured), numbers(eager))


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_a_deferred_step_is_the_immediate_one(monkeypatch, optimiser):
    """Up to the rounding of a learning rate in float32: a norm that is not clipped, or an average of the weights before it, is far off."""
    recipe = Recipe(steps=5, batch_size=8, warmup=2, optimiser=optimiser, weight_decay=0.1, clip=0.5)
    at_once, losses = trained(dropping, torch.ones(40, 4, 4), recipe)
    monkeypatch.setattr(capture, "WAYS", {"cpu": Way(True, replayed)})
    later, later_losses = trained(dropping, torch.ones(40, 4, 4), recipe)
    assert losses == pytest.approx(later_losses, rel=1e-4)
    for name, value in numbers(at_once).items():
        torch.testing.assert_close(numbers(later)[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("deferring")
def test_a_captured_run_goes_on_where_it_stopped():
    """From its tensors in another state, and in the same state after a pause: the numbers of one run."""
    recipe, rows = Recipe(steps=6, batch_size=8, warmup=2, capture="on"), torch.ones(40, 4, 4)
    whole, _ = trained(dropping, rows, recipe)
    first, _ = trained(dropping, rows, recipe, until=3)
    second = State(dropping(), recipe)
    second.restore(numbers(first), 3)
    trained(dropping, rows, recipe, state=second)
    trained(dropping, rows, recipe, state=first)
    assert same(numbers(second), numbers(whole))
    assert same(numbers(first), numbers(whole))


class Breaks(nn.Module):
    """An MLP whose loss or gradient is not finite from the fourth call on in which gradients are asked for, counted on the device."""

    def __init__(self, what: str):
        super().__init__()
        self.inner, self.what = mlp(), what
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x, t, cond=None):  # noqa: ARG002
        self.calls += self.training
        factor = torch.where(self.calls >= 4, 0.0, 1.0)  # by which is divided, or whose root is taken
        out = self.inner(x, t)
        return {"nothing": out, "loss": out / factor, "gradient": out + (torch.sqrt(out * 0 + factor) - factor)}[self.what]


@pytest.mark.parametrize("way", ["off", "on"])
@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.usefixtures("deferring")
def test_a_bad_step_changes_nothing(what, optimiser, way):
    """A state that a not-a-number has reached, or in which the steps after the bad one were taken, is not that of three steps."""
    recipe = Recipe(steps=7, batch_size=8, optimiser=optimiser, capture=way)
    state = State(Breaks(what), recipe)
    with pytest.raises(NumericsError, match=f"step 4: the {what} is not finite; nothing was updated. Worst row at t = 0"):
        trained(None, points(), recipe, state=state)
    assert state.step == 3
    wanted, _ = trained(lambda: Breaks("nothing"), points(), recipe, until=3)
    held, there = numbers(state), numbers(wanted)
    assert all(torch.equal(held[name], there[name]) for name in there if not name.endswith("calls"))


@pytest.mark.usefixtures("deferring")
def test_a_bad_step_is_told_before_the_state_is_read():
    """A checkpoint that counts steps that were not taken is refused; after the error the state can be read."""
    recipe = Recipe(steps=20, batch_size=8)
    state = State(Breaks("loss"), recipe)
    steps = train(state, Problem(linear(), "v", points()), recipe)
    for _ in range(6):
        next(steps)
    with pytest.raises(NumericsError, match="step 4"):
        state.tensors()
    assert state.step == 3
    assert state.tensors()


class Asks(nn.Module):
    """An MLP that looks at a number on the way."""

    def __init__(self, how):
        super().__init__()
        self.inner, self.how = mlp(), how

    def forward(self, x, t, cond=None):  # noqa: ARG002
        return self.inner(x, t) * self.how(x)


@pytest.mark.parametrize(
    "how",
    [
        lambda x: x.sum().item() * 0 + 2,
        lambda x: 2.0 if x.sum() > 1e9 else 3.0,
        lambda _: torch.tensor(2.0),
        lambda x: x[x > 9].sum() + 2,
    ],
)
@pytest.mark.usefixtures("deferring")
def test_what_a_capture_cannot_hold_is_found(how, caplog):
    """`.item()`, `if` on a tensor, a tensor made from numbers, an index of true and false: the step goes on eagerly, and says why."""
    recipe = Recipe(steps=4, batch_size=8, capture="on")
    with caplog.at_level(logging.WARNING, "unstir"):
        _, losses = trained(lambda: Asks(how), points(), recipe)
    assert "the step is not captured but started operation by operation: its operation" in caplog.text
    _, wanted = trained(lambda: Asks(how), points(), replace(recipe, capture="off"))
    assert losses == wanted


def test_a_replay_reads_what_is_in_the_tensors_now():
    """A replay that repeated the numbers of the capture would answer 6 twice."""
    given, made = torch.tensor([1.0, 2.0]), torch.zeros(2)

    def body():
        made.copy_(given * 3)

    run = replayed(body, 1, given.device)
    given.fill_(5.0)
    run()
    assert made.tolist() == [15.0, 15.0]


def test_a_network_that_cannot_be_compiled_is_used_as_it_is(monkeypatch, caplog):
    """The state's names are those of the network in either case, and a failing compiler does not end a training."""
    calls = []

    def fails(network, **_):
        calls.append(network)
        return lambda *_: (_ for _ in ()).throw(RuntimeError("no C++ compiler\nmore"))

    monkeypatch.setattr(torch, "compile", fails)
    recipe = Recipe(steps=3, batch_size=8, compile="on")
    state, losses = trained(mlp, points(), recipe)
    assert calls == [state.network]
    assert "could not compile the network, which is used as it is: no C++ compiler" in caplog.text
    plain, wanted = trained(mlp, points(), Recipe(steps=3, batch_size=8))
    assert losses == wanted
    assert same(numbers(state), numbers(plain))


@pytest.mark.gpu
@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_on_a_gpu_a_captured_step_is_the_eager_one(optimiser):
    recipe = Recipe(steps=40, batch_size=32, optimiser=optimiser, capture="off")
    rows = torch.randn(400, 4, 4, generator=torch.Generator().manual_seed(2))
    eager, losses = trained(dropping, rows, recipe, "cuda")
    captured, again = trained(dropping, rows, replace(recipe, capture="on"), "cuda")
    assert captured.deferred.said == ""
    assert losses == pytest.approx(again, rel=1e-4)
    for name, value in numbers(eager).items():
        torch.testing.assert_close(numbers(captured)[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.gpu
def test_on_a_gpu_a_run_goes_on_to_the_same_bits():
    recipe, rows = (
        Recipe(steps=60, batch_size=32, capture="on"),
        torch.randn(400, 4, 4, generator=torch.Generator().manual_seed(2)),
    )
    whole, _ = trained(dropping, rows, recipe, "cuda")
    first, _ = trained(dropping, rows, recipe, "cuda", until=25)
    second = State(dropping().cuda(), recipe)
    second.restore(numbers(first), 25)
    trained(dropping, rows, recipe, state=second)
    assert same(numbers(second), numbers(whole))


@pytest.mark.gpu
def test_on_a_gpu_a_bad_step_changes_nothing():
    recipe = Recipe(steps=20, batch_size=8, capture="on")
    state = State(Breaks("loss").cuda(), recipe)
    with pytest.raises(NumericsError, match="step 4: the loss is not finite"):
        trained(None, points(), recipe, state=state)
    wanted, _ = trained(lambda: Breaks("nothing"), points(), recipe, "cuda", until=3)
    held, there = numbers(state), numbers(wanted)
    assert all(torch.equal(held[name], there[name]) for name in there if not name.endswith("calls"))


def test_a_whole_training_is_the_same_captured_or_not(monkeypatch):
    """Looks at held-out rows exchange weights and average between replays; rows and noise are drawn as on a GPU."""
    monkeypatch.setattr(capture, "WAYS", {"cpu": Way(True, replayed, True)})
    x = points(60).numpy()
    settings = {"steps": 6, "batch_size": 8, "width": 8, "answer": "drawn", "progress": False}
    models = [unstir.fit(x, capture=way, **settings) for way in ("on", "off")]
    assert models[0].losses.tolist() == models[1].losses.tolist()
    assert same(models[0].network.state_dict(), models[1].network.state_dict())
    assert len(models[0].losses) == 6
