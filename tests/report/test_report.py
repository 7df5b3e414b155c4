"""What a report holds: for every kind of data and every way a run can end, by the page's contract, and exact where it can be."""

import json
import math
import shutil
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

import unstir
from commands import TINY, contents, refused, run
from report_contents import unpacked
from unstir.cli.parts import finishing
from unstir.data import layout, toy
from unstir.diffusion.chains import linear
from unstir.diffusion.continuous import VE, Flow
from unstir.diffusion.oracles import Gaussian
from unstir.encoders.affine import Standardise
from unstir.errors import NumericsError, Stopped, UnstirWarning
from unstir.information.mmse import ErrorCurve
from unstir.plots.plane import principal
from unstir.report import best, forward, information, keeping, packing, reverse, subject, view
from unstir.report import contents as contents_module
from unstir.report.colours import drawn_as
from unstir.report.comparison import comparison_contents
from unstir.runs.folder import Run

FAST = ("--quiet", *TINY)
NASTY = "</script><img src=x onerror=alert(1)>"
SECTIONS = ("answer", "good", "forward", "reverse", "information", "schedules", "hard", "run")


@pytest.fixture(scope="module", autouse=True)
def quick():
    """No figures, and little truth: a second a report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
        patch.setattr("unstir.evaluation.scores.MOST", 300)
        patch.setattr("unstir.evaluation.scores.POOL", 4000)
        patch.setattr(reverse, "WORK", 2e7)
        patch.setattr("unstir.report.information.WORK", 2e7)
        patch.setattr("unstir.training.fitting.LOOK", 1e8)
        patch.setattr("unstir.training.fitting.CURVE", 1e9)
        patch.setattr("unstir.evaluation.memorisation.WORK", 1e9)
        patch.setattr(finishing, "SHOWN", 50)
        yield


def finite(value, where=""):
    """No number that is none, and no text that was not meant as one."""
    if isinstance(value, dict):
        for key, inner in value.items():
            finite(inner, f"{where}.{key}")
    elif isinstance(value, list):
        for inner in value:
            finite(inner, where)
    else:
        assert value is None or isinstance(value, str | int | float), where
        assert not isinstance(value, float) or math.isfinite(value), where


def train(folder, data, *more, code=0):
    out = folder / "run"
    found, _, err = run("train", data, "-o", out, "--steps", "40", *FAST, *more)
    assert found == code, err
    return out


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """A finished run on a toy without classes."""
    return train(tmp_path_factory.mktemp("points"), "swiss_roll", "--data.points", "400")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A finished run on the set whose best denoiser is known, told the class."""
    return train(tmp_path_factory.mktemp("eight"), "eight_gaussians", "--data.points", "400")


def lengths(found, T):
    """The contract's shapes."""
    assert found["format"] == 1
    part = found["forward"]
    for name in ("n", "alpha", "sigma", "log_snr", "alpha_bar"):
        assert len(part[name]) == T + 1
    assert part["n"] == list(range(T + 1))
    assert (part["alpha"][0], part["sigma"][0], part["log_snr"][0]) == (1, 0, None)
    assert part["x0"]["shape"] == part["eps"]["shape"]
    bits = part["bits"]
    assert len(bits["n"]) == len(bits["left"]) <= 101
    assert (np.diff(bits["n"]) > 0).all()
    assert (np.diff(bits["left"]) <= 0).all()
    for one in found["reverse"]["samplers"]:
        assert unpacked(one["states"]).shape[:2] == (len(one["times"]), one["states"]["shape"][1])
        assert len(one["log_snr"]) == len(one["times"])
        assert (one["times"][0], one["times"][-1]) == (pytest.approx(1, abs=0.2), 0)
        assert (np.diff(one["times"]) < 0).all()
    for curve in found["schedules"]["curves"].values():
        assert len(curve["alpha_bar"]) == len(curve["log_snr"]) == len(found["schedules"]["t"]) == 201
    edges = found["hard"]["n"]
    for name in ("training_eps", "held_out_eps", "gaussian_eps", "held_out_x0", "gaussian_x0"):
        assert len(found["hard"][name]) == len(edges) - 1
    for sentences in found["words"].values():
        assert all(isinstance(sentence, str) and sentence for sentence in sentences)
    finite(found)


def test_a_run_on_points(points):
    code, out, err = run("report", points)
    assert (code, out.strip(), err) == (0, str(points / "report.html"), "")
    found = json.loads((points / "report.json").read_text())
    lengths(found, 1000)
    assert all(found[name] for name in SECTIONS)
    assert (found["data"]["kind"], found["status"], found["step"]) == ("points", "finished", 40)
    assert [one["method"] for one in found["reverse"]["samplers"]] == ["ddpm_beta", "ddim", "adams_bashforth3"]
    assert [len(one["times"]) for one in found["reverse"]["samplers"]] == [51, 21, 11]
    assert [one["colour"] for one in found["reverse"]["samplers"]] == [
        drawn_as(way)["colour"] for way in ("ddpm_beta", "ddim", "adams_bashforth3")
    ]
    assert found["answer"]["shares"]["of"] > 0
    starts = [unpacked(one["states"])[0] for one in found["reverse"]["samplers"]]
    np.testing.assert_allclose(starts[0][:16], starts[1][:16], atol=1e-3)  # the same noise for all
    np.testing.assert_allclose(starts[0][:16], starts[2][:16], atol=1e-3)
    x_low, x_high, y_low, y_high = found["forward"]["frame"]
    x0 = unpacked(found["forward"]["x0"])
    assert ((x0 > [x_low, y_low]) & (x0 < [x_high, y_high])).all()
    assert found["run"]["command"].split()[0] == "unstir"
    assert found["run"]["repeat"] == f"unstir train --config {points}/config.toml"
    assert ["optim.steps", "40"] in found["run"]["settings"]
    assert (points / "report.html").read_text().lstrip().startswith("<!")
    assert "bits" in " ".join(found["words"]["information"])
    assert found["words"]["lecture"] == []  # the section "Information" says it


def test_what_is_left_has_the_same_noise_at_every_level_and_bits_that_fall_with_it(points):
    """eps = (x_t - alpha x_0) / sigma is one array for all panels. Catches new noise a level, a level beside another one's picture,
    bits of a number for those of a row, and a table whose parts are another measurement than its sum."""
    found = json.loads((points / "report.json").read_text())["information"]
    held, x0 = found["pictures"]["panels"], unpacked(found["pictures"]["rows"])
    noise = []
    for panel in held:
        alpha, sigma = (1 / math.sqrt(1 + math.exp(sign * panel["log_snr"])) for sign in (-1, 1))
        noise.append((unpacked(panel["noisy"]) - alpha * x0) / sigma)
    for eps in noise[1:]:
        np.testing.assert_allclose(eps, noise[0], atol=0.02)  # log-SNR has three digits
    assert abs(noise[0].std() - 1) < 0.15
    known = [panel["bits"] for panel in held]
    assert known == sorted(known)
    curve = found["curve"]
    width = curve["log_snr"][1] - curve["log_snr"][0]
    at = np.cumsum(curve["bits_per_unit"]) * width * 2
    assert abs(np.interp(held[-1]["log_snr"], np.array(curve["log_snr"]) + width / 2, at) - known[-1]) < 0.1
    assert found["table"][0]["nats"][0] == pytest.approx(found["table"][0]["bits"][0] * 2 * math.log(2))


def test_bits_that_would_take_long_are_named_with_the_command_that_has_them(points, monkeypatch):
    monkeypatch.setattr("unstir.report.information.MOST", 1e3)
    one = subject.of_folder(points)
    found = information.information(one)
    assert (found["curve"], found["table"]) == (None, None)
    assert f"unstir information {points}" in found["said"][0]
    assert len(found["pictures"]["panels"]) == 5


def test_the_closed_form_in_the_page_is_the_models_own(points):
    """x_n = alpha_n x0 + sigma_n eps from what is packed. Catches rows in other units, a row's noise given to another, n from T down."""
    about = subject.of_folder(points)
    part = forward.forward(about)
    x0, eps = unpacked(part["x0"]), unpacked(part["eps"])
    rows = about.encoder.encode(torch.as_tensor(about.data.values[about.shown])).numpy()
    np.testing.assert_allclose(x0, rows, atol=1e-4)
    assert abs(eps.std() - 1) < 0.1
    for n in (0, 1, 500, 1000):
        shown = part["alpha"][n] * x0 + part["sigma"][n] * eps
        exact = linear().diffuse(torch.from_numpy(rows).double(), torch.tensor(n / 1000), torch.from_numpy(eps)).numpy()
        np.testing.assert_allclose(shown, exact, atol=2e-4)
    np.testing.assert_allclose(part["alpha"][1000] * x0 + part["sigma"][1000] * eps, eps, atol=0.02)  # nothing is left
    assert part["alpha_bar"][500] == pytest.approx(0.0785872, abs=1e-6)


def test_bits_left_are_the_closed_form_of_a_gaussian(points):
    """With the oracle's own error in place of a model's. Catches nats, bits a dimension, the SNR of another n, and a curve upside down."""
    about = subject.of_folder(points)
    levels, v = torch.linspace(-10, 14, 481, dtype=torch.float64), torch.tensor([0.5, 1.5], dtype=torch.float64)
    oracle = Gaussian(torch.zeros(2), torch.diag(v))
    curve = ErrorCurve(levels, v / (1 + levels.exp()[:, None] * v))
    object.__setattr__(about, "model", replace(about.model, error=curve))
    found = forward.bits(about)
    for n, left in zip(found["n"], found["left"], strict=True):
        alpha_bar = np.prod(1 - np.linspace(1e-4, 0.02, 1000)[:n])
        snr = alpha_bar / (1 - alpha_bar)
        assert left == pytest.approx(0.5 * np.log2(1 + snr * v.numpy()).sum(), rel=2e-3)
    assert found["exact"] is None
    assert found["n"][0] == 1
    object.__setattr__(about, "best", ErrorCurve(levels, oracle.gaussian_mmse(levels)[:, None]))
    assert forward.bits(about)["exact"] == pytest.approx(found["left"], rel=5e-3)


def test_the_known_set_has_its_exact_values(labelled):
    # Told the class, one Gaussian is left. Catches the mixture's information, three bits more, for a model that knows the class.
    found = contents_module.contents(labelled)
    lengths(found, 1000)
    bits, hard = found["forward"]["bits"], found["hard"]
    assert bits["exact"][0] < 6.5
    assert (np.array(bits["left"]) > np.array(bits["exact"])).mean() > 0.9  # a model is worse than the best
    assert len(hard["best_x0"]) == 20
    assert (np.array(hard["held_out_x0"]) > np.array(hard["best_x0"])).all()
    assert len(hard["levels"]["best"]) == len(hard["levels"]["log_snr"])
    assert "beyond its class" in " ".join(found["words"]["forward"])
    labels = unpacked(found["forward"]["labels"])
    assert set(labels) == set(range(8))
    assert len(unpacked(found["reverse"]["samplers"][0]["labels"])) == found["reverse"]["samplers"][0]["n"]
    data = toy("eight_gaussians", 400, 0)
    oracle = best.eight_gaussians(torch.zeros(2), torch.ones(2))
    assert oracle.log_prob(torch.as_tensor(data.values)).mean() == pytest.approx(
        -np.log(8) - np.log(2 * np.pi * 0.01) - 1, abs=0.1
    )


@pytest.mark.parametrize("kind", ["int16", "uint8"])
def test_what_is_packed_comes_back_to_half_a_step(kind):
    # Catches big endian, one range for all columns, truncation for rounding, and a column that never varies.
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 3, 4)) * [1, 100, 0.01, 0] + [0, 5, -5, 7]
    packed = packing.pack(values, kind)
    span = np.ptp(values.reshape(-1, 4), axis=0)
    assert (np.abs(unpacked(packed) - values).reshape(-1, 4) <= span / (65535 if kind == "int16" else 255) / 1.99 + 1e-12).all()
    assert packed["shape"] == [50, 3, 4]
    assert unpacked(packing.pack_classes(np.array([0, 3, 255]))).tolist() == [0, 3, 255]
    assert packing.pack_classes(np.array([256])) is None


def test_wide_rows_are_seen_along_two_directions(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "wide.npy", rng.normal(size=(120, 2)) @ rng.normal(size=(2, 300)) * 5 + rng.normal(size=(120, 300)))
    found = contents_module.contents(train(tmp_path, tmp_path / "wide.npy"))
    lengths(found, 1000)
    assert (found["data"]["kind"], found["forward"]["show"]) == ("vectors", "points")
    assert found["forward"]["axes"][0].startswith("component 1 (")
    assert unpacked(found["forward"]["x0"]).shape == (120, 2)
    assert unpacked(found["forward"]["x0"]).std(0).max() > 8  # of 17 = sqrt(300): catches two columns, of deviation 1
    assert found["reverse"]["field"] is None
    assert 0 < len(found["good"]["columns"]) <= 60
    assert sum("shares" in column for column in found["good"]["columns"]) == 12
    assert found["good"]["associations"] is None
    assert len(json.dumps(found)) < 2_500_000


@pytest.mark.parametrize(
    ("shape", "kind", "labels"),
    [((8, 8), "images", True), ((3, 9, 8), "images", False), ((40, 2), "sequences", False)],
)
def test_pictures_and_curves(tmp_path, shape, kind, labels):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 255, (60, *shape)).astype(np.uint8)
    rows[(slice(None), *[0] * len(shape))] = 7  # a pixel that never varies
    np.savez(tmp_path / "x.npz", values=rows, **({"labels": np.arange(60) % 2} if labels else {}))
    found = contents_module.contents(train(tmp_path, tmp_path / "x.npz", "--diffusion.T", "50"))
    lengths(found, 50)
    part = found["forward"]
    assert (found["data"]["kind"], part["show"], part["frame"]) == (kind, kind, None)
    x0, decode = unpacked(part["x0"]), part["decode"]
    assert len(x0) <= (36 if kind == "images" else 24)
    assert x0.shape[1:] == {(8, 8): (8, 8), (3, 9, 8): (9, 8, 3), (40, 2): (40, 2)}[shape]
    own = unpacked(decode["shift"]) + unpacked(decode["scale"]) * x0  # the pictures that the data holds, to rounding
    about = subject.of_folder(tmp_path / "run")
    values = about.view.project(torch.as_tensor(about.data.values[about.shown]).double())
    np.testing.assert_allclose(own, values[: len(own)], atol=0.2)
    assert (decode["low"], decode["high"]) == (0, 255)
    assert [one["evaluations"] for one in found["reverse"]["samplers"]] == [50, 20, 10]
    assert np.shape(found["good"]["neighbours"]["pairs"][0]["sample"]) == x0.shape[1:]
    assert len(json.dumps(found)) < 2_500_000


@pytest.mark.parametrize(
    ("shape", "shown"),
    [
        ((70, 60, 3), (35, 30, 3)),
        ((4, 20, 30), (20, 30, 4)),  # with the opacity, which the page lays on white
        ((30, 20, 1), (30, 20)),
        ((100, 97), (34, 33)),
        ((600, 12), (200, 8)),
    ],
)
def test_large_rows_are_thinned_and_their_closed_form_holds(shape, shown):
    # Every k-th pixel of x_t is x_t of every k-th pixel. Catches means over pixels, whose noise is fainter, and channels taken for rows.
    x = torch.arange(2 * math.prod(shape), dtype=torch.float64).reshape(2, *shape)
    encoder = Standardise(torch.zeros(shape), torch.ones(shape))
    look = view.view_of(shape, layout(shape), (), x, encoder, (0, 1))
    found = look.project(x)
    assert found.shape == (2, *shown)
    assert set(found.flatten()) <= set(x.flatten().tolist())
    assert found[0].flat[0] == 0
    assert found[1, 1, 1].max() > found[1, 0, 0].min()


def test_one_column_is_seen_as_pairs_of_rows(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(200, 1)))
    found = contents_module.contents(train(tmp_path, tmp_path / "x.npy"))
    lengths(found, 1000)
    assert unpacked(found["forward"]["x0"]).shape == (100, 2)
    assert found["forward"]["axes"] == ["x0 (standardised)", "x0 of another row (standardised)"]
    assert found["good"]["neighbours"]["pairs"]


@pytest.mark.parametrize("schedule", ["ve", "flow"])
def test_a_process_that_was_never_a_chain(tmp_path, schedule):
    # Catches noise of deviation 80, a hundred times outside the frame.
    found = contents_module.contents(train(tmp_path, "moons", "--data.points", "100", "--schedule", schedule))
    lengths(found, 1000)
    assert found["hard"]["unit"] == "t"
    assert max(found["forward"]["sigma"]) <= 1
    assert np.abs(unpacked(found["reverse"]["samplers"][0]["states"])[0]).max() < 6
    s = {"ve": VE(), "flow": Flow()}[schedule]
    t = torch.tensor(0.3, dtype=torch.float64)
    assert found["forward"]["log_snr"][300] == pytest.approx(s.log_snr(t).item(), abs=1e-4)
    ratio = found["forward"]["alpha"][300] / found["forward"]["sigma"][300]
    assert 2 * math.log(ratio) == pytest.approx(s.log_snr(t).item(), abs=1e-4)


def test_the_density_and_the_arrows_of_the_plane(points):
    """Of noise alone both are known: N(0, I), and arrows of length |x| to the middle. Catches x and y exchanged and rows from above."""
    about = subject.of_folder(points)
    found = reverse.field(about.model, [-3.0, 3.0, -2.0, 4.0])
    arrows, density = unpacked(found["arrows"]), unpacked(found["density"])
    assert arrows.shape == (9, 21, 21, 2)
    assert density.shape == (9, 64, 64)
    assert np.abs(np.hypot(*np.moveaxis(arrows, -1, 0))).max() < 3.01
    y, x = np.meshgrid(np.linspace(-2, 4, 64), np.linspace(-3, 3, 64), indexing="ij")
    np.testing.assert_allclose(density[0], np.exp(-(x**2 + y**2) / 2), atol=0.06)
    assert [unpacked(found["density"])[k].max() for k in range(9)] == [1] * 9


def test_a_run_that_was_stopped_or_failed_is_shown_as_it_is(tmp_path, monkeypatch):
    """By its newest checkpoint, or without a model where there is none. Catches a traceback, a lock, and a folder that is changed."""

    def ends(error):
        steps = unstir.runs.record.Recording.steps

        def some(self):
            for step in steps(self):
                yield step
                if step.number == 20:
                    if not isinstance(error, NumericsError):
                        self.save()
                    raise error

        return some

    for name, error, code in (
        ("failed", NumericsError("step 21: the loss is not finite"), 4),
        ("stopped", Stopped("stopped.", 130), 130),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(unstir.runs.record.Recording, "steps", ends(error))
            folder = train((tmp_path / name), "moons", "--data.points", "100", code=code)
        before = contents(folder)
        with pytest.warns(UnstirWarning, match="of 40: .*newest checkpoint") if name == "stopped" else nullcontext():
            found = contents_module.contents(folder)
        assert contents(folder) == before
        assert (found["status"], found["step"], found["steps"]) == (name, 20, 40)
        assert found["why"]
        assert found["forward"]
        assert found["hard"]
        finite(found)
        assert bool(found["reverse"]) == (name == "stopped")
        assert bool(found["good"]) == (name == "stopped")
        said = " ".join(found["words"]["run"])
        assert ("step 20" in said) if name == "stopped" else ("no model yet" in said)
        assert run("report", folder)[0] == 0


def test_a_run_that_was_killed_is_not_running_and_one_that_is_held_is(points, tmp_path):
    # Catches a page that reloads itself for ever. The lock, not run.json, says whether somebody is at work.
    folder = shutil.copytree(points, tmp_path / "run")
    about = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(about | {"status": "running"}))
    found = contents_module.contents(folder)
    assert found["status"] == "stopped"
    assert f"`unstir resume {folder}`" in found["why"]
    with Run.open(folder):
        assert contents_module.contents(folder)["status"] == "running"
    (folder / ".lock").unlink()
    assert contents_module.contents(folder)["status"] == "stopped"


def test_a_page_begins_with_the_answer_and_shows_each_column_of_a_table(tmp_path):
    """Catches a page on which a person has to scroll past five sections to learn whether the model is any good."""
    rng = np.random.default_rng(0)
    years = rng.integers(1990, 2024, 300)
    rows = "\n".join(
        f"{year},{height:.3f}" for year, height in zip(years, (years - 1990) / 10 + rng.normal(size=300), strict=True)
    )
    (tmp_path / "t.csv").write_text(f"year,height [m]\n{rows}\n")
    folder = train(tmp_path, tmp_path / "t.csv")
    assert run("report", folder)[0] == 0
    found, page = json.loads((folder / "report.json").read_text()), (folder / "report.html").read_text()
    places = [page.index(f'<section id="{name}"') for name in SECTIONS]
    assert places == sorted(places)
    assert page.index("Is it honest?") < places[1] < page.index("How each column is distributed") < places[2]
    (year,) = (column for column in found["good"]["columns"] if column["name"] == "year")
    assert (year["shares"]["low"], year["shares"]["high"]) == (1990, 2023)
    assert sum(year["shares"]["true"]) + sum(year["shares"]["true_beyond"]) == pytest.approx(1, abs=1e-3)
    assert "<span>1990</span><span>2023</span>" in page
    together = found["good"]["associations"]
    assert together["names"] == ["year", "height [m]"]
    assert together["true"][0][1] == pytest.approx(np.corrcoef(years, (years - 1990) / 10)[0, 1] * 0.69, abs=0.15)


def test_data_that_has_gone_leaves_what_the_model_knows(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(100, 5)))
    folder = train(tmp_path, tmp_path / "x.npy")
    (tmp_path / "x.npy").unlink()
    found = contents_module.contents(folder)
    finite(found)
    assert [bool(found[name]) for name in SECTIONS] == [False, False, False, True, False, True, True, True]
    assert found["reverse"]["samplers"][0]["scores"] == []
    assert found["hard"]["gaussian_eps"] == [None] * 20
    assert "The data cannot be read" in found["words"]["forward"][0]


def test_names_from_strangers_pass_through_as_text(tmp_path):
    (tmp_path / "x.csv").write_text(
        "\n".join([f'"{NASTY}",b,c', *(f"{i % 7},{i % 5},{NASTY if i % 2 else 'z'}" for i in range(80))]) + "\n"
    )
    folder = train(tmp_path, tmp_path / "x.csv", "--data.labels", "c")
    assert run("report", folder)[0] == 0
    found = json.loads((folder / "report.json").read_text())
    assert found["data"]["names"][0] == NASTY
    assert NASTY in found["data"]["classes"]
    assert found["forward"]["axes"][0] == f"{NASTY} (standardised)"
    assert "<img src=x" not in (folder / "report.html").read_text()


def test_the_command_and_what_it_refuses(points, tmp_path):
    code, out, err = run("report", points, "-o", tmp_path / "sub" / "page.html", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["report"] == str(tmp_path / "sub" / "page.html")
    assert found["sections"] == list(SECTIONS)
    assert found["bytes"] == (tmp_path / "sub" / "page.html").stat().st_size < 3_000_000
    refused(5, "exists already", "report", points, "-o", tmp_path / "sub" / "page.html")
    refused(2, ".html", "report", points, "-o", tmp_path / "page.pdf")
    refused(5, "is not a run folder", "report", tmp_path)


def test_a_page_as_it_trains_and_the_same_model(tmp_path, points, monkeypatch):
    """Written at each look, in full at the end. Catches a page that changes what is trained."""
    written = []
    write = keeping.write_report

    def remember(page, found):
        written.append((found["status"], found["step"], bool(found["reverse"]), found["hard"] is not None))
        return write(page, found)

    monkeypatch.setattr(keeping, "write_report", remember)
    monkeypatch.setattr(contents_module, "FIRST_GUESS", 0.0)
    monkeypatch.setattr(keeping, "SOONEST", 0.0)
    folder = train(tmp_path, "swiss_roll", "--data.points", "400", "--report")
    steps = [step for status, step, *_ in written if status == "running"]
    assert steps[-1] == 40
    assert len(steps) > 5
    assert written[0][2:] == (True, True)
    assert written[-1][:2] == ("finished", 40)
    assert (folder / "report.html").exists()
    one, other = (contents(f / "model")[next(iter(contents(f / "model")))] for f in (folder, points))
    assert (folder / "model" / "model.safetensors").read_bytes() == (points / "model" / "model.safetensors").read_bytes(), (
        one,
        other,
    )


def test_a_comparison(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(200, 2)))
    folder = tmp_path / "c"
    tiny = ("--steps", "3", "--diffusion.T", "20", "-n", "50", "--seeds", "2", "--quiet", *TINY)
    code, _, err = run(
        "compare", "schedules", tmp_path / "x.npy", "--only", "linear,cosine", "--target", "v", "-o", folder, *tiny
    )
    assert code == 0, err
    found = json.loads((folder / "report.json").read_text())
    finite(found)
    assert (folder / "report.html").exists()
    part, results = found["comparison"], json.loads((folder / "results.json").read_text())
    assert (part["what"], part["seeds"], part["steps"]) == ("schedules", 2, 3)
    assert [column["verdict"] for column in part["columns"]] == [one["verdict"] for one in results["verdicts"]]
    assert [cell["name"] for cell in part["columns"][0]["cells"]] == ["linear", "cosine"]
    assert part["columns"][0]["cells"][1]["scores"] == results["table"][1]["scores"]
    assert [[panel["name"] for panel in way["panels"]] for way in part["samples"]] == [["data", "linear", "cosine"]] * 3
    assert unpacked(part["samples"][0]["panels"][0]["rows"]).shape[1] == 2
    # Catches colours by order: on every page and in every figure linear has the first colour and cosine the second.
    assert [[panel["colour"] for panel in way["panels"]] for way in part["samples"]] == [["soft", "c1", "c2"]] * 3
    assert {(cell["name"], cell["colour"]) for column in part["columns"] for cell in column["cells"]} == {
        ("linear", "c1"),
        ("cosine", "c2"),
    }
    assert found["schedules"]["chosen"] is None
    shutil.move(tmp_path / "x.npy", tmp_path / "gone.npy")
    assert comparison_contents(folder)["comparison"]["samples"] == []
    assert run("report", folder)[0] == 0


def test_two_directions_where_there_is_only_one():
    # Catches a division by a spread of 0.
    rows = torch.arange(10.0)[:, None] * torch.tensor([[1.0, 2.0, 2.0]])
    directions, shares = principal(rows.numpy())
    np.testing.assert_allclose(directions.T @ directions, np.eye(2), atol=1e-9)
    assert shares == pytest.approx([1, 0], abs=1e-9)
