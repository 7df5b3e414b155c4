"""Truths 4 to 7, and 20: targets, the loss, the exact denoisers, and guidance."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from unstir.diffusion.denoiser import EPS, Denoiser, Target, wanted
from unstir.diffusion.groups import States
from unstir.diffusion.guidance import guided
from unstir.diffusion.loss import errors, examples, weight
from unstir.diffusion.oracles import Gaussian, Points
from unstir.diffusion.registry import TARGETS, WEIGHTS
from unstir.diffusion.schedules import Schedule, schedule
from unstir.selfcheck.known import GAUSSIAN, MIXTURE, MU, Case, S, f64, normal, schedules


def targets_there_and_back() -> Iterator[Case]:
    """The perfect answer of one target gives x_0 and eps; from these follows that of any other target, which gives the same x_0.

    At log-SNR from -20 to 20. The answer 0 of a target for data with few levels gives Bayes' rule for independent elements,
    and so does that of a target for groups of states.
    """
    x0, eps = normal(2, 41, 3)
    affine = {name: of for name, of in TARGETS.items() if of.reading.is_affine}
    for name, s in schedules().items():
        t = s.inverse(torch.linspace(-20, 20, 41, dtype=torch.float64))
        (alpha, sigma), x = (c[:, None] for c in s(t)), s.diffuse(x0, t, eps)
        by_hand = torch.cat([Points(f64([[-1.0], [0.0], [0.0], [1.0]])).denoise(s)(column[:, None], t) for column in x.mT], 1)
        of_states = Points(torch.eye(3, dtype=torch.float64)[[0, 1, 1, 2]]).denoise(s)(x, t)
        for a in [name for name, of in TARGETS.items() if of.reading.needs_states]:
            states = States.of([3], [0.25, 0.5, 0.25], [1.0] * 3, [0.0] * 3)
            aim = replace(TARGETS[a], reading=TARGETS[a].reading.built(states, {}))
            yield f"{name} / {a}", (_estimate(s, aim, x, t, torch.zeros(41, 3)) - of_states).abs().max(), 0, 1e-6
        for a in [name for name, of in TARGETS.items() if of.reading.needs_levels]:
            reading = TARGETS[a].reading.built(f64([[-1.0] * 3, [0.0] * 3, [1.0] * 3]), {"shares": f64([[0.25, 0.5, 0.25]] * 3)})
            x0_hat = _estimate(s, replace(TARGETS[a], reading=reading), x, t, torch.zeros(41, 3, 3))
            yield f"{name} / {a}", (x0_hat - by_hand).abs().max(), 0, 1e-6
        for a, of_a in affine.items():
            x0_hat = _estimate(s, of_a, x, t, F := wanted(s, of_a, x0, eps, t))
            eps_hat, worst = F if of_a is EPS else (x - alpha * x0_hat) / sigma, 0.0
            for of_b in affine.values():
                back = _estimate(s, of_b, x, t, wanted(s, of_b, x0_hat, eps_hat, t))
                worst = max(worst, float((back - x0).abs().max()))
            yield f"{name} / {a}", worst, 0, 1e-6


def one_gradient() -> Iterator[Case]:
    """A weight on the error of x_0 gives the same gradient, whichever target the network predicts."""
    (x0, eps), t = normal(2, 16, 3), torch.linspace(0.02, 0.98, 16, dtype=torch.float64)
    weights = [name for name, row in WEIGHTS.items() if not row.by_target]
    for (kind, s), name in itertools.product(schedules().items(), weights):
        gradients, x = [], s.diffuse(x0, t, eps)
        for of in (of for of in TARGETS.values() if of.reading.is_affine):
            theta = torch.full((3, 3), 0.1, dtype=torch.float64, requires_grad=True)
            c = of(s, t)
            F = (x @ theta - c.c_skip[:, None] * x) / c.c_out[:, None]
            loss = errors(F, examples(s, of, weight(name), x0, eps, t)).mean()
            gradients += torch.autograd.grad(loss, theta)
        yield f"{kind} / {name}", (torch.stack(gradients) / gradients[0] - 1).abs().max(), 0, 1e-5


def Gaussian_posterior_mean() -> Iterator[Case]:
    """E[x_0 | x_t] = mu + alpha S (alpha^2 S + sigma^2 I)^-1 (x_t - alpha mu), by a linear solver."""
    x, t = normal(8, 3), torch.linspace(0.01, 1, 8, dtype=torch.float64)
    mu, cov = (
        x[0],
        x[1:].mT @ x[1:],
    )  # three dimensions: in two, the matrix of eigenvectors can be symmetric, which hides a transpose
    for name, s in schedules().items():
        alpha, sigma = (c[:, None] for c in s(t))
        C = alpha[..., None] ** 2 * cov + sigma[..., None] ** 2 * torch.eye(3, dtype=torch.float64)
        by_hand = mu + alpha * torch.linalg.solve(C, x - alpha * mu) @ cov
        yield name, (Gaussian(mu, cov).denoise(s)(x, t) - by_hand).abs().max(), 0, 1e-10


def mixture_score() -> Iterator[Case]:
    """The mixture's denoiser gives the gradient of its log-density."""
    x, t = normal(8, 2).requires_grad_(), torch.linspace(0.1, 1, 8, dtype=torch.float64)
    for name, s in schedules().items():
        (gradient,) = torch.autograd.grad(MIXTURE.log_prob(x, t, s).sum(), x)
        yield name, (MIXTURE.score(x.detach(), t, s) - gradient).abs().max(), 0, 1e-8


def guidance() -> Iterator[Case]:
    """Scale 0 is the unconditional Gaussian, 1 the conditional one, and w that of precision w P_1 + (1 - w) P_0."""
    s, x, t = schedule("linear"), normal(8, 2), f64(0.4)
    alpha, sigma = s(t)
    P1, P0 = (torch.linalg.inv(alpha**2 * c * S + sigma**2 * torch.eye(2, dtype=torch.float64)) for c in (1, 2))
    for w in (0.0, 1.0, 3.0):
        score = -(x - alpha * MU) @ P1 * w - x @ P0 * (1 - w)
        x0_hat = guided(GAUSSIAN.denoise(s), Gaussian(0 * MU, 2 * S).denoise(s), w)(x, t)
        yield f"scale {w:g}", ((alpha * x0_hat - x) / sigma**2 - score).abs().max(), 0, 1e-9


def _estimate(s: Schedule, of: Target, x: Tensor, t: Tensor, F: Tensor) -> Tensor:
    return Denoiser(lambda x, t, cond: F, s, of)(x, t)  # noqa: ARG005
