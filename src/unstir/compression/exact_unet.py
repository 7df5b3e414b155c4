"""The network `unstir.networks.unet` in exact arithmetic, for given noise levels and without a condition.

Channels are the last axis here, and a sequence is an image of one row, so a convolution is one product of matrices: all that a position
sees, times the weights.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unstir.compression.arithmetic import Arithmetic
from unstir.compression.snapped import Arrays, at_levels, put_linear, put_norm
from unstir.conditions.base import channels_of
from unstir.networks.embedding import waves


class ExactUNet:
    """Answers to x (B, *shape) in counts at the level of that number: (B, d, answers) in counts."""

    def __init__(self, settings: Mapping[str, Any], arrays: Arrays, arithmetic: Arithmetic):
        self.settings, self.arrays, self.arithmetic = settings, arrays, arithmetic
        self.axis, self.answers, self.depth, self.levels = (
            settings[name] for name in ("channel_axis", "answers", "depth", "levels")
        )

    @classmethod
    def compiled(cls, network: Any, t: Tensor) -> tuple[dict[str, Any], Arrays]:
        """Settings and arrays of the exact copy of a U-Net at times t (L,)."""
        arrays: Arrays = {}
        with torch.no_grad():
            e = network.embed(waves(t, network.time_frequency))
            e = F.silu(e if network.embed_condition is None else e + network.embed_condition(None))
        groups, heads = {}, {}

        def put_block(name: str, block: Any) -> None:
            scale, shift = at_levels(block.modulate, e, 2)
            put_norm(arrays, f"{name}.norm", block.norm)
            put_norm(arrays, f"{name}.norm_again", block.norm_again, 1 + scale, shift)
            groups[f"{name}.norm"], groups[f"{name}.norm_again"] = block.norm.num_groups, block.norm_again.num_groups
            for part in ("inner", "outer", "past"):
                if hasattr(layer := getattr(block, part), "weight"):
                    put_linear(arrays, f"{name}.{part}", layer)
            if hasattr(attention := block.attention, "ask"):
                put_norm(arrays, f"{name}.attention.norm", attention.norm)
                groups[f"{name}.attention.norm"], heads[name] = attention.norm.num_groups, attention.heads
                put_linear(arrays, f"{name}.ask", attention.ask)
                put_linear(arrays, f"{name}.project", attention.project)

        for way in ("down", "up"):
            for level, blocks in enumerate(getattr(network, way)):
                for i, block in enumerate(blocks):
                    put_block(f"{way}.{level}.{i}", block)
        put_block("middle", network.middle)
        for way in ("shrink", "grow"):
            for level, layer in enumerate(getattr(network, way)):
                put_linear(arrays, f"{way}.{level}", layer)
        put_linear(arrays, "enter", network.enter, channels_of(network.planes))  # without a condition, all of these are 0
        put_linear(arrays, "leave", network.leave)
        put_norm(arrays, "norm", network.norm)
        groups["norm"] = network.norm.num_groups
        arrays["gain"] = at_levels(network.gain, e, 1)[0].numpy()
        settings = {
            "channel_axis": network.channel_axis,
            "answers": getattr(network, "answers", 1),
            "groups": groups,
            "heads": heads,
        }
        settings |= {"depth": len(network.down[0]), "levels": len(network.down), "space": list(network.space)}
        return settings, arrays

    @staticmethod
    def largest_group(settings: Mapping[str, Any], arrays: Arrays) -> int:
        """How many numbers are normalised together at most: the channels of a group at all positions."""
        widest = max(arrays[f"{name}.scale"].shape[1] // groups for name, groups in settings["groups"].items())
        return widest * int(np.prod(settings["space"]))

    def __call__(self, x: np.ndarray, level: int) -> np.ndarray:
        """See the class."""
        arithmetic = self.arithmetic
        seen = x[..., None] if self.axis is None else np.moveaxis(x, self.axis % (x.ndim - 1) + 1, -1)
        seen = seen[:, None] if seen.ndim == 3 else seen
        self.size = (3 if seen.shape[1] > 1 or len(self.settings["space"]) == 2 else 1, 3)
        h = self._convolved("enter", seen)
        skips = []
        for i in range(self.levels):
            for j in range(self.depth):
                h = self._block(f"down.{i}.{j}", h, level)
            skips.append(h)
            if i < self.levels - 1:
                h = self._convolved(f"shrink.{i}", h, 2)
        h = self._block("middle", h, level)
        for i in range(self.levels):
            skip = skips.pop()
            if i > 0:
                h = self._convolved(f"grow.{i - 1}", enlarged(h, skip.shape[1:3]))
            h = np.concatenate([h, skip], 3)
            for j in range(self.depth):
                h = self._block(f"up.{i}.{j}", h, level)
        out = self._convolved("leave", arithmetic.silu(self._normalised("norm", h, 0)))
        out = out + np.rint(np.repeat(seen, self.answers, 3) * self.arrays["gain"][level])
        out = out.reshape(len(x), -1, seen.shape[3], self.answers)  # (B, positions, channels, answers)
        return (out.swapaxes(1, 2) if self.axis == 0 else out).reshape(len(x), -1, self.answers)

    def _block(self, name: str, h: np.ndarray, level: int) -> np.ndarray:
        arithmetic = self.arithmetic
        r = self._convolved(f"{name}.inner", arithmetic.silu(self._normalised(f"{name}.norm", h, 0)))
        r = self._convolved(f"{name}.outer", arithmetic.silu(self._normalised(f"{name}.norm_again", r, level)))
        r += self._linear(f"{name}.past", h) if f"{name}.past.weight" in self.arrays else h
        r = arithmetic.settled(r)
        if name not in self.settings["heads"]:
            return r
        asked = self._linear(f"{name}.ask", arithmetic.settled(self._normalised(f"{name}.attention.norm", r, 0)))
        heads = self.settings["heads"][name]
        asked = asked.reshape(len(r), -1, 3 * heads, r.shape[3] // heads).swapaxes(1, 2)
        mixed = arithmetic.attention(*np.split(asked, 3, 1)).swapaxes(1, 2).reshape(r.shape)
        return arithmetic.settled(r + self._linear(f"{name}.project", mixed))

    def _convolved(self, name: str, x: np.ndarray, stride: int = 1) -> np.ndarray:
        return self.arithmetic.convolution(x, self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"], self.size, stride)

    def _linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return self.arithmetic.linear(x, self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"])

    def _normalised(self, name: str, x: np.ndarray, level: int) -> np.ndarray:
        scale, shift = self.arrays[f"{name}.scale"][level], self.arrays[f"{name}.shift"][level]
        return self.arithmetic.normalised(x, self.settings["groups"][name], scale, shift)


def enlarged(h: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """h (B, h, w, C) at the nearest positions of a larger size, (B, *size, C).

    >>> enlarged(np.arange(2.0).reshape(1, 1, 2, 1), (1, 3)).ravel().tolist()
    [0.0, 0.0, 1.0]
    """
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, h.shape[1:3], strict=True))
    return h[:, rows][:, :, columns]
