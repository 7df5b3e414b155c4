"""What a run was trained on: the rows themselves, their description in `data.json`, and the encoder that was fitted to them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unstir.data import Data
from unstir.data.statistics import statistics
from unstir.encoders.base import Encoder
from unstir.encoders.rows import parts
from unstir.encoders.turned import rebuilt, saved, statistics_of
from unstir.errors import StorageError
from unstir.files import read_folder, storage_errors, write_folder
from unstir.runs.about import STARTED_IN, read_about
from unstir.training.config import Config
from unstir.training.fitting import Fitting
from unstir.training.presets import load_data

DESCRIPTION = "data.json"
ENCODER = "encoder"


def read_data(path: Path, config: Config) -> Data:
    """The rows that a run was trained on, read again and found the same.

    A relative path is tried from here, then from the folder in which the run was started. StorageError where the data differs.
    """
    about, source = read_about(path), config.data.source
    elsewhere = Path(str(about.get(STARTED_IN, "."))) / source
    if not Path(source).exists() and elsewhere.exists():
        config = config.model_copy(update={"data": config.data.model_copy(update={"source": str(elsewhere)})})
    data = load_data(config)
    if data.sha256() != about.get("data_sha256"):
        raise StorageError(f"{source} is not the data that {path} was trained on: its sha256 differs. Bring the old file back.")
    return data


def describe(data: Data, fitting: Fitting) -> dict[str, Any]:
    """What `data.json` says of the data that a fitting was made of: shape, names, classes, statistics and encoder."""
    found = statistics_of(fitting.drawn, fitting.encoder).merged(statistics(parts(fitting.unseen.rows)))
    each = {"mean": found.mean, "std": found.deviation, "min": found.low, "max": found.high}
    return {
        "source": data.source,
        "rows": len(data),
        "trained_on": len(fitting.training),
        "held_out": len(fitting.unseen),
        "shape": data.shape,
        "axes": data.axes.letters,
        "dtype": data.dtype,
        "bounds": data.bounds,
        "names": data.names,
        "classes": data.classes,
        "statistics": {name: values.flatten().tolist() for name, values in each.items()},
        "encoder": {"name": fitting.encoder.name, "settings": fitting.encoder.settings},
        "reconstruction": fitting.reconstruction and fitting.reconstruction._asdict(),
    }


def read_description(path: Path) -> dict[str, Any]:
    """The entries of a run's `data.json`: shape, names, classes, statistics. StorageError where it is missing or damaged."""
    with storage_errors(path / DESCRIPTION):
        try:
            return json.loads((path / DESCRIPTION).read_text())
        except ValueError as error:
            raise StorageError(f"{path / DESCRIPTION} is damaged: {error}. Use another copy.") from None


def span(description: Mapping[str, Any]) -> tuple[float, float]:
    """The lowest and the highest value that the data can have: the bounds of its type, else the extremes of its rows.

    >>> span({"bounds": None, "statistics": {"min": [0.5, -1.0], "max": [2.0, 3.0]}})
    (-1.0, 3.0)
    """
    statistics = description["statistics"]
    low, high = description["bounds"] or (min(statistics["min"]), max(statistics["max"]))
    return low, high


def write_encoder(path: Path, encoder: Encoder) -> None:
    """Write the encoder of a run: `encoder/`."""
    write_folder(path / ENCODER, {"encoder": encoder.tensors()}, {"encoder": saved(encoder)})


def read_encoder(path: Path) -> Encoder | None:
    """The encoder of a run; None where the run was stopped before it was fitted. StorageError where it is damaged."""
    if not (path / ENCODER).is_dir():
        return None
    tensors, documents = read_folder(path / ENCODER, ["encoder"], ["encoder"])
    return rebuilt(documents["encoder"], tensors["encoder"])
