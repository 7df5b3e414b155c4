"""Whatever a caller gives as an array: read as a person means it, never changed, and never shared with what comes of it."""

import mmap
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from unstir.data import from_arrays, load
from unstir.data import rows as rows_module
from unstir.data.formats import npy
from unstir.data.given import as_numbers
from unstir.data.rows import Rows, is_mapped
from unstir.errors import DataError

RNG = np.random.default_rng(0)
VALUES = RNG.integers(-30, 30, (6, 2)) / 8  # every float holds them exactly


class Frame:
    """What turns itself into an array, as a data frame does."""

    def __array__(self, dtype=None, copy=None):
        return np.array(VALUES, dtype=dtype)


class Capsule:
    """What only shares its memory, as an array of another library does."""

    def __dlpack__(self, **settings):
        return VALUES.copy().__dlpack__(**settings)

    def __dlpack_device__(self):
        return VALUES.__dlpack_device__()


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def tensor(**settings):
    return torch.tensor(VALUES, **settings)


GIVEN = {
    "backwards": lambda: VALUES[::-1].copy()[::-1],
    "every other column": lambda: np.repeat(VALUES, 2, axis=1)[:, ::2],
    "in columns": lambda: np.asfortranarray(VALUES),
    "high byte first": lambda: VALUES.astype(">f8"),
    "half": lambda: VALUES.astype(np.float16),
    "long double": lambda: VALUES.astype(np.longdouble),
    "read only": lambda: read_only(VALUES),
    "a matrix": lambda: VALUES.view(np.matrix),
    "masked nowhere": lambda: np.ma.array(VALUES, mask=np.zeros_like(VALUES, bool)),
    "objects": lambda: VALUES.astype(object),
    "decimals": lambda: [[Decimal(str(v)) for v in row] for row in VALUES.tolist()],
    "fractions": lambda: [[Fraction(v) for v in row] for row in VALUES.tolist()],
    "lists": lambda: VALUES.tolist(),
    "a tuple of arrays": lambda: tuple(VALUES),
    "a list of tensors": lambda: [torch.tensor(row, requires_grad=True) for row in VALUES],
    "a list of masked arrays": lambda: [np.ma.array(row) for row in VALUES],
    "frame": Frame,
    "capsule": Capsule,
    "buffer": lambda: memoryview(VALUES.copy()),
    "tensor with gradients": lambda: tensor(requires_grad=True),
    "bfloat16": lambda: tensor(dtype=torch.bfloat16),
    "parameter": lambda: torch.nn.Parameter(tensor()),
    "result of a sum": lambda: tensor(requires_grad=True) + 0,
    "negated view": lambda: torch.complex(tensor(), -tensor()).conj().imag,
    "transposed tensor": lambda: tensor().T.contiguous().T,
    "expanded tensor": lambda: tensor()[:, :, None].expand(6, 2, 3)[..., 1],
}


@pytest.mark.parametrize("kind", GIVEN)
def test_every_array_is_read_alike(kind):
    """Catches torch's refusal of negative strides and of foreign byte orders, numpy's of gradients, and a neg view read without its sign."""
    given = GIVEN[kind]()
    array, _ = as_numbers(given, "the data")
    assert array.shape == (6, 2)
    np.testing.assert_array_equal(array.astype(float), VALUES)
    data = from_arrays(given)
    np.testing.assert_array_equal(data.values, VALUES)
    np.testing.assert_array_equal(from_arrays(given, copy=False).rows[::-1], VALUES[::-1])


def test_what_was_made_in_inference_mode_is_read():
    with torch.inference_mode():
        made = tensor()
    np.testing.assert_array_equal(from_arrays(made).values, VALUES)


@pytest.mark.parametrize(
    ("masked", "kept"),
    [
        (np.ma.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], mask=[[0, 1], [0, 0], [0, 0]]), [[3, 4], [5, 6]]),
        (np.ma.array([[1, 2], [3, 4], [5, 6]], mask=[[0, 0], [0, 0], [1, 0]]), [[1, 2], [3, 4]]),
        ([np.ma.array([1, 2]), np.ma.array([3, 4], mask=[True, False]), np.ma.array([5, 6])], [[1, 2], [5, 6]]),
        ([[1, 2], [3, 4], [None, 6]], [[1, 2], [3, 4]]),
    ],
)
def test_what_is_masked_is_missing(masked, kept):
    """Catches the number under the mask taken for data, as numpy.asarray does, and a mask that a list of arrays loses."""
    with pytest.raises(DataError, match="1 missing value"):
        from_arrays(masked)
    data = from_arrays(masked, missing="drop")
    assert data.values.tolist() == kept
    assert data.dropped == 1


def test_masked_whole_numbers_stay_whole_numbers():
    # The gaps are floats, the samples are not. Catches a type that a single masked value changes, and an id that a float rounds.
    bytes_ = np.ma.array(RNG.integers(0, 256, (5, 2), np.uint8), mask=np.eye(5, 2, dtype=bool))
    data = from_arrays(bytes_, missing="drop")
    assert (data.dtype, data.bounds, len(data)) == ("uint8", (0.0, 255.0), 3)
    with pytest.raises(DataError, match="beyond 2\\^53"):
        from_arrays(np.ma.array([[2**53 + 1], [2], [3]], mask=[[0], [0], [1]]))


def test_masked_labels_are_missing():
    # Catches the class under the mask. The rows without a class are left out, as those with a missing text are.
    for labels in (np.ma.array([1, 2, 1], mask=[0, 0, 1]), np.ma.array(["a", "b", "a"], mask=[0, 0, 1])):
        data = from_arrays([[1.0], [2.0], [3.0]], labels, missing="drop")
        assert data.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (torch.eye(3).to_sparse(), r"sparse tensor \(sparse_coo\). Give all its numbers: x.to_dense\(\)"),
        (torch.zeros(3, 2, device="meta"), "float32 on meta"),
        (torch.zeros(3, 2, dtype=torch.complex64), "complex64"),
        (np.array([["1.5"], ["2"]], object), r"holds '1.5' at \[0, 0\], which is no number"),
        (np.array([[2**60 + 1, 1.5]] * 3, object), "float64 would round"),
        (Path("x.npy"), "a PosixPath is no array"),
        (from_arrays(VALUES), "a Data is no array"),
        ([torch.zeros(2), torch.zeros(3)], "unequal"),
    ],
)
def test_what_cannot_be_read_is_said(given, said):
    with pytest.raises(DataError, match=said):
        from_arrays(given)


# ---- the caller's memory


def private_file(tmp_path):
    np.save(tmp_path / "x.npy", VALUES)
    return np.load(tmp_path / "x.npy", mmap_mode="c")


def private_bytes(tmp_path):
    (tmp_path / "x.bin").write_bytes(VALUES.tobytes())
    with open(tmp_path / "x.bin", "rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)).reshape(VALUES.shape)


def of_no_file(tmp_path):  # noqa: ARG001
    held = np.frombuffer(mmap.mmap(-1, VALUES.nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)).reshape(VALUES.shape)
    held[:] = VALUES
    return held


MAPPED = {
    "copy on write": private_file,
    "private bytes": private_bytes,
    "of no file": of_no_file,
    "through views": lambda folder: private_file(folder)[::-1][::-1].view(np.ndarray).reshape(-1).reshape(VALUES.shape),
    "through a matrix": lambda folder: private_file(folder).view(np.matrix),
    "through a memoryview": lambda folder: np.asarray(memoryview(private_file(folder))),
    "through a tensor": lambda folder: torch.from_numpy(private_file(folder)),
}


@pytest.mark.parametrize("kind", MAPPED)
def test_what_a_caller_has_written_into_a_private_mapping_stays(tmp_path, kind):
    """To give back the pages of a private mapping is to lose every edit, and to learn the file instead. Catches madvise under any array."""
    held = MAPPED[kind](tmp_path)
    held *= 100
    data = from_arrays(held, missing="drop")
    for _ in data.rows.blocks():
        pass
    assert (data.sha256(), data.values.tolist()) == (from_arrays(100 * VALUES, copy=False).sha256(), (100 * VALUES).tolist())
    np.testing.assert_array_equal(held, 100 * VALUES)


def test_writes_into_a_callers_file_reach_it(tmp_path):
    # Opened to be written to. Catches a copy that swallows what is written, and pages that are dropped before they are.
    np.save(tmp_path / "x.npy", VALUES)
    held = np.load(tmp_path / "x.npy", mmap_mode="r+")
    held += 1
    assert from_arrays(held).values.tolist() == (VALUES + 1).tolist()
    held.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), VALUES + 1)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's list of mappings")
def test_a_file_that_the_library_mapped_itself_does_not_fill_memory(tmp_path, monkeypatch):
    # Catches pages that are never given back, because nothing is known to be ours.
    monkeypatch.setattr(npy, "IN_MEMORY", 0)
    monkeypatch.setattr(rows_module, "BLOCK", 2**16)
    np.save(tmp_path / "large.npy", np.ones((2**20, 2), np.float32))
    data = load(tmp_path / "large.npy")
    assert is_mapped(data.rows.held)
    for _ in data.rows.blocks():
        pass
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    assert any("large.npy" in line for line in lines)
    resident = next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))
    assert resident < 2048, f"{resident} KiB of 8,192"


def test_data_of_an_array_is_not_the_array():
    """Catches training that changes when the caller edits the array between two runs, and numbers handed out that are the caller's."""
    held, labels = VALUES.copy(), np.arange(6)
    data = from_arrays(held, labels, groups=labels)
    data.values[:] = 7
    data.rows[1:3][:] = 7
    np.testing.assert_array_equal(held, VALUES)
    held[:], labels[:] = 0, 0
    np.testing.assert_array_equal(data.rows[:], VALUES)
    assert data.labels.tolist() == data.groups.tolist() == list(range(6))


def test_rows_are_read_into_memory_of_their_own():
    # Whatever selects them, of whatever is held. Catches a view where no conversion was needed.
    for held in (VALUES, VALUES.astype(np.float32), read_only(VALUES), np.broadcast_to(VALUES[:1], (6, 2))):
        for which in (0, slice(1, 4), np.array([2, 0]), np.arange(6) > 2):
            found = Rows(held)[which]
            assert found.flags.writeable
            assert not np.may_share_memory(found, held)


def test_what_repeats_itself_takes_no_memory():
    # A thousand rows that are one. Catches a copy that writes each of them out.
    data = from_arrays(np.broadcast_to(np.arange(2.0), (1000, 2)))
    assert data.rows.held.strides[0] == 0
    assert data.rows[999].tolist() == [0.0, 1.0]
