"""The lock of a run folder: one process writes to it at a time.

The lock is on the open file `.lock`, and the kernel releases it when the process ends, however it ends. The file itself stays: deleting
it would let two processes hold "the lock", each on a file of its own. While it is held, it names its holder.
"""

import fcntl
import os
import socket
from pathlib import Path

from unstir.errors import StorageError
from unstir.files import storage_errors
from unstir.runs.environment import now

LOCK = ".lock"


def take_lock(path: Path) -> int:
    """Lock a run folder for this process, and answer the open file that holds the lock. StorageError where another process has it."""
    with storage_errors(path):
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 4096).decode(errors="replace").strip() or "another process"
            os.close(lock)
            raise StorageError(f"{path} is in use by {holder}. Wait until it has ended, or stop it.") from None
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()} on {socket.gethostname()} since {now()}\n".encode())
    return lock


def release_lock(lock: int) -> None:
    """Give the folder free for others."""
    os.ftruncate(lock, 0)
    os.close(lock)


def is_locked(path: Path) -> bool:
    """Whether a process has the lock of a run folder, this process included."""
    try:
        lock = os.open(path / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
