"""Memory and time of training a transformer in one process, in two that hold all of it each, and in two that share it out.

A few steps through `unstir.training.fitting`, as `torchrun -m unstir train` takes them, in float32, one thread a process.
Memory is the most that a process takes, by Linux's own count, above what it had before the network was made: weights, average and
the optimiser's two moments are 16 bytes a weight, gradients 4 more.
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import torch

from report import Row, Table, note, parser, show
from unstir.data import from_arrays
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.presets import settle
from unstir.training.processes import here, joined

SURROUNDINGS = {"OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}  # the second: what is freed goes back to the system
COUNTED = 3  # steps that come after the first, which makes the moments


def train(width: int, depth: int, sharding: str, place: Path) -> None:
    """One process of several, or alone: writes what it took."""
    torch.set_num_threads(1)
    data = from_arrays(torch.randn(100, 16, 16, generator=torch.Generator().manual_seed(0)).numpy())
    with joined() if "RANK" in os.environ else nullcontext():
        before = _kilobytes("VmRSS")
        settings = flat(steps=COUNTED + 1, batch_size=8, architecture="dit", width=width, depth=depth, sharding=sharding)
        fitting = Fitting(data, settle(data, settings))
        ends = [time.perf_counter() for _ in fitting.steps()]
        took = {"seconds": statistics.median(b - a for a, b in itertools.pairwise(ends))}
        took["bytes"] = (_kilobytes("VmHWM") - before) * 1024
        took["weights"] = sum(w.numel() for w in fitting.state.weights)
        (place / f"{here().rank}.json").write_text(json.dumps(took))


def measure(width: int, depth: int, sharding: str, processes: int) -> Row:
    """Of training in so many processes: the slowest, and the largest."""
    note(f"{processes} processes, sharding {sharding}")
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)] if processes > 1 else []
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, *start, __file__, "--width", str(width), "--depth", str(depth), "--role", sharding, place]
        subprocess.run(command, check=True, env=os.environ | SURROUNDINGS)
        found = [json.loads(file.read_text()) for file in Path(place).iterdir()]
    most, weights = max(one["bytes"] for one in found), found[0]["weights"]
    return {
        "processes": processes,
        "sharding": sharding,
        "M weights": weights / 1e6,
        "MB a process": most / 1e6,
        "bytes a weight": most / weights,
        "s a step": max(one["seconds"] for one in found),
    }


def _kilobytes(name: str) -> int:
    """What Linux says of this process: of memory now (VmRSS), or at the most (VmHWM)."""
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--width", type=int, default=1024)
    options.add_argument("--depth", type=int, default=16, help="blocks")
    options.add_argument("--role", nargs=2, metavar=("SHARDING", "FOLDER"), help="be one of the processes")
    chosen = options.parse_args()
    if chosen.role:
        train(chosen.width, chosen.depth, chosen.role[0], Path(chosen.role[1]))
        return
    kinds = (("none", 1), ("none", 2), ("full", 2))
    rows = [measure(chosen.width, chosen.depth, *kind) for kind in kinds]
    formats = {"processes": "d", "sharding": "s", "M weights": ".1f", "MB a process": ",.0f"}
    formats |= {"bytes a weight": ".1f", "s a step": ".2f"}
    title = f"Training a DiT of width {chosen.width} and {chosen.depth} blocks, batches of 8 images of 16x16"
    show([Table(title, formats, rows, [])], f"the median of {COUNTED} steps", chosen.json)


if __name__ == "__main__":
    main()
