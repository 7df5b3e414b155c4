"""How likely a model finds data: the exact density of its probability flow, and the variational bound.

    dx/d phi = v on the circle  x / N = cos(phi) x0 + sin(phi) eps,  tan(phi) = sigma / alpha          (1)
    log p(x_0) = log N(y_1; 0, I) + integral of div v d phi over the way there,  y = x / N             (2)
    -log p(x_0) <= prior + diffusion + reconstruction                                                  (3)
    prior           KL(q(x_1 | x_0) || N(0, N_1^2 I))
    diffusion       sum over the grid of 1/2 (SNR_s - SNR_t) |x_0 - x0_hat(x_t)|^2                     (4)
    reconstruction  -log N(x_0; x_t / alpha_t, (sigma_t / alpha_t)^2 I) at the last noisy time t
    in the limit of many steps  (4) = integral of -1/2 dSNR/dt |x_0 - x0_hat|^2 dt                     (5)

(2) is Song et al. 2021 (eq. 39), written in the angle phi, in which neither end is singular. (3) and (4) are Kingma et al. 2021 (eq. 11
and 13). (5) depends on the schedule only through its two ends. All results are in nats, one number for each row.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from unstir.diffusion.denoiser import Denoise
from unstir.diffusion.schedules import Schedule
from unstir.steady import steady

LOG_2PI = math.log(2 * math.pi)
NOISE = -24.0  # the log-SNR from which on the data counts as gone: it moves the mean of x_t by 6e-6 of its own size
CENTRE, WIDTH = 3.0, 2.0  # of the steps of the flow, in log-SNR


class Bound(NamedTuple):
    """The three parts of eq. (3) in nats, (B,) each. Their sum, averaged over the noise, is an upper bound of -log p(x_0)."""

    prior: Tensor
    diffusion: Tensor
    reconstruction: Tensor

    @property
    def total(self) -> Tensor:
        """Nats, (B,)."""
        return self.prior + self.diffusion + self.reconstruction


@steady
def ode_log_prob(
    denoise: Denoise,
    schedule: Schedule,
    x: Tensor,
    steps: int = 64,
    clean_log_snr: float = 14.0,
    probes: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """log p(x) in nats, (B,), of rows x (B, ...), by eq. (2): Runge-Kutta of order 4 in `steps` steps of log-SNR.

    The steps are short near log-SNR 3, where the shape of encoded data appears, and long where nothing happens: equal ones would take
    three times as many for the same error. The data is taken to be x_t / alpha_t at `clean_log_snr`. The divergence is the exact trace,
    which takes one backward pass for each
    element of a row. With `probes` it is Hutchinson's unbiased estimate from that many vectors of random signs (Grathwohl et al. 2019);
    these are drawn once, so that the path stays smooth.
    """
    start = min(schedule.log_snr(0.0).item(), clean_log_snr)
    end = max(schedule.log_snr(1.0).item(), NOISE)
    levels = _levels(start, end, steps)
    times = schedule.inverse(levels)
    directions = _directions(x, probes, generator)

    def rates(i: int, y: Tensor) -> tuple[Tensor, Tensor]:
        """dy and div per unit of log-SNR, where d phi / d log_snr = -sin(phi) cos(phi) / 2."""
        alpha, sigma = schedule(times[i])
        N = torch.hypot(alpha, sigma)
        turn = (-alpha * sigma / N**2 / 2).to(x.dtype)
        with torch.enable_grad():
            y = y.detach().requires_grad_()
            x0 = denoise(y * N.to(x.dtype), times[i])
            v = ((alpha / sigma).to(x.dtype) * y) - ((N / sigma).to(x.dtype)) * x0  # cos eps - sin x0
            divergence = torch.zeros(len(x), dtype=x.dtype, device=x.device)
            for z in directions:
                (Jz,) = torch.autograd.grad(v, y, z.expand_as(v), retain_graph=True)
                divergence = divergence + (Jz * z).flatten(1).sum(1)
        return (turn * v).detach(), turn * divergence * (1 if probes is None else 1 / probes)

    alpha0, sigma0 = schedule(times[0])
    shrink = alpha0 / torch.hypot(alpha0, sigma0)  # from the data to y at the start of the path
    y, log_det = x * shrink.to(x.dtype), torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for i in range(0, 2 * steps, 2):
        h = (levels[i + 2] - levels[i]).to(x.dtype)
        k1, d1 = rates(i, y)
        k2, d2 = rates(i + 1, y + h / 2 * k1)
        k3, d3 = rates(i + 1, y + h / 2 * k2)
        k4, d4 = rates(i + 2, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        log_det = log_det + (h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)).double()
    d = x[0].numel()
    prior = -0.5 * (y.double().flatten(1).square().sum(1) + d * LOG_2PI)
    return prior + log_det + d * shrink.log().item()


@steady
def variational_bound(
    denoise: Denoise, schedule: Schedule, times: Tensor, x0: Tensor, generator: torch.Generator | None = None
) -> Bound:
    """Eq. (3) of rows x0 (B, ...) on a grid of times that falls from 1 to 0, with one draw of noise a step: its parts, (B,) each.

    The reverse step is q(x_s | x_t, x0_hat). A grid of T + 1 times is a chain of T steps; the last step is the reconstruction.
    """
    diffusion = torch.zeros(len(x0), dtype=torch.float64)
    for t, s in pairwise(times[:-1]):
        gain = 0.5 * (schedule.log_snr(s).exp() - schedule.log_snr(t).exp())
        diffusion += gain * _squared_error(denoise, schedule, t.expand(len(x0)), x0, generator)
    return _bound(schedule, times[-2], x0, diffusion, generator)


@steady
def continuous_bound(
    denoise: Denoise,
    schedule: Schedule,
    x0: Tensor,
    clean: Tensor,
    points: int = 256,
    generator: torch.Generator | None = None,
) -> Bound:
    """Eq. (3) with (5) as its diffusion part: an integral over t from `clean` () to 1, estimated at `points` stratified times a row."""
    diffusion = torch.zeros(len(x0), dtype=torch.float64)
    for i in range(points):
        jitter = torch.rand(len(x0), dtype=torch.float64, generator=generator)
        t = clean + (1 - clean) * (i + jitter) / points
        rate = schedule.information_rate(t)
        diffusion += rate * (1 - clean) / points * _squared_error(denoise, schedule, t, x0, generator)
    return _bound(schedule, clean, x0, diffusion, generator)


def _bound(schedule: Schedule, clean: Tensor, x0: Tensor, diffusion: Tensor, generator: torch.Generator | None) -> Bound:
    d = x0[0].numel()
    (alpha, sigma), (alpha_1, sigma_1) = schedule(clean), schedule(1.0)
    power = alpha_1**2 + sigma_1**2
    share = sigma_1**2 / power
    signal = alpha_1**2 / power * x0.double().flatten(1).square().sum(1)
    eps = torch.randn(x0.shape, dtype=torch.float64, generator=generator).flatten(1)
    return Bound(
        prior=0.5 * (signal + d * (share - 1 - share.log())),
        diffusion=diffusion,
        reconstruction=0.5 * eps.square().sum(1) + d * (0.5 * LOG_2PI + (sigma / alpha).log()),
    )


def _squared_error(denoise: Denoise, schedule: Schedule, t: Tensor, x0: Tensor, generator: torch.Generator | None) -> Tensor:
    eps = torch.randn(x0.shape, dtype=x0.dtype, generator=generator)
    with torch.no_grad():
        return (x0 - denoise(schedule.diffuse(x0, t, eps), t)).double().square().flatten(1).sum(1)


def _levels(start: float, end: float, steps: int) -> Tensor:
    """Log-SNR at the ends and in the middle of each step, (2 steps + 1,) from start to end: equal steps in asinh((log-SNR - 3) / 2)."""
    first, last = (math.asinh((level - CENTRE) / WIDTH) for level in (start, end))
    u = torch.linspace(first, last, steps + 1, dtype=torch.float64)
    ends = CENTRE + WIDTH * u.sinh()
    return torch.stack([ends, torch.cat([(ends[:-1] + ends[1:]) / 2, ends[-1:]])], 1).flatten()[:-1]


def _directions(x: Tensor, probes: int | None, generator: torch.Generator | None) -> Tensor:
    """Unit vectors (d, 1, ...) for the exact trace, or random signs (probes, B, ...)."""
    if probes is None:
        return torch.eye(x[0].numel(), dtype=x.dtype, device=x.device).reshape(-1, 1, *x.shape[1:])
    return torch.randint(0, 2, (probes, *x.shape), generator=generator).to(x) * 2 - 1
