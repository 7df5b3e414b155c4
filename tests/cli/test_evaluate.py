"""`unstir evaluate`, end to end: what a person is told, what a program is given, and what it says where it cannot know."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import unstir
from commands import TINY, refused, run
from unstir import data as datasets
from unstir.evaluation.scores import as_json, evaluate, neighbourhoods, truth_of
from unstir.evaluation.scores import draw as draw_sets
from unstir.model.sampling import Sampling

FAST = ("--quiet", "--optim.lr", "3e-3")


@pytest.fixture(scope="module", autouse=True)
def undrawn():
    """Figures take seconds, and no test here looks at them."""
    from unstir.cli.parts import finishing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "draw", lambda recording, *_: recording.run.folder("samples"))
        yield


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of 300 people with a class: named columns, of which the last never varies."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 300)
    age, weight = rng.gamma(4, 8, 300), 50 + 10 * kind + rng.normal(0, 8, 300)
    rows = [f"{a:.1f},{b:.1f},7,{'AB'[k]}" for a, b, k in zip(age, weight, kind, strict=True)]
    path = tmp_path_factory.mktemp("data") / "people.csv"
    path.write_text("\n".join(["age,weight,legs,group", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def people(table, tmp_path_factory):
    """A short run on that table."""
    out = tmp_path_factory.mktemp("runs") / "people"
    code, _, err = run("train", table, "-o", out, "--data.labels", "group", "--data.held-out", "0.2", "--steps", "150", *FAST)
    assert code == 0, err
    return out


def result(*arguments):
    """The one object on stdout."""

    def never(name):
        raise AssertionError(f"{name} is not JSON")

    code, out, err = run("evaluate", *arguments, "--json")
    assert (code, err) == (0, ""), err
    return json.loads(out, parse_constant=never)


def test_a_person_sees_each_number_beside_its_floor_and_two_answers(people):
    code, out, err = run("evaluate", people, "--steps", "5")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 120
    for said in (
        *("adams_bashforth2, 5 evaluations, seed 0", "true rows (floor)", "verdict"),
        *("sliced W2, data's units", "sliced W2, standardised", "energy distance, standardised"),
        *("precision: ", "recall: ", "density: ", "coverage: ", "rows relabelled", "told apart, p = "),
        *("nearest training row", "nearer to one than 99 % of true rows", "held-out error above training error"),
        *("column", "age", "weight", "7 ± 0", "log-SNR", "training rows", "unit Gaussian baseline"),
        *("Is it good? ", "Is it honest? "),
    ):
        assert said in out, said
    rows = [line for line in out.splitlines() if line.startswith("│") and "±" in line]
    assert len(rows) == 9 + 2 + 3 + 6  # measures, of which the share has no ±, columns, levels


def test_a_program_gets_all_of_it(people, table):
    """Every number of the tables and more. Catches a table beside the object, and scores of training rows."""
    found = result(people, "--steps", "5", "--seed", "4")
    model, truth = unstir.load(people), truth_of(datasets.load(table, labels="group"), 0.2, 0)
    assert (found["run"], found["steps"], found["method"], found["seed"]) == (str(people), 5, "adams_bashforth2", 4)
    assert found["scores"] == as_json(evaluate(model, truth, Sampling(5, seed=4)))
    scale = model.deviation.numpy()
    assert found["neighbourhoods"] == as_json(neighbourhoods(draw_sets(model, truth, Sampling(5, seed=4)), truth, scale))
    assert set(found["permutation_test_of_ranks"]) == set(found["permutation_test"])
    assert set(found["permutation_test"]) == {"distance", "floor", "floor_deviation", "p_value", "rows"}
    columns = found["columns"]["each"]
    assert [column["name"] for column in columns] == ["age", "weight", "legs"]
    rows = truth.true[0]
    assert [column["mean_true"] for column in columns] == pytest.approx(rows.mean(0))
    assert [column["deviation_true"] for column in columns] == pytest.approx(rows.std(0))
    assert (columns[2]["mean_sampled"], columns[2]["mean_z"]) == (7, 0)
    assert found["columns"]["largest_z"] == max(abs(column[z]) for column in columns for z in ("mean_z", "deviation_z"))
    assert found["memorisation"]["rows"] == 300
    assert [level["log_snr"] for level in found["held_out_error"]] == [-6, -3, 0, 3, 6, 9]
    assert set(found["held_out_error"][0]) == {"log_snr", "mse", "mse_error", "unit_gaussian", "training", "training_error"}
    assert found["held_out_gap"]["rows"] == 60
    assert found["good"]["answer"]
    assert found["honest"]["answer"]
    assert found["notes"] == []


@pytest.mark.parametrize("settings", [(), ("--data.held-out", "0.5")])
def test_a_model_that_memorises_is_told_so(tmp_path, settings):
    """Twenty rows and hundreds of steps, two of them held out or ten. Catches copies that pass for good samples."""
    np.save(tmp_path / "few.npy", np.random.default_rng(0).normal(size=(20, 4)))
    small = ("--steps", "500", "--batch-size", "64", "--network.width", "64", "--network.depth", "1", "--optim.ema", "0.98")
    last = ("--network.octaves", "2", "--optim.keep", "last")  # the best weights are of a time before it memorises
    assert run("train", tmp_path / "few.npy", "-o", tmp_path / "r", *FAST, *small, *last, *settings)[0] == 0
    model = unstir.load(tmp_path / "r")
    shutil.rmtree(tmp_path / "r" / "model")
    replace(model, blend=None).save(tmp_path / "r" / "model")  # beside the best Gaussian, it hardly memorises any more
    code, out, err = run("evaluate", tmp_path / "r")
    assert (code, err) == (0, "")
    assert "Is it honest? No, it memorises." in out
    found = result(tmp_path / "r")
    assert found["honest"]["answer"] == "no, it memorises"
    assert found["memorisation"]["ratio"] < 0.5
    if settings:
        assert found["held_out_gap"]["verdict"] == "memorises"
        assert found["scores"][0]["rows"] == 10
    else:  # too few to compare with, and said so
        assert (found["scores"], found["good"], found["held_out_gap"]) == (None, None, None)
        assert "of 20 rows, 2 are held out and 18 trained on. Train with --data.held-out 0.5" in found["notes"][0]
        assert "Is it good?" not in out
        assert out.rstrip().endswith("or bring more data.")


def test_three_rows_are_evaluated_without_a_verdict(tmp_path):
    # Catches a traceback, nan and an empty table.
    np.save(tmp_path / "three.npy", np.random.default_rng(0).normal(size=(3, 2)))
    assert run("train", tmp_path / "three.npy", "-o", tmp_path / "r", "--steps", "2", *FAST, *TINY)[0] == 0
    code, out, err = run("evaluate", tmp_path / "r")
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == ["note"] * 3
    assert len(result(tmp_path / "r")["notes"]) == 3


def test_only_the_worst_of_many_columns_are_shown_and_all_are_given(tmp_path):
    # 300 dimensions, of which one is far off: that of 60 rows whose copies alone were trained on.
    rng = np.random.default_rng(0)
    np.save(tmp_path / "wide.npy", rng.normal(size=(100, 300)))
    assert run("train", tmp_path / "wide.npy", "-o", tmp_path / "r", "--steps", "2", *FAST, *TINY)[0] == 0
    other = rng.normal(size=(100, 300))
    other[:, 123] += 40
    np.save(tmp_path / "other.npy", other)
    code, out, err = run("evaluate", tmp_path / "r", tmp_path / "other.npy", "--steps", "4")
    assert (code, err) == (0, "")
    table = out[out.index("6 of 300 columns") : out.index("log-SNR")]
    rows = [line.split("│")[1].strip() for line in table.splitlines() if line.startswith("│")]
    assert (len(rows), rows[0]) == (6, "x123")
    assert "Is it good? No: column 'x123' is below " in out
    assert len(result(tmp_path / "r", tmp_path / "other.npy", "--steps", "4")["columns"]["each"]) == 300


def test_other_rows_are_compared_with_and_nothing_is_said_of_memory(people, table, tmp_path):
    """Catches DATA that is read and not used, and its rows taken for training rows."""
    found = result(people, table, "--labels", "group", "--steps", "5")
    assert [score["rows"] for score in found["scores"]] == [150] * 3
    assert (found["memorisation"], found["held_out_gap"], found["honest"]) == (None, None, None)
    assert found["notes"] == [f"note: whether it memorises shows beside its own training rows: unstir evaluate {people}"]
    assert "training" not in found["held_out_error"][0]
    far = table.read_text().replace(",7,", ",7000,")
    (tmp_path / "far.csv").write_text(far)
    told = result(people, tmp_path / "far.csv", "--labels", "group", "--steps", "5")
    assert told["good"]["answer"] == "no"
    strange = table.read_text().replace(",A", ",C")
    (tmp_path / "strange.csv").write_text(strange)  # a class that was never trained on: distances, and no errors
    told = result(people, tmp_path / "strange.csv", "--labels", "group", "--steps", "5")
    assert told["held_out_error"] is None
    assert "unknown class 'C'" in told["notes"][1]
    (tmp_path / "few.csv").write_text("\n".join(table.read_text().splitlines()[:12]))
    refused(2, "has 11 rows; comparing takes at least 20", "evaluate", people, tmp_path / "few.csv", "--labels", "group")
    assert result(people, table, "--steps", "5") == found  # the column of classes is called as in training


def test_data_that_has_gone_can_be_replaced_by_other_rows(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(100, 2)))
    assert run("train", tmp_path / "x.npy", "-o", tmp_path / "r", "--steps", "2", *FAST, *TINY)[0] == 0
    np.save(tmp_path / "x.npy", np.random.default_rng(1).normal(size=(100, 2)))
    assert f"unstir evaluate {tmp_path / 'r'} DATA" in refused(5, "sha256 differs", "evaluate", tmp_path / "r")
    assert result(tmp_path / "r", tmp_path / "x.npy")["scores"]


def test_copies_in_the_data_leave_memory_open(tmp_path):
    # Three bits have eight values. Catches 0 / 0, and honest samples called copies.
    np.save(tmp_path / "bits.npy", np.random.default_rng(0).random((200, 3)) < 0.5)
    assert run("train", tmp_path / "bits.npy", "-o", tmp_path / "r", "--steps", "2", *FAST, *TINY)[0] == 0
    found = result(tmp_path / "r")
    assert found["memorisation"] is None
    assert "copies of training rows" in found["notes"][0]


def test_a_built_in_set_is_compared_with_fresh_truth(tmp_path, monkeypatch):
    # Catches held-out rows of the run where as many fresh ones as one likes can be had.
    monkeypatch.setattr("unstir.evaluation.scores.MOST", 300)
    monkeypatch.setattr("unstir.evaluation.scores.POOL", 4000)
    assert run("train", "moons", "--data.points", "60", "-o", tmp_path / "r", "--steps", "2", *FAST, *TINY)[0] == 0
    found = result(tmp_path / "r")
    assert [score["rows"] for score in found["scores"]] == [300] * 3
    assert found["memorisation"]["rows"] == 1500
    assert found["honest"]["answer"] == "yes"
    assert found["good"]["answer"] == "no"


# ---- on labelled points


def test_evaluate_shows_each_distance_beside_its_floor(trained):
    code, out, err = run("evaluate", trained[3], "--steps", "5")
    assert code == 0, err
    for said in ("sliced W2, data's units", "energy distance", "floor", "verdict", "log-SNR", "adams_bashforth2, 5 evaluations"):
        assert said in out


def test_evaluate_is_one_object_with_the_scores_of_the_library(trained, files):
    # Catches a table on stdout beside the object, and scores against the training rows.
    code, out, _ = run("evaluate", trained[3], "--steps", "5", "--seed", "4", "--json")
    found = json.loads(out)
    assert code == 0
    truth = truth_of(datasets.load(files / "points.csv", labels="kind"), 0.2, 3)
    assert found["scores"] == as_json(evaluate(unstir.load(trained[3]), truth, Sampling(steps=5, seed=4)))
    guided = json.loads(run("evaluate", trained[3], "--steps", "5", "--seed", "4", "--guidance", "3", "--json")[1])
    assert (guided["guidance"], found["guidance"]) == (3, 1)
    assert guided["scores"] == as_json(evaluate(unstir.load(trained[3]), truth, Sampling(steps=5, seed=4, guidance=3.0)))
    assert guided["scores"] != found["scores"]  # catches a flag that is read and not passed on
    curve = found["held_out_error"]
    assert [level["log_snr"] for level in curve] == [-6, -3, 0, 3, 6, 9]
    assert curve[2]["unit_gaussian"] == 0.5
    assert all(level["mse"] > 0 for level in curve)


def test_evaluate_against_other_rows(trained, files, tmp_path):
    """Its own samples are closer to it than points that were moved far away. Catches DATA that is read and not used."""
    assert run("sample", trained[3], "-n", "300", "--seed", "9", "-o", tmp_path / "own.npy")[0] == 0
    np.save(tmp_path / "far.npy", np.load(tmp_path / "own.npy") + 30)
    own, far = (
        json.loads(run("evaluate", trained[3], tmp_path / f"{name}.npy", "--json")[1])["scores"] for name in ("own", "far")
    )
    assert {score["verdict"] for score in own} <= {"at the floor", "near the floor"}
    assert {score["verdict"] for score in far} == {"far above the floor"}
    assert [score["rows"] for score in own] == [150] * 3
    code, out, err = run("evaluate", trained[3], files / "points.csv", "--labels", "kind", "--json")
    assert code == 0, err
    assert len(json.loads(out)["scores"]) == 3
    np.save(tmp_path / "wide.npy", np.zeros((40, 3)))
    refused(3, "(3,)", "evaluate", trained[3], tmp_path / "wide.npy")
    np.save(tmp_path / "few.npy", np.random.default_rng(0).normal(size=(6, 2)))
    refused(2, "6 rows", "evaluate", trained[3], tmp_path / "few.npy")


def test_data_that_has_changed_since_is_not_taken_for_the_same(tmp_path):
    # Catches a score against rows that the model was trained on, called held out.
    generator = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", generator.normal(size=(200, 2)))
    assert run("train", tmp_path / "x.npy", "-o", tmp_path / "r", "--steps", "2", "--quiet", *TINY)[0] == 0
    assert run("evaluate", tmp_path / "r", "--json")[0] == 0
    np.save(tmp_path / "x.npy", generator.normal(size=(200, 2)))
    assert "sha256 differs" in refused(5, "x.npy is not the data", "evaluate", tmp_path / "r")
    (tmp_path / "x.npy").unlink()
    refused(5, "is gone: no file or folder", "evaluate", tmp_path / "r")


# ---- what people see of columns


@pytest.fixture(scope="module")
def spending(tmp_path_factory):
    """A short run on incomes over five orders of magnitude and amounts of which four in five are 0, all learnt as continuous numbers, and what
    training said of it."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("spending")
    amount = np.where(rng.random(600) < 0.8, 0, np.exp(rng.normal(5, 1, 600)))
    columns = np.c_[np.exp(rng.normal(7, 2.5, 600)), rng.normal(45, 12, 600), amount]
    np.savetxt(folder / "x.csv", columns, delimiter=",", header="income [euro],age,amount", comments="", fmt="%.4f")
    flags = ("--data.encoder", "standardise", "--steps", "40", "--optim.lr", "3e-3", *TINY)
    code, _, err = run("train", folder / "x.csv", "-o", folder / "r", *flags)
    assert code == 0, err
    return folder / "r", err


def test_training_and_evaluation_name_the_column_that_is_wrong(spending):
    """Catches "at the floor" three times beside samples without a zero, where four in five true rows are exactly 0."""
    folder, said = spending
    assert "warning: column 'amount' is exactly 0 in " in said
    kept = json.loads((folder / "samples" / "scores.json").read_text())
    assert ["column 'amount'"] in [fault["columns"] for fault in kept["shares"]["faults"]]
    code, out, _ = run("evaluate", folder)
    assert code == 0
    assert "Is it good? No: column" in out
    assert "column 'amount' is exactly 0 in " in out.replace("Column", "column")
    assert "income [euro]" in out  # brackets are text
    assert "column 'income [euro]' is exactly" not in out.replace("Column", "column")  # what would be negative is no heap
    assert max(map(len, out.splitlines())) <= 120
    found = result(folder)
    assert (found["good"]["answer"], found["good"]["why"][:8]) == ("no", "column '")
    atoms = [row for row in found["shares"]["each"] if (row["column"], row["measure"]) == ("column 'amount'", "atom")]
    assert (atoms[0]["at"], atoms[0]["value"] < atoms[0]["chance"][0]) == (0, True)
    assert atoms[0]["chance"][0] < atoms[0]["floor"] < atoms[0]["chance"][1]


def test_few_rows_a_set_name_what_is_wrong_or_say_that_they_are_few(spending, tmp_path):
    # Catches a "yes" of 100 rows that is luck, for a model that is good and for one that is not.
    told = result(spending[0], "-n", "20")
    assert told["good"]["answer"] == "no"
    assert told["honest"]["answer"] == "too few rows to tell"
    model = unstir.load(spending[0])
    np.save(tmp_path / "own.npy", model.sample(1000, seed=77))  # rows that the model itself has made: it is perfect for them
    few, many = (result(spending[0], tmp_path / "own.npy", "-n", n)["good"] for n in ("40", "500"))
    assert few["answer"] == "too few rows to tell"
    assert "evaluate with -n 1" in few["why"]
    assert many["answer"].startswith("yes")


def test_the_zeros_of_a_table_of_numbers_are_kept(spending, tmp_path):
    # Catches amounts that are smeared around the zero that four in five have, and a preset of points for an encoded row.
    settings = ("--steps", "150", "--quiet", *TINY)
    assert run("train", spending[0].parent / "x.csv", "-o", tmp_path / "r", *settings)[0] == 0
    assert run("sample", tmp_path / "r", "-n", "1000", "-o", tmp_path / "x.csv")[0] == 0
    samples = np.loadtxt(tmp_path / "x.csv", delimiter=",", skiprows=1)
    assert (samples[:, 2] == 0).mean() == pytest.approx(0.78, abs=0.08)
    assert (samples[:, 0] > 0).all()
