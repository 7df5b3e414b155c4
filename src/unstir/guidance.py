"""Guidance: functions from denoisers to denoisers, so that no sampler needs to know about any of it.

    guided(x, t) = unconditional + scale (conditional - unconditional)                                (1)

One convention of scale, everywhere: 0 is the unconditional model, 1 the conditional one, above 1 more of what the condition says
(Ho & Salimans 2022 write w = scale - 1). As x0_hat, eps, v and the score are affine in each other, (1) is the same in all of them.

    >>> one, zero = (lambda x, t: x * 0 + 1), (lambda x, t: x * 0)
    >>> guided(one, zero, 2.5)(torch.zeros(1), torch.tensor(0.5)).item()
    2.5
"""

import math

import torch
from torch import Tensor

from unstir.denoiser import Denoise
from unstir.errors import UsageError
from unstir.schedules import Schedule


def guided(
    conditional: Denoise,
    unconditional: Denoise,
    scale: float,
    interval: tuple[float, float] | None = None,
    schedule: Schedule | None = None,
) -> Denoise:
    """Classifier-free guidance, eq. (1). Two network evaluations a call, one where the scale is 0 or 1.

    With an interval of log-SNR (low, high), which needs the schedule, the scale holds inside it and is 1 outside: guiding at the
    noisiest levels costs variety, at the cleanest it does nothing (Kynkäänniemi et al. 2024).
    Raises UsageError for a scale that is no number, and for an interval whose low is not below its high.
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
    """x0_hat kept within bounds: only for data that has bounds, such as pixels. low and high broadcast to a row."""
    return lambda x, t: denoise(x, t).clamp(
        torch.as_tensor(low, dtype=x.dtype, device=x.device), torch.as_tensor(high, dtype=x.dtype, device=x.device)
    )
