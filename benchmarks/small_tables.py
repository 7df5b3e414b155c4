"""What training makes of small tables: the held-out loss on the way and at the end, beside the best Gaussian's, and whether rows are copied.

    best         the lowest held-out loss that the averaged weights had on the way                                         (1)
    end          that of the model, by default the one of (1); with `keep="last"`, "before", that of the last step         (2)
    Gaussian     that of the Gaussian with the mean and covariance of the training rows                                    (3)
    honest       the answer of `unstir evaluate`: does the model copy its rows?                                            (4)

Every table is trained with its preset, once with each value of the setting `keep`. Tables: those of scikit-learn, three built-in sets of
200 points, and every CSV file that is named on the command line; a column named rownames is left out.
"""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from report import Row, Table, parser, show
from unstir.data import Data, from_arrays, load, toy
from unstir.evaluation.answers import answers, examine, try_or_note
from unstir.evaluation.scores import truth_of
from unstir.model.model import Model
from unstir.model.sampling import Sampling
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.keeping import BEST, LAST
from unstir.training.presets import settle

SKLEARN = ("wine", "breast_cancer", "diabetes", "iris")
BUILT_IN, POINTS = ("moons", "swiss_roll", "checkerboard"), 200
COLUMNS = {
    "table": "",
    "rows": "d",
    "columns": "d",
    "keep": "",
    "steps": "d",
    "at step": "d",
    "best": ".3f",
    "end": ".3f",
    "Gaussian": ".3f",
    "honest": "",
}


def tables(paths: list[str]) -> Iterator[tuple[str, Data]]:
    """The tables by name: those of scikit-learn where it is installed, the built-in ones, then the files."""
    try:
        from sklearn import datasets
    except ImportError:
        print("scikit-learn is not installed, so its tables are missing: " + ", ".join(SKLEARN), file=sys.stderr)
    else:
        yield from ((name, from_arrays(getattr(datasets, f"load_{name}")().data)) for name in SKLEARN)
    yield from ((name, toy(name, POINTS, seed=0)) for name in BUILT_IN)
    for path in paths:
        data = load(path)
        kept = [i for i, name in enumerate(data.names) if name != "rownames"] or range(data.shape[0])
        yield Path(path).stem, from_arrays(data.values[:, list(kept)])


def trained(name: str, data: Data, seed: int, steps: int | None, keep: str) -> Row:
    """One training, as a row of the table."""
    given = {} if steps is None else {"steps": steps}
    fitting = Fitting(data, settle(data, flat(seed=seed, keep=keep, labels="none", **given)))
    for _ in fitting.steps():
        pass
    model, found = fitting.model(), fitting.keeping
    assert found.best is not None
    assert found.chosen is not None
    return {
        "table": name,
        "rows": len(data),
        "columns": data.shape[0],
        "keep": keep,
        "steps": fitting.state.step,
        "at step": found.chosen.step,
        "best": found.best.seen.loss,
        "end": found.chosen.seen.loss,
        "Gaussian": found.chosen.seen.gaussian_loss,
        "honest": honest(fitting, model, seed),
    }


def honest(fitting: Fitting, model: Model, seed: int) -> str:
    """The answer of `unstir evaluate` to whether the model is honest, in its words."""
    reasons: list[str] = []
    config = fitting.config
    truth = try_or_note(reasons, "not scored", lambda: truth_of(fitting.data, config.data.held_out, config.seed, most=200))
    found = examine(model, truth, fitting.unseen, fitting.training, Sampling(seed=seed), reasons)
    said = answers(found).get("honest")
    return said.word if said else "-"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("files", nargs="*", help="CSV files of numbers")
    options.add_argument("--only", nargs="*", help="tables by name; all if left out")
    options.add_argument("--steps", type=int, help="of each training; by default what the preset says")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    logging.getLogger("unstir").setLevel(logging.ERROR)
    rows = []
    for name, data in tables(chosen.files):
        if chosen.only is None or name in chosen.only:
            rows += [trained(name, data, chosen.seed, chosen.steps, keep) for keep in (LAST, BEST)]
    worse = {row["table"] for row in rows if row["keep"] == BEST and row["end"] > row["Gaussian"]}
    notes = [f"worse than the best Gaussian: {', '.join(sorted(worse)) or 'none'}."]
    show([Table("Held-out losses of small tables", COLUMNS, rows, notes)], f"1 seed ({chosen.seed})", chosen.json)


if __name__ == "__main__":
    main()
