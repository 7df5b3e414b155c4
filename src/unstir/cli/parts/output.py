"""What a command answers: paths, lines and tables on stdout for people, or one JSON object for programs. Progress is on stderr.

Whatever stdout and stderr are, a command goes on to its end. This is the rule for its exit code, the same for all commands:

    its reader has gone, as in `unstir evaluate RUN | head -1`      the command's own: the reader has what it wanted         (1)
    stdout is closed or full, so that an answer is lost             5, and a line on stderr; what is on disk is complete     (2)
    stderr is closed, full or has no reader                         the command's own: progress is a courtesy                (3)
"""

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.table import Table

from unstir.cli.parts.flags import Output
from unstir.errors import UnstirWarning
from unstir.training.streams import Stream, open_numbers

SIZES = {"COLUMNS": range(20, 1000), "LINES": range(4, 1000)}  # of a terminal, in which help and tables can be printed


@contextmanager
def outlasting() -> Iterator[Stream]:
    """Inside the block no stream can end the command, and warnings of the library are lines on stderr. Yields stdout."""
    open_numbers()
    before, asked = (sys.stdout, sys.stderr), {name: os.environ.get(name) for name in SIZES}
    out, err = sys.stdout, sys.stderr = Stream(sys.stdout), Stream(sys.stderr, courtesy=True)
    for name, usable in SIZES.items():
        if not ((asked[name] or "").isdecimal() and int(asked[name] or 0) in usable):
            os.environ.pop(name, None)
    with warnings.catch_warnings():
        warnings.simplefilter("always", UnstirWarning)
        warnings.showwarning = _warner(warnings.showwarning)
        try:
            yield out
        finally:
            for stream in (out, err):
                stream.release()
            sys.stdout, sys.stderr = before
            os.environ.update({name: value for name, value in asked.items() if value is not None})


def _warner(others: Callable[..., None]) -> Callable[..., None]:
    """How Python shows warnings: those of the library as the command line shows its own, all others by `others`."""

    def show(message: Warning | str, category: type[Warning], *more: Any) -> None:
        if not issubclass(category, UnstirWarning):
            return others(message, category, *more)
        from unstir.cli.parts.progress import warn  # which needs torch, as whatever warns has needed, too

        return warn(str(message))

    return show


def lost(out: Stream) -> str:
    """What to say where an answer was lost, by (2); nothing where it was not, or where only a reader has gone, by (1)."""
    if out.lost is None or isinstance(out.lost, BrokenPipeError):
        return ""
    why = getattr(out.lost, "strerror", None) or str(out.lost)
    return f"error: the answer could not be written to stdout: {why}. What the command wrote into files is complete."


def live() -> bool:
    """Whether stderr is a terminal whose lines can be written again and again."""
    return sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


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
