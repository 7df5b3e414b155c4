"""Trackers: what is told to them, and that there is always one that writes `metrics.jsonl`."""

import subprocess
import sys

import pytest

from unstir.data import toy
from unstir.errors import UsageError
from unstir.runs.checkpoints import newest_checkpoint
from unstir.runs.folder import Run
from unstir.runs.metrics import read_metrics
from unstir.runs.record import Recording
from unstir.runs.trackers import TRACKERS
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.presets import settle


@pytest.fixture
def fitting():
    data = toy("moons", 100, seed=1)
    return Fitting(data, settle(data, flat(width=8, depth=1, batch_size=16, steps=6)))


@pytest.fixture
def told():
    """What a tracker of the test's own was told, in order: it is known as "mine" while the test runs."""
    events = []

    class Mine:
        def __init__(self, run):
            events.append(("made", run.path.name))

        def log(self, row):
            events.append(("log", row))

        def rewind(self, step):
            events.append(("rewind", step))

        def close(self):
            events.append(("close",))

    TRACKERS.add("mine", Mine)
    yield events
    TRACKERS.remove("mine")


def begun(folder):
    return Run.create(folder, "r", {"run.json": {"status": "running"}})


def test_a_tracker_of_ones_own_is_told_every_row_and_the_end_beside_metrics_jsonl(tmp_path, fitting, told):
    # Catches one that is told in place of metrics.jsonl, a row that is lost, and one that is never closed.
    with begun(tmp_path / "r") as run:
        for _ in Recording(run, fitting, ["mine"]).steps():
            assert told[-1][0] == "log"
    assert told == [("made", "r"), *(("log", row) for row in read_metrics(run.path)), ("close",)]
    assert [row["step"] for row in read_metrics(run.path)] == list(range(1, 7))


def test_a_tracker_is_closed_when_training_is_stopped_and_rewound_when_it_goes_on(tmp_path, fitting, told):
    # Catches an adapter whose last rows stay in memory, and rows 4 and 5 that it is told twice without a warning.
    with begun(tmp_path / "r") as run:
        recording = Recording(run, fitting, ["mine"])
        steps = recording.steps()
        for step in steps:
            if step.number == 3:
                recording.save()
            if step.number == 5:
                break
        steps.close()
        assert told[-1] == ("close",)
        assert newest_checkpoint(run).document["step"] == 3
        told.clear()
        again = Recording(run, fitting, ["mine"])
        again.restore()
        assert told == [("made", "r"), ("rewind", 3)]
        assert [row["step"] for row in read_metrics(run.path)] == [1, 2, 3]


def test_metrics_jsonl_is_the_tracker_that_is_always_on(tmp_path, fitting):
    # Catches rows that are written twice where it is also asked for by name, and an unknown name that is passed over.
    with begun(tmp_path / "r") as run:
        list(Recording(run, fitting, [TRACKERS.default]).steps())
        assert len(read_metrics(run.path)) == 6
        with pytest.raises(UsageError, match="unknown tracker 'metrix': did you mean 'metrics'"):
            Recording(run, fitting, ["metrix"])


@pytest.mark.parametrize("module", ["trackers", "environment"])
def test_what_help_and_doctor_need_costs_no_torch(module):
    # `--help` lists trackers, and `unstir doctor` names the processor where torch is broken. Catches an import at the top.
    program = f"import sys, unstir.runs.{module}; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
