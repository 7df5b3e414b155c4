"""`unstir selfcheck`: that a truth that fails is counted."""

import json

import pytest

from commands import run


def checked(monkeypatch, *measured):
    from unstir.selfcheck import checks as selfcheck

    rows = [selfcheck.Row("truth 1", f"case {i}", value, "<= 1e-3", value <= 1e-3) for i, value in enumerate(measured)]
    monkeypatch.setattr(selfcheck, "selfcheck", lambda: iter(rows))


def test_selfcheck_counts_what_holds(monkeypatch):
    # Catches an exit code that is 0 whatever fails, and a row whose failure is only a colour.
    checked(monkeypatch, 1e-6, 1e-4)
    code, out, _ = run("selfcheck")
    assert code == 0
    assert "2 of 2 truths hold" in out
    checked(monkeypatch, 1e-6, 0.5)
    code, out, _ = run("selfcheck")
    assert code == 4
    assert "FAILED" in out
    assert "1 of 2 truths hold" in out
    code, out, _ = run("selfcheck", "--json")
    assert code == 4
    assert json.loads(out)["failed"] == 1
    assert len(json.loads(out)["checks"]) == 2


@pytest.mark.slow
def test_selfcheck_as_it_is():
    code, out, err = run("selfcheck", "--json")
    found = json.loads(out)
    assert (code, found["failed"]) == (0, 0), err
    assert len(found["checks"]) > 50
