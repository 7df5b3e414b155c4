"""`unstir demo`: that it ends with something to use."""

import json

import pytest

from commands import FIGURES, is_png, refused, run
from unstir.model.model import Model
from unstir.training.config import resolve
from unstir.training.config_file import read_config


def small_demo(monkeypatch):
    """The demo with a chain of 50 and few points."""
    monkeypatch.setattr("unstir.cli.demo.CHAIN", 50)
    monkeypatch.setattr("unstir.report.figures.SHOWN", 300)
    monkeypatch.setattr("unstir.evaluation.scores.MOST", 300)
    monkeypatch.setattr("unstir.evaluation.scores.POOL", 4000)


def test_the_demo_trains_samples_twice_and_says_what_to_type_next(tmp_path, monkeypatch):
    # Catches a demo that ends in nothing one can use.
    small_demo(monkeypatch)
    code, out, err = run("demo", "--steps", "30", "-o", tmp_path / "d")
    assert code == 0, err
    assert "ddpm_beta, 50 evaluations" in out
    assert "20 evaluations" in out
    assert out.count("floor") >= 4
    for command in (
        "unstir train moons",
        f"unstir sample {tmp_path / 'd'}",
        f"unstir evaluate {tmp_path / 'd'}",
        "unstir selfcheck",
    ):
        assert command in out
    assert {path.name for path in (tmp_path / "d" / "figures").iterdir()} == {f"{n}.{s}" for n in FIGURES for s in ("png", "pdf")}
    assert all(is_png(path) for path in (tmp_path / "d" / "figures").glob("*.png"))
    assert all(path.read_bytes().startswith(b"%PDF") for path in (tmp_path / "d" / "figures").glob("*.pdf"))
    assert "Noise to data" in (tmp_path / "d" / "report.html").read_text()
    settled = resolve(read_config(tmp_path / "d" / "config.toml"))
    assert (settled.diffusion.schedule, settled.diffusion.target, settled.diffusion.times) == ("linear", "eps", "chain")
    assert run("sample", tmp_path / "d", "-n", "3")[0] == 0


def test_the_demo_can_answer_with_one_object(tmp_path, monkeypatch):
    small_demo(monkeypatch)
    monkeypatch.setattr("unstir.report.figures.draw", lambda *_: None)
    real, asked = Model.sample, []
    monkeypatch.setattr(Model, "sample", lambda self, n, **how: asked.append((n, how)) or real(self, n, **how))
    code, out, err = run("demo", "--steps", "5", "-o", tmp_path / "d", "--json", "--quiet")
    found = json.loads(out)
    assert code == 0
    assert "step 5/5" not in err
    assert "weights" not in err
    assert [s["method"] for s in found["samplers"]] == ["ddpm_beta", "adams_bashforth3"]
    assert [s["evaluations"] for s in found["samplers"]] == [50, 20]
    ways = [{"steps": 50, "method": "ddpm_beta", "seed": 0}, {"steps": 20, "method": "adams_bashforth3", "seed": 0}]
    assert asked[:2] == [(300, way) for way in ways]  # catches one sampler shown under two names
    assert refused(5, "exists already", "demo", "-o", tmp_path / "d")


@pytest.mark.slow
def test_the_demo_as_it_is(tmp_path):
    code, out, err = run("demo", "--steps", "30", "-o", tmp_path / "d")
    assert code == 0, err
    assert "ddpm_beta, 1,000 evaluations" in out
