"""Helpers of the networks for images and sequences: the axis of the channels, convolutions in one or two dimensions, attention.

    attend(q, k, v) = softmax(q k^T / sqrt(d)) v                                                        (1)

A row has one or two spatial dimensions, and may have channels, first or last. Within a network the channels are always dimension 1, as
torch expects them.

    >>> from torch import zeros
    >>> x = zeros(5, 9, 11, 3)
    >>> channels_first(x, -1).shape, channels_back(channels_first(x, -1), -1).shape
    (torch.Size([5, 3, 9, 11]), torch.Size([5, 9, 11, 3]))
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unstir.errors import UsageError

FUSED = ("cuda",)  # kinds of devices on which torch's own attention is faster
GROUP = 16  # channels normalised together
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
"""The convolutions in one and in two dimensions: index 0 and 1."""
ANSWERS = {"answers": (1, 4096)}
"""The range of the setting `answers` of every network: how many numbers it returns for each element."""


def spatial(shape: Sequence[int], channel_axis: int | None) -> tuple[int, ...]:
    """The spatial sizes of a row, without its channels. Raises UsageError unless there are one or two."""
    if channel_axis not in (None, 0, -1):
        raise UsageError(f"network setting channel_axis = {channel_axis!r} has to be 0, -1 or none.")
    whole = all(type(size) is int and size >= 1 for size in shape) if isinstance(shape, list | tuple) else False
    space = tuple(shape) if channel_axis is None else tuple(shape[1:] if channel_axis == 0 else shape[:-1])
    if not whole or len(space) not in (1, 2) or len(shape) - len(space) != (channel_axis is not None):
        raise UsageError(f"network setting shape = {shape!r:.60} has to be one or two sizes, and the number of channels.")
    return space


def channels_first(x: Tensor, channel_axis: int | None) -> Tensor:
    """Rows (B, *shape) as (B, channels, *space); rows without channels get one."""
    return x.unsqueeze(1) if channel_axis is None else x.movedim(channel_axis % (x.ndim - 1) + 1, 1)


def channels_back(h: Tensor, channel_axis: int | None) -> Tensor:
    """The inverse of `channels_first`."""
    return h.squeeze(1) if channel_axis is None else h.movedim(1, channel_axis % (h.ndim - 1) + 1)


def answered(out: Tensor, gain: Tensor, x: Tensor, answers: int, channel_axis: int | None) -> Tensor:
    """out + gain x, as the network returns it: `per_element` with the channels where they belong.

    out (B, channels * answers, *space), the answers of a channel side by side; gain (B or 1, channels * answers); x (B, channels, *space).
    """
    gain = gain.view(*gain.shape, *[1] * (x.ndim - 2))
    if answers == 1:
        return channels_back(out + gain * x, channel_axis)
    whole = (out + gain * x.repeat_interleave(answers, 1)).unflatten(1, (-1, answers)).movedim(2, -1)
    return whole.squeeze(1) if channel_axis is None else whole.movedim(1, channel_axis % (x.ndim - 1) + 1)


def per_element(flat: Tensor, x: Tensor, answers: int) -> Tensor:
    """flat (B, d * answers), the answers of an element side by side, in the shape of x (B, ...); more than one are one more axis, the last."""
    return flat.view_as(x) if answers == 1 else flat.view(*x.shape, answers)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Eq. (1) (Vaswani et al. 2017) for q, k, v (B, heads, positions, d).

    On a CPU, torch's own function is slower for few positions. On a GPU it is one operation in place of five; in training it may add its
    gradients in another order each time, and a resumed run would not be the same.
    """
    if q.device.type in FUSED and not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(q, k, v)
    return (q @ k.mT * q.shape[3] ** -0.5).softmax(3) @ v


def normal(channels: int) -> nn.GroupNorm:
    """Normalisation of groups of about `GROUP` channels (Wu & He 2018)."""
    return nn.GroupNorm(math.gcd(max(1, channels // GROUP), channels), channels)


def normalised(norm: nn.GroupNorm, h: Tensor) -> Tensor:
    """norm(h) in h's type, which what follows computes in: GPUs normalise bfloat16 in float32, and would go on in that."""
    return norm(h).to(h.dtype)


def check(sizes: Mapping[str, Any], ranges: Mapping[str, tuple[int, int]]) -> None:
    """Raise UsageError naming the first setting that is not a whole number in its range."""
    for name, (low, high) in ranges.items():
        if type(sizes[name]) is not int or not low <= sizes[name] <= high:
            raise UsageError(f"network setting {name} = {sizes[name]!r} has to be a whole number from {low} to {high:,}.")
