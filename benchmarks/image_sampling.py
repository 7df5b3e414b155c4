"""How long do 64 images take to be as good as those of the 1,000-step chain?

    quality     Frechet distance of samples to held-out rows in features learnt from the training rows, the same trained network for
                every sampler, each with `n` samples, in its own number of evaluations
    time        evaluations times the time of one: ours in our U-Net, in float32 and in bfloat16, theirs in diffusers' UNet2DModel of the
                same size, in float32, 64 images of 32x32 RGB, taken in turn                                                         (1)

A sampler is as good as the chain from the fewest evaluations on at which its distance is no more than the chain's and a deviation of the
floor. RUN is a run of images under the linear schedule, as `unstir train digits --steps 2500 -o RUN` makes one; labels are drawn once, for
all the same. Needs '.[bench]'.
"""

import statistics
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import unstir
from oracle_error import THEIRS, scheduled
from report import Row, Table, note, parser, show
from unet_step import SHAPE, deeper, diffusers
from unstir.evaluation.features import FEATURES, learn
from unstir.metrics.distances import floor, half_split_pairs
from unstir.metrics.frechet import frechet
from unstir.model.model import Model
from unstir.training.config import resolve
from unstir.training.config_file import read_config
from unstir.training.presets import load_data

BUDGETS = (5, 8, 10, 15, 20, 30, 50)
IMAGES = 64
OURS, FASTER, THEIR = "ours, default", "ours, default, bfloat16", "diffusers"


def ours(model: Model, n: int, labels: list[str] | None, evaluations: int) -> np.ndarray:
    """The default sampler."""
    return np.asarray(model.sample(n, steps=evaluations, given=labels))


@torch.no_grad()
def theirs(model: Model, n: int, labels: list[str] | None, name: str, evaluations: int) -> np.ndarray:
    """A scheduler of diffusers, on the same network."""
    denoise = model.denoise(model.given(n, labels, 0))

    def at(x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return denoise(x.float(), model.schedule.inverse(2 * (alpha / sigma).log())).to(x.dtype)

    torch.manual_seed(0)
    return np.asarray(model.in_units(scheduled(name, evaluations, torch.randn(n, *model.space), at)))


@torch.no_grad()
def seconds_an_evaluation(repeats: int) -> dict[str, float]:
    """Of our U-Net, of the same in bfloat16, and of theirs: (1), the median after one of each that does not count."""
    own, their = deeper(), diffusers()
    contestants = {OURS: (own, False), FASTER: (own, True), THEIR: (their, False)}
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats + 1):
        for name, (one, halved) in contestants.items():
            x, t = torch.randn(IMAGES, *SHAPE), torch.rand(IMAGES)
            began = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=halved):
                one.call(x, t)
            found[name].append(time.perf_counter() - began)
    return {name: statistics.median(times[1:]) for name, times in found.items()}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("run", type=Path)
    options.add_argument("-n", type=int, default=400)
    options.add_argument("--repeats", type=int, default=5, help="evaluations that are timed")
    options.add_argument("--chain", type=int, default=1000, help="steps of the chain")
    chosen = options.parse_args()
    model, config = unstir.load(chosen.run), resolve(read_config(chosen.run / "config.toml"))
    data = load_data(config)
    known, spared = data.split(0.5, config.seed)
    features, n = learn(known, config.seed), min(chosen.n, len(spared) // 2)
    k = min(FEATURES, n // 2)
    spared_features = features.of(spared.rows[:], k)
    between = half_split_pairs(spared_features, n, 5, np.random.default_rng(0))
    lowest, spread = floor(frechet, between)
    rng = np.random.default_rng(1)
    labels = [data.classes[i] for i in rng.permutation(data.labels)[:n]] if data.classes else None
    distance = partial(frechet, spared_features[rng.permutation(len(spared_features))[:n]])

    def row(name: str, evaluations: int, samples: np.ndarray) -> Row:
        value = distance(features.of(samples, k))
        note(f"{name}, {evaluations}: {value:.3f}")
        return {"sampler": name, "evaluations": evaluations, "distance": value}

    rows = [row("diffusers, DDPM", chosen.chain, theirs(model, n, labels, "DDPM", chosen.chain))]
    for name, precise in ((OURS, model), (FASTER, replace(model, precision="bfloat16"))):
        rows += [row(name, steps, ours(precise, n, labels, steps)) for steps in BUDGETS]
    for name in list(THEIRS)[1:]:
        for steps in BUDGETS:
            made = 2 * (steps // 2) - 1 if name.startswith("Heun") else steps
            samples = theirs(model, n, labels, name, steps // 2 if name.startswith("Heun") else steps)
            rows.append(row(f"diffusers, {name}", made, samples))
    each = seconds_an_evaluation(chosen.repeats)
    for one in rows:
        one["seconds"] = one["evaluations"] * each.get(one["sampler"], each[THEIR])
        one["times the chain's speed"] = rows[0]["seconds"] / one["seconds"]
        one["as good"] = "yes" if one["distance"] <= rows[0]["distance"] + spread else "no"
    formats = {
        "sampler": "s",
        "evaluations": "d",
        "distance": ".3f",
        "as good": "s",
        "seconds": ".1f",
        "times the chain's speed": ".1f",
    }
    notes = [
        f"distance: of {n} samples in {k} features; between {n} true rows it is {lowest:.3f} ± {spread:.3f}.",
        f"seconds: of {IMAGES} images of 32x32 RGB; an evaluation takes {each[OURS]:.3f} s in our U-Net, {each[FASTER]:.3f} s in bfloat16, "
        f"{each[THEIR]:.3f} s in diffusers'.",
    ]
    show([Table(f"Sampling of {chosen.run}", formats, rows, notes)], f"{chosen.repeats} timed", chosen.json)


if __name__ == "__main__":
    main()
