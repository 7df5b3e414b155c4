"""Training one model in several processes, which `torchrun` starts. Process p of P, with batches of B rows:

    p draws everything random in a step, and trains on the rows  p B / P .. (p + 1) B / P  of the batch                       (1)
    gradient = mean of the processes' gradients = the gradient of the whole batch                                             (2)
    with sharding, p keeps only the rows  p n / P .. (p + 1) n / P  of every tensor (n, ...) that training changes            (3)

So P processes train the same model as one, up to rounding, because sums are added in another order. Random numbers are the same to the
bit, so a run can be resumed with another number of processes. (2) is torch's DistributedDataParallel (Li et al. 2020), which sends
gradients while the backward pass still runs. (3) is torch's `fully_shard` (Zhao et al. 2023): a block's weights are whole only while it
runs. Process 0 leads: it alone writes files and prints, and it tells the others what to do. A single process pays nothing for this.

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

# Buffers are constants here, so they are not sent at every step. torch 2.13 has renamed the argument.
BUFFERS: dict[str, Any] = {
    next(w for w in ("forward_sync_buffers", "broadcast_buffers") if w in signature(DistributedDataParallel).parameters): False
}
PATIENCE = timedelta(days=7)  # how long the others wait for process 0, which evaluates alone


class Processes(NamedTuple):
    """This process's number, `rank`, and how many processes there are."""

    rank: int
    count: int

    def share(self, rows: int) -> slice:
        """This process's rows of a batch, by (1). Raises UsageError if the number of processes does not divide the batch."""
        if rows % self.count:
            nearest = max(1, round(rows / self.count)) * self.count
            raise UsageError(f"a batch of {rows} rows cannot be divided by {self.count} processes. Use --batch-size {nearest}.")
        each = rows // self.count
        return slice(self.rank * each, (self.rank + 1) * each)

    def replicate(self, network: nn.Module) -> nn.Module:
        """The network with the gradients of (2); all processes start from the weights of process 0."""
        return network if self.count == 1 else DistributedDataParallel(network, **BUFFERS)

    def shard(self, network: nn.Module, blocks: Iterable[nn.Module], device: str) -> None:
        """Split the weights of process 0 over all processes by (3), in place, on `device`. A block's weights are whole while it runs."""
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard  # importing it takes half a second

        # The warning is about changing a network's output in place, which is never done here.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
        mesh = init_device_mesh(device, (self.count,))
        for w in network.parameters():
            w.data = w.data.contiguous()
            dist.broadcast(w.data, 0)
        for block in blocks:
            fully_shard(block, mesh=mesh)
        fully_shard(network, mesh=mesh)

    def part(self, whole: Tensor | None, like: Tensor) -> Tensor:
        """This process's part, by (3), of a `whole` tensor in process 0, split as the weight `like` is; other processes may pass None."""
        from torch.distributed.tensor import DTensor, distribute_tensor

        assert isinstance(like, DTensor)
        device = like.device_mesh.device_type
        whole = torch.empty(like.shape, device=device) if whole is None else whole.to(device)
        return distribute_tensor(whole.contiguous(), like.device_mesh, like.placements)

    def whole(self, part: Tensor) -> Tensor:
        """The whole tensor from all processes' parts, on the CPU, in process 0; an empty tensor in the others."""
        whole = entire(part.detach())
        return whole.cpu() if self.rank == 0 else torch.empty(0)

    def check(self, device: torch.device) -> None:
        """Raise UsageError for a device that this process cannot have for itself beside the others."""
        if self.count == 1 or device.type != "cuda":
            return
        if device.index is not None:
            raise UsageError(f"--device {device} is one GPU for {self.count} processes. With --device cuda each takes its own.")
        if (local := _local()) >= (there := torch.cuda.device_count()):
            raise UsageError(
                f"process {local} of this machine has no GPU: there are only {there}. Start one process for each GPU, or use --device cpu."
            )

    def gather(self, part: Tensor) -> Tensor:
        """The parts (b, ...) of all processes joined in their order: (count b, ...)."""
        if self.count == 1:
            return part
        parts = [torch.empty_like(part) for _ in range(self.count)]
        dist.all_gather(parts, part.contiguous())
        return torch.cat(parts)

    def agree(self, request: "Request | None" = None, code: int = 0) -> "tuple[Request, int]":
        """The largest request and the largest exit code of all processes. All call this at once, and all get the same answer."""
        request = request or Request.NOTHING
        if self.count == 1:
            return request, code
        held = torch.tensor([int(request), code])
        dist.all_reduce(held, dist.ReduceOp.MAX)
        return Request(int(held[0])), int(held[1])


class Request(IntEnum):
    """What process 0 asks of the others when the state is sharded."""

    NOTHING = 0
    AVERAGE = 1
    EVERYTHING = 2


ALONE = Processes(0, 1)


def own(part: Tensor) -> Tensor:
    """The local tensor of a part that this process keeps, in the same memory; a whole tensor is returned as it is."""
    return part.to_local() if hasattr(part, "to_local") else part


def entire(part: Tensor) -> Tensor:
    """The whole tensor from all processes' parts, in every process; a whole tensor is returned as it is."""
    return part.full_tensor() if hasattr(part, "full_tensor") else part


def here() -> Processes:
    """The processes that this one has joined; `ALONE` if there are none."""
    return Processes(dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else ALONE


@contextmanager
def joined() -> Iterator[None]:
    """Connect the processes inside the block: by gloo, and by NCCL for tensors on GPUs, of which each process has one, if there are enough."""
    if torch.cuda.is_available() and _local() < torch.cuda.device_count():
        torch.cuda.set_device(_local())
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def _local() -> int:
    """The number of this process among those of its machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def in_step() -> Iterator[None]:
    """Inside the block, raise Stopped instead of torch's error when another process has ended; the run can then be resumed."""
    try:
        yield
    except RuntimeError as error:
        if here().count == 1 or not (isinstance(error, dist.DistError) or "gloo" in str(error).lower()):
            raise
        raise Stopped("another process of this training has ended.", 143) from None


def tell(document: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Send a JSON object and tensors by name from process 0 to all others."""
    outline = {name: (list(value.shape), str(value.dtype).removeprefix("torch.")) for name, value in tensors.items()}
    said = torch.frombuffer(bytearray(json.dumps([document, outline]).encode()), dtype=torch.uint8)
    dist.broadcast(torch.tensor(len(said)), 0)
    dist.broadcast(said, 0)
    for value in tensors.values():
        dist.broadcast(value.detach().cpu().contiguous(), 0)


def hear() -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Receive what process 0 sends by `tell`. Every process but 0 calls this."""
    length = torch.tensor(0)
    dist.broadcast(length, 0)
    said = torch.empty(int(length), dtype=torch.uint8)
    dist.broadcast(said, 0)
    document, outline = json.loads(bytes(said.tolist()))
    tensors = {name: torch.empty(shape, dtype=getattr(torch, dtype)) for name, (shape, dtype) in outline.items()}
    for value in tensors.values():
        dist.broadcast(value, 0)
    return document, tensors
