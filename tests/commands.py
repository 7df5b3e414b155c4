"""The command line as tests use it: in this process, or in one of its own."""

import contextlib
import io
import subprocess
import sys

import pytest

from unstir.cli import main

FIGURES = {"forward", "loss_by_time", "samples", "schedules", "trajectories", "training"}
PNG = b"\x89PNG\r\n\x1a\n"
TINY = ("--network.width", "8", "--network.depth", "1", "--batch-size", "32")


def run(*arguments):
    """Exit code, stdout and stderr of a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code or 0, out.getvalue(), err.getvalue()


def process(*arguments, **settings):
    """A command in a process of its own."""
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False, **settings)


def refused(code, said, *arguments):
    """The command ends with that code and one line that says so on stderr, last; stdout stays empty and no traceback is shown."""
    found, out, err = run(*arguments)
    lines = err.splitlines()
    assert found == code, err
    assert out == ""
    assert "Traceback" not in err
    assert [line.startswith("error: ") for line in lines] == [False] * (len(lines) - 1) + [True], err
    assert said in lines[-1], err
    return lines[-1]


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def is_png(path):
    """A whole picture of some size."""
    content = path.read_bytes()
    return content.startswith(PNG) and content.endswith(b"IEND\xaeB`\x82") and len(content) > 5000
