"""`run.json`: when, where and how a run was started, and how it stands: running, stopped, failed or finished."""

import json
from pathlib import Path
from typing import Any

from unstir.data import Data
from unstir.data.readers import KNOWN
from unstir.errors import StorageError
from unstir.files import storage_errors
from unstir.runs.environment import environment, now
from unstir.runs.lock import is_locked
from unstir.training.config import Config
from unstir.words import quoted

ABOUT = "run.json"
STARTED_IN = "folder"  # the entry with the folder in which the command was typed: a relative path to the data starts there

MOVED_TO = "data_moved_to"  # the entry with the path at which `unstir resume --data` found the data, where it was moved


def about_this_run(command: list[str], config: Config, data: Data, device: str) -> dict[str, Any]:
    """What `run.json` holds at the start: versions, device, threads, command, seed, the data's sha256, status."""
    return {
        "status": "running",
        "started": now(),
        "command": command,
        STARTED_IN: str(Path.cwd()),
        "seed": config.seed,
        "data_sha256": data.sha256(),
        "environment": environment(device),
        "resumed": [],
    }


def absolute(source: str) -> str:
    """A path as it can be found from any folder; the name of a built-in set stays as it is."""
    return source if source in KNOWN else str(Path(source).expanduser().absolute())


def read_about(path: Path) -> dict[str, Any]:
    """The entries of a run's `run.json`. StorageError where the folder is no run, or the file is damaged."""
    with storage_errors(path):
        if not (path / ABOUT).is_file():
            raise StorageError(f"{path} is not a run folder: it has no {ABOUT}. `unstir train DATA -o {quoted(path)}` makes one.")
        try:
            about = json.loads((path / ABOUT).read_text())
        except ValueError as error:
            raise StorageError(f"{path / ABOUT} is damaged: {error}. Use another copy.") from None
    if not isinstance(about, dict):
        raise StorageError(f"{path / ABOUT} does not hold a JSON object. Use another copy.")
    return about


def read_status(path: Path) -> dict[str, Any]:
    """`read_about`, but a run that says "running" while no process holds it is "stopped": a killed process cannot say so itself."""
    about = read_about(path)
    if about.get("status") == "running" and not is_locked(path):
        why = f"The process that ran it is gone, killed or by a crash of the machine. `unstir resume {quoted(path)}` goes on."
        return about | {"status": "stopped", "why": why}
    return about
