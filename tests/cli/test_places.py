"""Places: a name of a file is any bytes, ~ is home in every flag, and data that was moved is found again, if it is the same."""

import gzip
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unstir
from commands import TINY, refused, run
from unstir.cli.parts.inspected import facts
from unstir.data import check_path, load, survey, write
from unstir.errors import StorageError, UsageError
from unstir.runs.about import read_about
from unstir.training.config import resolve
from unstir.training.config_file import annotated_config, read_config, write_config
from unstir.training.presets import load_data, settle
from unstir.training.streams import Stream
from unstir.words import printable, quoted

BRIEF = (*TINY, "--steps", "3", "--quiet")
ODD = os.fsdecode(b"caf\xe9 \xff")  # no UTF-8
ROWS = np.random.default_rng(0).normal(size=(60, 2))

pytestmark = pytest.mark.usefixtures("brief", "undrawn", "here")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Every test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, ROWS, delimiter=",", header="a,b", comments="")
    return path


# ---- any bytes in a name


@pytest.mark.parametrize("name", [ODD, "a\nb", "file:it's 100% ☃"])
def test_a_run_of_a_file_of_any_name(name):
    """From data to report, resumed, and repeated from its settings. Catches a config.toml, a README or a page that cannot be written after
    training, and a name that is read back as another."""
    table(f"{name}.csv")
    code, out, err = run(
        "train", f"./{name}.csv" if ":" in name else f"{name}.csv", "-o", name, *BRIEF, *["--report"] * (name == ODD)
    )
    assert (code, out.strip()) == (0, name), err
    text = (Path(name) / "config.toml").read_text(encoding="utf-8")
    assert read_config(Path(name) / "config.toml")["data"]["source"].removeprefix("./") == f"{name}.csv"
    assert "\\udc" not in (Path(name) / "model/README.md").read_text(encoding="utf-8") + text
    assert run("resume", name)[0] == 0
    assert run("sample", name, "-n", 5, "-o", f"{name}/{name}.npy")[0] == 0
    assert np.load(f"{name}/{name}.npy").shape == (5, 2)
    code, out, err = run("train", "--config", f"{name}/config.toml", "-o", "again", *BRIEF)
    assert code == 0, err
    assert read_about(Path(name))["data_sha256"] == read_about(Path("again"))["data_sha256"]
    assert (Path(name) / "model/model.safetensors").read_bytes() == Path("again/model/model.safetensors").read_bytes()


@pytest.mark.parametrize("end", ["npy", "npz", "safetensors", "csv.gz"])
def test_every_format_is_read_from_a_file_of_any_name(end):
    # Catches a reader that cannot be given such a name.
    write(f"{ODD}.csv" if "." in end else f"{ODD}.{end}", ROWS)
    if "." in end:
        Path(f"{ODD}.{end}").write_bytes(gzip.compress(Path(f"{ODD}.csv").read_bytes()))
    np.testing.assert_array_equal(load(f"{ODD}.{end}").values, ROWS)


def test_a_folder_of_any_name_is_a_class_that_can_be_asked_for():
    """As it is printed, or as it is typed. Catches a folder that is refused, and a class that nobody can name."""
    for name in (ODD, "dog"):
        os.makedirs(f"in/{name}")
        for i in range(6):
            Image.fromarray(np.full((8, 8), 20 * i, np.uint8)).save(f"in/{name}/{i}.png")
    assert load("in").classes == ("caf\\xe9 \\xff", "dog")
    assert run("train", "in", "-o", "r", *BRIEF)[0] == 0
    for typed in (ODD, "caf\\xe9 \\xff"):
        code, out, err = run("sample", "r", "-n", 3, "--class", typed, "-o", f"{len(typed)}.npz", "--steps", "2")
        assert code == 0, err
        assert set(np.load(out.strip())["labels"]) == {"caf\\xe9 \\xff"}


def test_a_message_names_what_cannot_be_printed():
    # Catches a traceback in place of a message.
    for arguments in (["train", f"{ODD}.csv"], ["sample", ODD], ["train", "moons", "-c", f"{ODD}.toml"]):
        refused(5, "caf", *arguments)


def test_stdout_gets_the_bytes_of_a_name_and_messages_its_numbers():
    # Catches a path on stdout that leads nowhere, and a message with half a character in it.
    kept = io.BytesIO()
    under = io.TextIOWrapper(kept, "utf-8", "strict")
    print(f"{ODD} ± 2", file=Stream(under), flush=True)
    assert kept.getvalue() == "caf\udce9 \udcff ± 2\n".encode(errors="surrogateescape")
    assert printable(ODD) == "caf\\xe9 \\xff"


def test_what_is_typed_next_can_be_typed():
    # Catches a name with a space or a newline that falls apart in the shell.
    for name in (ODD, "a b", "it's", "a\nb", "back\\slash \x01", "plain-1.2_x", "ü"):
        typed = subprocess.run(["bash", "-c", f"printf %s {quoted(name)}"], capture_output=True, check=True)
        assert typed.stdout == os.fsencode(name)


def test_settings_keep_any_source():
    # Also beside comments, and a name that looks like the spelling of another.
    for source in (f"{ODD}.csv", "file:caf%E9.csv", "100%.csv", "~/x.csv", 'q"uo\\te.csv'):
        config = resolve({"data": {"source": source}})
        for i, text in enumerate((write_config(config), annotated_config(config, {"flag": {"data": {"source": source}}}))):
            path = Path(f"c{i}.toml")
            path.write_text(text, encoding="utf-8")
            assert read_config(path)["data"]["source"] == source
            path.unlink()


# ---- home


def test_home_is_written_out_in_every_flag(monkeypatch, here):
    """`--out=~/x` reaches us as it is typed. Catches a folder called ~."""
    home = here / "home"
    monkeypatch.setenv("HOME", str(home))
    table(home / "d.csv")
    assert run("train", "~/d.csv", "-o", "~/r", *BRIEF)[0] == 0
    np.save(home / "mask.npy", np.array([True, False]))
    shutil.copy(home / "r/config.toml", home / "c.toml")
    for arguments in (
        ["resume", "~/r", "--data", "~/d.csv"],
        ["sample", "~/r", "-n", "4", "-o", "~/x.csv"],
        ["sample", "~/r/model", "-n", "4", "-o", "~/new/"],
        ["inpaint", "~/r", "~/d.csv", "--mask", "~/mask.npy", "-o", "~/y.npy", "--rows", "1,2", "--steps", "3"],
        ["interpolate", "~/r", "~/d.csv", "--rows", "1,2", "-n", "3", "-o", "~/z.npy", "--steps", "3"],
        ["train", "--config", "~/c.toml", "-o", "~/r2", *BRIEF],
        ["report", "~/r", "-o", "~/page.html"],
        ["evaluate", "~/r", "~/d.csv", "-n", "20", "--steps", "3"],
    ):
        code, _, err = run(*arguments)
        assert (code, arguments) == (2 if "~/new/" in arguments else 0, arguments), err  # rows of a table are no PNGs
    assert {"x.csv", "y.npy", "z.npy", "r2", "page.html"} <= {path.name for path in home.iterdir()}
    unstir.load("~/r").save("~/m")
    assert unstir.load(home / "m").card.names == ("a", "b")
    assert write("~/w.npy", ROWS) == home / "w.npy"
    with pytest.raises(StorageError, match="exists already"):
        check_path("~/w.npy", (2,), "float64")
    assert not (here / "~").exists()


# ---- data that was moved


def _begin(folder, source):
    """A run that has begun, and its status says that it was stopped."""
    code, _, err = run("train", source, "-o", folder, *BRIEF)
    assert code == 0, err
    whole = (Path(folder) / "model/model.safetensors").read_bytes(), (Path(folder) / "model/config.json").read_bytes()
    shutil.rmtree(Path(folder) / "model")
    about = Path(folder) / "run.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"status": "stopped"}))
    return whole


@pytest.mark.parametrize("new", ["elsewhere/d.csv", f"{ODD}/moved.csv"])
def test_data_that_was_moved_is_found_with_its_place(here, new):
    """The run goes on to the same model, and its new place is known to the commands after it. Catches a place that only `resume` knows, and
    a model that says where its data was on the day of the resume."""
    whole = _begin("r", table("d.csv"))
    Path(new).parent.mkdir(exist_ok=True)
    Path("d.csv").rename(new)
    line = refused(5, "the data of r is gone: no file or folder 'd.csv'", "resume", "r")
    assert "unstir resume r --data PATH" in line
    code, _, err = run("resume", "r", "--data", new)
    assert code == 0, err
    assert whole == (Path("r/model/model.safetensors").read_bytes(), Path("r/model/config.json").read_bytes())
    os.chdir("r")
    assert run("evaluate", "../r", "-n", "20", "--steps", "3")[0] == 0
    os.chdir(here)
    Path(new).rename("third.csv")
    refused(5, "is gone", "evaluate", "r")
    assert run("resume", "r", "--data", "third.csv")[0] == 0  # finished: the place is noted
    assert run("evaluate", "r", "-n", "20", "--steps", "3")[0] == 0
    assert read_about(Path("r"))["status"] == "finished"
    assert run("train", "third.csv", "--config", "r/config.toml", "-o", "again")[0] == 0
    assert Path("again/model/model.safetensors").read_bytes() == whole[0]


def test_other_data_is_refused_with_both_hashes():
    # Catches another file taken for the moved one, and one that was changed in its place.
    _begin("r", table("d.csv"))
    Path("d.csv").rename("old.csv")
    np.savetxt("d.csv", ROWS + 1, delimiter=",", header="a,b", comments="")
    for more in ([], ["--data", "d.csv"]):
        line = refused(5, "d.csv is not the data that r was trained on: its sha256 differs", "resume", "r", *more)
        assert re.search(r"[0-9a-f]{12}\.\.\. now and [0-9a-f]{12}\.\.\. then", line)
        assert "data_moved_to" not in read_about(Path("r"))
    refused(5, "no such file: 'nowhere.csv'", "resume", "r", "--data", "nowhere.csv")
    assert run("resume", "r", "--data", "old.csv")[0] == 0


def test_a_folder_that_was_moved_and_its_table_of_classes():
    # Catches "unknown data set 'photos'" for a folder that has gone, and a table that is looked for where the command is typed.
    for i in range(12):
        os.makedirs("photos", exist_ok=True)
        Image.fromarray(np.full((8, 8), 20 * i, np.uint8)).save(f"photos/{i}.png")
    Path("t.csv").write_text("file,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(12)))
    code, _, err = run("train", "photos", "-o", "r", "--data.labels-from", "t.csv", *BRIEF[:-1])
    assert code == 0, err
    assert "2 classes from column 'label' of t.csv" in err
    os.makedirs("other")
    os.chdir("other")
    assert run("evaluate", "../r", "-n", "20", "--steps", "2")[0] in (0, 2)
    os.rename("../photos", "../pictures")
    refused(5, "the data of ../r is gone: no file or folder 'photos'", "evaluate", "../r")
    assert run("resume", "../r", "--data", "../pictures")[0] == 0


def test_inspect_says_what_classes_were_taken_from():
    Path("d.csv").write_text("a,kind\n" + "".join(f"{i}.5,{'cd'[i % 2]}\n" for i in range(40)))
    asked = resolve({"data": {"source": "d.csv", "labels": "kind"}})
    data = load_data(asked)
    assert facts(data, survey(data), settle(data))[-1] == "classes: 2 (c: 20, d: 20); from column 'kind'"
    with pytest.raises(UsageError, match="is no folder, so labels_from='name' does not apply"):
        load("d.csv", labels_from="name")
