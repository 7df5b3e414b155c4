"""Values that samples have exactly, against radii known in advance (unstir.model.atoms)."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import unstir
from unstir.diffusion.schedules import schedule
from unstir.encoders.base import fit_encoder
from unstir.errors import UsageError
from unstir.model.atoms import LOG_SNR, RADII, Atom, exact, with_atoms
from unstir.model.card import card_from

ROWS, NUMBERS = 400, 64


class Blurred:
    """A model whose x0_hat is x_0 with an error of fixed deviation, in levels; x_0 is what it was given as held-out rows."""

    def __init__(self, rows: np.ndarray, deviation: float, levels: tuple[float, ...] | None):
        self.encoder = fit_encoder("standardise", torch.as_tensor(rows))
        self.rows, self.deviation = self.encoder.encode(torch.as_tensor(rows)), deviation
        self.device, self.schedule, self.network = torch.device("cpu"), schedule("flow"), torch.nn.Linear(1, 1)
        self.target = SimpleNamespace(reading=SimpleNamespace(is_affine=True))
        self.card = SimpleNamespace(levels=levels, atoms=())

    def denoise(self, cond: Tensor | None) -> Any:
        assert cond is None
        scale = self.encoder.linear[1]
        noise = torch.randn(self.rows.shape, generator=torch.Generator().manual_seed(0))
        return lambda x, _: self.rows[: len(x)] + self.deviation / scale * noise[: len(x)]


def measured(
    rows: np.ndarray, deviation: float, monkeypatch: pytest.MonkeyPatch, levels: tuple[float, ...] | None
) -> tuple[Atom, ...]:
    monkeypatch.setattr("unstir.model.atoms.replace", lambda thing, **new: SimpleNamespace(**{**vars(thing), **new}))
    model: Any = Blurred(rows, deviation, levels)
    return with_atoms(model, model.rows, None, 0).card.atoms


def test_the_radius_of_an_atom_is_where_the_two_sides_are_as_likely(monkeypatch):
    """Half of all numbers are 0, the others 1 to 255, each equally often; x0_hat is off by N(0, 0.6^2) levels.

    At a distance r above 0, 0 has the density 0.5 N(r; 0, 0.36), and the others together have 0.5 / 255. They are equal at
    r = 0.6 sqrt(2 log(255 / (0.6 sqrt(2 pi)))) = 1.92: the nearest radius that is tried is 2. Catches a radius in standard deviations,
    one that keeps the atom alone, which is the largest, and one that is half a level.
    """
    rng = np.random.default_rng(0)
    rows = rng.integers(1, 256, (ROWS, NUMBERS)) * (rng.random((ROWS, NUMBERS)) < 0.5)
    (atom,) = measured(rows.astype(float), 0.6, monkeypatch, tuple(map(float, range(256))))
    assert atom.value == 0
    assert set(atom.radii) <= {1.5, 2.0, 2.5}
    assert len(atom.radii) == len(LOG_SNR)


@pytest.mark.parametrize(
    ("deviation", "share", "levels"),
    [
        (0.1, 0.5, tuple(map(float, range(256)))),  # rounding is right
        (2.0, 0.0, tuple(map(float, range(256)))),  # no level is more frequent
        (0.6, 0.5, None),  # numbers of any kind
    ],
)
def test_there_is_no_atom_without_a_reason(monkeypatch, deviation, share, levels):
    # Catches an atom for each level, and one for data of which nothing is known.
    rng = np.random.default_rng(1)
    rows = rng.integers(1, 256, (ROWS, NUMBERS)) * (rng.random((ROWS, NUMBERS)) >= share)
    assert measured(rows.astype(float), deviation, monkeypatch, levels) == ()


def test_only_what_is_within_the_radius_becomes_the_atom():
    """Radii are in the data's units, where one column is 10 times as wide as the other, and depend on the last noise.

    At log-SNR 8.5 the radius is halfway between those at 8 and 9, 1.25. Catches a radius in the model's space, and one for all noise levels.
    """
    rows = torch.tensor([[0.0, 0.0, 5.0], [2.0, 20.0, 5.0]])
    encoder = fit_encoder("standardise", rows)
    atoms = (Atom(0.0, (4.0, 2.5, 1.5, 1.0, 1.0, 0.5)), Atom(5.0, (4.0,) * len(LOG_SNR)))
    x = encoder.encode(torch.tensor([[1.2, 1.2, 5.0], [1.3, 1.3, 5.0], [0.4, 12.0, 5.0]], dtype=torch.float64))
    made = encoder.decode(exact(x, atoms[:1], encoder, 8.5))
    assert made.numpy() == pytest.approx(np.array([[0, 0, 5], [1.3, 1.3, 5], [0, 12, 5]]), abs=1e-6)
    assert exact(x, (), encoder, 8.5) is x
    assert (
        encoder.decode(exact(x, atoms[1:], encoder, 8.5))[:, 2].tolist() == [5.0] * 3
    )  # a column that never varies stays as it is


def test_images_with_a_black_ground_have_it_in_samples(tmp_path):
    """Small pictures, black but for a square, and a short training: with its atoms the model's samples have more exact zeros.

    Catches atoms that sampling forgets, and a model's folder that does.
    """
    rng = np.random.default_rng(0)
    x = np.zeros((200, 8, 8), np.uint8)
    for row, (i, j) in zip(x, rng.integers(0, 5, (200, 2)), strict=True):
        row[i : i + 3, j : j + 3] = rng.integers(100, 256, (3, 3))
    model = unstir.fit(x, steps=60, width=8, levels=1, depth=1, attention=0)
    assert 0.0 in [atom.value for atom in model.card.atoms]
    model.save(tmp_path / "m")
    read, plain = unstir.load(tmp_path / "m"), replace(model, card=replace(model.card, atoms=()))
    assert read.card.atoms == model.card.atoms
    with_them, without = read.sample(40, steps=8), plain.sample(40, steps=8)
    assert (with_them == 0).mean() > (without == 0).mean() + 0.03
    assert ((with_them == without) | (with_them == 0) | (with_them == 255)).all()


def test_a_card_without_atoms_can_be_read_and_a_wrong_one_cannot():
    # Catches an entry that has become obligatory, and radii that are read unchecked.
    raw = json.loads(json.dumps(unstir.fit(np.zeros((20, 2)) + np.arange(20.0)[:, None], steps=1, width=8).card.as_json()))
    assert raw.pop("atoms") == []
    assert card_from(raw).atoms == ()
    good = [3.0, [RADII[0]] * len(LOG_SNR)]
    assert card_from(raw | {"atoms": [good]}).atoms == (Atom(3.0, tuple(good[1])),)
    for wrong in ([3.0], [3.0, [1.0]], [3.0, [-1.0] * len(LOG_SNR)], ["a", [1.0] * len(LOG_SNR)], [3.0, [1e9] * len(LOG_SNR)]):
        with pytest.raises(UsageError, match="atoms"):
            card_from(raw | {"atoms": [good, wrong]})
