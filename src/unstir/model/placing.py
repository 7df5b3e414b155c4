"""Where a model computes: it is moved to a device, its results are brought back, and as many rows go through it at once as memory allows.

A row needs memory for what the network computes on the way. In networks of convolutions that is about 0.002 bytes for each multiply-add,
0.007 with attention, and next to nothing in layers, which are small. A GPU gets rows for half of its free memory at 0.01. If it runs out
of memory all the same, half as many rows are tried: the rows that go through the network at once change no sample.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unstir import devices
from unstir.encoders.moving import moved
from unstir.model.card import Card
from unstir.model.noise import GROUP
from unstir.networks.building import affordable, operations
from unstir.steady import allowing

if TYPE_CHECKING:
    from unstir.model.model import Model

AT_ONCE = 2e10  # multiply-adds of one call of the network on the CPU; the memory that it needs is proportional to them
MOST = 8192  # rows of a call at most
BYTES = 0.01  # of a GPU's memory for each multiply-add
SHARE = 0.5  # of a GPU's free memory that is used


def placed(model: "Model", device: str | torch.device) -> "Model":
    """The model on a device by name, as in `unstir.devices`; the same model if it is there already, else a copy.

    Raises UsageError for a device that is not there, or misspelt.
    """
    on = devices.pick(str(device), operations(model.network) * GROUP).device
    if on.type == devices.GPU and on.index is None:
        on = torch.device(on.type, torch.cuda.current_device())
    if on == model.device:
        return model
    network = copy.deepcopy(model.network).to(on)
    blend = model.blend and model.blend.to(on)
    return replace(model, network=network, blend=blend, encoder=moved(model.encoder, on))


def suited_precision(on: torch.device, card: Card) -> str:
    """The precision of samples on a device, if nobody says: on a GPU tf32, or bfloat16 for whole numbers such as pixels, which are rounded.

    >>> suited_precision(torch.device("cpu"), Card((2,), "ND", "linear", {}, "edm", "mlp", {}, "standardise"))
    'float32'
    """
    if on.type != devices.GPU:
        return "float32"
    return "bfloat16" if card.bounds is not None and devices.multiplies_bfloat16(on) else "tf32"


@contextmanager
def computing(on: torch.device, precision: str) -> Iterator[None]:
    """Inside the block, networks compute in that precision on that device."""
    with allowing(precision), torch.autocast(on.type, torch.bfloat16, enabled=precision == "bfloat16"):
        yield


def rows_at_once(model: "Model", fewest: int = GROUP, most: int = MOST, times: int = 1) -> int:
    """How many rows go through the network at once, if nobody says. On a GPU, a row takes so many `times` the memory of a plain call."""
    on, at_once = model.device, AT_ONCE
    if on.type == devices.GPU:
        unused = torch.cuda.memory_reserved(on) - torch.cuda.memory_allocated(on)  # what torch holds for later
        at_once = SHARE * (torch.cuda.mem_get_info(on)[0] + unused) / (BYTES * times)
    return affordable(model.network, 1, at_once, fewest, most)


def brought_back(state: Tensor) -> Callable[[], Tensor]:
    """Begins to copy a tensor to the CPU; the function waits until it is there. Meanwhile a GPU can be asked for more."""
    if state.device.type != devices.GPU:
        there = state.cpu()
        return lambda: there
    copied = state.to(devices.CPU, non_blocking=True)  # into memory that the GPU writes by itself
    done = torch.cuda.Event()
    done.record(torch.cuda.current_stream(state.device))

    def wait() -> Tensor:
        done.synchronize()
        return copied.clone()  # that memory is scarce, and used again for the next rows

    return wait
