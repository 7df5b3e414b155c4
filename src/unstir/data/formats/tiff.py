"""TIFF files of numbers that no picture on a screen has: floats, whole numbers of 16 bits and more, many bands, many pages.

A TIFF file is a list of pages; each page is a list of tags, and points to strips or tiles of pixels (TIFF 6.0, Adobe 1992; BigTIFF; the
predictor of floats: Adobe Photoshop TIFF technical note 3, 2005). What Pillow reads without loss, pictures of 8 bits and grey of 16,
stays with Pillow: `unstir.data.formats.pixels`. Everything else is read here, as it is stored:

    one band        (height, width)                  int8 .. uint64, float16 .. float64
    several         (height, width, bands)                                                                            (1)

not packed, or packed with LZW or deflate. Other ways, such as Zstandard, need a library that is not required here; the message says so.

A file of several pages is data of its own, each page a row: `unstir train stack.tif`.
"""

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

# By TIFF's number of a type: what struct calls it.
TYPES = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
SUBFILE, WIDTH, HEIGHT, BITS, PACKING, PHOTOMETRIC, STRIPS, SAMPLES, STRIP_ROWS, COUNTS = (
    *(254, 256, 257, 258, 259, 262, 273, 277, 278, 279),
)
PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_COUNTS, FORMAT = 284, 317, 322, 323, 324, 325, 339
NAMES = {2: "CCITT", 3: "CCITT", 4: "CCITT", 6: "JPEG", 7: "JPEG", 32773: "PackBits", 34925: "LZMA", 50000: "Zstandard"}
PLAIN, LZW, DEFLATE = (1,), (5,), (8, 32946)
CLEAR, END = 256, 257  # codes of LZW
DIFFERENCES, FLOAT_DIFFERENCES = 2, 3  # predictors
MOST_PAGES, MOST_TAGS = 100_000, 10_000_000
MOST_PIXELS = 2**28  # of a page


@dataclass(frozen=True)
class Page:
    """A page of a file: its tags, the order of the bytes in numbers, "<" or ">", and which page it is, counted from 0."""

    tags: dict[int, tuple[Any, ...]]
    order: str
    number: int = 0

    def tag(self, number: int, otherwise: int) -> int:
        """The first value of a tag."""
        return int(self.tags.get(number, (otherwise,))[0])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.tag(HEIGHT, 0), self.tag(WIDTH, 0)

    @property
    def bands(self) -> int:
        """How many numbers a pixel has."""
        return self.tag(SAMPLES, 1)

    @property
    def dtype(self) -> np.dtype:
        """The type of the numbers, in the file's order. Raises ValueError for one that numpy lacks."""
        kind = {1: "u", 2: "i", 3: "f"}.get(self.tag(FORMAT, 1))
        bits = set(self.tags.get(BITS, (1,)))
        width = bits.pop()
        if bits or kind is None or width not in (8, 16, 32, 64) or (kind, width) == ("f", 8):
            raise ValueError(f"its numbers have {width} bits in a form that is not read")
        return np.dtype(f"{self.order}{kind}{width // 8}")

    @property
    def is_picture(self) -> bool:
        """Whether Pillow reads all of it: up to 8 bits in at most four bands that are colours, or 16 bits of grey."""
        widest, colours = max(self.tags.get(BITS, (1,))), self.tag(PHOTOMETRIC, 1)
        whole = self.tag(FORMAT, 1) in (1, 4)
        if widest > 8:
            return whole and self.bands == 1 and widest in (12, 16)
        return whole and self.bands <= {0: 2, 1: 2, 3: 2, 5: 5}.get(colours, 4)


def pages(path: Path) -> list[Page]:
    """The pages of a file, without small copies of others. Raises ValueError or struct.error for a damaged file."""
    with path.open("rb") as file:
        start = file.read(16)
        order = {b"II": "<", b"MM": ">"}[start[:2]]
        (version,) = struct.unpack(order + "H", start[2:4])
        big = version == 43
        (at,) = struct.unpack(order + ("Q" if big else "I"), start[8:16] if big else start[4:8])
        found, seen = [], set()
        while at and at not in seen and len(seen) < MOST_PAGES:
            number = len(seen)
            seen.add(at)
            tags, at = _tags(file, at, order, big)
            page = Page(tags, order, number)
            if not found or not page.tag(SUBFILE, 0) & 1:  # a copy of lower resolution
                found.append(page)
    return found


def numbers(path: Path, page: Page) -> np.ndarray:
    """The numbers of a page by (1), in the machine's order. Raises ValueError where they are packed in a way that is not read."""
    (height, width), bands, dtype = page.size, page.bands, page.dtype
    if page.tag(PACKING, 1) not in PLAIN + LZW + DEFLATE:
        named = NAMES.get(page.tag(PACKING, 1), f"method {page.tag(PACKING, 1)}")
        raise ValueError(f"{bands} x {dtype.name} packed with {named} is not read: save it unpacked, or with deflate")
    if not 0 < height * width * bands <= MOST_PIXELS:
        raise ValueError(f"it has {height} x {width} pixels of {bands} numbers")
    separate = page.tag(PLANAR, 1) == 2 and bands > 1
    depth, layers = (1, bands) if separate else (bands, 1)
    tiled = TILES in page.tags
    across, down = (
        (page.tag(TILE_WIDTH, 0), page.tag(TILE_HEIGHT, 0)) if tiled else (width, min(page.tag(STRIP_ROWS, height), height))
    )
    if min(across, down) < 1 or across * down * depth > MOST_PIXELS:
        raise ValueError(f"its parts have {down} x {across} pixels")
    offsets, counts = (page.tags[key] for key in ((TILES, TILE_COUNTS) if tiled else (STRIPS, COUNTS)))
    columns, rows = math.ceil(width / across), math.ceil(height / down)
    if len(offsets) != len(counts) or len(offsets) < layers * rows * columns:
        raise ValueError("some of its parts are missing")
    found = np.empty((layers, height, width, depth), dtype)
    with path.open("rb") as file:
        for i in range(layers * rows * columns):
            layer, row, column = i // (rows * columns), i // columns % rows, i % columns
            tall = down if tiled else min(down, height - row * down)
            file.seek(offsets[i])
            part = _part(file.read(min(counts[i], path.stat().st_size)), page, (tall, across, depth))
            place = found[layer, row * down : (row + 1) * down, column * across : (column + 1) * across]
            place[...] = part[: place.shape[0], : place.shape[1]]
    found = np.moveaxis(found[..., 0], 0, -1) if separate else found[0]
    return np.ascontiguousarray(found if bands > 1 else found[..., 0], dtype.newbyteorder("="))


def _part(raw: bytes, page: Page, shape: tuple[int, int, int]) -> np.ndarray:
    """The numbers of a strip or a tile (height, width, bands)."""
    dtype, predictor = page.dtype, page.tag(PREDICTOR, 1)
    wanted = math.prod(shape) * dtype.itemsize
    if page.tag(PACKING, 1) in DEFLATE:
        raw = zlib.decompressobj().decompress(raw, wanted)
    elif page.tag(PACKING, 1) in LZW:
        raw = _unpacked(raw, wanted)
    if len(raw) < wanted:
        raise ValueError(f"it is cut short: a part has {len(raw):,} of {wanted:,} bytes")
    if predictor == FLOAT_DIFFERENCES:  # the bytes of a row, sorted by their place in a number, each less the one before it
        height, width, bands = shape
        planes = np.frombuffer(raw, np.uint8, wanted).reshape(height, dtype.itemsize * width, bands)
        planes = np.cumsum(planes, axis=1, dtype=np.uint8).reshape(height, dtype.itemsize, width * bands)
        return np.ascontiguousarray(planes.transpose(0, 2, 1)).view(dtype.newbyteorder(">")).reshape(shape)
    found = np.frombuffer(raw, dtype, math.prod(shape)).reshape(shape)
    if predictor == DIFFERENCES:
        native = dtype.newbyteorder("=")
        return np.cumsum(found.astype(native), axis=1, dtype=native)
    return found


def _unpacked(raw: bytes, wanted: int) -> bytes:
    """The first `wanted` bytes that were packed with LZW (TIFF 6.0, section 13): codes of 9 to 12 bits, the high bits first."""
    table = [bytes([i]) for i in range(CLEAR)] + [b"", b""]
    found, held, bits, width, last = bytearray(), 0, 0, 9, b""
    for byte in raw:
        held, bits = held << 8 | byte, bits + 8
        if bits < width:
            continue
        bits -= width
        code, held = held >> bits, held & (1 << bits) - 1
        if code == END or len(found) >= wanted:
            break
        if code == CLEAR:
            del table[END + 1 :]
            width, last = 9, b""
            continue
        if code > len(table) or (code == len(table) and not last):
            raise ValueError("its LZW codes are damaged")
        part = table[code] if code < len(table) else last + last[:1]
        if last:
            table.append(last + part[:1])
        found += part
        last = part
        width = 9 + sum(len(table) >= size for size in (511, 1023, 2047))
    return bytes(found[:wanted])


def _tags(file: IO[bytes], at: int, order: str, big: bool) -> tuple[dict[int, tuple[Any, ...]], int]:
    """The tags of the page that begins there, and where the next page begins, 0 after the last."""
    file.seek(at)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    size = 20 if big else 12
    if count > 2000:
        raise ValueError(f"a page has {count:,} tags")
    raw = file.read(size * count)
    (after,) = struct.unpack(order + ("Q" if big else "I"), file.read(8 if big else 4))
    tags = {}
    for i in range(count):
        entry = raw[size * i : size * (i + 1)]
        tag, kind, many = struct.unpack(order + ("HHQ" if big else "HHI"), entry[: 12 if big else 8])
        letter = TYPES.get(kind)
        if letter is None or many > MOST_TAGS:
            continue
        width = struct.calcsize(order + letter) * many
        held = entry[12:] if big else entry[8:]
        if width > len(held):
            file.seek(struct.unpack(order + ("Q" if big else "I"), held)[0])
            held = file.read(width)
        if letter != "s":
            tags[tag] = struct.unpack(f"{order}{many}{letter}", held[:width])
    return tags, after
