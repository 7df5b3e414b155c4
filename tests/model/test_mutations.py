"""A model's folder from a stranger: whatever is in it, an error of ours or a model that samples; no crash, no hang, nothing written.

Two kinds of mutation. *Damage* changes bytes behind the manifest's back: it has to be noticed, every time. *Forgery* makes the
manifest fit again, so that nothing but looking at the contents helps: then the model is refused, or it works.
"""

import copy
import json
import os
import random
import shutil
import time

import numpy as np
import pytest

import unstir
from unstir.errors import StorageError, UnstirError
from unstir.files import json_bytes, sha256

FILES = ("config.json", "model.safetensors", "MANIFEST.json", "README.md")
LONGEST = 5.0  # seconds for one case, on a machine that is busy with other things; alone it takes a hundredth of one
FEW, MANY = 150, 2500  # cases of each of the four ways below: some hundreds in every run, 10,000 in the slow ones


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two saved models, unlike in everything that a card can say."""
    rng, place = np.random.default_rng(0), tmp_path_factory.mktemp("models")
    tiny = {"width": 4, "depth": 1, "octaves": 1, "steps": 2, "batch_size": 16}
    classes = unstir.fit(rng.normal(size=(60, 2)), np.array(["cat", "dog", "owl"])[rng.integers(0, 3, 60)], **tiny)
    pixels = rng.integers(0, 256, (60, 2, 3)).astype(np.uint8)
    bytes_ = unstir.fit(pixels, **tiny, schedule="chain", settings={"betas": [0.1, 0.2, 0.5]}, encoder="min_max", target="v")
    return classes.save(place / "classes"), bytes_.save(place / "bytes")


@pytest.fixture(params=[FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["some", "many"])
def cases(request):
    return request.param


def test_damage_is_always_noticed(folders, tmp_path, cases):
    """Bytes changed, cut, doubled, moved, in any file. Catches a checksum that is not looked at, and a manifest that may be anything.

    What is not read, the README and its own line in the manifest, may be damaged: then the model is the one that was saved.
    """
    for folder in folders:
        whole = unstir.load(folder)
        for case, place in copies(folder, tmp_path, cases // 2):
            rng = random.Random(case)
            path = place / rng.choice(FILES)
            before = path.read_bytes()
            path.write_bytes(mutated(before, rng))
            if path.read_bytes() == before:
                continue
            model = survived(place, case)
            if model is not None:
                assert path.name in ("README.md", "MANIFEST.json"), case
                assert model.card == whole.card, case
                assert (model.sample(4, steps=2) == whole.sample(4, steps=2)).all(), case


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_forged_bytes_are_refused_or_work(folders, tmp_path, cases, name):
    """Catches an error of json's, of safetensors' or of torch's, and a tensor of another type, size or name that is taken."""
    for folder in folders:
        for case, place in copies(folder, tmp_path, cases // 2):
            rng, before = random.Random(case), (place / name).read_bytes()
            end = (
                len(before) if rng.random() < 0.3 else 8 + int.from_bytes(before[:8], "little") if name[0] == "m" else len(before)
            )
            (place / name).write_bytes(mutated(before[:end], rng) + before[end:])  # mostly where the names and sizes are
            forge(place)
            survived(place, case)


def test_forged_values_are_refused_or_work(folders, tmp_path, cases):
    """JSON that is well formed and says something else. Catches sizes that are believed, labels without a class, NaN, 10^400."""
    for folder in folders:
        card = json.loads((folder / "config.json").read_text())
        worked = 0
        for case, place in copies(folder, tmp_path, cases // 2):
            rng, said = random.Random(case), copy.deepcopy(card)
            for _ in range(rng.choice((1, 1, 2))):
                replace_somewhere(said, rng)
            (place / "config.json").write_text(json.dumps(said))
            forge(place)
            worked += survived(place, case) is not None
        assert 0 < worked < cases // 2


def test_forged_tensors_are_refused_or_work(folders, tmp_path):
    # Numbers of a kind that no training makes. Catches a model that samples NaN, and a curve that is not one.
    from safetensors.numpy import load_file, save_file

    whole = load_file(folders[0] / "model.safetensors")
    for name in ("network.enter.weight", "network.embed_condition.weight", *(n for n in whole if not n.startswith("network"))):
        tensor = whole[name]
        for case, wrong in {
            "nan": np.full_like(tensor, np.nan),
            "inf": np.full_like(tensor, np.inf),
            "huge": np.full_like(tensor, 1e38),
            "negative": -np.abs(tensor) - 1,
            "zero": np.zeros_like(tensor),
            "type": tensor.astype(np.float16),
            "shape": tensor[None],
            "empty": tensor[:0],
            "whole": tensor.astype(np.int64),
        }.items():
            place = next(copies(folders[0], tmp_path, 1))[1]
            save_file(whole | {name: wrong}, place / "model.safetensors")
            forge(place)
            model = survived(place, f"{name} {case}")
            if case in ("nan", "inf", "type", "shape", "empty", "whole"):
                assert model is None, (name, case)
    for change in (lambda t: t.pop("encoder.scale"), lambda t: t.update({"network.more": np.zeros(3)})):
        place = next(copies(folders[0], tmp_path, 1))[1]
        tensors = dict(whole)
        change(tensors)
        save_file(tensors, place / "model.safetensors")
        forge(place)
        assert survived(place, change) is None


@pytest.mark.parametrize(
    "forged",
    [
        {"network_settings": {"width": 10**12}},
        {"network_settings": {"depth": 10**12}},
        {"network_settings": {"octaves": 10**6}},
        {"network_settings": {"width": 2**20, "depth": 1000}},
        {"shape": [10**12], "network_settings": {"dimension": 10**12}},
        {"shape": [2**13, 2**13], "network_settings": {"dimension": 2**26}},
        {"schedule_settings": {"T": 10**12}},
        {"schedule_settings": {"T": 10**5}},
        {"condition_settings": {"counts": [2**53, 0, 0]}},
    ],
    ids=str,
)
def test_a_size_that_is_claimed_is_not_made(folders, tmp_path, forged):
    """The file holds a few kilobytes. Catches a network that is built before it is compared, by the memory and the time it takes."""
    place = next(copies(folders[0], tmp_path, 1))[1]
    card = json.loads((place / "config.json").read_text())
    for name, value in forged.items():
        card[name] = card[name] | value if isinstance(value, dict) else value
    (place / "config.json").write_text(json.dumps(card))
    forge(place)
    survived(place, forged)


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "NaN", '{"format": NaN}', '{"format": 1e999}', '"\\ud800"']
)
@pytest.mark.parametrize("name", ["config.json", "MANIFEST.json"])
def test_json_that_breaks_readers_is_refused(folders, tmp_path, name, content):
    # Catches RecursionError, and Python's limit on the digits of a number.
    place = next(copies(folders[0], tmp_path, 1))[1]
    (place / name).write_text(content)
    if name == "config.json":
        forge(place)
    assert survived(place, content[:20]) is None


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "MANIFEST.json"])
def test_what_is_no_file_is_not_read(folders, tmp_path, name):
    # A pipe that nobody writes to, a device that never ends, a folder. Catches a wait for ever, and all memory taken.
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()):
        place = next(copies(folders[0], tmp_path, 1))[1]
        (place / name).unlink()
        make(place / name)
        with pytest.raises(StorageError, match=f"{name} is not an ordinary file"):
            unstir.load(place)
        shutil.rmtree(place)


# ---- helpers


def copies(folder, place, cases):
    """(number, a fresh copy of the folder), one after another in the same place; nothing else may have appeared beside it."""
    for case in range(cases):
        target = place / "model"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        yield case, target
        assert [path.name for path in place.iterdir()] == ["model"], case
        assert {path.name for path in target.iterdir()} == set(FILES), case


def survived(place, case):
    """The model, if it loads and samples; None if it is refused; a failure for all else: another exception, a wait, a file changed."""
    before, began, model, said = contents(place), time.monotonic(), None, ""
    try:
        model = unstir.load(place)
        shape = tuple(model.sample(4, steps=2).shape)
    except UnstirError as error:
        said = str(error)
        assert model is not None or isinstance(error, StorageError), case  # noqa: PT017
        model = None
    assert time.monotonic() - began < LONGEST, case
    assert contents(place) == before, case
    assert said.isprintable(), case  # a name from the file could be a terminal's command
    assert len(said) < 2000, case
    assert model is None or shape == (4, *model.card.shape), case
    return model


def contents(place):
    return {path.name: path.read_bytes() for path in place.iterdir()}


def forge(place):
    """Make the manifest fit what is there now."""
    sums = {name: sha256((place / name).read_bytes()) for name in json.loads((place / "MANIFEST.json").read_text())["sha256"]}
    (place / "MANIFEST.json").write_bytes(json_bytes({"sha256": sums}))


def mutated(content, rng):
    """The bytes after one to three accidents."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        place, length = rng.randrange(len(content) + 1), rng.choice((1, 1, 2, 8, 100))
        kind = rng.choice(("flip", "flip", "flip", "set", "cut", "end", "double", "insert", "text"))
        if kind == "flip" and place < len(content):
            content[place] ^= 1 << rng.randrange(8)
        elif kind == "set":
            content[place : place + length] = rng.randbytes(len(content[place : place + length]))
        elif kind == "cut":
            del content[place : place + length]
        elif kind == "end":
            del content[place:]
        elif kind == "double":
            content[place:place] = content[place : place + length]
        elif kind == "insert":
            content[place:place] = rng.randbytes(length)
        elif kind == "text":
            content[place : place + 1] = rng.choice(
                (b"9", b"-", b"e9", b"[", b"{}", b"null", b"NaN", b'"', b"\\ud800", b",", b"F16")
            )
    return bytes(content)


def replace_somewhere(value, rng):
    """Change one thing in a JSON value, anywhere in it: another value, another key, one more, one less."""
    while True:
        inner = [key for key in (value if isinstance(value, dict) else range(len(value))) if isinstance(value[key], dict | list)]
        if not (inner := [key for key in inner if value[key]]) or rng.random() < 0.6:
            break
        value = value[rng.choice(inner)]
    key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if (chance := rng.random()) < 0.1:
        del value[key]
    elif chance < 0.2 and isinstance(value, dict):
        value[rng.choice(["more", "T", "betas", "s", "width", "classes"])] = anything(rng)
    elif chance < 0.25 and isinstance(value, list):
        value.append(rng.choice(value))
    else:
        value[key] = near(value[key], rng) if rng.random() < 0.5 else anything(rng)


def near(value, rng):
    """Another value of the same type."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return rng.choice([value + 1, value - 1, -value, value * 10, value * 10**9, value / 2, 0, float(value)])
    if isinstance(value, str):
        return rng.choice(
            [value[:-1], value + "x", "", "linear", "cosine", "flow", "ve", "vp", "sigmoid_bare", "chain", "eps", "x0"]
        )
    return value[::-1] if isinstance(value, list) else {}


def anything(rng, depth=0):
    """Any JSON value."""
    numbers = [0, 1, -1, 2, 3, 1000, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e-320, 1e308, True, False, None]
    texts = [
        "",
        "x",
        "\x00",
        "\n",
        "é",
        "\ud800",
        "float16",
        "bfloat16",
        "uint64",
        "int8",
        "float128",
        "torch",
        "nn",
        "__class__",
    ]
    if depth < 3 and rng.random() < 0.3:
        inner = [anything(rng, depth + 1) for _ in range(rng.randrange(4))]
        return inner if rng.random() < 0.5 else dict(zip(rng.sample(texts, len(inner)), inner, strict=True))
    return rng.choice(numbers + texts)
