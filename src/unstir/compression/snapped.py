"""The layers of a network as whole numbers: what a float32 layer becomes when it is compiled for `arithmetic`.

    weight  round(4096 w), (in, out)        bias  round(4096 * 1024 b)        normalisation  scale and shift in counts of 1024

A layer whose scale and shift depend on the noise level, as those that the embedding of time modulates, has one row for each level. So the
embedding itself is not computed when a file is read.

    >>> arrays = {}
    >>> put_linear(arrays, "leave", torch.nn.Linear(3, 2))
    >>> sorted(arrays), arrays["leave.weight"].shape
    (['leave.bias', 'leave.weight'], (3, 2))
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unstir.compression.arithmetic import ACTIVATION, LARGEST, WEIGHT
from unstir.errors import NumericsError, UsageError

Arrays = dict[str, np.ndarray]


def put_linear(arrays: Arrays, name: str, layer: nn.Module, unused: int = 0) -> None:
    """Weight and bias of a linear layer or a convolution. Those of a convolution are (positions * in, out).

    The last inputs, as many as are `unused`, are always 0, and left out.
    """
    weight: Any = layer.weight.detach().double().numpy()  # pyrefly: ignore
    weight = weight[:, : weight.shape[1] - unused]
    bias = layer.bias.detach().double().numpy() if isinstance(layer.bias, Tensor) else np.zeros(len(weight))
    arrays[f"{name}.weight"] = whole(np.moveaxis(weight, (0, 1), (-1, -2)).reshape(-1, len(weight)) * WEIGHT)
    arrays[f"{name}.bias"] = whole(bias * WEIGHT * ACTIVATION)


def put_norm(arrays: Arrays, name: str, layer: nn.Module, scale: Tensor | None = None, shift: Tensor | None = None) -> None:
    """Scale and shift (L, C) or (1, C) of a normalisation; then times `scale` and plus `shift` (L, C), if they are given."""
    weight, bias = (part.detach()[None] for part in (layer.weight, layer.bias))  # pyrefly: ignore
    if scale is not None and shift is not None:
        weight, bias = weight * scale, bias * scale + shift
    put_affine(arrays, name, weight * ACTIVATION, bias)  # what is normalised has no unit yet


def put_affine(arrays: Arrays, name: str, scale: Tensor, shift: Tensor) -> None:
    """Scale and shift (L, C) of activations."""
    arrays[f"{name}.scale"] = scale.detach().float().numpy()
    arrays[f"{name}.shift"] = shift.detach().float().numpy() * np.float32(ACTIVATION)


def whole(x: np.ndarray) -> np.ndarray:
    """Rounded, in the smallest type of whole numbers that holds it. Raises NumericsError for numbers that are not finite or far too large."""
    if not (np.abs(x) < 2**31).all():
        raise NumericsError(
            f"a weight of {np.abs(x).max() / WEIGHT:g} is too large for the exact copy of the network. Train again."
        )
    held = np.rint(x)
    return held.astype(np.int16 if np.abs(held).max(initial=0) < 2**15 else np.int32)


def as_floats(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """The arrays as the float64 numbers that `Arithmetic` takes: weights and biases over 4096, which changes no digit of theirs."""
    held = {name: np.ascontiguousarray(array, dtype=np.float64) for name, array in arrays.items()}
    return {name: array / WEIGHT if name.endswith((".weight", ".bias")) else array for name, array in held.items()}


def check_sums(arrays: Mapping[str, np.ndarray], limit: float) -> None:
    """Raise UsageError unless every partial sum of every product stays below 2^53, whatever the activations within the limit."""
    for name, array in arrays.items():
        if name.endswith(".weight"):
            largest = np.abs(array.astype(np.float64)).sum(0).max(initial=0) * limit + 2.0**31
            if largest >= LARGEST:
                raise UsageError(
                    f"the sums of layer {name.removesuffix('.weight')} can exceed what is exact. Train a narrower network."
                )


def at_levels(layer: nn.Module, embedding: Tensor, parts: int) -> tuple[Tensor, ...]:
    """What a linear layer makes of the embeddings (L, E) of the levels, in `parts` pieces (L, C)."""
    with torch.no_grad():
        return layer(embedding).chunk(parts, 1)
