"""Sequences whose channels come first, as a model of sequences sees them: with the channels last.

    data (C, L)  -- turn -->  (L, C)  -- any encoder -->  the model's space                                    (1)

So what a model learns does not depend on how its data is stored. Noise, weights and samples of (N, C, L) are those of the same data as
(N, L, C), and samples are turned back when they are decoded. Images are not turned: the model sees them as they are.

A network of the caller's own is an exception. It was written for rows as the caller has them, so it is given such rows.

    >>> from unstir.data import layout
    >>> from unstir.encoders.registry import ENCODERS
    >>> kind, lies = kind_for(ENCODERS["channels"], layout((3, 50))), layout((3, 50))
    >>> encoder = kind.begin([Rows(np.ones((9, 3, 50)))], FitOptions(layout=lies)).encoder()
    >>> encoder.shape, encoder.space, encoder.layout(lies).channel_axis
    ((3, 50), (50, 3), -1)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unstir.data.layouts import Layout
from unstir.data.rows import Rows
from unstir.data.statistics import Statistics
from unstir.encoders.base import Elementwise, Encoder, Fit, FitOptions, Outline, Reconstruction, Update
from unstir.encoders.registry import ENCODERS
from unstir.encoders.rows import EncodedRows


def kind_for(kind: type[Encoder], lies: Layout | None, own_network: bool = False) -> type[Encoder]:
    """The encoder of that kind for rows that lie like `lies`: (1) for sequences whose channels come first, else the kind itself."""
    turns = lies is not None and lies.kind == "sequences" and lies.channel_axis == 0 and not own_network
    return turned(kind) if turns else kind


@cache
def turned(kind: type[Encoder]) -> type["Turned"]:
    """(1) with an encoder of that kind."""
    named: dict[str, Any] = {"kind": kind, "name": kind.name, "describes": kind.describes, "trained": kind.trained}
    return type(f"Turned{kind.__name__}", (Turned,), named)


def type_of(encoder: Encoder) -> type[Encoder]:
    """The kind from which `kind_for` made the encoder."""
    return encoder.kind if isinstance(encoder, Turned) else type(encoder)


def encoded(rows: Rows, encoder: Encoder) -> EncodedRows:
    """Rows of data as the encoder encodes them; those of (1) are turned first, so that their statistics are (1, L, C), too."""
    return EncodedRows(_turned_rows(rows), encoder.inner) if isinstance(encoder, Turned) else EncodedRows(rows, encoder)


def statistics_of(rows: EncodedRows, encoder: Encoder) -> Statistics:
    """The statistics (1, *shape) of rows that were `encoded` for that encoder, in the shape of the rows of data."""
    found = rows.statistics
    if not isinstance(encoder, Turned):
        return found
    return Statistics(found.count, *map(_turn, (found.mean, found.deviation, found.low, found.high)))


def as_data(z: Tensor, encoder: Encoder) -> Tensor:
    """Rows z (n, *space) of the model's space in the arrangement of the rows of data, or the other way; latents have only one."""
    return _turn(z) if isinstance(encoder, Turned) and isinstance(encoder.inner, Elementwise) else z


def shape_as_data(encoder: Encoder) -> tuple[int, ...]:
    """The shape that `as_data` gives a row of the model's space."""
    return tuple(as_data(torch.empty(1, *encoder.space, device="meta"), encoder).shape[1:])


def saved(encoder: Encoder) -> dict[str, Any]:
    """What an encoder is built from but its tensors, as JSON."""
    return {"name": encoder.name, "settings": encoder.settings, "turned": isinstance(encoder, Turned)}


def rebuilt(document: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Encoder:
    """The encoder that was `saved`, with its tensors."""
    kind = ENCODERS[document["name"]]
    return (turned(kind) if document["turned"] else kind).build(document["settings"], tensors)


@dataclass(frozen=True)
class TurnedFit:
    """The fitting of the inner encoder of a `kind` of (1)."""

    kind: type["Turned"]
    inner: Fit

    @property
    def count(self) -> int:
        """The number of updates."""
        return self.inner.count

    def updates(self) -> Iterator[Update]:
        """The updates of the inner encoder."""
        return self.inner.updates()

    def encoder(self) -> Encoder:
        """The current encoder."""
        return self.kind(self.inner.encoder())


@dataclass(frozen=True)
class Turned(Encoder):
    """(1) with an `inner` encoder of the class `kind`, for rows (C, L)."""

    inner: Encoder
    kind: ClassVar[type[Encoder]]

    @classmethod
    def begin(cls, views: Sequence[Rows], options: FitOptions) -> Fit:
        """Begin to fit the inner encoder on turned rows."""
        inside = replace(options, layout=_turned_layout(options.layout))
        return TurnedFit(cls, cls.kind.begin([_turned_rows(view) for view in views], inside))

    @classmethod
    def outline(cls, settings: Mapping[str, Any], shape: tuple[int, ...]) -> Outline:
        """What the inner encoder has to hold."""
        return cls.kind.outline(settings, shape[::-1])

    @classmethod
    def build(cls, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        """The inner encoder, from its settings and tensors."""
        return cls(cls.kind.build(settings, tensors))

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the inner encoder."""
        return self.inner.settings

    def tensors(self) -> dict[str, Tensor]:
        """Those of the inner encoder."""
        return self.inner.tensors()

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, L)."""
        return self.inner.shape[::-1]

    @property
    def space(self) -> tuple[int, ...]:
        """That of the inner encoder."""
        return self.inner.space

    def layout(self, of_data: Layout | None) -> Layout | None:
        """That of the inner encoder, for rows whose channels come last."""
        return self.inner.layout(_turned_layout(of_data))

    @property
    def constant(self) -> Tensor:
        """Elements that never vary, (C, L)."""
        return self.inner.constant.T

    @property
    def linear(self) -> tuple[Tensor, Tensor] | None:
        """Those of the inner encoder: of rows (L, C), as the model sees them."""
        return self.inner.linear

    def encode(self, x: Tensor) -> Tensor:
        """Rows (B, C, L) to the model's space."""
        return self.inner.encode(_turn(x))

    def decode(self, z: Tensor) -> Tensor:
        """Back to rows (B, C, L)."""
        return _turn(self.inner.decode(z))

    def log_volume(self, x: Tensor) -> Tensor | None:
        """That of the inner encoder: a turn changes no volume."""
        return self.inner.log_volume(_turn(x))

    def known(self, mask: Tensor) -> Tensor | None:
        """The same elements, turned."""
        return self.inner.known(_turn(mask))

    def bounds(self, low: float, high: float) -> tuple[Tensor, Tensor] | None:
        """Those of the inner encoder."""
        return self.inner.bounds(low, high)

    def reach(self) -> tuple[float, float]:
        """That of the inner encoder."""
        return self.inner.reach()

    def reconstruction(self, x: Tensor, seed: int = 0) -> Reconstruction | None:
        """That of the inner encoder."""
        return self.inner.reconstruction(_turn(x), seed)


def _turn(x: Tensor) -> Tensor:
    """(n, a, b) -> (n, b, a), laid out anew in memory, so that sums run in the same order as for data that came turned."""
    return x.mT.contiguous()


def _turned_rows(rows: Rows) -> Rows:
    return replace(rows, held=np.moveaxis(rows.held, 1, 2))


def _turned_layout(lies: Layout | None) -> Layout | None:
    return lies and replace(lies, channel_axis=-1)
