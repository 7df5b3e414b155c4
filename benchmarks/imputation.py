"""Cells of a table masked at random and filled in several times: are the intervals honest, and are the cells right?

Of `--rows` held-out rows without missing cells, `--share` of the cells are masked, and filled in `--times` times. For the mean of each column
of numbers, and the share of each state that at least 5 % of the rows are in, Q_i is what draw i says and U_i the squared standard error:

    over all rows     Q +- t sqrt(U + (1 + 1/M) B),   Q and U the means over the M draws, B the variance of Q_i       (1)
    of these rows     Q +- t sqrt((1 + 1/M) B),       t with M - 1 degrees of freedom                                 (2)

(1) is Rubin's rule, and should cover the mean over all held-out rows in 90 % of all cases; (2) is stricter, and should cover what the
masked cells of these rows really hold. A tool that always fills in the same has B = 0. Beside that, how often the state that most draws have is
the true one, and the root mean square error of the mean of the draws, in standard deviations.

    unstir      the trained model           column      each cell drawn from its column        mode, mean     of its column, always the same

    python benchmarks/imputation.py adult.csv.gz --minutes 3

Source: Rubin 1987, chapter 3.
"""

import logging
import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from report import Row, Table, note, parser, show
from unstir import fit
from unstir import load as load_model
from unstir.data import load
from unstir.evaluation.cells import ordered_of
from unstir.evaluation.scores import flat

HELD_OUT, OFTEN, LEVEL = 0.2, 0.05, 0.9
COLUMNS = {"tool": "", "cells": ",", "seconds": ".0f", "all rows %": ".1f", "these rows %": ".1f", "intervals": ","}
COLUMNS |= {"states right": ".3f", "numbers off": ".3f"}

Tool = Callable[[np.ndarray, np.ndarray, int, int], list[np.ndarray]]
"""Fills in rows (n, D) of codes, where known (n, D) is False, so many times, with a seed."""


def by_column(training: np.ndarray) -> Tool:
    def fill(rows: np.ndarray, known: np.ndarray, times: int, seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        drawn = [np.stack([rng.choice(column[~np.isnan(column)], len(rows)) for column in training.T], 1) for _ in range(times)]
        return [np.where(known, rows, made) for made in drawn]

    return fill


def by_centre(training: np.ndarray, ordered: np.ndarray) -> Tool:
    columns = [column[~np.isnan(column)] for column in training.T]
    centre = np.array([c.mean() if o else np.bincount(c.astype(int)).argmax() for c, o in zip(columns, ordered, strict=True)])
    return lambda rows, known, times, seed: [np.where(known, rows, centre)] * times  # noqa: ARG005


def quantities(rows: np.ndarray, ordered: np.ndarray, states: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Means and their squared standard errors: of columns of numbers, and of each of the states that count."""
    columns = [rows[:, i] for i in np.flatnonzero(ordered)]
    columns += [(rows[:, i] == state).astype(float) for i, some in enumerate(states) for state in some]
    table = np.stack(columns, 1)
    return table.mean(0), table.var(0, ddof=1) / len(table)


def scored(name: str, fill: Tool, held_out: np.ndarray, ordered: np.ndarray, options) -> Row:
    often = [np.unique(column, return_counts=True) for column in held_out.T]
    states = [
        [] if o else [int(v) for v, n in zip(*found, strict=True) if n >= OFTEN * len(held_out)]
        for found, o in zip(often, ordered, strict=True)
    ]
    over_all, began = quantities(held_out, ordered, states)[0], time.process_time()
    covered, spread, right, off, cells = [], held_out.std(0), [], [], 0
    for at in range(options.sets):
        rng = np.random.default_rng((options.seed, at))
        rows = held_out[rng.permutation(len(held_out))[: options.rows]]
        known = rng.random(rows.shape) >= options.share
        draws = fill(rows, known, options.times, 1000 * (at + 1))
        found = [quantities(draw, ordered, states) for draw in draws]
        Q, U, M = np.array([q for q, _ in found]), np.mean([u for _, u in found], 0), options.times
        between = (1 + 1 / M) * Q.var(0, ddof=1)
        df = (M - 1) * (1 + U / np.maximum(between, 1e-300)) ** 2
        wide = stats.t.ppf((1 + LEVEL) / 2, df) * np.sqrt(U + between)
        own = stats.t.ppf((1 + LEVEL) / 2, M - 1) * np.sqrt(between)
        mean, truth = Q.mean(0), quantities(rows, ordered, states)[0]
        covered.append(np.stack([np.abs(mean - over_all) <= wide, np.abs(mean - truth) <= own]))
        votes = np.stack(draws)
        for i in range(rows.shape[1]):
            hidden = ~known[:, i]
            cells += int(hidden.sum())
            if ordered[i]:
                off.append((votes[:, hidden, i].mean(0) - rows[hidden, i]) / spread[i])
            else:
                right.append(stats.mode(votes[:, hidden, i], axis=0).mode == rows[hidden, i])
    shares = 100 * np.concatenate(covered, 1).mean(1)
    return {
        "tool": name,
        "cells": cells,
        "seconds": time.process_time() - began,
        "all rows %": float(shares[0]),
        "these rows %": float(shares[1]),
        "intervals": int(np.concatenate(covered, 1).shape[1]),
        "states right": float(np.concatenate(right).mean()) if right else None,
        "numbers off": float(np.sqrt(np.square(np.concatenate(off)).mean())) if off else None,
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("file", help="a table with a header")
    options.add_argument("--model", help="a trained model or run of this table; else one is trained on 80 % of the rows")
    options.add_argument("--minutes", type=float, help="of training; by default what the preset says")
    options.add_argument("--rows", type=int, default=500, help="of each set")
    options.add_argument("--sets", type=int, default=4, help="of rows")
    options.add_argument("--share", type=float, default=0.2, help="of cells that are masked")
    options.add_argument("--times", type=int, default=5, help="that each set is filled in")
    options.add_argument("--particles", type=int, help="of each row")
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    logging.getLogger("unstir").setLevel(logging.ERROR)
    data = load(chosen.file)
    if data.table is None:
        raise SystemExit(f"{chosen.file}: a table with named columns is needed.")
    ordered = np.array(ordered_of(data.table))
    known, held_out = data.split(HELD_OUT, chosen.seed)
    complete = flat(held_out)[~np.isnan(flat(held_out)).any(1)]
    model = (
        load_model(chosen.model) if chosen.model else fit(data.table.cells(flat(known)), minutes=chosen.minutes, progress=False)
    )

    def ours(rows: np.ndarray, mask: np.ndarray, times: int, seed: int) -> list[np.ndarray]:
        from unstir.model.filling import filled
        from unstir.model.sampling import Sampling

        how = Sampling(seed=seed, particles=chosen.particles, steps=chosen.steps)
        return [np.asarray(one.rows) for one in filled(model, rows, mask, None, how, times)]

    tools = {"unstir": ours, "column": by_column(flat(known)), "mode, mean": by_centre(flat(known), ordered)}
    rows = []
    for name, fill in tools.items():
        rows.append(scored(name, fill, complete, ordered, chosen))
        note(str(rows[-1]))
    title = f"{100 * chosen.share:.0f} % of the cells of {chosen.sets} x {chosen.rows} rows masked, {chosen.times} draws, 90 % intervals"
    show([Table(title, COLUMNS, rows)], f"{chosen.sets} sets, seed {chosen.seed}", chosen.json)


if __name__ == "__main__":
    main()
