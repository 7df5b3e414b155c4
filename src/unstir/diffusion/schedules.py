"""Noise schedules: how much of the data and how much noise there is at time t.

    x_t = alpha_t x_0 + sigma_t eps          t in [0, 1], t = 0 is data, t = 1 is noise               (1)
    log_snr(t) = 2 log(alpha_t / sigma_t)                                                             (2)
    alpha = exp(-B / 2),  sigma^2 = 1 - exp(-B),  B(t) = integral of beta      variance preserving    (3)
    B(n / T) = - sum_{i <= n} log(1 - beta_i), straight lines between          the discrete chain     (4)

A schedule is a function `t -> (alpha, sigma)` and nothing else. Its slope, its inverse and every Gaussian of the forward
process follow from it and are written once, in the base class. By (4) the paper's x_n is x_t at t = n / T *exactly*, so the
chain of Ho et al. and a continuous-time process are one thing, and whatever works on one works on the other.

Coefficients are float64 until they meet data: a float32 table is wrong by 1.7e-4 in 1 - alpha_bar_1.

    >>> schedule = linear(T=1000)
    >>> alpha, sigma = schedule(torch.tensor(0.5, dtype=torch.float64))       # x_500 of the chain
    >>> print(f"{alpha.item() ** 2:.7f}")                                     # alpha_bar_500
    0.0785872
    >>> print(schedule.log_snr(schedule.inverse(torch.tensor(-3.0))).item())
    -3.0
"""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from unstir.errors import UsageError, unknown

FIRST = 1e-9  # where t = 0 itself has no answer (no noise to predict, a slope without bound), this time just inside has one
LONGEST = 100_000  # steps of a chain by name; its betas are held one by one
CLEANEST_END = 0.99  # alpha_bar at t = 1, above which there is next to no noise to start a sample from


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


@dataclass(frozen=True)
class Chain(Schedule):
    """The discrete chain with the given betas, each in (0, 1), as a continuous schedule: eq. (3) and (4).

    Raises UsageError for a beta outside (0, 1).

    >>> print(Chain((0.1, 0.2, 0.3)).alpha_bar_end)
    0.504
    """

    betas: tuple[float, ...]

    def __post_init__(self):
        for n, beta in enumerate(self.betas, 1):
            if not _inside(beta, 0, 1):
                raise UsageError(
                    f"beta_{n} = {_shown(beta)} of a chain of {len(self.betas)} steps has to be a number above 0 and below 1."
                )
        if not self.betas:
            raise UsageError("a chain needs at least one beta.")

    @cached_property
    def _knots(self) -> Tensor:
        steps = -torch.log1p(-torch.tensor(self.betas, dtype=torch.float64))
        return torch.cat([torch.zeros(1, dtype=torch.float64), steps.cumsum(0)])

    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        place = t.double() * len(self.betas)
        n = place.detach().floor().clamp(0, len(self.betas) - 1).long()
        knots = self._knots.to(t.device)
        return _variance_preserving(torch.lerp(knots[n], knots[n + 1], place - n))

    @property
    def T(self) -> int:
        """Number of steps."""
        return len(self.betas)


@dataclass(frozen=True)
class VP(Schedule):
    """Continuous linear variance preserving schedule, beta(t) = beta_min + t (beta_max - beta_min) (Song et al. 2021).

    Raises UsageError for a rate that is not above 0 and below 1e6.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0

    def __post_init__(self):
        _check(0, 1e6, beta_min=self.beta_min, beta_max=self.beta_max)

    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        t = t.double()
        return _variance_preserving(self.beta_min * t + (self.beta_max - self.beta_min) * t**2 / 2)


@dataclass(frozen=True)
class VE(Schedule):
    """Variance exploding: alpha = 1, sigma = sigma_min ((1 + sigma_max / sigma_min)^t - 1).

    Geometric in t above sigma_min, as in Song et al. 2021, and exactly 0 at t = 0, so that t = 0 is the data. The default
    range is that of Karras et al. 2022 (table 1), for data of standard deviation about 0.5 to 1.
    Raises UsageError unless 1e-12 <= sigma_min < sigma_max < 1e6.
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0

    def __post_init__(self):
        _check(1e-12, 1e6, ends=True, sigma_min=self.sigma_min)
        _check(self.sigma_min, 1e6, sigma_max=self.sigma_max)

    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        t = t.double()
        growth = math.log1p(self.sigma_max / self.sigma_min)
        return torch.ones_like(t), self.sigma_min * torch.expm1(growth * t)


@dataclass(frozen=True)
class Flow(Schedule):
    """The straight line of flow matching: alpha = 1 - t, sigma = t (Lipman et al. 2023, Liu et al. 2023)."""

    def __call__(self, t: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        t = t.double()
        return 1 - t, t


def linear(T: int = 1000, beta_min: float = 1e-4, beta_max: float = 0.02) -> Chain:
    """Betas on a straight line (Ho et al. 2020). The defaults are for T = 1000: fewer steps leave signal at the end.

    Raises UsageError, as every schedule here, for a setting that is not in its range: a beta in (0, 1), T from 2 on.
    """
    _check(0, 1, beta_min=beta_min, beta_max=beta_max)
    return Chain(_tuple(torch.linspace(beta_min, beta_max, _steps(T), dtype=torch.float64)))


def cosine(T: int = 1000, s: float = 0.008, beta_cap: float = 0.999) -> Chain:
    """alpha_bar = cos^2((n/T + s) / (1 + s) pi / 2), betas capped (Nichol & Dhariwal 2021, eq. 17)."""
    _check(0, 1, ends=True, s=s)
    _check(0, 1, beta_cap=beta_cap)
    angle = (torch.arange(_steps(T) + 1, dtype=torch.float64) / T + s) / (1 + s) * math.pi / 2
    return _from_alpha_bar(angle.cos() ** 2, beta_cap)


def sigmoid(T: int = 1000, beta_min: float = 1e-4, beta_max: float = 0.02) -> Chain:
    """Betas on a logistic curve over [-6, 6], scaled to [beta_min, beta_max]."""
    _check(0, 1, beta_min=beta_min, beta_max=beta_max)
    curve = torch.linspace(-6, 6, _steps(T), dtype=torch.float64).sigmoid()
    return Chain(_tuple(beta_min + (beta_max - beta_min) * curve))


def sigmoid_bare(T: int = 1000) -> Chain:
    """beta_n = sigmoid(linspace(-6, 6, T)) as lectures print it: noise is pure before half of the chain is done."""
    return Chain(_tuple(torch.linspace(-6, 6, _steps(T), dtype=torch.float64).sigmoid()))


def sigmoid_alpha_bar(T: int = 1000, start: float = -3.0, end: float = 3.0, tau: float = 1.0, beta_cap: float = 0.999) -> Chain:
    """alpha_bar on a logistic curve from 1 to 0 (Jabri et al. 2022), betas capped. Past 12 tau the curve is flat to rounding."""
    _check(0, 1e6, tau=tau)
    _check(-12 * tau, 12 * tau, start=start)
    _check(start + tau / 100, 12 * tau, end=end)
    _check(0, 1, beta_cap=beta_cap)
    t = torch.arange(_steps(T) + 1, dtype=torch.float64) / T
    curve = torch.sigmoid((start + t * (end - start)) / tau)
    return _from_alpha_bar((curve[-1] - curve) / (curve[-1] - curve[0]), beta_cap)


def scaled_linear(T: int = 1000, beta_min: float = 0.00085, beta_max: float = 0.012) -> Chain:
    """Square roots of beta on a straight line: latent diffusion's schedule (Rombach et al. 2022). It leaves signal."""
    _check(0, 1, beta_min=beta_min, beta_max=beta_max)
    return Chain(_tuple(torch.linspace(beta_min**0.5, beta_max**0.5, _steps(T), dtype=torch.float64) ** 2))


def chain(betas: Iterable[float]) -> Chain:
    """The chain of these betas, each in (0, 1)."""
    if isinstance(betas, str) or not isinstance(betas, Iterable):
        raise UsageError(
            f"schedule setting betas = {_shown(betas)} has to be a list of numbers, as in --diffusion.settings.betas 0.1,0.2"
        )
    return Chain(tuple(betas))


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "linear": linear,
    "cosine": cosine,
    "sigmoid": sigmoid,
    "sigmoid_bare": sigmoid_bare,
    "sigmoid_alpha_bar": sigmoid_alpha_bar,
    "scaled_linear": scaled_linear,
    "chain": chain,
    "vp": VP,
    "ve": VE,
    "flow": Flow,
}


def schedule(name: str, **settings: float | Sequence[float]) -> Schedule:
    """The schedule of that name; settings are the arguments of its function.

    Raises UsageError for an unknown name or setting, for one out of its range, and where next to no noise is added in all.

    >>> print(f"{schedule('linear', T=100).alpha_bar_end:.3f}")     # the usual betas leave signal in a chain of 100 steps
    0.364
    >>> schedule("flow")
    Flow()
    """
    if name not in SCHEDULES:
        raise unknown("schedule", name, SCHEDULES)
    known = inspect.signature(SCHEDULES[name]).parameters
    for key in settings:
        if not known:
            raise UsageError(f"schedule '{name}' takes no settings, but {key} = {_shown(settings[key])} was given. Leave it out.")
        if key not in known:
            raise unknown(f"setting of the {name} schedule", key, known)
    for key, parameter in known.items():
        if parameter.default is parameter.empty and key not in settings:
            raise UsageError(f"schedule '{name}' needs its {key}, a list of numbers: --diffusion.settings.{key} 0.1,0.2,0.3")
    made = SCHEDULES[name](**settings)
    if made.alpha_bar_end > CLEANEST_END:
        given = ", ".join(f"{key} = {_shown(value)}" for key, value in settings.items())
        raise UsageError(
            f"schedule '{name}' with {given} adds next to no noise: alpha_bar is still {made.alpha_bar_end:.4g} at the end, "
            f"and has to be below {CLEANEST_END} for a sample to start there. Use more steps or larger settings."
        )
    return made


def _variance_preserving(B: Tensor) -> tuple[Tensor, Tensor]:
    # Past alpha_bar = 1e-260 there is nothing left to describe: B goes on as a logarithm, so that alpha never underflows to a 0 by
    # which something else would be divided.
    B = torch.where(B > 600, 600 + torch.log1p((B - 600).clamp(min=0)), B)
    return torch.exp(-B / 2), torch.sqrt(-torch.expm1(-B))


def _from_alpha_bar(curve: Tensor, beta_cap: float) -> Chain:
    return Chain(_tuple((1 - curve[1:] / curve[:-1]).clamp(max=beta_cap)))


def _tuple(betas: Tensor) -> tuple[float, ...]:
    return tuple(betas.tolist())


def _steps(T: int) -> int:
    if not _inside(T, 2, LONGEST, ends=True) or int(T) != T:
        raise UsageError(f"schedule setting T = {_shown(T)} has to be a whole number from 2 to {LONGEST:,}.")
    return int(T)


def _check(low: float, high: float, ends: bool = False, **settings: Any) -> None:
    """Raise UsageError for a setting that is not a number between low and high, the ends included or not."""
    for name, value in settings.items():
        if not _inside(value, low, high, ends):
            allowed = f"from {low:g} to {high:g}" if ends else f"above {low:g} and below {high:g}"
            raise UsageError(f"schedule setting {name} = {_shown(value)} has to be a number {allowed}.")


def _inside(value: Any, low: float, high: float, ends: bool = False) -> bool:
    return _is_number(value) and (low <= value <= high if ends else low < value < high)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return f"{value!r:.40}"
