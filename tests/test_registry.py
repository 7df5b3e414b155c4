"""Tables of parts by name."""

import subprocess
import sys

import pytest

from unstir.errors import UsageError
from unstir.registry import Registry


def test_a_part_is_imported_when_it_is_looked_up_and_not_before():
    # Catches an import when the table is made, or when its names are listed: `--help` lists them.
    program = """
import sys
from unstir.registry import Registry
table = Registry("thing", {"array": "numpy:array"})
assert list(table) == ["array"] and "array" in table and len(table) == 1 and table.names == "array"
assert "numpy" not in sys.modules
assert table["array"]([1]).sum() == 1
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_part_of_ones_own_is_looked_up_like_any_other():
    table = Registry("thing", {"one": 1})
    assert table.add("two", 2) == 2
    assert (table["two"], list(table)) == (2, ["one", "two"])
    table.remove("two")
    assert list(table) == ["one"]


@pytest.mark.parametrize("name", ["one", "no word", "", "a-b", "1a"])
def test_a_name_that_cannot_be_is_refused_and_nothing_is_lost(name):
    # Catches a part that silently takes another's place, and a name that no flag or file could carry.
    table = Registry("thing", {"one": 1})
    with pytest.raises(UsageError, match="thing"):
        table.add(name, 2)
    assert dict(table) == {"one": 1}


@pytest.mark.parametrize("look_up", [lambda table: table["ones"], lambda table: table.remove("ones")])
def test_an_unknown_name_is_an_error_that_suggests_the_nearest(look_up):
    with pytest.raises(UsageError, match=r"unknown thing 'ones': did you mean 'one'\? Known: one, two\."):
        look_up(Registry("thing", {"two": 2, "one": 1}))
