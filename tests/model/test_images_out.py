"""What comes out of a model of images: grids, folders of PNGs, rows that are filled in, and ways from one row to another."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import unstir
from commands import contents, refused, run
from unstir import files
from unstir.cli.parts.grid import value_span
from unstir.cli.parts.rows_in import read_mask
from unstir.data import check_path
from unstir.data.formats.images import in_a_file_name
from unstir.data.layouts import channels_last, layout, picture_layout
from unstir.diffusion.chains import cosine, linear
from unstir.diffusion.continuous import Flow
from unstir.diffusion.denoiser import target
from unstir.diffusion.guidance import inpainted
from unstir.diffusion.oracles import Gaussian
from unstir.diffusion.schedules import schedule
from unstir.encoders.affine import Standardise
from unstir.errors import DataError, UsageError
from unstir.information.mmse import ErrorCurve
from unstir.model.card import Card
from unstir.model.editing import slerp
from unstir.model.model import Model
from unstir.plots.grids import MOST, SIDE, arrange, as_bytes, beside, curves, pictures
from unstir.runs.data import span

pytestmark = pytest.mark.usefixtures("brief")

SMALL = {"width": 8, "depth": 1, "batch_size": 16, "steps": 2}


def rng():
    return np.random.default_rng(0)


def pixels(image):
    found = np.asarray(image)
    return found[..., None] if found.ndim == 2 else found


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


def arrays(path):
    """The arrays of a .npz file, which is closed again: one left open fails whichever test runs when it is collected."""
    with np.load(path) as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Models of images and others, hardly trained."""
    folder = tmp_path_factory.mktemp("images")
    noise = rng()
    kinds = np.array(["ankle boot", "../bag", "coat"])[np.arange(60) % 3]
    unstir.fit(noise.integers(0, 256, (60, 9, 8), dtype=np.uint8), kinds, **SMALL).save(folder / "grey")
    unstir.fit(noise.integers(0, 65536, (60, 8, 9), dtype=np.uint16), **SMALL).save(folder / "deep")
    unstir.fit(noise.integers(0, 256, (60, 3, 8, 10), dtype=np.uint8), **SMALL).save(folder / "colour")
    for name, shape in (("thirteen", (13, 8, 8)), ("strokes", (40, 2)), ("points", (2,))):
        unstir.fit(noise.normal(size=(60, *shape)).cumsum(1).astype(np.float32), **SMALL).save(folder / name)
    floats = noise.normal(size=(60, 8, 8)).astype(np.float32)
    unstir.fit(floats, **SMALL).save(folder / "floats")
    return folder


# ---- one picture


@pytest.mark.parametrize(
    ("shape", "mode"),
    [
        ((9, 8), "L"),
        ((9, 8, 1), "L"),
        ((1, 9, 8), "L"),
        ((9, 8, 3), "RGB"),
        ((3, 9, 8), "RGB"),
    ],
)
def test_every_pixel_of_every_sample_is_in_the_picture(shape, mode):
    """Catches a transposed cell, channels that are reshaped rather than moved, samples by columns, smoothing, and a gap that covers pixels."""
    x = rng().integers(0, 256, (7, *shape), dtype=np.uint8)
    places = arrange(7, 9, 8)
    image = pictures(x, layout(shape), places, (0, 255))
    assert image.mode == mode
    small = pixels(image)[:: places.factor, :: places.factor]
    assert (pixels(image) == small.repeat(places.factor, 0).repeat(places.factor, 1)).all()
    channels = min(set(shape) & {1, 3, 4}, default=1)
    for i in range(7):
        y, left = 10 * (i // 3), 9 * (i % 3)
        cell = small[y : y + 9, left : left + 8]
        for c in range(channels):
            ours = x[i] if len(shape) == 2 else x[i][c] if shape[0] == channels else x[i][..., c]
            assert (cell[..., c] == ours).all()
    assert small.shape == (3 * 10 - 1, 3 * 9 - 1, channels)
    assert (small[9::10] == 255).all()
    assert (small[:, 8::9] == 255).all()
    assert (small[20:, 9:] == 255).all()  # the last row has one cell only


def test_every_size_is_large_enough_to_see_and_fits():
    # Catches a limit on one side only, a factor of zero, a cell that is lost or shown twice, and more cells than fit.
    for height, width in ((8, 8), (28, 28), (17, 23), (64, 48), (8, 31), (256, 256), (1500, 700), (3000, 10)):
        for n in (1, 2, 64, 5000):
            places = arrange(n, height, width)
            f = places.factor
            tall, wide = f * (len(places.rows) * (height + 1) - 1), f * (max(map(len, places.rows)) * (width + 1) - 1)
            assert wide <= max(MOST, width)
            assert tall <= max(MOST, height)
            assert f * min(height, width) >= SIDE or f * max(height, width) > MOST / 2
            assert f == 1 or (f - 1) * min(height, width) < SIDE
            assert [i for row in places.rows for i in row] == list(range(places.shown))
            assert places.shown == n or n * height * width * f * f > 0.6 * MOST**2 or max(height, width) > MOST / 2
    assert len(arrange(64, 28, 28).rows) == 8  # in a square, where there is room


@pytest.mark.parametrize("shape", [(9, 8, 4), (4, 9, 8)])
def test_an_opacity_is_seen_on_white(shape):
    """Catches the colours of transparent pixels, which no viewer shows and which are often black, and an opacity that is taken for a colour."""
    x = np.zeros((2, 9, 8, 4), dtype=np.uint8)
    x[0] = 200, 100, 0, 255  # opaque
    x[1] = 200, 100, 0, 51  # a fifth
    x[1, 0] = 10, 20, 30, 0  # nothing is seen of it
    x = x if shape[-1] == 4 else np.moveaxis(x, -1, 1)
    found = pixels(pictures(x, layout(x.shape[1:]), arrange(2, 9, 8), (0, 255)))[::8, ::8]
    assert found.shape[-1] == 3
    first, second = found[:9, :8], found[:9, 9:17]
    assert (first == (200, 100, 0)).all()
    assert (second[1:] == (244, 224, 204)).all()  # 255 - (255 - c) / 5
    assert (second[0] == 255).all()


def test_with_classes_each_has_a_row_of_as_many_where_there_is_room():
    # Catches rows by order of appearance, a class whose row is another's because one in between is empty, classes that seem rarer because
    # chance drew fewer of them, and one very rare class that leaves a single image of each.
    ids = np.array([2, 0, 1, 2, 2, 0, 1])
    assert arrange(7, 8, 8, ids).rows == [[1, 5], [2, 6], [0, 3]]
    assert arrange(7, 8, 8, ids).by_class
    assert arrange(3, 8, 8, np.array([2, 0, 2])).rows == [[1], [0]]
    rare = np.array([0] * 9 + [1] * 8 + [2])
    assert list(map(len, arrange(18, 8, 8, rare).rows)) == [8, 8, 1]
    many = arrange(300, 28, 28, np.arange(300))
    assert not many.by_class
    assert many.rows[0] == list(range(18))


@pytest.mark.parametrize(
    "name", ["cat", "a name of a class that is so long that it does not fit beside its line", "x_$1^2$", "\ue000"]
)
def test_the_name_of_a_class_stands_beside_its_line_and_covers_no_cell(name):
    # Catches names above each other, a name cut off at the left edge, and cells that moved.
    cells = Image.new("L", (100, 129), 128)
    image = np.asarray(beside(cells, ["a", name]))
    margin = image.shape[1] - 100
    assert (image[:, margin:] == np.asarray(cells)).all()
    assert margin <= 240
    assert (image[:, :4] == 255).all()
    for line in (image[:65, :margin], image[65:, :margin]):
        inked = np.flatnonzero((line < 128).any(axis=1))
        assert inked.size
        assert abs(inked.mean() - 32) < 6


def test_all_samples_have_one_scale_of_grey():
    """Eq. (1). Catches each picture stretched to its own contrast, values beyond the span that wrap, and 16 bits cut to the lower 8."""
    assert as_bytes(np.array([0, 1, 254, 255], dtype=np.uint8), (0, 255)).tolist() == [0, 1, 254, 255]
    assert as_bytes(np.array([0, 257, 65535], dtype=np.uint16), (0, 65535)).tolist() == [0, 1, 255]
    x = np.array([-3.0, -1.0, 0.0, 0.5, 1.0, 9.0])
    assert as_bytes(x, (-1.0, 1.0)).tolist() == [0, 0, 128, 191, 255, 255]
    assert as_bytes(np.zeros(2), (0.0, 0.0)).tolist() == [0, 0]  # data of one value
    half = np.stack([np.full((8, 8), 0.25), np.full((8, 8), 0.75)])
    found = pixels(pictures(half, layout((8, 8)), arrange(2, 8, 8), (0.0, 1.0)))
    assert sorted(set(found.ravel().tolist())) == [64, 191, 255]


def test_rows_that_are_no_pictures_say_why():
    # Catches thirteen channels of which three are shown as if they were colours.
    for shape in ((13, 16, 16), (2, 16, 16), (16, 16, 2), (5,), (2, 3, 4, 5)):
        with pytest.raises(UsageError, match="1 channel for grey, 3 for RGB or 4 for RGBA"):
            picture_layout(layout(shape), shape)
    assert channels_last(np.zeros((2, 3, 8, 9)), layout((3, 8, 9))).shape == (2, 8, 9, 3)


def test_sequences_are_curves_each_in_its_cell_with_the_high_end_up():
    # Catches a picture upside down, a scale of its own for each cell, cells by columns, a colour for each row,
    # and one scale for channels of different units.
    low, high = np.zeros((20, 1)), np.ones((20, 1))
    x = np.stack([low, high, low, low])
    image = np.asarray(curves(x, arrange(4, 96, 144), np.zeros(1), np.ones(1)), dtype=int)
    assert image.shape == (3 * 97 - 1, 2 * 145 - 1, 3) or image.shape == (2 * 97 - 1, 2 * 145 - 1, 3)
    where = np.argwhere((image[..., 2] > image[..., 0] + 60) & (image[..., 2] > 100))  # blue
    for cell, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        inside = where[(where // (97, 145) == (row, column)).all(1)]
        share = (inside[:, 0] - 97 * row).mean() / 96
        assert share == pytest.approx(0.08 if cell == 1 else 0.92, abs=0.02), cell
        assert len(set(inside[:, 1].tolist())) > 0.85 * 144
    two = np.asarray(curves(np.concatenate([x, 50 + 0 * x], -1), arrange(4, 96, 144), np.zeros(2), np.array([1, 100])), dtype=int)
    assert ((two[..., 0] > two[..., 2] + 100).sum(1) > 100).any()  # the second channel, orange


def test_the_span_is_that_of_the_data_and_not_of_the_samples(runs, tmp_path):
    """The bounds of its type, else the training data's values, else what the encoder knows. Catches a bad model that looks good because
    its samples were stretched to full contrast, and a span in the model's own units."""
    floats = rng().normal(size=(60, 8, 8)).astype(np.float32)
    assert value_span(tmp_path, unstir.load(runs / "colour")) == (0.0, 255.0)
    standard = unstir.fit(floats, **SMALL)
    low, high = value_span(tmp_path, standard)
    two = torch.full((8, 8), 2.0)
    assert low == pytest.approx(standard.encoder.decode(-two).min().item())
    assert high == pytest.approx(standard.encoder.decode(two).max().item())
    scaled = unstir.fit(floats, encoder="min_max", **SMALL)
    assert value_span(tmp_path, scaled) == pytest.approx((floats.min(), floats.max()), rel=0.1)  # of the rows not held out
    statistics = {"min": floats.min(0).ravel().tolist(), "max": floats.max(0).ravel().tolist()}
    (tmp_path / "data.json").write_text(json.dumps({"bounds": None, "statistics": statistics}))
    assert value_span(tmp_path, standard) == pytest.approx((floats.min(), floats.max()))
    assert span({"bounds": None, "statistics": {"min": [0, -1], "max": [2, 1]}}) == (-1, 2)
    assert span({"bounds": [0, 255], "statistics": {"min": [0, 9], "max": [0, 200]}}) == (0, 255)
    assert span({"bounds": [0, 255], "statistics": {"min": [0, 0], "max": [0, 0]}}) == (0, 255)
    dim = {"bounds": [0, 255], "statistics": {"min": [3, 2], "max": [16, 9]}}  # digits in bytes: they were black
    (tmp_path / "data.json").write_text(json.dumps(dim))
    assert value_span(tmp_path, unstir.load(runs / "colour")) == (0, 16)


def test_a_grid_comes_besides_the_samples(runs, tmp_path):
    """Catches --grid that changes what is drawn, and a picture of other samples."""
    assert run("sample", runs / "colour", "-n", "12", "-o", tmp_path / "a.npy")[0] == 0
    code, out, err = run("sample", runs / "colour", "-n", "12", "-o", tmp_path / "b.npy", "--grid", tmp_path / "new" / "g.png")
    assert (code, err) == (0, "")
    assert out.split() == [str(tmp_path / "b.npy"), str(tmp_path / "new" / "g.png")]
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    x = np.load(tmp_path / "a.npy")
    ours = pictures(x, layout(x.shape[1:]), arrange(12, 8, 10), (0, 255))
    assert (pixels(opened(tmp_path / "new" / "g.png")) == pixels(ours)).all()
    _, out, _ = run("sample", runs / "floats", "-n", "5", "-o", tmp_path / "c.npy", "--grid", tmp_path / "c.png", "--json")
    assert json.loads(out)["grid"] == str(tmp_path / "c.png")
    assert opened(tmp_path / "c.png").mode == "L"


def test_a_grid_of_a_model_with_classes_has_a_line_a_class(runs, tmp_path):
    # Catches rows that are labelled in another order than they are drawn.
    code, _, err = run("sample", runs / "grey", "-n", "30", "-o", tmp_path / "a.npz", "--grid", tmp_path / "a.png")
    assert code == 0
    drawn = arrays(tmp_path / "a.npz")
    each = min((drawn["labels"] == name).sum() for name in ("../bag", "ankle boot", "coat"))
    assert err == f"{tmp_path / 'a.png'} shows {each} of each of 3 classes, of 30 samples.\n"
    found = pixels(opened(tmp_path / "a.png"))
    found = found[::8, found.shape[1] - 8 * (9 * each - 1) :: 8, 0]  # right of the names
    for row, name in enumerate(("../bag", "ankle boot", "coat")):
        for column, x in enumerate(drawn["values"][drawn["labels"] == name][:each]):
            assert (found[10 * row : 10 * row + 9, 9 * column : 9 * column + 8] == x).all()
    arguments = ("--class", "coat", "-o", tmp_path / "b.npz", "--grid", tmp_path / "b.png")
    assert run("sample", runs / "grey", "-n", "9", *arguments)[2] == ""
    assert opened(tmp_path / "b.png").size == (8 * 35, 8 * 29)  # four across, three down


def test_what_a_picture_leaves_out_is_said(runs, tmp_path):
    _, _, err = run("sample", runs / "deep", "-n", "2000", "--steps", "1", "-o", tmp_path / "a.npy", "--grid", tmp_path / "a.png")
    shown = arrange(2000, 8, 9).shown
    assert err == f"{tmp_path / 'a.png'} shows {shown:,} of the 2,000 samples: more do not fit into one picture.\n"


def test_sequences_have_a_grid_too(runs, tmp_path):
    assert run("sample", runs / "strokes", "-n", "6", "-o", tmp_path / "a.npy", "--grid", tmp_path / "a.png")[0] == 0
    image = np.asarray(opened(tmp_path / "a.png"))
    assert image.shape[2] == 3
    assert (image < 200).any()


def test_a_grid_that_cannot_be_is_refused_before_anything_is_drawn(runs, tmp_path):
    # Catches samples that are written before the grid fails, and one that overwrites.
    (tmp_path / "there.png").write_bytes(b"mine")
    before = contents(tmp_path)
    for code, said, name, grid in (
        (2, "a grid is a .png file", "grey", "g.jpg"),
        (2, "(13, 8, 8) are no pictures", "thirteen", "g.png"),
        (2, "(2,) are no pictures", "points", "g.png"),
        (5, "exists already", "grey", "there.png"),
    ):
        refused(code, said, "sample", runs / name, "-n", "3", "-o", tmp_path / "a.npy", "--grid", tmp_path / grid)
        assert contents(tmp_path) == before


# ---- folders of PNGs


def test_a_folder_holds_the_samples_to_the_last_bit(runs, tmp_path):
    """The same samples as in a .npy file. Catches JPEG, channels in the wrong place, and 16 bits that became 8."""
    for name, mode in (("colour", "RGB"), ("deep", "I;16")):
        assert run("sample", runs / name, "-n", "12", "-o", tmp_path / f"{name}.npy")[0] == 0
        code, out, _ = run("sample", runs / name, "-n", "12", "-o", tmp_path / name)
        assert (code, out) == (0, f"{tmp_path / name}\n")
        x = np.load(tmp_path / f"{name}.npy")
        x = channels_last(x, layout(x.shape[1:]))
        files = sorted((tmp_path / name).iterdir())
        assert [file.name for file in files] == [f"{i:05d}.png" for i in range(12)]
        for file, row in zip(files, x, strict=True):
            image = opened(file)
            assert (image.format, image.mode) == ("PNG", mode)
            assert (pixels(image) == row).all()


def test_a_class_is_a_sub_folder(runs, tmp_path):
    """Catches a class called ../bag that is written outside, and pictures in another class's folder."""
    assert run("sample", runs / "grey", "-n", "20", "-o", tmp_path / "all.npz")[0] == 0
    assert run("sample", runs / "grey", "-n", "20", "-o", f"{tmp_path}/new/out.of/")[0] == 0
    drawn = arrays(tmp_path / "all.npz")
    assert {path.name for path in tmp_path.iterdir()} == {"all.npz", "new"}
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"out.of"}
    names = {label: in_a_file_name(label) for label in ("../bag", "ankle boot", "coat")}
    assert names["coat"] == "coat"
    assert names["ankle boot"] == "ankle boot"
    assert {path.name for path in (tmp_path / "new" / "out.of").iterdir()} == set(names.values())
    for i, (row, label) in enumerate(zip(drawn["values"], drawn["labels"], strict=True)):
        found = opened(tmp_path / "new" / "out.of" / names[label] / f"{i:05d}.png")
        assert (np.asarray(found) == row).all()


def test_the_name_of_a_class_never_leaves_its_folder_and_never_meets_another():
    labels = ["", ".", "..", "../a", "a/b", "a_b", "a\0b", "/", "~", ".hidden", "x" * 300, "x" * 301, "coat"]
    names = [in_a_file_name(label) for label in labels]
    assert len(set(names)) == len(labels)
    assert all(name and not name.startswith(".") and "/" not in name and "\0" not in name and len(name) < 60 for name in names)


def test_a_folder_that_cannot_be_is_refused_and_none_is_half_there(runs, tmp_path, monkeypatch):
    # Catches floats cut to whole numbers, a folder that is written into, and half of one where the disk was full.
    (tmp_path / "there").mkdir()
    for code, said, name, out in (
        (2, "these samples are float32. Use a .npy file", "floats", "new"),
        (2, "are no pictures", "points", "new"),
        (5, "exists already", "grey", "there"),
        (2, "into a folder, out/", "grey", "a.gif"),
    ):
        refused(code, said, "sample", runs / name, "-n", "3", "-o", tmp_path / out)
    deep = unstir.fit(rng().integers(0, 65536, (40, 8, 8, 3), dtype=np.uint16), **SMALL)
    with pytest.raises(UsageError, match="uint16 in RGB"):
        check_path(tmp_path / "new", deep.card.shape, deep.card.dtype)
    written = []

    def full(path, content):
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr(files, "write_file", full)
    refused(5, "No space left", "sample", runs / "grey", "-n", "5", "-o", tmp_path / "new")
    assert len(written) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


# ---- rows that are partly known


class Exact(torch.nn.Module):
    """The network of a perfect model: its denoiser is an oracle's."""

    def __init__(self, denoise):
        super().__init__()
        self.denoise, self.scale = denoise, torch.nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x, t, cond):  # noqa: ARG002
        return self.denoise(x, t[0].double())


def gaussian(d=6):
    """A Gaussian with strong correlations, of mean 0 and variances about 1."""
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(d, d, dtype=torch.float64, generator=generator)
    covariance = factor @ factor.T / d + 0.05 * torch.eye(d, dtype=torch.float64)
    return Gaussian(torch.randn(d, dtype=torch.float64, generator=generator), covariance)


def perfect(oracle, name="linear", **card):
    """A model, in the units of its data, whose network is the oracle's own denoiser."""
    d = oracle.dimension
    process = schedule(name)
    settings = {
        "shape": (d,),
        "axes": "ND",
        "schedule": name,
        "schedule_settings": {},
        "target": "x0",
        "network": "",
        "network_settings": {},
    }
    encoder = Standardise(torch.zeros(d, dtype=torch.float64), torch.ones(d, dtype=torch.float64))
    error = ErrorCurve(torch.tensor([-1.0, 1.0]).double(), torch.ones(2, d).double())
    card = Card(**settings, encoder="standardise", dtype="float64", **card)
    return Model(card, Exact(oracle.denoise(process)), encoder, error, torch.ones(d).double(), process, target(card.target))


def given(oracle, y, mask):
    """Mean and covariance of the elements that are not known, given those that are."""
    mean, S = oracle.means[0], oracle.covariances[0]
    gain = S[~mask][:, mask] @ torch.linalg.inv(S[mask][:, mask])
    return mean[~mask] + gain @ (y[mask] - mean[mask]), S[~mask][:, ~mask] - gain @ S[mask][:, ~mask]


MASK = torch.tensor([True, False, True, False, False, True])


@pytest.mark.parametrize("process", [linear(), cosine(), Flow()], ids=["linear", "cosine", "flow"])
def test_the_conditional_denoiser_of_a_gaussian_is_exact(process):
    """E[x_0 | x_t, y] by Gauss's own rule for (x_0, x_t, y), at every noise level: eq. (2) is exact there.

    Catches known elements that are only put into x0_hat, a wrong covariance (Pi-GDM's c I), and a slope of the wrong time.
    """
    oracle = gaussian()
    x = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = oracle.sample(1, torch.Generator().manual_seed(2)).expand(5, 6)
    mean, S = oracle.means[0], oracle.covariances[0]
    for t in torch.tensor([0.02, 0.2, 0.5, 0.8, 0.95], dtype=torch.float64):
        alpha, sigma = process(t)
        unit = torch.eye(6, dtype=torch.float64)
        joint = torch.cat(
            [
                torch.cat([alpha**2 * S + sigma**2 * unit, alpha * S[:, MASK]], 1),
                torch.cat([alpha * S[MASK], S[MASK][:, MASK]], 1),
            ]
        )
        seen = torch.cat([x - alpha * mean, (y - mean)[:, MASK]], 1)
        exact = mean + seen @ torch.linalg.solve(joint, torch.cat([alpha * S, S[MASK]]))
        found = inpainted(oracle.denoise(process), y, MASK.expand(5, 6))(x, t)
        torch.testing.assert_close(found, exact, rtol=1e-6, atol=1e-6)
        assert (found[:, MASK] == y[:, MASK]).all()
        assert (inpainted(oracle.denoise(process), y, MASK.expand(5, 6) & False)(x, t) == oracle.denoise(process)(x, t)).all()


def test_inpainting_a_gaussian_has_the_conditional_mean_and_covariance():
    """4,000 rows by the guess of one particle: whitened by the exact conditional law they are standard normal. Known elements put into
    x0_hat alone are 0.67 standard deviations off with 1.24 times the variance; RePaint's 5 resamplings 0.23 to 0.32 off, Pi-GDM 0.38."""
    oracle, n = gaussian(), 4000
    y = oracle.sample(1, torch.Generator().manual_seed(2))[0]
    mean, covariance = given(oracle, y, MASK)
    x = perfect(oracle, "cosine").inpaint(y.expand(n, 6).numpy(), MASK.numpy(), steps=50, particles=1)
    assert (x[:, MASK] == y[MASK].numpy()).all()
    white = torch.linalg.solve_triangular(
        torch.linalg.cholesky(covariance), (torch.from_numpy(x)[:, ~MASK] - mean).T, upper=False
    )
    assert white.mean(1).abs().max() < 4 / n**0.5
    assert (torch.cov(white) - torch.eye(3)).abs().max() < 6 / n**0.5


def test_what_is_known_comes_back_exactly_and_what_is_not_does_not_matter(runs):
    # Catches known values that went through float32 and back, rounding that shifts pixels, and holes that are read.
    noise = rng()
    model = unstir.load(runs / "colour")
    x = noise.integers(0, 256, (5, 3, 8, 10), dtype=np.uint8)
    mask = noise.random((8, 10)) < 0.5
    made = model.inpaint(x, mask, steps=4)
    assert (made.dtype, made.shape) == (np.uint8, x.shape)
    assert (made[:, :, mask] == x[:, :, mask]).all()
    holed = np.where(mask, x, np.nan)
    assert (model.inpaint(holed, mask, steps=4) == made).all()
    assert (model.inpaint(x, np.ones((8, 10)), steps=2) == x).all()
    assert (model.inpaint(x, mask, steps=4, seed=1) != made).any()
    grey = unstir.load(runs / "grey")
    one = grey.inpaint(x[:3, 0, :, :8].repeat(2, 1)[:, :9], False, steps=2, given="coat")
    assert one.shape == (3, 9, 8)
    for wrong, said in ((np.full((8, 10), 0.5), "nothing else"), (np.ones((10, 8)), "does not fit"), (["a"], "real numbers")):
        with pytest.raises(DataError, match=said):
            model.inpaint(x, wrong)


def test_a_slope_that_is_no_covariance_does_not_blow_up():
    # A network's slope can be anything where it is unsure. Catches a division by a curvature that is next to nothing, or negative.
    generator = torch.Generator().manual_seed(3)
    for _ in range(20):
        slope = torch.randn(8, 8, dtype=torch.float64, generator=generator)
        y = torch.randn(4, 8, dtype=torch.float64, generator=generator)
        x0 = inpainted(lambda x, t: x @ slope.T, y, torch.arange(8).expand(4, 8) < 4)(0 * y, torch.tensor(0.5))  # noqa: ARG005, B023
        assert x0.abs().max() < 100 * y.abs().max()


# ---- from one row to another


def test_the_way_between_two_rows_of_a_gaussian_is_the_arc_in_its_own_axes():
    """x = mu + sqrt(S) z. Catches the straight line, which is shorter in the middle, the ends exchanged, and steps that are not equal."""
    oracle = gaussian()
    model = perfect(oracle, "cosine")
    a, b = oracle.sample(2, torch.Generator().manual_seed(4))
    found = model.interpolate(a.numpy(), b.numpy(), 5, steps=100)
    values, Q = torch.linalg.eigh(oracle.covariances[0])
    root = Q @ values.sqrt().diag() @ Q.T
    z_a, z_b = (torch.linalg.solve(root, row - oracle.means[0]) for row in (a, b))
    w = torch.arccos(z_a @ z_b / z_a.norm() / z_b.norm())
    for i in range(5):
        z = torch.sin((1 - i / 4) * w) / w.sin() * z_a + torch.sin(i / 4 * w) / w.sin() * z_b
        np.testing.assert_allclose(found[i], oracle.means[0] + root @ z, atol=0.02)
    with pytest.raises(UsageError, match="both ends"):
        model.interpolate(a.numpy(), b.numpy(), 1)


def test_an_arc_between_noises_is_as_long_as_they_are():
    # Catches a straight line; and a division by zero between a row and itself.
    a, b = torch.randn(2, 3, 40, generator=torch.Generator().manual_seed(0))
    a, b = a / a.norm(), b / b.norm()
    assert slerp(a, b, 7).flatten(1).norm(dim=1).tolist() == pytest.approx([1] * 7)
    torch.testing.assert_close(slerp(a, a, 4), a.expand(4, 3, 40))


# ---- the commands


def test_inpaint_fills_in_what_the_mask_leaves_open(runs, tmp_path):
    """The same mask as a picture and as an array, with one channel and three. Catches black for white, and x for y."""
    x = rng().integers(0, 256, (6, 3, 8, 10), dtype=np.uint8)
    np.save(tmp_path / "x.npy", x)
    mask = np.zeros((8, 10), dtype=np.uint8)
    mask[:3, :] = 1
    np.save(tmp_path / "mask.npy", mask)
    Image.fromarray(255 * mask).convert("RGB").save(tmp_path / "mask.png")
    for kind in ("npy", "png"):
        arguments = ("--mask", tmp_path / f"mask.{kind}", "-o", tmp_path / f"made-{kind}.npy", "--steps", "3", "--rows", "4, 0,4")
        code, out, err = run("inpaint", runs / "colour", tmp_path / "x.npy", *arguments, "--grid", tmp_path / f"{kind}.png")
        assert (code, err) == (0, "")
        assert out.split() == [str(tmp_path / f"made-{kind}.npy"), str(tmp_path / f"{kind}.png")]
    made = np.load(tmp_path / "made-npy.npy")
    assert (made == np.load(tmp_path / "made-png.npy")).all()
    assert (made[:, :, :3] == x[[4, 0, 4], :, :3]).all()
    assert (made[:, :, 3:] != x[[4, 0, 4], :, 3:]).mean() > 0.9
    assert read_mask(tmp_path / "mask.png", layout((8, 10, 3))).shape == (8, 10, 1)


def test_interpolate_goes_from_one_row_to_the_other(runs, tmp_path):
    # Catches the ends exchanged, rows counted from 1, and a folder that is not the one asked for.
    data = rng().normal(size=(60, 40, 2)).cumsum(1).astype(np.float32)
    np.save(tmp_path / "x.npy", data)
    code, out, _ = run(
        "interpolate", runs / "strokes", tmp_path / "x.npy", "--rows", "7,2", "-n", "4", "-o", tmp_path / "way.npy", "--json"
    )
    assert code == 0
    assert json.loads(out) == {"rows": str(tmp_path / "way.npy"), "n": 4, "evaluations": 100}
    way = np.load(tmp_path / "way.npy")
    assert way.shape == (4, 40, 2)
    apart = np.abs(data[7] - data[2]).max()
    assert max(np.abs(way[0] - data[7]).max(), np.abs(way[3] - data[2]).max()) < 0.05 * apart


def test_what_cannot_be_edited_is_refused_and_nothing_is_written(runs, tmp_path):
    # Catches a mask that is stretched or turned to fit, a pickle that is opened, and a file that is half written.
    x = rng().integers(0, 256, (6, 3, 8, 10), dtype=np.uint8)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "good.npy", np.ones((8, 10)))
    np.save(tmp_path / "turned.npy", np.ones((10, 8)))
    np.save(tmp_path / "grey.npy", np.full((8, 10), 0.5))
    np.save(tmp_path / "pickle.npy", np.array([{}]), allow_pickle=True)
    Image.fromarray(np.zeros((10, 8), dtype=np.uint8)).save(tmp_path / "turned.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nmore")
    (tmp_path / "empty.npy").write_bytes(b"")
    before = contents(tmp_path)
    for code, said, name in (
        (3, "(10, 8) does not fit", "turned.npy"),
        (3, "8 x 10 pixels, and the model's images are 10 x 8", "turned.png"),
        (3, "nothing else", "grey.npy"),
        (3, "cannot be read", "pickle.npy"),
        (3, "cannot be read", "broken.png"),
        (3, "cannot be read", "empty.npy"),
        (5, "no file", "nowhere.npy"),
        (2, "a mask is a .npy file", "x.jpg"),
    ):
        refused(
            code, said, "inpaint", runs / "colour", tmp_path / "x.npy", "--mask", tmp_path / name, "-o", tmp_path / "made.npy"
        )
    inpaint = ("inpaint", runs / "colour", tmp_path / "x.npy", "--mask", tmp_path / "good.npy", "-o")
    refused(5, "exists already", *inpaint, tmp_path / "x.npy")
    refused(2, "numbers from 0 to 5", *inpaint, tmp_path / "made.npy", "--rows", "6")
    refused(2, "without labels", *inpaint, tmp_path / "made.npy", "--class", "coat")
    refused(3, "trained on (8, 9)", "inpaint", runs / "deep", *inpaint[2:], tmp_path / "made.npy")
    way = ("interpolate", runs / "colour", tmp_path / "x.npy", "-o", tmp_path / "made.npy", "--rows")
    refused(2, "from one row to another", *way, "1")
    refused(2, "numbers from 0 to 5", *way, "1,-2")
    refused(2, "for both ends", *way, "1,2", "-n", "1")
    assert contents(tmp_path) == before
