"""Samples side by side in one picture (`--grid`). A folder of PNGs (`-o out/`) is a file format: `unstir.data.formats.images`.

From where to where a grid's greys or curves go is the same as in the report, `data.levels.span`: a run's `data.json` has the lowest and the
highest value of its data. A model's folder alone has bounds of a type, or an encoder, which knows about how far they go.
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
from unstir.plots.grids import CHANNELS, CURVE, arrange, below, beside, curves, pictures
from unstir.plots.mosaics import drawable
from unstir.plots.style import COLOURS, DARK
from unstir.runs.data import read_description, span
from unstir.words import counted, number, typeset


def refuse_grid(path: Path, model: Model) -> None:
    """Raise what is wrong with a grid of this model's rows in that file, before anything is computed."""
    if path.suffix != ".png":
        raise UsageError(f"--grid {path}: a grid is a .png file.")
    lies = model.card.layout
    if lies is None or lies.kind != "sequences":
        picture_layout(lies, model.card.shape)
    refuse_existing(path)


def write_grid(path: Path, run: Path, model: Model, x: np.ndarray, ids: Tensor | None) -> None:
    """One picture of the rows x (n, ...), a line of cells a class where ids (n,) are given; what it leaves out is said on stderr."""
    lies, numbers = model.card.layout, None if ids is None else ids.numpy()
    if lies is not None and lies.kind == "sequences":
        x, (low, high) = drawable(x, lies), channel_spans(run, model)
        places, explained = arrange(len(x), *CURVE, numbers), key(x.shape[1], low, high)
        image = curves(x, places, low, high)
    else:
        lies = picture_layout(lies, model.card.shape)
        places, explained = arrange(len(x), lies.spatial[0], lies.spatial[1], numbers), []
        image = pictures(x, lies, places, value_span(run, model))
    shown = [] if numbers is None or not places.by_class else [model.classes[numbers[row[0]]] for row in places.rows]
    if shown:
        image = beside(image, shown)
    if explained:
        image = below(image, explained)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, png(image))
    if shown:
        each = max(map(len, places.rows))
        without = len(model.classes) - len(shown)
        more = f"; {counted(without, 'class', 'classes')} without a sample" if without else ""
        note(f"{path} shows {each:,} of each of {counted(len(shown), 'class', 'classes')}, of {len(x):,} samples{more}.")
    elif places.shown < len(x):
        note(f"{path} shows {places.shown:,} of the {len(x):,} samples: more do not fit into one picture.")


def key(length: int, low: np.ndarray, high: np.ndarray) -> list[tuple[str, str]]:
    """What stands below a grid of sequences: the time across, and for each channel its colour and from where to where it goes up.

    >>> key(40, np.array([-1.0]), np.array([2.5]))
    [('across: time step 0 to 39; up:', '#333333'), ('■', '#0072B2'), ('−1 to 2.5', '#333333')]
    """
    found = [(f"across: time step 0 to {length - 1}; up:", DARK)]
    for c in range(min(len(low), CHANNELS)):
        ends = " to ".join(typeset(number(float(end))) for end in (low[c], high[c]))
        found += [("■", COLOURS[c]), (f"channel {c}: {ends}" if len(low) > 1 else ends, DARK)]
    return found + ([(f"and {len(low) - CHANNELS:,} more channels, not drawn", DARK)] if len(low) > CHANNELS else [])


def channel_spans(run: Path, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """From where to where each channel of a model's sequences goes, (C,) each: as `value_span`, but by channel where a run's data says it."""
    lies = model.card.layout
    assert lies is not None
    if model.card.bounds is None and (run / "data.json").is_file():
        found = read_description(run)["statistics"]
        ends = (drawable(np.reshape(found[end], (1, *model.card.shape)), lies)[0] for end in ("min", "max"))
        return next(ends).min(axis=0), next(ends).max(axis=0)
    low, high = value_span(run, model)
    return np.full(lies.channels, low), np.full(lies.channels, high)


def value_span(run: Path, model: Model) -> tuple[float, float]:
    """From where to where the values of a model's data go. See the top of this file."""
    if (run / "data.json").is_file():
        return span(read_description(run))
    return model.card.bounds or model.encoder.reach()
