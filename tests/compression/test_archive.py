"""The file: it decodes on other machines, and what is wrong with it is said. Nothing wrong is ever decoded."""

import hashlib
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import unstir
from commands import process
from unstir.compression.archive import AHEAD, STEPS, TYPES, compress, decompress, opened, seal
from unstir.compression.compiling import compiled
from unstir.compression.exact import Compiled, load
from unstir.errors import DataError, StorageError, UnstirError, UsageError
from unstir.model.model import Model

RNG = np.random.default_rng(0)


def table(n, seed=0):
    """Rows of four whole numbers from 0 to 9, of which the second is the first one but for noise, and the last never varies."""
    rng = np.random.default_rng(seed)
    first = rng.binomial(9, 0.5, n)
    return np.stack([first, np.clip(first + rng.integers(-1, 2, n), 0, 9), rng.integers(0, 10, n), np.full(n, 3)], 1)


@pytest.fixture(scope="module")
def model() -> Model:
    return unstir.fit(table(400), steps=60, network="mlp", width=16, depth=1, target="edm")


@pytest.fixture(scope="module")
def made(model) -> Compiled:
    return compiled(model)


@pytest.fixture(scope="module")
def by_levels() -> Compiled:
    """A model of small images by the categorical target, with a U-Net."""
    x = RNG.integers(0, 3, (60, 8, 8)).astype(np.int16)
    return compiled(unstir.fit(x, steps=20, network="unet", width=8, depth=1, target="categorical"))


def test_a_copy_is_made_without_moving_the_model(model, monkeypatch):
    # Catches model.network.cpu(), which takes a model that samples on another device away from it.
    moved = []
    monkeypatch.setattr(torch.nn.Module, "cpu", lambda self: moved.append(self) or self)
    compiled(model)
    assert all(network is not model.network for network in moved)


def test_rows_come_back_with_their_type(made):
    # Catches a type that is kept as float64, and rows in another order; 0 and 1 rows are files, too.
    for dtype in TYPES[1:]:
        x = table(3, 1).astype(dtype)
        back = decompress(made, compress(made, x).content)
        assert back.dtype == x.dtype
        assert np.array_equal(back, x)
    for n in (0, 1, 2):
        assert np.array_equal(decompress(made, compress(made, table(n)).content), table(n))
    assert len(compress(made, table(0)).content) < 50


@pytest.mark.parametrize("steps", STEPS)
def test_the_file_is_as_long_as_its_bound(made, steps):
    # Catches a rate that is not the bound's, and a bound that falls with the levels where the file does not. The bound of draws differs from
    # the bits of the same draws by noise, whose variance is twice the nats; 64 bytes are for the header and the borrowed bits.
    x = table(300, 2)
    found = compress(made, x, steps)
    noise = 4 * (2 * found.bound / np.log(2)) ** 0.5 / 8
    assert abs(len(found.content) - found.bound / 8) < 0.01 * found.bound / 8 + 64 + noise
    assert found.bits_per_dim < 3 < np.log2(10)
    assert found.borrowed >= 4 * AHEAD


def test_unlikely_rows_come_back(made, by_levels):
    # Catches probabilities of 0: the element that never varied takes other values, and all others are at their ends.
    x = np.tile([[9, 0, 9, 0], [0, 9, 0, 9]], (5, 1))
    assert np.array_equal(decompress(made, compress(made, x, 16).content), x)
    x = np.tile(np.array([0, 2], dtype=np.int16), (5, 8, 4))
    assert np.array_equal(decompress(by_levels, compress(by_levels, x, 16).content), x)


def test_a_file_that_is_cut_or_changed_is_never_read(made):
    # Catches bits that are not checked: each byte is changed, and the file is cut at each place.
    content = compress(made, table(40), 16).content
    for place in range(len(content)):
        with pytest.raises(DataError, match="cut"):
            decompress(made, content[:place])
        changed = bytearray(content)
        changed[place] ^= 1 << int(RNG.integers(8))
        with pytest.raises(DataError, match=r"damaged|not a file of|cut"):
            decompress(made, bytes(changed))
    with pytest.raises(DataError, match="damaged"):
        decompress(made, content + b"\0")


def test_what_a_matching_checksum_does_not_show_is_found_in_the_end(made):
    # Catches a file whose CRC is right although its content is not: the checksum of the data is on the stack.
    content = compress(made, table(40), 16).content
    header, body = opened(content, "x")
    for place in RNG.integers(0, len(body), 12):
        changed = bytearray(body)
        changed[place] ^= 1 << int(RNG.integers(8))
        with pytest.raises(DataError, match="what it holds does not match its checksum"):
            decompress(made, seal(header, bytes(changed)))
    for wrong in (
        header._replace(rows=41),
        header._replace(started=3),
        header._replace(growth=200),
        header._replace(dtype="int32"),
    ):
        with pytest.raises(DataError, match="what it holds does not match its checksum"):
            decompress(made, seal(wrong, body))
    assert np.array_equal(decompress(made, seal(header, body)), table(40))


def test_a_file_of_another_model_is_refused_as_that(made, by_levels):
    # Catches a model that is only guessed by its shape.
    content = compress(made, table(5)).content
    other = Compiled(made.settings, {**made.arrays, "usual": made.arrays["usual"] + 1})
    for wrong in (other, by_levels):
        with pytest.raises(DataError, match="was made by another model"):
            decompress(wrong, content)


def test_values_that_the_model_does_not_know_are_named(made):
    # Catches values that are rounded or clipped in silence.
    x = table(4).astype(float)
    for value in (10, -1, 2.5, np.nan, np.inf):
        x[2, 1] = value
        with pytest.raises(
            DataError, match=rf"row 2 has {value:g} in column 1, and this model knows the 10 values 0, 1, ..., 9 only \(1 numbers"
        ):
            compress(made, x)
    with pytest.raises(DataError, match="rows of shape \\(3,\\)"):
        compress(made, np.zeros((2, 3)))
    with pytest.raises(UsageError, match="--levels 20 has to be"):
        compress(made, table(2), 20)


def test_a_model_without_an_exact_copy_is_refused_with_the_reason(model):
    # Catches a file of numbers that were rounded without a word.
    smooth = unstir.fit(RNG.normal(size=(40, 2)), steps=2, width=8, depth=1)
    for wrong, said in (
        (smooth, "values may be any number"),
        (replace(model, card=replace(model.card, network="dit")), "no exact copy of the network"),
        (replace(model, card=replace(model.card, own=("network",))), "parts of your own"),
        (replace(model, card=replace(model.card, levels=(0.0, 1.0, 5.0))), "not evenly spaced"),
    ):
        with pytest.raises(UsageError, match=said):
            compiled(wrong)


def test_the_copy_is_the_same_after_it_was_stored(made, tmp_path):
    # Catches numbers that are rounded on the way to disk, and a file that was changed there.
    made.save(tmp_path / "compiled")
    again = load(tmp_path / "compiled")
    assert again.identity == made.identity
    assert again.size == made.size
    content = bytearray((tmp_path / "compiled" / "compiled.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "compiled" / "compiled.safetensors").write_bytes(bytes(content))
    with pytest.raises(StorageError, match="damaged"):
        load(tmp_path / "compiled")


READER = """
import hashlib, sys
import numpy as np, torch
from pathlib import Path
from unstir.compression import codec
from unstir.compression.archive import decompress
from unstir.compression.exact import load
torch.set_num_threads(int(sys.argv[2]))
codec.AT_ONCE = int(sys.argv[3])
place = Path(sys.argv[1])
made, found = load(place / "compiled"), hashlib.sha256()
for level in (0, 64, 128):
    found.update(made.answers(np.load(place / "y.npy"), level).tobytes())
print(found.hexdigest(), np.array_equal(decompress(made, (place / "rows.unstir").read_bytes()), np.load(place / "rows.npy")))
"""
MACHINES = [
    ({"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "OPENBLAS_CORETYPE": "Prescott"}, 2, 16),
    ({"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "OPENBLAS_CORETYPE": "Haswell"}, 1, 48),
]


def test_a_file_is_read_alike_with_other_instructions_threads_and_batches(by_levels, tmp_path):
    # Catches a float32 network, a fused multiply-add and a table that is computed anew: then the answers differ in their last digits, and no
    # row comes back. Each setting is a process of its own, because the libraries read it when they are loaded.
    x, y = RNG.integers(0, 3, (12, 8, 8)).astype(np.int16), RNG.normal(size=(20, 64))
    by_levels.save(tmp_path / "compiled")
    np.save(tmp_path / "rows.npy", x)
    np.save(tmp_path / "y.npy", y)
    (tmp_path / "rows.unstir").write_bytes(compress(by_levels, x, 16).content)
    answers = hashlib.sha256(b"".join(by_levels.answers(y, level).tobytes() for level in (0, 64, 128))).hexdigest()
    for settings, threads, at_once in MACHINES:
        done = process(
            "-c", READER, tmp_path, threads, at_once, env=os.environ | settings | {"PYTHONPATH": os.pathsep.join(sys.path)}
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == [answers, "True"], settings


def test_whatever_is_wrong_is_an_error_of_ours(made):
    # Catches an IndexError or a MemoryError for bytes that were never a file of ours.
    for length in (0, 1, 4, 9, 30, 100):
        for start in (b"", b"unst"):
            with pytest.raises(UnstirError):
                decompress(made, start + RNG.bytes(length))
