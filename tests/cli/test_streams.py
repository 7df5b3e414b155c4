"""Commands whose stdout or stderr is closed, full, or has no reader; widths that cannot be; times that never end."""

import errno
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest

import unstir
from commands import TINY, refused, run
from unstir.cli import main
from unstir.cli.parts import comparing
from unstir.errors import Stopped, UsageError


class Full(io.StringIO):
    """A stream that takes `room` characters, and then fails for ever."""

    def __init__(self, error=None, room=0):
        super().__init__()
        self.error, self.room = error or OSError(errno.ENOSPC, "No space left on device"), room

    def write(self, text):
        self.room -= len(text)
        if self.room < 0:
            raise self.error
        return super().write(text)


GONE = BrokenPipeError(errno.EPIPE, "Broken pipe")


def code_of(arguments, out, err):
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code or 0


@pytest.mark.usefixtures("undrawn", "brief")
@pytest.mark.parametrize(
    ("code", "out", "err"),
    [
        (0, io.StringIO(), Full(GONE)),
        (0, io.StringIO(), None),
        (0, Full(GONE), Full(GONE, room=100)),
        (5, Full(), io.StringIO()),
        (5, Full(OSError(errno.EIO, "Input/output error")), Full()),
    ],
)
def test_training_goes_on_without_its_readers(files, tmp_path, code, out, err):
    """A log is a courtesy, an answer is not. Catches a run that is stopped with exit code 0, and "running" for ever."""
    assert code_of(["train", files / "points.npy", "-o", tmp_path / "r", "--steps", "3", *TINY], out, err) == code
    assert json.loads((tmp_path / "r" / "run.json").read_text())["status"] == "finished"
    assert (tmp_path / "r" / "model").is_dir()
    if type(out) is io.StringIO:
        assert out.getvalue() == f"{tmp_path / 'r'}\n"
    if type(err) is io.StringIO:
        line = "error: the answer could not be written to stdout: No space left on device. What the command wrote into files is complete."
        assert err.getvalue().splitlines()[-1] == line


@pytest.mark.parametrize("command", ["inspect", "sample", "evaluate", "doctor", "--help"])
def test_an_answer_that_is_lost_is_exit_code_5_whatever_the_command(trained, files, tmp_path, command, monkeypatch):
    # Catches one command that was forgotten, and a table that is printed half.
    monkeypatch.setattr("unstir.cli.parts.machine.speed", lambda: iter(()))
    more = {
        "inspect": [files / "points.csv", "--data.labels", "kind"],
        "sample": [trained[3], "-n", "5", "--steps", "2", "-o", tmp_path / "x.npy"],
        "evaluate": [trained[3], "-n", "20", "--steps", "2"],
    }.get(command, [])
    err = io.StringIO()
    assert code_of([command, *more], Full(room=10), err) == 5
    assert err.getvalue().splitlines()[-1].startswith("error: the answer could not be written to stdout")
    assert command != "sample" or np.load(tmp_path / "x.npy").shape == (5, 2)
    if command != "report":  # its page takes a second
        assert (
            code_of([command, *[m if m != tmp_path / "x.npy" else tmp_path / "y.npy" for m in more]], Full(GONE), io.StringIO())
            == 0
        )


def test_a_process_without_streams_trains_to_its_end(files, tmp_path):
    # Closed before Python starts, which then has None in place of streams, and gives their numbers to files.
    steps = "-o r --steps 3 --network.width 8 --network.depth 1 --batch-size 32"
    command = f"'{sys.executable}' -m unstir train '{files / 'points.npy'}' {steps} <&- >&- 2>&-"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 5
    assert json.loads((tmp_path / "r" / "run.json").read_text())["status"] == "finished"
    assert unstir.load(tmp_path / "r").sample(2, steps=2).shape == (2, 2)


@pytest.mark.parametrize("columns", ["0", "1", "abc", "9" * 30])
def test_a_width_that_cannot_be_is_no_width(columns, monkeypatch):
    # Catches "invalid width 0", help that never ends, and a variable that is changed for the programs that follow.
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("LINES", "0")
    code, out, err = run("train", "--help")
    assert (code, err) == (0, "")
    assert out.count("\n") < 300
    assert max(map(len, out.splitlines())) < 200
    assert (os.environ["COLUMNS"], os.environ["LINES"]) == (columns, "0")


@pytest.mark.parametrize("minutes", ["inf", "-inf", "nan", "0", "-1", "1e300", "1e6"])
def test_a_time_that_never_ends_is_refused(minutes, files, tmp_path):
    # Catches an OverflowError that is called a bug, and a plan of more steps than there can be.
    refused(2, "of a year at most", "train", files / "points.npy", "-o", tmp_path / "r", "--minutes", minutes)
    assert not (tmp_path / "r").exists()
    with pytest.raises(UsageError, match="of a year at most"):
        unstir.fit(np.zeros((50, 2)), minutes=float(minutes))


def test_signs_that_the_terminal_does_not_have_do_not_end_a_table(trained):
    under = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert code_of(["evaluate", trained[3], "-n", "20", "--steps", "2"], under, io.StringIO()) == 0
    under.flush()
    assert b"+-" in under.buffer.getvalue()


def test_quiet_leaves_out_progress_and_no_warning(files, tmp_path, monkeypatch):
    # Catches a warning that only those see who do not need it: in a script, --quiet and --json are usual.
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 2)) * [0, 1])
    _, _, err = run("train", tmp_path / "x.npy", "--dry-run", "--quiet", "--json", *TINY)
    assert err.splitlines() == ["warning: column 0 is always 0. There is nothing to learn: samples repeat the value exactly."]

    def stop(*_):
        raise Stopped("stopped by SIGTERM.", 143)

    monkeypatch.setattr(comparing, "train_all", stop)
    _, _, err = run("compare", "schedules", files / "points.npy", "--seeds", "2", "--quiet", "-o", tmp_path / "c", *TINY)
    assert "warning: with 2 seeds" in err
    assert json.loads((tmp_path / "c" / "run.json").read_text())["status"] == "stopped"
    _, _, err = run(
        "train", files / "points.npy", "--diffusion.coupling", "optimal_transport", "--batch-size", "600", "--dry-run"
    )
    assert "warning: a batch of 600 rows is paired with its noise in 2 parts of at most 512 rows" in err
