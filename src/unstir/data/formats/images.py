"""A folder of images: each image a row. Which files these are, and what class each is of, is in `unstir.data.formats.folders`.

What is read. The rows have one shape, by one rule for the whole folder, from what the files say they hold:

    all images in grey               (height, width)                                                                 (1)
    some in colour                   (height, width, 3)
    some with opacity                (height, width, 4), the last channel the opacity

in 8 bits, uint8, or for grey images in 16, uint16. TIFF files of other numbers keep their type and all bands; then all files have to be
of the same. A grey picture stored in colour is in colour. An opacity that is full everywhere
is left out. Grey images so long that (1) would be taken for a sequence (`unstir.data.layouts`) are (height, width, 1).

All images have one size, or are resized: enlarged or shrunk without distortion until they cover it, then cut at the centre,

    scale = max(H / height, W / width)                                                                               (2)

Images stand as a viewer shows them (EXIF), in the order of their names; of a moving one the first frame is used, of a TIFF file the
first page. Files that are no images are left out and counted. An image that cannot be read is an error, or is left out and counted; a
class of which nothing is left is an error. So is a class whose images are all in another file format than those of all other classes,
unless `formats` is "any": the traces that JPEG leaves would be learnt as what makes the class.

Before anything is decoded, the memory that all images take is computed and compared with what there is. Each image is
decoded once: into memory or, where all together take more than 1 GiB, into a temporary file that is mapped. Decoding an image each
time it is drawn would need no such file, but would cost many times the work, and find a damaged image hours into training.

What is written. A PNG a row, named by its number; with labels, in a sub-folder a class:

    00000.png  00001.png ...         ankle-boot/00003.png ...
"""

import hashlib
import math
import re
from pathlib import Path

import numpy as np
from PIL import Image

from unstir.data.formats.csv import classes_of
from unstir.data.formats.folders import refuse_lost, tree
from unstir.data.formats.format import Contents, Files, Format, Request
from unstir.data.formats.pixels import NUMBERS, SUFFIXES, Header, header_of, picture, pixels_of, png, reason
from unstir.data.formats.raw import allocate, refuse_full_disk
from unstir.data.layouts import COLOURS, channels_last, kind_of, layout, picture_layout
from unstir.data.rows import Rows, release_pages
from unstir.errors import DataError, UsageError
from unstir.words import counted, listed, short, spelled


def read(request: Request) -> Contents:
    """The images of a folder, all of one size or made (height, width) by (2).

    Images that cannot be read are an error where `missing` is "refuse"; else they are left out and counted.
    Raises DataError where there is no image, one cannot be read, the sizes or the numbers of bits differ, or the classes are not clear;
    StorageError where memory and disk are too small; UsageError for `labels` or `groups` that are not there, or a size without pixels.
    """
    path, source, size = request.path, spelled(request.source), request.size
    if size is not None and min(size) < 1:
        raise UsageError(f"a size of {size[0]}x{size[1]} has no pixels.")
    found = tree(request, SUFFIXES, "image")
    headers, unread = {}, dict(found.unlabelled)
    for file in found.files:
        if file not in unread:
            try:
                headers[file] = header_of(file)
            except Exception as error:  # Pillow's readers raise whatever their arithmetic met in a damaged file
                unread[file] = reason(error)
    if request.formats != "any":
        _refuse_format_of_class(found.files, headers, source)
    mode = _mode(headers, source)
    pixels = len(headers) * math.prod(size) if size else sum(header.pixels for header in headers.values())
    wanted = pixels * _bytes(mode, next(iter(headers.values()), None))
    smaller = f"ask for smaller ones, as in --data.size {'64' if size is None else size[0] // 2}"
    refuse_full_disk(f"the {counted(len(headers), 'image')} of '{source}'", wanted, smaller)
    kept, rows = _decoded(request, list(headers), mode, unread)
    notes = [*found.notes, *_notes({file: headers[file] for file in kept}, path)]
    if unread:
        notes += [_unread(unread, len(found.files), path, request.missing)]
        refuse_lost(found.files, kept, request, "image")
    if mode != NUMBERS or rows.ndim == 3:
        rows = _fewest_channels(rows, all(headers[file].grey for file in kept))
    classes = [found.files[file] for file in kept]
    labels = classes_of(classes) if found.numbered else classes
    return Contents(
        rows,
        np.array(labels) if any(classes) else None,
        bounds=(0.0, 65535.0) if rows.dtype == np.uint16 else None,
        dropped=len(unread),
        notes=tuple(notes),
        axes="NHWC"[: rows.ndim],
        labels_from=found.labels_from,
    )


def write(contents: Contents) -> Files:
    """A PNG for each of the rows (n, ...), which are pictures of uint8, or of uint16 in grey, in a sub-folder for each class."""
    for i, pixels in enumerate(channels_last(contents.values, layout(contents.values.shape[1:], contents.axes))):
        name = f"{i:05d}.png"
        yield name if contents.labels is None else f"{in_a_file_name(contents.labels[i])}/{name}", png(picture(pixels))


def check(path: Path, shape: tuple[int, ...], dtype: str, axes: str | None = None) -> None:
    """Raise UsageError where rows of that shape, type and axes cannot be PNGs without loss."""
    channels = picture_layout(layout(shape, axes), shape).channels
    if dtype != "uint8" and (dtype, channels) != ("uint16", 1):
        colour = f" in {COLOURS[channels]}" if dtype == "uint16" else ""
        raise UsageError(
            f"{path}: a PNG holds uint8, or uint16 in grey, and these samples are {dtype}{colour}. Use a .npy file, "
            "which keeps every digit, or --grid for a picture of them."
        )


def in_a_file_name(label: str) -> str:
    """A class as part of a file's name: as it is if it can be, else with what cannot be replaced and a few digits of its sha256.

    >>> in_a_file_name("ankle boot"), in_a_file_name("..")
    ('ankle boot', '_.-5ec1f7e7')
    """
    safe = re.sub(r"[^\w.+ -]|^\.", "_", label)[:40]
    return safe if safe and safe == label else f"{safe}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"


def _mode(headers: dict[Path, Header], source: str) -> str:
    """Pillow's mode to read all images in, wide enough for each: by (1), before it is known whether all are opaque."""
    kinds = {header.numbers: file for file, header in headers.items()}
    if len(kinds) > 1:
        (a, first), (b, other) = sorted(kinds.items(), key=lambda item: item[1])[:2]
        raise DataError(f"'{source}': {_name(first)} holds {_kind(a)}, {_name(other)} {_kind(b)}. Convert one kind.")
    if kinds and None not in kinds:
        return NUMBERS
    deep = {header.deep: file for file, header in headers.items()}
    if len(deep) == 2:
        raise DataError(f"'{source}': {deep[True].name} has 16 bits a pixel, {deep[False].name} has 8. Convert one kind.")
    if True in deep:
        return "I;16"
    if any(header.opacity for header in headers.values()):
        return "RGBA"
    return "L" if all(header.grey for header in headers.values()) else "RGB"


def _kind(numbers: tuple[str, int] | None) -> str:
    return "a picture" if numbers is None else counted(numbers[1], "band").replace(" ", f" {numbers[0]} ", 1)


def _bytes(mode: str, header: Header | None) -> int:
    """The bytes of a pixel."""
    if mode == NUMBERS and header and header.numbers:
        return np.dtype(header.numbers[0]).itemsize * header.numbers[1]
    return 2 if mode == "I;16" else Image.getmodebands(mode)


def _refuse_format_of_class(files: dict[Path, str], headers: dict[Path, Header], source: str) -> None:
    """Raise DataError where the images of a class are all in file formats in which there is none of another class."""
    formats: dict[str, set[str]] = {}
    for file, header in headers.items():
        formats.setdefault(files[file], set()).add(header.format)
    for label, own in sorted(formats.items(), key=lambda item: (sum(files[file] == item[0] for file in headers), item[0])):
        others = set().union(*(form for name, form in formats.items() if name != label))
        if others and not own & others:
            raise DataError(
                f"'{source}': all images of the class '{short(label)}' are {listed(sorted(own))}, and all others {listed(sorted(others))}. A "
                "model might learn the file format for the class. Convert them to one format, or pass --data.formats any."
            )


def _decoded(request: Request, files: list[Path], mode: str, unread: dict[Path, str]) -> tuple[list[Path], np.ndarray]:
    """The files that could be decoded and their pixels (n, height, width[, channels]); the others go into `unread`."""
    kept: list[Path] = []
    rows = np.empty(0)
    for file in files:
        try:
            image = pixels_of(file, mode, request.size)
        except Exception as error:
            unread[file] = reason(error)
            continue
        if not kept:
            rows = allocate((len(files), *image.shape), image.dtype)
        elif image.shape != rows.shape[1:]:
            (h, w), (height, width) = rows.shape[1:3], image.shape[:2]
            first, this = _name(kept[0], request.path), _name(file, request.path)
            raise DataError(
                f"the images of '{spelled(request.source)}' differ in size: {first} is {h}x{w}, {this} is {height}x{width} (height x width). "
                "Pass --data.size 64, or another such as 48x64, and they are resized and cropped to it."
            )
        rows[len(kept)] = image
        release_pages(rows)
        kept.append(file)
    return kept, rows[: len(kept)]


def _fewest_channels(rows: np.ndarray, grey: bool) -> np.ndarray:
    """The images (N, height, width[, channels]) by (1), from those of the mode that is wide enough for each."""
    if rows.ndim == 4 and rows.shape[-1] == 4 and len(rows) and Rows(rows[..., 3:]).ends()[0] == 255:
        rows = rows[..., :3]
    if rows.ndim == 4 and rows.shape[-1] == 3 and grey:
        rows = rows[..., 0]
    return rows[..., None] if rows.ndim == 3 and kind_of(rows.shape[1:]) != "images" else rows


def _notes(kept: dict[Path, Header], path: Path) -> list[str]:
    """What is not used of the images, a sentence each."""
    notes = []
    for what, found in (
        ("moving: the first frame is used", [file for file, header in kept.items() if header.moving]),
        ("of 16 bits a colour, of which 8 are used", [file for file, header in kept.items() if header.reduced]),
        ("of several pages: the first is used", [file for file, header in kept.items() if header.pages > 1]),
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


def _name(file: Path, folder: Path | None = None) -> str:
    return f"'{short(spelled(str(file.relative_to(folder) if folder else file.name)), 80)}'"


FORMAT = Format(
    "images: PNG, JPEG, GIF, BMP, WebP, TIFF or PGM; sub-folders are the classes",
    (),
    read,
    write,
    check,
    resizes=True,
    members=SUFFIXES,
)
