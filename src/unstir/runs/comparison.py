"""The folder of a comparison: what `unstir compare` leaves on disk, and how a stopped one is recognised and completed.

runs/compare-schedules-swiss_roll-7f3a/
  comparison.json              what is compared: it decides whether a stopped comparison can be completed here
  linear.toml ...              the settings of each training, for `unstir train --config`
  run.json                     about.py
  results/linear-seed0.json    scores of one training, written when it is done
  samples/linear.npz           samples of the first seed
  results.json  table.csv  comparison.png  comparison.pdf  report.html  report.json
"""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unstir.comparison.layout import Comparison, Training
from unstir.errors import StorageError
from unstir.files import json_bytes, write_file
from unstir.runs.about import about_this_run
from unstir.runs.folder import Run
from unstir.training.config_file import write_config

IDENTITY = "comparison.json"


def is_comparison(folder: Path) -> bool:
    """Whether the folder is that of a comparison."""
    return (folder / IDENTITY).exists()


def comparison_folder(laid_out: Comparison, source: str, out: Path | None, command: list[str]) -> Run:
    """A new folder, or an existing one of the same comparison. StorageError for a folder of anything else, saying what differs."""
    document, configs = laid_out.as_json(), {f"{t.name}.toml": write_config(t.config) for t in laid_out.trainings}
    if out is not None and is_comparison(out):
        try:
            there = json.loads((out / IDENTITY).read_text())
        except (OSError, ValueError) as error:
            raise StorageError(f"{out / IDENTITY} cannot be read: {error}. Choose another --out.") from None
        if there != json.loads(json_bytes(document)):
            raise StorageError(f"{out} holds another comparison: {_first_difference(there, document)}. Choose another --out.")
        return Run.open(out)
    base = laid_out.trainings[0].config
    about = about_this_run(command, base, laid_out.data, base.device)
    name = f"compare-{laid_out.what}-{Path(source).stem}"
    return Run.create(out, name, {"run.json": about, IDENTITY: document, **configs})


def has_result(run: Run, training: Training, seed: int) -> bool:
    """Whether this training is done."""
    return _result(run, training, seed).exists()


def write_result(run: Run, training: Training, seed: int, seconds: float, scores: Sequence[Mapping[str, float]]) -> None:
    """Put on disk that this training is done: its time, and the scores of each of its readings."""
    run.folder("results")
    write_file(_result(run, training, seed), json_bytes({"seconds": seconds, "scores": scores}))


def read_result(run: Run, training: Training, seed: int) -> list[dict[str, float]]:
    """The scores of each reading of a training that is done. StorageError where the file is damaged."""
    path = _result(run, training, seed)
    try:
        return json.loads(path.read_text())["scores"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StorageError(f"{path} cannot be read ({type(error).__name__}). Delete it, and it is made again.") from None


def write_samples(run: Run, training: Training, drawn: Sequence[np.ndarray]) -> None:
    """Keep the samples (n, d) of each reading of a training, float32, in an .npz file by the number of the reading."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{str(i): rows.astype(np.float32) for i, rows in enumerate(drawn)})
    write_file(run.folder("samples") / f"{training.name}.npz", buffer.getvalue())


def _result(run: Run, training: Training, seed: int) -> Path:
    return run.path / "results" / f"{training.name}-seed{seed}.json"


def _first_difference(there: Any, here: Any, where: str = "") -> str:
    """The first place at which two documents differ, in words."""
    here = json.loads(json.dumps(here))
    if isinstance(there, dict) and isinstance(here, dict) and there.keys() == here.keys():
        return next(
            _first_difference(there[key], here[key], f"{where}.{key}".strip(".")) for key in here if there[key] != here[key]
        )
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        return next(_first_difference(a, b, where) for a, b in zip(there, here, strict=True) if a != b)
    short = (json.dumps(value)[:60] for value in (there, here))
    return "{} is {} there and {} here".format(where or "it", *short)
