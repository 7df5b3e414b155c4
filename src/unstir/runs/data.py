"""What a run was trained on: the rows themselves, their description in `data.json`, and the encoder that was fitted to them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from unstir.data import Data
from unstir.data.levels import span as span_between
from unstir.data.readers import KNOWN
from unstir.data.statistics import statistics
from unstir.encoders.base import Encoder
from unstir.encoders.rows import parts
from unstir.encoders.turned import rebuilt, saved, statistics_of
from unstir.errors import StorageError
from unstir.files import read_folder, storage_errors, write_folder
from unstir.runs.about import MOVED_TO, STARTED_IN, read_about
from unstir.training.config import Config
from unstir.training.config_file import read_config
from unstir.training.fitting import Fitting
from unstir.training.presets import load_data
from unstir.words import quoted, spelled

DESCRIPTION = "data.json"
ENCODER = "encoder"


def read_data(path: Path, config: Config, moved_to: str | None = None) -> Data:
    """The rows that a run was trained on, read again and found the same, by their sha256.

    They are at `moved_to`, if that is given; else where `resume --data` last found them; else where the settings say, a relative path
    being tried from here, then from the folder in which the run was started. Raises StorageError where they are gone or differ.
    """
    about, held = read_about(path), config.data
    place = _place(about, held.source, moved_to)
    if place is None:
        raise StorageError(f"the data of {path} is gone: no file or folder '{spelled(held.source)}'. {_way_on(path)}")
    table = Path(str(about.get(STARTED_IN, "."))) / (held.labels_from or "")
    way = str(table) if held.labels_from and table.is_file() and not Path(held.labels_from).is_file() else held.labels_from
    data = load_data(config.model_copy(update={"data": held.model_copy(update={"source": place, "labels_from": way})}))
    then, now = str(about.get("data_sha256")), data.sha256()
    if now != then:
        raise StorageError(
            f"{spelled(place)} is not the data that {path} was trained on: its sha256 differs, {now[:12]}... now and {then[:12]}... then. "
            f"Bring the old file back. {_way_on(path)}"
        )
    return data


def _place(about: Mapping[str, Any], source: str, moved_to: str | None) -> str | None:
    """Where the data is; None where it is in none of the places in which it may be."""
    if moved_to is not None:
        return moved_to
    started_in = Path(str(about.get(STARTED_IN, ".")))
    places = [str(about[MOVED_TO])] if MOVED_TO in about else []
    places += [source] if source in KNOWN else [source, str(started_in / Path(source).expanduser())]
    return next((place for place in places if place in KNOWN or Path(place).expanduser().exists()), None)


def _way_on(path: Path) -> str:
    return f"If it was moved, say where it is: unstir resume {quoted(path)} --data PATH."


def source_of(path: Path) -> str:
    """Where the data of a run is now, or was; "" where the folder is a model's, which does not know. StorageError for no run at all."""
    if not (path / "config.toml").is_file():
        return ""
    source = str(read_config(path / "config.toml").get("data", {}).get("source", ""))
    return _place(read_about(path), source, None) or source


def describe(data: Data, fitting: Fitting) -> dict[str, Any]:
    """What `data.json` says of the data that a fitting was made of: shape, names, classes, statistics and encoder.

    Statistics of a column with missing cells are null; `span` leaves them out.
    """
    found = statistics_of(fitting.drawn, fitting.encoder).merged(statistics(parts(fitting.unseen.rows)))
    each = {"mean": found.mean, "std": found.deviation, "min": found.low, "max": found.high}
    return {
        "source": spelled(data.source),
        "rows": len(data),
        "trained_on": len(fitting.training),
        "held_out": len(fitting.unseen),
        "shape": data.shape,
        "axes": data.axes.letters,
        "dtype": data.dtype,
        "bounds": data.bounds,
        "names": data.names,
        "classes": data.classes,
        "statistics": {name: _finite(values) for name, values in each.items()},
        "encoder": {"name": fitting.encoder.name, "settings": fitting.encoder.settings},
        "reconstruction": fitting.reconstruction and fitting.reconstruction._asdict(),
    }


def _finite(values: Tensor) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.flatten().tolist()]


def read_description(path: Path) -> dict[str, Any]:
    """The entries of a run's `data.json`: shape, names, classes, statistics. StorageError where it is missing or damaged."""
    with storage_errors(path / DESCRIPTION):
        try:
            return json.loads((path / DESCRIPTION).read_text())
        except ValueError as error:
            raise StorageError(f"{path / DESCRIPTION} is damaged: {error}. Use another copy.") from None


def span(description: Mapping[str, Any]) -> tuple[float, float]:
    """From where to where pictures of these data show values: `data.levels.span`.

    >>> span({"bounds": None, "statistics": {"min": [0.5, -1.0], "max": [2.0, 3.0]}})
    (-1.0, 3.0)
    """
    statistics = description["statistics"]
    ends = [[value for value in statistics[name] if value is not None] or [0.0] for name in ("min", "max")]
    return span_between(description["bounds"], min(ends[0]), max(ends[1]))


def write_encoder(path: Path, encoder: Encoder) -> None:
    """Write the encoder of a run: `encoder/`."""
    write_folder(path / ENCODER, {"encoder": encoder.tensors()}, {"encoder": saved(encoder)})


def read_encoder(path: Path) -> Encoder | None:
    """The encoder of a run; None where the run was stopped before it was fitted. StorageError where it is damaged."""
    if not (path / ENCODER).is_dir():
        return None
    tensors, documents = read_folder(path / ENCODER, ["encoder"], ["encoder"])
    return rebuilt(documents["encoder"], tensors["encoder"])
