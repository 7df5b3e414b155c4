"""The public names: what `import unstir` offers, what it costs, and that each name is what its package says."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import unstir

ROOT = Path(unstir.__file__).parent
PACKAGES = [f"unstir.{found.name}" for found in iter_modules([str(ROOT)]) if found.ispkg]
BESIDE = sorted(path.name for path in ROOT.iterdir() if path.is_file())


def names():
    for package in ["unstir", *PACKAGES]:
        yield from ((package, name) for name in getattr(import_module(package), "__all__", ()))


@pytest.mark.parametrize(("package", "name"), list(names()))
def test_a_public_name_is_there_and_says_what_it_is(package, name):
    # Catches a name that has moved, and one without a docstring. A name that is also a module would be the one or the other by chance.
    home = import_module(package)
    found = getattr(home, name)
    assert name in dir(home)
    assert name not in {module.name for module in iter_modules(home.__path__)}, "a module of that name would take its place"
    if callable(found) and not isinstance(found, dict):
        assert (found.__doc__ or "").strip(), f"{package}.{name} has no docstring"


def test_import_costs_no_torch_and_completion_shows_what_there_is():
    """What a notebook does: `import unstir`, tab, tab. Catches an import of torch or numpy, and names that only appear when they are used."""
    program = """
import sys, unstir
assert {"fit", "load", "Model", "Sampling", "diffusion", "networks", "encoders", "conditions", "data"} <= set(dir(unstir))
assert {"linear", "Flow", "Target", "chains", "samplers"} <= set(dir(unstir.diffusion))
assert "torch" not in sys.modules and "numpy" not in sys.modules
assert unstir.diffusion.linear().T == 1000
assert unstir.diffusion.linear is unstir.diffusion.chains.linear
try:
    unstir.diffusion.linaer
except AttributeError as error:
    assert "linaer" in str(error)
else:
    raise AssertionError
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_root_holds_packages_and_little_else():
    # Catches a module that has no package: a stranger does not find it.
    assert len(BESIDE) <= 10, BESIDE


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_can_be_read_in_one_go(path):
    assert len(path.read_text().splitlines()) <= 300
