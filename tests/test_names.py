"""Tables decide, branches do not: no encoder, target, network or schedule is known by its name or its class outside its own files.

Whoever needs to know something of a part asks for a property of it. A branch on a name is what a part of somebody's own falls through.
"""

import ast
from pathlib import Path

import pytest

import unstir
from unstir.compression.registry import EXACT
from unstir.diffusion.registry import SCHEDULES, TARGETS
from unstir.encoders.registry import ENCODERS
from unstir.networks.registry import NETWORKS

ROOT = Path(unstir.__file__).parent
FILES = {str(path.relative_to(ROOT)): path for path in sorted(ROOT.rglob("*.py"))}
TABLES = {
    "compression/registry.py": EXACT,
    "encoders/registry.py": ENCODERS,
    "networks/registry.py": NETWORKS,
    "diffusion/registry.py": {**TARGETS, **SCHEDULES},
}
NAMES = {name for table in TABLES.values() for name in table}

CHAIN = "the grid and the distribution of times n / T, not the schedule of given betas"
ALLOWED = {
    # Words that mean something else.
    ("compression/registry.py", "mlp"): "a row of a table of parts, under the name of the network that it is a copy of",
    ("compression/registry.py", "unet"): "a row of a table of parts, under the name of the network that it is a copy of",
    ("data/tables/kinds.py", "categorical"): "a type of a data frame's column",
    ("diffusion/loss.py", "edm"): "the weight of that name",
    ("diffusion/samplers.py", "chain"): CHAIN,
    ("diffusion/times.py", "chain"): CHAIN,
    ("encoders/autoencoder.py", "channels"): "a size of the autoencoder",
    ("networks/autoencoder.py", "channels"): "a size of the autoencoder",
    ("report/forward.py", "x0"): "the rows of the data, as the page's program knows them",
    ("report/forward.py", "eps"): "their noise, as the page's program knows it",
    ("comparison/verdict.py", "table"): "the cells of a comparison, in its JSON",
    ("data/layouts.py", "table"): "a kind of data",
    ("data/neighbours.py", "table"): "a kind of data",
    ("model/card.py", "table"): "the entry of a card that says what the columns are",
    ("report/comparison.py", "table"): "the cells of a comparison, in its JSON, and a kind of data",
    ("report/information.py", "table"): "a part of the page",
    ("training/problem.py", "quantile"): "the function of a distribution, a field of Problem",
    # The exact truths are of certain schedules, beside those that go over the table.
    ("selfcheck/denoisers.py", "linear"): "one schedule is enough for guidance",
    ("selfcheck/information.py", "linear"): "a chain",
    ("selfcheck/information.py", "cosine"): "a chain that ends without signal",
    ("selfcheck/information.py", "sigmoid"): "a chain",
    ("selfcheck/information.py", "flow"): "a schedule that is no chain",
    ("selfcheck/sampling.py", "linear"): "a chain",
    ("selfcheck/sampling.py", "cosine"): "a chain that ends without signal",
    ("selfcheck/sampling.py", "flow"): "a schedule that is no chain",
}
ENCODER_CLASSES = ("Affine", "Standardise", "Channels", "MinMax", "Latent", "Quantile", "Table")


def words(tree: ast.Module, is_package: bool) -> set[tuple[str, int]]:
    """The string constants of a file with their lines, without docstrings, modules in a package's list of public names, and own names."""
    skipped = set()
    for node in ast.walk(tree):
        for line in getattr(node, "body", ()) if isinstance(getattr(node, "body", ()), list) else ():
            if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant):
                skipped.add(line.value)
        if isinstance(node, ast.ClassDef):  # name = "mine", or name, describes = "mine", "in words"
            for line in node.body:
                if isinstance(line, ast.Assign):
                    for target, value in _pairs(line):
                        skipped |= {value} if target in ("name", "describes") else set()
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Target" and node.args:  # Target("mine", ...)
            skipped.add(node.args[0])
        if is_package and isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_NAMES":
            skipped |= {*node.value.keys, *node.value.values}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return {(node.value, node.lineno) for node in constants if node not in skipped}


def _pairs(line: ast.Assign) -> list[tuple[str, ast.expr]]:
    target = line.targets[0]
    if isinstance(target, ast.Tuple) and isinstance(line.value, ast.Tuple):
        return [(getattr(one, "id", ""), value) for one, value in zip(target.elts, line.value.elts, strict=True)]
    return [(getattr(target, "id", ""), line.value)]


def found_in(source: str, is_package: bool = False) -> dict[str, int]:
    """The names in a program, with the last line that has each."""
    return {word: line for word, line in sorted(words(ast.parse(source), is_package)) if word in NAMES}


@pytest.mark.parametrize("file", sorted(FILES.keys() - TABLES.keys()))
def test_no_part_is_known_by_its_name(file):
    # Catches `if target == "eps"`, and a default that is written out.
    names = found_in(FILES[file].read_text(), file.endswith("__init__.py"))
    wrong = [f"{file}:{line} '{name}'" for name, line in names.items() if (file, name) not in ALLOWED]
    assert not wrong, f"{wrong}: ask for a property of the part, or say in ALLOWED what else the word means"


def test_every_exception_is_needed():
    # Catches a list that has outlived what it was for.
    assert [(file, name) for file, name in ALLOWED if name not in found_in(FILES[file].read_text())] == []


@pytest.mark.parametrize("file", sorted(FILES))
def test_no_part_is_known_by_its_class(file):
    # Catches `isinstance(encoder, Affine)` and `type(condition) is Classes` outside their packages.
    package = file.split("/")[0]
    theirs = {"encoders": (), "conditions": ENCODER_CLASSES}.get(package, (*ENCODER_CLASSES, "Classes"))
    theirs += ("Classes",) if package == "encoders" else ()
    for node in ast.walk(ast.parse(FILES[file].read_text())):
        asked = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass")
        if asked or isinstance(node, ast.Compare):
            about = {getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(node)}
            assert not about & set(theirs), f"{file}:{node.lineno} asks for the class of a part"


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ('if target == "eps": pass', {"eps": 1}),
        ('"""\neps"""\ndef f():\n    "unet"', {}),
        ('class Mine:\n    name, describes, typical = "latent", "latent", "latent"', {"latent": 2}),
        ('class Mine:\n    name = "latent"\n    def f(self): return {"flow": 1}', {"flow": 3}),
        ('V = Target("v", _v)\nx = Target("v", "v")', {"v": 2}),
        ('_NAMES = {"linear": "chains"}', {"linear": 1}),
        ("f'{x} eps'", {}),
    ],
)
def test_the_search_finds_what_it_should(program, found):
    assert found_in(program) == found


def test_the_tables_are_searched_for():
    # Catches tables that were emptied or renamed, so that nothing is looked for.
    assert {"eps", "edm", "mlp", "unet", "latent", "linear", "flow", "standardise"} <= NAMES
