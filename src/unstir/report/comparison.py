"""The contents of a comparison's page: the scores of every seed with intervals and floors, and the samples of the first seed.

    results.json, samples/*.npz, comparison.json   ->   contents

Nothing is computed again: `unstir compare` has written all of it.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unstir import __version__
from unstir.comparison.layout import OFF
from unstir.data import Data
from unstir.data.levels import span_of
from unstir.diffusion.schedules import schedule
from unstir.encoders.base import fit_encoder
from unstir.errors import StorageError, UnstirError
from unstir.evaluation.scores import REPEATS
from unstir.files import storage_errors
from unstir.plots.looks import colour_of
from unstir.report.colours import style_of
from unstir.report.contents import FORMAT
from unstir.report.errors import schedules
from unstir.report.packing import pack
from unstir.report.subject import MOST_STEPS
from unstir.report.view import lay_out, view_of
from unstir.report.words import schedule_words
from unstir.runs.about import read_about
from unstir.runs.comparison import IDENTITY
from unstir.runs.data import read_data
from unstir.runs.environment import now
from unstir.training.config import Config, resolve
from unstir.words import spelled

FEW = 5  # with more alternatives than this, samples are shown for one way of sampling only
SHOWN_OF_MANY = 1  # the index of that way of sampling
DRAWN = 1000  # points in a panel at most
FEWEST, PICTURES = 4, 16  # images or sequences in a panel
BYTES = 1_000_000  # of all panels together at most
CALLED = {OFF: "share off the data"}


def comparison_contents(folder: Path) -> dict[str, Any]:
    """The contents of the page of a comparison. Raises StorageError if the folder is not one, or has no results yet."""
    about, results, identity = read_about(folder), _json(folder / "results.json"), _json(folder / IDENTITY)
    config = resolve(identity["trainings"][0]["config"])
    data, why = None, []
    try:
        data = read_data(folder, config)
    except UnstirError as error:
        why = [f"The data cannot be read, so no samples are shown: {error}"]
    columns = [_column(results, verdict) for verdict in results["verdicts"]]
    chosen = None if results["what"] == "schedules" else config.diffusion.schedule
    curves = schedules(schedule(config.diffusion.schedule, **config.diffusion.schedule_settings), chosen)
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
                f"Each alternative was trained {len(results['seeds'])} times on the same rows, for {results['steps']:,} steps. A dot is the "
                "score of one seed, the bar is the mean with its 95 % interval, and the floor is the score of other true rows.",
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
            "samples": [] if data is None else _samples(folder, identity, columns, data, config),
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
                "colour": style_of(colour_of(cell["alternative"])),
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
    kind = {"table": "vectors", "arrays": "vectors"}.get(data.kind, data.kind)
    counts = {"rows": len(data), "trained_on": len(training), "held_out": len(unseen)}
    return {
        "source": spelled(data.source),
        **counts,
        "shape": list(data.shape),
        "dtype": data.dtype,
        "names": list(data.names),
    } | {
        "classes": classes,
        "kind": kind,
    }


def _samples(
    folder: Path, identity: dict[str, Any], columns: Sequence[dict[str, Any]], data: Data, config: Config
) -> list[dict[str, Any]]:
    """The samples of the first seed beside true rows: a list of panels for each way of sampling."""
    drawn = {}
    for training in identity["trainings"]:
        path = folder / "samples" / f"{training['name']}.npz"
        with storage_errors(path), np.load(path, allow_pickle=False) as file:
            drawn |= {(r["alternative"], r["column"]): file[str(i)] for i, r in enumerate(training["readings"])}
    ways = list(dict.fromkeys(column["sampling"] for column in columns))
    names = [cell["name"] for cell in columns[0]["cells"]]
    shown = ways if len(names) <= FEW else ways[SHOWN_OF_MANY : SHOWN_OF_MANY + 1]
    look, packed = (_in_space if data.layout else _in_the_plane)(data, config, (len(names) + 1) * len(shown))
    true = {
        "name": "data",
        "rows": packed(data.rows[np.random.default_rng(0).permutation(len(data))[: 2 * DRAWN]]),
        "text": "",
        "colour": "soft",
    }
    found = []
    for way in shown:
        own = [column for column in columns if column["sampling"] == way]
        panels = [true]
        for i, name in enumerate(cell["name"] for cell in own[0]["cells"]):
            colour = own[0]["cells"][i]["colour"]
            text = ", ".join(f"{column['score']} {column['cells'][i]['scores'][0]:.3g}" for column in own)
            panels.append(
                {"name": name, "rows": packed(drawn[name, way].reshape(-1, *data.shape)), "text": text, "colour": colour}
            )
        found.append({"title": way, **look, "panels": panels})
    return found


Packed = Callable[[np.ndarray], dict[str, Any]]
"""Packs rows (n, ...) in the data's units as a panel shows them."""


def _in_the_plane(data: Data, config: Config, panels: int) -> tuple[dict[str, Any], Packed]:
    """Points and tables are shown as points of a plane, in the model's space: the plane's frame and axes, and what packs the rows."""
    values = torch.as_tensor(data.values).flatten(1)
    encoder = fit_encoder(config.data.encoder, values)
    rows = encoder.encode(values[np.random.default_rng(0).permutation(len(data))[: 2 * DRAWN]])
    view = view_of(tuple(values.shape[1:]), None, data.names, rows, encoder, (0, 0))
    points = min(DRAWN, BYTES // (4 * panels))

    def packed(x: np.ndarray) -> dict[str, Any]:
        encoded = encoder.encode(torch.as_tensor(x).flatten(1))
        return pack(view.project(encoded[: points * view.rows_each]))

    return {"show": "points", "frame": view.frame(view.project(rows)), "axes": view.axes}, packed


def _in_space(data: Data, _: Config, panels: int) -> tuple[dict[str, Any], Packed]:
    """Images and sequences are shown as pictures and curves, in the data's units: the range of values, and what packs the rows."""
    row_layout = data.layout
    assert row_layout is not None
    low, high = span_of(data)
    reduced = lay_out(row_layout)

    def packed(x: np.ndarray) -> dict[str, Any]:
        shown = reduced(torch.as_tensor(x[:PICTURES]))
        few = max(FEWEST, BYTES // (panels * shown[0].size))
        return pack(shown[:few], "uint8", low, high)

    return {"show": row_layout.kind, "span": [low, high]}, packed


def _json(path: Path) -> dict[str, Any]:
    with storage_errors(path):
        try:
            return json.loads(path.read_text())
        except ValueError as error:
            raise StorageError(f"{path} is damaged: {error}. Use another copy.") from None
