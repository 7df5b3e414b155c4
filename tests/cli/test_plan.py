"""Before a run: what it will cost, how many steps fit into a time, every setting and where it comes from. Nothing is written."""

import json
import tomllib

import numpy as np
import pytest

from commands import TINY, contents, refused, run
from unstir import data as datasets
from unstir.cli.parts.planning import plan_run
from unstir.data import load
from unstir.runs.about import read_about
from unstir.runs.plans import read_plan
from unstir.training.config import flat, resolve
from unstir.training.config_file import annotated_config, origins, read_config
from unstir.training.cost import STEADY, Cost
from unstir.training.minutes import Ending
from unstir.training.presets import BRIEF, settle
from unstir.training.recipe import Decision


@pytest.fixture
def points(tmp_path):
    np.save(tmp_path / "points.npy", datasets.toy("moons", 300, seed=1).values)
    return tmp_path / "points.npy"


def test_minutes_plan_the_steps_and_with_them_the_learning_rate(points, tmp_path, monkeypatch):
    """The first plan is in config.toml, what became of it in plan.jsonl, and the rate falls to the last step.

    A step is said to take 100 seconds; the decisions are made up.
    Catches a rate that never falls, and a plan that stays.
    """
    monkeypatch.setattr("unstir.training.minutes.rehearse", lambda *_: Cost(100.0, 0.0, 2**20))
    monkeypatch.setattr("unstir.cli.parts.ending.ending", lambda *_: Ending(1 / 4, 1000.0))
    moved = {10: Decision(10, 24, 11.0, 1.0), 20: Decision(20, 22, 21.0, 1.0)}
    monkeypatch.setattr("unstir.training.allowance.Allowance.decide", lambda _, k, steps: moved.get(k))  # noqa: ARG005
    code, _, err = run("train", points, "-o", tmp_path / "r", "--minutes", "50", *TINY)
    assert code == 0
    assert "18 steps of 32" in err or "19 steps of 32" in err  # 97 % of 3,000 s, but for 1,000 s and what has passed
    assert "50.0 min in all" in err
    config, about = resolve(read_config(tmp_path / "r" / "config.toml")), read_about(tmp_path / "r")
    assert config.optim.steps in (18, 19)
    assert (about["steps"], about["time"]["effort"], about["time"]["after"]) == (22, 1 / 4, 1000.0)
    assert read_plan(tmp_path / "r") == list(moved.values())
    rates = [json.loads(line)["lr"] for line in (tmp_path / "r" / "metrics.jsonl").read_text().splitlines()]
    assert len(rates) == 22
    assert rates[-1] < 0.05 * max(rates)  # 2 of the last steps are left after the last decision
    refused(2, "--minutes", "train", points, "--minutes", "1", "--steps", "5")
    refused(2, "--minutes", "train", points, "--minutes", "0")
    refused(2, "--minutes", "train", points, "--minutes", "-1")
    refused(2, "--minutes", "train", points, "--minutes", "nan")


def test_a_short_time_is_spent_on_a_smaller_network(tmp_path, monkeypatch):
    """Images: one block a level below 700 steps, as the person says otherwise. Catches steps that were planned for the other network."""
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (3000, 8, 8), dtype=np.uint8))
    monkeypatch.setattr(
        "unstir.training.minutes.rehearse", lambda of, *_: costs.append(Cost(weights(of) * 1e-6, 0.0, 2**20)) or costs[-1]
    )
    costs = []
    long, short, said = (plan_run(str(path), {}, flags, minutes) for flags, minutes in ASKED)
    assert [planned.config.network.depth for planned in (long, short, said)] == [2, 1, 2]
    for planned, (_, minutes) in zip((long, short, said), ASKED, strict=True):
        assert planned.cost.step == pytest.approx(weights(planned.fitting) * 1e-6)
        assert planned.config.optim.steps == planned.fitting.recipe.steps
        time = 60 * minutes * STEADY - planned.fitting.allowance.after
        assert planned.cost.steps(time - 60) < planned.config.optim.steps <= planned.cost.steps(time)  # of it what came before
    assert long.config.optim.steps > BRIEF > said.config.optim.steps
    assert origins(short.layers)["network", "depth"] == "--minutes"
    assert ("network", "depth") not in origins({"--minutes": long.layers["--minutes"]})
    data = load(str(path))
    assert settle(data).network.depth == 2
    assert settle(data, flat(steps=300)).network.depth == 1


ASKED = (({}, 60), ({}, 3), ({"network": {"depth": 2}}, 3))


def weights(fitting):
    return sum(w.numel() for w in fitting.state.weights)


def test_a_dry_run_says_what_it_would_do_and_does_not(points, tmp_path):
    # Catches a folder made, and a prediction on stderr only.
    before = contents(tmp_path)
    code, out, _ = run("train", points, "-o", tmp_path / "r", "--steps", "1000000000", "--dry-run", *TINY)
    assert code == 0
    assert "1,000,000,000 steps" in out
    assert "days" in out
    assert "MiB" in out
    code, out, _ = run("train", points, "-o", tmp_path / "r", "--steps", "1000", "--dry-run", "--json", *TINY)
    found = json.loads(out)
    assert found["predicted"]["steps"] == found["config"]["optim"]["steps"] == 1000
    assert found["predicted"]["seconds"] > 1000 * found["predicted"]["seconds_per_step"]
    assert contents(tmp_path) == before


def test_print_config_shows_where_each_value_comes_from_and_can_be_trained_from(points, tmp_path):
    """Flags over file over preset over defaults. Catches an origin that is not the winner's, and a comment that breaks the TOML."""
    (tmp_path / "my.toml").write_text("seed = 4\n[optim]\nlr = 0.5\nwarmup = 7\n[diffusion.settings]\nbeta_min = 2e-4\n")
    typed = ("--config", tmp_path / "my.toml", "--optim.warmup", "8", "--target", "eps")
    code, out, err = run("train", points, *typed, "--print-config")
    assert (code, err) == (0, "")
    lines = {line.split(" = ")[0]: line for line in out.splitlines()}
    assert lines["seed"] == "seed = 4  # file"
    assert lines["lr"] == "lr = 0.5  # file"
    assert lines["warmup"] == "warmup = 8  # flag"
    assert lines["target"] == 'target = "eps"  # flag'
    assert lines["octaves"] == "octaves = 4  # preset for this data"
    assert lines["clip"] == "clip = 1.0  # default"
    assert lines["times"] == 'times = "uniform"  # suits the target'
    assert lines["source"].endswith("# DATA")
    assert "[diffusion.settings]  # file" in out
    (tmp_path / "all.toml").write_text(out)
    assert run("train", points, "--config", tmp_path / "all.toml", "--print-config")[1].replace("# file", "") != ""
    settled = resolve(tomllib.loads(out))
    assert settled == resolve(read_config(tmp_path / "all.toml"))
    assert (settled.optim.lr, settled.optim.warmup, settled.diffusion.settings) == (0.5, 8, {"beta_min": 2e-4})
    assert {p.name for p in tmp_path.iterdir()} == {"points.npy", "my.toml", "all.toml"}
    assert "# T is not set" in out
    code, found, _ = run("train", "--config", tmp_path / "all.toml", "--print-config", "--json")
    assert json.loads(found)["config"] == settled.model_dump()
    assert json.loads(found)["origins"]["data.source"] == "file"  # and not DATA, which was not typed


def test_true_is_no_learning_rate(tmp_path):
    # Python's True is 1. Catches a switch that becomes a number.
    (tmp_path / "c.toml").write_text("[optim]\nlr = true\n")
    refused(2, "setting 'optim.lr'", "train", "moons", "--config", tmp_path / "c.toml", "--print-config")


def test_annotations_are_comments():
    layers = {
        "a": {"optim": {"lr": 0.1}, "seed": 3},
        "b": {"optim": {"lr": 0.2}, "diffusion": {"settings": {"betas": [0.1, 0.2]}}},
    }
    config = resolve(*layers.values())
    assert origins(layers) == {("optim", "lr"): "b", ("seed",): "a", ("diffusion", "settings"): "b"}
    assert resolve(tomllib.loads(annotated_config(config, layers))) == config
