"""Tables with text, times and missing cells: what each column is taken for, codes and back, files and data frames."""

import csv
import gzip
import tracemalloc

import numpy as np
import pytest

from unstir.data import from_arrays, load, read, write
from unstir.data.formats.arrow import frame_in
from unstir.data.frames import Frame, frame_of
from unstir.data.matching import Known
from unstir.data.tables import Column, Schema, schema_from
from unstir.data.tables.kinds import ASKED
from unstir.data.tables.libraries import framed, library_of
from unstir.data.tables.typed import coded_frame
from unstir.errors import DataError, UsageError
from unstir.training import setting_types
from unstir.training.config import resolve
from unstir.training.config_file import annotated_config, read_config

RNG = np.random.default_rng(0)
N = 60
CELLS = {
    "id": [str(1000 + 7 * i) for i in range(N)],
    "species": [("Adelie", "Gentoo", "Chinstrap")[i % 3] for i in range(N)],
    "bill": ["" if i == 4 else f"{40 + i % 7 + 0.1 * (i % 9):.1f}" for i in range(N)],
    "mass": [str(2700 + 50 * (i % 11)) for i in range(N)],
    "sex": ["NA" if i % 20 == 3 else ("male", "female")[i % 2] for i in range(N)],
    "tagged": [("TRUE", "FALSE")[i % 5 == 0] for i in range(N)],
    "seen": [f"{1 + i % 28:02d}.{1 + i % 12:02d}.2008" for i in range(N)],
    "zip": [f"0{i % 4}127" for i in range(N)],
    "whole": [f"{i % 6}.0" for i in range(N)],
    "mixed": [("0", "0.5", "12")[i % 3] for i in range(N)],
    "place": ["Palmer"] * N,
}


def written(path, cells, delimiter=","):
    with gzip.open(path, "wt", newline="") if str(path).endswith(".gz") else open(path, "w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(cells)
        writer.writerows(zip(*cells.values(), strict=True))
    return path


def test_each_column_is_taken_for_what_it_is(tmp_path):
    """Catches zip codes as numbers, dates as text, a gap as a category, 181.0 as no whole number, an id that is learnt."""
    data = read(written(tmp_path / "a.csv", CELLS))
    kinds = {column.name: column.kind for column in data.table.columns}
    assert kinds == {
        **dict.fromkeys(("species", "sex", "zip"), "category"),
        **dict.fromkeys(("bill", "mass", "whole", "mixed"), "number"),
        **{"tagged": "boolean", "seen": "time", "place": "constant"},
    }
    held = {column.name: column for column in data.table.columns}
    assert [held[name].missing for name in ("bill", "sex", "mass")] == [True, True, False]
    assert held["tagged"].values == ("FALSE", "TRUE")
    assert (held["seen"].form, held["seen"].step) == ("%d.%m.%Y", 86400.0)
    assert [held[name].decimals for name in ("bill", "mass", "whole", "mixed")] == [1, 0, 0, 1]
    assert [name for name, _ in data.table.left] == ["id"]
    assert any("column 'id' is left out" in note and "--columns.id number" in note for note in data.notes)
    assert all(column.why for column in data.table.columns)
    assert np.isnan(data.values).sum() == 1 + 3
    assert data.kind == "table"


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.csv.gz", ","), ("a.tsv", "\t")])
def test_what_is_read_is_written_as_it_came(tmp_path, name, delimiter):
    """Catches decimals lost or invented, another word for a gap, another spelling of true, a date in another form."""
    data = read(written(tmp_path / name, CELLS, delimiter))
    out = write(tmp_path / f"b{name}", data.table.tidied(data.values), table=data.table)
    with gzip.open(out, "rt") if name.endswith(".gz") else open(out) as file:
        rows = list(csv.reader(file, delimiter=delimiter))
    assert rows[0] == [name for name in CELLS if name != "id"]
    for j, column in enumerate(rows[0]):
        assert [row[j] for row in rows[1:]] == CELLS[column], column


def test_decimal_commas_come_back_with_semicolons(tmp_path):
    (tmp_path / "a.csv").write_text("a;b\n1,50;x\n2,25;y\n3,00;x\n")
    data = read(tmp_path / "a.csv")
    out = write(tmp_path / "b.csv", data.values, table=data.table)
    assert out.read_text() == "a;b\n1,50;x\n2,25;y\n3,00;x\n"


@pytest.mark.parametrize("cells", ["0.0 1e-05 2.5e-07 1.5", "0 1e-05 1.5 30", "0 2.5e-07 1e-05 3", "0.0 1e-05 2.0 1e-07"])
def test_numbers_with_powers_of_ten_come_back_as_they_came(tmp_path, cells):
    """Catches 1e-05 taken for a cell that is written without a point, so that 0.0 comes back as 0."""
    (tmp_path / "a.csv").write_text("a\n" + cells.replace(" ", "\n") + "\n")
    data = read(tmp_path / "a.csv")
    assert write(tmp_path / "b.csv", data.values, table=data.table).read_text() == (tmp_path / "a.csv").read_text()


def test_nothing_outside_what_a_column_can_be_comes_back():
    """Catches a count below zero, a thirteenth month, an amount of 0.0003 dollars below zero, a category between two."""
    columns = (
        Column("count", "number", decimals=0, low=0.0, high=9.0, dtype="int64"),
        Column("paid", "number", decimals=2, low=0.0, high=9.5),
        Column("heat", "number", low=-3.0, high=4.0),
        Column("kind", "category", values=("a", "b", "c"), low=0.0, high=2.0, dtype="str"),
        Column("day", "time", low=0.0, high=864000.0, form="%Y-%m-%d", step=86400.0, dtype="str"),
        Column("one", "constant", values=("7",), low=7.0, high=7.0, dtype="int64"),
    )
    tidied = Schema(columns).tidied(
        np.array([[-0.6, -0.0003, -99.0, 1.6, 99000.0, 3.0], [11.2, 3.14159, 99.0, 2.7, 9e9, np.nan]])
    )
    np.testing.assert_array_equal(tidied, [[0, 0, -99, 2, 86400, 7], [8, 3.14, 99, 2, 864000, np.nan]])


def test_numbers_beyond_the_range_of_a_column_make_no_heap_at_its_end():
    """Whole numbers 0 to 99, all as likely, and amounts above 0, both with noise. Catches clipping: 0 came twice as often as 1."""
    rng = np.random.default_rng(0)
    n, noise = 40_000, rng.normal(0, 3, (40_000, 2))
    count, paid = Column("count", "number", decimals=0, low=0.0, high=99.0), Column("paid", "number", low=0.001, high=10.0)
    counts = np.bincount(count.tidied(rng.integers(0, 100, n) + noise[:, 0]).astype(int), minlength=100)
    np.testing.assert_allclose(counts[[0, 1, 98, 99]], n / 100, atol=4 * np.sqrt(n / 100))
    below = paid.tidied(rng.random(n) * 10 + noise[:, 1])
    assert len(np.unique(below)) == n
    assert (below < 1).mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.1 / n))


def test_a_schema_survives_its_file(tmp_path):
    schema = read(written(tmp_path / "a.csv", CELLS)).table
    assert schema_from(schema.as_json()) == schema
    empty = from_arrays({"a": [1.0, 2.0], "b": [None, None]}).table
    assert str(schema_from(empty.as_json())) == str(empty)


def test_a_model_reads_another_file_by_its_own_schema(tmp_path):
    """Catches categories numbered anew, so that Gentoo becomes Chinstrap, and a value that nobody has seen."""
    schema = read(written(tmp_path / "a.csv", CELLS)).table
    few = {name: cells[1:3][::-1] for name, cells in reversed(CELLS.items())}
    data = load(written(tmp_path / "b.csv", few), known=Known(schema.names, None, schema), fewest=1)
    assert data.names == schema.names
    np.testing.assert_array_equal(data.values, read(tmp_path / "a.csv").values[1:3][::-1])
    few["species"] = ["Gentoo", "Gento"]
    with pytest.raises(
        DataError, match=r"column 'species' holds 'Gento' \(line 3\), which is none of its values: did you mean 'Gentoo'"
    ):
        load(written(tmp_path / "c.csv", few), known=Known(schema.names, None, schema), fewest=1)


def test_kinds_can_be_overruled(tmp_path):
    path = written(tmp_path / "a.csv", CELLS)
    kinds = {"id": "number", "mass": "category", "species": "drop", "place": "category"}
    table = read(path, columns=kinds).table
    found = {column.name: column.kind for column in table.columns}
    assert [found.get(name) for name in kinds] == ["number", "category", None, "category"]
    assert ("species", "as asked for") in table.left
    with pytest.raises(UsageError, match=r"unknown column in .* 'mas': did you mean 'mass'"):
        read(path, columns={"mas": "number"})
    with pytest.raises(DataError, match=r"column 'species' holds text \('Adelie', line 2\), and is to be a number"):
        read(path, columns={"species": "number"})
    with pytest.raises(DataError, match=r"'Adelie' \(line 2\), and its cells are no dates or times"):
        read(path, columns={"species": "time"})


def test_gaps_of_tables_are_kept_dropped_or_refused(tmp_path):
    path = written(tmp_path / "a.csv", CELLS)
    assert read(path, missing="drop").dropped == 4
    assert not read(path, missing="drop").states.any()
    with pytest.raises(DataError, match=r"column 'bill' has 1 missing value \(first: row 4\), and so has 1 other"):
        read(path, missing="refuse")
    with pytest.raises(DataError, match="column 'a' has 1 infinite value"):  # no state of its own
        from_arrays({"a": [1.0, np.inf, 2.0], "b": ["x", "y", None]})
    with pytest.raises(DataError, match="1 missing value"):  # arrays as ever
        from_arrays([[1.0], [np.nan], [2.0]])


def test_a_table_of_numbers_is_as_it_was():
    # Catches another type, or other numbers, for what needs no codes.
    frame = {"a": np.array([1, 2, 3], np.float32), "b": np.array([4, 5, 7], np.uint8)}
    data = from_arrays(frame)
    assert (data.table.plain, data.dtype, data.rows.held.dtype) == (True, "float32", np.float32)
    assert from_arrays(np.ones((3, 2)) * [[1], [2], [3]]).table is None


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["2024-02-29 12:30:00", "2024-03-01 00:00:00"], "%Y-%m-%d %H:%M:%S"),
        (["3/1/2024", "12/31/2024"], "%-m/%-d/%Y"),
        (["13/1/2024", "1/2/2024"], "%-d/%-m/%Y"),
        (["9:30", "10:05"], "%-H:%M"),
        (["2024-02-29T12:30:00.500000", "2024-02-29T12:30:01.250000"], "%Y-%m-%dT%H:%M:%S.%f"),
        (["29 Feb 2024", "01 Mar 2024"], "%d %b %Y"),
    ],
)
def test_times_are_written_as_they_came(tmp_path, cells, form):
    data = read(written(tmp_path / "a.csv", {"t": cells * 6, "x": [str(i) for i in range(12)]}))
    assert (data.table.columns[0].kind, data.table.columns[0].form) == ("time", form)
    assert data.table.texts(data.values)["t"] == cells * 6


@pytest.mark.parametrize(
    ("times", "near", "wanted"),
    [
        ([f"{year}-01-01" for year in range(2000, 2009)], "2004-08-20", "2005-01-01"),
        ([f"2004-{month:02d}-01" for month in range(1, 9)], "2004-03-12", "2004-03-01"),
        ([f"2004-03-{day:02d}" for day in (1, 8, 15, 22, 29)], "2004-03-12", "2004-03-15"),  # Mondays
        ([f"2004-03-01 {hour:02d}:45" for hour in range(6)], "2004-03-01 03:31", "2004-03-01 03:45"),
        ([f"2004-03-01 {hour:02d}:00" for hour in (3, 5)], "2004-03-01 03:31", "2004-03-01 04:00"),
        ([f"2004-03-{day:02d}" for day in (1, 8, 15, 22, 30)], "2004-03-12", "2004-03-12"),
    ],
)
def test_times_stay_where_all_times_are(times, near, wanted):
    """Catches a monthly series with a twelfth of March in it, and a day of the week that no row has."""
    table = from_arrays({"when": times}).table
    assert table.texts(table.tidied(table.coded(Frame({"when": [near]}, 1))))["when"] == [wanted]


def test_words_and_lone_numbers_are_categories(tmp_path):
    # Catches "None" as a gap among words, and 3+ as a slip among four numbers.
    cells = {"cover": ["None", "Brick", "Stone"] * 8, "children": ["0", "1", "2", "3+"] * 6, "x": [str(i % 5) for i in range(24)]}
    found = {column.name: column.values for column in read(written(tmp_path / "a.csv", cells)).table.columns}
    assert found == {"cover": ("Brick", "None", "Stone"), "children": ("0", "1", "2", "3+"), "x": ()}


def test_a_table_without_names_gets_some(tmp_path):
    (tmp_path / "a.csv").write_text("39,State,7\n50,Self,8\n38,State,9\n")
    data = read(tmp_path / "a.csv")
    assert data.names == ("x0", "x1", "x2")
    assert "has no line with names" in data.notes[0]


def test_settings_of_columns_go_through_the_file(tmp_path):
    """Catches a name with dots that becomes a tree, and a [columns] that swallows the settings below it."""
    assert setting_types.ASKED == ASKED
    config = resolve({"columns": {"Bill": {"Length": "drop"}, "year": "category"}})
    assert config.columns == {"Bill.Length": "drop", "year": "category"}
    (tmp_path / "c.toml").write_text(annotated_config(config, {}))
    assert resolve(read_config(tmp_path / "c.toml")) == config
    with pytest.raises(UsageError, match="'year' can be category, number, time or drop, not 'cat'"):
        resolve({"columns": {"year": "cat"}})


def frames():
    """The same table in three libraries, with the types that each has."""
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    whole, real = RNG.integers(0, 9, N), RNG.normal(size=N)
    words = [None if i % 9 == 0 else "ab"[i % 2] for i in range(N)]
    times = np.datetime64("2024-03-01T00:00", "us") + RNG.integers(0, 900, N) * np.timedelta64(3600, "s")
    yes = RNG.random(N) < 0.5
    yield (
        "pandas",
        pd.DataFrame(
            {
                "i": whole,
                "small": whole.astype(np.int8),
                "x": real,
                "f": np.round(real, 2).astype(np.float32),
                "maybe": pd.array([None if i % 7 == 0 else int(k) for i, k in enumerate(whole)], dtype="Int64"),
                "word": words,
                "cat": pd.Categorical(["lo" if k < 5 else "hi" for k in whole], categories=["lo", "hi"], ordered=True),
                "t": times,
                "zone": pd.Series(times).dt.tz_localize("UTC").dt.tz_convert("Europe/Rome"),
                "yes": yes,
            }
        ),
    )
    common = {"i": whole, "x": real, "word": words, "t": times, "yes": yes.tolist()}
    yield (
        "polars",
        pl.DataFrame(common).with_columns(pl.col("word").cast(pl.Categorical).alias("cat"), pl.col("t").dt.date().alias("day")),
    )
    yield "pyarrow", pa.table({**common, "cat": pa.array(words).dictionary_encode(), "day": pa.array(times).cast(pa.date32())})


def test_a_data_frame_comes_back_with_its_types_and_cells():
    """Catches a category that becomes text, an Int64 that becomes a float, a time zone or the order of categories lost."""
    for library, frame in frames():
        data = from_arrays(frame)
        back = framed(data.table, data.table.tidied(data.values.astype(float)), library_of(frame))
        if library == "pandas":
            import pandas as pd

            pd.testing.assert_frame_equal(back, frame)
        else:
            assert back.equals(frame), library
            assert back.schema == frame.schema, library


def test_categories_that_cannot_come_back_as_they_are_are_said():
    pd = pytest.importorskip("pandas")
    data = from_arrays(pd.DataFrame({"bin": pd.cut([1, 2, 3, 4], 2), "x": [1, 2, 3, 5]}))
    assert data.notes == ("column 'bin' has categories of type Interval, which come back as texts.",)


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_a_file_with_types_keeps_them(tmp_path, suffix):
    pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    frame = dict(frames())["pyarrow"]
    (parquet.write_table if suffix == ".parquet" else feather.write_feather)(frame, tmp_path / f"a{suffix}")
    data = read(tmp_path / f"a{suffix}")
    out = write(tmp_path / f"b{suffix}", data.values, table=data.table)
    back = (parquet.read_table if suffix == ".parquet" else feather.read_table)(out)
    assert back.equals(frame)
    assert read(tmp_path / f"a{suffix}", labels="cat", missing="drop").classes == ("a", "b")
    (tmp_path / f"c{suffix}").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match="is damaged"):
        read(tmp_path / f"c{suffix}")


def test_a_large_table_is_in_memory_once_and_its_texts_are_never_objects():
    """Catches codes that are gathered column by column and then stacked, twice the table, and each cell of text as an object of Python."""
    pa, n = pytest.importorskip("pyarrow"), 100_000
    town = pa.chunked_array([pa.array(["Ulm", None, "Bonn", "Celle"]).take(pa.array(np.arange(n // 2) % 4))] * 2)
    frame = frame_of(pa.table({"town": town} | {f"pay{i}": np.arange(n) / (7 + i) for i in range(9)}))
    tracemalloc.start()
    try:
        table = coded_frame(frame)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * table.codes.nbytes
    assert table.schema.columns[0].values == ("Bonn", "Celle", "Ulm")
    assert np.array_equal(table.codes[: n // 2 + 4][-4:, 0], [2, np.nan, 0, 1], equal_nan=True)
    assert np.array_equal(table.schema.coded(frame), table.codes, equal_nan=True)


def test_a_parquet_file_is_read_a_column_at_a_time(tmp_path):
    """Catches a file that is in memory whole beside its codes. A point in a name is no part of a nested column."""
    pa, n = pytest.importorskip("pyarrow"), 50_000
    from pyarrow import parquet

    table = pa.table({"x": np.arange(n) / 7, "x.y": np.arange(n) / 9} | {f"x{i}": np.arange(n) * i / 3 for i in range(8)})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=20_000)
    before = pa.total_allocated_bytes()
    frame = frame_in(tmp_path / "a.parquet", "a.parquet").without("x3")
    assert frame.columns["x"].equals(table["x"])
    assert (frame.names, frame.rows) == (tuple(name for name in table.column_names if name != "x3"), n)
    assert pa.total_allocated_bytes() - before < 8 * n


def test_rows_with_text_are_not_written_as_numbers(tmp_path):
    data = from_arrays({"a": ["x", "y", "x"], "b": [1, 2, 3]})
    with pytest.raises(UsageError, match=r"have text, times or missing cells, and are written as \.csv, \.tsv"):
        write(tmp_path / "a.npy", data.values, table=data.table)


def test_a_frame_that_is_refused_says_which_cell():
    for cells, said in (
        (["a", 1.5, "b"], r"column 'a' holds float \('1.5', row 1\) beside str \('a'\).* columns=\{'a': 'category'\}"),
        ([{"x": 1}, {"x": 2}, {}], r"column 'a' holds dict.* columns=\{'a': 'drop'\}"),
        (["1", "2", "x"], r"column 'a' holds text \('x', row 2\) among numbers. Correct it, or pass columns=\{'a': 'category'\}"),
    ):
        with pytest.raises(DataError, match=said):
            from_arrays({"a": cells, "b": [1, 2, 3]})
    with pytest.raises(DataError, match=r"no column is left to learn: 'name' is a text that is different in each of 12 rows"):
        from_arrays({"name": [f"person {i}" for i in range(12)]})
    schema = from_arrays({"a": ["x", "y", "x"]}).table
    with pytest.raises(DataError, match="column 'a' is missing"):
        schema.coded(Frame({"b": [1]}, 1))
