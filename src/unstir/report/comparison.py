"""What is in a comparison's report: the scores of every seed with their intervals and floors, and one seed's samples.

results.json   samples/*.npz   comparison.json  ->  contents          all that `unstir compare` left in its folder     (1)
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unstir import __version__
from unstir.comparison.layout import OFF
from unstir.data import Data
from unstir.data.layouts import kind_of
from unstir.diffusion.schedules import schedule
from unstir.encoders.affine import fit_encoder
from unstir.errors import StorageError, UnstirError
from unstir.evaluation.scores import REPEATS
from unstir.files import storage_errors
from unstir.report.contents import FORMAT
from unstir.report.errors import schedules
from unstir.report.packing import pack
from unstir.report.subject import MOST_STEPS
from unstir.report.view import View, view_of
from unstir.report.words import schedule_words
from unstir.runs.folder import now, read_about, read_data
from unstir.training.config import Config, resolve

FEW, DRAWN = 5, 1000  # alternatives of which all clouds are shown, points of a cloud
BYTES = 1_000_000  # of packed clouds
CALLED = {OFF: "share off the data"}
LEFT_OUT = 1  # of many alternatives the second way of sampling is shown


def comparison_contents(folder: Path) -> dict[str, Any]:
    """The contents of a comparison's report. Raises StorageError where it is none, or has no results yet."""
    about, results, identity = read_about(folder), _json(folder / "results.json"), _json(folder / "comparison.json")
    config = resolve(identity["trainings"][0]["config"])
    data, why = None, []
    try:
        data = read_data(folder, config)
    except UnstirError as error:
        why = [f"The data is not at hand, so samples are not shown: {error}"]
    columns = [_column(results, verdict) for verdict in results["verdicts"]]
    chosen = None if results["what"] == "schedules" else config.diffusion.schedule
    settings = dict(config.diffusion.settings) | ({} if config.diffusion.T is None else {"T": config.diffusion.T})
    curves = schedules(schedule(config.diffusion.schedule, **settings), chosen)
    verdicts = [f"{CALLED.get(one['score'], one['score'])}, {one['column']}: {one['verdict']}" for one in results["verdicts"]]
    return {
        "format": FORMAT,
        "title": folder.resolve().name,
        "status": about.get("status", "running"),
        "why": about.get("why") or None,
        "step": None,
        "steps": results["steps"],
        "written": now(),
        "version": __version__,
        "data": None if data is None else _described(data, config),
        "words": {
            "comparison": [
                f"{len(results['seeds'])} trainings of each on the same rows with the same budget, {results['steps']:,} steps. A dot is a "
                "seed, the bar its mean with a 95 % interval, and the floor is what true rows score beside other true rows.",
                *verdicts,
                *results["remarks"],
                *why,
            ],
            "schedules": schedule_words(curves, config.diffusion.T or MOST_STEPS),
            "lecture": [],
        },
        "schedules": curves,
        "comparison": {
            "what": results["what"],
            "seeds": len(results["seeds"]),
            "steps": results["steps"],
            "columns": columns,
            "clouds": [] if data is None else _clouds(folder, identity, columns, data, config),
        },
        **dict.fromkeys(("forward", "reverse", "hard", "good", "run")),
    }


def _column(results: dict[str, Any], verdict: dict[str, str]) -> dict[str, Any]:
    cells = [cell for cell in results["table"] if (cell["score"], cell["column"]) == (verdict["score"], verdict["column"])]
    return {
        "score": CALLED.get(verdict["score"], verdict["score"]),
        "sampling": verdict["column"],
        "floor": [cells[0]["floor"], cells[0]["floor_deviation"] / REPEATS**0.5],
        "verdict": verdict["verdict"],
        "cells": [
            {
                "name": cell["alternative"],
                "scores": cell["scores"],
                "mean": cell["mean"],
                "low": cell["interval"][0],
                "high": cell["interval"][1],
                "words": cell["verdict"],
                "seconds": cell["means"]["seconds"],
            }
            for cell in cells
        ],
    }


def _described(data: Data, config: Config) -> dict[str, Any]:
    training, unseen = data.split(config.data.held_out, config.seed)
    classes = [] if config.data.labels == "none" else list(data.classes)
    kind = {"table": "vectors", "arrays": "vectors"}.get(kind_of(data.shape), kind_of(data.shape))
    counts = {"rows": len(data), "trained_on": len(training), "held_out": len(unseen)}
    return {"source": data.source, **counts, "shape": list(data.shape), "dtype": data.dtype, "names": list(data.names)} | {
        "classes": classes,
        "kind": kind,
    }


def _clouds(
    folder: Path, identity: dict[str, Any], columns: Sequence[dict[str, Any]], data: Data, config: Config
) -> list[dict[str, Any]]:
    """The first seed's samples beside the data, way of sampling by way of sampling, as points of a plane."""
    values = torch.as_tensor(data.values).flatten(1)
    encoder = fit_encoder(config.data.encoder, values)
    few = np.random.default_rng(0).permutation(len(data))[: 2 * DRAWN]
    rows = encoder.encode(values[few])
    view = view_of(tuple(values.shape[1:]), data.names, rows, encoder, (0, 0))
    drawn = {}
    for training in identity["trainings"]:
        path = folder / "samples" / f"{training['name']}.npz"
        with storage_errors(path), np.load(path, allow_pickle=False) as file:
            drawn |= {(r["alternative"], r["column"]): file[str(i)] for i, r in enumerate(training["readings"])}
    ways = list(dict.fromkeys(column["sampling"] for column in columns))
    names = [cell["name"] for cell in columns[0]["cells"]]
    shown = ways if len(names) <= FEW else ways[LEFT_OUT : LEFT_OUT + 1]
    points = min(DRAWN, BYTES // (4 * (len(names) + 1) * len(shown)))
    box = view.frame(view.project(rows))
    clouds = []
    for way in shown:
        own = [column for column in columns if column["sampling"] == way]
        panels = [{"name": "data", "rows": _points(view, rows, points), "text": ""}]
        for i, name in enumerate(cell["name"] for cell in own[0]["cells"]):
            samples = encoder.encode(torch.as_tensor(drawn[name, way], dtype=torch.float64))
            text = ", ".join(f"{column['score']} {column['cells'][i]['scores'][0]:.3g}" for column in own)
            panels.append({"name": name, "rows": _points(view, samples, points), "text": text})
        clouds.append({"title": way, "frame": box, "axes": view.axes, "panels": panels})
    return clouds


def _points(view: View, rows: torch.Tensor, n: int) -> dict[str, Any]:
    return pack(view.project(rows[: n * view.rows_each]))


def _json(path: Path) -> dict[str, Any]:
    with storage_errors(path):
        try:
            return json.loads(path.read_text())
        except ValueError as error:
            raise StorageError(f"{path} is damaged: {error}. Use another copy.") from None
