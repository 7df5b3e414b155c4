"""Mixed tables: how samples of a model compare with held-out rows, beside what true rows, and simple ways to make rows, score.

    split         80 % of the rows to train on, 20 % held out, by the seed; all tools get the same                         (1)
    AUC           of boosted trees that tell samples from held-out rows: 0.5 is perfect                                    (2)
    shapes        of columns, trends of pairs: 1 is perfect                                                                (3)
    missing, exact: how far the shares of missing cells, and of exact values such as 0, are apart, in points               (4)
    target        trees learn from samples to predict the last column, or the one named, and are scored on held-out rows   (5)

(2) to (5) are those of `unstir evaluate`; with their usual 100 rounds of trees for (5), on as many rows as are held out. The tools:

    true rows     other true rows, as many: the floor             copies        training rows drawn again: perfect, and of no use
    mixing        each row between two near training rows, as     independent   each column drawn for itself
                  SMOTE does; of states one of the two            unstir        trained with its preset
    CTGAN, TVAE, GaussianCopula, ForestDiffusion                  where they are installed (`table_rivals.py`)



    python benchmarks/tables.py FOLDER/*.csv.gz --minutes 5 --target beijing=pm2.5
"""

import logging
import time
from argparse import Namespace
from pathlib import Path

import numpy as np

from report import Row, Table, note, parser, show
from table_rivals import COPIES, Tool, installed
from unstir import fit
from unstir.data import Data, load
from unstir.data.tables import Schema
from unstir.evaluation.cells import Points, ordered_of
from unstir.evaluation.scores import flat
from unstir.evaluation.trees import taught, told_apart
from unstir.metrics.mixed import exact_apart, exact_values, missing_apart, shapes, trends

HELD_OUT = 0.2
NEIGHBOURS = 5
COLUMNS = {"table": "", "tool": "", "rows": ",", "seconds": ".0f", "AUC": ".3f", "shapes": ".3f", "trends": ".3f"}
COLUMNS |= {"missing": ".2f", "exact": ".2f", "target": ".3f"}


def copies(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return rows[rng.integers(len(rows), size=n)]


def independent(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return np.stack([column[rng.integers(len(rows), size=n)] for column in rows.T], axis=1)


def mixing(table: Schema) -> Tool:
    """SMOTE-like rows (Chawla et al., 2002): numbers on the way from a row to one of its five neighbours among 5,000, states from either."""

    def made(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
        from sklearn.neighbors import NearestNeighbors

        some = rows[rng.permutation(len(rows))[:5000]]
        points = Points(table, some)(some)
        near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(points).kneighbors(points, return_distance=False)[:, 1:]
        first = rng.integers(len(some), size=n)
        x, y = some[first], some[near[first, rng.integers(near.shape[1], size=n)]]
        between = x + (y - x) * rng.random((n, 1))
        either = np.where(rng.random(x.shape) < 0.5, x, y)
        return table.tidied(np.where(ordered_of(table) & ~np.isnan(between), between, either))

    return made


def trained(data: Data, table: Schema, minutes: float | None, steps: int | None, seed: int) -> Tool:
    """Our model, trained on the cells as a user has them."""

    def made(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG001
        settings = {} if steps is None else {"steps": steps}
        model = fit(table.cells(rows), minutes=minutes, seed=seed, progress=False, **settings)
        if model.card.schema is None or model.card.schema.names != table.names:
            left = model.card.schema.left if model.card.schema else ()
            raise SystemExit(f"{data.source}: other columns were trained on than were read: {left}")
        return np.asarray(model.rows(n, seed=seed), dtype=np.float64)

    return made


def scored(name: str, tool: str, made: np.ndarray, true: np.ndarray, table: Schema, target: int, seconds: float) -> Row:
    """One tool, as a row of the table: its rows beside held-out rows."""
    ordered = ordered_of(table)
    by_kind = ordered.copy()
    by_kind[target] &= len(np.unique(true[:, target])) > 2  # a column of 0 and 1 is two states
    pairs = ~np.eye(len(ordered), dtype=bool)
    gaps = missing_apart(made, true)
    return {
        "table": name,
        "tool": tool,
        "rows": len(made),
        "seconds": seconds,
        "AUC": told_apart(made, true, ordered),
        "shapes": float(shapes(made, true, ordered).mean()),
        "trends": float(trends(made, true, ordered)[pairs].mean()),
        "missing": None if np.isnan(gaps).all() else 100 * float(np.nanmax(gaps)),
        "exact": 100 * exact_apart(made, true, exact_values(true, ordered)),
        "target": taught(made, true, by_kind, target),
    }


def of_table(path: str, chosen: Namespace) -> list[Row]:
    data, seed, only = load(path), chosen.seed, chosen.only
    named = dict(pair.split("=", 1) for pair in chosen.target)
    table = data.table
    if table is None:
        raise SystemExit(f"{path}: a table with named columns is needed.")
    name = Path(path).name.partition(".")[0]
    target = table.names.index(named.get(name, table.names[-1]))
    known, held_out = data.split(HELD_OUT, seed)
    training, true = flat(known), flat(held_out)
    tools: dict[str, Tool] = {
        "true rows": lambda rows, n, rng: rows[rng.permutation(len(rows))[:n]],
        "copies": copies,
        "independent": independent,
        "mixing": mixing(table),
        "unstir": trained(known, table, chosen.minutes, chosen.steps, seed),
        **installed(table, seed, chosen.forest_rows, chosen.forest_copies),
    }
    rows = []
    for tool, make in tools.items():
        if only and tool not in only:
            continue
        began = time.process_time()
        made = make(training, len(true), np.random.default_rng(seed))
        rows.append(scored(name, tool, made, true, table, target, time.process_time() - began))
        note(str(rows[-1]))
    return rows


def main() -> None:
    options = parser(__doc__)
    options.add_argument("files", nargs="+", help="tables with a header")
    options.add_argument("--minutes", type=float, help="of training; by default what the preset says")
    options.add_argument("--steps", type=int, help="of training, instead of minutes")
    options.add_argument("--only", nargs="*", default=[], help="tools by name; all if left out")
    options.add_argument("--target", nargs="*", default=[], metavar="TABLE=COLUMN", help="predicted columns; else the last one")
    options.add_argument(
        "--forest-rows", type=int, metavar="N", help="rows for ForestDiffusion; all by default, which takes hours"
    )
    options.add_argument(
        "--forest-copies", type=int, default=COPIES, metavar="K", help="copies of these, by default as many as its own"
    )
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    logging.getLogger("unstir").setLevel(logging.ERROR)
    rows = [row for path in chosen.files for row in of_table(path, chosen)]
    show([Table("Samples of mixed tables beside held-out rows", COLUMNS, rows)], f"1 seed ({chosen.seed})", chosen.json)


if __name__ == "__main__":
    main()
