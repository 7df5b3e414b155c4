"""What `unstir doctor` looks at: packages, machine, threads, devices, speed, disk. Each answers findings; nothing is left behind.

A finding is `ok`, a `note` that a person may act on, or `broken`: then nothing can be trained.
"""

import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from unstir.devices import multiplies_bfloat16
from unstir.runs.environment import cpu_model

OK, NOTE, BROKEN = "ok", "note", "broken"
SIZE, ON_GPU = 1024, 8192  # of the square matrices that are multiplied, on the CPU and on a GPU
TRAINED = 1.0  # seconds of training
LITTLE_DISK, LITTLE_MEMORY = 2**30, 2**30  # bytes
REQUIREMENT = re.compile(r"([A-Za-z0-9_.\-]+)(?:.*?>=\s*([\d.]+))?.*?(?:extra\s*==\s*['\"](\w+)['\"])?$")


class Finding(NamedTuple):
    """A line: what was looked at, what was found, its state, what to do about it, and the number or text for programs."""

    subject: str
    found: str
    state: str = OK
    way_on: str = ""
    value: Any = None


class Requirement(NamedTuple):
    """A package that unstir asks for: its name, the lowest version, and the extra that asks, "" for unstir itself."""

    name: str
    lowest: str
    extra: str


def packages() -> Iterator[Finding]:
    """Python, unstir, everything it needs, and what the extras would add."""
    lowest = metadata.metadata("unstir")["Requires-Python"].removeprefix(">=")
    python = platform.python_version()
    yield _version("python", python, lowest, f"Install Python {lowest} or later.")
    yield Finding("unstir", metadata.version("unstir"), value=metadata.version("unstir"))
    asked = [requirement(line) for line in metadata.requires("unstir") or []]
    for name, lowest, extra in asked:
        if not extra:
            yield _version(name, _installed(name), lowest, f"python -m pip install '{name}>={lowest}'")
    for extra in dict.fromkeys(each.extra for each in asked if each.extra):
        absent = [each.name for each in asked if each.extra == extra and _installed(each.name) is None]
        if absent:
            found = f"not installed: {', '.join(absent)}; optional, for {EXTRAS.get(extra, 'this extra')}"
            yield Finding(f"extra '{extra}'", found, way_on=f"python -m pip install 'unstir[{extra}]'", value=absent)
        else:
            yield Finding(f"extra '{extra}'", "complete", value=[])


EXTRAS = {"dev": "the tests and the style of the source", "bench": "comparisons with other libraries"}


def requirement(line: str) -> Requirement:
    """A line of the package's metadata.

    >>> requirement("torch>=2.7"), requirement('diffusers>=0.35; extra == "bench"')
    (Requirement(name='torch', lowest='2.7', extra=''), Requirement(name='diffusers', lowest='0.35', extra='bench'))
    """
    name, lowest, extra = REQUIREMENT.match(line).groups(default="")  # pyrefly: ignore
    return Requirement(name, lowest, extra)


def machine() -> Iterator[Finding]:
    """Platform, processor, memory."""
    yield Finding("platform", f"{platform.system()} {platform.release()}, {platform.machine()}", value=platform.platform())
    model = cpu_model()
    yield Finding("processor", f"{model}, {os.cpu_count()} cores, {usable_cores():g} of them for this process", value=model)
    total, free = memory()
    little = free is not None and free < LITTLE_MEMORY
    found = "unknown" if total is None or free is None else f"{_size(free)} free of {_size(total)}"
    way_on = "Close other programs, or train with a smaller --batch-size and --network.width." if little else ""
    yield Finding("memory", found, NOTE if little else OK, way_on, free)


def threads() -> Iterator[Finding]:
    """How many threads torch computes with, beside how many there are cores for, and what a small step takes with them and with one."""
    import torch

    from unstir.training.threads import compared
    from unstir.words import counted

    used, cores = torch.get_num_threads(), usable_cores()
    asked = {name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ}
    said = "".join(f", {name}={value}" for name, value in asked.items())
    found, state, way_on = f"{used} for {cores:g} cores{said}", OK, ""
    if used > cores:
        state, way_on = NOTE, f"More threads than cores slow training down: export OMP_NUM_THREADS={max(1, int(cores))}"
    elif asked and used < cores:
        state, way_on = NOTE, f"Some cores stay unused: unset {' '.join(asked)} unless other programs need them."
    yield Finding("threads", found, state, way_on, used)
    if used > 1:
        took = compared(small_step(), used)
        found = ", ".join(f"{1000 * took[number]:.2g} ms with {counted(number, 'thread')}" for number in sorted(took))
        what = f"{found}; train and sample take what is quicker for their network"
        yield Finding("a small step", what, value={str(number): took[number] for number in took})


def small_step() -> Callable[[], Any]:
    """A training step of a small network, to see what threads are worth on this machine now."""
    import torch

    from unstir.networks.mlp import MLP

    network, x = MLP(2), torch.zeros(256, 2)
    return lambda: network(x, torch.ones(1), None).square().mean().backward()


def devices() -> Iterator[Finding]:
    """Accelerators that torch can use, and one that is there though torch cannot use it."""
    import torch

    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(i)
            found = f"{about.name}, {_size(about.total_memory)}"
            try:
                dtype = torch.bfloat16 if multiplies_bfloat16(torch.device("cuda", i)) else torch.float32
                rate = on_gpu(i, dtype) / 1e12
            except RuntimeError as error:
                why = str(error).split("\n")[0]
                yield Finding(
                    f"cuda:{i}", f"{found}, but it cannot be used: {why}", NOTE, "Compute on another device: --device cpu."
                )
                continue
            said = f"{found}, {rate:,.0f} TFLOP/s in {str(dtype).removeprefix('torch.')}, measured"
            yield Finding(
                f"cuda:{i}", said, value={"name": about.name, "tflops": rate, "dtype": str(dtype).removeprefix("torch.")}
            )
    elif shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists():
        why = "this torch is built for the CPU" if torch.version.cuda is None else "torch cannot use its driver"
        yield Finding(
            "cuda",
            f"a GPU is there, but {why}",
            NOTE,
            "Install the build of torch for this GPU: https://pytorch.org/get-started.",
        )
    else:
        yield Finding("cuda", "none; not needed for points and tables", value=False)
    if torch.backends.mps.is_available():
        yield Finding("mps", "Apple's GPU: --device mps", value=True)


def on_gpu(number: int, dtype: Any) -> float:
    """Operations a second in products of large square matrices on a GPU: the most that any network can reach on it."""
    import torch

    a = torch.ones(ON_GPU, ON_GPU, device=f"cuda:{number}", dtype=dtype)
    spent = []
    for _ in range(8):
        torch.cuda.synchronize(number)
        started = time.perf_counter()
        _ = a @ a
        torch.cuda.synchronize(number)
        spent.append(time.perf_counter() - started)
    return 2 * ON_GPU**3 / min(spent)


def speed() -> Iterator[Finding]:
    """A matrix product, and a second of training on a toy, both measured now."""
    import torch

    a = torch.eye(SIZE) * 2
    spent = []
    while sum(spent) < 0.2 or len(spent) < 3:
        started = time.perf_counter()
        product = a @ a
        spent.append(time.perf_counter() - started)
    rate = 2 * SIZE**3 / min(spent) / 1e9
    if not torch.equal(product, torch.eye(SIZE) * 4):
        yield Finding("matrix product", "wrong numbers", BROKEN, "Install torch anew; then look at the machine's memory.")
        return
    yield Finding("matrix product", f"{rate:,.0f} GFLOP/s, float32 on the CPU", value=rate)
    yield _training()


def _training() -> Finding:
    from unstir.data import toy
    from unstir.errors import UnstirError
    from unstir.training.cost import rehearse
    from unstir.training.fitting import Fitting
    from unstir.training.presets import settle

    data = toy("moons", 2000, seed=0)
    try:
        fitting = Fitting(data, settle(data))
        rate = 1 / rehearse(fitting, TRAINED).step
    except (UnstirError, RuntimeError) as error:
        return Finding("training", f"failed: {error}", BROKEN, "Run `unstir selfcheck`, and tell us what it says.")
    batch = fitting.recipe.batch_size
    return Finding("training", f"{rate:,.0f} steps of {batch} a second, default network, on {fitting.device}", value=rate)


def disk() -> Iterator[Finding]:
    """How much space is free, and whether one may write into this folder."""
    free = shutil.disk_usage(".").free
    little = free < LITTLE_DISK
    yield Finding(
        "disk",
        f"{_size(free)} free here",
        NOTE if little else OK,
        "Delete something, or choose --out elsewhere." if little else "",
        free,
    )
    try:
        with tempfile.TemporaryFile(dir="."):
            pass
        yield Finding("this folder", "can be written to", value=True)
    except OSError as error:
        yield Finding("this folder", f"cannot be written to ({error.strerror})", NOTE, "Choose --out elsewhere.", False)


def usable_cores() -> float:
    """The cores this process may use: its affinity, or less where a container has a quota."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _first_line("/sys/fs/cgroup/cpu.max").split()
    return min(affinity, int(quota[0]) / int(quota[1])) if len(quota) == 2 and quota[0].isdigit() else affinity


def memory() -> tuple[int | None, int | None]:
    """Bytes in all and bytes free, of the machine, or of the container where that is less; None where they are not known."""
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        total, free = (int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return None, None
    limit, used = (_first_line(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit.isdigit() and used.isdigit():
        return min(total, int(limit)), min(free, int(limit) - int(used))
    return total, free


def _version(name: str, version: str | None, lowest: str, way_on: str) -> Finding:
    if version is None:
        return Finding(name, "not installed", BROKEN, way_on)
    if _numbers(version) < _numbers(lowest):
        return Finding(name, f"{version}, older than {lowest}", BROKEN, way_on, version)
    return Finding(name, version, value=version)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().split("\n")[0]
    except OSError:
        return ""


def _size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
