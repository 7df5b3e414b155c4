"""Whatever people bring: arrays and folders of images that are made at random.

Each is either refused in one clear sentence, or a model of it is trained. Then what comes out has the shape and the type of what came in,
is finite, and lies inside the range of a bounded type; and what came in is as it was, bit by bit.
"""

import os

import numpy as np
import pytest
import torch
from PIL import Image

import unstir
from commands import contents, run
from unstir.errors import UnstirError

pytestmark = pytest.mark.usefixtures("brief")

TINY = {"width": 8, "depth": 1, "batch_size": 8, "steps": 2}
TYPES = ("f2", "f4", "f8", ">f4", ">f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i2", "?", "c8", "U3", "O", "g")
SHAPES = (
    (30,),
    (30, 1),
    (30, 2),
    (40, 7),
    (24, 64),
    (20, 8, 8),
    (20, 40, 2),
    (20, 2, 40),
    (16, 3, 8, 9),
    (16, 9, 8, 4),
    (12, 4, 4, 4, 2),
)
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F")
SUFFIXES = (".png", ".PNG", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm")


def values(rng, shape, dtype):
    """Numbers of one of the scales that people have."""
    kind = np.dtype(dtype).kind
    if kind == "?" or kind == "b":
        return rng.random(shape) < 0.5
    if kind in "iu":
        info = np.iinfo(dtype)
        low, high = rng.choice([0, info.min, -3 if info.min else 0]), rng.choice([3, info.max, 100])
        return rng.integers(low, max(low + 1, min(high, info.max)), shape, dtype=np.int64 if info.max < 2**63 else np.uint64)
    drawn = rng.choice([1.0, 1e-8, 1e4, 1e30]) * rng.normal(rng.choice([0.0, 5.0, 1e5]), 1, shape)
    if rng.random() < 0.15:
        drawn.flat[0] = rng.choice([np.nan, np.inf])
    return drawn


def laid_out(x, rng, folder):
    """The same values as people hold them: a view, a mapping, another order, a tensor."""
    way = rng.integers(9)
    if way == 0:
        return x[::-1]
    if way == 1:
        return np.repeat(x, 2, axis=0)[::2]
    if way == 2:
        return np.asfortranarray(x)
    if way == 3:
        x.setflags(write=False)
        return x
    if way in (4, 5) and x.dtype != object:
        np.save(folder / "x.npy", x)
        held = np.load(folder / "x.npy", mmap_mode="c" if way == 4 else "r")
        if way == 4 and x.dtype.kind in "fiu":
            held[...] = held[::-1].copy()  # kept in memory alone: the file does not change
        return held
    if way == 6 and x.dtype.isnative and x.dtype.kind in "fiub" and x.dtype.itemsize <= 8:
        return torch.from_numpy(x.copy()).requires_grad_(x.dtype.kind == "f")
    if way == 7:
        return x.tolist()
    return x


def an_array(seed, folder):
    rng = np.random.default_rng(seed)
    shape, dtype = SHAPES[rng.integers(len(SHAPES))], TYPES[rng.integers(len(TYPES))]
    with np.errstate(all="ignore"):
        return laid_out(values(rng, shape, dtype).astype(dtype), rng, folder)


def as_bytes(x):
    x = x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
    return repr(x.tolist()).encode() if x.dtype == object else x.tobytes()


def try_array(seed, folder):
    """Whether the array was trained on; AssertionError or any other error is a bug."""
    x = an_array(seed, folder)
    before, shape = as_bytes(x), np.shape(x)
    refusal = y = None
    try:
        y = unstir.fit(x, **TINY).sample(4)
    except UnstirError as error:
        refusal = str(error)
    assert as_bytes(x) == before, "the caller's array was changed"
    if y is None:
        assert refusal.rstrip().endswith((".", "?")), refusal
        return False
    y = y.numpy() if isinstance(y, torch.Tensor) else y
    assert y.shape[1:] == (shape[1:] or (1,))
    assert np.isfinite(np.asarray(y, dtype=np.float64)).all()
    if y.dtype.kind in "u?":
        assert y.min() >= 0
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seeds", [range(20), pytest.param(range(20, 220), marks=pytest.mark.slow)])
def test_arrays_made_at_random(seeds, tmp_path):
    trained = []
    for seed in seeds:
        (tmp_path / str(seed)).mkdir()
        trained.append(try_array(seed, tmp_path / str(seed)))
    print(f"{len(trained)} arrays: {sum(trained)} trained, {len(trained) - sum(trained)} refused")
    assert 0.3 < np.mean(trained) < 1


def a_picture(rng, mode, size):
    bands = {"LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}.get(mode, 1)
    if mode == "F":
        return Image.fromarray(rng.random(size[::-1], dtype=np.float32))
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, size[::-1], dtype=np.uint16))
    pixels = rng.integers(0, 256, (*size[::-1], bands), dtype=np.uint8)
    if mode in ("1", "P"):
        return Image.fromarray(pixels[..., 0]).convert(mode)
    return Image.fromarray(pixels[..., 0] if bands == 1 else pixels, mode=None if mode != "CMYK" else "CMYK")


def a_folder(seed, folder):
    """A tree of pictures: flat, by class or deeper; of one format and mode or of several; with what else lies about in folders."""
    rng = np.random.default_rng(seed)
    places = [["."], ["cat", "dog"], ["cat", "dog/inner"], ["a/b/c", "a/b/d"], ["cat", "dog", "empty"], [".", "cat"]][
        rng.integers(6)
    ]
    mixed, sizes = rng.random(3) < 0.25, [(10, 12), (12, 10), (16, 16)]
    mode, suffix, size = MODES[rng.integers(len(MODES))], SUFFIXES[rng.integers(len(SUFFIXES))], sizes[rng.integers(3)]
    for place in places:
        (folder / place).mkdir(parents=True, exist_ok=True)
        for i in range(0 if place == "empty" else 8):
            one = a_picture(
                rng, MODES[rng.integers(len(MODES))] if mixed[0] else mode, sizes[rng.integers(3)] if mixed[2] else size
            )
            end = SUFFIXES[rng.integers(len(SUFFIXES))] if mixed[1] else suffix
            try:
                one.save(folder / place / f"{i}{end}")
            except (OSError, ValueError, KeyError):  # a mode that the format lacks
                one.convert("RGB").save(folder / place / f"{i}{end}")
    for name, text in ((".DS_Store", "x"), ("notes.txt", "hello"), ("0.xmp", "<x/>"), ("broken.png", "not a picture")):
        if rng.random() < 0.15:
            (folder / name).write_text(text)
    if rng.random() < 0.1:
        os.symlink(folder, folder / "loop")
    return ["--data.size", "8"] if rng.random() < 0.4 else []


def try_folder(seed, tmp_path):
    """Whether the folder was trained on, by the command line."""
    photos = tmp_path / "photos"
    photos.mkdir(parents=True)
    size = a_folder(seed, photos)
    before = contents(photos)
    network = ("--network.width", "8", "--network.depth", "1", "--batch-size", "4", "--steps", "2", "--quiet")
    code, _, err = run("train", photos, *size, "-o", tmp_path / "run", *network)
    assert contents(photos) == before
    assert "Traceback" not in err
    if code:
        assert code in (2, 3), err
        last = err.splitlines()[-1]
        assert last.startswith("error: "), err
        assert last.endswith("."), err
        assert not (tmp_path / "run").exists()
        return False
    assert run("sample", tmp_path / "run", "-n", "3", "-o", tmp_path / "y.npy")[0] == 0
    y = np.load(tmp_path / "y.npy")
    assert y.dtype == np.uint8 if y.dtype.kind == "u" and y.itemsize == 1 else np.isfinite(y.astype(float)).all()
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 106), marks=pytest.mark.slow)])
def test_folders_of_images_made_at_random(seeds, tmp_path):
    trained = [try_folder(seed, tmp_path / str(seed)) for seed in seeds]
    print(f"{len(trained)} folders: {sum(trained)} trained, {len(trained) - sum(trained)} refused")
    assert 0.1 < np.mean(trained) <= 1
