"""Models in forked processes."""

import os
import subprocess
import sys

# Two threads of torch, which do not exist in a process that is forked after they were started.
FORKS = """
import os, signal, sys
import numpy as np, torch, unstir
from unstir.model.model import Model

def child(work):
    sys.stdout.flush()
    number = os.fork()
    if number == 0:
        signal.alarm(60)  # ends a process that hangs
        print(work(), torch.get_num_threads(), flush=True)
        os._exit(0)
    return os.waitpid(number, 0)[1]

big = torch.rand(2_000_000)
assert child(lambda: "before") == 0
big.exp().sum()  # starts the threads
assert child(lambda: f"after {big.exp().sum() > 0}") == 0
print("parent", torch.get_num_threads())
"""


def test_a_forked_process_computes():
    """`multiprocessing` forks on Linux. Catches a process that waits for ever for threads that are not there."""
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", FORKS], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["before 2", "after True 1", "parent 2"]
