"""Run folders: what a training run leaves on disk.

    config.toml  data.json  run.json  metrics.jsonl  model/  samples/  figures/

`metrics.jsonl` is the truth about how training went, one object a logged step; `model/` is the only part to share.
"""

import json
import platform
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unstir import __version__
from unstir.checkpoint import json_bytes, refuse_existing, storage_errors, write_file


class Run:
    """A run folder that is being written. `create` makes one; nothing in an existing folder is ever touched."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def create(cls, path: Path | None, name: str) -> "Run":
        """A new folder: at `path`, or `runs/<name>-<four random digits>`. StorageError where it exists."""
        path = path or Path("runs") / f"{Path(name).stem}-{secrets.token_hex(2)}"
        refuse_existing(path)
        with storage_errors(path):
            path.mkdir(parents=True)
        return cls(path)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the run, whole or not at all."""
        write_file(self.path / name, text.encode())

    def write_json(self, name: str, document: Any) -> None:
        """Write a JSON file of the run, whole or not at all."""
        write_file(self.path / name, json_bytes(document))

    def log(self, row: dict[str, Any]) -> None:
        """Append one object to `metrics.jsonl`; NaN, for what was not measured, becomes null."""
        with storage_errors(self.path), open(self.path / "metrics.jsonl", "a") as file:
            file.write(json.dumps(_finite(row), allow_nan=False) + "\n")

    def folder(self, name: str) -> Path:
        """A sub-folder, made if need be."""
        with storage_errors(self.path):
            (self.path / name).mkdir(exist_ok=True)
        return self.path / name


def about_this_run(command: list[str], seed: int, data_sha256: str, device: str) -> dict[str, Any]:
    """What `run.json` holds at the start: versions, device, threads, command, seed, the data's sha256, status."""
    return {
        "status": "running",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "seed": seed,
        "data_sha256": data_sha256,
        "device": device,
        "threads": torch.get_num_threads(),
        "world_size": 1,
        "versions": {
            "unstir": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "platform": sys.platform,
        },
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
