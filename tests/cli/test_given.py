"""`--given` on the command line: columns and arrays in training, names and files of rows when samples are drawn."""

import csv

import numpy as np
import pytest

import unstir
from commands import TINY, refused, run
from unstir.cli.parts import finishing
from unstir.cli.parts.inspected import facts
from unstir.data import load, survey
from unstir.plots.given import spanned
from unstir.report.given import given_and_made, picture_of_given
from unstir.training.presets import settle


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    """A run on a table with two given columns, and the folder in which it lies."""
    folder = tmp_path_factory.mktemp("given")
    rng = np.random.default_rng(0)
    price, size = rng.uniform(1, 9, 80), rng.normal(size=80)
    lines = [
        f"{p:.1f},{'Dream' if s > 0 else 'Biscoe'},{p + s:.2f},{s:.2f}"
        for p, s in zip(price.tolist(), size.tolist(), strict=True)
    ]
    (folder / "cars.csv").write_text("\n".join(["price,island,weight,size", *lines]) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
        found = run("train", folder / "cars.csv", "--given", "price,island", "-o", folder / "run", "--steps", "20", *TINY)
    assert found[0] == 0, found[2]
    return folder


def arrays(path):
    with np.load(path) as held:
        return dict(held)


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_samples_are_drawn_for_what_is_typed(cars, tmp_path):
    """Each row has what it was given, as it was spelled, and the rows are those of Python. Catches a flag that is read and not used."""
    code, _, err = run("sample", cars / "run", "--given", "price=3.2,island=Biscoe", "-n", "6", "-o", tmp_path / "x.csv")
    assert code == 0, err
    rows = table(tmp_path / "x.csv")
    assert list(rows[0]) == ["price", "island", "weight", "size"]
    assert [(row["price"], row["island"]) for row in rows] == [("3.2", "Biscoe")] * 6
    model = unstir.load(cars / "run" / "model")
    made = model.sample(6, given={"price": 3.2, "island": "Biscoe"})
    assert [[float(row["weight"]), float(row["size"])] for row in rows] == made.tolist()
    run("sample", cars / "run", "--given", "island=Dream", "-n", "2", "-o", tmp_path / "y.csv")
    assert [(row["price"], row["island"]) for row in table(tmp_path / "y.csv")] == [("", "Dream")] * 2


def test_a_file_has_a_row_for_each_sample(cars, tmp_path):
    # Also several for each, next to each other. Catches cells that go to other rows, and a gap that becomes 0.
    (tmp_path / "rows.csv").write_text("island,name,price\nDream,a,4.0\n,b,6.0\n")
    given = ["sample", cars / "run", "--given", tmp_path / "rows.csv"]
    _, _, err = run(*given, "-o", tmp_path / "x.csv")
    assert "'name' is left out" in err
    assert [(row["price"], row["island"]) for row in table(tmp_path / "x.csv")] == [("4.0", "Dream"), ("6.0", "")]
    run(*given, "--each", "2", "-o", tmp_path / "y.csv")
    assert [row["price"] for row in table(tmp_path / "y.csv")] == ["4.0", "4.0", "6.0", "6.0"]
    np.savez(tmp_path / "rows.npz", price=np.array([2.0, 3.0, 4.0]))
    run("sample", cars / "run", "--given", tmp_path / "rows.npz", "-o", tmp_path / "z.npz")
    made = arrays(tmp_path / "z.npz")
    assert (made["values"].shape, made["price"].tolist(), made["island"].tolist()) == ((3, 2), [2.0, 3.0, 4.0], [""] * 3)


def test_what_is_beyond_the_range_is_said(cars, tmp_path):
    code, _, err = run("sample", cars / "run", "--given", "price=99", "-n", "2", "-o", tmp_path / "x.csv")
    assert code == 0
    assert err.count("warning: price=99.0 is beyond what the model was trained on, 1.") == 1


@pytest.mark.parametrize(
    ("said", "flags"),
    [
        ("unknown name of what is given 'prise': did you mean 'price'?", ["--given", "prise=3"]),
        ("unknown island 'Bisco': did you mean 'Biscoe'? Known: Biscoe, Dream.", ["--given", "island=Bisco"]),
        ("price is a number, as in price=1.", ["--given", "price=dear"]),
        ("'2' has no name", ["--given", "price=3,2"]),
        ("name what you give, as in price=...; this model is given price and island", ["--given", "3"]),
        ("a file says how many", ["--given", "rows.csv", "-n", "4"]),
        ("--each 3 is for the rows of a file", ["--given", "price=3", "--each", "3"]),
        ("give one of them", ["--given", "price=3", "--class", "Dream"]),
    ],
)
def test_what_cannot_be_given_is_refused(cars, tmp_path, said, flags):
    refused(2, said, "sample", cars / "run", *flags, "-o", tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()


def test_files_that_cannot_be_used_are_refused(cars, tmp_path):
    refused(5, "no such file", "sample", cars / "run", "--given", tmp_path / "none.csv", "-o", tmp_path / "x.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    refused(3, "none of them is there", "sample", cars / "run", "--given", tmp_path / "other.csv", "-o", tmp_path / "x.csv")


def test_training_names_what_it_cannot_give(cars, tmp_path):
    source = cars / "cars.csv"
    refused(2, "did you mean 'price'?", "train", source, "--given", "prise", "-o", tmp_path / "r")
    refused(2, "--given price,island", "train", source, "--given", "price", "--data.labels", "island", "-o", tmp_path / "r")
    refused(2, "every column", "train", source, "--given", "price,island,weight,size", "-o", tmp_path / "r")
    refused(2, "built-in set", "train", "moons", "--given", "a", "-o", tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_rows_are_filled_in_given_what_their_columns_say(cars, tmp_path):
    (tmp_path / "holes.csv").write_text("size,weight,island,price\n0.5,,Dream,4.2\n")
    code, _, err = run("inpaint", cars / "run", tmp_path / "holes.csv", "-o", tmp_path / "full.csv")
    assert code == 0, err
    assert "given its price and island" in err
    [row] = table(tmp_path / "full.csv")
    assert (float(row["size"]), row["price"], row["island"]) == (0.5, "4.2", "Dream")


@pytest.mark.usefixtures("undrawn")
def test_arrays_of_an_archive_are_given(tmp_path):
    # An array of two numbers a row is two columns. Catches labels that are found unasked beside what is given.
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "d.npz",
        values=rng.normal(size=(60, 2)),
        speed=rng.normal(size=60),
        goal=rng.normal(size=(60, 2)),
        y=np.arange(60),
    )
    code, _, err = run("train", tmp_path / "d.npz", "--given", "speed,goal", "-o", tmp_path / "r", "--steps", "5", *TINY)
    assert code == 0, err
    run("sample", tmp_path / "r", "--given", "goal.1=0.5", "-n", "2", "-o", tmp_path / "x.npz")
    made = arrays(tmp_path / "x.npz")
    assert np.array_equal(made["goal"], [[np.nan, 0.5]] * 2, equal_nan=True)
    assert np.isnan(made["speed"]).all()


def test_a_class_can_be_given_by_its_name_or_its_column(trained, tmp_path):
    for i, flags in enumerate((["--class", "left"], ["--given", "left"], ["--given", "kind=left"])):
        code, _, err = run("sample", trained[3], *flags, "-n", "3", "-o", tmp_path / f"{i}.csv")
        assert code == 0, err
        assert (tmp_path / f"{i}.csv").read_bytes() == (tmp_path / "0.csv").read_bytes()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A run on pictures, each with the same in fewer pixels beside it, and a speed; the folder in which it lies."""
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(folder / "pairs.npz", values=x, low=x.reshape(60, 4, 2, 4, 2).mean((2, 4)), speed=rng.normal(size=60))
    flags = ["--network.architecture", "mlp", "--steps", "30", "--optim.lr", "0.03", "--optim.warmup", "0", *TINY]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
        found = run("train", folder / "pairs.npz", "--given", "low,speed", "-o", folder / "run", *flags)
    assert found[0] == 0, found[2]
    assert "given speed and low (4x4 pixels, 1 channel, resized to 8x8)" in found[2]
    return folder


def test_pictures_are_given_by_a_file(pairs, tmp_path):
    """Each sample has beside it what it was given, several in a row; they are those of Python, from the folder alone.

    Catches pictures that go to other rows, and a column that is lost beside them.
    """
    low = np.random.default_rng(1).uniform(60, 200, (2, 4, 4))
    np.savez(tmp_path / "few.npz", low=low, speed=np.array([0.5, np.nan]), other=np.zeros(2))
    given = ["sample", pairs / "run", "--given", tmp_path / "few.npz"]
    code, _, err = run(*given, "--each", "3", "-o", tmp_path / "x.npz")
    assert code == 0, err
    assert "'other' is left out" in err
    made = arrays(tmp_path / "x.npz")
    assert made["values"].shape == (6, 8, 8)
    assert made["low"] == pytest.approx(low.repeat(3, 0), abs=1e-3)
    assert made["speed"][:3] == pytest.approx(0.5, abs=1e-5)
    assert np.isnan(made["speed"][3:]).all()
    model = unstir.load(pairs / "run" / "model")
    python = model.sample(6, given={"low": low.repeat(3, 0), "speed": np.repeat([0.5, np.nan], 3)})
    assert (made["values"] == python).all()
    assert (model.sample(6, given={"low": low.repeat(3, 0)[::-1].copy(), "speed": np.repeat([np.nan, 0.5], 3)}) != python).any()
    run("sample", pairs / "run", "-n", "4", "-o", tmp_path / "y.npz")  # drawn as in training: whole rows of it
    drawn, true = arrays(tmp_path / "y.npz"), arrays(pairs / "pairs.npz")
    for low, speed in zip(drawn["low"], drawn["speed"], strict=True):
        [place] = np.flatnonzero(np.abs(true["low"] - low).max((1, 2)) < 1e-3)
        assert speed == pytest.approx(true["speed"][place], abs=1e-4)


def test_rows_of_data_bring_their_pictures(pairs, tmp_path):
    # Catches rows whose pictures are not read, and those of other rows: what is filled in depends on them.
    true = arrays(pairs / "pairs.npz")
    mask = np.ones((8, 8))
    mask[4:] = 0
    np.save(tmp_path / "mask.npy", mask)
    code, _, err = run(
        *(
            "inpaint",
            pairs / "run",
            pairs / "pairs.npz",
            "--mask",
            tmp_path / "mask.npy",
            "--rows",
            "3,5",
            "-o",
            tmp_path / "x.npz",
        )
    )
    assert code == 0, err
    assert "given its speed and low" in err
    made = arrays(tmp_path / "x.npz")
    assert (made["values"][:, :4] == true["values"][[3, 5], :4]).all()
    assert made["low"] == pytest.approx(true["low"][[3, 5]], abs=1e-3)


@pytest.mark.parametrize(
    ("said", "held"),
    [
        (
            "low is an array of 4x4 pixels, 1 channel, of shape (4, 4), and what is given has the shape (2, 5, 4)",
            {"low": np.ones((2, 5, 4))},
        ),
        ("none of them is there", {"lov": np.ones((2, 4, 4))}),
        ("low is infinite", {"low": np.full((2, 4, 4), np.inf)}),
    ],
)
def test_pictures_that_cannot_be_given_are_refused(pairs, tmp_path, said, held):
    np.savez(tmp_path / "few.npz", **held)
    code = 3 if "none" in said else 2
    refused(code, said, "sample", pairs / "run", "--given", tmp_path / "few.npz", "-o", tmp_path / "x.npz")
    assert not (tmp_path / "x.npz").exists()


def test_a_picture_cannot_be_typed_and_its_range_is_said(pairs, tmp_path):
    refused(2, "so it comes in a file: --given pairs.npz", "sample", pairs / "run", "--given", "low=3", "-o", tmp_path / "x.npz")
    np.savez(tmp_path / "far.npz", low=np.full((1, 4, 4), 900.0))
    code, _, err = run("sample", pairs / "run", "--given", tmp_path / "far.npz", "-o", tmp_path / "x.npz")
    assert code == 0, err
    assert "low has the value 900, beyond what the model was trained on" in err


def test_inspect_says_what_is_given(pairs):
    data = load(str(pairs / "pairs.npz"), given=("low",))
    assert "given: low (4x4 pixels, 1 channel, resized to 8x8)" in facts(data, survey(data), settle(data))


def test_what_was_given_is_drawn_beside_what_was_made(pairs):
    """A panel of the given pictures, of three samples for each, and of the true rows. Catches a picture that is drawn for other rows."""
    model = unstir.load(pairs / "run" / "model")
    unseen = load(str(pairs / "pairs.npz"), given=("low", "speed"))
    figure = given_and_made(unseen, model)
    assert [axes.get_title() for axes in figure.axes] == ["given: low", "made", "made again", "made again", "true rows"]
    low, *made, true = (np.asarray(axes.images[0].get_array()) for axes in figure.axes)
    assert true[:8, :8] * 255 == pytest.approx(unseen.values[0])
    assert low[:8:2, :8:2] == pytest.approx(spanned(unseen.beside[0].rows[:16], (0, 1))[0], abs=1e-6)
    assert (made[0] != made[1]).any()
    assert picture_of_given(unseen, model).startswith("iVBORw0KGgo")  # a PNG in base64
