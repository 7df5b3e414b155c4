"""Models in forked processes, as `multiprocessing` starts them on Linux and `os.fork` does everywhere.

A forked process has only the thread that forked. If torch has started the others before, it waits in the new process for threads that are
not there, for ever, as soon as something is large enough to be shared out. So torch computes with one thread in such a process, as
it does in the workers of its own DataLoader. A process that was forked before torch had started its threads keeps their number.
"""

import os
from contextlib import suppress

import torch


def threads() -> int | None:
    """The threads of this process; None where the system does not say."""
    with suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return None


class Started:
    """Whether torch may have started its threads: there are more than when it had just been imported, or than after the last fork."""

    at_first = threads()
    yes = at_first is None


def _before() -> None:
    Started.yes = Started.yes or (threads() or 0) > (Started.at_first or 0)


def _in_parent() -> None:
    if not Started.yes:  # numpy ends its own threads for a fork, and starts them again when it needs them
        Started.at_first = threads()


def _in_child() -> None:
    if Started.yes:
        torch.set_num_threads(1)


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
