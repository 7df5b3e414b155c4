"""Tables as people have them: any delimiter, decimal mark, comment, encoding. The numbers exactly, or one sentence that says what is wrong."""

import gzip

import numpy as np
import pytest

from unstir.data import read
from unstir.data.formats import raw
from unstir.errors import DataError, UsageError

NUMBERS = [[1.5, 2.0], [3.0, 4.0]]
COMMA = "numbers are written with a decimal comma, as in '1,5'."


@pytest.fixture
def table(tmp_path):
    """Writes a table, and reads it."""

    def written(content, name="x.csv", **how):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(tmp_path / name, **how)

    return written


# ---- what parts the cells


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", "a;b\n1.5;2\n3;4\n", "the cells of 'x.csv' are cut at semicolons."),
        ("x.csv", "a|b\n1.5|2\n3|4\n", "the cells of 'x.csv' are cut at bars."),
        ("x.csv", "a\tb\n1.5\t2\n3\t4\n", "the cells of 'x.csv' are cut at tabs."),
        ("x.csv", "a b\n1.5 2\n3 4\n", "the cells of 'x.csv' are cut at spaces."),
        ("x.csv", "sep=;\na;b\n1.5;2\n3;4\n", "the cells of 'x.csv' are cut at semicolons."),
        ("x.tsv", "a,b\n1.5,2\n3,4\n", "the cells of 'x.tsv' are cut at commas."),
        ("x.tsv", "a\tb\n1.5\t2\n3\t4\n", None),
        ("x.txt", "  a  b \n1.5   2\n 3 4  \n", None),
        ("x.dat", "a b\n1.5\t2\n3  4\n", None),
        ("x.csv", '"a","b"\r\n"1.5","2"\r\n\r\n3,4\r\n', None),
        ("x.csv", "a,b\r1.5,2\r3,4\r", None),
        ("x.csv", "a,b,\n1.5,2,\n3,4,\n", None),
        ("x.csv", "a,b\n1.5,2,\n3,4,\n", None),
        ("x.csv", "# made by a program, v2\n#\n# a,b\n1.5,2\n3,4\n", None),  # as numpy.savetxt writes a header
        ("x.csv", "# one, two\na,b\n1.5,2\n# the second half\n3,4\n", "1 line of 'x.csv' with # at the start, left out."),
        ("x.tsv", "#a\tb\n1.5\t2\n3\t4\n", None),
        ("x.csv", "\ufeffa,b\n1.5,2\n3,4\n", None),
        ("x.txt", "a\tb\r\n1.5\t2\r\n3\t4\r\n".encode("utf-16"), None),  # Excel's "Unicode text"
        ("x.csv.gz", gzip.compress(b"a,b\n1.5,2\n3,4\n", mtime=0), None),
        ("x.TSV.GZ", gzip.compress(b"a\tb\n1.5\t2\n3\t4\n", mtime=0), None),
    ],
)
def test_a_table_is_read_whatever_parts_its_cells(table, tmp_path, name, content, said):
    """Catches a table of one column of text, the comment as a header, '# a' as a name, an empty last column, and a silent choice."""
    data = table(content, name)
    assert data.values.tolist() == NUMBERS
    assert data.names == ("a", "b")
    assert data.notes == (() if said is None else (said.replace("'x.", f"'{tmp_path}/x."),))


def test_a_column_of_words_is_no_two_columns(table):
    # Catches spaces that part the cells of a header alone, or of a text alone.
    assert table("my column\n1\n2\n").names == ("my column",)
    assert table("a b,c d\n1,2\n3,4\n").names == ("a b", "c d")
    assert table("x,kind\n1,a cat\n2,a dog\n", labels="kind").classes == ("a cat", "a dog")
    assert table("a,b,c\n1,2,\n3,4,\n").names == ("a", "b", "c")  # a name above an empty column: not the end of a line


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", "größe,b\n1,2\n".encode("latin-1"), "is not UTF-8 text .* iconv -f latin1 -t utf-8"),
        ("x.csv.gz", b"a,b\n1,2\n3,4\n", "is damaged, or not packed with gzip"),
        ("x.csv.gz", gzip.compress(b"a,b\n1,2\n3,4\n" * 99, mtime=0)[:-20], "is damaged, or not packed with gzip"),
        ("x.txt", "a b\n1 3 4\n2 5 6\n", "line 2: .* is 3, in the first row it is 2.*row.names=FALSE"),
        ("x.csv", "a,b\n1,5,2,5\n3,5,4,5\n", "line 2: .* is 4, in the first row it is 2.*decimal comma"),
        ("x.txt", "", "is empty"),
        ("x.txt", "# nothing\n", "is empty"),
    ],
)
def test_a_table_that_cannot_be_read_says_the_way_on(table, name, content, said):
    with pytest.raises(DataError, match=said):
        table(content, name)


def test_a_small_packed_table_cannot_fill_the_memory(table, monkeypatch):
    # Catches a limit that is asked of the packed size.
    monkeypatch.setattr(raw, "LARGE", 2**16)
    with pytest.raises(DataError, match=r"would unpack to .* unpack it with gunzip"):
        table(gzip.compress(b"1,2\n" * 2**18, mtime=0), "x.csv.gz")


# ---- how numbers are spelled


@pytest.mark.parametrize(
    ("content", "values", "said"),
    [
        ("a;b\n1,5;2\n3;4\n", NUMBERS, COMMA),
        ("1,5;2,0\n3,0;4\n", NUMBERS, COMMA),  # no header, though no cell is a number to Python
        ("a;b\n" + "3;4\n" * 40 + "1,5;2\n", None, COMMA),  # beyond the lines that are looked at first
        ('a,b\n"1,5","2"\n"3","4"\n', NUMBERS, COMMA),
        ("a\tb\n1.234,5\t2\n-2.000\t4\n", [[1234.5, 2], [-2000, 4]], "decimal comma, as in '1.234,5'"),
        ("a;b\n1\u202f234,5;2\n1'000;1,234\n", [[1234.5, 2], [1000, 1.234]], "decimal comma"),
        ("a;b\n1,5E+03;2\n-2,5e-1;4\n", [[1500, 2], [-0.25, 4]], "decimal comma"),
        ('a,b\n"1,234.5",2\n"3,000",4\n', [[1234.5, 2], [3000, 4]], "marks between thousands"),
        ("a\tb\n1,234,567\t2\n3,000\t4\n", [[1234567, 2], [3000, 4]], "marks between thousands"),
        ("a\tb\n1,234\t2.5\n3,000\t4\n", [[1234, 2.5], [3000, 4]], "marks between thousands"),
    ],
)
def test_numbers_are_read_as_they_are_spelled(table, content, values, said):
    """Catches 1,234 read as 1.234 beside points and as 1234 beside commas, a header of numbers, and a spelling that is not said."""
    data = table(content)
    if values is None:
        assert data.values[-1].tolist() == [1.5, 2]
    else:
        assert data.values.tolist() == values
    assert said in data.notes[-1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a\tb\n1,234\t2\n3,000\t4\n", "'1,234' may be 1.234 or 1234, and no other number shows which"),
        ("a\tb\n1,5\t2\n2.000\t4\n", "'2.000' may be 2.000 or 2000, beside '1,5'"),
        ("a\tb\n1,5\t2.5\n3,5\t4.5\n", "numbers with a decimal comma .'1,5'. and with a point .'2.5'."),
    ],
)
def test_numbers_that_may_be_two_are_refused(table, content, said):
    # Catches a guess.
    with pytest.raises(DataError, match=said):
        table(content)


def test_the_classes_do_not_say_how_numbers_are_spelled(table):
    # Catches versions or coordinates in a column of classes taken for numbers.
    data = table("a;kind\n1,5;2.0\n3,5;4.0\n", labels="kind")
    assert (data.values.tolist(), data.classes) == ([[1.5], [3.5]], ("2", "4"))
    assert data.labels_from == "column 'kind'"


@pytest.mark.parametrize("word", ["", "NA", "nan", "NULL", "-", "?", ".", "#N/A", "<NA>", "n.a.", "--"])
def test_words_for_a_missing_value_are_missing(table, word):
    # Catches a table of UCI's or SAS's that is refused as text.
    assert table(f"a,b\n1,2\n{word},4\n5,6\n", missing="drop").values.tolist() == [[1, 2], [5, 6]]


def test_a_class_that_goes_with_its_missing_values_is_named(table):
    # Catches a class that vanishes among "2 rows were dropped".
    data = table("a,kind\n1,cat\n2,cat\n,dog\nNA,dog\n", labels="kind", missing="drop")
    assert data.classes == ("cat",)
    assert data.notes[-1] == "with them went all rows of 'dog'."


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("2024-01-31", "a date or a time"),
        ("5 %", "a percentage"),
        ("$5", "an amount of money"),
        ("True", "Write 1 for yes"),
        ("cat", "--columns.a category"),
    ],
)
def test_what_is_no_number_among_numbers_says_what_it_is(table, cell, said):
    # Catches a slip that turns a column of measurements into categories.
    with pytest.raises(DataError, match=rf"column 'a' holds text .*, line 3\) among numbers.*{said}"):
        table(f"a,b\n1.5,1\n{cell},2\n2.5,4\n")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.xlsx", "is a workbook: save its sheet as CSV"),
        ("x.zip", "is an archive: unpack it, and name the folder"),
        ("x.tar.gz", "is an archive"),
        ("x.npy.gz", "is packed with gzip: unpack it with gunzip"),
        ("x.pkl", "could only be unpickled"),
        ("x.JPG", "is one image: name a folder of images"),
        ("x.mat", "numpy.save"),
        ("x.wav", "is sound"),
    ],
)
def test_what_is_not_read_says_what_to_do_with_it(table, name, said):
    with pytest.raises(UsageError, match=rf"{said}.*known: .*\.csv, .*\.npy"):
        table(b"x", name)


def test_a_table_with_tabs_is_written_with_tabs(tmp_path):
    from unstir.data import write

    write(tmp_path / "x.tsv", np.array(NUMBERS), names=["a", "b"])
    assert (tmp_path / "x.tsv").read_text() == "a\tb\n1.5\t2.0\n3.0\t4.0\n"
