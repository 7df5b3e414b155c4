"""A mixed table from end to end: trained, evaluated, and on its page; scores, words, pictures and plain numbers."""

import json

import numpy as np
import pytest

from commands import PNG, TINY, run


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A table of 340 people with words, zeros, gaps and a date, and a short run on it."""
    folder = tmp_path_factory.mktemp("people")
    rng = np.random.default_rng(0)
    lines = ["pet,gain,age,<b>"]
    for _ in range(340):
        pet = rng.choice(["cat", "dog", "cow"])
        gain = 0 if rng.random() < 0.8 else round(rng.gamma(2, 300))
        age = "" if rng.random() < 0.2 else f"{rng.normal(40 if pet == 'dog' else 20, 4):.1f}"
        lines.append(f"{pet},{gain},{age},{'yes' if rng.random() < 0.4 else 'no'}")
    (folder / "people.csv").write_text("\n".join(lines) + "\n")
    code, _, err = run(*("train", folder / "people.csv", "-o", folder / "run", "--steps", "30", "--data.held-out", "0.3", *TINY))
    assert code == 0, err
    return folder / "run", folder / "people.csv", err


def test_training_ends_with_the_scores_of_the_table_and_its_pictures(people):
    # Catches distances between codes, in which a category has an order.
    folder, _, err = people
    assert "column shapes: " in err
    assert "pair trends: " in err
    assert "sliced W2" not in err
    for name in ("columns", "missing", "associations", "samples"):
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(PNG)
    said = json.loads((folder / "samples" / "scores.json").read_text())
    assert all(np.isfinite([score["value"], score["floor"]]).all() for score in said["scores"])


def test_evaluate_says_each_score_beside_its_floor(people):
    folder, path, _ = people
    code, out, err = run("evaluate", folder, "--json")
    assert code == 0, err
    found = json.loads(out)
    names = [score["metric"] for score in found["scores"]]
    assert names[1:5] == ["column shapes", "pair trends", "AUC of trees, samples or true", "columns from the others"]
    columns = {one["column"]: one for one in found["mixed"]["columns"]}
    assert set(columns) == {"pet", "gain", "age", "<b>"}
    assert columns["age"]["true_missing"] == pytest.approx(0.2, abs=0.06)
    assert columns["pet"]["from_the_others"]["floor"] > 0.7  # a dog's age says that it is one
    assert np.shape(found["mixed"]["trends"]) == np.shape(found["mixed"]["associations"]) == (4, 4)
    assert found["good"]["answer"] in ("no", "nearly")  # after 30 steps
    assert found["columns"] is None
    code, out, err = run("evaluate", folder, path)  # other rows, in words
    assert code == 0, err
    assert "Boosted trees tell samples from true rows with an AUC of" in out.replace("\n      ", " ")
    assert "worst shape first" in out


def test_the_page_shows_cells_gaps_and_associations(people):
    folder = people[0]
    code, _, err = run("report", folder)
    assert code == 0, err
    page = (folder / "report.html").read_text()
    contents = json.loads((folder / "report.json").read_text())
    cells = {cell["name"]: cell for cell in contents["good"]["cells"]}
    assert {state["name"] for state in cells["pet"]["states"]} == {"cat", "dog", "cow"}
    assert sum(state["true"] for state in cells["pet"]["states"]) == pytest.approx(1)
    assert cells["age"]["missing"][1] == pytest.approx(0.2, abs=0.06)
    assert cells["gain"]["bars"]["true"][0] > 0.7  # the zeros
    assert contents["good"]["associations"]["called"] == "an association"
    assert "<h3>Missing cells</h3>" in page
    assert "&lt;b&gt;" in page
    assert "<span><b></span>" not in page
    assert contents["information"] is None


def test_a_table_of_numbers_with_zeros_is_judged_and_shown_by_its_cells(tmp_path):
    # Catches what goes by the kinds of the columns, where it is the encoder that was chosen that decides.
    rng = np.random.default_rng(0)
    rows = np.stack([np.where(rng.random(200) < 0.6, 0, rng.integers(1, 999, 200)), rng.integers(0, 999, 200)], 1)
    (tmp_path / "bills.csv").write_text("paid,due\n" + "\n".join(f"{a},{b}" for a, b in rows.tolist()) + "\n")
    code, out, err = run("inspect", tmp_path / "bills.csv")
    assert code == 0, err
    assert "'paid' has the same values again and again" in " ".join(out.split())
    code, _, err = run("train", tmp_path / "bills.csv", "-o", tmp_path / "run", "--steps", "20", *TINY)
    assert code == 0, err
    assert "column shapes: " in err
    assert "sliced W2" not in err
    assert (tmp_path / "run" / "figures" / "associations.png").read_bytes().startswith(PNG)
    code, _, err = run("information", tmp_path / "run")
    assert code == 2
    assert "--data.encoder standardise" in " ".join(err.split())
