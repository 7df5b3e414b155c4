"""Settings chosen from the data: that the words beside a choice are made of the numbers that decided it."""

import re

import numpy as np
import pytest

from unstir.data import from_arrays
from unstir.training.config import flat
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
    for steps, depth in ((1999, 1), (2000, 2), (7000, 2)):
        choice = choices(pictures, {"optim": {"steps": steps}})["network", "depth"]
        assert choice.value == depth
        assert f"{steps:,} steps are {'fewer' if depth == 1 else 'no fewer'} than 2,000" in choice.why


def test_another_network_than_the_u_net_has_its_own_usual_size():
    """A transformer of 32 channels and one block had 47,624 weights on pictures of 32x32. Catches the U-Net's size for every network."""
    pictures = from_arrays(np.zeros((40, 32, 32)))
    found = preset(pictures, {"network": {"architecture": "dit"}})["network"]
    assert (found["width"], found["depth"]) == (128, 6)
    assert preset(pictures)["network"]["width"] == 32


@pytest.mark.parametrize(
    ("settings", "optimiser"),
    [({}, "muon"), ({"architecture": "dit"}, "adamw"), ({"sharding": "full"}, "adamw"), ({"optimiser": "adamw"}, "adamw")],
)
def test_the_unet_is_trained_by_muon_unless_matrices_are_split_up(settings, optimiser):
    """Catches a preset that the recipe refuses, and one that overrides the person."""
    data = from_arrays(np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8))
    config = settle(data, flat(**settings))
    assert Recipe(**config.optim.model_dump()).optimiser == optimiser
    assert settle(from_arrays(np.zeros((40, 3)) + np.arange(40)[:, None])).optim.optimiser == "adamw"
