"""`plan.jsonl`: how the end of a run that has a time was moved, one JSON object on a line for each decision.

{"after": 120, "steps": 950, "spent": 31.2, "step": 0.018}

A decision depends on clocks. A resumed run repeats those that it took before it was stopped, so it is the same run to the bit; only from
where it had come to, it takes new ones.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as place, Run.create(Path(place) / "r", "r", {"run.json": {}}) as run:
...     append(run, Decision(120, 950, 31.2, 0.018))
...     read_plan(run.path)
[Decision(after=120, steps=950, spent=31.2, step=0.018)]
"""

import json
from pathlib import Path
from typing import Any

from unstir.files import storage_errors
from unstir.runs.folder import Run
from unstir.runs.lines import read_lines
from unstir.training.recipe import Decision

PLAN = "plan.jsonl"


def append(run: Run, decision: Decision) -> None:
    """Add a decision, before the next step is taken."""
    with run.still_there(), storage_errors(run.path):
        text = (run.path / PLAN).read_bytes() if (run.path / PLAN).exists() else b""
        whole = text[: text.rfind(b"\n") + 1]  # without a last line that a killed process cut off
        if whole != text:
            run.write(PLAN, whole.decode())
        with open(run.path / PLAN, "a") as file:
            file.write(json.dumps(decision._asdict()) + "\n")


def read_plan(path: Path) -> list[Decision]:
    """The decisions of a run, without a last line that a killed process cut off. StorageError if another line is damaged."""
    return read_lines(path / PLAN, _decision, "a decision of a plan")


def _decision(held: Any) -> Decision:
    """Raises TypeError unless the entries are those of a decision, and its steps are numbers."""
    found = Decision(**held)
    found.after + found.steps + 1
    return found
