"""One part of each kind, written as a user would write it: a file or a notebook, with nothing but the public names."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from unstir.conditions.base import Condition
from unstir.data.formats.format import Contents, Format
from unstir.diffusion.denoiser import Coefficients, Target
from unstir.diffusion.samplers import Sampler
from unstir.diffusion.schedules import Schedule
from unstir.encoders.base import Elementwise, Fitted, Outline, refuse_far
from unstir.errors import UsageError


class Circle(Schedule):
    """A quarter of a turn, or `turn` of it: alpha = cos(turn t pi / 2), sigma = sin(turn t pi / 2)."""

    def __init__(self, turn: float = 0.98):
        self.turn = turn

    def alpha_sigma(self, t):
        angle = self.turn * t * torch.pi / 2
        return angle.cos(), angle.sin()


def _half(schedule, t):  # noqa: ARG001
    one = torch.ones_like(t)
    return Coefficients(one, 0 * one, 2 * one)


HALF = Target("half", _half)  # the network predicts x_0 / 2


def turning(denoise, schedule, times, x):
    """DDIM as a turn in the plane of x_0 and eps."""
    yield x
    for t, s in pairwise(times):
        (alpha, sigma), (alpha_s, sigma_s) = schedule(t), schedule(s)
        x0 = denoise(x, t)
        x = alpha_s * x0 + sigma_s / sigma * (x - alpha * x0)
        yield x


TURNING = Sampler(turning, 1, "sinh")


class Plain(nn.Module):
    """One hidden layer."""

    def __init__(self, dimension: int, width: int = 8, condition: Condition | None = None):
        super().__init__()
        self.enter, self.leave = nn.Linear(dimension + 1, width), nn.Linear(width, dimension)
        self.told = condition.embedding(width) if condition else None

    def forward(self, x, t, cond=None):
        h = self.enter(torch.cat([x.flatten(1), t.to(x.dtype).expand(len(x))[:, None]], 1))
        return self.leave(torch.tanh(h if self.told is None else h + self.told(cond))).view_as(x)


@dataclass(frozen=True)
class Asinh(Elementwise):
    """z = asinh((x - middle) / spread), for heavy tails. A spread of 0 marks an element that never varies."""

    middle: Tensor
    spread: Tensor

    name, describes = "asinh", "asinh"

    @classmethod
    def begin(cls, views, options):  # noqa: ARG003
        rows = torch.as_tensor(views[0][:]).double()
        return Fitted(cls(rows.median(0).values, (rows - rows.median(0).values).abs().mean(0)))

    @classmethod
    def outline(cls, settings, shape):
        if settings:
            raise UsageError(f"encoder {cls.name} has no settings")
        return Outline(shape, dict.fromkeys(("middle", "spread"), (shape, torch.float64)))

    @classmethod
    def build(cls, settings, tensors):  # noqa: ARG003
        return cls(tensors["middle"], tensors["spread"])

    @property
    def settings(self):
        return {}

    def tensors(self):
        return {"middle": self.middle, "spread": self.spread}

    @property
    def shape(self):
        return tuple(self.middle.shape)

    @property
    def constant(self):
        return self.spread == 0

    @property
    def linear(self):
        return None

    def encode(self, x):
        z = torch.where(self.constant, 0.0, ((x.double() - self.middle) / torch.where(self.constant, 1.0, self.spread)).asinh())
        refuse_far(x, z)
        return z.float()

    def decode(self, z):
        return self.middle + self.spread * z.double().cpu().sinh()

    def log_volume(self, x):
        slope = torch.hypot(self.spread, x.double() - self.middle)  # dx / dz
        return torch.where(self.constant, 0.0, slope.log()).flatten(1).sum(1)

    def reach(self):
        return (self.middle - 3 * self.spread).min().item(), (self.middle + 3 * self.spread).max().item()


@dataclass(frozen=True)
class Wind(Condition):
    """Each row is given a vector of two numbers between 0 and `strongest`; NaN where nothing is given."""

    strongest: float = 1.0

    kind = "wind"

    @classmethod
    def build(cls, settings):
        if settings.keys() != {"strongest"} or not isinstance(settings["strongest"], float):
            raise UsageError("a condition of wind has its strongest")
        return cls(**settings)

    @property
    def settings(self):
        return {"strongest": self.strongest}

    @property
    def nothing(self):
        return torch.full((2,), math.nan)

    @property
    def classes(self):
        return ()

    @property
    def column(self):
        return "wind"

    def values(self, given, n):
        given = [float(part) for part in given.split("/")] if isinstance(given, str) else given
        return torch.as_tensor(np.asarray(given, dtype=np.float32)).expand(n, 2).clone()

    def drawn(self, n, generator):
        return self.strongest * torch.rand(n, 2, generator=generator)

    def texts(self, values):
        return ["/".join(f"{part:.3g}" for part in value) for value in values.tolist()]

    def embedding(self, width):
        return Weathervane(width)


class Weathervane(nn.Module):
    """Two numbers (B, 2) to (B, width); NaN and None to a learnt vector."""

    def __init__(self, width):
        super().__init__()
        self.turn, self.calm = nn.Linear(2, width), nn.Parameter(torch.zeros(1, width))

    def forward(self, values):
        if values is None:
            return self.calm
        calm = values.isnan().any(1, keepdim=True)
        return torch.where(calm, self.calm, self.turn(values.nan_to_num()))


def _read(request):
    head, *lines = request.path.read_text().splitlines()
    names, rows = head.split(), [line.split() for line in lines]
    at = names.index(request.labels) if request.labels else None
    numbers = [[float(value) for i, value in enumerate(row) if i != at] for row in rows]
    labels = None if at is None else [row[at] for row in rows]
    return Contents(np.array(numbers), labels, tuple(name for name in names if name != request.labels))


def _write(contents):
    names, rows = [*contents.names], [list(map(repr, row)) for row in contents.values.tolist()]
    if contents.labels is not None:
        names, rows = [*names, contents.label_name], [[*row, name] for row, name in zip(rows, contents.labels, strict=True)]
    return "\n".join(map(" ".join, [names, *rows])).encode()


WORDS = Format("a table with blanks between its words", (".words",), _read, _write)
