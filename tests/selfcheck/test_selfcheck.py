"""The self-check says yes to what is here, and no to what is wrong."""

import dataclasses
from functools import partial

import pytest
import torch

from unstir.diffusion.registry import SCHEDULES, TARGETS
from unstir.diffusion.samplers import SAMPLERS, Sampler, ddim
from unstir.diffusion.schedules import Schedule
from unstir.selfcheck import checks as selfcheck


@pytest.fixture(scope="module")
def rows():
    return list(selfcheck.selfcheck())


def test_every_truth_holds_on_this_machine(rows):
    failed = [row for row in rows if not row.ok]
    assert not failed, "\n".join(map(str, failed))


def test_every_schedule_target_and_sampler_is_in_the_table(rows):
    # Catches a table that stays as it was when a schedule is added.
    words = {word for row in rows for word in row.subject.replace(",", "").replace("/", "").split()}
    assert words >= set(SCHEDULES) | set(TARGETS) | set(SAMPLERS)
    numbers = [int(row.truth.split()[0]) for row in rows]
    assert numbers == sorted(numbers)
    assert set(numbers) >= {*range(1, 15), 16, 17, 20, 21, 22}
    for number, names in ((4, TARGETS), (10, [n for n, s in SAMPLERS.items() if s.order]), (21, SCHEDULES), (22, SAMPLERS)):
        subjects = " ".join(row.subject for row, n in zip(rows, numbers, strict=True) if n == number).split()
        assert set(names) <= set(subjects)


def test_a_row_is_frozen_and_says_its_bar(rows):
    with pytest.raises(dataclasses.FrozenInstanceError):
        rows[0].ok = False
    assert {type(row.measured) for row in rows} == {float}
    assert {type(row.ok) for row in rows} == {bool}
    assert all(row.bar.startswith("<= ") or " .. " in row.bar for row in rows)


def test_a_wrong_sampler_fails_its_rows_and_no_others(monkeypatch):
    # A mistake of 1 % in every step of one sampler. Catches bars that nothing can miss.
    def wrong(denoise, schedule, times, x):
        return ddim(lambda x, t: 1.01 * denoise(x, t), schedule, times, x)

    heun = Sampler(ddim, 2, "sinh")  # and one that declares an order which it does not have
    monkeypatch.setattr(SAMPLERS, "_parts", {**SAMPLERS, "ddim": Sampler(wrong, 1, "sinh"), "heun": heun})
    monkeypatch.setattr(selfcheck, "CHECKS", {number: selfcheck.CHECKS[number] for number in (8, 10)})
    failed = {(row.truth, row.subject) for row in selfcheck.selfcheck() if not row.ok}
    assert failed == {
        ("8 finite data set", "ddim"),
        ("10 order", "linear / heun"),
        ("10 order", "flow / heun"),
    }


def test_not_a_number_is_not_good(monkeypatch):
    # Catches a bar written as `not measured > high`, which NaN passes.
    monkeypatch.setattr(selfcheck, "CHECKS", {1: partial(iter, [("nothing", torch.tensor(torch.nan), 0, 1.0)])})
    selfcheck.CHECKS[1].__name__ = "nothing"
    (row,) = selfcheck.selfcheck()
    assert not row.ok


def test_a_schedule_of_ones_own_is_checked_like_any_other():
    # Catches a table by name, in which a schedule that was added has no entry.
    @dataclasses.dataclass(frozen=True)
    class Circle(Schedule):
        def alpha_sigma(self, t):
            return torch.cos(t * torch.pi / 2), torch.sin(t * torch.pi / 2)

    SCHEDULES.add("circle", Circle)
    try:
        rows = [case for number in (1, 2, 3, 6) for case in selfcheck.CHECKS[number]() if case[0] == "circle"]
    finally:
        SCHEDULES.remove("circle")
    assert len(rows) == 4
    assert all(low <= measured <= high for _, measured, low, high in rows)
