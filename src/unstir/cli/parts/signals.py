"""Signals: Ctrl-C, and those by which a scheduler takes a machine back.

    outside training    SIGINT, SIGTERM, SIGUSR1 stop at once
    while training      the first ends the step, writes a checkpoint and stops; a second stops at once

Exit code 130 for Ctrl-C, 143 for the others: SIGUSR1 is how SLURM says that the time is nearly over.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from unstir.errors import Stopped

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGUSR1: 143}


class Asked:
    """Whether a signal has asked to stop: its name and exit code, once it has."""

    name: str = ""
    code: int = 0


def prompt() -> AbstractContextManager[None]:
    """Inside the block each signal raises Stopped where it arrives."""
    return _handled(_stop)


@contextmanager
def patient(again: float = 0.0) -> Iterator[Asked]:
    """Inside the block the first signal is only noted, for the loop to see; the second, `again` seconds later, raises Stopped."""
    asked, first = Asked(), 0.0

    def note(number: int, frame: Any) -> None:
        nonlocal first
        if asked.name:
            if time.monotonic() - first >= again:
                _stop(number, frame)
            return
        first = time.monotonic()
        asked.name, asked.code = signal.Signals(number).name, CODES[signal.Signals(number)]

    with _handled(note):
        yield asked


def _stop(number: int, frame: Any) -> None:  # noqa: ARG001
    raise Stopped(f"stopped by {signal.Signals(number).name}.", CODES[signal.Signals(number)])


@contextmanager
def _handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # which alone hears signals
        yield
        return
    before = {number: signal.signal(number, handler) for number in CODES}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
