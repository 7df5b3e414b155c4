"""A model of a table of mixed columns, from fitting to rows as they came: types, spellings, decimals, gaps, and cells filled in."""

import numpy as np
import pytest

import unstir
from unstir.errors import DataError, UsageError
from unstir.model.card import Card, card_from

N = 600


def columns():
    """A pet, its weight, which depends on it, a cost of which half are 0, and a note that is missing for a third of the dogs only."""
    rng = np.random.default_rng(0)
    dog = rng.random(N) < 0.5
    weight = np.round(np.where(dog, rng.normal(20, 2, N), rng.normal(4, 0.5, N)), 1)
    cost = np.where(rng.random(N) < 0.5, 0.0, np.round(rng.lognormal(5, 0.6, N) / 5) * 5)
    note = [None if d and u < 1 / 3 else "ok" if u < 0.7 else "ill" for d, u in zip(dog, rng.random(N), strict=True)]
    return {
        "pet": ["dog" if d else "cat" for d in dog],
        "weight": weight.tolist(),
        "cost": cost.astype(int).tolist(),
        "note": note,
        "vaccinated": (rng.random(N) < 0.8).tolist(),
    }


@pytest.fixture(scope="module")
def model():
    return unstir.fit(columns(), steps=400, progress=False)


@pytest.fixture(scope="module")
def samples(model):
    return model.sample(2000)


def test_columns_come_back_with_their_names_types_and_spellings(samples):
    assert list(samples) == ["pet", "weight", "cost", "note", "vaccinated"]
    assert set(samples["pet"]) == {"cat", "dog"}
    assert set(samples["note"]) == {"ok", "ill", None}
    assert {type(v) for v in np.asarray(samples["vaccinated"]).tolist()} == {bool}
    weight, cost = np.asarray(samples["weight"]), np.asarray(samples["cost"])
    np.testing.assert_allclose(weight, weight.round(1), atol=1e-9)
    assert (cost % 5 == 0).all()
    assert cost.min() >= 0


def test_the_law_of_the_table_is_learnt(samples):
    """Weight by pet, exact zeros, and gaps that only dogs have. Unrelated columns would agree in half of the rows."""
    data = columns()
    dog, of_data = np.array(samples["pet"]) == "dog", np.array(data["pet"]) == "dog"
    assert dog.mean() == pytest.approx(of_data.mean(), abs=0.05)  # 2000 samples: four standard errors
    weight = np.asarray(samples["weight"])
    assert ((weight > 10) == dog).mean() > 0.9
    assert weight[weight > 10].mean() == pytest.approx(20, abs=0.5)
    assert (np.asarray(samples["cost"]) == 0).mean() == pytest.approx((np.array(data["cost"]) == 0).mean(), abs=0.05)
    gap, of_data_gap = (np.array([v is None for v in table["note"]]) for table in (samples, data))
    assert gap[dog].mean() == pytest.approx(of_data_gap[of_data].mean(), abs=0.07)
    assert gap[~dog].mean() < 0.05


def test_rows_can_be_asked_for_without_gaps(model):
    whole = model.sample(300, complete=True)
    assert all(v is not None for v in whole["note"])


def test_cells_are_filled_in_given_the_rest(model):
    """A pet of 20 kg is a dog, one of 4 kg is a cat; what is known stays, and nothing stays missing."""
    rows = {
        "pet": [None] * 20,
        "weight": [20.0, 4.0] * 10,
        "cost": [0] * 20,
        "note": ["ok", None] * 10,
        "vaccinated": [None] * 20,
    }
    filled = model.inpaint(rows)
    assert sum(a == b for a, b in zip(filled["pet"], ["dog", "cat"] * 10, strict=True)) >= 16  # of 400 such rows 0.92 are right
    assert list(filled["weight"]) == rows["weight"]
    assert filled["note"][::2] == ["ok"] * 10
    assert all(v is not None for column in filled.values() for v in column)


def test_a_model_from_its_folder_gives_the_same_rows(model, tmp_path, samples):
    model.save(tmp_path / "m")
    again = unstir.load(tmp_path / "m").sample(2000)
    assert {name: list(column) for name, column in again.items()} == {name: list(column) for name, column in samples.items()}


def test_rows_as_numbers_are_codes(model, samples):
    codes = model.rows(2000)
    assert codes.shape == (2000, 5)
    assert [("cat", "dog")[int(k)] for k in codes[:, 0]] == list(samples["pet"])
    assert [v is None for v in samples["note"]] == np.isnan(codes[:, 3]).tolist()


def test_what_such_a_table_has_not_is_refused_in_a_sentence(model):
    row = {name: column[:1] for name, column in columns().items()}
    for ask in (model.log_prob, model.bits_per_dim, model.encode, lambda x: model.interpolate(x, x), lambda _: model.posterior()):
        with pytest.raises(UsageError, match="categories or missing cells"):
            ask(row)
    with pytest.raises(DataError, match="parrot"):
        model.inpaint(row | {"pet": ["parrot"]})


def test_a_card_whose_table_is_not_that_of_its_rows_is_refused(model):
    raw = model.card.as_json() | {"shape": [5], "names": list(model.card.names), "own": [], "atoms": [], "order": []}
    assert isinstance(card_from(raw), Card)
    for wrong in ({"columns": raw["table"]["columns"][:4]}, {"columns": [{"name": 3}] * 5}, {}, {"columns": 5}):
        with pytest.raises(UsageError):
            card_from(raw | {"table": wrong})


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_frame_gives_a_frame(library):
    module = pytest.importorskip(library)
    make = {
        "pandas": lambda d: module.DataFrame(d),
        "polars": lambda d: module.DataFrame(d),
        "pyarrow": lambda d: module.table(d),
    }
    frame = make[library](columns())
    drawn = unstir.fit(frame, steps=5, progress=False).sample(50)
    assert type(drawn) is type(frame)
    types = {"pandas": lambda f: f.dtypes.to_dict(), "polars": lambda f: f.schema, "pyarrow": lambda f: f.schema.types}[library]
    assert types(drawn) == types(frame)


def test_numbers_of_a_plain_table_come_back_with_their_decimals():
    """A table of numbers of which none is there again and again keeps its encoder and its target; its samples are rounded as the data is."""
    rng = np.random.default_rng(0)
    table = {"year": rng.integers(1900, 2000, 200), "length": np.round(rng.normal(40, 5, 200), 1)}
    model = unstir.fit(table, steps=20, progress=False)
    assert (model.card.encoder, model.card.target) == ("standardise", "edm")
    drawn = model.sample(50)
    assert isinstance(drawn, np.ndarray)
    assert set(drawn[:, 0]) <= set(range(1900, 2000))
    np.testing.assert_allclose(drawn[:, 1], drawn[:, 1].round(1), atol=1e-9)
    assert np.isfinite(model.log_prob(table)).all()


@pytest.fixture(scope="module")
def counts():
    """A model of numbers alone, some of which are there again and again: amounts of which half are 0, and marks from 1 to 3."""
    rng = np.random.default_rng(0)
    table = {"paid": np.where(rng.random(400) < 0.5, 0.0, rng.lognormal(size=400)), "mark": rng.integers(1, 4, 400)}
    return table, unstir.fit(table, steps=60, progress=False)


def test_a_table_of_numbers_with_repeated_values_is_learnt_by_columns(counts, tmp_path):
    """Catches smeared zeros, and marks between two."""
    _, model = counts
    assert (model.card.encoder, model.card.target, model.card.mixed, model.card.levels) == ("table", "table", False, None)
    drawn = model.sample(1000, seed=1)
    assert isinstance(drawn, np.ndarray)  # as a table of numbers came back before
    assert (drawn[:, 0] == 0).mean() == pytest.approx(0.5, abs=0.1)
    assert drawn[:, 0].min() == 0.0
    assert set(drawn[:, 1]) == {1.0, 2.0, 3.0}
    again = unstir.load(model.save(tmp_path / "model"))
    np.testing.assert_array_equal(again.sample(20), model.sample(20))


def test_its_density_is_refused_in_a_sentence_that_names_the_way_to_one(counts):
    table, model = counts
    for ask in (model.log_prob, model.bits_per_dim, model.encode, lambda x: model.interpolate(x, x), lambda _: model.posterior()):
        with pytest.raises(UsageError, match=r"--data\.encoder standardise"):
            ask(table)
    assert np.isfinite(unstir.fit(table, steps=5, encoder="standardise", progress=False).log_prob(table)).all()
