"""TIFF files: numbers as they are stored, whatever their type, bands, strips, tiles, packing and order of bytes."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from unstir.data import load, read
from unstir.errors import DataError

RNG = np.random.default_rng(4)


def tiff(array, order="<", big=False, packed=False, predictor=1, separate=False, tile=None, rows=3, pages=1, photometric=1):
    """A TIFF file by hand: `array` (height, width, bands), in strips of `rows` rows or in tiles, on as many pages that are all alike."""
    height, width, bands = array.shape
    array = array.astype(array.dtype.newbyteorder(order))
    layers = [array[..., i : i + 1] for i in range(bands)] if separate else [array]
    parts = []
    for layer in layers:
        if tile:
            padded = np.pad(layer, ((0, -height % tile), (0, -width % tile), (0, 0)))
            parts += [
                padded[y : y + tile, x : x + tile] for y in range(0, len(padded), tile) for x in range(0, padded.shape[1], tile)
            ]
        else:
            parts += [layer[y : y + rows] for y in range(0, height, rows)]
    raw = [_part(part, predictor) for part in parts]
    raw = [zlib.compress(part) for part in raw] if packed else raw
    sizes, kind = array.dtype.itemsize, {"u": 1, "i": 2, "f": 3}[array.dtype.kind]
    tags = {256: [width], 257: [height], 258: [8 * sizes] * bands, 259: [8 if packed else 1], 262: [photometric], 277: [bands]}
    tags |= {284: [2 if separate else 1], 317: [predictor], 339: [kind] * bands}
    tags |= {322: [tile], 323: [tile]} if tile else {278: [rows]}
    head, word, entry = (16, "Q", 20) if big else (8, "I", 12)
    body = bytearray()
    offsets = []
    for part in raw:
        offsets.append(head + len(body))
        body += part
    tags |= {324: offsets, 325: [*map(len, raw)]} if tile else {273: offsets, 279: [*map(len, raw)]}
    content = bytearray()
    start = head + len(body)
    for page in range(pages):
        table, after = bytearray(), bytearray()
        at = start + len(content)
        behind = at + struct.calcsize(order + ("Q" if big else "H")) + entry * len(tags) + struct.calcsize(order + word)
        for tag, values in sorted(tags.items()):
            held = struct.pack(f"{order}{len(values)}I", *values)
            room = entry - (12 if big else 8)
            if len(held) > room:
                place = struct.pack(order + word, behind + len(after))
                after += held
                held = place
            table += struct.pack(order + ("HHQ" if big else "HHI"), tag, 4, len(values)) + held.ljust(room, b"\0")
        following = behind + len(after) if page + 1 < pages else 0
        content += struct.pack(order + ("Q" if big else "H"), len(tags)) + table + struct.pack(order + word, following) + after
    mark = b"II" if order == "<" else b"MM"
    lead = mark + (struct.pack(order + "HHHQ", 43, 8, 0, start) if big else struct.pack(order + "HI", 42, start))
    return lead + bytes(body) + bytes(content)


def _part(part, predictor):
    if predictor == 2:
        return np.diff(part, axis=1, prepend=np.zeros_like(part[:, :1])).astype(part.dtype).tobytes()
    if predictor == 3:  # Adobe's: the bytes of a row by their place in a number, the highest first, then differences
        height, width, bands = part.shape
        big = part.astype(part.dtype.newbyteorder(">")).view(np.uint8).reshape(height, width * bands, part.itemsize)
        planes = big.transpose(0, 2, 1).reshape(height, part.itemsize * width, bands)
        return np.diff(planes, axis=1, prepend=np.zeros_like(planes[:, :1])).tobytes()
    return np.ascontiguousarray(part).tobytes()


def numbers(dtype, bands, size=(10, 9)):
    if np.dtype(dtype).kind == "f":
        return RNG.normal(size=(*size, bands)).astype(dtype)
    ends = np.iinfo(dtype)
    return RNG.integers(ends.min, min(ends.max, 2**40), (*size, bands), dtype)


def two(tmp_path, content):
    for name in ("a.tif", "b.TIFF"):
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"order": ">"},
        {"big": True},
        {"packed": True},
        {"packed": True, "predictor": 2, "order": ">"},
        {"separate": True},
        {"tile": 16},
        {"tile": 16, "separate": True, "packed": True, "predictor": 2},
        {"rows": 10},
    ],
    ids=str,
)
@pytest.mark.parametrize(("dtype", "bands"), [("uint16", 13), ("int16", 1), ("uint32", 2)])
def test_numbers_come_as_they_are_stored(tmp_path, dtype, bands, how):
    """13 bands of a satellite, heights below the sea, counts. Catches 16 bits cut to 8, negative ones cut to 0, and bands in a mixed order."""
    array = numbers(dtype, bands)
    data = load(two(tmp_path, tiff(array, **how)))
    np.testing.assert_array_equal(data.values[0].reshape(array.shape), array)
    assert data.dtype == dtype
    assert data.bounds == ((0, 65535) if dtype == "uint16" else None)


@pytest.mark.parametrize(("dtype", "predictor"), [("float32", 1), ("float32", 3), ("float64", 1), ("float64", 3), ("float16", 1)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_floats_keep_every_digit(tmp_path, dtype, predictor, order):
    # Catches float64 read as float32, and the bytes of a predictor in the wrong order.
    array = numbers(dtype, 3)
    data = load(two(tmp_path, tiff(array, packed=True, predictor=predictor, order=order)))
    np.testing.assert_array_equal(data.values[1], array)
    assert data.dtype == dtype


@pytest.mark.parametrize("packing", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "I", "F"])
def test_what_pillow_writes_is_what_is_read(tmp_path, mode, packing):
    shape, dtype = (
        {"RGB": (40, 50, 3), "RGBA": (40, 50, 4)}.get(mode, (40, 50)),
        {"I;16": "u2", "I": "i4", "F": "f4"}.get(mode, "u1"),
    )
    array = (np.arange(np.prod(shape)) % 251).reshape(shape).astype(dtype)
    array[3:9, 5:30] += RNG.integers(0, 4, array[3:9, 5:30].shape).astype(dtype)
    for name in "ab":
        Image.fromarray(array).save(tmp_path / f"{name}.tif", compression=packing)
    np.testing.assert_array_equal(load(tmp_path).values, np.stack([array, array]))


def test_numbers_are_resized_in_their_own_type(tmp_path):
    # Catches a float cut to 0 .. 65535.
    array = np.broadcast_to(np.float32([-7.5, 1e6]), (12, 16, 2)).copy()
    small = load(two(tmp_path, tiff(array)), size=(6, 8))
    assert small.shape == (6, 8, 2)
    np.testing.assert_allclose(small.values, np.broadcast_to([-7.5, 1e6], small.values.shape), rtol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_pages_of_a_file_are_rows(tmp_path, dtype):
    # Catches the first page repeated, and a series taken for one image.
    arrays = [numbers(dtype, 1)[..., 0] for _ in range(4)]
    first, *others = (Image.fromarray(array) for array in arrays)
    first.save(tmp_path / "x.tif", save_all=True, append_images=others)
    data = read(tmp_path / "x.tif")
    np.testing.assert_array_equal(data.values, arrays)
    assert data.dtype == dtype
    assert read(tmp_path / "x.tif", size=(5, 5)).shape == (5, 5)
    (tmp_path / "y.tif").write_bytes(tiff(numbers("int16", 5), pages=3))
    assert read(tmp_path / "y.tif").values.shape == (3, 10, 9, 5)


def test_of_a_file_of_pages_in_a_folder_the_first_is_used_and_that_is_said(tmp_path):
    data = load(two(tmp_path, tiff(numbers("uint16", 4), pages=3)))
    assert data.notes == ("2 images of several pages: the first is used, for example 'a.tif'.",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (tiff(numbers("uint16", 13))[:2000], "cut short|damaged|missing"),
        (b"II*\0\x08\0\0\0\xff\xff", "a page has 65,535 tags"),
        (b"II*\0", "damaged"),
        (
            tiff(numbers("uint16", 13)).replace(struct.pack("<HHII", 259, 4, 1, 1), struct.pack("<HHII", 259, 4, 1, 50000)),
            "Zstandard",
        ),
    ],
    ids=["cut", "tags", "start", "packing"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, content, said):
    with pytest.raises(DataError, match=rf"2 of 2 images cannot be read .first: 'a.tif': .*({said})"):
        load(two(tmp_path, content))


def test_a_folder_of_two_kinds_of_numbers_and_a_single_image_are_refused(tmp_path):
    two(tmp_path, tiff(numbers("float32", 1)))
    (tmp_path / "a.tif").write_bytes(tiff(numbers("uint16", 5)))
    with pytest.raises(DataError, match=r"'a.tif' holds 5 uint16 bands, 'b.TIFF' 1 float32 band. Convert one kind"):
        load(tmp_path)
    with pytest.raises(DataError, match=r"is one image: name a folder of images, or a TIFF file of several pages"):
        load(tmp_path / "a.tif")
