"""A folder of images as `Data`: each image a row; where the images lie in sub-folders, these are the classes.

    grey, all of them                  (height, width)                                                               (1)
    some in colour                     (height, width, 3)
    some of them see-through           (height, width, 4), the last channel the opacity

in 8 bits, uint8, or for grey images in 16, uint16. One rule decides for the whole folder, by what the files say they hold:
a grey picture stored in colour is in colour. An opacity that is full everywhere is left out. Grey images so long that (1) would
be taken for a sequence (`unstir.data.survey`) are (height, width, 1).

All have one size, or are given one: enlarged or shrunk without distortion until they cover it, then cut at the centre,

    scale = max(H / height, W / width)                                                                               (2)

They stand as a viewer shows them (EXIF), in the order of their names, and of a moving one it is the first frame. Hidden files
are not looked at; other files that are no images are left out and counted. What cannot be read is refused, or left out and
counted. Nothing is decoded before it is known how much room that takes, and that it is there.

Each image is decoded once, into memory or, where all together are more than 1 GiB, into a temporary file that is mapped. To decode
images anew whenever they are drawn would need no such file, but cost many times the work in every epoch and in every pass over the data,
and find a damaged one hours into training.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, ImagePalette, UnidentifiedImageError

from unstir.data.arrays import from_arrays
from unstir.data.dataset import Data, counted, short
from unstir.data.formats.raw import refuse_no_room, room_for
from unstir.data.rows import Rows, let_go
from unstir.data.survey import kind_of
from unstir.errors import DataError, UsageError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")  # no other of Pillow's readers ever sees a file
GREY, DEEP = ("1", "L", "LA", "La"), ("I;16", "I;16L", "I;16B", "I")  # Pillow's modes of 1 or 8 bits, and of 16


@dataclass(frozen=True)
class Header:
    """What an image says about itself before it is decoded. `reduced` are 16 bits a colour, of which Pillow reads 8."""

    pixels: int
    grey: bool
    deep: bool
    opacity: bool
    moving: bool
    reduced: bool


@dataclass(frozen=True)
class Listing:
    """The image files of a folder in order, the class of each or "", and what else there is."""

    files: dict[Path, str]
    others: list[Path]


def read_folder(
    path: Path, source: str, labels: str | None = None, missing: str = "refuse", size: tuple[int, int] | None = None
) -> Data:
    """The images of a folder, all of one size or made (height, width) by (2).

    `missing` is what is done about images that cannot be read: "refuse", or "drop" and count; "keep" does the same.
    Raises DataError where no image is there, one cannot be read, the sizes or the numbers of bits differ, there are images
    beside sub-folders of images; StorageError where there is no room for them; UsageError for `labels`, or a size without pixels.
    """
    if labels is not None:
        raise UsageError(f"the classes of '{source}' are its sub-folders; labels='{labels}' is for a file.")
    if size is not None and min(size) < 1:
        raise UsageError(f"a size of {size[0]}x{size[1]} has no pixels.")
    listing = _listing(path, source)
    headers, unread = {}, {}
    for file in listing.files:
        try:
            headers[file] = _header(file)
        except Exception as error:  # Pillow's readers raise whatever their arithmetic met in a damaged file
            unread[file] = _reason(error)
    mode = _mode(headers, source)
    pixels = len(headers) * math.prod(size) if size else sum(header.pixels for header in headers.values())
    wanted = pixels * (2 if mode == "I;16" else Image.getmodebands(mode))
    smaller = f"ask for smaller ones, as in --data.size {'64' if size is None else size[0] // 2}"
    refuse_no_room(f"the {counted(len(headers), 'image')} of '{source}'", wanted, smaller)
    kept: list[Path] = []
    rows = np.empty(0)
    for file in headers:
        try:
            image = _pixels(file, mode, size)
        except Exception as error:
            unread[file] = _reason(error)
            continue
        if not kept:
            rows = room_for((len(headers), *image.shape), image.dtype)
        elif image.shape != rows.shape[1:]:
            (h, w), (height, width) = rows.shape[1:3], image.shape[:2]
            raise DataError(
                f"the images of '{source}' differ in size: {_name(kept[0], path)} is {h}x{w}, {_name(file, path)} is "
                f"{height}x{width} (height x width). Pass --data.size 64, or another such as 48x64, and they are resized and cropped to it."
            )
        rows[len(kept)] = image
        let_go(rows)
        kept.append(file)
    notes = _notes(listing, {file: headers[file] for file in kept}, path)
    if unread:
        notes += [_unread(unread, len(listing.files), path, missing)]
    rows = _fewest_channels(rows[: len(kept)], all(headers[file].grey for file in kept))
    classes = [listing.files[file] for file in kept]
    data = from_arrays(rows, np.array(classes) if any(classes) else None, source=source)
    bounds = (0.0, 65535.0) if data.dtype == "uint16" else data.bounds
    return replace(data, bounds=bounds, dropped=len(unread), notes=tuple(notes))


def _listing(path: Path, source: str) -> Listing:
    """What is in the folder, one sub-folder deep. A folder called like an image is an image that cannot be read."""
    tops, inner, others = [], {}, []
    for entry in _seen(path):
        if entry.suffix.lower() in SUFFIXES:
            tops.append(entry)
        elif entry.is_dir():
            within = _seen(entry)
            images = [file for file in within if file.suffix.lower() in SUFFIXES]
            inner |= dict.fromkeys(images, entry.name)
            others += [file for file in within if file not in inner]
        else:
            others.append(entry)
    if inner and any(file.is_file() for file in tops):
        first = next(iter(inner))
        raise DataError(
            f"'{source}' has images beside sub-folders that hold images ({_name(tops[0], path)} and {_name(first, path)}), so the "
            "classes are not clear. Move the former into a sub-folder of their own, or all of them to one place."
        )
    if not tops and not inner:
        held = f"but for example {_name(others[0], path)}" if others else "and nothing else"
        raise DataError(
            f"the folder '{source}' holds no images ({', '.join(SUFFIXES)}), neither in it nor one sub-folder deep, {held}."
        )
    return Listing(dict.fromkeys(tops, "") | inner, others)


def _seen(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image, not yet decoded. One of so many pixels that Pillow suspects a trap is an error."""
    if not path.is_file():  # opening a pipe would wait for ever
        raise IsADirectoryError(0, "it is a folder" if path.is_dir() else "it is no file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path, formats=FORMATS) as image:
            yield image


def _header(path: Path) -> Header:
    with _opened(path) as image:
        deep = image.mode in DEEP
        return Header(
            image.width * image.height,
            deep or image.mode in GREY or (image.mode == "P" and _is_grey(image.palette)),
            deep,
            image.has_transparency_data and not deep,
            image.format in ("GIF", "PNG", "WEBP") and getattr(image, "is_animated", False),
            not deep and any("16B" in str(tile[3]) for tile in getattr(image, "tile", ())),
        )


def _is_grey(palette: ImagePalette.ImagePalette | None) -> bool:
    """Whether the colours of a palette are all grey: red, green and blue alike, in whatever order they are stored."""
    assert palette is not None  # Pillow gives one to every image of mode P
    colours = np.frombuffer(bytes(palette.palette), np.uint8)
    width = len(palette.rawmode or palette.mode)
    colours = colours[: len(colours) // width * width].reshape(-1, width)
    return bool((colours[:, :3] == colours[:, :1]).all())


def _mode(headers: dict[Path, Header], source: str) -> str:
    """Pillow's mode to read all images in, wide enough for each: by (1), with nothing known yet of how opaque they are."""
    deep = {header.deep: file for file, header in headers.items()}
    if len(deep) == 2:
        raise DataError(f"'{source}': {deep[True].name} has 16 bits a pixel, {deep[False].name} has 8. Convert one kind.")
    if True in deep:
        return "I;16"
    if any(header.opacity for header in headers.values()):
        return "RGBA"
    return "L" if all(header.grey for header in headers.values()) else "RGB"


def _pixels(path: Path, mode: str, size: tuple[int, int] | None) -> np.ndarray:
    """(height, width) or (height, width, channels), uint8 or uint16, upright and resized by (2)."""
    with _opened(path) as image:
        upright = ImageOps.exif_transpose(image)
    deep = mode == "I;16"
    # Pillow resizes 16 bits as floats only. Lanczos overshoots at edges, which 8 bits cut off by themselves.
    picture = Image.fromarray(np.asarray(upright).astype(np.float32)) if deep else upright.convert(mode)
    if size:
        picture = ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.LANCZOS)
    return np.asarray(picture).round().clip(0, 65535).astype(np.uint16) if deep else np.asarray(picture)


def _fewest_channels(rows: np.ndarray, grey: bool) -> np.ndarray:
    """The images (N, height, width[, channels]) by (1), from those of the mode that is wide enough for each."""
    if rows.ndim == 4 and rows.shape[-1] == 4 and len(rows) and Rows(rows[..., 3:]).ends()[0] == 255:
        rows = rows[..., :3]
    if rows.ndim == 4 and rows.shape[-1] == 3 and grey:
        rows = rows[..., 0]
    return rows[..., None] if rows.ndim == 3 and kind_of(rows.shape[1:]) != "images" else rows


def _notes(listing: Listing, kept: dict[Path, Header], path: Path) -> list[str]:
    """What a person should know about the folder, a sentence each."""
    notes = []
    others = listing.others
    if others:
        notes.append(f"{counted(len(others), 'other thing')} in the folder, for example {_name(others[0], path)}, left out.")
    for what, found in (
        ("moving: the first frame is used", [file for file, header in kept.items() if header.moving]),
        ("of 16 bits a colour, of which 8 are used", [file for file, header in kept.items() if header.reduced]),
    ):
        if found:
            notes.append(f"{counted(len(found), 'image')} {what}, for example {_name(found[0], path)}.")
    return notes


def _unread(unread: dict[Path, str], of: int, path: Path, missing: str) -> str:
    """The note on what could not be read; DataError where that is refused, or where nothing is left."""
    first = min(unread)
    many = len(unread)
    said = f"{many:,} of {counted(of, 'image')} cannot be read (first: {_name(first, path)}: {unread[first]})"
    if many == of:
        raise DataError(f"{said}. There is nothing to use.")
    if missing == "refuse":
        raise DataError(f"{said}. Repair or remove {'it' if many == 1 else 'them'}, or pass --data.missing drop.")
    return f"{said}, and {'was' if many == 1 else 'were'} left out."


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is no image, or damaged from its start"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels"
    strerror = error.strerror if isinstance(error, OSError) else None
    return short(strerror or str(error) or type(error).__name__, 80)


def _name(file: Path, folder: Path) -> str:
    return f"'{short(str(file.relative_to(folder)), 80)}'"
