"""Signals: Ctrl-C, a terminal that closes, and those by which a scheduler takes a machine back.

    outside training    SIGINT, SIGTERM, SIGHUP, SIGUSR1 stop at once
    while training      the first ends the step, writes a checkpoint and stops; a second stops at once
    whatever runs       a signal that nothing has answered after `LONGEST` seconds stops at once, too                        (1)

Python hears a signal only between two of its own instructions, and one call of a library may take minutes: a convolution, a sort. So
another thread waits for the answer. In (1) it sends the signal again, as a person would; if even that is not heard it writes into
`run.json` that the run was stopped, and ends the process. Then the last checkpoint is what is left, as after `kill -9`.

Exit code 130 for Ctrl-C, 143 for the others: SIGUSR1 is how SLURM says that the time is nearly over. SIGHUP does nothing under `nohup`.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from unstir.errors import Stopped

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143, signal.SIGUSR1: 143}
LONGEST = 8.0  # seconds that a step, or a call of a library, may still take after a signal
AT_LAST = 1.0  # more seconds until the process ends where nothing else has worked


class Asked:
    """Whether a signal has asked to stop: its name and exit code, once it has."""

    name: str = ""
    code: int = 0

    def answer(self) -> None:
        """Whoever has read `code` is about to stop, and may take the time that it needs for that."""
        _watch.answered = True


class Watch:
    """What the thread of (1) has to know: whether the signal was answered, and what to leave behind if it never is."""

    answered = False
    last_words: Callable[[str], str] | None = None


_watch = Watch()


@contextmanager
def prompt() -> Iterator[None]:
    """Inside the block each signal raises Stopped where it arrives, or ends the process by (1)."""
    with _handled(_stop), _watched():
        yield


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


@contextmanager
def last_words(write: Callable[[str], str]) -> Iterator[None]:
    """Inside the block, `write` is called with the reason before the process is ended by (1); what it answers is said on stderr."""
    before, _watch.last_words = _watch.last_words, write
    try:
        yield
    finally:
        _watch.last_words = before


def _stop(number: int, frame: Any) -> None:  # noqa: ARG001
    _watch.answered = True
    raise Stopped(f"stopped by {signal.Signals(number).name}.", CODES[signal.Signals(number)])


@contextmanager
def _handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # which alone hears signals
        yield
        return
    heard = [n for n in CODES if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def _watched() -> Iterator[None]:
    """Inside the block a thread sees to (1). Python tells it of a signal through a pipe, whatever the main thread is doing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _watch.answered = False
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reading, threading.get_ident()), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)


def _wait(reading: int, main: int) -> None:
    """The thread of (1): ends when the other end of the pipe is closed."""
    try:
        while said := os.read(reading, 1):
            if said[0] not in {int(n) for n in CODES} or _ended(reading, LONGEST):
                continue
            signal.pthread_kill(main, said[0])
            if not _ended(reading, AT_LAST):
                _end(signal.Signals(said[0]))
    finally:
        os.close(reading)


def _ended(reading: int, seconds: float) -> bool:
    """Whether the signal is answered, or the block ends, within so many seconds."""
    until = time.monotonic() + seconds
    while not _watch.answered and (left := until - time.monotonic()) > 0:
        if select.select([reading], [], [], min(left, 0.1))[0] and not os.read(reading, 1):
            return True
    return _watch.answered


def _end(number: signal.Signals) -> None:
    said = f"stopped by {number.name}, in the middle of something that could not be interrupted."
    with suppress(Exception):  # a full disk, or a folder that has gone
        said = _watch.last_words(said) if _watch.last_words else said
    with suppress(OSError):
        if select.select([], [2], [], 0)[1]:  # the main thread may hold sys.stderr
            os.write(2, f"{said}\n".encode(errors="replace"))
    os._exit(CODES[number])
