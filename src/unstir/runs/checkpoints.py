"""Checkpoints: where training stands, written so that a stopped or killed run goes on as if nothing had happened.

    checkpoints/step-00002000/   state.safetensors   state.json   MANIFEST.json

A checkpoint appears whole or not at all. The last two are kept: the newest, and the one before it in case the newest is damaged.

    >>> import torch
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place, Run.create(Path(place) / "r", "r", {"run.json": {}}) as run:
    ...     write_checkpoint(run, 5, {"weight": torch.ones(1)}, {"seconds": 1.5})
    ...     newest_checkpoint(run).document
    {'seconds': 1.5}
"""

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from unstir.errors import StorageError
from unstir.files import read_folder, storage_errors, write_folder
from unstir.runs.folder import Run

FOLDER = "checkpoints"
NAME = "step-{:08d}"
KEPT = 2


class Checkpoint(NamedTuple):
    """A whole one: its folder, its tensors, the numbers beside them, and for each newer one that is damaged a sentence why."""

    path: Path
    tensors: dict[str, Tensor]
    document: dict[str, Any]
    damaged: list[str]


def write_checkpoint(run: Run, step: int, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
    """Write the checkpoint of a step, then delete all but the last two. StorageError where the folder cannot take it."""
    folder = run.folder(FOLDER)
    if (folder / NAME.format(step)).exists():
        return  # the same step of the same run: the same numbers
    write_folder(folder / NAME.format(step), {"state": tensors}, {"state": dict(document)})
    with storage_errors(folder):
        for old in _all(run.path)[:-KEPT]:
            shutil.rmtree(old.rename(old.with_name(f".{old.name}.old.tmp")))  # renamed first: nobody reads half a checkpoint


def newest_checkpoint(run: Run) -> Checkpoint | None:
    """The newest checkpoint that is whole, to go on from it; None where none was written yet.

    Damaged ones that are newer are renamed to `damaged-...`. StorageError where all are damaged: then they stay where they are.
    """
    with storage_errors(run.path):
        for unfinished in (run.path / FOLDER).glob(".*.tmp"):  # of a process that was killed while it wrote
            shutil.rmtree(unfinished)
    damaged: dict[Path, str] = {}
    for path in reversed(_all(run.path)):
        try:
            tensors, document = _read(path)
        except StorageError as error:
            damaged[path] = str(error)
            continue
        for other in damaged:
            with storage_errors(other):
                other.rename(other.with_name(f"damaged-{other.name}-{secrets.token_hex(2)}"))
        return Checkpoint(path, tensors, document, list(damaged.values()))
    if damaged:
        raise StorageError(
            f"no checkpoint of {run.path} is whole: {' '.join(damaged.values())} Put a copy of one back into "
            f"{run.path / FOLDER}, or train again: unstir train --config {run.path / 'config.toml'} --out NEW."
        )
    return None


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and document of the newest whole checkpoint of the run at `path`, without changing anything; None where there is none.

    This needs no lock, and does not disturb the process that trains: a checkpoint appears and disappears as a whole.
    """
    for folder in reversed(_all(path)):
        try:
            return _read(folder)
        except StorageError:
            continue
    return None


def _all(path: Path) -> list[Path]:
    """The checkpoints of a run, the oldest first."""
    return sorted((path / FOLDER).glob("step-*"))


def _read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors, documents = read_folder(folder, ["state"], ["state"])
    return tensors["state"], documents["state"]
