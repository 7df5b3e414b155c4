"""Noise schedules: how much of the data and how much noise there is at time t.

    x_t = alpha_t x_0 + sigma_t eps          t in [0, 1], t = 0 is data, t = 1 is noise               (1)
    log_snr(t) = 2 log(alpha_t / sigma_t)                                                             (2)
    alpha = exp(-B / 2),  sigma^2 = 1 - exp(-B),  B(t) = integral of beta      variance preserving    (3)

A schedule is a function `t -> (alpha, sigma)` and nothing else. Its slope, its inverse and every Gaussian of the forward
process follow from these two, and are written once, in the base class. The schedules themselves are in two files:

    chains.py        the discrete chain, where beta becomes alpha-bar: linear, cosine, sigmoid, ...
    continuous.py    VP, VE and Flow

Coefficients are float64 until they meet data: a float32 table is wrong by 1.7e-4 in 1 - alpha_bar_1.

    >>> flow = schedule("flow")
    >>> alpha, sigma = flow(torch.tensor(0.25))
    >>> print(alpha.item(), sigma.item())
    0.75 0.25
    >>> print(flow.log_snr(flow.inverse(torch.tensor(-3.0))).item())
    -3.0
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from unstir.diffusion.registry import SCHEDULES, name_in
from unstir.diffusion.settings import shown
from unstir.errors import UsageError, unknown

FIRST = 1e-9  # where t = 0 itself has no answer (no noise to predict, an unbounded slope), this time just inside has one
CLEANEST_END = 0.99  # if alpha_bar at t = 1 is above this, there is next to no noise to start a sample from


def along(coefficient: Tensor, x: Tensor) -> Tensor:
    """A coefficient () or (B,) as a factor for x (B, ...): x's type and device, trailing axes of size one."""
    shape = coefficient.shape + (1,) * (x.ndim - 1 if coefficient.ndim else 0)
    return coefficient.to(device=x.device, dtype=x.dtype).reshape(shape)


class Schedule(ABC):
    """A pair of functions of time, eq. (1). A subclass gives `__call__`; everything else follows from it."""

    @abstractmethod
    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Alpha and sigma at times t: float64, the shape of t. Must be differentiable by torch inside (0, 1)."""

    def log_snr(self, t: Tensor) -> Tensor:
        """Logarithm of the signal-to-noise ratio, eq. (2): +inf where there is no noise, -inf where there is no data."""
        alpha, sigma = self(t)
        return 2 * (alpha.log() - sigma.log())

    def slope(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """d alpha / dt and d sigma / dt, by differentiation; at t = 0 the value just inside, so it is finite."""
        with torch.enable_grad():
            t = t.detach().double().clamp(min=FIRST).requires_grad_()
            alpha, sigma = (c + 0 * t for c in self(t))  # a constant has a slope too
            (alpha_slope,) = torch.autograd.grad(alpha.sum(), t, retain_graph=True)
            return alpha_slope, torch.autograd.grad(sigma.sum(), t)[0]

    def information_rate(self, t: Tensor) -> Tensor:
        """-1/2 d SNR / dt: times the squared error of x0_hat, the nats a unit of time adds to the bound (Kingma et al. 2021, eq. 18)."""
        (alpha, sigma), (alpha_slope, sigma_slope) = self(t), self.slope(t)
        return alpha * (alpha * sigma_slope - sigma * alpha_slope) / sigma**3

    def inverse(self, log_snr: Tensor) -> Tensor:
        """The time at which the signal-to-noise ratio is exp(log_snr), by bisection to the last bit; clamped to [0, 1]."""
        wanted = log_snr.double()
        low, high = torch.zeros_like(wanted), torch.ones_like(wanted)
        for _ in range(60):
            middle = (low + high) / 2
            too_clean = self.log_snr(middle) > wanted
            low, high = torch.where(too_clean, middle, low), torch.where(too_clean, high, middle)
        return (low + high) / 2

    def diffuse(self, x0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """x_t of eq. (1), the reparameterised q(x_t | x_0). x0 and eps (B, ...), t () or (B,)."""
        alpha, sigma = self(t)
        return along(alpha, x0) * x0 + along(sigma, x0) * eps

    def transition(self, s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Factor a and variance of q(x_t | x_s) = N(a x_s, variance I), for s < t.

        a = alpha_t / alpha_s and variance = sigma_t^2 (1 - SNR_t / SNR_s), the form that loses no digits when s is near t
        (Kingma et al. 2021, appendix A).
        """
        (alpha_t, sigma_t), (alpha_s, _) = self(t), self(s)
        return alpha_t / alpha_s, sigma_t**2 * -torch.expm1(self.log_snr(t) - self.log_snr(s))

    def posterior(self, s: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Factors of x_t and of x_0, and the variance, of q(x_s | x_t, x_0) for s < t (Ho et al. 2020, eq. 7)."""
        (alpha_t, sigma_t), (alpha_s, sigma_s) = self(t), self(s)
        fresh = -torch.expm1(self.log_snr(t) - self.log_snr(s))  # 1 - SNR_t / SNR_s; Kingma et al. 2021, eq. 25 to 27
        return alpha_t / alpha_s * (sigma_s / sigma_t) ** 2, alpha_s * fresh, sigma_s**2 * fresh

    @property
    def alpha_bar_end(self) -> float:
        """alpha^2 / (alpha^2 + sigma^2) at t = 1: alpha_bar_T of a chain. Zero means that nothing of the data is left."""
        alpha, sigma = self(torch.tensor(1.0, dtype=torch.float64))
        return (alpha**2 / (alpha**2 + sigma**2)).item()

    @property
    def T(self) -> int | None:
        """Number of steps of the discrete chain, None for a schedule that was never one."""
        return None


def variance_preserving(B: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha and sigma from B = -log alpha_bar, eq. (3)."""
    # Past alpha_bar = 1e-260 there is nothing left to describe: B goes on as a logarithm, so that alpha never underflows to a 0 by
    # which something else would be divided.
    B = torch.where(B > 600, 600 + torch.log1p((B - 600).clamp(min=0)), B)
    return torch.exp(-B / 2), torch.sqrt(-torch.expm1(-B))


def schedule(which: str | Schedule, **settings: float | Sequence[float]) -> Schedule:
    """The schedule of that name; settings are the arguments of its function. A `Schedule` of your own is returned as it is.

    Raises UsageError for an unknown name or setting, for one out of its range, and where next to no noise is added in all.

    >>> print(f"{schedule('linear', T=100).alpha_bar_end:.3f}")     # the usual betas leave signal in a chain of 100 steps
    0.364
    >>> schedule("flow")
    Flow()
    """
    if isinstance(which, Schedule):
        if settings:
            raise UsageError(f"settings go with the name of a schedule; {which} has its own. Leave out {', '.join(settings)}.")
        return which
    name = name_in(SCHEDULES, Schedule, which)
    make = SCHEDULES[name]
    known = inspect.signature(make).parameters
    for key in settings:
        if not known:
            raise UsageError(f"schedule '{name}' takes no settings, but {key} = {shown(settings[key])} was given. Leave it out.")
        if key not in known:
            raise unknown(f"setting of the {name} schedule", key, known)
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in settings:
            raise UsageError(f"schedule '{name}' needs its {key}, a list of numbers: --diffusion.settings.{key} 0.1,0.2,0.3")
    made = make(**settings)
    if made.alpha_bar_end > CLEANEST_END:
        given = ", ".join(f"{key} = {shown(value)}" for key, value in settings.items())
        raise UsageError(
            f"schedule '{name}' with {given} adds next to no noise: alpha_bar is still {made.alpha_bar_end:.4g} at the end, "
            f"and has to be below {CLEANEST_END} for a sample to start there. Use more steps or larger settings."
        )
    return made


def ready_made() -> dict[str, Schedule]:
    """Every schedule that its name alone makes, by name, with its own defaults; `chain` is not one, because it needs its betas.

    >>> "flow" in ready_made(), "chain" in ready_made()
    (True, False)
    """
    signatures = {name: inspect.signature(make).parameters.values() for name, make in SCHEDULES.items()}
    return {
        name: schedule(name)
        for name, parameters in signatures.items()
        if all(parameter.default is not parameter.empty for parameter in parameters)
    }
