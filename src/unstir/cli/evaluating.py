"""`unstir evaluate`: is it good, and is it honest? Each number beside what true rows give, and the answers in words."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from unstir import evaluate as room
from unstir.cli.using import show
from unstir.cli.verdicts import Found, Good, answers, columns_table, levels_table, scores_table
from unstir.config import read_config, resolve
from unstir.datasets import Data, load
from unstir.errors import StorageError, UsageError
from unstir.evaluate import Truth, truth_of
from unstir.honesty import Levels, errors_by_level, remembers
from unstir.metrics.distances import half_split_pairs
from unstir.metrics.moments import chance, columns
from unstir.model import Model
from unstir.model import load as load_model
from unstir.runs import read_data
from unstir.samplers import default

WITHOUT_TRUTH = 1000  # samples, where there is no truth to say how many
T = TypeVar("T")


def evaluate(
    run: Path,
    source: str | None,
    labels: str | None,
    missing: str,
    steps: int,
    method: str | None,
    seed: int,
    as_object: bool,
) -> None:
    """Score against the run's own data, or against other true rows of the same shape."""
    model, reasons = load_model(run), []
    if source is None:
        config = resolve(read_config(run / "config.toml"))
        data, held_out = _own_data(run, config), config.data.held_out
        training, unseen = data.split(held_out, config.seed)
        truth = _or_why(reasons, "samples were not compared with true rows", lambda: truth_of(data, held_out, config.seed))
    else:
        training, unseen = None, _other_data(source, labels, missing, model)
        truth = _halves(unseen)
        reasons.append(f"note: whether it memorises shows beside its own training rows: unstir evaluate {run}")
    found = examine(model, truth, unseen, training, {"steps": steps, "method": method, "seed": seed}, reasons)
    how = {"run": str(run), "steps": steps, "method": method or default(steps), "seed": seed}
    names = model.card.names or tuple(f"x{i}" for i in range(len(room.scale_of(model))))
    if as_object:
        print(json.dumps(how | as_json(found, names)))
        return
    tables = [scores_table(found, f"{run}: {how['method']}, {steps} evaluations, seed {seed}")]
    tables += [columns_table(found.good, names)] if found.good else []
    tables += [levels_table(found.levels)] if found.levels else []
    show(*(table for table in tables if table.row_count))
    print("\n".join(map(str, [*answers(found, names).values(), *reasons])))


def examine(
    model: Model, truth: Truth | None, unseen: Data, training: Data | None, how: dict[str, Any], reasons: list[str]
) -> Found:
    """All that can be found out from the rows at hand; for what cannot, a reason is added."""
    scale = room.scale_of(model)
    if truth is None:
        good, true = None, room.flat(unseen)
        samples = np.asarray(model.sample(WITHOUT_TRUTH, **how), dtype=np.float64).reshape(WITHOUT_TRUTH, -1)
    else:
        sets, true = room.draw(model, truth, **how), truth.true[0]
        good, samples = compared(sets, truth, scale, how["seed"]), np.concatenate(sets)
    memory = None
    if training is not None:
        known = room.flat(training)
        memory = _or_why(reasons, "memorising was not looked for", lambda: remembers(samples, true, known, scale))
    levels = _or_why(reasons, "no errors by noise level", lambda: errors_by_level(model, unseen, training, how["seed"]))
    return Found(good, memory, levels, reasons)


def compared(sets: list[np.ndarray], truth: Truth, scale: np.ndarray, seed: int) -> Good:
    """What samples are worth beside true rows, in every measure."""
    one, other = room.true_pairs(truth)[0]
    return Good(
        room.compare(sets, truth, scale),
        room.neighbourhoods(sets, truth, scale),
        room.told_apart(sets[0], truth.true[0], scale, seed),
        columns(sets[0], truth.true[0]),
        float(np.abs(columns(one, other).z).max()),
    )


def as_json(found: Found, names: tuple[str, ...]) -> dict[str, Any]:
    """Everything that was found, every column included, as plain numbers; null for what was not."""
    document: dict[str, Any] = {"scores": None, "neighbourhoods": None, "permutation_test": None, "columns": None}
    if found.good:
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
        document |= {
            "scores": room.as_json(good.distances),
            "neighbourhoods": room.as_json(good.neighbourhoods),
            "permutation_test": asdict(good.test),
            "columns": {"largest_z": good.largest_z, "floor": good.columns_floor, "chance": chance(len(names)), "each": each},
        }
    memory, levels = found.memory, found.levels
    document["memorisation"] = asdict(memory) | {"verdict": memory.verdict} if memory else None
    document["held_out_error"] = _levels(levels) if levels else None
    document["held_out_gap"] = _gap(levels) if levels and levels.gap else None
    said: dict[str, Any] = {"good": None, "honest": None}
    said |= {name: {"answer": answer.word, "evidence": answer.evidence} for name, answer in answers(found, names).items()}
    return document | said | {"notes": found.reasons}


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


def _own_data(run: Path, config: Any) -> Data:
    try:
        return read_data(run, config)
    except StorageError as error:
        raise StorageError(f"{error} Or name other true rows: unstir evaluate {run} DATA.") from None


def _other_data(source: str, labels: str | None, missing: str, model: Model) -> Data:
    data = load(source, labels=labels, missing=missing)
    if data.shape != model.card.shape:
        raise UsageError(
            f"{source} has rows of shape {data.shape}, but the model was trained on {model.card.shape}. "
            "If one column is the class, name it: --labels NAME."
        )
    if len(data) < 2 * room.FEWEST:
        raise UsageError(f"{source} has {len(data)} rows; comparing takes at least {2 * room.FEWEST}.")
    return data


def _halves(data: Data) -> Truth:
    """One random half of the rows against the other is the floor."""
    rows = room.flat(data)
    pairs = list(half_split_pairs(rows, min(room.MOST, len(rows) // 2), room.REPEATS, np.random.default_rng(0)))
    return Truth([a for a, _ in pairs], [b for _, b in pairs])


def _or_why(reasons: list[str], what: str, find: Callable[[], T]) -> T | None:
    """What was found, or None and one reason more."""
    try:
        return find()
    except UsageError as error:
        reasons.append(f"note: {what}: {error}")
        return None
