"""Encoders that hold a network, on a device. Numbers stay on the CPU, where rows of data are; they go to the rows that they meet."""

import copy
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import nn

from unstir.encoders.base import Encoder


def moved(encoder: Encoder, on: torch.device) -> Encoder:
    """The encoder with every network that it holds on a device, itself or in an inner encoder. It takes and gives rows on the CPU.

    >>> from unstir.encoders.base import fit_encoder
    >>> encoder = fit_encoder("standardise", torch.zeros(2, 3))
    >>> moved(encoder, torch.device("cpu")) is encoder                          # it holds no network
    True
    """
    if not is_dataclass(encoder):
        return encoder
    held = {field.name: getattr(encoder, field.name) for field in fields(encoder) if field.init}
    changed = {name: _on(value, on) for name, value in held.items()}
    changed = {name: value for name, value in changed.items() if value is not held[name]}
    return replace(encoder, **changed) if changed else encoder  # pyrefly: ignore


def _on(part: Any, on: torch.device) -> Any:
    if isinstance(part, Encoder):
        return moved(part, on)
    if isinstance(part, nn.Module) and any(w.device != on for w in part.parameters()):
        return copy.deepcopy(part).to(on)
    return part
