"""Training on the swiss roll: ours with its default settings against the plain script, the same steps and the same batch.

    ratio = seconds of our loop / seconds of plain's loop        in pairs, one after the other in one process          (1)
    steps within plain's time = 0.95 plain's seconds / our seconds a step, measured in a short run just before         (2)

Ours runs through `unstir.training.fitting.Fitting`, as `unstir.fit` and the command line do; its loop is from the first of `steps()` to
the last, and 'with set-up' adds making the Fitting and the model, in which the error by noise level is measured. Every second
pair runs in the other order, so that a machine that slows down favours neither. In (2) the learning rate is planned to that
number of steps: it is a run that was meant to be so short, not one that was cut off.
"""

import time
from dataclasses import dataclass

import plain
from quality import FLOORS, POINTS, floors, formats, measures, roll
from report import Table, note, parser, show, with_summary
from unstir.data import toy
from unstir.diffusion.samplers import default
from unstir.model.model import Model
from unstir.training.config import flat
from unstir.training.fitting import Fitting
from unstir.training.presets import settle

WARM_UP = 256  # steps before anything is timed, and to measure the speed for eq. (2)
MARGIN = 0.95  # of plain's time is planned, so that a run a little slower than measured still ends within it
FEW = (20, 10)  # network evaluations
METHODS = " and ".join(f"{default(few)} at {few}" for few in FEW)


@dataclass(frozen=True)
class Ours:
    """A trained model, the seconds of its training loop, and of everything from the data to the model."""

    model: Model
    loop: float
    whole: float


def train(seed: int, steps: int, held_out: float) -> Ours:
    """Our default settings on the swiss roll of that seed."""
    data = toy("swiss_roll", POINTS, seed)
    began = time.perf_counter()
    settings = flat(steps=steps, batch_size=plain.BATCH, held_out=held_out, seed=seed)
    fitting = Fitting(data, settle(data, settings))
    started = time.perf_counter()
    for _ in fitting.steps():
        pass
    loop = time.perf_counter() - started
    return Ours(fitting.model(), loop, time.perf_counter() - began)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    options.add_argument("--steps", type=int, default=2000)
    options.add_argument("--held-out", type=float, default=0.1, help="share of the rows that ours does not train on")
    chosen = options.parse_args()
    speed, good, timed = [], [], []
    plain.train(roll(0), WARM_UP, 0)
    train(0, WARM_UP, chosen.held_out)
    for seed in range(chosen.seeds):
        if seed % 2:
            ours = train(seed, chosen.steps, chosen.held_out)
        network, seconds = plain.train(roll(seed), chosen.steps, seed)
        if not seed % 2:
            ours = train(seed, chosen.steps, chosen.held_out)
        speed.append({"seed": seed, "plain s": seconds, "ours s": ours.loop, "ratio": ours.loop / seconds})
        speed[-1] |= {"ours with set-up s": ours.whole, "with set-up ratio": ours.whole / seconds}
        a_step = train(seed, WARM_UP, chosen.held_out).loop / WARM_UP
        planned = max(1, int(MARGIN * seconds / a_step))
        short = train(seed, planned, chosen.held_out)
        timed.append({"seed": seed, "plain s": seconds, "steps": planned, "ours s": short.loop, "with set-up s": short.whole})
        timed[-1] |= {"within": "yes" if short.loop <= seconds else "no"}
        good.append({"seed": seed} | measures(plain.sample(network, POINTS, seed), seed, f"plain {plain.T}"))
        for few in FEW:
            timed[-1] |= measures(short.model.sample(POINTS, steps=few, seed=seed), seed, f"{few}")
            good[-1] |= measures(ours.model.sample(POINTS, steps=few, seed=seed), seed, f"ours {few}")
        good[-1] |= floors(seed)
        note(f"seed {seed}: ratio {speed[-1]['ratio']:.2f}, off-roll at 20 evaluations {good[-1]['ours 20 off %']:.2f} %")
    tables = [
        Table(f"Training time: {chosen.steps:,} steps of {plain.BATCH}", formats(speed[0]), with_summary(speed, "seed")),
        Table(
            f"Quality of {POINTS:,} samples after {chosen.steps:,} steps: per cent off the roll, sliced W2",
            formats(good[0]),
            with_summary(good, "seed"),
            [f"The number after a name is that of network evaluations; ours samples with {METHODS}.", FLOORS],
        ),
        Table(
            "Ours trained no longer than plain's loop took: per cent off the roll, sliced W2, with 20 and 10 evaluations",
            formats(timed[0]),
            with_summary(timed, "seed"),
            [f"Planned for {MARGIN:.0%} of plain's time; 'within' says whether our loop then ended in it."],
        ),
    ]
    show(tables, f"{chosen.seeds} seeds, a pair each, after a warm-up of {WARM_UP} steps", chosen.json)


if __name__ == "__main__":
    main()
