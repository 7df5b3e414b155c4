"""Training: the average, the batches, the resumed run, what it learns and when it stops."""

import copy
import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from unstir.conditions.classes import Classes
from unstir.diffusion.chains import cosine, linear, sigmoid_bare
from unstir.diffusion.continuous import VE, VP, Flow
from unstir.diffusion.registry import DISTRIBUTIONS, TARGETS, WEIGHTS
from unstir.diffusion.times import LOG_NORMAL, log_normal
from unstir.errors import NumericsError, UsageError
from unstir.networks.mlp import MLP
from unstir.seeds import seeded
from unstir.training import problem as problem_module
from unstir.training.loop import train
from unstir.training.problem import BLOCK_STEPS, Problem, optimal_pairing, prepare, steps_in_block, tabulated
from unstir.training.recipe import Recipe, ema_decay
from unstir.training.state import State

AFFINE = [name for name, of in TARGETS.items() if of.reading.is_affine]
NATURAL = {"eps": linear(), "x0": cosine(), "v": cosine(), "velocity": Flow(), "edm": VE()}


def classes(k):
    return Classes(tuple(map(str, range(k))), (1,) * k)


def mlp(dimension=1, condition=None, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MLP(dimension, width=16, depth=1, octaves=1, condition=condition)


def two_clusters(n=400):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 2, generator=generator) * 0.2 + torch.randint(0, 2, (n, 1), generator=generator) * 2 - 1


def numbered(n, **settings):
    """Rows 0 .. n - 1 whose target is x0, so that `wanted` is the row's own number."""
    return Problem(linear(), "x0", torch.arange(float(n))[:, None], **settings)


def snapshot(state):
    """Everything that a step may change, copied."""
    return copy.deepcopy((state.network.state_dict(), state.average, state.optimiser.state_dict(), state.step))


def same(a, b):
    """Bit for bit, through dictionaries and lists."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


# ---- the average


@pytest.mark.parametrize("ema", [0.0, 0.5, 0.9, 0.999])
def test_the_average_of_known_weights_is_the_closed_geometric_sum(ema):
    """Truth 23, warm-up included: d_k = min(ema, (1 + k) / (10 + k)) for k = 0, 1, ...

    Catches k counted from 1, d and 1 - d exchanged, and a warm-up that never ends or never starts.
    """
    network = nn.Linear(1, 1, bias=False)
    state = State(network, Recipe())
    weights = [float(network.weight.detach()), *(math.sin(3 * k) for k in range(30))]
    for k, weight in enumerate(weights[1:]):
        network.weight.data.fill_(weight)
        state.update_average(ema_decay(k, ema))
    d = [min(ema, (1 + k) / (10 + k)) for k in range(30)]
    closed = math.prod(d) * weights[0] + sum((1 - d[k]) * math.prod(d[k + 1 :]) * weights[k + 1] for k in range(30))
    assert state.average[0].item() == pytest.approx(closed, abs=1e-6)


def test_training_averages_the_weights_after_each_step():
    """Truth 23 in the loop. Catches the average taken before the update, a counter one off, and one that starts at zero."""
    state, recipe = State(mlp(2), Recipe(steps=25, batch_size=8, lr=0.05, warmup=0, ema=0.6)), None
    recipe = Recipe(steps=25, batch_size=8, lr=0.05, warmup=0, ema=0.6)
    weights = [copy.deepcopy(state.weights)]
    for step in train(state, Problem(linear(), "eps", two_clusters()), recipe):
        assert step.number == state.step == len(weights)
        weights.append(copy.deepcopy(state.weights))
    d = [min(0.6, (1 + k) / (10 + k)) for k in range(25)]
    for i, average in enumerate(state.average):
        terms = [(1 - d[k]) * math.prod(d[k + 1 :]) * weights[k + 1][i].detach().double() for k in range(25)]
        closed = math.prod(d) * weights[0][i].detach().double() + sum(terms)
        torch.testing.assert_close(average.double(), closed, rtol=1e-4, atol=1e-6)


def test_swapping_shows_the_average_and_swapping_again_the_weights():
    # Catches an evaluation that uses the raw weights, and one that leaves the average in the training weights.
    state, recipe = State(mlp(2), Recipe()), Recipe(steps=5, batch_size=8, lr=0.05, warmup=0)
    for _ in train(state, Problem(linear(), "eps", two_clusters()), recipe):
        pass
    weights, average = copy.deepcopy(state.weights), copy.deepcopy(state.average)
    state.swap()
    assert same([w.detach() for w in state.network.parameters()], average)
    state.swap()
    assert same(list(state.network.parameters()), weights)
    assert same(state.average, average)


# ---- what is random


class Recorder(nn.Module):
    """Remembers everything that it is shown, and answers with its one weight."""

    def __init__(self):
        super().__init__()
        self.weight, self.shown = nn.Parameter(torch.zeros(1)), []

    def forward(self, x, t, cond=None):
        self.shown.append((x.clone(), t.clone(), cond.clone()))
        return x * self.weight


def shown(start, steps, seed=0):
    network, recipe = Recorder(), Recipe(steps=steps, batch_size=5, seed=seed, drop_condition=0.3)
    state = State(network, recipe)
    state.step = start
    problem = Problem(linear(), "v", torch.randn(13, 2, generator=seeded(9)), torch.arange(13) % 3, classes(3))
    for _ in train(state, problem, recipe):
        pass
    return network.shown


def test_what_is_random_in_a_step_is_a_function_of_seed_and_step():
    """Rows, times, noise and dropped conditions of a run that starts at step k are those of one that came from 0.

    Catches a generator that runs on from step to step, data order that starts again, and draws from the global generator.
    """
    torch.manual_seed(1)
    whole = shown(0, BLOCK_STEPS + 20)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    for k in (1, 37, BLOCK_STEPS - 1, BLOCK_STEPS, BLOCK_STEPS + 7):
        assert same(shown(k, BLOCK_STEPS + 20), whole[k:])
    assert same(shown(0, 9), whole[:9])  # catches a draw that depends on how long the run will be
    assert torch.equal(torch.get_rng_state(), before)  # catches training that moves the caller's random numbers


def test_no_two_seeds_or_steps_draw_the_same():
    # Catches a seed that is left out of the key.
    runs = [shown(0, 70), shown(0, 70, seed=1), shown(0, 70, seed=2)]
    rows = [x for run in runs for x, _, _ in run]
    for a, b in itertools.combinations(rows[::7], 2):
        assert not torch.equal(a, b)
    times = [t.sort().values for run in runs for _, t, _ in run]
    for a, b in itertools.combinations([*times[::7], times[BLOCK_STEPS], times[BLOCK_STEPS + 1]], 2):
        assert not torch.equal(a, b)  # catches a second block with the noise of the first


def test_generators_of_different_keys_are_unrelated():
    # numpy's SeedSequence pads short keys with zeros. Catches block 2 that shares its noise with the held-out set, key 2.
    keys = [(0,), (0, 0), (0, 0, 0), (0, 1), (0, 1, 0), (1,), (1, 0), (0, 2), (0, 2, 0), (0, 2, 0, 0), (2**32,), (0, 0, 0, 1)]
    drawn = [torch.rand(4, generator=seeded(*key)) for key in keys]
    for (a, x), (b, y) in itertools.combinations(zip(keys, drawn, strict=True), 2):
        assert not torch.equal(x, y), f"{a} and {b} draw the same numbers"


@pytest.mark.parametrize(("n", "batch_size"), [(10, 4), (7, 7), (5, 8), (1, 3), (1000, 3)])
def test_each_epoch_shows_each_row_once(n, batch_size):
    """Whatever the batch size, across the borders of batches and blocks. Catches rows drawn with replacement, and a last
    incomplete batch that is dropped."""
    problem, recipe = numbered(n), Recipe(batch_size=batch_size)
    blocks = [prepare(problem, recipe, b).example.wanted.flatten() for b in range(3)]
    order = torch.cat(blocks).round().long()
    epochs = order[: len(order) // n * n].view(-1, n)
    assert (epochs.sort(1).values == torch.arange(n)).all()
    if n > 5 and len(epochs) > 1:
        assert not torch.equal(epochs[0], epochs[1])  # catches one permutation for all epochs
    other = prepare(problem, Recipe(batch_size=batch_size, seed=1), 0).example.wanted.flatten()
    assert n == 1 or not torch.equal(other, blocks[0])


def test_a_block_is_small_whatever_the_row():
    # Catches a block of 64 steps of images, which would not fit into memory.
    assert steps_in_block(numbered(4), Recipe(batch_size=4)) == BLOCK_STEPS
    wide = Problem(linear(), "v", torch.zeros(4, 3, 256, 256))
    assert steps_in_block(wide, Recipe(batch_size=64)) == 1
    assert prepare(wide, Recipe(batch_size=2), 0).t.shape[1] == 2


def test_times_are_stratified_in_each_batch():
    # One time in each B-th of (0, 1). Catches independent times, and strata that run over the block instead of the batch.
    t = prepare(numbered(100, times="uniform"), Recipe(batch_size=32), 0).t
    assert ((t.sort(1).values * 32).floor() == torch.arange(32)).all()
    assert not torch.equal(t[0].argsort(), t[1].argsort())  # catches rows that meet the same stratum each time


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_distribution_of_times_is_the_one_that_its_name_says(name):
    """Mean and standard deviation in the coordinate in which each is plain. Catches a table of quantiles read half a knot off."""
    t = prepare(numbered(50, times=name), Recipe(batch_size=1000), 0).t
    sigma_alpha = -linear().log_snr(t) / 2
    coordinate, mean, std = {
        "uniform": (t, 1 / 2, 12**-0.5),
        "chain": (t, 1 / 2 + 1 / 2000, 12**-0.5),
        # 95 % with mean -0.5 and deviation 1.2, and 5 % even from 1.9 to 5, with mean 3.45 and variance 3.1^2 / 12
        "log_normal": (sigma_alpha, -0.3025, (0.95 * (1.2**2 + 0.5**2) + 0.05 * (3.45**2 + 3.1**2 / 12) - 0.3025**2) ** 0.5),
        "logit_normal": (t.logit(), 0.0, 1.0),
        "log_snr": (-2 * sigma_alpha, (5.8 - 6.0) / 2, (5.8 + 6.0) / 12**0.5),  # even between its ends
    }[name]
    assert coordinate.mean().item() == pytest.approx(mean, abs=2e-3)
    assert coordinate.std().item() == pytest.approx(std, abs=4e-3)
    if name == "chain":
        assert ((t * 1000) % 1).abs().max() < 1e-9


@pytest.mark.parametrize("s", [linear(), Flow(), VE(), VP()], ids=["linear", "flow", "ve", "vp"])
def test_the_table_of_quantiles_is_the_quantile(s):
    # Catches a table read half a knot off, which is wrong by 4e-5 in the middle and by more in the tails. Above 0.95 levels are even in
    # log-SNR, where t turns more sharply from knot to knot.
    for low, high, off in ((0.01, 0.94, 1e-5), (0.951, 0.99, 1e-3)):
        u = torch.linspace(low, high, 777, dtype=torch.float64)
        torch.testing.assert_close(tabulated(LOG_NORMAL, s)(u, s), log_normal(u, s), rtol=0, atol=off)


def test_classes_are_dropped_at_the_stated_rate_and_belong_to_their_rows():
    # Catches a rate of 1 - p, the class 0 for "no class", and labels that lost their rows in the shuffle.
    for rate in (0.0, 0.25):
        problem = numbered(40, cond=torch.arange(40) % 4, condition=classes(4))
        block = prepare(problem, Recipe(batch_size=100, drop_condition=rate), 0)
        dropped = block.cond == 4
        n = dropped.numel()
        assert abs(dropped.double().mean().item() - rate) <= 4 * math.sqrt(rate * (1 - rate) / n)
        rows = block.example.wanted[..., 0].round().long()
        assert torch.equal(block.cond[~dropped], (rows % 4)[~dropped])


# ---- resumed


@pytest.mark.parametrize("labelled", [True, False])
def test_a_run_cut_in_two_is_the_run_bit_for_bit(labelled):
    """Truth 24 in memory: 2N steps = N steps, a new State from the copied numbers, N steps.

    Catches a resumed optimiser without its moments, a warm-up or an average that starts again, and data order that does.
    """
    rows = two_clusters(50)
    condition = classes(2) if labelled else None
    problem = Problem(linear(), "edm", rows, torch.arange(50) % 2 if labelled else None, condition)
    recipe = Recipe(steps=80, batch_size=16, lr=0.01, warmup=50, weight_decay=0.1)
    whole = State(mlp(2, condition), recipe)
    losses = [step.loss for step in train(whole, problem, recipe)]

    first = State(mlp(2, condition), recipe)
    again = [step.loss for step in itertools.islice(train(first, problem, recipe), 40)]
    network, average, optimiser, step = snapshot(first)
    second = State(mlp(2, condition, seed=5), recipe)
    second.network.load_state_dict(network)
    second.average, second.step = average, step
    second.optimiser.load_state_dict(optimiser)
    again += [step.loss for step in train(second, problem, recipe)]
    assert again == losses
    assert same(snapshot(second), snapshot(whole))
    assert second.step == 80


def test_training_that_pauses_is_the_training_and_may_go_on_with_another_recipe():
    """Pauses inside a block of 64 steps, at its end and after it; then other steps and another rate, from the next step on.

    Catches a block drawn anew from its start, a pause one step late, and a recipe that is read only once.
    """
    problem, recipe = Problem(linear(), "edm", two_clusters(50)), Recipe(steps=80, batch_size=16, lr=0.01)
    whole, parts = State(mlp(2), recipe), State(mlp(2), recipe)
    losses = [step.loss for step in train(whole, problem, recipe)]
    paused = [[step.loss for step in train(parts, problem, recipe, until=until)] for until in (7, 7, 64, 65, 200)]
    assert [len(part) for part in paused] == [7, 0, 57, 1, 15]
    assert list(itertools.chain(*paused)) == losses
    assert same(snapshot(parts), snapshot(whole))

    other = replace(recipe, steps=100, lr=0.02, warmup=0)
    assert [step.lr for step in train(parts, problem, other)] == [other.rate(k) for k in range(80, 100)]


# ---- learning


@pytest.mark.parametrize("kind", AFFINE)
def test_every_target_learns_under_its_natural_schedule(kind):
    # Catches a sign or a coefficient that makes a target unlearnable. A network of constant answers stays at the first number.
    recipe = Recipe(steps=200, batch_size=64, lr=5e-3, warmup=10)
    losses = [step.loss for step in train(State(mlp(2), recipe), Problem(NATURAL[kind], kind, two_clusters()), recipe)]
    assert sum(losses[-40:]) / 40 < 0.7 * sum(losses[:5]) / 5


def test_a_step_without_an_answer_costs_the_weight_at_its_time():
    """A new network answers 0, so x0_hat = 0 and with |x_0|^2 = 1 each row's error is w(t), in the symbols of the papers.

    Catches a weight that is ignored, squared, or taken at another row's time, and errors that are summed.
    """
    rows = torch.ones(20, 3) * (torch.arange(20)[:, None] % 2 * 2 - 1)
    for name in WEIGHTS:
        recipe = Recipe(steps=1, batch_size=32)
        (step,) = train(State(mlp(3), recipe), Problem(VP(), "x0", rows, loss=name, times="uniform"), recipe)
        B, beta = 0.1 * step.t + 19.9 * step.t**2 / 2, 0.1 + 19.9 * step.t
        snr = 1 / torch.expm1(B)
        weight = {
            "simple": torch.ones(32, dtype=torch.float64),
            "min_snr": snr.clamp(max=5),
            "edm": 1 + snr,
            "elbo": 0.5 * beta * B.exp() / torch.expm1(B) ** 2,
        }[name]
        torch.testing.assert_close(step.errors.double(), weight, rtol=1e-5, atol=0)
        assert step.loss == pytest.approx(weight.mean().item(), rel=1e-5)


@pytest.mark.parametrize("kind", AFFINE)
@pytest.mark.parametrize(("loss", "times"), [*itertools.product(["simple", "min_snr", "edm"], DISTRIBUTIONS), ("elbo", "chain")])
def test_every_choice_of_target_weight_and_times_runs(kind, loss, times):
    # Catches an option that crashes when touched.
    recipe = Recipe(steps=2, batch_size=16, lr=1e-4)
    state = State(mlp(2), recipe)
    steps = list(train(state, Problem(linear(), kind, two_clusters(), loss=loss, times=times), recipe))
    assert [step.number for step in steps] == [1, 2]
    assert all(weight.isfinite().all() for weight in state.weights)


def test_half_precision_learns_too():
    # Catches a loss computed in bfloat16, whose 8 bits lose the sum over a batch, and weights that became bfloat16.
    recipe = Recipe(steps=150, batch_size=64, lr=5e-3, warmup=10, precision="bfloat16")
    state = State(mlp(2), recipe)
    steps = list(train(state, Problem(cosine(), "v", two_clusters()), recipe))
    assert sum(s.loss for s in steps[-40:]) / 40 < 0.75 * sum(s.loss for s in steps[:5]) / 5
    assert {w.dtype for w in state.weights} == {torch.float32}
    assert steps[0].errors.dtype == torch.float32


@pytest.mark.parametrize("warmup", [0, 1, 7])
def test_the_learning_rate_warms_up_and_falls_along_half_a_cosine(warmup):
    # Eq. (2) in the module. Catches k counted from 1, a first step of rate 0 and a cosine that starts after the warm-up.
    recipe = Recipe(steps=20, batch_size=4, lr=0.01, warmup=warmup)
    rates = [step.lr for step in train(State(mlp(1), recipe), numbered(8), recipe)]
    formula = [0.01 * min(1, (k + 1) / max(warmup, 1)) * (1 + math.cos(math.pi * k / 20)) / 2 for k in range(20)]
    assert rates == pytest.approx(formula, rel=1e-12)
    assert rates[-1] > 0


def test_a_step_moves_the_weights_by_its_own_learning_rate():
    # Adam's first step moves every weight with a gradient by lr. Catches a rate that is set after the step that it is for.
    recipe = Recipe(steps=10, batch_size=32, lr=0.01, warmup=4)
    state = State(mlp(2), recipe)
    before = copy.deepcopy(state.weights)
    step = next(train(state, Problem(linear(), "v", two_clusters()), recipe))
    moved = max((a - b).abs().max().item() for a, b in zip(state.weights, before, strict=True))
    assert step.lr == pytest.approx(0.01 / 4)
    assert moved == pytest.approx(step.lr, rel=1e-3)


@pytest.mark.parametrize("clip", [1e-3, 1e6])
def test_the_gradient_is_clipped_to_the_stated_norm(clip):
    # Catches a clip before the backward pass, a clip of each tensor alone, and one that also lengthens.
    recipe = Recipe(steps=3, batch_size=16, clip=clip)
    state, norms = State(mlp(2), recipe), []

    def look(*_):
        norms.append(math.sqrt(sum(w.grad.double().square().sum().item() for w in state.weights if w.grad is not None)))

    state.optimiser.register_step_pre_hook(look)
    for _ in train(state, Problem(linear(), "eps", two_clusters()), recipe):
        pass
    assert len(norms) == 3
    if clip < 1:
        assert norms == pytest.approx([clip] * 3, rel=1e-3)
    else:
        assert all(1e-3 < norm < 1e3 for norm in norms)


def test_gradients_do_not_pile_up():
    # The gradient of a step is that of its own batch. Catches a missing zero_grad.
    recipe = Recipe(steps=2, batch_size=16, clip=1e9, lr=1e-12)
    state, gradients = State(mlp(2), recipe), []
    state.optimiser.register_step_pre_hook(lambda *_: gradients.append([w.grad.clone() for w in state.weights]))
    problem = Problem(linear(), "eps", two_clusters())
    for _ in train(state, problem, recipe):
        pass
    alone = State(mlp(2), recipe)
    alone.step = 1
    alone.optimiser.register_step_pre_hook(lambda *_: gradients.append([w.grad.clone() for w in alone.weights]))
    for _ in train(alone, problem, recipe):
        pass
    for a, b in zip(gradients[1], gradients[2], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


# ---- optimal transport


def test_the_pairing_is_the_cheapest_of_all():
    # Against all 6! permutations. Catches a greedy pairing, distances that are not squared, and the inverse permutation.
    generator = torch.Generator().manual_seed(3)
    for _ in range(5):
        x0, eps = torch.randn(2, 6, 2, 3, generator=generator)
        cost = (x0[:, None] - eps[None]).square().flatten(2).sum(2)
        cheapest = min(sum(cost[i, j] for i, j in enumerate(p)) for p in itertools.permutations(range(6)))
        found = optimal_pairing(x0, eps)
        assert sorted(found.tolist()) == list(range(6))
        assert sum((x0[i] - eps[j]).square().sum() for i, j in enumerate(found)).item() == pytest.approx(
            cheapest.item(), rel=1e-5
        )


def test_a_large_batch_is_paired_in_parts(monkeypatch):
    """A pairing of 20,000 rows takes half an hour in one call, which hears no signal. Catches that, and a part that is not the cheapest.

    Up to 512 rows are paired as a whole, so a model of such batches has the same bits as before.
    """
    sizes, real = [], problem_module.linear_sum_assignment
    monkeypatch.setattr(problem_module, "linear_sum_assignment", lambda cost: sizes.append(len(cost)) or real(cost))
    for rows, wanted in ((512, [512]), (513, [257, 256]), (2000, [500] * 4)):
        sizes.clear()
        x0, eps = torch.randn(2, rows, 2, generator=seeded(rows))
        found = optimal_pairing(x0, eps)
        assert sizes == wanted
        assert sorted(found.tolist()) == list(range(rows))
        first = slice(0, sizes[0])
        alone = torch.cdist(x0[first], eps[first]).square()
        assert (found[first].numpy() == real(alone.numpy())[1]).all()
    problem = Problem(Flow(), "velocity", torch.randn(24, 2), coupling="optimal_transport", times="uniform")
    blocks = [steps_in_block(problem, Recipe(batch_size=rows)) for rows in (512, 513, 20_000)]
    assert blocks == [BLOCK_STEPS, BLOCK_STEPS // 2, 1]  # so that a step of large batches is never far away
    assert [problem.pairings(rows) for rows in (512, 20_000)] == [1, 40]


def test_a_batch_is_paired_by_optimal_transport_if_asked():
    """The noise of each batch is the same noise in another order, and cheaper. Catches a pairing across batches, or none."""
    rows = torch.randn(24, 2, generator=seeded(5)) * 2
    made = {}
    for coupling in ("independent", "optimal_transport"):
        block = prepare(Problem(Flow(), "velocity", rows, coupling=coupling, times="uniform"), Recipe(batch_size=6), 0)
        t = block.t[..., None].float()
        eps = block.example.seen + (1 - t) * block.example.wanted  # x_t + alpha (eps - x0) = eps where alpha + sigma = 1
        made[coupling] = eps, eps - block.example.wanted
    (eps, x0), (paired, x0_again) = made["independent"], made["optimal_transport"]
    torch.testing.assert_close(x0, x0_again, rtol=0, atol=1e-4)
    for batch in range(0, len(eps), 9):
        a, b = eps[batch], paired[batch]
        assert torch.cdist(b, a).min(1).values.max() < 1e-4  # each one's noise is somebody's noise of the same batch
        cost = torch.cdist(x0[batch], a) ** 2
        cheapest = min(sum(cost[i, j] for i, j in enumerate(p)) for p in itertools.permutations(range(6)))
        assert (x0[batch] - b).square().sum().item() == pytest.approx(cheapest.item(), rel=1e-3)


# ---- refusals


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"coupling": "optimal_transport", "cond": torch.zeros(9, dtype=torch.long), "condition": classes(1)},
            "optimal-transport.*biases",
        ),
        ({"coupling": "optimal"}, "unknown coupling 'optimal': did you mean 'optimal_transport'"),
        ({"loss": "elbo", "times": "log_normal"}, "elbo.*uniform"),
        ({"loss": "elbow"}, "did you mean 'elbo'"),
        ({"times": "lognormal"}, "did you mean 'log_normal'"),
    ],
)
def test_a_problem_that_cannot_be_is_refused(settings, said):
    with pytest.raises(UsageError, match=said):
        numbered(9, **settings)


@pytest.mark.parametrize("s", [sigmoid_bare(), Flow()], ids=["sigmoid_bare", "flow"])
def test_eps_where_no_signal_is_left_is_refused_and_the_way_out_named(s):
    # x0 = (x_t - sigma eps) / 0. Catches a run of NaN, and a message without v and x0.
    with pytest.raises(UsageError, match=r"'eps'.*\bv\b.*\bx0\b"):
        Problem(s, "eps", torch.zeros(4, 1))


@pytest.mark.parametrize("kind", ["x0", "v", "edm", "velocity"])
def test_a_target_on_pure_noise_trains_or_is_refused(kind):
    """sigmoid_bare is pure noise from half of the chain on. The slope of alpha is 0 there and D = 0: no velocity says what x_0 is.

    Catches a pair that stops at its first step, called an outlier in the data.
    """
    recipe = Recipe(steps=2, batch_size=16)
    if kind == "velocity":
        with pytest.raises(UsageError, match="velocity"):
            Problem(sigmoid_bare(), kind, two_clusters())
        return
    problem = Problem(sigmoid_bare(), kind, two_clusters(), times="uniform")
    assert all(math.isfinite(step.loss) for step in train(State(mlp(2), recipe), problem, recipe))


def test_times_on_a_chain_need_a_chain():
    recipe = Recipe(steps=1, batch_size=4)
    with pytest.raises(UsageError, match="not a discrete chain"):
        next(train(State(mlp(1), recipe), Problem(Flow(), "v", torch.zeros(4, 1), times="chain"), recipe))


# ---- numbers that stop being numbers


class Breaks(nn.Module):
    """A network that is fine for two steps and then answers inf, or answers well but has no gradient."""

    def __init__(self, how):
        super().__init__()
        self.inner, self.how, self.calls = mlp(2), how, 0

    def forward(self, x, t, cond=None):
        self.calls += 1
        y = self.inner(x, t, cond)
        if self.calls < 3:
            return y
        if self.how == "loss":
            return y + torch.where(t[:, None] > t.median(), math.inf, 0.0)
        return y + (0 * y).abs().sqrt()  # 0, with the slope 0 times infinity


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_a_loss_that_is_no_number_stops_before_the_update(how):
    """Weights, average, optimiser and counter are those after step 2, bit for bit.

    Catches a check after the update, one of the loss alone, and a message that does not say where to look.
    """
    rows = two_clusters()
    recipe = Recipe(steps=10, batch_size=16)
    state = State(Breaks(how), recipe)
    running = train(state, Problem(linear(), "eps", rows), recipe)
    next(running), next(running)
    before = snapshot(state)
    with pytest.raises(NumericsError) as caught:
        next(running)
    assert same(snapshot(state), before)
    assert state.step == 2
    text = str(caught.value)
    assert f"step 3: the {how} is not finite; nothing was updated" in text
    assert "t = 0." in text
    assert "log-SNR" in text
    assert f"between {rows.min():.3g} and {rows.max():.3g}" in text


def test_the_noise_level_in_the_message_is_that_of_the_row_that_broke():
    # Catches the first row of the batch named whatever happened.
    recipe = Recipe(steps=3, batch_size=16)
    problem = Problem(linear(), "eps", two_clusters(), times="uniform")
    t = prepare(problem, recipe, 0).t[2]
    bad = (t > t.float().median()).nonzero()[0].item()
    with pytest.raises(NumericsError, match=rf"t = {t[bad].item():.4f} \(log-SNR {linear().log_snr(t[bad]).item():.1f}\)"):
        list(train(State(Breaks("loss"), recipe), problem, recipe))


def test_a_learning_rate_beyond_reason_ends_in_a_numerics_error():
    recipe = Recipe(steps=20, batch_size=16, lr=1e20, warmup=0)
    state = State(mlp(2), recipe)
    with pytest.raises(NumericsError, match=r"lower --optim\.lr"):
        list(train(state, Problem(linear(), "eps", two_clusters()), recipe))
    assert 1 <= state.step < 20
