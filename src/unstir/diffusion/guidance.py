"""Guidance: functions that turn denoisers into another denoiser. A sampler gets the result, and knows nothing of guidance.

    guided(x, t) = unconditional + scale (conditional - unconditional)                                (1)

If some elements of a row are known, y = A x_0 where A picks them out, any denoiser becomes the one given y. Given x_t, x_0 has the mean
x0_hat and the covariance V, which is the denoiser's own slope, so that

    E[x_0 | x_t, y] = x0_hat + V A^T (A V A^T)^-1 (y - A x0_hat),    V = (sigma^2 / alpha) d x0_hat / d x_t     (2)

exactly if x_0 given x_t is Gaussian, and to second order if it is not (Boys et al. 2023; with V = c I it is Song et al. 2023's Pi-GDM).

The scale means the same everywhere: 0 is the unconditional model, 1 the conditional one, and above 1 the condition counts for more
(Ho & Salimans 2022 write w = scale - 1). x0_hat, eps, v and the score are affine in each other, so (1) is the same in all of them.

    >>> one, zero = (lambda x, t: x * 0 + 1), (lambda x, t: x * 0)
    >>> guided(one, zero, 2.5)(torch.zeros(1), torch.tensor(0.5)).item()
    2.5
"""

import math

import torch
from torch import Tensor

from unstir.diffusion.denoiser import Denoise
from unstir.diffusion.schedules import Schedule
from unstir.errors import UsageError

SOLVES = 5  # steps of conjugate gradients: on trained networks, more of them change nothing
BLUNT = 0.1  # a row's search ends at a direction whose cosine with the change of x0_hat is below this
TINY = 1e-20  # a row whose squared residual is below this is solved


def guided(
    conditional: Denoise,
    unconditional: Denoise,
    scale: float,
    interval: tuple[float, float] | None = None,
    schedule: Schedule | None = None,
) -> Denoise:
    """Classifier-free guidance, eq. (1). A call evaluates the network twice, or once if the scale is 0 or 1.

    With an interval (low, high) of log-SNR, the scale applies inside it and is 1 outside; this needs the schedule. Guidance at the
    noisiest levels costs variety, and at the cleanest it changes nothing (Kynkäänniemi et al. 2024).
    Raises UsageError for a scale that is not finite, and for an interval whose low is not below its high.
    """
    if not math.isfinite(scale):
        raise UsageError(f"guidance is a number, 1 for the conditional model, not {scale}.")
    if interval is not None and not interval[0] < interval[1]:
        raise UsageError(f"an interval of log-SNR is low, then high, for example -2 4; not {interval[0]:g} {interval[1]:g}.")
    if interval is not None and schedule is None:
        raise UsageError("an interval of log-SNR needs the schedule that says where it lies.")

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        here = scale
        if interval is not None and schedule is not None:
            here = scale if interval[0] <= schedule.log_snr(t).item() <= interval[1] else 1.0
        if here == 1:
            return conditional(x, t)
        if here == 0:
            return unconditional(x, t)
        return torch.lerp(unconditional(x, t), conditional(x, t), here)

    return denoise


def clipped(denoise: Denoise, low: Tensor | float, high: Tensor | float) -> Denoise:
    """x0_hat clipped to bounds, for data that has bounds, such as pixels. low and high broadcast to a row."""
    return lambda x, t: denoise(x, t).clamp(
        torch.as_tensor(low, dtype=x.dtype, device=x.device), torch.as_tensor(high, dtype=x.dtype, device=x.device)
    )


def inpainted(denoise: Denoise, known: Tensor, mask: Tensor) -> Denoise:
    """Eq. (2): the denoiser of rows whose elements are known where mask (B, ...) is True, and are then those of known (B, ...).

    With it, any sampler draws the other elements given these. (2) is solved by conjugate gradients, one backward pass a step; the
    factor sigma^2 / alpha cancels. The slope of a trained network is not quite symmetric and not quite positive, so a row's search
    ends before it diverges: at a direction along which lies less than a tenth of the change of x0_hat (a cosine below 0.1).
    It is common to overwrite the known elements of x0_hat and do no more. That tells the other elements too little: on the Gaussian of
    the test they are off by 0.67 standard deviations.
    """

    def conditional(x: Tensor, t: Tensor) -> Tensor:
        with torch.inference_mode(False):  # which switches gradients on, wherever they are off
            x = x.detach().clone().requires_grad_()
            x0 = denoise(x, t)
        rest = torch.where(mask, known - x0, 0.0).detach()
        change, direction, size = torch.zeros_like(rest), rest, _dot(rest, rest)
        going = size > 0
        for _ in range(SOLVES):
            (moved,) = torch.autograd.grad(x0, x, direction, retain_graph=True)
            curvature = _dot(direction, moved)
            going = going & (curvature > BLUNT * (_dot(moved, moved) * _dot(direction, direction)).sqrt()) & (size > TINY)
            if not going.any():
                break
            step = torch.where(going, size / curvature, 0.0)
            change, rest = change + step * moved, rest - step * torch.where(mask, moved, 0.0)
            before, size = size, _dot(rest, rest)
            direction = rest + torch.where(going, size / before, 0.0) * direction
        return torch.where(mask, known, x0.detach() + change)

    return conditional


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """The inner product of each row: (B, 1, ...)."""
    return (a * b).flatten(1).sum(1).reshape(-1, *[1] * (a.ndim - 1))
