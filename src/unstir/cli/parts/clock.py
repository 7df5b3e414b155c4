"""When the command began, for a time that is promised for all of it: with the start of Python and everything that it has imported."""

import os
import time
from pathlib import Path


class _Command:
    """The moment on the clock `time.monotonic` at which the command began that is running now; None between two commands."""

    began: float | None = None


def start(typed: bool) -> None:
    """A command begins: with this process if it was `typed`, else now."""
    _Command.began = time.monotonic() - (_age() if typed else 0.0)


def stop() -> None:
    """The command has ended."""
    _Command.began = None


def began() -> float:
    """When the command began, on the clock `time.monotonic`; now where there is none, as in a script that uses parts of it."""
    return time.monotonic() if _Command.began is None else _Command.began


def _age() -> float:
    """Seconds since this process was started, 0 where the system does not say."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        up = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, up - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0
