"""The page of equations names files, functions and tests: each of them exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "equations.md").read_text()
TESTS = sorted(set(re.findall(r"`(tests/[\w/.]+)::(\w+)`", PAGE)))
PLACES = sorted(set(re.findall(r"`(src/[\w/.]+?\.py)(?::([\w.]+))?`", PAGE)))


def defined(path):
    """Every function, class and method in a file, the methods as Class.method."""
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef))


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_a_test_that_is_named_exists(path, name):
    # Catches a test that was renamed or dropped while the page still leans on it.
    assert name in defined(path)


@pytest.mark.parametrize(("path", "name"), PLACES)
def test_a_place_that_is_named_exists(path, name):
    # Catches a function that has moved to another room.
    assert not name or name in defined(path)


def test_nothing_is_named_in_a_way_that_is_not_checked():
    # Catches a row whose spelling the two patterns above do not see.
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and ("src/" in line or "tests/" in line)]
    assert len(rows) > 50
    assert PAGE.count("tests/") == len(re.findall(r"`tests/[\w/.]+::\w+`", PAGE)) + 1  # this file, in the first paragraph
    assert PAGE.count("src/") == len(re.findall(r"`src/[\w/.]+?\.py(?::[\w.]+)?`", PAGE))
    for row in rows:
        assert row.count("`src/") == row.count("`tests/") == 1, row


def test_the_readmes_python_runs(tmp_path, monkeypatch):
    """Every block of Python in the README, in order, in one namespace. Catches an example that was never typed."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)
    assert namespace["y"].shape == (1000, 2)
    assert (tmp_path / "my-model" / "model.safetensors").is_file()
