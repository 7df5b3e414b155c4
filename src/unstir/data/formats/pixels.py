"""One image file: what it says about itself, its pixels as an array, and an array as a PNG.

Pillow reads the file. Only the formats in FORMATS are tried, and an image of so many pixels that Pillow suspects a trap is refused.
A TIFF file of numbers that no screen shows, such as floats or 13 bands, is read by `unstir.data.formats.tiff`.
"""

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, ImagePalette, UnidentifiedImageError

from unstir.data.formats import tiff
from unstir.words import short

SUFFIXES = (
    *(".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # no other of Pillow's readers ever sees a file
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # how such a file starts
NUMBERS = "numbers"  # beside Pillow's modes: numbers as they are stored
GREY, DEEP = ("1", "L", "LA", "La"), ("I;16", "I;16L", "I;16B", "I")  # Pillow's modes of 1 or 8 bits, and of 16


@dataclass(frozen=True)
class Header:
    """What an image says about itself before it is decoded.

    `reduced`: it has 16 bits a colour, of which Pillow reads 8. `numbers` are type and bands of an image that is no picture, or None.
    """

    format: str
    pixels: int
    grey: bool = True
    deep: bool = False
    opacity: bool = False
    moving: bool = False
    reduced: bool = False
    pages: int = 1
    numbers: tuple[str, int] | None = None


def header_of(path: Path) -> Header:
    """The header of an image file. Raises whatever Pillow's readers raise for a damaged one; `reason` puts that in words."""
    pages = tiff.pages(path) if _starts(path) in TIFF else []
    if pages and not pages[0].is_picture:
        page = pages[0]
        return Header("TIFF", math.prod(page.size), pages=len(pages), numbers=(page.dtype.name, page.bands))
    with _opened(path) as image:
        deep = image.mode in DEEP
        form = image.format or ""
        return Header(
            "JPEG" if form == "MPO" else form,  # a JPEG file that holds several
            image.width * image.height,
            deep or image.mode in GREY or (image.mode == "P" and _is_grey(image.palette)),
            deep,
            image.has_transparency_data and not deep,
            form in ("GIF", "PNG", "WEBP") and getattr(image, "is_animated", False),
            not deep and any("16B" in str(tile[3]) for tile in getattr(image, "tile", ())),
            max(len(pages), 1),
        )


def pixels_of(path: Path, mode: str, size: tuple[int, int] | None) -> np.ndarray:
    """The pixels of an image file, upright: (height, width) or (height, width, channels), uint8 or uint16.

    `mode` is Pillow's mode to read it in, or NUMBERS for those of a TIFF file as they are stored, of any type. With a `size` (height,
    width) the image is enlarged or shrunk without distortion until it covers that size, then cut at the centre.
    """
    if mode == NUMBERS:
        return resized(tiff.numbers(path, tiff.pages(path)[0]), size)
    with _opened(path) as image:
        upright = ImageOps.exif_transpose(image)
    deep = mode == "I;16"
    # Pillow resizes 16 bits as floats only. Lanczos overshoots at edges, which 8 bits cut off by themselves.
    image = Image.fromarray(np.asarray(upright).astype(np.float32)) if deep else upright.convert(mode)
    if size:
        image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.LANCZOS)
    return np.asarray(image).round().clip(0, 65535).astype(np.uint16) if deep else np.asarray(image)


def resized(numbers: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Numbers (height, width[, bands]) in another size, if one is given, in their own type.

    >>> resized(np.full((2, 2, 13), 1000, np.int16), (4, 4)).shape
    (4, 4, 13)
    """
    if size is None:
        return numbers
    bands = numbers[..., None] if numbers.ndim == 2 else numbers
    images = (Image.fromarray(np.ascontiguousarray(bands[..., i], np.float32)) for i in range(bands.shape[-1]))
    fitted = np.stack([np.asarray(ImageOps.fit(image, (size[1], size[0]), Image.Resampling.LANCZOS)) for image in images], -1)
    if numbers.dtype.kind in "iu":
        span = np.iinfo(numbers.dtype)
        fitted = fitted.astype(np.float64).round().clip(span.min, span.max)
    fitted = fitted.astype(numbers.dtype)
    return fitted[..., 0] if numbers.ndim == 2 else fitted


def reason(error: Exception) -> str:
    """In a few words why an image could not be read."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no image, or damaged from its start"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels"
    if isinstance(error, struct.error | KeyError | zlib.error):  # which say nothing to a person
        return "it is damaged"
    strerror = error.strerror if isinstance(error, OSError) else None
    return short(strerror or str(error) or type(error).__name__, 80)


def picture(pixels: np.ndarray) -> Image.Image:
    """One image (height, width, channels) of uint8, or of uint16 in grey, as Pillow's: L, RGB, RGBA or I;16.

    >>> picture(np.zeros((2, 3, 1), dtype=np.uint8)).mode, picture(np.zeros((2, 3, 3), dtype=np.uint8)).size
    ('L', (3, 2))
    """
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def png(image: Image.Image) -> bytes:
    """The image as a PNG file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _starts(path: Path) -> bytes:
    """The first four bytes of a file."""
    if not path.is_file():  # opening a pipe would wait for ever
        raise IsADirectoryError(0, "it is a folder" if path.is_dir() else "it is no file")
    with path.open("rb") as file:
        return file.read(4)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image, not yet decoded. One of so many pixels that Pillow suspects a trap is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path, formats=FORMATS) as image:
            yield image


def _is_grey(palette: ImagePalette.ImagePalette | None) -> bool:
    """Whether the colours of a palette are all grey: red, green and blue alike, in whatever order they are stored."""
    assert palette is not None  # Pillow gives one to every image of mode P
    colours = np.frombuffer(bytes(palette.palette), np.uint8)
    width = len(palette.rawmode or palette.mode)
    colours = colours[: len(colours) // width * width].reshape(-1, width)
    return bool((colours[:, :3] == colours[:, :1]).all())
