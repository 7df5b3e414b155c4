"""Names of columns that are numbers: taken for names, taken for a row and doubted, or a row; and never a row of data taken for names."""

import numpy as np
import pytest

from unstir.data import read
from unstir.data.formats.headers import judge
from unstir.errors import UsageError

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=(60, 6))
COUNTS = RNG.integers(0, 5000, (60, 6))


def cells(rows, form=repr):
    return [[form(value) for value in row] for row in np.asarray(rows).tolist()]


def judged(line, rows, form=repr):
    return judge(line.split(","), cells(rows, form), float)


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("0,1,2", NORMAL[:, :3]),  # what pandas calls the columns of an array
        ("0,1", NORMAL[:, :2]),
        ("1,2,3", NORMAL[:, :3]),
        ("0,1,2,3,4,5", COUNTS),
        ("0,1,2", 1e-3 * NORMAL[:, :3]),
        ("400,410.5,421", 1e-3 * NORMAL[:, :3]),  # wavelengths
        ("900.5,800.25,700.125", RNG.random((60, 3))),
        ("10.0,100.0,1000.0", RNG.random((60, 3))),
        ("2019,2020", NORMAL[:, :2]),  # years
        ("1990,1991,1992,1993,1994,1995", COUNTS),
        ("512,377,1790", NORMAL[:, :3]),  # numbers of sensors
    ],
)
def test_numbers_that_name_columns_are_taken_for_names(line, rows):
    # Catches a header that becomes a row: of frame.to_csv(index=False), spectra, years.
    found = judged(line, rows)
    assert found.names
    assert found.why


@pytest.mark.parametrize(
    ("line", "rows"), [("0", NORMAL[:, :1]), ("0,1", RNG.integers(0, 100, (60, 2))), ("0.5,1.25", 1e-4 * NORMAL[:, :2])]
)
def test_a_line_that_may_be_either_is_a_row_and_doubted(line, rows):
    found = judged(line, rows)
    assert not found.names
    assert found.why


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("5.1,3.5,1.4", RNG.random((60, 3)) * 6),
        ("1,1,2", NORMAL[:, :3]),  # names differ
        ("0,1", np.stack([np.arange(1, 60) / 100, np.cos(np.arange(1, 60) / 100)], 1)),  # a time and what was measured then
        ("0,1,2,3,4,5", [RNG.permutation(6) for _ in range(60)]),  # rankings
        ("0,1,2", np.arange(3, 30).reshape(9, 3)),
        ("0,1", RNG.integers(0, 2, (60, 2))),
        ("0,1,2", [[0.5, 0.1, 0.2]]),  # nothing to compare with
    ],
)
def test_a_row_is_a_row(line, rows):
    assert judged(line, rows) == (False, "")


def test_no_row_of_1500_random_tables_is_taken_for_names():
    """Catches a rule that eats the first row of some table. Of the doubts it allows one in two hundred."""
    rng, doubts = np.random.default_rng(1), 0
    kinds = (
        lambda n, d: rng.normal(size=(n, d)),
        lambda n, d: rng.normal(size=(n, d)) * rng.standard_cauchy((n, 1)) ** 2,
        lambda n, d: rng.integers(0, rng.choice([2, 5, 100]), (n, d)),
        lambda n, d: rng.exponential(size=(n, d)).cumsum(1),
        lambda n, d: rng.normal(size=(n, d)).cumsum(0),
        lambda n, d: np.sort(rng.integers(0, 40, (n, d)), 1),
    )
    for i in range(1500):
        n, d, form = (
            int(rng.choice([5, 20, 60])),
            int(rng.choice([1, 2, 3, 5, 8])),
            str(rng.choice(["%r", "%.18e", "%g", "%.1f", "%.0f"])),
        )
        first, *rest = cells(kinds[i % len(kinds)](n, d), lambda value, form=form: form % value)
        found = judge(first, rest, float)
        assert not found.names, (found.why, first, rest[:3])
        doubts += bool(found.why)
    assert doubts < 8


@pytest.mark.parametrize(
    ("header", "names", "first", "said"),
    [
        ("auto", ("0", "1"), 0.5, "is taken for the names of the columns"),
        ("yes", ("0", "1"), 0.5, None),
        ("no", (), 0.0, None),
    ],
)
def test_the_file_is_read_as_it_was_judged_or_as_it_was_told(tmp_path, header, names, first, said):
    rows = NORMAL[:, :2].copy()
    rows[0] = 0.5
    (tmp_path / "a.csv").write_text("0,1\n" + "".join(f"{a!r},{b!r}\n" for a, b in rows.tolist()))
    data = read(tmp_path / "a.csv", header=header)
    assert (data.names, data.values[0, 0]) == (names, first)
    assert [said in note and "--data.header no" in note for note in data.notes] == [True] * (said is not None)


def test_classes_beside_names_that_are_numbers(tmp_path):
    # Catches columns of text that hide the header beside them.
    (tmp_path / "a.csv").write_text("0,1,kind\n" + "".join(f"{a!r},{b!r},cat\n" for a, b in NORMAL[:, :2].tolist()))
    assert read(tmp_path / "a.csv", labels="kind").names == ("0", "1")
    assert read(tmp_path / "a.csv").table.columns[2].kind == "constant"


@pytest.mark.parametrize(
    "index",
    [np.arange(30), 1 + np.arange(30), RNG.permutation(30), np.sort(RNG.permutation(90)[:30])],
    ids=["from 0", "from 1", "shuffled", "after rows were dropped"],
)
def test_an_index_without_a_name_is_left_out(tmp_path, index):
    # Catches row numbers as a dimension of the data, wherever they start and however the rows were chosen.
    lines = "".join(f"{i},{a!r}\n" for i, a in zip(index, NORMAL[:30, 0].tolist(), strict=True))
    (tmp_path / "a.csv").write_text(f",size\n{lines}")
    data = read(tmp_path / "a.csv")
    assert data.names == ("size",)
    assert data.notes[0].startswith("column 'unnamed 0' is left out: a whole number that is different in each of 30 rows")


def test_names_of_rows_are_left_out(tmp_path):
    (tmp_path / "a.csv").write_text('"","mpg"\n"Mazda RX4",21\n"Datsun 710",22.8\n"Valiant",18.1\n')
    assert read(tmp_path / "a.csv").names == ("mpg",)


def test_a_header_is_for_tables(tmp_path):
    np.save(tmp_path / "a.npy", NORMAL)
    with pytest.raises(UsageError, match="it has no header"):
        read(tmp_path / "a.npy", header="yes")
