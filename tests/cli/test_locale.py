"""Names that are not ASCII, where the locale knows ASCII only, as in a bare container: files, columns and classes keep their names."""

import os

import numpy as np
import pytest
from PIL import Image

from commands import process
from unstir import fit
from unstir.data import load
from unstir.training.config import resolve

# Each command in turn, in one process, which is quicker; figures are left out.
ALL = """
import sys
from unstir.cli import main
from unstir.cli.parts import finishing
finishing.draw = lambda recording, *_: recording.run.folder("samples")
for command in "\\0".join(sys.argv[1:]).split("\\0;\\0"):
    try:
        main(command.split("\\0"))
    except SystemExit as stop:
        print("exit", stop.code or 0, flush=True)
"""
ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SMALL = ("--steps", "3", "--network.architecture", "mlp", "--network.width", "8", "--network.depth", "1", "--quiet")


def commands_in_ascii(folder, *commands):
    """What the commands print, run one after another in that folder, where the locale is C."""
    arguments = [str(part) for i, command in enumerate(commands) for part in ((";",) if i else ()) + command]
    done = process("-c", ALL, *arguments, cwd=folder, env={**os.environ, **ASCII}, errors="replace")
    assert [line for line in done.stdout.splitlines() if line.startswith("exit")] == ["exit 0"] * len(commands), done.stderr
    return done.stdout


def test_files_columns_and_classes_keep_their_names(tmp_path):
    # Catches a column that is typed and not found, a file that cannot be opened again from the settings of the run, and samples of images
    # whose class is no name of a folder in that locale. One process for all: most of its time goes by before the first command.
    rows = np.random.default_rng(0).normal(size=(60, 3))
    art = np.where(rows[:, 0] > 0, "süß", "酸")
    lines = ["größe,重さ,art", *(f"{x!r},{y!r},{kind}" for (x, y, _), kind in zip(rows.tolist(), art, strict=True))]
    (tmp_path / "äpfel_日本.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for kind in ("kätzchen", "犬"):
        (tmp_path / "tiere" / kind).mkdir(parents=True)
        for i in range(6):
            pixels = np.random.default_rng(i).integers(0, 255, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "tiere" / kind / f"é{i}.png")
    run = "läufe/é"
    pets = load(tmp_path / "tiere")
    held = pets.rows.held, [pets.classes[i] for i in pets.labels]
    fit(*held, steps=2, width=8, depth=1, architecture="mlp").save(tmp_path / "modell_é")
    commands_in_ascii(
        tmp_path,
        ("train", "äpfel_日本.csv", "-o", run, "--data.labels", "art", "--data.columns", "重さ,größe", *SMALL),
        ("sample", run, "-n", "4", "--class", "süß", "-o", "出.csv"),
        ("inpaint", run, "äpfel_日本.csv", "--rows", "1", "--fill", "größe", "-o", "füll.csv"),
        ("evaluate", run, "-n", "20"),
        ("report", run),
        ("sample", "modell_é", "-n", "2", "--class", "kätzchen", "-o", "aus/", "--steps", "2"),
        ("inpaint", "modell_é", "tiere", "--rows", "7", "--mask", "tiere/犬/é0.png", "-o", "füll/", "--steps", "2"),
    )
    names, first = (tmp_path / "出.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert (names, first.rpartition(",")[2]) == ("重さ,größe,art", "süß")
    assert f"{rows[1, 1]:.5g}"[:5] in (tmp_path / "füll.csv").read_text(encoding="utf-8")
    assert "größe" in (tmp_path / run / "report.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in (tmp_path / "aus" / "kätzchen").iterdir()) == ["00000.png", "00001.png"]
    assert [path.name for path in (tmp_path / "füll").iterdir()] == ["00000.png"]


@pytest.mark.parametrize("name", ["größe", "größe".encode().decode("ascii", "surrogateescape")])
def test_a_setting_that_names_a_column_is_text_however_it_was_decoded(name):
    assert resolve({"data": {"labels": name, "columns": name, "groups": name}}).data.column_names == ("größe",)
