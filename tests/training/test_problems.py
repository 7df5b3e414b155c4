"""What is said before training: options that nothing heeds, more steps than rows can use, classes that are not on both sides, in order."""

import json
import logging
import re

import numpy as np
import pytest

from commands import TINY, run
from unstir import fit
from unstir.cli.parts import finishing
from unstir.data import from_arrays, toy
from unstir.diffusion.continuous import Flow
from unstir.model.own import Own
from unstir.networks.mlp import MLP
from unstir.training.applicable import applicable
from unstir.training.config import SECTIONS, flat
from unstir.training.config_file import read_config, write_config
from unstir.training.presets import settle
from unstir.training.problems import asked_for, problems_of_data, problems_of_settings

RNG = np.random.default_rng(0)
IMAGES = from_arrays(RNG.normal(size=(40, 8, 8)), source="x.npy")
TABLE = from_arrays(RNG.normal(size=(400, 5)), source="x.csv")
PETS = from_arrays(RNG.normal(size=(400, 2)), RNG.choice(["cat", "dog"], 400), source="x.npz")
MOONS = toy("moons", 400, seed=0)


def texts(data, own=Own(), **flags):  # noqa: B008
    asked = flat(**flags)
    return [problem.text for problem in problems_of_settings(data, settle(data, asked), asked, own)]


@pytest.mark.parametrize(
    ("data", "flags", "said"),
    [
        (TABLE, {"levels": 3}, "--network.levels has no effect: the mlp network has no such setting. Leave it out."),
        (TABLE, {"patch": 2, "recompute": 1}, "--network.patch and --network.recompute have no effect"),
        (IMAGES, {"octaves": 3}, "--network.octaves has no effect: the unet network has no such setting"),
        (IMAGES, {"octaves": 3, "architecture": "dit"}, "the dit network has no such setting"),
        (IMAGES, {"channels": 3}, "--autoencoder.channels has no effect: the channels encoder is no autoencoder"),
        (TABLE, {"alpha": "white"}, "--data.alpha has no effect: the rows are no images"),
        (TABLE, {"points": 100}, "--data.points has no effect: all rows of a file are read"),
        (TABLE, {"drop_condition": 0.2}, "--optim.drop-condition has no effect: the rows have no class"),
        (TABLE, {"sharding": "full"}, "--optim.sharding has no effect: there is one process"),
    ],
)
def test_an_option_that_nothing_heeds_is_said(data, flags, said):
    # Catches silence, and a list of the options of one network instead of the question to each.
    (text,) = texts(data, **flags)
    assert said in text


@pytest.mark.parametrize(
    ("data", "flags"),
    [
        (TABLE, {"octaves": 1, "width": 16, "depth": 1, "architecture": "mlp"}),
        (IMAGES, {"levels": 1, "widest": 2, "attention": 1, "recompute": 1}),
        (IMAGES, {"channels": 3, "encoder": "latent", "updates": 5}),
        (MOONS, {"points": 400}),
        (PETS, {"drop_condition": 0.2}),
        (TABLE, {"sharding": "none", "T": 500, "schedule": "cosine", "labels": "none"}),
    ],
)
def test_an_option_that_is_heeded_is_not(data, flags):
    assert texts(data, **flags) == []


@pytest.mark.parametrize(("data", "config"), [(MOONS, {}), (PETS, {"schedule": "cosine"}), (IMAGES, {"flip": "horizontal"})])
def test_the_page_shows_the_settings_that_are_heeded_and_no_other(data, config):
    """Every setting, asked for with another value than the default, is either shown or said to have no effect. Catches two lists that
    differ: a page with a setting that training calls idle."""
    config = settle(data, flat(**config))
    shown = applicable(
        config.model_copy(update={"data": config.data.model_copy(update={"source": data.source})}),
        data.layout,
        bool(data.classes),
    )
    asked = {section: dict.fromkeys(part.model_fields) for section, part in SECTIONS.items()}
    said = " ".join(problem.text for problem in problems_of_settings(data, config, asked) if problem.name == "no effect")
    idle = set(re.findall(r"--([\w.-]+)", said))
    held = {section: values for section, values in config.model_dump(exclude_none=True).items() if section in SECTIONS}
    for section, values in held.items():
        for leaf, value in values.items():
            name = f"{section}.{leaf.replace('_', '-')}"
            assert (name in idle) != (leaf in shown.get(section, {}) or value == {}), name
    assert "data.points" in idle or data is MOONS
    assert "optim.drop-condition" in idle or data.classes


def test_an_option_of_a_part_of_ones_own_is_said_by_its_keyword():
    x = from_arrays(RNG.normal(size=(400, 2)))
    first, second = texts(x, Own(network=MLP(2)), width=8, size="32")
    assert first == "width has no effect: the network is your own. Leave it out."
    assert second == "size has no effect: it is for a file, and this is an array. Leave it out."
    assert "T and settings have no effect: the schedule is your own" in texts(x, Own(schedule=Flow()), T=5, settings={"a": 1})[0]


def test_only_what_somebody_chose_counts(tmp_path):
    """The configuration of a run has every setting. Catches a warning for each setting that another network would have had."""
    (tmp_path / "config.toml").write_text(write_config(settle(MOONS, flat(points=400))))
    file = read_config(tmp_path / "config.toml")
    assert not {"network", "autoencoder"} & asked_for(file, {}).keys()
    found = [problem.text for problem in problems_of_settings(TABLE, settle(TABLE, file), asked_for(file, {}))]
    assert found == ["--data.points has no effect: all rows of a file are read. Leave it out."]  # 400 is not the default


@pytest.mark.parametrize(
    ("rows", "steps", "said"), [(100, 2001, True), (100, 2000, False), (10, 1000, False), (5000, 100_000, False)]
)
def test_more_steps_than_the_rows_can_use_are_said(rows, steps, said):
    """4 steps a row, at least 250, are enough; five times as many are too many. Catches an hour of learning 100 rows by heart."""
    found = texts(from_arrays(RNG.normal(size=(rows, 2)), source="x.npy"), steps=steps)
    assert ["are enough" in text for text in found] == [True] * said


@pytest.mark.parametrize("seed", range(5))
def test_a_class_with_one_row_is_trained_on_and_what_is_not_measured_is_said(seed):
    """Row 0 alone has the class. Catches a class that is sampled though it was never trained on, a side that loses a row, and other splits."""
    labels = ["rare"] + ["cat", "dog"] * 30
    data = from_arrays(RNG.normal(size=(61, 2)), labels)
    training, unseen = data.split_numbers(0.5, seed)
    plain, held = from_arrays(data.values).split_numbers(0.5, seed)
    assert 0 in training
    assert (len(training), len(unseen)) == (len(plain), len(held))
    assert sorted([*training, *unseen]) == list(range(61))
    assert (training != plain).sum() == (0 in held)  # nothing else has moved
    (text,) = [p.text for p in problems_of_data(data, settle(data, flat(held_out=0.5, seed=seed))) if p.name == "not held out"]
    assert "no row of 'rare' (1 row) is held out" in text


def test_a_group_with_the_only_rows_of_a_class_is_trained_on():
    groups = np.repeat(np.arange(12), 5)
    data = from_arrays(RNG.normal(size=(60, 2)), np.where(groups == 3, "rare", "cat"), groups=groups)
    for seed in range(12):
        training, unseen = data.split_numbers(0.2, seed)
        assert "rare" in {data.classes[i] for i in data.labels[training]}
        assert not set(groups[training]) & set(groups[unseen])
        assert len(unseen)
    two = from_arrays(RNG.normal(size=(60, 2)), np.where(groups < 6, "a", "b"), groups=groups // 6)
    names = [p.name for p in problems_of_data(two, settle(two))]
    assert names[0] == "untrained"  # two groups, a class each: one of them has to be held out
    assert "not held out" in names


@pytest.mark.usefixtures("brief")
def test_train_says_what_inspect_sees(tmp_path, monkeypatch):
    """Counter, copies, dummies, a class for nothing and a constant. Catches a survey that train does not have, and --quiet for warnings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
    hot = np.eye(3)[np.arange(90) % 3]
    rows = np.column_stack([RNG.normal(size=90), np.arange(90), np.full(90, 7.0), hot])
    kinds = RNG.choice(["a", "A", "nan"], 90)
    lines = [
        "size,number,fixed,x [m],[/s],[red]z,kind",
        *(",".join([*map(repr, row), k]) for row, k in zip(rows.tolist(), kinds, strict=True)),
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    flags = ("--data.labels", "kind", "--network.levels", "2", "--steps", "2", *TINY)
    code, out, _ = run("inspect", "a.csv", *flags, "--json")
    assert code == 0
    seen = [problem["text"] for problem in json.loads(out)["problems"]]
    code, _, err = run("train", "a.csv", "-o", "r", "--quiet", *flags)
    assert code == 0
    said = [line.removeprefix("warning: ") for line in err.splitlines() if line.startswith("warning: ")]
    assert said[:5] == [*seen[:4], f"and {len(seen) - 4} more about the data: unstir inspect a.csv"]
    assert "--network.levels" in said[0]
    assert "column 'number' changes by the same step" in said[1]
    assert "'nan'" in said[2]
    kept = json.loads((tmp_path / "r" / "data.json").read_text())["problems"]
    assert [problem["text"] for problem in kept] == seen
    assert any("'[/s]', column '[red]z' are one class" in text for text in seen)
    code, out, _ = run("inspect", "a.csv", *flags)
    assert code == 0
    assert "│ [red]z" in out
    assert "│ [/s]" in out


def test_arrays_that_are_not_used_are_named(tmp_path):
    # Catches a second array that nobody misses, such as the weights of the rows.
    np.savez(tmp_path / "a.npz", x=RNG.normal(size=(60, 2)), weights=np.ones(60), y=np.arange(60) % 2, **{"[b]": np.ones(2)})
    code, _, err = run("train", tmp_path / "a.npz", "--dry-run", *TINY)
    assert code == 0
    assert "warning: 2 arrays 'weights', '[b]' are not used; the data is 'x'." in err


def test_fit_says_one_line_in_the_log(caplog):
    """Warnings of Python's can be errors, and training would depend on that. Catches several lines a fit, and none."""
    x = np.column_stack([RNG.normal(size=(30, 2)), np.arange(30)])
    with caplog.at_level(logging.WARNING, logger="unstir"):
        fit(x, steps=2, width=8, levels=3)
        fit(RNG.normal(size=(300, 2)), steps=2, width=8)
    (line,) = caplog.messages
    assert line.startswith("unstir.fit: levels has no effect: the mlp network has no such setting. Leave it out. And 2 more: ")


def test_fit_names_every_column_that_it_leaves_out(caplog):
    """Catches a second column that is left out without a word, because one sentence is said and the others are counted."""
    with caplog.at_level(logging.WARNING, logger="unstir"):
        fit({"id": list(range(30)), "name": [f"person {i}" for i in range(30)], "x": RNG.normal(size=30)}, steps=1, width=8)
    (line,) = caplog.messages
    assert "column 'id' is left out: " in line
    assert "column 'name' is left out: " in line
