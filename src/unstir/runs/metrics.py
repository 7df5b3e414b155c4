"""`metrics.jsonl`: how training went, one JSON object on a line for each logged step.

{"step": 100, "loss": 0.41, "lr": 0.0029, "seconds": 1.7}
{"step": 200, "loss": 0.38, "lr": 0.0028, "seconds": 3.4, "held_out": 0.39, ...}

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as place, Run.create(Path(place) / "r", "r", {"run.json": {}}) as run:
...     Metrics(run).log({"step": 1, "loss": 0.5})
...     read_metrics(run.path)
[{'step': 1, 'loss': 0.5}]
"""

import json
import math
from pathlib import Path
from typing import Any

from unstir.files import storage_errors
from unstir.runs.folder import Run
from unstir.runs.lines import read_lines

METRICS = "metrics.jsonl"


class Metrics:
    """The tracker that is always on. The file is closed after each row, so that a killed process loses at most the last one."""

    def __init__(self, run: Run):
        self.run = run

    def log(self, row: dict[str, Any]) -> None:
        """Append a row. NaN, which means that something was not measured, becomes null."""
        with self.run.still_there(), storage_errors(self.run.path), open(self.run.path / METRICS, "a") as file:
            file.write(json.dumps(_finite(row), allow_nan=False) + "\n")

    def rewind(self, step: int) -> None:
        """Delete the rows after that step, and a last line that was cut off; write nothing where there is nothing to delete."""
        text = "".join(json.dumps(row) + "\n" for row in read_metrics(self.run.path) if row["step"] <= step)
        file = self.run.path / METRICS
        if not file.exists() or file.read_text(errors="replace") != text:
            self.run.write(METRICS, text)

    def close(self) -> None:
        """Nothing is left to write."""


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a run's `metrics.jsonl`, without a last line that a killed process cut off. StorageError where another is damaged."""
    return read_lines(path / METRICS, _row, "a logged step")


def _row(held: Any) -> dict[str, Any]:
    """Raises TypeError or KeyError unless it has a step that is a number."""
    held["step"] + 1
    return held


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
