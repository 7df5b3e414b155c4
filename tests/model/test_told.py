"""What rows are given, as columns of their table: they come back in their old place, and rows that are filled in keep their index."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import unstir
from unstir.data import from_arrays

SHORT = {"steps": 3, "width": 8, "depth": 1, "batch_size": 16, "progress": False}
RNG = np.random.default_rng(0)
N = 60
COLUMNS = {
    "price": RNG.integers(1, 9, N),
    "size": RNG.normal(size=N).round(2),
    "island": np.where(RNG.random(N) < 0.5, "Dream", "Biscoe"),
    "weight": RNG.normal(5, 1, N),
}


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, lambda columns: {name: list(cells) for name, cells in columns.items()}]
)
def test_given_columns_come_back_in_their_place(make, tmp_path):
    # Catches columns that are lost, that come last, or that hold what another row was given. A dict of numbers alone is an array.
    frame = make(COLUMNS | {"mark": np.where(COLUMNS["size"] > 0, "a", "b")})
    model = unstir.fit(frame, given=["island", "price"], **SHORT)
    samples = model.sample(20, given={"price": np.arange(1, 21) % 8 + 1, "island": ["Dream", "Biscoe"] * 10})
    assert type(samples) is type(frame)
    assert list(samples) == ["price", "size", "island", "weight", "mark"] if isinstance(samples, dict) else list(samples.columns)
    assert list(samples["price"]) == (np.arange(1, 21) % 8 + 1).tolist()
    assert list(samples["island"]) == ["Dream", "Biscoe"] * 10
    half = model.sample(2, given={"island": "Dream"})
    assert [cell is None or cell is pd.NA for cell in list(half["price"])] == [True, True]
    drawn = model.sample(200)
    assert set(drawn["island"]) == {"Dream", "Biscoe"}
    model.save(tmp_path / "m")
    again = unstir.load(tmp_path / "m").sample(200)
    assert all(list(again[name]) == list(drawn[name]) for name in ("price", "size", "island", "weight", "mark"))


@pytest.mark.parametrize("mixed", [False, True])
def test_rows_that_are_filled_in_keep_their_index_and_what_they_are_given(mixed):
    # Catches a frame that joins wrongly with the one that it came from, and a table of mixed columns whose given columns are not used.
    frame = pd.DataFrame(COLUMNS).drop(columns=[] if mixed else "island")
    model = unstir.fit(frame, given="price", **SHORT)
    holes = frame.iloc[[7, 3, 11]].copy()
    holes.loc[[7, 11], "weight"] = np.nan
    full = model.inpaint(holes, steps=4)
    assert full.index.tolist() == [7, 3, 11]
    assert list(full.columns) == list(frame.columns)
    assert full["price"].tolist() == holes["price"].tolist()
    assert full.loc[3].equals(frame.loc[3])
    assert not full.isna().any().any()
    asked = model.inpaint(holes, given={"price": holes["price"].to_numpy()}, steps=4)
    pd.testing.assert_frame_equal(asked, full)
    price = (holes["price"] % 8 + 1).tolist()
    other = model.inpaint(holes, given={"price": price}, steps=4)
    assert (other["weight"] != full["weight"]).tolist() == [True, False, True]
    assert other["price"].tolist() == price


def test_an_index_with_a_name_is_spoken_of():
    # Catches a column that is lost without a word. An index without a name is only the numbers of the rows.
    frame = pd.DataFrame(COLUMNS)
    assert from_arrays(frame).notes == ()
    [note] = from_arrays(frame.set_index("island")).notes
    assert note == "the index 'island' of the data frame is no column, and is not learnt; frame.reset_index() makes it one."
