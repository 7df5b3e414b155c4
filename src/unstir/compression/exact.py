"""The compiled model: a copy of a trained model that gives the same answers on every machine, bit by bit, made once and stored.

At given noise levels, from the cleanest to the noisiest, it answers what `Model.posterior` answers: mean and variance of each element of
x_0 given y = x_t / alpha = x_0 + s eps, s = sigma / alpha. It also gives the probabilities of the levels, the values that data can take.

    affine         mean = A y + B F(C y),    variance: the model's measured error                     (1)
    categorical    p_k ~ shares_k exp(F_k) exp(-(y - l_k)^2 / 2 s^2),  and its mean and variance      (2)
    levels         l_k = first + k step, for each element, in the model's space                       (3)

F is the network in exact arithmetic. Everything else in (1) to (3) is a number that is stored, and one operation of IEEE 754 after the
other. So nothing is computed in two ways: the arrays, and their sha256, are the model.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from unstir.compression.arithmetic import ACTIVATION, Arithmetic
from unstir.compression.registry import EXACT
from unstir.compression.snapped import as_floats
from unstir.errors import StorageError
from unstir.files import json_bytes, read_folder, write_folder

FORMAT = 1
FOLDER = "compiled"  # inside the model's folder


class Known(NamedTuple):
    """What is known of x_0 at one noise level: mean and variance of each element (B, d) in the model's space.

    `weights` (B, d, K) are whole numbers in proportion to the probabilities of the levels, for (2) only.
    """

    mean: np.ndarray
    variance: np.ndarray
    weights: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Compiled:
    """Settings, as JSON, and arrays by name: everything that coding needs. See `compiling.compiled` for how it is made."""

    settings: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    @cached_property
    def identity(self) -> str:
        """The sha256 of settings and arrays, in hexadecimal."""
        found = hashlib.sha256(json_bytes(self.settings))
        for name in sorted(self.arrays):
            array = self.arrays[name]
            found.update(f"{name} {array.dtype.name} {array.shape}\n".encode())
            found.update(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes())
        return found.hexdigest()

    @property
    def size(self) -> int:
        """The bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a row."""
        return tuple(self.settings["shape"])

    @property
    def levels(self) -> np.ndarray:
        """The K values that an element can take, in the data's units, rising."""
        return np.array(self.settings["levels"], dtype=np.float64)

    @cached_property
    def _network(self) -> Any:
        limit = float(self.settings["limit"])
        named = {name.removeprefix("network."): array for name, array in self.arrays.items() if name.startswith("network.")}
        tables = {name.removeprefix("table."): array for name, array in self.arrays.items() if name.startswith("table.")}
        arithmetic = Arithmetic(tables, limit)
        return EXACT[self.settings["network"]](self.settings["network_settings"], as_floats(named), arithmetic), arithmetic

    def answers(self, y: np.ndarray, level: int) -> np.ndarray:
        """F of rows y (B, d), in counts: (B, d, answers)."""
        network, arithmetic = self._network
        seen = arithmetic.settled(y * self.arrays["c_in"][level])
        return network(seen.reshape(len(y), *self.settings["space"]), level)

    def known(self, y: np.ndarray, level: int) -> Known:
        """What is known of x_0 given y (B, d) at the level of that number, counted from the cleanest."""
        F = self.answers(y, level)
        first, step = self.arrays["first"], self.arrays["step"]
        if "shares" not in self.arrays:
            mean = y * self.arrays["c_skip"][level] + F[:, :, 0] * self.arrays["c_out"][level]
            lowest, highest = first, first + step * float(len(self.levels) - 1)
            return Known(
                np.clip(mean, lowest, highest), np.broadcast_to(self.arrays["variance"][level].astype(np.float64), y.shape)
            )
        _, arithmetic = self._network
        numbers = np.arange(float(len(self.levels)))
        away = y[:, :, None] - (first[:, None] + numbers * step[:, None])
        logits = F + self.arrays["shares"]
        logits -= away * away * (0.5 * ACTIVATION * self.arrays["gamma"][level])
        logits -= logits.max(2, keepdims=True)
        weights = arithmetic.exponentials(logits)
        sums = weights @ np.stack([np.ones_like(numbers), numbers, numbers * numbers], 1)  # whole numbers below 2^53
        mean = sums[:, :, 1] / sums[:, :, 0]
        variance = np.maximum(sums[:, :, 2] / sums[:, :, 0] - mean * mean, 0.0)
        return Known(first + step * mean, step * step * variance, weights)

    def save(self, path: Path) -> None:
        """Write the folder, as a whole. Raises StorageError if it exists or cannot be written."""
        tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in self.arrays.items()}
        write_folder(path, {"compiled": tensors}, {"compiled": {"format": FORMAT, **self.settings}})


def load(path: Path) -> Compiled:
    """Read the folder. Raises StorageError if it is missing, damaged or of a newer format."""
    tensors, documents = read_folder(path, ["compiled"], ["compiled"])
    settings = documents["compiled"]
    version = settings.pop("format", None)
    if version != FORMAT:
        raise StorageError(f"{path} is a compiled model of format {version!r:.20}; this unstir reads format {FORMAT}. Update it.")
    return Compiled(settings, {name: tensor.numpy() for name, tensor in tensors["compiled"].items()})
