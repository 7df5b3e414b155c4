"""What a command answers: paths, lines and tables on stdout for people, or one JSON object for programs. Progress is on stderr."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from unstir.cli.parts.flags import Output


def answer(output: Output, document: Mapping[str, Any], *lines: object) -> None:
    """The result of a command: `document` with --json, else the lines."""
    print(json.dumps(document)) if output.json else print(*lines, sep="\n")


def show(*tables: Table) -> None:
    """Print tables to stdout, as wide as the terminal, or 120 columns wide where there is none."""
    from rich.console import Console

    # Names from the data are text: [red] in one is no colour, and [/s] no end of one.
    console = Console(width=None if sys.stdout.isatty() else 120, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:  # where nobody reads stdout any more, rich would end the process itself
        for table in tables:
            console.print(table)
    print(captured.get(), end="")


def typed_command() -> list[str]:
    """The command as it was typed, for the record of a run."""
    return ["unstir", *sys.argv[1:]]
