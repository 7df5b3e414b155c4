"""`unstir inspect` and the survey behind it: what data is taken for, every kind of trouble found where it is, and none where it is not."""

import contextlib
import io
import json
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri

from unstir.cli import main
from unstir.cli.parts import inspected
from unstir.data import TOYS, from_arrays, survey, toy
from unstir.data.columns import columns_of
from unstir.data.layouts import kind_of
from unstir.training.cost import Cost
from unstir.training.presets import choices, preset

N = 400
RNG = np.random.default_rng(0)
PLAIN = RNG.normal(size=(N, 3))


def run(*arguments):
    """Exit code, stdout and stderr of a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code or 0, out.getvalue(), err.getvalue()


def problems(values, labels=None, names=()):
    """The text of each problem by its name."""
    return {p.name: p.text for p in survey(from_arrays(values, labels, names, missing="keep")).problems}


def changed(column, value, rows=slice(None)):
    values = PLAIN.copy()
    values[rows, column] = value
    return values


# ---- what it is


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        *(((1,), "points"), ((3,), "points"), ((4,), "table"), ((784,), "table")),
        *(((28, 28), "images"), ((8, 8), "images"), ((8, 31), "images"), ((8, 32), "sequences"), ((32, 2), "sequences")),
        *(
            ((3, 32, 32), "images"),
            ((32, 32, 1), "images"),
            ((64, 48, 4), "images"),
            ((5, 6, 7), "arrays"),
            ((2, 3, 4, 5), "arrays"),
        ),
    ],
)
def test_the_kind_is_by_shape(shape, kind):
    assert kind_of(shape) == kind


def test_statistics_are_those_of_the_finite_values():
    """Against numpy's own. Catches a mean over gaps, a deviation with N - 1, levels counted with the gaps."""
    values = np.array([[1.0, 10], [2, np.nan], [2, 30], [np.inf, 40], [7, 40], [np.nan, 60], [np.nan, 0.5]])
    first, second = columns_of(from_arrays(values, names=("a", "b"), missing="keep"))
    held = np.array([1.0, 2, 2, 7])
    assert (first.missing, first.infinite) == ((2, 5), (1, 3))
    assert (first.low, first.high, first.median, first.distinct, first.whole) == (1, 7, 2, 3, True)
    assert first.mean == pytest.approx(held.mean())
    assert first.deviation == pytest.approx(held.std())
    assert (second.missing, second.infinite, second.whole) == ((1, 1), (0, -1), False)


def test_z_is_the_distance_from_the_median_by_the_middle_half():
    """Equation (1): a standard normal has z = x, whatever one wild value does. Catches the standard deviation in its place."""
    u = (np.arange(4001) + 0.5) / 4001
    values = ndtri(u)
    values[17] = 1e9
    (column,) = columns_of(from_arrays(3 * values + 5))
    assert column.at == 17
    assert column.farthest == pytest.approx(1e9, rel=0.01)


def test_levels_are_the_values_of_the_whole():
    digits = RNG.integers(0, 17, (N, 8, 8)).astype(float)
    digits[0].flat[:17] = np.arange(17)
    assert survey(from_arrays(digits)).levels == 17
    assert survey(from_arrays(PLAIN)).levels is None
    assert survey(from_arrays(RNG.integers(0, 256, (N, 9, 9)).astype(np.uint8))).levels == 256
    assert survey(from_arrays(np.stack([np.arange(200), np.arange(200) + 200], 1))).levels is None  # 200 and 200, 400 in all


def test_classes_are_counted_without_the_rows_that_have_none():
    data = from_arrays(PLAIN, ["b"] * 300 + ["a"] * 90 + [""] * 10, missing="keep")
    found = survey(data)
    assert found.classes == {"a": 90, "b": 300}
    assert "10 rows without a class (first: row 390)" in {p.name: p.text for p in found.problems}["labels missing"]


# ---- what is wrong with it


@pytest.mark.parametrize("name", TOYS)
def test_nothing_is_wrong_with_the_built_in_sets(name):
    # Catches a check that cries wolf.
    assert survey(toy(name, 2000, seed=1)).problems == []


@pytest.mark.parametrize(
    ("names", "values", "said"),
    [
        (
            "missing",
            changed(1, np.nan, [118, 300]),
            "2 missing values: column 1 has 2 (first: row 118). Remove those rows, or pass --data",
        ),
        ("infinite", changed(0, -np.inf, [7]), "1 infinite value: column 0 has 1 (first: row 7)"),
        ("constant", changed(2, 7.0), "column 2 is always 7"),
        ("constant, missing", changed(2, [7.0, np.nan] * (N // 2)), "column 2 is always 7"),
        ("huge", changed(1, 1e13 * PLAIN[:, 1]), "column 1 holds values up to"),
        ("huge", np.array([[1e308], [-1e308], [1.0]] * 40), "up to 1e+308"),
        ("far from zero", (1e5 + PLAIN).astype(np.float32), "near the last digit of a float32"),
        ("far from zero", 1e10 + PLAIN, "near the last digit of a float64"),
        ("outliers", changed(0, 500.0, [42]), "from the median (row 42)"),
        ("counter", changed(1, np.arange(N)), "column 1 changes by the same step from row to row"),
        ("counter", changed(1, np.arange(N) ** 1.5), "column 1 grows from row to row"),
        ("counter", changed(1, -np.sort(RNG.random(N))), "column 1 falls from row to row"),
        ("counter", changed(1, RNG.permutation(N)), "column 1 is different in every row: an id?"),
        ("repeated", np.concatenate([PLAIN, PLAIN[:37]]), "37 of 437 rows repeat an earlier one"),
        ("repeated, constant", np.concatenate([PLAIN * [0, 1, 1], -PLAIN[:1] * [0, -1, -1]]), "1 of 401 rows repeats"),  # 0 is -0
        ("alike", changed(2, 1 - 3 * PLAIN[:, 0]), "column 0 and column 2 (-1.0000)"),
        ("dependent", changed(2, PLAIN[:, 0] + PLAIN[:, 1]), "the 3 columns that vary span 2 dimensions"),
        ("few", PLAIN[:49], "49 whole rows for 3 numbers"),
        ("few", RNG.normal(size=(N, 41)), "400 whole rows for 41 numbers"),
    ],
)
def test_each_trouble_is_found_and_placed_and_nothing_else_is(names, values, said):
    """One thing is wrong with each. Catches a check that is silent, one that is set off by another's trouble, and a wrong row."""
    found, first, *more = problems(values), *names.split(", ")
    assert said in found[first]
    assert set(found) == {first, *more}


def test_every_column_with_gaps_is_named_not_only_the_first():
    values = PLAIN.copy()
    values[[3, 9], 0] = np.nan
    values[5, 2] = np.nan
    values[8, 1] = np.inf
    found = problems(values, names=("place", "speed", "height"))
    assert "3 missing values: column 'place' has 2 (first: row 3), column 'height' has 1 (first: row 5)" in found["missing"]
    assert "column 'speed' has 1 (first: row 8)" in found["infinite"]
    wide = np.full((60, 30), 1.0) * np.arange(60)[:, None]
    wide[2] = np.nan
    assert "column 9 has 1 (first: row 2), and 20 more" in problems(wide)["missing"]


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        ("one class", ["cat"] * N, "all rows have the class 'cat'"),
        ("small classes", ["cat"] * (N - 1) + ["dog"], "'dog' has 1 row: too few"),
        ("many classes", list(range(N)), "400 classes for 400 rows: ids?"),
        (None, ["cat", "dog"] * (N // 2), ""),
    ],
)
def test_classes_that_cannot_be_learnt_are_named(name, labels, said):
    found = problems(PLAIN, labels)
    assert set(found) == ({name} if name else set())
    assert said in found.get(name, "")


def test_a_named_id_and_a_column_that_may_be_a_class():
    ids = changed(0, RNG.choice(10**6, N, replace=False))
    assert problems(ids, names=("user_id", "a", "b"))["counter"].startswith("column 'user_id' is different in every row")
    assert problems(ids) == {}
    pets = changed(2, np.arange(N) % 3)
    text = problems(pets, names=("a", "b", "the pet"))["a class?"]
    assert "column 'the pet' has 3 values, all whole" in text
    assert "--data.labels 'the pet'" in text
    assert problems(pets, ["x", "y"] * (N // 2), ("a", "b", "pet")) == {}


def test_rows_that_have_to_repeat_are_no_copies():
    # Three bits: eight rows are possible. Catches a warning on every small discrete set.
    assert "repeated" not in problems(RNG.integers(0, 2, (N, 3)))


def test_gaps_are_counted_in_all_of_a_large_array(monkeypatch):
    """With 30 numbers to look at. Catches a gap passed over between the rows looked at, and a row number that is off by the step."""
    monkeypatch.setattr(import_module("unstir.data.surveys"), "LOOKED_AT", 30)
    values = changed(1, np.nan, [7, 11])
    values[0, 0] = 800.0
    found = survey(from_arrays(values, missing="keep"))
    assert found.looked_at == 10
    assert (found.columns[1].missing.count, found.columns[1].missing.first) == (2, 7)
    assert found.columns[0].at == 0
    assert found.columns[0].high == 800


# ---- the command


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
        "t.csv: table, 400 rows of 4 numbers (float64)",
        "no bounds, so samples are never clipped",
        "classes: 2 (cat: 266, dog: 133)",
        "column 'speed' has 2 (first: row 118)",
        "column 'height' has 1 (first: row 7)",
        "1 row without a class (first: row 9)",
        "column 'constant' is always 7",
        "column 'id' changes by the same step",
        "(row 20)",
        "network.octaves = 2",
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
    assert (found["kind"], found["rows"], found["shape"], found["classes"]) == ("table", 400, [4], {"cat": 266, "dog": 133})
    assert [column["name"] for column in found["columns"]] == ["id", "speed", "height", "constant"]
    assert found["columns"][1]["missing"] == {"count": 2, "first": 118}
    assert {p["problem"] for p in found["problems"]} == {
        *("missing", "infinite", "labels missing", "constant", "counter", "outliers"),
    }
    assert found["settings"]["network.width"]["value"] == 128
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


@pytest.mark.parametrize(
    ("shape", "rows", "said"),
    [
        ((2,), 20, "4 for each of 20 rows, and at least 250"),
        ((2,), 100, "4 for each of 100 rows: "),
        ((2,), 5000, "4 for each of 5,000 rows, and at most 4,000"),
        ((9,), 5000, "4 for each of 5,000 rows, and at most 4,000"),
        ((8, 8), 1797, "4 for each of 1,797 rows: "),
        ((8, 8), 5000, "4 for each of 5,000 rows, and at most 8,000"),
        ((32, 2), 20, "4 for each of 20 rows, and at least 250"),
    ],
)
def test_what_is_said_of_the_steps_is_made_of_the_numbers_that_decided(shape, rows, said):
    """`inspect digits` said "from 250 to 4,000" beside 7,188 steps. Catches the limits of another kind of data, for every kind."""
    data = from_arrays(np.zeros((rows, *shape)))
    found = choices(data)
    assert found["optim", "steps"].why.startswith(said)
    assert found["optim", "steps"].value == preset(data)["optim"]["steps"]
    numbers = {int(n.replace(",", "")) for n in re.findall(r"at (?:least|most) ([\d,]+)", said)}
    assert numbers <= {found["optim", "steps"].value}


def test_the_depth_is_explained_by_the_steps_that_decided():
    pictures = from_arrays(np.zeros((40, 8, 8)))
    for steps, depth in ((1999, 1), (2000, 2), (7000, 2)):
        choice = choices(pictures, {"optim": {"steps": steps}})["network", "depth"]
        assert choice.value == depth
        assert f"{steps:,} steps are {'fewer' if depth == 1 else 'no fewer'} than 2,000" in choice.why
