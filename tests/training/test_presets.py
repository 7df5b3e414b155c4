"""Settings chosen from the data: that the words beside a choice are made of the numbers that decided it."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from unstir.data import from_arrays
from unstir.training.config import flat
from unstir.training.cost import Cost
from unstir.training.fitting import Fitting
from unstir.training.minutes import bought
from unstir.training.presets import choices, preset, settle
from unstir.training.recipe import Recipe


@pytest.mark.parametrize(
    ("shape", "rows", "said"),
    [
        ((2,), 20, "4 for each of 20 rows, and at least 250"),
        ((2,), 100, "4 for each of 100 rows: "),
        ((2,), 5000, "4 for each of 5,000 rows, and at most 4,000"),
        ((9,), 5000, "4 for each of 5,000 rows, and at most 4,000"),
        ((8, 8), 1797, "4 for each of 1,797 rows: "),
        ((8, 8), 5000, "4 for each of 5,000 rows, and at most 8,000"),
        ((32, 2), 20, "4 for each of 20 rows, and at least 250"),
    ],
)
def test_what_is_said_of_the_steps_is_made_of_the_numbers_that_decided(shape, rows, said):
    """`inspect digits` said "from 250 to 4,000" beside 7,188 steps. Catches the limits of another kind of data, for every kind."""
    data = from_arrays(np.zeros((rows, *shape)))
    found = choices(data)
    assert found["optim", "steps"].why.startswith(said)
    assert found["optim", "steps"].value == preset(data)["optim"]["steps"]
    numbers = {int(n.replace(",", "")) for n in re.findall(r"at (?:least|most) ([\d,]+)", said)}
    assert numbers <= {found["optim", "steps"].value}


def test_the_depth_is_explained_by_the_steps_that_decided():
    pictures = from_arrays(np.zeros((40, 8, 8)))
    for steps, depth in ((699, 1), (700, 2), (7000, 2)):
        choice = choices(pictures, {"optim": {"steps": steps}})["network", "depth"]
        assert choice.value == depth
        assert f"{steps:,} steps are {'fewer' if depth == 1 else 'no fewer'} than 700" in choice.why


def test_another_network_than_the_u_net_has_its_own_usual_size():
    """A transformer of 32 channels and one block had 47,624 weights on pictures of 32x32. Catches the U-Net's size for every network."""
    pictures = from_arrays(np.zeros((40, 32, 32)))
    found = preset(pictures, {"network": {"architecture": "dit"}})["network"]
    assert (found["width"], found["depth"]) == (128, 6)
    assert preset(pictures)["network"]["width"] == 32


@pytest.mark.parametrize(
    ("settings", "optimiser"),
    [
        ({"steps": 400}, "muon"),
        ({"steps": 399}, "adamw"),
        ({"steps": 400, "architecture": "dit"}, "adamw"),
        ({"steps": 400, "sharding": "full"}, "adamw"),
        ({"steps": 400, "optimiser": "adamw"}, "adamw"),
        ({"steps": 99, "optimiser": "muon"}, "muon"),
    ],
)
def test_the_unet_is_trained_by_muon_unless_matrices_are_split_up_or_steps_are_few(settings, optimiser):
    """Catches a preset that the recipe refuses, and one that overrides the person."""
    data = from_arrays(np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8))
    config = settle(data, flat(**settings))
    assert Recipe(**config.optim.model_dump()).optimiser == optimiser
    assert settle(from_arrays(np.zeros((40, 3)) + np.arange(40)[:, None])).optim.optimiser == "adamw"


def test_which_tables_of_numbers_are_learnt_by_columns_and_why():
    """Zeros, caps and few values are kept exactly, unless a setting says otherwise. Catches an array, and decimals that merely repeat."""
    rng = np.random.default_rng(0)
    smooth, zeros = np.round(rng.normal(0, 1, 500), 2), np.where(rng.random(500) < 0.1, 0.0, rng.random(500))
    capped, marks = np.minimum(rng.normal(size=500), 1.5), rng.integers(0, 4, 500)

    def chosen(columns, **settings):
        return choices(from_arrays(columns), flat(**settings)).get(("data", "encoder"))

    for name, column in (("zeros", zeros), ("capped", capped), ("marks", marks)):
        found = chosen({"smooth": smooth, name: column})
        assert found.value == "table"
        assert f"'{name}' has the same values again and again" in found.why
    assert "'zeros', 'capped' and 'marks' have" in chosen({"zeros": zeros, "capped": capped, "marks": marks}).why
    assert "4 columns, such as 'a', have" in chosen(dict.fromkeys("abcd", marks)).why
    assert chosen({"smooth": smooth, "other": smooth + 1}) is None
    for settings in ({"encoder": "quantile"}, {"target": "v"}):
        assert chosen({"smooth": smooth, "marks": marks}, **settings) is None
    assert choices(from_arrays(np.stack([smooth, marks], 1))).get(("data", "encoder")) is None
    assert chosen({"smooth": smooth, "other": smooth + 1}, encoder="table").value == "table"


def test_a_long_run_on_points_has_larger_batches_and_time_is_measured_with_them(monkeypatch):
    """Steps of 1 ms for each 256 rows. Catches a plan for small batches that large ones then exceed."""
    data = from_arrays(np.random.default_rng(0).normal(size=(200, 2)))
    monkeypatch.setattr("unstir.training.minutes.rehearse", lambda of, *_: Cost(of.recipe.batch_size / 256e3, 0.0, 0))
    monkeypatch.setattr("unstir.training.minutes.time", SimpleNamespace(monotonic=lambda: 0.0))  # planning takes no time

    def planned(seconds, **settings):
        layers = [flat(**settings)]
        return settle(data, *layers, bought(lambda config: Fitting(data, config), data, layers, seconds)[0]).optim

    short, long, said = planned(5), planned(50), planned(50, batch_size=128, lr=1e-3)
    assert (short.batch_size, short.optimiser, short.lr) == (256, "adamw", 3e-3)
    assert (long.batch_size, long.optimiser, long.lr) == (1024, "muon", 5e-3)
    assert (said.batch_size, said.lr) == (128, 1e-3)
    assert [optim.steps * optim.batch_size / 256e3 for optim in (short, long, said)] == pytest.approx([5, 50, 50], rel=0.02)
    assert settle(data, flat(steps=9000, sharding="full")).optim.optimiser == "adamw"
    assert settle(data, flat(steps=9000, answer="drawn")).optim.batch_size == 256
