"""The tables of names: complete, torch-free, and in step with what they list."""

import subprocess
import sys

import pytest

from unstir.diffusion import registry
from unstir.diffusion.schedules import ready_made, schedule
from unstir.errors import UsageError
from unstir.registry import Registry
from unstir.training.config import Config, flat, resolve

TABLES = {name: table for name, table in vars(registry).items() if isinstance(table, Registry)}


def test_the_names_are_listed_without_torch():
    # `--help` prints them. Catches a table that imports what it lists.
    program = """
import sys
from unstir.diffusion.registry import DISTRIBUTIONS, PAPER, SCHEDULES, TARGETS, WEIGHTS
assert [table.default for table in (SCHEDULES, TARGETS, WEIGHTS)] == ["linear", "edm", "simple"]
assert all(len(list(table)) > 3 for table in (SCHEDULES, TARGETS, WEIGHTS, DISTRIBUTIONS)) and PAPER["T"] == 1000
sys.exit("torch" in sys.modules or "numpy" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_every_row_can_be_looked_up(table):
    # Catches a row that names a function which was moved or renamed, and a default that is no row.
    assert all(callable(part) for part in table.values())
    assert table.default in table


def test_the_defaults_are_those_of_a_run():
    # Catches a default that is changed in one place only.
    diffusion = Config().diffusion
    chosen = (registry.SCHEDULES.default, registry.TARGETS.default, registry.WEIGHTS.default)
    assert chosen == (diffusion.schedule, diffusion.target, diffusion.loss)


def test_the_papers_recipe_is_a_run_of_ho_et_al():
    # Ho et al. 2020, section 4: T = 1000, beta from 1e-4 to 0.02. Catches a recipe with a setting that no run takes.
    diffusion = resolve(flat(**registry.PAPER)).diffusion
    s = schedule(diffusion.schedule, T=diffusion.T)
    assert (s.T, s.betas[0], s.betas[-1]) == (1000, 1e-4, 0.02)
    assert (diffusion.target, diffusion.loss, diffusion.times) == ("eps", "simple", "chain")


def test_a_name_alone_makes_every_schedule_but_the_chain_of_given_betas():
    # Catches a list that is written out, which a schedule of one's own would not be on.
    assert list(ready_made()) == [name for name in registry.SCHEDULES if name != "chain"]
    registry.SCHEDULES.add("mine", lambda power=2.0: schedule("flow"))  # noqa: ARG005
    try:
        assert "mine" in ready_made()
    finally:
        registry.SCHEDULES.remove("mine")


def test_a_schedule_of_ones_own_is_used_as_it_is():
    # Catches settings that are silently dropped.
    flow = schedule("flow")
    assert schedule(flow) is flow
    with pytest.raises(UsageError, match="settings go with the name of a schedule"):
        schedule(flow, T=100)
    with pytest.raises(UsageError, match="or a Schedule of your own"):
        schedule(3)
