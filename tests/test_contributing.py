"""What CONTRIBUTING says is so: files that are there, the levels that are checked, and two walks that really go that way."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import unstir
from commands import run

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "unstir"
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
WALKS = [re.findall(r"`([\w/]+\.py)`", walk) for walk in re.findall(r"((?:^\d\. `.*\n)+)", TEXT, re.MULTILINE)]


def test_every_file_that_is_named_is_there():
    # Catches a file that was moved or renamed. NAME stands for the one to be written.
    named = {path for path in re.findall(r"`([\w/]+\.py)`", TEXT) if "NAME" not in path} - {"__init__.py"}
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).is_file() and not (SOURCE / path).is_file()] == []


def test_the_levels_are_those_that_are_checked():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    levels = [set(re.findall(r"\w+", level)) for level in contract["layers"]]
    told = re.findall(r"^\| (\d+) \| ([^|]*) \|", TEXT, re.MULTILINE)
    assert [int(number) for number, _ in told] == list(range(len(levels), 0, -1))
    assert [set(re.findall(r"\w+", names)) for _, names in told] == levels


@pytest.fixture
def entered():
    """The files whose functions are called, from now on."""
    found = set()

    def trace(frame, event, argument):  # noqa: ARG001
        if frame.f_code.co_name != "<module>":
            found.add(frame.f_code.co_filename)

    before = sys.gettrace()
    sys.settrace(trace)
    yield found
    sys.settrace(before)


def test_the_walks_go_that_way(entered, tmp_path):
    # Catches a file that is on the page for what it once did.
    assert [len(walk) for walk in WALKS] == [9, 9]
    model = unstir.fit(np.random.default_rng(0).normal(size=(50, 2)), steps=2, width=8, progress=False)
    assert [file for file in WALKS[0] if str(SOURCE / file) not in entered] == []
    model.save(tmp_path / "m")
    entered.clear()
    assert run("sample", tmp_path / "m", "-n", "3", "-o", tmp_path / "x.csv")[0] == 0
    assert [file for file in WALKS[1] if str(SOURCE / file) not in entered] == []
