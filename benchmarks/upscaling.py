"""Pictures from small pictures: digits of 8 x 8 made from their means over 2 x 2 pixels, by a model that is given these 4 x 4.

    class right   by a judge (a support vector machine trained on the true training rows): is the digit still what it was?   (1)
    off           root mean square of the means of the made picture less those that were given, in grey levels of 0 to 16    (2)

beside the true rows, the training row whose small picture is nearest, and the small picture enlarged. Rounding to whole grey levels alone
makes (2) 0.14.

    python benchmarks/upscaling.py
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from report import Table, parser, show
from unstir import fit

TRAINING = 1400
COLUMNS = {"pictures": "", "class right": ".3f", "off": ".2f"}


def small(x: np.ndarray) -> np.ndarray:
    """Means over 2 x 2 pixels, of pictures (n, 8, 8): (n, 4, 4)."""
    return x.reshape(-1, 4, 2, 4, 2).mean((2, 4)).astype(np.float32)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--steps", type=int, default=2500)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    digits = load_digits()
    x, order = digits.images.astype(np.uint8), np.random.default_rng(chosen.seed).permutation(len(digits.images))
    known, unseen = order[:TRAINING], order[TRAINING:]
    low, wanted = small(x), digits.target[unseen]
    judge = SVC(gamma=0.001).fit(x[known].reshape(TRAINING, -1), digits.target[known])
    model = fit(x[known], given={"low": low[known]}, steps=chosen.steps, seed=chosen.seed, progress=False)
    nearest = ((low[unseen][:, None] - low[known]) ** 2).sum((2, 3)).argmin(1)
    given = {"low": low[unseen]}
    sets = {
        "true rows": x[unseen],
        "nearest in the training rows": x[known][nearest],
        "the small picture enlarged": low[unseen].repeat(2, 1).repeat(2, 2),
        "unstir, 20 evaluations": model.sample(len(unseen), given=given, seed=chosen.seed),
        "unstir, 20 evaluations, guidance 1.5": model.sample(len(unseen), given=given, guidance=1.5, seed=chosen.seed),
    }
    rows = [
        {
            "pictures": name,
            "class right": float((judge.predict(made.reshape(len(made), -1)) == wanted).mean()),
            "off": float(np.sqrt(((small(made) - low[unseen]) ** 2).mean())),
        }
        for name, made in sets.items()
    ]
    title = f"Digits of 8 x 8 from 4 x 4, {len(unseen)} held-out rows, {model.card.steps_trained} steps"
    show([Table(title, COLUMNS, rows)], f"1 seed ({chosen.seed})", chosen.json)


if __name__ == "__main__":
    main()
