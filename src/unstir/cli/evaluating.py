"""`unstir evaluate`: is it good, and is it honest? Each number beside what true rows give, and the answers in words."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from unstir.cli.using import show
from unstir.cli.verdicts import columns_table, levels_table, scores_table
from unstir.data import Data, load
from unstir.diffusion.samplers import default
from unstir.errors import StorageError, UsageError
from unstir.evaluation import scores as room
from unstir.evaluation.answers import Found, answers, examine, or_why
from unstir.evaluation.likeness import Likeness
from unstir.evaluation.memorisation import Levels
from unstir.evaluation.scores import Truth, truth_of
from unstir.metrics.distances import half_split_pairs
from unstir.metrics.moments import chance
from unstir.model.model import Model
from unstir.model.model import load as load_model
from unstir.model.sampling import Sampling
from unstir.runs.data import read_data
from unstir.training.config import read_config, resolve


def evaluate(
    run: Path,
    source: str | None,
    labels: str | None,
    missing: str,
    size: str | None,
    steps: int,
    method: str | None,
    seed: int,
    rows: int | None,
    as_object: bool,
) -> None:
    """Score against the run's own data, or against other true rows of the same shape; `rows` a set, if not what the model is worth."""
    model, reasons = load_model(run), []
    most = rows or room.worth(model)
    if source is None:
        config = resolve(read_config(run / "config.toml"))
        data, held_out = _own_data(run, config), config.data.held_out
        training, unseen = data.split(held_out, config.seed)
        truth = or_why(
            reasons,
            "samples were not compared with true rows",
            lambda: truth_of(data, held_out, config.seed, most=most),
        )
    else:
        training, unseen = None, _other_data(source, labels, missing, size, model)
        truth = _halves(unseen, most)
        reasons += [f"note: {note}" for note in unseen.notes]
        reasons.append(f"note: whether it memorises shows beside its own training rows: unstir evaluate {run}")
    found = examine(model, truth, unseen, training, Sampling(steps, method, seed=seed), reasons)
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


def as_json(found: Found, names: tuple[str, ...]) -> dict[str, Any]:
    """Everything that was found, every column included, as plain numbers; null for what was not."""
    document: dict[str, Any] = dict.fromkeys(("scores", "features", "neighbourhoods", "permutation_test", "columns"))
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
            "features": _features(good.likeness) if good.likeness else None,
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


def _features(like: Likeness) -> dict[str, Any]:
    return asdict(like) | {"scores": room.as_json(like.scores), "note": like.note}


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


def _other_data(source: str, labels: str | None, missing: str, size: str | None, model: Model) -> Data:
    height_width = resolve({"data": {"size": size}}).data.height_width
    data = load(source, labels=labels, missing=missing, size=height_width)
    if data.shape != model.card.shape:
        raise UsageError(
            f"{source} has rows of shape {data.shape}, but the model was trained on {model.card.shape}. "
            "If one column is the class, name it: --labels NAME."
        )
    if len(data) < 2 * room.FEWEST:
        raise UsageError(f"{source} has {len(data)} rows; comparing takes at least {2 * room.FEWEST}.")
    return data


def _halves(data: Data, most: int) -> Truth:
    """One random half of the rows against the other is the floor."""
    numbers, rng = np.arange(len(data)), np.random.default_rng(0)
    pairs = half_split_pairs(numbers, min(most, len(data) // 2), room.REPEATS, rng)
    true, others = zip(*((room.flat(data.take(a)), room.flat(data.take(b))) for a, b in pairs), strict=True)
    return Truth(true, others)
