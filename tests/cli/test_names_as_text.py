"""Names from the data are text wherever they are printed: no colours, no markup, nothing that a terminal obeys."""

import sys

import numpy as np
import pytest
from rich.table import Table

from commands import TINY, run
from unstir.cli.parts.output import show
from unstir.cli.parts.progress import note

ODD = ("pressure [bar]", "rate [/s]", "[red]x[/red]", ":smile:", "[bold]", "{x} %s", "[link=file:///]a", "\\[b]")


def test_tables_show_names_as_they_are(capsys):
    # Catches a unit in brackets that vanishes, a traceback at [/s], and a name that becomes a picture.
    table = Table("column", *ODD, title=ODD[1])
    table.caption = ODD[2]
    for name in ODD:
        table.add_row(name)
    show(table)
    out = capsys.readouterr().out
    assert all(f"│ {name} " in out for name in ODD)
    assert ODD[2] in out.splitlines()[-1]
    assert ODD[1] in out.splitlines()[0]


@pytest.mark.parametrize("name", ["\x1b[2Jx", "a\x07b", "\u202etxt.exe", "\u200b", "\x9b31m", "a\rb"])
def test_what_a_terminal_would_obey_is_escaped(tmp_path, name, capsys):
    # Catches a screen that is cleared by a column's name, and a message that reads backwards.
    np.savez(tmp_path / "a.npz", x=np.random.default_rng(0).normal(size=(60, 2)), **{f"n{name}": np.ones(3)})
    code, out, err = run("train", tmp_path / "a.npz", "--dry-run", *TINY)
    assert code == 0
    assert f"'n{ascii(name)[1:-1]}' is not used" in err
    assert name not in out + err
    note(f"class {name}")
    print(name, file=sys.stdout)  # the name is there to be found
    printed = capsys.readouterr()
    assert name in printed.out
    assert name not in printed.err
    code, out, err = run("train", f"{name}.csv")
    assert code != 0
    assert name not in out + err
