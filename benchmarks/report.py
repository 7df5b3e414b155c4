"""What every benchmark says: on which machine, how often, and tables of figures. With --json the same as one JSON object.

A table's columns are names with formats; a row is a dictionary by those names, and what it lacks is printed as '-'.
"""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Figures under a title: columns {name: format}, rows, and sentences on how to read them."""

    title: str
    columns: dict[str, str]
    rows: Sequence[Row]
    notes: Sequence[str] = field(default_factory=tuple)


def parser(lesson: str) -> argparse.ArgumentParser:
    """The options that all benchmarks have; a benchmark's own docstring is its help."""
    made = argparse.ArgumentParser(description=lesson, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return made


def machine() -> dict[str, str | int | None]:
    """What the figures were measured on."""
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def cpu() -> str:
    """The processor's name, as Linux tells it; elsewhere what Python knows."""
    about = Path("/proc/cpuinfo")
    if about.exists():
        for line in about.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def show(tables: Sequence[Table], repeats: str, as_json: bool) -> None:
    """Print the machine, the number of repeats and the tables."""
    if as_json:
        print(json.dumps({"machine": machine(), "repeats": repeats, "tables": [asdict(table) for table in tables]}))
        return
    print("machine: " + ", ".join(f"{key} {value}" for key, value in machine().items()))
    print(f"repeats: {repeats}")
    for table in tables:
        print(f"\n{table.title}")
        cells = [list(table.columns), *([cell(row.get(c), f) for c, f in table.columns.items()] for row in table.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for line in cells:
            first = line[0].ljust(widths[0])
            print("  ".join([first, *(text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True))]).rstrip())
        for note in table.notes:
            print(note)


def cell(value: Any, form: str) -> str:
    """A figure in its column's format; words as they are."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else format(value, form)


def with_summary(rows: Sequence[Row], over: str) -> list[Row]:
    """The rows, and below several of them the median, lowest and highest of every number, named in the column `over`."""
    if len(rows) == 1:
        return list(rows)
    names = [name for name, value in rows[0].items() if name != over and not isinstance(value, str)]
    summary = {"median": statistics.median, "lowest": min, "highest": max}
    return [*rows, *({over: word} | {name: of([row[name] for row in rows]) for name in names} for word, of in summary.items())]


def note(text: str) -> None:
    """A line of progress on stderr."""
    print(text, file=sys.stderr, flush=True)
