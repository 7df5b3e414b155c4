"""Models in forked processes, as `multiprocessing` starts them on Linux and `os.fork` does everywhere.

A forked process has only the thread that forked. If torch has started the others before, it waits in the new process for threads that are
not there, for ever, as soon as something is large enough to be shared out. So torch computes with one thread in such a process, as
it does in the workers of its own DataLoader. A process that was forked before torch had started its threads keeps their number.
"""

import os
from contextlib import suppress

import torch


def _threads() -> int | None:
    """The threads of this process; None where the system does not say."""
    with suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return None


class Forking:
    """How many threads there were when torch had just been imported, and whether there were more when the process was forked."""

    at_first = _threads()
    started = False


def _before() -> None:
    now = _threads()
    Forking.started = now is None or Forking.at_first is None or now > Forking.at_first


def _in_child() -> None:
    if Forking.started:
        torch.set_num_threads(1)


os.register_at_fork(before=_before, after_in_child=_in_child)
