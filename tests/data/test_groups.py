"""Groups: rows of one patient or one recording are never both trained on and held out."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from commands import TINY, refused, run
from unstir.data import from_arrays, load, read, survey
from unstir.errors import DataError, UsageError
from unstir.evaluation.scores import truth_of

RNG = np.random.default_rng(11)
SIZES = {"equal": [5] * 20, "unequal": [1, 2, 3, 50, 7, 7, 7, 30], "one large": [200, 1, 1, 1], "two": [3, 90], "rows": [1] * 40}


def grouped(sizes, **more):
    """Rows that are their own numbers, in an order that mixes the groups."""
    groups = RNG.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return from_arrays(np.arange(len(groups), dtype=np.float64), groups=groups, **more)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_no_group_is_on_both_sides_and_the_share_is_near(sizes, share):
    """For many seeds. Catches a split by rows, a group that is cut where the share is reached, an empty side, and a side that is wrong
    by more than the group on the edge."""
    data = grouped(sizes)
    held = []
    for seed in range(30):
        training, unseen = data.split(share, seed)
        assert not set(training.groups) & set(unseen.groups)
        assert sorted([*training.values[:, 0], *unseen.values[:, 0]]) == list(range(len(data)))
        for part in (training, unseen):
            assert len(part)
            np.testing.assert_array_equal(part.groups, data.groups[part.values[:, 0].astype(int)])
        off = len(unseen) - share * len(data)
        assert abs(off) <= max(sizes) / 2 or len(set(training.groups if off < 0 else unseen.groups)) == 1
        held.append(frozenset(unseen.groups))
    assert len(set(held)) > 1  # the seed decides which groups


def test_the_same_seed_makes_the_same_split_in_random_order():
    # Catches rows in the order of their groups: the first held-out rows stand for all where few are looked at.
    data = grouped([20] * 10)
    first, again = (data.split_numbers(0.5, 4)[1] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len(set(data.groups[first[:20]])) > 2


def test_every_row_its_own_group_is_a_split_of_the_usual_size():
    # Catches a share of the groups where a share of the rows was asked for, one row off.
    for n in range(2, 40):
        data = from_arrays(np.arange(n), groups=np.arange(n))
        for share in (0.1, 0.25, 0.5, 0.77):
            assert abs(len(data.split(share, 0)[1]) - len(from_arrays(np.arange(n)).split(share, 0)[1])) <= (
                2 * n * share % 2 == 1
            )


def test_without_groups_the_split_is_the_one_that_runs_were_trained_with():
    # numpy's permutation, cut: the numbers are those of PCG64 with seed 0. Catches a draw for groups that are not there.
    order = np.random.default_rng(0).permutation(10)
    training, unseen = from_arrays(np.arange(10)).split_numbers(0.3, 0)
    assert (training.tolist(), unseen.tolist()) == (order[3:].tolist(), order[:3].tolist())


def test_one_group_cannot_be_split():
    with pytest.raises(DataError, match="all 6 rows are of one group, so none can be held out"):
        from_arrays(np.arange(6), groups=["a"] * 6).split(0.5, 0)
    with pytest.raises(UsageError, match="held-out fraction"):
        from_arrays(np.arange(6), groups=[1, 2] * 3).split(1.5, 0)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([1, 2], r"the groups have shape \(2,\); one group a row means \(3,\)"),
        ([0.0, 0.5, 1.0], r"the groups are not whole numbers \(row 1: 0.5\), so they are no groups"),
        (["a", None, "b"], r"the groups have 1 missing value \(first: row 1\).*name their group, or pass missing='drop'"),
        ([{}, {}, {}], "a group is a whole number or a text"),
        ([[0], [1, 2], [3]], "the groups are no single values; a group is"),
    ],
)
def test_groups_are_whole_numbers_or_texts(groups, said):
    with pytest.raises(DataError, match=said):
        from_arrays(np.arange(3), groups=groups)


def test_a_row_without_a_group_is_a_gap():
    # Catches a row of no known patient on either side, and groups out of step with the rows that are left.
    values = np.array([0.0, 1, 2, np.nan, 4, 5])
    data = from_arrays(values, groups=["b", "a", None, "b", "", "c"], missing="drop")
    assert data.values[:, 0].tolist() == [0, 1, 5]
    assert data.groups.tolist() == [1, 0, 2]
    assert data.dropped == 3
    kept = from_arrays(values, groups=["b", "a", None, "b", "", "c"], missing="keep")
    assert [p.text for p in survey(kept).problems if p.name == "groups missing"] == [
        "2 rows without a group (first: row 2). Remove those rows, or pass --data.missing drop."
    ]


def test_the_hash_sees_groups_and_does_not_take_them_for_labels():
    x, ids = np.arange(4.0), [0, 1, 0, 1]
    variants = [from_arrays(x), from_arrays(x, ids), from_arrays(x, groups=ids), from_arrays(x, ids, groups=ids)]
    variants += [from_arrays(x, groups=[0, 0, 1, 1])]
    assert len({data.sha256() for data in variants}) == len(variants)


# ---- from files

ROWS, PATIENTS, KINDS = RNG.standard_normal((12, 2)), np.array(["p10", "p2", "p7"])[np.arange(12) % 3], np.arange(12) % 2


def write_table(path, order=("x", "patient", "y", "kind")):
    columns = {"x": ROWS[:, 0].tolist(), "y": ROWS[:, 1].tolist(), "patient": PATIENTS, "kind": KINDS}
    lines = [",".join(order), *(",".join(str(columns[name][i]) for name in order) for i in range(12))]
    path.write_text("\n".join(lines))
    return path


def test_groups_are_read_beside_classes_from_every_format_that_names_its_parts(tmp_path):
    # Catches a group that is learnt as a number, one taken for the class, and columns out of place where two are taken out.
    np.savez(tmp_path / "a.npz", values=ROWS, kind=KINDS, patient=PATIENTS)
    save_file({"values": ROWS, "kind": KINDS, "patient": np.arange(12) % 3}, tmp_path / "a.safetensors")
    for i, order in enumerate([("x", "patient", "y", "kind"), ("kind", "patient", "x", "y"), ("x", "y", "patient", "kind")]):
        write_table(tmp_path / f"{i}.csv", order)
    for path in sorted(tmp_path.iterdir()):
        data = read(path, labels="kind", groups="patient")
        np.testing.assert_array_equal(data.values, ROWS)
        np.testing.assert_array_equal(data.groups, np.arange(12) % 3)
        assert data.classes == ("0", "1")
    alone = read(tmp_path / "a.npz", groups="patient", labels="patient")  # one patient a class, and none on both sides
    assert (alone.classes, alone.groups.tolist()) == (("p10", "p2", "p7"), alone.labels.tolist())


def test_an_array_called_like_labels_may_hold_the_groups(tmp_path):
    np.savez(tmp_path / "a.npz", values=ROWS, y=PATIENTS)
    data = read(tmp_path / "a.npz", groups="y")
    assert data.labels is None
    assert data.groups.tolist() == (np.arange(12) % 3).tolist()


def test_a_table_without_a_header_has_numbered_columns(tmp_path):
    (tmp_path / "a.csv").write_text("1,2,0\n3,4,1\n")
    data = read(tmp_path / "a.csv", groups="2")
    assert (data.values.tolist(), data.groups.tolist()) == ([[1, 2], [3, 4]], [0, 1])
    (tmp_path / "b.csv").write_text("who,1\na,2\nb,3\n")  # named, so that the first line is a header
    assert read(tmp_path / "b.csv", groups="who").names == ("1",)


def test_groups_that_are_not_there_are_refused(tmp_path):
    table = write_table(tmp_path / "a.csv")
    np.savez(tmp_path / "a.npz", values=ROWS, patient=PATIENTS)
    np.save(tmp_path / "a.npy", ROWS)
    (tmp_path / "photos").mkdir()
    for path, said in (
        (table, "unknown column in .* 'patients': did you mean 'patient'"),
        (tmp_path / "a.npz", "unknown array in .* 'patients': did you mean 'patient'"),
        (tmp_path / "a.npy", "has no groups='patients': it is one array"),
        (tmp_path / "photos", "has no groups='patients': it is a folder of images"),
    ):
        with pytest.raises(UsageError, match=said):
            read(path, groups="patients")
    with pytest.raises(UsageError, match="a built-in set, whose rows have no groups"):
        load("moons", groups="who")
    (tmp_path / "b.csv").write_text("who,kind\n1,2\n2,3\n")
    with pytest.raises(UsageError, match="no column besides the class 'kind' and the group 'who'"):
        read(tmp_path / "b.csv", labels="kind", groups="who")


# ---- what is compared, and the command line


def test_a_score_compares_with_groups_that_were_not_trained_on():
    """A floor between halves that share groups would be too low: here each group is a place of its own, far from the others.

    Catches true rows of a trained group, and pairs of which both sides have rows of one group."""
    groups = np.repeat(np.arange(12), 30)
    data = from_arrays(np.stack([100.0 * groups, RNG.standard_normal(360)], axis=1), groups=groups)
    truth = truth_of(data, 0.25, seed=3)
    places = [np.round(part[:, 0] / 100).astype(int) for part in (*truth.true, *truth.others)]
    held = set(data.groups[data.split_numbers(0.25, 3)[1]])
    assert len(held) == 3
    assert all(set(place) <= held for place in places[:5])
    assert not any(set(place) & held for place in places[5:])
    pairs = list(truth.pairs)
    assert len(pairs) == 5
    for a, b in pairs:
        assert len(a) == len(b) == len(truth.true[0]) == 90
        assert not set(a[:, 0]) & set(b[:, 0])


def test_groups_from_the_command_line(tmp_path, monkeypatch):
    """Catches a flag that is not passed on, one that is not in config.toml, and held-out rows that are not those of whole groups."""
    monkeypatch.chdir(tmp_path)
    patients = np.repeat(np.arange(10), [9, 11] * 5)
    rows = RNG.standard_normal((100, 2))
    np.savetxt("t.csv", np.column_stack([rows, patients]), delimiter=",", header="x,y,patient", comments="", fmt="%.17g")
    code, out, _ = run("train", "t.csv", "--data.groups", "patient", "-o", "r", "--data.held-out", "0.3", *TINY)
    assert code == 0, out
    about = json.loads((tmp_path / "r" / "data.json").read_text())
    assert (about["names"], about["rows"]) == (["x", "y"], 100)
    groups = read("t.csv", groups="patient").split(0.3, 0)[1].groups
    assert about["held_out"] == len(groups) in (29, 31)
    assert 'groups = "patient"' in (tmp_path / "r" / "config.toml").read_text()
    assert run("evaluate", "r", "--json")[0] == 0
    refused(2, "unknown column in 't.csv' 'patent'", "train", "t.csv", "--data.groups", "patent", *TINY)
    np.savetxt("one.csv", np.column_stack([rows, 0 * patients]), delimiter=",", header="x,y,patient", comments="", fmt="%.17g")
    refused(3, "all 100 rows are of one group", "train", "one.csv", "--data.groups", "patient", *TINY)
