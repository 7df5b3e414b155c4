"""`unstir inspect`: what a person reads, what a program gets, and a next command that works."""

import json
from pathlib import Path

import numpy as np
import pytest

from commands import run
from unstir.cli.parts import inspected
from unstir.training.cost import Cost

N = 400
RNG = np.random.default_rng(0)
PLAIN = RNG.normal(size=(N, 3))


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table with something of everything, in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    lines = ["id,speed,height,constant,pet"]
    for i, (a, b, _) in enumerate(PLAIN):
        speed = "" if i in (118, 119) else f"{a:.3f}"
        height = "inf" if i == 7 else "90000" if i == 20 else f"{b:.3f}"
        lines.append(f"{i},{speed},{height},7,{'' if i == 9 else 'cat' if i % 3 else 'dog'}")
    Path("t.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(inspected, "rehearse", lambda *_: Cost(0.002, 0.1, 300 * 2**20))
    return "t.csv"


def test_inspect_says_it_in_words(table):
    code, out, err = run("inspect", table, "--data.labels", "pet", "--optim.steps", "500")
    assert (code, err) == (0, "")
    for said in (
        "t.csv: table, 400 rows of 3 columns: 2 numbers and 1 constant",
        "missing: 2 cells in 2 rows and 1 column; samples have them as often",
        "column 'id' is left out: a whole number that is different in each of 400 rows, and its name is an id's",
        "to overrule what a column is taken for: --columns.NAME category, number, time, or drop",
        "classes: 2 (cat: 266, dog: 133)",
        "column 'height' has 1 (first: row 7)",
        "1 row without a class (first: row 9)",
        "always 7",
        "data.encoder = table",
        "cost: 1.2 s for 500 steps of 256 (2 ms a step, measured on cpu), 300 MiB of memory",
        "next: unstir train t.csv --data.labels pet --data.missing drop --optim.steps 500",
    ):
        assert said in out
    assert [path.name for path in Path().iterdir()] == ["t.csv"]


def test_the_next_command_is_one_that_works(table):
    # Catches a flag that train does not have.
    out = run("inspect", table, "--data.labels", "pet", "--diffusion.schedule", "vp", "--diffusion.settings.beta_max", "9")[1]
    line = next(line for line in out.splitlines() if line.startswith("next: "))
    words = line.removeprefix("next: unstir ").split()
    code, out, err = run(*words, "--print-config")
    assert code == 0, err
    assert 'missing = "drop"' in out
    assert "beta_max = 9" in out


def test_inspect_takes_the_settings_as_train_does(table):
    # Catches a file or a short flag that only train reads, and a next command that leaves the file out.
    Path("c.toml").write_text("[optim]\nsteps = 70\n[network]\nwidth = 24\n")
    code, out, err = run(
        "inspect", table, "--config", "c.toml", "--data.labels", "pet", "--schedule", "cosine", "--batch-size", "16"
    )
    assert code == 0, err
    assert "for 70 steps of 16" in out
    line = next(line for line in out.splitlines() if line.startswith("next: "))
    code, settled, err = run(*line.removeprefix("next: unstir ").split(), "--print-config")
    assert code == 0, err
    for said in ("steps = 70  # file", "width = 24  # file", 'schedule = "cosine"  # flag', "batch_size = 16  # flag"):
        assert said in settled


def test_inspect_answers_with_one_object(table):
    """Catches NaN, which is not JSON, and columns left out for a reader that is a program."""
    code, out, _ = run("inspect", table, "--data.labels", "pet", "--json")
    found = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert code == 0
    assert (found["kind"], found["rows"], found["shape"], found["classes"]) == ("table", 400, [3], {"cat": 266, "dog": 133})
    assert [column["name"] for column in found["columns"]] == ["speed", "height", "constant"]
    assert found["columns"][0]["missing"] == {"count": 2, "first": 118}
    assert {p["problem"] for p in found["problems"]} == {"infinite", "labels missing"}
    assert [column["taken_for"]["kind"] for column in found["columns"]] == ["number", "number", "constant"]
    assert list(found["left_out"]) == ["id"]
    assert found["settings"]["network.width"]["value"] == 96
    assert found["cost"] == {
        **{"steps": 1600, "batch_size": 256, "device": "cpu", "memory_bytes": 300 * 2**20},
        **{"seconds": pytest.approx(3.62), "seconds_per_step": 0.002},
    }


def test_the_cost_is_measured(tmp_path):
    # The real thing, once. Catches a cost that is not `cost.rehearse`'s.
    np.save(tmp_path / "x.npy", PLAIN)
    code, out, err = run("inspect", tmp_path / "x.npy", "--network.width", "4", "--json")
    assert code == 0, err
    cost = json.loads(out)["cost"]
    assert 0 < cost["seconds_per_step"] * cost["steps"] <= cost["seconds"]
    assert cost["memory_bytes"] > 2**20


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            RNG.integers(0, 17, (60, 8, 8)).astype(float),
            ["images, 60 rows of 8x8 pixels, 1 channel", "17 grey levels, whole"],
        ),
        (RNG.normal(size=(60, 32, 2)), ["sequences, 60 rows of 32 steps, 2 channels"]),
        (RNG.integers(0, 256, (60, 3)).astype(np.uint8), ["bounded to 0 .. 255"]),
        (np.array([[1e308], [-1e308], [1.0]] * 20), ["cost: not measured, training would be refused"]),
        (np.full((60, 2), np.nan), ["cost: not measured, training would be refused", "120 missing values"]),
    ],
    ids=["images", "sequences", "bytes", "huge", "all missing"],
)
def test_inspect_takes_whatever_can_be_read(tmp_path, monkeypatch, values, said):
    monkeypatch.setattr(inspected, "rehearse", lambda *_: Cost(0.002, 0.1, 300 * 2**20))
    np.save(tmp_path / "x.npy", values)
    for form in ([], ["--json"]):
        code, out, err = run("inspect", tmp_path / "x.npy", *form)
        assert (code, err) == (0, "")
        if not form:
            assert all(words in out for words in said), out
    json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_a_table_of_many_columns_shows_those_with_problems(tmp_path, monkeypatch):
    monkeypatch.setattr(inspected, "rehearse", lambda *_: Cost(0.002, 0.1, 300 * 2**20))
    values = RNG.normal(size=(N, 40))
    values[:, 33] = 2.5
    np.save(tmp_path / "x.npy", values)
    out = run("inspect", tmp_path / "x.npy")[1]
    assert "12 of 40 columns, those with problems first" in out
    rows = [line for line in out.splitlines() if line.startswith("│")]
    assert len(rows) == 12
    assert "33" in rows[0]
    assert "constant" in rows[0]
