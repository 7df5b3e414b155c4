"""Images with an opacity: the colours are multiplied by the opacity before they are standardised.

    w = opacity / opaque,    (colour, opacity) -> (w colour, opacity) -> standardised by channel             (1)
    colour = (w colour) / w where w > 0, else 0                                                              (2)

What colour a transparent pixel has, nobody sees, and files hold anything there: black, or what was there before it was erased. A network
that is trained on it has to learn that too, and at soft edges its mistakes become dark rims. By (1) such pixels are all alike. (2) gives
back what a viewer shows; a colour that nobody sees becomes black, so there is no density in the data's units. `opaque` is the largest
opacity in the data. Rows without an opacity are encoded as by `channels`. Porter and Duff 1984, section 3.

    >>> from unstir.data import layout
    >>> from unstir.encoders.base import fit_encoder
    >>> x = torch.rand(9, 8, 8, 4, generator=torch.Generator().manual_seed(0))
    >>> x[..., 3] = (x[..., 3] > 0.5).float()
    >>> encoder = fit_encoder("premultiplied", x, FitOptions(layout=layout((8, 8, 4))))
    >>> back = encoder.decode(encoder.encode(x))
    >>> torch.allclose(back.float(), x * x[..., 3:] ** torch.tensor([1, 1, 1, 0]), atol=1e-6)
    True
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unstir.data.layouts import Layout
from unstir.data.rows import Rows
from unstir.encoders.affine import Channels
from unstir.encoders.base import Encoder, Fit, FitOptions, Fitted, Outline
from unstir.errors import DataError, UsageError

LEAST = 1 / 1024  # of opaque: below it a colour is not seen, and (2) would divide by next to nothing


@dataclass(frozen=True)
class Premultiplied(Encoder):
    """Eq. (1): the affine encoder of the multiplied rows, the axis of their channels, and `opaque`, which is 0 without an opacity."""

    inner: Channels
    axis: int = -1
    opaque: float = 0.0

    name, describes = "premultiplied", "standardised as a whole"

    @classmethod
    def begin(cls, views: Sequence[Rows], options: FitOptions) -> Fit:
        """Fit in two passes over the rows. Raises DataError for an opacity that is negative, or 0 everywhere."""
        lies = options.layout
        axis = None if lies is None else lies.channel_axis
        if lies is None or axis is None or lies.kind != "images" or lies.channels != 4:
            parts = (torch.as_tensor(part) for view in views for part in view.scan())
            return Fitted(cls(Channels.fit(parts, axis)))
        ends = [torch.as_tensor(part).select(_of_rows(axis), 3).aminmax() for part in views[0].scan()]
        low, opaque = min(end.min.item() for end in ends), max(end.max.item() for end in ends)
        if low < 0 or opaque == 0:
            raise DataError(
                f"the opacity goes from {low:g} to {opaque:g}; colours are multiplied by an opacity from 0 up. Use --data.encoder channels."
            )
        parts = (_multiplied(torch.as_tensor(part).double(), axis, opaque) for view in views for part in view.scan())
        return Fitted(cls(Channels.fit(parts, axis), axis, opaque))

    @classmethod
    def outline(cls, settings: Mapping[str, Any], shape: tuple[int, ...]) -> Outline:
        """Shift and scale."""
        opaque, axis = settings.get("opaque"), settings.get("axis")
        if (
            settings.keys() != {"axis", "opaque"}
            or type(opaque) is not float
            or not 0 <= opaque < float("inf")
            or axis not in (0, -1)
        ):
            raise UsageError(f"encoder {cls.name} has an axis, 0 or -1, and an opaque number")
        if opaque and (len(shape) != 3 or shape[axis] != 4):
            raise UsageError(f"encoder {cls.name} does not suit rows of {shape}")
        return Channels.outline({}, shape)

    @classmethod
    def build(cls, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "Premultiplied":
        """The encoder with these settings, and the shift and scale in `tensors`."""
        return cls(Channels.build({}, tensors), settings["axis"], settings["opaque"])

    @property
    def settings(self) -> dict[str, Any]:
        """The axis of the channels, and `opaque`."""
        return {"axis": self.axis, "opaque": self.opaque}

    def tensors(self) -> dict[str, Tensor]:
        """Shift and scale."""
        return self.inner.tensors()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a row."""
        return self.inner.shape

    @property
    def space(self) -> tuple[int, ...]:
        """The shape of the data."""
        return self.inner.space

    def layout(self, of_data: Layout | None) -> Layout | None:
        """That of the data."""
        return of_data

    @property
    def constant(self) -> Tensor:
        """Elements that never vary once they are multiplied."""
        return self.inner.constant

    @property
    def linear(self) -> tuple[Tensor, Tensor] | None:
        """None with an opacity: it is not linear."""
        return None if self.opaque else self.inner.linear

    def encode(self, x: Tensor) -> Tensor:
        """Eq. (1)."""
        return self.inner.encode(_multiplied(x.double(), self.axis, self.opaque))

    def decode(self, z: Tensor) -> Tensor:
        """Eq. (2)."""
        x = self.inner.decode(z)
        if not self.opaque:
            return x
        colours, opacity = _parts(x, self.axis)
        w = opacity / self.opaque
        seen = torch.where(w > LEAST, colours / w.clamp(min=LEAST), 0.0)
        return torch.cat([seen, opacity], _of_rows(self.axis))

    def log_volume(self, x: Tensor) -> Tensor | None:
        """None with an opacity, because colours that nobody sees are lost."""
        return None if self.opaque else self.inner.log_volume(x)

    def known(self, mask: Tensor) -> Tensor | None:
        """Colours whose opacity is known, too, and known opacities."""
        if not self.opaque:
            return mask
        colours, opacity = _parts(mask, self.axis)
        return torch.cat([colours & opacity, opacity], _of_rows(self.axis))

    def bounds(self, low: float, high: float) -> tuple[Tensor, Tensor] | None:
        """Those of the affine encoder: no multiplied colour is beyond them, since w is at most 1."""
        return self.inner.bounds(low, high)

    def reach(self) -> tuple[float, float]:
        """From 0 to opaque, or that of the affine encoder."""
        return (0.0, self.opaque) if self.opaque else self.inner.reach()

    def reconstruction(self, x: Tensor, seed: int = 0) -> None:  # noqa: ARG002
        """Nothing that can be seen is lost."""
        return


def _of_rows(axis: int) -> int:
    """The axis of rows (n, ...) that is `axis` of one row."""
    return axis if axis < 0 else axis + 1


def _parts(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """The three colours and the opacity of rows (n, ...)."""
    return x.narrow(_of_rows(axis), 0, 3), x.narrow(_of_rows(axis), 3, 1)


def _multiplied(x: Tensor, axis: int, opaque: float) -> Tensor:
    """Rows (n, ...) with their colours multiplied by w of (1); as they are without an opacity."""
    if not opaque:
        return x
    colours, opacity = _parts(x, axis)
    return torch.cat([colours * (opacity / opaque).clamp(0, 1), opacity], _of_rows(axis))
