"""Other tools that make rows of mixed tables, each with its defaults and without a GPU; a tool that is not installed is left out.

    CTGAN, TVAE, GaussianCopula    python -m pip install 'sdv>=2'
    ForestDiffusion                python -m pip install ForestDiffusion

Each is told what the columns are, so that none has to guess: numbers, categories, booleans, times. ForestDiffusion fits a model of trees for
each column, or category, at each of 50 noise levels, on 100 copies of the rows: hours for ten thousand rows. It can be given fewer of both.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from unstir.data.frames import frame_of
from unstir.data.tables import Schema
from unstir.data.tables.libraries import framed

COPIES = 100  # of the rows, for ForestDiffusion: its default

Tool = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
"""Makes n rows (n, D) from training rows (N, D), all of codes."""

SDTYPES = {"number": "numerical", "category": "categorical", "boolean": "categorical", "time": "datetime"}


def installed(table: Schema, seed: int, rows: int | None = None, copies: int = COPIES) -> dict[str, Tool]:
    """The tools that are there, by name. ForestDiffusion is given so many `rows` at random, all by default, each `copies` times."""
    found: dict[str, Tool] = {}
    if find_spec("sdv") is not None:
        found |= {name: of_sdv(table, name, seed) for name in ("GaussianCopula", "TVAE", "CTGAN")}
    if find_spec("ForestDiffusion") is not None:
        found["ForestDiffusion"] = of_forest(table, seed, rows, copies)
    return found


def of_sdv(table: Schema, name: str, seed: int) -> Tool:
    """A synthesizer of sdv (Patki et al. 2016, Xu et al. 2019), told what each column is."""

    def made(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG001
        import sdv.single_table
        import torch
        from sdv.metadata import Metadata

        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002  what sdv draws from
        columns = {column.name: _sdtype(column) for column in table.columns}
        metadata = Metadata.load_from_dict({"tables": {"table": {"columns": columns}}})
        on_cpu: dict[str, Any] = {} if name == "GaussianCopula" else {"enable_gpu": False}
        tool = getattr(sdv.single_table, f"{name}Synthesizer")(metadata, **on_cpu)
        tool.fit({"table": framed(table, rows, "pandas")})
        frame = frame_of(tool.sample(num_rows=n)["table"])
        assert frame is not None
        return table.tidied(table.coded(frame))

    return made


def _sdtype(column: Any) -> dict[str, str]:
    kind = SDTYPES.get(column.kind, "numerical" if column.is_numeric else "categorical")
    form = {"datetime_format": column.form} if kind == "datetime" and column.form != "iso" else {}
    return {"sdtype": kind} | form


def of_forest(table: Schema, seed: int, fewer: int | None, copies: int) -> Tool:
    """ForestDiffusion (Jolicoeur-Martineau, Fatras and Kachman 2024): flows of boosted trees. A missing category is a category to it."""

    def made(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        from ForestDiffusion import ForestDiffusionModel

        np.random.seed(seed)  # noqa: NPY002  what it draws from
        x = rows[rng.permutation(len(rows))[: fewer or len(rows)]].copy()
        states = [j for j, column in enumerate(table.columns) if column.values and column.kind != "constant"]
        for j in states:
            x[np.isnan(x[:, j]), j] = len(table.columns[j].values)
        kinds = {
            "bin_indexes": [j for j in states if len(np.unique(x[:, j])) == 2],
            "cat_indexes": [j for j in states if len(np.unique(x[:, j])) > 2],
            "int_indexes": [j for j, column in enumerate(table.columns) if column.kind == "number" and column.decimals == 0],
        }
        model = ForestDiffusionModel(X=x, duplicate_K=copies, n_jobs=1, seed=seed, **kinds)
        found = np.asarray(model.generate(batch_size=n), np.float64)
        for j in states:
            found[np.round(found[:, j]) >= len(table.columns[j].values), j] = np.nan
        return table.tidied(found)

    return made
