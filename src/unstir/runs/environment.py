"""Versions and machine: what can change a result bit for bit, and what else one asks when something looks odd.

The same settings and seed give the same bits where `EXACT` is the same: the version of torch, the number of threads and of processes,
the device and the processor. Elsewhere the result is as good, but its last digits differ. Importing this file needs no torch.

    >>> differences({"torch": "2.12.0", "threads": 2, "device": "cpu", "world_size": 1, "machine": "a"},
    ...             {"torch": "2.13.0", "threads": 2, "device": "cpu", "world_size": 1, "machine": "a"})
    ['torch 2.12.0 then, 2.13.0 here']
"""

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

EXACT = ("torch", "threads", "device", "world_size", "machine")


def environment(device: str) -> dict[str, Any]:
    """Versions, processor, device, number of threads and of processes, as `run.json` keeps them."""
    import numpy as np
    import torch

    from unstir import __version__
    from unstir.training.processes import here

    return {
        "unstir": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.system(),
        "machine": f"{cpu_model()}, {torch.backends.cpu.get_cpu_capability()}",
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "threads": torch.get_num_threads(),
        "world_size": here().count,
    }


def differences(then: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What differs between two environments and can change the bits of a result, a phrase each."""
    return [f"{name} {then.get(name)} then, {here[name]} here" for name in EXACT if then.get(name) != here[name]]


def cpu_model() -> str:
    """The name of this machine's processor."""
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def now() -> str:
    """This moment, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
