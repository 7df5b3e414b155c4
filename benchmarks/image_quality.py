"""How good is a model of images after so many minutes of training, with classes: quality against seconds.

    ours      the preset for the data, its steps planned for the time
    theirs    diffusers' UNet2DModel with classes, trained as diffusers' own train_unconditional.py does by default: float32, AdamW at 1e-4
              with betas 0.95 and 0.999, 500 steps of warm-up and a cosine, the 1,000-step linear chain, eps, uniform timesteps, an average of
              power 3/4; in batches of ours, and at other learning rates if asked for. Sampled by its DPM-Solver++(2M)          (1)

Both see the same training rows, in bytes mapped to -1 .. 1 for theirs, and plan the cosine for the time by measuring a few steps. Quality is
the Frechet distance in features learnt here from the training rows, beside the floor between true rows that the features have not seen, and
the share of samples that the same network takes for the class asked for. No guidance. Needs '.[bench]'.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from oracle_error import BETAS, scheduled
from report import Row, Table, note, parser, show
from rivals import diffusers_unet
from unstir.cli.parts.planning import plan_run
from unstir.data import Data, load
from unstir.evaluation.features import FEATURES, learn
from unstir.metrics.distances import floor, half_split_pairs
from unstir.metrics.frechet import frechet
from unstir.training.plan import STEADY
from unstir.training.presets import settle

WARMUP = 500
MEASURED = 4  # steps, after one that does not count
SEED = 0


class Trained(NamedTuple):
    """A model as it is judged: `sample` takes class ids (n,) and gives rows (n, ...) in the data's units."""

    name: str
    weights: int
    steps: int
    seconds: float
    evaluations: int
    sample: Callable[[np.ndarray], np.ndarray]


def ours(source: str, minutes: float, evaluations: int) -> Trained:
    """As `unstir train SOURCE --minutes` plans it, in the whole of the time."""
    planned = plan_run(source, {}, {}, minutes / STEADY, quiet=True)
    fitting, data = planned.fitting, planned.data
    began = time.perf_counter()
    for _ in fitting.steps():
        pass
    took, model = time.perf_counter() - began, fitting.model()

    def sample(labels: np.ndarray) -> np.ndarray:
        return np.asarray(model.sample(len(labels), steps=evaluations, given=[data.classes[k] for k in labels]))

    weights = sum(w.numel() for w in model.network.parameters())
    return Trained("unstir", weights, fitting.recipe.steps, took, evaluations, sample)


class Rival:
    """(1): rows (N, C, H, W) in -1 .. 1 with class ids (N,), and one step after another of its training."""

    def __init__(self, rows: Tensor, labels: Tensor, classes: int, lr: float, batch: int):
        from diffusers import DDPMScheduler
        from diffusers.training_utils import EMAModel

        torch.manual_seed(SEED)
        self.rows, self.labels, self.batch, self.lr = rows, labels, batch, lr
        self.network = diffusers_unet(
            sample_size=rows.shape[-1],
            in_channels=rows.shape[1],
            out_channels=rows.shape[1],
            num_class_embeds=classes,
        )
        self.chain = DDPMScheduler(**BETAS)
        self.ema = EMAModel(self.network.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=0.75)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=lr, betas=(0.95, 0.999), weight_decay=1e-6)
        self.done = 0

    def step(self, steps: int) -> None:
        """One, of so many."""
        chosen = torch.randint(len(self.rows), (self.batch,))
        x, eps, n = self.rows[chosen], torch.randn(self.batch, *self.rows.shape[1:]), torch.randint(1000, (self.batch,))
        found = self.network(self.chain.add_noise(x, eps, n), n, class_labels=self.labels[chosen]).sample  # pyrefly: ignore
        F.mse_loss(found, eps).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        warm = min(1.0, (self.done + 1) / WARMUP)
        for group in self.optimiser.param_groups:
            group["lr"] = self.lr * warm * (1 + np.cos(np.pi * self.done / steps)) / 2
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.ema.step(self.network.parameters())
        self.done += 1

    @torch.no_grad()
    def sample(self, labels: np.ndarray, evaluations: int) -> Tensor:
        """Rows (n, C, H, W), clipped to what the data can be."""
        cond, times = torch.as_tensor(labels), self.chain.alphas_cumprod

        def at(x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
            n = (times - (alpha**2).to(times.dtype)).abs().argmin()
            eps = self.network(x.float(), n, class_labels=cond).sample
            return (x - sigma * eps) / alpha

        torch.manual_seed(SEED)
        return scheduled("DPM++2M", evaluations, torch.randn(len(labels), *self.rows.shape[1:]), at).float().clamp(-1, 1)


def theirs(data: Data, seconds: float, evaluations: int, lr: float, batch: int) -> Trained:
    """Of pictures (N, H, W) or (N, H, W, C) in bytes."""
    assert data.labels is not None
    pictures = torch.from_numpy(data.rows[:]).float() / 127.5 - 1
    rows = pictures.unsqueeze(1) if pictures.ndim == 3 else pictures.permute(0, 3, 1, 2).contiguous()
    make = partial(Rival, rows, torch.from_numpy(data.labels), len(data.classes), lr, batch)
    tried, ends = make(), []
    for _ in range(MEASURED + 1):
        tried.step(1000)
        ends.append(time.perf_counter())
    steps, rival = max(1, int(seconds / float(np.median(np.diff(ends))))), make()
    began = time.perf_counter()
    for _ in range(steps):
        rival.step(steps)
    took = time.perf_counter() - began
    rival.ema.copy_to(rival.network.parameters())
    rival.network.eval()

    def sample(labels: np.ndarray) -> np.ndarray:
        made = ((rival.sample(labels, evaluations) + 1) * 127.5).round().byte()
        return (made.squeeze(1) if pictures.ndim == 3 else made.permute(0, 2, 3, 1)).numpy()

    return Trained(f"diffusers, lr {lr:g}", sum(w.numel() for w in rival.network.parameters()), steps, took, evaluations, sample)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--data", default="fashion_mnist")
    options.add_argument("--minutes", type=float, nargs="+", default=[5.0])
    options.add_argument("--lr", type=float, nargs="+", default=[1e-4, 1e-3], help="of theirs")
    options.add_argument("-n", type=int, default=500, help="samples")
    options.add_argument("--evaluations", type=int, nargs=2, default=[20, 25], help="of ours, and of theirs")
    chosen = options.parse_args()
    data = load(chosen.data)
    config = settle(data)
    training, unseen = data.split(config.data.held_out, config.seed)
    seen = learn(training, SEED)
    n = min(chosen.n, len(unseen) // 2)
    k = min(FEATURES, n // 2)
    true = seen.of(unseen.rows[:], k)
    lowest, spread = floor(frechet, half_split_pairs(true, n, 5, np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    assert unseen.labels is not None
    asked = rng.permutation(unseen.labels)[:n]
    against = true[rng.permutation(len(true))[:n]]

    def judged(model: Trained, minutes: float) -> Row:
        samples = model.sample(asked)
        distance = frechet(against, seen.of(samples, k))
        right = 100 * float((seen.classify(samples) == asked).mean())
        note(f"{model.name}, {minutes:g} min: {distance:.3f}, {right:.1f} % right")
        return {
            "model": model.name,
            "minutes": minutes,
            "M": model.weights / 1e6,
            "steps": model.steps,
            "trained s": model.seconds,
            "evaluations": model.evaluations,
            "distance": distance,
            "x floor": distance / lowest,
            "right %": right,
        }

    rows = []
    for minutes in chosen.minutes:
        rows.append(judged(ours(chosen.data, minutes, chosen.evaluations[0]), minutes))
        rows += [
            judged(theirs(training, 60 * minutes, chosen.evaluations[1], lr, config.optim.batch_size), minutes)
            for lr in chosen.lr
        ]
    formats = {"model": "s", "minutes": "g", "M": ".2f", "steps": "d", "trained s": ".0f", "evaluations": "d"}
    formats |= {"distance": ".3f", "x floor": ".2f", "right %": ".1f"}
    true_right = 100 * float((seen.classify(unseen.rows[:]) == unseen.labels).mean())
    notes = [
        f"distance: Frechet, of {n} samples in {k} features; between {n} true rows that the features have not seen {lowest:.3f} ± "
        f"{spread:.3f}.",
        f"right: taken for the class asked for; of true rows {true_right:.1f} %.",
    ]
    show([Table(f"Quality against seconds, {chosen.data}", formats, rows, notes)], "1: one seed", chosen.json)


if __name__ == "__main__":
    main()
