"""Speed of one step of training a U-Net on 32x32 RGB: forward, backward, clipping, optimiser and average of the weights.

Each rival is trained as its own script does by default, in float32; ours as its preset does on a processor that multiplies
bfloat16. Parameters and operations, counted by torch, stand beside the ratio. Steps are taken in turn: ratios of pairs, so that a
machine which is not quiet troubles both alike. Memory is the most that a process of its own takes for two steps, above what it had
with everything imported. The first rival needs '.[bench]', the second denoising-diffusion-pytorch,
ema-pytorch and torchvision, without which it is left out, aloud.
"""

import ctypes
import gc
import importlib.util
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from report import Row, Table, note, parser, show
from rivals import diffusers_unet
from unstir.networks.unet import UNet
from unstir.training.recipe import Recipe, ema_decay
from unstir.training.state import State

SHAPE = (3, 32, 32)
Step = Callable[[torch.Tensor, torch.Tensor], None]

if importlib.util.find_spec("torchvision"):  # which fails to be imported beside the CPU build of torch until these are declared
    TORCHVISION = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        TORCHVISION.define(f"{name}(Tensor dets, Tensor scores, float threshold) -> Tensor")


@dataclass
class Contestant:
    """A network with its step of training."""

    name: str
    network: nn.Module
    call: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    step: Step

    def size(self) -> tuple[float, float]:
        """Millions of parameters, and billions of operations (two a multiply-add) of one image forward."""
        with torch.no_grad(), FlopCounterMode(display=False) as counted:
            self.call(torch.randn(1, *SHAPE), torch.rand(1))
        return sum(w.numel() for w in self.network.parameters()) / 1e6, counted.get_total_flops() / 1e9


def ours(**settings: int) -> Contestant:
    """As `unstir.training.train.train` does it."""
    network, recipe = UNet(SHAPE, 0, **settings), Recipe(lr=1e-3, precision="bfloat16")
    state = State(network, recipe)

    def step(x, t):
        with torch.autocast("cpu", torch.bfloat16):
            F = network(x, t)
        (F.float() - x).square().mean().backward()
        nn.utils.clip_grad_norm_(state.weights, recipe.clip)
        state.optimiser.step()
        state.optimiser.zero_grad()
        state.update_average(ema_decay(1000, recipe.ema))

    return Contestant("unstir", network, network, step)


def deeper() -> Contestant:
    """Ours of the size of diffusers'."""
    return ours(width=64, depth=3, levels=3, widest=2)


def shallower() -> Contestant:
    """Ours of the size of the other."""
    return ours(width=48, depth=3, levels=3, widest=3)


def rival(name: str, network: nn.Module, call, average) -> Contestant:
    """The step of the usual script: float32, AdamW, gradients clipped at 1, an average of the weights."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)

    def step(x, t):
        torch.nn.functional.mse_loss(call(x, t), x).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        average()

    return Contestant(name, network, call, step)


def diffusers() -> Contestant:
    """UNet2DModel with its own average."""
    from diffusers.training_utils import EMAModel

    network = diffusers_unet(
        sample_size=32,
    )
    ema = EMAModel(network.parameters())
    return rival("diffusers", network, lambda x, t: network(x, (999 * t).long()).sample, lambda: ema.step(network.parameters()))


def denoising_diffusion_pytorch() -> Contestant | None:
    """denoising-diffusion-pytorch's Unet with its trainer's average, every ten steps; None where it is not installed."""
    try:
        from denoising_diffusion_pytorch import Unet
        from ema_pytorch import EMA
    except ImportError as error:
        note(f"denoising-diffusion-pytorch is left out: {error}")
        return None
    network = Unet(dim=48, dim_mults=(1, 2, 4))
    ema = EMA(network, beta=0.995, update_every=10)
    return rival("denoising-diffusion-pytorch", network, lambda x, t: network(x, 999 * t), ema.update)


def seconds(one: Contestant, batch: int) -> float:
    """Of one step."""
    x, t = torch.randn(batch, *SHAPE), torch.rand(batch)
    started = time.perf_counter()
    one.step(x, t)
    return time.perf_counter() - started


def compare(mine: Contestant, theirs: Contestant, batch: int, repeats: int) -> Row:
    """Steps in turn, after one of each that does not count."""
    pairs = [(seconds(mine, batch), seconds(theirs, batch)) for _ in range(repeats + 1)][1:]
    ratios = [b / a for a, b in pairs]
    note(f"{theirs.name}, batch {batch}: {statistics.median(ratios):.2f} times as fast")
    row: Row = {
        "rival": theirs.name,
        "batch": batch,
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
    }
    for whose, one, steps in zip(("ours", "theirs"), (mine, theirs), zip(*pairs, strict=True), strict=True):
        parameters, operations = one.size()
        speed = batch / statistics.median(steps)
        row |= {f"{whose} M": parameters, f"{whose} GFLOP": operations, f"{whose} images/s": speed}
        row |= {f"{whose} GFLOP/s": 3 * operations * speed}
    return row


def memory(make: Callable[[], Contestant | None], batch: int) -> float:
    """Millions of bytes that two steps need, network, average and optimiser included, in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(_memory, make, batch).result()


def _memory(make: Callable[[], Contestant], batch: int) -> float:
    warm = make()  # imports
    seconds(warm, 1)
    del warm
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what was freed goes back to the system
    before = _kilobytes("VmRSS") * 1024
    one = make()
    for _ in range(2):
        seconds(one, batch)
    return (_kilobytes("VmHWM") * 1024 - before) / 1e6


def _kilobytes(name: str) -> int:
    """What Linux says of this process: of memory now (VmRSS), or at the most (VmHWM; getrusage's also knows its parent's)."""
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))


def peak(dtype: torch.dtype, n: int = 2048) -> float:
    """Billions of operations a second of a matrix product."""
    a, b = torch.randn(n, n, dtype=dtype), torch.randn(n, n, dtype=dtype)
    times = []
    for _ in range(6):
        started = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - started)
    return 2 * n**3 / min(times) / 1e9


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--batch", type=int, nargs="+", default=[16, 64])
    options.add_argument("--repeats", type=int, default=7, help="pairs of steps")
    chosen = options.parse_args()
    rounds = [(deeper, diffusers)] + ([(shallower, denoising_diffusion_pytorch)] if denoising_diffusion_pytorch() else [])
    rows = []
    for mine, theirs in rounds:
        used = {batch: (memory(mine, batch), memory(theirs, batch)) for batch in chosen.batch}
        one, other = mine(), theirs()
        for batch in chosen.batch:
            own, their = used[batch]
            rows.append(compare(one, other, batch, chosen.repeats) | {"ours MB": own, "theirs MB": their})
    formats = {name: "s" if name == "rival" else "d" if name == "batch" else ".2f" for name in rows[0]}
    formats |= {name: ".0f" for name in formats if name.endswith(("/s", "MB"))}
    notes = [
        "A ratio is their time over ours, the median, lowest and highest of the pairs. M: parameters; GFLOP: of one image forward.",
        f"Matrix products here: {peak(torch.float32):.0f} GFLOP/s in float32, {peak(torch.bfloat16):.0f} in bfloat16.",
    ]
    show([Table("One training step of a U-Net on 32x32 RGB", formats, rows, notes)], f"{chosen.repeats} pairs", chosen.json)


if __name__ == "__main__":
    main()
