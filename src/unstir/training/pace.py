"""How long a step takes now: the mean of the recent ones, because a machine slows down and speeds up.

>>> pace = Pace(10.0, now=0.0)
>>> for step in range(1, 101): pace.step(now=0.1 * step if step <= 50 else 5 + 0.4 * (step - 50))
>>> pace.seconds                                # of a step, over the last ten seconds: the machine is four times as slow as it was
0.4
"""

import time
from collections import deque

RECENT = 10.0  # seconds, of the steps that the time left is said by


class Pace:
    """How long a step takes: the mean over the last `window` seconds."""

    def __init__(self, window: float, now: float | None = None):
        self.window, self._waited = window, 0.0
        self._ends = deque([time.monotonic() if now is None else now])

    def step(self, now: float | None = None) -> None:
        """A step ends."""
        self._ends.append((time.monotonic() if now is None else now) - self._waited)
        while len(self._ends) > 2 and self._ends[-1] - self._ends[1] >= self.window:
            self._ends.popleft()

    def without(self, seconds: float) -> None:
        """So many seconds since the last step were no part of a step."""
        self._waited += seconds

    @property
    def known(self) -> bool:
        """Whether there was a step."""
        return len(self._ends) > 1

    @property
    def seconds(self) -> float:
        """Of a step; 0 before the first."""
        return (self._ends[-1] - self._ends[0]) / max(1, len(self._ends) - 1)
