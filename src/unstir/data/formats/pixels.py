"""One image file: what it says about itself, its pixels as an array, and an array as a PNG.

Pillow reads the file. Only the formats in FORMATS are tried, and an image of so many pixels that Pillow suspects a trap is refused.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, ImagePalette, UnidentifiedImageError

from unstir.words import short

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")  # no other of Pillow's readers ever sees a file
GREY, DEEP = ("1", "L", "LA", "La"), ("I;16", "I;16L", "I;16B", "I")  # Pillow's modes of 1 or 8 bits, and of 16


@dataclass(frozen=True)
class Header:
    """What an image says about itself before it is decoded. `reduced`: it has 16 bits a colour, of which Pillow reads 8."""

    pixels: int
    grey: bool
    deep: bool
    opacity: bool
    moving: bool
    reduced: bool


def header_of(path: Path) -> Header:
    """The header of an image file. Raises whatever Pillow's readers raise for a damaged one; `reason` puts that in words."""
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


def pixels_of(path: Path, mode: str, size: tuple[int, int] | None) -> np.ndarray:
    """The pixels of an image file, upright: (height, width) or (height, width, channels), uint8 or uint16.

    `mode` is Pillow's mode to read it in. With a `size` (height, width) the image is enlarged or shrunk without distortion until it
    covers that size, then cut at the centre.
    """
    with _opened(path) as image:
        upright = ImageOps.exif_transpose(image)
    deep = mode == "I;16"
    # Pillow resizes 16 bits as floats only. Lanczos overshoots at edges, which 8 bits cut off by themselves.
    image = Image.fromarray(np.asarray(upright).astype(np.float32)) if deep else upright.convert(mode)
    if size:
        image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.LANCZOS)
    return np.asarray(image).round().clip(0, 65535).astype(np.uint16) if deep else np.asarray(image)


def reason(error: Exception) -> str:
    """In a few words why an image could not be read."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no image, or damaged from its start"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it has more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels"
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


def _is_grey(palette: ImagePalette.ImagePalette | None) -> bool:
    """Whether the colours of a palette are all grey: red, green and blue alike, in whatever order they are stored."""
    assert palette is not None  # Pillow gives one to every image of mode P
    colours = np.frombuffer(bytes(palette.palette), np.uint8)
    width = len(palette.rawmode or palette.mode)
    colours = colours[: len(colours) // width * width].reshape(-1, width)
    return bool((colours[:, :3] == colours[:, :1]).all())
