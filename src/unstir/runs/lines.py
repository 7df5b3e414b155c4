"""Files of JSON lines that a killed process may have cut off: `metrics.jsonl` and `plan.jsonl`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from unstir.errors import StorageError
from unstir.files import storage_errors

T = TypeVar("T")


def read_lines(file: Path, made: Callable[[Any], T], what: str) -> list[T]:
    """`made` of the JSON of each line, without a last line that was cut off; [] where there is no file.

    A line that is no JSON, or of which `made` raises ValueError, TypeError or KeyError, is a StorageError: it is not `what`.
    """
    if not file.exists():
        return []
    with storage_errors(file.parent):
        *lines, _ = file.read_bytes().split(b"\n")
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(made(json.loads(line)))
        except (ValueError, TypeError, KeyError):
            raise StorageError(f"{file}, line {number}: not {what}. Use another copy.") from None
    return found
