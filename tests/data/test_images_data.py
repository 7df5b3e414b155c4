"""Images as data: how rows lie in space, folders of pictures, the built-in pictures."""

import gzip
import json
import os
import struct
import sys
import tempfile
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from commands import TINY, refused, run
from unstir.cli.parts import inspected
from unstir.data import Layout, builtin, from_arrays, layout, load, read, survey
from unstir.data.formats import images, raw
from unstir.data.layouts import kind_of
from unstir.errors import DataError, StorageError, UsageError
from unstir.training.config import Config, resolve
from unstir.training.cost import Cost

pytestmark = pytest.mark.usefixtures("brief")

# ---- how rows lie in space


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((28, 28), ("images", 1, (28, 28), None)),
        ((17, 23), ("images", 1, (17, 23), None)),
        ((1, 64, 48), ("images", 1, (64, 48), 0)),
        ((3, 32, 32), ("images", 3, (32, 32), 0)),
        ((13, 16, 16), ("images", 13, (16, 16), 0)),
        ((16, 16, 13), ("images", 13, (16, 16), -1)),
        ((64, 8, 8), ("images", 64, (8, 8), 0)),  # latents: the plane is square, however many the channels
        ((13, 16, 24), ("images", 13, (16, 24), 0)),
        ((16, 24, 13), ("images", 13, (16, 24), -1)),
        ((16, 16, 16), ("images", 16, (16, 16), 0)),
        ((2, 40, 30), ("images", 2, (40, 30), 0)),
        ((4, 64, 3), ("images", 3, (4, 64), -1)),
        ((3, 5, 7), ("images", 3, (5, 7), 0)),
        ((128, 3), ("sequences", 3, (128,), -1)),
        ((1, 20), ("sequences", 1, (20,), 0)),
        ((3, 4), ("sequences", 4, (3,), -1)),
    ],
)
def test_channels_are_told_from_height_and_width(shape, expected):
    """Catches channels taken to be last whatever they are, the smallest number taken for the channels, 13 channels as a height."""
    assert layout(shape) == Layout(*expected)
    assert kind_of(shape) == expected[0]


@pytest.mark.parametrize("shape", [(2,), (784,), (5, 6, 7), (2, 3, 4, 5), (5, 9, 40)])
def test_what_has_no_plane_and_no_length_has_no_layout(shape):
    # Catches every three numbers taken for a picture.
    assert layout(shape) is None


# ---- a folder of images

RNG = np.random.default_rng(5)
GREY, COLOUR = RNG.integers(0, 256, (10, 12), np.uint8), RNG.integers(0, 256, (10, 12, 3), np.uint8)
CLEAR = np.concatenate([COLOUR, np.full((10, 12, 1), 255, np.uint8)], axis=2)
SEE_THROUGH = np.concatenate([COLOUR, RNG.integers(0, 255, (10, 12, 1), np.uint8)], axis=2)
DEEP = RNG.integers(0, 65536, (10, 12), np.uint16)


@pytest.fixture
def folder(tmp_path):
    """Writes images into a folder by their names: arrays, Pillow's images, or bytes."""

    def write(**contents):
        for name, content in contents.items():
            stem, _, suffix = name.rpartition("_")
            path = tmp_path / "photos" / f"{stem.replace('__', '/')}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                (content if isinstance(content, Image.Image) else Image.fromarray(content)).save(path)
        return tmp_path / "photos"

    return write


@pytest.mark.parametrize(
    ("a", "b", "rows", "dtype"),
    [
        (GREY, GREY, [GREY, GREY], "uint8"),
        (GREY, COLOUR, [np.stack([GREY] * 3, -1), COLOUR], "uint8"),
        (COLOUR, CLEAR, [COLOUR, COLOUR], "uint8"),
        (COLOUR, SEE_THROUGH, [CLEAR, SEE_THROUGH], "uint8"),
        (GREY, Image.fromarray(GREY).convert("LA"), [GREY, GREY], "uint8"),
        (GREY, Image.fromarray(GREY > 99), [GREY, 255 * (GREY > 99)], "uint8"),
        (GREY, Image.fromarray(GREY).convert("P"), [GREY, GREY], "uint8"),
        (DEEP, DEEP[::-1], [DEEP, DEEP[::-1]], "uint16"),
    ],
    ids=["grey", "grey, colour", "opaque", "see-through", "grey, opaque", "black and white", "grey palette", "16 bits"],
)
def test_one_rule_for_the_channels_of_a_whole_folder(folder, a, b, rows, dtype):
    """Catches 16 bits cut to 8, an opacity of 255 kept as a channel, a transparency that is lost, 0 and 1 for black and white."""
    data = load(folder(a_png=a, b_png=b))
    np.testing.assert_array_equal(data.values, np.stack(rows))
    assert (data.dtype, data.bounds, data.values.dtype) == (dtype, (0, np.iinfo(dtype).max), np.float32)
    assert (data.labels, data.dropped, data.notes) == (None, 0, ())


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "webp", "jpg", "JPEG"])
def test_every_format_is_read(folder, suffix):
    # A flat picture is stored exactly, or nearly, by all. Catches a suffix in capitals, and one that only PNG's reader is given.
    flat = np.full((16, 16, 3), 200, np.uint8)
    data = load(folder(**{f"a_{suffix}": flat, f"b_{suffix}": flat}))
    assert data.shape == ((16, 16) if suffix == "gif" else (16, 16, 3))  # a GIF's palette is all grey
    assert abs(data.values - 200).max() <= 2


def test_a_printers_colours_become_a_screens(folder):
    # Catches four channels of ink taken for colours with an opacity, and inks that are the wrong way round.
    red = Image.new("CMYK", (9, 9), (0, 255, 255, 0))
    data = load(folder(a_jpg=red, b_jpg=red))
    assert data.shape == (9, 9, 3)
    assert data.values[0, 4, 4, 0] > 200 > 100 > data.values[0, 4, 4, 1:].max()


def test_sub_folders_are_classes_in_the_order_of_their_names(folder):
    # Catches the order in which a disk lists them, rows that lose their class, and a sub-folder of another that is one.
    path = folder(dog__b_png=GREY, cat__z_png=GREY + 1, dog__a_png=GREY + 2, cat__c_png=GREY + 3, cat__deep__x_png=GREY)
    data = load(path)
    np.testing.assert_array_equal(data.values, np.stack([GREY + 3, GREY + 1, GREY + 2, GREY]))
    assert (data.classes, data.labels.tolist(), data.source) == (("cat", "dog"), [0, 0, 1, 1], str(path))
    assert data.notes == (
        "1 image deeper than one sub-folder, for example 'cat/deep/x.png', left out. --data.labels-from top takes them in.",
    )


def test_pictures_stand_as_a_viewer_shows_them(folder):
    # Orientation 6: turned to the right to be seen. Catches EXIF left out, and height for width.
    exif = Image.Exif()
    exif[0x0112] = 6
    path = folder(a_png=COLOUR, b_png=COLOUR)
    for name in "ab":
        Image.fromarray(COLOUR).save(path / f"{name}.png", exif=exif)
    np.testing.assert_array_equal(load(path).values[0], np.rot90(COLOUR, -1))


def test_what_is_no_image_is_counted_and_what_is_hidden_is_not(folder):
    path = folder(a_png=GREY, b_png=GREY)
    (path / "notes.txt").write_text("mine")
    (path / ".a.png").write_text("hidden")
    data = load(path)
    assert len(data) == 2
    assert data.notes == ("1 other thing in the folder, for example 'notes.txt', left out.",)


def test_what_is_lost_of_an_image_is_said(folder):
    # Frames after the first, and 8 of 16 bits a colour. Catches both going without a word.
    path = folder(a_gif=GREY, b_png=GREY)
    Image.fromarray(GREY).save(path / "a.gif", save_all=True, append_images=[Image.fromarray(GREY[::-1])])
    pixels = b"".join(b"\0" + bytes(range(72)) for _ in range(10))
    (path / "b.png").write_bytes(png(12, 10, 16, 2, pixels))
    notes = load(path).notes
    assert notes == (
        "1 image moving: the first frame is used, for example 'a.gif'.",
        "1 image of 16 bits a colour, of which 8 are used, for example 'b.png'.",
    )


@pytest.mark.parametrize(("height", "width"), [(8, 40), (40, 8)])
def test_a_long_grey_picture_is_no_sequence(folder, height, width):
    # Catches a strip of 8 x 40 pixels learnt as eight steps of forty channels.
    data = load(folder(a_png=np.zeros((height, width), np.uint8), b_png=np.ones((height, width), np.uint8)))
    assert layout(data.shape) == Layout("images", 1, (height, width), -1)


def test_sizes_that_differ_are_refused_or_resized(folder):
    path = folder(a_png=GREY, b_png=GREY[:8])
    with pytest.raises(DataError, match=r"'a.png' is 10x12, 'b.png' is 8x12 .height x width.*--data.size 64"):
        load(path)
    assert load(path, size=(6, 4)).shape == (6, 4, 1)
    assert load(path, size=(16, 9)).shape == (16, 9)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_picture_is_resized_without_distortion_about_its_centre(folder, dtype):
    """A square in the middle of a wide picture stays a square in the middle.

    Catches a picture that is squeezed, height for width, a corner that is cut out, 16 bits resized as 8.
    """
    top = np.iinfo(dtype).max
    picture = np.zeros((40, 120), dtype)
    picture[10:30, 50:70] = top
    small = load(folder(a_png=picture, b_png=picture), size=(20, 40)).values[0]
    assert small.shape == (20, 40)
    inside = np.argwhere(small > top / 2)
    assert inside.min(0).tolist() == [5, 15]
    assert inside.max(0).tolist() == [14, 24]
    assert small.max() == pytest.approx(top, rel=0.02)
    np.testing.assert_allclose(small, small[::-1, ::-1], atol=top / 200)


def test_a_picture_that_has_the_size_is_not_touched(folder):
    path = folder(a_png=COLOUR, b_png=COLOUR)
    assert load(path, size=(10, 12)).sha256() == load(path).sha256()


def png(width, height, bits, kind, pixels=b""):
    """A PNG of any header, by hand."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


WHOLE = png(12, 10, 8, 0, bytes(130))
BAD = {
    "a bomb": (png(60_000, 60_000, 8, 2), "pixels"),
    "a suspected bomb": (png(10_000, 10_000, 8, 2), "pixels"),
    "truncated": (png(12, 10, 8, 0, RNG.bytes(130))[:90], ""),
    "empty": (b"", "it is no image"),
    "a text": (b"hello", "it is no image"),
    "another format": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "it is no image"),
    "no pixels": (png(12, 10, 8, 0), ""),
    "flipped bits": (WHOLE[:50] + bytes([WHOLE[50] ^ 255]) + WHOLE[51:], ""),
    "a folder": (None, "it is a folder"),
    "a pipe": (..., "it is no file"),
    "a broken link": ("nowhere", "it is no file"),
}


@pytest.mark.parametrize("inner", ["", "cat__"])
@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_an_image_that_cannot_be_read_is_named_or_dropped(folder, inner, content, reason):
    """Catches a traceback of Pillow's, one damaged file that hides another, rows that are left empty, and waiting at a pipe."""
    path = folder(**{f"{inner}a_png": GREY, f"{inner}c_png": GREY})
    bad = path / inner.rstrip("_") / "b.png"
    if content is None:
        bad.mkdir()
    elif content is ...:
        os.mkfifo(bad)
    elif isinstance(content, str):
        bad.symlink_to(content)
    else:
        bad.write_bytes(content)
    (bad.parent / "d.png").write_bytes(b"")
    name = "cat/b.png" if inner else "b.png"
    with pytest.raises(DataError, match=rf"2 of 4 images cannot be read .first: '{name}': .*{reason}.*--data.missing drop"):
        load(path)
    data = load(path, missing="drop")
    np.testing.assert_array_equal(data.values, np.stack([GREY, GREY]))
    assert data.dropped == 2
    assert "2 of 4 images cannot be read (first: " in data.notes[-1]
    assert data.notes[-1].endswith("were left out.")


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ({"a_txt": b"x"}, "holds no images"),
        ({"a_png": b"", "b_png": b""}, "2 of 2 images cannot be read .*There is nothing to use"),
        ({"a_png": GREY, "cat__b_png": GREY}, "beside sub-folders .*'a.png' and 'cat/b.png'"),
        ({"a_png": GREY, "b_png": DEEP}, "b.png has 16 bits a pixel, a.png has 8"),
        ({"a_png": GREY}, "the data has 1 row"),
    ],
    ids=["none", "all damaged", "beside sub-folders", "bits differ", "one"],
)
def test_a_folder_that_cannot_be_used_is_refused(folder, contents, said):
    with pytest.raises(DataError, match=said):
        load(folder(**contents), missing="drop")


def test_memory_is_known_to_suffice_before_anything_is_decoded(folder, monkeypatch):
    # Catches an estimate by the size of the files, and one that a resize does not lower.
    path = folder(a_png=COLOUR, b_png=COLOUR)
    monkeypatch.setattr(raw, "IN_MEMORY", 3 * 2 * 119)
    monkeypatch.setattr(raw.shutil, "disk_usage", lambda _: SimpleNamespace(free=3 * 2 * 119))
    with monkeypatch.context() as patch:
        patch.setattr(images, "pixels_of", lambda *_: pytest.fail("decoded"))
        with pytest.raises(StorageError, match=r"2 images .*GiB .*TMPDIR .*--data.size 64"):
            load(path)
    assert load(path, size=(7, 17)).shape == (7, 17, 3)


def test_images_that_memory_is_not_used_for_are_the_same_from_a_file(folder, monkeypatch):
    # Catches a file that keeps a row for what could not be read, classes that are shifted by it, an opacity that is looked for in the
    # first block only, and a temporary file that somebody has to clean up.
    clear = np.dstack([COLOUR, np.full((10, 12), 255, np.uint8)])
    path = folder(cat__a_png=clear, cat__b_png=b"no image", dog__c_png=COLOUR, dog__d_png=COLOUR[::-1])
    usual = load(path, missing="drop")
    before = set(Path(tempfile.gettempdir()).iterdir())
    monkeypatch.setattr(raw, "IN_MEMORY", 100)
    mapped = load(path, missing="drop")
    assert isinstance(mapped.rows.held.base.base, np.memmap)
    assert set(Path(tempfile.gettempdir()).iterdir()) <= before
    assert mapped.sha256() == usual.sha256()
    assert (mapped.classes, mapped.dropped, mapped.notes, mapped.bounds) == (usual.classes, 1, usual.notes, usual.bounds)
    np.testing.assert_array_equal(mapped.values, [COLOUR, COLOUR, COLOUR[::-1]])
    np.testing.assert_array_equal(mapped.labels, [0, 1, 1])


def test_a_size_and_labels_belong_to_what_has_them(folder, tmp_path):
    np.save(tmp_path / "x.npy", GREY)
    for source in ("moons", "digits", tmp_path / "x.npy"):
        with pytest.raises(UsageError, match="is no folder of images"):
            load(source, size=(8, 8))
    with pytest.raises(UsageError, match=r"classes of .* are its sub-folders"):
        load(folder(a_png=GREY), labels="kind")
    with pytest.raises(UsageError, match="has no pixels"):
        load(folder(a_png=GREY), size=(0, 8))


@pytest.mark.parametrize(("typed", "kept"), [("32", "32x32"), (32, "32x32"), ("32x48", "32x48"), (None, None)])
def test_a_size_is_one_number_or_two(typed, kept):
    # Catches a TOML whole number that is refused, and width before height.
    config = resolve({"data": {"size": typed}})
    assert config.data.size == kept
    assert config.data.height_width == (kept and tuple(map(int, kept.split("x"))))
    assert Config.model_validate(config.model_dump()) == config


@pytest.mark.parametrize("typed", ["0", "x", "32x", "-3", "3.5", "32x48x3", "", "32X48", 1.5, "999999"])
def test_another_size_is_refused(typed):
    with pytest.raises(UsageError, match=r"setting 'data.size': should be a number of pixels"):
        resolve({"data": {"size": typed}})


# ---- IDX


def idx(array, kind=8):
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = RNG.integers(0, 256, (6, 9, 11), np.uint8)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_idx_file_is_read_with_its_classes(tmp_path, suffix):
    pack = gzip.compress if suffix else bytes
    path = tmp_path / f"train-images-idx3-ubyte{suffix}"
    path.write_bytes(pack(idx(IMAGES)))
    assert read(path).labels is None
    (tmp_path / f"train-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(np.array([3, 1, 1, 0, 3, 0], np.uint8))))
    data = read(path)
    np.testing.assert_array_equal(data.values, IMAGES)
    assert (data.dtype, data.classes, data.labels.tolist()) == ("uint8", ("0", "1", "3"), [2, 1, 1, 0, 2, 0])


def test_the_high_byte_comes_first(tmp_path):
    (tmp_path / "x.idx").write_bytes(idx(np.array([[1, 256], [-2, 3]], ">i2"), 0x0B))
    assert read(tmp_path / "x.idx").values.tolist() == [[1, 256], [-2, 3]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no IDX file: it starts with nothing"),
        (b"\x89PNG....", "is no IDX file"),
        (bytes([0, 0, 8, 3, 0, 0]), "cut short"),
        (idx(IMAGES)[:-1], "promises 594 bytes of numbers, and 593 are there"),
        (idx(IMAGES) + b"x", "damaged"),
        (bytes([0, 0, 8, 2]) + b"\xff" * 8, "damaged|unpack"),
        (bytes([0, 0, 8, 0]), "is no IDX file"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_idx_file_is_refused(tmp_path, content, said, packed):
    # Catches memory asked for by a header, and bytes that are too many taken for none.
    path = tmp_path / ("x.idx.gz" if packed else "x.idx")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match="cut short|more in it" if packed and "promises" in said else said):
        read(path)


def test_a_damaged_gzip_and_a_trap_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "x-ubyte.gz"
    path.write_bytes(b"not packed at all")
    with pytest.raises(DataError, match="is damaged, or no IDX file"):
        read(path)
    path.write_bytes(gzip.compress(idx(IMAGES))[:-20])
    with pytest.raises(DataError, match="is damaged, or no IDX file"):
        read(path)
    path.write_bytes(gzip.compress(idx(np.zeros((1000, 1000), np.uint8))))
    monkeypatch.setattr(raw, "LARGE", 2**10)
    with pytest.raises(DataError, match=r"would unpack to .*gunzip"):
        read(path)


# ---- the built-in pictures


def test_the_digits_are_sklearns():
    # Catches bounds of 255 for levels that end at 16, and classes in another order than their rows.
    from sklearn.datasets import load_digits

    data, found = load("digits"), load_digits()
    np.testing.assert_array_equal(data.values, found.images)
    np.testing.assert_array_equal(data.labels, found.target)
    assert (data.dtype, data.bounds, data.classes) == ("uint8", (0, 16), tuple("0123456789"))
    assert survey(data).levels == 17


def test_what_is_not_installed_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UsageError, match="pip install scikit-learn"):
        load("digits")
    monkeypatch.setattr(builtin, "FASHION", tmp_path)
    with pytest.raises(UsageError, match="apt-get install dataset-fashion-mnist"):
        load("fashion_mnist")


@pytest.mark.skipif(not builtin.FASHION.exists(), reason="needs Debian's dataset-fashion-mnist")
@pytest.mark.parametrize(("name", "rows"), [("fashion_mnist", 60_000), ("fashion_mnist_test", 10_000)])
def test_the_garments_are_all_there(name, rows):
    # Equal in number by construction. Catches float64 (376 MB), the test set trained on, and classes in the order of the alphabet.
    data = load(name)
    assert (data.values.shape, data.values.dtype, data.bounds) == ((rows, 28, 28), np.float32, (0, 255))
    assert np.bincount(data.labels).tolist() == [rows / 10] * 10
    assert data.classes == builtin.GARMENTS
    trouser, boot = (data.values[data.labels == k].mean(0) for k in (1, 9))
    assert trouser[:, :6].mean() < 10 < 100 < trouser[:, 10:18].mean()  # narrow, and in the middle
    assert boot[-8:].mean() > boot[:4].mean()


@pytest.mark.parametrize(("typed", "meant"), [("digit", "digits"), ("fashion-mnist", "fashion_mnist"), ("moon", "moons")])
def test_a_name_mistyped_is_known(typed, meant):
    with pytest.raises(UsageError, match=rf"did you mean '{meant}'\? Known: checkerboard, circles, digits"):
        load(typed)


# ---- from the command line


@pytest.fixture
def unmeasured(monkeypatch):
    monkeypatch.setattr(inspected, "rehearse", lambda *_: Cost(0.002, 0.1, 300 * 2**20))


@pytest.mark.usefixtures("unmeasured")
def test_inspect_says_of_images_what_concerns_images(folder):
    """Catches a table of pixels, a sentence for each dead pixel, and a next command that would be refused."""
    pictures = RNG.integers(0, 200, (12, 20, 16, 3), np.uint8)
    pictures[:, 0] = 7
    path = folder(**{f"{'ab'[i % 2]}__{i}_png": picture for i, picture in enumerate(pictures)}, a__x_png=b"")
    code, out, err = run("inspect", path, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["kind"], found["rows"], found["shape"], found["classes"]) == ("images", 12, [20, 16, 3], {"a": 6, "b": 6})
    assert found["mean"] == pytest.approx(pictures.mean())
    assert found["deviation"] == pytest.approx(pictures.std())
    assert [p["problem"] for p in found["problems"]] == ["small classes", "not held out", "few", "constant"]
    out = run("inspect", path)[1]
    assert "images, 12 rows of 20x16 pixels, 3 channels (uint8)" in out
    assert "48 of 960 places never vary, the first is position (0, 0, 0), always 7." in out
    assert "note: 1 of 13 images cannot be read (first: 'a/x.png': it is no image" in out
    assert f"next: unstir train {path} --data.missing drop" in out
    assert len(out.splitlines()) < 28


@pytest.mark.parametrize(("value", "problems"), [(None, []), (50.0, ["outliers"]), (1e13, ["huge", "outliers"])])
def test_one_value_that_rules_the_scale_of_pictures_is_told_and_dark_ones_are_not(value, problems):
    """Pictures of a stroke: nearly all zero. Catches every pixel that is seldom bright called an outlier."""
    pictures = np.where(RNG.random((900, 8, 8)) < 0.05, RNG.random((900, 8, 8)), 0)
    pictures[:, 0, 0] = RNG.random(900)  # so that no two are the same
    if value:
        pictures[17, 3, 4] = value
    found = survey(from_arrays(pictures, axes="NHW")).problems
    assert [problem.name for problem in found] == problems
    assert all("row 17 " in p.text for p in found if p.name == "outliers")


def test_a_folder_is_trained_on_sampled_and_evaluated(folder, tmp_path):
    """The whole way, in colour, with a class, resized. Catches a size that is lost between the settings and the reader."""
    sizes = [(10, 12), (11, 14)]
    path = folder(
        **{f"{'ab'[i % 2]}__{i}_png": RNG.integers(0, 256, (*sizes[i % 2], 3), np.uint8) for i in range(60)}, a__x_png=b""
    )
    refused(3, "--data.missing drop", "train", path, "--data.size", "8", "-o", tmp_path / "r")
    out = tmp_path / "r"
    code, _, err = run(
        "train", path, "--data.size", "8x9", "--data.missing", "drop", "--data.held-out", "0.3", "--steps", "2", "-o", out, *TINY
    )
    assert code == 0, err
    assert "warning: 1 of 61 images cannot be read (first: 'a/x.png'" in err
    assert run("sample", out, "-n", "3", "-o", tmp_path / "s.npy", "--class", "b")[0] == 0
    samples = np.load(tmp_path / "s.npy")
    assert (samples.shape, samples.dtype) == ((3, 8, 9, 3), np.uint8)
    more = ("--data.size", "8x9", "--data.missing", "drop", "--steps", "2", "--json")
    code, found, err = run("evaluate", out, path, *more)
    assert code == 0, err
    assert any("1 of 61 images" in note for note in json.loads(found)["notes"])
    assert run("evaluate", out, "--steps", "2")[0] == 0  # reads the folder again, the same
