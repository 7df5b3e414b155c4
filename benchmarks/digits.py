"""Digits on two cores: are conditional samples of the 8x8 digits what they were asked to be, and how far are they from real ones?

    unstir train digits --minutes 10 -o RUN;    python benchmarks/digits.py RUN

Two judges that never saw a sample: a support vector machine says which digit a sample is, and the hidden layer of a small
perceptron is the space of features in which (1) of unstir.metrics.frechet is taken. Both are trained on the real training rows of the
run alone; this is no Inception-FID. The floor is the distance between two disjoint halves of the real rows, as many on both sides as
samples.
"""

from pathlib import Path

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

import unstir
from report import Table, parser, show
from unstir.metrics.frechet import frechet
from unstir.training.config import resolve
from unstir.training.config_file import read_config
from unstir.training.presets import load_data

TOP = 16.0  # the highest level of grey
HALF = 890  # rows on each side


def main() -> None:
    options = parser(__doc__)
    options.add_argument("run", type=Path)
    options.add_argument("--guidance", type=float, nargs="+", default=[1.0, 1.5, 2.0, 3.0])
    options.add_argument("--evaluations", type=int, default=20)
    options.add_argument("--seeds", type=int, default=3)
    chosen = options.parse_args()
    model, config = unstir.load(chosen.run), resolve(read_config(chosen.run / "config.toml"))
    data = load_data(config)
    training, unseen = data.split(config.data.held_out, config.seed)
    assert data.labels is not None
    flat = {
        name: part.values.reshape(len(part), -1) / TOP
        for name, part in (("all", data), ("training", training), ("unseen", unseen))
    }
    judge = SVC(C=10, gamma=0.1).fit(flat["training"], training.labels)
    perceptron = MLPClassifier((64,), max_iter=300, random_state=0).fit(flat["training"], training.labels)

    def features(x: np.ndarray) -> np.ndarray:
        return np.maximum(0, x @ perceptron.coefs_[0] + perceptron.intercepts_[0])

    rows, real = [], features(flat["all"])
    for seed in range(chosen.seeds):
        order = np.random.default_rng(seed).permutation(len(real))
        one, other = real[order[:HALF]], real[order[HALF : 2 * HALF]]
        row = {"seed": seed, "floor": frechet(one, other)}
        for scale in chosen.guidance:
            asked = data.labels[order[:HALF]]  # as many of each digit
            x = model.sample(HALF, steps=chosen.evaluations, given=[data.classes[k] for k in asked], guidance=scale, seed=seed)
            x = np.asarray(x, dtype=np.float64).reshape(HALF, -1) / TOP
            row |= {
                f"g {scale:g} right": 100 * (judge.predict(x) == asked).mean(),
                f"g {scale:g} distance": frechet(features(x), other),
            }
        rows.append(row)
    right = 100 * (judge.predict(flat["unseen"]) == unseen.labels).mean()
    formats = {name: "d" if name == "seed" else ".1f" if name.endswith("right") else ".3f" for name in rows[0]}
    notes = [
        f"g is the scale of guidance; right: per cent of samples that the judge takes for the digit asked for. Of {len(unseen)} real rows that "
        f"nobody was trained on it gets {right:.1f} % right.",
        f"distance: Frechet, of {HALF} samples to {HALF} real rows in the perceptron's features; floor: of {HALF} other real rows.",
    ]
    show(
        [Table(f"Conditional samples of {chosen.run}, {chosen.evaluations} evaluations", formats, rows, notes)],
        f"{chosen.seeds} seeds",
        chosen.json,
    )


if __name__ == "__main__":
    main()
