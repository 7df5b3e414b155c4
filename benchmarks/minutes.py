"""What more time buys: the held-out loss after `--minutes` of training, for several times and kinds of data.

    python benchmarks/minutes.py --data moons digits table.csv --minutes 1 3 10

A row is one training of `unstir.train` as it would be planned for that time, on this machine as busy as it is. "Ended" is the step after
which training ended, earlier than planned where the held-out loss had risen; "model" is the step of the model, whose loss it is; the loss
of the best Gaussian stands beside it. Of two times whose losses agree to a third of a per cent, the longer one has learnt no more.
"""

import logging
import time

from report import Table, note, parser, show
from unstir.data import load
from unstir.training.config import flat
from unstir.training.cost import STEADY
from unstir.training.fitting import Fitting
from unstir.training.minutes import bought
from unstir.training.presets import settle

COLUMNS = {"data": "", "rows": ",", "minutes": "g", "seconds": ".0f", "batch": "d", "planned": ",", "ended": ",", "model": ","}
LOSSES = {"loss": ".4f", "Gaussian": ".4f"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", nargs="+", default=["moons", "digits"], help="built-in names and files")
    options.add_argument("--minutes", nargs="+", type=float, default=[1.0, 3.0, 10.0])
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    logging.getLogger("unstir").setLevel(logging.ERROR)
    rows = []
    for source in chosen.data:
        data = load(source)
        for minutes in chosen.minutes:
            began, layers = time.monotonic(), [flat(seed=chosen.seed)]
            decided, _ = bought(lambda config, data=data: Fitting(data, config), data, layers, 60 * minutes * STEADY)
            fitting = Fitting(data, settle(data, *layers, decided))
            for _ in fitting.steps():
                pass
            look = fitting.keeping.chosen
            assert look is not None
            rows.append(
                {
                    "data": source.rsplit("/", 1)[-1],
                    "rows": len(data),
                    "minutes": minutes,
                    "seconds": time.monotonic() - began,
                    "batch": fitting.recipe.batch_size,
                    "planned": fitting.recipe.steps,
                    "ended": fitting.state.step,
                    "model": look.step,
                    "loss": look.seen.loss,
                    "Gaussian": look.seen.gaussian_loss,
                }
            )
            note(str(rows[-1]))
    show([Table("Held-out loss by time", COLUMNS | LOSSES, rows)], f"1 seed ({chosen.seed})", chosen.json)


if __name__ == "__main__":
    main()
