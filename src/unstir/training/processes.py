"""Several processes that train one model: what `torchrun` starts, and what training asks of it.

    each of P processes draws everything that is random in a step, and takes rows  p B / P .. (p + 1) B / P  of the batch      (1)
    gradient = mean of the processes' gradients = the gradient of the whole batch                                             (2)
    each keeps rows  p n / P .. (p + 1) n / P  of every tensor that training changes, where it is asked to                    (3)

So P processes are one process, to the rounding of a sum in another order; what is random is the same to the bit, and a run can be resumed
by another number of them. (2) is torch's DistributedDataParallel (Li et al. 2020), which sends gradients while the backward pass still runs;
(3) is torch's `fully_shard` (Zhao et al. 2023): a block's weights are whole only while it runs.
Process 0 leads: it alone writes and speaks, and tells the others what to do. With one process nothing here costs anything.

    >>> ALONE.share(6), ALONE.gather(torch.ones(2)).tolist()
    (slice(0, 6, None), [1.0, 1.0])
"""

import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from enum import IntEnum
from inspect import signature
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from unstir.errors import Stopped, UsageError

# Constants need no exchange at every step; torch 2.13 has a new word for it.
BUFFERS: dict[str, Any] = {
    next(w for w in ("forward_sync_buffers", "broadcast_buffers") if w in signature(DistributedDataParallel).parameters): False
}
PATIENCE = timedelta(days=7)  # with the leader, which evaluates while the others wait


class Processes(NamedTuple):
    """Which of how many processes this is."""

    rank: int
    count: int

    def share(self, rows: int) -> slice:
        """This process's rows of a batch: (1). Raises UsageError for a batch that the processes do not divide."""
        if rows % self.count:
            nearest = max(1, round(rows / self.count)) * self.count
            raise UsageError(f"a batch of {rows} rows is not divided by {self.count} processes. Use --batch-size {nearest}.")
        each = rows // self.count
        return slice(self.rank * each, (self.rank + 1) * each)

    def replicate(self, network: nn.Module) -> nn.Module:
        """The network, with gradients as in (2); its weights become those of process 0."""
        return network if self.count == 1 else DistributedDataParallel(network, **BUFFERS)

    def shard(self, network: nn.Module, blocks: Iterable[nn.Module], device: str) -> None:
        """Share the weights of the network out, in place, on that device: (3), of those of process 0. Each block is whole while it runs."""
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard  # half a second

        # What it warns of, changing the network's answer in place, is not done to any answer here.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
        mesh = init_device_mesh(device, (self.count,))
        for w in network.parameters():
            w.data = w.data.contiguous()
            dist.broadcast(w.data, 0)
        for block in blocks:
            fully_shard(block, mesh=mesh)
        fully_shard(network, mesh=mesh)

    def part(self, whole: Tensor | None, like: Tensor) -> Tensor:
        """This process's part (3) of a tensor that process 0 holds whole, divided as the weights `like` are; others may give None."""
        from torch.distributed.tensor import DTensor, distribute_tensor

        assert isinstance(like, DTensor)
        device = like.device_mesh.device_type
        whole = torch.empty(like.shape, device=device) if whole is None else whole.to(device)
        return distribute_tensor(whole.contiguous(), like.device_mesh, like.placements)

    def whole(self, part: Tensor) -> Tensor:
        """All processes' parts (3) as one tensor in main memory, in process 0; nothing in the others. Whole tensors stay as they are."""
        whole = entire(part.detach())
        return whole.cpu() if self.rank == 0 else torch.empty(0)

    def gather(self, part: Tensor) -> Tensor:
        """The parts (b, ...) of all processes, in their order: (count b, ...)."""
        if self.count == 1:
            return part
        parts = [torch.empty_like(part) for _ in range(self.count)]
        dist.all_gather(parts, part.contiguous())
        return torch.cat(parts)

    def agree(self, request: "Request | None" = None, code: int = 0) -> "tuple[Request, int]":
        """What any process asks of all, and the largest of their exit codes: all processes call this at once, and hear the same."""
        request = request or Request.NOTHING
        if self.count == 1:
            return request, code
        held = torch.tensor([int(request), code])
        dist.all_reduce(held, dist.ReduceOp.MAX)
        return Request(int(held[0])), int(held[1])


class Request(IntEnum):
    """What process 0 asks of the others, where the state is shared out over all."""

    NOTHING = 0
    AVERAGE = 1
    EVERYTHING = 2


ALONE = Processes(0, 1)


def own(part: Tensor) -> Tensor:
    """The numbers of a part that this process keeps, sharing its memory; a whole tensor itself."""
    return part.to_local() if hasattr(part, "to_local") else part


def entire(part: Tensor) -> Tensor:
    """The tensor that all processes' parts are, in each of them; a whole tensor itself."""
    return part.full_tensor() if hasattr(part, "full_tensor") else part


def here() -> Processes:
    """The processes that this one has joined, or it alone."""
    return Processes(dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else ALONE


@contextmanager
def joined() -> Iterator[None]:
    """Inside the block the processes know each other: through gloo, and through NCCL where tensors are on a GPU, one for each process.

    Raises UsageError where a machine has more processes than GPUs.
    """
    if torch.cuda.is_available():
        local, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
        if local >= there:
            raise UsageError(f"process {local} of this machine has no GPU: there are {there}. Start one process a GPU.")
        torch.cuda.set_device(local)
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


@contextmanager
def in_step() -> Iterator[None]:
    """Turns what torch says inside the block when another process has gone into Stopped: the run can only be gone on with."""
    try:
        yield
    except RuntimeError as error:
        if here().count == 1 or not (isinstance(error, dist.DistError) or "gloo" in str(error).lower()):
            raise
        raise Stopped("another process of this training has ended.", 143) from None


def tell(document: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """What process 0 says to all others: a JSON object, and tensors by name."""
    outline = {name: (list(value.shape), str(value.dtype).removeprefix("torch.")) for name, value in tensors.items()}
    said = torch.frombuffer(bytearray(json.dumps([document, outline]).encode()), dtype=torch.uint8)
    dist.broadcast(torch.tensor(len(said)), 0)
    dist.broadcast(said, 0)
    for value in tensors.values():
        dist.broadcast(value.detach().cpu().contiguous(), 0)


def hear() -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What process 0 says, in any other."""
    length = torch.tensor(0)
    dist.broadcast(length, 0)
    said = torch.empty(int(length), dtype=torch.uint8)
    dist.broadcast(said, 0)
    document, outline = json.loads(bytes(said.tolist()))
    tensors = {name: torch.empty(shape, dtype=getattr(torch, dtype)) for name, (shape, dtype) in outline.items()}
    for value in tensors.values():
        dist.broadcast(value, 0)
    return document, tensors
