"""Columns that come back to a model are matched by name: from files of every order, with columns too many or too few, with masks by name."""

import json

import numpy as np
import pytest

import unstir
from commands import refused, run
from unstir.cli.evaluate import halves
from unstir.data import from_arrays
from unstir.model.model import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models of the columns a (about 100) and b (about 0): with a class `kind` and a group `who` beside them, alone, and without names."""
    place = tmp_path_factory.mktemp("columns")
    rng = np.random.default_rng(0)
    values = np.c_[rng.normal(100, 10, 400), rng.normal(0, 1, 400)]
    kinds, who = rng.choice(["left", "right"], 400), rng.integers(0, 40, 400)
    table(place / "ab.csv", a=values[:, 0], b=values[:, 1])
    table(place / "ba.csv", b=values[:, 1], a=values[:, 0])
    table(place / "all.csv", who=who, b=values[:, 1], city=np.repeat("Rome", 400), kind=kinds, a=values[:, 0])
    np.savetxt(place / "bare.csv", values, delimiter=",")
    np.save(place / "values.npy", values)
    columns = {"a": values[:, 0], "b": values[:, 1]}
    for name, x, labels in (("named", columns, None), ("nameless", values, None), ("classes", columns | {"kind": kinds}, "kind")):
        unstir.fit(x, labels, steps=20, width=8, depth=1, batch_size=32).save(place / name)
    return place


def table(path, **columns):
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")


def filled(folder, name, data, *options, tmp_path):
    """Rows 0 and 1 filled in by a model, and what was said."""
    out = tmp_path / f"{len(list(tmp_path.iterdir()))}.csv"
    code, _, err = run("inpaint", folder / name, folder / data, "--rows", "0,1", "--steps", "4", "-o", out, *options)
    assert code == 0, err
    header, *lines = out.read_text().splitlines()
    return header, np.array([[float(cell) for cell in line.split(",")[:2]] for line in lines]), err


@pytest.mark.parametrize("data", ["ab.csv", "ba.csv", "all.csv"])
def test_a_file_in_any_order_gives_the_same_rows(folder, tmp_path, data):
    """Catches columns that are matched by place: the kept column a would hold b's numbers, about 0."""
    want = filled(folder, "named", "ab.csv", "--keep", "a", tmp_path=tmp_path)
    header, rows, err = filled(folder, "named", data, "--fill", "b", tmp_path=tmp_path)
    assert header == want[0] == "a,b"
    np.testing.assert_array_equal(rows, want[1])
    assert (np.abs(rows[:, 0] - 100) < 50).all()
    left = "columns 'who', 'city' and 'kind' are left out; the columns are 'a' and 'b'"
    assert (left in err) == (data == "all.csv")


def test_interpolation_and_scores_take_any_order_too(folder, tmp_path):
    """Catches a second way of reading rows that matches by place."""
    made = {}
    for data in ("ab.csv", "ba.csv", "all.csv"):
        out = tmp_path / f"{data}.npy"
        code, _, err = run("interpolate", folder / "named", folder / data, "--rows", "3,7", "-n", "2", "--steps", "4", "-o", out)
        assert code == 0, err
        made[data] = np.load(out)
        code, said, err = run("evaluate", folder / "named", folder / data, "-n", "50", "--steps", "2", "--json")
        assert code == 0, err
        made[data] = np.append(made[data], json.loads(said)["scores"][0]["value"])
    np.testing.assert_array_equal(made["ab.csv"], made["ba.csv"])
    np.testing.assert_array_equal(made["ab.csv"], made["all.csv"])


def test_a_class_in_the_file_is_used_and_a_group_can_be_named(folder, tmp_path):
    """Catches a class column that has to be named again, or is read and then ignored; and `all.csv` refused because of its groups."""
    header, rows, err = filled(folder, "classes", "all.csv", "--keep", "a", "--groups", "who", tmp_path=tmp_path)
    assert header == "a,b"
    assert "given its class" in err
    assert "'who'" not in err  # it was named, so it is known
    _, without, _ = filled(folder, "classes", "all.csv", "--keep", "a", "--labels", "none", tmp_path=tmp_path)
    assert (rows[:, 1] != without[:, 1]).all()
    code, _, err = run("evaluate", folder / "classes", folder / "all.csv", "--groups", "who", "-n", "50", "--steps", "2")
    assert code == 0, err
    (tmp_path / "odd.csv").write_text("a,b,kind\n100,0,up\n90,1,left\n")
    refused(2, "unknown class 'up'", "inpaint", folder / "classes", tmp_path / "odd.csv", "--keep", "a", "-o", tmp_path / "x.csv")


def test_what_is_missing_is_filled_in_without_a_mask_and_one_row_is_enough(folder, tmp_path):
    """Catches a mask that has to be written by hand for gaps that the file shows, and a file of one row refused as too small to train on."""
    (tmp_path / "one.csv").write_text("b,a\n,120\n")
    code, _, err = run("inpaint", folder / "named", tmp_path / "one.csv", "--steps", "4", "-o", tmp_path / "made.csv")
    assert code == 0, err
    header, line = (tmp_path / "made.csv").read_text().splitlines()
    assert (header, line.split(",")[0]) == ("a,b", "120.0")
    refused(2, "nothing to fill in", "inpaint", folder / "named", folder / "ab.csv", "-o", tmp_path / "x.csv")


def test_what_is_missing_is_filled_in_several_times(folder, tmp_path):
    """Each draw is a file of its own, and the first is what one draw gives. Catches draws with one seed, and files that are written before
    it is known that the last one is there already."""
    (tmp_path / "holes.csv").write_text("a,b\n120,\n,3\n100,1\n")
    command = ("impute", folder / "named", tmp_path / "holes.csv", "--steps", "4", "--particles", "3")
    for out, *more in (("one.csv",), ("full.csv.gz", "--times", "2"), ("full.csv", "--times", "2", "--json")):
        code, said, err = run(*command, "-o", tmp_path / out, *more)
        assert (code, "drawn from 3 particles" in err) == (0, True), err
    told = json.loads(said)
    assert told["rows"] == [str(tmp_path / f"full-{i}.csv") for i in (1, 2)]
    assert (told["n"], told["particles"]) == (3, 3)
    assert 1 <= told["effective"] <= 3
    first, second = (np.loadtxt(place, delimiter=",", skiprows=1) for place in told["rows"])
    np.testing.assert_array_equal(first, np.loadtxt(tmp_path / "one.csv", delimiter=",", skiprows=1))
    np.testing.assert_array_equal(first == second, [[True, False], [False, True], [True, True]])
    assert (tmp_path / "full-2.csv.gz").exists()
    (tmp_path / "new-2.csv").write_text("mine")
    refused(5, "new-2.csv", *command, "--times", "2", "-o", tmp_path / "new.csv")
    assert not (tmp_path / "new-1.csv").exists()
    for said, *wrong in (
        ("1 or more", "--times", "0"),
        ("particles = 0", "--particles", "0"),
        ("one particle", "--method", "heun", "--particles", "4"),
    ):
        refused(2, said, *command[:5], *wrong, "-o", tmp_path / "x.csv")


def test_a_mask_is_matched_by_name_or_refused(folder, tmp_path):
    """Catches a nameless mask that is taken in the model's order beside a file in another order: it would keep the wrong column."""
    np.save(tmp_path / "keep.npy", np.array([1, 0]))
    (tmp_path / "keep.csv").write_text("b,a\n0,1\n")
    want = filled(folder, "named", "ab.csv", "--keep", "a", tmp_path=tmp_path)[1]
    for data in ("ab.csv", "ba.csv"):
        rows = filled(folder, "named", data, "--mask", tmp_path / "keep.csv", tmp_path=tmp_path)[1]
        np.testing.assert_array_equal(rows, want)
    _, rows, err = filled(folder, "named", "ab.csv", "--mask", tmp_path / "keep.npy", tmp_path=tmp_path)
    np.testing.assert_array_equal(rows, want)
    assert "by place, as 'a' and 'b'" in err
    command = ("inpaint", folder / "named", folder / "ba.csv", "--mask", tmp_path / "keep.npy", "-o", tmp_path / "x.csv")
    refused(3, "come in another order than the model's (a, b). Name columns, as in --keep a", *command)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A,b\n1,2\n3,4\n", "'a' is missing, and 'A' is not known. Names have to be equal: is 'A' meant to be 'a'?"),
        ("\u00e4,b,c\n1,2,3\n3,4,5\n", "'a' is missing"),
        ("b,c\n1,2\n3,4\n", "'a' is missing, and 'c' is not known"),
        ("x,y\n1,two\n3,four\n", "'a' and 'b' are missing, and 'x' and 'y' are not known"),
        ("b\n1\n3\n", "'a' is missing. A model takes"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_lists(folder, tmp_path, text, said):
    """Catches names that match by luck (capitals), and a text column that is complained of where whole columns are missing."""
    source = tmp_path / "odd.csv"
    source.write_text(text)
    for command in (("inpaint", "--keep", "a", "-o", "x.csv"), ("interpolate", "--rows", "0,1", "-o", "x.csv"), ("evaluate",)):
        refused(3, said, command[0], folder / "named", source, *command[1:])


def test_columns_without_names_go_by_place_and_that_is_said(folder, tmp_path):
    """Catches rows or a model without names of which nothing is said."""
    for name, data, said in (
        ("named", "values.npy", "by place, as 'a' and 'b'"),
        ("named", "bare.csv", "by place, as 'a' and 'b'"),
        (
            "nameless",
            "ab.csv",
            "the model has no column names, so columns go by place, in the order in which they came: 'a' and 'b'",
        ),
    ):
        _, rows, err = filled(
            folder, name, data, "--keep", "a" if name == "named" or data == "ab.csv" else "0", tmp_path=tmp_path
        )
        assert said in err
        assert (np.abs(rows[:, 0] - 100) < 50).all()
    assert "no column names: columns go by place" in repr(load(folder / "nameless"))
    assert "columns: a, b" in repr(load(folder / "named"))
    _, rows, err = filled(folder, "nameless", "values.npy", "--fill", "1", tmp_path=tmp_path)
    assert "by place" not in err


def test_rows_of_another_shape_are_the_same_error_everywhere(folder, tmp_path):
    """Catches exit code 2 in one command and 3 in another."""
    np.save(tmp_path / "wide.npy", np.zeros((30, 3)))
    for command in (("inpaint", "--keep", "a", "-o", "x.csv"), ("interpolate", "--rows", "0,1", "-o", "x.csv"), ("evaluate",)):
        refused(3, "rows of shape (3,)", command[0], folder / "named", tmp_path / "wide.npy", *command[1:])


def test_a_class_by_number_is_the_same_from_both_sides(folder, tmp_path):
    """Catches `--class 1` refused for classes with names, while Python takes 1."""
    code, _, err = run("sample", folder / "classes", "-n", "3", "--steps", "2", "--class", "1", "-o", tmp_path / "y.npy")
    assert code == 0, err
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), load(folder / "classes").sample(3, 1, steps=2))
    refused(2, "unknown class '2'", "sample", folder / "classes", "-n", "3", "--class", "2", "-o", tmp_path / "z.npy")


def test_names_that_are_numbers_are_still_a_header(tmp_path):
    """Catches the first line of what pandas writes of an array without names (0,1) taken for a row, because it is only numbers."""
    rng = np.random.default_rng(1)
    model = unstir.fit({0: rng.normal(50, 5, 60), 1: rng.normal(0, 1, 60)}, steps=5, width=8, depth=1)
    model.save(tmp_path / "m")
    (tmp_path / "x.csv").write_text("1,0\n0.5,\n0.25,\n")
    code, _, err = run("inpaint", tmp_path / "m", tmp_path / "x.csv", "--steps", "2", "-o", tmp_path / "y.csv")
    assert code == 0, err
    assert [line.split(",")[1] for line in (tmp_path / "y.csv").read_text().splitlines()] == ["1", "0.5", "0.25"]


def test_halves_of_grouped_rows_have_no_group_in_common():
    """Catches a floor between halves that share groups: it would be too low."""
    rows = from_arrays(np.random.default_rng(0).normal(size=(200, 2)), groups=np.arange(200) // 4)
    where = {tuple(row): group for row, group in zip(rows.values.tolist(), rows.groups.tolist(), strict=True)}
    truth = halves(rows, 1000)
    for one, other in zip(truth.true, truth.others, strict=True):
        first, second = ({where[tuple(row)] for row in half.tolist()} for half in (one, other))
        assert not first & second
