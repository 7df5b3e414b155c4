"""Rows and noise on a device that draws, shown on a CPU that is treated as one."""

import numpy as np
import pytest
import torch

from unstir.conditions.classes import Classes
from unstir.data.rows import Rows
from unstir.diffusion.chains import linear
from unstir.encoders.base import fit_encoder
from unstir.encoders.rows import EncodedRows
from unstir.training import capture, supply
from unstir.training.capture import Way
from unstir.training.problem import Problem, prepare, steps_in_block
from unstir.training.recipe import Recipe

CPU = torch.device("cpu")
RECIPE = Recipe(batch_size=50, drop_condition=0.3)


@pytest.fixture(autouse=True)
def drawing(monkeypatch):
    monkeypatch.setattr(capture, "WAYS", {"cpu": Way(draws=True)})


def rows(dtype: str = "uint8", mirror: int | None = None) -> EncodedRows:
    held = np.random.default_rng(0).integers(0, 100, (300, 2, 3)).astype(dtype)
    held[:, 0, 0] = 7
    return EncodedRows(Rows(held, mirror=mirror), fit_encoder("standardise", torch.as_tensor(held.astype(np.float32))))


def problem(of: EncodedRows, **more) -> Problem:
    return Problem(linear(), "eps", of, **more)


def block(of: Problem, number: int = 1, recipe: Recipe = RECIPE):
    with supply.supply(of, recipe, CPU, 10**6) as blocks:
        blocks(number - 1)
        return blocks(number)


def x0(of: Problem, prepared) -> torch.Tensor:
    """The rows from what the network sees and the noise that it should answer."""
    seen, eps = (part.flatten(0, 1).double() for part in (prepared.example.seen, prepared.example.wanted))
    alpha, sigma = (c.view(-1, 1, 1) for c in of.schedule(prepared.t.flatten()))
    return (seen - sigma * eps) / alpha


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("memory", [2**30, 0])
def test_rows_times_and_order_are_those_of_the_cpu(monkeypatch, dtype, memory):
    """Held as they came, held encoded, or streamed: rows of another block, or whole numbers that were not encoded, would differ."""
    monkeypatch.setattr(supply, "free_memory", lambda _: memory)
    of = problem(rows(dtype))
    found, wanted = block(of), prepare(of, RECIPE, 1)
    assert torch.equal(found.t, wanted.t)
    early = (of.schedule(wanted.t.flatten())[0] > 0.3).flatten()
    torch.testing.assert_close(x0(of, found)[early], x0(of, wanted)[early], atol=1e-5, rtol=1e-4)


def test_whole_numbers_live_on_the_device_as_they_came():
    """A copy in float32 would take four times the memory."""
    of = rows("uint8")
    held = supply.Held(of, CPU)
    assert held.rows.dtype == torch.uint8
    assert supply.bytes_of(of) == 300 * 6
    torch.testing.assert_close(held[torch.arange(300)], of[torch.arange(300)])


def test_noise_is_normal_and_a_function_of_seed_and_block():
    """Noise that went on from the last block would differ in a resumed run; the same noise in every block would be learnt."""
    of = problem(rows())
    eps = block(of).example.wanted
    with supply.supply(of, RECIPE, CPU, 10**6) as blocks:
        assert torch.equal(blocks(1).example.wanted, eps)
        assert not torch.equal(blocks(0).example.wanted, eps)
    other = Recipe(batch_size=50, drop_condition=0.3, seed=1)
    assert not torch.equal(block(of, 1, other).example.wanted, eps)
    n = eps.numel()
    assert abs(eps.mean()) < 5 / n**0.5
    assert abs(eps.var() - 1) < 5 * (2 / n) ** 0.5


@pytest.mark.parametrize("memory", [2**30, 0])
def test_half_of_the_rows_are_mirrored_and_a_share_of_the_conditions_is_dropped(monkeypatch, memory):
    """Mirror images of the wrong rows, or labels of other rows, would not belong to a row of the data."""
    monkeypatch.setattr(supply, "free_memory", lambda _: memory)
    plain, mirrored = rows(), rows(mirror=-1)
    mirrored = EncodedRows(mirrored.rows, plain.encoder)
    kinds = Classes.build({"names": ["a", "b"], "counts": [150, 150], "column": "class"})
    of = problem(plain, cond=torch.arange(300) % 2, condition=kinds, mirrored=mirrored)
    found = block(of)
    drawn = supply.order(of, RECIPE, 1)
    early = of.schedule(found.t.flatten())[0] > 0.3
    made = x0(of, found)
    straight, turned = ((made - view[drawn]).abs().amax((1, 2)) < 1e-3 for view in (plain, mirrored))
    assert (straight | turned)[early].all()
    share, n = (turned & ~straight)[early].double().mean(), int(early.sum())
    assert abs(share - 1 / 2) < 5 * (1 / 4 / n) ** 0.5
    cond = found.cond.flatten()
    kept = cond < 2
    assert torch.equal(cond[kept], (drawn % 2)[kept])
    assert abs(kept.double().mean() - 0.7) < 5 * (0.21 / len(kept)) ** 0.5


def test_a_row_that_the_encoder_refuses_is_refused_on_the_device():
    """What shift and scale would make of an infinite value is not trained on."""
    of = rows("float32")
    of.rows.held[5, 1, 1] = np.inf
    with pytest.raises(ValueError, match="missing, infinite"):
        supply.Held(of, CPU)


def test_pairs_are_drawn_on_the_cpu():
    """An optimal-transport coupling of other noise than its own would be no coupling."""
    of = problem(rows(), coupling="optimal_transport")
    assert steps_in_block(of, RECIPE) > 1
    with supply.supply(of, RECIPE, CPU, 10**6) as blocks:
        assert torch.equal(blocks(1).example.seen, prepare(of, RECIPE, 1).example.seen)
