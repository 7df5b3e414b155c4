"""Samples side by side in one picture (`--grid`). A folder of PNGs (`-o out/`) is a file format: `unstir.data.formats.images`.

From where to where a grid's greys or curves go is the same as in the report: the bounds of the data's type; else the lowest and the
highest value of the training data, which a run's `data.json` has. A model's folder alone has an encoder, which knows about how far they go.
"""

from pathlib import Path

import numpy as np
from torch import Tensor

from unstir.cli.parts.progress import note
from unstir.data.formats.pixels import png
from unstir.data.layouts import picture_layout
from unstir.errors import UsageError
from unstir.files import refuse_existing, storage_errors, write_file
from unstir.model.model import Model
from unstir.plots.grids import CURVE, arrange, curves, pictures
from unstir.runs.data import read_description, span


def refuse_grid(path: Path, model: Model) -> None:
    """Raise what is wrong with a grid of this model's rows in that file, before anything is computed."""
    if path.suffix != ".png":
        raise UsageError(f"--grid {path}: a grid is a .png file.")
    lies = model.card.layout
    if lies is None or lies.kind != "sequences":
        picture_layout(lies, model.card.shape)
    refuse_existing(path)


def write_grid(path: Path, run: Path, model: Model, x: np.ndarray, ids: Tensor | None) -> None:
    """One picture of the rows x (n, ...), a row of cells a class where ids (n,) are given; what it leaves out is said on stderr."""
    lies = model.card.layout
    sequences = lies is not None and lies.kind == "sequences"
    height, width = CURVE if sequences else picture_layout(lies, model.card.shape).spatial
    numbers = None if ids is None else ids.numpy()
    places = arrange(len(x), height, width, numbers)
    image = (curves if sequences else pictures)(x, lies, places, value_span(run, model))
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, png(image))
    if places.shown < len(x):
        note(f"{path} shows {places.shown:,} of the {len(x):,} samples: more do not fit into one picture.")
    if places.by_class and numbers is not None:
        note(f"rows of {path}, from the top: {', '.join(model.classes[numbers[row[0]]] for row in places.rows)}")


def value_span(run: Path, model: Model) -> tuple[float, float]:
    """From where to where the values of a model's data go. See the top of this file."""
    if model.card.bounds is not None:
        return model.card.bounds
    if (run / "data.json").is_file():
        return span(read_description(run))
    return model.encoder.reach()
