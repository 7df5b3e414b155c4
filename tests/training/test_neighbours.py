"""The mean of the rows that a noisy row may come from: exact in expectation, for every noise, dimension and class."""

import math

import pytest
import torch
from torch import Tensor

from unstir.diffusion.chains import linear
from unstir.diffusion.loss import Example, errors
from unstir.errors import UsageError
from unstir.training.neighbours import COMPANIONS, Neighbours
from unstir.training.problem import Problem, prepare
from unstir.training.recipe import Recipe

NOISE = [1e-3, 0.02, 0.1, 0.5, 3.0, 30.0]


def level(noise: float, n: int) -> tuple[Tensor, Tensor]:
    """alpha and sigma (n,) with sigma / alpha = noise and unit power."""
    return torch.full((n,), 1 / math.hypot(1, noise)), torch.full((n,), noise / math.hypot(1, noise))


def posterior(x: Tensor, alpha: float, sigma: float, rows: Tensor) -> Tensor:
    """The probability (N,) of each row, given x_t (d,), over all rows."""
    return (-((x - alpha * rows) ** 2).sum(1).double() / (2 * sigma**2)).softmax(0)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_on_average_over_the_rows_it_may_come_from_it_is_the_posterior_mean_and_variance(d, noise, classes):
    # Wrong: parts that depend on the drawn row (the nearest rows to it, say), a row counted twice, or a part without the drawn row.
    rows = torch.randn(600, d, generator=torch.Generator().manual_seed(d))
    kind = torch.arange(600) % classes
    near = Neighbours(rows, kind)
    alpha, sigma = level(noise, 600)
    for seed in range(3):
        x = alpha[0] * rows[seed] + sigma[0] * torch.randn(d, generator=torch.Generator().manual_seed(seed))
        p = posterior(x, alpha[0].item(), sigma[0].item(), rows)
        mean, variance = near.expected(x.expand(600, d), alpha, sigma, torch.arange(600))
        exact = p @ rows.double()
        spread = p @ (rows.double() - exact) ** 2
        assert torch.allclose(p @ mean.double(), exact, atol=1e-6)
        assert torch.allclose(p @ (variance.double() + (mean.double() - exact) ** 2), spread, atol=1e-6)


def test_a_conditional_answer_averages_rows_of_one_class_only():
    # Wrong: averages over all rows would teach every class the same mean.
    rows = torch.tensor([[0.0], [1.0], [0.5], [0.6]])
    mean, _ = Neighbours(rows, torch.tensor([0, 0, 1, 1])).expected(torch.full((4, 1), 0.5), *level(1e5, 4), torch.arange(4))
    assert torch.allclose(mean.flatten(), torch.tensor([0.5, 0.5, 0.55, 0.55]), atol=1e-4)


@pytest.mark.parametrize("noise", [0.03, 0.1, 0.5])
def test_the_answer_scatters_by_a_third_of_the_noise_where_there_are_neighbours(noise):
    # Wrong: a window that misses most neighbours still has the right expectation, and helps nobody.
    generator = torch.Generator().manual_seed(0)
    rows = 3.4 * torch.rand(20_000, 2, generator=generator)
    own = torch.randint(0, len(rows), (400,), generator=generator)
    alpha, sigma = level(noise, 400)
    x = alpha[:, None] * rows[own] + sigma[:, None] * torch.randn(400, 2, generator=generator)
    mean, _ = Neighbours(rows).expected(x, alpha, sigma, own)
    exact = torch.stack([posterior(row, alpha[0].item(), sigma[0].item(), rows) @ rows.double() for row in x])
    plain = (rows[own] - exact).square().mean()
    assert (mean - exact).square().mean() < 0.15 * plain


def test_far_less_noise_than_between_neighbours_leaves_each_row_alone():
    rows = torch.arange(50.0)[:, None]
    mean, variance = Neighbours(rows).expected(rows + 1e-4, *level(1e-4, 50), torch.arange(50))
    assert torch.equal(mean, rows)
    assert not variance.any()


def test_no_more_rows_than_companions_are_averaged_and_the_own_one_is_among_them():
    # All weights are equal at this noise, so each mean is that of at most COMPANIONS + 1 rows.
    N = 1000
    rows = torch.eye(1).expand(N, 1).clone()
    rows[7] = 1000.0
    mean, _ = Neighbours(rows).expected(torch.zeros(N, 1), *level(1e6, N), torch.arange(N))
    assert mean[7].item() >= 1 + 999 / (COMPANIONS + 1) - 1e-2
    assert mean.double().mean().item() == pytest.approx(rows.double().mean().item(), rel=1e-6)


def problem(answer: str, rows: Tensor, **settings) -> Problem:
    return Problem(linear(), "edm", rows, answer=answer, **settings)


def test_training_sees_the_same_noisy_rows_and_the_same_expected_loss():
    # Wrong: an x_t of another noise than the one that was drawn, or a loss that leaves out the variance of the rows.
    rows = torch.rand(3000, 2, generator=torch.Generator().manual_seed(0)) * 3.4 - 1.7
    drawn, expected = (prepare(problem(answer, rows), Recipe(batch_size=256), 0) for answer in ("drawn", "expected"))
    assert torch.allclose(drawn.example.seen, expected.example.seen, atol=1e-5)
    assert torch.equal(drawn.t, expected.t)
    losses = []
    for made in (drawn, expected):
        flat = Example(*(part.flatten(0, 1) for part in made.example))
        losses.append(errors(torch.tanh(flat.seen), flat).double())
    gap = losses[0] - losses[1]
    assert abs(gap.mean()) < 4 * gap.std() / len(gap) ** 0.5
    asked = [(made.example.wanted + torch.tanh(made.example.seen)).square().mean() for made in (drawn, expected)]
    assert asked[1] < 0.6 * asked[0]


def test_what_it_cannot_do_is_refused():
    rows = torch.randn(50, 2)
    with pytest.raises(UsageError, match="independent coupling"):
        problem("expected", rows, coupling="optimal_transport")
    with pytest.raises(UsageError, match="no mirror images"):
        problem("expected", rows, mirrored=rows)
    with pytest.raises(UsageError, match="up to 3 numbers"):
        problem("expected", torch.randn(50, 4))
    with pytest.raises(UsageError, match="no condition but classes"):
        problem("expected", rows, cond=torch.randn(50, 3))
    with pytest.raises(UsageError, match="did you mean"):
        problem("expectd", rows)
