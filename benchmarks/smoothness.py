"""How smooth samples of sequences are beside true rows, with the best Gaussian's answer in the denoiser and without.

roughness   root mean square of a row's second differences over that of its first ones, the median over rows   (1)
figure      (1) of samples over (1) of the held-out rows: 1 is as smooth as true rows, more is trembling

unstir train strokes.npz -o strokes        docs/sequences.md says where the data comes from
python benchmarks/smoothness.py strokes
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

import unstir
from report import Row, Table, parser, show
from unstir.model import Model
from unstir.runs import read_data
from unstir.training.config import resolve
from unstir.training.config_file import read_config

BUDGETS = (10, 20, 50)  # network evaluations


def roughness(rows: np.ndarray, axis: int) -> float:
    """Eq. (1) of rows (N, ...) whose positions are along this axis."""
    x = np.moveaxis(np.asarray(rows, dtype=float), axis, 1)
    first, second = (np.sqrt((np.diff(x, n=n, axis=1) ** 2).mean(tuple(range(1, x.ndim)))) for n in (1, 2))
    return float(np.median(second / np.maximum(first, np.finfo(float).tiny)))


def row(name: str, model: Model, real: float, n: int, seed: int, axis: int) -> Row:
    """Figures of n samples at each budget."""
    found: Row = {"denoiser": name}
    return found | {f"{k}": roughness(model.sample(n, steps=k, seed=seed), axis) / real for k in BUDGETS}


def main() -> None:
    """Print both tables."""
    options = parser(__doc__)
    options.add_argument("run", type=Path, help="a run of sequences")
    options.add_argument("-n", type=int, default=200, help="samples")
    options.add_argument("--seed", type=int, default=0, help="of the samples")
    chosen = options.parse_args()
    model = unstir.load(chosen.run)
    axis = 2 if model.card.axes == "NCL" else 1
    config = resolve(read_config(chosen.run / "config.toml"))
    _, unseen = read_data(chosen.run, config).split(config.data.held_out, config.seed)
    real = roughness(unseen.rows[:], axis)
    both = {"blended": model, "network alone": replace(model, blend=None)}
    rows = [row(name, here, real, chosen.n, chosen.seed, axis) for name, here in both.items()]
    title = f"roughness of {chosen.n} samples over that of held-out rows ({real:.4f}), by evaluations"
    table = Table(title, {"denoiser": "", **{f"{k}": ".2f" for k in BUDGETS}}, rows)
    show([table], f"one run, seed {chosen.seed}", chosen.json)


if __name__ == "__main__":
    main()
