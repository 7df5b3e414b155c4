"""Who may enter which room (docs: the layers), read from the imports themselves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import unstir
from unstir import errors

PACKAGE = Path(unstir.__file__).parent
ROOT = PACKAGE.parent.parent
FILES = sorted(PACKAGE.rglob("*.py"))
BOTTOM = ["diffusion", "networks", "metrics", "data"]


def imports(path):
    """Every module that a file imports at any depth, with the names taken from it: `torch`, `unstir.errors.UsageError`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which room is entered"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_imports_go_down():
    # The contract in pyproject.toml. Catches a schedule that knows a sampler, and a network that knows diffusion.
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


@pytest.mark.parametrize("path", [p for p in FILES if room(p) in BOTTOM], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_lowest_rooms_need_only_arrays(path):
    # Catches a schedule that needs a configuration library. Datasets also read files.
    allowed = {"torch", "numpy", "scipy", "unstir", *({"PIL", "sklearn", "safetensors"} if room(path) == "data" else ())}
    for name in imports(path):
        assert name.split(".")[0] in allowed | sys.stdlib_module_names, f"{path} imports {name}"
        if name.startswith("unstir."):
            assert name.split(".")[1] in (
                "errors",
                "steady",
                "words",
                "seeds",
                "files",
                "registry",
                "devices",
                "conditions",
                room(path),
            ), f"{path} imports {name}"


@pytest.mark.parametrize("path", [p for p in FILES if room(p) == "networks"], ids=lambda p: p.stem)
def test_networks_know_nothing_of_diffusion(path):
    # Design, concept 7: imports only torch. Catches a network that asks the schedule for its noise level.
    assert {name.split(".")[0] for name in imports(path)} <= {"torch", "unstir"} | sys.stdlib_module_names
    known = tuple(
        f"unstir.{part}" for part in ("networks", "conditions", "errors", "registry", "seeds")
    )  # a condition brings its embedding
    assert all(not name.startswith("unstir.") or name.startswith(known) for name in imports(path))


def test_selfcheck_needs_no_test_library():
    # It runs on the user's machine. Catches scipy's or pytest's helpers in it.
    for path in (PACKAGE / "selfcheck").glob("*.py"):
        assert {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names <= {"torch", "numpy", "unstir"}, path


def test_nothing_is_pickled():
    # Catches torch.save, torch.load, pickle, and numpy.load that is allowed to unpickle.
    for path in FILES:
        assert not {name.split(".")[0] for name in imports(path)} & {"pickle", "joblib", "dill", "marshal", "shelve"}, path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("torch", "save"), ("torch", "load")}, f"{path}:{node.lineno}"
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), f"{path}:{node.lineno}"
                assert node.value.value is False, f"{path}:{node.lineno}"


def test_the_package_and_its_errors_cost_no_torch():
    # `unstir --help` must not wait seconds for it. Catches an eager import in __init__.
    program = "import sys, unstir, unstir.errors; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("kind", "code", "also"),
    [
        (errors.UsageError, 2, ValueError),
        (errors.DataError, 3, ValueError),
        (errors.NumericsError, 4, ArithmeticError),
        (errors.StorageError, 5, OSError),
    ],
)
def test_each_error_has_its_exit_code_and_an_ordinary_python_kind(kind, code, also):
    # interface.md, exit codes. Catches two kinds that a script cannot tell apart.
    assert kind.exit_code == code
    assert issubclass(kind, errors.UnstirError)
    assert issubclass(kind, also)
    assert errors.UnstirError.exit_code == 1
    assert str(kind("one message")) == "one message"


def test_an_unknown_name_is_answered_with_the_known_ones():
    # Catches an empty suggestion, and a list in no order.
    near, far = (errors.unknown("target", name, ["v", "velocity", "eps"]) for name in ("velocty", "zzz"))
    assert str(near) == "unknown target 'velocty': did you mean 'velocity'? Known: eps, v, velocity."
    assert str(far) == "unknown target 'zzz': Known: eps, v, velocity."
    assert isinstance(near, errors.UsageError)
