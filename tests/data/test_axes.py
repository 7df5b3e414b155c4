"""Which axis of data is what: as somebody says, or guessed from the shape of a row, and then the same everywhere."""

import ast
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unstir
from unstir.data import axes_of, from_arrays, load, survey
from unstir.data.neighbours import curve, doubt, roughness
from unstir.errors import UsageError

RNG = np.random.default_rng(0)


def waves(n=20, steps=40, channels=(1.0, 9.8, 0.01)):
    """Rows (n, steps, channels): a wave a channel, each of its own size, frequency and phase."""
    t = np.linspace(0, 1, steps)
    each = [s * np.sin(2 * np.pi * ((k + 1) * t + RNG.uniform(size=(n, 1)))) for k, s in enumerate(channels)]
    return np.stack(each, 2)


# ---- guessed


@pytest.mark.parametrize(
    ("shape", "letters"),
    [
        *(((6, 64), "NCL"), ((3, 100), "NCL"), ((1, 500), "NCL"), ((2, 40), "NCL"), ((10, 50), "NCL"), ((7, 8), "NCL")),
        *(((64, 6), "NLC"), ((100, 3), "NLC"), ((500, 1), "NLC"), ((40, 2), "NLC"), ((50, 10), "NLC"), ((5, 5), "NLC")),
        *(((3, 4), "NLC"), ((5, 6), "NLC"), ((2, 3), "NLC")),  # too few steps to be told from channels
        *(((12, 16), "NHW"), ((24, 24), "NHW"), ((100, 50), "NHW")),
        *(((64, 64, 5), "NHWC"), ((5, 64, 64), "NCHW"), ((10, 12, 2), "NHWC"), ((3, 32, 32), "NCHW")),
        *(((5, 6, 7), "NDDD"), ((64,), "ND"), ((2, 3, 4, 5), "NDDDD")),
    ],
)
def test_the_shorter_of_two_axes_is_the_channels(shape, letters):
    """Catches a program that takes the last axis for the channels, whatever the shape, so that 6 sensors are 6 steps of 64 channels."""
    assert axes_of(shape).letters == letters
    assert from_arrays(np.zeros((2, *shape))).axes.letters == letters


@pytest.mark.parametrize("shape", [(3, 100), (100, 3), (1, 500), (500, 1), (2, 40), (64, 6), (3, 32, 32), (64, 64, 5), (64,)])
def test_a_clear_shape_is_not_doubted(shape):
    # Catches a warning about every file, which nobody reads.
    assert axes_of(shape).others == ()


@pytest.mark.parametrize(
    ("shape", "others"),
    [
        *(((24, 24), ("NLC", "NCL")), ((12, 16), ("NCL", "NLC")), ((100, 50), ("NLC", "NCL")), ((30, 30), ("NLC", "NCL"))),
        *(((6, 64), ("NLC", "NHW")), ((10, 50), ("NLC", "NHW")), ((2, 10), ("NLC",)), ((5, 5), ("NCL", "NHW"))),
        *(((16, 16, 16), ("NHWC", "NDDD")), ((3, 5, 7), ("NDDD",))),
    ],
)
def test_a_shape_that_may_be_something_else_says_what(shape, others):
    """The likeliest first. Catches a guess that is not said to be one."""
    assert axes_of(shape).others == others
    told = [problem.text for problem in survey(from_arrays(RNG.normal(size=(60, *shape)))).problems if problem.name == "axes?"]
    assert len(told) == 1
    assert all(f"axes='{letters}'" in told[0] for letters in others)


@pytest.mark.parametrize("said", ["NLC", "NCL", "NHW", "NDD"])
def test_axes_that_somebody_said_are_not_doubted(said):
    data = from_arrays(RNG.normal(size=(60, 24, 24)), axes=said)
    assert (data.axes.letters, data.axes.others, doubt(data)) == (said, (), "")
    assert "axes?" not in [problem.name for problem in survey(data).problems]


def test_bytes_and_formats_of_images_are_images(tmp_path):
    """A folder of images may hold what would be a doubt as an array. Catches a format that is guessed at, and a wide picture of 3 lines
    taken for channels."""
    assert axes_of((24, 24), "uint8").others == ()
    (tmp_path / "small").mkdir()
    for i in range(3):
        Image.fromarray(RNG.integers(0, 256, (3, 12, 3), np.uint8)).save(tmp_path / "small" / f"{i}.png")
    data = load(tmp_path / "small")
    assert (data.shape, data.axes.letters, data.layout.spatial) == ((3, 12, 3), "NHWC", (3, 12))
    assert load("digits").axes.others == ()


def test_what_the_values_say_is_told_but_does_not_decide():
    """Catches a choice that depends on the values, which nobody could foresee, and values that are looked at along the wrong axis."""
    x = waves(channels=tuple(2.0**k for k in range(24)), steps=24)
    for rows, speaks_for in ((x, "NLC"), (x.transpose(0, 2, 1), "NCL")):
        data = from_arrays(rows)
        assert data.axes.letters == "NHW"
        assert f"which speaks for {speaks_for}." in doubt(data)
    assert "speaks for" not in doubt(from_arrays(RNG.normal(size=(60, 24, 24))))
    short = RNG.normal(size=(60, 1, 50)) * 9 + RNG.normal(size=(60, 10, 50)).cumsum(1)  # few steps of many slow channels
    assert "which speaks for NLC." in doubt(from_arrays(short))
    assert roughness(np.zeros((3, 4)), 1) == np.inf


def test_columns_that_are_a_curve_are_told_to_be_one():
    """An ECG in a table. Catches a hint about any wide table."""
    curves = waves(60, 140)[:, :, 0]
    assert "--data.axes NL" in curve(load_csv := from_arrays(curves, source="ecg.csv"))
    assert load_csv.kind == "table"
    assert curve(from_arrays(curves, axes="ND")) == ""
    assert curve(from_arrays(curves, axes="NL")) == ""
    assert curve(from_arrays(RNG.normal(size=(60, 140)))) == ""
    assert curve(from_arrays(RNG.normal(size=(60, 140)) + np.geomspace(1, 1e6, 140)[RNG.permutation(140)])) == ""
    gaps = curves.copy()
    gaps[3, 5] = np.nan
    assert curve(from_arrays(gaps, missing="keep"))


# ---- said


@pytest.mark.parametrize(
    ("shape", "said", "expected"),
    [
        ((6, 64), "NLC", ("sequences", 64, (6,), -1)),
        ((28, 28), "NLC", ("sequences", 28, (28,), -1)),
        ((28, 28), "ncl", ("sequences", 28, (28,), 0)),
        ((64,), "NL", ("sequences", 1, (64,), None)),
        ((10, 12, 2), "NCHW", ("images", 10, (12, 2), 0)),
        ((100, 4), "NHW", ("images", 1, (100, 4), None)),
        ((3, 64, 3), "NHWC", ("images", 3, (3, 64), -1)),
        ((16, 16, 16), "NDDD", None),
        ((30, 30), "NDD", None),
        ((64,), "ND", None),
    ],
)
def test_what_is_said_is_taken(shape, said, expected):
    # Catches axes that are overruled by the shape.
    found = from_arrays(np.zeros((2, *shape)), axes=said)
    assert found.layout == (None if expected is None else unstir.data.Layout(*expected))
    assert found.kind == (expected[0] if expected else "table" if len(shape) == 1 else "arrays")
    assert found.take(np.array([1])).axes == found.axes


@pytest.mark.parametrize(
    ("shape", "said", "told"),
    [
        (
            (64,),
            "NCL",
            "axes NCL do not fit rows of shape (64,): 3 letters, and with N for the rows the data has 2 axes. These fit: ND, NL.",
        ),
        ((6, 64), "NL", "These fit: NLC, NCL, NHW, NDD."),
        ((3, 8, 8), "NHW", "These fit: NHWC, NCHW, NDDD."),
        ((2, 3, 4, 5), "NHWC", "These fit: NDDDD."),
        ((6, 64), "NTC", "unknown axes 'NTC'"),
        ((3, 8, 8), "CHW", "did you mean 'NCHW'?"),
        ((6, 64), "LC", "unknown axes 'LC'"),
        ((6, 64), "NLL", "unknown axes 'NLL'"),
    ],
)
def test_axes_that_do_not_fit_are_one_clear_error(shape, said, told):
    """Catches axes that are ignored, and a traceback from an array with too few of them."""
    with pytest.raises(UsageError) as error:
        from_arrays(np.zeros((2, *shape)), axes=said)
    assert told in str(error.value)


def test_built_in_sets_and_files_take_axes(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8)))
    assert load("digits", axes="NLC").layout.kind == load(tmp_path / "x.npy", axes="NLC").layout.kind == "sequences"
    assert load(tmp_path / "x.npy", axes="NDD").kind == "arrays"
    with pytest.raises(UsageError, match="do not fit"):
        load("moons", axes="NLC")


def test_nobody_outside_the_data_asks_the_shape():
    """The layout is decided once, when data is read. Catches the next function that guesses it from the shape, and so ignores axes."""
    root = Path(unstir.__file__).parent
    asking = []
    for path in root.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            of_shape = isinstance(call.func, ast.Name) and call.func.id in ("layout", "kind_of") and len(call.args) == 1
            if of_shape and not path.is_relative_to(root / "data"):
                asking.append(str(path.relative_to(root)))
    assert asking == ["encoders/base.py"]  # `fit_encoder` has a tensor, and nothing that says axes
