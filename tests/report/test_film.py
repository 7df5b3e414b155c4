"""The film of a run: the closed form on the way out, the model's own path back from that very noise, and the file that is written."""

import json
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from commands import TINY, contents, refused, run
from unstir.cli.parts import finishing
from unstir.plots.film import FFMpegWriter
from unstir.report import film, subject

pytestmark = pytest.mark.usefixtures("brief")

SHORT = ("--seconds", "1", "--rate", "6", "--pixels", "200")


@pytest.fixture(scope="module", autouse=True)
def quick():
    """No figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
        patch.setattr("unstir.evaluation.scores.MOST", 100)
        patch.setattr("unstir.evaluation.scores.POOL", 1000)
        patch.setattr(finishing, "SHOWN", 20)
        yield


def train(folder, data, *more):
    code, _, err = run("train", data, "-o", folder / "run", "--steps", "40", "--quiet", *TINY, *more)
    assert code == 0, err
    return folder / "run"


@pytest.fixture(scope="module")
def moons(tmp_path_factory):
    return train(tmp_path_factory.mktemp("moons"), "moons", "--data.points", "300", "--target", "eps", "--schedule", "cosine")


def test_the_way_back_begins_where_the_way_out_ended_and_nobody_changes_class(moons):
    # Catches a film that starts again from other noise, a time grid read backwards, and labels of other rows.
    about = subject.of_folder(moons)
    x0, back, times = film.paths(about, 50)
    assert len(back) == len(times) == film.EVALUATIONS + 1
    assert times[0] < 1  # an eps model starts a little later than cosine ends: so does the film
    torch.testing.assert_close(back[0], film.noisy(about, x0, float(times[0])))
    moments = list(film._moments(about, x0, back, times, 100))
    (turn,) = [
        (before.x, after.x) for before, after in pairwise(moments) if before.text.split(":")[0] != after.text.split(":")[0]
    ]
    np.testing.assert_allclose(*turn, atol=1e-6)  # no particle jumps
    assert [moments[0].t, max(moment.t for moment in moments), moments[-1].t] == [0, float(times[0]), 0]
    np.testing.assert_allclose(moments[0].x, x0.numpy())
    np.testing.assert_allclose(moments[-1].x, back[-1].numpy(), rtol=1e-6)
    (alpha, sigma), at = about.schedule(torch.tensor(moments[30].t, dtype=torch.float64)), moments[30]
    eps = (film.noisy(about, x0, float(times[0])) - about.schedule(times[0])[0].float() * x0) / about.schedule(times[0])[
        1
    ].float()
    np.testing.assert_allclose(at.x, (alpha * x0 + sigma * eps).numpy(), atol=1e-5)


def test_states_in_between_are_on_the_line_between_their_neighbours(moons):
    about = subject.of_folder(moons)
    times = torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
    back = [torch.full((1, 2), value) for value in (10.0, 4.0, 0.0)]
    seen = [m for m in film._moments(about, torch.zeros(1, 2), back, times, 1000) if m.text.startswith("noise")]
    at = {round(m.t, 3): (float(m.x[0, 0]), m.text) for m in seen}
    for t, (x, text) in at.items():
        assert x == pytest.approx(4 + 12 * (t - 0.5) if t > 0.5 else 8 * t, abs=0.01)
        assert f"{0 if t > 0.5 else 1 if t else 2} of 2" in text or t == 0.5


def test_a_film_is_a_gif_that_moves(moons, tmp_path):
    code, out, err = run("animate", moons, "-o", tmp_path / "film.gif", "--json", *SHORT)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["bytes"] == (tmp_path / "film.gif").stat().st_size
    with Image.open(tmp_path / "film.gif") as picture:
        assert picture.size == (200, 240)
        assert 4 <= picture.n_frames <= found["pictures"]
        frames = []
        for k in range(picture.n_frames):
            picture.seek(k)
            frames.append(np.asarray(picture.convert("RGB")).astype(int))
    assert all((np.abs(a - b).max(axis=2) > 60).sum() > 100 for a, b in pairwise(frames))
    before = contents(moons)
    assert run("animate", moons, *SHORT)[1].strip() == str(moons / "figures" / "film.gif")
    assert set(contents(moons)) - set(before) == {(moons / "figures" / "film.gif").relative_to(moons)}


def test_pictures_and_curves_have_their_films(tmp_path):
    rng = np.random.default_rng(0)
    for name, shape in (("grey", (6, 9)), ("colour", (7, 5, 3)), ("curves", (30, 2))):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "x.npy", rng.integers(0, 255, (40, *shape)).astype(np.uint8))
        folder = train(tmp_path / name, tmp_path / name / "x.npy")
        assert run("animate", folder, "-o", tmp_path / f"{name}.gif", *SHORT)[0] == 0
        with Image.open(tmp_path / f"{name}.gif") as picture:
            assert picture.n_frames >= 4


def test_an_mp4_where_there_is_an_encoder(moons, tmp_path, monkeypatch):
    if FFMpegWriter.isAvailable():
        assert run("animate", moons, "-o", tmp_path / "film.mp4", *SHORT[:4], "--pixels", "215")[0] == 0
        assert (tmp_path / "film.mp4").read_bytes()[4:8] == b"ftyp"
    monkeypatch.setattr(FFMpegWriter, "isAvailable", lambda: False)
    refused(2, "ffmpeg", "animate", moons, "-o", tmp_path / "none.mp4", *SHORT)
    assert not (tmp_path / "none.mp4").exists()


def test_what_is_refused_leaves_nothing(moons, tmp_path):
    (tmp_path / "there.gif").write_bytes(b"mine")
    refused(5, "exists already", "animate", moons, "-o", tmp_path / "there.gif")
    assert (tmp_path / "there.gif").read_bytes() == b"mine"
    refused(2, ".gif or an .mp4", "animate", moons, "-o", tmp_path / "film.mov")
    refused(2, "--pixels 20", "animate", moons, "-o", tmp_path / "film.gif", "--pixels", "20")
    refused(2, "seconds long", "animate", moons, "-o", tmp_path / "film.gif", "--seconds", "nan")
    refused(2, "pictures a second", "animate", moons, "-o", tmp_path / "film.gif", "--rate", "0")
    refused(5, "is not a run folder", "animate", tmp_path, "-o", tmp_path / "film.gif")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60, 2)))
    folder = train(tmp_path, tmp_path / "x.npy")
    (tmp_path / "x.npy").unlink()
    refused(5, "gives no film", "animate", folder, "-o", tmp_path / "film.gif")
    shutil.rmtree(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["there.gif"]
