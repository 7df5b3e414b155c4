"""Bad input, a row of issue 3's table each: the right exit code, one line that says what, where and what to do, no traceback,
and a folder in which nothing was lost and nothing left behind. What can be used all the same is used, with a warning."""

import contextlib
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as safetensors_bytes

from unstir.cli import main

ROWS = np.random.default_rng(0).normal(size=(60, 2))
TINY = ("--steps", "2", "--batch-size", "8", "--network.width", "4", "--network.depth", "1", "--quiet")
LONGEST = 700  # characters of a message, the path of a test's folder included


def run(*arguments):
    """Exit code, stdout and stderr of a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code or 0, out.getvalue(), err.getvalue()


def snapshot(folder):
    """Every path under a folder with its content; what is no plain file counts by its kind."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() and not path.is_symlink() else path.lstat().st_mode
        for path in folder.rglob("*")
    }


def refused(code, said, *arguments):
    """The command ends with that code and one line that says so, and leaves the working folder as it was."""
    before = snapshot(Path.cwd())
    found, out, err = run(*arguments)
    assert (found, out) == (code, ""), err
    assert "Traceback" not in err
    assert err.count("\n") == 1, err
    assert err.startswith("error: ")
    assert said in err, err
    assert len(err) < LONGEST
    assert err[:-1].isprintable()
    assert snapshot(Path.cwd()) == before
    return err


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Every test works in a folder of its own, with a good file to lose."""
    monkeypatch.chdir(tmp_path)
    np.save("good.npy", ROWS)
    return tmp_path


@pytest.fixture
def undrawn(monkeypatch):
    """Figures take seconds."""
    from unstir.cli.parts import finishing

    monkeypatch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of two numbers a row."""
    import unstir

    folder = tmp_path_factory.mktemp("trained") / "m"
    unstir.fit(ROWS, width=4, depth=1, steps=1).save(folder)
    return folder


def written(name, content):
    """The content as a file of that name."""
    if isinstance(content, dict):
        np.savez(name, **content)
    elif isinstance(content, np.ndarray):
        np.save(name, content)
    else:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def npy(array, **how):
    buffer = io.BytesIO()
    np.save(buffer, array, **how)
    return buffer.getvalue()


def with_value(value, *place):
    rows = ROWS.copy()
    rows[place] = value
    return rows


CSV = "place,speed\n" + "\n".join(f"{a:.3f},{b:.3f}" for a, b in ROWS) + "\n"

# ---- what is in the file


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", "", "'empty.csv' is empty"),
        ("empty.npy", b"", "'empty.npy' is damaged"),
        ("empty.npz", b"", "'empty.npz' is damaged"),
        ("empty.safetensors", b"", "'empty.safetensors' is not a .safetensors file, or is cut short"),
        ("none.npy", np.zeros((0, 2)), "0 rows"),
        ("none.npz", {}, "no array"),
        ("thin.npy", np.zeros((9, 0)), "rows are empty"),
        ("zero.npy", npy(np.float64(3)), "at least 2"),
        ("one.npy", ROWS[:1], "1 row"),
        ("one.csv", "a,b\n1,2\n", "1 row"),
        ("header.csv", "a,b\n", "a header and no rows"),
        (
            "nan.npy",
            with_value(np.nan, 18, 1),
            "column 1 has 1 missing value (first: row 18). Remove it, or pass --data.missing drop.",
        ),
        ("inf.npy", with_value(-np.inf, 7, 0), "column 0 has 1 infinite value (first: row 7)"),
        ("inf.csv", "place,speed\n1,2\n3,1e999\n", "column 'speed' has 1 infinite value (first: row 1)"),
        ("nan.npz", {"x": ROWS[:3], "y": np.array([0, np.nan, 1])}, "'y' have 1 missing value (first: row 1)"),
        ("ragged.csv", "a,b\n1,2\n3,4,5\n", "line 3: the number of cells (cut at ',') is 3, in the first row it is 2"),
        (
            "text.csv",
            "a,b\n" + "".join(f"{i},{i * i}.5\n" for i in range(30)) + "3,dog\n",
            "column 'b' holds text ('dog', line 32)",
        ),
        ("complex.npy", ROWS * 1j, "complex128"),
        ("text.npy", np.array([["a"], ["b"]]), "only an array of real numbers"),
        ("object.npy", npy(np.array([[1], [None]], object), allow_pickle=True), "Python objects, which could only be unpickled"),
        ("object.npz", {"values": np.array([[1], [None]], object)}, "Python objects, which could only be unpickled"),
        ("date.npy", np.zeros((3, 1), "datetime64[s]"), "datetime64"),
        ("cut.npy", npy(ROWS)[:-1], "'cut.npy' is damaged: its header promises 960 bytes of numbers, and 959 are there"),
        (
            "cut.safetensors",
            safetensors_bytes({"values": ROWS})[:-1],
            "'cut.safetensors' is not a .safetensors file, or is cut short",
        ),
        ("cut.csv", CSV[:-8], "Every row needs the same"),
        ("foreign.npy", b"<html>not found</html>", "'foreign.npy' is damaged, or no file of numpy's"),
        ("nul.csv", "a,b\n1,2\n\0\0\n", "NUL bytes"),
        ("wide16le.csv", CSV.encode("utf-16-le"), "NUL bytes"),
        ("latin.csv", "é,b\n1,2\n".encode("latin-1"), "not UTF-8 text"),
        ("field.csv", "a,b\n1," + "9" * 200_000 + "\n", "field larger than field limit"),
        ("quote.csv", 'a,b\n1,"2\n3,4\n', "quote that is not closed"),
        ("twice.csv", "a,a\n1,2\n3,4\n", "two columns called 'a'"),
        ("id.csv", "a,id\n1,2\n3,9007199254740993\n", "column 'id' holds 9007199254740993 (line 3), a whole number beyond 2^53"),
        ("id.npy", np.array([[1], [2**63 - 1]]), "column 0 holds 9223372036854775807 (row 1), a whole number beyond 2^53"),
        ("two.npz", {"state": ROWS, "action": ROWS}, "the arrays state, action, so it is not clear which is the data"),
        ("short.npz", {"values": ROWS, "labels": np.arange(9) % 2}, "have shape (9,)"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[-12:] and len(value) < 20 else "",
)
def test_data_that_cannot_be_used(name, content, said):
    # inspect reads as train does. Catches a command that dies another death than its neighbour.
    written(name, content)
    refused(3, said, "train", name, "-o", "r", *TINY)
    if "missing" not in said and "infinite" not in said:
        refused(3, said, "inspect", name)


def test_a_zip_cut_anywhere_is_refused():
    np.savez_compressed("whole.npz", values=ROWS)
    whole = Path("whole.npz").read_bytes()
    for length in range(1, len(whole), 97):
        written("cut.npz", whole[:length])
        refused(3, "cut.npz", "train", "cut.npz", "-o", "r", *TINY)


def test_a_table_of_five_thousand_columns_is_read_and_its_messages_stay_short():
    # Catches a message that lists every column.
    names = [f"c{i}" for i in range(5000)]
    rows = [[f"{i % 7 + j}" for i in range(5000)] for j in range(3)]
    rows[2][4999] = ""
    written("wide.csv", "\n".join(",".join(row) for row in [names, *rows]))
    refused(
        3, "column 'c4999' has 1 missing value (first: row 2)", "train", "wide.csv", "--data.missing", "refuse", "-o", "r", *TINY
    )
    refused(2, "did you mean 'c4998'", "train", "wide.csv", "--data.labels", "c_4998", "-o", "r", *TINY)


# ---- what can be used all the same


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("content", "more", "warned"),
    [
        (
            with_value(4.0, slice(None), 0),
            [],
            "column 0 is always 4. There is nothing to learn: samples repeat the value exactly.",
        ),
        (np.full((60, 2), 4.0), [], "column 0 is always 4, column 1 is always 4"),
        (
            with_value(np.nan, [3, 9], 0),
            ["--data.missing", "drop"],
            "2 rows with missing or infinite values were dropped; 58 are left.",
        ),
        ({"values": ROWS, "labels": np.zeros(60, int)}, [], "all rows have the class '0'"),
        ({"values": ROWS, "labels": (np.arange(60) == 30).astype(int)}, [], "'1' has 1 row: too few"),
    ],
    ids=["constant column", "all constant", "gaps dropped", "one class", "one row in a class"],
)
def test_what_can_be_used_is_used_with_a_warning(content, more, warned):
    name = written("x.npz" if isinstance(content, dict) else "x.npy", content)
    code, out, err = run("train", name, "-o", "r", *TINY, *more)
    assert (code, out) == (0, "r\n"), err
    assert f"warning: {warned}" in err if warned else "warning" not in err
    assert "Traceback" not in err
    code, out, err = run("sample", "r", "-n", "5", "-o", "s.npy")
    assert code == 0, err
    assert np.isfinite(np.load("s.npy")).all()


@pytest.mark.usefixtures("undrawn")
def test_a_table_with_a_byte_order_mark_and_gaps_in_its_classes(here):
    # Catches a first column called '\ufeffplace', and a class called ''.
    text = "\ufeffplace,pet\n" + "\n".join(f"{i % 7},{'' if i == 30 else 'cat' if i % 2 else 'dog'}" for i in range(60))
    written("x.csv", text)
    arguments = ("train", "x.csv", "--data.labels", "pet", "-o", "r", *TINY)
    refused(
        3,
        "the labels have 1 missing value (first: row 30). Remove those rows, name their class, or pass --data.missing drop.",
        *arguments,
    )
    code, _, err = run(*arguments, "--data.missing", "drop")
    assert code == 0, err
    assert json.loads((here / "r" / "data.json").read_text())["rows"] == 59
    card = json.loads((here / "r" / "model" / "config.json").read_text())
    assert (card["names"], card["condition_settings"]["names"]) == (["place"], ["cat", "dog"])


# ---- names and places


@pytest.mark.parametrize(
    ("code", "said", "arguments"),
    [
        (2, "unknown data set 'mons': did you mean 'moons'?", ["train", "mons"]),
        (2, "unknown data set 'mons': did you mean 'moons'?", ["inspect", "mons"]),
        (2, "Did you mean --schedule", ["train", "good.npy", "--scedule", "flow"]),
        (2, "Did you mean --optim.lr", ["train", "good.npy", "--optim.lrr", "1"]),
        (2, "--debg", ["doctor", "--debg"]),
        (2, "did you mean 'flow'", ["train", "good.npy", "--schedule", "flwo"]),
        (2, "did you mean 'eps'", ["train", "good.npy", "--target", "epss"]),
        (2, "did you mean 'standardise'", ["train", "good.npy", "--data.encoder", "standardize"]),
        (2, "brings its own classes", ["train", "moons", "--data.labels", "pet"]),
        (2, "cannot hold labels='pet'", ["train", "good.npy", "--data.labels", "pet"]),
        (2, "refuse", ["train", "good.npy", "--data.missing", "dorp"]),
        (2, "data.points", ["train", "moons", "--data.points", "1"]),
        (2, "data.points", ["train", "moons", "--data.points", "-5"]),
        (2, "optim.steps", ["train", "good.npy", "--steps", "0"]),
        (2, "optim.steps", ["train", "good.npy", "--steps", "-1"]),
        (2, "optim.batch_size", ["train", "good.npy", "--batch-size", "-1"]),
        (2, "optim.batch_size", ["train", "good.npy", "--batch-size", "0"]),
        (2, "optim.lr", ["train", "good.npy", "--optim.lr", "nan"]),
        (2, "optim.lr", ["train", "good.npy", "--optim.lr", "inf"]),
        (2, "network.width", ["train", "good.npy", "--network.width", "0"]),
        (2, "data.held_out", ["train", "good.npy", "--data.held-out", "nan"]),
        (2, "data.held_out", ["train", "good.npy", "--data.held-out", "1"]),
        (2, "seed", ["train", "good.npy", "--seed", "-1"]),
        (2, "device", ["train", "good.npy", "--device", "gpu"]),
        (5, "no such file: 'goood.npy'", ["train", "goood.npy"]),
        (5, "no such file: 'good.npy/x.csv'", ["train", "good.npy/x.csv"]),
        (3, "1 of 2 files cannot be used (first: 'pipe.npy' is no file)", ["train", "."]),
        (3, "holds no images", ["inspect", "folder.csv"]),
        (2, "files that end in '.log' are not known", ["train", "notes.log"]),
        (2, "a file whose name has no end is not known", ["train", "/dev/null"]),
        (5, "'null.csv': it is a pipe or a device", ["train", "null.csv"]),
        (5, "'pipe.npy': it is a pipe or a device", ["train", "pipe.npy"]),
        (5, "'pipe.npy': it is a pipe or a device", ["inspect", "pipe.npy"]),
        (5, "symbolic links", ["train", "loop.csv"]),
        (5, "too long", ["train", "a" * 300 + ".csv"]),
        (2, "not the name of a file", ["train", "~nobody-of-that-name/x.csv"]),
        (5, "nowhere.toml", ["train", "good.npy", "-c", "nowhere.toml"]),
        (5, "Is a directory", ["train", "good.npy", "-c", "folder.csv"]),
        (2, "not valid TOML", ["train", "good.npy", "-c", "good.npy"]),
        (5, "full exists already", ["train", "good.npy", "-o", "full"]),
        (2, "DATA", ["inspect"]),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_a_wrong_name_or_place_is_refused(code, said, arguments):
    Path("notes.log").write_text("1 2")
    Path("folder.csv").mkdir()
    Path("full").mkdir()
    Path("full/mine.txt").write_text("not to be lost")
    Path("null.csv").symlink_to("/dev/null")
    Path("loop.csv").symlink_to("loop.csv")
    os.mkfifo("pipe.npy")
    out = [] if "-o" in arguments or arguments[0] != "train" else ["-o", "r"]
    refused(code, said, *arguments, *out)


@pytest.mark.parametrize(
    ("code", "said", "content"),
    [
        (2, "did you mean 'optim.lr'", "[optim]\nlrr = 3\n"),
        (2, "unknown setting 'train'", "[train]\nsteps = 3\n"),
        (2, "unknown setting 'steps'", "steps = 3\n"),
        (2, "'optim'", "[[optim]]\nsteps = 3\n"),
        (2, "'optim.lr'", "[optim]\nlr = nan\n"),
        (2, "'optim.steps'", "[optim]\nsteps = 2.5\n"),
        (2, "'optim.steps'", "[optim]\nsteps = 1979-05-27\n"),
        (2, "not valid TOML", "[optim\n"),
        (2, "not valid TOML", "a = " + "[" * 5000),
        (2, "not valid TOML", "seed = " + "9" * 5000),
        (2, "a number of too many digits", "seed = 0x" + "f" * 5000),  # Python will not write it in tens
        (2, "'diffusion.settings", "[diffusion.settings]\na = [0x" + "f" * 5000 + "]"),
        (2, "'diffusion.schedule", "[diffusion]\nschedule = ['" + "x" * 3000 + "']"),
        (2, "not valid TOML", b"\xff\xfe\x00"),
        (2, "not valid TOML", "\ufeffseed = 1\n"),
        (2, "'data.missing'", "[data]\nmissing = 'keep'\n"),
        (2, "'diffusion.settings", "[diffusion.settings]\nbeta_max = 'much'\n"),
    ],
)
def test_a_wrong_configuration_is_refused_by_key(code, said, content):
    # Catches a stray table that is passed over, and what is for `inspect` alone taken from a file.
    written("c.toml", content)
    assert "c.toml" in refused(code, said, "train", "good.npy", "-c", "c.toml", "-o", "r")


# ---- against a model


@pytest.mark.parametrize(
    ("code", "said", "arguments"),
    [
        (2, "at least 1", ["-n", "0"]),
        (2, "at least 1", ["-n", "-5"]),
        (2, "0 evaluations", ["--steps", "0"]),
        (2, "-3 evaluations", ["--steps", "-3"]),
        (2, "did you mean 'heun'", ["--method", "heum"]),
        (2, "without labels", ["--class", "cat"]),
        (2, "guidance", ["--guidance", "nan"]),
        (2, "seed", ["--seed", "-1"]),
        (2, ".csv", ["-o", "x.txt"]),
        (5, "exists already", ["-o", "good.npy"]),
        (5, "", ["-o", "good.npy/x.npy"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_sample_that_cannot_be_drawn_is_refused(trained, code, said, arguments):
    refused(code, said, "sample", trained, *arguments)


@pytest.mark.parametrize(
    ("code", "said", "place"),
    [
        (5, "nowhere", "nowhere"),
        (5, "MANIFEST.json", "empty"),
        (5, "good.npy", "good.npy"),
        (5, "", "foreign"),
        (5, "", "/dev/null"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(code, said, place):
    Path("empty").mkdir()
    Path("foreign").mkdir()
    Path("foreign/config.json").write_text('{"architectures": ["GPT2"]}')
    Path("foreign/MANIFEST.json").write_text("{}")
    refused(code, said, "sample", place, "-o", "s.npy")
    refused(code, said, "evaluate", place, "good.npy")


@pytest.mark.usefixtures("undrawn")
def test_rows_of_another_shape_are_refused_by_the_model_and_the_run_is_left_alone():
    assert run("train", "good.npy", "-o", "r", *TINY)[0] == 0
    np.save("three.npy", np.ones((60, 3)))
    np.save("image.npy", np.ones((60, 2, 1)))
    np.save("few.npy", ROWS[:9])
    np.save("gap.npy", with_value(np.nan, 1, 1))
    refused(3, "has rows of shape (3,), but the model was trained on (2,)", "evaluate", "r", "three.npy")
    refused(3, "has rows of shape (2, 1), but the model was trained on (2,)", "evaluate", "r", "image.npy")
    refused(2, "9 rows", "evaluate", "r", "few.npy")
    refused(3, "column 1 has 1 missing value (first: row 1)", "evaluate", "r", "gap.npy")
    refused(2, "unknown data set 'mons': did you mean 'moons'?", "evaluate", "r", "mons")
    refused(5, "resume", "train", "good.npy", "-o", "r", *TINY)
