"""Truths 13 to 17: bounds, information and likelihood, in nats unless a row says bits."""

import itertools
import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from unstir.diffusion.oracles import Gaussian, Mixture, Points
from unstir.diffusion.schedules import Schedule, schedule
from unstir.diffusion.times import grid
from unstir.information import cost, gaussian
from unstir.information.likelihood import continuous_bound, ode_log_prob, variational_bound
from unstir.seeds import seeded
from unstir.selfcheck.known import GAUSSIAN, MIXTURE, MU, Case, S, f64

LINE = Mixture(f64([0.3, 0.7]), f64([[-1.5], [1.0]]), f64([[[0.2]], [[0.05]]]))
FLOWS = {"narrow Gaussian": Gaussian(MU, 0.01 * S), "mixture": MIXTURE}
ENDS = ((-8.0, 4.0), (-6.0, 1.0))  # log-SNR


def variational_bound_above() -> Iterator[Case]:
    """The bound lies above -log p by the exact amount, sum of 1/2 (SNR_s - SNR_t) mmse and its two ends, to 4.5 standard errors."""
    x0 = GAUSSIAN.sample(2000, seeded(0))
    for name, T in itertools.product(("linear", "cosine", "sigmoid", "flow"), (10, 40)):
        s = schedule(name)
        times = grid("log_snr")(s, T)
        level, share = s.log_snr(times), s.log_snr(times[0]).neg().sigmoid()  # share of noise at t = 1
        prior = 0.5 * ((1 - share) * (S.trace() + MU @ MU) + 2 * (share - 1 - share.log()))
        diffusion = (0.5 * level[:-1].exp().diff() * GAUSSIAN.gaussian_mmse(level[:-2])).sum()
        exact = float(prior + diffusion + 1 + math.log(2 * math.pi) - level[-2]) - GAUSSIAN.entropy()
        above = variational_bound(GAUSSIAN.denoise(s), s, times, x0, seeded(T)).total + GAUSSIAN.log_prob(x0)
        slack = 4.5 * float(above.std()) / len(x0) ** 0.5
        yield f"{name}, {T} steps", above.mean(), max(exact - slack, 1e-9), exact + slack


def continuous_time() -> Iterator[Case]:
    """An error of 1 / (1 + SNR) is worth 1/2 log of the ratio of 1 + SNR at the ends, under every schedule between them.

    Prior, diffusion and reconstruction of a fair coin are 1 bit together, wherever the diffusion part begins and ends.
    """
    for name in ("linear", "cosine", "sigmoid"):
        s, end = schedule(name), schedule(name).log_snr(f64(1.0))
        clean = s.inverse(f64(7.0))
        exact = 0.5 * math.log((1 + math.exp(7)) / (1 + end.exp()))

        def denoise(x: Tensor, t: Tensor, s: Schedule = s) -> Tensor:
            return x * 0 + (1 + s.log_snr(t).exp())[:, None] ** -0.5

        parts = continuous_bound(denoise, s, torch.zeros(100, 1, dtype=torch.float64), clean, 100, seeded(0))
        yield name, parts.diffusion.mean() / exact, 0.99, 1.01
    coin, s = f64([[-1.0], [1.0]]), schedule("flow")
    beside, noise = gaussian.independent(f64([0.0]), f64([1.0])), cost.nodes(1, 65)
    for low, high in ENDS:
        edges = torch.linspace(low, high, 25, dtype=torch.float64)
        nats = gaussian.prior(beside, coin, low) + cost.costs(
            Points(coin).denoise(s), s, beside, coin, edges, noise, None
        ).nats.sum(1)
        y = [(weight, coin + math.exp(-high / 2) * eps) for weight, eps in noise(coin)]
        nats += sum(weight * torch.log1p((-2 * math.exp(high) * coin * at).exp())[:, 0] for weight, at in y)  # -log P(x | y)
        yield f"bits of a coin, from {low:g} to {high:g}", nats.mean() / math.log(2), 0.995, 1.005


def mmse_and_information() -> Iterator[Case]:
    """The mmse is below the Gaussian's, falls, and is twice the slope of the information in nats, by quadrature in one dimension.

    Its integral beside the Gaussian's is -log p(x), at every point.
    """
    w, m, v, mixture = LINE.weights.numpy(), LINE.means[:, 0].numpy(), LINE.covariances[:, 0, 0].numpy(), LINE

    def nats_and_mmse(snr: float) -> tuple[float, float]:
        y, width = np.linspace(-12, 12, 40_001, retstep=True)
        y, width, C = y * math.sqrt(1 + snr), width * math.sqrt(1 + snr), snr * v[:, None] + 1
        p = (w[:, None] * np.exp(-((y - math.sqrt(snr) * m[:, None]) ** 2) / 2 / C) / np.sqrt(2 * math.pi * C)).sum(0)
        x0_hat = mixture.posterior_mean(torch.from_numpy(y)[:, None], f64(math.sqrt(snr)), f64(1.0))[:, 0].numpy()
        return -(p * np.log(p + 1e-300)).sum() * width, w @ (v + m**2) - (p * x0_hat**2).sum() * width

    for snr in (0.1, 1.0, 10.0):
        slope = (nats_and_mmse(1.001 * snr)[0] - nats_and_mmse(0.999 * snr)[0]) / (0.002 * snr)
        yield f"2 dI/dsnr over mmse, snr {snr:g}", 2 * slope / nats_and_mmse(snr)[1], 0.9999, 1.0001
    levels = torch.linspace(-8, 8, 17, dtype=torch.float64)
    curve = f64([nats_and_mmse(math.exp(level))[1] for level in levels])
    yield "over that of the Gaussian", (curve / Gaussian(torch.zeros(1), mixture.covariance()).gaussian_mmse(levels)).max(), 0, 1
    yield "largest rise", curve.diff().max().clamp(min=0), 0, 0
    flow, x = schedule("flow"), LINE.sample(4, seeded(0))
    beside = gaussian.independent(LINE.weights @ LINE.means, LINE.covariance().diagonal())
    found = cost.costs(
        LINE.denoise(flow), flow, beside, x, torch.linspace(-11, 12, 91, dtype=torch.float64), cost.nodes(1, 65), None
    )
    yield "density by the integral", (gaussian.density(beside, x) - found.saved + LINE.log_prob(x)).abs().max(), 0, 1e-4


def likelihood_of_the_flow() -> Iterator[Case]:
    """The probability flow has the density of centred Gaussian data to 1e-6 nats, and random probes do not bias it.

    That of any data is right to 1e-3 nats at every point in 50 steps, and to 1e-4 in 200.
    """
    oracle = Gaussian(0 * MU, S)
    x = oracle.sample(8, seeded(0))
    for name, clean in itertools.product(("cosine", "flow"), (15.0, 4.0)):  # at the clean end: x_0 with e^-clean of noise
        ours = ode_log_prob(oracle.denoise(schedule(name)), schedule(name), x, steps=96, clean_log_snr=clean)
        exact = Gaussian(0 * MU, S + math.exp(-clean) * torch.eye(2)).log_prob(x)
        yield f"{name} from log-SNR {clean:g}", (ours - exact).abs().max(), 0, 1e-6
    s = schedule("flow")
    for (name, known), (steps, bar) in itertools.product(FLOWS.items(), ((50, 1e-3), (200, 1e-4))):
        points = known.sample(8, seeded(1))
        ours = ode_log_prob(known.denoise(s), s, points, steps, clean_log_snr=16.0)
        yield f"{name}, {steps} steps", (ours - known.log_prob(points)).abs().max(), 0, bar
    likelihood = partial(ode_log_prob, oracle.denoise(schedule("flow")), schedule("flow"), steps=16)
    estimate = likelihood(x[:1].expand(1000, 2), probes=1, generator=seeded(1))
    yield "Hutchinson's bias in standard errors", (estimate.mean() - likelihood(x[:1])).abs() / estimate.std() * 1000**0.5, 0, 4.5
