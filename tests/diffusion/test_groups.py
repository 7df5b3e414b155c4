"""The reading of tables: groups of elements of which one is true, beside numbers."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from unstir.diffusion import target
from unstir.diffusion.continuous import VP, Flow
from unstir.diffusion.denoiser import Denoiser
from unstir.diffusion.groups import NONE, TABLE, States, without
from unstir.diffusion.loss import errors, examples, weight
from unstir.diffusion.registry import TARGETS
from unstir.errors import UsageError

SHARE, SCALE, SHIFT = [0.5, 0.3, 0.2, 0.9, 0.1], [1.4, 1.4, 1.4, 3.0, 3.0], [0.7, 0.42, 0.28, 2.7, 0.3]
GROUPS = States.of([3, 2], SHARE, SCALE, SHIFT)  # two groups, of three states and of two


def with_number(z_atom=-1.5):
    """A number with an atom and a missing state beside it: elements number, any, atom, missing; then a number alone."""
    whole = {"group": [NONE, 0, 0, 0, NONE], "any_of": [1, NONE, NONE, NONE, NONE], "fixes": [NONE, NONE, 0, 0, NONE]}
    floats = {
        "share": [1, 0.6, 0.3, 0.1, 1],
        "scale": [1, 1, 1, 1, 1],
        "shift": [0, 0.6, 0.3, 0.1, 0],
        "fixed": [0, 0, z_atom, 0, 0],
    }
    held = {k: torch.tensor(v) for k, v in whole.items()} | {k: torch.tensor(v, dtype=torch.float64) for k, v in floats.items()}
    return States(**held)


def fitted(states):
    return TABLE.fitted(states, ())


@pytest.mark.parametrize(("alpha", "sigma"), [(0.9, 0.5), (0.3, 2.0), (1.0, 0.05)])
def test_without_an_answer_it_is_bayes_rule_for_each_group(alpha, sigma):
    """Would catch a lost shift or scale, a wrong power of sigma, and shares that are not used."""
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p = fitted(GROUPS).probabilities(torch.zeros(4, 5), x, torch.tensor(alpha), torch.tensor(sigma))
    for first, size in ((0, 3), (3, 2)):
        part = slice(first, first + size)
        states = np.eye(size) * SCALE[first] - np.array(SHIFT[part])
        like = np.array([multivariate_normal.logpdf(x[:, part].numpy(), alpha * s, sigma**2) for s in states])
        log = np.log(SHARE[part])[:, None] + like
        expected = np.exp(log - log.max(0)) / np.exp(log - log.max(0)).sum(0)
        np.testing.assert_allclose(p[:, part].numpy(), expected.T, atol=1e-9)


def test_sums_over_many_groups_are_those_of_each_group_alone():
    """150 groups of one to four states, more than are added up at once. Catches a block that begins or ends in the wrong place."""
    sizes = [1 + i % 4 for i in range(150)]
    n = sum(sizes)
    x = torch.rand(3, n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    states = States.of(sizes, [1 / 4] * n, [1.0] * n, [0.0] * n)
    torch.testing.assert_close(states.sums(x), torch.stack([part.sum(1) for part in x.split(sizes, 1)], 1))
    assert [len(own) for _, own in states.blocks] == [160, 160, 53]  # 64, 64 and 22 groups


def test_an_answer_multiplies_the_odds():
    """exp(F_k) is a factor of the odds of state k, in its own group only."""
    x, one = torch.zeros(1, 5, dtype=torch.float64), torch.ones(())
    F = torch.zeros(1, 5)
    before = fitted(GROUPS).probabilities(F, x, one, one)
    F[0, 1] = np.log(3.0)
    after = fitted(GROUPS).probabilities(F, x, one, one)
    odds = (after[0, 1] / after[0, 0]) / (before[0, 1] / before[0, 0])
    assert odds.item() == pytest.approx(3.0)
    torch.testing.assert_close(after[0, 3:], before[0, 3:])


def test_the_scale_of_x_does_not_matter():
    """Training passes x, alpha and sigma times c_in, sampling passes them as they are; both have to be the same x0_hat."""
    states = with_number()
    x, F = torch.randn(6, 5, dtype=torch.float64), torch.randn(6, 5, dtype=torch.float64)
    alpha, sigma = torch.tensor(0.4, dtype=torch.float64), torch.tensor(1.7, dtype=torch.float64)
    one, other = (fitted(states).compared(F, c * x, c * alpha, c * sigma) for c in (1.0, 0.3))
    torch.testing.assert_close(one, other)


def test_a_number_alone_is_read_as_edm_reads_it():
    x, F, t = torch.randn(3, 5), torch.randn(3, 5), torch.tensor(0.6, dtype=torch.float64)
    schedule = VP()
    of_table = dataclasses.replace(target("table"), reading=fitted(with_number()))
    read, edm = (aim.reading.read(F, x, aim(schedule, t), *schedule(t)).mean for aim in (of_table, target("edm")))
    torch.testing.assert_close(read[:, 4], edm[:, 4])
    assert not torch.allclose(read[:, 0], edm[:, 0])


def test_a_number_with_an_atom_is_the_mean_over_its_states():
    """E[number] = p_any times what it is if it is any number, + p_atom z_atom + p_missing 0."""
    reading = fitted(with_number(z_atom=-1.5))
    x, F = torch.randn(7, 5, dtype=torch.float64), torch.randn(7, 5, dtype=torch.float64)
    alpha, sigma = torch.tensor(0.8, dtype=torch.float64), torch.tensor(0.6, dtype=torch.float64)
    p = reading.probabilities(F, x, alpha, sigma)
    N2 = 0.8**2 + 0.6**2
    free = (0.8 * x[:, 0] + 0.6 * N2**0.5 * F[:, 0]) / N2
    torch.testing.assert_close(reading.compared(F, x, alpha, sigma)[:, 0], p[:, 0] * free - 1.5 * p[:, 1])


def test_what_is_shown_is_what_the_group_says_itself():
    """The logarithm of Bayes' factors, a third of it: 0 where all is noise, bounded where nothing is; numbers are shown as they are."""
    states, one = with_number(), torch.ones((), dtype=torch.float64)
    reading, clean = fitted(states), torch.tensor([[0.3, -0.6, 0.7, -0.1, 1.2]], dtype=torch.float64)
    p = reading.probabilities(torch.zeros(1, 5), clean, 0.5 * one, 0.8 * one)
    says = reading.shown(clean, 0.5 * one, 0.8 * one)
    torch.testing.assert_close(3 * says[0, 1:4], (p[0] / states.share[1:4]).log())
    torch.testing.assert_close(says[:, [0, 4]], clean[:, [0, 4]])
    torch.testing.assert_close(
        reading.shown(clean, 1e-9 * one, one)[0, 1:4], torch.zeros(3, dtype=torch.float64), atol=1e-6, rtol=0
    )
    at_last = reading.shown(clean, one, 1e-3 * one)[0, 1:4]
    torch.testing.assert_close(at_last, torch.tensor([-2, np.log(1 / 0.3) / 3, -2], dtype=torch.float64))


@pytest.mark.parametrize("sigma", [1e-9, 1e-4, 1e4])
def test_it_is_finite_and_has_a_gradient_at_every_noise(sigma):
    reading, F = fitted(with_number()), torch.zeros(2, 5, requires_grad=True)
    found = reading.compared(F, torch.randn(2, 5), torch.ones(()), torch.tensor(sigma))
    found.square().sum().backward()
    assert found.isfinite().all()
    assert F.grad is not None
    assert F.grad.isfinite().all()


def test_a_state_that_is_ruled_out_is_never_true():
    states = with_number()
    never = torch.tensor([False, False, False, True, False])
    x, one = torch.randn(50, 5), torch.ones(())
    p = without(fitted(states), never).probabilities(torch.zeros(50, 5), x, one, one)
    assert (p[:, 2] == 0).all()
    before = fitted(states).probabilities(torch.zeros(50, 5), x, one, one)
    torch.testing.assert_close(p[:, 0] / p[:, 1], before[:, 0] / before[:, 1])  # the others keep their odds


def test_the_loss_is_least_for_the_right_answer():
    """With independent groups the right answer is 0; any other answer has a larger expected error."""
    generator, n = torch.Generator().manual_seed(1), 4000
    which = [torch.multinomial(torch.tensor(SHARE[a:b]), n, True, generator=generator) for a, b in ((0, 3), (3, 5))]
    true = torch.cat([torch.nn.functional.one_hot(k, size) for k, size in zip(which, (3, 2), strict=True)], 1)
    x0 = true * torch.tensor(SCALE) - torch.tensor(SHIFT)
    aim, schedule = dataclasses.replace(target("table"), reading=fitted(GROUPS)), Flow()
    t = torch.full((n,), 0.5, dtype=torch.float64)
    example = examples(schedule, aim, weight("simple"), x0, torch.randn(n, 5, generator=generator), t)

    def loss(F):
        return errors(F.expand(n, 5), example, aim.reading).mean().item()

    right = loss(torch.zeros(5))
    for k in range(5):
        for step in (-0.5, 0.5):
            F = torch.zeros(5)
            F[k] = step
            assert loss(F) > right


def test_the_network_sees_in_sampling_what_it_saw_in_training():
    """Training and the denoiser make the network's input in two places; a network that returns its input shows both."""
    aim, schedule = dataclasses.replace(target("table"), reading=fitted(GROUPS)), VP()
    seen = []

    def network(x, t, cond):  # noqa: ARG001
        seen.append(x)
        return torch.zeros_like(x)

    x0, eps, t = torch.randn(3, 5), torch.randn(3, 5), torch.tensor([0.4] * 3, dtype=torch.float64)
    example = examples(schedule, aim, weight("simple"), x0, eps, t)
    Denoiser(network, schedule, aim)(schedule.diffuse(x0, t, eps), t)
    torch.testing.assert_close(seen[0], aim.reading.shown(example.seen, example.alpha, example.sigma))


def test_before_it_is_fitted_it_says_so():
    reading = TARGETS["table"].reading
    with pytest.raises(UsageError, match="fitted"):
        reading.compared(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(()), torch.ones(()))
    with pytest.raises(UsageError, match="one number for each element"):
        fitted(GROUPS).probabilities(torch.zeros(1, 4), torch.zeros(1, 5), torch.ones(()), torch.ones(()))
