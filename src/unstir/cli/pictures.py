"""Samples as pictures: one of many side by side (`--grid`), and a folder of PNGs to train on again (`-o out/`).

out/00000.png  out/00001.png ...          out/ankle-boot/00003.png ...   of a model with classes, a sub-folder each

From where to where a grid's greys or curves go is the same as in the report: the bounds of the data's type; else the lowest and the
highest value of the training data, which a run's `data.json` has. A model's folder alone has an encoder, fitted to them: `min_max`
knows them, and `standardise` has mean and standard deviation of each element, of which two to either side are shown.
"""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from unstir.cli.progress import note
from unstir.data.survey import kind_of
from unstir.errors import UsageError
from unstir.files import refuse_existing, sha256, storage_errors, write_file, write_whole
from unstir.model.model import Model
from unstir.plots.grids import COLOUR, CURVE, arrange, channels_last, curves, lies, picture, pictures
from unstir.runs.data import read_description, span

REACH = {"min_max": 1.0, "standardise": 2.0, "channels": 2.0, "latent": 2.0}  # scales of the encoder to either side of its shift


def refuse_grid(path: Path, model: Model) -> None:
    """Raise what is wrong with a grid of this model's rows in that file, before anything is computed."""
    if path.suffix != ".png":
        raise UsageError(f"--grid {path}: a grid is a .png file.")
    if kind_of(model.card.shape) != "sequences":
        lies(model.card.shape)
    refuse_existing(path)


def write_grid(path: Path, run: Path, model: Model, x: np.ndarray, ids: Tensor | None) -> None:
    """One picture of the rows x (n, ...), a row of cells a class where ids (n,) are given; what it leaves out is said on stderr."""
    sequences = kind_of(model.card.shape) == "sequences"
    height, width = CURVE if sequences else lies(model.card.shape).spatial
    numbers = None if ids is None else ids.numpy()
    places = arrange(len(x), height, width, numbers)
    image = (curves if sequences else pictures)(x, places, value_span(run, model))
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, png(image))
    if places.shown < len(x):
        note(f"{path} shows {places.shown:,} of the {len(x):,} samples: more do not fit into one picture.")
    if places.by_class and numbers is not None:
        note(f"rows of {path}, from the top: {', '.join(model.card.classes[numbers[row[0]]] for row in places.rows)}")


def value_span(run: Path, model: Model) -> tuple[float, float]:
    """From where to where the values of a model's data go. See the docstring of this room."""
    if model.card.bounds is not None:
        return model.card.bounds
    if (run / "data.json").is_file():
        return span(read_description(run))
    encoder = model.encoder
    reach = REACH[encoder.name] * encoder.scale
    return (encoder.shift - reach).min().item(), (encoder.shift + reach).max().item()


def refuse_folder(path: Path, model: Model) -> None:
    """Raise what is wrong with a folder of PNGs of this model's rows, before anything is computed."""
    channels = lies(model.card.shape).channels
    if model.card.dtype != "uint8" and (model.card.dtype, channels) != ("uint16", 1):
        colour = f" in {COLOUR[channels]}" if model.card.dtype == "uint16" else ""
        raise UsageError(
            f"--out {path}: a PNG holds uint8, or uint16 in grey, and these samples are {model.card.dtype}{colour}. Use a .npy file, "
            "which keeps every digit, or --grid for a picture of them."
        )


def write_folder(path: Path, x: np.ndarray, classes: Sequence[str] | None) -> None:
    """A PNG a row of x (n, ...), named by its number, under the name of its class where classes (n,) are given; whole or not at all."""
    images = channels_last(x)
    with write_whole(path) as temporary:
        for i, pixels in enumerate(images):
            place = temporary if classes is None else temporary / in_a_file_name(classes[i])
            place.mkdir(exist_ok=True)
            write_file(place / f"{i:05d}.png", png(picture(pixels)))


def png(image: Image.Image) -> bytes:
    """The image as a PNG file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def in_a_file_name(label: str) -> str:
    """A class as part of a file's name: as it is if it can be, else with what cannot be replaced and a few digits of its sha256.

    >>> in_a_file_name("ankle boot"), in_a_file_name("..")
    ('ankle boot', '_.-5ec1f7e7')
    """
    safe = re.sub(r"[^\w.+ -]|^\.", "_", label)[:40]
    return safe if safe and safe == label else f"{safe}-{sha256(label.encode())[:8]}"
