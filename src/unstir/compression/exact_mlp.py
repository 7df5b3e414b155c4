"""The network `unstir.networks.mlp` in exact arithmetic, for given noise levels and without a condition."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unstir.compression.arithmetic import Arithmetic
from unstir.compression.snapped import Arrays, at_levels, put_affine, put_linear, put_norm
from unstir.conditions.base import channels_of
from unstir.networks.embedding import waves


class ExactMLP:
    """Answers to x (B, *shape) in counts at the level of that number: (B, d, answers) in counts."""

    def __init__(self, settings: Mapping[str, Any], arrays: Arrays, arithmetic: Arithmetic):
        self.octaves, self.depth, self.answers = (settings[name] for name in ("octaves", "depth", "answers"))
        self.arrays, self.arithmetic = arrays, arithmetic

    @classmethod
    def compiled(cls, network: Any, t: Tensor) -> tuple[dict[str, Any], Arrays]:
        """Settings and arrays of the exact copy of an MLP at times t (L,)."""
        arrays: Arrays = {}
        with torch.no_grad():
            e = network.embed_time(waves(t, network.time_frequency))
            e = F.silu(e if network.embed_condition is None else e + network.embed_condition(None))
        modulation = at_levels(network.modulate, e, 2 * network.depth)
        put_linear(arrays, "enter", network.enter, channels_of(network.planes))  # without a condition, all of these are 0
        for i, block in enumerate(network.blocks):
            put_norm(arrays, f"{i}.norm", block.norm)
            put_linear(arrays, f"{i}.inner", block.inner)
            put_linear(arrays, f"{i}.outer", block.outer)
            put_affine(arrays, f"{i}.modulated", 1 + modulation[2 * i], modulation[2 * i + 1])
        put_norm(arrays, "norm", network.norm)
        put_linear(arrays, "leave", network.leave)
        arrays["gain"] = at_levels(network.gain, e, 1)[0].numpy()
        settings = {"octaves": len(network.frequency), "depth": network.depth, "answers": getattr(network, "answers", 1)}
        return settings, arrays

    @staticmethod
    def largest_group(settings: Mapping[str, Any], arrays: Arrays) -> int:  # noqa: ARG004
        """How many numbers are normalised together at most."""
        return arrays["norm.scale"].shape[1]

    def __call__(self, x: np.ndarray, level: int) -> np.ndarray:
        """See the class."""
        at, arithmetic = self.arrays, self.arithmetic
        flat = x.reshape(len(x), -1)
        h = self._linear("enter", np.concatenate([flat, arithmetic.waves(flat, self.octaves)], 1))
        for i in range(self.depth):
            r = self._linear(f"{i}.inner", arithmetic.settled(self._normalised(f"{i}.norm", h)))
            r = r * at[f"{i}.modulated.scale"][level] + at[f"{i}.modulated.shift"][level]
            h = arithmetic.settled(h + self._linear(f"{i}.outer", arithmetic.silu(r)))
        out = self._linear("leave", arithmetic.silu(self._normalised("norm", h)))
        gained = np.repeat(flat, self.answers, 1) * at["gain"][level]
        return (out + np.rint(gained)).reshape(len(x), -1, self.answers)

    def _linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return self.arithmetic.linear(x, self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"])

    def _normalised(self, name: str, x: np.ndarray) -> np.ndarray:
        return self.arithmetic.normalised(x, 1, self.arrays[f"{name}.scale"][0], self.arrays[f"{name}.shift"][0])
