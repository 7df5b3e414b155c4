"""`unstir information`: bits for people and for programs, and what it refuses."""

import json
import math

import numpy as np
import pytest

from commands import TINY, is_png, refused, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two short runs: one of whole numbers with a density of its own, one of floats."""
    place = tmp_path_factory.mktemp("information")
    rng = np.random.default_rng(0)
    np.save(place / "whole.npy", rng.integers(0, 4, (300, 3)))
    np.save(place / "floats.npy", 10 * rng.normal(size=(300, 2)))
    for name in ("whole", "floats"):
        assert run("train", place / f"{name}.npy", "-o", place / name, "--steps", "60", "--quiet", *TINY)[0] == 0
    return place


def test_bits_of_fair_dice_are_two_a_number(folder):
    # Four equally likely levels, independent: exactly 2 bits, and no model can take fewer. Catches nats, bits a row, and a clean end
    # without its reconstruction. An almost untrained model is not far above, because the best Gaussian is blended with it.
    code, out, err = run("information", folder / "whole", folder / "whole.npy", "--json", "-o", folder / "whole.png")
    found = json.loads(out)
    assert (code, found["kind"], found["dimension"], found["rows"]) == (0, "bits", 3, 300), err
    for estimate in found["estimates"].values():
        assert 2 - 3 * estimate["standard_error"] < estimate["bits_per_dimension"] < 2.25
        assert estimate["nats"] == pytest.approx(estimate["bits_per_dimension"] * 3 * math.log(2))
    split = found["parts"]
    whole = found["estimates"]["integral"]["bits_per_dimension"]
    assert sum(part["value"] for part in split.values()) == pytest.approx(whole)
    first = found["chains"][0]
    assert first["matched"]["bound"]["value"] < first["fixed"]["bound"]["value"]
    assert is_png(folder / "whole.png")
    refused(5, "whole.png", "information", folder / "whole", "-o", folder / "whole.png")


def test_densities_are_in_the_datas_units(folder):
    # Of N(0, 10^2 I): log2(10 sqrt(2 pi e)) = 5.37 a dimension. Catches the encoder's volume left out, which is log2(10) = 3.3.
    code, out, err = run("information", folder / "floats", "--json")
    found = json.loads(out)
    assert (code, found["kind"]) == (0, "density in the data's units"), err
    assert found["measured"] == "rows that the run held out in training"
    exact = math.log2(10 * math.sqrt(2 * math.pi * math.e))
    for name in ("integral", "ode"):
        estimate = found["estimates"][name]
        assert abs(estimate["bits_per_dimension"] - exact) < 0.15 + 3 * estimate["standard_error"]


def test_two_models_are_compared_row_by_row(folder):
    # The same model beside itself: no difference. Catches other rows for the other model.
    code, out, err = run("information", folder / "whole", "--against", folder / "whole", "-n", "20", "--json")
    assert code == 0, err
    beside = json.loads(out)["against"]
    assert abs(beside["more_bits_per_dimension"]) <= 3 * beside["standard_error"] + 1e-9
    refused(2, "another kind", "information", folder / "whole", "--against", folder / "floats")


def test_what_cannot_be_measured_is_refused(folder):
    np.save(folder / "half.npy", np.array([[0.5, 1, 2], [0, 1, 2]]))
    refused(3, "1 of 2 rows hold a value that no training row had", "information", folder / "whole", folder / "half.npy")
    refused(2, "at least 2 rows", "information", folder / "whole", "-n", "1")
    refused(2, ".png", "information", folder / "whole", "-o", folder / "x.jpg")
    refused(5, "", "information", folder / "nothing")


def test_people_read_tables_and_sentences(folder):
    code, out, _ = run("information", folder / "whole", "-n", "30")
    assert code == 0
    assert "bits per dimension. That is a bound" in out
    assert "90 % of them lie between log-SNR" in out
