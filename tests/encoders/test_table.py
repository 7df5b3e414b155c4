"""The encoder of tables of mixed columns: what goes in comes back, heaps stay heaps, and a saved encoder is the same encoder."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from unstir.data.rows import Rows
from unstir.data.tables.column import Column
from unstir.data.tables.schema import Schema
from unstir.encoders.base import FitOptions
from unstir.encoders.column_parts import part_of
from unstir.encoders.rows import EncodedRows
from unstir.encoders.scores import Scores
from unstir.encoders.table import Table
from unstir.errors import DataError, UsageError

COLUMNS = (
    Column("amount", "number", decimals=2, low=0.0, high=100.0),
    Column("age", "number", decimals=0, low=18.0, high=90.0),
    Column("gain", "number", missing=True),
    Column("pet", "category", values=("cat", "dog", "fish"), missing=True),
    Column("member", "boolean", values=("no", "yes")),
    Column("one", "constant", values=("1",), low=7.0, high=7.0),
    Column("dose", "number", decimals=0),
    Column("day", "time", form="%Y-%m-%d", step=86400.0),
)


def made(n=600):
    rng = np.random.default_rng(0)
    gain = np.where(rng.random(n) < 0.7, 0.0, rng.lognormal(7, 1, n))
    gain[rng.random(n) < 0.05] = np.nan
    pet = rng.choice([0.0, 1.0, 2.0, np.nan], n, p=[0.6, 0.3, 0.02, 0.08])
    amount, age = np.round(rng.normal(50, 9, n), 2), rng.integers(18, 90, n).astype(float)
    day = 86400.0 * rng.integers(15000, 19000, n)
    return np.stack([amount, age, gain, pet, rng.random(n) < 0.4, np.full(n, 7.0), rng.choice([5.0, 10.0, 20.0], n), day], 1)


def fitted(x=None):
    return Table.begin([Rows(made() if x is None else x)], FitOptions(table=Schema(COLUMNS))).encoder()


def test_codes_come_back_to_the_decimals_of_their_columns():
    x = made()
    encoder, schema = fitted(x), Schema(COLUMNS)
    back = encoder.decode(encoder.encode(torch.as_tensor(x))).numpy()
    np.testing.assert_array_equal(schema.take(range(2)).tidied(back[:, :2]), x[:, :2])
    np.testing.assert_array_equal(back[:, 3:7], x[:, 3:7])
    np.testing.assert_array_equal(back[:, 2] == 0, x[:, 2] == 0)  # the atom is exactly 0, and nothing else becomes it
    np.testing.assert_allclose(back[:, 2], x[:, 2], rtol=1e-4)  # float32 of a normal score
    np.testing.assert_array_equal(COLUMNS[7].step * np.round(back[:, 7] / COLUMNS[7].step), x[:, 7])


def test_rows_of_a_table_are_encoded_once_and_stay_in_their_order(monkeypatch):
    """Catches rows in the order in which they lie in memory, and a row that is encoded again at every step."""
    encoder, order = fitted(), np.random.default_rng(1).permutation(600)
    monkeypatch.setattr("unstir.encoders.rows.BLOCK", 160)  # ten rows at a time
    rows, asked = EncodedRows(Rows(made(), order), encoder), []
    found = rows[torch.tensor([5, 599, 0])]
    torch.testing.assert_close(found, encoder.encode(torch.as_tensor(made()[order[[5, 599, 0]]])))
    monkeypatch.setattr(Table, "encode", lambda _, x: asked.append(len(x)))
    assert torch.equal(rows[torch.tensor([599])], found[1:2])
    assert not asked


def test_each_kind_of_column_takes_the_elements_that_it_should():
    """Number 1; number with an atom and gaps 1 + 3; category with gaps 3 + 1; boolean 2; constant 0; three doses 3; time 1."""
    assert [part.width for part in fitted().parts] == [1, 1, 4, 4, 2, 0, 3, 1]
    states = fitted().states
    assert states.group.unique().tolist() == [-1, 0, 1, 2, 3]
    assert states.any_of[2] == 3  # the gain's number has its group right after it
    assert states.fixes[3:6].tolist() == [-1, 2, 2]
    assert fitted().gaps.nonzero().flatten().tolist() == [5, 9]


def test_the_elements_have_mean_0_and_each_column_about_variance_1():
    """Would catch a shift or a scale of states that is not that of their shares."""
    encoder = fitted()
    z = encoder.encode(torch.as_tensor(made())).double()
    np.testing.assert_allclose(z.mean(0), 0, atol=0.02)
    for first, width in ((0, 1), (1, 1), (2, 1), (6, 4), (10, 2), (12, 3), (15, 1)):
        assert z[:, first : first + width].var(0).sum() == pytest.approx(
            1, abs=0.08
        )  # a missing number is at 0, which takes some of it


def test_states_describe_how_rows_are_encoded():
    """The reading takes scale and shift from `states`: an element of a group is scale - shift where it is true, else -shift."""
    encoder = fitted()
    z, states = encoder.encode(torch.as_tensor(made())).double(), encoder.states
    which = states.in_group
    true = (z[:, which] + states.shift[which]) / states.scale[which]
    assert ((true - true.round()).abs() < 1e-5).all()
    ones = states.sums(true.round())
    assert (ones == 1).all()
    atom = true[:, which.tolist().index(4)] > 0.5
    np.testing.assert_allclose(z[atom, 2], states.fixed[4], rtol=1e-5)


def test_whole_numbers_that_repeat_are_spread_to_a_normal_distribution():
    """Without it an age is one of 72 points, between which a smooth density would put samples."""
    z = fitted(made(5000)).encode(torch.as_tensor(made(5000)))[:, 1].numpy()
    assert kstest(z, "norm").pvalue > 1e-3


@pytest.mark.parametrize(
    ("x", "what"),
    [
        (np.repeat([1.0, 3.0, 4.0, 10.0], [400, 300, 200, 100]), "few"),
        (np.repeat(np.arange(300.0), 5), "all have an interval"),
        (np.sort(np.round(np.random.default_rng(0).lognormal(8, 1, 4000) / 50) * 50), "multiples"),
        (np.r_[np.full(200, 1000.0), np.random.default_rng(1).lognormal(7, 1, 4000)], "one heap"),
        (np.random.default_rng(2).normal(size=500), "no value twice"),
    ],
)
def test_scores_of_even_levels_decode_to_the_distribution_of_the_data(x, what):
    """Would catch intervals that do not have the share of their value: heaps too high or too low."""
    scores = Scores.fit(x)
    from scipy.special import ndtri

    n = 20000
    drawn = scores.decode(ndtri((np.arange(n) + 0.5) / n))
    values = np.unique(np.r_[x, drawn])
    apart = np.searchsorted(np.sort(x), values, "right") / len(x) - np.searchsorted(np.sort(drawn), values, "right") / n
    assert np.abs(apart).max() < 0.012, what
    if what in ("few", "all have an interval"):
        assert np.isin(drawn, x).all()
    if what == "multiples":
        assert (drawn % 50 == 0).all()
    if what == "one heap":
        assert (drawn == 1000).mean() == pytest.approx((x == 1000).mean(), abs=1e-3)


def test_a_heap_is_an_atom_and_a_rare_value_is_not():
    rng = np.random.default_rng(0)
    x = rng.permutation(np.r_[np.zeros(300), np.full(30, 5.5), rng.lognormal(3, 1, 670)])
    assert part_of(Column("x", "number"), x).codes.tolist() == [0.0, 0.0]  # any number, and 0; 3 % of 5.5 are an interval


def test_a_saved_encoder_is_the_same_encoder():
    encoder, x = fitted(), torch.as_tensor(made())
    outline = Table.outline(encoder.settings, (8,))
    tensors = encoder.tensors()
    assert {name: (tuple(t.shape), t.dtype) for name, t in tensors.items()} == outline.tensors
    assert outline.space == encoder.space
    again = Table.build(encoder.settings, tensors)
    assert torch.equal(again.encode(x), encoder.encode(x))
    z = torch.randn(100, *encoder.space)
    np.testing.assert_array_equal(again.decode(z).numpy(), encoder.decode(z).numpy())


def test_a_row_is_encoded_alike_whatever_rows_are_beside_it():
    encoder, x = fitted(), torch.as_tensor(made())
    assert torch.equal(encoder.encode(x)[7:9], encoder.encode(x[7:9]))


def test_complete_rows_have_no_gap():
    encoder = fitted()
    z = 3 * torch.randn(500, *encoder.space, generator=torch.Generator().manual_seed(0))
    assert encoder.decode(z).isnan().any()
    assert not Table(encoder.parts, complete=True).decode(z).isnan().any()


def test_known_columns_are_known_elements():
    mask = torch.tensor([[True, False, True, False, False, True, False, False]])
    assert fitted().known(mask).tolist() == [[True, False, *[True] * 4, *[False] * 10]]


def test_wrong_data_and_wrong_files_are_refused():
    encoder, x = fitted(), torch.as_tensor(made())
    x[3, 1] = float("nan")
    with pytest.raises(DataError, match="in training it had none"):
        encoder.encode(x)
    with pytest.raises(UsageError, match="named columns"):
        Table.begin([Rows(made())], FitOptions())
    for wrong in ({}, {"columns": [[1, 1, 0]] * 8}, {"columns": [[0, 0, 0]] * 8}, {"columns": [[-1, 2, 0]] * 8}, {"columns": 3}):
        with pytest.raises(UsageError):
            Table.outline(wrong, (8,))
    tensors = encoder.tensors()
    with pytest.raises(UsageError, match="shares"):
        Table.build(encoder.settings, tensors | {"states": -tensors["states"]})


@pytest.mark.parametrize(("below", "above", "apart"), [(1200, 800, True), (1985, 15, False)])
def test_nothing_comes_back_from_the_gap_between_two_clusters(below, above, apart):
    """Would catch straight lines across the gap, on which lay one sample of a hundred, and clusters whose scores touch."""
    rng = np.random.default_rng(0)
    x = np.sort(np.r_[rng.normal(-10, 1, below), rng.normal(10, 1, above)])
    scores = Scores.fit(x)
    z = scores.encode(x, np.full(2000, 0.5))
    np.testing.assert_allclose(scores.decode(z), x, atol=1e-9)
    assert z[below] - z[below - 1] == pytest.approx(1.0 if apart else 0.0, abs=0.02)
    back = scores.decode(np.linspace(-4, 5, 10_001))
    assert (np.abs(back) > 5).all()
    assert (np.diff(back) >= 0).all()
    drawn = scores.decode(rng.permutation(z) + 1e-9)  # as the scores of rows are spread, so are samples
    assert (drawn > 0).mean() == pytest.approx(above / 2000, abs=1e-3)
    if apart:
        ends = z[below - 1], z[below]
        assert scores.decode(np.array([0.51 * ends[0] + 0.49 * ends[1], 0.49 * ends[0] + 0.51 * ends[1]])).tolist() == [
            x[below - 1],
            x[below],
        ]
