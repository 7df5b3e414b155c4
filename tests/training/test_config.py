"""Settings: one tree, layered, closed to what it does not know, and the same tree after a trip through TOML."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from unstir.errors import StorageError, UsageError
from unstir.training.config import SECTIONS, Config, flat, merge, resolve
from unstir.training.config_file import read_config, write_config

LEAVES = [leaf for section in SECTIONS.values() for leaf in section.model_fields]
POSITIVE = st.floats(1e-300, 1e300)
TREES = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**32 - 1),
        "device": st.sampled_from(["auto", "cpu", "cuda", "mps"]),
        "data": st.fixed_dictionaries(
            {},
            optional={
                "source": st.text(max_size=6),
                "labels": st.text(min_size=1, max_size=6),
                "held_out": st.floats(0.001, 0.999),
            },
        ),
        "diffusion": st.fixed_dictionaries(
            {},
            optional={
                "T": st.integers(2, 5000),
                "schedule": st.text(max_size=6),
                "settings": st.dictionaries(
                    st.text(min_size=1, max_size=6), POSITIVE | st.lists(POSITIVE, max_size=3), max_size=3
                ),
            },
        ),
        "optim": st.fixed_dictionaries(
            {}, optional={"lr": POSITIVE, "steps": st.integers(1, 10**9), "precision": st.just("bfloat16")}
        ),
    },
)


def test_a_leaf_name_means_one_setting():
    # Catches two sections with a `steps` each: unstir.fit(steps=...) would set whichever comes last.
    assert len(LEAVES) == len(set(LEAVES))
    assert not set(LEAVES) & {"seed", "device", *SECTIONS}


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_leaf_finds_its_section(leaf):
    ((home, inner),) = flat(**{leaf: 1}).items()
    assert inner == {leaf: 1}
    assert leaf in SECTIONS[home].model_fields


def test_settings_by_leaf_name_are_gathered():
    assert flat(lr=0.1, steps=3, seed=5, width=2) == {"optim": {"lr": 0.1, "steps": 3}, "seed": 5, "network": {"width": 2}}
    with pytest.raises(UsageError, match=r"unknown setting 'learning_rat'.*Known: T, alpha, answer, architecture.*device.*seed"):
        flat(learning_rat=0.1)
    with pytest.raises(UsageError, match="did you mean 'batch_size'"):
        flat(batchsize=3)


def test_later_layers_win_key_by_key():
    """defaults < preset < file < flags. Catches a section that replaces the one below it, and layers in the other order."""
    preset = {"network": {"width": 256, "octaves": 0}, "optim": {"lr": 0.001}}
    file = {"network": {"width": 64}, "seed": 3, "optim": {"steps": 50}}
    flags = {"seed": 4, "optim": {"lr": 0.1}}
    before = copy.deepcopy((preset, file, flags))
    config = resolve(preset, file, flags)
    assert (config.network.width, config.network.octaves, config.network.depth) == (64, 0, 2)
    assert (config.optim.lr, config.optim.steps, config.optim.batch_size, config.seed) == (0.1, 50, 256, 4)
    assert (preset, file, flags) == before  # catches a merge that writes into its arguments
    assert merge() == {}
    assert merge(file, {}) == file


def test_settings_of_a_schedule_are_replaced_whole():
    # Those of one schedule mean nothing to another. Catches beta_max handed on to `chain`.
    file = {"diffusion": {"schedule": "linear", "settings": {"beta_max": 0.03}}}
    flags = {"diffusion": {"schedule": "chain", "settings": {"betas": [0.5]}}}
    assert resolve(file, flags).diffusion.settings == {"betas": [0.5]}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("0.5", 0.5),
        ("0.1,0.2", [0.1, 0.2]),
        ("[0.1, 0.2]", [0.1, 0.2]),
        ("[0.5]", [0.5]),
        ("0.5,", [0.5]),
        ([1], [1.0]),
        (3, 3.0),
    ],
)
def test_one_number_or_several_can_be_typed(typed, meant):
    # The command line has text alone. Catches a list that only a file can hold, and a list of one that becomes a number.
    (found,) = resolve({"diffusion": {"settings": {"betas": typed}}}).diffusion.settings.values()
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"optim": {"lr": 0}}, "setting 'optim.lr': .*greater than 0 .got 0"),
        ({"optim": {"lr": float("nan")}}, "setting 'optim.lr'"),
        ({"optim": {"lr": float("inf")}}, "setting 'optim.lr'"),
        ({"optim": {"steps": 2.5}}, "setting 'optim.steps'"),
        ({"optim": {"steps": 0}}, "setting 'optim.steps'"),
        ({"optim": {"ema": 1.0}}, "setting 'optim.ema': .*less than 1"),
        ({"optim": {"precision": "float16"}}, "setting 'optim.precision'"),
        ({"data": {"held_out": 0.0}}, "setting 'data.held_out'"),
        ({"data": {"held_out": 1.0}}, "setting 'data.held_out'"),
        ({"network": {"width": "wide"}}, "setting 'network.width': .*got 'wide'"),
        ({"seed": -1}, "setting 'seed'"),
        ({"seed": 2**32}, "setting 'seed'"),
        ({"device": "gpu"}, "setting 'device'"),
        ({"optim": 3}, "setting 'optim'"),
        ({"optim": {"lrr": 3}}, "unknown setting 'optim.lrr': did you mean 'optim.lr'"),
        ({"optimm": {"lr": 3}}, r"unknown setting 'optimm': did you mean 'optim'\?"),
        ({"lr": 3}, "unknown setting 'lr': .*Known: autoencoder, columns, data, device"),
        (
            {"diffusion": {"settings": {"s": "fast"}}},
            "^setting 'diffusion.settings.s': should be a number, or several as in 0.1,0.2",
        ),
        ({"diffusion": {"settings": {"s": [0.1, "x"]}}}, "^setting 'diffusion.settings.s': should be a number"),
        ({"diffusion": {"settings": {"s": float("nan")}}}, "^setting 'diffusion.settings.s': should be a number"),
        ({"diffusion": {"settings": {"s": {}}}}, "^setting 'diffusion.settings.s': should be a number"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_given(setting, said):
    with pytest.raises(UsageError, match=said) as caught:
        resolve(setting)
    assert "\n" not in str(caught.value)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(UsageError) as caught:
        resolve({"optim": {"lr": -1, "steps": 0, "stepp": 2}, "seed": "x"})
    assert all(name in str(caught.value) for name in ("optim.lr", "optim.steps", "optim.stepp", "seed"))


def test_a_configuration_does_not_change():
    # Catches a setting that is adjusted during the run, after it was written out.
    config = Config()
    with pytest.raises(ValidationError, match="frozen"):
        config.seed = 3
    with pytest.raises(ValidationError, match="frozen"):
        config.optim.lr = 3


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_a_tree_survives_toml(tmp_path_factory, tree):
    """What is in config.toml is the run's whole configuration, whatever is in it. Catches floats cut short, quotes, lost lists."""
    config = resolve(tree)
    path = tmp_path_factory.mktemp("toml") / "config.toml"
    path.write_text(write_config(config), encoding="utf-8", newline="")
    assert resolve(read_config(path)) == config


def test_the_file_is_whole(tmp_path):
    # Every setting that has a value, so that a later version's defaults change nothing. Catches a file of the differences.
    path = tmp_path / "config.toml"
    path.write_text(write_config(Config()))
    written = read_config(path)
    for name, section in SECTIONS.items():
        missing = {leaf for leaf in section.model_fields if leaf not in written[name]}
        assert missing == {leaf for leaf in section.model_fields if getattr(getattr(Config(), name), leaf) is None}
    assert written["seed"] == 0


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (b"[optim\nlr = 3", UsageError, "is not valid TOML"),
        (b"lr = ", UsageError, "is not valid TOML"),
        (b"\xff\xfe", UsageError, "is not valid TOML"),
        (b"[optim]\nlrr = 3", UsageError, "config.toml: unknown setting 'optim.lrr': did you mean 'optim.lr'"),
        (b"[optim]\nlr = -3.0", UsageError, "config.toml: setting 'optim.lr'"),
        (b"optim = 3", UsageError, "config.toml: setting 'optim'"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_its_key(tmp_path, content, error, said):
    (tmp_path / "config.toml").write_bytes(content)
    with pytest.raises(error, match=said):
        read_config(tmp_path / "config.toml")


def test_a_file_that_is_not_there_is_a_storage_error(tmp_path):
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(StorageError, match=path.name):
            read_config(path)
