"""Devices: where torch computes, by name, and which one suits a piece of work.

    cpu           the processor
    cuda, cuda:1  the GPU that torch uses by itself, or the one of that number (NVIDIA's, and AMD's where torch is built for them)
    mps           Apple's GPU
    auto          the GPU `cuda` if there is one and one call of the network takes `WORTH` multiply-adds or more, else the CPU    (1)

Before a GPU computes anything, Python has to ask it, part by part of the network. Where a part is small, asking takes longer than computing:
a network for points took as long on an H200 as on two cores of a processor (215 steps a second). So by (1) points and small tables stay on
the CPU, and images, sequences and wide tables go to the GPU. (1) does not count the rows that are asked for, because the noise of a row
depends on the kind of device: the first ten rows of a sample are the same whether ten are drawn or a thousand. `auto` never means mps, on
which this software has not been tried.

Importing this file needs no torch.

    >>> is_name("cuda:1"), is_name("gpu")
    (True, False)
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from unstir.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, device

AUTO, CPU, GPU, APPLE = "auto", "cpu", "cuda", "mps"
WRITTEN = "auto, cpu, cuda, cuda:1 or mps"
HELP = f"Where to compute: {WRITTEN}. auto: a GPU if there is one and the network is large enough for it."
WORTH = 3e8  # multiply-adds of one call of the network from which on a GPU is faster than a processor


class Choice(NamedTuple):
    """A device, and by (1) why it was taken; "" if there was nothing to choose, because it was asked for or is the only one."""

    device: "device"
    why: str

    @property
    def said(self) -> str:
        """Both in words, as in "cuda: one call of the network takes ..."."""
        return f"{self.device}: {self.why}" if self.why else str(self.device)


def is_name(name: str) -> bool:
    """Whether this is a way to write a device, there or not."""
    return bool(re.fullmatch(rf"{AUTO}|{CPU}|{GPU}(:[0-9]{{1,3}})?|{APPLE}", name))


def there() -> list[str]:
    """The names of the devices of this machine that torch can use: `cpu`, then `cuda:0`, `cuda:1` and so on, then `mps`."""
    import torch

    gpus = [f"{GPU}:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return [CPU, *gpus, *([APPLE] if torch.backends.mps.is_available() else [])]


def pick(name: str, work: float) -> Choice:
    """The device of that name for a network that takes so much `work`, in multiply-adds a call.

    Raises UsageError for a name that is misspelt, and for a device that is not there.
    """
    import torch

    found = there()
    if not is_name(name):
        raise UsageError(f"unknown device '{name}': write {WRITTEN}. This machine has {', '.join(found)}.")
    if name == AUTO:
        chosen, why = suited(work, f"{GPU}:0" in found)
        return Choice(torch.device(chosen), why)
    if (f"{GPU}:0" if name == GPU else name) not in found:
        raise UsageError(f"device '{name}' is not available. Available: {', '.join(found)}. Choose one of these with --device.")
    return Choice(torch.device(name), "")


def suited(work: float, gpu: bool) -> tuple[str, str]:
    """By (1), the device for a network that takes so much `work` a call on a machine with or without a GPU, and the reason.

    >>> suited(2e7, gpu=True)
    ('cpu', 'one call of the network takes 20 million multiply-adds, and a GPU is faster from 300 million on')
    """
    if not gpu:
        return CPU, ""
    counted = f"one call of the network takes {work / 1e6:,.0f} million multiply-adds"
    return (GPU if work >= WORTH else CPU), f"{counted}, and a GPU is faster from {WORTH / 1e6:,.0f} million on"


def multiplies_bfloat16(on: "device") -> bool:
    """Whether that device has instructions for products of bfloat16, which are then faster than those of float32."""
    import torch

    if on.type == GPU:
        return torch.version.hip is not None or torch.cuda.get_device_properties(on).major >= 8
    return on.type == CPU and torch.cpu._is_avx512_bf16_supported()


def onto(on: "device", x: "Tensor") -> "Tensor":
    """A tensor from the CPU, on that device, without waiting for what the device still computes."""
    return x.pin_memory().to(on, non_blocking=True) if on.type == GPU and x.device.type == CPU else x.to(on)
