"""A picture or a sequence beside each row: an array of one shape, such as the same picture in fewer pixels, or what came before.

z = (x - mean) / spread,    the mean and the deviation of each channel over the training rows and all positions              (1)

A value is z (*shape); NaN everywhere means nothing given. If rows of the training data had gaps at some positions, so may what is given
later. A network on a grid gets z as channels of its input (`conditions.planes`): it is resized to the grid of the rows first.

>>> from unstir.data.beside import array_beside
>>> low = Grid.fitted(array_beside("low", np.arange(32.0).reshape(2, 4, 4), 2, layout((8, 8))))
>>> low.values({"low": np.full((4, 4), 15.5)}, 3).shape, low.values({}, 1).isnan().all().item()
(torch.Size([3, 4, 4]), True)
>>> low.planes((8, 8))(low.values({}, 1)).shape
torch.Size([1, 2, 8, 8])
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from unstir.conditions.base import OnGrid, is_text, random_rows
from unstir.conditions.planes import Flat, FlatEmbedding, Planes
from unstir.data.beside import MOST, Beside
from unstir.data.given import as_numbers
from unstir.data.layouts import Layout, described, layout
from unstir.data.tables import Schema
from unstir.errors import UsageError, unknown
from unstir.words import number, short

MOST_SEEN, MOST_NUMBERS = 2048, 2**21  # rows that are kept to draw from, and their numbers together, at most
SLACK = 1e-4  # spreads by which a value may lie outside the range that was seen
FARTHEST = 1e30
ENTRIES = {"name", "shape", "axes", "means", "spreads", "low", "high", "gaps", "dtype", "rows"}


@dataclass(frozen=True, eq=False)
class Grid(OnGrid):
    """The array `name` (*shape) with its `axes`, as in "NHW", and the mean and the spread of each channel.

    `low` and `high` are the ends of what was seen, `gaps` whether some positions of a row may be missing, `dtype` the type that the array had,
    `rows` how many are kept to draw from, and `seen` those, (rows, *shape).
    """

    name: str
    shape: tuple[int, ...]
    axes: str
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    low: float
    high: float
    gaps: bool = False
    dtype: str = "float32"
    rows: int = 0
    seen: Tensor = field(default_factory=lambda: torch.zeros(0))  # pyrefly: ignore
    table: ClassVar[Schema] = Schema(())  # pyrefly: ignore

    kind = "grid"

    @classmethod
    def fitted(cls, array: Beside, which: np.ndarray | None = None, seed: int = 0) -> Self:
        """The condition on this array of the training rows; `which` of the rows are kept to draw from, or else as many as there may be."""
        lies, n = array.layout, len(array.rows)
        axis = None if lies is None else lies.channel_axis
        channels = 1 if axis is None else array.shape[axis]
        count, mean, square = (np.zeros(channels) for _ in range(3))
        low, high, gaps = np.inf, -np.inf, False
        for _, block in array.rows.blocks():
            x = np.moveaxis(block, -1 if axis is None else axis % len(array.shape) + 1, -1).astype(np.float64)
            x = x.reshape(len(x), -1, channels)
            missing = np.isnan(x)
            gaps = gaps or bool((missing.any((1, 2)) & ~missing.all((1, 2))).any())
            new, total = (~missing).sum((0, 1)), np.where(missing, 0.0, x).sum((0, 1))
            own = total / np.maximum(new, 1)
            off = np.where(missing, 0.0, x - own)
            both = np.maximum(count + new, 1)
            square += (off**2).sum((0, 1)) + (own - mean) ** 2 * count * new / both  # Chan et al. 1983
            mean += (own - mean) * new / both
            count += new
            if not missing.all():
                low, high = min(low, float(np.nanmin(x))), max(high, float(np.nanmax(x)))
        spread = np.sqrt(square / np.maximum(count, 1))
        scales = tuple(mean.tolist()), tuple(np.where(spread > 0, spread, 1.0).tolist())
        dtype = array.rows.held.dtype.name
        if which is None:
            which = kept_rows(n, int(np.prod(array.shape)), seed)
        made = cls(array.name, array.shape, array.axes, *scales, low, high, gaps, dtype, len(which))
        return replace(made, seen=made.encoded(array.rows[which]))

    @classmethod
    def build(cls, settings: Mapping[str, Any]) -> Self:
        """The condition with the entries of the settings; its `seen` come later. Raises UsageError for what no such condition can have."""
        if settings.keys() != ENTRIES:
            raise UsageError(f"a condition of a grid has {', '.join(sorted(ENTRIES))}")
        held = dict(settings)
        name, shape, axes = (held[entry] for entry in ("name", "shape", "axes"))
        sizes = isinstance(shape, list) and len(shape) < 64 and all(type(n) is int and 0 < n <= MOST for n in shape)
        if not is_text(name) or not is_text(axes) or not sizes or not 0 < int(np.prod(shape, dtype=object)) <= MOST:
            raise UsageError(
                f"name, shape and axes = {name!r:.40}, {shape!r:.40}, {axes!r:.40} have to be a text, sizes and letters"
            )
        lies = layout(tuple(shape), axes)
        lists = all(isinstance(held[entry], list) and all(map(_is_number, held[entry])) for entry in ("means", "spreads"))
        channels = 1 if lies is None else lies.channels
        if not lists or not len(held["means"]) == len(held["spreads"]) == channels or not all(s > 0 for s in held["spreads"]):
            raise UsageError(f"means and spreads have to be a number and one above 0 for each of {channels} channels")
        numbers = all(_is_number(held[entry]) for entry in ("low", "high"))
        if not numbers or type(held["gaps"]) is not bool or type(held["rows"]) is not int or not 0 <= held["rows"] <= MOST_SEEN:
            raise UsageError("low and high have to be numbers, gaps true or false, and rows a whole number")
        if not is_text(held["dtype"]) or held["dtype"].strip("0123456789") not in ("uint", "int", "float", "bool"):
            raise UsageError(f"dtype = {held['dtype']!r:.40} has to be that of numbers")
        held |= {entry: tuple(held[entry]) for entry in ("shape", "means", "spreads")}
        return cls(**held)

    @property
    def settings(self) -> dict[str, Any]:
        """All but the rows that were seen."""
        found = {entry: getattr(self, entry) for entry in ENTRIES}
        return {entry: list(value) if isinstance(value, tuple) else value for entry, value in sorted(found.items())}

    @property
    def kept(self) -> tuple[int, ...]:
        """(rows, *shape)."""
        return self.rows, *self.shape

    def with_seen(self, seen: Tensor) -> "Grid":
        """The same with rows to draw from."""
        return replace(self, seen=seen, rows=len(seen))

    @property
    def layout(self) -> Layout | None:
        """How it lies in space; None for numbers without neighbours."""
        return layout(self.shape, self.axes)

    @property
    def scale(self) -> tuple[Tensor, Tensor]:
        """Mean and spread, float64, in the shape of a value up to axes of size 1."""
        lies, sizes = self.layout, [1] * len(self.shape)
        if lies is not None and lies.channel_axis is not None:
            sizes[lies.channel_axis] = -1
        mean, spread = (torch.tensor(each, dtype=torch.float64).reshape(sizes) for each in (self.means, self.spreads))
        return mean, spread

    def scaled_like(self, before: Any) -> "Grid":
        """The same with the scale of another one."""
        made = replace(self, means=before.means, spreads=before.spreads)
        return replace(made, seen=made.encoded(self.arrays(self.seen)[self.name]))

    @property
    def meant(self) -> list[Any]:
        """What a value means but for its scale."""
        return [(self.name, self.shape, self.axes)]

    @property
    def nothing(self) -> Tensor:
        """NaN everywhere."""
        return torch.full(self.shape, torch.nan)

    @property
    def classes(self) -> tuple[str, ...]:
        """None: values are no numbers of classes."""
        return ()

    @property
    def column(self) -> str:
        """The name of the array."""
        return self.name

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the array."""
        return (self.name,)

    def encoded(self, x: np.ndarray) -> Tensor:
        """(1): arrays (n, *shape) in their own units -> float32."""
        mean, spread = (part.numpy() for part in self.scale)
        return torch.from_numpy(((x.astype(np.float64) - mean) / spread).astype(np.float32))

    def arrays(self, values: Tensor) -> dict[str, np.ndarray]:
        """The array in its own units: whole numbers as such where none is missing."""
        mean, spread = self.scale
        x = (values.double().cpu() * spread + mean).numpy()
        whole = not self.dtype.startswith("float") and not np.isnan(x).any()
        return {self.name: np.rint(x).astype(self.dtype) if whole else x.astype(np.float32)}

    def codes(self, values: Tensor) -> np.ndarray:
        """There is no column: (n, 0)."""
        return np.zeros((len(values), 0))

    def values(self, given: Any, n: int) -> Tensor:
        """Values (n, *shape) from an array (*shape) for all n rows or (n, *shape), as it is or by its name; NaN is nothing given.

        Raises UsageError for another name or shape, infinite values, and gaps at some positions where training had none.
        """
        if isinstance(given, Mapping):
            for name in given:
                if str(name) != self.name:
                    raise unknown("name of what is given", short(str(name)), [self.name])
            given = given.get(self.name)
        if given is None:
            return self.nothing.expand(n, *self.shape).clone()
        called = short(self.name)
        if isinstance(given, str):
            raise UsageError(f"{called} is {self.described}, so it comes in a file: --given pairs.npz, with an array '{called}'.")
        array, _ = as_numbers(given, f"given '{called}'")
        if array.shape not in (self.shape, (n, *self.shape)):
            raise UsageError(
                f"{called} is {self.described}, of shape {self.shape}, and what is given has the shape {array.shape}: give {self.shape} for "
                f"all rows, or ({n}, {', '.join(map(str, self.shape))})."
            )
        array = np.broadcast_to(array, (n, *self.shape)).astype(np.float64)
        missing = np.isnan(array).reshape(n, -1)
        if np.isinf(array).any():
            raise UsageError(f"{called} is infinite: give numbers, or nothing.")
        if not self.gaps and (missing.any(1) & ~missing.all(1)).any():
            raise UsageError(
                f"{called} is missing at some positions, and the model was trained on whole ones: give all of it, or nothing."
            )
        return self.encoded(array)

    @property
    def described(self) -> str:
        """What it is, in words."""
        lies = self.layout
        return f"an array of {described(lies) if lies else 'x'.join(map(str, self.shape)) + ' numbers'}"

    def drawn(self, n: int, generator: torch.Generator) -> Tensor:
        """Random ones of those that were seen."""
        return random_rows(self.seen, n, generator)

    def texts(self, values: Tensor) -> list[str]:
        """The name where it is given, for a picture has no text."""
        return [self.name if given else "" for given in (~values.isnan()).flatten(1).any(1).tolist()]

    def far(self, values: Tensor) -> list[str]:
        """A sentence if a value lies outside the range of the training rows."""
        x = (values.double().cpu() * self.scale[1] + self.scale[0]).numpy()
        slack = SLACK * max(self.spreads)
        with np.errstate(invalid="ignore"):
            off = x[(x < self.low - slack) | (x > self.high + slack)]
        if not len(off):
            return []
        return [
            f"{short(self.name)} has the value {number(float(off[0]), 4)}, beyond what the model was trained on, {number(self.low, 4)} to "
            f"{number(self.high, 4)}, so it can only guess."
        ]

    def left_out(self, values: Tensor, which: Tensor) -> Tensor:
        """NaN everywhere in those rows."""
        return self.without(values, which[:, 0])

    def mirrored(self, values: Tensor) -> Tensor:
        """The width turned round, if it is a picture."""
        return values.flip(self.axes.index("W")) if "W" in self.axes else values

    def planes(self, space: Any) -> nn.Module | None:
        """Channels on the grid of the rows; the numbers one after another where rows have no grid; None where it lies on another grid."""
        lies = self.layout
        if not space:
            return Flat(self.shape)
        fits = lies is not None and len(lies.spatial) == len(space)
        return Planes(self.shape, lies.channel_axis, space) if fits and lies is not None else None

    def aside(self, width: int, space: Any) -> nn.Module | None:
        """An embedding where it cannot join the input."""
        return self.embedding(width) if self.planes(space) is None else None

    def embedding(self, width: int) -> nn.Module:
        """A small network of all its numbers."""
        return FlatEmbedding(self.shape, width)


def kept_rows(rows: int, numbers: int, seed: int) -> np.ndarray:
    """The numbers of the rows that are kept to draw from, of so many `numbers` a row."""
    count = max(1, min(MOST_SEEN, MOST_NUMBERS // numbers))
    return np.sort(np.random.default_rng(seed).permutation(rows)[:count])


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= FARTHEST
