"""Formats: what is written is what is read, nothing is overwritten, and a format of one's own is one line in the table."""

import json
import subprocess
import sys

import numpy as np
import pytest

from unstir.data import check_path, load, read, write
from unstir.data.formats.format import Contents, Format
from unstir.data.formats.registry import FORMATS, folder_format, format_of, suffixes
from unstir.errors import DataError, StorageError, UsageError

RNG = np.random.default_rng(3)
TABLES = (".csv", ".tsv", ".csv.gz", ".parquet", ".pq", ".feather", ".arrow")
DTYPES = ["float64", "float32", "float16", "uint8", "int8", "uint16", "int32", "int64", "bool"]
PICTURES = {"grey": ((9, 8), "uint8"), "RGB": ((9, 8, 3), "uint8"), "RGBA": ((9, 8, 4), "uint8"), "deep": ((9, 8), "uint16")}


def rows_of(dtype, shape):
    if np.dtype(dtype).kind == "f":
        return RNG.standard_normal((12, *shape)).astype(dtype)
    return RNG.integers(0, 2 if dtype == "bool" else 100, (12, *shape)).astype(dtype)


@pytest.mark.parametrize("suffix", suffixes(written=True))
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (3,), (4, 5), (2, 3, 4)])
def test_what_is_written_is_what_is_read(tmp_path, suffix, dtype, shape):
    """For every format, type and shape. Catches digits lost in a text, True in a table, a format that is written and not read, and a
    shape that is flattened by more than the table, which has to."""
    rows = rows_of(dtype, shape)
    path = check_path(tmp_path / "new" / f"x{suffix}", shape, dtype)
    assert write(path, rows) == path
    found = read(path)
    np.testing.assert_array_equal(found.values, rows.reshape(12, -1) if suffix in TABLES else rows)
    if suffix not in TABLES:  # text has no types
        assert found.dtype == dtype


@pytest.mark.parametrize(("suffix", "labels"), [(".npz", None), (".csv", "pet"), (".tsv", "pet")])
def test_classes_are_written_and_read_where_the_format_has_a_place_for_them(tmp_path, suffix, labels):
    # Catches a column of another name than the model's, and classes out of step with their rows.
    rows, pets = RNG.standard_normal((12, 2)), np.array(["cat", "a dog", "10"])[np.arange(12) % 3]
    path = write(tmp_path / f"x{suffix}", rows, pets, ["x", "y"], "pet")
    found = read(path, labels)
    np.testing.assert_array_equal(found.values, rows)
    assert [found.classes[i] for i in found.labels] == pets.tolist()
    assert found.names == (() if suffix == ".npz" else ("x", "y"))


@pytest.mark.parametrize(("shape", "dtype"), PICTURES.values(), ids=PICTURES)
@pytest.mark.parametrize("labelled", [False, True])
def test_a_folder_of_images_is_what_was_written(tmp_path, shape, dtype, labelled):
    # Catches a channel lost, 16 bits cut to 8, and rows that change places: with classes they come back by class.
    rows = RNG.integers(0, np.iinfo(dtype).max, (12, *shape), dtype)
    pets = np.array(["cat", "dog"])[np.arange(12) % 2] if labelled else None
    found = read(write(check_path(f"{tmp_path}/out/", shape, dtype), rows, pets))
    order = np.r_[0:12:2, 1:12:2] if labelled else np.arange(12)
    np.testing.assert_array_equal(found.values, rows[order])
    assert (found.dtype, found.classes) == (dtype, ("cat", "dog") if labelled else ())


def test_nothing_is_overwritten(tmp_path):
    # Also where the file came to be after `check_path` looked. Catches a rename over somebody's file.
    rows = rows_of("uint8", (9, 8))
    for name in (*(f"x{suffix}" for suffix in suffixes(written=True)), "folder"):
        path = check_path(tmp_path / name, (9, 8), "uint8")
        path.write_bytes(b"mine")
        for attempt in (lambda path=path: write(path, rows), lambda path=path: check_path(path, (9, 8), "uint8")):
            with pytest.raises(StorageError, match="exists already"):
                attempt()
        assert path.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "said"),
    [
        (
            "x.gif",
            (9, 8),
            "uint8",
            r"x.gif: rows are written as .npy, .npz, .csv, .tsv, .csv.gz, .* and .* into a folder, out/",
        ),
        ("x.idx", (9, 8), "uint8", "rows are written as"),
        ("out/", (9, 8), "float32", "these samples are float32"),
        ("out", (9, 8, 3), "uint16", "uint16 in RGB"),
        ("out", (5,), "uint8", "are no pictures"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_before_anything_is_computed(tmp_path, monkeypatch, name, shape, dtype, said):
    monkeypatch.chdir(tmp_path)
    for attempt in (lambda: check_path(name, shape, dtype), lambda: write(name, np.zeros((3, *shape), dtype))):
        with pytest.raises(UsageError, match=said):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_every_suffix_belongs_to_one_format():
    # Catches a format that hides another's files: ".idx" and ".idx.gz" are two ends of one.
    for name, form in FORMATS.items():
        assert form.about
        for suffix in form.suffixes:
            assert [other for other, one in FORMATS.items() if one.suffixes and one.matches(f"A{suffix.upper()}")] == [name]
            assert format_of(f"a{suffix}") is form
    assert [name for name, form in FORMATS.items() if not form.suffixes] == ["images", "arrays"]
    assert folder_format() is FORMATS["images"]


def test_a_format_of_ones_own_is_a_line_in_the_table(tmp_path):
    """Rows as JSON. Catches a reader or a writer that knows the formats by name, and a list of suffixes that was made once."""

    def numbers(request):
        document = json.loads(request.path.read_text())
        return Contents(np.array(document["rows"]), document.get("labels"), notes=("read as JSON.",))

    def text(contents):
        return json.dumps({"rows": contents.values.tolist(), "labels": list(contents.labels)}).encode()

    FORMATS.add("json", Format("rows as JSON", (".json",), numbers, text))
    try:
        rows = RNG.standard_normal((12, 3))
        found = load(write(check_path(tmp_path / "x.json", (3,), "float64"), rows, ["a", "b"] * 6))
        np.testing.assert_array_equal(found.values, rows)
        assert (found.classes, found.notes) == (("a", "b"), ("read as JSON.",))
        (tmp_path / "y.json").write_text('{"rows": [[1, null], [2, 3]]}')
        with pytest.raises(DataError):
            load(tmp_path / "y.json")
        for what in ("labels", "groups"):
            held = json.dumps({"rows": rows.tolist()})
            (tmp_path / "z.json").write_text(held)
            with pytest.raises(UsageError, match=f"has no {what}='kind': a file of its format holds none"):
                read(tmp_path / "z.json", **{what: "kind"})
        with pytest.raises(UsageError, match=r"known: .*\.json"):
            load(write(tmp_path / "x.npy", rows).rename(tmp_path / "x.xls"))
        with pytest.raises(UsageError, match="is no folder of images"):
            load(tmp_path / "x.json", size=(8, 8))
    finally:
        FORMATS.remove("json")
    assert format_of("x.json") is None


def test_the_table_is_listed_without_importing_a_format():
    # Catches Pillow imported to list the names of formats.
    code = (
        "import sys; from unstir.data.formats.registry import FORMATS; list(FORMATS); "
        "print([name for name in sys.modules if name.startswith(('PIL', 'unstir.data.formats.np'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
