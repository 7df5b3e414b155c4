"""Files of arrays: every format gives back what was written, and no file that is damaged or evil does any harm."""

import zipfile
from contextlib import suppress

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from unstir.data import load, read
from unstir.data.formats import raw
from unstir.errors import DataError, UnstirError, UsageError

ROWS = np.random.default_rng(0).standard_normal((12, 3))


def test_every_format_gives_back_what_was_written(tmp_path):
    # Catches float32 on the way, transposed rows, labels taken for data.
    labels = np.arange(12) % 3
    np.save(tmp_path / "a.npy", ROWS)
    np.savez(tmp_path / "a.npz", x=ROWS, y=labels)
    np.savez_compressed(tmp_path / "b.npz", ROWS)
    save_file({"points": ROWS, "label": labels}, tmp_path / "a.safetensors")
    np.savetxt(tmp_path / "a.csv", ROWS, delimiter=",", fmt="%.17g")
    for name, has_labels in [("a.npy", 0), ("a.npz", 1), ("b.npz", 0), ("a.safetensors", 1), ("a.csv", 0)]:
        data = load(tmp_path / name)
        assert (data.values == ROWS).all(), name
        assert data.source == str(tmp_path / name)
        assert (data.labels is not None) == has_labels
        if has_labels:
            assert (data.labels == labels).all()


def test_the_suffix_is_read_in_either_case(tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    (tmp_path / "a.npy").rename(tmp_path / "A.NPY")
    assert len(read(tmp_path / "A.NPY")) == 12


def test_labels_names_the_array_of_classes(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=ROWS, kind=np.arange(12) % 2, y=ROWS[:, 0])
    assert read(path, labels="kind").classes == ("0", "1")
    with pytest.raises(UsageError, match=r"unknown array in '.*a.npz' 'kinds': did you mean 'kind'"):
        read(path, labels="kinds")
    with pytest.raises(DataError, match=r"'y' are not whole numbers.*rename it"):
        read(path)
    np.save(tmp_path / "a.npy", ROWS)
    with pytest.raises(UsageError, match="one array"):
        read(tmp_path / "a.npy", labels="kind")


@pytest.mark.parametrize("arrays", [{"state": ROWS, "action": ROWS}, {"x": ROWS, "points": ROWS}, {"y": ROWS}, {}])
def test_an_archive_that_can_be_read_two_ways_is_refused(tmp_path, arrays):
    # Catches training on the first array of several.
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=r"holds .*Call one 'values'"):
        read(tmp_path / "a.npz")


def test_the_rest_of_an_archive_is_not_read(tmp_path):
    # An array of Python objects beside the data does no harm: it is never unpickled.
    np.savez(tmp_path / "a.npz", values=ROWS, notes=np.array([{"a": 1}], object))
    assert len(read(tmp_path / "a.npz")) == 12


def test_objects_are_never_unpickled(tmp_path):
    # Catches allow_pickle=True: unpickling this array would make the file `touched`.
    touched = tmp_path / "touched"

    class Trap:
        def __reduce__(self):
            return (open, (str(touched), "w"))

    np.save(tmp_path / "a.npy", np.array([Trap(), Trap()], object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", values=np.array([Trap(), Trap()], object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DataError, match=r"pickle|[Oo]bject"):
            read(tmp_path / name)
    assert not touched.exists()


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "b.npz", "a.safetensors"])
def test_a_damaged_file_is_an_error_of_ours_wherever_it_is_cut_or_hit(tmp_path, name):
    # Catches a traceback from zipfile, zlib, tokenize or numpy, and a cut file taken for a shorter one.
    np.save(tmp_path / "a.npy", ROWS)
    np.savez(tmp_path / "a.npz", values=ROWS)
    np.savez_compressed(tmp_path / "b.npz", values=ROWS)
    save_file({"values": ROWS}, tmp_path / "a.safetensors")
    whole = (tmp_path / name).read_bytes()
    damaged = tmp_path / f"damaged.{name.split('.')[1]}"
    for length in range(0, len(whole), 11):
        damaged.write_bytes(whole[:length])
        with pytest.raises(DataError):
            read(damaged)
    generator = np.random.default_rng(0)
    for _ in range(60):
        hit = np.frombuffer(whole, np.uint8).copy()
        hit[generator.integers(0, min(len(hit), 200), 3)] = generator.integers(0, 256, 3)
        damaged.write_bytes(hit.tobytes())
        with suppress(UnstirError):  # a hit in the padding does no harm; any other exception is a failure
            read(damaged)
    damaged.write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match="damaged"):
        read(damaged)


def npy(descr, shape, content, order="False"):
    """The bytes of a .npy file with any header."""
    header = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content


@pytest.mark.parametrize(
    ("descr", "shape"),
    [
        ("<f8", "(1000000000000000,)"),
        ("<f8", "(10**15,)"),
        ("<f8", "(9223372036854775807, 9223372036854775807)"),
        ("<f8", "(-1, 2)"),
        ("<f8", "(3, 2)"),
        ("<f8", "(1, 2)"),
        ("|S0", "(1000000000000000,)"),
        ("|V1000000000000", "(2,)"),
    ],
)
def test_a_header_is_held_against_the_size_before_memory_is_asked_for(tmp_path, monkeypatch, descr, shape):
    """Four numbers, and a header that says otherwise. Catches 8 PB asked for, and three rows read out of two."""
    content = np.arange(4.0).tobytes()
    (tmp_path / "a.npy").write_bytes(npy(descr, shape, content))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("values.npy", npy(descr, shape, content))
    real, asked = np.empty, []
    monkeypatch.setattr(np, "empty", lambda size, *rest: asked.append(size) or real(size, *rest))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DataError, match="damaged"):
            read(tmp_path / name)
    assert asked == []


def test_a_second_array_in_one_file_is_not_passed_over(tmp_path):
    # np.save twice into one open file. Catches half of the data left out without a word.
    with (tmp_path / "a.npy").open("wb") as file:
        np.save(file, ROWS)
        np.save(file, ROWS)
    with pytest.raises(DataError, match="header promises 288 bytes"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize("nest", ["(" * 4000, "[" * 9000, "{" * 3000, "-" * 9000, "1+" * 4000 + "1"])
def test_a_header_of_evil_literals_is_refused(tmp_path, nest):
    # Catches RecursionError and MemoryError of Python's own parser.
    header = nest.encode() + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DataError, match="damaged"):
        read(tmp_path / "a.npy")


def test_an_archive_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path, monkeypatch):
    # Catches a zip bomb; the bar is lowered so that the test needs no gigabyte.
    np.savez_compressed(tmp_path / "a.npz", np.zeros((1000, 100)))
    assert read(tmp_path / "a.npz").values.shape == (1000, 100)
    monkeypatch.setattr(raw, "LARGE", 2**19)
    monkeypatch.setattr(np, "empty", None)
    with pytest.raises(DataError, match=r"would unpack to .* save it as .npy"):
        read(tmp_path / "a.npz")


def test_an_archive_packed_with_lzma_is_refused(tmp_path):
    # Found by the fuzzer: the size of LZMA's dictionary, up to 4 GiB, is in the file, and damage is an error that zipfile does not name.
    np.savez(tmp_path / "a.npz", values=ROWS)
    with zipfile.ZipFile(tmp_path / "a.npz") as plain, zipfile.ZipFile(tmp_path / "b.npz", "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("values.npy", plain.read("values.npy"))
    with pytest.raises(DataError, match=r"packed with LZMA.*savez_compressed"):
        read(tmp_path / "b.npz")


def test_fortran_order_and_old_versions_are_read(tmp_path):
    # Our own reader of the format beside numpy's. Catches rows read as columns.
    np.save(tmp_path / "a.npy", np.asfortranarray(ROWS))
    assert (read(tmp_path / "a.npy").values == ROWS).all()
    with (tmp_path / "b.npy").open("wb") as file:
        np.lib.format.write_array(file, ROWS, version=(2, 0))
    assert (read(tmp_path / "b.npy").values == ROWS).all()
    (tmp_path / "c.npy").write_bytes(npy("<f4", "(3L, 2L)", np.arange(6, dtype=np.float32).tobytes()))  # Python 2's
    assert read(tmp_path / "c.npy").values.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_a_type_that_numpy_lacks_is_named(tmp_path):
    save_torch_file({"values": torch.zeros(3, 2, dtype=torch.bfloat16)}, tmp_path / "a.safetensors")
    with pytest.raises(DataError, match=r"bfloat16.*float32"):
        read(tmp_path / "a.safetensors")
