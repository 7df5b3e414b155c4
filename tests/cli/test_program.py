"""The program around the commands: help without torch, mistyped words, exit codes, and processes of its own."""

import ast
import json
import subprocess
import sys
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

import unstir
from commands import TINY, contents, process, refused, run
from unstir import cli
from unstir.cli import main
from unstir.cli.parts import flags
from unstir.cli.parts.output import answer
from unstir.cli.registry import COMMANDS
from unstir.diffusion.registry import DISTRIBUTIONS, SCHEDULES, TARGETS, WEIGHTS
from unstir.model.sampling import Sampling


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ('Did you mean "sample"', ["sampel"]),
        ("Did you mean --schedule", ["train", "moons", "--scedule", "flow"]),
        ("Did you mean --optim.lr", ["train", "moons", "--optim.lrr", "3"]),
        ("DATA", ["train"]),
        ("RUN", ["sample"]),
        ("did you mean 'flow'", ["train", "moons", "--schedule", "flwo"]),
        ("did you mean 'moons'", ["train", "mons"]),
        ("did you mean 'velocity'", ["train", "moons", "--target", "velocty"]),
        ("did you mean 'min_snr'", ["train", "moons", "--diffusion.loss", "minsnr"]),
        ("'optim.lr': input should be greater than 0 (got -3.0)", ["train", "moons", "--optim.lr", "-3"]),
        ("optim.lr", ["train", "moons", "--optim.lr", "fast"]),
        ("'optim.steps'", ["train", "moons", "--steps", "0"]),
        ("'seed'", ["train", "moons", "--seed", "-1"]),
        ("'eps'", ["train", "moons", "--schedule", "flow", "--target", "eps"]),
        ("brings its own classes", ["train", "moons", "--data.labels", "kind"]),
        ("no folder of images", ["train", "moons", "--data.size", "8"]),
        ("sigma_max", ["train", "moons", "--schedule", "ve", "--diffusion.settings.sigma_max", "-3"]),
        ("beta_max", ["train", "moons", "--schedule", "vp", "--diffusion.settings.beta_max", "-3"]),
        ("beta_", ["train", "moons", "--schedule", "linear", "--diffusion.settings.beta_max", "3"]),
        ("'demo'", ["train", "moons", "demo"]),
    ],
)
def test_what_was_mistyped_is_said_in_one_line(said, arguments, tmp_path, monkeypatch):
    """Exit code 2, nothing on disk. Catches a box of help in place of an error, and a run folder left by a typing mistake."""
    monkeypatch.chdir(tmp_path)
    refused(2, said, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_or_damaged_is_exit_code_5(trained, files, tmp_path):
    refused(5, "no such file", "train", "nowhere.csv")
    refused(5, "nowhere", "sample", tmp_path / "nowhere")
    refused(5, "nowhere", "evaluate", tmp_path / "nowhere")
    refused(5, "config.toml", "evaluate", trained[3] / "model")
    (tmp_path / "empty").mkdir()
    refused(5, "MANIFEST.json", "sample", tmp_path / "empty")
    for path, content in contents(trained[3] / "model").items():
        (tmp_path / "m").mkdir(exist_ok=True)
        (tmp_path / "m" / path).write_bytes(content[:-1] if path.suffix == ".safetensors" else content)
    refused(5, "model.safetensors is damaged", "sample", tmp_path / "m")
    refused(5, "points.npy", "train", files / "points.npy", "-o", files / "points.npy" / "r", "--steps", "1", *TINY)


def test_a_name_that_is_too_long_is_exit_code_5(trained, files, tmp_path):
    # Path.exists itself raises for it. Catches "a bug of ours".
    refused(5, "too long", "train", files / "points.npy", "-o", tmp_path / ("a" * 300), "--steps", "1", *TINY)
    refused(5, "too long", "sample", trained[3], "-o", tmp_path / ("a" * 300 + ".npy"))
    refused(5, "too long", "sample", tmp_path / ("a" * 300))


def test_a_bug_of_ours_is_called_one(monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("unstir.runs.loading.load", broken)
    assert "--debug" in refused(1, "a bug of ours, not of yours: ZeroDivisionError", "sample", "x")


def test_a_traceback_is_shown_on_request_alone(tmp_path):
    for flag in ([], ["--debug"]):
        code, out, err = run("sample", tmp_path / "nowhere", *flag)
        assert (code, out) == (5, "")
        assert ("Traceback" in err) == bool(flag)
        assert err.splitlines()[-1].startswith("error: ")


QUICK = """
import sys
from unstir import cli
from unstir.cli import main
from unstir.cli.parts import flags
from unstir.cli.parts.output import answer
from unstir.cli.registry import COMMANDS
from unstir.diffusion.registry import DISTRIBUTIONS, SCHEDULES, TARGETS, WEIGHTS
from unstir.model.sampling import Sampling
try:
    main({arguments!r})
except SystemExit as stop:
    code = stop.code or 0
print(sorted({{"torch", "numpy", "scipy", "matplotlib", "rich.progress"}} & set(sys.modules)), code, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--help"], 0), *(([command, "--help"], 0) for command in COMMANDS), (["--version"], 0), ([], 0), (["sampel"], 2)],
)
def test_help_does_not_wait_for_torch(arguments, code):
    # Importing torch takes seconds. Catches an import at the top of a command's file, of its settings or its errors.
    done = process("-c", QUICK.format(arguments=arguments))
    assert done.stderr.splitlines()[-1] == f"[] {code}", done.stderr
    assert done.stdout or code


def test_help_names_every_command_and_flag_of_train():
    # Catches a command that is not registered, and a setting that cannot be reached by a flag.
    _, out, _ = run("--help")
    assert all(f" {command} " in out for command in ("demo", "train", "sample", "evaluate", "selfcheck"))
    _, out, _ = run("train", "--help")
    for flag in (
        "--out",
        "--config",
        "--steps",
        "--optim.lr",
        "--diffusion.coupling",
        "--network.octaves",
        "--data.labels",
        "--json",
    ):
        assert flag in out
    every = [*SCHEDULES, *TARGETS, *WEIGHTS, *DISTRIBUTIONS]
    assert all(name in out for name in every)  # catches a list of names that was typed by hand and fell behind


def test_every_command_is_a_function_in_the_file_of_its_name_that_says_what_it_does():
    # Catches a file that the table forgot, and a command without a help text.
    files = {path.stem for path in Path(cli.__file__).parent.glob("*.py")} - {"__init__", "registry"}
    assert files == set(COMMANDS) - {"impute"}
    for name, command in COMMANDS.items():
        name = {"impute": "inpaint"}.get(name, name)  # two usual names for one thing
        assert (command.__module__, command.__name__) == (f"unstir.cli.{name}", name)
        assert command.__doc__


def test_a_command_of_ones_own_is_one_row_in_the_table():
    # Catches a second list of commands, and an app that is made before the row is added.
    def greet(name: str, /, *, output: flags.Output = flags.Output()):  # noqa: B008
        """Say hello."""
        answer(output, {"to": name}, f"hello {name}")

    COMMANDS.add("greet", greet)
    try:
        assert run("greet", "you") == (0, "hello you\n", "")
        assert run("greet", "you", "--json") == (0, '{"to": "you"}\n', "")
        assert "Say hello." in run("--help")[1]
    finally:
        COMMANDS.remove("greet")
    refused(2, "greet", "greet", "you")


def test_no_flag_is_declared_twice():
    """Two flags with the same help text are one flag, declared in two places. Catches the copy that is not kept up to date."""
    texts = [
        keyword.value.value
        for path in Path(cli.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "help" and isinstance(keyword.value, ast.Constant)
    ]
    assert len(texts) > 20
    assert sorted(texts) == sorted(set(texts))


def test_the_flags_of_sampling_are_the_settings_of_sampling():
    # Catches a default that differs from the library's, and a flag that is read and not passed on.
    known = {field.name: field.default for field in fields(Sampling)}
    typed = {field.name: field.default for field in fields(flags.SamplingFlags)}
    assert {name: known[name] for name in typed} == typed
    other = {"steps": 7, "method": "heun", "guidance": 2.5, "interval": (-1.0, 2.0), "seed": 9}
    assert other.keys() == typed.keys()
    assert flags.SamplingFlags(**other).sampling() == Sampling(**other)


def test_the_version_is_the_packages():
    assert run("--version")[1].strip() == unstir.__version__


def test_the_module_is_the_command(trained, tmp_path):
    """`python -m unstir` in a process of its own and `unstir` as it is installed. Catches code in __main__ that the other lacks."""
    done = process("-m", "unstir", "sample", trained[3], "-n", "5", "--steps", "4", "-o", tmp_path / "a.npy")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'a.npy'}\n", "")
    assert (np.load(tmp_path / "a.npy") == unstir.load(trained[3]).sample(5, steps=4)).all()
    wrong = process("-m", "unstir", "sampel")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
    assert wrong.stderr.startswith("error: ")
    (command,) = entry_points(group="console_scripts", name="unstir")
    assert command.load() is main


@pytest.mark.slow
def test_a_whole_run_in_processes_of_its_own(files, tmp_path):
    """train, sample, evaluate from the shell, twice: the second run in a new process is the first, bit for bit."""
    for name in ("a", "b"):
        done = process("-m", "unstir", "train", files / "points.npz", "-o", name, "--steps", "30", "--quiet", *TINY, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, f"{name}\n"), done.stderr
    assert contents(tmp_path / "a" / "model") == contents(tmp_path / "b" / "model")
    about = json.loads((tmp_path / "a" / "run.json").read_text())
    assert about["command"][:2] == ["unstir", "train"]
    assert about["command"][-6:] == list(TINY)
    for arguments in (
        ["sample", "a", "-o", "x.csv"],
        ["evaluate", "a", "x.csv", "--labels", "class"],
        ["evaluate", "a", "--json"],
    ):
        done = process("-m", "unstir", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""


def test_a_reader_that_goes_away_is_no_error(trained):
    # As with `unstir evaluate RUN | head -1`, but gone for certain. Catches a BrokenPipeError, its traceback and its exit code.
    command = f"'{sys.executable}' -m unstir evaluate '{trained[3]}' --steps 3 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode in (0, 141)
