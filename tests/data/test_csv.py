"""Tables in text files: read as they were meant, or an error that says why and where."""

import numpy as np
import pytest

from text_tables import table
from unstir.errors import DataError, UsageError


@pytest.mark.parametrize(
    ("content", "values", "names"),
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]], ()),
        ("1,2\n3,4", [[1, 2], [3, 4]], ()),
        ("a,b\n1,2\n3,4\n", [[1, 2], [3, 4]], ("a", "b")),
        ("a,b\r\n1,2\r\n3,4\r\n", [[1, 2], [3, 4]], ("a", "b")),
        ("\ufeffa,b\n1,2\n3,4\n", [[1, 2], [3, 4]], ("a", "b")),  # catches a column called '\ufeffa'
        ("\ufeff1,2\n3,4\n", [[1, 2], [3, 4]], ()),  # catches a first row lost to the mark
        ("a;b\n1;2\n3;4\n", [[1, 2], [3, 4]], ("a", "b")),
        ("a\tb\n1\t2\n3\t4\n", [[1, 2], [3, 4]], ("a", "b")),
        ("a, b\n1, 2\n3, 4\n", [[1, 2], [3, 4]], ("a", "b")),
        ('"a","b, in m"\n"1",2\n3,"4"\n', [[1, 2], [3, 4]], ("a", "b, in m")),
        ('"a; b",c\n1,2\n3,4\n', [[1, 2], [3, 4]], ("a; b", "c")),
        ('"two\nlines",b\n1,2\n3,4\n', [[1, 2], [3, 4]], ("two\nlines", "b")),
        ("1\n2\n3\n", [[1], [2], [3]], ()),
        ("\n\na\n1\n2\n\n\n", [[1], [2]], ("a",)),
        ("a,b\n\n1,2\n\n3,4\n\n", [[1, 2], [3, 4]], ("a", "b")),
        ("1e-3,-2.5E+2\n+3,.5\n", [[1e-3, -250], [3, 0.5]], ()),
        ("2020,b\n1,2\n3,4\n", [[1, 2], [3, 4]], ("2020", "b")),  # a number among the names
        (",b\n5,2\n3,4\n", [[5, 2], [3, 4]], ("unnamed 0", "b")),
    ],
)
def test_a_table_is_read_as_it_was_meant(tmp_path, content, values, names):
    data = table(tmp_path, content)
    assert data.values.tolist() == values
    assert data.names == names
    assert data.labels is None


@pytest.mark.parametrize(
    ("content", "labels", "values", "ids", "classes"),
    [
        ("x,kind\n1,b\n2,a\n", "kind", [[1], [2]], [1, 0], ("a", "b")),
        ("kind,x\n10,1\n2,2\n", "kind", [[1], [2]], [1, 0], ("2", "10")),
        ("kind,x\n1.0,1\n0.0,2\n", "kind", [[1], [2]], [1, 0], ("0", "1")),
        ("x;kind\n1; b \n2;a\n", "kind", [[1], [2]], [1, 0], ("a", "b")),
        ("1,b\n2,a\n", "1", [[1], [2]], [1, 0], ("a", "b")),  # no header: columns have numbers
        ("2,1,b\n2,0,a\n", "2", [[2, 1], [2, 0]], [1, 0], ("a", "b")),  # catches the cell 2 taken for a name
        ("id,0,1\nb,1,2\na,3,4\n", "id", [[1, 2], [3, 4]], [1, 0], ("a", "b")),
        ("x,k\n1,1_1\n2,11\n", "k", [[1], [2]], [1, 0], ("11", "1_1")),  # catches the two names as one number
    ],
)
def test_one_column_may_hold_the_class(tmp_path, content, labels, values, ids, classes):
    data = table(tmp_path, content, labels)
    assert data.values.tolist() == values
    assert data.labels.tolist() == ids
    assert data.classes == classes


@pytest.mark.parametrize(
    ("content", "labels", "error", "said"),
    [
        ("", None, DataError, "is empty"),
        ("\n\n", None, DataError, "is empty"),
        ("a,b\n", None, DataError, "a header and no rows"),
        ("a,b\n1,2\n", None, DataError, "1 row"),
        ("a,b\n1,2\n3,4,5\n6,7\n", None, DataError, r"line 3: .* \(cut at ','\) is 3, in the first row it is 2"),
        ("a,b\n1,2\n\n3\n", None, DataError, r"line 4: .* is 1, in the first"),
        ("a,b\n1,2\n3,inf\n", None, DataError, "column 'b' has 1 infinite value"),
        ("x,a b\n1,2\n2,3\n3,x\n", None, DataError, r"'a b' holds text \('x', line 4\) among numbers.*'--columns.a b' category"),
        ("a,b\n1,2\n3,4\n", "c", UsageError, "unknown column in .*Known: a, b"),
        ("a\n1\n2\n", "a", UsageError, "no column besides"),
        ("a,k\n1,x\n2,\n", "k", DataError, r"labels have 1 missing value \(first: row 1\)"),
        ("a,k\n1,NA\n2,3\n", "k", DataError, r"labels have 1 missing value \(first: row 0\)"),
        ("a,k\n1,9007199254740993\n2,9007199254740992\n", "k", DataError, "not whole numbers"),  # two classes as one
        ("a,k\n1,0.5\n2,1\n", "k", DataError, r"not whole numbers \(row 0: 0.5\)"),
        ("a,a\n1,2\n3,4\n", None, DataError, "two columns called 'a'"),
        ('a,b\n1,"2\n3,4\n', None, DataError, "quote that is not closed"),
        ("a,b\n1,2_0\n3,4\n", None, DataError, r"'b' holds text \('2_0', line 2\)"),  # twenty, to Python
        ("a,b\n1,2\n3,\x004\n", None, DataError, "NUL bytes"),
        ("a,b\n1,2\n3,4\n".encode("utf-16-le"), None, DataError, "NUL bytes"),
        ("a,b\n1," + "x" * 2000 + "\n3,4\n", None, DataError, r"'b' holds text \('x{37}\.\.\.', line 2\)"),
        ("a,b\n1," + "x" * 200_000 + "\n3,4\n", None, DataError, "field larger than field limit"),
        ("a,b\n1,\x1b[31m2\n3,4\n", None, DataError, r"\('\\x1b\[31m2', line 2\)"),  # colours in the terminal
        ("é,b\n1,2\n3,4\n".encode("latin-1"), None, DataError, "not UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_says_why_and_where(tmp_path, content, labels, error, said):
    with pytest.raises(error, match=said):
        table(tmp_path, content, labels)


def test_a_long_table_is_read_in_blocks_without_losing_count(tmp_path):
    # Catches a row lost between blocks, labels out of step, and line numbers that start again in each block.
    n = 20_000
    lines = [f"{i},{i % 7},c{i % 3}" for i in range(n)]
    data = table(tmp_path, "a,b,k\n" + "\n".join(lines), labels="k")
    assert (data.values == np.stack([np.arange(n), np.arange(n) % 7], axis=1)).all()
    assert (data.labels == np.arange(n) % 3).all()
    lines[17_000] = "oops,1,c0"
    with pytest.raises(DataError, match=r"'a' holds text \('oops', line 17002\)"):
        table(tmp_path, "a,b,k\n" + "\n".join(lines), labels="k")
