"""How steps are taken on each kind of device, and the capture of a step: recorded once, replayed as often as there are steps.

A step of a U-Net is a thousand small operations. To start one from Python takes longer than a GPU needs to do it. A CUDA graph holds them
all, with the places of their numbers in memory, and starts them at once:

    capture:  run the step once, and note each operation with the tensors that it reads and writes
    replay:   do the same operations on the same tensors, whatever numbers are in them now                        (1)

So what is captured must not ask for a number (`.item()`, `if` on a tensor, an index of true and false), nor bring one from outside: it would be
that of the capture for ever. `Watched` refuses such operations by name, on every device. `replayed` is (1) without a GPU, operation by
operation: slow, but a step that depends on what (1) does not hold goes wrong there as it would on a GPU.

Random numbers: a replay draws from the global generator as it is seeded then, so a layer that draws, as dropout does, is a function of (seed,
step) captured or not.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode
from torch.utils._pytree import tree_flatten

Body = Callable[[], None]
WAITING = (  # operations after which the processor has to wait for the device, or whose result has a size that the numbers decide
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "unique",
    "equal",
    "lift_fresh",
    "repeat_interleave.Tensor",
    "bincount",
)


@dataclass(frozen=True)
class Way:
    """How steps are taken on a kind of device: whether they are deferred (`training.update`), what captures a step, if anything does, and
    whether rows and noise of a step are the device's own (`training.supply`).

    `capture(body, warm, device)` runs the body `warm` times, captures it, and answers what replays it. It raises RuntimeError if it cannot.
    """

    defers: bool = False
    capture: Callable[[Body, int, torch.device], Body] | None = None
    draws: bool = False


class Watched(TorchDispatchMode):
    """Inside the block, an operation that a capture cannot hold raises RuntimeError; the others are handed to `note`, if it is given."""

    def __init__(self, note: Callable[..., None] | None = None):
        super().__init__()
        self.note = note

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func).removeprefix("aten.")
        if name.startswith(WAITING) or (name.startswith("index") and any(_is_mask(part) for part in tree_flatten(args)[0])):
            raise RuntimeError(f"its operation {name.split('.')[0]} needs numbers of the device before it can go on")
        tensors = [part for part in tree_flatten((args, kwargs))[0] if isinstance(part, Tensor)]
        if len({part.device.type for part in tensors if part.ndim}) > 1:
            raise RuntimeError(f"its operation {name.split('.')[0]} brings numbers from one device to another")
        out = func(*args, **(kwargs or {}))
        if self.note is not None:
            self.note(func, args, kwargs or {}, out)
        return out


def cuda_graph(body: Body, warm: int, device: torch.device) -> Body:
    """Capture on a CUDA device, after some runs on a stream of their own, as torch's documentation of CUDA graphs asks for.

    In the last of them every operation is looked at: a failed capture can leave a process in disorder.
    """
    with torch.cuda.device(device):
        here, aside, graph = torch.cuda.current_stream(), torch.cuda.Stream(), torch.cuda.CUDAGraph()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            for _ in range(warm):
                body()
            with Watched():
                body()
        here.wait_stream(aside)
        torch.cuda.synchronize()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # another thread may copy rows meanwhile
            body()

    def replay() -> None:
        with torch.cuda.device(device):
            graph.replay()

    return replay


def replayed(body: Body, warm: int, device: torch.device) -> Body:  # noqa: ARG001
    """(1) on any device without its help: every operation is noted with its tensors, and done again on them."""
    noted: list[tuple[Any, Any, Any, list[Tensor]]] = []

    def note(func: Any, args: Any, kwargs: Any, out: Any) -> None:
        returns = func._schema.returns
        if any(one.alias_info is not None and not one.alias_info.is_write for one in returns):
            return  # a view: the same memory
        fresh = not any(one.alias_info is not None for one in (*returns, *func._schema.arguments))
        noted.append((func, args, kwargs, [part for part in tree_flatten(out)[0] if isinstance(part, Tensor)] if fresh else []))

    for _ in range(warm):
        body()
    with Watched(note):
        body()

    def replay() -> None:
        with torch.no_grad():
            for func, args, kwargs, outs in noted:
                found = [part for part in tree_flatten(func(*args, **kwargs))[0] if isinstance(part, Tensor)]
                for place, part in zip(outs, found, strict=False):
                    place.copy_(part)

    return replay


WAYS: Mapping[str, Way] = {"cuda": Way(True, cuda_graph, True)}
"""How steps are taken by the kind of device; on any other kind, each is checked at once."""


def way_on(device: torch.device) -> Way:
    """How steps are taken on this device."""
    return WAYS.get(device.type, Way())


class Compiled:
    """A network compiled by torch, under its own names; if the compiler fails at the first call, the network itself, and a line of the log."""

    def __init__(self, network: nn.Module):
        self.network, self.proven = network, False
        self.call: Callable[..., Tensor] = torch.compile(network, dynamic=False)  # pyrefly: ignore

    def __call__(self, *args: Any) -> Tensor:
        """The network's answer; by its own operations where they are looked at, as `Watched` does."""
        if _get_current_dispatch_mode() is not None:
            return self.network(*args)
        if self.proven:
            return self.call(*args)
        try:
            found = self.call(*args)
        except Exception as error:
            found = self.network(*args)  # raises the network's own errors
            self.call = self.network
            why = next(iter(str(error).strip().splitlines()), type(error).__name__)
            logging.getLogger("unstir").warning(f"training: torch could not compile the network, which is used as it is: {why}")
        self.proven = True
        return found


def _is_mask(part: Any) -> bool:
    return isinstance(part, Tensor) and part.dtype == torch.bool
