"""Rows that a model is given: read as the flags say, picked by number, and masked."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from unstir.cli.parts.flags import ReadingFlags
from unstir.cli.parts.progress import note
from unstir.conditions.base import Several
from unstir.data import Data, load
from unstir.data.checks import unknown_name
from unstir.data.dataset import STATE
from unstir.data.formats.format import Contents, Request
from unstir.data.formats.registry import format_of
from unstir.data.labels import NO_CLASS
from unstir.data.layouts import Layout
from unstir.data.matching import Known, matched
from unstir.data.tables import Schema
from unstir.errors import DataError, UsageError
from unstir.files import storage_errors
from unstir.model.model import Model
from unstir.training.config import resolve
from unstir.training.parts import NO_LABELS
from unstir.words import short, spelled


def read(source: str, reading: ReadingFlags, missing: str, model: Model, fewest: int = 1) -> Data:
    """Rows of DATA for a model: columns matched by name, its class if a column has the name that it had in training.

    Raises DataError for rows of another shape.
    """
    size = resolve({"data": {"size": reading.size}}).data.height_width
    no_class = reading.labels == NO_LABELS
    label = model.condition.column if model.condition is not None and reading.labels is None else None
    known = Known(model.card.names, label, model.table if model.card.mixed else None)
    if isinstance(model.condition, Several):
        told = model.condition.table
        table = known.table and Schema((*known.table.columns, *told.columns))
        known = Known(known.names, None, table, model.condition.names)
    data = load(
        source,
        labels=None if no_class else reading.labels,
        missing=STATE if missing == "refuse" and model.card.mixed else missing,
        size=size,
        header=reading.header,
        labels_from=NO_LABELS if no_class else reading.labels_from,
        formats="any",
        alpha=reading.alpha,
        groups=reading.groups,
        known=known,
        fewest=fewest,
    )
    if no_class:  # a format may find classes unasked
        data = replace(data, labels=None, classes=())
    if data.shape != model.card.shape:
        raise DataError(
            f"{spelled(source)} has rows of shape {data.shape}, but the model was trained on {model.card.shape}. "
            "If one column is the class or a group, name it: --labels NAME, --groups NAME."
        )
    return data


def rows_of(source: str, reading: ReadingFlags, rows: str | None, model: Model) -> Data:
    """The rows of DATA that are asked for, or all; values may be missing. What a person should know of them is on stderr."""
    data = read(source, reading, "keep", model)
    for sentence in data.notes:
        note(f"note: {sentence}")
    return data if rows is None else data.take(np.array(_numbers(rows, len(data))))


def classes_of(data: Data, model: Model) -> list[str] | None:
    """The name of the class of each row; None where the data or the model has no classes. Raises DataError for a row without one."""
    if data.labels is None or not data.classes or model.condition is None:
        return None
    if (data.labels == NO_CLASS).any():
        row = int((data.labels == NO_CLASS).argmax())
        raise DataError(
            f"{data.source}: row {row} of those asked for has no class. Name one for all, --class NAME, or use --labels none."
        )
    return [data.classes[number] for number in data.labels]


def _numbers(rows: str, n: int) -> list[int]:
    """Row numbers, counted from 0, as in 3,17."""
    parts = [part.strip() for part in rows.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) < n for part in parts):
        raise UsageError(f"--rows {rows}: rows are numbers from 0 to {n - 1}, with commas between them, as in 3,17.")
    return [int(part) for part in parts]


def kept(data: Data, model: Model, mask: Path | None, keep: str | None, fill: str | None) -> np.ndarray:
    """What is known of the rows, True where it is: as a file says, or the names of columns; everything else is filled in.

    With names, or with nothing at all, values that are missing are filled in too. Raises UsageError for more than one of the three, for an
    unknown name and where nothing is left to fill in; DataError for a mask that does not fit.
    """
    if sum(option is not None for option in (mask, keep, fill)) > 1:
        raise UsageError("--mask, --keep and --fill each say what is known. Use one of them.")
    if mask is not None:
        return _mask_of(mask, data, model)
    known = ~np.isnan(data.values)
    for option, text in (("--keep", keep), ("--fill", fill)):
        if text is not None:
            named = _columns(option, text, data)
            known &= named if option == "--keep" else ~named
    if known.all():
        raise UsageError(
            f"nothing to fill in: no value of {data.source} is missing. Name the columns to fill in, as in --fill NAME, or those to "
            "keep, or give a --mask."
        )
    return known


def _columns(option: str, text: str, data: Data) -> np.ndarray:
    """Which columns are named in a text like `age,income`: (D,) bool. Columns without names are numbered from 0."""
    if len(data.shape) != 1:
        raise UsageError(f"{option} names columns, and a row of {data.source} has the shape {data.shape}. Give a --mask.")
    known = list(data.names) or [str(i) for i in range(data.shape[0])]
    names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
    for name in names:
        if name not in known:
            raise unknown_name("column", name, known)
    return np.isin(known, names)


def _mask_of(path: Path, data: Data, model: Model) -> np.ndarray:
    """The mask in a file, its columns in the model's order. Raises DataError where it has no names and the columns came in another order."""
    form = format_of(path.name)
    by_place = form is None or path.suffix.lower() in (".npy", ".png")
    found = Contents(read_mask(path, model.card.layout)) if by_place else form.read(Request(path, str(path)))
    if data.reordered and not found.names:
        raise DataError(
            f"--mask {path} has no column names, and the columns of {data.source} come in another order than the model's "
            f"({', '.join(map(short, data.names))}). Name columns, as in --keep {short(data.names[0])}, or use a mask with a header."
        )
    order, notes = matched(model.card.names, found.names, f"--mask {path}")
    for sentence in notes:
        note(f"note: {sentence}")
    return found.values if order is None else found.values[:, order]


def read_mask(path: Path, lies: Layout | None) -> np.ndarray:
    """What is known of rows that lie like `lies`: a .npy file of True and False or 1 and 0, or a picture that is white there.

    A mask with the height and width of an image, or the length of a sequence, holds for all channels.
    StorageError where the file cannot be read, UsageError for another kind of file, DataError for a size that does not fit.
    """
    if path.suffix not in (".npy", ".png"):
        raise UsageError(
            f"--mask {path}: a mask is a .npy file or a table (1 = keep, 0 = fill in), or a .png file (white = keep)."
        )
    with storage_errors(path):
        try:
            if path.suffix == ".npy":
                mask = np.load(path, allow_pickle=False)
            else:
                with Image.open(path) as image:
                    mask = np.asarray(image.convert("L")) >= 128
        except (ValueError, EOFError, Image.DecompressionBombError, Image.UnidentifiedImageError) as error:
            raise DataError(f"--mask {path} cannot be read: {error}.") from None
    if lies is None:
        return mask
    if lies.kind == "images" and path.suffix == ".png" and mask.shape != lies.spatial:
        height, width = lies.spatial
        raise DataError(
            f"--mask {path} is {mask.shape[1]} x {mask.shape[0]} pixels, and the model's images are {width} x {height}."
        )
    return mask[..., None] if mask.shape == lies.spatial and lies.channel_axis == -1 else mask
