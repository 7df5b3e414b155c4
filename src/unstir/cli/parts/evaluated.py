"""What `unstir evaluate` answers: tables with a verdict in every row for people, one object with everything for programs."""

from dataclasses import asdict
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from unstir.evaluation.answers import Found, answers
from unstir.evaluation.columns import Seen
from unstir.evaluation.likeness import Likeness
from unstir.evaluation.memorisation import Levels
from unstir.evaluation.mixed import SHAPES, TAUGHT, TOLD, TRENDS, Mixed
from unstir.evaluation.scores import REPEATS, as_json
from unstir.evaluation.verdict import SURE, Good
from unstir.metrics.moments import chance
from unstir.words import percent, short, with_spread

WORST = 6  # columns shown
COLUMNS = 24  # of a mixed table
CALLED = {
    "precision": "precision: samples where the data is",
    "recall": "recall: data where samples are",
    "density": "density: as crowded as the data",
    "coverage": "coverage: true rows with samples near",
    "precision, features": "precision, features: samples near data",
    "recall, features": "recall, features: data near samples",
    "density, features": "density, features: as crowded as the data",
    "coverage, features": "coverage, features: rows with samples near",
    "class right": "class right: a classifier agrees",
    SHAPES: "column shapes: 1 - KS or 1 - variation",
    TRENDS: "pair trends: how columns go together",
    TOLD: "AUC of trees that tell samples, 0.5 best",
    TAUGHT: "columns from the others: AUC or R2",
}


def scores_table(found: Found, title: str) -> Table:
    """Every measure beside what true rows give."""
    table = Table("measure", "samples", "true rows (floor)", "rows", "verdict", title=title)
    if found.good:
        for s in found.good.scores:
            value, floor = with_spread(s.value, s.deviation), with_spread(s.floor, s.floor_deviation)
            table.add_row(CALLED.get(s.metric, s.metric), value, floor, f"{s.rows:,}", s.verdict)
        for test, of in found.good.tests:
            told = "told apart" if test.p_value < SURE else "not told apart"
            floor, verdict = with_spread(test.floor, test.floor_deviation), f"{told}, p = {test.p_value:.3f}"
            table.add_row(f"energy distance, {of} relabelled", f"{test.distance:.2g}", floor, f"{test.rows:,}", verdict)
        table.add_section()
        table.caption = (
            f"± is over {REPEATS} comparisons; true rows themselves miss 'at the floor' (or ceiling) about 1 time in 20"
        )
    if found.memory:
        m = found.memory
        share = f"{percent(m.close_expected)}, at most {percent(m.close_at_most)}"
        table.add_row(
            "nearest training row: distance ratio", f"{m.ratio:.3f}", f"1 ± {m.ratio_deviation:.3f}", f"{m.rows:,}", m.verdict
        )
        table.add_row("nearer to one than 99 % of true rows", percent(m.close), share, f"{m.rows:,}", m.verdict)
    if found.levels and found.levels.gap:
        gap, error = (percent(part) for part in found.levels.gap)
        table.add_row("held-out error above training error", gap, f"0 ± {error}", f"{found.levels.rows:,}", found.levels.verdict)
    return table


def faults_table(seen: Seen) -> Table:
    """What chance does not explain, the worst first: shares of rows beside those of true rows. Empty where nothing is off."""
    title = f"Shares of {seen.shares.rows:,} samples and of {seen.shares.true_rows:,} true rows, each beside what chance gives"
    table = Table("what is off", "samples", "true rows", "by chance", "verdict", title=title)
    for s in seen.shares.off[:WORST]:
        chance = f"{percent(s.low)} to {percent(s.high)}"
        what, value = seen.told(s)
        table.add_row(escape(what), percent(value), percent(s.true), chance, s.verdict)
    return table


def columns_table(good: Good, names: tuple[str, ...]) -> Table:
    """The columns that are off most, worst first."""
    if good.mixed is not None:
        return mixed_table(good.mixed)
    assert good.columns is not None
    worst = np.argsort(-np.abs(good.columns.z).max(axis=0), kind="stable")[:WORST]
    which = "Columns" if len(names) <= WORST else f"{WORST} of {len(names)} columns"
    title = f"{which}, worst first, ± standard error; z: the difference in standard errors"
    table = Table("column", "mean: samples", "true rows", "deviation: samples", "true rows", "z", title=title)
    c, limit = good.columns, chance(len(names))
    for i in worst:
        pairs = [(part[row, i], error[row, i]) for row in (0, 1) for part, error in c.sides]
        z = c.z[:, i][np.abs(c.z[:, i]).argmax()]
        table.add_row(names[i], *(with_spread(*pair) for pair in pairs), f"{z:+.1f}" + (" off" if abs(z) > limit else ""))
    return table


def mixed_table(mixed: Mixed) -> Table:
    """The columns of a mixed table, those first whose shape is farthest below its ceiling: shape, what the others say of it, gaps."""
    loss = [0.0 if score is None else score.value - score.floor for score in mixed.shapes]
    worst = np.argsort(loss, kind="stable")[:COLUMNS]
    names = mixed.table.names
    which = "Columns" if len(names) <= COLUMNS else f"{COLUMNS} of {len(names)} columns"
    title = f"{which}, worst shape first, each beside what true rows give"
    table = Table("column", "kind", "shape", "true rows", "from the others", "true rows", "missing", "true rows", title=title)
    for i in worst:
        pairs = [
            ("-", "-") if one is None else (f"{one.value:.3f}", f"{one.floor:.3f}") for one in (mixed.shapes[i], mixed.taught[i])
        ]
        gaps = [percent(share) for share in mixed.missing[:, i]] if mixed.missing[:, i].any() else ["-", "-"]
        table.add_row(escape(short(names[i], 24)), mixed.table.columns[i].kind, *pairs[0], *pairs[1], *gaps)
    return table


def levels_table(levels: Levels) -> Table:
    """The error of x0_hat by noise level, on unseen and on training rows."""
    title = "Error of x0_hat by noise level, 1 is the data's variance, ± standard error"
    rows = "true rows" if levels.training is None else "held-out rows"
    table = Table("log-SNR", rows, "training rows", "unit Gaussian baseline", title=title)
    for k, level in enumerate(levels.log_snr):
        sides = ["-" if part is None else with_spread(*part[:, k]) for part in (levels.unseen, levels.training)]
        table.add_row(f"{level:+.0f}", *sides, f"{levels.baseline[k]:.4g}")
    return table


def document_of(found: Found, names: tuple[str, ...]) -> dict[str, Any]:
    """Everything that was found, with every column, as plain numbers; null for what was not found."""
    document: dict[str, Any] = dict.fromkeys(
        ("scores", "features", "neighbourhoods", "permutation_test", "permutation_test_of_ranks", "shares", "columns")
    )
    if found.good:
        good = found.good
        document |= {
            "scores": as_json(good.distances),
            "features": _features(good.likeness) if good.likeness else None,
            "neighbourhoods": as_json(good.neighbourhoods),
            "permutation_test": asdict(good.test),
            "permutation_test_of_ranks": asdict(good.ranks) if good.ranks else None,
            "shares": good.seen.as_json(),
        }
        if good.mixed:
            document |= {"scores": as_json([*good.distances, *good.mixed.scores]), "mixed": good.mixed.as_json()}
    if found.good and found.good.columns:
        good, z = found.good, found.good.columns.z
        parts = {name: getattr(good.columns, name).tolist() for name in ("sampled", "sampled_error", "true", "true_error")}
        each = [
            {"name": name}
            | {
                f"{kind}_{part}": values[row][i]
                for row, kind in enumerate(("mean", "deviation"))
                for part, values in parts.items()
            }
            | {"mean_z": float(z[0, i]), "deviation_z": float(z[1, i])}
            for i, name in enumerate(names)
        ]
        document["columns"] = {
            "largest_z": good.largest_z,
            "floor": good.columns_floor,
            "chance": chance(len(names)),
            "each": each,
        }
    memory, levels = found.memory, found.levels
    document["memorisation"] = asdict(memory) | {"verdict": memory.verdict} if memory else None
    document["held_out_error"] = _levels(levels) if levels else None
    document["held_out_gap"] = _gap(levels) if levels and levels.gap else None
    said: dict[str, Any] = {"good": None, "honest": None}
    said |= {
        name: {"answer": answer.word, "why": answer.why, "evidence": answer.evidence} for name, answer in answers(found).items()
    }
    return document | said | {"notes": found.reasons}


def _features(like: Likeness) -> dict[str, Any]:
    return asdict(like) | {"scores": as_json(like.scores), "note": like.note}


def _gap(levels: Levels) -> dict[str, Any]:
    gap, error = levels.gap or (None, None)
    return {"gap": gap, "error": error, "by_chance": levels.gap_by_chance, "rows": levels.rows, "verdict": levels.verdict}


def _levels(levels: Levels) -> list[dict[str, float]]:
    """An object a level of noise."""
    parts = {
        "log_snr": levels.log_snr,
        "mse": levels.unseen[0],
        "mse_error": levels.unseen[1],
        "unit_gaussian": levels.baseline,
    }
    if levels.training is not None:
        parts |= {"training": levels.training[0], "training_error": levels.training[1]}
    return [{name: float(part[k]) for name, part in parts.items()} for k in range(len(levels.log_snr))]
