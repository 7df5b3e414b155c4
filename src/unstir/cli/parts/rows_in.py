"""Rows that a model is given: read as the flags say, picked by number, and masked."""

from pathlib import Path

import numpy as np
from PIL import Image

from unstir.cli.parts.flags import ReadingFlags
from unstir.data import Data, load
from unstir.data.layouts import Layout
from unstir.errors import DataError, UsageError
from unstir.files import storage_errors
from unstir.model.model import Model
from unstir.training.config import resolve


def read(source: str, reading: ReadingFlags, missing: str) -> Data:
    """The data of that name, read as the flags say."""
    size = resolve({"data": {"size": reading.size}}).data.height_width
    return load(
        source,
        labels=reading.labels,
        missing=missing,
        size=size,
        header=reading.header,
        labels_from=reading.labels_from,
        formats="any",
    )


def other_shape(data: Data, model: Model) -> str:
    """What to say where rows of the data are not what the model makes; nothing where they are."""
    if data.shape == model.card.shape:
        return ""
    return (
        f"{data.source} has rows of shape {data.shape}, but the model was trained on {model.card.shape}. "
        "If one column is the class, name it: --labels NAME."
    )


def rows_of(source: str, reading: ReadingFlags, rows: str | None, model: Model) -> np.ndarray:
    """The rows of the data that are asked for, or all; a mask has to leave out what is missing in them."""
    data = read(source, reading, missing="keep")
    if problem := other_shape(data, model):
        raise DataError(problem)
    return data.values if rows is None else data.rows[np.array(_numbers(rows, len(data)))]


def _numbers(rows: str, n: int) -> list[int]:
    """Row numbers, counted from 0, as in 3,17."""
    parts = [part.strip() for part in rows.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) < n for part in parts):
        raise UsageError(f"--rows {rows}: rows are numbers from 0 to {n - 1}, with commas between them, as in 3,17.")
    return [int(part) for part in parts]


def read_mask(path: Path, lies: Layout | None) -> np.ndarray:
    """What is known of rows that lie like `lies`: a .npy file of True and False or 1 and 0, or a picture that is white there.

    A mask with the height and width of an image, or the length of a sequence, holds for all channels.
    StorageError where the file cannot be read, UsageError for another kind of file, DataError for a size that does not fit.
    """
    if path.suffix not in (".npy", ".png"):
        raise UsageError(f"--mask {path}: a mask is a .npy file (1 = keep, 0 = fill in) or a .png file (white = keep).")
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
