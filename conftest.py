"""One thread a test process: the tests are many and small, and two spinning threads slow each other down on a busy machine."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch; the processes that tests start inherit it
