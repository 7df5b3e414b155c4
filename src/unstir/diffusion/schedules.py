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
    >>> alpha, sigma = flow(0.25)
    >>> print(alpha.item(), sigma.item())
    0.75 0.25
    >>> print(flow.log_snr(flow.inverse(-3.0)).item())
    -3.0
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from unstir.diffusion.inputs import Step, Time, float64, times, times_of_steps
from unstir.diffusion.registry import SCHEDULES, name_in
from unstir.diffusion.settings import shown
from unstir.errors import UsageError, unknown

FIRST = 1e-9  # where t = 0 itself has no answer (no noise to predict, an unbounded slope), this time just inside has one
CLEANEST_END = 0.99  # if alpha_bar at t = 1 is above this, there is next to no noise to start a sample from


def along(coefficient: Tensor, x: Tensor) -> Tensor:
    """A coefficient () or (B,) made ready to multiply x (B, ...): in x's type, on its device, with trailing axes of size one.

    A single number stays where it is: a number on the CPU multiplies tensors on every device, and copying it would wait for the device.
    """
    if not coefficient.ndim:
        return coefficient.to(x.dtype)
    return coefficient.to(device=x.device, dtype=x.dtype).reshape(coefficient.shape + (1,) * (x.ndim - 1))


class Schedule(ABC):
    """A pair of functions of time, eq. (1). A subclass says alpha and sigma in `alpha_sigma`; everything else follows from them.

    A time t is a number, a list, an array or a tensor, from 0.0 (data) to 1.0 (noise). All answers are float64 tensors of its shape.

    >>> class Circle(Schedule):
    ...     def alpha_sigma(self, t):
    ...         return torch.cos(t * torch.pi / 2), torch.sin(t * torch.pi / 2)
    >>> Circle()([0.0, 0.5])
    (tensor([1.0000, 0.7071], dtype=torch.float64), tensor([0.0000, 0.7071], dtype=torch.float64))
    """

    @abstractmethod
    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Alpha and sigma at times t, a float64 tensor that has been checked: the same shape. Differentiable by torch in (0, 1)."""

    def __call__(self, t: Time) -> tuple[Tensor, Tensor]:
        """Alpha and sigma at times t. Raises UsageError for a time outside [0, 1], and for a whole number: that is a step, see `at`."""
        return self.alpha_sigma(self.as_time(t))

    def at(self, n: Step) -> tuple[Tensor, Tensor]:
        """Alpha and sigma at step n of the chain, from 0 (data) to T (noise). Raises UsageError as `time` does.

        >>> alpha, sigma = schedule("linear").at(500)
        >>> print(f"{alpha.item() ** 2:.7f}")                                     # alpha_bar_500
        0.0785872
        """
        return self.alpha_sigma(self.time(n))

    def time(self, n: Step) -> Tensor:
        """The time n / T of step n of the chain. Raises UsageError for a schedule that is no chain, and for n outside 0 .. T.

        >>> schedule("linear").time([0, 250, 1000]).tolist()
        [0.0, 0.25, 1.0]
        """
        if self.T is None:
            raise UsageError(
                f"{self} is no discrete chain, so it has no steps. Give a time from 0.0 to 1.0 instead: schedule(0.5)."
            )
        return times_of_steps(n, self.T)

    def as_time(self, t: Time) -> Tensor:
        """Times as a float64 tensor of the same shape. Raises UsageError for whole numbers, and for times outside [0, 1]."""
        return times(t, self.T)

    def log_snr(self, t: Time) -> Tensor:
        """Logarithm of the signal-to-noise ratio, eq. (2): +inf where there is no noise, -inf where there is no data."""
        return _log_snr(*self(t))

    def slope(self, t: Time) -> tuple[Tensor, Tensor]:
        """d alpha / dt and d sigma / dt, by differentiation. At t = 0 the value just inside, so that it is finite."""
        with torch.inference_mode(False):  # which switches gradients on, wherever they are off
            t = self.as_time(t).detach().clamp(min=FIRST).requires_grad_()
            alpha, sigma = (c + 0 * t for c in self.alpha_sigma(t))  # a constant has a slope too
            (alpha_slope,) = torch.autograd.grad(alpha.sum(), t, retain_graph=True)
            return alpha_slope, torch.autograd.grad(sigma.sum(), t)[0]

    def information_rate(self, t: Time) -> Tensor:
        """-1/2 d SNR / dt: times the squared error of x0_hat, the nats that a unit of time adds to the variational bound.

        Source: Kingma et al. 2021, eq. 18.
        """
        (alpha, sigma), (alpha_slope, sigma_slope) = self(t), self.slope(t)
        return alpha * (alpha * sigma_slope - sigma * alpha_slope) / sigma**3

    def inverse(self, log_snr: Time) -> Tensor:
        """The time at which the signal-to-noise ratio is exp(log_snr), by bisection to the last bit.

        It is 0 or 1 where the schedule does not reach that ratio.
        """
        wanted = float64(log_snr)
        low, high = torch.zeros_like(wanted), torch.ones_like(wanted)
        for _ in range(60):
            middle = (low + high) / 2
            too_clean = _log_snr(*self.alpha_sigma(middle)) > wanted
            low, high = torch.where(too_clean, middle, low), torch.where(too_clean, high, middle)
        return (low + high) / 2

    def reached(self, log_snr: Tensor) -> Tensor:
        """Those of the levels log_snr (K,) that lie between its ends, float64: one to which `inverse` gives a time inside (0, 1)."""
        noisiest, cleanest = self.log_snr(torch.tensor([1.0, 0.0], dtype=torch.float64)).tolist()
        return log_snr[(log_snr > noisiest) & (log_snr < cleanest)]

    def diffuse(self, x0: Tensor, t: Time, eps: Tensor) -> Tensor:
        """x_t of eq. (1), a draw of q(x_t | x_0) if eps is standard normal noise. x0 and eps (B, ...), t () or (B,)."""
        alpha, sigma = self(t)
        return along(alpha, x0) * x0 + along(sigma, x0) * eps

    def fresh(self, s: Time, t: Time) -> Tensor:
        """1 - SNR_t / SNR_s for s < t: the share of the noise at t that came after s. In this form no digits are lost if s is near t."""
        return -torch.expm1(self.log_snr(t) - self.log_snr(s))

    def transition(self, s: Time, t: Time) -> tuple[Tensor, Tensor]:
        """Factor a and variance of q(x_t | x_s) = N(a x_s, variance I), for s < t.

        a = alpha_t / alpha_s and variance = sigma_t^2 (1 - SNR_t / SNR_s) (Kingma et al. 2021, appendix A).
        """
        (alpha_t, sigma_t), (alpha_s, _) = self(t), self(s)
        return alpha_t / alpha_s, sigma_t**2 * self.fresh(s, t)

    def posterior(self, s: Time, t: Time) -> tuple[Tensor, Tensor, Tensor]:
        """Factors of x_t and of x_0, and the variance, of q(x_s | x_t, x_0) for s < t.

        Source: Ho et al. 2020, eq. 7, for any s < t as in Kingma et al. 2021, eq. 25 to 27.
        """
        (alpha_t, sigma_t), (alpha_s, sigma_s), fresh = self(t), self(s), self.fresh(s, t)
        return alpha_t / alpha_s * (sigma_s / sigma_t) ** 2, alpha_s * fresh, sigma_s**2 * fresh

    @property
    def alpha_bar_end(self) -> float:
        """alpha^2 / (alpha^2 + sigma^2) at t = 1: alpha_bar_T of a chain. Zero means that nothing of the data is left."""
        alpha, sigma = self(1.0)
        return (alpha**2 / (alpha**2 + sigma**2)).item()

    @property
    def T(self) -> int | None:
        """Number of steps of the discrete chain; None for a schedule that is no chain."""
        return None


def _log_snr(alpha: Tensor, sigma: Tensor) -> Tensor:
    return 2 * (alpha.log() - sigma.log())


def variance_preserving(B: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha and sigma from B = -log alpha_bar, eq. (3)."""
    # Below alpha_bar = 1e-260 nothing of the data is left. From there B grows like a logarithm, so that alpha never becomes 0, by which
    # something else would be divided.
    B = torch.where(B > 600, 600 + torch.log1p((B - 600).clamp(min=0)), B)
    return torch.exp(-B / 2), torch.sqrt(-torch.expm1(-B))


def needs_no_settings(name: str) -> bool:
    """Whether the schedule of that name can be made by its name alone. Raises UsageError for an unknown name.

    >>> needs_no_settings("linear"), needs_no_settings("chain")         # which needs its betas
    (True, False)
    """
    return all(one.default is not one.empty for one in inspect.signature(SCHEDULES[name]).parameters.values())


def schedule(which: str | Schedule, **settings: float | Sequence[float]) -> Schedule:
    """The schedule of that name; settings are the arguments of its function. A `Schedule` of your own is returned as it is.

    Raises UsageError for an unknown name or setting, for a setting out of its range, and for a schedule that adds next to no noise.

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
